//! `skep lsp`: the language server of BPF assembly, for an editor that starts it and talks on standard input and
//! output.

use clap::Args;

use crate::failure::Failure;

#[derive(Args)]
#[command(after_help = "\
It speaks the Language Server Protocol on standard input and output: an editor starts it, nobody types to it.

Examples:
  vim.lsp.start({ name = 'skep', cmd = { 'skep', 'lsp' } })    in Neovim")]
pub(crate) struct Options {
    /// What some editors pass; there is no other way to talk
    #[arg(long, hide = true)]
    stdio: bool,
}

pub(crate) fn serve(_options: &Options) -> Result<(), Failure> {
    Ok(skep_lsp::stdio()?)
}
