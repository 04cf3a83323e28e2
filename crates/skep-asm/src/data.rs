//! Data: the directives that put bytes into sections.

use skep_isa::{Endian, Insn, SLOT_BYTES, encode_all};

use crate::assembler::{Assembler, Result};
use crate::cursor::Cursor;
use crate::directive::Directive;
use crate::error::{Cause, Problem, Span};
use crate::resolve;
use crate::section::{Fixup, FixupKind, MAX_OBJECT_BYTES, Purpose, Shape};
use crate::symbol::{Binding, Meaning};

impl<'a> Assembler<'a> {
    pub(crate) fn data(&mut self, directive: Directive, span: Span, cursor: &mut Cursor<'a>) -> Result<()> {
        self.pristine = false;
        if self.section().purpose == Purpose::Ignored {
            return Ok(());
        }
        if self.section().purpose == Purpose::Code {
            let offset = self.section().offset();
            self.mark(offset, span.at);
        }
        match directive {
            Directive::Numbers(width) => self.numbers(width, cursor),
            Directive::Strings { zero } => self.strings(zero, cursor),
            Directive::Room => self.room(cursor),
            Directive::Fill => self.fill(cursor),
            Directive::Align | Directive::AlignBits => self.align(directive, cursor),
            _ => {
                let name = self.section().name.clone();
                Err(Problem::expected(span, "data of a fixed size", format!("this in section `{name}`")))
            }
        }
    }

    fn numbers(&mut self, width: u32, cursor: &mut Cursor<'a>) -> Result<()> {
        if cursor.at_end() {
            return Ok(());
        }
        loop {
            cursor.skip_blanks();
            let (start, text) = (cursor.offset(), cursor.rest());
            let value = self.value(cursor)?;
            let span = Span { at: start, len: cursor.offset() - start };
            let bytes = match resolve::number(self, &value)? {
                Some(number) => number_bytes(number, width, self.options.endian, span)?,
                None => {
                    let what = FixupKind::Data { text: &text[..span.len], base: start, width };
                    let offset = self.section().offset();
                    self.section().fixups.push(Fixup { offset, span, what });
                    vec![0; width as usize]
                }
            };
            self.grow(u64::from(width), span)?;
            self.section().push(&bytes, Shape::Numbers(width), span)?;
            if !cursor.eat(",") {
                return cursor.end();
            }
        }
    }

    fn strings(&mut self, zero: bool, cursor: &mut Cursor<'a>) -> Result<()> {
        loop {
            let Some((mut bytes, span)) = cursor.string()? else { return Err(cursor.unexpected("a string")) };
            if zero {
                bytes.push(0);
            }
            self.grow(bytes.len() as u64, span)?;
            self.section().push(&bytes, Shape::Text, span)?;
            if !cursor.eat(",") {
                return cursor.end();
            }
        }
    }

    fn room(&mut self, cursor: &mut Cursor<'a>) -> Result<()> {
        let start = cursor.offset();
        let count = self.known(cursor, 0, i128::from(MAX_OBJECT_BYTES))? as usize;
        let byte = if cursor.eat(",") { self.known(cursor, -128, 255)? as u8 } else { 0 };
        cursor.end()?;
        let span = Span { at: start, len: cursor.offset() - start };
        self.grow(count as u64, span)?;
        self.section().push(&vec![byte; count], Shape::Room, span)
    }

    fn fill(&mut self, cursor: &mut Cursor<'a>) -> Result<()> {
        let start = cursor.offset();
        let count = self.known(cursor, 0, i128::from(MAX_OBJECT_BYTES))?;
        let width = if cursor.eat(",") { self.known(cursor, 0, 8)? as u32 } else { 1 };
        let value =
            if cursor.eat(",") { self.known(cursor, i128::from(i64::MIN), i128::from(u64::MAX))? } else { 0 };
        cursor.end()?;
        let span = Span { at: start, len: cursor.offset() - start };
        self.grow((count as u64).saturating_mul(u64::from(width)), span)?;
        let one = match self.options.endian {
            Endian::Little => value.to_le_bytes()[..width as usize].to_vec(),
            Endian::Big => value.to_be_bytes()[16 - width as usize..].to_vec(),
        };
        let shape = if width.is_power_of_two() { Shape::Numbers(width) } else { Shape::Room };
        self.section().push(&one.repeat(count as usize), shape, span)
    }

