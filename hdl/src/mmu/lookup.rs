//! The lookup pipeline: one operation a clock, from two ports, the walker and the sweeper.
//!
//! | clock | what happens |
//! |---|---|
//! | before | what the walker or the sweeper has goes into a register |
//! | 0 | a source is chosen: that register, else a port; its set goes to the RAMs |
//! | 1 | the RAMs read; the context's mode is read; the upper address bits are reduced |
//! | 2 | tags are compared in halves; the address is judged |
//! | 3 | halves are joined, the page is selected; a translation to be kept chooses its way |
//! | 4 | the port takes the answer, or the request has missed; the RAMs are written |
//!
//! To keep a translation is a lookup too: it goes into the way that already holds its page, so that no page is there
//! twice. On the clock of a write no request is looked up, because the RAMs promise nothing for an address that is
//! written. The walker's translations may follow each other closely: those of a line go to different sets, and lines are
//! further apart than the pipeline is long.

use super::rows::{mode_codes, segment_masks, segments_free, short_modes, upper_ones, MODE_COUNT, SEGMENTS};
use super::store::Store;
use super::types::*;
use rust_hdl::prelude::*;
use segwalk_model::limits::{PHYS_PAGE_BITS, VIRT_PAGE_BITS};
use segwalk_model::refusal::FaultCause;
use segwalk_model::registers::mode;

