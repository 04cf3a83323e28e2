//! `skep feature`: what there is, printed from the tables that skep itself goes by, so that the list can't be wrong:
//! the instructions of `skep-isa`, the functions, kinds of map and kinds of program of `skep-abi`, and which of them
//! the user host has, as it answers when asked.
//!
//! The book's page of instructions is the Markdown that this prints, and a test compares the two.

use std::io::Write as _;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value as Json, json};
use skep::UserHost;
use skep::abi::{MapType, ProgType};
use skep::isa::text::{Dialect, Writer};
use skep::isa::{Cpu, FormId, Group, ImmUse, Insn, OffUse, Reg, Role, Row, Selector, table};

use crate::failure::Failure;
use crate::functions::{Functions, One, function, functions};
use crate::output::Output;

#[derive(Args)]
#[command(after_help = "\
Examples:
  skep feature isa                        every form of instruction
  skep feature isa --cpu v3               those that compilers emit for -mcpu=v3
  skep feature isa --group atomic64 --json
  skep feature functions                  what programs may call
  skep feature functions --host linux     and what the running kernel lets them call
  skep feature function bpf_redirect      one of them, with arguments and effects")]
pub(crate) struct Options {
    #[command(subcommand)]
    list: List,
}

#[derive(Subcommand)]
enum List {
    /// Forms of instruction: encoding, since when, and the text of both dialects
    Isa(Isa),
    /// Functions that programs may call, and which of them a host has
    Functions(Functions),
    /// All that is known of one function
    Function(One),
    /// Kinds of map
    Maps(Plain),
    /// Kinds of program
    Programs(Plain),
}

#[derive(Args)]
pub(crate) struct Plain {
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
struct Isa {
    /// Only forms that this level has
    #[arg(long, value_enum)]
    cpu: Option<Level>,

    /// Only forms of this conformance group of RFC 9669, or `linux`
    #[arg(long, value_name = "NAME")]
    group: Option<String>,

    /// One JSON object a form
    #[arg(long)]
    json: bool,

