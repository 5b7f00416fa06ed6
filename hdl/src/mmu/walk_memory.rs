//! The walker's block RAM: what memory answers waits in one half, the page-walk cache is the other.
//!
//! The cache knows where the tables of the lower levels are, so that a cold buffer costs one read for each line of leaf
//! entries. It is direct-mapped, 64 entries a level. An entry carries the number of the turn in which it was stored and
//! counts in that turn only; every invalidation ends a turn and clears a quarter of the entries, so none lives to see
//! the same number again.

use super::rows::{by_row, group_rows, group_values, Row, ROWS, TABLE_GROUPS};
use super::types::{WalkEntry, PAGE_BITS, SET_BITS, WALK_BITS, WALK_SET_BITS, WALK_TAG_BITS};
use crate::bus::ram::BlockRam;
use rust_hdl::prelude::*;
use segwalk_model::limits::PHYS_PAGE_BITS;

/// Address bits of the beats: 8 for each walk.
const BEAT_BITS: usize = WALK_BITS + 3;
/// Address bits of the RAM.
const ADDRESS_BITS: usize = WALK_SET_BITS + 3;
/// Word: an entry is table page, tag, context, turn, valid, user, write, accessed; a beat is data, error.
const WORD_BITS: usize = 66;

logic_block! {
    /// The RAM and its users.
    pub struct WalkMemory {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset: no beats. The cache is cleared by the sweeper.
        pub reset: Signal<In, Bit>,
        /// A beat is here, and is taken.
        pub data_valid: Signal<In, Bit>,
        /// Its data.
        pub data: Signal<In, Bits<64>>,
        /// The bus answered it with an error.
        pub data_error: Signal<In, Bit>,
        /// There is a beat to read; a clock late.
        pub available: Signal<Out, Bit>,
        /// It is read for the last time on this clock.
        pub advance: Signal<In, Bit>,
        /// Read the cache on this clock, not the oldest beat.
        pub probe: Signal<In, Bit>,
        /// Row of the table asked for or stored, one hot; this and the next two are steady from one clock before `probe`
        /// or `store`.
        pub row: Signal<In, Bits<ROWS>>,
        /// Address space.
        pub owner: Signal<In, Bits<4>>,
        /// Virtual page.
        pub virt_page: Signal<In, Bits<PAGE_BITS>>,
        /// Two clocks after the read: the beat.
        pub beat: Signal<Out, Bits<64>>,
        /// Its error.
        pub beat_error: Signal<Out, Bit>,
        /// Three clocks after the read: the entry is for this row and page.
        pub found: Signal<Out, Bit>,
        /// Two clocks after the read, and as long as it: the entry.
        pub entry: Signal<Out, WalkEntry>,
        /// Store `new_entry`; it happens on a clock without `data_valid` and `sweep`.
        pub store: Signal<In, Bit>,
        /// The entry.
        pub new_entry: Signal<In, WalkEntry>,
        /// Clear an entry of the cache on this clock, which has no `data_valid`.
        pub sweep: Signal<In, Bit>,
        /// Which: counts from 0 to 63 to clear a quarter, to 255 to clear all.
        pub sweep_at: Signal<In, Bits<SET_BITS>>,
        /// The turn ends.
        pub next_turn: Signal<In, Bit>,
        //
        ram: BlockRam<Bits<WORD_BITS>, ADDRESS_BITS>,
        read: DFF<Bits<WORD_BITS>>,
        same_head: DFF<Bit>,
        same_low: DFF<Bit>,
        same_high: DFF<Bit>,
        turn: DFF<Bits<3>>,
        write_at: DFF<Bits<BEAT_BITS>>,
        read_at: DFF<Bits<BEAT_BITS>>,
        read_next: DFF<Bits<BEAT_BITS>>,
        beats: DFF<Bit>,
        shifted: Signal<Local, Bits<PAGE_BITS>>,
        owner_hash: Signal<Local, Bits<WALK_SET_BITS>>,
        hash: Signal<Local, Bits<WALK_SET_BITS>>,
        level: Signal<Local, Bits<2>>,
        level_place: Signal<Local, Bits<ADDRESS_BITS>>,
        tag_mask: Signal<Local, Bits<WALK_TAG_BITS>>,
        // one clock after row, owner and page
        tag: DFF<Bits<WALK_TAG_BITS>>,
        cache_place: DFF<Bits<ADDRESS_BITS>>,
        sweep_turn: Signal<Local, Bits<ADDRESS_BITS>>,
        sweep_place: Signal<Local, Bits<ADDRESS_BITS>>,
        table_word: Signal<Local, Bits<WORD_BITS>>,
        tag_word: Signal<Local, Bits<WORD_BITS>>,
        owner_word: Signal<Local, Bits<WORD_BITS>>,
        turn_word: Signal<Local, Bits<WORD_BITS>>,
        flags: Signal<Local, Bits<4>>,
        flags_word: Signal<Local, Bits<WORD_BITS>>,
        error_word: Signal<Local, Bits<WORD_BITS>>,
        table_lsb: [Constant<Bits<6>>; TABLE_GROUPS] = group_values(Row::table_lsb),
        table_rows: [Constant<Bits<ROWS>>; TABLE_GROUPS] = group_rows(Row::table_lsb),
        table_tag: [Constant<Bits<WALK_TAG_BITS>>; ROWS] = by_row(Row::table_tag),
        level_code: [Constant<Bits<2>>; ROWS] = by_row(|row| row.level as u64),
        cache_half: Constant<Bits<ADDRESS_BITS>> = Constant::new((1u64 << (ADDRESS_BITS - 1)).to_bits()),
    }
}

