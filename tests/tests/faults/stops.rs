//! One stop at a time: where it may happen and what software may do there.

use super::restart::Restart;
use super::world::World;
use super::LATENCY_CLOCKS;
use anyhow::{ensure, Result};
use segwalk_model::page_table::Mode;
use segwalk_model::refusal::Refusal;
use segwalk_sim::axi::AxiConfig;
use segwalk_sim::core_bench::BenchConfig;
use segwalk_sim::device::Device;
use segwalk_sim::headers::Seed;
use segwalk_sim::random::STREAM_BYTE;
use segwalk_sim::super_frame::SuperFrame;
use segwalk_tests::rig::{headers, payload, random};

fn world(modes: &[Mode], latency: u32) -> Result<World> {
    let config = BenchConfig {
        memory: AxiConfig {
            latency,
            ..AxiConfig::default()
        },
        ..BenchConfig::default()
    };
    World::new(config, random(5), modes, |_| true)
}

fn super_frame(stream: usize, bytes: usize, mss: u16) -> SuperFrame {
    let mut headers = headers(stream % 2 == 1);
    headers.source_mac[STREAM_BYTE - 6] = stream as u8;
    SuperFrame::segmented(&headers, payload(bytes), mss, Seed::WithLength)
}

/// Every page of a chain is missing, the header's too: the queue parks at each in its order, with other chains of the
/// queue under way, and resumes or resumes in vain.
#[test]
fn a_chain_stops_at_each_of_its_pages() -> Result<()> {
    for (mode, mss, in_kernel) in [
        (Mode::Sv39, 1448, true),
        (Mode::X86_32, 300, false),
        (Mode::Sv48, 4096, false),
    ] {
        let mut world = world(&[mode], 20)?;
        let context = world.streams[0].context;
        let first = world.prepare(0, &super_frame(0, 20_000, mss), in_kernel, 2)?;
        let pages = first.pages(context);
        for page in &pages {
            world.vanish(context, *page)?;
        }
        world.post(0, first)?;
        for bytes in [3000, 0, 9000] {
            let chain = world.prepare(0, &super_frame(0, bytes, mss), true, 1)?;
            world.post(0, chain)?;
        }
        for (at, page) in pages.iter().enumerate() {
            let record = world.wait_parked(0)?;
            assert_eq!(record.virt_addr >> 12, *page, "page {at} of {mode:?}");
            // At once and in vain; then with the page.
            world.release(0, false)?;
            assert_eq!(world.wait_parked(0)?, record);
            world.repair(0)?;
            world.release(0, false)?;
        }
        world.finish()?;
        assert_eq!(
            (world.streams[0].returned, world.streams[0].parks),
            (4, 2 * pages.len())
        );
    }
    Ok(())
}

#[test]
fn a_chain_that_is_aborted_at_once_lets_the_next_one_go() -> Result<()> {
    let mut world = world(&[Mode::X86_64], 50)?;
    let context = world.streams[0].context;
    for round in 0..6 {
        let chain = world.prepare(0, &super_frame(0, 12_000, 1448), true, 1)?;
        let pages = chain.pages(context);
        world.vanish(context, pages[round % pages.len()])?;
        world.post(0, chain)?;
    }
    for _ in 0..6 {
        world.wait_parked(0)?;
        world.release(0, true)?;
    }
    world.finish()?;
    assert_eq!((world.streams[0].returned, world.streams[0].aborts), (6, 6));
    Ok(())
}

#[test]
fn several_queues_park_together() -> Result<()> {
    let mut world = world(&[Mode::Sv39, Mode::X86_64, Mode::Sv32, Mode::Sv48], 10)?;
    for stream in 0..4 {
        let context = world.streams[stream].context;
        for bytes in [9000, 5000] {
            let chain = world.prepare(stream, &super_frame(stream, bytes, 1000), true, 1)?;
            world.vanish(context, chain.pages(context)[1])?;
            world.post(stream, chain)?;
        }
    }
    for _ in 0..2 {
        for stream in 0..4 {
            world.wait_parked(stream)?;
        }
        let mut port = segwalk_sim::driver::port::RegisterPort(&mut world.session.device);
        assert_eq!(segwalk_driver::parked_queues(&mut port)?, 0xF);
        for stream in (0..4).rev() {
            world.repair(stream)?;
            world.release(stream, false)?;
        }
    }
    world.finish()?;
    assert!(world
        .streams
        .iter()
        .all(|stream| (stream.returned, stream.parks) == (2, 2)));
    Ok(())
}

