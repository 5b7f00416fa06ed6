//! Turns beats from memory into the gapless byte stream of a chain.
//!
//! Three steps, one beat a clock: choose (how many bytes come, whether a word gets full), rotate (bytes to their place in
//! the stream), merge (with the bytes that wait for their word to get full).

use super::records::{BeatPlan, MemBeat, StreamBeat};
use crate::bus::fifo::Fifo;
use rust_hdl::prelude::*;

logic_block! {
    /// Turns beats into a byte stream; see the module.
    pub struct Realigner {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        /// A plan from the burst cutter.
        pub plan_valid: Signal<In, Bit>,
        /// It is done with.
        pub plan_ready: Signal<Out, Bit>,
        /// The plan.
        pub plan: Signal<In, BeatPlan>,
        /// A beat from memory.
        pub beat_valid: Signal<In, Bit>,
        /// It is taken.
        pub beat_ready: Signal<Out, Bit>,
        /// The beat.
        pub beat: Signal<In, MemBeat>,
        /// A beat of the stream.
        pub out_valid: Signal<Out, Bit>,
        /// It is taken.
        pub out_ready: Signal<In, Bit>,
        /// The beat.
        pub out: Signal<Out, StreamBeat>,
        /// 1: inside a chain, 2: the rest of a broken chain is dropped, 3: its last word is written.
        pub debug: Signal<Out, Bits<2>>,
        //
        words: Fifo<StreamBeat, 4>,
        // Choose
        in_chain: DFF<Bit>,
        dropping: DFF<Bit>,
        flushing: DFF<Bit>,
        fill: DFF<Bits<3>>,
        beat_index: DFF<Bits<9>>,
        // the next beat is not the first of its plan; it is the last of one that has several
        is_later: DFF<Bit>,
        is_last: DFF<Bit>,
        room: DFF<Bits<5>>,
        has_room: DFF<Bit>,
        // Rotate
        rotate_valid: DFF<Bit>,
        rotate_data: DFF<Bits<64>>,
        rotate_lanes: DFF<Bits<3>>,
        rotate_fill: DFF<Bits<3>>,
        rotate_full: DFF<Bit>,
        rotate_last: DFF<Bit>,
        rotate_refusal: DFF<Bits<6>>,
        // Merge
        merge_valid: DFF<Bit>,
        merge_data: DFF<Bits<64>>,
        merge_mask: DFF<Bits<8>>,
        merge_full: DFF<Bit>,
        merge_last: DFF<Bit>,
        merge_refusal: DFF<Bits<6>>,
        // one clock earlier than the bytes, so that nothing lies before their enables
        merge_takes: DFF<Bits<8>>,
        waiting_0: DFF<Bits<8>>,
        waiting_1: DFF<Bits<8>>,
        waiting_2: DFF<Bits<8>>,
        waiting_3: DFF<Bits<8>>,
        waiting_4: DFF<Bits<8>>,
        waiting_5: DFF<Bits<8>>,
        waiting_6: DFF<Bits<8>>,
        waiting_7: DFF<Bits<8>>,
        //
        at_fill: Signal<Local, Bits<3>>,
        next_index: Signal<Local, Bits<9>>,
        final_beat: Signal<Local, Bit>,
        breaks: Signal<Local, Bit>,
        go: Signal<Local, Bit>,
        step: Signal<Local, Bit>,
        lane: Signal<Local, Bits<3>>,
        count: Signal<Local, Bits<4>>,
        end_lane: Signal<Local, Bits<4>>,
        push: Signal<Local, Bit>,
        pop: Signal<Local, Bit>,
        rotated: Signal<Local, Bits<64>>,
        by_one: Signal<Local, Bits<64>>,
        by_two: Signal<Local, Bits<64>>,
        lane_mask: Signal<Local, Bits<8>>,
        merged: Signal<Local, Bits<64>>,
        waiting: Signal<Local, Bits<64>>,
        byte_mask: Signal<Local, Bits<64>>,
        entry: Signal<Local, StreamBeat>,
        bus_error: Constant<Bits<6>> = Constant::new(u64::from(segwalk_model::refusal::Refusal::PayloadBusError.code()).to_bits()),
        all_lanes: Constant<Bits<8>> = Constant::new(0xFF_u64.to_bits()),
        top_byte: Constant<Bits<64>> = Constant::new((0xFF_u64 << 56).to_bits()),
    }
}

