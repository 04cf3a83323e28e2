//! Longest-prefix match: a binary trie with compressed paths, as Linux has it.
//!
//! A key is a prefix length in bits (a native `u32`) and data whose first byte is the most significant. A node stands
//! for a prefix; its children are longer ones. Nodes without a value are forks that only part two longer prefixes, and
//! always have two children.
//!
//! Lookups take no lock. An update puts a new value in the place of the old one, as on Linux, so a reader sees no
//! mixture, and an address a program holds keeps the old value until its memory is used again.
//! Source of the semantics: kernel/bpf/lpm_trie.c, Linux 6.18.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use skep_abi::{Errno, MapDef};

use crate::create::{LPM_DATA_MAX, LPM_PREFIX_LEN};
use crate::lock::SeqLock;
use crate::memory::{Budget, Stride, WORD, Words, words};
use crate::slab::Slab;
use crate::{BPF_EXIST, BPF_NOEXIST, MapError};

/// Words of a node before its data: both children, then prefix length and value.
const NODE_HEAD: usize = 2;

/// A trie.
pub(crate) struct Trie {
    def: MapDef,
    data_size: usize,
    lock: SeqLock,
    /// The root node, plus one.
    root: AtomicU32,
    len: AtomicU32,
    nodes: Words,
    node_words: usize,
    free_nodes: Slab,
    values: Words,
    value_words: usize,
    free_values: Slab,
    split: Stride,
}

/// A prefix: its length, and its data as numbers whose highest bit comes first.
struct Prefix<const W: usize> {
    len: u32,
    bits: [u64; W],
}

impl<const W: usize> Prefix<W> {
    #[inline]
    fn new(key: &[u8]) -> Option<Prefix<W>> {
        let (len, data) = key.split_first_chunk()?;
        let mut bits = [0; W];
        for (word, bytes) in bits.iter_mut().zip(data.chunks(WORD)) {
            *word = match bytes.try_into() {
                Ok(whole) => u64::from_be_bytes(whole),
                Err(_) => {
                    let value = bytes.iter().fold(0, |value, &byte| value << 8 | u64::from(byte));
                    value << (8 * (WORD - bytes.len()))
                }
            };
        }
        Some(Prefix { len: u32::from_ne_bytes(*len), bits })
    }

    /// The bit at this place, 0 behind the end.
    #[inline]
    fn bit(&self, at: u32) -> usize {
        let word = self.bits.get(at as usize / 64).unwrap_or(&0);
        (word >> (63 - at % 64) & 1) as usize
    }
}

/// Call a generic function with the key as a prefix of as many words as its kind of map needs.
macro_rules! with_prefix {
    ($map:expr, $key:expr, |$prefix:ident| $body:expr) => {
        match words($map.data_size as u32) {
            1 => match Prefix::<1>::new($key) {
                Some($prefix) => $body,
                None => Err(Errno::EINVAL),
            },
            2 => match Prefix::<2>::new($key) {
                Some($prefix) => $body,
                None => Err(Errno::EINVAL),
            },
            _ => match Prefix::<{ LPM_DATA_MAX as usize / WORD }>::new($key) {
                Some($prefix) => $body,
                None => Err(Errno::EINVAL),
            },
        }
    };
}

/// What holds a node: the root, or one side of another node.
#[derive(Clone, Copy)]
enum Link {
    Root,
    Child(Node, usize),
}

/// The number of a node.
type Node = u32;

impl Trie {
    pub(crate) fn new(def: &MapDef, budget: &mut Budget) -> Result<Trie, MapError> {
        let data_size = (def.key_size - LPM_PREFIX_LEN) as usize;
        let node_words = NODE_HEAD + words(data_size as u32);
        let value_words = words(def.value_size);
        // An entry needs a node and a value, and at most one fork. One value more lets a full trie replace one.
        let link = size_of::<AtomicU32>();
        let each = 2 * (node_words * WORD + link) + value_words * WORD + link;
        let entries = budget.affords(each).saturating_sub(1).min(def.max_entries as u64).min(1 << 30) as u32;
        Ok(Trie {
            def: *def,
            data_size,
            lock: SeqLock::default(),
            root: AtomicU32::new(0),
            len: AtomicU32::new(0),
            nodes: Words::new(2 * entries as u64 * node_words as u64, budget)?,
            node_words,
            free_nodes: Slab::new(2 * entries, budget)?,
            values: Words::new((entries as u64 + 1) * value_words as u64, budget)?,
            value_words,
            free_values: Slab::new(entries + 1, budget)?,
            split: Stride::new(value_words * WORD),
        })
    }

