//! Lines of ASCII text under construction, on the stack: fixed-size copies instead of one call a piece.
//!
//! It knows no instructions. Formatting traits are not used, because they cost more than the rest of a line.

use alloc::string::String;

/// Bytes that [`Line::text`] copies at once; longer text is several pieces.
pub(super) const CHUNK: usize = 16;

/// Room for a line. What the table's templates write is shorter, which a test of the writer shows.
pub(super) const ROOM: usize = 128;

/// ASCII bytes, of which the first `len` count. Those behind are ASCII too, so that whole chunks can be checked.
#[repr(align(16))]
pub(super) struct Line<const SIZE: usize = ROOM> {
    bytes: [u8; SIZE],
    len: usize,
}

/// How a number's sign is written: two bytes and how many of them count, if it is negative and if it is not.
pub(super) struct Signs([([u8; 2], u8); 2]);

impl Signs {
    /// A minus sign where it needs one.
    pub(super) const MINUS: Signs = Signs([(*b"\0\0", 0), (*b"-\0", 1)]);

    /// A sign in any case, and `gap` blanks (0 or 1) behind it.
    pub(super) const fn both(gap: u8) -> Signs {
        Signs([(*b"+ ", 1 + gap), (*b"- ", 1 + gap)])
    }
}

/// A few ASCII bytes, the first in the lowest, and how many count.
#[derive(Clone, Copy)]
pub(super) struct Piece {
    // Halves, as they are written into memory: read back as one they would have to wait for each other.
    low: u64,
    high: u64,
    len: u8,
}

impl Piece {
    pub(super) const NOTHING: Piece = Piece::new(0, 0);

    #[inline]
    pub(super) const fn new(bytes: u128, len: u8) -> Piece {
        Piece { low: bytes as u64, high: (bytes >> 64) as u64, len }
    }

    /// A decimal number with its sign.
    #[inline]
    pub(super) fn number(number: i32, signs: &Signs) -> Piece {
        let (sign, sign_len) = signs.0[usize::from(number < 0)];
        let number = number.unsigned_abs();
        let (digits, len) = if number < LOW {
            let digits = eight_digits(number);
            let leading = (digits.trailing_zeros() / 8).min(7);
            (u128::from((digits | ZEROS) >> (8 * leading)), 8 - leading as u8)
        } else {
            let (high, low) = (number / LOW, u128::from(eight_digits(number % LOW) | ZEROS));
            let (tens, ones) = (b'0' + (high / 10) as u8, b'0' + (high % 10) as u8);
            if high < 10 {
                (low << 8 | u128::from(ones), 9)
            } else {
                (low << 16 | u128::from(ones) << 8 | u128::from(tens), 10)
            }
        };
        let sign = u128::from(u16::from_le_bytes(sign) & ((1u32 << (8 * sign_len)) - 1) as u16);
        Piece::new(digits << (8 * sign_len) | sign, sign_len + len)
    }
}

/// Numbers below this have eight digits at most.
const LOW: u32 = 100_000_000;
/// Eight times the digit zero.
const ZEROS: u64 = 0x3030_3030_3030_3030;

impl<const SIZE: usize> Line<SIZE> {
    pub(super) fn new() -> Line<SIZE> {
        Line { bytes: [0; SIZE], len: 0 }
    }

