//! One program out of an object: the entry function and all it calls, in one sequence of instructions.
//!
//! Calls and function addresses become distances, maps become indices (`map_idx`, `map_idx_value`), which
//! Linux takes as they are since 5.14 when the load carries an array of descriptors.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use skep_abi::{AttachType, Function, ProgType, SectionKind, section_kind};
use skep_btf::{Btf, Type, TypeId};
use skep_isa::{Callee, FormId, Insn, Op, Wide};

use crate::handler::exception_handlers;
use crate::object::{CoreRelo, Line, MapSpec, Object, RefTarget};

/// A program, ready to be verified or handed to a kernel.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// The entry function's name.
    pub name: String,
    /// The kind.
    pub prog_type: ProgType,
    /// The attach type it is to be loaded with; 0 where the kind has none.
    pub attach_type: AttachType,
    /// What it is loaded with beyond that (`BPF_F_*` of the load).
    pub flags: ProgFlags,
    /// The kernel's function, tracepoint or type that it is written for, where its kind needs one.
    pub attach_to: Option<String>,
    /// The licence, as the object states it.
    pub license: String,
    /// The kernel version the object asks for; 0 if none.
    pub kern_version: u32,
    /// All instructions, indexed by slot. Wide loads of maps carry indices into `maps`.
    pub insns: Vec<Insn>,
    /// The functions in them, the entry first, ascending by start.
    pub functions: Vec<ProgFunction>,
    /// The object's maps.
    pub maps: Arc<[MapSpec]>,
    /// Source lines, by slot, ascending.
    pub lines: Vec<Line>,
    /// Records for CO-RE, by slot, ascending.
    pub core_relos: Vec<CoreRelo>,
    /// The object's types.
    pub btf: Option<Arc<Btf>>,
    /// Functions and variables of the kernel that it names: calls of kernel functions and wide loads of kernel
    /// variables carry indices into it.
    pub kernel_symbols: Vec<KernelSymbol>,
}

/// Something of the kernel that a program refers to by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelSymbol {
    /// Its name.
    pub name: String,
    /// What the object's types say it is: a `FUNC` or a `VAR`.
    pub btf_id: Option<TypeId>,
    /// Whether the program can do without it.
    pub weak: bool,
}

/// How a program is loaded: the flags of `BPF_PROG_LOAD` (include/uapi/linux/bpf.h, Linux 6.18).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProgFlags(pub u32);

impl ProgFlags {
    /// Accesses must be aligned to their size, whatever the machine can do.
    pub const STRICT_ALIGNMENT: ProgFlags = ProgFlags(1);
    /// Accesses need not be aligned, whatever the machine can do.
    pub const ANY_ALIGNMENT: ProgFlags = ProgFlags(1 << 1);
    /// States are compared at every chance: for tests of the verifier.
    pub const TEST_STATE_FREQ: ProgFlags = ProgFlags(1 << 3);
    /// It may sleep.
    pub const SLEEPABLE: ProgFlags = ProgFlags(1 << 4);
    /// It can work with packets in fragments.
    pub const XDP_HAS_FRAGS: ProgFlags = ProgFlags(1 << 5);
    /// It is for one device only.
    pub const XDP_DEV_BOUND_ONLY: ProgFlags = ProgFlags(1 << 6);

    /// The first version of Linux that takes a flag, with the flag's name there.
    pub const SINCE: &'static [(ProgFlags, &'static str, (u8, u8))] = &[
        (ProgFlags::STRICT_ALIGNMENT, "BPF_F_STRICT_ALIGNMENT", (4, 12)),
        (ProgFlags::ANY_ALIGNMENT, "BPF_F_ANY_ALIGNMENT", (5, 0)),
        (ProgFlags::TEST_STATE_FREQ, "BPF_F_TEST_STATE_FREQ", (5, 4)),
        (ProgFlags::SLEEPABLE, "BPF_F_SLEEPABLE", (5, 10)),
        (ProgFlags::XDP_HAS_FRAGS, "BPF_F_XDP_HAS_FRAGS", (5, 18)),
        (ProgFlags::XDP_DEV_BOUND_ONLY, "BPF_F_XDP_DEV_BOUND_ONLY", (6, 3)),
    ];

    /// Those that a section name asks for.
    pub const fn of(section: &SectionKind) -> ProgFlags {
        let sleepable = if section.sleepable { ProgFlags::SLEEPABLE.0 } else { 0 };
        let frags = if section.frags { ProgFlags::XDP_HAS_FRAGS.0 } else { 0 };
        ProgFlags(sleepable | frags)
    }

    /// Whether all of these are set.
    pub const fn contains(self, flags: ProgFlags) -> bool {
        self.0 & flags.0 == flags.0
    }
}

