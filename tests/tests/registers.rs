//! The register block in Verilator: every register of the table, negotiation, queue table, records, counters, resets.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use segwalk_hdl::bus::registers::{map, RegisterBlock};
use segwalk_hdl::mmu::types::DEFAULT_TLB_ENTRIES;
use segwalk_model::refusal::{Class, Refusal};
use segwalk_model::registers::{self as r, feature, status, Access, Register};
use segwalk_sim::verilated::{Dut, Model, Port, Spec};
use std::collections::HashMap;
use std::sync::LazyLock;

const TX_QUEUES: u32 = 4;
/// The port `abort`, which is a function in C.
const ABORT: &str = "__SYM__abort";
/// The byte counters begin here instead of at 0, so that their carry is seen; the test puts it into ROM and RTL. Their low
/// bits are those of the counts beside the store, 17 at most, which begin at 0.
const BYTES_BEFORE_CARRY: u32 = 0xFFFE_0000;

static MODEL: LazyLock<Model> = LazyLock::new(|| {
    let verilog =
        segwalk_hdl::emit::verilog(&mut RegisterBlock::new(TX_QUEUES, DEFAULT_TLB_ENTRIES), "registers").unwrap();
    let byte_counter = 2 * (map::store::COUNTERS + u64::from(r::COUNT_BYTES_LOW.offset / 4 % 16));
    let reset_entry = |value: u32| format!("mem[{byte_counter}] = 36'h{value:09x};");
    let swap = |text: String, from: &str, to: &str| {
        assert_eq!(text.matches(from).count(), 1, "{from}");
        text.replace(from, to)
    };
    let verilog = swap(verilog, &reset_entry(0), &reset_entry(BYTES_BEFORE_CARRY));
    let queue_word = format!(
        "store$write_data = (at_write$q[3:0] == {}) ? {BYTES_BEFORE_CARRY} : 32'h0;",
        map::store::QUEUE_BYTES
    );
    let verilog = swap(verilog, "store$write_data = 32'h0;", &queue_word);
    Model::build(&Spec {
        top: "registers",
        verilog: &verilog,
        ..Default::default()
    })
    .unwrap()
});

fn reset_value(register: &Register) -> u32 {
    match register {
        _ if register.access == Access::WriteOnly => 0,
        _ if [r::COUNT_BYTES_LOW.offset, r::QUEUE_BYTES_LOW.offset].contains(&register.offset) => BYTES_BEFORE_CARRY,
        _ if register.offset == r::DEVICE_FEATURES.offset => feature::OFFERED as u32,
        _ => map::reset_value(register, TX_QUEUES),
    }
}

/// The block and a manager whose channels pause at random; checks that responses stay until they are taken.
struct Bench {
    dut: Dut,
    ports: HashMap<String, Port>,
    random: ChaCha8Rng,
    /// Called with a clock's inputs still to be set, after each clock.
    events: Option<fn(&mut Bench)>,
    tally: HashMap<&'static str, u64>,
    queue_tally: HashMap<(u64, &'static str), u64>,
    /// Bytes since the last frame ended.
    open_bytes: u64,
    now: u64,
    /// Queue and value of the last weight or rate.
    shared: (u64, u64),
    pulses: HashMap<&'static str, u64>,
}

impl Bench {
    fn new() -> Self {
        let seed = std::env::var("SEGWALK_SEED").map_or(1, |seed| seed.parse().expect("SEGWALK_SEED is a number"));
        println!("seed {seed}: SEGWALK_SEED={seed} cargo test -p segwalk-tests --test registers");
        let dut = MODEL.instance().unwrap();
        let ports = dut
            .ports()
            .map(|info| (info.name.to_string(), dut.port(&info.name).unwrap()))
            .collect();
        let random = ChaCha8Rng::seed_from_u64(seed);
        let mut bench = Self {
            dut,
            ports,
            random,
            events: None,
            tally: HashMap::new(),
            queue_tally: HashMap::new(),
            open_bytes: 0,
            now: 0,
            shared: (0, 0),
            pulses: HashMap::new(),
        };
        bench.set("reset", 1);
        bench.clocks(3);
        bench.set("reset", 0);
        bench
    }

    fn set(&mut self, name: &str, value: u64) {
        self.dut.set(self.ports[name], value);
    }

    fn get(&self, name: &str) -> u64 {
        self.dut
            .get(*self.ports.get(name).unwrap_or_else(|| panic!("no port {name}")))
    }

    fn clock(&mut self) {
        let held = ["axil$bvalid", "axil$rvalid"].map(|valid| self.get(valid));
        let ready = ["axil$bready", "axil$rready"].map(|name| self.get(name));
        let data = self.get("axil$rdata");
        if let Some(events) = self.events {
            events(self);
        }
        self.dut.tick();
        self.now += 1;
        for (at, valid) in ["axil$bvalid", "axil$rvalid"].into_iter().enumerate() {
            if held[at] == 1 && ready[at] == 0 && self.get("reset") == 0 {
                assert_eq!(self.get(valid), 1, "{valid} falls without a transfer");
            }
        }
        if held[1] == 1 && ready[1] == 0 && self.get("reset") == 0 {
            assert_eq!(self.get("axil$rdata"), data, "read data changes before it is taken");
        }
        for pulse in [
            "notify_valid",
            "tlb_invalidate",
            "context_write$valid",
            "shares$millisecond",
        ] {
            *self.pulses.entry(pulse).or_default() += self.get(pulse);
        }
        for pulse in ["resume", ABORT, "shares$poll"] {
            *self.pulses.entry(pulse).or_default() += u64::from(self.get(pulse) != 0);
        }
        for pulse in ["shares$weight_write", "shares$rate_write"] {
            if self.get(pulse) == 1 {
                *self.pulses.entry(pulse).or_default() += 1;
                self.shared = (self.get("shares$queue"), self.get("shares$value"));
            }
        }
        for queue in 0..16 {
            assert!(self.get("restart") >> queue & 1 == 0 || self.get("restart") == 1 << queue);
        }
        *self.pulses.entry("restart").or_default() += u64::from(self.get("restart") != 0);
    }

    fn clocks(&mut self, clocks: usize) {
        (0..clocks).for_each(|_| self.clock());
    }

