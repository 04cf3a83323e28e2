//! How a [`Value`] is shown: as text for people, as JSON for programs.
//!
//! Text: `{ src = 10, proto = IPPROTO_TCP, name = "eth0", next = 0xffff8880, flags = [1, 2] }`. It is one line
//! whatever the value.
//!
//! JSON: structures and unions are objects, enumerators strings, pointers strings in hexadecimal. Numbers that
//! don't fit into 64 bits, and floating point numbers that aren't finite, are strings, because many readers
//! fail at them.

use crate::value::Value;
use std::fmt::{self, Write};

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(value) => write!(f, "{value}"),
            Self::Uint(value) => write!(f, "{value}"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Char(value @ 0x20..0x7f) => write!(f, "{:?}", char::from(*value)),
            Self::Char(value) => write!(f, "{value}"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Enum { name: Some(name), .. } => f.write_str(name),
            Self::Enum { name: None, value } => write!(f, "{value}"),
            Self::Ptr(address) => write!(f, "{address:#x}"),
            Self::Float(value) => write!(f, "{value}"),
            Self::Bytes(bytes) => hex(f, bytes),
            Self::Array(values) => {
                f.write_char('[')?;
                for (index, value) in values.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{value}")?;
                }
                f.write_char(']')
            }
            Self::Struct(members) | Self::Union(members) if members.is_empty() => f.write_str("{}"),
            Self::Struct(members) | Self::Union(members) => {
                f.write_char('{')?;
                for (index, (name, value)) in members.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    write!(f, "{comma} {name} = {value}")?;
                }
                f.write_str(" }")
            }
        }
    }
}

impl Value<'_> {
    /// The value as one line of JSON.
    pub fn to_json_string(&self) -> String {
        let mut out = String::new();
        // Writing to a string never fails.
        let _ = self.write_json(&mut out);
        out
    }

    /// Writes the value as one line of JSON.
    pub fn write_json(&self, out: &mut impl Write) -> fmt::Result {
        match self {
            Self::Int(value) => json_number(out, *value, i64::try_from(*value).is_ok()),
            Self::Uint(value) => json_number(out, *value, u64::try_from(*value).is_ok()),
            Self::Bool(value) => write!(out, "{value}"),
            Self::Char(value @ 0x20..0x7f) => json_string(out, char::from(*value).encode_utf8(&mut [0; 4])),
            Self::Char(value) => write!(out, "{value}"),
            Self::Text(text) => json_string(out, text),
            Self::Enum { name: Some(name), .. } => json_string(out, name),
            Self::Enum { name: None, value } => write!(out, "{value}"),
            Self::Ptr(address) => write!(out, "\"{address:#x}\""),
            Self::Float(value) => json_number(out, *value, value.is_finite()),
            Self::Bytes(bytes) => {
                out.write_char('"')?;
                hex(out, bytes)?;
                out.write_char('"')
            }
            Self::Array(values) => {
                out.write_char('[')?;
                for (index, value) in values.iter().enumerate() {
                    if index != 0 {
                        out.write_char(',')?;
                    }
                    value.write_json(out)?;
                }
                out.write_char(']')
            }
            Self::Struct(members) | Self::Union(members) => {
                out.write_char('{')?;
                for (index, (name, value)) in members.iter().enumerate() {
                    if index != 0 {
                        out.write_char(',')?;
                    }
                    json_string(out, name)?;
                    out.write_char(':')?;
                    value.write_json(out)?;
                }
                out.write_char('}')
            }
        }
    }
}

fn json_number(out: &mut impl Write, value: impl fmt::Display, fits: bool) -> fmt::Result {
    if fits { write!(out, "{value}") } else { write!(out, "\"{value}\"") }
}

fn json_string(out: &mut impl Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' => out.write_str("\\\"")?,
            '\\' => out.write_str("\\\\")?,
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            c if c < ' ' => write!(out, "\\u{:04x}", u32::from(c))?,
            c => out.write_char(c)?,
        }
    }
    out.write_char('"')
}

/// Bytes in the order of memory.
fn hex(out: &mut impl Write, bytes: &[u8]) -> fmt::Result {
    out.write_str("0x")?;
    bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
}
