//! The on-chip memory: random bursts, writes and bridge accesses against a plain array, and its speed.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use segwalk_hdl::board::memory::AxiRam;
use segwalk_sim::verilated::{Dut, Model, Port, Spec};
use std::collections::{HashMap, VecDeque};

const BYTES: u32 = 6 * 1024;

fn model() -> Model {
    let verilog = segwalk_hdl::emit::verilog(&mut AxiRam::new(BYTES), "memory").unwrap();
    Model::build(&Spec {
        top: "memory",
        verilog: &verilog,
        ..Default::default()
    })
    .unwrap()
}

struct Bench {
    dut: Dut,
    ports: HashMap<&'static str, Port>,
}

impl Bench {
    fn new(model: &Model) -> Self {
        let dut = model.instance().unwrap();
        let names = [
            "reset",
            "arid",
            "araddr",
            "arlen",
            "arvalid",
            "arready",
            "rid",
            "rdata",
            "rresp",
            "rlast",
            "rvalid",
            "rready",
            "awaddr",
            "awid",
            "awvalid",
            "awready",
            "wdata",
            "wstrb",
            "wlast",
            "wvalid",
            "wready",
            "bid",
            "bresp",
            "bvalid",
            "bready",
            "bridge_valid",
            "bridge_write",
            "bridge_addr",
            "bridge_write_data",
            "bridge_done",
            "bridge_read_data",
        ];
        let ports = names.into_iter().map(|name| (name, dut.port(name).unwrap())).collect();
        let mut bench = Self { dut, ports };
        bench.set("reset", 1);
        bench.dut.tick();
        bench.set("reset", 0);
        bench
    }

    fn set(&mut self, name: &str, value: u64) {
        self.dut.set(self.ports[name], value);
    }

    fn get(&self, name: &str) -> u64 {
        self.dut.get(self.ports[name])
    }
}

fn word(bytes: &[u8], word: u64) -> Option<u64> {
    let at = 8 * word as usize;
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().unwrap()))
}

/// Reads and writes go to separate halves, so that their order does not matter; the bridge goes everywhere between them.
#[test]
fn random_accesses_are_those_of_an_array() {
    let seed: u64 = std::env::var("SEGWALK_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    println!("SEGWALK_SEED={seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut bench = Bench::new(&model());
    let mut bytes = vec![0u8; BYTES as usize];
    // fill through the bridge
    for at in 0..BYTES {
        bytes[at as usize] = random.gen();
        bridge(&mut bench, u64::from(at), Some(bytes[at as usize]));
    }
    let half = u64::from(BYTES) / 16;
    let mut reads: VecDeque<(u64, u64, u64)> = VecDeque::new();
    let mut writes: VecDeque<u64> = VecDeque::new();
    let (mut read, mut write, mut beat) = (None, None, None);
    let (mut beats, mut errors) = (0, 0);
    for _ in 0..60_000 {
        if read.is_none() && random.gen_range(0..2) == 0 {
            let at = if random.gen_range(0..20) == 0 {
                2 * half - 3
            } else {
                random.gen_range(0..half)
            };
            let beats = random.gen_range(0..=(20u64).min(if at < half { half - at - 1 } else { 20 }));
            read = Some((random.gen_range(0..16), at, beats));
        }
        if write.is_none() && beat.is_none() && writes.len() < 2 && random.gen_range(0..4) == 0 {
            let at = if random.gen_range(0..20) == 0 {
                2 * half + 1
            } else {
                random.gen_range(half..2 * half - 3)
            };
            write = Some((random.gen_range(0..16u64), at));
            beat = Some((at, random.gen::<u64>(), random.gen::<u8>()));
        }
        let (id, at, beats_minus_1) = read.unwrap_or_default();
        bench.set("arvalid", u64::from(read.is_some()));
        bench.set("arid", id);
        bench.set("araddr", at * 8);
        bench.set("arlen", beats_minus_1);
        let (write_id, write_at) = write.unwrap_or_default();
        bench.set("awvalid", u64::from(write.is_some()));
        bench.set("awid", write_id);
        bench.set("awaddr", write_at * 8);
        let (_, data, strobe) = beat.unwrap_or_default();
        bench.set("wvalid", u64::from(beat.is_some()));
        bench.set("wdata", data);
        bench.set("wstrb", u64::from(strobe));
        bench.set("wlast", 1);
        bench.set("rready", u64::from(random.gen_range(0..4) > 0));
        bench.set("bready", u64::from(random.gen_range(0..4) > 0));
        bench.dut.eval();
        if read.is_some() && bench.get("arready") != 0 {
            reads.extend((0..=beats_minus_1).map(|ix| (id, at + ix, u64::from(ix == beats_minus_1))));
            read = None;
        }
        if write.is_some() && bench.get("awready") != 0 {
            writes.push_back(write_id);
            write = None;
        }
        if let Some((at, data, strobe)) = beat.filter(|_| bench.get("wready") != 0) {
            for lane in (0..8).filter(|lane| strobe >> lane & 1 != 0) {
                if let Some(byte) = bytes.get_mut(8 * at as usize + lane) {
                    *byte = data.to_le_bytes()[lane];
                }
            }
            errors += u64::from(at >= 2 * half);
            beat = None;
        }
        if bench.get("rvalid") != 0 && bench.get("rready") != 0 {
            let (id, at, last) = reads.pop_front().expect("a beat that was asked for");
            assert_eq!((bench.get("rid"), bench.get("rlast")), (id, last));
            match word(&bytes, at) {
                Some(data) => assert_eq!((bench.get("rresp"), bench.get("rdata")), (0, data), "word {at}"),
                None => assert_eq!(bench.get("rresp"), 3, "word {at}"),
            }
            beats += 1;
        }
        if bench.get("bvalid") != 0 && bench.get("bready") != 0 {
            assert_eq!(bench.get("bid"), writes.pop_front().unwrap());
            errors -= u64::from(bench.get("bresp") == 3);
        }
        bench.dut.tick();
    }
    assert!(beats > 20_000, "{beats} beats");
    assert!(
        errors <= 1,
        "{errors} writes beyond the memory were acknowledged as good"
    );
    for name in ["arvalid", "awvalid", "wvalid"] {
        bench.set(name, 0);
    }
    for at in 0..BYTES {
        assert_eq!(bridge(&mut bench, u64::from(at), None), bytes[at as usize], "byte {at}");
    }
}

/// One access of the bridge; the byte read.
fn bridge(bench: &mut Bench, at: u64, write: Option<u8>) -> u8 {
    bench.set("bridge_valid", 1);
    bench.set("bridge_write", u64::from(write.is_some()));
    bench.set("bridge_addr", at);
    bench.set("bridge_write_data", u64::from(write.unwrap_or_default()));
    for _ in 0..100 {
        bench.dut.eval();
        if bench.get("bridge_done") != 0 {
            let byte = bench.get("bridge_read_data") as u8;
            bench.dut.tick();
            bench.set("bridge_valid", 0);
            bench.dut.tick();
            return byte;
        }
        bench.dut.tick();
    }
    panic!("the bridge waits for ever for byte {at}");
}

#[test]
fn bursts_follow_each_other_a_beat_a_clock() {
    let mut bench = Bench::new(&model());
    bench.set("arvalid", 1);
    bench.set("arlen", 7);
    bench.set("rready", 1);
    let mut beats = 0;
    for _ in 0..1000 {
        bench.dut.eval();
        beats += bench.get("rvalid");
        bench.dut.tick();
    }
    assert!(beats >= 990, "{beats} beats in 1000 clocks");
}
