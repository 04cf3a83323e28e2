//! The table's templates, taken apart once.

use alloc::vec::Vec;

use super::lex::{self, Kind, Token};

/// An operand's place in a template; the tags are listed in [`crate::table`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operand {
    Dst { narrow: bool },
    Src { narrow: bool },
    Imm,
    ImmAddend,
    Imm64,
    Low,
    High,
    Offset,
    Target16,
    Target32,
    CallTarget,
    OffsetNumber,
    SpaceTo,
    SpaceFrom,
}

impl Operand {
    pub(super) fn of_tag(tag: &str) -> Operand {
        match tag {
            "d" => Operand::Dst { narrow: false },
            "dw" => Operand::Dst { narrow: true },
            "s" => Operand::Src { narrow: false },
            "sw" => Operand::Src { narrow: true },
            "i" => Operand::Imm,
            "i+" => Operand::ImmAddend,
            "I" => Operand::Imm64,
            "lo" => Operand::Low,
            "hi" => Operand::High,
            "o" => Operand::Offset,
            "t" => Operand::Target16,
            "T" => Operand::Target32,
            "c" => Operand::CallTarget,
            "k" => Operand::OffsetNumber,
            "a" => Operand::SpaceTo,
            "b" => Operand::SpaceFrom,
            _ => unreachable!("the table has a test that reads every template"),
        }
    }
}

/// A template as tokens.
pub(super) fn parse(template: &'static str) -> Vec<Token<'static>> {
    lex::tokens(template, true).expect("the table has a test that reads every template")
}

/// How many tokens of a statement may take part in its key.
const KEY_TOKENS: usize = 5;

/// A hash of what a statement starts with: registers by class, words and punctuation as they are, up to the
/// first operand that is a number. Statements that a template matches have the template's key. `reserved`
/// says which words the templates use; others are symbols, hence numbers.
pub(super) fn key(tokens: &[Token<'_>], mnemonic_only: bool, reserved: impl Fn(&str) -> bool) -> u64 {
    let take = if mnemonic_only { 1 } else { KEY_TOKENS };
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    let mut eat = |bytes: &[u8]| {
        for &b in bytes {
            hash = (hash ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        hash = (hash ^ 0xff).wrapping_mul(0x0000_0100_0000_01b3);
    };
    for (i, token) in tokens.iter().take(take).enumerate() {
        match token.kind {
            Kind::Reg64(_) | Kind::Tag("d" | "s") => eat(b"R"),
            Kind::Reg32(_) | Kind::Tag("dw" | "sw") => eat(b"W"),
            Kind::Word(word) if i == 0 || (word != "pc" && reserved(word)) => eat(word.as_bytes()),
            Kind::Punct(sign @ ("+" | "-")) => match tokens.get(i + 1).map(|next| next.kind) {
                Some(Kind::Reg64(_) | Kind::Reg32(_) | Kind::Tag("d" | "dw" | "s" | "sw")) => {
                    eat(sign.as_bytes());
                }
                _ => break,
            },
            Kind::Punct(text) => eat(text.as_bytes()),
            Kind::Num(_) | Kind::Word(_) | Kind::Tag(_) => break,
        }
    }
    hash
}
