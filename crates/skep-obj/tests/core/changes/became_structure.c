/* A number became a structure. */
// value_direct: refused: has `value` as `struct counter`, value_exists: 0
struct counter { unsigned int count; };
struct thing { struct counter value; };
struct thing thing = { { 42 } };
