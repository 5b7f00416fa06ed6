//! The lint over the core's own modules.

use super::*;
use segwalk_hdl::bus::fifo::{BlockFifo, Fifo};

#[track_caller]
fn is_clean<T: Block + Default>(name: &str) {
    let mut dut = T::default();
    dut.connect_all();
    let found = check(&dut, name);
    assert!(
        found.is_empty(),
        "{}",
        found.iter().map(|f| format!("{f}\n")).collect::<String>()
    );
}

#[test]
fn fifos() {
    is_clean::<Fifo<Bits<16>, 4, 5>>("fifo");
    is_clean::<Fifo<Pair, 2, 3>>("fifo");
    is_clean::<BlockFifo<Bits<16>, 4, 5>>("block_fifo");
}
