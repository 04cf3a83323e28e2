//! The rows of `isa/kernel618_opmap.tsv`: an encoding each, and what the verifier of Linux 6.18 said to a program with it.
//! Shared by a test and `cargo xtask golden`. Source of what the kernel's messages tell: kernel/bpf/verifier.c, Linux 6.18.

/// A row.
pub(crate) struct OpmapRow<'a> {
    /// Opcode, dst, src, off and imm, as they stand there.
    pub(crate) name: String,
    /// The encoding, little-endian, and the zeros that followed it.
    pub(crate) slot: [u8; 8],
    /// What the kernel said last.
    pub(crate) log: &'a str,
    /// What that tells of the encoding.
    pub(crate) told: Told,
}

/// What the kernel's answer tells of an encoding's opcode and reserved fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Told {
    /// The program was loaded.
    Loaded,
    /// The program was refused, but for what the instruction does: its encoding had been looked at, and passed.
    Passed,
    /// The encoding was refused.
    Refused,
    /// The program was refused before the fields of the instruction were looked at.
    Nothing,
}

/// What the kernel says of an encoding.
const REFUSED: [&str; 5] = [
    "reserved fields",
    "unknown opcode",
    "invalid atomic op",
    "invalid may_goto imm",
    "unrecognized bpf_ld_imm",
];

/// What it says of an instruction whose encoding it has passed, in `do_check` behind the check of reserved fields: of
/// constants, of registers, and of the function a call names.
const PASSED: [&str; 9] = [
    "invalid shift",
    "div by zero",
    "addr_space_cast insn can only",
    "frame pointer is read only",
    "invalid size of register spill",
    "invalid func ",
    "program of this type cannot use helper",
    "type=scalar expected=",
    "invalid kernel function call not eliminated",
];

/// What it says before: of where jumps and calls lead and where the program ends (`check_subprogs`, `check_cfg`), of
/// kernel functions (`add_kfunc_call`), and of what a wide load names (`resolve_pseudo_ldimm64`).
const NOTHING: [&str; 9] = [
    "jump out of range",
    "unreachable insn",
    "call to invalid destination",
    "last insn is not an exit or jmp",
    "failed to find BTF for kernel function",
    "is not a function",
    "fd_idx without fd_array",
    "is not pointing to valid bpf_map",
    "isn't KIND_VAR or KIND_FUNC",
];

impl<'a> OpmapRow<'a> {
    /// A line of the file; `None` for what is none, and for answers that are not known here.
    pub(crate) fn parse(line: &'a str) -> Option<OpmapRow<'a>> {
        let [op, dst, src, off, imm, kernel, log, ..] = line.split('\t').collect::<Vec<_>>()[..] else {
            return None;
        };
        let opcode = u8::from_str_radix(op.strip_prefix("0x")?, 16).ok()?;
        let registers = src.parse::<u8>().ok()? << 4 | dst.parse::<u8>().ok()?;
        let [o0, o1] = off.parse::<i16>().ok()?.to_le_bytes();
        let [i0, i1, i2, i3] = imm.parse::<i32>().ok()?.to_le_bytes();
        let says = |phrases: &[&str]| phrases.iter().any(|phrase| log.contains(phrase));
        let told = match kernel {
            "ok" => Told::Loaded,
            _ if says(&REFUSED) => Told::Refused,
            _ if says(&PASSED) => Told::Passed,
            _ if says(&NOTHING) => Told::Nothing,
            _ => return None,
        };
        let name = [op, dst, src, off, imm].join(" ");
        Some(OpmapRow { name, slot: [opcode, registers, o0, o1, i0, i1, i2, i3], log, told })
    }
}
