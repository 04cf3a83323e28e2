//! The function table's callers against what Linux 6.18 lets each kind of program call
//! (`verifier/availability-6.18.json`, measured by loading one call of each helper).

use std::collections::BTreeSet;
use std::fs;

use skep_abi::{FUNCTIONS, ProgType};
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
