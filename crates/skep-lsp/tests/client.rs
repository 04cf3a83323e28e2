//! A client's conversations with the server: it opens, edits, asks, renames, and says good-bye.

use std::str::FromStr as _;
use std::thread::JoinHandle;
use std::time::Duration;

use lsp_server::{Connection, Message, Notification, Request, Response};
use lsp_types::{Diagnostic, Position, PublishDiagnosticsParams, Range, Uri};
use serde_json::{Value, json};
use skep_lsp::{LspError, MAX_DOCUMENT_BYTES, serve};

const URI: &str = "file:///count.s";

const COUNT: &str = "\
.license \"GPL\"
LIMIT = 16
.map counts, type=hash, key=u32, value=u64, max_entries=LIMIT

.section xdp
count:
    r1 = *(u32 *)(r1 + xdp_md.ingress_ifindex)
    *(u32 *)(r10 - 4) = r1
    r2 = r10
    r2 += -4
    r1 = counts ll
    call bpf_map_lookup_elem
    if r0 == 0 goto out
    r1 = 1
    lock *(u64 *)(r0 + 0) += r1
out:
    r0 = XDP_PASS
    exit
";

struct Client {
    connection: Connection,
    server: JoinHandle<Result<(), LspError>>,
    last: i32,
}

impl Client {
    fn new() -> Client {
        let (connection, theirs) = Connection::memory();
        let server = std::thread::spawn(move || serve(&theirs));
        let mut client = Client { connection, server, last: 0 };
        let capabilities = json!({"textDocument": {"publishDiagnostics": {"relatedInformation": true}}});
        let said = client.ask("initialize", json!({"capabilities": capabilities})).expect("capabilities");
        assert_eq!(said["capabilities"]["hoverProvider"], json!(true));
        client.tell("initialized", json!({}));
        client
    }

    /// A client with one document open, and what the server found in it.
    fn with(text: &str) -> (Client, Vec<Diagnostic>) {
        let client = Client::new();
        let document = json!({"uri": URI, "languageId": "bpf", "version": 1, "text": text});
        client.tell("textDocument/didOpen", json!({"textDocument": document}));
        let found = client.diagnostics(1);
        (client, found)
    }

    fn tell(&self, method: &str, params: Value) {
        let notification = Notification::new(method.to_owned(), params);
        self.connection.sender.send(notification.into()).expect("a server that listens");
    }

    fn ask(&mut self, method: &str, params: Value) -> Result<Value, String> {
        self.last += 1;
        let request = Request::new(self.last.into(), method.to_owned(), params);
        self.connection.sender.send(request.into()).expect("a server that listens");
        loop {
            match self.connection.receiver.recv_timeout(Duration::from_secs(60)).expect("an answer") {
                Message::Response(Response { id, response_result }) if id == self.last.into() => {
                    return response_result.map_err(|error| error.message);
                }
                Message::Notification(_) => {}
                other => panic!("unexpected {other:?}"),
            }
        }
    }

