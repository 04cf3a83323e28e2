//! The first pass: statement after statement into sections, symbols and maps. What isn't known yet is left as a
//! fixup for [`crate::resolve`].

use std::collections::{BTreeMap, HashMap, HashSet};

use skep_isa::text::{Cause as TextCause, Dialect, Reference, TextError};
use skep_isa::{Insn, SLOT_BYTES, encode, encode_all};

use crate::constant;
use crate::ctype::{CType, Types};
use crate::cursor::{Cursor, Value, is_name, is_name_start};
use crate::dialect::{is_register, mnemonics, reader};
use crate::directive::Directive;
use crate::error::{Cause, MAX_ERRORS, Problem, Span};
use crate::map::{MAX_MAPS, MapDecl};
use crate::nearest::nearest;
use crate::section::{
    Fixup, FixupKind, MAX_OBJECT_BYTES, MAX_SECTIONS, Mark, Origin, Purpose, Section, purpose,
};
use crate::source::{Source, Statement};
use crate::symbol::{Binding, Meaning, Signature, Symbol, Symbols, Tag};
use crate::{Options, relax, resolve};

pub(crate) type Result<T> = std::result::Result<T, Problem>;

/// Parameters that registers can carry.
const MAX_PARAMS: usize = 5;

/// What a source has said so far.
pub(crate) struct Assembler<'a> {
    pub(crate) source: &'a Source<'a>,
    pub(crate) options: &'a Options,
    pub(crate) symbols: Symbols<'a>,
    pub(crate) types: Types,
    pub(crate) maps: Vec<MapDecl<'a>>,
    pub(crate) sections: Vec<Section<'a>>,
    section_index: HashMap<String, usize>,
    pub(crate) current: usize,
    pub(crate) previous: usize,
    stack: Vec<usize>,
    total: u64,
    /// Whether the section that a source starts in may still turn out not to be there.
    pub(crate) pristine: bool,
    /// Numeric local labels: where each definition stands in the source, and its section and offset.
    pub(crate) locals: BTreeMap<&'a str, Vec<(usize, usize, u64)>>,
    /// `.set` of what wasn't known yet.
    pub(crate) sets: Vec<(&'a str, Span, Value<'a>)>,
    pub(crate) files: HashMap<u32, String>,
    pub(crate) loc: Option<Origin>,
    pub(crate) license: Option<String>,
    pub(crate) problems: Vec<Problem>,
    /// Jumps that take a longer form, by the places of their labels' names.
    pub(crate) relaxed: HashSet<usize>,
    /// Whether only bare bytes are wanted, which may end anywhere.
    pub(crate) raw: bool,
    /// Whether the source has to be expanded before it can be read.
    pub(crate) expands: bool,
}

