//! What the tests of every floor need of the machine they run on; a dev-dependency, never a normal one.
//!
//! - [`skip!`]: a test that lacks a tool or a privilege says so by name and ends. `cargo xtask test` lists every
//!   such test at its end, so that an absent compiler is never mistaken for a passed test;
//! - [`tool`], [`shared_data`], [`is_root`], [`capable`]: what a test may find absent;
//! - [`TempDir`]: a directory of the test's own, gone with it.
//!
//! It knows nothing of BPF, and starts no process.
//!
//! ```
//! use skep_testkit::{TempDir, skip, tool};
//!
//! fn the_object_has_a_section() {
//!     let Some(clang) = tool("clang-19") else { skip!("clang-19 is not installed") };
//!     let dir = TempDir::new("section");
//!     let object = dir.path().join("a.o");
//!     // … run `clang`, look at `object` …
//! #   let _ = (clang, object);
//! }
//! # the_object_has_a_section();
//! ```
#![forbid(unsafe_code)]

mod machine;
mod skipped;
mod temp_dir;

pub use machine::{
    CAP_BPF, CAP_NET_ADMIN, CAP_SYS_ADMIN, capable, is_root, shared_data, tool, workspace_root,
};
pub use skipped::{SKIPPED_LOG, report_skipped};
pub use temp_dir::TempDir;
