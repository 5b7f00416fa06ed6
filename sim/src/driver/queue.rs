//! A split virtqueue as the driver sees it (virtio 1.2, 2.7): descriptors, avail ring, used ring.

use crate::device::Device;
use crate::host::Region;
use anyhow::{ensure, Result};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use segwalk_model::memory::SparseMemory;
use segwalk_model::registers;
use segwalk_model::virtqueue::{Binding, Descriptor, FLAG_NEXT};
use std::collections::{HashMap, VecDeque};

/// Bytes of a descriptor.
const DESCRIPTOR_BYTES: usize = 16;
/// Lowest of the four flag bits that name a context.
const CONTEXT_LSB: u16 = 12;

/// A piece of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// Context that the descriptor names; 0 leaves it to the queue's default.
    pub context: u8,
    /// Address in that context.
    pub virt_addr: u64,
    /// Length.
    pub bytes: u32,
}

/// The three rings of a queue.
#[derive(Clone, Debug)]
pub struct Rings {
    /// Descriptor table, 16-byte aligned.
    pub descriptors: Region,
    /// Avail ring, 2-byte aligned.
    pub avail: Region,
    /// Used ring, 4-byte aligned.
    pub used: Region,
}

impl Rings {
    /// Bytes of descriptor table, avail ring and used ring (virtio 1.2, 2.7; the event words included).
    pub fn bytes(size: u32) -> [usize; 3] {
        let size = size as usize;
        [DESCRIPTOR_BYTES * size, 6 + 2 * size, 6 + 8 * size]
    }
}

/// A used ring entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// Head of the chain.
    pub head: u16,
    /// Bytes the device wrote: none for transmission.
    pub bytes: u32,
}

/// A transmit queue in use.
pub struct Queue {
    /// Transmit queue number.
    pub number: u32,
    rings: Rings,
    size: u32,
    free: VecDeque<u16>,
    chains: HashMap<u16, Vec<u16>>,
    avail_index: u16,
    used_index: u16,
}

impl Queue {
    /// Gives the device queue `number` with `size` descriptors. Descriptors are used in the
    /// order of the table, or with `random` in a random one, as in a table that has been in use for long.
    pub fn start<D: Device + ?Sized>(
        device: &mut D,
        number: u32,
        size: u32,
        binding: &Binding,
        rings: Rings,
        random: Option<&mut ChaCha8Rng>,
    ) -> Result<Self> {
        device.write(registers::QUEUE_SEL, registers::tx_queue_index(number))?;
        let max = device.read(registers::QUEUE_NUM_MAX)?;
        ensure!(
            size <= max,
            "transmit queue {number} takes at most {max} descriptors, not {size}"
        );
        ensure!(
            device.read(registers::QUEUE_READY)? == 0,
            "transmit queue {number} is in use already"
        );
        for (region, bytes) in [&rings.descriptors, &rings.avail, &rings.used]
            .into_iter()
            .zip(Rings::bytes(size))
        {
            ensure!(
                region.bytes >= bytes,
                "a ring of {} bytes is too short for {size} descriptors",
                region.bytes
            );
            region.write(device.memory_mut(), 0, &vec![0; bytes])?;
        }
        device.write(registers::QUEUE_NUM, size)?;
        device.write_pair(
            registers::QUEUE_DESC_LOW,
            registers::QUEUE_DESC_HIGH,
            rings.descriptors.virt_addr,
        )?;
        device.write_pair(
            registers::QUEUE_DRIVER_LOW,
            registers::QUEUE_DRIVER_HIGH,
            rings.avail.virt_addr,
        )?;
        device.write_pair(
            registers::QUEUE_DEVICE_LOW,
            registers::QUEUE_DEVICE_HIGH,
            rings.used.virt_addr,
        )?;
        let (contexts, mask) = binding.to_registers();
        device.write(registers::BIND_CONTEXTS, contexts)?;
        device.write(registers::BIND_MASK, mask)?;
        device.write(registers::QUEUE_READY, 1)?;
        ensure!(
            device.read(registers::QUEUE_READY)? == 1,
            "the device does not take {size} as a queue size"
        );
        let mut free: Vec<u16> = (0..size).map(|index| index as u16).collect();
        if let Some(random) = random {
            free.shuffle(random);
        }
        let free = VecDeque::from(free);
        Ok(Queue {
            number,
            rings,
            size,
            free,
            chains: HashMap::new(),
            avail_index: 0,
            used_index: 0,
        })
    }

    /// Queue Size.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// Where the rings lie.
    pub fn rings(&self) -> &Rings {
        &self.rings
    }

    /// Descriptors that are not part of a posted chain.
    pub fn free(&self) -> usize {
        self.free.len()
    }

