//! Which rows and columns are wanted, and in which order: veristat's little language.
//!
//! A column is asked for by its name; in a comparison with `_a`, `_b`, `_diff` or `_pct` behind it (`_b` if there is
//! none), between `|` for the number without its sign, and for an order with `^` behind it (ascending) or `v`, `V`, `.`, `!`,
//! `_` (descending). A filter is `COLUMN OP NUMBER`, or globs: one for file or program, or `FILE/PROG`; with `!` before it, it
//! says what is not wanted.

use std::cmp::Ordering;

use super::column::{COLUMNS, Cell, ColumnId, FILE, PROG, Row, VERDICT, by_name, names};

/// Which number of a comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Variant {
    /// The first list's.
    A,
    /// The second's.
    #[default]
    B,
    /// How much more the second's is.
    Diff,
    /// The same in percent of the first's.
    Pct,
}

const VARIANTS: [(&str, Variant); 4] =
    [("_a", Variant::A), ("_b", Variant::B), ("_diff", Variant::Diff), ("_pct", Variant::Pct)];

/// A column as it was asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Asked {
    pub(crate) column: ColumnId,
    variant: Variant,
    absolute: bool,
    ascending: bool,
}

impl Asked {
    fn plain(column: ColumnId) -> Asked {
        // Words go up, and so do verdicts: failures first. What is much comes first.
        Asked { column, variant: Variant::B, absolute: false, ascending: COLUMNS[column].is_text }
    }
}

/// A row, or the rows of two lists for one program.
#[derive(Clone, Debug)]
pub(crate) enum Subject {
    One(Row),
    Two(Option<Row>, Option<Row>),
}

impl Subject {
    /// Its file and program, whichever list has it.
    pub(crate) fn key(&self) -> (String, String) {
        match self {
            Subject::One(row) | Subject::Two(Some(row), _) | Subject::Two(None, Some(row)) => row.key(),
            Subject::Two(None, None) => <(String, String)>::default(),
        }
    }

    /// The cells of a column: the one, or those of both lists.
    pub(crate) fn cells(&self, column: ColumnId) -> (Option<&Cell>, Option<&Cell>) {
        match self {
            Subject::One(row) => (Some(row.cell(column)), Some(row.cell(column))),
            Subject::Two(a, b) => (a.as_ref().map(|r| r.cell(column)), b.as_ref().map(|r| r.cell(column))),
        }
    }

    #[allow(clippy::cast_precision_loss)] // to compare by
    fn number(&self, asked: Asked) -> Option<f64> {
        let (a, b) = self.cells(asked.column);
        let (a, b) = (a.and_then(Cell::number), b.and_then(Cell::number));
        let number = match asked.variant {
            Variant::A => a? as f64,
            Variant::B => b? as f64,
            // Of verdicts: 1 if they are the same.
            Variant::Diff if asked.column == VERDICT => f64::from(u8::from(a? == b?)),
            Variant::Diff => b?.saturating_sub(a?) as f64,
            Variant::Pct => percent(a?, b?),
        };
        Some(if asked.absolute { number.abs() } else { number })
    }

    /// A word, of the list that was asked for or of whichever has it.
    fn word(&self, asked: Asked) -> String {
        let (a, b) = self.cells(asked.column);
        let (first, second) = if asked.variant == Variant::A { (a, b) } else { (b, a) };
        first.or(second).map(Cell::text).unwrap_or_default()
    }
}

/// How much more `b` is, in percent of `a`; all of it if there was nothing.
#[allow(clippy::cast_precision_loss)] // percents are for people
pub(crate) fn percent(a: i64, b: i64) -> f64 {
    match (a, b.cmp(&a)) {
        (_, Ordering::Equal) => 0.0,
        (0, Ordering::Less) => -100.0,
        (0, Ordering::Greater) => 100.0,
        _ => b.saturating_sub(a) as f64 * 100.0 / a as f64,
    }
}

/// Columns, separated by commas.
pub(crate) fn columns(text: &str) -> Result<Vec<Asked>, String> {
    text.split(',').map(str::trim).map(asked).collect()
}