    /// Offers `valid` after a random pause until `ready`.
    fn transfer(&mut self, channels: &[(&str, &str)], answer: (&str, &str)) {
        let mut wait: Vec<u32> = channels.iter().map(|_| self.random.gen_range(0..4)).collect();
        let mut open = vec![true; channels.len()];
        let mut answer_wait = if self.random.gen() {
            0
        } else {
            self.random.gen_range(0..40)
        };
        for _ in 0..2000 {
            let mut moved = vec![false; channels.len()];
            for (at, (valid, ready)) in channels.iter().enumerate() {
                let offered = open[at] && wait[at] == 0;
                self.set(valid, u64::from(offered));
                moved[at] = offered && self.get(ready) == 1;
                wait[at] = wait[at].saturating_sub(1);
            }
            let taken = answer_wait == 0 && self.get(answer.0) == 1;
            self.set(answer.1, u64::from(answer_wait == 0));
            answer_wait = if answer_wait == 0 { 0 } else { answer_wait - 1 };
            if taken {
                assert!(open.iter().all(|open| !open), "an answer before its request");
                self.clock();
                self.set(answer.1, 0);
                return;
            }
            self.clock();
            moved
                .iter()
                .enumerate()
                .filter(|(_, moved)| **moved)
                .for_each(|(at, _)| open[at] = false);
        }
        panic!(
            "an access is not answered within 2000 clocks, state {}",
            self.get("debug")
        );
    }

    fn write_strobed(&mut self, offset: u32, value: u32, strobe: u64) {
        self.set("axil$awaddr", u64::from(offset));
        self.set("axil$wdata", u64::from(value));
        self.set("axil$wstrb", strobe);
        let channels = [("axil$awvalid", "axil$awready"), ("axil$wvalid", "axil$wready")];
        self.transfer(&channels, ("axil$bvalid", "axil$bready"));
        assert_eq!(self.get("axil$bresp"), 0);
    }

    fn write(&mut self, register: &Register, value: u32) {
        self.write_strobed(register.offset.into(), value, 0xF);
    }

    fn read_at(&mut self, offset: u32) -> u32 {
        self.set("axil$araddr", u64::from(offset));
        self.transfer(&[("axil$arvalid", "axil$arready")], ("axil$rvalid", "axil$rready"));
        assert_eq!(self.get("axil$rresp"), 0);
        self.get("axil$rdata") as u32
    }

    fn read(&mut self, register: &Register) -> u32 {
        self.read_at(register.offset.into())
    }

    fn take_pulses(&mut self, name: &'static str) -> u64 {
        self.pulses.insert(name, 0).unwrap_or(0)
    }

    fn select(&mut self, queue: u32) {
        self.write(&r::QUEUE_SEL, queue);
    }

    fn until_zero(&mut self, register: &Register) {
        let reads = (0..10).take_while(|_| self.read(register) != 0).count();
        assert!(reads < 10, "{} stays", register.name);
    }

    fn accept_features(&mut self, features: u64) {
        for word in 0..2 {
            self.write(&r::DRIVER_FEATURES_SEL, word);
            self.write(&r::DRIVER_FEATURES, (features >> (32 * word)) as u32);
        }
        self.write(&r::STATUS, status::ACKNOWLEDGE | status::DRIVER | status::FEATURES_OK);
    }

    /// Ready and running queue `k`.
    fn start_queue(&mut self, queue: u32) {
        self.select(queue);
        self.write(&r::QUEUE_NUM, 256);
        self.write(&r::QUEUE_READY, 1);
    }

    fn drive(&mut self) {
        self.accept_features(feature::OFFERED);
        self.write(
            &r::STATUS,
            status::ACKNOWLEDGE | status::DRIVER | status::FEATURES_OK | status::DRIVER_OK,
        );
    }

    fn device_reset(&mut self) {
        self.write(&r::STATUS, 0);
        assert_eq!(self.get("soft_reset"), 1);
        assert_ne!(
            self.read(&r::STATUS),
            0,
            "a reset that is under way must not read as complete"
        );
        self.set("soft_reset_done", 1);
        self.clock();
        self.set("soft_reset_done", 0);
        assert_eq!(self.get("soft_reset"), 0);
        assert_eq!(self.read(&r::STATUS), 0);
    }

