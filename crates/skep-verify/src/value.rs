//! What is known of a register or of a spilled one: nothing, a number, or what it points to.

use std::borrow::Cow;
use std::fmt;

use skep_abi::SocketKind;
use skep_btf::TypeId;

use crate::domain::{Scalar, Tnum};

/// Names what values have in common: copies of one number, pointers with the same variable part, results of one
/// call that may be null. 0 names nothing.
pub(crate) type Id = u32;

/// An abstract value.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Value {
    pub(crate) kind: Kind,
    /// Pointers: whether it may be null instead; those of one `id` are null together.
    pub(crate) nullable: bool,
    /// Pointers: how far what they lead to can be relied on.
    pub(crate) flags: Flags,
    /// Pointers: the constant part of the offset, in bytes. Numbers: what was added since they shared `id`.
    pub(crate) off: i32,
    /// Numbers: whether it was added at 32 bits, so that what is shared are the low halves.
    pub(crate) narrow: bool,
    pub(crate) id: Id,
    /// The acquired reference that this points into; 0 if none.
    pub(crate) acquired: Id,
    /// Maps that were found in others and have fields that name their map, and what is in them: which lookup found the
    /// map (`map_uid`); 0 otherwise.
    pub(crate) found_by: Id,
    /// Numbers: the number. Pointers: the variable part of the offset.
    pub(crate) num: Scalar,
}

/// The kind of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Not initialised: can't be read.
    Uninit,
    /// A number.
    Scalar,
    /// The context.
    Context,
    /// The end of a frame's stack: offsets are negative.
    Stack {
        /// Which frame, 0 for the entry's.
        frame: u8,
    },
    /// The packet; so many bytes from the variable part on are known to be in it.
    Packet {
        /// Bytes.
        range: u16,
    },
    /// The packet's metadata; so many bytes are known to lie before the packet.
    PacketMeta {
        /// Bytes.
        range: u16,
    },
    /// One past the packet's last byte.
    PacketEnd,
    /// A map, by index.
    Map(u32),
    /// The value of a map.
    MapValue {
        /// The map's index.
        map: u32,
    },
    /// The memory that a program of kind `unspec` is given.
    Given,
    /// A ring buffer's record.
    Record {
        /// Its bytes.
        size: u32,
    },
    /// The key of a map.
    MapKey {
        /// The map's index.
        map: u32,
    },
    /// A function of the program, by index.
    Function(u32),
    /// A dynptr that a function was given (`CONST_PTR_TO_DYNPTR`), or half of one on the stack. Its name is `id`.
    Dynptr {
        /// What it leads to.
        leads: Dynptr,
        /// Which half.
        half: Half,
    },
    /// Memory that a dynptr leads to; not there any more once the dynptr is not.
    Slice {
        /// Its bytes.
        size: u32,
        /// The dynptr's name.
        dynptr: Id,
        /// Whether it is in a packet.
        packet: bool,
    },
    /// In a stack slot: a part of an iterator.
    Iterator {
        /// The iterator's type, of the kernel's.
        ty: TypeId,
        /// Whether it has no further element.
        drained: bool,
    },
    /// In a stack slot: saved interrupt flags.
    IrqFlags {
        /// Whether a lock was taken with them.
        lock: bool,
    },
    /// Other memory of the kernel's (`PTR_TO_MEM`): what a call returns, a variable, an argument.
    Memory {
        /// Its bytes.
        size: u32,
    },
    /// A socket.
    Socket(SocketKind),
    /// The program's arena: at any place in or outside of it.
    Arena,
    /// The keys that a flow dissector is to fill.
    FlowKeys,
    /// A buffer of a tracepoint or an iterator, whose size only that knows.
    Buffer,
    /// An object with a type (`PTR_TO_BTF_ID`): the kernel's, or one that the program allocated.
    Object {
        /// Whose types the type is of.
        types: Types,
        /// The type: a structure or union.
        ty: TypeId,
    },
}

