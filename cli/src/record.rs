//! `segwalk record`: super-frames of the Linux kernel's own TCP.

use crate::output::{print_json, print_text, table, thousands, Progress};
use anyhow::{anyhow, Context, Result};
use clap::ValueEnum;
use segwalk_model::segment::{segment, IpVersion, SegmentSettings};
use segwalk_model::virtio_net_hdr::{gso, VirtioNetHdr};
use segwalk_sim::linux::{SourceOptions, TapSource};
use segwalk_sim::record::{write_records, Record};
use serde::Serialize;
use std::path::PathBuf;

/// Record super-frames of a TCP transfer of this machine's kernel
#[derive(clap::Args)]
#[command(
    after_help = "A sender and a receiver in network namespaces of their own; the sender's TAP takes \
super-frames, which are recorded, cut by the reference model and carried to the receiver, which checks every byte. \
Needs root, /dev/net/tun and iproute2.

Examples:
  segwalk record traffic.rec
  segwalk record jumbo.rec --mtu 9000 --ip 6 --bytes 50000000
  segwalk record ecn.rec --ecn --json

Exit status: 0 when recorded, 2 on errors."
)]
pub struct Args {
    /// File to write
    file: PathBuf,
    /// Bytes to transfer
    #[arg(long, value_name = "N", default_value_t = 16_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    bytes: u64,
    /// MTU of the interfaces, 1280 to 9600
    #[arg(long, value_name = "N", default_value_t = 1500, value_parser = clap::value_parser!(u16).range(1280..=9600))]
    mtu: u16,
    /// Network layer
    #[arg(long, value_enum, default_value = "4")]
    ip: Ip,
    /// Classic ECN with congestion marks, so that CWR occurs
    #[arg(long)]
    ecn: bool,
    /// Print nothing but JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Ip {
    #[value(name = "4")]
    V4,
    #[value(name = "6")]
    V6,
}

#[derive(Serialize)]
struct Report {
    records: u64,
    super_frames: u64,
    with_cwr: u64,
    frame_bytes: u64,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<bool> {
    let options = SourceOptions {
        mtu: args.mtu,
        ip: match args.ip {
            Ip::V4 => IpVersion::V4,
            Ip::V6 => IpVersion::V6,
        },
        ecn: args.ecn,
    };
    let mut source = TapSource::new(options).context("this machine cannot record")?;
    let settings = SegmentSettings::default();
    let mut records = Vec::new();
    let mut progress = Progress::new();
    let result = source.transfer(
        args.bytes,
        |hdr: &VirtioNetHdr, frame: &[u8]| {
            records.push(Record {
                hdr: *hdr,
                frame: frame.to_vec(),
            });
            segment(hdr, frame, &settings)
                .map_err(|refusal| anyhow!("the model refuses a super-frame of the kernel: {}", refusal.sentence()))
        },
        |done, all| progress.show(done, all),
    );
    progress.finish();
    result?;
    write_records(&args.file, &records)?;
    let count = |wanted: fn(&Record) -> bool| records.iter().filter(|record| wanted(record)).count() as u64;
    let report = Report {
        records: records.len() as u64,
        super_frames: count(|record| record.hdr.gso() != gso::NONE),
        with_cwr: count(|record| record.hdr.has_ecn()),
        frame_bytes: records.iter().map(|record| record.frame.len() as u64).sum(),
    };
    if args.json {
        print_json(&report)?;
        return Ok(true);
    }
    let mut table = table(&["record", &args.file.display().to_string()], &[]);
    for (name, value) in [
        ("records", report.records),
        ("super-frames", report.super_frames),
        ("super-frames with CWR", report.with_cwr),
        ("bytes of all frames", report.frame_bytes),
    ] {
        table.add_row([name.to_string(), thousands(value)]);
    }
    print_text(&table.to_string())?;
    Ok(true)
}
