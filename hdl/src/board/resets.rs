//! Resets and lights.

use super::mac::crossing::Synchroniser;
use rust_hdl::prelude::*;

/// A reset that ends some clocks after its cause, in the clock's own time; it begins within three clocks.
#[derive(LogicBlock, Default)]
pub struct ResetStretcher {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// All is well: clocks are steady and nobody asks for a reset. Not synchronised.
    pub good: Signal<In, Bit>,
    /// Synchronous reset, active high; high from power-up on.
    pub reset: Signal<Out, Bit>,
    //
    good_here: Synchroniser<Bit>,
    count: DFF<Bits<5>>,
    released: DFF<Bit>,
}

impl Logic for ResetStretcher {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, count, released);
        clock!(self, clock, good_here);
        self.good_here.crossing.next = self.good.val();
        self.reset.next = !self.released.q.val();
        self.released.d.next = self.count.q.val() == 31;
        if self.count.q.val() != 31 {
            self.count.d.next = self.count.q.val() + 1;
        }
        if !self.good_here.settled.val() {
            self.count.d.next = 0.into();
            self.released.d.next = false;
        }
    }
}

logic_block! {
    /// What the lights say: bit 0 blinks slowly while all is well and fast when the engine or the bridge met an error;
    /// bit 1 flickers with frames; bit 2 is on after an error. A board with one light shows bit 0.
    pub struct Lights {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        /// A frame left; changes with each.
        pub sent: Signal<In, Bits<16>>,
        /// Something went wrong; stays until reset.
        pub trouble: Signal<In, Bit>,
        /// Lights, 1 is on.
        pub lights: Signal<Out, Bits<3>>,
        //
        prescale: DFF<Bits<24>>,
        tick: DFF<Bit>,
        slow: DFF<Bits<3>>,
        shown: DFF<Bits<16>>,
        flicker: DFF<Bit>,
        moved: DFF<Bit>,
        failed: DFF<Bit>,
        // an eighth of a second
        period: Constant<Bits<24>> = Constant::new(1_000_000_u64.to_bits()),
    }
}

impl Lights {
    /// For a clock of `clock_hz`.
    pub fn new(clock_hz: u64) -> Self {
        Self {
            period: Constant::new((clock_hz / 8 - 1).to_bits()),
            ..Default::default()
        }
    }
}

impl Logic for Lights {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, prescale, tick, slow, shown, flicker, moved, failed);
        self.prescale.d.next = self.prescale.q.val() + 1;
        self.tick.d.next = self.prescale.q.val() == self.period.val();
        self.moved.d.next = self.sent.val() != self.shown.q.val();
        if self.trouble.val() {
            self.failed.d.next = true;
        }
        if self.tick.q.val() {
            self.prescale.d.next = 0.into();
            self.slow.d.next = self.slow.q.val() + 1;
            self.shown.d.next = self.sent.val();
            self.flicker.d.next = self.moved.q.val() & !self.flicker.q.val();
        }
        self.lights.next = 0.into();
        if self.slow.q.val().get_bit(2) | (self.failed.q.val() & self.slow.q.val().get_bit(0)) {
            self.lights.next = 1.into();
        }
        if self.flicker.q.val() {
            self.lights.next = self.lights.val() | 2;
        }
        if self.failed.q.val() {
            self.lights.next = self.lights.val() | 4;
        }
        if self.reset.val() {
            self.prescale.d.next = 0.into();
            self.tick.d.next = false;
            self.failed.d.next = false;
            self.flicker.d.next = false;
        }
    }
}
