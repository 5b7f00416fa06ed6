//! Counts of each transmit queue's events, which the sequencer carries over to the value store.

use super::map::store;
use crate::bus::ram::LutRam;
use rust_hdl::prelude::*;

/// Bits of the count of a queue's bytes, the longest of all counts.
pub const COUNT_BITS: usize = 17;
/// Bits of the other counts of a queue.
pub const FEW_BITS: usize = 10;

/// Frames and bytes of a queue.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
struct SentEvents {
    bytes: Bits<COUNT_BITS>,
    frames: Bits<FEW_BITS>,
}

/// Chains and refused chains of a queue.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
struct DoneEvents {
    chains: Bits<FEW_BITS>,
    refused: Bits<FEW_BITS>,
}

logic_block! {
    /// A word a queue in distributed RAM, and a copy of it for the sequencer. Frames end at most every fourth clock, and so
    /// do chains: a word is read, added to and written on three clocks, each from registers to registers. Like the engine's
    /// counts they are never taken back.
    ///
    /// The register block looks at every counter at least once in 5,000 clocks: 64 of them and as many others of 6 clocks,
    /// seldom 11, and before each an access of at most 26 clocks. In that time less than 40,000 bytes and one frame leave,
    /// and fewer than 1,000 chains end.
    pub struct QueueCounters {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset of at least 20 clocks: takes the counts back to 0.
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
        /// The counter that `count` is about, as a word of the value store.
        pub slot: Signal<In, Bits<4>>,
        /// Its transmit queue.
        pub slot_queue: Signal<In, Bits<4>>,
        /// Count of `slot`, one clock after it.
        pub count: Signal<Out, Bits<COUNT_BITS>>,
        //
        sent: LutRam<SentEvents, 4>,
        sent_copy: LutRam<SentEvents, 4>,
        done: LutRam<DoneEvents, 4>,
        done_copy: LutRam<DoneEvents, 4>,
        // The last clock's events
        frame_now: DFF<Bit>,
        queue_now: DFF<Bits<4>>,
        bytes_now: DFF<Bits<4>>,
        chain_read: DFF<Bit>,
        chain_refused: DFF<Bit>,
        chain_queue: DFF<Bits<4>>,
        // A frame with its bytes
        frame_bytes: DFF<Bits<COUNT_BITS>>,
        frame_read: DFF<Bit>,
        frame_queue: DFF<Bits<4>>,
        frame_sum: DFF<Bits<COUNT_BITS>>,
        // The word that was read
        frame_add: DFF<Bit>,
        sent_word: DFF<SentEvents>,
        chain_add: DFF<Bit>,
        done_word: DFF<DoneEvents>,
        // What is written
        sent_write: DFF<Bit>,
        sent_at: DFF<Bits<4>>,
        sent_data: DFF<SentEvents>,
        done_write: DFF<Bit>,
        done_at: DFF<Bits<4>>,
        done_data: DFF<DoneEvents>,
        shown: DFF<Bits<COUNT_BITS>>,
        bytes_so_far: Signal<Local, Bits<COUNT_BITS>>,
        sent_next: Signal<Local, SentEvents>,
        done_next: Signal<Local, DoneEvents>,
        sent_shown: Signal<Local, SentEvents>,
        done_shown: Signal<Local, DoneEvents>,
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
            frame_now,
            queue_now,
            bytes_now,
            chain_read,
            chain_refused,
            chain_queue,
            frame_bytes,
            frame_read,
            frame_queue,
            frame_sum,
            frame_add,
            sent_word,
            chain_add,
            done_word,
            sent_write,
            sent_at,
            sent_data,
            done_write,
            done_at,
            done_data,
            shown
        );
        clock!(self, clock, sent, sent_copy, done, done_copy);
        // Events have a register at once: they come from afar.
        self.frame_now.d.next = self.sent_frame.val();
        self.queue_now.d.next = self.sent_queue.val();
        self.bytes_now.d.next = self.sent_bytes.val();
        self.chain_read.d.next = self.chain_done.val();
        if self.chain_done.val() {
            self.chain_refused.d.next = self.refused.val();
            self.chain_queue.d.next = self.done_queue.val();
        }
        // Bytes of a frame
        self.bytes_so_far.next = self.frame_bytes.q.val() + bit_cast::<COUNT_BITS, 4>(self.bytes_now.q.val());
        self.frame_bytes.d.next = self.bytes_so_far.val();
        self.frame_read.d.next = self.frame_now.q.val();
        if self.frame_now.q.val() {
            self.frame_bytes.d.next = 0.into();
            self.frame_queue.d.next = self.queue_now.q.val();
            self.frame_sum.d.next = self.bytes_so_far.val();
        }
        // Read
        self.sent.read_addr.next = self.frame_queue.q.val();
        self.done.read_addr.next = self.chain_queue.q.val();
        self.sent_word.d.next = self.sent.read_data.val();
        self.done_word.d.next = self.done.read_data.val();
        self.frame_add.d.next = self.frame_read.q.val();
        self.chain_add.d.next = self.chain_read.q.val();
        // Add
        self.sent_next.next.bytes = self.sent_word.q.val().bytes + self.frame_sum.q.val();
        self.sent_next.next.frames = self.sent_word.q.val().frames + 1;
        self.done_next.next.chains = self.done_word.q.val().chains + 1;
        self.done_next.next.refused = self.done_word.q.val().refused + self.chain_refused.q.val();
        self.sent_write.d.next = self.frame_add.q.val();
        self.done_write.d.next = self.chain_add.q.val();
        self.sent_at.d.next = self.frame_queue.q.val();
        self.done_at.d.next = self.chain_queue.q.val();
        // Write, both copies
        self.sent.write_enable.next = self.sent_write.q.val();
        self.sent.write_addr.next = self.sent_at.q.val();
        self.sent.write_data.next = self.sent_data.q.val();
        self.sent_copy.write_enable.next = self.sent_write.q.val();
        self.sent_copy.write_addr.next = self.sent_at.q.val();
        self.sent_copy.write_data.next = self.sent_data.q.val();
        self.done.write_enable.next = self.done_write.q.val();
        self.done.write_addr.next = self.done_at.q.val();
        self.done.write_data.next = self.done_data.q.val();
        self.done_copy.write_enable.next = self.done_write.q.val();
        self.done_copy.write_addr.next = self.done_at.q.val();
        self.done_copy.write_data.next = self.done_data.q.val();
        // Look
        self.sent_copy.read_addr.next = self.slot_queue.val();
        self.done_copy.read_addr.next = self.slot_queue.val();
        self.sent_shown.next = self.sent_copy.read_data.val();
        self.done_shown.next = self.done_copy.read_data.val();
        self.count.next = self.shown.q.val();
        self.shown.d.next = 0.into();
        if self.slot.val() == self.frames_slot.val() {
            self.shown.d.next = bit_cast::<COUNT_BITS, FEW_BITS>(self.sent_shown.val().frames);
        }
        if self.slot.val() == self.bytes_slot.val() {
            self.shown.d.next = self.sent_shown.val().bytes;
        }
        if self.slot.val() == self.chains_slot.val() {
            self.shown.d.next = bit_cast::<COUNT_BITS, FEW_BITS>(self.done_shown.val().chains);
        }
        if self.slot.val() == self.refused_slot.val() {
            self.shown.d.next = bit_cast::<COUNT_BITS, FEW_BITS>(self.done_shown.val().refused);
        }
        if self.reset.val() {
            // Every word is set to 0 in turn.
            self.frame_now.d.next = false;
            self.chain_read.d.next = false;
            self.frame_bytes.d.next = 0.into();
            self.bytes_now.d.next = 0.into();
            self.frame_read.d.next = false;
            self.frame_add.d.next = false;
            self.chain_add.d.next = false;
            self.sent_write.d.next = true;
            self.sent_at.d.next = self.sent_at.q.val() + 1;
            self.sent_next.next.bytes = 0.into();
            self.sent_next.next.frames = 0.into();
            self.done_write.d.next = true;
            self.done_at.d.next = self.sent_at.q.val() + 1;
            self.done_next.next.chains = 0.into();
            self.done_next.next.refused = 0.into();
        }
        self.sent_data.d.next = self.sent_next.val();
        self.done_data.d.next = self.done_next.val();
    }
}
