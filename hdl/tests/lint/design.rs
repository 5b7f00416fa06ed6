//! The lint over the core's own modules.

use super::*;
use segwalk_hdl::bus::fifo::{BlockFifo, Fifo};
use segwalk_hdl::bus::read_arbiter::ReadArbiter;
use segwalk_hdl::bus::registers::RegisterBlock;
use segwalk_hdl::bus::reset_sequencer::ResetSequencer;
use segwalk_hdl::bus::translate_arbiter::TranslateArbiter;
use segwalk_hdl::bus::write_unit::WriteUnit;
use segwalk_hdl::payload::reader::PayloadReader;
use segwalk_hdl::queue::completion::Completion;
use segwalk_hdl::queue::fetcher::QueueFetcher;

#[track_caller]
fn is_clean<T: Block + Default>(name: &str) {
    finds_nothing(T::default(), name);
}

#[track_caller]
fn finds_nothing(mut dut: impl Block, name: &str) {
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

#[test]
fn bus_units() {
    is_clean::<ReadArbiter>("read_arbiter");
    is_clean::<WriteUnit>("write_unit");
    is_clean::<TranslateArbiter>("translate_arbiter");
    is_clean::<ResetSequencer>("reset_sequencer");
}

#[test]
fn payload_reader() {
    is_clean::<PayloadReader>("payload");
}

#[test]
fn queue_fetcher() {
    is_clean::<QueueFetcher>("fetcher");
}

#[test]
fn completion() {
    is_clean::<Completion>("completion");
}

#[test]
fn register_block() {
    finds_nothing(RegisterBlock::new(4), "registers");
}
