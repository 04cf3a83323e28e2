/* A signed member has eight bytes. */
// sign_direct: refused: only pointers and unsigned numbers can be read in another size
// sign_address: -5, sign_any: -5, sign_signed: 1
struct thing { int first; long sign; };
struct thing thing = { 1, -5 };
