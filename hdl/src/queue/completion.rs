//! From finished chains to the used rings.
//!
//! Records of one queue that come one after the other make a batch: their elements are written without waiting for one
//! another, and when all are acknowledged the used index is written once (virtio 1.2, 2.7.14: the index moves after its
//! elements are there). While it is followed by the [`super::notifier`], the elements of the next batch are written. The translation of a page is kept within a batch only, and not over a fence.
//!
//! A chain that parks its queue is told to the fetcher and the registers, and not completed: it comes again.

use super::notifier::UsedNotifier;
use crate::bus::fifo::Fifo;
use crate::bus::ports::{
    queue_word, DoneSink, MemReadClient, MemWriteClient, ParkSource, QueueTableClient, RefusedSource, RingErrorSource,
    TranslateClient, CHAIN_DROPPED, CHAIN_PARKED,
};
use crate::bus::ram::LutRam;
use rust_hdl::prelude::*;
use segwalk_model::limits::{CHAIN_BYTES_BITS, PHYS_ADDR_BITS, PHYS_PAGE_BITS, TX_QUEUES, VIRT_PAGE_BITS};
use segwalk_model::refusal::Refusal;

/// Most elements that one write of the used index releases; a longer batch would only delay the driver. A power of two:
/// the count's bit says that it is reached.
pub const BATCH_MAX: u64 = 64;

/// Names of the states that `debug` shows.
pub const DEBUG_STATES: &[&str] = &[
    "Idle",
    "LoadState",
    "LoadSize",
    "LoadBase",
    "LoadAvail",
    "Take",
    "Page",
    "Translate",
    "Answer",
    "Write",
    "Accept",
    "Drain",
    "Fail",
];

/// A finished chain.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
struct DoneWord {
    queue: Bits<4>,
    head: Bits<16>,
    refusal: Bits<6>,
    // it will come again
    passed_over: Bit,
    // it has a refusal
    refused: Bit,
}

