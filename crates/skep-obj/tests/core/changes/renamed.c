/* It is called something else. */
// value_direct: refused: has no member `value` in `struct thing`; nearest: `__value` (`unsigned int`)
// value_exists: 0, value_any: refused: has no member `value`, value_or_old: -1
struct thing { int first; unsigned int __value; };
struct thing thing = { 1, 42 };
