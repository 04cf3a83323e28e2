//! A language server for BPF assembly, over any [`Connection`]: `skep lsp` gives it standard input and output.
//!
//! - `server`: the protocol: requests in, answers and diagnostics out;
//! - `document`: a text with its positions in lines and UTF-16 columns;
//! - `analysis`: what the assembler and the verifier say of a text, and what is known at each instruction;
//! - `symbols`: definition, references, rename, outline;
//! - `hover`, `completion`: what can be said of, or written at, a place.
//!
//! It keeps no truth of its own: instructions come from `skep-isa`'s table, names and statements from `skep-asm`,
//! functions and map kinds from `skep-abi`, what is known from `skep-verify`. It opens no files, writes nothing and
//! runs nothing: what it knows of a document is what the client sent.
//!
//! Source of the protocol: the Language Server Protocol specification, 3.17.
#![forbid(unsafe_code)]

mod analysis;
mod completion;
mod document;
mod error;
mod hover;
mod server;
mod symbols;

use lsp_server::Connection;

pub use analysis::{
    MAX_DOCUMENT_BYTES, MAX_FINDINGS, MAX_PROGRAMS, MAX_STATES, MAX_STATES_A_PLACE, MAX_VISITS,
};
pub use completion::MAX_COMPLETIONS;
pub use document::MAX_KEPT_BYTES;
pub use error::LspError;
pub use server::{DEBOUNCE, MAX_DOCUMENTS, serve};
pub use symbols::MAX_PLACES;

/// Serves a client on standard input and output until it says `exit` or goes away.
pub fn stdio() -> Result<(), LspError> {
    let (connection, threads) = Connection::stdio();
    let served = serve(&connection);
    // The writer ends when nobody can send to it any more.
    drop(connection);
    served?;
    threads.join().map_err(LspError::Transport)
}
