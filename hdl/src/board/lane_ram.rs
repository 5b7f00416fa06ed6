//! Block RAM of 64-bit words with byte enables, of any number of words.

use rust_hdl::prelude::*;

/// Address bits of a word: up to 2 MiB.
pub const WORD_BITS: usize = 18;

/// A byte lane for each byte of a word, so that a byte enable is a lane's write enable. `read_data` shows the word of two
/// clocks ago: the second register takes the multiplexer between blocks out of the reader's path. A word must not be
/// read on the clock it is written.
#[derive(LogicBlock)]
pub struct LaneRam {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Word to read.
    pub read_addr: Signal<In, Bits<18>>,
    /// The word, two clocks later.
    pub read_data: Signal<Out, Bits<64>>,
    /// Word to write.
    pub write_addr: Signal<In, Bits<18>>,
    /// Data to write.
    pub write_data: Signal<In, Bits<64>>,
    /// Bytes to write on this clock.
    pub write_enable: Signal<In, Bits<8>>,
    _mem: Vec<u64>,
    _first: u64,
}

impl LaneRam {
    /// A memory of `words` words.
    pub fn new(words: usize) -> Self {
        assert!(
            (1..=1 << WORD_BITS).contains(&words),
            "a memory of {words} words asked for; {} is the most",
            1 << WORD_BITS
        );
        Self {
            clock: Default::default(),
            read_addr: Default::default(),
            read_data: Default::default(),
            write_addr: Default::default(),
            write_data: Default::default(),
            write_enable: Default::default(),
            _mem: vec![0; words],
            _first: 0,
        }
    }
}

impl Default for LaneRam {
    fn default() -> Self {
        Self::new(8192)
    }
}

impl Logic for LaneRam {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self.read_data.next = self._first.to_bits();
            self._first = self._mem.get(self.read_addr.val().index()).copied().unwrap_or(0);
            if let Some(word) = self._mem.get_mut(self.write_addr.val().index()) {
                for lane in 0..8 {
                    if self.write_enable.val().get_bit(lane) {
                        let mask = 0xFFu64 << (8 * lane);
                        *word = (*word & !mask) | (self.write_data.val().to_u64() & mask);
                    }
                }
            }
        }
    }
    fn connect(&mut self) {
        self.read_data.connect();
    }
    fn hdl(&self) -> Verilog {
        let words = self._mem.len();
        let address_bits = (usize::BITS - (words - 1).leading_zeros()).max(1);
        let lanes: String = (0..8)
            .map(|lane| {
                let (low, high) = (8 * lane, 8 * lane + 7);
                format!(
                    "(* no_rw_check *) reg [7:0] lane{lane} [0:{last}];\n\
                     reg [7:0] read{lane};\n\
                     always @(posedge clock) begin\n\
                     if (write_enable[{lane}]) lane{lane}[write_addr[{top}:0]] <= write_data[{high}:{low}];\n\
                     read{lane} <= lane{lane}[read_addr[{top}:0]];\n\
                     read_data[{high}:{low}] <= read{lane};\n\
                     end\n",
                    last = words - 1,
                    top = address_bits - 1,
                )
            })
            .collect();
        Verilog::Custom(lanes)
    }
}
