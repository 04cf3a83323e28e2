//! Where paths meet: a path ends where it arrives with nothing that an earlier one did not have there.
//!
//! A kept state that is finished *covers* a new one if every value the new one may hold the kept one may hold too,
//! as far as it matters: registers that may still be read, stack slots that were read, numbers that are precise. An
//! unfinished kept state lies on the present path: meeting an equal one again is a loop that may never end, unless
//! `may_goto` bounds it.
//! Source of the rules: `states_equal`, `regsafe`, `stacksafe` of kernel/bpf/verifier.c, Linux 6.18.

use skep_isa::Reg;

use crate::error::Reason;
use crate::explore::{Explorer, Kept, NodeId};
use crate::flow::bounds_loop;
use crate::precise::Wanted;
use crate::stack::{Byte, Slot};
use crate::state::{Frame, MAX_FRAMES, Role, State};
use crate::value::{Id, Kind, Value};

/// A kept state, and what was learnt to matter of it.
pub(crate) struct Node {
    pub(crate) state: State,
    pub(crate) at: usize,
    /// Numbers that matter: registers and slots, by frame.
    precise: Wanted,
    /// Stack slots that are read after it, by frame.
    read: [u64; MAX_FRAMES],
    /// Whether all that follows from it has been walked.
    finished: bool,
    /// Whether it is no longer compared with.
    dropped: bool,
    hits: u32,
    misses: u32,
}

impl Node {
    /// Notes which of the wanted numbers matter here; leaves those that did not before.
    pub(crate) fn note_precise(&mut self, wanted: &mut Wanted) {
        for frame in 0..MAX_FRAMES {
            let Some(held) = self.state.frames.get(frame) else {
                wanted.regs[frame] = 0;
                wanted.slots[frame] = 0;
                continue;
            };
            wanted.regs[frame] &= !self.precise.regs[frame];
            wanted.slots[frame] &= !self.precise.slots[frame];
            for register in bits(u64::from(wanted.regs[frame])) {
                if !held.regs[register].is_scalar() {
                    wanted.regs[frame] &= !(1 << register);
                }
            }
            for index in bits(wanted.slots[frame]) {
                let slot = held.stack.slot(index);
                if slot.spilled_bytes() == 0 || !slot.value.is_scalar() {
                    wanted.slots[frame] &= !(1 << index);
                }
            }
            self.precise.regs[frame] |= wanted.regs[frame];
            self.precise.slots[frame] |= wanted.slots[frame];
        }
    }
}

/// How closely a kept state must match.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    /// As far as it matters.
    Matters,
    /// Every value within the kept one's.
    Within,
    /// Every value the same.
    Same,
}

/// Which names of the kept state stand for which of the new one.
#[derive(Default)]
struct Names {
    /// Old name, new name, and how much further the new number is from what they share.
    pairs: Vec<(Id, Id, i32)>,
    /// Whether numbers must be the same, not within the kept state's.
    strict: bool,
    /// Whether a byte that was never written may stand for one that was.
    uninit: bool,
}

impl Names {
    /// Whether an old name can stand for a new one.
    fn links(&mut self, old: Id, new: Id, distance: i32) -> bool {
        if old == 0 {
            return true;
        }
        if new == 0 {
            return false;
        }
        match self.pairs.iter().find(|(known, _, _)| *known == old) {
            Some(&(_, known, by)) => known == new && by == distance,
            None => {
                self.pairs.push((old, new, distance));
                true
            }
        }
    }

    /// The same for names that must stay apart, or be absent in both.
    fn same(&mut self, old: Id, new: Id) -> bool {
        if old == 0 || new == 0 {
            return old == new;
        }
        match self.pairs.iter().find(|(known, other, _)| *known == old || *other == new) {
            Some(&(known, other, _)) => known == old && other == new,
            None => {
                self.pairs.push((old, new, 0));
                true
            }
        }
    }
}

