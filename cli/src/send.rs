//! `segwalk send`: a file from a simulated process's memory to frames.

use crate::output::{print_json, print_text, table, thousands, Progress};
use anyhow::{Context, Result};
use clap::ValueEnum;
use segwalk_model::limits::MSS_MAX;
use segwalk_model::page_table::Mode;
use segwalk_model::segment::IpVersion;
use segwalk_sim::process::PageLayout;
use segwalk_sim::send::{send, Buffers, SendOptions, SendReport};
use std::path::PathBuf;

/// Send a file out of a simulated process through the emitted Verilog, and check every frame
#[derive(clap::Args)]
#[command(after_help = "Examples:
  segwalk send README.md
  segwalk send README.md --mode x86-64 --buffers 1448 --latency 200 --pcap out.pcapng
  segwalk send README.md --json

Exit status: 0 when every frame is right, 1 when anything differs, 2 on other errors.")]
pub struct Args {
    /// File to send
    file: PathBuf,
    /// Payload bytes of a segment, 1 to 9600
    #[arg(long, value_name = "N", default_value_t = 1448, value_parser = clap::value_parser!(u16).range(1..=MSS_MAX as i64))]
    mss: u16,
    /// Network layer
    #[arg(long, value_enum, default_value = "4")]
    ip: Ip,
    /// Page tables of the process
    #[arg(long, value_enum, default_value = "sv39")]
    mode: ModeArg,
    /// One virtual range (contiguous), or separate buffers of BYTES at unrelated virtual addresses
    #[arg(long, value_name = "contiguous|BYTES", default_value = "contiguous", value_parser = parse_buffers)]
    buffers: Buffers,
    /// How the pages lie in physical memory
    #[arg(long, value_enum, default_value = "scattered")]
    pages: PagesArg,
    /// Clocks from a read address to its data; 0 is as 1, the clock after the address
    #[arg(long, value_name = "N", default_value_t = 50)]
    latency: u32,
    /// What all addresses and numbers follow from
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Write the frames to this pcapng file
    #[arg(long, value_name = "F")]
    pcap: Option<PathBuf>,
    /// Write waves to this FST file; takes a build of its own and is much slower
    #[arg(long, value_name = "F")]
    wave: Option<PathBuf>,
    /// Print nothing but JSON
    #[arg(long)]
    json: bool,
}

/// Network layers by number.
#[derive(Clone, Copy, ValueEnum)]
pub enum Ip {
    #[value(name = "4")]
    V4,
    #[value(name = "6")]
    V6,
}

/// Modes by name.
#[derive(Clone, Copy, ValueEnum)]
pub enum ModeArg {
    Bare,
    Sv32,
    Sv39,
    Sv48,
    #[value(name = "x86-32")]
    X86_32,
    #[value(name = "x86-64")]
    X86_64,
}

impl From<ModeArg> for Mode {
    fn from(mode: ModeArg) -> Mode {
        match mode {
            ModeArg::Bare => Mode::Bare,
            ModeArg::Sv32 => Mode::Sv32,
            ModeArg::Sv39 => Mode::Sv39,
            ModeArg::Sv48 => Mode::Sv48,
            ModeArg::X86_32 => Mode::X86_32,
            ModeArg::X86_64 => Mode::X86_64,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum PagesArg {
    Scattered,
    Linear,
    Huge,
}

fn parse_buffers(text: &str) -> Result<Buffers, String> {
    if text == "contiguous" {
        return Ok(Buffers::Contiguous);
    }
    match text.parse() {
        Ok(bytes) if bytes > 0 => Ok(Buffers::Of(bytes)),
        _ => Err("give `contiguous` or a number of bytes from 1 on".to_string()),
    }
}

impl Args {
    fn options(&self) -> SendOptions {
        SendOptions {
            mss: self.mss,
            ip: match self.ip {
                Ip::V4 => IpVersion::V4,
                Ip::V6 => IpVersion::V6,
            },
            mode: self.mode.into(),
            buffers: self.buffers,
            pages: match self.pages {
                PagesArg::Scattered => PageLayout::Scattered,
                PagesArg::Linear => PageLayout::Linear,
                PagesArg::Huge => PageLayout::Huge,
            },
            latency: self.latency,
            seed: self.seed,
            pcap: self.pcap.clone(),
            wave: self.wave.clone(),
        }
    }
}

/// Runs the command; false when anything differs.
pub fn run(args: &Args) -> Result<bool> {
    let file = std::fs::read(&args.file)
        .with_context(|| format!("cannot read {}; give a file that exists", args.file.display()))?;
    let mut progress = Progress::new();
    let report = send(&file, &args.options(), |done, all| progress.show(done, all));
    progress.finish();
    let report = report?;
    if args.json {
        print_json(&report)?;
    } else {
        print_text(&render(args, &report))?;
    }
    if let Some(difference) = &report.first_difference {
        eprintln!("segwalk: {difference}");
    }
    Ok(report.is_good())
}

fn render(args: &Args, report: &SendReport) -> String {
    let equal = report.payload_sha256 == report.reassembled_sha256;
    let mut table = table(&["send", &args.file.display().to_string()], &[1]);
    let rows = [
        ("payload bytes", thousands(report.payload_bytes)),
        ("super-frames", thousands(report.super_frames)),
        ("segments", thousands(report.segments)),
        ("wire bytes", thousands(report.wire_bytes)),
        ("clocks", thousands(report.clocks)),
        ("beats per clock", format!("{:.4}", report.beats_per_clock)),
        ("TLB hits", thousands(report.tlb_hits.into())),
        ("TLB misses", thousands(report.tlb_misses.into())),
        ("page-table walks", thousands(report.walks.into())),
        ("faults", thousands(report.faults.into())),
        ("refused super-frames", thousands(report.refused.into())),
        ("mismatches against the model", thousands(report.mismatches)),
        (
            "file and reassembled stream",
            if equal { "equal" } else { "DIFFERENT" }.to_string(),
        ),
    ];
    for (name, value) in rows {
        table.add_row([name.to_string(), value]);
    }
    format!(
        "{table}\nfile    {}\nstream  {}",
        report.payload_sha256, report.reassembled_sha256
    )
}
