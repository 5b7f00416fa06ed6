//! Reads ring memory: translates its pages, keeps several bursts under way, and writes avail_event.
//!
//! The page that was last used of each descriptor table and of each avail ring is remembered, so that most reads ask
//! the MMU nothing. A fence forgets all of them, and lasts until no read or write is under way that an older answer
//! allowed.

use super::records::{area, RingRequest, PLACE_BITS};
use crate::bus::fifo::Fifo;
use crate::bus::ports::{queue_word, MemReadClient, MemWriteClient, QueueTableClient, TranslateClient};
use crate::bus::ram::LutRam;
use rust_hdl::prelude::*;
use segwalk_model::limits::{PHYS_ADDR_BITS, PHYS_PAGE_BITS, TX_QUEUES, VIRT_PAGE_BITS};
use segwalk_model::refusal::Refusal;

/// A page that was translated.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
struct KnownPage {
    number: Bits<9>,
    phys_page: Bits<PHYS_PAGE_BITS>,
}

/// A burst whose data is awaited.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
struct Awaited {
    owner: Bits<2>,
    goal: Bits<9>,
}

logic_block! {
    /// Serves one request after the other; up to 16 bursts are under way. See the module.
    pub struct RingReader {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        /// Bit a transmit queue, pulses: its areas are others from now on.
        pub restart: Signal<In, Bits<16>>,
        /// Older translations are no longer valid; a pulse.
        pub fence: Signal<In, Bit>,
        /// Something that an older translation allowed is still under way.
        pub fence_busy: Signal<Out, Bit>,
        // Requests
        /// A request is offered.
        pub valid: Signal<In, Bit>,
        /// It is taken.
        pub ready: Signal<Out, Bit>,
        /// The request.
        pub request: Signal<In, RingRequest>,
        /// First page of an indirect table; stays until the answer.
        pub indirect_page: Signal<In, Bits<VIRT_PAGE_BITS>>,
        /// What is written; stays until the answer.
        pub write_value: Signal<In, Bits<16>>,
        // Data and answers
        /// A word is here.
        pub word_valid: Signal<Out, Bit>,
        /// Where it goes.
        pub word_goal: Signal<Out, Bits<9>>,
        /// The word.
        pub word: Signal<Out, Bits<64>>,
        /// A request is answered, its words were given out; a pulse. Reads are answered in order.
        pub done: Signal<Out, Bit>,
        /// Whose.
        pub done_owner: Signal<Out, Bits<2>>,
        /// 0, RingFault or RingBusError.
        pub done_code: Signal<Out, Bits<6>>,
        // Queue table, MMU and memory
        /// Addresses of the queues.
        pub table: QueueTableClient,
        /// The queue table is being asked on this clock.
        pub table_busy: Signal<Out, Bit>,
        /// Translation of ring pages.
        pub translate: TranslateClient,
        /// Ring memory, read. Data comes two clocks after its request was taken at the earliest.
        pub mem: MemReadClient,
        /// Ring memory, written.
        pub mem_write: MemWriteClient,
        //
        held: DFF<RingRequest>,
        pages: LutRam<KnownPage, 5>,
        page_known: DFF<Bits<32>>,
        // What it does, one at most: waits for a request, looks whether its page is known, sends it; asks for the area's
        // address and context, and for the translation
        idles: DFF<Bit>,
        looks: DFF<Bit>,
        sends: DFF<Bit>,
        asks_base: DFF<Bit>,
        asks_space: DFF<Bit>,
        has_space: DFF<Bit>,
        translate_valid: DFF<Bit>,
        translate_ready: DFF<Bit>,
        // writes, waits for the answer, and reports it; reports a fault
        write_valid: DFF<Bit>,
        waits: DFF<Bit>,
        reports: DFF<Bit>,
        faults: DFF<Bit>,
        // no request is taken
        blocked: DFF<Bit>,
        // what is remembered of the request's area: that there is a page,
        maybe: DFF<Bit>,
        // that it is the request's, a bit for each three of its number
        same: DFF<Bits<3>>,
        // its frame: what is read on the clock of the request, or what the MMU answered
        phys_page: DFF<Bits<PHYS_PAGE_BITS>>,
        // the areas changed since the request came
        stale: DFF<Bit>,
        virt_page: DFF<Bits<VIRT_PAGE_BITS>>,
        space: DFF<Bits<4>>,
        write_failed: DFF<Bit>,
        awaited: Fifo<Awaited, 4>,
        outstanding: DFF<Bits<5>>,
        index: DFF<Bits<5>>,
        failed: DFF<Bit>,
        over: DFF<Bit>,
        over_owner: DFF<Bits<2>>,
        over_code: DFF<Bits<6>>,
        fenced: DFF<Bit>,
        //
        place: Signal<Local, Bits<PLACE_BITS>>,
        goal: Signal<Local, Bits<9>>,
        area_now: Signal<Local, Bits<2>>,
        known: Signal<Local, KnownPage>,
        awaited_in: Signal<Local, Awaited>,
        fenced_next: Signal<Local, Bit>,
        asked_place: Signal<Local, Bits<PLACE_BITS>>,
        known_number: Signal<Local, Bits<9>>,
        same_parts: Signal<Local, Bits<3>>,
        hit: Signal<Local, Bit>,
        asks_memory: Signal<Local, Bit>,
        taken: Signal<Local, Bit>,
        answered: Signal<Local, Bit>,
        granted: Signal<Local, Bit>,
        look_area: Signal<Local, Bits<2>>,
        look_queue: Signal<Local, Bits<4>>,
        asked_area: Signal<Local, Bits<2>>,
        page_load: Signal<Local, Bit>,
        page_next: Signal<Local, Bits<PHYS_PAGE_BITS>>,
        asked_slot: Signal<Local, Bits<5>>,
        known_page: Signal<Local, KnownPage>,
        slot: Signal<Local, Bits<5>>,
        slot_bit: Signal<Local, Bits<32>>,
        forget: Signal<Local, Bits<32>>,
        page_number: Signal<Local, Bits<9>>,
        offset: Signal<Local, Bits<12>>,
        word_addr: Signal<Local, Bits<PHYS_ADDR_BITS>>,
        base: Signal<Local, Bits<VIRT_PAGE_BITS>>,
        lane: Signal<Local, Bits<3>>,
        sent: Signal<Local, Bit>,
        last_beat: Signal<Local, Bit>,
        low_goal: Signal<Local, Bits<7>>,
        next_known: Signal<Local, Bits<32>>,
        quiet: Signal<Local, Bit>,
        queues: Constant<Bits<32>> = Constant::new(queue_slots(TX_QUEUES)),
        ring_fault: Constant<Bits<6>> = Constant::new((Refusal::RingFault.code() as u64).to_bits()),
        ring_bus_error: Constant<Bits<6>> = Constant::new((Refusal::RingBusError.code() as u64).to_bits()),
        indirect_area: Constant<Bits<2>> = Constant::new(area::INDIRECT.to_bits()),
    }
}

