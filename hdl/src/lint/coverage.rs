//! Which bits of which signals are written on every path up to a place.

use std::collections::BTreeMap;

/// Written bits by signal.
#[derive(Clone, Debug, Default)]
pub(super) struct Coverage(BTreeMap<String, Vec<bool>>);

impl Coverage {
    /// Bits `lsb .. lsb + count` of a signal of `width` bits are written.
    pub(super) fn write(&mut self, signal: &str, width: usize, lsb: usize, count: usize) {
        let bits = self.0.entry(signal.to_string()).or_insert_with(|| vec![false; width]);
        bits.iter_mut().skip(lsb).take(count).for_each(|bit| *bit = true);
    }

    /// All of these bits are written.
    pub(super) fn holds(&self, signal: &str, lsb: usize, count: usize) -> bool {
        self.0
            .get(signal)
            .is_some_and(|bits| bits.iter().skip(lsb).take(count).all(|bit| *bit))
    }

    /// Keeps what is written on both paths.
    pub(super) fn meet(&mut self, other: &Coverage) {
        self.0.retain(|signal, bits| match other.0.get(signal) {
            Some(theirs) => {
                bits.iter_mut().zip(theirs).for_each(|(bit, their)| *bit &= their);
                true
            }
            None => false,
        });
    }
}
