//! Random super-frames in random layouts on a randomly stalling bus, all queues at once, against the model.

use anyhow::{Context, Result};
use rand::seq::SliceRandom;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use segwalk_hdl::emit::{core_verilog, CORE};
use segwalk_model::limits::TX_QUEUES;
use segwalk_model::page_table::Mode;
use segwalk_model::registers as reg;
use segwalk_model::segment::SegmentSettings;
use segwalk_model::virtqueue::Binding;
use segwalk_sim::axi::AxiConfig;
use segwalk_sim::core_bench::{BenchConfig, CoreBench};
use segwalk_sim::device::{Counters, Device};
use segwalk_sim::driver;
use segwalk_sim::headers::Seed;
use segwalk_sim::pattern::Pattern;
use segwalk_sim::process::PageLayout;
use segwalk_sim::random::{lay_out, super_frame, STREAM_BYTE};
use segwalk_sim::scoreboard::Scoreboard;
use segwalk_sim::session::Session;
use segwalk_sim::verilated::{Model, Spec};
use segwalk_tests::rig::random;
use segwalk_tests::{device, other_device, seed};

/// Sessions, each with its own bus, queues and contexts.
const SESSIONS: u64 = 40;
/// Sessions of which every clock is compared with another build.
const COMPARED: u64 = 8;
/// Super-frames a session: 1,200 in all.
const FRAMES: usize = 30;
/// Buffers of a chain at most.
const PIECES_MAX: usize = 48;
/// Threads that sessions are spread over.
const THREADS: u64 = 2;

fn pattern(random: &mut ChaCha8Rng) -> Pattern {
    match random.gen_range(0..6) {
        0 => Pattern::EveryNth(random.gen_range(2..=4)),
        1 => Pattern::Random {
            stall_of_256: random.gen_range(1..=220),
        },
        2 => Pattern::Phases {
            on: random.gen_range(1..=60),
            off: random.gen_range(1..=60),
        },
        _ => Pattern::Always,
    }
}

fn bench(random: &mut ChaCha8Rng) -> BenchConfig {
    let reorder = random.gen();
    BenchConfig {
        memory: AxiConfig {
            latency: *[1, 2, 10, 50, 200].choose(random).expect("there are latencies"),
            jitter: *[0, 0, 3, 40].choose(random).expect("there are jitters"),
            ar: pattern(random),
            aw: pattern(random),
            w: pattern(random),
            r: pattern(random),
            b: pattern(random),
            reorder,
            interleave: reorder && random.gen(),
            max_open: *[1, 2, 64].choose(random).expect("there are limits"),
            seed: random.gen(),
        },
        sink: pattern(random),
        register_gap: random.gen_range(0..=3),
        seed: random.gen(),
        ..BenchConfig::default()
    }
}

/// Flag masks, how the IPv4 ID counts and padding: what comes after reset, or anything.
fn settings(random: &mut ChaCha8Rng) -> SegmentSettings {
    let mut settings = SegmentSettings {
        features: driver::FEATURES,
        ..SegmentSettings::default()
    };
    if random.gen_bool(0.3) {
        let mut mask = || random.gen_range(0..1 << 12);
        (settings.flags_first, settings.flags_middle, settings.flags_last) = (mask(), mask(), mask());
    }
    settings.id_fifteen_bits = random.gen_bool(0.3);
    settings.id_fixed = random.gen_bool(0.3);
    settings.pad = random.gen();
    settings
}

fn apply<D: Device>(device: &mut D, settings: &SegmentSettings) -> Result<()> {
    let masks = [
        (reg::FLAGS_FIRST, settings.flags_first),
        (reg::FLAGS_MIDDLE, settings.flags_middle),
        (reg::FLAGS_LAST, settings.flags_last),
    ];
    for (register, mask) in masks {
        device.write(register, register.field("mask").put(mask.into()))?;
    }
    let bit = |register: reg::Register, name: &str, value: bool| register.field(name).put(value.into());
    let id = bit(reg::ID_CONTROL, "fifteen_bits", settings.id_fifteen_bits)
        | bit(reg::ID_CONTROL, "fixed", settings.id_fixed);
    device.write(reg::ID_CONTROL, id)?;
    device.write(reg::FRAME_CONTROL, bit(reg::FRAME_CONTROL, "pad", settings.pad))
}

/// A transmit queue of the session and what is expected of it.
struct Stream {
    binding: Binding,
    board: Scoreboard,
    heads: Vec<u16>,
    returned: Vec<u16>,
}

