/* It is beyond what an instruction reaches. */
// value_direct: refused: offset 40000 does not fit into the instruction
struct thing { char first[40000]; unsigned int value; };
struct thing thing;