    pub(crate) fn len(&self) -> u32 {
        self.len.load(Relaxed)
    }

    /// Address of the value of the longest prefix that covers the key.
    #[inline]
    pub(crate) fn lookup(&self, key: &[u8]) -> Option<NonNull<u8>> {
        self.matched(key, |value| self.values.address(value))
    }

    /// Copy that value.
    pub(crate) fn read(&self, key: &[u8], out: &mut [u8]) -> Result<(), Errno> {
        self.matched(key, |value| self.values.load_bytes(value, out)).ok_or(Errno::ENOENT)
    }

    fn matched<T>(&self, key: &[u8], found: impl FnMut(usize) -> T) -> Option<T> {
        with_prefix!(self, key, |prefix| self.longest(&prefix, found).ok_or(Errno::ENOENT)).ok()
    }

    /// Find the longest match without a lock; `found` gets the place of its value, and may read it.
    #[inline]
    fn longest<const W: usize, T>(&self, key: &Prefix<W>, mut found: impl FnMut(usize) -> T) -> Option<T> {
        if key.len as usize > self.data_size * 8 {
            return None;
        }
        loop {
            let seen = self.lock.begin();
            let mut best = 0;
            let mut next = self.root.load(Relaxed);
            let mut reached = None;
            while let Some(node) = next.checked_sub(1) {
                let (len, value) = self.len_and_value(node);
                // Prefixes get longer on the way down. Where they don't, the trie is being changed, and following it
                // might never end.
                if reached.is_some_and(|reached| len <= reached) {
                    break;
                }
                reached = Some(len);
                if self.common(node, key) < len {
                    break;
                }
                if value != 0 {
                    best = value;
                }
                if len >= key.len {
                    break;
                }
                next = self.child(node, key.bit(len));
            }
            let result = best.checked_sub(1).map(|value| found(value as usize * self.value_words));
            if self.lock.unchanged(seen) {
                return result;
            }
        }
    }

    pub(crate) fn update(&self, key: &[u8], value: &[u8], flags: u64) -> Result<(), Errno> {
        if flags > BPF_EXIST {
            return Err(Errno::EINVAL);
        }
        with_prefix!(self, key, |prefix| self.update_prefix(&prefix, value, flags))
    }

    fn update_prefix<const W: usize>(&self, key: &Prefix<W>, value: &[u8], flags: u64) -> Result<(), Errno> {
        self.check_len(key)?;
        let mut writing = self.lock.lock();
        let (link, node, common) = self.walk(key, |_, _| ());
        let exact = node.filter(|&node| common == self.len_and_value(node).0 && common == key.len);
        let old = exact.map_or(0, |node| self.len_and_value(node).1);
        if old != 0 && flags == BPF_NOEXIST {
            return Err(Errno::EEXIST);
        }
        if old == 0 {
            if flags == BPF_EXIST {
                return Err(Errno::ENOENT);
            }
            if self.len.load(Relaxed) >= self.def.max_entries {
                return Err(Errno::ENOSPC);
            }
        }
        let new_value = self.free_values.take().ok_or(Errno::ENOMEM)?;
        writing.changed();
        self.values.store_bytes(new_value as usize * self.value_words, value);
        if let Some(node) = exact {
            // What stands behind the prefix in the data is part of the key that iteration shows.
            self.set_data(node, key);
            self.set_head(node, key.len, new_value + 1);
            if let Some(old) = old.checked_sub(1) {
                self.free_values.give(old);
                return Ok(());
            }
        } else if let Err(errno) = self.add_node(link, node, common, key, new_value + 1) {
            self.free_values.give(new_value);
            return Err(errno);
        }
        self.len.fetch_add(1, Relaxed);
        Ok(())
    }

