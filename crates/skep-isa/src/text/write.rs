//! The canonical, lossless writer of each dialect.
//!
//! Templates are taken apart once, into steps that write into a line on the stack: nothing is allocated an
//! instruction, and no formatting machinery runs.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use super::Dialect;
use super::lex::Kind;
use super::line::{CHUNK, Line, Piece, ROOM, Signs};
use super::template::{self, Operand};
use crate::insn::{FormId, Insn};
use crate::table::ROWS;

/// A piece of a template: text, then an operand.
struct Step {
    text: [u8; CHUNK],
    len: u8,
    operand: Written,
    /// Whether a symbol's name may stand for the operand.
    named: bool,
}

/// Room of [`Writer::write_lines`], whose lines are checked and appended together.
const LINES: usize = 4096;

/// How many steps are taken, needed or not, for a form that has no more.
const FEW: usize = 4;

/// A form whose text is few steps with no operands but its registers, one number from the immediate and one from the
/// offset. Such operands are written beforehand, all four, and the steps copy them: what a branch would have to decide
/// depends on the form, which can't be predicted, and costs more than the operands that are written in vain.
struct Plain {
    classes: [Class; 2],
    imm: Signs,
    off: Signs,
    /// Texts, their lengths, and the places of operands.
    steps: [([u8; CHUNK], u8, u8); FEW],
}

impl Plain {
    /// Of the steps of a form; `None` if it is no such form.
    fn of(form: &[Step]) -> Option<Plain> {
        let nothing = ([0; CHUNK], 0, 0);
        let mut plain =
            Plain { classes: [Class::Wide; 2], imm: Signs::MINUS, off: Signs::MINUS, steps: [nothing; FEW] };
        if form.len() > FEW {
            return None;
        }
        let mut seen = [false; 5];
        for (place, step) in plain.steps.iter_mut().zip(form) {
            let operand = match step.operand {
                Written::Nothing => 0,
                Written::Dst(class) => {
                    plain.classes[0] = class;
                    1
                }
                Written::Src(class) => {
                    plain.classes[1] = class;
                    2
                }
                Written::Imm => 3,
                Written::SignedImm => {
                    plain.imm = Signs::both(0);
                    3
                }
                Written::Offset => 4,
                Written::SignedOffset(gap) => {
                    plain.off = Signs::both(gap);
                    4
                }
                _ => return None,
            };
            // An operand that stands twice may be written in two ways.
            if operand != 0 && core::mem::replace(&mut seen[operand], true) {
                return None;
            }
            *place = (step.text, step.len, operand as u8);
        }
        Some(plain)
    }
}

/// An operand as the dialect writes it.
#[derive(Clone, Copy)]
enum Written {
    Nothing,
    Dst(Class),
    Src(Class),
    Imm,
    /// The immediate with its sign, unless it is zero.
    Addend,
    Imm64,
    High,
    Offset,
    /// The offset with its sign, and this many blanks in between.
    SignedOffset(u8),
    SignedImm,
    SpaceTo,
    SpaceFrom,
}

/// How a register is written.
#[derive(Clone, Copy)]
enum Class {
    Wide,
    Narrow,
}

/// Writes instructions in one dialect. Build it once: it takes the templates apart.
pub struct Writer {
    dialect: Dialect,
    steps: Vec<Step>,
    /// The steps of each form: the first and one past the last.
    forms: Vec<(u16, u16)>,
    /// The plain ones of the forms.
    plain: Vec<Option<Plain>>,
    /// Names of registers and their lengths, by class and number.
    registers: [[([u8; 4], u8); 16]; 2],
}

impl Writer {
    /// A writer of this dialect.
    pub fn new(dialect: Dialect) -> Writer {
        let mut steps = Vec::with_capacity(4 * ROWS.len());
        let mut forms = Vec::with_capacity(ROWS.len());
        for row in &ROWS {
            let first = steps.len() as u16;
            let jumps = row.op.has_target();
            match dialect {
                Dialect::Pseudoc => append_steps(&mut steps, row.pseudoc, dialect, jumps),
                Dialect::Normal => append_steps(&mut steps, row.normal, dialect, jumps),
            }
            forms.push((first, steps.len() as u16));
        }
        let wide = match dialect {
            Dialect::Pseudoc => "r",
            Dialect::Normal => "%r",
        };
        let registers = [wide, "w"].map(|prefix| core::array::from_fn(|number| register(prefix, number)));
        let plain = forms
            .iter()
            .map(|&(first, end)| Plain::of(&steps[usize::from(first)..usize::from(end)]))
            .collect();
        Writer { dialect, steps, forms, plain, registers }
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
        self.write_named(&mut out, insn, place(insn).as_deref());
        out
    }

