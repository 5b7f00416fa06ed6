//! `segwalk lint`: the kernel lint over the core and its sources.

use crate::output::{print_json, print_text, table};
use anyhow::Result;
use segwalk_hdl::emit::{core, CORE};
use segwalk_hdl::lint::{check_sources, inspect, Finding};
use serde::Serialize;
use std::path::PathBuf;

/// Sources of the hardware in the checkout that this command was built from.
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../hdl/src");

/// Check the core for what Rust-HDL accepts and Verilog understands differently
#[derive(clap::Args)]
#[command(after_help = "Examples:
  segwalk lint
  segwalk lint --json

Exit status: 0 when nothing was found, 1 when something was, 2 on other errors.")]
pub struct Args {
    /// Folder with the Rust sources of the hardware
    #[arg(long, value_name = "DIR", default_value = SOURCES, hide_default_value = true)]
    sources: PathBuf,
    /// Print nothing but JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct FindingRow {
    module: String,
    rule: &'static str,
    expression: String,
    message: String,
}

#[derive(Serialize)]
struct Report {
    findings: Vec<FindingRow>,
    modules_checked: usize,
    modules_in_verilog: usize,
}

impl From<Finding> for FindingRow {
    fn from(finding: Finding) -> Self {
        FindingRow {
            module: finding.module,
            rule: finding.rule.code(),
            expression: finding.expression,
            message: finding.message,
        }
    }
}

/// Runs the command; false when there are findings.
pub fn run(args: &Args) -> Result<bool> {
    let kernels = inspect(&core(), CORE);
    let sources = check_sources(&args.sources)?;
    let report = Report {
        findings: kernels
            .findings
            .into_iter()
            .chain(sources)
            .map(FindingRow::from)
            .collect(),
        modules_checked: kernels.checked.len(),
        modules_in_verilog: kernels.skipped.len(),
    };
    if args.json {
        print_json(&report)?;
    } else {
        print_text(&render(&report))?;
    }
    Ok(report.findings.is_empty())
}

fn render(report: &Report) -> String {
    let looked_at = format!(
        "{} modules checked, {} registers and memories with a body in Verilog left out",
        report.modules_checked, report.modules_in_verilog
    );
    if report.findings.is_empty() {
        return format!("no findings; {looked_at}");
    }
    let mut table = table(&["where", "rule", "expression", "what to do"], &[]);
    for row in &report.findings {
        table.add_row([&row.module, row.rule, &row.expression, &row.message]);
    }
    format!("{table}\n{} findings; {looked_at}", report.findings.len())
}
