//! The core on its bench as a [`Device`].

use crate::core_bench::CoreBench;
use crate::device::{Device, EmittedFrame};
use anyhow::Result;
use segwalk_model::memory::SparseMemory;

/// Clocks after which a wait ends though things still move: longer than any chain takes.
const WAIT_CLOCKS: u64 = 100_000_000;

impl Device for CoreBench {
    fn read_offset(&mut self, offset: u16) -> Result<u32> {
        self.read_register(offset.into())
    }

    fn write_offset(&mut self, offset: u16, value: u32) -> Result<()> {
        self.write_register(offset.into(), value)
    }

    fn memory(&self) -> &SparseMemory {
        CoreBench::memory(self)
    }

    fn memory_mut(&mut self) -> &mut SparseMemory {
        CoreBench::memory_mut(self)
    }

    fn run(&mut self, clocks: u64) -> Result<()> {
        CoreBench::run(self, clocks)
    }

    fn run_until(&mut self, done: &mut dyn FnMut(&SparseMemory) -> Result<bool>) -> Result<()> {
        let mut seen = None;
        let mut answer = Ok(false);
        let changed_and_done = |bench: &CoreBench| {
            // memory stands still between two writes of the core
            let writes = bench.axi().writes_done();
            if seen.replace(writes) == Some(writes) {
                return false;
            }
            answer = done(CoreBench::memory(bench));
            !matches!(answer, Ok(false))
        };
        CoreBench::run_until(self, changed_and_done, WAIT_CLOCKS)?;
        answer.map(|_| ())
    }

    fn clock(&self) -> u64 {
        CoreBench::clock(self)
    }

    fn take_frames(&mut self) -> Vec<EmittedFrame> {
        let frames = self.sink.frames().map(|frame| EmittedFrame {
            first_clock: frame.first_clock,
            last_clock: frame.last_clock,
            bytes: frame.bytes.to_vec(),
        });
        let frames = frames.collect();
        self.sink.forget_frames();
        frames
    }
}
