//! Random XDP programs of which a verifier has to refuse many: pointers are bent, checks are left out or are off
//! by one, registers are read that nothing wrote, loops may not end.
//!
//! What is accepted is run, and must stay inside; a property test and a fuzz target do that. Plausible parts
//! (a bounds check before a packet access, a null check after a lookup) make enough programs pass.

mod calls;
mod numbers;

use std::sync::Arc;

use arbitrary::{Result, Unstructured};
use skep_abi::{Arg, AttachType, Errno, Function, MapDef, MapFlags, MapType, ProgType};
use skep_host::{Engine, Host, HostError, LoadOptions, MapId, TestRun};
use skep_isa::{AluOp, AtomicOp, Callee, Cond, Endian, Insn, Op, Reg, Size, Src, Width, decode_all};
use skep_obj::{Data, MapInit, MapSpec, Pinning, ProgFunction, Program};
use skep_user::{UserConfig, UserHost};

/// Most parts that a program is made of.
const PARTS: usize = 24;

/// Bytes of a value in the maps.
const VALUE: u32 = 24;

/// The maps: by index in the program.
const ARRAY: u32 = 0;
const HASH: u32 = 1;
const RING: u32 = 2;
const PERCPU_ARRAY: u32 = 3;
const PERCPU_HASH: u32 = 4;
const LRU: u32 = 5;
const TRIE: u32 = 6;
const PROGRAMS: u32 = 7;
const FROZEN: u32 = 8;
const QUEUE: u32 = 9;

/// The maps whose elements have keys and values that programs and user space read.
const KEYED: [u32; 7] = [ARRAY, HASH, PERCPU_ARRAY, PERCPU_HASH, LRU, TRIE, FROZEN];

/// What the frozen data starts with; the rest is zero.
const FROZEN_START: [u8; 8] = [8, 0, 0, 0, 1, 0, 0, 0];

/// Packets up to so many bytes.
const PACKET_MAX: usize = 96;

const SIZES: [Size; 4] = [Size::B, Size::H, Size::W, Size::Dw];

const ATOMICS: [AtomicOp; 6] =
    [AtomicOp::Add, AtomicOp::Or, AtomicOp::And, AtomicOp::Xor, AtomicOp::Xchg, AtomicOp::CmpXchg];

/// What came of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The verifier, or the compiler, refused it.
    Refused,
    /// It ran.
    Ran,
}

/// Makes a program and a packet of random bytes, verifies it, and if it is accepted runs it in the checked
/// interpreter and natively: it must not trap, and both must agree.
pub(crate) fn verify_then_run(u: &mut Unstructured<'_>) -> Result<Outcome> {
    let program = program(u)?;
    // Most are refused: hosts and maps are for the others.
    if skep_verify::verify(Arc::new(program.clone()), &skep_verify::Options::default()).is_err() {
        return Ok(Outcome::Refused);
    }
    run(&program, u)
}

/// Runs a program that the verifier accepts on a packet of random bytes, in both engines.
pub(crate) fn run(program: &Program, u: &mut Unstructured<'_>) -> Result<Outcome> {
    let mut packet = vec![0; u.int_in_range(14..=PACKET_MAX)?];
    u.fill_buffer(&mut packet)?;
    let mut results = Vec::new();
    for engine in [Engine::Interp, Engine::Best] {
        let mut host = UserHost::new(UserConfig::default());
        let maps: Vec<_> =
            program.maps.iter().map(|spec| make_map(&mut host, spec).expect("a map")).collect();
        let loaded = host.load(program, &maps, &LoadOptions { engine, ..LoadOptions::default() });
        let Ok((id, _)) = loaded else {
            assert!(results.is_empty(), "one engine takes it, the other not: {loaded:?}\n{}", text(program));
            return Ok(Outcome::Refused);
        };
        // A tail call ends in the same program, until there were too many.
        host.set_program(maps[PROGRAMS as usize], 0, id).expect("a place for a program");
        let test = TestRun { data: &packet, repeat: 2, ..TestRun::default() };
        match host.test_run(id, &test) {
            Ok(result) => {
                let contents = contents(&mut host, &maps);
                results.push((result.retval, result.data, contents));
            }
            // A packet may be shrunk below what the host runs on again.
            Err(HostError::Errno { errno: Errno::EINVAL, .. }) => return Ok(Outcome::Ran),
            Err(error) => panic!("{error}\n{}", text(program)),
        }
    }
    // Addresses differ from run to run, and a program may look at them.
    if !shows_addresses(program) {
        assert!(results[0] == results[1], "engines disagree: {results:?}\n{}", text(program));
    }
    Ok(Outcome::Ran)
}

