//! No program makes the verifier panic, run on for ever, or contradict itself: neither well-formed instructions in any
//! order nor malformed layouts.

use std::cell::Cell;
use std::sync::Arc;

use arbtest::arbitrary::{Result, Unstructured};
use skep_abi::{AttachType, HELPERS, MapDef, MapFlags, MapType, ProgType};
use skep_isa::{Callee, Endian, Insn, Op, Reg, Wide, decode_all, table};
use skep_obj::{Data, MapInit, MapSpec, Pinning, ProgFunction, Program};
use skep_verify::{Fact, Limits, Options, verify};

const KINDS: [ProgType; 5] =
    [ProgType::Unspec, ProgType::SocketFilter, ProgType::Xdp, ProgType::SchedCls, ProgType::Kprobe];

const NUMBERS: [i64; 16] =
    [0, 1, -1, 2, 4, 8, -8, 16, -16, 64, 255, 4096, i32::MAX as i64, i32::MIN as i64, -512, 1 << 29];

/// Any instruction of the table, with fields near those that mean something.
fn instruction(u: &mut Unstructured<'_>, len: usize) -> Result<Insn> {
    let row = u.choose(&table::ROWS)?;
    let mut insn = Insn::new(row.op)
        .dst(Reg(u.int_in_range(0..=10)?))
        .src(Reg(u.int_in_range(0..=10)?))
        .off(*u.choose(&NUMBERS)? as i16)
        .imm(*u.choose(&NUMBERS)?);
    match row.op {
        Op::Jump { .. } | Op::MayGoto | Op::Ja { long: false } => {
            insn.off = u.int_in_range(-1..=(len as i16).min(6))?;
        }
        Op::Call(Callee::Helper) if u.ratio(9u8, 10u8)? => {
            insn.imm = i64::from(u.choose(&HELPERS)?.id.unwrap_or_default());
        }
        Op::Call(Callee::Local) | Op::Ja { long: true } => insn.imm = u.int_in_range(-3..=12)?,
        Op::Wide(Wide::MapIdx) => insn.imm = u.int_in_range(0..=4)?,
        Op::Wide(Wide::MapIdxValue) => {
            insn.imm = u.int_in_range(0..=4i64)? | u.int_in_range(0..=16i64)? << 32;
        }
        _ => {}
    }
    Ok(insn)
}

fn maps() -> Arc<[MapSpec]> {
    let spec = |map_type, key_size, value_size, max_entries, flags, init| MapSpec {
        name: String::new(),
        def: MapDef { map_type, key_size, value_size, max_entries, flags },
        key_type: None,
        value_type: None,
        pinning: Pinning::None,
        inner: None,
        extra: 0,
        numa_node: None,
        init,
    };
    let none = MapFlags(0);
    // The data is shorter than the value: whoever builds programs may err.
    let data = MapInit::Data(Data { bytes: vec![5; 6], frozen: true });
    Arc::new([
        spec(MapType::Hash, 4, 8, 4, none, MapInit::Empty),
        spec(MapType::Array, 4, 16, 1, MapFlags::RDONLY_PROG, data),
        spec(MapType::Ringbuf, 0, 0, 4096, none, MapInit::Empty),
        spec(MapType::ProgArray, 4, 4, 4, none, MapInit::Empty),
    ])
}

fn make(u: &mut Unstructured<'_>) -> Result<Program> {
    let len = u.int_in_range(1..=20usize)?;
    let mut insns = Vec::new();
    if u.ratio(1u8, 16u8)? {
        let bytes: Vec<u8> = (0..len * 8).map(|_| u.arbitrary()).collect::<Result<_>>()?;
        insns = decode_all(&bytes, Endian::Little).unwrap_or_default();
    }
    if u.ratio(7u8, 8u8)? {
        // Registers with values, so that more than the first instruction is looked at.
        insns.push(Insn::mov_reg(Reg::R6, Reg::R1));
        insns.extend([0, 2, 3, 4, 5, 7, 8, 9].map(|r| Insn::mov_imm(Reg(r), i32::from(r) * 8)));
    }
    while insns.len() < len {
        let insn = instruction(u, len)?;
        insns.push(insn);
        if insn.slots() == 2 && u.ratio(31u8, 32u8)? {
            insns.push(Insn::TAIL);
        }
    }
    if u.ratio(7u8, 8u8)? {
        insns.push(Insn::mov_imm(Reg::R0, 0));
        insns.push(Insn::exit());
    }
    let mut cuts = vec![0, insns.len()];
    if u.ratio(1u8, 4u8)? {
        cuts.push(u.int_in_range(0..=insns.len() + 1)?);
    }
    if u.ratio(31u8, 32u8)? {
        cuts.sort_unstable();
        cuts.dedup();
    }
    let function = |pair: &[usize]| ProgFunction {
        name: "f".to_owned(),
        start: pair[0],
        end: pair[1],
        global: false,
        btf_id: None,
    };
    Ok(Program {
        name: "garbage".to_owned(),
        prog_type: *u.choose(&KINDS)?,
        attach_type: AttachType(0),
        license: "GPL".to_owned(),
        kern_version: 0,
        functions: cuts.windows(2).map(function).collect(),
        insns,
        maps: maps(),
        lines: Vec::new(),
        core_relos: Vec::new(),
        flags: skep_obj::ProgFlags::default(),
        attach_to: None,
        kernel_symbols: Vec::new(),
        btf: None,
    })
}

#[test]
fn garbage_is_judged_without_panic() {
    let (made, accepted) = (Cell::new(0u32), Cell::new(0u32));
    arbtest::arbtest(|u| {
        let program = Arc::new(make(u)?);
        made.set(made.get() + 1);
        let limits = Limits { insns: 5_000, ..Limits::LINUX };
        let options = Options { memory: Some(32), log: u.ratio(1u8, 8u8)?, limits, ..Options::default() };
        match verify(program.clone(), &options) {
            Ok(verified) => {
                accepted.set(accepted.get() + 1);
                assert_ne!(verified.fact(0), Fact::Unreachable);
                assert_eq!(verified.log().is_some(), options.log);
            }
            Err(error) => {
                let report = error.report();
                assert!(report.starts_with(&error.reason.to_string()), "{report}");
                assert!(error.insn <= program.insns.len());
            }
        }
        Ok(())
    })
    .budget_ms(1500)
    .size_min(1 << 8)
    .size_max(1 << 12)
    .run();
    println!("{} programs, {} accepted", made.get(), accepted.get());
    assert!(accepted.get() > 0, "nothing is accepted, so little was tested");
}
