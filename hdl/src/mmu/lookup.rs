//! The lookup pipeline: one lookup a clock, from two ports and the walker's fills.
//!
//! | clock | what happens |
//! |---|---|
//! | 0 | a source is chosen; its set goes to the block RAMs |
//! | 1 | the RAMs read; the context's mode is read; the upper address bits are reduced |
//! | 2 | tags are compared in halves; the address is judged |
//! | 3 | halves are joined, the page is selected; a fill chooses its way |
//! | 4 | the port takes the answer, or has missed; a fill is written |
//!
//! A fill is a lookup too: it goes into the way that already holds its page, so that no page is there twice. On the
//! clock of a write nothing is looked up, because the RAMs promise nothing for an address that is written.

use super::rows::{mode_codes, upper_masks, upper_ones, MODE_COUNT};
use super::types::{Fill, LargeEntry, PageEntry, PortRequest, LARGE_WAYS, PAGE_BITS, PAGE_WAYS, SET_BITS};
use crate::bus::ram::BlockRam;
use rust_hdl::prelude::*;
use segwalk_model::limits::{PHYS_PAGE_BITS, VIRT_PAGE_BITS};
use segwalk_model::refusal::FaultCause;
use segwalk_model::registers::mode;

logic_block! {
    /// The pipeline and both stores.
    pub struct Lookup {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        /// Ports may be served.
        pub run: Signal<In, Bit>,
        /// Port 0 offers a request.
        pub offered_0: Signal<In, Bit>,
        /// Its request.
        pub request_0: Signal<In, PortRequest>,
        /// It is taken.
        pub granted_0: Signal<Out, Bit>,
        /// Port 1 offers a request.
        pub offered_1: Signal<In, Bit>,
        /// Its request.
        pub request_1: Signal<In, PortRequest>,
        /// It is taken.
        pub granted_1: Signal<Out, Bit>,
        /// The walker offers a translation.
        pub fill_valid: Signal<In, Bit>,
        /// It is taken.
        pub fill_ready: Signal<Out, Bit>,
        /// Its address space.
        pub fill_context: Signal<In, Bits<4>>,
        /// Its virtual page.
        pub fill_virt_page: Signal<In, Bits<PAGE_BITS>>,
        /// The translation.
        pub fill: Signal<In, Fill>,
        /// Context whose mode is wanted.
        pub mode_of: Signal<Out, Bits<4>>,
        /// The mode, on the same clock.
        pub mode: Signal<In, Bits<3>>,
        /// Clear the set `sweep_at` on this clock.
        pub sweep: Signal<In, Bit>,
        /// The set.
        pub sweep_at: Signal<In, Bits<SET_BITS>>,
        /// Port 0 is answered.
        pub answered_0: Signal<Out, Bit>,
        /// Port 0 has missed.
        pub missed_0: Signal<Out, Bit>,
        /// Port 1 is answered.
        pub answered_1: Signal<Out, Bit>,
        /// Port 1 has missed.
        pub missed_1: Signal<Out, Bit>,
        /// The answer came from the TLB.
        pub hit: Signal<Out, Bit>,
        /// Physical page of the answer.
        pub phys_page: Signal<Out, Bits<PHYS_PAGE_BITS>>,
        /// 0 or FaultCause of the answer.
        pub cause: Signal<Out, Bits<5>>,
        /// Something is in the pipeline.
        pub busy: Signal<Out, Bit>,
        //
        pages: [BlockRam<PageEntry, SET_BITS>; PAGE_WAYS],
        larges: [BlockRam<LargeEntry, SET_BITS>; LARGE_WAYS],
        // clock 0
        last_port: DFF<Bit>,
        choose_1: Signal<Local, Bit>,
        open: Signal<Local, Bit>,
        in_context: Signal<Local, Bits<4>>,
        in_virt_page: Signal<Local, Bits<VIRT_PAGE_BITS>>,
        in_write: Signal<Local, Bit>,
        in_valid: Signal<Local, Bit>,
        hash: Signal<Local, Bits<SET_BITS>>,
        // clock 1
        p1_valid: DFF<Bit>,
        p1_fills: DFF<Bit>,
        p1_port: DFF<Bit>,
        p1_context: DFF<Bits<4>>,
        p1_virt_page: DFF<Bits<VIRT_PAGE_BITS>>,
        p1_write: DFF<Bit>,
        p1_fill: DFF<Fill>,
        upper: Signal<Local, Bits<VIRT_PAGE_BITS>>,
        // clock 2
        p2_valid: DFF<Bit>,
        p2_fills: DFF<Bit>,
        p2_port: DFF<Bit>,
        p2_context: DFF<Bits<4>>,
        p2_virt_page: DFF<Bits<PAGE_BITS>>,
        p2_write: DFF<Bit>,
        p2_fill: DFF<Fill>,
        p2_mode: DFF<Bits<3>>,
        p2_in_range: [DFF<Bit>; MODE_COUNT],
        p2_pages: [DFF<PageEntry>; PAGE_WAYS],
        p2_larges: [DFF<LargeEntry>; LARGE_WAYS],
        page_entry: Signal<Local, PageEntry>,
        large_entry: Signal<Local, LargeEntry>,
        page_tag: Signal<Local, Bits<30>>,
        large_tag: Signal<Local, Bits<21>>,
        known: Signal<Local, Bit>,
        in_range: Signal<Local, Bit>,
        is_bare: Signal<Local, Bit>,
        // clock 3
        p3_valid: DFF<Bit>,
        p3_fills: DFF<Bit>,
        p3_port: DFF<Bit>,
        p3_context: DFF<Bits<4>>,
        p3_virt_page: DFF<Bits<PAGE_BITS>>,
        p3_fill: DFF<Fill>,
        p3_paged: DFF<Bit>,
        p3_bare: DFF<Bit>,
        p3_cause: DFF<Bits<5>>,
        page_low: [DFF<Bit>; PAGE_WAYS],
        page_high: [DFF<Bit>; PAGE_WAYS],
        page_owned: [DFF<Bit>; PAGE_WAYS],
        page_allowed: [DFF<Bit>; PAGE_WAYS],
        page_present: [DFF<Bit>; PAGE_WAYS],
        page_phys: [DFF<Bits<PHYS_PAGE_BITS>>; PAGE_WAYS],
        large_low: [DFF<Bit>; LARGE_WAYS],
        large_high: [DFF<Bit>; LARGE_WAYS],
        large_owned: [DFF<Bit>; LARGE_WAYS],
        large_allowed: [DFF<Bit>; LARGE_WAYS],
        large_present: [DFF<Bit>; LARGE_WAYS],
        large_phys: [DFF<Bits<19>>; LARGE_WAYS],
        way_hit: Signal<Local, Bit>,
        page_hit: Signal<Local, Bit>,
        large_hit: Signal<Local, Bit>,
        hit_now: Signal<Local, Bit>,
        selected: Signal<Local, Bits<PHYS_PAGE_BITS>>,
        selected_large: Signal<Local, Bits<19>>,
        above: Signal<Local, Bits<PHYS_PAGE_BITS>>,
        answers: Signal<Local, Bit>,
        // clock 3: where a fill goes
        random: DFF<Bits<7>>,
        random_up: Signal<Local, Bits<7>>,
        feedback: Signal<Local, Bit>,
        page_match: Signal<Local, Bits<PAGE_WAYS>>,
        page_victim: Signal<Local, Bits<PAGE_WAYS>>,
        page_way: Signal<Local, Bits<PAGE_WAYS>>,
        large_match: Signal<Local, Bits<LARGE_WAYS>>,
        large_victim: Signal<Local, Bits<LARGE_WAYS>>,
        large_way: Signal<Local, Bits<LARGE_WAYS>>,
        fill_hash: Signal<Local, Bits<SET_BITS>>,
        fill_phys: Signal<Local, Bits<PHYS_PAGE_BITS>>,
        // clock 4
        answer: DFF<Bit>,
        miss: DFF<Bit>,
        port: DFF<Bit>,
        hit_reg: DFF<Bit>,
        phys: DFF<Bits<PHYS_PAGE_BITS>>,
        cause_reg: DFF<Bits<5>>,
        writing: DFF<Bit>,
        page_set: DFF<Bits<SET_BITS>>,
        large_set: DFF<Bits<SET_BITS>>,
        page_write: DFF<Bits<PAGE_WAYS>>,
        large_write: DFF<Bits<LARGE_WAYS>>,
        new_page: DFF<PageEntry>,
        new_large: DFF<LargeEntry>,
        new_page_entry: Signal<Local, PageEntry>,
        new_large_entry: Signal<Local, LargeEntry>,
        //
        mode_code: [Constant<Bits<3>>; MODE_COUNT] = mode_codes(),
        upper_mask: [Constant<Bits<VIRT_PAGE_BITS>>; MODE_COUNT] = upper_masks(),
        upper_one: [Constant<Bit>; MODE_COUNT] = upper_ones(),
        page_way_bit: [Constant<Bits<PAGE_WAYS>>; PAGE_WAYS] = std::array::from_fn(|way| Constant::new((1u64 << way).to_bits())),
        large_way_bit: [Constant<Bits<LARGE_WAYS>>; LARGE_WAYS] = std::array::from_fn(|way| Constant::new((1u64 << way).to_bits())),
        bare: Constant<Bits<3>> = Constant::new(mode::BARE.to_bits()),
        bad_context: Constant<Bits<5>> = Constant::new(FaultCause::BadContext.code().to_bits()),
        non_canonical: Constant<Bits<5>> = Constant::new(FaultCause::NonCanonical.code().to_bits()),
        phys_range: Constant<Bits<5>> = Constant::new(FaultCause::PhysRange.code().to_bits()),
    }
}

