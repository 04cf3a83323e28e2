//! The encoder beside a disassembler.