impl<'a> Assembler<'a> {
    pub(crate) fn new(source: &'a Source<'a>, options: &'a Options) -> Assembler<'a> {
        let mut assembler = Assembler {
            source,
            options,
            symbols: Symbols::default(),
            types: Types::with_contexts(),
            maps: Vec::new(),
            sections: Vec::new(),
            section_index: HashMap::new(),
            current: 0,
            previous: 0,
            stack: Vec::new(),
            total: 0,
            pristine: true,
            locals: BTreeMap::new(),
            sets: Vec::new(),
            files: HashMap::new(),
            loc: None,
            license: None,
            problems: Vec::new(),
            relaxed: HashSet::new(),
            raw: false,
            expands: false,
        };
        assembler.sections.push(Section::new(".text", Purpose::Code));
        assembler.section_index.insert(".text".to_owned(), 0);
        assembler
    }

    /// Forgets everything but the source, for another reading with these jumps in longer forms.
    pub(crate) fn restart(&mut self, relaxed: HashSet<usize>) {
        let raw = self.raw;
        *self = Assembler::new(self.source, self.options);
        (self.raw, self.relaxed) = (raw, relaxed);
    }

    /// Reads all statements.
    pub(crate) fn read(&mut self) {
        for statement in &self.source.statements {
            match self.statement(*statement) {
                Ok(Flow::On) => {}
                Ok(Flow::Stop) => return,
                Err(problem) => self.problems.push(problem),
            }
            if self.problems.len() >= MAX_ERRORS {
                return;
            }
        }
    }

    fn statement(&mut self, statement: Statement) -> Result<Flow> {
        let text: &'a str = &self.source.text[statement.span.at..][..statement.span.len];
        let mut base = statement.span.at;
        let mut rest = text;
        while let Some((name, len)) = label(rest) {
            self.label(name, Span { at: base, len: name.len() })?;
            let after = rest[len..].trim_start();
            base += rest.len() - after.len();
            rest = after;
        }
        if rest.is_empty() {
            return Ok(Flow::On);
        }
        let mut cursor = Cursor::new(rest, base);
        let first = cursor.name();
        if let Some((name, span)) = first {
            if is_assignment(&mut cursor, name) {
                cursor.need("=")?;
                self.set(name, span, &mut cursor)?;
                return Ok(Flow::On);
            }
            if name.starts_with('.') {
                let directive = Directive::by_name(name).ok_or_else(|| {
                    Problem::new(span, Cause::UnknownDirective(name.to_owned()))
                        .did_you_mean(Directive::nearest(name))
                })?;
                let directive = match (directive, statement.dialect) {
                    (Directive::AlignByDialect, Dialect::Normal) => Directive::AlignBits,
                    (Directive::AlignByDialect, Dialect::Pseudoc) => Directive::Align,
                    _ => directive,
                };
                return self.directive(directive, span, &mut cursor);
            }
        }
        self.insn(rest, base, statement.dialect)?;
        Ok(Flow::On)
    }

    fn label(&mut self, name: &'a str, span: Span) -> Result<()> {
        self.pristine = false;
        let section = self.current;
        let offset = self.section().offset();
        if name.as_bytes()[0].is_ascii_digit() {
            self.locals.entry(name.trim_start_matches('0')).or_default().push((span.at, section, offset));
            return Ok(());
        }
        self.symbols.define(name, span, Meaning::Label(section, offset))?;
        Ok(())
    }

    pub(crate) fn section(&mut self) -> &mut Section<'a> {
        &mut self.sections[self.current]
    }

    /// Whether the source has types of its own, as compilers print them.
    pub(crate) fn has_types(&self) -> bool {
        self.types_section(".BTF").is_some()
    }

    /// The bytes of a section of types, if it has some.
    pub(crate) fn types_section(&self, name: &str) -> Option<&[u8]> {
        let index = *self.section_index.get(name)?;
        Some(self.sections[index].bytes.as_slice()).filter(|bytes| !bytes.is_empty())
    }

    /// The data section of this name.
    pub(crate) fn data_section(&self, name: &str) -> Option<usize> {
        self.section_index.get(name).copied().filter(|&index| self.sections[index].is_data())
    }

    /// Where the next byte goes, as `.` means it.
    pub(crate) fn here(&self) -> Meaning {
        Meaning::Label(self.current, self.sections[self.current].offset())
    }

    /// Counts bytes that are about to be added.
    pub(crate) fn grow(&mut self, bytes: u64, span: Span) -> Result<()> {
        self.total = self.total.saturating_add(bytes);
        if self.total > MAX_OBJECT_BYTES {
            self.total -= bytes;
            return Err(Problem::new(span, Cause::Limit { what: "bytes", limit: MAX_OBJECT_BYTES }));
        }
        Ok(())
    }

    /// A number that a name stands for: the source's own, a place in a structure, or a well-known one.
    pub(crate) fn constant(&self, name: &str) -> Option<i64> {
        match self.symbols.find(name) {
            Some(symbol) if self.symbols[symbol].meaning != Meaning::Unknown => self.symbols.number(name),
            _ => self.types.constant(name).or_else(|| constant::constant(name)),
        }
    }

