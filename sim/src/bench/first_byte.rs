//! How long an idle engine takes from the doorbell to the first beat.

use super::cases::Case;
use super::stream::bench_config;
use super::work::Work;
use super::{cpu_time, Figure, Unit};
use crate::core;
use crate::device::Counters;
use anyhow::{ensure, Result};

/// Frames before the measurement, so that the TLB knows their pages.
const WARM: usize = 16;
/// Frames that are measured.
const MEASURED: usize = 32;
/// Clocks that everything is at rest for before a doorbell.
const REST_CLOCKS: u64 = 500;
/// Reads that follow from each other: avail index and entry in one line, descriptor, bytes.
const READS: u32 = 3;

/// Sends one frame at a time; the figure is the longest wait.
pub(super) fn run(case: &Case) -> Result<Figure> {
    let mut work = Work::new(core::bench(bench_config(case))?, case, WARM + MEASURED)?;
    let (start, first_clock) = (cpu_time(), work.session.device.clock());
    let mut before = None;
    let (mut longest, mut counts) = (0, Default::default());
    for at in 0..WARM + MEASURED {
        work.session.device.run(REST_CLOCKS)?;
        if at == WARM {
            before = Some(Counters::read(&mut work.session.device)?);
        }
        work.post(case)?;
        work.session.device.reset_counts();
        let rung = work.session.device.clock();
        work.session.notify(0)?;
        let bench = &mut work.session.device;
        bench.run_until(|bench| bench.sink.first_beat().is_some(), 1_000_000)?;
        let wait = bench.sink.first_beat().unwrap_or(rung) - rung;
        if at >= WARM && wait > longest {
            (longest, counts) = (wait, bench.counts());
        }
        work.session.wait(0)?;
    }
    work.finish()?;
    let spent = Counters::read(&mut work.session.device)?.since(&before.unwrap_or_default());
    ensure!(
        spent.tlb_misses == 0,
        "the TLB was not warm: {} misses",
        spent.tlb_misses
    );
    Ok(Figure {
        name: case.name.clone(),
        value: longest as f64,
        unit: Unit::Clocks,
        bound: f64::from(READS * case.latency),
        aim: case.aim,
        counts,
        chains: MEASURED as u64,
        walks_per_chain: 0.0,
        simulated_clocks: work.session.device.clock() - first_clock,
        cpu_time: cpu_time() - start,
    })
}
