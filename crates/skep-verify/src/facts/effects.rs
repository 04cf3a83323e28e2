//! What a program changes beyond its own registers and stack, by classes.
//!
//! Each class says what *may* happen: a call that the tables do not say only looks counts as one that changes whatever
//! it is given. What a store or call is given is taken from the walk, so that code that is never reached counts for nothing.

use std::collections::BTreeSet;

use skep_abi::{Access, Arg, Context, Effect, FieldKind, Function};
use skep_isa::{Callee, Insn, Op, Reg};
use skep_obj::Program;

use crate::state::State;
use crate::value::{Flags, Kind, Value};

/// What a program may change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// It stores into the packet or its metadata.
    pub writes_packet: bool,
    /// It calls what changes the packet, its length or where it is.
    pub changes_packet: bool,
    /// It stores into the context, or calls what changes what the context shows.
    pub writes_context: bool,
    /// It calls what says where the packet goes.
    pub redirects: bool,
    /// It stores into values of maps, or calls what changes maps.
    pub writes_maps: bool,
    /// It stores into objects or memory of the kernel's, or of its own beyond the stack.
    pub writes_objects: bool,
    /// It stores into the memory that a program of kind `unspec` is given.
    pub writes_given: bool,
    /// It may continue in another program.
    pub tail_calls: bool,
    /// The functions it calls that do more than look, by name.
    pub calls: BTreeSet<String>,
}

impl Effects {
    /// Whether running the program changes nothing: all that is left of a run is what it returns.
    pub fn is_read_only(&self) -> bool {
        *self == Effects::default()
    }

