//! The MMU alone: its two clients, the registers' context writes, and a memory with random latency.

pub mod world;

use anyhow::Result;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use segwalk_hdl::{emit, mmu::Mmu};
use segwalk_model::memory::{Memory, SparseMemory};
use segwalk_model::page_table::{Access, Context};
use segwalk_model::refusal::FaultCause;
use segwalk_sim::verilated::{Dut, Model, Port, Spec};
use std::collections::VecDeque;

/// A lookup.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lookup {
    pub context: u8,
    pub virt_addr: u64,
    pub access: Access,
}

/// What a port answered: a physical page or a cause.
pub type Answer = Result<u64, FaultCause>;

/// A lookup with its answer and the clocks on which it was taken and answered.
#[derive(Clone, Copy, Debug)]
pub struct Done {
    pub lookup: Lookup,
    pub answer: Answer,
    pub taken: u64,
    pub answered: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Events {
    pub hits: [u64; 2],
    pub misses: [u64; 2],
    pub faults: [u64; 2],
    pub walks: u64,
}

struct Client {
    req_valid: Port,
    req_ready: Port,
    context: Port,
    virt_page: Port,
    write: Port,
    rsp_valid: Port,
    rsp_ready: Port,
    phys_page: Port,
    cause: Port,
    waiting: VecDeque<Lookup>,
    under_way: VecDeque<(Lookup, u64)>,
}

impl Client {
    fn new(dut: &Dut, name: &str) -> Result<Self> {
        let port = |field: &str| dut.port(&format!("{name}${field}"));
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
            waiting: VecDeque::new(),
            under_way: VecDeque::new(),
        })
    }
}

struct Read {
    ready_at: u64,
    phys_addr: u64,
    left: u64,
}

/// How the surroundings behave.
#[derive(Clone, Copy, Debug)]
pub struct Manners {
    /// Clocks from a read's acceptance to its first beat, at least and at most.
    pub latency: (u64, u64),
    /// Chance of 256 that a client does not offer, does not take, or the memory does not deliver or accept.
    pub stall: [u8; 4],
}

impl Manners {
    pub const QUICK: Manners = Manners {
        latency: (1, 1),
        stall: [0; 4],
    };
}

pub struct Bench {
    dut: Dut,
    clients: [Client; 2],
    ports: Ports,
    reads: VecDeque<Read>,
    pub memory: SparseMemory,
    pub manners: Manners,
    pub random: ChaCha8Rng,
    pub clock: u64,
    pub events: Events,
    /// Beats of every read that was asked for.
    pub read_beats: Vec<u64>,
    pub done: [Vec<Done>; 2],
    /// The clients' stalls of this clock.
    offering: [bool; 2],
}

struct Ports {
    reset: Port,
    mem_req_valid: Port,
    mem_req_ready: Port,
    mem_phys_addr: Port,
    mem_beats: Port,
    mem_data_valid: Port,
    mem_data: Port,
    mem_last: Port,
    mem_error: Port,
    ctx_valid: Port,
    ctx_context: Port,
    ctx_mode: Port,
    ctx_root: Port,
    ctx_user_only: Port,
    ctx_accessed_faults: Port,
    invalidate: Port,
    invalidating: Port,
    hit: Port,
    miss: Port,
    fault: Port,
    walk: Port,
}

/// The model, built once for all tests of the file.
pub fn model() -> Result<Model> {
    let verilog = emit::verilog(&mut Mmu::default(), "mmu")?;
    Model::build(&Spec {
        top: "mmu",
        verilog: &verilog,
        ..Default::default()
    })
}

impl Bench {
    pub fn new(model: &Model, memory: SparseMemory, random: ChaCha8Rng) -> Result<Self> {
        let dut = model.instance()?;
        let port = |name: &str| dut.port(name);
        let ports = Ports {
            reset: port("reset")?,
            mem_req_valid: port("mem$req_valid")?,
            mem_req_ready: port("mem$req_ready")?,
            mem_phys_addr: port("mem$phys_addr")?,
            mem_beats: port("mem$beats_minus_1")?,
            mem_data_valid: port("mem$data_valid")?,
            mem_data: port("mem$data")?,
            mem_last: port("mem$data_last")?,
            mem_error: port("mem$data_error")?,
            ctx_valid: port("context$valid")?,
            ctx_context: port("context$context")?,
            ctx_mode: port("context$mode")?,
            ctx_root: port("context$root_page")?,
            ctx_user_only: port("context$user_only")?,
            ctx_accessed_faults: port("context$accessed_faults")?,
            invalidate: port("invalidate")?,
            invalidating: port("invalidating")?,
            hit: port("hit")?,
            miss: port("miss")?,
            fault: port("fault")?,
            walk: port("walk")?,
        };
        let clients = [Client::new(&dut, "ring")?, Client::new(&dut, "payload")?];
        let mut bench = Self {
            dut,
            clients,
            ports,
            reads: VecDeque::new(),
            memory,
            manners: Manners::QUICK,
            random,
            clock: 0,
            events: Events::default(),
            read_beats: Vec::new(),
            done: [Vec::new(), Vec::new()],
            offering: [false; 2],
        };
        bench.reset();
        Ok(bench)
    }

    /// Resets the MMU while no read is under way.
    pub fn reset(&mut self) {
        assert!(self.idle());
        self.dut.set(self.ports.reset, 1);
        self.dut.tick();
        self.dut.set(self.ports.reset, 0);
        self.dut.tick();
    }

