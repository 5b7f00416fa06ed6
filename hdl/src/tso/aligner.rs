//! Rotates moved beats into the ring's alignment and sums them, a segment at a time.
//!
//! Four stages: rotate; blank the lanes that do not count; add pairs; add the pairs; then 32 bits accumulate. There is
//! no end-around carry in the loop: the sum is folded where it is used. Words are little-endian here, which swaps the
//! bytes of a one's complement sum and nothing else (RFC 1071).

use super::masked_bytes::MaskedBytes;
use rust_hdl::prelude::*;

logic_block! {
    /// Rotates and sums; see the module.
    pub struct Aligner {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        /// A beat is moved.
        pub in_valid: Signal<In, Bit>,
        /// It goes to the ring.
        pub in_write: Signal<In, Bit>,
        /// To this word.
        pub in_at: Signal<In, Bits<12>>,
        /// Byte `k` belongs to lane `k - rotate`.
        pub in_data: Signal<In, Bits<64>>,
        /// See `in_data`.
        pub in_rotate: Signal<In, Bits<3>>,
        /// Lanes that are summed, after rotation.
        pub in_lanes: Signal<In, Bits<8>>,
        /// First beat of a segment.
        pub in_first: Signal<In, Bit>,
        /// Last beat of a segment.
        pub in_end: Signal<In, Bit>,
        /// Write to the ring.
        pub write_enable: Signal<Out, Bit>,
        /// To this word.
        pub write_addr: Signal<Out, Bits<12>>,
        /// The beat.
        pub write_data: Signal<Out, Bits<64>>,
        /// A segment's sum is here.
        pub sum_valid: Signal<Out, Bit>,
        /// The sum, not folded.
        pub sum: Signal<Out, Bits<32>>,
        //
        blanked: MaskedBytes,
        turned: DFF<Bits<64>>,
        turned_valid: DFF<Bit>,
        turned_write: DFF<Bit>,
        turned_at: DFF<Bits<12>>,
        turned_lanes: DFF<Bits<8>>,
        turned_first: DFF<Bit>,
        turned_end: DFF<Bit>,
        blanked_valid: DFF<Bit>,
        blanked_first: DFF<Bit>,
        blanked_end: DFF<Bit>,
        pair_low: DFF<Bits<17>>,
        pair_high: DFF<Bits<17>>,
        pair_valid: DFF<Bit>,
        pair_first: DFF<Bit>,
        pair_end: DFF<Bit>,
        quad: DFF<Bits<18>>,
        quad_valid: DFF<Bit>,
        quad_first: DFF<Bit>,
        quad_end: DFF<Bit>,
        total: DFF<Bits<32>>,
        total_valid: DFF<Bit>,
        //
        by_four: Signal<Local, Bits<64>>,
        by_two: Signal<Local, Bits<64>>,
        by_one: Signal<Local, Bits<64>>,
        base: Signal<Local, Bits<32>>,
    }
}

impl Logic for Aligner {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            turned,
            turned_valid,
            turned_write,
            turned_at,
            turned_lanes,
            turned_first,
            turned_end,
            blanked_valid,
            blanked_first,
            blanked_end,
            pair_low,
            pair_high,
            pair_valid,
            pair_first,
            pair_end,
            quad,
            quad_valid,
            quad_first,
            quad_end,
            total,
            total_valid
        );
        clock!(self, clock, blanked);
        // Rotate
        self.by_four.next = self.in_data.val();
        if self.in_rotate.val().get_bit(2) {
            self.by_four.next = (self.in_data.val() >> 32) | (self.in_data.val() << 32);
        }
        self.by_two.next = self.by_four.val();
        if self.in_rotate.val().get_bit(1) {
            self.by_two.next = (self.by_four.val() >> 16) | (self.by_four.val() << 48);
        }
        self.by_one.next = self.by_two.val();
        if self.in_rotate.val().get_bit(0) {
            self.by_one.next = (self.by_two.val() >> 8) | (self.by_two.val() << 56);
        }
        self.turned.d.next = self.by_one.val();
        self.turned_valid.d.next = self.in_valid.val();
        self.turned_write.d.next = self.in_valid.val() & self.in_write.val();
        self.turned_at.d.next = self.in_at.val();
        self.turned_lanes.d.next = self.in_lanes.val();
        self.turned_first.d.next = self.in_first.val();
        self.turned_end.d.next = self.in_end.val();
        self.write_enable.next = self.turned_write.q.val();
        self.write_addr.next = self.turned_at.q.val();
        self.write_data.next = self.turned.q.val();
        // Blank
        self.blanked.lanes.next = self.turned_lanes.q.val();
        self.blanked.data.next = self.turned.q.val();
        self.blanked_valid.d.next = self.turned_valid.q.val();
        self.blanked_first.d.next = self.turned_first.q.val();
        self.blanked_end.d.next = self.turned_end.q.val();
        // Add
        self.pair_low.d.next = bit_cast::<17, 16>(self.blanked.kept.val().get_bits::<16>(0))
            + bit_cast::<17, 16>(self.blanked.kept.val().get_bits::<16>(16));
        self.pair_high.d.next = bit_cast::<17, 16>(self.blanked.kept.val().get_bits::<16>(32))
            + bit_cast::<17, 16>(self.blanked.kept.val().get_bits::<16>(48));
        self.pair_valid.d.next = self.blanked_valid.q.val();
        self.pair_first.d.next = self.blanked_first.q.val();
        self.pair_end.d.next = self.blanked_end.q.val();
        self.quad.d.next = bit_cast::<18, 17>(self.pair_low.q.val()) + bit_cast::<18, 17>(self.pair_high.q.val());
        self.quad_valid.d.next = self.pair_valid.q.val();
        self.quad_first.d.next = self.pair_first.q.val();
        self.quad_end.d.next = self.pair_end.q.val();
        // Accumulate
        self.base.next = self.total.q.val();
        if self.quad_first.q.val() {
            self.base.next = 0.into();
        }
        self.total_valid.d.next = self.quad_valid.q.val() & self.quad_end.q.val();
        if self.quad_valid.q.val() {
            self.total.d.next = self.base.val() + bit_cast::<32, 18>(self.quad.q.val());
        }
        self.sum_valid.next = self.total_valid.q.val();
        self.sum.next = self.total.q.val();
        if self.reset.val() {
            self.turned_valid.d.next = false;
            self.turned_write.d.next = false;
            self.blanked_valid.d.next = false;
            self.pair_valid.d.next = false;
            self.quad_valid.d.next = false;
            self.total_valid.d.next = false;
        }
    }
}
