//! The host on the running kernel: each kind of map, loads and refusals, test runs, ring buffers.

use skep_abi::{AttachType, Errno, MapDef, MapFlags, MapType, ProgType};
use skep_host::{Host, HostError, LoadOptions, MapId, TestRun};
use skep_isa::{AluOp, Cond, Insn, Reg, Size, Width};
use skep_linux::LinuxHost;
use skep_obj::{MapInit, MapSpec, Pinning, Program};
use skep_testkit::{CAP_BPF, CAP_NET_ADMIN, capable, skip};

macro_rules! needs_kernel {
    () => {
        if !(capable(CAP_BPF) && capable(CAP_NET_ADMIN)) {
            skip!("needs CAP_BPF and CAP_NET_ADMIN");
        }
    };
}

fn spec(name: &str, map_type: MapType, key_size: u32, value_size: u32, max_entries: u32) -> MapSpec {
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

fn program(prog_type: ProgType, maps: &[MapSpec], insns: &[&[Insn]]) -> Program {
    let insns = insns.concat();
    Program {
        name: "probe".into(),
        prog_type,
        attach_type: AttachType(0),
        license: "GPL".into(),
        flags: skep_obj::ProgFlags::default(),
        attach_to: None,
        kernel_symbols: Vec::new(),
        kern_version: 0,
        functions: vec![skep_obj::ProgFunction {
            name: "probe".into(),
            start: 0,
            end: insns.len(),
            global: true,
            btf_id: None,
        }],
        insns,
        maps: maps.to_vec().into(),
        lines: Vec::new(),
        core_relos: Vec::new(),
        btf: None,
    }
}

/// A helper by its number.
fn helper(name: &str) -> Insn {
    let function = skep_abi::HELPERS.iter().find(|f| f.name == name).expect("a known helper");
    Insn::call_helper(function.id.expect("a helper"))
}

#[test]
fn maps_with_keys_keep_change_and_lose_values() {
    needs_kernel!();
    let mut host = LinuxHost::new();
    for map_type in [MapType::Hash, MapType::LruHash, MapType::PercpuHash] {
        let map = host.create_map(&spec("keys", map_type, 4, 8, 8), None).unwrap();
        let cpus = if map_type.is_percpu() { host.cpus() as usize } else { 1 };
        let value = |n: u64| n.to_ne_bytes().repeat(cpus);
        assert_eq!(host.lookup(map, &[1, 0, 0, 0]).unwrap(), None);
        host.update(map, &[1, 0, 0, 0], &value(7), 0).unwrap();
        assert_eq!(host.lookup(map, &[1, 0, 0, 0]).unwrap(), Some(value(7)), "{map_type}");
        let exists = host.update(map, &[1, 0, 0, 0], &value(8), 1).unwrap_err();
        assert_eq!(exists.errno(), Some(Errno::EEXIST));
        assert_eq!(host.next_key(map, None).unwrap(), Some(vec![1, 0, 0, 0]));
        assert_eq!(host.next_key(map, Some(&[1, 0, 0, 0])).unwrap(), None);
        host.delete(map, &[1, 0, 0, 0]).unwrap();
        assert_eq!(host.delete(map, &[1, 0, 0, 0]).unwrap_err().errno(), Some(Errno::ENOENT));
    }
}

#[test]
fn arrays_are_full_and_of_fixed_length() {
    needs_kernel!();
    let mut host = LinuxHost::new();
    for map_type in [MapType::Array, MapType::PercpuArray] {
        let map = host.create_map(&spec("slots", map_type, 4, 4, 2), None).unwrap();
        let len = if map_type.is_percpu() { 8 * host.cpus() as usize } else { 4 };
        assert_eq!(host.lookup(map, &1u32.to_ne_bytes()).unwrap(), Some(vec![0; len]), "{map_type}");
        assert_eq!(host.lookup(map, &2u32.to_ne_bytes()).unwrap(), None);
        let beyond = host.update(map, &2u32.to_ne_bytes(), &vec![0; len], 0).unwrap_err();
        assert_eq!(beyond.errno(), Some(Errno::E2BIG));
    }
}

#[test]
fn a_trie_finds_the_longest_prefix() {
    needs_kernel!();
    let mut host = LinuxHost::new();
    let mut trie = spec("routes", MapType::LpmTrie, 8, 1, 4);
    trie.def.flags = MapFlags::NO_PREALLOC;
    let map = host.create_map(&trie, None).unwrap();
    let key = |bits: u32, address: [u8; 4]| [bits.to_ne_bytes(), address].concat();
    host.update(map, &key(8, [10, 0, 0, 0]), &[1], 0).unwrap();
    host.update(map, &key(16, [10, 1, 0, 0]), &[2], 0).unwrap();
    assert_eq!(host.lookup(map, &key(32, [10, 1, 2, 3])).unwrap(), Some(vec![2]));
    assert_eq!(host.lookup(map, &key(32, [10, 9, 2, 3])).unwrap(), Some(vec![1]));
    assert_eq!(host.lookup(map, &key(32, [11, 0, 0, 0])).unwrap(), None);
}

#[test]
fn wrong_sizes_are_refused_before_the_kernel_reads_beyond_them() {
    needs_kernel!();
    let mut host = LinuxHost::new();
    let map = host.create_map(&spec("sized", MapType::Hash, 4, 8, 1), None).unwrap();
    let error = host.update(map, &[0; 3], &[0; 8], 0).unwrap_err();
    let text = "can't update map `sized`: expected a key of 4 bytes and a value of 8, found a key of 3 and a value of 8";
    assert!(error.to_string().starts_with(text), "{error}");
    assert_eq!(error.errno(), Some(Errno::EINVAL));
    assert_eq!(host.lookup(map, &[0; 5]).unwrap_err().errno(), Some(Errno::EINVAL));
}

#[test]
fn a_frozen_map_takes_no_values() {
    needs_kernel!();
    let mut host = LinuxHost::new();
    let mut fixed = spec("fixed", MapType::Array, 4, 4, 1);
    fixed.def.flags = MapFlags::RDONLY_PROG;
    let map = host.create_map(&fixed, None).unwrap();
    host.update(map, &[0; 4], &[1; 4], 0).unwrap();
    host.freeze(map).unwrap();
    assert_eq!(host.update(map, &[0; 4], &[2; 4], 0).unwrap_err().errno(), Some(Errno::EPERM));
    assert_eq!(host.lookup(map, &[0; 4]).unwrap(), Some(vec![1; 4]));
}

#[test]
fn a_refused_map_says_what_was_asked() {
    needs_kernel!();
    let mut host = LinuxHost::new();
    let error = host.create_map(&spec("none", MapType::Array, 3, 4, 1), None).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EINVAL));
    assert!(error.to_string().contains("array with keys of 3 bytes"), "{error}");
    assert_eq!(host.lookup(MapId(u32::MAX), &[]).unwrap_err().errno(), Some(Errno::ENOENT));
}

