//! The function table's callers against what Linux 6.18 lets each kind of program call
//! (`verifier/availability-6.18.json`, measured by loading one call of each helper).

use std::collections::BTreeSet;
use std::fs;

use skep_abi::{AttachType, HELPERS, MapType, ProgType};
use skep_testkit::{shared_data, skip};

#[test]
fn functions_are_callable_where_linux_lets_them_be_called() {
    let Some(path) = shared_data("verifier/availability-6.18.json") else { skip!("no shared data") };
    let text = fs::read_to_string(path).expect("a readable file");
    let measured: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let (mut wrong, mut pairs) = (Vec::new(), 0);
    for (name, row) in measured.as_object().expect("an object") {
        // Where not even a program without calls loads, nothing was measured.
        if row["trivial_load"][0].as_i64().is_some_and(|fd| fd < 0) {
            continue;
        }
        let number = |key: &str| row[key].as_u64().and_then(|n| u32::try_from(n).ok()).expect("a number");
        let (kind, attach) = (ProgType(number("prog_type")), AttachType(number("expected_attach_type")));
        let helpers = row["helpers"].as_array().expect("a list of helpers");
        let allowed: BTreeSet<&str> = helpers.iter().filter_map(|name| name.as_str()).collect();
        for f in HELPERS {
            let linux = allowed.contains(f.name.trim_start_matches("bpf_"));
            pairs += 1;
            if linux != f.called_from(kind, attach).is_some() {
                wrong.push(format!("{name}: {} is {linux} on Linux", f.name));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(pairs >= 30 * HELPERS.len(), "{pairs}");
}

/// libbpf's header is made from the kernel's documentation of its helpers, which nothing holds against the rules that
/// its verifier has for them: here it is held against the rows, declaration by declaration.
#[test]
fn helpers_are_declared_as_libbpf_declares_them() {
    let path = std::path::Path::new("/usr/include/bpf/bpf_helper_defs.h");
    let Ok(text) = fs::read_to_string(path) else { skip!("no bpf_helper_defs.h") };
    let bare = |text: &str| text.split_whitespace().collect::<String>();
    let (mut seen, mut wrong) = (0, Vec::new());
    for line in text.lines().filter(|line| line.starts_with("static ") && line.contains(") = (void *) ")) {
        let (declaration, number) = line.split_once(" = (void *) ").expect("a number");
        let id: u32 = number.trim_end_matches(';').parse().expect("a number");
        // Newer headers have helpers that this table does not.
        let Some(f) = skep_abi::Function::by_id(id) else { continue };
        seen += 1;
        // `static long (*bpf_name)(void *ctx)`, and in newer ones `(* const bpf_name)`.
        let theirs = declaration.trim_start_matches("static ").replacen("(*", "", 1).replacen(")(", "(", 1);
        let theirs = bare(&theirs.replacen(" const bpf_", "bpf_", 1));
        if bare(&f.declaration()) != theirs {
            wrong.push(format!("{id}: {declaration} is {}", f.declaration()));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(seen >= 200, "{seen}");
}

#[test]
fn kinds_have_the_numbers_of_linux() {
    let Some(path) = shared_data("verifier/uapi-enums-6.18.json") else { skip!("no shared data") };
    let text = fs::read_to_string(path).expect("a readable file");
    let uapi: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let number = |list: &str, name: String| uapi[list][&name].as_u64();
    for kind in AttachType::ALL {
        assert_eq!(
            number("attach_type", format!("BPF_{}", kind.name())),
            Some(u64::from(kind.0)),
            "{kind:?}"
        );
    }
    for kind in MapType::ALL {
        let linux = number("map_type", format!("BPF_MAP_TYPE_{}", kind.name().to_uppercase()));
        // Two kinds of old have had `_DEPRECATED` put behind their names.
        assert!(linux.is_none_or(|n| n == u64::from(kind.0)), "{kind}: {linux:?}");
    }
    for kind in ProgType::ALL {
        let linux = number("prog_type", format!("BPF_PROG_TYPE_{}", kind.name().to_uppercase()));
        assert!(linux.is_none_or(|n| n == u64::from(kind.0)), "{kind}: {linux:?}");
    }
}
