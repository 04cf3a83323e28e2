//! How deep chains of calls are: their frames, and the stack that they need together.
//! Source: `check_max_stack_depth`, `bpf_enable_priv_stack` of kernel/bpf/verifier.c, Linux 6.18.

use skep_abi::{AttachType, Effect, Function, ProgType};
use skep_isa::{Callee, Op};
use skep_obj::Program;

use crate::error::Reason;
use crate::explore::Explorer;

/// Most bytes of stack of the callers of a function that makes a tail call: what runs in its place has its own chain.
const MAX_ABOVE_TAIL_CALL: u32 = 256;

/// Bytes from which on a frame gets a stack of its own, in the kinds of program that have one.
const PRIVATE_STACK_BYTES: u32 = 64;

/// Frames and bytes of a chain.
#[derive(Clone, Copy, Default)]
struct Chain {
    frames: usize,
    bytes: u32,
}

impl Explorer<'_> {
    /// Checks that no chain of calls that begins at `root` needs more stack, or more frames, than there is. Gives the bytes
    /// that the deepest one needs.
    pub(crate) fn check_stacks(&self, root: usize) -> Result<u32, (usize, Reason)> {
        let calls = &self.flow.calls;
        let tail_calls: Vec<bool> = (0..calls.len()).map(|f| makes_tail_call(self.program, f)).collect();
        let private = root == 0 && !tail_calls.contains(&true) && has_private_stack(self.program);
        let limits = &self.options.limits;
        // Callers before callees: the calls form no circle.
        let mut deepest = vec![None; calls.len()];
        deepest[root] = Some(Chain::default());
        let start = self.program.functions[root].start;
        let mut most = 0;
        for function in self.flow.callers_first(root) {
            let Some(above) = deepest[function] else { continue };
            let frames = above.frames + 1;
            if frames > limits.frames {
                return Err((start, Reason::TooManyFrames { limit: limits.frames }));
            }
            if function != 0 && tail_calls[function] && above.bytes >= MAX_ABOVE_TAIL_CALL {
                let (bytes, limit) = (above.bytes, MAX_ABOVE_TAIL_CALL);
                let start = self.program.functions[function].start;
                return Err((start, Reason::StackAboveTailCall { bytes, limit }));
            }
            let own = self.stacks[function].next_multiple_of(16);
            let is_private = private && own >= PRIVATE_STACK_BYTES;
            let bytes = if is_private { above.bytes } else { above.bytes + own };
            if bytes > limits.stack_bytes || own > limits.stack_bytes {
                let (bytes, limit) = (bytes.max(own), limits.stack_bytes);
                return Err((start, Reason::StackTooLarge { bytes, frames, limit }));
            }
            most = most.max(bytes);
            for &(callee, at) in &calls[function] {
                if self.async_functions[callee] && matches!(self.program.insns[at].op(), Op::Wide(_)) {
                    continue;
                }
                let known: &mut Option<Chain> = &mut deepest[callee];
                let so_far = known.get_or_insert_default();
                so_far.frames = so_far.frames.max(frames);
                so_far.bytes = so_far.bytes.max(bytes);
            }
        }
        Ok(most)
    }
}

/// Whether a function may end in a tail call.
fn makes_tail_call(program: &Program, function: usize) -> bool {
    let function = &program.functions[function];
    program.insns[function.start..function.end].iter().any(|insn| {
        insn.op() == Op::Call(Callee::Helper)
            && Function::by_id(insn.imm as u32).is_some_and(|helper| helper.has(Effect::TailCall))
    })
}

/// Whether large frames of the program get stacks of their own: programs that may interrupt each other do.
fn has_private_stack(program: &Program) -> bool {
    match program.prog_type {
        ProgType::Kprobe | ProgType::Tracepoint | ProgType::PerfEvent | ProgType::RawTracepoint => true,
        ProgType::Tracing => program.attach_type != AttachType::TRACE_ITER,
        _ => false,
    }
}
