//! Why a walk ended as it did, in a sentence about the very bits.

use super::format::{Canonical, Format, LeafRule, PermissionRule};
use super::show::size_name;
use super::walk::{Access, Context, Step, Walk};
use crate::limits::PHYS_ADDR_BITS;
use crate::refusal::FaultCause;

impl Walk {
    /// Which bits made it a fault; nothing when it translated.
    pub fn explain(&self, context: &Context, virt_addr: u64, access: Access) -> Option<String> {
        let cause = self.result.err()?;
        let Some(format) = context.mode.format() else {
            return Some(match cause {
                FaultCause::PhysRange => format!("{virt_addr:#x} is beyond {PHYS_ADDR_BITS} bits"),
                _ => format!("the context's mode is {}", context.mode.name()),
            });
        };
        let Some(step) = self.steps.last() else {
            return Some(canonical(format, virt_addr));
        };
        let entry = step.entry.unwrap_or(0);
        Some(match cause {
            FaultCause::NotPresent => self.clear(format, format.valid_mask, false),
            FaultCause::NotReadable => self.clear(format, format.read_mask, true),
            FaultCause::Supervisor => self.clear(format, format.user_mask, true),
            FaultCause::AccessedClear => self.clear(format, format.accessed_mask, true),
            FaultCause::NotWritable if access == Access::Write && entry & format.dirty_mask != 0 => {
                self.clear(format, format.write_mask, true)
            }
            FaultCause::NotWritable => {
                let writable = self
                    .judged(format)
                    .all(|step| step.entry.unwrap_or(0) & format.write_mask != 0);
                let mask = if writable { format.dirty_mask } else { format.write_mask };
                self.clear(format, mask, true)
            }
            FaultCause::ReservedBits => reserved(format, step, entry),
            FaultCause::Misaligned => {
                let size = size_name(format.page_bytes(step.level));
                format!(
                    "{} must be 0 in the entry of a page of {size}",
                    bits(entry & format.low_page_mask(step.level))
                )
            }
            FaultCause::WalkBusError => format!("no memory answers at {:#x}", step.entry_addr),
            FaultCause::PhysRange => {
                let page = format.page_number(entry);
                format!("it names {:#x}, beyond {PHYS_ADDR_BITS} bits", u128::from(page) << 12)
            }
            FaultCause::NonCanonical | FaultCause::BadContext => canonical(format, virt_addr),
        })
    }

    /// The entries whose permissions count.
    fn judged<'a>(&'a self, format: &Format) -> impl Iterator<Item = &'a Step> {
        let from = match format.permissions {
            PermissionRule::EveryLevel => 0,
            PermissionRule::Leaf => self.steps.len().saturating_sub(1),
        };
        self.steps[from..].iter()
    }

    /// Says where a bit is clear that had to be set.
    fn clear(&self, format: &Format, mask: u64, every_level: bool) -> String {
        let of_last = self.steps.len().saturating_sub(1);
        let from = match format.permissions {
            PermissionRule::EveryLevel if every_level && mask != format.dirty_mask => 0,
            _ => of_last,
        };
        let places: Vec<String> = self.steps[from..]
            .iter()
            .filter(|step| step.entry.unwrap_or(0) & mask == 0)
            .map(|step| format!("the {} of level {}", format.entry_name(step.level), step.level))
            .collect();
        let name = format.bit_names(mask, 0).concat();
        format!("{name} is clear in {}", places.join(" and "))
    }
}

fn canonical(format: &Format, virt_addr: u64) -> String {
    let top = format.virt_bits - 1;
    match format.canonical {
        Canonical::SignExtended => format!("bits 63:{} of {virt_addr:#x} do not equal bit {top}", top + 1),
        Canonical::ZeroExtended => format!("{virt_addr:#x} is beyond {} bits", format.virt_bits),
    }
}

