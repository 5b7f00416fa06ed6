//! Device reset: no new bus access or frame begins, what is under way ends, then everything behind the registers resets.

use rust_hdl::prelude::*;

/// State of the [`ResetSequencer`].
#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
pub enum ResetState {
    /// Resets everything; also the state after power-up.
    Reset,
    /// Normal operation.
    Run,
    /// Waits for the bus and the frame that is under way.
    Drain,
}

/// Names of the states, by number.
pub const RESET_STATES: &[&str] = &["reset", "run", "drain"];

logic_block! {
    /// Sequences a device reset; see the module.
    pub struct ResetSequencer {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset of the whole core: at once, whatever is under way.
        pub reset: Signal<In, Bit>,
        /// Device reset is asked for; held until `done`.
        pub soft_reset: Signal<In, Bit>,
        /// No read is under way.
        pub reads_idle: Signal<In, Bit>,
        /// No write is under way.
        pub writes_idle: Signal<In, Bit>,
        /// No frame is partly emitted.
        pub frames_idle: Signal<In, Bit>,
        /// Begin nothing new.
        pub hold: Signal<Out, Bit>,
        /// Reset of everything but the registers.
        pub core_reset: Signal<Out, Bit>,
        /// The device reset is complete; a pulse.
        pub done: Signal<Out, Bit>,
        /// State number.
        pub debug: Signal<Out, Bits<2>>,
        //
        state: DFF<ResetState>,
        count: DFF<Bits<3>>,
        resetting: DFF<Bit>,
        holding: DFF<Bit>,
        finished: DFF<Bit>,
        asked: DFF<Bit>,
        all_idle: Signal<Local, Bit>,
    }
}

impl Logic for ResetSequencer {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, count, resetting, holding, finished, asked);
        self.hold.next = self.holding.q.val();
        self.core_reset.next = self.resetting.q.val();
        self.done.next = self.finished.q.val();
        self.all_idle.next = self.reads_idle.val() & self.writes_idle.val() & self.frames_idle.val();
        self.finished.d.next = false;
        self.resetting.d.next = false;
        self.holding.d.next = false;
        self.count.d.next = 0.into();
        self.debug.next = 0.into();
        match self.state.q.val() {
            ResetState::Reset => {
                self.resetting.d.next = true;
                self.holding.d.next = true;
                self.count.d.next = self.count.q.val() + 1;
                if self.count.q.val().all() {
                    self.finished.d.next = self.asked.q.val();
                    self.asked.d.next = false;
                    self.state.d.next = ResetState::Run;
                }
            }
            ResetState::Run => {
                self.debug.next = 1.into();
                if self.soft_reset.val() & !self.finished.q.val() {
                    self.asked.d.next = true;
                    self.state.d.next = ResetState::Drain;
                }
            }
            ResetState::Drain => {
                self.debug.next = 2.into();
                self.holding.d.next = true;
                // Idle for eight clocks in a row, so that a grant given on the clock of the hold is seen.
                if self.all_idle.val() {
                    self.count.d.next = self.count.q.val() + 1;
                    if self.count.q.val().all() {
                        self.state.d.next = ResetState::Reset;
                    }
                }
            }
        }
        if self.reset.val() {
            self.state.d.next = ResetState::Reset;
            self.count.d.next = 0.into();
            self.resetting.d.next = true;
            self.holding.d.next = true;
            self.asked.d.next = false;
            self.finished.d.next = false;
        }
    }
}