    /// Chains that were posted and have not come back.
    pub fn in_flight(&self) -> usize {
        self.chains.len()
    }

    /// Posts a chain and gives its head. The device sees it once the avail index is written, so at once.
    pub fn post<D: Device + ?Sized>(&mut self, device: &mut D, chain: &[Buffer]) -> Result<u16> {
        let descriptors: Vec<Descriptor> = chain
            .iter()
            .map(|buffer| Descriptor {
                virt_addr: buffer.virt_addr,
                bytes: buffer.bytes,
                flags: u16::from(buffer.context) << CONTEXT_LSB,
                next: 0,
            })
            .collect();
        self.post_raw(device, &descriptors)
    }

    /// Posts a chain with flags as given; `next` and the NEXT flag are filled in.
    pub fn post_raw<D: Device + ?Sized>(&mut self, device: &mut D, chain: &[Descriptor]) -> Result<u16> {
        ensure!(!chain.is_empty(), "a chain needs a descriptor");
        ensure!(
            chain.len() <= self.free.len(),
            "a chain of {} descriptors does not fit, {} are free; reap first or take a larger queue",
            chain.len(),
            self.free.len()
        );
        let indices = self.free.drain(..chain.len()).collect::<Vec<u16>>();
        for (at, descriptor) in chain.iter().enumerate() {
            let mut descriptor = *descriptor;
            if let Some(next) = indices.get(at + 1) {
                descriptor.flags |= FLAG_NEXT;
                descriptor.next = *next;
            }
            self.write_descriptor(device, indices[at], &descriptor)?;
        }
        let head = indices[0];
        self.chains.insert(head, indices);
        self.publish(device, head)?;
        Ok(head)
    }

    /// Writes one descriptor of the table, whoever owns it: for tests of malformed rings.
    pub fn write_descriptor<D: Device + ?Sized>(
        &self,
        device: &mut D,
        index: u16,
        descriptor: &Descriptor,
    ) -> Result<()> {
        self.rings.descriptors.write(
            device.memory_mut(),
            DESCRIPTOR_BYTES * usize::from(index),
            &descriptor.to_bytes(),
        )
    }

    /// Puts a head into the avail ring and moves the avail index, whatever the head is.
    pub fn publish<D: Device + ?Sized>(&mut self, device: &mut D, head: u16) -> Result<()> {
        let slot = usize::from(self.avail_index) % self.size as usize;
        self.rings
            .avail
            .write(device.memory_mut(), 4 + 2 * slot, &head.to_le_bytes())?;
        self.write_avail_index(device, self.avail_index.wrapping_add(1))
    }

    /// Sets the avail index, whatever it was: for tests of malformed rings.
    pub fn write_avail_index<D: Device + ?Sized>(&mut self, device: &mut D, index: u16) -> Result<()> {
        self.avail_index = index;
        self.rings.avail.write(device.memory_mut(), 2, &index.to_le_bytes())
    }

    /// Avail index as last written.
    pub fn avail_index(&self) -> u16 {
        self.avail_index
    }

    /// Rings the doorbell.
    pub fn notify<D: Device + ?Sized>(&self, device: &mut D) -> Result<()> {
        device.write(registers::QUEUE_NOTIFY, registers::tx_queue_index(self.number))
    }

    /// Whether the used ring holds something new.
    pub fn has_used(&self, memory: &SparseMemory) -> Result<bool> {
        Ok(self.rings.used.read_u16(memory, 2)? != self.used_index)
    }

    /// Takes what came back. Every head must have been posted and comes back once, with nothing written.
    pub fn reap<D: Device + ?Sized>(&mut self, device: &mut D) -> Result<Vec<Used>> {
        let index = self.rings.used.read_u16(device.memory(), 2)?;
        let mut all = Vec::new();
        while self.used_index != index {
            let at = 4 + 8 * (usize::from(self.used_index) % self.size as usize);
            let id = self.rings.used.read_u32(device.memory(), at)?;
            let bytes = self.rings.used.read_u32(device.memory(), at + 4)?;
            let chain = u16::try_from(id).ok().and_then(|head| self.chains.remove(&head));
            let Some(chain) = chain else {
                anyhow::bail!(
                    "transmit queue {}: head {id} came back, but it is not posted",
                    self.number
                )
            };
            ensure!(
                bytes == 0,
                "transmit queue {}: head {id} came back with {bytes} bytes written",
                self.number
            );
            let head = chain[0];
            self.free.extend(chain);
            self.used_index = self.used_index.wrapping_add(1);
            all.push(Used { head, bytes });
        }
        Ok(all)
    }
}
