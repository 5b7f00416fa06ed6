//! Chains in memory and the frames that they must give.

use super::cases::{Case, Kind, Payload};
use crate::core_bench::CoreBench;
use crate::driver::queue::Buffer;
use crate::headers::{flag, Headers, Ipv4, Ipv6, Network, Seed, Transport};
use crate::host::{Region, PAGE_BYTES};
use crate::process::PageLayout;
use crate::scoreboard::Scoreboard;
use crate::session::{buffer, Session, KERNEL};
use crate::super_frame::SuperFrame;
use anyhow::{ensure, Context as _, Result};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use segwalk_model::segment::{IpVersion, SegmentSettings};
use segwalk_model::virtqueue::Binding;

/// Payload of a super-frame.
const SUPER_FRAME_BYTES: usize = 64 * 1024;
/// Payload of a frame of 60 bytes behind Ethernet, IPv4 and TCP without options.
const SMALL_PAYLOAD_BYTES: usize = 60 - 14 - 20 - 20;
/// Payload buffers that the super-frames of one queue take in turn when the TLB is warm.
const WARM_BUFFERS: usize = 3;
/// Bytes of which a cold buffer is a part: more pages than a process puts beside others into one table.
const COLD_BYTES: usize = 100 * PAGE_BYTES;
/// TCP port of queue 0.
const FIRST_PORT: u16 = 40_000;
/// Offset of the TCP ports behind Ethernet and IPv4 or IPv6.
const PORT_OFFSETS: [usize; 2] = [14 + 20, 14 + 40];
/// What all addresses and bytes follow from.
const SEED: u64 = 6;

/// A posted chain.
pub(super) struct Chain {
    /// Its buffers.
    pub(super) regions: Vec<Region>,
    /// Pages of its payload.
    pub(super) payload_pages: usize,
    /// Aligned groups of 8 pages that these lie in: lines of the last page table.
    pub(super) table_lines: u64,
    /// Beats of its frames.
    pub(super) output_beats: u64,
    /// Its frames.
    pub(super) frames: u64,
}

/// The engine, its queues, and what was posted.
pub(super) struct Work {
    pub(super) session: Session<CoreBench>,
    pub(super) chains: Vec<Chain>,
    flows: Vec<Flow>,
    boards: Vec<Scoreboard>,
    ip: IpVersion,
}

impl Work {
    /// Queues that have room for `count` chains together, nothing posted.
    pub(super) fn new(bench: CoreBench, case: &Case, count: usize) -> Result<Self> {
        let mut session = Session::new(bench, SEED, crate::driver::FEATURES)?;
        let process = session.add_process(case.mode, PageLayout::Scattered)?;
        let binding = Binding {
            ring_context: KERNEL,
            default_context: process,
            names_allowed: true,
            mask: 1 << KERNEL | 1 << process,
            seed_without_length: false,
            recoverable: false,
        };
        let chains = count.div_ceil(case.queues as usize);
        let size = (chains * descriptors(case)).next_power_of_two() as u32;
        for number in 0..case.queues {
            session.add_queue(number, size, &binding)?;
        }
        session.start()?;
        let mut random = ChaCha8Rng::seed_from_u64(SEED);
        let ip = match case.kind {
            Kind::SuperFrames { ip, .. } => ip,
            _ => IpVersion::V4,
        };
        Ok(Work {
            session,
            chains: Vec::new(),
            flows: (0..case.queues)
                .map(|queue| Flow::new(queue, case, &mut random))
                .collect(),
            boards: (0..case.queues).map(|_| Scoreboard::new()).collect(),
            ip,
        })
    }

    /// Posts a chain, to the queues in turn; the doorbell is rung separately.
    pub(super) fn post(&mut self, case: &Case) -> Result<()> {
        let queue = self.chains.len() % self.flows.len();
        let flow = &mut self.flows[queue];
        let payload = flow.payload(&mut self.session, case)?;
        let (frame, regions, buffers) = match case.kind {
            Kind::SuperFrames { mss, .. } => {
                let frame = SuperFrame::segmented(&flow.headers, payload.bytes, mss, Seed::WithLength);
                let header = self.session.allocate_with(KERNEL, &frame.header_bytes())?;
                let mut buffers = vec![buffer(KERNEL, &header)];
                buffers.extend(payload.regions.iter().map(default_context));
                (frame, [vec![header], payload.regions].concat(), buffers)
            }
            Kind::SmallFrames | Kind::FirstByte => {
                let frame = SuperFrame::plain(&flow.headers, payload.bytes);
                let region = &payload.regions[0];
                region.write(self.session.device.memory_mut(), 0, &frame.chain_bytes())?;
                let buffers = vec![default_context(region)];
                (frame, payload.regions, buffers)
            }
        };
        let expected = frame.expected(&SegmentSettings::default());
        let expected = expected.expect("the model takes what the bench makes");
        flow.advance(frame.payload.len(), expected.len());
        let pages = |region: &Region| {
            let first = region.virt_addr / PAGE_BYTES as u64;
            first..first + region.phys_pages.len() as u64
        };
        let in_process = regions.iter().zip(&buffers).filter(|(_, buffer)| buffer.context == 0);
        let in_process: Vec<_> = in_process.map(|(region, _)| pages(region)).collect();
        self.chains.push(Chain {
            payload_pages: in_process.iter().map(|pages| (pages.end - pages.start) as usize).sum(),
            table_lines: in_process
                .iter()
                .map(|pages| (pages.end - 1) / 8 - pages.start / 8 + 1)
                .sum(),
            output_beats: expected.iter().map(|frame| frame.len().div_ceil(8) as u64).sum(),
            frames: expected.len() as u64,
            regions,
        });
        self.boards[queue].expect(expected);
        self.session.post(queue, &buffers)?;
        Ok(())
    }

