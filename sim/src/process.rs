//! A simulated user process: an address space and the buffers in it.

use crate::host::{PhysPages, Region, PAGE_BYTES};
use anyhow::{ensure, Result};
use rand::seq::SliceRandom;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use segwalk_model::limits::PHYS_PAGE_BITS;
use segwalk_model::memory::SparseMemory;
use segwalk_model::page_table::{AddressSpace, Canonical, Context, Format, Mode, Permissions};
use std::collections::{HashMap, HashSet};

/// How virtual pages lie in physical memory. In a Bare context virtual is physical, so all three come to the same there:
/// each buffer somewhere, in one piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PageLayout {
    /// Each 4 KiB page anywhere.
    Scattered,
    /// 4 KiB pages that follow each other in physical memory.
    Linear,
    /// The smallest superpages that the format has.
    Huge,
}

/// What payload pages hold before anything is written, so that a read outside a buffer shows in the output.
pub const POISON: u8 = 0xDB;

/// Pages of an area in a Bare context, and of one in Sv39, Sv48 and x86-64: what a last-level table covers.
const BARE_AREA_PAGES: u64 = 512;
/// Buffers of up to this many pages share areas; larger ones have areas of their own.
const SHARED_PAGES_MAX: u64 = 64;
/// Buffers of up to this many bytes share pages.
const SMALL_BYTES_MAX: usize = 512;
/// Regions that small buffers of one size are cut from at a time, so that neighbours are far apart.
const SMALL_REGIONS: usize = 8;
/// Most new table pages that one mapping needs.
const TABLES_MAX: usize = 4;

/// A process with buffers in its own virtual memory. Virtual memory is handed out from areas, each as large as the
/// smallest superpage.
pub struct Process {
    space: AddressSpace,
    layout: PageLayout,
    random: ChaCha8Rng,
    area_pages: u64,
    /// Virtual pages that buffers in shared areas use.
    used: HashSet<u64>,
    /// Areas that buffers share, by first virtual page; read-only and writable ones.
    shared: [Vec<u64>; 2],
    /// First physical page behind an area, by the area's first virtual page; none where pages are scattered.
    areas: HashMap<u64, Option<u64>>,
    small: HashMap<usize, Vec<Region>>,
    tables: Vec<u64>,
}

impl Process {
    /// An empty process.
    pub fn new(
        mode: Mode,
        layout: PageLayout,
        random: ChaCha8Rng,
        memory: &mut SparseMemory,
        pages: &mut PhysPages,
    ) -> Result<Self> {
        let mut tables = Vec::new();
        refill(&mut tables, memory, pages, page_bits(mode));
        let space = AddressSpace::new(mode, memory, &mut || take(&mut tables))?;
        Ok(Process {
            space,
            layout,
            random,
            area_pages: mode
                .format()
                .map_or(BARE_AREA_PAGES, |format| format.page_bytes(1) / PAGE_BYTES as u64),
            used: HashSet::new(),
            shared: [Vec::new(), Vec::new()],
            areas: HashMap::new(),
            small: HashMap::new(),
            tables,
        })
    }

    /// What the context table must hold for this process.
    pub fn context(&self) -> Context {
        self.space.context()
    }

    /// Its page tables.
    pub fn space(&self) -> &AddressSpace {
        &self.space
    }

    /// Its page tables, to be broken by tests.
    pub fn space_mut(&mut self) -> &mut AddressSpace {
        &mut self.space
    }

    /// A buffer that the device may read, at an odd address unrelated to all others.
    pub fn allocate(&mut self, memory: &mut SparseMemory, pages: &mut PhysPages, bytes: usize) -> Result<Region> {
        if bytes > SMALL_BYTES_MAX {
            let offset = self.random.gen_range(0..PAGE_BYTES) | 1;
            return self.place(memory, pages, bytes, offset, Permissions::USER_READ);
        }
        if self.small.get(&bytes).is_none_or(Vec::is_empty) {
            let slots = self.cut_small(memory, pages, bytes)?;
            self.small.insert(bytes, slots);
        }
        Ok(self
            .small
            .get_mut(&bytes)
            .and_then(Vec::pop)
            .expect("slots were just cut"))
    }

