//! Sixteen contexts over page tables of every format, sound and spoilt, that can be changed at any moment.

use super::timeline::Timeline;
use super::{formats, spoil};
use rand::seq::SliceRandom;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use segwalk_model::memory::SparseMemory;
use segwalk_model::page_table::{AddressSpace, Context, Format, Mode, Permissions};
use segwalk_sim::mmu::{Invalidation, Lookup};

/// Pages for the tables of a space.
const TABLES: usize = 110;
/// Pages that a region may need for its tables.
const REGION_TABLES: usize = 12;

/// An address worth asking for.
#[derive(Clone, Copy)]
struct Place {
    virt_addr: u64,
    /// Level of the page that was mapped there.
    level: usize,
}

/// An entry that was changed and may be restored.
struct Changed {
    virt_addr: u64,
    level: usize,
    entry: u64,
}

struct Space {
    tables: AddressSpace,
    format: &'static Format,
    places: Vec<Place>,
    free: Vec<u64>,
    changed: Vec<Changed>,
}

/// The world of one round.
pub struct World {
    spaces: Vec<Space>,
    contexts: Vec<(Option<usize>, Context)>,
}

impl World {
    /// New page tables in a new memory.
    pub fn new(random: &mut ChaCha8Rng) -> (Self, SparseMemory) {
        let mut memory = SparseMemory::new();
        let mut spaces = Vec::new();
        let all: Vec<&'static Format> = formats().collect();
        for number in 0..8 {
            // each format has a space at least
            let format = all
                .get(number)
                .unwrap_or_else(|| all.choose(random).expect("there are formats"));
            spaces.push(Space::new(random, &mut memory, format));
        }
        let mut contexts = Vec::new();
        for number in 0..16 {
            let choice: u32 = random.gen_range(0..12);
            contexts.push(match choice {
                0 => (None, Context::bare()),
                1 => (None, Context::off()),
                // mostly no memory where the root should be
                2 | 3 => {
                    let mode = Mode::from_code(random.gen_range(0..8));
                    (None, Context::new(mode, random.gen_range(0..1 << 28)))
                }
                _ => {
                    let space = number % spaces.len();
                    (Some(space), checks(random, spaces[space].tables.context()))
                }
            });
        }
        (Self { spaces, contexts }, memory)
    }

    /// What the context table holds.
    pub fn context(&self, number: u8) -> &Context {
        &self.contexts[usize::from(number)].1
    }

    /// Whether lookups of the context go to the TLB when their address is canonical.
    pub fn is_paged(&self, lookup: &Lookup) -> bool {
        let mode = self.context(lookup.context).mode;
        mode.supported_by_rtl()
            && mode
                .format()
                .is_some_and(|format| format.is_canonical(lookup.virt_addr))
    }

    /// Mostly from a few contexts and a few of their places, so that most of them could hit.
    pub fn lookup(&self, random: &mut ChaCha8Rng) -> Lookup {
        let context = if random.gen_ratio(1, 2) {
            random.gen_range(0..5u8)
        } else {
            random.gen_range(0..16u8)
        };
        let (space, shown) = &self.contexts[usize::from(context)];
        let place = space.and_then(|space| {
            let places = &self.spaces[space].places;
            if random.gen_ratio(1, 4) {
                let large: Vec<&Place> = places.iter().filter(|place| place.level > 0).collect();
                return large.choose(random).map(|place| place.virt_addr);
            }
            let hot = if random.gen_ratio(1, 2) {
                places.len().min(40)
            } else {
                places.len()
            };
            places[..hot].choose(random).map(|place| place.virt_addr)
        });
        let any: u64 = random.gen();
        let virt_addr = match (place, random.gen_range(0..16)) {
            (Some(place), 0..=10) => place,
            // a neighbour in the line, in the table, in the superpage
            (Some(place), 11) => place ^ (any & 0x7000),
            (Some(place), 12) => place ^ (any & 0x1F_FFFF),
            (Some(place), 13) => place ^ (any & 0x3FFF_FFFF),
            // one bit off: often not canonical
            (Some(place), 14) => place ^ 1 << (any % 64),
            (None, 0..=7) if shown.mode == Mode::Bare => any >> 24,
            _ => any >> random.gen_range(0..40),
        };
        let access = super::access(random.gen_ratio(1, 3));
        Lookup {
            context,
            virt_addr,
            access,
        }
    }