fn asked(text: &str) -> Result<Asked, String> {
    let inner = |text: &str| text.strip_prefix('|').and_then(|t| t.strip_suffix('|')).map(str::to_owned);
    let stripped = |text: &str| {
        let (absolute, name) = inner(text).map_or((false, text.to_owned()), |name| (true, name));
        let variants = VARIANTS
            .iter()
            .find_map(|(suffix, variant)| Some((by_name(name.strip_suffix(suffix)?)?, *variant)));
        let (column, variant) = by_name(&name).map(|column| (column, Variant::B)).or(variants)?;
        Some(Asked { variant, absolute, ..Asked::plain(column) })
    };
    if let Some(found) = stripped(text) {
        return Ok(found);
    }
    let mut ordered = text.chars();
    let ascending = match ordered.next_back() {
        Some('^') => Some(true),
        Some('v' | 'V' | '.' | '!' | '_') => Some(false),
        _ => None,
    };
    match (ascending, stripped(ordered.as_str())) {
        (Some(ascending), Some(found)) => Ok(Asked { ascending, ..found }),
        _ => Err(format!("no column is named `{text}`; there are: {}", names())),
    }
}

/// Sorts by these columns, then by file and program.
pub(crate) fn sort(subjects: &mut [Subject], by: &[Asked]) {
    let last = [Asked::plain(FILE), Asked::plain(PROG)];
    subjects.sort_by(|a, b| {
        let orders = by.iter().chain(&last).map(|asked| {
            let order = if COLUMNS[asked.column].is_text && asked.column != VERDICT {
                a.word(*asked).cmp(&b.word(*asked))
            } else {
                // What is not there comes before everything.
                a.number(*asked).partial_cmp(&b.number(*asked)).unwrap_or(Ordering::Equal)
            };
            if asked.ascending { order } else { order.reverse() }
        });
        orders.fold(Ordering::Equal, Ordering::then)
    });
}

/// Which rows are wanted.
#[derive(Debug, PartialEq)]
enum Filter {
    /// A number in a column.
    Number(Asked, Operator, f64),
    /// File or program.
    Either(String),
    /// File and program; what is empty is any.
    Both(String, String),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

/// Those that others begin with come later.
const OPERATORS: [(&str, Operator); 8] = [
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<>", Operator::NotEqual),
    ("<=", Operator::LessEqual),
    ("<", Operator::Less),
    (">=", Operator::GreaterEqual),
    (">", Operator::Greater),
    ("=", Operator::Equal),
];

/// Words that stand for 1 and 0.
const YES: [&str; 7] = ["true", "t", "success", "succ", "s", "match", "m"];
const NO: [&str; 6] = ["false", "f", "failure", "fail", "mismatch", "mis"];

/// All filters of a command.
#[derive(Debug, Default)]
pub(crate) struct Filters {
    wanted: Vec<Filter>,
    unwanted: Vec<Filter>,
}

impl Filters {
    /// Reads filters; `@FILE` stands for one a line of that file, `#` begins a comment there.
    pub(crate) fn new(texts: &[String]) -> Result<Filters, String> {
        let mut filters = Filters::default();
        for text in texts {
            let Some(path) = text.strip_prefix('@') else {
                filters.add(text)?;
                continue;
            };
            let file = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
            for line in file.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
            {
                filters.add(line)?;
            }
        }
        Ok(filters)
    }

    fn add(&mut self, text: &str) -> Result<(), String> {
        match text.strip_prefix('!') {
            Some(rest) => self.unwanted.push(filter(rest)?),
            None => self.wanted.push(filter(text)?),
        }
        Ok(())
    }

