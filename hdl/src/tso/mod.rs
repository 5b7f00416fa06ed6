//! The TSO pipeline: from the bytes of chains to frames on the wire.
//!
//! ```text
//! chain --> Intake --start--> Cutter --notes--> Values --records--> Emitter --> queue --> frames
//!             |  \              |                 ^                  ^  ^         |
//! bytes ------+---\-------------+--> Aligner -----+ sums             |  |         +--> DoneQueue --> done
//!                  \                    +-------------- ring --------+  |
//!                   +-------------------- template banks ---------------+
//! ```
//!
//! A super-frame's header is stored as a template, checked and summed once. Its payload goes through a ring of 32 KiB
//! (or 16, which holds the largest frame too), already in the alignment that it has in its frames, and is summed on the way. A segment is sent once it lies complete
//! in the ring, so an output that started never waits for data, and a segment that memory did not complete is never
//! seen. Frames that ask for no segmentation go through the ring whole. Semantics: `segwalk_model::segment`.
//!
//! A chain that a translation fault breaks parks its queue where that is recoverable: segments that are complete leave,
//! and what was fetched of the queue before it knew is dropped. When the chain comes again, the frames that left are made
//! once more, so that sequence numbers and the payload's alignment go on, and are not sent.

pub mod aligner;
pub mod byte_mask;
pub mod cutter;
pub mod done;
pub mod emitter;
pub mod header_checks;
pub mod intake;
pub mod layers;
pub mod masked_bytes;
pub mod records;
pub mod values;

use crate::bus::fifo::Fifo;
use crate::bus::ports::{ByteSink, ChainSink, DoneSource, FrameSource, VerdictSource, CHAIN_PARKED};
use crate::bus::ram::BlockRam;
use aligner::Aligner;
use cutter::Cutter;
use done::DoneQueue;
use emitter::Emitter;
use intake::Intake;
use records::{FrameRecord, OutputBeat, ParkWord, SegmentNote, StreamBeat};
use rust_hdl::prelude::*;
use segwalk_model::limits::SEGMENT_KIB;
use values::Values;

/// Names of the states that `Tso::debug` numbers in bits 3:0: the intake's.
pub const DEBUG_STATES: &[&str] = &[
    "idle",
    "second beat",
    "judge",
    "decide",
    "fixed header",
    "measure",
    "limits",
    "options",
    "settle",
    "walk",
    "cut",
    "drain",
    "refuse",
    "pause",
];
/// Names of the states that `Tso::debug` numbers in bits 7:4: the cutter's.
pub const DEBUG_CUTTER_STATES: &[&str] = &["idle", "compare", "length", "extent", "steps", "fill", "drop"];
/// Names of the states that `Tso::debug_output` numbers in bits 2:0: those of the segments' values.
pub const DEBUG_VALUE_STATES: &[&str] = &[
    "idle",
    "header",
    "payload",
    "add first",
    "add second",
    "fold first",
    "fold second",
    "offer",
];
/// Names of the states that `Tso::debug_output` numbers in bit 4: the emitter's.
pub const DEBUG_EMITTER_STATES: &[&str] = &["load", "send"];

