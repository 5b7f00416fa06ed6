//! The constraints of a board (LPF), made from its record.

use anyhow::{ensure, Context, Result};
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
    if let Some(pin) = board.light_feed {
        port("light_feed", pin);
    }
    if let Some(supply) = board.port_supply {
        for (ix, pin) in supply.pulses.iter().enumerate() {
            port(&format!("port_supply_pulse[{ix}]"), *pin);
        }
        port("port_supply_enable", supply.enable);
    }
    // The PLL's outputs are constrained by what this and its dividers give.
    writeln!(
        text,
        "FREQUENCY PORT \"clock_in\" {} MHZ;",
        board.pll.input_hz as f64 / 1e6
    )
    .expect("a string can be written");
    text
}

/// Counts the ports of module `top` of `verilog`, bit by bit; fails with the first that `lpf` does not give a ball and a
/// standard.
pub fn check_pins(verilog: &str, top: &str, lpf: &str) -> Result<usize> {
    let ports = verilog
        .split_once(&format!("module {top}("))
        .and_then(|(_, rest)| rest.split_once(");"))
        .map(|(ports, _)| ports)
        .with_context(|| format!("there is no module {top} in the design"))?;
    let mut count = 0;
    for port in ports.split(',') {
        let mut words = port.split_whitespace().skip(2);
        let first = words.next().unwrap_or_default();
        let names: Vec<String> = match (
            first.strip_prefix('[').and_then(|width| width.split_once(':')),
            words.next(),
        ) {
            (Some((top, _)), Some(name)) => {
                let top: usize = top.parse().context("a port's width is not a number")?;
                (0..=top).map(|bit| format!("{name}[{bit}]")).collect()
            }
            _ => vec![first.to_string()],
        };
        for name in names {
            for wanted in [
                format!("LOCATE COMP \"{name}\" SITE "),
                format!("IOBUF PORT \"{name}\" IO_TYPE="),
            ] {
                ensure!(
                    lpf.contains(&wanted),
                    "the pin {name} has no constraint; give it one in the board's record"
                );
            }
            count += 1;
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::repository;
    use segwalk_hdl::board::data::BOARDS;
    use segwalk_hdl::board::emit::{board_synthesis, BoardOptions, PADS};

    #[test]
    fn every_port_of_every_board_has_a_constraint() {
        for board in BOARDS {
            let design = board_synthesis(board, &BoardOptions::default()).unwrap();
            let text = lpf(board);
            let pins = check_pins(&design, PADS, &text).unwrap();
            assert_eq!(pins, text.matches("LOCATE").count(), "{}", board.name);
            let less = text.replace("LOCATE COMP \"eth_tx_data[2]\"", "");
            let error = check_pins(&design, PADS, &less).unwrap_err().to_string();
            assert!(error.contains("eth_tx_data[2] has no constraint"), "{error}");
        }
    }

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
