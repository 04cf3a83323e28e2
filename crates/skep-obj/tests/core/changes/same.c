/* Nothing has changed, but for an array at the end that has a length. */
// value_direct: 42, value_address: 42, value_any: 42, value_exists: 1, value_size: 4, value_or_old: 42, value_store: 77
// sign_direct: -5, sign_address: -5, sign_any: -5, sign_signed: 1, bits_direct: 21, bits_any: 21, more_bits_any: 1029
// deep_direct: 9, list_direct: 13, list_exists: 1, mode_direct: 2, mode_fast: 2, mode_gone: 1, mode_gone_value: 3
// wide_big: 1, pointer_direct: 4660, tail_direct: 33, exists: 1
enum mode { MODE_SLOW = 1, MODE_FAST = 2, MODE_GONE = 3 };
enum wide { WIDE_BIG = 0x100000000ull } wide;
struct thing {
	unsigned int value;
	int sign;
	unsigned int bits : 5;
	unsigned int more_bits : 11;
	struct { int deep; } inner;
	int list[4];
	enum mode mode;
	void *pointer;
	struct { int first; int rest[2]; } tail;
};
struct thing thing = { 42, -5, 21, 1029, { 9 }, { 10, 11, 12, 13 }, MODE_FAST, (void *)0x1234, { 31, { 32, 33 } } };
