//! The MMU alone: its two clients, the registers' writes, and a memory with latency, back-pressure and errors.

mod client;
mod memory;

use crate::verilated::{Dut, Model, Port, Spec};
use anyhow::{ensure, Result};
use client::Client;
pub use memory::{BusRead, Manners};
use memory::{MemoryPorts, MemorySide};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use segwalk_hdl::emit;
use segwalk_hdl::mmu::types::DEFAULT_TLB_ENTRIES;
use segwalk_hdl::mmu::Mmu;
use segwalk_model::memory::SparseMemory;
use segwalk_model::page_table::{Access, Context};
use segwalk_model::refusal::FaultCause;
use std::sync::OnceLock;

/// Clocks without an answer after which the MMU is said to hang.
const PATIENCE: u64 = 2_000_000;
/// Quiet clocks after which nothing more comes: the walk behind an answer may still fill, and events are registered.
const CALM: u64 = 100;

/// A question to the MMU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// Number of the context.
    pub context: u8,
    /// Virtual address; the MMU is given its page.
    pub virt_addr: u64,
    /// What for.
    pub access: Access,
}

/// What a port answered: a physical page or a cause.
pub type Answer = Result<u64, FaultCause>;

/// A lookup with its answer and the clocks on which it was taken and answered.
#[derive(Clone, Copy, Debug)]
pub struct Done {
    /// The question.
    pub lookup: Lookup,
    /// The answer.
    pub answer: Answer,
    /// Clock of the request's handshake.
    pub taken: u64,
    /// First clock on which the answer was offered.
    pub offered: u64,
    /// Clock of the answer's handshake.
    pub answered: u64,
}

/// Counts of the event outputs, by port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// Pulses of `hit`.
    pub hits: [u64; 2],
    /// Pulses of `miss`.
    pub misses: [u64; 2],
    /// Pulses of `fault`.
    pub faults: [u64; 2],
    /// Pulses of `walk`.
    pub walks: u64,
}

/// What is to be forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalidation {
    /// Everything.
    All,
    /// What one context has.
    Context(u8),
    /// What one context has for the page that holds this virtual address.
    Address(u8, u64),
}

/// The emitted MMU and its surroundings.
pub struct MmuBench {
    dut: Dut,
    clients: [Client; 2],
    ports: Ports,
    side: MemorySide,
    /// Physical memory.
    pub memory: SparseMemory,
    /// How the surroundings behave.
    pub manners: Manners,
    /// Where their whims come from.
    pub random: ChaCha8Rng,
    /// Clocks since the start.
    pub clock: u64,
    /// Event outputs so far.
    pub events: Events,
    /// Finished lookups by port, in order; to be emptied at will.
    pub done: [Vec<Done>; 2],
    /// Clocks with a pulse of `fence` since the caller last looked.
    pub fences: Vec<u64>,
}

struct Ports {
    reset: Port,
    ctx_valid: Port,
    ctx_context: Port,
    ctx_mode: Port,
    ctx_root: Port,
    ctx_user_only: Port,
    ctx_accessed_faults: Port,
    invalidate: Port,
    invalidate_kind: Port,
    invalidate_context: Port,
    invalidate_virt_page: Port,
    invalidating: Port,
    fence: Port,
    hit: Port,
    miss: Port,
    fault: Port,
    walk: Port,
    memory: MemoryPorts,
}

/// The emitted MMU as a simulation model; built once and kept.
pub fn model() -> Result<Model> {
    static BUILT: OnceLock<Model> = OnceLock::new();
    if let Some(model) = BUILT.get() {
        return Ok(model.clone());
    }
    let model = model_for(DEFAULT_TLB_ENTRIES)?;
    Ok(BUILT.get_or_init(|| model).clone())
}

/// An MMU with another size of its TLB.
pub fn model_for(tlb_entries: usize) -> Result<Model> {
    let verilog = emit::verilog(&mut Mmu::for_entries(tlb_entries), "mmu")?;
    Model::build(&Spec {
        top: "mmu",
        verilog: &verilog,
        ..Default::default()
    })
}

impl MmuBench {
    /// An MMU after reset.
    pub fn new(model: &Model, memory: SparseMemory, seed: u64) -> Result<Self> {
        let dut = model.instance()?;
        let port = |name: &str| dut.port(name);
        let ports = Ports {
            reset: port("reset")?,
            ctx_valid: port("context$valid")?,
            ctx_context: port("context$context")?,
            ctx_mode: port("context$mode")?,
            ctx_root: port("context$root_page")?,
            ctx_user_only: port("context$user_only")?,
            ctx_accessed_faults: port("context$accessed_faults")?,
            invalidate: port("invalidate")?,
            invalidate_kind: port("invalidate_kind")?,
            invalidate_context: port("invalidate_context")?,
            invalidate_virt_page: port("invalidate_virt_page")?,
            invalidating: port("invalidating")?,
            fence: port("fence")?,
            hit: port("hit")?,
            miss: port("miss")?,
            fault: port("fault")?,
            walk: port("walk")?,
            memory: MemoryPorts::new(&dut)?,
        };
        let clients = [Client::new(&dut, "ring")?, Client::new(&dut, "payload")?];
        let mut bench = Self {
            dut,
            clients,
            ports,
            side: MemorySide::default(),
            memory,
            manners: Manners::QUICK,
            random: ChaCha8Rng::seed_from_u64(seed),
            clock: 0,
            events: Events::default(),
            done: [Vec::new(), Vec::new()],
            fences: Vec::new(),
        };
        bench.reset();
        Ok(bench)
    }

