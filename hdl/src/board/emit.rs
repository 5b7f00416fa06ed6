//! Verilog of a board: the top in Rust-HDL, and around it the text of the pads, which Rust-HDL has no words for.

use super::cells::SIMULATION;
use super::data::Board;
use super::port_supply::PortSupply;
use super::top::BoardTop;
use anyhow::{ensure, Result};
use segwalk_model::bridge::BAUD;

/// Module of the board without its pads; what is simulated.
pub const BOARD: &str = "segwalk_board";
/// Module with the pads; what is synthesised.
pub const PADS: &str = "segwalk_pads";
/// Module of the connectors' supply, where a board needs it.
const SUPPLY: &str = "segwalk_port_supply";

/// What a user of the generator chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoardOptions {
    /// Bits a second to the PC.
    pub baud: u32,
    /// Milliseconds that the PHY is held in reset, and left alone behind it.
    pub phy_reset_ms: u64,
}

impl Default for BoardOptions {
    fn default() -> Self {
        Self {
            baud: BAUD,
            phy_reset_ms: super::control::PHY_RESET_MS,
        }
    }
}

impl BoardOptions {
    /// Says what cannot be built for `board`, and what can.
    pub fn check(&self, board: &Board) -> Result<()> {
        let most = board.pll.core_hz() / 8;
        ensure!(
            (1200..=most).contains(&u64::from(self.baud)),
            "{} bits a second cannot be built on {}; ask for 1200 to {most}",
            self.baud,
            board.title
        );
        Ok(())
    }
}

const STACK_BYTES: usize = 256 << 20;

macro_rules! emit_as {
    ($board:expr, $options:expr, $a:literal, $a1:literal, $leds:literal) => {
        crate::emit::verilog(
            &mut BoardTop::<$a, $a1, $leds>::new($board, $options.baud, $options.phy_reset_ms),
            BOARD,
        )
    };
}

/// Module [`BOARD`] and all below it; vendor cells are not in it.
pub fn board_verilog(board: &Board, options: &BoardOptions) -> Result<String> {
    options.check(board)?;
    // The whole board is one value, too large for the stack of a test's thread.
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, || emit_board(board, options))?
            .join()
            .map_err(|_| anyhow::anyhow!("the emitter of {} panicked; its message is above", board.title))?
    })
}

fn emit_board(board: &Board, options: &BoardOptions) -> Result<String> {
    match (board.frame_words_log2, board.lights.len()) {
        (9, 1) => emit_as!(board, options, 9, 10, 1),
        (11, 1) => emit_as!(board, options, 11, 12, 1),
        (11, 3) => emit_as!(board, options, 11, 12, 3),
        (words, lights) => {
            anyhow::bail!("a queue of 2^{words} words with {lights} lights is not built; add the pair to board_verilog")
        }
    }
}

/// [`board_verilog`] with a simulator's models of the vendor cells.
pub fn board_simulation(board: &Board, options: &BoardOptions) -> Result<String> {
    Ok(board_verilog(board, options)? + SIMULATION)
}

/// [`board_verilog`] and the module [`PADS`] around it, for synthesis.
pub fn board_synthesis(board: &Board, options: &BoardOptions) -> Result<String> {
    let lights = board.lights.len();
    let invert = if board.lights_active_low { "~" } else { "" };
    let (mut ports, mut body, mut more) = (String::new(), String::new(), String::new());
    if board.light_feed.is_some() {
        ports += ",\n    output wire light_feed";
        body += "    assign light_feed = 1'b1;\n";
    }
    if board.port_supply.is_some() {
        ports += ",\n    output wire [1:0] port_supply_pulse, output wire port_supply_enable";
        body += &format!(
            "    wire pulse;
    {SUPPLY} supply(.clock(clock_in), .pulse(pulse), .enable(port_supply_enable));
    assign port_supply_pulse = {{pulse, pulse}};
"
        );
        more = crate::emit::verilog(&mut PortSupply::default(), SUPPLY)?;
    }
    let pads = format!(
        "
module {PADS}(
    input wire clock_in, input wire reset_n, input wire uart_rx, output wire uart_tx,
    output wire [{top}:0] lights, output wire eth_tx_clk, output wire eth_tx_ctl, output wire [3:0] eth_tx_data,
    output wire eth_reset_n, output wire eth_mdc, inout wire eth_mdio{ports}
);
    wire [{top}:0] on;
    wire mdio_out, mdio_drive, mdio_in;
    {BOARD} board(
        .clock_in(clock_in), .reset_n(reset_n), .uart_rx(uart_rx), .uart_tx(uart_tx), .lights(on),
        .eth_tx_clk(eth_tx_clk), .eth_tx_ctl(eth_tx_ctl), .eth_tx_data(eth_tx_data), .eth_reset_n(eth_reset_n),
        .eth_mdc(eth_mdc), .eth_mdio_out(mdio_out), .eth_mdio_drive(mdio_drive), .eth_mdio_in(mdio_in)
    );
    BB pad_mdio(.I(mdio_out), .T(~mdio_drive), .O(mdio_in), .B(eth_mdio));
    assign lights = {invert}on;
{body}endmodule
",
        top = lights - 1
    );
    Ok(board_verilog(board, options)? + &more + &pads)
}

#[cfg(test)]
mod tests {
    use super::super::data::BOARDS;
    use super::*;

    #[test]
    fn every_board_is_emitted_with_its_pads() {
        for board in BOARDS {
            let text = board_synthesis(board, &BoardOptions::default()).unwrap();
            assert!(text.contains(&format!("module {BOARD}(")) && text.contains(&format!("module {PADS}(")));
        }
    }

    #[test]
    fn a_baud_rate_that_cannot_be_built_is_refused() {
        let options = BoardOptions {
            baud: 100_000_000,
            ..Default::default()
        };
        let error = board_verilog(&BOARDS[0], &options).unwrap_err().to_string();
        assert!(error.contains("ask for 1200 to 15625000"), "{error}");
    }
}
