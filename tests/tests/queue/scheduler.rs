//! The scheduler: shares by weight, rates, polling, and a next queue without a pause.

use crate::bench::seed;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use segwalk_hdl::queue::scheduler::{QueueScheduler, QUANTUM};
use segwalk_model::limits::TX_QUEUES;
use segwalk_sim::verilated::{Dut, Model, Port, Spec};
use std::collections::{HashMap, VecDeque};
use std::sync::OnceLock;

fn model() -> &'static Model {
    static MODEL: OnceLock<Model> = OnceLock::new();
    MODEL.get_or_init(|| {
        let verilog = segwalk_hdl::emit::verilog(&mut QueueScheduler::new(TX_QUEUES), "scheduler").unwrap();
        let spec = Spec {
            top: "scheduler",
            verilog: &verilog,
            ..Default::default()
        };
        Model::build(&spec).unwrap()
    })
}

/// A queue whose driver always has more.
#[derive(Clone, Copy)]
struct Source {
    /// Smallest and largest chain.
    bytes: (u64, u64),
    /// Largest payload of a frame; each one after the first costs a header.
    mss: u64,
}

const HEADER_BYTES: u64 = 54;

/// A fetcher that works ahead of the lengths, and a wire of 8 bytes a clock.
struct Bench {
    dut: Dut,
    ports: HashMap<String, Port>,
    random: ChaCha8Rng,
    now: u64,
    sources: Vec<Option<Source>>,
    current: Option<usize>,
    busy_until: u64,
    /// Chains that were announced and not charged: queue, bytes, clock from which they may be.
    ahead: VecDeque<(usize, u64, u64)>,
    ahead_max: usize,
    charged_at: u64,
    /// Chains on the wire: queue, bytes left, bytes of the frame left.
    wire: VecDeque<(usize, u64, u64)>,
    wire_max: usize,
    sent: Vec<u64>,
    idle_clocks: u64,
    takes: Vec<usize>,
}

impl Bench {
    fn new(seed: u64) -> Self {
        let dut = model().instance().unwrap();
        let ports = dut
            .ports()
            .map(|info| (info.name.to_string(), dut.port(&info.name).unwrap()))
            .collect();
        let mut bench = Self {
            dut,
            ports,
            random: ChaCha8Rng::seed_from_u64(seed),
            now: 0,
            sources: vec![None; TX_QUEUES],
            current: None,
            busy_until: 0,
            ahead: VecDeque::new(),
            ahead_max: 16,
            charged_at: 0,
            wire: VecDeque::new(),
            wire_max: 16,
            sent: vec![0; TX_QUEUES],
            idle_clocks: 0,
            takes: Vec::new(),
        };
        bench.set("reset", 1);
        bench.tick();
        bench.set("reset", 0);
        (0..20).for_each(|_| bench.tick());
        bench.set("enabled", (1 << TX_QUEUES) - 1);
        bench
    }

    fn set(&mut self, name: &str, value: u64) {
        self.dut.set(self.ports[name], value);
    }

    fn get(&self, name: &str) -> u64 {
        self.dut.get(self.ports[name])
    }

    fn tick(&mut self) {
        self.dut.tick();
        self.now += 1;
        for pulse in [
            "take",
            "announce",
            "leave",
            "answer",
            "again",
            "charge_valid",
            "extra_valid",
            "notify_valid",
        ] {
            self.set(pulse, 0);
        }
        for pulse in [
            "shares$weight_write",
            "shares$rate_write",
            "shares$millisecond",
            "shares$poll",
        ] {
            self.set(pulse, 0);
        }
    }

    fn share(&mut self, what: &str, queue: usize, value: u64) {
        self.set(&format!("shares${what}_write"), 1);
        self.set("shares$queue", queue as u64);
        self.set("shares$value", value);
        self.tick();
    }

    fn start(&mut self, queue: usize, source: Source) {
        self.sources[queue] = Some(source);
        self.set("notify_valid", 1);
        self.set("notify_queue", queue as u64);
        self.tick();
    }

