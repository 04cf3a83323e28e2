//! Formatting as `bpf_trace_printk` does it: which formats are refused, and what the others print.
//!
//! | conversion | prints |
//! |---|---|
//! | `%d %i %u %x %X`, with `l` or `ll` for 64 bits | a number |
//! | `%c` | a character |
//! | `%s %pks` | the string at an address; nothing if it can't be read |
//! | `%pus` | nothing: it is for addresses in user space |
//! | `%p %pK` | a number that stands for an address; null and error pointers as they are |
//! | `%px` | an address |
//! | `%ps %pS %pB` | an address: there are no symbols here |
//! | `%pI4 %pi4 %pI6 %pi6` | the IP address at an address; zeroes if it can't be read |
//!
//! Each takes flags of `0`, `+`, `-` and blank, and a width, which strings of `%pks %pus %pB` and IP addresses ignore.
//! Letters and digits behind a conversion that starts with `%p` are not printed. Everything else is `EINVAL`, as is a
//! conversion beyond the arguments, a control character other than white space, and a format without a zero byte at
//! its end. What is a letter, a blank or punctuation is a matter of ISO 8859-1, as everywhere in the kernel.
//! Source: `bpf_bprintf_prepare` of kernel/bpf/helpers.c; lib/vsprintf.c, lib/ctype.c, Linux 6.18.

use skep_abi::Errno;

use crate::random::mix;

/// Bytes of a message, its terminating zero byte included (`MAX_BPRINTF_BUF`).
const MESSAGE_MAX: usize = 1024;
/// Bytes that a message's strings, numbers and addresses may take together (`MAX_BPRINTF_BIN_ARGS`).
const ARGUMENTS_MAX: usize = 512;
/// The largest width (`FIELD_WIDTH_MAX`).
const WIDTH_MAX: usize = (1 << 23) - 1;
/// Digits of an address.
const ADDRESS_DIGITS: usize = 16;
/// Addresses from here on are negated error numbers (`MAX_ERRNO`).
const FIRST_ERROR_ADDRESS: u64 = u64::MAX - 4094;

/// A message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// What is printed: the first 1023 bytes.
    pub(crate) text: Vec<u8>,
    /// How long it would be with nothing cut off.
    pub(crate) len: usize,
}

/// Where a message's strings come from: up to so many bytes at an address, none if it can't be read.
pub(crate) type ReadMemory<'a> = dyn FnMut(u64, usize) -> Option<Vec<u8>> + 'a;

/// Formats a message. `secret` decides which numbers stand for which addresses.
pub(crate) fn print(
    format: &[u8],
    args: &[u64],
    secret: u64,
    memory: &mut ReadMemory<'_>,
) -> Result<Message, Errno> {
    let end = format.iter().position(|&b| b == 0).ok_or(Errno::EINVAL)?;
    let mut printer = Printer { args: args.iter(), secret, memory, used: 0, out: Message::new() };
    let mut rest = &format[..end];
    // Everything is checked before anything counts as printed: a bad conversion at the end prints nothing.
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte.is_ascii_control() && !is_space(byte) {
            return Err(Errno::EINVAL);
        }
        match (byte, after.first()) {
            (b'%', Some(b'%')) => {
                printer.out.push(b'%', 1);
                rest = &after[1..];
            }
            (b'%', _) => rest = printer.conversion(after)?,
            _ => printer.out.push(byte, 1),
        }
    }
    Ok(printer.out)
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r' | 0xa0)
}

fn is_punctuation(byte: u8) -> bool {
    byte.is_ascii_punctuation() || matches!(byte, 0xa1..=0xbf | 0xd7 | 0xf7)
}

fn is_alphanumeric(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0xc0 && !is_punctuation(byte)
}

/// Whether a conversion may end before this.
fn ends_conversion(next: Option<&u8>) -> bool {
    next.is_none_or(|&b| is_space(b) || is_punctuation(b))
}

/// Flags and width of a conversion.
#[derive(Clone, Copy, Debug, Default)]
struct Layout {
    left: bool,
    zeroes: bool,
    plus: bool,
    blank: bool,
    width: usize,
}

