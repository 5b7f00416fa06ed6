//! A split virtqueue as the driver sees it (virtio 1.2, 2.7): descriptors, avail ring, used ring.

use crate::error::Error;
use crate::handshake::wait;
use crate::platform::{read, select, write, write_pair, Bus, Memory};
use crate::ring::{
    area_bytes, avail_entry_at, avail_event_at, index_at, need_event, used_entry_at, used_event_at, CONTEXT_LSB,
    DESCRIPTOR_BYTES, FLAG_INDIRECT, FLAG_NEXT, NO_INTERRUPT, NO_NOTIFY,
};
use segwalk_model::binding::Binding;
use segwalk_model::registers::{self, feature};

/// A piece of a frame in some address space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Buffer {
    /// Context that the descriptor names; 0 leaves it to the queue's default.
    pub context: u8,
    /// Address in that context.
    pub virt_addr: u64,
    /// Length.
    pub bytes: u32,
}

/// A descriptor as it stands in memory, without the link to the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Descriptor {
    /// Address of the buffer.
    pub virt_addr: u64,
    /// Length of the buffer.
    pub bytes: u32,
    /// Flags, with the context's name in bits 15:12. NEXT is set where the chain goes on.
    pub flags: u16,
}

impl From<Buffer> for Descriptor {
    fn from(buffer: Buffer) -> Self {
        Self {
            virt_addr: buffer.virt_addr,
            bytes: buffer.bytes,
            flags: u16::from(buffer.context) << CONTEXT_LSB,
        }
    }
}

/// Room for indirect tables: one for each descriptor of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndirectArea {
    /// Address in the ring context, 16-byte aligned. The area has Queue Size times `entries` times 16 bytes.
    pub addr: u64,
    /// Descriptors of a table.
    pub entries: u16,
}

/// Where the areas of a queue lie, as addresses of its ring context.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Areas {
    /// Descriptor table, 16-byte aligned.
    pub descriptors: u64,
    /// Avail ring, 2-byte aligned.
    pub avail: u64,
    /// Used ring, 4-byte aligned.
    pub used: u64,
    /// Indirect tables, where they are to be used.
    pub indirect: Option<IndirectArea>,
}

/// What the driver remembers of a descriptor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slot {
    /// The next descriptor of the chain, or of those that are free.
    next: u16,
    /// Descriptors of the posted chain whose head this is.
    chain: u16,
}

/// A chain that came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// Head of the chain.
    pub head: u16,
}

/// When the engine shall interrupt for a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// Not at all; the driver looks by itself.
    Never,
    /// When so many more chains came back, at least 1. Without EVENT_IDX every chain interrupts.
    After(u16),
}

/// A transmit queue in use. `S` holds a [`Slot`] for each descriptor: an array, a slice or a vector.
#[derive(Debug)]
pub struct Queue<S> {
    number: u32,
    size: u16,
    areas: Areas,
    event_idx: bool,
    slots: S,
    first_free: u16,
    last_free: u16,
    free: u16,
    in_flight: u16,
    avail_index: u16,
    used_index: u16,
    kicked: u16,
}

