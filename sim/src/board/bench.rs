//! The whole board in Verilator: one call is one clock of the Ethernet side, the UART is sampled on each, the RGMII pins
//! on both edges.

use super::client::Serial;
use crate::ethernet::LineMonitor;
use crate::uart::{LineReader, LineWriter};
use crate::verilated::{Dut, Model, Port, Spec};
use anyhow::{ensure, Result};
use segwalk_hdl::board::data::Board;
use segwalk_hdl::board::emit::{board_simulation, BoardOptions, BOARD};
use std::collections::VecDeque;
use std::time::Duration;

/// A frame on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireFrame {
    /// Without preamble, with FCS.
    pub bytes: Vec<u8>,
    /// Idle byte times in front of it; `u64::MAX` for the first.
    pub gap: u64,
    /// Clock of its end, in byte times.
    pub end: u64,
}

struct Ports {
    clock_in: Port,
    uart_rx: Port,
    uart_tx: Port,
    tx_clk: Port,
    tx_ctl: Port,
    tx_data: Port,
    reset_n: Port,
    eth_reset_n: Port,
    mdc: Port,
    mdio_out: Port,
    mdio_drive: Port,
    mdio_in: Port,
    lights: Port,
}

/// The simulated board.
pub struct BoardBench {
    dut: Dut,
    ports: Ports,
    writer: LineWriter,
    reader: LineReader,
    received: VecDeque<u8>,
    line: LineMonitor,
    /// Frames that left, oldest first.
    pub frames: Vec<WireFrame>,
    /// Ethernet clocks so far.
    pub clock: u64,
    phy: Phy,
}

/// A PHY's management side: registers of address 0.
#[derive(Debug, Default)]
struct Phy {
    mdc: bool,
    shift: u64,
    bits: u32,
    answer: Option<(u32, u32)>,
    registers: [u16; 32],
    level: bool,
}

impl Phy {
    /// A change of the pins (IEEE 802.3, 22.2.4.5): the PHY looks on the rising edge and drives behind it.
    fn pins(&mut self, reset_n: bool, mdc: bool, mdio: bool) {
        let rises = mdc && !self.mdc;
        self.mdc = mdc;
        if !reset_n {
            (self.bits, self.answer) = (0, None);
            return;
        }
        if !rises {
            return;
        }
        if let Some((value, left)) = self.answer {
            self.level = value >> left & 1 != 0;
            self.answer = left.checked_sub(1).map(|left| (value, left));
            return;
        }
        self.level = true;
        self.shift = self.shift << 1 | u64::from(mdio);
        self.bits += 1;
        // 32 ones, 01, read 10 or write 01, address 0, register: 46 bits
        let command = (self.shift & 0x3FFF) as u32;
        if self.bits >= 46 && self.shift >> 14 & 0xFFFF_FFFF == 0xFFFF_FFFF && command >> 12 == 1 {
            let (operation, phy, register) = (command >> 10 & 3, command >> 5 & 31, command & 31);
            if operation == 2 && phy == 0 {
                // turnaround and data
                self.answer = Some((u32::from(self.registers[register as usize]), 16));
                self.bits = 0;
            }
        }
        if self.bits >= 64 && self.shift >> 32 == 0xFFFF_FFFF {
            let frame = self.shift as u32;
            if frame >> 28 == 5 && frame >> 23 & 31 == 0 {
                self.registers[(frame >> 18 & 31) as usize] = frame as u16;
                self.bits = 0;
            }
        }
    }
}

/// Builds the simulation of `board`, or takes it from the cache.
pub fn model(board: &Board, options: &BoardOptions) -> Result<Model> {
    Model::build(&Spec {
        top: BOARD,
        verilog: &board_simulation(board, options)?,
        ..Default::default()
    })
}

/// Options that a simulation wants: the fastest UART, and a PHY that is ready at once.
pub fn fast_options(board: &Board) -> BoardOptions {
    BoardOptions {
        baud: (board.pll.core_hz() / 10) as u32,
        phy_reset_ms: 0,
    }
}

impl BoardBench {
    /// `board` out of reset.
    pub fn new(model: &Model, board: &Board, options: &BoardOptions) -> Result<Self> {
        let dut = model.instance()?;
        let port = |name: &str| dut.port(name);
        let ports = Ports {
            clock_in: port("clock_in")?,
            uart_rx: port("uart_rx")?,
            uart_tx: port("uart_tx")?,
            tx_clk: port("eth_tx_clk")?,
            tx_ctl: port("eth_tx_ctl")?,
            tx_data: port("eth_tx_data")?,
            reset_n: port("reset_n")?,
            eth_reset_n: port("eth_reset_n")?,
            mdc: port("eth_mdc")?,
            mdio_out: port("eth_mdio_out")?,
            mdio_drive: port("eth_mdio_drive")?,
            mdio_in: port("eth_mdio_in")?,
            lights: port("lights")?,
        };
        let bit_clocks = board.pll.tx_hz() as f64 / f64::from(options.baud);
        let mut phy = Phy::default();
        (phy.registers[2], phy.registers[3]) = (0x0022, 0x1622);
        let mut bench = Self {
            dut,
            ports,
            writer: LineWriter::new(bit_clocks),
            reader: LineReader::new(bit_clocks),
            received: VecDeque::new(),
            line: LineMonitor::default(),
            frames: Vec::new(),
            clock: 0,
            phy,
        };
        bench.set_baud_ratio(1.0, board, options);
        bench.dut.set(bench.ports.reset_n, 0);
        // the level before the first edge
        bench.dut.eval();
        for _ in 0..100 {
            bench.step()?;
        }
        bench.dut.set(bench.ports.reset_n, 1);
        for _ in 0..400 {
            bench.step()?;
        }
        Ok(bench)
    }

