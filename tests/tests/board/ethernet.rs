//! The Ethernet transmitter: frames come out with preamble, padding and a right FCS, with exactly the gap between them
//! when there is more to send, whatever the two clocks and the stalls of the writer.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use segwalk_hdl::board::mac::ethernet::Ethernet;
use segwalk_hdl::board::mac::transmitter::{GAP_BYTES, SHORTEST_FRAME_BYTES};
use segwalk_sim::ethernet::{fcs, LineMonitor};
use segwalk_sim::verilated::{Dut, Model, Port, Spec};

struct Bench {
    dut: Dut,
    ports: Ports,
    line: LineMonitor,
    frames: Vec<(u64, Vec<u8>)>,
    // picoseconds
    now: u64,
    next_core: u64,
    next_line: u64,
    core_period: u64,
    line_period: u64,
}

struct Ports {
    reset: Port,
    tx_clock: Port,
    tx_reset: Port,
    tvalid: Port,
    tready: Port,
    tdata: Port,
    tkeep: Port,
    tlast: Port,
    tx_data: Port,
    tx_enable: Port,
    sent: Port,
    dropped: Port,
}

fn model() -> Model {
    let verilog = segwalk_hdl::emit::verilog(&mut Ethernet::<7, 8>::default(), "ethernet").unwrap();
    Model::build(&Spec {
        top: "ethernet",
        verilog: &verilog,
        ..Default::default()
    })
    .unwrap()
}

impl Bench {
    fn new(model: &Model, core_period: u64, line_period: u64) -> Self {
        let dut = model.instance().unwrap();
        let port = |name: &str| dut.port(name).unwrap();
        let ports = Ports {
            reset: port("reset"),
            tx_clock: port("tx_clock"),
            tx_reset: port("tx_reset"),
            tvalid: port("frames$tvalid"),
            tready: port("frames$tready"),
            tdata: port("frames$tdata"),
            tkeep: port("frames$tkeep"),
            tlast: port("frames$tlast"),
            tx_data: port("tx_data"),
            tx_enable: port("tx_enable"),
            sent: port("sent"),
            dropped: port("dropped"),
        };
        let mut bench = Self {
            dut,
            ports,
            line: LineMonitor::default(),
            frames: Vec::new(),
            now: 0,
            next_core: core_period,
            next_line: line_period / 2,
            core_period,
            line_period,
        };
        bench.dut.set(bench.ports.reset, 1);
        bench.dut.set(bench.ports.tx_reset, 1);
        for _ in 0..8 {
            bench.core_clock();
        }
        bench.dut.set(bench.ports.reset, 0);
        bench.dut.set(bench.ports.tx_reset, 0);
        for _ in 0..8 {
            bench.core_clock();
        }
        bench
    }

    /// One core clock, and the line's clocks that fall before it.
    fn core_clock(&mut self) {
        while self.next_line <= self.next_core {
            self.now = self.next_line;
            self.next_line += self.line_period;
            self.dut.eval();
            let (enable, byte) = (
                self.dut.get(self.ports.tx_enable) != 0,
                self.dut.get(self.ports.tx_data) as u8,
            );
            if let Some(frame) = self.line.clock(enable.then_some(byte)).unwrap() {
                self.frames.push((self.line.gap_before(), frame));
            }
            self.dut.set(self.ports.tx_clock, 1);
            self.dut.eval();
            self.dut.set(self.ports.tx_clock, 0);
            self.dut.eval();
        }
        self.now = self.next_core;
        self.next_core += self.core_period;
        self.dut.tick();
    }

