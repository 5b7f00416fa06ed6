//! The driver: virtio-mmio handshake, contexts and, in [`queue`], the virtqueues.

pub mod queue;

use crate::device::Device;
use anyhow::{ensure, Result};
use segwalk_model::page_table::Context;
use segwalk_model::registers::{self, feature, status};

/// Everything the engine offers that the harness uses.
pub const FEATURES: u64 = feature::VERSION_1
    | feature::ACCESS_PLATFORM
    | feature::CSUM
    | feature::HOST_TSO4
    | feature::HOST_TSO6
    | feature::HOST_ECN
    | feature::HOST_USO
    | feature::STATUS
    | feature::MAC
    | feature::MTU;

/// Clocks between two looks at a register or at the used ring.
pub const POLL_CLOCKS: u64 = 16;
/// Clocks after which a reset must be complete.
const RESET_CLOCKS: u64 = 100_000;

/// Resets the device and waits until the reset is complete.
pub fn reset<D: Device + ?Sized>(device: &mut D) -> Result<()> {
    device.write(registers::STATUS, 0)?;
    let end = device.clock() + RESET_CLOCKS;
    while device.read(registers::STATUS)? != 0 {
        ensure!(
            device.clock() < end,
            "the device did not finish its reset within {RESET_CLOCKS} clocks"
        );
        device.run(POLL_CLOCKS)?;
    }
    Ok(())
}

/// Finds the device, resets it and negotiates `features` (virtio 1.2, 3.1.1, up to FEATURES_OK).
pub fn negotiate<D: Device + ?Sized>(device: &mut D, features: u64) -> Result<()> {
    let magic = device.read(registers::MAGIC_VALUE)?;
    ensure!(
        magic == registers::MAGIC,
        "the register block starts with {magic:#x} instead of \"virt\""
    );
    let version = device.read(registers::VERSION)?;
    ensure!(
        version == 2,
        "the device has virtio-mmio version {version}; the driver knows version 2"
    );
    let id = device.read(registers::DEVICE_ID_REG)?;
    ensure!(
        id == registers::DEVICE_ID,
        "the device has the virtio ID {id}; a network device has 1"
    );
    reset(device)?;
    device.write(registers::STATUS, status::ACKNOWLEDGE)?;
    device.write(registers::STATUS, status::ACKNOWLEDGE | status::DRIVER)?;
    let offered = offered_features(device)?;
    let missing = features & !offered;
    ensure!(
        missing == 0,
        "the device does not offer the feature bits {missing:#x}; do not ask for them"
    );
    for word in 0..2 {
        device.write(registers::DRIVER_FEATURES_SEL, word)?;
        device.write(registers::DRIVER_FEATURES, (features >> (32 * word)) as u32)?;
    }
    let accepted = status::ACKNOWLEDGE | status::DRIVER | status::FEATURES_OK;
    device.write(registers::STATUS, accepted)?;
    let now = device.read(registers::STATUS)?;
    ensure!(
        now & status::FEATURES_OK != 0,
        "the device refuses the feature bits {features:#x}"
    );
    Ok(())
}

/// The 64 feature bits that the device offers.
pub fn offered_features<D: Device + ?Sized>(device: &mut D) -> Result<u64> {
    let mut offered = 0;
    for word in 0..2 {
        device.write(registers::DEVICE_FEATURES_SEL, word)?;
        offered |= u64::from(device.read(registers::DEVICE_FEATURES)?) << (32 * word);
    }
    Ok(offered)
}

/// Ends the handshake: the device may use its queues from now on.
pub fn driver_ok<D: Device + ?Sized>(device: &mut D) -> Result<()> {
    let now = device.read(registers::STATUS)?;
    device.write(registers::STATUS, now | status::DRIVER_OK)
}

/// Whether the device asks for a reset after a ring error.
pub fn needs_reset<D: Device + ?Sized>(device: &mut D) -> Result<bool> {
    Ok(device.read(registers::STATUS)? & status::DEVICE_NEEDS_RESET != 0)
}

/// Makes context `context` what `config` says.
pub fn set_context<D: Device + ?Sized>(device: &mut D, context: u8, config: &Context) -> Result<()> {
    let mode = registers::CTX_MODE;
    device.write(
        registers::CTX_SELECT,
        registers::CTX_SELECT.field("context").put(context.into()),
    )?;
    device.write(
        mode,
        mode.field("mode").put(config.mode.code().into())
            | mode.field("user_only").put(config.user_only.into())
            | mode.field("accessed_faults").put(config.accessed_faults.into()),
    )?;
    device.write_pair(
        registers::CTX_ROOT_LOW,
        registers::CTX_ROOT_HIGH,
        config.root_page << 12,
    )?;
    device.write(registers::CTX_COMMIT, 1)
}

/// Empties the TLB and waits until that is complete.
pub fn empty_tlb<D: Device + ?Sized>(device: &mut D) -> Result<()> {
    let field = registers::TLB_CONTROL.field("invalidate");
    device.write(registers::TLB_CONTROL, field.put(1))?;
    while field.get(device.read(registers::TLB_CONTROL)?) != 0 {
        device.run(POLL_CLOCKS)?;
    }
    Ok(())
}
