//! C programs of each compiler, loaded and run by the kernel: types, lines, data sections, tail calls, events.

use std::path::Path;
use std::process::Command;

use skep_abi::ProgType;
use skep_host::{Host, HostError, LoadOptions, Loaded, MapId, TestResult, TestRun};
use skep_linux::LinuxHost;
use skep_obj::Object;
use skep_testkit::{CAP_BPF, CAP_NET_ADMIN, TempDir, capable, report_skipped, skip, tool};

/// Compilers with their options, and whether they write lines.
const COMPILERS: &[(&str, &[&str], bool)] = &[
    ("clang-14", &["-target", "bpf", "-g"], true),
    ("clang-22", &["-target", "bpf", "-g", "-mcpu=v4"], true),
    ("bpf-gcc", &["-gbtf"], false),
];

/// Each compiler's object of a program.
fn each_object(test: &'static str, source: &str, check: impl Fn(&str, &Object, bool)) {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../skep-obj/tests/c");
    for &(name, options, lines) in COMPILERS {
        let Some(compiler) = tool(name) else {
            report_skipped(env!("CARGO_PKG_NAME"), test, format_args!("{name} is not installed"));
            continue;
        };
        let dir = TempDir::new("linux");
        let path = dir.join("a.o");
        let output = Command::new(compiler)
            .args(options)
            .args(["-O2", "-c", "-o"])
            .arg(&path)
            .arg(sources.join(source))
            .output()
            .expect("the compiler starts");
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let object = Object::from_elf(&std::fs::read(path).expect("the object")).expect("a readable object");
        check(name, &object, lines);
    }
}

/// An object on the kernel.
struct OnKernel<'a> {
    host: LinuxHost,
    object: &'a Object,
    loaded: Loaded,
}

impl OnKernel<'_> {
    fn new<'a>(by: &str, object: &'a Object) -> OnKernel<'a> {
        let mut host = LinuxHost::new();
        let options = LoadOptions { log: true, ..LoadOptions::default() };
        let loaded = Loaded::new(&mut host, object, &[], &options).unwrap_or_else(|error| {
            let log = if let HostError::RefusedByKernel { log, .. } = &error { log } else { "" };
            panic!("{by}: {error}\n{log}")
        });
        OnKernel { host, object, loaded }
    }

    fn map(&self, name: &str) -> MapId {
        self.loaded.maps[self.object.map(name).unwrap_or_else(|| panic!("no map {name}")).0]
    }

    fn log(&self, name: &str) -> &str {
        let program = |p: &&skep_host::LoadedProgram| self.object.functions[p.function].name == name;
        &self.loaded.programs.iter().find(program).expect("a program").info.log
    }

    fn run(&mut self, name: &str, run: &TestRun<'_>) -> TestResult {
        let program = |p: &&skep_host::LoadedProgram| self.object.functions[p.function].name == name;
        let id = self.loaded.programs.iter().find(program).expect("a program").id;
        self.host.test_run(id, run).expect("it runs")
    }

    fn u64_at(&mut self, map: MapId, key: &[u8], at: usize) -> u64 {
        let value = self.host.lookup(map, key).expect("a lookup").expect("a value");
        u64::from_ne_bytes(value[at..at + 8].try_into().expect("eight bytes"))
    }
}

