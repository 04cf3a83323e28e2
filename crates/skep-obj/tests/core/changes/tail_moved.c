/* The array at the end stands elsewhere. */
// tail_direct: 33
struct tail { long zeroth; int first; int second; int rest[]; };
struct thing { int first; struct tail tail; };
struct { struct thing thing; int rest[2]; } memory = { { 1, { 29, 30, 31 } }, { 32, 33 } };
