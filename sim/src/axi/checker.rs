//! The rules of AXI4 and AXI4-Stream that the core must keep. A broken rule is recorded with its clock.
//!
//! Rule numbers are those of AMBA AXI (ARM IHI 0022) and AXI-Stream (ARM IHI 0051).

use super::{Address, FromCore, ToCore, WriteBeat, INCR};
use crate::stream_sink::StreamBeat;
use std::collections::{HashSet, VecDeque};
use std::fmt;

/// Violations beyond this many are counted, not kept.
const KEPT: usize = 32;
/// Beats of write data that may run ahead of their address: one burst of the longest kind.
const WRITE_AHEAD: u32 = 256;

/// A broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Clock on which it was seen.
    pub clock: u64,
    /// What was wrong.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "clock {}: {}", self.clock, self.what)
    }
}

/// An accepted address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Clock of acceptance.
    pub clock: u64,
    /// A write.
    pub write: bool,
    /// Address and ID.
    pub address: Address,
}

/// Looks at every access; an `Err` is a violation.
pub type AccessHook = Box<dyn FnMut(&Access) -> Result<(), String> + Send>;

/// Checks what the core does on its AXI4 port and its frame stream.
pub struct ProtocolChecker {
    read_ids: u16,
    write_ids: u16,
    allowed_pages: Option<HashSet<u64>>,
    hook: Option<AccessHook>,
    // payload of a channel that was valid and not taken on the last edge
    ar_waits: Option<Address>,
    aw_waits: Option<Address>,
    w_waits: Option<WriteBeat>,
    stream_waits: Option<StreamBeat>,
    // accepted addresses whose data is not complete
    aw_open: VecDeque<Address>,
    // data beats without an address, and lengths of whole bursts among them
    early: VecDeque<WriteBeat>,
    w_beat: u32,
    frame_open: bool,
    violations: Vec<Violation>,
    count: u64,
}

impl Default for ProtocolChecker {
    /// For the core: read IDs 0 to 3, write ID 0.
    fn default() -> Self {
        Self::new(
            &[
                super::READ_RING,
                super::READ_WALKER,
                super::READ_PAYLOAD,
                super::READ_EVENT,
            ],
            &[super::WRITE_USED],
        )
    }
}

impl ProtocolChecker {
    /// Knows these IDs; others are violations.
    pub fn new(read_ids: &[u8], write_ids: &[u8]) -> Self {
        let mask = |ids: &[u8]| ids.iter().fold(0u16, |mask, id| mask | 1 << (id & 15));
        Self {
            read_ids: mask(read_ids),
            write_ids: mask(write_ids),
            allowed_pages: None,
            hook: None,
            ar_waits: None,
            aw_waits: None,
            w_waits: None,
            stream_waits: None,
            aw_open: VecDeque::with_capacity(64),
            early: VecDeque::with_capacity(64),
            w_beat: 0,
            frame_open: false,
            violations: vec![],
            count: 0,
        }
    }

    /// Only accesses to these physical pages are right; `None` lifts the limit.
    pub fn allow_only(&mut self, phys_pages: Option<HashSet<u64>>) {
        self.allowed_pages = phys_pages;
    }

    /// Called with every accepted address.
    pub fn on_access(&mut self, hook: Option<AccessHook>) {
        self.hook = hook;
    }

    /// The first violations, oldest first.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Whether no rule was broken so far.
    #[inline]
    pub fn is_clean(&self) -> bool {
        self.count == 0
    }

    /// A sentence with the first violations, or nothing.
    pub fn verdict(&self) -> anyhow::Result<()> {
        if self.is_clean() {
            return Ok(());
        }
        let list: Vec<String> = self.violations.iter().take(8).map(|v| format!("  {v}")).collect();
        anyhow::bail!(
            "{} violations of the bus rules, the first:\n{}",
            self.count,
            list.join("\n")
        )
    }

    /// What must hold when the core has nothing to do: every write has its data, every frame its end.
    pub fn at_rest(&mut self, clock: u64) {
        if let Some(address) = self.aw_open.front().copied() {
            self.broken(
                clock,
                format!("the write to {:#x} has no complete data", address.phys_addr),
            );
        }
        if !self.early.is_empty() {
            self.broken(clock, "write data has no address".into());
        }
        if self.frame_open {
            self.broken(clock, "the stream rests inside a frame".into());
        }
    }

    /// In reset no channel may be valid (A3.1.2), and what was open is forgotten.
    pub fn in_reset(&mut self, clock: u64, core: &FromCore, stream: Option<StreamBeat>) {
        if core.ar.is_some() || core.aw.is_some() || core.w.is_some() || stream.is_some() {
            self.broken(clock, "a channel is valid in reset".into());
        }
        (self.ar_waits, self.aw_waits, self.w_waits, self.stream_waits) = (None, None, None, None);
        self.aw_open.clear();
        self.early.clear();
        (self.w_beat, self.frame_open) = (0, false);
    }