    /// What is asked of a place.
    fn at(&mut self, method: &str, place: (u32, u32), more: Value) -> Result<Value, String> {
        let mut params = json!({
            "textDocument": {"uri": URI},
            "position": {"line": place.0, "character": place.1},
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            params[name] = value.clone();
        }
        self.ask(method, params)
    }

    fn hover(&mut self, place: (u32, u32)) -> String {
        let said = self.at("textDocument/hover", place, json!({})).expect("an answer");
        said["contents"]["value"].as_str().unwrap_or_default().to_owned()
    }

    /// The diagnostics that are published for a version.
    fn diagnostics(&self, version: i32) -> Vec<Diagnostic> {
        loop {
            match self.connection.receiver.recv_timeout(Duration::from_secs(60)).expect("diagnostics") {
                Message::Notification(notification) => {
                    assert_eq!(notification.method, "textDocument/publishDiagnostics");
                    let params: PublishDiagnosticsParams =
                        serde_json::from_value(notification.params).expect("diagnostics");
                    assert_eq!(params.uri, Uri::from_str(URI).expect("a URI"));
                    if params.version == Some(version) {
                        return params.diagnostics;
                    }
                }
                other => panic!("unexpected {other:?}"),
            }
        }
    }

    fn change(&self, version: i32, changes: Value) {
        let document = json!({"uri": URI, "version": version});
        self.tell("textDocument/didChange", json!({"textDocument": document, "contentChanges": changes}));
    }

    /// Replaces a range of one line.
    fn edit(&self, version: i32, line: u32, columns: (u32, u32), text: &str) -> Vec<Diagnostic> {
        self.change(version, json!([{"range": range(line, columns), "text": text}]));
        self.diagnostics(version)
    }

    fn finish(mut self) {
        assert_eq!(self.ask("shutdown", Value::Null), Ok(Value::Null));
        assert!(self.ask("textDocument/hover", Value::Null).is_err());
        self.tell("exit", Value::Null);
        self.server.join().expect("no panic").expect("an orderly end");
    }
}

fn range(line: u32, columns: (u32, u32)) -> Range {
    Range::new(Position::new(line, columns.0), Position::new(line, columns.1))
}

/// The places of an answer of locations or edits, as lines and columns.
fn places(answer: &Value) -> Vec<(u64, u64)> {
    let list = answer.as_array().expect("a list");
    list.iter()
        .map(|one| {
            let start = &one["range"]["start"];
            (start["line"].as_u64().expect("a line"), start["character"].as_u64().expect("a column"))
        })
        .collect()
}

fn labels(answer: &Value) -> Vec<String> {
    let items = answer["items"].as_array().expect("a list");
    items.iter().map(|item| item["label"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_right_program_has_nothing_to_say_of() {
    let (client, found) = Client::with(COUNT);
    assert_eq!(found, []);
    client.finish();
}

#[test]
fn mistakes_come_and_go_with_edits() {
    let (client, _) = Client::with(COUNT);
    // `/* 🐝 */ gtoo out`: the bee is two UTF-16 units.
    let found = client.edit(2, 13, (4, 10), "/* \u{1f41d} */ gtoo out");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].range, range(13, (13, 17)));
    assert_eq!(found[0].message, "no instruction starts with `gtoo`");
    let notes = found[0].related_information.as_ref().expect("help");
    assert_eq!(notes[0].message, "did you mean `goto`?");

    // Several at once.
    let found = client.edit(3, 16, (4, 17), "r0 = ; exti");
    assert_eq!(found.len(), 3, "{found:?}");

    client.change(4, json!([{"text": COUNT}]));
    assert_eq!(client.diagnostics(4), []);
    client.finish();
}

#[test]
fn a_refusal_stands_at_its_instruction() {
    let (client, _) = Client::with(COUNT);
    // Without the check for null.
    let found = client.edit(2, 12, (4, 23), "");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].range, range(14, (4, 31)));
    assert_eq!(found[0].source.as_deref(), Some("skep verify"));
    let notes: Vec<&str> =
        found[0].related_information.iter().flatten().map(|note| note.message.as_str()).collect();
    assert!(notes[0].starts_with("help: compare r0 with 0 first"), "{notes:?}");
    assert!(notes.iter().any(|note| note.starts_with("r0 = map_value_or_null(")), "{notes:?}");
    assert!(notes.contains(&"r1 = 1"), "{notes:?}");
    client.finish();
}

#[test]
fn branches_that_led_to_a_refusal_are_shown() {
    let text = ".section xdp\nf: r2 = *(u32 *)(r1 + 12)\nif r2 == 7 goto l\nr0 = 1\nl: exit\n";
    let (client, found) = Client::with(text);
    assert_eq!(found[0].range, range(4, (3, 7)));
    let path: Vec<_> = found[0]
        .related_information
        .iter()
        .flatten()
        .filter(|note| note.message == "on the path: taken")
        .map(|note| note.location.range)
        .collect();
    assert_eq!(path, [range(2, (0, 17))]);
    client.finish();
}

#[test]
fn code_that_no_path_reaches_is_marked() {
    let text = ".section xdp\nf: r0 = 1\nif r0 == 1 goto l\nr0 = 2\nl: exit\n";
    let (client, found) = Client::with(text);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].range, found[0].message.as_str()), (range(3, (0, 6)), "no path reaches this"));
    client.finish();
}

#[test]
fn lines_of_another_file_do_not_hide_the_text() {
    let text = ".section xdp\n.file 1 \"a.c\"\nf:\n.loc 1 7 3\nr0 = r7\nexit\n";
    let (client, found) = Client::with(text);
    assert_eq!(found[0].range, range(4, (0, 7)));
    client.finish();
}

