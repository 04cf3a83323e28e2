//! A program that passed, with what was proved of it. Only this crate can make one: whoever holds a
//! [`Verified`] may run it without checking again.

use std::collections::HashMap;
use std::sync::Arc;

use skep_abi::{Function, SocketKind};
use skep_obj::Program;

use crate::facts::Facts;

/// A program that the verifier accepted.
#[derive(Clone, Debug)]
pub struct Verified {
    pub(crate) program: Arc<Program>,
    pub(crate) facts: Vec<Fact>,
    pub(crate) callees: HashMap<usize, u32>,
    /// By index into the program's symbols.
    pub(crate) named: HashMap<i64, &'static Function>,
    pub(crate) stacks: Vec<u32>,
    pub(crate) reads_uninit: Vec<bool>,
    pub(crate) zero_registers: u16,
    pub(crate) memory: Option<u32>,
    /// By map: a field of its values that has rules of its own.
    pub(crate) special: Vec<Option<&'static str>>,
    pub(crate) stats: Stats,
    pub(crate) log: Option<String>,
    pub(crate) whole: Option<Arc<Facts>>,
}

/// What was proved of one instruction, over all paths that reach it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fact {
    /// No path reaches it, or it is the further slot of one that is reached.
    #[default]
    Unreachable,
    /// It is reached, and there is nothing more to know.
    Plain,
    /// A load or store that touches this field of the context; the index is into the context's fields, the
    /// byte is where in the field the access starts.
    Context {
        /// Index into [`skep_abi::Context::fields`].
        field: u16,
        /// Byte in the field.
        byte: u16,
    },
    /// A load or store within the stack, packet, a map's value or other memory: in bounds on every path.
    Memory(Region),
    /// A call whose map argument is the same map on every path; the index is into the program's maps.
    CallWithMap(u32),
}

/// The kind of memory that an access stays in, on every path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    /// Stack frames.
    Stack,
    /// The packet.
    Packet,
    /// The packet's metadata.
    PacketMeta,
    /// A map's value.
    MapValue,
    /// A ring buffer's reserved record.
    Record,
    /// The memory that a program of kind `unspec` was given.
    Given,
    /// A socket.
    Socket(SocketKind),
    /// An object or a buffer of the kernel's, on one path at least.
    Kernel,
    /// Several other kinds, by path.
    Mixed,
}

/// How much work a verification was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Instructions looked at, counting each visit.
    pub insns_processed: u64,
    /// States kept for comparison, over all instructions.
    pub states: u64,
    /// The most that were kept at the same time.
    pub peak_states: u64,
    /// The most that were kept of one instruction at the same time.
    pub max_states_per_insn: u64,
}

impl Verified {
    /// The program.
    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }

    /// What was proved of the instruction in this slot.
    pub fn fact(&self, insn: usize) -> Fact {
        self.facts.get(insn).copied().unwrap_or_default()
    }

    /// The function that the indirect call in this slot calls on every path, by its number.
    pub fn callee(&self, insn: usize) -> Option<u32> {
        self.callees.get(&insn).copied()
    }

    /// The function that calls name by this index into the program's symbols, as the calls were held to it.
    pub fn named(&self, symbol: i64) -> Option<&'static Function> {
        self.named.get(&symbol).copied()
    }

    /// Bytes of stack that this function of the program needs, a multiple of eight.
    pub fn stack_bytes(&self, function: usize) -> u32 {
        self.stacks.get(function).copied().unwrap_or_default()
    }

    /// The bytes of all functions together.
    pub fn stack_bytes_of_all(&self) -> u64 {
        self.stacks.iter().map(|bytes| u64::from(*bytes)).sum()
    }

    /// Whether a frame of this function may be read where nothing was written: it must then start zeroed.
    pub fn stack_needs_zero(&self, function: usize) -> bool {
        self.reads_uninit.get(function).copied().unwrap_or_default()
    }

    /// The registers, by bit, that the program may read before it has written them: they must be 0 when it starts. None
    /// under Linux's rules.
    pub fn zero_registers(&self) -> u16 {
        self.zero_registers
    }

    /// For programs of kind `unspec`: bytes of memory it must at least be given in r1, the size being in r2.
    pub fn memory_bytes(&self) -> Option<u32> {
        self.memory
    }

    /// A part of the values of this map that has rules of its own, by its name, `bpf_timer`: whoever runs the program must
    /// keep them. Only of maps that the program uses.
    pub fn special_field(&self, map: usize) -> Option<&'static str> {
        self.special.get(map).copied().flatten()
    }

    /// What holds of the program as a whole, if the options asked for it.
    pub fn facts(&self) -> Option<&Facts> {
        self.whole.as_deref()
    }

    /// How much work it was.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// What was known after every instruction of every path, if the options asked for it.
    pub fn log(&self) -> Option<&str> {
        self.log.as_deref()
    }
}
