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
use super::store::Store;
use super::types::{
    Fill, PortRequest, LARGE_ENTRY_BITS, LARGE_PHYS_BITS, LARGE_TAG_BITS, PAGE_BITS, PAGE_ENTRY_BITS, PAGE_TAG_BITS,
    SET_BITS,
};
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
        pages: Store<SET_BITS, PAGE_TAG_BITS, PHYS_PAGE_BITS, PAGE_ENTRY_BITS, 4>,
        larges: Store<SET_BITS, LARGE_TAG_BITS, LARGE_PHYS_BITS, LARGE_ENTRY_BITS, 2>,
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
        hit_now: Signal<Local, Bit>,
        large_page: Signal<Local, Bits<LARGE_PHYS_BITS>>,
        above: Signal<Local, Bits<PHYS_PAGE_BITS>>,
        answers: Signal<Local, Bit>,
        // clock 3: where a fill goes
        random: DFF<Bits<7>>,
        random_up: Signal<Local, Bits<7>>,
        feedback: Signal<Local, Bit>,
        fill_hash: Signal<Local, Bits<SET_BITS>>,
        fill_phys: Signal<Local, Bits<PHYS_PAGE_BITS>>,
        fills_now: Signal<Local, Bit>,
        // clock 4
        answer: DFF<Bit>,
        miss: DFF<Bit>,
        port: DFF<Bit>,
        hit_reg: DFF<Bit>,
        phys: DFF<Bits<PHYS_PAGE_BITS>>,
        cause_reg: DFF<Bits<5>>,
        writing: DFF<Bit>,
        //
        mode_code: [Constant<Bits<3>>; MODE_COUNT] = mode_codes(),
        upper_mask: [Constant<Bits<VIRT_PAGE_BITS>>; MODE_COUNT] = upper_masks(),
        upper_one: [Constant<Bit>; MODE_COUNT] = upper_ones(),
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
            writing
        );
        clock!(self, clock, pages, larges);
        self.pages.reset.next = self.reset.val();
        self.larges.reset.next = self.reset.val();
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
        self.pages.set.next = self.in_virt_page.val().get_bits::<SET_BITS>(0) ^ self.hash.val();
        self.larges.set.next = self.in_virt_page.val().get_bits::<SET_BITS>(9) ^ self.hash.val();
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
        self.pages.tag.next = self.p2_virt_page.q.val().get_bits::<PAGE_TAG_BITS>(6);
        self.pages.owner.next = self.p2_context.q.val();
        self.pages.write.next = self.p2_write.q.val();
        self.larges.tag.next = self.p2_virt_page.q.val().get_bits::<LARGE_TAG_BITS>(15);
        self.larges.owner.next = self.p2_context.q.val();
        self.larges.write.next = self.p2_write.q.val();
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
        self.large_page.next = self.larges.phys.val();
        if self.p3_bare.q.val() {
            self.large_page.next = self.p3_virt_page.q.val().get_bits::<LARGE_PHYS_BITS>(9);
        }
        self.above.next = bit_cast::<PHYS_PAGE_BITS, LARGE_PHYS_BITS>(self.large_page.val()) << 9;
        self.phys.d.next = self.pages.phys.val();
        if self.p3_bare.q.val() | self.larges.hit.val() {
            self.phys.d.next =
                self.above.val() | bit_cast::<PHYS_PAGE_BITS, 9>(self.p3_virt_page.q.val().get_bits::<9>(0));
        }
        // A page in both stores is a table that changed without an invalidation: walk, rather than choose.
        self.hit_now.next = self.pages.hit.val() ^ self.larges.hit.val();
        self.answers.next = self.p3_valid.q.val()
            & !self.p3_fills.q.val()
            & (!self.miss.q.val() | (self.p3_port.q.val() ^ self.port.q.val()));
        self.answer.d.next = self.answers.val() & (!self.p3_paged.q.val() | self.hit_now.val());
        self.miss.d.next = self.answers.val() & self.p3_paged.q.val() & !self.hit_now.val();
        self.hit_reg.d.next = self.p3_paged.q.val();
        self.port.d.next = self.p3_port.q.val();
        self.cause_reg.d.next = self.p3_cause.q.val();

        // Clock 3, fills
        self.random_up.next = self.random.q.val() << 1;
        self.feedback.next = !(self.random.q.val().get_bit(6) ^ self.random.q.val().get_bit(5));
        self.random.d.next = self.random_up.val() | bit_cast::<7, 1>(self.feedback.val().into());
        self.fills_now.next = self.p3_valid.q.val() & self.p3_fills.q.val();
        self.writing.d.next = self.fills_now.val() | self.sweep.val();
        self.fill_hash.next = bit_cast::<SET_BITS, 4>(self.p3_context.q.val()) << 3;
        self.fill_phys.next = self.p3_fill.q.val().phys_page;
        self.pages.fill.next = self.fills_now.val() & !self.p3_fill.q.val().large;
        self.pages.fill_set.next = self.p3_virt_page.q.val().get_bits::<SET_BITS>(0) ^ self.fill_hash.val();
        self.pages.fill_tag.next = self.p3_virt_page.q.val().get_bits::<PAGE_TAG_BITS>(6);
        self.pages.fill_owner.next = self.p3_context.q.val();
        self.pages.fill_phys.next = self.fill_phys.val();
        self.pages.fill_readable.next = self.p3_fill.q.val().readable;
        self.pages.fill_writable.next = self.p3_fill.q.val().writable;
        self.pages.random_way.next = self.random.q.val().get_bits::<2>(0);
        self.pages.clear.next = self.sweep.val();
        self.larges.fill.next = self.fills_now.val() & self.p3_fill.q.val().large;
        self.larges.fill_set.next = self.p3_virt_page.q.val().get_bits::<SET_BITS>(9) ^ self.fill_hash.val();
        self.larges.fill_tag.next = self.p3_virt_page.q.val().get_bits::<LARGE_TAG_BITS>(15);
        self.larges.fill_owner.next = self.p3_context.q.val();
        self.larges.fill_phys.next = self.fill_phys.val().get_bits::<LARGE_PHYS_BITS>(9);
        self.larges.fill_readable.next = self.p3_fill.q.val().readable;
        self.larges.fill_writable.next = self.p3_fill.q.val().writable;
        self.larges.random_way.next = bit_cast::<2, 1>(self.random.q.val().get_bits::<1>(0));
        self.larges.clear.next = self.sweep.val();
        if self.sweep.val() {
            self.pages.fill_set.next = self.sweep_at.val();
            self.larges.fill_set.next = self.sweep_at.val();
        }

        if self.reset.val() {
            self.p1_valid.d.next = false;
            self.p2_valid.d.next = false;
            self.p3_valid.d.next = false;
            self.answer.d.next = false;
            self.miss.d.next = false;
            self.writing.d.next = false;
        }
    }
}