/// A map with what it is to hold.
pub(crate) fn make_map(host: &mut dyn Host, spec: &MapSpec) -> std::result::Result<MapId, HostError> {
    let map = host.create_map(spec, None)?;
    if let MapInit::Data(data) = &spec.init {
        host.update(map, &0u32.to_ne_bytes(), &data.bytes, 0)?;
        host.freeze(map)?;
    }
    Ok(map)
}

/// The elements of all maps in some order of their own, and the records of the ring buffer.
fn contents(host: &mut UserHost, maps: &[MapId]) -> Vec<(u32, Vec<u8>, Option<Vec<u8>>)> {
    let mut contents = Vec::new();
    for index in KEYED {
        let map = maps[index as usize];
        let mut key = None;
        while let Some(next) = host.next_key(map, key.as_deref()).expect("keys") {
            contents.push((index, next.clone(), host.lookup(map, &next).expect("a value")));
            key = Some(next);
        }
    }
    contents.sort();
    host.drain(maps[RING as usize], &mut |record| contents.push((RING, record.to_vec(), None)))
        .expect("a ring buffer");
    contents
}

/// The program's instructions, for messages.
pub(crate) fn text(program: &Program) -> String {
    let writer = skep_isa::text::Writer::pseudoc();
    let lines: Vec<String> =
        program.insns.iter().enumerate().map(|(i, insn)| format!("{i}: {}", writer.insn(insn))).collect();
    lines.join("\n")
}

/// Whether a pointer's bits may get into a result: it is stored outside the stack, or anything but a sum or
/// copy is done to registers that may hold one. Cautious: says yes too often.
fn shows_addresses(program: &Program) -> bool {
    let exotic = |insn: &Insn| match insn.op() {
        Op::Alu { op: AluOp::Add | AluOp::Mov, width: Width::W64, .. } => false,
        Op::Alu { src: Src::Imm, .. } => false,
        Op::Alu { .. } | Op::Neg { .. } | Op::End { .. } | Op::MovSx { .. } => true,
        Op::Jump { src: Src::Reg, .. } => true,
        Op::Store { src: Src::Reg, .. } => insn.dst != Reg::R10,
        Op::Atomic { .. } | Op::StoreRelease { .. } => true,
        _ => false,
    };
    // A register on the stack is read as bytes by calls, and by loads from where it is not known to be.
    let spills = |insn: &Insn| matches!(insn.op(), Op::Store { src: Src::Reg, .. });
    let bytes = |insn: &Insn| match insn.op() {
        Op::Call(Callee::Helper) => Function::by_id(insn.imm as u32)
            .is_some_and(|f| f.args.iter().any(|arg| matches!(arg, Arg::MapValue(_) | Arg::Memory { .. }))),
        Op::Load { .. } => insn.src == Reg::R3,
        _ => false,
    };
    let any = |test: fn(&Insn) -> bool| program.insns.iter().any(test);
    any(exotic) || any(spills) && any(bytes)
}

fn map(name: &str, map_type: MapType, key_size: u32, value_size: u32, max_entries: u32) -> MapSpec {
    MapSpec {
        name: name.into(),
        def: MapDef { map_type, key_size, value_size, max_entries, flags: MapFlags::default() },
        key_type: None,
        value_type: None,
        pinning: Pinning::None,
        inner: None,
        extra: 0,
        numa_node: None,
        init: MapInit::Empty,
    }
}

/// The maps that programs use, by their index.
pub(crate) fn maps() -> Arc<[MapSpec]> {
    let mut frozen = map("frozen", MapType::Array, 4, VALUE, 1);
    frozen.def.flags = MapFlags::RDONLY_PROG;
    let mut bytes = FROZEN_START.to_vec();
    bytes.resize(VALUE as usize, 0);
    frozen.init = MapInit::Data(Data { bytes, frozen: true });
    let mut trie = map("trie", MapType::LpmTrie, 8, VALUE, 4);
    trie.def.flags = MapFlags::NO_PREALLOC;
    Arc::from([
        map("array", MapType::Array, 4, VALUE, 4),
        map("hash", MapType::Hash, 4, VALUE, 4),
        map("ring", MapType::Ringbuf, 0, 0, 4096),
        map("percpu_array", MapType::PercpuArray, 4, VALUE, 4),
        map("percpu_hash", MapType::PercpuHash, 4, VALUE, 4),
        map("lru", MapType::LruHash, 4, VALUE, 2),
        trie,
        map("programs", MapType::ProgArray, 4, 4, 2),
        frozen,
        map("queue", MapType::Queue, 0, VALUE, 2),
    ])
}

