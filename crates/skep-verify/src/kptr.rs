//! What programs may do with the special fields of a value: nothing by loads and stores, but for loads of pointers
//! that the kernel owns; calls get a pointer to a field and must get it exactly.
//! Source: `check_map_access`, `check_map_kptr_access`, `map_kptr_match_type`, `process_kptr_func`,
//! `process_timer_func`, `check_map_prog_compatibility` of kernel/bpf/verifier.c, Linux 6.18.

use std::rc::Rc;

use skep_abi::ProgType;
use skep_btf::{Kind as TypeKind, TypeId};
use skep_isa::{Op, Reg, Wide};
use skep_obj::{MapSpec, Program};

use crate::call::INNER_MAP;
use crate::error::Reason;
use crate::explore::Explorer;
use crate::field::{Field, FieldKind, Ownership, Record};
use crate::object::stands_for;
use crate::state::State;
use crate::value::{Flags, Kind, Types, Value};

/// Kinds of program that interrupt others anywhere: they may not wait for locks that those hold.
const TRACING: &[ProgType] = &[
    ProgType::Kprobe,
    ProgType::Tracepoint,
    ProgType::PerfEvent,
    ProgType::RawTracepoint,
    ProgType::RawTracepointWritable,
];

/// Structures of the kernel that stay as long as an RCU section does (`rcu_protected_types`).
const RCU_PROTECTED: &[&str] =
    &["prog_test_ref_kfunc", "cgroup", "bpf_cpumask", "task_struct", "bpf_crypto_ctx"];

/// The special fields of the values of each map that the program loads, and of the maps that are its values.
pub(crate) type Records = Vec<[Option<Rc<Record>>; 2]>;

/// The records of all maps that the program loads, and whether it may use them.
pub(crate) fn records(program: &Program) -> Result<Records, (usize, Reason)> {
    let mut records: Records = vec![[None, None]; program.maps.len()];
    let Some(btf) = program.btf.as_deref() else { return Ok(records) };
    for (at, insn) in program.insns.iter().enumerate() {
        if !matches!(insn.op(), Op::Wide(Wide::MapIdx | Wide::MapIdxValue)) {
            continue;
        }
        let index = insn.wide_halves().0 as u32 as usize;
        let Some(map) = program.maps.get(index) else { continue };
        if records[index][0].is_some() {
            continue;
        }
        let bad = |why: String| (at, Reason::BadOperand { why });
        let read = |map: &MapSpec| {
            Record::of_map(btf, map)
                .map_err(|error| bad(format!("the values of map `{}` can't be: {error}", map.name)))
        };
        let record = read(map)?;
        if let Some(field) = record.fields.iter().find(|field| !usable_by(field.kind, program.prog_type)) {
            let kind = if program.prog_type == ProgType::SocketFilter { "socket filter" } else { "tracing" };
            return Err(bad(format!(
                "{kind} progs cannot use {} yet: it is in map `{}`",
                field.kind.name(),
                map.name
            )));
        }
        let inner = map.inner.as_deref().map(read).transpose()?.map(Rc::new);
        records[index] = [Some(Rc::new(record)), inner];
    }
    Ok(records)
}

/// Whether programs of a kind may use maps with such a field.
fn usable_by(field: FieldKind, prog_type: ProgType) -> bool {
    match field {
        FieldKind::SpinLock | FieldKind::ResSpinLock => {
            prog_type != ProgType::SocketFilter && !TRACING.contains(&prog_type)
        }
        FieldKind::Timer | FieldKind::Workqueue | FieldKind::Root { .. } => !TRACING.contains(&prog_type),
        _ => true,
    }
}

fn refuse<T>(reg: Reg, what: String) -> Result<T, Reason> {
    Err(Reason::Forbidden { register: reg.0, what })
}

