//! One program on one packet, as `BPF_PROG_TEST_RUN` does it.
//!
//! The packet comes from the loopback device, which is number 1 and the only one. Traffic control sees it from its
//! link layer header on; socket filters see it from its network header on, and their `data_out` starts with fourteen
//! zero bytes in its place. XDP packets longer than a page go on in fragments.
//! Source: `bpf_prog_test_run_skb`, `bpf_prog_test_run_xdp` of net/bpf/test_run.c, Linux 6.18; sizes, error numbers
//! and contexts measured on Linux 6.18.

use std::time::{Duration, Instant};

use skep_abi::{AttachType, Errno, Field, FieldKind, ProgType, SK_BUFF, XDP_MD};
use skep_host::{HostError, TestResult, TestRun};
use skep_vm::{Packet, RunContext, XDP_DATA_MAX, XDP_FRAME, XDP_HEADROOM};

use crate::ethernet::{self, HEADER};
use crate::fragments::Fragments;
use crate::functions::skb_field;
use crate::objects::ProgObject;
use crate::world::UserWorld;

/// The loopback device.
const LOOPBACK: u32 = 1;
/// Bytes before a packet that the stack sees (`NET_SKB_PAD` on x86-64).
const SKB_HEADROOM: usize = 64;
/// Most bytes of it: a page less that room and what the stack keeps behind it (`struct skb_shared_info`).
const SKB_DATA_MAX: usize = 4096 - SKB_HEADROOM - 320;
/// Most bytes of a context that are looked at.
const CONTEXT_MAX: usize = 4096;
/// Most segments of a packet (`GSO_MAX_SEGS`).
const GSO_SEGS_MAX: u64 = 65535;
/// Most bytes of a packet on the wire (`GSO_LEGACY_MAX_SIZE`).
const WIRE_LEN_MAX: u64 = 65536;
/// Most bytes of memory that a program of kind `unspec` is given.
pub const MEMORY_MAX: usize = 1 << 24;

/// Fields of `struct __sk_buff` that a test may set.
const SETTABLE: [usize; 10] = [
    skb_field("mark"),
    skb_field("priority"),
    skb_field("ingress_ifindex"),
    IFINDEX,
    skb_field("cb"),
    skb_field("tstamp"),
    WIRE_LEN,
    GSO_SEGS,
    GSO_SIZE,
    skb_field("hwtstamp"),
];
/// Fields that come back as the run left them; what else was given comes back as it was.
const RETURNED: [usize; 9] = [
    skb_field("mark"),
    skb_field("priority"),
    skb_field("ingress_ifindex"),
    IFINDEX,
    skb_field("cb"),
    skb_field("tstamp"),
    WIRE_LEN,
    GSO_SEGS,
    skb_field("hwtstamp"),
];
const IFINDEX: usize = skb_field("ifindex");
const WIRE_LEN: usize = skb_field("wire_len");
const GSO_SEGS: usize = skb_field("gso_segs");
const GSO_SIZE: usize = skb_field("gso_size");

/// Runs the program with this id on a test's input.
pub(crate) fn test_run(
    program: &ProgObject,
    id: u32,
    world: &mut UserWorld,
    run: &TestRun<'_>,
) -> Result<TestResult, HostError> {
    let test = Test { program, id, world, run };
    match program.prog_type {
        ProgType::Unspec => test.memory(),
        ProgType::Xdp => test.xdp(),
        _ => test.skb(),
    }
}

struct Test<'a> {
    program: &'a ProgObject,
    id: u32,
    world: &'a mut UserWorld,
    run: &'a TestRun<'a>,
}

