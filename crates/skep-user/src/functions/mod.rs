//! What programs may call here, beyond what any place has (maps, ring buffers, tail calls): one file a subject.
//!
//! Each function does and returns what Linux's does, in the same order of checks, on packets as test runs make them:
//! in one piece, not shared, their checksums neither verified nor offloaded. Functions check all they are given:
//! nothing here panics, as a panic in a call ends the process.

use skep_abi::SK_BUFF;
use skep_vm::{Functions, RunContext};

use crate::world::UserWorld;

mod checksum;
mod packet;
mod skb;
mod time;
mod trace;
mod xdp;

/// All functions that the user host has.
pub(crate) fn all() -> Functions<UserWorld> {
    let mut functions = Functions::with_standard();
    for add_to in [checksum::add_to, packet::add_to, skb::add_to, time::add_to, trace::add_to, xdp::add_to] {
        add_to(&mut functions);
    }
    functions
}

/// Index of a field of `struct __sk_buff`; a name that it does not have is an error of the compiler.
pub(crate) const fn skb_field(name: &str) -> usize {
    let (fields, name) = (SK_BUFF.fields, name.as_bytes());
    let mut index = 0;
    while index < fields.len() {
        let candidate = fields[index].name.as_bytes();
        let mut at = 0;
        while at < name.len() && at < candidate.len() && candidate[at] == name[at] {
            at += 1;
        }
        if at == name.len() && at == candidate.len() {
            return index;
        }
        index += 1;
    }
    panic!("struct __sk_buff has no such field");
}

const LEN: usize = skb_field("len");
const PROTOCOL: usize = skb_field("protocol");
const HASH: usize = skb_field("hash");

/// Has the context's length follow its packet's.
fn follow_length(context: &mut RunContext) {
    let len = context.packet().len() as u64;
    context.set(LEN, len);
}
