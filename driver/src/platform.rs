//! What the driver runs on.

use segwalk_model::registers::{self, Register};

/// What can go wrong in an access; [`core::convert::Infallible`] where nothing can.
pub trait Platform {
    /// Why an access failed.
    type Error;
}

/// The register block.
pub trait Bus: Platform {
    /// Reads the 32-bit register at a byte offset.
    fn read_offset(&mut self, offset: u16) -> Result<u32, Self::Error>;

    /// Writes the 32-bit register at a byte offset. Writes to memory before it are done before it.
    fn write_offset(&mut self, offset: u16, value: u32) -> Result<(), Self::Error>;

    /// Called between two looks at a register that the driver waits for.
    fn relax(&mut self) -> Result<(), Self::Error> {
        core::hint::spin_loop();
        Ok(())
    }
}

/// Memory that the engine sees too. Addresses are those of a queue's ring context, accesses are volatile and of the size
/// that they say, all little-endian and aligned.
pub trait Memory: Platform {
    /// Reads 16 bits.
    fn read_u16(&mut self, addr: u64) -> Result<u16, Self::Error>;
    /// Reads 32 bits.
    fn read_u32(&mut self, addr: u64) -> Result<u32, Self::Error>;
    /// Writes 16 bits.
    fn write_u16(&mut self, addr: u64, value: u16) -> Result<(), Self::Error>;
    /// Writes 32 bits.
    fn write_u32(&mut self, addr: u64, value: u32) -> Result<(), Self::Error>;
    /// Writes 64 bits.
    fn write_u64(&mut self, addr: u64, value: u64) -> Result<(), Self::Error>;
    /// Accesses before it are seen before those behind it.
    fn barrier(&mut self);
}

pub(crate) fn read<B: Bus + ?Sized>(bus: &mut B, register: Register) -> Result<u32, B::Error> {
    bus.read_offset(register.offset)
}

pub(crate) fn write<B: Bus + ?Sized>(bus: &mut B, register: Register, value: u32) -> Result<(), B::Error> {
    bus.write_offset(register.offset, value)
}

/// Writes a 64-bit value to a pair of registers.
pub(crate) fn write_pair<B: Bus + ?Sized>(
    bus: &mut B,
    low: Register,
    high: Register,
    value: u64,
) -> Result<(), B::Error> {
    write(bus, low, value as u32)?;
    write(bus, high, (value >> 32) as u32)
}

/// A 64-bit value out of a pair of registers; reading the low word holds the high one where the engine counts on.
pub(crate) fn read_pair<B: Bus + ?Sized>(bus: &mut B, low: Register, high: Register) -> Result<u64, B::Error> {
    let low = read(bus, low)?;
    Ok(u64::from(read(bus, high)?) << 32 | u64::from(low))
}

/// Selects the registers of a transmit queue.
pub(crate) fn select<B: Bus + ?Sized>(bus: &mut B, number: u32) -> Result<(), B::Error> {
    write(bus, registers::QUEUE_SEL, registers::tx_queue_index(number))
}