impl Test<'_> {
    fn refusal(&self, errno: Errno, why: String) -> HostError {
        HostError::Errno { what: format!("run program `{}`", self.program.name), errno, why: Some(why) }
    }

    /// Runs the program so often: what it returned last, and the mean time.
    fn repeat(&mut self, context: &mut RunContext) -> Result<(u64, Duration), HostError> {
        let Some(executable) = self.world.programs.get(&self.id).cloned() else {
            return Err(self.refusal(Errno::ENOENT, "it is gone".into()));
        };
        if let Some(time_ns) = self.run.time_ns {
            self.world.clock.set(time_ns);
        }
        let repeat = self.run.repeat.max(1);
        let mut retval = 0;
        let start = Instant::now();
        for _ in 0..repeat {
            retval = executable.run(self.world, context).map_err(|trap| HostError::Trapped {
                program: self.program.name.clone(),
                trap: trap.to_string(),
            })?;
        }
        Ok((retval, start.elapsed() / repeat))
    }

    /// The context that was given, as long as its structure; `None` if none was.
    fn given_context(&self, size: u32) -> Result<Option<Vec<u8>>, HostError> {
        let given = self.run.context;
        if given.is_empty() {
            return Ok(None);
        }
        let size = size as usize;
        let (known, beyond) = given.split_at(given.len().min(size));
        if given.len() > CONTEXT_MAX || beyond.iter().any(|&b| b != 0) {
            let why = format!(
                "expected a context of {size} bytes, or zeroes behind them, found {} bytes",
                given.len()
            );
            return Err(self.refusal(Errno::E2BIG, why));
        }
        let mut context = known.to_vec();
        context.resize(size, 0);
        Ok(Some(context))
    }

    /// A plain function over memory.
    fn memory(mut self) -> Result<TestResult, HostError> {
        let (data, least) = (self.run.data, self.program.memory as usize);
        if data.len() < least || data.len() > MEMORY_MAX {
            let why = format!("expected {least} to {MEMORY_MAX} bytes of memory, found {}", data.len());
            return Err(self.refusal(Errno::EINVAL, why));
        }
        if !self.run.context.is_empty() {
            let why = "programs of kind unspec have no context".to_owned();
            return Err(self.refusal(Errno::EINVAL, why));
        }
        let mut context = RunContext::memory(data);
        self.world.start_run();
        let (retval, duration) = self.repeat(&mut context)?;
        let data = context.packet().data().to_vec();
        Ok(result(retval, data, Vec::new(), duration))
    }
}

/// XDP.
impl Test<'_> {
    fn xdp(mut self) -> Result<TestResult, HostError> {
        let data = self.run.data;
        if [AttachType::XDP_DEVMAP, AttachType::XDP_CPUMAP].contains(&self.program.attach_type) {
            let why = "programs for device and CPU maps are only run through these".to_owned();
            return Err(self.refusal(Errno::EINVAL, why));
        }
        let given = self.given_context(XDP_MD.size)?;
        let md = given.as_deref().map_or_else(XdpMd::default, XdpMd::read);
        // Where the first part of the packet ends, from the start of its metadata.
        let anywhere = md.data == 0 && md.data_end == 0;
        let asked = if anywhere { data.len() } else { md.data_end as usize };
        let meta = md.data as usize;
        self.check_xdp(&md, asked)?;
        if data.len() - meta < HEADER {
            let why = format!("expected a packet of at least {HEADER} bytes, found {}", data.len() - meta);
            return Err(self.refusal(Errno::EINVAL, why));
        }
        let room = XDP_DATA_MAX + meta;
        let (linear, rest) = data.split_at(asked.min(room));
        let fragments = Fragments::new(rest).map_err(|errno| {
            self.refusal(errno, format!("the packet has {} bytes, too many for its fragments", data.len()))
        })?;
        let mut packet = Packet::with_room(linear, XDP_HEADROOM - meta, room - linear.len());
        if meta > 0 {
            packet
                .pull(meta)
                .and_then(|()| packet.adjust_meta(-(meta as i32)))
                .map_err(|errno| self.refusal(errno, format!("metadata of {meta} bytes does not fit")))?;
        }
        let mut context = RunContext::new(ProgType::Xdp, packet);
        set_by_name(&mut context, "ingress_ifindex", LOOPBACK);
        self.world.start_run();
        self.world.fragments = fragments;
        let (retval, duration) = self.repeat(&mut context)?;
        let packet = context.packet();
        let fragments = std::mem::take(&mut self.world.fragments);
        let mut out = [packet.meta(), packet.data()].concat();
        let ends = (packet.meta().len() as u32, out.len() as u32);
        out.extend(fragments.bytes());
        let context = given.map(|mut md| {
            md[0..4].copy_from_slice(&ends.0.to_ne_bytes());
            md[4..8].copy_from_slice(&ends.1.to_ne_bytes());
            md
        });
        Ok(result(retval, out, context.unwrap_or_default(), duration))
    }

    /// Whether a test may give this `struct xdp_md`: its pointers are offsets from the start of the metadata.
    fn check_xdp(&self, md: &XdpMd, end: usize) -> Result<(), HostError> {
        let (meta, len) = (md.data as usize, self.run.data.len());
        let refuse = |errno, why: &str| Err(self.refusal(errno, format!("context: {why}")));
        if md.data_meta != 0 {
            return refuse(Errno::EINVAL, "data_meta is not 0");
        }
        if end > len {
            return refuse(Errno::EINVAL, "data_end is behind the end of the data");
        }
        if meta > end {
            return refuse(Errno::EINVAL, "data is behind data_end");
        }
        if !meta.is_multiple_of(4) || meta > XDP_HEADROOM - XDP_FRAME {
            return refuse(
                Errno::EINVAL,
                "data, the length of the metadata, is no multiple of 4 or too large",
            );
        }
        if md.egress_ifindex != 0 {
            return refuse(Errno::EINVAL, "egress_ifindex is not 0");
        }
        match (md.ingress_ifindex, md.rx_queue_index) {
            (0 | LOOPBACK, 0) => Ok(()),
            (0, _) => refuse(Errno::EINVAL, "there is a rx_queue_index, but no ingress_ifindex"),
            (LOOPBACK, _) => refuse(Errno::EINVAL, "the loopback device has one queue only"),
            _ => refuse(Errno::ENODEV, "ingress_ifindex is the number of no device"),
        }
    }
}

