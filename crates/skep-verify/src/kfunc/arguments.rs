//! What a function that is called by its name is given, checked against its row.
//! Source: `check_kfunc_args` of kernel/bpf/verifier.c, Linux 6.18.

use skep_abi::{Access as Use, Arg, Callback, Effect, Graph, Step};
use skep_btf::TypeId;
use skep_isa::Reg;

use super::prototype::{ObjectType, Param, Prototype};
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
    /// The iterator that the call steps or ends.
    pub(crate) iterator: Option<Place>,
    /// Whether it steps it.
    pub(crate) steps: bool,
    /// Whether an object goes into the list or tree.
    pub(crate) inserts: bool,
    /// The object that the call is about, of the program's types.
    pub(crate) object: Option<TypeId>,
    /// Whether the program owns that object.
    pub(crate) owning: bool,
    /// The map.
    pub(crate) map: Option<u32>,
    /// The map whose value has the field that the call is about.
    pub(crate) field_map: Option<(u32, Id)>,
    /// The dynptr that the call uses.
    pub(crate) dynptr: Option<Dynptr>,
    /// The list or tree: what it holds, and where in that its node is.
    pub(crate) root: Option<(TypeId, u32)>,
    /// The function of the program that the call runs.
    pub(crate) callback: Option<(&'static Callback, usize)>,
    /// Whether the call takes a lock.
    pub(crate) locks: bool,
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
        for (index, param) in prototype.params.iter().enumerate() {
            let reg = Reg(index as u8 + 1);
            if reg.0 > 5 {
                let what = format!("{}: more than five arguments", prototype.function.name);
                return Err(Reason::Unsupported { what });
            }
            self.kfunc_argument(at, prototype, param, reg, &mut given, state)?;
        }
        if prototype.function.has(Effect::Releases) && given.released.is_none() {
            let function = prototype.function.name;
            let what = format!("release kernel function {function} expects refcounted PTR_TO_BTF_ID");
            return Err(Reason::Forbidden { register: 1, what });
        }
        Ok(given)
    }

    /// Checks one argument; memory is checked with its size, which comes after it.
    fn kfunc_argument(
        &mut self,
        at: usize,
        prototype: &Prototype,
        param: &Param,
        reg: Reg,
        given: &mut Given,
        state: &mut State,
    ) -> Result<(), Reason> {
        let function = prototype.function;
        if matches!(param.arg, Arg::Ignored | Arg::Implicit) {
            return Ok(());
        }
        let value = state.read(reg)?;
        match param.arg {
            Arg::Scalar | Arg::Anything => return self.kfunc_number(reg, &value),
            Arg::Constant => return self.kfunc_constant(reg, &value, given, state),
            Arg::Size { .. } | Arg::ConstSize => {
                return self.kfunc_size(prototype, param, reg, given, state);
            }
            _ => {}
        }
        let refuse = |what: String| Err(Reason::Forbidden { register: reg.0, what });
        let number = reg.0 - 1;
        let trusting = function.has(Effect::TrustedObjects) || function.has(Effect::RcuObjects);
        let null = value.is_null_constant();
        if trusting && !param.nullable && (null || value.nullable) {
            return refuse(format!("Possibly NULL pointer passed to trusted arg{number}"));
        }
        let releases = function.has(Effect::Releases) && value.acquired != 0;
        if value.acquired != 0 {
            if releases {
                given.released = Some(value.acquired);
            }
            given.acquired = value.acquired;
        }
        if param.nullable && null {
            self.need_precise(state, reg);
            return Ok(());
        }
        self.kfunc_object_trust(prototype, param, reg, &value)?;
        fixed_place(reg, &value, releases)?;
        match param.arg {
            Arg::Object(_) => self.kfunc_pointer(prototype, param, reg, state),
            Arg::ContextOf(_) if param.object.is_some() => self.kfunc_pointer(prototype, param, reg, state),
            Arg::Context | Arg::ContextOf(_) => {
                if value.kind != Kind::Context {
                    return refuse(format!(
                        "arg#{number} expected pointer to ctx, but got {}",
                        self.describe(&value)
                    ));
                }
                unmodified(reg, &value)
            }
            // Looked at with its size.
            Arg::Memory { .. } => Ok(()),
            Arg::Fixed { access, size, .. } => {
                if value.is_object() {
                    return refuse(format!(
                        "kernel function {} args#{number} takes no object",
                        function.name
                    ));
                }
                if null {
                    return Ok(());
                }
                self.kfunc_memory(reg, i64::from(size), access, state)
            }
            Arg::Map(kinds) => match value.kind {
                Kind::Map(map) if given.field_map.is_some_and(|other| other != (map, value.found_by)) => {
                    refuse(format!("the field in R1 is not in a value of the map in R{}", reg.0))
                }
                Kind::Map(map) if kinds.is_empty() || kinds.contains(&self.map(map)?.map_type) => {
                    given.map = Some(map);
                    Ok(())
                }
                Kind::Map(_) => refuse(format!("{} takes no map of this kind", function.name)),
                Kind::Object { .. } => {
                    let map = self.kernel_struct("bpf_map")?;
                    self.kfunc_object(prototype, reg, &value, map)
                }
                _ => refuse(format!("pointer in R{} isn't map pointer", reg.0)),
            },
            Arg::Allocated => self.allocated_argument(function.name, reg, &value, given),
            Arg::Refcounted => self.refcounted_argument(reg, &value, given),
            Arg::Iterator { bytes, step, .. } => {
                let ty = param.object.map_or(TypeId::VOID, |object| object.id);
                let iterator = (ty, bytes, self.type_name(Types::Kernel, ty));
                if step == Step::Begins {
                    return self.make_iterator(at, reg, iterator, function.has(Effect::NeedsRcu), state);
                }
                let place = self.find_iterator(reg, iterator, state)?;
                (given.acquired, given.iterator) = (place.acquired(state), Some(place));
                given.steps = step == Step::Steps;
                if step == Step::Ends {
                    end_iterator(place, state);
                }
                Ok(())
            }
            Arg::Root(graph) => self.root_argument(reg, &value, graph == Graph::Tree, given, state),
            Arg::Node(graph) | Arg::NewNode(graph) => {
                given.inserts = matches!(param.arg, Arg::NewNode(_));
                self.node_argument(function.name, reg, &value, graph == Graph::Tree, given, state)
            }
            Arg::IrqFlags(flags) => self.irq_flags(at, flags, reg, &value, state),
            arg => self.kfunc_special(at, prototype, arg, reg, given, state),
        }
    }

    /// A number.
    fn kfunc_number(&self, reg: Reg, value: &Value) -> Result<(), Reason> {
        if value.is_scalar() {
            return Ok(());
        }
        let what = format!("R{} is not a scalar: it is a {}", reg.0, self.describe(value));
        Err(Reason::Forbidden { register: reg.0, what })
    }

    /// A number that must be known.
    fn kfunc_constant(
        &mut self,
        reg: Reg,
        value: &Value,
        given: &mut Given,
        state: &State,
    ) -> Result<(), Reason> {
        self.kfunc_number(reg, value)?;
        let Some(known) = value.as_constant() else {
            let what = format!("R{} must be a known constant", reg.0);
            return Err(Reason::Forbidden { register: reg.0, what });
        };
        self.need_precise(state, reg);
        given.constant = Some(known);
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
        let object = match param.arg {
            Arg::Map(_) | Arg::Allocated => true,
            Arg::Object(_) | Arg::ContextOf(_) => value.is_object(),
            _ => false,
        };
        let function = prototype.function;
        let (trusted, rcu) = (function.has(Effect::TrustedObjects), function.has(Effect::RcuObjects));
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

    /// A pointer to an object, or to memory where numbers stand as in one.
    fn kfunc_pointer(
        &mut self,
        prototype: &Prototype,
        param: &Param,
        reg: Reg,
        state: &mut State,
    ) -> Result<(), Reason> {
        let value = *state.reg(reg);
        let Some(ObjectType { id, bytes }) = param.object else { return Ok(()) };
        if value.is_object() || matches!(value.kind, Kind::Socket(_)) {
            return self.kfunc_object(prototype, reg, &value, id);
        }
        if bytes.is_none() && prototype.function.has(Effect::TrustedObjects) {
            // What was released, too: the program may only compute with what is left of it.
            let found = self.describe(&value);
            let what = format!("R{} must be referenced or trusted: it is a {found}", reg.0);
            return Err(Reason::Forbidden { register: reg.0, what });
        }
        let Some(bytes) = bytes else {
            let what = format!(
                "arg#{} pointer type {} must point to scalar, or struct with scalar",
                reg.0 - 1,
                self.type_name(Types::Kernel, id)
            );
            return Err(Reason::Forbidden { register: reg.0, what });
        };
        if value.is_null_constant() {
            return Ok(());
        }
        self.kfunc_memory(reg, i64::from(bytes), Use::Update, state)
    }

    /// The size of the memory argument before it, and with it that memory.
    fn kfunc_size(
        &mut self,
        prototype: &Prototype,
        param: &Param,
        reg: Reg,
        given: &mut Given,
        state: &mut State,
    ) -> Result<(), Reason> {
        let size = *state.reg(reg);
        if param.arg == Arg::ConstSize {
            self.kfunc_constant(reg, &size, given, state)?;
        } else {
            self.kfunc_number(reg, &size)?;
        }
        let pointer_reg = Reg(reg.0 - 1);
        let memory = prototype.params.get(usize::from(pointer_reg.0 - 1)).map(|param| param.arg);
        let Some(Arg::Memory { access, nullable, .. }) = memory else { return Ok(()) };
        let pointer = *state.reg(pointer_reg);
        let number = pointer_reg.0 - 1;
        if pointer.is_object() {
            let what = format!("kernel function {} args#{number} takes no object", prototype.function.name);
            return Err(Reason::Forbidden { register: pointer_reg.0, what });
        }
        if pointer.is_null_constant() && nullable {
            self.need_precise(state, pointer_reg);
            return Ok(());
        }
        let wrong = |why: &str| {
            let what = format!(
                "arg#{number} arg#{} memory, len pair leads to invalid memory access: {why}",
                number + 1
            );
            Err(Reason::Forbidden { register: reg.0, what })
        };
        let range = size.num.full;
        if range.smin < 0 {
            return wrong("the length may be negative");
        }
        if range.umin == 0 && param.arg == (Arg::Size { zero: false }) {
            return wrong("the length may be 0");
        }
        if range.umax >= MAX_OFFSET as u64 {
            return wrong("the length has no useful bound");
        }
        self.need_precise(state, reg);
        if pointer.is_null_constant() {
            return if range.umax == 0 { Ok(()) } else { wrong("the memory is null") };
        }
        self.kfunc_memory(pointer_reg, range.umax as i64, access, state)
    }

    /// Memory that a function reads, or fills.
    fn kfunc_memory(&mut self, reg: Reg, bytes: i64, access: Use, state: &mut State) -> Result<(), Reason> {
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
            if access != Use::Read {
                self.store_somewhere(frame, span, false, state);
            }
            return Ok(());
        }
        self.within(reg, &pointer, 0, bytes, Access::Read)?;
        if access == Use::Read { Ok(()) } else { self.within(reg, &pointer, 0, bytes, Access::Write) }
    }

    /// An object of the kernel's type that the function takes, or that begins with one.
    fn kfunc_object(
        &self,
        prototype: &Prototype,
        reg: Reg,
        value: &Value,
        wanted: TypeId,
    ) -> Result<(), Reason> {
        let function = prototype.function;
        let kernel = self.types(Types::Kernel)?;
        let (types, ty) = object_type(self, value)?;
        let doubtful = Flags::UNTRUSTED.with(Flags::USER).with(Flags::PERCPU).with(Flags::READONLY);
        if value.nullable || value.flags.any(doubtful) {
            let what = format!("arg#{} is {} expected ptr_ or socket", reg.0 - 1, self.describe(value));
            return Err(Reason::Forbidden { register: reg.0, what });
        }
        let strict = function.has(Effect::Releases) && value.acquired != 0
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
            function: function.name,
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
