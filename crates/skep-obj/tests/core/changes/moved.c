/* New members stand before it. */
// value_direct: 42, value_address: 42, value_any: 42, value_store: 77, size: 24
struct thing { long first; char second[6]; unsigned int value; };
struct thing thing = { -1, "xxxxx", 42 };
