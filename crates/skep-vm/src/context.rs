//! The context of a run: the fields that a program reads through r1, and the packet they speak of.
//!
//! Programs see the UAPI structure; here it is laid out by [`Context::place`], each field at a multiple of eight, and
//! the pointer fields hold whole addresses, which follow the packet by themselves. Programs of kind `unspec` have no
//! fields: they are given memory.

use skep_abi::{Context, FieldKind, ProgType};

use crate::memory::{Span, as_bytes, as_bytes_mut};
use crate::packet::Packet;

/// The kinds of program that can be run. The contexts of others speak of what only a kernel has.
pub const KINDS: &[ProgType] =
    &[ProgType::Unspec, ProgType::SocketFilter, ProgType::SchedCls, ProgType::SchedAct, ProgType::Xdp];

/// What a program is run on.
#[derive(Clone, Debug)]
pub struct RunContext {
    prog_type: ProgType,
    layout: Option<&'static Context>,
    /// The fields at their places.
    places: Vec<u64>,
    /// Word of each pointer field, with which of [`Packet::addresses`] it holds.
    pointers: [Option<u16>; 3],
    packet: Packet,
    /// Where the packet was when the pointer fields were last set.
    settled: [u64; 3],
}

impl RunContext {
    /// A context for programs of this kind, its fields zero, over this packet.
    pub fn new(prog_type: ProgType, packet: Packet) -> RunContext {
        let layout = prog_type.context();
        let place = |kind| Some((layout?.place(layout?.index_of_kind(kind)?) / 8) as u16);
        RunContext {
            prog_type,
            layout,
            places: vec![0; layout.map_or(0, |l| l.run_time_size() as usize / 8)],
            pointers: [FieldKind::PacketMeta, FieldKind::PacketData, FieldKind::PacketEnd].map(place),
            packet,
            settled: [0; 3],
        }
    }

    /// The context of a program of kind `unspec`: a copy of this memory, at a multiple of eight. Read it back with
    /// [`Packet::data`].
    pub fn memory(bytes: &[u8]) -> RunContext {
        RunContext::new(ProgType::Unspec, Packet::with_room(bytes, 0, 0))
    }

    /// The kind of program it is for.
    pub fn prog_type(&self) -> ProgType {
        self.prog_type
    }

