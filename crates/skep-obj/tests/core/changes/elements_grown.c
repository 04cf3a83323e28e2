/* The elements of an array have eight bytes, with a sign. */
// list_direct: refused: 8 bytes long, expected 4
struct thing { int first; long list[4]; };
struct thing thing = { 1, { 10, 11, 12, 13 } };
