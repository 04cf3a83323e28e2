//! `skep asm --from-log`, and sources in other languages, as a user meets them.

use std::process::{Command, Output};

use skep_testkit::TempDir;

fn skep(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_skep")).args(arguments).output().expect("skep starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

const LOG: &str = "\
func#0 @0
0: R1=ctx() R10=fp0
0: (b7) r0 = 1                        ; R0_w=1
1: (15) if r0 == 0x1 goto pc+1        ; R0_w=1
3: (95) exit
processed 3 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
";

#[test]
fn a_log_becomes_a_source_that_assembles() {
    let folder = TempDir::new("from-log");
    let (log, source) = (folder.join("v.log"), folder.join("v.s"));
    std::fs::write(&log, LOG).expect("written");
    let printed = skep(&["asm", "--from-log", log.to_str().expect("a path")]);
    assert!(printed.status.success(), "{}", text(&printed.stderr));
    let expected = "    r0 = 1\n    if r0 == 1 goto +1\n    goto -1  # slot 2: not in the log\n    exit\n";
    assert_eq!(text(&printed.stdout), expected);
    assert_eq!(text(&printed.stderr), "skep: slot 2 is not in the log\n");
    std::fs::write(&source, &printed.stdout).expect("written");
    let assembled = skep(&["asm", source.to_str().expect("a path")]);
    assert!(assembled.status.success(), "{}", text(&assembled.stderr));
}

#[test]
fn several_logs_are_printed_but_not_written_to_one_file() {
    let folder = TempDir::new("logs");
    let (one, two, out) = (folder.join("1.log"), folder.join("2.log"), folder.join("out.s"));
    let path = |path: &std::path::Path| path.to_str().expect("a path").to_owned();
    for log in [&one, &two] {
        std::fs::write(log, LOG).expect("written");
    }
    let logs = [path(&one), path(&two)];
    let printed = skep(&["asm", "--from-log", &logs[0], &logs[1]]);
    assert_eq!(text(&printed.stdout).matches("exit").count(), 2);
    let refused = skep(&["asm", "--from-log", &logs[0], &logs[1], "-o", &path(&out)]);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(text(&refused.stderr), "skep: give one log at a time with -o\n");
    assert!(!out.exists());
}

#[test]
fn what_is_no_log_is_refused() {
    let folder = TempDir::new("no-log");
    let log = folder.join("v.log");
    std::fs::write(&log, "nothing\n").expect("written");
    let refused = skep(&["asm", "--from-log", log.to_str().expect("a path")]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).ends_with("v.log:1: no line of the log has an instruction\n"));
}

#[test]
fn a_source_of_ubpf_is_assembled_and_its_mistakes_are_shown_in_place() {
    let folder = TempDir::new("ubpf");
    let source = folder.join("a.s");
    let path = source.to_str().expect("a path");
    std::fs::write(&source, "be16 %r0\njeq %r0, 7, exit\nmov %r0, 1\nexit\n").expect("written");
    assert!(skep(&["asm", path]).status.success());
    std::fs::write(&source, "be16 %r0\nlock fetch add [%r1+40000], %r2\nexit\n").expect("written");
    let refused = skep(&["asm", path]);
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said.contains("a.s:2:20"), "{said}");
    assert!(said.contains("2 | lock fetch add [%r1+40000], %r2\n  |                    ^^^^^^"), "{said}");
    assert!(said.contains("read as uBPF's assembly, because of line 1: `be16 %r0`"), "{said}");
}
