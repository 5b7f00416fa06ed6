//! Sends frames: header beats from the template bank, payload beats from the ring, patched on the way.
//!
//! A record says what to send. One beat a clock is asked of the memories, as long as the queue at the output has room
//! for all that is under way; so the stages between never wait. A record that waits is loaded on the clock of the last
//! beat before it, so frames follow each other without a gap.

use super::byte_mask::ByteMask;
use super::masked_bytes::MaskedBytes;
use super::records::{DoneRecord, FrameRecord, OutputBeat};
use rust_hdl::prelude::*;

/// What the [`Emitter`] does.
#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
pub enum EmitState {
    /// Loads a record.
    Load,
    /// Asks for beats.
    Send,
}

logic_block! {
    /// Sends frames; see the module.
    pub struct Emitter {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        /// Begin no frame.
        pub hold: Signal<In, Bit>,
        /// A record is here.
        pub record_valid: Signal<In, Bit>,
        /// It is taken.
        pub record_ready: Signal<Out, Bit>,
        /// The record.
        pub record: Signal<In, FrameRecord>,
        /// Word of the template RAM.
        pub template_addr: Signal<Out, Bits<9>>,
        /// The word of the last clock's address.
        pub template_data: Signal<In, Bits<64>>,
        /// Word of the ring.
        pub ring_addr: Signal<Out, Bits<12>>,
        /// The word of the last clock's address.
        pub ring_data: Signal<In, Bits<64>>,
        /// Beats read from the ring, modulo twice its size.
        pub ring_read: Signal<Out, Bits<13>>,
        /// A template bank is free again.
        pub bank_freed: Signal<Out, Bit>,
        /// A chain's end was loaded.
        pub chain_end: Signal<Out, Bit>,
        /// There is room for it.
        pub chain_end_ready: Signal<In, Bit>,
        /// Which chain, and how it ended.
        pub chain_done: Signal<Out, DoneRecord>,
        /// That chain has no frame to wait for, and all frames before it left.
        pub done_now: Signal<Out, Bit>,
        /// A beat for the output; there is room for it.
        pub out_valid: Signal<Out, Bit>,
        /// The beat.
        pub out_beat: Signal<Out, OutputBeat>,
        /// A beat left the output.
        pub left: Signal<In, Bit>,
        /// No frame is partly emitted.
        pub idle: Signal<Out, Bit>,
        /// State number.
        pub debug: Signal<Out, Bits<1>>,
        //
        first_mask: ByteMask,
        second_mask: ByteMask,
        template_beat: MaskedBytes,
        ring_beat: MaskedBytes,
        state: DFF<EmitState>,
        is_idle: DFF<Bit>,
        // a record was loaded on the last clock, and what follows from it
        popped: DFF<Bit>,
        told: DFF<Bit>,
        told_now: DFF<Bit>,
        freed: DFF<Bit>,
        under_way: DFF<Bits<5>>,
        read_at: DFF<Bits<13>>,
        // the frame
        beat_at: DFF<Bits<11>>,
        beats_left: DFF<Bits<11>>,
        is_last: DFF<Bit>,
        // rule 20: beats of data to come, lanes of data in the last of them, and only padding is left
        padded: DFF<Bit>,
        data_left: DFF<Bits<4>>,
        data_lanes: DFF<Bits<8>>,
        padding: DFF<Bit>,
        header_left: DFF<Bits<6>>,
        in_header: DFF<Bit>,
        merges: DFF<Bit>,
        ends_chain: DFF<Bit>,
        frees: DFF<Bit>,
        quiet: DFF<Bit>,
        queue: DFF<Bits<4>>,
        bank: DFF<Bits<4>>,
        merge_lanes: DFF<Bits<8>>,
        tail_lanes: DFF<Bits<8>>,
        patch: DFF<Bit>,
        four: DFF<Bit>,
        odd_tags: DFF<Bit>,
        high_tcp: DFF<Bit>,
        sum: DFF<Bit>,
        length_beat: DFF<Bits<6>>,
        check_beat: DFF<Bits<6>>,
        high_beat: DFF<Bits<6>>,
        low_beat: DFF<Bits<6>>,
        flags_beat: DFF<Bits<6>>,
        first_sum_beat: DFF<Bits<11>>,
        second_sum_beat: DFF<Bits<11>>,
        first_sum_lane: DFF<Bits<3>>,
        second_sum_lane: DFF<Bits<3>>,
        // values as they lie in memory
        total_length: DFF<Bits<16>>,
        ip_word_2: DFF<Bits<16>>,
        ip_check: DFF<Bits<16>>,
        seq_high: DFF<Bits<16>>,
        seq_low: DFF<Bits<16>>,
        flags: DFF<Bits<16>>,
        sum_first: DFF<Bits<8>>,
        sum_second: DFF<Bits<8>>,
        // first stage: what to do with the beat that the memories give now
        asked: DFF<Bit>,
        asked_keep: DFF<Bits<8>>,
        asked_last: DFF<Bit>,
        asked_done: DFF<Bit>,
        asked_queue: DFF<Bits<4>>,
        asked_template: DFF<Bits<8>>,
        asked_data: DFF<Bits<8>>,
        put_length_0: DFF<Bit>,
        put_length_2: DFF<Bit>,
        put_word_2_1: DFF<Bit>,
        put_word_2_3: DFF<Bit>,
        put_check_0: DFF<Bit>,
        put_check_2: DFF<Bit>,
        put_high_1: DFF<Bit>,
        put_high_3: DFF<Bit>,
        put_low_0: DFF<Bit>,
        put_low_2: DFF<Bit>,
        put_flags_1: DFF<Bit>,
        put_flags_3: DFF<Bit>,
        put_first: DFF<Bits<8>>,
        put_second: DFF<Bits<8>>,
        // second stage: data, patch, and which lane takes what
        read: DFF<Bit>,
        read_keep: DFF<Bits<8>>,
        read_last: DFF<Bit>,
        read_done: DFF<Bit>,
        read_queue: DFF<Bits<4>>,
        patch_beat: DFF<Bits<64>>,
        // nothing is between these and the memories: they are the block RAMs' own output registers
        template_word: DFF<Bits<64>>,
        ring_word: DFF<Bits<64>>,
        template_lanes: DFF<Bits<8>>,
        ring_lanes: DFF<Bits<8>>,
        // third stage: of each word its lanes, in `template_beat` and `ring_beat`
        kept: DFF<Bit>,
        kept_keep: DFF<Bits<8>>,
        kept_last: DFF<Bit>,
        kept_done: DFF<Bit>,
        kept_queue: DFF<Bits<4>>,
        kept_patch: DFF<Bits<64>>,
        // fourth stage
        merged: DFF<Bit>,
        merged_beat: DFF<OutputBeat>,
        //
        now: Signal<Local, FrameRecord>,
        may_load: Signal<Local, Bit>,
        loads: Signal<Local, Bit>,
        asks: Signal<Local, Bit>,
        sends: Signal<Local, Bit>,
        silent: Signal<Local, Bit>,
        opens: Signal<Local, Bit>,
        near_header: Signal<Local, Bit>,
        frame_ends: Signal<Local, Bit>,
        header_beat: Signal<Local, Bits<6>>,
        at_length: Signal<Local, Bit>,
        at_check: Signal<Local, Bit>,
        at_high: Signal<Local, Bit>,
        at_low: Signal<Local, Bit>,
        at_flags: Signal<Local, Bit>,
        merge_above: Signal<Local, Bits<8>>,
        tail_above: Signal<Local, Bits<8>>,
        data_above: Signal<Local, Bits<8>>,
        data_now: Signal<Local, Bits<3>>,
        is_data_end: Signal<Local, Bit>,
        second_at: Signal<Local, Bits<14>>,
        high_word: Signal<Local, Bits<8>>,
        low_word: Signal<Local, Bits<8>>,
        flags_word: Signal<Local, Bits<8>>,
        word_0: Signal<Local, Bits<16>>,
        word_1: Signal<Local, Bits<16>>,
        word_2: Signal<Local, Bits<16>>,
        word_3: Signal<Local, Bits<16>>,
        any_0: Signal<Local, Bit>,
        any_1: Signal<Local, Bit>,
        any_2: Signal<Local, Bit>,
        any_3: Signal<Local, Bit>,
        patched: Signal<Local, Bits<8>>,
        not_patched: Signal<Local, Bits<8>>,
        not_template: Signal<Local, Bits<8>>,
        words: Signal<Local, Bits<64>>,
        first_wide: Signal<Local, Bits<64>>,
        second_wide: Signal<Local, Bits<64>>,
        first_pair: Signal<Local, Bits<64>>,
        second_pair: Signal<Local, Bits<64>>,
        first_half: Signal<Local, Bits<64>>,
        second_half: Signal<Local, Bits<64>>,
        first_bytes: Signal<Local, Bits<64>>,
        second_bytes: Signal<Local, Bits<64>>,
        lanes_now: Signal<Local, Bits<3>>,
        tail_now: Signal<Local, Bits<3>>,
        check_now: Signal<Local, Bits<16>>,
        first_at: Signal<Local, Bits<14>>,
        all: Constant<Bits<8>> = Constant::new(0xFF_u64.to_bits()),
        one: Constant<Bits<8>> = Constant::new(1_u64.to_bits()),
    }
}

