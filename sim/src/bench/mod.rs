//! How fast the core is, in clocks: the cases that are measured, and what bus and stream would allow at best.
//!
//! All chains of a case are posted before the doorbell, so the engine never waits for software. The first super-frames
//! warm the TLB and fill the pipeline and are not measured; the last ones keep it full until the measured ones are out.
//! Every frame is compared with the model's.

mod bound;
mod cases;
mod first_byte;
mod stream;
#[cfg(test)]
mod tests;
mod work;

pub use cases::{matrix, sweep, Case, Kind, Payload, SWEEP_LATENCIES, SWEEP_MSS};

use crate::core_bench::ClockCounts;
use anyhow::{Context as _, Result};
use serde::Serialize;
use std::time::Duration;

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Unit {
    /// Output beats of 8 bytes a clock; more is better.
    #[serde(rename = "beats/clock")]
    BeatsPerClock,
    /// Clocks a frame; less is better.
    #[serde(rename = "clocks/frame")]
    ClocksPerFrame,
    /// Clocks a segment; less is better.
    #[serde(rename = "clocks/segment")]
    ClocksPerSegment,
    /// Clocks; less is better.
    #[serde(rename = "clocks")]
    Clocks,
}

impl Unit {
    /// As it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Unit::BeatsPerClock => "beats/clock",
            Unit::ClocksPerFrame => "clocks/frame",
            Unit::ClocksPerSegment => "clocks/segment",
            Unit::Clocks => "clocks",
        }
    }

    /// Whether a larger value is the better one.
    pub fn more_is_better(self) -> bool {
        self == Unit::BeatsPerClock
    }
}

/// What was measured of a case.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Name of the case.
    pub name: String,
    /// The figure.
    pub value: f64,
    /// Its unit.
    pub unit: Unit,
    /// What bus and stream allow at best.
    pub bound: f64,
    /// What it is to reach.
    pub aim: Option<f64>,
    /// Where the measured clocks went.
    pub counts: ClockCounts,
    /// Super-frames, or frames where there are none, that were measured.
    pub chains: u64,
    /// Page-table walks of the measured chains, a chain.
    pub walks_per_chain: f64,
    /// Simulated clocks, those not measured included.
    pub simulated_clocks: u64,
    /// Processor time of these.
    pub cpu_time: Duration,
}

/// Runs a case; fails when a byte is wrong.
pub fn run(case: &Case) -> Result<Figure> {
    let figure = match case.kind {
        Kind::FirstByte => first_byte::run(case),
        _ => stream::run(case),
    };
    figure.with_context(|| format!("the case {}", case.name))
}

/// Processor time of this thread so far.
fn cpu_time() -> Duration {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // Safety: the clock exists on Linux, and `now` is there to be written.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut now) };
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}
