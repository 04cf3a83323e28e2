//! What a row of the instruction table says: where the form is encoded, which fields it uses and how, since
//! when it exists, what it does, and how each dialect writes it.

/// The width an ALU or jump instruction works at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Width {
    /// 32 bits: the low halves of the operands; an ALU result is zero-extended.
    W32,
    /// All 64 bits.
    W64,
}

/// Where the second operand comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Src {
    /// The sign-extended immediate (`BPF_K`).
    Imm,
    /// The source register (`BPF_X`).
    Reg,
}

/// Bytes that a memory access moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Size {
    /// One byte.
    B,
    /// Two bytes.
    H,
    /// Four bytes.
    W,
    /// Eight bytes.
    Dw,
}

impl Size {
    /// The size in bytes.
    pub const fn bytes(self) -> u32 {
        match self {
            Size::B => 1,
            Size::H => 2,
            Size::W => 4,
            Size::Dw => 8,
        }
    }

    /// The size in bits.
    pub const fn bits(self) -> u32 {
        self.bytes() * 8
    }
}

/// Two-operand arithmetic and moves. RFC 9669 section 4.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AluOp {
    /// Wrapping addition.
    Add,
    /// Wrapping subtraction.
    Sub,
    /// Wrapping multiplication.
    Mul,
    /// Unsigned division; by zero gives 0.
    Div,
    /// Bitwise or.
    Or,
    /// Bitwise and.
    And,
    /// Left shift; the count is masked to the width.
    Lsh,
    /// Logical right shift; the count is masked to the width.
    Rsh,
    /// Unsigned remainder; by zero leaves the dividend.
    Mod,
    /// Bitwise exclusive or.
    Xor,
    /// Copy.
    Mov,
    /// Arithmetic right shift; the count is masked to the width.
    Arsh,
    /// Signed division, truncating; by zero gives 0, MIN / -1 gives MIN.
    Sdiv,
    /// Signed remainder with the dividend's sign; by zero leaves the dividend, MIN % -1 gives 0.
    Smod,
}

impl AluOp {
    /// Every operation.
    pub const ALL: [AluOp; 14] = {
        use AluOp::{Add, And, Arsh, Div, Lsh, Mod, Mov, Mul, Or, Rsh, Sdiv, Smod, Sub, Xor};
        [Add, Sub, Mul, Div, Or, And, Lsh, Rsh, Mod, Xor, Mov, Arsh, Sdiv, Smod]
    };
}

/// The condition of a jump. RFC 9669 section 4.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cond {
    /// Equal.
    Eq,
    /// Unsigned greater.
    Gt,
    /// Unsigned greater or equal.
    Ge,
    /// Some bit set in both.
    Set,
    /// Not equal.
    Ne,
    /// Signed greater.
    Sgt,
    /// Signed greater or equal.
    Sge,
    /// Unsigned less.
    Lt,
    /// Unsigned less or equal.
    Le,
    /// Signed less.
    Slt,
    /// Signed less or equal.
    Sle,
}

impl Cond {
    /// Every condition.
    pub const ALL: [Cond; 11] = {
        use Cond::{Eq, Ge, Gt, Le, Lt, Ne, Set, Sge, Sgt, Sle, Slt};
        [Eq, Gt, Ge, Set, Ne, Sgt, Sge, Lt, Le, Slt, Sle]
    };

    /// The condition that holds where this one does not; `None` for the bit test, which has none.
    pub const fn opposite(self) -> Option<Cond> {
        Some(match self {
            Cond::Eq => Cond::Ne,
            Cond::Ne => Cond::Eq,
            Cond::Gt => Cond::Le,
            Cond::Le => Cond::Gt,
            Cond::Ge => Cond::Lt,
            Cond::Lt => Cond::Ge,
            Cond::Sgt => Cond::Sle,
            Cond::Sle => Cond::Sgt,
            Cond::Sge => Cond::Slt,
            Cond::Slt => Cond::Sge,
            Cond::Set => return None,
        })
    }
}

/// What a byte swap converts to. RFC 9669 section 4.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// To little endian: on a little-endian machine only the truncation to the size remains.
    Little,
    /// To big endian.
    Big,
    /// Unconditional swap.
    Swap,
}

/// What a call instruction calls. RFC 9669 section 4.3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Callee {
    /// A helper function by its number.
    Helper,
    /// A function of the program, relative to the next slot.
    Local,
    /// A kernel function by BTF id; `off` is the index of the BTF in the load's fd array.
    Kfunc,
}

