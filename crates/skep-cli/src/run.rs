//! `skep run`: a program on test input: the packets of a capture, or one piece of data.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value as Json, json};
use skep::abi::{Errno, ProgType};
use skep::host::{Host, HostError, LoadOptions, Loaded, LoadedProgram, TestResult, TestRun};
use skep::obj::Object;

use crate::capture::{Packet, Reader, Writer};
use crate::failure::Failure;
use crate::kernel_types::KernelTypes;
use crate::maps::{self, hex, plural};
use crate::output::Output;
use crate::programs::{EngineChoice, HostChoice, Source};

#[derive(Args)]
#[command(after_help = "\
Examples:
  skep run firewall.s --in traffic.pcap                    a verdict a packet
  skep run firewall.c --in traffic.pcap --out passed.pcap  keep the packets that pass
  skep run count.o --in traffic.pcap --maps                and show what the maps hold
  skep run fw.o --prog xdp_main --data frame.bin --json    one run on one frame
  skep run fw.o --in traffic.pcap --host linux             the same by the kernel (as root)")]
pub(crate) struct Options {
    #[command(flatten)]
    source: Source,

    #[command(flatten)]
    types: KernelTypes,

    /// Where the program runs
    #[arg(long, value_enum, default_value = "user")]
    host: HostChoice,

    /// How the user host runs it [default: native code where this machine has it]
    #[arg(long, value_enum)]
    engine: Option<EngineChoice>,

    /// Run on the packets of a capture, pcap or pcapng
    #[arg(long = "in", value_name = "PCAP", conflicts_with = "data")]
    input: Option<PathBuf>,

    /// Write the packets that pass, as the program left them (pcapng if the name ends so)
    #[arg(long = "out", value_name = "PCAP", requires = "input")]
    output: Option<PathBuf>,

    /// Run on the bytes of a file, `-` for standard input [default: 64 zero bytes]
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,

    /// The context's bytes: `struct xdp_md` or `struct __sk_buff`
    #[arg(long, value_name = "FILE")]
    ctx: Option<PathBuf>,

    /// Run so many times on each input and give the mean time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,

    /// Show what the maps hold afterwards; drains ring buffers
    #[arg(long)]
    maps: bool,

    /// The type of ring buffer records, by its name in the program
    #[arg(long, value_name = "TYPE", requires = "maps")]
    records: Option<String>,

    /// JSON: a line a packet, then a line a program
    #[arg(long)]
    json: bool,
}

/// What the program is given when nothing is said: a packet of the least size that Ethernet has, but for its
/// checksum, rounded up.
const DEFAULT_DATA: [u8; 64] = [0; 64];

/// Most bytes of `--data` and `--ctx`.
const INPUT_MAX: u64 = 16 << 20;

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    if options.engine.is_some() && options.host == HostChoice::Linux {
        return Err(Failure::Message(
            "--engine chooses how the user host runs programs; Linux chooses for itself: drop one of the two"
                .into(),
        ));
    }
    let object = options.types.apply(options.source.read_expanded()?)?;
    if let Some(input) = &options.input {
        let function = options.source.program(&object)?;
        return over_capture(options, &object, function, input);
    }
    let data = match &options.data {
        Some(path) => read_input(path)?,
        None => DEFAULT_DATA.to_vec(),
    };
    let mut out = Output::new();
    for function in options.source.programs(&object)? {
        once(&mut out, options, &object, function, &data)?;
    }
    out.finish()
}

/// A program on a host of its own.
struct Ready {
    host: Box<dyn Host>,
    loaded: Loaded,
    program: LoadedProgram,
    prog_type: ProgType,
    name: String,
    context: Vec<u8>,
}

fn load(options: &Options, object: &Object, function: usize) -> Result<Ready, Failure> {
    let engine = EngineChoice::engine(options.engine);
    let context = options.ctx.as_deref().map(read_input).transpose()?.unwrap_or_default();
    let mut host = options.host.open()?;
    let load = LoadOptions { engine, ..LoadOptions::default() };
    let loaded = Loaded::new(host.as_mut(), object, &[function], &load).map_err(refusal)?;
    let program = loaded.program(function).expect("it was asked for").clone();
    let kind = skep::abi::section_kind(&object.functions[function].section);
    Ok(Ready {
        host,
        loaded,
        program,
        prog_type: kind.map_or(ProgType::Unspec, |kind| kind.prog_type),
        name: object.functions[function].name.clone(),
        context,
    })
}

/// A refusal of the user host's verifier is worth its whole report.
fn refusal(error: HostError) -> Failure {
    match &error {
        HostError::Refused { program, report } => {
            Failure::Message(format!("program `{program}` is refused\n{}", report.report().trim_end()))
        }
        _ => error.into(),
    }
}

