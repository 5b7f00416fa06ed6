//! One lookup at a time, so that hits, misses, walks and reads follow from the page tables alone: each is predicted.

use anyhow::Result;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use segwalk_model::memory::SparseMemory;
use segwalk_model::page_table::{walk, Access, AddressSpace, Context, Format, Permissions, Step};
use segwalk_sim::mmu::{model, Invalidation, Lookup, MmuBench};
use segwalk_tests::mmu::{access, formats, spoil};
use segwalk_tests::seed;
use std::collections::{HashMap, HashSet};

/// Lookups a format and context.
const LOOKUPS: usize = 600;
/// 4 KiB pages of a space: so few that the TLB has room for all.
const PAGES: u64 = 64;
/// Where they begin.
const SMALL: u64 = 0x1000_0000;
/// Pieces of superpages that the TLB holds, in bytes.
const PIECE: u64 = 1 << 21;
/// Pieces asked for of the superpages of each level.
const PIECES: u64 = 4;
/// Where the superpages of each level begin, from level 1 on.
const LARGE: [u64; 3] = [0x4000_0000, 0x8000_0000, 1 << 39];

/// Everything that the MMU remembers when it has room for all.
#[derive(Default)]
struct Memory {
    /// Whether reads and writes are allowed: 4 KiB pages, pieces of superpages.
    pages: HashMap<(u8, u64), [bool; 2]>,
    pieces: HashMap<(u8, u64), [bool; 2]>,
    /// Tables: context, level, address bits that select the table.
    tables: HashSet<(u8, usize, u64)>,
}

/// What one lookup adds to the counters.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Counts {
    hits: u64,
    misses: u64,
    walks: u64,
    faults: u64,
    reads: usize,
}

struct Case {
    format: &'static Format,
    bench: MmuBench,
    contexts: [Context; 2],
    known: Memory,
}

impl Case {
    fn new(format: &'static Format, random: &mut ChaCha8Rng) -> Result<Self> {
        let mut memory = SparseMemory::new();
        (1..64).for_each(|page| memory.add_page(page));
        let mut next = 0;
        let mut frames = || {
            next += 1;
            next
        };
        let mut space = AddressSpace::new(format.mode, &mut memory, &mut frames)?;
        let legal = (1..format.levels).filter(|level| format.leaf_legal(*level));
        let mut pages: Vec<(u64, usize)> = (0..PAGES).map(|page| (SMALL + (page << 12), 0)).collect();
        for level in legal {
            let bytes = format.page_bytes(level);
            let many = (PIECES * PIECE).div_ceil(bytes);
            pages.extend((0..many).map(|page| (LARGE[level - 1] + page * bytes, level)));
        }
        for (virt_addr, level) in pages {
            let mut often = || random.gen_ratio(3, 4);
            let permissions = Permissions {
                write: often(),
                user: often() || often(),
                accessed: often() || often(),
                ..Permissions::USER_WRITE
            };
            let spoilt = !often();
            let phys_addr = random.gen_range(0..1u64 << 32) & !(format.page_bytes(level) - 1);
            space.map(&mut memory, &mut frames, virt_addr, phys_addr, level, permissions)?;
            if spoilt {
                let entry = space.entry(&memory, virt_addr, level)?;
                let entry = spoil::spoil(random, format, level, entry);
                space.set_entry(&mut memory, virt_addr, level, entry)?;
            }
        }
        let mut bench = MmuBench::new(&model()?, memory, 0)?;
        let mut contexts = [space.context(); 2];
        contexts[1].user_only = false;
        contexts[1].accessed_faults ^= true;
        for (number, context) in contexts.iter().enumerate() {
            bench.write_context(number as u8, context);
        }
        bench.settle()?;
        bench.record_reads(true);
        Ok(Self {
            format,
            bench,
            contexts,
            known: Memory::default(),
        })
    }

    /// Reads and writes that pass at this address.
    fn allowed(&self, context: u8, virt_addr: u64) -> [bool; 2] {
        let row = &self.contexts[usize::from(context)];
        [Access::Read, Access::Write].map(|access| walk(&self.bench.memory, row, virt_addr, access).result.is_ok())
    }

    /// What the lookup must count; remembers what it teaches.
    fn predict(&mut self, lookup: &Lookup) -> Counts {
        let Lookup {
            context,
            virt_addr,
            access,
        } = *lookup;
        let row = self.contexts[usize::from(context)];
        let walk = walk(&self.bench.memory, &row, virt_addr, access);
        let faults = u64::from(walk.result.is_err());
        if !self.format.is_canonical(virt_addr) {
            return Counts {
                faults,
                ..Counts::default()
            };
        }
        let granted = |held: Option<&[bool; 2]>| held.is_some_and(|held| held[usize::from(access == Access::Write)]);
        let page = self.known.pages.get(&(context, virt_addr >> 12));
        let piece = self.known.pieces.get(&(context, virt_addr / PIECE));
        if granted(page) || granted(piece) {
            return Counts {
                hits: 1,
                ..Counts::default()
            };
        }
        let reads = self.learn(context, virt_addr, &walk.steps);
        Counts {
            misses: 1,
            walks: 1,
            faults,
            reads,
            ..Counts::default()
        }
    }