impl Explorer<'_> {
    /// Compares with the states kept here. Whether the path ends.
    pub(crate) fn meet(&mut self, at: usize, state: &mut State) -> Result<bool, Reason> {
        let calls_back = self.flow.calls_back[at];
        let bounded = calls_back || bounds_loop(self.program, &self.program.insns[at]);
        let (insns, jumps) = (self.processed - self.kept_at.0, self.jumps - self.kept_at.1);
        // Functions that the kernel runs later may set themselves up again.
        let starts = self.history.is_empty() && state.frame().role != Role::Called;
        let mut keep = bounded || starts || insns >= 8 && jumps >= 2;
        let mut index = self.kept[at].len();
        while index > 0 {
            index -= 1;
            let (call_site, id) = self.kept[at][index];
            // States of other calls of the function say nothing of this one, for or against keeping them.
            if call_site != state.frame().call_site {
                continue;
            }
            let node = &self.nodes[id];
            let mut uninit = Vec::new();
            if node.finished {
                if self.covers(node, state, Mode::Matters, &mut uninit) {
                    self.hit(id, state, &uninit);
                    self.trace_join(id, false, state);
                    return Ok(true);
                }
            } else if bounded && (calls_back || node.state.may_gotos != state.may_gotos) {
                if self.covers(node, state, Mode::Within, &mut uninit) {
                    self.come_round(id, state, &uninit);
                    self.trace_join(id, true, state);
                    return Ok(true);
                }
            } else if node.state.may_gotos == state.may_gotos
                && self.covers(node, state, Mode::Same, &mut uninit)
            {
                return Err(Reason::InfiniteLoop);
            }
            // Not every round of a loop is worth keeping: there may be very many.
            if !self.nodes[id].finished && !bounded && jumps < 20 && insns < 100 {
                keep = false;
            }
            // Nor would the states of other rounds survive if each round counted as a miss.
            if keep {
                self.miss(at, index, bounded);
            }
        }
        if keep {
            self.keep(at, state);
        }
        Ok(false)
    }

    /// Tells a trace that a kept state covers the path.
    fn trace_join(&mut self, id: NodeId, comes_round: bool, state: &State) {
        if let Some(trace) = &mut self.trace {
            trace.join(id, comes_round, state);
        }
    }

    /// Keeps the state, to be compared with later.
    fn keep(&mut self, at: usize, state: &mut State) {
        self.kept_at = (self.processed, self.jumps);
        self.forget_dead(at, state);
        clear_single_links(state);
        let node = Node {
            state: state.clone(),
            at,
            precise: Wanted::default(),
            read: [0; MAX_FRAMES],
            finished: false,
            dropped: false,
            hits: 0,
            misses: 0,
        };
        state.written = [0; MAX_FRAMES];
        let id = match self.free.pop() {
            Some(id) => {
                self.nodes[id] = node;
                id
            }
            None => {
                self.nodes.push(node);
                self.nodes.len() - 1
            }
        };
        if let Some(trace) = &mut self.trace {
            trace.keep(id, at, state);
        }
        self.kept[at].push((state.frame().call_site, id));
        self.stats.max_states_per_insn = self.stats.max_states_per_insn.max(self.kept[at].len() as u64);
        self.path.push(Kept { node: id, passed: self.history.len() });
        self.stats.states += 1;
        self.stats.peak_states = self.stats.peak_states.max((self.nodes.len() - self.free.len()) as u64);
    }

    /// Forgets the registers that nobody reads again, so that they link nothing either.
    fn forget_dead(&self, at: usize, state: &mut State) {
        for frame in 0..state.frames.len() {
            let live = self.live(state, frame, at);
            let dead = |register: usize| live & 1 << register == 0 && register != Reg::R10.index();
            let regs = &state.frames[frame].regs;
            if (0..regs.len()).any(|r| dead(r) && regs[r].kind != Kind::Uninit) {
                let regs = &mut state.frame_at_mut(frame).regs;
                for register in (0..regs.len()).filter(|r| dead(*r)) {
                    regs[register] = Value::UNINIT;
                }
            }
        }
    }

    /// The path falls back: all that follows from the states kept beyond has been walked.
    pub(crate) fn fall_back(&mut self, len: usize) {
        for kept in self.path.drain(len..) {
            let node = &mut self.nodes[kept.node];
            node.finished = true;
            if node.dropped {
                self.free.push(kept.node);
            }
        }
    }

    /// A finished state covers the present one: what matters there matters on this path too.
    fn hit(&mut self, id: NodeId, state: &State, uninit: &[usize]) {
        let node = &mut self.nodes[id];
        node.hits += 1;
        let (mut wanted, read, at) = (node.precise, node.read, node.at);
        for (frame, held) in state.frames.iter().enumerate() {
            wanted.regs[frame] &= self.live(state, frame, at);
            wanted.slots[frame] &= read[frame];
            for register in bits(u64::from(wanted.regs[frame])) {
                if !held.regs[register].is_scalar() {
                    wanted.regs[frame] &= !(1 << register);
                }
            }
        }
        self.arrive(wanted, read, state, uninit);
    }

    /// The path came round to a state on itself, within a loop that is bounded at run time. It is not known yet what
    /// matters there, so everything does that may.
    fn come_round(&mut self, id: NodeId, state: &State, uninit: &[usize]) {
        let at = self.nodes[id].at;
        self.nodes[id].hits += 1;
        let mut wanted = Wanted::default();
        for frame in 0..state.frames.len() {
            wanted.regs[frame] = flow_of(state, frame, at, &self.flow.relevant);
            wanted.slots[frame] = u64::MAX;
        }
        self.arrive(wanted, [u64::MAX; MAX_FRAMES], state, uninit);
    }

    fn arrive(&mut self, wanted: Wanted, read: [u64; MAX_FRAMES], state: &State, uninit: &[usize]) {
        self.go_back(wanted, state.depth(), self.history.len());
        for (frame, slots) in read.into_iter().enumerate().take(state.frames.len()) {
            self.mark_stack_read(frame, slots, state);
        }
        for &function in uninit {
            self.reads_uninit[function] = true;
        }
    }

    /// Notes that slots of a frame's stack are read: in every kept state back to where they were written.
    pub(crate) fn mark_stack_read(&mut self, frame: usize, slots: u64, state: &State) {
        let mut slots = slots & !state.written[frame];
        for kept in self.path.iter().rev() {
            if slots == 0 {
                return;
            }
            let node = &mut self.nodes[kept.node];
            slots &= !node.read[frame];
            node.read[frame] |= slots;
            slots &= !node.state.written[frame];
        }
    }

    /// A comparison that was in vain: states that rarely cover anything are not worth comparing with.
    /// Only the rounds of a loop that is `bounded` at run time need many of those before them.
    fn miss(&mut self, at: usize, index: usize, bounded: bool) {
        let (_, id) = self.kept[at][index];
        let node = &mut self.nodes[id];
        node.misses += 1;
        let patience = if bounded && !node.finished { 64 } else { 3 };
        if node.misses > node.hits * patience + patience {
            node.dropped = true;
            if node.finished {
                self.free.push(id);
            }
            self.kept[at].remove(index);
        }
    }

    /// The registers of a frame that may still be read when the path is at `at`.
    fn live(&self, state: &State, frame: usize, at: usize) -> u16 {
        flow_of(state, frame, at, &self.flow.live)
    }

    /// Whether every value of the new state is one of the kept state's. Functions whose frames then may be read
    /// where nothing was written are added to `uninit`.
    fn covers(&self, node: &Node, new: &State, mode: Mode, uninit: &mut Vec<usize>) -> bool {
        let old = &node.state;
        if old.speculative && !new.speculative {
            // What holds on mispredicted paths was not proved of real ones.
            return false;
        }
        if old.frames.len() != new.frames.len()
            || old.held.len() != new.held.len()
            || old.sections != new.sections
        {
            return false;
        }
        let strict = self.speculation.as_ref().is_some_and(|s| s.strict);
        let mut names = Names { strict, uninit: self.may_leak(), ..Names::default() };
        for (index, (a, b)) in old.frames.iter().zip(&new.frames).enumerate() {
            if a.call_site != b.call_site || a.function != b.function || a.role != b.role {
                return false;
            }
            // Rounds that the kept state's calls have left cover those that are left now.
            if a.rounds > b.rounds {
                return false;
            }
            let precise = if self.exact { u16::MAX } else { node.precise.regs[index] };
            for register in bits(u64::from(self.live(new, index, node.at))) {
                let precise = precise & 1 << register != 0;
                if !value_covers(&a.regs[register], &b.regs[register], precise, mode, &mut names) {
                    return false;
                }
            }
        }
        for (index, (a, b)) in old.frames.iter().zip(&new.frames).enumerate() {
            let precise = if self.exact { u64::MAX } else { node.precise.slots[index] };
            let read = node.read[index];
            if !stack_covers(a, b, read, precise, mode, &mut names, uninit) {
                return false;
            }
        }
        old.held.iter().zip(&new.held).all(|(a, b)| a.what == b.what && names.same(a.id, b.id))
    }

    /// Where a loop that `may_goto` bounds comes to it again with other numbers: those that did not matter become
    /// unknown, so that the next round finds nothing new.
    pub(crate) fn widen(&self, at: usize, state: &mut State) {
        self.widen_from(at, 1, state);
    }

    /// The same for a loop that comes to `at` next, past the latest kept states.
    pub(crate) fn widen_from(&self, at: usize, skip: usize, state: &mut State) {
        let earlier = self.path.iter().rev().skip(skip).map(|kept| &self.nodes[kept.node]);
        let same_calls = |node: &&Node| {
            node.at == at
                && node.state.frames.len() == state.frames.len()
                && node.state.frames.iter().zip(&state.frames).all(|(a, b)| a.call_site == b.call_site)
        };
        let Some(node) = earlier.clone().find(same_calls) else { return };
        for frame in 0..state.frames.len() {
            let old = &node.state.frames[frame];
            for register in 0..old.regs.len() {
                let precise = node.precise.regs[frame] & 1 << register != 0;
                let (a, b) = (old.regs[register], state.frames[frame].regs[register]);
                if !precise && differs(&a, &b) {
                    state.frame_at_mut(frame).regs[register] = Value::UNKNOWN;
                }
            }
            for index in 0..state.frames[frame].stack.slots().len() {
                let precise = node.precise.slots[frame] & 1 << index != 0;
                let (a, b) = (old.stack.slot(index), state.frames[frame].stack.slot(index));
                if !precise && a.spilled_bytes() == 8 && b.spilled_bytes() == 8 && differs(&a.value, &b.value)
                {
                    state.frame_at_mut(frame).stack.slot_mut(index).value = Value::UNKNOWN;
                }
            }
        }
    }
}