    /// Changes an entry somewhere; says how the change can be made known, when there was one.
    pub fn change(
        &mut self,
        random: &mut ChaCha8Rng,
        memory: &mut SparseMemory,
        timeline: &mut Timeline,
        clock: u64,
    ) -> Option<Invalidation> {
        let number = random.gen_range(0..self.spaces.len());
        let owners: Vec<u8> = (0..16)
            .filter(|context| self.contexts[usize::from(*context)].0 == Some(number))
            .collect();
        let space = &mut self.spaces[number];
        let virt_addr = space.change(random, memory, timeline, clock)?;
        let owner = *owners.choose(random)?;
        Some(match random.gen_range(0..3) {
            0 => Invalidation::All,
            1 => Invalidation::Context(owner),
            _ => Invalidation::Address(owner, virt_addr),
        })
    }

    /// Another row for a context: other checks, another space, or none.
    pub fn change_context(&mut self, random: &mut ChaCha8Rng, number: u8) -> Context {
        let space = random.gen_range(0..self.spaces.len() + 1);
        let new = match self.spaces.get(space) {
            Some(of) => (Some(space), checks(random, of.tables.context())),
            None => (None, Context::bare()),
        };
        self.contexts[usize::from(number)] = new;
        new.1
    }

    /// A page with tables, for the bus to fail on.
    pub fn table_page(&self, random: &mut ChaCha8Rng) -> u64 {
        let space = self.spaces.choose(random).expect("there are spaces");
        // the root seldom, it spoils everything
        let tables = space.tables.tables();
        let from = usize::from(tables.len() > 1 && random.gen_ratio(7, 8));
        *tables[from..].choose(random).expect("there is a root")
    }
}

fn checks(random: &mut ChaCha8Rng, mut context: Context) -> Context {
    context.user_only = random.gen_ratio(3, 4);
    context.accessed_faults ^= random.gen_ratio(1, 4);
    context
}

impl Space {
    fn new(random: &mut ChaCha8Rng, memory: &mut SparseMemory, format: &'static Format) -> Self {
        let reach = 1u64 << format.page_bits.min(28);
        let mut free = Vec::new();
        while free.len() < TABLES {
            let page = random.gen_range(0..reach);
            if page != spoil::MISSING_PAGE && !memory.has_page(page) {
                memory.add_page(page);
                free.push(page);
            }
        }
        let mut frames = || free.pop().expect("there are pages for tables");
        let tables = AddressSpace::new(format.mode, memory, &mut frames).expect("memory is there");
        let mut space = Self {
            tables,
            format,
            places: Vec::new(),
            free,
            changed: Vec::new(),
        };
        for _ in 0..random.gen_range(6..22) {
            if space.free.len() > REGION_TABLES {
                space.add_region(random, memory);
            }
        }
        for _ in 0..random.gen_range(0..14) {
            space.spoil(random, memory);
        }
        space.places.shuffle(random);
        space
    }

