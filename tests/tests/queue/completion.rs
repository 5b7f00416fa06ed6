//! The completion.

use crate::bench::{
    each_seed, random_queue, seed, ReadMemory, Table, Translator, Weather, World, WriteMemory, ALIAS_BIT,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use segwalk_hdl::bus::ports::{CHAIN_DROPPED, CHAIN_PARKED};
use segwalk_hdl::queue::completion::{Completion, DEBUG_STATES};
use segwalk_model::limits::TX_QUEUES;
use segwalk_model::memory::Memory;
use segwalk_model::page_table::{translate, Access};
use segwalk_model::refusal::Refusal;
use segwalk_model::virtqueue::{put_used, wants_interrupt, QueueConfig};
use segwalk_sim::verilated::{Dut, Model, Port, Spec};
use std::collections::VecDeque;
use std::sync::OnceLock;

fn model() -> &'static Model {
    static MODEL: OnceLock<Model> = OnceLock::new();
    MODEL.get_or_init(|| {
        let verilog = segwalk_hdl::emit::verilog(&mut Completion::new(TX_QUEUES), "completion").unwrap();
        let spec = Spec {
            top: "completion",
            verilog: &verilog,
            ..Default::default()
        };
        Model::build(&spec).unwrap()
    })
}

/// Avail index, frames and bytes that the bench gives to the chain with this head.
fn park_of(head: u16) -> [u64; 3] {
    [u64::from(head ^ 0x5A5A), u64::from(head) * 3, u64::from(head) * 7]
}

/// One used ring.
#[derive(Default)]
struct Ring {
    // heads that were handed over since the restart
    heads: Vec<u16>,
    // used index as last written
    used: u16,
    published: usize,
    // the codes of the pages that fail: of the used ring, and of what the driver wants to be told
    errors: Vec<u64>,
}

struct Bench {
    dut: Dut,
    world: World,
    table: Table,
    translator: Translator,
    memory: WriteMemory,
    events: ReadMemory,
    event_idx: bool,
    random: ChaCha8Rng,
    weather: Weather,
    now: u64,
    enabled: u64,
    rings: Vec<Ring>,
    records: VecDeque<(usize, u16, u64)>,
    chains_done: usize,
    used_pulses: usize,
    used_chains: u64,
    wanted_pulses: usize,
    wanted_chains: u64,
    index_writes: usize,
    refused: Vec<(u64, u64, u64)>,
    // queue, head and what follows from the head: see `park_of`
    parks: Vec<[u64; 5]>,
    fencing: bool,
    fences: u64,
    fences_done: u64,
    // for each write under way, how many fences were before its translation
    write_ages: VecDeque<u64>,
    enabled_port: Port,
    refused_room: Port,
    restart: Port,
    done: [Port; 8],
    park: [Port; 6],
    fence: [Port; 2],
    answered_page: Port,
    refused_ports: [Port; 4],
    error: [Port; 3],
    pulses: [Port; 3],
    finishing: Port,
    debug: Port,
}

