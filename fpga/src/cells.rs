//! Cell counts out of what Yosys writes.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// ECP5 cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cells {
    /// Look-up tables of four inputs, `LUT4`.
    pub lut4: u64,
    /// Flip-flops, `TRELLIS_FF`.
    pub flip_flops: u64,
    /// Block RAMs of 18 kbit, `DP16KD`.
    pub block_rams: u64,
    /// Distributed RAMs of 16 x 4 bits, `TRELLIS_DPR16X4`.
    pub lut_rams: u64,
    /// Carry cells of two bits, `CCU2C`.
    pub carries: u64,
    /// Multipliers, `MULT18X18D`.
    pub multipliers: u64,
}

impl Cells {
    fn of_types(types: &BTreeMap<String, u64>) -> Self {
        let count = |name: &str| types.get(name).copied().unwrap_or(0);
        Self {
            lut4: count("LUT4"),
            flip_flops: count("TRELLIS_FF"),
            block_rams: count("DP16KD"),
            lut_rams: count("TRELLIS_DPR16X4"),
            carries: count("CCU2C"),
            multipliers: count("MULT18X18D"),
        }
    }

    fn add(&mut self, other: &Cells) {
        self.lut4 += other.lut4;
        self.flip_flops += other.flip_flops;
        self.block_rams += other.block_rams;
        self.lut_rams += other.lut_rams;
        self.carries += other.carries;
        self.multipliers += other.multipliers;
    }
}

/// The cells of one module and everything below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleCells {
    /// Path of the instance below the top, `mmu.walker`; empty for the top.
    pub path: String,
    /// Cells.
    pub cells: Cells,
}

#[derive(Deserialize)]
struct Statistics {
    modules: BTreeMap<String, ModuleStatistics>,
}

#[derive(Deserialize)]
struct ModuleStatistics {
    num_cells_by_type: BTreeMap<String, u64>,
}

/// Reads `stat -json`: every module with all that is below it, by path. Rust-HDL names a module by the path of its one
/// instance, `top$mmu$walker`, so a name tells its parents.
pub fn read_statistics(json: &str, top: &str) -> Result<Vec<ModuleCells>> {
    let statistics: Statistics = serde_json::from_str(json).context("the cell counts of Yosys cannot be read")?;
    let mut sums: BTreeMap<String, Cells> = BTreeMap::new();
    for (name, module) in &statistics.modules {
        let Some(below) = name.trim_start_matches('\\').strip_prefix(top) else {
            continue;
        };
        let path = below.trim_start_matches('$').replace('$', ".");
        let cells = Cells::of_types(&module.num_cells_by_type);
        let mut parent = path.as_str();
        loop {
            sums.entry(parent.to_string()).or_default().add(&cells);
            if parent.is_empty() {
                break;
            }
            parent = parent.rsplit_once('.').map_or("", |(parent, _)| parent);
        }
    }
    Ok(sums
        .into_iter()
        .map(|(path, cells)| ModuleCells { path, cells })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_count_what_is_below_them() {
        let json = r#"{ "modules": {
            "\\core": { "num_cells_by_type": { "LUT4": 1, "\\core$mmu": 1 } },
            "\\core$mmu": { "num_cells_by_type": { "LUT4": 10, "TRELLIS_FF": 3 } },
            "\\core$mmu$walker": { "num_cells_by_type": { "LUT4": 100, "DP16KD": 2 } } } }"#;
        let modules = read_statistics(json, "core").unwrap();
        let luts: Vec<(&str, u64)> = modules.iter().map(|m| (m.path.as_str(), m.cells.lut4)).collect();
        assert_eq!(luts, [("", 111), ("mmu", 110), ("mmu.walker", 100)]);
        assert_eq!(modules[0].cells.block_rams, 2);
    }
}
