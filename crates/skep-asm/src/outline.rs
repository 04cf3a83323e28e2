//! What stands where in a source, for editors: its statements, and every name with what it is there for.
//!
//! It reads as the assembler does, but stops at no mistake: a source that is being written is full of them. It says
//! nothing of what names mean beyond the statement they stand in, and looks into no macro and no included file. A
//! source in another language than the dialects is taken as it stands, in the dialect nearest to it.

use std::ops::Range;

use skep_isa::Reg;
use skep_isa::text::foreign::Language;
use skep_isa::text::{Dialect, detect};

use crate::Options;
use crate::assembler::{is_assignment, label};
use crate::constant;
use crate::cursor::{Cursor, is_local_reference, is_name, is_name_start};
use crate::dialect::{is_register, mnemonics, reader};
use crate::directive::Directive;
use crate::map::ATTRIBUTES;
use crate::source::{Source, character_len};

/// A source's statements and names, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// Labels, and what follows them.
    pub parts: Vec<Part>,
    /// Names and registers.
    pub names: Vec<Name>,
}

/// A label, or a statement without its labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub kind: PartKind,
    /// Bytes of the source.
    pub span: Range<usize>,
    /// The dialect it is written in.
    pub dialect: Dialect,
}

/// What a part of a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartKind {
    /// `NAME:`
    Label,
    /// `NAME = VALUE`
    Assignment,
    /// A directive that says something.
    Directive,
    /// A directive that is data.
    Data,
    /// Anything else.
    Insn,
}

/// A name in a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Bytes of the source.
    pub span: Range<usize>,
    /// What it is there for.
    pub role: Role,
}

/// What a name is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It is given its meaning.
    Defines(Definition),
    /// Something is said of it (`.func`, `.globl`, `.type`, `.extern`…).
    Declares,
    /// It stands for its meaning.
    Uses,
    /// It is this register.
    Register(Reg),
}

/// What a name is defined to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Definition {
    /// A place in code or data.
    Label,
    /// A numeric local label, which `1b` and `1f` refer to.
    LocalLabel,
    /// A map.
    Map,
    /// A number.
    Constant,
    /// A structure.
    Struct,
}

/// The statements and names of a source.
pub fn outline(source: &str, options: &Options) -> Outline {
    let (source, _) = Source::new(source, dialect(source, options));
    let mut walk = Walk::default();
    for statement in &source.statements {
        let text = &source.text[statement.span.at..][..statement.span.len];
        if walk.statement(text, statement.span.at, statement.dialect) {
            break;
        }
    }
    walk.outline.names.sort_by_key(|name| name.span.start);
    walk.outline
}

/// The dialect that a source starts in.
fn dialect(source: &str, options: &Options) -> Dialect {
    let told = || Some(detect(source)).filter(|told| told.evidence.is_some()).map(|told| told.language);
    options.language.or_else(told).map_or(options.dialect, Language::dialect)
}

/// The names of all directives.
pub fn directives() -> impl Iterator<Item = &'static str> {
    Directive::names()
}

/// The words that instructions of a dialect start with, each once.
pub fn instruction_words(dialect: Dialect) -> Vec<&'static str> {
    let mut words: Vec<&str> = mnemonics(dialect).collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// The names of the numbers that every source can name.
pub fn constant_names() -> impl Iterator<Item = String> {
    constant::names()
}

/// The value of a number that every source can name.
pub fn constant_value(name: &str) -> Option<i64> {
    constant::constant(name)
}

/// What `.map` can say of a map.
pub fn map_attributes() -> &'static [&'static str] {
    ATTRIBUTES
}

#[derive(Default)]
struct Walk {
    outline: Outline,
}

impl Walk {
    /// One statement; whether it is the last.
    fn statement(&mut self, text: &str, mut base: usize, dialect: Dialect) -> bool {
        let mut rest = text;
        while let Some((name, len)) = label(rest) {
            let numeric = name.as_bytes()[0].is_ascii_digit();
            let definition = if numeric { Definition::LocalLabel } else { Definition::Label };
            self.part(PartKind::Label, base..base + len, dialect);
            self.name(base..base + name.len(), Role::Defines(definition));
            let after = rest[len..].trim_start();
            base += rest.len() - after.len();
            rest = after;
        }
        if rest.is_empty() {
            return false;
        }
        let span = base..base + rest.len();
        let mut cursor = Cursor::new(rest, base);
        if let Some((name, at)) = cursor.name() {
            if is_assignment(&mut cursor, name) {
                self.part(PartKind::Assignment, span, dialect);
                self.name(at.at..at.at + at.len, Role::Defines(Definition::Constant));
                self.words(cursor.rest(), cursor.offset(), Role::Uses);
                return false;
            }
            if name.starts_with('.') {
                let directive = Directive::by_name(name);
                let kind = if directive.is_some_and(is_data) { PartKind::Data } else { PartKind::Directive };
                self.part(kind, span, dialect);
                return self.directive(directive, cursor);
            }
        }
        self.part(PartKind::Insn, span, dialect);
        self.insn(rest, base, dialect);
        false
    }

