//! `segwalk synth`: size and clock of the core or one of its modules on the ECP5.

use crate::output::{print_json, print_text};
use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use segwalk_fpga::cells::ModuleCells;
use segwalk_fpga::{median_mhz, place, synth, Placement};
use segwalk_hdl::bus::registers::RegisterBlock;
use segwalk_hdl::emit::{core_verilog, verilog, CORE};
use segwalk_hdl::mmu::Mmu;
use segwalk_hdl::payload::reader::PayloadReader;
use segwalk_hdl::queue::{completion::Completion, fetcher::QueueFetcher};
use segwalk_hdl::tso::Tso;
use serde::Serialize;
use std::io::IsTerminal;
use std::time::Duration;

/// Synthesise the core or one module for the ECP5: cells by module, and the clock it reaches
#[derive(clap::Args)]
#[command(after_help = "Examples:
  segwalk synth
  segwalk synth --seeds 0
  segwalk synth --module tso --speed 6 --json

A module is placed between registers on an LFE5UM-85F. Fails when a signal became a latch or a memory became flip-flops.")]
pub struct Args {
    /// What to synthesise
    #[arg(long, value_enum, default_value_t = Module::Core)]
    module: Module,
    /// Speed grade
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(6..=8))]
    speed: u32,
    /// Placements, each from another seed; 0 leaves place and route out
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=100))]
    seeds: u32,
    /// Print nothing but JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Module {
    Core,
    Registers,
    Fetcher,
    Mmu,
    Reader,
    Tso,
    Completion,
}

impl Module {
    /// Its Verilog and the name of its module.
    fn verilog(self) -> Result<(String, &'static str)> {
        Ok(match self {
            Module::Core => (core_verilog()?, CORE),
            Module::Registers => (verilog(&mut RegisterBlock::default(), "registers")?, "registers"),
            Module::Fetcher => (verilog(&mut QueueFetcher::default(), "fetcher")?, "fetcher"),
            Module::Mmu => (verilog(&mut Mmu::default(), "mmu")?, "mmu"),
            Module::Reader => (verilog(&mut PayloadReader::default(), "reader")?, "reader"),
            Module::Tso => (verilog(&mut Tso::default(), "tso")?, "tso"),
            Module::Completion => (verilog(&mut Completion::default(), "completion")?, "completion"),
        })
    }
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    lut4: u64,
    ff: u64,
    block_ram: u64,
    /// By seed.
    fmax_mhz: Vec<f64>,
    fmax_median_mhz: Option<f64>,
    /// Of the placement with the median clock.
    critical_path: &'a [String],
    modules: &'a [ModuleCells],
}

/// Runs the command.
pub fn run(args: &Args) -> Result<bool> {
    let (text, top) = args.module.verilog()?;
    let report = synth(&text, top)?;
    let placements = if args.seeds > 0 {
        place_with_progress(&text, top, args)?
    } else {
        Vec::new()
    };
    let median = median_mhz(&placements);
    let critical_path = placements
        .iter()
        .find(|placement| Some(placement.fmax_mhz) == median)
        .map_or(&[][..], |placement| &placement.critical_path);
    if args.json {
        print_json(&Report {
            lut4: report.total.lut4,
            ff: report.total.flip_flops,
            block_ram: report.total.block_rams,
            fmax_mhz: placements.iter().map(|placement| placement.fmax_mhz).collect(),
            fmax_median_mhz: median,
            critical_path,
            modules: &report.modules,
        })?;
        return Ok(true);
    }
    print_text(report.table().trim_end())?;
    for warning in &report.warnings {
        eprintln!("{warning}");
    }
    if let Some(median) = median {
        print_text(&clock_table(&placements, median, args.speed, critical_path))?;
    }
    Ok(true)
}

fn place_with_progress(text: &str, top: &str, args: &Args) -> Result<Vec<Placement>> {
    let bar = if std::io::stderr().is_terminal() {
        ProgressBar::new(args.seeds.into())
    } else {
        ProgressBar::hidden()
    };
    bar.set_style(ProgressStyle::with_template(
        "placing {bar:30} {pos} of {len} seeds, {elapsed}",
    )?);
    bar.enable_steady_tick(Duration::from_millis(250));
    let placements = place(text, top, args.speed, args.seeds, &|_| bar.inc(1));
    bar.finish_and_clear();
    placements
}

fn clock_table(placements: &[Placement], median: f64, speed: u32, critical_path: &[String]) -> String {
    let mut text = format!("\nclock at speed grade {speed}\n");
    for placement in placements {
        text += &format!("  seed {:<4}{:>8.2} MHz\n", placement.seed, placement.fmax_mhz);
    }
    text += &format!("  median   {median:>8.2} MHz, along\n");
    for step in critical_path {
        text += &format!("    {step}\n");
    }
    text.trim_end().to_string()
}
