//! The emitted core, built once a process.

use crate::core_bench::{BenchConfig, CoreBench};
use crate::verilated::{Model, Spec};
use anyhow::{anyhow, Result};
use segwalk_hdl::debug::STATES;
use segwalk_hdl::emit::{core_verilog, CORE};
use std::path::Path;
use std::sync::OnceLock;

/// A build, or why there is none, in words: an error cannot be handed out twice.
type Build = OnceLock<Result<Model, String>>;

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
