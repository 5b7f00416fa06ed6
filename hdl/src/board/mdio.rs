//! MDIO: the PHY's registers (IEEE 802.3, clause 22).

use rust_hdl::prelude::*;

logic_block! {
    /// Reads or writes one register of a PHY: 32 bits of preamble and 32 bits of frame, on the falling edge of MDC.
    pub struct Mdio {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        /// Begin; a pulse while not busy.
        pub start: Signal<In, Bit>,
        /// The access is a write.
        pub write: Signal<In, Bit>,
        /// Address of the PHY.
        pub phy: Signal<In, Bits<5>>,
        /// Register.
        pub register: Signal<In, Bits<5>>,
        /// Value to write.
        pub write_data: Signal<In, Bits<16>>,
        /// An access is under way.
        pub busy: Signal<Out, Bit>,
        /// Value read.
        pub read_data: Signal<Out, Bits<16>>,
        /// No PHY pulled the line low before the data of a read.
        pub silent: Signal<Out, Bit>,
        /// Management clock.
        pub mdc: Signal<Out, Bit>,
        /// Level for the pin.
        pub mdio_out: Signal<Out, Bit>,
        /// The pin is driven.
        pub mdio_drive: Signal<Out, Bit>,
        /// Level on the pin.
        pub mdio_in: Signal<In, Bit>,
        //
        divider: DFF<Bits<8>>,
        half_over: DFF<Bit>,
        active: DFF<Bit>,
        level: DFF<Bit>,
        bits_left: DFF<Bits<7>>,
        shift: DFF<Bits<64>>,
        reads: DFF<Bit>,
        drive: DFF<Bit>,
        from_pin: DFF<Bit>,
        quiet: DFF<Bit>,
        frame: Signal<Local, Bits<32>>,
        half_clocks: Constant<Bits<8>> = Constant::new(49_u64.to_bits()),
    }
}

impl Mdio {
    /// For a clock of `clock_hz`: MDC is at most 2.5 MHz.
    pub fn new(clock_hz: u64) -> Self {
        let half = clock_hz.div_ceil(2 * 2_500_000).max(2);
        assert!(half < 256, "MDIO takes clocks up to 1275 MHz; {clock_hz} Hz asked for");
        Self {
            half_clocks: Constant::new((half - 1).to_bits()),
            ..Default::default()
        }
    }
}

impl Logic for Mdio {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, divider, half_over, active, level, bits_left, shift, reads, drive, from_pin, quiet);
        self.busy.next = self.active.q.val();
        self.read_data.next = self.shift.q.val().get_bits::<16>(0);
        self.silent.next = self.quiet.q.val();
        self.mdc.next = self.level.q.val();
        self.mdio_out.next = self.shift.q.val().get_bit(63);
        self.mdio_drive.next = self.drive.q.val();
        self.divider.d.next = self.divider.q.val() + 1;
        self.half_over.d.next = false;
        if self.divider.q.val() == self.half_clocks.val() {
            self.divider.d.next = 0.into();
            self.half_over.d.next = true;
        }
        // start 01, read 10 or write 01, PHY, register, turnaround 10, data
        self.frame.next = (bit_cast::<32, 5>(self.phy.val()) << 23)
            | (bit_cast::<32, 5>(self.register.val()) << 18)
            | bit_cast::<32, 16>(self.write_data.val())
            | 0x5002_0000;
        if !self.write.val() {
            self.frame.next = (bit_cast::<32, 5>(self.phy.val()) << 23)
                | (bit_cast::<32, 5>(self.register.val()) << 18)
                | 0x6000_0000;
        }
        if !self.active.q.val() {
            self.level.d.next = false;
            self.drive.d.next = false;
            self.divider.d.next = 0.into();
            if self.start.val() {
                self.active.d.next = true;
                self.drive.d.next = true;
                self.quiet.d.next = false;
                self.reads.d.next = !self.write.val();
                self.bits_left.d.next = 63.into();
                self.shift.d.next = bit_cast::<64, 32>(self.frame.val()) | 0xFFFF_FFFF_0000_0000_u64;
            }
        } else if self.half_over.q.val() {
            self.level.d.next = !self.level.q.val();
            if !self.level.q.val() {
                // rising edge: what the PHY has driven since the one before is steady
                self.from_pin.d.next = self.mdio_in.val();
            } else {
                // falling edge: the next bit
                self.bits_left.d.next = self.bits_left.q.val() - 1;
                self.shift.d.next = (self.shift.q.val() << 1) | bit_cast::<64, 1>(self.from_pin.q.val().into());
                if self.reads.q.val() & (self.bits_left.q.val() == 18) {
                    self.drive.d.next = false;
                }
                if self.reads.q.val() & (self.bits_left.q.val() == 16) {
                    self.quiet.d.next = self.from_pin.q.val();
                }
                if self.bits_left.q.val() == 0 {
                    self.active.d.next = false;
                }
            }
        }
        if self.reset.val() {
            self.active.d.next = false;
            self.level.d.next = false;
            self.drive.d.next = false;
        }
    }
}
