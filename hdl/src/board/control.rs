//! The board's own registers. See `segwalk_model::board_registers`.

use super::mdio::Mdio;
use rust_hdl::prelude::*;
use segwalk_model::board_registers::{
    BOARD_BRIDGE, BOARD_CLOCK_HZ, BOARD_CONTROL, BOARD_FRAMES, BOARD_MAGIC, BOARD_MDIO, BOARD_MEMORY_BYTES,
    BOARD_STATUS,
};
use segwalk_model::registers::Register;

fn offset(register: Register) -> Constant<Bits<12>> {
    Constant::new(u64::from(register.offset).to_bits())
}

/// Milliseconds that a PHY is held in reset, and that it is left alone behind it.
pub const PHY_RESET_MS: u64 = 20;

logic_block! {
    /// Registers, MDIO and the reset of the PHY.
    pub struct BoardControl {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        /// An access is wanted until it is done.
        pub access_valid: Signal<In, Bit>,
        /// It is a write.
        pub access_write: Signal<In, Bit>,
        /// Byte address.
        pub access_addr: Signal<In, Bits<12>>,
        /// Value to write.
        pub access_data: Signal<In, Bits<32>>,
        /// Done; a pulse.
        pub done: Signal<Out, Bit>,
        /// With it: the value read.
        pub read_data: Signal<Out, Bits<32>>,
        /// The engine's interrupt.
        pub irq: Signal<In, Bit>,
        /// Frames sent.
        pub sent: Signal<In, Bits<16>>,
        /// Frames dropped.
        pub dropped: Signal<In, Bits<16>>,
        /// Requests answered.
        pub answered: Signal<In, Bits<16>>,
        /// Damaged requests.
        pub bad_frames: Signal<In, Bits<16>>,
        /// The engine is held in reset.
        pub core_reset: Signal<Out, Bit>,
        /// Reset of the PHY, active low.
        pub phy_reset_n: Signal<Out, Bit>,
        /// Management clock.
        pub mdc: Signal<Out, Bit>,
        /// Level for the management pin.
        pub mdio_out: Signal<Out, Bit>,
        /// The pin is driven.
        pub mdio_drive: Signal<Out, Bit>,
        /// Level on the pin.
        pub mdio_in: Signal<In, Bit>,
        //
        mdio: Mdio,
        finished: DFF<Bit>,
        value: DFF<Bits<32>>,
        core_held: DFF<Bit>,
        phy_held: DFF<Bit>,
        phy_timer: DFF<Bits<24>>,
        phy_pin: DFF<Bit>,
        phy_ready: DFF<Bit>,
        timer_over: DFF<Bit>,
        now: Signal<Local, Bit>,
        starts: Signal<Local, Bit>,
        is_control: Signal<Local, Bit>,
        is_mdio: Signal<Local, Bit>,
        magic: Constant<Bits<32>> = Constant::new(u64::from(BOARD_MAGIC.reset).to_bits()),
        memory_bytes: Constant<Bits<32>> = Constant::new(65_536_u64.to_bits()),
        clock_hz: Constant<Bits<32>> = Constant::new(62_500_000_u64.to_bits()),
        reset_clocks: Constant<Bits<24>> = Constant::new(100_u64.to_bits()),
        at_magic: Constant<Bits<12>> = offset(BOARD_MAGIC),
        at_memory: Constant<Bits<12>> = offset(BOARD_MEMORY_BYTES),
        at_clock: Constant<Bits<12>> = offset(BOARD_CLOCK_HZ),
        at_control: Constant<Bits<12>> = offset(BOARD_CONTROL),
        at_status: Constant<Bits<12>> = offset(BOARD_STATUS),
        at_mdio: Constant<Bits<12>> = offset(BOARD_MDIO),
        at_frames: Constant<Bits<12>> = offset(BOARD_FRAMES),
        at_bridge: Constant<Bits<12>> = offset(BOARD_BRIDGE),
    }
}

impl BoardControl {
    /// For a memory of `memory_bytes` bytes, a clock of `clock_hz`, and a PHY whose reset takes `phy_reset_ms`.
    pub fn new(memory_bytes: u32, clock_hz: u64, phy_reset_ms: u64) -> Self {
        let clocks = (clock_hz / 1000 * phy_reset_ms).max(16);
        assert!(
            clocks < 1 << 24,
            "a PHY's reset of {phy_reset_ms} ms is longer than the timer counts"
        );
        Self {
            mdio: Mdio::new(clock_hz),
            memory_bytes: Constant::new(u64::from(memory_bytes).to_bits()),
            clock_hz: Constant::new(clock_hz.to_bits()),
            reset_clocks: Constant::new(clocks.to_bits()),
            ..Default::default()
        }
    }
}

