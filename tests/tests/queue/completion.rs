//! The completion.

use crate::bench::{each_seed, random_queue, seed, Table, Translator, Weather, World, WriteMemory};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use segwalk_hdl::queue::completion::{Completion, DEBUG_STATES};
use segwalk_model::limits::TX_QUEUES;
use segwalk_model::memory::Memory;
use segwalk_model::page_table::{translate, Access};
use segwalk_model::refusal::Refusal;
use segwalk_model::virtqueue::{put_used, QueueConfig};
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

/// One used ring.
#[derive(Default)]
struct Ring {
    // heads that were handed over since the restart
    heads: Vec<u16>,
    // used index as last written
    used: u16,
    published: usize,
    // the code of the page that fails, when one does
    error: Option<u64>,
}

struct Bench {
    dut: Dut,
    world: World,
    table: Table,
    translator: Translator,
    memory: WriteMemory,
    random: ChaCha8Rng,
    weather: Weather,
    now: u64,
    enabled: u64,
    rings: Vec<Ring>,
    records: VecDeque<(usize, u16, u64)>,
    chains_done: usize,
    used_pulses: usize,
    index_writes: usize,
    refused: Vec<(u64, u64, u64)>,
    enabled_port: Port,
    restart: Port,
    done: [Port; 5],
    refused_ports: [Port; 4],
    error: [Port; 3],
    pulses: [Port; 2],
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
            weather: Weather::random(&mut random),
            now: 0,
            enabled: 0,
            rings: (0..TX_QUEUES).map(|_| Ring::default()).collect(),
            records: VecDeque::new(),
            chains_done: 0,
            used_pulses: 0,
            index_writes: 0,
            refused: Vec::new(),
            enabled_port: port("enabled"),
            restart: port("restart"),
            done: ["valid", "ready", "queue", "head", "refusal"].map(|name| port(&format!("done${name}"))),
            refused_ports: ["valid", "queue", "head", "code"].map(|name| port(&format!("refused${name}"))),
            error: ["valid", "queue", "code"].map(|name| port(&format!("ring_error${name}"))),
            pulses: ["chain_done", "used_pulse"].map(port),
            debug: port("debug"),
            random,
            dut,
        };
        let reset = bench.dut.port("reset").unwrap();
        bench.dut.set(reset, 1);
        bench.clock();
        bench.clock();
        bench.dut.set(reset, 0);
        bench
    }

    fn start(&mut self, queue: usize, size: u16, faulty: bool) {
        let context = self.random.gen_range(0..16);
        let config = random_queue(&mut self.world, &mut self.random, context, size, faulty);
        self.table.queues[queue] = config;
        self.rings[queue] = Ring {
            error: self.bad_page(&config),
            ..Default::default()
        };
        self.dut.set(self.restart, 1 << queue);
        self.clock();
        self.dut.set(self.restart, 0);
        self.enabled |= 1 << queue;
    }

    /// What becomes of a write to the one page of the used ring that is not there.
    fn bad_page(&self, config: &QueueConfig) -> Option<u64> {
        let context = &self.world.contexts[usize::from(config.binding.ring_context)];
        let end = config.used_addr + 4 + 8 * u64::from(config.size);
        (config.used_addr >> 12..=(end - 1) >> 12).find_map(|page| {
            match translate(&self.world.memory, context, page << 12, Access::Write) {
                Err(_) => Some(Refusal::RingFault.code().into()),
                Ok(at) if !self.world.memory.has_page(at.phys_addr >> 12) => Some(Refusal::RingBusError.code().into()),
                Ok(_) => None,
            }
        })
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
        if let Some((addr, data, strobe)) = self.memory.step(dut, world, *weather, random, *now) {
            self.accepted(addr, data, strobe);
        }
        let dut = &mut self.dut;
        dut.set(self.enabled_port, self.enabled);
        let offer = self.weather.goes(&mut self.random) || self.weather.stall_percent == 0;
        let record = self.records.front().filter(|_| offer).copied();
        dut.set(self.done[0], record.is_some().into());
        if let Some((queue, head, refusal)) = record {
            dut.set(self.done[2], queue as u64);
            dut.set(self.done[3], head.into());
            dut.set(self.done[4], refusal);
            if dut.get(self.done[1]) == 1 {
                self.records.pop_front();
            }
        }
        self.chains_done += dut.get(self.pulses[0]) as usize;
        self.used_pulses += dut.get(self.pulses[1]) as usize;
        let refused = self.refused_ports.map(|port| dut.get(port));
        if refused[0] == 1 {
            self.refused.push((refused[1], refused[2], refused[3]));
        }
        let error = self.error.map(|port| dut.get(port));
        if error[0] == 1 {
            let queue = error[1] as usize;
            assert_eq!(Some(error[2]), self.rings[queue].error, "ring error of queue {queue}");
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
        self.rings[queue].used = index;
        self.rings[queue].published += count;
    }

    fn put(&mut self, queue: usize, head: u16, refusal: u64) {
        self.rings[queue].heads.push(head);
        self.records.push_back((queue, head, refusal));
    }

    fn drain(&mut self) {
        let (mut quiet, start) = (0, self.now);
        while quiet < 20 + 4 * self.weather.latency {
            self.clock();
            quiet = if self.records.is_empty() && self.dut.get(self.debug) == 0 {
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
    let mut errors = [0; 2];
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
            let healthy: Vec<usize> = (0..TX_QUEUES).filter(|&q| bench.rings[q].error.is_none()).collect();
            let (done_before, refused_before) = (bench.chains_done, bench.refused.len());
            let mut refused = Vec::new();
            let mut expected_done = 0;
            for _ in 0..bench.random.gen_range(1..20) {
                let queue = bench.random.gen_range(0..TX_QUEUES);
                for _ in 0..bench.random.gen_range(1..=run_max) {
                    let head = bench.random.gen();
                    let refusal = if bench.random.gen_ratio(1, 5) {
                        bench.random.gen_range(1..64)
                    } else {
                        0
                    };
                    bench.put(queue, head, refusal);
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
            if healthy.len() == TX_QUEUES {
                assert_eq!(bench.chains_done - done_before, expected_done);
                assert_eq!(bench.used_pulses, bench.index_writes);
            }
            // New rings where the old ones failed, and sometimes where they did not.
            for queue in 0..TX_QUEUES {
                if bench.enabled >> queue & 1 == 0 || bench.random.gen_ratio(1, 4) {
                    match bench.rings[queue].error {
                        Some(code) if bench.enabled >> queue & 1 == 0 => {
                            errors[usize::from(code == u64::from(Refusal::RingFault.code()))] += 1
                        }
                        _ => (),
                    }
                    bench.enabled &= !(1 << queue);
                    bench.clock();
                    let size = 1 << bench.random.gen_range(0..=largest);
                    let faulty = faulty && bench.random.gen();
                    bench.start(queue, size, faulty);
                }
            }
        }
    });
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
