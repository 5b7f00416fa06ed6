//! What stands around a queue module: page tables and memory of the model behind its ports, with delays and stalls.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use segwalk_model::limits::CONTEXTS;
use segwalk_model::memory::{Memory, MemoryMut, SparseMemory};
use segwalk_model::page_table::{translate, Access, AddressSpace, Context, Mode, Permissions};
use segwalk_model::virtqueue::{Contexts, QueueConfig};
use segwalk_sim::verilated::{Dut, Port};
use std::collections::{HashSet, VecDeque};

const PAGE: u64 = 4096;

/// How hostile a case is.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// Longest answer of memory and MMU, in clocks.
    pub latency: u64,
    /// Every answer takes the longest time.
    pub steady: bool,
    /// How often a handshake stalls.
    pub stall_percent: u32,
}

impl Weather {
    pub fn random(random: &mut ChaCha8Rng) -> Self {
        Self {
            latency: [0, 3, 20, 100][random.gen_range(0..4)],
            steady: false,
            stall_percent: [0, 10, 50, 90][random.gen_range(0..4)],
        }
    }

    /// No stalls, and every answer takes `latency` clocks.
    pub const fn steady(latency: u64) -> Self {
        Self {
            latency,
            steady: true,
            stall_percent: 0,
        }
    }

    fn due(&self, random: &mut ChaCha8Rng, now: u64) -> u64 {
        match self.steady {
            true => now + self.latency,
            false => now + random.gen_range(0..=self.latency),
        }
    }

    pub fn goes(&self, random: &mut ChaCha8Rng) -> bool {
        !random.gen_ratio(self.stall_percent, 100)
    }
}

/// Seed of a test: `SEGWALK_SEED`, or the given one.
pub fn seed(default: u64) -> u64 {
    std::env::var("SEGWALK_SEED").map_or(default, |text| {
        text.parse().expect("SEGWALK_SEED must be a decimal number")
    })
}

