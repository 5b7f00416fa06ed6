//! What a link carried.

use super::channel::Totals;
use super::network::KernelCounters;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

/// The link so far.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LinkReport {
    /// Time since the link came up.
    pub seconds: f64,
    /// Frames of A that were to be segmented.
    pub super_frames: u64,
    /// Of these, with the ECN bit, as CWR is set.
    pub with_cwr: u64,
    /// Other frames of A.
    pub other_frames: u64,
    /// Frames that the engine emitted.
    pub segments: u64,
    /// Their bytes, without check sequences.
    pub wire_bytes: u64,
    /// Beats of 8 bytes that they took.
    pub beats: u64,
    /// Frames that went from B to A.
    pub frames_back: u64,
    /// Their bytes.
    pub bytes_back: u64,
    /// Frames of either direction that were lost on purpose.
    pub lost: u64,
    /// Frames that were marked "congestion experienced".
    pub marked: u64,
    /// Frames that the other side's kernel did not take, as its interface was down.
    pub not_taken: u64,
    /// Simulated clocks.
    pub clocks: u64,
    /// Time in which the simulation ran; it stands still while nothing is on its way.
    pub busy_seconds: f64,
    /// What the simulation had of a processor meanwhile.
    pub cpu_seconds: f64,
    /// Super-frames that the engine refused.
    pub refused: u64,
    /// Translation faults.
    pub faults: u64,
    /// Translations that the TLB answered.
    pub tlb_hits: u64,
    /// Translations that it did not.
    pub tlb_misses: u64,
    /// Page-table walks.
    pub walks: u64,
    /// Whether the reference model looked at every frame.
    pub checked: bool,
    /// What differs from the model, in words.
    pub difference: Option<String>,
    /// File with the super-frames that differ or were refused, for `segwalk replay`.
    pub dump: Option<PathBuf>,
    /// A's kernel.
    pub a: KernelCounters,
    /// B's kernel.
    pub b: KernelCounters,
}

impl LinkReport {
    /// Whether the engine did everything that the kernel asked for, and as the model does it.
    pub fn is_good(&self) -> bool {
        self.difference.is_none() && self.refused == 0 && self.faults == 0
    }

    /// Bits of emitted frames a second, in millions.
    pub fn mbit_per_second(&self) -> f64 {
        ratio(8e-6 * self.wire_bytes as f64, self.seconds)
    }

    /// Simulated clocks a second while the simulation ran.
    pub fn clocks_per_second(&self) -> f64 {
        ratio(self.clocks as f64, self.busy_seconds)
    }

    /// Simulated clocks a second of a processor: on a machine without other work the same.
    pub fn clocks_per_cpu_second(&self) -> f64 {
        ratio(self.clocks as f64, self.cpu_seconds)
    }

    /// Beats a simulated clock.
    pub fn beats_per_clock(&self) -> f64 {
        ratio(self.beats as f64, self.clocks as f64)
    }

    /// Share of translations that the TLB answered.
    pub fn tlb_hit_rate(&self) -> f64 {
        ratio(self.tlb_hits as f64, (self.tlb_hits + self.tlb_misses) as f64)
    }

    /// What happened since `before`, for rates of the moment; words and kernel counters are left out.
    #[must_use]
    pub fn since(&self, before: &LinkReport) -> LinkReport {
        LinkReport {
            seconds: self.seconds - before.seconds,
            super_frames: self.super_frames - before.super_frames,
            segments: self.segments - before.segments,
            wire_bytes: self.wire_bytes - before.wire_bytes,
            beats: self.beats - before.beats,
            clocks: self.clocks - before.clocks,
            busy_seconds: self.busy_seconds - before.busy_seconds,
            tlb_hits: self.tlb_hits - before.tlb_hits,
            tlb_misses: self.tlb_misses - before.tlb_misses,
            ..LinkReport::default()
        }
    }

    pub(super) fn count(&mut self, elapsed: Duration, totals: &Totals) {
        self.seconds = elapsed.as_secs_f64();
        self.clocks = totals.clocks;
        self.busy_seconds = totals.busy.as_secs_f64();
        self.cpu_seconds = totals.cpu.as_secs_f64();
        self.refused = totals.refused;
        self.faults = totals.faults;
        self.tlb_hits = totals.tlb_hits;
        self.tlb_misses = totals.tlb_misses;
        self.walks = totals.walks;
    }
}

fn ratio(part: f64, whole: f64) -> f64 {
    match whole > 0.0 {
        true => part / whole,
        false => 0.0,
    }
}