    fn table_word(&mut self, port: &str, queue: u64, word: u64) -> u64 {
        self.set(&format!("{port}$queue"), queue);
        self.set(&format!("{port}$word"), word);
        self.clock();
        self.get(&format!("{port}$data"))
    }
}

fn expect_reset_values(bench: &mut Bench, kept: &[Register]) {
    bench.select(r::tx_queue_index(0));
    for register in r::ALL
        .iter()
        .filter(|register| kept.iter().all(|k| k.offset != register.offset))
    {
        let value = bench.read(register);
        assert_eq!(value, reset_value(register), "{} after reset", register.name);
    }
    for code in 0..u32::from(r::REFUSALS) {
        assert_eq!(
            bench.read_at(u32::from(r::REFUSALS_BASE) + 4 * code),
            0,
            "refusal counter {code}"
        );
    }
}

#[test]
fn every_register_has_its_reset_value_and_nothing_else_is_there() {
    let mut bench = Bench::new();
    expect_reset_values(&mut bench, &[]);
    let refusals = u32::from(r::REFUSALS_BASE)..u32::from(r::REFUSALS_BASE + 4 * r::REFUSALS);
    for offset in (0..r::BLOCK_BYTES).step_by(4) {
        if !refusals.contains(&offset) && r::ALL.iter().all(|register| u32::from(register.offset) != offset) {
            bench.write_strobed(offset, !0, 0xF);
            assert_eq!(bench.read_at(offset), 0, "offset {offset:#x}");
        }
    }
    expect_reset_values(&mut bench, &[]);
    let settings = [
        ("flags_first", r::FLAGS_FIRST),
        ("flags_middle", r::FLAGS_MIDDLE),
        ("flags_last", r::FLAGS_LAST),
    ];
    for (port, register) in settings {
        assert_eq!(bench.get(port), u64::from(register.reset));
    }
}

#[test]
fn registers_keep_what_is_written_in_their_fields_byte_by_byte() {
    let mut bench = Bench::new();
    let plain: Vec<&Register> = r::ALL
        .iter()
        .filter(|register| register.access == Access::ReadWrite && map::source(register) != map::Source::Live)
        .collect();
    assert!(plain.len() >= 11, "{}", plain.len());
    bench.select(r::tx_queue_index(1));
    let mut held: HashMap<u16, u32> = plain
        .iter()
        .map(|register| (register.offset, reset_value(register)))
        .collect();
    for _ in 0..300 {
        let register = plain[bench.random.gen_range(0..plain.len())];
        let (value, strobe): (u32, u64) = (bench.random.gen(), bench.random.gen_range(0..16));
        bench.write_strobed(register.offset.into(), value, strobe);
        let lanes = (0..4)
            .filter(|lane| strobe >> lane & 1 == 1)
            .fold(0, |mask, lane| mask | 0xFFu32 << (8 * lane));
        let word = held.get_mut(&register.offset).unwrap();
        *word = (*word & !lanes | value & lanes) & map::write_mask(register);
        let other = plain[bench.random.gen_range(0..plain.len())];
        for register in [register, other] {
            assert_eq!(bench.read(register), held[&register.offset], "{}", register.name);
        }
    }
    let mac = held[&r::MAC_LOW.offset];
    assert_eq!(bench.read(&r::CONFIG_MAC_LOW), mac);
    let link_up = r::CONFIG_MAC_HIGH_STATUS.field("link_up").mask();
    assert_eq!(
        bench.read(&r::CONFIG_MAC_HIGH_STATUS),
        held[&r::MAC_HIGH.offset] | link_up
    );
    assert_eq!(bench.get("flags_middle"), u64::from(held[&r::FLAGS_MIDDLE.offset]));
    let id_control = u64::from(held[&r::ID_CONTROL.offset]);
    assert_eq!(bench.get("id_fifteen_bits"), id_control & 1);
    assert_eq!(bench.get("id_fixed"), id_control >> 1);
    assert_eq!(bench.get("pad"), u64::from(held[&r::FRAME_CONTROL.offset]));
    let generation = bench.read(&r::CONFIG_GENERATION);
    bench.write(&r::MAC_HIGH, 0x1234);
    assert_ne!(bench.read(&r::CONFIG_GENERATION), generation);

    // Read-only registers do not change, write-only ones read 0.
    let before: Vec<u32> = r::ALL.iter().map(|register| bench.read(register)).collect();
    for register in r::ALL.iter().filter(|register| register.access == Access::ReadOnly) {
        bench.write(register, !0);
    }
    for (register, before) in r::ALL.iter().zip(before) {
        assert_eq!(bench.read(register), before, "{}", register.name);
    }
    // A device reset takes everything back but the MAC address.
    let kept = [
        r::MAC_LOW,
        r::MAC_HIGH,
        r::CONFIG_MAC_LOW,
        r::CONFIG_MAC_HIGH_STATUS,
        r::CONFIG_GENERATION,
    ];
    bench.device_reset();
    expect_reset_values(&mut bench, &kept);
    assert_eq!(bench.read(&r::CONFIG_MAC_LOW), mac);
}

#[test]
fn features_are_negotiated_before_the_driver_runs() {
    let mut bench = Bench::new();
    for (word, bits) in [
        (1, feature::OFFERED >> 32),
        (2, 0),
        (0x8000_0000, 0),
        (0, feature::OFFERED & 0xFFFF_FFFF),
    ] {
        bench.write(&r::DEVICE_FEATURES_SEL, word);
        assert_eq!(u64::from(bench.read(&r::DEVICE_FEATURES)), bits);
    }
    let strange: Vec<u64> = (0..64)
        .map(|bit| 1 << bit)
        .filter(|bit| feature::OFFERED & bit == 0)
        .collect();
    let ok = feature::VERSION_1 | feature::CSUM;
    let refused = [
        0,
        feature::CSUM,
        ok | strange[0],
        ok | strange[strange.len() - 1],
        feature::OFFERED ^ feature::VERSION_1,
    ];
    for features in refused {
        bench.accept_features(features);
        assert_eq!(
            bench.read(&r::STATUS),
            status::ACKNOWLEDGE | status::DRIVER,
            "{features:#x}"
        );
        bench.write(&r::STATUS, status::DRIVER_OK);
        assert_eq!(bench.read(&r::STATUS) & status::DRIVER_OK, 0);
        assert_eq!(bench.get("features"), 0);
    }
    bench.write(&r::DRIVER_FEATURES_SEL, 2);
    bench.write(&r::DRIVER_FEATURES, 1);
    bench.accept_features(ok);
    assert_eq!(
        bench.read(&r::STATUS) & status::FEATURES_OK,
        0,
        "feature bit 64 is not offered"
    );
    let lines = [
        feature::CSUM,
        feature::HOST_TSO4,
        feature::HOST_TSO6,
        feature::HOST_ECN,
        feature::HOST_USO,
    ];
    for choice in 0..32u64 {
        bench.device_reset();
        let chosen = lines.iter().enumerate().filter(|(at, _)| choice >> at & 1 == 1);
        let accepted = chosen.fold(feature::VERSION_1, |bits, (_, bit)| bits | bit);
        bench.accept_features(accepted);
        assert_eq!(
            bench.read(&r::STATUS),
            status::ACKNOWLEDGE | status::DRIVER | status::FEATURES_OK
        );
        assert_eq!(bench.get("features"), choice);
        bench.write(&r::DRIVER_FEATURES, 0);
        bench.accept_features(feature::OFFERED);
        assert_eq!(bench.get("features"), choice, "frozen by FEATURES_OK");
    }
    bench.start_queue(1);
    assert_eq!(bench.get("enabled"), 0, "not before DRIVER_OK");
    bench.drive();
    bench.clocks(2);
    assert_eq!(bench.get("enabled"), 1);
    bench.write(&r::STATUS, 0);
    bench.clocks(2);
    assert_eq!(bench.get("enabled"), 0, "not while the device is reset");
}

#[test]
fn queue_settings_reach_the_table_when_the_queue_is_made_ready() {
    let mut bench = Bench::new();
    let addresses = [
        (r::QUEUE_DESC_LOW, r::QUEUE_DESC_HIGH),
        (r::QUEUE_DRIVER_LOW, r::QUEUE_DRIVER_HIGH),
        (r::QUEUE_DEVICE_LOW, r::QUEUE_DEVICE_HIGH),
    ];
    for round in 0..30u32 {
        let k = bench.random.gen_range(0..TX_QUEUES);
        let queue = r::tx_queue_index(k);
        bench.select(queue);
        assert_eq!(bench.read(&r::QUEUE_NUM_MAX), 32768);
        let words: Vec<u64> = addresses.iter().map(|_| bench.random.gen()).collect();
        for ((low, high), word) in addresses.iter().zip(&words) {
            bench.write(high, (word >> 32) as u32);
            bench.write(low, *word as u32);
        }
        let size = 1u32 << (round % 16);
        let (contexts, mask): (u32, u32) = (bench.random.gen_range(0..2048), bench.random.gen_range(0..65536));
        bench.write(&r::QUEUE_NUM, size);
        bench.write(&r::BIND_CONTEXTS, contexts);
        bench.write(&r::BIND_MASK, mask);
        // Another queue's settings do not mix with these.
        bench.select(queue ^ 2);
        bench.write(&r::QUEUE_NUM, 77);
        bench.write(&r::BIND_MASK, !mask);
        bench.select(queue);
        assert_eq!(
            (bench.read(&r::BIND_CONTEXTS), bench.read(&r::BIND_MASK)),
            (contexts, mask)
        );
        bench.take_pulses("restart");
        bench.write(&r::QUEUE_READY, 1);
        assert_eq!(bench.read(&r::QUEUE_READY), 1);
        assert_eq!(bench.take_pulses("restart"), 1);
        let expected = u64::from(mask) << 32 | u64::from(contexts & 0x1FF) << 16 | u64::from(size);
        // Ready: neither contexts nor addresses change under the engine.
        bench.write(&r::BIND_CONTEXTS, !contexts);
        bench.write(&r::BIND_MASK, !mask);
        bench.write(&r::QUEUE_DESC_LOW, 0);
        bench.write(&r::QUEUE_READY, 1);
        assert_eq!(bench.take_pulses("restart"), 0);
        for port in ["fetch_table", "done_table"] {
            for (at, word) in words.iter().chain([&expected]).enumerate() {
                assert_eq!(
                    bench.table_word(port, k.into(), at as u64),
                    *word,
                    "{port} queue {k} word {at}"
                );
            }
        }
        assert_eq!(bench.get("seed_without_length") >> k & 1, u64::from(contexts >> 9 & 1));
        assert_eq!(bench.get("recoverable") >> k & 1, u64::from(contexts >> 10));
        bench.write(&r::QUEUE_READY, 0);
        bench.until_zero(&r::QUEUE_READY);
    }
    for (size, legal) in [
        (0u32, 0),
        (3, 0),
        (1, 1),
        (0x8000, 1),
        (0xC000, 0),
        (0x1_0000, 0),
        (0x1_0100, 0),
        (0x7FFF, 0),
    ] {
        bench.select(3);
        bench.write(&r::QUEUE_NUM, size);
        bench.write(&r::QUEUE_READY, 1);
        assert_eq!(bench.read(&r::QUEUE_READY), legal, "size {size:#x}");
        bench.write(&r::QUEUE_READY, 0);
        bench.until_zero(&r::QUEUE_READY);
    }
    // Receive queues are there, and nothing comes of them; queues beyond the last one are not there.
    bench.drive();
    bench.take_pulses("restart");
    bench.start_queue(2);
    assert_eq!(bench.read(&r::QUEUE_READY), 1);
    assert_eq!((bench.take_pulses("restart"), bench.get("enabled")), (0, 0));
    for queue in [2 * TX_QUEUES, 2 * TX_QUEUES + 1, 32 + 1, 0x1_0001] {
        bench.start_queue(queue);
        bench.write(&r::BIND_MASK, 5);
        let there = [r::QUEUE_READY, r::QUEUE_NUM_MAX, r::BIND_MASK].map(|register| bench.read(&register));
        assert_eq!(there, [0, 0, 0], "queue {queue}");
    }
    assert_eq!(bench.get("enabled"), 0);
    for k in 0..TX_QUEUES {
        bench.start_queue(r::tx_queue_index(k));
        bench.clocks(2);
        assert_eq!(bench.get("enabled"), (2 << k) - 1);
    }
}

#[test]
fn doorbells_contexts_and_tlb_control_are_single_pulses() {
    let mut bench = Bench::new();
    for value in 0..40 {
        bench.write(&r::QUEUE_NOTIFY, value);
        let expected = u64::from(value % 2 == 1 && value < 2 * TX_QUEUES);
        assert_eq!(bench.take_pulses("notify_valid"), expected, "doorbell of queue {value}");
        if expected == 1 {
            assert_eq!(bench.get("notify_queue"), u64::from(value / 2));
        }
    }
    for beyond in [0, 1] {
        let root = bench.random.gen::<u64>() & 0xFF_FFFF_F000;
        let context = bench.random.gen_range(0..16);
        bench.write(&r::CTX_SELECT, context);
        bench.write(&r::CTX_MODE, r::mode::SV39 | 0x300);
        bench.write(&r::CTX_ROOT_LOW, root as u32 | 0xFFF);
        bench.write(&r::CTX_ROOT_HIGH, (root >> 32) as u32 | beyond << 8);
        assert_eq!(bench.take_pulses("context_write$valid"), 0);
        bench.write(&r::CTX_COMMIT, 0);
        assert_eq!(bench.take_pulses("context_write$valid"), 1);
        let mode = if beyond == 1 { r::mode::OFF } else { r::mode::SV39 };
        let expected = [context.into(), mode.into(), root >> 12, 1, 1];
        let names = ["context", "mode", "root_page", "user_only", "accessed_faults"];
        assert_eq!(names.map(|name| bench.get(&format!("context_write${name}"))), expected);
    }
    bench.write(&r::TLB_CONTROL, 1);
    assert_eq!(bench.take_pulses("tlb_invalidate"), 1);
    bench.set("tlb_invalidating", 1);
    assert_eq!(bench.read(&r::TLB_CONTROL), 1);
    bench.set("tlb_invalidating", 0);
    assert_eq!(bench.read(&r::TLB_CONTROL), 0);
    bench.write(&r::TLB_CONTROL, 0);
    assert_eq!(bench.take_pulses("tlb_invalidate"), 0);
    for kind in 0..3 {
        let (page, context) = (bench.random.gen::<u64>() >> 12, bench.random.gen_range(0..16u32));
        bench.write(&r::TLB_ADDR_LOW, (page << 12) as u32 | 0xABC);
        bench.write(&r::TLB_ADDR_HIGH, (page >> 20) as u32);
        let field = |name: &str, value: u32| r::TLB_CONTROL.field(name).put(value);
        bench.write(
            &r::TLB_CONTROL,
            field("invalidate", 1) | field("kind", kind) | field("context", context),
        );
        assert_eq!(bench.take_pulses("tlb_invalidate"), 1);
        let ports = ["tlb_kind", "tlb_context", "tlb_virt_page"].map(|port| bench.get(port));
        assert_eq!(ports, [kind.into(), context.into(), page]);
    }
}

/// Random events on every input at once, tallied.
fn storm(bench: &mut Bench) {
    let count = |bench: &mut Bench, name: &'static str, value: u64| *bench.tally.entry(name).or_default() += value;
    let count_at = |bench: &mut Bench, queue: u64, name: &'static str, value: u64| {
        *bench.queue_tally.entry((queue, name)).or_default() += value
    };
    let walk = u64::from(bench.random.gen::<bool>());
    bench.set("walk", walk);
    count(bench, "COUNT_WALKS", walk);
    // Frames and chains end every fifth clock at most.
    let even = bench.now % 5 == 0;
    let (frame, chain) = (even && bench.random.gen(), even && bench.random.gen());
    let [sent_queue, done_queue] = [(); 2].map(|()| bench.random.gen_range(0..u64::from(TX_QUEUES)));
    bench.set("sent_frame", frame.into());
    bench.set("sent_queue", sent_queue);
    bench.set("chain_done", chain.into());
    bench.set("done_queue", done_queue);
    count(bench, "COUNT_FRAMES", frame.into());
    count(bench, "COUNT_CHAINS", chain.into());
    count_at(bench, done_queue, "QUEUE_CHAINS", chain.into());
    for (port, name) in [
        ("mmu_fault", "COUNT_FAULTS"),
        ("tlb_hit", "COUNT_TLB_HITS"),
        ("tlb_miss", "COUNT_TLB_MISSES"),
    ] {
        let pulses = bench.random.gen_range(0..4u64);
        bench.set(port, pulses);
        count(bench, name, u64::from(pulses.count_ones()));
    }
    let bytes = bench.random.gen_range(0..9);
    bench.set("sent_bytes", bytes);
    count(bench, "bytes", bytes);
    bench.open_bytes += bytes;
    if frame {
        count_at(bench, sent_queue, "QUEUE_FRAMES", 1);
        let bytes = std::mem::take(&mut bench.open_bytes);
        count_at(bench, sent_queue, "bytes", bytes);
    }
    // Bursts of refusals from three sources, often on the same clock, on average one in 16 clocks.
    for port in ["fetch_ring_error", "done_ring_error", "refused"] {
        let packet = port == "refused";
        let valid = bench.random.gen_ratio(1, if packet { 5 } else { 48 }) && (chain || !packet);
        let class = if packet { Class::Packet } else { Class::Ring };
        let refusals = Refusal::ALL.iter().filter(|refusal| refusal.class() == class);
        let codes: Vec<u8> = refusals
            .map(|refusal| refusal.code())
            .filter(|code| *code < 32)
            .collect();
        let code = u64::from(codes[bench.random.gen_range(0..codes.len())]);
        let queue = if packet {
            done_queue
        } else {
            bench.random.gen_range(0..4)
        };
        bench.set(&format!("{port}$valid"), u64::from(valid));
        bench.set(&format!("{port}$code"), code);
        bench.set(&format!("{port}$queue"), queue);
        if valid {
            let refusal = Refusal::from_code(code as u8).unwrap();
            count(bench, refusal.name(), 1);
            if packet {
                count(bench, "COUNT_REFUSED", 1);
                count_at(bench, queue, "QUEUE_REFUSED", 1);
            }
        }
    }
}

