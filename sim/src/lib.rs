//! Co-simulation harness.
#![warn(missing_docs)]

pub mod device;
pub mod driver;
pub mod headers;
pub mod host;
pub mod pcap;
pub mod process;
pub mod reassembly;
pub mod scoreboard;
pub mod verilated;
