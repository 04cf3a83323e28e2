//! The Linux that a program is judged for.
//!
//! What there is by version stands in the tables that say what there is: instructions in `skep_isa`'s, functions, kinds
//! of program and of map in `skep_abi`'s. Here are only the versions that a program can be judged for, and the
//! [`Judgement`]s that later versions made otherwise than earlier ones.
//! Source: kernel/bpf/verifier.c of Linux 6.1, 6.12 and 6.18; the verdicts of those kernels on the recorded programs.

use std::fmt;
use std::str::FromStr;

use crate::error::Reason;

/// A version of Linux that programs can be judged for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Linux 6.1.
    V6_1,
    /// Linux 6.6.
    V6_6,
    /// Linux 6.12.
    V6_12,
    /// Linux 6.18.
    #[default]
    V6_18,
}

impl Level {
    /// Every version, the earliest first.
    pub const ALL: [Level; 4] = [Level::V6_1, Level::V6_6, Level::V6_12, Level::V6_18];

    /// Its numbers, as tables give them.
    pub const fn version(self) -> (u8, u8) {
        match self {
            Level::V6_1 => (6, 1),
            Level::V6_6 => (6, 6),
            Level::V6_12 => (6, 12),
            Level::V6_18 => (6, 18),
        }
    }

    /// Whether it has what is there since another version.
    pub const fn has(self, since: (u8, u8)) -> bool {
        let (major, minor) = self.version();
        since.0 < major || since.0 == major && since.1 <= minor
    }

    /// Refuses what is there since a later version.
    pub(crate) fn requires(self, since: (u8, u8), what: impl FnOnce() -> String) -> Result<(), Reason> {
        if self.has(since) { Ok(()) } else { Err(Reason::Later { what: what(), since, asked: self }) }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor) = self.version();
        write!(f, "{major}.{minor}")
    }
}

/// A version of Linux that no program can be judged for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownLevel {
    /// What was asked for.
    pub asked: String,
}

impl fmt::Display for UnknownLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Level::ALL.map(|level| level.to_string()).join(", ");
        write!(f, "programs are judged for Linux {known}, found `{}`", self.asked)
    }
}

impl std::error::Error for UnknownLevel {}

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Level, UnknownLevel> {
        let known = Level::ALL.into_iter().find(|level| level.to_string() == text);
        known.ok_or_else(|| UnknownLevel { asked: text.to_owned() })
    }
}

macro_rules! judgements {
    ($($name:ident $major:literal . $minor:literal $doc:literal;)*) => {
        /// What a version of Linux judges otherwise than those before it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Judgement {
            $(#[doc = $doc] $name,)*
        }

        impl Judgement {
            /// Every judgement.
            pub const ALL: &'static [Judgement] = &[$(Judgement::$name),*];

            /// The first version that judges so.
            pub const fn since(self) -> (u8, u8) {
                match self { $(Judgement::$name => ($major, $minor),)* }
            }

            /// How it is judged since, in a sentence.
            pub const fn doc(self) -> &'static str {
                match self { $(Judgement::$name => $doc,)* }
            }
        }
    };
}

judgements! {
    NullnessByComparison 6 . 2
        "a pointer that equals one that is not null is not null either";
    UnequalByBounds 6 . 4
        "a number and a constant that is out of its bounds are not equal";
    Exceptions 6 . 7
        "a tag on the program names the function that handles what it throws";
    ComparedUnknowns 6 . 8
        "a comparison of two numbers tells of both, though neither is a constant";
    FilledParts 6 . 8
        "a number on the stack stays known when it is loaded in another size than it was stored in";
    ArgumentTags 6 . 8
        "tags on the parameters of global functions say what they take";
    UncalledGlobals 6 . 8
        "global functions that nothing calls are not looked at";
    FollowedSpills 6 . 9
        "numbers without bounds are followed through the stack, and stay linked with where they come from";
    LocksAcrossCalls 6 . 9
        "the program's functions may be called, and left, while a lock is held";
    HookResults 6 . 12
        "programs at hooks of security modules return what the hook may return";
    WholePointerArguments 6 . 12
        "an argument that is a pointer is read from the context as a whole, also where it is not followed";
    PresentElements 6 . 14
        "the element of an array at a constant index that the array has is not null";
    GlobalCallsInSections 6 . 15
        "global functions that don't sleep may be called where preemption is disabled";
    WrappedSums 6 . 17
        "of sums and differences that certainly wrap, bounds are known";
}

/// The judgements of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Judgements(u64);

impl Judgements {
    /// Those of this version.
    pub(crate) fn of(level: Level) -> Judgements {
        let made = Judgement::ALL.iter().filter(|judgement| level.has(judgement.since()));
        Judgements(made.fold(0, |set, judgement| set | 1 << *judgement as u64))
    }

    /// Whether it judges so.
    pub(crate) const fn has(self, judgement: Judgement) -> bool {
        self.0 >> judgement as u64 & 1 == 1
    }
}

const _: () = assert!(Judgement::ALL.len() <= 64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_told_and_ordered() {
        for level in Level::ALL {
            assert_eq!(level.to_string().parse(), Ok(level));
            assert!(level.has(level.version()) && level.has((5, 19)) && !level.has((7, 0)));
        }
        assert!(Level::V6_6 < Level::V6_12 && !Level::V6_6.has((6, 12)));
        let error = "5.15".parse::<Level>().unwrap_err();
        assert_eq!(error.to_string(), "programs are judged for Linux 6.1, 6.6, 6.12, 6.18, found `5.15`");
    }

    #[test]
    fn the_latest_version_makes_every_judgement() {
        assert!(Judgement::ALL.iter().all(|judgement| Judgements::of(Level::default()).has(*judgement)));
    }
}
