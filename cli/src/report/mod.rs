//! The report of `segwalk bench --report`: everything measured, on one page that needs no network.

mod charts;
mod page;

use crate::bench::measure;
use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use segwalk_fpga::place::TARGET_MHZ;
use segwalk_fpga::{median_mhz, place, results_folder, synth, Placement, SynthReport};
use segwalk_hdl::emit::{core_verilog, CORE};
use segwalk_sim::bench::{matrix, sweep, Figure};
use serde::Deserialize;
use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

/// Speed grades, and the clock that each is to reach in MHz.
const GRADES: [(u32, f64); 2] = [(8, TARGET_MHZ), (6, 125.0)];
/// What the whole core may take: LUT4 and block RAMs.
const AREA_AIM: (u64, u64) = (10_000, 40);

/// All that the page shows.
struct Measured {
    matrix: Vec<Figure>,
    sweep: Vec<Figure>,
    synth: SynthReport,
    grades: Vec<Grade>,
    speeds: Vec<Speed>,
}

/// The core at one speed grade.
struct Grade {
    grade: u32,
    aim_mhz: f64,
    placements: Vec<Placement>,
}

impl Grade {
    fn median_mhz(&self) -> f64 {
        median_mhz(&self.placements).unwrap_or(0.0)
    }

    /// Of the placement with the median clock.
    fn critical_path(&self) -> &[String] {
        let median = self.median_mhz();
        let placement = self.placements.iter().find(|placement| placement.fmax_mhz == median);
        placement.map_or(&[], |placement| &placement.critical_path)
    }
}

/// Million simulated clocks a CPU second, as `cargo bench -p segwalk-sim` leaves them.
#[derive(Deserialize)]
struct Speed {
    name: String,
    checked: f64,
    unchecked: f64,
    cpp: f64,
}

/// Measures everything, with so many placements at each speed grade, and writes the page; gives the figures of matrix and
/// sweep.
pub fn write(path: &Path, seeds: u32) -> Result<Vec<Figure>> {
    let (matrix, sweep) = (measure(&matrix())?, measure(&sweep())?);
    let verilog = core_verilog()?;
    let synth = synth(&verilog, CORE)?;
    let measured = Measured {
        matrix,
        sweep,
        synth,
        grades: place_all(&verilog, seeds)?,
        speeds: speeds()?,
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    std::fs::write(path, page::page(&measured)?).with_context(|| {
        format!(
            "cannot write {}; give --report a file that can be written",
            path.display()
        )
    })?;
    Ok([measured.matrix, measured.sweep].concat())
}

fn place_all(verilog: &str, seeds: u32) -> Result<Vec<Grade>> {
    if seeds == 0 {
        return Ok(Vec::new());
    }
    let bar = match std::io::stderr().is_terminal() {
        true => ProgressBar::new(u64::from(seeds) * GRADES.len() as u64),
        false => ProgressBar::hidden(),
    };
    bar.set_style(ProgressStyle::with_template(
        "placing {bar:30} {pos} of {len} seeds, {elapsed}",
    )?);
    bar.enable_steady_tick(Duration::from_millis(250));
    let grades = GRADES.iter().map(|(grade, aim_mhz)| {
        Ok(Grade {
            grade: *grade,
            aim_mhz: *aim_mhz,
            placements: place(verilog, CORE, *grade, seeds, &|_| bar.inc(1))?,
        })
    });
    let grades = grades.collect();
    bar.finish_and_clear();
    grades
}

fn speeds() -> Result<Vec<Speed>> {
    let path = results_folder().join("../tmp/harness_speed.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("segwalk: the report has no simulation speed; run cargo bench -p segwalk-sim before it.");
        return Ok(Vec::new());
    };
    serde_json::from_str(&text).with_context(|| format!("{} has another form than expected", path.display()))
}
#[cfg(test)]
mod tests {
    use super::*;
    use segwalk_fpga::cells::{Cells, ModuleCells};
    use segwalk_sim::bench::Unit;
    use segwalk_sim::core_bench::ClockCounts;

    fn figure(name: &str, value: f64) -> Figure {
        Figure {
            name: name.into(),
            value,
            unit: Unit::BeatsPerClock,
            bound: 1.0,
            aim: Some(0.98),
            counts: ClockCounts {
                output: 97,
                payload: 3,
                ..ClockCounts::default()
            },
            chains: 32,
            walks_per_chain: 3.0,
            simulated_clocks: 1000,
            cpu_time: Duration::from_millis(5),
        }
    }

    #[test]
    fn the_page_holds_everything_and_asks_for_nothing() {
        let placement = |seed, fmax_mhz| Placement {
            seed,
            fmax_mhz,
            critical_path: vec!["0.58 ns mmu.hit".into()],
        };
        let cells = Cells {
            lut4: 7000,
            block_rams: 41,
            ..Cells::default()
        };
        let path = "mmu".to_string();
        let page = page::page(&Measured {
            matrix: vec![figure("bulk_l50", 0.97)],
            sweep: vec![figure("sweep_mss64_l0", 0.9)],
            synth: SynthReport {
                top: CORE.into(),
                yosys: "Yosys 0.70 (git)".into(),
                total: cells,
                modules: vec![ModuleCells { path, cells }],
                warnings: vec![],
            },
            grades: vec![Grade {
                grade: 8,
                aim_mhz: 156.25,
                placements: vec![placement(1, 150.0), placement(2, 157.0), placement(3, 158.0)],
            }],
            speeds: vec![Speed {
                name: "core".into(),
                checked: 0.4,
                unchecked: 0.5,
                cpp: 0.5,
            }],
        })
        .unwrap();
        for part in [
            "bulk_l50",
            "0.9700",
            "0.9000",
            "157.00 MHz",
            "41 block RAMs",
            "mmu.hit",
            "0.80",
            "prefers-color-scheme",
        ] {
            assert!(page.contains(part), "{part} is not in the page");
        }
        assert_eq!(page.matches("<svg").count(), 6);
        for outside in ["src=", "href=", "url(", "@import"] {
            assert!(!page.contains(outside), "{outside} is in the page");
        }
    }
}