    /// Whether a line may not fit any more.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        SIZE - self.len < ROOM
    }

    /// Appends the first `len` of these ASCII bytes.
    #[inline]
    pub(super) fn text(&mut self, chunk: &[u8; CHUNK], len: u8) {
        if let Some(place) = self.bytes.get_mut(self.len..self.len + CHUNK) {
            place.copy_from_slice(chunk);
            self.len += usize::from(len);
        }
    }

    /// Appends the first `len` of four ASCII bytes.
    #[inline]
    pub(super) fn short(&mut self, chunk: [u8; 4], len: u8) {
        if let Some(place) = self.bytes.get_mut(self.len..self.len + 4) {
            place.copy_from_slice(&chunk);
            self.len += usize::from(len);
        }
    }

    #[inline]
    pub(super) fn piece(&mut self, piece: Piece) {
        if let Some(place) = self.bytes.get_mut(self.len..self.len + CHUNK) {
            place[..8].copy_from_slice(&piece.low.to_le_bytes());
            place[8..].copy_from_slice(&piece.high.to_le_bytes());
            self.len += usize::from(piece.len);
        }
    }

    #[inline]
    pub(super) fn byte(&mut self, ascii: u8) {
        self.short([ascii, 0, 0, 0], 1);
    }

    /// A number with a minus sign where it needs one.
    #[inline]
    pub(super) fn signed(&mut self, number: i32) {
        // Written always, counted only when needed: the sign of operands can't be predicted, a store is cheap.
        self.short([b'-', 0, 0, 0], u8::from(number < 0));
        self.unsigned(number.unsigned_abs());
    }

    /// A number with a sign in any case, and `gap` blanks (0 or 1) behind the sign.
    #[inline]
    pub(super) fn with_sign(&mut self, number: i32, gap: u8) {
        let sign = if number < 0 { b'-' } else { b'+' };
        self.short([sign, b' ', 0, 0], 1 + gap);
        self.unsigned(number.unsigned_abs());
    }

    /// A decimal number.
    #[inline]
    pub(super) fn unsigned(&mut self, number: u32) {
        if number < LOW {
            let digits = eight_digits(number);
            // All zeros are the number 0, of which one digit stays.
            let leading = (digits.trailing_zeros() / 8).min(7);
            self.digits(digits >> (8 * leading), 8 - leading as u8);
        } else {
            let high = number / LOW;
            if high >= 10 {
                self.byte(b'0' + (high / 10) as u8);
            }
            self.byte(b'0' + (high % 10) as u8);
            self.digits(eight_digits(number % LOW), 8);
        }
    }

    #[inline]
    fn digits(&mut self, digits: u64, len: u8) {
        if let Some(place) = self.bytes.get_mut(self.len..self.len + 8) {
            place.copy_from_slice(&(digits | ZEROS).to_le_bytes());
            self.len += usize::from(len);
        }
    }

    /// A hexadecimal number behind `0x`.
    pub(super) fn hex(&mut self, number: u64) {
        self.short(*b"0x\0\0", 2);
        let digits = (16 - number.leading_zeros() / 4).max(1);
        for digit in (0..digits).rev() {
            self.byte(b"0123456789abcdef"[(number >> (4 * digit)) as usize & 15]);
        }
    }

    /// Takes `suffix` off the end if it is there.
    pub(super) fn strip(&mut self, suffix: &[u8]) {
        if self.bytes[..self.len].ends_with(suffix) {
            self.len -= suffix.len();
        }
    }

    /// Appends the line to `out`, and starts anew.
    #[inline]
    pub(super) fn flush(&mut self, out: &mut String) {
        // Whole chunks are checked, which is faster than the odd bytes of an end.
        let whole = self.len.next_multiple_of(CHUNK).min(SIZE);
        if let Some(text) =
            core::str::from_utf8(&self.bytes[..whole]).ok().and_then(|text| text.get(..self.len))
        {
            out.push_str(text);
        }
        self.len = 0;
    }
}

/// The decimal digits of a number below 10^8, one a byte, the first in the lowest: divisions of all digits at a time,
/// as products by a reciprocal in lanes of one word.
#[inline]
fn eight_digits(number: u32) -> u64 {
    let fours = u64::from(number / 10_000) | u64::from(number % 10_000) << 32;
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let twos = hundreds | (fours - 100 * hundreds) << 16;
    let tens = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | (twos - 10 * tens) << 8
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn numbers_are_what_the_standard_library_writes() {
        let around = (0..=9).flat_map(|power| {
            let ten = 10u32.pow(power);
            [ten - 1, ten, ten + 1, ten.saturating_mul(9), ten.wrapping_mul(37)]
        });
        for number in around.chain(0..20_000).chain([u32::MAX, i32::MAX as u32, 1 << 31]) {
            let mut line = Line::<ROOM>::new();
            line.unsigned(number);
            line.byte(b' ');
            line.signed(number as i32);
            line.byte(b' ');
            line.with_sign(number as i32, 0);
            line.byte(b' ');
            line.hex(u64::from(number) << (number % 32));
            for signs in [Signs::MINUS, Signs::both(0), Signs::both(1)] {
                line.byte(b' ');
                line.piece(Piece::number(number as i32, &signs));
            }
            let mut text = String::new();
            line.flush(&mut text);
            let hex = u64::from(number) << (number % 32);
            let signed = number as i32;
            let (sign, digits) = (if signed < 0 { '-' } else { '+' }, signed.unsigned_abs());
            let expected =
                format!("{number} {signed} {signed:+} {hex:#x} {signed} {signed:+} {sign} {digits}");
            assert_eq!(text, expected);
        }
    }
}
