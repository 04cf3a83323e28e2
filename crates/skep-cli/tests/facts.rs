//! `skep verify --facts`: sources with what is proved of them, `facts/*.s`. Lines that start with `#=` are the paragraph
//! that is printed of the program, all of it; `#r SLOT TEXT` is what the line of an instruction says of registers, at its end.

use std::path::Path;
use std::process::Command;

/// What `skep verify` prints of a file.
fn verify(file: &Path, how: &str) -> String {
    let skep = Command::new(env!("CARGO_BIN_EXE_skep")).args(["verify", how]).arg(file).output();
    let skep = skep.expect("it runs");
    assert!(skep.status.success(), "{}", String::from_utf8_lossy(&skep.stderr));
    String::from_utf8(skep.stdout).expect("text")
}

/// The lines of a text that start so, without that.
fn marked<'a>(text: &'a str, mark: &str) -> Vec<&'a str> {
    text.lines().filter_map(|line| line.strip_prefix(mark)).collect()
}

#[test]
fn what_is_proved_is_what_the_sources_say() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/facts");
    let mut files: Vec<_> =
        std::fs::read_dir(&dir).expect("the sources").map(|e| e.expect("an entry").path()).collect();
    files.sort();
    let mut wrong = Vec::new();
    for file in &files {
        let source = std::fs::read_to_string(file).expect("text");
        let printed = verify(file, "--facts");
        let is_insn = |line: &&str| line.trim_start().starts_with(|c: char| c.is_ascii_digit());
        let (insns, paragraph): (Vec<&str>, Vec<&str>) = printed.lines().skip(1).partition(is_insn);
        let paragraph: Vec<&str> = paragraph.iter().map(|line| line.trim_start()).collect();
        if paragraph != marked(&source, "#= ") {
            wrong.push(format!("{}: found\n#= {}", file.display(), paragraph.join("\n#= ")));
        }
        for expected in marked(&source, "#r ") {
            let (slot, text) = expected.split_once(' ').expect("a slot and a text");
            let line = insns.iter().find(|line| line.trim_start().starts_with(&format!("{slot}: ")));
            if !line.is_some_and(|line| line.ends_with(&format!("; {text}"))) {
                wrong.push(format!("{}: expected {expected}, found {line:?}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn programs_find_the_same_in_json() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/facts/loops.s");
    let printed: serde_json::Value = serde_json::from_str(&verify(&file, "--json")).expect("JSON");
    assert!(printed["facts"].is_null(), "nobody asked");
    let skep =
        Command::new(env!("CARGO_BIN_EXE_skep")).args(["verify", "--facts", "--json"]).arg(&file).output();
    let printed: serde_json::Value = serde_json::from_slice(&skep.expect("it runs").stdout).expect("JSON");
    let facts = &printed["facts"];
    assert_eq!(facts["costs"][0]["function"], "prog");
    assert_eq!(facts["loops"][0]["rounds"]["max"], 3);
    assert_eq!(facts["dead"], serde_json::json!([[8, 9]]));
    assert_eq!(facts["branches"], serde_json::json!([{"insn": 7, "taken": "always"}]));
    assert_eq!((facts["read_only"].as_bool(), facts["numbers_known"].as_bool()), (Some(true), Some(true)));
    assert_eq!(facts["effects"]["writes_packet"], false);
    let at_two =
        facts["registers"].as_array().expect("a list").iter().find(|r| r["insn"] == 2).expect("it is there");
    let r6 =
        at_two["holds"].as_array().expect("a list").iter().find(|r| r["register"] == 6).expect("it is there");
    assert_eq!((r6["kind"].as_str(), r6["range"]["umax"].as_u64()), (Some("number"), Some(3)));
}
