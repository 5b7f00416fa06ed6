//! Frames from the core's clock to the Ethernet clock, whole frames only.
//!
//! The writer stores a frame and then counts it; the reader begins a frame only when it was counted, so a frame never
//! runs dry in the middle, however slowly it came. Only two counters cross, each in Gray code: frames stored, and words
//! read. A frame that is longer than the whole queue can never be counted: it is dropped, and the drop is told.

#![allow(missing_docs)] // the derive adds methods without a doc comment; every field has one

use super::crossing::{GrayCounter, GrayDecoder, Synchroniser, TwoClockRam};
use crate::bus::ports::FrameSink;
use rust_hdl::prelude::*;

/// Eight bytes of a frame.
#[derive(Copy, Clone, PartialEq, Debug, Default, LogicStruct)]
pub struct FrameWord {
    /// Byte 0 in bits 7:0.
    pub data: Bits<64>,
    /// Bytes that count, less one.
    pub bytes_minus_1: Bits<3>,
    /// Last word of its frame.
    pub last: Bit,
}

/// The queue: `2^A` words; `A1` is `A + 1`.
#[derive(LogicBlock)]
pub struct FrameQueue<const A: usize, const A1: usize> {
    /// Writing clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset of the writer.
    pub reset: Signal<In, Bit>,
    /// Frames.
    pub frames: FrameSink,
    /// A frame that does not fit the queue was dropped; a pulse.
    pub dropped: Signal<Out, Bit>,
    /// Reading clock.
    pub read_clock: Signal<In, Clock>,
    /// Synchronous reset of the reader.
    pub read_reset: Signal<In, Bit>,
    /// At least one whole frame is here. It falls when its last word is taken, unless there is another.
    pub frame_here: Signal<Out, Bit>,
    /// The next word; meaningful three clocks after the last `take`.
    pub word: Signal<Out, FrameWord>,
    /// The word is taken; only while a frame is here, and not within three clocks of the last time.
    pub take: Signal<In, Bit>,
    //
    ram: TwoClockRam<FrameWord, A>,
    // writer
    write_at: DFF<Bits<A1>>,
    frame_start: DFF<Bits<A1>>,
    used: DFF<Bits<A1>>,
    ready: DFF<Bit>,
    stuck: DFF<Bit>,
    dropping: DFF<Bit>,
    drop_pulse: DFF<Bit>,
    stored: GrayCounter<A1>,
    read_gray: Synchroniser<Bits<A1>>,
    read_count: GrayDecoder<A1>,
    // reader
    read_words: GrayCounter<A1>,
    read_at: DFF<Bits<A1>>,
    word_reg: DFF<FrameWord>,
    stored_gray: Synchroniser<Bits<A1>>,
    stored_count: GrayDecoder<A1>,
    frames_read: DFF<Bits<A1>>,
    here: DFF<Bit>,
    //
    entry: Signal<Local, FrameWord>,
    accept: Signal<Local, Bit>,
    next_used: Signal<Local, Bits<A1>>,
    next_write: Signal<Local, Bits<A1>>,
    next_frames: Signal<Local, Bits<A1>>,
    nearly_full: Constant<Bits<A1>>,
}

impl<const A: usize, const A1: usize> Default for FrameQueue<A, A1> {
    fn default() -> Self {
        assert_eq!(
            A1,
            A + 1,
            "the count of a FrameQueue needs one bit more than its address"
        );
        Self {
            clock: Default::default(),
            reset: Default::default(),
            frames: Default::default(),
            dropped: Default::default(),
            read_clock: Default::default(),
            read_reset: Default::default(),
            frame_here: Default::default(),
            word: Default::default(),
            take: Default::default(),
            ram: Default::default(),
            write_at: Default::default(),
            frame_start: Default::default(),
            used: Default::default(),
            ready: Default::default(),
            stuck: Default::default(),
            dropping: Default::default(),
            drop_pulse: Default::default(),
            stored: Default::default(),
            read_gray: Default::default(),
            read_count: Default::default(),
            read_words: Default::default(),
            read_at: Default::default(),
            word_reg: Default::default(),
            stored_gray: Default::default(),
            stored_count: Default::default(),
            frames_read: Default::default(),
            here: Default::default(),
            entry: Default::default(),
            accept: Default::default(),
            next_used: Default::default(),
            next_write: Default::default(),
            next_frames: Default::default(),
            nearly_full: Constant::new(((1u64 << A) - 2).to_bits()),
        }
    }
}

