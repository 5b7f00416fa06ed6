//! The AXI4-Lite register block: virtio-mmio version 2 and the engine's own registers.
//!
//! Every offset, field and reset value comes from [`segwalk_model::registers`]. A register's *code* is its place in that
//! table plus one; a small ROM made from the table ([`map`]) turns an address into a code, a write mask and the place
//! where the value is kept. Values that nothing in the core looks at live in one block RAM; what the core needs at all
//! times is held in flip-flops by [`device`], [`queues`], [`settings`], [`timers`] and [`records`], and what each queue has
//! its own of in distributed RAM by [`park_records`] and [`queue_counters`]. [`sequencer`] serves one access at a time and,
//! between accesses, adds the events of [`counters`] and [`queue_counters`] to their RAM words. [`drain`] tells when nothing
//! of a queue that was switched off is under way.

pub mod axi_lite_port;
pub mod counters;
pub mod device;
pub mod doorbell;
pub mod drain;
pub mod map;
pub mod park_records;
pub mod queue_counters;
pub mod queues;
pub mod records;
pub mod refusal_queue;
pub mod register_block;
pub mod sequencer;
pub mod settings;
pub mod table_ram;
pub mod timers;

pub use register_block::RegisterBlock;
