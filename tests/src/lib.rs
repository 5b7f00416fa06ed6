//! Integration tests live in `tests/tests/`, one file a capability; this is what they share.

pub mod rig;

use segwalk_sim::core_bench::BenchConfig;
use segwalk_sim::device::Device;
use segwalk_sim::model_device::ModelDevice;

/// The device under test.
pub fn device(_config: BenchConfig) -> anyhow::Result<impl Device> {
    Ok(ModelDevice::new())
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
