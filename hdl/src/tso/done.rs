//! Tells of finished chains, each after its last beat was accepted at the output.

use super::records::{DoneRecord, ParkWord};
use crate::bus::fifo::Fifo;
use crate::bus::ports::{DoneSource, CHAIN_PARKED};
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
        /// A chain that parks its queue ended; there is room for one of each queue.
        pub park_valid: Signal<In, Bit>,
        /// How far it came.
        pub park: Signal<In, ParkWord>,
        /// One more chain of those has nothing left to send.
        pub chain_left: Signal<In, Bit>,
        /// Finished chains.
        pub done: DoneSource,
        //
        chains: Fifo<DoneRecord, 4>,
        parks: Fifo<ParkWord, 4>,
        released: DFF<Bits<6>>,
        // `released` is not 0, a clock late; nothing moves on the clock after a move
        owed: DFF<Bit>,
        valid: DFF<Bit>,
        held: DFF<DoneRecord>,
        // the chain that is held parks its queue; it was taken on the last clock, and its word goes
        parks_queue: DFF<Bit>,
        parked_left: DFF<Bit>,
        oldest: Signal<Local, DoneRecord>,
        moves: Signal<Local, Bit>,
        parked: Constant<Bits<6>> = Constant::new(CHAIN_PARKED.to_bits()),
    }
}

impl Logic for DoneQueue {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, released, owed, valid, held, parks_queue, parked_left);
        clock!(self, clock, chains, parks);
        self.chains.reset.next = self.reset.val();
        self.chains.in_valid.next = self.in_valid.val();
        self.chains.in_data.next = self.chain.val();
        self.in_ready.next = self.chains.in_ready.val();
        self.done.valid.next = self.valid.q.val();
        self.done.queue.next = self.held.q.val().queue;
        self.done.head.next = self.held.q.val().head;
        self.done.refusal.next = self.held.q.val().refusal;
        self.parks.reset.next = self.reset.val();
        self.parks.in_valid.next = self.park_valid.val();
        self.parks.in_data.next = self.park.val();
        // A clock late: the next chain is offered on the clock after that at the earliest.
        self.parked_left.d.next = self.valid.q.val() & self.done.ready.val() & self.parks_queue.q.val();
        self.parks.out_ready.next = self.parked_left.q.val();
        self.done.avail.next = self.parks.out_data.val().avail;
        self.done.sent_frames.next = self.parks.out_data.val().sent_frames;
        self.done.sent_bytes.next = self.parks.out_data.val().sent_bytes;
        self.oldest.next = self.chains.out_data.val();
        self.owed.d.next = self.released.q.val() != 0;
        self.moves.next = self.chains.out_valid.val() & self.owed.q.val() & !self.valid.q.val();
        self.chains.out_ready.next = self.moves.val();
        if self.done.ready.val() {
            self.valid.d.next = false;
        }
        if self.moves.val() {
            self.valid.d.next = true;
            self.held.d.next = self.oldest.val();
            self.parks_queue.d.next = self.oldest.val().refusal == self.parked.val();
        }
        if self.chain_left.val() & !self.moves.val() {
            self.released.d.next = self.released.q.val() + 1;
        }
        if !self.chain_left.val() & self.moves.val() {
            self.released.d.next = self.released.q.val() - 1;
        }
        if self.reset.val() {
            self.released.d.next = 0.into();
            self.owed.d.next = false;
            self.valid.d.next = false;
            self.parked_left.d.next = false;
        }
    }
}