logic_block! {
    /// Writes the used rings of all transmit queues.
    pub struct Completion {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        // Register block
        /// Bit a transmit queue: QueueReady and DRIVER_OK. Records of other queues are dropped. A ring error that the
        /// fetcher met does not take back chains that were on their way already.
        pub enabled: Signal<In, Bits<16>>,
        /// Bit a transmit queue, pulses: the queue's used index goes back to 0.
        pub restart: Signal<In, Bits<16>>,
        /// Addresses and binding of the queues.
        pub table: QueueTableClient,
        /// Chains that are completed with a packet error.
        pub refused: RefusedSource,
        /// The next refusal can be counted; without it, refused chains wait.
        pub refused_room: Signal<In, Bit>,
        /// A chain is completed; a pulse.
        pub chain_done: Signal<Out, Bit>,
        /// Its transmit queue.
        pub done_queue: Signal<Out, Bits<4>>,
        /// A record was taken, whatever becomes of it; a pulse.
        pub retired: Signal<Out, Bit>,
        /// Bit a transmit queue: something of it is half done.
        pub finishing: Signal<Out, Bits<16>>,
        /// EVENT_IDX is negotiated.
        pub event_idx: Signal<In, Bit>,
        /// A used index was written and acknowledged, and the driver wants to know of it; a pulse.
        pub used_pulse: Signal<Out, Bit>,
        /// Elements that it released.
        pub used_chains: Signal<Out, Bits<8>>,
        /// Ring errors.
        pub ring_error: RingErrorSource,
        // Register block and fetcher
        /// Chains that park their queues.
        pub park: ParkSource,
        // TSO pipeline
        /// Finished chains.
        pub done: DoneSink,
        // MMU and memory
        /// From now on the MMU gives no translation that was invalidated; a pulse.
        pub fence: Signal<In, Bit>,
        /// Translations from before the last fence are in use.
        pub fence_busy: Signal<Out, Bit>,
        /// Translation of used-ring pages.
        pub translate: TranslateClient,
        /// Used rings.
        pub mem: MemWriteClient,
        /// What the driver wants to know, in the avail rings.
        pub event_mem: MemReadClient,
        /// Number of the state in [`DEBUG_STATES`].
        pub debug: Signal<Out, Bits<8>>,
        //
        notifier: UsedNotifier,
        records: Fifo<DoneWord, 4>,
        indices: LutRam<Bits<16>, 4>,
        // The states, a register each (none is idle), for their order see `DEBUG_STATES`.
        active: DFF<Bit>,
        load_state: DFF<Bit>,
        load_size: DFF<Bit>,
        load_base: DFF<Bit>,
        load_avail: DFF<Bit>,
        take: DFF<Bit>,
        page_state: DFF<Bit>,
        translates: DFF<Bit>,
        answers: DFF<Bit>,
        write_state: DFF<Bit>,
        accepts: DFF<Bit>,
        drains: DFF<Bit>,
        fails: DFF<Bit>,
        // with `take`: the record has no refusal, or has one
        take_plain: DFF<Bit>,
        take_refused: DFF<Bit>,
        // with `load_size`: the queue was not live
        dropped_now: DFF<Bit>,
        // a clock late: the next record is of this queue too
        follows: DFF<Bit>,
        // bit a queue: its index in `indices` counts, it met a ring error
        saved: DFF<Bits<16>>,
        stopped: DFF<Bits<16>>,
        // the queue that is served
        queue: DFF<Bits<4>>,
        cancelled: DFF<Bit>,
        table_word: DFF<Bits<2>>,
        size: DFF<Bits<16>>,
        slot_mask: DFF<Bits<16>>,
        ring_context: DFF<Bits<4>>,
        base: DFF<Bits<64>>,
        avail_base: DFF<Bits<64>>,
        used_index: DFF<Bits<16>>,
        batch: DFF<Bits<7>>,
        // the element or index that is written
        index_phase: DFF<Bit>,
        second_half: DFF<Bit>,
        head: DFF<Bits<16>>,
        slot: DFF<Bits<16>>,
        // distance from the used ring's first page, in units of 4 bytes
        place: DFF<Bits<17>>,
        page_valid: DFF<Bit>,
        page_number: DFF<Bits<7>>,
        phys_page: DFF<Bits<PHYS_PAGE_BITS>>,
        req_valid: DFF<Bit>,
        virt_page: DFF<Bits<VIRT_PAGE_BITS>>,
        rsp_ready: DFF<Bit>,
        mem_valid: DFF<Bit>,
        phys_word: DFF<Bits<37>>,
        data: DFF<Bits<64>>,
        strobe: DFF<Bits<8>>,
        outstanding: DFF<Bits<8>>,
        error: DFF<Bits<6>>,
        // there is one
        broken: DFF<Bit>,
        // pulses
        error_valid: DFF<Bit>,
        error_queue: DFF<Bits<4>>,
        error_code: DFF<Bits<6>>,
        refused_valid: DFF<Bit>,
        refused_code: DFF<Bits<6>>,
        done_pulse: DFF<Bit>,
        // the translation port is the notifier's
        lent: DFF<Bit>,
        retire: DFF<Bit>,
        unfinished: DFF<Bits<16>>,
        parks: DFF<Bit>,
        park_queue: DFF<Bits<4>>,
        park_head: DFF<Bits<16>>,
        park_avail: DFF<Bits<16>>,
        park_frames: DFF<Bits<CHAIN_BYTES_BITS>>,
        park_bytes: DFF<Bits<CHAIN_BYTES_BITS>>,
        fenced: DFF<Bit>,
        // the translation under way was asked for before the last fence
        stale: DFF<Bit>,
        //
        record: Signal<Local, DoneWord>,
        record_in: Signal<Local, DoneWord>,
        one_hot: Signal<Local, Bits<16>>,
        keep: Signal<Local, Bits<16>>,
        saved_next: Signal<Local, Bits<16>>,
        stopped_next: Signal<Local, Bits<16>>,
        live: Signal<Local, Bit>,
        sent: Signal<Local, Bit>,
        page: Signal<Local, Bits<7>>,
        asks_port: Signal<Local, Bit>,
        take_record: Signal<Local, Bit>,
        take_next: Signal<Local, Bit>,
        accepted: Signal<Local, Bit>,
        starts: Signal<Local, Bit>,
        split: Signal<Local, Bit>,
        fault: Signal<Local, Bit>,
        main_hot: Signal<Local, Bits<16>>,
        notifier_hot: Signal<Local, Bits<16>>,
        uses_page: Signal<Local, Bit>,
        parked: Constant<Bits<6>> = Constant::new(CHAIN_PARKED.to_bits()),
        dropped: Constant<Bits<6>> = Constant::new(CHAIN_DROPPED.to_bits()),
        queues: Constant<Bits<16>> = Constant::new(((1u64 << TX_QUEUES) - 1).to_bits()),
        ring_fault: Constant<Bits<6>> = Constant::new((Refusal::RingFault.code() as u64).to_bits()),
        ring_bus_error: Constant<Bits<6>> = Constant::new((Refusal::RingBusError.code() as u64).to_bits()),
    }
}

