//! The rows in words: what arguments, results and effects are called wherever functions are documented.
//!
//! Editors, the command and the book print these; none of them has words of its own.

use std::fmt::{self, Display, Formatter, Write as _};

use super::{
    Access, Arg, Attach, CallbackArg, Dynptr, Effect, Function, Graph, Place, Programs, Ret, Runs, Step,
};
use crate::ProgType;

impl Display for Arg {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let constant = match self {
            Arg::Context => "the context",
            Arg::Map([]) => "a map",
            Arg::Size { zero: true } => "the size of that memory in bytes",
            Arg::Size { zero: false } => "the size of that memory in bytes, not 0",
            Arg::ConstSize => "a constant size in bytes",
            Arg::Record => "a record, which is given back",
            Arg::Anything | Arg::Scalar => "a number",
            Arg::Constant => "a constant number",
            Arg::Ignored => "anything",
            Arg::Implicit => "nothing: the kernel puts something there itself",
            Arg::ConstStr => "a constant string that ends in a zero byte",
            Arg::PercpuObject => "the address of a per-CPU variable of the kernel",
            Arg::Socket => "a full socket",
            Arg::SockCommon | Arg::AnySock => "a socket",
            Arg::ReleasedSock => "a socket, which is given back",
            Arg::SpinLock => "a `struct bpf_spin_lock` of a map's value",
            Arg::Timer => "a `struct bpf_timer` of a map's value",
            Arg::Workqueue => "a `struct bpf_wq` of a map's value",
            Arg::TaskWork => "a `struct bpf_task_work` of a map's value",
            Arg::ResilientLock(_) => "a `struct bpf_res_spin_lock` of a map's value or an object",
            Arg::IrqFlags(used) if used.takes => {
                "room on the stack for the state of interrupts, which is filled"
            }
            Arg::IrqFlags(_) => "the state of interrupts, on the stack",
            Arg::KptrField => "a field of a map's value that points to an object",
            Arg::KptrObject => "the object it is to point to",
            Arg::Allocated => "an object of the program's own, which is given back",
            Arg::Refcounted => "an object of the program's own that counts references",
            Arg::Root(Graph::List) => "a list whose lock is held",
            Arg::Root(Graph::Tree) => "a tree whose lock is held",
            Arg::Node(_) => "the node of an object in it",
            Arg::NewNode(_) => "the node of an object of the program's own, which goes into it",
            Arg::Dynptr(Dynptr::Uses) => "a dynptr on the stack",
            Arg::Dynptr(Dynptr::ReleasesRecord) => "the dynptr of a record, which is given back",
            Arg::Dynptr(_) => "room for a dynptr on the stack, which is filled",
            Arg::CallbackContext => "an address on the stack, for the function",
            Arg::Map(kinds) => return write!(f, "a map ({})", names(kinds.iter().map(|kind| kind.name()))),
            Arg::ContextOf(name) => {
                return write!(f, "the context, where that is a `struct {name}`, or the object behind one");
            }
            Arg::MapKey(map) => return write!(f, "the address of a key of the map in r{}", map + 1),
            Arg::MapValue(map) => return write!(f, "the address of a value of the map in r{}", map + 1),
            Arg::MapValueOut(map) => {
                return write!(
                    f,
                    "the address of room for a value of the map in r{}, which is filled",
                    map + 1
                );
            }
            Arg::Memory { access, size, nullable } => {
                let null = if *nullable { " (or null)" } else { "" };
                return write!(f, "the address of memory that is {access}{null}, its size in r{}", size + 1);
            }
            Arg::Fixed { access, size, .. } => {
                return write!(f, "the address of {size} bytes that are {access}");
            }
            Arg::Object(names) => return write!(f, "a `struct {}`", names.join("` or `struct ")),
            Arg::Iterator { name, step: Step::Begins, .. } => {
                return write!(f, "room for a `struct {name}` on the stack, which is filled");
            }
            Arg::Iterator { name, .. } => return write!(f, "a `struct {name}` on the stack"),
            Arg::Callback(callback) => {
                let when = match callback.runs {
                    Runs::Once => "which runs at most once",
                    Runs::Repeatedly => "which runs any number of times",
                    Runs::Later => "which runs later",
                };
                let given = names(callback.args.iter().map(CallbackArg::word));
                let most = callback.ret_max;
                return write!(f, "a function of the program, {when}, with {given}; it returns 0 to {most}");
            }
            Arg::OrNull(arg) => return write!(f, "{arg}, or null"),
        };
        f.write_str(constant)
    }
}

