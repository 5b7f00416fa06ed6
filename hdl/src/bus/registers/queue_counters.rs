//! Events of each transmit queue that wait to be added to its counters.

use super::map::store;
use crate::bus::ram::LutRam;
use rust_hdl::prelude::*;

/// Bits of a number of events.
pub const AMOUNT_BITS: usize = 17;

/// Frames and bytes of a queue.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
struct SentEvents {
    bytes: Bits<17>,
    frames: Bits<10>,
}

/// Chains and refused chains of a queue.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
struct DoneEvents {
    chains: Bits<10>,
    refused: Bits<10>,
}

logic_block! {
    /// Adds events to one word a queue in distributed RAM. Frames end at most every fifth clock, and so do chains: a word
    /// is read on one clock and written on the next, and not while the register block looks and takes.
    ///
    /// The register block takes every counter at least once in 5,000 clocks: 64 of them and as many others of 5 or 9 clocks,
    /// and before each an access of at most 24 clocks. In that time less than 40,000 bytes and one frame leave, and fewer
    /// than 1,000 chains end.
    pub struct QueueCounters {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset of at least 16 clocks: forgets all events.
        pub reset: Signal<In, Bit>,
        /// A frame was emitted.
        pub sent_frame: Signal<In, Bit>,
        /// Its transmit queue.
        pub sent_queue: Signal<In, Bits<4>>,
        /// Bytes emitted on the last clock, those of the last beat with `sent_frame`.
        pub sent_bytes: Signal<In, Bits<4>>,
        /// A chain was completed.
        pub chain_done: Signal<In, Bit>,
        /// It was refused with a packet error; only with `chain_done`.
        pub refused: Signal<In, Bit>,
        /// Its transmit queue.
        pub done_queue: Signal<In, Bits<4>>,
        /// The counter that `amount` is about, as a word of the value store.
        pub slot: Signal<In, Bits<4>>,
        /// Its transmit queue.
        pub slot_queue: Signal<In, Bits<4>>,
        /// The counter is going to be taken on the next clock.
        pub look: Signal<In, Bit>,
        /// Events that wait, on a clock with `take`.
        pub amount: Signal<Out, Bits<AMOUNT_BITS>>,
        /// `amount` is taken.
        pub take: Signal<In, Bit>,
        //
        sent: LutRam<SentEvents, 4>,
        done: LutRam<DoneEvents, 4>,
        frame_bytes: DFF<Bits<17>>,
        // words of the last clock's addresses
        sent_word: DFF<SentEvents>,
        done_word: DFF<DoneEvents>,
        frame_read: DFF<Bit>,
        chain_read: DFF<Bit>,
        // the events that wait for two clocks without `look` and `take`
        frame_waits: DFF<Bit>,
        frame_queue: DFF<Bits<4>>,
        frame_sum: DFF<Bits<17>>,
        chain_waits: DFF<Bit>,
        chain_refused: DFF<Bit>,
        chain_queue: DFF<Bits<4>>,
        clear_at: DFF<Bits<4>>,
        bytes_so_far: Signal<Local, Bits<17>>,
        sent_next: Signal<Local, SentEvents>,
        done_next: Signal<Local, DoneEvents>,
        frames_slot: Constant<Bits<4>> = Constant::new(store::QUEUE_FRAMES.to_bits()),
        bytes_slot: Constant<Bits<4>> = Constant::new(store::QUEUE_BYTES.to_bits()),
        chains_slot: Constant<Bits<4>> = Constant::new(store::QUEUE_CHAINS.to_bits()),
        refused_slot: Constant<Bits<4>> = Constant::new(store::QUEUE_REFUSED.to_bits()),
    }
}

