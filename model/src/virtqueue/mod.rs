//! The split virtqueue of a transmit queue (virtio 1.2, 2.7), as an engine must read it that trusts nothing in memory.
//!
//! **Ring memory.** Each area is addressed through the queue's ring context, translated page by page; an area may
//! cross pages. The low bits that the standard requires to be zero (4 of the descriptor table's address, 1 of the avail
//! ring's, 2 of the used ring's) are ignored. Places beyond 2^64 wrap.
//!
//! **Order of the checks.** Ring errors end the walk where they are met:
//!
//! 1. Avail index: reading it may give `RingFault` or `RingBusError`; ahead of what was served by more than the Queue Size
//!    (modulo 2^16): `AvailIndexJump` (rule 29). Nothing of the queue is served then.
//! 2. For each descriptor, the head first: an index that is not below the entries of its table, which is the Queue Size
//!    or what the indirect table holds: `DescriptorIndex`; then, when as many descriptors as the Queue Size were read
//!    already: `ChainLoops` (rule 25); then reading it: `RingFault`, where the page does not translate, whatever the
//!    cause, or `RingBusError`.
//! 3. Where INDIRECT was negotiated and the descriptor has the flag: inside an indirect table, with NEXT, or with a
//!    length that is 0 or no multiple of 16, or an address that is none: `IndirectMalformed` (rule 26). Otherwise the
//!    walk goes on with entry 0 of the table, which is read through the ring context like the rings. WRITE and the
//!    context's name of the descriptor that points to a table are ignored, and it does not count as a descriptor of the
//!    chain: a table of Queue Size entries is legal. The bound stays the Queue Size whatever the table's length.
//!
//! Packet errors do not: the chain is walked to its end, and the first packet error that was met is its refusal, unless
//! a ring error follows. In one descriptor the order is
//!
//! 1. INDIRECT is set without having been negotiated: `IndirectNotNegotiated` (rule 26). Its NEXT flag is followed all
//!    the same.
//! 2. WRITE is set: `WriteDescriptor` (rule 27).
//! 3. Flag bits 15:12 name a context `k` other than 0, and names are not allowed or bit `k` of the mask is clear:
//!    `ContextNotAllowed`. 0 is the queue's default context, which needs no bit in the mask.
//! 4. The bytes so far are more than `VIRTIO_NET_HDR_BYTES + SUPER_FRAME_BYTES_MAX`: `ChainTooLong`.
//!
//! At the end of a chain without any of these, fewer than 12 bytes are `ChainTooShort` (rule 23). Descriptors of 0
//! bytes are checked like others and give no fragment. Unknown flag bits (11:3) are ignored.
//!
//! **Events** (virtio 1.2, 2.7.7 and 2.7.10). With EVENT_IDX the device tells in `avail_event`, behind the used ring, for
//! which avail index it wants the next doorbell, and the driver in `used_event`, behind the avail ring, at which used
//! index it wants the next interrupt. Without it, bit 0 of the avail ring's flags suppresses interrupts. Both are ring
//! memory: a failing access is a ring error.

mod chain;
mod event;
mod layout;
mod ring;
#[cfg(test)]
mod tests;
mod used;

pub use chain::{walk_chain, walk_long_chain, Chain, Fragment};
pub use event::{need_event, put_avail_event, wants_interrupt};
pub use layout::{Descriptor, AVAIL_NO_INTERRUPT, DESCRIPTOR_BYTES, FLAG_INDIRECT, FLAG_NEXT, FLAG_WRITE};
pub use ring::{avail_head, avail_heads, RingMemory};
pub use used::put_used;

pub use crate::binding::Binding;

use crate::limits::CONTEXTS;
use crate::page_table::Context;

/// The context table.
pub type Contexts = [Context; CONTEXTS];

/// A transmit queue as its registers describe it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueConfig {
    /// Queue Size: a power of two, 1 to 32768.
    pub size: u16,
    /// Virtual address of the descriptor table.
    pub descriptor_addr: u64,
    /// Virtual address of the avail ring (the driver area).
    pub avail_addr: u64,
    /// Virtual address of the used ring (the device area).
    pub used_addr: u64,
    /// Contexts.
    pub binding: Binding,
    /// INDIRECT descriptors were negotiated.
    pub indirect: bool,
    /// EVENT_IDX was negotiated.
    pub event_idx: bool,
}
