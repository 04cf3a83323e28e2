//! Byte order, and the eight bytes that open both `.BTF` and `.BTF.ext`.
//!
//! Everything after those eight bytes is 32-bit words, in both sections; so the rest of the crate works on
//! words in host order and never meets a byte order again.
//!
//! Source: `include/uapi/linux/btf.h` and `Documentation/bpf/btf.rst`, Linux 6.18.

use crate::error::BtfError;

/// The byte order of a target. BTF is written in the order of the machine that it describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Endian {
    /// Least significant byte first (bpfel).
    #[default]
    Little,
    /// Most significant byte first (bpfeb).
    Big,
}

impl Endian {
    /// The order of the machine this code runs on.
    pub const NATIVE: Self = if cfg!(target_endian = "big") { Self::Big } else { Self::Little };

    pub(crate) fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    pub(crate) fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    /// The whole words of `bytes`, in host order.
    pub(crate) fn words(self, bytes: &[u8]) -> Vec<u32> {
        let words = bytes.chunks_exact(4).map(|word| [word[0], word[1], word[2], word[3]]);
        match self {
            Self::Little => words.map(u32::from_le_bytes).collect(),
            Self::Big => words.map(u32::from_be_bytes).collect(),
        }
    }

    pub(crate) fn put_u16(self, out: &mut Vec<u8>, value: u16) {
        out.extend_from_slice(&match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        });
    }

    pub(crate) fn put_words(self, out: &mut Vec<u8>, words: &[u32]) {
        match self {
            Self::Little => out.extend(words.iter().flat_map(|word| word.to_le_bytes())),
            Self::Big => out.extend(words.iter().flat_map(|word| word.to_be_bytes())),
        }
    }
}

/// First two bytes of both sections; read in the wrong order they tell the byte order.
pub(crate) const MAGIC: u16 = 0xeb9f;
const VERSION: u8 = 1;
/// Bytes of magic, version, flags and header length.
pub(crate) const PREAMBLE_LEN: usize = 8;

/// What the opening of a section says.
pub(crate) struct Preamble {
    pub(crate) endian: Endian,
    /// Length of the whole header in bytes, the preamble included; within the data.
    pub(crate) header_len: usize,
}

impl Preamble {
    /// Reads the opening of `data`, whose header must have at least `header_len_min` bytes.
    pub(crate) fn read(data: &[u8], header_len_min: usize) -> Result<Self, BtfError> {
        let short = || BtfError::HeaderTruncated { expected: header_len_min, found: data.len() };
        let head = data.first_chunk::<PREAMBLE_LEN>().ok_or_else(short)?;
        let magic = [head[0], head[1]];
        let endian = [Endian::Little, Endian::Big]
            .into_iter()
            .find(|endian| endian.u16(magic) == MAGIC)
            .ok_or(BtfError::Magic { found: Endian::Little.u16(magic) })?;
        if head[2] != VERSION {
            return Err(BtfError::Version { found: head[2] });
        }
        if head[3] != 0 {
            return Err(BtfError::Flags { found: head[3] });
        }
        let header_len = endian.u32([head[4], head[5], head[6], head[7]]) as usize;
        if header_len < header_len_min || !header_len.is_multiple_of(4) {
            return Err(BtfError::HeaderLength { expected_min: header_len_min, found: header_len });
        }
        if header_len > data.len() {
            return Err(BtfError::HeaderTruncated { expected: header_len, found: data.len() });
        }
        Ok(Self { endian, header_len })
    }

    pub(crate) fn write(endian: Endian, out: &mut Vec<u8>, header_len: u32) {
        endian.put_u16(out, MAGIC);
        out.extend([VERSION, 0]);
        endian.put_words(out, &[header_len]);
    }
}
