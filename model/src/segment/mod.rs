//! Segmentation: from `virtio_net_hdr` and the frame in a chain to the frames on the wire. "Rule" numbers are those of
//! the segmentation rules in the documentation.
//!
//! A frame is served in one of four ways: cut into TCP segments or UDP datagrams; sent as one packet with its checksum completed; sent
//! as it is; refused. Which, and with which code, is decided by these checks in this order; **the first that applies
//! wins**, and hardware must give the same code. `end` is the length of the frame without `virtio_net_hdr`; sums of
//! header fields are wider than 16 bits and never wrap.
//!
//! 1. `end < 14`: `FrameTooShort`.
//! 2. `gso_type & 0x7F` is 0: go to 22. The ECN bit alone means nothing, so `gso_type` 0x80 is 0.
//! 3. `gso_type & 0x7F` is not 1 (TCPv4), 4 (TCPv6) or 5 (USO): `GsoTypeUnknown`. UFO (3) is not served.
//! 4. HOST_TSO4, HOST_TSO6 or HOST_USO, whichever belongs to the type, is not negotiated, or the ECN bit is set and
//!    HOST_ECN is not: `FeatureNotNegotiated`. CSUM is not asked for here.
//! 5. NEEDS_CSUM is clear: `GsoWithoutChecksum`.
//! 6. `gso_size` is 0: `GsoSizeZero`.
//! 7. `gso_size > MSS_MAX`: `GsoSizeTooLarge`.
//! 8. `csum_offset` is not 16 (TCP) or 6 (USO): `ChecksumOffsetWrong`.
//! 9. `csum_start < 34` (TCPv4, USO) or `< 54` (TCPv6): `ChecksumStartTooSmall`.
//! 10. `csum_start + 20` (TCP) or `+ 8` (USO) `> end`: `HeaderBeyondChain`.
//! 11. `csum_start + 20` (TCP) or `+ 8` (USO) `> HEADER_BYTES_MAX`: `HeaderTooLong`.
//! 12. TCP: the high nibble of byte `csum_start + 12` (doff) is below 5: `DataOffsetTooSmall`.
//! 13. `H = csum_start + 4 * doff > end`: `HeaderBeyondChain`. For USO, `H = csum_start + 8`, which 10 looked at.
//! 14. `H > HEADER_BYTES_MAX`: `HeaderTooLong`.
//! 15. The EtherType at byte 12, or behind one or two tags (0x8100, 0x88A8 in any mixture), is not 0x0800 (TCPv4) or
//!     0x86DD (TCPv6), either of the two for USO, a third tag included; or the version nibble at `l3 = 14 + 4 * tags`
//!     is not 4 or 6 as the EtherType says: `ProtocolMismatch`.
//! 16. `l3 + 20` (IPv4) or `l3 + 40` (IPv6) `> csum_start`: `NetworkHeaderLength`.
//! 17. IPv4: ihl is below 5, or `l3 + 4 * ihl != csum_start`: `NetworkHeaderLength`.
//! 18. IPv4: the protocol is not 6 (TCP) or 17 (USO): `ProtocolMismatch`.
//! 19. IPv4: MF is set or the fragment offset is not 0: `Fragment`. DF and the reserved bit are copied.
//! 20. IPv6: begin with `position = l3 + 40` and `next` from the IPv6 header. At each position:
//!     1. `next` is 44: `Fragment`, wherever the position is.
//!     2. `position == csum_start` and `next` is 6 (TCP) or 17 (USO): the template is good.
//!     3. `position >= csum_start`, or `next` is not 0, 43 or 60 (so a 6 or 17 before `csum_start`): `ExtensionHeaders`.
//!     4. `next` is byte 0 at the position, which goes on by `8 * (1 + byte 1)`; again from 1. Order and number of the
//!        headers are not checked.
//! 21. With `P = end - H`: `P > gso_size` gives `ceil(P / gso_size)` segments (rules 3 to 19, and the flag masks of
//!     rule 14). Otherwise, P = 0 included, one packet with the checksum completed as in 24 (rules 2 and 24); its
//!     flags are not masked. It is never longer than FRAME_BYTES_MAX.
//! 22. `gso_type & 0x7F` is 0 and NEEDS_CSUM is clear: `end > FRAME_BYTES_MAX` gives `FrameTooLong`, otherwise the frame
//!     is sent as it is. The other fields of `virtio_net_hdr` are ignored.
//! 23. NEEDS_CSUM is set: CSUM is not negotiated: `FeatureNotNegotiated`; then `csum_start + csum_offset + 2 > end`:
//!     `HeaderBeyondChain`; then `end > FRAME_BYTES_MAX`: `FrameTooLong`.
//! 24. Completing a checksum: the one's complement sum of bytes `csum_start .. end`, the field as found included, is
//!     folded, complemented and stored big-endian at `csum_start + csum_offset`. A result of 0 becomes 0xFFFF when
//!     `csum_offset` is 6 (rule 18). `csum_start` may be odd: words are counted from `csum_start` on.
//! 25. When seeds come without length (the LSO contract of rule 15, which is about GSO frames only), the length
//!     `end - csum_start` is added to the sum of a GSO frame that gives one packet (21); a frame with `gso_type` 0 is
//!     summed as in 24 under both contracts.
//! 26. Where padding is asked for, every frame shorter than 60 bytes is padded with zeros to 60 (rule 20).
//!
//! Fields that no check names are ignored: `hdr_len` (rule 21), `num_buffers`, the other bits of `flags`. The length
//! fields of the IP header are never read (rule 5). The longest super-frame is the chain walk's to check.
//!
//! A frame that could be read only in part (its memory faults) is judged by the checks in the same order, as far as
//! the bytes that they look at could be read; the first check that needs an unread byte ends with the fault instead.
//! 1 to 11 and 22 to 23 need no byte of the frame, 12 needs byte `csum_start + 12`, 15 to 20 need the whole template,
//! bytes `0 .. H`.

