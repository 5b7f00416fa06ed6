//! Integration tests live in `tests/tests/`, one file a capability; this is what they share.

pub mod mmu;
pub mod rig;

use segwalk_sim::core_bench::{BenchConfig, CoreBench};

/// The device under test: the emitted core on a bench of its own. All share one build.
pub fn device(config: BenchConfig) -> anyhow::Result<CoreBench> {
    segwalk_sim::core::bench(config)
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