/// What a data flow says of a frame's registers when the path is at `at`.
fn flow_of(state: &State, frame: usize, at: usize, sets: &[u16]) -> u16 {
    match state.frames.get(frame + 1) {
        None => sets.get(at).copied().unwrap_or_default(),
        // A caller goes on after its call; the callee sets r0 and leaves nothing in r1 to r5.
        // It is at its call again when a callback ends.
        Some(callee) if matches!(callee.role, Role::Callback { .. }) => {
            sets.get(callee.call_site).copied().unwrap_or_default()
        }
        Some(callee) => sets.get(callee.call_site + 1).copied().unwrap_or_default() & !0b11_1111,
    }
}

/// Whether two values are different numbers.
fn differs(a: &Value, b: &Value) -> bool {
    a.is_scalar() && b.is_scalar() && a.num != b.num
}

/// The positions of the bits that are set.
fn bits(mut set: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        if set == 0 {
            return None;
        }
        let index = set.trailing_zeros();
        set &= set - 1;
        Some(index as usize)
    })
}

/// Whether every value that `new` may be, `old` may be.
fn value_covers(old: &Value, new: &Value, precise: bool, mode: Mode, names: &mut Names) -> bool {
    if old.kind == Kind::Uninit {
        // What was reached without a value here did not read it.
        return mode != Mode::Same || new.kind == Kind::Uninit;
    }
    if !old.kind.same(new.kind) || old.nullable != new.nullable || old.flags != new.flags {
        return false;
    }
    if old.is_scalar() {
        return match mode {
            _ if names.strict && old.num != new.num => false,
            Mode::Matters if !precise => true,
            Mode::Same => {
                old.num == new.num
                    && names.same(old.id, new.id)
                    && old.off == new.off
                    && old.narrow == new.narrow
            }
            _ => {
                let linked = old.id == 0 || old.narrow == new.narrow;
                linked
                    && old.num.includes(new.num)
                    && names.links(old.id, new.id, new.off.wrapping_sub(old.off))
            }
        };
    }
    let ranges_fit = match (old.kind, new.kind) {
        (Kind::Packet { range: a }, Kind::Packet { range: b })
        | (Kind::PacketMeta { range: a }, Kind::PacketMeta { range: b }) => {
            if mode == Mode::Same {
                a == b
            } else {
                a <= b
            }
        }
        _ => true,
    };
    let nums_fit = if mode == Mode::Same { old.num == new.num } else { old.num.includes(new.num) };
    let dynptrs_fit = match (old.kind, new.kind) {
        (Kind::Slice { dynptr: a, .. }, Kind::Slice { dynptr: b, .. }) => names.same(a, b),
        _ => true,
    };
    ranges_fit
        && dynptrs_fit
        && old.off == new.off
        && nums_fit
        && names.same(old.id, new.id)
        && names.same(old.acquired, new.acquired)
        && names.same(old.found_by, new.found_by)
}

