//! `segwalk synth`: the core's size on the ECP5.

use crate::output::{print_json, print_text};
use anyhow::Result;
use segwalk_hdl::emit::{core_verilog, CORE};

/// Synthesise the core for the ECP5 with Yosys and count its cells by module
#[derive(clap::Args)]
#[command(after_help = "Examples:
  segwalk synth
  segwalk synth --json

Fails when a signal became a latch or a memory became flip-flops.")]
pub struct Args {
    /// Print nothing but JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<bool> {
    let report = segwalk_fpga::synth(&core_verilog()?, CORE)?;
    if args.json {
        print_json(&report)?;
    } else {
        print_text(report.table().trim_end())?;
        for warning in &report.warnings {
            eprintln!("{warning}");
        }
    }
    Ok(true)
}