fn calm(bench: &mut Bench) {
    bench.events = None;
    for port in [
        "chain_done",
        "sent_frame",
        "walk",
        "mmu_fault",
        "tlb_hit",
        "tlb_miss",
        "sent_bytes",
    ] {
        bench.set(port, 0);
    }
    for port in ["fetch_ring_error", "done_ring_error", "refused", "fault"] {
        bench.set(&format!("{port}$valid"), 0);
    }
}

#[test]
fn no_event_is_lost_when_they_come_together() {
    let mut bench = Bench::new();
    bench.read(&r::MAGIC_VALUE);
    let (mut last_bytes, mut last_queue_bytes) = (0, 0);
    for round in 0..40 {
        bench.events = Some(storm);
        for _ in 0..bench.random.gen_range(1..12) {
            // Reads under way must not disturb, and the 64-bit counter must not run backwards over its carry.
            let low = u64::from(bench.read(&r::COUNT_BYTES_LOW));
            bench.read(&r::COUNT_TLB_HITS);
            let bytes = u64::from(bench.read(&r::COUNT_BYTES_HIGH)) << 32 | low;
            assert!(bytes > last_bytes, "{bytes:#x} after {last_bytes:#x}");
            last_bytes = bytes;
            bench.write(&r::ERROR_INFO, 0);
            bench.select(r::tx_queue_index(1));
            let low = u64::from(bench.read(&r::QUEUE_BYTES_LOW));
            let bytes = u64::from(bench.read(&r::QUEUE_BYTES_HIGH)) << 32 | low;
            assert!(bytes >= last_queue_bytes, "{bytes:#x} after {last_queue_bytes:#x}");
            last_queue_bytes = bytes;
        }
        bench.clocks(4000);
        calm(&mut bench);
        bench.clocks(round % 3);
        for register in r::ALL.iter().filter(|register| register.name.starts_with("COUNT_")) {
            if let Some(expected) = bench.tally.get(register.name).copied() {
                assert_eq!(u64::from(bench.read(register)), expected, "{}", register.name);
            }
        }
        let low = u64::from(bench.read(&r::COUNT_BYTES_LOW));
        let bytes = u64::from(bench.read(&r::COUNT_BYTES_HIGH)) << 32 | low;
        assert_eq!(bytes, bench.tally["bytes"] + u64::from(BYTES_BEFORE_CARRY));
        let mut carried = bytes >> 32 != 0;
        for (k, queue) in (0..TX_QUEUES).zip(0..) {
            bench.select(r::tx_queue_index(k));
            for register in [r::QUEUE_FRAMES, r::QUEUE_CHAINS, r::QUEUE_REFUSED] {
                let expected = bench.queue_tally.get(&(queue, register.name)).copied().unwrap_or(0);
                assert_eq!(
                    u64::from(bench.read(&register)),
                    expected,
                    "{} of queue {k}",
                    register.name
                );
            }
            let low = u64::from(bench.read(&r::QUEUE_BYTES_LOW));
            let bytes = u64::from(bench.read(&r::QUEUE_BYTES_HIGH)) << 32 | low;
            let expected = bench.queue_tally.get(&(queue, "bytes")).copied().unwrap_or(0);
            assert_eq!(bytes, expected + u64::from(BYTES_BEFORE_CARRY), "bytes of queue {k}");
            carried &= bytes >> 32 != 0;
        }
        assert!(carried || round < 39, "no byte counter may stay below its carry");
        for refusal in Refusal::ALL {
            let expected = bench.tally.get(refusal.name()).copied().unwrap_or(0);
            let counted = bench.read_at(u32::from(r::REFUSALS_BASE) + 4 * u32::from(refusal.code()));
            assert_eq!(u64::from(counted), expected, "{}", refusal.name());
        }
    }
    assert!(
        last_bytes >> 32 == 1 && last_queue_bytes >> 32 == 1,
        "the byte counters passed their carry"
    );
    assert_eq!(
        bench.tally.len(),
        8 + Refusal::ALL.iter().filter(|refusal| refusal.code() < 32).count()
    );
}