/// The same for the stacks of two frames.
#[allow(clippy::too_many_arguments)] // two states and what is known of one of them
fn stack_covers(
    old: &Frame,
    new: &Frame,
    read: u64,
    precise: u64,
    mode: Mode,
    names: &mut Names,
    uninit: &mut Vec<usize>,
) -> bool {
    let slots = match mode {
        Mode::Same => old.stack.slots().len().max(new.stack.slots().len()),
        _ => old.stack.slots().len(),
    };
    let compared = if mode == Mode::Matters { read } else { u64::MAX };
    for index in bits(compared & crate::domain::ones(slots as u32)) {
        let (a, b) = (old.stack.get(index), new.stack.get(index));
        if !slot_covers(a, b, precise & 1 << index != 0, mode, names) {
            return false;
        }
        let untouched = |(a, b): (&Byte, &Byte)| *a != Byte::Uninit && *b == Byte::Uninit;
        if a.bytes.iter().zip(&b.bytes).any(untouched) {
            uninit.push(new.function);
        }
    }
    true
}

/// The same for one slot.
fn slot_covers(old: &Slot, new: &Slot, precise: bool, mode: Mode, names: &mut Names) -> bool {
    if mode == Mode::Same {
        let valued = old.spilled_bytes() > 0 || old.bytes[0].is_special();
        return old.bytes == new.bytes
            && (!valued || value_covers(&old.value, &new.value, true, mode, names));
    }
    // A number in eight bytes, however it came there, is a number.
    if let (Some(a), Some(b)) = (old.as_scalar(), new.as_scalar())
        && (names.uninit || !new.bytes.contains(&Byte::Uninit))
    {
        return value_covers(a, b, precise, mode, names);
    }
    let spilled = old.spilled_bytes();
    if spilled > 0 && spilled != new.spilled_bytes() {
        return false;
    }
    for (a, b) in old.bytes.iter().zip(&new.bytes) {
        let fits = match a {
            Byte::Uninit => true,
            Byte::Misc => names.uninit || *b == Byte::Misc || *b == Byte::Zero,
            Byte::Zero => *b == Byte::Zero,
            Byte::Spill | Byte::Dynptr | Byte::Iterator | Byte::IrqFlags => a == b,
        };
        if !fits {
            return false;
        }
    }
    if old.bytes[0].is_special() {
        return value_covers(&old.value, &new.value, true, mode, names);
    }
    spilled == 0 || value_covers(&old.value, &new.value, precise, mode, names)
}

/// Forgets names that only one number has: they link nothing.
fn clear_single_links(state: &mut State) {
    let mut seen: Vec<(Id, usize)> = Vec::new();
    for frame in &state.frames {
        for value in frame.regs.iter().chain(frame.stack.spilled()) {
            if value.is_scalar() && value.id != 0 {
                match seen.iter_mut().find(|(id, _)| *id == value.id) {
                    Some((_, count)) => *count += 1,
                    None => seen.push((value.id, 1)),
                }
            }
        }
    }
    let single: Vec<Id> = seen.into_iter().filter(|(_, count)| *count == 1).map(|(id, _)| id).collect();
    if !single.is_empty() {
        state.change(|v| v.is_scalar() && single.contains(&v.id), |v| *v = v.unlinked());
    }
}