impl Display for Access {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Access::Read => "read",
            Access::Write => "filled",
            Access::Update => "read and written",
        })
    }
}

impl CallbackArg {
    fn word(&self) -> &'static str {
        match self {
            CallbackArg::Scalar => "a number",
            CallbackArg::Map => "the map",
            CallbackArg::MapKey => "a key",
            CallbackArg::MapValue => "a value",
            CallbackArg::Context => "the address that the call is given",
            CallbackArg::Object(name) => name,
            CallbackArg::Dynptr => "a dynptr that can only be read",
            CallbackArg::Node => "a node",
        }
    }
}

impl Display for Ret {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let constant = match self {
            Ret::Integer => "a number",
            Ret::Filled => "how many bytes were filled, or a negative error number",
            Ret::Void => "nothing: r0 has no value afterwards",
            Ret::MapValue => "the address of a map's value",
            Ret::MapValueOrNull => "the address of a map's value, or null",
            Ret::RecordOrNull => "a record, or null; it must be submitted or discarded",
            Ret::DynptrMemoryOrNull => "the address of what the dynptr leads to, or null",
            Ret::DynptrReadonlyMemoryOrNull => "the address of what the dynptr leads to, to be read, or null",
            Ret::SocketOrNull => "a socket, or null",
            Ret::SockCommonOrNull => "a socket of any state, or null",
            Ret::TcpSockOrNull => "a TCP socket, or null",
            Ret::PercpuObject => "the address of a CPU's copy",
            Ret::PercpuObjectOrNull => "the address of a CPU's copy, or null",
            Ret::KptrOrNull => "what the field held, or null; it must be released",
            Ret::AnyObject => "what is at the address, of the type that the number says; it may not be there",
            Ret::KernelContext => "the kernel's structure behind the context",
            Ret::ArenaPages => "an address in the arena, or null",
            Ret::NewObjectOrNull => "an object of the type that the number says, or null",
            Ret::NewPercpuObjectOrNull => "an object for each CPU of the type that the number says, or null",
            Ret::SameObjectOrNull => "the object again, or null",
            Ret::NodeOrNull => "the node of an object, or null",
            Ret::Object(name) => return write!(f, "a `struct {name}`"),
            Ret::TrustedObject(name) => return write!(f, "a `struct {name}` that stays"),
            Ret::ObjectOrNull(name) => return write!(f, "a `struct {name}`, or null"),
            Ret::DoubtfulObjectOrNull(name) => {
                return write!(f, "a `struct {name}` that may not be there any more, or null");
            }
            Ret::Memory { bytes, readonly, nullable } => {
                let read = if *readonly { " to be read" } else { "" };
                let null = if *nullable { ", or null" } else { "" };
                return write!(f, "the address of {bytes} bytes{read}{null}");
            }
        };
        f.write_str(constant)
    }
}

impl Effect {
    /// What it means to whoever writes a program; nothing for what only matters inside.
    pub const fn meaning(self) -> Option<&'static str> {
        Some(match self {
            Effect::Gpl => "only for programs under a GPL-compatible licence",
            Effect::Sleeps => "only for programs that may sleep, where they may",
            Effect::Acquires => "its result must be released",
            Effect::Releases => "the object that it is given is gone afterwards",
            Effect::TrustedObjects => "objects must be alive for certain: acquired, or given to the program",
            Effect::RcuObjects => {
                "objects must be alive: acquired, given to the program, or kept by an RCU section"
            }
            Effect::NeedsRcu => "only in an RCU section, and what it returns lives as long as that",
            Effect::LocksRcu => "begins an RCU section",
            Effect::UnlocksRcu => "ends the RCU section",
            Effect::DisablesPreemption => "begins a section without preemption",
            Effect::EnablesPreemption => "ends a section without preemption",
            Effect::UnderLock => "may be called while a lock is held",
            Effect::Destructive => "may bring the machine down",
            Effect::Throws => "does not return",
            Effect::Traps => "must never be reached",
            Effect::Fastcall => "leaves all registers but r0 as they were, where the compiler asks for that",
            Effect::MovesPacket => "packet pointers are invalid afterwards",
            Effect::PacketMemory => "memory that is read may lie in the packet",
            Effect::TailCall => "does not return when it succeeds",
            Effect::Configured => "only in kernels configured for it",
            Effect::Perfmon => "only for loaders with CAP_PERFMON",
            Effect::WritesMap => "not on maps that are read-only to programs",
            Effect::Reads => "changes nothing but the memory that it fills",
            Effect::Redirects => "says where the packet goes",
            Effect::Outputs => "tells user space",
            Effect::Casts | Effect::FindsIndex | Effect::FillsOnSuccess => return None,
        })
    }
}