#[test]
fn hover_shows_rows_registers_and_names() {
    let (mut client, _) = Client::with(COUNT);
    let row = client.hover((14, 6));
    for part in ["lock_add64", "lock *(u64 *)(r0 + 0) += r1", "[%r0+0]", "`atomic64`", "`src` is read"] {
        assert!(row.contains(part), "{part}: {row}");
    }
    // r0 in the atomic: a value, no longer null.
    let known = client.hover((14, 19));
    assert!(known.contains("one path walked") && known.contains("map_value("), "{known}");
    // r0 in the comparison: still nullable.
    assert!(client.hover((12, 8)).contains("map_value_or_null("));
    // r1 where it is written is what it was before.
    assert!(client.hover((6, 5)).contains("ctx("));
    assert!(client.hover((11, 12)).contains("(helper 1)"));
    assert!(client.hover((10, 11)).contains("kind `hash`, key of 4 bytes, value of 8 bytes, at most 16"));
    assert!(client.hover((2, 60)).contains("LIMIT = 16"));
    assert!(client.hover((6, 30)).contains("offset 12, 4 bytes"));
    assert!(client.hover((16, 12)).contains("**XDP_PASS** = 2"));
    assert_eq!(client.hover((3, 0)), "");
    assert_eq!(client.hover((400, 0)), "");
    client.finish();
}

#[test]
fn what_is_known_survives_a_refusal_and_follows_edits() {
    let (mut client, _) = Client::with(".section xdp\nf: r6 = 5\nr0 = r7\nexit\n");
    // The refused instruction itself shows what led to it.
    assert!(client.hover((2, 6)).contains("no value"));
    // The next was never reached.
    let text = ".section xdp\nf: r6 = 5\nr0 = r7\nr0 = r6\nexit\n";
    client.change(2, json!([{"text": text}]));
    assert!(client.hover((3, 6)).contains("does not get here"));
    client.change(3, json!([{"range": range(2, (6, 7)), "text": "6"}]));
    assert!(client.hover((3, 6)).contains("\n5\n"));
    client.finish();
}

#[test]
fn definitions_and_references_are_found() {
    let (mut client, _) = Client::with(COUNT);
    for (from, to) in [((12, 21), (15, 0)), ((10, 10), (2, 5)), ((2, 57), (1, 0)), ((5, 0), (5, 0))] {
        let found = client.at("textDocument/definition", from, json!({})).expect("an answer");
        let start = &found["range"]["start"];
        assert_eq!(
            (start["line"].as_u64(), start["character"].as_u64()),
            (Some(to.0), Some(to.1)),
            "{from:?}"
        );
    }
    assert_eq!(client.at("textDocument/definition", (11, 10), json!({})), Ok(Value::Null));
    let with = json!({"context": {"includeDeclaration": true}});
    let found = client.at("textDocument/references", (15, 1), with).expect("an answer");
    assert_eq!(places(&found), [(12, 20), (15, 0)]);
    let without = json!({"context": {"includeDeclaration": false}});
    let found = client.at("textDocument/references", (15, 1), without).expect("an answer");
    assert_eq!(places(&found), [(12, 20)]);
    client.finish();
}

#[test]
fn local_labels_are_those_that_numbers_reach() {
    let text = ".section xdp\nf: r0 = 1\n1: goto 1f\n1: if r0 == 9 goto 1b\nexit\n";
    let (mut client, _) = Client::with(text);
    let all = json!({"context": {"includeDeclaration": true}});
    let second = client.at("textDocument/references", (2, 8), all.clone()).expect("an answer");
    assert_eq!(places(&second), [(2, 8), (3, 0), (3, 19)]);
    let first = client.at("textDocument/references", (2, 0), all).expect("an answer");
    assert_eq!(places(&first), [(2, 0)]);
    client.finish();
}

#[test]
fn a_rename_keeps_the_program() {
    let (mut client, _) = Client::with(COUNT);
    let prepared = client.at("textDocument/prepareRename", (12, 21), json!({})).expect("an answer");
    assert_eq!(prepared["start"], json!({"line": 12, "character": 20}));
    let renamed = client.at("textDocument/rename", (12, 21), json!({"newName": "done"})).expect("edits");
    let edits = &renamed["changes"][URI];
    assert_eq!(places(edits), [(12, 20), (15, 0)]);
    client.change(
        2,
        edits
            .as_array()
            .map(|e| e.iter().map(|e| json!({"range": e["range"], "text": e["newText"]})).collect())
            .expect("edits"),
    );
    assert_eq!(client.diagnostics(2), []);
    let found = client.at("textDocument/definition", (12, 22), json!({})).expect("an answer");
    assert_eq!(found["range"]["start"]["line"], json!(15));

    for (place, name, why) in [
        ((12, 21), "count", "already stands"),
        ((12, 21), "r3", "word of the language"),
        ((12, 21), "goto", "word of the language"),
        ((12, 21), "a b", "expected a name"),
        ((12, 21), "", "expected a name"),
        ((11, 12), "lookup", "only what this document defines"),
        ((7, 17), "x", "only what this document defines"),
    ] {
        let refused = client.at("textDocument/rename", place, json!({"newName": name})).expect_err(name);
        assert!(refused.contains(why), "{refused}");
    }
    client.finish();
}

