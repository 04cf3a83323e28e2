//! Calls out of programs: maps, ring buffers, queues, tail calls, on every engine.

mod support;

use std::sync::Arc;

use skep_abi::{Errno, MapDef, MapType, ProgType};
use skep_map::Map;
use skep_vm::{Engine, Executable, Functions, MAX_TAIL_CALLS, Packet, RunContext};
use support::{Lab, compile, engines, functions, make_maps, map_def, parse, program};

/// An XDP program over these maps, on one engine.
fn xdp(text: &str, defs: &[MapDef], maps: &[Arc<Map>], engine: Engine) -> Executable<Lab> {
    let program = program(ProgType::Xdp, parse(text), defs);
    compile(program, None, maps, engine).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn packet() -> RunContext {
    RunContext::new(ProgType::Xdp, Packet::new(&[0x5a; 64]))
}

/// What a program returns, on each engine with maps of its own, which are handed back.
fn run(text: &str, defs: &[MapDef]) -> Vec<(u64, Vec<Arc<Map>>)> {
    let run_on = |&engine: &Engine| {
        let maps = make_maps(defs);
        let executable = xdp(text, defs, &maps, engine);
        let result = executable.run(&mut Lab { cpu: 1, ..Lab::default() }, &mut packet());
        (result.unwrap_or_else(|trap| panic!("{trap}\n{text}")), maps)
    };
    engines().iter().map(run_on).collect()
}

#[test]
fn arrays_have_values_at_their_indices_and_nowhere_else() {
    // Values of 8 bytes, whose stride is a power of two, and of 24, whose stride is none; and one element alone.
    for (value_size, entries) in [(8, 4), (24, 5), (8, 1)] {
        let defs = [map_def(MapType::Array, 4, value_size, entries)];
        for index in [0, entries - 1, entries, u32::MAX] {
            let text = format!(
                "*(u32 *)(r10 - 4) = {}
                r2 = r10
                r2 += -4
                r1 = map_idx(0) ll
                call 1
                if r0 == 0 goto +3
                *(u64 *)(r0 + 0) = 77
                r0 = 1
                goto +1
                r0 = 0
                exit",
                index as i32
            );
            for (result, maps) in run(&text, &defs) {
                assert_eq!(result, u64::from(index < entries), "index {index} of {entries}");
                for at in 0..entries {
                    let expected = if at == index { 77 } else { 0 };
                    assert_eq!(maps[0].read(&at.to_ne_bytes()).unwrap()[0], expected);
                }
            }
        }
    }
}

#[test]
fn an_array_whose_index_is_not_constant_is_looked_up() {
    let defs = [map_def(MapType::Array, 4, 8, 256)];
    let text = "
        r6 = 3
        r2 = *(u32 *)(r1 + 0)
        r3 = *(u32 *)(r1 + 4)
        r4 = r2
        r4 += 14
        if r4 > r3 goto +9
        r4 = *(u8 *)(r2 + 3)
        *(u32 *)(r10 - 4) = r4
        r2 = r10
        r2 += -4
        r1 = map_idx(0) ll
        call 1
        if r0 == 0 goto +1
        lock *(u64 *)(r0 + 0) += r6
        r0 = 2
        exit
    ";
    for (result, maps) in run(text, &defs) {
        assert_eq!(result, 2);
        assert_eq!(maps[0].read(&0x5a_u32.to_ne_bytes()).unwrap(), 3_u64.to_ne_bytes());
    }
}

/// The same through a register, whose number came through memory and is 1 on both ways to the call.
#[test]
fn a_function_is_called_through_a_register() {
    let defs = [map_def(MapType::Array, 4, 8, 256)];
    let text = "
        r2 = *(u32 *)(r1 + 0)
        r3 = *(u32 *)(r1 + 4)
        *(u64 *)(r10 - 16) = 1
        r7 = *(u64 *)(r10 - 16)
        if r2 == r3 goto +1
        r7 = 1
        *(u32 *)(r10 - 4) = 7
        r2 = r10
        r2 += -4
        r1 = map_idx(0) ll
        callx r7
        if r0 == 0 goto +2
        *(u64 *)(r0 + 0) = 9
        r7 += 1
        r0 = r7
        exit
    ";
    for (result, maps) in run(text, &defs) {
        assert_eq!(result, 2);
        assert_eq!(maps[0].read(&7_u32.to_ne_bytes()).unwrap(), 9_u64.to_ne_bytes());
    }
}

#[test]
fn hash_maps_are_updated_looked_up_and_emptied() {
    let defs = [map_def(MapType::Hash, 8, 8, 2)];
    let text = "
        *(u64 *)(r10 - 8) = 5
        *(u64 *)(r10 - 16) = 9
        r1 = map_idx(0) ll
        r2 = r10
        r2 += -8
        r3 = r10
        r3 += -16
        r4 = 1
        call 2
        r6 = r0
        r1 = map_idx(0) ll
        r2 = r10
        r2 += -8
        r3 = r10
        r3 += -16
        r4 = 1
        call 2
        r7 = r0
        r1 = map_idx(0) ll
        r2 = r10
        r2 += -8
        call 1
        if r0 == 0 goto +1
        r6 = *(u64 *)(r0 + 0)
        r1 = map_idx(0) ll
        r2 = r10
        r2 += -8
        call 3
        r6 <<= 8
        r6 -= r7
        r0 += r6
        exit
    ";
    for (result, maps) in run(text, &defs) {
        assert_eq!(result, (9 << 8) + Errno::EEXIST.0 as u64);
        assert!(maps[0].is_empty());
    }
}

#[test]
fn per_cpu_maps_have_the_value_of_the_cpu_that_the_run_is_on() {
    let defs = [map_def(MapType::PercpuArray, 4, 8, 1)];
    let text = "
        *(u32 *)(r10 - 4) = 0
        r2 = r10
        r2 += -4
        r1 = map_idx(0) ll
        call 1
        if r0 == 0 goto +1
        *(u64 *)(r0 + 0) = 6
        r2 = r10
        r2 += -4
        r1 = map_idx(0) ll
        r3 = 0
        call 195
        if r0 == 0 goto +1
        *(u64 *)(r0 + 0) = 7
        r2 = r10
        r2 += -4
        r1 = map_idx(0) ll
        r3 = 2
        call 195
        r6 = 1
        if r0 != 0 goto +1
        r6 = 0
        call 8
        r0 <<= 1
        r0 += r6
        exit
    ";
    for (result, maps) in run(text, &defs) {
        assert_eq!(result, 1 << 1, "CPU 1, and no CPU 2");
        let both: Vec<u8> = [7_u64, 6].iter().flat_map(|value| value.to_ne_bytes()).collect();
        assert_eq!(maps[0].read(&[0; 4]).unwrap(), both);
    }
}

#[test]
fn queues_fill_memory_wherever_it_is() {
    let defs = [map_def(MapType::Queue, 0, 8, 2), map_def(MapType::Array, 4, 16, 1)];
    let text = "
        *(u64 *)(r10 - 8) = 11
        r1 = map_idx(0) ll
        r2 = r10
        r2 += -8
        r3 = 0
        call 87
        *(u64 *)(r10 - 8) = 0
        r1 = map_idx(0) ll
        r2 = r10
        r2 += -8
        call 89
        r6 = *(u64 *)(r10 - 8)
        r1 = map_idx(0) ll
        r2 = map_idx_value(1, 8) ll
        call 88
        r1 = map_idx(0) ll
        r2 = map_idx_value(1, 0) ll
        call 88
        r6 <<= 8
        r6 -= r0
        r0 = r6
        exit
    ";
    for (result, maps) in run(text, &defs) {
        assert_eq!(result, (11 << 8) + Errno::ENOENT.0 as u64);
        let value: Vec<u8> = [0_u64, 11].iter().flat_map(|word| word.to_ne_bytes()).collect();
        assert_eq!(
            maps[1].read(&[0; 4]).unwrap(),
            value,
            "popped into the value, and zeroes when there was none"
        );
    }
}

#[test]
fn ring_buffers_take_records_reserved_and_copied() {
    let defs = [map_def(MapType::Array, 4, 8, 1), map_def(MapType::Ringbuf, 0, 0, 4096)];
    let text = "
        r1 = map_idx(1) ll
        r2 = 8
        r3 = 0
        call 131
        if r0 == 0 goto +4
        *(u64 *)(r0 + 0) = 1
        r1 = r0
        r2 = 0
        call 132
        r1 = map_idx(1) ll
        r2 = 8
        r3 = 0
        call 131
        if r0 == 0 goto +3
        r1 = r0
        r2 = 0
        call 133
        *(u64 *)(r10 - 8) = 2
        r1 = map_idx(1) ll
        r2 = r10
        r2 += -8
        r3 = 8
        r4 = 0
        call 130
        r6 = r0
        r1 = map_idx(1) ll
        r2 = 0
        call 134
        r0 += r6
        exit
    ";
    for (result, maps) in run(text, &defs) {
        assert_eq!(result, 3 * 16, "three records with headers are not consumed");
        let mut records = Vec::new();
        maps[1].drain(|record| records.push(record.to_vec())).unwrap();
        assert_eq!(records, [1_u64.to_ne_bytes(), 2_u64.to_ne_bytes()]);
    }
}

const TAIL_CALL: &str = "
    r2 = map_idx(0) ll
    r3 = 1
    call 12
";

#[test]
fn a_tail_call_ends_the_caller_with_the_targets_result() {
    let defs = [map_def(MapType::ProgArray, 4, 4, 2), map_def(MapType::Array, 4, 8, 1)];
    // Engines may be mixed: programs of both kinds call each other.
    for &caller in engines() {
        for &callee in engines() {
            let maps = make_maps(&defs);
            let mut lab = Lab::default();
            let target = "r1 = map_idx_value(1, 0) ll\nr2 = 1\nlock *(u64 *)(r1 + 0) += r2\nr0 = 3\nexit";
            lab.programs.insert(9, Arc::new(xdp(target, &defs, &maps, callee)));
            let text = format!("r6 = r1\n{TAIL_CALL}\nr0 = 2\nexit");
            let program = xdp(&text, &defs, &maps, caller);
            assert_eq!(program.run(&mut lab, &mut packet()), Ok(2), "an empty slot is fallen through");
            maps[0].set_prog(1, 9).unwrap();
            assert_eq!(program.run(&mut lab, &mut packet()), Ok(3));
            assert_eq!(maps[1].read(&[0; 4]).unwrap()[0], 1);

            // Out of a function of the program, the result is that function's.
            let text = format!("call pc+2\nr0 += 10\nexit\n{TAIL_CALL}\nr0 = 2\nexit");
            let program = program_of_kind(ProgType::Xdp, &text, &defs, &maps, caller);
            assert_eq!(program.run(&mut lab, &mut packet()), Ok(13));

            // A program of another kind is none.
            let other = program_of_kind(ProgType::SchedCls, "r0 = 5\nexit", &defs, &maps, callee);
            lab.programs.insert(9, Arc::new(other));
            assert_eq!(program.run(&mut lab, &mut packet()), Ok(12));
        }
    }
}

fn program_of_kind(
    kind: ProgType,
    text: &str,
    defs: &[MapDef],
    maps: &[Arc<Map>],
    engine: Engine,
) -> Executable<Lab> {
    compile(program(kind, parse(text), defs), None, maps, engine)
        .unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn tail_calls_are_counted_over_the_whole_run() {
    let defs = [map_def(MapType::ProgArray, 4, 4, 2), map_def(MapType::Array, 4, 8, 1)];
    for &engine in engines() {
        let maps = make_maps(&defs);
        let mut lab = Lab::default();
        let count = "r6 = r1\nr1 = map_idx_value(1, 0) ll\nr2 = 1\nlock *(u64 *)(r1 + 0) += r2\nr1 = r6\n";
        let program = Arc::new(xdp(&format!("{count}{TAIL_CALL}\nr0 = 2\nexit"), &defs, &maps, engine));
        lab.programs.insert(9, program.clone());
        maps[0].set_prog(1, 9).unwrap();
        for run in 1..=2 {
            assert_eq!(program.run(&mut lab, &mut packet()), Ok(2));
            let ran = maps[1].read(&[0; 4]).unwrap();
            assert_eq!(ran, u64::from(run * (1 + MAX_TAIL_CALLS)).to_ne_bytes());
        }
    }
}

#[test]
fn what_a_program_calls_must_be_there() {
    let verified = |text: &str, defs: &[MapDef]| {
        let program = Arc::new(program(ProgType::Xdp, parse(text), defs));
        skep_verify::verify(program, &skep_verify::Options::default()).expect("verified")
    };
    let message = |text: &str, defs: &[MapDef], maps: &[Arc<Map>], functions: &Functions<Lab>| {
        let result = Executable::compile(&verified(text, defs), maps, functions, Engine::Interp);
        result.err().map(|error| error.to_string())
    };
    let clock = "call 5\nr0 = 2\nexit";
    let missing = message(clock, &[], &[], &Functions::with_standard());
    assert_eq!(missing.as_deref(), Some("instruction 0: `bpf_ktime_get_ns` is not implemented here"));
    assert_eq!(message(clock, &[], &[], &functions()), None);

    let lookup = "r1 = map_idx(0) ll\nr2 = 0\nr0 = 2\nexit";
    let defs = [map_def(MapType::Hash, 4, 8, 4)];
    assert_eq!(
        message(lookup, &defs, &[], &functions()).as_deref(),
        Some("instruction 0: no map 0 was given")
    );
    for other in
        [map_def(MapType::Hash, 4, 4, 4), map_def(MapType::Hash, 4, 8, 3), map_def(MapType::LruHash, 4, 8, 4)]
    {
        let error = message(lookup, &defs, &make_maps(&[other]), &functions()).expect("an error");
        assert!(error.starts_with("map 0: expected hash with keys of 4"), "{error}");
    }
    assert_eq!(message(lookup, &defs, &make_maps(&[map_def(MapType::Hash, 4, 8, 5)]), &functions()), None);
}

#[test]
fn one_executable_runs_on_many_threads() {
    let defs = [map_def(MapType::Array, 4, 8, 1)];
    let text = "r1 = map_idx_value(0, 0) ll\nr2 = 1\nlock *(u64 *)(r1 + 0) += r2\nr0 = 2\nexit";
    for &engine in engines() {
        let maps = make_maps(&defs);
        let executable = xdp(text, &defs, &maps, engine);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let (mut lab, mut context) = (Lab::default(), packet());
                    for _ in 0..10_000 {
                        assert_eq!(executable.run(&mut lab, &mut context), Ok(2));
                    }
                });
            }
        });
        assert_eq!(maps[0].read(&[0; 4]).unwrap(), 20_000_u64.to_ne_bytes());
    }
}

