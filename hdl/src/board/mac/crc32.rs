//! The CRC-32 of Ethernet (IEEE 802.3, 3.2.9), a byte a clock.

use rust_hdl::prelude::*;

/// What the register begins with, and what the result is inverted with.
pub const ALL_ONES: u64 = 0xFFFF_FFFF;
/// The generator polynomial, lowest power in the highest bit.
pub const POLYNOMIAL: u64 = 0xEDB8_8320;
/// The register after a frame and its FCS, whatever the frame was.
pub const RESIDUE: u64 = 0xDEBB_20E3;

logic_block! {
    /// One step, combinational: the register after one more byte, which goes in lowest bit first.
    pub struct Crc32Step {
        /// Register.
        pub crc: Signal<In, Bits<32>>,
        /// The byte.
        pub data: Signal<In, Bits<8>>,
        /// Register after it.
        pub next_crc: Signal<Out, Bits<32>>,
        //
        running: Signal<Local, Bits<32>>,
        polynomial: Constant<Bits<32>> = Constant::new(POLYNOMIAL.to_bits()),
    }
}

impl Logic for Crc32Step {
    #[hdl_gen]
    fn update(&mut self) {
        self.running.next = self.crc.val() ^ bit_cast::<32, 8>(self.data.val());
        for _ix in 0..8 {
            if self.running.val().get_bit(0) {
                self.running.next = (self.running.val() >> 1) ^ self.polynomial.val();
            } else {
                self.running.next = self.running.val() >> 1;
            }
        }
        self.next_crc.next = self.running.val();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crc_of(bytes: &[u8]) -> u64 {
        let mut step = Crc32Step::default();
        step.connect_all();
        bytes.iter().fold(ALL_ONES, |crc, byte| {
            step.crc.next = crc.to_bits();
            step.data.next = u64::from(*byte).to_bits();
            while {
                step.update_all();
                step.has_changed()
            } {}
            step.next_crc.val().to_u64()
        })
    }

    #[test]
    fn check_value_and_residue_are_those_of_the_standard() {
        let register = crc_of(b"123456789");
        let fcs = (register ^ ALL_ONES) as u32;
        assert_eq!(fcs, 0xCBF4_3926);
        assert_eq!(crc_of(&[b"123456789".as_slice(), &fcs.to_le_bytes()].concat()), RESIDUE);
    }
}
