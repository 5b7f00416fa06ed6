//! Walks page tables, one page at a time.
//!
//! The walk begins at the lowest table that the page-walk cache knows. Upper levels are read entry by entry; of the last
//! level the whole 64-byte line is read, and what passes the checks is filled into the TLB with the page asked for.

use super::entry::EntryCheck;
use super::rows::{by_row, format_codes, lowest_rows, row_set, FORMAT_COUNT, ROWS};
use super::types::{ContextRow, Fill, LineItem, PortRequest, WalkEntry, PAGE_BITS, SET_BITS};
use super::walk_cache::WalkCache;
use crate::bus::fifo::Fifo;
use crate::bus::ports::MemReadClient;
use rust_hdl::prelude::*;
use segwalk_model::limits::{PHYS_ADDR_BITS, PHYS_PAGE_BITS};

/// What the walker does.
#[derive(Debug, Clone, Copy, PartialEq, LogicState)]
pub enum WalkState {
    /// No walk.
    Idle,
    /// The context's row is read.
    Start,
    /// The page-walk cache gets an address.
    Probe,
    /// It reads.
    ProbeRead,
    /// It compares.
    ProbeCompare,
    /// Begin here, or look one level higher.
    ProbeDecide,
    /// A read is put together.
    Ask,
    /// Waits for entries and acts on each.
    Wait,
    /// Waits until the fills are in the TLB.
    Drain,
}

logic_block! {
    /// The walker.
    pub struct Walker {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        /// A walk may begin.
        pub run: Signal<In, Bit>,
        /// Port 0 has a miss.
        pub wanted_0: Signal<In, Bit>,
        /// The request.
        pub request_0: Signal<In, PortRequest>,
        /// Its walk begins.
        pub taken_0: Signal<Out, Bit>,
        /// Port 1 has a miss.
        pub wanted_1: Signal<In, Bit>,
        /// The request.
        pub request_1: Signal<In, PortRequest>,
        /// Its walk begins.
        pub taken_1: Signal<Out, Bit>,
        /// The answer for port 0 is here.
        pub answered_0: Signal<Out, Bit>,
        /// The answer for port 1 is here.
        pub answered_1: Signal<Out, Bit>,
        /// Physical page.
        pub phys_page: Signal<Out, Bits<PHYS_PAGE_BITS>>,
        /// 0 or FaultCause.
        pub cause: Signal<Out, Bits<5>>,
        /// Port 0's walk is over.
        pub over_0: Signal<Out, Bit>,
        /// Port 1's walk is over.
        pub over_1: Signal<Out, Bit>,
        /// A walk is under way.
        pub busy: Signal<Out, Bit>,
        /// Number of the state.
        pub state_code: Signal<Out, Bits<4>>,
        /// Context wanted.
        pub row_of: Signal<Out, Bits<4>>,
        /// Its row, on the same clock.
        pub context_row: Signal<In, ContextRow>,
        /// Memory.
        pub mem: MemReadClient,
        /// A translation for the TLB.
        pub fill_valid: Signal<Out, Bit>,
        /// It is taken.
        pub fill_ready: Signal<In, Bit>,
        /// Its virtual page; its context is `context`.
        pub fill_virt_page: Signal<Out, Bits<PAGE_BITS>>,
        /// The translation.
        pub fill: Signal<Out, Fill>,
        /// Clear the place `sweep_at` of the page-walk cache on this clock.
        pub sweep: Signal<In, Bit>,
        /// The place.
        pub sweep_at: Signal<In, Bits<SET_BITS>>,
        //
        cache: WalkCache,
        check: EntryCheck,
        line: Fifo<LineItem, 4, 5>,
        state: DFF<WalkState>,
        port: DFF<Bit>,
        context_reg: DFF<Bits<4>>,
        virt_page: DFF<Bits<PAGE_BITS>>,
        write: DFF<Bit>,
        user_only: DFF<Bit>,
        accessed_faults: DFF<Bit>,
        row: DFF<Bits<ROWS>>,
        table_page: DFF<Bits<PHYS_PAGE_BITS>>,
        user: DFF<Bit>,
        write_all: DFF<Bit>,
        accessed: DFF<Bit>,
        // the last entry was a pointer that the cache does not have
        learned: DFF<Bit>,
        mem_valid: DFF<Bit>,
        mem_addr: DFF<Bits<PHYS_ADDR_BITS>>,
        mem_beats: DFF<Bits<8>>,
        answer: DFF<Bit>,
        answer_page: DFF<Bits<PHYS_PAGE_BITS>>,
        answer_cause: DFF<Bits<5>>,
        drain: DFF<Bits<3>>,
        choose_1: Signal<Local, Bit>,
        take: Signal<Local, Bit>,
        start_row: Signal<Local, Bits<ROWS>>,
        row_up: Signal<Local, Bits<ROWS>>,
        row_down: Signal<Local, Bits<ROWS>>,
        lowest: Signal<Local, Bit>,
        below_root: Signal<Local, Bit>,
        shifted: Signal<Local, Bits<PAGE_BITS>>,
        index: Signal<Local, Bits<9>>,
        entry_offset: Signal<Local, Bits<12>>,
        line_item: Signal<Local, LineItem>,
        learned_entry: Signal<Local, WalkEntry>,
        the_page: Signal<Local, Bit>,
        respond: Signal<Local, Bit>,
        over: Signal<Local, Bit>,
        format_code: [Constant<Bits<3>>; FORMAT_COUNT] = format_codes(),
        lowest_row: [Constant<Bits<ROWS>>; FORMAT_COUNT] = lowest_rows(),
        index_lsb: [Constant<Bits<6>>; ROWS] = by_row(|row| row.index_lsb() as u64),
        lowest_rows: Constant<Bits<ROWS>> = row_set(|row| row.level == 0),
        below_root_rows: Constant<Bits<ROWS>> = row_set(|row| row.level + 2 == row.format.levels),
    }
}

