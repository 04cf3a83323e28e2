/* Enumerators have other values. */
// mode_direct: 20, mode_fast: 20, mode_gone: 1, mode_gone_value: -30
enum mode { MODE_SLOW = 10, MODE_FAST = 20, MODE_GONE = -30 };
struct thing { int first; enum mode mode; };
struct thing thing = { 1, MODE_FAST };
