//! The `skep` command: `skep VERB …`, a module a verb.
//!
//! Results go to standard output, everything else to standard error. Exit status 0: done; 1: it failed, with one
//! line that says what, why and what to do; 2: wrong usage.
#![forbid(unsafe_code)]

mod asm;
mod btf;
mod capture;
mod conformance;
mod counterexample;
mod dis;
mod explain;
mod facts;
mod failure;
mod feature;
mod fix;
mod from_log;
mod functions;
mod kernel_types;
mod lsp;
mod maps;
mod output;
mod programs;
mod rows;
mod run;
mod stats;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Build, check, and run BPF programs, in user space on any machine or on the Linux kernel.
#[derive(Parser)]
#[command(
    name = "skep",
    version,
    max_term_width = 100,
    propagate_version = true,
    arg_required_else_help = true
)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run a program on packets or other test input
    Run(run::Options),
    /// Check a program as a kernel would, without running it
    Verify(verify::Options),
    /// Say what a rule of the verifier is, with examples
    Explain(explain::Options),
    /// Assemble a source file to an ELF object
    Asm(asm::Options),
    /// Disassemble an object to assembly
    Dis(dis::Options),
    /// Types of programs and kernels
    Btf(btf::Options),
    /// List what there is: instructions, functions, kinds of map and of program
    Feature(feature::Options),
    /// Run one program of a conformance suite, as bpf_conformance asks its plugins to
    ConformancePlugin(conformance::Options),
    /// Serve an editor: diagnostics, hover, names and more for assembly
    Lsp(lsp::Options),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.verb {
        Verb::Run(options) => run::run(&options),
        Verb::Verify(options) => verify::verify(&options),
        Verb::Explain(options) => explain::explain(&options),
        Verb::Asm(options) => asm::assemble(&options),
        Verb::Dis(options) => dis::disassemble(&options),
        Verb::Btf(options) => btf::btf(&options),
        Verb::Feature(options) => feature::feature(&options),
        Verb::ConformancePlugin(options) => conformance::plugin(&options),
        Verb::Lsp(options) => lsp::serve(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