    fn align(&mut self, directive: Directive, cursor: &mut Cursor<'a>) -> Result<()> {
        /// Most bytes that anything is aligned to.
        const MAX_ALIGN: i128 = 1 << 16;
        let start = cursor.offset();
        let align = match directive {
            Directive::AlignBits => 1 << self.known(cursor, 0, 16)?,
            _ => self.known(cursor, 0, MAX_ALIGN)?.max(1) as u64,
        };
        let span = Span { at: start, len: cursor.offset() - start };
        if !align.is_power_of_two() {
            return Err(Problem::expected(span, "a power of two", format!("{align}")));
        }
        let filled = cursor.eat(",") && cursor.peek() != Some(b',') && !cursor.at_end();
        let byte = if filled { Some(self.known(cursor, -128, 255)? as u8) } else { None };
        let most = if cursor.eat(",") { self.known(cursor, 0, MAX_ALIGN)? as u64 } else { u64::MAX };
        cursor.end()?;
        let offset = self.section().offset();
        let pad = offset.next_multiple_of(align) - offset;
        if pad > most {
            return Ok(());
        }
        self.grow(pad, span)?;
        let slot = SLOT_BYTES as u64;
        let endian = self.options.endian;
        let section = self.section();
        let filling = if section.purpose == Purpose::Code && byte.is_none() && pad.is_multiple_of(slot) {
            // A jump to the next instruction does nothing.
            encode_all(&vec![Insn::ja(0); (pad / slot) as usize], endian)
        } else {
            vec![byte.unwrap_or(0); pad as usize]
        };
        section.bytes.extend_from_slice(&filling);
        Ok(())
    }

    pub(crate) fn common(&mut self, cursor: &mut Cursor<'a>) -> Result<()> {
        let (name, span) = cursor.need_name("a symbol")?;
        cursor.need(",")?;
        let size = self.known(cursor, 0, i128::from(MAX_OBJECT_BYTES))? as usize;
        let align = if cursor.eat(",") { self.known(cursor, 1, 4096)? as u64 } else { 1 };
        cursor.end()?;
        self.pristine = false;
        let (current, previous, loc) = (self.current, self.previous, self.loc);
        self.named_section(".bss", None, span)?;
        let bss = self.current;
        (self.current, self.previous, self.loc) = (current, previous, loc);
        self.grow(size as u64 + align, span)?;
        let section = &mut self.sections[bss];
        let start = section.offset().next_multiple_of(align);
        section.bytes.resize(start as usize, 0);
        section.push(&vec![0; size], Shape::Room, span)?;
        let index = self.symbols.define(name, span, Meaning::Label(bss, start))?;
        if self.symbols[index].binding == Binding::Default {
            self.symbols[index].binding = Binding::Global;
        }
        Ok(())
    }
}

/// The bytes of a number, signed or unsigned.
pub(crate) fn number_bytes(number: i128, width: u32, endian: Endian, span: Span) -> Result<Vec<u8>> {
    let bits = width * 8;
    let (min, max) = (-(1i128 << (bits - 1)), (1i128 << bits) - 1);
    if number < min || number > max {
        return Err(Problem::new(span, Cause::Range { value: number, min, max }));
    }
    let width = width as usize;
    Ok(match endian {
        Endian::Little => number.to_le_bytes()[..width].to_vec(),
        Endian::Big => number.to_be_bytes()[16 - width..].to_vec(),
    })
}