impl Completion {
    /// A completion of `queues` transmit queues, 1 to 16.
    pub fn new(queues: usize) -> Self {
        assert!(
            (1..=16).contains(&queues),
            "{queues} transmit queues asked for; the engine serves 1 to 16"
        );
        assert_eq!(BATCH_MAX, 1 << 6, "a batch is full when bit 6 of its count is set");
        assert_eq!(
            (queue_word::SIZE_LSB, queue_word::RING_CONTEXT_LSB),
            (0, 16),
            "LoadSize takes the queue table's word 3 apart at these places"
        );
        Self {
            queues: Constant::new(((1u64 << queues) - 1).to_bits()),
            ..Default::default()
        }
    }
}

impl Logic for Completion {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            active,
            load_state,
            load_size,
            load_base,
            load_avail,
            take,
            page_state,
            translates,
            answers,
            write_state,
            accepts,
            drains,
            fails,
            take_plain,
            take_refused,
            dropped_now,
            follows,
            saved,
            stopped,
            queue,
            cancelled,
            table_word,
            size,
            slot_mask,
            ring_context,
            base,
            avail_base,
            used_index,
            batch,
            index_phase,
            second_half,
            head,
            slot,
            place,
            page_valid,
            page_number,
            phys_page,
            req_valid,
            virt_page,
            rsp_ready,
            mem_valid,
            phys_word,
            data,
            strobe,
            outstanding,
            error,
            broken,
            error_valid,
            error_queue,
            error_code,
            refused_valid,
            refused_code,
            done_pulse,
            lent,
            retire,
            unfinished,
            parks,
            park_queue,
            park_head,
            park_avail,
            park_frames,
            park_bytes,
            fenced,
            stale
        );
        clock!(self, clock, records, indices, notifier);
        // Parts
        self.records.reset.next = self.reset.val();
        self.record_in.next.queue = self.done.queue.val();
        self.record_in.next.head = self.done.head.val();
        self.record_in.next.refusal = self.done.refusal.val();
        self.record_in.next.passed_over =
            (self.done.refusal.val() == self.parked.val()) | (self.done.refusal.val() == self.dropped.val());
        self.record_in.next.refused = self.done.refusal.val() != 0;
        self.park.valid.next = self.parks.q.val();
        self.park.queue.next = self.park_queue.q.val();
        self.park.head.next = self.park_head.q.val();
        self.park.avail.next = self.park_avail.q.val();
        self.park.sent_frames.next = self.park_frames.q.val();
        self.park.sent_bytes.next = self.park_bytes.q.val();
        self.parks.d.next = self.done.valid.val()
            & self.records.in_ready.val()
            & (self.done.refusal.val() == self.parked.val())
            & self.enabled.val().get_bit(self.done.queue.val().index());
        self.park_queue.d.next = self.done.queue.val();
        self.park_head.d.next = self.done.head.val();
        self.park_avail.d.next = self.done.avail.val();
        self.park_frames.d.next = self.done.sent_frames.val();
        self.park_bytes.d.next = self.done.sent_bytes.val();
        self.fence_busy.next = self.fenced.q.val() | self.notifier.fence_busy.val();
        self.records.in_data.next = self.record_in.val();
        self.records.in_valid.next = self.done.valid.val();
        self.done.ready.next = self.records.in_ready.val();
        self.record.next = self.records.out_data.val();
        self.accepted.next = self.accepts.q.val() & self.mem.req_ready.val();
        self.starts.next = self.accepted.val() & self.index_phase.q.val();
        self.indices.read_addr.next = self.queue.q.val();
        self.indices.write_addr.next = self.queue.q.val();
        self.indices.write_data.next = self.used_index.q.val();
        self.indices.write_enable.next = self.starts.val() & !self.cancelled.q.val();
        self.table.queue.next = self.queue.q.val();
        self.table.word.next = self.table_word.q.val();
        // The translation port: lent to the notifier when no own translation is under way or about to be.
        self.translate.req_valid.next = self.req_valid.q.val();
        self.translate.context.next = self.ring_context.q.val();
        self.translate.virt_page.next = self.virt_page.q.val();
        self.translate.write.next = true;
        self.translate.rsp_ready.next = self.rsp_ready.q.val();
        if self.lent.q.val() {
            self.translate.req_valid.next = self.notifier.translate.req_valid.val();
            self.translate.context.next = self.notifier.translate.context.val();
            self.translate.virt_page.next = self.notifier.translate.virt_page.val();
            self.translate.write.next = false;
            self.translate.rsp_ready.next = self.notifier.translate.rsp_ready.val();
        }
        self.notifier.translate.req_ready.next = self.lent.q.val() & self.translate.req_ready.val();
        self.notifier.translate.rsp_valid.next = self.lent.q.val() & self.translate.rsp_valid.val();
        self.notifier.translate.phys_page.next = self.translate.phys_page.val();
        self.notifier.translate.cause.next = self.translate.cause.val();
        self.notifier.has_port.next = self.lent.q.val();
        self.asks_port.next = self.page_state.q.val() | self.translates.q.val() | self.answers.q.val();
        if self.lent.q.val() {
            self.lent.d.next = self.notifier.wants_port.val();
        } else {
            self.lent.d.next = self.notifier.wants_port.val() & !self.asks_port.val();
        }
        // The notifier
        MemReadClient::link(&mut self.event_mem, &mut self.notifier.mem);
        self.notifier.reset.next = self.reset.val();
        self.notifier.event_idx.next = self.event_idx.val();
        self.notifier.start.next = self.starts.val();
        self.notifier.dead.next = self.cancelled.q.val();
        self.notifier.queue.next = self.queue.q.val();
        self.notifier.space.next = self.ring_context.q.val();
        self.notifier.avail_addr.next = self.avail_base.q.val();
        self.notifier.size.next = self.size.q.val();
        self.notifier.index.next = self.used_index.q.val();
        self.notifier.count.next = self.batch.q.val();
        self.notifier.gone.next = (self.enabled.val() ^ 0xFFFF) | self.restart.val() | self.stopped.q.val();
        self.notifier.write_done.next = self.mem.done_valid.val();
        self.notifier.write_error.next = self.mem.done_error.val();
        self.notifier.failed_taken.next = false;
        self.notifier.fence.next = self.fence.val();
        self.mem.req_valid.next = self.mem_valid.q.val();
        self.mem.phys_addr.next = bit_cast::<PHYS_ADDR_BITS, 37>(self.phys_word.q.val()) << 3;
        self.mem.data.next = self.data.q.val();
        self.mem.strobe.next = self.strobe.q.val();
        self.ring_error.valid.next = self.error_valid.q.val();
        self.ring_error.queue.next = self.error_queue.q.val();
        self.ring_error.code.next = self.error_code.q.val();
        self.refused.valid.next = self.refused_valid.q.val();
        self.refused.queue.next = self.queue.q.val();
        self.refused.head.next = self.head.q.val();
        self.refused.code.next = self.refused_code.q.val();
        self.chain_done.next = self.done_pulse.q.val();
        self.done_queue.next = self.queue.q.val();
        self.used_pulse.next = self.notifier.notify.val();
        self.used_chains.next = bit_cast::<8, 7>(self.notifier.chains.val());
        self.retired.next = self.retire.q.val();
        self.finishing.next = self.unfinished.q.val();
        self.main_hot.next = 0.into();
        if self.active.q.val() {
            self.main_hot.next = bits::<16>(1) << self.queue.q.val();
        }
        self.notifier_hot.next = 0.into();
        if self.notifier.busy.val() {
            self.notifier_hot.next = bits::<16>(1) << self.notifier.busy_queue.val();
        }
        self.unfinished.d.next = self.main_hot.val() | self.notifier_hot.val();
        self.error_valid.d.next = false;
        self.refused_valid.d.next = false;
        self.done_pulse.d.next = false;
        self.debug.next = 0.into();
        // Conditions
        self.one_hot.next = bits::<16>(1) << self.queue.q.val();
        self.keep.next = self.queues.val() & !self.restart.val();
        self.saved_next.next = self.saved.q.val();
        // Two clocks behind the index: the next element is taken no earlier.
        self.slot.d.next = self.used_index.q.val() & self.slot_mask.q.val();
        self.slot_mask.d.next = self.size.q.val() - 1;
        self.stopped_next.next = self.stopped.q.val();
        self.live.next = self.enabled.val().get_bit(self.queue.q.val().index())
            & !self.stopped.q.val().get_bit(self.queue.q.val().index());
        self.page.next = self.place.q.val().get_bits::<7>(10);
        self.sent.next = self.mem_valid.q.val() & self.mem.req_ready.val();
        if self.sent.val() & !self.mem.done_valid.val() {
            self.outstanding.d.next = self.outstanding.q.val() + 1;
        }
        if !self.sent.val() & self.mem.done_valid.val() {
            self.outstanding.d.next = self.outstanding.q.val() - 1;
        }
        self.uses_page.next = self.answers.q.val() | self.write_state.q.val() | self.accepts.q.val();
        if (self.outstanding.q.val() == 0) & !self.uses_page.val() {
            self.fenced.d.next = false;
        }
        if self.restart.val().get_bit(self.queue.q.val().index()) | !self.live.val() {
            self.cancelled.d.next = true;
        }
        self.dropped_now.d.next = self.load_state.q.val() & !self.live.val();
        self.follows.d.next = self.records.out_valid.val()
            & (self.record.val().queue == self.queue.q.val())
            & !self.record.val().passed_over;
        self.take_record.next = (!self.active.q.val() & self.records.out_valid.val() & self.record.val().passed_over)
            | self.dropped_now.q.val()
            | self.take_plain.q.val()
            | (self.take_refused.q.val() & self.refused_room.val());
        self.take_next.next = self.take.q.val();
        self.records.out_ready.next = self.take_record.val();
        self.retire.d.next = self.take_record.val();
        self.load_state.d.next = false;
        if !self.active.q.val() {
            self.queue.d.next = self.record.val().queue;
            self.table_word.d.next = 3.into();
            self.cancelled.d.next = false;
            self.active.d.next = self.records.out_valid.val() & !self.record.val().passed_over;
            self.load_state.d.next = self.records.out_valid.val() & !self.record.val().passed_over;
        }
        self.load_size.d.next = self.load_state.q.val();
        if self.load_state.q.val() {
            self.debug.next = 1.into();
            self.table_word.d.next = 2.into();
            self.used_index.d.next = 0.into();
            if self.saved.q.val().get_bit(self.queue.q.val().index()) {
                self.used_index.d.next = self.indices.read_data.val();
            }
            self.batch.d.next = 0.into();
            self.page_valid.d.next = false;
            self.index_phase.d.next = false;
            self.error.d.next = 0.into();
            self.broken.d.next = false;
        }
        self.load_base.d.next = self.load_size.q.val() & !self.dropped_now.q.val();
        if self.load_size.q.val() {
            self.debug.next = 2.into();
            self.size.d.next = self.table.data.val().get_bits::<16>(0);
            self.ring_context.d.next = self.table.data.val().get_bits::<4>(16);
            self.table_word.d.next = 1.into();
            if self.dropped_now.q.val() {
                self.active.d.next = false;
            }
        }
        self.load_avail.d.next = self.load_base.q.val();
        if self.load_base.q.val() {
            self.debug.next = 3.into();
            self.base.d.next = self.table.data.val();
        }
        if self.load_avail.q.val() {
            self.debug.next = 4.into();
            self.avail_base.d.next = self.table.data.val();
            self.take_next.next = true;
        }
        if self.take.q.val() {
            self.debug.next = 5.into();
            self.head.d.next = self.record.val().head;
            self.refused_code.d.next = self.record.val().refusal;
            // The first element lies 4 bytes behind the ring's start.
            self.place.d.next = bit_cast::<17, 10>(self.base.q.val().get_bits::<10>(2))
                + ((bit_cast::<17, 16>(self.slot.q.val()) << 1) | 1);
            self.second_half.d.next = false;
            if self.take_record.val() {
                self.refused_valid.d.next = self.record.val().refused;
                self.done_pulse.d.next = true;
                self.take_next.next = false;
                self.page_state.d.next = true;
            }
        }
        self.write_state.d.next = false;
        if self.page_state.q.val() {
            self.debug.next = 6.into();
            self.virt_page.d.next = self.base.q.val().get_bits::<52>(12) + bit_cast::<52, 7>(self.page.val());
            if !self.lent.q.val() {
                self.page_state.d.next = false;
                if self.page_valid.q.val() & (self.page_number.q.val() == self.page.val()) {
                    self.write_state.d.next = true;
                } else {
                    self.req_valid.d.next = true;
                    self.stale.d.next = false;
                    self.translates.d.next = true;
                }
            }
        }
        if self.translates.q.val() {
            self.debug.next = 7.into();
            if self.translate.req_ready.val() {
                self.req_valid.d.next = false;
                self.rsp_ready.d.next = true;
                self.translates.d.next = false;
                self.answers.d.next = true;
            }
        }
        self.fault.next = self.translate.cause.val() != 0;
        if self.answers.q.val() {
            self.debug.next = 8.into();
            self.phys_page.d.next = self.translate.phys_page.val();
            self.page_number.d.next = self.page.val();
            if self.translate.rsp_valid.val() {
                self.rsp_ready.d.next = false;
                self.page_valid.d.next = !self.stale.q.val();
                self.answers.d.next = false;
                self.write_state.d.next = !self.fault.val();
                self.drains.d.next = self.fault.val();
                if self.fault.val() {
                    self.error.d.next = self.ring_fault.val();
                    self.broken.d.next = true;
                }
            }
        }
        // The element's other half lies in the next word, perhaps on the next page.
        self.split.next = self.place.q.val().get_bit(0) & !self.second_half.q.val();
        if self.write_state.q.val() {
            self.debug.next = 9.into();
            self.phys_word.d.next = (bit_cast::<37, PHYS_PAGE_BITS>(self.phys_page.q.val()) << 9)
                | bit_cast::<37, 9>(self.place.q.val().get_bits::<9>(1));
            if self.index_phase.q.val() {
                self.data.d.next = (bit_cast::<64, 16>(self.used_index.q.val()) << 16)
                    | (bit_cast::<64, 16>(self.used_index.q.val()) << 48);
                self.strobe.d.next = 0x0C.into();
                if self.place.q.val().get_bit(0) {
                    self.strobe.d.next = 0xC0.into();
                }
            } else if self.second_half.q.val() {
                self.data.d.next = 0.into();
                self.strobe.d.next = 0x0F.into();
            } else if self.place.q.val().get_bit(0) {
                self.data.d.next = bit_cast::<64, 16>(self.head.q.val()) << 32;
                self.strobe.d.next = 0xF0.into();
            } else {
                self.data.d.next = bit_cast::<64, 16>(self.head.q.val());
                self.strobe.d.next = 0xFF.into();
            }
            // What is offered here is taken some time: the element counts already.
            if !self.index_phase.q.val() & !self.split.val() {
                self.used_index.d.next = self.used_index.q.val() + 1;
                self.batch.d.next = self.batch.q.val() + 1;
            }
            self.mem_valid.d.next = true;
            self.accepts.d.next = true;
        }
        if self.accepts.q.val() {
            self.debug.next = 10.into();
        }
        if self.accepted.val() {
            self.mem_valid.d.next = false;
            self.accepts.d.next = false;
            if self.index_phase.q.val() {
                if !self.cancelled.q.val() {
                    self.saved_next.next = self.saved.q.val() | self.one_hot.val();
                }
                self.active.d.next = false;
            } else if self.split.val() {
                self.second_half.d.next = true;
                self.place.d.next = self.place.q.val() + 1;
                if self.place.q.val().get_bits::<10>(0).all() | !self.page_valid.q.val() {
                    self.page_state.d.next = true;
                } else {
                    self.write_state.d.next = true;
                }
            } else if self.follows.q.val()
                & !self.batch.q.val().get_bit(6)
                & !self.broken.q.val()
                & !self.cancelled.q.val()
            {
                self.take_next.next = true;
            } else {
                self.drains.d.next = true;
            }
        }
        self.fails.d.next = false;
        if self.drains.q.val() {
            self.debug.next = 11.into();
            self.index_phase.d.next = true;
            self.place.d.next = bit_cast::<17, 10>(self.base.q.val().get_bits::<10>(2));
            if self.outstanding.q.val() == 0 {
                if self.cancelled.q.val() {
                    self.drains.d.next = false;
                    self.active.d.next = false;
                } else if self.broken.q.val() {
                    self.drains.d.next = false;
                    self.fails.d.next = true;
                } else if !self.notifier.busy.val() {
                    self.drains.d.next = false;
                    self.page_state.d.next = true;
                }
            }
        }
        if self.fails.q.val() {
            self.debug.next = 12.into();
            self.error_valid.d.next = true;
            self.error_queue.d.next = self.queue.q.val();
            self.error_code.d.next = self.error.q.val();
            self.stopped_next.next = self.stopped.q.val() | self.one_hot.val();
            self.active.d.next = false;
        }
        // The record of the next clock is here already: it is not taken before.
        self.take.d.next = self.take_next.val();
        self.take_plain.d.next = self.take_next.val() & !self.record.val().refused;
        self.take_refused.d.next = self.take_next.val() & self.record.val().refused;
        if self.fence.val() {
            self.fenced.d.next = true;
            self.stale.d.next = true;
            self.page_valid.d.next = false;
        }
        if self.notifier.failed.val() & !self.fails.q.val() {
            self.notifier.failed_taken.next = true;
            self.error_valid.d.next = true;
            self.error_queue.d.next = self.notifier.busy_queue.val();
            self.error_code.d.next = self.notifier.code.val();
            self.stopped_next.next = self.stopped.q.val() | self.notifier_hot.val();
        }
        // Answers come in order, the index's before those of the elements behind it. Acknowledged writes are older than a
        // fault, so their error is the first one.
        if self.mem.done_valid.val() & self.mem.done_error.val() & !self.notifier.waits.val() {
            self.error.d.next = self.ring_bus_error.val();
            self.broken.d.next = true;
        }
        self.saved.d.next = self.saved_next.val() & self.keep.val();
        self.stopped.d.next = self.stopped_next.val() & self.keep.val();
        if self.reset.val() {
            self.active.d.next = false;
            self.load_state.d.next = false;
            self.load_size.d.next = false;
            self.load_base.d.next = false;
            self.load_avail.d.next = false;
            self.take.d.next = false;
            self.take_plain.d.next = false;
            self.take_refused.d.next = false;
            self.dropped_now.d.next = false;
            self.page_state.d.next = false;
            self.translates.d.next = false;
            self.answers.d.next = false;
            self.write_state.d.next = false;
            self.accepts.d.next = false;
            self.drains.d.next = false;
            self.fails.d.next = false;
            self.saved.d.next = 0.into();
            self.stopped.d.next = 0.into();
            self.req_valid.d.next = false;
            self.rsp_ready.d.next = false;
            self.mem_valid.d.next = false;
            self.outstanding.d.next = 0.into();
            self.error_valid.d.next = false;
            self.refused_valid.d.next = false;
            self.done_pulse.d.next = false;
            self.lent.d.next = false;
            self.retire.d.next = false;
            self.unfinished.d.next = 0.into();
            self.lent.d.next = false;
            self.parks.d.next = false;
            self.fenced.d.next = false;
        }
    }
}
