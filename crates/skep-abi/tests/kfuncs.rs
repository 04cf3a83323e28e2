//! The table of kernel functions against Linux 6.18: it has those of a kernel's types, and the callers are those that
//! the kernel lets call (`verifier/kfuncs-6.18-this-kernel.json`, `verifier/availability-6.18.json`, measured by loading
//! one call of each).

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use skep_abi::{AttachType, KFUNCS, ProgType};
use skep_testkit::{shared_data, skip};

fn json(path: PathBuf) -> serde_json::Value {
    serde_json::from_str(&fs::read_to_string(path).expect("a readable file")).expect("JSON")
}

#[test]
fn the_table_has_the_functions_of_a_kernel() {
    let Some(path) = shared_data("verifier/kfuncs-6.18-this-kernel.json") else { skip!("no shared data") };
    let kernel = json(path);
    let names = kernel.as_array().expect("a list").iter().filter_map(|f| f["name"].as_str());
    let ours: BTreeSet<&str> = KFUNCS.iter().map(|f| f.name).collect();
    assert_eq!(ours, names.collect());
}

#[test]
fn kernel_functions_are_callable_where_linux_lets_them_be_called() {
    let Some(path) = shared_data("verifier/availability-6.18.json") else { skip!("no shared data") };
    let measured = json(path);
    let mut wrong = Vec::new();
    for (kind, entry) in measured.as_object().expect("an object") {
        // A program that can't be loaded at all says nothing of what it calls.
        if entry["trivial_load"][0].as_i64() == Some(-1) {
            continue;
        }
        let number = |key: &str| entry[key].as_u64().unwrap_or_default() as u32;
        let (prog_type, attach_type) =
            (ProgType(number("prog_type")), AttachType(number("expected_attach_type")));
        let list = entry["kfuncs"].as_array().expect("a list of functions");
        let allowed: BTreeSet<&str> = list.iter().filter_map(|name| name.as_str()).collect();
        for f in KFUNCS {
            let linux = allowed.contains(f.name);
            if linux != f.callable_from(prog_type, attach_type) {
                wrong.push(format!("{kind}: {} is {linux} on Linux", f.name));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
