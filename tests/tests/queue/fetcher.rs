//! The fetcher and its drivers.

use crate::bench::{random_queue, ReadMemory, Table, Translator, Weather, World, WriteMemory};
use crate::fetcher_parks::Parks;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use segwalk_hdl::queue::fetcher::{QueueFetcher, DEBUG_HEADS, DEBUG_WALKER, FIRST_WALK_FRAGMENTS};
use segwalk_model::limits::TX_QUEUES;
use segwalk_model::refusal::{Class, Refusal};
use segwalk_model::virtqueue::{avail_head, avail_heads, need_event, walk_chain, Chain, Descriptor, RingMemory};
use segwalk_sim::verilated::{Dut, Model, Port, Spec};
use std::collections::VecDeque;
use std::sync::OnceLock;

fn model() -> &'static Model {
    static MODEL: OnceLock<Model> = OnceLock::new();
    MODEL.get_or_init(|| {
        let verilog = segwalk_hdl::emit::verilog(&mut QueueFetcher::new(TX_QUEUES), "queue_fetcher").unwrap();
        let spec = Spec {
            top: "queue_fetcher",
            verilog: &verilog,
            ..Default::default()
        };
        Model::build(&spec).unwrap()
    })
}

/// What the fetcher must say next of a queue.
#[derive(Clone, Debug)]
pub enum Event {
    Chain {
        head: u16,
        result: Result<Chain, Refusal>,
        descriptors: Vec<u16>,
    },
    RingError(Refusal),
}

/// The driver of one queue.
#[derive(Default)]
pub struct Driver {
    pub alive: bool,
    pub free: Vec<u16>,
    pub avail_index: u16,
    // avail index of the last look at avail_event
    told: u16,
    pub expected: VecDeque<Event>,
}

pub struct Ports {
    pub enabled: Port,
    pub restart: Port,
    notify_valid: Port,
    notify_queue: Port,
    chain: [Port; 9],
    fragment: [Port; 7],
    error: [Port; 3],
    debug: [Port; 2],
}

/// Queue, fragments still to come (context, address, bytes), descriptors.
type OpenChain = (usize, VecDeque<(u64, u64, u64)>, Vec<u16>);

pub struct Bench {
    pub dut: Dut,
    pub world: World,
    pub table: Table,
    translator: Translator,
    pub memory: ReadMemory,
    writes: WriteMemory,
    // avail_event writes that were accepted, and doorbells that were spared because of one
    pub event_writes: u64,
    pub spared: u64,
    pub parks: Parks,
    // what was negotiated
    pub indirect: bool,
    pub event_index: bool,
    ports: Ports,
    pub random: ChaCha8Rng,
    pub weather: Weather,
    pub now: u64,
    pub enabled: u64,
    doorbells: VecDeque<(u64, u64)>,
    pub drivers: Vec<Driver>,
    // chains that were announced and whose fragments are not all here
    pub open: VecDeque<OpenChain>,
    last_progress: u64,
    pub chains: u64,
    // how often each code came, and how often a chain had more fragments than the first walk stores
    pub seen: [u64; 64],
    pub long_chains: u64,
    pub errors: Vec<(usize, u64)>,
    // nothing is compared, chains and fragments are kept
    pub record: Option<Vec<Recorded>>,
    pub hold_fragments: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Recorded {
    Chain { head: u64, frame_bytes: u64, refusal: u64 },
    Fragment { bytes: u64, last: bool, refusal: u64 },
}

impl Bench {
    pub fn new(seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let dut = model().instance().unwrap();
        let world = World::new(&mut random);
        let port = |name: &str| dut.port(name).unwrap();
        let ports = Ports {
            enabled: port("enabled"),
            restart: port("restart"),
            notify_valid: port("notify_valid"),
            notify_queue: port("notify_queue"),
            chain: [
                "valid",
                "ready",
                "queue",
                "head",
                "frame_bytes",
                "refusal",
                "avail",
                "epoch",
                "sent_frames",
            ]
            .map(|n| port(&format!("chain${n}"))),
            fragment: ["valid", "ready", "context", "virt_addr", "bytes", "last", "refusal"]
                .map(|n| port(&format!("fragments${n}"))),
            error: ["valid", "queue", "code"].map(|n| port(&format!("ring_error${n}"))),
            debug: ["debug", "debug_walker"].map(port),
        };
        let weather = Weather::random(&mut random);
        let mut bench = Self {
            table: Table::new(&dut).unwrap(),
            translator: Translator::new(&dut).unwrap(),
            memory: ReadMemory::new(&dut).unwrap(),
            writes: WriteMemory::behind(&dut, "mem_write").unwrap(),
            event_writes: 0,
            spared: 0,
            parks: Parks::new(&dut),
            indirect: false,
            event_index: false,
            ports,
            dut,
            world,
            random,
            weather,
            now: 0,
            enabled: 0,
            doorbells: VecDeque::new(),
            drivers: (0..TX_QUEUES).map(|_| Driver::default()).collect(),
            open: VecDeque::new(),
            last_progress: 0,
            chains: 0,
            seen: [0; 64],
            long_chains: 0,
            errors: Vec::new(),
            record: None,
            hold_fragments: false,
        };
        let reset = bench.dut.port("reset").unwrap();
        bench.dut.set(reset, 1);
        bench.clock();
        bench.clock();
        bench.dut.set(reset, 0);
        bench
    }

