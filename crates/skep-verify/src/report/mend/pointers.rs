//! Pointers that may be null, that are none, or that have to be released.

use skep_abi::{Arg, Function, HELPERS};

use super::c_source::{Statement, StatementKind};
use super::{Applicability, At, Change, Place};

/// What releases what a function acquires, with the arguments that follow; by a word of the function's name.
const RELEASES: [(&str, &str, &str); 2] =
    [("bpf_ringbuf_reserve", "bpf_ringbuf_discard", ", 0"), ("bpf_sk", "bpf_sk_release", "")];

/// Which argument a function releases, if it does that.
fn released(function: &Function) -> Option<usize> {
    function.args.iter().position(|arg| matches!(arg, Arg::Record | Arg::ReleasedSock | Arg::KptrObject))
}

impl At<'_> {
    /// Compares with null what may be null.
    pub(super) fn null_check(&self) -> Option<Change> {
        let source = self.source;
        let used =
            || self.statement.tokens.clone().filter(|at| source.is_name(*at)).map(|at| source.word(at));
        let assigned = self.report.assigned_name().filter(|name| used().any(|word| word == *name));
        let accessed = || Some(self.access()?.name(source)?.to_owned());
        let name = assigned.or_else(accessed)?;
        if self.declared(&name).is_some_and(|declared| declared.stars == 0) {
            return None;
        }
        self.put_before(self.leaving(), &self.check(&format!("!{name}")))
    }

    /// A pointer that is none: null on this path, released, of a packet that was moved, or a number.
    pub(super) fn no_pointer(&self) -> Option<Change> {
        if self.report.is_null() {
            return self.turn_null_check();
        }
        self.reload().or_else(|| self.use_before_release()).or_else(|| self.read_kernel())
    }

    /// Turns the check of a pointer round that lets only null through.
    fn turn_null_check(&self) -> Option<Change> {
        let source = self.source;
        let access = self.access()?;
        let name = source.only_name(&source.without_casts(&access.base))?;
        let statements = source.statements(&self.function);
        let check = statements.into_iter().rfind(|s| {
            s.kind == StatementKind::If && s.tokens.contains(&self.token) && !s.head.contains(&self.token)
        })?;
        let head: Vec<&str> = check.head.clone().map(|at| source.word(at)).collect();
        let start = check.head.start;
        let part = match head[..] {
            ["!", checked] if checked == name => (source.bytes(&(start..start + 1)), String::new()),
            [checked, "==", "NULL" | "0"] if checked == name => {
                (source.bytes(&(start + 1..start + 2)), "!=".to_owned())
            }
            _ => return None,
        };
        Some((Applicability::Maybe, vec![part]))
    }

    /// The call that released this name before.
    fn release_of(&self, name: &str) -> Option<Statement> {
        let source = self.source;
        let before = self.function.body.start..self.statement.tokens.start;
        let calls = before.rev().filter(|at| source.is_name(*at) && source.word(at + 1) == "(");
        let at = calls.into_iter().find(|at| {
            let released = Function::by_name(source.word(*at)).and_then(released);
            released.is_some_and(|arg| {
                let call = source.call(*at);
                call.is_some_and(|call| {
                    call.args.get(arg).and_then(|arg| source.only_name(arg)) == Some(name)
                })
            })
        })?;
        source.statement_at(&self.function, at)
    }

    /// Moves the statement to before the call that releases what it uses.
    fn use_before_release(&self) -> Option<Change> {
        let source = self.source;
        let release = self.release_of(self.access()?.name(source)?)?;
        if self.statement.kind != StatementKind::Simple || self.statement.is_body {
            return None;
        }
        let mut parts = self.before(&release, &[source.text_of(&self.statement.tokens).to_owned()])?;
        parts.push((self.whole_line(&self.statement), String::new()));
        Some((Applicability::Maybe, parts))
    }

    /// Takes out what releases a second time.
    pub(super) fn released_twice(&self) -> Option<Change> {
        let source = self.source;
        let function = self.helper()?;
        let call = source.calls(function.name, self.statement.tokens.clone()).next()?;
        let name = source.only_name(call.args.get(released(function)?)?)?;
        self.release_of(name)?;
        let is_alone =
            self.statement.kind == StatementKind::Simple && self.statement.tokens.start == call.name;
        let part = match is_alone {
            true if self.statement.is_body => (source.bytes(&self.statement.tokens), ";".to_owned()),
            true => (self.whole_line(&self.statement), String::new()),
            false => return None,
        };
        Some((Applicability::Maybe, vec![part]))
    }

    /// A statement, with the line if it is alone there.
    fn whole_line(&self, statement: &Statement) -> std::ops::Range<usize> {
        let text = self.source.text;
        let range = self.source.bytes(&statement.tokens);
        let start = self.source.line_start(range.start);
        let rest = text[range.end..].find('\n').map_or(text.len(), |end| range.end + end + 1);
        let behind = text[range.end..rest].trim();
        let is_comment =
            behind.starts_with("/*") && behind.find("*/") == Some(behind.len().saturating_sub(2));
        let is_alone = text[start..range.start].trim().is_empty() && (behind.is_empty() || is_comment);
        if is_alone { start..rest } else { range }
    }

    /// Has the kernel's memory read by the function for that.
    fn read_kernel(&self) -> Option<Change> {
        let access = self.access().filter(|access| access.links.is_empty())?;
        let name = access.name(self.source)?;
        let declared = self.declared(name).filter(|declared| declared.stars == 1)?;
        if declared.type_words.ends_with("void") {
            return None;
        }
        let read = format!(
            "({{ typeof(*{name}) copy = 0; bpf_probe_read_kernel(&copy, sizeof(copy), {name}); copy; }})"
        );
        Some((Applicability::Maybe, vec![(self.source.bytes(&access.whole), read)]))
    }
}