impl Bench {
    fn new(seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let dut = model().instance().unwrap();
        let port = |name: &str| dut.port(name).unwrap();
        let mut bench = Self {
            world: World::new(&mut random),
            table: Table::new(&dut).unwrap(),
            translator: Translator::new(&dut).unwrap(),
            memory: WriteMemory::new(&dut).unwrap(),
            events: ReadMemory::behind(&dut, "event_mem").unwrap(),
            event_idx: random.gen(),
            weather: Weather::random(&mut random),
            now: 0,
            enabled: 0,
            rings: (0..TX_QUEUES).map(|_| Ring::default()).collect(),
            records: VecDeque::new(),
            chains_done: 0,
            used_pulses: 0,
            used_chains: 0,
            wanted_pulses: 0,
            wanted_chains: 0,
            index_writes: 0,
            refused: Vec::new(),
            enabled_port: port("enabled"),
            refused_room: port("refused_room"),
            restart: port("restart"),
            parks: Vec::new(),
            fencing: true,
            fences: 0,
            fences_done: 0,
            write_ages: VecDeque::new(),
            done: [
                "valid",
                "ready",
                "queue",
                "head",
                "refusal",
                "avail",
                "sent_frames",
                "sent_bytes",
            ]
            .map(|name| port(&format!("done${name}"))),
            park: ["valid", "queue", "head", "avail", "sent_frames", "sent_bytes"]
                .map(|name| port(&format!("park${name}"))),
            fence: ["fence", "fence_busy"].map(port),
            answered_page: port("translate$phys_page"),
            refused_ports: ["valid", "queue", "head", "code"].map(|name| port(&format!("refused${name}"))),
            error: ["valid", "queue", "code"].map(|name| port(&format!("ring_error${name}"))),
            pulses: ["chain_done", "used_pulse", "used_chains"].map(port),
            finishing: port("finishing"),
            debug: port("debug"),
            random,
            dut,
        };
        let reset = bench.dut.port("reset").unwrap();
        bench.dut.set(reset, 1);
        bench.clock();
        bench.clock();
        bench.dut.set(reset, 0);
        let event_idx = bench.dut.port("event_idx").unwrap();
        bench.dut.set(event_idx, bench.event_idx.into());
        bench
    }

    fn start(&mut self, queue: usize, size: u16, faulty: bool) {
        let context = self.random.gen_range(0..16);
        let mut config = random_queue(&mut self.world, &mut self.random, context, size, faulty);
        config.event_idx = self.event_idx;
        self.table.queues[queue] = config;
        self.rings[queue] = Ring {
            errors: self.bad_pages(&config),
            ..Default::default()
        };
        self.wish(queue);
        self.dut.set(self.restart, 1 << queue);
        self.clock();
        self.dut.set(self.restart, 0);
        self.enabled |= 1 << queue;
    }

    /// What becomes of accesses to pages that are not there.
    fn bad_pages(&self, config: &QueueConfig) -> Vec<u64> {
        let context = &self.world.contexts[usize::from(config.binding.ring_context)];
        let end = config.used_addr + 4 + 8 * u64::from(config.size);
        let used = (config.used_addr >> 12..=(end - 1) >> 12).map(|page| (page, Access::Write));
        used.chain([(Self::event_at(config) >> 12, Access::Read)])
            .filter_map(
                |(page, access)| match translate(&self.world.memory, context, page << 12, access) {
                    Err(_) => Some(Refusal::RingFault.code().into()),
                    Ok(at) if !self.world.memory.has_page(at.phys_addr >> 12) => {
                        Some(Refusal::RingBusError.code().into())
                    }
                    Ok(_) => None,
                },
            )
            .collect()
    }

    /// Where the driver says what it wants to be told.
    fn event_at(config: &QueueConfig) -> u64 {
        if config.event_idx {
            config.avail_addr + 4 + 2 * u64::from(config.size)
        } else {
            config.avail_addr
        }
    }

    /// The driver wants something else.
    fn wish(&mut self, queue: usize) {
        let config = self.table.queues[queue];
        let wish = if config.event_idx {
            self.rings[queue]
                .used
                .wrapping_add(self.random.gen_range(0..40))
                .wrapping_sub(5)
        } else {
            self.random.gen()
        };
        let context = config.binding.ring_context.into();
        self.world.poke(context, Self::event_at(&config), &wish.to_le_bytes());
    }

    fn ring_u32(&self, config: &QueueConfig, virt_addr: u64) -> u32 {
        let context = &self.world.contexts[usize::from(config.binding.ring_context)];
        let at = translate(&self.world.memory, context, virt_addr, Access::Write).unwrap();
        self.world.memory.read_u32(at.phys_addr).unwrap()
    }