#[test]
fn a_ring_error_stops_its_queue_and_only_it() {
    let mut bench = Bench::new();
    bench.drive();
    for k in 0..TX_QUEUES {
        bench.start_queue(r::tx_queue_index(k));
    }
    bench.clocks(2);
    assert_eq!((bench.get("enabled"), bench.get("irq")), (0xF, 0));
    bench.set("fetch_ring_error$valid", 1);
    bench.set("fetch_ring_error$queue", 2);
    bench.set("fetch_ring_error$code", Refusal::ChainLoops.code().into());
    bench.set("done_ring_error$valid", 1);
    bench.set("done_ring_error$queue", 0);
    bench.set("done_ring_error$code", Refusal::RingBusError.code().into());
    bench.set("refused$valid", 1);
    bench.clock();
    calm(&mut bench);
    bench.clocks(4);
    assert_eq!((bench.get("enabled"), bench.get("irq")), (0b1010, 1));
    assert_eq!(bench.read(&r::QUEUES_STOPPED), 0b0101);
    let needs_reset = bench.read(&r::STATUS) & status::DEVICE_NEEDS_RESET;
    assert_eq!(needs_reset, status::DEVICE_NEEDS_RESET);
    let config_change = r::INTERRUPT_STATUS.field("config_change").mask();
    assert_eq!(bench.read(&r::INTERRUPT_STATUS), config_change);
    let info = bench.read(&r::ERROR_INFO);
    let field = |name: &str, value: u32| r::ERROR_INFO.field(name).put(value);
    assert_eq!(
        info,
        field("valid", 1) | field("queue", 2) | field("code", Refusal::ChainLoops.code().into())
    );
    assert_eq!(bench.read(&r::ERROR_HEAD), 0);
    bench.write(&r::ERROR_INFO, 0);
    assert_eq!(bench.read(&r::ERROR_INFO), 0);
    for (queue, head) in [(3, 0xABCD), (1, 0x1111)] {
        bench.set("refused$valid", 1);
        bench.set("refused$queue", queue);
        bench.set("refused$head", head);
        bench.set("refused$code", Refusal::GsoSizeZero.code().into());
        bench.clock();
        calm(&mut bench);
    }
    let expected = field("valid", 1) | field("queue", 3) | field("code", Refusal::GsoSizeZero.code().into());
    assert_eq!(
        (bench.read(&r::ERROR_INFO), bench.read(&r::ERROR_HEAD)),
        (expected, 0xABCD),
        "the first is kept"
    );
    // The interrupt falls when all its reasons are acknowledged, and an event on that clock is not lost.
    bench.set("used_pulse", 1);
    bench.clock();
    bench.set("used_pulse", 0);
    bench.write(&r::INTERRUPT_ACK, config_change);
    assert_eq!((bench.read(&r::INTERRUPT_STATUS), bench.get("irq")), (1, 1));
    bench.events = Some(|bench| bench.set("used_pulse", 1));
    bench.write(&r::INTERRUPT_ACK, 1);
    bench.events = None;
    bench.set("used_pulse", 0);
    assert_eq!(bench.read(&r::INTERRUPT_STATUS), 1);
    bench.write(&r::INTERRUPT_ACK, 3);
    bench.clocks(2);
    assert_eq!((bench.read(&r::INTERRUPT_STATUS), bench.get("irq")), (0, 0));
    // A stopped queue runs again after a device reset.
    bench.device_reset();
    expect_reset_values(&mut bench, &[]);
    bench.drive();
    bench.start_queue(5);
    bench.clocks(2);
    assert_eq!(bench.get("enabled"), 0b0100);
}

