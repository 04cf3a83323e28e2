//! Maps among a call's arguments: which kinds a function works on, and what finding an element in one gives.
//!
//! A map that is found in a map of maps is known by what all maps there have in common: it is named by the outer map's
//! index and [`INNER_MAP`].
//! Source: `check_map_func_compatibility`, `may_update_sockmap`, `record_func_map`, `mark_ptr_not_null_reg` of
//! kernel/bpf/verifier.c, Linux 6.18.

use skep_abi::{Effect, MapFlags, MapType, ProgType, SocketKind};
use skep_isa::Reg;
use skep_obj::MapSpec;

use super::Call;
use crate::error::Reason;
use crate::explore::{CallMap, Explorer};
use crate::state::State;
use crate::value::{Kind, Value};

/// In a map's index: not that map, but those that are its values.
pub(crate) const INNER_MAP: u32 = 1 << 31;

/// `BPF_F_INNER_MAP`: arrays of other lengths may be there too.
const ANY_LENGTH: MapFlags = MapFlags(1 << 12);

/// Kinds of program in which a map of sockets may be changed by key: nothing there holds the lock of a socket.
const CHANGES_SOCKETS: &[ProgType] = &[
    ProgType::SocketFilter,
    ProgType::SchedCls,
    ProgType::SchedAct,
    ProgType::Xdp,
    ProgType::SkReuseport,
    ProgType::FlowDissector,
    ProgType::SkLookup,
];

/// Whether the values of a map of this kind are maps.
const fn holds_maps(map_type: MapType) -> bool {
    matches!(map_type, MapType::ArrayOfMaps | MapType::HashOfMaps)
}

/// Whether the values of a map of this kind are sockets.
const fn holds_sockets(map_type: MapType) -> bool {
    matches!(map_type, MapType::Sockmap | MapType::Sockhash)
}

impl<'a> Explorer<'a> {
    /// What a map was declared as, or those that are found in it.
    pub(crate) fn map_spec(&self, map: u32) -> Option<&'a MapSpec> {
        let outer = self.program.maps.get((map & !INNER_MAP) as usize)?;
        if map & INNER_MAP == 0 { Some(outer) } else { outer.inner.as_deref() }
    }

    /// A map that a function is to work on.
    pub(super) fn map_argument(
        &mut self,
        at: usize,
        call: &mut Call,
        reg: Reg,
        value: &Value,
        kinds: &[MapType],
    ) -> Result<(), Reason> {
        let function = call.function;
        let Kind::Map(map) = value.kind else {
            return Err(call.wrong(reg, "map_ptr", self.describe(value)));
        };
        if value.nullable {
            return Err(call.wrong(
                reg,
                "a map that is not null: compare it with 0 first",
                self.describe(value),
            ));
        }
        let def = self.map(map)?;
        if !kinds.is_empty() && !kinds.contains(&def.map_type) {
            let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
            let what = format!(
                "cannot pass map_type {} into func {}: expected one of {}",
                def.map_type,
                function.name,
                names.join(", ")
            );
            return Err(Reason::Forbidden { register: reg.0, what });
        }
        if function.has(Effect::WritesMap) {
            self.map_allows(map, reg.0, true)?;
            if holds_sockets(def.map_type) && !self.changes_sockets(function.name) {
                let what = format!("cannot update sockmap in this context: {}", function.name);
                return Err(Reason::Forbidden { register: reg.0, what });
            }
        }
        if call.special.timer_map.is_some_and(|timer| timer != (map, value.found_by)) {
            let expected = "the map whose value has the timer: timer pointer in R1 doesn't match map pointer";
            return Err(call.wrong(reg, expected, self.describe(value)));
        }
        let seen = self.call_maps.entry(at).or_insert(CallMap::One(map));
        if *seen != CallMap::One(map) {
            *seen = CallMap::Several;
        }
        call.map = Some(map);
        call.map_found_by = value.found_by;
        Ok(())
    }

    /// Whether the program may change maps of sockets.
    fn changes_sockets(&self, function: &str) -> bool {
        match self.program.prog_type {
            ProgType::Tracing => self.program.attach_type == skep_abi::AttachType::TRACE_ITER,
            // The program may run while the socket is closed, which takes it out of its maps.
            ProgType::SockOps => function == "bpf_map_delete_elem",
            kind => CHANGES_SOCKETS.contains(&kind),
        }
    }

    /// Whether the value of a map is given as a socket.
    pub(super) fn value_is_socket(&self, call: &Call) -> bool {
        call.map.and_then(|map| self.map(map).ok()).is_some_and(|def| holds_sockets(def.map_type))
    }

    /// Whether a constant key below the map's size is sure to be found.
    pub(super) fn finds_every_index(&self, map: u32, function: &skep_abi::Function) -> Result<bool, Reason> {
        let def = self.map(map)?;
        Ok(function.has(Effect::FindsIndex)
            && matches!(def.map_type, MapType::Array | MapType::PercpuArray)
            && !def.flags.contains(ANY_LENGTH))
    }

    /// What finding an element gives.
    pub(super) fn found_element(
        &mut self,
        at: usize,
        call: &Call,
        state: &mut State,
    ) -> Result<Value, Reason> {
        let map = call.map.unwrap_or_default();
        let def = self.map(map)?;
        let lookup = call.function.has(Effect::FindsIndex);
        if lookup && holds_maps(def.map_type) {
            let Some(inner) = self.map_spec(map | INNER_MAP).filter(|_| map & INNER_MAP == 0) else {
                let what = format!("a map of kind {} that does not say what it holds", def.map_type);
                return Err(Reason::Unsupported { what });
            };
            if inner.inner.is_some() {
                let what = "maps of maps of maps".to_owned();
                return Err(Reason::Unsupported { what });
            }
            let id = self.new_id();
            let found_by = if self.names_its_map(map | INNER_MAP) { id } else { 0 };
            return Ok(Value { found_by, ..Value::pointer(Kind::Map(map | INNER_MAP)) }.or_null(id));
        }
        if lookup && holds_sockets(def.map_type) {
            return Ok(self.found_socket(at, SocketKind::Full, true, state));
        }
        if lookup && def.map_type == MapType::Xskmap {
            return Ok(self.found_socket(at, SocketKind::Xdp, false, state));
        }
        let value = Value { found_by: call.map_found_by, ..Value::pointer(Kind::MapValue { map }) };
        // The lock in one value is not that in another.
        Ok(if self.may_be_locked(&value) { Value { id: self.new_id(), ..value } } else { value })
    }
}
