//! The command as its users meet it: right and wrong usage, pipes, JSON, exit statuses.

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use skep_testkit::{TempDir, workspace_root};

const FIREWALL: &str = "examples/firewall/firewall.s";
const TRAFFIC: &str = "examples/traffic.pcap";

fn skep(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_skep"))
        .current_dir(workspace_root())
        .args(arguments)
        .output()
        .expect("skep starts")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A file in a folder of the test's own.
fn file(folder: &TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("a written file");
    path.to_str().expect("a path in UTF-8").to_string()
}

#[test]
fn wrong_usage_is_status_2_and_a_failure_status_1() {
    assert_eq!(skep(&[]).status.code(), Some(2));
    assert_eq!(skep(&["run"]).status.code(), Some(2));
    assert_eq!(skep(&["run", FIREWALL, "--repeat", "0"]).status.code(), Some(2));
    assert_eq!(skep(&["run", FIREWALL, "--out", "x.pcap"]).status.code(), Some(2));
    let absent = skep(&["run", "absent.o"]);
    assert_eq!(absent.status.code(), Some(1));
    assert!(err(&absent).starts_with("skep: can't read absent.o: "), "{}", err(&absent));
}

#[test]
fn every_verb_has_help_with_examples() {
    for verb in ["run", "verify", "asm", "dis"] {
        let help = skep(&[verb, "--help"]);
        assert!(help.status.success());
        assert!(out(&help).contains("Examples:"), "{verb}");
        assert!(out(&help).contains("--json"), "{verb}");
        assert!(out(&help).lines().all(|line| line.chars().count() <= 100), "{verb}");
    }
}

#[test]
fn mistakes_in_assembly_are_shown_in_place() {
    let folder = TempDir::new("mistakes");
    let source = file(&folder, "bad.s", ".section xdp\nf:\n  gtoo out\n  exit\n");
    let failed = skep(&["asm", &source]);
    assert_eq!(failed.status.code(), Some(1));
    for part in ["no instruction starts with `gtoo`", "bad.s:3:3", "^^^^", "did you mean `goto`?"] {
        assert!(err(&failed).contains(part), "{part}: {}", err(&failed));
    }
    assert!(!Path::new(&source.replace(".s", ".o")).exists());
}

#[test]
fn a_source_is_never_its_own_output() {
    let folder = TempDir::new("itself");
    let text = ".section xdp\nf:\n  r0 = 1\n  exit\n";
    let source = file(&folder, "prog.o", text);
    let failed = skep(&["asm", &source]);
    assert_eq!(failed.status.code(), Some(1));
    assert_eq!(std::fs::read_to_string(&source).expect("the source"), text);
}

#[test]
fn a_refused_program_says_where_and_what_to_do() {
    let folder = TempDir::new("refused");
    let source = file(
        &folder,
        "oob.s",
        ".section xdp\nf:\n  r2 = *(u32 *)(r1 + xdp_md.data)\n  r0 = *(u8 *)(r2 + 0)\n  exit\n",
    );
    for verb in ["run", "verify"] {
        let refused = skep(&[verb, &source]);
        assert_eq!(refused.status.code(), Some(1));
        let said = out(&refused) + &err(&refused);
        for part in ["invalid access to packet", "oob.s:4", "r0 = *(u8 *)(r2 + 0)", "data_end"] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
    let json: serde_json::Value =
        serde_json::from_str(&out(&skep(&["verify", &source, "--json"]))).expect("one JSON object");
    assert_eq!((&json["accepted"], &json["insn"]), (&serde_json::json!(false), &serde_json::json!(1)));
}

#[test]
fn an_object_disassembles_to_what_assembles_to_the_same_code() {
    let folder = TempDir::new("road");
    let object = folder.path().join("fw.o");
    let object = object.to_str().expect("a path");
    assert!(skep(&["asm", FIREWALL, "-o", object]).status.success());
    let code = |program: &str| -> Vec<String> {
        out(&skep(&["dis", program, "--json"]))
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["bytes"].to_string())
            .collect()
    };
    let first = code(object);
    assert!(first.len() > 60);
    for dialect in ["normal", "pseudoc"] {
        let text = out(&skep(&["dis", object, "--dialect", dialect]));
        let source = file(&folder, &format!("{dialect}.s"), &text);
        assert_eq!(code(&source), first, "{dialect}");
    }
}

#[test]
fn json_is_a_line_a_packet_and_then_the_program() {
    let output = skep(&["run", FIREWALL, "--in", TRAFFIC, "--maps", "--json", "--repeat", "3"]);
    let text = out(&output);
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let (program, packets) = lines.split_last().expect("lines");
    assert_eq!(packets.len(), 21);
    for (i, packet) in packets.iter().enumerate() {
        assert_eq!(packet["packet"], i + 1);
        assert!(packet["retval"].is_u64() && packet["len_in"].is_u64() && packet["len_out"].is_u64());
    }
    for field in
        ["prog", "type", "host", "engine", "ns_per_run", "runs", "verify_us", "compile_us", "code_bytes"]
    {
        assert!(!program[field].is_null(), "{field}: {program}");
    }
    assert_eq!(program["runs"], 63);
    assert_eq!(program["maps"][0]["elements"][0]["value"], 6);
}

#[test]
fn one_run_on_data_from_standard_input() {
    let folder = TempDir::new("stdin");
    let frame = folder.path().join("frame.bin");
    std::fs::write(&frame, [0u8; 60]).expect("a written file");
    let output = Command::new(env!("CARGO_BIN_EXE_skep"))
        .current_dir(workspace_root())
        .args(["run", FIREWALL, "--data", "-", "--json"])
        .stdin(std::fs::File::open(&frame).expect("the frame"))
        .output()
        .expect("skep starts");
    let json: serde_json::Value = serde_json::from_str(&out(&output)).expect("one JSON object");
    assert_eq!((&json["verdict"], &json["data_out"]), (&"PASS".into(), &"00".repeat(60).into()));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_skep"))
        .current_dir(workspace_root())
        .args(["dis", FIREWALL, "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("skep starts");
    drop(child.stdout.take());
    let status = child.wait().expect("skep ends");
    let mut said = String::new();
    child.stderr.take().expect("standard error").read_to_string(&mut said).expect("text");
    assert_eq!((status.code(), said.as_str()), (Some(0), ""));
}

#[test]
fn captures_and_engines_are_checked_before_anything_runs() {
    let wrong = skep(&["run", FIREWALL, "--in", FIREWALL]);
    assert!(err(&wrong).contains("expected a pcap or pcapng file"), "{}", err(&wrong));
    let both = skep(&["run", FIREWALL, "--host", "linux", "--engine", "jit"]);
    assert!(err(&both).contains("drop one of the two"), "{}", err(&both));
    let name = skep(&["run", FIREWALL, "--prog", "nobody"]);
    assert!(err(&name).contains("no program is named `nobody`; there are: firewall"), "{}", err(&name));
}

#[test]
fn verify_judges_for_loaders_without_perfmon() {
    let folder = TempDir::new("privileges");
    let source = folder.path().join("leak.s");
    std::fs::write(&source, ".section socket\n.globl leak\nleak:\nr0 = r1\nexit\n").expect("a written file");
    let source = source.to_string_lossy();
    assert!(skep(&["verify", &source]).status.success());
    let refused = skep(&["verify", &source, "--privileges", "bpf-only"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(out(&refused).contains("R0 leaks addr as return value"), "{}", out(&refused));
}

#[test]
fn a_program_is_judged_for_another_linux() {
    let folder = TempDir::new("linux");
    let source = ".section \"xdp\"\nwho:\n    r1 = r10\n    r1 += -16\n    r2 = 16\n    call bpf_get_current_comm\n    \
                  r0 = 2\n    exit\n";
    let path = file(&folder, "who.s", source);
    assert_eq!(skep(&["verify", &path]).status.code(), Some(0));
    let refused = skep(&["verify", &path, "--linux", "6.12"]);
    assert_eq!(refused.status.code(), Some(1));
    let said = out(&refused);
    let words = "bpf_get_current_comm for programs of kind xdp is there since Linux 6.16; the program is judged for 6.12";
    assert!(said.starts_with("who: refused by user for Linux 6.12\nerror[linux-version]: "), "{said}");
    assert!(said.contains(words), "{said}");
    let json = out(&skep(&["verify", &path, "--linux", "6.12", "--json"]));
    assert!(json.contains(r#""linux":"6.12""#) && json.contains(r#""rule":"linux-version""#), "{json}");
    let unknown = skep(&["verify", &path, "--linux", "5.15"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(
        err(&unknown).contains("programs are judged for Linux 6.1, 6.6, 6.12, 6.18"),
        "{}",
        err(&unknown)
    );
    let absent = skep(&["verify", &path, "--btf", "nowhere"]);
    assert_eq!(absent.status.code(), Some(1));
    assert!(err(&absent).contains("nowhere: "), "{}", err(&absent));
}
