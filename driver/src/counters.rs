//! What the engine counted since its reset.

use crate::platform::{read, read_pair, select, Bus};
use segwalk_model::refusal::Refusal;
use segwalk_model::registers;

/// Counters of the whole engine; they wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Chains completed, refused ones included.
    pub chains: u32,
    /// Frames emitted.
    pub frames: u32,
    /// Bytes emitted.
    pub bytes: u64,
    /// Chains refused with a packet error.
    pub refused: u32,
    /// Translation faults.
    pub faults: u32,
    /// Translations answered by the TLB.
    pub tlb_hits: u32,
    /// Translations that needed a walk.
    pub tlb_misses: u32,
    /// Page-table walks.
    pub walks: u32,
}

impl Counters {
    /// Reads them all.
    pub fn read<B: Bus + ?Sized>(bus: &mut B) -> Result<Self, B::Error> {
        Ok(Self {
            chains: read(bus, registers::COUNT_CHAINS)?,
            frames: read(bus, registers::COUNT_FRAMES)?,
            bytes: read_pair(bus, registers::COUNT_BYTES_LOW, registers::COUNT_BYTES_HIGH)?,
            refused: read(bus, registers::COUNT_REFUSED)?,
            faults: read(bus, registers::COUNT_FAULTS)?,
            tlb_hits: read(bus, registers::COUNT_TLB_HITS)?,
            tlb_misses: read(bus, registers::COUNT_TLB_MISSES)?,
            walks: read(bus, registers::COUNT_WALKS)?,
        })
    }

    /// What was counted since `before`.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        Self {
            chains: self.chains.wrapping_sub(before.chains),
            frames: self.frames.wrapping_sub(before.frames),
            bytes: self.bytes.wrapping_sub(before.bytes),
            refused: self.refused.wrapping_sub(before.refused),
            faults: self.faults.wrapping_sub(before.faults),
            tlb_hits: self.tlb_hits.wrapping_sub(before.tlb_hits),
            tlb_misses: self.tlb_misses.wrapping_sub(before.tlb_misses),
            walks: self.walks.wrapping_sub(before.walks),
        }
    }
}

/// Counters of a transmit queue; they wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueCounters {
    /// Chains completed, refused ones included.
    pub chains: u32,
    /// Frames emitted.
    pub frames: u32,
    /// Bytes of those frames.
    pub bytes: u64,
    /// Chains refused with a packet error.
    pub refused: u32,
}

impl QueueCounters {
    /// Reads those of transmit queue `number`.
    pub fn read<B: Bus + ?Sized>(bus: &mut B, number: u32) -> Result<Self, B::Error> {
        select(bus, number)?;
        Ok(Self {
            chains: read(bus, registers::QUEUE_CHAINS)?,
            frames: read(bus, registers::QUEUE_FRAMES)?,
            bytes: read_pair(bus, registers::QUEUE_BYTES_LOW, registers::QUEUE_BYTES_HIGH)?,
            refused: read(bus, registers::QUEUE_REFUSED)?,
        })
    }
}

/// How often the engine refused with this code.
pub fn refusals<B: Bus + ?Sized>(bus: &mut B, refusal: Refusal) -> Result<u32, B::Error> {
    bus.read_offset(registers::REFUSALS_BASE + 4 * u16::from(refusal.code()))
}
