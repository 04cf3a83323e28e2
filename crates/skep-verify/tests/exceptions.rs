//! Where programs may throw, and what may handle it.

use std::sync::Arc;

use skep_abi::ProgType;
use skep_btf::{BtfBuilder, IntEncoding, Linkage};
use skep_isa::{Callee, Insn, Op, Reg, Wide};
use skep_obj::{KernelSymbol, Program};
use skep_verify::{Options, Reason, VerifyError, verify};

/// A call of `bpf_throw`.
fn throw() -> Insn {
    Insn::new(Op::Call(Callee::Kfunc))
}

/// A call of the function that begins so many slots behind the next.
fn call(distance: i64) -> Insn {
    Insn::new(Op::Call(Callee::Local)).imm(distance)
}

/// Verifies a program of an entry and one more function, `handler`, which takes so many numbers; the entry has these
/// tags.
fn judge(entry: &[Insn], handler: &[Insn], params: usize, tags: &[&str]) -> Result<(), VerifyError> {
    let mut builder = BtfBuilder::new();
    let int = builder.int("int", 4, IntEncoding::SIGNED);
    let skb = builder.structure("__sk_buff", 0, &[]);
    let context = builder.ptr(skb);
    let proto = builder.func_proto(int, &[("ctx", context)]);
    let entry_id = builder.func("entry", proto, Linkage::GLOBAL);
    let proto = builder.func_proto(int, &vec![("cookie", int); params]);
    let handler_id = builder.func("handler", proto, Linkage::GLOBAL);
    for tag in tags {
        builder.decl_tag(tag, entry_id, None);
    }
    let insns = [entry, handler].concat();
    let mut program = Program::from_insns("entry", ProgType::SchedCls, insns);
    program.btf = Some(Arc::new(builder.finish().expect("types")));
    // Nothing leads to a handler, so that only the types tell where it begins.
    let mut second = program.functions[0].clone();
    program.functions.truncate(1);
    program.functions[0].end = entry.len();
    (second.start, second.end, second.name) = (entry.len(), program.insns.len(), "handler".to_owned());
    program.functions.push(second);
    for (function, id) in program.functions.iter_mut().zip([entry_id, handler_id]) {
        (function.global, function.btf_id) = (true, Some(id));
    }
    let symbol = KernelSymbol { name: "bpf_throw".to_owned(), btf_id: None, weak: false };
    program.kernel_symbols = vec![symbol];
    verify(Arc::new(program), &Options::default()).map(|_| ())
}

const TAG: &str = "exception_callback:handler";

fn returns_zero() -> [Insn; 2] {
    [Insn::mov_imm(Reg::R0, 0), Insn::exit()]
}

/// Throws 7; what is behind the throw is never reached.
fn throws() -> Vec<Insn> {
    vec![Insn::mov_imm(Reg::R1, 7), throw(), Insn::mov_reg(Reg::R0, Reg::R9), Insn::exit()]
}

fn why(verdict: Result<(), VerifyError>) -> String {
    verdict.expect_err("it is refused").reason.to_string()
}

#[test]
fn a_throw_ends_the_path() {
    assert_eq!(judge(&throws(), &returns_zero(), 1, &[TAG]).err(), None);
}

#[test]
fn what_is_thrown_is_a_number() {
    let mut entry = throws();
    entry[0] = Insn::mov_reg(Reg::R1, Reg::R10);
    let verdict = judge(&entry, &returns_zero(), 1, &[TAG]).expect_err("a pointer");
    assert!(matches!(verdict.reason, Reason::Argument { register: 1, .. }), "{verdict}");
}

#[test]
fn a_handler_is_verified_and_takes_one_number() {
    let uninitialised = [Insn::mov_reg(Reg::R0, Reg::R2), Insn::exit()];
    assert!(why(judge(&throws(), &uninitialised, 1, &[TAG])).contains("R2 !read_ok"));
    let why = why(judge(&throws(), &returns_zero(), 2, &[TAG]));
    assert_eq!(why, "exception cb only supports single integer argument");
}

#[test]
fn there_is_one_handler_and_it_exists() {
    let twice = judge(&throws(), &returns_zero(), 1, &[TAG, "exception_callback:entry"]);
    assert_eq!(why(twice), "multiple exception callback tags for main subprog");
    let absent = judge(&throws(), &returns_zero(), 1, &["exception_callback:nobody"]);
    assert!(why(absent).contains("could not be found in BTF"));
    let itself = judge(&throws(), &returns_zero(), 1, &["exception_callback:entry"]);
    assert!(why(itself).contains("is not among the program's functions"));
}

#[test]
fn a_handler_neither_throws_nor_is_called() {
    assert!(why(judge(&throws(), &throws(), 1, &[TAG])).contains("cannot be called from callback subprog"));
    let calls = [Insn::mov_imm(Reg::R1, 1), call(1), Insn::exit()];
    assert!(why(judge(&calls, &returns_zero(), 1, &[TAG])).contains("cannot call exception cb directly"));
}

#[test]
fn a_function_that_is_called_back_does_not_throw() {
    let address = Insn::new(Op::Wide(Wide::Func)).dst(Reg::R2).imm(3);
    let entry = [address, Insn::TAIL, Insn::mov_imm(Reg::R0, 0), Insn::exit()];
    let verdict = why(judge(&entry, &throws(), 1, &[]));
    assert!(verdict.contains("cannot be called from callback subprog"), "{verdict}");
}
