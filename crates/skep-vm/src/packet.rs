//! A packet in its buffer, with the room around it that Linux's drivers leave.
//!
//! The buffer never moves while a program runs and nothing makes room in it: that would leave the program's
//! pointers behind. Whoever changes a packet through a function that is described as moving it may do all of
//! this; the verifier makes the program fetch its pointers again afterwards.
//! Sources: `bpf_xdp_adjust_head`, `bpf_xdp_adjust_tail`, `bpf_xdp_adjust_meta` of net/core/filter.c,
//! `xdp_metalen_invalid` of include/net/xdp.h, `bpf_prog_test_run_xdp` of net/bpf/test_run.c,
//! `bpf_internal_load_pointer_neg_helper` of kernel/bpf/core.c, Linux 6.18.

use skep_abi::Errno;

/// Bytes before an XDP packet (`XDP_PACKET_HEADROOM`).
pub const XDP_HEADROOM: usize = 256;

/// Bytes at the start of the headroom that XDP keeps for itself (`sizeof(struct xdp_frame)`).
pub const XDP_FRAME: usize = 40;

/// Bytes of data that fit between head- and tailroom of a page: where an XDP packet can grow to.
pub const XDP_DATA_MAX: usize = 4096 - XDP_HEADROOM - 320;

/// Bytes of an Ethernet header: no XDP packet gets shorter.
const ETH_HLEN: usize = 14;

/// Most bytes of metadata (`xdp_metalen_invalid`: what fits into a byte).
const META_MAX: usize = 255;

/// From here on down, negative offsets of packet loads count from the network header (`SKF_NET_OFF`).
const SKF_NET_OFF: i32 = -0x10_0000;

/// From here on down they count from the MAC header (`SKF_LL_OFF`).
const SKF_LL_OFF: i32 = -0x20_0000;

/// Most bytes of data that a packet may be made of or grow to.
pub const MAX_PACKET: usize = 1 << 24;

/// A packet.
#[derive(Clone, Debug)]
pub struct Packet {
    /// Words, so that the buffer starts at a multiple of eight.
    words: Vec<u64>,
    /// Where the metadata starts; `data` if there is none. All four are bytes from the buffer's start, and
    /// `meta <= data <= end <=` the buffer's length.
    meta: usize,
    data: usize,
    end: usize,
    /// Where the MAC and the network header start.
    mac: usize,
    network: usize,
}

impl Packet {
    /// A packet of these bytes, with the room of an XDP packet: [`XDP_HEADROOM`] bytes before it, and after it what
    /// is left of [`XDP_DATA_MAX`].
    ///
    /// Bytes after the first [`MAX_PACKET`] are cut off.
    pub fn new(data: &[u8]) -> Packet {
        Packet::with_room(data, XDP_HEADROOM, XDP_DATA_MAX.saturating_sub(data.len()))
    }

    /// A packet of these bytes, with this much room before and after it, in bytes.
    ///
    /// Bytes after the first [`MAX_PACKET`] are cut off, as is room above it.
    pub fn with_room(data: &[u8], headroom: usize, tailroom: usize) -> Packet {
        let data = &data[..data.len().min(MAX_PACKET)];
        let headroom = headroom.min(MAX_PACKET);
        let len = headroom + data.len() + tailroom.min(MAX_PACKET);
        let mut packet = Packet {
            words: vec![0; len.div_ceil(8)],
            meta: headroom,
            data: headroom,
            end: headroom + data.len(),
            mac: headroom,
            network: headroom,
        };
        packet.data_mut().copy_from_slice(data);
        packet
    }

    /// Puts other data into the same buffer, as [`Packet::new`] would into a new one, and forgets the metadata.
    pub fn refill(&mut self, data: &[u8]) {
        if XDP_HEADROOM + data.len().max(XDP_DATA_MAX) > self.words.len() * 8 || data.len() > MAX_PACKET {
            *self = Packet::new(data);
            return;
        }
        (self.meta, self.data, self.end) = (XDP_HEADROOM, XDP_HEADROOM, XDP_HEADROOM + data.len());
        (self.mac, self.network) = (self.data, self.data);
        self.data_mut().copy_from_slice(data);
    }

    /// The packet.
    pub fn data(&self) -> &[u8] {
        &self.buffer()[self.data..self.end]
    }

    /// The packet, to change it.
    pub fn data_mut(&mut self) -> &mut [u8] {
        let (start, end) = (self.data, self.end);
        &mut self.buffer_mut()[start..end]
    }

    /// The metadata before it.
    pub fn meta(&self) -> &[u8] {
        &self.buffer()[self.meta..self.data]
    }

