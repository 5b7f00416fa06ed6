//! Memories that synthesis maps to block RAM and to distributed RAM. Both carry `no_rw_check`: a design that reads an
//! address on the clock it is written must not depend on which value it gets.

use rust_hdl::prelude::*;

/// Simple dual-port block RAM of `2^A` words: `read_data` shows the word of the last clock's `read_addr`. A build may have
/// fewer words; then upper bits of the addresses are left out.
#[derive(LogicBlock)]
pub struct BlockRam<D: Synth, const A: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Word to read; the data is there one clock later.
    pub read_addr: Signal<In, Bits<A>>,
    /// The word of the last clock's address.
    pub read_data: Signal<Out, D>,
    /// Word to write.
    pub write_addr: Signal<In, Bits<A>>,
    /// Data to write.
    pub write_data: Signal<In, D>,
    /// Write on this clock.
    pub write_enable: Signal<In, Bit>,
    _mem: Vec<D>,
    _distributed: bool,
    _address_bits: usize,
    _at: usize,
}

impl<D: Synth, const A: usize> BlockRam<D, A> {
    /// The same with `2^bits` words, at most `2^A`.
    pub fn of_bits(self, bits: usize) -> Self {
        assert!(
            (1..=A).contains(&bits),
            "a memory of 2^{bits} words asked for; the address has {A} bits"
        );
        Self {
            _mem: vec![D::default(); 1 << bits],
            _address_bits: bits,
            ..self
        }
    }

    /// The same with its words in distributed RAM, for small ones. The address has the register, not the data; a word
    /// written while it is read is seen at once.
    pub fn distributed() -> Self {
        Self {
            _distributed: true,
            ..Self::default()
        }
    }
}

impl<D: Synth, const A: usize> Default for BlockRam<D, A> {
    fn default() -> Self {
        Self {
            clock: Default::default(),
            read_addr: Default::default(),
            read_data: Default::default(),
            write_addr: Default::default(),
            write_data: Default::default(),
            write_enable: Default::default(),
            _mem: vec![D::default(); 1 << A],
            _distributed: false,
            _address_bits: A,
            _at: 0,
        }
    }
}

impl<D: Synth, const A: usize> Logic for BlockRam<D, A> {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            let last = self._mem.len() - 1;
            self._at = self.read_addr.val().index() & last;
            if !self._distributed {
                self.read_data.next = self._mem[self._at];
            }
            if self.write_enable.val() {
                self._mem[self.write_addr.val().index() & last] = self.write_data.val();
            }
        }
        if self._distributed {
            self.read_data.next = self._mem[self._at];
        }
    }
    fn connect(&mut self) {
        self.read_data.connect();
    }
    fn hdl(&self) -> Verilog {
        let (data, words, top) = (D::BITS - 1, self._mem.len() - 1, self._address_bits - 1);
        let slice = if self._address_bits < A {
            format!("[{top}:0]")
        } else {
            String::new()
        };
        Verilog::Custom(if self._distributed {
            format!(
                "(* no_rw_check, ram_style = \"distributed\" *) reg [{data}:0] mem [0:{words}];\n\
                 reg [{top}:0] at;\n\
                 wire [{data}:0] word = mem[at];\n\
                 always @(posedge clock) begin\n\
                 if (write_enable) mem[write_addr{slice}] <= write_data;\n\
                 at <= read_addr{slice};\n\
                 end\n\
                 always @(*) read_data = word;"
            )
        } else {
            format!(
                "(* no_rw_check *) reg [{data}:0] mem [0:{words}];\n\
                 always @(posedge clock) begin\n\
                 if (write_enable) mem[write_addr{slice}] <= write_data;\n\
                 read_data <= mem[read_addr{slice}];\n\
                 end"
            )
        })
    }
}

/// Distributed RAM of `2^A` words with a combinational read port; meant for 16 to 64 words.
#[derive(LogicBlock)]
pub struct LutRam<D: Synth, const A: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Word to read.
    pub read_addr: Signal<In, Bits<A>>,
    /// The word, on the same clock.
    pub read_data: Signal<Out, D>,
    /// Word to write.
    pub write_addr: Signal<In, Bits<A>>,
    /// Data to write.
    pub write_data: Signal<In, D>,
    /// Write on this clock.
    pub write_enable: Signal<In, Bit>,
    _mem: Vec<D>,
}

impl<D: Synth, const A: usize> Default for LutRam<D, A> {
    fn default() -> Self {
        Self {
            clock: Default::default(),
            read_addr: Default::default(),
            read_data: Default::default(),
            write_addr: Default::default(),
            write_data: Default::default(),
            write_enable: Default::default(),
            _mem: vec![D::default(); 1 << A],
        }
    }
}

impl<D: Synth, const A: usize> Logic for LutRam<D, A> {
    fn update(&mut self) {
        if self.clock.pos_edge() && self.write_enable.val() {
            self._mem[self.write_addr.val().index()] = self.write_data.val();
        }
        self.read_data.next = self._mem[self.read_addr.val().index()];
    }
    fn connect(&mut self) {
        self.read_data.connect();
    }
    fn hdl(&self) -> Verilog {
        // A continuous read in an always block: outputs of a custom body are `reg`.
        Verilog::Custom(format!(
            "(* no_rw_check, ram_style = \"distributed\" *) reg [{}:0] mem [0:{}];\n\
             wire [{}:0] word = mem[read_addr];\n\
             always @(posedge clock) if (write_enable) mem[write_addr] <= write_data;\n\
             always @(*) read_data = word;",
            D::BITS - 1,
            (1usize << A) - 1,
            D::BITS - 1,
        ))
    }
}
