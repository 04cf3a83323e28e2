//! What of the kernel a program is written for: a tracepoint, a function, an iterator, a hook, a member of a structure
//! of functions. Its prototype in the kernel's types says what the program's context holds and what it may return.
//!
//! Not known here is which functions the kernel lets programs replace the results of, or sleep in: those are lists of a
//! running kernel, which refuses when the program is loaded.
//! Source: `bpf_check_attach_target`, `check_struct_ops_btf_id` of kernel/bpf/verifier.c, `btf_ctx_access` of
//! kernel/bpf/btf.c, `bpf_lsm_verify_prog` of kernel/bpf/bpf_lsm.c, Linux 6.18.

mod facts;

use skep_abi::{AttachType, Function, ProgType};
use skep_btf::{Btf, FuncProto, Kind as TypeKind, Named, Type, TypeId};
use skep_obj::{ProgFlags, Program};

use crate::error::Reason;
use crate::explore::Explorer;
use crate::level::{Judgement, Level};
use crate::options::Options;
use crate::value::{Flags, Kind, Types, Value};

/// Most arguments that a program can be given (`MAX_BPF_FUNC_ARGS`).
const MAX_ARGUMENTS: usize = 12;

/// Bytes of an argument's place in the context.
const PLACE: u32 = 8;

/// Greatest error number that a function returns as a pointer or negative number (`MAX_ERRNO`).
const MAX_ERRNO: i32 = 4095;

/// What a program is written for.
#[derive(Debug)]
pub(crate) struct Target {
    /// Its name in the kernel's types.
    name: String,
    /// What the context holds, in order.
    places: Vec<Place>,
    /// What the program may return; `None` if it returns nothing that is looked at.
    pub(crate) returns: Option<(i32, i32)>,
}

/// A part of the context.
#[derive(Debug)]
struct Place {
    /// One past its last byte.
    end: u32,
    holds: Held,
}

/// What a part of the context holds.
#[derive(Clone, Debug)]
pub(crate) enum Held {
    /// A number.
    Number,
    /// The number of an address, which is read as a whole.
    Address,
    /// A number within these bounds.
    Between(i32, i32),
    /// A pointer.
    Pointer(Value),
    /// What programs may not read, and why.
    Nothing(String),
}

/// A prototype with what is particular of it.
struct Prototype<'a> {
    btf: &'a Btf,
    proto: FuncProto<'a>,
    /// Parameters that are the kernel's own.
    skipped: usize,
}

impl Target {
    /// What the program is written for; `None` if its kind is not written for anything of the kernel's.
    pub(crate) fn of(program: &Program, options: &Options) -> Result<Option<Target>, Reason> {
        if !program.prog_type.needs_target() {
            return Ok(None);
        }
        if program.prog_type == ProgType::Ext {
            return Err(Reason::ProgramType { prog_type: program.prog_type.to_string() });
        }
        let refuse = |why: String| Reason::Load { why };
        let Some(name) = program.attach_to.as_deref() else {
            return Err(refuse(format!(
                "programs of kind {} must name what of the kernel they are written for",
                program.prog_type
            )));
        };
        let Some(btf) = options.kernel.as_deref() else {
            return Err(Reason::NoKernelTypes);
        };
        let gpl_only = matches!(program.prog_type, ProgType::Lsm | ProgType::StructOps);
        if gpl_only && !program.is_gpl() {
            let kind = program.prog_type;
            return Err(refuse(format!("{kind} programs must have a GPL compatible license")));
        }
        let prototype = prototype(program, btf, name).map_err(refuse)?;
        let params: Vec<Named> = prototype.proto.params.iter().skip(prototype.skipped).collect();
        let count = params.len();
        if count > MAX_ARGUMENTS {
            return Err(refuse(format!("{name} has {count} arguments, too many for programs")));
        }
        let mut target = Target { name: name.to_owned(), places: Vec::new(), returns: None };
        let mut end = 0;
        for (index, param) in params.into_iter().enumerate() {
            end += places_of(btf, param.ty);
            target
                .places
                .push(Place { end, holds: prototype.argument(program, name, index, param, options.linux) });
        }
        if let Some(holds) = prototype.result(program) {
            target.places.push(Place { end: end + places_of(btf, prototype.proto.result), holds });
        }
        target.returns = prototype.returns(program, name, options.linux);
        Ok(Some(target))
    }

