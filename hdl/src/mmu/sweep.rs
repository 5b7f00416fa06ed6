//! Empties the TLB and the page-walk cache: after reset, on request, and when a context changes.
//!
//! First everything under way comes to its end, so that nothing filled from old tables survives; then the sets are
//! cleared one a clock. Requests wait meanwhile; those that have missed but not been walked are looked up again, because
//! their context may have changed.

use super::types::SET_BITS;
use rust_hdl::prelude::*;

/// What the sweeper does.
#[derive(Debug, Clone, Copy, PartialEq, LogicState)]
pub enum SweepState {
    /// Clears a set a clock. The state after reset.
    Clearing,
    /// Requests are served.
    Serving,
    /// Waits for the pipeline and the walker.
    Settling,
}

logic_block! {
    /// The sweeper.
    pub struct Sweeper {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        /// Empty the TLB; a pulse.
        pub invalidate: Signal<In, Bit>,
        /// A context is written; a pulse.
        pub context_written: Signal<In, Bit>,
        /// Something is under way.
        pub busy: Signal<In, Bit>,
        /// Requests and walks may begin.
        pub run: Signal<Out, Bit>,
        /// Clear `sweep_at` now.
        pub sweep: Signal<Out, Bit>,
        /// The set.
        pub sweep_at: Signal<Out, Bits<SET_BITS>>,
        /// The TLB is not yet empty; from a register.
        pub invalidating: Signal<Out, Bit>,
        /// Number of the state.
        pub state_code: Signal<Out, Bits<2>>,
        //
        state: DFF<SweepState>,
        at: DFF<Bits<SET_BITS>>,
        pending: DFF<Bit>,
        invalidating_reg: DFF<Bit>,
        serving: Signal<Local, Bit>,
        last: Constant<Bits<SET_BITS>> = Constant::new(((1u64 << SET_BITS) - 1).to_bits()),
    }
}

impl Logic for Sweeper {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, at, pending, invalidating_reg);
        self.serving.next = self.state.q.val() == SweepState::Serving;
        // Not on the clock of a write either: a walk reads the context's row one clock after it begins.
        self.run.next = self.serving.val() & !self.pending.q.val() & !self.context_written.val();
        self.sweep.next = self.state.q.val() == SweepState::Clearing;
        self.sweep_at.next = self.at.q.val();
        self.invalidating.next = self.invalidating_reg.q.val();
        self.state_code.next = 0.into();
        match self.state.q.val() {
            SweepState::Clearing => {
                self.state_code.next = 1.into();
                self.at.d.next = self.at.q.val() + 1;
                if self.at.q.val() == self.last.val() {
                    self.state.d.next = SweepState::Serving;
                }
            }
            SweepState::Serving => {
                if self.pending.q.val() {
                    self.state.d.next = SweepState::Settling;
                }
            }
            SweepState::Settling => {
                self.state_code.next = 2.into();
                self.at.d.next = 0.into();
                if !self.busy.val() {
                    self.pending.d.next = false;
                    self.state.d.next = SweepState::Clearing;
                }
            }
        }
        if self.invalidate.val() | self.context_written.val() {
            self.pending.d.next = true;
        }
        self.invalidating_reg.d.next =
            self.invalidate.val() | self.context_written.val() | self.pending.q.val() | !self.serving.val();
        if self.reset.val() {
            self.state.d.next = SweepState::Clearing;
            self.at.d.next = 0.into();
            self.pending.d.next = false;
            self.invalidating_reg.d.next = true;
        }
    }
}
