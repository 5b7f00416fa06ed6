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
    let mut index = head;
    for count in 0u32.. {
        if index >= queue.size {
            return Err(Refusal::DescriptorIndex);
        }
        // virtio 1.2, 2.7.5.3.1: a chain is at most Queue Size long, which also bounds loops (rule 25).
        if count == u32::from(queue.size) {
            return Err(Refusal::ChainLoops);
        }
        let mut bytes = [0; DESCRIPTOR_BYTES];
        ring.read(queue.descriptor_at(index), &mut bytes)?;
        let descriptor = Descriptor::parse(&bytes);
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
