//! What is known at one point of one path: the frames with their registers and stacks, and what is acquired.

use std::rc::Rc;

use skep_isa::Reg;

use crate::error::Reason;
use crate::stack::Stack;
use crate::value::{Id, Kind, Value};

/// Most frames (`MAX_CALL_FRAMES`).
pub(crate) const MAX_FRAMES: usize = 8;

/// An abstract state.
#[derive(Clone)]
pub(crate) struct State {
    /// The frames, the entry's first. Shared between states until written.
    pub(crate) frames: Vec<Rc<Frame>>,
    /// What was acquired and not released.
    pub(crate) held: Vec<Held>,
    /// The sections that the program is in.
    pub(crate) sections: Sections,
    /// Slots of each frame's stack that were wholly overwritten since a state was last kept, by bit.
    pub(crate) written: [u64; MAX_FRAMES],
    /// Whether only a mispredicted branch leads here.
    pub(crate) speculative: bool,
    /// Whether the program may turn pointers into numbers.
    pub(crate) may_leak: bool,
    /// How often the path went round in loops that are bounded at run time: `may_goto`, repeated callbacks.
    pub(crate) may_gotos: u32,
}

/// Something that a call acquired, and that the program must release.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Held {
    /// What its pointers have as `acquired`.
    pub(crate) id: Id,
    /// Slot of the call.
    pub(crate) at: usize,
    /// What it is.
    pub(crate) what: Hold,
}

/// What is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// A reference to an object or a record.
    Reference,
    /// Interrupts are off; `id` is also that of the saved flags.
    Irq,
    /// A lock; `id` is that of the pointers to the value it is in.
    Lock {
        /// Which of the kinds of lock.
        kind: LockKind,
        /// What kind of value it is in.
        owner: LockOwner,
    },
}

/// A kind of lock: each is given back as it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LockKind {
    /// `bpf_spin_lock`.
    Spin,
    /// `bpf_res_spin_lock`.
    Resilient,
    /// The same, with interrupts off.
    ResilientIrq,
}

/// What a lock protects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LockOwner {
    /// A value of this map.
    Map(u32),
    /// An object that the program allocated.
    Object,
}

/// Sections that a program enters and leaves, by calls that need no pointer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sections {
    /// Whether it is in a section that it began with `bpf_rcu_read_lock`.
    pub(crate) rcu: bool,
    /// How often preemption is disabled.
    pub(crate) preempt: u32,
    /// Whether the program may sleep where it is in none of them.
    pub(crate) sleepable: bool,
}

/// A function's activation.
#[derive(Clone)]
pub(crate) struct Frame {
    pub(crate) regs: [Value; Reg::COUNT],
    pub(crate) stack: Stack,
    /// Index of the function.
    pub(crate) function: usize,
    /// Slot of the call that made it; 0 for the entry.
    pub(crate) call_site: usize,
    /// What it is besides a function that the program calls.
    pub(crate) role: Role,
    /// How often the repeated callback of a call in it has run.
    pub(crate) rounds: u32,
}

/// Who runs a function, and what it may return.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Role {
    /// The program.
    #[default]
    Called,
    /// A call that was given it runs it, maybe again and again.
    Callback {
        /// The values it may return.
        ret: (i64, i64),
        /// Whether a tree calls it, with its lock held, to compare.
        compares: bool,
    },
    /// The kernel, later, by itself.
    Async {
        /// The values it may return.
        ret: (i64, i64),
    },
}

impl Frame {
    pub(crate) fn new(function: usize, depth: usize, call_site: usize) -> Frame {
        let mut regs = [Value::UNINIT; Reg::COUNT];
        regs[Reg::R10.index()] = Value::pointer(Kind::Stack { frame: depth as u8 });
        Frame { regs, stack: Stack::default(), function, call_site, role: Role::Called, rounds: 0 }
    }
}

