//! Sends a file out of a simulated process's memory and checks every frame.

use crate::axi::AxiConfig;
use crate::core;
use crate::core_bench::BenchConfig;
use crate::device::{Counters, Device};
use crate::driver;
use crate::driver::queue::Buffer;
use crate::headers::{flag, Headers, Ipv4, Ipv6, Network, Seed, Transport};
use crate::host::Region;
use crate::pcap::PcapWriter;
use crate::process::{PageLayout, POISON};
use crate::reassembly::Reassembly;
use crate::scoreboard::Scoreboard;
use crate::session::{buffer, Session, KERNEL};
use crate::super_frame::SuperFrame;
use anyhow::{ensure, Result};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use segwalk_model::limits::{MSS_MAX, QUEUE_SIZE_MAX};
use segwalk_model::page_table::Mode;
use segwalk_model::segment::{IpVersion, SegmentSettings};
use segwalk_model::virtqueue::Binding;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::VecDeque;
use std::path::PathBuf;

/// Largest IP packet: its length is a 16-bit field.
const IP_BYTES_MAX: usize = 65_535;
/// Super-frames that are posted ahead, so that the engine always finds the next one.
const POSTED_AHEAD: usize = 8;
/// Smallest queue.
const QUEUE_SIZE_MIN: u32 = 16;
/// Descriptors of a chain that are not for whole payload buffers: the header, and a buffer cut at either end.
const EXTRA_DESCRIPTORS: usize = 3;

/// How the payload is laid out in the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buffers {
    /// One virtual range, one descriptor a super-frame.
    Contiguous,
    /// Buffers of this many bytes at unrelated addresses, a descriptor each.
    Of(usize),
}

/// What to send and how.
#[derive(Clone, Debug)]
pub struct SendOptions {
    /// Payload bytes of a segment.
    pub mss: u16,
    /// Network layer.
    pub ip: IpVersion,
    /// Page tables of the process.
    pub mode: Mode,
    /// Layout of the payload.
    pub buffers: Buffers,
    /// Layout of the pages.
    pub pages: PageLayout,
    /// Clocks between a read address and its data.
    pub latency: u32,
    /// What all addresses, numbers and orders follow from.
    pub seed: u64,
    /// Where to write the emitted frames.
    pub pcap: Option<PathBuf>,
    /// Where to write waves.
    pub wave: Option<PathBuf>,
}

impl Default for SendOptions {
    fn default() -> Self {
        SendOptions {
            mss: 1448,
            ip: IpVersion::V4,
            mode: Mode::Sv39,
            buffers: Buffers::Contiguous,
            pages: PageLayout::Scattered,
            latency: 50,
            seed: 1,
            pcap: None,
            wave: None,
        }
    }
}

impl SendOptions {
    /// Says what is wrong with the options, if anything is.
    pub fn check(&self) -> Result<()> {
        ensure!(
            (1..=MSS_MAX).contains(&usize::from(self.mss)),
            "the MSS is {} but must be 1 to {MSS_MAX}",
            self.mss
        );
        ensure!(
            self.buffers != Buffers::Of(0),
            "a buffer of 0 bytes holds no payload; give a size of 1 or more"
        );
        Ok(())
    }

    /// Payload of a full super-frame: as many whole segments as the IP length field and the longest chain allow.
    fn super_frame_bytes(&self, header_bytes: usize) -> usize {
        let mss = usize::from(self.mss);
        let by_length = IP_BYTES_MAX - header_bytes;
        let by_chain = match self.buffers {
            Buffers::Contiguous => by_length,
            Buffers::Of(bytes) => bytes.saturating_mul(QUEUE_SIZE_MAX as usize - EXTRA_DESCRIPTORS),
        };
        by_length.min(by_chain) / mss * mss
    }

