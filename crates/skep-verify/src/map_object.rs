//! Maps as objects of the kernel: what a program reads of a map itself, its limits and flags, through a pointer to it.
//!
//! What is found there is of the structure that the map's kind has in the kernel, which begins with `struct bpf_map`.
//! Source: `check_ptr_to_map_access` of kernel/bpf/verifier.c, the `map_btf_id` of the kinds of map, Linux 6.18.

use skep_abi::MapType;
use skep_isa::{Insn, Reg, Size};

use crate::domain::Scalar;
use crate::error::Reason;
use crate::explore::Explorer;
use crate::object::Found;
use crate::value::{Flags, Types, Value};

/// The structure of the kernel's that maps of a kind are; `None` for kinds that have none of their own.
const fn structure(map_type: MapType) -> Option<&'static str> {
    Some(match map_type {
        MapType::Array
        | MapType::PercpuArray
        | MapType::ProgArray
        | MapType::PerfEventArray
        | MapType::CgroupArray
        | MapType::ArrayOfMaps => "bpf_array",
        MapType::Hash
        | MapType::PercpuHash
        | MapType::LruHash
        | MapType::LruPercpuHash
        | MapType::HashOfMaps => "bpf_htab",
        MapType::SkStorage | MapType::InodeStorage | MapType::TaskStorage | MapType::CgrpStorage => {
            "bpf_local_storage_map"
        }
        MapType::CgroupStorage | MapType::PercpuCgroupStorage => "bpf_cgroup_storage_map",
        MapType::Queue | MapType::Stack => "bpf_queue_stack",
        MapType::Devmap | MapType::DevmapHash => "bpf_dtab",
        MapType::Cpumap => "bpf_cpu_map",
        MapType::Ringbuf | MapType::UserRingbuf => "bpf_ringbuf_map",
        MapType::BloomFilter => "bpf_bloom_filter",
        MapType::LpmTrie => "lpm_trie",
        MapType::ReuseportSockarray => "reuseport_array",
        MapType::StackTrace => "bpf_stack_map",
        MapType::Sockmap => "bpf_stab",
        MapType::Sockhash => "bpf_shtab",
        MapType::Xskmap => "xsk_map",
        MapType::StructOps => "bpf_struct_ops_map",
        MapType::Arena => "bpf_arena",
        _ => return None,
    })
}

impl Explorer<'_> {
    /// What a load through a pointer to a map finds.
    pub(crate) fn load_map(
        &mut self,
        insn: &Insn,
        reg: Reg,
        pointer: &Value,
        map: u32,
        size: Size,
    ) -> Result<Value, Reason> {
        let refuse = |what: String| Err(Reason::Forbidden { register: reg.0, what });
        let map_type = self.map(map)?.map_type;
        let Some(name) = structure(map_type) else {
            return refuse(format!("map_ptr access not supported for map type {map_type}"));
        };
        let off = i64::from(pointer.off) + i64::from(insn.off);
        if off < 0 {
            return refuse(format!("R{} is {name} invalid negative access: off={off}", reg.0));
        }
        let object = self.kernel_object(name, Flags::NONE)?;
        let mut flags = Flags::NONE;
        Ok(match self.object_at(reg, &object, off, i64::from(size.bytes()), &mut flags)? {
            Found::Number | Found::Structure(_) => Value::scalar(Scalar::of_bits(size.bits())),
            Found::Bytes => Value::unknown_bytes(),
            Found::Pointer { ty, .. } => Value::object(Types::Kernel, ty, flags),
        })
    }
}
