//! What arithmetic and conditions compute. RFC 9669 sections 4.1 and 4.3.

use skep_isa::{AluOp, Cond, Width};

/// `a op b`; with 32 bits, of the low halves, zero-extended.
#[inline(always)]
pub fn alu(op: AluOp, width: Width, a: u64, b: u64) -> u64 {
    match width {
        Width::W64 => alu64(op, a, b),
        Width::W32 => alu32(op, a as u32, b as u32).into(),
    }
}

macro_rules! arithmetic {
    ($name:ident, $unsigned:ident, $signed:ident) => {
        #[inline(always)]
        fn $name(op: AluOp, a: $unsigned, b: $unsigned) -> $unsigned {
            match op {
                AluOp::Add => a.wrapping_add(b),
                AluOp::Sub => a.wrapping_sub(b),
                AluOp::Mul => a.wrapping_mul(b),
                AluOp::Div => a.checked_div(b).unwrap_or(0),
                AluOp::Mod => a.checked_rem(b).unwrap_or(a),
                AluOp::Sdiv if b == 0 => 0,
                AluOp::Sdiv => (a as $signed).wrapping_div(b as $signed) as $unsigned,
                AluOp::Smod if b == 0 => a,
                AluOp::Smod => (a as $signed).wrapping_rem(b as $signed) as $unsigned,
                AluOp::Or => a | b,
                AluOp::And => a & b,
                AluOp::Xor => a ^ b,
                AluOp::Mov => b,
                // These mask the count to the width.
                AluOp::Lsh => a.wrapping_shl(b as u32),
                AluOp::Rsh => a.wrapping_shr(b as u32),
                AluOp::Arsh => (a as $signed).wrapping_shr(b as u32) as $unsigned,
            }
        }
    };
}

arithmetic!(alu64, u64, i64);
arithmetic!(alu32, u32, i32);

/// Whether `a cond b`; with 32 bits, of the low halves.
#[inline(always)]
pub fn holds(cond: Cond, width: Width, a: u64, b: u64) -> bool {
    let (ua, ub, sa, sb) = match width {
        Width::W64 => (a, b, a as i64, b as i64),
        Width::W32 => (u64::from(a as u32), u64::from(b as u32), i64::from(a as i32), i64::from(b as i32)),
    };
    match cond {
        Cond::Eq => ua == ub,
        Cond::Ne => ua != ub,
        Cond::Gt => ua > ub,
        Cond::Ge => ua >= ub,
        Cond::Lt => ua < ub,
        Cond::Le => ua <= ub,
        Cond::Set => ua & ub != 0,
        Cond::Sgt => sa > sb,
        Cond::Sge => sa >= sb,
        Cond::Slt => sa < sb,
        Cond::Sle => sa <= sb,
    }
}
