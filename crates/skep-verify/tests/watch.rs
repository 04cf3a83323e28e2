//! What whoever watches a walk sees: each arrival at an instruction, with what its path brings, up to the refusal.

use std::sync::Arc;

use skep_abi::{AttachType, ProgType};
use skep_isa::{Cond, Insn, Reg, Size, Width};
use skep_obj::{ProgFunction, Program};
use skep_verify::{Options, verify_watched};

/// An instruction's slot, and what was known of two registers there.
type Seen = (usize, Option<String>, Option<String>);

/// Slot, r0 and r2 of every visit, and whether the program was accepted.
fn watched(insns: Vec<Insn>) -> (Vec<Seen>, bool) {
    let main = ProgFunction { name: "main".into(), start: 0, end: insns.len(), global: true, btf_id: None };
    let program = Program {
        name: "main".into(),
        prog_type: ProgType::SocketFilter,
        attach_type: AttachType(0),
        license: String::new(),
        kern_version: 0,
        functions: vec![main],
        insns,
        maps: Vec::new().into(),
        lines: Vec::new(),
        core_relos: Vec::new(),
        flags: skep_obj::ProgFlags::default(),
        attach_to: None,
        kernel_symbols: Vec::new(),
        btf: None,
    };
    let mut seen = Vec::new();
    let verdict = verify_watched(Arc::new(program), &Options::default(), &mut |visit| {
        assert_eq!(visit.frames(), 1);
        assert_eq!(visit.register(Reg::R10).as_deref(), Some("fp"));
        assert_eq!(visit.register(Reg(11)), None);
        seen.push((visit.insn(), visit.register(Reg::R0), visit.register(Reg::R2)));
    });
    (seen, verdict.is_ok())
}

#[test]
fn each_path_brings_its_own_values() {
    let (seen, accepted) = watched(vec![
        Insn::mov_imm(Reg::R0, 1),
        Insn::load(Size::W, Reg::R2, Reg::R1, 0),
        Insn::jump_imm(Cond::Eq, Width::W64, Reg::R2, 0, 1),
        Insn::mov_imm(Reg::R0, 7),
        Insn::exit(),
    ]);
    assert!(accepted);
    assert_eq!(seen[0], (0, None, None));
    let exits: Vec<_> = seen.iter().filter(|(insn, ..)| *insn == 4).collect();
    assert_eq!(exits.len(), 2);
    assert!(exits.iter().any(|(_, r0, r2)| r0.as_deref() == Some("7") && r2.as_deref() != Some("0")));
    assert!(exits.iter().any(|(_, r0, r2)| r0.as_deref() == Some("1") && r2.as_deref() == Some("0")));
}

#[test]
fn a_refused_program_is_seen_up_to_the_refusal() {
    let (seen, accepted) = watched(vec![Insn::mov_imm(Reg::R2, 5), Insn::exit()]);
    assert!(!accepted);
    assert_eq!(seen, [(0, None, None), (1, None, Some("5".to_owned()))]);
}