    /// Features, before any queue is started.
    pub fn negotiate(&mut self, indirect: bool, event_index: bool) {
        (self.indirect, self.event_index) = (indirect, event_index);
        for (port, on) in [("indirect", indirect), ("event_index", event_index)] {
            let port = self.dut.port(port).unwrap();
            self.dut.set(port, on.into());
        }
    }

    pub fn clock(&mut self) {
        let Self {
            dut,
            world,
            random,
            weather,
            now,
            ..
        } = self;
        self.translator.step(dut, world, *weather, random, *now);
        self.memory.step(dut, world, *weather, random, *now);
        self.event_writes += u64::from(self.writes.step(dut, world, *weather, random, *now).is_some());
        self.parks.step(dut, random, *now);
        dut.set(self.ports.enabled, self.enabled);
        let bell = self.doorbells.front().filter(|bell| bell.0 <= *now).copied();
        dut.set(self.ports.notify_valid, bell.is_some().into());
        if let Some((_, queue)) = bell {
            dut.set(self.ports.notify_queue, queue);
            self.doorbells.pop_front();
        }
        let chain_ready = weather.goes(random);
        let announced = !self.open.is_empty() || self.record.is_some();
        let fragment_ready = weather.goes(random) && announced && !self.hold_fragments;
        dut.set(self.ports.chain[1], chain_ready.into());
        dut.set(self.ports.fragment[1], fragment_ready.into());
        let chain = self.ports.chain.map(|port| dut.get(port));
        let fragment = self.ports.fragment.map(|port| dut.get(port));
        let error = self.ports.error.map(|port| dut.get(port));
        let table = self.table.ask(dut);
        dut.tick();
        self.table.answer(dut, table);
        self.now += 1;
        if chain[0] == 1 && chain_ready {
            self.last_progress = self.now;
            self.got_chain(chain);
        }
        if fragment[0] == 1 && fragment_ready {
            self.last_progress = self.now;
            self.got_fragment(fragment);
        }
        if error[0] == 1 {
            self.last_progress = self.now;
            self.got_error(error[1] as usize, error[2]);
        }
    }

