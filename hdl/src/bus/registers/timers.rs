//! What comes round by the clock: looks at avail indices, the millisecond of the rates, and interrupts that waited.

use super::map::{self, CODE_BITS};
use rust_hdl::prelude::*;
use segwalk_model::registers;

/// Bits of a number of clocks.
const CLOCKS_BITS: usize = 24;

logic_block! {
    /// Poll timer, millisecond timer and interrupt coalescing. A value written counts from the next round on.
    pub struct Timers {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset, of the core or of the device.
        pub reset: Signal<In, Bit>,
        /// The register of `code` is written with `value`; a pulse.
        pub write: Signal<In, Bit>,
        /// Register.
        pub code: Signal<In, Bits<CODE_BITS>>,
        /// Value written.
        pub value: Signal<In, Bits<32>>,
        /// Bit a transmit queue, pulses: look at its avail index.
        pub poll: Signal<Out, Bits<16>>,
        /// A millisecond has passed; a pulse.
        pub millisecond: Signal<Out, Bit>,
        /// A used index was written that the driver wants to know of; a pulse.
        pub used_pulse: Signal<In, Bit>,
        /// Chains that it released.
        pub used_chains: Signal<In, Bits<8>>,
        /// Interrupt now; a pulse.
        pub interrupt: Signal<Out, Bit>,
        //
        khz: DFF<Bits<CLOCKS_BITS>>,
        khz_left: DFF<Bits<CLOCKS_BITS>>,
        tick: DFF<Bit>,
        period: DFF<Bits<CLOCKS_BITS>>,
        period_left: DFF<Bits<CLOCKS_BITS>>,
        queues: DFF<Bits<16>>,
        polls: DFF<Bits<16>>,
        most_chains: DFF<Bits<16>>,
        most_clocks: DFF<Bits<CLOCKS_BITS>>,
        chains: DFF<Bits<17>>,
        clocks_left: DFF<Bits<CLOCKS_BITS>>,
        waits: DFF<Bit>,
        enough: DFF<Bit>,
        late: DFF<Bit>,
        fires: DFF<Bit>,
        khz_end: Signal<Local, Bit>,
        period_end: Signal<Local, Bit>,
        khz_reset: Constant<Bits<CLOCKS_BITS>> = Constant::new(u64::from(registers::CLOCK_KHZ.reset).to_bits()),
        clock_khz: Constant<Bits<CODE_BITS>> = map::code(&registers::CLOCK_KHZ),
        poll_period: Constant<Bits<CODE_BITS>> = map::code(&registers::POLL_PERIOD),
        poll_queues: Constant<Bits<CODE_BITS>> = map::code(&registers::POLL_QUEUES),
        coalesce_count: Constant<Bits<CODE_BITS>> = map::code(&registers::COALESCE_COUNT),
        coalesce_clocks: Constant<Bits<CODE_BITS>> = map::code(&registers::COALESCE_CLOCKS),
    }
}

impl Logic for Timers {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            khz,
            khz_left,
            tick,
            period,
            period_left,
            queues,
            polls,
            most_chains,
            most_clocks,
            chains,
            clocks_left,
            waits,
            enough,
            late,
            fires
        );
        self.poll.next = self.polls.q.val();
        self.millisecond.next = self.tick.q.val();
        self.interrupt.next = self.fires.q.val();
        // A round of n clocks counts from n - 1 to 0; 0 is off.
        self.khz_end.next = self.khz_left.q.val() == 0;
        self.tick.d.next = self.khz_end.val() & self.khz.q.val().any();
        self.khz_left.d.next = self.khz_left.q.val() - 1;
        if self.khz_end.val() {
            self.khz_left.d.next = self.khz.q.val() - 1;
            if !self.khz.q.val().any() {
                self.khz_left.d.next = 0.into();
            }
        }
        self.period_end.next = self.period_left.q.val() == 0;
        self.polls.d.next = 0.into();
        self.period_left.d.next = self.period_left.q.val() - 1;
        if self.period_end.val() {
            self.period_left.d.next = self.period.q.val() - 1;
            if !self.period.q.val().any() {
                self.period_left.d.next = 0.into();
            } else {
                self.polls.d.next = self.queues.q.val();
            }
        }
        // Coalescing: an interrupt fires when enough chains wait, when the first has waited long enough, or at once.
        self.clocks_left.d.next = self.clocks_left.q.val() - 1;
        if !self.waits.q.val() {
            self.clocks_left.d.next = self.most_clocks.q.val();
        }
        if self.used_pulse.val() {
            self.waits.d.next = true;
            self.chains.d.next = self.chains.q.val() + bit_cast::<17, 8>(self.used_chains.val());
        }
        self.enough.d.next =
            self.most_chains.q.val().any() & (bit_cast::<17, 16>(self.most_chains.q.val()) <= self.chains.q.val());
        self.late.d.next = self.waits.q.val() & (self.clocks_left.q.val() == 0) & self.most_clocks.q.val().any();
        self.fires.d.next = false;
        if self.waits.q.val()
            & !self.fires.q.val()
            & (self.enough.q.val()
                | self.late.q.val()
                | (!self.most_chains.q.val().any() & !self.most_clocks.q.val().any()))
        {
            self.fires.d.next = true;
            self.waits.d.next = self.used_pulse.val();
            self.chains.d.next = 0.into();
            if self.used_pulse.val() {
                self.chains.d.next = bit_cast::<17, 8>(self.used_chains.val());
            }
            self.clocks_left.d.next = self.most_clocks.q.val();
            self.enough.d.next = false;
            self.late.d.next = false;
        }
        if self.write.val() {
            if self.code.val() == self.clock_khz.val() {
                self.khz.d.next = self.value.val().get_bits::<CLOCKS_BITS>(0);
                self.khz_left.d.next = 0.into();
            }
            if self.code.val() == self.poll_period.val() {
                self.period.d.next = self.value.val().get_bits::<CLOCKS_BITS>(0);
                self.period_left.d.next = 0.into();
            }
            if self.code.val() == self.poll_queues.val() {
                self.queues.d.next = self.value.val().get_bits::<16>(0);
            }
            if self.code.val() == self.coalesce_count.val() {
                self.most_chains.d.next = self.value.val().get_bits::<16>(0);
            }
            if self.code.val() == self.coalesce_clocks.val() {
                self.most_clocks.d.next = self.value.val().get_bits::<CLOCKS_BITS>(0);
            }
        }
        if self.reset.val() {
            self.khz.d.next = self.khz_reset.val();
            self.khz_left.d.next = 0.into();
            self.tick.d.next = false;
            self.period.d.next = 0.into();
            self.period_left.d.next = 0.into();
            self.queues.d.next = 0.into();
            self.polls.d.next = 0.into();
            self.most_chains.d.next = 0.into();
            self.most_clocks.d.next = 0.into();
            self.chains.d.next = 0.into();
            self.waits.d.next = false;
            self.enough.d.next = false;
            self.late.d.next = false;
            self.fires.d.next = false;
        }
    }
}