impl Logic for QueueCounters {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            frame_bytes,
            frame_waits,
            frame_queue,
            frame_sum,
            chain_waits,
            chain_refused,
            chain_queue,
            clear_at,
            sent_word,
            done_word,
            frame_read,
            chain_read
        );
        clock!(self, clock, sent, done);
        self.amount.next = 0.into();
        self.sent.read_addr.next = self.frame_queue.q.val();
        self.done.read_addr.next = self.chain_queue.q.val();
        if self.look.val() {
            self.sent.read_addr.next = self.slot_queue.val();
            self.done.read_addr.next = self.slot_queue.val();
        }
        self.sent.write_addr.next = self.frame_queue.q.val();
        self.done.write_addr.next = self.chain_queue.q.val();
        self.sent_word.d.next = self.sent.read_data.val();
        self.done_word.d.next = self.done.read_data.val();
        self.sent_next.next = self.sent_word.q.val();
        self.done_next.next = self.done_word.q.val();
        self.frame_read.d.next = false;
        self.chain_read.d.next = false;
        self.sent.write_enable.next = false;
        self.done.write_enable.next = false;
        if self.take.val() {
            self.sent.write_addr.next = self.slot_queue.val();
            self.done.write_addr.next = self.slot_queue.val();
            self.sent.write_enable.next = true;
            self.done.write_enable.next = true;
            if self.slot.val() == self.frames_slot.val() {
                self.amount.next = bit_cast::<AMOUNT_BITS, 10>(self.sent_next.val().frames);
                self.sent_next.next.frames = 0.into();
            }
            if self.slot.val() == self.bytes_slot.val() {
                self.amount.next = self.sent_next.val().bytes;
                self.sent_next.next.bytes = 0.into();
            }
            if self.slot.val() == self.chains_slot.val() {
                self.amount.next = bit_cast::<AMOUNT_BITS, 10>(self.done_next.val().chains);
                self.done_next.next.chains = 0.into();
            }
            if self.slot.val() == self.refused_slot.val() {
                self.amount.next = bit_cast::<AMOUNT_BITS, 10>(self.done_next.val().refused);
                self.done_next.next.refused = 0.into();
            }
        } else if !self.look.val() {
            self.sent.write_enable.next = self.frame_read.q.val();
            self.done.write_enable.next = self.chain_read.q.val();
            self.sent_next.next.bytes = self.sent_word.q.val().bytes + self.frame_sum.q.val();
            self.sent_next.next.frames = self.sent_word.q.val().frames + 1;
            self.done_next.next.chains = self.done_word.q.val().chains + 1;
            self.done_next.next.refused = self.done_word.q.val().refused + self.chain_refused.q.val();
            self.frame_read.d.next = self.frame_waits.q.val() & !self.frame_read.q.val();
            self.chain_read.d.next = self.chain_waits.q.val() & !self.chain_read.q.val();
            if self.frame_read.q.val() {
                self.frame_waits.d.next = false;
            }
            if self.chain_read.q.val() {
                self.chain_waits.d.next = false;
            }
        }
        // Events
        self.bytes_so_far.next = self.frame_bytes.q.val() + bit_cast::<17, 4>(self.sent_bytes.val());
        self.frame_bytes.d.next = self.bytes_so_far.val();
        if self.sent_frame.val() {
            self.frame_bytes.d.next = 0.into();
            self.frame_waits.d.next = true;
            self.frame_queue.d.next = self.sent_queue.val();
            self.frame_sum.d.next = self.bytes_so_far.val();
        }
        if self.chain_done.val() {
            self.chain_waits.d.next = true;
            self.chain_refused.d.next = self.refused.val();
            self.chain_queue.d.next = self.done_queue.val();
        }
        if self.reset.val() {
            self.clear_at.d.next = self.clear_at.q.val() + 1;
            self.sent.write_addr.next = self.clear_at.q.val();
            self.done.write_addr.next = self.clear_at.q.val();
            self.sent_next.next.bytes = 0.into();
            self.sent_next.next.frames = 0.into();
            self.done_next.next.chains = 0.into();
            self.done_next.next.refused = 0.into();
            self.sent.write_enable.next = true;
            self.done.write_enable.next = true;
            self.frame_bytes.d.next = 0.into();
            self.frame_waits.d.next = false;
            self.chain_waits.d.next = false;
            self.frame_read.d.next = false;
            self.chain_read.d.next = false;
        }
        self.sent.write_data.next = self.sent_next.val();
        self.done.write_data.next = self.done_next.val();
    }
}