    fn insn(&mut self, text: &'a str, base: usize, dialect: Dialect) -> Result<()> {
        let span = Span { at: base, len: text.len() };
        if self.section().purpose != Purpose::Code {
            let cause = Cause::NotCode(self.section().name.clone());
            return Err(Problem::new(span, cause).help("`.text` or `.section xdp` leads to code"));
        }
        let parsed = match reader(dialect).with(text, &|name| self.constant(name)) {
            Ok(parsed) => parsed,
            Err(error) => match self.extension(text, base, dialect) {
                Some(done) => return done,
                None => return Err(self.text_problem(error, text, base, dialect)),
            },
        };
        self.pristine = false;
        let Some(Reference { field, symbol, addend, at }) = parsed.reference else {
            return self.push(parsed.insn, base, span);
        };
        let mut insn = parsed.insn;
        let span = Span { at: base + at, len: symbol.len() };
        if self.relaxed.contains(&span.at) {
            let mut longer = relax::long_form(insn);
            insn = longer.pop().unwrap_or(insn);
            for before in longer {
                self.push(before, base, span)?;
            }
        }
        let offset = self.section().offset();
        self.push(insn, base, span)?;
        let what = FixupKind::Insn { insn, field, symbol, addend };
        self.section().fixups.push(Fixup { offset, span, what });
        Ok(())
    }

    /// Appends the instruction of a registered row that a statement is; `None` if it is none.
    fn extension(&mut self, text: &str, base: usize, dialect: Dialect) -> Option<Result<()>> {
        let isa = self.options.isa.as_deref()?;
        let span = Span { at: base, len: text.len() };
        let insns = match isa.read(dialect, text, &|name| self.constant(name))? {
            Ok(insns) => insns,
            Err(error) => return Some(Err(self.text_problem(error, text, base, dialect))),
        };
        let bytes = isa.encode_all(&insns, self.options.endian);
        self.pristine = false;
        if let Err(problem) = self.grow(bytes.len() as u64, span) {
            return Some(Err(problem));
        }
        let offset = self.section().offset();
        self.mark(offset, base);
        self.section().bytes.extend_from_slice(&bytes);
        Some(Ok(()))
    }

    /// Appends an instruction, of the statement that starts at `base`.
    fn push(&mut self, insn: Insn, base: usize, span: Span) -> Result<()> {
        if let (Some(chosen), Some(row)) = (self.options.cpu, insn.row())
            && row.cpu > chosen
        {
            let cause = Cause::Level { form: row.name, needs: row.cpu, chosen };
            return Err(Problem::new(span, cause));
        }
        let slots = insn.slots();
        self.grow((slots * SLOT_BYTES) as u64, span)?;
        let (offset, endian) = (self.section().offset(), self.options.endian);
        self.mark(offset, base);
        let bytes = &mut self.section().bytes;
        if slots == 1 {
            bytes.extend_from_slice(&encode(&insn, endian));
        } else {
            bytes.extend_from_slice(&encode_all(&[insn, Insn::TAIL], endian));
        }
        Ok(())
    }

    /// Remembers where the instructions from here on come from.
    pub(crate) fn mark(&mut self, offset: u64, at: usize) {
        let origin = self.loc.unwrap_or(Origin::Here(at));
        let marks = &mut self.section().marks;
        // A line of another file goes on until the next `.loc`.
        if !marks.last().is_some_and(|last| last.origin == origin && matches!(origin, Origin::Loc(..))) {
            marks.push(Mark { offset, origin });
        }
    }

    fn text_problem(&self, error: TextError, text: &str, base: usize, dialect: Dialect) -> Problem {
        let span = Span { at: base + error.at, len: error.len };
        let unknown = matches!(error.cause, TextCause::Unknown(_));
        let problem = Problem::new(span, Cause::Insn(error));
        if !unknown {
            return problem;
        }
        let word: &str = &text[..text.bytes().position(|b| !is_name(b)).unwrap_or(text.len())];
        let other = match dialect {
            Dialect::Pseudoc => Dialect::Normal,
            Dialect::Normal => Dialect::Pseudoc,
        };
        if reader(other).with(text, &|name| self.constant(name)).is_ok() {
            return problem.help(format!("this is the other dialect: `.dialect {}`", other.name()));
        }
        problem.did_you_mean(nearest(word, mnemonics(dialect)))
    }

