//! Packets put together field by field: the templates that cases start from, and the packets that they must give.
//!
//! Nothing here calls the segmentation; even the sums are made another way, word by word with end-around carry.

/// TCP flags, bits 11:0 of bytes 12 and 13.
pub(super) mod flag {
    pub const FIN: u16 = 0x001;
    pub const SYN: u16 = 0x002;
    pub const RST: u16 = 0x004;
    pub const PSH: u16 = 0x008;
    pub const ACK: u16 = 0x010;
    pub const URG: u16 = 0x020;
    pub const ECE: u16 = 0x040;
    pub const CWR: u16 = 0x080;
    pub const AE: u16 = 0x100;
}

/// Network layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ip {
    V4,
    V6,
}

/// Transport layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum L4 {
    Tcp,
    Udp,
}

/// A packet. The fields of the other IP version or transport are not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Packet {
    pub ip: Ip,
    pub l4: L4,
    /// Tag types, outermost first.
    pub tags: Vec<u16>,
    pub tos: u8,
    /// TTL or hop limit.
    pub ttl: u8,
    pub id: u16,
    /// Flags and fragment offset.
    pub fragment: u16,
    /// A multiple of 4 bytes.
    pub ip_options: Vec<u8>,
    /// Type and data of each extension header; the data is 6 bytes and a multiple of 8.
    pub extensions: Vec<(u8, Vec<u8>)>,
    /// Where the packet ends behind a routing header: the address of the pseudo-header.
    pub final_destination: Option<[u8; 16]>,
    pub sequence: u32,
    pub flags: u16,
    pub window: u16,
    pub urgent: u16,
    /// A multiple of 4 bytes.
    pub tcp_options: Vec<u8>,
    pub payload: Vec<u8>,
    /// Stands in the IP length field instead of the right length.
    pub ip_length: Option<u16>,
    /// Stands in the IPv4 checksum field instead of the right one.
    pub ip_check: Option<u16>,
    /// Stands in the UDP length field instead of the right length.
    pub udp_length: Option<u16>,
    /// Added to the sum of the pseudo-header: a driver that was wrong.
    pub seed_error: u16,
    /// Zeros behind the packet.
    pub padding: usize,
}

const SOURCE_V4: [u8; 4] = [192, 0, 2, 1];
const DESTINATION_V4: [u8; 4] = [198, 51, 100, 77];
const SOURCE_V6: [u8; 16] = [0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const DESTINATION_V6: [u8; 16] = [0x20, 1, 0xD, 0xB8, 0, 5, 0, 0, 0, 0, 0, 0, 0xAB, 0xCD, 0, 2];

/// How a driver leaves the checksum field of a super-frame (rule 15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seed {
    /// With the length: virtio.
    Virtio,
    /// Without: LSO.
    Lso,
}

impl Packet {
    fn new(ip: Ip, l4: L4, payload_bytes: usize) -> Self {
        Self {
            ip,
            l4,
            tags: vec![],
            tos: 0,
            ttl: 64,
            id: 0x1234,
            fragment: 0x4000,
            ip_options: vec![],
            extensions: vec![],
            final_destination: None,
            sequence: 0x0102_0304,
            flags: flag::ACK,
            window: 0x2000,
            urgent: 0,
            tcp_options: vec![],
            payload: (0..payload_bytes).map(|at| (at * 7 + at / 256 + 1) as u8).collect(),
            ip_length: None,
            ip_check: None,
            udp_length: None,
            seed_error: 0,
            padding: 0,
        }
    }

    pub fn tcp4(payload_bytes: usize) -> Self {
        Self::new(Ip::V4, L4::Tcp, payload_bytes)
    }

    pub fn tcp6(payload_bytes: usize) -> Self {
        Self::new(Ip::V6, L4::Tcp, payload_bytes)
    }

    pub fn udp4(payload_bytes: usize) -> Self {
        Self::new(Ip::V4, L4::Udp, payload_bytes)
    }

    pub fn udp6(payload_bytes: usize) -> Self {
        Self::new(Ip::V6, L4::Udp, payload_bytes)
    }

    /// The packet with some fields changed.
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// First byte of the IP header.
    pub fn ip_start(&self) -> usize {
        14 + 4 * self.tags.len()
    }

    /// First byte of the transport header: `csum_start`.
    pub fn l4_start(&self) -> usize {
        let extensions: usize = self.extensions.iter().map(|(_, data)| 2 + data.len()).sum();
        match self.ip {
            Ip::V4 => self.ip_start() + 20 + self.ip_options.len(),
            Ip::V6 => self.ip_start() + 40 + extensions,
        }
    }

    fn l4_header_bytes(&self) -> usize {
        match self.l4 {
            L4::Tcp => 20 + self.tcp_options.len(),
            L4::Udp => 8,
        }
    }

    /// Where the payload starts.
    pub fn header_bytes(&self) -> usize {
        self.l4_start() + self.l4_header_bytes()
    }

    /// `csum_offset`.
    pub fn check_offset(&self) -> usize {
        match self.l4 {
            L4::Tcp => 16,
            L4::Udp => 6,
        }
    }

    fn protocol(&self) -> u8 {
        match self.l4 {
            L4::Tcp => 6,
            L4::Udp => 17,
        }
    }

    /// Sum of addresses and protocol, the error of the driver included.
    fn pseudo_header(&self) -> u16 {
        let start = add(self.seed_error, u16::from(self.protocol()));
        match self.ip {
            Ip::V4 => sum(sum(start, &SOURCE_V4), &DESTINATION_V4),
            Ip::V6 => sum(
                sum(start, &SOURCE_V6),
                &self.final_destination.unwrap_or(DESTINATION_V6),
            ),
        }
    }