/// Bit a page that is remembered.
fn queue_slots(queues: usize) -> Bits<32> {
    let one_area = (1u64 << queues) - 1;
    (one_area << 16 | one_area).to_bits()
}

impl RingReader {
    /// For `queues` transmit queues, 1 to 16.
    pub fn new(queues: usize) -> Self {
        Self {
            queues: Constant::new(queue_slots(queues)),
            ..Default::default()
        }
    }
}

// The kernel takes the queue table's word 3 apart at this place.
const _: () = assert!(queue_word::RING_CONTEXT_LSB == 16);

impl Logic for RingReader {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            held,
            page_known,
            idles,
            looks,
            sends,
            asks_base,
            asks_space,
            has_space,
            translate_valid,
            translate_ready,
            write_valid,
            waits,
            reports,
            faults,
            blocked,
            maybe,
            same,
            phys_page,
            stale,
            virt_page,
            space,
            write_failed,
            outstanding,
            index,
            failed,
            over,
            over_owner,
            over_code,
            fenced
        );
        clock!(self, clock, pages, awaited);
        self.awaited.reset.next = self.reset.val();
        self.ready.next = self.idles.q.val() & !self.blocked.q.val();
        self.fenced_next.next = self.fenced.q.val();
        self.place.next = self.held.q.val().place;
        self.goal.next = self.awaited.out_data.val().goal;
        self.area_now.next = self.held.q.val().area;
        self.table.queue.next = self.held.q.val().queue;
        self.table.word.next = self.held.q.val().area;
        if self.asks_space.q.val() {
            self.table.word.next = 3.into();
        }
        self.table_busy.next = self.asks_base.q.val() | self.asks_space.q.val();
        self.translate.req_valid.next = self.translate_valid.q.val();
        self.translate.context.next = self.space.q.val();
        self.base.next = self.table.data.val().get_bits::<52>(12);
        if self.area_now.val() == self.indirect_area.val() {
            self.base.next = self.indirect_page.val();
        }
        self.translate.virt_page.next = self.virt_page.q.val();
        self.translate.write.next = self.held.q.val().write;
        self.translate.rsp_ready.next = self.translate_ready.q.val();
        // The page of each descriptor table and avail ring
        self.page_number.next = self.place.val().get_bits::<9>(12);
        self.slot.next =
            (bit_cast::<5, 1>(self.area_now.val().get_bits::<1>(0)) << 4) | bit_cast::<5, 4>(self.held.q.val().queue);
        self.slot_bit.next = bits::<32>(1) << self.slot.val();
        self.asked_area.next = self.request.val().area;
        self.asked_slot.next = (bit_cast::<5, 1>(self.asked_area.val().get_bits::<1>(0)) << 4)
            | bit_cast::<5, 4>(self.request.val().queue);
        // Values of its own: one that other outputs share would look to a simulator like a loop through the memory.
        self.look_area.next = self.request.val().area;
        self.look_queue.next = self.request.val().queue;
        self.pages.read_addr.next =
            (bit_cast::<5, 1>(self.look_area.val().get_bits::<1>(0)) << 4) | bit_cast::<5, 4>(self.look_queue.val());
        self.known_page.next = self.pages.read_data.val();
        // One enable: a register that is loaded in two places gets a multiplexer that holds it.
        self.page_load.next = self.idles.q.val() | self.translate_ready.q.val();
        self.page_next.next = self.known_page.val().phys_page;
        if self.translate_ready.q.val() {
            self.page_next.next = self.translate.phys_page.val();
        }
        if self.page_load.val() {
            self.phys_page.d.next = self.page_next.val();
        }
        self.pages.write_addr.next = self.slot.val();
        self.known.next.number = self.page_number.val();
        self.known.next.phys_page = self.translate.phys_page.val();
        self.pages.write_data.next = self.known.val();
        // An indirect table or the used ring takes the place of a page that was known.
        self.pages.write_enable.next = self.translate_ready.q.val() & self.translate.rsp_valid.val();
        self.forget.next = (bit_cast::<32, 16>(self.restart.val()) << 16) | bit_cast::<32, 16>(self.restart.val());
        self.next_known.next = self.page_known.q.val();
        if self.restart.val().get_bit(self.held.q.val().queue.index()) {
            self.stale.d.next = true;
        }
        // Reads
        self.offset.next = self.place.val().get_bits::<12>(0);
        self.hit.next = self.maybe.q.val() & self.same.q.val().all();
        self.asks_memory.next = (self.looks.q.val() & self.hit.val()) | self.sends.q.val();
        self.mem.req_valid.next =
            (self.looks.q.val() & self.maybe.q.val() & self.same.q.val().all()) | self.sends.q.val();
        self.word_addr.next = (bit_cast::<PHYS_ADDR_BITS, PHYS_PAGE_BITS>(self.phys_page.q.val()) << 12)
            | bit_cast::<PHYS_ADDR_BITS, 12>(self.offset.val() & 0xFF8);
        self.mem.phys_addr.next = self.word_addr.val();
        self.mem.beats_minus_1.next = bit_cast::<8, 5>(self.held.q.val().beats_minus_1);
        self.awaited_in.next.owner = self.held.q.val().owner;
        self.awaited_in.next.goal = self.held.q.val().goal;
        self.awaited.in_data.next = self.awaited_in.val();
        self.sent.next = self.asks_memory.val() & self.mem.req_ready.val();
        // The write
        self.lane.next = self.place.val().get_bits::<3>(0);
        self.mem_write.req_valid.next = self.write_valid.q.val();
        self.mem_write.phys_addr.next = self.word_addr.val();
        self.mem_write.data.next =
            (bit_cast::<64, 16>(self.write_value.val()) << 32) | bit_cast::<64, 16>(self.write_value.val());
        self.mem_write.strobe.next = 0x03.into();
        if self.lane.val().get_bit(2) {
            self.mem_write.strobe.next = 0x30.into();
        }
        // Data
        self.last_beat.next = self.mem.data_valid.val() & self.mem.data_last.val();
        self.word_valid.next = self.mem.data_valid.val();
        self.word.next = self.mem.data.val();
        self.low_goal.next = self.goal.val().get_bits::<7>(0) + bit_cast::<7, 5>(self.index.q.val());
        self.word_goal.next = (self.goal.val() & 0x180) | bit_cast::<9, 7>(self.low_goal.val());
        self.awaited.out_ready.next = self.last_beat.val();
        self.done.next = self.over.q.val();
        self.done_owner.next = self.over_owner.q.val();
        self.done_code.next = self.over_code.q.val();
        self.over.d.next = false;
        self.over_owner.d.next = self.held.q.val().owner;
        self.over_code.d.next = 0.into();
        if self.write_failed.q.val() {
            self.over_code.d.next = self.ring_bus_error.val();
        }
        if self.faults.q.val() {
            self.over_code.d.next = self.ring_fault.val();
        }
        if self.mem.data_valid.val() {
            self.index.d.next = self.index.q.val() + 1;
            self.failed.d.next = self.failed.q.val() | self.mem.data_error.val();
            if self.mem.data_last.val() {
                self.index.d.next = 0.into();
                self.failed.d.next = false;
                self.over.d.next = true;
                self.over_owner.d.next = self.awaited.out_data.val().owner;
                self.over_code.d.next = 0.into();
                if self.failed.q.val() | self.mem.data_error.val() {
                    self.over_code.d.next = self.ring_bus_error.val();
                }
            }
        }
        self.quiet.next = self.outstanding.q.val() == 0;
        self.asked_place.next = self.request.val().place;
        self.known_number.next = self.known_page.val().number;
        self.same_parts.next = 0.into();
        if self.known_number.val().get_bits::<3>(0) == self.asked_place.val().get_bits::<3>(12) {
            self.same_parts.next = self.same_parts.val() | 1;
        }
        if self.known_number.val().get_bits::<3>(3) == self.asked_place.val().get_bits::<3>(15) {
            self.same_parts.next = self.same_parts.val() | 2;
        }
        if self.known_number.val().get_bits::<3>(6) == self.asked_place.val().get_bits::<3>(18) {
            self.same_parts.next = self.same_parts.val() | 4;
        }
        if self.idles.q.val() {
            self.held.d.next = self.request.val();
            self.stale.d.next = false;
            self.maybe.d.next = self.page_known.q.val().get_bit(self.asked_slot.val().index())
                & !self.asked_area.val().get_bit(1)
                & !self.restart.val().any()
                & !self.fence.val();
            self.same.d.next = self.same_parts.val();
        }
        if self.idles.q.val() & self.fenced.q.val() & self.quiet.val() {
            self.fenced_next.next = false;
        }
        if self.asks_space.q.val() {
            self.virt_page.d.next = self.base.val() + bit_cast::<52, 9>(self.page_number.val());
        }
        if self.has_space.q.val() {
            self.space.d.next = self.table.data.val().get_bits::<4>(16);
        }
        if self.translate_ready.q.val() & self.translate.rsp_valid.val() {
            self.next_known.next = self.page_known.q.val() & (self.slot_bit.val() ^ 0xFFFF_FFFF_u64);
            if !self.area_now.val().get_bit(1)
                & !self.stale.q.val()
                & !self.fenced.q.val()
                & (self.translate.cause.val() == 0)
            {
                self.next_known.next = self.page_known.q.val() | self.slot_bit.val();
            }
        }
        if self.waits.q.val() {
            self.write_failed.d.next = self.mem_write.done_error.val();
        }
        // A write is not reported on the clock of a read's answer, a fault after the answers of older reads.
        if (self.reports.q.val() & !self.last_beat.val()) | (self.faults.q.val() & self.quiet.val()) {
            self.over.d.next = true;
        }
        self.awaited.in_valid.next = self.sent.val();
        // What comes next
        self.taken.next = self.valid.val() & !self.blocked.q.val();
        self.answered.next = self.translate_ready.q.val() & self.translate.rsp_valid.val();
        self.granted.next = self.answered.val() & (self.translate.cause.val() == 0);
        self.idles.d.next = (self.idles.q.val() & !self.taken.val())
            | self.sent.val()
            | (self.reports.q.val() & !self.last_beat.val())
            | (self.faults.q.val() & self.quiet.val());
        self.looks.d.next =
            (self.idles.q.val() & self.taken.val()) | (self.looks.q.val() & self.hit.val() & !self.mem.req_ready.val());
        self.sends.d.next =
            (self.granted.val() & !self.held.q.val().write) | (self.sends.q.val() & !self.mem.req_ready.val());
        self.asks_base.d.next = self.looks.q.val() & !self.hit.val();
        self.asks_space.d.next = self.asks_base.q.val();
        self.has_space.d.next = self.asks_space.q.val();
        self.translate_valid.d.next =
            self.has_space.q.val() | (self.translate_valid.q.val() & !self.translate.req_ready.val());
        self.translate_ready.d.next = (self.translate_valid.q.val() & self.translate.req_ready.val())
            | (self.translate_ready.q.val() & !self.translate.rsp_valid.val());
        self.write_valid.d.next = (self.granted.val() & self.held.q.val().write)
            | (self.write_valid.q.val() & !self.mem_write.req_ready.val());
        self.waits.d.next = (self.write_valid.q.val() & self.mem_write.req_ready.val())
            | (self.waits.q.val() & !self.mem_write.done_valid.val());
        self.reports.d.next =
            (self.waits.q.val() & self.mem_write.done_valid.val()) | (self.reports.q.val() & self.last_beat.val());
        self.faults.d.next =
            (self.answered.val() & (self.translate.cause.val() != 0)) | (self.faults.q.val() & !self.quiet.val());
        self.page_known.d.next = self.next_known.val() & self.queues.val() & (self.forget.val() ^ 0xFFFF_FFFF_u64);
        if self.sent.val() & !self.last_beat.val() {
            self.outstanding.d.next = self.outstanding.q.val() + 1;
        }
        if !self.sent.val() & self.last_beat.val() {
            self.outstanding.d.next = self.outstanding.q.val() - 1;
        }
        if self.fence.val() {
            self.fenced_next.next = true;
            self.page_known.d.next = 0.into();
        }
        self.fence_busy.next = self.fenced.q.val();
        if self.reset.val() {
            self.idles.d.next = true;
            self.looks.d.next = false;
            self.sends.d.next = false;
            self.asks_base.d.next = false;
            self.asks_space.d.next = false;
            self.has_space.d.next = false;
            self.waits.d.next = false;
            self.reports.d.next = false;
            self.faults.d.next = false;
            self.page_known.d.next = 0.into();
            self.translate_valid.d.next = false;
            self.translate_ready.d.next = false;
            self.write_valid.d.next = false;
            self.outstanding.d.next = 0.into();
            self.index.d.next = 0.into();
            self.failed.d.next = false;
            self.over.d.next = false;
            self.fenced_next.next = false;
        }
        self.fenced.d.next = self.fenced_next.val();
        self.blocked.d.next = self.fenced_next.val() | (self.outstanding.q.val().get_bit(4) & !self.reset.val());
    }
}