    fn got_chain(&mut self, [_, _, queue, head, frame_bytes, refusal, avail, epoch, sent_frames]: [u64; 9]) {
        if let Some(record) = &mut self.record {
            record.push(Recorded::Chain {
                head,
                frame_bytes,
                refusal,
            });
            return;
        }
        self.chains += 1;
        self.seen[refusal as usize] += 1;
        let driver = &mut self.drivers[queue as usize];
        let dropped = {
            let next = driver.expected.front().cloned();
            let told = [head, avail, epoch, sent_frames, refusal];
            let (random, now) = (&mut self.random, self.now);
            match self
                .parks
                .got_chain(random, now, queue as usize, told, next, &mut driver.expected)
            {
                Some(dropped) => dropped,
                None => {
                    if let Some(Event::Chain { descriptors, .. }) = driver.expected.pop_front() {
                        driver.free.extend(descriptors);
                    }
                    return;
                }
            }
        };
        match driver.expected.pop_front() {
            Some(Event::Chain {
                head: expected,
                result,
                descriptors,
            }) => {
                assert_eq!(head, u64::from(expected), "head of queue {queue}");
                match result {
                    Ok(chain) => {
                        self.long_chains += u64::from(chain.fragments.len() > FIRST_WALK_FRAGMENTS as usize);
                        assert_eq!(
                            (refusal, frame_bytes),
                            (0, chain.total_bytes as u64 - 12),
                            "chain {head}"
                        );
                        let fragments = chain
                            .fragments
                            .iter()
                            .map(|f| (f.context.into(), f.virt_addr, f.bytes.into()))
                            .collect();
                        let descriptors = if dropped { Vec::new() } else { descriptors };
                        self.open.push_back((queue as usize, fragments, descriptors));
                    }
                    Err(code) => {
                        assert_eq!(refusal, u64::from(code.code()), "chain {head}: {code:?} expected");
                        driver.free.extend(if dropped { Vec::new() } else { descriptors });
                    }
                }
            }
            other => panic!("queue {queue} gives chain {head}, but {other:?} is next"),
        }
    }

    fn got_fragment(&mut self, [_, _, context, virt_addr, bytes, last, refusal]: [u64; 7]) {
        if let Some(record) = &mut self.record {
            record.push(Recorded::Fragment {
                bytes,
                last: last == 1,
                refusal,
            });
            return;
        }
        let (queue, fragments, descriptors) = self.open.front_mut().expect("a fragment belongs to a chain");
        let driver = &mut self.drivers[*queue];
        assert_eq!(
            Some((context, virt_addr, bytes)),
            fragments.pop_front(),
            "fragment of queue {queue}"
        );
        assert_eq!((refusal, last == 1), (0, fragments.is_empty()));
        if last == 1 {
            driver.free.append(descriptors);
            self.open.pop_front();
        }
    }

    fn got_error(&mut self, queue: usize, code: u64) {
        self.errors.push((queue, code));
        self.seen[code as usize] += 1;
        self.enabled &= !(1 << queue);
        if self.record.is_none() {
            let driver = &mut self.drivers[queue];
            self.parks.got_error(queue, &mut driver.expected);
            // Chains before it may still wait at the output.
            match driver.expected.pop_back() {
                Some(Event::RingError(expected)) => assert_eq!(code, u64::from(expected.code()), "{expected:?}"),
                other => panic!("queue {queue} gives ring error {code}, but {other:?} is the last to come"),
            }
            driver.alive = false;
        }
    }

    /// Makes new rings for a queue that is off, and switches it on.
    pub fn start(&mut self, queue: usize, size: u16, faulty: bool) {
        let context = self.random.gen_range(0..16);
        let mut config = random_queue(&mut self.world, &mut self.random, context, size, faulty);
        (config.indirect, config.event_idx) = (self.indirect, self.event_index);
        self.parks.start(queue);
        self.table.queues[queue] = config;
        self.drivers[queue] = Driver {
            alive: true,
            free: (0..size).collect(),
            ..Default::default()
        };
        self.dut.set(self.ports.restart, 1 << queue);
        self.clock();
        self.dut.set(self.ports.restart, 0);
        self.enabled |= 1 << queue;
    }

    pub fn put_descriptor(&mut self, queue: usize, index: u16, descriptor: Descriptor) {
        let config = self.table.queues[queue];
        let at = config.descriptor_addr + 16 * u64::from(index);
        self.world
            .poke(config.binding.ring_context.into(), at, &descriptor.to_bytes());
    }

    /// Puts a head into the next avail entry; the index moves with `publish`.
    pub fn put_entry(&mut self, queue: usize, head: u16) {
        let config = self.table.queues[queue];
        let slot = self.drivers[queue].avail_index % config.size;
        let at = config.avail_addr + 4 + 2 * u64::from(slot);
        self.world
            .poke(config.binding.ring_context.into(), at, &head.to_le_bytes());
        self.drivers[queue].avail_index = self.drivers[queue].avail_index.wrapping_add(1);
    }

