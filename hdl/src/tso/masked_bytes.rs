//! A register of eight bytes that takes only some of them.
//!
//! A byte that is not taken becomes 0 by the flip-flops' synchronous reset, which costs no logic in the bytes' way.

use rust_hdl::prelude::*;

logic_block! {
    /// Keeps a beat for a clock; bytes of other lanes are 0.
    pub struct MaskedBytes {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// One bit a byte that is taken.
        pub lanes: Signal<In, Bits<8>>,
        /// The bytes.
        pub data: Signal<In, Bits<64>>,
        /// What was taken, one clock later.
        pub kept: Signal<Out, Bits<64>>,
        //
        byte_0: DFF<Bits<8>>,
        byte_1: DFF<Bits<8>>,
        byte_2: DFF<Bits<8>>,
        byte_3: DFF<Bits<8>>,
        byte_4: DFF<Bits<8>>,
        byte_5: DFF<Bits<8>>,
        byte_6: DFF<Bits<8>>,
        byte_7: DFF<Bits<8>>,
    }
}

impl Logic for MaskedBytes {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, byte_0, byte_1, byte_2, byte_3, byte_4, byte_5, byte_6, byte_7);
        self.byte_0.d.next = 0.into();
        if self.lanes.val().get_bit(0) {
            self.byte_0.d.next = self.data.val().get_bits::<8>(0);
        }
        self.byte_1.d.next = 0.into();
        if self.lanes.val().get_bit(1) {
            self.byte_1.d.next = self.data.val().get_bits::<8>(8);
        }
        self.byte_2.d.next = 0.into();
        if self.lanes.val().get_bit(2) {
            self.byte_2.d.next = self.data.val().get_bits::<8>(16);
        }
        self.byte_3.d.next = 0.into();
        if self.lanes.val().get_bit(3) {
            self.byte_3.d.next = self.data.val().get_bits::<8>(24);
        }
        self.byte_4.d.next = 0.into();
        if self.lanes.val().get_bit(4) {
            self.byte_4.d.next = self.data.val().get_bits::<8>(32);
        }
        self.byte_5.d.next = 0.into();
        if self.lanes.val().get_bit(5) {
            self.byte_5.d.next = self.data.val().get_bits::<8>(40);
        }
        self.byte_6.d.next = 0.into();
        if self.lanes.val().get_bit(6) {
            self.byte_6.d.next = self.data.val().get_bits::<8>(48);
        }
        self.byte_7.d.next = 0.into();
        if self.lanes.val().get_bit(7) {
            self.byte_7.d.next = self.data.val().get_bits::<8>(56);
        }
        self.kept.next = bit_cast::<64, 8>(self.byte_0.q.val())
            | (bit_cast::<64, 8>(self.byte_1.q.val()) << 8)
            | (bit_cast::<64, 8>(self.byte_2.q.val()) << 16)
            | (bit_cast::<64, 8>(self.byte_3.q.val()) << 24)
            | (bit_cast::<64, 8>(self.byte_4.q.val()) << 32)
            | (bit_cast::<64, 8>(self.byte_5.q.val()) << 40)
            | (bit_cast::<64, 8>(self.byte_6.q.val()) << 48)
            | (bit_cast::<64, 8>(self.byte_7.q.val()) << 56);
    }
}
