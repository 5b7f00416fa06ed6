//! Sends recorded super-frames through a device and compares what leaves with an oracle, frame by frame.

#[cfg(test)]
mod tests;

use crate::core;
use crate::core_bench::BenchConfig;
use crate::device::{Counters, Device};
use crate::driver;
use crate::driver::queue::Buffer;
use crate::host::Region;
use crate::linux::{compare, KernelAnswer, KernelOracle, Known, Verdict};
use crate::pcap::PcapWriter;
use crate::process::PageLayout;
use crate::record::Record;
use crate::session::{buffer, child, Session, KERNEL};
use anyhow::{ensure, Result};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use segwalk_model::limits::{SUPER_FRAME_BYTES_MAX, VIRTIO_NET_HDR_BYTES};
use segwalk_model::page_table::Mode;
use segwalk_model::refusal::Refusal;
use segwalk_model::segment::{segment, SegmentSettings};
use segwalk_model::virtqueue::Binding;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Records that are on their way at once, each in memory of its own.
const POSTED_AHEAD: usize = 8;
/// Records after which the device is left to come to rest, so that an error in one cannot shift all that follow.
const BATCH: usize = 64;
/// Clocks that the device gets at the end of a batch to show a frame too many.
const SETTLE_CLOCKS: u64 = 500;
/// Frame bytes that lie in the kernel's memory at most, behind `virtio_net_hdr`.
const HEAD_BYTES_MAX: usize = 300;
/// Room for a payload to begin anywhere in a page.
const SHIFT_BYTES_MAX: usize = 4096;
/// Payload buffers of a chain at most.
const PIECES_MAX: usize = 4;
const QUEUE_SIZE: u32 = 128;

/// Who says what is right.
pub enum Oracle {
    /// The reference model.
    Model,
    /// The Linux kernel.
    Linux(KernelOracle),
}

/// How to replay.
#[derive(Clone, Debug)]
pub struct ReplayOptions {
    /// Where to write the emitted frames.
    pub pcap: Option<PathBuf>,
    /// What addresses and layouts follow from.
    pub seed: u64,
}

impl Default for ReplayOptions {
    fn default() -> Self {
        ReplayOptions { pcap: None, seed: 1 }
    }
}

/// What came of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ReplayReport {
    /// Super-frames sent.
    pub records: u64,
    /// Frames emitted.
    pub segments: u64,
    /// Super-frames of which something differs that is not a difference on purpose.
    pub different: u64,
    /// Super-frames that the device refused.
    pub refused: u64,
    /// Frames that differ, are missing or are too many, in the super-frames that differ.
    pub mismatches: u64,
    /// Super-frames where kernel and rules differ on purpose, by reason.
    pub known: BTreeMap<Known, u64>,
    /// Super-frames that were cut into several segments.
    pub segmented: u64,
    /// Bytes emitted.
    pub wire_bytes: u64,
    /// Clocks of the simulation.
    pub clocks: u64,
    /// The first difference in words.
    pub first_difference: Option<String>,
}

impl ReplayReport {
    /// Whether nothing differs.
    pub fn is_good(&self) -> bool {
        self.different == 0 && self.mismatches == 0
    }

    /// Adds what came of other records.
    pub fn add(&mut self, other: ReplayReport) {
        self.records += other.records;
        self.segments += other.segments;
        self.different += other.different;
        self.refused += other.refused;
        self.mismatches += other.mismatches;
        for (known, count) in other.known {
            *self.known.entry(known).or_default() += count;
        }
        self.segmented += other.segmented;
        self.wire_bytes += other.wire_bytes;
        self.clocks += other.clocks;
        self.first_difference = self.first_difference.take().or(other.first_difference);
    }

    fn differs(&mut self, frames: u64, text: impl FnOnce() -> String) {
        self.different += 1;
        self.mismatches += frames;
        self.first_difference.get_or_insert_with(text);
    }
}

/// Replays through the Verilated core.
pub fn replay(
    records: &[Record],
    oracle: &mut Oracle,
    options: &ReplayOptions,
    progress: impl FnMut(u64, u64),
) -> Result<ReplayReport> {
    replay_over(core::bench(BenchConfig::default())?, records, oracle, options, progress)
}