    /// A page of Markdown, a table a group
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Level {
    V1,
    V2,
    V3,
    V4,
}

pub(crate) fn feature(options: &Options) -> Result<(), Failure> {
    let mut out = Output::new();
    match &options.list {
        List::Isa(options) => isa(&mut out, options)?,
        List::Functions(options) => functions(&mut out, options)?,
        List::Function(options) => function(&mut out, options)?,
        List::Maps(options) => print(&mut out, options, &maps())?,
        List::Programs(options) => print(&mut out, options, &programs())?,
    }
    out.finish()
}

/// Rows of one list: names of columns, and what is in them.
pub(crate) struct Listing {
    pub(crate) columns: &'static [&'static str],
    pub(crate) rows: Vec<Vec<Json>>,
}

impl Listing {
    /// A row as a JSON object.
    pub(crate) fn object(&self, row: &[Json]) -> Json {
        self.columns.iter().zip(row).map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }
}

/// What stands in a cell of a table.
fn cell(value: &Json) -> String {
    match value {
        Json::Null => "-".to_owned(),
        Json::Bool(true) => "yes".to_owned(),
        Json::Bool(false) => "no".to_owned(),
        Json::String(text) => text.clone(),
        Json::Array(values) => values.iter().map(cell).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// Prints a list, aligned in columns or as JSON.
pub(crate) fn print(out: &mut Output, options: &Plain, listing: &Listing) -> Result<(), Failure> {
    if options.json {
        return listing.rows.iter().try_for_each(|row| out.json(&listing.object(row)));
    }
    let header: Vec<String> = listing.columns.iter().map(|name| (*name).to_owned()).collect();
    let rows = listing.rows.iter().map(|row| row.iter().map(cell).collect());
    let lines: Vec<Vec<String>> = std::iter::once(header).chain(rows).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..listing.columns.len()).map(width).collect();
    for line in &lines {
        let padded: Vec<String> =
            line.iter().zip(&widths).map(|(text, &width)| format!("{text:width$}")).collect();
        writeln!(out, "{}", padded.join("  ").trim_end())?;
    }
    Ok(())
}

/// A version of Linux; nothing for (0, 0).
pub(crate) fn version((major, minor): (u8, u8)) -> Json {
    if major == 0 { Json::Null } else { json!(format!("{major}.{minor}")) }
}

fn maps() -> Listing {
    let row = |kind: &MapType| vec![json!(kind.0), json!(kind.name()), json!(UserHost::has_map_type(*kind))];
    Listing { columns: &["id", "name", "user"], rows: MapType::ALL.iter().map(row).collect() }
}

fn programs() -> Listing {
    let row = |kind: &ProgType| {
        let sections: Vec<&str> =
            skep::abi::SECTIONS.iter().filter(|s| s.prog_type == *kind).map(|s| s.name).collect();
        let sections = if sections.is_empty() { Json::Null } else { json!(sections) };
        vec![
            json!(kind.0),
            json!(kind.name()),
            json!(UserHost::runs(*kind)),
            json!(kind.context().map(|context| context.name).filter(|name| !name.is_empty())),
            sections,
        ]
    };
    Listing {
        columns: &["id", "name", "user", "context", "sections"],
        rows: ProgType::ALL.iter().map(row).collect(),
    }
}

fn isa(out: &mut Output, options: &Isa) -> Result<(), Failure> {
    let groups: Vec<&str> = GROUPS.iter().map(|group| group.name()).collect();
    if let Some(name) = options.group.as_deref().filter(|name| !groups.contains(name)) {
        return Err(Failure::Message(format!(
            "no group is named `{name}`; there are: {}",
            groups.join(", ")
        )));
    }
    let most = options.cpu.map(|level| match level {
        Level::V1 => Cpu::V1,
        Level::V2 => Cpu::V2,
        Level::V3 => Cpu::V3,
        Level::V4 => Cpu::V4,
    });
    let wanted = |row: &&Row| {
        most.is_none_or(|most| row.cpu <= most)
            && options.group.as_deref().is_none_or(|group| row.group.name() == group)
    };
    let rows: Vec<&'static Row> = table::ROWS.iter().filter(wanted).collect();
    if options.markdown {
        return page(out, &rows);
    }
    let listing = Listing { columns: &ISA_COLUMNS, rows: rows.into_iter().map(form).collect() };
    print(out, &Plain { json: options.json }, &listing)
}

/// Conformance groups, in RFC 9669's order.
const GROUPS: [Group; 9] = [
    Group::Base32,
    Group::Base64,
    Group::Atomic32,
    Group::Atomic64,
    Group::DivMul32,
    Group::DivMul64,
    Group::Packet,
    Group::Callx,
    Group::Linux,
];

const ISA_COLUMNS: [&str; 10] =
    ["name", "opcode", "selector", "slots", "cpu", "linux", "group", "pseudoc", "normal", "doc"];

/// A form's row.
fn form(row: &'static Row) -> Vec<Json> {
    let selector = match row.selector {
        Selector::None => Json::Null,
        Selector::Off(off) => json!(format!("off={off}")),
        Selector::Imm(imm) => json!(format!("imm={imm:#x}")),
        Selector::Src(src) => json!(format!("src={src}")),
    };
    let cpu = match row.cpu {
        Cpu::V1 => json!("v1"),
        Cpu::V2 => json!("v2"),
        Cpu::V3 => json!("v3"),
        Cpu::V4 => json!("v4"),
        Cpu::Later => Json::Null,
    };
    let text = |dialect| sample(row).map(|insn| Writer::new(dialect).insn(&insn));
    vec![
        json!(row.name),
        json!(format!("{:#04x}", row.opcode)),
        selector,
        json!(row.slots),
        cpu,
        version(row.linux),
        json!(row.group.name()),
        json!(text(Dialect::Pseudoc)),
        json!(text(Dialect::Normal)),
        json!(row.doc),
    ]
}

/// An instruction of the form, to show its text: r1 and r2 where it has registers, 8 where it has an offset, 16 where
/// it has a number.
fn sample(row: &Row) -> Option<Insn> {
    let form = FormId::by_name(row.name)?;
    let register = |role, reg| if role == Role::None { Reg::R0 } else { reg };
    let imm = match row.imm {
        ImmUse::None => 0,
        // From address space 0 to 1.
        ImmUse::AddrSpaces => 1 << 16,
        ImmUse::WidePair => 8 << 32 | 16,
        _ => 16,
    };
    Some(Insn {
        form,
        dst: register(row.dst, Reg::R1),
        src: register(row.src, Reg::R2),
        off: if row.off == OffUse::None { 0 } else { 8 },
        imm,
    })
}

/// The page of the book.
fn page(out: &mut Output, rows: &[&'static Row]) -> Result<(), Failure> {
    writeln!(out, "# Instructions\n")?;
    writeln!(
        out,
        "The {} forms of instruction that skep knows, by conformance group of RFC 9669. Besides the opcode byte at most \
         one field selects a form. *CPU* is the level of `-mcpu` that has it, *Linux* the first version that takes it. \
         The texts are those of an instruction with r1, r2, offset 8, and the number 16.\n",
        rows.len()
    )?;
    writeln!(out, "This page is what `skep feature isa --markdown` prints.")?;
    for group in GROUPS {
        let rows: Vec<_> = rows.iter().filter(|row| row.group == group).collect();
        if rows.is_empty() {
            continue;
        }
        let title = if group == Group::Linux { "In Linux, not in the RFC" } else { group.name() };
        writeln!(out, "\n## {title}\n")?;
        writeln!(
            out,
            "| form | opcode | selector | slots | CPU | Linux | pseudo-C | normal | what it does |"
        )?;
        writeln!(out, "|---|---|---|---|---|---|---|---|---|")?;
        for row in rows {
            let cells: Vec<String> = ISA_COLUMNS
                .iter()
                .zip(form(row))
                .filter(|(name, _)| **name != "group")
                .map(|(name, value)| {
                    let text = cell(&value).replace('|', "\\|");
                    if ["pseudoc", "normal"].contains(name) { format!("`{text}`") } else { text }
                })
                .collect();
            writeln!(out, "| {} |", cells.join(" | "))?;
        }
    }
    Ok(())
}