    /// Queue Size: room for the longest chain and, as far as the standard allows, for several of them.
    fn queue_size(&self, payload_bytes: usize) -> u32 {
        let longest = match self.buffers {
            Buffers::Contiguous => 1 + EXTRA_DESCRIPTORS,
            Buffers::Of(bytes) => payload_bytes.div_ceil(bytes) + EXTRA_DESCRIPTORS,
        };
        let size = (longest * POSTED_AHEAD).next_power_of_two() as u32;
        size.clamp(QUEUE_SIZE_MIN, QUEUE_SIZE_MAX)
    }
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct SendReport {
    /// Super-frames sent.
    pub super_frames: u64,
    /// Frames emitted.
    pub segments: u64,
    /// Bytes emitted, Ethernet headers included.
    pub wire_bytes: u64,
    /// Clocks from the first doorbell to the last beat.
    pub clocks: u64,
    /// Share of the clocks from the first to the last beat that had one.
    pub beats_per_clock: f64,
    /// Translations answered by the TLB.
    pub tlb_hits: u32,
    /// Translations that needed a walk.
    pub tlb_misses: u32,
    /// Page-table walks.
    pub walks: u32,
    /// Translation faults.
    pub faults: u32,
    /// Frames that differ from the model's, are missing or are too many.
    pub mismatches: u64,
    /// SHA-256 of the file.
    pub payload_sha256: String,
    /// SHA-256 of the stream put together from the emitted frames; empty when it has gaps.
    pub reassembled_sha256: String,
    /// Bytes of the file.
    pub payload_bytes: u64,
    /// Payload descriptors and header descriptors posted.
    pub descriptors: u64,
    /// Super-frames that the device refused.
    pub refused: u32,
    /// The device's counters of frames and bytes are those of the frames that came.
    pub counters_agree: bool,
    /// The first difference in words.
    pub first_difference: Option<String>,
}

impl SendReport {
    /// Whether everything arrived as it should.
    pub fn is_good(&self) -> bool {
        self.mismatches == 0
            && self.payload_sha256 == self.reassembled_sha256
            && self.faults == 0
            && self.refused == 0
            && self.counters_agree
    }
}

/// A super-frame that the device has.
struct Posted {
    head: u16,
    header: Region,
    payload: std::ops::Range<usize>,
}

/// Sends `file` through the core, on a bench with the options' latency, and checks what it emits.
pub fn send(file: &[u8], options: &SendOptions, progress: impl FnMut(u64, u64)) -> Result<SendReport> {
    options.check()?;
    let config = BenchConfig {
        memory: AxiConfig {
            // data cannot come before the clock after its address
            latency: options.latency.max(1),
            ..AxiConfig::default()
        },
        ..BenchConfig::default()
    };
    let bench = match &options.wave {
        Some(path) => core::bench_with_waves(config, path)?,
        None => core::bench(config)?,
    };
    send_over(bench, file, options, progress)
}

/// Sends `file` over `device` and checks what it emits. `progress` is told the bytes that came back and all bytes.
pub fn send_over<D: Device>(
    device: D,
    file: &[u8],
    options: &SendOptions,
    mut progress: impl FnMut(u64, u64),
) -> Result<SendReport> {
    options.check()?;
    let mut random = ChaCha8Rng::seed_from_u64(options.seed);
    let mut headers = headers(options.ip, &mut random);
    let first_seq = seq(&mut headers).to_owned();
    let ip_header_bytes = headers.template(0, Seed::WithLength).bytes.len() - 14;
    let super_frame_bytes = options.super_frame_bytes(ip_header_bytes);
    ensure!(
        super_frame_bytes > 0,
        "buffers so small cannot hold a segment of {} bytes in one chain; take larger buffers",
        options.mss
    );

    let mut session = Session::new(device, random.gen(), driver::FEATURES)?;
    let process = session.add_process(options.mode, options.pages)?;
    let binding = Binding {
        ring_context: KERNEL,
        default_context: process,
        names_allowed: true,
        mask: 1 << KERNEL | 1 << process,
        seed_without_length: false,
    };
    let queue = session.add_queue(0, options.queue_size(super_frame_bytes.min(file.len())), &binding)?;
    session.start()?;
    let buffers = place_file(&mut session, process, file, options.buffers)?;

    let mut output = Output {
        board: Scoreboard::new(),
        stream: Reassembly::new(first_seq),
        stream_error: None,
        pcap: options.pcap.as_deref().map(PcapWriter::create).transpose()?,
        segments: 0,
        wire_bytes: 0,
        beats: 0,
        first_clock: None,
        last_clock: 0,
    };
    let before = Counters::read(&mut session.device)?;
    let start_clock = session.device.clock();
    let settings = SegmentSettings::default();
    let mut posted: VecDeque<Posted> = VecDeque::new();
    let (mut next, mut super_frames, mut descriptors, mut done) = (0, 0, 0, 0u64);
    let mut all_posted = false;
    while !all_posted || !posted.is_empty() {
        let bytes = super_frame_bytes.min(file.len() - next);
        let payload = next..next + bytes;
        let chain = payload_chain(process, &buffers, options.buffers, payload.clone());
        let room = posted.len() < POSTED_AHEAD && session.queues[queue].free() > chain.len();
        if !all_posted && room {
            let last = payload.end == file.len();
            let frame = super_frame(&mut headers, &file[payload.clone()], options.mss, last);
            output.board.expect(
                frame
                    .expected(&settings)
                    .expect("the model takes what the driver makes"),
            );
            let header = session.allocate_with(KERNEL, &frame.header_bytes())?;
            let chain = [vec![buffer(KERNEL, &header)], chain].concat();
            let head = session.post(queue, &chain)?;
            session.notify(queue)?;
            posted.push_back(Posted {
                head,
                header,
                payload: payload.clone(),
            });
            super_frames += 1;
            descriptors += chain.len() as u64;
            next = payload.end;
            all_posted = last;
        } else {
            for used in session.wait(queue)? {
                let Some(posted) = posted.pop_front() else {
                    anyhow::bail!("more chains came back than were posted")
                };
                ensure!(
                    used.head == posted.head,
                    "chain {} came back before chain {}, which was posted first",
                    used.head,
                    posted.head
                );
                poison(&mut session, &buffers, options.buffers, &posted)?;
                done += posted.payload.len() as u64;
            }
            progress(done, file.len() as u64);
        }
        output.take(&mut session)?;
    }
    // Frames leave before their chain comes back; whatever comes later is too much and must be seen.
    session.device.run(SETTLE_CLOCKS)?;
    output.take(&mut session)?;
    let counters = Counters::read(&mut session.device)?.since(&before);
    output.report(file, super_frames, descriptors, start_clock, &counters)
}

/// Clocks that the device gets at the end to show a frame too many.
const SETTLE_CLOCKS: u64 = 500;

/// The emitted frames and what is made of them.
struct Output {
    board: Scoreboard,
    stream: Reassembly,
    stream_error: Option<String>,
    pcap: Option<PcapWriter>,
    segments: u64,
    wire_bytes: u64,
    beats: u64,
    first_clock: Option<u64>,
    last_clock: u64,
}

impl Output {
    fn take<D: Device>(&mut self, session: &mut Session<D>) -> Result<()> {
        for frame in session.take_frames() {
            self.board.check(&frame.bytes);
            if let Err(error) = self.stream.push(&frame.bytes) {
                self.stream_error.get_or_insert_with(|| error.to_string());
            }
            if let Some(pcap) = &mut self.pcap {
                pcap.write(frame.last_clock, &frame.bytes)?;
            }
            self.segments += 1;
            self.wire_bytes += frame.bytes.len() as u64;
            self.beats += frame.bytes.len().div_ceil(8) as u64;
            self.first_clock.get_or_insert(frame.first_clock);
            self.last_clock = frame.last_clock;
        }
        Ok(())
    }

