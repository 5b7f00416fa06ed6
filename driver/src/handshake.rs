//! Finding the device, features, status, interrupts (virtio 1.2, 3.1 and 4.2.3).

use crate::error::Error;
use crate::platform::{read, write, Bus};
use segwalk_model::registers::{self, status, Field};

/// Looks after which a wait is given up.
pub(crate) const PATIENCE: u32 = 1_000_000;

const USED: Field = registers::INTERRUPT_STATUS.field("used_buffer");
const CONFIG: Field = registers::INTERRUPT_STATUS.field("config_change");
const PARKED: Field = registers::INTERRUPT_STATUS.field("queue_parked");
const TX_QUEUES: Field = registers::CAPABILITIES.field("tx_queues");

/// Waits until `done` says so.
pub(crate) fn wait<B: Bus + ?Sized>(
    bus: &mut B,
    what: &'static str,
    mut done: impl FnMut(&mut B) -> Result<bool, B::Error>,
) -> Result<(), Error<B::Error>> {
    for _ in 0..PATIENCE {
        if done(bus)? {
            return Ok(());
        }
        bus.relax()?;
    }
    Err(Error::TakesTooLong(what))
}

/// Resets the device and waits until no access of it is under way any more.
pub fn reset<B: Bus + ?Sized>(bus: &mut B) -> Result<(), Error<B::Error>> {
    write(bus, registers::STATUS, 0)?;
    wait(bus, "the device's reset", |bus| Ok(read(bus, registers::STATUS)? == 0))
}

/// Finds the device, resets it and agrees on features (virtio 1.2, 3.1.1, up to FEATURES_OK): all of `required`, and of
/// `optional` those that are offered. Gives the features in use.
pub fn negotiate<B: Bus + ?Sized>(bus: &mut B, required: u64, optional: u64) -> Result<u64, Error<B::Error>> {
    match read(bus, registers::MAGIC_VALUE)? {
        registers::MAGIC => {}
        magic => return Err(Error::NoDevice(magic)),
    }
    match read(bus, registers::VERSION)? {
        2 => {}
        version => return Err(Error::Version(version)),
    }
    match read(bus, registers::DEVICE_ID_REG)? {
        registers::DEVICE_ID => {}
        id => return Err(Error::DeviceId(id)),
    }
    reset(bus)?;
    write(bus, registers::STATUS, status::ACKNOWLEDGE)?;
    write(bus, registers::STATUS, status::ACKNOWLEDGE | status::DRIVER)?;
    let offered = offered_features(bus)?;
    if required & !offered != 0 {
        write(bus, registers::STATUS, status::FAILED)?;
        return Err(Error::NotOffered(required & !offered));
    }
    let features = required | optional & offered;
    for word in 0..2 {
        write(bus, registers::DRIVER_FEATURES_SEL, word)?;
        write(bus, registers::DRIVER_FEATURES, (features >> (32 * word)) as u32)?;
    }
    let accepted = status::ACKNOWLEDGE | status::DRIVER | status::FEATURES_OK;
    write(bus, registers::STATUS, accepted)?;
    if read(bus, registers::STATUS)? & status::FEATURES_OK == 0 {
        return Err(Error::NotAccepted(features));
    }
    Ok(features)
}

/// The 64 feature bits that the device offers.
pub fn offered_features<B: Bus + ?Sized>(bus: &mut B) -> Result<u64, B::Error> {
    let mut offered = 0;
    for word in 0..2 {
        write(bus, registers::DEVICE_FEATURES_SEL, word)?;
        offered |= u64::from(read(bus, registers::DEVICE_FEATURES)?) << (32 * word);
    }
    Ok(offered)
}

/// Ends the handshake: the device may use its queues from now on.
pub fn driver_ok<B: Bus + ?Sized>(bus: &mut B) -> Result<(), B::Error> {
    let now = read(bus, registers::STATUS)?;
    write(bus, registers::STATUS, now | status::DRIVER_OK)
}

/// Whether the device asks for a reset after a ring error.
pub fn needs_reset<B: Bus + ?Sized>(bus: &mut B) -> Result<bool, B::Error> {
    Ok(read(bus, registers::STATUS)? & status::DEVICE_NEEDS_RESET != 0)
}

/// Transmit queues of this build.
pub fn transmit_queues<B: Bus + ?Sized>(bus: &mut B) -> Result<u32, B::Error> {
    Ok(TX_QUEUES.get(read(bus, registers::CAPABILITIES)?))
}

/// Why the interrupt was asserted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interrupts {
    /// Chains came back.
    pub used: bool,
    /// The configuration changed, or a ring error stopped a queue: see [`needs_reset`].
    pub config: bool,
    /// A queue parked at a translation fault: see [`crate::parked_queues`].
    pub parked: bool,
}

/// Reads the causes of the interrupt and takes them back. What comes afterwards interrupts again.
pub fn acknowledge_interrupts<B: Bus + ?Sized>(bus: &mut B) -> Result<Interrupts, B::Error> {
    let causes = read(bus, registers::INTERRUPT_STATUS)?;
    if causes != 0 {
        write(bus, registers::INTERRUPT_ACK, causes)?;
    }
    Ok(Interrupts {
        used: USED.get(causes) != 0,
        config: CONFIG.get(causes) != 0,
        parked: PARKED.get(causes) != 0,
    })
}
