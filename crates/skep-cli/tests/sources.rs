//! `skep asm` on sources as text, and on bare bytes: nothing is lost.

use std::process::{Command, Output};

use skep_testkit::{TempDir, workspace_root};

fn skep(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_skep")).args(arguments).output().expect("skep starts")
}

#[test]
fn a_source_is_rewritten_in_place_and_laid_out() {
    let folder = TempDir::new("sources");
    let path = folder.path().join("fw.s");
    std::fs::copy(workspace_root().join("examples/firewall/firewall.s"), &path).expect("copied");
    let source = path.to_str().expect("UTF-8");
    assert!(skep(&["asm", "--to", "normal", source]).status.success());
    assert!(std::fs::read_to_string(&path).expect("text").contains(".dialect normal\n"));
    assert!(skep(&["asm", "--fmt", source]).status.success());
    assert!(skep(&["asm", "--fmt", "--check", source]).status.success());
    std::fs::write(&path, "f:  r0   =  1\n exit\n").expect("written");
    assert_eq!(skep(&["asm", "--fmt", "--check", source]).status.code(), Some(1));
    assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 1, "nothing is left behind");
}

#[test]
fn bare_bytes_survive() {
    let folder = TempDir::new("bytes");
    let place = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let bytes: Vec<u8> = (0..=250u8).rev().collect();
    std::fs::write(place("a.bin"), &bytes).expect("written");
    for endian in ["little", "big"] {
        let text = skep(&["dis", "--raw", &place("a.bin"), "--endian", endian]).stdout;
        std::fs::write(place("a.s"), text).expect("written");
        assert!(
            skep(&["asm", "--raw", &place("a.s"), "--endian", endian, "-o", &place("b.bin")])
                .status
                .success()
        );
        assert_eq!(std::fs::read(place("b.bin")).expect("written"), bytes);
    }
}