impl Logic for Emitter {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            state,
            is_idle,
            popped,
            told,
            told_now,
            freed,
            under_way,
            read_at,
            beat_at,
            beats_left,
            is_last,
            padded,
            data_left,
            data_lanes,
            padding,
            header_left,
            in_header,
            merges,
            ends_chain,
            frees,
            quiet,
            queue,
            bank,
            merge_lanes,
            tail_lanes,
            patch,
            four,
            odd_tags,
            high_tcp,
            sum,
            length_beat,
            check_beat,
            high_beat,
            low_beat,
            flags_beat,
            first_sum_beat,
            second_sum_beat,
            first_sum_lane,
            second_sum_lane,
            total_length,
            ip_word_2,
            ip_check,
            seq_high,
            seq_low,
            flags,
            sum_first,
            sum_second,
            asked,
            asked_keep,
            asked_last,
            asked_done,
            asked_queue,
            asked_template,
            asked_data,
            put_length_0,
            put_length_2,
            put_word_2_1,
            put_word_2_3,
            put_check_0,
            put_check_2,
            put_high_1,
            put_high_3,
            put_low_0,
            put_low_2,
            put_flags_1,
            put_flags_3,
            put_first,
            put_second,
            read,
            read_keep,
            read_last,
            read_done,
            read_queue,
            patch_beat,
            template_word,
            ring_word,
            template_lanes,
            ring_lanes,
            kept,
            kept_keep,
            kept_last,
            kept_done,
            kept_queue,
            kept_patch,
            merged,
            merged_beat
        );
        clock!(self, clock, template_beat, ring_beat);
        self.now.next = self.record.val();
        self.idle.next = self.is_idle.q.val();
        self.ring_read.next = self.read_at.q.val();
        self.ring_addr.next = self.read_at.q.val().get_bits::<12>(0);
        self.template_addr.next =
            (bit_cast::<9, 4>(self.bank.q.val()) << 5) | bit_cast::<9, 5>(self.beat_at.q.val().get_bits::<5>(0));
        self.chain_done.next.queue = self.now.val().queue;
        self.chain_done.next.head = self.now.val().head;
        self.chain_done.next.refusal = self.now.val().refusal;
        self.debug.next = 0.into();
        // Load
        self.asks.next = (self.state.q.val() == EmitState::Send) & !self.under_way.q.val().get_bit(4);
        self.frame_ends.next = self.asks.val() & self.is_last.q.val();
        self.opens.next = (self.state.q.val() == EmitState::Load) | self.frame_ends.val();
        self.may_load.next =
            self.record_valid.val() & !self.popped.q.val() & (self.chain_end_ready.val() | !self.now.val().done);
        self.loads.next = self.opens.val() & self.may_load.val() & !self.hold.val();
        // Nothing of it leaves: then the chain's frames before it must have left when its end is told.
        self.silent.next = !self.now.val().frame | (self.now.val().quiet & self.now.val().done);
        if self.silent.val() {
            self.loads.next =
                (self.state.q.val() == EmitState::Load) & self.may_load.val() & (self.under_way.q.val() == 0);
        }
        // The record is taken on the next clock, when it is still there; no frame is so short that it matters.
        self.popped.d.next = self.loads.val();
        self.told.d.next = self.loads.val() & self.now.val().done;
        self.told_now.d.next = self.loads.val() & self.silent.val();
        self.record_ready.next = self.popped.q.val();
        self.chain_end.next = self.told.q.val();
        self.done_now.next = self.told_now.q.val();
        // Ask
        self.bank_freed.next = self.freed.q.val();
        self.freed.d.next = (self.frame_ends.val() & self.frees.q.val())
            | (self.loads.val() & !self.now.val().frame & self.now.val().frees_bank);
        self.is_idle.d.next = (self.state.q.val() == EmitState::Load)
            & (self.under_way.q.val() == 0)
            & !(self.loads.val() & self.now.val().frame);
        self.sends.next = self.asks.val() & !self.quiet.q.val();
        if self.sends.val() & !self.left.val() {
            self.under_way.d.next = self.under_way.q.val() + 1;
        }
        if !self.sends.val() & self.left.val() {
            self.under_way.d.next = self.under_way.q.val() - 1;
        }
        // First stage
        self.near_header.next = self.patch.q.val() & (self.in_header.q.val() | self.merges.q.val());
        self.header_beat.next = self.beat_at.q.val().get_bits::<6>(0);
        self.at_length.next = self.near_header.val() & (self.header_beat.val() == self.length_beat.q.val());
        self.at_check.next =
            self.near_header.val() & self.four.q.val() & (self.header_beat.val() == self.check_beat.q.val());
        self.at_high.next = self.near_header.val() & (self.header_beat.val() == self.high_beat.q.val());
        self.at_low.next = self.near_header.val() & (self.header_beat.val() == self.low_beat.q.val());
        self.at_flags.next = self.near_header.val() & (self.header_beat.val() == self.flags_beat.q.val());
        self.put_length_0.d.next = self.at_length.val() & self.four.q.val() & !self.odd_tags.q.val();
        self.put_length_2.d.next = self.at_length.val() & self.four.q.val() & self.odd_tags.q.val();
        self.put_word_2_1.d.next = self.at_length.val() & !self.odd_tags.q.val();
        self.put_word_2_3.d.next = self.at_length.val() & self.odd_tags.q.val();
        self.put_check_0.d.next = self.at_check.val() & !self.odd_tags.q.val();
        self.put_check_2.d.next = self.at_check.val() & self.odd_tags.q.val();
        self.put_high_3.d.next = self.at_high.val() & !self.high_tcp.q.val();
        self.put_high_1.d.next = self.at_high.val() & self.high_tcp.q.val();
        self.put_low_0.d.next = self.at_low.val() & !self.high_tcp.q.val();
        self.put_low_2.d.next = self.at_low.val() & self.high_tcp.q.val();
        self.put_flags_3.d.next = self.at_flags.val() & !self.high_tcp.q.val();
        self.put_flags_1.d.next = self.at_flags.val() & self.high_tcp.q.val();
        self.put_first.d.next = 0.into();
        if self.sum.q.val() & (self.beat_at.q.val() == self.first_sum_beat.q.val()) {
            self.put_first.d.next = self.one.val() << self.first_sum_lane.q.val();
        }
        self.put_second.d.next = 0.into();
        if self.sum.q.val() & (self.beat_at.q.val() == self.second_sum_beat.q.val()) {
            self.put_second.d.next = self.one.val() << self.second_sum_lane.q.val();
        }
        self.asked.d.next = self.sends.val();
        self.asked_queue.d.next = self.queue.q.val();
        self.asked_keep.d.next = self.all.val();
        if self.is_last.q.val() {
            self.asked_keep.d.next = self.tail_lanes.q.val();
        }
        self.asked_last.d.next = self.is_last.q.val();
        self.asked_done.d.next = self.is_last.q.val() & self.ends_chain.q.val();
        self.asked_template.d.next = 0.into();
        if self.in_header.q.val() {
            self.asked_template.d.next = self.all.val();
        } else if self.merges.q.val() {
            self.asked_template.d.next = self.merge_lanes.q.val();
        }
        self.is_data_end.next = self.padded.q.val() & (self.data_left.q.val() == 1);
        self.asked_data.d.next = self.all.val();
        if self.padding.q.val() {
            self.asked_data.d.next = 0.into();
        } else if self.is_data_end.val() {
            self.asked_data.d.next = self.data_lanes.q.val();
        }
        // Second stage
        self.word_0.next = 0.into();
        self.word_1.next = 0.into();
        self.word_2.next = 0.into();
        self.word_3.next = 0.into();
        if self.put_length_0.q.val() {
            self.word_0.next = self.total_length.q.val();
        }
        if self.put_check_0.q.val() {
            self.word_0.next = self.word_0.val() | self.ip_check.q.val();
        }
        if self.put_low_0.q.val() {
            self.word_0.next = self.word_0.val() | self.seq_low.q.val();
        }
        if self.put_word_2_1.q.val() {
            self.word_1.next = self.ip_word_2.q.val();
        }
        if self.put_high_1.q.val() {
            self.word_1.next = self.word_1.val() | self.seq_high.q.val();
        }
        if self.put_flags_1.q.val() {
            self.word_1.next = self.word_1.val() | self.flags.q.val();
        }
        if self.put_length_2.q.val() {
            self.word_2.next = self.total_length.q.val();
        }
        if self.put_check_2.q.val() {
            self.word_2.next = self.word_2.val() | self.ip_check.q.val();
        }
        if self.put_low_2.q.val() {
            self.word_2.next = self.word_2.val() | self.seq_low.q.val();
        }
        if self.put_word_2_3.q.val() {
            self.word_3.next = self.ip_word_2.q.val();
        }
        if self.put_high_3.q.val() {
            self.word_3.next = self.word_3.val() | self.seq_high.q.val();
        }
        if self.put_flags_3.q.val() {
            self.word_3.next = self.word_3.val() | self.flags.q.val();
        }
        self.any_0.next = self.put_length_0.q.val() | self.put_check_0.q.val() | self.put_low_0.q.val();
        self.any_1.next = self.put_word_2_1.q.val() | self.put_high_1.q.val() | self.put_flags_1.q.val();
        self.any_2.next = self.put_length_2.q.val() | self.put_check_2.q.val() | self.put_low_2.q.val();
        self.any_3.next = self.put_word_2_3.q.val() | self.put_high_3.q.val() | self.put_flags_3.q.val();
        self.patched.next = self.put_first.q.val() | self.put_second.q.val();
        if self.any_0.val() {
            self.patched.next = self.patched.val() | 0x03;
        }
        if self.any_1.val() {
            self.patched.next = self.patched.val() | 0x0C;
        }
        if self.any_2.val() {
            self.patched.next = self.patched.val() | 0x30;
        }
        if self.any_3.val() {
            self.patched.next = self.patched.val() | 0xC0;
        }
        self.words.next = bit_cast::<64, 16>(self.word_0.val())
            | (bit_cast::<64, 16>(self.word_1.val()) << 16)
            | (bit_cast::<64, 16>(self.word_2.val()) << 32)
            | (bit_cast::<64, 16>(self.word_3.val()) << 48);
        self.first_mask.lanes.next = self.put_first.q.val();
        self.second_mask.lanes.next = self.put_second.q.val();
        self.first_wide.next = bit_cast::<64, 8>(self.sum_first.q.val());
        self.second_wide.next = bit_cast::<64, 8>(self.sum_second.q.val());
        self.first_pair.next = self.first_wide.val() | (self.first_wide.val() << 8);
        self.second_pair.next = self.second_wide.val() | (self.second_wide.val() << 8);
        self.first_half.next = self.first_pair.val() | (self.first_pair.val() << 16);
        self.second_half.next = self.second_pair.val() | (self.second_pair.val() << 16);
        self.first_bytes.next = self.first_half.val() | (self.first_half.val() << 32);
        self.second_bytes.next = self.second_half.val() | (self.second_half.val() << 32);
        self.patch_beat.d.next = self.words.val()
            | (self.first_bytes.val() & self.first_mask.mask.val())
            | (self.second_bytes.val() & self.second_mask.mask.val());
        self.not_patched.next = !self.patched.val();
        self.not_template.next = !self.asked_template.q.val();
        self.template_lanes.d.next = self.asked_template.q.val() & self.not_patched.val();
        self.ring_lanes.d.next = self.not_template.val() & self.not_patched.val() & self.asked_data.q.val();
        self.template_word.d.next = self.template_data.val();
        self.ring_word.d.next = self.ring_data.val();
        self.read.d.next = self.asked.q.val();
        self.read_keep.d.next = self.asked_keep.q.val();
        self.read_last.d.next = self.asked_last.q.val();
        self.read_done.d.next = self.asked_done.q.val();
        self.read_queue.d.next = self.asked_queue.q.val();
        // Third stage
        self.template_beat.lanes.next = self.template_lanes.q.val();
        self.template_beat.data.next = self.template_word.q.val();
        self.ring_beat.lanes.next = self.ring_lanes.q.val();
        self.ring_beat.data.next = self.ring_word.q.val();
        self.kept.d.next = self.read.q.val();
        self.kept_keep.d.next = self.read_keep.q.val();
        self.kept_last.d.next = self.read_last.q.val();
        self.kept_done.d.next = self.read_done.q.val();
        self.kept_queue.d.next = self.read_queue.q.val();
        self.kept_patch.d.next = self.patch_beat.q.val();
        // Fourth stage
        self.merged.d.next = self.kept.q.val();
        self.merged_beat.d.next.data =
            self.kept_patch.q.val() | self.template_beat.kept.val() | self.ring_beat.kept.val();
        self.merged_beat.d.next.keep = self.kept_keep.q.val();
        self.merged_beat.d.next.last = self.kept_last.q.val();
        self.merged_beat.d.next.done = self.kept_done.q.val();
        self.merged_beat.d.next.queue = self.kept_queue.q.val();
        self.out_valid.next = self.merged.q.val();
        self.out_beat.next = self.merged_beat.q.val();
        // The frame
        self.lanes_now.next = self.now.val().header_lanes;
        self.tail_now.next = self.now.val().tail_bytes;
        self.merge_above.next = self.all.val() << self.lanes_now.val();
        self.tail_above.next = self.all.val() << self.tail_now.val();
        self.data_now.next = self.now.val().data_tail;
        self.data_above.next = self.all.val() << self.data_now.val();
        self.check_now.next = self.now.val().check;
        self.first_at.next = self.now.val().check_at;
        self.second_at.next = self.now.val().check_at + 1;
        self.high_word.next = bit_cast::<8, 7>(self.now.val().tcp_word) + 2;
        self.low_word.next = bit_cast::<8, 7>(self.now.val().tcp_word) + 3;
        self.flags_word.next = bit_cast::<8, 7>(self.now.val().tcp_word) + 6;
        if self.state.q.val() == EmitState::Send {
            self.debug.next = 1.into();
        }
        if self.asks.val() {
            self.beat_at.d.next = self.beat_at.q.val() + 1;
            self.beats_left.d.next = self.beats_left.q.val() - 1;
            self.is_last.d.next = self.beats_left.q.val() == 2;
            self.data_left.d.next = self.data_left.q.val() - 1;
            if self.is_data_end.val() {
                self.padding.d.next = true;
            }
            if self.in_header.q.val() {
                self.header_left.d.next = self.header_left.q.val() - 1;
                self.in_header.d.next = self.header_left.q.val() != 1;
            } else if !self.padding.q.val() {
                self.merges.d.next = false;
                self.read_at.d.next = self.read_at.q.val() + 1;
            }
        }
        if self.opens.val() {
            self.state.d.next = EmitState::Load;
            if self.loads.val() & self.now.val().frame {
                self.state.d.next = EmitState::Send;
            }
            self.beat_at.d.next = 0.into();
            self.beats_left.d.next = self.now.val().beats;
            self.is_last.d.next = self.now.val().beats == 1;
            self.header_left.d.next = self.now.val().header_beats;
            self.in_header.d.next = self.now.val().header_beats != 0;
            self.merges.d.next = self.now.val().header_lanes != 0;
            self.ends_chain.d.next = self.now.val().done;
            self.frees.d.next = self.now.val().frees_bank;
            self.quiet.d.next = self.now.val().quiet;
            self.queue.d.next = self.now.val().queue;
            self.bank.d.next = self.now.val().bank;
            self.merge_lanes.d.next = !self.merge_above.val();
            self.tail_lanes.d.next = !self.tail_above.val();
            if self.now.val().tail_bytes == 0 {
                self.tail_lanes.d.next = self.all.val();
            }
            self.padded.d.next = self.now.val().padded;
            self.padding.d.next = false;
            self.data_left.d.next = self.now.val().data_beats;
            self.data_lanes.d.next = !self.data_above.val();
            if self.now.val().data_tail == 0 {
                self.data_lanes.d.next = self.all.val();
            }
            self.patch.d.next = self.now.val().patch;
            self.four.d.next = self.now.val().four;
            self.odd_tags.d.next = self.now.val().tags == 1;
            self.length_beat.d.next = 2.into();
            self.check_beat.d.next = 3.into();
            if self.now.val().tags == 2 {
                self.length_beat.d.next = 3.into();
                self.check_beat.d.next = 4.into();
            }
            self.high_beat.d.next = self.high_word.val().get_bits::<6>(2);
            self.low_beat.d.next = self.low_word.val().get_bits::<6>(2);
            self.flags_beat.d.next = self.flags_word.val().get_bits::<6>(2);
            if self.now.val().udp {
                // No template is that long.
                self.low_beat.d.next = 0x3F.into();
                self.flags_beat.d.next = 0x3F.into();
            }
            // The TCP header begins with an odd word, the first or the last of a beat's two.
            self.high_tcp.d.next = self.flags_word.val().get_bits::<2>(0) == 1;
            self.sum.d.next = self.now.val().sum;
            self.first_sum_beat.d.next = self.first_at.val().get_bits::<11>(3);
            self.first_sum_lane.d.next = self.first_at.val().get_bits::<3>(0);
            self.second_sum_beat.d.next = self.second_at.val().get_bits::<11>(3);
            self.second_sum_lane.d.next = self.second_at.val().get_bits::<3>(0);
        }
        // Values that stage two puts in: one clock later, when it is through with the frame before.
        if self.popped.q.val() {
            self.sum_first.d.next = self.check_now.val().get_bits::<8>(8);
            self.sum_second.d.next = self.check_now.val().get_bits::<8>(0);
            self.total_length.d.next = (self.now.val().total_length << 8) | (self.now.val().total_length >> 8);
            self.ip_word_2.d.next = (self.now.val().ip_word_2 << 8) | (self.now.val().ip_word_2 >> 8);
            self.ip_check.d.next = (self.now.val().ip_check << 8) | (self.now.val().ip_check >> 8);
            self.seq_high.d.next = (self.now.val().seq_high << 8) | (self.now.val().seq_high >> 8);
            self.seq_low.d.next = (self.now.val().seq_low << 8) | (self.now.val().seq_low >> 8);
            self.flags.d.next = (self.now.val().flags << 8) | (self.now.val().flags >> 8);
        }
        if self.reset.val() {
            self.state.d.next = EmitState::Load;
            self.under_way.d.next = 0.into();
            self.read_at.d.next = 0.into();
            self.popped.d.next = false;
            self.told.d.next = false;
            self.told_now.d.next = false;
            self.freed.d.next = false;
            self.asked.d.next = false;
            self.read.d.next = false;
            self.kept.d.next = false;
            self.merged.d.next = false;
            self.is_idle.d.next = true;
        }
    }
}
