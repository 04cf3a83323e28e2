/* A bitfield has more bits. */
// bits_direct: refused: 9 bits, bits_any: 277
struct thing { int first; unsigned int bits : 9; };
struct thing thing = { -1, 277 };
