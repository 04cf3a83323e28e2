//! What the command and the book say of functions, and the book's pages, one a function. `UPDATE_EXPECT=1` writes the
//! pages.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;
use skep::abi::{Function, HELPERS, kernel_functions};
use skep::{UserConfig, UserHost};
use skep_testkit::{CAP_BPF, capable, skip, workspace_root};

fn feature(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_skep")).arg("feature").args(arguments).output().expect("skep starts")
}

fn text(arguments: &[&str]) -> String {
    let output = feature(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn rows(arguments: &[&str]) -> Vec<Value> {
    text(arguments).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// A page of the book and its text.
type Page = (PathBuf, String);

fn pages() -> Vec<Page> {
    let folder = workspace_root().join("docs/src/functions");
    let user = UserHost::new(UserConfig::default());
    let page = |function: &'static Function| {
        let host = format!("user host: {}", user.supports(function));
        (folder.join(format!("{}.md", function.name)), function.page(&[host]))
    };
    let mut list = String::from("# All functions\n");
    let helpers: Vec<_> = HELPERS.into_iter().collect();
    for (title, functions) in [("Helpers", helpers), ("Kernel functions", kernel_functions().collect())] {
        let _ = writeln!(list, "\n## {title}\n\n| function | Linux | what it does |\n|---|---|---|");
        for Function { name, since, doc, .. } in functions {
            let _ = writeln!(list, "| [{name}]({name}.md) | {}.{} | {doc} |", since.0, since.1);
        }
    }
    let list = (folder.join("index.md"), list);
    Function::all().map(page).chain([list]).collect()
}

#[test]
fn the_book_has_a_page_for_each_function() {
    let pages = pages();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        for (path, text) in &pages {
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a written page");
        }
    }
    for (path, text) in &pages {
        let found = fs::read_to_string(path).unwrap_or_default();
        assert_eq!(&found, text, "{} is not what the table says: UPDATE_EXPECT=1 writes it", path.display());
    }
    let known: BTreeSet<&PathBuf> = pages.iter().map(|(path, _)| path).collect();
    let folder = workspace_root().join("docs/src/functions");
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        assert!(known.contains(&entry), "{} is of no function", entry.display());
    }
    let summary = fs::read_to_string(workspace_root().join("docs/src/SUMMARY.md")).expect("a summary");
    for function in Function::all() {
        assert!(summary.contains(&format!("(functions/{}.md)", function.name)), "{}", function.name);
    }
}

#[test]
fn one_function_is_told_of_under_both_its_names() {
    let page = text(&["function", "bpf_map_lookup_elem"]);
    assert!(page.contains("void *bpf_map_lookup_elem(void *map, const void *key);"), "{page}");
    assert!(page.contains("- user host: partial (only for "), "{page}");
    assert_eq!(page, text(&["function", "map_lookup_elem"]));
    let json: Value = serde_json::from_str(&text(&["function", "bpf_task_release", "--json"])).expect("JSON");
    assert_eq!(json["declaration"], "void bpf_task_release(struct task_struct *p)");
    assert_eq!((&json["status"], &json["id"]), (&"missing".into(), &Value::Null));
    let unknown = feature(&["function", "bpf_nothing"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("`bpf_nothing`"));
}

#[test]
fn every_function_has_a_status() {
    let rows = rows(&["functions", "--json"]);
    assert_eq!(rows.len(), Function::all().count());
    for row in &rows {
        let word = row["status"].as_str().expect("a status");
        assert!(["supported", "partial", "missing"].contains(&word), "{row}");
        assert_eq!(row["why"].is_null(), word == "supported", "{row}");
        assert_eq!(row["user"], word != "missing", "{row}");
    }
}

/// The kernel is asked, so what it says is what was measured of the same version.
#[test]
fn the_running_kernel_is_asked() {
    if !capable(CAP_BPF) {
        skip!("no CAP_BPF");
    }
    let rows = rows(&["functions", "--host", "linux", "--json"]);
    let status = |name: &str| {
        let row = rows.iter().find(|row| row["name"] == name).expect("a row");
        row["status"].as_str().expect("a status").to_owned()
    };
    assert!(["supported", "partial"].contains(&status("bpf_map_lookup_elem").as_str()));
    assert_eq!(status("bpf_xdp_adjust_head"), "supported");
    assert_eq!(status("bpf_bind"), "supported", "only where sockets connect");
    assert_eq!(status("bpf_bprm_opts_set"), "unknown", "only security hooks call it, which need a name");
}
