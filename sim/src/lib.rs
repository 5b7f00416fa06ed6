//! Co-simulation harness.

pub mod verilated;
