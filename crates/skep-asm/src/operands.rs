//! An instruction's text taken apart by its template, so that it can be written by another one with its operands
//! as somebody wrote them: names, bases of numbers and expressions stay.

use skep_isa::text::{Dialect, Parsed, Writer};
use skep_isa::{Insn, Row, table};

use crate::cursor::is_name;
use crate::dialect::{is_register, reader};

/// The same instruction in a dialect, or in its own with blanks as they should be. `None` if the text is no
/// instruction, or one that loses something on the way.
pub(crate) fn rewritten(text: &str, from: Dialect, to: Dialect, writer: &Writer) -> Option<String> {
    // What symbols stand for doesn't matter here; where several are in one operand, they have to be numbers.
    for known in [None, Some(1)] {
        let constant: &dyn Fn(&str) -> Option<i64> = &|_| known;
        let Ok(parsed) = reader(from).with(text, constant) else { continue };
        let row = parsed.insn.row()?;
        for candidate in [by_template(text, row, &parsed.insn, from, to), by_writer(&parsed, writer)] {
            let same = |candidate: &String| {
                let again = reader(to).with(candidate, constant);
                again.is_ok_and(|again| again.insn == parsed.insn && symbol(&again) == symbol(&parsed))
            };
            if let Some(candidate) = candidate.filter(same) {
                return Some(candidate);
            }
        }
    }
    None
}

/// What a statement refers to, wherever in it the name stands.
fn symbol<'a>(parsed: &Parsed<'a>) -> Option<(&'a str, i64)> {
    parsed.reference.as_ref().map(|reference| (reference.symbol, reference.addend))
}

fn by_writer(parsed: &Parsed<'_>, writer: &Writer) -> Option<String> {
    let name = symbol(parsed).map(|(name, addend)| match addend {
        0 => name.to_owned(),
        _ => format!("{name}{addend:+}"),
    });
    Some(writer.with(&parsed.insn, |_| name.clone()))
}

fn by_template(text: &str, row: &Row, insn: &Insn, from: Dialect, to: Dialect) -> Option<String> {
    let own = |dialect| match dialect {
        Dialect::Pseudoc => row.pseudoc,
        Dialect::Normal => row.normal,
    };
    let aliases = table::ALIASES.iter().filter(|(name, _)| *name == row.name).map(|(_, template)| *template);
    std::iter::once(own(from)).chain(aliases).find_map(|template| {
        let operands = align(text, template)?;
        // Within a dialect the spelling stays, too.
        filled(if from == to { template } else { own(to) }, &operands, insn, to)
    })
}

/// Parts of a template: text that stands there as it is, and tags.
fn parts(template: &str) -> impl Iterator<Item = (&str, bool)> {
    let mut rest = template;
    std::iter::from_fn(move || {
        let tag = rest.starts_with('{') && rest[1..].starts_with(|c: char| c.is_ascii_alphabetic());
        let len = if tag {
            rest.find('}')? + 1
        } else {
            rest[1.min(rest.len())..].find('{').map_or(rest.len(), |at| at + 1)
        };
        let (part, after) = rest.split_at(len);
        rest = after;
        (!part.is_empty()).then(|| if tag { (&part[1..len - 1], true) } else { (part, false) })
    })
}

/// The texts of a statement's operands, by tag.
fn align<'t>(text: &'t str, template: &'t str) -> Option<Vec<(&'t str, &'t str)>> {
    let mut operands = Vec::new();
    let mut at = 0;
    let mut parts = parts(template).peekable();
    while let Some((part, tag)) = parts.next() {
        if !tag {
            for (_, token) in Tokens(part, 0) {
                let (start, found) = Tokens(text, at).next()?;
                if !token.eq_ignore_ascii_case(found) {
                    return None;
                }
                at = start + found.len();
            }
            continue;
        }
        if matches!(part, "d" | "dw" | "s" | "sw") {
            let (start, found) = Tokens(text, at).next()?;
            let word = found.trim_start_matches('%');
            let narrow = word.starts_with(['w', 'W']);
            if found != "%fp" && (!is_register(word) || narrow != part.ends_with('w')) {
                return None;
            }
            at = start + found.len();
            continue;
        }
        let stop = parts
            .peek()
            .and_then(|(next, tag)| (!tag).then(|| Tokens(next, 0).next())?)
            .map(|(_, token)| token);
        let (mut depth, start, mut end) = (0usize, at, text.len());
        for (place, token) in Tokens(text, at) {
            if depth == 0 && Some(token) == stop {
                end = place;
                break;
            }
            match token {
                "(" | "[" => depth += 1,
                ")" | "]" => depth = depth.checked_sub(1)?,
                _ => {}
            }
        }
        operands.push((part, text[start..end].trim()));
        at = end;
    }
    text[at..].trim().is_empty().then_some(operands)
}

/// Words and single characters of a text, from a place on.
struct Tokens<'t>(&'t str, usize);

