//! The canonical, lossless writer of each dialect.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use super::Dialect;
use super::lex::Kind;
use super::template::{self, Operand};
use crate::insn::{FormId, Insn};
use crate::table::ROWS;

/// A piece of a template.
enum Piece {
    Text(&'static str),
    Operand(Operand),
}

/// Writes instructions in one dialect. Build it once: it takes the templates apart.
pub struct Writer {
    dialect: Dialect,
    rows: Vec<Vec<Piece>>,
}

impl Writer {
    /// A writer of this dialect.
    pub fn new(dialect: Dialect) -> Writer {
        let rows = ROWS
            .iter()
            .map(|row| match dialect {
                Dialect::Pseudoc => pieces(row.pseudoc),
                Dialect::Normal => pieces(row.normal),
            })
            .collect();
        Writer { dialect, rows }
    }

    /// A writer of pseudo-C.
    pub fn pseudoc() -> Writer {
        Writer::new(Dialect::Pseudoc)
    }

    /// A writer of GNU's mnemonics.
    pub fn normal() -> Writer {
        Writer::new(Dialect::Normal)
    }

    /// The dialect.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The text of an instruction. Raw slots become an assembler's `.8byte` directive, tails nothing.
    pub fn insn(&self, insn: &Insn) -> String {
        self.with(insn, |_| None)
    }

    /// The text of an instruction in which `place` may give the text of its jump or call target or of its
    /// immediate, such as a label's name; the distance or number stands otherwise.
    pub fn with(&self, insn: &Insn, place: impl Fn(&Insn) -> Option<String>) -> String {
        let mut out = String::with_capacity(40);
        if insn.form == FormId::TAIL {
            return out;
        }
        let Some(pieces) = self.rows.get(insn.form.index()) else {
            let _ = write!(out, ".8byte {:#018x}", insn.imm as u64);
            return out;
        };
        let named = place(insn);
        let jumps = insn.target().is_some();
        let mut pc_written = false;
        for piece in pieces {
            match piece {
                Piece::Text(text) => {
                    // `call pc{c}`: the name takes the place of the distance and of what it counts from.
                    match (text.strip_suffix("pc"), &named) {
                        (Some(front), Some(_)) => out.push_str(front),
                        _ => out.push_str(text),
                    }
                    pc_written = text.ends_with("pc");
                }
                Piece::Operand(operand) => match (&named, operand.takes_name(jumps)) {
                    (Some(name), true) => out.push_str(name),
                    _ => self.operand(&mut out, *operand, insn, pc_written),
                },
            }
        }
        out
    }

    fn operand(&self, out: &mut String, operand: Operand, insn: &Insn, after_pc: bool) {
        let register = match self.dialect {
            Dialect::Pseudoc => "",
            Dialect::Normal => "%",
        };
        let (low, high) = insn.wide_halves();
        let _ = match operand {
            Operand::Dst { narrow: false } => write!(out, "{register}r{}", insn.dst.0),
            Operand::Dst { narrow: true } => write!(out, "w{}", insn.dst.0),
            Operand::Src { narrow: false } => write!(out, "{register}r{}", insn.src.0),
            Operand::Src { narrow: true } => write!(out, "w{}", insn.src.0),
            Operand::Imm => write!(out, "{}", insn.imm as i32),
            Operand::ImmAddend if insn.imm == 0 => Ok(()),
            Operand::ImmAddend => self.signed(out, insn.imm),
            Operand::Imm64 => write!(out, "{:#x}", insn.imm),
            Operand::Low => write!(out, "{low}"),
            Operand::High => write!(out, "{high}"),
            Operand::Offset => match self.dialect {
                Dialect::Pseudoc if insn.off < 0 => write!(out, "- {}", -i32::from(insn.off)),
                Dialect::Pseudoc => write!(out, "+ {}", insn.off),
                Dialect::Normal => write!(out, "{:+}", insn.off),
            },
            Operand::Target16 if self.dialect == Dialect::Normal => write!(out, "{}", insn.off),
            Operand::Target32 if self.dialect == Dialect::Normal => write!(out, "{}", insn.imm as i32),
            Operand::Target16 => write!(out, "{:+}", insn.off),
            Operand::Target32 => write!(out, "{:+}", insn.imm as i32),
            Operand::CallTarget => {
                debug_assert!(after_pc, "a call's distance counts from pc");
                write!(out, "{:+}", insn.imm as i32)
            }
            Operand::OffsetNumber => write!(out, "{}", insn.off),
            Operand::SpaceTo => write!(out, "{}", (insn.imm as u32) >> 16),
            Operand::SpaceFrom => write!(out, "{}", insn.imm as u16),
        };
    }

    fn signed(&self, out: &mut String, value: i64) -> core::fmt::Result {
        match self.dialect {
            Dialect::Pseudoc if value < 0 => write!(out, " - {}", value.unsigned_abs()),
            Dialect::Pseudoc => write!(out, " + {value}"),
            Dialect::Normal => write!(out, "{value:+}"),
        }
    }
}

impl Operand {
    /// Whether a symbol's name may stand in its place: of an instruction that jumps, only in its target's.
    fn takes_name(self, jumps: bool) -> bool {
        match self {
            Operand::Imm | Operand::Imm64 => !jumps,
            Operand::Target16 | Operand::Target32 | Operand::CallTarget => true,
            _ => false,
        }
    }
}

/// Splits a template into its text and its operands.
fn pieces(text: &'static str) -> Vec<Piece> {
    let mut out = Vec::new();
    let mut at = 0;
    for token in template::parse(text) {
        if let Kind::Tag(tag) = token.kind {
            if token.at > at {
                out.push(Piece::Text(&text[at..token.at]));
            }
            out.push(Piece::Operand(Operand::of_tag(tag)));
            at = token.at + token.len;
        }
    }
    if at < text.len() {
        out.push(Piece::Text(&text[at..]));
    }
    out
}