logic_block! {
    /// The TSO pipeline; see the module.
    pub struct Tso {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        /// Chains, in the order of their bytes.
        pub chain: ChainSink,
        /// The bytes of the chains that come without a refusal.
        pub bytes: ByteSink,
        /// Frames.
        pub frames: FrameSource,
        /// Finished chains, in their order.
        pub done: DoneSource,
        /// How chains ended, for the payload reader.
        pub verdict: VerdictSource,
        /// One bit a transmit queue: a translation fault parks it.
        pub recoverable: Signal<In, Bits<16>>,
        /// One bit a transmit queue, pulses: it begins anew, not parked.
        pub restart: Signal<In, Bits<16>>,
        /// Negotiated features: CSUM, TSO4, TSO6, ECN, USO from bit 0.
        pub features: Signal<In, Bits<5>>,
        /// TCP flags that the first of several segments keeps: data offset byte's low nibble above the flags byte
        /// (rule 14).
        pub flags_first: Signal<In, Bits<12>>,
        /// The same for segments in the middle.
        pub flags_middle: Signal<In, Bits<12>>,
        /// The same for the last segment.
        pub flags_last: Signal<In, Bits<12>>,
        /// IPv4 identification counts modulo 2^15 (rule 7).
        pub id_fifteen_bits: Signal<In, Bit>,
        /// IPv4 identification of templates with DF does not count (rule 7).
        pub id_fixed: Signal<In, Bit>,
        /// Frames shorter than 60 bytes are padded with zeros (rule 20).
        pub pad: Signal<In, Bit>,
        /// One bit a transmit queue: checksum seeds of super-frames have no length (rule 15).
        pub seed_without_length: Signal<In, Bits<16>>,
        /// Begin no frame at the output. Chains go on until the ring is full.
        pub hold: Signal<In, Bit>,
        /// No frame is partly emitted; with `hold`, none will be.
        pub idle: Signal<Out, Bit>,
        /// A frame's last beat was accepted on the last clock.
        pub sent_frame: Signal<Out, Bit>,
        /// Bytes that were accepted on the last clock, 0 to 8.
        pub sent_bytes: Signal<Out, Bits<4>>,
        /// Transmit queue of both.
        pub sent_queue: Signal<Out, Bits<4>>,
        /// A frame goes out that is not the first of its chain; a pulse.
        pub repeated: Signal<Out, Bit>,
        /// Its transmit queue.
        pub repeated_queue: Signal<Out, Bits<4>>,
        /// Bytes of its header, which the chain does not hold.
        pub repeated_bytes: Signal<Out, Bits<9>>,
        /// State numbers: intake (3:0), cutter (7:4).
        pub debug: Signal<Out, Bits<8>>,
        /// State numbers: values (2:0), emitter (4).
        pub debug_output: Signal<Out, Bits<8>>,
        //
        stream: Fifo<StreamBeat, 2>,
        intake: Intake,
        cutter: Cutter,
        aligner: Aligner,
        ring: BlockRam<Bits<64>, RING_BITS>,
        banks: BlockRam<Bits<64>, 9>,
        notes: Fifo<SegmentNote, 2>,
        sums: Fifo<Bits<32>, 3>,
        values: Values,
        records: Fifo<FrameRecord, 4>,
        emitter: Emitter,
        sending: Fifo<OutputBeat, 4>,
        ends: DoneQueue,
        //
        used: DFF<Bits<13>>,
        room: DFF<Bit>,
        // a note was put, and what is counted a clock later
        noted: DFF<Bit>,
        notes_open: DFF<Bits<4>>,
        settled: DFF<Bit>,
        frame_left: DFF<Bit>,
        bytes_left: DFF<Bits<4>>,
        queue_left: DFF<Bits<4>>,
        drops_even: DFF<Bits<16>>,
        drops_odd: DFF<Bits<16>>,
        broke: DFF<Bit>,
        // the chain that ended on the last clock parks its queue
        parks: DFF<Bit>,
        judged: DFF<Bit>,
        faulted: DFF<Bit>,
        cause: DFF<Bits<5>>,
        judged_queue: DFF<Bits<4>>,
        judged_head: DFF<Bits<16>>,
        //
        beat: Signal<Local, StreamBeat>,
        note: Signal<Local, SegmentNote>,
        ended: Signal<Local, Bit>,
        reason: Signal<Local, Bits<6>>,
        is_fault: Signal<Local, Bit>,
        park: Signal<Local, ParkWord>,
        parked_queue: Signal<Local, Bits<16>>,
        other_queues: Signal<Local, Bits<16>>,
        not_restarted: Signal<Local, Bits<16>>,
        parked_code: Constant<Bits<6>> = Constant::new(CHAIN_PARKED.to_bits()),
        leaves: Signal<Local, Bit>,
        keep: Signal<Local, Bits<8>>,
        used_beyond: Signal<Local, Bits<13>>,
        used_top: Signal<Local, Bits<13>>,
        ring_beyond: Constant<Bits<13>> = ring_beyond(RING_BITS),
        ring_top: Constant<Bits<13>> = ring_top(RING_BITS),
    }
}