#[test]
fn a_renamed_structure_is_renamed_in_its_members() {
    let text = ".struct flow { u32 saddr, daddr }\n.map m, type=hash, key=flow, value=u64, max_entries=1\n\
                .section xdp\nf: r0 = flow.daddr\nexit\n";
    let (mut client, found) = Client::with(text);
    assert_eq!(found, []);
    let renamed = client.at("textDocument/rename", (3, 9), json!({"newName": "tuple"})).expect("edits");
    assert_eq!(places(&renamed["changes"][URI]), [(0, 8), (1, 23), (3, 8)]);
    client.finish();
}

#[test]
fn the_outline_has_functions_with_their_labels() {
    let (mut client, _) = Client::with(&format!("{COUNT}.data\nseen: .quad 0\n"));
    let params = json!({"textDocument": {"uri": URI}});
    let said = client.ask("textDocument/documentSymbol", params).expect("an answer");
    let symbols: Vec<String> = said
        .as_array()
        .expect("a list")
        .iter()
        .map(|symbol| format!("{} {}", symbol["detail"].as_str().unwrap_or(""), symbol["name"]))
        .collect();
    assert_eq!(symbols, ["constant \"LIMIT\"", "map \"counts\"", "function \"count\"", "variable \"seen\""]);
    assert_eq!(said[2]["children"][0]["name"], json!("out"));
    assert_eq!(said[2]["range"]["end"]["line"], json!(17));
    client.finish();
}

#[test]
fn formatting_lays_out_what_is_there() {
    let (mut client, _) = Client::with(".section xdp\nf:r0=1 # one\n        exit\n");
    let params = json!({"textDocument": {"uri": URI}, "options": {"tabSize": 4, "insertSpaces": true}});
    let edits = client.ask("textDocument/formatting", params.clone()).expect("an answer");
    let text = edits[0]["newText"].as_str().expect("a text").to_owned();
    assert!(text.contains("r0 = 1") && text.contains("# one") && text.contains("\n    exit\n"), "{text}");
    assert_eq!(edits[0]["range"]["end"], json!({"line": 3, "character": 0}));
    client.change(2, json!([{"text": text}]));
    assert_eq!(client.diagnostics(2), []);
    // What is laid out stays as it is.
    assert_eq!(client.ask("textDocument/formatting", params), Ok(Value::Null));
    client.finish();
}

#[test]
fn completion_knows_the_place() {
    let (mut client, _) = Client::with(COUNT);
    let mut version = 1;
    let mut complete = |text: &str| {
        version += 1;
        client.change(version, json!([{"text": format!("{COUNT}{text}")}]));
        let column = text.rsplit('\n').next().unwrap_or(text).len() as u32;
        let line = 18 + text.matches('\n').count() as u32;
        labels(&client.at("textDocument/completion", (line, column), json!({})).expect("an answer"))
    };
    let words = complete("    ");
    assert!(words.contains(&"call".to_owned()) && words.contains(&".map".to_owned()));
    assert!(!words.contains(&"counts".to_owned()));
    assert_eq!(complete("    call bpf_map_look"), ["bpf_map_lookup_elem", "bpf_map_lookup_percpu_elem"]);
    assert_eq!(complete("    r1 = coun"), ["counts", "count"]);
    assert!(complete("    r1 = ").contains(&"LIMIT".to_owned()));
    assert_eq!(complete("    goto ou"), ["out"]);
    assert_eq!(complete("    r1 = *(u32 *)(r1 + xdp_md.data_"), ["xdp_md.data_end", "xdp_md.data_meta"]);
    assert_eq!(complete("    r0 = XDP_P"), ["XDP_PASS"]);
    assert_eq!(complete(".lice"), [".license"]);
    assert_eq!(complete(".map m, type=lru_"), ["lru_hash", "lru_percpu_hash"]);
    assert_eq!(complete(".map m, max_"), ["max_entries"]);
    assert_eq!(complete("exit # go"), Vec::<String>::new());
    assert!(complete(".dialect normal\n    ldx").contains(&"ldxdw".to_owned()));
    client.finish();
}