/// A function inside a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgFunction {
    /// Its name.
    pub name: String,
    /// Slot of its first instruction.
    pub start: usize,
    /// One past the slot of its last.
    pub end: usize,
    /// Whether it is global: verified by its types alone.
    pub global: bool,
    /// Its `FUNC` in the types.
    pub btf_id: Option<TypeId>,
}

impl Program {
    /// A program of bare instructions, without maps or an object it came from: what conformance suites, fuzzers, and
    /// embedders have. Its functions start where it calls them.
    ///
    /// Distances that lead nowhere are left as they are, for the verifier to refuse.
    pub fn from_insns(name: &str, prog_type: ProgType, insns: Vec<Insn>) -> Program {
        let target = |(at, insn): (usize, &Insn)| match insn.op() {
            Op::Call(Callee::Local) | Op::Wide(Wide::Func) => {
                let to = (at as i64 + 1).checked_add(insn.target()?)?;
                usize::try_from(to).ok().filter(|to| *to < insns.len())
            }
            _ => None,
        };
        let mut starts: Vec<usize> = insns.iter().enumerate().filter_map(target).collect();
        starts.push(0);
        starts.sort_unstable();
        starts.dedup();
        let ends = starts.iter().skip(1).copied().chain([insns.len()]);
        let function = |(&start, end)| ProgFunction {
            name: if start == 0 { name.to_owned() } else { format!("{name}_{start}") },
            start,
            end,
            global: start == 0,
            btf_id: None,
        };
        Program {
            name: name.to_owned(),
            prog_type,
            attach_type: AttachType(0),
            flags: ProgFlags::default(),
            attach_to: None,
            license: String::new(),
            kern_version: 0,
            functions: starts.iter().zip(ends).map(function).collect(),
            insns,
            maps: Arc::from([]),
            lines: Vec::new(),
            core_relos: Vec::new(),
            btf: None,
            kernel_symbols: Vec::new(),
        }
    }
}

/// Most slots a linked program may have: what Linux takes from a privileged loader.
pub const MAX_SLOTS: usize = 1_000_000;

/// Most functions a program may have (`BPF_MAX_SUBPROGS`).
pub const MAX_FUNCTIONS: usize = 256;

/// Why a program can't be linked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkError {
    /// The object has no function with this index.
    NoFunction(usize),
    /// The function's section announces no kind of program.
    NotAProgram {
        /// The function.
        function: String,
        /// Its section.
        section: String,
    },
    /// A function calls or loads something that the object does not define.
    Undefined {
        /// The function.
        function: String,
        /// Slot in it.
        insn: usize,
        /// The symbol.
        symbol: String,
    },
    /// An instruction refers to something that its form can't carry.
    BadReference {
        /// The function.
        function: String,
        /// Slot in it.
        insn: usize,
        /// What it refers to.
        target: RefTarget,
    },
    /// More than [`MAX_SLOTS`] slots.
    TooLong(usize),
    /// More than [`MAX_FUNCTIONS`] functions.
    TooManyFunctions(usize),
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LinkError::NoFunction(index) => write!(f, "the object has no function {index}"),
            LinkError::NotAProgram { function, section } => {
                write!(f, "section `{section}` of `{function}` announces no kind of program")
            }
            LinkError::Undefined { function, insn, symbol } => {
                write!(f, "{function}, instruction {insn}: `{symbol}` is not defined in the object")
            }
            LinkError::BadReference { function, insn, target } => {
                write!(f, "{function}, instruction {insn}: can't refer to {target:?}")
            }
            LinkError::TooLong(slots) => {
                write!(f, "the program has {slots} instruction slots, expected at most {MAX_SLOTS}")
            }
            LinkError::TooManyFunctions(n) => {
                write!(f, "the program has {n} functions, expected at most {MAX_FUNCTIONS}")
            }
        }
    }
}

impl std::error::Error for LinkError {}

