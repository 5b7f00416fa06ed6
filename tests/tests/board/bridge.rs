//! The bridge against its model: what it answers and what it does to memory and registers, whatever is on the line.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use segwalk_hdl::board::bridge::Bridge;
use segwalk_model::bridge::{Board, Decoder, Message, Operation, Status, DATA_BYTES_MAX, REGISTER_BYTES, SLIP_END};
use segwalk_sim::uart::{LineReader, LineWriter};
use segwalk_sim::verilated::{Dut, Model, Port, Spec};

const MEMORY_BYTES: u32 = 5000;
const BIT_CLOCKS: u32 = 10;

struct Bench {
    dut: Dut,
    rx: Port,
    tx: Port,
    memory_done: Port,
    memory_read_data: Port,
    register_done: Port,
    register_read_data: Port,
    outputs: Vec<Port>,
    writer: LineWriter,
    reader: LineReader,
    decoder: Decoder,
    memory: Vec<u8>,
    registers: Vec<u32>,
    delay: u32,
}

fn model() -> Model {
    let verilog = segwalk_hdl::emit::verilog(&mut Bridge::new(MEMORY_BYTES, BIT_CLOCKS), "bridge").unwrap();
    Model::build(&Spec {
        top: "bridge",
        verilog: &verilog,
        ..Default::default()
    })
    .unwrap()
}

impl Bench {
    /// The PC's bit time is `ratio` times the board's.
    fn new(model: &Model, ratio: f64) -> Self {
        let dut = model.instance().unwrap();
        let port = |name: &str| dut.port(name).unwrap();
        let outputs = [
            "memory_valid",
            "memory_write",
            "memory_addr",
            "memory_write_data",
            "register_valid",
            "register_write",
            "register_addr",
            "register_write_data",
            "answered",
            "bad_frames",
        ];
        let (reset, rx) = (port("reset"), port("uart_rx"));
        let mut bench = Self {
            rx,
            tx: port("uart_tx"),
            memory_done: port("memory_done"),
            memory_read_data: port("memory_read_data"),
            register_done: port("register_done"),
            register_read_data: port("register_read_data"),
            outputs: outputs.map(port).to_vec(),
            writer: LineWriter::new(f64::from(BIT_CLOCKS) * ratio),
            reader: LineReader::new(f64::from(BIT_CLOCKS) * ratio),
            decoder: Decoder::default(),
            memory: (0..MEMORY_BYTES).map(|at| (at * 37 % 251) as u8).collect(),
            registers: (0..REGISTER_BYTES / 4).map(|at| at.wrapping_mul(0x0101_0101)).collect(),
            delay: 0,
            dut,
        };
        bench.dut.set(rx, 1);
        bench.dut.set(reset, 1);
        bench.dut.tick();
        bench.dut.set(reset, 0);
        bench.dut.tick();
        bench
    }

    fn output(&self, ix: usize) -> u64 {
        self.dut.get(self.outputs[ix])
    }

    /// One clock; a message that the bridge has sent.
    fn clock(&mut self) -> Option<Message> {
        let level = self.writer.clock();
        self.dut.set(self.rx, u64::from(level));
        self.dut.eval();
        let (memory, register) = (self.output(0) != 0, self.output(4) != 0);
        let busy = memory || register;
        // an access takes 1 to 4 clocks
        let done = busy && self.delay == 0;
        self.delay = if done {
            3
        } else {
            self.delay.saturating_sub(u32::from(busy))
        };
        self.dut.set(self.memory_done, u64::from(memory && done));
        self.dut.set(self.register_done, u64::from(register && done));
        if memory && done {
            let at = self.output(2) as usize;
            assert!(
                at < self.memory.len(),
                "the bridge reaches for byte {at} of a memory of {MEMORY_BYTES}"
            );
            if self.output(1) != 0 {
                self.memory[at] = self.output(3) as u8;
            } else {
                self.dut.set(self.memory_read_data, u64::from(self.memory[at]));
            }
        }
        if register && done {
            let at = self.output(6) as usize / 4;
            if self.output(5) != 0 {
                self.registers[at] = self.output(7) as u32;
            } else {
                self.dut.set(self.register_read_data, u64::from(self.registers[at]));
            }
        }
        self.dut.tick();
        self.dut.eval();
        let byte = self.reader.clock(self.dut.get(self.tx) != 0)?;
        self.decoder.byte(byte)
    }

    /// The answer, if one comes before the line has been quiet for a while.
    fn answer(&mut self) -> Option<Message> {
        let longest = 3 * (DATA_BYTES_MAX as u32 + 20) * 10 * BIT_CLOCKS;
        let mut quiet = 0;
        while quiet < longest {
            if let Some(message) = self.clock() {
                return Some(message);
            }
            quiet = if self.writer.is_idle() { quiet + 1 } else { 0 };
        }
        None
    }

    fn pass(&mut self, clocks: u32) {
        for _ in 0..clocks {
            self.clock();
        }
    }
}

