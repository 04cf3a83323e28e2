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
    /// How often `may_goto` has fallen through.
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
}

/// Sections that a program enters and leaves, by calls that need no pointer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sections {
    /// Whether it is in a section that it began with `bpf_rcu_read_lock`.
    pub(crate) rcu: bool,
    /// How often preemption is disabled.
    pub(crate) preempt: u32,
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
}

impl Frame {
    pub(crate) fn new(function: usize, depth: usize, call_site: usize) -> Frame {
        let mut regs = [Value::UNINIT; Reg::COUNT];
        regs[Reg::R10.index()] = Value::pointer(Kind::Stack { frame: depth as u8 });
        Frame { regs, stack: Stack::default(), function, call_site }
    }
}

impl State {
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

    /// The packet may be elsewhere: what points into it is a number now.
    pub(crate) fn forget_packet(&mut self) {
        self.change(
            |v| matches!(v.kind, Kind::Packet { .. } | Kind::PacketMeta { .. } | Kind::PacketEnd),
            |v| *v = Value::UNKNOWN,
        );
    }
}