impl Object {
    /// Links the program whose entry is this function.
    pub fn program(&self, entry: usize) -> Result<Program, LinkError> {
        let function = self.functions.get(entry).ok_or(LinkError::NoFunction(entry))?;
        let Some(kind) = section_kind(&function.section) else {
            return Err(LinkError::NotAProgram {
                function: function.name.clone(),
                section: function.section.clone(),
            });
        };
        let mut linker = Linker { object: self, starts: HashMap::new(), queue: Vec::new(), slots: 0 };
        linker.reach(entry)?;
        let mut program = Program {
            name: function.name.clone(),
            prog_type: kind.prog_type,
            attach_type: kind.attach_type,
            flags: ProgFlags::of(kind),
            attach_to: kind.kernel_target(&function.section),
            license: self.license.clone(),
            kern_version: self.kern_version,
            insns: Vec::with_capacity(linker.slots),
            functions: Vec::with_capacity(linker.queue.len()),
            maps: self.maps.clone().into(),
            lines: Vec::new(),
            core_relos: Vec::new(),
            btf: self.btf.clone(),
            kernel_symbols: Vec::new(),
        };
        for &index in &linker.queue {
            linker.place(index, &mut program)?;
        }
        Ok(program)
    }

    /// Links every program of the object, with its function's index.
    pub fn link_all(&self) -> impl Iterator<Item = (usize, Result<Program, LinkError>)> {
        self.programs().map(|(index, _)| (index, self.program(index)))
    }
}

impl Program {
    /// The function that has this slot.
    pub fn function_at(&self, insn: usize) -> Option<&ProgFunction> {
        let after = self.functions.partition_point(|f| f.start <= insn);
        self.functions[..after].last().filter(|f| insn < f.end)
    }

    /// The function or variable that an instruction names by its index.
    pub fn kernel_symbol(&self, index: i64) -> Option<&KernelSymbol> {
        usize::try_from(index).ok().and_then(|index| self.kernel_symbols.get(index))
    }

    /// The source line of this slot.
    pub fn line_at(&self, insn: usize) -> Option<&Line> {
        let start = self.function_at(insn)?.start;
        let after = self.lines.partition_point(|l| l.insn <= insn);
        self.lines[..after].last().filter(|l| l.insn >= start)
    }

    /// Whether its licence opens the GPL-only functions (`license_is_gpl_compatible`, include/linux/license.h).
    pub fn is_gpl(&self) -> bool {
        ["GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL"]
            .contains(&self.license.as_str())
    }
}

/// Lays functions out: the entry first, then the others in the order in which they are first referred to.
struct Linker<'a> {
    object: &'a Object,
    starts: HashMap<usize, usize>,
    queue: Vec<usize>,
    slots: usize,
}

