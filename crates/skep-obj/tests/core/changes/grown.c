/* It has eight bytes. */
// value_direct: 42, value_address: 42, value_any: 42, value_size: 8, value_store: 77
struct thing { int first; unsigned long value; };
struct thing thing = { 1, 42 };