/// Runs cases with seeds one after the other and says how to repeat the one that fails.
pub fn each_seed(first: u64, cases: u64, mut case: impl FnMut(u64)) {
    for case_seed in first..first + cases {
        if let Err(panic) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| case(case_seed))) {
            eprintln!("repeat with SEGWALK_SEED={case_seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

/// Memory and address spaces; context 0 is Bare, the others have tables.
pub struct World {
    pub memory: SparseMemory,
    pub contexts: Contexts,
    spaces: Vec<AddressSpace>,
    taken: HashSet<u64>,
}

fn new_frame(random: &mut ChaCha8Rng, taken: &mut HashSet<u64>, memory: &mut SparseMemory) -> u64 {
    loop {
        let frame = random.gen_range(1..1 << ALIAS_BIT);
        if taken.insert(frame) {
            memory.add_page(frame);
            return frame;
        }
    }
}

impl World {
    pub fn new(random: &mut ChaCha8Rng) -> Self {
        let (mut memory, mut taken) = (SparseMemory::new(), HashSet::new());
        let mut contexts = [Context::off(); CONTEXTS];
        let mut spaces = Vec::new();
        for (index, context) in contexts.iter_mut().enumerate() {
            let mode = [Mode::Sv39, Mode::X86_64][index % 2];
            let mut frames = {
                let frame = new_frame(random, &mut taken, &mut memory);
                let mut first = Some(frame);
                move || first.take().expect("one table")
            };
            let space = AddressSpace::new(mode, &mut memory, &mut frames).unwrap();
            *context = space.context();
            spaces.push(space);
        }
        Self {
            memory,
            contexts,
            spaces,
            taken,
        }
    }

    /// Maps the pages of an area to new frames; with `faulty`, one of them may fault or have no memory.
    pub fn map(&mut self, random: &mut ChaCha8Rng, context: usize, virt_addr: u64, bytes: u64, faulty: bool) {
        let pages: Vec<u64> = (virt_addr / PAGE..=(virt_addr + bytes - 1) / PAGE).collect();
        let bad = if faulty {
            random.gen_range(0..pages.len())
        } else {
            usize::MAX
        };
        for (index, page) in pages.into_iter().enumerate() {
            if translate(&self.memory, &self.contexts[context], page * PAGE, Access::Read).is_ok() {
                continue;
            }
            let fault = index == bad && random.gen();
            let frame = new_frame(random, &mut self.taken, &mut self.memory);
            let mut tables: Vec<u64> = (0..4)
                .map(|_| new_frame(random, &mut self.taken, &mut self.memory))
                .collect();
            if !fault {
                self.spaces[context]
                    .map(
                        &mut self.memory,
                        &mut || tables.pop().expect("four levels"),
                        page * PAGE,
                        frame * PAGE,
                        0,
                        Permissions::USER_WRITE,
                    )
                    .unwrap();
            }
            if index == bad {
                self.memory.remove_page(frame);
            }
        }
    }

    /// What the driver writes; places that do not exist are left out.
    pub fn poke(&mut self, context: usize, virt_addr: u64, bytes: &[u8]) {
        for (at, byte) in bytes.iter().enumerate() {
            let addr = virt_addr.wrapping_add(at as u64);
            if let Ok(page) = translate(&self.memory, &self.contexts[context], addr, Access::Read) {
                self.memory.write(page.phys_addr, &[*byte]).ok();
            }
        }
    }
}

/// A queue with its areas somewhere in the context, aligned no better than they must be.
pub fn random_queue(world: &mut World, random: &mut ChaCha8Rng, context: u8, size: u16, faulty: bool) -> QueueConfig {
    let mut area = |bytes: u64, align: u64, faulty: bool| {
        let at = random.gen_range(1..1u64 << 26) * PAGE + random.gen_range(0..PAGE / align) * align;
        world.map(random, context.into(), at, bytes, faulty);
        at
    };
    let size_bytes = u64::from(size);
    let (descriptor_addr, avail_addr, used_addr) = (
        area(16 * size_bytes, 16, faulty),
        area(6 + 2 * size_bytes, 2, faulty),
        area(6 + 8 * size_bytes, 4, faulty),
    );
    let mut queue = QueueConfig {
        size,
        descriptor_addr,
        avail_addr,
        used_addr,
        ..Default::default()
    };
    queue.binding.ring_context = context;
    queue.binding.default_context = random.gen_range(0..16);
    queue.binding.names_allowed = random.gen_ratio(3, 4);
    queue.binding.mask = random.gen();
    queue
}

/// The queue table, with its answer one clock after the question.
pub struct Table {
    queue: Port,
    word: Port,
    data: Port,
    pub queues: Vec<QueueConfig>,
}

impl Table {
    pub fn new(dut: &Dut) -> anyhow::Result<Self> {
        Ok(Self {
            queue: dut.port("table$queue")?,
            word: dut.port("table$word")?,
            data: dut.port("table$data")?,
            queues: vec![QueueConfig::default(); 16],
        })
    }

    /// The answer to the question that stands before the next clock.
    pub fn ask(&self, dut: &Dut) -> u64 {
        let queue = &self.queues[dut.get(self.queue) as usize];
        match dut.get(self.word) {
            0 => queue.descriptor_addr,
            1 => queue.avail_addr,
            2 => queue.used_addr,
            _ => {
                u64::from(queue.size)
                    | u64::from(queue.binding.ring_context) << 16
                    | u64::from(queue.binding.default_context) << 20
                    | u64::from(queue.binding.names_allowed) << 24
                    | u64::from(queue.binding.mask) << 32
            }
        }
    }

    pub fn answer(&self, dut: &mut Dut, word: u64) {
        dut.set(self.data, word);
    }
}

/// Bits of a page number from here on name no other memory: they tell which translation an access used.
pub const ALIAS_BIT: u32 = 24;

/// The MMU.
pub struct Translator {
    req_valid: Port,
    req_ready: Port,
    context: Port,
    virt_page: Port,
    write: Port,
    rsp_valid: Port,
    rsp_ready: Port,
    phys_page: Port,
    cause: Port,
    under_way: VecDeque<(u64, u64, u64)>,
}

impl Translator {
    pub fn new(dut: &Dut) -> anyhow::Result<Self> {
        let port = |name: &str| dut.port(&format!("translate${name}"));
        Ok(Self {
            req_valid: port("req_valid")?,
            req_ready: port("req_ready")?,
            context: port("context")?,
            virt_page: port("virt_page")?,
            write: port("write")?,
            rsp_valid: port("rsp_valid")?,
            rsp_ready: port("rsp_ready")?,
            phys_page: port("phys_page")?,
            cause: port("cause")?,
            under_way: VecDeque::new(),
        })
    }

    pub fn step(&mut self, dut: &mut Dut, world: &World, weather: Weather, random: &mut ChaCha8Rng, now: u64) {
        let ready = weather.goes(random);
        dut.set(self.req_ready, ready.into());
        let front = self.under_way.front().filter(|answer| answer.0 <= now).copied();
        dut.set(self.rsp_valid, front.is_some().into());
        if let Some((_, phys_page, cause)) = front {
            dut.set(self.phys_page, phys_page);
            dut.set(self.cause, cause);
            if dut.get(self.rsp_ready) == 1 {
                self.under_way.pop_front();
            }
        }
        if ready && dut.get(self.req_valid) == 1 {
            let context = &world.contexts[dut.get(self.context) as usize];
            let access = if dut.get(self.write) == 1 {
                Access::Write
            } else {
                Access::Read
            };
            let result = translate(&world.memory, context, dut.get(self.virt_page) << 12, access);
            let due = weather.due(random, now + 1);
            self.under_way.push_back(match result {
                Ok(page) => (due, page.phys_addr >> 12, 0),
                Err(cause) => (due, 0xBAD_BAD, cause.code().into()),
            });
        }
    }
}

/// Memory that is read.
pub struct ReadMemory {
    req_valid: Port,
    req_ready: Port,
    phys_addr: Port,
    beats_minus_1: Port,
    data_valid: Port,
    data: Port,
    data_last: Port,
    data_error: Port,
    // due, address, beats left
    under_way: VecDeque<(u64, u64, u64)>,
    pub reads: u64,
    pub beats: u64,
}

impl ReadMemory {
    pub fn new(dut: &Dut) -> anyhow::Result<Self> {
        Self::behind(dut, "mem")
    }

    pub fn behind(dut: &Dut, ports: &str) -> anyhow::Result<Self> {
        let port = |name: &str| dut.port(&format!("{ports}${name}"));
        Ok(Self {
            req_valid: port("req_valid")?,
            req_ready: port("req_ready")?,
            phys_addr: port("phys_addr")?,
            beats_minus_1: port("beats_minus_1")?,
            data_valid: port("data_valid")?,
            data: port("data")?,
            data_last: port("data_last")?,
            data_error: port("data_error")?,
            under_way: VecDeque::new(),
            reads: 0,
            beats: 0,
        })
    }

    pub fn step(&mut self, dut: &mut Dut, world: &World, weather: Weather, random: &mut ChaCha8Rng, now: u64) {
        let ready = weather.goes(random);
        dut.set(self.req_ready, ready.into());
        let go = weather.goes(random);
        let front = self.under_way.front_mut().filter(|read| read.0 <= now && go);
        dut.set(self.data_valid, front.is_some().into());
        dut.set(self.data, random.gen());
        dut.set(self.data_last, random.gen::<bool>().into());
        dut.set(self.data_error, random.gen::<bool>().into());
        if let Some((_, addr, left)) = front {
            let word = world.memory.read_u64(*addr);
            dut.set(self.data_error, word.is_err().into());
            dut.set(self.data, word.unwrap_or(0x0BAD_0BAD_0BAD_0BAD));
            dut.set(self.data_last, u64::from(*left == 1));
            *addr += 8;
            *left -= 1;
            if *left == 0 {
                self.under_way.pop_front();
            }
        }
        if ready && dut.get(self.req_valid) == 1 {
            let (addr, beats) = (dut.get(self.phys_addr), dut.get(self.beats_minus_1) + 1);
            assert!(
                addr % 8 == 0 && addr % PAGE + 8 * beats <= PAGE,
                "read of {beats} beats at {addr:#x}"
            );
            let real = addr & ((1 << (12 + ALIAS_BIT)) - 1);
            // The read arbiter's own registers take three clocks.
            self.under_way.push_back((weather.due(random, now + 3), real, beats));
            self.reads += 1;
            self.beats += beats;
        }
    }
}

/// Memory that is written. A write takes effect when it is acknowledged.
pub struct WriteMemory {
    req_valid: Port,
    req_ready: Port,
    phys_addr: Port,
    data: Port,
    strobe: Port,
    done_valid: Port,
    done_error: Port,
    // due, address, data, strobe
    under_way: VecDeque<(u64, u64, u64, u64)>,
    pub most_under_way: usize,
    /// Alias bits of the last write that was accepted.
    pub alias: u64,
}

impl WriteMemory {
    pub fn new(dut: &Dut) -> anyhow::Result<Self> {
        Self::behind(dut, "mem")
    }

    /// Behind the ports whose names begin so.
    pub fn behind(dut: &Dut, ports: &str) -> anyhow::Result<Self> {
        let port = |name: &str| dut.port(&format!("{ports}${name}"));
        Ok(Self {
            req_valid: port("req_valid")?,
            req_ready: port("req_ready")?,
            phys_addr: port("phys_addr")?,
            data: port("data")?,
            strobe: port("strobe")?,
            done_valid: port("done_valid")?,
            done_error: port("done_error")?,
            under_way: VecDeque::new(),
            most_under_way: 0,
            alias: 0,
        })
    }

    /// Writes that are not acknowledged.
    pub fn under_way(&self) -> usize {
        self.under_way.len()
    }

    /// Gives back a write that was accepted with this clock: address, data, strobe.
    pub fn step(
        &mut self,
        dut: &mut Dut,
        world: &mut World,
        weather: Weather,
        random: &mut ChaCha8Rng,
        now: u64,
    ) -> Option<(u64, u64, u64)> {
        let ready = weather.goes(random);
        dut.set(self.req_ready, ready.into());
        let due = self.under_way.front().is_some_and(|write| write.0 <= now);
        dut.set(self.done_valid, due.into());
        dut.set(self.done_error, random.gen::<bool>().into());
        if due {
            let (_, addr, data, strobe) = self.under_way.pop_front().unwrap();
            let mut failed = false;
            for lane in (0..8).filter(|lane| strobe >> lane & 1 == 1) {
                failed |= world.memory.write(addr + lane, &[(data >> (8 * lane)) as u8]).is_err();
            }
            dut.set(self.done_error, failed.into());
        }
        if ready && dut.get(self.req_valid) == 1 {
            let phys_addr = dut.get(self.phys_addr);
            self.alias = phys_addr >> (12 + ALIAS_BIT);
            let phys_addr = phys_addr & ((1 << (12 + ALIAS_BIT)) - 1);
            let write = (phys_addr, dut.get(self.data), dut.get(self.strobe));
            assert!(
                write.0 % 8 == 0 && write.2 != 0,
                "write at {:#x}, strobe {:#x}",
                write.0,
                write.2
            );
            let last = self.under_way.back().map_or(0, |write| write.0);
            let due = weather.due(random, now + 1).max(last);
            self.under_way.push_back((due, write.0, write.1, write.2));
            self.most_under_way = self.most_under_way.max(self.under_way.len());
            return Some(write);
        }
        None
    }
}
