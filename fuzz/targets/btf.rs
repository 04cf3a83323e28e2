//! BTF: any bytes are read or refused; what is read answers every question, and survives being written.
#![no_main]
#![forbid(unsafe_code)]

use libfuzzer_sys::fuzz_target;
use skep_btf::{Btf, BtfBuilder, BtfExt, BtfMapDef, Endian, Kind};

/// Types that are asked about in one run: questions about all of a long table would make a run slow, not thorough.
const TYPES_ASKED: usize = 64;

/// What the first four bytes of an input say about the others.
struct Plan {
    /// Whether the others are a whole `.BTF` section, for the fuzzer to find out what a header may be.
    is_whole: bool,
    /// Otherwise, how many of them are names, and how many `.BTF.ext`; the rest is types.
    names: usize,
    ext: usize,
}

fuzz_target!(|data: &[u8]| {
    let Some(([flags, names, ext_low, ext_high], rest)) = data.split_first_chunk::<4>() else { return };
    let ext = usize::from(u16::from_le_bytes([*ext_low, *ext_high]));
    let plan = Plan { is_whole: flags & 1 == 1, names: usize::from(*names), ext };
    let Some((types, ext)) = sections(&plan, rest) else { return };
    let Ok(btf) = Btf::parse(&types) else { return };

    ask(&btf);
    for endian in [Endian::Little, Endian::Big] {
        let again = Btf::parse(&btf.to_bytes(endian)).expect("what was written is read");
        assert_eq!(again.type_count(), btf.type_count());
        assert_eq!(again.to_bytes(endian), btf.to_bytes(endian), "writing is stable");
    }
    if let Ok(ext) = BtfExt::parse(&ext, &btf) {
        let again = BtfExt::parse(&ext.to_bytes(btf.endian()), &btf).expect("what was written is read");
        assert_eq!(again.to_bytes(Endian::Little), ext.to_bytes(Endian::Little), "writing is stable");
    }
});

/// The bytes of a `.BTF` section and of a `.BTF.ext` section.
///
/// The headers count bytes; a fuzzer that must keep those counts right finds little else. So they are taken from the
/// writer, which writes them for empty sections, and the counts filled in.
fn sections(plan: &Plan, rest: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    if plan.is_whole {
        return Some((rest.to_vec(), Vec::new()));
    }
    let (names, rest) = rest.split_at_checked(plan.names)?;
    let (ext, types) = rest.split_at_checked(plan.ext)?;

    let empty = BtfBuilder::new().finish().expect("no types are fine");
    let mut btf = empty.to_bytes(Endian::Little);
    let header = btf.len() - 1; // the name of what has none
    btf.truncate(header);
    let types_len = (types.len() - types.len() % 4) as u32;
    fill(&mut btf, &[types_len, types_len, names.len() as u32 + 2]);
    btf.extend(&types[..types_len as usize]);
    btf.push(0);
    btf.extend(names);
    btf.push(0);

    // Functions, lines, and relocations: a third each.
    let mut ext_section =
        BtfExt { funcs: Vec::new(), lines: Vec::new(), core_relos: Vec::new() }.to_bytes(Endian::Little);
    let third = (ext.len() / 12 * 4) as u32;
    fill(&mut ext_section, &[0, third, third, third, 2 * third, third]);
    ext_section.extend(&ext[..3 * third as usize]);
    Some((btf, ext_section))
}

/// Overwrites the last words of a header.
fn fill(header: &mut [u8], words: &[u32]) {
    let at = header.len() - 4 * words.len();
    header[at..].copy_from_slice(&words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>());
}

/// Asks what a loader and a printer of map contents would; an answer may be an error, never a panic.
fn ask(btf: &Btf) {
    let bytes: Vec<u8> = (0..=255).collect();
    for (id, kind) in btf.types().take(TYPES_ASKED) {
        let _ = (btf.type_name(id), btf.resolve(id), btf.align_of(id), BtfMapDef::read(btf, id));
        let _ = (btf.find_member(id, "a"), btf.find(btf.name(kind.name()), Kind::Struct));
        let size = btf.size_of(id).map_or(0, |size| size as usize);
        if let Ok(value) = btf.value(id, &bytes[..size.min(bytes.len())]) {
            let _ = (value.to_string(), value.to_json_string());
        }
    }
}
