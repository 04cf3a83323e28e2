/* A structure was dissolved into the one that it was in. */
// deep_direct: refused: has no member `inner` in `struct thing`
struct thing { int first; int deep; };
struct thing thing = { 1, 9 };