/// Runs on one piece of data.
fn once(
    out: &mut Output,
    options: &Options,
    object: &Object,
    function: usize,
    data: &[u8],
) -> Result<(), Failure> {
    let mut ready = load(options, object, function)?;
    let test = TestRun { data, context: &ready.context, repeat: options.repeat, time_ns: None };
    let result = ready.host.test_run(ready.program.id, &test)?;
    let verdict = ready.prog_type.verdict(result.retval);
    if !options.json {
        let named = verdict.map(|v| format!(" ({v})")).unwrap_or_default();
        writeln!(out, "{}: returned {}{named}", ready.name, result.retval)?;
        if result.data != data && !result.data.is_empty() {
            writeln!(out, "data out, {} bytes: {}", result.data.len(), hex(&result.data))?;
        }
        writeln!(out, "{}", timing(&ready, options.repeat, result.duration))?;
    }
    let contents = shown_maps(out, options, object, &mut ready)?;
    if options.json {
        let mut summary = summary(&ready, u64::from(options.repeat), result.duration, contents);
        summary["retval"] = json!(result.retval);
        summary["verdict"] = json!(verdict);
        summary["data_out"] = json!(hex(&result.data));
        out.json(&summary)?;
    }
    Ok(())
}

/// What came of the packets of a capture.
#[derive(Default)]
struct Tally {
    packets: u64,
    /// Packets that the host took.
    ran: u64,
    verdicts: BTreeMap<String, u64>,
    time: Duration,
    /// Why the host did not take the first of the packets that it did not take.
    refusal: Option<String>,
}

impl Tally {
    /// Counts a packet that the host did not take.
    fn refused(&mut self, error: &HostError) {
        *self.verdicts.entry(not_run(error)).or_default() += 1;
        let packet = self.packets;
        self.refusal.get_or_insert_with(|| format!("packet {packet} was not run: {error}"));
    }
}

/// Runs on each packet of a capture.
fn over_capture(options: &Options, object: &Object, function: usize, input: &Path) -> Result<(), Failure> {
    let mut reader = Reader::open(input)?;
    let mut ready = load(options, object, function)?;
    let mut writer = options.output.as_deref().map(Writer::create).transpose()?;
    let mut tally = Tally::default();
    let progress = Progress::new(reader.progress().0);
    let mut out = Output::new();
    if !options.json {
        writeln!(out, "{:>8} {:>6} {:>7}  verdict", "packet", "len", "len out")?;
    }
    while let Some(packet) = reader.next() {
        let packet = packet?;
        tally.packets += 1;
        let test = TestRun {
            data: &packet.data,
            context: &ready.context,
            repeat: options.repeat,
            time_ns: Some(packet.time_ns),
        };
        let result = match ready.host.test_run(ready.program.id, &test) {
            Ok(result) => result,
            // A host may refuse a packet, such as one that is shorter than its headers; the others go on.
            Err(error @ HostError::Errno { .. }) => {
                refused_row(&mut out, options, tally.packets, &packet, &error)?;
                tally.refused(&error);
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        tally.time += result.duration;
        tally.ran += 1;
        let verdict = verdict_text(ready.prog_type, result.retval);
        row(&mut out, options, tally.packets, &packet, &result, &verdict)?;
        *tally.verdicts.entry(verdict).or_default() += 1;
        if let Some(writer) = &mut writer
            && ready.prog_type.passes(result.retval)
        {
            writer.write(&passed(ready.prog_type, packet, result))?;
        }
        progress.at(reader.progress().1);
    }
    progress.done();
    if let Some(writer) = writer {
        writer.finish()?;
    }
    let contents = shown_maps_after(&mut out, options, object, &mut ready, &tally)?;
    if options.json {
        let mut summary = summary(&ready, tally.ran * u64::from(options.repeat), mean(&tally), contents);
        summary["packets"] = json!(tally.packets);
        summary["verdicts"] = json!(tally.verdicts);
        out.json(&summary)?;
    }
    out.finish()
}

/// The name of a return value, or the number where it has none.
fn verdict_text(prog_type: ProgType, retval: u32) -> String {
    prog_type.verdict(retval).map_or_else(|| retval.to_string(), str::to_string)
}

/// One line for a packet that the host did not take.
fn refused_row(
    out: &mut Output,
    options: &Options,
    number: u64,
    packet: &Packet,
    error: &HostError,
) -> Result<(), Failure> {
    let len_in = packet.data.len();
    if options.json {
        return out.json(&json!({ "packet": number, "error": error.to_string(), "len_in": len_in }));
    }
    writeln!(out, "{number:>8} {len_in:>6} {:>7}  {}", "-", not_run(error))?;
    Ok(())
}

/// What stands in place of a verdict. The error's name is the same on both hosts, its reason need not be.
fn not_run(error: &HostError) -> String {
    let name = error.errno().and_then(Errno::name).unwrap_or("error");
    format!("not run ({name})")
}

/// One line for a packet.
fn row(
    out: &mut Output,
    options: &Options,
    number: u64,
    packet: &Packet,
    result: &TestResult,
    verdict: &str,
) -> Result<(), Failure> {
    let (len_in, len_out) = (packet.data.len(), result.data.len());
    if options.json {
        return out.json(&json!({
            "packet": number, "retval": result.retval, "verdict": verdict, "len_in": len_in, "len_out": len_out,
        }));
    }
    writeln!(out, "{number:>8} {len_in:>6} {len_out:>7}  {verdict}")?;
    Ok(())
}

/// A packet as it goes on. A socket filter says how much of it is kept.
fn passed(prog_type: ProgType, packet: Packet, result: TestResult) -> Packet {
    let mut data = result.data;
    let mut wire_len = data.len() as u32;
    if prog_type == ProgType::SocketFilter {
        wire_len = packet.wire_len;
        data.truncate(result.retval as usize);
    }
    Packet { time_ns: packet.time_ns, data, wire_len }
}

/// Mean time of a run.
fn mean(tally: &Tally) -> Duration {
    let ran = u32::try_from(tally.ran.max(1)).unwrap_or(u32::MAX);
    tally.time / ran
}

/// The summary's words on speed.
fn timing(ready: &Ready, runs: u32, duration: Duration) -> String {
    let info = &ready.program.info;
    format!(
        "{} on {} ({}): {} ns a run over {runs} run{}, verified in {:.0} us, compiled in {:.0} us",
        ready.prog_type,
        ready.host.name(),
        info.engine,
        duration.as_nanos(),
        plural(runs as usize),
        info.verify.as_secs_f64() * 1e6,
        info.compile.as_secs_f64() * 1e6,
    )
}

/// The object that `--json` ends with.
fn summary(ready: &Ready, runs: u64, duration: Duration, maps: Option<Json>) -> Json {
    let info = &ready.program.info;
    let mut summary = json!({
        "prog": ready.name, "type": ready.prog_type.name(), "host": ready.host.name(), "engine": info.engine,
        "ns_per_run": duration.as_nanos() as u64, "runs": runs,
        "verify_us": microseconds(info.verify), "compile_us": microseconds(info.compile),
        "code_bytes": info.code_bytes, "insns_processed": info.insns_processed,
    });
    if let Some(maps) = maps {
        summary["maps"] = maps;
    }
    summary
}

/// The maps, if they are wanted: printed, or as JSON for the summary.
fn shown_maps(
    out: &mut Output,
    options: &Options,
    object: &Object,
    ready: &mut Ready,
) -> Result<Option<Json>, Failure> {
    if !options.maps {
        return Ok(None);
    }
    let contents = maps::read(ready.host.as_mut(), object, &ready.loaded, options.records.as_deref())?;
    if !options.json {
        for one in &contents {
            write!(out, "{}", one.text())?;
        }
    }
    Ok(Some(contents.iter().map(maps::Contents::json).collect()))
}

/// The tally, then the maps.
fn shown_maps_after(
    out: &mut Output,
    options: &Options,
    object: &Object,
    ready: &mut Ready,
    tally: &Tally,
) -> Result<Option<Json>, Failure> {
    if !options.json {
        let counts: Vec<String> =
            tally.verdicts.iter().map(|(verdict, n)| format!("{n} {verdict}")).collect();
        let packets = tally.packets;
        writeln!(
            out,
            "{}: {packets} packet{}{}{}",
            ready.name,
            plural(packets as usize),
            if counts.is_empty() { "" } else { ": " },
            counts.join(", ")
        )?;
        if let Some(refusal) = &tally.refusal {
            eprintln!("skep: {refusal}");
        }
        // Times differ from run to run: they are no result, and a result can be compared.
        eprintln!("{}", timing(ready, options.repeat, mean(tally)));
    }
    shown_maps(out, options, object, ready)
}

/// A time in microseconds, to the nanosecond.
pub(crate) fn microseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e9).round() / 1e3
}

