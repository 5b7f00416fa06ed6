//! Works out what a segment's header must say (rules 5 to 16) and makes the record that the emitter works from.
//!
//! One segment at a time, eight clocks each; a segment with its header takes as long at the output even with an MSS of
//! one byte.

use super::records::{FrameRecord, SegmentNote, Template};
use rust_hdl::prelude::*;

/// What [`Values`] does.
#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
pub enum ValueState {
    /// Waits for a segment.
    Idle,
    /// Adds what is known without the payload.
    Header,
    /// Waits for the payload's sum.
    Payload,
    /// Adds its first half.
    AddFirst,
    /// Adds its second half.
    AddSecond,
    /// Folds the sums.
    FoldFirst,
    /// Folds them again, and waits for room.
    FoldSecond,
    /// Offers the record.
    Offer,
}

logic_block! {
    /// Makes records; see the module.
    pub struct Values {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        /// TCP flags that the first segment keeps (rule 14).
        pub flags_first: Signal<In, Bits<12>>,
        /// The same for segments in the middle.
        pub flags_middle: Signal<In, Bits<12>>,
        /// The same for the last segment.
        pub flags_last: Signal<In, Bits<12>>,
        /// Bit 15 of the identification stays (rule 7).
        pub id_fifteen_bits: Signal<In, Bit>,
        /// The identification of a template with DF does not count (rule 7).
        pub id_fixed: Signal<In, Bit>,
        /// Short frames are padded (rule 20).
        pub pad: Signal<In, Bit>,
        /// Of the super-frame; stable while one of its segments is here.
        pub template: Signal<In, Template>,
        /// A segment is here.
        pub note_valid: Signal<In, Bit>,
        /// It is taken.
        pub note_ready: Signal<Out, Bit>,
        /// The segment.
        pub note: Signal<In, SegmentNote>,
        /// The sum of a segment's payload is here, in the order of the segments.
        pub sum_valid: Signal<In, Bit>,
        /// It is taken.
        pub sum_ready: Signal<Out, Bit>,
        /// Of little-endian words, not folded.
        pub sum: Signal<In, Bits<32>>,
        /// A record is offered.
        pub record_valid: Signal<Out, Bit>,
        /// There is room for it; that does not change without a record.
        pub record_ready: Signal<In, Bit>,
        /// The record.
        pub record: Signal<Out, FrameRecord>,
        /// A frame goes out that is not the first of its chain, with a header that the chain does not hold; a pulse.
        pub repeated: Signal<Out, Bit>,
        /// Its transmit queue.
        pub repeated_queue: Signal<Out, Bits<4>>,
        /// Bytes of its header.
        pub repeated_bytes: Signal<Out, Bits<9>>,
        /// State number.
        pub debug: Signal<Out, Bits<3>>,
        //
        again: DFF<Bit>,
        again_queue: DFF<Bits<4>>,
        again_bytes: DFF<Bits<9>>,
        state: DFF<ValueState>,
        // of the states: the record is offered, a sum is waited for
        offers: DFF<Bit>,
        waits: DFF<Bit>,
        seq: DFF<Bits<32>>,
        id: DFF<Bits<16>>,
        length: DFF<Bits<16>>,
        tcp_length: DFF<Bits<16>>,
        flags: DFF<Bits<16>>,
        check: DFF<Bits<20>>,
        addend: DFF<Bits<17>>,
        second: DFF<Bits<16>>,
        ip_check: DFF<Bits<20>>,
        beats: DFF<Bits<11>>,
        padded: DFF<Bit>,
        //
        is_short: Signal<Local, Bit>,
        tail: Signal<Local, Bits<3>>,
        bytes: Signal<Local, Bits<16>>,
        flag_mask: Signal<Local, Bits<16>>,
        template_now: Signal<Local, Template>,
        note_now: Signal<Local, SegmentNote>,
        seq_now: Signal<Local, Bits<32>>,
        seq_next: Signal<Local, Bits<32>>,
        id_next: Signal<Local, Bits<16>>,
        header_bytes: Signal<Local, Bits<9>>,
        header_beats: Signal<Local, Bits<6>>,
        low_sum: Signal<Local, Bits<16>>,
        high_sum: Signal<Local, Bits<16>>,
        low_swapped: Signal<Local, Bits<16>>,
        high_swapped: Signal<Local, Bits<16>>,
        folded: Signal<Local, Bits<20>>,
        ip_folded: Signal<Local, Bits<20>>,
        check_low: Signal<Local, Bits<16>>,
        check_word: Signal<Local, Bits<16>>,
        ip_low: Signal<Local, Bits<16>>,
        ip_word: Signal<Local, Bits<16>>,
    }
}

