//! Synthesis for the ECP5 with Yosys.

use crate::cells::{read_statistics, Cells, ModuleCells};
use crate::tools::{self, Found};
use anyhow::{bail, Context, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How deep the report by module goes below the top.
const DEPTH: usize = 2;

/// What a synthesis gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SynthReport {
    /// Top module.
    pub top: String,
    /// What Yosys calls itself.
    pub yosys: String,
    /// Cells of the whole, with optimisation across modules.
    pub total: Cells,
    /// Cells of the modules down to two levels below the top, each with all that is below it and optimised by itself,
    /// so the sum of their cells is a little more than the total.
    pub modules: Vec<ModuleCells>,
    /// Warnings of Yosys, each once.
    pub warnings: Vec<String>,
}

impl SynthReport {
    /// A table: the total and every module.
    pub fn table(&self) -> String {
        let mut table = String::new();
        let width = self
            .modules
            .iter()
            .map(|module| module.path.len())
            .max()
            .unwrap_or(0)
            .max(24);
        let mut line = |name: &str, columns: [String; 6]| {
            let columns: Vec<String> = columns.iter().map(|column| format!("{column:>9}")).collect();
            writeln!(table, "{name:<width$}{}", columns.concat()).expect("a string can be written");
        };
        line(
            "module",
            ["LUT4", "FF", "DP16KD", "DPR16X4", "CCU2C", "MULT18"].map(String::from),
        );
        line(&format!("{} (flattened)", self.top), columns(&self.total));
        for module in self.modules.iter().filter(|module| !module.path.is_empty()) {
            line(&module.path, columns(&module.cells));
        }
        table
    }
}

fn columns(cells: &Cells) -> [String; 6] {
    let Cells {
        lut4,
        flip_flops,
        block_rams,
        lut_rams,
        carries,
        multipliers,
    } = *cells;
    [lut4, flip_flops, block_rams, lut_rams, carries, multipliers].map(|count| count.to_string())
}

/// Synthesises module `top` of `verilog` for the ECP5. Fails when a signal became a latch or a memory became flip-flops.
/// The result is kept in the target folder and found again as long as text and tool are the same.
pub fn synth(verilog: &str, top: &str) -> Result<SynthReport> {
    Ok(run_both(verilog, top, top, None)?.0)
}

/// [`synth`] of `top`, which only puts pads around module `inner`: modules are counted from there on. Gives the netlist too.
pub fn synth_netlist(verilog: &str, top: &str, inner: &str) -> Result<(SynthReport, PathBuf)> {
    let (report, folder) = run_both(verilog, top, inner, Some(NETLIST))?;
    Ok((report, folder.join(NETLIST)))
}

const NETLIST: &str = "netlist.json";

/// The first run writes `netlist`, if one is wanted. The report, and the folder of all files.
fn run_both(verilog: &str, top: &str, inner: &str, netlist: Option<&str>) -> Result<(SynthReport, PathBuf)> {
    let yosys = tools::YOSYS.find()?;
    let name = describe(&yosys)?;
    let mut hash = Sha256::new();
    let scripts = [
        script(verilog, top, netlist, Keep::Nothing),
        script(verilog, inner, None, Keep::Modules),
    ];
    for part in [verilog, top, &name, &scripts[0], &scripts[1]] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let folder = results_folder().join(&hex::encode(hash.finalize())[..24]);
    let kept = folder.join("report.json");
    if let Some(report) = std::fs::read_to_string(&kept)
        .ok()
        .and_then(|text| serde_json::from_str(&text).ok())
    {
        return Ok((report, folder));
    }
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    std::fs::write(folder.join("design.v"), verilog)
        .with_context(|| format!("cannot write to the folder {}", folder.display()))?;
    // Both runs at once; they do not share files but the design.
    let (whole, parts) = std::thread::scope(|scope| {
        let parts = scope.spawn(|| run(&yosys, &folder, &scripts[1], Keep::Modules));
        let whole = run(&yosys, &folder, &scripts[0], Keep::Nothing);
        (
            whole,
            parts.join().expect("the thread of the second run does not panic"),
        )
    });
    let (whole, parts) = (whole?, parts?);
    refuse_bad_cells(&whole.log)?;
    let total = read_statistics(&whole.statistics, top)?;
    let Some(total) = total.first() else {
        bail!("Yosys counted no cells of the module {top}")
    };
    let report = SynthReport {
        top: top.to_string(),
        yosys: name,
        total: total.cells,
        modules: read_statistics(&parts.statistics, inner)?,
        warnings: warnings(&whole.log),
    };
    let text = serde_json::to_string_pretty(&report)?;
    std::fs::write(&kept, text).with_context(|| format!("cannot write {}", kept.display()))?;
    Ok((report, folder))
}

#[derive(Clone, Copy, PartialEq)]
enum Keep {
    Nothing,
    Modules,
}

impl Keep {
    fn name(self) -> &'static str {
        match self {
            Keep::Nothing => "whole",
            Keep::Modules => "parts",
        }
    }
}

/// Delay of a wire that Yosys reckons with when it chooses LUTs, in ps. Its own 300 is a third of what wires of this core
/// take, and makes it prefer paths with more LUTs on them.
const WIRE_DELAY_PS: u32 = 800;

/// Commands that map the design read for the ECP5 and write it as `netlist`, if one is wanted: `synth_ecp5` with another
/// delay of wires. Latches, which it would map too, are refused afterwards.
pub(crate) fn map_commands(top: &str, netlist: Option<&str>) -> String {
    let json = netlist.map(|file| format!(" -json {file}")).unwrap_or_default();
    format!(
        "synth_ecp5 -top {top} -run begin:map_luts; abc9 -W {WIRE_DELAY_PS}; clean; synth_ecp5 -top {top} -run map_cells:{json}"
    )
}

