//! Segwalk's hardware in Rust-HDL, and the emitter that makes Verilog of it.
#![warn(missing_docs)]

#[macro_use]
mod macros;

pub mod board;
pub mod bus;
pub mod debug;
pub mod emit;
pub mod lint;
pub mod mmu;
pub mod payload;
pub mod queue;
pub mod top;
pub mod tso;
