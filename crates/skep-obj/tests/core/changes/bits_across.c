/* A bitfield reaches over four bytes: more are read. */
// bits_any: 21, more_bits_any: 1029
struct thing { unsigned long first : 30; unsigned long bits : 5; unsigned long more_bits : 11; };
struct thing thing = { 0x3fffffff, 21, 1029 };
