//! Markers: questions about the kernel's types that a program asks without its compiler's help.
//!
//! `include/skep/core.h` leaves a constant in section `.skep.core` for each: the kind of the question (`u32`), a number
//! (`u32`), a pointer, and a path as C spells it, ended by a zero byte. The program takes the constant's *address*
//! where it wants the answer. The type is named by the types of the object: by those of the constant, whose member
//! `type` is an array of it (clang), or by the only parameter of a function `__skep_type_<number>`, a pointer to it
//! (GCC, which describes no variables of functions).
//!
//! Here each becomes what a compiler with builtins would have written: a [`CoreRelo`], and an instruction with the
//! answer by the program's own types.

use std::collections::HashMap;

use skep_btf::core::{Question, access_of, own_answer};
use skep_btf::{Btf, BtfError, CoreKind, Kind, Type, TypeId};
use skep_isa::{FormId, Insn, Op, Wide};

use super::error::{Problem, ReadError};
use super::file::File;
use super::relocations::References;
use super::u32_from;
use crate::object::{CoreRelo, Function};

/// The section.
pub(super) const SECTION: &str = ".skep.core";
/// Most markers of an object.
pub const MAX_MARKERS: usize = 1 << 20;

/// Bytes before a marker's path: kind, number, pointer.
const PATH_AT: usize = 16;
/// The name of the function that has a marker's type, before its number.
const TYPE_PREFIX: &str = "__skep_type_";
/// The member of a marker that has its type.
const TYPE_MEMBER: &str = "type";

/// An instruction that asks for a marker's address: its slot, and the marker's offset in the section.
pub(super) type Asked = (usize, u64);

/// Answers the markers that functions ask for.
pub(super) fn attach(
    file: &File<'_>,
    btf: Option<&Btf>,
    functions: &mut [Function],
    references: &[References],
) -> Result<(), ReadError> {
    let count = references.iter().map(|found| found.markers.len()).sum();
    if count == 0 {
        return Ok(());
    }
    ReadError::check_limit("markers", MAX_MARKERS, count)?;
    let at = |offset, problem| ReadError::at(SECTION, offset, problem);
    let btf = btf.ok_or_else(|| at(0, Problem::Marker { why: "the file has no types".to_owned() }))?;
    let markers = Markers::new(file, btf);
    for (function, found) in functions.iter_mut().zip(references) {
        for &(insn, offset) in &found.markers {
            let (relo, answer) = markers.question(insn, offset).map_err(|problem| at(offset, problem))?;
            const WIDE: FormId = FormId::of(Op::Wide(Wide::Imm)).expect("the table has wide loads");
            function.insns[insn] = Insn { form: WIDE, imm: answer as i64, ..function.insns[insn] };
            function.core_relos.push(relo);
        }
        function.core_relos.sort_by_key(|relo| relo.insn);
    }
    Ok(())
}

/// The markers of a file.
struct Markers<'a> {
    file: &'a File<'a>,
    btf: &'a Btf,
    data: &'a [u8],
    /// Types of markers that are variables, by offset.
    variables: HashMap<u32, TypeId>,
}

impl<'a> Markers<'a> {
    fn new(file: &'a File<'a>, btf: &'a Btf) -> Markers<'a> {
        let data = file.section(SECTION).map_or(&[][..], |section| section.data);
        let section = btf.find(SECTION, Kind::DataSec).and_then(|id| btf.get(id).ok());
        let variables = match section {
            Some(Type::DataSec(section)) => section.vars.iter().map(|var| (var.offset, var.ty)).collect(),
            _ => HashMap::new(),
        };
        Markers { file, btf, data, variables }
    }

    /// The question of the marker at an offset, and the answer by the program's own types.
    fn question(&self, insn: usize, offset: u64) -> Result<(CoreRelo, u64), Problem> {
        let wrong = |why: &str| Problem::Marker { why: why.to_owned() };
        let bytes = usize::try_from(offset).ok().and_then(|at| self.data.get(at..));
        let bytes = bytes.ok_or_else(|| wrong("no marker begins here"))?;
        let word = |at: usize| bytes.get(at..).and_then(|bytes| bytes.first_chunk::<4>());
        let (Some(&kind), Some(&number), Some(path)) = (word(0), word(4), bytes.get(PATH_AT..)) else {
            return Err(wrong("the section ends within a marker"));
        };
        let path = path.split(|&byte| byte == 0).next().unwrap_or_default();
        let path = std::str::from_utf8(path).map_err(|_| wrong("its path is no text"))?;
        let kind = CoreKind(u32_from(self.file, kind));
        let number = u32_from(self.file, number);
        let in_types = |error: BtfError| Problem::Marker { why: error.to_string() };
        let type_id = self.type_of(offset, number).map_err(in_types)?;
        let type_id = type_id.ok_or_else(|| wrong("nothing says its type"))?;
        let access = access_of(self.btf, kind, type_id, path).map_err(in_types)?;
        let question = Question { kind, type_id, access: &access };
        let answer = own_answer(self.btf, &question).map_err(in_types)?;
        Ok((CoreRelo { insn, type_id, access, kind, failure: None }, answer))
    }

    fn type_of(&self, offset: u64, number: u32) -> Result<Option<TypeId>, BtfError> {
        let variable = u32::try_from(offset).ok().and_then(|offset| self.variables.get(&offset));
        if let Some(&variable) = variable {
            return self.type_of_variable(variable);
        }
        let Some(function) = self.btf.find(&format!("{TYPE_PREFIX}{number}"), Kind::Func) else {
            return Ok(None);
        };
        let Type::Func(function) = self.btf.get(function)? else { return Ok(None) };
        let Type::FuncProto(proto) = self.btf.get_resolved(function.proto)? else { return Ok(None) };
        let Some(param) = proto.params.get(0) else { return Ok(None) };
        Ok(match self.btf.get_resolved(param.ty)? {
            Type::Ptr(pointee) => Some(pointee),
            _ => None,
        })
    }

    /// The type in a marker's own: of the elements of its last member.
    fn type_of_variable(&self, variable: TypeId) -> Result<Option<TypeId>, BtfError> {
        let Type::Var(variable) = self.btf.get(variable)? else { return Ok(None) };
        let Type::Struct(marker) = self.btf.get_resolved(variable.ty)? else { return Ok(None) };
        let member = marker.members.iter().find(|member| self.btf.name(member.name) == TYPE_MEMBER);
        let Some(member) = member else { return Ok(None) };
        Ok(match self.btf.get(member.ty)? {
            Type::Array(array) => Some(array.elem),
            _ => None,
        })
    }
}