    /// Resets the MMU; what waits at the clients stays there. Only when no lookup is under way.
    pub fn reset(&mut self) {
        self.dut.set(self.ports.reset, 1);
        self.dut.tick();
        self.dut.set(self.ports.reset, 0);
        self.dut.tick();
    }

    /// Puts a lookup behind those that wait at a port: 0 ring, 1 payload.
    pub fn ask(&mut self, port: usize, lookup: Lookup) {
        self.clients[port].waiting.push_back(lookup);
    }

    /// Every lookup is answered.
    pub fn idle(&self) -> bool {
        self.clients.iter().all(Client::idle)
    }

    /// Writes a context on the next clock.
    pub fn write_context(&mut self, number: u8, context: &Context) {
        let ports = &self.ports;
        for (port, value) in [
            (ports.ctx_valid, 1),
            (ports.ctx_context, u64::from(number)),
            (ports.ctx_mode, u64::from(context.mode.code())),
            (ports.ctx_root, context.root_page),
            (ports.ctx_user_only, u64::from(context.user_only)),
            (ports.ctx_accessed_faults, u64::from(context.accessed_faults)),
        ] {
            self.dut.set(port, value);
        }
        self.tick();
        self.dut.set(self.ports.ctx_valid, 0);
    }

    /// Starts an invalidation with a pulse on the next clock.
    pub fn invalidate(&mut self, what: Invalidation) {
        let (kind, context, virt_addr) = match what {
            Invalidation::All => (0, 0, 0),
            Invalidation::Context(context) => (1, context, 0),
            Invalidation::Address(context, virt_addr) => (2, context, virt_addr),
        };
        self.dut.set(self.ports.invalidate_kind, kind);
        self.dut.set(self.ports.invalidate_context, u64::from(context));
        self.dut.set(self.ports.invalidate_virt_page, virt_addr >> 12);
        self.dut.set(self.ports.invalidate, 1);
        self.tick();
        self.dut.set(self.ports.invalidate, 0);
    }

    /// An invalidation is not complete.
    pub fn invalidating(&self) -> bool {
        self.dut.get(self.ports.invalidating) == 1
    }

    /// Pages whose reads the bus answers with an error for now, present or not.
    pub fn set_failing(&mut self, phys_page: u64, failing: bool) {
        self.side.set_failing(phys_page, failing);
    }

    /// The reads that the MMU has asked for since the last call, with the words that it was given.
    pub fn take_reads(&mut self) -> Vec<BusRead> {
        self.side.take_finished()
    }

    /// Runs until every lookup is answered, every walk is over and every invalidation complete.
    pub fn settle(&mut self) -> Result<()> {
        let limit = self.clock + PATIENCE;
        let mut calm = 0;
        while calm < CALM {
            self.tick();
            let busy = !self.idle() || self.side.busy() || self.invalidating();
            calm = if busy { 0 } else { calm + 1 };
            ensure!(self.clock < limit, "the MMU has not answered for {PATIENCE} clocks");
        }
        Ok(())
    }

    /// Keeps the reads for [`Self::take_reads`] from now on, or no longer.
    pub fn record_reads(&mut self, record: bool) {
        self.side.record = record;
    }

    /// One clock.
    pub fn tick(&mut self) {
        for port in 0..2 {
            if let Some(done) = self.clients[port].clock(&mut self.dut, self.clock, &self.manners, &mut self.random) {
                self.done[port].push(done);
            }
        }
        self.side.clock(
            &mut self.dut,
            &self.ports.memory,
            &self.memory,
            self.clock,
            &self.manners,
            &mut self.random,
        );
        self.dut.tick();
        self.clock += 1;
        let [hit, miss, fault] = [self.ports.hit, self.ports.miss, self.ports.fault].map(|port| self.dut.get(port));
        for port in 0..2 {
            self.events.hits[port] += hit >> port & 1;
            self.events.misses[port] += miss >> port & 1;
            self.events.faults[port] += fault >> port & 1;
        }
        self.events.walks += self.dut.get(self.ports.walk);
        if self.dut.get(self.ports.fence) == 1 {
            self.fences.push(self.clock);
        }
    }
}
