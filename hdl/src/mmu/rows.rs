//! Constants of the walker, made from the model's format tables.
//!
//! A *row* is one level of one format. Rows of a format stand together, root first, so that a walk is one hot bit that
//! moves up by one place for each level down. Another format is more rows; no kernel changes.

use super::types::{LARGE_SHIFT, PAGE_BITS, WALK_TAG_BITS};
use rust_hdl::prelude::*;
use segwalk_model::limits::{PHYS_ADDR_BITS, PHYS_PAGE_BITS, VIRT_PAGE_BITS};
use segwalk_model::page_table::{Canonical, Format, LeafRule, Mode, PermissionRule, FORMATS};

const fn rows_of_all() -> usize {
    let (mut ix, mut sum) = (0, 0);
    while ix < FORMATS.len() {
        sum += FORMATS[ix].levels;
        ix += 1;
    }
    sum
}

/// Page-table formats.
pub const FORMAT_COUNT: usize = FORMATS.len();
/// Levels of all of them together.
pub const ROWS: usize = rows_of_all();
/// Modes that translate: the formats, and Bare as the last.
pub const MODE_COUNT: usize = FORMAT_COUNT + 1;
/// Groups of rows whose entries stand at the same place of the virtual address.
pub const INDEX_GROUPS: usize = 6;
/// Groups of rows whose tables are selected from the same place of the virtual address.
pub const TABLE_GROUPS: usize = 4;
/// Groups of rows whose page number begins at the same bit.
pub const PAGE_GROUPS: usize = 2;
/// Places where the rule for the upper virtual page bits changes from one mode to another.
pub const SEGMENTS: usize = 4;

/// The formats.
pub fn formats() -> impl Iterator<Item = &'static Format> {
    FORMATS.iter()
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

/// Rows in groups of equal `value`, as (value, rows); rows without one are in none. `N` is the number of groups.
fn groups<const N: usize>(value: impl Fn(Row) -> Option<u64>) -> [(u64, Constant<Bits<ROWS>>); N] {
    let values: std::collections::BTreeSet<u64> = rows().into_iter().filter_map(&value).collect();
    assert_eq!(
        values.len(),
        N,
        "the formats have changed: count the groups of rows again"
    );
    let values: Vec<u64> = values.into_iter().collect();
    std::array::from_fn(|ix| (values[ix], row_set(|row| value(row) == Some(values[ix]))))
}

/// The values of [`groups`].
pub fn group_values<const W: usize, const N: usize>(value: impl Fn(Row) -> Option<u64>) -> [Constant<Bits<W>>; N] {
    groups::<N>(value).map(|(value, _)| Constant::new(value.to_bits()))
}

/// The rows of [`groups`].
pub fn group_rows<const N: usize>(value: impl Fn(Row) -> Option<u64>) -> [Constant<Bits<ROWS>>; N] {
    groups::<N>(value).map(|(_, rows)| rows)
}

/// Lowest virtual page bit that a mode only checks, for each mode.
fn lowest_checked() -> Vec<usize> {
    formats()
        .map(|format| format.virt_bits - 12 - usize::from(format.canonical == Canonical::SignExtended))
        .chain([PHYS_ADDR_BITS - 12])
        .collect()
}

/// The upper virtual page bits in segments, lowest first: every mode checks some of them, from one of them upwards.
pub fn segment_masks() -> [Constant<Bits<VIRT_PAGE_BITS>>; SEGMENTS] {
    let borders = segment_borders();
    std::array::from_fn(|ix| {
        let end = borders.get(ix + 1).copied().unwrap_or(VIRT_PAGE_BITS);
        Constant::new((((1u64 << end) - 1) & (u64::MAX << borders[ix])).to_bits())
    })
}

fn segment_borders() -> Vec<usize> {
    let borders: std::collections::BTreeSet<usize> = lowest_checked().into_iter().collect();
    assert_eq!(
        borders.len(),
        SEGMENTS,
        "the formats have changed: count the segments again"
    );
    borders.into_iter().collect()
}

/// For each mode, the segments that it does not check.
pub fn segments_free() -> [Constant<Bits<SEGMENTS>>; MODE_COUNT] {
    let (borders, lowest) = (segment_borders(), lowest_checked());
    std::array::from_fn(|ix| {
        let free = borders.iter().filter(|border| **border < lowest[ix]).count();
        Constant::new(((1u64 << free) - 1).to_bits())
    })
}

/// For each mode, whether the checked bits may all be one.
pub fn upper_ones() -> [Constant<Bit>; MODE_COUNT] {
    let may: Vec<bool> = formats()
        .map(|format| format.canonical == Canonical::SignExtended)
        .chain([false])
        .collect();
    std::array::from_fn(|ix| Constant::new(may[ix]))
}

/// For each mode, whether a line holds 16 entries.
pub fn short_modes() -> [Constant<Bit>; MODE_COUNT] {
    let short: Vec<bool> = formats().map(|format| format.entry_bytes == 4).chain([false]).collect();
    std::array::from_fn(|ix| Constant::new(short[ix]))
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

    /// Lowest virtual page bit that counts 8-byte words in the table.
    pub fn word_lsb(self) -> Option<u64> {
        Some((self.index_lsb() + usize::from(self.is_short())) as u64)
    }

    /// Entries are of 4 bytes.
    pub fn is_short(self) -> bool {
        self.format.entry_bytes == 4
    }

    /// Lowest bit of the page number in an entry.
    pub fn page_lsb(self) -> Option<u64> {
        Some(self.format.page_lsb as u64)
    }

    /// Lowest virtual page bit above the table's index: what selects the table. The root is not selected.
    pub fn table_lsb(self) -> Option<u64> {
        (self.level + 1 < self.format.levels).then_some(((self.level + 1) * self.format.index_bits) as u64)
    }

    /// Which bits of the page-walk cache's tag select the table.
    pub fn table_tag(self) -> u64 {
        let Some(lsb) = self.table_lsb() else { return 0 };
        let selecting = ((1u64 << PAGE_BITS) - 1) & (u64::MAX << lsb);
        (selecting >> LARGE_SHIFT) & ((1 << WALK_TAG_BITS) - 1)
    }
}
