//! What the book shows is what happens.

use std::process::Command;

use skep_testkit::{TempDir, workspace_root};

/// The blocks of code of a page.
fn blocks(page: &str) -> Vec<String> {
    let path = workspace_root().join("docs/src").join(page);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.split("```")
        .skip(1)
        .step_by(2)
        .map(|block| block.split_once('\n').expect("a language").1.to_string())
        .collect()
}

fn run(source: &str) -> (String, String) {
    let folder = TempDir::new("book");
    let path = folder.path().join("drop-telnet.s");
    std::fs::write(&path, source).expect("a written file");
    let output = Command::new(env!("CARGO_BIN_EXE_skep"))
        .current_dir(workspace_root())
        .arg("run")
        .arg(&path)
        .args(["--in", "examples/traffic.pcap"])
        .output()
        .expect("skep starts");
    (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[test]
fn the_first_program_does_what_the_page_shows() {
    let blocks = blocks("first.md");
    let (program, shown) = (&blocks[0], &blocks[1]);
    let (out, err) = run(program);
    let lines: Vec<&str> = out.lines().collect();
    let wanted: Vec<&str> =
        shown.lines().filter(|line| !line.starts_with('$') && !line.contains('…')).collect();
    assert!(!wanted.is_empty());
    for line in wanted {
        assert!(lines.contains(&line), "{line:?} is not in\n{out}{err}");
    }
    // Without its length check.
    let checked = ["r4 = r2", "r4 += 38", "if r4 > r3"];
    let unchecked: String = program
        .lines()
        .filter(|line| !checked.iter().any(|part| line.contains(part)))
        .map(|line| format!("{line}\n"))
        .collect::<Vec<_>>()
        .concat();
    let (_, err) = run(&unchecked);
    let reason = blocks[2].lines().nth(1).expect("the refusal");
    assert!(err.starts_with(reason), "{reason:?} does not begin\n{err}");
    assert!(err.contains("invalid access to packet"), "{err}");
}

#[test]
fn the_page_on_versions_lists_every_judgement() {
    let path = workspace_root().join("docs/src/levels.md");
    let text = std::fs::read_to_string(&path).expect("the page");
    let listed: Vec<&str> = text.lines().filter(|line| line.starts_with("| 6.")).collect();
    let row = |judgement: &skep::verify::Judgement| {
        let (major, minor) = judgement.since();
        format!("| {major}.{minor} | {} |", judgement.doc())
    };
    let wanted: Vec<String> = skep::verify::Judgement::ALL.iter().map(row).collect();
    assert_eq!(listed, wanted);
}
