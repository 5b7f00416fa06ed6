//! Queues of processes in different formats share the wire in bytes, by weights and rates.

use anyhow::{ensure, Result};
use segwalk_driver::{set_clock_khz, set_rate, set_weight, QueueCounters};
use segwalk_model::limits::{FRAME_BYTES_MAX, TX_QUEUES};
use segwalk_model::page_table::Mode;
use segwalk_model::segment::SegmentSettings;
use segwalk_model::virtqueue::Binding;
use segwalk_sim::axi::AxiConfig;
use segwalk_sim::core_bench::{BenchConfig, CoreBench};
use segwalk_sim::driver::port::RegisterPort;
use segwalk_sim::driver::queue::Buffer;
use segwalk_sim::driver::FEATURES;
use segwalk_sim::headers::Seed;
use segwalk_sim::process::PageLayout;
use segwalk_sim::random::STREAM_BYTE;
use segwalk_sim::session::{buffer, Session, KERNEL};
use segwalk_sim::super_frame::SuperFrame;
use segwalk_tests::device;
use segwalk_tests::rig::{headers, payload};

/// Formats of the processes.
const MODES: [Mode; TX_QUEUES] = [Mode::Sv32, Mode::Sv39, Mode::Sv48, Mode::X86_64];
/// Payload and MSS of each queue's super-frames: what is shared are bytes, not chains or frames.
const SIZES: [(usize, u16); TX_QUEUES] = [(8000, 1448), (3000, 536), (12_000, 9000), (5000, 1000)];
/// Chains that each queue has waiting: more than the engine takes ahead, so that there is always something to choose.
const WAITING: usize = 100;
/// Descriptors of a queue.
const QUEUE_SIZE: u32 = 256;
/// Clocks between two looks of the drivers.
const LOOK_CLOCKS: u64 = 2000;
/// Bytes before the measurement.
const WARM_BYTES: u64 = 1_500_000;

/// Four processes that always have something to send.
struct Traffic {
    session: Session<CoreBench>,
    chains: Vec<[Buffer; 2]>,
    frames: Vec<Vec<Vec<u8>>>,
    next: [usize; TX_QUEUES],
    /// Bytes that left, by queue.
    sent: [u64; TX_QUEUES],
}

impl Traffic {
    fn new() -> Result<Self> {
        let config = BenchConfig {
            memory: AxiConfig {
                latency: 20,
                ..AxiConfig::default()
            },
            ..BenchConfig::default()
        };
        let mut session = Session::new(device(config)?, 4, FEATURES)?;
        let (mut chains, mut frames) = (Vec::new(), Vec::new());
        for (number, (mode, (bytes, mss))) in MODES.into_iter().zip(SIZES).enumerate() {
            let user = session.add_process(mode, PageLayout::Scattered)?;
            let binding = Binding {
                ring_context: KERNEL,
                default_context: user,
                names_allowed: true,
                mask: 1 << KERNEL,
                ..Binding::default()
            };
            session.add_queue(number as u32, QUEUE_SIZE, &binding)?;
            let mut frame = SuperFrame::segmented(&headers(number % 2 == 1), payload(bytes), mss, Seed::WithLength);
            frame.template[STREAM_BYTE] = number as u8;
            let header = session.allocate_with(KERNEL, &frame.header_bytes())?;
            let place = session.allocate_with(user, &frame.payload)?;
            chains.push([
                buffer(KERNEL, &header),
                Buffer {
                    context: 0,
                    ..buffer(user, &place)
                },
            ]);
            frames.push(frame.expected(&SegmentSettings::default()).expect("the frame is good"));
        }
        session.start()?;
        Ok(Self {
            session,
            chains,
            frames,
            next: [0; TX_QUEUES],
            sent: [0; TX_QUEUES],
        })
    }

    /// The queues' counters of bytes, which are what left, but for the frames that are being counted.
    fn bytes(&mut self) -> Result<[u64; TX_QUEUES]> {
        let mut bytes = [0; TX_QUEUES];
        for (number, bytes) in bytes.iter_mut().enumerate() {
            *bytes = QueueCounters::read(&mut RegisterPort(&mut self.session.device), number as u32)?.bytes;
        }
        let differ = bytes
            .iter()
            .zip(self.sent)
            .any(|(counted, sent)| counted.abs_diff(sent) > FRAME_BYTES_MAX as u64);
        ensure!(
            !differ,
            "the counters say {bytes:?}, but {:?} bytes have left",
            self.sent
        );
        Ok(bytes)
    }