    /// Offers a beat until it is taken.
    fn beat(&mut self, bytes: &[u8], last: bool) {
        let mut word = [0u8; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        self.dut.set(self.ports.tvalid, 1);
        self.dut.set(self.ports.tdata, u64::from_le_bytes(word));
        self.dut.set(self.ports.tkeep, (1 << bytes.len()) - 1);
        self.dut.set(self.ports.tlast, u64::from(last));
        loop {
            self.dut.eval();
            let ready = self.dut.get(self.ports.tready) != 0;
            self.core_clock();
            if ready {
                break;
            }
        }
        self.dut.set(self.ports.tvalid, 0);
    }

    fn send(&mut self, frame: &[u8], pause: impl Fn() -> u32) {
        let beats = frame.len().div_ceil(8);
        for (ix, bytes) in frame.chunks(8).enumerate() {
            for _ in 0..pause() {
                self.core_clock();
            }
            self.beat(bytes, ix + 1 == beats);
        }
    }

    fn drain(&mut self) {
        for _ in 0..6000 {
            self.core_clock();
        }
    }
}

fn padded(frame: &[u8]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    frame.resize(frame.len().max(SHORTEST_FRAME_BYTES as usize), 0);
    let fcs = fcs(&frame);
    frame.extend(fcs.to_le_bytes());
    frame
}

#[test]
fn random_frames_arrive_whole_with_their_fcs_under_any_two_clocks() {
    let seed: u64 = std::env::var("SEGWALK_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    println!("SEGWALK_SEED={seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let model = model();
    for (core_period, line_period) in [
        (16_000, 8_000),
        (8_000, 8_000),
        (6_400, 8_000),
        (7_993, 8_000),
        (20_011, 8_000),
    ] {
        let mut bench = Bench::new(&model, core_period, line_period);
        let frames: Vec<Vec<u8>> = (0..150)
            .map(|_| {
                let bytes = match random.gen_range(0..4) {
                    0 => random.gen_range(14..=17),
                    1 => random.gen_range(57..=68),
                    _ => random.gen_range(14..=960),
                };
                (0..bytes).map(|_| random.gen()).collect()
            })
            .collect();
        for frame in &frames {
            let slow = random.gen_range(0..4) == 0;
            let salt = random.gen::<u64>();
            bench.send(frame, || if slow { (salt % 13) as u32 } else { 0 });
            if random.gen_range(0..8) == 0 {
                bench.drain();
            }
        }
        bench.drain();
        assert_eq!(bench.frames.len(), frames.len());
        for (ix, ((gap, got), frame)) in bench.frames.iter().zip(&frames).enumerate() {
            assert_eq!(*got, padded(frame), "frame {ix} of {} bytes", frame.len());
            assert!(
                *gap >= GAP_BYTES,
                "frame {ix} came {gap} byte times behind the one before"
            );
        }
        assert_eq!(bench.dut.get(bench.ports.sent), frames.len() as u64);
        assert_eq!(bench.dut.get(bench.ports.dropped), 0);
    }
}

#[test]
fn frames_that_wait_follow_after_exactly_the_gap() {
    let mut bench = Bench::new(&model(), 8_000, 8_000);
    let frames: Vec<Vec<u8>> = (0..12).map(|ix| vec![ix; if ix % 3 == 0 { 60 } else { 500 }]).collect();
    for frame in &frames {
        bench.send(frame, || 0);
    }
    bench.drain();
    assert_eq!(bench.frames.len(), frames.len());
    for (gap, _) in &bench.frames[2..] {
        assert_eq!(*gap, GAP_BYTES);
    }
}

#[test]
fn a_frame_longer_than_the_queue_is_dropped_and_counted_and_the_next_is_whole() {
    let mut bench = Bench::new(&model(), 8_000, 8_000);
    for ix in 0..10u8 {
        bench.send(&[ix; 700], || 0);
        bench.send(&[0xEE; 5000], || 0);
        bench.send(&[0x80 | ix; 100], || 0);
    }
    bench.drain();
    let got: Vec<usize> = bench.frames.iter().map(|(_, frame)| frame.len()).collect();
    assert_eq!(got, [704, 104].repeat(10));
    for (ix, (_, frame)) in bench.frames.iter().enumerate() {
        assert_eq!(
            *frame,
            padded(&vec![[0, 0x80][ix % 2] | (ix / 2) as u8; frame.len() - 4])
        );
    }
    assert_eq!(bench.dut.get(bench.ports.dropped), 10);
    assert_eq!(bench.dut.get(bench.ports.sent), 20);
}
