//! What a hostile driver leaves in memory: rings that begin well-formed and are then broken.

use super::arena::{Arena, PAGE, PAGES, WRITABLE_PAGES};
use rand::seq::SliceRandom;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use segwalk_model::virtqueue::{
    Binding, Descriptor, QueueConfig, DESCRIPTOR_BYTES, FLAG_INDIRECT, FLAG_NEXT, FLAG_WRITE,
};

/// First pages of what lies in the arena. Rings start anywhere in their page and may cross into the next.
const TABLE_PAGE: u64 = 0;
const AVAIL_PAGE: u64 = 2;
const USED_PAGE: u64 = 4;
const INDIRECT_PAGE: u64 = 6;
const DATA_PAGE: u64 = 9;
/// Where indirect tables start, so that they cross pages.
const INDIRECT_OFFSET: u64 = 3968;
/// Entries that an indirect table has room for, and tables.
const INDIRECT_ENTRIES: usize = 16;
const INDIRECT_TABLES: usize = 16;
/// Room for the bytes of a chain, and chains.
const SLOT_BYTES: u64 = 7168;
const SLOTS: usize = 4;
/// Pieces that a frame is cut into at most.
const PIECES: usize = 6;

/// Rings and data of a queue, and the registers that describe it.
pub struct Plan {
    pub config: QueueConfig,
    /// Whether the model knows what must happen: the used ring can be written, and the driver's event word be read. If
    /// not, it depends on the engine's pace how far it comes.
    pub certain: bool,
    writes: Vec<(u64, Vec<u8>)>,
}

/// The rings before they are written.
struct Rings {
    table: Vec<Descriptor>,
    indirect: Vec<Vec<Descriptor>>,
    heads: Vec<u16>,
    avail_flags: u16,
    avail_index: u16,
    used_event: u16,
    data: Vec<(u64, Vec<u8>)>,
}

impl Plan {
    /// Rings with `breaks` things wrong.
    pub fn new(
        random: &mut ChaCha8Rng,
        arena: &Arena,
        allies: u16,
        config: QueueConfig,
        pool: &[Vec<u8>],
        breaks: usize,
    ) -> Self {
        let mut config = config;
        config.size = 1 << *[0, 1, 2, 3, 3, 4, 4, 5, 6, 8].choose(random).expect("there are sizes");
        let offset = |random: &mut ChaCha8Rng, align: u64| random.gen_range(0..PAGE / align) * align;
        config.descriptor_addr = arena.at(TABLE_PAGE, offset(random, 16));
        config.avail_addr = arena.at(AVAIL_PAGE, offset(random, 2));
        config.used_addr = arena.at(USED_PAGE, offset(random, 4));
        config.binding = Binding {
            ring_context: arena.context,
            default_context: arena.context,
            names_allowed: random.gen_bool(0.8),
            seed_without_length: random.gen_bool(0.2),
            recoverable: random.gen_bool(0.4),
            mask: *[allies, 1 << arena.context].choose(random).expect("there are two"),
        };
        let mut rings = Rings::good(random, arena, &config, pool);
        for _ in 0..breaks {
            rings.break_one(random, arena, &mut config);
        }
        let used_bytes = 6 + 8 * u64::from(config.size);
        Self {
            certain: arena.is_writable(config.used_addr & !3, used_bytes)
                && arena.is_writable(config.avail_addr & !1, 6 + 2 * u64::from(config.size)),
            writes: rings.writes(arena, &config),
            config,
        }
    }

    /// Puts it all into memory, over zeros.
    pub fn write(&self, arena: &Arena, memory: &mut impl segwalk_model::memory::MemoryMut) {
        for page in 0..DATA_PAGE {
            arena.write(memory, arena.at(page, 0), &[0; PAGE as usize]);
        }
        for (virt_addr, bytes) in &self.writes {
            arena.write(memory, *virt_addr, bytes);
        }
    }
}

/// Any address that may be worth trying.
fn address(random: &mut ChaCha8Rng, arena: &Arena) -> u64 {
    match random.gen_range(0..8) {
        0 => random.gen(),
        1 => 0,
        2 => u64::MAX - random.gen_range(0..64),
        3 => arena.base.wrapping_sub(random.gen_range(0..64)),
        4 => arena.at(PAGES, 0).wrapping_sub(random.gen_range(0..64)),
        5 => arena.base ^ 1 << random.gen_range(12..64),
        _ => arena.at(random.gen_range(0..PAGES), random.gen_range(0..PAGE)),
    }
}

