//! Header templates: Ethernet, VLAN tags, IPv4 with options or IPv6 with extension headers, TCP with options or UDP,
//! with the checksum seed that a virtio driver leaves.

use etherparse::{ether_type, ip_number};

/// IPv6 and IPv4 EtherTypes, tags and protocol numbers come from `etherparse`, the layout from the RFCs.
const ETHERTYPE_IPV4: u16 = ether_type::IPV4.0;
const ETHERTYPE_IPV6: u16 = ether_type::IPV6.0;

/// A VLAN tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Tag protocol identifier: 0x8100 or 0x88A8.
    pub tpid: u16,
    /// Priority, drop eligible bit and VLAN.
    pub tci: u16,
}

/// IPv4 header (RFC 791).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ipv4 {
    /// Source address.
    pub source: [u8; 4],
    /// Destination address.
    pub destination: [u8; 4],
    /// Type of service, ECN bits included.
    pub tos: u8,
    /// Identification of the first segment.
    pub id: u16,
    /// Don't fragment.
    pub dont_fragment: bool,
    /// Time to live.
    pub ttl: u8,
    /// Options, a multiple of 4 bytes, at most 40.
    pub options: Vec<u8>,
}

/// An IPv6 extension header that may stand before TCP (RFC 8200).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extension {
    /// Hop-by-hop options; 6 bytes and a multiple of 8 more.
    HopByHop(Vec<u8>),
    /// Destination options; 6 bytes and a multiple of 8 more.
    Destination(Vec<u8>),
    /// Routing header with one segment left: the final destination, which the checksum covers (rule 9).
    Routing([u8; 16]),
}

/// IPv6 header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ipv6 {
    /// Source address.
    pub source: [u8; 16],
    /// Destination address as it stands in the header.
    pub destination: [u8; 16],
    /// Traffic class, ECN bits included.
    pub traffic_class: u8,
    /// Flow label, 20 bits.
    pub flow_label: u32,
    /// Hop limit.
    pub hop_limit: u8,
    /// Extension headers, in order.
    pub extensions: Vec<Extension>,
}

/// The network layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Network {
    /// IPv4.
    V4(Ipv4),
    /// IPv6.
    V6(Ipv6),
}

/// The transport layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP (RFC 9293).
    Tcp {
        /// Source and destination port.
        ports: (u16, u16),
        /// Sequence number of the first payload byte.
        seq: u32,
        /// Acknowledgement number.
        ack: u32,
        /// Reserved bits, AE, CWR, ECE, URG, ACK, PSH, RST, SYN, FIN: 12 bits, FIN lowest.
        flags: u16,
        /// Window.
        window: u16,
        /// Urgent pointer.
        urgent: u16,
        /// Options, a multiple of 4 bytes, at most 40.
        options: Vec<u8>,
    },
    /// UDP.
    Udp {
        /// Source and destination port.
        ports: (u16, u16),
    },
}

/// What the driver leaves in the TCP checksum field (rule 15).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Seed {
    /// Sum of the pseudo-header with the super-frame's length: virtio and Linux.
    #[default]
    WithLength,
    /// Sum of the pseudo-header without the length: LSO.
    WithoutLength,
}

/// TCP flags, 12 bits as in [`Transport::Tcp`].
pub mod flag {
    /// No more data.
    pub const FIN: u16 = 0x001;
    /// Push.
    pub const PSH: u16 = 0x008;
    /// The acknowledgement number counts.
    pub const ACK: u16 = 0x010;
}

/// The layers in front of a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headers {
    /// Source address.
    pub source_mac: [u8; 6],
    /// Destination address.
    pub destination_mac: [u8; 6],
    /// VLAN tags, outermost first.
    pub tags: Vec<Tag>,
    /// Network layer.
    pub network: Network,
    /// Transport layer.
    pub transport: Transport,
}

/// Header bytes for one payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Ethernet to TCP or UDP, with the seed in the checksum field.
    pub bytes: Vec<u8>,
    /// Offset of the transport header.
    pub csum_start: u16,
    /// Offset of the checksum field in the transport header.
    pub csum_offset: u16,
    /// Offset of the network header.
    pub network_start: usize,
}

