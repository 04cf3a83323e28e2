//! The rules' pages: each rule has one, its bad example is refused by that rule and its good one accepted; and the
//! messages of Linux that have been seen each have a rule.

use std::collections::HashSet;
use std::sync::Arc;

use skep::abi::ProgType;
use skep::btf::Btf;
use skep::compile::CompileOptions;
use skep::isa::{Insn, Reg};
use skep::obj::Program;
use skep::verify::report::{RULES, Report, Rule};
use skep::verify::{Options, Privileges, verify};
use skep_testkit::{TempDir, shared_data, skip, tool};

const PAGE: &str = include_str!("../../../docs/src/rules.md");

/// The sections, by heading.
fn sections() -> Vec<(&'static str, &'static str)> {
    PAGE.split("\n## ").skip(1).map(|section| section.split_once('\n').expect("a heading")).collect()
}

/// The programs of a section, in order: how they are written and judged, and the text.
fn programs(section: &str) -> Vec<(&str, &str)> {
    let fences = section.split("\n```").skip(1).step_by(2);
    fences.map(|fence| fence.split_once('\n').expect("a fence")).collect()
}

/// The types of the running kernel, if it shows them.
fn kernel() -> Option<Arc<Btf>> {
    let bytes = std::fs::read("/sys/kernel/btf/vmlinux").ok()?;
    Btf::parse(&bytes).ok().map(Arc::new)
}

/// Why an example is not judged on this machine.
enum Absent {
    Compiler,
    KernelTypes,
}

/// The report of the program `prog` of an example, or none if it is accepted.
fn judge(
    name: &str,
    (language, source): (&str, &str),
    kernel: Option<&Arc<Btf>>,
) -> Result<Option<Report>, Absent> {
    let (language, judged) = language.split_once(',').unwrap_or((language, ""));
    let object = match language {
        "asm" => {
            skep::asm::assemble(source, "example.s").unwrap_or_else(|e| panic!("{name}: {e:?}\n{source}"))
        }
        "c" if tool("clang").or_else(|| tool("clang-19")).is_none() => return Err(Absent::Compiler),
        "c" => {
            let dir = TempDir::new("example");
            let file = dir.join("example.c");
            std::fs::write(&file, source).expect("it is written");
            skep::source::read(&file, &CompileOptions::default())
                .unwrap_or_else(|e| panic!("{name}: {e}\n{source}"))
        }
        other => panic!("{name}: expected `asm` or `c`, found `{other}`"),
    };
    let function = object.functions.iter().position(|f| f.name == "prog").expect("a program `prog`");
    let program = Arc::new(object.program(function).expect("it links"));
    let names_kernel = program.prog_type.needs_target() || !program.kernel_symbols.is_empty();
    if names_kernel && kernel.is_none() {
        return Err(Absent::KernelTypes);
    }
    let privileges = match judged {
        "" => Privileges::All,
        "bpf-only" => Privileges::BpfOnly,
        other => panic!("{name}: expected nothing or `bpf-only`, found `{other}`"),
    };
    let kernel = kernel.filter(|_| names_kernel).cloned();
    let error = verify(program.clone(), &Options { kernel, privileges, ..Options::default() }).err();
    Ok(error.map(|error| Report::new(&error, &program)))
}

#[test]
fn every_rule_has_a_page_under_its_title() {
    let sections = sections();
    for rule in RULES {
        let (_, text) = sections
            .iter()
            .find(|(name, _)| *name == rule.name)
            .unwrap_or_else(|| panic!("no page of {}", rule.name));
        assert_eq!(text.trim().lines().next(), Some(rule.title), "{}", rule.name);
    }
    assert_eq!(sections.len(), RULES.len());
}