impl Linker<'_> {
    /// Gives this function and all it refers to a place.
    fn reach(&mut self, entry: usize) -> Result<(), LinkError> {
        self.add(entry)?;
        let known = self.object.btf.as_deref().zip(self.object.functions[entry].btf_id);
        for name in known.map(|(btf, id)| exception_handlers(btf, id)).unwrap_or_default() {
            // A name that no function has is for the verifier to refuse.
            if let Some(handler) = self.object.functions.iter().position(|f| f.global && f.name == name) {
                self.add(handler)?;
            }
        }
        let mut next = 0;
        while let Some(&index) = self.queue.get(next) {
            for reference in &self.object.functions[index].references {
                if let RefTarget::Function(callee) = reference.target {
                    self.add(callee)?;
                }
            }
            next += 1;
        }
        Ok(())
    }

    fn add(&mut self, index: usize) -> Result<(), LinkError> {
        let function = self.object.functions.get(index).ok_or(LinkError::NoFunction(index))?;
        if self.starts.contains_key(&index) {
            return Ok(());
        }
        self.starts.insert(index, self.slots);
        self.queue.push(index);
        self.slots += function.insns.len();
        if self.slots > MAX_SLOTS {
            return Err(LinkError::TooLong(self.slots));
        }
        if self.queue.len() > MAX_FUNCTIONS {
            return Err(LinkError::TooManyFunctions(self.queue.len()));
        }
        Ok(())
    }

    /// Appends one function to the program, its references resolved.
    fn place(&self, index: usize, program: &mut Program) -> Result<(), LinkError> {
        let function = &self.object.functions[index];
        let start = program.insns.len();
        program.insns.extend(&function.insns);
        for reference in &function.references {
            let insn =
                program.insns.get_mut(start + reference.insn).ok_or_else(|| LinkError::BadReference {
                    function: function.name.clone(),
                    insn: reference.insn,
                    target: reference.target.clone(),
                })?;
            let symbols = &mut program.kernel_symbols;
            *insn =
                self.resolve(*insn, start + reference.insn, &reference.target, symbols).ok_or_else(|| {
                    match &reference.target {
                        RefTarget::Extern { name, .. } => LinkError::Undefined {
                            function: function.name.clone(),
                            insn: reference.insn,
                            symbol: name.clone(),
                        },
                        target => LinkError::BadReference {
                            function: function.name.clone(),
                            insn: reference.insn,
                            target: target.clone(),
                        },
                    }
                })?;
        }
        program.lines.extend(function.lines.iter().map(|l| Line { insn: l.insn + start, ..l.clone() }));
        let relos = function.core_relos.iter().map(|r| CoreRelo { insn: r.insn + start, ..r.clone() });
        program.core_relos.extend(relos);
        program.functions.push(ProgFunction {
            name: function.name.clone(),
            start,
            end: program.insns.len(),
            global: function.global,
            btf_id: function.btf_id,
        });
        Ok(())
    }

    /// The instruction with its reference resolved; `None` if its form can't carry it.
    fn resolve(
        &self,
        insn: Insn,
        at: usize,
        target: &RefTarget,
        symbols: &mut Vec<KernelSymbol>,
    ) -> Option<Insn> {
        let form = |op| FormId::of(op).map(|form| Insn { form, ..insn });
        let known_map = |map: usize| (map < self.object.maps.len()).then_some(map as i64);
        match (insn.op(), target) {
            (Op::Wide(_), RefTarget::Map(map)) => Some(form(Op::Wide(Wide::MapIdx))?.imm(known_map(*map)?)),
            (Op::Wide(_), RefTarget::MapValue(map, off)) => {
                Some(form(Op::Wide(Wide::MapIdxValue))?.imm(known_map(*map)? | i64::from(*off) << 32))
            }
            (Op::Wide(_), RefTarget::Function(f)) => {
                Some(form(Op::Wide(Wide::Func))?.imm(self.distance(at, *f)?))
            }
            (Op::Call(_), RefTarget::Function(f)) => {
                Some(form(Op::Call(Callee::Local))?.off(0).imm(self.distance(at, *f)?))
            }
            (Op::Call(_), RefTarget::Extern { name, weak }) => Some(
                form(Op::Call(Callee::Kfunc))?.off(0).imm(self.kernel_symbol(name, *weak, true, symbols)?),
            ),
            // A weak symbol that is absent reads as zero.
            (Op::Wide(_), RefTarget::Extern { weak: true, .. }) => Some(form(Op::Wide(Wide::Imm))?.imm(0)),
            (Op::Wide(_), RefTarget::Extern { name, .. }) => {
                Some(form(Op::Wide(Wide::BtfId))?.imm(self.kernel_symbol(name, false, false, symbols)?))
            }
            _ => None,
        }
    }

    /// The index of a function or variable of the kernel among those that the program names; `None` if the object says
    /// that it is something else, or does not say of which type a variable is.
    fn kernel_symbol(
        &self,
        name: &str,
        weak: bool,
        is_function: bool,
        symbols: &mut Vec<KernelSymbol>,
    ) -> Option<i64> {
        if let Some(known) = symbols.iter().position(|symbol| symbol.name == name) {
            return Some(known as i64);
        }
        let Some(declared) = self.object.extern_type(name) else {
            // Assembly names functions without their types: whoever verifies the program has them by name.
            if !is_function {
                return None;
            }
            symbols.push(KernelSymbol { name: name.to_owned(), btf_id: None, weak });
            return Some(symbols.len() as i64 - 1);
        };
        // GCC does not say where it has declared a function.
        let is_kernels = declared.section == Some(".ksyms") || Function::kernel(name).is_some();
        if !is_kernels {
            return None;
        }
        let btf = self.object.btf.as_deref()?;
        let typed = match btf.get(declared.btf_id).ok()? {
            Type::Func(_) => true,
            // An address without a type is not in the kernel's types.
            Type::Var(variable) => !matches!(btf.get_resolved(variable.ty).ok()?, Type::Void),
            _ => false,
        };
        if !typed {
            return None;
        }
        symbols.push(KernelSymbol { name: name.to_owned(), btf_id: Some(declared.btf_id), weak });
        Some(symbols.len() as i64 - 1)
    }

    /// From the slot after `at` to a function's first.
    fn distance(&self, at: usize, function: usize) -> Option<i64> {
        Some(*self.starts.get(&function)? as i64 - at as i64 - 1)
    }
}
