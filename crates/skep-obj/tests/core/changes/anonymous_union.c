/* It shares its place with something else. */
// value_direct: 42, value_address: 42, value_any: 42
struct thing { int first; union { unsigned char half[2]; unsigned int value; }; };
struct thing thing = { .first = 1, .value = 42 };