#[test]
fn the_first_translation_fault_is_recorded() {
    let mut bench = Bench::new();
    bench.read(&r::MAGIC_VALUE);
    let page = bench.random.gen::<u64>() >> 12;
    for (queue, virt_page) in [(2, page), (1, !page & 0xF_FFFF_FFFF_FFFF)] {
        let record = [
            ("queue", queue),
            ("head", 0x4321),
            ("context", 7),
            ("virt_page", virt_page),
            ("cause", 3),
        ];
        for (name, value) in record {
            bench.set(&format!("fault${name}"), value);
        }
        bench.set("fault$valid", 1);
        bench.clock();
        calm(&mut bench);
    }
    let field = |name: &str, value: u32| r::FAULT_INFO.field(name).put(value);
    let info = field("valid", 1) | field("queue", 2) | field("context", 7) | field("cause", 3);
    let registers = [r::FAULT_INFO, r::FAULT_HEAD, r::FAULT_ADDR_LOW, r::FAULT_ADDR_HIGH];
    let expected = [info, 0x4321, (page << 12) as u32, (page >> 20) as u32];
    assert_eq!(registers.map(|register| bench.read(&register)), expected);
    bench.write(&r::FAULT_INFO, 0);
    assert_eq!(registers.map(|register| bench.read(&register)), [0; 4]);
}