#[test]
fn a_refused_program_keeps_its_whole_log() {
    needs_kernel!();
    let mut host = LinuxHost::new();
    let uninitialised = program(ProgType::Xdp, &[], &[&[Insn::exit()]]);
    match host.load(&uninitialised, &[], &LoadOptions::default()).unwrap_err() {
        HostError::RefusedByKernel { program, errno, log } => {
            assert_eq!((program.as_str(), errno), ("probe", Errno::EACCES));
            assert!(log.contains("R0 !read_ok"), "{log}");
            assert!(log.contains("processed 1 insns"), "{log}");
        }
        other => panic!("expected a refusal with a log, found {other}"),
    }
    // A log longer than the first buffer: a long program, whose every instruction is printed, refused at its end.
    let mut insns = vec![Insn::mov_imm(Reg::R0, 0)];
    insns.extend((0..4000).map(|n| Insn::mov_imm(Reg::R2, n)));
    insns.push(Insn::load(Size::Dw, Reg::R0, Reg::R0, 0));
    insns.push(Insn::exit());
    let error = host.load(&program(ProgType::Xdp, &[], &[&insns]), &[], &LoadOptions::default()).unwrap_err();
    let HostError::RefusedByKernel { log, .. } = error else { panic!("a refusal") };
    assert!(log.len() > 64 << 10 && log.starts_with("0: R1=ctx"), "{} bytes", log.len());
    assert!(log.contains("R0 invalid mem access 'scalar'") && log.contains("processed 400"), "its end");
}

#[test]
fn a_loaded_program_tells_what_it_took() {
    needs_kernel!();
    let mut host = LinuxHost::new();
    let fine = program(ProgType::Xdp, &[], &[&[Insn::mov_imm(Reg::R0, 2), Insn::exit()]]);
    let (_, info) = host.load(&fine, &[], &LoadOptions::default()).unwrap();
    assert_eq!((info.engine, info.insns_processed, info.log.as_str()), ("kernel", 2, ""));
    let (_, info) = host.load(&fine, &[], &LoadOptions { log: true, ..LoadOptions::default() }).unwrap();
    assert!(info.log.contains("0: (b7) r0 = 2"), "{}", info.log);
    if std::fs::read_to_string("/proc/sys/net/core/bpf_jit_enable").is_ok_and(|on| on.trim() != "0") {
        assert!(info.code_bytes > 0, "native code has a length");
    }
}