    pub fn ask(&mut self, port: usize, lookup: Lookup) {
        self.clients[port].waiting.push_back(lookup);
    }

    pub fn idle(&self) -> bool {
        self.clients
            .iter()
            .all(|client| client.waiting.is_empty() && client.under_way.is_empty())
    }

    /// Writes a context on the next clock.
    pub fn write_context(&mut self, number: u8, context: &Context) {
        self.dut.set(self.ports.ctx_valid, 1);
        self.dut.set(self.ports.ctx_context, u64::from(number));
        self.dut.set(self.ports.ctx_mode, u64::from(context.mode.code()));
        self.dut.set(self.ports.ctx_root, context.root_page);
        self.dut.set(self.ports.ctx_user_only, u64::from(context.user_only));
        self.dut
            .set(self.ports.ctx_accessed_faults, u64::from(context.accessed_faults));
        self.tick();
        self.dut.set(self.ports.ctx_valid, 0);
    }

    /// Pulses `invalidate` for one clock.
    pub fn invalidate(&mut self) {
        self.dut.set(self.ports.invalidate, 1);
        self.tick();
        self.dut.set(self.ports.invalidate, 0);
    }

    pub fn invalidating(&self) -> bool {
        self.dut.get(self.ports.invalidating) == 1
    }

    /// Runs until every lookup is answered and the TLB is as empty as it was asked to be.
    pub fn settle(&mut self) {
        let limit = self.clock + 2_000_000;
        // the walk behind an answer may still fill, and the events are registered
        let mut calm = 0;
        while calm < 100 {
            self.tick();
            calm = if self.idle() && self.reads.is_empty() && !self.invalidating() {
                calm + 1
            } else {
                0
            };
            assert!(self.clock < limit, "the MMU makes no progress");
        }
    }

    fn stalled(&mut self, kind: usize) -> bool {
        self.random.gen::<u8>() < self.manners.stall[kind]
    }

    /// One clock.
    pub fn tick(&mut self) {
        let mut moves = [(false, false); 2];
        for (port, moved) in moves.iter_mut().enumerate() {
            // valid does not fall without a transfer
            let offers = self.offering[port] || !self.stalled(0);
            let takes = !self.stalled(1);
            let client = &self.clients[port];
            let offered = client.waiting.front().copied().filter(|_| offers);
            self.dut.set(client.req_valid, u64::from(offered.is_some()));
            if let Some(lookup) = offered {
                self.dut.set(client.context, u64::from(lookup.context));
                self.dut.set(client.virt_page, lookup.virt_addr >> 12);
                self.dut.set(client.write, u64::from(lookup.access == Access::Write));
            }
            self.dut.set(client.rsp_ready, u64::from(takes));
            let sent = offered.is_some() && self.dut.get(client.req_ready) == 1;
            self.offering[port] = offered.is_some() && !sent;
            *moved = (sent, takes && self.dut.get(client.rsp_valid) == 1);
        }
        for (port, (sent, got)) in moves.into_iter().enumerate() {
            let client = &mut self.clients[port];
            if got {
                let (lookup, taken) = client.under_way.pop_front().expect("an answer without a request");
                let answer = match FaultCause::from_code(self.dut.get(client.cause) as u8) {
                    Some(cause) => Err(cause),
                    None => Ok(self.dut.get(client.phys_page)),
                };
                self.done[port].push(Done {
                    lookup,
                    answer,
                    taken,
                    answered: self.clock,
                });
            }
            if sent {
                let lookup = client.waiting.pop_front().expect("a request was offered");
                client.under_way.push_back((lookup, self.clock));
            }
        }
        self.serve_memory();
        self.dut.tick();
        self.clock += 1;
        for port in 0..2 {
            self.events.hits[port] += self.dut.get(self.ports.hit) >> port & 1;
            self.events.misses[port] += self.dut.get(self.ports.miss) >> port & 1;
            self.events.faults[port] += self.dut.get(self.ports.fault) >> port & 1;
        }
        self.events.walks += self.dut.get(self.ports.walk);
    }

    fn serve_memory(&mut self) {
        let beat_now = !self.stalled(2) && self.reads.front().is_some_and(|read| read.ready_at <= self.clock);
        self.dut.set(self.ports.mem_data_valid, u64::from(beat_now));
        if beat_now {
            let read = &mut self.reads[0];
            let word = self.memory.read_u64(read.phys_addr);
            read.phys_addr += 8;
            read.left -= 1;
            self.dut.set(self.ports.mem_data, word.unwrap_or(0xDEAD_DEAD_DEAD_DEAD));
            self.dut.set(self.ports.mem_error, u64::from(word.is_err()));
            self.dut.set(self.ports.mem_last, u64::from(read.left == 0));
            if read.left == 0 {
                self.reads.pop_front();
            }
        }
        let accepts = !self.stalled(3);
        self.dut.set(self.ports.mem_req_ready, u64::from(accepts));
        if accepts && self.dut.get(self.ports.mem_req_valid) == 1 {
            let phys_addr = self.dut.get(self.ports.mem_phys_addr);
            let left = self.dut.get(self.ports.mem_beats) + 1;
            assert!(
                phys_addr % 8 == 0 && phys_addr % 4096 + left * 8 <= 4096,
                "a read crosses 4 KiB"
            );
            self.read_beats.push(left);
            let latency = self.random.gen_range(self.manners.latency.0..=self.manners.latency.1);
            self.reads.push_back(Read {
                ready_at: self.clock + latency,
                phys_addr,
                left,
            });
        }
    }
}
