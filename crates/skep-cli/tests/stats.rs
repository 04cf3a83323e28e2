//! `skep verify --stats`, `--compare`, `--replay`: statistics as veristat lists them.

use std::process::{Command, Output};

use skep_testkit::{TempDir, skip, workspace_root};

const FIREWALL: &str = "examples/firewall/firewall.s";
const SAMPLE: &str = "examples/sample/sample.s";

fn skep(arguments: &[&str]) -> Output {
    let skep =
        Command::new(env!("CARGO_BIN_EXE_skep")).current_dir(workspace_root()).args(arguments).output();
    skep.expect("skep starts")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// veristat's columns, as its CSV names them.
const HEADER: &str = "file_name,prog_name,verdict,duration,total_insns,total_states,peak_states,\
    max_states_per_insn,max_mark_read_len,prog_size,prog_size_jited,prog_type,attach_type,stack_depth,mem_peak";

#[test]
fn a_list_has_veristats_columns_and_blanks_where_there_is_no_such_thing() {
    let listed = skep(&["verify", "--stats", FIREWALL]);
    assert!(listed.status.success(), "{}", err(&listed));
    let text = out(&listed);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines.len(), lines[0]), (2, HEADER));
    let cells: Vec<&str> = lines[1].split(',').collect();
    assert_eq!(cells[..3], ["firewall.s", "firewall", "success"]);
    assert!(cells[3..8].iter().all(|cell| cell.parse::<u64>().is_ok()), "{text}");
    // The length of marks and the peak of memory are not counted, and nothing was compiled.
    assert_eq!((cells[8], cells[10], cells[14]), ("", "", ""));
    assert_eq!(cells[11..14], ["xdp", "xdp", "8"]);
}

