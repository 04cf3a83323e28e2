//! The verifier's log: what it is to say, and the buffer that grows.
//!
//! Source: `bpf_vlog_init` of kernel/bpf/log.c, Linux 6.18.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_ends_at_its_first_zero_byte() {
        assert_eq!(text(b"abc\0def"), "abc");
    }
}
