//! One engine, two processes that behave, two that do not, and one whose memory is nobody's business.

use super::arena::{Arena, PAGE};
use anyhow::{ensure, Result};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use segwalk_model::memory::SparseMemory;
use segwalk_model::page_table::{translate, Access, Context, Mode};
use segwalk_model::registers::feature;
use segwalk_model::segment::SegmentSettings;
use segwalk_model::virtqueue::{Binding, Contexts};
use segwalk_sim::axi::{Allowed, AxiConfig, Client};
use segwalk_sim::core_bench::{BenchConfig, CoreBench};
use segwalk_sim::driver::queue::{Buffer, Rings};
use segwalk_sim::driver::{self, FEATURES};
use segwalk_sim::headers::Seed;
use segwalk_sim::pattern::Pattern;
use segwalk_sim::process::PageLayout;
use segwalk_sim::random::{lay_out, super_frame, STREAM_BYTE};
use segwalk_sim::scoreboard::Scoreboard;
use segwalk_sim::session::{Session, KERNEL};
use segwalk_sim::super_frame::SuperFrame;
use segwalk_tests::device;

/// Transmit queues that behave, and as many that do not.
const GOOD: usize = 2;
/// Destination address of good frames: no hostile frame has it.
const TAG: [u8; 6] = [0x02, 0x47, 0x4F, 0x4F, 0x44, 0x21];
/// Frames that a good queue sends again and again.
const POOL: usize = 10;
/// Descriptors of a good queue.
const GOOD_SIZE: u32 = 32;
/// What fills the memory that no binding allows.
const SECRET: u8 = 0x5E;
/// Most bytes of the frames of the pools.
const FRAME_BYTES: usize = 5000;
/// Most segments of them.
const SEGMENTS: usize = 24;

/// A chain of a good queue that lies in memory for good, and the frames that it gives.
struct GoodChain {
    chain: Vec<Buffer>,
    frames: Vec<Vec<u8>>,
}

/// A queue that behaves.
struct GoodQueue {
    place: usize,
    binding: Binding,
    pool: Vec<GoodChain>,
    board: Scoreboard,
}

/// What good queues added to the counters.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sent {
    pub chains: u32,
    pub frames: u32,
    pub bytes: u64,
}

/// The world.
pub struct World {
    pub session: Session<CoreBench>,
    pub arenas: Vec<Arena>,
    /// Transmit queues that are hostile, one an arena.
    pub hostile: Vec<u32>,
    /// Frames that hostile queues start from: each has its own, so that frames tell where they are from.
    pub pools: [Vec<Vec<u8>>; 2],
    /// Features that were negotiated.
    pub features: u64,
    /// What was sent since it was asked.
    pub sent: Sent,
    good: Vec<GoodQueue>,
    /// Frames that no good queue sent.
    foreign: Vec<Vec<u8>>,
    contexts: usize,
}

fn bench(random: &mut ChaCha8Rng) -> BenchConfig {
    let stalls = match random.gen_range(0..3) {
        0 => Pattern::Random {
            stall_of_256: random.gen_range(1..=100),
        },
        _ => Pattern::Always,
    };
    BenchConfig {
        memory: AxiConfig {
            latency: *[1, 2, 8, 30].choose(random).expect("there are latencies"),
            jitter: *[0, 0, 5].choose(random).expect("there are jitters"),
            ar: stalls,
            aw: stalls,
            w: stalls,
            b: stalls,
            reorder: random.gen(),
            seed: random.gen(),
            ..AxiConfig::default()
        },
        sink: stalls,
        seed: random.gen(),
        ..BenchConfig::default()
    }
}

fn mode(random: &mut ChaCha8Rng) -> Mode {
    let modes = Mode::ALL.into_iter();
    let paged: Vec<Mode> = modes
        .filter(|mode| mode.format().is_some() && mode.supported_by_rtl())
        .collect();
    *paged.choose(random).expect("there are modes")
}

