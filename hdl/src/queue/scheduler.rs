//! Which transmit queue is served next.

use rust_hdl::prelude::*;
use segwalk_model::limits::TX_QUEUES;

logic_block! {
    /// Remembers doorbells, restarts and stops of all transmit queues, and offers the next queue with work, round robin.
    pub struct QueueScheduler {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        // Register block
        /// Bit a transmit queue: it may be served.
        pub enabled: Signal<In, Bits<16>>,
        /// Bit a transmit queue, pulses: its indices go back to 0.
        pub restart: Signal<In, Bits<16>>,
        /// A doorbell rang.
        pub notify_valid: Signal<In, Bit>,
        /// Its transmit queue.
        pub notify_queue: Signal<In, Bits<4>>,
        /// Bit a transmit queue, pulses: it may have work, as after a doorbell.
        pub wake: Signal<In, Bits<16>>,
        // Fetcher
        /// `offered` has work.
        pub found: Signal<Out, Bit>,
        /// The queue that is offered.
        pub offered: Signal<Out, Bits<4>>,
        /// `offered` is taken; it is `current` from the next clock on.
        pub take: Signal<In, Bit>,
        /// `offered`, which is `current`, goes on without being taken anew.
        pub stay: Signal<In, Bit>,
        /// The queue that is being served.
        pub current: Signal<In, Bits<4>>,
        /// Its avail index is about to be read: older doorbells are answered with that.
        pub answer: Signal<In, Bit>,
        /// It has more work.
        pub again: Signal<In, Bit>,
        /// It met a ring error: it is not offered any more until its restart.
        pub stop: Signal<In, Bit>,
        /// Its indices are in the fetcher's state memory from now on.
        pub saved: Signal<In, Bit>,
        /// Its indices are 0, whatever the state memory says.
        pub fresh: Signal<Out, Bit>,
        /// It was restarted or switched off since it was taken.
        pub cancelled: Signal<Out, Bit>,
        /// It was restarted since it was taken.
        pub restarted: Signal<Out, Bit>,
        //
        pending: DFF<Bits<16>>,
        stopped: DFF<Bits<16>>,
        saved_once: DFF<Bits<16>>,
        runnable: DFF<Bits<16>>,
        candidate: DFF<Bits<4>>,
        cancel: DFF<Bit>,
        restart_seen: DFF<Bit>,
        offer: DFF<Bit>,
        one_hot: Signal<Local, Bits<16>>,
        notified: Signal<Local, Bits<16>>,
        pending_next: Signal<Local, Bits<16>>,
        keep: Signal<Local, Bits<16>>,
        here: Signal<Local, Bit>,
        queues: Constant<Bits<16>> = Constant::new(((1u64 << TX_QUEUES) - 1).to_bits()),
        last_queue: Constant<Bits<4>> = Constant::new((TX_QUEUES as u64 - 1).to_bits()),
    }
}

impl QueueScheduler {
    /// A scheduler of `queues` transmit queues, 1 to 16.
    pub fn new(queues: usize) -> Self {
        assert!(
            (1..=16).contains(&queues),
            "{queues} transmit queues asked for; the engine serves 1 to 16"
        );
        Self {
            queues: Constant::new(((1u64 << queues) - 1).to_bits()),
            last_queue: Constant::new((queues as u64 - 1).to_bits()),
            ..Default::default()
        }
    }
}

impl Logic for QueueScheduler {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            pending,
            stopped,
            saved_once,
            runnable,
            candidate,
            cancel,
            restart_seen,
            offer
        );
        self.one_hot.next = bits::<16>(1) << self.current.val();
        self.notified.next = self.wake.val();
        if self.notify_valid.val() {
            self.notified.next = self.wake.val() | (bits::<16>(1) << self.notify_queue.val());
        }
        // A doorbell on the clock of `answer` stays: it may be newer than the index that is read.
        self.pending_next.next = self.pending.q.val();
        if self.answer.val() {
            self.pending_next.next = self.pending.q.val() & !self.one_hot.val();
        }
        if self.again.val() {
            self.pending_next.next = self.pending.q.val() | self.one_hot.val();
        }
        self.keep.next = self.queues.val() & !self.restart.val();
        self.pending.d.next = (self.pending_next.val() | self.notified.val()) & self.keep.val();
        if self.stop.val() {
            self.stopped.d.next = (self.stopped.q.val() | self.one_hot.val()) & self.keep.val();
        } else {
            self.stopped.d.next = self.stopped.q.val() & self.keep.val();
        }
        if self.saved.val() {
            self.saved_once.d.next = (self.saved_once.q.val() | self.one_hot.val()) & self.keep.val();
        } else {
            self.saved_once.d.next = self.saved_once.q.val() & self.keep.val();
        }
        self.runnable.d.next = self.pending.q.val() & self.enabled.val() & !self.stopped.q.val();
        // The search goes on while a queue is being served.
        self.here.next = self.runnable.q.val().get_bit(self.candidate.q.val().index());
        self.offer.d.next = self.here.val();
        if self.take.val() | self.stay.val() | !self.here.val() {
            self.offer.d.next = false;
            self.candidate.d.next = self.candidate.q.val() + 1;
            if self.candidate.q.val() == self.last_queue.val() {
                self.candidate.d.next = 0.into();
            }
        }
        // The offer may be the queue that stops.
        if self.stop.val() {
            self.offer.d.next = false;
            self.runnable.d.next = 0.into();
        }
        self.found.next = self.offer.q.val();
        self.offered.next = self.candidate.q.val();
        self.fresh.next = !self.saved_once.q.val().get_bit(self.current.val().index());
        self.cancelled.next = self.cancel.q.val();
        self.restarted.next = self.restart_seen.q.val();
        if !self.enabled.val().get_bit(self.current.val().index()) {
            self.cancel.d.next = true;
        }
        if self.restart.val().get_bit(self.current.val().index()) {
            self.cancel.d.next = true;
            self.restart_seen.d.next = true;
        }
        if self.take.val() {
            self.cancel.d.next = false;
            self.restart_seen.d.next = false;
        }
        if self.reset.val() {
            self.pending.d.next = 0.into();
            self.stopped.d.next = 0.into();
            self.saved_once.d.next = 0.into();
            self.runnable.d.next = 0.into();
            self.candidate.d.next = 0.into();
            self.cancel.d.next = false;
            self.restart_seen.d.next = false;
            self.offer.d.next = false;
        }
    }
}
