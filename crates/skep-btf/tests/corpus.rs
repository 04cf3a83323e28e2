//! BTF as others make it is read, understood as bpftool understands it, and written back byte for byte.

mod oracle;

use serde_json::Value as Json;
use skep_btf::*;
use std::process::Command;
use std::time::Instant;
use std::{fs, path::Path};

/// What Linux's verdict on a file is about if it isn't about the format: rules between types, which are not
/// checked while reading.
const RULES: &[&str] = &[
    "Invalid member bits_offset",
    "Linkage not supported",
    "Invalid type",
    "Invalid size",
    "Invalid offset",
    "Not a VAR kind member",
    "Invalid member",
    "Invalid elem",
    "Member exceeds struct_size",
    "Loop detected",
    "Invalid index",
    "Invalid array of int",
    "size != 0",
    "type != 0",
    "Invalid int_data",
    "Invalid name",
    "Invalid arg",
    "Invalid return type",
    "Invalid func linkage",
    "Invalid btf_info kind_flag",
    "vlen != 0",
    "Invalid value",
    "Invalid component_idx",
    "Type tags don't precede modifiers",
    "Member is not properly aligned",
    "No type found",
];

#[test]
fn selftest_files_are_read_as_linux_reads_them_and_written_back() {
    let test = "selftest files";
    let Some(dir) = oracle::selftests(test) else { return };
    let manifest = fs::read_to_string(dir.file("selftest-data/MANIFEST.tsv")).expect("the manifest");
    let (mut read, mut refused) = (0, 0);
    for line in manifest.lines() {
        let columns: Vec<_> = line.split('\t').collect();
        let number: usize = columns[1].parse().expect("a number");
        let files = match columns[0] {
            "dedup" => vec![format!("dedup_{number:02}.in.btf"), format!("dedup_{number:02}.expect.btf")],
            _ => vec![format!("raw_{number:03}.btf")],
        };
        let verdict = columns.iter().find_map(|column| column.strip_prefix("err_str=")).unwrap_or_default();
        for file in files {
            let data = fs::read(dir.file(&format!("selftest-data/{file}"))).expect("a file of the manifest");
            match Btf::parse(&data) {
                Ok(btf) => {
                    read += 1;
                    // The header is written as Linux 6.18 has it, 24 bytes; some files have a later one.
                    let header_len = usize::from(data[4]);
                    let written = btf.to_bytes(btf.endian());
                    assert_eq!(written[24..], data[header_len..], "{file} is written as it was read");
                    let swapped = Btf::parse(&btf.to_bytes(Endian::Big)).expect("its other byte order");
                    assert_eq!(swapped, btf, "{file} is the same in both byte orders");
                    let format = verdict.is_empty() || RULES.iter().any(|rule| verdict.starts_with(rule));
                    assert!(format, "{file} was read, but Linux says: {verdict}");
                }
                Err(error) => {
                    refused += 1;
                    assert!(!verdict.is_empty(), "{file} was refused, but Linux takes it: {error}");
                }
            }
        }
    }
    assert!(read > 200 && refused > 5, "{read} read, {refused} refused");
}

#[test]
fn the_running_kernels_btf_is_written_back_byte_for_byte() {
    let Some(data) = oracle::vmlinux("vmlinux round trip") else { return };
    let start = Instant::now();
    let btf = Btf::parse(&data).expect("the kernel's own BTF");
    let parse = start.elapsed();
    let bytes = btf.to_bytes(Endian::NATIVE);
    assert!(bytes == data, "the bytes differ");
    let start = Instant::now();
    let task = btf.find("task_struct", Kind::Struct).expect("struct task_struct");
    let first = start.elapsed();
    let start = Instant::now();
    assert!(btf.find("sk_buff", Kind::Struct).is_some());
    let next = start.elapsed();
    eprintln!("{} types: parsed in {parse:?}, first name in {first:?}, next in {next:?}", btf.type_count());
    assert!(btf.find_member(task, "pid").expect("members").is_some());
    let swapped = Btf::parse(&btf.to_bytes(Endian::Big)).expect("the other byte order");
    assert!(swapped == btf, "the other byte order differs");
}

