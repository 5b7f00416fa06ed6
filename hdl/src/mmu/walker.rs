//! Walks page tables: up to 8 pages at a time, each waiting for its own read, with one engine that serves them in turn.
//!
//! A walk begins at the lowest table that the page-walk cache knows. Upper levels are read entry by entry; of the last
//! level the whole 64-byte line is read, and what passes the checks goes into the TLB with the page asked for. Memory
//! answers in the order of the reads, so a queue of walk numbers tells whose entries come.
//!
//! A miss becomes a walk, unless its line is being walked already or there is no room: then it is not taken, and its
//! port looks it up again. An ended walk keeps its line for as long as lookups that did not see its translations are on
//! their way; so no line is walked twice at a time, and no page comes into the TLB twice.

use super::entry::EntryCheck;
use super::rows::{
    format_codes, group_rows, group_values, lowest_rows, row_set, Row, FORMAT_COUNT, INDEX_GROUPS, ROWS,
};
use super::types::*;
use super::walk_memory::WalkMemory;
use crate::bus::ports::MemReadClient;
use crate::bus::ram::LutRam;
use rust_hdl::prelude::*;
use segwalk_model::limits::{PHYS_ADDR_BITS, PHYS_PAGE_BITS};

logic_block! {
    /// The walker.
    pub struct Walker {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        /// A walk may begin.
        pub run: Signal<In, Bit>,
        /// What is under way ends without effect; nothing begins on this clock.
        pub forget: Signal<In, Bit>,
        /// Hash of a line that is looked up, one clock before its miss.
        pub line_hash: Signal<In, Bits<LINE_HASH_BITS>>,
        /// A request has missed.
        pub missed: Signal<In, Bit>,
        /// It.
        pub miss: Signal<In, WalkRequest>,
        /// It becomes a walk.
        pub taken: Signal<Out, Bit>,
        /// Context wanted.
        pub row_of: Signal<Out, Bits<4>>,
        /// Its row, on the same clock.
        pub context_row: Signal<In, ContextRow>,
        /// Memory.
        pub mem: MemReadClient,
        /// An entry has been checked: its result goes through the lookup pipeline on this clock.
        pub result_valid: Signal<Out, Bit>,
        /// The result.
        pub result: Signal<Out, WalkResult>,
        /// Clear a part of the page-walk cache on this clock; see [`WalkMemory`].
        pub sweep: Signal<In, Bit>,
        /// Which.
        pub sweep_at: Signal<In, Bits<SET_BITS>>,
        /// The part is cleared.
        pub swept: Signal<In, Bit>,
        /// Number of the state.
        pub state_code: Signal<Out, Bits<4>>,
        //
        memory: WalkMemory,
        check: EntryCheck,
        requests: LutRam<WalkRequest, WALK_BITS>,
        progress: LutRam<WalkProgress, WALK_BITS>,
        order: LutRam<Bits<WALK_BITS>, WALK_BITS>,
        order_in: DFF<Bits<WALK_BITS>>,
        order_out: DFF<Bits<WALK_BITS>>,
        // walks under way; those that an invalidation has made void; their lines
        used: DFF<Bits<WALKS>>,
        expired: DFF<Bits<WALKS>>,
        hash: [DFF<Bits<LINE_HASH_BITS>>; WALKS],
        // under way and not void
        counts: DFF<Bits<WALKS>>,
        // a miss: whether its line is being walked, and where there is room
        joins: [DFF<Bit>; WALKS / 2],
        joins_any: Signal<Local, Bit>,
        hash_reg: DFF<Bits<LINE_HASH_BITS>>,
        room: DFF<Bit>,
        payload_room: DFF<Bit>,
        any_free: Signal<Local, Bit>,
        two_free: Signal<Local, Bit>,
        for_payload: Signal<Local, Bit>,
        free: DFF<Bits<WALK_BITS>>,
        fresh: DFF<Bit>,
        fresh_walk: DFF<Bits<WALK_BITS>>,
        take: Signal<Local, Bit>,
        same_line: [Signal<Local, Bit>; WALKS],
        free_bit: Signal<Local, Bits<WALKS>>,
        // the engine
        // Its states, a register each; none is idle: it waits for a new walk or for an answer of memory.
        active: DFF<Bit>,
        // the walk's records are read, then the context's row
        loads: DFF<Bit>,
        begins: DFF<Bit>,
        resumes: DFF<Bit>,
        // an address for the page-walk cache is made; the cache gets it, reads, compares; begin here, or one level higher
        aims: DFF<Bit>,
        probes: DFF<Bit>,
        probe_reads: DFF<Bit>,
        probe_compares: DFF<Bit>,
        decides: DFF<Bit>,
        // an address for what was found is made, and it is stored in the page-walk cache
        notes: DFF<Bit>,
        learns: DFF<Bit>,
        // a read is put together
        asks: DFF<Bit>,
        // entries are checked as they come
        checks: DFF<Bit>,
        // the walk ends
        closes: DFF<Bit>,
        asks_now: Signal<Local, Bit>,
        walk: DFF<Bits<WALK_BITS>>,
        beginning: DFF<Bit>,
        expired_now: DFF<Bit>,
        request: DFF<WalkRequest>,
        row: DFF<Bits<ROWS>>,
        table_page: DFF<Bits<PHYS_PAGE_BITS>>,
        user: DFF<Bit>,
        write_all: DFF<Bit>,
        accessed: DFF<Bit>,
        user_only: DFF<Bit>,
        accessed_faults: DFF<Bit>,
        mem_valid: DFF<Bit>,
        mem_addr: DFF<Bits<PHYS_ADDR_BITS>>,
        mem_beats: DFF<Bits<8>>,
        // entries on their way from the RAM to the check
        feeding: DFF<Bit>,
        upper_half: DFF<Bit>,
        entries_left: DFF<Bits<4>>,
        fed: DFF<Bit>,
        fed_upper: DFF<Bit>,
        read: DFF<Bit>,
        read_upper: DFF<Bit>,
        feed: Signal<Local, Bit>,
        entry: Signal<Local, Bits<64>>,
        // the walk that ends
        closing: DFF<Bit>,
        closing_walk: DFF<Bits<WALK_BITS>>,
        closing_clocks: DFF<Bits<4>>,
        closing_bit: Signal<Local, Bits<WALKS>>,
        not_closing: Signal<Local, Bits<WALKS>>,
        not_free: Signal<Local, Bits<WALKS>>,
        start_row: Signal<Local, Bits<ROWS>>,
        row_up: Signal<Local, Bits<ROWS>>,
        row_down: Signal<Local, Bits<ROWS>>,
        lowest: DFF<Bit>,
        short: DFF<Bit>,
        is_lowest: Signal<Local, Bit>,
        is_short: Signal<Local, Bit>,
        below_root: DFF<Bit>,
        shifted: Signal<Local, Bits<PAGE_BITS>>,
        word: Signal<Local, Bits<9>>,
        word_offset: Signal<Local, Bits<12>>,
        half: Signal<Local, Bit>,
        page_low: Signal<Local, Bits<4>>,
        last_place: Signal<Local, Bits<4>>,
        the_page: Signal<Local, Bit>,
        last_entry: Signal<Local, Bit>,
        ends: Signal<Local, Bit>,
        virt_page: Signal<Local, Bits<PAGE_BITS>>,
        entry_found: Signal<Local, WalkEntry>,
        now: Signal<Local, WalkProgress>,
        known: Signal<Local, WalkEntry>,
        found: Signal<Local, WalkResult>,
        low_half: Constant<Bits<64>> = Constant::new(0xFFFF_FFFF_u64.to_bits()),
        one: Constant<Bits<WALKS>> = Constant::new(1.into()),
        format_code: [Constant<Bits<3>>; FORMAT_COUNT] = format_codes(),
        lowest_row: [Constant<Bits<ROWS>>; FORMAT_COUNT] = lowest_rows(),
        word_lsb: [Constant<Bits<6>>; INDEX_GROUPS] = group_values(Row::word_lsb),
        word_rows: [Constant<Bits<ROWS>>; INDEX_GROUPS] = group_rows(Row::word_lsb),
        lowest_rows: Constant<Bits<ROWS>> = row_set(|row| row.level == 0),
        short_rows: Constant<Bits<ROWS>> = row_set(Row::is_short),
        short_upper_rows: Constant<Bits<ROWS>> = row_set(|row| row.is_short() && row.level == 1),
        below_root_rows: Constant<Bits<ROWS>> = row_set(|row| row.level + 2 == row.format.levels),
    }
}

