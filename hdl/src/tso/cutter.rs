//! Cuts a frame's payload into segments and moves it into the ring, in the alignment that it has in its frame.
//!
//! A beat of the ring takes bytes from two neighbouring beats of the stream: `kept`, the last beat that was taken, and
//! the one that is offered. Within a segment the distance between stream and ring is constant, so mixing the two beats
//! and rotating the result is all that is needed. A segment costs its beats and five clocks, which is less than its
//! header costs at the output.

use super::records::{SegmentNote, StreamBeat};
use rust_hdl::prelude::*;
use segwalk_model::limits::CHAIN_BYTES_BITS;

/// What the [`Cutter`] does.
#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
pub enum CutterState {
    /// No frame.
    Idle,
    /// Compares what is left with the MSS.
    Compare,
    /// Settles the segment's length.
    Length,
    /// Works out where it ends.
    Extent,
    /// Works out which beats need which.
    Steps,
    /// Moves beats.
    Fill,
    /// Drops a segment that the stream did not complete.
    Drop,
}

logic_block! {
    /// Moves payload; see the module.
    pub struct Cutter {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        /// A frame begins; the inputs below are stable until `finished`.
        pub start: Signal<In, Bit>,
        /// Its header is in a template bank; otherwise the whole frame goes through the ring.
        pub template: Signal<In, Bit>,
        /// It gives more than one segment.
        pub patch: Signal<In, Bit>,
        /// Bytes that go through the ring.
        pub payload_bytes: Signal<In, Bits<CHAIN_BYTES_BITS>>,
        /// Most bytes of a segment.
        pub segment_bytes: Signal<In, Bits<14>>,
        /// Lane of the payload's first byte.
        pub header_lanes: Signal<In, Bits<3>>,
        /// First byte of a frame without template that is summed.
        pub sum_start: Signal<In, Bits<14>>,
        /// A checksum is stored.
        pub sum: Signal<In, Bit>,
        /// At this byte of the frame.
        pub sum_at: Signal<In, Bits<14>>,
        /// A checksum of 0 is sent as 0xFFFF.
        pub never_zero: Signal<In, Bit>,
        /// Transmit queue of the chain.
        pub queue: Signal<In, Bits<4>>,
        /// Head of the chain.
        pub head: Signal<In, Bits<16>>,
        /// Frames of the chain that left in an earlier pass; stable from three clocks before `start` on.
        pub sent_frames: Signal<In, Bits<CHAIN_BYTES_BITS>>,
        /// Frames that left in this and earlier passes, once the notes so far have been carried out.
        pub frames_out: Signal<Out, Bits<CHAIN_BYTES_BITS>>,
        /// Payload bytes in them, or 0 when this pass did not come as far as the one before.
        pub bytes_out: Signal<Out, Bits<CHAIN_BYTES_BITS>>,
        /// The frame's last segment, or what is left of it, is dealt with; all beats of the chain are taken.
        pub finished: Signal<Out, Bit>,
        /// The stream offers a beat.
        pub beat_valid: Signal<In, Bit>,
        /// The beat.
        pub beat: Signal<In, StreamBeat>,
        /// Another module takes it.
        pub taken_elsewhere: Signal<In, Bit>,
        /// The last beat that was taken; without meaning after a frame's end.
        pub kept_beat: Signal<Out, Bits<64>>,
        /// It is taken here.
        pub take: Signal<Out, Bit>,
        /// A segment is complete; `note_ready` never falls without a note.
        pub note_valid: Signal<Out, Bit>,
        /// The note is taken.
        pub note_ready: Signal<In, Bit>,
        /// The note.
        pub note: Signal<Out, SegmentNote>,
        /// The ring has room for this and the next beats.
        pub room: Signal<In, Bit>,
        /// Beats written, modulo twice the ring's size; dropped ones are taken back.
        pub written: Signal<Out, Bits<13>>,
        /// A beat is moved: it comes out of `Realigner` two clocks later.
        pub move_valid: Signal<Out, Bit>,
        /// The beat goes to the ring; otherwise it only ends the sum of an empty segment.
        pub move_write: Signal<Out, Bit>,
        /// Where in the ring.
        pub move_at: Signal<Out, Bits<12>>,
        /// The stream's beats mixed: byte `k` belongs to lane `k - rotate`.
        pub mixed: Signal<Out, Bits<64>>,
        /// See `mixed`.
        pub rotate: Signal<Out, Bits<3>>,
        /// Lanes that are summed.
        pub sum_lanes: Signal<Out, Bits<8>>,
        /// First beat of a segment.
        pub move_first: Signal<Out, Bit>,
        /// Last beat of a segment.
        pub move_end: Signal<Out, Bit>,
        /// State number.
        pub debug: Signal<Out, Bits<4>>,
        //
        state: DFF<CutterState>,
        kept: DFF<Bits<64>>,
        kept_valid: DFF<Bit>,
        kept_fault: DFF<Bit>,
        kept_refusal: DFF<Bits<6>>,
        // of the super-frame
        left: DFF<Bits<20>>,
        first_segment: DFF<Bit>,
        lane: DFF<Bits<3>>,
        written_at: DFF<Bits<13>>,
        segment_at: DFF<Bits<13>>,
        // frames to make without sending them, and what was sent
        quiet_left: DFF<Bits<CHAIN_BYTES_BITS>>,
        quiet: DFF<Bit>,
        frames_sent: DFF<Bits<CHAIN_BYTES_BITS>>,
        bytes_sent: DFF<Bits<CHAIN_BYTES_BITS>>,
        // of the segment
        margin: DFF<Bits<21>>,
        bytes: DFF<Bits<14>>,
        last_segment: DFF<Bit>,
        extent: DFF<Bits<14>>,
        shift: DFF<Bits<3>>,
        beats: DFF<Bits<11>>,
        beats_left: DFF<Bits<11>>,
        empty: DFF<Bit>,
        first_beat: DFF<Bit>,
        last_beat: DFF<Bit>,
        // of the beat that is next: the segment comes to the stream's next beat with it; it needs that beat; it takes it,
        // which is never set outside `Fill`
        advances: DFF<Bit>,
        needs: DFF<Bit>,
        takes: DFF<Bit>,
        filling: DFF<Bit>,
        // a frame with payload is worked on
        fetching: DFF<Bit>,
        last_advances: DFF<Bit>,
        last_needs: DFF<Bit>,
        stays: DFF<Bit>,
        tail_lanes: DFF<Bits<8>>,
        start_lanes: DFF<Bits<8>>,
        sum_skip: DFF<Bits<11>>,
        sum_here: DFF<Bit>,
        sum_reached: DFF<Bit>,
        is_finished: DFF<Bit>,
        // the last clock's beat completed a segment
        noting: DFF<Bit>,
        // moved beat
        mixed_beat: DFF<Bits<64>>,
        mixed_valid: DFF<Bit>,
        mixed_write: DFF<Bit>,
        mixed_at: DFF<Bits<12>>,
        mixed_rotate: DFF<Bits<3>>,
        mixed_lanes: DFF<Bits<8>>,
        mixed_first: DFF<Bit>,
        mixed_end: DFF<Bit>,
        //
        first_advances: Signal<Local, Bit>,
        first_needs: Signal<Local, Bit>,
        is_next_last: Signal<Local, Bit>,
        may_step: Signal<Local, Bit>,
        breaks: Signal<Local, Bit>,
        step: Signal<Local, Bit>,
        chain_end: Signal<Local, Bit>,
        fetches: Signal<Local, Bit>,
        shift_bits: Signal<Local, Bits<6>>,
        next_mask: Signal<Local, Bits<64>>,
        keep_mask: Signal<Local, Bits<64>>,
        lanes: Signal<Local, Bits<8>>,
        offered: Signal<Local, Bits<64>>,
        beat_bytes: Signal<Local, Bits<14>>,
        rounded: Signal<Local, Bits<14>>,
        tail: Signal<Local, Bits<4>>,
        single: Signal<Local, Bit>,
        single_end: Signal<Local, Bits<5>>,
        last_end: Signal<Local, Bits<5>>,
        tail_low: Signal<Local, Bits<3>>,
        end_lane: Signal<Local, Bits<3>>,
        all: Constant<Bits<8>> = Constant::new(0xFF_u64.to_bits()),
        every_byte: Constant<Bits<64>> = Constant::new(u64::MAX.to_bits()),
        lanes_above: Signal<Local, Bits<8>>,
        lanes_below: Signal<Local, Bits<8>>,
        sum_lane: Signal<Local, Bits<3>>,
    }
}