    fn directive(&mut self, directive: Directive, span: Span, cursor: &mut Cursor<'a>) -> Result<Flow> {
        match directive {
            Directive::Section => self.enter_section(cursor)?,
            Directive::PushSection => {
                self.pristine = false;
                let before = self.current;
                self.enter_section(cursor)?;
                self.stack.push(before);
            }
            Directive::PopSection => {
                cursor.end()?;
                let before = self.stack.pop();
                let missing = || Problem::expected(span, "`.pushsection` before it", "none");
                self.switch(before.ok_or_else(missing)?);
            }
            Directive::Previous => {
                cursor.end()?;
                self.switch(self.previous);
            }
            Directive::Named(name) => {
                // GNU's subsections are not kept apart.
                if !cursor.at_end() {
                    self.value(cursor)?;
                }
                cursor.end()?;
                self.named_section(name, None, span)?;
            }
            // What is hidden stays so, whatever else is said of it.
            Directive::Global => self.names(cursor, |symbol| {
                if !symbol.hidden {
                    symbol.binding = Binding::Global;
                }
            })?,
            Directive::Hidden => self.names(cursor, |symbol| {
                symbol.hidden = true;
                symbol.binding = Binding::Local;
            })?,
            Directive::Local => self.bind(cursor, Binding::Local)?,
            Directive::Weak => self.bind(cursor, Binding::Weak)?,
            Directive::Extern => self.names(cursor, |symbol| symbol.external = true)?,
            Directive::Type => self.type_of(cursor)?,
            Directive::Numbers(_)
            | Directive::Strings { .. }
            | Directive::Room
            | Directive::Fill
            | Directive::AlignByDialect
            | Directive::Align
            | Directive::AlignBits
            | Directive::DebugData => self.data(directive, span, cursor)?,
            Directive::Common => self.common(cursor)?,
            Directive::Set => {
                let (name, at) = cursor.need_name("a name")?;
                cursor.need(",")?;
                self.set(name, at, cursor)?;
            }
            Directive::File => self.file(cursor)?,
            Directive::Loc => self.line(cursor)?,
            Directive::Dialect => dialect(cursor)?,
            Directive::License => self.license(cursor)?,
            Directive::Map => self.map(cursor)?,
            Directive::Struct => self.types.read_struct(cursor)?,
            Directive::Func => self.function(cursor)?,
            Directive::Nothing => {}
            // Everything is read again once it is expanded.
            Directive::Expands(_) => {
                self.expands = true;
                return Ok(Flow::Stop);
            }
            Directive::End => return Ok(Flow::Stop),
        }
        Ok(Flow::On)
    }

    fn switch(&mut self, section: usize) {
        if section != self.current {
            self.previous = std::mem::replace(&mut self.current, section);
            self.loc = None;
        }
    }

    fn enter_section(&mut self, cursor: &mut Cursor<'a>) -> Result<()> {
        let (name, span) = match cursor.string()? {
            Some((bytes, span)) => (String::from_utf8_lossy(&bytes).into_owned(), span),
            None => match cursor.word() {
                Some((name, span)) => (name.to_owned(), span),
                None => return Err(cursor.unexpected("the name of a section")),
            },
        };
        if name.is_empty() || name.contains('\0') {
            return Err(Problem::expected(span, "the name of a section", format!("{name:?}")));
        }
        let mut flags = None;
        if cursor.eat(",") {
            flags = match cursor.string()? {
                Some((bytes, _)) => Some(String::from_utf8_lossy(&bytes).into_owned()),
                None => Some(cursor.word().map_or(String::new(), |(word, _)| word.to_owned())),
            };
            // The type, entry size and linked section say nothing that the flags and the name don't.
            while cursor.eat(",") {
                cursor.word();
            }
        }
        cursor.end()?;
        self.named_section(&name, flags.as_deref(), span)
    }

    pub(crate) fn named_section(&mut self, name: &str, flags: Option<&str>, span: Span) -> Result<()> {
        if std::mem::take(&mut self.pristine) {
            // Sections keep the order in which they are named.
            self.sections.clear();
            self.section_index.clear();
        }
        let index = match self.section_index.get(name) {
            Some(&index) => index,
            None => {
                if self.sections.len() >= MAX_SECTIONS {
                    let limit = MAX_SECTIONS as u64;
                    return Err(Problem::new(span, Cause::Limit { what: "sections", limit }));
                }
                self.sections.push(Section::new(name, purpose(name, flags)));
                self.section_index.insert(name.to_owned(), self.sections.len() - 1);
                self.sections.len() - 1
            }
        };
        self.switch(index);
        Ok(())
    }

    fn bind(&mut self, cursor: &mut Cursor<'a>, binding: Binding) -> Result<()> {
        self.names(cursor, |symbol| symbol.binding = binding)
    }

