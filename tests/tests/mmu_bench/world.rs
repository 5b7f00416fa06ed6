//! Address spaces with everything that may stand in a page table, and lookups in them.

use super::Lookup;
use rand::{seq::SliceRandom, Rng};
use rand_chacha::ChaCha8Rng;
use segwalk_model::memory::SparseMemory;
use segwalk_model::page_table::{translate, Access, AddressSpace, Context, Mode, Permissions};
use segwalk_model::refusal::FaultCause;

/// A world of address spaces with everything that may stand in a page table.
pub struct World {
    pub memory: SparseMemory,
    /// Pages for tables, scattered over the physical address space.
    free: Vec<u64>,
    spaces: Vec<AddressSpace>,
    /// Context table: the space behind each context, or a context without tables.
    pub contexts: Vec<(Option<usize>, Context)>,
    /// Addresses worth asking for, by space.
    places: Vec<Vec<u64>>,
}

impl World {
    pub fn new(random: &mut ChaCha8Rng) -> Self {
        let mut memory = SparseMemory::new();
        let mut free: Vec<u64> = (0..3000).map(|_| random.gen_range(0..1u64 << 28)).collect();
        free.sort_unstable();
        free.dedup();
        free.shuffle(random);
        free.iter().for_each(|page| memory.add_page(*page));
        let mut world = World {
            memory,
            free,
            spaces: Vec::new(),
            contexts: Vec::new(),
            places: Vec::new(),
        };
        for _ in 0..5 {
            world.add_space(random);
        }
        for number in 0..16 {
            let choice = random.gen_range(0..10);
            let context = match choice {
                0 => (None, Context::bare()),
                1 => (None, Context::off()),
                2 => (
                    None,
                    Context::new(Mode::from_code(random.gen_range(0..8)), random.gen_range(0..1 << 28)),
                ),
                _ => {
                    let space = number % world.spaces.len();
                    let mut context = world.spaces[space].context();
                    context.user_only = random.gen_ratio(3, 4);
                    context.accessed_faults ^= random.gen_ratio(1, 4);
                    (Some(space), context)
                }
            };
            world.contexts.push(context);
        }
        world
    }

    fn add_space(&mut self, random: &mut ChaCha8Rng) {
        let mode = *[Mode::Sv32, Mode::Sv39, Mode::Sv48, Mode::X86_32, Mode::X86_64]
            .choose(random)
            .expect("there are five");
        let format = mode.format().expect("it has tables");
        let free = &mut self.free;
        let mut frames = || free.pop().expect("enough pages for tables");
        let mut space = AddressSpace::new(mode, &mut self.memory, &mut frames).expect("memory is there");
        let mut places = Vec::new();
        for _ in 0..random.gen_range(4..24) {
            let level = *[0, 0, 0, 0, 1, 1, 2].choose(random).expect("not empty");
            let level = level.min(format.levels - 1);
            let size = format.page_bytes(level);
            // near another place as often as not, so that tables and lines are shared
            let near = places.choose(random).copied().filter(|_| random.gen());
            let base = match near {
                Some(place) => {
                    place ^ (random.gen::<u64>() & ((1 << *[18, 24, 32].choose(random).expect("three")) - 1))
                }
                None => random.gen(),
            };
            let virt = format.canonical_addr(base) & !(size - 1);
            let pages = if level == 0 {
                random.gen_range(1..40)
            } else {
                random.gen_range(1..3)
            };
            for page in 0..pages {
                let virt = format.canonical_addr(virt.wrapping_add(page * size));
                let phys = random.gen_range(0..1u64 << 40) & !(size - 1);
                if space
                    .map(&mut self.memory, &mut frames, virt, phys, level, permissions(random))
                    .is_ok()
                {
                    places.push(virt);
                }
            }
        }
        for _ in 0..random.gen_range(0..8) {
            break_entry(random, &mut self.memory, &mut space, &places);
        }
        self.spaces.push(space);
        self.places.push(places);
    }

    /// Mostly from a few contexts and a few of their places, so that most of them could hit.
    pub fn lookup(&self, random: &mut ChaCha8Rng) -> Lookup {
        let context = if random.gen_ratio(3, 4) {
            random.gen_range(0..4u8)
        } else {
            random.gen_range(0..16u8)
        };
        let (space, shown) = &self.contexts[usize::from(context)];
        let place = space.and_then(|space| {
            let places = &self.places[space];
            let hot = if random.gen_ratio(3, 4) {
                places.len().min(40)
            } else {
                places.len()
            };
            places[..hot].choose(random).copied()
        });
        let any: u64 = random.gen();
        let virt_addr = match (place, random.gen_range(0..16)) {
            (Some(place), 0..=10) => place,
            // a neighbour in the line, in the table, in the superpage
            (Some(place), 11) => place ^ (any & 0x7000),
            (Some(place), 12) => place ^ (any & 0x1F_FFFF),
            (Some(place), 13) => place ^ (any & 0x3FFF_FFFF),
            // one bit off: often not canonical
            (Some(place), 14) => place ^ (1 << (any % 64)),
            (None, 0..=7) if shown.mode == Mode::Bare => any >> 24,
            _ => any >> (any % 40),
        };
        let access = if random.gen_ratio(1, 3) {
            Access::Write
        } else {
            Access::Read
        };
        Lookup {
            context,
            virt_addr,
            access,
        }
    }

    pub fn expected(&self, memory: &SparseMemory, lookup: &Lookup) -> Result<u64, FaultCause> {
        let context = &self.contexts[usize::from(lookup.context)].1;
        translate(memory, context, lookup.virt_addr, lookup.access).map(|translation| translation.phys_addr >> 12)
    }

    /// Whether the lookup goes to the TLB at all.
    pub fn is_paged(&self, lookup: &Lookup) -> bool {
        let mode = self.contexts[usize::from(lookup.context)].1.mode;
        mode.supported_by_rtl()
            && mode
                .format()
                .is_some_and(|format| format.is_canonical(lookup.virt_addr))
    }
}

fn permissions(random: &mut ChaCha8Rng) -> Permissions {
    let mut often = || random.gen_ratio(7, 8);
    let read = often();
    Permissions {
        read,
        write: read && often(),
        execute: !often(),
        user: often(),
        accessed: often(),
        dirty: often(),
    }
}

/// One of the ways in which software or hardware spoils an entry.
fn break_entry(random: &mut ChaCha8Rng, memory: &mut SparseMemory, space: &mut AddressSpace, places: &[u64]) {
    let Some(&place) = places.choose(random) else { return };
    // upper levels seldom: one of them spoils most of what a context has
    let levels = space.context.mode.format().expect("it has tables").levels;
    let level = if random.gen_ratio(3, 4) {
        0
    } else {
        random.gen_range(0..levels)
    };
    let Ok(entry) = space.entry(memory, place, level) else {
        return;
    };
    let spoilt = match random.gen_range(0..20) {
        0..=12 => entry ^ (1 << random.gen_range(0..64)),
        13..=14 => entry ^ (1 << random.gen_range(0..64)) ^ (1 << random.gen_range(0..8)),
        15 => entry & !1,
        16 => random.gen(),
        17..=18 => entry | (1 << 7),
        _ => {
            let entry_addr = space.entry_addr(memory, place, level).expect("it was just read");
            memory.remove_page(entry_addr >> 12);
            return;
        }
    };
    space.set_entry(memory, place, level, spoilt).expect("it was just read");
}
