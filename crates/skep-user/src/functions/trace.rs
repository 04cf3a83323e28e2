//! Printing to the trace log. Which formats there are: print.rs.

use skep_vm::{Call, Input};

use crate::print::print;
use crate::trace::TraceLine;
use crate::world::UserWorld;

skep_vm::functions! {
    /// Adds the functions of this file.
    pub(super) fn add_to for UserWorld;

    fn bpf_trace_printk(call, format: Input, size: u32) -> u64 {
        trace_printk(call, format)
    }
}

/// Returns the length of the message, also of what is cut off, or a negative error number.
fn trace_printk(call: &mut Call<'_, UserWorld>, format: Input) -> u64 {
    let format = call.bytes(format).into_owned();
    let args = [call.arg(2), call.arg(3), call.arg(4)];
    let secret = call.world().secret;
    match print(&format, &args, secret, &mut |address, len| call.peek(address, len)) {
        Ok(message) => {
            let text = String::from_utf8_lossy(&message.text).into_owned();
            let world = call.world();
            world.trace.push(TraceLine { time_ns: world.clock.now(), cpu: world.cpu, text });
            message.len as u64
        }
        Err(errno) => errno.negated() as u64,
    }
}
