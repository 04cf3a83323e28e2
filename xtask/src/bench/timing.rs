//! Measuring two ways to do one thing, in turns, and the table of the results.
//!
//! The fastest of many rounds is taken: whatever else a machine does only ever adds time. Turns are taken in alternating
//! order, so that neither always finds the other's leftovers in the caches.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// At least this many rounds …
const ROUNDS_MIN: usize = 5;
/// … and more until this much time is gone.
const TIME: Duration = Duration::from_secs(2);

/// One way to do something.
pub(super) type Work<'a> = Box<dyn FnMut() + 'a>;

/// Two ways to do one thing.
pub(super) struct Benchmark<'a> {
    pub(super) name: &'static str,
    /// How many of what is done by one call.
    pub(super) count: u32,
    pub(super) unit: &'static str,
    pub(super) ours: Work<'a>,
    /// Who the peer is, or why it is not there.
    pub(super) peer: Result<Peer<'a>, String>,
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
        // Writing to a string cannot fail.
        let _ = writeln!(table, "{}", line(benchmark));
    }
    table.push_str("the fastest of all rounds; a peer's process start is taken off\n");
    table
}

fn line(benchmark: &mut Benchmark<'_>) -> String {
    let rate = |time: Duration| f64::from(benchmark.count) / time.as_secs_f64() / 1e6;
    let cell = |rate: f64| format!("{rate:.2} M {}/s", benchmark.unit);
    match &mut benchmark.peer {
        Ok(peer) => {
            let times = fastest(&mut [&mut benchmark.ours, &mut peer.work, &mut peer.idle]);
            let peers = times[1].saturating_sub(times[2]).max(Duration::from_nanos(1));
            format!(
                "{:<28} {:>14}  {:<24} {:>14} {:>8.2}",
                benchmark.name,
                cell(rate(times[0])),
                peer.name,
                cell(rate(peers)),
                peers.as_secs_f64() / times[0].as_secs_f64()
            )
        }
        Err(reason) => {
            let ours = fastest(&mut [&mut benchmark.ours])[0];
            format!("{:<28} {:>14}  skipped: {reason}", benchmark.name, cell(rate(ours)))
        }
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
            let before = Instant::now();
            works[at]();
            times[at] = times[at].min(before.elapsed());
        }
        round += 1;
    }
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeps(ms: u64) -> Work<'static> {
        Box::new(move || std::thread::sleep(Duration::from_millis(ms)))
    }

    #[test]
    fn the_fastest_round_counts() {
        let mut calls = 0;
        let mut uneven: Work<'_> = Box::new(|| {
            calls += 1;
            std::thread::sleep(Duration::from_millis(if calls == 3 { 1 } else { 300 }));
        });
        let time = fastest(&mut [&mut uneven])[0];
        assert!(time >= Duration::from_millis(1) && time < Duration::from_millis(300), "{time:?}");
    }

    #[test]
    fn a_line_tells_both_rates_and_their_ratio() {
        let peer = Peer { name: "somebody", work: sleeps(60), idle: sleeps(20) };
        let mut benchmark =
            Benchmark { name: "sleep", count: 1_000_000, unit: "nap", ours: sleeps(20), peer: Ok(peer) };
        let line = line(&mut benchmark);
        let ratio: f64 = line.split_whitespace().last().expect("a ratio").parse().expect("a number");
        assert!(line.starts_with("sleep ") && line.contains(" M nap/s  somebody "), "{line}");
        assert!((1.2..3.0).contains(&ratio), "{line}");
    }

    #[test]
    fn a_peer_that_is_not_there_is_reported() {
        let peer = Err("no such tool".to_owned());
        let mut benchmark = Benchmark { name: "sleep", count: 1, unit: "nap", ours: sleeps(1), peer };
        assert!(line(&mut benchmark).ends_with("skipped: no such tool"));
    }
}