/// The bytes of a file, or of standard input for `-`.
fn read_input(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error: io::Error| Failure::Message(format!("can't read {}: {error}", path.display()));
    let mut bytes = Vec::new();
    let got = if path.as_os_str() == "-" {
        io::stdin().lock().take(INPUT_MAX + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).map_err(failed)?.take(INPUT_MAX + 1).read_to_end(&mut bytes)
    };
    got.map_err(failed)?;
    if bytes.len() as u64 > INPUT_MAX {
        return Err(Failure::Message(format!("{}: expected at most {INPUT_MAX} bytes", path.display())));
    }
    Ok(bytes)
}

/// A bar on standard error, for input that takes over a second, where a person sees it and the table does not
/// scroll past it.
struct Progress {
    bar: Option<ProgressBar>,
    start: Instant,
}

impl Progress {
    /// How long it waits before it shows itself.
    const DELAY: Duration = Duration::from_secs(1);

    fn new(bytes: u64) -> Progress {
        let seen = io::stderr().is_terminal() && !io::stdout().is_terminal();
        let bar = seen.then(|| {
            let style = ProgressStyle::with_template("{bar:40} {percent}% {bytes}/{total_bytes} {eta}");
            let bar = ProgressBar::new(bytes);
            bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Progress { bar, start: Instant::now() }
    }

    fn at(&self, bytes: u64) {
        let Some(bar) = &self.bar else { return };
        if bar.is_hidden() && self.start.elapsed() >= Self::DELAY {
            bar.set_draw_target(indicatif::ProgressDrawTarget::stderr());
        }
        bar.set_position(bytes);
    }

    fn done(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
