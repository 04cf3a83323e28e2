//! Why a program is refused: what is wrong, at which instruction, what was known there, and how it was reached.
//! Where Linux has well-known words for a cause, they stand in the explanation, so that whoever searches finds.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use skep_abi::SocketKind;

use crate::level::Level;
use crate::report::{Cause, Class};
use crate::verified::Stats;

/// Why a program is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyError {
    /// Slot of the instruction.
    pub insn: usize,
    /// What is wrong there.
    pub reason: Reason,
    /// Where it is and what was known.
    pub place: Box<Place>,
}

/// Where a program is refused, and what was known there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The function; empty if there is none at the instruction.
    pub function: String,
    /// The instruction's text, in pseudo-C.
    pub text: String,
    /// Its source line, if the program carries lines.
    pub source: Option<Source>,
    /// What was known of the registers that the instruction uses, in Linux's notation.
    pub registers: Vec<(u8, String)>,
    /// The last branches on the path to it, oldest first.
    pub path: Vec<Decision>,
    /// How many branches the path has before those.
    pub path_omitted: usize,
    /// How it came to this, oldest first.
    pub causes: Vec<Cause>,
    /// Whose fault it is, where the path tells another than the rule does.
    pub class: Option<Class>,
    /// How much work it was to get there.
    pub stats: Stats,
}

/// A source line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The file.
    pub file: Arc<str>,
    /// Line number from 1.
    pub line: u32,
    /// Column from 1; 0 if unknown.
    pub column: u32,
    /// The line's text; may be empty.
    pub text: Arc<str>,
}

/// How a branch went on the path to the refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Slot of the branch.
    pub insn: usize,
    /// Its text.
    pub text: String,
    /// Whether the jump was taken.
    pub taken: bool,
    /// Its source line.
    pub source: Option<Source>,
}

