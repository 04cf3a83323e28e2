//! Expands macros, repetitions, conditions and inclusions: the source as it would be without them.
//!
//! The result is text again, each piece of which knows where it was written, so that what reads it needs to know
//! nothing of this. Conditions see the constants and names that the source defined before them, not the places of
//! labels, which only the assembler knows.

use std::collections::{HashMap, HashSet};

use skep_isa::text::Dialect;

use crate::Options;
use crate::assembler::{is_assignment, label};
use crate::constant;
use crate::ctype::Types;
use crate::cursor::Cursor;
use crate::directive::{Directive, Expands, Test};
use crate::error::{Cause, MAX_ERRORS, Problem, Span};
use crate::fragment::Fragment;
use crate::macros::{Arguments, Macro};
use crate::origin::{Expansion, Origins, Piece, What};
use crate::source::{Source, Splitter, Statement};

/// How deep macros, repetitions and inclusions may nest.
pub const MAX_EXPANSION_DEPTH: usize = 64;
/// Most uses of macros, rounds of repetitions, and inclusions of a source.
pub const MAX_EXPANSIONS: usize = 1 << 20;
/// Most bytes that all expansions of a source may give together, those within others counted again.
pub const MAX_EXPANSION_BYTES: usize = 1 << 24;

type Result<T> = std::result::Result<T, Problem>;

/// An expanded source.
pub(crate) struct Expanded {
    pub(crate) source: Source<'static>,
    pub(crate) problems: Vec<Problem>,
}

/// Expands a source; problems have places in the result.
pub(crate) fn expand(source: &str, name: &str, options: &Options) -> Expanded {
    let mut expander = Expander {
        options,
        origins: Origins::default(),
        out: String::with_capacity(source.len()),
        macros: HashMap::new(),
        numbers: HashMap::new(),
        defined: HashSet::new(),
        types: Types::with_contexts(),
        dialect: options.dialect,
        open: vec![name.to_owned()],
        uses: 0,
        macro_uses: 0,
        bytes: 0,
        problems: Vec::new(),
    };
    let file = expander.origins.add_file(name.to_owned(), source.to_owned());
    let main = Fragment::file(source.to_owned(), file, None);
    expander.fragment(&main, 0);
    let Expander { origins, out, mut problems, .. } = expander;
    let (source, more) = Source::expanded(out, origins, options.dialect);
    problems.extend(more);
    Expanded { source, problems }
}

struct Expander<'o> {
    options: &'o Options,
    origins: Origins,
    out: String,
    macros: HashMap<String, Macro>,
    /// Constants of the source so far.
    numbers: HashMap<String, i64>,
    /// Names that the source defined so far.
    defined: HashSet<String>,
    types: Types,
    /// The dialect of what comes next.
    dialect: Dialect,
    /// The files that are being read, outermost first.
    open: Vec<String>,
    uses: usize,
    /// How many macros were used, which `\@` stands for.
    macro_uses: usize,
    bytes: usize,
    problems: Vec<Problem>,
}

/// A condition that is open.
struct Branch {
    /// Where it began.
    at: Span,
    /// Whether what follows is read.
    active: bool,
    /// Whether one of its branches was read.
    taken: bool,
    /// Whether its `.else` was there.
    last: bool,
}

/// Whether there is more to read of a fragment.
#[derive(PartialEq, Eq)]
enum Flow {
    On,
    /// The rest of the macro is left out.
    ExitMacro,
    /// Too much is wrong, or too large, to go on.
    Stop,
}

