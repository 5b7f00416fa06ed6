//! A queue in plain memory, with a register block that takes everything; the device's side is played by the model.

use segwalk_driver::{
    area_bytes, need_event, registers, Areas, Binding, Buffer, Bus, Descriptor, Error, IndirectArea, Memory, Platform,
    Queue, Slot, Wake,
};
use segwalk_model::limits::CONTEXTS;
use segwalk_model::memory::{Memory as _, MemoryMut as _, SparseMemory};
use segwalk_model::page_table::Context;
use segwalk_model::registers::feature;
use segwalk_model::virtqueue::{self, Chain, Contexts, QueueConfig};
use std::collections::HashMap;

const TABLE: u64 = 0x10_0000;
const AVAIL: u64 = 0x20_0002;
const USED: u64 = 0x30_0004;
const INDIRECT: u64 = 0x40_0000;

/// Registers that keep what is written, and memory.
#[derive(Default)]
struct Board {
    registers: HashMap<u16, u32>,
    writes: Vec<(u16, u32)>,
    memory: SparseMemory,
}

impl Platform for Board {
    type Error = String;
}

impl Bus for Board {
    fn read_offset(&mut self, offset: u16) -> Result<u32, String> {
        match offset {
            offset if offset == registers::QUEUE_NUM_MAX.offset => Ok(32768),
            _ => Ok(self.registers.get(&offset).copied().unwrap_or(0)),
        }
    }

    fn write_offset(&mut self, offset: u16, value: u32) -> Result<(), String> {
        self.writes.push((offset, value));
        self.registers.insert(offset, value);
        Ok(())
    }
}

impl Memory for Board {
    fn read_u16(&mut self, addr: u64) -> Result<u16, String> {
        self.read_u32(addr & !3).map(|word| (word >> (8 * (addr & 2))) as u16)
    }

    fn read_u32(&mut self, addr: u64) -> Result<u32, String> {
        self.memory.read_u32(addr).map_err(|error| error.to_string())
    }

    fn write_u16(&mut self, addr: u64, value: u16) -> Result<(), String> {
        assert_eq!(addr % 2, 0);
        self.memory
            .write(addr, &value.to_le_bytes())
            .map_err(|error| error.to_string())
    }

    fn write_u32(&mut self, addr: u64, value: u32) -> Result<(), String> {
        assert_eq!(addr % 4, 0);
        self.memory
            .write(addr, &value.to_le_bytes())
            .map_err(|error| error.to_string())
    }

    fn write_u64(&mut self, addr: u64, value: u64) -> Result<(), String> {
        assert_eq!(addr % 8, 0);
        self.memory
            .write(addr, &value.to_le_bytes())
            .map_err(|error| error.to_string())
    }

    fn barrier(&mut self) {}
}

/// The driver's queue, and the model's view of it.
struct Setup {
    board: Board,
    queue: Queue<Vec<Slot>>,
    config: QueueConfig,
    contexts: Contexts,
    served: u16,
}

fn setup(size: u32, features: u64) -> Setup {
    let mut board = Board::default();
    for start in [TABLE, AVAIL, USED, INDIRECT] {
        (0..8).for_each(|page| board.memory.add_page((start >> 12) + page));
    }
    let areas = Areas {
        descriptors: TABLE,
        avail: AVAIL,
        used: USED,
        indirect: Some(IndirectArea {
            addr: INDIRECT,
            entries: 8,
        }),
    };
    let binding = Binding {
        names_allowed: true,
        mask: 0xFFFF,
        ..Binding::default()
    };
    let slots = vec![Slot::default(); size as usize];
    let queue = Queue::start(&mut board, 1, size, features, areas, &binding, slots).unwrap();
    let mut contexts = [Context::off(); CONTEXTS];
    contexts[0] = Context::bare();
    Setup {
        board,
        queue,
        config: QueueConfig {
            size: size as u16,
            descriptor_addr: TABLE,
            avail_addr: AVAIL,
            used_addr: USED,
            binding,
            indirect: features & feature::RING_INDIRECT_DESC != 0,
            event_idx: features & feature::RING_EVENT_IDX != 0,
        },
        contexts,
        served: 0,
    }
}

impl Setup {
    /// The next chain as the model reads it.
    fn serve(&mut self) -> (u16, Chain) {
        let (memory, config, contexts) = (&self.board.memory, &self.config, &self.contexts);
        assert!(virtqueue::avail_heads(memory, config, contexts, self.served).unwrap() > 0);
        let head = virtqueue::avail_head(memory, config, contexts, self.served).unwrap();
        let chain = virtqueue::walk_chain(memory, config, contexts, head).unwrap();
        self.served = self.served.wrapping_add(1);
        (head, chain)
    }

