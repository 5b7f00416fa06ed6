//! The page-walk cache: where the tables of the lower levels are, so that a cold buffer costs one read for each line of
//! leaf entries. Direct-mapped in block RAM, 16 entries a level.
//!
//! The walker asks for one row at a time, lowest first: address on one clock, data on the next, compare on a third.

use super::rows::{by_row, Row, ROWS};
use super::types::{WalkEntry, PAGE_BITS, SET_BITS, WALK_TAG_BITS};
use crate::bus::ram::BlockRam;
use rust_hdl::prelude::*;

logic_block! {
    /// The cache.
    pub struct WalkCache {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Row of the table asked for or stored, one hot.
        pub row: Signal<In, Bits<ROWS>>,
        /// Address space.
        pub owner: Signal<In, Bits<4>>,
        /// Virtual page.
        pub virt_page: Signal<In, Bits<PAGE_BITS>>,
        /// What was found is for this row and page; three clocks after these were set.
        pub found: Signal<Out, Bit>,
        /// What was found.
        pub entry: Signal<Out, WalkEntry>,
        /// Store `new_entry` on this clock; context, tag and valid are added here.
        pub store: Signal<In, Bit>,
        /// Table page and permissions.
        pub new_entry: Signal<In, WalkEntry>,
        /// Clear the place `sweep_at` on this clock.
        pub sweep: Signal<In, Bit>,
        /// The place.
        pub sweep_at: Signal<In, Bits<SET_BITS>>,
        //
        ram: BlockRam<WalkEntry, SET_BITS>,
        read: DFF<WalkEntry>,
        same_table: DFF<Bit>,
        written: Signal<Local, WalkEntry>,
        shifted: Signal<Local, Bits<PAGE_BITS>>,
        hash: Signal<Local, Bits<4>>,
        level: Signal<Local, Bits<2>>,
        tag_mask: Signal<Local, Bits<WALK_TAG_BITS>>,
        tag: Signal<Local, Bits<WALK_TAG_BITS>>,
        place: Signal<Local, Bits<SET_BITS>>,
        table_lsb: [Constant<Bits<6>>; ROWS] = by_row(Row::table_lsb),
        table_tag: [Constant<Bits<WALK_TAG_BITS>>; ROWS] = by_row(Row::table_tag),
        level_code: [Constant<Bits<2>>; ROWS] = by_row(|row| row.level as u64),
    }
}

impl Logic for WalkCache {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, read, same_table);
        clock!(self, clock, ram);
        self.hash.next = self.owner.val();
        self.level.next = 0.into();
        self.tag_mask.next = 0.into();
        for ix in 0..ROWS {
            self.shifted.next = self.virt_page.val() >> self.table_lsb[ix].val();
            if self.row.val().get_bit(ix) {
                self.hash.next = self.hash.val() ^ self.shifted.val().get_bits::<4>(0);
                self.level.next = self.level.val() | self.level_code[ix].val();
                self.tag_mask.next = self.tag_mask.val() | self.table_tag[ix].val();
            }
        }
        self.place.next = (bit_cast::<SET_BITS, 2>(self.level.val()) << 4) | bit_cast::<SET_BITS, 4>(self.hash.val());
        self.tag.next = self.virt_page.val().get_bits::<WALK_TAG_BITS>(9) & self.tag_mask.val();
        self.ram.read_addr.next = self.place.val();
        self.read.d.next = self.ram.read_data.val();
        self.same_table.d.next = self.read.q.val().valid
            & (self.read.q.val().context == self.owner.val())
            & (self.read.q.val().tag == self.tag.val());
        self.found.next = self.same_table.q.val();
        self.entry.next = self.read.q.val();
        self.written.next = self.new_entry.val();
        self.written.next.valid = !self.sweep.val();
        self.written.next.context = self.owner.val();
        self.written.next.tag = self.tag.val();
        self.ram.write_data.next = self.written.val();
        self.ram.write_addr.next = self.place.val();
        if self.sweep.val() {
            self.ram.write_addr.next = self.sweep_at.val();
        }
        self.ram.write_enable.next = self.store.val() | self.sweep.val();
    }
}