fn length(random: &mut ChaCha8Rng) -> u32 {
    match random.gen_range(0..8) {
        0 => 0,
        1 => random.gen_range(1..14),
        2 => u32::MAX - random.gen_range(0..32),
        3 => 0x8000_0000,
        4 => 65_536 + random.gen_range(0..600),
        5 => random.gen_range(0..9000),
        _ => random.gen_range(0..200),
    }
}

impl Rings {
    fn good(random: &mut ChaCha8Rng, arena: &Arena, config: &QueueConfig, pool: &[Vec<u8>]) -> Self {
        let size = usize::from(config.size);
        let mut free: Vec<u16> = (0..config.size).collect();
        free.shuffle(random);
        let mut rings = Rings {
            table: vec![Descriptor::default(); size],
            indirect: Vec::new(),
            heads: Vec::new(),
            avail_flags: random.gen_range(0..2),
            avail_index: 0,
            used_event: random.gen_range(0..8),
            data: Vec::new(),
        };
        for slot in 0..random.gen_range(1..=SLOTS) {
            let bytes = pool.choose(random).expect("a pool is not empty").clone();
            let start = arena.at(DATA_PAGE, slot as u64 * SLOT_BYTES + random.gen_range(0..64));
            let mut pieces = cut(random, start, bytes.len(), PIECES.min(free.len()).max(1));
            if config.binding.names_allowed {
                for piece in &mut pieces {
                    piece.flags |= (u16::from(arena.context) * random.gen_range(0..2)) << 12;
                }
            }
            let direct = match config.indirect && random.gen_bool(0.4) && rings.indirect.len() < INDIRECT_TABLES {
                true => random.gen_range(0..pieces.len()),
                false => pieces.len(),
            };
            let mut chain = pieces[..direct].to_vec();
            if direct < pieces.len() {
                chain.push(rings.add_indirect(random, arena, &pieces[direct..]));
            }
            if chain.len() > free.len() {
                break;
            }
            let indices: Vec<u16> = free.drain(..chain.len()).collect();
            for (at, descriptor) in chain.iter_mut().enumerate() {
                if let Some(next) = indices.get(at + 1) {
                    (descriptor.flags, descriptor.next) = (descriptor.flags | FLAG_NEXT, *next);
                }
                rings.table[usize::from(indices[at])] = *descriptor;
            }
            rings.heads.push(indices[0]);
            rings.data.push((start, bytes));
        }
        rings.avail_index = rings.heads.len() as u16;
        rings
    }

    /// An indirect table of these pieces, in an order of its own; gives the descriptor that points to it.
    fn add_indirect(&mut self, random: &mut ChaCha8Rng, arena: &Arena, pieces: &[Descriptor]) -> Descriptor {
        let entries = random.gen_range(pieces.len()..=INDIRECT_ENTRIES);
        let mut order: Vec<u16> = (1..entries as u16).collect();
        order.shuffle(random);
        order.insert(0, 0);
        let mut table = vec![Descriptor::default(); entries];
        for (at, piece) in pieces.iter().enumerate() {
            let mut entry = *piece;
            if at + 1 < pieces.len() {
                (entry.flags, entry.next) = (entry.flags | FLAG_NEXT, order[at + 1]);
            }
            table[usize::from(order[at])] = entry;
        }
        self.indirect.push(table);
        Descriptor {
            virt_addr: indirect_at(arena, self.indirect.len() - 1),
            bytes: (DESCRIPTOR_BYTES * entries) as u32,
            flags: FLAG_INDIRECT,
            next: random.gen(),
        }
    }