/// Without `recoverable`, a fault refuses its chain and the queue goes on, as a stock driver expects.
#[test]
fn a_queue_that_is_not_recoverable_does_not_park() -> Result<()> {
    let mut world = World::new(BenchConfig::default(), random(6), &[Mode::Sv39], |_| false)?;
    let context = world.streams[0].context;
    let mut chain = world.prepare(0, &super_frame(0, 9000, 1000), true, 1)?;
    world.vanish(context, chain.pages(context)[1])?;
    chain.cut_at(context, chain.pages(context)[1]);
    world.post(0, chain)?;
    let chain = world.prepare(0, &super_frame(0, 3000, 1000), true, 1)?;
    world.post(0, chain)?;
    world.session.device.run(20_000)?;
    world.look()?;
    world.finish()?;
    assert_eq!((world.streams[0].returned, world.streams[0].parks), (2, 0));
    assert_eq!(world.session.device.refusals(Refusal::FaultNotPresent.code())?, 1);
    Ok(())
}

/// A healthy queue with super-frames of 64 KiB waits for one of its neighbour's, however often that one stops.
#[test]
fn a_queue_that_stops_costs_others_one_super_frame_at_most() -> Result<()> {
    for latency in [10, 200] {
        let mut world = world(&[Mode::Sv39, Mode::X86_64], latency)?;
        let context = world.streams[1].context;
        let end = world.session.device.clock() + 400_000;
        let mut round = 0;
        while world.session.device.clock() < end {
            while world.streams[0].chains.len() < 3 {
                let chain = world.prepare(0, &super_frame(0, 64_000, 1448), true, 1)?;
                world.post(0, chain)?;
            }
            if world.streams[1].chains.len() < 3 {
                let chain = world.prepare(1, &super_frame(1, 64_000, 1448), true, 1)?;
                let pages = chain.pages(context);
                world.vanish(context, pages[round * 5 % pages.len()])?;
                world.post(1, chain)?;
                round += 1;
            }
            world.look()?;
            if world.streams[1].record.is_some() {
                if round % 3 != 0 {
                    world.repair(1)?;
                }
                world.release(1, round % 4 == 0)?;
            }
            world.run(300)?;
        }
        world.finish()?;
        let (gap, parks) = (world.streams[0].longest_gap, world.streams[1].parks);
        println!(
            "latency {latency}: longest gap {gap} clocks, a super-frame is {} beats, {parks} stops",
            world.most_beats
        );
        ensure!(parks > 10, "only {parks} stops");
        ensure!(gap <= world.most_beats + LATENCY_CLOCKS, "{gap} clocks without a frame");
    }
    Ok(())
}

/// A reset of the queue or of the device forgets that it was parked.
#[test]
fn a_reset_forgets_the_stop() -> Result<()> {
    for way in [Restart::NotReady, Restart::QueueReset, Restart::Device] {
        let mut world = world(&[Mode::Sv39, Mode::X86_64], 20)?;
        for _ in 0..4 {
            for stream in 0..2 {
                let context = world.streams[stream].context;
                for _ in 0..2 {
                    let chain = world.prepare(stream, &super_frame(stream, 9000, 1000), true, 1)?;
                    if stream == 0 {
                        world.vanish(context, chain.pages(context)[1])?;
                    }
                    world.post(stream, chain)?;
                }
            }
            world.wait_parked(0)?;
            world.restart(0, way)?;
        }
        for stream in 0..2 {
            let chain = world.prepare(stream, &super_frame(stream, 9000, 1000), true, 1)?;
            world.post(stream, chain)?;
        }
        world.finish()?;
    }
    Ok(())
}
