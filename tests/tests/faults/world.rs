//! Processes that send while their pages come and go, and what must be true of every frame, completion and record.

use super::chain::Chain;
use anyhow::{ensure, Context as _, Result};
use rand::seq::SliceRandom;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use segwalk_driver::{Parked, Scope};
use segwalk_model::page_table::{Mode, Permissions};
use segwalk_model::refusal::{FaultCause, Refusal};
use segwalk_model::registers::feature;
use segwalk_model::segment::SegmentSettings;
use segwalk_model::virtqueue::Binding;
use segwalk_sim::core_bench::{BenchConfig, CoreBench};
use segwalk_sim::device::Device;
use segwalk_sim::driver::port::RegisterPort;
use segwalk_sim::driver::queue::Buffer;
use segwalk_sim::driver::{self, POLL_CLOCKS};
use segwalk_sim::host::PAGE_BYTES;
use segwalk_sim::process::PageLayout;
use segwalk_sim::random::STREAM_BYTE;
use segwalk_sim::session::{Session, KERNEL};
use segwalk_sim::super_frame::SuperFrame;
use std::collections::{HashMap, HashSet, VecDeque};

pub const PAGE: u64 = PAGE_BYTES as u64;
/// What stands in physical pages that were taken away: software uses them for something else.
const REUSED: u8 = 0xA6;
/// What the driver negotiates.
pub const FEATURES: u64 = driver::FEATURES | feature::OFFERED & feature::RING_RESET;
/// Smallest area for a buffer, so that it has its pages for itself.
const OWN_PAGES_BYTES: usize = 600;

/// A queue of one process.
pub struct Stream {
    pub context: u8,
    pub binding: Binding,
    pub chains: VecDeque<Chain>,
    /// Frames that left, and chains that came back.
    pub frames: usize,
    pub returned: usize,
    pub aborts: u32,
    pub parks: usize,
    pub record: Option<Parked>,
    last_frame: u64,
    /// Longest time without a frame while there was work.
    pub longest_gap: u64,
}

pub struct World {
    pub session: Session<CoreBench>,
    pub streams: Vec<Stream>,
    pub random: ChaCha8Rng,
    /// Data of pages that are not mapped, by context and virtual page; and pages that were mapped again since.
    absent: HashMap<(u8, u64), Vec<u8>>,
    came_back: HashSet<(u8, u64)>,
    /// Most beats of one chain's frames.
    pub most_beats: u64,
}

impl World {
    /// A queue for each mode; `recoverable` says for which a fault parks it.
    pub fn new(
        bench: BenchConfig,
        mut random: ChaCha8Rng,
        modes: &[Mode],
        recoverable: impl Fn(usize) -> bool,
    ) -> Result<Self> {
        let mut session = Session::new(segwalk_tests::device(bench)?, random.gen(), FEATURES)?;
        session.shuffle_descriptors = true;
        let mut streams = Vec::new();
        for (number, mode) in modes.iter().enumerate() {
            let context = session.add_process(*mode, PageLayout::Scattered)?;
            let binding = Binding {
                ring_context: KERNEL,
                default_context: context,
                names_allowed: true,
                seed_without_length: false,
                recoverable: recoverable(number),
                mask: 1 << KERNEL | 1 << context,
            };
            session.add_queue(number as u32, 64, &binding)?;
            streams.push(Stream {
                context,
                binding,
                chains: VecDeque::new(),
                frames: 0,
                returned: 0,
                aborts: 0,
                parks: 0,
                record: None,
                last_frame: 0,
                longest_gap: 0,
            });
        }
        session.start()?;
        let random = segwalk_sim::session::child(&mut random);
        Ok(Self {
            session,
            streams,
            random,
            absent: HashMap::new(),
            came_back: HashSet::new(),
            most_beats: 0,
        })
    }

    /// Puts a super-frame into a few buffers; the header lies in the kernel or with the payload.
    pub fn prepare(
        &mut self,
        stream: usize,
        frame: &SuperFrame,
        header_in_kernel: bool,
        pieces: usize,
    ) -> Result<Chain> {
        let frames = frame.expected(&SegmentSettings::default());
        let frames = frames.map_err(|refusal| anyhow::anyhow!("the frame is refused: {}", refusal.sentence()))?;
        let context = self.streams[stream].context;
        let header = frame.header_bytes();
        let mut parts = vec![(if header_in_kernel { KERNEL } else { context }, &header[..])];
        if !frame.payload.is_empty() {
            let piece = frame.payload.len().div_ceil(pieces);
            parts.extend(frame.payload.chunks(piece).map(|part| (context, part)));
        }
        let mut buffers = Vec::new();
        for (context, data) in parts {
            let region = self.session.allocate(context, data.len().max(OWN_PAGES_BYTES))?;
            region.write(self.session.device.memory_mut(), 0, data)?;
            buffers.push(Buffer {
                context,
                virt_addr: region.virt_addr,
                bytes: data.len() as u32,
            });
        }
        let beats = frames.iter().map(|frame| frame.len().div_ceil(8) as u64 + 1).sum();
        self.most_beats = self.most_beats.max(beats);
        Ok(Chain {
            head: 0,
            buffers,
            header_bytes: header.len(),
            segment_bytes: if frames.len() > 1 {
                usize::from(frame.hdr.gso_size)
            } else {
                0
            },
            frames,
            emitted: 0,
            reported: 0,
            aborted: false,
            posted: 0,
        })
    }

