//! Which maps a program may load at all, whatever it does with them.
//! What the values hold is checked where their fields are read.
//! Source: `check_map_prog_compatibility`, `resolve_pseudo_ldimm64` of kernel/bpf/verifier.c, Linux 6.18.

use skep_abi::MapType;
use skep_isa::{Op, Wide};
use skep_obj::{ProgFlags, Program};

use crate::error::Reason;
use crate::level::Level;
use crate::options::Privileges;

/// Most maps that a program loads (`MAX_USED_MAPS`).
const MAX_MAPS: usize = 64;

/// Kinds of map that sleepable programs may use: those whose elements stay while the program sleeps.
const SLEEPABLE: &[MapType] = &[
    MapType::Hash,
    MapType::LruHash,
    MapType::Array,
    MapType::PercpuHash,
    MapType::PercpuArray,
    MapType::LruPercpuHash,
    MapType::ArrayOfMaps,
    MapType::HashOfMaps,
    MapType::Ringbuf,
    MapType::UserRingbuf,
    MapType::InodeStorage,
    MapType::SkStorage,
    MapType::TaskStorage,
    MapType::CgrpStorage,
    MapType::Queue,
    MapType::Stack,
    MapType::Arena,
];

/// Checks the maps that a program loads; the error is at the instruction that loads the one it is about.
pub(crate) fn check(program: &Program, privileges: Privileges, linux: Level) -> Result<(), (usize, Reason)> {
    let sleepable = program.flags.contains(ProgFlags::SLEEPABLE);
    // The one map of each of the two kinds of storage at cgroups.
    let mut storages: [Option<usize>; 2] = [None; 2];
    let mut arena = None;
    let mut loaded = vec![false; program.maps.len()];
    let mut count = 0;
    for (at, insn) in program.insns.iter().enumerate() {
        if !matches!(insn.op(), Op::Wide(Wide::MapIdx | Wide::MapIdxValue)) {
            continue;
        }
        let index = insn.wide_halves().0 as u32 as usize;
        let Some(map) = program.maps.get(index) else { continue };
        let refuse = |why: String| Err((at, Reason::BadOperand { why }));
        count += usize::from(!std::mem::replace(&mut loaded[index], true));
        if count > MAX_MAPS {
            return refuse(format!(
                "The total number of maps per program has reached the limit of {MAX_MAPS}"
            ));
        }
        let name = &map.name;
        let kind = map.def.map_type;
        linux
            .requires(kind.since(), || format!("the kind of map `{name}`, {kind},"))
            .map_err(|reason| (at, reason))?;
        if sleepable && !SLEEPABLE.contains(&map.def.map_type) {
            return refuse(format!(
                "map `{name}` is a {}: Sleepable programs can only use array, hash, ringbuf and local storage maps",
                map.def.map_type
            ));
        }
        let storage = match map.def.map_type {
            MapType::CgroupStorage => 0,
            MapType::PercpuCgroupStorage => 1,
            MapType::Arena if privileges != Privileges::All => {
                return refuse(format!("map `{name}`: CAP_BPF and CAP_PERFMON are required to use arena"));
            }
            MapType::Arena if *arena.get_or_insert(index) != index => {
                return refuse(format!("map `{name}`: Only one arena per program"));
            }
            MapType::StructOps => {
                return refuse(format!("map `{name}`: bpf_struct_ops map cannot be used in prog"));
            }
            _ => continue,
        };
        if *storages[storage].get_or_insert(index) != index {
            return refuse(format!("map `{name}`: only one cgroup storage of each type is allowed"));
        }
    }
    Ok(())
}