    fn names(&mut self, cursor: &mut Cursor<'a>, each: impl Fn(&mut Symbol<'a>)) -> Result<()> {
        loop {
            let (name, span) = cursor.need_name("a symbol")?;
            let index = self.symbols.mention(name, span)?;
            each(&mut self.symbols[index]);
            if !cursor.eat(",") {
                return cursor.end();
            }
        }
    }

    fn type_of(&mut self, cursor: &mut Cursor<'a>) -> Result<()> {
        let (name, span) = cursor.need_name("a symbol")?;
        cursor.eat(",");
        let index = self.symbols.mention(name, span)?;
        let marked = cursor.eat("@") || cursor.eat("%");
        let mut ahead = cursor.clone();
        let kind = match ahead.string()? {
            Some((bytes, _)) => String::from_utf8_lossy(&bytes).into_owned(),
            None => ahead.name().map_or(String::new(), |(kind, _)| kind.to_owned()),
        };
        let tag = match kind.as_str() {
            "function" | "STT_FUNC" => Some(Tag::Function),
            "object" | "STT_OBJECT" => Some(Tag::Object),
            "notype" | "STT_NOTYPE" => Some(Tag::None),
            _ => None,
        };
        match tag {
            Some(tag) => {
                *cursor = ahead;
                self.symbols[index].tag = tag;
            }
            None if marked => return Err(cursor.unexpected("`function` or `object`")),
            None => self.symbols[index].ty = Some(self.types.read(cursor)?),
        }
        cursor.end()
    }

    /// An expression whose value is known here.
    pub(crate) fn known(&mut self, cursor: &mut Cursor<'a>, min: i128, max: i128) -> Result<i128> {
        cursor.skip_blanks();
        let start = cursor.offset();
        let value = self.value(cursor)?;
        let span = Span { at: start, len: cursor.offset() - start };
        let number = resolve::number(self, &value)?.ok_or_else(|| {
            Problem::expected(span, "a number that is known here", "a symbol without a value")
        })?;
        if number < min || number > max {
            return Err(Problem::new(span, Cause::Range { value: number, min, max }));
        }
        Ok(number)
    }

    pub(crate) fn value(&self, cursor: &mut Cursor<'a>) -> Result<Value<'a>> {
        cursor.expression(&|name| self.constant(name).map(i128::from))
    }

    fn set(&mut self, name: &'a str, span: Span, cursor: &mut Cursor<'a>) -> Result<()> {
        let value = self.value(cursor)?;
        cursor.end()?;
        match resolve::number(self, &value) {
            Ok(Some(number)) => {
                let number = i64::try_from(number).map_err(|_| {
                    let (min, max) = (i128::from(i64::MIN), i128::from(i64::MAX));
                    Problem::new(span, Cause::Range { value: number, min, max })
                })?;
                self.symbols.define(name, span, Meaning::Number(number))?;
            }
            _ => self.sets.push((name, span, value)),
        }
        Ok(())
    }

    /// `.file "a.c"` names the source and says nothing new; `.file 1 "dir" "name"` numbers one for `.loc`.
    fn file(&mut self, cursor: &mut Cursor<'a>) -> Result<()> {
        if cursor.peek().is_some_and(|b| b.is_ascii_digit()) {
            let number = self.known(cursor, 0, i128::from(u32::MAX))? as u32;
            let mut path = String::new();
            for _ in 0..2 {
                let Some((part, _)) = cursor.string()? else { break };
                if !path.is_empty() {
                    path.push('/');
                }
                let part = String::from_utf8_lossy(&part).replace('\0', "?");
                // An absolute name says it all.
                if part.starts_with('/') {
                    path.clear();
                }
                path.push_str(&part);
            }
            self.files.insert(number, path);
        }
        Ok(())
    }

    fn line(&mut self, cursor: &mut Cursor<'a>) -> Result<()> {
        let mut number = [0u32; 3];
        for place in &mut number {
            if cursor.peek().is_some_and(|b| b.is_ascii_digit()) {
                *place = self.known(cursor, 0, i128::from(u32::MAX))? as u32;
            }
        }
        self.loc = Some(Origin::Loc(number[0], number[1], number[2]));
        Ok(())
    }

    fn license(&mut self, cursor: &mut Cursor<'a>) -> Result<()> {
        let Some((bytes, span)) = cursor.string()? else {
            return Err(cursor.unexpected("a licence such as \"GPL\""));
        };
        cursor.end()?;
        let text = String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
        let text = text.ok_or_else(|| Problem::expected(span, "text", "bytes that are none"))?;
        self.grow(text.len() as u64, span)?;
        self.license = Some(text);
        Ok(())
    }

    fn map(&mut self, cursor: &mut Cursor<'a>) -> Result<()> {
        let map = MapDecl::read(cursor, &self.types, &|name| self.constant(name).map(i128::from))?;
        cursor.end()?;
        if self.maps.len() >= MAX_MAPS {
            let limit = MAX_MAPS as u64;
            return Err(Problem::new(map.span, Cause::Limit { what: "maps", limit }));
        }
        self.symbols.define(map.name, map.span, Meaning::Map(self.maps.len()))?;
        self.maps.push(map);
        Ok(())
    }

    /// `.func NAME`, `.func NAME(u32 a, struct flow *b)`, `.func u64 NAME(…)`.
    fn function(&mut self, cursor: &mut Cursor<'a>) -> Result<()> {
        let mut ahead = cursor.clone();
        let lone = ahead.name().is_some() && matches!(ahead.peek(), None | Some(b'(' | b','));
        let int = CType::number("int").unwrap_or(CType::Void);
        let (result, name, span) = if lone {
            let (name, span) = cursor.need_name("the name of a function")?;
            (int, name, span)
        } else {
            self.types.read_declaration(cursor)?
        };
        let index = self.symbols.mention(name, span)?;
        self.symbols[index].tag = Tag::Func;
        if cursor.eat("(") {
            let params = self.parameters(cursor)?;
            self.symbols[index].signature = Some(Signature { result, params });
        } else if cursor.eat(",") {
            // GNU's second operand, the label's name.
            cursor.need_name("a label")?;
        }
        cursor.end()
    }

    fn parameters(&mut self, cursor: &mut Cursor<'a>) -> Result<Vec<(String, CType)>> {
        let mut params = Vec::new();
        let mut ahead = cursor.clone();
        if ahead.name().is_some_and(|(name, _)| name == "void") && ahead.eat(")") {
            *cursor = ahead;
            return Ok(params);
        }
        while !cursor.eat(")") {
            let (ty, name, span) = self.types.read_declaration(cursor)?;
            if params.len() >= MAX_PARAMS {
                let limit = MAX_PARAMS as u64;
                return Err(Problem::new(span, Cause::Limit { what: "parameters", limit }));
            }
            params.push((name.to_owned(), ty));
            if !cursor.eat(",") && cursor.peek() != Some(b')') {
                return Err(cursor.unexpected("`,` or `)`"));
            }
        }
        Ok(params)
    }
}