    fn report(
        mut self,
        file: &[u8],
        super_frames: u64,
        descriptors: u64,
        start_clock: u64,
        counters: &Counters,
    ) -> Result<SendReport> {
        if let Some(pcap) = self.pcap.take() {
            pcap.finish()?;
        }
        let mismatches = self.board.finish();
        let first_clock = self.first_clock.unwrap_or(self.last_clock);
        let reassembled = self.stream.sha256();
        let stream_error = self
            .stream_error
            .or_else(|| reassembled.as_ref().err().map(ToString::to_string));
        Ok(SendReport {
            super_frames,
            segments: self.segments,
            wire_bytes: self.wire_bytes,
            clocks: (self.last_clock + 1).saturating_sub(start_clock),
            beats_per_clock: self.beats as f64 / (self.last_clock + 1 - first_clock) as f64,
            tlb_hits: counters.tlb_hits,
            tlb_misses: counters.tlb_misses,
            walks: counters.walks,
            faults: counters.faults,
            mismatches,
            payload_sha256: hex::encode(Sha256::digest(file)),
            reassembled_sha256: reassembled.unwrap_or_default(),
            payload_bytes: file.len() as u64,
            descriptors,
            refused: counters.refused,
            counters_agree: u64::from(counters.frames) == self.segments && counters.bytes == self.wire_bytes,
            first_difference: self.board.first_difference().map(ToOwned::to_owned).or(stream_error),
        })
    }
}

/// Headers as in a Linux sender's real traffic: IPv4 with DF or IPv6, TCP with timestamps.
fn headers(ip: IpVersion, random: &mut ChaCha8Rng) -> Headers {
    let network = match ip {
        IpVersion::V4 => Network::V4(Ipv4 {
            source: [192, 0, 2, 1],
            destination: [198, 51, 100, 2],
            tos: 0,
            id: random.gen(),
            dont_fragment: true,
            ttl: 64,
            options: vec![],
        }),
        IpVersion::V6 => Network::V6(Ipv6 {
            source: [0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
            destination: [0x20, 1, 0xD, 0xB8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2],
            traffic_class: 0,
            flow_label: random.gen_range(0..1 << 20),
            hop_limit: 64,
            extensions: vec![],
        }),
    };
    let mut options = vec![1, 1, 8, 10];
    options.extend(random.gen::<[u8; 8]>());
    Headers {
        source_mac: [0x02, 0, 0x5E, 0, 0, 1],
        destination_mac: [0x02, 0, 0x5E, 0, 0, 2],
        tags: vec![],
        network,
        transport: Transport::Tcp {
            ports: (random.gen_range(32_768..61_000), 5001),
            seq: random.gen(),
            ack: random.gen(),
            flags: flag::ACK,
            window: 502,
            urgent: 0,
            options,
        },
    }
}

fn seq(headers: &mut Headers) -> &mut u32 {
    match &mut headers.transport {
        Transport::Tcp { seq, .. } => seq,
        Transport::Udp { .. } => unreachable!("files are sent over TCP"),
    }
}

/// The next super-frame of the stream. What fits into one segment asks for its checksum only, as stacks do.
fn super_frame(headers: &mut Headers, payload: &[u8], mss: u16, last: bool) -> SuperFrame {
    if let Transport::Tcp { flags, .. } = &mut headers.transport {
        *flags = flag::ACK | if last { flag::PSH } else { 0 };
    }
    let frame = if payload.len() > usize::from(mss) {
        SuperFrame::segmented(headers, payload.to_vec(), mss, Seed::WithLength)
    } else {
        SuperFrame::checksum_only(headers, payload.to_vec())
    };
    let segments = payload.len().div_ceil(usize::from(mss)).max(1);
    *seq(headers) = seq(headers).wrapping_add(payload.len() as u32);
    if let Network::V4(ip) = &mut headers.network {
        ip.id = ip.id.wrapping_add(segments as u16);
    }
    frame
}

/// Puts the file into the process's memory.
fn place_file<D: Device>(session: &mut Session<D>, process: u8, file: &[u8], buffers: Buffers) -> Result<Vec<Region>> {
    let bytes = match buffers {
        Buffers::Contiguous => file.len().max(1),
        Buffers::Of(bytes) => bytes,
    };
    file.chunks(bytes)
        .map(|piece| session.allocate_with(process, piece))
        .collect()
}

/// The parts of the buffers that hold a range of the file.
fn parts(buffers: &[Region], layout: Buffers, range: std::ops::Range<usize>) -> impl Iterator<Item = Region> + '_ {
    let bytes = match layout {
        Buffers::Contiguous => usize::MAX,
        Buffers::Of(bytes) => bytes,
    };
    let mut at = range.start;
    std::iter::from_fn(move || {
        if at >= range.end {
            return None;
        }
        let region = &buffers[at / bytes];
        let offset = at % bytes;
        let count = (region.bytes - offset).min(range.end - at);
        at += count;
        Some(region.part(offset, count))
    })
}

fn payload_chain(process: u8, buffers: &[Region], layout: Buffers, range: std::ops::Range<usize>) -> Vec<Buffer> {
    parts(buffers, layout, range)
        .map(|part| buffer(process, &part))
        .collect()
}

/// What came back belongs to the process again, which uses it at once: a late read would show in the frames.
fn poison<D: Device>(session: &mut Session<D>, buffers: &[Region], layout: Buffers, posted: &Posted) -> Result<()> {
    let payload = parts(buffers, layout, posted.payload.clone());
    for region in payload.chain([posted.header.clone()]) {
        region.write(session.device.memory_mut(), 0, &vec![POISON; region.bytes])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::EmittedFrame;
    use crate::model_device::ModelDevice;
    use segwalk_model::memory::SparseMemory;

    fn file(bytes: usize) -> Vec<u8> {
        (0..bytes).map(|at| (at * 31 + at / 251) as u8).collect()
    }

    fn send_it(bytes: usize, options: &SendOptions) -> SendReport {
        let report = send_over(ModelDevice::new(), &file(bytes), options, |_, _| {}).unwrap();
        assert!(
            report.is_good(),
            "{bytes} bytes with {options:?}: {:?}",
            report.first_difference
        );
        report
    }

    #[test]
    fn sizes_around_a_segment() {
        for (bytes, segments) in [
            (0, 1),
            (1, 1),
            (1447, 1),
            (1448, 1),
            (1449, 2),
            (65_160, 45),
            (65_161, 46),
        ] {
            for ip in [IpVersion::V4, IpVersion::V6] {
                let report = send_it(
                    bytes,
                    &SendOptions {
                        ip,
                        ..Default::default()
                    },
                );
                assert_eq!(report.segments, segments);
                let super_frames = bytes.div_ceil(65_160).max(1) as u64;
                assert_eq!(
                    (report.super_frames, report.descriptors),
                    (super_frames, super_frames + bytes.min(1) as u64 * super_frames)
                );
            }
        }
    }

    #[test]
    fn every_mode_layout_and_buffer_size() {
        for mode in [Mode::Bare, Mode::Sv39, Mode::X86_64] {
            for pages in [PageLayout::Scattered, PageLayout::Linear, PageLayout::Huge] {
                for (buffers, bytes) in [
                    (Buffers::Contiguous, 300_000),
                    (Buffers::Of(1), 3000),
                    (Buffers::Of(7), 5000),
                    (Buffers::Of(1448), 300_000),
                    (Buffers::Of(4096), 200_000),
                    (Buffers::Of(10_000), 200_000),
                ] {
                    send_it(
                        bytes,
                        &SendOptions {
                            mode,
                            pages,
                            buffers,
                            ..Default::default()
                        },
                    );
                }
            }
        }
    }

    #[test]
    fn a_chain_is_never_longer_than_the_largest_queue() {
        let report = send_it(
            70_000,
            &SendOptions {
                buffers: Buffers::Of(1),
                ..Default::default()
            },
        );
        assert_eq!(report.super_frames, 70_000u64.div_ceil(32_765 / 1448 * 1448));
    }

    #[test]
    fn options_that_cannot_work_are_refused() {
        let refused = |options: SendOptions| {
            send_over(ModelDevice::new(), b"x", &options, |_, _| {})
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            refused(SendOptions {
                mss: 0,
                ..Default::default()
            }),
            "the MSS is 0 but must be 1 to 9600"
        );
        assert_eq!(
            refused(SendOptions {
                mss: 9601,
                ..Default::default()
            }),
            "the MSS is 9601 but must be 1 to 9600"
        );
    }

    /// A device that emits wrongly.
    struct Wrong {
        inner: ModelDevice,
        spoil: fn(&mut Vec<EmittedFrame>),
    }

    impl Device for Wrong {
        fn read_offset(&mut self, offset: u16) -> Result<u32> {
            self.inner.read_offset(offset)
        }
        fn write_offset(&mut self, offset: u16, value: u32) -> Result<()> {
            self.inner.write_offset(offset, value)
        }
        fn memory(&self) -> &SparseMemory {
            self.inner.memory()
        }
        fn memory_mut(&mut self) -> &mut SparseMemory {
            self.inner.memory_mut()
        }
        fn run(&mut self, clocks: u64) -> Result<()> {
            self.inner.run(clocks)
        }
        fn run_until(&mut self, done: &mut dyn FnMut(&SparseMemory) -> Result<bool>) -> Result<()> {
            self.inner.run_until(done)
        }
        fn clock(&self) -> u64 {
            self.inner.clock()
        }
        fn take_frames(&mut self) -> Vec<EmittedFrame> {
            let mut frames = self.inner.take_frames();
            (self.spoil)(&mut frames);
            frames
        }
    }

    #[test]
    fn what_differs_is_reported() {
        let wrong = |spoil| {
            let device = Wrong {
                inner: ModelDevice::new(),
                spoil,
            };
            let report = send_over(device, &file(10_000), &SendOptions::default(), |_, _| {}).unwrap();
            assert!(!report.is_good());
            report
        };
        let flipped = wrong(|frames| {
            if let Some(frame) = frames.get_mut(1) {
                frame.bytes[100] ^= 1;
            }
        });
        assert_eq!(flipped.mismatches, 1);
        assert_ne!(flipped.payload_sha256, flipped.reassembled_sha256);
        let text = flipped.first_difference.unwrap();
        assert!(
            text.starts_with("frame 1 differs from the model's at byte 100 (byte 34 of the TCP payload)"),
            "{text}"
        );
        let lost = wrong(|frames| drop(frames.pop()));
        assert_eq!((lost.segments, lost.mismatches, lost.counters_agree), (6, 1, false));
        let doubled = wrong(|frames| {
            let last = frames.last().cloned();
            frames.extend(last);
        });
        assert_eq!(
            (doubled.segments, doubled.mismatches, doubled.counters_agree),
            (8, 1, false)
        );
    }
}
