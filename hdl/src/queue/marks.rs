//! What holds for each queue, apart from where it stands: parked, to be taken back, ended, or restarted with chains of
//! the old ring still under way.

use super::records::ParkedChain;
use crate::bus::ports::ParkSink;
use crate::bus::ram::LutRam;
use rust_hdl::prelude::*;
use segwalk_model::limits::TX_QUEUES;

logic_block! {
    /// Marks of all queues; see the module.
    pub struct QueueMarks {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        // Register block and completion
        /// Bit a transmit queue, pulses: a new ring.
        pub restart: Signal<In, Bits<16>>,
        /// A chain parks its queue.
        pub park: ParkSink,
        /// Bit a transmit queue, pulses: it goes on with the chain that parked it.
        pub resume: Signal<In, Bits<16>>,
        /// Bit a transmit queue, pulses: that chain is given up.
        pub abort: Signal<In, Bits<16>>,
        // Head reader
        /// Bit a transmit queue: it is not to be served.
        pub shut: Signal<Out, Bits<16>>,
        /// The queue that is served.
        pub queue: Signal<In, Bits<4>>,
        /// It has to go back to where it parked.
        pub rewind: Signal<Out, Bit>,
        /// The chain there is given up.
        pub give_up: Signal<Out, Bit>,
        /// Avail index of that chain.
        pub park_avail: Signal<Out, Bits<16>>,
        /// It went back, and the chain there is announced: its epoch begins with it; a pulse.
        pub rewound: Signal<In, Bit>,
        /// The epoch of its chains up to the next `rewound`.
        pub epoch: Signal<Out, Bit>,
        /// It ends with a ring error; a pulse.
        pub halt: Signal<In, Bit>,
        /// A chain is announced to the walker; a pulse.
        pub announced: Signal<In, Bit>,
        /// Nothing is on its way to be announced.
        pub quiet: Signal<In, Bit>,
        /// One more chain may be announced.
        pub room: Signal<Out, Bit>,
        /// Chains of an old ring are under way: announce nothing.
        pub flush: Signal<Out, Bit>,
        // Walker
        /// It has done with a chain; a pulse.
        pub finished: Signal<In, Bit>,
        /// It met a ring error; a pulse.
        pub failed: Signal<In, Bit>,
        /// The queue that it is about.
        pub walked_queue: Signal<In, Bits<4>>,
        /// Bit a transmit queue: chains that were announced are of an old ring.
        pub killed: Signal<Out, Bits<16>>,
        /// The chain that parked the walked queue.
        pub parked_chain: Signal<Out, ParkedChain>,
        //
        avails: LutRam<Bits<16>, 4>,
        chains: LutRam<ParkedChain, 4>,
        parked: DFF<Bits<16>>,
        to_rewind: DFF<Bits<16>>,
        to_give_up: DFF<Bits<16>>,
        epochs: DFF<Bits<16>>,
        halted: DFF<Bits<16>>,
        killing: DFF<Bits<16>>,
        flushing: DFF<Bit>,
        under_way: DFF<Bits<5>>,
        some_room: DFF<Bit>,
        // nothing of an old ring is under way, on the clock before
        drained: DFF<Bit>,
        shut_now: DFF<Bits<16>>,
        // on the clock after `rewound`, when the queue is the same yet
        went_back: DFF<Bit>,
        here: Signal<Local, Bits<16>>,
        park_here: Signal<Local, Bits<16>>,
        halt_here: Signal<Local, Bits<16>>,
        failed_here: Signal<Local, Bits<16>>,
        rewound_here: Signal<Local, Bits<16>>,
        keep: Signal<Local, Bits<16>>,
        back: Signal<Local, Bits<16>>,
        chain: Signal<Local, ParkedChain>,
        queues: Constant<Bits<16>> = Constant::new(((1u64 << TX_QUEUES) - 1).to_bits()),
    }
}

impl QueueMarks {
    /// For `queues` transmit queues, 1 to 16.
    pub fn new(queues: usize) -> Self {
        Self {
            queues: Constant::new(((1u64 << queues) - 1).to_bits()),
            ..Default::default()
        }
    }
}

