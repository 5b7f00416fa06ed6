//! Entries that end a walk with a given cause.

use rand::seq::SliceRandom;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use segwalk_model::page_table::{Format, LeafRule, PermissionRule};
use segwalk_model::refusal::FaultCause;

/// A page without memory that every format's entries can name.
pub const MISSING_PAGE: u64 = 0xF_FFFF;

/// All ways to change a sound entry of `level` so that a walk ends there with `cause`, whatever the access, in a context
/// with all checks. Bus errors are not among them: they take an entry of the level above, see [`missing_table`].
pub fn ways(format: &Format, level: usize, entry: u64, cause: FaultCause) -> Vec<u64> {
    if !format.can_fail(level, cause) {
        return vec![];
    }
    let leaf = format.is_leaf(entry, level);
    let each = |mask: u64| (0..64).filter(move |bit| mask >> bit & 1 == 1).map(|bit| 1u64 << bit);
    match cause {
        FaultCause::NotPresent => vec![0, entry & !format.valid_mask],
        FaultCause::ReservedBits => {
            let mut ways: Vec<u64> = each(format.reserved_mask).map(|bit| entry | bit).collect();
            if !leaf {
                ways.extend(each(format.pointer_reserved_mask).map(|bit| entry | bit));
                if level > 0 && !format.leaf_legal(level) {
                    ways.push(entry | format.leaf_mask);
                }
            } else if format.large_low_bits_reserved {
                ways.extend(each(format.low_page_mask(level)).map(|bit| entry | bit));
            }
            if format.write_needs_read {
                let plain = entry & !(format.read_mask | format.execute_mask);
                ways.push(plain | format.write_mask);
                ways.push(plain | format.write_mask | format.execute_mask);
            }
            if leaf && level == 0 && format.leaf_rule == LeafRule::AnyLevel {
                ways.push(entry & !(format.leaf_mask | format.write_mask));
            }
            ways
        }
        FaultCause::PhysRange => each(format.page_mask() & !(((1 << 28) - 1) << format.page_lsb))
            .map(|bit| entry | bit)
            .collect(),
        FaultCause::Misaligned if leaf => each(format.low_page_mask(level)).map(|bit| entry | bit).collect(),
        FaultCause::Supervisor if leaf => vec![entry & !format.user_mask],
        // execute-only; R and W go together, because W alone is reserved
        FaultCause::NotReadable if leaf => {
            vec![entry & !(format.read_mask | format.write_mask) | format.execute_mask]
        }
        FaultCause::NotWritable if leaf => vec![entry & !format.write_mask, entry & !format.dirty_mask],
        FaultCause::AccessedClear if leaf => vec![entry & !format.accessed_mask],
        _ => vec![],
    }
}

/// A pointer that leads where no memory is: the level below meets a bus error.
pub fn missing_table(format: &Format, pointer: u64) -> u64 {
    pointer & !format.page_mask() | MISSING_PAGE << format.page_lsb
}

/// A random change of an entry: one of the ways above, some flipped bits, or anything.
pub fn spoil(random: &mut ChaCha8Rng, format: &Format, level: usize, entry: u64) -> u64 {
    let width = 8 * format.entry_bytes;
    match random.gen_range(0..12) {
        0 => random.gen::<u64>() >> (64 - width),
        1 => entry ^ 1 << random.gen_range(0..width) ^ 1 << random.gen_range(0..8),
        2 | 3 => entry ^ 1 << random.gen_range(0..width),
        4 if level > 0 => missing_table(format, entry),
        // x86 gathers permissions over all levels: a pointer without one spoils its pages
        5 if format.permissions == PermissionRule::EveryLevel => {
            let masks = [format.user_mask, format.write_mask, format.accessed_mask];
            entry & !masks.choose(random).expect("there are three")
        }
        _ => {
            let of = |cause: &FaultCause| Some(ways(format, level, entry, *cause)).filter(|ways| !ways.is_empty());
            let all: Vec<Vec<u64>> = FaultCause::ALL.iter().filter_map(of).collect();
            let ways = all.choose(random).expect("any entry can be absent");
            *ways.choose(random).expect("only causes with ways were kept")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use segwalk_model::page_table::FORMATS;

    #[test]
    fn there_is_a_way_for_every_cause_that_an_entry_can_have() {
        for format in FORMATS {
            for level in 0..format.levels {
                for cause in FaultCause::ALL {
                    let leaf = format.valid_mask | format.read_mask | if level > 0 { format.leaf_mask } else { 0 };
                    let found = [format.valid_mask, leaf]
                        .into_iter()
                        .any(|entry| !ways(format, level, entry, *cause).is_empty());
                    let possible = format.can_fail(level, *cause) && *cause != FaultCause::WalkBusError;
                    assert_eq!(found, possible, "{} level {level} {cause:?}", format.name);
                }
            }
        }
    }
}