/// What a dynptr leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dynptr {
    /// Memory of the program's own.
    Local,
    /// A record of a ring buffer, to be released.
    Record,
    /// A socket buffer.
    Skb,
    /// An XDP frame.
    Xdp,
    /// The metadata of a socket buffer.
    SkbMeta,
}

/// A part of a dynptr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Half {
    /// The lower slot.
    Low,
    /// The upper one.
    High,
    /// Both: a pointer to it.
    Whole,
}

/// Whose types a type is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Types {
    /// The kernel's.
    Kernel,
    /// The program's own.
    Program,
}

/// What is known of a pointer beyond its kind, as Linux's type flags have it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags(u16);

impl Flags {
    pub(crate) const NONE: Flags = Flags(0);
    /// Not written through (`MEM_RDONLY`).
    pub(crate) const READONLY: Flags = Flags(1);
    /// In user space (`MEM_USER`).
    pub(crate) const USER: Flags = Flags(1 << 1);
    /// Of every CPU its own; not to be followed before one is chosen (`MEM_PERCPU`).
    pub(crate) const PERCPU: Flags = Flags(1 << 2);
    /// Alive as long as the RCU section is (`MEM_RCU`).
    pub(crate) const RCU: Flags = Flags(1 << 3);
    /// Maybe no longer what it was: reads give numbers, or fault and give 0 (`PTR_UNTRUSTED`).
    pub(crate) const UNTRUSTED: Flags = Flags(1 << 4);
    /// Certainly alive, and what its type says (`PTR_TRUSTED`).
    pub(crate) const TRUSTED: Flags = Flags(1 << 5);
    /// Allocated by the program (`MEM_ALLOC`).
    pub(crate) const ALLOC: Flags = Flags(1 << 6);
    /// The program's, but a list or tree owns it (`NON_OWN_REF`).
    pub(crate) const NON_OWNING: Flags = Flags(1 << 7);

    /// Memory of the program's own, or of its kernel's: a global function does not know which it is given.
    pub(crate) const ARGUMENT: Flags = Flags(1 << 8);
    /// A packet pointer that is not before the packet's end (`AT_PKT_END`).
    pub(crate) const AT_END: Flags = Flags(1 << 9);
    /// A packet pointer that is behind the packet's end (`BEYOND_PKT_END`).
    pub(crate) const BEYOND_END: Flags = Flags(1 << 10);

    /// In the order, and by the names, of Linux's log.
    const PREFIXES: [(Flags, &str); 6] = [
        (Flags::READONLY, "rdonly_"),
        (Flags::USER, "user_"),
        (Flags::PERCPU, "percpu_"),
        (Flags::RCU, "rcu_"),
        (Flags::UNTRUSTED, "untrusted_"),
        (Flags::TRUSTED, "trusted_"),
    ];

    /// All of these are set.
    pub(crate) const fn has(self, flags: Flags) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// One of these is set.
    pub(crate) const fn any(self, flags: Flags) -> bool {
        self.0 & flags.0 != 0
    }

    pub(crate) const fn with(self, flags: Flags) -> Flags {
        Flags(self.0 | flags.0)
    }

    pub(crate) const fn without(self, flags: Flags) -> Flags {
        Flags(self.0 & !flags.0)
    }
}

impl Value {
    pub(crate) const UNINIT: Value = Value::of(Kind::Uninit, Scalar::constant(0));
    pub(crate) const UNKNOWN: Value = Value::of(Kind::Scalar, Scalar::UNKNOWN);

    const fn of(kind: Kind, num: Scalar) -> Value {
        Value {
            kind,
            nullable: false,
            flags: Flags::NONE,
            off: 0,
            narrow: false,
            id: 0,
            acquired: 0,
            found_by: 0,
            num,
        }
    }

    pub(crate) const fn scalar(num: Scalar) -> Value {
        Value::of(Kind::Scalar, num)
    }

    pub(crate) const fn constant(value: u64) -> Value {
        Value::scalar(Scalar::constant(value))
    }

