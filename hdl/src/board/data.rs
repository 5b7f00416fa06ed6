//! The boards, each as one record. Constraints, Verilog, the flow and the documentation are made from it.

use super::cells::PllSettings;
use crate::emit::CoreOptions;

/// A pin of the package and its electrical standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Ball.
    pub ball: &'static str,
    /// IO_TYPE.
    pub standard: &'static str,
    /// Further attributes, as in `SLEWRATE=FAST`.
    pub attributes: &'static str,
}

const fn pin(ball: &'static str, standard: &'static str) -> Pin {
    Pin {
        ball,
        standard,
        attributes: "",
    }
}

const fn with(ball: &'static str, standard: &'static str, attributes: &'static str) -> Pin {
    Pin {
        ball,
        standard,
        attributes,
    }
}

/// The pins of the Ethernet PHY that the transmitter needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhyPins {
    /// TXC.
    pub tx_clk: Pin,
    /// TX_CTL.
    pub tx_ctl: Pin,
    /// TD, bit 0 first.
    pub tx_data: [Pin; 4],
    /// Reset, active low.
    pub reset_n: Pin,
    /// Management data.
    pub mdio: Pin,
    /// Management clock.
    pub mdc: Pin,
}

const fn phy(balls: [&'static str; 9], standard: &'static str, attributes: &'static str) -> PhyPins {
    PhyPins {
        tx_clk: with(balls[0], standard, attributes),
        tx_ctl: with(balls[1], standard, attributes),
        tx_data: [
            with(balls[2], standard, attributes),
            with(balls[3], standard, attributes),
            with(balls[4], standard, attributes),
            with(balls[5], standard, attributes),
        ],
        reset_n: pin(balls[6], standard),
        mdio: pin(balls[7], standard),
        mdc: pin(balls[8], standard),
    }
}

/// Everything that differs between boards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Board {
    /// Name on the command line.
    pub name: &'static str,
    /// Name in sentences.
    pub title: &'static str,
    /// FPGA.
    pub part: &'static str,
    /// nextpnr's option for the die.
    pub die: &'static str,
    /// Package.
    pub package: &'static str,
    /// Speed grade.
    pub speed: u32,
    /// Oscillator.
    pub clock: Pin,
    /// Reset, active low.
    pub reset_n: Pin,
    /// From the PC.
    pub uart_rx: Pin,
    /// To the PC.
    pub uart_tx: Pin,
    /// How the PC is wired to the UART.
    pub uart_note: &'static str,
    /// Lights, 1 or 3.
    pub lights: &'static [Pin],
    /// The lights are on when their pins are low.
    pub lights_active_low: bool,
    /// Ethernet.
    pub phy: PhyPins,
    /// Clocks.
    pub pll: PllSettings,
    /// Steps of 25 ps that TXC is delayed by; 0 when the PHY delays it.
    pub tx_delay_steps: u32,
    /// Memory behind the engine's bus.
    pub memory_bytes: u32,
    /// The transmitter's queue holds 2 to this power words of 8 bytes: 9 or 11.
    pub frame_words_log2: u32,
    /// The engine's build.
    pub core: CoreOptions,
    /// A pin that is always high: it feeds the lights.
    pub light_feed: Option<Pin>,
    /// The supply of the connector that the UART is on has to be set and switched on.
    pub port_supply: Option<PortSupplyPins>,
    /// What tells openFPGALoader how to reach the board.
    pub loader: &'static [&'static str],
}

/// The pins that set the supply of a board's connectors; see [`super::port_supply`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortSupplyPins {
    /// Pulses, one pin a connector.
    pub pulses: [Pin; 2],
    /// Switches all on.
    pub enable: Pin,
}

/// 100 MHz in, 125 MHz for both clocks.
const PLL_100_125: PllSettings = PllSettings {
    input_hz: 100_000_000,
    input_divider: 4,
    feedback: 5,
    feedback_divider: 5,
    tx_divider: 5,
    core_divider: 5,
};

