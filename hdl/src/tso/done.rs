//! Tells of finished chains, each after its last beat was accepted at the output.

use super::records::DoneRecord;
use crate::bus::fifo::Fifo;
use crate::bus::ports::DoneSource;
use rust_hdl::prelude::*;

logic_block! {
    /// Holds back the ends of chains until their frames have left.
    pub struct DoneQueue {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        /// A chain's end is loaded, in order.
        pub in_valid: Signal<In, Bit>,
        /// There is room for it.
        pub in_ready: Signal<Out, Bit>,
        /// The chain.
        pub chain: Signal<In, DoneRecord>,
        /// One more chain of those has nothing left to send.
        pub chain_left: Signal<In, Bit>,
        /// Finished chains.
        pub done: DoneSource,
        //
        chains: Fifo<DoneRecord, 4, 5>,
        released: DFF<Bits<6>>,
        valid: DFF<Bit>,
        held: DFF<DoneRecord>,
        moves: Signal<Local, Bit>,
    }
}

impl Logic for DoneQueue {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, released, valid, held);
        clock!(self, clock, chains);
        self.chains.reset.next = self.reset.val();
        self.chains.in_valid.next = self.in_valid.val();
        self.chains.in_data.next = self.chain.val();
        self.in_ready.next = self.chains.in_ready.val();
        self.done.valid.next = self.valid.q.val();
        self.done.queue.next = self.held.q.val().queue;
        self.done.head.next = self.held.q.val().head;
        self.done.refusal.next = self.held.q.val().refusal;
        self.done.avail.next = 0.into();
        self.done.sent_frames.next = 0.into();
        self.done.sent_bytes.next = 0.into();
        self.moves.next =
            self.chains.out_valid.val() & (self.released.q.val() != 0) & (!self.valid.q.val() | self.done.ready.val());
        self.chains.out_ready.next = self.moves.val();
        if self.done.ready.val() {
            self.valid.d.next = false;
        }
        if self.moves.val() {
            self.valid.d.next = true;
            self.held.d.next = self.chains.out_data.val();
        }
        if self.chain_left.val() & !self.moves.val() {
            self.released.d.next = self.released.q.val() + 1;
        }
        if !self.chain_left.val() & self.moves.val() {
            self.released.d.next = self.released.q.val() - 1;
        }
        if self.reset.val() {
            self.released.d.next = 0.into();
            self.valid.d.next = false;
        }
    }
}