/// A random program.
pub(crate) fn program(u: &mut Unstructured<'_>) -> Result<Program> {
    let mut maker = Maker { u, insns: Vec::new() };
    maker.prologue()?;
    // Of the long ones few pass.
    let most = *maker.u.choose(&[3, 6, PARTS])?;
    let parts = maker.u.int_in_range(1..=most)?;
    let mut calls = Vec::new();
    for _ in 0..parts {
        if let Some(call) = maker.part()? {
            calls.push(call);
        }
    }
    maker.push(Insn::mov_imm(Reg::R0, 2));
    maker.push(Insn::exit());
    let entry = maker.insns.len();
    let mut functions = vec![("entry", 0, entry)];
    if !calls.is_empty() {
        for call in calls {
            maker.insns[call].imm = (entry - call - 1) as i64;
        }
        maker.function()?;
        functions.push(("callee", entry, maker.insns.len()));
    }
    let insns = maker.insns;
    let functions = functions.into_iter().map(|(name, start, end)| ProgFunction {
        name: name.into(),
        start,
        end,
        global: start == 0,
        btf_id: None,
    });
    Ok(Program {
        name: "dubious".into(),
        prog_type: ProgType::Xdp,
        attach_type: AttachType::XDP,
        license: "GPL".into(),
        flags: skep_obj::ProgFlags::default(),
        attach_to: None,
        kernel_symbols: Vec::new(),
        kern_version: 0,
        insns,
        functions: functions.collect(),
        maps: maps(),
        lines: Vec::new(),
        core_relos: Vec::new(),
        btf: None,
    })
}

struct Maker<'a, 'b> {
    u: &'a mut Unstructured<'b>,
    insns: Vec<Insn>,
}

impl Maker<'_, '_> {
    fn push(&mut self, insn: Insn) {
        self.insns.push(insn);
    }

    fn any_reg(&mut self) -> Result<Reg> {
        Ok(Reg(self.u.int_in_range(0..=10)?))
    }

    /// A number: most often small, or near a power of two.
    fn number(&mut self) -> Result<i32> {
        Ok(match self.u.int_in_range(0..=7)? {
            0..=3 => self.u.int_in_range(-8..=64)?,
            4 => 1i32.wrapping_shl(self.u.int_in_range(0..=31)?),
            5 => 1i32.wrapping_shl(self.u.int_in_range(0..=31)?).wrapping_sub(1),
            6 => self.u.int_in_range(-4096..=4096)?,
            _ => self.u.arbitrary()?,
        })
    }

    /// r6 = context, r7 = packet, r8 = its end, r9 and r0 numbers; sometimes the packet's length is checked.
    fn prologue(&mut self) -> Result<()> {
        self.push(Insn::mov_reg(Reg::R6, Reg::R1));
        self.push(Insn::load(Size::W, Reg::R7, Reg::R1, 0));
        self.push(Insn::load(Size::W, Reg::R8, Reg::R1, 4));
        let number = self.number()?;
        self.push(Insn::mov_imm(Reg::R9, number));
        self.push(Insn::mov_imm(Reg::R0, 0));
        Ok(())
    }

    /// One part of a program; the slot of a local call, if it ends in one.
    fn part(&mut self) -> Result<Option<usize>> {
        match self.u.int_in_range(0..=31)? {
            0..=2 => self.arithmetic()?,
            3 => self.packet_check()?,
            4 | 5 => self.packet_access()?,
            6 => self.bend(Reg::R7)?,
            7..=9 => self.stack_access()?,
            10..=12 => self.lookup()?,
            13 => self.branch()?,
            14 => self.counted_loop()?,
            15 => self.ring()?,
            16 => self.helper()?,
            17 => {
                self.local_arguments()?;
                self.push(Insn::new(Op::Call(Callee::Local)));
                return Ok(Some(self.insns.len() - 1));
            }
            18 => self.spill()?,
            19 | 20 => self.unknown()?,
            21 | 22 => self.linked()?,
            23 => self.converted()?,
            24 => self.packet_length()?,
            25 => self.stack_somewhere()?,
            26 => self.tail_call()?,
            27 => self.sized_memory()?,
            28 => self.spilled_packet()?,
            // Its millions of rounds take long, so that few may have it.
            29 if self.u.ratio(1, 16)? => self.may_goto()?,
            29 | 30 => self.compared_pointers()?,
            _ => self.anything()?,
        }
        Ok(None)
    }