impl Logic for Lookup {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            last_port,
            p1_valid,
            p1_fills,
            p1_port,
            p1_context,
            p1_virt_page,
            p1_write,
            p1_fill,
            p2_valid,
            p2_fills,
            p2_port,
            p2_context,
            p2_virt_page,
            p2_write,
            p2_fill,
            p2_mode,
            p3_valid,
            p3_fills,
            p3_port,
            p3_context,
            p3_virt_page,
            p3_fill,
            p3_paged,
            p3_bare,
            p3_cause,
            random,
            answer,
            miss,
            port,
            hit_reg,
            phys,
            cause_reg,
            writing,
            page_set,
            large_set,
            page_write,
            large_write,
            new_page,
            new_large
        );
        // Outputs
        self.answered_0.next = self.answer.q.val() & !self.port.q.val();
        self.answered_1.next = self.answer.q.val() & self.port.q.val();
        self.missed_0.next = self.miss.q.val() & !self.port.q.val();
        self.missed_1.next = self.miss.q.val() & self.port.q.val();
        self.hit.next = self.hit_reg.q.val();
        self.phys_page.next = self.phys.q.val();
        self.cause.next = self.cause_reg.q.val();
        self.busy.next = self.p1_valid.q.val()
            | self.p2_valid.q.val()
            | self.p3_valid.q.val()
            | self.answer.q.val()
            | self.miss.q.val()
            | self.writing.q.val();

        // Clock 0
        self.open.next = self.run.val() & !self.writing.q.val() & !self.fill_valid.val();
        self.choose_1.next = self.offered_1.val() & (!self.offered_0.val() | !self.last_port.q.val());
        self.granted_0.next = self.open.val() & self.offered_0.val() & !self.choose_1.val();
        self.granted_1.next = self.open.val() & self.choose_1.val();
        self.fill_ready.next = self.fill_valid.val() & !self.writing.q.val();
        self.in_context.next = self.request_0.val().context;
        self.in_virt_page.next = self.request_0.val().virt_page;
        self.in_write.next = self.request_0.val().write;
        if self.choose_1.val() {
            self.in_context.next = self.request_1.val().context;
            self.in_virt_page.next = self.request_1.val().virt_page;
            self.in_write.next = self.request_1.val().write;
        }
        if self.fill_valid.val() {
            self.in_context.next = self.fill_context.val();
            self.in_virt_page.next = bit_cast::<VIRT_PAGE_BITS, PAGE_BITS>(self.fill_virt_page.val());
        }
        if self.open.val() & (self.offered_0.val() | self.offered_1.val()) {
            self.last_port.d.next = self.choose_1.val();
        }
        // What is granted on the clock of the port's own miss is dropped with the rest.
        self.in_valid.next = self.fill_ready.val()
            | (self.open.val()
                & self.offered_0.val()
                & !self.choose_1.val()
                & !(self.miss.q.val() & !self.port.q.val()))
            | (self.open.val() & self.choose_1.val() & !(self.miss.q.val() & self.port.q.val()));
        self.hash.next = bit_cast::<SET_BITS, 4>(self.in_context.val()) << 3;
        for ix in 0..PAGE_WAYS {
            self.pages[ix].clock.next = self.clock.val();
            self.pages[ix].read_addr.next = self.in_virt_page.val().get_bits::<SET_BITS>(0) ^ self.hash.val();
        }
        for ix in 0..LARGE_WAYS {
            self.larges[ix].clock.next = self.clock.val();
            self.larges[ix].read_addr.next = self.in_virt_page.val().get_bits::<SET_BITS>(9) ^ self.hash.val();
        }
        self.p1_valid.d.next = self.in_valid.val();
        self.p1_fills.d.next = self.fill_valid.val();
        self.p1_port.d.next = self.choose_1.val();
        self.p1_context.d.next = self.in_context.val();
        self.p1_virt_page.d.next = self.in_virt_page.val();
        self.p1_write.d.next = self.in_write.val();
        self.p1_fill.d.next = self.fill.val();

        // Clock 1
        self.mode_of.next = self.p1_context.q.val();
        self.p2_mode.d.next = self.mode.val();
        for ix in 0..MODE_COUNT {
            self.p2_in_range[ix].clock.next = self.clock.val();
            self.upper.next = self.p1_virt_page.q.val() & self.upper_mask[ix].val();
            self.p2_in_range[ix].d.next =
                (self.upper.val() == 0) | (self.upper_one[ix].val() & (self.upper.val() == self.upper_mask[ix].val()));
        }
        self.p2_valid.d.next = self.p1_valid.q.val()
            & (self.p1_fills.q.val() | !self.miss.q.val() | (self.p1_port.q.val() ^ self.port.q.val()));
        self.p2_fills.d.next = self.p1_fills.q.val();
        self.p2_port.d.next = self.p1_port.q.val();
        self.p2_context.d.next = self.p1_context.q.val();
        self.p2_virt_page.d.next = self.p1_virt_page.q.val().get_bits::<PAGE_BITS>(0);
        self.p2_write.d.next = self.p1_write.q.val();
        self.p2_fill.d.next = self.p1_fill.q.val();

        // Clock 2
        for ix in 0..PAGE_WAYS {
            self.p2_pages[ix].clock.next = self.clock.val();
            self.page_low[ix].clock.next = self.clock.val();
            self.page_high[ix].clock.next = self.clock.val();
            self.page_owned[ix].clock.next = self.clock.val();
            self.page_allowed[ix].clock.next = self.clock.val();
            self.page_present[ix].clock.next = self.clock.val();
            self.page_phys[ix].clock.next = self.clock.val();
            self.p2_pages[ix].d.next = self.pages[ix].read_data.val();
            self.page_entry.next = self.p2_pages[ix].q.val();
            self.page_tag.next = self.page_entry.val().tag;
            self.page_low[ix].d.next =
                self.page_tag.val().get_bits::<15>(0) == self.p2_virt_page.q.val().get_bits::<15>(6);
            self.page_high[ix].d.next =
                self.page_tag.val().get_bits::<15>(15) == self.p2_virt_page.q.val().get_bits::<15>(21);
            self.page_owned[ix].d.next =
                self.page_entry.val().valid & (self.page_entry.val().context == self.p2_context.q.val());
            self.page_allowed[ix].d.next = (self.p2_write.q.val() & self.page_entry.val().writable)
                | (!self.p2_write.q.val() & self.page_entry.val().readable);
            self.page_present[ix].d.next = self.page_entry.val().valid;
            self.page_phys[ix].d.next = self.page_entry.val().phys_page;
        }
        for ix in 0..LARGE_WAYS {
            self.p2_larges[ix].clock.next = self.clock.val();
            self.large_low[ix].clock.next = self.clock.val();
            self.large_high[ix].clock.next = self.clock.val();
            self.large_owned[ix].clock.next = self.clock.val();
            self.large_allowed[ix].clock.next = self.clock.val();
            self.large_present[ix].clock.next = self.clock.val();
            self.large_phys[ix].clock.next = self.clock.val();
            self.p2_larges[ix].d.next = self.larges[ix].read_data.val();
            self.large_entry.next = self.p2_larges[ix].q.val();
            self.large_tag.next = self.large_entry.val().tag;
            self.large_low[ix].d.next =
                self.large_tag.val().get_bits::<11>(0) == self.p2_virt_page.q.val().get_bits::<11>(15);
            self.large_high[ix].d.next =
                self.large_tag.val().get_bits::<10>(11) == self.p2_virt_page.q.val().get_bits::<10>(26);
            self.large_owned[ix].d.next =
                self.large_entry.val().valid & (self.large_entry.val().context == self.p2_context.q.val());
            self.large_allowed[ix].d.next = (self.p2_write.q.val() & self.large_entry.val().writable)
                | (!self.p2_write.q.val() & self.large_entry.val().readable);
            self.large_present[ix].d.next = self.large_entry.val().valid;
            self.large_phys[ix].d.next = self.large_entry.val().phys_large;
        }
        self.known.next = false;
        self.in_range.next = false;
        for ix in 0..MODE_COUNT {
            self.known.next = self.known.val() | (self.p2_mode.q.val() == self.mode_code[ix].val());
            self.in_range.next = self.in_range.val()
                | ((self.p2_mode.q.val() == self.mode_code[ix].val()) & self.p2_in_range[ix].q.val());
        }
        self.is_bare.next = self.p2_mode.q.val() == self.bare.val();
        self.p3_bare.d.next = self.is_bare.val();
        self.p3_paged.d.next = self.known.val() & self.in_range.val() & !self.is_bare.val();
        self.p3_cause.d.next = 0.into();
        if !self.in_range.val() {
            self.p3_cause.d.next = self.non_canonical.val();
            if self.is_bare.val() {
                self.p3_cause.d.next = self.phys_range.val();
            }
        }
        if !self.known.val() {
            self.p3_cause.d.next = self.bad_context.val();
        }
        self.p3_valid.d.next = self.p2_valid.q.val()
            & (self.p2_fills.q.val() | !self.miss.q.val() | (self.p2_port.q.val() ^ self.port.q.val()));
        self.p3_fills.d.next = self.p2_fills.q.val();
        self.p3_port.d.next = self.p2_port.q.val();
        self.p3_context.d.next = self.p2_context.q.val();
        self.p3_virt_page.d.next = self.p2_virt_page.q.val();
        self.p3_fill.d.next = self.p2_fill.q.val();

        // Clock 3
        self.page_hit.next = false;
        self.large_hit.next = false;
        self.selected.next = 0.into();
        self.selected_large.next = 0.into();
        self.page_match.next = 0.into();
        self.large_match.next = 0.into();
        for ix in 0..PAGE_WAYS {
            self.way_hit.next = self.page_low[ix].q.val()
                & self.page_high[ix].q.val()
                & self.page_owned[ix].q.val()
                & self.page_allowed[ix].q.val();
            self.page_hit.next = self.page_hit.val() | self.way_hit.val();
            if self.way_hit.val() {
                self.selected.next = self.selected.val() | self.page_phys[ix].q.val();
            }
            self.page_match.next = self.page_match.val().replace_bit(
                ix,
                self.page_low[ix].q.val() & self.page_high[ix].q.val() & self.page_owned[ix].q.val(),
            );
        }
        for ix in 0..LARGE_WAYS {
            self.way_hit.next = self.large_low[ix].q.val()
                & self.large_high[ix].q.val()
                & self.large_owned[ix].q.val()
                & self.large_allowed[ix].q.val();
            self.large_hit.next = self.large_hit.val() | self.way_hit.val();
            if self.way_hit.val() {
                self.selected_large.next = self.selected_large.val() | self.large_phys[ix].q.val();
            }
            self.large_match.next = self.large_match.val().replace_bit(
                ix,
                self.large_low[ix].q.val() & self.large_high[ix].q.val() & self.large_owned[ix].q.val(),
            );
        }
        if self.p3_bare.q.val() {
            self.selected_large.next = self.p3_virt_page.q.val().get_bits::<19>(9);
        }
        self.above.next = bit_cast::<PHYS_PAGE_BITS, 19>(self.selected_large.val()) << 9;
        self.phys.d.next = self.selected.val() | self.above.val();
        if self.p3_bare.q.val() | self.large_hit.val() {
            self.phys.d.next =
                self.above.val() | bit_cast::<PHYS_PAGE_BITS, 9>(self.p3_virt_page.q.val().get_bits::<9>(0));
        }
        // A page in both stores is a table that changed without an invalidation: walk, rather than mix the two.
        self.hit_now.next = self.page_hit.val() ^ self.large_hit.val();
        self.answers.next = self.p3_valid.q.val()
            & !self.p3_fills.q.val()
            & (!self.miss.q.val() | (self.p3_port.q.val() ^ self.port.q.val()));
        self.answer.d.next = self.answers.val() & (!self.p3_paged.q.val() | self.hit_now.val());
        self.miss.d.next = self.answers.val() & self.p3_paged.q.val() & !self.hit_now.val();
        self.hit_reg.d.next = self.p3_paged.q.val();
        self.port.d.next = self.p3_port.q.val();
        self.cause_reg.d.next = self.p3_cause.q.val();

        // Clock 3, fills: the way that has the page, else an empty one, else any.
        self.random_up.next = self.random.q.val() << 1;
        self.feedback.next = !(self.random.q.val().get_bit(6) ^ self.random.q.val().get_bit(5));
        self.random.d.next = self.random_up.val() | bit_cast::<7, 1>(self.feedback.val().into());
        self.page_victim.next = bits::<PAGE_WAYS>(1) << self.random.q.val().get_bits::<2>(0);
        for ix in 0..PAGE_WAYS {
            if !self.page_present[ix].q.val() {
                self.page_victim.next = self.page_way_bit[ix].val();
            }
        }
        self.large_victim.next = bits::<LARGE_WAYS>(1) << self.random.q.val().get_bits::<1>(0);
        for ix in 0..LARGE_WAYS {
            if !self.large_present[ix].q.val() {
                self.large_victim.next = self.large_way_bit[ix].val();
            }
        }
        self.page_way.next = self.page_match.val();
        if self.page_match.val() == 0 {
            self.page_way.next = self.page_victim.val();
        }
        self.large_way.next = self.large_match.val();
        if self.large_match.val() == 0 {
            self.large_way.next = self.large_victim.val();
        }
        self.writing.d.next = self.p3_valid.q.val() & self.p3_fills.q.val();
        self.page_write.d.next = 0.into();
        self.large_write.d.next = 0.into();
        if self.p3_valid.q.val() & self.p3_fills.q.val() {
            if self.p3_fill.q.val().large {
                self.large_write.d.next = self.large_way.val();
            } else {
                self.page_write.d.next = self.page_way.val();
            }
        }
        self.fill_hash.next = bit_cast::<SET_BITS, 4>(self.p3_context.q.val()) << 3;
        self.page_set.d.next = self.p3_virt_page.q.val().get_bits::<SET_BITS>(0) ^ self.fill_hash.val();
        self.large_set.d.next = self.p3_virt_page.q.val().get_bits::<SET_BITS>(9) ^ self.fill_hash.val();
        self.new_page_entry.next.valid = true;
        self.new_page_entry.next.context = self.p3_context.q.val();
        self.new_page_entry.next.tag = self.p3_virt_page.q.val().get_bits::<30>(6);
        self.new_page_entry.next.phys_page = self.p3_fill.q.val().phys_page;
        self.new_page_entry.next.readable = self.p3_fill.q.val().readable;
        self.new_page_entry.next.writable = self.p3_fill.q.val().writable;
        self.new_large_entry.next.valid = true;
        self.new_large_entry.next.context = self.p3_context.q.val();
        self.new_large_entry.next.tag = self.p3_virt_page.q.val().get_bits::<21>(15);
        self.fill_phys.next = self.p3_fill.q.val().phys_page;
        self.new_large_entry.next.phys_large = self.fill_phys.val().get_bits::<19>(9);
        self.new_large_entry.next.readable = self.p3_fill.q.val().readable;
        self.new_large_entry.next.writable = self.p3_fill.q.val().writable;
        if self.sweep.val() {
            self.new_page_entry.next.valid = false;
            self.new_large_entry.next.valid = false;
            self.page_set.d.next = self.sweep_at.val();
            self.large_set.d.next = self.sweep_at.val();
            self.page_write.d.next = bits::<PAGE_WAYS>(15);
            self.large_write.d.next = bits::<LARGE_WAYS>(3);
            self.writing.d.next = true;
        }
        self.new_page.d.next = self.new_page_entry.val();
        self.new_large.d.next = self.new_large_entry.val();

        // Clock 4, fills
        for ix in 0..PAGE_WAYS {
            self.pages[ix].write_addr.next = self.page_set.q.val();
            self.pages[ix].write_data.next = self.new_page.q.val();
            self.pages[ix].write_enable.next = self.page_write.q.val().get_bit(ix);
        }
        for ix in 0..LARGE_WAYS {
            self.larges[ix].write_addr.next = self.large_set.q.val();
            self.larges[ix].write_data.next = self.new_large.q.val();
            self.larges[ix].write_enable.next = self.large_write.q.val().get_bit(ix);
        }

        if self.reset.val() {
            self.p1_valid.d.next = false;
            self.p2_valid.d.next = false;
            self.p3_valid.d.next = false;
            self.answer.d.next = false;
            self.miss.d.next = false;
            self.writing.d.next = false;
            self.page_write.d.next = 0.into();
            self.large_write.d.next = 0.into();
        }
    }
}
