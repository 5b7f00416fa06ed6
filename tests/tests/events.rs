//! NO_INTERRUPT, EVENT_IDX, polling and queue reset on the core, as a driver uses them.

use rand::Rng;
use segwalk_driver::{set_polling, Wake};
use segwalk_model::page_table::Mode;
use segwalk_model::refusal::Refusal;
use segwalk_model::registers::{self as reg, feature};
use segwalk_model::segment::SegmentSettings;
use segwalk_sim::core_bench::{BenchConfig, CoreBench};
use segwalk_sim::device::Device;
use segwalk_sim::driver::port::RegisterPort;
use segwalk_sim::driver::queue::{Buffer, Queue};
use segwalk_sim::driver::FEATURES;
use segwalk_sim::session::{buffer, Session, KERNEL};
use segwalk_tests::device;
use segwalk_tests::rig::{check, random, super_frame, Rig};

/// Clocks in which an interrupt would show itself.
const SETTLE_CLOCKS: u64 = 1000;

fn rig(features: u64) -> Rig<CoreBench> {
    let bench = device(BenchConfig::default()).unwrap();
    Rig::with_features(bench, Mode::Sv39, FEATURES | features, false).unwrap()
}

/// A chain of one super-frame, which may be posted as often as one likes.
fn chain(rig: &mut Rig<CoreBench>) -> Vec<Buffer> {
    let frame = super_frame(500);
    let header = rig.session.allocate_with(KERNEL, &frame.header_bytes()).unwrap();
    let payload = rig.session.allocate_with(rig.user, &frame.payload).unwrap();
    vec![buffer(KERNEL, &header), buffer(rig.user, &payload)]
}

/// Sends a chain as often as asked, one after the other, and says whether there was an interrupt for used buffers.
fn interrupts(rig: &mut Rig<CoreBench>, chain: &[Buffer], times: usize) -> bool {
    for _ in 0..times {
        let Session { device, queues, .. } = &mut rig.session;
        queues[0].send(device, chain).unwrap();
        queues[0].kick(device).unwrap();
        rig.session.wait_all().unwrap();
        rig.session.device.run(SETTLE_CLOCKS).unwrap();
    }
    let device = &mut rig.session.device;
    let causes = device.read(reg::INTERRUPT_STATUS).unwrap();
    device.write(reg::INTERRUPT_ACK, causes).unwrap();
    assert_eq!(device.irq(), device.read(reg::INTERRUPT_STATUS).unwrap() != 0);
    reg::INTERRUPT_STATUS.field("used_buffer").get(causes) != 0
}

fn wake(rig: &mut Rig<CoreBench>, wake: Wake) {
    let Session { device, queues, .. } = &mut rig.session;
    assert!(!queues[0].wake(device, wake).unwrap(), "everything was reaped");
}

#[test]
fn no_interrupt_and_used_event_are_obeyed() {
    for features in [0, feature::RING_EVENT_IDX] {
        let mut rig = rig(features);
        let event_idx = features != 0;
        let chain = chain(&mut rig);
        wake(&mut rig, Wake::After(1));
        assert!(interrupts(&mut rig, &chain, 1));
        wake(&mut rig, Wake::Never);
        assert!(!interrupts(&mut rig, &chain, 5));
        wake(&mut rig, Wake::After(3));
        assert_eq!(interrupts(&mut rig, &chain, 2), !event_idx);
        assert!(interrupts(&mut rig, &chain, 1));
        assert_eq!(interrupts(&mut rig, &chain, 2), !event_idx, "once for each question");
    }
}

#[test]
fn no_doorbell_is_lost_and_few_are_rung() {
    let mut rig = rig(feature::RING_EVENT_IDX | feature::RING_INDIRECT_DESC);
    let mut random = random(9);
    let chain = chain(&mut rig);
    let expected = super_frame(500).expected(&SegmentSettings::default()).unwrap();
    let (mut kicks, chains) = (0, 400);
    for _ in 0..chains {
        if rig.session.queues[0].free() < 2 {
            rig.session.wait(0).unwrap();
        }
        let Session { device, queues, .. } = &mut rig.session;
        queues[0].send(device, &chain).unwrap();
        kicks += u32::from(queues[0].kick(device).unwrap());
        if random.gen_bool(0.1) {
            device.run(random.gen_range(0..2000)).unwrap();
        }
    }
    rig.session.wait_all().unwrap();
    println!("{kicks} doorbells for {chains} chains");
    assert!(kicks < chains / 2, "{kicks} doorbells");
    check(vec![expected; chains as usize].concat(), &rig.session.take_frames());
}

#[test]
fn polling_finds_chains_without_a_doorbell() {
    let mut rig = rig(0);
    let chain = chain(&mut rig);
    let period = 500;
    set_polling(&mut RegisterPort(&mut rig.session.device), period, 1).unwrap();
    for _ in 0..20 {
        rig.session.post(0, &chain).unwrap();
        let start = rig.session.device.clock();
        while rig.session.reap(0).unwrap().is_empty() {
            let clocks = rig.session.device.clock() - start;
            assert!(
                clocks < 2 * u64::from(period) + SETTLE_CLOCKS,
                "not found after {clocks} clocks"
            );
            rig.session.device.run(20).unwrap();
        }
    }
    // A queue that is not polled is left alone.
    rig.session.post(1, &chain).unwrap();
    rig.session.device.run(10 * u64::from(period)).unwrap();
    assert!(rig.session.reap(1).unwrap().is_empty());
    rig.session.notify(1).unwrap();
    rig.session.wait_all().unwrap();
}

#[test]
fn a_queue_is_reset_alone_after_a_ring_error() {
    let mut rig = rig(feature::RING_RESET);
    let chain = chain(&mut rig);
    rig.clear_records().unwrap();
    for round in 0..5 {
        let Session { device, queues, .. } = &mut rig.session;
        queues[0].send(device, &chain).unwrap();
        queues[0].publish(device, 0xFFFF).unwrap();
        queues[0].notify(device).unwrap();
        device.run(2 * SETTLE_CLOCKS).unwrap();
        assert_eq!(device.read(reg::QUEUES_STOPPED).unwrap(), 1);
        assert_eq!(device.refusals(Refusal::DescriptorIndex.code()).unwrap(), round + 1);
        device.write(reg::QUEUE_SEL, reg::tx_queue_index(0)).unwrap();
        device.write(reg::QUEUE_RESET, 1).unwrap();
        while device.read(reg::QUEUE_RESET).unwrap() != 0 {
            device.run(10).unwrap();
        }
        assert_eq!(device.read(reg::QUEUE_READY).unwrap(), 0);
        assert_eq!(device.read(reg::QUEUES_STOPPED).unwrap(), 0);
        let (size, rings) = (queues[0].size(), queues[0].rings().clone());
        let binding = *queues[0].binding();
        queues[0] = Queue::start(device, 0, size, &binding, rings, None).unwrap();
        rig.session.take_frames();
        rig.send_good(0, 3000).unwrap();
        rig.send_good(1, 3000).unwrap();
    }
}