    /// The classes, by name.
    pub fn classes(&self) -> [(&'static str, bool); 8] {
        [
            ("writes_packet", self.writes_packet),
            ("changes_packet", self.changes_packet),
            ("writes_context", self.writes_context),
            ("redirects", self.redirects),
            ("writes_maps", self.writes_maps),
            ("writes_objects", self.writes_objects),
            ("writes_given", self.writes_given),
            ("tail_calls", self.tail_calls),
        ]
    }

    /// An instruction is about to be carried out.
    pub(crate) fn note(&mut self, program: &Program, context: Option<&Context>, insn: &Insn, state: &State) {
        match insn.op() {
            Op::Store { .. } | Op::StoreRelease { .. } | Op::Atomic { .. } => {
                self.write(state.reg(insn.dst));
            }
            Op::Call(Callee::Helper) => self.call(program, insn.imm as u64, context, state),
            Op::CallX => {
                let number = state.reg(insn.dst).as_constant();
                self.call(program, number.unwrap_or_default(), context, state);
            }
            Op::Call(Callee::Kfunc) => {
                if let Some(symbol) = program.kernel_symbol(insn.imm) {
                    self.call_kfunc(&symbol.name, context, state);
                }
            }
            // A function that is verified by its types may write through what it is given.
            Op::Call(Callee::Local) => arguments(state).for_each(|value| self.lend(value)),
            _ => {}
        }
    }

    /// Memory is stored to.
    fn write(&mut self, pointer: &Value) {
        match pointer.kind {
            Kind::Context | Kind::FlowKeys | Kind::Buffer | Kind::Socket(_) => self.writes_context = true,
            Kind::Packet { .. } | Kind::PacketMeta { .. } | Kind::Slice { packet: true, .. } => {
                self.writes_packet = true;
            }
            Kind::MapValue { .. } | Kind::MapKey { .. } | Kind::Arena => self.writes_maps = true,
            // A dynptr can be of a map's value.
            Kind::Slice { .. } => {
                self.writes_maps = true;
                self.writes_objects = true;
            }
            Kind::Given => self.writes_given = true,
            // What it is was said where the function was called.
            Kind::Memory { .. } if pointer.flags.has(Flags::ARGUMENT) => {}
            Kind::Memory { .. } | Kind::Object { .. } => self.writes_objects = true,
            // A record is seen by nobody before the call that submits it; the stack is the program's own.
            Kind::Record { .. } | Kind::Stack { .. } => {}
            Kind::Uninit
            | Kind::Scalar
            | Kind::PacketEnd
            | Kind::Map(_)
            | Kind::Function(_)
            | Kind::Dynptr { .. }
            | Kind::Iterator { .. }
            | Kind::IrqFlags { .. } => {}
        }
    }

    /// Memory is given to what may write to it.
    fn lend(&mut self, value: &Value) {
        // A context that a function is given, it stores to itself.
        if value.kind != Kind::Context {
            self.write(value);
        }
    }

    fn call(&mut self, program: &Program, number: u64, context: Option<&Context>, state: &State) {
        let named = u32::try_from(number).ok().and_then(Function::by_id);
        let called = named.and_then(|f| f.called_from(program.prog_type, program.attach_type));
        // Some that others may not call, iterators over sockets do.
        let Some(function) = called.or(named) else { return };
        for (index, arg) in function.args.iter().enumerate() {
            if fills(arg) {
                self.write(state.reg(Reg(index as u8 + 1)));
            }
        }
        if function.has(Effect::Reads) {
            return;
        }
        self.calls.insert(function.name.to_owned());
        self.tail_calls |= function.has(Effect::TailCall);
        self.redirects |= function.has(Effect::Redirects);
        self.writes_maps |= function.has(Effect::WritesMap);
        self.changes_packet |= function.has(Effect::MovesPacket);
        if [Effect::TailCall, Effect::Redirects, Effect::Outputs].into_iter().any(|e| function.has(e)) {
            return;
        }
        self.anything(context, state);
    }

    fn call_kfunc(&mut self, name: &str, context: Option<&Context>, state: &State) {
        arguments(state).for_each(|value| self.lend(value));
        if !Function::kernel(name).is_some_and(|function| function.has(Effect::Reads)) {
            self.calls.insert(name.to_owned());
            self.anything(context, state);
        }
    }

    /// A call does what nobody described, to what it is given.
    fn anything(&mut self, context: Option<&Context>, state: &State) {
        let has_packet =
            context.is_some_and(|c| c.fields.iter().any(|field| field.kind == FieldKind::PacketData));
        for value in arguments(state) {
            match value.kind {
                Kind::Context => {
                    self.writes_context = true;
                    self.changes_packet |= has_packet;
                }
                // What a dynptr leads to, only the call that made it knows.
                Kind::Stack { .. } if leads_to_dynptr(value, state) => {
                    self.writes_maps = true;
                    self.changes_packet |= has_packet;
                }
                Kind::Dynptr { .. } => {
                    self.writes_maps = true;
                    self.changes_packet |= has_packet;
                }
                Kind::Map(_) | Kind::MapValue { .. } => self.writes_maps = true,
                Kind::Object { .. } => self.writes_objects = true,
                _ => {}
            }
        }
    }
}

/// Whether a call writes to what such an argument points to.
fn fills(arg: &Arg) -> bool {
    match arg {
        Arg::Memory { access, .. } | Arg::Fixed { access, .. } => *access != Access::Read,
        Arg::MapValueOut(_) => true,
        Arg::OrNull(arg) => fills(arg),
        _ => false,
    }
}

/// Whether a pointer into the stack points to a dynptr there.
fn leads_to_dynptr(pointer: &Value, state: &State) -> bool {
    let Kind::Stack { frame } = pointer.kind else { return false };
    let stack = &state.frames[frame as usize].stack;
    stack.slots().iter().any(|slot| matches!(slot.value.kind, Kind::Dynptr { .. }))
}

/// What r1 to r5 hold.
fn arguments(state: &State) -> impl Iterator<Item = &Value> {
    (1..=5).map(|index| state.reg(Reg(index))).filter(|value| value.is_pointer())
}
