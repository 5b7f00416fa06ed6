//! Registers and memory at pointers, as firmware and kernels have them.

use crate::platform::{Bus, Memory, Platform};
use core::convert::Infallible;
use core::sync::atomic::{fence, Ordering};

/// A register block at a pointer, and rings whose addresses are pointers with a fixed distance.
#[derive(Debug)]
pub struct Mmio {
    registers: *mut u8,
    distance: u64,
}

impl Mmio {
    /// The engine whose register block is at `registers`. What the engine sees at address `a` of a queue's ring context is
    /// at the pointer `a + distance` (modulo 2^64): 0 where rings are addressed as the processor does.
    ///
    /// # Safety
    ///
    /// `registers` must point to the 4096 bytes of the engine's register block, mapped as device memory, for as long as
    /// this value lives. The areas that are given to [`crate::Queue::start`], moved by `distance`, must be memory that
    /// nothing else uses while the queue does.
    pub const unsafe fn new(registers: *mut u8, distance: u64) -> Self {
        Self { registers, distance }
    }

    fn at<T>(&self, addr: u64) -> *mut T {
        addr.wrapping_add(self.distance) as usize as *mut T
    }
}

impl Platform for Mmio {
    type Error = Infallible;
}

impl Bus for Mmio {
    fn read_offset(&mut self, offset: u16) -> Result<u32, Infallible> {
        // SAFETY: the caller of `new` vouches for the block; offsets are below its size.
        let value = unsafe { self.registers.add(offset.into()).cast::<u32>().read_volatile() };
        Ok(u32::from_le(value))
    }

    fn write_offset(&mut self, offset: u16, value: u32) -> Result<(), Infallible> {
        fence(Ordering::SeqCst);
        // SAFETY: as in `read_offset`.
        unsafe {
            self.registers
                .add(offset.into())
                .cast::<u32>()
                .write_volatile(value.to_le())
        };
        Ok(())
    }
}

impl Memory for Mmio {
    fn read_u16(&mut self, addr: u64) -> Result<u16, Infallible> {
        // SAFETY: the caller of `new` vouches for the areas, and the driver stays inside them.
        Ok(u16::from_le(unsafe { self.at::<u16>(addr).read_volatile() }))
    }

    fn read_u32(&mut self, addr: u64) -> Result<u32, Infallible> {
        // SAFETY: as in `read_u16`.
        Ok(u32::from_le(unsafe { self.at::<u32>(addr).read_volatile() }))
    }

    fn write_u16(&mut self, addr: u64, value: u16) -> Result<(), Infallible> {
        // SAFETY: as in `read_u16`.
        unsafe { self.at::<u16>(addr).write_volatile(value.to_le()) };
        Ok(())
    }

    fn write_u32(&mut self, addr: u64, value: u32) -> Result<(), Infallible> {
        // SAFETY: as in `read_u16`.
        unsafe { self.at::<u32>(addr).write_volatile(value.to_le()) };
        Ok(())
    }

    fn write_u64(&mut self, addr: u64, value: u64) -> Result<(), Infallible> {
        // SAFETY: as in `read_u16`.
        unsafe { self.at::<u64>(addr).write_volatile(value.to_le()) };
        Ok(())
    }

    fn barrier(&mut self) {
        fence(Ordering::SeqCst);
    }
}