#[test]
fn the_running_kernels_types_have_sizes_and_alignments_that_fit() {
    let Some(data) = oracle::vmlinux("vmlinux sizes") else { return };
    let btf = Btf::parse(&data).expect("the kernel's own BTF");
    let mut packed = 0;
    for (id, ty) in btf.types() {
        assert!(!btf.type_name(id).is_empty());
        if let Type::Struct(composite) = ty {
            assert_eq!(btf.size_of(id), Ok(composite.size));
            let align = btf.align_of(id).expect("an alignment");
            assert_eq!(composite.size % align, 0);
            packed += u32::from(align == 1);
        }
    }
    assert!(packed > 0, "a kernel has packed structures");
}

#[test]
fn bpftool_sees_the_same_types_in_the_running_kernels_btf() {
    let test = "bpftool on vmlinux";
    let Some(data) = oracle::vmlinux(test) else { return };
    compare_with_bpftool(test, Path::new(oracle::VMLINUX), &Btf::parse(&data).expect("the kernel's own BTF"));
}

#[test]
fn bpftool_sees_the_same_types_in_selftest_files() {
    let test = "bpftool on selftest files";
    let Some(dir) = oracle::selftests(test) else { return };
    for number in 0..28 {
        let path = dir.file(&format!("selftest-data/dedup_{number:02}.in.btf"));
        let btf = Btf::parse(&fs::read(&path).expect("a file")).expect("valid BTF");
        compare_with_bpftool(test, &path, &btf);
    }
}

/// Compares every type with what `bpftool --json btf dump` says of it.
fn compare_with_bpftool(test: &str, path: &Path, btf: &Btf) {
    if !oracle::installed("bpftool") {
        return oracle::skipped(test, "bpftool is not installed");
    }
    let mut command = Command::new("bpftool");
    let Some(out) = oracle::run(test, command.args(["--json", "btf", "dump", "file"]).arg(path)) else {
        return;
    };
    let json: Json = serde_json::from_slice(&out).expect("JSON of bpftool");
    let types = json["types"].as_array().expect("types");
    assert_eq!(types.len() as u32 + 1, btf.type_count());
    for ((id, ty), theirs) in btf.types().zip(types) {
        let ours = describe(btf, id, ty);
        let theirs = normalise(theirs);
        assert_eq!(ours, theirs, "type {id}");
    }
}

fn name(btf: &Btf, id: StrId) -> Json {
    if id == StrId::EMPTY || btf.name(id).is_empty() { "(anon)".into() } else { btf.name(id).into() }
}

/// A type in bpftool's JSON, as far as both say the same.
fn describe(btf: &Btf, id: TypeId, ty: Type<'_>) -> Json {
    let linkage = |linkage: Linkage| ["static", "global", "extern"][linkage.0 as usize];
    let mut json = serde_json::json!({
        "id": id.0, "kind": ty.kind().name(), "name": name(btf, ty.name()),
    });
    let more = match ty {
        Type::Void => serde_json::json!({}),
        Type::Int(int) => serde_json::json!({
            "size": int.size, "bits_offset": int.bit_offset, "nr_bits": int.bits,
        }),
        Type::Ptr(ty) | Type::Volatile(ty) | Type::Const(ty) | Type::Restrict(ty) => {
            serde_json::json!({ "type_id": ty.0 })
        }
        Type::Array(array) => serde_json::json!({
            "type_id": array.elem.0, "index_type_id": array.index.0, "nr_elems": array.len,
        }),
        Type::Struct(composite) | Type::Union(composite) => serde_json::json!({
            "size": composite.size, "vlen": composite.members.len(),
            "members": composite.members.iter().map(|member| {
                let mut json = serde_json::json!({
                    "name": name(btf, member.name), "type_id": member.ty.0, "bits_offset": member.bit_offset,
                });
                if member.bitfield_bits != 0 {
                    json["bitfield_size"] = member.bitfield_bits.into();
                }
                json
            }).collect::<Vec<_>>(),
        }),
        Type::Enum(values) | Type::Enum64(values) => serde_json::json!({
            "size": values.size, "vlen": values.values.len(),
            "encoding": if values.signed { "SIGNED" } else { "UNSIGNED" },
            "values": values.values.iter().map(|value| {
                // As bpftool prints them: JSON numbers of 64 bits.
                let number: Json = match u64::try_from(value.value) {
                    Ok(number) => number.into(),
                    Err(_) => (value.value as i64).into(),
                };
                serde_json::json!({ "name": name(btf, value.name), "val": number })
            }).collect::<Vec<_>>(),
        }),
        Type::Fwd(fwd) => serde_json::json!({ "fwd_kind": if fwd.union { "union" } else { "struct" } }),
        Type::Typedef(named) => serde_json::json!({ "type_id": named.ty.0 }),
        Type::Func(func) => serde_json::json!({ "type_id": func.proto.0, "linkage": linkage(func.linkage) }),
        Type::FuncProto(proto) => serde_json::json!({
            "ret_type_id": proto.result.0, "vlen": proto.params.len(),
            "params": proto.params.iter().map(|param| serde_json::json!({
                "name": name(btf, param.name), "type_id": param.ty.0,
            })).collect::<Vec<_>>(),
        }),
        Type::Var(var) => serde_json::json!({ "type_id": var.ty.0, "linkage": linkage(var.linkage) }),
        Type::DataSec(section) => serde_json::json!({
            "size": section.size, "vlen": section.vars.len(),
            "vars": section.vars.iter().map(|var| serde_json::json!({
                "type_id": var.ty.0, "offset": var.offset, "size": var.size,
            })).collect::<Vec<_>>(),
        }),
        Type::Float(float) => serde_json::json!({ "size": float.size }),
        Type::DeclTag(tag) => serde_json::json!({
            "type_id": tag.ty.0, "component_idx": tag.component.map_or(-1, i64::from),
        }),
        Type::TypeTag(tag) => serde_json::json!({ "type_id": tag.ty.0 }),
    };
    let (Json::Object(json_map), Json::Object(more)) = (&mut json, more) else { unreachable!() };
    json_map.extend(more);
    json
}