    fn clock(&mut self) {
        let Self {
            dut,
            world,
            random,
            weather,
            now,
            ..
        } = self;
        self.translator.step(dut, world, *weather, random, *now);
        // After a fence, pages have another alias.
        let fence = self.fencing && random.gen_ratio(1, 60);
        dut.set(self.fence[0], fence.into());
        let page = dut.get(self.answered_page) & ((1 << ALIAS_BIT) - 1);
        dut.set(self.answered_page, page | (self.fences & 15) << ALIAS_BIT);
        if dut.get(self.fence[1]) == 0 {
            self.fences_done = self.fences;
        }
        if let Some((addr, data, strobe)) = self.memory.step(dut, world, *weather, random, *now) {
            let age = self.fences.wrapping_sub(self.memory.alias) & 15;
            assert!(
                age <= self.fences - self.fences_done,
                "a write with a translation of {age} fences ago at clock {}",
                self.now
            );
            self.write_ages.push_back(self.fences - age);
            self.accepted(addr, data, strobe);
        }
        while self.write_ages.len() > self.memory.under_way() {
            self.write_ages.pop_front();
        }
        if let Some(oldest) = self.write_ages.front() {
            assert!(
                *oldest >= self.fences_done,
                "a write from before fence {} is under way at clock {}",
                self.fences_done,
                self.now
            );
        }
        self.fences += u64::from(fence);
        let dut = &mut self.dut;
        self.events
            .step(dut, &self.world, self.weather, &mut self.random, self.now);
        dut.set(self.enabled_port, self.enabled);
        let room = self.weather.goes(&mut self.random) || self.weather.stall_percent == 0;
        dut.set(self.refused_room, room.into());
        let offer = self.weather.goes(&mut self.random) || self.weather.stall_percent == 0;
        let record = self.records.front().filter(|_| offer).copied();
        dut.set(self.done[0], record.is_some().into());
        if let Some((queue, head, refusal)) = record {
            dut.set(self.done[2], queue as u64);
            dut.set(self.done[3], head.into());
            dut.set(self.done[4], refusal);
            for (port, value) in self.done[5..].iter().zip(&park_of(head)) {
                dut.set(*port, *value);
            }
            if dut.get(self.done[1]) == 1 {
                self.records.pop_front();
            }
        }
        self.chains_done += dut.get(self.pulses[0]) as usize;
        if dut.get(self.pulses[1]) == 1 {
            self.used_pulses += 1;
            self.used_chains += dut.get(self.pulses[2]);
        }
        let refused = self.refused_ports.map(|port| dut.get(port));
        if refused[0] == 1 {
            self.refused.push((refused[1], refused[2], refused[3]));
        }
        let park = self.park.map(|port| dut.get(port));
        if park[0] == 1 {
            self.parks.push(std::array::from_fn(|at| park[at + 1]));
        }
        let error = self.error.map(|port| dut.get(port));
        if error[0] == 1 {
            let queue = error[1] as usize;
            let possible = &self.rings[queue].errors;
            assert!(
                possible.contains(&error[2]),
                "ring error {} of queue {queue}, not of {possible:?}",
                error[2]
            );
            assert!(self.enabled >> queue & 1 == 1, "queue {queue} stops once");
            self.enabled &= !(1 << queue);
        }
        let table = self.table.ask(dut);
        dut.tick();
        self.table.answer(dut, table);
        self.now += 1;
    }