impl Logic for Values {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            state,
            offers,
            waits,
            seq,
            id,
            length,
            tcp_length,
            flags,
            check,
            addend,
            second,
            ip_check,
            beats,
            padded,
            again,
            again_queue,
            again_bytes
        );
        self.repeated.next = self.again.q.val();
        self.repeated_queue.next = self.again_queue.q.val();
        self.repeated_bytes.next = self.again_bytes.q.val();
        self.again.d.next = false;
        self.note_now.next = self.note.val();
        self.template_now.next = self.template.val();
        self.note_ready.next = self.offers.q.val();
        self.sum_ready.next = self.waits.q.val();
        self.record_valid.next = self.offers.q.val();
        self.offers.d.next = false;
        self.waits.d.next = false;
        self.debug.next = 0.into();
        self.bytes.next = bit_cast::<16, 14>(self.note_now.val().payload_bytes);
        // Rules 11 to 14; the data offset stays.
        self.flag_mask.next = 0xFFFF.into();
        if self.note_now.val().patch {
            self.flag_mask.next = bit_cast::<16, 12>(self.flags_middle.val()) | 0xF000;
            if self.note_now.val().first {
                self.flag_mask.next = bit_cast::<16, 12>(self.flags_first.val()) | 0xF000;
            }
            if self.note_now.val().last {
                self.flag_mask.next = bit_cast::<16, 12>(self.flags_last.val()) | 0xF000;
            }
        }
        self.seq_now.next = self.seq.q.val();
        if self.note_now.val().first {
            self.seq_now.next = (bit_cast::<32, 16>(self.template_now.val().seq_high) << 16)
                | bit_cast::<32, 16>(self.template_now.val().seq_low);
        }
        self.seq_next.next = self.seq.q.val() + bit_cast::<32, 14>(self.template_now.val().segment_bytes);
        self.id_next.next = self.id.q.val() + 1;
        self.low_sum.next = self.sum.val().get_bits::<16>(0);
        self.high_sum.next = self.sum.val().get_bits::<16>(16);
        self.low_swapped.next = (self.low_sum.val() << 8) | (self.low_sum.val() >> 8);
        self.high_swapped.next = (self.high_sum.val() << 8) | (self.high_sum.val() >> 8);
        self.folded.next = bit_cast::<20, 16>(self.check.q.val().get_bits::<16>(0))
            + bit_cast::<20, 4>(self.check.q.val().get_bits::<4>(16));
        self.ip_folded.next = bit_cast::<20, 16>(self.ip_check.q.val().get_bits::<16>(0))
            + bit_cast::<20, 4>(self.ip_check.q.val().get_bits::<4>(16));
        self.check_low.next = self.check.q.val().get_bits::<16>(0);
        self.check_word.next = !self.check_low.val();
        if self.note_now.val().never_zero & (self.check_low.val() == 0xFFFF) {
            self.check_word.next = 0xFFFF.into();
        }
        self.ip_low.next = self.ip_check.q.val().get_bits::<16>(0);
        self.ip_word.next = !self.ip_low.val();
        // The record, from what the states below leave
        self.header_bytes.next = 0.into();
        if self.note_now.val().template {
            self.header_bytes.next = self.template_now.val().header_bytes;
        }
        self.header_beats.next = self.header_bytes.val().get_bits::<6>(3);
        self.record.next.frame = self.note_now.val().frame;
        self.record.next.done = self.note_now.val().done;
        self.record.next.frees_bank = self.note_now.val().frees_bank;
        self.record.next.refusal = self.note_now.val().refusal;
        self.record.next.quiet = self.note_now.val().quiet;
        self.record.next.queue = self.note_now.val().queue;
        self.record.next.head = self.note_now.val().head;
        // Two clocks at least pass from one of these to the next.
        self.beats.d.next = self.note_now.val().ring_beats + bit_cast::<11, 6>(self.header_beats.val());
        self.tail.next = self.note_now.val().tail_bytes;
        self.is_short.next =
            (self.beats.q.val() < 8) | ((self.beats.q.val() == 8) & (self.tail.val() != 0) & (self.tail.val() < 4));
        self.padded.d.next = self.pad.val() & self.is_short.val();
        self.record.next.beats = self.beats.q.val();
        self.record.next.padded = self.padded.q.val();
        self.record.next.data_beats = self.beats.q.val().get_bits::<4>(0);
        self.record.next.data_tail = self.tail.val();
        self.record.next.header_beats = self.header_beats.val();
        self.record.next.header_lanes = self.header_bytes.val().get_bits::<3>(0);
        self.record.next.tail_bytes = self.tail.val();
        if self.padded.q.val() {
            self.record.next.beats = 8.into();
            self.record.next.tail_bytes = 4.into();
        }
        self.record.next.bank = self.template_now.val().bank;
        self.record.next.sum = self.note_now.val().sum;
        self.record.next.check_at = self.note_now.val().sum_at;
        self.record.next.check = self.check_word.val();
        self.record.next.patch = self.note_now.val().patch;
        self.record.next.four = self.template_now.val().four;
        self.record.next.tags = self.template_now.val().tags;
        self.record.next.tcp_word = self.template_now.val().tcp_word;
        self.record.next.udp = self.template_now.val().udp;
        self.record.next.total_length = self.length.q.val();
        self.record.next.ip_word_2 = self.length.q.val();
        if self.template_now.val().four {
            self.record.next.ip_word_2 = self.id.q.val();
        }
        self.record.next.ip_check = self.ip_word.val();
        self.record.next.seq_high = self.seq.q.val().get_bits::<16>(16);
        if self.template_now.val().udp {
            self.record.next.seq_high = self.tcp_length.q.val();
        }
        self.record.next.seq_low = self.seq.q.val().get_bits::<16>(0);
        self.record.next.flags = self.flags.q.val();
        match self.state.q.val() {
            ValueState::Idle => {
                self.length.d.next = bit_cast::<16, 9>(self.template_now.val().length_base) + self.bytes.val();
                self.tcp_length.d.next = bit_cast::<16, 6>(self.template_now.val().tcp_bytes) + self.bytes.val();
                self.flags.d.next = self.template_now.val().flags & self.flag_mask.val();
                self.check.d.next = 0.into();
                self.addend.d.next = 0.into();
                if self.note_valid.val() {
                    if !self.note_now.val().frame {
                        self.state.d.next = ValueState::FoldSecond;
                    } else if self.note_now.val().template {
                        self.state.d.next = ValueState::Header;
                    } else {
                        self.waits.d.next = true;
                        self.state.d.next = ValueState::Payload;
                    }
                }
            }
            ValueState::Header => {
                self.debug.next = 1.into();
                self.seq.d.next = self.seq_now.val();
                if self.note_now.val().first {
                    self.id.d.next = self.template_now.val().id;
                }
                self.waits.d.next = true;
                self.check.d.next = bit_cast::<20, 16>(self.template_now.val().tcp_sum);
                if self.template_now.val().add_length {
                    self.check.d.next = bit_cast::<20, 16>(self.template_now.val().tcp_sum)
                        + bit_cast::<20, 16>(self.tcp_length.q.val());
                }
                self.addend.d.next = bit_cast::<17, 16>(self.seq_now.val().get_bits::<16>(0))
                    + bit_cast::<17, 16>(self.seq_now.val().get_bits::<16>(16));
                if self.template_now.val().udp & self.note_now.val().patch {
                    self.addend.d.next = bit_cast::<17, 16>(self.tcp_length.q.val());
                }
                self.ip_check.d.next =
                    bit_cast::<20, 16>(self.template_now.val().ip_sum) + bit_cast::<20, 16>(self.length.q.val());
                self.state.d.next = ValueState::Payload;
            }
            ValueState::Payload => {
                self.debug.next = 2.into();
                self.second.d.next = self.high_swapped.val();
                if self.note_now.val().odd {
                    self.second.d.next = self.high_sum.val();
                }
                self.waits.d.next = !self.sum_valid.val();
                if self.sum_valid.val() {
                    self.check.d.next = self.check.q.val() + bit_cast::<20, 17>(self.addend.q.val());
                    self.addend.d.next = bit_cast::<17, 16>(self.low_swapped.val());
                    if self.note_now.val().odd {
                        self.addend.d.next = bit_cast::<17, 16>(self.low_sum.val());
                    }
                    self.ip_check.d.next = self.ip_check.q.val() + bit_cast::<20, 16>(self.id.q.val());
                    self.state.d.next = ValueState::AddFirst;
                    // without a checksum there is nothing to add
                    if !self.note_now.val().sum & !self.note_now.val().template {
                        self.state.d.next = ValueState::FoldSecond;
                    }
                }
            }
            ValueState::AddFirst => {
                self.debug.next = 3.into();
                self.check.d.next = self.check.q.val() + bit_cast::<20, 17>(self.addend.q.val());
                self.addend.d.next = bit_cast::<17, 16>(self.second.q.val());
                if self.note_now.val().template {
                    self.addend.d.next =
                        bit_cast::<17, 16>(self.second.q.val()) + bit_cast::<17, 16>(self.flags.q.val());
                }
                self.state.d.next = ValueState::AddSecond;
            }
            ValueState::AddSecond => {
                self.debug.next = 4.into();
                self.check.d.next = self.check.q.val() + bit_cast::<20, 17>(self.addend.q.val());
                self.ip_check.d.next = self.ip_folded.val();
                self.state.d.next = ValueState::FoldFirst;
            }
            ValueState::FoldFirst => {
                self.debug.next = 5.into();
                self.check.d.next = self.folded.val();
                self.ip_check.d.next = self.ip_folded.val();
                self.state.d.next = ValueState::FoldSecond;
            }
            ValueState::FoldSecond => {
                self.debug.next = 6.into();
                // Room stays until it is used, so that the next state need not ask.
                if self.record_ready.val() {
                    self.offers.d.next = true;
                    self.check.d.next = self.folded.val();
                    self.state.d.next = ValueState::Offer;
                }
            }
            ValueState::Offer => {
                self.debug.next = 7.into();
                self.again.d.next = self.note_now.val().frame
                    & self.note_now.val().template
                    & !self.note_now.val().first
                    & !self.note_now.val().quiet;
                self.again_queue.d.next = self.note_now.val().queue;
                self.again_bytes.d.next = self.header_bytes.val();
                self.seq.d.next = self.seq_next.val();
                self.id.d.next = self.id_next.val();
                if self.id_fifteen_bits.val() {
                    self.id.d.next = self.id_next.val().replace_bit(15, self.id.q.val().get_bit(15));
                }
                if self.id_fixed.val() & self.template_now.val().dont_fragment {
                    self.id.d.next = self.id.q.val();
                }
                self.state.d.next = ValueState::Idle;
            }
        }
        if self.reset.val() {
            self.state.d.next = ValueState::Idle;
            self.offers.d.next = false;
            self.waits.d.next = false;
            self.again.d.next = false;
        }
    }
}
