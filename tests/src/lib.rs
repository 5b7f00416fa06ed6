//! Integration tests live in `tests/tests/`, one file a capability; this is what they share.

pub mod mmu;
pub mod rig;

use segwalk_hdl::debug::STATES;
use segwalk_hdl::emit::{core_verilog_for, CoreOptions, CORE};
use segwalk_model::limits::{SEGMENT_KIB, SUPER_FRAME_KIB, TX_QUEUES_MAX};
use segwalk_sim::core_bench::{BenchConfig, CoreBench};
use segwalk_sim::verilated::{Model, Spec};
use std::sync::OnceLock;

/// The device under test: the emitted core on a bench of its own. All share one build.
pub fn device(config: BenchConfig) -> anyhow::Result<CoreBench> {
    segwalk_sim::core::bench(config)
}

/// Options that all differ from the default ones: the largest super-frames through the smallest buffer, the smallest TLB,
/// the most queues.
pub const OTHER_OPTIONS: CoreOptions = CoreOptions {
    super_frame_kib: SUPER_FRAME_KIB[1],
    tlb_entries: 64,
    segment_kib: SEGMENT_KIB[1],
    tx_queues: TX_QUEUES_MAX,
};

/// The build with [`OTHER_OPTIONS`] on a bench of its own.
pub fn other_device(config: BenchConfig) -> anyhow::Result<CoreBench> {
    static MODEL: OnceLock<Result<Model, String>> = OnceLock::new();
    let build = || {
        let verilog = core_verilog_for(&OTHER_OPTIONS)?;
        Model::build(&Spec {
            top: CORE,
            verilog: &verilog,
            ..Default::default()
        })
    };
    let model = MODEL.get_or_init(|| build().map_err(|error| format!("{error:#}")));
    let model = model.as_ref().map_err(|error| anyhow::anyhow!("{error}"))?;
    CoreBench::new(model, config, STATES)
}

/// Seed of a random test: SEGWALK_SEED, or `default`.
pub fn seed(default: u64) -> u64 {
    match std::env::var("SEGWALK_SEED") {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("SEGWALK_SEED is {text:?} but must be a number")),
        Err(_) => default,
    }
}