    /// Whether a row is wanted: no filter that says it isn't; of those by name, and of those by number, one that says it is.
    pub(crate) fn want(&self, subject: &Subject) -> bool {
        let by_number = |filter: &&Filter| matches!(filter, Filter::Number(..));
        let (numbers, names): (Vec<&Filter>, Vec<&Filter>) = self.wanted.iter().partition(by_number);
        let any = |filters: &[&Filter]| filters.is_empty() || filters.iter().any(|f| f.matches(subject));
        !self.unwanted.iter().any(|filter| filter.matches(subject)) && any(&numbers) && any(&names)
    }
}

fn filter(text: &str) -> Result<Filter, String> {
    for (sign, operator) in OPERATORS {
        let Some((name, value)) = text.split_once(sign) else { continue };
        let asked = asked(name.trim())?;
        if COLUMNS[asked.column].is_text && asked.column != VERDICT {
            return Err(format!("`{text}`: {} is no number", name.trim()));
        }
        let value = value.trim().to_ascii_lowercase();
        let number = match value.as_str() {
            yes if YES.contains(&yes) => 1.0,
            no if NO.contains(&no) => 0.0,
            other => other.parse().map_err(|_| format!("`{text}`: expected a number, found `{other}`"))?,
        };
        return Ok(Filter::Number(asked, operator, number));
    }
    Ok(match text.split_once('/') {
        None => Filter::Either(text.to_owned()),
        Some((file, prog)) => Filter::Both(file.to_owned(), prog.to_owned()),
    })
}

impl Filter {
    fn matches(&self, subject: &Subject) -> bool {
        let (file, prog) = subject.key();
        match self {
            Filter::Either(glob) => fits(&file, glob) || fits(&prog, glob),
            Filter::Both(file_glob, prog_glob) => {
                (file_glob.is_empty() || fits(&file, file_glob))
                    && (prog_glob.is_empty() || fits(&prog, prog_glob))
            }
            Filter::Number(asked, operator, value) => {
                // What is not there fits nothing.
                let Some(order) = subject.number(*asked).and_then(|number| number.partial_cmp(value)) else {
                    return false;
                };
                match operator {
                    Operator::Equal => order.is_eq(),
                    Operator::NotEqual => order.is_ne(),
                    Operator::Less => order.is_lt(),
                    Operator::LessEqual => order.is_le(),
                    Operator::Greater => order.is_gt(),
                    Operator::GreaterEqual => order.is_ge(),
                }
            }
        }
    }
}

/// Whether a text fits a pattern in which `*` stands for anything.
fn fits(text: &str, glob: &str) -> bool {
    let mut parts = glob.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(file: &str, prog: &str, insns: i64) -> Row {
        let mut row = Row::default();
        row.set(FILE, Cell::Text(file.to_owned()));
        row.set(PROG, Cell::Text(prog.to_owned()));
        row.set(VERDICT, Cell::verdict(insns < 100));
        row.set(super::super::column::INSNS, Cell::Number(insns));
        row
    }

    fn wanted(filters: &[&str], subject: &Subject) -> bool {
        let filters: Vec<String> = filters.iter().map(|f| (*f).to_owned()).collect();
        Filters::new(&filters).expect("filters").want(subject)
    }

    #[test]
    fn rows_are_wanted_by_name_and_by_number() {
        let subject = Subject::One(row("fire.o", "drop", 40));
        for (filters, expected) in [
            (&["fire*"][..], true),
            (&["drop"], true),
            (&["/drop"], true),
            (&["fire.o/"], true),
            (&["f*e.o/d*p"], true),
            (&["fire.o/pass"], false),
            (&["!drop"], false),
            (&["insns>=40"], true),
            (&["insns > 40"], false),
            (&["verdict=success", "insns<50"], true),
            (&["verdict=f"], false),
            (&["!states>1"], true),
            (&["drop", "insns<10"], false),
        ] {
            assert_eq!(wanted(filters, &subject), expected, "{filters:?}");
        }
    }

    #[test]
    fn comparisons_are_filtered_and_sorted_by_their_difference() {
        let mut subjects = vec![
            Subject::Two(Some(row("a.o", "p", 50)), Some(row("a.o", "p", 60))),
            Subject::Two(Some(row("b.o", "p", 50)), Some(row("b.o", "p", 10))),
            Subject::Two(None, Some(row("c.o", "p", 10))),
        ];
        assert!(wanted(&["insns_diff=10"], &subjects[0]));
        assert!(wanted(&["insns_pct=20"], &subjects[0]));
        assert!(wanted(&["verdict_diff=match"], &subjects[0]));
        assert!(!wanted(&["insns_diff<100"], &subjects[2]));
        let files = |subjects: &[Subject]| subjects.iter().map(|s| s.key().0).collect::<Vec<_>>();
        sort(&mut subjects, &columns("|insns_diff|").expect("columns"));
        assert_eq!(files(&subjects), ["b.o", "a.o", "c.o"]);
        sort(&mut subjects, &columns("insns_diff^").expect("columns"));
        assert_eq!(files(&subjects), ["c.o", "b.o", "a.o"]);
    }

    #[test]
    fn mistakes_are_told() {
        assert!(columns("insns,colour").expect_err("wrong").starts_with("no column is named `colour`"));
        let refused = |text: &str| Filters::new(&[text.to_owned()]).expect_err("wrong");
        assert_eq!(refused("file=3"), "`file=3`: file is no number");
        assert_eq!(refused("insns>many"), "`insns>many`: expected a number, found `many`");
        assert!(refused("colour=3").starts_with("no column is named `colour`"));
    }
}
