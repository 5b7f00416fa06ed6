//! Co-simulation harness.

pub mod axi;
pub mod axil;
pub mod core_bench;
pub mod pattern;
pub mod stream_sink;
pub mod verilated;
