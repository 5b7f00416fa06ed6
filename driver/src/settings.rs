//! Shares, rates, polling, interrupts that wait, and what is done to frames.

use crate::platform::{select, write, Bus};
use segwalk_model::registers::{self, Field};

const MAC_HIGH: Field = registers::MAC_HIGH.field("mac_high");
const WEIGHT: Field = registers::QUEUE_WEIGHT.field("weight");
const POLLED: Field = registers::POLL_QUEUES.field("queues");
const CHAINS: Field = registers::COALESCE_COUNT.field("chains");
const PAD: Field = registers::FRAME_CONTROL.field("pad");
const FIXED: Field = registers::ID_CONTROL.field("fixed");
const FIFTEEN_BITS: Field = registers::ID_CONTROL.field("fifteen_bits");

/// Share of a transmit queue when several have work: bytes in proportion to the weight, 1 to 255.
pub fn set_weight<B: Bus + ?Sized>(bus: &mut B, number: u32, weight: u8) -> Result<(), B::Error> {
    select(bus, number)?;
    write(bus, registers::QUEUE_WEIGHT, WEIGHT.put(weight.into()))
}

/// Largest rate of a transmit queue in bytes a millisecond; 0 is no limit. The engine knows the time from
/// [`set_clock_khz`].
pub fn set_rate<B: Bus + ?Sized>(bus: &mut B, number: u32, bytes_a_millisecond: u32) -> Result<(), B::Error> {
    select(bus, number)?;
    write(bus, registers::QUEUE_RATE, bytes_a_millisecond)
}

/// The engine's clock, in clocks a millisecond.
pub fn set_clock_khz<B: Bus + ?Sized>(bus: &mut B, khz: u32) -> Result<(), B::Error> {
    write(bus, registers::CLOCK_KHZ, khz)
}

/// Lets the engine look every `clocks` clocks at the avail indices of these transmit queues (a bit each), so that their
/// drivers need no doorbell; 0 clocks switch it off.
pub fn set_polling<B: Bus + ?Sized>(bus: &mut B, clocks: u32, queues: u16) -> Result<(), B::Error> {
    write(bus, registers::POLL_QUEUES, POLLED.put(queues.into()))?;
    write(bus, registers::POLL_PERIOD, clocks)
}

/// Lets the interrupt for used buffers wait until `chains` came back or `clocks` passed, whichever is first; 0 is no such
/// limit, and with both 0 every batch interrupts.
pub fn set_coalescing<B: Bus + ?Sized>(bus: &mut B, chains: u16, clocks: u32) -> Result<(), B::Error> {
    write(bus, registers::COALESCE_COUNT, CHAINS.put(chains.into()))?;
    write(bus, registers::COALESCE_CLOCKS, clocks)
}

/// Pads frames shorter than 60 bytes with zeros.
pub fn set_padding<B: Bus + ?Sized>(bus: &mut B, pad: bool) -> Result<(), B::Error> {
    write(bus, registers::FRAME_CONTROL, PAD.put(pad.into()))
}

/// How the IPv4 ID counts: `fixed` keeps the template's where DF is set, `fifteen_bits` keeps bit 15.
pub fn set_fixed_id<B: Bus + ?Sized>(bus: &mut B, fixed: bool, fifteen_bits: bool) -> Result<(), B::Error> {
    let value = FIXED.put(fixed.into()) | FIFTEEN_BITS.put(fifteen_bits.into());
    write(bus, registers::ID_CONTROL, value)
}

/// The MAC address that the configuration space shows.
pub fn set_mac<B: Bus + ?Sized>(bus: &mut B, mac: [u8; 6]) -> Result<(), B::Error> {
    let [a, b, c, d, e, f] = mac;
    write(bus, registers::MAC_LOW, u32::from_le_bytes([a, b, c, d]))?;
    write(
        bus,
        registers::MAC_HIGH,
        MAC_HIGH.put(u16::from_le_bytes([e, f]).into()),
    )
}
