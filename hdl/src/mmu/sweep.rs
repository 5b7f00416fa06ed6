//! Drops translations: after reset, on request, and when a context changes.
//!
//! First the pipeline runs empty, so that nothing filled from old tables survives; then the sets are cleared one a
//! clock, and with them the page-walk cache. Requests wait meanwhile. Walks under way are marked by whoever holds them
//! when the request comes, and end without effect.

use super::types::{DEFAULT_TLB_ENTRIES, PAGE_BITS, SET_BITS, WALK_SET_BITS};
use rust_hdl::prelude::*;

/// What the sweeper does.
#[derive(Debug, Clone, Copy, PartialEq, LogicState)]
pub enum SweepState {
    /// Clears a set a clock. The state after reset.
    Clearing,
    /// Waits until the last set is written.
    Ending,
    /// Requests are served.
    Serving,
    /// Waits for the pipeline.
    Settling,
}

logic_block! {
    /// The sweeper.
    pub struct Sweeper {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        /// Drop translations; a pulse.
        pub invalidate: Signal<In, Bit>,
        /// 0 all, 1 those of a context, 2 those of a context that cover an address.
        pub kind: Signal<In, Bits<2>>,
        /// The context.
        pub asked_context: Signal<In, Bits<4>>,
        /// The address; steady until the fence.
        pub virt_page: Signal<In, Bits<PAGE_BITS>>,
        /// A context is written; a pulse.
        pub context_written: Signal<In, Bit>,
        /// The context.
        pub written: Signal<In, Bits<4>>,
        /// On the next clock there is one of these pulses.
        pub soon: Signal<In, Bit>,
        /// Something is in the pipeline.
        pub busy: Signal<In, Bit>,
        /// No set on this clock: the page-walk cache cannot be written.
        pub hold: Signal<In, Bit>,
        /// What is under way counts no longer.
        pub forget: Signal<Out, Bit>,
        /// Requests and walks may begin; from a register.
        pub run: Signal<Out, Bit>,
        /// Requests go back to where they began.
        pub rewind: Signal<Out, Bit>,
        /// Clear `sweep_at` now.
        pub sweep: Signal<Out, Bit>,
        /// The set.
        pub sweep_at: Signal<Out, Bits<SET_BITS>>,
        /// Whatever the context.
        pub sweep_all: Signal<Out, Bit>,
        /// Only the page below, whatever `sweep_at`.
        pub sweep_page: Signal<Out, Bit>,
        /// Its context, or the context.
        pub sweep_context: Signal<Out, Bits<4>>,
        /// The page.
        pub sweep_virt_page: Signal<Out, Bits<PAGE_BITS>>,
        /// The last set is done; a pulse.
        pub swept: Signal<Out, Bit>,
        /// From now on no old translation is answered; a pulse from a register.
        pub fence: Signal<Out, Bit>,
        /// It is not done; from a register.
        pub invalidating: Signal<Out, Bit>,
        /// Number of the state.
        pub state_code: Signal<Out, Bits<2>>,
        //
        state: DFF<SweepState>,
        // what the state is, each in a register of its own: much hangs on them
        clearing: DFF<Bit>,
        serving: DFF<Bit>,
        running: DFF<Bit>,
        next_state: Signal<Local, SweepState>,
        at: DFF<Bits<SET_BITS>>,
        pending: DFF<Bit>,
        first: DFF<Bit>,
        all: DFF<Bit>,
        page: DFF<Bit>,
        space: DFF<Bits<4>>,
        fence_reg: DFF<Bit>,
        fence_past: DFF<Bit>,
        invalidating_reg: DFF<Bit>,
        asked: Signal<Local, Bit>,
        ready: Signal<Local, Bit>,
        is_end: DFF<Bit>,
        at_next: Signal<Local, Bits<SET_BITS>>,
        last: Constant<Bits<SET_BITS>> = last_set(DEFAULT_TLB_ENTRIES),
        every: Constant<Bits<SET_BITS>> = Constant::new(((1u64 << SET_BITS) - 1).to_bits()),
    }
}

fn last_set(entries: usize) -> Constant<Bits<SET_BITS>> {
    let sets = (entries / 4).max(1 << WALK_SET_BITS);
    Constant::new((sets as u64 - 1).to_bits())
}

