//! Recoverable faults: pages come and go while queues send, software resumes or aborts, and no byte is lost, repeated or
//! read from a page that was taken away.

mod chain;
mod isolation;
mod restart;
mod stops;
mod world;

use anyhow::{Context as _, Result};
use rand::seq::SliceRandom;
use rand::Rng;
use segwalk_model::page_table::Mode;
use segwalk_model::segment::SegmentSettings;
use segwalk_sim::axi::AxiConfig;
use segwalk_sim::core_bench::BenchConfig;
use segwalk_sim::headers::Seed;
use segwalk_sim::random::{super_frame_of, Kind};
use segwalk_sim::super_frame::SuperFrame;
use segwalk_tests::rig::random;
use segwalk_tests::seed;
use world::World;

const SESSIONS: u64 = 24;
const STEPS: usize = 220;
/// Chains of a queue that are posted at a time.
const POSTED_MAX: usize = 5;
/// Clocks from a doorbell, an answer of memory or a page walk to a frame, at most: besides the beats of others.
const LATENCY_CLOCKS: u64 = 6_000;

fn frame(world: &mut World, stream: usize) -> SuperFrame {
    loop {
        let kinds = [Kind::Segmented, Kind::Segmented, Kind::Segmented, Kind::ChecksumOnly];
        let kind = *kinds.choose(&mut world.random).expect("there are kinds");
        let frame = super_frame_of(&mut world.random, kind, stream as u8, Seed::WithLength);
        // Tiny segments cost much time and show nothing more.
        if frame
            .expected(&SegmentSettings::default())
            .is_ok_and(|frames| frames.len() < 60)
        {
            return frame;
        }
    }
}

fn run(seed: u64) -> Result<[usize; 3]> {
    let mut random = random(seed);
    let config = BenchConfig {
        memory: AxiConfig {
            latency: *[1, 10, 50, 200].choose(&mut random).expect("there are latencies"),
            jitter: *[0, 3].choose(&mut random).expect("there are jitters"),
            reorder: random.gen(),
            seed: random.gen(),
            ..AxiConfig::default()
        },
        seed: random.gen(),
        ..BenchConfig::default()
    };
    let mut modes = [Mode::Sv32, Mode::Sv39, Mode::Sv48, Mode::X86_32, Mode::X86_64];
    modes.shuffle(&mut random);
    // The pages of queue 0 stay; it must not notice the others.
    let mut world = World::new(config, random, &modes[..4], |_| true)?;
    for _ in 0..STEPS {
        step(&mut world)?;
        world.look()?;
    }
    world.finish()?;
    let healthy = &world.streams[0];
    let bound = 3 * world.most_beats + LATENCY_CLOCKS;
    anyhow::ensure!(
        healthy.longest_gap <= bound && healthy.parks == 0,
        "the healthy queue waited {} clocks, {bound} are allowed",
        healthy.longest_gap
    );
    let sum = |of: fn(&world::Stream) -> usize| world.streams.iter().map(of).sum();
    Ok([sum(|s| s.frames), sum(|s| s.parks), sum(|s| s.aborts as usize)])
}

/// One thing that software does.
fn step(world: &mut World) -> Result<()> {
    let stream = world.random.gen_range(0..world.streams.len());
    match world.random.gen_range(0..10) {
        0..=3 => {
            if world.streams[stream].chains.len() < POSTED_MAX {
                let frame = frame(world, stream);
                let (in_kernel, pieces) = (world.random.gen_bool(0.6), world.random.gen_range(1..=4));
                let chain = world.prepare(stream, &frame, in_kernel, pieces)?;
                let context = world.streams[stream].context;
                if stream > 0 && world.random.gen() {
                    let page = chain.pages(context).choose(&mut world.random).copied();
                    page.map_or(Ok(()), |page| world.vanish(context, page))?;
                }
                world.post(stream, chain)?;
            }
            let pause = world.random.gen_range(0..400);
            world.run(pause)
        }
        4..=5 if stream > 0 => {
            // A page of a chain that is posted, most of them of the newest.
            let context = world.streams[stream].context;
            let back = world.random.gen_range(0..3);
            let chain = world.streams[stream].chains.iter().rev().nth(back);
            let pages = chain.map_or(vec![], |chain| chain.pages(context));
            match pages.choose(&mut world.random) {
                Some(page) => world.vanish(context, *page),
                None => Ok(()),
            }
        }
        6 => match world.any_absent() {
            Some((context, page)) => world.appear(context, page),
            None => Ok(()),
        },
        7..=8 => {
            let parked: Vec<usize> = (0..world.streams.len())
                .filter(|stream| world.streams[*stream].record.is_some())
                .collect();
            let Some(stream) = parked.choose(&mut world.random).copied() else {
                return world.run(100);
            };
            if world.random.gen_bool(0.8) {
                world.repair(stream)?;
            }
            let abort = world.random.gen_bool(0.2);
            world.release(stream, abort)
        }
        _ => {
            let pause = world.random.gen_range(0..3000);
            world.run(pause)
        }
    }
}

#[test]
fn streams_are_whole_whatever_happens_to_their_pages() {
    let first = seed(1);
    let last = if std::env::var("SEGWALK_SEED").is_ok() {
        first
    } else {
        first + SESSIONS - 1
    };
    let mut sums = [0; 3];
    for seed in first..=last {
        let found = run(seed)
            .with_context(|| format!("repeat it with SEGWALK_SEED={seed} cargo test -p segwalk-tests --test faults"))
            .unwrap_or_else(|error| panic!("{error:?}"));
        (0..3).for_each(|at| sums[at] += found[at]);
    }
    println!(
        "{} frames, {} queues parked, {} chains aborted",
        sums[0], sums[1], sums[2]
    );
    assert!(
        first != 1 || (sums[1] > 300 && sums[2] > 50),
        "hardly a queue parked: {sums:?}"
    );
}
