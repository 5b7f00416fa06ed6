//! The lint over the core itself.

use super::*;
use segwalk_hdl::bus::fifo::{BlockFifo, Fifo};
use segwalk_hdl::emit::CORE;
use segwalk_hdl::lint::{inspect, Report};
use segwalk_hdl::top::SegwalkCore;

#[track_caller]
fn inspected_clean(mut dut: impl Block, name: &str) -> Report {
    dut.connect_all();
    let report = inspect(&dut, name);
    let findings: String = report.findings.iter().map(|f| format!("{f}\n")).collect();
    assert!(findings.is_empty(), "{findings}");
    report
}

#[test]
fn fifos() {
    inspected_clean(Fifo::<Bits<16>, 4>::default(), "fifo");
    inspected_clean(Fifo::<Pair, 2>::default(), "fifo");
    inspected_clean(BlockFifo::<Bits<16>, 4>::default(), "block_fifo");
}

#[test]
fn core() {
    let report = inspected_clean(SegwalkCore::default(), CORE);
    for subsystem in ["registers", "fetcher", "mmu", "reader", "tso", "completion"] {
        let path = format!("{CORE}${subsystem}");
        assert!(report.checked.contains(&path), "{path} is not checked");
    }
}
