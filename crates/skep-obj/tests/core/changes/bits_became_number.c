/* A bitfield is one no more. */
// bits_direct: refused: 4 bytes, expected 5 bits, bits_any: 21
struct thing { int first; unsigned int bits; };
struct thing thing = { -1, 21 };
