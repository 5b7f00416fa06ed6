//! Place and route for the ECP5 with nextpnr: how fast a module's clock may be.

use crate::boundary::{wrap, BOUNDARY};
use crate::output_registers;
use crate::synth::map_commands;
use crate::tools::{self, Found};
use anyhow::{bail, Context, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;

/// Clock that nextpnr is asked for: 64 bits at 156.25 MHz are 10 Gb/s.
pub const TARGET_MHZ: f64 = 156.25;

/// How much nextpnr's placer thinks of the slowest paths beside short wires; its own default is 10.
pub(crate) const TIMING_WEIGHT: [&str; 2] = ["--placer-heap-timingweight", "150"];

/// Goes into the names of kept results: what is done between Yosys and nextpnr.
pub(crate) const FLOW: &str = "block RAM output registers 1";

/// What a placement gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Placement {
    /// Seed of nextpnr.
    pub seed: u32,
    /// Fastest clock.
    pub fmax_mhz: f64,
    /// The slowest path: register, the signals on the way, register.
    pub critical_path: Vec<String>,
}

/// Places and routes module `top` of `verilog` between registers on an 85k part of `speed` grade 6, 7 or 8, once for each
/// of `seeds` seeds, two at a time. Results are kept in the target folder. `progress` is called after each seed.
pub fn place(
    verilog: &str,
    top: &str,
    speed: u32,
    seeds: u32,
    progress: &(dyn Fn(u32) + Sync),
) -> Result<Vec<Placement>> {
    if !(6..=8).contains(&speed) {
        bail!("the ECP5 has the speed grades 6, 7 and 8; {speed} is none of them");
    }
    let (yosys, nextpnr) = (tools::YOSYS.find()?, tools::NEXTPNR.find()?);
    let design = format!("{verilog}{}", wrap(verilog, top)?);
    let mut hash = Sha256::new();
    let map = map_commands(BOUNDARY, None);
    for part in [
        &design,
        &version(&yosys)?,
        &version(&nextpnr)?,
        &map,
        &TIMING_WEIGHT.concat(),
        FLOW,
    ] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let folder = crate::synth::results_folder().join(&hex::encode(hash.finalize())[..24]);
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    netlist(&yosys, &folder, &design)?;
    let next = Mutex::new(1..=seeds);
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                // the lock is let go before the body runs: the closure takes the guard
                while let Some(seed) = next.lock().ok().and_then(|mut seeds| seeds.next()) {
                    let result = place_seed(&nextpnr, &folder, speed, seed);
                    progress(seed);
                    if let Ok(mut results) = results.lock() {
                        results.push(result);
                    }
                }
            });
        }
    });
    let results = results.into_inner().unwrap_or_default();
    let mut placements = results.into_iter().collect::<Result<Vec<_>>>()?;
    placements.sort_by_key(|placement| placement.seed);
    Ok(placements)
}

/// The middle of the placements' clocks; of an even number the lower one.
pub fn median_mhz(placements: &[Placement]) -> Option<f64> {
    let mut clocks: Vec<f64> = placements.iter().map(|placement| placement.fmax_mhz).collect();
    clocks.sort_by(f64::total_cmp);
    clocks.get(clocks.len().checked_sub(1)? / 2).copied()
}

/// Makes `netlist.json` unless it is there.
fn netlist(yosys: &Found, folder: &Path, design: &str) -> Result<()> {
    let netlist = folder.join("netlist.json");
    if netlist.exists() {
        return Ok(());
    }
    std::fs::write(folder.join("design.v"), design)
        .with_context(|| format!("cannot write to the folder {}", folder.display()))?;
    let script = format!(
        "read_verilog design.v; {}",
        map_commands(BOUNDARY, Some("netlist.part"))
    );
    run(yosys, folder, &["-q", "-p", &script], "yosys.log")?;
    let part = folder.join("netlist.part");
    keep_netlist(&part, &netlist)?;
    std::fs::remove_file(&part).with_context(|| format!("cannot remove {}", part.display()))
}

/// Takes the netlist that Yosys wrote, moves registers into block RAMs, and keeps it as `kept`.
pub(crate) fn keep_netlist(written: &Path, kept: &Path) -> Result<()> {
    let text = std::fs::read_to_string(written).context("Yosys did not write a netlist")?;
    let (text, _) = output_registers::absorb(&text)?;
    // written whole or not at all
    let part = kept.with_extension("moved");
    std::fs::write(&part, text)
        .and_then(|()| std::fs::rename(&part, kept))
        .with_context(|| format!("cannot write the netlist {}", kept.display()))
}

fn place_seed(nextpnr: &Found, folder: &Path, speed: u32, seed: u32) -> Result<Placement> {
    let kept = folder.join(format!("speed{speed}-seed{seed}.json"));
    let report = match std::fs::read_to_string(&kept) {
        Ok(report) => report,
        Err(_) => {
            let part = format!("speed{speed}-seed{seed}.part");
            let (speed_text, seed_text, target) = (speed.to_string(), seed.to_string(), TARGET_MHZ.to_string());
            let arguments = [
                "--85k",
                "--package",
                "CABGA381",
                "--lpf-allow-unconstrained",
                "--timing-allow-fail",
                "-q",
                "--json",
                "netlist.json",
                "--speed",
                &speed_text,
                "--seed",
                &seed_text,
                "--freq",
                &target,
                "--report",
                &part,
                TIMING_WEIGHT[0],
                TIMING_WEIGHT[1],
            ];
            run(nextpnr, folder, &arguments, &format!("speed{speed}-seed{seed}.log"))?;
            std::fs::rename(folder.join(&part), &kept).context("nextpnr did not write a report")?;
            std::fs::read_to_string(&kept).with_context(|| format!("cannot read {}", kept.display()))?
        }
    };
    read_report(&report, seed)
}

