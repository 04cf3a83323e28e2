//! What is assembled loads: libbpf takes the object, the kernel its types and its source lines.
//!
//! Programs live as long as their pins, which are in a bpf file system of a mount namespace of the test's own: it
//! goes with the last process in it, whatever happens.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use skep_asm::{assemble, disassemble};
use skep_isa::text::Dialect;
use skep_testkit::{CAP_BPF, CAP_SYS_ADMIN, TempDir, capable, report_skipped, tool};

/// `unshare` and `bpftool`, if this machine and user can load programs.
fn tools(test: &str) -> Option<(PathBuf, PathBuf)> {
    let skip = |reason: &str| {
        report_skipped(env!("CARGO_PKG_NAME"), test, format_args!("{reason}"));
        None
    };
    let Some(unshare) = tool("unshare") else { return skip("unshare is not installed") };
    let Some(bpftool) = tool("bpftool") else { return skip("bpftool is not installed") };
    if !capable(CAP_SYS_ADMIN) || !capable(CAP_BPF) {
        return skip("needs the right to mount and to load programs");
    }
    Some((unshare, bpftool))
}

/// Loads every program of an object and runs a script with them; `$BPFTOOL` and `$PINS` are set.
fn load((unshare, bpftool): &(PathBuf, PathBuf), dir: &Path, object: &Path, script: &str) -> Output {
    let mount = dir.join("bpf");
    std::fs::create_dir_all(&mount).expect("writable");
    let script = format!(
        "mount -t bpf skep-test \"$MOUNT\" && \
         $BPFTOOL prog loadall \"$OBJECT\" \"$PINS\" pinmaps \"$MOUNT/maps\" && {{ {script} ; }}"
    );
    Command::new(unshare)
        .args(["--mount", "--propagation", "private", "sh", "-c", &script])
        .env("MOUNT", &mount)
        .env("PINS", mount.join("progs"))
        .env("OBJECT", object)
        .env("BPFTOOL", bpftool)
        .output()
        .expect("unshare starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn kitchen() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/asm/kitchen.s");
    std::fs::read_to_string(path).expect("readable")
}

#[test]
fn libbpf_loads_what_was_assembled() {
    let Some(tools) = tools("libbpf_loads_what_was_assembled") else { return };
    let dir = TempDir::new("load");
    let object = assemble(&kitchen(), "kitchen.s").expect("a good source");
    let again = assemble(&disassemble(&object, Dialect::Normal), "again.s").expect("a good source");
    for (name, object) in [("first.o", object), ("again.o", again)] {
        let path = dir.join(name);
        std::fs::write(&path, object.to_elf().expect("written")).expect("writable");
        let script = "$BPFTOOL prog dump xlated pinned \"$PINS/main_prog\" linum && \
                      $BPFTOOL -j map show pinned \"$MOUNT/maps/flows\" && \
                      $BPFTOOL -j map dump pinned \"$MOUNT/maps/jumps\" && \
                      $BPFTOOL map dump pinned \"$MOUNT/maps/inner\" && ls \"$PINS\"";
        let output = load(&tools, dir.path(), &path, script);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{name}: {out}{err}");
        assert!(out.contains("int main_prog(struct xdp_md * ctx):"), "{out}");
        assert!(out.contains("u64 twice(u64 x):"), "{out}");
        assert!(out.contains(r#""type":"lru_hash","name":"flows""#), "{out}");
        // The values of the map are printed by their types.
        assert!(out.contains("\"key\": 0,") && out.contains("\"value\": 0"), "{out}");
        assert!(out.ends_with("drop\nmain_prog\npass\n"), "{out}");
        // The initial values of the program array are there.
        let slot =
            |number: u8| out.contains(&format!("\"key\":[\"0x0{number}\",\"0x00\",\"0x00\",\"0x00\"]"));
        assert_eq!([0, 1, 2, 3].map(slot), [true, false, true, false], "{out}");
        if name == "first.o" {
            assert!(
                out.contains("; lock *(u64 *)(r0 + 0) += r1 [file:kitchen.s line_num:57 line_col:9]"),
                "{out}"
            );
        }
    }
}

#[test]
fn the_kernels_log_shows_the_source() {
    let Some(tools) = tools("the_kernels_log_shows_the_source") else { return };
    let dir = TempDir::new("refused");
    let source =
        ".section xdp\nbad:\n    r0 = r1      # the context\n    r0 = *(u64 *)(r0 + 4000)\n    exit\n";
    let object = assemble(source, "bad.s").expect("a good source");
    let path = dir.join("bad.o");
    std::fs::write(&path, object.to_elf().expect("written")).expect("writable");
    let output = load(&tools, dir.path(), &path, "true");
    let err = text(&output.stderr);
    assert!(!output.status.success());
    assert!(err.contains("; r0 = r1      # the context @ bad.s:3"), "{err}");
    assert!(err.contains("; r0 = *(u64 *)(r0 + 4000) @ bad.s:4"), "{err}");
    assert!(err.contains("invalid bpf_context access off=4000 size=8"), "{err}");
}
