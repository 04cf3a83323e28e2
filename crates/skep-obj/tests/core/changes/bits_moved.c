/* A bitfield stands some bytes on. */
// bits_direct: 21, bits_any: 21, more_bits_any: 1029
struct thing { int first; unsigned int second : 8; unsigned int bits : 5; unsigned int more_bits : 11; };
struct thing thing = { -1, 0xff, 21, 1029 };