    /// A write of a used index finds its elements in memory already.
    fn accepted(&mut self, addr: u64, data: u64, strobe: u64) {
        if strobe != 0x0C && strobe != 0xC0 {
            return;
        }
        let addr = addr + u64::from(strobe.trailing_zeros()) - 2;
        let index = (data >> (8 * strobe.trailing_zeros())) as u16;
        self.index_writes += 1;
        let queue = (0..TX_QUEUES)
            .find(|&queue| {
                let config = &self.table.queues[queue];
                let context = &self.world.contexts[usize::from(config.binding.ring_context)];
                translate(&self.world.memory, context, config.used_addr, Access::Write)
                    .is_ok_and(|at| at.phys_addr == addr)
            })
            .unwrap_or_else(|| panic!("no used index lies at {addr:#x}"));
        let config = self.table.queues[queue];
        let count = usize::from(index.wrapping_sub(self.rings[queue].used));
        let first = self.rings[queue].published;
        assert!((1..=64).contains(&count), "{count} elements at once");
        for at in (first..first + count).rev().take(config.size.into()) {
            let element = config.used_addr + 4 + 8 * (at as u64 % u64::from(config.size));
            let written = [0, 4].map(|half| self.ring_u32(&config, element + half));
            assert_eq!(
                written,
                [self.rings[queue].heads[at].into(), 0],
                "element {at} of queue {queue}"
            );
        }
        let (old, contexts) = (self.rings[queue].used, &self.world.contexts);
        if wants_interrupt(&self.world.memory, &config, contexts, old, index) == Ok(true) {
            self.wanted_pulses += 1;
            self.wanted_chains += count as u64;
        }
        self.rings[queue].used = index;
        self.rings[queue].published += count;
    }

    fn put(&mut self, queue: usize, head: u16, refusal: u64) {
        if refusal < CHAIN_PARKED {
            self.rings[queue].heads.push(head);
        }
        self.records.push_back((queue, head, refusal));
    }

    fn drain(&mut self) {
        let (mut quiet, start) = (0, self.now);
        while quiet < 20 + 4 * self.weather.latency {
            self.clock();
            let at_rest = self.dut.get(self.debug) == 0 && self.dut.get(self.finishing) == 0;
            quiet = if self.records.is_empty() && at_rest {
                quiet + 1
            } else {
                0
            };
            let state = DEBUG_STATES[self.dut.get(self.debug) as usize];
            assert!(
                self.now - start < 400_000,
                "no end at clock {}, state {state}",
                self.now
            );
        }
    }
}

