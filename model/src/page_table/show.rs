//! Entries in words, for people.

use super::format::{Format, LeafRule};
use super::walk::EntryKind;

/// Name of a bit of an entry.
struct BitName {
    bit: usize,
    name: &'static str,
    /// Only leaves have it, or only pointers do; both if nothing.
    only: Option<EntryKind>,
}

const fn any(bit: usize, name: &'static str) -> BitName {
    BitName { bit, name, only: None }
}

const fn leaf(bit: usize, name: &'static str) -> BitName {
    BitName {
        bit,
        name,
        only: Some(EntryKind::Leaf),
    }
}

/// RISC-V privileged specification, 4.3.1.
const RISCV_BITS: &[BitName] = &[
    any(0, "V"),
    any(1, "R"),
    any(2, "W"),
    any(3, "X"),
    any(4, "U"),
    any(5, "G"),
    any(6, "A"),
    any(7, "D"),
];

/// Intel SDM volume 3A, tables 4-4 to 4-6 and 4-14 to 4-19.
const X86_BITS: &[BitName] = &[
    any(0, "P"),
    any(1, "R/W"),
    any(2, "U/S"),
    any(3, "PWT"),
    any(4, "PCD"),
    any(5, "A"),
    leaf(6, "D"),
    leaf(8, "G"),
];

impl Format {
    /// Names of the bits that are set in an entry of this level, lowest first; for a bit that must not be set, its
    /// number in brackets.
    pub fn bit_names(&self, entry: u64, level: usize) -> Vec<String> {
        let is_leaf = self.is_leaf(entry, level);
        let kind = if is_leaf { EntryKind::Leaf } else { EntryKind::Pointer };
        let x86 = self.leaf_rule == LeafRule::AboveLast;
        let names = if x86 { X86_BITS } else { RISCV_BITS };
        let set = |bit: usize| entry >> bit & 1 == 1;
        let mut found: Vec<(usize, String)> = names
            .iter()
            .filter(|name| set(name.bit) && name.only.is_none_or(|only| only == kind))
            .map(|name| (name.bit, name.name.to_string()))
            .collect();
        if x86 {
            let large = level > 0 && is_leaf;
            for (bit, shown, name) in [
                (7, level > 0, "PS"),
                (7, level == 0, "PAT"),
                (12, large, "PAT"),
                (63, self.entry_bytes == 8, "XD"),
            ] {
                if shown && set(bit) {
                    found.push((bit, name.to_string()));
                }
            }
        }
        let reserved = self.reserved_bits(entry, level);
        found.extend(
            (0..8 * self.entry_bytes)
                .filter(|bit| reserved >> bit & 1 == 1)
                .filter(|bit| names.iter().all(|name| name.bit != *bit))
                .map(|bit| (bit, format!("[{bit}]"))),
        );
        found.sort_by_key(|(bit, _)| *bit);
        found.into_iter().map(|(_, name)| name).collect()
    }

    /// The set bits of an entry that are reserved at this level or lie below a superpage's own address.
    fn reserved_bits(&self, entry: u64, level: usize) -> u64 {
        let mask = if self.is_leaf(entry, level) && self.leaf_legal(level) {
            self.low_page_mask(level)
        } else {
            0
        };
        entry & (self.reserved_mask | mask)
    }

    /// What the format's document calls an entry of this level.
    pub fn entry_name(&self, level: usize) -> &'static str {
        match (self.leaf_rule, level) {
            (LeafRule::AnyLevel, _) => "PTE",
            (_, 0) => "PTE",
            (_, 1) => "PDE",
            (_, 2) => "PDPTE",
            _ => "PML4E",
        }
    }
}

/// A page size as people say it: 4 KiB, 2 MiB, 1 GiB.
pub fn size_name(bytes: u64) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let unit = (bytes.trailing_zeros() / 10).min(units.len() as u32 - 1);
    format!("{} {}", bytes >> (10 * unit), units[unit as usize])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page_table::Mode;

    fn names(mode: Mode, entry: u64, level: usize) -> String {
        mode.format().unwrap().bit_names(entry, level).join(" ")
    }

    #[test]
    fn bits_have_the_names_of_the_specifications() {
        assert_eq!(names(Mode::Sv39, 0x2000_00D7, 0), "V R W U A D");
        assert_eq!(names(Mode::Sv39, 0x2000_0001, 2), "V");
        assert_eq!(names(Mode::Sv39, 1 << 63 | 0xFF, 0), "V R W X U G A D [63]");
        assert_eq!(names(Mode::Sv48, 0x4D7, 1), "V R W U A D [10]");
        assert_eq!(names(Mode::X86_64, 1 << 63 | 0x1000_01E7, 0), "P R/W U/S A D PAT G XD");
        assert_eq!(names(Mode::X86_64, 0x4020_10E7, 1), "P R/W U/S A D PS PAT");
        assert_eq!(names(Mode::X86_64, 0x1000_0167, 1), "P R/W U/S A");
        assert_eq!(names(Mode::X86_64, 1 << 45 | 0x27, 3), "P R/W U/S A [45]");
        assert_eq!(names(Mode::X86_32, 0x0040_2083, 1), "P R/W PS [13]");
        assert_eq!(names(Mode::X86_32, 0x0040_2083, 0), "P R/W PAT");
    }

    #[test]
    fn sizes_in_words() {
        assert_eq!(
            [1 << 12, 1 << 21, 1 << 22, 1 << 30, 1 << 39, 1 << 40].map(size_name),
            ["4 KiB", "2 MiB", "4 MiB", "1 GiB", "512 GiB", "1 TiB"]
        );
    }
}
