//! The constraints of a board (LPF), made from its record.

use segwalk_hdl::board::data::{Board, Pin};
use std::fmt::Write as _;

/// The text of `constraints/NAME.lpf`.
pub fn lpf(board: &Board) -> String {
    let mut text = format!(
        "# {}, {} in {}, speed grade {}.\n# Made by `segwalk bitstream --board {} --constraints`; change hdl/src/board/data.rs instead.\n",
        board.title, board.part, board.package, board.speed, board.name
    );
    let mut port = |name: &str, pin: Pin| {
        writeln!(text, "LOCATE COMP \"{name}\" SITE \"{}\";", pin.ball).expect("a string can be written");
        let attributes = if pin.attributes.is_empty() {
            String::new()
        } else {
            format!(" {}", pin.attributes)
        };
        writeln!(text, "IOBUF PORT \"{name}\" IO_TYPE={}{attributes};", pin.standard).expect("a string can be written");
    };
    port("clock_in", board.clock);
    port("reset_n", board.reset_n);
    port("uart_rx", board.uart_rx);
    port("uart_tx", board.uart_tx);
    for (ix, pin) in board.lights.iter().enumerate() {
        port(&format!("lights[{ix}]"), *pin);
    }
    port("eth_tx_clk", board.phy.tx_clk);
    port("eth_tx_ctl", board.phy.tx_ctl);
    for (ix, pin) in board.phy.tx_data.iter().enumerate() {
        port(&format!("eth_tx_data[{ix}]"), *pin);
    }
    port("eth_reset_n", board.phy.reset_n);
    port("eth_mdc", board.phy.mdc);
    port("eth_mdio", board.phy.mdio);
    // The PLL's outputs are constrained by what this and its dividers give.
    writeln!(
        text,
        "FREQUENCY PORT \"clock_in\" {} MHZ;",
        board.pll.input_hz as f64 / 1e6
    )
    .expect("a string can be written");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::repository;
    use segwalk_hdl::board::data::BOARDS;

    #[test]
    fn the_checked_in_constraints_are_those_of_the_records() {
        for board in BOARDS {
            let path = repository().join("constraints").join(format!("{}.lpf", board.name));
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(
                text == lpf(board),
                "{} differs from the board's record: run `segwalk bitstream --board {} --constraints`",
                path.display(),
                board.name
            );
        }
    }
}
