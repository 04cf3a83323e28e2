//! Global functions are verified by their types: what a call must give them, what they may rely on, and that nobody
//! looks at those that no path calls.

use std::sync::Arc;

use skep_abi::ProgType;
use skep_btf::{Btf, BtfBuilder, IntEncoding, Linkage, TypeId};
use skep_isa::{AluOp, Callee, Cond, Insn, Op, Reg, Size, Width};
use skep_obj::Program;
use skep_verify::{Options, Reason, VerifyError, verify};

/// What the function of a test is: `result NAME(param)`, with tags on the parameter.
struct Types<'a> {
    param: fn(&mut BtfBuilder) -> TypeId,
    tags: &'a [&'a str],
    result: fn(&mut BtfBuilder) -> TypeId,
}

fn int(builder: &mut BtfBuilder) -> TypeId {
    builder.int("int", 4, IntEncoding::SIGNED)
}

/// A pointer to a structure of 16 bytes.
fn pair(builder: &mut BtfBuilder) -> TypeId {
    let long = builder.int("long", 8, IntEncoding::SIGNED);
    let members = [builder.member("a", long, 0), builder.member("b", long, 64)];
    let pair = builder.structure("pair", 16, &members);
    builder.ptr(pair)
}

/// A pointer to the context of socket filters.
fn skb(builder: &mut BtfBuilder) -> TypeId {
    let skb = builder.structure("__sk_buff", 0, &[]);
    builder.ptr(skb)
}

const NUMBER: Types<'_> = Types { param: int, tags: &[], result: int };
const PAIR: Types<'_> = Types { param: pair, tags: &[], result: int };
const NONNULL: Types<'_> = Types { param: pair, tags: &["arg:nonnull"], result: int };

fn types(of: &Types<'_>) -> (Btf, TypeId, TypeId) {
    let mut builder = BtfBuilder::new();
    let context = skb(&mut builder);
    let result = int(&mut builder);
    let entry = builder.func_proto(result, &[("ctx", context)]);
    let entry = builder.func("entry", entry, Linkage::GLOBAL);
    let (param, result) = ((of.param)(&mut builder), (of.result)(&mut builder));
    let global = builder.func_proto(result, &[("param", param)]);
    let global = builder.func("global", global, Linkage::GLOBAL);
    for tag in of.tags {
        builder.decl_tag(tag, global, Some(0));
    }
    (builder.finish().expect("types"), entry, global)
}

/// Verifies a socket filter that is `entry`, with a call of a global function, `body`, at its end.
fn judge(of: &Types<'_>, entry: &[Insn], body: &[Insn]) -> Result<(), VerifyError> {
    let (btf, entry_id, global_id) = types(of);
    let mut insns = entry.to_vec();
    insns.extend([call(1), Insn::exit()]);
    insns.extend(body);
    let mut program = Program::from_insns("entry", ProgType::SocketFilter, insns);
    program.btf = Some(Arc::new(btf));
    for (function, id) in program.functions.iter_mut().zip([entry_id, global_id]) {
        (function.global, function.btf_id) = (true, Some(id));
    }
    verify(Arc::new(program), &Options::default()).map(|_| ())
}

fn why(verdict: Result<(), VerifyError>) -> String {
    verdict.expect_err("it is refused").reason.to_string()
}

fn add(reg: Reg, imm: i32) -> Insn {
    Insn::alu_imm(AluOp::Add, Width::W64, reg, imm)
}

fn if_zero(reg: Reg, off: i16) -> Insn {
    Insn::jump_imm(Cond::Eq, Width::W64, reg, 0, off)
}

/// A call of the function that begins so many slots behind the next.
fn call(distance: i64) -> Insn {
    Insn::new(Op::Call(Callee::Local)).imm(distance)
}

/// `return *(long *)(param + off)`
fn reads(off: i16) -> Vec<Insn> {
    vec![Insn::load(Size::Dw, Reg::R0, Reg::R1, off), Insn::exit()]
}

/// r1 points to 16 bytes of stack.
fn stack_pair() -> Vec<Insn> {
    vec![Insn::mov_reg(Reg::R1, Reg::R10), add(Reg::R1, -16)]
}

#[test]
fn a_number_must_be_one() {
    let body = [Insn::mov_reg(Reg::R0, Reg::R1), Insn::exit()];
    assert_eq!(judge(&NUMBER, &[Insn::mov_imm(Reg::R1, 5)], &body).err(), None);
    let why = why(judge(&NUMBER, &[], &body));
    assert!(why.contains("R1 is not a scalar"), "{why}");
}