    /// One clock of fetcher and wire.
    fn clock(&mut self) {
        // The fetcher announces a chain every 14 clocks.
        match self.current {
            None => {
                if self.get("found") == 1 && self.ahead.len() < self.ahead_max {
                    let queue = self.get("offered") as usize;
                    self.set("take", 1);
                    self.takes.push(queue);
                    self.current = Some(queue);
                    self.busy_until = self.now + 14;
                }
            }
            Some(queue) => {
                self.set("current", queue as u64);
                if self.now >= self.busy_until && self.ahead.len() < self.ahead_max {
                    self.busy_until = self.now + 14;
                    match self.sources[queue] {
                        Some(source) if self.get("cancelled") == 0 => {
                            let bytes = self.random.gen_range(source.bytes.0..=source.bytes.1);
                            self.set("announce", 1);
                            self.ahead.push_back((queue, bytes, self.now + 30));
                            if self.get("over") == 1 {
                                self.set("leave", 1);
                                self.current = None;
                            }
                        }
                        _ => {
                            self.set("answer", u64::from(self.sources[queue].is_none()));
                            self.set("leave", 1);
                            self.current = None;
                        }
                    }
                }
            }
        }
        // Lengths become known while there is room behind.
        if let Some(&(queue, bytes, from)) = self.ahead.front() {
            if self.now >= from.max(self.charged_at + 8) && self.wire.len() < self.wire_max {
                self.ahead.pop_front();
                self.charged_at = self.now;
                self.set("charge_valid", 1);
                self.set("charge_queue", queue as u64);
                self.set("charge_bytes", bytes);
                let mss = self.sources[queue].map_or(1448, |source| source.mss);
                let first = bytes.min(mss + HEADER_BYTES);
                self.wire.push_back((queue, bytes - first, first));
            }
        }
        match self.wire.front_mut() {
            None => self.idle_clocks += 1,
            Some((queue, left, frame)) => {
                self.sent[*queue] += (*frame).min(8);
                *frame -= (*frame).min(8);
                if *frame == 0 {
                    let (queue, rest) = (*queue, *left);
                    if rest == 0 {
                        self.wire.pop_front();
                    } else {
                        let mss = self.sources[queue].map_or(1448, |source| source.mss);
                        let payload = rest.min(mss);
                        self.wire[0] = (queue, rest - payload, payload + HEADER_BYTES);
                        self.set("extra_valid", 1);
                        self.set("extra_queue", queue as u64);
                        self.set("extra_bytes", HEADER_BYTES);
                    }
                }
            }
        }
        self.tick();
    }

    /// Shares of the bytes that leave in this many clocks, after a start-up.
    fn shares(&mut self, clocks: u64) -> Vec<f64> {
        (0..clocks / 4).for_each(|_| self.clock());
        self.sent.fill(0);
        (0..clocks).for_each(|_| self.clock());
        let total: u64 = self.sent.iter().sum();
        self.sent.iter().map(|bytes| *bytes as f64 / total as f64).collect()
    }
}

const SHORT: Source = Source {
    bytes: (60, 60),
    mss: 1448,
};
const FULL: Source = Source {
    bytes: (1514, 1514),
    mss: 1448,
};
const SUPER: Source = Source {
    bytes: (65_000, 65_536),
    mss: 1448,
};
const HEADERS: Source = Source {
    bytes: (3_000, 30_000),
    mss: 20,
};
const MIXED: Source = Source {
    bytes: (60, 65_536),
    mss: 536,
};

#[test]
fn equal_weights_share_the_bytes_whatever_the_chains() {
    let cases = [
        [SHORT, FULL, SUPER, HEADERS],
        [SUPER, SUPER, SUPER, SUPER],
        [SUPER, SUPER, SHORT, SHORT],
        [MIXED, HEADERS, MIXED, FULL],
    ];
    for (number, case) in cases.into_iter().enumerate() {
        let mut bench = Bench::new(seed(41_000 + number as u64));
        (0..TX_QUEUES).for_each(|queue| bench.start(queue, case[queue]));
        let shares = bench.shares(3_200_000);
        println!("case {number}: {shares:.4?}, {} clocks idle", bench.idle_clocks);
        assert!(shares.iter().all(|share| (share - 0.25).abs() < 0.01), "{shares:?}");
        // Case 2 is bound by the 14 clocks of a short chain, of which half of the bytes are.
        assert!(number == 2 || bench.idle_clocks < 60_000);
    }
}