    fn arithmetic(&mut self) -> Result<()> {
        let op = *self.u.choose(&AluOp::ALL)?;
        let width = if self.u.arbitrary()? { Width::W64 } else { Width::W32 };
        let dst = Reg(*self.u.choose(&[0, 1, 2, 3, 4, 5, 9, 9, 9])?);
        if self.u.ratio(1, 3)? {
            let src = self.any_reg()?;
            self.push(Insn::alu_reg(op, width, dst, src));
        } else {
            let number = self.number()?;
            self.push(Insn::alu_imm(op, width, dst, number));
        }
        Ok(())
    }

    /// `if r7 + N > r8 goto exit`, in one of several shapes, right or nearly so.
    fn packet_check(&mut self) -> Result<()> {
        let len = self.u.int_in_range(0..=70)?;
        let base = if self.u.ratio(4, 5)? { Reg::R7 } else { self.any_reg()? };
        self.push(Insn::mov_reg(Reg::R2, base));
        self.push(Insn::alu_imm(AluOp::Add, Width::W64, Reg::R2, len));
        let cond = *self.u.choose(&[Cond::Gt, Cond::Gt, Cond::Gt, Cond::Ge, Cond::Lt, Cond::Le])?;
        if matches!(cond, Cond::Lt | Cond::Le) {
            self.push(Insn::jump_reg(cond, Width::W64, Reg::R8, Reg::R2, 2));
            self.push(Insn::ja(2));
        } else {
            self.push(Insn::jump_reg(cond, Width::W64, Reg::R2, Reg::R8, 1));
            self.push(Insn::ja(2));
        }
        self.push(Insn::mov_imm(Reg::R0, 1));
        self.push(Insn::exit());
        Ok(())
    }

    fn packet_access(&mut self) -> Result<()> {
        let base = if self.u.ratio(4, 5)? { Reg::R7 } else { self.any_reg()? };
        let off = self.u.int_in_range(-2..=70)?;
        self.access(base, off)
    }

    /// A load, store or atomic at an address.
    fn access(&mut self, base: Reg, off: i16) -> Result<()> {
        let size = *self.u.choose(&SIZES)?;
        let reg = Reg(*self.u.choose(&[0, 1, 2, 3, 4, 5, 9])?);
        let insn = match self.u.int_in_range(0..=7)? {
            0..=3 => Insn::load(size, reg, base, off),
            4 | 5 => Insn::store_imm(size, base, off, self.number()?),
            6 => Insn::store_reg(size, base, off, Reg::R9),
            _ => {
                let op = *self.u.choose(&ATOMICS)?;
                let size = if self.u.arbitrary()? { Size::Dw } else { Size::W };
                let fetch = matches!(op, AtomicOp::Xchg | AtomicOp::CmpXchg) || self.u.arbitrary()?;
                Insn::atomic(op, size, fetch, base, off, Reg::R9)
            }
        };
        self.push(insn);
        Ok(())
    }

    /// Adds a number, or r9 after masking or comparing it, to a pointer.
    fn bend(&mut self, pointer: Reg) -> Result<()> {
        match self.u.int_in_range(0..=3)? {
            0 => {
                let number = self.number()?;
                self.push(Insn::alu_imm(AluOp::Add, Width::W64, pointer, number));
                return Ok(());
            }
            1 => {
                let mask = (1 << self.u.int_in_range(0..=6)?) - 1;
                self.push(Insn::alu_imm(AluOp::And, Width::W64, Reg::R9, mask));
            }
            2 => {
                let cond = *self.u.choose(&Cond::ALL)?;
                let width = if self.u.arbitrary()? { Width::W64 } else { Width::W32 };
                let number = self.u.int_in_range(-4..=40)?;
                self.push(Insn::jump_imm(cond, width, Reg::R9, number, 1));
            }
            _ => {}
        }
        let op = if self.u.ratio(4, 5)? { AluOp::Add } else { AluOp::Sub };
        self.push(Insn::alu_reg(op, Width::W64, pointer, Reg::R9));
        Ok(())
    }

