/* It was moved behind a pointer. */
// value_direct: refused: nearest: `state->value` (`unsigned int`)
struct state { int flags; unsigned int value; } state;
struct thing { int first; struct state *state; };
struct thing thing = { 1 };
