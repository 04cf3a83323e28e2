//! Types for the kernel: an object's BTF made ready, loaded once, and remembered.
//!
//! A kernel may refuse types for many reasons, most of which don't matter to the program: then the load goes
//! on without them, and the reason is kept for whoever asks.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use skep_abi::Errno;
use skep_btf::{Btf, BtfBuilder, BtfError, BtfSupport, Endian, Linkage, Type, TypeId, sanitize};
use skep_obj::Program;

use crate::machine;
use crate::sys::{self, FuncInfo, LineInfo};

/// Bytes of the log of a refused load of types: its end says why.
const LOG_BYTES: usize = 64 << 10;
/// Most types sets to remember; a host that loads more objects than this loads some of them twice.
const REMEMBERED_MAX: usize = 64;
/// Bits of the column beside the line number.
const COLUMN_BITS: u32 = 10;

/// Types in the kernel, or why they aren't.
pub(crate) struct Types {
    /// What was asked for.
    source: Btf,
    loaded: Result<OwnedFd, Arc<str>>,
}

/// All types loaded so far.
#[derive(Default)]
pub(crate) struct TypeStore {
    known: Vec<Types>,
}

impl TypeStore {
    /// The types in the kernel, loaded if they aren't yet; `None` if it does not take them.
    pub(crate) fn load(&mut self, btf: &Btf) -> Option<BorrowedFd<'_>> {
        let at = match self.known.iter().position(|types| types.source == *btf) {
            Some(at) => at,
            None => {
                if self.known.len() == REMEMBERED_MAX {
                    self.known.remove(0);
                }
                self.known.push(Types { source: btf.clone(), loaded: load(btf) });
                self.known.len() - 1
            }
        };
        self.known[at].loaded.as_ref().ok().map(AsFd::as_fd)
    }

    /// Why the kernel did not take types, the latest reason last.
    pub(crate) fn refusals(&self) -> impl Iterator<Item = &str> {
        self.known.iter().filter_map(|types| types.loaded.as_ref().err().map(|why| &**why))
    }
}

/// Loads types as far as the kernel knows them: what its version promises, then what every kernel with BTF has.
fn load(btf: &Btf) -> Result<OwnedFd, Arc<str>> {
    let (major, minor, _) = machine::kernel_version();
    let mut why: Option<Arc<str>> = None;
    for support in [BtfSupport::of_linux(major, minor), BtfSupport::of_linux(4, 18)] {
        let error = match sanitize(btf, &support) {
            Ok(ready) => match load_bytes(&ready.to_bytes(Endian::NATIVE)) {
                Ok(fd) => return Ok(fd),
                Err(error) => error,
            },
            Err(error) => error.to_string().into(),
        };
        why.get_or_insert(error);
    }
    Err(why.unwrap_or_else(|| "no types".into()))
}

fn load_bytes(bytes: &[u8]) -> Result<OwnedFd, Arc<str>> {
    let errno = match machine::with_memlock(|| sys::btf_load(bytes, &mut [])) {
        Ok(fd) => return Ok(fd),
        Err(Errno::EPERM) => {
            return Err(format!("{}: {}", Errno::EPERM, machine::why_not_permitted(None)).into());
        }
        Err(errno) => errno,
    };
    let mut log = vec![0; LOG_BYTES];
    match sys::btf_load(bytes, &mut log) {
        Ok(fd) => Ok(fd),
        Err(_) => {
            let text = crate::log::text(&log);
            let last = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
            Err(format!("{errno}: {last}").into())
        }
    }
}

/// What a load says of a program's functions and lines, and the types that this is in terms of.
pub(crate) struct Records {
    pub(crate) btf: Btf,
    pub(crate) funcs: Vec<FuncInfo>,
    pub(crate) lines: Vec<LineInfo>,
}

impl Records {
    /// The records of a program, none where its types don't tell all that a kernel wants to know together.
    pub(crate) fn new(program: &Program) -> Result<Option<Records>, BtfError> {
        let Some(source) = program.btf.as_deref() else { return Ok(None) };
        let mut builder = BtfBuilder::extend(with_linkage(source, program)?);
        let starts_with_line = program
            .functions
            .iter()
            .all(|f| program.lines.binary_search_by_key(&f.start, |l| l.insn).is_ok());
        let mut lines = Vec::new();
        if starts_with_line {
            for line in &program.lines {
                // A line may not begin within an instruction.
                if program.insns.get(line.insn).is_none_or(|insn| insn.form == skep_isa::FormId::TAIL) {
                    continue;
                }
                lines.push(LineInfo {
                    insn_off: line.insn as u32,
                    file_name_off: builder.str(line.file.replace('\0', "").as_bytes()).0,
                    line_off: builder.str(line.text.replace('\0', "").as_bytes()).0,
                    line_col: line.line << COLUMN_BITS | line.column.min((1 << COLUMN_BITS) - 1),
                });
            }
        }
        let funcs: Option<Vec<_>> = (program.functions.iter())
            .map(|f| Some(FuncInfo { insn_off: f.start as u32, type_id: f.btf_id?.0 }))
            .collect();
        let btf = builder.finish()?;
        Ok(Some(Records { btf, funcs: funcs.unwrap_or_default(), lines }))
    }
}