/// Read-modify-write operations. RFC 9669 section 5.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AtomicOp {
    /// Addition.
    Add,
    /// Or.
    Or,
    /// And.
    And,
    /// Exclusive or.
    Xor,
    /// Exchange with the source register.
    Xchg,
    /// Compare with `r0` and exchange; `r0` gets the old value.
    CmpXchg,
}

/// What the 64-bit immediate of a two-slot load stands for. RFC 9669 section 5.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wide {
    /// The number itself.
    Imm,
    /// A map, by file descriptor.
    MapFd,
    /// An address inside a map's value: file descriptor low, offset high.
    MapValue,
    /// A variable of the platform, by BTF id.
    BtfId,
    /// A function of the program, relative to the next instruction.
    Func,
    /// A map, by index into the load's fd array.
    MapIdx,
    /// An address inside a map's value: index into the fd array low, offset high.
    MapIdxValue,
}

/// What a form does. Everything that verifies, runs or compiles instructions matches on this, not on opcodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Op {
    /// `dst = dst op operand`.
    Alu {
        /// The operation.
        op: AluOp,
        /// The width.
        width: Width,
        /// The second operand.
        src: Src,
    },
    /// `dst = -dst`.
    Neg {
        /// The width.
        width: Width,
    },
    /// `dst = sign_extend(low bits of src)`, to the width.
    MovSx {
        /// The width of the result.
        width: Width,
        /// How much of the source is taken.
        from: Size,
    },
    /// Pointer between address spaces of an arena.
    AddrSpaceCast,
    /// Byte order conversion of the low `size` bytes; the rest becomes zero.
    End {
        /// To which order.
        order: Order,
        /// 2, 4 or 8 bytes.
        size: Size,
    },
    /// Unconditional jump by `off` (or `imm` if `long`) slots from the next one.
    Ja {
        /// Whether the distance is the 32-bit immediate.
        long: bool,
    },
    /// Jump if the program has run too long.
    MayGoto,
    /// Jump to the instruction whose address is in `dst`.
    GotoX,
    /// Conditional jump by `off` slots from the next one.
    Jump {
        /// The condition, with `dst` on its left.
        cond: Cond,
        /// The width of the comparison.
        width: Width,
        /// The right side.
        src: Src,
    },
    /// Call; arguments in r1-r5, result in r0.
    Call(Callee),
    /// Call the function whose address is in `dst`.
    CallX,
    /// Return r0.
    Exit,
    /// `dst = *(size *)(src + off)`.
    Load {
        /// Bytes moved.
        size: Size,
        /// Sign-extended to 64 bits instead of zero-extended.
        signed: bool,
    },
    /// `*(size *)(dst + off) = operand`.
    Store {
        /// Bytes moved.
        size: Size,
        /// What is stored.
        src: Src,
    },
    /// `r0 = ntoh(packet[imm])`, or the program returns 0 when it lies outside the packet.
    LoadPacket {
        /// Bytes moved.
        size: Size,
        /// Whether the source register is added to the index.
        indirect: bool,
    },
    /// Atomic read-modify-write of `*(size *)(dst + off)` with `src`.
    Atomic {
        /// The operation.
        op: AtomicOp,
        /// 4 or 8 bytes.
        size: Size,
        /// Whether the old value is returned (in `src`; in `r0` by `CmpXchg`).
        fetch: bool,
    },
    /// `dst = *(size *)(src + off)` with acquire order.
    LoadAcquire {
        /// Bytes moved.
        size: Size,
    },
    /// `*(size *)(dst + off) = src` with release order.
    StoreRelease {
        /// Bytes moved.
        size: Size,
    },
    /// `dst = 64-bit immediate`, of this kind.
    Wide(Wide),
    /// The further slots of an instruction of several: no instruction of its own.
    Tail,
    /// A slot that no row decodes; its bits are in `imm`.
    Raw,
}

impl Op {
    /// Whether it names another instruction of the program by a distance; see [`crate::Insn::target`].
    pub const fn has_target(self) -> bool {
        matches!(
            self,
            Op::Ja { .. } | Op::Jump { .. } | Op::MayGoto | Op::Call(Callee::Local) | Op::Wide(Wide::Func)
        )
    }
}

/// How an instruction uses a register field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Not used: the field must be zero.
    None,
    /// Read.
    Read,
    /// Written.
    Write,
    /// Read, then written.
    ReadWrite,
}

impl Role {
    /// Whether the register's value matters.
    pub const fn reads(self) -> bool {
        matches!(self, Role::Read | Role::ReadWrite)
    }

