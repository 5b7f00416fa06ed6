//! What the memories and queues of the MMU hold.

#![allow(missing_docs)] // the derive adds methods without a doc comment; every field has one

use super::rows::ROWS;
use rust_hdl::prelude::*;
use segwalk_model::limits::{PHYS_PAGE_BITS, VIRT_PAGE_BITS};

/// Virtual page number bits that translation uses: addresses of up to 48 bits. The bits above are only checked.
pub const PAGE_BITS: usize = 36;
/// Sizes of the TLB that are built: entries of 4 KiB, in sets of 4.
pub const TLB_ENTRIES: [usize; 3] = [64, 256, 1024];
/// Size unless asked otherwise.
pub const DEFAULT_TLB_ENTRIES: usize = 256;
/// Address bits of a set in the store for 4 KiB pages, in the largest TLB. A block RAM has as many sets whether they are
/// used or not, so a smaller TLB only ties the upper ones down.
pub const SET_BITS: usize = 8;
/// Page number bits that the set gives even in the smallest TLB: they are not in the tag.
pub const LEAST_SET_BITS: usize = 4;
/// Tag of the store for 4 KiB pages.
pub const PAGE_TAG_BITS: usize = PAGE_BITS - LEAST_SET_BITS;
/// Virtual page bits below a superpage entry (2 MiB).
pub const LARGE_SHIFT: usize = 9;
/// Address bits of a set of 2 superpage entries.
pub const LARGE_SET_BITS: usize = 4;
/// Tag of the store for superpages.
pub const LARGE_TAG_BITS: usize = PAGE_BITS - LARGE_SET_BITS - LARGE_SHIFT;
/// Physical page number bits of a superpage entry.
pub const LARGE_PHYS_BITS: usize = PHYS_PAGE_BITS - LARGE_SHIFT;
/// Entry of the store for 4 KiB pages.
pub const PAGE_ENTRY_BITS: usize = 7 + PHYS_PAGE_BITS + PAGE_TAG_BITS;
/// Entry of the store for superpages.
pub const LARGE_ENTRY_BITS: usize = 7 + LARGE_PHYS_BITS + LARGE_TAG_BITS;
/// Tag of the page-walk cache: the virtual page bits above the lowest table's index.
pub const WALK_TAG_BITS: usize = PAGE_BITS - LARGE_SHIFT;
/// Address bits of the page-walk cache, for each level.
pub const WALK_SET_BITS: usize = 6;
/// Place of a request at its port; the bit above the place changes with every turn through the places.
pub const TICKET_BITS: usize = 5;
/// Address bits of a walk under way.
pub const WALK_BITS: usize = 3;
/// Walks under way at most.
pub const WALKS: usize = 1 << WALK_BITS;
/// Bits that stand for a line of leaf entries among the walks under way. Two lines may share them: then one waits for
/// the other, which costs time and nothing else.
pub const LINE_HASH_BITS: usize = 8;

/// A request as it waits at a port.
#[derive(LogicStruct, Copy, Clone, Default, Debug, PartialEq)]
pub struct PortRequest {
    /// Address space.
    pub context: Bits<4>,
    /// Bits 63:12 of the virtual address.
    pub virt_page: Bits<VIRT_PAGE_BITS>,
    /// The access is a write.
    pub write: Bit,
    /// Its set in the largest store for 4 KiB pages, so that it need not be made on the way there.
    pub set: Bits<SET_BITS>,
    /// Its set in the store for superpages.
    pub large_set: Bits<LARGE_SET_BITS>,
}

/// An answer.
#[derive(LogicStruct, Copy, Clone, Default, Debug, PartialEq)]
pub struct PortAnswer {
    /// Physical page number.
    pub phys_page: Bits<PHYS_PAGE_BITS>,
    /// 0, or the FaultCause.
    pub cause: Bits<5>,
}

/// An answer as it waits at a port.
#[derive(LogicStruct, Copy, Clone, Default, Debug, PartialEq)]
pub struct StoredAnswer {
    /// Physical page number.
    pub phys_page: Bits<PHYS_PAGE_BITS>,
    /// 0, or the FaultCause.
    pub cause: Bits<5>,
    /// Differs from the upper bit of the request's ticket when the place has its answer.
    pub turn: Bit,
}

/// What the walker sends through the lookup pipeline: a translation to keep, an answer, or both.
#[derive(LogicStruct, Copy, Clone, Default, Debug, PartialEq)]
pub struct WalkResult {
    /// Address space.
    pub context: Bits<4>,
    /// Virtual page of the translation.
    pub virt_page: Bits<PAGE_BITS>,
    /// Physical page number.
    pub phys_page: Bits<PHYS_PAGE_BITS>,
    /// Put it into the TLB.
    pub keep: Bit,
    /// A read passed all checks.
    pub readable: Bit,
    /// A write passed all checks.
    pub writable: Bit,
    /// It goes to the store for superpages.
    pub large: Bit,
    /// It answers the request below.
    pub answers: Bit,
    /// Port 1's request.
    pub port: Bit,
    /// The request.
    pub ticket: Bits<TICKET_BITS>,
    /// 0, or the FaultCause of the answer.
    pub cause: Bits<5>,
}

/// A request that missed, and the request of a walk.
#[derive(LogicStruct, Copy, Clone, Default, Debug, PartialEq)]
pub struct WalkRequest {
    /// Port 1's request.
    pub port: Bit,
    /// The request.
    pub ticket: Bits<TICKET_BITS>,
    /// Address space.
    pub context: Bits<4>,
    /// Virtual page.
    pub virt_page: Bits<PAGE_BITS>,
    /// The access is a write.
    pub write: Bit,
}

/// Where a walk stands while its read is under way.
#[derive(LogicStruct, Copy, Clone, Default, Debug, PartialEq)]
pub struct WalkProgress {
    /// Level of its format, one hot.
    pub row: Bits<ROWS>,
    /// Every pointer on the way was a user one.
    pub user: Bit,
    /// Every pointer on the way allowed writes.
    pub write: Bit,
    /// Every pointer on the way was accessed.
    pub accessed: Bit,
}

/// What the page-walk cache keeps: the table of some level for some addresses.
#[derive(LogicStruct, Copy, Clone, Default, Debug, PartialEq)]
pub struct WalkEntry {
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
