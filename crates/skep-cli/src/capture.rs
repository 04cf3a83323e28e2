//! Capture files, in and out: pcap and pcapng, told apart by their first bytes when reading and by the file's
//! name when writing.
//!
//! Packets keep their time stamps in nanoseconds. Nothing in a packet is interpreted here.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use pcap_file::pcap::{PcapHeader, PcapReader, PcapWriter, RawPcapPacket};
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketBlock;
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::pcapng::{Block, PcapNgReader, PcapNgWriter};
use pcap_file::{DataLink, Endianness, PcapError, TsResolution};

/// A captured packet.
pub(crate) struct Packet {
    /// When it was seen, in nanoseconds since 1970.
    pub(crate) time_ns: u64,
    /// Its bytes, from the link layer on.
    pub(crate) data: Vec<u8>,
    /// How long it was on the wire.
    pub(crate) wire_len: u32,
}

/// Why a capture can't be read or written.
#[derive(Debug)]
pub(crate) enum CaptureError {
    Io { path: PathBuf, error: io::Error },
    Format { path: PathBuf, packet: u64, error: PcapError },
    LinkType { path: PathBuf, link: DataLink },
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CaptureError::Io { path, error } => write!(f, "{}: {error}", path.display()),
            CaptureError::Format { path, packet: 0, error } => {
                write!(f, "{}: expected a pcap or pcapng file: {error}", path.display())
            }
            CaptureError::Format { path, packet, error } => {
                write!(f, "{}: after packet {packet}: {error}", path.display())
            }
            CaptureError::LinkType { path, link } => {
                write!(f, "{}: expected Ethernet frames, found link type {link:?}", path.display())
            }
        }
    }
}

impl std::error::Error for CaptureError {}

/// Reads packets one by one.
pub(crate) struct Reader {
    path: PathBuf,
    format: Format,
    packets: u64,
    /// Bytes of the file.
    len: u64,
    /// Bytes of packets so far, headers included: roughly how far the reading is.
    read: u64,
}

enum Format {
    Pcap(PcapReader<BufReader<File>>),
    PcapNg(PcapNgReader<BufReader<File>>),
}

/// The first bytes of a pcapng file, in any byte order.
const PCAPNG_MAGIC: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

/// Bytes that a packet takes in a file beyond its own, for telling how far the reading is.
const PACKET_OVERHEAD: u64 = 16;

impl Reader {
    /// Opens a capture of Ethernet frames.
    pub(crate) fn open(path: &Path) -> Result<Reader, CaptureError> {
        let io = |error| CaptureError::Io { path: path.into(), error };
        let format_error = |error| CaptureError::Format { path: path.into(), packet: 0, error };
        let mut file = File::open(path).map_err(io)?;
        let len = file.metadata().map_err(io)?.len();
        let mut magic = [0; 4];
        let got = file.read(&mut magic).map_err(io)?;
        file.seek(SeekFrom::Start(0)).map_err(io)?;
        let buffered = BufReader::new(file);
        let format = if magic[..got] == PCAPNG_MAGIC {
            Format::PcapNg(PcapNgReader::new(buffered).map_err(format_error)?)
        } else {
            let reader = PcapReader::new(buffered).map_err(format_error)?;
            let link = reader.header().datalink;
            if link != DataLink::ETHERNET {
                return Err(CaptureError::LinkType { path: path.into(), link });
            }
            Format::Pcap(reader)
        };
        Ok(Reader { path: path.into(), format, packets: 0, len, read: 0 })
    }

    /// Bytes of the file, and roughly how many have been read.
    pub(crate) fn progress(&self) -> (u64, u64) {
        (self.len, self.read.min(self.len))
    }

    fn next_packet(&mut self) -> Option<Result<Packet, CaptureError>> {
        let error = |error| CaptureError::Format { path: self.path.clone(), packet: self.packets, error };
        match &mut self.format {
            Format::Pcap(reader) => {
                let fraction = match reader.header().ts_resolution {
                    TsResolution::MicroSecond => 1_000,
                    TsResolution::NanoSecond => 1,
                };
                Some(reader.next_raw_packet()?.map_err(error).map(|packet| Packet {
                    time_ns: u64::from(packet.ts_sec) * 1_000_000_000 + u64::from(packet.ts_frac) * fraction,
                    wire_len: packet.orig_len,
                    data: packet.data.into_owned(),
                }))
            }
            Format::PcapNg(reader) => loop {
                let block = match reader.next_block()? {
                    Ok(block) => block.into_owned(),
                    Err(e) => return Some(Err(error(e))),
                };
                let (interface, ticks, wire_len, data) = match block {
                    Block::EnhancedPacket(p) => (
                        p.interface_id,
                        Some(p.timestamp.as_nanos() as u64),
                        p.original_len,
                        p.data.into_owned(),
                    ),
                    Block::SimplePacket(p) => (0, None, p.original_len, p.data.into_owned()),
                    _ => continue,
                };
                let Some(interface) = reader.interfaces().get(interface as usize) else {
                    return Some(Err(error(PcapError::InvalidInterfaceId(interface))));
                };
                if interface.linktype != DataLink::ETHERNET {
                    let link = interface.linktype;
                    return Some(Err(CaptureError::LinkType { path: self.path.clone(), link }));
                }
                let time_ns = ticks.map_or(0, |ticks| nanoseconds(ticks, interface));
                return Some(Ok(Packet { time_ns, data, wire_len }));
            },
        }
    }
}

impl Iterator for Reader {
    type Item = Result<Packet, CaptureError>;

