//! The language server as editors start it: framed messages on standard input and output of the real command.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

struct Editor {
    server: Child,
    answers: BufReader<ChildStdout>,
}

impl Editor {
    fn new() -> Editor {
        let mut server = Command::new(env!("CARGO_BIN_EXE_skep"))
            .args(["lsp", "--stdio"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("skep starts");
        let answers = BufReader::new(server.stdout.take().expect("a pipe"));
        Editor { server, answers }
    }

    fn say(&mut self, message: &Value) {
        let text = message.to_string();
        let input = self.server.stdin.as_mut().expect("a pipe");
        write!(input, "Content-Length: {}\r\n\r\n{text}", text.len()).expect("a server that reads");
        input.flush().expect("a server that reads");
    }

    fn hear(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut header = String::new();
            self.answers.read_line(&mut header).expect("a header");
            match header.trim_end() {
                "" => break,
                header => {
                    if let Some(value) = header.strip_prefix("Content-Length: ") {
                        length = value.parse().expect("a number");
                    }
                }
            }
        }
        let mut text = vec![0; length];
        self.answers.read_exact(&mut text).expect("a message");
        serde_json::from_slice(&text).expect("JSON")
    }
}

#[test]
fn an_editor_is_served_on_standard_input_and_output() {
    let mut editor = Editor::new();
    editor.say(&json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}}}));
    let said = editor.hear();
    assert_eq!((&said["id"], &said["result"]["serverInfo"]["name"]), (&json!(1), &json!("skep")));
    editor.say(&json!({"jsonrpc": "2.0", "method": "initialized", "params": {}}));

    let document = json!({
        "uri": "file:///drop.s", "languageId": "bpf", "version": 3,
        "text": ".section xdp\ndrop:\n    r0 = r3\n    exit\n",
    });
    editor.say(&json!({
        "jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {"textDocument": document},
    }));
    let said = editor.hear();
    assert_eq!(said["method"], json!("textDocument/publishDiagnostics"));
    let found = &said["params"]["diagnostics"][0];
    assert_eq!(found["range"]["start"], json!({"line": 2, "character": 4}));
    // A client that shows no related information is told in the message.
    let message = found["message"].as_str().expect("a message");
    assert!(message.contains("R3 !read_ok") && message.contains("\nhelp: "), "{message}");

    editor.say(&json!({
        "jsonrpc": "2.0", "id": "h", "method": "textDocument/hover",
        "params": {"textDocument": {"uri": "file:///drop.s"}, "position": {"line": 2, "character": 7}},
    }));
    let said = editor.hear();
    assert_eq!(said["id"], json!("h"));
    assert!(said["result"]["contents"]["value"].as_str().expect("a text").contains("mov64_reg"), "{said}");

    editor.say(&json!({"jsonrpc": "2.0", "id": 9, "method": "shutdown"}));
    assert_eq!(editor.hear(), json!({"jsonrpc": "2.0", "id": 9, "result": null}));
    editor.say(&json!({"jsonrpc": "2.0", "method": "exit"}));
    assert!(editor.server.wait().expect("an end").success());
}

#[test]
fn a_broken_conversation_is_a_failure_with_one_line() {
    let mut editor = Editor::new();
    let input = editor.server.stdin.as_mut().expect("a pipe");
    input.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("a server that reads");
    assert_eq!(editor.server.wait().expect("an end").code(), Some(1));
    let mut said = String::new();
    editor.server.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
    assert!(said.starts_with("skep: language server: ") && said.lines().count() == 1, "{said}");
}

#[test]
fn an_editor_that_goes_away_ends_it() {
    let mut editor = Editor::new();
    editor.say(&json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}}}));
    editor.hear();
    drop(editor.server.stdin.take());
    assert!(editor.server.wait().expect("an end").success());
}