/// Replays through a device. `progress` is told the records that are done and all records.
pub fn replay_over<D: Device>(
    device: D,
    records: &[Record],
    oracle: &mut Oracle,
    options: &ReplayOptions,
    mut progress: impl FnMut(u64, u64),
) -> Result<ReplayReport> {
    let mut bench = Bench::new(device, options.seed)?;
    let mut pcap = options.pcap.as_deref().map(PcapWriter::create).transpose()?;
    let mut report = ReplayReport::default();
    let settings = SegmentSettings {
        features: driver::FEATURES,
        ..SegmentSettings::default()
    };
    for batch in records.chunks(BATCH) {
        let model: Vec<Result<Vec<Vec<u8>>, Refusal>> = batch
            .iter()
            .map(|record| match record.frame.len() {
                bytes if bytes > SUPER_FRAME_BYTES_MAX => Err(Refusal::ChainTooLong),
                _ => segment(&record.hdr, &record.frame, &settings),
            })
            .collect();
        let answers = match oracle {
            Oracle::Model => model.iter().map(as_answer).collect(),
            Oracle::Linux(kernel) => kernel.segment_all(batch.iter().map(|record| (&record.hdr, &record.frame[..])))?,
        };
        let emitted = bench.send(batch)?;
        if let Some(pcap) = &mut pcap {
            for (clock, frame) in &emitted.frames {
                pcap.write(*clock, frame)?;
            }
        }
        judge(batch, &model, &answers, emitted, &mut report);
        progress(report.records, records.len() as u64);
    }
    report.clocks = bench.session.device.clock();
    if let Some(pcap) = pcap {
        pcap.finish()?;
    }
    Ok(report)
}

fn as_answer(model: &Result<Vec<Vec<u8>>, Refusal>) -> KernelAnswer {
    match model {
        Ok(frames) => KernelAnswer::Frames(frames.clone()),
        Err(_) => KernelAnswer::Refused(libc::EINVAL),
    }
}

/// What a device made of a batch.
struct Emitted {
    /// Frames with their clocks, in order.
    frames: Vec<(u64, Vec<u8>)>,
    /// Super-frames refused.
    refused: u64,
}

/// Compares a batch. Chains leave in order (rule 4), so each record gets as many frames as the model makes of it; when
/// the device makes more or fewer the comparison shows it.
fn judge(
    batch: &[Record],
    model: &[Result<Vec<Vec<u8>>, Refusal>],
    answers: &[KernelAnswer],
    emitted: Emitted,
    report: &mut ReplayReport,
) {
    let all = emitted.frames.len();
    let mut frames = emitted.frames.into_iter();
    let first_record = report.records;
    report.segments += all as u64;
    report.refused += emitted.refused;
    let mut count = 0;
    for (at, (record, model)) in batch.iter().zip(model).enumerate() {
        let expected = model.as_ref().map_or(0, Vec::len);
        count += expected;
        let ours: Vec<Vec<u8>> = frames.by_ref().take(expected).map(|(_, frame)| frame).collect();
        report.wire_bytes += ours.iter().map(|frame| frame.len() as u64).sum::<u64>();
        report.segmented += u64::from(ours.len() > 1);
        let ours = match model {
            Err(refusal) => Err(*refusal),
            Ok(_) => Ok(&ours[..]),
        };
        match compare(&record.hdr, &record.frame, ours, &answers[at]) {
            Verdict::Equal => {}
            Verdict::Known(known) => *report.known.entry(known).or_default() += 1,
            Verdict::Different { frames, text } => report.differs(frames, || {
                format!("record {} ({:?}): {text}", first_record + at as u64, record.hdr)
            }),
        }
    }
    report.records += batch.len() as u64;
    let refusals = model.iter().filter(|model| model.is_err()).count() as u64;
    if emitted.refused != refusals {
        report.differs(0, || {
            format!(
                "the device refused {} of the records {first_record} to {} instead of {refusals}",
                emitted.refused,
                first_record + batch.len() as u64 - 1
            )
        });
    } else if all > count {
        report.differs((all - count) as u64, || {
            format!(
                "{} frames too many left for the records from {first_record} on",
                all - count
            )
        });
    }
}

/// Memory that a record lies in while the device has it.
struct Slot {
    head: Region,
    body: Region,
}

/// A device with a process that sends.
struct Bench<D> {
    session: Session<D>,
    process: u8,
    queue: usize,
    slots: Vec<Slot>,
    random: ChaCha8Rng,
    counters: Counters,
}

