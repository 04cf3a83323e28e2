//! The user host as a place: objects and their errors, time, chance, messages, tail calls, ring buffers, CPUs.

#[path = "support/code.rs"]
mod code;

use code::{Code, array, field_map, program, with_maps};
use skep_abi::{Errno, MapDef, MapFlags, MapType, ProgType};
use skep_host::{Engine, Host, HostError, LoadOptions, MapId, ProgId, TestRun};
use skep_isa::{Callee, Insn, Op, Reg, Size};
use skep_obj::{MapSpec, Program};
use skep_user::{CLOCK_START_NS, CLOCK_STEP_NS, Redirect, UserConfig, UserHost};

const FRAME: [u8; 60] = [0; 60];

fn host() -> UserHost {
    UserHost::new(UserConfig::default())
}

fn map(host: &mut UserHost, def: MapDef) -> MapId {
    host.create_map(&field_map("m", def), None).expect("a map")
}

fn load(host: &mut UserHost, program: &Program, maps: &[MapId]) -> ProgId {
    host.load(program, maps, &LoadOptions::default()).expect("a program").0
}

fn run(host: &mut UserHost, prog: ProgId) -> u32 {
    host.test_run(prog, &TestRun { data: &FRAME, ..TestRun::default() }).expect("a run").retval
}

