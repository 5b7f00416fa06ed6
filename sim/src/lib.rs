//! Co-simulation harness.
#![warn(missing_docs)]

pub mod headers;
pub mod pcap;
pub mod reassembly;
pub mod scoreboard;
