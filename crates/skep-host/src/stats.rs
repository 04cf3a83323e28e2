//! What a verification took, in the numbers that Linux's verifier counts and its log ends with.
//!
//! Source: `print_verification_stats` of kernel/bpf/verifier.c, Linux 6.18. A number that a verifier does not have is absent, not 0.

use std::time::Duration;

/// What a verification took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerifierStats {
    /// The time of the verification alone.
    pub time: Option<Duration>,
    /// Instructions looked at, counting each visit.
    pub insns: Option<u64>,
    /// States kept, over all instructions.
    pub states: Option<u64>,
    /// The most that were kept at the same time.
    pub peak_states: Option<u64>,
    /// The most that were kept of one instruction.
    pub max_states_per_insn: Option<u64>,
    /// The longest way that a mark of a register as read went back, in states.
    pub mark_read: Option<u64>,
    /// Bytes of stack of all functions together.
    pub stack_bytes: Option<u64>,
}

impl VerifierStats {
    /// What the last lines of a kernel's log say.
    pub fn of_log(log: &str) -> VerifierStats {
        let processed = last_line(log, "processed ");
        let number = |name: &str| {
            let after = processed?.split_once(name)?.1;
            first_number(after)
        };
        let stack = last_line(log, "stack depth ");
        VerifierStats {
            time: last_line(log, "verification time ").and_then(first_number).map(Duration::from_micros),
            insns: processed.and_then(first_number),
            states: number(" total_states "),
            peak_states: number(" peak_states "),
            max_states_per_insn: number(" max_states_per_insn "),
            mark_read: number(" mark_read "),
            // One number a function, then maybe what chains need: `stack depth 64+32`.
            stack_bytes: stack.and_then(|s| s.split('+').map(first_number).sum()),
        }
    }
}

/// What follows these words in the last line that begins with them.
fn last_line<'a>(log: &'a str, start: &str) -> Option<&'a str> {
    log.lines().rev().find_map(|line| line.strip_prefix(start))
}

/// The number that a text begins with.
fn first_number(text: &str) -> Option<u64> {
    text.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_from_the_end_of_a_log() {
        let log = "0: exit\nprocessed 7 things\nverification time 57 usec\nstack depth 64+32\n\
                   processed 12 insns (limit 1000000) max_states_per_insn 1 total_states 3 peak_states 2 mark_read 4\n";
        let found = VerifierStats::of_log(log);
        let expected = VerifierStats {
            time: Some(Duration::from_micros(57)),
            insns: Some(12),
            states: Some(3),
            peak_states: Some(2),
            max_states_per_insn: Some(1),
            mark_read: Some(4),
            stack_bytes: Some(96),
        };
        assert_eq!(found, expected);
        assert_eq!(VerifierStats::of_log("nothing"), VerifierStats::default());
    }
}