impl Layout {
    /// Reads flags and width; gives what follows.
    fn read(mut rest: &[u8]) -> (Layout, &[u8]) {
        let mut layout = Layout::default();
        while let Some((&byte, after)) = rest.split_first() {
            match byte {
                b'0' => layout.zeroes = true,
                b'+' => layout.plus = true,
                b'-' => layout.left = true,
                b' ' => layout.blank = true,
                b'1'..=b'9' => break,
                _ => return (layout, rest),
            }
            rest = after;
        }
        while let Some((&digit @ b'0'..=b'9', after)) = rest.split_first() {
            layout.width = (layout.width * 10 + usize::from(digit - b'0')).min(WIDTH_MAX);
            rest = after;
        }
        (layout, rest)
    }
}

impl Message {
    fn new() -> Message {
        Message { text: Vec::new(), len: 0 }
    }

    /// Appends a byte some number of times.
    fn push(&mut self, byte: u8, times: usize) {
        let room = (MESSAGE_MAX - 1).saturating_sub(self.text.len());
        self.text.resize(self.text.len() + room.min(times), byte);
        self.len += times;
    }

    fn extend(&mut self, bytes: &[u8]) {
        let room = (MESSAGE_MAX - 1).saturating_sub(self.text.len());
        self.text.extend(&bytes[..bytes.len().min(room)]);
        self.len += bytes.len();
    }

    /// Appends text, filled up with blanks to the layout's width.
    fn field(&mut self, text: &[u8], layout: Layout) {
        let fill = layout.width.saturating_sub(text.len());
        if !layout.left {
            self.push(b' ', fill);
        }
        self.extend(text);
        if layout.left {
            self.push(b' ', fill);
        }
    }

    /// Appends a number: sign, digits, and zeroes between them if the layout says so.
    fn number(&mut self, sign: &str, digits: &str, layout: Layout) {
        let len = sign.len() + digits.len();
        if layout.zeroes && !layout.left && len < layout.width {
            self.extend(sign.as_bytes());
            self.push(b'0', layout.width - len);
            self.extend(digits.as_bytes());
        } else {
            self.field(format!("{sign}{digits}").as_bytes(), layout);
        }
    }
}

struct Printer<'a, 'm> {
    args: std::slice::Iter<'a, u64>,
    secret: u64,
    memory: &'a mut ReadMemory<'m>,
    /// Bytes of [`ARGUMENTS_MAX`] that are used up.
    used: usize,
    out: Message,
}

