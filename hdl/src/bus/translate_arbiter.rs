//! Two translation clients on one port of the MMU: queue fetcher and completion, one request at a time.

use super::ports::*;
use rust_hdl::prelude::*;
use segwalk_model::limits::{PHYS_PAGE_BITS, VIRT_PAGE_BITS};

/// State of the [`TranslateArbiter`].
#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
pub enum TurnState {
    /// Waits for a request.
    Idle,
    /// Takes it.
    Take,
    /// Asks the MMU.
    Ask,
    /// Waits for the answer.
    Wait,
    /// Passes it on.
    Answer,
}

logic_block! {
    /// Joins two translation clients to one server; see the module.
    pub struct TranslateArbiter {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        /// Queue fetcher.
        pub fetcher: TranslateServer,
        /// Completion.
        pub completion: TranslateServer,
        /// MMU.
        pub mmu: TranslateClient,
        //
        state: DFF<TurnState>,
        for_completion: DFF<Bit>,
        space: DFF<Bits<4>>,
        virt_page: DFF<Bits<VIRT_PAGE_BITS>>,
        write: DFF<Bit>,
        phys_page: DFF<Bits<PHYS_PAGE_BITS>>,
        cause: DFF<Bits<5>>,
    }
}

impl Logic for TranslateArbiter {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            state,
            for_completion,
            space,
            virt_page,
            write,
            phys_page,
            cause
        );
        self.fetcher.req_ready.next = false;
        self.completion.req_ready.next = false;
        self.fetcher.rsp_valid.next = false;
        self.completion.rsp_valid.next = false;
        self.fetcher.phys_page.next = self.phys_page.q.val();
        self.fetcher.cause.next = self.cause.q.val();
        self.completion.phys_page.next = self.phys_page.q.val();
        self.completion.cause.next = self.cause.q.val();
        self.mmu.req_valid.next = false;
        self.mmu.context.next = self.space.q.val();
        self.mmu.virt_page.next = self.virt_page.q.val();
        self.mmu.write.next = self.write.q.val();
        self.mmu.rsp_ready.next = false;
        match self.state.q.val() {
            TurnState::Idle => {
                // The client that was not served last goes first.
                if self.fetcher.req_valid.val() & (self.for_completion.q.val() | !self.completion.req_valid.val()) {
                    self.for_completion.d.next = false;
                    self.state.d.next = TurnState::Take;
                } else if self.completion.req_valid.val() {
                    self.for_completion.d.next = true;
                    self.state.d.next = TurnState::Take;
                }
            }
            TurnState::Take => {
                if self.for_completion.q.val() {
                    self.completion.req_ready.next = true;
                    self.space.d.next = self.completion.context.val();
                    self.virt_page.d.next = self.completion.virt_page.val();
                    self.write.d.next = self.completion.write.val();
                } else {
                    self.fetcher.req_ready.next = true;
                    self.space.d.next = self.fetcher.context.val();
                    self.virt_page.d.next = self.fetcher.virt_page.val();
                    self.write.d.next = self.fetcher.write.val();
                }
                self.state.d.next = TurnState::Ask;
            }
            TurnState::Ask => {
                self.mmu.req_valid.next = true;
                if self.mmu.req_ready.val() {
                    self.state.d.next = TurnState::Wait;
                }
            }
            TurnState::Wait => {
                self.mmu.rsp_ready.next = true;
                self.phys_page.d.next = self.mmu.phys_page.val();
                self.cause.d.next = self.mmu.cause.val();
                if self.mmu.rsp_valid.val() {
                    self.state.d.next = TurnState::Answer;
                }
            }
            TurnState::Answer => {
                if self.for_completion.q.val() {
                    self.completion.rsp_valid.next = true;
                    if self.completion.rsp_ready.val() {
                        self.state.d.next = TurnState::Idle;
                    }
                } else {
                    self.fetcher.rsp_valid.next = true;
                    if self.fetcher.rsp_ready.val() {
                        self.state.d.next = TurnState::Idle;
                    }
                }
            }
        }
        if self.reset.val() {
            self.state.d.next = TurnState::Idle;
            self.for_completion.d.next = false;
        }
    }
}