fn seed() -> u64 {
    let seed = std::env::var("SEGWALK_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    println!("SEGWALK_SEED={seed}");
    seed
}

/// A request that is mostly right.
fn request(random: &mut ChaCha8Rng) -> Message {
    let kind = if random.gen_range(0..12) == 0 {
        random.gen()
    } else {
        random.gen_range(1..=4)
    };
    let register = kind == Operation::ReadRegister as u8 || kind == Operation::WriteRegister as u8;
    let writes = kind == Operation::WriteMemory as u8 || kind == Operation::WriteRegister as u8;
    let mut count: u16 = match random.gen_range(0..14) {
        0 => 0,
        1 => 257,
        2 => 256,
        3 => random.gen(),
        _ if register => 4,
        _ => random.gen_range(1..40),
    };
    if random.gen_range(0..3) > 0 && register {
        count = 4;
    }
    let room = if register { REGISTER_BYTES } else { MEMORY_BYTES };
    let mut address = match random.gen_range(0..10) {
        0 => room
            .wrapping_sub(u32::from(count))
            .wrapping_add(random.gen_range(0..3))
            .wrapping_sub(1),
        1 => random.gen(),
        _ => random.gen_range(0..room),
    };
    if register && random.gen_range(0..6) > 0 {
        address &= !3;
    }
    let data_bytes = match random.gen_range(0..20) {
        0 => random.gen_range(0..=DATA_BYTES_MAX),
        _ if writes => usize::from(count).min(DATA_BYTES_MAX),
        _ => 0,
    };
    Message {
        kind,
        tag: random.gen(),
        count,
        address,
        data: (0..data_bytes)
            .map(|_| [0xC0, 0xDB, random.gen()][random.gen_range(0..3)])
            .collect(),
    }
}

/// The bridge answers as the model does, to right requests and to wrong ones, with a baud rate that is 2 % off.
#[test]
fn answers_like_the_model() {
    let mut random = ChaCha8Rng::seed_from_u64(seed());
    let model = model();
    for ratio in [1.0, 0.98, 1.02] {
        let mut bench = Bench::new(&model, ratio);
        let (mut memory, registers) = (bench.memory.clone(), std::cell::RefCell::new(bench.registers.clone()));
        for ix in 0..150 {
            let request = request(&mut random);
            let expected = Board {
                memory_bytes: MEMORY_BYTES,
                memory: &mut memory[..],
                read_register: |at| registers.borrow()[at as usize / 4],
                write_register: |at, value| registers.borrow_mut()[at as usize / 4] = value,
            }
            .answer(&request);
            bench.writer.send(&request.encode());
            let got = bench.answer();
            let got = got.unwrap_or_else(|| {
                panic!(
                    "no answer to request {ix}: {request:?}; {} answered, {} bad",
                    bench.output(8),
                    bench.output(9)
                )
            });
            assert_eq!(got, expected, "request {ix}: {request:?}");
            bench.pass(BIT_CLOCKS * 12);
        }
        assert_eq!(bench.memory, memory);
        assert_eq!(bench.registers, *registers.borrow());
        assert_eq!((bench.output(8), bench.output(9)), (150, 0));
        assert_eq!((bench.decoder.bad_frames, bench.reader.broken), (0, 0));
    }
}

/// Garbage of every kind does nothing to memory or registers, and the good command behind it works.
#[test]
fn garbage_does_nothing_and_the_next_good_command_works() {
    let mut random = ChaCha8Rng::seed_from_u64(seed());
    let model = model();
    let mut bench = Bench::new(&model, 1.0);
    for ix in 0..250 {
        let before = (bench.memory.clone(), bench.registers.clone());
        let mut good = request(&mut random);
        (good.kind, good.address) = (Operation::WriteMemory as u8, random.gen_range(0..MEMORY_BYTES - 256));
        good.data = (0..random.gen_range(1..60)).map(|_| random.gen()).collect();
        good.count = good.data.len() as u16;
        let mut garbage = good.encode();
        match random.gen_range(0..5) {
            0 => garbage = (0..random.gen_range(1..700)).map(|_| random.gen()).collect(),
            1 => {
                let bit = random.gen_range(8..8 * garbage.len() - 8);
                garbage[bit / 8] ^= 1 << (bit % 8);
            }
            2 => garbage.truncate(random.gen_range(2..garbage.len() - 1)),
            3 => {
                let at = random.gen_range(1..garbage.len() - 1);
                garbage.remove(at);
            }
            _ => {
                let at = random.gen_range(1..garbage.len() - 1);
                garbage.splice(at..at, (0..random.gen_range(1..600)).map(|_| random.gen()));
            }
        }
        bench.writer.send(&garbage);
        bench.writer.send(&[SLIP_END]);
        if let Some(answer) = bench.answer() {
            assert_ne!(answer.kind, Status::Done as u8, "garbage {ix} was done: {garbage:02x?}");
        }
        if random.gen_range(0..8) == 0 {
            // a spike that is no start bit, and a break that is no byte
            bench.dut.set(bench.rx, 0);
            for _ in 0..random.gen_range(1..400) {
                bench.dut.tick();
            }
            bench.pass(BIT_CLOCKS * 12);
            bench.writer.send(&[SLIP_END]);
        }
        assert!(bench.memory == before.0, "garbage {ix} wrote memory: {garbage:02x?}");
        assert!(
            bench.registers == before.1,
            "garbage {ix} wrote a register: {garbage:02x?}"
        );
        bench.writer.send(&good.encode());
        let answer = bench
            .answer()
            .unwrap_or_else(|| panic!("no answer behind garbage {ix}: {garbage:02x?}"));
        assert_eq!(
            (answer.kind, answer.tag),
            (Status::Done as u8, good.tag),
            "garbage {ix}"
        );
        let at = good.address as usize;
        assert_eq!(bench.memory[at..at + good.data.len()], good.data);
    }
    assert!(bench.output(9) > 150, "{} bad frames counted", bench.output(9));
}
