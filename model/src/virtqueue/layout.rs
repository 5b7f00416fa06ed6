//! How the three areas of a split virtqueue lie in memory (virtio 1.2, 2.7.5, 2.7.6, 2.7.8). All is little-endian.

use super::QueueConfig;
use bitvec::prelude::*;

/// Flag: the chain goes on with `next`.
pub const FLAG_NEXT: u16 = 1;
/// Flag: the device writes the buffer.
pub const FLAG_WRITE: u16 = 2;
/// Flag: the buffer is a table of descriptors.
pub const FLAG_INDIRECT: u16 = 4;
/// Flag of the avail ring: no interrupts for used buffers; without EVENT_IDX.
pub const AVAIL_NO_INTERRUPT: u16 = 1;

const NEXT_BIT: usize = 0;
const WRITE_BIT: usize = 1;
const INDIRECT_BIT: usize = 2;
/// Bits that name a context; the standard leaves them unused.
const CONTEXT_BITS: std::ops::Range<usize> = 12..16;

/// Bytes of a descriptor.
pub const DESCRIPTOR_BYTES: usize = 16;
/// Bytes of flags and index in front of the entries of the avail and the used ring.
const RING_HEADER_BYTES: u64 = 4;
/// Offset of the index in both rings.
const RING_INDEX_OFFSET: u64 = 2;
const AVAIL_ENTRY_BYTES: u64 = 2;
const USED_ENTRY_BYTES: u64 = 8;

/// A descriptor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Descriptor {
    /// Virtual address of the buffer.
    pub virt_addr: u64,
    /// Length of the buffer.
    pub bytes: u32,
    /// Flags, with the context's name in bits 15:12.
    pub flags: u16,
    /// Index of the next descriptor, where NEXT is set.
    pub next: u16,
}

impl Descriptor {
    /// Reads the fields.
    pub fn parse(bytes: &[u8; DESCRIPTOR_BYTES]) -> Self {
        let bits = bytes.view_bits::<Lsb0>();
        Self {
            virt_addr: bits[0..64].load_le(),
            bytes: bits[64..96].load_le(),
            flags: bits[96..112].load_le(),
            next: bits[112..128].load_le(),
        }
    }

    /// The descriptor as it stands in memory.
    pub fn to_bytes(self) -> [u8; DESCRIPTOR_BYTES] {
        let mut bytes = [0; DESCRIPTOR_BYTES];
        let bits = bytes.view_bits_mut::<Lsb0>();
        bits[0..64].store_le(self.virt_addr);
        bits[64..96].store_le(self.bytes);
        bits[96..112].store_le(self.flags);
        bits[112..128].store_le(self.next);
        bytes
    }

    /// Whether the chain goes on.
    pub fn has_next(&self) -> bool {
        self.flags.view_bits::<Lsb0>()[NEXT_BIT]
    }

    /// Whether the device is asked to write.
    pub fn is_write(&self) -> bool {
        self.flags.view_bits::<Lsb0>()[WRITE_BIT]
    }

    /// Whether the buffer is a table of descriptors.
    pub fn is_indirect(&self) -> bool {
        self.flags.view_bits::<Lsb0>()[INDIRECT_BIT]
    }

    /// Name of a context, 0 for the queue's default.
    pub fn context_name(&self) -> u8 {
        self.flags.view_bits::<Lsb0>()[CONTEXT_BITS].load_le()
    }
}

impl QueueConfig {
    /// Virtual address of the descriptor table.
    pub(super) fn table_at(&self) -> u64 {
        self.descriptor_addr & !0xF
    }

    /// Virtual address of the avail ring's flags.
    pub(super) fn avail_flags_at(&self) -> u64 {
        self.avail_addr & !1
    }

    /// Virtual address of the avail index.
    pub(super) fn avail_index_at(&self) -> u64 {
        (self.avail_addr & !1).wrapping_add(RING_INDEX_OFFSET)
    }

    /// Virtual address of the avail entry of a position, which counts without end modulo 2^16.
    pub(super) fn avail_entry_at(&self, position: u16) -> u64 {
        let slot = u64::from(position % self.size);
        (self.avail_addr & !1).wrapping_add(RING_HEADER_BYTES + slot * AVAIL_ENTRY_BYTES)
    }

    /// Virtual address of the used index.
    pub(super) fn used_index_at(&self) -> u64 {
        (self.used_addr & !3).wrapping_add(RING_INDEX_OFFSET)
    }

    /// Virtual address of the used entry of a position.
    pub(super) fn used_entry_at(&self, position: u16) -> u64 {
        let slot = u64::from(position % self.size);
        (self.used_addr & !3).wrapping_add(RING_HEADER_BYTES + slot * USED_ENTRY_BYTES)
    }
    /// Virtual address of `used_event`: behind the avail ring, the driver writes it.
    pub(super) fn used_event_at(&self) -> u64 {
        let entries = u64::from(self.size) * AVAIL_ENTRY_BYTES;
        (self.avail_addr & !1).wrapping_add(RING_HEADER_BYTES + entries)
    }

    /// Virtual address of `avail_event`: behind the used ring, the device writes it.
    pub(super) fn avail_event_at(&self) -> u64 {
        let entries = u64::from(self.size) * USED_ENTRY_BYTES;
        (self.used_addr & !3).wrapping_add(RING_HEADER_BYTES + entries)
    }
}
