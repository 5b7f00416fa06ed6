//! The driver crate's queue with its rings in the harness's pages.

use super::port::QueuePort;
use crate::device::Device;
use crate::host::Region;
use anyhow::{ensure, Context, Result};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use segwalk_driver::{Areas, IndirectArea, Slot};
use segwalk_model::memory::SparseMemory;
use segwalk_model::virtqueue::{Binding, Descriptor};

pub use segwalk_driver::{Buffer, Used, Wake};

/// Bytes of a descriptor.
const DESCRIPTOR_BYTES: usize = 16;
/// Where the used index lies in the used ring.
const USED_INDEX: usize = 2;

/// The areas of a queue.
#[derive(Clone, Debug)]
pub struct Rings {
    /// Descriptor table, 16-byte aligned.
    pub descriptors: Region,
    /// Avail ring, 2-byte aligned.
    pub avail: Region,
    /// Used ring, 4-byte aligned.
    pub used: Region,
    /// Indirect tables, 16-byte aligned, one for each descriptor; they are used where INDIRECT is negotiated.
    pub indirect: Option<Region>,
}

impl Rings {
    /// Bytes of descriptor table, avail ring and used ring (virtio 1.2, 2.7; the event words included).
    pub fn bytes(size: u32) -> [usize; 3] {
        segwalk_driver::area_bytes(size)
    }

    fn areas(&self, size: u32) -> Areas {
        let table = |region: &Region| IndirectArea {
            addr: region.virt_addr,
            entries: (region.bytes / DESCRIPTOR_BYTES / size as usize) as u16,
        };
        Areas {
            descriptors: self.descriptors.virt_addr,
            avail: self.avail.virt_addr,
            used: self.used.virt_addr,
            indirect: self.indirect.as_ref().map(table),
        }
    }
}

/// A transmit queue in use.
pub struct Queue {
    /// Transmit queue number.
    pub number: u32,
    binding: Binding,
    rings: Rings,
    queue: segwalk_driver::Queue<Vec<Slot>>,
    used_index: u16,
}

impl Queue {
    /// Gives the device queue `number` with `size` descriptors, without optional ring formats. Descriptors are used in the
    /// order of the table, or with `random` in a random one, as in a table that has been in use for long.
    pub fn start<D: Device + ?Sized>(
        device: &mut D,
        number: u32,
        size: u32,
        binding: &Binding,
        rings: Rings,
        random: Option<&mut ChaCha8Rng>,
    ) -> Result<Self> {
        Self::start_with(device, number, size, 0, binding, rings, random)
    }

    /// The same with these features in use.
    pub fn start_with<D: Device + ?Sized>(
        device: &mut D,
        number: u32,
        size: u32,
        features: u64,
        binding: &Binding,
        rings: Rings,
        random: Option<&mut ChaCha8Rng>,
    ) -> Result<Self> {
        for (region, bytes) in [&rings.descriptors, &rings.avail, &rings.used]
            .into_iter()
            .zip(Rings::bytes(size))
        {
            ensure!(
                region.bytes >= bytes,
                "a ring of {} bytes is too short for {size} descriptors",
                region.bytes
            );
        }
        let slots = vec![Slot::default(); size as usize];
        let areas = rings.areas(size);
        let mut port = QueuePort { device, rings: &rings };
        let queue = segwalk_driver::Queue::start(&mut port, number, size, features, areas, binding, slots);
        let mut queue = queue.with_context(|| format!("transmit queue {number}"))?;
        if let Some(random) = random {
            let mut order: Vec<u16> = (0..size).map(|index| index as u16).collect();
            order.shuffle(random);
            queue.set_order(&order);
        }
        Ok(Queue {
            number,
            binding: *binding,
            rings,
            queue,
            used_index: 0,
        })
    }

    /// Queue Size.
    pub fn size(&self) -> u32 {
        self.queue.size().into()
    }

    /// Whose memory it may use.
    pub fn binding(&self) -> &Binding {
        &self.binding
    }

    /// Where the rings lie.
    pub fn rings(&self) -> &Rings {
        &self.rings
    }

    /// Descriptors that are not part of a posted chain.
    pub fn free(&self) -> usize {
        self.queue.free()
    }

    /// Chains that were posted and have not come back.
    pub fn in_flight(&self) -> usize {
        self.queue.in_flight()
    }