    fn stack_access(&mut self) -> Result<()> {
        let off = match self.u.int_in_range(0..=5)? {
            0 => self.u.int_in_range(-520..=8)?,
            1 => -8 * self.u.int_in_range::<i16>(0..=65)?,
            _ => -8 * self.u.int_in_range::<i16>(1..=4)?,
        };
        self.access(Reg::R10, off)
    }

    /// Stores and reloads a register, perhaps in another size.
    fn spill(&mut self) -> Result<()> {
        let off = -8 * self.u.int_in_range::<i16>(1..=4)?;
        let reg = self.any_reg()?;
        self.push(Insn::store_reg(Size::Dw, Reg::R10, off, reg));
        if self.u.ratio(1, 4)? {
            let inner = off + self.u.int_in_range(0..=7)?;
            self.push(Insn::store_imm(Size::B, Reg::R10, inner, 0));
        }
        let back = Reg(self.u.int_in_range(0..=9)?);
        let size = if self.u.ratio(3, 4)? { Size::Dw } else { *self.u.choose(&SIZES)? };
        self.push(Insn::load(size, back, Reg::R10, off));
        Ok(())
    }

    /// A lookup with a key on the stack, most often a null check, then accesses to the value.
    fn lookup(&mut self) -> Result<()> {
        let key = self.u.int_in_range(0..=5)?;
        self.push(Insn::store_imm(Size::W, Reg::R10, -4, key));
        self.push(Insn::mov_reg(Reg::R2, Reg::R10));
        let off = if self.u.ratio(9, 10)? { -4 } else { self.number()? };
        self.push(Insn::alu_imm(AluOp::Add, Width::W64, Reg::R2, off));
        let map = *self.u.choose(&KEYED)?;
        if map == TRIE {
            // The key is a prefix length and four bytes.
            self.push(Insn::store_imm(Size::W, Reg::R10, -8, 8 * key));
            self.push(Insn::alu_imm(AluOp::Add, Width::W64, Reg::R2, -4));
        }
        self.insns.extend(Insn::map_idx(Reg::R1, map));
        match self.u.int_in_range(0..=5)? {
            // Updates and deletes take the same first two arguments.
            0 => {
                self.push(Insn::mov_reg(Reg::R3, Reg::R10));
                self.push(Insn::alu_imm(AluOp::Add, Width::W64, Reg::R3, -(VALUE as i32) - 8));
                for slot in 0..3 {
                    self.push(Insn::store_imm(Size::Dw, Reg::R10, -32 + 8 * slot, 7));
                }
                let flags = self.u.int_in_range(0..=3)?;
                self.push(Insn::mov_imm(Reg::R4, flags));
                self.push(Insn::call_helper(2));
                return Ok(());
            }
            1 => {
                self.push(Insn::call_helper(3));
                return Ok(());
            }
            _ => self.push(Insn::call_helper(1)),
        }
        if self.u.ratio(9, 10)? {
            self.push(Insn::jump_imm(Cond::Ne, Width::W64, Reg::R0, 0, 2));
            self.push(Insn::mov_imm(Reg::R0, 3));
            self.push(Insn::exit());
        }
        if self.u.ratio(1, 2)? {
            self.bend(Reg::R0)?;
        }
        let off = self.u.int_in_range(-1..=VALUE as i16)?;
        self.access(Reg::R0, off)
    }

    /// A jump over the next few instructions, on numbers.
    fn branch(&mut self) -> Result<()> {
        let cond = *self.u.choose(&Cond::ALL)?;
        let width = if self.u.arbitrary()? { Width::W64 } else { Width::W32 };
        let off = self.u.int_in_range(0..=3)?;
        let insn = if self.u.ratio(3, 4)? {
            Insn::jump_imm(cond, width, Reg::R9, self.number()?, off)
        } else {
            Insn::jump_reg(cond, width, Reg::R9, self.any_reg()?, off)
        };
        self.push(insn);
        for _ in 0..off {
            self.arithmetic()?;
        }
        Ok(())
    }