impl Headers {
    /// The template for `payload_bytes` of payload. Length fields hold what fits in them (rule 5); the one of IPv6 is 0
    /// beyond that, as Linux BIG TCP has it.
    pub fn template(&self, payload_bytes: usize, seed: Seed) -> Template {
        let mut bytes = Vec::with_capacity(128);
        bytes.extend(self.destination_mac);
        bytes.extend(self.source_mac);
        for tag in &self.tags {
            bytes.extend(tag.tpid.to_be_bytes());
            bytes.extend(tag.tci.to_be_bytes());
        }
        let transport = self.transport.bytes(payload_bytes);
        let l4_bytes = transport.len() + payload_bytes;
        let network_start = bytes.len() + 2;
        let pseudo = match &self.network {
            Network::V4(ip) => {
                bytes.extend(ETHERTYPE_IPV4.to_be_bytes());
                bytes.extend(ip.bytes(self.transport.protocol(), l4_bytes));
                sum(&ip.source) + sum(&ip.destination)
            }
            Network::V6(ip) => {
                bytes.extend(ETHERTYPE_IPV6.to_be_bytes());
                bytes.extend(ip.bytes(self.transport.protocol(), l4_bytes));
                sum(&ip.source) + sum(&ip.final_destination())
            }
        };
        let length = match seed {
            Seed::WithLength => l4_bytes as u64,
            Seed::WithoutLength => 0,
        };
        let csum_start = bytes.len();
        let csum_offset = self.transport.csum_offset();
        bytes.extend(transport);
        let field = csum_start + usize::from(csum_offset);
        let seed = fold(pseudo + u64::from(self.transport.protocol()) + length);
        bytes[field..field + 2].copy_from_slice(&seed.to_be_bytes());
        Template {
            bytes,
            csum_start: csum_start as u16,
            csum_offset,
            network_start,
        }
    }
}

impl Ipv4 {
    fn bytes(&self, protocol: u8, l4_bytes: usize) -> Vec<u8> {
        assert!(
            self.options.len() % 4 == 0 && self.options.len() <= 40,
            "IPv4 options are up to 40 bytes, in fours"
        );
        let header_bytes = 20 + self.options.len();
        let total = (header_bytes + l4_bytes).min(0xFFFF) as u16;
        let mut bytes = vec![0x40 | (header_bytes / 4) as u8, self.tos];
        bytes.extend(total.to_be_bytes());
        bytes.extend(self.id.to_be_bytes());
        bytes.extend([u8::from(self.dont_fragment) << 6, 0, self.ttl, protocol, 0, 0]);
        bytes.extend(self.source);
        bytes.extend(self.destination);
        bytes.extend(&self.options);
        let check = !fold(sum(&bytes));
        bytes[10..12].copy_from_slice(&check.to_be_bytes());
        bytes
    }
}

impl Ipv6 {
    /// Where the packet ends, after every routing header.
    pub fn final_destination(&self) -> [u8; 16] {
        let routed = self.extensions.iter().rev().find_map(|extension| match extension {
            Extension::Routing(address) => Some(*address),
            _ => None,
        });
        routed.unwrap_or(self.destination)
    }

    fn bytes(&self, protocol: u8, l4_bytes: usize) -> Vec<u8> {
        let numbers: Vec<u8> = self
            .extensions
            .iter()
            .map(Extension::number)
            .chain([protocol])
            .collect();
        let mut extensions = Vec::new();
        for (extension, next) in self.extensions.iter().zip(&numbers[1..]) {
            extension.append(*next, &mut extensions);
        }
        let payload = u16::try_from(extensions.len() + l4_bytes).unwrap_or(0);
        let first = 0x6000_0000 | u32::from(self.traffic_class) << 20 | self.flow_label & 0xF_FFFF;
        let mut bytes = first.to_be_bytes().to_vec();
        bytes.extend(payload.to_be_bytes());
        bytes.extend([numbers[0], self.hop_limit]);
        bytes.extend(self.source);
        bytes.extend(self.destination);
        bytes.extend(extensions);
        bytes
    }
}

impl Extension {
    fn number(&self) -> u8 {
        match self {
            Extension::HopByHop(_) => ip_number::IPV6_HOP_BY_HOP.0,
            Extension::Destination(_) => ip_number::IPV6_DESTINATION_OPTIONS.0,
            Extension::Routing(_) => ip_number::IPV6_ROUTE.0,
        }
    }

    fn append(&self, next: u8, bytes: &mut Vec<u8>) {
        match self {
            Extension::HopByHop(body) | Extension::Destination(body) => {
                assert!(
                    body.len() % 8 == 6,
                    "an option header's body is 6 bytes and a multiple of 8 more"
                );
                bytes.extend([next, ((body.len() + 2) / 8 - 1) as u8]);
                bytes.extend(body);
            }
            Extension::Routing(address) => {
                // Type 2, one segment left (RFC 6275, 6.4): the shape that Linux accepts without segment routing.
                bytes.extend([next, 2, 2, 1, 0, 0, 0, 0]);
                bytes.extend(address);
            }
        }
    }
}

impl Transport {
    fn protocol(&self) -> u8 {
        match self {
            Transport::Tcp { .. } => ip_number::TCP.0,
            Transport::Udp { .. } => ip_number::UDP.0,
        }
    }

    fn csum_offset(&self) -> u16 {
        match self {
            Transport::Tcp { .. } => 16,
            Transport::Udp { .. } => 6,
        }
    }