impl Logic for QueueMarks {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, parked, to_rewind, to_give_up, epochs, halted, killing, flushing, under_way, some_room,
            shut_now, went_back, drained
        );
        clock!(self, clock, avails, chains);
        self.avails.write_addr.next = self.park.queue.val();
        self.avails.write_data.next = self.park.avail.val();
        self.avails.write_enable.next = self.park.valid.val();
        self.avails.read_addr.next = self.queue.val();
        self.chain.next.head = self.park.head.val();
        self.chain.next.sent_frames = self.park.sent_frames.val();
        self.chains.write_addr.next = self.park.queue.val();
        self.chains.write_data.next = self.chain.val();
        self.chains.write_enable.next = self.park.valid.val();
        self.chains.read_addr.next = self.walked_queue.val();
        self.parked_chain.next = self.chains.read_data.val();
        self.here.next = bits::<16>(1) << self.queue.val();
        self.park_here.next = 0.into();
        if self.park.valid.val() {
            self.park_here.next = bits::<16>(1) << self.park.queue.val();
        }
        self.halt_here.next = 0.into();
        if self.halt.val() {
            self.halt_here.next = self.here.val();
        }
        self.rewound_here.next = 0.into();
        self.went_back.d.next = self.rewound.val();
        if self.went_back.q.val() {
            self.rewound_here.next = self.here.val();
        }
        self.failed_here.next = 0.into();
        if self.failed.val() {
            self.failed_here.next = bits::<16>(1) << self.walked_queue.val();
        }
        self.keep.next = self.queues.val() & (self.restart.val() ^ 0xFFFF);
        // Only a queue that is parked goes back.
        self.back.next = (self.resume.val() | self.abort.val()) & self.parked.q.val();
        self.parked.d.next =
            ((self.parked.q.val() & (self.back.val() ^ 0xFFFF)) | self.park_here.val()) & self.keep.val();
        self.to_rewind.d.next =
            ((self.to_rewind.q.val() & (self.rewound_here.val() ^ 0xFFFF)) | self.back.val()) & self.keep.val();
        self.to_give_up.d.next = ((self.to_give_up.q.val() & (self.rewound_here.val() ^ 0xFFFF))
            | (self.abort.val() & self.parked.q.val()))
            & self.keep.val();
        // A new ring has a new epoch too: nobody drops its chains for what the old one did.
        self.epochs.d.next = (self.epochs.q.val() ^ self.rewound_here.val() ^ self.restart.val()) & self.queues.val();
        self.halted.d.next = (self.halted.q.val() | self.halt_here.val() | self.failed_here.val()) & self.keep.val();
        self.shut_now.d.next = self.halted.q.val() | self.parked.q.val();
        self.shut.next = self.shut_now.q.val();
        self.rewind.next = self.to_rewind.q.val().get_bit(self.queue.val().index());
        self.give_up.next = self.to_give_up.q.val().get_bit(self.queue.val().index());
        self.park_avail.next = self.avails.read_data.val();
        self.epoch.next = self.epochs.q.val().get_bit(self.queue.val().index());
        // Chains under way
        if self.announced.val() & !self.finished.val() {
            self.under_way.d.next = self.under_way.q.val() + 1;
        }
        if !self.announced.val() & self.finished.val() {
            self.under_way.d.next = self.under_way.q.val() - 1;
        }
        self.some_room.d.next = !(self.under_way.q.val().get_bit(4)
            | (self.under_way.q.val().get_bits::<4>(0).all() & self.announced.val()));
        self.room.next = self.some_room.q.val();
        // What is quiet then stays quiet until the flush is over.
        self.drained.d.next = self.quiet.val()
            & (self.under_way.q.val() == 0)
            & !self.announced.val()
            & self.flushing.q.val()
            & !self.drained.q.val();
        self.killing.d.next = (self.killing.q.val() | self.restart.val()) & self.queues.val();
        self.flushing.d.next = self.flushing.q.val() | self.restart.val().any();
        if self.drained.q.val() {
            self.killing.d.next = self.restart.val() & self.queues.val();
            self.flushing.d.next = self.restart.val().any();
        }
        self.flush.next = self.flushing.q.val();
        self.killed.next = self.killing.q.val();
        if self.reset.val() {
            self.parked.d.next = 0.into();
            self.to_rewind.d.next = 0.into();
            self.to_give_up.d.next = 0.into();
            self.epochs.d.next = 0.into();
            self.halted.d.next = 0.into();
            self.killing.d.next = 0.into();
            self.flushing.d.next = false;
            self.under_way.d.next = 0.into();
            self.went_back.d.next = false;
            self.drained.d.next = false;
        }
    }
}
