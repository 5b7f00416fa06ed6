//! What comes round by the clock: looks at avail indices, the millisecond of the rates, and interrupts that waited.

use super::map::{self, CODE_BITS};
use rust_hdl::prelude::*;
use segwalk_model::limits::TX_QUEUES;
use segwalk_model::registers;

/// Bits of a number of clocks.
const CLOCKS_BITS: usize = 24;

logic_block! {
    /// Poll timer, millisecond timer and interrupt coalescing. A value written begins a round.
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
        // Clocks of a round less 1, whether there are rounds, and clocks since the last one
        khz_last: DFF<Bits<CLOCKS_BITS>>,
        khz_on: DFF<Bit>,
        khz_clocks: DFF<Bits<CLOCKS_BITS>>,
        // its last clock, and that every clock is one
        khz_over: DFF<Bit>,
        khz_each: DFF<Bit>,
        tick: DFF<Bit>,
        period_last: DFF<Bits<CLOCKS_BITS>>,
        period_on: DFF<Bit>,
        period_clocks: DFF<Bits<CLOCKS_BITS>>,
        // its last clock, and that every clock is one
        period_over: DFF<Bit>,
        period_each: DFF<Bit>,
        queues: DFF<Bits<16>>,
        polls: DFF<Bits<16>>,
        most_chains: DFF<Bits<16>>,
        most_clocks: DFF<Bits<CLOCKS_BITS>>,
        chains: DFF<Bits<17>>,
        clocks: DFF<Bits<CLOCKS_BITS>>,
        used_now: DFF<Bit>,
        used_number: DFF<Bits<8>>,
        // What register `code` is
        is_khz: DFF<Bit>,
        is_period: DFF<Bit>,
        is_queues: DFF<Bit>,
        is_count: DFF<Bit>,
        is_clocks: DFF<Bit>,
        // Whether there is a number of chains and of clocks to wait for, or none of both
        by_chains: DFF<Bit>,
        by_clocks: DFF<Bit>,
        at_once: DFF<Bit>,
        waits: DFF<Bit>,
        enough: DFF<Bit>,
        late: DFF<Bit>,
        fires: DFF<Bit>,
        value_less_1: Signal<Local, Bits<CLOCKS_BITS>>,
        khz_written: Signal<Local, Bit>,
        period_written: Signal<Local, Bit>,
        khz_begins: Signal<Local, Bit>,
        period_begins: Signal<Local, Bit>,
        fire: Signal<Local, Bit>,
        chains_kept: Signal<Local, Bits<17>>,
        chains_more: Signal<Local, Bits<17>>,
        exist: Constant<Bits<16>> = map::queue_mask(TX_QUEUES as u32),
        khz_reset: Constant<Bits<CLOCKS_BITS>> =
            Constant::new(u64::from(registers::CLOCK_KHZ.reset - 1).to_bits()),
        clock_khz: Constant<Bits<CODE_BITS>> = map::code(&registers::CLOCK_KHZ),
        poll_period: Constant<Bits<CODE_BITS>> = map::code(&registers::POLL_PERIOD),
        poll_queues: Constant<Bits<CODE_BITS>> = map::code(&registers::POLL_QUEUES),
        coalesce_count: Constant<Bits<CODE_BITS>> = map::code(&registers::COALESCE_COUNT),
        coalesce_clocks: Constant<Bits<CODE_BITS>> = map::code(&registers::COALESCE_CLOCKS),
    }
}

impl Timers {
    /// For a build with `tx_queues` transmit queues.
    pub fn new(tx_queues: u32) -> Self {
        Self {
            exist: map::queue_mask(tx_queues),
            ..Default::default()
        }
    }
}

