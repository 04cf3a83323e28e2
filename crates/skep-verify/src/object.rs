//! Objects with types: what is at an offset in one, how far a pointer found there can be relied on, and whether an
//! object can stand for one of another type.
//!
//! Which of the kernel's fields lead to what is alive is in the kernel's own types: a structure `NAME__safe_rcu` has
//! the members of `NAME` that hold in an RCU section, `NAME__safe_trusted` those that always do.
//! Source: `btf_struct_walk`, `btf_struct_access`, `btf_struct_ids_match`, `btf_nested_type_is_trusted` of
//! kernel/bpf/btf.c; `check_ptr_to_btf_access` of kernel/bpf/verifier.c, Linux 6.18.

use skep_abi::ProgType;
use skep_btf::{Btf, Composite, Kind as TypeKind, Member, Type, TypeId};
use skep_isa::{Insn, Reg, Size};

use crate::domain::Scalar;
use crate::error::Reason;
use crate::explore::Explorer;
use crate::options::Privileges;
use crate::state::State;
use crate::value::{Flags, Kind, Types, Value};

/// How deep structures within structures are followed; the kernel's go less than ten deep.
const MAX_NESTING: usize = 64;

/// What an access to an object finds.
pub(crate) enum Found<'a> {
    /// A number, or what may only be read as one.
    Number,
    /// A pointer to a structure, in a member of this name.
    Pointer { ty: TypeId, member: &'a str },
    /// A pointer to something else.
    Bytes,
    /// A structure that starts exactly here.
    Structure(TypeId),
}

/// The type tag of pointers to user space, to what each CPU has its own of, to what lives as long as an RCU section.
const TAGS: [(&str, Flags); 3] = [("user", Flags::USER), ("percpu", Flags::PERCPU), ("rcu", Flags::RCU)];

/// What is at `off` of a structure: one step, into the member that is there.
fn look<'a>(btf: &'a Btf, ty: TypeId, off: i64, size: i64, flags: &mut Flags) -> Result<Found<'a>, String> {
    let (mut ty, mut off) = (ty, off);
    for _ in 0..MAX_NESTING {
        let resolved = btf.resolve(ty).map_err(|error| error.to_string())?;
        let found = btf.get(resolved).map_err(|error| error.to_string())?;
        let (Type::Struct(composite) | Type::Union(composite)) = found else {
            return Err(format!("type '{}' is not a struct", btf.name(found.name())));
        };
        if matches!(found, Type::Union(_)) && composite.members.len() != 1 {
            *flags = flags.with(Flags::UNTRUSTED);
        }
        let name = btf.name(composite.name);
        if off + size > i64::from(composite.size) {
            match beyond(btf, composite, off) {
                Some(Beyond::Number) => return Ok(Found::Number),
                Some(Beyond::Within { ty: element, off: within }) => {
                    (ty, off) = (element, within);
                    continue;
                }
                None => return Err(format!("access beyond struct {name} at off {off} size {size}")),
            }
        }
        match member_at(btf, composite, off, size, flags)? {
            Step::Found(found) => return Ok(found),
            Step::Into { ty: inner, off: within } => (ty, off) = (inner, within),
        }
    }
    Err("structures are nested too deep".to_owned())
}

/// What is beyond a structure's end: its last member may be an array of any length.
enum Beyond {
    Number,
    Within { ty: TypeId, off: i64 },
}

fn beyond(btf: &Btf, composite: Composite<'_>, off: i64) -> Option<Beyond> {
    let last = composite.members.get(composite.members.len().checked_sub(1)?)?;
    let Ok(Type::Array(array)) = btf.get_resolved(last.ty) else { return None };
    let start = i64::from(last.bit_offset / 8);
    if array.len != 0 || off < start {
        return None;
    }
    let element = btf.resolve(array.elem).ok()?;
    match btf.get(element).ok()? {
        Type::Int(_) => Some(Beyond::Number),
        Type::Struct(inner) | Type::Union(inner) if inner.size > 0 => {
            Some(Beyond::Within { ty: element, off: (off - start) % i64::from(inner.size) })
        }
        _ => None,
    }
}

enum Step<'a> {
    Found(Found<'a>),
    Into { ty: TypeId, off: i64 },
}

