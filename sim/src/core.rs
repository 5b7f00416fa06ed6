//! The emitted core, built once a process.

use crate::core_bench::{BenchConfig, CoreBench};
use crate::verilated::{Idle, Model, Spec};
use anyhow::{anyhow, Result};
use segwalk_hdl::debug::STATES;
use segwalk_hdl::emit::{core_verilog, CORE};
use std::path::Path;
use std::sync::OnceLock;

/// A build, or why there is none, in words: an error cannot be handed out twice.
type Build = OnceLock<Result<Model, String>>;

/// What of the core stands still on most clocks of a bulk transfer. Busy is what changed on more than a ninth of the clocks
/// of TCP at an MTU of 1500; a name that is gone from the design costs nothing.
pub const IDLE: Idle<'static> = Idle {
    groups: &[
        &[
            "registers",
            "completion",
            "resets",
            "write_turns",
            "writes",
            "ring_translations",
        ],
        &["fetcher"],
        &["mmu"],
        &["reader", "reads", "tso"],
    ],
    busy: &[
        "completion$notifier$data",
        "fetcher$scheduler$account",
        "fetcher$scheduler$candidate",
        "fetcher$scheduler$length",
        "fetcher$scheduler$op_queue",
        "fetcher$scheduler$phase",
        "mmu$lookup$random",
        "mmu$walker$closing_clocks",
        "reader$beats$count",
        "reader$beats$head",
        "reader$beats$ram",
        "reader$beats$read_at",
        "reader$beats$write_at",
        "reader$cutter$room",
        "reader$realigner$beat_index",
        "reader$realigner$merge_data",
        "reader$realigner$rotate_data",
        "reader$realigner$waiting",
        "reader$realigner$words$head",
        "reader$realigner$words$ram",
        "reader$realigner$words$read_at",
        "reader$realigner$words$write_at",
        "reads$beat_data",
        "registers$counters$bytes",
        "registers$queue_counters$frame_bytes",
        "registers$queue_counters$sent_word",
        "registers$queues$table_high",
        "registers$queues$table_low",
        "registers$sequencer$at",
        "registers$sequencer$at_before",
        "registers$sequencer$at_write",
        "registers$sequencer$queue_turn",
        "registers$sequencer$result",
        "registers$sequencer$state",
        "registers$sequencer$store",
        "registers$sequencer$turn",
        "registers$sequencer$word",
        "registers$timers$khz_left",
        "tso$aligner$blanked",
        "tso$aligner$pair_high",
        "tso$aligner$pair_low",
        "tso$aligner$quad",
        "tso$aligner$total",
        "tso$aligner$turned",
        "tso$aligner$turned_at",
        "tso$cutter$beats_left",
        "tso$cutter$kept",
        "tso$cutter$mixed_at",
        "tso$cutter$mixed_beat",
        "tso$cutter$sum_skip",
        "tso$cutter$written_at",
        "tso$emitter$beat_at",
        "tso$emitter$beats_left",
        "tso$emitter$data_left",
        "tso$emitter$merged_beat",
        "tso$emitter$read_at",
        "tso$emitter$ring_beat",
        "tso$emitter$template_beat",
        "tso$sending$head",
        "tso$sending$ram",
        "tso$sending$read_at",
        "tso$sending$write_at",
        "tso$stream$head",
        "tso$stream$ram",
        "tso$stream$read_at",
        "tso$stream$write_at",
        "tso$used",
    ],
    busy_inputs: &[
        "m_axi_arready",
        "m_axi_rvalid",
        "m_axi_rid",
        "m_axi_rdata",
        "m_axi_rresp",
        "m_axi_rlast",
    ],
};

/// The Verilated core. With `trace` it can write waves and is much slower.
pub fn model(trace: bool) -> Result<&'static Model> {
    static PLAIN: Build = OnceLock::new();
    static TRACED: Build = OnceLock::new();
    let build = || {
        let verilog = core_verilog()?;
        Model::build(&Spec {
            top: CORE,
            verilog: &verilog,
            trace,
            idle: Some(IDLE),
            ..Default::default()
        })
    };
    let place = if trace { &TRACED } else { &PLAIN };
    let model = place.get_or_init(|| build().map_err(|error| format!("{error:#}")));
    model.as_ref().map_err(|error| anyhow!("{error}"))
}

/// The core on a bench of its own.
pub fn bench(config: BenchConfig) -> Result<CoreBench> {
    CoreBench::new(model(false)?, config, STATES)
}

/// The core on a bench that writes waves to `path` from the first clock after reset on.
pub fn bench_with_waves(config: BenchConfig, path: &Path) -> Result<CoreBench> {
    let mut bench = CoreBench::new(model(true)?, config, STATES)?;
    bench.dut().trace_to(path)?;
    Ok(bench)
}
