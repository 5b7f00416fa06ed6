//! Memory behind the core's AXI4 port, as fast or as awkward as the test wants it.

use super::{Address, FromCore, ReadBeat, Response, ToCore, WriteAnswer, WriteBeat};
use crate::pattern::{Pattern, Rng};
use segwalk_model::memory::SparseMemory;
use std::collections::VecDeque;
use std::ops::Range;

/// Write data that may come before its address; more is left waiting.
const EARLY_BEATS: usize = 16;
/// Words of the longest burst.
const BURST_WORDS: usize = 256;
/// What a read of nothing gives, so that a core that uses it is seen.
const NOTHING: u64 = 0xDEAD_BEEF_DEAD_BEEF;

/// How the memory behaves. The default is one beat a clock, one clock after the address, in order.
#[derive(Clone, Debug)]
pub struct AxiConfig {
    /// Clocks from an accepted read address to its first beat, at least 1; and from the last write beat to its answer.
    pub latency: u32,
    /// Up to so many clocks more, at random for each burst.
    pub jitter: u32,
    /// When read addresses are taken.
    pub ar: Pattern,
    /// When write addresses are taken.
    pub aw: Pattern,
    /// When write data is taken.
    pub w: Pattern,
    /// When a new read beat may be offered.
    pub r: Pattern,
    /// When a new write answer may be offered.
    pub b: Pattern,
    /// Bursts of different IDs overtake each other at random; those of one ID never do.
    pub reorder: bool,
    /// Beats of different IDs mix; only with `reorder`.
    pub interleave: bool,
    /// Open reads, and open writes, beyond which addresses wait.
    pub max_open: usize,
    /// Seed of jitter, patterns and reordering.
    pub seed: u64,
}

impl Default for AxiConfig {
    fn default() -> Self {
        Self {
            latency: 1,
            jitter: 0,
            ar: Pattern::Always,
            aw: Pattern::Always,
            w: Pattern::Always,
            r: Pattern::Always,
            b: Pattern::Always,
            reorder: false,
            interleave: false,
            max_open: 64,
            seed: 1,
        }
    }
}

/// Addresses that answer with an error.
#[derive(Clone, Debug)]
pub struct ErrorRange {
    /// Physical addresses; a beat with one byte in it fails.
    pub phys_addrs: Range<u64>,
    /// Reads fail.
    pub reads: bool,
    /// Writes fail, and do not change memory.
    pub writes: bool,
    /// The answer.
    pub response: Response,
}

/// An access that is not finished, for reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenAccess {
    /// A write.
    pub write: bool,
    /// Address and ID.
    pub address: Address,
    /// Beats that passed.
    pub beats_done: u32,
    /// Clock at which the address was accepted.
    pub since: u64,
}

struct Read {
    address: Address,
    since: u64,
    ready_at: u64,
    beat: u32,
    // filled with the first beat; a burst lies in one page
    words: Box<[u64]>,
    response: Response,
}

#[derive(Clone, Copy)]
struct Write {
    address: Address,
    since: u64,
    ready_at: u64,
    beat: u32,
    response: Response,
}

/// Memory with an AXI4 subordinate port of 64 bits.
pub struct AxiMemory {
    memory: SparseMemory,
    config: AxiConfig,
    errors: Vec<ErrorRange>,
    rng: Rng,
    // in the order of their addresses
    reads: VecDeque<Read>,
    spare_words: Vec<Box<[u64]>>,
    // the burst whose beats are under way
    current: Option<usize>,
    r_offered: Option<ReadBeat>,
    // address accepted, data not complete
    filling: VecDeque<Write>,
    early: VecDeque<WriteBeat>,
    // data complete, answer not taken
    answering: VecDeque<Write>,
    b_offered: Option<(usize, WriteAnswer)>,
    open_reads: [u32; 16],
    read_beats: [u64; 16],
    writes_done: u64,
}

impl AxiMemory {
    /// Memory with no page yet.
    pub fn new(config: AxiConfig) -> Self {
        Self {
            rng: Rng::new(config.seed),
            reads: VecDeque::with_capacity(config.max_open),
            filling: VecDeque::with_capacity(config.max_open),
            answering: VecDeque::with_capacity(config.max_open),
            memory: SparseMemory::new(),
            config,
            errors: vec![],
            spare_words: vec![],
            current: None,
            r_offered: None,
            early: VecDeque::with_capacity(EARLY_BEATS),
            b_offered: None,
            open_reads: [0; 16],
            read_beats: [0; 16],
            writes_done: 0,
        }
    }

    /// Contents.
    pub fn memory(&self) -> &SparseMemory {
        &self.memory
    }

    /// Contents, to be changed between clocks. A burst sees its data as it is on its first beat.
    pub fn memory_mut(&mut self) -> &mut SparseMemory {
        &mut self.memory
    }

    /// Behaviour.
    pub fn config(&self) -> &AxiConfig {
        &self.config
    }