fn run(seed: u64, build: fn(BenchConfig) -> Result<CoreBench>, other: Option<&Model>) -> Result<()> {
    let mut random = random(seed);
    let config = bench(&mut random);
    let settings = settings(&mut random);
    let mut device = build(config)?;
    if let Some(other) = other {
        device.compare_with(other)?;
    }
    let mut session = Session::new(device, random.gen(), driver::FEATURES)?;
    apply(&mut session.device, &settings)?;
    session.shuffle_descriptors = random.gen();
    let mut contexts = vec![segwalk_sim::session::KERNEL];
    for mode in [
        Mode::Sv39,
        Mode::X86_64,
        *[
            Mode::Bare,
            Mode::Sv32,
            Mode::Sv39,
            Mode::Sv48,
            Mode::X86_32,
            Mode::X86_64,
        ]
        .choose(&mut random)
        .expect("modes"),
    ] {
        let layouts = [PageLayout::Scattered, PageLayout::Linear, PageLayout::Huge];
        contexts.push(session.add_process(mode, *layouts.choose(&mut random).expect("layouts"))?);
    }
    let mut streams = Vec::new();
    for number in 0..TX_QUEUES as u32 {
        let binding = Binding {
            ring_context: *contexts.choose(&mut random).expect("contexts"),
            default_context: *contexts.choose(&mut random).expect("contexts"),
            names_allowed: random.gen_bool(0.8),
            mask: contexts.iter().map(|context| 1 << context).sum(),
            seed_without_length: random.gen_bool(0.2),
            recoverable: false,
        };
        session.add_queue(number, 1 << random.gen_range(2..=8), &binding)?;
        streams.push(Stream {
            binding,
            board: Scoreboard::new(),
            heads: vec![],
            returned: vec![],
        });
    }
    session.start()?;
    let mut sent = 0u32;
    for _ in 0..FRAMES {
        let queue = random.gen_range(0..TX_QUEUES);
        send_one(&mut session, &mut random, &contexts, &settings, queue, &mut streams)?;
        sent += 1;
        collect(&mut session, &mut streams)?;
    }
    for queue in 0..TX_QUEUES {
        session.notify(queue)?;
    }
    for (queue, used) in session.wait_all()?.into_iter().enumerate() {
        streams[queue].returned.extend(used.into_iter().map(|used| used.head));
    }
    session.device.run(500)?;
    collect(&mut session, &mut streams)?;
    for (queue, stream) in streams.iter_mut().enumerate() {
        stream.board.finish();
        if let Some(difference) = stream.board.first_difference() {
            anyhow::bail!("transmit queue {queue}: {difference}");
        }
        anyhow::ensure!(
            stream.heads == stream.returned,
            "transmit queue {queue}: heads do not come back in order"
        );
    }
    let counters = Counters::read(&mut session.device)?;
    let frames: u64 = streams.iter().map(|stream| stream.board.compared()).sum();
    anyhow::ensure!(
        (
            counters.chains,
            u64::from(counters.frames),
            counters.refused,
            counters.faults
        ) == (sent, frames, 0, 0),
        "the counters say {counters:?} after {sent} chains and {frames} frames"
    );
    if let Some(witness) = session.device.witness() {
        anyhow::ensure!(witness.clocks() > 10_000, "only {} clocks", witness.clocks());
    }
    Ok(())
}

fn send_one<D: Device>(
    session: &mut Session<D>,
    random: &mut ChaCha8Rng,
    contexts: &[u8],
    settings: &SegmentSettings,
    queue: usize,
    streams: &mut [Stream],
) -> Result<()> {
    let binding = streams[queue].binding;
    let seed = if binding.seed_without_length {
        Seed::WithoutLength
    } else {
        Seed::WithLength
    };
    let frame = super_frame(random, queue as u8, seed);
    let settings = SegmentSettings {
        seed_without_length: binding.seed_without_length,
        ..*settings
    };
    streams[queue]
        .board
        .expect(frame.expected(&settings).expect("random frames are good"));
    let allowed = if binding.names_allowed {
        contexts
    } else {
        &[binding.default_context][..]
    };
    let pieces_max = PIECES_MAX.min(session.queues[queue].size() as usize);
    let mut chain = lay_out(session, random, allowed, &frame, pieces_max)?;
    for buffer in &mut chain {
        if buffer.context == binding.default_context && (!binding.names_allowed || random.gen()) {
            buffer.context = 0;
        }
    }
    while session.queues[queue].free() < chain.len() {
        session.notify(queue)?;
        let used = session.wait(queue)?;
        streams[queue].returned.extend(used.into_iter().map(|used| used.head));
    }
    let head = session.post(queue, &chain)?;
    streams[queue].heads.push(head);
    if random.gen_bool(0.6) {
        session.notify(queue)?;
    }
    Ok(())
}

/// Hands each frame to the queue that it says it is of.
fn collect<D: Device>(session: &mut Session<D>, streams: &mut [Stream]) -> Result<()> {
    for frame in session.take_frames() {
        let stream = frame
            .bytes
            .get(STREAM_BYTE)
            .and_then(|queue| streams.get_mut(usize::from(*queue)));
        let stream = stream.context("a frame left that belongs to no queue")?;
        stream.board.check(&frame.bytes);
    }
    Ok(())
}

fn run_all(sessions: u64, build: fn(BenchConfig) -> Result<CoreBench>) {
    let first = seed(1);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                for seed in (first..first + sessions).filter(|seed| seed % THREADS == thread) {
                    if let Err(error) = run(seed, build, None) {
                        panic!(
                            "{error:?}\nthis was session {seed}; repeat it with\n  \
                             SEGWALK_SEED={seed} cargo test -p segwalk-tests --test random"
                        );
                    }
                }
            });
        }
    });
}

/// The Verilated core leaves out what stands still. The design with one clock, all of it evaluated on every edge, is the
/// witness: every output, clock by clock.
#[test]
fn what_stands_still_is_left_out_and_nothing_else() {
    let core = segwalk_sim::core::model(false).unwrap();
    assert_eq!(core.one_clock(), None, "the core is evaluated whole on every clock");
    let one_clock = Model::build(&Spec {
        top: CORE,
        verilog: &core_verilog().unwrap(),
        ..Default::default()
    })
    .unwrap();
    let first = seed(100);
    for seed in first..first + COMPARED {
        run(seed, device, Some(&one_clock)).unwrap_or_else(|error| panic!("{error:?}\nthis was session {seed}"));
    }
}

#[test]
fn random_super_frames_agree_with_the_model() {
    run_all(SESSIONS, device);
}

#[test]
fn so_they_do_in_a_build_with_other_options() {
    run_all(SESSIONS / 2, other_device);
}
