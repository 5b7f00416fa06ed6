//! Cases whose chains follow each other without a pause.

use super::bound::Beats;
use super::cases::{Case, Kind};
use super::work::Work;
use super::{cpu_time, Figure, Unit};
use crate::axi::AxiConfig;
use crate::core;
use crate::core_bench::{BenchConfig, ClockCounts};
use crate::device::{Counters, Device};
use anyhow::{ensure, Result};
use segwalk_model::registers;

/// Chains before, in and after the measurement.
struct Window {
    before: usize,
    measured: usize,
    after: usize,
}

impl Window {
    fn of(case: &Case) -> Self {
        match case.kind {
            Kind::SuperFrames { .. } => Window {
                before: 6,
                measured: 32,
                after: 3,
            },
            _ => Window {
                before: 64,
                measured: 512,
                after: 64,
            },
        }
    }
}

/// Longest wait for one chain, in clocks.
const CHAIN_CLOCKS: u64 = 1_000_000;

/// Bench on which a case runs.
pub(super) fn bench_config(case: &Case) -> BenchConfig {
    BenchConfig {
        memory: AxiConfig {
            // data cannot come before the clock after its address
            latency: case.latency.max(1),
            ..AxiConfig::default()
        },
        ..BenchConfig::default()
    }
}

/// Runs a case and measures the clocks of the chains in the middle.
pub(super) fn run(case: &Case) -> Result<Figure> {
    let window = Window::of(case);
    let count = window.before + window.measured + window.after;
    let mut work = Work::new(core::bench(bench_config(case))?, case, count)?;
    for _ in 0..count {
        work.post(case)?;
    }
    let (start, first_clock) = (cpu_time(), work.session.device.clock());
    let counters = Counters::read(&mut work.session.device)?;
    for queue in 0..work.session.queues.len() {
        work.session.notify(queue)?;
    }
    let end = window.before + window.measured;
    let (mut counts_before, mut counts) = (ClockCounts::default(), ClockCounts::default());
    for chain in 0..=count {
        let frames = work.frames(chain);
        let bench = &mut work.session.device;
        bench.run_until(|bench| bench.sink.frame_count() >= frames, CHAIN_CLOCKS)?;
        // right behind the last beat of a chain, or of one in flight beside it: as many clocks as chains passed
        if chain == window.before {
            counts_before = bench.counts();
        }
        if chain == end {
            counts = bench.counts().since(&counts_before);
        }
        if case.cold && chain < count {
            invalidate(bench)?;
        }
    }
    work.session.wait_all()?;
    work.finish()?;
    let spent = Counters::read(&mut work.session.device)?.since(&counters);
    ensure!(
        spent.refused == 0 && spent.faults == 0,
        "{} chains were refused and {} translations faulted",
        spent.refused,
        spent.faults
    );
    let lines: u64 = work.chains.iter().map(|chain| chain.table_lines).sum();
    if case.cold {
        ensure!(
            u64::from(spent.walks) >= lines,
            "the TLB was not cold: {} walks for {lines} lines of page tables",
            spent.walks
        );
    }
    let levels = match case.cold {
        true => case.mode.format().map_or(0, |format| format.levels),
        false => 0,
    };
    let beats = Beats::of(&work, levels);
    let clocks = counts.clocks() as f64;
    let measured = window.measured as f64;
    let frames = (work.frames(end) - work.frames(window.before)) as f64;
    let frames_per_chain = frames / measured;
    let (value, unit, bound) = match case.kind {
        Kind::SuperFrames { by_segment: true, .. } => (
            clocks / frames,
            Unit::ClocksPerSegment,
            beats.clocks() / frames_per_chain,
        ),
        Kind::SuperFrames { .. } => (
            counts.output as f64 / clocks,
            Unit::BeatsPerClock,
            beats.output / beats.clocks(),
        ),
        _ => (clocks / frames, Unit::ClocksPerFrame, beats.clocks() / frames_per_chain),
    };
    Ok(Figure {
        name: case.name.clone(),
        value,
        unit,
        bound,
        aim: case.aim,
        counts,
        chains: window.measured as u64,
        walks_per_chain: f64::from(spent.walks) / count as f64,
        simulated_clocks: work.session.device.clock() - first_clock,
        cpu_time: cpu_time() - start,
    })
}

/// Empties the TLB while the engine works; what is under way goes on.
fn invalidate<D: Device>(device: &mut D) -> Result<()> {
    let field = registers::TLB_CONTROL.field("invalidate");
    device.write(registers::TLB_CONTROL, field.put(1))
}