/// The member of a structure that an access touches.
fn member_at<'a>(
    btf: &'a Btf,
    composite: Composite<'a>,
    off: i64,
    size: i64,
    flags: &mut Flags,
) -> Result<Step<'a>, String> {
    let structure = btf.name(composite.name);
    let none = || format!("struct {structure} doesn't have field at offset {off}");
    for member in composite.members.iter() {
        let start = i64::from(member.bit_offset / 8);
        if off + size <= start {
            break;
        }
        if member.bitfield_bits != 0 {
            // All of the field's bytes, or it is not an access to it.
            let end = i64::from((member.bit_offset + u32::from(member.bitfield_bits)).div_ceil(8));
            if off <= start && end <= off + size {
                return Ok(Step::Found(Found::Number));
            }
            continue;
        }
        if off < start {
            break;
        }
        let (element, count) = elements(btf, member.ty)?;
        let bytes = i64::from(btf.size_of(element).map_err(|error| error.to_string())?);
        let mut end = start + bytes * i64::from(count);
        if off >= end {
            continue;
        }
        let start = start + (off - start) / bytes.max(1) * bytes;
        match btf.get(element).map_err(|error| error.to_string())? {
            Type::Struct(_) | Type::Union(_) if off == start => {
                return Ok(Step::Found(Found::Structure(element)));
            }
            Type::Struct(_) | Type::Union(_) => return Ok(Step::Into { ty: element, off: off - start }),
            Type::Ptr(to) => {
                end = start + bytes;
                return pointer(btf, &member, to, structure, (start, end), (off, size), flags)
                    .map(Step::Found);
            }
            _ => {}
        }
        // Numbers may be read in part, and an array of them as one.
        if off + size > end && !flags.has(Flags::UNTRUSTED) {
            let name = btf.name(member.name);
            return Err(format!(
                "access beyond the end of member {name} (mend:{end}) in struct {structure} with off {off} size {size}"
            ));
        }
        return Ok(Step::Found(Found::Number));
    }
    Err(none())
}

/// The elements of an array of arrays, and how many; of what is no array, itself.
fn elements(btf: &Btf, ty: TypeId) -> Result<(TypeId, u32), String> {
    let (mut ty, mut count) = (ty, 1u32);
    for _ in 0..MAX_NESTING {
        ty = btf.resolve(ty).map_err(|error| error.to_string())?;
        let Type::Array(array) = btf.get(ty).map_err(|error| error.to_string())? else {
            return Ok((ty, count));
        };
        count = count.saturating_mul(array.len);
        ty = array.elem;
    }
    Err("arrays are nested too deep".to_owned())
}

/// A member that is a pointer: it is read as a whole.
fn pointer<'a>(
    btf: &'a Btf,
    member: &Member,
    to: TypeId,
    structure: &str,
    (start, end): (i64, i64),
    (off, size): (i64, i64),
    flags: &mut Flags,
) -> Result<Found<'a>, String> {
    let name = btf.name(member.name);
    if off != start || size != end - start {
        return Err(format!(
            "cannot access ptr member {name} with moff {start} in struct {structure} with off {off} size {size}"
        ));
    }
    let target = btf.resolve(to).map_err(|error| error.to_string())?;
    if !matches!(btf.get(target), Ok(Type::Struct(_) | Type::Union(_))) {
        return Ok(Found::Bytes);
    }
    if let Ok(Type::TypeTag(tag)) = btf.get(to)
        && !tag.attribute
        && let Some((_, flag)) = TAGS.iter().find(|(text, _)| *text == btf.name(tag.name))
    {
        *flags = flags.with(*flag);
    }
    Ok(Found::Pointer { ty: target, member: name })
}

/// Whether the object of type `ty` at `off` is one of type `wanted`, or begins with one.
pub(crate) fn stands_for(
    (btf, ty, off): (&Btf, TypeId, i64),
    (wanted_btf, wanted): (&Btf, TypeId),
    strict: bool,
) -> bool {
    let same = |ty: TypeId| ty == wanted && std::ptr::eq(btf, wanted_btf);
    if off == 0 && same(ty) {
        return true;
    }
    if strict {
        return false;
    }
    let (mut ty, mut off) = (ty, off);
    for _ in 0..MAX_NESTING {
        match look(btf, ty, off, 1, &mut Flags::default()) {
            Ok(Found::Structure(inner)) if same(inner) => return true,
            Ok(Found::Structure(inner)) => (ty, off) = (inner, 0),
            _ => return false,
        }
    }
    false
}

/// The type of the object that a value points to, as kernel functions see it.
pub(crate) fn object_type(explorer: &Explorer<'_>, value: &Value) -> Result<(Types, TypeId), Reason> {
    match value.kind {
        Kind::Object { types, ty } => Ok((types, ty)),
        Kind::Socket(kind) => Ok((Types::Kernel, explorer.kernel_struct(kind.name())?)),
        _ => Err(Reason::NotAPointer { register: 0, found: value.kind.name() }),
    }
}

