//! The FPGA flow: finds the tools, says what is missing, and synthesises emitted Verilog for the ECP5.
//!
//! Yosys and nextpnr come from the search path or, pinned, from the virtual environment `.venv/` in the repository, which
//! `make synth` fills.

pub mod bitstream;
pub mod boundary;
pub mod cells;
pub mod constraints;
pub mod doctor;
pub mod output_registers;
pub mod place;
pub mod synth;
pub mod tools;

pub use bitstream::{bitstream, program, BitstreamReport, ClockReport};
pub use constraints::lpf;
pub use doctor::{doctor, Check, State};
pub use place::{median_mhz, place, Placement};
pub use synth::{results_folder, synth, SynthReport};
