/* It has two bytes, and others behind. */
// value_direct: 42, value_address: refused: 2 bytes long, expected 4, value_any: 42, value_size: 2, value_store: 77
struct thing { int first; unsigned short value; unsigned short next; };
struct thing thing = { 1, 42, 0xffff };