impl Logic for Walker {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            state,
            port,
            context_reg,
            virt_page,
            write,
            user_only,
            accessed_faults,
            row,
            table_page,
            user,
            write_all,
            accessed,
            learned,
            mem_valid,
            mem_addr,
            mem_beats,
            answer,
            answer_page,
            answer_cause,
            drain
        );
        clock!(self, clock, cache, check, line);
        self.check.reset.next = self.reset.val();
        self.line.reset.next = self.reset.val();
        // Outputs
        self.mem.req_valid.next = self.mem_valid.q.val();
        self.mem.phys_addr.next = self.mem_addr.q.val();
        self.mem.beats_minus_1.next = self.mem_beats.q.val();
        self.answered_0.next = self.answer.q.val() & !self.port.q.val();
        self.answered_1.next = self.answer.q.val() & self.port.q.val();
        self.phys_page.next = self.answer_page.q.val();
        self.cause.next = self.answer_cause.q.val();
        self.row_of.next = self.context_reg.q.val();
        self.busy.next = self.state.q.val() != WalkState::Idle;
        // Conditions
        self.choose_1.next = self.wanted_1.val() & (!self.wanted_0.val() | !self.port.q.val());
        self.take.next = false;
        self.taken_0.next = false;
        self.taken_1.next = false;
        self.over.next = false;
        self.respond.next = false;
        self.lowest.next = (self.row.q.val() & self.lowest_rows.val()) != 0;
        self.below_root.next = (self.row.q.val() & self.below_root_rows.val()) != 0;
        self.row_up.next = self.row.q.val() >> 1;
        self.row_down.next = self.row.q.val() << 1;
        self.start_row.next = 0.into();
        for ix in 0..FORMAT_COUNT {
            if self.context_row.val().mode == self.format_code[ix].val() {
                self.start_row.next = self.lowest_row[ix].val();
            }
        }
        self.index.next = 0.into();
        for ix in 0..ROWS {
            self.shifted.next = self.virt_page.q.val() >> self.index_lsb[ix].val();
            if self.row.q.val().get_bit(ix) {
                self.index.next = self.index.val() | self.shifted.val().get_bits::<9>(0);
            }
        }
        self.entry_offset.next = bit_cast::<12, 9>(self.index.val()) << 3;
        // Cache
        self.cache.row.next = self.row.q.val();
        self.cache.owner.next = self.context_reg.q.val();
        self.cache.virt_page.next = self.virt_page.q.val();
        self.cache.sweep.next = self.sweep.val();
        self.cache.sweep_at.next = self.sweep_at.val();
        self.learned_entry.next.valid = true;
        self.learned_entry.next.context = 0.into();
        self.learned_entry.next.tag = 0.into();
        self.learned_entry.next.table_page = self.table_page.q.val();
        self.learned_entry.next.user = self.user.q.val();
        self.learned_entry.next.write = self.write_all.q.val();
        self.learned_entry.next.accessed = self.accessed.q.val();
        self.cache.new_entry.next = self.learned_entry.val();
        self.cache.store.next = false;
        // Entries
        self.check.start.next = false;
        self.check.data_valid.next = self.mem.data_valid.val();
        self.check.data.next = self.mem.data.val();
        self.check.data_error.next = self.mem.data_error.val();
        self.check.row.next = self.row.q.val();
        self.check.virt_page.next = self.virt_page.q.val().get_bits::<PHYS_PAGE_BITS>(0);
        self.check.write.next = self.write.q.val();
        self.check.user_only.next = self.user_only.q.val();
        self.check.accessed_faults.next = self.accessed_faults.q.val();
        self.check.user_above.next = self.user.q.val();
        self.check.write_above.next = self.write_all.q.val();
        self.check.accessed_above.next = self.accessed.q.val();
        self.the_page.next = self.check.place.val() == self.virt_page.q.val().get_bits::<3>(0);
        // Fills
        self.line_item.next.place = self.check.place.val();
        self.line_item.next.phys_page = self.check.phys_page.val();
        self.line_item.next.readable = self.check.readable.val();
        self.line_item.next.writable = self.check.writable.val();
        self.line.in_data.next = self.line_item.val();
        self.line.in_valid.next = self.check.valid.val() & self.check.fillable.val();
        self.line.out_ready.next = self.fill_ready.val();
        self.fill_valid.next = self.line.out_valid.val();
        self.fill_virt_page.next = self.virt_page.q.val();
        if self.lowest.val() {
            self.fill_virt_page.next =
                (self.virt_page.q.val() & 0xF_FFFF_FFF8_u64) | bit_cast::<PAGE_BITS, 3>(self.line.out_data.val().place);
        }
        self.fill.next.phys_page = self.line.out_data.val().phys_page;
        self.fill.next.readable = self.line.out_data.val().readable;
        self.fill.next.writable = self.line.out_data.val().writable;
        self.fill.next.large = !self.lowest.val();
        self.state_code.next = 0.into();

        if self.mem.req_ready.val() {
            self.mem_valid.d.next = false;
        }
        match self.state.q.val() {
            WalkState::Idle => {
                self.take.next = self.run.val() & (self.wanted_0.val() | self.wanted_1.val());
                self.taken_0.next = self.run.val() & self.wanted_0.val() & !self.choose_1.val();
                self.taken_1.next = self.run.val() & self.choose_1.val();
                if self.take.val() {
                    self.state.d.next = WalkState::Start;
                    self.port.d.next = self.choose_1.val();
                    self.context_reg.d.next = self.request_0.val().context;
                    self.virt_page.d.next = bit_cast::<PAGE_BITS, 52>(self.request_0.val().virt_page);
                    self.write.d.next = self.request_0.val().write;
                    if self.choose_1.val() {
                        self.context_reg.d.next = self.request_1.val().context;
                        self.virt_page.d.next = bit_cast::<PAGE_BITS, 52>(self.request_1.val().virt_page);
                        self.write.d.next = self.request_1.val().write;
                    }
                }
            }
            WalkState::Start => {
                self.state_code.next = 1.into();
                self.table_page.d.next = self.context_row.val().root_page;
                self.user_only.d.next = self.context_row.val().user_only;
                self.accessed_faults.d.next = self.context_row.val().accessed_faults;
                self.row.d.next = self.start_row.val();
                self.user.d.next = true;
                self.write_all.d.next = true;
                self.accessed.d.next = true;
                self.learned.d.next = false;
                self.state.d.next = WalkState::Probe;
            }
            WalkState::Probe => {
                self.state_code.next = 2.into();
                self.state.d.next = WalkState::ProbeRead;
            }
            WalkState::ProbeRead => {
                self.state_code.next = 3.into();
                self.state.d.next = WalkState::ProbeCompare;
            }
            WalkState::ProbeCompare => {
                self.state_code.next = 4.into();
                self.state.d.next = WalkState::ProbeDecide;
            }
            WalkState::ProbeDecide => {
                self.state_code.next = 5.into();
                if self.cache.found.val() {
                    self.table_page.d.next = self.cache.entry.val().table_page;
                    self.user.d.next = self.cache.entry.val().user;
                    self.write_all.d.next = self.cache.entry.val().write;
                    self.accessed.d.next = self.cache.entry.val().accessed;
                    self.state.d.next = WalkState::Ask;
                } else {
                    self.row.d.next = self.row_up.val();
                    self.state.d.next = WalkState::Probe;
                    if self.below_root.val() {
                        self.state.d.next = WalkState::Ask;
                    }
                }
            }
            WalkState::Ask => {
                self.state_code.next = 6.into();
                self.cache.store.next = self.learned.q.val();
                self.check.start.next = true;
                self.mem_valid.d.next = true;
                self.mem_addr.d.next = (bit_cast::<PHYS_ADDR_BITS, PHYS_PAGE_BITS>(self.table_page.q.val()) << 12)
                    | bit_cast::<PHYS_ADDR_BITS, 12>(self.entry_offset.val());
                self.mem_beats.d.next = 0.into();
                if self.lowest.val() {
                    self.mem_addr.d.next = (bit_cast::<PHYS_ADDR_BITS, PHYS_PAGE_BITS>(self.table_page.q.val()) << 12)
                        | bit_cast::<PHYS_ADDR_BITS, 12>(self.entry_offset.val() & 0xFC0);
                    self.mem_beats.d.next = 7.into();
                }
                self.state.d.next = WalkState::Wait;
            }
            WalkState::Wait => {
                self.state_code.next = 7.into();
                self.drain.d.next = 0.into();
                if self.check.valid.val() {
                    if self.lowest.val() {
                        self.respond.next = self.the_page.val();
                        if self.check.place.val() == 7 {
                            self.state.d.next = WalkState::Drain;
                        }
                    } else {
                        if self.check.leaf.val() | (self.check.cause.val() != 0) {
                            self.respond.next = true;
                            self.state.d.next = WalkState::Drain;
                        } else {
                            self.table_page.d.next = self.check.phys_page.val();
                            self.user.d.next = self.check.user.val();
                            self.write_all.d.next = self.check.write_all.val();
                            self.accessed.d.next = self.check.accessed.val();
                            self.row.d.next = self.row_down.val();
                            self.learned.d.next = true;
                            self.state.d.next = WalkState::Ask;
                        }
                    }
                }
            }
            WalkState::Drain => {
                self.state_code.next = 8.into();
                // A fill is 2 clocks in the queue and 5 in the pipeline.
                self.drain.d.next = self.drain.q.val() + 1;
                if self.line.out_valid.val() {
                    self.drain.d.next = 0.into();
                }
                if self.drain.q.val() == 7 {
                    self.over.next = true;
                    self.state.d.next = WalkState::Idle;
                }
            }
        }
        self.over_0.next = self.over.val() & !self.port.q.val();
        self.over_1.next = self.over.val() & self.port.q.val();
        self.answer.d.next = self.respond.val();
        self.answer_page.d.next = self.check.phys_page.val();
        self.answer_cause.d.next = self.check.cause.val();
        if self.reset.val() {
            self.state.d.next = WalkState::Idle;
            self.mem_valid.d.next = false;
            self.answer.d.next = false;
        }
    }
}
