//! Constant strings among a call's arguments, and formats, which must fit what is printed by them.
//! Source: `check_reg_const_str`, `check_bpf_snprintf_call` of kernel/bpf/verifier.c; `bpf_bprintf_prepare` of
//! kernel/bpf/helpers.c, Linux 6.18.

use skep_abi::MapFlags;
use skep_isa::Reg;
use skep_obj::MapInit;

use super::Call;
use crate::error::Reason;
use crate::explore::Explorer;
use crate::state::State;
use crate::value::{Kind, Value};

/// Bytes of a value that a format prints.
const PRINTED: u64 = 8;

impl<'a> Explorer<'a> {
    /// The string that a pointer leads to: in a map's value that can't change any more, ending in a zero byte.
    pub(crate) fn constant_string(&self, reg: Reg, value: &Value) -> Result<&'a [u8], Reason> {
        let refuse = |what: &str| Err(Reason::Forbidden { register: reg.0, what: what.to_owned() });
        let Kind::MapValue { map } = value.kind else {
            return refuse("does not point to a string in a map's value");
        };
        let Some(spec) = self.map_spec(map) else { return refuse("points to no map") };
        let MapInit::Data(data) = &spec.init else { return refuse("does not point to a readonly map'") };
        if !data.frozen || !spec.def.flags.contains(MapFlags::RDONLY_PROG) {
            return refuse("does not point to a readonly map'");
        }
        let Some(within) = value.num.as_constant() else { return refuse("is not a constant address'") };
        let start = i64::from(value.off).wrapping_add(within as i64);
        let bytes = usize::try_from(start).ok().and_then(|start| data.bytes.get(start..));
        let Some(bytes) = bytes else { return refuse("points outside of the map's value") };
        match bytes.iter().position(|byte| *byte == 0) {
            Some(end) => Ok(&bytes[..end]),
            None => refuse("string is not zero-terminated"),
        }
    }

    /// Checks the format of `bpf_snprintf` against the number of values it is given.
    pub(super) fn format_argument(&mut self, call: &Call, state: &State) -> Result<(), Reason> {
        let size = state.reg(Reg::R5);
        let Some(bytes) = size.as_constant().filter(|bytes| bytes % PRINTED == 0) else {
            return Err(call.wrong(Reg::R5, "a constant size that is a multiple of 8", size.to_string()));
        };
        let format = self.constant_string(Reg::R3, state.reg(Reg::R3))?;
        check_format(format, bytes / PRINTED).map_err(|why| {
            let found = String::from_utf8_lossy(format).into_owned();
            call.wrong(Reg::R3, &format!("a valid format: Invalid format string, {why}"), found)
        })
    }
}

/// Checks a format for so many values.
fn check_format(format: &[u8], values: u64) -> Result<(), &'static str> {
    // What is behind the end is the zero byte.
    let at = |index: usize| format.get(index).copied().unwrap_or(0);
    let ends_word = |byte: u8| byte == 0 || is_space(byte) || byte.is_ascii_punctuation();
    let mut used = 0;
    let mut i = 0;
    while i < format.len() {
        if !(at(i).is_ascii_graphic() || is_space(at(i))) {
            return Err("a character that can't be printed");
        }
        if at(i) != b'%' {
            i += 1;
            continue;
        }
        if at(i + 1) == b'%' {
            i += 2;
            continue;
        }
        if used >= values {
            return Err("more places than values");
        }
        i += 1;
        while matches!(at(i), b'0' | b'+' | b'-' | b' ') {
            i += 1;
        }
        if at(i) != b'0' {
            while at(i).is_ascii_digit() {
                i += 1;
            }
        }
        match at(i) {
            b'p' => match at(i + 1) {
                b'k' | b'u' if at(i + 2) == b's' => {
                    i += 2;
                    if !ends_word(at(i + 1)) {
                        return Err("a string followed by a letter");
                    }
                }
                b'K' | b'x' | b's' | b'S' | b'B' => i += 1,
                b'i' | b'I' if matches!(at(i + 2), b'4' | b'6') => i += 2,
                byte if ends_word(byte) => {}
                _ => return Err("an unknown kind of pointer"),
            },
            b's' if !ends_word(at(i + 1)) => return Err("a string followed by a letter"),
            b's' | b'c' => {}
            _ => {
                if at(i) == b'l' {
                    i += 1;
                }
                if at(i) == b'l' {
                    i += 1;
                }
                if !matches!(at(i), b'i' | b'd' | b'u' | b'x' | b'X') {
                    return Err("an unknown conversion");
                }
            }
        }
        used += 1;
        i += 1;
    }
    Ok(())
}

/// Whether it is white space to C.
fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

#[cfg(test)]
mod tests {
    use super::check_format;

    #[test]
    fn formats_are_those_that_linux_prints() {
        let right: [(&str, u64); 9] = [
            ("", 0),
            ("100%% of %d", 1),
            ("%lld %llx %lu %u", 4),
            ("%-5d|%08x|%+i", 3),
            ("%s, %c", 2),
            ("%pI4 %pi6 %p", 3),
            ("%pks.", 1),
            ("%pK", 1),
            ("only one: %d", 3),
        ];
        for (format, values) in right {
            assert_eq!(check_format(format.as_bytes(), values), Ok(()), "{format}");
        }
        let wrong: [(&str, u64); 8] = [
            ("%d", 0),
            ("%d %d", 1),
            ("%", 1),
            ("%sx", 1),
            ("%f", 1),
            ("%pZ", 1),
            ("\u{80}", 0),
            ("%llld", 1),
        ];
        for (format, values) in wrong {
            assert!(check_format(format.as_bytes(), values).is_err(), "{format}");
        }
    }
}
