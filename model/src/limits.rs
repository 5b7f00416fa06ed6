//! Sizes that model, RTL and harness must agree on, each with its reason.

/// Physical address width in bits (1 TiB). An entry or a Bare address that names more is refused; for x86 this is
/// MAXPHYADDR (Intel SDM 3A, 4.1.4), for RISC-V an access fault.
pub const PHYS_ADDR_BITS: usize = 40;
/// Physical page number width: [`PHYS_ADDR_BITS`] less the 12 offset bits of a 4 KiB page.
pub const PHYS_PAGE_BITS: usize = 28;
/// Virtual page number width as carried inside the engine: bits 63:12 of the address.
pub const VIRT_PAGE_BITS: usize = 52;
/// Address spaces (contexts).
pub const CONTEXTS: usize = 16;
/// Transmit queues of the default build. Transmit queue `k` is virtio queue `2 * k + 1` (virtio 1.2, 5.1.2).
pub const TX_QUEUES: usize = 4;
/// Most transmit queues that a build may have.
pub const TX_QUEUES_MAX: usize = 16;
/// Largest Queue Size (virtio 1.2, 2.7: a power of two, at most 32768).
pub const QUEUE_SIZE_MAX: u32 = 32768;
/// Bytes of `virtio_net_hdr` with VERSION_1 (virtio 1.2, 5.1.6).
pub const VIRTIO_NET_HDR_BYTES: usize = 12;
/// Largest header template, `csum_start + 4 * doff`: Ethernet 14, two tags 8, and either IPv4 60 + TCP 60, or IPv6 40 +
/// TCP 60 and 134 bytes of extension headers.
pub const HEADER_BYTES_MAX: usize = 256;
/// Largest frame the engine emits: 9,600 bytes of MSS and the largest header template. A segment buffer holds three.
pub const FRAME_BYTES_MAX: usize = 9_600 + HEADER_BYTES_MAX;
/// Segment buffers that a build may have, in KiB, the default first. The smaller one holds the largest frame too, but no
/// second one beside it: it is for links that carry short frames.
pub const SEGMENT_KIB: [usize; 2] = [32, 16];
const _: () = assert!(SEGMENT_KIB[1] * 1024 > FRAME_BYTES_MAX + 16 * 8);
/// Largest MSS (`gso_size`) that is served.
pub const MSS_MAX: usize = 9_600;
/// Largest super-frame of the default build: 64 KiB of payload and the largest header template.
pub const SUPER_FRAME_BYTES_MAX: usize = super_frame_bytes_max(64);
/// Payload of a super-frame that a build may be made for, in KiB. 256 is for IPv6 without the jumbo option, as Linux
/// BIG TCP hands it to devices.
pub const SUPER_FRAME_KIB: [usize; 2] = [64, 256];
/// Largest super-frame of a build for `kib` KiB of payload.
pub const fn super_frame_bytes_max(kib: usize) -> usize {
    kib * 1024 + HEADER_BYTES_MAX
}
/// Frames are padded to this length where padding is asked for: Ethernet's 64 bytes less the check sequence (rule 20).
pub const PADDED_FRAME_BYTES: usize = 60;
/// Width of a byte count of a chain inside the engine; 256 KiB super-frames fit too.
pub const CHAIN_BYTES_BITS: usize = 20;