#[test]
fn weights_and_rates_are_met() {
    for case in [[SUPER; 4], [SHORT, FULL, SUPER, HEADERS]] {
        let mut bench = Bench::new(seed(42_000));
        for (queue, work) in case.into_iter().enumerate() {
            bench.share("weight", queue, 1 << queue);
            bench.start(queue, work);
        }
        let shares = bench.shares(3_000_000);
        println!("weights 1:2:4:8: {shares:.4?}");
        for (queue, share) in shares.iter().enumerate() {
            let expected = f64::from(1 << queue) / 15.0;
            assert!(
                (share / expected - 1.0).abs() < 0.05,
                "queue {queue}: {share} of {expected}"
            );
        }
    }
    // A queue with a rate, beside three that take what is left. Chains of mixed lengths are taken ahead of their lengths
    // in runs of up to 500 KB, which fall into a window or not: there the mean of six windows counts, and each by itself
    // keeps to 6 %.
    let rates = [
        (FULL, 3_000, 1),
        (SUPER, 20_000, 1),
        (SHORT, 5_000, 1),
        (MIXED, 12_000, 6),
    ];
    for (source, rate, windows) in rates {
        let mut got = 0.0;
        for window in 0..windows {
            let mut bench = Bench::new(seed(43_000 + window));
            let clocks_a_millisecond = 12_000;
            bench.share("rate", 2, rate);
            (0..TX_QUEUES).for_each(|queue| bench.start(queue, if queue == 2 { source } else { FULL }));
            let milliseconds = 250;
            for millisecond in 0..milliseconds + 50 {
                if millisecond == 50 {
                    bench.sent.fill(0);
                }
                bench.set("shares$millisecond", 1);
                (0..clocks_a_millisecond).for_each(|_| bench.clock());
            }
            let sent = bench.sent[2] as f64 / f64::from(milliseconds);
            println!("rate {rate}: {sent:.0} bytes a millisecond");
            assert!(
                (sent / rate as f64 - 1.0).abs() < 0.06,
                "{sent} of {rate} in one window"
            );
            got += sent / windows as f64;
            let all = bench.sent.iter().sum::<u64>() as f64;
            assert!(all > 0.97 * 8.0 * f64::from(milliseconds * clocks_a_millisecond));
        }
        assert!((got / rate as f64 - 1.0).abs() < 0.02, "{got} of {rate}");
    }
}

#[test]
fn polling_is_a_doorbell_and_a_shut_queue_is_left_alone() {
    let mut bench = Bench::new(seed(44_000));
    bench.set("shares$poll", 0b1010);
    bench.tick();
    (0..200).for_each(|_| bench.clock());
    bench.takes.sort_unstable();
    assert_eq!(bench.takes, [1, 3], "nothing found, so not taken again");
    bench.takes.clear();
    bench.set("shut", 0b0010);
    bench.set("shares$poll", 0b1111);
    bench.tick();
    (0..200).for_each(|_| bench.clock());
    bench.takes.sort_unstable();
    assert_eq!(bench.takes, [0, 2, 3]);
    bench.set("shut", 0);
    (0..200).for_each(|_| bench.clock());
    assert_eq!(bench.takes, [0, 2, 3, 1], "its doorbell was kept");
}

#[test]
fn a_queue_alone_goes_on_and_the_next_queue_is_offered_at_once() {
    let mut bench = Bench::new(seed(45_000));
    bench.start(3, SHORT);
    (0..20_000).for_each(|_| bench.clock());
    assert_eq!(bench.takes, [3], "a queue that is alone is not left");
    for queue in 0..3 {
        bench.start(queue, SHORT);
    }
    bench.takes.clear();
    let chains = bench.sent.iter().sum::<u64>() / 60;
    (0..100_000).for_each(|_| bench.clock());
    let chains = bench.sent.iter().sum::<u64>() / 60 - chains;
    let turn = QUANTUM / 60 * 14;
    println!("{chains} chains in 100,000 clocks, {} turns", bench.takes.len());
    assert!(bench.takes.len() as u64 > 100_000 / turn / 2, "turns are short");
    assert!(chains > 100_000 * 97 / 100 / 14, "no pause between two queues");
}