    /// Lets the queues in `busy` send until `done` says so; every frame is checked.
    fn run(&mut self, busy: &[usize], mut done: impl FnMut(u64, u64) -> bool) -> Result<()> {
        let (start, mut sent) = (self.session.device.clock(), 0);
        while !done(sent, self.session.device.clock() - start) {
            for &queue in busy {
                self.session.reap(queue)?;
                while self.session.queues[queue].in_flight() < WAITING {
                    self.session.post(queue, &self.chains[queue])?;
                }
                self.session.notify(queue)?;
            }
            self.session.device.run(LOOK_CLOCKS)?;
            for frame in self.session.take_frames() {
                let queue = usize::from(frame.bytes[STREAM_BYTE]);
                let expected = &self.frames[queue];
                ensure!(
                    frame.bytes == expected[self.next[queue] % expected.len()],
                    "frame {} of transmit queue {queue} is wrong",
                    self.next[queue]
                );
                self.next[queue] += 1;
                self.sent[queue] += frame.bytes.len() as u64;
                sent += frame.bytes.len() as u64;
            }
        }
        Ok(())
    }

    /// Bytes of each queue while all send `bytes` together.
    fn shares(&mut self, busy: &[usize], bytes: u64) -> Result<[u64; TX_QUEUES]> {
        self.run(busy, |sent, _| sent >= WARM_BYTES)?;
        let before = self.bytes()?;
        self.run(busy, |sent, _| sent >= bytes)?;
        let after = self.bytes()?;
        Ok(std::array::from_fn(|queue| after[queue] - before[queue]))
    }

    fn weights(&mut self, weights: [u8; TX_QUEUES]) -> Result<()> {
        let mut port = RegisterPort(&mut self.session.device);
        (0..)
            .zip(weights)
            .try_for_each(|(number, weight)| set_weight(&mut port, number, weight))
    }
}

/// Fails unless each part of the whole is as expected, within `tolerance` of it or of the whole.
fn check(found: [u64; TX_QUEUES], expected: [f64; TX_QUEUES], tolerance: f64, what: &str) {
    let total: u64 = found.iter().sum();
    let shares = found.map(|bytes| bytes as f64 / total as f64);
    println!(
        "{what}: {}",
        shares.map(|share| format!("{:.2} %", 100.0 * share)).join(", ")
    );
    for (share, expected) in shares.into_iter().zip(expected) {
        assert!(
            (share / expected - 1.0).abs() <= tolerance,
            "{what}: a queue got {:.2} % instead of {:.2} %",
            100.0 * share,
            100.0 * expected
        );
    }
}

#[test]
fn four_processes_in_four_formats_share_by_weight_and_rate() {
    let mut traffic = Traffic::new().unwrap();
    let all = [0, 1, 2, 3];

    let equal = traffic.shares(&all, 3_000_000).unwrap();
    // the figure is 2 points of the whole, so 8 % of a quarter
    check(equal, [0.25; TX_QUEUES], 0.08, "equal weights");

    traffic.weights([1, 2, 4, 8]).unwrap();
    let weighted = traffic.shares(&all, 3_000_000).unwrap();
    check(
        weighted,
        [1.0, 2.0, 4.0, 8.0].map(|weight: f64| weight / 15.0),
        0.05,
        "weights 1:2:4:8",
    );

    // Queues without work leave their share to the others.
    traffic.session.wait_all().unwrap();
    let two = traffic.shares(&[1, 3], 1_000_000).unwrap();
    assert_eq!((two[0], two[2]), (0, 0));
    assert!(
        (two[1] as f64 / (two[1] + two[3]) as f64 - 0.2).abs() <= 0.01,
        "{two:?}"
    );

    // 1.5 bytes a clock for queue 1, with a millisecond of 2,000 clocks; the others take what is left.
    traffic.weights([1; TX_QUEUES]).unwrap();
    let port = &mut RegisterPort(&mut traffic.session.device);
    set_clock_khz(port, 2000).unwrap();
    set_rate(port, 1, 3000).unwrap();
    traffic.run(&all, |_, clocks| clocks >= 60_000).unwrap();
    let (before, start) = (traffic.bytes().unwrap(), traffic.session.device.clock());
    traffic.run(&all, |_, clocks| clocks >= 400_000).unwrap();
    let (after, end) = (traffic.bytes().unwrap(), traffic.session.device.clock());
    let rate = (after[1] - before[1]) as f64 / (end - start) as f64;
    println!("limit of 1.5 bytes a clock: {rate:.4}");
    assert!(
        (rate / 1.5 - 1.0).abs() <= 0.02,
        "{rate:.4} bytes a clock instead of 1.5"
    );
    let rest: Vec<u64> = [0, 2, 3].map(|queue| after[queue] - before[queue]).to_vec();
    let whole = (after.iter().sum::<u64>() - before.iter().sum::<u64>()) as f64 / (end - start) as f64;
    println!("the others: {rest:?}, all together {whole:.2} bytes a clock");
    assert!(rest.iter().all(|bytes| *bytes > after[1] - before[1]), "{rest:?}");
}
