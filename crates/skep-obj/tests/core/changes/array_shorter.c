/* An array has fewer elements. */
// list_direct: refused: has no element 3 in `int[3]`, list_exists: 0
struct thing { int first; int list[3]; int after; };
struct thing thing = { 1, { 10, 11, 12 }, 99 };
