/* It is gone. */
// value_direct: refused: has no member `value` in `struct thing`, value_exists: 0, value_or_old: -1
struct thing { int first; };
struct thing thing = { 1 };
