//! From a board's record to its bitstream: Verilog, Yosys, nextpnr, ecppack.

use crate::cells::ModuleCells;
use crate::constraints::{check_pins, lpf};
use crate::place::{keep_netlist, run, version, FLOW, TIMING_WEIGHT};
use crate::synth::{results_folder, synth_netlist, SynthReport};
use crate::tools;
use anyhow::{bail, ensure, Context, Result};
use segwalk_hdl::board::data::Board;
use segwalk_hdl::board::emit::{board_synthesis, BoardOptions, BOARD, PADS};
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
    /// Cells. None of them is a latch: that is an error.
    pub synth: SynthReport,
    /// Pins, each with a ball and a standard.
    pub pins: usize,
    /// Block RAMs by the module that they are meant for; anything else is an error.
    pub block_rams: BTreeMap<String, u64>,
}

/// Modules that are meant to have block RAM.
const BLOCK_RAM_MODULES: [&str; 8] = [
    "bridge.receiver",
    "core.fetcher",
    "core.mmu",
    "core.reader",
    "core.registers",
    "core.tso",
    "ethernet.queue",
    "memory",
];
/// Bytes of the board's memory in a block RAM.
const BLOCK_RAM_BYTES: u64 = 2048;

/// Where block RAM is, if it is where it should be and the memory has what it needs.
fn block_rams(board: &Board, cells: &SynthReport) -> Result<BTreeMap<String, u64>> {
    let mut found = BTreeMap::new();
    for module in cells.modules.iter().filter(|module| !module.path.is_empty()) {
        // what no module below it has
        let below = |other: &&ModuleCells| other.path.rsplit_once('.').is_some_and(|(up, _)| up == module.path);
        let parts: u64 = cells
            .modules
            .iter()
            .filter(below)
            .map(|other| other.cells.block_rams)
            .sum();
        let own = module.cells.block_rams.saturating_sub(parts);
        if own > 0 {
            ensure!(
                BLOCK_RAM_MODULES.contains(&module.path.as_str()),
                "{} became {own} block RAMs and should have none",
                module.path
            );
            found.insert(module.path.clone(), own);
        }
    }
    let memory = found.get("memory").copied().unwrap_or(0);
    let wanted = u64::from(board.memory_bytes) / BLOCK_RAM_BYTES;
    ensure!(
        memory == wanted,
        "the memory of {} bytes became {memory} block RAMs where {wanted} are enough",
        board.memory_bytes
    );
    let sum: u64 = found.values().sum();
    ensure!(
        sum == cells.total.block_rams,
        "{} block RAMs are in the design, {sum} in the modules that should have them",
        cells.total.block_rams
    );
    Ok(found)
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
    for part in [&design, &constraints, &tools.concat(), &TIMING_WEIGHT.concat(), FLOW] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let pins = check_pins(&design, PADS, &constraints)?;
    progress("synthesising");
    let (cells, netlist) = synth_netlist(&design, PADS, BOARD)?;
    let block_rams = block_rams(board, &cells)?;
    let work = results_folder().join(&hex::encode(hash.finalize())[..24]);
    std::fs::create_dir_all(&work).with_context(|| format!("cannot make the folder {}", work.display()))?;
    let write = |name: &str, text: &str| {
        std::fs::write(work.join(name), text).with_context(|| format!("cannot write to the folder {}", work.display()))
    };
    write("board.lpf", &constraints)?;
    if !work.join("netlist.json").exists() {
        // the wheels see nothing outside the folder that they run in
        keep_netlist(&netlist, &work.join("netlist.json"))?;
    }
    let names = clock_names(&std::fs::read_to_string(work.join("netlist.json"))?)?;
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
                TIMING_WEIGHT[0],
                TIMING_WEIGHT[1],
            ];
            run(&nextpnr, &work, &arguments, &format!("seed{seed}.log"))?;
            std::fs::rename(work.join("report.part"), work.join(&report)).context("nextpnr did not write a report")?;
        }
        let clocks = read_clocks(&std::fs::read_to_string(work.join(&report))?, &names)?;
        check_clocks(board, &clocks)?;
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
                pins,
                block_rams,
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

/// Both of the PLL's clocks are constrained to what they are.
fn check_clocks(board: &Board, clocks: &[ClockReport]) -> Result<()> {
    for (name, hz) in [("core", board.pll.core_hz()), ("Ethernet", board.pll.tx_hz())] {
        let mhz = hz as f64 / 1e6;
        let constrained = clocks
            .iter()
            .any(|clock| clock.name == name && clock.constraint_mhz >= mhz * 0.9999);
        ensure!(constrained, "nextpnr did not hold the {name} clock to its {mhz} MHz");
    }
    Ok(())
}

