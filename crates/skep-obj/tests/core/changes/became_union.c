/* The whole is a union. */
// value_direct: refused: has no `struct thing`; nearest: `union thing`
// exists: 0, size: 0, value_exists: 0
union thing { unsigned int value; int other; };
union thing thing = { 42 };
