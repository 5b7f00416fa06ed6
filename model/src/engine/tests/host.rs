//! A host: rings and a header buffer in Bare memory, a process with scattered pages.

use super::*;
use crate::memory::SparseMemory;
use crate::page_table::{AddressSpace, Mode, Permissions};
use crate::segment::sample::Sample;
use crate::virtqueue::{Binding, Descriptor, FLAG_NEXT};

pub(super) const TABLE: u64 = 0x1_0000;
pub(super) const AVAIL: u64 = 0x2_0000;
pub(super) const USED: u64 = 0x3_0000;
/// Header buffer of the kernel, by physical address.
pub(super) const KERNEL: u64 = 0x4_0000;
/// First page of the process: 24 virtual pages from here on.
pub(super) const PROCESS: u64 = 0x7F12_3450_0000;
pub(super) const PROCESS_PAGES: u64 = 24;
pub(super) const QUEUE: usize = 2;
pub(super) const PROCESS_CONTEXT: u16 = 3;

pub(super) struct Host {
    pub(super) memory: SparseMemory,
    pub(super) engine: Engine,
    pub(super) space: AddressSpace,
    pub(super) descriptors: u16,
    pub(super) avail: u16,
}

/// Physical page of a page of the process: scattered.
pub(super) fn scattered(index: u64) -> u64 {
    0x1000 + index * 7 % PROCESS_PAGES
}

impl Host {
    pub(super) fn new(mode: Mode) -> Self {
        let mut memory = SparseMemory::new();
        let pages = [TABLE, AVAIL, USED, KERNEL].map(|addr| addr >> 12);
        for page in pages
            .into_iter()
            .chain(0x800..0x820)
            .chain(0x1000..0x1000 + PROCESS_PAGES)
        {
            memory.add_page(page);
        }
        let mut table_pages = 0x800..0x820u64;
        let mut tables = || table_pages.next().unwrap();
        let mut space = AddressSpace::new(mode, &mut memory, &mut tables).unwrap();
        for index in 0..PROCESS_PAGES {
            let (virt, phys) = (base(mode) + index * 4096, scattered(index) << 12);
            space
                .map(&mut memory, &mut tables, virt, phys, 0, Permissions::USER_READ)
                .unwrap();
        }
        let mut engine = Engine::default();
        engine.contexts[usize::from(PROCESS_CONTEXT)] = space.context();
        let config = QueueConfig {
            size: 256,
            descriptor_addr: TABLE,
            avail_addr: AVAIL,
            used_addr: USED,
            binding: Binding {
                names_allowed: true,
                mask: 1 << PROCESS_CONTEXT,
                ..Default::default()
            },
            ..QueueConfig::default()
        };
        engine.enable_queue(QUEUE, config);
        Self {
            memory,
            engine,
            space,
            descriptors: 0,
            avail: 0,
        }
    }

    pub(super) fn mode(&self) -> Mode {
        self.space.context().mode
    }

    /// Writes into the process's memory, `at` bytes from its first page on.
    pub(super) fn store(&mut self, at: u64, bytes: &[u8]) {
        for (offset, byte) in bytes.iter().enumerate() {
            let place = at + offset as u64;
            let phys = (scattered(place / 4096) << 12) + place % 4096;
            self.memory.write(phys, &[*byte]).unwrap();
        }
    }

    /// Posts a chain of buffers: context name, address, bytes, further flags.
    pub(super) fn post(&mut self, buffers: &[(u16, u64, u32, u16)]) -> u16 {
        let head = self.descriptors;
        for (index, &(context, virt_addr, bytes, flags)) in buffers.iter().enumerate() {
            let next = if index + 1 < buffers.len() { FLAG_NEXT } else { 0 };
            let descriptor = Descriptor {
                virt_addr,
                bytes,
                flags: context << 12 | flags | next,
                next: self.descriptors + 1,
            };
            let at = TABLE + 16 * u64::from(self.descriptors);
            self.memory.write(at, &descriptor.to_bytes()).unwrap();
            self.descriptors += 1;
        }
        let slot = AVAIL + 4 + 2 * u64::from(self.avail % 256);
        self.memory.write(slot, &head.to_le_bytes()).unwrap();
        self.avail += 1;
        self.memory.write(AVAIL + 2, &self.avail.to_le_bytes()).unwrap();
        head
    }

    /// Header from the kernel's buffer, payload from the process at `at`, in pieces of `piece` bytes.
    pub(super) fn post_sample(&mut self, sample: &Sample, at: u64, piece: usize) -> u16 {
        let mut bytes = sample.hdr().to_bytes().to_vec();
        bytes.extend(sample.frame());
        let split = 12 + sample.header_bytes();
        self.memory.write(KERNEL, &bytes[..split]).unwrap();
        self.store(at, &sample.payload);
        let mut buffers = vec![(0, KERNEL, split as u32, 0)];
        for start in (0..sample.payload.len()).step_by(piece) {
            let count = piece.min(sample.payload.len() - start) as u32;
            buffers.push((PROCESS_CONTEXT, base(self.mode()) + at + start as u64, count, 0));
        }
        self.post(&buffers)
    }

    pub(super) fn process(&mut self) -> Vec<Outcome> {
        let outcomes = self.engine.process_queue(&self.memory, QUEUE);
        self.engine.complete(&mut self.memory, QUEUE, &outcomes);
        outcomes
    }
}

/// Virtual address of the process's first page: canonical in the mode.
pub(super) fn base(mode: Mode) -> u64 {
    match mode {
        Mode::Sv39 => PROCESS & 0x3F_FFFF_FFFF,
        _ => PROCESS,
    }
}
