//! A mask of bits from a mask of bytes.

use rust_hdl::prelude::*;

logic_block! {
    /// Widens a mask; combinational.
    pub struct ByteMask {
        /// One bit a byte.
        pub lanes: Signal<In, Bits<8>>,
        /// Eight bits a byte.
        pub mask: Signal<Out, Bits<64>>,
    }
}

impl Logic for ByteMask {
    #[hdl_gen]
    fn update(&mut self) {
        self.mask.next = 0.into();
        if self.lanes.val().get_bit(0) {
            self.mask.next = self.mask.val() | 0xFF_u64;
        }
        if self.lanes.val().get_bit(1) {
            self.mask.next = self.mask.val() | 0xFF00_u64;
        }
        if self.lanes.val().get_bit(2) {
            self.mask.next = self.mask.val() | 0xFF_0000_u64;
        }
        if self.lanes.val().get_bit(3) {
            self.mask.next = self.mask.val() | 0xFF00_0000_u64;
        }
        if self.lanes.val().get_bit(4) {
            self.mask.next = self.mask.val() | 0xFF_0000_0000_u64;
        }
        if self.lanes.val().get_bit(5) {
            self.mask.next = self.mask.val() | 0xFF00_0000_0000_u64;
        }
        if self.lanes.val().get_bit(6) {
            self.mask.next = self.mask.val() | 0xFF_0000_0000_0000_u64;
        }
        if self.lanes.val().get_bit(7) {
            self.mask.next = self.mask.val() | 0xFF00_0000_0000_0000_u64;
        }
    }
}
