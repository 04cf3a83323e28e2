//! The part of a large XDP packet that lies outside its first buffer: pages that no program can point into.
//!
//! Programs reach it by `bpf_xdp_load_bytes` and `bpf_xdp_store_bytes`, and change its length at the end only.
//! Source: `bpf_prog_test_run_xdp` of net/bpf/test_run.c, `bpf_xdp_frags_increase_tail` and
//! `bpf_xdp_frags_shrink_tail` of net/core/filter.c, Linux 6.18.

use skep_abi::Errno;

/// Bytes of a page, which is what a fragment can grow to.
const PAGE: usize = 4096;
/// Most fragments of a packet (`MAX_SKB_FRAGS`).
pub(crate) const FRAGMENTS_MAX: usize = 17;

/// The fragments of a packet, in order; none are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fragments {
    pages: Vec<Vec<u8>>,
}

impl Fragments {
    /// Fragments of these bytes. `ENOMEM` for more than [`FRAGMENTS_MAX`] pages of them.
    pub(crate) fn new(bytes: &[u8]) -> Result<Fragments, Errno> {
        if bytes.len() > FRAGMENTS_MAX * PAGE {
            return Err(Errno::ENOMEM);
        }
        Ok(Fragments { pages: bytes.chunks(PAGE).map(<[u8]>::to_vec).collect() })
    }

    /// Bytes of all of them.
    pub(crate) fn len(&self) -> usize {
        self.pages.iter().map(Vec::len).sum()
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// Their bytes, in order.
    pub(crate) fn bytes(&self) -> impl Iterator<Item = &u8> {
        self.pages.iter().flatten()
    }

    /// Their bytes, in order, to be written.
    pub(crate) fn bytes_mut(&mut self) -> impl Iterator<Item = &mut u8> {
        self.pages.iter_mut().flatten()
    }

    /// Appends zeroes to the last one. `EINVAL` if its page has no room for them.
    pub(crate) fn grow(&mut self, count: usize) -> Result<(), Errno> {
        let last = self.pages.last_mut().ok_or(Errno::EINVAL)?;
        let len = last.len() + count;
        if len > PAGE {
            return Err(Errno::EINVAL);
        }
        last.resize(len, 0);
        Ok(())
    }

    /// Takes bytes off the end; returns how many of them there were not.
    pub(crate) fn shrink(&mut self, mut count: usize) -> usize {
        while let Some(last) = self.pages.last_mut() {
            if last.len() > count {
                last.truncate(last.len() - count);
                return 0;
            }
            count -= last.len();
            self.pages.pop();
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_moves_within_the_last_page_and_over_its_start() {
        let mut fragments = Fragments::new(&[1; PAGE + 10]).expect("two pages");
        assert_eq!(fragments.grow(PAGE - 9), Err(Errno::EINVAL));
        assert_eq!(fragments.grow(PAGE - 10), Ok(()));
        assert_eq!((fragments.len(), fragments.bytes().last()), (2 * PAGE, Some(&0)));
        assert_eq!(fragments.shrink(PAGE + 1), 0);
        assert_eq!(fragments.len(), PAGE - 1);
        assert_eq!(fragments.shrink(PAGE + 2), 3);
        assert!(fragments.is_empty());
        assert_eq!(fragments.grow(1), Err(Errno::EINVAL));
    }

    #[test]
    fn there_are_so_many_pages() {
        assert_eq!(Fragments::new(&vec![0; FRAGMENTS_MAX * PAGE + 1]), Err(Errno::ENOMEM));
        assert!(Fragments::new(&[]).expect("no pages").is_empty());
    }
}
