//! The parts of the board top in Verilator, each against what its standard says.

mod bridge;
mod ethernet;
mod line_rate;
mod memory;
mod whole;