impl Logic for Cutter {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            state,
            kept,
            kept_valid,
            kept_fault,
            kept_refusal,
            left,
            first_segment,
            lane,
            written_at,
            segment_at,
            quiet_left,
            quiet,
            frames_sent,
            bytes_sent,
            margin,
            bytes,
            last_segment,
            extent,
            shift,
            beats,
            beats_left,
            empty,
            first_beat,
            last_beat,
            advances,
            needs,
            takes,
            filling,
            fetching,
            last_advances,
            last_needs,
            stays,
            tail_lanes,
            start_lanes,
            sum_skip,
            sum_here,
            sum_reached,
            is_finished,
            noting,
            mixed_beat,
            mixed_valid,
            mixed_write,
            mixed_at,
            mixed_rotate,
            mixed_lanes,
            mixed_first,
            mixed_end
        );
        self.finished.next = self.is_finished.q.val();
        self.is_finished.d.next = false;
        self.written.next = self.written_at.q.val();
        self.move_valid.next = self.mixed_valid.q.val();
        self.move_write.next = self.mixed_write.q.val();
        self.move_at.next = self.mixed_at.q.val();
        self.mixed.next = self.mixed_beat.q.val();
        self.rotate.next = self.mixed_rotate.q.val();
        self.sum_lanes.next = self.mixed_lanes.q.val();
        self.move_first.next = self.mixed_first.q.val();
        self.move_end.next = self.mixed_end.q.val();
        self.debug.next = 0.into();
        self.note_valid.next = self.noting.q.val();
        self.noting.d.next = false;
        self.note.next.frame = true;
        self.note.next.done = self.last_segment.q.val();
        self.note.next.frees_bank = self.last_segment.q.val() & self.template.val();
        self.note.next.refusal = 0.into();
        self.note.next.quiet = self.quiet.q.val();
        self.note.next.queue = self.queue.val();
        self.note.next.head = self.head.val();
        self.note.next.template = self.template.val();
        self.note.next.patch = self.patch.val();
        self.note.next.first = self.first_segment.q.val();
        self.note.next.last = self.last_segment.q.val();
        self.note.next.payload_bytes = self.bytes.q.val();
        self.note.next.ring_beats = self.beats.q.val();
        self.note.next.tail_bytes = self.extent.q.val().get_bits::<3>(0);
        self.note.next.sum = self.sum.val();
        self.note.next.sum_at = self.sum_at.val();
        self.note.next.odd = self.sum_start.val().get_bit(0) & !self.template.val();
        self.note.next.never_zero = self.never_zero.val();
        self.kept_beat.next = self.kept.q.val();
        self.offered.next = self.beat.val().data;
        // A beat of the ring needs one or two of the stream. Taking one does not ask whether it is here.
        self.may_step.next = self.filling.q.val() & (self.kept_valid.q.val() | self.empty.q.val()) & self.room.val();
        self.breaks.next = self.may_step.val()
            & !self.empty.q.val()
            & (self.kept_fault.q.val() | (self.needs.q.val() & self.beat_valid.val() & self.beat.val().fault));
        self.step.next = self.may_step.val()
            & (self.empty.q.val() | !self.kept_fault.q.val())
            & (!self.needs.q.val() | (self.beat_valid.val() & !self.beat.val().fault));
        self.chain_end.next = self.last_segment.q.val() & self.last_beat.q.val();
        self.fetches.next = self.fetching.q.val() & !self.kept_valid.q.val();
        self.take.next = self.fetches.val()
            | (self.takes.q.val() & self.room.val() & self.kept_valid.q.val() & !self.kept_fault.q.val());
        // One enable for all of it: a second place that loads would cost a multiplexer a bit.
        if self.beat_valid.val()
            & (self.taken_elsewhere.val()
                | self.fetches.val()
                | (self.takes.q.val() & self.room.val() & self.kept_valid.q.val() & !self.kept_fault.q.val()))
        {
            self.kept.d.next = self.offered.val();
            self.kept_fault.d.next = self.beat.val().fault;
        }
        // Only read behind a fault, which is the kept beat's or, on the last clock, the offered one's.
        if !self.kept_fault.q.val() {
            self.kept_refusal.d.next = self.beat.val().refusal;
        }
        if self.beat_valid.val() & self.fetches.val() {
            self.kept_valid.d.next = true;
        }
        // Mix: lanes below `shift` come from the offered beat, unless the segment begins left of the stream's beat.
        self.shift_bits.next = bit_cast::<6, 3>(self.shift.q.val()) << 3;
        self.keep_mask.next = self.every_byte.val();
        if self.needs.q.val() {
            self.keep_mask.next = self.every_byte.val() << self.shift_bits.val();
        }
        self.next_mask.next = !self.keep_mask.val();
        self.mixed_beat.d.next =
            (self.offered.val() & self.next_mask.val()) | (self.kept.q.val() & self.keep_mask.val());
        self.mixed_valid.d.next = self.step.val();
        self.mixed_write.d.next = !self.empty.q.val();
        self.mixed_at.d.next = self.written_at.q.val().get_bits::<12>(0);
        self.mixed_rotate.d.next = self.shift.q.val();
        self.mixed_first.d.next = self.first_beat.q.val();
        self.mixed_end.d.next = self.last_beat.q.val();
        self.lanes.next = self.all.val();
        if self.sum_here.q.val() {
            self.lanes.next = self.start_lanes.q.val();
        } else if !self.sum_reached.q.val() {
            self.lanes.next = 0.into();
        }
        if self.last_beat.q.val() {
            self.lanes.next = self.lanes.val() & self.tail_lanes.q.val();
        }
        if self.empty.q.val() {
            self.lanes.next = 0.into();
        }
        self.mixed_lanes.d.next = self.lanes.val();
        // Where the segment ends
        self.beat_bytes.next = bit_cast::<14, 3>(self.header_lanes.val());
        self.rounded.next = self.extent.q.val() + 7;
        self.tail_low.next = self.extent.q.val().get_bits::<3>(0);
        self.tail.next = bit_cast::<4, 3>(self.tail_low.val());
        if self.tail_low.val() == 0 {
            self.tail.next = 8.into();
        }
        self.single.next = self.extent.q.val() < 9;
        self.single_end.next =
            bit_cast::<5, 3>(self.lane.q.val()) + bit_cast::<5, 4>(self.bytes.q.val().get_bits::<4>(0));
        self.last_end.next = bit_cast::<5, 3>(self.shift.q.val()) + bit_cast::<5, 4>(self.tail.val());
        self.end_lane.next = self.lane.q.val() + self.bytes.q.val().get_bits::<3>(0);
        self.first_advances.next = self.lane.q.val() >= self.header_lanes.val();
        self.first_needs.next = self.lane.q.val() > self.header_lanes.val();
        if self.single.val() {
            self.first_advances.next = self.single_end.val() > 7;
            self.first_needs.next = self.single_end.val() > 8;
        }
        self.is_next_last.next = self.beats_left.q.val() == 2;
        self.lanes_above.next = self.all.val() << self.tail.val();
        self.lanes_below.next = !self.lanes_above.val();
        self.sum_lane.next = self.sum_start.val().get_bits::<3>(0);
        if self.template.val() {
            self.sum_lane.next = self.header_lanes.val();
        }
        // A segment's beats take longer than it takes to know whether the next one is quiet.
        self.quiet.d.next = self.quiet_left.q.val() != 0;
        self.frames_out.next = self.frames_sent.q.val();
        self.bytes_out.next = self.bytes_sent.q.val();
        if self.quiet.q.val() {
            self.bytes_out.next = 0.into();
        }
        if self.noting.q.val() {
            self.bytes_sent.d.next = self.bytes_sent.q.val() + bit_cast::<20, 14>(self.bytes.q.val());
            if self.quiet.q.val() {
                self.quiet_left.d.next = self.quiet_left.q.val() - 1;
            } else {
                self.frames_sent.d.next = self.frames_sent.q.val() + 1;
            }
        }
        match self.state.q.val() {
            CutterState::Idle => {
                self.quiet_left.d.next = self.sent_frames.val();
                self.frames_sent.d.next = self.sent_frames.val();
                self.bytes_sent.d.next = 0.into();
                self.first_segment.d.next = true;
                self.kept_valid.d.next = self.template.val() & (self.header_lanes.val() != 0);
                self.left.d.next = self.payload_bytes.val();
                self.bytes.d.next = self.payload_bytes.val().get_bits::<14>(0);
                self.fetching.d.next = self.start.val() & (self.payload_bytes.val() != 0);
                self.lane.d.next = self.header_lanes.val();
                self.last_segment.d.next = true;
                self.segment_at.d.next = self.written_at.q.val();
                if self.start.val() {
                    self.state.d.next = CutterState::Extent;
                    if self.template.val() {
                        self.state.d.next = CutterState::Compare;
                    }
                }
            }
            CutterState::Compare => {
                self.debug.next = 1.into();
                if self.noting.q.val() {
                    self.first_segment.d.next = false;
                }
                self.margin.d.next =
                    bit_cast::<21, 14>(self.segment_bytes.val()) - bit_cast::<21, 20>(self.left.q.val());
                self.segment_at.d.next = self.written_at.q.val();
                self.state.d.next = CutterState::Length;
            }
            CutterState::Length => {
                self.debug.next = 2.into();
                // No borrow: what is left fits into one segment (rule 1).
                self.last_segment.d.next = true;
                self.bytes.d.next = self.left.q.val().get_bits::<14>(0);
                if self.margin.q.val().get_bit(20) {
                    self.last_segment.d.next = false;
                    self.bytes.d.next = self.segment_bytes.val();
                    self.left.d.next = self.left.q.val() - bit_cast::<20, 14>(self.segment_bytes.val());
                }
                self.state.d.next = CutterState::Extent;
            }
            CutterState::Extent => {
                self.debug.next = 3.into();
                self.extent.d.next = self.bytes.q.val() + self.beat_bytes.val();
                self.shift.d.next = self.lane.q.val() - self.header_lanes.val();
                self.state.d.next = CutterState::Steps;
            }
            CutterState::Steps => {
                self.debug.next = 4.into();
                self.beats.d.next = self.rounded.val().get_bits::<11>(3);
                self.beats_left.d.next = self.rounded.val().get_bits::<11>(3);
                self.empty.d.next = self.extent.q.val() == 0;
                self.first_beat.d.next = true;
                self.last_beat.d.next = self.single.val();
                self.stays.d.next = self.shift.q.val() != 0;
                self.advances.d.next = self.first_advances.val();
                self.needs.d.next = self.first_needs.val();
                self.filling.d.next = self.note_ready.val();
                self.takes.d.next = self.note_ready.val() & self.first_advances.val();
                if self.single.val() & self.last_segment.q.val() {
                    self.advances.d.next = true;
                    self.takes.d.next = self.note_ready.val() & self.first_needs.val();
                }
                self.last_advances.d.next = self.last_end.val() > 7;
                self.last_needs.d.next = self.last_end.val() > 8;
                self.tail_lanes.d.next = self.lanes_below.val();
                self.start_lanes.d.next = self.all.val() << self.sum_lane.val();
                self.sum_skip.d.next = self.sum_start.val().get_bits::<11>(3);
                self.sum_reached.d.next = false;
                self.sum_here.d.next = self.template.val() | (self.sum_start.val().get_bits::<11>(3) == 0);
                if self.note_ready.val() {
                    self.lane.d.next = self.end_lane.val();
                    self.state.d.next = CutterState::Fill;
                }
            }
            CutterState::Fill => {
                self.debug.next = 5.into();
                if self.breaks.val() {
                    self.filling.d.next = false;
                    self.takes.d.next = false;
                    self.state.d.next = CutterState::Drop;
                }
                if self.step.val() {
                    self.first_beat.d.next = false;
                    self.beats_left.d.next = self.beats_left.q.val() - 1;
                    self.last_beat.d.next = self.is_next_last.val();
                    self.advances.d.next = true;
                    self.needs.d.next = self.stays.q.val();
                    self.takes.d.next = !self.last_beat.q.val();
                    if self.is_next_last.val() {
                        self.advances.d.next = self.last_advances.q.val() | self.last_segment.q.val();
                        self.needs.d.next = self.last_needs.q.val();
                        self.takes.d.next =
                            self.last_needs.q.val() | (self.last_advances.q.val() & !self.last_segment.q.val());
                    }
                    self.sum_skip.d.next = self.sum_skip.q.val() - 1;
                    self.sum_here.d.next =
                        !self.sum_here.q.val() & !self.sum_reached.q.val() & (self.sum_skip.q.val() == 1);
                    self.sum_reached.d.next = self.sum_reached.q.val() | self.sum_here.q.val();
                    if !self.empty.q.val() {
                        self.written_at.d.next = self.written_at.q.val() + 1;
                    }
                    if self.advances.q.val() {
                        self.kept_valid.d.next = self.beat_valid.val() & !self.chain_end.val();
                    }
                    if self.last_beat.q.val() {
                        self.noting.d.next = true;
                        self.filling.d.next = false;
                        self.state.d.next = CutterState::Compare;
                        if self.last_segment.q.val() {
                            self.state.d.next = CutterState::Idle;
                            self.fetching.d.next = false;
                            self.is_finished.d.next = true;
                        }
                    }
                }
            }
            CutterState::Drop => {
                self.debug.next = 6.into();
                self.written_at.d.next = self.segment_at.q.val();
                self.note_valid.next = true;
                self.note.next.frame = false;
                self.note.next.done = true;
                self.note.next.frees_bank = self.template.val();
                self.note.next.refusal = self.kept_refusal.q.val();
                self.fetching.d.next = false;
                self.state.d.next = CutterState::Idle;
                self.is_finished.d.next = true;
            }
        }
        if self.reset.val() {
            self.state.d.next = CutterState::Idle;
            self.kept_valid.d.next = false;
            self.written_at.d.next = 0.into();
            self.mixed_valid.d.next = false;
            self.is_finished.d.next = false;
            self.noting.d.next = false;
            self.filling.d.next = false;
            self.takes.d.next = false;
            self.fetching.d.next = false;
        }
    }
}