#[test]
fn what_the_caller_knows_of_an_argument_is_not_known_in_the_function() {
    // The caller gives a valid offset, but not every caller must.
    let body = [
        Insn::mov_reg(Reg::R2, Reg::R10),
        Insn::alu_reg(AluOp::Add, Width::W64, Reg::R2, Reg::R1),
        Insn::store_imm(Size::Dw, Reg::R2, 0, 0),
        Insn::mov_imm(Reg::R0, 0),
        Insn::exit(),
    ];
    let verdict = judge(&NUMBER, &[Insn::mov_imm(Reg::R1, -8)], &body);
    assert!(verdict.is_err(), "refused, whatever this caller gives");
}

#[test]
fn memory_is_as_large_as_its_type_and_may_be_null() {
    assert!(why(judge(&PAIR, &stack_pair(), &reads(0))).contains("may be null"));
    assert_eq!(judge(&NONNULL, &stack_pair(), &reads(8)).err(), None);
    assert!(why(judge(&NONNULL, &stack_pair(), &reads(16))).contains("mem_size=16"));
    let null = [Insn::mov_imm(Reg::R1, 0)];
    assert!(why(judge(&NONNULL, &null, &reads(0))).contains("arg#0 is expected to be non-NULL"));
    let ignores = [Insn::mov_imm(Reg::R0, 0), Insn::exit()];
    assert_eq!(judge(&PAIR, &null, &ignores).err(), None);
}

#[test]
fn the_caller_must_have_all_of_the_memory() {
    let short = [Insn::mov_reg(Reg::R1, Reg::R10), add(Reg::R1, -8)];
    let verdict = judge(&NONNULL, &short, &reads(0)).expect_err("only 8 bytes are left of the stack");
    assert!(matches!(verdict.reason, Reason::StackOutOfBounds { .. }), "{verdict}");
}

#[test]
fn the_memory_may_have_changed_after_the_call() {
    let mut entry =
        vec![Insn::store_imm(Size::Dw, Reg::R10, -16, 0), Insn::store_imm(Size::Dw, Reg::R10, -8, 0)];
    entry.extend(stack_pair());
    // To the function, which lies behind the rest of the entry, its last call, and its exit.
    entry.push(call(3 + 2));
    entry.extend([
        Insn::load(Size::Dw, Reg::R1, Reg::R10, -16),
        if_zero(Reg::R1, 1),
        // Reached only if what the caller stored is gone, and then wrong.
        Insn::load(Size::Dw, Reg::R0, Reg::R1, 0),
    ]);
    let body = [Insn::mov_imm(Reg::R0, 0), Insn::exit()];
    let verdict = judge(&PAIR, &entry, &body).expect_err("a number is no pointer");
    assert!(matches!(verdict.reason, Reason::NotAPointer { register: 1, .. }), "{verdict}");
}

#[test]
fn the_context_is_the_context() {
    let of = Types { param: skb, tags: &[], result: int };
    let body = [Insn::load(Size::W, Reg::R0, Reg::R1, 0), Insn::exit()];
    assert_eq!(judge(&of, &[], &body).err(), None);
    let why = why(judge(&of, &stack_pair(), &body));
    assert!(why.contains("arg#0 expects pointer to ctx"), "{why}");
}

#[test]
fn results_are_numbers() {
    let body = [Insn::mov_reg(Reg::R0, Reg::R1), Insn::exit()];
    assert!(why(judge(&PAIR, &stack_pair(), &body)).contains("not a scalar value"));
    let of = Types { result: pair, ..PAIR };
    assert!(why(judge(&of, &stack_pair(), &reads(0))).contains("doesn't return scalar"));
}

#[test]
fn a_function_that_no_path_calls_is_not_looked_at() {
    // if 0 == 0 goto exit, over the call
    let entry = [Insn::mov_imm(Reg::R0, 0), Insn::mov_imm(Reg::R1, 0), if_zero(Reg::R1, 1)];
    assert_eq!(judge(&NONNULL, &entry, &reads(4000)).err(), None);
}

#[test]
fn tags_that_nobody_knows_are_refused() {
    let of = Types { tags: &["arg:fancy"], ..PAIR };
    assert!(why(judge(&of, &stack_pair(), &reads(0))).contains("unsupported set of tags"));
    let of = Types { tags: &["arg:nonnull"], ..NUMBER };
    let verdict = judge(&of, &[Insn::mov_imm(Reg::R1, 5)], &[Insn::mov_imm(Reg::R0, 0), Insn::exit()]);
    assert!(why(verdict).contains("is not a pointer type"));
}