/// Takes out of bpftool's JSON what isn't compared, an integer's encoding in its own words, and undoes a mistake:
/// bpftool 7.1 prints unsigned values of 32 bits sign-extended to 64.
fn normalise(theirs: &Json) -> Json {
    let mut theirs = theirs.clone();
    if theirs["kind"] == "ENUM" && theirs["encoding"] == "UNSIGNED" {
        for value in theirs["values"].as_array_mut().expect("values") {
            value["val"] = (value["val"].as_u64().expect("a number") as u32).into();
        }
    }
    if theirs["kind"] == "INT" {
        theirs.as_object_mut().expect("an object").remove("encoding");
    }
    theirs
}

const PROGRAM: &str = r#"
typedef unsigned int __u32;
typedef unsigned long long __u64;
enum color { RED, GREEN = 5, BLUE = -3 };
enum big { HUGE = 0x123456789abcdefULL };
struct inner { char name[16]; union { int a; float b; }; };
struct packed { char c; __u64 l; } __attribute__((packed));
struct flow { __u32 src; enum color color; enum big big; struct inner in; int bits:3; unsigned more:5; struct packed p; };
_Static_assert(sizeof(struct flow) == 48 && _Alignof(struct flow) == 8, "as the test expects");
struct {
    int (*type)[1]; int (*max_entries)[64]; __u32 *key; struct flow *value; int (*map_flags)[1];
} flows __attribute__((section(".maps"), used));
int counter;
static __u64 (*lookup)(void *map, const void *key) = (void *)1;
extern int other(int) __attribute__((section(".ksyms")));
__attribute__((noinline)) int add(int a, struct flow *f) { return a + f->src; }
__attribute__((section("xdp"), used)) int prog(void *ctx) {
    __u32 key = 1;
    struct flow *f = (void *)lookup(&flows, &key);
    if (!f) return 0;
    counter++;
    return add(3, f) + other(3) + __builtin_preserve_access_index(({ f->in.a; }));
}
char _license[] __attribute__((section("license"), used)) = "GPL";
"#;

const COMPILERS: &[(&str, &[&str])] = &[
    ("clang-14", &["-target", "bpfel", "-g"]),
    ("clang-16", &["-target", "bpfel", "-g"]),
    ("clang-19", &["-target", "bpfel", "-g"]),
    ("clang-22", &["-target", "bpfel", "-g"]),
    ("clang-14", &["-target", "bpfeb", "-g"]),
    ("clang-22", &["-target", "bpfeb", "-g"]),
];