impl Explorer<'_> {
    /// The special fields of the values of a map, if there are any.
    pub(crate) fn record(&self, map: u32) -> Option<&Rc<Record>> {
        let records = self.records.get((map & !INNER_MAP) as usize)?;
        records[usize::from(map & INNER_MAP != 0)].as_ref().filter(|record| !record.fields.is_empty())
    }

    /// Whether values of a map have a field that is set up with the map itself. Of a map that was found in another, it
    /// matters then which one it is.
    pub(crate) fn names_its_map(&self, map: u32) -> bool {
        let named = |field: &Field| {
            matches!(field.kind, FieldKind::Timer | FieldKind::Workqueue | FieldKind::TaskWork)
        };
        self.record(map).is_some_and(|record| record.fields.iter().any(named))
    }

    /// The special fields of what a value points to.
    pub(crate) fn record_of(&self, value: &Value) -> Option<Rc<Record>> {
        match value.kind {
            Kind::MapValue { map } => self.record(map).cloned(),
            Kind::Object { types: Types::Program, ty } => {
                let record = Record::of_type(self.program.btf.as_deref()?, ty).ok()?;
                Some(Rc::new(record))
            }
            _ => None,
        }
    }

    /// Checks that an access to the value of a map leaves its special fields alone; pointers in it may be accessed as a
    /// whole by the program itself.
    pub(crate) fn leaves_fields(
        &self,
        reg: Reg,
        pointer: &Value,
        (min, max): (i64, i64),
        direct: bool,
    ) -> Result<(), Reason> {
        let Kind::MapValue { map } = pointer.kind else { return Ok(()) };
        let Some(record) = self.record(map) else { return Ok(()) };
        let Some(field) = record.touched(min, max).next() else { return Ok(()) };
        let name = field.kind.name();
        if !matches!(field.kind, FieldKind::Pointer { .. }) {
            return refuse(reg, format!("{name} cannot be accessed directly by load/store"));
        }
        if !direct {
            return refuse(reg, format!("{name} cannot be accessed indirectly by helper"));
        }
        if pointer.num.as_constant().is_none() {
            return refuse(reg, format!("{name} access cannot have variable offset"));
        }
        if min != i64::from(field.off) {
            return refuse(reg, format!("{name} access misaligned expected={} off={min}", field.off));
        }
        if max - min != 8 {
            return refuse(reg, format!("{name} access size must be BPF_DW"));
        }
        Ok(())
    }

    /// The pointer field of a map's value that an access at this place is to, if it is to one.
    pub(crate) fn pointer_field(&self, pointer: &Value, off: i16) -> Option<Field> {
        let Kind::MapValue { map } = pointer.kind else { return None };
        let record = self.record(map)?;
        let start = i64::from(pointer.off) + i64::from(off) + pointer.num.as_constant()? as i64;
        record.at(start).filter(|f| matches!(f.kind, FieldKind::Pointer { .. })).copied()
    }

    /// What a pointer field points to: the kernel's type of that name, or else the program's own.
    pub(crate) fn pointed_to(&self, to: TypeId) -> Result<(Types, TypeId), Reason> {
        let name = self.type_name(Types::Program, to);
        Ok(match self.types(Types::Kernel)?.find(name, TypeKind::Struct) {
            Some(ty) => (Types::Kernel, ty),
            None => (Types::Program, to),
        })
    }

    /// What a load of a pointer field gives.
    pub(crate) fn load_field(&mut self, field: &Field, state: &State) -> Result<Value, Reason> {
        let FieldKind::Pointer { owns, to } = field.kind else { return Ok(Value::UNKNOWN) };
        if owns == Ownership::User {
            let size = self.types(Types::Program)?.size_of(to).unwrap_or(0);
            return Ok(Value::pointer(Kind::Memory { size }).or_null(self.new_id()));
        }
        let (types, ty) = self.pointed_to(to)?;
        let protected = types == Types::Program || RCU_PROTECTED.contains(&self.type_name(types, ty));
        let safe = owns == Ownership::Percpu || owns == Ownership::Reference && protected;
        let flags = match (safe && state.in_rcu(), owns, types) {
            (false, ..) => Flags::UNTRUSTED,
            (true, Ownership::Percpu, _) => Flags::RCU.with(Flags::PERCPU),
            (true, _, Types::Program) => Flags::RCU.with(Flags::ALLOC),
            (true, _, Types::Kernel) => Flags::RCU,
        };
        Ok(Value::object(types, ty, flags).or_null(self.new_id()))
    }

    /// Checks a store to a pointer field: null, or for one that owns nothing, what its type says.
    pub(crate) fn store_field(&self, reg: Reg, field: &Field, stored: Option<&Value>) -> Result<(), Reason> {
        let FieldKind::Pointer { owns, to } = field.kind else { return Ok(()) };
        match owns {
            Ownership::Reference | Ownership::Percpu => {
                return refuse(reg, "store to referenced kptr disallowed".to_owned());
            }
            Ownership::User => return refuse(reg, "store to uptr disallowed".to_owned()),
            Ownership::Untrusted => {}
        }
        let Some(stored) = stored else {
            let off = field.off;
            return refuse(reg, format!("BPF_ST imm must be 0 when storing to kptr at off={off}"));
        };
        if stored.is_null_constant() {
            return Ok(());
        }
        self.fits_field(reg, owns, to, stored)
    }

    /// Checks that a value is what a pointer field may hold.
    pub(crate) fn fits_field(
        &self,
        reg: Reg,
        owns: Ownership,
        to: TypeId,
        value: &Value,
    ) -> Result<(), Reason> {
        let (types, ty) = self.pointed_to(to)?;
        let mut allowed = match types {
            Types::Kernel => Flags::TRUSTED.with(Flags::RCU),
            Types::Program => Flags::ALLOC,
        };
        if types == Types::Kernel && owns == Ownership::Untrusted {
            allowed = allowed.with(Flags::UNTRUSTED);
        }
        if owns == Ownership::Percpu {
            allowed = allowed.with(Flags::PERCPU);
        }
        let right = matches!(value.kind, Kind::Object { .. })
            && value.flags.without(allowed) == Flags::NONE
            && value.num.as_constant() == Some(0)
            && self.object_is(value, types, ty, owns != Ownership::Untrusted);
        if right {
            return Ok(());
        }
        let expected = format!("ptr_{}", self.type_name(types, ty));
        refuse(
            reg,
            format!("invalid kptr access, R{} type={} expected={expected}", reg.0, self.describe(value)),
        )
    }

    /// Checks that a register points exactly at the value's field of this kind.
    pub(crate) fn points_to_field(&self, reg: Reg, value: &Value, kind: FieldKind) -> Result<Field, Reason> {
        let name = kind.name();
        if !matches!(value.kind, Kind::MapValue { .. } | Kind::Object { .. }) || value.nullable {
            let found = self.describe(value);
            return refuse(reg, format!("R{} type={found} expected=map_value with a {name}", reg.0));
        }
        let Some(constant) = value.num.as_constant() else {
            return refuse(
                reg,
                format!("R{} doesn't have constant offset. {name} has to be at the constant offset", reg.0),
            );
        };
        let record = self.record_of(value);
        let field = record.as_ref().and_then(|record| record.find(kind));
        let Some(field) = field else {
            let what = match value.kind {
                Kind::MapValue { map } => {
                    let spec = self.map_spec(map);
                    let map = spec.map_or("", |spec| spec.name.as_str());
                    if spec.is_some_and(|spec| spec.value_type.is_none()) {
                        let what = format!("map '{map}' has to have BTF in order to use {name}");
                        return refuse(reg, what);
                    }
                    format!("map '{map}'")
                }
                _ => format!("local '{}'", self.describe(value)),
            };
            return refuse(reg, format!("{what} has no valid {name}"));
        };
        let off = i64::from(value.off) + constant as i64;
        if off != i64::from(field.off) {
            let at = field.off;
            return refuse(reg, format!("off {off} doesn't point to 'struct {name}' that is at {at}"));
        }
        Ok(*field)
    }

    /// Checks the first argument of `bpf_kptr_xchg`: a pointer field that owns what it points to.
    pub(crate) fn kptr_field(&self, reg: Reg, value: &Value) -> Result<Field, Reason> {
        let Some(constant) = value.num.as_constant() else {
            return refuse(
                reg,
                format!("R{} doesn't have constant offset. kptr has to be at the constant offset", reg.0),
            );
        };
        let record = self.record_of(value);
        let is_pointer = |f: &&Field| matches!(f.kind, FieldKind::Pointer { .. });
        let Some(record) = record.filter(|record| record.fields.iter().any(|f| is_pointer(&f))) else {
            return refuse(reg, format!("R{} has no valid kptr", reg.0));
        };
        let off = i64::from(value.off) + constant as i64;
        let Some(field) = record.at(off).filter(is_pointer) else {
            return refuse(reg, format!("off={off} doesn't point to kptr"));
        };
        match field.kind {
            FieldKind::Pointer { owns: Ownership::Reference | Ownership::Percpu, .. } => Ok(*field),
            _ => refuse(reg, format!("off={off} kptr isn't referenced kptr")),
        }
    }

    /// What `bpf_kptr_xchg` gives: what the field held, which is the program's now.
    pub(crate) fn taken_from_field(&self, field: &Field) -> Result<Value, Reason> {
        let FieldKind::Pointer { owns, to } = field.kind else { return Ok(Value::UNKNOWN) };
        let (types, ty) = self.pointed_to(to)?;
        let mut flags = Flags::NONE;
        if types == Types::Program {
            flags = flags.with(Flags::ALLOC);
            if owns == Ownership::Percpu {
                flags = flags.with(Flags::PERCPU);
            }
        }
        Ok(Value::object(types, ty, flags))
    }
}

impl Explorer<'_> {
    /// Whether a pointer to an object leads to one of this type: of exactly this one if `strict`, else maybe to one
    /// within another.
    pub(crate) fn object_is(&self, value: &Value, types: Types, ty: TypeId, strict: bool) -> bool {
        let Kind::Object { types: own, ty: own_ty } = value.kind else { return false };
        let Ok(btf) = self.types(own) else { return false };
        // Types of the program and of the kernel are never the same, whatever they are called.
        own == types && stands_for((btf, own_ty, i64::from(value.off)), (btf, ty), strict)
    }
}
