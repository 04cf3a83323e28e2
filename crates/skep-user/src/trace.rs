//! The trace log: what programs print, kept until the host takes it.
//!
//! Like Linux's trace buffer it keeps the newest: a full log drops its oldest lines, and counts them.

use std::collections::VecDeque;

/// Most lines the log keeps.
pub const TRACE_LINES_MAX: usize = 65_536;

/// One message of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceLine {
    /// When it was printed, in nanoseconds since boot.
    pub time_ns: u64,
    /// On which CPU.
    pub cpu: u32,
    /// What was printed, without a line end unless the program gave one.
    pub text: String,
}

/// What a host takes out of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// The messages, oldest first.
    pub lines: Vec<TraceLine>,
    /// How many older ones were dropped because the log was full ([`TRACE_LINES_MAX`]).
    pub lost: u64,
}

/// The log.
#[derive(Debug, Default)]
pub(crate) struct TraceLog {
    lines: VecDeque<TraceLine>,
    lost: u64,
}

impl TraceLog {
    /// Appends a message.
    pub(crate) fn push(&mut self, line: TraceLine) {
        if self.lines.len() == TRACE_LINES_MAX {
            self.lines.pop_front();
            self.lost += 1;
        }
        self.lines.push_back(line);
    }

    /// Empties the log.
    pub(crate) fn take(&mut self) -> Trace {
        Trace { lines: std::mem::take(&mut self.lines).into(), lost: std::mem::take(&mut self.lost) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_log_drops_its_oldest_and_says_so() {
        let mut log = TraceLog::default();
        for n in 0..TRACE_LINES_MAX as u64 + 2 {
            log.push(TraceLine { time_ns: n, cpu: 0, text: String::new() });
        }
        let taken = log.take();
        assert_eq!((taken.lines.len(), taken.lost), (TRACE_LINES_MAX, 2));
        assert_eq!(taken.lines[0].time_ns, 2);
        assert_eq!(log.take(), Trace::default());
    }
}
