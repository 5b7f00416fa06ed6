//! What the bits of the core's `debug_states` port mean, for a dump of every state machine.

use crate::bus::{registers, reset_sequencer};
use crate::payload::{burst_cutter, chunker};
use crate::{mmu, queue, tso};

/// A state machine's number in `debug_states`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateField {
    /// The state machine.
    pub name: &'static str,
    /// Lowest bit.
    pub lsb: u32,
    /// Number of bits.
    pub width: u32,
    /// Names of its states, by number.
    pub states: &'static [&'static str],
}

impl StateField {
    /// The state's name in a value of `debug_states`, or its number when it has none.
    pub fn state(&self, debug_states: u64) -> String {
        let number = (debug_states >> self.lsb & ((1 << self.width) - 1)) as usize;
        self.states
            .get(number)
            .map_or_else(|| format!("state {number}"), |name| (*name).to_string())
    }
}

const fn field(name: &'static str, lsb: u32, width: u32, states: &'static [&'static str]) -> StateField {
    StateField {
        name,
        lsb,
        width,
        states,
    }
}

/// What an output without a beat waits for, as far as the payload reader knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Bytes are there and the TSO pipeline does not take them.
    Engine,
    /// Beats that were asked for, or the rest of a frame whose bytes come in.
    Payload,
    /// A translation.
    Translation,
    /// A chain or a fragment of one.
    Descriptors,
}

/// Lowest bit of the reader's `debug_waits`.
const WAITS_LSB: u32 = 45;
/// Lowest bit of the chunker's state, of which the first two wait for the queue fetcher.
const CHUNKER_LSB: u32 = 24;

impl Wait {
    /// Reads a value of `debug_states`, from the output of the reader to its input.
    pub fn of(debug_states: u64) -> Self {
        let waits = debug_states >> WAITS_LSB;
        match (
            waits & 1,
            waits >> 1 & 1,
            waits >> 2 & 1,
            debug_states >> CHUNKER_LSB & 7,
        ) {
            (1, ..) => Wait::Engine,
            (_, 1, ..) => Wait::Payload,
            (_, _, 1, _) => Wait::Translation,
            (_, _, _, 0 | 1) => Wait::Descriptors,
            _ => Wait::Engine,
        }
    }
}

/// Every state machine of the core.
pub const STATES: &[StateField] = &[
    field("registers", 0, 8, registers::register_block::DEBUG_STATES),
    field("queue heads", 8, 3, queue::fetcher::DEBUG_HEADS),
    field("queue walker", 11, 3, queue::fetcher::DEBUG_WALKER),
    field("mmu", 16, 8, mmu::DEBUG_STATES),
    field("payload chunker", 24, 3, chunker::CHUNK_STATES),
    field("payload burst cutter", 27, 3, burst_cutter::CUT_STATES),
    field(
        "payload realigner",
        30,
        2,
        &["between chains", "in a chain", "dropping", "last word"],
    ),
    field("tso intake", 32, 4, tso::DEBUG_STATES),
    field("tso cutter", 36, 4, tso::DEBUG_CUTTER_STATES),
    field("tso values", 40, 3, tso::DEBUG_VALUE_STATES),
    field("tso emitter", 44, 1, tso::DEBUG_EMITTER_STATES),
    field("completion", 48, 8, queue::completion::DEBUG_STATES),
    field("reset sequencer", 56, 2, reset_sequencer::RESET_STATES),
    field(
        "payload waits",
        WAITS_LSB,
        3,
        &[
            "none",
            "stream",
            "beats",
            "stream, beats",
            "translation",
            "stream, translation",
            "beats, translation",
            "all",
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_do_not_overlap_and_hold_their_states() {
        let mut seen = 0u64;
        for field in STATES {
            let mask = ((1u64 << field.width) - 1) << field.lsb;
            assert_eq!(seen & mask, 0, "{}", field.name);
            seen |= mask;
            assert!(field.states.len() <= 1 << field.width, "{}", field.name);
        }
    }

    #[test]
    fn the_wait_next_to_the_output_counts() {
        let waits = |reader: u64, chunker: u64| Wait::of(reader << WAITS_LSB | chunker << CHUNKER_LSB);
        assert_eq!(waits(0b111, 0), Wait::Engine);
        assert_eq!(waits(0b110, 0), Wait::Payload);
        assert_eq!(waits(0b100, 4), Wait::Translation);
        assert_eq!((waits(0, 1), waits(0, 4)), (Wait::Descriptors, Wait::Engine));
    }
}