    /// Whether the register gets a new value.
    pub const fn writes(self) -> bool {
        matches!(self, Role::Write | Role::ReadWrite)
    }
}

/// How an instruction uses its 16-bit offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OffUse {
    /// Not used: must be zero, unless it is the selector.
    None,
    /// Bytes added to an address.
    Memory,
    /// Slots to jump, from the next one.
    Target,
    /// Index into the load's fd array.
    FdIndex,
}

/// How an instruction uses its immediate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ImmUse {
    /// Not used: must be zero, unless it is the selector.
    None,
    /// A number, sign-extended where 64 bits are wanted.
    Number,
    /// Slots to jump or call, from the next one.
    Target,
    /// A helper's number.
    Helper,
    /// A BTF id.
    BtfId,
    /// Two 16-bit address spaces, destination high.
    AddrSpaces,
    /// All 64 bits, the high half in the second slot.
    Wide,
    /// 32 bits; those in the second slot must be zero.
    WideLow,
    /// Two numbers: the low one here, the high one in the second slot.
    WidePair,
}

/// The one field, besides the opcode byte, that may select a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Selector {
    /// The opcode byte suffices.
    None,
    /// The offset has this value.
    Off(i16),
    /// The immediate has this value.
    Imm(i32),
    /// The source register field has this value.
    Src(u8),
}

/// The `-mcpu` level that introduced a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cpu {
    /// The first.
    V1,
    /// Less-than jumps.
    V2,
    /// 32-bit jumps and atomics.
    V3,
    /// Signed division and loads, byte swap, long jumps.
    V4,
    /// Not (yet) part of a numbered level.
    Later,
}

/// Conformance groups, RFC 9669 section 2.4, and the forms that stand in none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// `base32`
    Base32,
    /// `base64`
    Base64,
    /// `divmul32`
    DivMul32,
    /// `divmul64`
    DivMul64,
    /// `atomic32`
    Atomic32,
    /// `atomic64`
    Atomic64,
    /// `packet`
    Packet,
    /// `callx`
    Callx,
    /// Linux has it, the RFC does not.
    Linux,
}

impl Group {
    /// The name in RFC 9669, `linux` for forms that are not in it.
    pub const fn name(self) -> &'static str {
        match self {
            Group::Base32 => "base32",
            Group::Base64 => "base64",
            Group::DivMul32 => "divmul32",
            Group::DivMul64 => "divmul64",
            Group::Atomic32 => "atomic32",
            Group::Atomic64 => "atomic64",
            Group::Packet => "packet",
            Group::Callx => "callx",
            Group::Linux => "linux",
        }
    }
}

/// One form of instruction.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The form's name, unique in the table.
    pub name: &'static str,
    /// The opcode byte.
    pub opcode: u8,
    /// The field that selects among the forms of one opcode byte.
    pub selector: Selector,
    /// Number of 8-byte slots.
    pub slots: u8,
    /// The destination register field.
    pub dst: Role,
    /// The source register field.
    pub src: Role,
    /// The offset field.
    pub off: OffUse,
    /// The immediate field.
    pub imm: ImmUse,
    /// What it does.
    pub op: Op,
    /// The `-mcpu` level that has it.
    pub cpu: Cpu,
    /// The first Linux version that accepts it; (0, 0) if none does yet.
    pub linux: (u8, u8),
    /// Bits of [`Row::reserved`] that Linux never looks at, though they must be zero.
    pub linux_ignores: u64,
    /// Its conformance group.
    pub group: Group,
    /// LLVM's and GNU's pseudo-C.
    pub pseudoc: &'static str,
    /// GNU's mnemonics.
    pub normal: &'static str,
    /// One line for the manual.
    pub doc: &'static str,
}

impl Row {
    /// The bits of the first slot, read as a little-endian number, that must be zero.
    pub const fn reserved(&self) -> u64 {
        let mut mask = 0;
        if matches!(self.dst, Role::None) {
            mask |= 0x0f << 8;
        }
        if matches!(self.src, Role::None) && !matches!(self.selector, Selector::Src(_)) {
            mask |= 0xf0 << 8;
        }
        if matches!(self.off, OffUse::None) && !matches!(self.selector, Selector::Off(_)) {
            mask |= 0xffff << 16;
        }
        if matches!(self.imm, ImmUse::None) && !matches!(self.selector, Selector::Imm(_)) {
            mask |= 0xffff_ffff << 32;
        }
        mask
    }
}
