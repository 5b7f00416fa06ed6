//! Co-simulation harness.
