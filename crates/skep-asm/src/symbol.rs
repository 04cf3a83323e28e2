//! The names of a source and what they stand for.

use std::collections::HashMap;

use crate::ctype::CType;
use crate::error::{Cause, Problem, Span};

/// Most symbols of a source.
pub const MAX_SYMBOLS: usize = 1 << 20;

/// A symbol, by index into [`Symbols`].
pub(crate) type SymbolIndex = usize;

/// What a symbol stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Nothing yet.
    Unknown,
    /// A number.
    Number(i64),
    /// A place: section index and byte offset.
    Label(usize, u64),
    /// A map, by index into the maps of the source.
    Map(usize),
}

/// Who may see a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binding {
    /// Nothing was said.
    Default,
    /// `.globl`
    Global,
    /// `.local`, or `.hidden`: libbpf takes what only its own object may see for its own file's.
    Local,
    /// `.weak`
    Weak,
}

/// What kind of thing `.type` or `.func` said that a label is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    /// Nothing was said.
    None,
    /// `.type NAME, @function`, as compilers print it: local unless it is `.globl`.
    Function,
    /// `.func`: a program where it stands among programs.
    Func,
    /// `.type NAME, @object`
    Object,
}

/// A symbol.
#[derive(Debug)]
pub(crate) struct Symbol<'a> {
    pub(crate) name: &'a str,
    pub(crate) meaning: Meaning,
    /// Where it was defined, or first mentioned.
    pub(crate) span: Span,
    pub(crate) binding: Binding,
    /// `.hidden`
    pub(crate) hidden: bool,
    pub(crate) tag: Tag,
    /// Said to be defined elsewhere.
    pub(crate) external: bool,
    /// The C type of a variable.
    pub(crate) ty: Option<CType>,
    /// The signature of a function.
    pub(crate) signature: Option<Signature>,
    /// Defined by `.set`: another name for a place, not a place of its own.
    pub(crate) alias: bool,
    /// Called, or its address taken as a function's.
    pub(crate) called: bool,
}

/// What `.func` says of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signature {
    pub(crate) result: CType,
    pub(crate) params: Vec<(String, CType)>,
}

/// All symbols of a source.
#[derive(Debug, Default)]
pub(crate) struct Symbols<'a> {
    all: Vec<Symbol<'a>>,
    by_name: HashMap<&'a str, SymbolIndex>,
}

impl<'a> Symbols<'a> {
    pub(crate) fn iter(&self) -> impl Iterator<Item = (SymbolIndex, &Symbol<'a>)> {
        self.all.iter().enumerate()
    }

    pub(crate) fn find(&self, name: &str) -> Option<SymbolIndex> {
        self.by_name.get(name).copied()
    }

    /// The symbol of this name, made if it is new.
    pub(crate) fn mention(&mut self, name: &'a str, span: Span) -> Result<SymbolIndex, Problem> {
        if let Some(&index) = self.by_name.get(name) {
            return Ok(index);
        }
        if self.all.len() >= MAX_SYMBOLS {
            let limit = MAX_SYMBOLS as u64;
            return Err(Problem::new(span, Cause::Limit { what: "symbols", limit }));
        }
        let index = self.all.len();
        self.all.push(Symbol {
            name,
            meaning: Meaning::Unknown,
            span,
            binding: Binding::Default,
            hidden: false,
            tag: Tag::None,
            external: false,
            ty: None,
            signature: None,
            alias: false,
            called: false,
        });
        self.by_name.insert(name, index);
        Ok(index)
    }

    /// Gives a symbol its meaning, once; a number may be given again.
    pub(crate) fn define(
        &mut self,
        name: &'a str,
        span: Span,
        meaning: Meaning,
    ) -> Result<SymbolIndex, Problem> {
        let index = self.mention(name, span)?;
        let symbol = &mut self.all[index];
        match (symbol.meaning, meaning) {
            (Meaning::Unknown, _) | (Meaning::Number(_), Meaning::Number(_)) => {
                symbol.meaning = meaning;
                symbol.span = span;
                Ok(index)
            }
            _ => Err(Problem::redefined(span, name, symbol.span)),
        }
    }

    /// The number that a name stands for.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        match self.all[self.find(name)?].meaning {
            Meaning::Number(number) => Some(number),
            _ => None,
        }
    }
}

impl<'a> std::ops::Index<SymbolIndex> for Symbols<'a> {
    type Output = Symbol<'a>;

    fn index(&self, index: SymbolIndex) -> &Symbol<'a> {
        &self.all[index]
    }
}

impl<'a> std::ops::IndexMut<SymbolIndex> for Symbols<'a> {
    fn index_mut(&mut self, index: SymbolIndex) -> &mut Symbol<'a> {
        &mut self.all[index]
    }
}
