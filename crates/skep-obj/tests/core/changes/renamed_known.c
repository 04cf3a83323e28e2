/* It is called what the program knows it by, too. */
// value_direct: refused: nearest: `old_value`
// value_or_old: 42
struct thing { int first; unsigned int old_value; };
struct thing thing = { 1, 42 };
