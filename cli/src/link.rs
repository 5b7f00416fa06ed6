//! `segwalk link`: the kernel's own TCP through the emitted Verilog.

use crate::output::{print_json, print_text, table, thousands, StatusLine};
use crate::send::ModeArg;
use anyhow::{bail, Context, Result};
use segwalk_sim::link::{link, End, Ended, LinkOptions, LinkReport, Network};
use segwalk_sim::linux::{watch, EndSignals};
use serde::Serialize;
use std::ffi::OsString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Time that a command gets to end once its namespace is gone.
const GRACE: Duration = Duration::from_secs(1);

/// Carry the kernel's own TCP through the emitted Verilog, between two network namespaces
#[derive(clap::Args)]
#[command(
    after_help = "Makes two network namespaces, A and B, with a TAP each. What A sends is taken as the kernel's own \
super-frames (TSO, USO, checksums left to the device), written to the memory of a simulated process, posted on a \
virtqueue and cut by the Verilog; the frames go to B. B's frames go to A. Every frame is compared with the reference \
model's; a difference ends the link and the super-frame is written to --dump for `segwalk replay`.

COMMAND runs in A, and ends the link when it ends; --peer runs a command of the shell in B before. Both find the other \
side's addresses in SEGWALK_PEER and SEGWALK_PEER6 and its namespace in SEGWALK_PEER_NETNS, their own in \
SEGWALK_ADDRESS, SEGWALK_ADDRESS6 and SEGWALK_NETNS. Without COMMAND the names are printed, for `ip netns exec`, and the \
link stays until --for is over or Ctrl-C. At the end all processes in both namespaces are ended. Needs root, \
/dev/net/tun and iproute2.

Examples:
  segwalk link --peer 'iperf3 -s' -- sh -c 'sleep 1; iperf3 -c $SEGWALK_PEER'
  segwalk link --mtu 9000 --drop 0.01 --pcap link.pcapng -- sh
  segwalk link --for 60 --json

Exit status: 0 when every frame is right, 1 when one differs or was refused, 2 on other errors, also of COMMAND."
)]
pub struct Args {
    /// MTU of both interfaces, 1280 to 9600
    #[arg(long, value_name = "N", default_value_t = 1500, value_parser = clap::value_parser!(u16).range(1280..=9600))]
    mtu: u16,
    /// Page tables of the process
    #[arg(long, value_enum, default_value = "sv39")]
    mode: ModeArg,
    /// Clocks from a read address to its data; 0 is as 1, the clock after the address
    #[arg(long, value_name = "N", default_value_t = 50)]
    latency: u32,
    /// Lose frames of both directions with this probability
    #[arg(long, value_name = "P", default_value_t = 0.0, value_parser = probability)]
    drop: f64,
    /// Use classic ECN, and mark frames to B "congestion experienced" with this probability
    #[arg(long, value_name = "P", default_value_t = 0.0, value_parser = probability)]
    ce: f64,
    /// Write the frames of both directions to this pcapng file
    #[arg(long, value_name = "F")]
    pcap: Option<PathBuf>,
    /// Write super-frames that differ or are refused to this file
    #[arg(long, value_name = "F", default_value = "segwalk-link.rec")]
    dump: PathBuf,
    /// Compare nothing: neither frames with the model's, nor the rules of the bus
    #[arg(long)]
    no_check: bool,
    /// What addresses, losses and marks follow from
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Run this command of the shell in B, from before COMMAND on
    #[arg(long, value_name = "COMMAND")]
    peer: Option<String>,
    /// Print nothing but JSON; what COMMAND prints goes to standard error
    #[arg(long)]
    json: bool,
    /// End after so many seconds
    #[arg(long = "for", value_name = "SECONDS", conflicts_with = "command", value_parser = clap::value_parser!(u32).range(1..))]
    seconds: Option<u32>,
    /// Run in A; the link ends with it
    #[arg(last = true)]
    command: Vec<OsString>,
}

fn probability(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(value),
        _ => Err("give a probability from 0 to 1".to_string()),
    }
}

#[derive(Serialize)]
struct Output<'a> {
    mbit_per_second: f64,
    clocks_per_second: f64,
    clocks_per_cpu_second: f64,
    beats_per_clock: f64,
    tlb_hit_rate: f64,
    #[serde(flatten)]
    report: &'a LinkReport,
}