impl Logic for Walker {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            order_in,
            order_out,
            used,
            expired,
            hash_reg,
            room,
            payload_room,
            free,
            fresh,
            fresh_walk,
            counts,
            active,
            loads,
            begins,
            resumes,
            aims,
            probes,
            probe_reads,
            probe_compares,
            decides,
            notes,
            learns,
            asks,
            checks,
            closes,
            below_root,
            walk,
            beginning,
            expired_now,
            request,
            row,
            table_page,
            user,
            write_all,
            accessed,
            user_only,
            accessed_faults,
            mem_valid,
            mem_addr,
            mem_beats,
            feeding,
            upper_half,
            entries_left,
            fed,
            fed_upper,
            read,
            read_upper,
            closing,
            closing_walk,
            closing_clocks,
            lowest,
            short
        );
        clock!(self, clock, memory, check, requests, progress, order);
        self.memory.reset.next = self.reset.val();
        self.check.reset.next = self.reset.val();
        // Outputs
        self.mem.req_valid.next = self.mem_valid.q.val();
        self.mem.phys_addr.next = self.mem_addr.q.val();
        self.mem.beats_minus_1.next = self.mem_beats.q.val();
        self.row_of.next = self.request.q.val().context;

        self.virt_page.next = self.request.q.val().virt_page;
        self.entry_found.next = self.memory.entry.val();

        // A miss. The walk that the last clock began is not among those compared: then `fresh` refuses this one.
        // In pairs of walks: all eight on one clock are too many.
        self.joins_any.next = false;
        for ix in 0..WALKS {
            self.hash[ix].clock.next = self.clock.val();
            self.hash[ix].d.next = self.hash[ix].q.val();
            self.same_line[ix].next = self.counts.q.val().get_bit(ix) & (self.hash[ix].q.val() == self.line_hash.val());
        }
        for ix in 0..4 {
            self.joins[ix].clock.next = self.clock.val();
            self.joins[ix].d.next = self.same_line[2 * ix].val() | self.same_line[2 * ix + 1].val();
            self.joins_any.next = self.joins_any.val() | self.joins[ix].q.val();
        }
        self.hash_reg.d.next = self.line_hash.val();
        self.for_payload.next = self.miss.val().port;
        self.take.next = self.missed.val()
            & self.run.val()
            & self.room.q.val()
            & (self.payload_room.q.val() | !self.for_payload.val())
            & !self.joins_any.val()
            & !self.fresh.q.val();
        self.taken.next = self.take.val();
        // The payload leaves the last place to the ring: its queue of misses must not keep the ring waiting.
        self.any_free.next = false;
        self.two_free.next = false;
        self.free.d.next = 0.into();
        for ix in 0..WALKS {
            if !self.used.q.val().get_bit(ix) {
                self.two_free.next = self.any_free.val();
                self.any_free.next = true;
                self.free.d.next = ix.to_bits();
            }
        }
        self.room.d.next = self.any_free.val();
        self.payload_room.d.next = self.two_free.val();
        self.free_bit.next = self.one.val() << self.free.q.val();
        self.requests.write_addr.next = self.free.q.val();
        self.requests.write_data.next = self.miss.val();
        self.requests.write_enable.next = self.take.val();
        self.requests.read_addr.next = self.walk.q.val();
        if self.take.val() {
            self.fresh.d.next = true;
            self.fresh_walk.d.next = self.free.q.val();
            for ix in 0..WALKS {
                if self.free_bit.val().get_bit(ix) {
                    self.hash[ix].d.next = self.hash_reg.q.val();
                }
            }
        }

        // What the row and the page mean
        self.is_lowest.next = (self.row.q.val() & self.lowest_rows.val()) != 0;
        self.is_short.next = (self.row.q.val() & self.short_rows.val()) != 0;
        self.lowest.d.next = self.is_lowest.val();
        self.short.d.next = self.is_short.val();
        self.below_root.d.next = (self.row.q.val() & self.below_root_rows.val()) != 0;
        self.row_up.next = self.row.q.val() >> 1;
        self.row_down.next = self.row.q.val() << 1;
        self.start_row.next = 0.into();
        for ix in 0..FORMAT_COUNT {
            if self.context_row.val().mode == self.format_code[ix].val() {
                self.start_row.next = self.start_row.val() | self.lowest_row[ix].val();
            }
        }
        self.word.next = 0.into();
        for ix in 0..INDEX_GROUPS {
            self.shifted.next = self.virt_page.val() >> self.word_lsb[ix].val();
            if (self.row.q.val() & self.word_rows[ix].val()) != 0 {
                self.word.next = self.word.val() | self.shifted.val().get_bits::<9>(0);
            }
        }
        self.word_offset.next = bit_cast::<12, 9>(self.word.val()) << 3;
        self.half.next = false;
        if (self.row.q.val() & self.short_upper_rows.val()) != 0 {
            self.half.next = self.virt_page.val().get_bit(10);
        }

        // Page-walk cache
        self.memory.data_valid.next = self.mem.data_valid.val();
        self.memory.data.next = self.mem.data.val();
        self.memory.data_error.next = self.mem.data_error.val();
        // For two clocks, so that the entry is still there when it has been compared.
        self.memory.probe.next = self.probes.q.val() | self.probe_reads.q.val();
        self.memory.row.next = self.row.q.val();
        self.memory.owner.next = self.request.q.val().context;
        self.memory.virt_page.next = self.virt_page.val();
        self.known.next.table_page = self.table_page.q.val();
        self.known.next.user = self.user.q.val();
        self.known.next.write = self.write_all.q.val();
        self.known.next.accessed = self.accessed.q.val();
        self.memory.new_entry.next = self.known.val();
        // What an invalidation has caught is not learnt in the turn after it.
        self.memory.store.next = self.learns.q.val() & !self.expired_now.q.val();
        self.memory.sweep.next = self.sweep.val();
        self.memory.sweep_at.next = self.sweep_at.val();
        self.memory.next_turn.next = self.swept.val();

        // Entries: RAM, register, half, check
        self.feed.next = self.feeding.q.val() & self.memory.available.val();
        self.memory.advance.next =
            self.feed.val() & (!self.short.q.val() | !self.lowest.q.val() | self.upper_half.q.val());
        self.fed.d.next = self.feed.val();
        self.fed_upper.d.next = self.upper_half.q.val();
        self.read.d.next = self.fed.q.val();
        self.read_upper.d.next = self.fed_upper.q.val();
        if self.feed.val() {
            self.entries_left.d.next = self.entries_left.q.val() - 1;
            self.upper_half.d.next = !self.upper_half.q.val();
            if self.entries_left.q.val() == 0 {
                self.feeding.d.next = false;
            }
        }
        self.entry.next = self.memory.beat.val();
        if self.short.q.val() {
            self.entry.next = self.memory.beat.val() & self.low_half.val();
            if self.read_upper.q.val() {
                self.entry.next = self.memory.beat.val() >> 32;
            }
        }
        self.check.start.next = self.resumes.q.val();
        self.check.data_valid.next = self.read.q.val();
        self.check.data.next = self.entry.val();
        self.check.data_error.next = self.memory.beat_error.val();
        self.check.row.next = self.row.q.val();
        self.check.virt_page.next = self.virt_page.val().get_bits::<PHYS_PAGE_BITS>(0);
        self.check.write.next = self.request.q.val().write;
        self.check.user_only.next = self.user_only.q.val();
        self.check.accessed_faults.next = self.accessed_faults.q.val();
        self.check.user_above.next = self.user.q.val();
        self.check.write_above.next = self.write_all.q.val();
        self.check.accessed_above.next = self.accessed.q.val();

        // Results
        self.page_low.next = self.virt_page.val().get_bits::<4>(0) & 7;
        self.last_place.next = 7.into();
        if self.short.q.val() {
            self.page_low.next = self.virt_page.val().get_bits::<4>(0);
            self.last_place.next = 15.into();
        }
        self.the_page.next = self.check.place.val() == self.page_low.val();
        self.last_entry.next = self.check.place.val() == self.last_place.val();
        self.ends.next = self.check.leaf.val() | (self.check.cause.val() != 0);
        self.found.next.context = self.request.q.val().context;
        self.found.next.virt_page = self.virt_page.val();
        self.found.next.phys_page = self.check.phys_page.val();
        self.found.next.keep = self.check.fillable.val() & !self.expired_now.q.val();
        self.found.next.readable = self.check.readable.val();
        self.found.next.writable = self.check.writable.val();
        self.found.next.large = !self.lowest.q.val();
        self.found.next.answers = self.ends.val() & !self.expired_now.q.val();
        self.found.next.port = self.request.q.val().port;
        self.found.next.ticket = self.request.q.val().ticket;
        self.found.next.cause = self.check.cause.val();
        if self.lowest.q.val() {
            self.found.next.answers = self.the_page.val() & !self.expired_now.q.val();
            self.found.next.virt_page =
                (self.virt_page.val() & 0xF_FFFF_FFF8_u64) | bit_cast::<PAGE_BITS, 4>(self.check.place.val());
            if self.short.q.val() {
                self.found.next.virt_page =
                    (self.virt_page.val() & 0xF_FFFF_FFF0_u64) | bit_cast::<PAGE_BITS, 4>(self.check.place.val());
            }
        }
        self.result_valid.next = self.check.valid.val();
        self.result.next = self.found.val();

        // Walks under way
        self.closing_bit.next = 0.into();
        self.closing_clocks.d.next = self.closing_clocks.q.val() + 1;
        if self.closing.q.val() & self.closing_clocks.q.val().get_bit(3) {
            self.closing.d.next = false;
            self.closing_bit.next = self.one.val() << self.closing_walk.q.val();
        }
        self.not_closing.next = !self.closing_bit.val();
        self.not_free.next = !self.free_bit.val();
        self.used.d.next = self.used.q.val() & self.not_closing.val();
        self.counts.d.next = self.counts.q.val() & self.not_closing.val();
        if self.take.val() {
            self.used.d.next = (self.used.q.val() & self.not_closing.val()) | self.free_bit.val();
            self.counts.d.next = (self.counts.q.val() & self.not_closing.val()) | self.free_bit.val();
            self.expired.d.next = self.expired.q.val() & self.not_free.val();
        }
        if self.forget.val() {
            self.expired.d.next = self.expired.q.val() | self.used.q.val();
            self.counts.d.next = 0.into();
            self.expired_now.d.next = true;
        }

        // The engine
        self.order.read_addr.next = self.order_out.q.val();
        self.order.write_addr.next = self.order_in.q.val();
        self.order.write_data.next = self.walk.q.val();
        self.asks_now.next = self.asks.q.val() & !self.mem_valid.q.val() & !self.expired_now.q.val();
        self.order.write_enable.next = self.asks_now.val();
        self.now.next.row = self.row.q.val();
        self.now.next.user = self.user.q.val();
        self.now.next.write = self.write_all.q.val();
        self.now.next.accessed = self.accessed.q.val();
        self.progress.read_addr.next = self.walk.q.val();
        self.progress.write_addr.next = self.walk.q.val();
        self.progress.write_data.next = self.now.val();
        self.progress.write_enable.next = self.asks_now.val();
        self.state_code.next = 0.into();
        if self.mem.req_ready.val() {
            self.mem_valid.d.next = false;
        }
        self.loads.d.next = false;
        if !self.active.q.val() {
            self.beginning.d.next = self.fresh.q.val();
            self.walk.d.next = self.order.read_data.val();
            if self.fresh.q.val() {
                self.walk.d.next = self.fresh_walk.q.val();
                self.fresh.d.next = false;
            } else if self.memory.available.val() {
                self.order_out.d.next = self.order_out.q.val() + 1;
            }
            self.active.d.next = self.fresh.q.val() | self.memory.available.val();
            self.loads.d.next = self.fresh.q.val() | self.memory.available.val();
        }
        self.begins.d.next = self.loads.q.val() & self.beginning.q.val();
        self.resumes.d.next = self.loads.q.val() & !self.beginning.q.val();
        if self.loads.q.val() {
            self.state_code.next = 1.into();
            self.request.d.next = self.requests.read_data.val();
            self.row.d.next = self.progress.read_data.val().row;
            self.user.d.next = self.progress.read_data.val().user;
            self.write_all.d.next = self.progress.read_data.val().write;
            self.accessed.d.next = self.progress.read_data.val().accessed;
            self.expired_now.d.next = self.forget.val() | self.expired.q.val().get_bit(self.walk.q.val().index());
        }
        // Steady from the clock after the load on.
        self.user_only.d.next = self.context_row.val().user_only;
        self.accessed_faults.d.next = self.context_row.val().accessed_faults;
        self.aims.d.next = false;
        if self.begins.q.val() {
            self.state_code.next = 2.into();
            self.table_page.d.next = self.context_row.val().root_page;
            self.row.d.next = self.start_row.val();
            self.user.d.next = true;
            self.write_all.d.next = true;
            self.accessed.d.next = true;
            self.aims.d.next = !self.expired_now.q.val();
            self.closes.d.next = self.expired_now.q.val();
        }
        if self.resumes.q.val() {
            self.state_code.next = 2.into();
            self.feeding.d.next = true;
            self.entries_left.d.next = 0.into();
            self.upper_half.d.next = self.half.val();
            if self.is_lowest.val() {
                self.entries_left.d.next = 7.into();
                if self.is_short.val() {
                    self.entries_left.d.next = 15.into();
                }
            }
            self.checks.d.next = true;
        }
        self.probes.d.next = self.aims.q.val();
        self.probe_reads.d.next = self.probes.q.val();
        self.probe_compares.d.next = self.probe_reads.q.val();
        self.decides.d.next = self.probe_compares.q.val();
        if self.aims.q.val() {
            self.state_code.next = 3.into();
        }
        if self.probes.q.val() {
            self.state_code.next = 4.into();
        }
        if self.probe_reads.q.val() {
            self.state_code.next = 5.into();
        }
        if self.probe_compares.q.val() {
            self.state_code.next = 6.into();
        }
        if self.decides.q.val() {
            self.state_code.next = 7.into();
            if self.memory.found.val() {
                self.table_page.d.next = self.entry_found.val().table_page;
                self.user.d.next = self.entry_found.val().user;
                self.write_all.d.next = self.entry_found.val().write;
                self.accessed.d.next = self.entry_found.val().accessed;
            } else {
                self.row.d.next = self.row_up.val();
            }
            self.aims.d.next = !self.memory.found.val() & !self.below_root.q.val();
            self.asks.d.next = self.memory.found.val() | self.below_root.q.val();
        }
        if self.notes.q.val() {
            self.state_code.next = 8.into();
        }
        if self.notes.q.val() {
            self.learns.d.next = true;
        }
        if self.learns.q.val() {
            self.state_code.next = 9.into();
            if self.expired_now.q.val() | !self.mem.data_valid.val() {
                self.learns.d.next = false;
                self.asks.d.next = true;
            }
        }
        if self.asks.q.val() {
            self.state_code.next = 10.into();
            if !self.mem_valid.q.val() {
                self.mem_addr.d.next = (bit_cast::<PHYS_ADDR_BITS, PHYS_PAGE_BITS>(self.table_page.q.val()) << 12)
                    | bit_cast::<PHYS_ADDR_BITS, 12>(self.word_offset.val());
                self.mem_beats.d.next = 0.into();
                if self.is_lowest.val() {
                    self.mem_addr.d.next = (bit_cast::<PHYS_ADDR_BITS, PHYS_PAGE_BITS>(self.table_page.q.val()) << 12)
                        | bit_cast::<PHYS_ADDR_BITS, 12>(self.word_offset.val() & 0xFC0);
                    self.mem_beats.d.next = 7.into();
                }
            }
            if self.expired_now.q.val() {
                self.asks.d.next = false;
                self.closes.d.next = true;
            }
        }
        if self.asks_now.val() {
            self.mem_valid.d.next = true;
            self.order_in.d.next = self.order_in.q.val() + 1;
            self.asks.d.next = false;
            self.active.d.next = false;
        }
        self.notes.d.next = false;
        if self.checks.q.val() {
            self.state_code.next = 11.into();
            if self.check.valid.val() {
                // Whether the walk ends with it or not: then nobody looks.
                if !self.lowest.q.val() {
                    self.table_page.d.next = self.check.phys_page.val();
                    self.user.d.next = self.check.user.val();
                    self.write_all.d.next = self.check.write_all.val();
                    self.accessed.d.next = self.check.accessed.val();
                    self.row.d.next = self.row_down.val();
                }
                if self.lowest.q.val() {
                    self.checks.d.next = !self.last_entry.val();
                    self.closes.d.next = self.last_entry.val();
                } else {
                    self.checks.d.next = false;
                    self.closes.d.next = self.ends.val();
                    self.notes.d.next = !self.ends.val();
                }
            }
        }
        if self.closes.q.val() {
            self.state_code.next = 12.into();
            if !self.closing.q.val() {
                self.closing.d.next = true;
                self.closing_walk.d.next = self.walk.q.val();
                self.closing_clocks.d.next = 0.into();
                self.closes.d.next = false;
                self.active.d.next = false;
            }
        }
        if self.reset.val() {
            self.active.d.next = false;
            self.loads.d.next = false;
            self.begins.d.next = false;
            self.resumes.d.next = false;
            self.aims.d.next = false;
            self.probes.d.next = false;
            self.probe_reads.d.next = false;
            self.probe_compares.d.next = false;
            self.decides.d.next = false;
            self.notes.d.next = false;
            self.learns.d.next = false;
            self.asks.d.next = false;
            self.checks.d.next = false;
            self.closes.d.next = false;
            self.counts.d.next = 0.into();
            self.used.d.next = 0.into();
            self.room.d.next = false;
            self.payload_room.d.next = false;
            self.fresh.d.next = false;
            self.order_in.d.next = 0.into();
            self.order_out.d.next = 0.into();
            self.mem_valid.d.next = false;
            self.feeding.d.next = false;
            self.fed.d.next = false;
            self.read.d.next = false;
            self.closing.d.next = false;
        }
    }
}