fn reserved(format: &Format, step: &Step, entry: u64) -> String {
    let level = step.level;
    let leaf = format.is_leaf(entry, level);
    if leaf && !format.leaf_legal(level) {
        return format!(
            "PS is set in the {}, but there are no pages of that size",
            format.entry_name(level)
        );
    }
    let low = if leaf && format.large_low_bits_reserved {
        format.low_page_mask(level)
    } else {
        0
    };
    let set = entry & (format.reserved_mask | low);
    if set != 0 {
        return format!("{} must be 0 in this entry", bits(set));
    }
    if format.write_needs_read && entry & format.write_mask != 0 && entry & format.read_mask == 0 {
        return "W is set without R".into();
    }
    let set = entry & format.pointer_reserved_mask;
    if level > 0 && set != 0 {
        return format!("{} must be 0 in an entry that leads to a table", bits(set));
    }
    match format.leaf_rule {
        LeafRule::AnyLevel => "neither R nor X is set, but this is the last level".into(),
        LeafRule::AboveLast => "the entry has a reserved encoding".into(),
    }
}

/// The set bits by number.
fn bits(set: u64) -> String {
    let numbers: Vec<String> = (0..64)
        .filter(|bit| set >> bit & 1 == 1)
        .map(|bit| bit.to_string())
        .collect();
    match numbers.len() {
        1 => format!("bit {}", numbers[0]),
        _ => format!("bits {}", numbers.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{walk, Mode};
    use super::*;
    use crate::memory::{MemoryMut, SparseMemory};

    /// Tables whose entries all are the given ones, root first.
    fn explain(mode: Mode, entries: &[u64], access: Access) -> String {
        let mut memory = SparseMemory::new();
        let bytes = mode.format().unwrap().entry_bytes;
        for (at, entry) in entries.iter().enumerate() {
            memory.add_page(1 + at as u64);
            let page: Vec<u8> = (0..4096 / bytes)
                .flat_map(|_| entry.to_le_bytes()[..bytes].to_vec())
                .collect();
            memory.write((1 + at as u64) << 12, &page).unwrap();
        }
        let context = Context::new(mode, 1);
        let walk = walk(&memory, &context, 0x1234_5678, access);
        walk.explain(&context, 0x1234_5678, access)
            .unwrap_or_else(|| "translated".into())
    }

    #[test]
    fn the_bits_are_named() {
        let table = |page: u64| page << 10 | 1;
        let sv39 = |leaf| explain(Mode::Sv39, &[table(2), table(3), leaf], Access::Write);
        assert_eq!(sv39(0xD7), "translated");
        assert_eq!(sv39(0), "V is clear in the PTE of level 0");
        assert_eq!(sv39(0xC7), "U is clear in the PTE of level 0");
        assert_eq!(sv39(0xD3), "W is clear in the PTE of level 0");
        assert_eq!(sv39(0x57), "D is clear in the PTE of level 0");
        assert_eq!(sv39(0x97), "A is clear in the PTE of level 0");
        assert_eq!(sv39(0x05), "W is set without R");
        assert_eq!(sv39(0x01), "neither R nor X is set, but this is the last level");
        assert_eq!(sv39(0xD7 | 3 << 61), "bits 61, 62 must be 0 in this entry");
        assert_eq!(sv39(0xD7 | 1 << 40), "it names 0x40000000000, beyond 40 bits");
        assert_eq!(
            explain(Mode::Sv39, &[table(2), 0x2051], Access::Read),
            "bits 4, 6 must be 0 in an entry that leads to a table"
        );
        assert_eq!(
            explain(Mode::Sv39, &[table(2), 0x4D7], Access::Read),
            "bit 10 must be 0 in the entry of a page of 2 MiB"
        );
        assert_eq!(
            explain(Mode::Sv39, &[table(9)], Access::Read),
            "no memory answers at 0x9488"
        );
        let x86 = |entries: &[u64]| explain(Mode::X86_64, entries, Access::Write);
        assert_eq!(
            x86(&[0x2023, 0x3067, 0x4063, 0x67]),
            "U/S is clear in the PML4E of level 3 and the PDE of level 1"
        );
        assert_eq!(
            x86(&[0x2067, 0x3065, 0x4067, 0x67]),
            "R/W is clear in the PDPTE of level 2"
        );
        assert_eq!(x86(&[0x2067, 0x3067, 0x4067, 0x27]), "D is clear in the PTE of level 0");
        assert_eq!(
            x86(&[0x20E7]),
            "PS is set in the PML4E, but there are no pages of that size"
        );
    }
}
