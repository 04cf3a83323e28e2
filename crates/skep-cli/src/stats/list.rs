//! Lists of statistics that were written before, by skep or by veristat.

use std::path::Path;

use super::column::{COLUMNS, Cell, ColumnId, FILE, PROG, Row, VERDICT, by_name, names};
use crate::failure::Failure;

/// Most bytes of a list.
const MAX_BYTES: u64 = 64 << 20;

/// Words for what is not there: veristat writes the last two.
const ABSENT: [&str; 3] = ["", "N/A", "-1"];

/// The columns and rows of a file.
pub(crate) fn read(path: &Path) -> Result<(Vec<ColumnId>, Vec<Row>), Failure> {
    let fail = |why: String| Failure::Message(format!("{}: {why}", path.display()));
    let bytes = std::fs::metadata(path).map_err(|error| fail(error.to_string()))?.len();
    if bytes > MAX_BYTES {
        return Err(fail(format!("{bytes} bytes, expected at most {MAX_BYTES}")));
    }
    let text = std::fs::read(path).map_err(|error| fail(error.to_string()))?;
    parse(&text).map_err(fail)
}

fn parse(text: &[u8]) -> Result<(Vec<ColumnId>, Vec<Row>), String> {
    let mut reader = csv::ReaderBuilder::new().from_reader(text);
    let header = reader.headers().map_err(|error| error.to_string())?.clone();
    let column = |name: &str| {
        by_name(name).ok_or_else(|| format!("line 1: no column is named `{name}`; there are: {}", names()))
    };
    let columns: Vec<ColumnId> = header.iter().map(column).collect::<Result<_, _>>()?;
    for needed in [FILE, PROG] {
        if !columns.contains(&needed) {
            return Err(format!("line 1: expected a column `{}`", COLUMNS[needed].names[0]));
        }
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| error.to_string())?;
        let line = record.position().map_or(0, csv::Position::line);
        let mut row = Row::default();
        for (&column, value) in columns.iter().zip(&record) {
            row.set(column, cell(column, value).map_err(|why| format!("line {line}: {why}"))?);
        }
        rows.push(row);
    }
    Ok((columns, rows))
}

fn cell(column: ColumnId, value: &str) -> Result<Cell, String> {
    let name = COLUMNS[column].names[0];
    if column == VERDICT && !["success", "failure"].contains(&value) {
        return Err(format!("{name}: expected `success` or `failure`, found `{value}`"));
    }
    if COLUMNS[column].is_text {
        return Ok(Cell::Text(value.to_owned()));
    }
    if ABSENT.contains(&value) {
        return Ok(Cell::Blank);
    }
    value.parse().map(Cell::Number).map_err(|_| format!("{name}: expected a number, found `{value}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_veristat_writes_is_read() {
        let text = b"file_name,prog_name,verdict,duration,total_insns,mem_peak\na.bpf.o,p,success,12,34,-1\n";
        let Ok((columns, rows)) = parse(text) else { panic!("it is a list") };
        assert_eq!(columns, [0, 1, 2, 3, 4, 14]);
        assert_eq!((rows[0].cell(4), rows[0].cell(14)), (&Cell::Number(34), &Cell::Blank));
        assert_eq!(rows[0].key(), ("a.bpf.o".to_owned(), "p".to_owned()));
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        let refused = |text: &str| parse(text.as_bytes()).expect_err("it is wrong");
        assert!(refused("file_name,prog_name,colour\n").starts_with("line 1: no column is named `colour`"));
        assert_eq!(refused("file_name,verdict\n"), "line 1: expected a column `prog_name`");
        let number = "file_name,prog_name,insns\na,b,1\na,c,many\n";
        assert_eq!(refused(number), "line 3: total_insns: expected a number, found `many`");
        let verdict = "file_name,prog_name,verdict\na,b,yes\n";
        assert_eq!(refused(verdict), "line 2: verdict: expected `success` or `failure`, found `yes`");
        assert!(refused("file_name,prog_name\na\n").contains("found record with 1 field"));
    }
}
