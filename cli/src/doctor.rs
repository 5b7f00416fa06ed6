//! `segwalk doctor`: which tools are there.

use crate::output::{print_json, print_text, table};
use anyhow::Result;
use segwalk_fpga::{Check, State};

/// Say which tools are there, which versions, and what to do about the rest
#[derive(clap::Args)]
#[command(after_help = "Examples:
  segwalk doctor
  segwalk doctor --json

Exit status: 0 when nothing needed is missing, 1 when something is.")]
pub struct Args {
    /// Print nothing but JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command; false when a tool is missing that `make demo` or `make test` needs.
pub fn run(args: &Args) -> Result<bool> {
    let checks = segwalk_fpga::doctor();
    if args.json {
        print_json(&checks)?;
    } else {
        print_text(&render(&checks))?;
    }
    Ok(checks.iter().all(|check| check.state != State::Missing))
}

fn render(checks: &[Check]) -> String {
    let mut table = table(&["tool", "for", "state", "version", "needed", "what to do"], &[]);
    for check in checks {
        let state = match check.state {
            State::Good => "good",
            State::MissingOptional => "missing, optional",
            State::Missing => "MISSING",
        };
        let version = check.version.as_deref().unwrap_or("-");
        table.add_row([check.tool, check.purpose, state, version, &check.wanted, &check.advice]);
    }
    table.to_string()
}
