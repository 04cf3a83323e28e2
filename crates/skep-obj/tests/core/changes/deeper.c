/* It was moved into a structure with a name. */
// value_direct: refused: nearest: `state.value` (`unsigned int`)
struct state { int flags; unsigned int value; };
struct thing { int first; struct state state; };
struct thing thing = { 1, { 2, 42 } };
