//! Whether a slot is an instruction, by whose rules: the opcode, what selects a form, and the fields that must be zero.
//!
//! Decoding follows RFC 9669 section 3, by which every unused field is zero; Linux looks at all of them but those in
//! [`Row::linux_ignores`], and has forms since some version. What an instruction does with its operands is not judged
//! here: a verifier does that. Source of what Linux looks at: 50,400 encodings given to Linux 6.18.

use core::fmt;

use alloc::string::String;

use crate::code::{Endian, SLOT_BYTES, bits, decode, explain, slot as slot_of};
use crate::row::Row;
use crate::table::ROWS;

/// By whose rules slots are instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rules {
    /// RFC 9669's, and the table's further forms by the same: every unused field is zero.
    Rfc9669,
    /// Those of Linux since this version.
    Linux(u8, u8),
}

/// Why a slot is no instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// No row of the table decodes it; the reason, as [`explain`] gives it.
    Encoding(String),
    /// Linux has the form in later versions, or in none.
    Version {
        /// The form's name.
        name: &'static str,
        /// The first Linux with it, (0, 0) if there is none.
        since: (u8, u8),
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Encoding(why) => f.write_str(why),
            Refusal::Version { name, since: (0, 0) } => write!(f, "no Linux has `{name}`"),
            Refusal::Version { name, since: (major, minor) } => {
                write!(f, "`{name}` needs Linux {major}.{minor}")
            }
        }
    }
}

impl core::error::Error for Refusal {}

/// The row of the instruction at the front, by these rules. `next` is the slot after it, where there is one.
///
/// ```
/// use skep_isa::{Endian, Rules, judge};
///
/// // `exit` with an offset, which is reserved: Linux does not look at it.
/// let slot = [0x95, 0, 1, 0, 0, 0, 0, 0];
/// assert_eq!(judge(slot, None, Endian::Little, Rules::Linux(6, 18)).unwrap().name, "exit");
/// let refused = judge(slot, None, Endian::Little, Rules::Rfc9669).unwrap_err();
/// assert_eq!(refused.to_string(), "exit uses the reserved field off");
/// ```
pub fn judge(
    slot: [u8; SLOT_BYTES],
    next: Option<[u8; SLOT_BYTES]>,
    endian: Endian,
    rules: Rules,
) -> Result<&'static Row, Refusal> {
    let all = bits(slot, endian);
    let ignored = match rules {
        Rules::Rfc9669 => 0,
        Rules::Linux(..) => IGNORED[usize::from(all as u8)],
    };
    let insn = decode(slot_of(all & !ignored, endian), next, endian);
    let Some(row) = insn.row() else {
        return Err(Refusal::Encoding(explain(&insn).unwrap_or_default()));
    };
    match rules {
        Rules::Linux(major, minor) if row.linux == (0, 0) || row.linux > (major, minor) => {
            Err(Refusal::Version { name: row.name, since: row.linux })
        }
        _ => Ok(row),
    }
}

/// The reserved bits that Linux does not look at, by opcode byte. A row that has some has its byte for itself.
static IGNORED: [u64; 256] = {
    let mut ignored = [0; 256];
    let mut row = 0;
    while row < ROWS.len() {
        let mask = ROWS[row].linux_ignores;
        assert!(mask & !ROWS[row].reserved() == 0);
        let mut other = 0;
        while other < ROWS.len() {
            assert!(mask == 0 || other == row || ROWS[other].opcode != ROWS[row].opcode);
            other += 1;
        }
        ignored[ROWS[row].opcode as usize] |= mask;
        row += 1;
    }
    ignored
};