#[test]
fn a_counter_counts_in_maps_and_in_its_data() {
    if !(capable(CAP_BPF) && capable(CAP_NET_ADMIN)) {
        skip!("needs CAP_BPF and CAP_NET_ADMIN");
    }
    each_object("a_counter_counts_in_maps_and_in_its_data", "count.c", |by, object, lines| {
        let mut kernel = OnKernel::new(by, object);
        let refused: Vec<_> = kernel.host.refused_types().collect();
        assert!(refused.is_empty(), "{by}: {refused:?}");
        let packet = [0; 100];
        let run = TestRun { data: &packet, ..TestRun::default() };
        assert_eq!(kernel.run("count", &run).retval, 2, "{by}");
        assert_eq!(kernel.run("count", &run).retval, 2, "{by}");
        assert_eq!(
            kernel.run("count", &TestRun { data: &[0; 2000], ..run.clone() }).retval,
            1,
            "{by}: too long"
        );
        let counts = kernel.map("counts");
        let key = 100u32.to_ne_bytes();
        assert_eq!((kernel.u64_at(counts, &key, 0), kernel.u64_at(counts, &key, 8)), (2, 200), "{by}");
        // total = 7 + 2 * (3 * 100 + 1), where the source has step = 3 and unit = 1; its place is the compiler's.
        let data = kernel.map(".data");
        let value = kernel.host.lookup(data, &[0; 4]).unwrap().unwrap();
        let total = 609u64.to_ne_bytes();
        assert!(value.chunks_exact(8).any(|number| number == total), "{by}: {value:?}");
        // The source's lines stand in the log where the compiler wrote them.
        assert_eq!(kernel.log("count").contains("; seen++;"), lines, "{by}: {}", kernel.log("count"));
        // What programs may only read, nobody may write.
        if let Some((rodata, _)) = object.map(".rodata") {
            let rodata = kernel.loaded.maps[rodata];
            let value = kernel.host.lookup(rodata, &[0; 4]).unwrap().unwrap();
            assert!(kernel.host.update(rodata, &[0; 4], &value, 0).is_err(), "{by}: frozen");
        }
    });
}

#[test]
fn programs_and_maps_are_in_their_slots() {
    if !(capable(CAP_BPF) && capable(CAP_NET_ADMIN)) {
        skip!("needs CAP_BPF and CAP_NET_ADMIN");
    }
    each_object("programs_and_maps_are_in_their_slots", "maps.c", |by, object, _| {
        let mut kernel = OnKernel::new(by, object);
        // `first` counts in the half of queue 0 and jumps to `third`, which reports the queue.
        let run = TestRun { data: &[0; 64], ..TestRun::default() };
        assert_eq!(kernel.run("first", &run).retval, 2, "{by}: {}", ProgType::Xdp.verdict(2).unwrap());
        let (even, odd) = (kernel.map("even"), kernel.map("odd"));
        assert_eq!((kernel.u64_at(even, &[0; 4], 0), kernel.u64_at(odd, &[0; 4], 0)), (1, 0), "{by}");
        let mut records = Vec::new();
        let events = kernel.map("events");
        assert_eq!(kernel.host.drain(events, &mut |record| records.push(record.to_vec())).unwrap(), 1);
        assert_eq!(records, [[0; 4]], "{by}");
    });
}

#[test]
fn bpftool_prints_values_through_the_types_that_were_loaded() {
    if !(capable(CAP_BPF) && capable(CAP_NET_ADMIN)) {
        skip!("needs CAP_BPF and CAP_NET_ADMIN");
    }
    let Some(bpftool) = tool("bpftool") else { skip!("bpftool is not installed") };
    let dump = |map: MapId| {
        let output = Command::new(&bpftool).args(["map", "dump", "id", &map.0.to_string()]).output();
        let text = String::from_utf8(output.expect("bpftool starts").stdout).expect("text");
        text.split_whitespace().collect::<String>()
    };
    each_object("bpftool_prints_values_through_the_types_that_were_loaded", "count.c", |by, object, _| {
        let mut kernel = OnKernel::new(by, object);
        kernel.run("count", &TestRun { data: &[0; 100], ..TestRun::default() });
        let counts = dump(kernel.map("counts"));
        assert_eq!(counts, r#"[{"key":100,"value":{"packets":1,"bytes":100}}]"#, "{by}");
        let data = dump(kernel.map(".data"));
        assert!(data.contains(r#"{"total":308}"#) && data.contains(r#"{"step":3}"#), "{by}: {data}");
    });
}
