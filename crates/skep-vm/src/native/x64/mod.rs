//! The one-pass emitter for x86-64.
//!
//! | file | is |
//! |---|---|
//! | emit.rs | the pass: functions, jumps, calls |
//! | arith.rs | arithmetic that is more than one instruction |
//! | fuse.rs | several instructions that become one |
//! | liveness.rs | what has to be known for that |
//! | asm.rs, operand.rs | the encoder |
//!
//! Sources: Intel's manual (asm.rs); System V Application Binary Interface, AMD64, 1.0; semantics from RFC 9669.

mod arith;
mod asm;
mod emit;
mod fuse;
mod liveness;
mod operand;
#[cfg(test)]
mod tests;

pub(super) use emit::emit;

/// What a machine has beyond the first x86-64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Features {
    /// Shifts, rotates and multiplication with free choice of registers.
    pub(crate) bmi2: bool,
}

impl Features {
    /// Those of this machine.
    pub(crate) fn of_this_machine() -> Features {
        Features { bmi2: std::arch::is_x86_feature_detected!("bmi2") }
    }
}
