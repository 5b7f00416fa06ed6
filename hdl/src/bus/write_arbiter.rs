//! Two write clients on one write unit: completion and queue fetcher.
//!
//! The fetcher writes rarely and has one write under way at most; so its answer is known by the number of writes that
//! were under way before it.

use super::ports::*;
use rust_hdl::prelude::*;
use segwalk_model::limits::PHYS_ADDR_BITS;

logic_block! {
    /// Joins two write clients to one server; see the module.
    pub struct WriteArbiter {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        /// Completion.
        pub completion: MemWriteServer,
        /// Queue fetcher: one write under way at most.
        pub fetcher: MemWriteServer,
        /// Write unit.
        pub unit: MemWriteClient,
        //
        valid: DFF<Bit>,
        taken: DFF<Bits<2>>,
        // either of them; much is loaded with it
        taking: DFF<Bit>,
        address: DFF<Bits<PHYS_ADDR_BITS>>,
        data: DFF<Bits<64>>,
        strobe: DFF<Bits<8>>,
        outstanding: DFF<Bits<7>>,
        // the fetcher's write, and the writes under way before it
        pending: DFF<Bit>,
        older: DFF<Bits<7>>,
        room: DFF<Bit>,
        // the next answer is the fetcher's
        for_fetcher: DFF<Bit>,
        chosen: Signal<Local, Bits<2>>,
        next_outstanding: Signal<Local, Bits<7>>,
    }
}

impl Logic for WriteArbiter {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            valid,
            taken,
            taking,
            address,
            data,
            strobe,
            outstanding,
            pending,
            older,
            room,
            for_fetcher
        );
        self.completion.req_ready.next = self.taken.q.val().get_bit(0);
        self.fetcher.req_ready.next = self.taken.q.val().get_bit(1);
        self.unit.req_valid.next = self.valid.q.val();
        self.unit.phys_addr.next = self.address.q.val();
        self.unit.data.next = self.data.q.val();
        self.unit.strobe.next = self.strobe.q.val();
        // A request is taken on the clock after it was chosen, for valid never falls without a transfer.
        self.chosen.next = 0.into();
        if self.unit.req_ready.val() {
            self.valid.d.next = false;
        }
        self.next_outstanding.next = self.outstanding.q.val();
        if self.unit.done_valid.val() {
            self.next_outstanding.next = self.outstanding.q.val() - 1;
        }
        self.outstanding.d.next = self.next_outstanding.val();
        if self.taking.q.val() {
            self.valid.d.next = true;
            self.outstanding.d.next = self.next_outstanding.val() + 1;
            self.address.d.next = self.completion.phys_addr.val();
            self.data.d.next = self.completion.data.val();
            self.strobe.d.next = self.completion.strobe.val();
            if self.taken.q.val().get_bit(1) {
                self.address.d.next = self.fetcher.phys_addr.val();
                self.data.d.next = self.fetcher.data.val();
                self.strobe.d.next = self.fetcher.strobe.val();
            }
        } else if (!self.valid.q.val() | self.unit.req_ready.val()) & self.room.q.val() {
            if self.fetcher.req_valid.val() {
                self.chosen.next = 2.into();
            } else if self.completion.req_valid.val() {
                self.chosen.next = 1.into();
            }
        }
        self.taken.d.next = self.chosen.val();
        self.taking.d.next = self.chosen.val().any();
        self.room.d.next = !self.outstanding.q.val().get_bit(6);
        // Answers
        self.completion.done_valid.next = self.unit.done_valid.val() & !self.for_fetcher.q.val();
        self.completion.done_error.next = self.unit.done_error.val();
        self.fetcher.done_valid.next = self.unit.done_valid.val() & self.for_fetcher.q.val();
        self.fetcher.done_error.next = self.unit.done_error.val();
        if self.unit.done_valid.val() {
            self.older.d.next = self.older.q.val() - 1;
            self.for_fetcher.d.next = self.pending.q.val() & (self.older.q.val() == 1) & !self.for_fetcher.q.val();
            if self.for_fetcher.q.val() {
                self.pending.d.next = false;
            }
        }
        if self.taken.q.val().get_bit(1) {
            self.pending.d.next = true;
            self.older.d.next = self.next_outstanding.val();
            self.for_fetcher.d.next = ((self.outstanding.q.val() == 0) & !self.unit.done_valid.val())
                | ((self.outstanding.q.val() == 1) & self.unit.done_valid.val());
        }
        if self.reset.val() {
            self.valid.d.next = false;
            self.taken.d.next = 0.into();
            self.taking.d.next = false;
            self.for_fetcher.d.next = false;
            self.outstanding.d.next = 0.into();
            self.pending.d.next = false;
            self.room.d.next = false;
        }
    }
}
