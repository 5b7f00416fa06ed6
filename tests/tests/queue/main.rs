//! Queue fetcher and completion in Verilator, held against the virtqueue of the model.

mod bench;
mod fetcher;
