//! Calls of helpers, checked by the function table: what each argument must be, what the call leaves behind.
//! Source: `check_helper_call`, `check_func_arg`, `check_map_func_compatibility` of kernel/bpf/verifier.c, Linux 6.18.

mod map;
mod object;
mod rule;
mod text;

pub(crate) use map::INNER_MAP;

use skep_abi::{Access as Use, Arg, Effect, Function, MapType, Ret};
use skep_btf::TypeId;
use skep_isa::{Reg, Size};
use skep_obj::POISON;

use crate::arith::MAX_OFFSET;
use crate::domain::Scalar;
use crate::dynptr::{fills_no_dynptr, reads_no_dynptr};
use crate::error::Reason;
use crate::explore::Explorer;
use crate::leave::may_leave;
use crate::level::{Judgement, Level};
use crate::pointer::{Access, is_aligned, stack_span, unmodified};
use crate::special::{Special, callable_here};
use crate::stack::{Byte, Fill, place};
use crate::state::{Held, Hold, State};
use crate::value::{Flags, Id, Kind, Types, Value};

/// A call whose arguments are being checked.
struct Call {
    function: &'static Function,
    /// The map argument.
    map: Option<u32>,
    /// Which lookup found that map in another.
    map_found_by: Id,
    /// A constant size argument.
    constant: Option<u64>,
    /// The record argument.
    released: Option<u32>,
    /// Whether the key is that of an array's element: those are always there.
    present: bool,
    /// Fields, dynptrs and functions.
    special: Special,
    /// A variable that each CPU has its own of: whose type, which, and whether the program allocated it.
    percpu: Option<(Types, TypeId, bool)>,
    /// The most bytes of the memory argument.
    most: i64,
    /// What the first argument must be released as, if it is cast to another type.
    cast_of: Id,
}

impl Call {
    /// The error for an argument that is not what the function takes.
    fn wrong(&self, reg: Reg, expected: &str, found: String) -> Reason {
        Reason::Argument {
            register: reg.0,
            function: self.function.name,
            expected: expected.to_owned(),
            found,
        }
    }
}

/// The largest error number.
const MAX_ERRNO: i64 = 4095;

/// Bytes of an array's key.
const KEY_BYTES: i64 = 4;

/// How many bytes a function accesses.
#[derive(Clone, Copy)]
struct Bytes {
    most: i64,
    /// Whether it is never fewer.
    exact: bool,
}

impl Bytes {
    fn exactly(size: u32) -> Bytes {
        Bytes { most: i64::from(size), exact: true }
    }
}

/// The register of an argument.
fn register(index: usize) -> Reg {
    Reg(index as u8 + 1)
}

