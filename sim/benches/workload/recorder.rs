//! A device that only notes what software does to it, so that the same can be replayed.

use anyhow::Result;
use segwalk_model::memory::SparseMemory;
use segwalk_model::registers;
use segwalk_sim::device::{Device, EmittedFrame};
use segwalk_sim::model_device::ModelDevice;

/// The reference model as far as registers go; doorbells are noted and not passed on, so that memory stays as software
/// left it.
#[derive(Default)]
pub struct Recorder {
    device: ModelDevice,
    /// Offsets and values that were written, in order.
    pub registers: Vec<(u32, u32)>,
}

impl Device for Recorder {
    fn read_offset(&mut self, offset: u16) -> Result<u32> {
        self.device.read_offset(offset)
    }

    fn write_offset(&mut self, offset: u16, value: u32) -> Result<()> {
        self.registers.push((offset.into(), value));
        if offset == registers::QUEUE_NOTIFY.offset {
            return Ok(());
        }
        self.device.write_offset(offset, value)
    }

    fn memory(&self) -> &SparseMemory {
        self.device.memory()
    }

    fn memory_mut(&mut self) -> &mut SparseMemory {
        self.device.memory_mut()
    }

    fn run(&mut self, clocks: u64) -> Result<()> {
        self.device.run(clocks)
    }

    fn run_until(&mut self, done: &mut dyn FnMut(&SparseMemory) -> Result<bool>) -> Result<()> {
        self.device.run_until(done)
    }

    fn clock(&self) -> u64 {
        self.device.clock()
    }

    fn take_frames(&mut self) -> Vec<EmittedFrame> {
        self.device.take_frames()
    }
}
