//! The slow way to read a statement, which reads everything: token by token against one template.
//!
//! Operands may be expressions with a symbol in them; what does not match is an error that names the place.

use alloc::format;
use alloc::string::ToString;

use super::lex::{Kind, Token};
use super::read::{Cause, Field, MAX_DEPTH, Parsed, Reference, TextError};
use super::template::Operand;
use crate::insn::{FormId, Insn, Reg};

/// One attempt to match a statement with a template.
pub(super) struct Match<'t, 'a> {
    tokens: &'t [Token<'a>],
    at: usize,
    end: usize,
    constant: &'t dyn Fn(&str) -> Option<i64>,
    insn: Insn,
    /// The registers that have been read.
    dst: Option<u8>,
    src: Option<u8>,
    reference: Option<Reference<'a>>,
}

/// The value of an expression: a number, or a symbol plus a number.
struct Value<'a> {
    number: i128,
    symbol: Option<(&'a str, usize)>,
}

impl<'t, 'a> Match<'t, 'a> {
    pub(super) fn new(
        tokens: &'t [Token<'a>],
        end: usize,
        constant: &'t dyn Fn(&str) -> Option<i64>,
        form: FormId,
    ) -> Self {
        let insn = Insn { form, dst: Reg::R0, src: Reg::R0, off: 0, imm: 0 };
        Match { tokens, at: 0, end, constant, insn, dst: None, src: None, reference: None }
    }

    pub(super) fn run(mut self, pattern: &[Token<'_>]) -> Result<Parsed<'a>, TextError> {
        for piece in pattern {
            match piece.kind {
                Kind::Tag(tag) => self.operand(Operand::of_tag(tag))?,
                literal => {
                    let found = self.peek();
                    if found.map(|token| token.kind) != Some(literal) {
                        return Err(TextError::expected(piece.describe(), found, self.end));
                    }
                    self.at += 1;
                }
            }
        }
        if let Some(rest) = self.peek() {
            return Err(TextError::expected("end of line", Some(rest), self.end));
        }
        self.insn.dst = Reg(self.dst.unwrap_or(0));
        self.insn.src = Reg(self.src.unwrap_or(0));
        Ok(Parsed { insn: self.insn, reference: self.reference })
    }

    fn peek(&self) -> Option<&'t Token<'a>> {
        self.tokens.get(self.at)
    }

    fn operand(&mut self, operand: Operand) -> Result<(), TextError> {
        let i32s = (i128::from(i32::MIN), i128::from(i32::MAX));
        let i16s = (i128::from(i16::MIN), i128::from(i16::MAX));
        // Immediates may also be written as the unsigned number with the same bits.
        let imms = (i32s.0, i128::from(u32::MAX));
        match operand {
            Operand::Dst { narrow } => self.dst = Some(self.register(narrow, self.dst)?),
            Operand::Src { narrow } => self.src = Some(self.register(narrow, self.src)?),
            Operand::Imm => self.insn.imm = i64::from(self.number(Field::Imm, imms)? as i32),
            Operand::ImmAddend => {
                if self.at_sign() {
                    self.insn.imm = i64::from(self.number(Field::Imm, imms)? as i32);
                }
            }
            Operand::Imm64 => {
                let range = (i128::from(i64::MIN), i128::from(u64::MAX));
                self.insn.imm = self.number(Field::Imm64, range)? as i64;
            }
            Operand::Low => {
                let low = self.number(Field::Imm, imms)? as u32;
                self.insn.set_wide_low(low);
            }
            Operand::High => {
                let high = self.number(Field::Imm, imms)? as i64;
                self.insn.imm = self.insn.imm & 0xffff_ffff | high << 32;
            }
            Operand::Offset => {
                if self.at_sign() {
                    self.insn.off = self.number(Field::Offset, i16s)? as i16;
                }
            }
            Operand::Target16 => {
                self.skip_pc();
                self.insn.off = self.number(Field::Target, i16s)? as i16;
            }
            Operand::Target32 | Operand::CallTarget => {
                self.skip_pc();
                self.insn.imm = self.number(Field::Target, i32s)? as i64;
            }
            Operand::OffsetNumber => self.insn.off = self.number(Field::Offset, i16s)? as i16,
            Operand::SpaceTo => {
                let space = self.number(Field::Imm, (0, i128::from(u16::MAX)))? as u32;
                self.insn.imm = i64::from((space << 16 | self.insn.imm as u32 & 0xffff) as i32);
            }
            Operand::SpaceFrom => {
                let space = self.number(Field::Imm, (0, i128::from(u16::MAX)))? as u32;
                self.insn.imm = i64::from((self.insn.imm as u32 & 0xffff_0000 | space) as i32);
            }
        }
        Ok(())
    }

    /// A register; one that stands twice in a template must be the same both times.
    fn register(&mut self, narrow: bool, before: Option<u8>) -> Result<u8, TextError> {
        let found = self.peek();
        let number = match found.map(|token| token.kind) {
            Some(Kind::Reg64(n)) if !narrow => n,
            Some(Kind::Reg32(n)) if narrow => n,
            _ => {
                let what = if narrow { "a 32-bit register (w0-w10)" } else { "a register (r0-r10)" };
                return Err(TextError::expected(what, found, self.end));
            }
        };
        if let Some(before) = before.filter(|&before| before != number) {
            let class = if narrow { 'w' } else { 'r' };
            return Err(TextError::expected(format!("`{class}{before}` again"), found, self.end));
        }
        self.at += 1;
        Ok(number)
    }

    fn at_sign(&self) -> bool {
        matches!(self.peek(), Some(Token { kind: Kind::Punct("+" | "-"), .. }))
    }

    /// The kernel's log writes distances as `pc+3`.
    fn skip_pc(&mut self) {
        if matches!(self.peek(), Some(Token { kind: Kind::Word("pc"), .. })) {
            self.at += 1;
        }
    }

    /// An expression whose value fits; a symbol in it becomes the statement's reference.
    fn number(&mut self, field: Field, (min, max): (i128, i128)) -> Result<i128, TextError> {
        let start = self.at;
        let value = self.sum(0)?;
        let first = &self.tokens[start];
        let last = &self.tokens[self.at - 1];
        let (at, len) = (first.at, last.at + last.len - first.at);
        if let Some((symbol, symbol_at)) = value.symbol {
            let symbol_error = TextError { at, len, cause: Cause::Symbol(symbol.to_string()) };
            let Ok(addend) = i64::try_from(value.number) else { return Err(symbol_error) };
            if self.reference.is_some() {
                return Err(symbol_error);
            }
            self.reference = Some(Reference { field, symbol, addend, at: symbol_at });
            return Ok(0);
        }
        if value.number < min || value.number > max {
            return Err(TextError { at, len, cause: Cause::Range { value: value.number, min, max } });
        }
        Ok(value.number)
    }

    /// Sums and the operators that bind weaker: both assemblers evaluate from left to right by level.
    fn sum(&mut self, depth: usize) -> Result<Value<'a>, TextError> {
        let mut left = self.product(depth)?;
        while let Some(&Token { kind: Kind::Punct(op @ ("+" | "-" | "|" | "^" | "&")), .. }) = self.peek() {
            self.at += 1;
            let right = self.product(depth)?;
            left = match op {
                "+" => self.combine(left, right, i128::checked_add, true)?,
                "-" => self.combine(left, right, i128::checked_sub, false)?,
                "|" => self.constants(left, right, |a, b| Some(a | b))?,
                "^" => self.constants(left, right, |a, b| Some(a ^ b))?,
                _ => self.constants(left, right, |a, b| Some(a & b))?,
            };
        }
        Ok(left)
    }

    fn product(&mut self, depth: usize) -> Result<Value<'a>, TextError> {
        let mut left = self.primary(depth)?;
        while let Some(&Token { kind: Kind::Punct(op @ ("*" | "/" | "%" | "<<" | ">>")), .. }) = self.peek() {
            self.at += 1;
            let right = self.primary(depth)?;
            left = self.constants(left, right, |a, b| match op {
                "*" => a.checked_mul(b),
                "/" => a.checked_div(b),
                "%" => a.checked_rem(b),
                "<<" => u32::try_from(b).ok().filter(|&b| b < 64).and_then(|b| a.checked_mul(1 << b)),
                _ => u32::try_from(b).ok().and_then(|b| a.checked_shr(b)),
            })?;
        }
        Ok(left)
    }

    fn primary(&mut self, depth: usize) -> Result<Value<'a>, TextError> {
        let Some(&token) = self.peek() else { return Err(TextError::expected("a number", None, self.end)) };
        if depth > MAX_DEPTH {
            return Err(TextError { at: token.at, len: token.len, cause: Cause::Depth });
        }
        self.at += 1;
        match token.kind {
            Kind::Num(number) => Ok(Value { number, symbol: None }),
            Kind::Word(word) if word != "pc" => Ok(match (self.constant)(word) {
                Some(number) => Value { number: i128::from(number), symbol: None },
                None => Value { number: 0, symbol: Some((word, token.at)) },
            }),
            Kind::Punct("+") => self.primary(depth + 1),
            Kind::Punct(op @ ("-" | "~")) => {
                let zero = Value { number: 0, symbol: None };
                let value = self.primary(depth + 1)?;
                self.constants(zero, value, |_, b| if op == "-" { b.checked_neg() } else { Some(!b) })
            }
            Kind::Punct("(") => {
                let value = self.sum(depth + 1)?;
                match self.peek() {
                    Some(Token { kind: Kind::Punct(")"), .. }) => self.at += 1,
                    found => return Err(TextError::expected("`)`", found, self.end)),
                }
                Ok(value)
            }
            _ => {
                self.at -= 1;
                Err(TextError::expected("a number or symbol", Some(&token), self.end))
            }
        }
    }

    /// An addition in which one side may be a symbol (the right one only where `right_symbol`).
    fn combine(
        &self,
        a: Value<'a>,
        b: Value<'a>,
        op: fn(i128, i128) -> Option<i128>,
        right_symbol: bool,
    ) -> Result<Value<'a>, TextError> {
        let symbol = match (a.symbol, b.symbol) {
            (symbol, None) => symbol,
            (None, symbol) if right_symbol => symbol,
            (_, Some((name, _))) => return Err(self.here(Cause::Symbol(name.to_string()))),
        };
        let number = op(a.number, b.number).ok_or_else(|| self.here(Cause::Arithmetic))?;
        Ok(Value { number, symbol })
    }

    /// An operation that only numbers have.
    fn constants(
        &self,
        a: Value<'a>,
        b: Value<'a>,
        op: impl Fn(i128, i128) -> Option<i128>,
    ) -> Result<Value<'a>, TextError> {
        if let Some((name, _)) = a.symbol.or(b.symbol) {
            return Err(self.here(Cause::Symbol(name.to_string())));
        }
        let number = op(a.number, b.number).ok_or_else(|| self.here(Cause::Arithmetic))?;
        Ok(Value { number, symbol: None })
    }

    /// An error about the token just read.
    fn here(&self, cause: Cause) -> TextError {
        let token = self.tokens[self.at.saturating_sub(1)];
        TextError { at: token.at, len: token.len, cause }
    }
}
