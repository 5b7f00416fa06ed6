//! Queue fetcher and completion in Verilator, held against the virtqueue of the model.

mod bench;
mod completion;
mod fetcher;
mod fetcher_cases;
mod fetcher_chains;
mod fetcher_features;
mod fetcher_parks;
mod fetcher_speed;
mod scheduler;
