//! What a kernel function is given, checked against its prototype.
//! Source: `check_kfunc_args` of kernel/bpf/verifier.c, Linux 6.18.

use skep_abi::KfuncFlag;
use skep_btf::TypeId;
use skep_isa::Reg;

use super::prototype::{Param, Prototype, Takes};
use crate::arith::MAX_OFFSET;
use crate::dynptr::{Given as Dynptr, reads_no_dynptr};
use crate::error::Reason;
use crate::explore::Explorer;
use crate::iter::{Place, end_iterator};
use crate::object::{object_type, stands_for};
use crate::pointer::{Access, stack_span, unmodified};
use crate::state::State;
use crate::value::{Flags, Id, Kind, Types, Value};

/// A call of a kernel function whose arguments have been looked at.
#[derive(Default)]
pub(crate) struct Given {
    /// The reference among the arguments.
    pub(crate) acquired: Id,
    /// The reference that the call releases.
    pub(crate) released: Option<Id>,
    /// The constant among the arguments.
    pub(crate) constant: Option<u64>,
    /// The size of what is returned, and whether that is read-only.
    pub(crate) result_size: Option<(u64, bool)>,
    /// The iterator that the call steps or ends.
    pub(crate) iterator: Option<Place>,
    /// The object that the call is about, of the program's types.
    pub(crate) object: Option<TypeId>,
    /// Whether the program owns that object.
    pub(crate) owning: bool,
    /// The map.
    pub(crate) map: Option<u32>,
    /// The map whose value has the field that the call is about.
    pub(crate) field_map: Option<u32>,
    /// The dynptr that the call uses.
    pub(crate) dynptr: Option<Dynptr>,
    /// The list or tree: what it holds, and where in that its node is.
    pub(crate) root: Option<(TypeId, u32)>,
    /// The function of the program that the call runs.
    pub(crate) callback: Option<usize>,
}

