//! Sets the supply of a board's connectors to 3.3 V and switches it on: the regulators take their feedback from the mean of
//! a pulse train, and are switched on once that is steady. Runs from the board's oscillator.

use rust_hdl::prelude::*;

/// Clocks of a period of the pulse train.
const PERIOD_BITS: usize = 14;
/// Clocks of a period on which the pulse is high: 13 %, with which a ButterStick's regulators give 3.3 V.
const HIGH_CLOCKS: u64 = (1 << PERIOD_BITS) * 13 / 100;

logic_block! {
    /// The supply; see the module.
    pub struct PortSupply {
        /// The board's oscillator.
        pub clock: Signal<In, Clock>,
        /// Pulse train.
        pub pulse: Signal<Out, Bit>,
        /// The supply is on.
        pub enable: Signal<Out, Bit>,
        //
        // seven bits above the period: 2^20 clocks of 30 MHz are 35 ms
        count: DFF<Bits<21>>,
        level: DFF<Bit>,
        high: Constant<Bits<14>> = Constant::new(HIGH_CLOCKS.to_bits()),
    }
}

impl Logic for PortSupply {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, count, level);
        self.count.d.next = self.count.q.val() + 1;
        if self.count.q.val().get_bit(20) {
            // stays on
            self.count.d.next = (self.count.q.val() + 1) | 0x10_0000;
        }
        self.level.d.next = self.count.q.val().get_bits::<14>(0) < self.high.val();
        self.pulse.next = self.level.q.val();
        self.enable.next = self.count.q.val().get_bit(20);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_pass_the_lint() {
        let mut supply = PortSupply::default();
        supply.connect_all();
        let findings = crate::lint::check(&supply, "port_supply");
        assert!(findings.is_empty(), "{findings:#?}");
    }

    #[test]
    fn a_period_is_high_for_13_of_100_clocks_and_the_supply_stays_on() {
        let mut supply = PortSupply::default();
        supply.connect_all();
        let mut highs = 0;
        for half in 0..2 << (PERIOD_BITS + 1) {
            supply.clock.next = Clock { clk: half % 2 == 1 };
            supply.update_all();
            while supply.has_changed() {
                supply.update_all();
            }
            assert!(!supply.enable.val(), "on before the pulses are steady");
            highs += u64::from(half % 2 == 1 && supply.pulse.val());
        }
        assert_eq!(highs, 2 * HIGH_CLOCKS);
    }
}
