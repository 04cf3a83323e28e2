/* An array has as many elements as there is room for. */
// list_direct: 13, list_exists: 1
struct thing { int first; int list[]; };
struct thing thing = { 1, { 10, 11, 12, 13 } };
