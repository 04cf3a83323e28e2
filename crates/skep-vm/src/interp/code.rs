//! The interpreter's own instruction: 16 bytes, one code for everything that a `match` can decide beforehand.

use skep_isa::{AluOp, AtomicOp, Cond, Order, Size, Src, Width};

use crate::lower::{Low, LowOp};

/// Hands the tables of arithmetic and jumps to a macro: for each operation the codes of its four forms (64 bits by
/// immediate, 64 by register, 32 by immediate, 32 by register), and then whatever else was given.
macro_rules! with_forms {
    ($callback:ident { $($rest:tt)* }) => {
        $callback! {
            {
                Add: AddI64 AddR64 AddI32 AddR32;
                Sub: SubI64 SubR64 SubI32 SubR32;
                Mul: MulI64 MulR64 MulI32 MulR32;
                Div: DivI64 DivR64 DivI32 DivR32;
                Or: OrI64 OrR64 OrI32 OrR32;
                And: AndI64 AndR64 AndI32 AndR32;
                Lsh: LshI64 LshR64 LshI32 LshR32;
                Rsh: RshI64 RshR64 RshI32 RshR32;
                Mod: ModI64 ModR64 ModI32 ModR32;
                Xor: XorI64 XorR64 XorI32 XorR32;
                Mov: MovI64 MovR64 MovI32 MovR32;
                Arsh: ArshI64 ArshR64 ArshI32 ArshR32;
                Sdiv: SdivI64 SdivR64 SdivI32 SdivR32;
                Smod: SmodI64 SmodR64 SmodI32 SmodR32;
            }
            {
                Eq: EqI64 EqR64 EqI32 EqR32;
                Gt: GtI64 GtR64 GtI32 GtR32;
                Ge: GeI64 GeR64 GeI32 GeR32;
                Set: SetI64 SetR64 SetI32 SetR32;
                Ne: NeI64 NeR64 NeI32 NeR32;
                Sgt: SgtI64 SgtR64 SgtI32 SgtR32;
                Sge: SgeI64 SgeR64 SgeI32 SgeR32;
                Lt: LtI64 LtR64 LtI32 LtR32;
                Le: LeI64 LeR64 LeI32 LeR32;
                Slt: SltI64 SltR64 SltI32 SltR32;
                Sle: SleI64 SleR64 SleI32 SleR32;
            }
            { $($rest)* }
        }
    };
}
pub(super) use with_forms;

macro_rules! define {
    (
        { $($alu:ident: $ai64:ident $ar64:ident $ai32:ident $ar32:ident;)* }
        { $($cond:ident: $ji64:ident $jr64:ident $ji32:ident $jr32:ident;)* }
        { $($rest:ident)* }
    ) => {
        /// What a step does.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub(super) enum Code {
            $($ai64, $ar64, $ai32, $ar32,)*
            $($ji64, $jr64, $ji32, $jr32,)*
            $($rest,)*
        }

        fn alu(op: AluOp, width: Width, src: Src) -> Code {
            match (op, width, src) {
                $(
                    (AluOp::$alu, Width::W64, Src::Imm) => Code::$ai64,
                    (AluOp::$alu, Width::W64, Src::Reg) => Code::$ar64,
                    (AluOp::$alu, Width::W32, Src::Imm) => Code::$ai32,
                    (AluOp::$alu, Width::W32, Src::Reg) => Code::$ar32,
                )*
            }
        }

        fn jump(cond: Cond, width: Width, src: Src) -> Code {
            match (cond, width, src) {
                $(
                    (Cond::$cond, Width::W64, Src::Imm) => Code::$ji64,
                    (Cond::$cond, Width::W64, Src::Reg) => Code::$jr64,
                    (Cond::$cond, Width::W32, Src::Imm) => Code::$ji32,
                    (Cond::$cond, Width::W32, Src::Reg) => Code::$jr32,
                )*
            }
        }
    };
}

with_forms! { define {
    Dead Const
    Neg64 Neg32 Sx8To64 Sx16To64 Sx32To64 Sx8To32 Sx16To32
    Zx16 Zx32 Swap16 Swap32 Swap64 Nop
    Ja MayGoto CallLocal Call TailCall Exit
    Load8 Load16 Load32 Load64 LoadS8 LoadS16 LoadS32
    StoreR8 StoreR16 StoreR32 StoreR64 StoreI8 StoreI16 StoreI32 StoreI64
    Field8 Field16 Field32 Field64 FieldS8 FieldS16 FieldS32
    FieldR8 FieldR16 FieldR32 FieldR64 FieldI8 FieldI16 FieldI32 FieldI64
    Packet8 Packet16 Packet32
    Atomic32 Atomic64
    Acquire8 Acquire16 Acquire32 Acquire64 Release8 Release16 Release32 Release64
} }