#[test]
fn bad_examples_are_refused_by_their_rule_and_good_ones_accepted() {
    let kernel = kernel();
    let (mut wrong, mut compiler, mut types) = (Vec::new(), 0, 0);
    for (name, section) in sections() {
        // Of the first no file can be written: see below. The others are about the kernel that is asked for, not about
        // the program alone: the tests of levels and of relocation judge them.
        if matches!(name, "bad-layout" | "linux-version" | "kernel-type-missing") {
            continue;
        }
        let [bad, good] = programs(section)[..] else {
            wrong.push(format!("{name}: expected two programs"));
            continue;
        };
        let judged =
            judge(name, bad, kernel.as_ref()).and_then(|bad| Ok((bad, judge(name, good, kernel.as_ref())?)));
        match judged {
            Err(Absent::Compiler) => compiler += 1,
            Err(Absent::KernelTypes) => types += 1,
            Ok((bad, good)) => {
                match bad {
                    Some(report) if report.rule.name == name => {}
                    Some(report) => wrong.push(format!("{name}: the bad one breaks another rule:\n{report}")),
                    None => wrong.push(format!("{name}: the bad one is accepted")),
                }
                if let Some(report) = good {
                    wrong.push(format!("{name}: the good one is refused:\n{report}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    if compiler + types > 0 {
        skip!("not judged: {compiler} rules without clang, {types} without the kernel's types");
    }
}

#[test]
fn a_layout_that_no_file_has_is_refused_by_its_rule() {
    let insns = vec![Insn::mov_imm(Reg::R0, 0), Insn::exit()];
    let good = Program::from_insns("prog", ProgType::SocketFilter, insns);
    let mut bad = good.clone();
    bad.functions[0].start = 1;
    assert!(verify(Arc::new(good), &Options::default()).is_ok());
    let error = verify(Arc::new(bad), &Options::default()).expect_err("it is refused");
    assert_eq!(error.reason.rule().name, "bad-layout");
}

#[test]
fn every_message_of_linux_that_was_seen_has_a_rule() {
    let Some(data) = shared_data("verifier") else { skip!("the messages are not there") };
    let text = std::fs::read_to_string(data.join("kernel-error-messages-seen.json")).expect("the messages");
    let shapes: Vec<(String, u64)> = serde_json::from_str(&text).expect("pairs");
    let mut rules = HashSet::new();
    let mut without = Vec::new();
    for (shape, _) in &shapes {
        // The shapes have `#` and `N` for numbers.
        let message = shape.replace("R#", "R1");
        match Rule::of_message(&message) {
            Some(rule) => drop(rules.insert(rule.name)),
            None => without.push(shape.as_str()),
        }
    }
    println!("{} messages, {} rules", shapes.len(), rules.len());
    assert!(without.is_empty(), "no rule for:\n{}", without.join("\n"));
}

/// What `skep` prints.
fn skep(arguments: &[&str]) -> String {
    let skep =
        std::process::Command::new(env!("CARGO_BIN_EXE_skep")).args(arguments).output().expect("it runs");
    String::from_utf8(skep.stdout).expect("text")
}

#[test]
fn a_rule_is_explained_by_its_page() {
    let page = skep(&["explain", "packet-bounds"]);
    assert!(page.starts_with("packet-bounds: usually a mistake in the source\n"), "{page}");
    assert!(page.contains("Bad: ") && page.contains("Good: "), "{page}");
    assert_eq!(skep(&["explain"]).lines().count(), RULES.len());
}

/// A log in the manner of Linux 6.18, with what 7.3 adds.
const LOG: &str = "\
0: R1=ctx() R10=fp0
; void *data = (void *)(long)ctx->data; @ prog.c:9
0: (61) r2 = *(u32 *)(r1 +0)          ; R1=ctx() R2=pkt(r=0)
; void *end = (void *)(long)ctx->data_end; @ prog.c:10
1: (61) r3 = *(u32 *)(r1 +4)          ; R1=ctx() R3=pkt_end()
; if (data + 14 > end) @ prog.c:11
2: (bf) r4 = r2                       ; R2=pkt(r=0) R4_w=pkt(r=0)
3: (07) r4 += 14                      ; R4=pkt(off=14,r=0)
4: (2d) if r4 > r3 goto pc+1 7: R2=pkt(r=14) R3=pkt_end() R4=pkt(off=14,r=14)
; return *(char *)(data + 14); @ prog.c:13
5: (71) r0 = *(u8 *)(r2 +14)
invalid access to packet, off=14 size=1, R2(id=0,off=14,r=14)
R2 offset is outside of the packet
";

#[test]
fn a_kernels_log_is_explained_like_our_own() {
    let dir = skep_testkit::TempDir::new("log");
    let file = dir.path().join("log.txt");
    let block = "\nVerification failed: MEMORY: packet access\n\nReason: byte 14 was not compared\nSuggestion: compare\n";
    for (log, words, help) in [
        (LOG.to_owned(), "R2 offset is outside of the packet", "compare `data + 15` with `data_end`"),
        (format!("{LOG}{block}"), "byte 14 was not compared", "help: compare"),
    ] {
        std::fs::write(&file, log).expect("it is written");
        let report = skep(&["verify", "--from-kernel-log", &file.to_string_lossy()]);
        assert!(report.starts_with("error[packet-bounds]: "), "{report}");
        for part in [
            words,
            help,
            "--> prog.c:13\n",
            "return *(char *)(data + 14);",
            "the last comparison with the packet's end covers up to 14 bytes  (prog.c:11",
            "r2 is `data` of `struct xdp_md`",
        ] {
            assert!(report.contains(part), "expected {part}, found:\n{report}");
        }
        let json = skep(&["verify", "--json", "--from-kernel-log", &file.to_string_lossy()]);
        let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!((json["rule"].as_str(), json["line"].as_u64()), (Some("packet-bounds"), Some(13)));
        assert_eq!((json["class"].as_str(), json["insn"].as_u64()), (Some("source_bug"), Some(5)));
    }
}

#[test]
fn too_complex_programs_are_told_where_the_work_goes() {
    let section = sections().into_iter().find(|(name, _)| *name == "too-complex").expect("its page").1;
    let dir = skep_testkit::TempDir::new("heat");
    let file = dir.path().join("long.s");
    std::fs::write(&file, programs(section)[0].1).expect("it is written");
    let report = skep(&["verify", &file.to_string_lossy()]);
    let heat: Vec<&str> =
        report.lines().skip_while(|line| *line != "looked at most:").skip(1).take(2).collect();
    // The two instructions of the loop share the million visits.
    assert_eq!(heat.len(), 2, "{report}");
    assert!(heat[0].contains(" 500000 visits ") && heat[0].ends_with("r0 += 1"), "{report}");
    assert!(heat[1].contains(" 499999 visits ") && heat[1].contains("if r0 < 2000000"), "{report}");
}