/// Loads `bitstream` into `board` with openFPGALoader, which says on the terminal what it does. With `cable`, over that
/// cable and not as the board's record says.
pub fn program(board: &Board, bitstream: &Path, cable: Option<&str>) -> Result<()> {
    let loader = tools::LOADER.find()?;
    let mut arguments: Vec<&str> = board.loader.to_vec();
    if let Some(cable) = cable {
        arguments = vec!["--cable", cable];
    }
    let status = std::process::Command::new(&loader.path)
        .args(&arguments)
        .arg(bitstream)
        .status()
        .with_context(|| format!("cannot start {}", loader.path.display()))?;
    ensure!(
        status.success(),
        "openFPGALoader {} could not load {}; check the board's power and USB cable, that you may use it (udev rules, or sudo), \
         and with --cable another way to reach it",
        arguments.join(" "),
        bitstream.display()
    );
    Ok(())
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

/// The parts of Yosys' netlist that tell which net is which clock.
#[derive(Deserialize)]
struct Netlist {
    modules: BTreeMap<String, NetlistModule>,
}

#[derive(Deserialize)]
struct NetlistModule {
    #[serde(default)]
    cells: BTreeMap<String, NetlistCell>,
    #[serde(default)]
    netnames: BTreeMap<String, NetlistNet>,
}

#[derive(Deserialize)]
struct NetlistCell {
    r#type: String,
    connections: BTreeMap<String, Vec<serde_json::Value>>,
}

#[derive(Deserialize)]
struct NetlistNet {
    bits: Vec<serde_json::Value>,
}

/// A net has many names, and nextpnr reports any one of them: all names of the nets at the PLL's outputs.
fn clock_names(netlist: &str) -> Result<BTreeMap<String, &'static str>> {
    let netlist: Netlist = serde_json::from_str(netlist).context("the netlist of Yosys cannot be read")?;
    let mut names = BTreeMap::new();
    for module in netlist.modules.values() {
        let pll = module.cells.values().find(|cell| cell.r#type == "EHXPLLL");
        let Some(pll) = pll else { continue };
        for (port, name) in [("CLKI", "oscillator"), ("CLKOS", "Ethernet"), ("CLKOS2", "core")] {
            let Some(bits) = pll.connections.get(port) else {
                continue;
            };
            let nets = module.netnames.iter().filter(|(_, net)| net.bits == *bits);
            names.extend(nets.map(|(net, _)| (net.clone(), name)));
        }
    }
    Ok(names)
}

fn read_clocks(text: &str, names: &BTreeMap<String, &'static str>) -> Result<Vec<ClockReport>> {
    let report: Report = serde_json::from_str(text).context("nextpnr's report has another form than expected")?;
    if report.fmax.is_empty() {
        bail!("nextpnr found no clock in the design");
    }
    Ok(report
        .fmax
        .into_iter()
        .map(|(name, fmax)| ClockReport {
            name: names
                .get(name.trim_start_matches("$glbnet$"))
                .map_or_else(|| name.clone(), ToString::to_string),
            constraint_mhz: fmax.constraint,
            fmax_mhz: fmax.achieved,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells::Cells;

    #[test]
    fn block_ram_is_refused_where_it_is_not_meant_to_be() {
        let module = |(path, block_rams): (&str, u64)| ModuleCells {
            path: path.into(),
            cells: Cells {
                block_rams,
                ..Cells::default()
            },
        };
        let report = |modules: &[(&str, u64)], total| SynthReport {
            top: PADS.into(),
            yosys: String::new(),
            total: module(("", total)).cells,
            modules: modules.iter().copied().map(module).collect(),
            warnings: vec![],
        };
        let board = Board::named("colorlight-i5").unwrap();
        let good = [
            ("", 42),
            ("core", 10),
            ("core.tso", 10),
            ("memory", 32),
            ("memory.beats", 0),
        ];
        let found = block_rams(board, &report(&good, 42)).unwrap();
        assert_eq!(
            found.into_iter().collect::<Vec<_>>(),
            [("core.tso".into(), 10), ("memory".into(), 32)]
        );
        let cases = [
            (
                vec![("memory", 33), ("memory.beats", 1)],
                33,
                "memory.beats became 1 block RAMs",
            ),
            (vec![("core", 3), ("memory", 32)], 35, "core became 3 block RAMs"),
            (vec![("memory", 64)], 64, "became 64 block RAMs where 32 are enough"),
            (
                vec![("memory", 32)],
                33,
                "33 block RAMs are in the design, 32 in the modules",
            ),
        ];
        for (modules, total, words) in cases {
            let error = block_rams(board, &report(&modules, total)).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn clocks_are_read_and_the_slowest_decides() {
        let text = r#"{"fmax": {"$glbnet$board.pll.core_clock": {"achieved": 130.0, "constraint": 125.0},
            "$glbnet$board.pll.tx_clock": {"achieved": 120.0, "constraint": 125.0}}}"#;
        let netlist = r#"{"modules": {"EHXPLLL": {}, "pads": {"cells": {"p": {"type": "EHXPLLL",
            "connections": {"CLKI": [2], "CLKOS": [7], "CLKOS2": [8]}}}, "netnames": {"board.pll.core_clock": {"bits": [8]},
            "board.pll.tx_clock": {"bits": [7]}, "other": {"bits": ["x", 9]}}}}}"#;
        let names = clock_names(netlist).unwrap();
        let clocks = read_clocks(text, &names).unwrap();
        assert_eq!(clocks[0].name, "core");
        assert_eq!(clocks[1].name, "Ethernet");
        assert!((worst(&clocks) - 0.96).abs() < 1e-9);
        let board = Board::named("ecpix5").unwrap();
        assert!(check_clocks(board, &clocks).is_ok());
        let error = check_clocks(board, &clocks[..1]).unwrap_err().to_string();
        assert!(error.contains("the Ethernet clock to its 125 MHz"), "{error}");
        assert!(read_clocks(r#"{"fmax": {}}"#, &names).is_err());
    }
}