    /// Put a new node into a link, above the node that is there or beside it.
    fn add_node<const W: usize>(
        &self,
        link: Link,
        there: Option<Node>,
        common: u32,
        key: &Prefix<W>,
        value: u32,
    ) -> Result<(), Errno> {
        let leaf = self.free_nodes.take().ok_or(Errno::ENOMEM)?;
        self.set_head(leaf, key.len, value);
        self.set_data(leaf, key);
        self.set_children(leaf, [0, 0]);
        match there {
            None => self.set_link(link, leaf + 1),
            Some(node) if common == key.len => {
                let mut children = [0, 0];
                children[self.data_bit(node, common)] = node + 1;
                self.set_children(leaf, children);
                self.set_link(link, leaf + 1);
            }
            Some(node) => {
                let Some(fork) = self.free_nodes.take() else {
                    self.free_nodes.give(leaf);
                    return Err(Errno::ENOMEM);
                };
                self.set_head(fork, common, 0);
                self.set_data(fork, key);
                let mut children = [node + 1; 2];
                children[key.bit(common)] = leaf + 1;
                self.set_children(fork, children);
                self.set_link(link, fork + 1);
            }
        }
        Ok(())
    }

    pub(crate) fn delete(&self, key: &[u8]) -> Result<(), Errno> {
        with_prefix!(self, key, |prefix| self.delete_prefix(&prefix))
    }

    fn delete_prefix<const W: usize>(&self, key: &Prefix<W>) -> Result<(), Errno> {
        self.check_len(key)?;
        let mut writing = self.lock.lock();
        let mut link_of_parent = Link::Root;
        let (link, node, common) = self.walk(key, |above, _| link_of_parent = above);
        let node = node.ok_or(Errno::ENOENT)?;
        let (len, value) = self.len_and_value(node);
        if len != key.len || common != len || value == 0 {
            return Err(Errno::ENOENT);
        }
        writing.changed();
        self.free_values.give(value - 1);
        self.len.fetch_sub(1, Relaxed);
        match [self.child(node, 0), self.child(node, 1)] {
            [0, 0] => {
                self.set_link(link, 0);
                // A fork with one child left has nothing to part: the child takes its place.
                if let Link::Child(parent, side) = link
                    && self.len_and_value(parent).1 == 0
                {
                    self.set_link(link_of_parent, self.child(parent, 1 - side));
                    self.free_nodes.give(parent);
                }
                self.free_nodes.give(node);
            }
            [0, only] | [only, 0] => {
                self.set_link(link, only);
                self.free_nodes.give(node);
            }
            _ => self.set_head(node, len, 0),
        }
        Ok(())
    }

    /// The key after this one, longer prefixes before the ones that cover them; the first if none is given or it is
    /// not in the trie.
    pub(crate) fn next_key(&self, key: Option<&[u8]>) -> Result<Vec<u8>, Errno> {
        let _writing = self.lock.lock();
        let root = self.root.load(Relaxed).checked_sub(1).ok_or(Errno::ENOENT)?;
        let node = match key {
            None => self.first_below(root),
            Some(key) => with_prefix!(self, key, |prefix| self.node_after(root, &prefix))?,
        };
        Ok(self.key_of(node))
    }

    fn node_after<const W: usize>(&self, root: Node, key: &Prefix<W>) -> Result<Node, Errno> {
        let mut path = Vec::new();
        let (_, node, common) = self.walk(key, |_, node| path.push(node));
        let known = node.filter(|&node| {
            let (len, value) = self.len_and_value(node);
            len == key.len && common == len && value != 0
        });
        let Some(mut node) = known else { return Ok(self.first_below(root)) };
        while let Some(parent) = path.pop() {
            let right = self.child(parent, 1);
            if right != 0 && right != node + 1 {
                return Ok(self.first_below(right - 1));
            }
            if self.len_and_value(parent).1 != 0 {
                return Ok(parent);
            }
            node = parent;
        }
        Err(Errno::ENOENT)
    }

    /// The first node in the order of iteration among this one and all below: never a fork, as forks have children.
    fn first_below(&self, mut node: Node) -> Node {
        loop {
            match [self.child(node, 0), self.child(node, 1)] {
                [0, 0] => return node,
                [0, only] => node = only - 1,
                [left, _] => node = left - 1,
            }
        }
    }

