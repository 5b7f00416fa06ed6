//! Ring memory and the avail ring.

use super::{Contexts, QueueConfig};
use crate::memory::{Memory, MemoryMut};
use crate::page_table::{translate, Access, Context};
use crate::refusal::Refusal;

const PAGE_BYTES: u64 = 4096;

/// Memory behind the ring context of a queue. Each piece within a page is translated for itself.
#[derive(Debug)]
pub struct RingMemory<'a, M> {
    memory: M,
    context: &'a Context,
}

impl<'a, M> RingMemory<'a, M> {
    /// `memory` seen through the queue's ring context.
    pub fn new(memory: M, queue: &QueueConfig, contexts: &'a Contexts) -> Self {
        Self {
            memory,
            context: &contexts[usize::from(queue.binding.ring_context)],
        }
    }
}

/// The pieces of `bytes` bytes from `virt_addr` on that do not cross a page: address and range.
fn pieces(virt_addr: u64, bytes: usize) -> impl Iterator<Item = (u64, std::ops::Range<usize>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let addr = virt_addr.wrapping_add(at as u64);
        let count = (bytes - at).min((PAGE_BYTES - addr % PAGE_BYTES) as usize);
        let piece = (addr, at..at + count);
        at += count;
        (count > 0).then_some(piece)
    })
}

impl<M: Memory> RingMemory<'_, &M> {
    /// Fills `bytes`; a page that does not translate is `RingFault`, an error of the bus `RingBusError`.
    pub fn read(&self, virt_addr: u64, bytes: &mut [u8]) -> Result<(), Refusal> {
        for (addr, range) in pieces(virt_addr, bytes.len()) {
            let page = translate(self.memory, self.context, addr, Access::Read).map_err(|_| Refusal::RingFault)?;
            let read = self.memory.read(page.phys_addr, &mut bytes[range]);
            read.map_err(|_| Refusal::RingBusError)?;
        }
        Ok(())
    }

    /// A 16-bit word.
    pub fn read_u16(&self, virt_addr: u64) -> Result<u16, Refusal> {
        let mut bytes = [0; 2];
        self.read(virt_addr, &mut bytes)?;
        Ok(u16::from_le_bytes(bytes))
    }
}

impl<M: MemoryMut> RingMemory<'_, &mut M> {
    /// Stores `bytes`; errors as in reading.
    pub fn write(&mut self, virt_addr: u64, bytes: &[u8]) -> Result<(), Refusal> {
        for (addr, range) in pieces(virt_addr, bytes.len()) {
            let page = translate(&*self.memory, self.context, addr, Access::Write).map_err(|_| Refusal::RingFault)?;
            let written = self.memory.write(page.phys_addr, &bytes[range]);
            written.map_err(|_| Refusal::RingBusError)?;
        }
        Ok(())
    }
}

/// Number of heads that wait when `served` have been served, both modulo 2^16.
pub fn avail_heads(
    memory: &impl Memory,
    queue: &QueueConfig,
    contexts: &Contexts,
    served: u16,
) -> Result<u16, Refusal> {
    let index = RingMemory::new(memory, queue, contexts).read_u16(queue.avail_index_at())?;
    let ahead = index.wrapping_sub(served);
    if ahead > queue.size {
        return Err(Refusal::AvailIndexJump);
    }
    Ok(ahead)
}

/// The head at a position of the avail ring, which counts modulo 2^16.
pub fn avail_head(
    memory: &impl Memory,
    queue: &QueueConfig,
    contexts: &Contexts,
    position: u16,
) -> Result<u16, Refusal> {
    RingMemory::new(memory, queue, contexts).read_u16(queue.avail_entry_at(position))
}
