//! Programs of a few instructions, and maps of a few elements.

use std::sync::Arc;

use skep_abi::{AttachType, Function, MapDef, MapFlags, MapType, ProgType};
use skep_isa::{AluOp, Insn, Reg, Size, Wide, Width};
use skep_obj::{MapInit, MapSpec, Pinning, ProgFunction, Program};

/// An array's definition.
pub(crate) fn array(key_size: u32, value_size: u32, max_entries: u32) -> MapDef {
    MapDef { map_type: MapType::Array, key_size, value_size, max_entries, flags: MapFlags(0) }
}

/// A map without types and contents.
pub(crate) fn field_map(name: &str, def: MapDef) -> MapSpec {
    MapSpec {
        name: name.into(),
        def,
        key_type: None,
        value_type: None,
        pinning: Pinning::None,
        inner: None,
        extra: 0,
        numa_node: None,
        init: MapInit::Empty,
    }
}

/// A program of one function, without maps.
pub(crate) fn program(name: &str, prog_type: ProgType, insns: &[Insn]) -> Program {
    let entry = ProgFunction { name: name.into(), start: 0, end: insns.len(), global: true, btf_id: None };
    Program {
        name: name.into(),
        prog_type,
        attach_type: AttachType(0),
        license: "GPL".into(),
        flags: skep_obj::ProgFlags::default(),
        attach_to: None,
        kernel_symbols: Vec::new(),
        kern_version: 0,
        insns: insns.to_vec(),
        functions: vec![entry],
        maps: Arc::from([]),
        lines: Vec::new(),
        core_relos: Vec::new(),
        btf: None,
    }
}

/// The same with these maps.
pub(crate) fn with_maps(program: Program, maps: Vec<MapSpec>) -> Program {
    Program { maps: maps.into(), ..program }
}

/// Instructions, one after another.
#[derive(Default)]
pub(crate) struct Code(pub(crate) Vec<Insn>);

impl Code {
    /// Begins a program: the context in r6, and 64 zero bytes from r10 - 64 on.
    pub(crate) fn new() -> Code {
        let mut code = Code(vec![Insn::mov_reg(Reg::R6, Reg::R1)]);
        for word in 1..=8 {
            code.0.push(Insn::store_imm(Size::Dw, Reg::R10, -8 * word, 0));
        }
        code
    }

    pub(crate) fn add(mut self, insns: impl IntoIterator<Item = Insn>) -> Code {
        self.0.extend(insns);
        self
    }

    /// `register = value`
    pub(crate) fn set(self, register: Reg, value: i64) -> Code {
        match i32::try_from(value) {
            Ok(small) => self.add([Insn::mov_imm(register, small)]),
            Err(_) => self.add(Insn::wide(Wide::Imm, register, value)),
        }
    }

    /// `register = r10 + off`
    pub(crate) fn stack(self, register: Reg, off: i32) -> Code {
        let add = Insn::alu_imm(AluOp::Add, Width::W64, register, off);
        self.add([Insn::mov_reg(register, Reg::R10), add])
    }

    /// Calls a function; the result goes to r7.
    pub(crate) fn call(self, function: &str) -> Code {
        self.call_void(function).add([Insn::mov_reg(Reg::R7, Reg::R0)])
    }

    /// Calls a function that has no result.
    pub(crate) fn call_void(self, function: &str) -> Code {
        let id = Function::by_name(function).and_then(|f| f.id).expect("a helper");
        self.add([Insn::call_helper(id)])
    }

    /// Puts text on the stack, from r10 + off on, filled up with zeroes to a multiple of eight bytes.
    pub(crate) fn text(self, off: i16, text: &str) -> Code {
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes.chunks(8).zip((off..).step_by(8)).fold(self, |code, (word, at)| {
            let number = word.iter().rev().fold(0, |number, &byte| number << 8 | i64::from(byte));
            code.set(Reg::R1, number).add([Insn::store_reg(Size::Dw, Reg::R10, at, Reg::R1)])
        })
    }
}