impl State {
    /// Whether what RCU protects stays: in a section of the program's own, under a lock, or because the whole program
    /// is one.
    pub(crate) fn in_rcu(&self) -> bool {
        self.sections.rcu || self.is_locked() || !self.sections.sleepable
    }

    /// Whether a lock is held.
    pub(crate) fn is_locked(&self) -> bool {
        self.held.iter().any(|held| matches!(held.what, Hold::Lock { .. }))
    }

    /// Gives back what has this name: what points into it leads nowhere now.
    pub(crate) fn release(&mut self, id: Id) {
        if id == 0 {
            return;
        }
        self.held.retain(|held| held.id != id || held.what != Hold::Reference);
        self.invalidate(|v| v.acquired == id);
    }

    /// Whether interrupts are off.
    pub(crate) fn irqs_off(&self) -> bool {
        self.held.iter().any(|held| held.what == Hold::Irq)
    }

    /// Whether the path is in a function that a tree runs, with its lock held, to compare.
    pub(crate) fn in_tree_callback(&self) -> bool {
        self.frames.iter().any(|frame| matches!(frame.role, Role::Callback { compares: true, .. }))
    }

    /// Index of the running function's frame.
    pub(crate) fn depth(&self) -> usize {
        self.frames.len() - 1
    }

    pub(crate) fn frame(&self) -> &Frame {
        &self.frames[self.depth()]
    }

    pub(crate) fn frame_mut(&mut self) -> &mut Frame {
        let depth = self.depth();
        self.frame_at_mut(depth)
    }

    pub(crate) fn frame_at_mut(&mut self, frame: usize) -> &mut Frame {
        Rc::make_mut(&mut self.frames[frame])
    }

    pub(crate) fn reg(&self, reg: Reg) -> &Value {
        &self.frame().regs[reg.index()]
    }

    /// A register's value, which it must have.
    pub(crate) fn read(&self, reg: Reg) -> Result<Value, Reason> {
        let value = *self.reg(reg);
        if value.kind == Kind::Uninit {
            Err(Reason::UninitialisedRegister { register: reg.0 })
        } else {
            Ok(value)
        }
    }

    /// What calls leave of r1 to r5: nothing.
    pub(crate) fn clobber(&mut self) {
        self.frame_mut().regs[1..=5].fill(Value::UNINIT);
    }

    pub(crate) fn set(&mut self, reg: Reg, value: Value) {
        self.frame_mut().regs[reg.index()] = value;
    }

    /// Pointers whose memory is gone become numbers, or nothing that can be read where pointers must not leak.
    pub(crate) fn invalidate(&mut self, test: impl Fn(&Value) -> bool) {
        let left = self.what_is_left();
        self.change(test, |v| *v = left);
    }

    /// What a pointer whose memory is gone is.
    pub(crate) fn what_is_left(&self) -> Value {
        if self.may_leak { Value::UNKNOWN } else { Value::UNINIT }
    }

    /// Every value of every frame, spilled ones included, that passes the test, to be changed.
    pub(crate) fn change(&mut self, test: impl Fn(&Value) -> bool, mut change: impl FnMut(&mut Value)) {
        for frame in &mut self.frames {
            // Frames are shared with other states: only those that change are copied.
            if !frame.regs.iter().chain(frame.stack.spilled()).any(&test) {
                continue;
            }
            let frame = Rc::make_mut(frame);
            frame.regs.iter_mut().filter(|v| test(v)).for_each(&mut change);
            frame.stack.spilled_mut().filter(|v| test(v)).for_each(&mut change);
        }
    }

    /// The packet may be elsewhere: what points into it leads nowhere now.
    pub(crate) fn forget_packet(&mut self) {
        self.invalidate(|v| match v.kind {
            Kind::Slice { packet, .. } => packet,
            kind => matches!(kind, Kind::Packet { .. } | Kind::PacketMeta { .. } | Kind::PacketEnd),
        });
    }
}
