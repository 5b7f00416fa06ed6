//! `segwalk replay`: recorded super-frames through the core, compared with an oracle.

use crate::output::{print_json, print_text, table, thousands, Progress};
use anyhow::{Context, Result};
use clap::ValueEnum;
use segwalk_model::limits::MSS_MAX;
use segwalk_sim::linux::KernelOracle;
use segwalk_sim::record::read_records;
use segwalk_sim::replay::{replay, Oracle, ReplayOptions, ReplayReport};
use std::path::PathBuf;

/// Replay recorded super-frames through the emitted Verilog, and compare every frame with an oracle
#[derive(clap::Args)]
#[command(
    after_help = "FILE holds records: length of what follows (u32, little-endian), virtio_net_hdr (10 bytes, \
little-endian), frame; `segwalk record` makes such files. Or it is a pcapng file of Ethernet frames; then TCP and UDP \
frames with more than --mss bytes of payload are segmented (TCP with the ECN bit when CWR is set), shorter ones get \
their checksums completed, from a seed that is put in, and all else, fragments too, is sent as it is.

The oracle `linux` is the kernel's own segmentation in a network namespace; it needs root, /dev/net/tun and iproute2. \
Differences on purpose are counted apart, under `known`.

Examples:
  segwalk record traffic.rec && segwalk replay traffic.rec
  segwalk replay traffic.rec --oracle model --json
  segwalk replay capture.pcapng --mss 1448 --pcap segments.pcapng

Exit status: 0 when nothing differs, 1 when anything differs, 2 on other errors."
)]
pub struct Args {
    /// Records or a pcapng file
    file: PathBuf,
    /// Write the emitted frames to this pcapng file
    #[arg(long, value_name = "OUT")]
    pcap: Option<PathBuf>,
    /// Who says what is right
    #[arg(long, value_enum, default_value = "linux")]
    oracle: OracleArg,
    /// Payload bytes of a segment for frames of a pcapng file, 1 to 9600
    #[arg(long, value_name = "N", default_value_t = 1448, value_parser = clap::value_parser!(u16).range(1..=MSS_MAX as i64))]
    mss: u16,
    /// Where records lie in memory follows from this
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Print nothing but JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum OracleArg {
    Linux,
    Model,
}

/// Runs the command; false when anything differs.
pub fn run(args: &Args) -> Result<bool> {
    let records = read_records(&args.file, args.mss)?;
    let mut oracle = match args.oracle {
        OracleArg::Linux => Oracle::Linux(
            KernelOracle::new()
                .context("the kernel cannot be the oracle here (--oracle model needs nothing of the machine)")?,
        ),
        OracleArg::Model => Oracle::Model,
    };
    let options = ReplayOptions {
        pcap: args.pcap.clone(),
        seed: args.seed,
    };
    let mut bytes = vec![0];
    for record in &records {
        bytes.push(bytes[bytes.len() - 1] + record.frame.len() as u64);
    }
    let mut progress = Progress::new();
    let report = replay(&records, &mut oracle, &options, |done, all| {
        progress.show(bytes[done as usize], bytes[all as usize]);
    });
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

fn render(args: &Args, report: &ReplayReport) -> String {
    let oracle = match args.oracle {
        OracleArg::Linux => "the Linux kernel",
        OracleArg::Model => "the model",
    };
    let mut table = table(&["replay", &args.file.display().to_string()], &[]);
    let mut rows = vec![
        ("oracle".to_string(), oracle.to_string()),
        ("records".to_string(), thousands(report.records)),
        ("of these segmented".to_string(), thousands(report.segmented)),
        ("of these refused".to_string(), thousands(report.refused)),
        ("of these different".to_string(), thousands(report.different)),
        ("segments".to_string(), thousands(report.segments)),
        ("mismatches".to_string(), thousands(report.mismatches)),
    ];
    for (known, count) in &report.known {
        rows.push((format!("known difference {known:?}"), thousands(*count)));
    }
    for (name, value) in rows {
        table.add_row([name, value]);
    }
    table.to_string()
}