    /// A buffer at `offset` in its first page, with pages of its own that have these permissions.
    pub fn place(
        &mut self,
        memory: &mut SparseMemory,
        pages: &mut PhysPages,
        bytes: usize,
        offset: usize,
        permissions: Permissions,
    ) -> Result<Region> {
        let count = (offset + bytes).div_ceil(PAGE_BYTES).max(1) as u64;
        let first = if count <= SHARED_PAGES_MAX && permissions.user {
            self.room_in_shared(memory, pages, count, permissions)?
        } else {
            let start = self.random.gen_range(0..self.area_pages);
            let areas = (start + count).div_ceil(self.area_pages);
            self.new_areas(memory, pages, areas, permissions)? + start
        };
        let mut phys_pages = Vec::with_capacity(count as usize);
        for virt_page in first..first + count {
            let in_area = virt_page % self.area_pages;
            let phys_page = match self.areas[&(virt_page - in_area)] {
                Some(area) => area + in_area,
                None => pages.reserve_below(self.page_bits(), 1, 1),
            };
            memory.add_page(phys_page);
            memory
                .page_mut(phys_page)
                .expect("the page was just added")
                .fill(POISON);
            if self.format().is_some() && self.layout != PageLayout::Huge {
                self.map(memory, pages, virt_page, phys_page, 0, permissions)?;
            }
            phys_pages.push(phys_page);
        }
        Ok(Region {
            virt_addr: first * PAGE_BYTES as u64 + offset as u64,
            bytes,
            phys_pages,
        })
    }

    /// Slots for small buffers, cut from several regions of two pages. A slot has an odd size of a little more than
    /// twice the buffer, so that some buffers cross a page.
    fn cut_small(&mut self, memory: &mut SparseMemory, pages: &mut PhysPages, bytes: usize) -> Result<Vec<Region>> {
        let slot_bytes = 2 * bytes + 1;
        let mut slots = Vec::new();
        for _ in 0..SMALL_REGIONS {
            let start = self.random.gen_range(0..slot_bytes);
            let region = self.place(memory, pages, 2 * PAGE_BYTES - start, start, Permissions::USER_READ)?;
            for slot in 0..region.bytes / slot_bytes {
                let offset = slot * slot_bytes + self.random.gen_range(0..=slot_bytes - bytes);
                slots.push(region.part(offset, bytes));
            }
        }
        slots.shuffle(&mut self.random);
        Ok(slots)
    }

    /// Virtual pages in one of the areas that buffers share.
    fn room_in_shared(
        &mut self,
        memory: &mut SparseMemory,
        pages: &mut PhysPages,
        count: u64,
        permissions: Permissions,
    ) -> Result<u64> {
        let kind = usize::from(permissions.write);
        for _ in 0..4 {
            let Some(area) = self.shared[kind].choose(&mut self.random).copied() else {
                break;
            };
            let first = area + self.random.gen_range(0..=self.area_pages - count);
            if (first..first + count).all(|page| !self.used.contains(&page)) {
                self.used.extend(first..first + count);
                return Ok(first);
            }
        }
        let area = self.new_areas(memory, pages, 1, permissions)?;
        self.shared[kind].push(area);
        let first = area + self.random.gen_range(0..=self.area_pages - count);
        self.used.extend(first..first + count);
        Ok(first)
    }

    /// Takes `count` consecutive areas that nobody uses and gives the first virtual page.
    fn new_areas(
        &mut self,
        memory: &mut SparseMemory,
        pages: &mut PhysPages,
        count: u64,
        permissions: Permissions,
    ) -> Result<u64> {
        let area_pages = self.area_pages;
        let Some(format) = self.format() else {
            let first = pages.reserve(count * area_pages, area_pages);
            self.areas.extend(
                (0..count)
                    .map(|at| first + at * area_pages)
                    .map(|area| (area, Some(area))),
            );
            return Ok(first);
        };
        let user_bits = match format.canonical {
            Canonical::SignExtended => format.virt_bits - 1,
            Canonical::ZeroExtended => format.virt_bits,
        };
        let areas = (1u64 << (user_bits - 12)) / area_pages;
        ensure!(
            count < areas / 2,
            "a buffer of {count} areas does not fit into the address space; send a smaller file"
        );
        let first = loop {
            let first = self.random.gen_range(1..areas - count) * area_pages;
            if (0..count).all(|at| !self.areas.contains_key(&(first + at * area_pages))) {
                break first;
            }
        };
        let linear =
            (self.layout == PageLayout::Linear).then(|| pages.reserve_below(self.page_bits(), count * area_pages, 1));
        for at in 0..count {
            let virt_page = first + at * area_pages;
            let phys_page = match self.layout {
                PageLayout::Scattered => None,
                PageLayout::Linear => linear.map(|page| page + at * area_pages),
                PageLayout::Huge => Some(pages.reserve_below(self.page_bits(), area_pages, area_pages)),
            };
            self.areas.insert(virt_page, phys_page);
            if let (PageLayout::Huge, Some(phys_page)) = (self.layout, phys_page) {
                self.map(memory, pages, virt_page, phys_page, 1, permissions)?;
            }
        }
        Ok(first)
    }

