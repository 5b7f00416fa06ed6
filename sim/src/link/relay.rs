//! Waits for both kernels and for the engine, and carries frames between them.

use super::channel::{Answer, Batch, Job, Receiver, Totals};
use super::judge::{Difference, Judge};
use super::network::Network;
use super::report::LinkReport;
use super::LinkOptions;
use crate::device::EmittedFrame;
use crate::linux::{mark, Tap};
use crate::pcap::PcapWriter;
use crate::record::write_records;
use anyhow::{anyhow, Context, Result};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use segwalk_model::virtio_net_hdr::{gso, VirtioNetHdr};
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Super-frames that are on their way at once. A device with several fetches one while it cuts another.
const JOBS_MAX: usize = 24;
/// Bytes that are on their way, beyond which no more are taken: the rest waits in the kernel, where TCP sees it.
const BYTES_MAX: usize = 6 * 65_536;
/// Frames that one side may send before the other gets its turn.
const TURN_FRAMES: usize = 64;
/// Time between two looks at the rates.
const STATUS: Duration = Duration::from_millis(500);

/// What ended a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// One of the descriptors that were waited for became readable, by its place.
    By(usize),
    /// The time is over.
    Time,
    /// A frame differs from the model's.
    Difference,
}

pub(super) struct Relay<'a> {
    network: &'a mut Network,
    options: &'a LinkOptions,
    random: ChaCha8Rng,
    judge: Option<Judge>,
    pcap: Option<PcapWriter>,
    start: Instant,
    totals: Totals,
    report: LinkReport,
    // bytes of the super-frames that are on their way, in order
    lengths: std::collections::VecDeque<usize>,
    bytes: usize,
    spare: Vec<Job>,
    ended: Option<Ended>,
    over: Option<Result<()>>,
}

impl<'a> Relay<'a> {
    pub(super) fn new(network: &'a mut Network, options: &'a LinkOptions) -> Result<Self> {
        let pcap = options.pcap.as_deref().map(|path| PcapWriter::create_for(path, "link"));
        Ok(Relay {
            network,
            random: ChaCha8Rng::seed_from_u64(options.seed),
            judge: options.check.then(Judge::new),
            pcap: pcap.transpose()?,
            options,
            start: Instant::now(),
            totals: Totals::default(),
            report: LinkReport {
                checked: options.check,
                ..LinkReport::default()
            },
            lengths: Default::default(),
            bytes: 0,
            spare: Vec::new(),
            ended: None,
            over: None,
        })
    }

    /// Carries frames until one of `ends` is readable, the time is over, or a frame differs. `status` is told how it goes,
    /// twice a second, if it is there.
    pub(super) fn run(
        mut self,
        jobs: mpsc::Sender<Job>,
        answers: &Receiver,
        ends: &[BorrowedFd],
        mut status: Option<&mut dyn FnMut(&LinkReport)>,
    ) -> Result<(Ended, LinkReport)> {
        let mut jobs = Some(jobs);
        let mut shown = self.start;
        while self.over.is_none() {
            let is_open = self.ended.is_none();
            if !is_open {
                // no more will come: the engine finishes what it has and says so
                jobs = None;
            }
            let fds = [
                (self.network.tap_a.as_fd(), is_open && self.has_room()),
                (self.network.tap_b.as_fd(), is_open),
                (answers.as_fd(), true),
            ];
            let polled: Vec<_> = fds.into_iter().chain(ends.iter().map(|fd| (*fd, is_open))).collect();
            let now = Instant::now();
            let next_status = status.is_some().then(|| shown + STATUS);
            let next = [self.deadline(), next_status].into_iter().flatten().min();
            let readable = poll(&polled, next.map(|next| next.saturating_duration_since(now)))?;
            if readable[2] {
                answers.silence();
                while let Some(answer) = answers.take() {
                    self.answer(answer)?;
                    if self.over.is_some() {
                        break;
                    }
                }
            }
            if readable[1] {
                self.carry_back()?;
            }
            if let (true, Some(jobs)) = (readable[0], &jobs) {
                self.carry(jobs)?;
            }
            if let Some(at) = readable[3..].iter().position(|readable| *readable) {
                self.ended.get_or_insert(Ended::By(at));
            }
            if self.deadline().is_some_and(|deadline| Instant::now() >= deadline) {
                self.ended.get_or_insert(Ended::Time);
            }
            if let Some(status) = &mut status {
                if shown.elapsed() >= STATUS {
                    shown = Instant::now();
                    self.report.count(self.start.elapsed(), &self.totals);
                    status(&self.report);
                }
            }
        }
        self.finish()
    }

    fn deadline(&self) -> Option<Instant> {
        let deadline = self.options.duration.map(|duration| self.start + duration);
        deadline.filter(|_| self.ended.is_none())
    }

    fn has_room(&self) -> bool {
        self.lengths.len() < JOBS_MAX && self.bytes < BYTES_MAX
    }

    /// From A to the engine.
    fn carry(&mut self, jobs: &mpsc::Sender<Job>) -> Result<()> {
        while self.has_room() {
            let read = self.network.tap_a.read().context("A's TAP cannot be read")?;
            let Some((hdr, frame)) = read else { break };
            let mut job = self.spare.pop().unwrap_or_default();
            job.hdr = hdr;
            job.frame.clear();
            job.frame.extend_from_slice(frame);
            match hdr.gso() {
                gso::NONE => self.report.other_frames += 1,
                _ => self.report.super_frames += 1,
            }
            self.report.with_cwr += u64::from(hdr.has_ecn());
            if let Some(judge) = &mut self.judge {
                judge.expect(&job);
            }
            self.lengths.push_back(job.frame.len());
            self.bytes += job.frame.len();
            // an engine that is gone has said why
            let _ = jobs.send(job);
        }
        Ok(())
    }