impl Expander<'_> {
    /// Reads a fragment and appends what it expands to.
    fn fragment(&mut self, fragment: &Fragment, depth: usize) -> Flow {
        let mut splitter = Splitter::new(&fragment.text, self.dialect);
        let mut branches: Vec<Branch> = Vec::new();
        let mut flow = Flow::On;
        while flow == Flow::On {
            splitter.dialect = self.dialect;
            let Some(statement) = splitter.next_statement() else { break };
            match self.statement(fragment, &mut splitter, statement, &mut branches, depth) {
                Ok(next) => flow = next,
                Err(problem) => {
                    let limit = matches!(*problem.cause, Cause::Limit { .. });
                    self.complain(fragment, problem);
                    if limit || self.problems.len() >= MAX_ERRORS {
                        flow = Flow::Stop;
                    }
                }
            }
        }
        for problem in std::mem::take(&mut splitter.problems) {
            self.complain(fragment, problem);
        }
        if let (Some(branch), Flow::On) = (branches.last(), &flow) {
            let problem =
                Problem::new(branch.at, Cause::Unterminated("condition")).help("close it with `.endif`");
            self.complain(fragment, problem);
        }
        flow
    }

    /// Adds a problem with a place in a fragment; what is written there is put into the result for it.
    fn complain(&mut self, fragment: &Fragment, problem: Problem) {
        let at = self.out.len();
        self.append(fragment, problem.span);
        self.out.push('\n');
        self.problems.push(Problem { span: Span { at, len: problem.span.len }, ..problem });
    }

    fn statement(
        &mut self,
        fragment: &Fragment,
        splitter: &mut Splitter,
        statement: Statement,
        branches: &mut Vec<Branch>,
        depth: usize,
    ) -> Result<Flow> {
        let mut span = statement.span;
        let text = splitter.text[span.at..span.at + span.len].to_vec();
        let text = String::from_utf8(text).unwrap_or_default();
        let mut rest = text.as_str();
        let skipping = branches.iter().any(|branch| !branch.active);
        let mut labels = Vec::new();
        while let Some((name, len)) = label(rest) {
            let after = rest[len..].trim_start();
            labels.push((name, Span { at: span.at, len }));
            span = Span { at: span.at + (rest.len() - after.len()), len: after.len() };
            rest = after;
        }
        let mut cursor = Cursor::new(rest, span.at);
        let first = cursor.name();
        let expands = first.and_then(|(name, _)| match Directive::by_name(name) {
            Some(Directive::Expands(expands)) => Some(expands),
            _ => None,
        });
        if skipping {
            // Dialects that are skipped over are none.
            splitter.dialect = self.dialect;
            if let Some(expands @ (Expands::If(_) | Expands::ElseIf | Expands::Else | Expands::EndIf)) =
                expands
            {
                self.condition(expands, span, &mut cursor, branches)?;
            }
            return Ok(Flow::On);
        }
        for (name, span) in labels {
            self.append(fragment, span);
            self.out.push('\n');
            self.defined.insert(name.to_owned());
        }
        if rest.is_empty() {
            return Ok(Flow::On);
        }
        let Some((name, at)) = first else {
            self.plain(fragment, span, statement.dialect);
            return Ok(Flow::On);
        };
        match expands {
            None => {
                if let Some(found) = self.macros.get(name).cloned()
                    && !is_assignment(&mut cursor, name)
                {
                    let arguments = Arguments::read(&found, cursor.rest(), cursor.offset())?;
                    let place = Span { at: span.at, len: name.len() };
                    let expansion = self.enter(fragment, place, What::Macro(name.to_owned()), depth)?;
                    let count = self.macro_uses.to_string();
                    self.macro_uses += 1;
                    let body = found.body.filled(expansion, |word| {
                        arguments
                            .of(&found, word, fragment)
                            .or_else(|| (word == "@").then(|| Fragment::made(&count, fragment, place.at)))
                    });
                    return Ok(match self.inside(&body, span, depth)? {
                        Flow::Stop => Flow::Stop,
                        _ => Flow::On,
                    });
                }
                self.note(name, &mut cursor);
                self.plain(fragment, span, statement.dialect);
            }
            Some(Expands::Macro) => {
                let header = cursor.rest();
                let base = cursor.offset();
                let body = self.block(fragment, splitter, span, true)?;
                let found = Macro::read(header, base, body)?;
                self.macros.insert(found.name.clone(), found);
            }
            Some(Expands::Repeat | Expands::ForEach | Expands::ForEachCharacter) => {
                let kind = expands.unwrap_or(Expands::Repeat);
                let header = rest;
                let body = self.block(fragment, splitter, span, false)?;
                let mut cursor = Cursor::new(header, span.at);
                cursor.name();
                return self.repeat(kind, fragment, &body, span, &mut cursor, depth);
            }
            Some(Expands::Purge) => {
                let (name, at) = cursor.need_name("a macro")?;
                cursor.end()?;
                if self.macros.remove(name).is_none() {
                    let symbol = name.to_owned();
                    return Err(Problem::new(at, Cause::Undefined { what: "macro", symbol }));
                }
            }
            Some(Expands::ExitMacro) => {
                cursor.end()?;
                branches.clear();
                return Ok(Flow::ExitMacro);
            }
            Some(Expands::EndMacro) => return Err(Problem::expected(at, "`.macro` before it", "none")),
            Some(Expands::EndRepeat) => return Err(Problem::expected(at, "`.rept` before it", "none")),
            Some(Expands::Include) => return self.include(fragment, span, &mut cursor, depth),
            Some(expands) => self.condition(expands, span, &mut cursor, branches)?,
        }
        Ok(Flow::On)
    }

    /// Appends a statement as it is.
    fn plain(&mut self, fragment: &Fragment, span: Span, dialect: Dialect) {
        self.append(fragment, span);
        self.out.push('\n');
        self.dialect = dialect;
    }

    fn append(&mut self, fragment: &Fragment, span: Span) {
        let at = self.out.len();
        let end = (span.at + span.len).min(fragment.text.len());
        fragment.pieces_of(span.at, end, |piece| {
            let piece = Piece { at: at + piece.at, ..piece };
            self.origins.pieces.push(piece);
        });
        // Comments within a statement would be read again, which changes nothing.
        self.out.push_str(&fragment.text[span.at..end]);
    }

    /// Remembers what a plain statement defines.
    fn note(&mut self, name: &str, cursor: &mut Cursor<'_>) {
        if is_assignment(cursor, name) {
            if cursor.need("=").is_ok() {
                self.set(name, cursor);
            }
            return;
        }
        match Directive::by_name(name) {
            Some(Directive::Set) => {
                if let Ok((name, _)) = cursor.need_name("a name")
                    && cursor.need(",").is_ok()
                {
                    self.set(name, cursor);
                }
            }
            // What is wrong with it, the assembler says.
            Some(Directive::Struct) => drop(self.types.read_struct(cursor)),
            Some(Directive::Map | Directive::Common | Directive::Extern | Directive::Func) => {
                self.defined.extend(cursor.name().map(|(name, _)| name.to_owned()));
            }
            _ => {}
        }
    }

    fn set(&mut self, name: &str, cursor: &mut Cursor<'_>) {
        self.defined.insert(name.to_owned());
        let value = cursor.expression(&|name| self.constant(name)).ok();
        match value.and_then(|value| value.constant()).and_then(|number| i64::try_from(number).ok()) {
            Some(number) => self.numbers.insert(name.to_owned(), number),
            None => self.numbers.remove(name),
        };
    }

    fn constant(&self, name: &str) -> Option<i128> {
        let own = self.numbers.get(name).copied();
        own.or_else(|| self.types.constant(name)).or_else(|| constant::constant(name)).map(i128::from)
    }

    /// An expression that has a value here.
    fn number(&self, cursor: &mut Cursor<'_>) -> Result<i128> {
        cursor.skip_blanks();
        let start = cursor.offset();
        let value = cursor.expression(&|name| self.constant(name))?;
        let span = Span { at: start, len: cursor.offset() - start };
        value
            .constant()
            .ok_or_else(|| Problem::expected(span, "a number that is known here", "a symbol without a value"))
    }

    fn condition(
        &mut self,
        expands: Expands,
        span: Span,
        cursor: &mut Cursor<'_>,
        branches: &mut Vec<Branch>,
    ) -> Result<()> {
        if let Expands::If(test) = expands {
            if branches.len() >= MAX_EXPANSION_DEPTH {
                let limit = MAX_EXPANSION_DEPTH as u64;
                return Err(Problem::new(span, Cause::Limit { what: "nested conditions", limit }));
            }
            let skipping = branches.iter().any(|branch| !branch.active);
            // What is skipped isn't even evaluated.
            branches.push(Branch { at: span, active: false, taken: true, last: false });
            let holds = !skipping && self.test(test, cursor)?;
            branches.pop();
            branches.push(Branch { at: span, active: holds, taken: holds || skipping, last: false });
            return Ok(());
        }
        let missing = || Problem::expected(span, "`.if` before it", "none");
        let outer = branches.len().saturating_sub(1);
        let skipping = branches[..outer].iter().any(|branch| !branch.active);
        match expands {
            Expands::EndIf => {
                cursor.end()?;
                branches.pop().ok_or_else(missing)?;
            }
            _ => {
                let branch = branches.last_mut().ok_or_else(missing)?;
                if branch.last {
                    return Err(Problem::expected(span, "`.endif`", "another branch after `.else`"));
                }
                branch.active = false;
                let open = !branch.taken && !skipping;
                let holds = if expands == Expands::Else {
                    branch.last = true;
                    cursor.end()?;
                    open
                } else {
                    open && self.test(Test::Number([true, false, true]), cursor)?
                };
                let branch = branches.last_mut().ok_or_else(missing)?;
                (branch.active, branch.taken) = (holds, branch.taken || holds);
            }
        }
        Ok(())
    }

    fn test(&self, test: Test, cursor: &mut Cursor<'_>) -> Result<bool> {
        match test {
            Test::Number(holds) => {
                let number = self.number(cursor)?;
                cursor.end()?;
                Ok(holds[(number.signum() + 1) as usize])
            }
            Test::Defined(wanted) => {
                let (name, _) = cursor.need_name("a name")?;
                cursor.end()?;
                Ok((self.defined.contains(name) || self.constant(name).is_some()) == wanted)
            }
            Test::Blank(wanted) => Ok(cursor.at_end() == wanted),
            Test::Same(wanted) => {
                let rest = cursor.rest();
                let Some((left, right)) = rest.split_once(',') else {
                    return Err(cursor.unexpected("two texts with `,` between them"));
                };
                Ok((left.trim() == right.trim()) == wanted)
            }
        }
    }

    /// What stands between the statement just read and the end of its block.
    fn block(
        &self,
        fragment: &Fragment,
        splitter: &mut Splitter,
        opening: Span,
        of_macro: bool,
    ) -> Result<Fragment> {
        let start = opening.at + opening.len;
        let mut depth = 1;
        while let Some(statement) = splitter.next_statement() {
            let bytes = &splitter.text[statement.span.at..][..statement.span.len];
            let mut rest = std::str::from_utf8(bytes).unwrap_or_default();
            while let Some((_, len)) = label(rest) {
                rest = rest[len..].trim_start();
            }
            let name = Cursor::new(rest, 0).name().map_or("", |(name, _)| name);
            depth =
                match Directive::by_name(name) {
                    Some(Directive::Expands(Expands::Macro)) if of_macro => depth + 1,
                    Some(Directive::Expands(Expands::EndMacro)) if of_macro => depth - 1,
                    Some(Directive::Expands(
                        Expands::Repeat | Expands::ForEach | Expands::ForEachCharacter,
                    )) if !of_macro => depth + 1,
                    Some(Directive::Expands(Expands::EndRepeat)) if !of_macro => depth - 1,
                    _ => depth,
                };
            if depth == 0 {
                // A dialect within the body is chosen where the body is used.
                splitter.dialect = self.dialect;
                return Ok(fragment.slice(start, statement.span.at));
            }
        }
        let (what, help) = if of_macro { ("macro", ".endm") } else { ("repetition", ".endr") };
        Err(Problem::new(opening, Cause::Unterminated(what)).help(format!("close it with `{help}`")))
    }

    /// A use of something: counted, and remembered for errors in it.
    fn enter(&mut self, fragment: &Fragment, span: Span, what: What, depth: usize) -> Result<u32> {
        let limit = |what, limit: usize| Problem::new(span, Cause::Limit { what, limit: limit as u64 });
        if depth >= MAX_EXPANSION_DEPTH {
            return Err(limit("nested expansions", MAX_EXPANSION_DEPTH));
        }
        if self.uses >= MAX_EXPANSIONS {
            return Err(limit("expansions", MAX_EXPANSIONS));
        }
        self.uses += 1;
        let (file, at, outer) = fragment.written(span.at);
        self.origins.expansions.push(Expansion { what, file, at, outer });
        Ok((self.origins.expansions.len() - 1) as u32)
    }

    fn inside(&mut self, body: &Fragment, span: Span, depth: usize) -> Result<Flow> {
        self.bytes = self.bytes.saturating_add(body.text.len());
        if self.bytes > MAX_EXPANSION_BYTES {
            let limit = MAX_EXPANSION_BYTES as u64;
            return Err(Problem::new(span, Cause::Limit { what: "bytes of expansions", limit }));
        }
        Ok(self.fragment(body, depth + 1))
    }

    fn repeat(
        &mut self,
        kind: Expands,
        fragment: &Fragment,
        body: &Fragment,
        span: Span,
        cursor: &mut Cursor<'_>,
        depth: usize,
    ) -> Result<Flow> {
        let place = Span { at: span.at, len: span.len };
        let mut rounds = Vec::new();
        let mut parameter = "";
        if kind == Expands::Repeat {
            let start = cursor.offset();
            let count = self.number(cursor)?;
            cursor.end()?;
            let (min, max) = (0, MAX_EXPANSIONS as i128);
            if count < min || count > max {
                let span = Span { at: start, len: cursor.offset() - start };
                return Err(Problem::new(span, Cause::Range { value: count, min, max }));
            }
            rounds.resize(count as usize, None);
        } else {
            parameter = cursor.need_name("a name")?.0;
            cursor.eat(",");
            cursor.skip_blanks();
            let (rest, base) = (cursor.rest(), cursor.offset());
            if kind == Expands::ForEachCharacter {
                let characters = rest.trim().trim_matches('"');
                rounds.extend(characters.char_indices().map(|(_, c)| Some((c.to_string(), base))));
            } else {
                rounds.extend(
                    Arguments::split(rest, base, true)?.into_iter().map(|(text, at)| Some((text, at))),
                );
            }
        }
        for round in rounds {
            let expansion = self.enter(fragment, place, What::Repetition, depth)?;
            let filled = body.filled(expansion, |word| {
                let (value, at) = round.as_ref()?;
                (word == parameter).then(|| Fragment::made(value, fragment, *at))
            });
            match self.inside(&filled, span, depth)? {
                Flow::On => {}
                flow => return Ok(flow),
            }
        }
        Ok(Flow::On)
    }

    fn include(
        &mut self,
        fragment: &Fragment,
        span: Span,
        cursor: &mut Cursor<'_>,
        depth: usize,
    ) -> Result<Flow> {
        let Some((name, at)) = cursor.string()? else {
            return Err(cursor.unexpected("a file's name such as \"maps.inc\""));
        };
        cursor.end()?;
        let name = String::from_utf8_lossy(&name).into_owned();
        let refuse = |reason: &str| {
            let cause = Cause::Include { file: name.clone(), reason: reason.to_owned() };
            Problem::new(at, cause)
        };
        let Some(include) = &self.options.include else {
            return Err(refuse("this source stands alone"));
        };
        let from = self.open.last().map_or("", String::as_str);
        let included = include.read(&name, from).map_err(|reason| refuse(&reason))?;
        if self.open.contains(&included.name) {
            return Err(refuse("it includes itself"));
        }
        let expansion = self.enter(fragment, span, What::File(name.clone()), depth)?;
        let file = self.origins.add_file(included.name.clone(), included.text.clone());
        self.open.push(included.name);
        let flow = self.inside(&Fragment::file(included.text, file, Some(expansion)), span, depth);
        self.open.pop();
        flow
    }
}