    /// Posts a chain and rings the doorbell.
    pub fn post(&mut self, stream: usize, mut chain: Chain) -> Result<()> {
        chain.head = self.session.post(stream, &chain.buffers)?;
        self.session.notify(stream)?;
        chain.posted = self.session.device.clock();
        self.streams[stream].chains.push_back(chain);
        self.collect()
    }

    /// Takes a page away: unmapped, invalidated, its memory used for something else.
    pub fn vanish(&mut self, context: u8, page: u64) -> Result<()> {
        if self.absent.contains_key(&(context, page)) {
            return Ok(());
        }
        let virt_addr = page * PAGE;
        let (space, memory) = self.session.tables(context);
        let format = space.context().mode.format().context("the process has page tables")?;
        let entry = space.unmap(memory, virt_addr)?;
        let phys_page = format.page_number(entry);
        let scopes = [
            Scope::Page(context, virt_addr + self.random.gen_range(0..PAGE)),
            Scope::Page(context, virt_addr),
            Scope::Context(context),
            Scope::All,
        ];
        let scope = *scopes.choose(&mut self.random).expect("there are scopes");
        driver::invalidate(&mut self.session.device, scope)?;
        let memory = self.session.device.memory_mut();
        let data = memory.page_mut(phys_page).context("the page has memory")?;
        self.absent.insert((context, page), data.to_vec());
        data.fill(REUSED);
        Ok(())
    }

    /// Maps a page again, somewhere else.
    pub fn appear(&mut self, context: u8, page: u64) -> Result<()> {
        let Some(data) = self.absent.remove(&(context, page)) else {
            return Ok(());
        };
        let page_bits = self.session.process(context).page_bits();
        let phys_page = self.session.pages.reserve_below(page_bits, 1, 1);
        let (space, memory) = self.session.tables(context);
        memory.add_page(phys_page);
        memory
            .page_mut(phys_page)
            .context("the page was just added")?
            .copy_from_slice(&data);
        let mut none = || unreachable!("the tables are there");
        space.map(
            memory,
            &mut none,
            page * PAGE,
            phys_page * PAGE,
            0,
            Permissions::USER_READ,
        )?;
        self.came_back.insert((context, page));
        Ok(())
    }

    /// Any page that is not mapped now.
    pub fn any_absent(&mut self) -> Option<(u8, u64)> {
        let mut all: Vec<(u8, u64)> = self.absent.keys().copied().collect();
        all.sort_unstable();
        all.choose(&mut self.random).copied()
    }

    /// Compares the frames that left and takes back the chains that are done.
    pub fn collect(&mut self) -> Result<()> {
        for frame in self.session.take_frames() {
            let number = usize::from(*frame.bytes.get(STREAM_BYTE).context("a short frame")?);
            let stream = self.streams.get_mut(number).context("a frame of no stream")?;
            let chain = stream.chains.iter_mut().find(|chain| !chain.is_over());
            let chain = chain.with_context(|| format!("stream {number}: a frame without a chain"))?;
            if chain.frames[chain.emitted] != frame.bytes {
                let found = chain.frames.iter().position(|expected| *expected == frame.bytes);
                anyhow::bail!(
                    "stream {number}, head {}: frame {} of {} differs; it is frame {found:?} of the chain\n{}",
                    chain.head,
                    chain.emitted,
                    chain.frames.len(),
                    segwalk_sim::scoreboard::difference(
                        chain.emitted as u64,
                        &chain.frames[chain.emitted],
                        &frame.bytes
                    )
                );
            }
            chain.emitted += 1;
            let begin = stream.last_frame.max(chain.posted);
            stream.longest_gap = stream.longest_gap.max(frame.first_clock.saturating_sub(begin));
            stream.last_frame = frame.last_clock;
            stream.frames += 1;
        }
        for number in 0..self.streams.len() {
            for used in self.session.reap(number)? {
                let stream = &mut self.streams[number];
                let chain = stream.chains.pop_front().context("a chain too many came back")?;
                ensure!(
                    chain.head == used.head,
                    "stream {number}: chains came back out of order"
                );
                ensure!(
                    chain.is_over(),
                    "stream {number}: head {} came back after {} of {} frames",
                    chain.head,
                    chain.emitted,
                    chain.frames.len()
                );
                stream.returned += 1;
            }
        }
        Ok(())
    }

