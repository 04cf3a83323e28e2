//! The Internet checksum as Linux computes it: ones' complement sums of 16-bit words, folded late.
//!
//! Sums are kept in 32 bits and are equal to each other modulo 65535; which of the equal representations a sum has
//! is visible to programs in rare cases (all bytes zero), and is the one of x86-64. Values are in the byte order of
//! memory: nothing here swaps bytes, as nothing in a ones' complement sum depends on their order.
//! Source: RFC 1071; lib/checksum.c, include/net/checksum.h, arch/x86/lib/csum-partial_64.c, Linux 6.18.

/// The sum of bytes and a sum so far (`csum_partial`). An odd last byte counts as if a zero followed.
pub(crate) fn partial(bytes: &[u8], seed: u32) -> u32 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut sum = u64::from(seed);
    for word in words {
        sum = add64(sum, u64::from_ne_bytes(*word));
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    sum = add64(sum, u64::from_ne_bytes(last));
    add(sum as u32, (sum >> 32) as u32)
}

fn add64(a: u64, b: u64) -> u64 {
    let (sum, carry) = a.overflowing_add(b);
    sum + u64::from(carry)
}

/// The sum of two sums (`csum_add`).
pub(crate) fn add(a: u32, b: u32) -> u32 {
    let (sum, carry) = a.overflowing_add(b);
    sum + u32::from(carry)
}

/// The difference of two sums (`csum_sub`).
pub(crate) fn sub(a: u32, b: u32) -> u32 {
    add(a, !b)
}

/// A sum in 16 bits, not complemented (`csum_from32to16`).
pub(crate) fn to16(sum: u32) -> u16 {
    (sum.wrapping_add(sum.rotate_right(16)) >> 16) as u16
}

/// The checksum that a packet carries for a sum (`csum_fold`).
pub(crate) fn fold(sum: u32) -> u16 {
    !to16(sum)
}

/// A packet's checksum after bytes changed by `diff`, a sum (`csum_replace_by_diff`).
pub(crate) fn replace_by_diff(checksum: u16, diff: u32) -> u16 {
    fold(add(diff, !u32::from(checksum)))
}

/// A packet's checksum after a 32-bit field changed (`csum_replace4`).
pub(crate) fn replace4(checksum: u16, from: u32, to: u32) -> u16 {
    fold(add(sub(!u32::from(checksum), from), to))
}

/// A packet's checksum after a 16-bit field changed (`csum_replace2`).
pub(crate) fn replace2(checksum: u16, from: u16, to: u16) -> u16 {
    fn add16(a: u16, b: u16) -> u16 {
        let (sum, carry) = a.overflowing_add(b);
        sum + u16::from(carry)
    }
    !add16(add16(!checksum, !from), to)
}

/// What replacing `from` by `to` adds to a sum, in 16 bits (`bpf_csum_diff`). Either may be empty.
pub(crate) fn diff(from: &[u8], to: &[u8], seed: u32) -> u16 {
    let sum = match (from, to) {
        ([], []) => seed,
        ([], to) => partial(to, seed),
        (from, []) => !partial(from, !seed),
        (from, to) => sub(partial(to, seed), partial(from, 0)),
    };
    to16(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The header of RFC 1071's style of example: an IPv4 header whose checksum is known to be right.
    const HEADER: [u8; 20] = [
        0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0xb8, 0x61, 0xc0, 0xa8, 0x00, 0x01, 0xc0,
        0xa8, 0x00, 0xc7,
    ];

    fn checksum(header: &[u8]) -> u16 {
        fold(partial(header, 0))
    }

    fn be16(bytes: &[u8]) -> u16 {
        u16::from_ne_bytes([bytes[0], bytes[1]])
    }

    #[test]
    fn a_header_with_its_checksum_sums_to_nothing() {
        assert_eq!(checksum(&HEADER), 0);
        let mut without = HEADER;
        without[10..12].fill(0);
        assert_eq!(checksum(&without).to_ne_bytes(), [0xb8, 0x61]);
    }

    #[test]
    fn replacing_a_field_gives_what_summing_again_gives() {
        let mut changed = HEADER;
        changed[16..20].copy_from_slice(&[10, 1, 2, 3]);
        changed[10..12].fill(0);
        let expected = checksum(&changed);
        let old = be16(&HEADER[10..12]);
        let (from, to) = (&HEADER[16..20], &changed[16..20]);
        let word = |b: &[u8]| u32::from_ne_bytes([b[0], b[1], b[2], b[3]]);
        assert_eq!(replace4(old, word(from), word(to)), expected);
        assert_eq!(replace_by_diff(old, u32::from(diff(from, to, 0))), expected);
        let halves = replace2(old, be16(&from[..2]), be16(&to[..2]));
        assert_eq!(replace2(halves, be16(&from[2..]), be16(&to[2..])), expected);
    }

    #[test]
    fn parts_of_any_length_add_up() {
        for split in 0..=HEADER.len() / 2 {
            let (a, b) = HEADER.split_at(split * 2);
            assert_eq!(to16(partial(b, partial(a, 0))), to16(partial(&HEADER, 0)), "split at {split}");
        }
        assert_eq!(partial(&[1], 0), u32::from(u16::from_ne_bytes([1, 0])));
    }

    #[test]
    fn pulling_what_was_pushed_gives_the_seed_back() {
        let seed = 0x1234;
        let pushed = diff(&[], &HEADER, seed);
        assert_eq!(u32::from(diff(&HEADER, &[], u32::from(pushed))), seed);
        assert_eq!(diff(&[], &[], 0x1_0002), 3);
    }
}