    /// Some pages in a row.
    fn add_region(&mut self, random: &mut ChaCha8Rng, memory: &mut SparseMemory) {
        let format = self.format;
        let level = if random.gen() {
            0
        } else {
            let legal: Vec<usize> = (0..format.levels).filter(|level| format.leaf_legal(*level)).collect();
            *legal.choose(random).expect("level 0 is legal")
        };
        let size = format.page_bytes(level);
        // near another place as often as not, so that tables and lines are shared
        let base = match self.places.choose(random).filter(|_| random.gen()) {
            Some(place) => {
                let span = *[18, 24, 32].choose(random).expect("there are three");
                place.virt_addr ^ (random.gen::<u64>() & ((1 << span) - 1))
            }
            None => random.gen(),
        };
        let base = format.canonical_addr(base) & !(size - 1);
        let pages = if level == 0 {
            random.gen_range(1..40)
        } else {
            random.gen_range(1..4)
        };
        for page in 0..pages {
            let virt_addr = format.canonical_addr(base.wrapping_add(page * size));
            let phys_addr = self.phys_addr(random, level);
            let free = &mut self.free;
            let mut frames = || free.pop().expect("a region has pages for its tables");
            let permissions = permissions(random);
            let mapped = self
                .tables
                .map(memory, &mut frames, virt_addr, phys_addr, level, permissions);
            if mapped.is_ok() {
                self.places.push(Place { virt_addr, level });
            }
        }
    }

    /// A page of this level anywhere that the format and the engine reach.
    fn phys_addr(&self, random: &mut ChaCha8Rng, level: usize) -> u64 {
        let bits = (self.format.page_bits + 12).min(40);
        random.gen_range(0..1u64 << bits) & !(self.format.page_bytes(level) - 1)
    }

    /// Spoils an entry on the way to some place; an upper one spoils all that lies below.
    fn spoil(&mut self, random: &mut ChaCha8Rng, memory: &mut SparseMemory) {
        // superpages are few among the places, but have as much that can be wrong
        let large: Vec<Place> = self.places.iter().filter(|place| place.level > 0).copied().collect();
        let of = if random.gen() && !large.is_empty() {
            &large
        } else {
            &self.places
        };
        let Some(place) = of.choose(random).copied() else {
            return;
        };
        let level = self.level_on_the_way(random, &place);
        if let Ok(entry) = self.tables.entry(memory, place.virt_addr, level) {
            let spoilt = spoil::spoil(random, self.format, level, entry);
            let set = self.tables.set_entry(memory, place.virt_addr, level, spoilt);
            set.expect("the entry was just read");
        }
    }

    fn level_on_the_way(&self, random: &mut ChaCha8Rng, place: &Place) -> usize {
        if random.gen() {
            place.level
        } else {
            random.gen_range(place.level..self.format.levels)
        }
    }

    /// One change that software may make while the MMU works; the address it is about.
    fn change(
        &mut self,
        random: &mut ChaCha8Rng,
        memory: &mut SparseMemory,
        timeline: &mut Timeline,
        clock: u64,
    ) -> Option<u64> {
        let (virt_addr, level, entry) = if random.gen_ratio(1, 3) && !self.changed.is_empty() {
            let at = random.gen_range(0..self.changed.len());
            let changed = self.changed.swap_remove(at);
            (changed.virt_addr, changed.level, changed.entry)
        } else {
            let hot = self.places.len().min(40);
            let place = *self.places[..hot].choose(random)?;
            let level = self.level_on_the_way(random, &place);
            let old = self.tables.entry(memory, place.virt_addr, level).ok()?;
            self.changed.push(Changed {
                virt_addr: place.virt_addr,
                level,
                entry: old,
            });
            let moved = level == place.level && random.gen_ratio(2, 3);
            let new = if moved {
                let page = self.phys_addr(random, level) >> 12;
                old & !self.format.page_mask() | page << self.format.page_lsb
            } else {
                spoil::spoil(random, self.format, level, old)
            };
            (place.virt_addr, level, new)
        };
        let entry_addr = self.tables.entry_addr(memory, virt_addr, level).ok()?;
        timeline.word_changes(memory, clock, entry_addr);
        self.tables.set_entry(memory, virt_addr, level, entry).ok()?;
        Some(virt_addr)
    }
}

fn permissions(random: &mut ChaCha8Rng) -> Permissions {
    let mut often = || random.gen_ratio(7, 8);
    let read = often();
    Permissions {
        read,
        write: read && often(),
        // a page that is neither readable nor executable is no page
        execute: !read && often() || !often(),
        user: often(),
        accessed: often(),
        dirty: often(),
    }
}