    fn bytes(&self, payload_bytes: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(60);
        match self {
            Transport::Tcp {
                ports,
                seq,
                ack,
                flags,
                window,
                urgent,
                options,
            } => {
                assert!(
                    options.len() % 4 == 0 && options.len() <= 40,
                    "TCP options are up to 40 bytes, in fours"
                );
                let offset_and_flags = ((5 + options.len() / 4) as u16) << 12 | flags & 0xFFF;
                bytes.extend(ports.0.to_be_bytes());
                bytes.extend(ports.1.to_be_bytes());
                bytes.extend(seq.to_be_bytes());
                bytes.extend(ack.to_be_bytes());
                bytes.extend(offset_and_flags.to_be_bytes());
                bytes.extend(window.to_be_bytes());
                bytes.extend([0, 0]);
                bytes.extend(urgent.to_be_bytes());
                bytes.extend(options);
            }
            Transport::Udp { ports } => {
                bytes.extend(ports.0.to_be_bytes());
                bytes.extend(ports.1.to_be_bytes());
                bytes.extend(((8 + payload_bytes).min(0xFFFF) as u16).to_be_bytes());
                bytes.extend([0, 0]);
            }
        }
        bytes
    }
}

/// Sum of big-endian 16-bit words; an odd last byte is the high half of a word.
pub(crate) fn sum(bytes: &[u8]) -> u64 {
    let word = |pair: &[u8]| u64::from(pair[0]) << 8 | u64::from(*pair.get(1).unwrap_or(&0));
    bytes.chunks(2).map(word).sum()
}

/// One's-complement fold to 16 bits.
pub(crate) fn fold(mut sum: u64) -> u16 {
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    sum as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::{SlicedPacket, TransportSlice};

    fn headers(network: Network) -> Headers {
        Headers {
            source_mac: [2, 0, 0, 0, 0, 1],
            destination_mac: [2, 0, 0, 0, 0, 2],
            tags: vec![Tag { tpid: 0x88A8, tci: 5 }, Tag { tpid: 0x8100, tci: 7 }],
            network,
            transport: Transport::Tcp {
                ports: (1000, 2000),
                seq: 7,
                ack: 9,
                flags: flag::ACK | flag::PSH,
                window: 500,
                urgent: 0,
                options: vec![1; 12],
            },
        }
    }

    /// Completes the checksum as a checksum-only device does, and lets `etherparse` judge the frame.
    fn check(headers: &Headers, payload: &[u8]) {
        let template = headers.template(payload.len(), Seed::WithLength);
        let mut frame = template.bytes.clone();
        frame.extend(payload);
        let start = usize::from(template.csum_start);
        let check = !fold(sum(&frame[start..]));
        let field = start + usize::from(template.csum_offset);
        frame[field..field + 2].copy_from_slice(&check.to_be_bytes());
        let sliced = SlicedPacket::from_ethernet(&frame).unwrap();
        assert_eq!(sliced.vlan.as_ref().map(|v| v.to_header().header_len()), Some(8));
        let Some(TransportSlice::Tcp(tcp)) = sliced.transport else {
            panic!("no TCP found")
        };
        assert_eq!(tcp.payload(), payload);
        let expected = match sliced.net.unwrap() {
            etherparse::NetSlice::Ipv4(ip) => {
                assert_eq!(
                    ip.header().to_header().calc_header_checksum(),
                    ip.header().header_checksum()
                );
                tcp.calc_checksum_ipv4(ip.header().source(), ip.header().destination())
            }
            etherparse::NetSlice::Ipv6(ip) => tcp.calc_checksum_ipv6(ip.header().source(), ip.header().destination()),
        };
        assert_eq!(tcp.checksum(), expected.unwrap());
    }

    #[test]
    fn ipv4_template_has_the_virtio_seed() {
        let ip = Ipv4 {
            source: [10, 0, 0, 1],
            destination: [10, 0, 0, 2],
            tos: 3,
            id: 77,
            dont_fragment: true,
            ttl: 64,
            options: vec![1; 8],
        };
        check(&headers(Network::V4(ip)), b"seven b");
    }

    #[test]
    fn ipv6_template_has_the_virtio_seed() {
        let ip = Ipv6 {
            source: [0xFD; 16],
            destination: [0xFE; 16],
            traffic_class: 2,
            flow_label: 0x12345,
            hop_limit: 64,
            extensions: vec![
                Extension::HopByHop(vec![1, 4, 0, 0, 0, 0]),
                Extension::Destination(vec![1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            ],
        };
        check(&headers(Network::V6(ip)), &[9; 100]);
    }

    #[test]
    fn a_routing_header_moves_the_seed_to_the_final_destination() {
        let mut ip = Ipv6 {
            source: [0xFD; 16],
            destination: [0xFE; 16],
            traffic_class: 0,
            flow_label: 0,
            hop_limit: 64,
            extensions: vec![],
        };
        let plain = headers(Network::V6(ip.clone())).template(10, Seed::WithLength);
        ip.extensions = vec![Extension::Routing([0xFE; 16])];
        ip.destination = [0x11; 16];
        let routed = headers(Network::V6(ip)).template(10, Seed::WithLength);
        assert_eq!(
            plain.bytes[plain.bytes.len() - 16..],
            routed.bytes[routed.bytes.len() - 16..]
        );
    }
}