    /// Behaviour, to be changed between clocks; latency applies to later accesses.
    pub fn config_mut(&mut self) -> &mut AxiConfig {
        &mut self.config
    }

    /// Ranges that answer with errors, to be changed between clocks.
    pub fn errors_mut(&mut self) -> &mut Vec<ErrorRange> {
        &mut self.errors
    }

    /// Open reads by ID.
    pub fn open_reads(&self) -> &[u32; 16] {
        &self.open_reads
    }

    /// Read beats so far by ID.
    pub fn read_beats(&self) -> &[u64; 16] {
        &self.read_beats
    }

    /// Write bursts whose data is in memory; when it stands still, memory did not change.
    pub fn writes_done(&self) -> u64 {
        self.writes_done
    }

    /// Whether no access is under way.
    pub fn is_idle(&self) -> bool {
        self.reads.is_empty() & self.filling.is_empty() & self.answering.is_empty() & self.early.is_empty()
    }

    /// All accesses under way, reads first, oldest first.
    pub fn open(&self) -> Vec<OpenAccess> {
        let reads = self.reads.iter().map(|r| OpenAccess {
            write: false,
            address: r.address,
            beats_done: r.beat,
            since: r.since,
        });
        let writes = self.answering.iter().chain(&self.filling).map(|w| OpenAccess {
            write: true,
            address: w.address,
            beats_done: w.beat,
            since: w.since,
        });
        reads.chain(writes).collect()
    }

    /// Drops all that is under way, as a reset of the whole system does. Contents stay.
    pub fn reset(&mut self) {
        while let Some(read) = self.reads.pop_front() {
            self.spare_words.push(read.words);
        }
        self.current = None;
        self.r_offered = None;
        self.filling.clear();
        self.early.clear();
        self.answering.clear();
        self.b_offered = None;
        self.open_reads = [0; 16];
    }

    /// The signals for the coming edge. Transfers that they make with `core` are taken as made.
    #[inline]
    pub fn step(&mut self, clock: u64, core: &FromCore) -> ToCore {
        let mut out = ToCore {
            r: self.offer_read(clock),
            ..Default::default()
        };
        if out.r.is_some() & core.r_ready {
            self.finish_beat();
        }
        if !self.answering.is_empty() {
            out.b = self.offer_answer(clock);
            if out.b.is_some() & core.b_ready {
                if let Some((at, _)) = self.b_offered.take() {
                    self.answering.remove(at);
                }
            }
        }
        out.ar_ready = self.reads.len() < self.config.max_open && self.config.ar.goes(clock, &mut self.rng);
        if let (true, Some(address)) = (out.ar_ready, core.ar) {
            self.accept_read(clock, address);
        }
        let open_writes = self.filling.len() + self.answering.len();
        out.aw_ready = open_writes < self.config.max_open && self.config.aw.goes(clock, &mut self.rng);
        if let (true, Some(address)) = (out.aw_ready, core.aw) {
            self.accept_write(clock, address);
        }
        out.w_ready = self.early.len() < EARLY_BEATS && self.config.w.goes(clock, &mut self.rng);
        if let (true, Some(beat)) = (out.w_ready, core.w) {
            self.early.push_back(beat);
        }
        if !self.early.is_empty() {
            self.apply_writes(clock);
        }
        out
    }

    fn ready_at(&mut self, clock: u64) -> u64 {
        let jitter = match self.config.jitter {
            0 => 0,
            jitter => self.rng.below(u64::from(jitter) + 1),
        };
        clock + (u64::from(self.config.latency) + jitter).max(1)
    }

    fn accept_read(&mut self, clock: u64, address: Address) {
        let ready_at = self.ready_at(clock);
        let words = self.spare_words.pop().unwrap_or_else(|| vec![0; BURST_WORDS].into());
        self.open_reads[usize::from(address.id & 15)] += 1;
        self.reads.push_back(Read {
            address,
            since: clock,
            ready_at,
            beat: 0,
            words,
            response: Response::Okay,
        });
    }

    #[inline]
    fn offer_read(&mut self, clock: u64) -> Option<ReadBeat> {
        // valid stays with its payload until the core is ready
        if self.r_offered.is_some() {
            return self.r_offered;
        }
        if self.reads.is_empty() || !self.config.r.goes(clock, &mut self.rng) {
            return None;
        }
        let at = match self.current {
            Some(at) if !self.config.interleave => at,
            _ => self.choose(clock)?,
        };
        self.current = Some(at);
        let read = &mut self.reads[at];
        if read.beat == 0 {
            read.response = fetch(&self.memory, &read.address, &mut read.words);
        }
        let address = read.address.beat_addr(read.beat);
        let word = (address >> 3) - (read.address.phys_addr >> 3);
        let mut response = read.response;
        if !self.errors.is_empty() {
            let bytes = address..(address | ((1 << read.address.size) - 1)) + 1;
            response = error(&self.errors, &bytes, |range| range.reads).unwrap_or(response);
        }
        self.r_offered = Some(ReadBeat {
            id: read.address.id,
            data: if response == Response::Okay {
                read.words[word as usize % BURST_WORDS]
            } else {
                NOTHING
            },
            response,
            last: read.beat == u32::from(read.address.len),
        });
        self.r_offered
    }

