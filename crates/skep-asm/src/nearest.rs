//! The name that was probably meant: the nearest by edit distance.

/// Most names that are compared: a suggestion is not worth more.
const MAX_CANDIDATES: usize = 10_000;
/// Names longer than this are not compared: nobody mistypes them by one letter.
const MAX_LEN: usize = 64;

/// The candidate nearest to `name`, if it is near enough to be what was meant.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > MAX_LEN {
        return None;
    }
    let most = (name.len() / 3).max(1);
    candidates
        .into_iter()
        .take(MAX_CANDIDATES)
        .filter(|candidate| candidate.len().abs_diff(name.len()) <= most && *candidate != name)
        .map(|candidate| (distance(name.as_bytes(), candidate.as_bytes()), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many letters must be inserted, removed, replaced, or swapped with their neighbour.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut before: Vec<usize> = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut row = vec![i + 1; b.len() + 1];
        for j in 0..b.len() {
            let replaced = last[j] + usize::from(!a[i].eq_ignore_ascii_case(&b[j]));
            row[j + 1] = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                row[j + 1] = row[j + 1].min(before[j - 1] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slip_is_recognised_and_another_word_is_not() {
        let words = ["goto", "call", "exit", "bpf_map_lookup_elem"];
        assert_eq!(nearest("gtoo", words), Some("goto"));
        assert_eq!(nearest("cal", words), Some("call"));
        assert_eq!(nearest("bpf_map_lookup_element", words), Some("bpf_map_lookup_elem"));
        assert_eq!(nearest("jump", words), None);
        assert_eq!(nearest("", words), None);
    }
}
