//! The memory of a hostile process: pages that it may use, pages that it may not, and holes.

use anyhow::{Context as _, Result};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use segwalk_model::memory::MemoryMut;
use segwalk_model::page_table::{Mode, Permissions};
use segwalk_sim::axi::{Allowed, Client};
use segwalk_sim::core_bench::CoreBench;
use segwalk_sim::process::PageLayout;
use segwalk_sim::session::Session;

/// Bytes of a page.
pub const PAGE: u64 = 4096;
/// Pages from the first that may be written and read.
pub const WRITABLE_PAGES: u64 = 16;
/// Pages of the arena; those behind them are not mapped.
pub const PAGES: u64 = 24;

/// What a page of the arena is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Writable,
    ReadOnly,
    Supervisor,
    Unmapped,
    NoMemory,
    /// The physical page of the last writable one, again.
    Alias,
}

/// Consecutive virtual pages of a process.
pub struct Arena {
    /// Its context.
    pub context: u8,
    /// Virtual address of the first page.
    pub base: u64,
    phys_pages: Vec<Option<u64>>,
}

impl Arena {
    /// Makes a process in `mode` and allows the engine what its tables allow.
    pub fn new(
        session: &mut Session<CoreBench>,
        random: &mut ChaCha8Rng,
        mode: Mode,
        allowed: &Allowed,
    ) -> Result<Self> {
        let context = session.add_process(mode, PageLayout::Scattered)?;
        let bits = mode.format().context("the arena needs page tables")?.virt_bits.min(39);
        let base = random.gen_range(1..(1u64 << (bits - 1 - 12)) - 2 * PAGES) * PAGE;
        let mut arena = Self {
            context,
            base,
            phys_pages: Vec::new(),
        };
        for page in 0..PAGES {
            arena.add_page(session, page, kind(page))?;
        }
        for (at, phys_page) in arena.phys_pages.iter().enumerate() {
            let (Some(phys_page), kind) = (*phys_page, kind(at as u64)) else {
                continue;
            };
            let bytes = phys_page * PAGE..(phys_page + 1) * PAGE;
            if kind != Kind::Supervisor {
                allowed.add(Client::Payload, bytes.clone());
                allowed.add(Client::RingRead, bytes.clone());
            }
            if !matches!(kind, Kind::ReadOnly | Kind::Supervisor) {
                allowed.add(Client::RingWrite, bytes);
            }
        }
        Ok(arena)
    }

    fn add_page(&mut self, session: &mut Session<CoreBench>, page: u64, kind: Kind) -> Result<()> {
        let bits = session.process(self.context).page_bits();
        let spare: Vec<u64> = (0..4).map(|_| session.pages.reserve_below(bits, 1, 1)).collect();
        spare
            .iter()
            .for_each(|page| session.device.memory_mut().add_page(*page));
        let mut spare = spare.into_iter();
        let phys_page = match kind {
            Kind::Unmapped => None,
            Kind::Alias => self.phys_pages[WRITABLE_PAGES as usize - 1],
            _ => Some(session.pages.reserve_below(bits, 1, 1)),
        };
        if let Some(page) = phys_page.filter(|_| kind != Kind::NoMemory) {
            session.device.memory_mut().add_page(page);
        }
        let permissions = match kind {
            Kind::ReadOnly => Permissions::USER_READ,
            Kind::Supervisor => Permissions::SUPERVISOR_WRITE,
            _ => Permissions::USER_WRITE,
        };
        if let Some(phys_page) = phys_page {
            let virt_addr = self.base + page * PAGE;
            let (space, memory) = session.tables(self.context);
            let mut tables = || spare.next().expect("a mapping needs no more than four tables");
            space.map(memory, &mut tables, virt_addr, phys_page * PAGE, 0, permissions)?;
        }
        self.phys_pages.push(phys_page);
        Ok(())
    }

    /// Address `offset` bytes into page `page`.
    pub fn at(&self, page: u64, offset: u64) -> u64 {
        self.base + page * PAGE + offset
    }

    /// Stores what lies in memory and leaves the rest out, as a process could not store it.
    pub fn write(&self, memory: &mut impl MemoryMut, virt_addr: u64, bytes: &[u8]) {
        for (at, byte) in bytes.iter().enumerate() {
            let addr = virt_addr.wrapping_add(at as u64);
            let page = addr.wrapping_sub(self.base) / PAGE;
            if let Some(Some(phys_page)) = self.phys_pages.get(page as usize) {
                // a page without memory takes nothing
                let _ = memory.write(phys_page * PAGE + addr % PAGE, &[*byte]);
            }
        }
    }

    /// Whether all bytes lie in pages that may be written, where memory is.
    pub fn is_writable(&self, virt_addr: u64, bytes: u64) -> bool {
        let first = virt_addr.wrapping_sub(self.base) / PAGE;
        let last = virt_addr.wrapping_sub(self.base).saturating_add(bytes - 1) / PAGE;
        last < PAGES && (first..=last).all(|page| kind(page) == Kind::Writable)
    }
}

fn kind(page: u64) -> Kind {
    match page {
        0..WRITABLE_PAGES => Kind::Writable,
        16 | 17 => Kind::ReadOnly,
        18 => Kind::Supervisor,
        19 => Kind::Unmapped,
        20 => Kind::NoMemory,
        21 => Kind::Alias,
        _ => Kind::Writable,
    }
}
