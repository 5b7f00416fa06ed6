//! The table of address spaces, in distributed RAM.

use super::types::ContextRow;
use crate::bus::ram::LutRam;
use rust_hdl::prelude::*;
use segwalk_model::registers::mode;

logic_block! {
    /// 16 contexts with one write and two read ports. After reset context 0 is Bare and the others are off.
    pub struct ContextTable {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        /// Write a row on this clock.
        pub write: Signal<In, Bit>,
        /// Context.
        pub write_context: Signal<In, Bits<4>>,
        /// Its row.
        pub row: Signal<In, ContextRow>,
        /// Context of a lookup.
        pub lookup_context: Signal<In, Bits<4>>,
        /// Its mode, on the same clock.
        pub lookup_mode: Signal<Out, Bits<3>>,
        /// Context of a walk.
        pub walk_context: Signal<In, Bits<4>>,
        /// Its row, on the same clock; only rows that were written are asked for.
        pub walk_row: Signal<Out, ContextRow>,
        //
        modes: LutRam<Bits<3>, 4>,
        rows: LutRam<ContextRow, 4>,
        // A row counts once it was written: no clocks to clear the table, and none in which a write could be lost.
        written: DFF<Bits<16>>,
        place: Signal<Local, Bits<16>>,
        one: Constant<Bits<16>> = Constant::new(1.into()),
        bare: Constant<Bits<3>> = Constant::new(mode::BARE.to_bits()),
        off: Constant<Bits<3>> = Constant::new(mode::OFF.to_bits()),
    }
}

impl Logic for ContextTable {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, written);
        clock!(self, clock, modes, rows);
        self.modes.write_addr.next = self.write_context.val();
        self.modes.write_data.next = self.row.val().mode;
        self.modes.write_enable.next = self.write.val();
        self.modes.read_addr.next = self.lookup_context.val();
        self.rows.write_addr.next = self.write_context.val();
        self.rows.write_data.next = self.row.val();
        self.rows.write_enable.next = self.write.val();
        self.rows.read_addr.next = self.walk_context.val();
        self.walk_row.next = self.rows.read_data.val();
        self.place.next = self.one.val() << self.write_context.val();
        if self.write.val() {
            self.written.d.next = self.written.q.val() | self.place.val();
        }
        self.lookup_mode.next = self.off.val();
        if self.lookup_context.val() == 0 {
            self.lookup_mode.next = self.bare.val();
        }
        if self.written.q.val().get_bit(self.lookup_context.val().index()) {
            self.lookup_mode.next = self.modes.read_data.val();
        }
        if self.reset.val() {
            self.written.d.next = 0.into();
        }
    }
}
