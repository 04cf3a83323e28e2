//! What hosts answer to user space: errors of maps, program arrays and runs.

use skep_abi::{AttachType, MapDef, MapFlags, MapType};
use skep_host::{Host, LoadOptions, TestRun};
use skep_isa::{Insn, Reg};
use skep_linux::LinuxHost;
use skep_obj::Program;
use skep_user::{UserConfig, UserHost};

use crate::code::{Code, array, field_map, program, with_maps};
use crate::{FILTER, XDP};

/// What hosts answer to user space, as words: done, absent, or the error number.
fn answer<T>(result: Result<Option<T>, skep_host::HostError>) -> String {
    match result {
        Ok(Some(_)) => "done".to_owned(),
        Ok(None) => "absent".to_owned(),
        Err(error) => error.errno().map_or_else(|| error.to_string(), |errno| format!("{errno:?}")),
    }
}

fn done(result: Result<(), skep_host::HostError>) -> String {
    answer(result.map(Some))
}

/// A conversation of user space with a host, as the host's answers.
fn conversation(host: &mut dyn Host) -> Vec<(&'static str, String)> {
    let options = LoadOptions::default();
    let make = |host: &mut dyn Host, def| host.create_map(&field_map("m", def), None).expect("a map");
    let returns = |kind| program("returns", kind, &[Insn::mov_imm(Reg::R0, 0), Insn::exit()]);
    let (key, value) = ([0; 4], [1; 8]);
    let mut said = Vec::new();

    let data = make(host, array(4, 8, 2));
    said.push(("delete from an array", done(host.delete(data, &key))));
    said.push(("update behind its end", done(host.update(data, &[9, 0, 0, 0], &value, 0))));
    said.push(("update what is there", done(host.update(data, &key, &value, 1))));
    said.push(("look up behind its end", answer(host.lookup(data, &[9, 0, 0, 0]))));
    said.push(("freeze", done(host.freeze(data))));
    said.push(("freeze again", done(host.freeze(data))));
    said.push(("update a frozen map", done(host.update(data, &key, &value, 0))));
    said.push(("delete from a frozen map", done(host.delete(data, &key))));
    said.push(("look up in a frozen map", answer(host.lookup(data, &key))));
    said.push(("last key", answer(host.next_key(data, Some(&[1, 0, 0, 0])))));

    let write_only = make(host, MapDef { flags: MapFlags::WRONLY, ..array(4, 8, 1) });
    said.push(("look up in a write-only map", answer(host.lookup(write_only, &key))));
    said.push(("keys of a write-only map", answer(host.next_key(write_only, None))));
    said.push(("update a write-only map", done(host.update(write_only, &key, &value, 0))));
    let read_only = make(host, MapDef { flags: MapFlags::RDONLY, ..array(4, 8, 1) });
    said.push(("update a read-only map", done(host.update(read_only, &key, &value, 0))));
    said.push(("freeze a read-only map", done(host.freeze(read_only))));

    let programs = make(host, MapDef { map_type: MapType::ProgArray, ..array(4, 4, 2) });
    let xdp = host.load(&returns(XDP), &[], &options).expect("a program").0;
    let filter = host.load(&returns(FILTER), &[], &options).expect("a program").0;
    said.push(("an empty slot", answer(host.lookup(programs, &key))));
    said.push(("a program", done(host.set_program(programs, 0, xdp))));
    said.push(("a program of another kind", done(host.set_program(programs, 1, filter))));
    said.push(("a slot behind the end", done(host.set_program(programs, 2, xdp))));
    said.push(("a full slot", answer(host.lookup(programs, &key))));
    said.push(("empty it", done(host.delete(programs, &key))));
    said.push(("empty it again", done(host.delete(programs, &key))));
    said.push(("still of one kind", done(host.set_program(programs, 1, filter))));
    let jumps = Code::new().add([Insn::mov_reg(Reg::R1, Reg::R6)]).add(Insn::map_idx(Reg::R2, 0));
    let jumps = jumps.set(Reg::R3, 0).call_void("bpf_tail_call").set(Reg::R0, 0).add([Insn::exit()]).0;
    for (name, kind) in [("a caller of this kind", XDP), ("a caller of another kind", FILTER)] {
        let def = MapDef { map_type: MapType::ProgArray, ..array(4, 4, 2) };
        let caller = with_maps(program("jumps", kind, &jumps), vec![field_map("m", def)]);
        said.push((name, answer(host.load(&caller, &[programs], &options).map(Some))));
    }
    for (name, attach_type) in [("for devices", AttachType::XDP_DEVMAP), ("for all", AttachType::XDP)] {
        let prog = Program { attach_type, ..returns(XDP) };
        let prog = host.load(&prog, &[], &options).expect("a program").0;
        let run = TestRun { data: &[0; 60], ..TestRun::default() };
        said.push((name, answer(host.test_run(prog, &run).map(Some))));
    }
    said
}

#[test]
fn hosts_answer_user_space_alike() {
    need_linux!();
    let user = conversation(&mut UserHost::new(UserConfig::default()));
    assert_eq!(user, conversation(&mut LinuxHost::new()));
}
