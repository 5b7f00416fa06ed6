//! The case table: every rule of segmentation as data, with what must come out and what the Linux kernel does.
//!
//! What must come out is stated without the segmentation: sizes, IDs, sequence numbers and flags segment by segment,
//! from which `packet` builds the frames; or a refusal. The same table runs on the model, on the RTL and on the kernel,
//! and [`fault`] shows that it notices each way to break a rule.

mod checksum;
pub mod fault;
mod geometry;
mod network;
mod packet;
mod padding;
pub mod page;
mod refusals;
#[cfg(test)]
mod tests;
mod transport;
mod udp;

use crate::refusal::Refusal;
use crate::segment::SegmentSettings;
use crate::virtio_net_hdr::{gso, VirtioNetHdr, FLAG_NEEDS_CSUM};
use packet::{Ip, Packet, Seed, L4};

/// What the Linux kernel's own segmentation does with the frame of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// It gives the same frames.
    Same,
    /// It gives other frames, or frames where we refuse; with the reason.
    Differs(&'static str),
    /// It refuses the write with EINVAL.
    Refuses,
    /// It takes the write and drops the frame.
    Drops,
    /// It cannot be asked, because it has no such setting or way in; with the reason.
    NotAsked(&'static str),
}

/// One row of the table.
#[derive(Clone, Debug)]
pub struct Case {
    /// Number of the rule.
    pub rule: u8,
    /// What it is about, as a snake_case sentence; unique.
    pub name: &'static str,
    /// What stands in front of the frame.
    pub hdr: VirtioNetHdr,
    /// The frame in the chain.
    pub frame: Vec<u8>,
    /// What software chose.
    pub settings: SegmentSettings,
    /// What the kernel does with it.
    pub kernel: Kernel,
    expected: Expected,
}

#[derive(Clone, Debug)]
enum Expected {
    Packets(Vec<Packet>),
    Bytes(Vec<Vec<u8>>),
    Refused(Refusal),
}

impl Case {
    /// The frames that must leave, or the code of the refusal.
    pub fn outcome(&self) -> Result<Vec<Vec<u8>>, Refusal> {
        match &self.expected {
            Expected::Packets(packets) => Ok(packets.iter().map(Packet::finished).collect()),
            Expected::Bytes(frames) => Ok(frames.clone()),
            Expected::Refused(refusal) => Err(*refusal),
        }
    }

    fn packets(&mut self) -> &mut [Packet] {
        match &mut self.expected {
            Expected::Packets(packets) => packets,
            _ => panic!("{}: only packets have fields", self.name),
        }
    }

    fn each<T: Copy>(mut self, values: &[T], set: impl Fn(&mut Packet, T)) -> Self {
        assert_eq!(self.packets().len(), values.len(), "{}: a value a packet", self.name);
        for (packet, value) in self.packets().iter_mut().zip(values) {
            set(packet, *value);
        }
        self
    }

    /// IPv4 ID of each segment.
    fn ids(self, ids: &[u16]) -> Self {
        self.each(ids, |packet, id| packet.id = id)
    }

    /// Sequence number of each segment.
    fn sequences(self, sequences: &[u32]) -> Self {
        self.each(sequences, |packet, sequence| packet.sequence = sequence)
    }

    /// TCP flags of each segment.
    fn flags(self, flags: &[u16]) -> Self {
        self.each(flags, |packet, flags| packet.flags = flags)
    }

    /// Zeros behind each segment.
    fn zeros(self, padding: &[usize]) -> Self {
        self.each(padding, |packet, padding| packet.padding = padding)
    }

    /// What the kernel does, where that is not the same.
    fn kernel(self, kernel: Kernel) -> Self {
        Self { kernel, ..self }
    }

    /// Words that were worked out by hand or with another program: frame, offset, value.
    fn pinned(self, words: &[(usize, usize, u16)]) -> Self {
        let frames = self.outcome().expect("a refusal has no bytes");
        for (frame, at, word) in words {
            assert_eq!(
                frames[*frame][*at..at + 2],
                word.to_be_bytes(),
                "{}: frame {frame}, byte {at}",
                self.name
            );
        }
        self
    }
}

/// A case whose outcome is still to be said.
#[derive(Clone, Debug)]
struct Draft {
    rule: u8,
    name: &'static str,
    packet: Packet,
    hdr: VirtioNetHdr,
    frame: Vec<u8>,
    settings: SegmentSettings,
}

impl Draft {
    fn new(rule: u8, name: &'static str, packet: Packet, seed: Seed) -> Self {
        Self {
            rule,
            name,
            hdr: VirtioNetHdr {
                flags: FLAG_NEEDS_CSUM,
                hdr_len: packet.header_bytes() as u16,
                csum_start: packet.l4_start() as u16,
                csum_offset: packet.check_offset() as u16,
                ..VirtioNetHdr::default()
            },
            frame: packet.template(seed),
            packet,
            settings: SegmentSettings {
                seed_without_length: seed == Seed::Lso,
                ..SegmentSettings::default()
            },
        }
    }

    fn hdr(mut self, change: impl FnOnce(&mut VirtioNetHdr)) -> Self {
        change(&mut self.hdr);
        self
    }

    fn frame(mut self, change: impl FnOnce(&mut Vec<u8>)) -> Self {
        change(&mut self.frame);
        self
    }

    fn settings(mut self, change: impl FnOnce(&mut SegmentSettings)) -> Self {
        change(&mut self.settings);
        self
    }

    fn case(self, expected: Expected, kernel: Kernel) -> Case {
        Case {
            rule: self.rule,
            name: self.name,
            hdr: self.hdr,
            frame: self.frame,
            settings: self.settings,
            kernel,
            expected,
        }
    }

    /// Segments with these payload sizes. IDs count up by 1, sequence numbers by the bytes before; all else is the
    /// template's. Rules about other fields say them segment by segment on top.
    fn cut(self, sizes: &[usize]) -> Case {
        assert_eq!(sizes.iter().sum::<usize>(), self.packet.payload.len(), "{}", self.name);
        let mut rest = &self.packet.payload[..];
        let mut packets = Vec::new();
        for (index, bytes) in sizes.iter().enumerate() {
            let sent = self.packet.payload.len() - rest.len();
            let (payload, behind) = rest.split_at(*bytes);
            rest = behind;
            packets.push(Packet {
                id: self.packet.id.wrapping_add(index as u16),
                sequence: self.packet.sequence.wrapping_add(sent as u32),
                payload: payload.to_vec(),
                ip_length: None,
                ip_check: None,
                udp_length: None,
                ..self.packet.clone()
            });
        }
        self.case(Expected::Packets(packets), Kernel::Same)
    }

    /// One packet: the frame with its checksum completed and nothing else changed.
    fn whole(self) -> Case {
        let packet = self.packet.clone();
        self.case(Expected::Packets(vec![packet]), Kernel::Same)
    }

    /// These bytes.
    fn gives(self, frames: Vec<Vec<u8>>) -> Case {
        self.case(Expected::Bytes(frames), Kernel::Same)
    }

    fn refused(self, refusal: Refusal, kernel: Kernel) -> Case {
        self.case(Expected::Refused(refusal), kernel)
    }
}

/// A super-frame to be cut at `mss`, with the seed of virtio.
fn cut(rule: u8, name: &'static str, packet: Packet, mss: u16) -> Draft {
    seeded(rule, name, packet, mss, Seed::Virtio)
}

/// A super-frame to be cut at `mss`.
fn seeded(rule: u8, name: &'static str, packet: Packet, mss: u16, seed: Seed) -> Draft {
    let gso_type = match (packet.l4, packet.ip) {
        (L4::Tcp, Ip::V4) => gso::TCPV4,
        (L4::Tcp, Ip::V6) => gso::TCPV6,
        (L4::Udp, _) => gso::UDP_L4,
    };
    Draft::new(rule, name, packet, seed).hdr(|hdr| {
        hdr.gso_type = gso_type;
        hdr.gso_size = mss;
    })
}

/// A frame whose checksum is to be completed.
fn checksum_only(rule: u8, name: &'static str, packet: Packet) -> Draft {
    Draft::new(rule, name, packet, Seed::Virtio)
}

/// A frame that is right as it is.
fn plain(rule: u8, name: &'static str, packet: Packet) -> Draft {
    let mut draft = Draft::new(rule, name, packet, Seed::Virtio);
    draft.frame = draft.packet.finished();
    draft.hdr(|hdr| *hdr = VirtioNetHdr::default())
}

/// The whole table, by rule number.
pub fn all() -> Vec<Case> {
    let parts = [
        geometry::cases(),
        network::cases(),
        transport::cases(),
        checksum::cases(),
        udp::cases(),
        padding::cases(),
        refusals::cases(),
    ];
    let mut cases: Vec<Case> = parts.into_iter().flatten().collect();
    cases.sort_by_key(|case| case.rule);
    cases
}
