/* An enumeration has values of 64 bits. */
// mode_fast: 2, mode_direct: refused: 8 bytes long, expected 4, wide_big: 5
enum mode { MODE_SLOW = 1, MODE_FAST = 2, MODE_HUGE = 0x800000000ull };
enum wide { WIDE_BIG = 0x500000000ull } wide;
struct thing { enum mode mode; };
struct thing thing = { MODE_FAST };
