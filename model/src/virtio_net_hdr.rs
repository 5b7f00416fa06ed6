//! `virtio_net_hdr`, the 12 bytes in front of every frame of a chain (virtio 1.2, 5.1.6, with VERSION_1).

use crate::limits::VIRTIO_NET_HDR_BYTES;
use bitvec::prelude::*;

/// Values of `gso_type` (virtio 1.2, 5.1.6), without the ECN bit.
pub mod gso {
    /// No segmentation.
    pub const NONE: u8 = 0;
    /// TCP over IPv4.
    pub const TCPV4: u8 = 1;
    /// UDP fragmentation (UFO).
    pub const UDP: u8 = 3;
    /// TCP over IPv6.
    pub const TCPV6: u8 = 4;
    /// UDP segmentation (USO).
    pub const UDP_L4: u8 = 5;
    /// The bit that marks a super-frame whose CWR flag is set; it is masked off before the type is looked at.
    pub const ECN: u8 = 0x80;
}

/// `flags` bit 0: the checksum at `csum_start + csum_offset` is to be completed.
pub const FLAG_NEEDS_CSUM: u8 = 1;
/// `flags` bit 1: of no meaning for transmission.
pub const FLAG_DATA_VALID: u8 = 2;

const NEEDS_CSUM_BIT: usize = 0;
const ECN_BIT: usize = 7;

/// The fields of `virtio_net_hdr`. Offsets count from the first byte of the frame, behind this header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VirtioNetHdr {
    /// [`FLAG_NEEDS_CSUM`] and bits without meaning here.
    pub flags: u8,
    /// One of [`gso`], with or without [`gso::ECN`].
    pub gso_type: u8,
    /// A hint that is never relied on (rule 21).
    pub hdr_len: u16,
    /// MSS: payload bytes of a segment.
    pub gso_size: u16,
    /// First byte that the checksum covers; the start of the TCP header when `gso_type` is set.
    pub csum_start: u16,
    /// Where the checksum is stored, from `csum_start` on.
    pub csum_offset: u16,
    /// Of no meaning for transmission.
    pub num_buffers: u16,
}

impl VirtioNetHdr {
    /// Reads the fields; 16-bit fields are little-endian (virtio 1.2, 2.4 with VERSION_1).
    pub fn parse(bytes: &[u8; VIRTIO_NET_HDR_BYTES]) -> Self {
        let word = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        Self {
            flags: bytes[0],
            gso_type: bytes[1],
            hdr_len: word(2),
            gso_size: word(4),
            csum_start: word(6),
            csum_offset: word(8),
            num_buffers: word(10),
        }
    }

    /// The header as it stands in memory.
    pub fn to_bytes(self) -> [u8; VIRTIO_NET_HDR_BYTES] {
        let mut bytes = [0; VIRTIO_NET_HDR_BYTES];
        bytes[0] = self.flags;
        bytes[1] = self.gso_type;
        let words = [
            self.hdr_len,
            self.gso_size,
            self.csum_start,
            self.csum_offset,
            self.num_buffers,
        ];
        for (place, word) in bytes[2..].chunks_exact_mut(2).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// Whether the checksum is to be completed.
    pub fn needs_csum(&self) -> bool {
        self.flags.view_bits::<Lsb0>()[NEEDS_CSUM_BIT]
    }

    /// Whether `gso_type` carries the ECN bit.
    pub fn has_ecn(&self) -> bool {
        self.gso_type.view_bits::<Lsb0>()[ECN_BIT]
    }

    /// `gso_type` without the ECN bit.
    pub fn gso(&self) -> u8 {
        self.gso_type.view_bits::<Lsb0>()[..ECN_BIT].load_le()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_are_little_endian_in_the_order_of_the_standard() {
        let bytes = [1, 0x84, 0x36, 0, 0xA8, 0x05, 34, 0, 16, 0, 7, 1];
        let hdr = VirtioNetHdr::parse(&bytes);
        let expected = VirtioNetHdr {
            flags: FLAG_NEEDS_CSUM,
            gso_type: gso::TCPV6 | gso::ECN,
            hdr_len: 54,
            gso_size: 1448,
            csum_start: 34,
            csum_offset: 16,
            num_buffers: 263,
        };
        assert_eq!(hdr, expected);
        assert!(hdr.needs_csum() && hdr.has_ecn());
        assert_eq!(hdr.gso(), gso::TCPV6);
    }

    proptest! {
        #[test]
        fn building_and_parsing_agree(bytes: [u8; VIRTIO_NET_HDR_BYTES]) {
            prop_assert_eq!(VirtioNetHdr::parse(&bytes).to_bytes(), bytes);
        }
    }
}
