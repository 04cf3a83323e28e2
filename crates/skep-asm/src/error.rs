//! [`AsmErrors`]: everything that is wrong with a source, each with its place and, where there is one, a way out.

use std::fmt;

use skep_btf::BtfError;
use skep_isa::Cpu;
use skep_isa::text::TextError;

/// Most errors that are collected before reading stops.
pub const MAX_ERRORS: usize = 100;

/// What is wrong with a source: at least one error, in order of lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsmErrors {
    /// The source's name.
    pub file: String,
    /// The errors.
    pub errors: Vec<AsmError>,
}

/// One thing that is wrong with a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsmError {
    /// Line, from 1.
    pub line: u32,
    /// Column in bytes, from 1.
    pub column: u32,
    /// Bytes that it is about; 0 for a place between two.
    pub len: u32,
    /// What is wrong.
    pub cause: Cause,
    /// The cause in words.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The file with this line, if it isn't the source itself.
    pub file: Option<String>,
    /// The macros, repetitions and inclusions that led here, from the innermost.
    pub uses: Vec<Use>,
}

/// A use of something whose expansion has an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// What was used, in words: macro `NAME`, repetition, file `NAME`.
    pub what: String,
    /// The file with the use, if it isn't the source itself.
    pub file: Option<String>,
    /// Line of the use, from 1.
    pub line: u32,
    /// Column of the use in bytes, from 1.
    pub column: u32,
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Use { what, file, line, column } = self;
        match file {
            Some(file) => write!(f, "in {what}, used at {file}:{line}:{column}"),
            None => write!(f, "in {what}, used at {line}:{column}"),
        }
    }
}

/// What is wrong at a place in a source.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// A statement is no instruction.
    Insn(TextError),
    /// No directive has this name.
    UnknownDirective(String),
    /// Something else had to stand here.
    Expected {
        /// What.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// A string, comment or block without its end.
    Unterminated(&'static str),
    /// A symbol that is nowhere defined.
    Undefined {
        /// What was expected of it: label, function, map…
        what: &'static str,
        /// Its name.
        symbol: String,
    },
    /// A second definition.
    Redefined {
        /// What of.
        symbol: String,
        /// Line of the first.
        first: u32,
    },
    /// A symbol that can't stand where it stands.
    BadSymbol {
        /// Its name.
        symbol: String,
        /// What it is.
        is: String,
        /// What was expected.
        expected: &'static str,
    },
    /// A jump that its form can't reach.
    Distance {
        /// Where to.
        symbol: String,
        /// In slots from the next instruction.
        distance: i64,
        /// The greatest distance forward; backward it is one more.
        max: i64,
    },
    /// A jump out of its function.
    LeavesFunction {
        /// Where to.
        symbol: String,
        /// The function.
        function: String,
    },
    /// A number that its place can't hold.
    Range {
        /// The number.
        value: i128,
        /// The least that fits.
        min: i128,
        /// The greatest that fits.
        max: i128,
    },
    /// An expression that divides by zero or leaves 128 bits.
    Arithmetic,
    /// A place that isn't a multiple of what it must be.
    Misaligned {
        /// What.
        what: String,
        /// Where it is, in bytes from the start of its section.
        offset: u64,
        /// What it must be a multiple of.
        align: u64,
    },
    /// An instruction in a section that holds none.
    NotCode(String),
    /// Data other than zeros in a section of zeros.
    NotZero(String),
    /// A function that others call, in a section of programs.
    CalledProgram {
        /// The function.
        function: String,
        /// Its section.
        section: String,
    },
    /// A map definition lacks something that its kind needs.
    MissingAttribute {
        /// The map.
        map: String,
        /// What it lacks.
        attribute: &'static str,
    },
    /// Two sizes that had to be the same.
    Size {
        /// Of what.
        what: String,
        /// One, in bytes.
        expected: u64,
        /// The other.
        found: u64,
    },
    /// More of something than a named limit allows.
    Limit {
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// The types of the source make no BTF.
    Types(BtfError),
    /// An instruction that the chosen cpu level lacks.
    Level {
        /// The form's name in the table.
        form: &'static str,
        /// The level that has it.
        needs: Cpu,
        /// The level that was chosen.
        chosen: Cpu,
    },
    /// A file that can't be included.
    Include {
        /// Its name.
        file: String,
        /// Why not.
        reason: String,
    },
    /// A macro is used without a value for a parameter that must have one.
    MissingArgument {
        /// The macro.
        name: String,
        /// The parameter.
        parameter: String,
    },
    /// Something that bare bytes can't hold.
    NotRaw(String),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Insn(error) => error.fmt(f),
            Cause::UnknownDirective(name) => write!(f, "no directive is named `{name}`"),
            Cause::Expected { expected, found } => write!(f, "expected {expected}, found {found}"),
            Cause::Unterminated(what) => write!(f, "{what} without an end"),
            Cause::Undefined { what, symbol } => write!(f, "{what} `{symbol}` is not defined"),
            Cause::Redefined { symbol, first } => {
                write!(f, "`{symbol}` is already defined in line {first}")
            }
            Cause::BadSymbol { symbol, is, expected } => {
                write!(f, "expected {expected}, found `{symbol}`, which is {is}")
            }
            Cause::Distance { symbol, distance, max } => {
                write!(f, "`{symbol}` is {distance} slots away, expected a distance of {} to {max}", -max - 1)
            }
            Cause::LeavesFunction { symbol, function } => {
                write!(f, "`{symbol}` lies outside of the function `{function}`")
            }
            Cause::Range { value, min, max } => write!(f, "{value} is out of range, expected {min} to {max}"),
            Cause::Arithmetic => f.write_str("expression divides by zero or leaves 128 bits"),
            Cause::Misaligned { what, offset, align } => {
                write!(f, "{what} is at byte {offset} of its section, expected a multiple of {align}")
            }
            Cause::NotCode(section) => write!(f, "section `{section}` holds no instructions"),
            Cause::NotZero(section) => write!(f, "section `{section}` holds nothing but zeros"),
            Cause::CalledProgram { function, section } => write!(
                f,
                "`{function}` is called, but stands in section `{section}`, whose functions are programs"
            ),
            Cause::MissingAttribute { map, attribute } => write!(f, "map `{map}` needs `{attribute}`"),
            Cause::Size { what, expected, found } => {
                write!(f, "expected {what} to have {expected} bytes, found {found}")
            }
            Cause::Limit { what, limit } => write!(f, "too many {what}, expected at most {limit}"),
            Cause::Types(error) => write!(f, "types: {error}"),
            Cause::Level { form, needs, chosen } => {
                write!(f, "`{form}` needs cpu {}, expected at most {}", level(*needs), level(*chosen))
            }
            Cause::Include { file, reason } => write!(f, "can't include `{file}`: {reason}"),
            Cause::MissingArgument { name, parameter } => {
                write!(f, "macro `{name}` needs a value for `{parameter}`")
            }
            Cause::NotRaw(what) => write!(f, "bare instruction bytes can't hold {what}"),
        }
    }
}

