//! What calls give back and what they do besides.
//! Source: `enum bpf_return_type` and `struct bpf_func_proto` of include/linux/bpf.h, and what
//! kernel/bpf/verifier.c knows of single helpers, Linux 6.18.

/// What a call returns in r0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ret {
    /// A number; a negative error number on failure where the documentation says so.
    Integer,
    /// How many bytes of the memory argument were filled, or a negative error number.
    Filled,
    /// Nothing: r0 is unusable after the call.
    Void,
    /// A value of the map in argument 0.
    MapValue,
    /// A value of the map in argument 0, or null.
    MapValueOrNull,
    /// A record of as many bytes as argument 1 says, or null; it must be released.
    RecordOrNull,
    /// As many bytes as the constant size says, of what the dynptr leads to, or null.
    DynptrMemoryOrNull,
    /// A full socket, or null.
    SocketOrNull,
    /// A socket of any state, or null.
    SockCommonOrNull,
    /// A TCP socket, or null.
    TcpSockOrNull,
    /// An object of the kernel of this type.
    Object(&'static str),
    /// An object of the kernel of this type that stays while the program runs.
    TrustedObject(&'static str),
    /// An object of the kernel of this type, or null.
    ObjectOrNull(&'static str),
    /// This CPU's copy of the variable in argument 0.
    PercpuObject,
    /// Another CPU's copy of the variable in argument 0, or null.
    PercpuObjectOrNull,
    /// What the field in argument 0 held, or null; it must be released.
    KptrOrNull,
    /// An object of the kernel of this type, or null; it may not be there any more.
    DoubtfulObjectOrNull(&'static str),
    /// An object of the kernel of the type that the constant argument names by its number, or its bare memory; it may
    /// not be there at all.
    AnyObject,
    /// The kernel's structure behind the context.
    KernelContext,
    /// So many bytes of memory.
    Memory {
        /// How many.
        bytes: u32,
        /// Whether the program may only read them.
        readonly: bool,
        /// Whether it may be null.
        nullable: bool,
    },
    /// The same as [`Ret::DynptrMemoryOrNull`], only to be read.
    DynptrReadonlyMemoryOrNull,
    /// Pages of an arena: an address that programs compute with, and access as the arena's.
    ArenaPages,
    /// A new object of the type of the program's that the constant argument names by its number, or null.
    NewObjectOrNull,
    /// The same, of which each CPU has its own.
    NewPercpuObjectOrNull,
    /// The object of the argument, again, or null.
    SameObjectOrNull,
    /// An object of the list or tree in the arguments, by its node, or null.
    NodeOrNull,
}

impl Ret {
    /// Whether it may be null.
    pub const fn is_nullable(&self) -> bool {
        match self {
            Ret::MapValueOrNull
            | Ret::RecordOrNull
            | Ret::DynptrMemoryOrNull
            | Ret::DynptrReadonlyMemoryOrNull
            | Ret::SocketOrNull
            | Ret::SockCommonOrNull
            | Ret::TcpSockOrNull
            | Ret::ObjectOrNull(_)
            | Ret::DoubtfulObjectOrNull(_)
            | Ret::PercpuObjectOrNull
            | Ret::KptrOrNull
            | Ret::NewObjectOrNull
            | Ret::NewPercpuObjectOrNull
            | Ret::SameObjectOrNull
            | Ret::NodeOrNull => true,
            Ret::Memory { nullable, .. } => *nullable,
            Ret::Integer
            | Ret::Filled
            | Ret::Void
            | Ret::MapValue
            | Ret::Object(_)
            | Ret::TrustedObject(_)
            | Ret::PercpuObject
            | Ret::AnyObject
            | Ret::KernelContext
            | Ret::ArenaPages => false,
        }
    }
}

/// A number that can only be read, or null.
pub(super) const INT_OR_NULL: Ret = Ret::Memory { bytes: 4, readonly: true, nullable: true };
/// A number of 64 bits.
pub(super) const LONG_MEMORY: Ret = Ret::Memory { bytes: 8, readonly: false, nullable: false };

/// What a call does beyond its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Only programs under a GPL-compatible licence may call it.
    Gpl,
    /// It may sleep: only sleepable programs may call it, where they may sleep.
    Sleeps,
    /// Its result must be released.
    Acquires,
    /// It releases the object that it is given.
    Releases,
    /// Objects that it is given must be alive for certain.
    TrustedObjects,
    /// Objects that it is given must be alive in an RCU section at least.
    RcuObjects,
    /// It is to be called in an RCU section, and what it returns lives as long as that.
    NeedsRcu,
    /// It begins an RCU section.
    LocksRcu,
    /// It ends an RCU section.
    UnlocksRcu,
    /// It begins a section in which no other task gets the CPU.
    DisablesPreemption,
    /// It ends such a section.
    EnablesPreemption,
    /// It may be called while a lock is held.
    UnderLock,
    /// It may bring the machine down.
    Destructive,
    /// It does not return: it ends the program, from any depth of calls.
    Throws,
    /// It marks what must never be reached.
    Traps,
    /// It leaves all registers but r0 as they were, where the compiler asked for that.
    Fastcall,
    /// Its result is argument 0 by another type, and lasts as long as that.
    Casts,
    /// Packet pointers taken before the call are invalid after it.
    MovesPacket,
    /// Memory arguments may lie in the packet.
    PacketMemory,
    /// Of an array, it finds every index that is below the size.
    FindsIndex,
    /// It changes the map: programs may not have that done to maps that are read-only to them.
    WritesMap,
    /// What it is to fill stays as it was where it fails.
    FillsOnSuccess,
    /// It does not return when it succeeds: another program runs in place of this one.
    TailCall,
    /// Only kernels configured for it have it; common ones are not.
    Configured,
    /// It only looks: it changes nothing but the memory that it is given to fill, and nobody else sees that it was called.
    /// Calls that are not said to do so may change anything.
    Reads,
    /// It says where the packet goes: to another device, CPU or socket.
    Redirects,
    /// It tells user space: a record, a line, a stack. What the program was given stays as it is.
    Outputs,
    /// Only programs whose loader has `CAP_PERFMON` may call it: it tells of the kernel's memory or what runs on it.
    Perfmon,
}
