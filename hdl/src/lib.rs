//! Segwalk's hardware in Rust-HDL, and the emitter that makes Verilog of it.
#![warn(missing_docs)]

#[macro_use]
mod macros;

pub mod bus;
pub mod emit;
pub mod mmu;
pub mod lint;
pub mod payload;
pub mod queue;
pub mod tso;
