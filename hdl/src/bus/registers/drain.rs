//! When nothing of a queue that was switched off is under way any more.
//!
//! Chains of all queues pass the engine one behind the other. So a queue is drained when the fetcher has let it go, has
//! walked as many chains as were announced then, as many chains have been finished as were under way then, and the
//! completion has ended the batch that it was writing.

use super::map;
use rust_hdl::prelude::*;
use segwalk_model::limits::TX_QUEUES;

/// Bits of a number of chains between fetcher and completion.
const UNDER_WAY_BITS: usize = 10;
/// Bits of a number of chains between the fetcher's two halves.
const AHEAD_BITS: usize = 6;

#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
enum DrainState {
    Idle,
    Settle,
    Release,
    Walk,
    Pass,
    Finish,
}

logic_block! {
    /// Drains queues, several at a time; those that are asked for meanwhile come next.
    pub struct QueueDrain {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset, of the core or of the device.
        pub reset: Signal<In, Bit>,
        /// Bit a transmit queue, pulses: it was switched off.
        pub start: Signal<In, Bits<16>>,
        /// Bit a transmit queue: something of it is still under way.
        pub draining: Signal<Out, Bits<16>>,
        /// Bit a transmit queue: the fetcher may still announce a chain of it.
        pub serving: Signal<In, Bits<16>>,
        /// It announced a chain; a pulse.
        pub chain_announced: Signal<In, Bit>,
        /// It has done with the oldest of them; a pulse.
        pub chain_walked: Signal<In, Bit>,
        /// The fetcher handed on a chain; a pulse.
        pub chain_issued: Signal<In, Bit>,
        /// The completion is done with a chain; a pulse.
        pub chain_retired: Signal<In, Bit>,
        /// Bit a transmit queue: the completion has something of it half done.
        pub finishing: Signal<In, Bits<16>>,
        //
        state: DFF<DrainState>,
        waiting: DFF<Bits<16>>,
        active: DFF<Bits<16>>,
        shown: DFF<Bits<16>>,
        served: DFF<Bit>,
        finishes: DFF<Bit>,
        count: DFF<Bits<3>>,
        under_way: DFF<Bits<UNDER_WAY_BITS>>,
        left: DFF<Bits<UNDER_WAY_BITS>>,
        ahead: DFF<Bits<AHEAD_BITS>>,
        ahead_left: DFF<Bits<AHEAD_BITS>>,
        // The last clock's inputs, all of them, so that they keep their order
        announced: DFF<Bit>,
        walked: DFF<Bit>,
        issued: DFF<Bit>,
        retired: DFF<Bit>,
        still_serving: DFF<Bits<16>>,
        still_finishing: DFF<Bits<16>>,
        exist: Constant<Bits<16>> = map::queue_mask(TX_QUEUES as u32),
        waiting_next: Signal<Local, Bits<16>>,
        active_next: Signal<Local, Bits<16>>,
    }
}

impl QueueDrain {
    /// For a build with `tx_queues` transmit queues.
    pub fn new(tx_queues: u32) -> Self {
        Self {
            exist: map::queue_mask(tx_queues),
            ..Default::default()
        }
    }
}