    /// The burst that goes next, when one is ready.
    fn choose(&mut self, clock: u64) -> Option<usize> {
        if !self.config.reorder {
            return (self.reads[0].ready_at <= clock).then_some(0);
        }
        let ids = self.reads.iter().map(|r| (r.address.id, r.ready_at));
        choose_id(ids, clock, &mut self.rng)
    }

    fn finish_beat(&mut self) {
        self.r_offered = None;
        let Some(at) = self.current else { return };
        let read = &mut self.reads[at];
        let id = usize::from(read.address.id & 15);
        self.read_beats[id] += 1;
        read.beat += 1;
        if read.beat > u32::from(read.address.len) {
            self.current = None;
            self.open_reads[id] -= 1;
            if let Some(read) = self.reads.remove(at) {
                self.spare_words.push(read.words);
            }
        }
    }

    fn accept_write(&mut self, clock: u64, address: Address) {
        self.filling.push_back(Write {
            address,
            since: clock,
            ready_at: 0,
            beat: 0,
            response: Response::Okay,
        });
    }

    fn apply_writes(&mut self, clock: u64) {
        while let (Some(write), Some(beat)) = (self.filling.front_mut(), self.early.front().copied()) {
            let address = write.address.beat_addr(write.beat);
            let bytes = address..(address | ((1 << write.address.size) - 1)) + 1;
            match error(&self.errors, &bytes, |range| range.writes) {
                Some(response) => write.response = response,
                None if !store(&mut self.memory, address, beat) => write.response = Response::DecErr,
                None => {}
            }
            write.beat += 1;
            self.early.pop_front();
            if write.beat > u32::from(write.address.len) {
                let mut write = *write;
                self.filling.pop_front();
                self.writes_done += 1;
                write.ready_at = self.ready_at(clock);
                self.answering.push_back(write);
            }
        }
    }

    fn offer_answer(&mut self, clock: u64) -> Option<WriteAnswer> {
        if let Some((_, answer)) = self.b_offered {
            return Some(answer);
        }
        if !self.config.b.goes(clock, &mut self.rng) {
            return None;
        }
        let at = match self.config.reorder {
            false => (self.answering[0].ready_at <= clock).then_some(0),
            true => {
                let ids = self.answering.iter().map(|w| (w.address.id, w.ready_at));
                choose_id(ids, clock, &mut self.rng)
            }
        }?;
        let write = &self.answering[at];
        let answer = WriteAnswer {
            id: write.address.id,
            response: write.response,
        };
        self.b_offered = Some((at, answer));
        Some(answer)
    }
}

/// One of the oldest accesses of each ID that are ready, at random.
fn choose_id(accesses: impl Iterator<Item = (u8, u64)>, clock: u64, rng: &mut Rng) -> Option<usize> {
    let (mut seen, mut found, mut chosen) = (0u16, 0, None);
    for (at, (id, ready_at)) in accesses.enumerate() {
        let bit = 1 << (id & 15);
        if seen & bit == 0 && ready_at <= clock {
            found += 1;
            if rng.below(found) == 0 {
                chosen = Some(at);
            }
        }
        seen |= bit;
    }
    chosen
}

fn error(errors: &[ErrorRange], bytes: &Range<u64>, applies: impl Fn(&ErrorRange) -> bool) -> Option<Response> {
    let hit = |range: &&ErrorRange| range.phys_addrs.start < bytes.end && bytes.start < range.phys_addrs.end;
    errors
        .iter()
        .filter(|range| applies(range))
        .find(hit)
        .map(|range| range.response)
}

/// The words of a burst. A burst that runs out of its page is the checker's to report; the rest reads as it was.
fn fetch(memory: &SparseMemory, address: &Address, words: &mut [u64]) -> Response {
    let Some(page) = memory.page(address.phys_addr >> 12) else {
        return Response::DecErr;
    };
    let start = (address.phys_addr & 0xFF8) as usize;
    let bytes = (address.end() - (address.phys_addr & !7)).min(2048) as usize;
    let end = (start + bytes.next_multiple_of(8)).min(4096);
    for (word, bytes) in words.iter_mut().zip(page[start..end].chunks_exact(8)) {
        *word = u64::from_le_bytes([
            bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7],
        ]);
    }
    Response::Okay
}

/// Whether there was memory to store to.
fn store(memory: &mut SparseMemory, phys_addr: u64, beat: WriteBeat) -> bool {
    let Some(page) = memory.page_mut(phys_addr >> 12) else {
        return false;
    };
    let start = (phys_addr & 0xFF8) as usize;
    for (at, byte) in beat.data.to_le_bytes().into_iter().enumerate() {
        if beat.strobe >> at & 1 == 1 {
            page[start + at] = byte;
        }
    }
    true
}