impl<'t> Iterator for Tokens<'t> {
    type Item = (usize, &'t str);

    fn next(&mut self) -> Option<(usize, &'t str)> {
        let rest = self.0.get(self.1..)?;
        let trimmed = rest.trim_start();
        let start = self.1 + (rest.len() - trimmed.len());
        let sign = usize::from(trimmed.starts_with('%'));
        let word = trimmed[sign..].bytes().take_while(|&b| is_name(b)).count();
        let len = if word > 0 { sign + word } else { trimmed.chars().next()?.len_utf8() };
        self.1 = start + len;
        Some((start, &trimmed[..len]))
    }
}

fn filled(template: &str, operands: &[(&str, &str)], insn: &Insn, to: Dialect) -> Option<String> {
    let mut out = String::with_capacity(48);
    let normal = to == Dialect::Normal;
    let prefix = if normal { "%" } else { "" };
    for (part, tag) in parts(template) {
        match part {
            _ if !tag => out.push_str(part),
            "d" => out.push_str(&format!("{prefix}r{}", insn.dst.0)),
            "s" => out.push_str(&format!("{prefix}r{}", insn.src.0)),
            "dw" => out.push_str(&format!("w{}", insn.dst.0)),
            "sw" => out.push_str(&format!("w{}", insn.src.0)),
            _ => {
                let (_, text) = operands.iter().find(|(tag, _)| *tag == part)?;
                match part {
                    "o" | "i+" => out.push_str(&added(text, part == "i+", normal)),
                    "t" | "T" | "c" => {
                        let text = text.strip_prefix("pc").map_or(*text, str::trim_start);
                        let digits = text.starts_with(|c: char| c.is_ascii_digit());
                        let local = text.ends_with(['f', 'b']) && !text.starts_with("0x");
                        match text.strip_prefix('+') {
                            Some(rest) if normal && part != "c" => out.push_str(rest.trim_start()),
                            None if digits && !local && !normal => {
                                out.push('+');
                                out.push_str(text);
                            }
                            _ => out.push_str(text),
                        }
                    }
                    _ => out.push_str(text),
                }
            }
        }
    }
    Some(out)
}

/// What is added to an address or an index: its sign, apart from it in pseudo-C.
fn added(text: &str, may_lack: bool, normal: bool) -> String {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => ('-', rest.trim_start()),
        None => ('+', text.strip_prefix('+').unwrap_or(text).trim_start()),
    };
    match (rest, may_lack, normal) {
        ("", true, _) => String::new(),
        ("", false, true) => "+0".to_owned(),
        ("", false, false) => "+ 0".to_owned(),
        (_, _, true) => format!("{sign}{rest}"),
        (_, true, false) => format!(" {sign} {rest}"),
        (_, false, false) => format!("{sign} {rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both_ways(pseudoc: &str, normal: &str) {
        let writers = [Writer::normal(), Writer::pseudoc()];
        let there = rewritten(pseudoc, Dialect::Pseudoc, Dialect::Normal, &writers[0]);
        assert_eq!(there.as_deref(), Some(normal), "{pseudoc}");
        let back = rewritten(normal, Dialect::Normal, Dialect::Pseudoc, &writers[1]);
        assert_eq!(back.as_deref(), Some(pseudoc), "{normal}");
    }

    #[test]
    fn operands_stay_as_they_were_written() {
        both_ways("r1 += 0x10", "add %r1,0x10");
        both_ways("r0 = XDP_PASS", "mov %r0,XDP_PASS");
        both_ways("r0 = A | B << 2", "mov %r0,A | B << 2");
        both_ways("r1 = *(u32 *)(r1 + xdp_md.data)", "ldxw %r1,[%r1+xdp_md.data]");
        both_ways("*(u64 *)(r10 - 8) = r1", "stxdw [%r10-8],%r1");
        both_ways("if w1 s> -1 goto out", "jsgt32 w1,-1,out".replace("w1", "%r1").as_str());
        both_ways("goto 1b", "ja 1b");
        both_ways("goto +3", "ja 3");
        both_ways("call bpf_map_lookup_elem", "call bpf_map_lookup_elem");
        both_ways("r1 = counts + 8 ll", "lddw %r1,counts + 8");
    }

    #[test]
    fn blanks_become_what_they_should_be() {
        let writer = Writer::pseudoc();
        let canonical = |text| rewritten(text, Dialect::Pseudoc, Dialect::Pseudoc, &writer);
        assert_eq!(canonical("r1=5").as_deref(), Some("r1 = 5"));
        assert_eq!(canonical("w1  =  *(u32*) ( r1+4 )").as_deref(), Some("w1 = *(u32 *)(r1 + 4)"));
        assert_eq!(canonical("if r1 >   r2 goto x").as_deref(), Some("if r1 > r2 goto x"));
        assert_eq!(canonical("frob r1"), None);
    }
}
