//! Driver of the Segwalk transmit engine, for firmware, kernels and test harnesses.
//!
//! The crate needs neither the standard library nor an allocator. What it runs on is behind two traits: [`Bus`] reads and
//! writes the engine's registers, [`Memory`] the rings. [`Mmio`] is both where registers and rings are at pointers.
//! Everything the driver must remember of a queue is in slots that the caller lends ([`Queue::start`]).
//!
//! From reset to the first frame:
//!
//! 1. [`negotiate`] finds the device, resets it and agrees on features.
//! 2. [`set_context`] tells it the address spaces of the processes.
//! 3. [`Queue::start`] gives it rings and says whose memory a queue may use.
//! 4. [`driver_ok`] lets it work.
//! 5. [`Queue::send`] posts a frame, [`Queue::kick`] rings the doorbell when the engine asked for it, and
//!    [`Queue::reap`] takes back what is done.
//!
//! Register offsets, fields and codes are those of [`segwalk_model`], from which the hardware is made too.
#![cfg_attr(not(test), no_std)]
#![warn(missing_docs)]

mod contexts;
mod counters;
mod error;
mod faults;
mod handshake;
mod mmio;
mod platform;
mod queue;
mod ring;
mod settings;

pub use contexts::{invalidate, invalidation_is_done, set_context, start_invalidation, AddressSpace, Scope};
pub use counters::{refusals, Counters, QueueCounters};
pub use error::Error;
pub use faults::{
    abort, parked, parked_queues, resume, stopped_queues, take_error, take_fault, ErrorRecord, FaultRecord, Parked,
};
pub use handshake::{
    acknowledge_interrupts, driver_ok, needs_reset, negotiate, offered_features, reset, transmit_queues, Interrupts,
};
pub use mmio::Mmio;
pub use platform::{Bus, Memory, Platform};
pub use queue::{Areas, Buffer, Descriptor, IndirectArea, Queue, Slot, Used, Wake};
pub use ring::{area_bytes, need_event, FLAG_INDIRECT, FLAG_NEXT, FLAG_WRITE};
pub use segwalk_model::binding::Binding;
pub use segwalk_model::registers;
pub use settings::{
    set_clock_khz, set_coalescing, set_fixed_id, set_mac, set_padding, set_polling, set_rate, set_weight,
};
