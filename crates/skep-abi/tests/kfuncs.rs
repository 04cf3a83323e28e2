//! The table of kernel functions against Linux 6.18: it has those of a kernel's types, as these say, and the callers are those that
//! the kernel lets call (`verifier/kfuncs-6.18-this-kernel.json`, `verifier/availability-6.18.json`, measured by loading
//! one call of each).

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use skep_abi::import::{disagreements, kernel_flags};
use skep_abi::{AttachType, Effect, Function, ProgType, kernel_functions};
use skep_testkit::{shared_data, skip};

fn json(path: PathBuf) -> serde_json::Value {
    serde_json::from_str(&fs::read_to_string(path).expect("a readable file")).expect("JSON")
}

#[test]
fn the_table_has_the_functions_of_a_kernel() {
    let Some(path) = shared_data("verifier/kfuncs-6.18-this-kernel.json") else { skip!("no shared data") };
    let kernel = json(path);
    let names = kernel.as_array().expect("a list").iter().filter_map(|f| f["name"].as_str());
    let ours: BTreeSet<&str> = kernel_functions().map(|f| f.name).collect();
    assert_eq!(ours, names.collect());
}

/// A kernel's types say what functions take and return, and their endings what types don't.
#[test]
fn rows_say_what_a_kernels_types_say() {
    let Some(path) = shared_data("verifier/kfuncs-6.18-this-kernel.json") else { skip!("no shared data") };
    let kernel = json(path);
    let mut wrong = Vec::new();
    for f in kernel.as_array().expect("a list") {
        let name = f["name"].as_str().expect("a name");
        let params: Vec<&str> =
            f["params"].as_array().expect("a list").iter().filter_map(|p| p.as_str()).collect();
        let params: Vec<(&str, &str)> = params.iter().map(|p| p.rsplit_once(' ').expect("a name")).collect();
        let row = Function::kernel(name).expect("a row");
        let found = disagreements(row, f["ret"].as_str().expect("a type"), &params);
        wrong.extend(found.into_iter().map(|what| format!("{name}: {what}")));
        if f["fastcall"].as_bool() != Some(row.has(Effect::Fastcall)) {
            wrong.push(format!("{name}: fastcall"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// The flags of Linux 6.12's source, and which functions it has.
#[test]
fn effects_are_the_flags_of_linux() {
    let Some(path) = shared_data("verifier/kfunc-flags-6.12.json") else { skip!("no shared data") };
    let flags = json(path);
    let flags = flags.as_array().expect("a list");
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for entry in flags {
        let name = entry["name"].as_str().expect("a name");
        // A kernel has those that it was configured for.
        let Some(row) = Function::kernel(name) else { continue };
        seen += 1;
        let list = entry["flags"].as_array().expect("a list");
        let theirs: BTreeSet<&str> = list.iter().filter_map(|flag| flag.as_str()).collect();
        let ours: BTreeSet<&str> =
            kernel_flags(row).into_iter().filter(|flag| *flag != "KF_FASTCALL").collect();
        if ours != theirs {
            wrong.push(format!("{name}: {ours:?}, but {theirs:?} of Linux 6.12"));
        }
        if row.since > (6, 12) {
            wrong.push(format!("{name}: since {:?}, but Linux 6.12 has it", row.since));
        }
    }
    // A macro makes these, which the list of that source does not show.
    let by_macro = |name: &str| name.starts_with("bpf_xdp_metadata_rx_");
    let has = |name: &str| by_macro(name) || flags.iter().any(|entry| entry["name"] == name);
    for row in kernel_functions().filter(|row| row.since <= (6, 12) && !has(row.name)) {
        wrong.push(format!("{}: since {:?}, but Linux 6.12 has not got it", row.name, row.since));
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(seen > 100, "{seen}");
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
        for f in kernel_functions() {
            let linux = allowed.contains(f.name);
            if linux != f.called_from(prog_type, attach_type).is_some() {
                wrong.push(format!("{kind}: {} is {linux} on Linux", f.name));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
