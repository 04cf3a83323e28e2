//! Why serving a client ends otherwise than it should. Requests that can't be answered are no such reason: the
//! client is told, and the server goes on.

use std::fmt;
use std::io;

use lsp_server::ProtocolError;

/// Why serving a client ended.
#[derive(Debug)]
pub enum LspError {
    /// The conversation did not start as the protocol has it.
    Handshake(ProtocolError),
    /// What the client says of itself is not what the protocol has.
    Client(serde_json::Error),
    /// `exit` came without `shutdown` before it.
    ExitWithoutShutdown,
    /// Reading or writing failed, or what was read is no message.
    Transport(io::Error),
}

impl fmt::Display for LspError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LspError::Handshake(error) => write!(f, "language server: {error}"),
            LspError::Client(error) => write!(f, "language server: malformed `initialize`: {error}"),
            LspError::ExitWithoutShutdown => {
                f.write_str("language server: expected `shutdown` before `exit`, found none")
            }
            LspError::Transport(error) => write!(f, "language server: {error}"),
        }
    }
}

impl std::error::Error for LspError {}
