//! The `segwalk` command: a thin shell over the library crates, one file a subcommand.

mod bench;
mod bitstream;
mod board;
mod doctor;
mod link;
mod lint;
mod output;
mod record;
mod replay;
mod report;
mod rtl;
mod send;
mod synth;
mod walk;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Exit status when something differs or was found.
const DIFFERS: u8 = 1;
/// Exit status for bad usage and for everything else that went wrong.
const FAILED: u8 = 2;

/// Segwalk: a TSO transmit engine that fetches payload by virtual address.
#[derive(Parser)]
#[command(name = "segwalk", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Send(send::Args),
    Record(record::Args),
    Replay(replay::Args),
    Link(link::Args),
    Rtl(rtl::Args),
    Lint(lint::Args),
    Doctor(doctor::Args),
    Bench(bench::Args),
    Synth(synth::Args),
    Bitstream(bitstream::Args),
    Board(board::Args),
    Walk(walk::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Send(args) => send::run(&args),
        Command::Record(args) => record::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Link(args) => link::run(&args),
        Command::Rtl(args) => rtl::run(&args),
        Command::Lint(args) => lint::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Synth(args) => synth::run(&args),
        Command::Board(args) => board::run(&args),
        Command::Bitstream(args) => bitstream::run(&args),
        Command::Walk(args) => walk::run(&args),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(DIFFERS),
        Err(error) => {
            eprintln!("segwalk: {error:#}");
            ExitCode::from(FAILED)
        }
    }
}