    /// What a read of `size` bytes at `off` of the context finds, with the number of its place; or why it may not be.
    pub(crate) fn read(&self, off: i64, size: u32) -> Result<(usize, &Held), String> {
        let start = u32::try_from(off).map_err(|_| "no argument is there".to_owned())?;
        if start >= PLACE * MAX_ARGUMENTS as u32 || !start.is_multiple_of(PLACE) {
            return Err(format!("func '{}' offset {off} is no argument's", self.name));
        }
        let found = self.places.iter().position(|place| start < place.end);
        let Some(index) = found else {
            return Err(format!("func '{}' doesn't have {}-th argument", self.name, start / PLACE));
        };
        match &self.places[index].holds {
            Held::Nothing(why) => Err(why.clone()),
            Held::Pointer(_) | Held::Address if size != PLACE => Err(format!(
                "func '{}' size {size} must be 8, as arguments that are pointers have",
                self.name
            )),
            holds => Ok((index, holds)),
        }
    }
}

impl Explorer<'_> {
    /// The function as an iterator over sockets calls it, which others may not call (`bpf_iter_tcp_get_func_proto`).
    pub(crate) fn called_from_iterator(&self, function: &'static Function) -> Option<&'static Function> {
        let name = self.program.attach_to.as_deref().unwrap_or_default();
        let over_sockets =
            self.program.attach_type == AttachType::TRACE_ITER && facts::iterates_sockets(name);
        let of_options = matches!(function.name, "bpf_setsockopt" | "bpf_getsockopt");
        // They have the socket itself, as those have that are asked about its options.
        let called = || function.called_from(ProgType::CgroupSockopt, AttachType::CGROUP_SETSOCKOPT);
        if over_sockets && of_options { called() } else { None }
    }
}

/// The prototype of what a program is written for.
fn prototype<'a>(program: &Program, btf: &'a Btf, name: &str) -> Result<Prototype<'a>, String> {
    let at = |proto: TypeId, skipped: usize| match btf.get_resolved(proto) {
        Ok(Type::FuncProto(proto)) if proto.params.len() >= skipped => Ok(Prototype { btf, proto, skipped }),
        _ => Err(format!("the type of {name} is not that of a function")),
    };
    let pointee = |ty: TypeId| match btf.get_resolved(ty) {
        Ok(Type::Ptr(target)) => Ok(target),
        _ => Err(format!("the type of {name} is no pointer to a function")),
    };
    if program.prog_type == ProgType::StructOps {
        return at(pointee(member(program, btf, name)?)?, 0);
    }
    if program.attach_type == AttachType::TRACE_RAW_TP {
        if !name.starts_with("btf_trace_") {
            return Err(format!("{name} does not start with btf_trace_, as the types of tracepoints do"));
        }
        let typedef = btf.find(name, TypeKind::Typedef).ok_or_else(|| format!("the kernel has no {name}"))?;
        // The first parameter is the tracepoint's own.
        return at(pointee(typedef)?, 1);
    }
    let prefix = match (program.prog_type, program.attach_type) {
        (ProgType::Lsm, _) => "bpf_lsm_",
        (_, AttachType::TRACE_ITER) => "bpf_iter_",
        _ => "",
    };
    if !name.starts_with(prefix) {
        return Err(format!("{name} does not start with {prefix}"));
    }
    if facts::NOT_TRACED.contains(&name) || facts::HOOKS_NOT_THERE.contains(&name) {
        return Err(format!("{name} is not for programs"));
    }
    let function =
        btf.find(name, TypeKind::Func).ok_or_else(|| format!("the kernel has no function {name}"))?;
    match btf.get(function) {
        Ok(Type::Func(function)) => at(function.proto, 0),
        _ => Err(format!("{name} is not a function")),
    }
}

