//! Numbers that every source can name: verdicts, map update flags, and places in contexts.
//!
//! They come from the tables of `skep-abi`; the names are the kernel's: `XDP_PASS`, `TC_ACT_OK`, `BPF_ANY`.
//! Places are `STRUCTURE.MEMBER` (`xdp_md.data_end`), which [`crate::ctype`] knows.

use skep_abi::ProgType;

/// Flags of `bpf_map_update_elem` (include/uapi/linux/bpf.h, Linux 6.18).
const UPDATE_FLAGS: &[(&str, i64)] = &[("BPF_ANY", 0), ("BPF_NOEXIST", 1), ("BPF_EXIST", 2)];

/// The verdicts whose names are written with a prefix.
const VERDICTS: &[(&str, ProgType)] = &[("XDP_", ProgType::Xdp), ("TC_ACT_", ProgType::SchedCls)];

/// Return values that may have names.
const VERDICT_RANGE: std::ops::RangeInclusive<i32> = -1..=15;

/// The number of this name.
pub(crate) fn constant(name: &str) -> Option<i64> {
    if let Some((_, value)) = UPDATE_FLAGS.iter().find(|(known, _)| *known == name) {
        return Some(*value);
    }
    VERDICTS.iter().find_map(|(prefix, kind)| {
        let verdict = name.strip_prefix(prefix)?;
        VERDICT_RANGE.clone().find(|&value| kind.verdict(value as u32) == Some(verdict)).map(i64::from)
    })
}

/// The names of all of them.
pub(crate) fn names() -> impl Iterator<Item = String> {
    let verdicts = VERDICTS.iter().flat_map(|(prefix, kind)| {
        VERDICT_RANGE
            .clone()
            .filter_map(move |value| Some(format!("{prefix}{}", kind.verdict(value as u32)?)))
    });
    UPDATE_FLAGS.iter().map(|(name, _)| (*name).to_owned()).chain(verdicts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_have_the_kernels_names() {
        assert_eq!(constant("XDP_PASS"), Some(2));
        assert_eq!(constant("TC_ACT_UNSPEC"), Some(-1));
        assert_eq!(constant("TC_ACT_SHOT"), Some(2));
        assert_eq!(constant("BPF_NOEXIST"), Some(1));
        assert_eq!(constant("XDP_FAIL"), None);
        assert!(names().all(|name| constant(&name).is_some()));
    }
}
