//! Super-frames for the tests, put together field by field.

use super::checksum::Sum;
use super::offload::IpVersion;
use crate::virtio_net_hdr::{gso, VirtioNetHdr, FLAG_NEEDS_CSUM};

/// TCP flags in bits 11:0, as rule 14 counts them.
pub const FIN: u16 = 0x001;
pub const PSH: u16 = 0x008;
pub const ECE: u16 = 0x040;
pub const CWR: u16 = 0x080;

/// A TCP or UDP super-frame.
#[derive(Clone, Debug)]
pub struct Sample {
    pub ip: IpVersion,
    /// UDP instead of TCP: sequence number, flags and options do not count.
    pub udp: bool,
    /// Tag types, outermost first.
    pub tags: Vec<u16>,
    /// A multiple of 4 bytes.
    pub ip_options: Vec<u8>,
    /// Type and data of each extension header; the data is 6 bytes and a multiple of 8.
    pub extensions: Vec<(u8, Vec<u8>)>,
    /// A multiple of 4 bytes.
    pub tcp_options: Vec<u8>,
    pub id: u16,
    pub fragment: u16,
    pub sequence: u32,
    pub flags: u16,
    pub payload: Vec<u8>,
    pub mss: u16,
    /// The seed includes the length (rule 15).
    pub length_in_seed: bool,
}

impl Sample {
    pub fn new(ip: IpVersion, payload_bytes: usize, mss: u16) -> Self {
        Self {
            ip,
            udp: false,
            tags: vec![],
            ip_options: vec![],
            extensions: vec![],
            tcp_options: vec![],
            id: 0x1234,
            fragment: 0x4000,
            sequence: 0xFFFF_FF00,
            flags: 0x010,
            payload: (0..payload_bytes).map(|i| (i * 7 + i / 256) as u8).collect(),
            mss,
            length_in_seed: true,
        }
    }

    pub fn network_start(&self) -> usize {
        14 + 4 * self.tags.len()
    }

    pub fn csum_start(&self) -> usize {
        let extensions: usize = self.extensions.iter().map(|(_, data)| 2 + data.len()).sum();
        self.network_start() + self.ip.min_header_bytes() + self.ip_options.len() + extensions
    }

    pub fn header_bytes(&self) -> usize {
        self.csum_start() + if self.udp { 8 } else { 20 + self.tcp_options.len() }
    }

    fn protocol(&self) -> u8 {
        if self.udp {
            17
        } else {
            6
        }
    }

    pub fn hdr(&self) -> VirtioNetHdr {
        VirtioNetHdr {
            flags: FLAG_NEEDS_CSUM,
            gso_type: match self.ip {
                _ if self.udp => gso::UDP_L4,
                IpVersion::V4 => gso::TCPV4,
                IpVersion::V6 => gso::TCPV6,
            },
            hdr_len: 0,
            gso_size: self.mss,
            csum_start: self.csum_start() as u16,
            csum_offset: if self.udp { 6 } else { 16 },
            num_buffers: 0,
        }
    }

    /// Source and destination address.
    pub fn addresses(&self) -> Vec<u8> {
        match self.ip {
            IpVersion::V4 => vec![192, 0, 2, 1, 198, 51, 100, 77],
            IpVersion::V6 => (0..32).map(|i| 0x20 + i * 5).collect(),
        }
    }

    /// Sum of the pseudo-header, without the length.
    pub fn seed(&self) -> Sum {
        Sum::new().bytes(&self.addresses()).word(self.protocol().into())
    }

    pub fn frame(&self) -> Vec<u8> {
        let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
        for (index, tag) in self.tags.iter().enumerate() {
            frame.extend(tag.to_be_bytes());
            frame.extend([0x20, 5 + index as u8]);
        }
        frame.extend(self.ip.ether_type().to_be_bytes());
        match self.ip {
            // Length and checksum are wrong on purpose: rules 5 and 6.
            IpVersion::V4 => {
                frame.extend([0x45 + (self.ip_options.len() / 4) as u8, 0x02, 0xDE, 0xAD]);
                frame.extend(self.id.to_be_bytes());
                frame.extend(self.fragment.to_be_bytes());
                frame.extend([64, self.protocol(), 0xBE, 0xEF]);
                frame.extend(self.addresses());
                frame.extend(&self.ip_options);
            }
            IpVersion::V6 => {
                let first = self.extensions.first().map_or(self.protocol(), |(kind, _)| *kind);
                frame.extend([0x60, 0x12, 0x34, 0x56, 0xDE, 0xAD, first, 64]);
                frame.extend(self.addresses());
                for (index, (_, data)) in self.extensions.iter().enumerate() {
                    let next = self.extensions.get(index + 1);
                    let next = next.map_or(self.protocol(), |(kind, _)| *kind);
                    frame.extend([next, ((2 + data.len()) / 8 - 1) as u8]);
                    frame.extend(data);
                }
            }
        }
        let tcp_bytes = 20 + self.tcp_options.len();
        let length = if self.length_in_seed {
            self.header_bytes() - self.csum_start() + self.payload.len()
        } else {
            0
        };
        frame.extend([0x30, 0x39, 0x01, 0xBB]);
        if self.udp {
            // The length is wrong on purpose.
            frame.extend([0xDE, 0xAD]);
            frame.extend(self.seed().number(length).fold().to_be_bytes());
            frame.extend(&self.payload);
            return frame;
        }
        frame.extend(self.sequence.to_be_bytes());
        frame.extend(0x0102_0304u32.to_be_bytes());
        frame.extend(((tcp_bytes as u16 / 4) << 12 | self.flags).to_be_bytes());
        frame.extend([0x20, 0x00]);
        frame.extend(self.seed().number(length).fold().to_be_bytes());
        frame.extend([0, 0]);
        frame.extend(&self.tcp_options);
        frame.extend(&self.payload);
        frame
    }
}
