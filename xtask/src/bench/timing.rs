//! Measuring two ways to do one thing, in turns, and the table of the results.
//!
//! What counts is CPU time, of this thread and of the processes it waited for: waiting for a disk or another process is not
//! what is compared. The fastest of many rounds is taken: whatever else a machine does only ever adds time. Turns are taken in alternating
//! order, so that neither always finds the other's leftovers in the caches.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::time::{ClockId, clock_gettime};

/// At least this many rounds …
const ROUNDS_MIN: usize = 5;
/// … and more until this much time is gone.
const TIME: Duration = Duration::from_secs(2);

/// One way to do something.
pub(super) type Work<'a> = Box<dyn FnMut() + 'a>;

/// One thing, done in several ways.
pub(super) struct Benchmark<'a> {
    pub(super) name: &'static str,
    /// How many of what is done by one call.
    pub(super) count: u32,
    pub(super) unit: &'static str,
    pub(super) ours: Work<'a>,
    /// Who the peers are, or why one is not there.
    pub(super) peers: Vec<Result<Peer<'a>, String>>,
}

/// Somebody else's way.
pub(super) struct Peer<'a> {
    pub(super) name: &'static str,
    pub(super) work: Work<'a>,
    /// The same on nearly nothing: what a process costs to start is not what is measured, and is taken off.
    pub(super) idle: Work<'a>,
}

/// Runs the benchmarks, and lays out what they took.
pub(super) fn table(benchmarks: &mut [Benchmark<'_>]) -> String {
    let mut table =
        format!("{:<28} {:>14}  {:<24} {:>14} {:>8}\n", "benchmark", "ours", "peer", "peer's", "ratio");
    for benchmark in benchmarks {
        table.push_str(&lines(benchmark));
    }
    table.push_str("CPU time, the fastest of all rounds; a peer's process start is taken off\n");
    table
}

/// The benchmark's lines: one a peer, one if there is none.
fn lines(benchmark: &mut Benchmark<'_>) -> String {
    let mut works = vec![&mut benchmark.ours];
    for peer in benchmark.peers.iter_mut().flatten() {
        works.extend([&mut peer.work, &mut peer.idle]);
    }
    let times = fastest(&mut works);
    let rate = |time: Duration| f64::from(benchmark.count) / time.as_secs_f64() / 1e6;
    let cell = |time| format!("{:.2} M {}/s", rate(time), benchmark.unit);
    let mut of_peers = times[1..].chunks(2);
    let mut peers = benchmark.peers.iter().map(|peer| match peer {
        Ok(peer) => {
            let pair = of_peers.next().expect("two times a peer");
            let time = pair[0].saturating_sub(pair[1]).max(Duration::from_nanos(1));
            let ratio = time.as_secs_f64() / times[0].as_secs_f64();
            format!("{:<24} {:>14} {ratio:>8.2}", peer.name, cell(time))
        }
        Err(reason) => format!("skipped: {reason}"),
    });
    let mut lines = String::new();
    let (mut name, mut ours) = (benchmark.name, cell(times[0]));
    loop {
        let peer = peers.next();
        if peer.is_none() && name.is_empty() {
            return lines;
        }
        // Writing to a string cannot fail.
        let line = format!("{name:<28} {ours:>14}  {}", peer.unwrap_or_default());
        let _ = writeln!(lines, "{}", line.trim_end());
        (name, ours) = ("", String::new());
    }
}

/// The shortest time each of `works` took in some round.
fn fastest(works: &mut [&mut Work<'_>]) -> Vec<Duration> {
    let mut times = vec![Duration::MAX; works.len()];
    let start = Instant::now();
    let mut round = 0;
    while round < ROUNDS_MIN || start.elapsed() < TIME {
        for turn in 0..works.len() {
            let at = if round % 2 == 0 { turn } else { works.len() - 1 - turn };
            let before = cpu_time();
            works[at]();
            times[at] = times[at].min(cpu_time().saturating_sub(before));
        }
        round += 1;
    }
    times
}

/// What this thread and the processes that it waited for have used. The thread's clock is asked, as its usage is only
/// brought up to date now and then; that of processes is, when they end, to the microsecond.
fn cpu_time() -> Duration {
    let thread = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("every thread has this clock");
    let children = getrusage(UsageWho::RUSAGE_CHILDREN).expect("a process may ask for its own usage");
    [children.user_time(), children.system_time()]
        .map(|time| Duration::from_micros((time.tv_sec() * 1_000_000 + time.tv_usec()).unsigned_abs()))
        .iter()
        .sum::<Duration>()
        + Duration::from(thread)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Uses the processor for so long.
    fn spin(ms: u64) {
        let end = cpu_time() + Duration::from_millis(ms);
        while cpu_time() < end {}
    }

    fn spins(ms: u64) -> Work<'static> {
        Box::new(move || spin(ms))
    }

    #[test]
    fn the_fastest_round_counts() {
        let mut calls = 0;
        let mut uneven: Work<'_> = Box::new(|| {
            calls += 1;
            spin(if calls == 3 { 1 } else { 300 });
        });
        let time = fastest(&mut [&mut uneven])[0];
        assert!(time >= Duration::from_millis(1) && time < Duration::from_millis(300), "{time:?}");
    }

    #[test]
    fn waiting_does_not_count() {
        let mut sleeps: Work<'_> = Box::new(|| std::thread::sleep(Duration::from_millis(100)));
        assert!(fastest(&mut [&mut sleeps])[0] < Duration::from_millis(50));
    }

    #[test]
    fn a_line_tells_both_rates_and_their_ratio() {
        let peer = |name| Ok(Peer { name, work: spins(60), idle: spins(20) });
        let peers = vec![peer("somebody"), Err("no such tool".to_owned()), peer("another")];
        let mut benchmark =
            Benchmark { name: "spin", count: 1_000_000, unit: "turn", ours: spins(20), peers };
        let table = lines(&mut benchmark);
        let lines: Vec<_> = table.lines().collect();
        let [first, second, third] = lines[..] else { panic!("{table}") };
        let ratio = |line: &str| line.split_whitespace().last().expect("a ratio").parse().expect("a number");
        assert!(first.starts_with("spin ") && first.contains(" M turn/s  somebody "), "{table}");
        assert!(second.ends_with("  skipped: no such tool"), "{table}");
        assert!(third.contains("another"), "{table}");
        assert!([first, third].map(ratio).iter().all(|ratio| (1.2..3.0).contains(ratio)), "{table}");
    }
}
