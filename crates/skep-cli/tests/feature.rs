//! The lists of `skep feature`, and the page of the book that is one of them. `UPDATE_EXPECT=1` writes the page.

use std::process::Command;

use expect_test::expect_file;
use serde_json::Value;

fn feature(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_skep"))
        .arg("feature")
        .args(arguments)
        .output()
        .expect("skep starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn objects(arguments: &[&str]) -> Vec<Value> {
    feature(arguments).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn the_page_of_the_book_is_the_table() {
    expect_file!["../../../docs/src/instructions.md"].assert_eq(&feature(&["isa", "--markdown"]));
}

#[test]
fn forms_are_chosen_by_level_and_group() {
    let all = objects(&["isa", "--json"]);
    assert_eq!(all.len(), 182);
    let v3 = objects(&["isa", "--json", "--cpu", "v3"]);
    assert!(v3.len() < objects(&["isa", "--json", "--cpu", "v4"]).len());
    let names =
        |forms: &[Value]| -> Vec<String> { forms.iter().map(|form| form["name"].to_string()).collect() };
    assert!(names(&v3).contains(&"\"jlt_imm\"".to_owned()), "{:?}", names(&v3));
    assert!(v3.iter().all(|form| ["v1", "v2", "v3"].contains(&form["cpu"].as_str().expect("a level"))));
    let atomic = objects(&["isa", "--json", "--group", "atomic64"]);
    assert!(!atomic.is_empty() && atomic.iter().all(|form| form["group"] == "atomic64"));
    let callx = &objects(&["isa", "--json", "--group", "callx"])[0];
    assert_eq!((&callx["pseudoc"], &callx["linux"]), (&"callx r1".into(), &Value::Null));
}

#[test]
fn an_unknown_group_is_answered_with_those_there_are() {
    let output = Command::new(env!("CARGO_BIN_EXE_skep"))
        .args(["feature", "isa", "--group", "base16"])
        .output()
        .expect("skep starts");
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("`base16`") && message.contains("base32, base64"), "{message}");
}

#[test]
fn what_the_user_host_has_is_what_it_says() {
    let by_name = |list: &str, name: &str| -> Value {
        objects(&[list, "--json"]).into_iter().find(|row| row["name"] == name).expect("a row")
    };
    assert_eq!(by_name("maps", "lru_hash")["user"], true);
    assert_eq!(by_name("maps", "stack_trace")["user"], false);
    assert_eq!(by_name("programs", "xdp")["user"], true);
    assert_eq!(by_name("programs", "lsm")["user"], false);
    let lookup = by_name("functions", "bpf_map_lookup_elem");
    assert_eq!((&lookup["id"], &lookup["args"], &lookup["user"]), (&1.into(), &2.into(), &true.into()));
}
