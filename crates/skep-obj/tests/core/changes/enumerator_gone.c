/* An enumerator is gone. */
// mode_gone: 0, mode_fast: 2
// mode_gone_value: refused: has no enumerator `MODE_GONE` in `enum mode`; nearest: `MODE_GONE_NOW` = 4
enum mode { MODE_SLOW = 1, MODE_FAST = 2, MODE_GONE_NOW = 4 };
struct thing { enum mode mode; };
struct thing thing = { MODE_FAST };
