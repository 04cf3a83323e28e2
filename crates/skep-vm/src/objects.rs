//! Objects that an application lends to programs, by handle.
//!
//! Programs hold a number, not an address: what they pass back is looked up, and a handle of an object that is gone
//! finds nothing, even if another object has taken its place. So functions need trust neither programs nor the
//! verifier to be safe.

use crate::typed::Handle;

/// Most objects of a table.
pub const MAX_OBJECTS: usize = 1 << 20;

/// A place of a table.
struct Place<T> {
    /// How many objects it has had: part of their handles. Never 0.
    generation: u32,
    object: Option<T>,
}

/// Objects of one type, by handle.
///
/// ```
/// let mut names = skep_vm::Objects::new();
/// let first = names.insert("first").expect("room");
/// assert_eq!(names.get(first), Some(&"first"));
/// assert_eq!(names.remove(first), Some("first"));
/// names.insert("second").expect("room");
/// assert_eq!(names.get(first), None);
/// ```
pub struct Objects<T> {
    places: Vec<Place<T>>,
    free: Vec<u32>,
}

impl<T> Objects<T> {
    /// An empty table.
    pub const fn new() -> Objects<T> {
        Objects { places: Vec::new(), free: Vec::new() }
    }

    /// Adds an object; `None` if there are [`MAX_OBJECTS`].
    pub fn insert(&mut self, object: T) -> Option<Handle<T>> {
        let index = match self.free.pop() {
            Some(index) => index,
            None if self.places.len() < MAX_OBJECTS => {
                self.places.push(Place { generation: 0, object: None });
                self.places.len() as u32 - 1
            }
            None => return None,
        };
        let place = self.places.get_mut(index as usize)?;
        place.generation = place.generation.wrapping_add(1).max(1);
        place.object = Some(object);
        Some(Handle::new(u64::from(place.generation) << 32 | u64::from(index)))
    }

    /// The object of a handle, if it is still there.
    pub fn get(&self, handle: Handle<T>) -> Option<&T> {
        self.places.get(self.index(handle)?)?.object.as_ref()
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, handle: Handle<T>) -> Option<&mut T> {
        let index = self.index(handle)?;
        self.places.get_mut(index)?.object.as_mut()
    }

    /// Takes an object out.
    pub fn remove(&mut self, handle: Handle<T>) -> Option<T> {
        let index = self.index(handle)?;
        let object = self.places.get_mut(index)?.object.take();
        if object.is_some() {
            self.free.push(index as u32);
        }
        object
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The place of a handle, if the object there is the one that the handle was made for.
    fn index(&self, handle: Handle<T>) -> Option<usize> {
        let (generation, index) = ((handle.raw >> 32) as u32, handle.raw as u32 as usize);
        (self.places.get(index)?.generation == generation).then_some(index)
    }
}

impl<T> Default for Objects<T> {
    fn default() -> Objects<T> {
        Objects::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_no_handles_find_nothing() {
        let mut table = Objects::new();
        let handle = table.insert(7).expect("room");
        for raw in [0, 1, handle.raw + 1, handle.raw ^ 1 << 63, u64::MAX] {
            assert_eq!(table.get(Handle::new(raw)), None, "{raw:#x}");
            assert_eq!(table.remove(Handle::new(raw)), None, "{raw:#x}");
        }
        assert_eq!((table.len(), table.remove(handle), table.remove(handle)), (1, Some(7), None));
        assert!(table.is_empty());
    }
}