    fn give_back(&mut self, used: u16, heads: &[u16]) -> u16 {
        virtqueue::put_used(&mut self.board.memory, &self.config, &self.contexts, used, heads).unwrap()
    }
}

fn buffer(context: u8, virt_addr: u64, bytes: u32) -> Buffer {
    Buffer {
        context,
        virt_addr,
        bytes,
    }
}

#[test]
fn contiguous_buffers_share_a_descriptor() {
    let mut setup = setup(16, 0);
    let buffers = [
        buffer(0, 0x1000, 12),
        buffer(0, 0x100C, 54),
        buffer(0, 0x9999, 0),
        buffer(0, 0x1042, 8),
        buffer(3, 0x104A, 100),
        buffer(3, 0x10AE, 1),
        buffer(3, 0x10B0, 1),
        buffer(3, u64::MAX, 1),
        buffer(3, 0, 1),
    ];
    let head = setup.queue.send(&mut setup.board, &buffers).unwrap();
    let (found, chain) = setup.serve();
    assert_eq!((found, head), (0, 0));
    let pieces: Vec<_> = chain
        .fragments
        .iter()
        .map(|at| (at.context, at.virt_addr, at.bytes))
        .collect();
    assert_eq!(
        pieces,
        [
            (0, 0x1000, 74),
            (3, 0x104A, 101),
            (3, 0x10B0, 1),
            (3, u64::MAX, 1),
            (3, 0, 1)
        ]
    );
    assert_eq!(setup.queue.free(), 11);
    let huge = [buffer(0, 0, u32::MAX), buffer(0, u64::from(u32::MAX), 12)];
    setup.queue.send(&mut setup.board, &huge).unwrap();
    assert_eq!(setup.queue.free(), 9, "a length that does not fit is not joined");
}

#[test]
fn indirect_tables_take_one_descriptor() {
    let mut setup = setup(4, feature::RING_INDIRECT_DESC);
    let pieces = |count: u64| -> Vec<Buffer> { (0..count).map(|at| buffer(0, 0x1000 + 64 * at, 32)).collect() };
    for count in [4, 2, 3, 1] {
        setup.queue.send(&mut setup.board, &pieces(count)).unwrap();
    }
    assert_eq!(setup.queue.free(), 0);
    assert_eq!(
        setup.queue.send(&mut setup.board, &pieces(2)),
        Err(Error::Full { needed: 1, free: 0 })
    );
    for count in [4, 2, 3, 1] {
        let (_, chain) = setup.serve();
        assert_eq!(chain.fragments.len(), count);
        assert!(chain
            .fragments
            .iter()
            .zip(pieces(4))
            .all(|(found, sent)| found.virt_addr == sent.virt_addr));
    }
    assert_eq!(
        setup.queue.send(&mut setup.board, &pieces(5)),
        Err(Error::Full { needed: 5, free: 0 }),
        "more than Queue Size never go into a table"
    );
}

#[test]
fn descriptors_are_used_again_when_their_chain_came_back() {
    for features in [0, feature::RING_INDIRECT_DESC] {
        let mut setup = setup(8, features);
        setup.queue.set_order(&[3, 1, 4, 0, 5, 7, 2, 6]);
        let mut used = 0;
        for round in 0..70_000u32 {
            let count = 1 + round % 4;
            let buffers: Vec<_> = (0..count)
                .map(|at| buffer(0, u64::from(4096 * at + round), 20))
                .collect();
            let heads: Vec<u16> = (0..2)
                .map(|_| setup.queue.send(&mut setup.board, &buffers).unwrap())
                .collect();
            let served: Vec<u16> = (0..2).map(|_| setup.serve().0).collect();
            assert_eq!(heads, served);
            // in either order
            let back = if round % 3 == 0 {
                [heads[1], heads[0]]
            } else {
                [heads[0], heads[1]]
            };
            used = setup.give_back(used, &back);
            for head in back {
                assert_eq!(
                    setup.queue.reap(&mut setup.board).unwrap().map(|used| used.head),
                    Some(head)
                );
            }
            assert_eq!(setup.queue.reap(&mut setup.board), Ok(None));
            assert_eq!((setup.queue.free(), setup.queue.in_flight()), (8, 0));
        }
    }
}

#[test]
fn what_cannot_be_posted_changes_nothing() {
    let mut setup = setup(4, 0);
    let piece = |at: u64| buffer(0, 100 * at, 50);
    assert_eq!(setup.queue.send(&mut setup.board, &[]), Err(Error::EmptyChain));
    assert_eq!(
        setup.queue.send(&mut setup.board, &[buffer(0, 5, 0)]),
        Err(Error::EmptyChain)
    );
    let five: Vec<_> = (0..5).map(piece).collect();
    let error = setup.queue.send(&mut setup.board, &five).unwrap_err();
    assert_eq!(error, Error::Full { needed: 5, free: 4 });
    assert!(error.to_string().contains("reap first"));
    assert_eq!((setup.queue.free(), setup.queue.avail_index()), (4, 0));
}