/// Every board.
pub const BOARDS: &[Board] = &[
    Board {
        name: "ecpix5",
        title: "ECPIX-5 85F",
        part: "LFE5UM5G-85F",
        die: "--um5g-85k",
        package: "CABGA554",
        speed: 8,
        clock: pin("K23", "LVCMOS33"),
        reset_n: pin("N5", "LVCMOS33"),
        uart_rx: pin("R26", "LVCMOS33"),
        uart_tx: pin("R24", "LVCMOS33"),
        uart_note: "the second serial port of the on-board FT2232H",
        lights: &[pin("P21", "LVCMOS33"), pin("R23", "LVCMOS33"), pin("P22", "LVCMOS33")],
        lights_active_low: true,
        phy: phy(
            ["A12", "C9", "D8", "C8", "B8", "A8", "C13", "A13", "C11"],
            "LVCMOS33",
            "",
        ),
        pll: PLL_100_125,
        tx_delay_steps: 80,
        memory_bytes: 256 << 10,
        frame_words_log2: 11,
        core: CoreOptions::DEFAULT,
        light_feed: None,
        port_supply: None,
        loader: &["--board", "ecpix5"],
    },
    Board {
        name: "versa",
        title: "Versa ECP5 (45F, 5G)",
        part: "LFE5UM5G-45F",
        die: "--um5g-45k",
        package: "CABGA381",
        speed: 8,
        clock: pin("P3", "LVDS"),
        reset_n: pin("T1", "LVCMOS33"),
        uart_rx: pin("C11", "LVCMOS33"),
        uart_tx: pin("A11", "LVCMOS33"),
        uart_note: "the second serial port of the on-board FT2232H",
        lights: &[pin("E16", "LVCMOS25")],
        lights_active_low: true,
        phy: phy(
            ["P19", "R20", "N19", "N20", "P18", "P20", "U17", "U18", "T18"],
            "LVCMOS25",
            "",
        ),
        pll: PLL_100_125,
        tx_delay_steps: 0,
        memory_bytes: 96 << 10,
        frame_words_log2: 11,
        core: CoreOptions::DEFAULT,
        light_feed: None,
        port_supply: None,
        loader: &["--cable", "ft2232"],
    },
    Board {
        name: "colorlight-i5",
        title: "Colorlight i5 v7.0",
        part: "LFE5U-25F",
        die: "--25k",
        package: "CABGA381",
        speed: 6,
        clock: pin("P3", "LVCMOS33"),
        reset_n: with("K18", "LVCMOS33", "PULLMODE=UP"),
        uart_rx: pin("H18", "LVCMOS33"),
        uart_tx: pin("J17", "LVCMOS33"),
        uart_note: "the serial port of the extension board's DAPLink",
        lights: &[pin("U16", "LVCMOS33")],
        lights_active_low: true,
        phy: phy(["G1", "K1", "G2", "H1", "J1", "J3", "P4", "P5", "N5"], "LVCMOS33", ""),
        pll: PllSettings {
            input_hz: 25_000_000,
            input_divider: 1,
            feedback: 5,
            feedback_divider: 5,
            tx_divider: 5,
            core_divider: 10,
        },
        tx_delay_steps: 0,
        memory_bytes: 64 << 10,
        frame_words_log2: 9,
        core: CoreOptions {
            tlb_entries: 64,
            segment_kib: 16,
            ..CoreOptions::DEFAULT
        },
        light_feed: None,
        port_supply: None,
        loader: &["--board", "colorlight-i5"],
    },
    Board {
        name: "butterstick",
        title: "ButterStick r1.0",
        part: "LFE5UM5G-85F",
        die: "--um5g-85k",
        package: "CABGA381",
        speed: 8,
        clock: pin("B12", "LVCMOS33"),
        reset_n: pin("U16", "SSTL135_I"),
        uart_rx: pin("G2", "LVCMOS33"),
        uart_tx: pin("J3", "LVCMOS33"),
        uart_note: "a 3.3 V serial adapter on SYZYGY port 0: its TX to S0, its RX to S1, ground to ground",
        lights: &[pin("C13", "LVCMOS33")],
        lights_active_low: false,
        phy: phy(
            ["E15", "D15", "C15", "B16", "A18", "B19", "B20", "D16", "A19"],
            "LVCMOS33",
            "SLEWRATE=FAST",
        ),
        pll: PllSettings {
            input_hz: 30_000_000,
            input_divider: 1,
            feedback: 5,
            feedback_divider: 5,
            tx_divider: 6,
            core_divider: 6,
        },
        tx_delay_steps: 80,
        memory_bytes: 256 << 10,
        frame_words_log2: 11,
        core: CoreOptions::DEFAULT,
        light_feed: Some(pin("R1", "LVCMOS33")),
        port_supply: Some(PortSupplyPins {
            pulses: [pin("V1", "LVCMOS33"), pin("E11", "LVCMOS33")],
            enable: pin("E12", "LVCMOS33"),
        }),
        loader: &["--dfu", "--vid", "0x1209", "--pid", "0x5af1", "--altsetting", "0"],
    },
];

impl Board {
    /// The board called `name`.
    pub fn named(name: &str) -> Option<&'static Board> {
        BOARDS.iter().find(|board| board.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_within_the_pll_and_ethernet_has_its_125_mhz() {
        for board in BOARDS {
            assert_eq!(board.pll.tx_hz(), 125_000_000, "{}", board.name);
            assert!(
                (400_000_000..=800_000_000).contains(&board.pll.oscillator_hz()),
                "{}",
                board.name
            );
            let least = if board.speed == 8 { 125_000_000 } else { 62_500_000 };
            assert!(board.pll.core_hz() >= least, "{}", board.name);
        }
    }

    #[test]
    fn no_pin_is_used_twice() {
        for board in BOARDS {
            let phy = &board.phy;
            let mut balls = vec![board.clock, board.reset_n, board.uart_rx, board.uart_tx];
            balls.extend(board.lights);
            balls.extend([phy.tx_clk, phy.tx_ctl, phy.reset_n, phy.mdio, phy.mdc]);
            balls.extend(phy.tx_data);
            balls.extend(board.light_feed);
            balls.extend(board.port_supply.iter().flat_map(|supply| supply.pulses));
            balls.extend(board.port_supply.iter().map(|supply| supply.enable));
            let names: std::collections::BTreeSet<&str> = balls.iter().map(|pin| pin.ball).collect();
            assert_eq!(names.len(), balls.len(), "{}", board.name);
        }
    }
}