#[test]
fn a_parked_queue_has_a_record_and_is_resumed_or_aborted_once() {
    let mut bench = Bench::new();
    bench.drive();
    for k in 0..TX_QUEUES {
        bench.select(r::tx_queue_index(k));
        bench.write(&r::QUEUE_NUM, 256);
        bench.write(
            &r::BIND_CONTEXTS,
            r::BIND_CONTEXTS.field("recoverable").put(u32::from(k != 3)),
        );
        bench.write(&r::QUEUE_READY, 1);
    }
    assert_eq!(bench.get("recoverable"), 0b0111);
    bench.write(&r::FAULT_INFO, 0);
    let records = [
        r::PARK_INFO,
        r::PARK_HEAD,
        r::PARK_ADDR_LOW,
        r::PARK_ADDR_HIGH,
        r::PARK_BYTES,
        r::PARK_FRAMES,
    ];
    let mut expected = HashMap::new();
    for queue in [2u64, 0, 1] {
        let page = bench.random.gen::<u64>() >> 12;
        let (context, cause) = (bench.random.gen_range(0..16u64), bench.random.gen_range(1..12u64));
        let (head, frames, bytes) = (
            bench.random.gen_range(0..65536u64),
            bench.random.gen_range(0..1u64 << 20),
            bench.random.gen_range(0..1u64 << 20),
        );
        let fault = [
            ("queue", queue),
            ("head", head),
            ("context", context),
            ("virt_page", page),
            ("cause", cause),
        ];
        for (name, value) in fault {
            bench.set(&format!("fault${name}"), value);
        }
        bench.set("fault$valid", 1);
        bench.clock();
        // Faults of queues that are not recoverable are not kept.
        bench.set("fault$queue", 3);
        bench.set("fault$cause", 31);
        bench.clock();
        bench.set("fault$valid", 0);
        bench.select(r::tx_queue_index(queue as u32));
        assert_eq!(records.map(|register| bench.read(&register)), [0; 6], "not parked yet");
        for (name, value) in [
            ("queue", queue),
            ("head", head),
            ("sent_frames", frames),
            ("sent_bytes", bytes),
        ] {
            bench.set(&format!("park${name}"), value);
        }
        bench.set("park$valid", 1);
        bench.clock();
        bench.set("park$valid", 0);
        let info = |name: &str, value: u64| r::PARK_INFO.field(name).put(value as u32);
        let info = info("valid", 1) | info("context", context) | info("cause", cause);
        let record = [
            info,
            head as u32,
            (page << 12) as u32,
            (page >> 20) as u32,
            bytes as u32,
            frames as u32,
        ];
        expected.insert(queue, record);
        let parked = r::INTERRUPT_STATUS.field("queue_parked").mask();
        bench.clocks(4);
        assert_eq!((bench.read(&r::INTERRUPT_STATUS), bench.get("irq")), (parked, 1));
        bench.write(&r::INTERRUPT_ACK, parked);
        bench.clocks(2);
        assert_eq!((bench.read(&r::INTERRUPT_STATUS), bench.get("irq")), (0, 0));
    }
    assert_eq!(bench.read(&r::QUEUES_PARKED), 0b0111);
    for queue in 0..3u64 {
        bench.select(r::tx_queue_index(queue as u32));
        assert_eq!(
            records.map(|register| bench.read(&register)),
            expected[&queue],
            "queue {queue}"
        );
    }
    // Receive queues and queues beyond the last one have no record.
    for queue in [0, 4, 2 * TX_QUEUES + 1, 33] {
        bench.select(queue);
        assert_eq!(
            records.map(|register| bench.read(&register)),
            [0; 6],
            "virtio queue {queue}"
        );
        bench.write(&r::PARK_CONTROL, 1);
    }
    assert_eq!(
        (bench.take_pulses("resume"), bench.read(&r::QUEUES_PARKED)),
        (0, 0b0111)
    );
    // Resume, abort, both at once (abort), neither; each once.
    for (queue, control, pulses) in [
        (0, 1, [1, 0]),
        (1, 3, [0, 1]),
        (0, 1, [0, 0]),
        (2, 0, [0, 0]),
        (2, 2, [0, 1]),
    ] {
        bench.select(r::tx_queue_index(queue));
        bench.write(&r::PARK_CONTROL, control);
        assert_eq!(
            ["resume", ABORT].map(|name| bench.take_pulses(name)),
            pulses,
            "{queue} {control}"
        );
    }
    assert_eq!(bench.read(&r::QUEUES_PARKED), 0);
    // A queue that is switched off is not parked, and does not become so.
    for (ready, parked) in [(1, 0b0010), (0, 0)] {
        bench.select(r::tx_queue_index(1));
        bench.write(&r::QUEUE_READY, ready);
        bench.set("park$queue", 1);
        bench.set("park$valid", 1);
        bench.clock();
        bench.set("park$valid", 0);
        assert_eq!(bench.read(&r::QUEUES_PARKED), parked);
        bench.write(&r::QUEUE_READY, 0);
        assert_eq!(bench.read(&r::QUEUES_PARKED), 0);
        bench.until_zero(&r::QUEUE_READY);
    }
}

