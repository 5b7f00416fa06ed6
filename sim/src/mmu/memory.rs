//! The memory behind the walker's port.

use crate::verilated::{Dut, Port};
use anyhow::Result;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use segwalk_model::memory::{Memory, SparseMemory};
use std::collections::{HashSet, VecDeque};

/// How the MMU's surroundings behave.
#[derive(Clone, Copy, Debug)]
pub struct Manners {
    /// Clocks from a read's acceptance to its first beat, at least and at most.
    pub latency: (u64, u64),
    /// Chance of 256 that a client does not offer, does not take, or the memory does not deliver or accept.
    pub stall: [u8; 4],
}

impl Manners {
    /// A memory that answers on the next clock, and nobody hesitates.
    pub const QUICK: Manners = Manners {
        latency: (1, 1),
        stall: [0; 4],
    };

    pub(super) fn stalls(&self, random: &mut ChaCha8Rng, kind: usize) -> bool {
        self.stall[kind] != 0 && random.gen::<u8>() < self.stall[kind]
    }
}

/// A read as the MMU made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusRead {
    /// First byte.
    pub phys_addr: u64,
    /// The words as they were given, a beat each; nothing for a beat with a bus error.
    pub words: Vec<Option<u64>>,
}

impl BusRead {
    /// Bytes asked for.
    pub fn bytes(&self) -> u64 {
        8 * self.words.len() as u64
    }
}

/// Ports of the walker's reads.
pub(super) struct MemoryPorts {
    req_valid: Port,
    req_ready: Port,
    phys_addr: Port,
    beats: Port,
    data_valid: Port,
    data: Port,
    last: Port,
    error: Port,
}

impl MemoryPorts {
    pub(super) fn new(dut: &Dut) -> Result<Self> {
        let port = |field: &str| dut.port(&format!("mem${field}"));
        Ok(Self {
            req_valid: port("req_valid")?,
            req_ready: port("req_ready")?,
            phys_addr: port("phys_addr")?,
            beats: port("beats_minus_1")?,
            data_valid: port("data_valid")?,
            data: port("data")?,
            last: port("data_last")?,
            error: port("data_error")?,
        })
    }
}

struct Waiting {
    ready_at: u64,
    beats: usize,
    read: BusRead,
}

/// Reads under way, in order.
#[derive(Default)]
pub(super) struct MemorySide {
    waiting: VecDeque<Waiting>,
    finished: Vec<BusRead>,
    failing: HashSet<u64>,
    pub(super) record: bool,
}

impl MemorySide {
    pub(super) fn busy(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(super) fn set_failing(&mut self, phys_page: u64, failing: bool) {
        if failing {
            self.failing.insert(phys_page);
        } else {
            self.failing.remove(&phys_page);
        }
    }

    pub(super) fn take_finished(&mut self) -> Vec<BusRead> {
        std::mem::take(&mut self.finished)
    }

    pub(super) fn clock(
        &mut self,
        dut: &mut Dut,
        ports: &MemoryPorts,
        memory: &SparseMemory,
        clock: u64,
        manners: &Manners,
        random: &mut ChaCha8Rng,
    ) {
        let due = self.waiting.front().is_some_and(|read| read.ready_at <= clock);
        let beat_now = due && !manners.stalls(random, 2);
        dut.set(ports.data_valid, u64::from(beat_now));
        if beat_now {
            let at = &mut self.waiting[0];
            let phys_addr = at.read.phys_addr + at.read.bytes();
            let word = memory.read_u64(phys_addr).ok();
            let word = word.filter(|_| self.failing.is_empty() || !self.failing.contains(&(phys_addr >> 12)));
            at.read.words.push(word);
            let last = at.read.words.len() == at.beats;
            dut.set(ports.data, word.unwrap_or(0xDEAD_DEAD_DEAD_DEAD));
            dut.set(ports.error, u64::from(word.is_none()));
            dut.set(ports.last, u64::from(last));
            if last {
                let done = self.waiting.pop_front().map(|at| at.read);
                if self.record {
                    self.finished.extend(done);
                }
            }
        }
        let accepts = !manners.stalls(random, 3);
        dut.set(ports.req_ready, u64::from(accepts));
        if accepts && dut.get(ports.req_valid) == 1 {
            let phys_addr = dut.get(ports.phys_addr);
            let beats = dut.get(ports.beats) as usize + 1;
            assert!(
                phys_addr % 8 == 0 && phys_addr % 4096 + 8 * beats as u64 <= 4096,
                "the read of {beats} beats at {phys_addr:#x} is unaligned or crosses 4 KiB"
            );
            let (least, most) = manners.latency;
            self.waiting.push_back(Waiting {
                ready_at: clock
                    + if most > least {
                        random.gen_range(least..=most)
                    } else {
                        least
                    },
                beats,
                read: BusRead {
                    phys_addr,
                    words: Vec::with_capacity(beats),
                },
            });
        }
    }
}
