//! From a board's record to its bitstream: Verilog, Yosys, nextpnr, ecppack.

use crate::constraints::lpf;
use crate::place::{run, version};
use crate::synth::{results_folder, synth, SynthReport};
use crate::tools;
use anyhow::{bail, Context, Result};
use segwalk_hdl::board::data::Board;
use segwalk_hdl::board::emit::{board_synthesis, BoardOptions, PADS};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A clock of the design.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClockReport {
    /// What it clocks.
    pub name: String,
    /// What it must reach.
    pub constraint_mhz: f64,
    /// What it reaches.
    pub fmax_mhz: f64,
}

/// A bitstream and how it came out.
#[derive(Clone, Debug, Serialize)]
pub struct BitstreamReport {
    /// Board.
    pub board: &'static str,
    /// The file.
    pub bitstream: PathBuf,
    /// Its size.
    pub bitstream_bytes: u64,
    /// nextpnr's seed that met the constraints.
    pub seed: u32,
    /// Seeds tried.
    pub seeds_tried: u32,
    /// Every clock.
    pub clocks: Vec<ClockReport>,
    /// Versions of Yosys, nextpnr and ecppack.
    pub tools: [String; 3],
    /// Cells.
    pub synth: SynthReport,
}

/// Builds the bitstream of `board` into `folder` as `NAME.bit`. Placements are tried from seed 1 on until every clock meets
/// its constraint, at most `seeds` of them; when none does, that is an error which names the clock that came closest.
/// `progress` is told what is going on.
pub fn bitstream(
    board: &'static Board,
    options: &BoardOptions,
    seeds: u32,
    folder: &Path,
    progress: &dyn Fn(&str),
) -> Result<BitstreamReport> {
    let (yosys, nextpnr, ecppack) = (tools::YOSYS.find()?, tools::NEXTPNR.find()?, tools::ECPPACK.find()?);
    progress("writing Verilog");
    let design = board_synthesis(board, options)?;
    let constraints = lpf(board);
    let tools = [version(&yosys)?, version(&nextpnr)?, version(&ecppack)?];
    let mut hash = Sha256::new();
    for part in [&design, &constraints, &tools.concat()] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    progress("counting cells");
    let cells = synth(&design, PADS)?;
    let work = results_folder().join(&hex::encode(hash.finalize())[..24]);
    std::fs::create_dir_all(&work).with_context(|| format!("cannot make the folder {}", work.display()))?;
    let write = |name: &str, text: &str| {
        std::fs::write(work.join(name), text).with_context(|| format!("cannot write to the folder {}", work.display()))
    };
    write("design.v", &design)?;
    write("board.lpf", &constraints)?;
    if !work.join("netlist.json").exists() {
        progress("synthesising");
        let script = format!("read_verilog design.v; synth_ecp5 -top {PADS} -json netlist.part");
        run(&yosys, &work, &["-q", "-p", &script], "yosys.log")?;
        std::fs::rename(work.join("netlist.part"), work.join("netlist.json"))
            .context("Yosys did not write a netlist")?;
    }
    let mut best: Option<Vec<ClockReport>> = None;
    for seed in 1..=seeds {
        let (config, report) = (format!("seed{seed}.config"), format!("seed{seed}.json"));
        if !work.join(&report).exists() {
            progress(&format!("placing, seed {seed} of at most {seeds}"));
            let (speed, seed) = (board.speed.to_string(), seed.to_string());
            let arguments = [
                board.die,
                "--package",
                board.package,
                "--speed",
                &speed,
                "--seed",
                &seed,
                "--json",
                "netlist.json",
                "--lpf",
                "board.lpf",
                "--textcfg",
                &config,
                "--report",
                "report.part",
                "--timing-allow-fail",
                "-q",
            ];
            run(&nextpnr, &work, &arguments, &format!("seed{seed}.log"))?;
            std::fs::rename(work.join("report.part"), work.join(&report)).context("nextpnr did not write a report")?;
        }
        let clocks = read_clocks(&std::fs::read_to_string(work.join(&report))?)?;
        if clocks.iter().all(|clock| clock.fmax_mhz >= clock.constraint_mhz) {
            progress("packing");
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
            run(
                &ecppack,
                &work,
                &["--compress", "--input", &config, "--bit", "board.bit"],
                "ecppack.log",
            )?;
            let bitstream = folder.join(format!("{}.bit", board.name));
            let bitstream_bytes = std::fs::copy(work.join("board.bit"), &bitstream)
                .with_context(|| format!("cannot write {}", bitstream.display()))?;
            return Ok(BitstreamReport {
                board: board.name,
                bitstream,
                bitstream_bytes,
                seed,
                seeds_tried: seed,
                clocks,
                tools,
                synth: cells,
            });
        }
        if best.as_ref().is_none_or(|best| worst(&clocks) > worst(best)) {
            best = Some(clocks);
        }
    }
    let missed: Vec<String> = best
        .iter()
        .flatten()
        .filter(|clock| clock.fmax_mhz < clock.constraint_mhz)
        .map(|clock| {
            format!(
                "{} reaches {:.1} MHz where {:.1} are needed",
                clock.name, clock.fmax_mhz, clock.constraint_mhz
            )
        })
        .collect();
    bail!(
        "no placement of {} in {seeds} meets its clocks; in the best one {}. Try more --seeds",
        board.title,
        missed.join(", ")
    )
}

/// The share of its constraint that the slowest clock reaches.
fn worst(clocks: &[ClockReport]) -> f64 {
    clocks
        .iter()
        .map(|clock| clock.fmax_mhz / clock.constraint_mhz)
        .fold(f64::INFINITY, f64::min)
}

#[derive(Deserialize)]
struct Report {
    fmax: BTreeMap<String, Fmax>,
}

#[derive(Deserialize)]
struct Fmax {
    achieved: f64,
    constraint: f64,
}

fn read_clocks(text: &str) -> Result<Vec<ClockReport>> {
    let report: Report = serde_json::from_str(text).context("nextpnr's report has another form than expected")?;
    if report.fmax.is_empty() {
        bail!("nextpnr found no clock in the design");
    }
    Ok(report
        .fmax
        .into_iter()
        .map(|(name, fmax)| ClockReport {
            name: match () {
                () if name.contains("tx_clock") => "Ethernet".into(),
                () if name.contains("core_clock") => "core".into(),
                () => name,
            },
            constraint_mhz: fmax.constraint,
            fmax_mhz: fmax.achieved,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_read_and_the_slowest_decides() {
        let text = r#"{"fmax": {"$glbnet$board.pll.core_clock": {"achieved": 130.0, "constraint": 125.0},
            "$glbnet$board.pll.tx_clock": {"achieved": 120.0, "constraint": 125.0}}}"#;
        let clocks = read_clocks(text).unwrap();
        assert_eq!(clocks[0].name, "core");
        assert_eq!(clocks[1].name, "Ethernet");
        assert!((worst(&clocks) - 0.96).abs() < 1e-9);
        assert!(read_clocks(r#"{"fmax": {}}"#).is_err());
    }
}