impl Logic for Timers {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            khz_last,
            khz_on,
            khz_clocks,
            khz_over,
            khz_each,
            tick,
            period_last,
            period_on,
            period_clocks,
            period_over,
            period_each,
            queues,
            polls,
            most_chains,
            most_clocks,
            chains,
            clocks,
            used_now,
            used_number,
            is_khz,
            is_period,
            is_queues,
            is_count,
            is_clocks,
            by_chains,
            by_clocks,
            at_once,
            waits,
            enough,
            late,
            fires
        );
        self.is_khz.d.next = self.code.val() == self.clock_khz.val();
        self.is_period.d.next = self.code.val() == self.poll_period.val();
        self.is_queues.d.next = self.code.val() == self.poll_queues.val();
        self.is_count.d.next = self.code.val() == self.coalesce_count.val();
        self.is_clocks.d.next = self.code.val() == self.coalesce_clocks.val();
        self.used_now.d.next = self.used_pulse.val();
        self.used_number.d.next = self.used_chains.val();
        self.poll.next = self.polls.q.val();
        self.millisecond.next = self.tick.q.val();
        self.interrupt.next = self.fires.q.val();
        // A round of n clocks counts from 1 to n; that the last is here is found on the clock before it. What takes a count back is one condition, so that it is the
        // flip-flops' reset.
        self.khz_each.d.next = self.khz_last.q.val() == 0;
        self.khz_written.next = self.write.val() & self.is_khz.q.val();
        self.khz_over.d.next = (((self.khz_last.q.val() <= self.khz_clocks.q.val()) & !self.khz_over.q.val())
            | self.khz_each.q.val())
            & !self.khz_written.val();
        self.tick.d.next = self.khz_over.q.val() & self.khz_on.q.val();
        self.khz_begins.next = self.khz_over.q.val() | self.khz_written.val() | self.reset.val();
        self.khz_clocks.d.next = self.khz_clocks.q.val() + 1;
        if self.khz_begins.val() {
            self.khz_clocks.d.next = 1.into();
        }
        self.period_each.d.next = self.period_last.q.val() == 0;
        self.period_written.next = self.write.val() & self.is_period.q.val();
        self.period_over.d.next = (((self.period_last.q.val() <= self.period_clocks.q.val())
            & !self.period_over.q.val())
            | self.period_each.q.val())
            & !self.period_written.val();
        self.polls.d.next = 0.into();
        if self.period_over.q.val() & self.period_on.q.val() {
            self.polls.d.next = self.queues.q.val();
        }
        self.period_begins.next = self.period_over.q.val() | self.period_written.val() | self.reset.val();
        self.period_clocks.d.next = self.period_clocks.q.val() + 1;
        if self.period_begins.val() {
            self.period_clocks.d.next = 1.into();
        }
        // Coalescing: an interrupt fires when enough chains wait, when the first has waited long enough, or at once.
        self.clocks.d.next = self.clocks.q.val() + 1;
        if self.used_now.q.val() {
            self.waits.d.next = true;
        }
        self.by_chains.d.next = self.most_chains.q.val().any();
        self.by_clocks.d.next = self.most_clocks.q.val().any();
        self.at_once.d.next = !self.by_chains.q.val() & !self.by_clocks.q.val();
        self.enough.d.next =
            self.by_chains.q.val() & (bit_cast::<17, 16>(self.most_chains.q.val()) <= self.chains.q.val());
        self.late.d.next =
            self.waits.q.val() & (self.most_clocks.q.val() <= self.clocks.q.val()) & self.by_clocks.q.val();
        self.fire.next =
            self.waits.q.val() & !self.fires.q.val() & (self.enough.q.val() | self.late.q.val() | self.at_once.q.val());
        self.fires.d.next = self.fire.val();
        if self.fire.val() {
            self.waits.d.next = self.used_now.q.val();
            self.enough.d.next = false;
            self.late.d.next = false;
        }
        // Chains of the clock on which it fires are the next interrupt's.
        self.chains_more.next = 0.into();
        if self.used_now.q.val() {
            self.chains_more.next = bit_cast::<17, 8>(self.used_number.q.val());
        }
        self.chains_kept.next = self.chains.q.val();
        if self.fire.val() {
            self.chains_kept.next = 0.into();
        }
        self.chains.d.next = self.chains_kept.val() + self.chains_more.val();
        if self.fire.val() | !self.waits.q.val() {
            self.clocks.d.next = 0.into();
        }
        self.value_less_1.next = self.value.val().get_bits::<CLOCKS_BITS>(0) - 1;
        if self.write.val() {
            if self.is_khz.q.val() {
                self.khz_last.d.next = self.value_less_1.val();
                self.khz_on.d.next = self.value.val().get_bits::<CLOCKS_BITS>(0).any();
            }
            if self.is_period.q.val() {
                self.period_last.d.next = self.value_less_1.val();
                self.period_on.d.next = self.value.val().get_bits::<CLOCKS_BITS>(0).any();
            }
            if self.is_queues.q.val() {
                self.queues.d.next = self.value.val().get_bits::<16>(0) & self.exist.val();
            }
            if self.is_count.q.val() {
                self.most_chains.d.next = self.value.val().get_bits::<16>(0);
            }
            if self.is_clocks.q.val() {
                self.most_clocks.d.next = self.value.val().get_bits::<CLOCKS_BITS>(0);
            }
        }
        if self.reset.val() {
            self.khz_last.d.next = self.khz_reset.val();
            self.khz_on.d.next = true;
            self.khz_over.d.next = false;
            self.khz_each.d.next = false;
            self.tick.d.next = false;
            self.period_last.d.next = 0.into();
            self.period_on.d.next = false;
            self.period_over.d.next = false;
            self.period_each.d.next = true;
            self.queues.d.next = 0.into();
            self.polls.d.next = 0.into();
            self.most_chains.d.next = 0.into();
            self.most_clocks.d.next = 0.into();
            self.chains.d.next = 0.into();
            self.used_now.d.next = false;
            self.by_chains.d.next = false;
            self.by_clocks.d.next = false;
            self.at_once.d.next = true;
            self.waits.d.next = false;
            self.enough.d.next = false;
            self.late.d.next = false;
            self.fires.d.next = false;
        }
    }
}