impl Explorer<'_> {
    /// A call of the function whose number a register holds: compilers without optimisation make one of a call through a
    /// constant. The number must be known, and the same on every path, so that whoever compiles the program knows what
    /// is called.
    pub(crate) fn call_register(&mut self, at: usize, reg: Reg, state: &mut State) -> Result<(), Reason> {
        let value = state.read(reg)?;
        let what = |why: &str| Reason::Forbidden { register: reg.0, what: format!("an indirect call {why}") };
        let constant = value.as_constant().ok_or_else(|| what("of what is not a known number"))?;
        let id = u32::try_from(constant).map_err(|_| what("of a number that is no function's"))?;
        self.need_precise(state, reg);
        if *self.callees.entry(at).or_insert(id) != id {
            return Err(what("of one function on this path and another on an earlier one"));
        }
        self.call_helper(at, id, state)
    }

    /// Checks that the Linux that is asked for lets the program call a function, if the latest does.
    pub(crate) fn is_there(&self, function: &Function, callable: bool) -> Result<(), Reason> {
        let linux = self.options.linux;
        if linux == Level::default() {
            return Ok(());
        }
        linux.requires(function.since, || function.name.to_owned())?;
        if !callable {
            return Ok(());
        }
        let kind = self.program.prog_type;
        linux.requires(function.since_in(kind, self.program.attach_type), || {
            format!("{} for programs of kind {kind}", function.name)
        })
    }

    /// Why there is no such helper: the call may stand for an instruction that could not be made to fit the kernel.
    fn unknown_function(&self, at: usize, id: u32) -> Reason {
        let failed = self.program.core_relos.iter().filter(|_| id == POISON).find(|relo| relo.insn == at);
        match failed.and_then(|relo| relo.failure.as_deref()) {
            Some(failure) => Reason::Unrelocated { why: failure.to_string() },
            None => Reason::UnknownFunction { id },
        }
    }

    /// A call of a helper.
    pub(crate) fn call_helper(&mut self, at: usize, id: u32, state: &mut State) -> Result<(), Reason> {
        let named = Function::by_id(id).ok_or_else(|| self.unknown_function(at, id))?;
        let (prog_type, attach_type) = (self.program.prog_type, self.program.attach_type);
        let not_here = Reason::FunctionNotHere { function: named.name, prog_type: prog_type.name() };
        let called = named.called_from(prog_type, attach_type).or_else(|| self.called_from_iterator(named));
        self.is_there(named, called.is_some())?;
        let function = called.ok_or(not_here)?;
        if function.has(Effect::Gpl) && !self.program.is_gpl() {
            let license = self.program.license.clone();
            return Err(Reason::NeedsGpl { function: function.name, license });
        }
        self.allows_call(function, state)?;
        callable_here(function, state)?;
        self.function_allowed(function)?;
        let mut call = Call {
            function,
            map: None,
            map_found_by: 0,
            constant: None,
            released: None,
            present: false,
            special: Special::default(),
            percpu: None,
            most: 0,
            cast_of: state.reg(Reg::R1).acquired,
        };
        for index in 0..function.args.len() {
            self.argument(at, &mut call, function.args[index], index, state)?;
        }
        if function.name == "bpf_snprintf" {
            self.format_argument(&call, state)?;
        }
        if function.has(Effect::TailCall) {
            may_leave(state, "a tail call")?;
        }
        self.special_effects(at, function, &call.special, call.map, state)?;
        if let Some(record) = call.released {
            release(state, record);
        }
        // A tail call that goes on here has done nothing; where it did something, the function has returned.
        if function.has(Effect::MovesPacket) {
            state.forget_packet();
        }
        state.clobber();
        if function.has(Effect::TailCall) && state.depth() > 0 {
            self.push_returned(at, state)?;
        }
        let result = self.result(at, &call, state)?;
        state.set(Reg::R0, result);
        Ok(())
    }

    /// What a call leaves in r0.
    fn result(&mut self, at: usize, call: &Call, state: &mut State) -> Result<Value, Reason> {
        Ok(match call.function.ret {
            Ret::Integer => Value::UNKNOWN,
            Ret::Filled => Value::scalar(Scalar::signed(-MAX_ERRNO, call.most)),
            Ret::Void => Value::UNINIT,
            Ret::MapValue => self.found_element(at, call, state)?,
            Ret::MapValueOrNull => {
                let found = self.found_element(at, call, state)?;
                if call.present || found.nullable { found } else { found.or_null(self.new_id()) }
            }
            Ret::RecordOrNull => {
                let size = call.constant.unwrap_or_default() as u32;
                let id = self.new_id();
                state.held.push(Held { id, at, what: Hold::Reference });
                Value { acquired: id, ..Value::pointer(Kind::Record { size }) }.or_null(id)
            }
            ret => {
                let size = call.constant.unwrap_or_default();
                let result = match self.special_result(at, ret, &call.special, size, state)? {
                    None => self.object_result(at, call, state)?,
                    found => found,
                };
                let what = || Reason::Unsupported { what: format!("the result of {}", call.function.name) };
                result.ok_or_else(what)?
            }
        })
    }

    /// Checks one argument.
    fn argument(
        &mut self,
        at: usize,
        call: &mut Call,
        arg: Arg,
        index: usize,
        state: &mut State,
    ) -> Result<(), Reason> {
        let reg = register(index);
        let value = state.read(reg)?;
        let function = call.function.name;
        let wrong = |expected: &str| {
            let (expected, found) = (expected.to_owned(), value.to_string());
            Err(Reason::Argument { register: reg.0, function, expected, found })
        };
        match arg {
            Arg::OrNull(_) if value.is_null_constant() => {
                self.need_precise(state, reg);
                Ok(())
            }
            Arg::OrNull(arg) => {
                let there = Value { nullable: false, ..value };
                match self.kernel_argument(call, *arg, reg, &there) {
                    Some(checked) => checked,
                    None => self.argument(at, call, *arg, index, state),
                }
            }
            Arg::Anything => self.no_leak(reg, &value, "leaks addr into helper function"),
            Arg::Context => match value.kind {
                Kind::Context => unmodified(reg, &value),
                _ => wrong("ctx"),
            },
            Arg::Map(kinds) => self.map_argument(at, call, reg, &value, kinds),
            Arg::MapKey(_) => {
                let def = self.map_of(call)?;
                self.memory_argument(call, reg, Bytes::exactly(def.key_size), Use::Read, state)?;
                call.present = self.judges.has(Judgement::PresentElements)
                    && self.finds_every_index(call.map.unwrap_or(u32::MAX), call.function)?
                    && self.constant_key(&value, state).is_some_and(|key| key < u64::from(def.max_entries));
                Ok(())
            }
            Arg::MapValue(_) if self.value_is_socket(call) => self.any_socket_argument(call, reg, &value),
            Arg::MapValue(_) => {
                let size = Bytes::exactly(self.map_of(call)?.value_size);
                self.memory_argument(call, reg, size, Use::Read, state)
            }
            Arg::MapValueOut(_) => {
                let def = self.map_of(call)?;
                // Of a bloom filter, it is asked whether this value is there.
                let access = if def.map_type == MapType::BloomFilter { Use::Read } else { Use::Write };
                self.memory_argument(call, reg, Bytes::exactly(def.value_size), access, state)
            }
            // Checked with its size, which comes after it.
            Arg::Memory { nullable, .. } => {
                if value.is_scalar() && !(nullable && value.is_null_constant()) {
                    return wrong(if nullable {
                        "a pointer to memory, or null"
                    } else {
                        "a pointer to memory"
                    });
                }
                if value.is_null_constant() {
                    self.need_precise(state, reg);
                }
                Ok(())
            }
            Arg::Size { zero } => self.size_argument(call, index, zero, state),
            Arg::ConstSize => {
                let Some(constant) = value.as_constant() else { return wrong("a known constant") };
                if constant > u64::from(u32::MAX) {
                    return wrong("a size of 32 bits");
                }
                self.need_precise(state, reg);
                call.constant = Some(constant);
                Ok(())
            }
            Arg::Record => {
                if !matches!(value.kind, Kind::Record { .. }) || value.nullable {
                    return wrong("ringbuf_mem");
                }
                unmodified(reg, &value)?;
                call.released = Some(value.acquired);
                Ok(())
            }
            Arg::Scalar => {
                if value.is_scalar() {
                    Ok(())
                } else {
                    wrong("a number")
                }
            }
            Arg::Fixed { access, size, aligned } => {
                if aligned {
                    let size = if size == 4 { Size::W } else { Size::Dw };
                    is_aligned(reg, &value, 0, size)?;
                }
                self.memory_argument(call, reg, Bytes::exactly(size.into()), access, state)
            }
            Arg::ReleasedSock => self.released_socket(call, reg, &value),
            Arg::PercpuObject => self.percpu_argument(call, reg, &value),
            Arg::ConstStr => self.constant_string(reg, &value).map(|_| ()),
            arg => {
                if let Some(checked) = self.kernel_argument(call, arg, reg, &value) {
                    return checked;
                }
                if self.special_argument(at, call.function, arg, reg, &mut call.special, state)? {
                    return Ok(());
                }
                let what = format!("argument {} of {function}", index + 1);
                Err(Reason::Unsupported { what })
            }
        }
    }

    /// The number that an array's key on the stack is, if it is known. Then it matters that it is.
    fn constant_key(&mut self, pointer: &Value, state: &State) -> Option<u64> {
        let Kind::Stack { frame } = pointer.kind else { return None };
        let off = i64::from(pointer.off) + pointer.num.as_constant()? as i64;
        if off % KEY_BYTES != 0 {
            return None;
        }
        match state.frames[frame as usize].stack.load(off, KEY_BYTES as usize).0 {
            Fill::Register(value) => {
                let key = value.as_constant()?;
                self.need_precise_slot(state, frame, place(off).0);
                Some(key)
            }
            Fill::PartOfNumber(number) => {
                let key = number.as_constant()?;
                self.need_precise_slot(state, frame, place(off).0);
                Some(key)
            }
            Fill::Number(number) => number.as_constant(),
            Fill::PartOfPointer | Fill::Special => None,
        }
    }

    /// The definition of the map among the arguments; no function takes two.
    fn map_of(&self, call: &Call) -> Result<skep_abi::MapDef, Reason> {
        self.map(call.map.unwrap_or(u32::MAX))
    }

    /// The size of the memory argument before it, and with it that memory.
    fn size_argument(
        &mut self,
        call: &mut Call,
        index: usize,
        zero: bool,
        state: &mut State,
    ) -> Result<(), Reason> {
        let (reg, pointer_reg) = (register(index), register(index - 1));
        let size = *state.reg(reg);
        let pointer = *state.reg(pointer_reg);
        let function = call.function.name;
        let wrong = |expected: &str| {
            let (expected, found) = (expected.to_owned(), size.to_string());
            Err(Reason::Argument { register: reg.0, function, expected, found })
        };
        if !size.is_scalar() {
            return wrong("a size");
        }
        if size.num.full.smin < 0 {
            return wrong("a size that is not negative: use unsigned or 'var &= const'");
        }
        if size.num.full.umin == 0 && !zero {
            return wrong("a size above 0: invalid zero-sized read");
        }
        if size.num.full.umax >= MAX_OFFSET as u64 {
            return wrong("a bounded size: use 'var &= const' or 'if (var < const)'");
        }
        self.need_precise(state, reg);
        let exact = size.as_constant().is_some() && !call.function.has(Effect::FillsOnSuccess);
        call.most = size.num.full.umax as i64;
        let bytes = Bytes { most: size.num.full.umax as i64, exact };
        if pointer.is_scalar() {
            // Null, which the argument before has let pass: then there must be nothing to access.
            return if bytes.most == 0 { Ok(()) } else { wrong("a size of 0, the memory being null") };
        }
        let Arg::Memory { access, .. } = call.function.args[index - 1] else { return Ok(()) };
        self.memory_argument(call, pointer_reg, bytes, access, state)
    }

    /// Checks that a function may access `size` bytes at a pointer.
    fn memory_argument(
        &mut self,
        call: &Call,
        reg: Reg,
        size: Bytes,
        access: Use,
        state: &mut State,
    ) -> Result<(), Reason> {
        let pointer = *state.reg(reg);
        let function = call.function.name;
        let wrong = |expected: &str| {
            let (expected, found) = (expected.to_owned(), pointer.to_string());
            Err(Reason::Argument { register: reg.0, function, expected, found })
        };
        if pointer.may_be_null() {
            return wrong("memory that is not null: compare it with 0 first");
        }
        match pointer.kind {
            Kind::Stack { frame } => return self.stack_argument(reg, frame, &pointer, size, access, state),
            Kind::Packet { .. } | Kind::PacketMeta { .. } => {
                if !call.function.has(Effect::PacketMemory) || access != Use::Read {
                    let what = "helper access to the packet is not allowed".to_owned();
                    return Err(Reason::Forbidden { register: reg.0, what });
                }
            }
            Kind::MapValue { .. }
            | Kind::MapKey { .. }
            | Kind::Record { .. }
            | Kind::Memory { .. }
            | Kind::Slice { .. }
            | Kind::Buffer
            | Kind::Given => {}
            Kind::Object { .. } if pointer.flags == Flags::TRUSTED && access == Use::Read => {
                return self.lent_object(reg, &pointer, size.most);
            }
            _ => return wrong("a pointer to memory"),
        }
        let access = if access == Use::Read { Access::Read } else { Access::Write };
        self.within(reg, &pointer, 0, size.most, access)
    }

    /// The same for the stack.
    fn stack_argument(
        &mut self,
        reg: Reg,
        frame: u8,
        pointer: &Value,
        size: Bytes,
        access: Use,
        state: &mut State,
    ) -> Result<(), Reason> {
        let span = stack_span(reg, pointer, 0, size.most)?;
        if size.most == 0 {
            // Nothing is accessed; yet what is pointed to must be the frame's.
            let above = span.min >= 0;
            return if above {
                Err(Reason::StackOutOfBounds { register: reg.0, min: 0, max: 0 })
            } else {
                Ok(())
            };
        }
        self.note_stack(state.frames[frame as usize].function, span.min);
        self.stack_place_known(reg, pointer)?;
        if access == Use::Write && size.exact {
            self.spill_kept(reg, frame, span, state)?;
            self.fill_fenced(frame, span, state);
        } else {
            self.stack_lent(reg, frame, span, state)?;
        }
        match access {
            Use::Read => {
                reads_no_dynptr(reg, frame, span, state)?;
                self.read_stack(frame, span, state);
            }
            Use::Write | Use::Update => {
                if access == Use::Update {
                    self.read_stack(frame, span, state);
                }
                fills_no_dynptr(reg, frame, span, state)?;
                // A size that varies, or a place that does, may leave what was there.
                if size.exact && pointer.num.as_constant().is_some() {
                    let stack = &mut state.frame_at_mut(frame as usize).stack;
                    let written = stack.store_bytes(span.min, size.most, Byte::Misc);
                    state.written[frame as usize] |= written;
                } else {
                    self.store_somewhere(frame, span, false, state);
                }
            }
        }
        Ok(())
    }
}

/// The record is given back: what points into it is a number now.
fn release(state: &mut State, record: u32) {
    state.held.retain(|held| held.id != record);
    state.invalidate(|v| v.acquired == record);
}