/// virtio 1.2, 2.6.1 and 4.2.2: QueueReset reads 1 until the reset is complete, then QueueReady is 0.
#[test]
fn a_queue_is_reset_when_its_last_chain_has_gone() {
    let mut bench = Bench::new();
    bench.accept_features(feature::VERSION_1);
    bench.start_queue(3);
    bench.write(&r::QUEUE_RESET, 1);
    let registers = [r::QUEUE_RESET, r::QUEUE_READY];
    assert_eq!(
        registers.map(|register| bench.read(&register)),
        [0, 1],
        "not negotiated"
    );
    bench.device_reset();
    for (by_reset, negotiated) in [(true, feature::OFFERED), (false, feature::VERSION_1)] {
        bench.device_reset();
        bench.accept_features(negotiated);
        bench.write(&r::STATUS, 15);
        bench.start_queue(3);
        bench.clocks(3);
        assert_eq!(bench.get("enabled"), 0b0010);
        // Two chains announced, one of them handed on to the reader, beside one of another queue.
        let pulse = |bench: &mut Bench, name: &str| {
            bench.set(name, 1);
            bench.clock();
            bench.set(name, 0);
        };
        for _ in 0..3 {
            pulse(&mut bench, "chain_announced");
        }
        for name in ["chain_issued", "chain_walked", "chain_issued", "chain_walked"] {
            pulse(&mut bench, name);
        }
        bench.set("serving", 0b0010);
        let (register, value) = if by_reset {
            (r::QUEUE_RESET, 1)
        } else {
            (r::QUEUE_READY, 0)
        };
        bench.write(&register, value);
        bench.clocks(2);
        assert_eq!((bench.get("enabled"), bench.get("completing")), (0, 0));
        let busy = |bench: &mut Bench, what: &str| {
            bench.clocks(60);
            assert_eq!(registers.map(|r| bench.read(&r)), [u32::from(by_reset), 1], "{what}");
            // It does not become ready meanwhile.
            bench.take_pulses("restart");
            bench.write(&r::QUEUE_READY, 1);
            assert_eq!(bench.take_pulses("restart"), 0);
        };
        busy(&mut bench, "the fetcher holds it");
        bench.set("serving", 0b0100);
        busy(&mut bench, "a chain is walked");
        pulse(&mut bench, "chain_issued");
        pulse(&mut bench, "chain_walked");
        busy(&mut bench, "three chains are under way");
        // Chains of other queues behind it are not waited for.
        pulse(&mut bench, "chain_announced");
        pulse(&mut bench, "chain_issued");
        for _ in 0..2 {
            pulse(&mut bench, "chain_retired");
            busy(&mut bench, "not the last one");
        }
        bench.set("finishing", 0b0010);
        pulse(&mut bench, "chain_retired");
        busy(&mut bench, "its index is being written");
        bench.set("finishing", 0b1000);
        bench.clocks(10);
        assert_eq!(registers.map(|r| bench.read(&r)), [0, 0]);
        // It is used anew.
        bench.write(&r::QUEUE_READY, 1);
        assert_eq!((bench.read(&r::QUEUE_READY), bench.take_pulses("restart")), (1, 1));
        bench.set("serving", 0);
        bench.set("finishing", 0);
        pulse(&mut bench, "chain_walked");
        pulse(&mut bench, "chain_retired");
        // Nothing of it is under way any more: the second look finds it done.
        bench.write(&register, value);
        bench.read(&register);
        assert_eq!(registers.map(|r| bench.read(&r)), [0, 0]);
    }
}

#[test]
fn timers_poll_count_milliseconds_and_hold_interrupts_back() {
    let mut bench = Bench::new();
    let count = |bench: &mut Bench, name: &'static str, clocks: usize| {
        bench.take_pulses(name);
        bench.clocks(clocks);
        bench.take_pulses(name)
    };
    assert_eq!(count(&mut bench, "shares$poll", 2000), 0, "off after reset");
    bench.write(&r::CLOCK_KHZ, 250);
    bench.clocks(300);
    assert_eq!(count(&mut bench, "shares$millisecond", 10_000), 40);
    bench.write(&r::CLOCK_KHZ, 0);
    assert_eq!(count(&mut bench, "shares$millisecond", 1000), 0);
    bench.write(&r::POLL_QUEUES, 0b1010);
    for period in [1, 7, 100] {
        bench.write(&r::POLL_PERIOD, period);
        bench.clocks(101);
        assert_eq!(count(&mut bench, "shares$poll", 7000), 7000 / u64::from(period));
    }
    bench.write(&r::POLL_PERIOD, 0);
    bench.clocks(2);
    assert_eq!(count(&mut bench, "shares$poll", 1000), 0);
    // Weights and rates go to the scheduler with their queue.
    bench.select(r::tx_queue_index(2));
    for (register, pulse, value) in [
        (r::QUEUE_WEIGHT, "shares$weight_write", 8),
        (r::QUEUE_RATE, "shares$rate_write", 123_456),
    ] {
        bench.take_pulses(pulse);
        bench.write(&register, value);
        assert_eq!(bench.take_pulses(pulse), 1);
        assert_eq!(bench.shared, (2, value.into()));
    }
    bench.select(2);
    bench.write(&r::QUEUE_WEIGHT, 5);
    assert_eq!(
        (bench.take_pulses("shares$weight_write"), bench.read(&r::QUEUE_WEIGHT)),
        (0, 0),
        "a receive queue"
    );
    // Coalescing: by chains, by clocks, by whichever comes first.
    let used = |bench: &mut Bench, chains: u64| {
        bench.set("used_chains", chains);
        bench.set("used_pulse", 1);
        bench.clock();
        bench.set("used_pulse", 0);
        bench.clocks(6);
        let irq = bench.get("irq");
        bench.write(&r::INTERRUPT_ACK, 7);
        bench.clocks(2);
        irq
    };
    assert_eq!(used(&mut bench, 1), 1);
    bench.write(&r::COALESCE_COUNT, 10);
    assert_eq!(
        [4, 5, 1, 9, 64, 3].map(|chains| used(&mut bench, chains)),
        [0, 0, 1, 0, 1, 0]
    );
    bench.write(&r::COALESCE_CLOCKS, 500);
    assert_eq!(used(&mut bench, 7), 1, "with the 3 that waited");
    assert_eq!(used(&mut bench, 2), 0);
    let waited = (0..1000).take_while(|_| {
        bench.clock();
        bench.get("irq") == 0
    });
    let waited = waited.count();
    assert!((400..520).contains(&waited), "{waited} clocks");
    bench.write(&r::INTERRUPT_ACK, 7);
    bench.write(&r::COALESCE_COUNT, 0);
    assert_eq!(used(&mut bench, 64), 0, "clocks alone");
    bench.clocks(500);
    assert_eq!(bench.get("irq"), 1);
    bench.write(&r::INTERRUPT_ACK, 7);
    bench.write(&r::COALESCE_CLOCKS, 0);
    assert_eq!(used(&mut bench, 1), 1);
}
