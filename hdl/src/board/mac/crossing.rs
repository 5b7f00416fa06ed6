//! Values that cross from one clock to another.

use rust_hdl::prelude::*;

/// Two registers in a row in the receiving domain. The value must change by at most one bit at a time (a flag, a Gray
/// code).
#[derive(LogicBlock, Default)]
pub struct Synchroniser<D: Synth> {
    /// The receiving clock.
    pub clock: Signal<In, Clock>,
    /// From a register of another clock.
    pub crossing: Signal<In, D>,
    /// The value, two clocks later.
    pub settled: Signal<Out, D>,
    //
    first: DFF<D>,
    second: DFF<D>,
}

impl<D: Synth> Logic for Synchroniser<D> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, first, second);
        self.first.d.next = self.crossing.val();
        self.second.d.next = self.first.q.val();
        self.settled.next = self.second.q.val();
    }
}

/// A counter that another clock may look at: it counts by one and shows a Gray code, which changes by one bit.
#[derive(LogicBlock, Default)]
pub struct GrayCounter<const N: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset.
    pub reset: Signal<In, Bit>,
    /// Count.
    pub step: Signal<In, Bit>,
    /// The count in Gray code, from a register.
    pub gray: Signal<Out, Bits<N>>,
    //
    count: DFF<Bits<N>>,
    code: DFF<Bits<N>>,
    next_count: Signal<Local, Bits<N>>,
}

impl<const N: usize> Logic for GrayCounter<N> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, count, code);
        self.next_count.next = self.count.q.val();
        if self.step.val() {
            self.next_count.next = self.count.q.val() + 1;
        }
        if self.reset.val() {
            self.next_count.next = 0.into();
        }
        self.count.d.next = self.next_count.val();
        self.code.d.next = self.next_count.val() ^ (self.next_count.val() >> 1);
        self.gray.next = self.code.q.val();
    }
}

/// Gray code to binary, registered.
#[derive(LogicBlock, Default)]
pub struct GrayDecoder<const N: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// The code, already in this clock's domain.
    pub gray: Signal<In, Bits<N>>,
    /// The number, one clock later.
    pub count: Signal<Out, Bits<N>>,
    //
    held: DFF<Bits<N>>,
    running: Signal<Local, Bits<N>>,
}

impl<const N: usize> Logic for GrayDecoder<N> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, held);
        self.running.next = self.gray.val();
        for _ix in 1..N {
            self.running.next = (self.running.val() >> 1) ^ self.gray.val();
        }
        self.held.d.next = self.running.val();
        self.count.next = self.held.q.val();
    }
}

/// Block RAM of `2^A` words, written on one clock and read on another; `read_data` shows the word of the last reading
/// clock's `read_addr`. A word must not be read while it is written.
#[derive(LogicBlock)]
pub struct TwoClockRam<D: Synth, const A: usize> {
    /// Writing clock.
    pub write_clock: Signal<In, Clock>,
    /// Word to write.
    pub write_addr: Signal<In, Bits<A>>,
    /// Data to write.
    pub write_data: Signal<In, D>,
    /// Write on this clock.
    pub write_enable: Signal<In, Bit>,
    /// Reading clock.
    pub read_clock: Signal<In, Clock>,
    /// Word to read.
    pub read_addr: Signal<In, Bits<A>>,
    /// The word of the last clock's address.
    pub read_data: Signal<Out, D>,
    _mem: Vec<D>,
}

impl<D: Synth, const A: usize> Default for TwoClockRam<D, A> {
    fn default() -> Self {
        Self {
            write_clock: Default::default(),
            write_addr: Default::default(),
            write_data: Default::default(),
            write_enable: Default::default(),
            read_clock: Default::default(),
            read_addr: Default::default(),
            read_data: Default::default(),
            _mem: vec![D::default(); 1 << A],
        }
    }
}

impl<D: Synth, const A: usize> Logic for TwoClockRam<D, A> {
    fn update(&mut self) {
        if self.read_clock.pos_edge() {
            self.read_data.next = self._mem[self.read_addr.val().index()];
        }
        if self.write_clock.pos_edge() && self.write_enable.val() {
            self._mem[self.write_addr.val().index()] = self.write_data.val();
        }
    }
    fn connect(&mut self) {
        self.read_data.connect();
    }
    fn hdl(&self) -> Verilog {
        Verilog::Custom(format!(
            "(* no_rw_check *) reg [{}:0] mem [0:{}];\n\
             always @(posedge write_clock) if (write_enable) mem[write_addr] <= write_data;\n\
             always @(posedge read_clock) read_data <= mem[read_addr];",
            D::BITS - 1,
            (1usize << A) - 1
        ))
    }
}