impl Function {
    /// Its declaration in C: `void *bpf_map_lookup_elem(void *map, const void *key)`.
    pub fn declaration(&self) -> String {
        let result = self.prototype.result;
        let gap = if result.ends_with('*') { "" } else { " " };
        format!("{result}{gap}{}({})", self.name, self.params())
    }

    /// Its parameters in C.
    pub(crate) fn params(&self) -> String {
        match self.prototype.params {
            [] => "void".to_owned(),
            params => params.join(", "),
        }
    }

    /// The kinds of program that may call it, wherever they attach; `None` for every kind.
    pub fn kinds(&self) -> Option<Vec<ProgType>> {
        let mut kinds = self.programs.kinds()?;
        for variant in self.variants() {
            kinds.extend(variant.programs.kinds()?);
        }
        kinds.sort_unstable();
        kinds.dedup();
        Some(kinds)
    }

    /// A page of a manual, as Markdown: the declaration, what its row says, and a line for each host.
    pub fn page(&self, hosts: &[String]) -> String {
        let kind = match self.id {
            Some(id) => format!("Helper {id}"),
            None => "Kernel function".to_owned(),
        };
        let mut out = format!("# {}\n\n{kind}: {}.\n\n", self.name, self.doc);
        let _ = write!(out, "```c\n{};\n```\n\n{}", self.declaration(), self.describe());
        for host in hosts {
            let _ = writeln!(out, "- {host}");
        }
        out
    }

    /// All that its row says, as Markdown: a line a fact.
    pub fn describe(&self) -> String {
        let mut out = String::new();
        for (index, arg) in self.args.iter().enumerate() {
            let param = self.prototype.params.get(index).copied().unwrap_or_default();
            let _ = writeln!(out, "- r{}, `{param}`: {arg}", index + 1);
        }
        let _ = writeln!(out, "- returns {}", self.ret);
        for meaning in self.effects.iter().filter_map(|effect| effect.meaning()) {
            let _ = writeln!(out, "- {meaning}");
        }
        for variant in self.variants() {
            let args: Vec<String> = variant.args.iter().map(Arg::to_string).collect();
            let args = if args.is_empty() { "nothing".to_owned() } else { args.join("; ") };
            let _ = writeln!(out, "- for {}, takes {args}", variant.programs);
        }
        let _ = write!(out, "- for {}", self.programs);
        if self.since.0 > 0 {
            let _ = write!(out, "; since Linux {}.{}", self.since.0, self.since.1);
        }
        out.push('\n');
        out
    }
}

impl Display for Programs {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Programs::All => f.write_str("every kind of program"),
            Programs::Common => write!(f, "every kind of program but {}", ProgType::LircMode2.name()),
            Programs::Only([]) => f.write_str("no kind of program"),
            Programs::Only(kinds) => f.write_str(&names(kinds.iter().map(|kind| kind.name()))),
            Programs::Places(places) => f.write_str(&places.iter().map(place).collect::<Vec<_>>().join(", ")),
        }
    }
}

fn place(place: &Place) -> String {
    let kind = place.prog_type.name();
    let list = |list: &[crate::AttachType]| names(list.iter().map(|attach| attach.name()));
    match place.attach {
        Attach::Any => kind.to_owned(),
        Attach::To(attach) => format!("{kind} at {}", list(attach)),
        Attach::NotTo(attach) => format!("{kind} but at {}", list(attach)),
    }
}

fn names(words: impl Iterator<Item = &'static str>) -> String {
    words.collect::<Vec<_>>().join(", ")
}
