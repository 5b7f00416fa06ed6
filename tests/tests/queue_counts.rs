//! Builds with another number of transmit queues: the one with 16 sends on all of them, the one with 1 is complete.

use segwalk_hdl::emit::{core_verilog_for, on_large_stack, CoreOptions, CORE};
use segwalk_hdl::lint;
use segwalk_hdl::top::SegwalkCore;
use segwalk_model::limits::TX_QUEUES_MAX;
use segwalk_model::page_table::Mode;
use segwalk_model::registers as r;
use segwalk_model::segment::SegmentSettings;
use segwalk_model::virtqueue::Binding;
use segwalk_sim::core_bench::BenchConfig;
use segwalk_sim::device::Device;
use segwalk_sim::driver;
use segwalk_sim::headers::Seed;
use segwalk_sim::process::PageLayout;
use segwalk_sim::session::{buffer, Session, KERNEL};
use segwalk_sim::super_frame::SuperFrame;
use segwalk_tests::other_device;
use segwalk_tests::rig::headers;

fn options(tx_queues: usize) -> CoreOptions {
    CoreOptions {
        tx_queues,
        ..CoreOptions::default()
    }
}

#[test]
fn sixteen_queues_send_and_count_for_themselves() {
    let device = other_device(BenchConfig::default()).unwrap();
    let mut session = Session::new(device, 5, driver::FEATURES).unwrap();
    let user = session.add_process(Mode::Sv39, PageLayout::Scattered).unwrap();
    let binding = Binding {
        ring_context: KERNEL,
        default_context: user,
        names_allowed: true,
        mask: 1 << KERNEL | 1 << user,
        seed_without_length: false,
        recoverable: false,
    };
    for number in 0..TX_QUEUES_MAX as u32 {
        session.add_queue(number, 16, &binding).unwrap();
    }
    session.start().unwrap();
    let queues = r::CAPABILITIES.field("tx_queues");
    assert_eq!(
        queues.get(session.device.read(r::CAPABILITIES).unwrap()),
        TX_QUEUES_MAX as u32
    );
    let mut expected = Vec::new();
    let mut counts = vec![(0, 0, 0); TX_QUEUES_MAX];
    for round in 0..3usize {
        for (queue, count) in counts.iter_mut().enumerate() {
            let payload: Vec<u8> = (0..1000 * queue + 77 * round + 1)
                .map(|at| (at * 7 + queue) as u8)
                .collect();
            let frame = SuperFrame::segmented(&headers(queue % 2 == 0), payload, 1000, Seed::WithLength);
            let header = session.allocate_with(KERNEL, &frame.header_bytes()).unwrap();
            let data = session.allocate_with(user, &frame.payload).unwrap();
            session
                .post(queue, &[buffer(KERNEL, &header), buffer(user, &data)])
                .unwrap();
            let frames = frame.expected(&SegmentSettings::default()).unwrap();
            let bytes: usize = frames.iter().map(Vec::len).sum();
            *count = (count.0 + 1, count.1 + frames.len() as u32, count.2 + bytes as u32);
            expected.extend(frames);
        }
        (0..TX_QUEUES_MAX).for_each(|queue| session.notify(queue).unwrap());
    }
    let used = session.wait_all().unwrap();
    assert!(used.iter().all(|used| used.len() == 3));
    let mut emitted: Vec<Vec<u8>> = session.take_frames().into_iter().map(|frame| frame.bytes).collect();
    emitted.sort();
    expected.sort();
    assert!(emitted == expected, "{} frames of {}", emitted.len(), expected.len());
    for (queue, count) in counts.into_iter().enumerate() {
        session
            .device
            .write(r::QUEUE_SEL, r::tx_queue_index(queue as u32))
            .unwrap();
        let registers = [r::QUEUE_CHAINS, r::QUEUE_FRAMES, r::QUEUE_BYTES_LOW, r::QUEUE_REFUSED];
        let read = registers.map(|register| session.device.read(register).unwrap());
        assert_eq!(read, [count.0, count.1, count.2, 0], "queue {queue}");
    }
}

#[test]
fn one_queue_is_a_build_too_and_none_is_not() {
    assert!(core_verilog_for(&options(1)).is_ok());
    let findings = on_large_stack(|| {
        let mut core = SegwalkCore::new(&options(1));
        rust_hdl::prelude::Block::connect_all(&mut core);
        lint::check(&core, CORE).len()
    });
    assert_eq!(findings.unwrap(), 0);
    for count in [0, TX_QUEUES_MAX + 1] {
        let refusal = core_verilog_for(&options(count)).unwrap_err().to_string();
        assert!(refusal.contains("1 to 16"), "{refusal}");
    }
}