impl Printer<'_, '_> {
    /// Prints what the conversion behind a `%` says; gives what follows it.
    fn conversion<'f>(&mut self, rest: &'f [u8]) -> Result<&'f [u8], Errno> {
        let arg = *self.args.next().ok_or(Errno::EINVAL)?;
        let (layout, rest) = Layout::read(rest);
        let long = rest.iter().take(2).take_while(|&&b| b == b'l').count();
        match (long, &rest[long..]) {
            (0, [b'p', rest @ ..]) => {
                let rest = self.pointer(arg, layout, rest)?;
                Ok(&rest[rest.iter().take_while(|&&b| is_alphanumeric(b)).count()..])
            }
            (0, [b's', rest @ ..]) => {
                let text = self.string(arg, rest)?;
                self.out.field(&text, layout);
                Ok(rest)
            }
            (0, [b'c', rest @ ..]) => {
                self.reserve(1)?;
                self.out.field(&[arg as u8], layout);
                Ok(rest)
            }
            (_, [kind @ (b'd' | b'i' | b'u' | b'x' | b'X'), rest @ ..]) => {
                self.reserve_aligned(if long == 0 { 4 } else { 8 })?;
                self.number(arg, layout, *kind, long > 0);
                Ok(rest)
            }
            _ => Err(Errno::EINVAL),
        }
    }

    /// Takes room for an argument.
    fn reserve(&mut self, bytes: usize) -> Result<(), Errno> {
        self.used += bytes;
        if self.used > ARGUMENTS_MAX { Err(Errno::ENOSPC) } else { Ok(()) }
    }

    fn reserve_aligned(&mut self, bytes: usize) -> Result<(), Errno> {
        self.used = self.used.next_multiple_of(4);
        self.reserve(bytes)
    }

    fn number(&mut self, arg: u64, layout: Layout, kind: u8, long: bool) {
        let unsigned = if long { arg } else { u64::from(arg as u32) };
        match kind {
            b'x' => self.out.number("", &format!("{unsigned:x}"), layout),
            b'X' => self.out.number("", &format!("{unsigned:X}"), layout),
            b'u' => self.out.number("", &unsigned.to_string(), layout),
            _ => {
                let signed = if long { arg as i64 } else { i64::from(arg as i32) };
                let sign = match signed {
                    ..0 => "-",
                    _ if layout.plus => "+",
                    _ if layout.blank => " ",
                    _ => "",
                };
                self.out.number(sign, &signed.unsigned_abs().to_string(), layout);
            }
        }
    }

    /// What follows `%p` says how to print an address, or what is there.
    fn pointer<'f>(&mut self, arg: u64, layout: Layout, rest: &'f [u8]) -> Result<&'f [u8], Errno> {
        if let [space @ (b'k' | b'u'), b's', rest @ ..] = rest {
            // Programs have no addresses in user space, so there is nothing to be read there.
            let text = self.string(if *space == b'u' { 0 } else { arg }, rest)?;
            self.out.extend(&text);
            return Ok(rest);
        }
        if let [kind @ (b'i' | b'I'), version @ (b'4' | b'6'), rest @ ..] = rest {
            self.ip_address(arg, *kind, *version)?;
            return Ok(rest);
        }
        self.reserve_aligned(8)?;
        match rest {
            [b'x', rest @ ..] => {
                self.address(arg, layout);
                Ok(rest)
            }
            [b's' | b'S', rest @ ..] => {
                self.out.field(format!("{arg:#x}").as_bytes(), layout);
                Ok(rest)
            }
            [b'B', rest @ ..] => {
                self.out.extend(format!("{arg:#x}").as_bytes());
                Ok(rest)
            }
            [b'K', rest @ ..] => {
                self.hidden(arg, layout);
                Ok(rest)
            }
            _ if ends_conversion(rest.first()) => {
                self.hidden(arg, layout);
                Ok(rest)
            }
            _ => Err(Errno::EINVAL),
        }
    }

    /// Prints all digits of an address.
    fn address(&mut self, arg: u64, layout: Layout) {
        let whole = Layout { width: ADDRESS_DIGITS, zeroes: true, ..layout };
        let layout = if layout.width == 0 { whole } else { layout };
        self.out.number("", &format!("{arg:x}"), layout);
    }

    /// Prints 32 bits that tell addresses apart without giving them away.
    fn hidden(&mut self, arg: u64, layout: Layout) {
        let is_address = (1..FIRST_ERROR_ADDRESS).contains(&arg);
        let shown = if is_address { mix(arg ^ self.secret) & u64::from(u32::MAX) } else { arg };
        self.address(shown, layout);
    }

    /// The string at an address, if the conversion may end before `rest`.
    fn string(&mut self, arg: u64, rest: &[u8]) -> Result<Vec<u8>, Errno> {
        if !ends_conversion(rest.first()) {
            return Err(Errno::EINVAL);
        }
        let room = ARGUMENTS_MAX - self.used;
        if room == 0 {
            return Err(Errno::ENOSPC);
        }
        let mut text = (self.memory)(arg, room).unwrap_or_default();
        // The last byte of the room is for the string's end.
        text.truncate(text.iter().position(|&b| b == 0).unwrap_or(text.len()).min(room - 1));
        self.reserve(text.len() + 1)?;
        Ok(text)
    }

    fn ip_address(&mut self, arg: u64, kind: u8, version: u8) -> Result<(), Errno> {
        let size = if version == b'4' { 4 } else { 16 };
        if ARGUMENTS_MAX - self.used < size {
            return Err(Errno::ENOSPC);
        }
        let bytes = (self.memory)(arg, size).filter(|b| b.len() == size).unwrap_or_else(|| vec![0; size]);
        let text = match (kind, version) {
            (b'I', b'4') => joined(bytes.iter(), ".", u8::to_string),
            (_, b'4') => joined(bytes.iter(), ".", |b| format!("{b:03}")),
            (b'I', _) => joined(bytes.chunks(2), ":", |pair| format!("{:02x}{:02x}", pair[0], pair[1])),
            _ => joined(bytes.iter(), "", |b| format!("{b:02x}")),
        };
        self.reserve((text.len() + 1).min(ARGUMENTS_MAX - self.used))?;
        self.out.extend(text.as_bytes());
        Ok(())
    }
}