    /// Appends the text of an instruction to `out`: what [`Writer::insn`] gives, without allocating.
    pub fn write_to(&self, out: &mut String, insn: &Insn) {
        let Some(Some(plain)) = self.plain.get(insn.form.index()) else {
            return self.write_named(out, insn, None);
        };
        let mut line = Line::<ROOM>::new();
        self.plain(&mut line, plain, insn);
        line.flush(out);
    }

    /// Appends the texts of instructions, each on a line of its own; tails have none. Faster than one at a time.
    pub fn write_lines(&self, out: &mut String, insns: &[Insn]) {
        let mut lines = Line::<LINES>::new();
        for insn in insns {
            if let Some(Some(plain)) = self.plain.get(insn.form.index()) {
                self.plain(&mut lines, plain, insn);
                lines.byte(b'\n');
                if lines.is_full() {
                    lines.flush(out);
                }
            } else if insn.form != FormId::TAIL {
                lines.flush(out);
                self.write_named(out, insn, None);
                out.push('\n');
            }
        }
        lines.flush(out);
    }

    #[inline]
    fn plain<const SIZE: usize>(&self, line: &mut Line<SIZE>, plain: &Plain, insn: &Insn) {
        let register = |class: Class, number: u8| {
            let (name, len) = self.registers[class as usize][usize::from(number & 15)];
            Piece::new(u128::from(u32::from_le_bytes(name)), len)
        };
        let operands = [
            Piece::NOTHING,
            register(plain.classes[0], insn.dst.0),
            register(plain.classes[1], insn.src.0),
            Piece::number(insn.imm as i32, &plain.imm),
            Piece::number(i32::from(insn.off), &plain.off),
        ];
        for (text, len, operand) in &plain.steps {
            line.text(text, *len);
            line.piece(operands[usize::from(*operand) % operands.len()]);
        }
    }

    /// Appends the text of an instruction in which `name`, if given, stands for its target or its immediate.
    pub fn write_named(&self, out: &mut String, insn: &Insn, name: Option<&str>) {
        let Some(&(first, end)) = self.forms.get(insn.form.index()) else {
            if insn.form != FormId::TAIL {
                // Writing to a string does not fail.
                let _ = write!(out, ".8byte {:#018x}", insn.imm as u64);
            }
            return;
        };
        let mut line = Line::<ROOM>::new();
        for step in &self.steps[usize::from(first)..usize::from(end)] {
            line.text(&step.text, step.len);
            match name {
                Some(name) if step.named => {
                    // `call pc{c}`: the name takes the place of the distance and of what it counts from.
                    line.strip(b"pc");
                    line.flush(out);
                    out.push_str(name);
                }
                _ => self.operand(&mut line, step.operand, insn),
            }
        }
        line.flush(out);
    }

    #[inline]
    fn operand(&self, line: &mut Line, operand: Written, insn: &Insn) {
        match operand {
            Written::Nothing => {}
            Written::Dst(class) => self.register(line, class, insn.dst.0),
            Written::Src(class) => self.register(line, class, insn.src.0),
            Written::Imm => line.signed(insn.imm as i32),
            Written::Addend if insn.imm == 0 => {}
            Written::Addend if self.dialect == Dialect::Pseudoc => {
                line.byte(b' ');
                line.with_sign(insn.imm as i32, 1);
            }
            Written::Addend | Written::SignedImm => line.with_sign(insn.imm as i32, 0),
            Written::Imm64 => line.hex(insn.imm as u64),
            Written::High => line.signed(insn.wide_halves().1),
            Written::Offset => line.signed(i32::from(insn.off)),
            Written::SignedOffset(gap) => line.with_sign(i32::from(insn.off), gap),
            Written::SpaceTo => line.unsigned((insn.imm as u32) >> 16),
            Written::SpaceFrom => line.unsigned(insn.imm as u32 & 0xffff),
        }
    }

