//! What each `gso_type` asks for, as data: one row a type, so that another type is another row.

use crate::registers::feature;
use crate::virtio_net_hdr::gso;

/// Network layer of a super-frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IpVersion {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl IpVersion {
    /// EtherType.
    pub fn ether_type(self) -> u16 {
        match self {
            IpVersion::V4 => 0x0800,
            IpVersion::V6 => 0x86DD,
        }
    }

    /// First nibble of the header.
    pub fn version(self) -> u8 {
        match self {
            IpVersion::V4 => 4,
            IpVersion::V6 => 6,
        }
    }

    /// Bytes of the header without options or extension headers.
    pub fn min_header_bytes(self) -> usize {
        match self {
            IpVersion::V4 => 20,
            IpVersion::V6 => 40,
        }
    }
}

/// Transport layer of a super-frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Transport {
    /// IP protocol number.
    pub fn protocol(self) -> u8 {
        match self {
            Transport::Tcp => 6,
            Transport::Udp => 17,
        }
    }

    /// Where the checksum stands in the header; `csum_offset` must be this (rule 22).
    pub fn checksum_offset(self) -> usize {
        match self {
            Transport::Tcp => 16,
            Transport::Udp => 6,
        }
    }

    /// Bytes of the header without options.
    pub fn min_header_bytes(self) -> usize {
        match self {
            Transport::Tcp => 20,
            Transport::Udp => 8,
        }
    }
}

/// What one `gso_type` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offload {
    /// `gso_type` without the ECN bit.
    pub gso_type: u8,
    /// Feature bit that must be negotiated.
    pub feature: u64,
    /// Network layer, where the type settles it; otherwise the EtherType does.
    pub ip: Option<IpVersion>,
    /// Transport layer.
    pub transport: Transport,
}

/// The types that are served. UFO (3) is none of them.
pub const OFFLOADS: &[Offload] = &[
    Offload {
        gso_type: gso::TCPV4,
        feature: feature::HOST_TSO4,
        ip: Some(IpVersion::V4),
        transport: Transport::Tcp,
    },
    Offload {
        gso_type: gso::TCPV6,
        feature: feature::HOST_TSO6,
        ip: Some(IpVersion::V6),
        transport: Transport::Tcp,
    },
    Offload {
        gso_type: gso::UDP_L4,
        feature: feature::HOST_USO,
        ip: None,
        transport: Transport::Udp,
    },
];

impl Offload {
    /// The row for a `gso_type` without the ECN bit.
    pub fn find(gso_type: u8) -> Option<&'static Offload> {
        OFFLOADS.iter().find(|offload| offload.gso_type == gso_type)
    }

    /// Bytes of the shortest network header that the type may have.
    pub fn min_network_bytes(&self) -> usize {
        self.ip.unwrap_or(IpVersion::V4).min_header_bytes()
    }
}
