//! What the software side needs of a device: registers, memory, time and the frames it emitted. The Verilated core is
//! one, the reference model another.

use anyhow::Result;
use segwalk_model::memory::SparseMemory;
use segwalk_model::registers::{self, Register};

/// A frame that left the device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmittedFrame {
    /// Clock of its first beat.
    pub first_clock: u64,
    /// Clock of its last beat.
    pub last_clock: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A device with the register block of [`segwalk_model::registers`] and access to host memory.
pub trait Device {
    /// Reads the 32-bit register at a byte offset.
    fn read_offset(&mut self, offset: u16) -> Result<u32>;
    /// Writes the 32-bit register at a byte offset.
    fn write_offset(&mut self, offset: u16, value: u32) -> Result<()>;
    /// Host memory as the device sees it.
    fn memory(&self) -> &SparseMemory;
    /// Host memory, to be changed between clocks.
    fn memory_mut(&mut self) -> &mut SparseMemory;
    /// Lets `clocks` clocks pass; an error says why the device cannot go on.
    fn run(&mut self, clocks: u64) -> Result<()>;
    /// Lets clocks pass until memory is as it should be, which is work that the device has been given: when it stops
    /// making progress, that is an error.
    fn run_until(&mut self, done: &mut dyn FnMut(&SparseMemory) -> Result<bool>) -> Result<()>;
    /// Clocks since the device was made.
    fn clock(&self) -> u64;
    /// The frames that were emitted since the last call, in order.
    fn take_frames(&mut self) -> Vec<EmittedFrame>;

    /// Reads a register.
    fn read(&mut self, register: Register) -> Result<u32> {
        self.read_offset(register.offset)
    }

    /// Writes a register.
    fn write(&mut self, register: Register, value: u32) -> Result<()> {
        self.write_offset(register.offset, value)
    }

    /// Writes a 64-bit value to a pair of registers.
    fn write_pair(&mut self, low: Register, high: Register, value: u64) -> Result<()> {
        self.write(low, value as u32)?;
        self.write(high, (value >> 32) as u32)
    }

    /// How often a frame was refused with `code`.
    fn refusals(&mut self, code: u8) -> Result<u32> {
        self.read_offset(registers::REFUSALS_BASE + 4 * u16::from(code))
    }
}

/// The device's counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Chains completed.
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
    pub fn read<D: Device + ?Sized>(device: &mut D) -> Result<Self> {
        let low = device.read(registers::COUNT_BYTES_LOW)?;
        let high = device.read(registers::COUNT_BYTES_HIGH)?;
        Ok(Counters {
            chains: device.read(registers::COUNT_CHAINS)?,
            frames: device.read(registers::COUNT_FRAMES)?,
            bytes: u64::from(high) << 32 | u64::from(low),
            refused: device.read(registers::COUNT_REFUSED)?,
            faults: device.read(registers::COUNT_FAULTS)?,
            tlb_hits: device.read(registers::COUNT_TLB_HITS)?,
            tlb_misses: device.read(registers::COUNT_TLB_MISSES)?,
            walks: device.read(registers::COUNT_WALKS)?,
        })
    }

    /// What was counted since `before`; counters wrap.
    #[must_use]
    pub fn since(&self, before: &Counters) -> Counters {
        Counters {
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
