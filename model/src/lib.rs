//! The reference model: what the engine must do, in plain Rust.
//!
//! Nothing here knows of hardware. Register map, refusal codes, formats and limits are written once, as data, and the
//! RTL, the driver, the tests and the documentation are derived from them.
#![warn(missing_docs)]

pub mod board_registers;
pub mod bridge;
pub mod cases;
pub mod docs;
pub mod engine;
pub mod limits;
pub mod memory;
pub mod page_table;
pub mod refusal;
pub mod registers;
pub mod segment;
pub mod virtio_net_hdr;
pub mod virtqueue;