    fn part(&mut self, kind: PartKind, span: Range<usize>, dialect: Dialect) {
        self.outline.parts.push(Part { kind, span, dialect });
    }

    fn name(&mut self, span: Range<usize>, role: Role) {
        self.outline.names.push(Name { span, role });
    }

    fn directive(&mut self, directive: Option<Directive>, mut cursor: Cursor<'_>) -> bool {
        use Directive::*;
        match directive {
            Some(End) => return true,
            Some(
                Section
                | PushSection
                | PopSection
                | Previous
                | Named(_)
                | File
                | Loc
                | Dialect
                | License
                | DebugData
                | Strings { .. },
            ) => {}
            Some(Global | Local | Hidden | Weak | Extern) => {
                self.words(cursor.rest(), cursor.offset(), Role::Declares);
            }
            Some(Type) => self.first(&mut cursor, Role::Declares),
            Some(Common) => {
                self.first(&mut cursor, Role::Defines(Definition::Label));
                self.words(cursor.rest(), cursor.offset(), Role::Uses);
            }
            Some(Set) => {
                self.first(&mut cursor, Role::Defines(Definition::Constant));
                self.words(cursor.rest(), cursor.offset(), Role::Uses);
            }
            Some(Map) => self.map(cursor),
            Some(Struct) => {
                self.first(&mut cursor, Role::Defines(Definition::Struct));
                self.types(cursor, false);
            }
            Some(Func) => self.types(cursor, true),
            _ => self.words(cursor.rest(), cursor.offset(), Role::Uses),
        }
        false
    }

    /// The name that comes next.
    fn first(&mut self, cursor: &mut Cursor<'_>, role: Role) {
        if let Some((_, span)) = cursor.name() {
            self.name(span.at..span.at + span.len, role);
        }
    }

    /// `.map NAME, ATTRIBUTE=VALUE, …`: the values of some attributes are words of the language.
    fn map(&mut self, mut cursor: Cursor<'_>) {
        self.first(&mut cursor, Role::Defines(Definition::Map));
        let mut symbols = false;
        for (word, span, rest) in words(cursor.rest(), cursor.offset()) {
            if rest.trim_start().starts_with('=') {
                symbols = !matches!(word, "type" | "flags" | "map_flags" | "pinning");
            } else if symbols && is_name_start(word.as_bytes()[0]) {
                self.name(span, Role::Uses);
            }
        }
    }

    /// Declarations in C's words: a name that another follows is a type; the function's is what `(` follows.
    fn types(&mut self, cursor: Cursor<'_>, function: bool) {
        let mut declared = !function;
        for (word, span, rest) in words(cursor.rest(), cursor.offset()) {
            if !is_name_start(word.as_bytes()[0]) {
                continue;
            }
            let after = rest.trim_start_matches([' ', '\t']);
            let is_type = after.starts_with('*') || after.bytes().next().is_some_and(is_name_start);
            if is_type {
                self.name(span, Role::Uses);
            } else if !declared {
                declared = true;
                self.name(span, Role::Declares);
            } else if function && after.is_empty() {
                // GNU's second operand, the label.
                self.name(span, Role::Uses);
            }
        }
    }

    fn words(&mut self, text: &str, base: usize, role: Role) {
        for (word, span, _) in words(text, base) {
            if is_name_start(word.as_bytes()[0]) || is_local_reference(word) {
                self.name(span, role);
            }
        }
    }

    fn insn(&mut self, text: &str, base: usize, dialect: Dialect) {
        let reader = reader(dialect);
        // Where the language's words are labels too, only the reader knows which is which.
        let parsed = reader.insn(text).ok();
        let reference = parsed.and_then(|parsed| parsed.reference).map(|reference| base + reference.at);
        for (word, span, _) in words(text, base) {
            if reference == Some(span.start) {
                self.name(span, Role::Uses);
            } else if let Some(register) = register(word) {
                self.name(span, Role::Register(register));
            } else if is_local_reference(word)
                || is_name_start(word.as_bytes()[0]) && !reader.is_reserved(word)
            {
                self.name(span, Role::Uses);
            }
        }
    }
}