    fn next(&mut self) -> Option<Self::Item> {
        let packet = self.next_packet()?;
        if let Ok(packet) = &packet {
            self.packets += 1;
            self.read += packet.data.len() as u64 + PACKET_OVERHEAD;
        }
        Some(packet)
    }
}

/// A time stamp in units of the interface's resolution (microseconds unless it says otherwise), which the
/// reading library hands on as they are.
fn nanoseconds(ticks: u64, interface: &InterfaceDescriptionBlock<'_>) -> u64 {
    let resolution = interface.options.iter().find_map(|option| match option {
        InterfaceDescriptionOption::IfTsResol(resolution) => Some(*resolution),
        _ => None,
    });
    let resolution = resolution.unwrap_or(6);
    let exponent = u32::from(resolution & 0x7f);
    let per_second = match resolution & 0x80 {
        0 => 10u128.checked_pow(exponent),
        _ => 1u128.checked_shl(exponent),
    };
    // A finer resolution than 128 bits can count is not a resolution that a clock has.
    per_second.map_or(0, |per_second| (u128::from(ticks) * 1_000_000_000 / per_second) as u64)
}

/// Writes packets one by one.
pub(crate) struct Writer {
    path: PathBuf,
    format: Out,
}

enum Out {
    Pcap(PcapWriter<BufWriter<File>>),
    PcapNg(Box<PcapNgWriter<BufWriter<File>>>),
}

/// Longest packet that the files written here announce.
const SNAP_LEN: u32 = 262_144;

/// The resolution of time stamps in the files written here: ten to the minus ninth of a second.
const NANOSECONDS: u8 = 9;

impl Writer {
    /// Creates a capture of Ethernet frames: pcapng if the name ends so, else pcap with nanoseconds.
    pub(crate) fn create(path: &Path) -> Result<Writer, CaptureError> {
        let file = File::create(path).map_err(|error| CaptureError::Io { path: path.into(), error })?;
        let error = |error| CaptureError::Format { path: path.into(), packet: 0, error };
        let out = BufWriter::new(file);
        let format = if path.extension().is_some_and(|e| e == "pcapng") {
            let mut writer = PcapNgWriter::with_endianness(out, Endianness::Little).map_err(error)?;
            let mut interface = InterfaceDescriptionBlock::new(DataLink::ETHERNET, SNAP_LEN);
            interface.options.push(InterfaceDescriptionOption::IfTsResol(NANOSECONDS));
            writer.write_pcapng_block(interface).map_err(error)?;
            Out::PcapNg(Box::new(writer))
        } else {
            let header = PcapHeader {
                version_major: 2,
                version_minor: 4,
                ts_correction: 0,
                ts_accuracy: 0,
                snaplen: SNAP_LEN,
                datalink: DataLink::ETHERNET,
                ts_resolution: TsResolution::NanoSecond,
                endianness: Endianness::Little,
            };
            Out::Pcap(PcapWriter::with_header(out, header).map_err(error)?)
        };
        Ok(Writer { path: path.into(), format })
    }

    /// Appends a packet.
    pub(crate) fn write(&mut self, packet: &Packet) -> Result<(), CaptureError> {
        let written = match &mut self.format {
            Out::Pcap(writer) => writer.write_raw_packet(&RawPcapPacket {
                ts_sec: (packet.time_ns / 1_000_000_000) as u32,
                ts_frac: (packet.time_ns % 1_000_000_000) as u32,
                incl_len: packet.data.len() as u32,
                orig_len: packet.wire_len,
                data: Cow::Borrowed(&packet.data),
            }),
            Out::PcapNg(writer) => writer.write_pcapng_block(EnhancedPacketBlock {
                interface_id: 0,
                timestamp: Duration::from_nanos(packet.time_ns),
                original_len: packet.wire_len,
                data: Cow::Borrowed(&packet.data),
                options: Vec::new(),
            }),
        };
        match written {
            Ok(_) => Ok(()),
            Err(error) => Err(CaptureError::Format { path: self.path.clone(), packet: 0, error }),
        }
    }

    /// Writes what is still buffered.
    pub(crate) fn finish(self) -> Result<(), CaptureError> {
        let flushed = match self.format {
            Out::Pcap(writer) => writer.into_writer().flush(),
            Out::PcapNg(writer) => writer.into_inner().flush(),
        };
        flushed.map_err(|error| CaptureError::Io { path: self.path, error })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skep_testkit::TempDir;

    #[test]
    fn both_formats_keep_time_and_bytes() {
        let folder = TempDir::new("capture");
        for name in ["a.pcap", "a.pcapng"] {
            let path = folder.path().join(name);
            let mut writer = Writer::create(&path).expect("a file");
            let times = [1_700_000_000_123_456_789, 1_700_000_001_000_000_001];
            for (i, &time_ns) in times.iter().enumerate() {
                writer
                    .write(&Packet { time_ns, data: vec![i as u8; 60 + i], wire_len: 99 })
                    .expect("a packet");
            }
            writer.finish().expect("flushed");
            let packets: Vec<Packet> =
                Reader::open(&path).expect("a capture").map(|p| p.expect("a packet")).collect();
            assert_eq!(packets.iter().map(|p| p.time_ns).collect::<Vec<_>>(), times, "{name}");
            assert_eq!(packets[1].data, vec![1; 61]);
            assert_eq!(packets[1].wire_len, 99);
        }
    }

    #[test]
    fn a_file_of_another_kind_is_named() {
        let folder = TempDir::new("capture-bad");
        let path = folder.path().join("x.pcap");
        std::fs::write(&path, b"hello, this is no capture at all").expect("a file");
        let error = Reader::open(&path).err().expect("an error").to_string();
        assert!(error.contains("x.pcap: expected a pcap or pcapng file"), "{error}");
    }
}
