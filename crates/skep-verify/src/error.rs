//! Why a program is refused: what is wrong, at which instruction, and how it was reached.

use std::fmt;

/// Why a program is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyError {
    /// Slot of the instruction.
    pub insn: usize,
    /// What is wrong there.
    pub reason: String,
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "instruction {}: {}", self.insn, self.reason)
    }
}

impl std::error::Error for VerifyError {}
