//! Decompression of the cases' blobs (base64, and zlib in it) and of gzip files. Source: RFC 1950, RFC 1951, RFC 1952,
//! RFC 4648 section 4.
//!
//! The checksum at the end is not looked at: what was recorded is read from files that have their own. Blobs that are
//! none give `None`.

/// Most bytes of a blob, decompressed.
const MAX_LEN: usize = 1 << 28;

/// Decodes base64.
pub(super) fn base64(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut count) = (0u32, 0);
    for c in text.bytes() {
        let digit = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => continue,
        };
        bits = bits << 6 | u32::from(digit);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}

/// Decompresses a zlib stream.
pub(super) fn zlib(data: &[u8]) -> Option<Vec<u8>> {
    deflate(data, 2)
}

/// Decompresses a gzip file that has only the header that every one has, as `gzip --no-name` makes them.
pub(super) fn gzip(data: &[u8]) -> Option<Vec<u8>> {
    if data.get(..4) == Some(&[0x1f, 0x8b, 8, 0]) { deflate(data, 10) } else { None }
}

/// Decompresses what begins behind a header of so many bytes.
fn deflate(data: &[u8], header: usize) -> Option<Vec<u8>> {
    let mut reader = Bits { data, at: 8 * header };
    let mut out = Vec::new();
    loop {
        let last = reader.take(1)? == 1;
        match reader.take(2)? {
            0 => {
                reader.at = reader.at.next_multiple_of(8);
                let len = reader.take(16)? as usize;
                reader.take(16)?;
                let start = reader.at / 8;
                out.extend(data.get(start..start + len)?);
                reader.at += len * 8;
            }
            1 => {
                let runs = [(144, 8), (112, 9), (24, 7), (8, 8)];
                let lengths: Vec<u8> =
                    runs.into_iter().flat_map(|(count, length)| std::iter::repeat_n(length, count)).collect();
                block(&mut reader, &Code::new(&lengths), &Code::new(&[5; 30]), &mut out)?;
            }
            2 => {
                let (literals, distances) = dynamic(&mut reader)?;
                block(&mut reader, &literals, &distances, &mut out)?;
            }
            _ => return None,
        }
        if last {
            return Some(out);
        }
    }
}

struct Bits<'a> {
    data: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> Option<u32> {
        let mut value = 0;
        for i in 0..count {
            let bit = self.data.get(self.at / 8)? >> (self.at % 8) & 1;
            value |= u32::from(bit) << i;
            self.at += 1;
        }
        Some(value)
    }
}

/// A canonical Huffman code: how many codes of each length, and the symbols in order.
struct Code {
    counts: [u16; 16],
    symbols: Vec<u16>,
}

impl Code {
    fn new(lengths: &[u8]) -> Code {
        let mut counts = [0; 16];
        let mut symbols = Vec::new();
        for length in 1..16u8 {
            let of_length = lengths.iter().enumerate().filter(|(_, l)| **l == length);
            let before = symbols.len();
            symbols.extend(of_length.map(|(symbol, _)| symbol as u16));
            counts[length as usize] = (symbols.len() - before) as u16;
        }
        Code { counts, symbols }
    }

    fn next(&self, reader: &mut Bits<'_>) -> Option<u16> {
        let (mut code, mut first, mut index) = (0i32, 0i32, 0i32);
        for length in 1..16 {
            code |= reader.take(1)? as i32;
            let count = i32::from(self.counts[length]);
            if code - count < first {
                return self.symbols.get((index + code - first) as usize).copied();
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        None
    }
}

const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

fn dynamic(reader: &mut Bits<'_>) -> Option<(Code, Code)> {
    let literals = reader.take(5)? as usize + 257;
    let distances = reader.take(5)? as usize + 1;
    let codes = reader.take(4)? as usize + 4;
    let mut lengths = [0u8; 19];
    for &place in ORDER.get(..codes)? {
        lengths[place] = reader.take(3)? as u8;
    }
    let code = Code::new(&lengths);
    let mut all: Vec<u8> = Vec::new();
    while all.len() < literals + distances {
        let (value, count) = match code.next(reader)? {
            16 => (*all.last()?, 3 + reader.take(2)?),
            17 => (0, 3 + reader.take(3)?),
            18 => (0, 11 + reader.take(7)?),
            length => (length as u8, 1),
        };
        all.extend(std::iter::repeat_n(value, count as usize));
    }
    Some((Code::new(&all[..literals]), Code::new(&all[literals..])))
}

fn block(reader: &mut Bits<'_>, literals: &Code, distances: &Code, out: &mut Vec<u8>) -> Option<()> {
    loop {
        let symbol = literals.next(reader)?;
        match symbol {
            0..256 => out.push(symbol as u8),
            256 => return Some(()),
            _ => {
                let length = match symbol - 257 {
                    28 => 258,
                    n if n < 8 => usize::from(n) + 3,
                    n => {
                        let extra = usize::from(n / 4 - 1);
                        ((4 + usize::from(n % 4)) << extra) + 3 + reader.take(extra)? as usize
                    }
                };
                let distance = match usize::from(distances.next(reader)?) {
                    n if n < 4 => n + 1,
                    n => {
                        let extra = n / 2 - 1;
                        ((2 + n % 2) << extra) + 1 + reader.take(extra)? as usize
                    }
                };
                if out.len() + length > MAX_LEN {
                    return None;
                }
                for _ in 0..length {
                    let from = out.len().checked_sub(distance)?;
                    out.push(out[from]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_and_zlib_give_back_what_was_packed() {
        // 40 times `skep`, as zlib packs it.
        let packed = base64("eJwrzk4tKB7EGABig0P5");
        let text = zlib(&packed);
        assert_eq!(text, Some(b"skep".repeat(40)));
    }

    #[test]
    fn what_is_no_stream_is_refused() {
        assert_eq!(zlib(&[]), None);
        assert_eq!(zlib(&[0x78, 0x9c, 0xff]), None);
    }
}
