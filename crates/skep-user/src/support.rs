//! Which functions programs can call here: asked of what is implemented and of the kinds of program that run, so that no
//! list can be wrong.

use std::fmt;

use skep_abi::{Function, ProgType};

use crate::UserHost;

/// Whether the host has a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Support {
    /// For every kind of program that may call it on Linux.
    Supported,
    /// It is implemented, but only for these kinds; programs of the others don't run here.
    Partial(Vec<ProgType>),
    /// It is implemented, but none of the kinds that may call it runs here.
    NoPrograms,
    /// It is not implemented.
    Missing,
}

impl Support {
    /// `supported`, `partial` or `missing`.
    pub fn name(&self) -> &'static str {
        match self {
            Support::Supported => "supported",
            Support::Partial(_) => "partial",
            Support::NoPrograms | Support::Missing => "missing",
        }
    }

    /// Why it is not supported, if it is not.
    pub fn why(&self) -> Option<String> {
        match self {
            Support::Supported => None,
            Support::Partial(kinds) => {
                let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
                Some(format!("only for {}: programs of other kinds don't run here", names.join(", ")))
            }
            Support::NoPrograms => Some("the kinds of program that may call it don't run here".to_owned()),
            Support::Missing => Some("not implemented".to_owned()),
        }
    }
}

impl fmt::Display for Support {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.why() {
            None => f.write_str(self.name()),
            Some(why) => write!(f, "{} ({why})", self.name()),
        }
    }
}

impl UserHost {
    /// Whether programs can call this function here.
    pub fn supports(&self, function: &'static Function) -> Support {
        if !self.functions().any(|implemented| implemented == function) {
            return Support::Missing;
        }
        let callers = function.kinds().unwrap_or_else(|| ProgType::ALL.to_vec());
        let (here, elsewhere): (Vec<ProgType>, Vec<ProgType>) =
            callers.into_iter().partition(|kind| UserHost::runs(*kind));
        match (here.is_empty(), elsewhere.is_empty()) {
            (false, true) => Support::Supported,
            (false, false) => Support::Partial(here),
            (true, _) => Support::NoPrograms,
        }
    }
}