#[test]
fn programs_over_plain_memory_are_not_linux() {
    let mut host = LinuxHost::new();
    let plain = program(ProgType::Unspec, &[], &[&[Insn::mov_imm(Reg::R0, 0), Insn::exit()]]);
    let error = host.load(&plain, &[], &LoadOptions::default()).unwrap_err();
    assert!(matches!(error, HostError::Unsupported { .. }), "{error}");
}

#[test]
fn an_instruction_may_not_have_a_map_that_is_not_given() {
    needs_kernel!();
    let mut host = LinuxHost::new();
    let code = [Insn::map_idx(Reg::R1, 1).to_vec(), vec![Insn::mov_imm(Reg::R0, 0), Insn::exit()]].concat();
    let map = host.create_map(&spec("only", MapType::Array, 4, 4, 1), None).unwrap();
    let error =
        host.load(&program(ProgType::Xdp, &[], &[&code]), &[map], &LoadOptions::default()).unwrap_err();
    assert!(error.to_string().contains("instruction 0 has map 1, expected one of 1"), "{error}");
}

/// `r0 = packet[0]`, or 99 if it is empty; then the packet is cut by its first byte's worth at the front.
fn first_byte() -> Program {
    let code = [
        Insn::mov_reg(Reg::R6, Reg::R1),
        Insn::load(Size::W, Reg::R2, Reg::R1, 0),
        Insn::load(Size::W, Reg::R3, Reg::R1, 4),
        Insn::mov_imm(Reg::R0, 99),
        Insn::mov_reg(Reg::R4, Reg::R2),
        Insn::alu_imm(skep_isa::AluOp::Add, Width::W64, Reg::R4, 1),
        Insn::jump_reg(Cond::Gt, Width::W64, Reg::R4, Reg::R3, 5),
        Insn::load(Size::B, Reg::R7, Reg::R2, 0),
        Insn::mov_imm(Reg::R2, 2),
        Insn::mov_reg(Reg::R1, Reg::R6),
        helper("bpf_xdp_adjust_head"),
        Insn::mov_reg(Reg::R0, Reg::R7),
        Insn::exit(),
    ];
    program(ProgType::Xdp, &[], &[&code])
}

#[test]
fn a_test_run_gives_verdict_packet_and_time() {
    needs_kernel!();
    let mut host = LinuxHost::new();
    let (prog, _) = host.load(&first_byte(), &[], &LoadOptions::default()).unwrap();
    let packet: Vec<u8> = (40..100).collect();
    let result = host.test_run(prog, &TestRun { data: &packet, ..TestRun::default() }).unwrap();
    assert_eq!((result.retval, &result.data[..]), (40, &packet[2..]));
    assert_eq!(result.context, []);

    // The packet is not put back between runs: the last of three sees it four bytes shorter.
    let result = host.test_run(prog, &TestRun { data: &packet, repeat: 3, ..TestRun::default() }).unwrap();
    assert_eq!((result.retval, &result.data[..]), (44, &packet[6..]));

    let short = host.test_run(prog, &TestRun { data: &packet[..13], ..TestRun::default() }).unwrap_err();
    assert_eq!(short.errno(), Some(Errno::EINVAL), "shorter than an Ethernet header");
}