/// A frame that is neither long nor cut into many.
fn small_frame(random: &mut ChaCha8Rng, stream: u8) -> SuperFrame {
    loop {
        let frame = super_frame(random, stream, Seed::WithLength);
        let segments = frame.payload.len() / usize::from(frame.hdr.gso_size.max(1));
        if frame.frame().len() <= FRAME_BYTES && segments <= SEGMENTS {
            return frame;
        }
    }
}

/// Allows the client the memory behind these bytes of a context.
fn allow(allowed: &Allowed, client: Client, memory: &SparseMemory, context: &Context, virt_addr: u64, bytes: u64) {
    let mut at = virt_addr;
    while at < virt_addr + bytes {
        let count = (PAGE - at % PAGE).min(virt_addr + bytes - at);
        if let Ok(page) = translate(memory, context, at, Access::Read) {
            allowed.add(client, page.phys_addr..page.phys_addr + count);
        }
        at += count;
    }
}

impl World {
    /// A world that follows from its seed.
    pub fn new(seed: u64) -> Result<Self> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let config = bench(&mut random);
        let rings = feature::RING_INDIRECT_DESC | feature::RING_EVENT_IDX;
        let features = FEATURES | rings & feature::OFFERED & random.gen::<u64>();
        let mut session = Session::new(device(config)?, random.gen(), features)?;
        let allowed = Allowed::nothing();
        let users = [
            session.add_process(mode(&mut random), PageLayout::Scattered)?,
            session.add_process(mode(&mut random), PageLayout::Scattered)?,
        ];
        let mut arenas = Vec::new();
        for _ in 0..2 {
            let mode = mode(&mut random);
            arenas.push(Arena::new(&mut session, &mut random, mode, &allowed)?);
        }
        let nobody = session.add_process(mode(&mut random), PageLayout::Scattered)?;
        session.allocate_with(nobody, &[SECRET; 3 * PAGE as usize])?;
        let mut numbers: Vec<u32> = (0..4).collect();
        numbers.shuffle(&mut random);
        let mut good = Vec::new();
        for (number, user) in numbers[..GOOD].iter().zip(users) {
            let binding = Binding {
                ring_context: *[KERNEL, user].choose(&mut random).expect("there are two"),
                default_context: user,
                names_allowed: true,
                mask: 1 << KERNEL | 1 << user,
                ..Binding::default()
            };
            good.push(good_queue(&mut session, &mut random, *number, binding, user)?);
        }
        session.start()?;
        let mut pool = |stream| (0..8).map(|_| small_frame(&mut random, stream).chain_bytes()).collect();
        let pools = [pool(0xEE), pool(0xEF)];
        let mut world = World {
            session,
            arenas,
            hostile: numbers[GOOD..].to_vec(),
            pools,
            features,
            sent: Sent::default(),
            good,
            foreign: Vec::new(),
            contexts: usize::from(nobody),
        };
        world.allow_all(&allowed);
        world.session.device.checker.on_access(Some(allowed.hook()));
        Ok(world)
    }

    /// Allows good queues their rings and buffers, and the walker the tables.
    fn allow_all(&mut self, allowed: &Allowed) {
        for context in 1..=self.contexts as u8 {
            let (space, _) = self.session.tables(context);
            for table in space.tables() {
                allowed.add(Client::Walker, table * PAGE..(table + 1) * PAGE);
            }
        }
        let memory = self.session.device.memory();
        for queue in &self.good {
            let rings = self.session.queues[queue.place].rings();
            let areas = [&rings.descriptors, &rings.avail, &rings.used].into_iter();
            for region in areas.chain(&rings.indirect) {
                for page in &region.phys_pages {
                    allowed.add(Client::RingRead, page * PAGE..(page + 1) * PAGE);
                }
            }
            let context = self.session.process(queue.binding.ring_context).context();
            let used = &rings.used;
            allow(
                allowed,
                Client::RingWrite,
                memory,
                &context,
                used.virt_addr,
                used.bytes as u64,
            );
            for buffer in queue.pool.iter().flat_map(|chain| &chain.chain) {
                let context = self.session.process(buffer.context).context();
                let bytes = buffer.bytes.into();
                allow(allowed, Client::Payload, memory, &context, buffer.virt_addr, bytes);
            }
        }
    }

    /// The context table.
    pub fn context_table(&self) -> Contexts {
        let mut table = [Context::off(); segwalk_model::limits::CONTEXTS];
        table[0] = Context::bare();
        for (context, entry) in (0u8..).zip(&mut table).skip(1).take(self.contexts) {
            *entry = self.session.process(context).context();
        }
        table
    }

    /// Resets the device and makes all as it was, the hostile queues aside.
    pub fn reset(&mut self) -> Result<()> {
        let session = &mut self.session;
        driver::reset(&mut session.device)?;
        ensure!(session.device.axi().is_idle(), "bus accesses are open after the reset");
        session.restart()
    }

    /// Posts some good chains and rings.
    pub fn send_good(&mut self, random: &mut ChaCha8Rng) -> Result<()> {
        for queue in &mut self.good {
            for _ in 0..random.gen_range(1..=2) {
                let next = queue.pool.choose(random).expect("a pool is not empty");
                if self.session.queues[queue.place].free() < next.chain.len() {
                    break;
                }
                let Session { device, queues, .. } = &mut self.session;
                queues[queue.place].send(device, &next.chain)?;
                queue.board.expect(next.frames.clone());
                self.sent.chains += 1;
                self.sent.frames += next.frames.len() as u32;
                self.sent.bytes += next.frames.iter().map(|frame| frame.len() as u64).sum::<u64>();
            }
            let Session { device, queues, .. } = &mut self.session;
            queues[queue.place].kick(device)?;
        }
        Ok(())
    }

    /// Waits until every good chain came back, and judges the frames.
    pub fn wait_good(&mut self) -> Result<()> {
        self.session.wait_all()?;
        self.collect()?;
        for queue in &self.good {
            let number = self.session.queues[queue.place].number;
            ensure!(
                queue.board.outstanding() == 0,
                "transmit queue {number}: a chain came back without its frames"
            );
        }
        Ok(())
    }

    /// Hands each frame that left to the queue that it is of.
    pub fn collect(&mut self) -> Result<()> {
        for frame in self.session.take_frames() {
            if !frame.bytes.starts_with(&TAG) {
                self.foreign.push(frame.bytes);
                continue;
            }
            let number = u32::from(frame.bytes[STREAM_BYTE]);
            let queue = (self.good.iter_mut()).find(|queue| self.session.queues[queue.place].number == number);
            let Some(queue) = queue else {
                anyhow::bail!("a frame left that carries the tag of good frames, but no queue sent it");
            };
            queue.board.check(&frame.bytes);
            if let Some(difference) = queue.board.first_difference() {
                anyhow::bail!("transmit queue {number}: {difference}");
            }
        }
        Ok(())
    }

    /// The frames of hostile queues since the last call. None may hold what no binding allows.
    pub fn take_foreign(&mut self) -> Result<Vec<Vec<u8>>> {
        let frames = std::mem::take(&mut self.foreign);
        for frame in &frames {
            let leaks = frame.windows(16).any(|bytes| bytes.iter().all(|byte| *byte == SECRET));
            ensure!(!leaks, "a frame carries memory that no binding allows");
        }
        Ok(frames)
    }
}

fn good_queue(
    session: &mut Session<CoreBench>,
    random: &mut ChaCha8Rng,
    number: u32,
    binding: Binding,
    user: u8,
) -> Result<GoodQueue> {
    debug_assert!(Rings::bytes(GOOD_SIZE)[0] <= PAGE as usize);
    let place = session.add_queue(number, GOOD_SIZE, &binding)?;
    let settings = SegmentSettings {
        features: FEATURES,
        ..SegmentSettings::default()
    };
    let mut pool = Vec::new();
    for _ in 0..POOL {
        let mut frame = small_frame(random, number as u8);
        frame.template[..TAG.len()].copy_from_slice(&TAG);
        let chain = lay_out(session, random, &[KERNEL, user], &frame, 8)?;
        let frames = frame.expected(&settings).expect("random frames are good");
        pool.push(GoodChain { chain, frames });
    }
    Ok(GoodQueue {
        place,
        binding,
        pool,
        board: Scoreboard::new(),
    })
}
