//! `segwalk bitstream`: a board's bitstream.

use crate::output::{print_json, print_text, table};
use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use segwalk_fpga::tools::{repository, LOADER};
use segwalk_fpga::{bitstream, lpf, program, BitstreamReport};
use segwalk_hdl::board::data::{Board, BOARDS};
use segwalk_hdl::board::emit::BoardOptions;
use segwalk_model::bridge::BAUD;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

/// Build the bitstream of a board: engine, memory, bridge and Ethernet transmitter
#[derive(clap::Args)]
#[command(after_help = "Examples:
  segwalk bitstream --board colorlight-i5
  segwalk bitstream --board ecpix5 --out build --json
  segwalk bitstream --board versa --program

Fails when a clock does not meet its constraint, a pin has none, a signal became a latch, or block RAM is where it should
not be. What was built before is taken from target/synth.")]
pub struct Args {
    /// Board
    #[arg(long, value_parser = board)]
    board: &'static Board,
    /// Folder for NAME.bit; made if it is not there
    #[arg(long, value_name = "DIR", default_value = "out/boards")]
    out: PathBuf,
    /// Bits a second of the UART
    #[arg(long, default_value_t = BAUD)]
    baud: u32,
    /// Placements to try until every clock meets its constraint
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=100))]
    seeds: u32,
    /// Then load it into the board with openFPGALoader
    #[arg(long)]
    program: bool,
    /// With --program: openFPGALoader's name of the cable, where it is not the board's own
    #[arg(long, value_name = "NAME", requires = "program")]
    cable: Option<String>,
    /// Only write constraints/NAME.lpf from the board's record
    #[arg(long)]
    constraints: bool,
    /// Print nothing but JSON
    #[arg(long)]
    json: bool,
}

/// The board with this name, or a sentence with the names there are.
pub fn board(name: &str) -> Result<&'static Board, String> {
    let names: Vec<&str> = BOARDS.iter().map(|board| board.name).collect();
    Board::named(name).ok_or_else(|| format!("there is no board `{name}`; the boards are {}", names.join(", ")))
}

/// Runs the command.
pub fn run(args: &Args) -> Result<bool> {
    if args.constraints {
        let path = repository()
            .join("constraints")
            .join(format!("{}.lpf", args.board.name));
        std::fs::write(&path, lpf(args.board)).with_context(|| format!("cannot write {}", path.display()))?;
        print_text(&format!("{} written", path.display()))?;
        return Ok(true);
    }
    if args.program {
        // rather now than after minutes of placing
        LOADER.find()?;
    }
    let options = BoardOptions {
        baud: args.baud,
        ..BoardOptions::default()
    };
    let spinner = if std::io::stderr().is_terminal() {
        ProgressBar::new_spinner()
    } else {
        ProgressBar::hidden()
    };
    spinner.set_style(ProgressStyle::with_template("{spinner} {msg}, {elapsed}")?);
    spinner.enable_steady_tick(Duration::from_millis(250));
    let report = bitstream(args.board, &options, args.seeds, &args.out, &|step| {
        spinner.set_message(step.to_string());
    });
    spinner.finish_and_clear();
    let report = report?;
    if args.json {
        print_json(&report)?;
    } else {
        print_text(&text(args.board, &report))?;
    }
    if args.program {
        program(args.board, &report.bitstream, args.cable.as_deref())?;
    }
    Ok(true)
}

fn text(board: &Board, report: &BitstreamReport) -> String {
    let total = &report.synth.total;
    let mut area = table(&["LUT4", "FF", "block RAM"], &[0, 1, 2]);
    area.add_row([total.lut4, total.flip_flops, total.block_rams].map(|count| count.to_string()));
    let mut clocks = table(&["clock", "needed MHz", "reached MHz"], &[1, 2]);
    for clock in &report.clocks {
        clocks.add_row([
            clock.name.clone(),
            format!("{:.2}", clock.constraint_mhz),
            format!("{:.2}", clock.fmax_mhz),
        ]);
    }
    let modules: Vec<String> = report
        .block_rams
        .iter()
        .map(|(path, count)| format!("{path} {count}"))
        .collect();
    format!(
        "{} ({}), seed {} of {} tried, {}\n{area}\n{clocks}\nblock RAM: {}\n{} pins, each with a constraint; no latch\n{}: {} bytes",
        board.title,
        board.part,
        report.seed,
        report.seeds_tried,
        report.tools.join(", "),
        modules.join(", "),
        report.pins,
        report.bitstream.display(),
        report.bitstream_bytes
    )
}
