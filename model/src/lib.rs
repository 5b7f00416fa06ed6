//! The reference model: what the engine must do, in plain Rust.
//!
//! Nothing here knows of hardware. Register map, refusal codes, formats and limits are written once, as data, and the
//! RTL, the driver, the tests and the documentation are derived from them.
//!
//! Without the feature `std` only the data is there, for firmware: [`registers`], [`binding`], [`refusal`],
//! [`limits`] and [`virtio_net_hdr`].
#![cfg_attr(not(feature = "std"), no_std)]
#![warn(missing_docs)]

pub mod binding;
pub mod board_registers;
#[cfg(feature = "std")]
pub mod bridge;
#[cfg(feature = "std")]
pub mod cases;
#[cfg(feature = "std")]
pub mod docs;
#[cfg(feature = "std")]
pub mod engine;
pub mod limits;
#[cfg(feature = "std")]
pub mod memory;
#[cfg(feature = "std")]
pub mod page_table;
pub mod refusal;
pub mod registers;
#[cfg(feature = "std")]
pub mod segment;
pub mod virtio_net_hdr;
#[cfg(feature = "std")]
pub mod virtqueue;