    /// Looks at the signals of the coming edge on the memory port.
    #[inline]
    pub fn bus(&mut self, clock: u64, core: &FromCore, memory: &ToCore) {
        // A3.2.1: valid stays, with its payload, until the transfer
        if self.ar_waits.is_some() && self.ar_waits != core.ar {
            self.unstable(clock, "AR");
        }
        if self.aw_waits.is_some() && self.aw_waits != core.aw {
            self.unstable(clock, "AW");
        }
        if self.w_waits.is_some() && self.w_waits != core.w {
            self.unstable(clock, "W");
        }
        self.ar_waits = if memory.ar_ready { None } else { core.ar };
        self.aw_waits = if memory.aw_ready { None } else { core.aw };
        self.w_waits = if memory.w_ready { None } else { core.w };
        if let (true, Some(address)) = (memory.ar_ready, core.ar) {
            self.address(clock, false, address);
        }
        if let (true, Some(address)) = (memory.aw_ready, core.aw) {
            self.address(clock, true, address);
            self.aw_open.push_back(address);
        }
        if let (true, Some(beat)) = (memory.w_ready, core.w) {
            self.early.push_back(beat);
        }
        if !self.early.is_empty() {
            self.write_data(clock);
        }
    }

    /// Looks at the signals of the coming edge on the frame stream.
    #[inline]
    pub fn stream(&mut self, clock: u64, beat: Option<StreamBeat>, ready: bool) {
        // IHI 0051, 2.2.1: valid stays, with its payload, until the transfer
        if self.stream_waits.is_some() && self.stream_waits != beat {
            self.unstable(clock, "the frame stream");
        }
        self.stream_waits = if ready { None } else { beat };
        let (true, Some(beat)) = (ready, beat) else {
            return;
        };
        self.frame_open = !beat.last;
        let keep = u32::from(beat.keep);
        // only the last beat has bytes that do not count, and those are at its end
        if keep & (keep + 1) != 0 || keep == 0 || (!beat.last && keep != 0xFF) {
            self.broken(clock, format!("tkeep {keep:#010b} with tlast {}", u8::from(beat.last)));
        }
    }

    /// Records what another part of the harness saw.
    #[cold]
    pub fn report(&mut self, clock: u64, what: &str) {
        self.broken(clock, what.into());
    }

    fn address(&mut self, clock: u64, write: bool, address: Address) {
        let name = if write { "AW" } else { "AR" };
        let at = format_args!("{name} {:#x}", address.phys_addr).to_string();
        let ids = if write { self.write_ids } else { self.read_ids };
        if address.id > 15 || ids >> address.id & 1 == 0 {
            self.broken(clock, format!("{at}: ID {} is none of the core's", address.id));
        }
        // A3.4.1
        if address.burst != INCR {
            self.broken(clock, format!("{at}: burst type {} is not INCR", address.burst));
        }
        if address.size > 3 {
            self.broken(
                clock,
                format!("{at}: beats of {} bytes on a bus of 8", 1u32 << address.size),
            );
        } else if (address.end() - 1) >> 12 != address.phys_addr >> 12 {
            self.broken(clock, format!("{at}: {} beats cross a 4 KiB boundary", address.beats()));
        }
        if address.lock {
            self.broken(clock, format!("{at}: exclusive access"));
        }
        if self
            .allowed_pages
            .as_ref()
            .is_some_and(|pages| !pages.contains(&(address.phys_addr >> 12)))
        {
            self.broken(
                clock,
                format!("{at}: the core has no business there (ID {})", address.id),
            );
        }
        if let Some(hook) = &mut self.hook {
            if let Err(what) = hook(&Access { clock, write, address }) {
                self.broken(clock, format!("{at}: {what}"));
            }
        }
    }

    fn write_data(&mut self, clock: u64) {
        while let (Some(address), Some(beat)) = (self.aw_open.front().copied(), self.early.front().copied()) {
            let first = address.beat_addr(self.w_beat);
            // A3.4.3: only lanes of the beat's bytes
            let size = address.size.min(3);
            let end = (first >> size << size) + (1 << size);
            let lanes = (0..8u64).filter(|lane| (first..end).contains(&((first & !7) + lane)));
            let lanes = lanes.fold(0u8, |mask, lane| mask | 1 << lane);
            if beat.strobe & !lanes != 0 {
                let strobe = beat.strobe;
                self.broken(
                    clock,
                    format!("W for {first:#x}: strobes {strobe:#010b} outside of the beat"),
                );
            }
            let last = self.w_beat == u32::from(address.len);
            if beat.last != last {
                let (beat, of) = (self.w_beat + 1, address.beats());
                self.broken(
                    clock,
                    format!("W for {:#x}: wlast is wrong on beat {beat} of {of}", address.phys_addr),
                );
            }
            self.early.pop_front();
            self.w_beat += 1;
            if last {
                self.w_beat = 0;
                self.aw_open.pop_front();
            }
        }
        if self.early.len() as u32 > WRITE_AHEAD {
            self.early.clear();
            self.broken(
                clock,
                format!("more than {WRITE_AHEAD} beats of write data without an address"),
            );
        }
    }

    #[cold]
    fn unstable(&mut self, clock: u64, channel: &str) {
        self.broken(clock, format!("{channel} fell or changed before it was taken"));
    }

    #[cold]
    fn broken(&mut self, clock: u64, what: String) {
        self.count += 1;
        if self.violations.len() < KEPT {
            self.violations.push(Violation { clock, what });
        }
    }
}
