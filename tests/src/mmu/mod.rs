//! What the MMU's tests share: address spaces full of everything that may stand in a page table, and which answers they
//! allow while they change.

pub mod coverage;
pub mod spoil;
pub mod timeline;
pub mod world;

use segwalk_model::page_table::{Access, Format, FORMATS};

/// The formats that the hardware serves.
pub fn formats() -> impl Iterator<Item = &'static Format> {
    FORMATS.iter().filter(|format| format.mode.supported_by_rtl())
}

/// A write or a read.
pub fn access(write: bool) -> Access {
    if write {
        Access::Write
    } else {
        Access::Read
    }
}