impl Explorer<'_> {
    /// Checks all arguments of a call.
    pub(crate) fn kfunc_arguments(
        &mut self,
        at: usize,
        prototype: &Prototype,
        state: &mut State,
    ) -> Result<Given, Reason> {
        let mut given = Given::default();
        let mut index = 0;
        while let Some(param) = prototype.params.get(index) {
            let reg = Reg(index as u8 + 1);
            if reg.0 > 5 {
                let what = format!("{}: more than five arguments", prototype.kfunc.name);
                return Err(Reason::Unsupported { what });
            }
            let sized = self.kfunc_argument(at, prototype, param, reg, &mut given, state)?;
            index += if sized { 2 } else { 1 };
        }
        if prototype.kfunc.has(KfuncFlag::Release) && given.released.is_none() {
            let function = prototype.kfunc.name;
            let what = format!("release kernel function {function} expects refcounted PTR_TO_BTF_ID");
            return Err(Reason::Forbidden { register: 1, what });
        }
        Ok(given)
    }

    /// Checks one argument; whether the next one is its size, and was checked too.
    fn kfunc_argument(
        &mut self,
        at: usize,
        prototype: &Prototype,
        param: &Param,
        reg: Reg,
        given: &mut Given,
        state: &mut State,
    ) -> Result<bool, Reason> {
        if param.takes == Takes::Ignored {
            return Ok(false);
        }
        let value = state.read(reg)?;
        let refuse = |what: String| Err(Reason::Forbidden { register: reg.0, what });
        match param.takes {
            Takes::Number { .. } | Takes::Size { .. } | Takes::ResultSize { .. } => {
                self.kfunc_number(reg, &value, param.takes, given, state)?;
                return Ok(false);
            }
            Takes::Unknown => {
                let what = format!("an argument of {}, which is of no known type", prototype.kfunc.name);
                return Err(Reason::Unsupported { what });
            }
            _ => {}
        }
        let kfunc = prototype.kfunc;
        let number = reg.0 - 1;
        let trusting = kfunc.has(KfuncFlag::Trusted) || kfunc.has(KfuncFlag::Rcu);
        let null = value.is_null_constant();
        if trusting && !param.nullable && (null || value.nullable) {
            return refuse(format!("Possibly NULL pointer passed to trusted arg{number}"));
        }
        if value.acquired != 0 {
            if kfunc.has(KfuncFlag::Release) {
                given.released = Some(value.acquired);
            }
            given.acquired = value.acquired;
        }
        if param.nullable && null {
            self.need_precise(state, reg);
            return Ok(false);
        }
        self.kfunc_object_trust(prototype, param, reg, &value)?;
        let releases = kfunc.has(KfuncFlag::Release) && value.acquired != 0;
        fixed_place(reg, &value, releases)?;
        match param.takes {
            Takes::Context => {
                if value.kind != Kind::Context {
                    return refuse(format!(
                        "arg#{number} expected pointer to ctx, but got {}",
                        self.describe(&value)
                    ));
                }
                unmodified(reg, &value)?;
            }
            Takes::Map => match value.kind {
                Kind::Map(map) if given.field_map.is_some_and(|other| other != map) => {
                    return refuse(format!("the field in R1 is not in a value of the map in R{}", reg.0));
                }
                Kind::Map(map) => given.map = Some(map),
                _ => return refuse(format!("pointer in R{} isn't map pointer", reg.0)),
            },
            Takes::Allocated => self.allocated_argument(kfunc.name, reg, &value, given)?,
            Takes::Refcounted => self.refcounted_argument(reg, &value, given)?,
            Takes::Iterator { ty, size } => {
                let iterator = (ty, size, self.type_name(Types::Kernel, ty));
                if kfunc.has(KfuncFlag::IterNew) {
                    self.make_iterator(at, reg, iterator, kfunc.has(KfuncFlag::RcuProtected), state)?;
                } else {
                    let place = self.find_iterator(reg, iterator, state)?;
                    (given.acquired, given.iterator) = (place.acquired(state), Some(place));
                    if kfunc.has(KfuncFlag::IterDestroy) {
                        end_iterator(place, state);
                    }
                }
            }
            Takes::Root { tree } => self.root_argument(reg, &value, tree, given, state)?,
            Takes::Node { tree } => self.node_argument(kfunc.name, reg, &value, tree, given, state)?,
            Takes::IrqFlags => self.irq_flags(at, kfunc.name, reg, &value, state)?,
            Takes::Callback
            | Takes::Dynptr
            | Takes::String
            | Takes::Workqueue
            | Takes::TaskWork
            | Takes::Lock => self.kfunc_special(at, prototype, param, reg, given, state)?,
            Takes::Pointer { to, composite, bytes, sized } => {
                return self.kfunc_pointer(
                    prototype,
                    param,
                    reg,
                    (to, composite, bytes, sized),
                    given,
                    state,
                );
            }
            Takes::Ignored
            | Takes::Unknown
            | Takes::Number { .. }
            | Takes::Size { .. }
            | Takes::ResultSize { .. } => {}
        }
        Ok(false)
    }

    /// A number.
    fn kfunc_number(
        &mut self,
        reg: Reg,
        value: &Value,
        takes: Takes,
        given: &mut Given,
        state: &State,
    ) -> Result<(), Reason> {
        let refuse = |what: String| Err(Reason::Forbidden { register: reg.0, what });
        if !value.is_scalar() {
            return refuse(format!("R{} is not a scalar: it is a {}", reg.0, self.describe(value)));
        }
        let constant = match takes {
            Takes::Number { constant } | Takes::Size { constant } => constant,
            Takes::ResultSize { .. } => true,
            _ => false,
        };
        if !constant {
            return Ok(());
        }
        let Some(known) = value.as_constant() else {
            return refuse(format!("R{} must be a known constant", reg.0));
        };
        self.need_precise(state, reg);
        if let Takes::ResultSize { readonly } = takes {
            given.result_size = Some((known, readonly));
        } else {
            given.constant = Some(known);
        }
        Ok(())
    }

    /// Whether an object is as certainly alive as the function needs.
    fn kfunc_object_trust(
        &self,
        prototype: &Prototype,
        param: &Param,
        reg: Reg,
        value: &Value,
    ) -> Result<(), Reason> {
        let object = match param.takes {
            Takes::Map | Takes::Allocated => true,
            Takes::Pointer { .. } => value.is_object(),
            _ => false,
        };
        let kfunc = prototype.kfunc;
        let (trusted, rcu) = (kfunc.has(KfuncFlag::Trusted), kfunc.has(KfuncFlag::Rcu));
        if !object || !trusted && !rcu || value.is_trusted() || !matches!(value.kind, Kind::Object { .. }) {
            // Pointers of other kinds to objects (sockets, maps) are certain by their kind.
            return Ok(());
        }
        let refuse = |what: &str| {
            let what = format!("R{} must be {what}: it is a {}", reg.0, self.describe(value));
            Err(Reason::Forbidden { register: reg.0, what })
        };
        match () {
            () if !rcu => refuse("referenced or trusted"),
            () if !value.flags.has(Flags::RCU) => refuse("a rcu pointer"),
            () => Ok(()),
        }
    }

    /// A pointer to an object, to a number, or to memory of a size.
    fn kfunc_pointer(
        &mut self,
        prototype: &Prototype,
        param: &Param,
        reg: Reg,
        (to, composite, bytes, sized): (TypeId, bool, Option<u32>, bool),
        given: &mut Given,
        state: &mut State,
    ) -> Result<bool, Reason> {
        let value = *state.reg(reg);
        let number = reg.0 - 1;
        let refuse = |what: String| Err(Reason::Forbidden { register: reg.0, what });
        if value.is_object() || matches!(value.kind, Kind::Socket(_)) {
            if !composite {
                let function = prototype.kfunc.name;
                return refuse(format!("kernel function {function} args#{number} takes no object"));
            }
            return self.kfunc_object(prototype, reg, &value, to).map(|()| false);
        }
        let next = Reg(reg.0 + 1);
        let size = prototype.params.get(usize::from(reg.0)).filter(|_| sized).map(|param| param.takes);
        let is_void = to == TypeId::VOID;
        let Some(Takes::Size { constant }) = size else {
            let Some(bytes) = bytes else {
                return refuse(format!(
                    "arg#{number} pointer type {} must point to scalar, or struct with scalar",
                    self.type_name(Types::Kernel, to)
                ));
            };
            if value.is_null_constant() {
                return Ok(false);
            }
            return self.kfunc_memory(reg, i64::from(bytes), state).map(|()| false);
        };
        if bytes.is_none() && !is_void {
            return refuse(format!(
                "arg#{number} pointer type {} must point to void, scalar, or struct with scalar",
                self.type_name(Types::Kernel, to)
            ));
        }
        let size = state.read(next)?;
        self.kfunc_number(next, &size, Takes::Size { constant }, given, state)?;
        if value.is_null_constant() && (param.optional || param.nullable) {
            self.need_precise(state, reg);
            return Ok(true);
        }
        let range = size.num.full;
        let wrong = |why: &str| {
            let what = format!(
                "arg#{number} arg#{} memory, len pair leads to invalid memory access: {why}",
                number + 1
            );
            Err(Reason::Forbidden { register: next.0, what })
        };
        if range.smin < 0 {
            return wrong("the length may be negative");
        }
        if range.umax >= MAX_OFFSET as u64 {
            return wrong("the length has no useful bound");
        }
        self.need_precise(state, next);
        if value.is_null_constant() {
            return if range.umax == 0 { Ok(true) } else { wrong("the memory is null") };
        }
        self.kfunc_memory(reg, range.umax as i64, state)?;
        Ok(true)
    }

    /// Memory that a kernel function may read and write.
    fn kfunc_memory(&mut self, reg: Reg, bytes: i64, state: &mut State) -> Result<(), Reason> {
        let pointer = *state.reg(reg);
        if pointer.nullable {
            return Err(Reason::MaybeNull { register: reg.0, kind: pointer.kind_name().into_owned() });
        }
        if let Kind::Stack { frame } = pointer.kind {
            let span = stack_span(reg, &pointer, 0, bytes)?;
            if bytes == 0 {
                return Ok(());
            }
            self.note_stack(state.frames[frame as usize].function, span.min);
            reads_no_dynptr(reg, frame, span, state)?;
            self.read_stack(frame, span, state);
            self.store_somewhere(frame, span, false, state);
            return Ok(());
        }
        self.within(reg, &pointer, 0, bytes, Access::Read)?;
        self.within(reg, &pointer, 0, bytes, Access::Write)
    }

    /// An object of the kernel's type that the function takes, or that begins with one.
    fn kfunc_object(
        &self,
        prototype: &Prototype,
        reg: Reg,
        value: &Value,
        wanted: TypeId,
    ) -> Result<(), Reason> {
        let kfunc = prototype.kfunc;
        let kernel = self.types(Types::Kernel)?;
        let (types, ty) = object_type(self, value)?;
        let doubtful = Flags::UNTRUSTED.with(Flags::USER).with(Flags::PERCPU).with(Flags::READONLY);
        if value.nullable || value.flags.any(doubtful) {
            let what = format!("arg#{} is {} expected ptr_ or socket", reg.0 - 1, self.describe(value));
            return Err(Reason::Forbidden { register: reg.0, what });
        }
        let strict = kfunc.has(KfuncFlag::Release) && value.acquired != 0
            || is_alias(self.type_name(types, ty), self.type_name(Types::Kernel, wanted));
        let off = i64::from(value.off);
        if stands_for((self.types(types)?, ty, off), (kernel, wanted), strict) {
            return Ok(());
        }
        let (wanted, found) = (self.type_name(Types::Kernel, wanted), self.type_name(types, ty));
        // A projection is what programs see of it: both are the same object.
        if matches!((wanted, found), ("__sk_buff", "sk_buff") | ("xdp_md", "xdp_buff")) {
            return Ok(());
        }
        Err(Reason::Argument {
            register: reg.0,
            function: kfunc.name,
            expected: format!("pointer to STRUCT {wanted}"),
            found: format!("a pointer to STRUCT {found}"),
        })
    }
}