    /// Makes the PC's bits `ratio` times as long as the board's.
    pub fn set_baud_ratio(&mut self, ratio: f64, board: &Board, options: &BoardOptions) {
        // The board's bit is a whole number of its core's clocks.
        let core_clocks = (board.pll.core_hz() as f64 / f64::from(options.baud)).round();
        let bit_clocks = core_clocks * board.pll.tx_hz() as f64 / board.pll.core_hz() as f64;
        self.writer = LineWriter::new(bit_clocks * ratio);
        self.reader = LineReader::new(bit_clocks * ratio);
    }

    /// One Ethernet clock.
    pub fn step(&mut self) -> Result<()> {
        let level = self.writer.clock();
        self.dut.set(self.ports.uart_rx, u64::from(level));
        let pin = if self.dut.get(self.ports.mdio_drive) != 0 {
            self.dut.get(self.ports.mdio_out) != 0
        } else {
            self.phy.level
        };
        self.dut.set(self.ports.mdio_in, u64::from(pin));
        self.dut.set(self.ports.clock_in, 1);
        self.dut.eval();
        let high = self.half(true)?;
        self.dut.set(self.ports.clock_in, 0);
        self.dut.eval();
        let low = self.half(false)?;
        self.clock += 1;
        ensure!(
            high.is_some() == low.is_some(),
            "TX_CTL differs between the edges of clock {}: the transmitter signals an error",
            self.clock
        );
        let byte = high.zip(low).map(|(high, low)| low << 4 | high);
        if let Some(bytes) = self.line.clock(byte)? {
            self.frames.push(WireFrame {
                bytes,
                gap: self.line.gap_before(),
                end: self.clock,
            });
        }
        if let Some(byte) = self.reader.clock(self.dut.get(self.ports.uart_tx) != 0) {
            self.received.push_back(byte);
        }
        let (reset_n, mdc) = (
            self.dut.get(self.ports.eth_reset_n) != 0,
            self.dut.get(self.ports.mdc) != 0,
        );
        self.phy.pins(reset_n, mdc, pin);
        Ok(())
    }

    /// The nibble on the pins, when it counts.
    fn half(&self, high: bool) -> Result<Option<u8>> {
        ensure!(
            (self.dut.get(self.ports.tx_clk) != 0) == high,
            "TXC does not follow the Ethernet clock at clock {}",
            self.clock
        );
        let counts = self.dut.get(self.ports.tx_ctl) != 0;
        Ok(counts.then(|| self.dut.get(self.ports.tx_data) as u8))
    }

    /// The lights, 1 is on.
    pub fn lights(&self) -> u64 {
        self.dut.get(self.ports.lights)
    }

    /// The PHY's registers.
    pub fn phy_registers(&self) -> &[u16; 32] {
        &self.phy.registers
    }

    /// Bytes that came over the UART.
    pub fn take_received(&mut self) -> Vec<u8> {
        self.received.drain(..).collect()
    }

    /// Puts bytes on the UART.
    pub fn push(&mut self, bytes: &[u8]) {
        self.writer.send(bytes);
    }

    /// Nothing is on its way to the board.
    pub fn is_quiet(&self) -> bool {
        self.writer.is_idle()
    }

    /// Byte times in which the wire was busy.
    pub fn busy_bytes(&self) -> u64 {
        self.line.busy_bytes()
    }
}

/// Clocks of a duration at 125 MHz.
fn clocks(time: Duration) -> u64 {
    (time.as_nanos() / 8) as u64
}

impl Serial for BoardBench {
    fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.push(bytes);
        Ok(())
    }

    fn receive(&mut self, timeout: Duration) -> Result<Option<u8>> {
        // Simulated time is dear: what the board does takes microseconds.
        let mut left = clocks(timeout / 100);
        loop {
            if let Some(byte) = self.received.pop_front() {
                return Ok(Some(byte));
            }
            if self.writer.is_idle() {
                if left == 0 {
                    return Ok(None);
                }
                left -= 1;
            }
            self.step()?;
        }
    }

    fn pause(&mut self, time: Duration) -> Result<()> {
        for _ in 0..clocks(time) {
            self.step()?;
        }
        Ok(())
    }
}