/// Words of 8 bytes in the ring, as a power of two.
const RING_BITS: usize = 12;

/// Bits of a count of words that a full ring has set.
fn ring_beyond(bits: usize) -> Constant<Bits<13>> {
    Constant::new((((1_u64 << 13) - 1) & !((1_u64 << bits) - 1)).to_bits())
}

/// A ring that is filled beyond this has no room for the beats that are on their way before `room` falls.
fn ring_top(bits: usize) -> Constant<Bits<13>> {
    Constant::new(((1_u64 << bits) - 8).to_bits())
}

impl Tso {
    /// With a ring of `segment_kib` KiB, one of [`SEGMENT_KIB`].
    pub fn with(segment_kib: usize) -> Self {
        assert!(
            SEGMENT_KIB.contains(&segment_kib),
            "a segment buffer of {segment_kib} KiB is not built; ask for one of {SEGMENT_KIB:?}"
        );
        let bits = (segment_kib * 1024 / 8).ilog2() as usize;
        Self {
            ring: BlockRam::default().of_bits(bits),
            ring_beyond: ring_beyond(bits),
            ring_top: ring_top(bits),
            ..Self::default()
        }
    }
}

impl Logic for Tso {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            used,
            room,
            noted,
            notes_open,
            settled,
            frame_left,
            bytes_left,
            queue_left,
            drops_even,
            drops_odd,
            broke,
            parks,
            judged,
            faulted,
            cause,
            judged_queue,
            judged_head
        );
        clock!(
            self, clock, stream, intake, cutter, aligner, ring, banks, notes, sums, values, records, emitter, sending,
            ends
        );
        self.stream.reset.next = self.reset.val();
        self.intake.reset.next = self.reset.val();
        self.cutter.reset.next = self.reset.val();
        self.aligner.reset.next = self.reset.val();
        self.notes.reset.next = self.reset.val();
        self.sums.reset.next = self.reset.val();
        self.values.reset.next = self.reset.val();
        self.records.reset.next = self.reset.val();
        self.emitter.reset.next = self.reset.val();
        self.sending.reset.next = self.reset.val();
        self.ends.reset.next = self.reset.val();
        // Stream
        self.beat.next.data = self.bytes.data.val();
        self.beat.next.last = self.bytes.last.val();
        self.beat.next.fault = self.bytes.last.val() & (self.bytes.refusal.val() != 0);
        self.beat.next.refusal = self.bytes.refusal.val();
        self.stream.in_valid.next = self.bytes.valid.val();
        self.stream.in_data.next = self.beat.val();
        self.bytes.ready.next = self.stream.in_ready.val();
        self.stream.out_ready.next = self.intake.take.val() | self.cutter.take.val();
        // Intake
        ChainSink::link(&mut self.chain, &mut self.intake.chain);
        self.intake.features.next = self.features.val();
        self.intake.seed_without_length.next = self.seed_without_length.val();
        self.intake.recoverable.next = self.recoverable.val();
        self.intake.drops_even.next = self.drops_even.q.val();
        self.intake.drops_odd.next = self.drops_odd.q.val();
        self.intake.beat_valid.next = self.stream.out_valid.val();
        self.intake.beat.next = self.stream.out_data.val();
        self.intake.kept.next = self.cutter.kept_beat.val();
        self.intake.bank_freed.next = self.emitter.bank_freed.val();
        self.intake.settled.next = self.settled.q.val();
        self.intake.finished.next = self.cutter.finished.val();
        self.intake.broke.next = self.broke.q.val();
        self.intake.refuse_ready.next = self.notes.in_ready.val();
        self.banks.write_enable.next = self.intake.store.val();
        self.banks.write_addr.next =
            (bit_cast::<9, 4>(self.intake.bank.val()) << 5) | bit_cast::<9, 5>(self.intake.store_beat.val());
        self.banks.write_data.next = self.cutter.kept_beat.val();
        // Cutter
        self.cutter.start.next = self.intake.start.val();
        self.cutter.template.next = self.intake.has_template.val();
        self.cutter.patch.next = self.intake.patch.val();
        self.cutter.payload_bytes.next = self.intake.payload_bytes.val();
        self.cutter.segment_bytes.next = self.intake.segment_bytes.val();
        self.cutter.header_lanes.next = self.intake.header_lanes.val();
        self.cutter.sum_start.next = self.intake.sum_start.val();
        self.cutter.sum.next = self.intake.sum.val();
        self.cutter.sum_at.next = self.intake.sum_at.val();
        self.cutter.never_zero.next = self.intake.never_zero.val();
        self.cutter.queue.next = self.intake.queue.val();
        self.cutter.head.next = self.intake.head.val();
        self.cutter.sent_frames.next = self.intake.sent_frames.val();
        self.cutter.beat_valid.next = self.stream.out_valid.val();
        self.cutter.beat.next = self.stream.out_data.val();
        self.cutter.taken_elsewhere.next = self.intake.take.val();
        self.cutter.note_ready.next = self.notes.in_ready.val();
        self.cutter.room.next = self.room.q.val();
        // Room for the beats that are on their way before `room` falls
        self.used.d.next = self.cutter.written.val() - self.emitter.ring_read.val();
        self.used_beyond.next = self.used.q.val() & self.ring_beyond.val();
        self.used_top.next = self.used.q.val() & self.ring_top.val();
        self.room.d.next = (self.used_beyond.val() == 0) & (self.used_top.val() != self.ring_top.val());
        self.aligner.in_valid.next = self.cutter.move_valid.val();
        self.aligner.in_write.next = self.cutter.move_write.val();
        self.aligner.in_at.next = self.cutter.move_at.val();
        self.aligner.in_data.next = self.cutter.mixed.val();
        self.aligner.in_rotate.next = self.cutter.rotate.val();
        self.aligner.in_lanes.next = self.cutter.sum_lanes.val();
        self.aligner.in_first.next = self.cutter.move_first.val();
        self.aligner.in_end.next = self.cutter.move_end.val();
        self.ring.write_enable.next = self.aligner.write_enable.val();
        self.ring.write_addr.next = self.aligner.write_addr.val();
        self.ring.write_data.next = self.aligner.write_data.val();
        self.sums.in_valid.next = self.aligner.sum_valid.val();
        self.sums.in_data.next = self.aligner.sum.val();
        // Notes of segments, and of refused chains between them
        self.note.next = self.cutter.note.val();
        if self.intake.refuse.val() {
            self.note.next.frame = false;
            self.note.next.done = true;
            self.note.next.frees_bank = false;
            self.note.next.refusal = self.intake.refusal.val();
        }
        // The end of a chain that has no frame of its own: refused, or broken.
        self.ended.next = !self.note.val().frame & (self.cutter.note_valid.val() | self.intake.refuse.val());
        self.reason.next = self.note.val().refusal;
        self.is_fault.next = self.reason.val().get_bit(5) & !self.reason.val().get_bit(4);
        self.parks.d.next =
            self.ended.val() & self.notes.in_ready.val() & self.is_fault.val() & self.intake.parks.val();
        if self.is_fault.val() & self.intake.parks.val() {
            self.note.next.refusal = self.parked_code.val();
        }
        self.park.next.avail = self.intake.avail.val();
        self.park.next.sent_frames = self.cutter.frames_out.val();
        self.park.next.sent_bytes = self.cutter.bytes_out.val();
        self.ended.next = self.ended.val() & self.notes.in_ready.val();
        // A clock late: intake and cutter still hold what belongs to the chain.
        self.ends.park_valid.next = self.parks.q.val();
        self.ends.park.next = self.park.val();
        // What the queue's chains of this epoch are from now on
        self.parked_queue.next = 0.into();
        if self.parks.q.val() {
            self.parked_queue.next = bits::<16>(1) << self.intake.queue.val();
        }
        self.other_queues.next = !self.parked_queue.val();
        self.not_restarted.next = !self.restart.val();
        self.drops_even.d.next = self.drops_even.q.val() & self.not_restarted.val();
        self.drops_odd.d.next = self.drops_odd.q.val() & self.not_restarted.val();
        if self.intake.epoch.val() {
            self.drops_even.d.next = self.drops_even.q.val() & self.not_restarted.val() & self.other_queues.val();
            self.drops_odd.d.next = (self.drops_odd.q.val() & self.not_restarted.val()) | self.parked_queue.val();
        } else {
            self.drops_odd.d.next = self.drops_odd.q.val() & self.not_restarted.val() & self.other_queues.val();
            self.drops_even.d.next = (self.drops_even.q.val() & self.not_restarted.val()) | self.parked_queue.val();
        }
        // The cutter says that it finished on the clock after its note.
        self.broke.d.next = self.ended.val();
        self.judged.d.next =
            (self.ended.val() & self.intake.has_bytes.val()) | (self.cutter.finished.val() & !self.broke.q.val());
        self.faulted.d.next = self.ended.val() & self.is_fault.val();
        self.cause.d.next = self.reason.val().get_bits::<5>(0);
        self.judged_queue.d.next = self.intake.queue.val();
        self.judged_head.d.next = self.intake.head.val();
        self.verdict.valid.next = self.judged.q.val();
        self.verdict.faulted.next = self.faulted.q.val();
        self.verdict.queue.next = self.judged_queue.q.val();
        self.verdict.head.next = self.judged_head.q.val();
        self.verdict.cause.next = self.cause.q.val();
        self.verdict.drops_even.next = self.drops_even.q.val();
        self.verdict.drops_odd.next = self.drops_odd.q.val();
        self.notes.in_valid.next = self.cutter.note_valid.val() | self.intake.refuse.val();
        self.notes.in_data.next = self.note.val();
        // A clock late: the intake asks long after the last note was put.
        self.noted.d.next = (self.cutter.note_valid.val() | self.intake.refuse.val()) & self.notes.in_ready.val();
        if self.noted.q.val() & !self.values.note_ready.val() {
            self.notes_open.d.next = self.notes_open.q.val() + 1;
        }
        if !self.noted.q.val() & self.values.note_ready.val() {
            self.notes_open.d.next = self.notes_open.q.val() - 1;
        }
        self.settled.d.next = (self.notes_open.q.val() == 0) & !self.noted.q.val();
        // Values
        self.values.flags_first.next = self.flags_first.val();
        self.values.flags_middle.next = self.flags_middle.val();
        self.values.flags_last.next = self.flags_last.val();
        self.values.id_fifteen_bits.next = self.id_fifteen_bits.val();
        self.values.id_fixed.next = self.id_fixed.val();
        self.values.pad.next = self.pad.val();
        self.values.template.next = self.intake.template.val();
        self.values.note_valid.next = self.notes.out_valid.val();
        self.values.note.next = self.notes.out_data.val();
        self.notes.out_ready.next = self.values.note_ready.val();
        self.values.sum_valid.next = self.sums.out_valid.val();
        self.values.sum.next = self.sums.out_data.val();
        self.sums.out_ready.next = self.values.sum_ready.val();
        self.records.in_valid.next = self.values.record_valid.val();
        self.records.in_data.next = self.values.record.val();
        self.values.record_ready.next = self.records.in_ready.val();
        // Emitter
        self.emitter.hold.next = self.hold.val();
        self.emitter.record_valid.next = self.records.out_valid.val();
        self.emitter.record.next = self.records.out_data.val();
        self.records.out_ready.next = self.emitter.record_ready.val();
        self.banks.read_addr.next = self.emitter.template_addr.val();
        self.emitter.template_data.next = self.banks.read_data.val();
        self.ring.read_addr.next = self.emitter.ring_addr.val();
        self.emitter.ring_data.next = self.ring.read_data.val();
        self.emitter.chain_end_ready.next = self.ends.in_ready.val();
        self.sending.in_valid.next = self.emitter.out_valid.val();
        self.sending.in_data.next = self.emitter.out_beat.val();
        self.idle.next = self.emitter.idle.val();
        // Output
        self.frames.tvalid.next = self.sending.out_valid.val();
        self.frames.tdata.next = self.sending.out_data.val().data;
        self.frames.tkeep.next = self.sending.out_data.val().keep;
        self.frames.tlast.next = self.sending.out_data.val().last;
        self.sending.out_ready.next = self.frames.tready.val();
        self.leaves.next = self.sending.out_valid.val() & self.frames.tready.val();
        self.emitter.left.next = self.sending.out_valid.val() & self.frames.tready.val();
        self.ends.in_valid.next = self.emitter.chain_end.val();
        self.ends.chain.next = self.emitter.chain_done.val();
        self.ends.chain_left.next =
            self.emitter.done_now.val() | (self.leaves.val() & self.sending.out_data.val().done);
        DoneSource::link(&mut self.done, &mut self.ends.done);
        self.keep.next = self.sending.out_data.val().keep;
        self.frame_left.d.next = self.leaves.val() & self.sending.out_data.val().last;
        self.queue_left.d.next = self.sending.out_data.val().queue;
        self.bytes_left.d.next = 0.into();
        if self.leaves.val() {
            self.bytes_left.d.next = 1.into();
            if self.keep.val().get_bit(1) {
                self.bytes_left.d.next = 2.into();
            }
            if self.keep.val().get_bit(2) {
                self.bytes_left.d.next = 3.into();
            }
            if self.keep.val().get_bit(3) {
                self.bytes_left.d.next = 4.into();
            }
            if self.keep.val().get_bit(4) {
                self.bytes_left.d.next = 5.into();
            }
            if self.keep.val().get_bit(5) {
                self.bytes_left.d.next = 6.into();
            }
            if self.keep.val().get_bit(6) {
                self.bytes_left.d.next = 7.into();
            }
            if self.keep.val().get_bit(7) {
                self.bytes_left.d.next = 8.into();
            }
        }
        self.sent_frame.next = self.frame_left.q.val();
        self.sent_bytes.next = self.bytes_left.q.val();
        self.sent_queue.next = self.queue_left.q.val();
        self.repeated.next = self.values.repeated.val();
        self.repeated_queue.next = self.values.repeated_queue.val();
        self.repeated_bytes.next = self.values.repeated_bytes.val();
        self.debug.next = bit_cast::<8, 4>(self.intake.debug.val()) | (bit_cast::<8, 4>(self.cutter.debug.val()) << 4);
        self.debug_output.next =
            bit_cast::<8, 3>(self.values.debug.val()) | (bit_cast::<8, 1>(self.emitter.debug.val()) << 4);
        if self.reset.val() {
            self.used.d.next = 0.into();
            self.room.d.next = false;
            self.noted.d.next = false;
            self.parks.d.next = false;
            self.notes_open.d.next = 0.into();
            self.frame_left.d.next = false;
            self.bytes_left.d.next = 0.into();
            self.drops_even.d.next = 0.into();
            self.drops_odd.d.next = 0.into();
            self.judged.d.next = false;
            self.broke.d.next = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_pass_the_lint() {
        let mut tso = Tso::default();
        tso.connect_all();
        let findings = crate::lint::check(&tso, "tso");
        assert!(findings.is_empty(), "{findings:#?}");
    }
}
