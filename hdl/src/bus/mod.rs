//! What modules are joined with, and the AXI side of the core.
//!
//! **Handshake rule**: a transfer happens on a clock where `valid` and `ready` are both high. `valid` never waits for
//! `ready` and never falls without a transfer. Both come from registers where a subsystem ends, so that no
//! combinational path crosses a subsystem.

pub mod fifo;
pub mod ports;
pub mod ram;
pub mod read_arbiter;
pub mod registers;
pub mod reset_sequencer;
pub mod translate_arbiter;
pub mod write_arbiter;
pub mod write_unit;
