//! The UART: 8 data bits, no parity, one stop bit.

use crate::board::mac::crossing::Synchroniser;
use rust_hdl::prelude::*;

#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
enum UartInState {
    Idle,
    Start,
    Data,
    Stop,
}

logic_block! {
    /// Receives bytes. Each is sampled in the middle of its bits, counted from its own start bit, so the two clocks may
    /// differ by 4 %.
    pub struct UartReceiver {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        /// The line, not synchronised.
        pub line: Signal<In, Bit>,
        /// A byte is here; a pulse.
        pub valid: Signal<Out, Bit>,
        /// The byte.
        pub data: Signal<Out, Bits<8>>,
        /// A byte without a stop bit was dropped; a pulse.
        pub broken: Signal<Out, Bit>,
        //
        settled: Synchroniser<Bit>,
        state: DFF<UartInState>,
        timer: DFF<Bits<16>>,
        timer_over: DFF<Bit>,
        bit_count: DFF<Bits<3>>,
        shift: DFF<Bits<8>>,
        valid_pulse: DFF<Bit>,
        broken_pulse: DFF<Bit>,
        // 2 below the clocks of a bit: the end of a period is seen from a register
        bit_clocks: Constant<Bits<16>> = Constant::new(6_u64.to_bits()),
        half_clocks: Constant<Bits<16>> = Constant::new(2_u64.to_bits()),
    }
}

impl UartReceiver {
    /// A receiver for bits of `bit_clocks` clocks, at least 8.
    pub fn new(bit_clocks: u32) -> Self {
        check(bit_clocks);
        Self {
            bit_clocks: Constant::new(u64::from(bit_clocks - 2).to_bits()),
            half_clocks: Constant::new(u64::from(bit_clocks / 2 - 2).to_bits()),
            ..Default::default()
        }
    }
}

fn check(bit_clocks: u32) {
    assert!(
        (8..65_536).contains(&bit_clocks),
        "{bit_clocks} clocks a bit asked for; the UART takes 8 to 65535"
    );
}

impl Logic for UartReceiver {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            state,
            timer,
            timer_over,
            bit_count,
            shift,
            valid_pulse,
            broken_pulse
        );
        clock!(self, clock, settled);
        // A line at rest is high; the synchroniser begins with 0.
        self.settled.crossing.next = !self.line.val();
        self.valid.next = self.valid_pulse.q.val();
        self.data.next = self.shift.q.val();
        self.broken.next = self.broken_pulse.q.val();
        self.valid_pulse.d.next = false;
        self.broken_pulse.d.next = false;
        self.timer.d.next = self.timer.q.val() - 1;
        self.timer_over.d.next = self.timer.q.val() == 0;
        if self.timer_over.q.val() {
            self.timer.d.next = self.bit_clocks.val();
            self.timer_over.d.next = false;
        }
        match self.state.q.val() {
            UartInState::Idle => {
                self.timer.d.next = self.half_clocks.val();
                self.timer_over.d.next = false;
                self.bit_count.d.next = 0.into();
                if self.settled.settled.val() {
                    self.state.d.next = UartInState::Start;
                }
            }
            UartInState::Start => {
                if self.timer_over.q.val() {
                    self.state.d.next = UartInState::Data;
                    // too short for a start bit
                    if !self.settled.settled.val() {
                        self.state.d.next = UartInState::Idle;
                    }
                }
            }
            UartInState::Data => {
                if self.timer_over.q.val() {
                    self.shift.d.next = self.shift.q.val() >> 1;
                    if !self.settled.settled.val() {
                        self.shift.d.next = (self.shift.q.val() >> 1) | 0x80;
                    }
                    self.bit_count.d.next = self.bit_count.q.val() + 1;
                    if self.bit_count.q.val() == 7 {
                        self.state.d.next = UartInState::Stop;
                    }
                }
            }
            UartInState::Stop => {
                if self.timer_over.q.val() {
                    self.state.d.next = UartInState::Idle;
                    self.valid_pulse.d.next = !self.settled.settled.val();
                    self.broken_pulse.d.next = self.settled.settled.val();
                }
            }
        }
        if self.reset.val() {
            self.state.d.next = UartInState::Idle;
            self.valid_pulse.d.next = false;
            self.broken_pulse.d.next = false;
        }
    }
}

logic_block! {
    /// Sends bytes.
    pub struct UartSender {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        /// A byte is offered.
        pub valid: Signal<In, Bit>,
        /// It is taken.
        pub ready: Signal<Out, Bit>,
        /// The byte.
        pub data: Signal<In, Bits<8>>,
        /// The line, from a register.
        pub line: Signal<Out, Bit>,
        //
        busy: DFF<Bit>,
        timer: DFF<Bits<16>>,
        timer_over: DFF<Bit>,
        left: DFF<Bits<4>>,
        // inverted, so that the line rests high before the first reset
        shift: DFF<Bits<10>>,
        bit_clocks: Constant<Bits<16>> = Constant::new(6_u64.to_bits()),
    }
}

impl UartSender {
    /// A sender with bits of `bit_clocks` clocks, at least 8.
    pub fn new(bit_clocks: u32) -> Self {
        check(bit_clocks);
        Self {
            bit_clocks: Constant::new(u64::from(bit_clocks - 2).to_bits()),
            ..Default::default()
        }
    }
}

impl Logic for UartSender {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, busy, timer, timer_over, left, shift);
        self.ready.next = !self.busy.q.val();
        self.line.next = !self.shift.q.val().get_bit(0);
        self.timer.d.next = self.timer.q.val() - 1;
        self.timer_over.d.next = self.timer.q.val() == 0;
        if self.timer_over.q.val() {
            self.timer.d.next = self.bit_clocks.val();
            self.timer_over.d.next = false;
            self.shift.d.next = self.shift.q.val() >> 1;
            self.left.d.next = self.left.q.val() - 1;
            if self.left.q.val() == 0 {
                self.busy.d.next = false;
            }
        }
        if !self.busy.q.val() {
            self.timer.d.next = self.bit_clocks.val();
            self.timer_over.d.next = false;
            // start bit, data, stop bit
            self.left.d.next = 9.into();
            self.shift.d.next = 0.into();
            if self.valid.val() {
                self.shift.d.next = (bit_cast::<10, 8>(self.data.val() ^ 0xFF) << 1) | 1;
                self.busy.d.next = true;
            }
        }
        if self.reset.val() {
            self.busy.d.next = false;
            self.shift.d.next = 0.into();
        }
    }
}