/// The type of the member that a program stands for in a structure of functions.
fn member(program: &Program, btf: &Btf, name: &str) -> Result<TypeId, String> {
    let found = btf.find(name, TypeKind::Struct).and_then(|id| btf.get(id).ok());
    let is_known = btf.find(&format!("bpf_struct_ops_{name}"), TypeKind::Struct).is_some();
    let (Some(Type::Struct(composite)), true) = (found, is_known) else {
        return Err(format!("{name} is no structure of functions that programs stand in for"));
    };
    let index = program.attach_type.0;
    let Some(member) = composite.members.iter().nth(index as usize) else {
        return Err(format!("attach to invalid member idx {index} of struct {name}"));
    };
    let member_name = btf.name(member.name);
    let sleepable = program.flags.contains(ProgFlags::SLEEPABLE);
    if facts::unsupported_member(name, member_name, sleepable) {
        return Err(format!("attach to unsupported member {member_name} of struct {name}"));
    }
    Ok(member.ty)
}

/// Bytes of the places that a value of this type takes.
fn places_of(btf: &Btf, ty: TypeId) -> u32 {
    btf.size_of(ty).unwrap_or(PLACE).max(1).next_multiple_of(PLACE)
}

/// Whether the type is a number of at most eight bytes.
fn is_number(btf: &Btf, ty: TypeId) -> bool {
    match btf.get_resolved(ty) {
        Ok(Type::Int(int)) => int.size <= PLACE,
        Ok(Type::Enum(_) | Type::Enum64(_)) => true,
        _ => false,
    }
}

