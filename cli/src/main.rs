//! The `segwalk` command.
fn main() {}