#[test]
fn random_records_agree_with_the_model() {
    let (mut errors, mut wanted, mut unwanted) = ([0; 2], 0, 0);
    each_seed(seed(30_000), 150, |case_seed| {
        let mut bench = Bench::new(case_seed);
        let faulty = bench.random.gen_ratio(1, 2);
        let (largest, run_max) = (bench.random.gen_range(0..12), bench.random.gen_range(1..200));
        for queue in 0..TX_QUEUES {
            let size = 1 << bench.random.gen_range(0..=largest);
            bench.start(queue, size, faulty);
        }
        for _ in 0..3 {
            let before = bench.world.memory.clone();
            let indices: Vec<u16> = bench.rings.iter().map(|ring| ring.used).collect();
            let first: Vec<usize> = bench.rings.iter().map(|ring| ring.heads.len()).collect();
            let healthy: Vec<usize> = (0..TX_QUEUES).filter(|&q| bench.rings[q].errors.is_empty()).collect();
            let (done_before, refused_before) = (bench.chains_done, bench.refused.len());
            let (mut refused, mut parks, parks_before) = (Vec::new(), Vec::new(), bench.parks.len());
            let mut expected_done = 0;
            for _ in 0..bench.random.gen_range(1..20) {
                let queue = bench.random.gen_range(0..TX_QUEUES);
                for _ in 0..bench.random.gen_range(1..=run_max) {
                    let head = bench.random.gen();
                    let refusal = match bench.random.gen_range(0..20) {
                        0 => CHAIN_PARKED,
                        1 => CHAIN_DROPPED,
                        2..=4 => bench.random.gen_range(1..CHAIN_PARKED),
                        _ => 0,
                    };
                    bench.put(queue, head, refusal);
                    if refusal == CHAIN_PARKED && healthy.contains(&queue) {
                        let [avail, frames, bytes] = park_of(head);
                        parks.push([queue as u64, head.into(), avail, frames, bytes]);
                    }
                    if refusal >= CHAIN_PARKED {
                        continue;
                    }
                    expected_done += usize::from(healthy.contains(&queue));
                    if refusal != 0 && healthy.contains(&queue) {
                        refused.push((queue as u64, u64::from(head), refusal));
                    }
                    let pause = bench.random.gen_range(0..3);
                    for _ in 0..pause {
                        bench.clock();
                    }
                }
            }
            bench.drain();
            let mut memory = before;
            for &queue in &healthy {
                let (config, contexts) = (&bench.table.queues[queue], &bench.world.contexts);
                let ring = &bench.rings[queue];
                let used = put_used(
                    &mut memory,
                    config,
                    contexts,
                    indices[queue],
                    &ring.heads[first[queue]..],
                );
                assert_eq!(used, Ok(ring.used));
                for at in (config.used_addr..config.used_addr + 4 + 8 * u64::from(config.size)).step_by(4) {
                    let context = &contexts[usize::from(config.binding.ring_context)];
                    let at = translate(&memory, context, at, Access::Write).unwrap().phys_addr;
                    assert_eq!(
                        bench.world.memory.read_u32(at),
                        memory.read_u32(at),
                        "used ring of queue {queue}"
                    );
                }
            }
            let of_healthy = |&(queue, ..): &(u64, u64, u64)| healthy.contains(&(queue as usize));
            let got: Vec<_> = bench.refused[refused_before..]
                .iter()
                .copied()
                .filter(of_healthy)
                .collect();
            assert_eq!(got, refused);
            let got = bench.parks[parks_before..].iter().copied();
            let got: Vec<_> = got.filter(|park| healthy.contains(&(park[0] as usize))).collect();
            assert_eq!(got, parks);
            if healthy.len() == TX_QUEUES {
                assert_eq!(bench.chains_done - done_before, expected_done);
                assert_eq!(bench.used_pulses, bench.wanted_pulses);
                assert_eq!(bench.used_chains, bench.wanted_chains);
                (wanted, unwanted) = (wanted + bench.wanted_pulses, unwanted + bench.index_writes);
            }
            // New rings where the old ones failed, and sometimes where they did not.
            for queue in 0..TX_QUEUES {
                if bench.enabled >> queue & 1 == 0 || bench.random.gen_ratio(1, 4) {
                    for code in &bench.rings[queue].errors {
                        let fault = *code == u64::from(Refusal::RingFault.code());
                        errors[usize::from(fault)] += usize::from(bench.enabled >> queue & 1 == 0);
                    }
                    bench.enabled &= !(1 << queue);
                    bench.clock();
                    let size = 1 << bench.random.gen_range(0..=largest);
                    let faulty = faulty && bench.random.gen();
                    bench.start(queue, size, faulty);
                } else {
                    bench.wish(queue);
                }
            }
        }
    });
    println!("{wanted} of {unwanted} indices wanted");
    assert!(wanted > 300 && unwanted > wanted + 300 || std::env::var("SEGWALK_SEED").is_ok());
    println!("bus errors and faults: {errors:?}");
    assert!(errors.iter().all(|&count| count > 5) || std::env::var("SEGWALK_SEED").is_ok());
}

#[test]
fn writes_overlap_and_the_index_moves_once_for_many() {
    let mut bench = Bench::new(seed(31_000));
    bench.weather = Weather {
        latency: 100,
        steady: false,
        stall_percent: 0,
    };
    bench.fencing = false;
    bench.start(1, 256, false);
    (0..1000).for_each(|head| bench.put(1, head, 0));
    bench.drain();
    println!(
        "1000 records in {} clocks, {} index writes",
        bench.now, bench.index_writes
    );
    assert!(bench.index_writes < 100 && bench.memory.most_under_way > 8 && bench.now < 16_000);
}

#[test]
fn records_of_queues_that_are_off_are_dropped() {
    let mut bench = Bench::new(seed(32_000));
    bench.start(0, 16, false);
    bench.start(1, 16, false);
    bench.enabled = 1;
    for head in 0..20 {
        bench.put(usize::from(head % 2 == 0), head, 3);
    }
    bench.drain();
    assert_eq!((bench.chains_done, bench.refused.len()), (10, 10));
    assert!(bench.refused.iter().all(|refused| refused.0 == 0));
}
