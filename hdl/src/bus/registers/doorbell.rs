//! Doorbells, as soon as the bus gave them: the sequencer takes another ten clocks and more to answer the write.

use rust_hdl::prelude::*;
use segwalk_model::limits::TX_QUEUES;
use segwalk_model::registers;

logic_block! {
    /// Makes a pulse of a write to QUEUE_NOTIFY. Accesses come one after the other, so what was written before a doorbell
    /// acts before it.
    pub struct Doorbell {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        /// An access is offered.
        pub access_valid: Signal<In, Bit>,
        /// It is complete; a pulse.
        pub done: Signal<In, Bit>,
        /// It is a write.
        pub access_write: Signal<In, Bit>,
        /// Bits 11:2 of its address.
        pub access_word: Signal<In, Bits<10>>,
        /// Its data.
        pub access_data: Signal<In, Bits<32>>,
        /// Its lowest byte is written.
        pub access_strobe: Signal<In, Bits<4>>,
        /// A doorbell; a pulse.
        pub notify_valid: Signal<Out, Bit>,
        /// Its transmit queue.
        pub notify_queue: Signal<Out, Bits<4>>,
        //
        seen: DFF<Bit>,
        rung: DFF<Bit>,
        there: DFF<Bit>,
        queue: DFF<Bits<4>>,
        tx_queues: Constant<Bits<16>> = Constant::new((TX_QUEUES as u64).to_bits()),
        word: Constant<Bits<10>> = Constant::new(u64::from(registers::QUEUE_NOTIFY.offset / 4).to_bits()),
    }
}

impl Doorbell {
    /// For a build with `tx_queues` transmit queues.
    pub fn new(tx_queues: u32) -> Self {
        Self {
            tx_queues: Constant::new(u64::from(tx_queues).to_bits()),
            ..Default::default()
        }
    }
}

impl Logic for Doorbell {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, seen, rung, there, queue);
        self.seen.d.next = self.access_valid.val() & !self.done.val();
        self.rung.d.next = self.access_valid.val()
            & !self.seen.q.val()
            & self.access_write.val()
            & self.access_strobe.val().get_bit(0)
            & (self.access_word.val() == self.word.val());
        // Transmit queue k is virtio queue 2k + 1; receive queues have no doorbell here.
        self.queue.d.next = self.access_data.val().get_bits::<4>(1);
        self.there.d.next = self.access_data.val().get_bit(0)
            & (bit_cast::<16, 15>(self.access_data.val().get_bits::<15>(1)) < self.tx_queues.val());
        self.notify_valid.next = self.rung.q.val() & self.there.q.val();
        self.notify_queue.next = self.queue.q.val();
        if self.reset.val() {
            self.seen.d.next = false;
            self.rung.d.next = false;
        }
    }
}