pub(crate) fn run(tool: &Found, folder: &Path, arguments: &[&str], log: &str) -> Result<()> {
    let output = Command::new(&tool.path)
        .current_dir(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", tool.path.display()))?;
    let text = [output.stdout, output.stderr].concat();
    std::fs::write(folder.join(log), &text).with_context(|| format!("cannot write {log}"))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&text).into_owned();
        let reason = text
            .lines()
            .rev()
            .find(|line| line.contains("ERROR"))
            .unwrap_or("it gives no reason");
        bail!(
            "{} failed: {reason}; its log is {}",
            tool.path.display(),
            folder.join(log).display()
        );
    }
    Ok(())
}

pub(crate) fn version(tool: &Found) -> Result<String> {
    let output = Command::new(&tool.path)
        .arg("--version")
        .output()
        .with_context(|| format!("cannot start {}", tool.path.display()))?;
    Ok(String::from_utf8_lossy(&[output.stdout, output.stderr].concat())
        .trim()
        .to_string())
}

#[derive(Deserialize)]
struct Report {
    fmax: std::collections::BTreeMap<String, Fmax>,
    critical_paths: Vec<CriticalPath>,
}

#[derive(Deserialize)]
struct Fmax {
    achieved: f64,
}

#[derive(Deserialize)]
struct CriticalPath {
    from: String,
    to: String,
    path: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    delay: f64,
    net: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    to: Place,
}

#[derive(Deserialize)]
struct Place {
    cell: String,
}

fn read_report(text: &str, seed: u32) -> Result<Placement> {
    let report: Report = serde_json::from_str(text).context("nextpnr's report has another form than expected")?;
    let Some(slowest) = report.fmax.values().map(|fmax| fmax.achieved).reduce(f64::min) else {
        bail!("nextpnr found no clock in the design");
    };
    // posedge to posedge of one clock; paths from and to pins are not of interest
    let path = report
        .critical_paths
        .iter()
        .find(|path| path.from == path.to && path.from.contains("clock"));
    let critical_path = path.map_or_else(Vec::new, |path| {
        let mut names = delays_by_name(&path.path);
        if let Some(last) = path.path.last() {
            names.push(format!("into {}", tidy(&last.to.cell)));
        }
        names
    });
    Ok(Placement {
        seed,
        fmax_mhz: (slowest * 100.0).round() / 100.0,
        critical_path,
    })
}

/// The wires of a path with their delays. What technology mapping puts between two signals of the source has the name of
/// one of them, and a carry chain is many wires of one name: such neighbours are one step.
fn delays_by_name(path: &[Step]) -> Vec<String> {
    let mut steps: Vec<(String, f64, usize)> = Vec::new();
    for step in path.iter().filter(|step| step.kind == "routing") {
        let name = tidy(step.net.as_deref().unwrap_or("?"));
        match steps.last_mut() {
            Some((last, delay, count)) if *last == name => {
                *delay += step.delay;
                *count += 1;
            }
            _ => steps.push((name, step.delay, 1)),
        }
    }
    let text = |(name, delay, count): (String, f64, usize)| match count {
        1 => format!("{delay:.2} ns {name}"),
        _ => format!("{delay:.2} ns {name}, {count} wires"),
    };
    steps.into_iter().map(text).collect()
}

/// A net's name in the words of the source: without the instance around it and the marks of technology mapping.
fn tidy(name: &str) -> String {
    let name = name.trim_start_matches("dut.");
    let end = ["_LUT4", "_TRELLIS_FF", "_PFUMX", "_L6MUX", "_CCU2C", "$nextpnr", "_DI"]
        .iter()
        .filter_map(|mark| name.find(mark))
        .min()
        .unwrap_or(name.len());
    name[..end].replace('$', ".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_path_are_those_of_the_source() {
        assert_eq!(
            tidy("dut.reader.resolver.broken.q_TRELLIS_FF_Q_CE_LUT4_Z[2]"),
            "reader.resolver.broken.q"
        );
        assert_eq!(tidy("dut.tso.emitter$left"), "tso.emitter.left");
    }

    #[test]
    fn the_slowest_clock_and_its_path_are_read() {
        let text = r#"{"fmax":{"clock":{"achieved":170.256,"constraint":156.25}},"utilization":{},"critical_paths":[
            {"from":"<async>","to":"posedge clock","path":[]},
            {"from":"posedge $glbnet$clock","to":"posedge $glbnet$clock","path":[
              {"delay":0.5,"from":{"cell":"a","loc":[1,2],"port":"CLK"},"to":{"cell":"dut.a_TRELLIS_FF_Q","loc":[1,2],"port":"Q"},"type":"clk-to-q"},
              {"delay":1.25,"net":"dut.a.q","from":{"cell":"a","loc":[1,2],"port":"Q"},"to":{"cell":"dut.b_LUT4_Z","loc":[1,2],"port":"A"},"type":"routing"},
              {"delay":0.25,"net":"dut.a.q_LUT4_A","from":{"cell":"a","loc":[1,2],"port":"Z"},"to":{"cell":"dut.b_LUT4_Z","loc":[1,2],"port":"A"},"type":"routing"}]}]}"#;
        let placement = read_report(text, 3).unwrap();
        assert_eq!((placement.seed, placement.fmax_mhz), (3, 170.26));
        assert_eq!(placement.critical_path, ["1.50 ns a.q, 2 wires", "into b"]);
    }

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        let placement = |fmax_mhz| Placement {
            seed: 1,
            fmax_mhz,
            critical_path: vec![],
        };
        assert_eq!(median_mhz(&[placement(3.0), placement(1.0), placement(2.0)]), Some(2.0));
        assert_eq!(median_mhz(&[]), None);
    }
}
