//! A network link with the engine in the middle: two ends of the Linux kernel's own TCP, and what one of them sends goes
//! through the device.
//!
//! The kernel's super-frames come in on A's TAP, are written to a simulated process's memory, posted on a virtqueue and
//! cut by the device; its frames go to B. B's frames go to A as they are. The relay waits in `poll` for both TAPs; the
//! simulation runs in a thread of its own, and only while a super-frame is on its way.

mod channel;
mod engine;
mod judge;
mod network;
mod relay;
mod report;

pub use network::{End, KernelCounters, Network};
pub use relay::Ended;
pub use report::LinkReport;

use crate::axi::AxiConfig;
use crate::core;
use crate::core_bench::{BenchConfig, CoreBench};
use crate::device::Device;
use crate::linux::Unavailable;
use anyhow::{Context, Result};
use channel::Answer;
use engine::Engine;
use relay::Relay;
use segwalk_model::page_table::Mode;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

/// What the link is like.
#[derive(Clone, Debug)]
pub struct LinkOptions {
    /// MTU of both interfaces.
    pub mtu: u16,
    /// Page tables of the process that sends.
    pub mode: Mode,
    /// Clocks from a read address to its data.
    pub latency: u32,
    /// Probability that a frame of either direction is lost.
    pub drop: f64,
    /// Probability that a frame to B is marked "congestion experienced"; above 0, both ends use classic ECN.
    pub mark: f64,
    /// Compare every frame with the reference model's.
    pub check: bool,
    /// What addresses, losses and marks follow from.
    pub seed: u64,
    /// Where to write the frames of both directions.
    pub pcap: Option<PathBuf>,
    /// Where to write super-frames that differ from the model, or that it refuses.
    pub dump: PathBuf,
    /// How long; until stopped without it.
    pub duration: Option<Duration>,
}

impl Default for LinkOptions {
    fn default() -> Self {
        LinkOptions {
            mtu: 1500,
            mode: Mode::Sv39,
            latency: 50,
            drop: 0.0,
            mark: 0.0,
            check: true,
            seed: 1,
            pcap: None,
            dump: PathBuf::from("segwalk-link.rec"),
            duration: None,
        }
    }
}

impl LinkOptions {
    /// Both ends, connected by nothing yet.
    pub fn network(&self) -> Result<Network, Unavailable> {
        Network::new(self.mtu, self.mark > 0.0)
    }

    /// The core for the link: the rules of the bus are checked along with the frames.
    pub fn core(&self) -> Result<CoreBench> {
        core::bench(BenchConfig {
            memory: AxiConfig {
                // data cannot come before the clock after its address
                latency: self.latency.max(1),
                ..AxiConfig::default()
            },
            check: self.check,
            ..BenchConfig::default()
        })
    }
}

/// Connects both ends through a device until one of `ends` is readable, the time of the options is over, or a frame
/// differs from the model's. `status` is told how it goes, twice a second, if it is there.
pub fn link<D: Device + Send>(
    device: D,
    network: &mut Network,
    options: &LinkOptions,
    ends: &[BorrowedFd],
    status: Option<&mut dyn FnMut(&LinkReport)>,
) -> Result<(Ended, LinkReport)> {
    let engine = Engine::new(device, options.mode, options.seed)?;
    let (jobs, jobs_in) = mpsc::channel();
    let (answers, answers_in) = channel::channel().context("the simulation's thread cannot be connected")?;
    let (ended, mut report) = std::thread::scope(|scope| {
        scope.spawn(move || {
            let result = engine.work(&jobs_in, &answers);
            answers.send(Answer::End(result));
        });
        Relay::new(network, options)?.run(jobs, &answers_in, ends, status)
    })?;
    report.a = network.counters(End::A);
    report.b = network.counters(End::B);
    Ok((ended, report))
}