/// The types, with functions that only their object sees marked so: a kernel verifies global functions on their own,
/// knowing less of their arguments.
fn with_linkage(btf: &Btf, program: &Program) -> Result<Btf, BtfError> {
    let hidden = |id: TypeId| program.functions.iter().any(|f| !f.global && f.btf_id == Some(id));
    let wrong = |id, ty| matches!(ty, Type::Func(func) if func.linkage == Linkage::GLOBAL) && hidden(id);
    if btf.base().is_some() || !btf.types().any(|(id, ty)| wrong(id, ty)) {
        return Ok(btf.clone());
    }
    let mut builder = BtfBuilder::new();
    builder.set_endian(btf.endian());
    for (id, ty) in btf.types() {
        match ty {
            Type::Func(func) if wrong(id, ty) => {
                builder.func(btf.name(func.name), func.proto, Linkage::STATIC);
            }
            _ => {
                builder.copy(btf, id, |same| same)?;
            }
        }
    }
    builder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use skep_abi::{AttachType, ProgType};
    use skep_btf::{IntEncoding, Kind};
    use skep_obj::{Line, ProgFunction};

    /// Two functions, both global in the types; the second is hidden in the object.
    fn program() -> Program {
        let mut builder = BtfBuilder::new();
        let int = builder.int("int", 4, IntEncoding::SIGNED);
        let proto = builder.func_proto(int, &[("x", int)]);
        let ids = ["entry", "own"].map(|name| builder.func(name, proto, Linkage::GLOBAL));
        let function = |at: usize, name: &str| ProgFunction {
            name: name.into(),
            start: 2 * at,
            end: 2 * at + 2,
            global: at == 0,
            btf_id: Some(ids[at]),
        };
        let insns = [skep_isa::Insn::mov_imm(skep_isa::Reg::R0, 0), skep_isa::Insn::exit()];
        let line = |insn| Line { insn, file: "a.c".into(), text: "return 0;".into(), line: 7, column: 2000 };
        Program {
            name: "entry".into(),
            prog_type: ProgType::Xdp,
            attach_type: AttachType(0),
            license: "GPL".into(),
            flags: skep_obj::ProgFlags::default(),
            attach_to: None,
            kernel_symbols: Vec::new(),
            kern_version: 0,
            insns: insns.repeat(2),
            functions: vec![function(0, "entry"), function(1, "own")],
            maps: [].into(),
            lines: vec![line(0), line(2)],
            core_relos: Vec::new(),
            btf: Some(Arc::new(builder.finish().expect("types"))),
        }
    }

    #[test]
    fn hidden_functions_are_static_to_the_kernel() {
        let records = Records::new(&program()).unwrap().expect("types");
        let linkage = |name| {
            let id = records.btf.find(name, Kind::Func).expect("a function");
            let Ok(Type::Func(func)) = records.btf.get(id) else { panic!("a function") };
            func.linkage
        };
        assert_eq!((linkage("entry"), linkage("own")), (Linkage::GLOBAL, Linkage::STATIC));
        assert_eq!(records.funcs.iter().map(|f| f.insn_off).collect::<Vec<_>>(), [0, 2]);
    }

    #[test]
    fn lines_name_their_texts_and_are_left_out_where_a_function_has_none() {
        let mut program = program();
        let records = Records::new(&program).unwrap().expect("types");
        let line = records.lines[1];
        assert_eq!(records.btf.name(skep_btf::StrId(line.line_off)), "return 0;");
        assert_eq!((line.insn_off, line.line_col), (2, 7 << COLUMN_BITS | 1023));
        program.lines.pop();
        assert!(Records::new(&program).unwrap().expect("types").lines.is_empty());
    }

    #[test]
    fn a_function_without_a_type_leaves_all_of_them_out() {
        let mut program = program();
        program.functions[1].btf_id = None;
        assert!(Records::new(&program).unwrap().expect("types").funcs.is_empty());
    }
}