/// Whether one type is an alias of the other that no cast leads to (`btf_type_ids_nocast_alias`).
fn is_alias(a: &str, b: &str) -> bool {
    const SUFFIX: &str = "___init";
    a.strip_suffix(SUFFIX) == Some(b) || b.strip_suffix(SUFFIX) == Some(a)
}

/// Checks that a pointer has not been moved further than its kind allows (`check_func_arg_reg_off`).
fn fixed_place(reg: Reg, value: &Value, releases: bool) -> Result<(), Reason> {
    if releases && value.off != 0 {
        let what = format!(
            "R{} must have zero offset when passed to release func or trusted arg to kfunc: it is at {}",
            reg.0, value.off
        );
        return Err(Reason::Forbidden { register: reg.0, what });
    }
    let movable = match value.kind {
        Kind::Stack { .. }
        | Kind::Packet { .. }
        | Kind::PacketMeta { .. }
        | Kind::MapKey { .. }
        | Kind::MapValue { .. }
        | Kind::Memory { .. }
        | Kind::Slice { .. }
        | Kind::Record { .. }
        | Kind::Given
        | Kind::Scalar => true,
        Kind::Object { .. } => value.off >= 0 && value.num.as_constant() == Some(0),
        _ => value.is_unmodified(),
    };
    if movable {
        return Ok(());
    }
    let kind = value.kind.name();
    Err(Reason::ModifiedPointer { register: reg.0, kind, now: value.to_string() })
}