impl<S: AsRef<[Slot]> + AsMut<[Slot]>> Queue<S> {
    /// Gives the device transmit queue `number` with `size` descriptors; `features` are those that
    /// [`crate::negotiate`] gave. The areas are cleared. Their sizes are those of [`area_bytes`].
    pub fn start<P: Bus + Memory>(
        platform: &mut P,
        number: u32,
        size: u32,
        features: u64,
        areas: Areas,
        binding: &Binding,
        slots: S,
    ) -> Result<Self, Error<P::Error>> {
        select(platform, number)?;
        let most = read(platform, registers::QUEUE_NUM_MAX)?;
        if size > most || !size.is_power_of_two() {
            return Err(Error::QueueSize { size, most });
        }
        if slots.as_ref().len() < size as usize {
            return Err(Error::Slots(slots.as_ref().len()));
        }
        if read(platform, registers::QUEUE_READY)? != 0 {
            return Err(Error::QueueInUse(number));
        }
        for (addr, bytes) in [areas.descriptors, areas.avail, areas.used]
            .into_iter()
            .zip(area_bytes(size))
        {
            for at in (0..bytes as u64).step_by(2) {
                platform.write_u16(addr + at, 0)?;
            }
        }
        platform.barrier();
        write(platform, registers::QUEUE_NUM, size)?;
        let low_high = [
            (registers::QUEUE_DESC_LOW, registers::QUEUE_DESC_HIGH, areas.descriptors),
            (registers::QUEUE_DRIVER_LOW, registers::QUEUE_DRIVER_HIGH, areas.avail),
            (registers::QUEUE_DEVICE_LOW, registers::QUEUE_DEVICE_HIGH, areas.used),
        ];
        for (low, high, addr) in low_high {
            write_pair(platform, low, high, addr)?;
        }
        let (contexts, mask) = binding.to_registers();
        write(platform, registers::BIND_CONTEXTS, contexts)?;
        write(platform, registers::BIND_MASK, mask)?;
        write(platform, registers::QUEUE_READY, 1)?;
        if read(platform, registers::QUEUE_READY)? != 1 {
            return Err(Error::QueueSize { size, most });
        }
        let indirect = areas.indirect.filter(|_| features & feature::RING_INDIRECT_DESC != 0);
        let mut queue = Self {
            number,
            size: size as u16,
            areas: Areas { indirect, ..areas },
            event_idx: features & feature::RING_EVENT_IDX != 0,
            slots,
            first_free: 0,
            last_free: size as u16 - 1,
            free: size as u16,
            in_flight: 0,
            avail_index: 0,
            used_index: 0,
            kicked: 0,
        };
        for (at, slot) in queue.slots.as_mut().iter_mut().enumerate() {
            *slot = Slot {
                next: (at as u16).wrapping_add(1),
                chain: 0,
            };
        }
        Ok(queue)
    }

    /// Takes the queue out of use and waits until nothing of it is under way; gives the slots back.
    pub fn stop<B: Bus>(self, bus: &mut B) -> Result<S, Error<B::Error>> {
        select(bus, self.number)?;
        write(bus, registers::QUEUE_READY, 0)?;
        wait(bus, "the end of a queue", |bus| {
            Ok(read(bus, registers::QUEUE_READY)? == 0)
        })?;
        Ok(self.slots)
    }

    /// Resets the queue alone (virtio 1.2, 2.6.1), also when a ring error stopped it; RING_RESET must be negotiated. Gives
    /// the slots back.
    pub fn reset<B: Bus>(self, bus: &mut B) -> Result<S, Error<B::Error>> {
        select(bus, self.number)?;
        write(bus, registers::QUEUE_RESET, 1)?;
        wait(bus, "the reset of a queue", |bus| {
            Ok(read(bus, registers::QUEUE_RESET)? == 0)
        })?;
        Ok(self.slots)
    }

    /// Uses the descriptors in this order, each once, from now on: for tests that want a table long in use. Nothing may be
    /// posted.
    pub fn set_order(&mut self, order: &[u16]) {
        debug_assert!(self.in_flight == 0 && order.len() == usize::from(self.size));
        let slots = self.slots.as_mut();
        for pair in order.windows(2) {
            slots[usize::from(pair[0])].next = pair[1];
        }
        if let (Some(first), Some(last)) = (order.first(), order.last()) {
            (self.first_free, self.last_free) = (*first, *last);
        }
    }

    /// Transmit queue number.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Queue Size.
    pub fn size(&self) -> u16 {
        self.size
    }

    /// Where the areas lie.
    pub fn areas(&self) -> &Areas {
        &self.areas
    }

    /// Descriptors that no posted chain uses.
    pub fn free(&self) -> usize {
        self.free.into()
    }

    /// Chains that were posted and have not come back.
    pub fn in_flight(&self) -> usize {
        self.in_flight.into()
    }

    /// Avail index as last written.
    pub fn avail_index(&self) -> u16 {
        self.avail_index
    }

    /// Posts the buffers as one chain and gives its head. Buffers that follow each other in memory share a descriptor,
    /// empty ones have none, and several descriptors go into an indirect table where there is one. Ring with
    /// [`Queue::kick`].
    pub fn send<M: Memory>(&mut self, memory: &mut M, buffers: &[Buffer]) -> Result<u16, Error<M::Error>> {
        let count = Joined::new(buffers).count();
        match self.areas.indirect {
            Some(area) if count > 1 && count <= usize::from(area.entries.min(self.size)) => {
                self.send_indirect(memory, area, count, buffers)
            }
            _ => self.post_all(memory, count, Joined::new(buffers).map(Descriptor::from)),
        }
    }

