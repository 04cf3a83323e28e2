/* A bitfield stands elsewhere in its byte. */
// bits_direct: refused: 5 bits from bit 2 of 4 bytes, expected 5 bits from bit 0, bits_any: 21, more_bits_any: 1029
struct thing { unsigned int first : 2; unsigned int bits : 5; unsigned int more_bits : 11; };
struct thing thing = { 3, 21, 1029 };