#[test]
fn frozen_data_is_what_was_verified_and_stays_so() {
    use skep_abi::MapFlags;
    use skep_obj::{Data, MapInit};
    let def = MapDef { flags: MapFlags::RDONLY_PROG, ..map_def(MapType::Array, 4, 8, 1) };
    // The verifier knows the number, so that the access behind it is in bounds.
    let text = "r1 = map_idx_value(0, 0) ll\nr2 = *(u64 *)(r1 + 0)\nr3 = r10\nr3 += r2\n*(u64 *)(r3 + 0) = 5\n\
                r0 = *(u64 *)(r10 - 16)\nr0 += r2\nexit";
    for &engine in engines() {
        let mut program = program(ProgType::Xdp, parse(text), &[def]);
        let data = Data { bytes: (-16_i64).to_ne_bytes().to_vec(), frozen: true };
        let specs: Vec<_> = program.maps.iter().cloned().collect();
        program.maps = specs
            .into_iter()
            .map(|spec| skep_obj::MapSpec { init: MapInit::Data(data.clone()), ..spec })
            .collect();
        let maps = make_maps(&[def]);
        let error = compile(program.clone(), None, &maps, engine).expect_err("other data");
        assert_eq!(error, "map 0: expected the frozen data that the program was verified with");
        maps[0].write(&[0; 4], &data.bytes, 0).unwrap();
        let executable = compile(program, None, &maps, engine).expect("the same data");
        maps[0].write(&[0; 4], &4096_u64.to_ne_bytes(), 0).unwrap();
        assert_eq!(executable.run(&mut Lab::default(), &mut packet()), Ok((5 - 16_i64) as u64));
    }
}