/// How many branches an error's path shows.
pub(crate) const PATH_SHOWN: usize = 16;

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The functions of the program don't divide its instructions among them, or there are too many.
    BadLayout {
        /// What is wrong with them.
        why: String,
    },
    /// The slot is no instruction.
    Undecodable {
        /// Why not.
        why: String,
    },
    /// The instruction is one, with an operand that it can't have.
    BadOperand {
        /// What is wrong with it.
        why: String,
    },
    /// A register field above r10.
    BadRegister {
        /// Its number.
        register: u8,
    },
    /// r10 would be overwritten.
    FramePointerWritten,
    /// A jump leaves its function.
    JumpOutOfFunction {
        /// The slot it goes to.
        to: i64,
    },
    /// A jump lands in the second slot of a wide load.
    JumpIntoWide {
        /// That slot.
        to: usize,
    },
    /// The function's last instruction is neither an exit nor a jump.
    FallsOffFunction,
    /// No path leads to the instruction.
    UnreachableCode,
    /// The call's target is not the start of a function.
    BadCall {
        /// The slot it goes to.
        to: i64,
    },
    /// The function calls itself, maybe through others.
    Recursion {
        /// Its name.
        function: String,
    },
    /// More frames than a program may have.
    TooManyFrames {
        /// The most there may be.
        limit: usize,
    },
    /// The stacks of a chain of calls are too large together.
    StackTooLarge {
        /// Their bytes.
        bytes: u32,
        /// How many frames the chain has.
        frames: usize,
        /// The most bytes there may be.
        limit: u32,
    },
    /// The frames above a function that makes a tail call are too large.
    StackAboveTailCall {
        /// Their bytes.
        bytes: u32,
        /// One more than the most there may be.
        limit: u32,
    },
    /// A global function has types that it can't be verified by, or is called with something else.
    GlobalFunction {
        /// Its name.
        function: String,
        /// What is wrong.
        why: String,
    },
    /// The path leaves the program in a section that it began and did not end.
    InSection {
        /// The function that began it.
        section: &'static str,
        /// What ends the path.
        at: &'static str,
    },
    /// The program throws where it must not, or what handles that is not what a handler is.
    Exception {
        /// What is wrong.
        why: String,
    },
    /// A global function returns something else than a number.
    NotAResult {
        /// What r0 holds.
        found: String,
    },
    /// More instructions had to be looked at than the limit allows.
    TooComplex {
        /// The limit.
        limit: u64,
    },
    /// More branches were waiting to be followed than the limit allows.
    TooManyBranches {
        /// The limit.
        limit: usize,
    },
    /// The path came back to the same state: the loop may never end.
    InfiniteLoop,
    /// A feature that this verifier doesn't know.
    Unsupported {
        /// Its name.
        what: String,
    },
    /// What the program does depends on the types of its kernel, and `Options::kernel` has none.
    NoKernelTypes,
    /// The kind of program is not described.
    ProgramType {
        /// Its name.
        prog_type: String,
    },
    /// A register is read that holds nothing on this path.
    UninitialisedRegister {
        /// Its number.
        register: u8,
    },
    /// A register that must be a pointer is none.
    NotAPointer {
        /// Its number.
        register: u8,
        /// What it holds.
        found: &'static str,
    },
    /// A pointer is used that may be null.
    MaybeNull {
        /// Its number.
        register: u8,
        /// What it points to.
        kind: String,
    },
    /// Arithmetic that pointers of this kind don't allow.
    PointerArithmetic {
        /// The pointer's register.
        register: u8,
        /// The kind of pointer.
        kind: &'static str,
        /// What is not allowed.
        why: String,
    },
    /// An access through a pointer whose offset may be negative.
    NegativeOffset {
        /// The pointer's register.
        register: u8,
        /// What it points to.
        kind: &'static str,
        /// The least offset.
        min: i64,
    },
    /// An access through a pointer whose offset has no useful bound.
    UnboundedOffset {
        /// The pointer's register.
        register: u8,
        /// What it points to.
        kind: &'static str,
        /// The greatest offset.
        max: u64,
    },
    /// An access outside of memory.
    OutOfBounds {
        /// The pointer's register.
        register: u8,
        /// What it points to.
        kind: &'static str,
        /// The least offset of the access, in bytes.
        min: i64,
        /// One past the greatest.
        max: i64,
        /// Bytes that are there, or known to be there.
        size: i64,
    },
    /// An access to the stack outside of the frame.
    StackOutOfBounds {
        /// The pointer's register.
        register: u8,
        /// The least offset from the frame pointer.
        min: i64,
        /// One past the greatest.
        max: i64,
    },
    /// An access to the stack that is not aligned to its size.
    Misaligned {
        /// The pointer's register.
        register: u8,
        /// What it points to.
        kind: &'static str,
        /// The offset.
        off: i64,
        /// The size.
        size: u32,
    },
    /// A spilled pointer is stored or loaded in part.
    PartOfPointer {
        /// Whether it is stored.
        store: bool,
        /// The size.
        size: u32,
    },
    /// A pointer into a callee's stack would outlive it.
    StackPointerEscapes {
        /// How.
        how: &'static str,
    },
    /// A context access that is not allowed.
    Context {
        /// The offset.
        off: i64,
        /// The size.
        size: u32,
        /// Whether it writes.
        write: bool,
        /// The field there, if there is one.
        field: Option<&'static str>,
        /// What is wrong.
        why: &'static str,
    },
    /// A read of a context that holds arguments, where there is none or none that may be read so.
    ContextArgument {
        /// The offset.
        off: i64,
        /// The size.
        size: u32,
        /// What is wrong.
        why: String,
    },
    /// A load of a socket's field that is not allowed.
    Socket {
        /// The pointer's register.
        register: u8,
        /// How much of the socket it shows.
        kind: SocketKind,
        /// The offset.
        off: i64,
        /// The size.
        size: u32,
        /// The field there, if there is one.
        field: Option<&'static str>,
        /// What is wrong.
        why: &'static str,
    },
    /// How the program is to be loaded does not fit its kind, or what it does.
    Load {
        /// What is wrong.
        why: String,
    },
    /// The program returns what programs of its kind may not.
    Returned {
        /// What r0 holds.
        found: String,
        /// The least that it may be.
        min: i32,
        /// The greatest.
        max: i32,
    },
    /// The context pointer is not what the program was given.
    ModifiedPointer {
        /// Its register.
        register: u8,
        /// The kind of pointer.
        kind: &'static str,
        /// What it is now.
        now: String,
    },
    /// Memory of this kind can't be accessed like this.
    Forbidden {
        /// The pointer's register.
        register: u8,
        /// What is not allowed.
        what: String,
    },
    /// One instruction accesses the context on one path and something else on another.
    MixedPointers,
    /// An instruction that depends on the kernel's types, and has no answer there (CO-RE).
    Unrelocated {
        /// What is missing, and in which kernel.
        why: String,
    },
    /// The helper is not described.
    UnknownFunction {
        /// Its number.
        id: u32,
    },
    /// The function can't be called from this kind of program.
    FunctionNotHere {
        /// Its name.
        function: &'static str,
        /// The kind of program.
        prog_type: &'static str,
    },
    /// It is not there in the Linux that the program is judged for.
    Later {
        /// What it is.
        what: String,
        /// The first version of Linux that has it, or judges so.
        since: (u8, u8),
        /// The version that the program is judged for.
        asked: Level,
    },
    /// The function is for programs under a GPL-compatible licence.
    NeedsGpl {
        /// Its name.
        function: &'static str,
        /// The program's licence.
        license: String,
    },
    /// An argument is not what the function takes.
    Argument {
        /// Its register.
        register: u8,
        /// The function's name.
        function: &'static str,
        /// What it takes.
        expected: String,
        /// What the register holds.
        found: String,
    },
    /// The loader lacks `CAP_PERFMON`, and a pointer would become a number that the program can look at.
    Leak {
        /// The register that holds the pointer, or leads to it.
        register: u8,
        /// How, in Linux's words.
        how: &'static str,
    },
    /// The loader lacks `CAP_PERFMON`, and stack is read that the program did not write.
    UnwrittenStack {
        /// The pointer's register.
        register: u8,
        /// The least offset from the frame pointer.
        min: i64,
        /// One past the greatest.
        max: i64,
    },
    /// The loader lacks `CAP_PERFMON`, and the processor can't be kept from leaving memory where it mispredicts.
    Speculation {
        /// The register that is moved, or moves.
        register: u8,
        /// What is not allowed.
        why: String,
    },
    /// The loader lacks `CAP_PERFMON`, which this needs.
    NeedsPerfmon {
        /// What needs it.
        what: String,
    },
    /// A record was acquired and is not released on this path.
    Unreleased {
        /// Slot of the call that acquired it.
        acquired: usize,
        /// What ends the path.
        at: &'static str,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::BadLayout { why } | Reason::BadOperand { why } | Reason::Exception { why } => {
                f.write_str(why)
            }
            Reason::Undecodable { why } => write!(f, "not an instruction: {why}"),
            Reason::BadRegister { register } => write!(f, "R{register} is invalid, expected r0 to r10"),
            Reason::FramePointerWritten => f.write_str("frame pointer is read only: r10 can't be written"),
            Reason::JumpOutOfFunction { to } => {
                write!(f, "jump out of range: expected a target in the same function, found slot {to}")
            }
            Reason::JumpIntoWide { to } => {
                write!(f, "jump into the middle of ldimm64 insn: slot {to} is the second of a wide load")
            }
            Reason::FallsOffFunction => {
                f.write_str("last insn is not an exit or jmp: the function runs off its end")
            }
            Reason::UnreachableCode => f.write_str("unreachable insn: no path leads here"),
            Reason::BadCall { to } => {
                write!(f, "call of slot {to}, which is not the start of a function")
            }
            Reason::Recursion { function } => {
                write!(f, "recursive call: `{function}` calls itself, directly or through others")
            }
            Reason::TooManyFrames { limit } => {
                write!(f, "the call stack is too deep, expected at most {limit} frames")
            }
            Reason::StackTooLarge { bytes, frames, limit } => write!(
                f,
                "combined stack size of {frames} calls is {bytes}, too large: expected at most {limit} bytes"
            ),
            Reason::StackAboveTailCall { bytes, limit } => write!(
                f,
                "tail_calls are not allowed when call stack of previous frames is {bytes} bytes, too large: \
                 expected less than {limit}"
            ),
            Reason::GlobalFunction { function, why } => write!(f, "global function `{function}`: {why}"),
            Reason::InSection { section, at } => {
                write!(f, "{at} cannot be used inside {section}-ed region: expected its end before")
            }
            Reason::NotAResult { found } => write!(
                f,
                "At subprogram exit the register R0 is not a scalar value: expected a number, found {found}"
            ),
            Reason::TooComplex { limit } => {
                write!(f, "BPF program is too large: more than {limit} instructions had to be looked at")
            }
            Reason::TooManyBranches { limit } => {
                write!(f, "the sequence of jumps is too complex: more than {limit} branches wait to be followed")
            }
            Reason::InfiniteLoop => {
                f.write_str("infinite loop detected: the path comes back here with nothing changed")
            }
            Reason::Unsupported { what } => write!(f, "{what} is not supported"),
            Reason::NoKernelTypes => f.write_str("the types of the kernel are needed, and none are given"),
            Reason::ProgramType { prog_type } => {
                write!(f, "programs of kind {prog_type} are not supported")
            }
            Reason::UninitialisedRegister { register } => {
                write!(f, "R{register} !read_ok: r{register} has no value on this path")
            }
            Reason::NotAPointer { register, found } => {
                write!(f, "R{register} invalid mem access '{found}': r{register} is not a pointer to memory")
            }
            Reason::MaybeNull { register, kind } => {
                write!(f, "R{register} invalid mem access '{kind}': r{register} may be null here")
            }
            Reason::PointerArithmetic { register, kind, why } => {
                write!(f, "R{register} pointer arithmetic on {kind} prohibited: {why}")
            }
            Reason::NegativeOffset { register, kind, min } => write!(
                f,
                "R{register} min value is negative: the offset into {kind} may be {min}, expected 0 or more"
            ),
            Reason::UnboundedOffset { register, kind, max } => write!(
                f,
                "R{register} unbounded memory access: the offset into {kind} may be {max:#x}, expected a bound"
            ),
            Reason::OutOfBounds { register, kind, min, max, size } => match *kind {
                "pkt" | "pkt_meta" => write!(
                    f,
                    "invalid access to packet: bytes {min} to {max} through R{register}, expected within the \
                     {size} that were compared with the packet's end"
                ),
                "map_value" => write!(
                    f,
                    "invalid access to map value, value_size={size}: bytes {min} to {max} through R{register}"
                ),
                _ => write!(
                    f,
                    "invalid access to memory, mem_size={size}: bytes {min} to {max} of {kind} through R{register}"
                ),
            },
            Reason::StackOutOfBounds { register, min, max } => write!(
                f,
                "invalid access to stack: bytes {min} to {max} of the frame through R{register}, expected -512 \
                 to 0"
            ),
            Reason::Misaligned { register, kind, off, size } => write!(
                f,
                "misaligned {kind} access: offset {off} through R{register}, expected a multiple of {size}"
            ),
            Reason::PartOfPointer { store: true, size } => {
                write!(f, "invalid size of register spill: {size} bytes of a pointer, expected all 8")
            }
            Reason::PartOfPointer { store: false, size } => {
                write!(f, "invalid size of register fill: {size} bytes of a spilled pointer, expected all 8")
            }
            Reason::StackPointerEscapes { how } => {
                write!(f, "cannot {how}: the frame it points into ends before")
            }
            Reason::Context { off, size, write, field, why } => {
                let verb = if *write { "write" } else { "read" };
                write!(f, "invalid bpf_context access off={off} size={size}: ")?;
                match field {
                    Some(field) => write!(f, "can't {verb} {size} bytes of `{field}`, {why}"),
                    None => write!(f, "can't {verb} there, {why}"),
                }
            }
            Reason::ContextArgument { off, size, why } => {
                write!(f, "invalid bpf_context access off={off} size={size}: {why}")
            }
            Reason::Socket { register, kind, off, size, field, why } => {
                write!(f, "R{register} invalid {} access off={off} size={size}: ", kind.name())?;
                match field {
                    Some(field) => write!(f, "can't read {size} bytes of `{field}`, {why}"),
                    None => write!(f, "can't read there, {why}"),
                }
            }
            Reason::Load { why } => f.write_str(why),
            Reason::Returned { found, min, max } => write!(
                f,
                "At program exit the register R0 is {found}, should have been in [{min}, {max}]"
            ),
            Reason::ModifiedPointer { register, kind, now } => {
                write!(f, "dereference of modified {kind} ptr R{register}: expected it as received, found {now}")
            }
            Reason::Forbidden { what, .. } => f.write_str(what),
            Reason::MixedPointers => f.write_str(
                "same insn cannot be used with different pointers: the context on one path, other memory on another",
            ),
            Reason::Unrelocated { why } => write!(f, "invalid CO-RE relocation: {why}"),
            Reason::UnknownFunction { id } => {
                write!(f, "unknown func #{id}: the helper is not described")
            }
            Reason::FunctionNotHere { function, prog_type } => {
                write!(f, "program of kind {prog_type} cannot use helper {function}")
            }
            Reason::Later { what, since: (major, minor), asked } => {
                write!(f, "{what} is there since Linux {major}.{minor}; the program is judged for {asked}")
            }
            Reason::NeedsGpl { function, license } => write!(
                f,
                "cannot call GPL-restricted function {function} from non-GPL compatible program: the licence is \
                 \"{license}\""
            ),
            Reason::Argument { register, function, expected, found } => {
                write!(f, "R{register} type={found} for {function}: expected={expected}")
            }
            Reason::Leak { register, how } => {
                write!(f, "R{register} {how}: without CAP_PERFMON, pointers stay unknown to the program")
            }
            Reason::UnwrittenStack { register, min, max } => write!(
                f,
                "invalid read from stack R{register} off {min} size {}: without CAP_PERFMON, expected bytes that the \
                 program wrote",
                max - min
            ),
            Reason::Speculation { register, why } => write!(f, "R{register} {why}"),
            Reason::NeedsPerfmon { what } => write!(f, "{what} is allowed only to CAP_PERFMON and CAP_SYS_ADMIN"),
            Reason::Unreleased { acquired, at } => write!(
                f,
                "unreleased reference: the record that instruction {acquired} acquired is not released before {at}"
            ),
        }
    }
}