    /// How it is laid out; `None` for kinds without fields.
    pub fn layout(&self) -> Option<&'static Context> {
        self.layout
    }

    /// The value of a field of at most eight bytes, by its index; 0 if there is none. Pointers read as 0: they mean
    /// nothing outside of a run.
    pub fn get(&self, field: usize) -> u64 {
        let bytes = self.bytes(field);
        let mut word = [0; 8];
        let len = bytes.len().min(8);
        word[..len].copy_from_slice(&bytes[..len]);
        u64::from_ne_bytes(word)
    }

    /// Sets a field of at most eight bytes, by its index; the low bytes of the value count, as many as it has.
    /// Pointers are not set.
    pub fn set(&mut self, field: usize, value: u64) {
        let bytes = self.bytes_mut(field);
        let len = bytes.len().min(8);
        // The low bytes, whatever the machine's order.
        let low = if cfg!(target_endian = "little") { 0..len } else { 8 - len..8 };
        bytes[..len].copy_from_slice(&value.to_ne_bytes()[low]);
    }

    /// The bytes of a field, by its index; none if there is no such field or it is a pointer.
    pub fn bytes(&self, field: usize) -> &[u8] {
        self.scalar(field).map_or(&[], |range| &as_bytes(&self.places)[range])
    }

    /// The bytes of a field, to change them.
    pub fn bytes_mut(&mut self, field: usize) -> &mut [u8] {
        match self.scalar(field) {
            Some(range) => &mut as_bytes_mut(&mut self.places)[range],
            None => &mut [],
        }
    }

    /// Where a field lies that is no pointer.
    fn scalar(&self, field: usize) -> Option<std::ops::Range<usize>> {
        let layout = self.layout?;
        let size = layout.fields.get(field).filter(|f| f.kind == FieldKind::Scalar)?.size as usize;
        let place = layout.place(field) as usize;
        Some(place..place + size)
    }

    /// Fills the fields from the UAPI structure's bytes; pointers in it are ignored, and fields behind its end stay as
    /// they are.
    pub fn load_uapi(&mut self, uapi: &[u8]) {
        let Some(layout) = self.layout else { return };
        for (index, field) in layout.fields.iter().enumerate() {
            let range = field.off as usize..(field.off + field.size) as usize;
            let place = self.bytes_mut(index);
            if let Some(bytes) = uapi.get(range)
                && place.len() == bytes.len()
            {
                place.copy_from_slice(bytes);
            }
        }
    }

    /// The fields as the UAPI structure's bytes; pointers are zero.
    pub fn store_uapi(&self) -> Vec<u8> {
        let Some(layout) = self.layout else { return Vec::new() };
        let mut uapi = vec![0; layout.size as usize];
        for (index, field) in layout.fields.iter().enumerate() {
            let bytes = self.bytes(index);
            uapi[field.off as usize..][..bytes.len()].copy_from_slice(bytes);
        }
        uapi
    }

    /// The packet, or the memory of a program of kind `unspec`.
    pub fn packet(&self) -> &Packet {
        &self.packet
    }

    /// The packet, to change it.
    ///
    /// A host function may move the packet's bounds or replace it only if it is described as moving packets
    /// ([`skep_abi::Effect::MovesPacket`]); see [`crate::Call::context`].
    pub fn packet_mut(&mut self) -> &mut Packet {
        &mut self.packet
    }

    /// Sets every field to zero.
    pub fn clear(&mut self) {
        self.places.fill(0);
    }

    /// Has the pointer fields point to the packet as it is; whether it has moved since they last did.
    pub(crate) fn settle(&mut self) -> bool {
        let now = self.packet.addresses();
        for (place, addr) in self.pointers.iter().zip(now) {
            if let Some(place) = place {
                self.places[*place as usize] = addr;
            }
        }
        std::mem::replace(&mut self.settled, now) != now
    }

    /// Where the fields are: what r1 holds.
    pub(crate) fn address(&mut self) -> u64 {
        self.places.as_mut_ptr().expose_provenance() as u64
    }

    /// The packet (or given memory) and its metadata.
    pub(crate) fn spans(&mut self) -> (Span, Span) {
        let [meta, data, end] = self.packet.addresses();
        (Span { start: data, end }, Span { start: meta, end: data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_survive_the_way_through_the_uapi_structure() {
        let mut context = RunContext::new(ProgType::SchedCls, Packet::new(&[1; 64]));
        let layout = context.layout().unwrap();
        let mark = layout.index_of("mark").unwrap();
        let cb = layout.index_of("cb").unwrap();
        context.set(mark, 0x1_2345_6789);
        context.bytes_mut(cb).copy_from_slice(&[9; 20]);
        context.settle();
        assert_eq!(context.get(mark), 0x2345_6789);
        let uapi = context.store_uapi();
        assert_eq!((&uapi[8..12], &uapi[48..68]), (&0x2345_6789_u32.to_ne_bytes()[..], &[9; 20][..]));
        assert_eq!(uapi[76..84], [0; 8], "pointers stay inside");

        let mut other = RunContext::new(ProgType::SchedCls, Packet::new(&[]));
        other.load_uapi(&uapi[..60]);
        assert_eq!(other.get(mark), 0x2345_6789);
        assert_eq!(other.bytes(cb), [0; 20], "half a field is none");
        other.load_uapi(&uapi);
        assert_eq!(other.bytes(cb), [9; 20]);
    }

    #[test]
    fn pointer_fields_follow_the_packet() {
        let mut context = RunContext::new(ProgType::Xdp, Packet::new(&[1; 64]));
        assert!(context.settle());
        assert!(!context.settle());
        let before = context.places.clone();
        context.packet_mut().adjust_head(-8).unwrap();
        assert!(context.settle());
        assert_eq!(context.places[0], before[0] - 8);
        assert_eq!(context.places[1], before[1]);
        assert_eq!((context.get(0), context.bytes_mut(0).len()), (0, 0));
    }
}