/// One instruction, decoded: `off` is added to an address, or to the place in the code; what `imm` is depends on the
/// code.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) code: Code,
    pub(super) dst: u8,
    pub(super) src: u8,
    pub(super) off: i32,
    pub(super) imm: i64,
}

const _: () = assert!(size_of::<Step>() == 16);

/// What an atomic step does, in its `imm`.
pub(super) const fn atomic_imm(op: AtomicOp, fetch: bool) -> i64 {
    (op as i64) << 1 | fetch as i64
}

impl Step {
    pub(super) const DEAD: Step = Step { code: Code::Dead, dst: 0, src: 0, off: 0, imm: 0 };

    /// The step of the instruction in slot `at`.
    pub(super) fn new(at: usize, low: &Low) -> Step {
        use Code::*;
        let mut step = Step { code: Dead, dst: low.dst, src: low.src, off: low.disp, imm: low.imm };
        let by_size = |size: Size, codes: [Code; 4]| codes[size.bytes().trailing_zeros() as usize];
        step.code = match low.op {
            LowOp::Dead => Dead,
            LowOp::Const => Const,
            LowOp::Alu { op, width, src } => alu(op, width, src),
            LowOp::Neg { width: Width::W64 } => Neg64,
            LowOp::Neg { width: Width::W32 } => Neg32,
            LowOp::MovSx { width: Width::W64, from } => by_size(from, [Sx8To64, Sx16To64, Sx32To64, Dead]),
            LowOp::MovSx { width: Width::W32, from } => by_size(from, [Sx8To32, Sx16To32, Dead, Dead]),
            LowOp::End { order, size } => {
                let is_native = match order {
                    Order::Little => cfg!(target_endian = "little"),
                    Order::Big => cfg!(target_endian = "big"),
                    Order::Swap => false,
                };
                if is_native {
                    by_size(size, [Dead, Zx16, Zx32, Nop])
                } else {
                    by_size(size, [Dead, Swap16, Swap32, Swap64])
                }
            }
            LowOp::Ja => Ja,
            LowOp::Jump { cond, width, src } => jump(cond, width, src),
            LowOp::MayGoto => MayGoto,
            LowOp::CallLocal => CallLocal,
            LowOp::Call { .. } => Call,
            LowOp::TailCall => TailCall,
            LowOp::Exit => Exit,
            LowOp::Load { size, signed: false } => by_size(size, [Load8, Load16, Load32, Load64]),
            LowOp::Load { size, signed: true } => by_size(size, [LoadS8, LoadS16, LoadS32, Load64]),
            LowOp::Store { size, src: Src::Reg } => by_size(size, [StoreR8, StoreR16, StoreR32, StoreR64]),
            LowOp::Store { size, src: Src::Imm } => by_size(size, [StoreI8, StoreI16, StoreI32, StoreI64]),
            LowOp::LoadField { size, signed: false } => by_size(size, [Field8, Field16, Field32, Field64]),
            LowOp::LoadField { size, signed: true } => by_size(size, [FieldS8, FieldS16, FieldS32, Field64]),
            LowOp::StoreField { size, src: Src::Reg } => {
                by_size(size, [FieldR8, FieldR16, FieldR32, FieldR64])
            }
            LowOp::StoreField { size, src: Src::Imm } => {
                by_size(size, [FieldI8, FieldI16, FieldI32, FieldI64])
            }
            LowOp::LoadPacket { size, .. } => by_size(size, [Packet8, Packet16, Packet32, Dead]),
            LowOp::Atomic { size: Size::Dw, .. } => Atomic64,
            LowOp::Atomic { .. } => Atomic32,
            LowOp::LoadAcquire { size } => by_size(size, [Acquire8, Acquire16, Acquire32, Acquire64]),
            LowOp::StoreRelease { size } => by_size(size, [Release8, Release16, Release32, Release64]),
        };
        match low.op {
            LowOp::Ja | LowOp::Jump { .. } | LowOp::MayGoto => {
                step.off = (i64::from(low.target) - at as i64 - 1) as i32;
            }
            LowOp::CallLocal | LowOp::Call { .. } => step.imm = low.target.into(),
            LowOp::LoadField { .. } | LowOp::StoreField { src: Src::Reg, .. } => step.imm = low.target.into(),
            LowOp::StoreField { src: Src::Imm, .. } => {
                step.imm = i64::from(low.target) << 32 | low.imm & 0xffff_ffff;
            }
            // The destination is always r0, so its field can say whether a register is added.
            LowOp::LoadPacket { indirect, .. } => step.dst = indirect.into(),
            LowOp::Atomic { op, fetch, .. } => step.imm = atomic_imm(op, fetch),
            _ => {}
        }
        step
    }
}
