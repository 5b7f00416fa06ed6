//! How the areas of a queue lie in memory (virtio 1.2, 2.7.5, 2.7.6, 2.7.8).

/// Flag of a descriptor: the chain goes on.
pub const FLAG_NEXT: u16 = 1;
/// Flag of a descriptor: the device writes the buffer; never in a transmit chain.
pub const FLAG_WRITE: u16 = 2;
/// Flag of a descriptor: the buffer is a table of descriptors.
pub const FLAG_INDIRECT: u16 = 4;
/// Lowest of the four flag bits that name a context.
pub(crate) const CONTEXT_LSB: u16 = 12;

/// Flag of the avail ring: no interrupts.
pub(crate) const NO_INTERRUPT: u16 = 1;
/// Flag of the used ring: no doorbells.
pub(crate) const NO_NOTIFY: u16 = 1;

/// Bytes of a descriptor.
pub(crate) const DESCRIPTOR_BYTES: u64 = 16;
const RING_INDEX: u64 = 2;
const RING_HEADER: u64 = 4;
const AVAIL_ENTRY: u64 = 2;
const USED_ENTRY: u64 = 8;

/// Bytes of descriptor table, avail ring and used ring of a queue, their event words included. The table is aligned to
/// 16 bytes, the avail ring to 2 and the used ring to 4.
pub const fn area_bytes(size: u32) -> [usize; 3] {
    let size = size as usize;
    [16 * size, 6 + 2 * size, 6 + 8 * size]
}

/// Whether an index that moved from `old` to `new` passed the one that the other side waits for (virtio 1.2, 2.7.10).
pub const fn need_event(event: u16, new: u16, old: u16) -> bool {
    new.wrapping_sub(event).wrapping_sub(1) < new.wrapping_sub(old)
}

pub(crate) const fn index_at(ring: u64) -> u64 {
    ring + RING_INDEX
}

pub(crate) const fn avail_entry_at(avail: u64, slot: u16) -> u64 {
    avail + RING_HEADER + AVAIL_ENTRY * slot as u64
}

pub(crate) const fn used_entry_at(used: u64, slot: u16) -> u64 {
    used + RING_HEADER + USED_ENTRY * slot as u64
}

pub(crate) const fn used_event_at(avail: u64, size: u16) -> u64 {
    avail_entry_at(avail, size)
}

pub(crate) const fn avail_event_at(used: u64, size: u16) -> u64 {
    used_entry_at(used, size)
}
