//! The driver crate on a simulated device: registers through the bus, rings in the pages of the harness.

pub mod port;
pub mod queue;

use crate::device::Device;
use anyhow::Result;
use port::RegisterPort;
use segwalk_driver::{AddressSpace, Scope};
use segwalk_model::page_table::Context;
use segwalk_model::registers::feature;

/// Everything the engine offers that the harness uses by default: as a driver that needs none of the optional ring
/// formats.
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

/// Resets the device and waits until the reset is complete.
pub fn reset<D: Device + ?Sized>(device: &mut D) -> Result<()> {
    Ok(segwalk_driver::reset(&mut RegisterPort(device))?)
}

/// Finds the device, resets it and negotiates `features` (virtio 1.2, 3.1.1, up to FEATURES_OK).
pub fn negotiate<D: Device + ?Sized>(device: &mut D, features: u64) -> Result<()> {
    segwalk_driver::negotiate(&mut RegisterPort(device), features, 0)?;
    Ok(())
}

/// The 64 feature bits that the device offers.
pub fn offered_features<D: Device + ?Sized>(device: &mut D) -> Result<u64> {
    segwalk_driver::offered_features(&mut RegisterPort(device))
}

/// Ends the handshake: the device may use its queues from now on.
pub fn driver_ok<D: Device + ?Sized>(device: &mut D) -> Result<()> {
    segwalk_driver::driver_ok(&mut RegisterPort(device))
}

/// Whether the device asks for a reset after a ring error.
pub fn needs_reset<D: Device + ?Sized>(device: &mut D) -> Result<bool> {
    segwalk_driver::needs_reset(&mut RegisterPort(device))
}

/// Makes context `context` what `config` says.
pub fn set_context<D: Device + ?Sized>(device: &mut D, context: u8, config: &Context) -> Result<()> {
    let space = AddressSpace {
        mode: config.mode.code().into(),
        root: config.root_page << 12,
        user_only: config.user_only,
        accessed_faults: config.accessed_faults,
    };
    segwalk_driver::set_context(&mut RegisterPort(device), context, &space)
}

/// Empties the TLB and waits until that is complete.
pub fn empty_tlb<D: Device + ?Sized>(device: &mut D) -> Result<()> {
    invalidate(device, Scope::All)
}

/// Invalidates translations and waits until that is complete.
pub fn invalidate<D: Device + ?Sized>(device: &mut D, scope: Scope) -> Result<()> {
    Ok(segwalk_driver::invalidate(&mut RegisterPort(device), scope)?)
}