    /// Lets time pass.
    pub fn run(&mut self, clocks: u64) -> Result<()> {
        self.session.device.run(clocks)?;
        self.collect()
    }

    /// Looks for queues that parked and checks their records.
    pub fn look(&mut self) -> Result<()> {
        let mut port = RegisterPort(&mut self.session.device);
        let parked = segwalk_driver::parked_queues(&mut port)?;
        let mut records = Vec::new();
        for number in (0..self.streams.len()).filter(|number| parked >> number & 1 == 1) {
            if self.streams[number].record.is_none() {
                let record = segwalk_driver::parked(&mut port, number as u32)?;
                records.push(record.with_context(|| format!("queue {number} is parked without a record"))?);
            }
        }
        self.collect()?;
        for record in records {
            self.check(&record)
                .with_context(|| format!("{record:x?} at clock {}", self.session.device.clock()))?;
            let stream = &mut self.streams[record.queue as usize];
            stream.record = Some(record);
            stream.parks += 1;
        }
        Ok(())
    }

    fn check(&mut self, record: &Parked) -> Result<()> {
        let stream = &mut self.streams[record.queue as usize];
        let chain = stream.chains.iter_mut().find(|chain| !chain.is_over());
        let chain = chain.context("there is no chain that could have parked it")?;
        let page = (record.context, record.virt_addr / PAGE);
        ensure!(record.head == chain.head, "the chain is {}", chain.head);
        ensure!(record.context == stream.context, "the context is {}", stream.context);
        ensure!(record.cause == Some(FaultCause::NotPresent), "the page is not mapped");
        ensure!(record.virt_addr % PAGE == 0, "the address is that of a page");
        ensure!(chain.pages(stream.context).contains(&page.1), "no page of the chain");
        ensure!(
            self.absent.contains_key(&page) || self.came_back.contains(&page),
            "the page was there all the time"
        );
        let frames = chain.frames_before(stream.context, page.1).max(chain.reported);
        ensure!(
            record.sent_frames as usize == chain.emitted,
            "{} frames left",
            chain.emitted
        );
        ensure!(chain.emitted == frames, "{frames} frames are complete before the page");
        ensure!(
            record.sent_bytes as usize == chain.emitted * chain.segment_bytes,
            "{} bytes left",
            chain.emitted * chain.segment_bytes
        );
        chain.reported = chain.emitted;
        self.came_back.retain(|page| page.0 != stream.context);
        Ok(())
    }

    /// Maps the page that a queue waits for.
    pub fn repair(&mut self, stream: usize) -> Result<()> {
        match self.streams[stream].record {
            Some(record) => self.appear(record.context, record.virt_addr / PAGE),
            None => Ok(()),
        }
    }

    /// Lets a parked queue go on, or gives its chain up.
    pub fn release(&mut self, stream: usize, abort: bool) -> Result<()> {
        let parked = self.streams[stream].record.take().is_some();
        ensure!(parked, "stream {stream} is not parked");
        let mut port = RegisterPort(&mut self.session.device);
        if abort {
            let chain = self.streams[stream].chains.iter_mut().find(|chain| !chain.is_over());
            chain.context("a parked queue has a chain")?.aborted = true;
            self.streams[stream].aborts += 1;
            segwalk_driver::abort(&mut port, stream as u32)?;
        } else {
            segwalk_driver::resume(&mut port, stream as u32)?;
        }
        self.collect()
    }

    /// Waits until a queue parks.
    pub fn wait_parked(&mut self, stream: usize) -> Result<Parked> {
        let end = self.session.device.clock() + 200_000;
        loop {
            self.look()?;
            if let Some(record) = self.streams[stream].record {
                return Ok(record);
            }
            ensure!(self.session.device.clock() < end, "queue {stream} does not park");
            self.run(POLL_CLOCKS)?;
        }
    }

    /// Everything comes back, parked queues go on, until nothing is posted any more.
    pub fn finish(&mut self) -> Result<()> {
        while let Some((context, page)) = self.any_absent() {
            self.appear(context, page)?;
        }
        let end = self.session.device.clock() + 2_000_000;
        while self.streams.iter().any(|stream| !stream.chains.is_empty()) {
            self.run(20 * POLL_CLOCKS)?;
            self.look()?;
            for stream in 0..self.streams.len() {
                if self.streams[stream].record.is_some() {
                    self.release(stream, false)?;
                }
            }
            ensure!(
                self.session.device.clock() < end,
                "chains of {:?} do not come back\n{}",
                self.streams
                    .iter()
                    .map(|stream| stream.chains.len())
                    .collect::<Vec<_>>(),
                self.session.device.dump()
            );
        }
        self.run(2000)?;
        let aborts: u32 = self.streams.iter().map(|stream| stream.aborts).sum();
        let counted = self.session.device.refusals(Refusal::Aborted.code())?;
        ensure!(
            counted == aborts,
            "{counted} chains are counted as aborted, {aborts} were"
        );
        Ok(())
    }
}
