//! Host memory: which physical pages are in use, and regions of pages behind a virtual address.

use anyhow::Result;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use segwalk_model::limits::PHYS_PAGE_BITS;
use segwalk_model::memory::{Memory, MemoryMut, SparseMemory};
use std::collections::HashSet;

/// Bytes of the smallest page.
pub const PAGE_BYTES: usize = 4096;
/// Physical pages below 1 MiB are left alone, so that a null pointer is a bus error.
const FIRST_PAGE: u64 = 256;

/// Hands out physical pages at random places, so that nothing is contiguous by luck.
pub struct PhysPages {
    random: ChaCha8Rng,
    used: HashSet<u64>,
}

impl PhysPages {
    /// No page in use; places follow from `random`.
    pub fn new(random: ChaCha8Rng) -> Self {
        PhysPages {
            random,
            used: HashSet::new(),
        }
    }

    /// One page anywhere, zeroed.
    pub fn one(&mut self, memory: &mut SparseMemory) -> u64 {
        self.run(memory, 1, 1)
    }

    /// `pages` consecutive pages whose first page number is a multiple of `align`, zeroed.
    pub fn run(&mut self, memory: &mut SparseMemory, pages: u64, align: u64) -> u64 {
        let first = self.reserve(pages, align);
        (first..first + pages).for_each(|page| memory.add_page(page));
        first
    }

    /// Like [`PhysPages::run`], without memory behind the pages: an access is a bus error until they are added.
    pub fn reserve(&mut self, pages: u64, align: u64) -> u64 {
        self.reserve_below(PHYS_PAGE_BITS, pages, align)
    }

    /// Like [`PhysPages::reserve`], with page numbers of `page_bits` bits: some formats cannot name more.
    pub fn reserve_below(&mut self, page_bits: usize, pages: u64, align: u64) -> u64 {
        let places = ((1u64 << page_bits) - pages) / align;
        loop {
            let first = self.random.gen_range(FIRST_PAGE.div_ceil(align)..places) * align;
            if (first..first + pages).all(|page| !self.used.contains(&page)) {
                self.used.extend(first..first + pages);
                return first;
            }
        }
    }
}

/// Bytes at a virtual address and the physical pages behind them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// Virtual address of the first byte.
    pub virt_addr: u64,
    /// Length.
    pub bytes: usize,
    /// Physical page numbers from the first byte's page on.
    pub phys_pages: Vec<u64>,
}

impl Region {
    /// Physical address of the byte at `offset`.
    pub fn phys_addr(&self, offset: usize) -> u64 {
        let at = (self.virt_addr as usize & (PAGE_BYTES - 1)) + offset;
        self.phys_pages[at / PAGE_BYTES] * PAGE_BYTES as u64 + (at % PAGE_BYTES) as u64
    }

    /// `bytes` bytes of this region from `offset` on.
    #[must_use]
    pub fn part(&self, offset: usize, bytes: usize) -> Region {
        assert!(
            offset + bytes <= self.bytes,
            "a part of {bytes} bytes at {offset} in a region of {} bytes",
            self.bytes
        );
        let first = ((self.virt_addr as usize & (PAGE_BYTES - 1)) + offset) / PAGE_BYTES;
        let virt_addr = self.virt_addr + offset as u64;
        let pages = ((virt_addr as usize & (PAGE_BYTES - 1)) + bytes).div_ceil(PAGE_BYTES);
        Region {
            virt_addr,
            bytes,
            phys_pages: self.phys_pages[first..first + pages].to_vec(),
        }
    }

    /// Stores `data` from `offset` on.
    pub fn write(&self, memory: &mut SparseMemory, offset: usize, data: &[u8]) -> Result<()> {
        let mut at = 0;
        while at < data.len() {
            let addr = self.phys_addr(offset + at);
            let count = (PAGE_BYTES - addr as usize % PAGE_BYTES).min(data.len() - at);
            memory.write(addr, &data[at..at + count])?;
            at += count;
        }
        Ok(())
    }

    /// Reads `bytes` bytes from `offset` on.
    pub fn read(&self, memory: &SparseMemory, offset: usize, bytes: usize) -> Result<Vec<u8>> {
        let mut data = vec![0; bytes];
        let mut at = 0;
        while at < bytes {
            let addr = self.phys_addr(offset + at);
            let count = (PAGE_BYTES - addr as usize % PAGE_BYTES).min(bytes - at);
            memory.read(addr, &mut data[at..at + count])?;
            at += count;
        }
        Ok(data)
    }

    /// A little-endian 16-bit word.
    pub fn read_u16(&self, memory: &SparseMemory, offset: usize) -> Result<u16> {
        Ok(u16::from_le_bytes(
            self.read(memory, offset, 2)?.try_into().expect("2 bytes were read"),
        ))
    }

    /// A little-endian 32-bit word.
    pub fn read_u32(&self, memory: &SparseMemory, offset: usize) -> Result<u32> {
        Ok(u32::from_le_bytes(
            self.read(memory, offset, 4)?.try_into().expect("4 bytes were read"),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn a_region_crosses_scattered_pages() {
        let mut memory = SparseMemory::new();
        let mut pages = PhysPages::new(ChaCha8Rng::seed_from_u64(1));
        let phys_pages = vec![pages.one(&mut memory), pages.one(&mut memory), pages.one(&mut memory)];
        let region = Region {
            virt_addr: 0x7000_0FFE,
            bytes: 5000,
            phys_pages,
        };
        let data: Vec<u8> = (0..5000).map(|i| i as u8).collect();
        region.write(&mut memory, 0, &data).unwrap();
        assert_eq!(region.read(&memory, 0, 5000).unwrap(), data);
        assert_eq!(region.phys_addr(2), region.phys_pages[1] << 12);
        let part = region.part(4098, 100);
        assert_eq!(part.phys_pages, region.phys_pages[2..]);
        assert_eq!(part.read(&memory, 0, 100).unwrap(), data[4098..4198]);
    }

    #[test]
    fn runs_are_aligned_and_never_handed_out_twice() {
        let mut memory = SparseMemory::new();
        let mut pages = PhysPages::new(ChaCha8Rng::seed_from_u64(2));
        let runs: Vec<u64> = (0..100).map(|_| pages.run(&mut memory, 3, 512)).collect();
        assert!(runs.iter().all(|run| run % 512 == 0 && memory.has_page(run + 2)));
        assert_eq!(runs.iter().collect::<HashSet<_>>().len(), 100);
    }
}
