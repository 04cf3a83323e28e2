//! The function table's callers against what Linux 6.18 lets each kind of program call
//! (`verifier/availability-6.18.json`, measured by loading one call of each helper).

use std::collections::BTreeSet;
use std::fs;

use skep_abi::{AttachType, FUNCTIONS, MapType, ProgType};
use skep_testkit::{shared_data, skip};

#[test]
fn functions_are_callable_where_linux_lets_them_be_called() {
    let Some(path) = shared_data("verifier/availability-6.18.json") else { skip!("no shared data") };
    let text = fs::read_to_string(path).expect("a readable file");
    let measured: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let mut wrong = Vec::new();
    for kind in [ProgType::SocketFilter, ProgType::SchedCls, ProgType::SchedAct, ProgType::Xdp] {
        let helpers = measured[kind.name()]["helpers"].as_array().expect("a list of helpers");
        let allowed: BTreeSet<&str> = helpers.iter().filter_map(|name| name.as_str()).collect();
        for f in FUNCTIONS {
            let linux = allowed.contains(f.name.trim_start_matches("bpf_"));
            if linux != f.callable_from(kind) {
                wrong.push(format!("{kind}: {} is {linux} on Linux", f.name));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
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