    fn format(&self) -> Option<&'static Format> {
        self.space.context().mode.format()
    }

    /// Bits of the page numbers that its tables can hold.
    pub fn page_bits(&self) -> usize {
        page_bits(self.space.context().mode)
    }

    fn map(
        &mut self,
        memory: &mut SparseMemory,
        pages: &mut PhysPages,
        virt_page: u64,
        phys_page: u64,
        level: usize,
        permissions: Permissions,
    ) -> Result<()> {
        let page_bits = self.page_bits();
        refill(&mut self.tables, memory, pages, page_bits);
        let tables = &mut self.tables;
        Ok(self.space.map(
            memory,
            &mut || take(tables),
            virt_page << 12,
            phys_page << 12,
            level,
            permissions,
        )?)
    }
}

fn page_bits(mode: Mode) -> usize {
    let bits = mode.format().map_or(PHYS_PAGE_BITS, |format| format.page_bits);
    bits.min(PHYS_PAGE_BITS)
}

/// Keeps enough zeroed pages at hand for the tables of one more mapping.
fn refill(tables: &mut Vec<u64>, memory: &mut SparseMemory, pages: &mut PhysPages, page_bits: usize) {
    while tables.len() < TABLES_MAX {
        let page = pages.reserve_below(page_bits, 1, 1);
        memory.add_page(page);
        tables.push(page);
    }
}

fn take(tables: &mut Vec<u64>) -> u64 {
    tables.pop().expect("tables are refilled before every mapping")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use segwalk_model::page_table::{walk, Access};

    fn check(mode: Mode, layout: PageLayout) {
        let mut memory = SparseMemory::new();
        let mut pages = PhysPages::new(ChaCha8Rng::seed_from_u64(5));
        let random = ChaCha8Rng::seed_from_u64(6);
        let mut process = Process::new(mode, layout, random, &mut memory, &mut pages).unwrap();
        let mut taken: Vec<(u64, u64)> = Vec::new();
        for bytes in [1, 7, 7, 7, 1448, 1448, 4096, 10_000, 300_000, 3_000_000] {
            let region = process.allocate(&mut memory, &mut pages, bytes).unwrap();
            assert_eq!(region.bytes, bytes);
            let (start, end) = (region.virt_addr, region.virt_addr + bytes as u64);
            assert!(taken.iter().all(|&(from, to)| end <= from || to <= start));
            taken.push((start, end));
            for offset in (0..bytes).step_by(1000).chain([bytes - 1]) {
                let virt_addr = region.virt_addr + offset as u64;
                let found = walk(&memory, &process.context(), virt_addr, Access::Read)
                    .result
                    .unwrap();
                assert_eq!(found.phys_addr, region.phys_addr(offset));
                let superpage = mode.format().map_or(0, |format| format.page_bytes(1));
                assert_eq!(
                    found.page_bytes == superpage,
                    mode != Mode::Bare && layout == PageLayout::Huge
                );
            }
            assert!(region
                .read(&memory, 0, bytes)
                .unwrap()
                .iter()
                .all(|byte| *byte == POISON));
            let follows = region.phys_pages.windows(2).all(|pair| pair[1] == pair[0] + 1);
            let linear = mode == Mode::Bare || layout == PageLayout::Linear || region.phys_pages.len() == 1;
            assert!(!linear || follows);
            assert!(follows || layout != PageLayout::Huge || bytes > 2 << 20 || mode == Mode::Bare);
        }
    }

    #[test]
    fn buffers_of_every_mode_and_layout_translate_and_do_not_overlap() {
        for mode in [
            Mode::Bare,
            Mode::Sv32,
            Mode::Sv39,
            Mode::Sv48,
            Mode::X86_32,
            Mode::X86_64,
        ] {
            for layout in [PageLayout::Scattered, PageLayout::Linear, PageLayout::Huge] {
                check(mode, layout);
            }
        }
    }

    #[test]
    fn small_buffers_share_pages_and_some_cross_one() {
        let mut memory = SparseMemory::new();
        let mut pages = PhysPages::new(ChaCha8Rng::seed_from_u64(5));
        let random = ChaCha8Rng::seed_from_u64(6);
        let mut process = Process::new(Mode::Sv39, PageLayout::Scattered, random, &mut memory, &mut pages).unwrap();
        let regions: Vec<Region> = (0..3000)
            .map(|_| process.allocate(&mut memory, &mut pages, 7).unwrap())
            .collect();
        assert!(regions.iter().any(|region| region.phys_pages.len() == 2));
        let distinct: HashSet<u64> = regions.iter().flat_map(|region| region.phys_pages.clone()).collect();
        assert!(
            distinct.len() <= 6 * 2 * SMALL_REGIONS,
            "{} pages for 3000 buffers of 7 bytes",
            distinct.len()
        );
    }
}
