//! [`Target`]: the types of a kernel, and those among them that a type of a program may stand for.

use std::sync::{Arc, OnceLock};

use super::fit;
use crate::btf::Btf;
use crate::error::BtfError;
use crate::types::{StrId, TypeId};

/// What separates a name from its flavour: `task_struct___old` is what the program calls `task_struct` of some kernels.
const FLAVOUR: &str = "___";

/// A name without its flavour: what stands before the last three underscores that have no fourth beside them.
///
/// ```
/// use skep_btf::core::flavourless;
/// assert_eq!(flavourless("task_struct___old"), "task_struct");
/// assert_eq!(flavourless("a___b___c"), "a___b");
/// assert_eq!(flavourless("four____underscores"), "four____underscores");
/// ```
pub fn flavourless(name: &str) -> &str {
    let bytes = name.as_bytes();
    let other = |at: usize| bytes.get(at).is_some_and(|&byte| byte != b'_');
    let begins = |&at: &usize| at > 0 && other(at - 1) && other(at + FLAVOUR.len());
    let separator = name.rmatch_indices(FLAVOUR).map(|(at, _)| at).find(begins);
    // Overlapping matches of four underscores and more are never separators.
    separator.map_or(name, |at| &name[..at])
}

/// The types of a kernel: its own, and those of its modules.
#[derive(Clone, Debug)]
pub struct Target {
    name: Arc<str>,
    btf: Arc<Btf>,
    /// The kernel's own types, and what they are split from.
    kernel: Vec<Level>,
    modules: Vec<Level>,
}

impl Target {
    /// The types of a kernel, and what to call it in messages: a file or a version.
    pub fn new(name: impl Into<Arc<str>>, btf: Arc<Btf>) -> Target {
        let levels = std::iter::successors(Some(&btf), |btf| btf.base());
        let kernel = levels.cloned().map(Level::new).collect();
        Target { name: name.into(), btf, kernel, modules: Vec::new() }
    }

    /// With the types of a module, split from those of the kernel. They are only asked for what the kernel itself does
    /// not have.
    pub fn with_module(mut self, btf: Arc<Btf>) -> Target {
        self.modules.push(Level::new(btf));
        self
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The types of the kernel itself.
    pub fn btf(&self) -> &Arc<Btf> {
        &self.btf
    }

    /// The types of the kernel and its modules, level by level.
    pub(super) fn levels(&self) -> impl Iterator<Item = &Btf> {
        self.kernel.iter().chain(&self.modules).map(|level| &*level.btf)
    }

    /// The types that `id` of `local` may stand for: of the same kind and name, ascending.
    pub(super) fn candidates<'a>(
        &'a self,
        local: &Btf,
        id: TypeId,
    ) -> Result<Vec<(&'a Btf, TypeId)>, BtfError> {
        let wanted = local.get(id)?;
        let name = flavourless(local.name(wanted.name()));
        if name.is_empty() {
            let expected = "a type that has a name";
            return Err(BtfError::KindUnexpected { id, expected, found: wanted.kind() });
        }
        for levels in [&self.kernel, &self.modules] {
            let mut found: Vec<_> = levels.iter().flat_map(|level| level.named(name)).collect();
            found.retain(|&(btf, id)| btf.get(id).is_ok_and(|ty| fit::kinds(wanted.kind(), ty.kind())));
            if !found.is_empty() {
                found.sort_by_key(|&(_, id)| id);
                return Ok(found);
            }
        }
        Ok(Vec::new())
    }
}

/// The types of the kernel itself, of what they are split from, or of one module.
#[derive(Clone, Debug)]
struct Level {
    btf: Arc<Btf>,
    /// Types whose name has a flavour, ascending: found when they are first needed.
    flavoured: Arc<OnceLock<Vec<TypeId>>>,
}

impl Level {
    fn new(btf: Arc<Btf>) -> Level {
        Level { btf, flavoured: Arc::default() }
    }

    /// The types whose name is this one, but for a flavour.
    fn named(&self, name: &str) -> Vec<(&Btf, TypeId)> {
        let flavoured = self.flavoured.get_or_init(|| flavoured(&self.btf)).iter().copied();
        let flavoured = flavoured
            .filter(|&id| self.btf.get(id).is_ok_and(|ty| flavourless(self.btf.name(ty.name())) == name));
        self.btf.own_named(name).chain(flavoured).map(|id| (&*self.btf, id)).collect()
    }
}

/// The types of this level whose name has a flavour. Kernels have few or none, and looking through the text of all
/// strings at once takes a tenth of the time that looking at each type's name does.
fn flavoured(btf: &Btf) -> Vec<TypeId> {
    if !btf.own_strings().windows(FLAVOUR.len()).any(|text| text == FLAVOUR.as_bytes()) {
        return Vec::new();
    }
    let has = |name: StrId| {
        let name = btf.name(name);
        name.contains(FLAVOUR) && flavourless(name) != name
    };
    btf.types().filter(|(_, ty)| has(ty.name())).map(|(id, _)| id).collect()
}