#[test]
fn a_context_goes_in_and_comes_out() {
    needs_kernel!();
    let mut host = LinuxHost::new();
    // r0 = ctx->rx_queue_index
    let code = [Insn::load(Size::W, Reg::R0, Reg::R1, 16), Insn::exit()];
    let (prog, _) = host.load(&program(ProgType::Xdp, &[], &[&code]), &[], &LoadOptions::default()).unwrap();
    // Without lengths the packet is all of the data; the interface is the one that a test run has anyway.
    let words = [0u32, 0, 9, 1, 0, 0];
    let context: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let run = TestRun { data: &[0; 60], context: &context, ..TestRun::default() };
    let result = host.test_run(prog, &run).unwrap();
    let out: Vec<u32> =
        result.context.chunks_exact(4).map(|word| u32::from_ne_bytes(word.try_into().unwrap())).collect();
    assert_eq!((result.retval, &out[..]), (0, &[0, 60, 0, 1, 0, 0][..]));

    // mark = mark + 1
    let code = [
        Insn::load(Size::W, Reg::R2, Reg::R1, 8),
        Insn::alu_imm(skep_isa::AluOp::Add, Width::W64, Reg::R2, 1),
        Insn::store_reg(Size::W, Reg::R1, 8, Reg::R2),
        Insn::mov_imm(Reg::R0, 0),
        Insn::exit(),
    ];
    let classifier = program(ProgType::SchedCls, &[], &[&code]);
    let (prog, _) = host.load(&classifier, &[], &LoadOptions::default()).unwrap();
    let mut context = vec![0; 192];
    context[8] = 41;
    let result =
        host.test_run(prog, &TestRun { data: &[0; 60], context: &context, ..TestRun::default() }).unwrap();
    assert_eq!((result.context[8], result.context.len()), (42, 192));
}

/// Puts a record of eight bytes, the packet's length twice, into the ring buffer that is map 0.
fn record_lengths() -> Vec<Insn> {
    let head = [
        Insn::load(Size::W, Reg::R2, Reg::R1, 0),
        Insn::load(Size::W, Reg::R3, Reg::R1, 4),
        Insn::alu_reg(skep_isa::AluOp::Sub, Width::W64, Reg::R3, Reg::R2),
        Insn::store_reg(Size::W, Reg::R10, -8, Reg::R3),
        Insn::store_reg(Size::W, Reg::R10, -4, Reg::R3),
    ];
    let tail = [
        Insn::mov_reg(Reg::R2, Reg::R10),
        Insn::alu_imm(skep_isa::AluOp::Add, Width::W64, Reg::R2, -8),
        Insn::mov_imm(Reg::R3, 8),
        Insn::mov_imm(Reg::R4, 0),
        helper("bpf_ringbuf_output"),
        Insn::exit(),
    ];
    [&head[..], &Insn::map_idx(Reg::R1, 0), &tail].concat()
}

#[test]
fn a_ring_buffer_gives_records_in_order_and_goes_round() {
    needs_kernel!();
    let mut host = LinuxHost::new();
    let events = spec("events", MapType::Ringbuf, 0, 0, 4096);
    let map = host.create_map(&events, None).unwrap();
    let recorder = program(ProgType::Xdp, &[events], &[&record_lengths()]);
    let (prog, _) = host.load(&recorder, &[map], &LoadOptions::default()).unwrap();
    let data = [0; 100];
    // 256 records of 16 bytes fill it; thrice as many only fit because they are taken out.
    for round in 0..3 {
        for len in 14..100 {
            let result = host.test_run(prog, &TestRun { data: &data[..len], ..TestRun::default() }).unwrap();
            assert_eq!(result.retval, 0, "round {round}: there is room");
        }
        let mut seen = Vec::new();
        let count = host.drain(map, &mut |record| seen.push(record.to_vec())).unwrap();
        let expected: Vec<_> = (14..100u32).map(|len| [len.to_ne_bytes(); 2].concat()).collect();
        assert_eq!((count, seen), (86, expected));
    }
    assert_eq!(host.drain(map, &mut |_| ()).unwrap(), 0);
    let other = host.create_map(&spec("other", MapType::Array, 4, 4, 1), None).unwrap();
    assert!(host.drain(other, &mut |_| ()).unwrap_err().to_string().contains("expected a ring buffer"));
}

#[test]
fn programs_and_maps_are_put_into_slots() {
    needs_kernel!();
    let mut host = LinuxHost::new();
    let steps = spec("steps", MapType::ProgArray, 4, 4, 2);
    let map = host.create_map(&steps, None).unwrap();
    let target = program(ProgType::Xdp, &[], &[&[Insn::mov_imm(Reg::R0, 3), Insn::exit()]]);
    let (target, _) = host.load(&target, &[], &LoadOptions::default()).unwrap();
    let jump = [
        &Insn::map_idx(Reg::R2, 0)[..],
        &[Insn::mov_imm(Reg::R3, 1), helper("bpf_tail_call"), Insn::mov_imm(Reg::R0, 0), Insn::exit()],
    ]
    .concat();
    let caller = program(ProgType::Xdp, &[steps], &[&jump]);
    let (caller, _) = host.load(&caller, &[map], &LoadOptions::default()).unwrap();
    let run = TestRun { data: &[0; 64], ..TestRun::default() };
    assert_eq!(host.test_run(caller, &run).unwrap().retval, 0, "an empty slot");
    host.set_program(map, 1, target).unwrap();
    assert_eq!(host.test_run(caller, &run).unwrap().retval, 3);
    assert_eq!(host.set_program(map, 2, target).unwrap_err().errno(), Some(Errno::E2BIG));

    let mut outer = spec("outer", MapType::ArrayOfMaps, 4, 4, 2);
    let model = spec("model", MapType::Array, 4, 8, 1);
    outer.inner = Some(Box::new(model.clone()));
    let outer = host.create_map(&outer, None).unwrap();
    let inner = host.create_map(&model, None).unwrap();
    host.set_map(outer, 1, inner).unwrap();
    let slot = host.lookup(outer, &1u32.to_ne_bytes()).unwrap().expect("a map's id");
    assert_eq!(slot, inner.0.to_ne_bytes());
    let unlike = host.create_map(&spec("unlike", MapType::Hash, 4, 8, 1), None).unwrap();
    assert_eq!(host.set_map(outer, 0, unlike).unwrap_err().errno(), Some(Errno::EINVAL));
}