/// The items' texts with something between each two.
fn joined<T>(items: impl Iterator<Item = T>, between: &str, text: impl Fn(T) -> String) -> String {
    let mut out = String::new();
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push_str(between);
        }
        out.push_str(&text(item));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Memory that holds one string, at address 0x1000.
    fn memory(address: u64, len: usize) -> Option<Vec<u8>> {
        let text = b"\x7f\x00\x00\x01\x20\x01\x0d\xb8\0\0\0\0\0\0\0\x09words\0more";
        let text = text.get(address.checked_sub(0x1000)? as usize..)?;
        Some(text[..len.min(text.len())].to_vec())
    }

    fn printed(format: &str, args: &[u64]) -> Result<String, Errno> {
        let message = print(format!("{format}\0").as_bytes(), args, 1, &mut memory)?;
        assert_eq!(message.len, message.text.len());
        Ok(String::from_utf8(message.text).expect("ASCII"))
    }

    #[track_caller]
    fn check(format: &str, args: &[u64], expected: &str) {
        assert_eq!(printed(format, args).as_deref(), Ok(expected), "{format}");
    }

    #[test]
    fn numbers_have_the_width_of_their_type() {
        let minus = -2i64 as u64;
        check("%d %u %x", &[minus; 3], "-2 4294967294 fffffffe");
        check("%ld %lu %llX", &[minus; 3], "-2 18446744073709551614 FFFFFFFFFFFFFFFE");
        check("%i%%", &[7], "7%");
        check("[%5d|%-5d|%05d]", &[minus; 3], "[   -2|-2   |-0002]");
        check("[%+d|% d|%+x]", &[3; 3], "[+3| 3|3]");
        check("[%-05x]", &[0xab], "[ab   ]");
    }

    #[test]
    fn characters_strings_and_addresses() {
        check("%c%3c%-3c|", &[65, 66, 67], "A  BC  |");
        check("%s,%8s,%-8s|", &[0x1010; 3], "words,   words,words   |");
        check("%pks.%8pks.%pus.", &[0x1010; 3], "words.words..");
        check("%s|", &[0], "|");
        check("%pI4 %pi4", &[0x1000, 0x1000], "127.0.0.1 127.000.000.001");
        check("%pI6", &[0x1000], "7f00:0001:2001:0db8:0000:0000:0000:0009");
        check("%pi6", &[0x1000], "7f00000120010db80000000000000009");
        check("%20pI4abc.", &[3], "0.0.0.0.");
        check("é %dé", &[3], "é 3é");
        check("%px %pS %pB", &[0xabc; 3], "0000000000000abc 0xabc 0xabc");
        check("%p %p", &[0, u64::MAX], "0000000000000000 ffffffffffffffff");
    }

    #[test]
    fn addresses_are_hidden_but_told_apart() {
        let (a, b) = (printed("%p", &[0x1000]), printed("%p", &[0x1008]));
        assert_ne!(a, b);
        assert_eq!(a, printed("%pK", &[0x1000]));
        assert!(a.expect("printed").starts_with("00000000"));
    }

    #[test]
    fn what_linux_refuses_is_refused() {
        for bad in [
            "%", "%l", "%lc", "%lld%d", "%.3d", "%#x", "%hd", "%lp", "%sx", "%pI5", "%pq", "%f", "%n",
            "\x01", "\x7f", "%é", "%sé",
        ] {
            assert_eq!(printed(bad, &[1]), Err(Errno::EINVAL), "{bad}");
        }
        assert_eq!(print(b"no end", &[], 0, &mut memory), Err(Errno::EINVAL));
        assert_eq!(printed("%llld", &[1]), Err(Errno::EINVAL));
    }

    #[test]
    fn a_long_message_is_cut_and_its_length_told() {
        let message = print(b"%2000d.\0", &[5], 0, &mut memory).expect("printed");
        assert_eq!((message.text.len(), message.len), (1023, 2001));
        let message = print(b"%99999999999d\0", &[5], 0, &mut memory).expect("printed");
        assert_eq!(message.len, WIDTH_MAX);
        let mut long = |_: u64, len: usize| Some(vec![b'a'; len]);
        assert_eq!(print(b"%s%d\0", &[1, 1], 0, &mut long), Err(Errno::ENOSPC));
        assert_eq!(print(b"%s\0", &[1], 0, &mut long).expect("printed").len, 511);
    }
}