impl Logic for BoardControl {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, finished, value, core_held, phy_held, phy_timer, phy_pin, phy_ready, timer_over);
        clock!(self, clock, mdio);
        self.mdio.reset.next = self.reset.val();
        self.now.next = self.access_valid.val() & !self.finished.q.val();
        self.finished.d.next = self.now.val();
        self.done.next = self.finished.q.val();
        self.read_data.next = self.value.q.val();
        self.is_control.next = self.access_addr.val() == self.at_control.val();
        self.is_mdio.next = self.access_addr.val() == self.at_mdio.val();
        // Reads
        self.value.d.next = 0.into();
        if self.access_addr.val() == self.at_magic.val() {
            self.value.d.next = self.magic.val();
        }
        if self.access_addr.val() == self.at_memory.val() {
            self.value.d.next = self.memory_bytes.val();
        }
        if self.access_addr.val() == self.at_clock.val() {
            self.value.d.next = self.clock_hz.val();
        }
        if self.is_control.val() {
            self.value.d.next = bit_cast::<32, 1>(self.phy_held.q.val().into())
                | (bit_cast::<32, 1>(self.core_held.q.val().into()) << 1);
        }
        if self.access_addr.val() == self.at_status.val() {
            self.value.d.next =
                bit_cast::<32, 1>(self.phy_ready.q.val().into()) | (bit_cast::<32, 1>(self.irq.val().into()) << 1);
        }
        if self.is_mdio.val() {
            self.value.d.next = bit_cast::<32, 16>(self.mdio.read_data.val())
                | (bit_cast::<32, 1>(self.mdio.silent.val().into()) << 26)
                | (bit_cast::<32, 1>(self.mdio.busy.val().into()) << 31);
        }
        if self.access_addr.val() == self.at_frames.val() {
            self.value.d.next = bit_cast::<32, 16>(self.sent.val()) | (bit_cast::<32, 16>(self.dropped.val()) << 16);
        }
        if self.access_addr.val() == self.at_bridge.val() {
            self.value.d.next =
                bit_cast::<32, 16>(self.answered.val()) | (bit_cast::<32, 16>(self.bad_frames.val()) << 16);
        }
        // Writes
        self.starts.next = self.now.val() & self.access_write.val() & self.is_mdio.val();
        self.mdio.start.next = self.starts.val() & !self.mdio.busy.val();
        self.mdio.write_data.next = self.access_data.val().get_bits::<16>(0);
        self.mdio.register.next = self.access_data.val().get_bits::<5>(16);
        self.mdio.phy.next = self.access_data.val().get_bits::<5>(21);
        self.mdio.write.next = self.access_data.val().get_bit(26);
        if self.now.val() & self.access_write.val() & self.is_control.val() {
            self.phy_held.d.next = self.access_data.val().get_bit(0);
            self.core_held.d.next = self.access_data.val().get_bit(1);
        }
        self.core_reset.next = self.core_held.q.val();
        self.mdc.next = self.mdio.mdc.val();
        self.mdio_out.next = self.mdio.mdio_out.val();
        self.mdio_drive.next = self.mdio.mdio_drive.val();
        self.mdio.mdio_in.next = self.mdio_in.val();
        // The PHY: held for one period, left alone for another
        self.phy_reset_n.next = self.phy_pin.q.val();
        self.phy_timer.d.next = self.phy_timer.q.val() + 1;
        self.timer_over.d.next = self.phy_timer.q.val() == self.reset_clocks.val();
        if self.timer_over.q.val() {
            self.phy_timer.d.next = 0.into();
            self.phy_pin.d.next = true;
            self.phy_ready.d.next = self.phy_pin.q.val();
        }
        if self.phy_held.q.val() {
            self.phy_timer.d.next = 0.into();
            self.timer_over.d.next = false;
            self.phy_pin.d.next = false;
            self.phy_ready.d.next = false;
        }
        if self.reset.val() {
            self.finished.d.next = false;
            self.core_held.d.next = false;
            self.phy_held.d.next = false;
            self.phy_timer.d.next = 0.into();
            self.timer_over.d.next = false;
            self.phy_pin.d.next = false;
            self.phy_ready.d.next = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emits_and_has_nothing_that_the_lint_knows() {
        let mut control = BoardControl::new(65_536, 62_500_000, PHY_RESET_MS);
        assert!(crate::emit::verilog(&mut control, "control")
            .unwrap()
            .contains("module control("));
        let found = crate::lint::check(&control, "control");
        assert!(
            found.is_empty(),
            "{}",
            found.iter().map(|f| format!("{f}\n")).collect::<String>()
        );
    }
}
