//! `segwalk rtl`: the core as Verilog.

use crate::output::{print_json, print_text, table, thousands};
use anyhow::{Context, Result};
use segwalk_hdl::emit::{core_verilog_for, CoreOptions, CORE};
use segwalk_model::limits::{TX_QUEUES, TX_QUEUES_MAX};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// Verilog of the core.
const VERILOG: &str = "segwalk_core.v";
/// File list as simulators and synthesis tools take it with `-f`.
const FILE_LIST: &str = "segwalk_core.f";

/// Write the core's Verilog and a file list; the same sources give the same bytes
#[derive(clap::Args)]
#[command(after_help = "Example:
  segwalk rtl --out build/rtl
  verilator --lint-only -F build/rtl/segwalk_core.f")]
pub struct Args {
    /// Folder for segwalk_core.v and segwalk_core.f; made if it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Largest payload of a super-frame, in KiB: 64, or 256 for IPv6 without the jumbo option (Linux BIG TCP)
    #[arg(long, value_name = "KIB", default_value = "64", value_parser = ["64", "256"])]
    super_frame_kib: String,
    /// Translations of 4 KiB pages that the TLB keeps
    #[arg(long, value_name = "N", default_value = "256", value_parser = ["64", "256", "1024"])]
    tlb_entries: String,
    /// Buffer that segments wait in for their turn on the wire, in KiB; 16 holds one frame of 9,856 bytes, 32 three
    #[arg(long, value_name = "KIB", default_value = "32", value_parser = ["16", "32"])]
    segment_kib: String,
    /// Transmit queues, 1 to 16
    #[arg(long, value_name = "N", default_value_t = TX_QUEUES, value_parser = queue_count)]
    queues: usize,
    /// Print nothing but JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct File {
    path: String,
    bytes: u64,
    sha256: String,
}

#[derive(Serialize)]
struct Report {
    top: &'static str,
    modules: usize,
    super_frame_kib: usize,
    tlb_entries: usize,
    segment_kib: usize,
    tx_queues: usize,
    files: Vec<File>,
}

fn queue_count(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|queues| (1..=TX_QUEUES_MAX).contains(queues))
        .ok_or_else(|| format!("a core has 1 to {TX_QUEUES_MAX} transmit queues"))
}

/// Runs the command.
pub fn run(args: &Args) -> Result<bool> {
    let super_frame_kib = args.super_frame_kib.parse()?;
    let tlb_entries = args.tlb_entries.parse()?;
    let segment_kib = args.segment_kib.parse()?;
    let verilog = core_verilog_for(&CoreOptions {
        super_frame_kib,
        tlb_entries,
        segment_kib,
        tx_queues: args.queues,
    })?;
    std::fs::create_dir_all(&args.out).with_context(|| {
        format!(
            "cannot make the folder {}; give --out one that can be made",
            args.out.display()
        )
    })?;
    let report = Report {
        top: CORE,
        modules: verilog.lines().filter(|line| line.starts_with("module ")).count(),
        super_frame_kib,
        tlb_entries,
        segment_kib,
        tx_queues: args.queues,
        files: vec![
            write(&args.out, VERILOG, &verilog)?,
            write(&args.out, FILE_LIST, &format!("{VERILOG}\n"))?,
        ],
    };
    if args.json {
        print_json(&report)?;
        return Ok(true);
    }
    let mut table = table(&["file", "bytes", "SHA-256"], &[1]);
    for file in &report.files {
        table.add_row([file.path.clone(), thousands(file.bytes), file.sha256.clone()]);
    }
    print_text(&table.to_string())?;
    print_text(&format!("{} modules below {}", report.modules, report.top))?;
    Ok(true)
}

fn write(folder: &Path, name: &str, text: &str) -> Result<File> {
    let path = folder.join(name);
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(File {
        path: path.display().to_string(),
        bytes: text.len() as u64,
        sha256: hex::encode(Sha256::digest(text)),
    })
}
