//! Why a text is no row set, and why an instruction of one can't be expanded.

use alloc::string::String;
use core::fmt;

/// Why a text is no row set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowSetError {
    /// The line, from 1.
    pub line: usize,
    /// The cause.
    pub cause: RowSetCause,
}

/// What is wrong with a row set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowSetCause {
    /// Something grows beyond its limit.
    Limit {
        /// What.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// Something else had to stand here.
    Expected {
        /// What.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// A row lacks this line, or has it twice.
    Count {
        /// The row.
        row: String,
        /// The line's word.
        word: &'static str,
    },
    /// Another row has the same name, or an encoding that can't be told from this row's.
    Taken {
        /// The row.
        row: String,
        /// The other one.
        by: String,
    },
    /// An operand lies outside its row's slots, or on bits that are taken.
    Place {
        /// The operand.
        operand: String,
    },
    /// A template can't be read, lacks an operand, or can't be told from another's text.
    Template {
        /// The row.
        row: String,
        /// Why.
        why: String,
    },
    /// A line of an expansion is no instruction of the table.
    Expansion {
        /// The row.
        row: String,
        /// Why not.
        why: String,
    },
}

impl fmt::Display for RowSetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        match &self.cause {
            RowSetCause::Limit { what, limit } => write!(f, "more than {limit} {what}"),
            RowSetCause::Expected { expected, found } => write!(f, "expected {expected}, found `{found}`"),
            RowSetCause::Count { row, word } => write!(f, "row `{row}` needs one `{word}`"),
            RowSetCause::Taken { row, by } => write!(f, "row `{row}` can't be told from `{by}`"),
            RowSetCause::Place { operand } => {
                write!(f, "operand `{operand}` lies outside its row's slots, or on bits that are taken")
            }
            RowSetCause::Template { row, why } => write!(f, "template of `{row}`: {why}"),
            RowSetCause::Expansion { row, why } => write!(f, "expansion of `{row}`: {why}"),
        }
    }
}

impl core::error::Error for RowSetError {}

/// Why an instruction of a registered form can't be expanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpandError {
    /// Its row says no meaning.
    NoMeaning {
        /// The row's name.
        row: String,
    },
    /// With its operands, a line of the expansion is no instruction.
    Operands {
        /// The row's name.
        row: String,
        /// Why not.
        why: String,
    },
}

impl fmt::Display for ExpandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExpandError::NoMeaning { row } => {
                write!(f, "`{row}` has no expansion into known instructions: it can't be verified or run")
            }
            ExpandError::Operands { row, why } => write!(f, "`{row}` can't be expanded: {why}"),
        }
    }
}

impl core::error::Error for ExpandError {}