/// A program without maps that returns what `code` leaves in r7.
fn returning(name: &str, code: Code) -> Program {
    program(name, ProgType::Xdp, &code.add([Insn::mov_reg(Reg::R0, Reg::R7), Insn::exit()]).0)
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, HostError>, errno: Errno, words: &str) {
    let error = result.expect_err("a refusal");
    assert_eq!(error.errno(), Some(errno), "{error}");
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn maps_answer_as_linux_does() {
    let mut host = host();
    let counts = map(&mut host, MapDef { map_type: MapType::Hash, ..array(4, 8, 2) });
    assert_eq!(host.lookup(counts, &[1; 4]).expect("readable"), None);
    host.update(counts, &[1; 4], &[7; 8], 1).expect("new");
    refused(host.update(counts, &[1; 4], &[7; 8], 1), Errno::EEXIST, "can't update map `m`");
    refused(host.update(counts, &[1; 3], &[7; 8], 0), Errno::EINVAL, "update");
    assert_eq!(host.lookup(counts, &[1; 4]).expect("readable"), Some(vec![7; 8]));
    assert_eq!(host.next_key(counts, None).expect("readable"), Some(vec![1; 4]));
    assert_eq!(host.next_key(counts, Some(&[1; 4])).expect("readable"), None);
    host.delete(counts, &[1; 4]).expect("there");
    refused(host.delete(counts, &[1; 4]), Errno::ENOENT, "delete from map `m`");
    refused(host.lookup(MapId(9), &[1; 4]), Errno::ENOENT, "no map of this id");
    refused(host.drain(counts, &mut |_| ()), Errno::EINVAL, "no ring buffer");
}

#[test]
fn maps_that_linux_does_not_make_are_refused_with_its_numbers() {
    let mut host = host();
    let spec = |def: MapDef| field_map("m", def);
    refused(host.create_map(&spec(array(8, 8, 1)), None), Errno::EINVAL, "key size 4, found 8");
    let unknown = MapDef { map_type: MapType::Devmap, ..array(4, 4, 1) };
    refused(host.create_map(&spec(unknown), None), Errno::EINVAL, "devmap");
    let extra = MapSpec { extra: 1, ..spec(array(4, 4, 1)) };
    refused(host.create_map(&extra, None), Errno::EINVAL, "map_extra");
    let far = MapSpec { numa_node: Some(3), ..spec(array(4, 4, 1)) };
    refused(host.create_map(&far, None), Errno::EINVAL, "memory node 3");
    assert_eq!(map(&mut host, array(4, 4, 1)), MapId(1), "what was refused took no id");
}

#[test]
fn frozen_and_restricted_maps_are_not_for_user_space() {
    let mut host = host();
    let data = map(&mut host, array(4, 8, 1));
    host.freeze(data).expect("not frozen yet");
    refused(host.freeze(data), Errno::EPERM, "it is frozen");
    refused(host.update(data, &[0; 4], &[1; 8], 0), Errno::EPERM, "it is frozen");
    assert!(host.lookup(data, &[0; 4]).expect("readable").is_some());
    let write_only = map(&mut host, MapDef { flags: MapFlags::WRONLY, ..array(4, 8, 1) });
    refused(host.lookup(write_only, &[0; 4]), Errno::EPERM, "write-only");
    let read_only = map(&mut host, MapDef { flags: MapFlags::RDONLY, ..array(4, 8, 1) });
    refused(host.update(read_only, &[0; 4], &[1; 8], 0), Errno::EPERM, "read-only");
}

#[test]
fn programs_that_have_no_place_here_are_refused_by_name() {
    let mut host = host();
    let kprobe = program("probe", ProgType::Kprobe, &[Insn::mov_imm(Reg::R0, 0), Insn::exit()]);
    let error = host.load(&kprobe, &[], &LoadOptions::default()).expect_err("no hook");
    assert!(matches!(error, HostError::Unsupported { .. }), "{error}");
    assert!(error.to_string().contains("kprobe"), "{error}");
    let wild = program("wild", ProgType::Xdp, &[Insn::mov_reg(Reg::R0, Reg::R5), Insn::exit()]);
    let error = host.load(&wild, &[], &LoadOptions::default()).expect_err("r5 is not set");
    assert!(matches!(error, HostError::Refused { .. }), "{error}");
    let unknown = [Insn::new(Op::Call(Callee::Helper)).imm(9999), Insn::exit()];
    let error = host.load(&program("calls", ProgType::Xdp, &unknown), &[], &LoadOptions::default());
    assert!(error.expect_err("no such function").to_string().contains("9999"));
    refused(host.test_run(ProgId(5), &TestRun::default()), Errno::ENOENT, "no program of this id");
    let mapped = with_maps(wild, vec![field_map("m", array(4, 4, 1))]);
    refused(host.load(&mapped, &[], &LoadOptions::default()), Errno::EBADF, "expected 1 maps, found 0");
}

#[test]
fn a_call_of_a_function_that_this_host_has_not_is_refused_by_its_name() {
    let mut host = UserHost::new(UserConfig::default());
    let here: Vec<u32> = host.functions().filter_map(|f| f.id).collect();
    let mut refused = 0;
    for f in skep_abi::HELPERS.iter().filter(|f| f.id.is_some_and(|id| !here.contains(&id))) {
        let xdp = f.called_from(ProgType::Xdp, skep_abi::AttachType(0));
        if !xdp.is_some_and(|f| f.args.is_empty() && f.ret == skep_abi::Ret::Integer) {
            continue;
        }
        let error = host.load(&returning("calls", Code::new().call(f.name)), &[], &LoadOptions::default());
        let error = error.expect_err(f.name).to_string();
        assert!(error.contains(f.name), "{}: {error}", f.name);
        refused += 1;
    }
    assert!(refused > 3, "{refused}");
}

#[test]
fn engines_are_what_was_asked_for() {
    let mut host = host();
    let seven = program("seven", ProgType::Xdp, &[Insn::mov_imm(Reg::R0, 7), Insn::exit()]);
    for engine in [Engine::Best, Engine::Jit, Engine::Interp] {
        let options = LoadOptions { engine, ..LoadOptions::default() };
        if engine == Engine::Jit && !skep_vm::jit_available() {
            assert!(matches!(host.load(&seven, &[], &options), Err(HostError::Unsupported { .. })));
            continue;
        }
        let (prog, info) = host.load(&seven, &[], &options).expect("a program");
        assert_eq!(info.engine == "jit", engine != Engine::Interp && skep_vm::jit_available());
        assert_eq!(info.code_bytes > 0, info.engine == "jit");
        assert_eq!(run(&mut host, prog), 7);
    }
}

#[test]
fn time_passes_by_readings_alone_and_starts_where_it_is_told() {
    let mut host = host();
    let prog = load(&mut host, &returning("time", Code::new().call("bpf_ktime_get_ns")), &[]);
    let read = |host: &mut UserHost, time_ns| {
        let run = TestRun { data: &FRAME, time_ns, ..TestRun::default() };
        host.test_run(prog, &run).expect("a run").retval
    };
    assert_eq!(read(&mut host, None), CLOCK_START_NS as u32);
    assert_eq!(read(&mut host, None), (CLOCK_START_NS + CLOCK_STEP_NS) as u32);
    assert_eq!(read(&mut host, Some(77)), 77);
    assert_eq!(host.time_ns(), 77 + CLOCK_STEP_NS);
    let functions =
        ["bpf_ktime_get_boot_ns", "bpf_ktime_get_coarse_ns", "bpf_ktime_get_tai_ns", "bpf_jiffies64"];
    for function in functions {
        let prog = load(&mut host, &returning(function, Code::new().call(function)), &[]);
        host.set_time_ns(8_000_001);
        let first = run(&mut host, prog);
        host.set_time_ns(8_000_001);
        assert_eq!(run(&mut host, prog), first, "{function}");
    }
}

#[test]
fn chance_comes_from_the_seed() {
    let draw = |seed| {
        let mut host = UserHost::new(UserConfig { seed, ..UserConfig::default() });
        let code = Code::new().call("bpf_get_prandom_u32");
        let prog = load(&mut host, &returning("chance", code), &[]);
        [run(&mut host, prog), run(&mut host, prog)]
    };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
    assert_ne!(draw(1)[0], draw(1)[1]);
}

#[test]
fn messages_are_kept_until_they_are_taken() {
    let mut host = host();
    let code = Code::new().text(-16, "n=%d\0").stack(Reg::R1, -16).set(Reg::R2, 5).set(Reg::R3, 42);
    let code = code.call("bpf_trace_printk");
    let prog = load(&mut host, &returning("hello", code), &[]);
    assert_eq!(run(&mut host, prog), 4);
    let trace = host.take_trace();
    assert_eq!((trace.lines.len(), trace.lost), (1, 0));
    assert_eq!((trace.lines[0].text.as_str(), trace.lines[0].cpu), ("n=42", 0));
    assert!(host.take_trace().lines.is_empty());
}

#[test]
fn messages_show_what_addresses_refer_to() {
    let mut host = host();
    let code = Code::new().text(-24, "%s is %pI4\0").text(-8, "abc\0").stack(Reg::R1, -24);
    let code = code.set(Reg::R2, 11).stack(Reg::R3, -8).stack(Reg::R4, -8).call("bpf_trace_printk");
    let prog = load(&mut host, &returning("address", code), &[]);
    assert_eq!(run(&mut host, prog), 17);
    assert_eq!(host.take_trace().lines[0].text, "abc is 97.98.99.0");
}

#[test]
fn redirects_are_remembered_for_one_run() {
    let mut host = host();
    let code = Code::new().set(Reg::R1, 5).set(Reg::R2, 0).call("bpf_redirect");
    let sends = load(&mut host, &returning("sends", code), &[]);
    let stays = load(&mut host, &returning("stays", Code::new().set(Reg::R7, 2)), &[]);
    assert_eq!(run(&mut host, sends), 4);
    assert_eq!(host.redirect(), Some(Redirect { ifindex: 5, flags: 0 }));
    assert_eq!(run(&mut host, stays), 2);
    assert_eq!(host.redirect(), None);
}

#[test]
fn tail_calls_go_through_program_arrays_of_one_kind() {
    let mut host = host();
    let def = MapDef { map_type: MapType::ProgArray, ..array(4, 4, 2) };
    let jump_table = map(&mut host, def);
    let code = Code::new().add([Insn::mov_reg(Reg::R1, Reg::R6)]).add(Insn::map_idx(Reg::R2, 0));
    let code = code.set(Reg::R3, 1).call_void("bpf_tail_call").set(Reg::R7, 1);
    let caller = with_maps(returning("caller", code), vec![field_map("m", def)]);
    let caller = load(&mut host, &caller, &[jump_table]);
    let target = load(&mut host, &returning("target", Code::new().set(Reg::R7, 2)), &[]);
    assert_eq!(run(&mut host, caller), 1, "an empty slot is fallen through");
    host.set_program(jump_table, 1, target).expect("of its kind");
    assert_eq!(run(&mut host, caller), 2);
    assert_eq!(
        host.lookup(jump_table, &[1, 0, 0, 0]).expect("readable"),
        Some(target.0.to_ne_bytes().to_vec())
    );
    host.delete(jump_table, &[1, 0, 0, 0]).expect("there");
    assert_eq!(run(&mut host, caller), 1);

    refused(host.set_program(jump_table, 2, target), Errno::E2BIG, "put a program into");
    refused(host.update(jump_table, &[0; 4], &[1, 0, 0, 0], 0), Errno::EBADF, "values are programs");
    let filter = program("filter", ProgType::SocketFilter, &[Insn::mov_imm(Reg::R0, 0), Insn::exit()]);
    let filter = load(&mut host, &filter, &[]);
    refused(host.set_program(jump_table, 0, filter), Errno::EINVAL, "another kind");
    let plain = map(&mut host, array(4, 4, 1));
    refused(host.set_program(plain, 0, target), Errno::EINVAL, "put a program into");
}

#[test]
fn records_are_drained_in_order() {
    let mut host = host();
    let def = MapDef { map_type: MapType::Ringbuf, ..array(0, 0, 4096) };
    let events = map(&mut host, def);
    let code = Code::new().add([Insn::store_imm(Size::Dw, Reg::R10, -8, 5)]).add(Insn::map_idx(Reg::R1, 0));
    let code = code.stack(Reg::R2, -8).set(Reg::R3, 8).set(Reg::R4, 0).call("bpf_ringbuf_output");
    let prog = with_maps(returning("event", code), vec![field_map("m", def)]);
    let prog = load(&mut host, &prog, &[events]);
    assert_eq!((run(&mut host, prog), run(&mut host, prog)), (0, 0));
    let mut records = Vec::new();
    assert_eq!(host.drain(events, &mut |record| records.push(record.to_vec())).expect("a ring"), 2);
    assert_eq!(records, vec![5_u64.to_ne_bytes().to_vec(); 2]);
    assert_eq!(host.drain(events, &mut |_| ()).expect("a ring"), 0);
}

#[test]
fn each_cpu_has_its_values() {
    let mut host = UserHost::new(UserConfig { cpus: 3, seed: 0 });
    let def = MapDef { map_type: MapType::PercpuArray, ..array(4, 4, 1) };
    let counts = map(&mut host, def);
    let code = Code::new().call("bpf_get_smp_processor_id");
    let code = code.add([
        Insn::alu_imm(skep_isa::AluOp::Add, skep_isa::Width::W64, Reg::R7, 10),
        Insn::store_reg(Size::W, Reg::R10, -8, Reg::R7),
        Insn::store_imm(Size::W, Reg::R10, -4, 0),
    ]);
    let code = code.add(Insn::map_idx(Reg::R1, 0)).stack(Reg::R2, -4).stack(Reg::R3, -8).set(Reg::R4, 0);
    let prog = with_maps(returning("cpu", code.call("bpf_map_update_elem")), vec![field_map("m", def)]);
    let prog = load(&mut host, &prog, &[counts]);
    for cpu in [0, 2] {
        host.set_cpu(cpu).expect("one of three");
        assert_eq!(run(&mut host, prog), 0);
    }
    let values = host.lookup(counts, &[0; 4]).expect("readable").expect("there");
    let first_bytes: Vec<u8> = values.chunks(8).map(|value| value[0]).collect();
    assert_eq!(first_bytes, [10, 0, 12]);
    refused(host.set_cpu(3), Errno::ENODEV, "one of 3 CPUs");
}

#[test]
fn plain_functions_run_over_memory() {
    let mut host = host();
    let code = [Insn::mov_reg(Reg::R0, Reg::R2), Insn::exit()];
    let prog = load(&mut host, &program("size", ProgType::Unspec, &code), &[]);
    let test = TestRun { data: &[1, 2, 3], ..TestRun::default() };
    let result = host.test_run(prog, &test).expect("a run");
    assert_eq!((result.retval, result.data), (3, vec![1, 2, 3]));
    let test = TestRun { data: &[1], context: &[0], ..TestRun::default() };
    refused(host.test_run(prog, &test), Errno::EINVAL, "no context");
}

/// The answers are those of Linux 6.18, measured.
#[test]
fn contexts_of_xdp_say_where_metadata_and_fragments_start() {
    let mut host = host();
    let prog = load(&mut host, &returning("passes", Code::new().set(Reg::R7, 2)), &[]);
    let mut run = |len: usize, fields: [u32; 3]| {
        let context: Vec<u8> = fields.iter().flat_map(|f| f.to_ne_bytes()).collect();
        let data: Vec<u8> = (0..len).map(|n| n as u8).collect();
        let result = host.test_run(prog, &TestRun { data: &data, context: &context, ..TestRun::default() });
        result.map(|result| {
            assert_eq!(result.data, data, "nothing was changed");
            let word = |at: usize| u32::from_ne_bytes(result.context[at..at + 4].try_into().expect("a word"));
            [word(0), word(4), word(8)]
        })
    };
    for (len, fields, expected) in [
        (64, [0, 64, 0], [0, 64, 0]),
        (64, [4, 64, 0], [4, 64, 0]),
        (64, [48, 64, 0], [48, 64, 0]),
        (64, [0, 32, 0], [0, 32, 0]),
        (400, [216, 400, 0], [216, 400, 0]),
        (3600, [100, 3600, 0], [100, 3600, 0]),
        (3776, [100, 3776, 0], [100, 3620, 0]),
        // No pointers at all are those of the packet.
        (64, [0, 0, 0], [0, 64, 0]),
        (3600, [0, 0, 0], [0, 3520, 0]),
    ] {
        assert_eq!(run(len, fields).expect("a run"), expected, "{len} {fields:?}");
    }
    for (len, fields) in [
        (64, [3, 64, 0]),
        (64, [52, 64, 0]),
        (64, [64, 64, 0]),
        (64, [0, 65, 0]),
        (64, [0, 64, 4]),
        (64, [8, 4, 0]),
        (400, [220, 400, 0]),
        (400, [252, 400, 0]),
    ] {
        refused(run(len, fields), Errno::EINVAL, "run program `passes`");
    }
}