    /// From B to A, unchanged.
    fn carry_back(&mut self) -> Result<()> {
        for _ in 0..TURN_FRAMES {
            let Network { tap_a, tap_b, .. } = &mut *self.network;
            let Some((_, frame)) = tap_b.read().context("B's TAP cannot be read")? else {
                break;
            };
            self.report.frames_back += 1;
            self.report.bytes_back += frame.len() as u64;
            if let Some(pcap) = &mut self.pcap {
                pcap.write_at(self.start.elapsed(), frame)?;
            }
            if self.random.gen::<f64>() < self.options.drop {
                self.report.lost += 1;
            } else if !give(tap_a, frame).context("A's TAP does not take a frame")? {
                self.report.not_taken += 1;
            }
        }
        Ok(())
    }

    fn answer(&mut self, answer: Answer) -> Result<()> {
        match answer {
            Answer::Frames(batch) => self.frames(batch)?,
            Answer::Totals(totals) => self.totals = totals,
            Answer::End(result) => self.over = Some(result),
        }
        Ok(())
    }

    /// From the engine to B.
    fn frames(&mut self, batch: Batch) -> Result<()> {
        for frame in batch.frames {
            self.report.segments += 1;
            self.report.wire_bytes += frame.bytes.len() as u64;
            self.report.beats += frame.bytes.len().div_ceil(8) as u64;
            if let Some(Err(difference)) = self.judge.as_mut().map(|judge| judge.check(&frame)) {
                return self.differs(difference);
            }
            self.deliver(frame)?;
        }
        for _ in 0..batch.done {
            self.bytes -= self.lengths.pop_front().unwrap_or(0);
            if let Some(Err(difference)) = self.judge.as_mut().map(Judge::done) {
                return self.differs(difference);
            }
        }
        self.spare.extend(batch.taken);
        Ok(())
    }

    fn deliver(&mut self, mut frame: EmittedFrame) -> Result<()> {
        if let Some(pcap) = &mut self.pcap {
            pcap.write_at(self.start.elapsed(), &frame.bytes)?;
        }
        if self.random.gen::<f64>() < self.options.drop {
            self.report.lost += 1;
            return Ok(());
        }
        if self.random.gen::<f64>() < self.options.mark && mark(&mut frame.bytes) {
            self.report.marked += 1;
        }
        if !give(&mut self.network.tap_b, &frame.bytes).context("B's TAP does not take a segment")? {
            self.report.not_taken += 1;
        }
        Ok(())
    }

    /// Writes the super-frame down and stops looking: what follows a wrong frame is wrong too.
    fn differs(&mut self, difference: Difference) -> Result<()> {
        self.judge = None;
        self.ended = Some(Ended::Difference);
        self.report.difference = Some(difference.text);
        write_records(&self.options.dump, &difference.records)?;
        self.report.dump = Some(self.options.dump.clone());
        Ok(())
    }

    fn finish(mut self) -> Result<(Ended, LinkReport)> {
        self.report.count(self.start.elapsed(), &self.totals);
        if let Some(judge) = self.judge.take() {
            if let Some((_, refusal)) = judge.refusals.first() {
                let records: Vec<_> = judge.refusals.iter().map(|(record, _)| record.clone()).collect();
                write_records(&self.options.dump, &records)?;
                self.report.dump = Some(self.options.dump.clone());
                eprintln!(
                    "segwalk: the model refuses {} frames of the kernel: {}",
                    judge.refused,
                    refusal.sentence()
                );
            }
            if matches!(self.over, Some(Ok(()))) && judge.refused != self.totals.refused {
                self.report.difference = Some(format!(
                    "the engine refused {} super-frames, the model {}",
                    self.totals.refused, judge.refused
                ));
            }
        }
        if let Some(pcap) = self.pcap {
            pcap.finish()?;
        }
        match (self.over, self.ended) {
            // what the engine says after a difference is not news
            (_, Some(Ended::Difference)) => Ok((Ended::Difference, self.report)),
            (Some(Err(error)), _) => Err(error),
            (_, Some(ended)) => Ok((ended, self.report)),
            (_, None) => Err(anyhow!("the simulation ended by itself")),
        }
    }
}

/// Hands a kernel a frame; false when its interface is down.
fn give(tap: &mut Tap, frame: &[u8]) -> io::Result<bool> {
    match tap.write(&VirtioNetHdr::default(), frame) {
        Err(error) if [Some(libc::EIO), Some(libc::ENETDOWN)].contains(&error.raw_os_error()) => Ok(false),
        result => result.map(|()| true),
    }
}

/// Waits until one of the descriptors that are asked for is readable; says which are. Nothing is when time is over.
fn poll(fds: &[(BorrowedFd, bool)], timeout: Option<Duration>) -> io::Result<Vec<bool>> {
    let mut polled: Vec<libc::pollfd> = fds
        .iter()
        .map(|(fd, wanted)| libc::pollfd {
            // one that is not asked for is -1, which is never readable
            fd: if *wanted { fd.as_raw_fd() } else { -1 },
            events: libc::POLLIN,
            revents: 0,
        })
        .collect();
    // rounded up, so that the time is over when it returns
    let millis = timeout.map_or(-1, |timeout| {
        timeout.as_micros().div_ceil(1000).min(1 << 30) as libc::c_int
    });
    // SAFETY: the array lives through the call and has the length that is given.
    let status = unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as _, millis) };
    match io::Error::last_os_error() {
        error if status < 0 && error.kind() != ErrorKind::Interrupted => Err(error),
        _ if status < 0 => Ok(vec![false; fds.len()]),
        _ => Ok(polled.iter().map(|polled| polled.revents != 0).collect()),
    }
}
