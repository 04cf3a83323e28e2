/* A signed member has two bytes. */
// sign_direct: refused: 2 bytes long, expected 4, sign_address: refused: 2 bytes long, sign_any: -5
struct thing { int first; short sign; short next; };
struct thing thing = { 1, -5, 1000 };