/// The members that programs of some kinds may write of objects of the kernel's: by structure, all of which start where
/// the object does. Paths name members of members.
const TCP_WRITABLE: &[(&str, &[&str])] = &[
    ("sock", &["sk_pacing_rate"]),
    ("sock", &["sk_pacing_status"]),
    ("inet_connection_sock", &["icsk_ca_priv"]),
    ("inet_connection_sock", &["icsk_ack", "pending"]),
    ("tcp_sock", &["snd_cwnd"]),
    ("tcp_sock", &["snd_cwnd_cnt"]),
    ("tcp_sock", &["snd_cwnd_stamp"]),
    ("tcp_sock", &["snd_ssthresh"]),
    ("tcp_sock", &["ecn_flags"]),
    ("tcp_sock", &["app_limited"]),
];

impl<'a> Explorer<'a> {
    /// Whether programs of this kind may write these bytes of an object of the kernel's (`btf_struct_access` of
    /// net/ipv4/bpf_tcp_ca.c and net/core/filter.c).
    fn may_write_object(&self, structure: &str, off: i64, size: i64) -> bool {
        let Ok(btf) = self.types(Types::Kernel) else { return false };
        let within = |(owner, path): &(&str, &[&str])| {
            let mut ty = btf.find(owner, TypeKind::Struct)?;
            let mut start = 0;
            for member in *path {
                let found = btf.find_member(ty, member).ok()??;
                start += i64::from(found.bit_offset / 8);
                ty = found.ty;
            }
            let end = start + i64::from(btf.size_of(ty).ok()?);
            Some(start <= off && off + size <= end)
        };
        match self.program.prog_type {
            ProgType::StructOps => {
                let tcp =
                    self.program.attach_to.as_deref().is_some_and(|to| to.starts_with("tcp_congestion_ops"));
                tcp && structure == "tcp_sock" && TCP_WRITABLE.iter().any(|row| within(row) == Some(true))
            }
            ProgType::SchedCls | ProgType::SchedAct | ProgType::Xdp => {
                structure == "nf_conn" && within(&("nf_conn", &["mark"])) == Some(true)
            }
            _ => false,
        }
    }

    /// Checks what every access to an object needs.
    fn object_access(
        &self,
        reg: Reg,
        pointer: &Value,
        types: Types,
        ty: TypeId,
        off: i64,
    ) -> Result<(), Reason> {
        let refuse = |what: String| Err(Reason::Forbidden { register: reg.0, what });
        let name = self.type_name(types, ty);
        if types == Types::Kernel && self.options.kernel.is_none() {
            return refuse(format!(
                "access beyond struct {name}: only the application looks into its objects"
            ));
        }
        if self.options.privileges != Privileges::All {
            return refuse(format!(
                "'struct {name}' access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN"
            ));
        }
        if types == Types::Kernel && !self.program.is_gpl() {
            return refuse(format!("Cannot access kernel 'struct {name}' from non-GPL compatible program"));
        }
        if off < 0 {
            return refuse(format!("R{} is ptr_{name} invalid negative access: off={off}", reg.0));
        }
        if pointer.num.as_constant() != Some(0) {
            return refuse(format!("R{} is ptr_{name} invalid variable offset: off={off}", reg.0));
        }
        for (flag, memory) in [(Flags::USER, "user"), (Flags::PERCPU, "percpu")] {
            if pointer.flags.has(flag) {
                return refuse(format!("R{} is ptr_{name} access {memory} memory: off={off}", reg.0));
            }
        }
        Ok(())
    }

    /// A load from an object.
    pub(crate) fn load_object(
        &mut self,
        insn: &Insn,
        reg: Reg,
        pointer: &Value,
        size: Size,
        state: &State,
    ) -> Result<Value, Reason> {
        let Kind::Object { types, ty } = pointer.kind else { return Ok(Value::UNKNOWN) };
        let off = i64::from(pointer.off) + i64::from(insn.off);
        self.object_access(reg, pointer, types, ty, off)?;
        let mut flags = Flags::NONE;
        let number = Value::scalar(Scalar::of_bits(size.bits()));
        let (to, member) = match self.object_at(reg, pointer, off, i64::from(size.bytes()), &mut flags)? {
            Found::Number | Found::Structure(_) => return Ok(number),
            // An object of the program's own has no pointers that could be followed.
            _ if pointer.flags.has(Flags::ALLOC) => return Ok(number),
            Found::Bytes => return Ok(Value::unknown_bytes()),
            Found::Pointer { ty, member } => (ty, member),
        };
        let (flags, nullable) = self.trust(pointer, ty, to, member, flags, state);
        let value = Value::object(types, to, flags);
        Ok(if nullable { value.or_null(self.new_id()) } else { value })
    }

