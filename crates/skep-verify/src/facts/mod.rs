//! What was proved of a program as a whole: what its registers hold, what of it is dead, how often its loops come
//! round, how much it executes, and what it changes.
//!
//! Only what holds on every run is a fact. Two walks give them: the one that judges the program, and another one in
//! which a path counts as covered only if all its numbers lie within the earlier one's; then what was seen of a register
//! is all that it may hold. Where that second walk is too much work, the first gives everything but numbers.
//!
//! It knows of this program alone: not how long a called function takes, nor what a program does that a tail call
//! continues in.

mod effects;
mod finish;
mod longest;
mod loops;
mod seen;
mod trace;

use std::borrow::Cow;
use std::fmt;

use skep_isa::Reg;

use crate::domain::Scalar;

pub use effects::Effects;
pub(crate) use trace::Trace;

/// What was proved of a program.
#[derive(Clone, Debug)]
pub struct Facts {
    /// By slot: registers that may still be read, and what they hold.
    pub(crate) registers: Vec<Vec<(u8, Known)>>,
    /// By slot, how a branch goes on.
    pub(crate) branches: Vec<Branch>,
    pub(crate) loops: Vec<Loop>,
    pub(crate) costs: Vec<Cost>,
    pub(crate) stack_bytes: u32,
    pub(crate) effects: Effects,
    pub(crate) returns: Option<Known>,
    pub(crate) knows_numbers: bool,
}

/// What a register holds, on every path.
#[derive(Clone, Debug, PartialEq)]
pub enum Known {
    /// A number, of which this is known.
    Number(Scalar),
    /// A pointer.
    Pointer(Pointer),
    /// A number on some paths, a pointer on others, or pointers of several kinds.
    Mixed,
}

/// What is known of a pointer.
#[derive(Clone, Debug, PartialEq)]
pub struct Pointer {
    /// What it points to, in the words of Linux's log: `map_value`, `pkt`, `fp`, `trusted_ptr_task_struct`.
    pub kind: Cow<'static, str>,
    /// The map that it is, or whose key or value it points into.
    pub map: Option<u32>,
    /// Whether it may be null instead.
    pub nullable: bool,
    /// How many bytes it is from where it started: the packet's start, the end of the frame's stack, a value's first byte.
    pub offset: Scalar,
}

/// How a conditional jump goes on, over all paths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Branch {
    /// It is no conditional jump, or no path reaches it.
    #[default]
    None,
    /// Both ways are possible.
    Both,
    /// It is always taken.
    Always,
    /// It is never taken.
    Never,
}

/// The most that was proved of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// So much at most.
    AtMost(u64),
    /// Nothing, for this reason.
    Unbounded(Unbounded),
}

/// Why there is no bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unbounded {
    /// The slot of the instruction that decides at run time whether there is another round.
    pub insn: usize,
    /// Whether it was too much work to find one out, rather than proved that the verifier knows none.
    pub gave_up: bool,
}

/// A loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loop {
    /// The slot that it comes round to.
    pub head: usize,
    /// The jumps that lead back there; none if it is a call that runs a callback.
    pub jumps: Vec<usize>,
    /// How often it comes back to its head, each time that it is entered.
    pub rounds: Bound,
}

/// How many instructions are executed, from where the kernel starts a function: the program, an asynchronous callback, or
/// the handler of exceptions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cost {
    /// The function, by index.
    pub function: usize,
    /// Its instructions and those of the functions that it calls, by one run.
    pub insns: Bound,
}

impl Facts {
    /// What a register holds before an instruction; `None` where no path reaches it, and of registers that are not read
    /// there or after.
    pub fn register(&self, insn: usize, register: Reg) -> Option<&Known> {
        self.registers(insn).iter().find(|(known, _)| *known == register.0).map(|(_, known)| known)
    }

    /// What all registers hold before an instruction, those that may still be read.
    pub fn registers(&self, insn: usize) -> &[(u8, Known)] {
        self.registers.get(insn).map(Vec::as_slice).unwrap_or_default()
    }