impl Reason {
    /// What whoever wrote the program can do about it.
    pub fn suggestion(&self) -> Option<String> {
        Some(match self {
            Reason::UninitialisedRegister { register: 1..=5 } => {
                "calls leave r1 to r5 without a value: keep what is needed later in r6 to r9 or on the stack"
                    .to_owned()
            }
            Reason::UninitialisedRegister { register: 0 } => {
                "set r0 on every path before it is read or the function ends".to_owned()
            }
            Reason::UninitialisedRegister { register } => {
                format!("give r{register} a value on every path that leads here")
            }
            Reason::MaybeNull { register, .. } => {
                format!("compare r{register} with 0 first, and use it only where it is not")
            }
            Reason::OutOfBounds { kind: "pkt", max, .. } => {
                format!(
                    "compare `data + {max}` with `data_end` before this access, and leave if it is greater"
                )
            }
            Reason::OutOfBounds { kind: "pkt_meta", max, .. } => {
                format!(
                    "compare `data_meta + {max}` with `data` before this access, and leave if it is greater"
                )
            }
            Reason::NotAPointer { found: "scalar", .. } => {
                "take the pointer again: calls that move the packet leave older packet pointers plain numbers"
                    .to_owned()
            }
            Reason::OutOfBounds { register, size, .. } => {
                format!("bound the index so that all of r{register}'s access stays below {size} bytes")
            }
            Reason::NegativeOffset { .. } => {
                "make the index unsigned, or compare it with 0 on the way here".to_owned()
            }
            Reason::UnboundedOffset { .. } => {
                "bound the index on the way here: `if (index < LIMIT)`, or `index &= LIMIT - 1`".to_owned()
            }
            Reason::InfiniteLoop | Reason::TooComplex { .. } => {
                "give the loop a bound that each round comes closer to, or a smaller one".to_owned()
            }
            Reason::ModifiedPointer { .. } => {
                "keep the pointer as received, and put constant offsets into the access itself".to_owned()
            }
            Reason::NeedsGpl { .. } => {
                "declare `char _license[] SEC(\"license\") = \"GPL\";` if that is the licence".to_owned()
            }
            Reason::Returned { min, max, .. } => {
                format!("return a number from {min} to {max}, compared with these bounds if it is computed")
            }
            Reason::UnwrittenStack { .. } => {
                "write all of the variable before it is read: `= {}` or memset".to_owned()
            }
            Reason::Leak { .. } | Reason::Speculation { .. } | Reason::NeedsPerfmon { .. } => {
                "have it loaded with CAP_PERFMON, if it may be".to_owned()
            }
            Reason::Unreleased { .. } => "submit or discard the record on every path".to_owned(),
            Reason::StackTooLarge { .. } => {
                "move large buffers from the stack into a per-CPU array".to_owned()
            }
            _ => return None,
        })
    }
}

