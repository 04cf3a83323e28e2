//! Bounds of indices into arrays, and of what is accessed at a constant place: masks, comparisons, and larger values
//! where they are declared.

use super::names::{Access, Declared, Link};
use super::{Applicability, At, Change, Place};

impl Place<'_> {
    /// The declaration of a name that is seen here.
    pub(super) fn declared(&self, name: &str) -> Option<Declared> {
        self.source.declared(name, &self.function, self.token)
    }
}

impl At<'_> {
    /// Bounds the index of the access that was refused.
    pub(super) fn index(&self) -> Option<Change> {
        if self.is_limit() {
            return None;
        }
        let source = self.source;
        let access = self.indexed()?;
        let (place, index) = access.index()?;
        let name = source.only_name(index);
        let variable = name.and_then(|name| Some((name, self.declared(name)?)));
        let variable = variable.filter(|(_, declared)| declared.is_number() && !declared.is_constant());
        if let (Some((name, _)), "negative-index") = (&variable, self.report.rule.name) {
            return self.put_before(self.leaving(), &self.check(&format!("{name} < 0")));
        }
        let (length, text) = self.length_of(&access, place)?;
        let mask = length.filter(|n| n.is_power_of_two()).map(|n| n - 1);
        match (variable, mask) {
            (Some((name, _)), Some(mask)) => {
                self.put_before(Applicability::Maybe, &[format!("{name} &= {mask};")])
            }
            (Some((name, declared)), None) => {
                let low = if declared.is_signed() { format!("{name} < 0 || ") } else { String::new() };
                self.put_before(self.leaving(), &self.check(&format!("{low}{name} >= {text}")))
            }
            (None, Some(mask)) if source.number(index).is_none() => {
                let masked = match name {
                    Some(name) => format!("{name} & {mask}"),
                    None => format!("({}) & {mask}", source.text_of(index)),
                };
                Some((Applicability::Maybe, vec![(source.bytes(index), masked)]))
            }
            _ => None,
        }
    }

    /// The access with an index that varies.
    fn indexed(&self) -> Option<Access> {
        let varies =
            |access: &Access| access.index().is_some_and(|(_, index)| self.source.number(index).is_none());
        self.access().filter(varies).or_else(|| {
            let mut all = self.source.accesses(&self.statement.tokens).into_iter().filter(varies);
            // If there are several, the column did not say which.
            all.next().filter(|_| all.next().is_none())
        })
    }

    /// How many elements there are where an access has an index: the number if it is known, and its text.
    fn length_of(&self, access: &Access, index: usize) -> Option<(Option<u64>, String)> {
        let source = self.source;
        let declared = match index.checked_sub(1).map(|before| &access.links[before]) {
            Some(Link::Arrow(member) | Link::Dot(member)) => source.member(source.word(*member), self.token),
            Some(Link::Index(_)) => None,
            None => self.declared(access.name(source)?),
        }?;
        if let Some(length) = &declared.length {
            return Some((source.number(length), source.text_of(length).to_owned()));
        }
        // A pointer to bytes: as many as there are.
        let room = self.report.room.filter(|_| declared.counts_bytes())?;
        Some((Some(room), room.to_string()))
    }

    /// Makes a value or a record larger that is too small for what is accessed at a constant place.
    pub(super) fn too_small(&self) -> Option<Change> {
        let bytes = self.report.bytes.filter(|_| !self.report.varies && self.report.room.is_some())?;
        match self.report.rule.name {
            "map-value-bounds" => self.larger_value(bytes),
            "memory-bounds" => self.larger_record(bytes),
            _ => None,
        }
    }

    /// Declares the map's values as what they are used as.
    fn larger_value(&self, bytes: u64) -> Option<Change> {
        let source = self.source;
        let map = self.report.causes.iter().rev().find_map(|cause| {
            let rest = cause.what.split_once(" of map `")?.1;
            Some(rest.split('`').next()?.to_owned())
        })?;
        // `struct { … } counters SEC(".maps");`
        let name = (0..self.function.params.start).find(|at| {
            source.word(*at) == map && source.word(at.wrapping_sub(1)) == "}" && source.word(at + 1) == "SEC"
        })?;
        let open = source.partner(name - 1)?;
        let pointer = self.access().and_then(|access| self.declared(access.name(source)?));
        for call in (open..name).filter(|at| matches!(source.word(*at), "__type" | "__uint")) {
            let call = source.call(call)?;
            let [what, value] = &call.args[..] else { continue };
            match (source.text_of(what), &pointer) {
                ("value", Some(pointer)) if pointer.stars == 1 && !pointer.counts_bytes() => {
                    let words = pointer.type_words.strip_prefix("const ").unwrap_or(&pointer.type_words);
                    return Some((Applicability::Maybe, vec![(source.bytes(value), words.to_owned())]));
                }
                ("value_size", _) if source.number(value).is_some() => {
                    return Some((Applicability::Maybe, vec![(source.bytes(value), bytes.to_string())]));
                }
                _ => {}
            }
        }
        None
    }

    /// Reserves as many bytes as are used.
    fn larger_record(&self, bytes: u64) -> Option<Change> {
        let source = self.source;
        let reserve =
            source.calls("bpf_ringbuf_reserve", self.function.body.start..self.token).next_back()?;
        let size = reserve.args.get(1).filter(|size| source.number(size).is_some())?;
        Some((Applicability::Maybe, vec![(source.bytes(size), bytes.to_string())]))
    }
}
