//! Constants of the walker, made from the model's format tables.
//!
//! A *row* is one level of one format. Rows of a format stand together, root first, so that a walk is one hot bit that
//! moves up by one place for each level down. Another format is more rows; no kernel changes.

use super::types::{LARGE_SHIFT, PAGE_BITS, WALK_TAG_BITS};
use rust_hdl::prelude::*;
use segwalk_model::limits::{PHYS_ADDR_BITS, PHYS_PAGE_BITS, VIRT_PAGE_BITS};
use segwalk_model::page_table::{Canonical, Format, LeafRule, Mode, PermissionRule, FORMATS};

const fn count(rows: bool) -> usize {
    let (mut ix, mut sum) = (0, 0);
    while ix < FORMATS.len() {
        if FORMATS[ix].supported_by_rtl {
            sum += if rows { FORMATS[ix].levels } else { 1 };
        }
        ix += 1;
    }
    sum
}

/// Page-table formats that are built.
pub const FORMAT_COUNT: usize = count(false);
/// Levels of all of them together.
pub const ROWS: usize = count(true);
/// Modes that translate: the formats, and Bare as the last.
pub const MODE_COUNT: usize = FORMAT_COUNT + 1;

/// The formats that are built.
pub fn formats() -> impl Iterator<Item = &'static Format> {
    FORMATS.iter().filter(|format| format.supported_by_rtl)
}

/// A level of a format.
#[derive(Clone, Copy)]
pub struct Row {
    /// The format.
    pub format: &'static Format,
    /// The level, 0 for 4 KiB pages.
    pub level: usize,
}

/// Every row in its order.
pub fn rows() -> Vec<Row> {
    formats()
        .flat_map(|format| (0..format.levels).rev().map(move |level| Row { format, level }))
        .collect()
}

/// A constant for each row.
pub fn by_row<const W: usize>(value: impl Fn(Row) -> u64) -> [Constant<Bits<W>>; ROWS] {
    let rows = rows();
    std::array::from_fn(|ix| Constant::new(value(rows[ix]).to_bits()))
}

/// The rows for which `chosen` holds, one bit each.
pub fn row_set(chosen: impl Fn(Row) -> bool) -> Constant<Bits<ROWS>> {
    let bits = rows()
        .into_iter()
        .enumerate()
        .filter(|(_, row)| chosen(*row))
        .fold(0u64, |bits, (ix, _)| bits | 1 << ix);
    Constant::new(bits.to_bits())
}

/// Mode code of each format.
pub fn format_codes() -> [Constant<Bits<3>>; FORMAT_COUNT] {
    let codes: Vec<u64> = formats().map(|format| u64::from(format.mode.code())).collect();
    std::array::from_fn(|ix| Constant::new(codes[ix].to_bits()))
}

/// For each format, the row of its lowest level.
pub fn lowest_rows() -> [Constant<Bits<ROWS>>; FORMAT_COUNT] {
    let modes: Vec<Mode> = formats().map(|format| format.mode).collect();
    std::array::from_fn(|ix| row_set(|row| row.format.mode == modes[ix] && row.level == 0))
}

/// Mode code of each mode that translates.
pub fn mode_codes() -> [Constant<Bits<3>>; MODE_COUNT] {
    let codes: Vec<u64> = formats()
        .map(|format| format.mode)
        .chain([Mode::Bare])
        .map(|mode| u64::from(mode.code()))
        .collect();
    std::array::from_fn(|ix| Constant::new(codes[ix].to_bits()))
}

/// For each mode, the virtual page bits that must be equal.
pub fn upper_masks() -> [Constant<Bits<VIRT_PAGE_BITS>>; MODE_COUNT] {
    let lowest: Vec<usize> = formats()
        .map(|format| format.virt_bits - 12 - usize::from(format.canonical == Canonical::SignExtended))
        .chain([PHYS_ADDR_BITS - 12])
        .collect();
    let all = (1u64 << VIRT_PAGE_BITS) - 1;
    std::array::from_fn(|ix| Constant::new((all & (u64::MAX << lowest[ix])).to_bits()))
}

/// For each mode, whether those bits may all be one.
pub fn upper_ones() -> [Constant<Bit>; MODE_COUNT] {
    let may: Vec<bool> = formats()
        .map(|format| format.canonical == Canonical::SignExtended)
        .chain([false])
        .collect();
    std::array::from_fn(|ix| Constant::new(may[ix]))
}

/// Entry masks and positions of a row. See [`Format`] for what they mean.
impl Row {
    /// Bits that make a valid entry a leaf; the valid bit itself where every entry is one.
    pub fn leaf(self) -> u64 {
        match self.format.leaf_rule {
            LeafRule::AboveLast if self.level == 0 => self.format.valid_mask,
            _ => self.format.leaf_mask,
        }
    }

    /// Bits of a leaf that must be clear. Where a leaf is illegal, that is the bits that make it one.
    pub fn reserved_leaf(self) -> u64 {
        let low = if self.format.large_low_bits_reserved {
            self.format.low_page_mask(self.level)
        } else {
            0
        };
        let illegal = if self.format.leaf_legal(self.level) {
            0
        } else {
            self.leaf()
        };
        self.format.reserved_mask | low | illegal
    }

    /// Bits of a pointer that must be clear. At the last level, where a pointer is illegal, that is its valid bit.
    pub fn reserved_pointer(self) -> u64 {
        let illegal = if self.level == 0 { self.format.valid_mask } else { 0 };
        self.format.reserved_mask | self.format.pointer_reserved_mask | illegal
    }

    /// The write bit, where it is reserved without the read bit.
    pub fn write_needs_read(self) -> u64 {
        if self.format.write_needs_read {
            self.format.write_mask
        } else {
            0
        }
    }

    /// Page-number bits beyond the physical width.
    pub fn out_of_range(self) -> u64 {
        self.format.page_mask() & !(((1u64 << PHYS_PAGE_BITS) - 1) << self.format.page_lsb)
    }

    /// Page-number bits that must be clear in an aligned superpage, where that is a cause of its own.
    pub fn misaligned(self) -> u64 {
        if self.format.large_low_bits_reserved {
            0
        } else {
            self.format.low_page_mask(self.level)
        }
    }

    /// Permissions of pointers count too.
    pub fn every_level(self) -> bool {
        self.format.permissions == PermissionRule::EveryLevel
    }

    /// Page number bits of a leaf that come from the virtual address.
    pub fn inside(self) -> u64 {
        ((1u64 << (self.level * self.format.index_bits)) - 1) & ((1 << PHYS_PAGE_BITS) - 1)
    }

    /// Lowest virtual page bit of the table's index.
    pub fn index_lsb(self) -> usize {
        self.level * self.format.index_bits
    }

    /// Lowest virtual page bit above the table's index: what selects the table.
    pub fn table_lsb(self) -> u64 {
        ((self.level + 1) * self.format.index_bits) as u64
    }

    /// Which bits of the page-walk cache's tag select the table.
    pub fn table_tag(self) -> u64 {
        let selecting = ((1u64 << PAGE_BITS) - 1) & (u64::MAX << self.table_lsb());
        (selecting >> LARGE_SHIFT) & ((1 << WALK_TAG_BITS) - 1)
    }
}
