//! The whole BPF subsystem as one library.
#![forbid(unsafe_code)]