    pub fn publish(&mut self, queue: usize) {
        let waiting = self.doorbells.len();
        self.publish_now(queue);
        if self.doorbells.len() > waiting {
            self.doorbells[waiting].0 += self.random.gen_range(0..20);
        }
    }

    /// Moves the avail index and rings the doorbell with the next clock.
    pub fn publish_now(&mut self, queue: usize) {
        let config = self.table.queues[queue];
        let index = self.drivers[queue].avail_index.to_le_bytes();
        self.world
            .poke(config.binding.ring_context.into(), config.avail_addr + 2, &index);
        if self.rings(queue) {
            self.doorbells.push_back((self.now, queue as u64));
        }
    }

    /// Whether the driver rings after it moved the index (virtio 1.2, 2.7.10).
    fn rings(&mut self, queue: usize) -> bool {
        let (config, driver) = (&self.table.queues[queue], &mut self.drivers[queue]);
        let old = std::mem::replace(&mut driver.told, driver.avail_index);
        if !self.event_index {
            return true;
        }
        let ring = RingMemory::new(&self.world.memory, config, &self.world.contexts);
        let event_at = config.used_addr + 4 + 8 * u64::from(config.size);
        let event = ring.read_u16(event_at).unwrap_or(old);
        let rings = need_event(event, driver.avail_index, old);
        self.spared += u64::from(!rings);
        rings
    }

    /// Writes a chain of these descriptors and expects what the model says of it.
    pub fn put_chain(&mut self, queue: usize, descriptors: Vec<Descriptor>, indices: Vec<u16>) {
        let head = indices[0];
        self.put_chain_at(queue, head, descriptors, indices);
    }

    pub fn put_chain_at(&mut self, queue: usize, head: u16, descriptors: Vec<Descriptor>, indices: Vec<u16>) {
        for (index, descriptor) in indices.iter().zip(descriptors) {
            self.put_descriptor(queue, *index, descriptor);
        }
        self.put_entry(queue, head);
        self.expect(queue, indices);
    }

    pub fn expect(&mut self, queue: usize, descriptors: Vec<u16>) {
        let (config, memory, contexts) = (&self.table.queues[queue], &self.world.memory, &self.world.contexts);
        let driver = &mut self.drivers[queue];
        if !driver.alive || matches!(driver.expected.back(), Some(Event::RingError(_))) {
            return;
        }
        let position = driver.avail_index.wrapping_sub(1);
        let head = avail_heads(memory, config, contexts, driver.avail_index)
            .map(|_| ())
            .or_else(|error| {
                if error == Refusal::AvailIndexJump {
                    Ok(())
                } else {
                    Err(error)
                }
            })
            .and_then(|()| avail_head(memory, config, contexts, position));
        driver.expected.push_back(
            match head.map(|head| (head, walk_chain(memory, config, contexts, head))) {
                Ok((_, Err(code))) | Err(code) if code.class() == Class::Ring => Event::RingError(code),
                Ok((head, result)) => Event::Chain {
                    head,
                    result,
                    descriptors,
                },
                Err(code) => unreachable!("{code:?} comes from ring memory"),
            },
        );
    }

    pub fn done(&self) -> bool {
        self.open.is_empty() && self.parks.idle() && self.drivers.iter().all(|d| d.expected.is_empty())
    }

    pub fn check_progress(&self) {
        assert!(
            self.now - self.last_progress < 2_000_000,
            "no progress at clock {}, heads {}, walker {}",
            self.now,
            DEBUG_HEADS[self.dut.get(self.ports.debug[0]) as usize],
            DEBUG_WALKER[self.dut.get(self.ports.debug[1]) as usize],
        );
    }

    pub fn drain(&mut self) {
        self.last_progress = self.now;
        while !self.done() {
            self.clock();
            self.check_progress();
        }
        for _ in 0..100 {
            self.clock();
        }
    }
}