type PageStore = Store<SET_BITS, PAGE_TAG_BITS, PHYS_PAGE_BITS, PAGE_ENTRY_BITS, 4>;
type LargeStore = Store<LARGE_SET_BITS, LARGE_TAG_BITS, LARGE_PHYS_BITS, LARGE_ENTRY_BITS, 2>;

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
        /// Its ticket.
        pub ticket_0: Signal<In, Bits<TICKET_BITS>>,
        /// It has been looked up before.
        pub again_0: Signal<In, Bit>,
        /// It is taken.
        pub granted_0: Signal<Out, Bit>,
        /// Port 1 offers a request.
        pub offered_1: Signal<In, Bit>,
        /// Its request.
        pub request_1: Signal<In, PortRequest>,
        /// Its ticket.
        pub ticket_1: Signal<In, Bits<TICKET_BITS>>,
        /// It has been looked up before.
        pub again_1: Signal<In, Bit>,
        /// It is taken.
        pub granted_1: Signal<Out, Bit>,
        /// The walker has a result on this clock: on the next one it goes first.
        pub result_valid: Signal<In, Bit>,
        /// The result.
        pub result: Signal<In, WalkResult>,
        /// Context whose mode is wanted.
        pub mode_of: Signal<Out, Bits<4>>,
        /// The mode, on the same clock.
        pub mode: Signal<In, Bits<3>>,
        /// Clear the set `sweep_at` on this clock.
        pub sweep: Signal<In, Bit>,
        /// The set.
        pub sweep_at: Signal<In, Bits<SET_BITS>>,
        /// Whatever the context; steady while there is a sweep, as is all below.
        pub sweep_all: Signal<In, Bit>,
        /// In the store for 4 KiB pages only the page below.
        pub sweep_page: Signal<In, Bit>,
        /// The context.
        pub sweep_context: Signal<In, Bits<4>>,
        /// The page.
        pub sweep_virt_page: Signal<In, Bits<PAGE_BITS>>,
        /// Hash of the line of clock 3.
        pub line_hash: Signal<Out, Bits<LINE_HASH_BITS>>,
        /// Port 0's request is answered.
        pub answered_0: Signal<Out, Bit>,
        /// Port 1's request is answered.
        pub answered_1: Signal<Out, Bit>,
        /// The answer.
        pub answer: Signal<Out, PortAnswer>,
        /// A request has missed.
        pub missed: Signal<Out, Bit>,
        /// It; its port and ticket are also those of an answer.
        pub miss: Signal<Out, WalkRequest>,
        /// Port 0: a first lookup has found; port 1 in bit 1.
        pub hits: Signal<Out, Bits<2>>,
        /// A first lookup has missed.
        pub misses: Signal<Out, Bits<2>>,
        /// Something was in the pipeline or before it a clock ago.
        pub busy: Signal<Out, Bit>,
        //
        pages: PageStore,
        larges: LargeStore = LargeStore::distributed(),
        // the clock before: the walker's result, or a set to clear
        s_here: DFF<Bit>,
        s_keeps: DFF<Bit>,
        s_answers: DFF<Bit>,
        s_clears: DFF<Bit>,
        s_context: DFF<Bits<4>>,
        s_virt_page: DFF<Bits<PAGE_BITS>>,
        s_set: DFF<Bits<SET_BITS>>,
        s_large_set: DFF<Bits<LARGE_SET_BITS>>,
        s_result: DFF<WalkResult>,
        // clock 0
        last_port: DFF<Bit>,
        choose_1: Signal<Local, Bit>,
        open: Signal<Local, Bit>,
        in_context: Signal<Local, Bits<4>>,
        in_virt_page: Signal<Local, Bits<VIRT_PAGE_BITS>>,
        in_ticket: Signal<Local, Bits<TICKET_BITS>>,
        in_port: Signal<Local, Bit>,
        result_page: Signal<Local, Bits<PAGE_BITS>>,
        result_hash: Signal<Local, Bits<SET_BITS>>,
        sweep_hash: Signal<Local, Bits<SET_BITS>>,
        sweep_set: Signal<Local, Bits<SET_BITS>>,
        in_set: Signal<Local, Bits<SET_BITS>>,
        built_set: Signal<Local, Bits<SET_BITS>>,
        in_large_set: Signal<Local, Bits<LARGE_SET_BITS>>,
        // clock 1
        p1_looks: DFF<Bit>,
        p1_keeps: DFF<Bit>,
        p1_answers: DFF<Bit>,
        p1_clears: DFF<Bit>,
        p1_port: DFF<Bit>,
        p1_ticket: DFF<Bits<TICKET_BITS>>,
        p1_again: DFF<Bit>,
        p1_context: DFF<Bits<4>>,
        p1_virt_page: DFF<Bits<VIRT_PAGE_BITS>>,
        p1_write: DFF<Bit>,
        p1_result: DFF<WalkResult>,
        p1_set: DFF<Bits<SET_BITS>>,
        p1_large_set: DFF<Bits<LARGE_SET_BITS>>,
        masked: Signal<Local, Bits<VIRT_PAGE_BITS>>,
        // clock 2
        p2_looks: DFF<Bit>,
        p2_keeps: DFF<Bit>,
        p2_answers: DFF<Bit>,
        p2_clears: DFF<Bit>,
        p2_port: DFF<Bit>,
        p2_ticket: DFF<Bits<TICKET_BITS>>,
        p2_again: DFF<Bit>,
        p2_context: DFF<Bits<4>>,
        p2_virt_page: DFF<Bits<PAGE_BITS>>,
        p2_write: DFF<Bit>,
        p2_result: DFF<WalkResult>,
        p2_set: DFF<Bits<SET_BITS>>,
        p2_large_set: DFF<Bits<LARGE_SET_BITS>>,
        p2_mode: DFF<Bits<3>>,
        // for each segment of the upper bits: all zero, all one
        p2_zero: [DFF<Bit>; SEGMENTS],
        p2_ones: [DFF<Bit>; SEGMENTS],
        zeros: Signal<Local, Bits<SEGMENTS>>,
        ones: Signal<Local, Bits<SEGMENTS>>,
        known: Signal<Local, Bit>,
        in_range: Signal<Local, Bit>,
        is_short: Signal<Local, Bit>,
        is_bare: Signal<Local, Bit>,
        hash_low: Signal<Local, Bits<LINE_HASH_BITS>>,
        hash_high: Signal<Local, Bits<LINE_HASH_BITS>>,
        // clock 3
        p3_looks: DFF<Bit>,
        p3_looks_0: DFF<Bit>,
        p3_looks_1: DFF<Bit>,
        p3_answers_0: DFF<Bit>,
        p3_answers_1: DFF<Bit>,
        p3_first: DFF<Bit>,
        p3_keeps: DFF<Bit>,
        p3_answers: DFF<Bit>,
        p3_clears: DFF<Bit>,
        p3_port: DFF<Bit>,
        p3_ticket: DFF<Bits<TICKET_BITS>>,
        p3_context: DFF<Bits<4>>,
        p3_virt_page: DFF<Bits<PAGE_BITS>>,
        p3_write: DFF<Bit>,
        p3_large: DFF<Bit>,
        p3_readable: DFF<Bit>,
        p3_writable: DFF<Bit>,
        p3_set: DFF<Bits<SET_BITS>>,
        p3_large_set: DFF<Bits<LARGE_SET_BITS>>,
        // the answer of Bare or the walker
        p3_given: DFF<Bit>,
        p3_phys_page: DFF<Bits<PHYS_PAGE_BITS>>,
        p3_paged: DFF<Bit>,
        p3_cause: DFF<Bits<5>>,
        p3_hash: DFF<Bits<LINE_HASH_BITS>>,
        hit_now: Signal<Local, Bit>,
        found: Signal<Local, Bits<PHYS_PAGE_BITS>>,
        random: DFF<Bits<7>>,
        random_up: Signal<Local, Bits<7>>,
        feedback: Signal<Local, Bit>,
        // clock 4
        answered_0_reg: DFF<Bit>,
        answered_1_reg: DFF<Bit>,
        missed_reg: DFF<Bit>,
        first: DFF<Bit>,
        first_hit: Signal<Local, Bit>,
        first_miss: Signal<Local, Bit>,
        answer_reg: DFF<PortAnswer>,
        miss_reg: DFF<WalkRequest>,
        new_answer: Signal<Local, PortAnswer>,
        new_miss: Signal<Local, WalkRequest>,
        writing: DFF<Bit>,
        busy_reg: DFF<Bit>,
        //
        set_mask: Constant<Bits<SET_BITS>> = set_mask(DEFAULT_TLB_ENTRIES),
        mode_code: [Constant<Bits<3>>; MODE_COUNT] = mode_codes(),
        segment_mask: [Constant<Bits<VIRT_PAGE_BITS>>; SEGMENTS] = segment_masks(),
        segment_free: [Constant<Bits<SEGMENTS>>; MODE_COUNT] = segments_free(),
        all_segments: Constant<Bits<SEGMENTS>> = Constant::new(((1u64 << SEGMENTS) - 1).to_bits()),
        upper_one: [Constant<Bit>; MODE_COUNT] = upper_ones(),
        short_mode: [Constant<Bit>; MODE_COUNT] = short_modes(),
        bare: Constant<Bits<3>> = Constant::new(mode::BARE.to_bits()),
        bad_context: Constant<Bits<5>> = Constant::new(FaultCause::BadContext.code().to_bits()),
        non_canonical: Constant<Bits<5>> = Constant::new(FaultCause::NonCanonical.code().to_bits()),
        phys_range: Constant<Bits<5>> = Constant::new(FaultCause::PhysRange.code().to_bits()),
    }
}