    /// Posts a chain with a descriptor for each buffer and gives its head. The device sees it once the avail index is
    /// written, so at once.
    pub fn post<D: Device + ?Sized>(&mut self, device: &mut D, chain: &[Buffer]) -> Result<u16> {
        let chain: Vec<_> = chain.iter().map(|buffer| (*buffer).into()).collect();
        let (queue, mut port) = self.parts(device);
        Ok(queue.post(&mut port, &chain)?)
    }

    /// Posts a chain as a driver does: contiguous buffers share a descriptor, and where INDIRECT is in use several
    /// descriptors share a table.
    pub fn send<D: Device + ?Sized>(&mut self, device: &mut D, chain: &[Buffer]) -> Result<u16> {
        let (queue, mut port) = self.parts(device);
        Ok(queue.send(&mut port, chain)?)
    }

    /// Posts a chain with flags as given; `next` and the NEXT flag are filled in.
    pub fn post_raw<D: Device + ?Sized>(&mut self, device: &mut D, chain: &[Descriptor]) -> Result<u16> {
        let chain: Vec<_> = chain.iter().map(raw).collect();
        let (queue, mut port) = self.parts(device);
        Ok(queue.post(&mut port, &chain)?)
    }

    /// Writes one descriptor of the table, whoever owns it: for tests of malformed rings.
    pub fn write_descriptor<D: Device + ?Sized>(
        &self,
        device: &mut D,
        index: u16,
        descriptor: &Descriptor,
    ) -> Result<()> {
        let place = DESCRIPTOR_BYTES * usize::from(index);
        let table = &self.rings.descriptors;
        table.write(device.memory_mut(), place, &descriptor.to_bytes())
    }

    /// Puts a head into the avail ring and moves the avail index, whatever the head is.
    pub fn publish<D: Device + ?Sized>(&mut self, device: &mut D, head: u16) -> Result<()> {
        let (queue, mut port) = self.parts(device);
        queue.publish(&mut port, head)
    }

    /// Sets the avail index, whatever it was: for tests of malformed rings.
    pub fn write_avail_index<D: Device + ?Sized>(&mut self, device: &mut D, index: u16) -> Result<()> {
        let (queue, mut port) = self.parts(device);
        queue.set_avail_index(&mut port, index)
    }

    /// Avail index as last written.
    pub fn avail_index(&self) -> u16 {
        self.queue.avail_index()
    }

    /// Rings the doorbell.
    pub fn notify<D: Device + ?Sized>(&self, device: &mut D) -> Result<()> {
        let rings = &self.rings;
        self.queue.notify(&mut QueuePort { device, rings })
    }

    /// Rings the doorbell if the device wants to be told; says whether it did.
    pub fn kick<D: Device + ?Sized>(&mut self, device: &mut D) -> Result<bool> {
        let (queue, mut port) = self.parts(device);
        queue.kick(&mut port)
    }

    /// Says when the device shall interrupt; gives whether something came back in the meantime.
    pub fn wake<D: Device + ?Sized>(&mut self, device: &mut D, wake: Wake) -> Result<bool> {
        let (queue, mut port) = self.parts(device);
        queue.wake(&mut port, wake)
    }

    /// Whether the used ring holds something new.
    pub fn has_used(&self, memory: &SparseMemory) -> Result<bool> {
        Ok(self.rings.used.read_u16(memory, USED_INDEX)? != self.used_index)
    }

    /// Takes what came back. Every head must have been posted and comes back once, with nothing written.
    pub fn reap<D: Device + ?Sized>(&mut self, device: &mut D) -> Result<Vec<Used>> {
        let number = self.number;
        let (queue, mut port) = self.parts(device);
        let mut all = Vec::new();
        loop {
            let used = queue.reap(&mut port);
            let Some(used) = used.with_context(|| format!("transmit queue {number}"))? else {
                break;
            };
            all.push(used);
        }
        self.used_index = self.used_index.wrapping_add(all.len() as u16);
        Ok(all)
    }

    fn parts<'a, D: Device + ?Sized>(
        &'a mut self,
        device: &'a mut D,
    ) -> (&'a mut segwalk_driver::Queue<Vec<Slot>>, QueuePort<'a, D>) {
        let rings = &self.rings;
        (&mut self.queue, QueuePort { device, rings })
    }
}

fn raw(descriptor: &Descriptor) -> segwalk_driver::Descriptor {
    segwalk_driver::Descriptor {
        virt_addr: descriptor.virt_addr,
        bytes: descriptor.bytes,
        flags: descriptor.flags,
    }
}