impl Sweeper {
    /// For a TLB of so many entries of 4 KiB.
    pub fn for_entries(entries: usize) -> Self {
        Self {
            last: last_set(entries),
            ..Self::default()
        }
    }
}

impl Logic for Sweeper {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            state,
            clearing,
            serving,
            running,
            is_end,
            at,
            pending,
            first,
            all,
            page,
            space,
            fence_reg,
            fence_past,
            invalidating_reg
        );
        self.asked.next = self.invalidate.val() | self.context_written.val();
        self.forget.next = self.asked.val();
        // Not on the clock of the request either: what begins then would not be forgotten.
        self.ready.next = self.serving.q.val() | ((self.state.q.val() == SweepState::Ending) & !self.busy.val());
        self.running.d.next = self.ready.val() & !self.pending.q.val() & !self.asked.val() & !self.soon.val();
        self.run.next = self.running.q.val();
        self.rewind.next = self.clearing.q.val();
        self.sweep.next = self.clearing.q.val() & !self.hold.val();
        self.sweep_at.next = self.at.q.val();
        self.sweep_all.next = self.all.q.val();
        self.sweep_page.next = self.page.q.val();
        self.sweep_context.next = self.space.q.val();
        self.sweep_virt_page.next = self.virt_page.val();
        self.fence.next = self.fence_reg.q.val();
        self.invalidating.next = self.invalidating_reg.q.val();
        self.fence_reg.d.next = false;
        self.fence_past.d.next = self.fence_reg.q.val();
        self.swept.next = false;
        self.state_code.next = 0.into();
        // After reset the whole page-walk cache is cleared, later a part a turn (see there).
        self.at_next.next = self.at.q.val() + 1;
        self.next_state.next = self.state.q.val();
        match self.state.q.val() {
            SweepState::Clearing => {
                self.state_code.next = 1.into();
                if !self.hold.val() {
                    self.at.d.next = self.at_next.val();
                    self.is_end.d.next = ((self.at_next.val() == self.last.val()) & !self.first.q.val())
                        | (self.at_next.val() == self.every.val());
                    if self.is_end.q.val() {
                        self.swept.next = true;
                        self.next_state.next = SweepState::Ending;
                    }
                }
            }
            SweepState::Ending => {
                self.state_code.next = 2.into();
                self.first.d.next = false;
                if !self.busy.val() {
                    self.next_state.next = SweepState::Serving;
                    self.fence_reg.d.next = !self.pending.q.val() & !self.asked.val();
                }
            }
            SweepState::Serving => {
                if self.pending.q.val() {
                    self.next_state.next = SweepState::Settling;
                }
            }
            SweepState::Settling => {
                self.state_code.next = 3.into();
                self.at.d.next = 0.into();
                self.is_end.d.next = false;
                if !self.busy.val() {
                    self.pending.d.next = false;
                    self.next_state.next = SweepState::Clearing;
                }
            }
        }
        if self.asked.val() {
            self.pending.d.next = true;
            // A second request before the first is done: everything.
            self.all.d.next = true;
            self.page.d.next = false;
            if self.serving.q.val() & !self.pending.q.val() {
                if self.context_written.val() {
                    self.all.d.next = self.invalidate.val();
                    self.space.d.next = self.written.val();
                } else {
                    self.all.d.next = (self.kind.val() == 0) | (self.kind.val() == 3);
                    self.page.d.next = self.kind.val() == 2;
                    self.space.d.next = self.asked_context.val();
                }
            }
        }
        self.invalidating_reg.d.next = self.asked.val()
            | self.pending.q.val()
            | !self.serving.q.val()
            | self.fence_reg.q.val()
            | self.fence_past.q.val();
        if self.reset.val() {
            self.next_state.next = SweepState::Clearing;
            self.running.d.next = false;
            self.is_end.d.next = false;
            self.at.d.next = 0.into();
            self.pending.d.next = false;
            self.first.d.next = true;
            self.all.d.next = true;
            self.page.d.next = false;
            self.fence_reg.d.next = false;
            self.fence_past.d.next = false;
            self.invalidating_reg.d.next = true;
        }
        self.state.d.next = self.next_state.val();
        self.clearing.d.next = self.next_state.val() == SweepState::Clearing;
        self.serving.d.next = self.next_state.val() == SweepState::Serving;
    }
}
