//! Accesses to contexts, and to the sockets that pointers in them lead to, by the tables of `skep_abi`.
//! Source: `check_ctx_access`, `check_sock_access` of kernel/bpf/verifier.c, Linux 6.18.

use skep_abi::{FieldError, FieldKind, SocketKind};
use skep_isa::{Insn, Reg, Size};

use crate::domain::Scalar;
use crate::error::Reason;
use crate::explore::Explorer;
use crate::pointer::unmodified;
use crate::target::Held;
use crate::value::{Flags, Kind, Value};
use crate::verified::{Fact, Region};

/// In words.
fn refusal(error: FieldError) -> &'static str {
    match error {
        FieldError::NoField => "no field is there",
        FieldError::Size => "expected an access of its size and alignment",
        FieldError::Forbidden => "programs of this kind and attach type may not",
    }
}

impl Explorer<'_> {
    /// What `*(size *)(context + off)` holds.
    pub(crate) fn load_context(
        &mut self,
        at: usize,
        insn: &Insn,
        reg: Reg,
        pointer: &Value,
        size: Size,
    ) -> Result<Value, Reason> {
        if self.target.is_some() {
            return self.load_argument(at, insn, reg, pointer, size);
        }
        let index = self.field(at, insn, reg, pointer, size, false)?;
        let kind = self.context.map_or(FieldKind::Scalar, |c| c.fields[index].kind);
        Ok(match kind {
            FieldKind::Scalar => Value::scalar(Scalar::of_bits(size.bits())),
            FieldKind::PacketData => Value::pointer(Kind::Packet { range: 0 }),
            FieldKind::PacketMeta => Value::pointer(Kind::PacketMeta { range: 0 }),
            FieldKind::PacketEnd => Value::pointer(Kind::PacketEnd),
            FieldKind::FlowKeys => Value::pointer(Kind::FlowKeys),
            FieldKind::Socket(kind) => Value::pointer(Kind::Socket(kind)),
            FieldKind::SocketOrNull(kind) => Value::pointer(Kind::Socket(kind)).or_null(self.new_id()),
            FieldKind::TracepointBuffer => Value::pointer(Kind::Buffer),
            FieldKind::Object(name) => self.kernel_object(name, Flags::TRUSTED)?,
        })
    }

    /// The same where the context is the arguments of what the program is written for.
    fn load_argument(
        &mut self,
        at: usize,
        insn: &Insn,
        reg: Reg,
        pointer: &Value,
        size: Size,
    ) -> Result<Value, Reason> {
        unmodified(reg, pointer)?;
        let Some(target) = &self.target else { return Ok(Value::UNKNOWN) };
        let (off, bytes) = (i64::from(insn.off), size.bytes());
        let (index, held) =
            target.read(off, bytes).map_err(|why| Reason::ContextArgument { off, size: bytes, why })?;
        let held = held.clone();
        self.note_field(at, Fact::Context { field: index as u16, byte: 0 })?;
        Ok(match held {
            Held::Pointer(value) if value.nullable => value.or_null(self.new_id()),
            Held::Pointer(value) => value,
            Held::Between(min, max) if bytes >= 4 => {
                let number = Scalar::signed(i64::from(min), i64::from(max));
                Value::scalar(number.low_bits(size.bits()))
            }
            _ => Value::scalar(Scalar::of_bits(size.bits())),
        })
    }

    /// Notes which field an instruction accesses: always the same, because accesses to contexts are rewritten.
    fn note_field(&mut self, at: usize, fact: Fact) -> Result<(), Reason> {
        match self.facts[at] {
            Fact::Unreachable | Fact::Plain => self.facts[at] = fact,
            known if known == fact => {}
            _ => return Err(Reason::MixedPointers),
        }
        Ok(())
    }

    /// `*(size *)(context + off) = …`.
    pub(crate) fn store_context(
        &mut self,
        at: usize,
        insn: &Insn,
        reg: Reg,
        pointer: &Value,
        size: Size,
    ) -> Result<(), Reason> {
        self.field(at, insn, reg, pointer, size, true).map(|_| ())
    }

    /// The context's field that an access touches.
    fn field(
        &mut self,
        at: usize,
        insn: &Insn,
        reg: Reg,
        pointer: &Value,
        size: Size,
        write: bool,
    ) -> Result<usize, Reason> {
        unmodified(reg, pointer)?;
        let (off, size) = (i64::from(insn.off), size.bytes());
        let refuse = |field, why| Reason::Context { off, size, write, field, why };
        let Some(context) = self.context else { return Err(refuse(None, "the program has no context")) };
        let Ok(start) = u32::try_from(off) else { return Err(refuse(None, "no field is there")) };
        let prog_type = self.program.prog_type;
        let attach_type = prog_type.settle(self.program.attach_type);
        let index = context
            .field(prog_type, attach_type, start, size, write)
            .map_err(|(error, index)| refuse(index.map(|i| context.fields[i].name), refusal(error)))?;
        let fact = Fact::Context { field: index as u16, byte: (start - context.fields[index].off) as u16 };
        self.note_field(at, fact)?;
        Ok(index)
    }

    /// Checks a load of a socket's field.
    pub(crate) fn load_socket(
        &mut self,
        at: usize,
        insn: &Insn,
        reg: Reg,
        pointer: &Value,
        kind: SocketKind,
        size: Size,
    ) -> Result<(), Reason> {
        self.aligned(reg, pointer, insn.off, size)?;
        let off = i64::from(pointer.off) + i64::from(insn.off);
        let refuse =
            |field, why| Reason::Socket { register: reg.0, kind, off, size: size.bytes(), field, why };
        let Ok(start) = u32::try_from(off) else { return Err(refuse(None, "no field is there")) };
        let fields = kind.fields();
        let index = fields
            .part(start, size.bytes(), false)
            .map_err(|(error, index)| refuse(index.map(|i| fields.fields[i].name), refusal(error)))?;
        let field = &fields.fields[index];
        if !kind.shows(field) {
            return Err(refuse(Some(field.name), "only full sockets have it"));
        }
        self.note(at, Region::Socket(kind))
    }
}