#[test]
fn a_device_that_returns_what_was_not_posted_is_told_of() {
    let mut setup = setup(4, 0);
    let head = setup.queue.send(&mut setup.board, &[buffer(0, 0, 60)]).unwrap();
    let mut used = setup.give_back(0, &[head]);
    setup.board.write_u32(USED + 8, 7).unwrap();
    assert_eq!(
        setup.queue.reap(&mut setup.board),
        Err(Error::Written { head, bytes: 7 })
    );
    setup.board.write_u32(USED + 8, 0).unwrap();
    assert!(setup.queue.reap(&mut setup.board).unwrap().is_some());
    used = setup.give_back(used, &[head]);
    assert_eq!(setup.queue.reap(&mut setup.board), Err(Error::NotPosted(head.into())));
    for id in [4, 0x1_0000, u32::MAX] {
        setup.board.write_u32(USED + 4 + 8 * (u64::from(used) - 1), id).unwrap();
        assert_eq!(setup.queue.reap(&mut setup.board), Err(Error::NotPosted(id)));
    }
}

#[test]
fn doorbells_are_rung_when_the_device_wants_them() {
    let notify = (registers::QUEUE_NOTIFY.offset, registers::tx_queue_index(1));
    let mut setup = setup(8, feature::RING_EVENT_IDX);
    let send = |setup: &mut Setup| {
        setup.queue.send(&mut setup.board, &[buffer(0, 0, 60)]).unwrap();
        setup.queue.kick(&mut setup.board).unwrap()
    };
    assert!(send(&mut setup), "the device waits for entry 0");
    assert_eq!(setup.board.writes.last(), Some(&notify));
    assert!(!send(&mut setup), "it has not said that it wants more");
    let want = |setup: &mut Setup, event| {
        virtqueue::put_avail_event(&mut setup.board.memory, &setup.config, &setup.contexts, event).unwrap();
    };
    want(&mut setup, 2);
    assert!(send(&mut setup));
    assert!(!setup.queue.kick(&mut setup.board).unwrap(), "nothing new");
    want(&mut setup, 4);
    assert!(!send(&mut setup));
    assert!(send(&mut setup));

    let mut setup = self::setup(8, 0);
    assert!(send(&mut setup));
    setup.board.write_u16(USED, 1).unwrap();
    assert!(!send(&mut setup), "NO_NOTIFY is set");
}

#[test]
fn interrupts_come_when_the_driver_wants_them() {
    for features in [0, feature::RING_EVENT_IDX] {
        let mut setup = setup(8, features);
        let mut used = 0;
        let mut back = |setup: &mut Setup, chains: usize| {
            let heads: Vec<u16> = (0..chains)
                .map(|_| setup.queue.send(&mut setup.board, &[buffer(0, 0, 60)]).unwrap())
                .collect();
            let old = used;
            used = setup.give_back(old, &heads);
            let wanted =
                virtqueue::wants_interrupt(&setup.board.memory, &setup.config, &setup.contexts, old, used).unwrap();
            while setup.queue.reap(&mut setup.board).unwrap().is_some() {}
            wanted
        };
        assert!(!setup.queue.wake(&mut setup.board, Wake::Never).unwrap());
        assert!(!back(&mut setup, 3));
        setup.queue.wake(&mut setup.board, Wake::After(1)).unwrap();
        assert!(back(&mut setup, 1));
        setup.queue.wake(&mut setup.board, Wake::After(3)).unwrap();
        assert_eq!(back(&mut setup, 2), features == 0);
        assert!(back(&mut setup, 1));
        assert_eq!(back(&mut setup, 1), features == 0, "once for each question");
    }
}

#[test]
fn the_sizes_of_the_areas_hold_their_event_words() {
    assert_eq!(area_bytes(8), [128, 22, 70]);
    assert!(need_event(5, 6, 5) && !need_event(6, 6, 5));
    let mut setup = setup(8, 0);
    let error = Queue::start(
        &mut setup.board,
        1,
        12,
        0,
        Areas::default(),
        &Binding::default(),
        [Slot::default(); 16],
    );
    assert_eq!(error.unwrap_err(), Error::QueueSize { size: 12, most: 32768 });
    let raw = Descriptor {
        virt_addr: 0x55,
        bytes: 0,
        flags: segwalk_driver::FLAG_WRITE,
    };
    setup.board.registers.clear();
    setup.queue.post(&mut setup.board, &[raw, raw]).unwrap();
    assert_eq!(setup.board.memory.read_u64(TABLE + 8), Ok(3 << 32 | 1 << 48));
}