    /// Checks that a function may read so many bytes of an object.
    pub(crate) fn lent_object(&mut self, reg: Reg, pointer: &Value, bytes: i64) -> Result<(), Reason> {
        let Kind::Object { types, ty } = pointer.kind else { return Ok(()) };
        let off = i64::from(pointer.off);
        self.object_access(reg, pointer, types, ty, off)?;
        self.object_at(reg, pointer, off, bytes, &mut Flags::default()).map(|_| ())
    }

    /// A store into an object.
    pub(crate) fn store_object(
        &mut self,
        insn: &Insn,
        reg: Reg,
        pointer: &Value,
        size: Size,
    ) -> Result<(), Reason> {
        let Kind::Object { types, ty } = pointer.kind else { return Ok(()) };
        let off = i64::from(pointer.off) + i64::from(insn.off);
        self.object_access(reg, pointer, types, ty, off)?;
        if pointer.flags.has(Flags::ALLOC) && !pointer.flags.has(Flags::UNTRUSTED) {
            let bytes = i64::from(size.bytes());
            return self.object_at(reg, pointer, off, bytes, &mut Flags::default()).map(|_| ());
        }
        if !pointer.flags.has(Flags::ALLOC)
            && self.may_write_object(self.type_name(types, ty), off, i64::from(size.bytes()))
        {
            return Ok(());
        }
        let what = format!("only read is supported of a {}", self.describe(pointer));
        Err(Reason::Forbidden { register: reg.0, what })
    }

    /// What an access finds, structures within structures included.
    pub(crate) fn object_at(
        &mut self,
        reg: Reg,
        pointer: &Value,
        off: i64,
        size: i64,
        flags: &mut Flags,
    ) -> Result<Found<'a>, Reason> {
        let Kind::Object { types, ty } = pointer.kind else { return Ok(Found::Number) };
        let refuse = |what: String| Reason::Forbidden { register: reg.0, what };
        if pointer.flags.has(Flags::ALLOC)
            && let Some(field) = self.special_fields(types, ty)?.touched(off, off + size).next()
        {
            return Err(refuse(format!("direct access to {} is disallowed", field.kind.name())));
        }
        let btf = self.types(types)?;
        let (mut ty, mut off) = (ty, off);
        for _ in 0..MAX_NESTING {
            match look(btf, ty, off, size, flags).map_err(refuse)? {
                Found::Structure(inner) => (ty, off) = (inner, 0),
                found => return Ok(found),
            }
        }
        Err(refuse("structures are nested too deep".to_owned()))
    }

    /// How far a pointer that was found in an object can be relied on, and whether it may be null.
    fn trust(
        &self,
        holder: &Value,
        ty: TypeId,
        to: TypeId,
        member: &str,
        found: Flags,
        state: &State,
    ) -> (Flags, bool) {
        let kept = found.without(Flags::UNTRUSTED.with(Flags::RCU));
        if holder.flags.has(Flags::UNTRUSTED) {
            return (Flags::UNTRUSTED, false);
        }
        let listed = |suffix: &str| self.is_listed(ty, to, member, suffix);
        if !holder.is_trusted() && !holder.flags.has(Flags::RCU) {
            // A pointer that says nothing of itself, from the time before trust was tracked, leads to more of them.
            return (kept, false);
        }
        if listed("__safe_trusted") {
            return (found.with(Flags::TRUSTED), false);
        }
        if listed("__safe_trusted_or_null") {
            return (found.with(Flags::TRUSTED), true);
        }
        if !state.in_rcu() || holder.nullable {
            return (Flags::UNTRUSTED, false);
        }
        if listed("__safe_rcu") {
            (found.with(Flags::RCU), false)
        } else if listed("__safe_rcu_or_null") {
            (found.with(Flags::RCU).without(Flags::UNTRUSTED), true)
        } else if found.has(Flags::RCU) {
            (found, true)
        } else if found.any(Flags::PERCPU.with(Flags::USER)) {
            (found, false)
        } else {
            (kept, false)
        }
    }

    /// Whether the kernel lists a member of a structure of its own as leading to what is alive.
    fn is_listed(&self, ty: TypeId, to: TypeId, member: &str, suffix: &str) -> bool {
        let Ok(btf) = self.types(Types::Kernel) else { return false };
        let name = self.type_name(Types::Kernel, ty);
        let kind = if matches!(btf.get(ty), Ok(Type::Union(_))) { TypeKind::Union } else { TypeKind::Struct };
        let Some(list) = btf.find(&format!("{name}{suffix}"), kind) else { return false };
        let Ok(Type::Struct(list) | Type::Union(list)) = btf.get(list) else { return false };
        list.members.iter().any(|listed| {
            btf.name(listed.name) == member
                && matches!(btf.get(listed.ty), Ok(Type::Ptr(target)) if btf.resolve(target) == Ok(to))
        })
    }
}