    /// How a conditional jump goes on.
    pub fn branch(&self, insn: usize) -> Branch {
        self.branches.get(insn).copied().unwrap_or_default()
    }

    /// The loops, by their heads.
    pub fn loops(&self) -> &[Loop] {
        &self.loops
    }

    /// How many instructions a run of the program executes.
    pub fn cost(&self) -> Bound {
        self.costs.first().map_or(Bound::AtMost(0), |cost| cost.insns)
    }

    /// The same for each function that the kernel starts, the program's entry first.
    pub fn costs(&self) -> &[Cost] {
        &self.costs
    }

    /// Bytes of stack that the deepest chain of calls needs, each frame's rounded up to 16.
    pub fn stack_bytes(&self) -> u32 {
        self.stack_bytes
    }

    /// What the program changes beyond its own registers and stack.
    pub fn effects(&self) -> &Effects {
        &self.effects
    }

    /// What the program returns; `None` if no path ends.
    pub fn returns(&self) -> Option<&Known> {
        self.returns.as_ref()
    }

    /// Whether numbers are known. If finding them out was too much work, all that is said of a number is that it is one.
    pub fn knows_numbers(&self) -> bool {
        self.knows_numbers
    }
}

impl Bound {
    /// The number, if there is one.
    pub fn most(self) -> Option<u64> {
        match self {
            Bound::AtMost(most) => Some(most),
            Bound::Unbounded(_) => None,
        }
    }

    /// Both, one after the other.
    pub(crate) fn plus(self, other: Bound) -> Bound {
        match (self, other) {
            (Bound::AtMost(a), Bound::AtMost(b)) => Bound::AtMost(a.saturating_add(b)),
            (unbounded @ Bound::Unbounded(_), _) | (_, unbounded) => unbounded,
        }
    }

    /// Either.
    pub(crate) fn max(self, other: Bound) -> Bound {
        match (self, other) {
            (Bound::AtMost(a), Bound::AtMost(b)) => Bound::AtMost(a.max(b)),
            (unbounded @ Bound::Unbounded(_), _) | (_, unbounded) => unbounded,
        }
    }

    /// So often.
    pub(crate) fn times(self, times: u64) -> Bound {
        match self {
            Bound::AtMost(most) => Bound::AtMost(most.saturating_mul(times)),
            unbounded @ Bound::Unbounded(_) => unbounded,
        }
    }
}

impl Unbounded {
    /// What the instruction decides, nobody knows before.
    pub(crate) fn at(insn: u32) -> Unbounded {
        Unbounded { insn: insn as usize, gave_up: false }
    }
}

/// `5`, `0..255`, `number`, `map_value(0)+8`, `pkt+14..82`, `mixed`.
impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Known::Number(number) if *number == Scalar::UNKNOWN => f.write_str("number"),
            Known::Number(number) => between(f, number, false),
            Known::Pointer(pointer) => write!(f, "{pointer}"),
            Known::Mixed => f.write_str("mixed"),
        }
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        if self.nullable {
            f.write_str("_or_null")?;
        }
        if let Some(map) = self.map {
            write!(f, "({map})")?;
        }
        if self.offset.as_constant() == Some(0) { Ok(()) } else { between(f, &self.offset, true) }
    }
}

/// The bounds of a number, by the reading that tells more; both ends are included.
fn between(f: &mut fmt::Formatter<'_>, number: &Scalar, with_sign: bool) -> fmt::Result {
    let full = number.full;
    let signed = |f: &mut fmt::Formatter<'_>, n: i64| {
        if with_sign { write!(f, "{n:+}") } else { write!(f, "{n}") }
    };
    if full.smin == full.smax {
        return signed(f, full.smin);
    }
    let (signed_span, unsigned_span) = (full.smax.abs_diff(full.smin), full.umax - full.umin);
    if signed_span <= unsigned_span {
        signed(f, full.smin)?;
        write!(f, "..{}", full.smax)
    } else {
        write!(f, "{}{}..{}", if with_sign { "+" } else { "" }, full.umin, full.umax)
    }
}