    pub(crate) const fn pointer(kind: Kind) -> Value {
        Value::of(kind, Scalar::constant(0))
    }

    /// A pointer to an object.
    pub(crate) const fn object(types: Types, ty: TypeId, flags: Flags) -> Value {
        Value { flags, ..Value::pointer(Kind::Object { types, ty }) }
    }

    /// Whether it points to an object, as loads from it see it.
    pub(crate) const fn is_object(&self) -> bool {
        matches!(self.kind, Kind::Object { .. })
    }

    /// A pointer to bytes that may or may not be there, and are only read.
    pub(crate) const fn unknown_bytes() -> Value {
        Value { flags: Flags::READONLY.with(Flags::UNTRUSTED), ..Value::pointer(Kind::Memory { size: 0 }) }
    }

    pub(crate) const fn is_scalar(&self) -> bool {
        matches!(self.kind, Kind::Scalar)
    }

    pub(crate) const fn is_pointer(&self) -> bool {
        !matches!(self.kind, Kind::Scalar | Kind::Uninit)
    }

    /// The number, if it is one and only one is possible.
    pub(crate) const fn as_constant(&self) -> Option<u64> {
        if self.is_scalar() { self.num.as_constant() } else { None }
    }

    pub(crate) fn is_null_constant(&self) -> bool {
        self.as_constant() == Some(0)
    }

    pub(crate) const fn may_be_null(&self) -> bool {
        self.nullable
    }

    /// Whether it is a pointer that is certainly not null (`reg_not_null`).
    pub(crate) const fn is_not_null(&self) -> bool {
        !self.nullable
            && match self.kind {
                Kind::MapValue { .. }
                | Kind::Map(_)
                | Kind::MapKey { .. }
                | Kind::Function(_)
                | Kind::Record { .. }
                | Kind::Slice { .. }
                | Kind::Given => true,
                Kind::Memory { .. } => !self.flags.has(Flags::UNTRUSTED),
                Kind::Socket(kind) => !matches!(kind, SocketKind::Xdp),
                Kind::Object { .. } => self.is_trusted(),
                _ => false,
            }
    }

    /// Whether what it points to is certainly alive, and what its type says (`is_trusted_reg`).
    pub(crate) const fn is_trusted(&self) -> bool {
        self.acquired != 0
            || self.flags.any(Flags::TRUSTED.with(Flags::ALLOC).with(Flags::NON_OWNING))
                && !self
                    .flags
                    .any(Flags::UNTRUSTED.with(Flags::USER).with(Flags::PERCPU).with(Flags::READONLY))
    }

    /// Whether the pointer is exactly what it started as.
    pub(crate) fn is_unmodified(&self) -> bool {
        self.off == 0 && self.num.as_constant() == Some(0)
    }

    /// The same pointer, or null; both are decided for all of this name.
    pub(crate) const fn or_null(self, id: Id) -> Value {
        Value { id, nullable: true, ..self }
    }

    /// Linux's word for the kind of pointer, how far it can be relied on, and whether it may be null. Of an object, the
    /// type's name is missing: [`Explorer::describe`](crate::explore::Explorer::describe) knows it.
    pub(crate) fn kind_name(&self) -> Cow<'static, str> {
        if !self.nullable && self.flags == Flags::NONE {
            return Cow::Borrowed(self.kind.name());
        }
        let prefixes = Flags::PREFIXES.iter().filter(|(flag, _)| self.flags.has(*flag));
        let mut name: String = prefixes.map(|(_, prefix)| *prefix).collect();
        name += self.kind.name();
        match self.kind {
            Kind::Object { .. } if self.nullable => name += "or_null_",
            _ if self.nullable => name += "_or_null",
            _ => {}
        }
        Cow::Owned(name)
    }

    /// The same number, not known to be equal to another register's.
    pub(crate) const fn unlinked(self) -> Value {
        Value { id: 0, off: 0, narrow: false, ..self }
    }
}