impl Logic for Realigner {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            in_chain,
            dropping,
            flushing,
            fill,
            beat_index,
            is_later,
            is_last,
            room,
            has_room,
            rotate_valid,
            rotate_data,
            rotate_lanes,
            rotate_fill,
            rotate_full,
            rotate_last,
            rotate_refusal,
            merge_valid,
            merge_data,
            merge_mask,
            merge_full,
            merge_last,
            merge_refusal,
            merge_takes,
            waiting_0,
            waiting_1,
            waiting_2,
            waiting_3,
            waiting_4,
            waiting_5,
            waiting_6,
            waiting_7
        );
        clock!(self, clock, words);
        self.words.reset.next = self.reset.val();
        self.out_valid.next = self.words.out_valid.val();
        self.words.out_ready.next = self.out_ready.val();
        self.out.next = self.words.out_data.val();
        self.debug.next = 0.into();
        if self.in_chain.q.val() {
            self.debug.next = 1.into();
        }
        if self.dropping.q.val() {
            self.debug.next = 2.into();
        }
        if self.flushing.q.val() {
            self.debug.next = 3.into();
        }

        // Choose. A stream begins with 4 bytes of padding, so the frame behind the 12-byte header is aligned.
        self.at_fill.next = 4.into();
        if self.in_chain.q.val() {
            self.at_fill.next = self.fill.q.val();
        }
        self.final_beat.next = self.is_last.q.val() | (self.plan.val().single & !self.is_later.q.val());
        self.breaks.next = self.plan.val().breaks;
        self.next_index.next = self.beat_index.q.val() + 1;
        self.lane.next = 0.into();
        self.count.next = 8.into();
        if self.final_beat.val() {
            self.count.next = self.plan.val().last_bytes;
        }
        if !self.is_later.q.val() {
            self.lane.next = self.plan.val().first_lane;
            self.count.next = self.plan.val().first_bytes;
        }
        self.end_lane.next = bit_cast::<4, 3>(self.at_fill.val()) + self.count.val();
        // A step may give a word, so it waits until the queue has room for one.
        self.go.next = self.has_room.q.val() & !self.flushing.q.val();
        self.step.next = self.go.val() & self.plan_valid.val() & (self.beat_valid.val() | self.breaks.val());
        self.beat_ready.next = self.go.val() & self.plan_valid.val() & !self.breaks.val();
        self.plan_ready.next = self.step.val() & (self.breaks.val() | self.final_beat.val());
        self.rotate_valid.d.next = false;
        self.rotate_data.d.next = self.beat.val().data;
        self.rotate_lanes.d.next = self.at_fill.val() - self.lane.val();
        self.rotate_fill.d.next = self.at_fill.val();
        self.rotate_full.d.next = false;
        self.rotate_last.d.next = false;
        self.rotate_refusal.d.next = 0.into();
        if self.step.val() {
            self.in_chain.d.next = true;
            self.fill.d.next = self.end_lane.val().get_bits::<3>(0);
            self.beat_index.d.next = self.next_index.val();
            self.is_later.d.next = true;
            self.is_last.d.next = self.next_index.val() == self.plan.val().beats_minus_1;
            if self.final_beat.val() | self.breaks.val() {
                self.beat_index.d.next = 0.into();
                self.is_later.d.next = false;
                self.is_last.d.next = false;
            }
            if self.dropping.q.val() {
                // The chain broke at a beat with an error; its last plan ends it.
                if self.plan_ready.val() & self.plan.val().last {
                    self.dropping.d.next = false;
                    self.in_chain.d.next = false;
                }
            } else if self.breaks.val() | self.beat.val().error {
                self.rotate_valid.d.next = true;
                self.rotate_full.d.next = true;
                self.rotate_last.d.next = true;
                self.rotate_refusal.d.next = self.bus_error.val();
                if self.breaks.val() {
                    self.rotate_refusal.d.next = self.plan.val().refusal;
                }
                self.in_chain.d.next = false;
                self.dropping.d.next = !(self.plan_ready.val() & self.plan.val().last);
            } else {
                self.rotate_valid.d.next = true;
                self.rotate_full.d.next = self.end_lane.val().get_bit(3);
                if self.final_beat.val() & self.plan.val().last {
                    self.in_chain.d.next = false;
                    self.rotate_full.d.next = true;
                    self.rotate_last.d.next = true;
                    if self.end_lane.val() > 8 {
                        self.rotate_last.d.next = false;
                        self.flushing.d.next = true;
                    }
                }
            }
        }
        // The bytes of the last beat that did not fit go out in a word of their own.
        if self.flushing.q.val() & self.has_room.q.val() {
            self.flushing.d.next = false;
            self.rotate_valid.d.next = true;
            self.rotate_fill.d.next = self.fill.q.val();
            self.rotate_full.d.next = true;
            self.rotate_last.d.next = true;
        }
        // Words are counted a clock after the step that gave them, and `has_room` is a clock late: up to three more come.
        self.push.next = self.rotate_valid.q.val() & self.rotate_full.q.val();
        self.has_room.d.next = self.room.q.val() > 3;
        self.pop.next = self.words.out_valid.val() & self.out_ready.val();
        if self.push.val() & !self.pop.val() {
            self.room.d.next = self.room.q.val() - 1;
        }
        if !self.push.val() & self.pop.val() {
            self.room.d.next = self.room.q.val() + 1;
        }

        // Rotate by whole bytes: up by `rotate_lanes`, and what leaves at the top comes back at the bottom.
        self.by_one.next = self.rotate_data.q.val();
        if self.rotate_lanes.q.val().get_bit(0) {
            self.by_one.next = (self.rotate_data.q.val() << 8) | (self.rotate_data.q.val() >> 56);
        }
        self.by_two.next = self.by_one.val();
        if self.rotate_lanes.q.val().get_bit(1) {
            self.by_two.next = (self.by_one.val() << 16) | (self.by_one.val() >> 48);
        }
        self.rotated.next = self.by_two.val();
        if self.rotate_lanes.q.val().get_bit(2) {
            self.rotated.next = (self.by_two.val() << 32) | (self.by_two.val() >> 32);
        }
        self.lane_mask.next = self.all_lanes.val() << self.rotate_fill.q.val();
        self.merge_valid.d.next = self.rotate_valid.q.val();
        self.merge_data.d.next = self.rotated.val();
        self.merge_mask.d.next = self.lane_mask.val();
        self.merge_full.d.next = self.rotate_full.q.val();
        // What was full is gone: all that is new waits. Otherwise what is new joins what waits.
        self.merge_takes.d.next = 0.into();
        if self.rotate_valid.q.val() {
            self.merge_takes.d.next = self.lane_mask.val();
            if self.rotate_full.q.val() {
                self.merge_takes.d.next = self.all_lanes.val();
            }
        }
        self.merge_last.d.next = self.rotate_last.q.val();
        self.merge_refusal.d.next = self.rotate_refusal.q.val();

        // Merge
        self.waiting.next = bit_cast::<64, 8>(self.waiting_0.q.val())
            | (bit_cast::<64, 8>(self.waiting_1.q.val()) << 8)
            | (bit_cast::<64, 8>(self.waiting_2.q.val()) << 16)
            | (bit_cast::<64, 8>(self.waiting_3.q.val()) << 24)
            | (bit_cast::<64, 8>(self.waiting_4.q.val()) << 32)
            | (bit_cast::<64, 8>(self.waiting_5.q.val()) << 40)
            | (bit_cast::<64, 8>(self.waiting_6.q.val()) << 48)
            | (bit_cast::<64, 8>(self.waiting_7.q.val()) << 56);
        self.byte_mask.next = 0.into();
        for ix in 0..8 {
            self.byte_mask.next = self.byte_mask.val() >> 8;
            if self.merge_mask.q.val().get_bit(ix) {
                self.byte_mask.next = self.byte_mask.val() | self.top_byte.val();
            }
        }
        self.merged.next =
            (self.waiting.val() & !self.byte_mask.val()) | (self.merge_data.q.val() & self.byte_mask.val());
        self.entry.next.data = self.merged.val();
        self.entry.next.last = self.merge_last.q.val();
        self.entry.next.refusal = self.merge_refusal.q.val();
        self.words.in_data.next = self.entry.val();
        self.words.in_valid.next = self.merge_valid.q.val() & self.merge_full.q.val();
        if self.merge_takes.q.val().get_bit(0) {
            self.waiting_0.d.next = self.merge_data.q.val().get_bits::<8>(0);
        }
        if self.merge_takes.q.val().get_bit(1) {
            self.waiting_1.d.next = self.merge_data.q.val().get_bits::<8>(8);
        }
        if self.merge_takes.q.val().get_bit(2) {
            self.waiting_2.d.next = self.merge_data.q.val().get_bits::<8>(16);
        }
        if self.merge_takes.q.val().get_bit(3) {
            self.waiting_3.d.next = self.merge_data.q.val().get_bits::<8>(24);
        }
        if self.merge_takes.q.val().get_bit(4) {
            self.waiting_4.d.next = self.merge_data.q.val().get_bits::<8>(32);
        }
        if self.merge_takes.q.val().get_bit(5) {
            self.waiting_5.d.next = self.merge_data.q.val().get_bits::<8>(40);
        }
        if self.merge_takes.q.val().get_bit(6) {
            self.waiting_6.d.next = self.merge_data.q.val().get_bits::<8>(48);
        }
        if self.merge_takes.q.val().get_bit(7) {
            self.waiting_7.d.next = self.merge_data.q.val().get_bits::<8>(56);
        }
        if self.reset.val() {
            self.in_chain.d.next = false;
            self.dropping.d.next = false;
            self.flushing.d.next = false;
            self.beat_index.d.next = 0.into();
            self.is_later.d.next = false;
            self.is_last.d.next = false;
            self.room.d.next = 16.into();
            self.has_room.d.next = false;
            self.rotate_valid.d.next = false;
            self.merge_valid.d.next = false;
        }
    }
}