impl Logic for WalkMemory {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            read,
            same_head,
            same_low,
            same_high,
            turn,
            write_at,
            read_at,
            read_next,
            beats,
            tag,
            cache_place
        );
        clock!(self, clock, ram);
        // Where a table's entry stands, and its tag
        self.owner_hash.next = bit_cast::<WALK_SET_BITS, 4>(self.owner.val()) << 2;
        self.hash.next = 0.into();
        for ix in 0..TABLE_GROUPS {
            self.shifted.next = self.virt_page.val() >> self.table_lsb[ix].val();
            if (self.row.val() & self.table_rows[ix].val()) != 0 {
                self.hash.next = self.hash.val() | self.shifted.val().get_bits::<WALK_SET_BITS>(0);
            }
        }
        self.level.next = 0.into();
        self.tag_mask.next = 0.into();
        for ix in 0..ROWS {
            if self.row.val().get_bit(ix) {
                self.level.next = self.level.val() | self.level_code[ix].val();
                self.tag_mask.next = self.tag_mask.val() | self.table_tag[ix].val();
            }
        }
        self.tag.d.next = self.virt_page.val().get_bits::<WALK_TAG_BITS>(9) & self.tag_mask.val();
        self.level_place.next = bit_cast::<ADDRESS_BITS, 2>(self.level.val()) << 6;
        self.cache_place.d.next = self.cache_half.val()
            | self.level_place.val()
            | bit_cast::<ADDRESS_BITS, WALK_SET_BITS>(self.hash.val() ^ self.owner_hash.val());

        // Reads
        self.available.next = self.beats.q.val();
        self.beats.d.next = self.read_at.q.val() != self.write_at.q.val();
        self.ram.read_addr.next = bit_cast::<ADDRESS_BITS, BEAT_BITS>(self.read_at.q.val());
        if self.probe.val() {
            self.ram.read_addr.next = self.cache_place.q.val();
        }
        if self.advance.val() {
            self.beats.d.next = self.read_next.q.val() != self.write_at.q.val();
            self.read_at.d.next = self.read_next.q.val();
            self.read_next.d.next = self.read_next.q.val() + 1;
        }
        self.read.d.next = self.ram.read_data.val();
        self.beat.next = self.read.q.val().get_bits::<64>(0);
        self.beat_error.next = self.read.q.val().get_bit(64);
        self.entry.next.table_page = self.read.q.val().get_bits::<PHYS_PAGE_BITS>(0);
        self.entry.next.user = self.read.q.val().get_bit(63);
        self.entry.next.write = self.read.q.val().get_bit(64);
        self.entry.next.accessed = self.read.q.val().get_bit(65);
        self.same_head.d.next = self.read.q.val().get_bit(62)
            & (self.read.q.val().get_bits::<3>(59) == self.turn.q.val())
            & (self.read.q.val().get_bits::<4>(55) == self.owner.val());
        self.same_low.d.next = self.read.q.val().get_bits::<14>(28) == self.tag.q.val().get_bits::<14>(0);
        self.same_high.d.next = self.read.q.val().get_bits::<13>(42) == self.tag.q.val().get_bits::<13>(14);
        self.found.next = self.same_head.q.val() & self.same_low.q.val() & self.same_high.q.val();

        // Writes
        self.sweep_turn.next = bit_cast::<ADDRESS_BITS, 2>(self.turn.q.val().get_bits::<2>(0)) << 6;
        self.sweep_place.next =
            self.cache_half.val() | (bit_cast::<ADDRESS_BITS, SET_BITS>(self.sweep_at.val()) ^ self.sweep_turn.val());
        self.table_word.next = bit_cast::<WORD_BITS, PHYS_PAGE_BITS>(self.new_entry.val().table_page);
        self.tag_word.next = bit_cast::<WORD_BITS, WALK_TAG_BITS>(self.tag.q.val()) << 28;
        self.owner_word.next = bit_cast::<WORD_BITS, 4>(self.owner.val()) << 55;
        self.turn_word.next = bit_cast::<WORD_BITS, 3>(self.turn.q.val()) << 59;
        self.flags.next = 1.into();
        if self.new_entry.val().user {
            self.flags.next = self.flags.val() | 2;
        }
        if self.new_entry.val().write {
            self.flags.next = self.flags.val() | 4;
        }
        if self.new_entry.val().accessed {
            self.flags.next = self.flags.val() | 8;
        }
        self.flags_word.next = bit_cast::<WORD_BITS, 4>(self.flags.val()) << 62;
        self.error_word.next = bit_cast::<WORD_BITS, 1>(self.data_error.val().into()) << 64;
        self.ram.write_data.next = self.table_word.val()
            | self.tag_word.val()
            | self.owner_word.val()
            | self.turn_word.val()
            | self.flags_word.val();
        self.ram.write_addr.next = self.cache_place.q.val();
        if self.sweep.val() {
            self.ram.write_data.next = 0.into();
            self.ram.write_addr.next = self.sweep_place.val();
        }
        if self.data_valid.val() {
            self.ram.write_data.next = bit_cast::<WORD_BITS, 64>(self.data.val()) | self.error_word.val();
            self.ram.write_addr.next = bit_cast::<ADDRESS_BITS, BEAT_BITS>(self.write_at.q.val());
        }
        self.ram.write_enable.next = self.data_valid.val() | self.sweep.val() | self.store.val();
        if self.next_turn.val() {
            self.turn.d.next = self.turn.q.val() + 1;
        }
        if self.data_valid.val() {
            self.write_at.d.next = self.write_at.q.val() + 1;
        }
        if self.reset.val() {
            self.write_at.d.next = 0.into();
            self.read_at.d.next = 0.into();
            self.read_next.d.next = 1.into();
            self.beats.d.next = false;
        }
    }
}
