//! The description of an object file: plain values, no handles, in the file's order.

use std::sync::Arc;

use skep_abi::MapDef;
use skep_btf::core::Failure;
use skep_btf::{Btf, CoreKind, Kind, Type, TypeId};
use skep_isa::{Endian, Insn};

/// Everything an object file says.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// The byte order it was compiled for.
    pub endian: Endian,
    /// The licence of its programs, from section `license`; empty if it has none.
    pub license: String,
    /// The kernel version some program kinds of old asked for, from section `version`; 0 if absent.
    pub kern_version: u32,
    /// Its functions: programs and the functions they call, in the order of sections and offsets.
    pub functions: Vec<Function>,
    /// Its maps, data sections included, in a fixed order: `.maps` by offset, then data sections.
    pub maps: Vec<MapSpec>,
    /// Its types.
    pub btf: Option<Arc<Btf>>,
}

/// A function: a program if its section announces one, else something that programs call.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// The symbol's name.
    pub name: String,
    /// The section's name.
    pub section: String,
    /// Byte offset in the section.
    pub offset: u64,
    /// Whether other objects may see it; a program's entry is always global.
    pub global: bool,
    /// Its instructions, indexed by slot; what they refer to stands in `references`.
    pub insns: Vec<Insn>,
    /// What instructions refer to, by slot, ascending. The numbers of those instructions are blank: zero in a wide
    /// load, -1 in a call, as compilers leave them.
    pub references: Vec<Reference>,
    /// Source lines, by slot, ascending.
    pub lines: Vec<Line>,
    /// Records of fields and types that depend on the kernel, by slot, ascending. [`Object::relocate`] answers them.
    pub core_relos: Vec<CoreRelo>,
    /// Its `FUNC` in the types.
    pub btf_id: Option<TypeId>,
}

/// What an instruction refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Slot of the instruction in its function.
    pub insn: usize,
    /// What it refers to.
    pub target: RefTarget,
}

/// The target of a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefTarget {
    /// A map itself, by index into [`Object::maps`].
    Map(usize),
    /// An address in a data section's only value: map index and byte offset.
    MapValue(usize, u32),
    /// A function, by index into [`Object::functions`]: called, or its address taken.
    Function(usize),
    /// A symbol that the object does not define.
    Extern {
        /// Its name.
        name: String,
        /// Whether the object works without it.
        weak: bool,
    },
}

/// Where an instruction comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Slot of the first instruction of the line in its function.
    pub insn: usize,
    /// Source file.
    pub file: Arc<str>,
    /// The line's text; may be empty.
    pub text: Arc<str>,
    /// Line number from 1.
    pub line: u32,
    /// Column from 1; 0 if unknown.
    pub column: u32,
}

/// A CO-RE record: an instruction whose immediate or offset depends on the kernel's types. Where it comes from doesn't
/// matter: a compiler's `.BTF.ext`, or anything else that can say these four things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoreRelo {
    /// Slot of the instruction in its function.
    pub insn: usize,
    /// The root type of the access.
    pub type_id: TypeId,
    /// The access, as colon-separated indices.
    pub access: String,
    /// What is asked.
    pub kind: CoreKind,
    /// Why there is no answer on the kernel that the object was made to fit; nothing before it was.
    pub failure: Option<Arc<Failure>>,
}

impl CoreRelo {
    /// Whether the instruction is still as the compiler left it.
    pub fn is_open(&self) -> bool {
        self.failure.is_none()
    }
}

/// A map of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct MapSpec {
    /// Its name; for data sections the section's, such as `.rodata`.
    pub name: String,
    /// Kind, sizes, flags.
    pub def: MapDef,
    /// Type of a key.
    pub key_type: Option<TypeId>,
    /// Type of a value; for data sections the section's `DATASEC`.
    pub value_type: Option<TypeId>,
    /// Where it wants to be pinned.
    pub pinning: Pinning,
    /// What its values are, for maps of maps.
    pub inner: Option<Box<MapSpec>>,
    /// `map_extra`, whose meaning depends on the kind; 0 if the object says nothing.
    pub extra: u64,
    /// The memory node that it is to be on, if the object wants one (`BPF_F_NUMA_NODE`).
    pub numa_node: Option<u32>,
    /// What is put into it before programs run.
    pub init: MapInit,
}

/// Where a map wants to be found by others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pinning {
    /// Nowhere.
    #[default]
    None,
    /// Under its name in the bpf file system.
    ByName,
}

/// What is put into a map before programs run.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum MapInit {
    /// Nothing.
    #[default]
    Empty,
    /// A data section: the bytes of the one value.
    Data(Data),
    /// Programs by slot of a program array: index, and function index in [`Object::functions`].
    Programs(Vec<(u32, usize)>),
    /// Maps by slot of a map of maps: index, and map index in [`Object::maps`].
    Maps(Vec<(u32, usize)>),
}

/// The bytes of a data section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// The initial contents, of the value's size.
    pub bytes: Vec<u8>,
    /// Whether it is frozen once filled: `.rodata` and `.kconfig`.
    pub frozen: bool,
}

/// What the types say of a symbol that the object does not define.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExternType<'a> {
    /// Its `VAR` or `FUNC`.
    pub btf_id: TypeId,
    /// The section it is declared in: `.kconfig` for values of the kernel's configuration, `.ksyms` for symbols
    /// of the kernel; `None` where the compiler did not say.
    pub section: Option<&'a str>,
}

impl Object {
    /// The functions that are programs: those whose section announces one. A function that only its own file
    /// sees is none, wherever it stands: compilers put it beside the program that calls it.
    pub fn programs(&self) -> impl Iterator<Item = (usize, &Function)> {
        let program = |f: &Function| f.global && skep_abi::section_kind(&f.section).is_some();
        self.functions.iter().enumerate().filter(move |(_, f)| program(f))
    }

    /// What the types say of an undefined symbol; `None` if they don't know it.
    pub fn extern_type(&self, name: &str) -> Option<ExternType<'_>> {
        let btf = self.btf.as_deref()?;
        let btf_id = btf.find(name, Kind::Var).or_else(|| btf.find(name, Kind::Func))?;
        let section = btf.types().find_map(|(_, ty)| match ty {
            Type::DataSec(section) if section.vars.iter().any(|var| var.ty == btf_id) => {
                Some(btf.name(section.name))
            }
            _ => None,
        });
        Some(ExternType { btf_id, section })
    }

    /// The map with this name.
    pub fn map(&self, name: &str) -> Option<(usize, &MapSpec)> {
        self.maps.iter().enumerate().find(|(_, m)| m.name == name)
    }
}