pub mod checksum;
mod emit;
mod layers;
mod offload;
mod plan;
#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;

pub use layers::Layers;
pub use offload::{IpVersion, Offload, Transport, OFFLOADS};
pub use plan::{Plan, Prefix, Stop};

use crate::refusal::Refusal;
use crate::registers;
use crate::virtio_net_hdr::VirtioNetHdr;

/// What software chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentSettings {
    /// Negotiated virtio features.
    pub features: u64,
    /// TCP flags that survive in the first of several segments: 12 bits, the low nibble of byte 12 above byte 13
    /// (rule 14).
    pub flags_first: u16,
    /// The same for the segments between first and last.
    pub flags_middle: u16,
    /// The same for the last segment.
    pub flags_last: u16,
    /// Bit 15 of the IPv4 identification stays, the low 15 bits count (rule 7).
    pub id_fifteen_bits: bool,
    /// The IPv4 identification of a template with DF is that of every segment (rule 7).
    pub id_fixed: bool,
    /// Frames shorter than 60 bytes are padded with zeros (rule 20).
    pub pad: bool,
    /// The TCP or UDP checksum seed of a super-frame has no length in it (rule 15, LSO contract).
    pub seed_without_length: bool,
}

impl Default for SegmentSettings {
    /// Everything negotiated; all else as after reset.
    fn default() -> Self {
        Self {
            features: registers::feature::OFFERED,
            flags_first: registers::FLAGS_FIRST.reset as u16,
            flags_middle: registers::FLAGS_MIDDLE.reset as u16,
            flags_last: registers::FLAGS_LAST.reset as u16,
            id_fifteen_bits: false,
            id_fixed: false,
            pad: false,
            seed_without_length: false,
        }
    }
}

/// The frames that leave for the frame of a chain, or why none does.
pub fn segment(hdr: &VirtioNetHdr, frame: &[u8], settings: &SegmentSettings) -> Result<Vec<Vec<u8>>, Refusal> {
    let frame = Prefix {
        bytes: frame,
        frame_bytes: frame.len(),
    };
    match Plan::make(hdr, &frame, settings) {
        Ok(plan) => Ok(plan.frames(&frame, settings)),
        Err(Stop::Refused(refusal)) => Err(refusal),
        Err(Stop::Unread(at)) => unreachable!("a check looked at byte {at} of a frame of {} bytes", frame.frame_bytes),
    }
}
