/* A pointer became a number. */
// pointer_direct: refused: has `pointer` as `unsigned long`, expected one that can be read as `void *`
struct thing { int first; unsigned long pointer; };
struct thing thing = { 1, 0x1234 };
