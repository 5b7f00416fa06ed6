//! Half of the queue table, for one reader.

use rust_hdl::prelude::*;

/// Words that fit distributed RAM at the price of few LUTs; a larger table is a block RAM.
const DISTRIBUTED_WORDS: usize = 32;

/// Four words of 32 bits a transmit queue: `read_data` shows the word of the last clock's `read_addr`. A word must not be
/// read on the clock it is written.
#[derive(LogicBlock)]
pub struct TableRam {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Word to read; beyond the last queue the data is undefined.
    pub read_addr: Signal<In, Bits<6>>,
    /// The word of the last clock's address.
    pub read_data: Signal<Out, Bits<32>>,
    /// Word to write.
    pub write_addr: Signal<In, Bits<6>>,
    /// Data to write.
    pub write_data: Signal<In, Bits<32>>,
    /// Write on this clock.
    pub write_enable: Signal<In, Bit>,
    _address_bits: u32,
    _mem: Vec<Bits<32>>,
}

impl TableRam {
    /// For `tx_queues` transmit queues.
    pub fn new(tx_queues: u32) -> Self {
        let words = (4 * tx_queues.max(4) as usize).next_power_of_two();
        Self {
            clock: Default::default(),
            read_addr: Default::default(),
            read_data: Default::default(),
            write_addr: Default::default(),
            write_data: Default::default(),
            write_enable: Default::default(),
            _address_bits: words.ilog2(),
            _mem: vec![0.into(); words],
        }
    }
}

impl Logic for TableRam {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            let words = self._mem.len();
            self.read_data.next = self._mem[self.read_addr.val().index() % words];
            if self.write_enable.val() {
                self._mem[self.write_addr.val().index() % words] = self.write_data.val();
            }
        }
    }
    fn connect(&mut self) {
        self.read_data.connect();
    }
    fn hdl(&self) -> Verilog {
        let words = self._mem.len();
        let style = if words <= DISTRIBUTED_WORDS {
            "distributed"
        } else {
            "block"
        };
        let last_bit = self._address_bits - 1;
        Verilog::Custom(format!(
            "(* no_rw_check, ram_style = \"{style}\" *) reg [31:0] mem [0:{}];\n\
             always @(posedge clock) begin\n\
             if (write_enable) mem[write_addr[{last_bit}:0]] <= write_data;\n\
             read_data <= mem[read_addr[{last_bit}:0]];\n\
             end",
            words - 1
        ))
    }
}