impl VerifyError {
    /// The whole story, on several lines: reason, place, source, registers, path, suggestion.
    pub fn report(&self) -> String {
        let mut text = format!("{}\n", self.reason);
        let place = &*self.place;
        let _ = write!(text, "  at instruction {}", self.insn);
        if !place.function.is_empty() {
            let _ = write!(text, " of `{}`", place.function);
        }
        if !place.text.is_empty() {
            let _ = write!(text, ": {}", place.text);
        }
        text.push('\n');
        if let Some(source) = &place.source {
            let _ = writeln!(text, "  from {source}");
        }
        for (register, value) in &place.registers {
            let _ = writeln!(text, "  r{register} = {value}");
        }
        if !place.path.is_empty() {
            text.push_str("  on the path:\n");
            if place.path_omitted > 0 {
                let _ = writeln!(text, "    … {} branches before", place.path_omitted);
            }
            for decision in &place.path {
                let outcome = if decision.taken { "taken" } else { "not taken" };
                let _ = write!(text, "    {}: {} — {outcome}", decision.insn, decision.text);
                if let Some(source) = &decision.source {
                    let _ = write!(text, " ({source})");
                }
                text.push('\n');
            }
        }
        if let Some(suggestion) = self.reason.suggestion() {
            let _ = writeln!(text, "  help: {suggestion}");
        }
        text
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)?;
        if !self.text.is_empty() {
            write!(f, ": {}", self.text.trim())?;
        }
        Ok(())
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(source) = &self.place.source {
            write!(f, "{}:{}: ", source.file, source.line)?;
        }
        write!(f, "instruction {}: {}", self.insn, self.reason)
    }
}

impl std::error::Error for VerifyError {}
