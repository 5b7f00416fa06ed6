//! Where in a format each cause of a fault can arise; the documentation's table and the tests' coverage follow it.

use super::format::{Format, LeafRule, Mode};
use crate::limits::PHYS_PAGE_BITS;
use crate::refusal::FaultCause;

impl Format {
    /// Whether an entry of this level can end a walk with this cause. Causes that are found before the first entry is
    /// read have no level.
    pub fn can_fail(&self, level: usize, cause: FaultCause) -> bool {
        if level >= self.levels {
            return false;
        }
        let leaf = self.leaf_legal(level);
        match cause {
            FaultCause::NotPresent | FaultCause::WalkBusError => true,
            FaultCause::ReservedBits => self.has_reserved(level),
            FaultCause::PhysRange => self.page_bits > PHYS_PAGE_BITS,
            FaultCause::Misaligned => leaf && !self.large_low_bits_reserved && self.low_page_mask(level) != 0,
            FaultCause::Supervisor | FaultCause::NotWritable | FaultCause::AccessedClear => leaf,
            FaultCause::NotReadable => leaf && self.read_mask != 0,
            FaultCause::NonCanonical | FaultCause::BadContext => false,
        }
    }

    /// Whether an entry of this level has a bit or an encoding that is reserved.
    fn has_reserved(&self, level: usize) -> bool {
        let leaf = self.leaf_legal(level);
        let last = level == 0;
        self.reserved_mask != 0
            || self.write_needs_read
            || (last && self.leaf_rule == LeafRule::AnyLevel)
            || (!last && (self.pointer_reserved_mask != 0 || !leaf))
            || (leaf && self.large_low_bits_reserved && self.low_page_mask(level) != 0)
    }
}

impl Mode {
    /// Whether the cause is found from the address or the context alone, before any entry is read.
    pub fn fails_before_walk(self, cause: FaultCause) -> bool {
        match cause {
            FaultCause::NonCanonical => self.format().is_some(),
            FaultCause::PhysRange => self == Mode::Bare,
            FaultCause::BadContext => matches!(self, Mode::Reserved | Mode::Off),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `mode: level, level` for every mode that can give the cause.
    fn places(cause: FaultCause) -> String {
        let mut places = Vec::new();
        for mode in Mode::ALL {
            let mut levels: Vec<String> = Vec::new();
            if mode.fails_before_walk(cause) {
                levels.push("-".into());
            }
            if let Some(format) = mode.format() {
                levels.extend(
                    (0..4)
                        .filter(|level| format.can_fail(*level, cause))
                        .map(|l| l.to_string()),
                );
            }
            if !levels.is_empty() {
                places.push(format!("{} {}", mode.name(), levels.concat()));
            }
        }
        places.join(", ")
    }

    #[test]
    fn every_cause_has_its_places() {
        let everywhere = "sv32 01, sv39 012, sv48 0123, x86-32 01, x86-64 0123";
        let leaves = "sv32 01, sv39 012, sv48 0123, x86-32 01, x86-64 012";
        for (cause, expected) in [
            (FaultCause::NotPresent, everywhere),
            (FaultCause::NotReadable, "sv32 01, sv39 012, sv48 0123"),
            (FaultCause::NotWritable, leaves),
            (FaultCause::Supervisor, leaves),
            (FaultCause::NonCanonical, "sv32 -, sv39 -, sv48 -, x86-32 -, x86-64 -"),
            (
                FaultCause::ReservedBits,
                "sv32 01, sv39 012, sv48 0123, x86-32 1, x86-64 0123",
            ),
            (FaultCause::Misaligned, "sv32 1, sv39 12, sv48 123"),
            (FaultCause::AccessedClear, leaves),
            (FaultCause::WalkBusError, everywhere),
            (FaultCause::PhysRange, "bare -, sv39 012, sv48 0123"),
            (FaultCause::BadContext, "reserved -, off -"),
        ] {
            assert_eq!(places(cause), expected, "{}", cause.name());
        }
    }
}
