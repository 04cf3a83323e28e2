//! What programs read and write of their contexts and packets, on every engine.

mod support;

use skep_abi::ProgType;
use skep_vm::{Engine, Executable, Packet, RunContext, Trap, TrapKind};
use support::{Lab, compile, engines, parse, program};

fn compiled(kind: ProgType, text: &str, engine: Engine) -> Executable<Lab> {
    compile(program(kind, parse(text), &[]), None, &[], engine)
        .unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Result and context after a run, on each engine.
fn run(kind: ProgType, text: &str, context: &RunContext) -> Vec<(u64, RunContext)> {
    let run_on = |&engine: &Engine| {
        let mut context = context.clone();
        let result = compiled(kind, text, engine).run(&mut Lab::default(), &mut context);
        (result.unwrap_or_else(|trap| panic!("{trap}\n{text}")), context)
    };
    engines().iter().map(run_on).collect()
}

#[test]
fn packets_are_read_and_written_in_place() {
    let text = "
        r2 = *(u32 *)(r1 + 0)
        r3 = *(u32 *)(r1 + 4)
        r4 = r2
        r4 += 34
        if r4 > r3 goto +7
        r0 = *(u16 *)(r2 + 12)
        r0 = be16 r0
        r5 = *(u8 *)(r2 + 23)
        *(u8 *)(r2 + 22) = 63
        r0 <<= 8
        r0 |= r5
        goto +1
        r0 = 1
        exit
    ";
    let mut data = vec![0; 60];
    data[12..14].copy_from_slice(&[0x08, 0x00]);
    data[23] = 17;
    let context = RunContext::new(ProgType::Xdp, Packet::new(&data));
    for (result, context) in run(ProgType::Xdp, text, &context) {
        assert_eq!(result, 0x80011);
        assert_eq!(context.packet().data()[22], 63);
    }
    let short = RunContext::new(ProgType::Xdp, Packet::new(&data[..33]));
    for (result, _) in run(ProgType::Xdp, text, &short) {
        assert_eq!(result, 1);
    }
}

#[test]
fn pointers_are_fetched_again_after_the_packet_has_moved() {
    let text = "
        r6 = r1
        r2 = -8
        call 44
        if r0 != 0 goto +10
        r2 = *(u32 *)(r6 + 0)
        r3 = *(u32 *)(r6 + 4)
        r4 = r2
        r4 += 16
        if r4 > r3 goto +5
        *(u64 *)(r2 + 0) = 7
        r0 = *(u64 *)(r2 + 8)
        r3 -= r2
        r0 += r3
        goto +1
        r0 = 0
        exit
    ";
    let context = RunContext::new(ProgType::Xdp, Packet::new(&[1; 32]));
    for (result, context) in run(ProgType::Xdp, text, &context) {
        assert_eq!(result, 0x0101_0101_0101_0101 + 40);
        assert_eq!(context.packet().data()[..10], [7, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
    }
}

#[test]
fn functions_fill_memory_of_the_program() {
    let text = "
        r2 = 2
        r3 = r10
        r3 += -8
        r4 = 4
        call 189
        r1 = *(u32 *)(r10 - 8)
        r0 += r1
        exit
    ";
    let context =
        RunContext::new(ProgType::Xdp, Packet::new(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]));
    for (result, _) in run(ProgType::Xdp, text, &context) {
        assert_eq!(result, 0x0504_0302);
    }
}

#[test]
fn fields_are_at_their_places_whole_and_in_part() {
    let text = "
        r0 = *(u32 *)(r1 + 8)
        r2 = *(u8 *)(r1 + 17)
        r0 += r2
        r2 = *(u16 *)(r1 + 32)
        r0 += r2
        *(u32 *)(r1 + 8) = 99
        r3 = 0x1122334455667788 ll
        *(u64 *)(r1 + 56) = r3
        r2 = *(u8 *)(r1 + 57)
        r0 += r2
        *(u64 *)(r1 + 152) = r3
        r4 = *(u32 *)(r1 + 76)
        r5 = *(u32 *)(r1 + 80)
        r5 -= r4
        r0 += r5
        exit
    ";
    let mut context = RunContext::new(ProgType::SchedCls, Packet::new(&[0; 80]));
    let layout = context.layout().expect("a layout");
    let index = |name: &str| layout.index_of(name).expect(name);
    context.set(index("mark"), 5);
    context.set(index("protocol"), 0x0806);
    context.set(index("priority"), 0x1_0002);
    for (result, context) in run(ProgType::SchedCls, text, &context) {
        assert_eq!(result, 5 + 8 + 2 + 0x77 + 80);
        assert_eq!(context.get(index("mark")), 99);
        assert_eq!(context.get(index("tstamp")), 0x1122_3344_5566_7788);
        assert_eq!(context.bytes(index("cb"))[8..16], 0x1122_3344_5566_7788_u64.to_ne_bytes());
    }
}

#[test]
fn packet_loads_are_in_network_order_and_end_the_program_when_outside() {
    let load = |insn: &str| format!("r6 = r1\nr7 = 2\n{insn}\nr0 += 1\nexit");
    let mut packet = Packet::new(&[0xaa, 0xbb, 1, 2, 3, 4, 5, 6]);
    packet.pull(2).expect("long enough");
    let context = RunContext::new(ProgType::SocketFilter, packet);
    let cases = [
        ("r0 = *(u32 *)skb[0]", 0x0102_0305),
        ("r0 = *(u16 *)skb[4]", 0x0507),
        ("r0 = *(u8 *)skb[5]", 7),
        ("r0 = *(u8 *)skb[6]", 0),
        ("r0 = *(u32 *)skb[3]", 0),
        ("r0 = *(u16 *)skb[r7 + 1]", 0x0406),
        ("r0 = *(u16 *)skb[r7 - 2]", 0x0103),
        ("r0 = *(u16 *)skb[r7 + 3]", 0),
        // SKF_LL_OFF and SKF_NET_OFF.
        ("r0 = *(u16 *)skb[-2097152]", 0xaabc),
        ("r0 = *(u8 *)skb[-1048575]", 3),
    ];
    for (insn, expected) in cases {
        for (result, _) in run(ProgType::SocketFilter, &load(insn), &context) {
            assert_eq!(result, expected, "{insn}");
        }
    }
}

#[test]
fn a_loop_without_a_proven_bound_is_left_in_the_end() {
    let text = "
        r0 = 0
        may_goto +2
        r0 += 1
        goto -3
        r0 &= 0xffffffff
        exit
    ";
    let context = RunContext::new(ProgType::Xdp, Packet::new(&[0; 64]));
    for (result, _) in run(ProgType::Xdp, text, &context) {
        assert_eq!(result, u64::from(skep_vm::MAX_MAY_GOTO));
    }
}

#[test]
fn what_a_program_was_verified_for_it_must_be_given() {
    for &engine in engines() {
        let xdp = compiled(ProgType::Xdp, "r0 = 2\nexit", engine);
        let mut context = RunContext::new(ProgType::SchedCls, Packet::new(&[0; 64]));
        let found = xdp.run(&mut Lab::default(), &mut context);
        let what = TrapKind::Context { expected: ProgType::Xdp, found: ProgType::SchedCls };
        assert_eq!(found, Err(Trap { insn: 0, what }));

        let unspec = program(ProgType::Unspec, parse("r0 = *(u64 *)(r1 + 8)\nexit"), &[]);
        let unspec = compile(unspec, Some(16), &[], engine).expect("compiles");
        assert_eq!(
            unspec.run(&mut Lab::default(), &mut RunContext::memory(&[3; 20])),
            Ok(0x0303_0303_0303_0303)
        );
        let found = unspec.run(&mut Lab::default(), &mut RunContext::memory(&[3; 15]));
        assert_eq!(found, Err(Trap { insn: 0, what: TrapKind::Memory { expected: 16, found: 15 } }));
    }
}

#[test]
fn code_is_executable_and_never_writable() {
    if !skep_vm::jit_available() {
        skep_testkit::skip!("there is no native code for this machine");
    }
    let xdp = compiled(ProgType::Xdp, "r0 = 2\nexit", Engine::Jit);
    assert_eq!(xdp.code().len(), xdp.code_bytes());
    let address = xdp.code().as_ptr() as usize;
    let maps = std::fs::read_to_string("/proc/self/maps").expect("a list of mappings");
    let line = maps.lines().find(|line| {
        let (range, _) = line.split_once(' ').expect("a range");
        let (start, end) = range.split_once('-').expect("start and end");
        let parse = |hex| usize::from_str_radix(hex, 16).expect("an address");
        (parse(start)..parse(end)).contains(&address)
    });
    assert_eq!(line.and_then(|line| line.split(' ').nth(1)), Some("r-xp"));
}