#[test]
fn several_files_are_one_list_in_the_order_and_with_the_columns_asked_for() {
    let asked = ["-e", "prog,insns,verdict", "-s", "insns", "-o"];
    let listed = |format: &str, more: &[&str]| {
        out(&skep(&[&["verify", "--stats", SAMPLE, FIREWALL], &asked[..], &[format], more].concat()))
    };
    let csv = listed("csv", &[]);
    let numbers: Vec<u64> = csv
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(1).expect("a cell").parse().expect("one"))
        .collect();
    assert!(csv.starts_with("prog_name,total_insns,verdict\n") && numbers.len() == 2, "{csv}");
    assert!(numbers[0] >= numbers[1], "most come first: {csv}");
    assert_eq!(listed("csv", &["-n", "1"]).lines().count(), 2);
    assert_eq!(listed("csv", &["-f", "fire*", "-f", "insns>0"]).lines().count(), 2);
    assert_eq!(listed("csv", &["-f", "!firewall"]).lines().count(), 2);
    let table = listed("table", &[]);
    assert!(table.starts_with("Program"), "{table}");
    assert_eq!(table.lines().filter(|line| line.starts_with("--")).count(), 2, "{table}");
    let json = listed("json", &["-n", "1"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("an object a line");
    assert_eq!((json["verdict"].as_str(), json["total_insns"].as_u64()), (Some("success"), Some(numbers[0])));
}

#[test]
fn a_refused_program_is_a_row_and_a_failure() {
    let folder = TempDir::new("stats");
    let source = folder.join("refused.s");
    std::fs::write(&source, ".section socket\nprog:\n    exit\n").expect("written");
    let listed = skep(&["verify", "--stats", "-e", "prog,verdict,insns,stack", &source.to_string_lossy()]);
    assert_eq!(listed.status.code(), Some(1));
    assert_eq!(out(&listed), "prog_name,verdict,total_insns,stack_depth\nprog,failure,1,\n");
}

/// What veristat writes, and the same program later: one got dearer, one is new, one is gone.
const BEFORE: &str = "\
file_name,prog_name,verdict,duration,total_insns,total_states,mem_peak
a.bpf.o,one,success,100,1000,10,-1
a.bpf.o,two,failure,50,200,5,-1
b.bpf.o,gone,success,7,70,0,-1
";
const AFTER: &str = "\
file_name,prog_name,verdict,duration,total_insns,total_states,mem_peak
a.bpf.o,one,success,90,1500,10,2
a.bpf.o,two,success,60,100,0,2
c.bpf.o,new,success,1,3,0,2
";

#[test]
fn two_lists_are_compared_side_by_side() {
    let folder = TempDir::new("compare");
    let (before, after) = (folder.join("before.csv"), folder.join("after.csv"));
    std::fs::write(&before, BEFORE).expect("written");
    std::fs::write(&after, AFTER).expect("written");
    let (before, after) = (before.to_string_lossy().into_owned(), after.to_string_lossy().into_owned());
    let compared = skep(&["verify", "--compare", &before, &after, "-e", "file,prog,verdict,insns"]);
    assert!(compared.status.success(), "{}", err(&compared));
    let expected = "\
File     Program  Verdict (A)  Verdict (B)  Verdict (DIFF)  Insns (A)  Insns (B)  Insns (DIFF)
-------  -------  -----------  -----------  --------------  ---------  ---------  --------------
a.bpf.o  one      success      success      MATCH                1000       1500  +500 (+50.00%)
a.bpf.o  two      failure      success      MISMATCH              200        100  -100 (-50.00%)
b.bpf.o  gone     success      N/A          N/A                    70        N/A             N/A
c.bpf.o  new      N/A          success      N/A                   N/A          3             N/A
-------  -------  -----------  -----------  --------------  ---------  ---------  --------------
";
    assert_eq!(out(&compared), expected);
    let csv = skep(&[
        "verify",
        "--compare",
        &before,
        &after,
        "-o",
        "csv",
        "-e",
        "prog,insns,mem_peak",
        "-f",
        "|insns_diff|>0",
        "-s",
        "insns_diff",
    ]);
    let expected = "\
prog_name,total_insns_base,total_insns_comp,total_insns_diff,mem_peak_base,mem_peak_comp,mem_peak_diff
one,1000,1500,+500 (+50.00%),,2,N/A
two,200,100,-100 (-50.00%),,2,N/A
";
    assert_eq!(out(&csv), expected);
    let replayed = skep(&["verify", "--replay", &before, "-o", "csv", "-f", "verdict=failure"]);
    assert_eq!(
        out(&replayed),
        "file_name,prog_name,verdict,duration,total_insns,total_states,mem_peak\na.bpf.o,two,failure,50,200,5,\n"
    );
}

#[test]
fn wrong_lists_columns_and_filters_are_told() {
    let folder = TempDir::new("wrong-lists");
    let list = folder.join("list.csv");
    std::fs::write(&list, "file_name,prog_name,colour\n").expect("written");
    let list = list.to_string_lossy().into_owned();
    let wrong = skep(&["verify", "--replay", &list]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(err(&wrong).contains("list.csv: line 1: no column is named `colour`"), "{}", err(&wrong));
    assert_eq!(err(&skep(&["verify", "--compare", &list])), "skep: --compare: 1 files, expected 2\n");
    let column = skep(&["verify", "--stats", FIREWALL, "-e", "colour"]);
    assert_eq!(column.status.code(), Some(2));
    assert!(err(&column).contains("no column is named `colour`"), "{}", err(&column));
    assert_eq!(skep(&["verify", FIREWALL, "-e", "insns"]).status.code(), Some(2), "there are no statistics");
    let filter = skep(&["verify", "--stats", FIREWALL, "-f", "insns>many"]);
    assert_eq!(err(&filter), "skep: `insns>many`: expected a number, found `many`\n");
}

#[test]
fn both_hosts_stand_side_by_side() {
    let listed = skep(&["verify", "--stats", "--host", "both", FIREWALL, "-o", "json"]);
    if listed.status.code() != Some(0) {
        skip!("the kernel loads no programs for us: {}", err(&listed).trim());
    }
    let row: serde_json::Value = serde_json::from_str(&out(&listed)).expect("an object");
    assert_eq!(
        (row["verdict_user"].as_str(), row["verdict_linux"].as_str()),
        (Some("success"), Some("success"))
    );
    assert!(
        row["total_insns_user"].as_u64() > Some(0) && row["total_insns_linux"].as_u64() > Some(0),
        "{row}"
    );
    assert_eq!(row["prog_size_diff"], 0);
    // Only the kernel marks registers as read.
    assert!(row["max_mark_read_len_user"].is_null() && row["max_mark_read_len_linux"].is_u64(), "{row}");
}
