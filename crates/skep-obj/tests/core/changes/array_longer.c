/* An array has more elements. */
// list_direct: 13, list_exists: 1
struct thing { int first; int list[7]; };
struct thing thing = { 1, { 10, 11, 12, 13 } };
