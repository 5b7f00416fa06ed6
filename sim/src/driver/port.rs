//! A simulated device as what the driver crate runs on.

use super::queue::Rings;
use super::POLL_CLOCKS;
use crate::device::Device;
use crate::host::Region;
use anyhow::{Context, Error, Result};
use segwalk_driver::{Bus, Memory, Platform};

/// The registers of a device.
pub struct RegisterPort<'a, D: ?Sized>(pub &'a mut D);

impl<D: Device + ?Sized> Platform for RegisterPort<'_, D> {
    type Error = Error;
}

impl<D: Device + ?Sized> Bus for RegisterPort<'_, D> {
    fn read_offset(&mut self, offset: u16) -> Result<u32> {
        self.0.read_offset(offset)
    }

    fn write_offset(&mut self, offset: u16, value: u32) -> Result<()> {
        self.0.write_offset(offset, value)
    }

    fn relax(&mut self) -> Result<()> {
        self.0.run(POLL_CLOCKS)
    }
}

/// The registers of a device, and the rings of one queue by their addresses in the ring context.
pub struct QueuePort<'a, D: ?Sized> {
    /// The device.
    pub device: &'a mut D,
    /// Where the rings lie.
    pub rings: &'a Rings,
}

impl<D: Device + ?Sized> QueuePort<'_, D> {
    /// The area that holds these bytes, and where in it.
    fn find(&self, addr: u64, bytes: usize) -> Result<(&Region, usize)> {
        let Rings {
            descriptors,
            avail,
            used,
            indirect,
        } = self.rings;
        [Some(descriptors), Some(avail), Some(used), indirect.as_ref()]
            .into_iter()
            .flatten()
            .map(|region| (region, addr.wrapping_sub(region.virt_addr)))
            .find(|(region, offset)| *offset <= region.bytes as u64 && region.bytes as u64 - offset >= bytes as u64)
            .map(|(region, offset)| (region, offset as usize))
            .with_context(|| format!("the driver uses {bytes} bytes at {addr:#x}, which is in none of its rings"))
    }

    fn read<const BYTES: usize>(&self, addr: u64) -> Result<[u8; BYTES]> {
        let (region, offset) = self.find(addr, BYTES)?;
        let bytes = region.read(self.device.memory(), offset, BYTES)?;
        Ok(bytes.try_into().expect("as many bytes were read"))
    }

    fn write(&mut self, addr: u64, bytes: &[u8]) -> Result<()> {
        let (region, offset) = self.find(addr, bytes.len())?;
        let region = region.part(offset, bytes.len());
        region.write(self.device.memory_mut(), 0, bytes)
    }
}

impl<D: Device + ?Sized> Platform for QueuePort<'_, D> {
    type Error = Error;
}

impl<D: Device + ?Sized> Bus for QueuePort<'_, D> {
    fn read_offset(&mut self, offset: u16) -> Result<u32> {
        self.device.read_offset(offset)
    }

    fn write_offset(&mut self, offset: u16, value: u32) -> Result<()> {
        self.device.write_offset(offset, value)
    }

    fn relax(&mut self) -> Result<()> {
        self.device.run(POLL_CLOCKS)
    }
}

impl<D: Device + ?Sized> Memory for QueuePort<'_, D> {
    fn read_u16(&mut self, addr: u64) -> Result<u16> {
        self.read(addr).map(u16::from_le_bytes)
    }

    fn read_u32(&mut self, addr: u64) -> Result<u32> {
        self.read(addr).map(u32::from_le_bytes)
    }

    fn write_u16(&mut self, addr: u64, value: u16) -> Result<()> {
        self.write(addr, &value.to_le_bytes())
    }

    fn write_u32(&mut self, addr: u64, value: u32) -> Result<()> {
        self.write(addr, &value.to_le_bytes())
    }

    fn write_u64(&mut self, addr: u64, value: u64) -> Result<()> {
        self.write(addr, &value.to_le_bytes())
    }

    fn barrier(&mut self) {}
}
