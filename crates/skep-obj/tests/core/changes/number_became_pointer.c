/* A number became a pointer. */
// value_direct: refused: has `value` as `void *`, expected one that can be read as `u32`
struct thing { int first; void *value; };
struct thing thing = { 1 };