/// A cpu level's name.
fn level(cpu: Cpu) -> &'static str {
    match cpu {
        Cpu::V1 => "v1",
        Cpu::V2 => "v2",
        Cpu::V3 => "v3",
        Cpu::V4 => "v4",
        Cpu::Later => "later than v4",
    }
}

impl fmt::Display for AsmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)?;
        if let Some(help) = &self.help {
            write!(f, " ({help})")?;
        }
        self.uses.iter().try_for_each(|place| write!(f, "; {place}"))
    }
}

impl AsmErrors {
    /// The errors, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, AsmError> {
        self.errors.iter()
    }
}

/// An error a line: `FILE:LINE:COLUMN: what (what to do)`.
impl fmt::Display for AsmErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.errors.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            let file = error.file.as_ref().unwrap_or(&self.file);
            write!(f, "{separator}{file}:{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for AsmError {}
impl std::error::Error for AsmErrors {}

impl<'a> IntoIterator for &'a AsmErrors {
    type Item = &'a AsmError;
    type IntoIter = std::slice::Iter<'a, AsmError>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// An error before its place in bytes has become a line and a column.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) span: Span,
    /// Apart, so that results stay small.
    pub(crate) cause: Box<Cause>,
    pub(crate) help: Option<String>,
}

/// Bytes of the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) at: usize,
    pub(crate) len: usize,
}

impl Problem {
    pub(crate) fn new(span: Span, cause: Cause) -> Problem {
        Problem { span, cause: Box::new(cause), help: None }
    }

    pub(crate) fn expected(span: Span, expected: impl Into<String>, found: impl Into<String>) -> Problem {
        Problem::new(span, Cause::Expected { expected: expected.into(), found: found.into() })
    }

    /// A second definition. The cause counts bytes until the source makes a line of them.
    pub(crate) fn redefined(span: Span, symbol: &str, first: Span) -> Problem {
        Problem::new(span, Cause::Redefined { symbol: symbol.to_owned(), first: first.at as u32 })
    }

    pub(crate) fn help(self, help: impl Into<String>) -> Problem {
        Problem { help: Some(help.into()), ..self }
    }

    /// With the hint that another name may have been meant, if one is near.
    pub(crate) fn did_you_mean(self, nearest: Option<&str>) -> Problem {
        match nearest {
            Some(nearest) => self.help(format!("did you mean `{nearest}`?")),
            None => self,
        }
    }
}