    fn break_one(&mut self, random: &mut ChaCha8Rng, arena: &Arena, config: &mut QueueConfig) {
        match random.gen_range(0..16) {
            0..=5 => {
                let index = random.gen_range(0..self.table.len());
                // one that is used, when there is one
                let head = self.heads.choose(random).map(|head| usize::from(*head));
                let index = head
                    .filter(|head| random.gen_bool(0.6) && *head < self.table.len())
                    .unwrap_or(index);
                self.table[index] = broken(random, arena, self.table[index], config.size);
            }
            6 | 7 => match self.indirect.choose_mut(random) {
                Some(table) => {
                    let (index, entries) = (random.gen_range(0..table.len()), table.len() as u16);
                    table[index] = broken(random, arena, table[index], entries);
                }
                None => self.avail_flags = random.gen(),
            },
            8 => {
                let heads = self.heads.len();
                if let Some(head) = self.heads.get_mut(random.gen_range(0..heads.max(1))) {
                    *head = match random.gen_range(0..3) {
                        0 => config.size.wrapping_add(random.gen_range(0..3)),
                        1 => random.gen(),
                        _ => random.gen_range(0..config.size),
                    };
                }
            }
            9 => {
                self.avail_index = match random.gen_range(0..5) {
                    0 => config.size,
                    1 => config.size.wrapping_add(random.gen_range(1..4)),
                    2 => random.gen(),
                    3 => 0xFFFF,
                    _ => self.avail_index.wrapping_add(random.gen_range(0..4)),
                };
            }
            10 => (self.avail_flags, self.used_event) = (random.gen(), random.gen()),
            11 => {
                let ring = [
                    &mut config.descriptor_addr,
                    &mut config.avail_addr,
                    &mut config.used_addr,
                ];
                let ring = ring.into_iter().nth(random.gen_range(0..3)).expect("there are three");
                let page = arena.at(random.gen_range(WRITABLE_PAGES..PAGES + 1), 0);
                *ring = match random.gen_range(0..4) {
                    0 => address(random, arena),
                    1 => page.wrapping_sub(random.gen_range(0..64)),
                    _ => page + random.gen_range(0..PAGE),
                };
            }
            _ => {
                if let Some((_, bytes)) = self.data.choose_mut(random) {
                    // virtio_net_hdr or a header
                    let end = if random.gen() { 12 } else { 100 }.min(bytes.len());
                    let at = random.gen_range(0..end);
                    bytes[at] = match random.gen_range(0..4) {
                        0 => 0,
                        1 => 0xFF,
                        2 => bytes[at] ^ 1 << random.gen_range(0..8),
                        _ => random.gen(),
                    };
                }
            }
        }
    }

    fn writes(&self, arena: &Arena, config: &QueueConfig) -> Vec<(u64, Vec<u8>)> {
        let mut writes = self.data.clone();
        let bytes = |table: &[Descriptor]| table.iter().flat_map(|descriptor| descriptor.to_bytes()).collect();
        for (at, table) in self.indirect.iter().enumerate() {
            writes.push((indirect_at(arena, at), bytes(table)));
        }
        writes.push((config.descriptor_addr & !15, bytes(&self.table)));
        let mut avail = [self.avail_flags.to_le_bytes(), self.avail_index.to_le_bytes()].concat();
        avail.extend(self.heads.iter().flat_map(|head| head.to_le_bytes()));
        avail.resize(4 + 2 * usize::from(config.size), 0);
        avail.extend(self.used_event.to_le_bytes());
        writes.push((config.avail_addr & !1, avail));
        writes
    }
}

fn indirect_at(arena: &Arena, table: usize) -> u64 {
    arena.at(INDIRECT_PAGE, INDIRECT_OFFSET) + (table * INDIRECT_ENTRIES * DESCRIPTOR_BYTES) as u64
}

/// Descriptors of consecutive pieces.
fn cut(random: &mut ChaCha8Rng, start: u64, bytes: usize, most: usize) -> Vec<Descriptor> {
    // often all cuts are in the headers
    let end = if random.gen() { bytes.min(90) } else { bytes };
    let count = random.gen_range(0..most);
    let mut ends: Vec<usize> = (0..count).map(|_| random.gen_range(1..=end)).collect();
    ends.push(bytes);
    ends.sort_unstable();
    ends.dedup();
    let mut at = 0;
    let mut pieces = Vec::new();
    for end in ends {
        pieces.push(Descriptor {
            virt_addr: start + at as u64,
            bytes: (end - at) as u32,
            ..Descriptor::default()
        });
        at = end;
    }
    pieces
}

/// One field of a descriptor made wrong.
fn broken(random: &mut ChaCha8Rng, arena: &Arena, descriptor: Descriptor, entries: u16) -> Descriptor {
    let mut descriptor = descriptor;
    match random.gen_range(0..9) {
        0 => descriptor.flags = random.gen(),
        1 => descriptor.flags ^= FLAG_NEXT,
        2 => descriptor.flags ^= FLAG_WRITE,
        3 => descriptor.flags ^= FLAG_INDIRECT,
        4 => descriptor.flags = descriptor.flags & 0xFFF | random.gen_range(0..16) << 12,
        5 | 6 => {
            descriptor.next = match random.gen_range(0..4) {
                0 => entries,
                1 => 0xFFFF,
                _ => random.gen_range(0..entries),
            };
        }
        7 => descriptor.virt_addr = address(random, arena),
        _ => descriptor.bytes = length(random),
    }
    descriptor
}