#[test]
fn objects_of_compilers_are_read_and_written_back() {
    let test = "compiled objects";
    for &(compiler, flags) in COMPILERS {
        if !oracle::installed(compiler) {
            oracle::skipped(test, &format!("{compiler} is not installed"));
            continue;
        }
        let Some((btf_bytes, ext_bytes)) = oracle::compiled(test, compiler, flags, PROGRAM) else { return };
        let what = format!("{compiler} {flags:?}");
        let btf = Btf::parse(&btf_bytes).expect(&what);
        let big = flags.contains(&"bpfeb");
        assert_eq!(btf.endian(), if big { Endian::Big } else { Endian::Little });
        assert_eq!(btf.to_bytes(btf.endian()), btf_bytes, "{what}");

        let flow = btf.find("flow", Kind::Struct).expect("struct flow");
        let member = btf.find_member(flow, "bits").unwrap().unwrap();
        assert_eq!((member.bitfield_bits, btf.size_of(flow)), (3, Ok(48)), "{what}");
        assert_eq!(btf.align_of(flow), Ok(8), "{what}");
        assert_eq!(btf.align_of(btf.find("packed", Kind::Struct).unwrap()), Ok(1), "{what}");
        let add = btf.find("add", Kind::Func).unwrap();
        assert_eq!(btf.type_name(add), "int add(int, struct flow *)", "{what}");

        let ext = BtfExt::parse(&ext_bytes, &btf).expect(&what);
        let funcs = BtfExt::section(&btf, &ext.funcs, "xdp").expect("functions of xdp");
        assert_eq!(btf.name(btf.get(funcs[0].type_id).unwrap().name()), "prog", "{what}");
        let lines = BtfExt::section(&btf, &ext.lines, "xdp").expect("lines of xdp");
        assert!(lines.iter().any(|line| btf.text(line.line_text).contains("counter++")), "{what}");
        let relo = BtfExt::section(&btf, &ext.core_relos, "xdp").expect("CO-RE records of xdp")[0];
        assert_eq!((relo.kind, relo.type_id), (CoreKind::FIELD_BYTE_OFFSET, flow), "{what}");
        assert_eq!(btf.name(relo.access), "0:3:1:0", "{what}");
        let again = BtfExt::parse(&ext.to_bytes(btf.endian()), &btf).expect(&what);
        assert_eq!(again, ext, "{what}");
        assert_eq!(ext.to_bytes(btf.endian()), ext_bytes, "{what}");

        let map = btf.find("flows", Kind::Var).unwrap();
        let def = BtfMapDef::read(&btf, map).expect(&what);
        let (value_type, key_type) = (def.value_type, def.key_type);
        let expected = BtfMapDef {
            map_type: Some(1),
            max_entries: Some(64),
            map_flags: Some(1),
            key_size: Some(4),
            value_size: Some(48),
            key_type,
            value_type,
            ..BtfMapDef::default()
        };
        assert_eq!(def, expected, "{what}");
        assert_eq!(value_type, Some(flow), "{what}");
    }
}

#[test]
fn what_bpf_gcc_12_gets_wrong_is_read_and_repaired() {
    let test = "bpf-gcc";
    if !oracle::installed("bpf-gcc") {
        return oracle::skipped(test, "bpf-gcc is not installed");
    }
    // Its CO-RE support ends in an internal error on an access within a statement expression.
    let source = PROGRAM.replace("__builtin_preserve_access_index(({ f->in.a; }))", "f->in.a");
    let Some((btf_bytes, ext_bytes)) = oracle::compiled(test, "bpf-gcc", &["-gbtf"], &source) else { return };
    let btf = Btf::parse(&btf_bytes).expect("BTF of bpf-gcc");
    assert_eq!(btf.to_bytes(btf.endian()), btf_bytes);
    assert_eq!(BtfExt::parse(&ext_bytes, &btf), Ok(BtfExt::default()), "it writes no records");
    let def = BtfMapDef::read(&btf, btf.find("flows", Kind::Var).expect("the map")).expect("its definition");
    assert_eq!((def.max_entries, def.value_size), (Some(64), Some(48)));
    let clean = sanitize(&btf, &BtfSupport::of_linux(6, 18)).expect("sanitized");
    for (id, ty) in clean.types() {
        match ty {
            Type::Int(int) => assert!(int.encoding.0.count_ones() <= 1, "type {id}"),
            Type::Func(func) => assert!(!clean.name(func.name).is_empty(), "type {id}"),
            _ => {}
        }
    }
}
