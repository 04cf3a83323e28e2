//! The objects of a host: maps and programs, by ids that are never used twice.

use std::collections::BTreeMap;
use std::sync::Arc;

use skep_abi::{AttachType, Errno, MapFlags, MapType, ProgType};
use skep_host::HostError;
use skep_map::Map;

/// A map of the host.
#[derive(Debug)]
pub(crate) struct MapObject {
    pub(crate) name: String,
    pub(crate) map: Arc<Map>,
    /// Whether user space may not write any more.
    pub(crate) frozen: bool,
    /// For program arrays: the kind of the programs that use it or are in it, once there is one.
    pub(crate) programs: Option<ProgType>,
}

/// A program of the host; its executable is where the world finds it, by the same id.
#[derive(Debug)]
pub(crate) struct ProgObject {
    pub(crate) name: String,
    pub(crate) prog_type: ProgType,
    pub(crate) attach_type: AttachType,
    /// For programs of kind `unspec`: the least memory that they may be given, in bytes.
    pub(crate) memory: u32,
}

/// All objects of one sort.
#[derive(Debug)]
pub(crate) struct Table<T> {
    objects: BTreeMap<u32, T>,
    last: u32,
}

impl<T> Default for Table<T> {
    fn default() -> Table<T> {
        Table { objects: BTreeMap::new(), last: 0 }
    }
}

impl<T> Table<T> {
    /// Takes an object in, and gives it an id, from 1 on; `None` when there are no more.
    pub(crate) fn insert(&mut self, object: T) -> Option<u32> {
        self.last = self.last.checked_add(1)?;
        self.objects.insert(self.last, object);
        Some(self.last)
    }

    pub(crate) fn get(&self, id: u32) -> Option<&T> {
        self.objects.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: u32) -> Option<&mut T> {
        self.objects.get_mut(&id)
    }

    /// The id that the next object will get.
    pub(crate) fn next_id(&self) -> u32 {
        self.last.saturating_add(1)
    }
}

/// What user space wants of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

impl MapObject {
    /// Whether user space may do this: `EPERM` by the map's flags, or because it is frozen.
    pub(crate) fn allows(&self, access: Access, what: &str) -> Result<&Map, HostError> {
        let (flag, reason) = match access {
            Access::Read => (MapFlags::WRONLY, "it is write-only for user space"),
            Access::Write => (MapFlags::RDONLY, "it is read-only for user space"),
        };
        let why = if self.map.def().flags.contains(flag) {
            reason
        } else if access == Access::Write && self.frozen {
            "it is frozen"
        } else {
            return Ok(&self.map);
        };
        Err(self.refusal(what, Errno::EPERM, Some(why)))
    }

    /// Makes it an array of programs of this kind; whether it isn't one of another kind already.
    pub(crate) fn take_programs(&mut self, prog_type: ProgType) -> bool {
        *self.programs.get_or_insert(prog_type) == prog_type
    }

    pub(crate) fn is_program_array(&self) -> bool {
        self.map.def().map_type == MapType::ProgArray
    }

    /// An error in doing something with this map, such as `look up in`.
    pub(crate) fn refusal(&self, what: &str, errno: Errno, why: Option<&str>) -> HostError {
        HostError::Errno { what: format!("{what} map `{}`", self.name), errno, why: why.map(str::to_owned) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_start_at_one_and_end() {
        let mut table = Table::default();
        assert_eq!((table.next_id(), table.insert('a'), table.insert('b')), (1, Some(1), Some(2)));
        table.last = u32::MAX - 1;
        assert_eq!((table.insert('c'), table.insert('d')), (Some(u32::MAX), None));
        assert_eq!((table.get(2), table.get(3)), (Some(&'b'), None));
    }
}