impl<const A: usize, const A1: usize> Logic for FrameQueue<A, A1> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            write_at,
            frame_start,
            used,
            ready,
            stuck,
            dropping,
            drop_pulse
        );
        clock!(self, clock, stored, read_gray, read_count);
        dff_setup!(self, read_clock, read_at, word_reg, frames_read, here);
        clock!(self, read_clock, read_words, stored_gray, stored_count);
        // Writer
        self.ram.write_clock.next = self.clock.val();
        self.ram.write_addr.next = bit_cast::<A, A1>(self.write_at.q.val());
        self.entry.next.data = self.frames.tdata.val();
        self.entry.next.last = self.frames.tlast.val();
        self.entry.next.bytes_minus_1 = 0.into();
        if self.frames.tkeep.val().get_bit(1) {
            self.entry.next.bytes_minus_1 = 1.into();
        }
        if self.frames.tkeep.val().get_bit(2) {
            self.entry.next.bytes_minus_1 = 2.into();
        }
        if self.frames.tkeep.val().get_bit(3) {
            self.entry.next.bytes_minus_1 = 3.into();
        }
        if self.frames.tkeep.val().get_bit(4) {
            self.entry.next.bytes_minus_1 = 4.into();
        }
        if self.frames.tkeep.val().get_bit(5) {
            self.entry.next.bytes_minus_1 = 5.into();
        }
        if self.frames.tkeep.val().get_bit(6) {
            self.entry.next.bytes_minus_1 = 6.into();
        }
        if self.frames.tkeep.val().get_bit(7) {
            self.entry.next.bytes_minus_1 = 7.into();
        }
        self.frames.tready.next = self.ready.q.val();
        self.accept.next = self.frames.tvalid.val() & self.ready.q.val();
        self.ram.write_data.next = self.entry.val();
        self.ram.write_enable.next = self.accept.val();
        self.read_gray.crossing.next = self.read_words.gray.val();
        self.read_count.gray.next = self.read_gray.settled.val();
        self.next_write.next = self.write_at.q.val();
        self.stored.reset.next = self.reset.val();
        self.stored.step.next = false;
        self.drop_pulse.d.next = false;
        if self.accept.val() {
            if !self.dropping.q.val() {
                self.next_write.next = self.write_at.q.val() + 1;
            }
            if self.frames.tlast.val() {
                self.dropping.d.next = false;
                self.drop_pulse.d.next = self.dropping.q.val();
                self.stored.step.next = !self.dropping.q.val();
                self.frame_start.d.next = self.next_write.val();
            }
        }
        // Words that the reader has not given back; behind the truth by the crossing, never ahead of it.
        self.next_used.next = self.next_write.val() - self.read_count.count.val();
        self.used.d.next = self.next_used.val();
        self.write_at.d.next = self.next_write.val();
        // `used` is a clock old, and one more word may come on this one.
        self.ready.d.next = (self.used.q.val() < self.nearly_full.val()) | self.dropping.q.val();
        // Nothing but the frame that is being written is in the queue, and there is no room: it can never be sent.
        self.stuck.d.next = (self.used.q.val() >= self.nearly_full.val())
            & (self.frame_start.q.val() == self.read_count.count.val())
            & !self.dropping.q.val();
        if self.stuck.q.val() & !self.ready.q.val() & !self.dropping.q.val() {
            self.dropping.d.next = true;
            self.write_at.d.next = self.frame_start.q.val();
            self.used.d.next = 0.into();
        }
        self.dropped.next = self.drop_pulse.q.val();
        if self.reset.val() {
            self.write_at.d.next = 0.into();
            self.frame_start.d.next = 0.into();
            self.used.d.next = 0.into();
            self.ready.d.next = false;
            self.stuck.d.next = false;
            self.dropping.d.next = false;
        }
        // Reader
        self.ram.read_clock.next = self.read_clock.val();
        self.ram.read_addr.next = bit_cast::<A, A1>(self.read_at.q.val());
        self.word_reg.d.next = self.ram.read_data.val();
        self.word.next = self.word_reg.q.val();
        self.stored_gray.crossing.next = self.stored.gray.val();
        self.stored_count.gray.next = self.stored_gray.settled.val();
        self.read_words.reset.next = self.read_reset.val();
        self.read_words.step.next = self.take.val();
        self.next_frames.next = self.frames_read.q.val();
        if self.take.val() {
            self.read_at.d.next = self.read_at.q.val() + 1;
            if self.word_reg.q.val().last {
                self.next_frames.next = self.frames_read.q.val() + 1;
            }
        }
        self.frames_read.d.next = self.next_frames.val();
        self.here.d.next = self.next_frames.val() != self.stored_count.count.val();
        self.frame_here.next = self.here.q.val();
        if self.read_reset.val() {
            self.read_at.d.next = 0.into();
            self.frames_read.d.next = 0.into();
            self.here.d.next = false;
        }
    }
}