    #[inline]
    fn register(&self, line: &mut Line, class: Class, number: u8) {
        let (name, len) = self.registers[class as usize][usize::from(number & 15)];
        line.short(name, len);
    }
}

/// A register's name, padded, and its length.
fn register(prefix: &str, number: usize) -> ([u8; 4], u8) {
    let digits = if number < 10 { 1 } else { 2 };
    let number = number as u8;
    let mut name = [0; 4];
    let len = prefix.len() + digits;
    let text = prefix.bytes().chain((number >= 10).then_some(b'1')).chain([b'0' + number % 10]);
    for (place, byte) in name.iter_mut().zip(text) {
        *place = byte;
    }
    (name, len as u8)
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

    /// How the dialect writes it.
    fn written(self, dialect: Dialect) -> Written {
        let class = |narrow| if narrow { Class::Narrow } else { Class::Wide };
        let pseudoc = dialect == Dialect::Pseudoc;
        match self {
            Operand::Dst { narrow } => Written::Dst(class(narrow)),
            Operand::Src { narrow } => Written::Src(class(narrow)),
            Operand::Imm | Operand::Low => Written::Imm,
            Operand::ImmAddend => Written::Addend,
            Operand::Imm64 => Written::Imm64,
            Operand::High => Written::High,
            Operand::Offset => Written::SignedOffset(u8::from(pseudoc)),
            Operand::Target16 if pseudoc => Written::SignedOffset(0),
            Operand::Target16 | Operand::OffsetNumber => Written::Offset,
            Operand::Target32 if !pseudoc => Written::Imm,
            Operand::Target32 | Operand::CallTarget => Written::SignedImm,
            Operand::SpaceTo => Written::SpaceTo,
            Operand::SpaceFrom => Written::SpaceFrom,
        }
    }
}

/// Splits a template into its text and its operands.
fn append_steps(steps: &mut Vec<Step>, template: &'static str, dialect: Dialect, jumps: bool) {
    let mut at = 0;
    for token in template::parse(template) {
        if let Kind::Tag(tag) = token.kind {
            let operand = Operand::of_tag(tag);
            append(steps, &template[at..token.at], operand.written(dialect), operand.takes_name(jumps));
            at = token.at + token.len;
        }
    }
    if at < template.len() {
        append(steps, &template[at..], Written::Nothing, false);
    }
}

/// A text and an operand as steps, several if the text is long.
fn append(steps: &mut Vec<Step>, text: &str, operand: Written, named: bool) {
    let mut rest = text.as_bytes();
    loop {
        let (head, tail) = rest.split_at(rest.len().min(CHUNK));
        let mut padded = [0; CHUNK];
        padded[..head.len()].copy_from_slice(head);
        let last = tail.is_empty();
        steps.push(Step {
            text: padded,
            len: head.len() as u8,
            operand: if last { operand } else { Written::Nothing },
            named: named && last,
        });
        if last {
            return;
        }
        rest = tail;
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;
    use crate::insn::Reg;

    /// The longest text of each form fits into the line on the stack, or its end would be missing.
    #[test]
    fn the_longest_text_of_each_form_fits_a_line() {
        for dialect in [Dialect::Pseudoc, Dialect::Normal] {
            let writer = Writer::new(dialect);
            for (index, row) in ROWS.iter().enumerate() {
                let template = match dialect {
                    Dialect::Pseudoc => row.pseudoc,
                    Dialect::Normal => row.normal,
                };
                let insn = Insn {
                    form: FormId::at(index),
                    dst: Reg(15),
                    src: Reg(15),
                    off: i16::MIN,
                    imm: i64::from(i32::MIN) << 32 | i64::from(i32::MIN as u32),
                };
                let text = writer.insn(&insn);
                let mut lines = String::new();
                writer.write_lines(&mut lines, &[insn, Insn::TAIL, Insn::raw(7), insn]);
                assert_eq!(lines, format!("{text}\n.8byte 0x0000000000000007\n{text}\n"));
                let mut named = String::new();
                writer.write_named(&mut named, &insn, None);
                assert_eq!(text, named, "with all steps");
                assert!(text.len() <= 96, "{text}");
                let end = template.rsplit_once('}').map_or(template, |(_, end)| end);
                assert!(text.ends_with(end), "{text} does not end like {template}");
                assert!(text.is_ascii() && !text.contains('\0'), "{text:?}");
            }
        }
    }
}