fn set_mask(entries: usize) -> Constant<Bits<SET_BITS>> {
    assert!(
        TLB_ENTRIES.contains(&entries),
        "a TLB of {entries} entries is not built; ask for one of {TLB_ENTRIES:?}"
    );
    Constant::new((entries as u64 / 4 - 1).to_bits())
}

impl Lookup {
    /// With a TLB of so many entries of 4 KiB, one of [`TLB_ENTRIES`].
    pub fn for_entries(entries: usize) -> Self {
        let sets = entries / 4;
        // The smallest one costs less as distributed RAM, and leaves block RAM to others.
        let pages = match sets.ilog2() as usize {
            LEAST_SET_BITS => PageStore::distributed_of_bits(LEAST_SET_BITS),
            _ => PageStore::default(),
        };
        Self {
            set_mask: set_mask(entries),
            pages,
            ..Self::default()
        }
    }
}

impl Logic for Lookup {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            s_here,
            s_keeps,
            s_answers,
            s_clears,
            s_context,
            s_virt_page,
            s_set,
            s_large_set,
            s_result,
            last_port,
            p1_looks,
            p1_keeps,
            p1_answers,
            p1_clears,
            p1_port,
            p1_ticket,
            p1_again,
            p1_context,
            p1_virt_page,
            p1_write,
            p1_result,
            p1_set,
            p1_large_set,
            p2_looks,
            p2_keeps,
            p2_answers,
            p2_clears,
            p2_port,
            p2_ticket,
            p2_again,
            p2_context,
            p2_virt_page,
            p2_write,
            p2_result,
            p2_set,
            p2_large_set,
            p2_mode,
            p3_looks,
            p3_looks_0,
            p3_looks_1,
            p3_answers_0,
            p3_answers_1,
            p3_first,
            p3_keeps,
            p3_answers,
            p3_clears,
            p3_port,
            p3_ticket,
            p3_context,
            p3_virt_page,
            p3_write,
            p3_large,
            p3_readable,
            p3_writable,
            p3_set,
            p3_large_set,
            p3_given,
            p3_phys_page,
            p3_paged,
            p3_cause,
            p3_hash,
            random,
            answered_0_reg,
            answered_1_reg,
            missed_reg,
            first,
            answer_reg,
            miss_reg,
            writing,
            busy_reg
        );
        clock!(self, clock, pages, larges);
        self.pages.reset.next = self.reset.val();
        self.larges.reset.next = self.reset.val();
        // Outputs
        self.answered_0.next = self.answered_0_reg.q.val();
        self.answered_1.next = self.answered_1_reg.q.val();
        self.answer.next = self.answer_reg.q.val();
        self.missed.next = self.missed_reg.q.val();
        self.miss.next = self.miss_reg.q.val();
        self.hits.next = 0.into();
        self.misses.next = 0.into();
        self.first_hit.next = self.first.q.val() & !self.missed_reg.q.val();
        self.first_miss.next = self.first.q.val() & self.missed_reg.q.val();
        if self.miss_reg.q.val().port {
            self.hits.next = bit_cast::<2, 1>(self.first_hit.val().into()) << 1;
            self.misses.next = bit_cast::<2, 1>(self.first_miss.val().into()) << 1;
        } else {
            self.hits.next = bit_cast::<2, 1>(self.first_hit.val().into());
            self.misses.next = bit_cast::<2, 1>(self.first_miss.val().into());
        }
        self.busy.next = self.busy_reg.q.val();
        self.busy_reg.d.next = self.sweep.val()
            | self.s_keeps.q.val()
            | self.s_answers.q.val()
            | self.s_clears.q.val()
            | self.p1_looks.q.val()
            | self.p1_keeps.q.val()
            | self.p1_answers.q.val()
            | self.p1_clears.q.val()
            | self.p2_looks.q.val()
            | self.p2_keeps.q.val()
            | self.p2_answers.q.val()
            | self.p2_clears.q.val()
            | self.p3_looks.q.val()
            | self.p3_keeps.q.val()
            | self.p3_answers.q.val()
            | self.p3_clears.q.val()
            | self.answered_0_reg.q.val()
            | self.answered_1_reg.q.val()
            | self.missed_reg.q.val()
            | self.writing.q.val();

        // The clock before
        self.s_here.d.next = self.result_valid.val() | self.sweep.val();
        self.s_keeps.d.next = self.result_valid.val() & self.result.val().keep;
        self.s_answers.d.next = self.result_valid.val() & self.result.val().answers;
        self.s_clears.d.next = self.sweep.val();
        self.s_result.d.next = self.result.val();
        self.result_page.next = self.result.val().virt_page;
        self.result_hash.next = bit_cast::<SET_BITS, 4>(self.result.val().context) << 3;
        self.sweep_hash.next = bit_cast::<SET_BITS, 4>(self.sweep_context.val()) << 3;
        self.sweep_set.next = self.sweep_at.val();
        if self.sweep_page.val() {
            self.sweep_set.next = self.sweep_virt_page.val().get_bits::<SET_BITS>(0) ^ self.sweep_hash.val();
        }
        self.s_context.d.next = self.result.val().context;
        self.s_virt_page.d.next = self.result_page.val();
        self.s_set.d.next = self.result_page.val().get_bits::<SET_BITS>(0) ^ self.result_hash.val();
        self.s_large_set.d.next = self.result_page.val().get_bits::<LARGE_SET_BITS>(9) ^ self.result.val().context;
        if self.sweep.val() {
            self.s_context.d.next = self.sweep_context.val();
            self.s_virt_page.d.next = self.sweep_virt_page.val();
            self.s_set.d.next = self.sweep_set.val();
            self.s_large_set.d.next = self.sweep_at.val().get_bits::<LARGE_SET_BITS>(0);
        }

        // Clock 0
        self.open.next = self.run.val() & !self.writing.q.val() & !self.s_here.q.val();
        self.choose_1.next = self.offered_1.val() & (!self.offered_0.val() | !self.last_port.q.val());
        self.granted_0.next = self.open.val() & self.offered_0.val() & !self.choose_1.val();
        self.granted_1.next = self.open.val() & self.choose_1.val();
        self.in_context.next = self.request_0.val().context;
        self.in_virt_page.next = self.request_0.val().virt_page;
        self.in_ticket.next = self.ticket_0.val();
        self.in_port.next = self.choose_1.val();
        self.in_set.next = self.request_0.val().set;
        self.in_large_set.next = self.request_0.val().large_set;
        self.p1_write.d.next = self.request_0.val().write;
        self.p1_again.d.next = self.again_0.val();
        if self.choose_1.val() {
            self.in_context.next = self.request_1.val().context;
            self.in_virt_page.next = self.request_1.val().virt_page;
            self.in_ticket.next = self.ticket_1.val();
            self.in_set.next = self.request_1.val().set;
            self.in_large_set.next = self.request_1.val().large_set;
            self.p1_write.d.next = self.request_1.val().write;
            self.p1_again.d.next = self.again_1.val();
        }
        if self.s_here.q.val() {
            self.in_context.next = self.s_context.q.val();
            self.in_virt_page.next = bit_cast::<VIRT_PAGE_BITS, PAGE_BITS>(self.s_virt_page.q.val());
            self.in_ticket.next = self.s_result.q.val().ticket;
            self.in_port.next = self.s_result.q.val().port;
            self.in_set.next = self.s_set.q.val();
            self.in_large_set.next = self.s_large_set.q.val();
        }
        if self.open.val() & (self.offered_0.val() | self.offered_1.val()) {
            self.last_port.d.next = self.choose_1.val();
        }
        self.built_set.next = self.in_set.val() & self.set_mask.val();
        self.pages.set.next = self.built_set.val();
        self.larges.set.next = self.in_large_set.val();
        self.p1_looks.d.next = self.open.val() & (self.offered_0.val() | self.offered_1.val());
        self.p1_keeps.d.next = self.s_keeps.q.val();
        self.p1_answers.d.next = self.s_answers.q.val();
        self.p1_clears.d.next = self.s_clears.q.val();
        self.p1_port.d.next = self.in_port.val();
        self.p1_ticket.d.next = self.in_ticket.val();
        self.p1_context.d.next = self.in_context.val();
        self.p1_virt_page.d.next = self.in_virt_page.val();
        self.p1_result.d.next = self.s_result.q.val();
        self.p1_set.d.next = self.built_set.val();
        self.p1_large_set.d.next = self.in_large_set.val();

        // Clock 1
        self.mode_of.next = self.p1_context.q.val();
        self.p2_mode.d.next = self.mode.val();
        for ix in 0..SEGMENTS {
            self.p2_zero[ix].clock.next = self.clock.val();
            self.p2_ones[ix].clock.next = self.clock.val();
            self.masked.next = self.p1_virt_page.q.val() & self.segment_mask[ix].val();
            self.p2_zero[ix].d.next = self.masked.val() == 0;
            self.p2_ones[ix].d.next = self.masked.val() == self.segment_mask[ix].val();
        }
        self.p2_looks.d.next = self.p1_looks.q.val();
        self.p2_keeps.d.next = self.p1_keeps.q.val();
        self.p2_answers.d.next = self.p1_answers.q.val();
        self.p2_clears.d.next = self.p1_clears.q.val();
        self.p2_port.d.next = self.p1_port.q.val();
        self.p2_ticket.d.next = self.p1_ticket.q.val();
        self.p2_again.d.next = self.p1_again.q.val();
        self.p2_context.d.next = self.p1_context.q.val();
        self.p2_virt_page.d.next = self.p1_virt_page.q.val().get_bits::<PAGE_BITS>(0);
        self.p2_write.d.next = self.p1_write.q.val();
        self.p2_result.d.next = self.p1_result.q.val();
        self.p2_set.d.next = self.p1_set.q.val();
        self.p2_large_set.d.next = self.p1_large_set.q.val();

        // Clock 2
        self.pages.tag.next = self.p2_virt_page.q.val().get_bits::<PAGE_TAG_BITS>(4);
        self.pages.owner.next = self.p2_context.q.val();
        self.pages.write.next = self.p2_write.q.val();
        self.larges.tag.next = self.p2_virt_page.q.val().get_bits::<LARGE_TAG_BITS>(13);
        self.larges.owner.next = self.p2_context.q.val();
        self.larges.write.next = self.p2_write.q.val();
        self.zeros.next = 0.into();
        self.ones.next = 0.into();
        for ix in 0..SEGMENTS {
            self.zeros.next = self.zeros.val().replace_bit(ix, self.p2_zero[ix].q.val());
            self.ones.next = self.ones.val().replace_bit(ix, self.p2_ones[ix].q.val());
        }
        self.known.next = false;
        self.in_range.next = false;
        self.is_short.next = false;
        for ix in 0..MODE_COUNT {
            if self.p2_mode.q.val() == self.mode_code[ix].val() {
                self.known.next = true;
                self.is_short.next = self.short_mode[ix].val();
                self.in_range.next = ((self.zeros.val() | self.segment_free[ix].val()) == self.all_segments.val())
                    | (self.upper_one[ix].val()
                        & ((self.ones.val() | self.segment_free[ix].val()) == self.all_segments.val()));
            }
        }
        self.is_bare.next = self.p2_mode.q.val() == self.bare.val();
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
        self.p3_given.d.next = self.is_bare.val() | !self.p2_looks.q.val();
        self.p3_phys_page.d.next = self.p2_virt_page.q.val().get_bits::<PHYS_PAGE_BITS>(0);
        if !self.p2_looks.q.val() {
            self.p3_cause.d.next = self.p2_result.q.val().cause;
            self.p3_phys_page.d.next = self.p2_result.q.val().phys_page;
        }
        // A line is 8 pages, or 16 where an entry has 4 bytes.
        self.hash_low.next = self.p2_virt_page.q.val().get_bits::<LINE_HASH_BITS>(0) & 8;
        if self.is_short.val() {
            self.hash_low.next = 0.into();
        }
        self.hash_high.next = bit_cast::<LINE_HASH_BITS, 4>(self.p2_context.q.val()) << 4;
        self.p3_hash.d.next = self.p2_virt_page.q.val().get_bits::<LINE_HASH_BITS>(4)
            ^ self.p2_virt_page.q.val().get_bits::<LINE_HASH_BITS>(12)
            ^ self.p2_virt_page.q.val().get_bits::<LINE_HASH_BITS>(20)
            ^ self.p2_virt_page.q.val().get_bits::<LINE_HASH_BITS>(28)
            ^ self.hash_high.val()
            ^ self.hash_low.val();
        self.p3_looks.d.next = self.p2_looks.q.val();
        self.p3_looks_0.d.next = self.p2_looks.q.val() & !self.p2_port.q.val();
        self.p3_looks_1.d.next = self.p2_looks.q.val() & self.p2_port.q.val();
        self.p3_answers_0.d.next = self.p2_answers.q.val() & !self.p2_port.q.val();
        self.p3_answers_1.d.next = self.p2_answers.q.val() & self.p2_port.q.val();
        self.p3_first.d.next = self.p2_looks.q.val() & !self.p2_again.q.val();
        self.p3_keeps.d.next = self.p2_keeps.q.val();
        self.p3_answers.d.next = self.p2_answers.q.val();
        self.p3_clears.d.next = self.p2_clears.q.val();
        self.p3_port.d.next = self.p2_port.q.val();
        self.p3_ticket.d.next = self.p2_ticket.q.val();
        self.p3_context.d.next = self.p2_context.q.val();
        self.p3_virt_page.d.next = self.p2_virt_page.q.val();
        self.p3_write.d.next = self.p2_write.q.val();
        self.p3_large.d.next = self.p2_result.q.val().large;
        self.p3_readable.d.next = self.p2_result.q.val().readable;
        self.p3_writable.d.next = self.p2_result.q.val().writable;
        self.p3_set.d.next = self.p2_set.q.val();
        self.p3_large_set.d.next = self.p2_large_set.q.val();

        // Clock 3
        // A page in both stores is a table that changed without an invalidation: walk, rather than choose.
        self.line_hash.next = self.p3_hash.q.val();
        self.hit_now.next = self.pages.hit.val() ^ self.larges.hit.val();
        self.found.next =
            self.pages.phys.val() | (bit_cast::<PHYS_PAGE_BITS, LARGE_PHYS_BITS>(self.larges.phys.val()) << 9);
        if self.larges.hit.val() {
            self.found.next =
                self.found.val() | bit_cast::<PHYS_PAGE_BITS, 9>(self.p3_virt_page.q.val().get_bits::<9>(0));
        }
        self.new_answer.next.phys_page = self.found.val();
        self.new_answer.next.cause = self.p3_cause.q.val();
        if self.p3_given.q.val() {
            self.new_answer.next.phys_page = self.p3_phys_page.q.val();
        }
        self.answer_reg.d.next = self.new_answer.val();
        self.answered_0_reg.d.next =
            self.p3_answers_0.q.val() | (self.p3_looks_0.q.val() & (!self.p3_paged.q.val() | self.hit_now.val()));
        self.answered_1_reg.d.next =
            self.p3_answers_1.q.val() | (self.p3_looks_1.q.val() & (!self.p3_paged.q.val() | self.hit_now.val()));
        self.missed_reg.d.next = self.p3_looks.q.val() & self.p3_paged.q.val() & !self.hit_now.val();
        self.first.d.next = self.p3_first.q.val() & self.p3_paged.q.val();
        self.new_miss.next.port = self.p3_port.q.val();
        self.new_miss.next.ticket = self.p3_ticket.q.val();
        self.new_miss.next.context = self.p3_context.q.val();
        self.new_miss.next.virt_page = self.p3_virt_page.q.val();
        self.new_miss.next.write = self.p3_write.q.val();
        self.miss_reg.d.next = self.new_miss.val();
        // What is kept, and what is cleared
        self.random_up.next = self.random.q.val() << 1;
        self.feedback.next = !(self.random.q.val().get_bit(6) ^ self.random.q.val().get_bit(5));
        self.random.d.next = self.random_up.val() | bit_cast::<7, 1>(self.feedback.val().into());
        self.writing.d.next = self.p3_keeps.q.val() | self.p3_clears.q.val();
        self.pages.fill.next = self.p3_keeps.q.val() & !self.p3_large.q.val();
        self.pages.fill_set.next = self.p3_set.q.val();
        self.pages.fill_tag.next = self.p3_virt_page.q.val().get_bits::<PAGE_TAG_BITS>(4);
        self.pages.fill_owner.next = self.p3_context.q.val();
        self.pages.fill_phys.next = self.p3_phys_page.q.val();
        self.pages.fill_readable.next = self.p3_readable.q.val();
        self.pages.fill_writable.next = self.p3_writable.q.val();
        self.pages.random_way.next = self.random.q.val().get_bits::<2>(0);
        self.pages.clear.next = self.p3_clears.q.val();
        self.pages.clear_tag.next = self.sweep_page.val();
        self.pages.clear_all.next = self.sweep_all.val();
        self.larges.fill.next = self.p3_keeps.q.val() & self.p3_large.q.val();
        self.larges.fill_set.next = self.p3_large_set.q.val();
        self.larges.fill_tag.next = self.p3_virt_page.q.val().get_bits::<LARGE_TAG_BITS>(13);
        self.larges.fill_owner.next = self.p3_context.q.val();
        self.larges.fill_phys.next = self.p3_phys_page.q.val().get_bits::<LARGE_PHYS_BITS>(9);
        self.larges.fill_readable.next = self.p3_readable.q.val();
        self.larges.fill_writable.next = self.p3_writable.q.val();
        self.larges.random_way.next = bit_cast::<2, 1>(self.random.q.val().get_bits::<1>(0));
        self.larges.clear.next = self.p3_clears.q.val();
        // The address given may lie in another 2 MiB of the same superpage.
        self.larges.clear_tag.next = false;
        self.larges.clear_all.next = self.sweep_all.val();

        if self.reset.val() {
            self.s_here.d.next = false;
            self.s_keeps.d.next = false;
            self.s_answers.d.next = false;
            self.s_clears.d.next = false;
            self.p1_looks.d.next = false;
            self.p1_keeps.d.next = false;
            self.p1_answers.d.next = false;
            self.p1_clears.d.next = false;
            self.p2_looks.d.next = false;
            self.p2_keeps.d.next = false;
            self.p2_answers.d.next = false;
            self.p2_clears.d.next = false;
            self.p3_looks.d.next = false;
            self.p3_looks_0.d.next = false;
            self.p3_looks_1.d.next = false;
            self.p3_answers_0.d.next = false;
            self.p3_answers_1.d.next = false;
            self.p3_first.d.next = false;
            self.p3_keeps.d.next = false;
            self.p3_answers.d.next = false;
            self.p3_clears.d.next = false;
            self.answered_0_reg.d.next = false;
            self.answered_1_reg.d.next = false;
            self.missed_reg.d.next = false;
            self.first.d.next = false;
            self.writing.d.next = false;
        }
    }
}