/// What Yosys is told. The second run keeps the larger modules apart so that they can be counted.
fn script(verilog: &str, top: &str, netlist: Option<&str>, keep: Keep) -> String {
    let mut script = String::from("read_verilog design.v; ");
    if keep == Keep::Modules {
        for module in modules_to_keep(verilog, top) {
            write!(script, "setattr -mod -set keep_hierarchy 1 {module}; ").expect("a string can be written");
        }
    }
    let name = keep.name();
    let map = map_commands(top, netlist);
    write!(script, "{map}; tee -q -o {name}.json stat -json").expect("a string can be written");
    script
}

/// Modules down to [`DEPTH`] levels below the top that have modules of their own; single registers are not worth a line.
fn modules_to_keep(verilog: &str, top: &str) -> BTreeSet<String> {
    let names: BTreeSet<&str> = verilog
        .lines()
        .filter_map(|line| line.strip_prefix("module "))
        .filter_map(|rest| rest.split(['(', ';', ' ']).next())
        .filter(|name| name.starts_with(top))
        .collect();
    let parents: BTreeSet<&str> = names
        .iter()
        .filter_map(|name| name.rsplit_once('$'))
        .map(|(up, _)| up)
        .collect();
    let depth = |name: &str| name[top.len()..].matches('$').count();
    parents
        .into_iter()
        .filter(|name| names.contains(name) && (1..=DEPTH).contains(&depth(name)))
        .map(String::from)
        .collect()
}

struct Run {
    log: String,
    statistics: String,
}

fn run(yosys: &Found, folder: &Path, script: &str, keep: Keep) -> Result<Run> {
    let name = keep.name();
    let log_name = format!("{name}.log");
    let output = Command::new(&yosys.path)
        .current_dir(folder)
        .args(["-q", "-l", &log_name, "-p", script])
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", yosys.path.display()))?;
    let log = std::fs::read_to_string(folder.join(&log_name)).unwrap_or_default();
    if !output.status.success() {
        refuse_bad_cells(&log)?;
        let error = String::from_utf8_lossy(&output.stderr);
        let last = error
            .lines()
            .rev()
            .find(|line| line.contains("ERROR"))
            .unwrap_or("it gives no reason");
        bail!("Yosys failed: {last}; its log is {}", folder.join(&log_name).display());
    }
    let statistics = folder.join(format!("{name}.json"));
    let statistics = std::fs::read_to_string(&statistics)
        .with_context(|| format!("Yosys did not write {}", statistics.display()))?;
    Ok(Run { log, statistics })
}

/// Latches and memories in flip-flops simulate well and are wrong in hardware, or too large for it.
fn refuse_bad_cells(log: &str) -> Result<()> {
    let after = |line: &str, text: &str| Some(line.split_once(text)?.1.split_whitespace().next()?.to_string());
    let latches: BTreeSet<String> = log
        .lines()
        .filter_map(|line| after(line, "Latch inferred for signal "))
        .map(|name| tidy(&name))
        .collect();
    if !latches.is_empty() {
        let names = latches.into_iter().collect::<Vec<_>>().join(", ");
        bail!("these signals became latches, give each a value on every path: {names}");
    }
    let memories: BTreeSet<String> = log
        .lines()
        .filter_map(|line| after(line, "using FF mapping for memory "))
        // a table that Yosys made of a case statement has no flip-flops
        .filter(|name| !name.contains("proc_rom"))
        .collect();
    if !memories.is_empty() {
        let names = memories.into_iter().collect::<Vec<_>>().join(", ");
        bail!("these memories became flip-flops, give each one write port and no reset: {names}");
    }
    Ok(())
}

/// A signal's name without the marks of Yosys.
fn tidy(name: &str) -> String {
    name.trim_matches(['`', '\'', ':']).replace('\\', "").replace('$', ".")
}

fn warnings(log: &str) -> Vec<String> {
    let unique: BTreeSet<&str> = log.lines().filter_map(|line| line.strip_prefix("Warning: ")).collect();
    unique.into_iter().map(String::from).collect()
}

fn describe(yosys: &Found) -> Result<String> {
    let output = Command::new(&yosys.path)
        .arg("--version")
        .output()
        .with_context(|| format!("cannot start {}", yosys.path.display()))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_string())
}

/// Folder of results, which are found again as long as what they came from is the same.
pub fn results_folder() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(target) => Path::new(&target).join("synth"),
        None => tools::repository().join("target/synth"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latches_and_memories_in_flip_flops_are_refused_by_name() {
        let latch = "ERROR: Latch inferred for signal `\\core$mmu.\\hit' from process `\\core.$proc$4': $auto$358";
        assert!(refuse_bad_cells(latch)
            .unwrap_err()
            .to_string()
            .ends_with("core.mmu.hit"));
        assert!(refuse_bad_cells("No latch inferred for signal `\\a.\\b' from process").is_ok());
        let memory = "using FF mapping for memory core$ring.mem";
        assert!(refuse_bad_cells(memory)
            .unwrap_err()
            .to_string()
            .ends_with("core$ring.mem"));
        assert!(refuse_bad_cells("using FF mapping for memory core.$auto$proc_rom.cc:155:do_switch$27").is_ok());
    }

    #[test]
    fn modules_with_modules_are_kept_apart_to_the_second_level() {
        let verilog =
            "module core(clock);\nmodule core$mmu(a);\nmodule core$mmu$walk(a);\nmodule core$mmu$walk$ff(a);\n\
                       module core$mmu$walk$ff$x(a);\nmodule core$flag(a);\n";
        let kept: Vec<String> = modules_to_keep(verilog, "core").into_iter().collect();
        assert_eq!(kept, ["core$mmu", "core$mmu$walk"]);
    }
}