/// `capset(2)` with nothing in the effective set, for the calling thread only.
fn drop_capabilities() {
    // Version 3 has two sets of 32 bits each: effective, permitted, inheritable.
    let mut header = [0x2008_0522u32, 0];
    let mut sets = [0u32; 6];
    // SAFETY: both have the lengths that version 3 says, and outlive the call.
    let result = unsafe { libc::syscall(libc::SYS_capset, header.as_mut_ptr(), sets.as_mut_ptr()) };
    assert_eq!(result, 0, "a thread may always give up capabilities");
}

#[test]
fn without_permission_the_error_says_what_is_missing() {
    needs_kernel!();
    let setting = std::fs::read_to_string("/proc/sys/kernel/unprivileged_bpf_disabled").unwrap_or_default();
    let refused = std::thread::spawn(|| {
        let mut host = LinuxHost::new();
        drop_capabilities();
        // A map that always takes a capability, and a program that does.
        let map = host.create_map(&spec("locked", MapType::LruHash, 4, 4, 1), None).err();
        let fine = program(ProgType::Xdp, &[], &[&[Insn::mov_imm(Reg::R0, 2), Insn::exit()]]);
        let load = host.load(&fine, &[], &LoadOptions::default()).err();
        [map, load].map(|error| error.map(|error| (error.errno(), error.to_string())))
    });
    let [map, load] = refused.join().expect("the thread ends").map(|error| error.expect("a refusal"));
    assert_eq!((map.0, load.0), (Some(Errno::EPERM), Some(Errno::EPERM)));
    assert!(map.1.contains("lacks CAP_BPF"), "{}", map.1);
    assert!(load.1.contains("lacks CAP_BPF and CAP_NET_ADMIN"), "{}", load.1);
    let setting = format!("kernel.unprivileged_bpf_disabled is {}", setting.trim());
    assert!(load.1.contains(&setting), "{}", load.1);
}

#[test]
fn an_attach_type_that_a_hook_asks_for_is_loaded() {
    needs_kernel!();
    let mut host = LinuxHost::new();
    for (prog_type, attach_type) in
        [(ProgType::Xdp, AttachType::XDP), (ProgType::SchedCls, AttachType::TCX_INGRESS)]
    {
        let mut fine = program(prog_type, &[], &[&[Insn::mov_imm(Reg::R0, 0), Insn::exit()]]);
        fine.attach_type = attach_type;
        let (prog, _) = host.load(&fine, &[], &LoadOptions::default()).unwrap();
        let result = host.test_run(prog, &TestRun { data: &[0; 64], ..TestRun::default() }).unwrap();
        assert_eq!(result.retval, 0, "{prog_type}");
    }
}

#[test]
fn types_that_the_kernel_refuses_are_left_out_and_the_reason_kept() {
    needs_kernel!();
    let mut host = LinuxHost::new();
    // A function's type that is no function: the kernel looks at it before it looks at the program.
    let mut builder = skep_btf::BtfBuilder::new();
    let int = builder.int("int", 4, skep_btf::IntEncoding::SIGNED);
    let mut fine = program(ProgType::Xdp, &[], &[&[Insn::mov_imm(Reg::R0, 2), Insn::exit()]]);
    fine.functions[0].btf_id = Some(int);
    fine.btf = Some(builder.finish().unwrap().into());
    host.load(&fine, &[], &LoadOptions::default()).expect("it needs no types");
    assert_eq!(host.refused_types().count(), 0, "the types themselves are in order");

    // Types that no kernel takes: an array of itself.
    let mut builder = skep_btf::BtfBuilder::new();
    let itself = builder.next_id();
    builder.array(itself, itself, 2);
    let btf = builder.finish().unwrap();
    let mut typed = spec("typed", MapType::Array, 4, 4, 1);
    (typed.key_type, typed.value_type) = (Some(itself), Some(itself));
    host.create_map(&typed, Some(&btf)).expect("it needs no types");
    let refused: Vec<_> = host.refused_types().collect();
    assert!(matches!(refused[..], [why] if why.ends_with("Loop detected")), "{refused:?}");
}

