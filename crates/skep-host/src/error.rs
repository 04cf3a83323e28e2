//! Why a host did not do something.

use std::fmt;

use skep_abi::Errno;
use skep_obj::{LinkError, RelocateError};
use skep_verify::VerifyError;

/// Why a host did not do something.
#[derive(Debug)]
#[non_exhaustive]
pub enum HostError {
    /// The host refused with an error number.
    Errno {
        /// What was asked, such as `create map "counts"`.
        what: String,
        /// The number.
        errno: Errno,
        /// What is wrong, where the host says it.
        why: Option<String>,
    },
    /// The user host's verifier refused the program.
    Refused {
        /// The program.
        program: String,
        /// The report.
        report: Box<VerifyError>,
    },
    /// The kernel refused the program.
    RefusedByKernel {
        /// The program.
        program: String,
        /// The number.
        errno: Errno,
        /// The verifier's whole log; empty if the refusal came before it.
        log: String,
    },
    /// The program can't be linked.
    Link(LinkError),
    /// The object can't be made to fit the host's types.
    Relocate(RelocateError),
    /// This host can't do it, on this machine or at all.
    Unsupported {
        /// What was asked.
        what: String,
        /// Why not, and what would help.
        why: String,
    },
    /// The program did something that no verified program does: a fault of the verifier, caught by the checked
    /// interpreter.
    Trapped {
        /// The program.
        program: String,
        /// Which instruction did what.
        trap: String,
    },
}

impl HostError {
    /// The error number, where there is one.
    pub fn errno(&self) -> Option<Errno> {
        match self {
            HostError::Errno { errno, .. } | HostError::RefusedByKernel { errno, .. } => Some(*errno),
            // What bpf(2) returns when its verifier refuses an access.
            HostError::Refused { .. } => Some(Errno::EACCES),
            HostError::Unsupported { .. } => Some(Errno::EOPNOTSUPP),
            HostError::Link(_) | HostError::Relocate(_) | HostError::Trapped { .. } => None,
        }
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostError::Errno { what, errno, why: Some(why) } => write!(f, "can't {what}: {why} ({errno})"),
            HostError::Errno { what, errno, why: None } => write!(f, "can't {what}: {errno}"),
            HostError::Refused { program, report } => write!(f, "program `{program}` is refused: {report}"),
            HostError::RefusedByKernel { program, errno, log } => {
                write!(f, "the kernel refuses program `{program}`: {errno}")?;
                match last_words(log) {
                    Some(words) => write!(f, ": {words}"),
                    None => Ok(()),
                }
            }
            HostError::Link(error) => error.fmt(f),
            HostError::Relocate(error) => error.fmt(f),
            HostError::Unsupported { what, why } => write!(f, "can't {what}: {why}"),
            HostError::Trapped { program, trap } => write!(f, "program `{program}` trapped: {trap}"),
        }
    }
}

/// The line of a verifier log that says why: the last before its statistics.
fn last_words(log: &str) -> Option<&str> {
    log.lines().map(str::trim).filter(|l| !l.is_empty()).rfind(|l| {
        let statistics = ["processed ", "verification time", "stack depth", "max_states_per_insn"];
        !statistics.iter().any(|s| l.starts_with(s))
    })
}

impl std::error::Error for HostError {}

impl From<RelocateError> for HostError {
    fn from(error: RelocateError) -> HostError {
        HostError::Relocate(error)
    }
}

impl From<LinkError> for HostError {
    fn from(error: LinkError) -> HostError {
        HostError::Link(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_log_is_kept_whole_and_its_reason_shown() {
        let error = HostError::RefusedByKernel {
            program: "p".into(),
            errno: Errno::EACCES,
            log: "0: (95) exit\nR0 !read_ok\nprocessed 1 insns (limit 1000000)\n\n".into(),
        };
        assert_eq!(
            error.to_string(),
            "the kernel refuses program `p`: EACCES: permission denied: R0 !read_ok"
        );
    }
}
