//! What instructions of x86-64 are made of: registers, memory, and the numbers by which families are told apart.
//!
//! Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2.

/// A general-purpose register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gpr(pub(super) u8);

pub(super) const RAX: Gpr = Gpr(0);
pub(super) const RCX: Gpr = Gpr(1);
pub(super) const RDX: Gpr = Gpr(2);
pub(super) const RBX: Gpr = Gpr(3);
pub(super) const RSP: Gpr = Gpr(4);
pub(super) const RBP: Gpr = Gpr(5);
pub(super) const RSI: Gpr = Gpr(6);
pub(super) const RDI: Gpr = Gpr(7);
pub(super) const R8: Gpr = Gpr(8);
pub(super) const R9: Gpr = Gpr(9);
pub(super) const R10: Gpr = Gpr(10);
pub(super) const R11: Gpr = Gpr(11);
pub(super) const R12: Gpr = Gpr(12);
pub(super) const R13: Gpr = Gpr(13);
pub(super) const R14: Gpr = Gpr(14);
pub(super) const R15: Gpr = Gpr(15);

impl Gpr {
    /// The bits that stand in ModRM, SIB or the opcode.
    pub(super) const fn low(self) -> u8 {
        self.0 & 7
    }

    /// The bit that stands in a prefix.
    pub(super) const fn high(self) -> u8 {
        self.0 >> 3
    }
}

/// Memory at `base + index + disp`. The index is not rsp, which has no encoding as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mem {
    pub(super) base: Gpr,
    pub(super) index: Option<Gpr>,
    pub(super) disp: i32,
}

/// Memory at `base + disp`.
pub(super) const fn memory_at(base: Gpr, disp: i32) -> Mem {
    Mem { base, index: None, disp }
}

/// The instructions that share one family of encodings, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Alu {
    Add = 0,
    Or = 1,
    And = 4,
    Sub = 5,
    Xor = 6,
    Cmp = 7,
}

/// Shifts and rotates, by their number in the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Shift {
    Rol = 0,
    Shl = 4,
    Shr = 5,
    Sar = 7,
}

/// Multiplication and division by one operand, by their number in the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Unary {
    Neg = 3,
    Div = 6,
    Idiv = 7,
}

/// A condition, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Cc {
    Below = 2,
    AboveEqual = 3,
    Equal = 4,
    NotEqual = 5,
    BelowEqual = 6,
    Above = 7,
    Less = 12,
    GreaterEqual = 13,
    LessEqual = 14,
    Greater = 15,
}

impl Cc {
    /// The condition that holds when this one does not.
    pub(super) const fn inverse(self) -> Cc {
        match self {
            Cc::Below => Cc::AboveEqual,
            Cc::AboveEqual => Cc::Below,
            Cc::Equal => Cc::NotEqual,
            Cc::NotEqual => Cc::Equal,
            Cc::BelowEqual => Cc::Above,
            Cc::Above => Cc::BelowEqual,
            Cc::Less => Cc::GreaterEqual,
            Cc::GreaterEqual => Cc::Less,
            Cc::LessEqual => Cc::Greater,
            Cc::Greater => Cc::LessEqual,
        }
    }
}