/// Whether a directive is data that a label can name.
fn is_data(directive: Directive) -> bool {
    use Directive::{Common, DebugData, Fill, Numbers, Room, Strings};
    matches!(directive, Numbers(_) | Strings { .. } | Room | Fill | Common | DebugData)
}

/// The register that a word is.
fn register(word: &str) -> Option<Reg> {
    let number = is_register(word).then(|| word[1..].parse::<u8>().ok())??;
    (usize::from(number) < Reg::COUNT).then_some(Reg(number))
}

/// Runs of characters that names and numbers have, outside of strings: each with its place and what follows it.
fn words(text: &str, base: usize) -> impl Iterator<Item = (&str, Range<usize>, &str)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'"' => at += string_len(&bytes[at..]),
                b'\'' => at += character_len(&bytes[at..]),
                byte if is_name(byte) => {
                    let len = bytes[at..].iter().take_while(|&&b| is_name(b)).count();
                    let start = at;
                    at += len;
                    return Some((&text[start..at], base + start..base + at, &text[at..]));
                }
                _ => at += 1,
            }
        }
        None
    })
}

/// Bytes of a string with its quotes; it ends with its line at the latest.
fn string_len(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'\n' => return at,
            b'\\' if text.get(at + 1).is_some_and(|&next| next != b'\n') => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each name with its role in a word.
    fn names(source: &str) -> String {
        let words: Vec<String> = outline(source, &Options::default())
            .names
            .iter()
            .map(|name| {
                let role = match name.role {
                    Role::Defines(definition) => format!("{definition:?}"),
                    Role::Declares => "declares".to_owned(),
                    Role::Uses => "uses".to_owned(),
                    Role::Register(register) => return format!("r{}", register.0),
                };
                format!("{role} {}", &source[name.span.clone()])
            })
            .collect();
        words.join(", ")
    }

    #[test]
    fn names_are_told_from_words_of_the_language() {
        assert_eq!(names("a: if r1 == LIMIT goto a"), "Label a, r1, uses LIMIT, uses a");
        assert_eq!(names("exit: goto exit"), "Label exit, uses exit");
        assert_eq!(names("1: goto 1b; w2 = 0x1f"), "LocalLabel 1, uses 1b, r2");
        assert_eq!(names("N = 4 + M # Z"), "Constant N, uses M");
        assert_eq!(names(".dialect normal\nldxw %r1,[%r2+off] ; x"), "r1, r2, uses off");
        assert_eq!(names(".asciz \"a b\"\n.quad x, 'y', \"z\""), "uses x");
        assert_eq!(names("r1 = counts ll"), "r1, uses counts");
        assert_eq!(names("r1 = r99"), "r1, uses r99");
    }

    #[test]
    fn directives_define_declare_and_use() {
        assert_eq!(
            names(".map m, type=hash, key=flow, value=u64, max_entries=N, values=[a, 3: b]"),
            "Map m, uses flow, uses u64, uses N, uses a, uses b"
        );
        assert_eq!(
            names(".struct s { u32 a, b\n flow f\n u8 c[N] }"),
            "Struct s, uses u32, uses flow, uses u8"
        );
        assert_eq!(names(".func u64 f(struct s *p)"), "uses u64, declares f, uses struct, uses s");
        assert_eq!(names(".func f, g\n.globl a, b"), "declares f, uses g, declares a, declares b");
        assert_eq!(names(".type f, @function\n.section xdp\n.set A, B"), "declares f, Constant A, uses B");
        assert_eq!(names(".end\na:"), "");
    }

    #[test]
    fn the_dialect_is_told_from_the_source() {
        let told = |source| outline(source, &Options::default()).parts[0].dialect;
        assert_eq!(told("ldxw %r1,[%r2+4]\nexit"), Dialect::Normal);
        assert_eq!(told("r1 = 5\nexit"), Dialect::Pseudoc);
    }

    #[test]
    fn parts_are_labels_and_statements() {
        let source = "a: b: r0 = 1; exit\n.text\nN = 1\nv: .quad 1";
        let outline = outline(source, &Options::default());
        let parts: Vec<_> = outline.parts.iter().map(|p| (p.kind, &source[p.span.clone()])).collect();
        assert_eq!(
            parts,
            [
                (PartKind::Label, "a:"),
                (PartKind::Label, "b:"),
                (PartKind::Insn, "r0 = 1"),
                (PartKind::Insn, "exit"),
                (PartKind::Directive, ".text"),
                (PartKind::Assignment, "N = 1"),
                (PartKind::Label, "v:"),
                (PartKind::Data, ".quad 1"),
            ]
        );
    }
}
