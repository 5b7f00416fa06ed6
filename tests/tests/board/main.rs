//! The parts of the board top in Verilator, each against what its standard says.

mod bridge;
mod ethernet;
mod memory;
mod whole;