    /// Remembers what a walk finds; the number of its reads.
    fn learn(&mut self, context: u8, virt_addr: u64, steps: &[Step]) -> usize {
        let table = |level: usize| (context, level, virt_addr >> (12 + (level + 1) * self.format.index_bits));
        let lowest = (0..self.format.levels - 1).find(|level| self.known.tables.contains(&table(*level)));
        let from = lowest.unwrap_or(self.format.levels - 1);
        let read: Vec<&Step> = steps.iter().filter(|step| step.level <= from).collect();
        self.known.tables.extend(
            read.iter()
                .filter(|step| step.level + 1 < self.format.levels)
                .map(|step| table(step.level)),
        );
        let last = steps.last().expect("a walk reads something");
        if last.level == 0 {
            let line = 64 / self.format.entry_bytes as u64;
            let first = (virt_addr >> 12) & !(line - 1);
            for page in first..first + line {
                let allowed = self.allowed(context, page << 12);
                if allowed.contains(&true) {
                    self.known.pages.insert((context, page), allowed);
                }
            }
        } else {
            let allowed = self.allowed(context, virt_addr);
            if allowed.contains(&true) {
                self.known.pieces.insert((context, virt_addr / PIECE), allowed);
            }
        }
        read.len()
    }

    fn ask(&mut self, lookup: Lookup, port: usize) -> Result<()> {
        let expected = self.predict(&lookup);
        let before = self.bench.events;
        self.bench.ask(port, lookup);
        self.bench.settle()?;
        let after = self.bench.events;
        let of_port = |pulses: [u64; 2], before: [u64; 2]| {
            assert_eq!(pulses[1 - port], before[1 - port], "the other port counts nothing");
            pulses[port] - before[port]
        };
        let counted = Counts {
            hits: of_port(after.hits, before.hits),
            misses: of_port(after.misses, before.misses),
            walks: after.walks - before.walks,
            faults: of_port(after.faults, before.faults),
            reads: self.bench.take_reads().len(),
        };
        assert_eq!(counted, expected, "{} {lookup:x?}", self.format.name);
        let row = &self.contexts[usize::from(lookup.context)];
        let found = walk(&self.bench.memory, row, lookup.virt_addr, lookup.access).result;
        let done = self.bench.done[port].pop().expect("it was answered");
        assert_eq!(done.answer, found.map(|translation| translation.phys_addr >> 12));
        Ok(())
    }

    fn address(&self, random: &mut ChaCha8Rng) -> u64 {
        let levels: Vec<usize> = (0..self.format.levels)
            .filter(|level| self.format.leaf_legal(*level))
            .collect();
        match random.gen_range(0..12) {
            0 => random.gen::<u64>() | 1 << 63 ^ 1 << 62,
            1 => SMALL + (PAGES << 12),
            2..=5 => {
                let level = *levels[1..].choose(random).expect("every format has superpages");
                // pieces of different levels share no set, so none drives another out
                let piece = if level == 1 { 0 } else { PIECES * (level as u64 - 1) };
                LARGE[level - 1] + (piece + random.gen_range(0..PIECES)) * PIECE + random.gen_range(0..PIECE)
            }
            _ => SMALL + random.gen_range(0..PAGES << 12),
        }
    }
}

#[test]
fn hits_misses_walks_and_reads_are_as_predicted() -> Result<()> {
    let seed = seed(3);
    println!("repeat with SEGWALK_SEED={seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    for format in formats() {
        let mut case = Case::new(format, &mut random)?;
        for number in 0..LOOKUPS {
            let lookup = Lookup {
                context: random.gen_range(0..2),
                virt_addr: case.address(&mut random),
                access: access(random.gen_ratio(1, 3)),
            };
            case.ask(lookup, random.gen_range(0..2))?;
            if number % 200 == 199 {
                case.bench.invalidate(Invalidation::All);
                case.bench.settle()?;
                case.known = Memory::default();
            }
        }
        let events = case.bench.events;
        let [hits, misses] = [events.hits, events.misses].map(|ports| ports[0] + ports[1]);
        assert!(hits > 100 && misses > 50, "{}: {events:?}", format.name);
    }
    Ok(())
}
