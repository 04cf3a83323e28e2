/* The type has got a name and qualifiers. */
// value_direct: 42, value_address: 42
typedef unsigned int counter;
typedef const volatile counter shown;
struct thing { int first; shown value; };
struct thing thing = { 1, 42 };
