//! The records that figures are held against, in one file of the repository.

use super::rounded;
use crate::output::table;
use anyhow::{ensure, Context, Result};
use segwalk_fpga::SynthReport;
use segwalk_sim::bench::{Figure, Unit};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How much worse a figure may be than its record. Figures are clock counts, so they are exact.
const FIGURE_SLACK: f64 = 0.01;
/// How much larger an area may be than its record.
const AREA_SLACK: f64 = 0.03;

/// What a version of the core reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Records {
    /// Figures by the name of their case.
    pub figures: BTreeMap<String, f64>,
    /// Look-up tables of the whole core.
    pub lut4: u64,
    /// Its flip-flops; a memory that turned into flip-flops shows here too.
    pub ff: u64,
    /// Its block RAMs.
    pub block_ram: u64,
}

/// A figure beside its record.
struct Line {
    name: String,
    record: String,
    now: String,
    good: bool,
}

impl Records {
    /// Where they are kept, in the checkout that this command was built from.
    pub fn path() -> PathBuf {
        segwalk_fpga::tools::repository().join("bench/records.json")
    }

    /// Reads them.
    pub fn read() -> Result<Self> {
        let path = Self::path();
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}; make record writes it", path.display()))?;
        serde_json::from_str(&text).with_context(|| {
            format!(
                "{} has another form than expected; make record writes it anew",
                path.display()
            )
        })
    }

    /// What was measured.
    pub fn of(figures: &[Figure], synth: &SynthReport) -> Self {
        Records {
            figures: figures
                .iter()
                .map(|figure| (figure.name.clone(), rounded(figure.value)))
                .collect(),
            lut4: synth.total.lut4,
            ff: synth.total.flip_flops,
            block_ram: synth.total.block_rams,
        }
    }

    /// Writes them.
    pub fn write(&self) -> Result<()> {
        let path = Self::path();
        let text = serde_json::to_string_pretty(self)? + "\n";
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Holds what was measured against the records; a table, and whether everything is good.
    pub fn compare(&self, figures: &[Figure], synth: &SynthReport) -> Result<(String, bool)> {
        let mut lines = Vec::new();
        for figure in figures {
            let record = *self
                .figures
                .get(&figure.name)
                .with_context(|| format!("{} has no record; make record writes one", figure.name))?;
            lines.push(Line {
                name: format!("{} in {}", figure.name, figure.unit.name()),
                record: format!("{record:.4}"),
                now: format!("{:.4}", figure.value),
                good: holds(figure.unit, record, figure.value),
            });
        }
        ensure!(!lines.is_empty(), "nothing was measured");
        let areas = [
            ("LUT4", self.lut4, synth.total.lut4, AREA_SLACK),
            ("flip-flops", self.ff, synth.total.flip_flops, AREA_SLACK),
            ("block RAMs", self.block_ram, synth.total.block_rams, 0.0),
        ];
        lines.extend(areas.map(|(name, record, now, slack)| Line {
            name: name.into(),
            record: record.to_string(),
            now: now.to_string(),
            good: now as f64 <= record as f64 * (1.0 + slack),
        }));
        let mut table = table(&["figure", "record", "now", ""], &[1, 2]);
        for line in &lines {
            let verdict = if line.good { "" } else { "WORSE" };
            table.add_row([&line.name, &line.record, &line.now, verdict]);
        }
        Ok((table.to_string(), lines.iter().all(|line| line.good)))
    }
}

/// Whether a figure is at most 1 % worse than its record.
fn holds(unit: Unit, record: f64, now: f64) -> bool {
    match unit.more_is_better() {
        true => now >= record * (1.0 - FIGURE_SLACK),
        false => now <= record * (1.0 + FIGURE_SLACK),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use segwalk_fpga::cells::Cells;

    #[test]
    fn one_percent_is_the_limit_in_either_direction() {
        assert!(holds(Unit::BeatsPerClock, 1.0, 0.99) && !holds(Unit::BeatsPerClock, 1.0, 0.989));
        assert!(holds(Unit::Clocks, 300.0, 303.0) && !holds(Unit::Clocks, 300.0, 304.0));
        assert!(holds(Unit::ClocksPerFrame, 16.0, 10.0) && holds(Unit::BeatsPerClock, 0.5, 0.9));
    }

    #[test]
    fn a_core_that_grew_is_found() {
        let synth = |lut4, flip_flops, block_rams| SynthReport {
            top: "core".into(),
            yosys: String::new(),
            total: Cells {
                lut4,
                flip_flops,
                block_rams,
                ..Cells::default()
            },
            modules: vec![],
            warnings: vec![],
        };
        let figure = Figure {
            name: "bulk_l50".into(),
            value: 0.99,
            unit: Unit::BeatsPerClock,
            bound: 1.0,
            aim: None,
            counts: Default::default(),
            chains: 32,
            walks_per_chain: 0.0,
            simulated_clocks: 1,
            cpu_time: Default::default(),
        };
        let figures = [figure];
        let records = Records::of(&figures, &synth(1000, 1000, 10));
        let good = |now| records.compare(&figures, &now).unwrap().1;
        assert!(good(synth(1030, 1030, 10)));
        assert!(!good(synth(1031, 1000, 10)));
        assert!(!good(synth(1000, 1031, 10)));
        assert!(!good(synth(1000, 1000, 11)));
        let unknown = Records {
            figures: BTreeMap::new(),
            ..records.clone()
        };
        let error = unknown.compare(&figures, &synth(1, 1, 1)).unwrap_err().to_string();
        assert_eq!(error, "bulk_l50 has no record; make record writes one");
    }
}
