//! `segwalk bench`: how fast the core is, in clocks.

mod records;

use crate::output::{print_json, print_text, table, Progress};
use anyhow::{bail, Context, Result};
use records::Records;
use segwalk_hdl::emit::{core_verilog, CORE};
use segwalk_sim::bench::{self, matrix, sweep, Case, Figure};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;

/// Measure the emitted Verilog: beats a clock, clocks a frame, where the clocks went; every byte is checked
#[derive(clap::Args)]
#[command(after_help = "Examples:
  segwalk bench
  segwalk bench --only bulk_l200
  segwalk bench --only matrix --json
  segwalk bench --report out/report/index.html
  segwalk bench --check

Exit status: 0 when every byte is right, 1 when --check finds that something got worse, 2 on other errors.")]
pub struct Args {
    /// One case by name, or all of `matrix` or `sweep` (MSS 64 to 9000, latency 0 to 1000)
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Measure everything, area and clock too, and write it to this HTML page; takes minutes
    #[arg(long, value_name = "FILE", conflicts_with = "only")]
    report: Option<PathBuf>,
    /// Hold the cases with a name of their own, and the area of the core, against the records
    #[arg(long, conflicts_with_all = ["only", "report"])]
    check: bool,
    /// Measure the same and make it the records
    #[arg(long, conflicts_with_all = ["only", "report", "check"])]
    record: bool,
    /// Placements of the core at each speed grade in the report
    #[arg(long, value_name = "N", default_value_t = 3, requires = "report", value_parser = clap::value_parser!(u32).range(0..=100))]
    seeds: u32,
    /// Print nothing but JSON
    #[arg(long)]
    json: bool,
}

/// What `--json` prints of a case.
#[derive(Serialize)]
struct Row {
    value: f64,
    unit: &'static str,
    bound: f64,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<bool> {
    if args.check || args.record {
        return guard(args.record);
    }
    let figures = match &args.report {
        Some(path) => crate::report::write(path, args.seeds)?,
        None => measure(&select(args.only.as_deref())?)?,
    };
    if args.json {
        let rows = figures.iter().map(|figure| {
            let row = Row {
                value: rounded(figure.value),
                unit: figure.unit.name(),
                bound: rounded(figure.bound),
            };
            (figure.name.as_str(), row)
        });
        print_json(&rows.collect::<BTreeMap<_, _>>())?;
    } else {
        print_text(&render(&figures))?;
    }
    Ok(true)
}

/// Measures what has records, and writes them or holds it against them; false when something got worse.
fn guard(record: bool) -> Result<bool> {
    let verilog = core_verilog()?;
    let (figures, synth) = std::thread::scope(|scope| {
        let synth = scope.spawn(|| segwalk_fpga::synth(&verilog, CORE));
        let figures = measure(&matrix());
        let synth = synth.join().unwrap_or_else(|_| bail!("synthesis ended in a panic"));
        (figures, synth)
    });
    let (figures, synth) = (figures?, synth?);
    if record {
        Records::of(&figures, &synth).write()?;
        print_text(&format!("{} holds what was measured now", Records::path().display()))?;
        return Ok(true);
    }
    let (table, good) = Records::read()?.compare(&figures, &synth)?;
    print_text(&table)?;
    if !good {
        eprintln!(
            "segwalk: the core got slower by more than 1 % or larger by more than 3 %: correct it, or make record when it is meant."
        );
    }
    Ok(good)
}

/// The cases of a name: all without one.
fn select(only: Option<&str>) -> Result<Vec<Case>> {
    let all = [matrix(), sweep()].concat();
    let cases: Vec<Case> = match only {
        None => all,
        Some("matrix") => matrix(),
        Some("sweep") => sweep(),
        Some(name) => all.into_iter().filter(|case| case.name == name).collect(),
    };
    if cases.is_empty() {
        let names: Vec<String> = matrix().into_iter().map(|case| case.name).collect();
        bail!(
            "there is no case {}; give matrix, sweep, or one of {}",
            only.unwrap_or_default(),
            names.join(", ")
        );
    }
    Ok(cases)
}

/// Runs cases, one on each processor at a time; figures are in the order of the cases.
pub fn measure(cases: &[Case]) -> Result<Vec<Figure>> {
    // the model is built once, before all threads ask for it
    segwalk_sim::core::model(false)?;
    let progress = Mutex::new((Progress::counting("cases"), 0));
    let next = Mutex::new(cases.iter().enumerate());
    let figures = Mutex::new(vec![None; cases.len()]);
    let worker = || -> Result<()> {
        loop {
            let case = next.lock().ok().and_then(|mut next| next.next());
            let Some((at, case)) = case else { return Ok(()) };
            let figure = bench::run(case)?;
            if let Ok(mut figures) = figures.lock() {
                figures[at] = Some(figure);
            }
            if let Ok(mut progress) = progress.lock() {
                progress.1 += 1;
                let done = progress.1;
                progress.0.show(done, cases.len() as u64);
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get());
    let results: Vec<Result<()>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        let results = workers.into_iter();
        results
            .map(|worker| worker.join().unwrap_or_else(|_| bail!("a case ended in a panic")))
            .collect()
    });
    if let Ok((progress, _)) = progress.into_inner() {
        progress.finish();
    }
    results.into_iter().collect::<Result<()>>()?;
    let figures = figures.into_inner().unwrap_or_default();
    figures
        .into_iter()
        .collect::<Option<Vec<_>>>()
        .context("a case has no figure")
}

/// Four digits behind the point: what a table shows and a record keeps.
pub fn rounded(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

fn render(figures: &[Figure]) -> String {
    let mut titles = vec!["case", "value", "aim", "bound", "unit"];
    let waits = figures.first().map(|figure| figure.counts.named()).unwrap_or_default();
    titles.extend(waits.iter().map(|(name, _)| *name));
    let mut table = table(&titles, &[1, 2, 3, 5, 6, 7, 8, 9, 10]);
    for figure in figures {
        let mut row = vec![
            figure.name.clone(),
            format!("{:.4}", figure.value),
            figure.aim.map_or(String::new(), |aim| aim.to_string()),
            format!("{:.4}", figure.bound),
            figure.unit.name().to_string(),
        ];
        row.extend(shares(figure).map(|(_, share)| format!("{:.1} %", 100.0 * share)));
        table.add_row(row);
    }
    format!("{table}\nfrom output on: share of the clocks in which a beat left, or what it waited for")
}

/// Whether a figure reaches its aim, where it has one.
pub fn meets(figure: &Figure) -> Option<bool> {
    let aim = figure.aim?;
    Some(match figure.unit.more_is_better() {
        true => figure.value >= aim,
        false => figure.value <= aim,
    })
}

/// Where the clocks of a figure went, as shares.
pub fn shares(figure: &Figure) -> impl Iterator<Item = (&'static str, f64)> {
    let all = figure.counts.clocks().max(1) as f64;
    figure
        .counts
        .named()
        .into_iter()
        .map(move |(name, clocks)| (name, clocks as f64 / all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_found_by_name() {
        assert_eq!(select(Some("bulk_l50")).unwrap().len(), 1);
        assert_eq!(
            select(None).unwrap().len(),
            select(Some("matrix")).unwrap().len() + sweep().len()
        );
        let refused = select(Some("bulk")).unwrap_err().to_string();
        assert!(
            refused.starts_with("there is no case bulk; give matrix, sweep, or one of bulk_l50"),
            "{refused}"
        );
    }
}