    /// Go down to where the key is or would be, with the lock held: the link, the node in it, and how many bits of
    /// that node the key shares. `passed` is told of each node passed, and the link that holds it.
    fn walk<const W: usize>(
        &self,
        key: &Prefix<W>,
        mut passed: impl FnMut(Link, Node),
    ) -> (Link, Option<Node>, u32) {
        let mut link = Link::Root;
        loop {
            let next = match link {
                Link::Root => self.root.load(Relaxed),
                Link::Child(node, side) => self.child(node, side),
            };
            let Some(node) = next.checked_sub(1) else { return (link, None, 0) };
            let (len, _) = self.len_and_value(node);
            let common = self.common(node, key);
            if common < len || len == key.len {
                return (link, Some(node), common);
            }
            passed(link, node);
            link = Link::Child(node, key.bit(len));
        }
    }

    /// Whether these bytes are inside one value, deleted or not.
    #[inline]
    pub(crate) fn value_memory(&self, addr: usize, len: usize) -> bool {
        let Some(offset) = addr.checked_sub(self.values.base()) else { return false };
        let (number, inside) = self.split.split(offset as u64);
        number < self.free_values.high() as u64
            && inside.checked_add(len as u64).is_some_and(|end| end <= self.def.value_size as u64)
    }

    fn check_len<const W: usize>(&self, key: &Prefix<W>) -> Result<(), Errno> {
        if key.len as usize > self.data_size * 8 { Err(Errno::EINVAL) } else { Ok(()) }
    }

    /// How many bits the node and the key have in common, at most as many as the shorter one has.
    #[inline]
    fn common<const W: usize>(&self, node: Node, key: &Prefix<W>) -> u32 {
        let limit = self.len_and_value(node).0.min(key.len);
        let data = &self.cells(node)[NODE_HEAD..];
        let mut common = 0;
        for (cell, word) in data.iter().zip(&key.bits) {
            let different = cell.load(Relaxed) ^ word;
            common += different.leading_zeros();
            if different != 0 || common >= limit {
                break;
            }
        }
        common.min(limit)
    }

    #[inline]
    fn cells(&self, node: Node) -> &[AtomicU64] {
        let at = node as usize * self.node_words;
        &self.nodes[at..at + self.node_words]
    }

    /// A child of a node, plus one.
    #[inline]
    fn child(&self, node: Node, side: usize) -> u32 {
        (self.cells(node)[0].load(Relaxed) >> (32 * side)) as u32
    }

    fn set_children(&self, node: Node, children: [u32; 2]) {
        let both = u64::from(children[0]) | u64::from(children[1]) << 32;
        self.cells(node)[0].store(both, Relaxed);
    }

    fn set_link(&self, link: Link, child: u32) {
        match link {
            Link::Root => self.root.store(child, Relaxed),
            Link::Child(node, side) => {
                let mut children = [self.child(node, 0), self.child(node, 1)];
                children[side] = child;
                self.set_children(node, children);
            }
        }
    }

    /// The length of a node's prefix, and its value plus one.
    #[inline]
    fn len_and_value(&self, node: Node) -> (u32, u32) {
        let both = self.cells(node)[1].load(Relaxed);
        (both as u32, (both >> 32) as u32)
    }

    fn set_head(&self, node: Node, len: u32, value: u32) {
        self.cells(node)[1].store(u64::from(len) | u64::from(value) << 32, Relaxed);
    }

    fn set_data<const W: usize>(&self, node: Node, key: &Prefix<W>) {
        for (cell, word) in self.cells(node)[NODE_HEAD..].iter().zip(&key.bits) {
            cell.store(*word, Relaxed);
        }
    }

    fn data_bit(&self, node: Node, at: u32) -> usize {
        let word = self.cells(node)[NODE_HEAD + at as usize / 64].load(Relaxed);
        (word >> (63 - at % 64) & 1) as usize
    }

    fn key_of(&self, node: Node) -> Vec<u8> {
        let mut key = self.len_and_value(node).0.to_ne_bytes().to_vec();
        key.extend(self.cells(node)[NODE_HEAD..].iter().flat_map(|cell| cell.load(Relaxed).to_be_bytes()));
        key.truncate(self.def.key_size as usize);
        key
    }
}