    /// Bytes of the packet.
    pub fn len(&self) -> usize {
        self.end - self.data
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that it can grow by at its start, the metadata staying before it.
    pub fn headroom(&self) -> usize {
        self.meta
    }

    /// Bytes that it can grow by at its end without a new buffer.
    pub fn tailroom(&self) -> usize {
        self.words.len() * 8 - self.end
    }

    /// `bpf_xdp_adjust_head`: moves the start, the metadata with it. `EINVAL` if that leaves less than an Ethernet
    /// header, or there is no room.
    pub fn adjust_head(&mut self, delta: i32) -> Result<(), Errno> {
        let meta_len = self.data - self.meta;
        let data = self.data.checked_add_signed(delta as isize).ok_or(Errno::EINVAL)?;
        if data < XDP_FRAME + meta_len || data + ETH_HLEN > self.end {
            return Err(Errno::EINVAL);
        }
        let (from, to) = (self.meta, data - meta_len);
        self.buffer_mut().copy_within(from..from + meta_len, to);
        (self.meta, self.data) = (to, data);
        Ok(())
    }

    /// `bpf_xdp_adjust_tail`: moves the end; new bytes are zero. `EINVAL` if that leaves less than an Ethernet header,
    /// or there is no room.
    pub fn adjust_tail(&mut self, delta: i32) -> Result<(), Errno> {
        let end = self.end.checked_add_signed(delta as isize).ok_or(Errno::EINVAL)?;
        if end > self.words.len() * 8 || end < self.data + ETH_HLEN {
            return Err(Errno::EINVAL);
        }
        let old = self.end;
        if end > old {
            self.buffer_mut()[old..end].fill(0);
        }
        self.end = end;
        Ok(())
    }

    /// `bpf_xdp_adjust_meta`: moves the start of the metadata. `EINVAL` if it would lie behind the packet's start or
    /// in XDP's own room, `EACCES` if its length is no multiple of four or too large.
    pub fn adjust_meta(&mut self, delta: i32) -> Result<(), Errno> {
        let meta = self.meta.checked_add_signed(delta as isize).ok_or(Errno::EINVAL)?;
        if meta < XDP_FRAME || meta > self.data {
            return Err(Errno::EINVAL);
        }
        let len = self.data - meta;
        if !len.is_multiple_of(4) || len > META_MAX {
            return Err(Errno::EACCES);
        }
        self.meta = meta;
        Ok(())
    }

    /// Makes the packet this long: bytes go or come (as zeroes) at its end. `EINVAL` above [`MAX_PACKET`].
    pub fn resize(&mut self, len: usize) -> Result<(), Errno> {
        if len > MAX_PACKET {
            return Err(Errno::EINVAL);
        }
        let (old, end) = (self.end, self.data + len);
        if end > self.words.len() * 8 {
            self.words.resize(end.div_ceil(8), 0);
        }
        if end > old {
            self.buffer_mut()[old..end].fill(0);
        }
        self.end = end;
        Ok(())
    }

    /// Inserts `count` zero bytes before byte `at` of the packet; what is before them moves towards the buffer's start
    /// while there is room there. Metadata is lost. `EINVAL` if there is no byte `at`, or above [`MAX_PACKET`].
    pub fn insert(&mut self, at: usize, count: usize) -> Result<(), Errno> {
        let len = self.len();
        if at > len || count > MAX_PACKET - len {
            return Err(Errno::EINVAL);
        }
        let data = self.data;
        if count <= data {
            self.buffer_mut().copy_within(data..data + at, data - count);
            self.data -= count;
            self.mac = self.mac.saturating_sub(count);
        } else {
            self.resize(len + count)?;
            self.buffer_mut().copy_within(data + at..data + len, data + at + count);
        }
        self.meta = self.data;
        self.data_mut()[at..at + count].fill(0);
        Ok(())
    }

    /// Removes `count` bytes from byte `at` of the packet on; what is before them moves up. Metadata is lost. `EINVAL`
    /// if there are no such bytes.
    pub fn remove(&mut self, at: usize, count: usize) -> Result<(), Errno> {
        if at.checked_add(count).is_none_or(|end| end > self.len()) {
            return Err(Errno::EINVAL);
        }
        let data = self.data;
        self.buffer_mut().copy_within(data..data + at, data + count);
        self.data += count;
        self.mac += count;
        self.meta = self.data;
        Ok(())
    }

    /// Starts the packet `count` bytes later, as a network stack does when it has taken a header off; the bytes stay
    /// where they are, and the network header is now where the packet starts. `EINVAL` if it is not that long.
    pub fn pull(&mut self, count: usize) -> Result<(), Errno> {
        if count > self.len() {
            return Err(Errno::EINVAL);
        }
        self.data += count;
        self.meta = self.data;
        self.network = self.data;
        Ok(())
    }

    /// Takes back a [`Packet::pull`]. `EINVAL` if there is no such room.
    pub fn push(&mut self, count: usize) -> Result<(), Errno> {
        self.data = self.data.checked_sub(count).ok_or(Errno::EINVAL)?;
        self.meta = self.data;
        Ok(())
    }

    /// Says where the network header starts, in bytes from the packet's start.
    pub fn set_network_header(&mut self, at: usize) {
        self.network = self.data + at.min(self.len());
    }

    /// Bytes from the packet's start to its MAC header; negative after a [`Packet::pull`].
    pub fn mac_header(&self) -> isize {
        self.mac as isize - self.data as isize
    }

    /// Bytes from the packet's start to its network header.
    pub fn network_header(&self) -> isize {
        self.network as isize - self.data as isize
    }

    /// The bytes that a packet load reads: `N` of them at this offset, which counts from the packet's start, or, where
    /// it is negative, from one of the headers.
    pub(crate) fn load<const N: usize>(&self, offset: i32) -> Option<[u8; N]> {
        let at = match offset {
            0.. => self.data.checked_add(offset as usize)?,
            SKF_NET_OFF.. => self.network.checked_add_signed((offset - SKF_NET_OFF) as isize)?,
            SKF_LL_OFF.. => self.mac.checked_add_signed((offset - SKF_LL_OFF) as isize)?,
            _ => return None,
        };
        self.buffer()[..self.end].get(at..)?.first_chunk().copied()
    }

    /// The addresses that programs see: metadata, data, end. Valid until the packet is changed or dropped.
    pub(crate) fn addresses(&mut self) -> [u64; 3] {
        let base = self.words.as_mut_ptr().expose_provenance() as u64;
        [self.meta, self.data, self.end].map(|at| base + at as u64)
    }

    fn buffer(&self) -> &[u8] {
        crate::memory::as_bytes(&self.words)
    }

    fn buffer_mut(&mut self) -> &mut [u8] {
        crate::memory::as_bytes_mut(&mut self.words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_and_tail_move_as_far_as_linux_lets_them() {
        let mut packet = Packet::new(&[7; 60]);
        assert_eq!(packet.adjust_head(-(216 + 1)), Err(Errno::EINVAL));
        assert_eq!(packet.adjust_head(-216), Ok(()));
        assert_eq!(packet.len(), 276);
        assert_eq!(packet.adjust_head(276 - 14), Ok(()));
        assert_eq!(packet.adjust_head(1), Err(Errno::EINVAL));
        assert_eq!(packet.adjust_tail(-1), Err(Errno::EINVAL));

        let mut packet = Packet::new(&[7; 60]);
        assert_eq!(packet.adjust_tail(3460), Ok(()));
        assert_eq!(packet.adjust_tail(1), Err(Errno::EINVAL));
        assert_eq!((packet.data()[59], packet.data()[60], packet.len()), (7, 0, 3520));
        assert_eq!(packet.adjust_tail(i32::MIN), Err(Errno::EINVAL));
    }

    #[test]
    fn metadata_moves_with_the_head_and_has_a_length_of_its_own() {
        let mut packet = Packet::new(&[7; 60]);
        assert_eq!(packet.adjust_meta(-3), Err(Errno::EACCES));
        assert_eq!(packet.adjust_meta(-256), Err(Errno::EINVAL));
        assert_eq!(packet.adjust_meta(4), Err(Errno::EINVAL));
        assert_eq!(packet.adjust_meta(-4), Ok(()));
        let meta = packet.meta;
        packet.buffer_mut()[meta..meta + 4].copy_from_slice(&[1, 2, 3, 4]);
        assert_eq!(packet.adjust_head(-10), Ok(()));
        assert_eq!(packet.meta(), [1, 2, 3, 4]);
        assert_eq!(packet.adjust_head(-(216 - 10 - 4)), Ok(()));
        assert_eq!(packet.adjust_head(-1), Err(Errno::EINVAL));
        assert_eq!(packet.meta(), [1, 2, 3, 4]);
    }

    #[test]
    fn bytes_come_and_go_in_the_middle() {
        let mut packet = Packet::new(&[1, 2, 3, 4]);
        packet.insert(2, 4).unwrap();
        assert_eq!(packet.data(), [1, 2, 0, 0, 0, 0, 3, 4]);
        packet.remove(2, 4).unwrap();
        assert_eq!(packet.data(), [1, 2, 3, 4]);
        assert_eq!(packet.remove(3, 2), Err(Errno::EINVAL));
        let mut packet = Packet::with_room(&[1, 2, 3, 4], 1, 0);
        packet.insert(2, 4).unwrap();
        assert_eq!(packet.data(), [1, 2, 0, 0, 0, 0, 3, 4]);
    }

    #[test]
    fn negative_offsets_count_from_headers() {
        let mut packet = Packet::new(&[0, 1, 2, 3, 4, 5, 6, 7]);
        packet.pull(3).unwrap();
        assert_eq!(packet.load(0), Some([3]));
        assert_eq!(packet.load(4), Some([7]));
        assert_eq!(packet.load::<2>(4), None);
        assert_eq!(packet.load(SKF_NET_OFF + 1), Some([4]));
        assert_eq!(packet.load(SKF_LL_OFF), Some([0, 1]));
        assert_eq!(packet.load::<1>(-1), None);
        assert_eq!(packet.load::<1>(SKF_LL_OFF - 1), None);
        assert_eq!(packet.load::<1>(i32::MAX), None);
    }
}