impl Prototype<'_> {
    /// What the program finds as this argument.
    fn argument(&self, program: &Program, name: &str, index: usize, param: Named, linux: Level) -> Held {
        let btf = self.btf;
        if is_number(btf, param.ty) {
            return Held::Number;
        }
        let target = match btf.get_resolved(param.ty) {
            Ok(Type::Ptr(target)) => target,
            // By value: its bytes are numbers.
            Ok(Type::Struct(_)) => return Held::Number,
            _ => return Held::Nothing(format!("func '{name}' arg{index}: Only pointer access is allowed")),
        };
        if program.attach_type == AttachType::TRACE_ITER
            && let Some(flags) = facts::iterator_buffer(name, index)
        {
            return Held::Pointer(Value { nullable: true, flags, ..Value::pointer(Kind::Buffer) });
        }
        // Numbers and nothing in particular are not followed.
        if matches!(btf.get_resolved(target), Ok(Type::Void | Type::Int(_))) {
            let whole = linux.has(Judgement::WholePointerArguments.since());
            return if whole { Held::Address } else { Held::Number };
        }
        let mut flags = if trusts(program, name) { Flags::TRUSTED } else { Flags::NONE };
        let mut nullable = btf.name(param.name).ends_with("__nullable");
        match program.attach_type {
            _ if program.prog_type == ProgType::StructOps => {
                nullable |= self.stub_says(program, name, index, "__nullable");
            }
            AttachType::TRACE_RAW_TP => match facts::tracepoint_argument(name, index) {
                facts::Pointer::MaybeNull => nullable = true,
                facts::Pointer::MaybeError => return Held::Number,
                facts::Pointer::Sure => {}
            },
            // After the description of the step, which is always there, at the end there is nothing.
            AttachType::TRACE_ITER if index > 0 && !facts::iterator_map(name, index) => {
                nullable = true;
                if !facts::iterator_trusts(name) {
                    flags = Flags::NONE;
                }
            }
            _ => {}
        }
        let mut ty = target;
        loop {
            ty = match btf.get(ty) {
                Ok(Type::TypeTag(tag)) => {
                    match btf.name(tag.name) {
                        "user" => flags = flags.with(Flags::USER),
                        "percpu" => flags = flags.with(Flags::PERCPU),
                        _ => {}
                    }
                    tag.ty
                }
                Ok(Type::Const(inner) | Type::Volatile(inner) | Type::Restrict(inner)) => inner,
                Ok(Type::Typedef(typedef)) => typedef.ty,
                _ => break,
            };
        }
        match btf.get(ty) {
            Ok(Type::Struct(_) | Type::Union(_)) => {
                Held::Pointer(Value { nullable, ..Value::object(Types::Kernel, ty, flags) })
            }
            _ => Held::Nothing(format!("func '{name}' arg{index} is not a pointer to a struct")),
        }
    }

    /// Whether the kernel's own function for a member names the parameter with this ending.
    fn stub_says(&self, program: &Program, name: &str, index: usize, ending: &str) -> bool {
        let btf = self.btf;
        let says = || {
            let Type::Struct(composite) = btf.get(btf.find(name, TypeKind::Struct)?).ok()? else {
                return None;
            };
            let member = composite.members.iter().nth(program.attach_type.0 as usize)?;
            let stub = format!("{name}__{}", btf.name(member.name));
            let Type::Func(function) = btf.get(btf.find(&stub, TypeKind::Func)?).ok()? else { return None };
            let Type::FuncProto(proto) = btf.get(function.proto).ok()? else { return None };
            let param = proto.params.iter().nth(index)?;
            Some(btf.name(param.name).ends_with(ending))
        };
        says().unwrap_or_default()
    }

    /// What the program finds behind the arguments: what the function returned, where it runs after it.
    fn result(&self, program: &Program) -> Option<Held> {
        let ty = self.proto.result;
        match (program.prog_type, program.attach_type) {
            (ProgType::Lsm, AttachType::LSM_MAC) if is_number(self.btf, ty) => {
                let (min, max) = facts::hook_results(program.attach_to.as_deref().unwrap_or_default());
                Some(Held::Between(min, max))
            }
            (ProgType::Lsm, _) | (ProgType::Tracing, AttachType::TRACE_FEXIT | AttachType::MODIFY_RETURN)
                if is_number(self.btf, ty) =>
            {
                Some(Held::Number)
            }
            (ProgType::Tracing, AttachType::TRACE_FEXIT) => match self.btf.get_resolved(ty) {
                Ok(Type::Ptr(target)) => match self.btf.resolve(target) {
                    Ok(ty) if matches!(self.btf.get(ty), Ok(Type::Struct(_) | Type::Union(_))) => {
                        Some(Held::Pointer(Value::object(Types::Kernel, ty, Flags::NONE)))
                    }
                    _ => Some(Held::Number),
                },
                _ => None,
            },
            _ => None,
        }
    }

    /// What the program may return, where that is a matter of what it is written for.
    fn returns(&self, program: &Program, name: &str, linux: Level) -> Option<(i32, i32)> {
        let is_void = matches!(self.btf.get_resolved(self.proto.result), Ok(Type::Void));
        match (program.prog_type, program.attach_type) {
            (ProgType::Lsm, AttachType::LSM_CGROUP) if is_void => Some((1, 1)),
            (ProgType::Lsm, AttachType::LSM_CGROUP) => Some((0, 1)),
            _ if is_void => None,
            (ProgType::Lsm, _) if linux.has(Judgement::HookResults.since()) => {
                Some(facts::hook_results(name))
            }
            (ProgType::Lsm, _) => None,
            // Null, where a pointer is returned.
            _ if matches!(self.btf.get_resolved(self.proto.result), Ok(Type::Ptr(_))) => Some((0, 0)),
            _ => Some((i32::MIN, i32::MAX)),
        }
    }
}

/// Whether the pointers that the program is given are certainly to what is there.
fn trusts(program: &Program, name: &str) -> bool {
    match program.prog_type {
        ProgType::Tracing => {
            matches!(program.attach_type, AttachType::TRACE_RAW_TP | AttachType::TRACE_ITER)
        }
        ProgType::Lsm => !facts::HOOKS_AT_THE_END.contains(&name),
        ProgType::StructOps => true,
        _ => false,
    }
}

/// Bounds of what a function may return that hands out error numbers.
const ERRORS: (i32, i32) = (-MAX_ERRNO, 0);