impl Kind {
    /// Linux's word for the kind of pointer.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Kind::Uninit => "uninitialised",
            Kind::Scalar => "scalar",
            Kind::Context => "ctx",
            Kind::Stack { .. } => "fp",
            Kind::Packet { .. } => "pkt",
            Kind::PacketMeta { .. } => "pkt_meta",
            Kind::PacketEnd => "pkt_end",
            Kind::Map(_) => "map_ptr",
            Kind::MapValue { .. } => "map_value",
            Kind::MapKey { .. } => "map_key",
            Kind::Function(_) => "func",
            Kind::Dynptr { .. } => "dynptr_ptr",
            Kind::Iterator { .. } => "iter",
            Kind::IrqFlags { .. } => "irq_flag",
            Kind::Given | Kind::Memory { .. } | Kind::Slice { .. } => "mem",
            Kind::Record { .. } => "ringbuf_mem",
            Kind::Socket(kind) => kind.name(),
            Kind::Arena => "arena",
            Kind::FlowKeys => "flow_keys",
            Kind::Buffer => "buf",
            Kind::Object { .. } => "ptr_",
        }
    }

    /// The same kind but for what is learnt of it: what two paths must agree on.
    pub(crate) fn same(self, other: Kind) -> bool {
        match (self, other) {
            (Kind::Packet { .. }, Kind::Packet { .. })
            | (Kind::PacketMeta { .. }, Kind::PacketMeta { .. }) => true,
            (Kind::Slice { size, packet, .. }, Kind::Slice { size: size2, packet: packet2, .. }) => {
                size == size2 && packet == packet2
            }
            _ => self == other,
        }
    }
}

/// In the words of Linux's log: `5`, `scalar(umax=255,…)`, `pkt(id=1,off=14,r=34)`, `fp-8`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Uninit => return f.write_str("?"),
            Kind::Scalar if self.num.as_constant().is_some() || self.id == 0 => {
                return write!(f, "{}", self.num);
            }
            Kind::Scalar => {
                write!(f, "scalar(id={}", self.id)?;
                if self.off != 0 {
                    write!(f, "{:+}", self.off)?;
                }
                if self.num != Scalar::UNKNOWN {
                    f.write_str(",")?;
                }
                self.num.facts(f)?;
                return f.write_str(")");
            }
            Kind::Stack { frame } if self.num.as_constant() == Some(0) => {
                f.write_str("fp")?;
                if frame != 0 {
                    write!(f, "[{frame}]")?;
                }
                return if self.off == 0 { Ok(()) } else { write!(f, "{:+}", self.off) };
            }
            _ => write!(f, "{}(", self.kind_name())?,
        }
        let mut separator = "";
        let mut part = |f: &mut fmt::Formatter<'_>, name: &str, value: i64| -> fmt::Result {
            write!(f, "{separator}{name}={value}")?;
            separator = ",";
            Ok(())
        };
        if self.id != 0 {
            part(f, "id", i64::from(self.id))?;
        }
        match self.kind {
            Kind::Packet { range } | Kind::PacketMeta { range } => {
                if self.off != 0 {
                    part(f, "off", i64::from(self.off))?;
                }
                part(f, "r", i64::from(range))?;
            }
            kind => {
                match kind {
                    Kind::Map(map) | Kind::MapValue { map, .. } | Kind::MapKey { map } => {
                        part(f, "map", i64::from(map))?;
                    }
                    Kind::Record { size } | Kind::Memory { size } | Kind::Slice { size, .. } => {
                        part(f, "sz", i64::from(size))?;
                    }
                    _ => {}
                }
                if self.off != 0 {
                    part(f, "off", i64::from(self.off))?;
                }
            }
        }
        match self.num.as_constant() {
            Some(0) => {}
            Some(imm) => part(f, "imm", imm as i64)?,
            None => {
                if self.num.full != crate::domain::Range::UNKNOWN || self.num.bits != Tnum::UNKNOWN {
                    f.write_str(separator)?;
                }
                self.num.facts(f)?;
            }
        }
        f.write_str(")")
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
