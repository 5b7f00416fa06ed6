//! How many descriptors one burst reads.

use super::records::PLACE_BITS;
use rust_hdl::prelude::*;

logic_block! {
    /// Keeps a burst of descriptors inside its table and inside one page; the answer follows the question by two clocks.
    pub struct DescriptorSpan {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Index of the first descriptor; beyond `last_index` the answer means nothing.
        pub index: Signal<In, Bits<16>>,
        /// Last index of the table.
        pub last_index: Signal<In, Bits<16>>,
        /// Bits 11:4 of the table's address.
        pub table_low: Signal<In, Bits<8>>,
        /// Descriptors that are wished for, less one.
        pub wish_minus_1: Signal<In, Bits<4>>,
        /// Descriptors to read, less one.
        pub span_minus_1: Signal<Out, Bits<4>>,
        /// Where the first one lies, from the table's first page.
        pub place: Signal<Out, Bits<PLACE_BITS>>,
        //
        // descriptors behind the first one, and that there are more, a bit for four places of their number
        in_table: DFF<Bits<4>>,
        more: DFF<Bits<3>>,
        first: DFF<Bits<17>>,
        span: DFF<Bits<4>>,
        from: DFF<Bits<17>>,
        room: Signal<Local, Bits<16>>,
        in_page: Signal<Local, Bits<4>>,
        more_bits: Signal<Local, Bits<3>>,
        few: Signal<Local, Bit>,
    }
}

impl Logic for DescriptorSpan {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, in_table, more, first, span, from);
        self.room.next = self.last_index.val() - self.index.val();
        self.in_table.d.next = self.room.val().get_bits::<4>(0);
        self.more_bits.next = 0.into();
        if self.room.val().get_bits::<4>(4).any() {
            self.more_bits.next = self.more_bits.val() | 1;
        }
        if self.room.val().get_bits::<4>(8).any() {
            self.more_bits.next = self.more_bits.val() | 2;
        }
        if self.room.val().get_bits::<4>(12).any() {
            self.more_bits.next = self.more_bits.val() | 4;
        }
        self.more.d.next = self.more_bits.val();
        self.few.next = self.more.q.val() == 0;
        self.first.d.next = bit_cast::<17, 16>(self.index.val()) + bit_cast::<17, 8>(self.table_low.val());
        self.from.d.next = self.first.q.val();
        self.in_page.next = self.first.q.val().get_bits::<4>(0) ^ 0xF;
        self.span.d.next = self.wish_minus_1.val();
        if self.few.val() & (self.in_table.q.val() < self.wish_minus_1.val()) {
            self.span.d.next = self.in_table.q.val();
        }
        // Only the last 16 descriptors of a page can leave it; there, what lies on the page is all that is wished for
        // at the most.
        if self.first.q.val().get_bits::<4>(4).all() & (self.in_page.val() < self.wish_minus_1.val()) {
            self.span.d.next = self.in_page.val();
            if self.few.val() & (self.in_table.q.val() < self.in_page.val()) {
                self.span.d.next = self.in_table.q.val();
            }
        }
        self.span_minus_1.next = self.span.q.val();
        self.place.next = bit_cast::<PLACE_BITS, 17>(self.from.q.val()) << 4;
    }
}
