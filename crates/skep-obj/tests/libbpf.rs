//! Maps and functions as libbpf understands the same file, by what bpftool says while it opens one.

mod compile;

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use compile::{Objects, Types, compilers};
use skep_obj::{MapInit, MapSpec, Object, Pinning};
use skep_testkit::{skip, tool};

/// What libbpf says: numbers by map and field, code bytes by program, and initial values in words.
#[derive(Debug, Default, PartialEq)]
struct Said {
    numbers: BTreeMap<(String, &'static str), u64>,
    programs: BTreeMap<(String, String), (u64, u64)>,
    slots: BTreeMap<(String, u64), String>,
    license: String,
}

/// The text between two others.
fn between<'a>(line: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}

fn number(text: &str) -> u64 {
    let text = text.trim_end_matches(['.', ' ']);
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).expect("a number"),
        None => text.parse().expect("a number"),
    }
}

impl Said {
    fn by_libbpf(log: &str) -> Said {
        let mut said = Said::default();
        for line in log.lines().filter_map(|line| line.strip_prefix("libbpf: ")) {
            if let Some(map) = between(line, "map '", "': found ") {
                let mut note =
                    |field, value: &str| said.numbers.insert((map.to_owned(), field), number(value));
                for (text, field) in [
                    ("found type = ", "type"),
                    ("found key_size = ", "key_size"),
                    ("found value_size = ", "value_size"),
                    ("found max_entries = ", "max_entries"),
                    ("found map_flags = ", "flags"),
                    ("found pinning = ", "pinning"),
                ] {
                    if let Some((_, value)) = line.split_once(text) {
                        note(field, value);
                    }
                }
                for (text, ty, size) in
                    [("found key [", "key_type", "key_size"), ("found value [", "value_type", "value_size")]
                {
                    if let Some((id, bytes)) =
                        line.split_once(text).and_then(|(_, v)| v.split_once("], sz = "))
                    {
                        note(ty, id);
                        note(size, bytes);
                    }
                }
            }
            if let Some(map) = between(line, "map '", "' (global data)") {
                // `object.data`: libbpf puts the file's name before the section's.
                let name = format!(".{}", map.split_once('.').expect("a section's name").1);
                let flags = line.rsplit_once("flags ").expect("flags").1;
                said.numbers.insert((name, "flags"), number(&format!("0x{}", flags.trim_end_matches('.'))));
            }
            if let (Some(section), Some(name)) =
                (between(line, "sec '", "'"), between(line, "found program '", "'"))
            {
                let offset = number(between(line, "(", " bytes").expect("an offset"));
                let size = number(line.rsplit_once('(').expect("a size").1.trim_end_matches(" bytes)"));
                said.programs.insert((section.to_owned(), name.to_owned()), (offset, size));
            }
            if let (Some(map), Some(slot)) = (between(line, "relo #", "slot ["), between(line, "slot [", "]"))
            {
                let map = between(map, "map '", "'").expect("a map").to_owned();
                let target = line.rsplit_once("points to ").expect("a target").1.to_owned();
                said.slots.insert((map, number(slot)), target);
            }
            if let Some((_, license)) = line.split_once("license of ").and_then(|(_, l)| l.split_once(" is "))
            {
                license.clone_into(&mut said.license);
            }
        }
        said
    }

    fn by_skep(object: &Object) -> Said {
        let mut said = Said { license: object.license.clone(), ..Said::default() };
        for map in &object.maps {
            match &map.init {
                MapInit::Data(_) => {
                    said.numbers.insert((map.name.clone(), "flags"), map.def.flags.0.into());
                }
                init => {
                    said.map(map);
                    map.inner.iter().for_each(|inner| said.map(inner));
                    match init {
                        MapInit::Programs(slots) => slots.iter().for_each(|&(slot, f)| {
                            let target = format!("prog '{}'", object.functions[f].name);
                            said.slots.insert((map.name.clone(), slot.into()), target);
                        }),
                        MapInit::Maps(slots) => slots.iter().for_each(|&(slot, inner)| {
                            let target = format!("map '{}'", object.maps[inner].name);
                            said.slots.insert((map.name.clone(), slot.into()), target);
                        }),
                        _ => {}
                    }
                }
            }
        }
        for f in &object.functions {
            let place = (f.offset, f.insns.len() as u64 * 8);
            said.programs.insert((f.section.clone(), f.name.clone()), place);
        }
        said
    }

    /// libbpf says nothing of what the source leaves open, nor of the value of a map of maps.
    fn map(&mut self, map: &MapSpec) {
        let values = matches!(map.init, MapInit::Programs(_) | MapInit::Maps(_));
        let mut note = |field, value: u64| {
            if value != 0 {
                self.numbers.insert((map.name.clone(), field), value);
            }
        };
        note("type", map.def.map_type.0.into());
        note("key_size", map.def.key_size.into());
        note("value_size", if values { 0 } else { map.def.value_size.into() });
        note("max_entries", map.def.max_entries.into());
        note("flags", map.def.flags.0.into());
        note("key_type", map.key_type.map_or(0, |id| id.0.into()));
        note("value_type", map.value_type.map_or(0, |id| id.0.into()));
        note("pinning", u64::from(map.pinning == Pinning::ByName));
    }
}

#[test]
fn libbpf_reads_the_same_maps_programs_and_slots() {
    let Some(bpftool) = tool("bpftool") else { skip!("bpftool is not installed") };
    let objects = Objects::new("libbpf_reads_the_same_maps_programs_and_slots");
    for compiler in compilers(Types::Yes) {
        if compiler.is_big_endian() {
            continue; // libbpf opens objects of the machine's own byte order only.
        }
        for source in ["count.c", "maps.c", "core.c"] {
            let Some(path) = objects.compile(&compiler, source) else { continue };
            let output = Command::new(&bpftool)
                .args(["-d", "gen", "skeleton"])
                .arg(&path)
                .output()
                .expect("bpftool starts");
            let log = String::from_utf8_lossy(&output.stderr);
            let expected = Said::by_libbpf(&log);
            assert!(!expected.programs.is_empty(), "{} {source}: {log}", compiler.name());
            let object = Object::from_elf(&fs::read(&path).unwrap()).unwrap();
            assert_eq!(Said::by_skep(&object), expected, "{} {source}", compiler.name());
        }
    }
}