impl<D: Device> Bench<D> {
    fn new(device: D, seed: u64) -> Result<Self> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut session = Session::new(device, random.gen(), driver::FEATURES)?;
        let process = session.add_process(Mode::Sv39, PageLayout::Scattered)?;
        let binding = Binding {
            ring_context: KERNEL,
            default_context: process,
            names_allowed: true,
            mask: 1 << KERNEL | 1 << process,
            seed_without_length: false,
            recoverable: false,
        };
        let queue = session.add_queue(0, QUEUE_SIZE, &binding)?;
        session.start()?;
        let slots = (0..POSTED_AHEAD)
            .map(|_| {
                Ok(Slot {
                    head: session.allocate(KERNEL, VIRTIO_NET_HDR_BYTES + HEAD_BYTES_MAX)?,
                    body: session.allocate(process, SHIFT_BYTES_MAX + SUPER_FRAME_BYTES_MAX + 1)?,
                })
            })
            .collect::<Result<_>>()?;
        let counters = Counters::read(&mut session.device)?;
        Ok(Bench {
            random: child(&mut random),
            session,
            process,
            queue,
            slots,
            counters,
        })
    }

    /// Sends a batch and waits until all of it is done.
    fn send(&mut self, batch: &[Record]) -> Result<Emitted> {
        let mut frames = Vec::new();
        let (mut posted, mut done) = (0, 0);
        let mut heads = std::collections::VecDeque::new();
        while done < batch.len() {
            if posted < batch.len() && posted - done < POSTED_AHEAD {
                let chain = self.lay_out(posted % POSTED_AHEAD, &batch[posted])?;
                heads.push_back(self.session.post(self.queue, &chain)?);
                self.session.notify(self.queue)?;
                posted += 1;
                continue;
            }
            for used in self.session.wait(self.queue)? {
                let head = heads.pop_front();
                ensure!(
                    head == Some(used.head),
                    "chain {} came back, but {head:?} was posted first",
                    used.head
                );
                done += 1;
            }
            self.take(&mut frames);
        }
        self.session.device.run(SETTLE_CLOCKS)?;
        self.take(&mut frames);
        ensure!(
            !driver::needs_reset(&mut self.session.device)?,
            "the device stopped with a ring error"
        );
        let counters = Counters::read(&mut self.session.device)?;
        let since = counters.since(&self.counters);
        self.counters = counters;
        ensure!(
            (since.chains as usize, since.frames as usize, since.faults) == (batch.len(), frames.len(), 0),
            "the device's counters say {since:?} after {} chains and {} frames",
            batch.len(),
            frames.len()
        );
        Ok(Emitted {
            frames,
            refused: since.refused.into(),
        })
    }

    fn take(&mut self, frames: &mut Vec<(u64, Vec<u8>)>) {
        let taken = self.session.take_frames().into_iter();
        frames.extend(taken.map(|frame| (frame.last_clock, frame.bytes)));
    }

    /// Writes a record to a slot: `virtio_net_hdr` and the first bytes in the kernel, the rest in the process, in up to
    /// [`PIECES_MAX`] buffers from any byte of a page on.
    fn lay_out(&mut self, slot: usize, record: &Record) -> Result<Vec<Buffer>> {
        let Slot { head, body } = &self.slots[slot];
        // The engine must refuse what is longer; how much longer makes no difference to it.
        let frame = &record.frame[..record.frame.len().min(SUPER_FRAME_BYTES_MAX + 1)];
        let (least, most) = (frame.len().min(14), frame.len().min(HEAD_BYTES_MAX));
        let head_bytes = self.random.gen_range(least..=most);
        let memory = self.session.device.memory_mut();
        head.write(memory, 0, &record.hdr.to_bytes())?;
        head.write(memory, VIRTIO_NET_HDR_BYTES, &frame[..head_bytes])?;
        let shift = self.random.gen_range(0..SHIFT_BYTES_MAX);
        let payload = &frame[head_bytes..];
        body.write(memory, shift, payload)?;
        let mut chain = vec![buffer(KERNEL, &head.part(0, VIRTIO_NET_HDR_BYTES + head_bytes))];
        let pieces = self.random.gen_range(1..=PIECES_MAX);
        let mut ends: Vec<usize> = (1..pieces).map(|_| self.random.gen_range(0..=payload.len())).collect();
        ends.push(payload.len());
        ends.sort_unstable();
        let mut at = 0;
        for end in ends {
            if end > at {
                chain.push(buffer(self.process, &body.part(shift + at, end - at)));
                at = end;
            }
        }
        Ok(chain)
    }
}