/// Whether there is more to read.
enum Flow {
    On,
    Stop,
}

fn dialect(cursor: &mut Cursor<'_>) -> Result<()> {
    let (name, span) = cursor.need_name("`normal` or `pseudoc`")?;
    // The source was split by it already.
    if Dialect::by_name(name).is_none() {
        return Err(Problem::expected(span, "`normal` or `pseudoc`", format!("`{name}`"))
            .did_you_mean(nearest(name, ["normal", "pseudoc"])));
    }
    cursor.end()
}

/// A label at the front of a statement: its name and how long it is with its colon.
pub(crate) fn label(text: &str) -> Option<(&str, usize)> {
    let bytes = text.as_bytes();
    let first = *bytes.first()?;
    let len = if first.is_ascii_digit() {
        bytes.iter().take_while(|b| b.is_ascii_digit()).count()
    } else if is_name_start(first) {
        bytes.iter().take_while(|&&b| is_name(b)).count()
    } else {
        return None;
    };
    let blanks = bytes[len..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    (bytes.get(len + blanks) == Some(&b':')).then_some((&text[..len], len + blanks + 1))
}

/// Whether a name is assigned to: `limit = 5`, but not `r0 = 5`, an instruction.
pub(crate) fn is_assignment(cursor: &mut Cursor<'_>, name: &str) -> bool {
    cursor.peek() == Some(b'=') && !cursor.rest().starts_with("==") && !is_register(name)
}