    /// Compares what was emitted with the model, byte for byte and in order within a queue.
    pub(super) fn check(&mut self) -> Result<()> {
        for frame in self.session.take_frames() {
            let port_at = PORT_OFFSETS[usize::from(self.ip == IpVersion::V6)];
            let port = frame.bytes.get(port_at..port_at + 2);
            let port = port.map_or(0, |port| u16::from_be_bytes([port[0], port[1]]));
            let queue = usize::from(port.wrapping_sub(FIRST_PORT));
            let board = self.boards.get_mut(queue).context("a frame came that no queue sent")?;
            board.check(&frame.bytes);
        }
        for board in &self.boards {
            if let Some(difference) = board.first_difference() {
                anyhow::bail!("{difference}");
            }
        }
        Ok(())
    }

    /// As [`Work::check`], when everything is out.
    pub(super) fn finish(&mut self) -> Result<()> {
        self.check()?;
        for board in &mut self.boards {
            ensure!(
                board.finish() == 0,
                "{}",
                board.first_difference().unwrap_or("frames are missing")
            );
        }
        Ok(())
    }

    /// Frames of the first `chains` chains.
    pub(super) fn frames(&self, chains: usize) -> u64 {
        self.chains[..chains].iter().map(|chain| chain.frames).sum()
    }
}

/// Descriptors of a chain.
fn descriptors(case: &Case) -> usize {
    match case.kind {
        Kind::SuperFrames {
            payload: Payload::Pieces(bytes),
            ..
        } => 1 + SUPER_FRAME_BYTES.div_ceil(bytes),
        Kind::SuperFrames { .. } => 2,
        _ => 1,
    }
}

fn default_context(region: &Region) -> Buffer {
    buffer(0, region)
}

/// Bytes and where they lie.
struct Placed {
    bytes: Vec<u8>,
    regions: Vec<Region>,
}

/// A TCP connection and its buffers.
struct Flow {
    headers: Headers,
    warm: Vec<Vec<Region>>,
    sent: usize,
    random: ChaCha8Rng,
}

impl Flow {
    fn new(queue: u32, case: &Case, random: &mut ChaCha8Rng) -> Self {
        let mut random = crate::session::child(random);
        Flow {
            headers: headers(FIRST_PORT + queue as u16, case, &mut random),
            warm: Vec::new(),
            sent: 0,
            random,
        }
    }

    /// The payload of the next chain, in its place.
    fn payload(&mut self, session: &mut Session<CoreBench>, case: &Case) -> Result<Placed> {
        const PROCESS: u8 = KERNEL + 1;
        let mut fill = |bytes: usize| -> Vec<u8> { (0..bytes).map(|_| self.random.gen()).collect() };
        let Kind::SuperFrames { payload, .. } = case.kind else {
            let bytes = fill(SMALL_PAYLOAD_BYTES);
            if case.kind == Kind::SmallFrames || self.warm.len() < WARM_BUFFERS {
                self.warm.push(vec![session.allocate(PROCESS, 12 + 60)?]);
            } else {
                // what was sent came back
                self.warm.rotate_left(1);
            }
            let regions = self.warm.last().cloned().unwrap_or_default();
            return Ok(Placed { bytes, regions });
        };
        let piece = match payload {
            Payload::Contiguous => SUPER_FRAME_BYTES,
            Payload::Pieces(bytes) => bytes,
        };
        let number = self.sent / SUPER_FRAME_BYTES;
        let buffers = if case.queues > 1 { 1 } else { WARM_BUFFERS };
        if !case.cold && number >= buffers {
            let regions = self.warm[number % buffers].clone();
            let parts = regions
                .iter()
                .map(|region| region.read(session.device.memory(), 0, region.bytes));
            return Ok(Placed {
                bytes: parts.collect::<Result<Vec<_>>>()?.concat(),
                regions,
            });
        }
        let bytes = fill(SUPER_FRAME_BYTES);
        let mut regions = Vec::new();
        for part in bytes.chunks(piece) {
            let region = if case.cold {
                session.allocate(PROCESS, COLD_BYTES)?.part(0, part.len())
            } else {
                session.allocate(PROCESS, part.len())?
            };
            region.write(session.device.memory_mut(), 0, part)?;
            regions.push(region);
        }
        self.warm.push(regions.clone());
        Ok(Placed { bytes, regions })
    }

    /// Makes the headers those of the next chain.
    fn advance(&mut self, bytes: usize, frames: usize) {
        self.sent += bytes;
        if let Transport::Tcp { seq, .. } = &mut self.headers.transport {
            *seq = seq.wrapping_add(bytes as u32);
        }
        if let Network::V4(ip) = &mut self.headers.network {
            ip.id = ip.id.wrapping_add(frames as u16);
        }
    }
}

/// IPv4 with DF or IPv6; TCP with timestamps, but for frames of 60 bytes.
fn headers(port: u16, case: &Case, random: &mut ChaCha8Rng) -> Headers {
    let mut options = vec![1, 1, 8, 10];
    options.extend(random.gen::<[u8; 8]>());
    let (ip, options) = match case.kind {
        Kind::SuperFrames { ip, .. } => (ip, options),
        _ => (IpVersion::V4, vec![]),
    };
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
            flow_label: 7,
            hop_limit: 64,
            extensions: vec![],
        }),
    };
    Headers {
        source_mac: [0x02, 0, 0x5E, 0, 0, 1],
        destination_mac: [0x02, 0, 0x5E, 0, 0, 2],
        tags: vec![],
        network,
        transport: Transport::Tcp {
            ports: (port, 5001),
            seq: random.gen(),
            ack: random.gen(),
            flags: flag::ACK,
            window: 502,
            urgent: 0,
            options,
        },
    }
}