    /// A loop with a counter, which may be wrong.
    fn counted_loop(&mut self) -> Result<()> {
        let rounds = self.u.int_in_range(1..=12)?;
        self.push(Insn::mov_imm(Reg::R9, 0));
        let start = self.insns.len();
        let body = self.u.int_in_range(0..=2)?;
        for _ in 0..body {
            self.stack_access()?;
        }
        let step = i32::from(self.u.ratio(9, 10)?);
        self.push(Insn::alu_imm(AluOp::Add, Width::W64, Reg::R9, step));
        let cond = *self.u.choose(&[Cond::Lt, Cond::Lt, Cond::Ne, Cond::Slt])?;
        let back = start as i16 - self.insns.len() as i16 - 1;
        self.push(Insn::jump_imm(cond, Width::W64, Reg::R9, rounds, back));
        Ok(())
    }

    /// A record of a ring buffer: reserved, written, most often submitted.
    fn ring(&mut self) -> Result<()> {
        self.insns.extend(Insn::map_idx(Reg::R1, RING));
        let size = self.u.int_in_range(1..=40)?;
        self.push(Insn::mov_imm(Reg::R2, size));
        self.push(Insn::mov_imm(Reg::R3, 0));
        self.push(Insn::call_helper(131));
        self.push(Insn::jump_imm(Cond::Ne, Width::W64, Reg::R0, 0, 2));
        self.push(Insn::mov_imm(Reg::R0, 4));
        self.push(Insn::exit());
        let off = self.u.int_in_range(0..=40)?;
        self.push(Insn::store_imm(Size::W, Reg::R0, off, 9));
        if self.u.ratio(9, 10)? {
            self.push(Insn::mov_reg(Reg::R1, Reg::R0));
            self.push(Insn::mov_imm(Reg::R2, 0));
            let id = *self.u.choose(&[132, 133])?;
            self.push(Insn::call_helper(id));
        }
        Ok(())
    }

    /// A call that may move the packet, or of any number, with the context and numbers as arguments.
    fn helper(&mut self) -> Result<()> {
        let id = match self.u.int_in_range(0..=3)? {
            0 => *self.u.choose(&[44, 54, 65])?,
            1 => *self.u.choose(&[5, 7, 8, 188])?,
            2 => 189,
            _ => self.u.int_in_range(0..=210)?,
        };
        self.push(Insn::mov_reg(Reg::R1, Reg::R6));
        let number = self.u.int_in_range(-20..=20)?;
        self.push(Insn::mov_imm(Reg::R2, number));
        self.push(Insn::mov_reg(Reg::R3, Reg::R10));
        self.push(Insn::alu_imm(AluOp::Add, Width::W64, Reg::R3, -32));
        let size = self.u.int_in_range(-1..=33)?;
        self.push(Insn::mov_imm(Reg::R4, size));
        self.push(Insn::mov_imm(Reg::R5, 0));
        self.push(Insn::call_helper(id));
        if self.u.ratio(3, 4)? {
            // Packet pointers are taken again.
            self.push(Insn::load(Size::W, Reg::R7, Reg::R6, 0));
            self.push(Insn::load(Size::W, Reg::R8, Reg::R6, 4));
        }
        Ok(())
    }

    /// Any instruction that decodes.
    fn anything(&mut self) -> Result<()> {
        let bytes: [u8; 8] = self.u.arbitrary()?;
        let mut insn = decode_all(&bytes, Endian::Little).expect("a whole slot")[0];
        insn.dst = Reg(insn.dst.0 % 11);
        insn.src = Reg(insn.src.0 % 11);
        if insn.row().is_some_and(|row| row.slots == 1) && insn.op() != Op::Call(Callee::Local) {
            self.push(insn);
        }
        Ok(())
    }

    /// The function that local calls reach: some arithmetic, its own stack, perhaps the caller's.
    fn function(&mut self) -> Result<()> {
        self.push(Insn::mov_imm(Reg::R9, 5));
        self.push(Insn::mov_imm(Reg::R0, 0));
        for _ in 0..self.u.int_in_range(0..=4)? {
            match self.u.int_in_range(0..=6)? {
                0 => self.arithmetic()?,
                1 => self.stack_access()?,
                2 => self.tail_call()?,
                3 => self.spill()?,
                4 => {
                    // With the context as argument, this moves the packet under the caller.
                    self.push(Insn::mov_imm(Reg::R2, 0));
                    self.push(Insn::call_helper(44));
                }
                _ => {
                    let off = self.u.int_in_range(-16..=16)?;
                    self.access(Reg::R1, off)?;
                }
            }
        }
        self.push(Insn::mov_imm(Reg::R0, 1));
        self.push(Insn::exit());
        Ok(())
    }
}
