//! What the memories and queues of the MMU hold.

#![allow(missing_docs)] // the derive adds methods without a doc comment; every field has one

use rust_hdl::prelude::*;
use segwalk_model::limits::{PHYS_PAGE_BITS, VIRT_PAGE_BITS};

/// Virtual page number bits that translation uses: addresses of up to 48 bits. The bits above are only checked.
pub const PAGE_BITS: usize = 36;
/// Address bits of a set: 64 sets, of 4 entries of 4 KiB and 2 of 2 MiB.
pub const SET_BITS: usize = 6;
/// Tag of the store for 4 KiB pages.
pub const PAGE_TAG_BITS: usize = PAGE_BITS - SET_BITS;
/// Virtual page bits below a superpage entry (2 MiB).
pub const LARGE_SHIFT: usize = 9;
/// Tag of the store for superpages.
pub const LARGE_TAG_BITS: usize = PAGE_BITS - SET_BITS - LARGE_SHIFT;
/// Physical page number bits of a superpage entry.
pub const LARGE_PHYS_BITS: usize = PHYS_PAGE_BITS - LARGE_SHIFT;
/// Entry of the store for 4 KiB pages.
pub const PAGE_ENTRY_BITS: usize = 7 + PHYS_PAGE_BITS + PAGE_TAG_BITS;
/// Entry of the store for superpages.
pub const LARGE_ENTRY_BITS: usize = 7 + LARGE_PHYS_BITS + LARGE_TAG_BITS;
/// Tag of the page-walk cache: the virtual page bits above the lowest table's index.
pub const WALK_TAG_BITS: usize = PAGE_BITS - LARGE_SHIFT;

/// A request as it waits at a port.
#[derive(LogicStruct, Copy, Clone, Default, Debug, PartialEq)]
pub struct PortRequest {
    /// Address space.
    pub context: Bits<4>,
    /// Bits 63:12 of the virtual address.
    pub virt_page: Bits<VIRT_PAGE_BITS>,
    /// The access is a write.
    pub write: Bit,
}

/// An answer as it waits at a port.
#[derive(LogicStruct, Copy, Clone, Default, Debug, PartialEq)]
pub struct PortAnswer {
    /// Physical page number.
    pub phys_page: Bits<PHYS_PAGE_BITS>,
    /// 0, or the FaultCause.
    pub cause: Bits<5>,
}

/// A translation on its way into the TLB.
#[derive(LogicStruct, Copy, Clone, Default, Debug, PartialEq)]
pub struct Fill {
    /// Physical page number.
    pub phys_page: Bits<PHYS_PAGE_BITS>,
    /// A read passed all checks.
    pub readable: Bit,
    /// A write passed all checks.
    pub writable: Bit,
    /// It goes to the store for superpages.
    pub large: Bit,
}

/// A checked entry of a line, waiting to be filled.
#[derive(LogicStruct, Copy, Clone, Default, Debug, PartialEq)]
pub struct LineItem {
    /// Place in the line.
    pub place: Bits<3>,
    /// Physical page number.
    pub phys_page: Bits<PHYS_PAGE_BITS>,
    /// A read passed all checks.
    pub readable: Bit,
    /// A write passed all checks.
    pub writable: Bit,
}

/// An entry of the page-walk cache: where the table of some level is for some addresses.
#[derive(LogicStruct, Copy, Clone, Default, Debug, PartialEq)]
pub struct WalkEntry {
    /// The entry counts.
    pub valid: Bit,
    /// Address space.
    pub context: Bits<4>,
    /// Virtual page bits above the table's index; bits that do not belong to it are 0.
    pub tag: Bits<WALK_TAG_BITS>,
    /// Physical page number of the table.
    pub table_page: Bits<PHYS_PAGE_BITS>,
    /// Every pointer on the way was a user one.
    pub user: Bit,
    /// Every pointer on the way allowed writes.
    pub write: Bit,
    /// Every pointer on the way was accessed.
    pub accessed: Bit,
}

/// A row of the context table.
#[derive(LogicStruct, Copy, Clone, Default, Debug, PartialEq)]
pub struct ContextRow {
    /// Translation mode.
    pub mode: Bits<3>,
    /// Physical page number of the root table.
    pub root_page: Bits<PHYS_PAGE_BITS>,
    /// Supervisor pages fault.
    pub user_only: Bit,
    /// A clear accessed bit faults.
    pub accessed_faults: Bit,
}
