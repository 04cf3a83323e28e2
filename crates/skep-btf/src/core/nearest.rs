//! What a type has that is nearest to a name which it lacks.
//!
//! Kernels rename members, and move them into structures of their own. So the same name elsewhere in the type, or behind
//! one of its pointers, comes first; then names that are alike.

use super::access::composite;
use crate::btf::Btf;
use crate::error::BtfError;
use crate::types::{Type, TypeId};

/// Most things that are named as the nearest.
const NEAREST_MAX: usize = 3;

/// Names that are like another, the likest first.
pub(super) struct Likeness<'a> {
    name: &'a str,
    found: Vec<(usize, String)>,
}

impl<'a> Likeness<'a> {
    pub(super) fn new(name: &'a str) -> Likeness<'a> {
        Likeness { name, found: Vec::new() }
    }

    /// How unlike a name is: 0 for the same, nothing for one that is not alike at all. A name that contains the other
    /// counts as one change, because prefixes are what kernels add when the meaning of a member changes.
    pub(super) fn distance(&self, name: &str) -> Option<usize> {
        let (short, long) = if name.len() < self.name.len() { (name, self.name) } else { (self.name, name) };
        let most = self.name.len() / 3;
        if short.len() >= 3 && long.contains(short) {
            return Some(1 + usize::from(long.len() - short.len() > most.max(2)));
        }
        if long.len() - short.len() > most {
            return None;
        }
        Some(strsim::levenshtein(self.name, name)).filter(|&distance| distance <= most)
    }

    /// Adds one at this distance, in words.
    pub(super) fn add(&mut self, distance: usize, text: String) {
        self.found.push((distance, text));
    }

    /// The nearest in words, the nearest first.
    pub(super) fn nearest(mut self) -> Vec<String> {
        self.found.sort();
        self.found.dedup();
        self.found.into_iter().map(|(_, text)| text).take(NEAREST_MAX).collect()
    }
}

/// How deep structures within structures are searched for a name, and how many members in all.
const MEMBERS_DEPTH: u32 = 4;
const MEMBERS_MAX: u32 = 10_000;

/// The search for names in a type.
pub(super) struct Members<'a> {
    btf: &'a Btf,
    likeness: Likeness<'a>,
    steps: u32,
}

impl<'a> Members<'a> {
    pub(super) fn new(btf: &'a Btf, name: &'a str) -> Members<'a> {
        Members { btf, likeness: Likeness::new(name), steps: 0 }
    }

    /// What was found, the nearest first.
    pub(super) fn nearest(self) -> Vec<String> {
        self.likeness.nearest()
    }

    /// Looks at the members of a type, at those of structures within it, and for the very name behind its pointers.
    pub(super) fn look(&mut self, at: TypeId, path: &str, depth: u32) -> Result<(), BtfError> {
        let Some(structure) = composite(self.btf, at)? else { return Ok(()) };
        if depth > MEMBERS_DEPTH {
            return Ok(());
        }
        for member in structure.members.iter() {
            self.steps += 1;
            if self.steps > MEMBERS_MAX {
                return Ok(());
            }
            let name = self.btf.name(member.name);
            let inner = if name.is_empty() { path.to_owned() } else { format!("{path}{name}.") };
            // Deeper ones may have the very name; among those that are only alike, the nearer is likelier meant.
            let distance = self.likeness.distance(name).map(|distance| distance * (1 + depth as usize));
            if let Some(distance) = distance.filter(|&d| !name.is_empty() && (depth == 0 || d == 0 || d < 3))
            {
                let ty = self.btf.type_name(member.ty);
                self.likeness.add(distance, format!("`{path}{name}` (`{ty}`)"));
            }
            if let Ok(Type::Ptr(to)) = self.btf.get_resolved(member.ty) {
                self.look_behind(to, &format!("{path}{name}->"))?;
            }
            self.look(member.ty, &inner, depth + u32::from(!name.is_empty()))?;
        }
        Ok(())
    }

    /// The very name in what a pointer leads to.
    fn look_behind(&mut self, to: TypeId, path: &str) -> Result<(), BtfError> {
        if composite(self.btf, to)?.is_none() {
            return Ok(());
        }
        if let Some(found) = self.btf.find_member(to, self.likeness.name)? {
            let (name, ty) = (self.likeness.name, self.btf.type_name(found.ty));
            self.likeness.add(1, format!("`{path}{name}` (`{ty}`)"));
        }
        Ok(())
    }

    /// The very name in the type at which the path begins.
    pub(super) fn look_for_same(&mut self, root: TypeId) -> Result<(), BtfError> {
        if composite(self.btf, root)?.is_some()
            && let Some(found) = self.btf.find_member(root, self.likeness.name)?
        {
            let (name, ty) = (self.likeness.name, self.btf.type_name(found.ty));
            self.likeness.add(0, format!("`{}.{name}` (`{ty}`)", self.btf.type_name(root)));
        }
        Ok(())
    }
}
