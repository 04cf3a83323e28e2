/* It has only some bits. */
// value_direct: refused: 7 bits from bit 3 of 4 bytes, expected 4 bytes
// value_address: refused: 7 bits from bit 3 of 4 bytes, value_any: 42
// sign_direct: refused: bits, sign_any: -5
struct thing { unsigned int first : 3; unsigned int value : 7; int sign : 5; };
struct thing thing = { 5, 42, -5 };
