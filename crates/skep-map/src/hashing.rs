//! The hash function of hash maps: folded multiplication under secrets that belong to one map.
//!
//! Linux hashes with jhash, which is biased and slow from 12 bytes up. Here a key is cut into 4-byte words, each
//! pair of words goes through one 64x64 -> 128 bit multiplication whose halves are folded, and 256 bits of secrets
//! enter the operands. The loads are 4 bytes wide because programs build keys on their stack field by field: a wider
//! load of bytes just written in parts stalls for longer than the whole hash takes.
//!
//! The secrets differ from map to map, so keys made to collide in one map are ordinary keys in the next. They are
//! expanded from a 64-bit seed and are as hard to guess as that; someone who can *measure* a map over many insertions
//! is a stronger attacker than this function is made for.

/// The secrets of one map.
pub(crate) struct Secrets([u64; 4]);

impl Secrets {
    /// Expand a seed (the steps of the SplitMix64 generator).
    pub(crate) fn new(seed: u64) -> Secrets {
        let mut state = seed;
        Secrets([(); 4].map(|()| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = state;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        }))
    }

    /// Hash a key of a fixed number of words. Not the same hash as that of its bytes: one map uses one of the two.
    #[inline(always)]
    pub(crate) fn hash_words<const N: usize>(&self, words: [u32; N]) -> u64 {
        let [mut left, mut right, ..] = self.0;
        for quad in words.chunks(4) {
            self.absorb(&mut left, &mut right, quad);
        }
        self.finish(left, right)
    }

    /// Hash bytes. All keys of one map have one length, so the length is no part of the hash.
    #[inline]
    pub(crate) fn hash_bytes(&self, bytes: &[u8]) -> u64 {
        let [mut left, mut right, ..] = self.0;
        let (quads, rest) = bytes.as_chunks::<16>();
        for quad in quads {
            self.absorb(&mut left, &mut right, &quad_words(quad));
        }
        if !rest.is_empty() {
            let mut last = [0; 16];
            last[..rest.len()].copy_from_slice(rest);
            self.absorb(&mut left, &mut right, &quad_words(&last));
        }
        self.finish(left, right)
    }

    #[inline(always)]
    fn absorb(&self, left: &mut u64, right: &mut u64, words: &[u32]) {
        let word = |at: usize| words.get(at).map_or(0, |&word| u64::from(word));
        *left = fold(*left ^ word(0), self.0[2] ^ word(1));
        if words.len() > 2 {
            *right = fold(*right ^ word(2), self.0[3] ^ word(3));
        }
    }

    #[inline(always)]
    fn finish(&self, left: u64, right: u64) -> u64 {
        fold(left ^ self.0[1], right ^ self.0[3])
    }
}

#[inline(always)]
fn quad_words(bytes: &[u8; 16]) -> [u32; 4] {
    let word = |at: usize| u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    [word(0), word(4), word(8), word(12)]
}

/// Both halves of the product. The operands are mixed in again, so that an operand of zero does not wipe out the
/// other one.
#[inline(always)]
fn fold(left: u64, right: u64) -> u64 {
    let product = u128::from(left) * u128::from(right);
    (product as u64) ^ ((product >> 64) as u64) ^ left ^ right
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest distance from one half, over all pairs of an input bit and an output bit, of how often the output
    /// bit flips with the input bit.
    fn worst_avalanche(bytes: usize, hash: impl Fn(&[u8]) -> u64) -> f64 {
        const SAMPLES: u32 = 20_000;
        let mut flips = vec![[0_u32; 64]; bytes * 8];
        for sample in 0..SAMPLES {
            // Small counters in the first bytes: the keys that maps really have.
            let mut key = vec![0; bytes];
            key[..4].copy_from_slice(&sample.to_le_bytes());
            let before = hash(&key);
            for (bit, counts) in flips.iter_mut().enumerate() {
                key[bit / 8] ^= 1 << (bit % 8);
                let difference = before ^ hash(&key);
                key[bit / 8] ^= 1 << (bit % 8);
                for (out, count) in counts.iter_mut().enumerate() {
                    *count += (difference >> out & 1) as u32;
                }
            }
        }
        let bias = |&count: &u32| (f64::from(count) / f64::from(SAMPLES) - 0.5).abs();
        flips.iter().flatten().map(bias).fold(0.0, f64::max)
    }

    #[test]
    fn every_input_bit_reaches_every_output_bit() {
        let secrets = Secrets::new(7);
        let check = |name: &str, bytes: usize, hash: &dyn Fn(&[u8]) -> u64| {
            let worst = worst_avalanche(bytes, hash);
            assert!(worst < 0.03, "{name} of {bytes} bytes: bias {worst}");
        };
        for bytes in [5, 8, 16, 20, 33] {
            check("bytes", bytes, &|key| secrets.hash_bytes(key));
        }
        let words = |key: &[u8], at: usize| u32::from_ne_bytes(*key[4 * at..].first_chunk().unwrap());
        check("words", 4, &|key| secrets.hash_words([words(key, 0)]));
        check("words", 8, &|key| secrets.hash_words([words(key, 0), words(key, 1)]));
        check("words", 16, &|key| secrets.hash_words([0, 1, 2, 3].map(|at| words(key, at))));
    }

    #[test]
    fn another_seed_is_another_function() {
        let hashes: std::collections::HashSet<u64> =
            (0..100).map(|seed| Secrets::new(seed).hash_words([42])).collect();
        assert_eq!(hashes.len(), 100);
    }
}
