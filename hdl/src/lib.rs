//! Segwalk's hardware in Rust-HDL, and the emitter that makes Verilog of it.
#![warn(missing_docs)]

pub mod bus;
pub mod queue;
