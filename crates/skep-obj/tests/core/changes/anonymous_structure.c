/* It was moved into a structure without a name. */
// value_direct: 42, value_address: 42, value_any: 42
struct thing { int first; struct { int second; struct { int third; unsigned int value; }; }; };
struct thing thing = { 1, { 2, { 3, 42 } } };