/// Runs the command; false when anything differs.
pub fn run(args: &Args) -> Result<bool> {
    let options = LinkOptions {
        mtu: args.mtu,
        mode: args.mode.into(),
        latency: args.latency,
        drop: args.drop,
        mark: args.ce,
        check: !args.no_check,
        seed: args.seed,
        pcap: args.pcap.clone(),
        dump: args.dump.clone(),
        duration: args.seconds.map(|seconds| Duration::from_secs(seconds.into())),
    };
    // The first build takes long, and ends as usual on Ctrl-C. An instance has threads, which must not take signals.
    segwalk_sim::core::model(false)?;
    let signals = EndSignals::catch().context("signals cannot be caught")?;
    let core = options.core()?;
    let mut network = options.network().context("this machine cannot have a link")?;
    let mut peer = None;
    if let Some(line) = &args.peer {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(line).stdin(Stdio::null());
        peer = Some(start(&network, End::B, shell, args.json).context("sh does not run in B")?);
    }
    let mut command = None;
    if let Some((program, rest)) = args.command.split_first() {
        let mut program_there = Command::new(program);
        program_there.args(rest);
        let started = start(&network, End::A, program_there, args.json);
        command = Some(started.with_context(|| format!("{} does not run", program.to_string_lossy()))?);
    } else {
        announce(&network);
    }
    let mut ends: Vec<BorrowedFd> = vec![signals.as_fd()];
    ends.extend(command.as_ref().map(|(_, ended)| ended.as_fd()));
    let line = StatusLine::new();
    let mut before = LinkReport::default();
    let mut show = |now: &LinkReport| {
        line.show(status(now, &now.since(&before)));
        before = now.clone();
    };
    let show: Option<&mut dyn FnMut(&LinkReport)> = match line.is_shown() {
        true => Some(&mut show),
        false => None,
    };
    let result = link(core, &mut network, &options, &ends, show);
    line.finish();
    drop(network);
    let exit = command.map(|(child, _)| wait(child));
    peer.map(|(child, _)| wait(child));
    let (ended, report) = result?;
    if args.json {
        print_json(&Output {
            mbit_per_second: report.mbit_per_second(),
            clocks_per_second: report.clocks_per_second(),
            clocks_per_cpu_second: report.clocks_per_cpu_second(),
            beats_per_clock: report.beats_per_clock(),
            tlb_hit_rate: report.tlb_hit_rate(),
            report: &report,
        })?;
    } else {
        print_text(&render(&report))?;
    }
    if let Some(difference) = &report.difference {
        eprintln!("segwalk: {difference}");
    }
    if let Some(dump) = &report.dump {
        let dump = dump.display();
        eprintln!("segwalk: the super-frame is the last in {dump}; segwalk replay {dump} --oracle model repeats it");
    }
    if let (Ended::By(1), Some(Some(exit))) = (ended, exit) {
        if !exit.success() {
            bail!("the command ended with {exit}");
        }
    }
    Ok(report.is_good())
}

/// Starts a command at one end, and gives what becomes readable when it ends.
fn start(network: &Network, end: End, mut command: Command, json: bool) -> Result<(Child, OwnedFd)> {
    let other = match end {
        End::A => End::B,
        End::B => End::A,
    };
    command
        .env("SEGWALK_PEER", other.address(false).to_string())
        .env("SEGWALK_PEER6", other.address(true).to_string())
        .env("SEGWALK_PEER_NETNS", network.name(other))
        .env("SEGWALK_ADDRESS", end.address(false).to_string())
        .env("SEGWALK_ADDRESS6", end.address(true).to_string())
        .env("SEGWALK_NETNS", network.name(end));
    if json {
        command.stdout(std::io::stderr().as_fd().try_clone_to_owned()?);
    }
    let child = network.namespace(end).spawn(&mut command)?;
    let ended = watch(&child)?;
    Ok((child, ended))
}

/// The exit status of a command that was asked to end; none when it does not.
fn wait(mut child: Child) -> Option<ExitStatus> {
    let start = Instant::now();
    loop {
        match child.try_wait() {
            Ok(None) if start.elapsed() < GRACE => std::thread::sleep(Duration::from_millis(5)),
            Ok(status) => return status,
            Err(_) => return None,
        }
    }
}

fn announce(network: &Network) {
    for (letter, end) in [("A", End::A), ("B", End::B)] {
        let (name, v4, v6) = (network.name(end), end.address(false), end.address(true));
        eprintln!("{letter}  {name}  {v4}  {v6}");
    }
    let name = network.name(End::A);
    eprintln!("`ip netns exec {name} COMMAND` runs a command in A, whose frames go through the engine.");
}

fn status(report: &LinkReport, moment: &LinkReport) -> String {
    format!(
        "{:>6.1} Mbit/s  {} super-frames  {} segments  {:.2} M clocks/s  TLB {:.1} %",
        moment.mbit_per_second(),
        thousands(report.super_frames),
        thousands(report.segments),
        moment.clocks_per_second() / 1e6,
        100.0 * moment.tlb_hit_rate(),
    )
}

fn render(report: &LinkReport) -> String {
    let mut table = table(&["link", ""], &[1]);
    let share = |part: f64, whole: f64| match whole > 0.0 {
        true => format!("{:.1} %", 100.0 * part / whole),
        false => "-".to_string(),
    };
    let rows = [
        ("seconds", format!("{:.1}", report.seconds)),
        ("super-frames", thousands(report.super_frames)),
        ("other frames of A", thousands(report.other_frames)),
        ("segments", thousands(report.segments)),
        ("wire bytes", thousands(report.wire_bytes)),
        ("Mbit/s", format!("{:.1}", report.mbit_per_second())),
        ("frames of B", thousands(report.frames_back)),
        ("lost on purpose", thousands(report.lost)),
        ("marked on purpose", thousands(report.marked)),
        ("simulated clocks", thousands(report.clocks)),
        (
            "simulated clocks a second",
            thousands(report.clocks_per_second() as u64),
        ),
        (
            "simulated clocks a CPU second",
            thousands(report.clocks_per_cpu_second() as u64),
        ),
        ("simulation was busy", share(report.busy_seconds, report.seconds)),
        ("beats per clock", format!("{:.4}", report.beats_per_clock())),
        (
            "TLB hits",
            share(report.tlb_hits as f64, (report.tlb_hits + report.tlb_misses) as f64),
        ),
        ("page-table walks", thousands(report.walks)),
        ("refused super-frames", thousands(report.refused)),
        ("faults", thousands(report.faults)),
        (
            "frames and the model",
            match (report.checked, &report.difference) {
                (_, Some(_)) => "DIFFERENT",
                (true, None) => "equal",
                (false, None) => "not compared",
            }
            .to_string(),
        ),
        ("segments sent again by A", thousands(report.a.tcp_retransmits)),
        (
            "wrong checksums found by B",
            thousands(report.b.tcp_checksum_errors + report.b.udp_checksum_errors),
        ),
    ];
    for (name, value) in rows {
        table.add_row([name.to_string(), value]);
    }
    table.to_string()
}