impl Logic for QueueDrain {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            state,
            waiting,
            active,
            shown,
            served,
            finishes,
            count,
            under_way,
            left,
            ahead,
            ahead_left,
            announced,
            walked,
            issued,
            retired,
            still_serving,
            still_finishing
        );
        self.announced.d.next = self.chain_announced.val();
        self.walked.d.next = self.chain_walked.val();
        self.issued.d.next = self.chain_issued.val();
        self.retired.d.next = self.chain_retired.val();
        self.still_serving.d.next = self.serving.val() & self.exist.val();
        self.still_finishing.d.next = self.finishing.val() & self.exist.val();
        self.draining.next = self.shown.q.val();
        self.shown.d.next = self.waiting.q.val() | self.active.q.val() | self.start.val();
        if self.issued.q.val() & !self.retired.q.val() {
            self.under_way.d.next = self.under_way.q.val() + 1;
        }
        if !self.issued.q.val() & self.retired.q.val() {
            self.under_way.d.next = self.under_way.q.val() - 1;
        }
        if self.announced.q.val() & !self.walked.q.val() {
            self.ahead.d.next = self.ahead.q.val() + 1;
        }
        if !self.announced.q.val() & self.walked.q.val() {
            self.ahead.d.next = self.ahead.q.val() - 1;
        }
        self.served.d.next = (self.still_serving.q.val() & self.active.q.val()).any();
        self.finishes.d.next = (self.still_finishing.q.val() & self.active.q.val()).any();
        self.waiting_next.next = self.waiting.q.val() | self.start.val();
        self.active_next.next = self.active.q.val();
        match self.state.q.val() {
            DrainState::Idle => {
                self.count.d.next = 0.into();
                if self.waiting.q.val().any() {
                    self.active_next.next = self.waiting.q.val();
                    self.waiting_next.next = self.start.val();
                    self.state.d.next = DrainState::Settle;
                }
            }
            DrainState::Settle => {
                // Until the fetcher has seen that the queues are off, and that has come back.
                self.count.d.next = self.count.q.val() + 1;
                if self.count.q.val().all() {
                    self.state.d.next = DrainState::Release;
                }
            }
            DrainState::Release => {
                // Let go for four clocks in a row, so that a chain announced at the end is counted.
                self.count.d.next = self.count.q.val() + 1;
                if self.served.q.val() {
                    self.count.d.next = 0.into();
                }
                self.ahead_left.d.next = self.ahead.q.val();
                if self.count.q.val().get_bits::<2>(0).all() & !self.walked.q.val() {
                    self.count.d.next = 0.into();
                    self.state.d.next = DrainState::Walk;
                }
            }
            DrainState::Walk => {
                self.left.d.next = self.under_way.q.val();
                if self.walked.q.val() {
                    self.ahead_left.d.next = self.ahead_left.q.val() - 1;
                    if self.ahead_left.q.val() == 0 {
                        self.ahead_left.d.next = 0.into();
                    }
                }
                // A chain is handed on before it counts as walked; one more clock, and its number is there.
                self.count.d.next = 0.into();
                if self.ahead_left.q.val() == 0 {
                    self.count.d.next = 1.into();
                    if self.count.q.val().any() & !self.retired.q.val() {
                        self.state.d.next = DrainState::Pass;
                    }
                }
            }
            DrainState::Pass => {
                self.count.d.next = 0.into();
                if self.left.q.val() == 0 {
                    self.state.d.next = DrainState::Finish;
                } else if self.retired.q.val() {
                    self.left.d.next = self.left.q.val() - 1;
                }
            }
            DrainState::Finish => {
                // Not on the clocks behind the last chain, when the completion does not show it yet.
                self.count.d.next = self.count.q.val() + 1;
                if self.finishes.q.val() {
                    self.count.d.next = 0.into();
                }
                if self.count.q.val().get_bits::<2>(0).all() {
                    self.active_next.next = 0.into();
                    self.state.d.next = DrainState::Idle;
                }
            }
        }
        self.waiting.d.next = self.waiting_next.val() & self.exist.val();
        self.active.d.next = self.active_next.val() & self.exist.val();
        if self.reset.val() {
            self.announced.d.next = false;
            self.walked.d.next = false;
            self.issued.d.next = false;
            self.retired.d.next = false;
            self.state.d.next = DrainState::Idle;
            self.waiting.d.next = 0.into();
            self.active.d.next = 0.into();
            self.shown.d.next = 0.into();
            self.count.d.next = 0.into();
            self.under_way.d.next = 0.into();
            self.left.d.next = 0.into();
            self.ahead.d.next = 0.into();
            self.ahead_left.d.next = 0.into();
        }
    }
}
