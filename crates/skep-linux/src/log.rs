//! The verifier's log: the buffer that grows, and the numbers in its last lines.
//!
//! Source: `print_verification_stats` of kernel/bpf/verifier.c, Linux 6.18.

use std::time::Duration;

/// Print the instructions and states of the path that fails (`BPF_LOG_LEVEL1`).
pub(crate) const LEVEL_FAILURE: u32 = 1;
/// Print those of every path, failing or not (`BPF_LOG_LEVEL2`).
pub(crate) const LEVEL_ALL: u32 = 2;
/// Print what the verification took (`BPF_LOG_STATS`, Linux 5.2).
pub(crate) const LEVEL_STATS: u32 = 4;

/// Bytes of the first buffer.
pub(crate) const BYTES_MIN: usize = 64 << 10;
/// Bytes that no kernel's log may exceed (`UINT_MAX >> 2`, before 5.12 `UINT_MAX >> 8`).
pub(crate) const BYTES_MAX: usize = (u32::MAX >> 2) as usize;
/// Bytes that older kernels allow.
pub(crate) const BYTES_MAX_OLD: usize = (u32::MAX >> 8) as usize;

/// The text in a buffer, to its first zero byte.
pub(crate) fn text(log: &[u8]) -> String {
    let text = log.split(|&byte| byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

/// The time of the verification itself: `verification time 57 usec`.
pub(crate) fn verification_time(log: &str) -> Option<Duration> {
    number_after(log, "verification time ").map(Duration::from_micros)
}

/// Instructions looked at: `processed 12 insns (limit …`.
pub(crate) fn insns_processed(log: &str) -> Option<u64> {
    number_after(log, "processed ")
}

/// The number in the last line that begins so.
fn number_after(log: &str, start: &str) -> Option<u64> {
    let rest = log.lines().rev().find_map(|line| line.strip_prefix(start))?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_from_the_end_of_a_log() {
        let log = "0: exit\nprocessed 7 things\nverification time 57 usec\nstack depth 0+0\n\
                   processed 12 insns (limit 1000000) max_states_per_insn 0\n";
        assert_eq!(verification_time(log), Some(Duration::from_micros(57)));
        assert_eq!(insns_processed(log), Some(12));
        assert_eq!(insns_processed("nothing"), None);
        assert_eq!(text(b"abc\0def"), "abc");
    }
}
