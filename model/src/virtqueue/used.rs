//! The used ring.

use super::{Contexts, QueueConfig, RingMemory};
use crate::memory::MemoryMut;
use crate::refusal::Refusal;

/// Returns `heads`: their entries first, then the index, once for all of them. Nothing was written into their buffers,
/// so `len` is 0. `used` is the index before, and the new one is given back.
pub fn put_used(
    memory: &mut impl MemoryMut,
    queue: &QueueConfig,
    contexts: &Contexts,
    used: u16,
    heads: &[u16],
) -> Result<u16, Refusal> {
    let mut ring = RingMemory::new(memory, queue, contexts);
    let mut index = used;
    for head in heads {
        let mut entry = [0; 8];
        entry[..2].copy_from_slice(&head.to_le_bytes());
        ring.write(queue.used_entry_at(index), &entry)?;
        index = index.wrapping_add(1);
    }
    if !heads.is_empty() {
        ring.write(queue.used_index_at(), &index.to_le_bytes())?;
    }
    Ok(index)
}
