//! Yosys and nextpnr flow.
