//! When a side of the queue wants to be told (virtio 1.2, 2.7.7 and 2.7.10).

use super::layout::AVAIL_NO_INTERRUPT;
use super::{Contexts, QueueConfig, RingMemory};
use crate::memory::{Memory, MemoryMut};
use crate::refusal::Refusal;

/// Whether an index that moved from `old` to `new` passed the one that the other side waits for: the entry `event` is
/// among those that were added. All count modulo 2^16.
pub fn need_event(event: u16, new: u16, old: u16) -> bool {
    new.wrapping_sub(event).wrapping_sub(1) < new.wrapping_sub(old)
}

/// Tells the driver to ring when it adds the entry behind those that were served.
pub fn put_avail_event(
    memory: &mut impl MemoryMut,
    queue: &QueueConfig,
    contexts: &Contexts,
    served: u16,
) -> Result<(), Refusal> {
    RingMemory::new(memory, queue, contexts).write(queue.avail_event_at(), &served.to_le_bytes())
}

/// Whether the driver wants an interrupt for used entries from index `old` up to `new`.
pub fn wants_interrupt(
    memory: &impl Memory,
    queue: &QueueConfig,
    contexts: &Contexts,
    old: u16,
    new: u16,
) -> Result<bool, Refusal> {
    if new == old {
        return Ok(false);
    }
    let ring = RingMemory::new(memory, queue, contexts);
    if queue.event_idx {
        return Ok(need_event(ring.read_u16(queue.used_event_at())?, new, old));
    }
    let flags = ring.read_u16(queue.avail_flags_at())?;
    Ok(flags & AVAIL_NO_INTERRUPT == 0)
}