    /// Posts these descriptors as one chain, as they are but for NEXT, and gives its head.
    pub fn post<M: Memory>(&mut self, memory: &mut M, chain: &[Descriptor]) -> Result<u16, Error<M::Error>> {
        self.post_all(memory, chain.len(), chain.iter().copied())
    }

    fn send_indirect<M: Memory>(
        &mut self,
        memory: &mut M,
        area: IndirectArea,
        count: usize,
        buffers: &[Buffer],
    ) -> Result<u16, Error<M::Error>> {
        // The table of the descriptor that comes next.
        let table_bytes = DESCRIPTOR_BYTES * u64::from(area.entries);
        let table = area.addr + table_bytes * u64::from(self.first_free);
        if self.free == 0 {
            return Err(Error::Full { needed: 1, free: 0 });
        }
        for (at, buffer) in Joined::new(buffers).enumerate() {
            let next = (at + 1 < count).then_some(at as u16 + 1);
            write_descriptor(memory, table, at as u16, &buffer.into(), next)?;
        }
        let pointer = Descriptor {
            virt_addr: table,
            bytes: count as u32 * DESCRIPTOR_BYTES as u32,
            flags: FLAG_INDIRECT,
        };
        self.post_all(memory, 1, core::iter::once(pointer))
    }

    fn post_all<M: Memory>(
        &mut self,
        memory: &mut M,
        needed: usize,
        chain: impl Iterator<Item = Descriptor>,
    ) -> Result<u16, Error<M::Error>> {
        let free = self.free();
        if needed == 0 {
            return Err(Error::EmptyChain);
        }
        if needed > free {
            return Err(Error::Full { needed, free });
        }
        let head = self.first_free;
        let mut index = head;
        for (at, descriptor) in chain.enumerate() {
            let next = self.slots.as_ref()[usize::from(index)].next;
            let link = (at + 1 < needed).then_some(next);
            write_descriptor(memory, self.areas.descriptors, index, &descriptor, link)?;
            index = next;
        }
        self.first_free = index;
        self.free -= needed as u16;
        self.slots.as_mut()[usize::from(head)].chain = needed as u16;
        self.in_flight += 1;
        self.publish(memory, head)?;
        Ok(head)
    }

    /// Puts a head into the avail ring and moves the avail index, whatever the head is: [`Queue::send`] does it by itself.
    pub fn publish<M: Memory>(&mut self, memory: &mut M, head: u16) -> Result<(), M::Error> {
        let slot = self.avail_index & (self.size - 1);
        memory.write_u16(avail_entry_at(self.areas.avail, slot), head)?;
        // The entry is there before the index says so (virtio 1.2, 2.7.13.3).
        memory.barrier();
        self.set_avail_index(memory, self.avail_index.wrapping_add(1))
    }

    /// Sets the avail index, whatever it was: for tests of malformed rings.
    pub fn set_avail_index<M: Memory>(&mut self, memory: &mut M, index: u16) -> Result<(), M::Error> {
        self.avail_index = index;
        memory.write_u16(index_at(self.areas.avail), index)
    }

    /// Whether the engine wants to be told of what was posted since the last question.
    pub fn needs_kick<M: Memory>(&mut self, memory: &mut M) -> Result<bool, M::Error> {
        let (old, new) = (self.kicked, self.avail_index);
        self.kicked = new;
        if old == new {
            return Ok(false);
        }
        // The index is there before the event word is looked at (virtio 1.2, 2.7.13.4).
        memory.barrier();
        if self.event_idx {
            let event = memory.read_u16(avail_event_at(self.areas.used, self.size))?;
            return Ok(need_event(event, new, old));
        }
        Ok(memory.read_u16(self.areas.used)? & NO_NOTIFY == 0)
    }

    /// Rings the doorbell if the engine wants to be told; says whether it did.
    pub fn kick<P: Bus + Memory>(&mut self, platform: &mut P) -> Result<bool, P::Error> {
        let needed = self.needs_kick(platform)?;
        if needed {
            self.notify(platform)?;
        }
        Ok(needed)
    }

    /// Rings the doorbell.
    pub fn notify<B: Bus>(&self, bus: &mut B) -> Result<(), B::Error> {
        write(bus, registers::QUEUE_NOTIFY, registers::tx_queue_index(self.number))
    }