/// A program that calls functions of the kernel by these names.
fn kernel_program(prog_type: ProgType, names: &[&str], insns: &[&[Insn]]) -> Program {
    let symbol = |name: &&str| skep_obj::KernelSymbol { name: (*name).to_owned(), btf_id: None, weak: false };
    Program { kernel_symbols: names.iter().map(symbol).collect(), ..program(prog_type, &[], insns) }
}

/// A call of a function of the kernel, by its place among the names.
fn kernel_call(symbol: i64) -> Insn {
    let form = skep_isa::FormId::of(skep_isa::Op::Call(skep_isa::Callee::Kfunc)).expect("a form");
    Insn { form, imm: symbol, ..Insn::call_helper(0) }
}

#[test]
fn a_loop_over_the_kernels_iterator_runs() {
    needs_kernel!();
    let mut host = LinuxHost::new();
    let iterator = [Insn::mov_reg(Reg::R1, Reg::R10), Insn::alu_imm(AluOp::Add, Width::W64, Reg::R1, -8)];
    // for (i = 0; i < 10; i++) sum += i;
    let program = kernel_program(
        ProgType::Xdp,
        &["bpf_iter_num_new", "bpf_iter_num_next", "bpf_iter_num_destroy"],
        &[
            &[Insn::mov_imm(Reg::R6, 0)],
            &iterator,
            &[Insn::mov_imm(Reg::R2, 0), Insn::mov_imm(Reg::R3, 10), kernel_call(0)],
            &iterator,
            &[
                kernel_call(1),
                Insn::jump_imm(Cond::Eq, Width::W64, Reg::R0, 0, 3),
                Insn::load(Size::W, Reg::R1, Reg::R0, 0),
                Insn::alu_reg(AluOp::Add, Width::W64, Reg::R6, Reg::R1),
                Insn::ja(-7),
            ],
            &iterator,
            &[kernel_call(2), Insn::mov_reg(Reg::R0, Reg::R6), Insn::exit()],
        ],
    );
    let (prog, _) = host.load(&program, &[], &LoadOptions::default()).unwrap_or_else(said);
    let result = host.test_run(prog, &TestRun { data: &[0; 60], ..TestRun::default() }).unwrap();
    assert_eq!(result.retval, 45);
}

#[test]
fn an_iterator_that_is_not_ended_is_refused_in_the_kernels_words() {
    needs_kernel!();
    let insns = [
        Insn::mov_reg(Reg::R1, Reg::R10),
        Insn::alu_imm(AluOp::Add, Width::W64, Reg::R1, -8),
        Insn::mov_imm(Reg::R2, 0),
        Insn::mov_imm(Reg::R3, 10),
        kernel_call(0),
        Insn::mov_imm(Reg::R0, 0),
        Insn::exit(),
    ];
    let program = kernel_program(ProgType::Xdp, &["bpf_iter_num_new"], &[&insns]);
    let error = LinuxHost::new().load(&program, &[], &LoadOptions::default()).unwrap_err();
    let HostError::RefusedByKernel { log, .. } = error else { panic!("{error}") };
    assert!(log.contains("Unreleased reference"), "{log}");
}

#[test]
fn a_function_that_the_kernel_has_not_is_refused_by_its_name() {
    needs_kernel!();
    let insns = [kernel_call(0), Insn::mov_imm(Reg::R0, 0), Insn::exit()];
    let program = kernel_program(ProgType::Xdp, &["bpf_no_such_function"], &[&insns]);
    let error = LinuxHost::new().load(&program, &[], &LoadOptions::default()).unwrap_err();
    assert!(error.to_string().contains("`bpf_no_such_function`"), "{error}");
}

/// Fails with the kernel's log.
fn said<T>(error: HostError) -> T {
    let log = if let HostError::RefusedByKernel { log, .. } = &error { log } else { "" };
    panic!("{error}\n{log}")
}