/// What a run that ended so did: its hook reads the low half of r0.
fn result(r0: u64, data: Vec<u8>, context: Vec<u8>, duration: Duration) -> TestResult {
    TestResult { retval: r0 as u32, r0: Some(r0), data, context, duration }
}

/// `struct xdp_md` as a test gives it. Without pointers, all of the packet is data, as far as it fits.
#[derive(Default)]
struct XdpMd {
    data: u32,
    data_end: u32,
    data_meta: u32,
    ingress_ifindex: u32,
    rx_queue_index: u32,
    egress_ifindex: u32,
}

impl XdpMd {
    fn read(bytes: &[u8]) -> XdpMd {
        let field = |name| {
            let at = XDP_MD.index_of(name).map_or(0, |index| XDP_MD.fields[index].off as usize);
            bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |word| u32::from_ne_bytes(*word))
        };
        XdpMd {
            data: field("data"),
            data_end: field("data_end"),
            data_meta: field("data_meta"),
            ingress_ifindex: field("ingress_ifindex"),
            rx_queue_index: field("rx_queue_index"),
            egress_ifindex: field("egress_ifindex"),
        }
    }
}

/// Socket filters and traffic control.
impl Test<'_> {
    fn skb(mut self) -> Result<TestResult, HostError> {
        let data = self.run.data;
        if data.len() < HEADER || data.len() > SKB_DATA_MAX {
            let why = format!("expected a packet of {HEADER} to {SKB_DATA_MAX} bytes, found {}", data.len());
            return Err(self.refusal(Errno::EINVAL, why));
        }
        let protocol = ethernet::protocol(data).unwrap_or_default();
        if data.len() < ethernet::frame_min(protocol) {
            let why =
                format!("a packet of {} bytes has no whole header of protocol {protocol:#06x}", data.len());
            return Err(self.refusal(Errno::EINVAL, why));
        }
        let given = self.given_context(SK_BUFF.size)?.map(without_pointers);
        let from_link_layer = self.program.prog_type != ProgType::SocketFilter;
        let mut packet = Packet::with_room(data, SKB_HEADROOM, SKB_DATA_MAX - data.len());
        if from_link_layer {
            packet.set_network_header(HEADER);
        } else {
            packet.pull(HEADER).map_err(|errno| self.refusal(errno, "the packet is too short".into()))?;
        }
        let len = packet.len();
        let mut context = RunContext::new(self.program.prog_type, packet);
        if let Some(given) = &given {
            self.check_skb(given, len)?;
            context.load_uapi(given);
            if context.get(WIRE_LEN) == 0 {
                context.set(WIRE_LEN, len as u64);
            }
            // The stack has two bytes for it.
            context.set(GSO_SIZE, context.get(GSO_SIZE) & 0xffff);
        }
        context.set(skb_field("len"), len as u64);
        context.set(skb_field("protocol"), u64::from(protocol.to_be()));
        context.set(skb_field("pkt_type"), u64::from(ethernet::packet_type(data)));
        context.set(IFINDEX, u64::from(LOOPBACK));
        self.world.start_run();
        let (retval, duration) = self.repeat(&mut context)?;
        let mut out = if from_link_layer { Vec::new() } else { vec![0; HEADER] };
        out.extend(context.packet().data());
        let context = given.map_or_else(Vec::new, |given| returned(given, &context));
        Ok(result(retval, out, context, duration))
    }

    /// Whether a test may give this `struct __sk_buff` with a packet of this length.
    fn check_skb(&self, given: &[u8], len: usize) -> Result<(), HostError> {
        let refuse = |errno, why: String| Err(self.refusal(errno, format!("context: {why}")));
        let mut places: Vec<bool> = given.iter().map(|&b| b != 0).collect();
        for index in SETTABLE {
            let field = &SK_BUFF.fields[index];
            places[field.off as usize..(field.off + field.size) as usize].fill(false);
        }
        if let Some(at) = places.iter().position(|&wrong| wrong) {
            let field = SK_BUFF.fields.iter().rfind(|f| f.off as usize <= at).map_or("", |f| f.name);
            return refuse(Errno::EINVAL, format!("byte {at} is not 0, but a test can't set `{field}`"));
        }
        let number = |index: usize| {
            let field = &SK_BUFF.fields[index];
            given[field.off as usize..].first_chunk().map_or(0, |word| u64::from(u32::from_ne_bytes(*word)))
        };
        if number(IFINDEX) > u64::from(LOOPBACK) {
            return refuse(Errno::ENODEV, "ifindex is the number of no device".into());
        }
        let wire_len = number(WIRE_LEN);
        if wire_len != 0 && !(len as u64..=WIRE_LEN_MAX).contains(&wire_len) {
            let why = format!("expected wire_len to be 0 or {len} to {WIRE_LEN_MAX}, found {wire_len}");
            return refuse(Errno::EINVAL, why);
        }
        if number(GSO_SEGS) > GSO_SEGS_MAX {
            return refuse(Errno::EINVAL, format!("gso_segs is above {GSO_SEGS_MAX}"));
        }
        Ok(())
    }
}

/// A `struct __sk_buff` whose pointers mean nothing to a test, and are zero.
fn without_pointers(mut given: Vec<u8>) -> Vec<u8> {
    let is_pointer = |field: &&Field| {
        matches!(field.kind, FieldKind::PacketMeta | FieldKind::PacketData | FieldKind::PacketEnd)
    };
    for field in SK_BUFF.fields.iter().filter(is_pointer) {
        given[field.off as usize..(field.off + field.size) as usize].fill(0);
    }
    given
}

/// The context that was given, with the fields that runs change.
fn returned(mut given: Vec<u8>, context: &RunContext) -> Vec<u8> {
    for index in RETURNED {
        let bytes = context.bytes(index);
        given[SK_BUFF.fields[index].off as usize..][..bytes.len()].copy_from_slice(bytes);
    }
    given
}

fn set_by_name(context: &mut RunContext, name: &str, value: u32) {
    if let Some(index) = context.layout().and_then(|layout| layout.index_of(name)) {
        context.set(index, u64::from(value));
    }
}