    /// Whether the used ring holds something new.
    pub fn has_used<M: Memory>(&self, memory: &mut M) -> Result<bool, M::Error> {
        Ok(memory.read_u16(index_at(self.areas.used))? != self.used_index)
    }

    /// Takes one chain that came back, if there is one. Its buffers are the caller's again. Every head must have been
    /// posted and comes back once, with nothing written.
    pub fn reap<M: Memory>(&mut self, memory: &mut M) -> Result<Option<Used>, Error<M::Error>> {
        if !self.has_used(memory)? {
            return Ok(None);
        }
        // The entry is read after the index (virtio 1.2, 2.7.14).
        memory.barrier();
        let at = used_entry_at(self.areas.used, self.used_index & (self.size - 1));
        let (id, bytes) = (memory.read_u32(at)?, memory.read_u32(at + 4)?);
        let size = u32::from(self.size);
        let slots = self.slots.as_mut();
        let count = match slots.get(id as usize) {
            Some(slot) if id < size => slot.chain,
            _ => 0,
        };
        if count == 0 {
            return Err(Error::NotPosted(id));
        }
        let head = id as u16;
        if bytes != 0 {
            return Err(Error::Written { head, bytes });
        }
        slots[usize::from(head)].chain = 0;
        let mut last = head;
        for _ in 1..count {
            last = slots[usize::from(last)].next;
        }
        match self.free {
            0 => self.first_free = head,
            _ => slots[usize::from(self.last_free)].next = head,
        }
        self.last_free = last;
        self.free += count;
        self.in_flight -= 1;
        self.used_index = self.used_index.wrapping_add(1);
        Ok(Some(Used { head }))
    }

    /// Says when the engine shall interrupt. Gives whether something came back in the meantime: then reap again, because
    /// no interrupt tells of it.
    pub fn wake<M: Memory>(&mut self, memory: &mut M, wake: Wake) -> Result<bool, M::Error> {
        if self.event_idx {
            let ahead = match wake {
                Wake::Never => u16::MAX,
                Wake::After(chains) => chains.max(1) - 1,
            };
            let event = self.used_index.wrapping_add(ahead);
            memory.write_u16(used_event_at(self.areas.avail, self.size), event)?;
        } else {
            let flags = if wake == Wake::Never { NO_INTERRUPT } else { 0 };
            memory.write_u16(self.areas.avail, flags)?;
        }
        memory.barrier();
        self.has_used(memory)
    }

    /// Writes one descriptor of the table, whoever owns it: for tests of malformed rings.
    pub fn overwrite<M: Memory>(
        &self,
        memory: &mut M,
        index: u16,
        descriptor: &Descriptor,
        next: Option<u16>,
    ) -> Result<(), M::Error> {
        write_descriptor(memory, self.areas.descriptors, index, descriptor, next)
    }
}

fn write_descriptor<M: Memory>(
    memory: &mut M,
    table: u64,
    index: u16,
    descriptor: &Descriptor,
    next: Option<u16>,
) -> Result<(), M::Error> {
    let at = table + DESCRIPTOR_BYTES * u64::from(index);
    let flags = descriptor.flags | if next.is_some() { FLAG_NEXT } else { 0 };
    let last = u64::from(descriptor.bytes) | u64::from(flags) << 32 | u64::from(next.unwrap_or(0)) << 48;
    memory.write_u64(at, descriptor.virt_addr)?;
    memory.write_u64(at + 8, last)
}

/// Buffers without the empty ones, those joined that follow each other in one context.
struct Joined<'a> {
    left: core::slice::Iter<'a, Buffer>,
    waits: Option<Buffer>,
}

impl<'a> Joined<'a> {
    fn new(buffers: &'a [Buffer]) -> Self {
        Self {
            left: buffers.iter(),
            waits: None,
        }
    }
}

impl Iterator for Joined<'_> {
    type Item = Buffer;

    fn next(&mut self) -> Option<Buffer> {
        for buffer in self.left.by_ref().filter(|buffer| buffer.bytes > 0) {
            let Some(waiting) = &mut self.waits else {
                self.waits = Some(*buffer);
                continue;
            };
            let follows = waiting.context == buffer.context
                && waiting.virt_addr.checked_add(waiting.bytes.into()) == Some(buffer.virt_addr);
            match waiting.bytes.checked_add(buffer.bytes) {
                Some(bytes) if follows => waiting.bytes = bytes,
                _ => return self.waits.replace(*buffer),
            }
        }
        self.waits.take()
    }
}