impl Place<'_> {
    /// Releases what was acquired where the path leaves the function.
    pub(super) fn release(&self) -> Option<Change> {
        let source = self.source;
        let acquired = self.report.causes.iter().rev().find(|cause| cause.what.contains("acquires"))?;
        let name = self.report.assigned_name()?;
        let (_, release, rest) = RELEASES.iter().find(|(word, _, _)| acquired.what.contains(word))?;
        debug_assert!(HELPERS.iter().any(|f| f.name == *release));
        let from = acquired.source.as_ref().and_then(|line| source.token_at(line.line, 1))?;
        let leaving = self.way_out(from, &name)?;
        let line = format!("{release}({name}{rest});");
        Some((Applicability::Maybe, self.before(&leaving, &[line])?))
    }

    /// The `return` that the path leaves by: the first behind its last branch, where the name is not null and was not
    /// released just before.
    fn way_out(&self, from: usize, name: &str) -> Option<Statement> {
        let source = self.source;
        let branches = self.report.path.iter().rev().filter_map(|branch| branch.source.as_ref());
        let last = branches.map(|line| line.line).find_map(|line| source.token_at(line, 1)).unwrap_or(from);
        let statements = source.statements(&self.function);
        let mut returns = statements.iter().filter(|s| {
            s.tokens.start >= last.max(from)
                && source.word(s.tokens.start) == "return"
                && !self.is_null_at(s, name, &statements)
        });
        returns.find(|s| !self.is_released_before(s, name, &statements)).cloned()
    }

    /// Whether a statement is governed by a check that the name is null.
    fn is_null_at(&self, statement: &Statement, name: &str, statements: &[Statement]) -> bool {
        let source = self.source;
        statements.iter().any(|s| {
            let head: Vec<&str> = s.head.clone().map(|at| source.word(at)).collect();
            let is_null =
                matches!(head[..], ["!", checked] | [checked, "==", "NULL" | "0"] if checked == name);
            s.kind == StatementKind::If && s.tokens.contains(&statement.tokens.start) && is_null
        })
    }

    /// Whether the statements before it in its block release the name.
    fn is_released_before(&self, statement: &Statement, name: &str, statements: &[Statement]) -> bool {
        let source = self.source;
        let block = statements
            .iter()
            .rfind(|s| s.kind == StatementKind::Block && s.tokens.contains(&statement.tokens.start));
        let start = block.map_or(self.function.body.start, |block| block.tokens.start);
        let is_direct = |s: &&Statement| {
            s.tokens.start >= start
                && s.tokens.end <= statement.tokens.start
                && s.kind == StatementKind::Simple
                && !s.is_body
        };
        !statement.is_body
            && statements.iter().filter(is_direct).any(|s| {
                let call = source.call(s.tokens.start);
                let function = Function::by_name(source.word(s.tokens.start));
                let arg = function.and_then(released);
                call.zip(arg).is_some_and(|(call, arg)| {
                    call.args.get(arg).and_then(|arg| source.only_name(arg)) == Some(name)
                })
            })
    }
}
