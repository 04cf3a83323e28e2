//! Checksums in packets.
//!
//! Source: `bpf_l3_csum_replace`, `bpf_l4_csum_replace`, `bpf_csum_diff`, `bpf_csum_update` of net/core/filter.c,
//! `inet_proto_csum_replace4` of net/core/utils.c, Linux 6.18.

use skep_abi::Errno;
use skep_vm::{Call, Context, Input};

use crate::checksum;
use crate::world::UserWorld;

/// `BPF_F_HDR_FIELD_MASK`: size of the field that changed; 0 for a difference of sums.
const FIELD_SIZE: u64 = 0xf;
/// `BPF_F_PSEUDO_HDR`: the field is in the pseudo header. It only matters for checksums that a device computed or
/// will compute, which packets of test runs don't have.
const PSEUDO_HEADER: u64 = 1 << 4;
/// `BPF_F_MARK_MANGLED_0`: a checksum of 0 says that there is none, so leave it, and write no other as 0.
const MARK_MANGLED_0: u64 = 1 << 5;
/// `BPF_F_MARK_ENFORCE`: update a checksum of 0, too.
const MARK_ENFORCE: u64 = 1 << 6;
/// `BPF_F_IPV6`: the packet is IPv6. It only matters as the pseudo header does.
const IS_IPV6: u64 = 1 << 7;
/// Checksums are at most at this offset.
const OFFSET_MAX: u32 = 0xffff;
/// What a checksum of 0 is written as (`CSUM_MANGLED_0`).
const MANGLED_0: u16 = 0xffff;

skep_vm::functions! {
    /// Adds the functions of this file.
    pub(super) fn add_to for UserWorld;

    fn bpf_l3_csum_replace(
        call, context: Context, offset: u32, from: u64, to: u64, flags: u64
    ) -> Result<(), Errno> {
        if flags & !FIELD_SIZE != 0 {
            return Err(Errno::EINVAL);
        }
        replace(call, offset, |old| replace_l3(old, from, to, flags))
    }

    fn bpf_l4_csum_replace(
        call, context: Context, offset: u32, from: u64, to: u64, flags: u64
    ) -> Result<(), Errno> {
        if flags & !(FIELD_SIZE | PSEUDO_HEADER | MARK_MANGLED_0 | MARK_ENFORCE | IS_IPV6) != 0 {
            return Err(Errno::EINVAL);
        }
        replace(call, offset, |old| replace_l4(old, from, to, flags))
    }

    fn bpf_csum_diff(call, from: Input, from_size: u32, to: Input, to_size: u32, seed: u32) -> u16 {
        checksum::diff(&call.bytes(from), &call.bytes(to), seed)
    }

    /// Only packets whose checksum a device computed have one to update.
    fn bpf_csum_update(_call, context: Context, sum: u32) -> Result<(), Errno> {
        Err(Errno::ENOTSUPP)
    }
}

/// Replaces the checksum at this offset of the packet by what `new` makes of it.
fn replace(
    call: &mut Call<'_, UserWorld>,
    offset: u32,
    new: impl Fn(u16) -> Result<u16, Errno>,
) -> Result<(), Errno> {
    if offset > OFFSET_MAX || !offset.is_multiple_of(2) {
        return Err(Errno::EFAULT);
    }
    let packet = call.context().packet_mut().data_mut();
    let rest = packet.get_mut(offset as usize..).ok_or(Errno::EFAULT)?;
    let place = rest.first_chunk_mut::<2>().ok_or(Errno::EFAULT)?;
    *place = new(u16::from_ne_bytes(*place))?.to_ne_bytes();
    Ok(())
}

fn replace_l3(old: u16, from: u64, to: u64, flags: u64) -> Result<u16, Errno> {
    match flags & FIELD_SIZE {
        0 if from == 0 => Ok(checksum::replace_by_diff(old, to as u32)),
        2 => Ok(checksum::replace2(old, from as u16, to as u16)),
        4 => Ok(checksum::replace4(old, from as u32, to as u32)),
        _ => Err(Errno::EINVAL),
    }
}

fn replace_l4(old: u16, from: u64, to: u64, flags: u64) -> Result<u16, Errno> {
    let zero_is_none = flags & MARK_MANGLED_0 != 0;
    if zero_is_none && flags & MARK_ENFORCE == 0 && old == 0 {
        return Ok(old);
    }
    let new = match flags & FIELD_SIZE {
        0 if from == 0 => checksum::replace_by_diff(old, to as u32),
        2 => checksum::replace4(old, u32::from(from as u16), u32::from(to as u16)),
        4 => checksum::replace4(old, from as u32, to as u32),
        _ => return Err(Errno::EINVAL),
    };
    Ok(if zero_is_none && new == 0 { MANGLED_0 } else { new })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_sizes_are_0_2_and_4() {
        for size in 0..16 {
            assert_eq!(replace_l3(7, 0, 9, size).is_ok(), matches!(size, 0 | 2 | 4), "{size}");
            assert_eq!(replace_l4(7, 0, 9, size).is_ok(), matches!(size, 0 | 2 | 4), "{size}");
        }
        assert_eq!(replace_l3(7, 1, 9, 0), Err(Errno::EINVAL));
    }

    #[test]
    fn a_missing_udp_checksum_stays_missing_and_none_becomes_missing() {
        assert_eq!(replace_l4(0, 1, 2, MARK_MANGLED_0 | 2), Ok(0));
        assert_ne!(replace_l4(0, 1, 2, MARK_MANGLED_0 | MARK_ENFORCE | 2), Ok(0));
        // The sum that this field brings to 0xffff has the checksum 0.
        let zero =
            (0..=u16::MAX).find(|&to| replace_l4(0x1234, 0, to.into(), 2) == Ok(0)).expect("there is one");
        assert_eq!(replace_l4(0x1234, 0, zero.into(), MARK_MANGLED_0 | 2), Ok(MANGLED_0));
        assert_eq!(replace_l4(0, 1, 2, MARK_MANGLED_0 | 3), Ok(0), "the field's size is not even looked at");
    }
}
