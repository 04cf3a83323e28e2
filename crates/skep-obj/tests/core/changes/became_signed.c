/* The member has a sign now: the same bits. */
// value_direct: 42, value_address: 42, value_any: 42
struct thing { int first; int value; };
struct thing thing = { 1, 42 };
