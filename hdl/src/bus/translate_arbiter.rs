//! Two translation clients on one port of the MMU: queue fetcher and completion, one request at a time.

use super::ports::*;
use rust_hdl::prelude::*;
use segwalk_model::limits::{PHYS_PAGE_BITS, VIRT_PAGE_BITS};

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
        // a turn: taken from the client, asked of the MMU, awaited, passed on; one register each, for clients are far away
        busy: DFF<Bit>,
        take_fetcher: DFF<Bit>,
        take_completion: DFF<Bit>,
        asks: DFF<Bit>,
        waits: DFF<Bit>,
        answers_fetcher: DFF<Bit>,
        answers_completion: DFF<Bit>,
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
            busy,
            take_fetcher,
            take_completion,
            asks,
            waits,
            answers_fetcher,
            answers_completion,
            for_completion,
            space,
            virt_page,
            write,
            phys_page,
            cause
        );
        self.fetcher.req_ready.next = self.take_fetcher.q.val();
        self.completion.req_ready.next = self.take_completion.q.val();
        self.fetcher.rsp_valid.next = self.answers_fetcher.q.val();
        self.completion.rsp_valid.next = self.answers_completion.q.val();
        self.fetcher.phys_page.next = self.phys_page.q.val();
        self.fetcher.cause.next = self.cause.q.val();
        self.completion.phys_page.next = self.phys_page.q.val();
        self.completion.cause.next = self.cause.q.val();
        self.mmu.req_valid.next = self.asks.q.val();
        self.mmu.context.next = self.space.q.val();
        self.mmu.virt_page.next = self.virt_page.q.val();
        self.mmu.write.next = self.write.q.val();
        self.mmu.rsp_ready.next = self.waits.q.val();
        self.take_fetcher.d.next = false;
        self.take_completion.d.next = false;
        if !self.busy.q.val() {
            // The client that was not served last goes first.
            if self.fetcher.req_valid.val() & (self.for_completion.q.val() | !self.completion.req_valid.val()) {
                self.for_completion.d.next = false;
                self.take_fetcher.d.next = true;
                self.busy.d.next = true;
            } else if self.completion.req_valid.val() {
                self.for_completion.d.next = true;
                self.take_completion.d.next = true;
                self.busy.d.next = true;
            }
        }
        if self.take_fetcher.q.val() | self.take_completion.q.val() {
            self.asks.d.next = true;
            self.space.d.next = self.fetcher.context.val();
            self.virt_page.d.next = self.fetcher.virt_page.val();
            self.write.d.next = self.fetcher.write.val();
            if self.for_completion.q.val() {
                self.space.d.next = self.completion.context.val();
                self.virt_page.d.next = self.completion.virt_page.val();
                self.write.d.next = self.completion.write.val();
            }
        }
        if self.asks.q.val() & self.mmu.req_ready.val() {
            self.asks.d.next = false;
            self.waits.d.next = true;
        }
        if self.waits.q.val() {
            self.phys_page.d.next = self.mmu.phys_page.val();
            self.cause.d.next = self.mmu.cause.val();
            if self.mmu.rsp_valid.val() {
                self.waits.d.next = false;
                self.answers_fetcher.d.next = !self.for_completion.q.val();
                self.answers_completion.d.next = self.for_completion.q.val();
            }
        }
        if self.answers_fetcher.q.val() & self.fetcher.rsp_ready.val() {
            self.answers_fetcher.d.next = false;
            self.busy.d.next = false;
        }
        if self.answers_completion.q.val() & self.completion.rsp_ready.val() {
            self.answers_completion.d.next = false;
            self.busy.d.next = false;
        }
        if self.reset.val() {
            self.busy.d.next = false;
            self.take_fetcher.d.next = false;
            self.take_completion.d.next = false;
            self.asks.d.next = false;
            self.waits.d.next = false;
            self.answers_fetcher.d.next = false;
            self.answers_completion.d.next = false;
            self.for_completion.d.next = false;
        }
    }
}