    fn l4_bytes(&self) -> u32 {
        (self.l4_header_bytes() + self.payload.len()) as u32
    }

    /// What the driver hands over: the checksum field holds the seed.
    pub fn template(&self, seed: Seed) -> Vec<u8> {
        let check = match seed {
            Seed::Virtio => number(self.pseudo_header(), self.l4_bytes()),
            Seed::Lso => self.pseudo_header(),
        };
        self.bytes(check)
    }

    /// What goes on the wire: the checksum is complete.
    pub fn finished(&self) -> Vec<u8> {
        let check = self.l4_check();
        self.bytes(check)
    }

    /// The complete transport checksum; for UDP never 0 (RFC 768).
    pub fn l4_check(&self) -> u16 {
        let covered = &self.bytes(0)[self.l4_start()..];
        let covered = &covered[..covered.len() - self.padding];
        match !sum(number(self.pseudo_header(), self.l4_bytes()), covered) {
            0 if self.l4 == L4::Udp => 0xFFFF,
            check => check,
        }
    }

    /// Changes the first payload word so that the complete checksum comes out as 0 (for UDP as 0xFFFF).
    pub fn with_check_of_zero(mut self, covered: usize) -> Self {
        let mut packet = self.clone();
        packet.payload.truncate(covered);
        packet.payload[..2].fill(0);
        let word = packet.l4_check();
        self.payload[..2].copy_from_slice(&word.to_be_bytes());
        self
    }

    fn bytes(&self, l4_check: u16) -> Vec<u8> {
        let mut bytes = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
        for (index, tag) in self.tags.iter().enumerate() {
            bytes.extend(tag.to_be_bytes());
            bytes.extend([0x20, 5 + index as u8]);
        }
        match self.ip {
            Ip::V4 => self.append_v4(&mut bytes),
            Ip::V6 => self.append_v6(&mut bytes),
        }
        match self.l4 {
            L4::Tcp => {
                let offset = (self.l4_header_bytes() as u16 / 4) << 12;
                bytes.extend([0x0F, 0xA0, 0x00, 0x50]);
                bytes.extend(self.sequence.to_be_bytes());
                bytes.extend([0x0A, 0x0B, 0x0C, 0x0D]);
                bytes.extend((offset | self.flags).to_be_bytes());
                bytes.extend(self.window.to_be_bytes());
                bytes.extend(l4_check.to_be_bytes());
                bytes.extend(self.urgent.to_be_bytes());
                bytes.extend(&self.tcp_options);
            }
            L4::Udp => {
                let length = self.udp_length.unwrap_or(self.l4_bytes() as u16);
                bytes.extend([0x0F, 0xA0, 0x01, 0xBB]);
                bytes.extend(length.to_be_bytes());
                bytes.extend(l4_check.to_be_bytes());
            }
        }
        bytes.extend(&self.payload);
        bytes.extend(vec![0; self.padding]);
        bytes
    }

    fn append_v4(&self, bytes: &mut Vec<u8>) {
        let header_bytes = 20 + self.ip_options.len();
        let length = self.ip_length.unwrap_or((header_bytes as u32 + self.l4_bytes()) as u16);
        bytes.extend([0x08, 0x00]);
        let mut header = vec![0x40 | (header_bytes / 4) as u8, self.tos];
        header.extend(length.to_be_bytes());
        header.extend(self.id.to_be_bytes());
        header.extend(self.fragment.to_be_bytes());
        header.extend([self.ttl, self.protocol(), 0, 0]);
        header.extend(SOURCE_V4);
        header.extend(DESTINATION_V4);
        header.extend(&self.ip_options);
        let check = self.ip_check.unwrap_or(!sum(0, &header));
        header[10..12].copy_from_slice(&check.to_be_bytes());
        bytes.extend(header);
    }

    fn append_v6(&self, bytes: &mut Vec<u8>) {
        let extension_bytes = self.l4_start() - self.ip_start() - 40;
        let length = self
            .ip_length
            .unwrap_or((extension_bytes as u32 + self.l4_bytes()) as u16);
        let mut numbers: Vec<u8> = self.extensions.iter().map(|(number, _)| *number).collect();
        numbers.push(self.protocol());
        bytes.extend([0x86, 0xDD, 0x60 | self.tos >> 4, self.tos << 4 | 0x1, 0x23, 0x45]);
        bytes.extend(length.to_be_bytes());
        bytes.extend([numbers[0], self.ttl]);
        bytes.extend(SOURCE_V6);
        bytes.extend(DESTINATION_V6);
        for ((_, data), next) in self.extensions.iter().zip(&numbers[1..]) {
            bytes.extend([*next, (data.len() / 8) as u8]);
            bytes.extend(data);
        }
    }
}

/// A sum with one word more, the carry brought round at once.
pub(super) fn add(sum: u16, word: u16) -> u16 {
    let (sum, carry) = sum.overflowing_add(word);
    sum + u16::from(carry)
}

/// A sum with the words of `bytes`, the first byte of each the high one.
pub(super) fn sum(mut total: u16, bytes: &[u8]) -> u16 {
    for (at, byte) in bytes.iter().enumerate() {
        let word = match at % 2 {
            0 => u16::from(*byte) << 8,
            _ => u16::from(*byte),
        };
        total = add(total, word);
    }
    total
}

fn number(total: u16, number: u32) -> u16 {
    add(add(total, (number >> 16) as u16), number as u16)
}
