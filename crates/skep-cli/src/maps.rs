//! What maps hold after a run, seen through their types, as text and as JSON.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};
use skep::abi::MapType;
use skep::btf::{Btf, Kind, TypeId};
use skep::host::{Host, Loaded};
use skep::obj::{MapSpec, Object};

use crate::failure::Failure;

/// Most elements of a map, or records of a ring buffer, that are shown.
const SHOWN_MAX: usize = 10_000;

/// What a map holds.
pub(crate) struct Contents {
    name: String,
    map_type: MapType,
    elements: Vec<Element>,
    /// Elements that are there but not shown: zeroes of arrays, and what exceeds [`SHOWN_MAX`].
    zeroes: usize,
    more: usize,
}

/// A key with its values, one a CPU for per-CPU maps; or a record, which has no key.
struct Element {
    key: Option<Seen>,
    values: Vec<Seen>,
}

/// Bytes, seen through their type where there is one.
struct Seen {
    text: String,
    json: Json,
}

/// Reads all maps of an object, in its order. Ring buffers are drained; `record` is the type of their records.
pub(crate) fn read(
    host: &mut dyn Host,
    object: &Object,
    loaded: &Loaded,
    record: Option<&str>,
) -> Result<Vec<Contents>, Failure> {
    let record = record.map(|name| named_type(object, name)).transpose()?;
    let mut all = Vec::with_capacity(object.maps.len());
    for (spec, &id) in object.maps.iter().zip(&loaded.maps) {
        let mut contents = Contents {
            name: spec.name.clone(),
            map_type: spec.def.map_type,
            elements: Vec::new(),
            zeroes: 0,
            more: 0,
        };
        match spec.def.map_type {
            MapType::Ringbuf => {
                let btf = object.btf.as_deref();
                host.drain(id, &mut |bytes| {
                    if contents.elements.len() < SHOWN_MAX {
                        let values = vec![see(btf, record, bytes)];
                        contents.elements.push(Element { key: None, values });
                    } else {
                        contents.more += 1;
                    }
                })?;
            }
            // Programs are no values; queues give elements only by taking them out.
            MapType::ProgArray | MapType::Queue | MapType::Stack => continue,
            _ => elements(host, object, spec, id, &mut contents)?,
        }
        all.push(contents);
    }
    Ok(all)
}

/// A type of the object by its name: a structure, a typedef or anything else that has values.
fn named_type(object: &Object, name: &str) -> Result<TypeId, Failure> {
    let Some(btf) = &object.btf else {
        return Err(Failure::Message(format!("--records {name}: the program carries no types")));
    };
    let name = name.trim_start_matches("struct ");
    [Kind::Struct, Kind::Typedef, Kind::Union, Kind::Int, Kind::Enum]
        .into_iter()
        .find_map(|kind| btf.find(name, kind))
        .ok_or_else(|| Failure::Message(format!("--records {name}: the program has no type of this name")))
}

/// All elements, in the order of their keys' bytes, so that the order tells nothing of the host.
fn elements(
    host: &mut dyn Host,
    object: &Object,
    spec: &MapSpec,
    id: skep::host::MapId,
    contents: &mut Contents,
) -> Result<(), Failure> {
    let btf = object.btf.as_deref();
    let is_array = matches!(spec.def.map_type, MapType::Array | MapType::PercpuArray);
    let mut found: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let mut key: Option<Vec<u8>> = None;
    while let Some(next) = host.next_key(id, key.as_deref())? {
        // An element may be gone between the two calls, when a program runs elsewhere.
        if let Some(value) = host.lookup(id, &next)? {
            if is_array && spec.def.max_entries > 1 && value.iter().all(|&b| b == 0) {
                contents.zeroes += 1;
            } else if found.len() < SHOWN_MAX {
                found.push((next.clone(), value));
            } else {
                contents.more += 1;
            }
        }
        key = Some(next);
    }
    if !is_array {
        found.sort();
    }
    let size = spec.def.value_size as usize;
    let stride = if spec.def.map_type.is_percpu() { size.next_multiple_of(8) } else { size };
    for (key, value) in found {
        let values = value.chunks(stride.max(1)).map(|v| see(btf, spec.value_type, &v[..size.min(v.len())]));
        let key = see(btf, spec.key_type.filter(|id| id.0 != 0), &key);
        contents.elements.push(Element { key: Some(key), values: values.collect() });
    }
    Ok(())
}

/// Bytes through a type; as hex where there is none or it does not fit.
fn see(btf: Option<&Btf>, id: Option<TypeId>, bytes: &[u8]) -> Seen {
    let typed = btf.zip(id).and_then(|(btf, id)| btf.value(id, bytes).ok());
    match typed {
        Some(value) => {
            let json = serde_json::from_str(&value.to_json_string()).unwrap_or(Json::Null);
            Seen { text: value.to_string(), json }
        }
        // Without types, a number is the likeliest thing in four or eight bytes.
        None => match bytes.len() {
            4 | 8 => {
                let mut wide = [0; 8];
                wide[..bytes.len()].copy_from_slice(bytes);
                let number = u64::from_le_bytes(wide);
                Seen { text: number.to_string(), json: json!(number) }
            }
            _ => {
                let hex = hex(bytes);
                Seen { json: json!(hex), text: hex }
            }
        },
    }
}

/// Bytes as digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

impl Contents {
    /// As lines for people.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        let what = if self.map_type == MapType::Ringbuf { "record" } else { "element" };
        let n = self.elements.len() + self.more;
        let _ = writeln!(out, "map {} ({}): {n} {what}{}", self.name, self.map_type, plural(n));
        for element in &self.elements {
            let values = match &element.values[..] {
                [one] => one.text.clone(),
                several => {
                    let texts: Vec<&str> = several.iter().map(|v| v.text.as_str()).collect();
                    format!("[{}]", texts.join(", "))
                }
            };
            let _ = match &element.key {
                Some(key) => writeln!(out, "  {}: {values}", key.text),
                None => writeln!(out, "  {values}"),
            };
        }
        if self.zeroes > 0 {
            let _ = writeln!(
                out,
                "  ({} element{} zero)",
                self.zeroes,
                if self.zeroes == 1 { " is" } else { "s are" }
            );
        }
        if self.more > 0 {
            let _ = writeln!(out, "  ({} more)", self.more);
        }
        out
    }

    /// As JSON: `name`, `type`, `elements` with `key` and `value` (`values`, one a CPU, for per-CPU maps).
    pub(crate) fn json(&self) -> Json {
        let elements: Vec<Json> = self
            .elements
            .iter()
            .map(|element| {
                let mut one = serde_json::Map::new();
                if let Some(key) = &element.key {
                    one.insert("key".into(), key.json.clone());
                }
                if self.map_type.is_percpu() {
                    one.insert("values".into(), element.values.iter().map(|v| v.json.clone()).collect());
                } else if let [value] = &element.values[..] {
                    one.insert("value".into(), value.json.clone());
                }
                Json::Object(one)
            })
            .collect();
        json!({
            "name": self.name, "type": self.map_type.name(), "elements": elements,
            "zero_elements": self.zeroes, "more": self.more,
        })
    }
}

/// The plural's ending.
pub(crate) fn plural(n: usize) -> &'static str {
    if n == 1 { "" } else { "s" }
}
