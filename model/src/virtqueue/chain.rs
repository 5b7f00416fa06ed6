//! The chain walk.

use super::layout::{Descriptor, DESCRIPTOR_BYTES};
use super::{Contexts, QueueConfig, RingMemory};
use crate::limits::{SUPER_FRAME_BYTES_MAX, VIRTIO_NET_HDR_BYTES};
use crate::memory::Memory;
use crate::refusal::Refusal;

/// A buffer of a chain, of at least one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Address space.
    pub context: u8,
    /// First byte.
    pub virt_addr: u64,
    /// Length.
    pub bytes: u32,
}

/// A chain that passed all checks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// Its buffers in order.
    pub fragments: Vec<Fragment>,
    /// Bytes of all fragments, `virtio_net_hdr` included.
    pub total_bytes: usize,
}

/// Walks the chain of a head as the default build does. The class of the refusal says whether the chain or the queue is
/// refused.
pub fn walk_chain(memory: &impl Memory, queue: &QueueConfig, contexts: &Contexts, head: u16) -> Result<Chain, Refusal> {
    walk_long_chain(memory, queue, contexts, head, SUPER_FRAME_BYTES_MAX)
}

/// [`walk_chain`] in a build that takes super-frames of up to `frame_bytes_max`.
pub fn walk_long_chain(
    memory: &impl Memory,
    queue: &QueueConfig,
    contexts: &Contexts,
    head: u16,
    frame_bytes_max: usize,
) -> Result<Chain, Refusal> {
    let bytes_max = (VIRTIO_NET_HDR_BYTES + frame_bytes_max) as u64;
    let ring = RingMemory::new(memory, queue, contexts);
    let mut fragments = Vec::new();
    let mut total_bytes = 0u64;
    let mut packet_error = None;
    let mut table = Table::of_ring(queue);
    let mut index = head;
    let mut count = 0;
    loop {
        if u32::from(index) >= table.entries {
            return Err(Refusal::DescriptorIndex);
        }
        // virtio 1.2, 2.7.5.3.1: a chain is at most Queue Size long, which also bounds loops (rule 25).
        if count == queue.size {
            return Err(Refusal::ChainLoops);
        }
        let mut bytes = [0; DESCRIPTOR_BYTES];
        ring.read(table.descriptor_at(index), &mut bytes)?;
        let descriptor = Descriptor::parse(&bytes);
        if descriptor.is_indirect() && queue.indirect {
            table = table.follow(&descriptor)?;
            index = 0;
            continue;
        }
        count += 1;
        total_bytes += u64::from(descriptor.bytes);
        match check(&descriptor, queue, total_bytes, bytes_max) {
            Ok(fragment) if fragment.bytes > 0 => fragments.push(fragment),
            Ok(_) => (),
            Err(refusal) => packet_error = packet_error.or(Some(refusal)),
        }
        if !descriptor.has_next() {
            break;
        }
        index = descriptor.next;
    }
    if let Some(refusal) = packet_error {
        return Err(refusal);
    }
    if total_bytes < VIRTIO_NET_HDR_BYTES as u64 {
        return Err(Refusal::ChainTooShort);
    }
    Ok(Chain {
        fragments,
        total_bytes: total_bytes as usize,
    })
}

/// Where the descriptors of a chain lie: the queue's table, or an indirect one.
struct Table {
    virt_addr: u64,
    entries: u32,
    indirect: bool,
}

impl Table {
    fn of_ring(queue: &QueueConfig) -> Self {
        Self {
            virt_addr: queue.table_at(),
            entries: queue.size.into(),
            indirect: false,
        }
    }

    fn descriptor_at(&self, index: u16) -> u64 {
        let offset = u64::from(index) * DESCRIPTOR_BYTES as u64;
        self.virt_addr.wrapping_add(offset)
    }

    /// The table that an INDIRECT descriptor of this table points to (rule 26).
    fn follow(&self, pointer: &Descriptor) -> Result<Self, Refusal> {
        const ENTRY: u32 = DESCRIPTOR_BYTES as u32;
        let whole = pointer.bytes != 0 && pointer.bytes % ENTRY == 0;
        let aligned = pointer.virt_addr % DESCRIPTOR_BYTES as u64 == 0;
        if self.indirect || pointer.has_next() || !whole || !aligned {
            return Err(Refusal::IndirectMalformed);
        }
        Ok(Self {
            virt_addr: pointer.virt_addr,
            entries: pointer.bytes / ENTRY,
            indirect: true,
        })
    }
}

/// The packet checks on one descriptor; `total_bytes` includes it.
fn check(descriptor: &Descriptor, queue: &QueueConfig, total_bytes: u64, bytes_max: u64) -> Result<Fragment, Refusal> {
    if descriptor.is_indirect() {
        return Err(Refusal::IndirectNotNegotiated);
    }
    if descriptor.is_write() {
        return Err(Refusal::WriteDescriptor);
    }
    let context = queue
        .binding
        .resolve(descriptor.context_name())
        .ok_or(Refusal::ContextNotAllowed)?;
    if total_bytes > bytes_max {
        return Err(Refusal::ChainTooLong);
    }
    Ok(Fragment {
        context,
        virt_addr: descriptor.virt_addr,
        bytes: descriptor.bytes,
    })
}
