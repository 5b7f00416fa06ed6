//! The virtqueue side of the engine: takes chains from the avail rings and puts finished heads into the used rings.

pub mod completion;
pub mod fetcher;
pub mod fragments;
pub mod line;
pub mod scheduler;