#[test]
fn a_large_document_gets_one_diagnostic_that_says_so() {
    let (mut client, found) = Client::with(&"r0 = ;\n".repeat(MAX_DOCUMENT_BYTES / 7 + 1));
    assert_eq!(found.len(), 1);
    assert!(found[0].message.contains(&MAX_DOCUMENT_BYTES.to_string()), "{}", found[0].message);
    assert_eq!(client.hover((0, 0)), "");
    client.change(2, json!([{"text": COUNT}]));
    assert_eq!(client.diagnostics(2), []);
    client.finish();
}

#[test]
fn closing_takes_the_diagnostics_away() {
    let (mut client, found) = Client::with("gtoo\n");
    assert_eq!(found.len(), 1);
    client.tell("textDocument/didClose", json!({"textDocument": {"uri": URI}}));
    match client.connection.receiver.recv_timeout(Duration::from_secs(60)).expect("diagnostics") {
        Message::Notification(notification) => assert_eq!(notification.params["diagnostics"], json!([])),
        other => panic!("unexpected {other:?}"),
    }
    assert!(client.at("textDocument/hover", (0, 0), json!({})).is_err());
    client.finish();
}

#[test]
fn what_the_protocol_does_not_have_is_refused_and_the_server_goes_on() {
    let (mut client, _) = Client::with(COUNT);
    assert!(client.ask("textDocument/unheardOf", json!({})).expect_err("refused").contains("unheardOf"));
    assert!(client.ask("textDocument/hover", json!({"position": 7})).is_err());
    client.tell("textDocument/didChange", json!({"contentChanges": "?"}));
    client.tell("$/setTrace", json!({"value": "off"}));
    assert!(client.hover((11, 12)).contains("(helper 1)"));
    client.finish();
}

#[test]
fn an_end_without_shutdown_is_an_error() {
    let client = Client::new();
    client.tell("exit", Value::Null);
    assert!(matches!(client.server.join().expect("no panic"), Err(LspError::ExitWithoutShutdown)));
}

#[test]
fn any_text_and_any_place_is_answered() {
    const PIECES: &[&str] = &[
        "r0",
        "r1",
        "w3",
        " = ",
        "*(u32 *)(r1 + 4)",
        "goto ",
        "1f",
        "1b",
        "1:",
        "a:",
        "a",
        "call ",
        "exit",
        "\n",
        "\r\n",
        "\r",
        ";",
        "`",
        "#",
        "/*",
        "*/",
        "\"",
        "'",
        "{",
        "}",
        ".map m, type=hash, key=u32, value=",
        ".struct s { u32 a }",
        ".func f(",
        ".section xdp\n",
        ".dialect normal\n",
        ".loc 1 2 3",
        "\u{1f41d}",
        "\u{e9}",
        ".",
        "s.a",
        "\0",
        ".set x, ",
        ".end\n",
    ];
    let (client, _) = Client::with("");
    let client = std::cell::RefCell::new((client, 1));
    arbtest::arbtest(|u| {
        let mut text = String::new();
        for _ in 0..u.int_in_range(0..=40)? {
            text.push_str(u.choose(PIECES)?);
        }
        let mut borrowed = client.borrow_mut();
        let (client, version) = &mut *borrowed;
        *version += 1;
        client.change(*version, json!([{"text": text}]));
        let place = (u.int_in_range(0..=8)?, u.int_in_range(0..=40)?);
        for method in ["hover", "definition", "documentHighlight", "completion"] {
            client.at(&format!("textDocument/{method}"), place, json!({})).expect(method);
        }
        let params = json!({"textDocument": {"uri": URI}});
        client.ask("textDocument/documentSymbol", params).expect("an answer");
        // What can be renamed leaves a text with as many names.
        if let Ok(edits) = client.at("textDocument/rename", place, json!({"newName": "new_name"})) {
            assert!(!edits["changes"][URI].as_array().expect("edits").is_empty());
        }
        Ok(())
    })
    .budget(Duration::from_secs(2));
    client.into_inner().0.finish();
}
