//! The emitted Verilog itself: no warning of Verilator beyond what Rust-HDL's way of writing raises everywhere, no
//! finding of the kernel lint, the same bytes each time.

use rust_hdl::prelude::Block;
use segwalk_hdl::emit::{core_verilog, on_large_stack, CORE};
use segwalk_hdl::{lint, top::SegwalkCore};
use std::process::Command;

/// Classes that every Rust-HDL module raises: literals are 32 bits wide, module names are paths, constants of all
/// enumerations are declared, a local may have a module's name.
const EXPECTED_CLASSES: [&str; 4] = ["-Wno-WIDTH", "-Wno-DECLFILENAME", "-Wno-UNUSED", "-Wno-VARHIDDEN"];

#[test]
fn verilator_has_nothing_to_report() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("segwalk_core.v");
    std::fs::write(&file, core_verilog().unwrap()).unwrap();
    let output = Command::new("verilator")
        .args(["--lint-only", "-Wall"])
        .args(EXPECTED_CLASSES)
        .args(["--top-module", CORE])
        .arg(&file)
        .output()
        .expect("Verilator runs; install the package verilator");
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && report.trim().is_empty(), "{report}");
}

#[test]
fn the_kernel_lint_has_nothing_to_report() {
    let findings = on_large_stack(|| {
        let mut core = SegwalkCore::default();
        core.connect_all();
        lint::check(&core, CORE)
    })
    .unwrap();
    assert!(
        findings.is_empty(),
        "{}",
        findings.iter().map(|f| format!("{f}\n")).collect::<String>()
    );
    let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/../hdl/src");
    let findings = lint::check_sources(sources).unwrap();
    assert!(
        findings.is_empty(),
        "{}",
        findings.iter().map(|f| format!("{f}\n")).collect::<String>()
    );
}

#[test]
fn emitting_twice_gives_the_same_bytes() {
    let first = core_verilog().unwrap();
    assert!(first == core_verilog().unwrap(), "two emissions differ");
    assert!(first.contains(&format!("module {CORE}(clock,reset,s_axil_awaddr,")));
}
