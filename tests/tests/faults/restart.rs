//! Queues that begin anew, whatever they were doing.

use super::world::{World, FEATURES};
use anyhow::{ensure, Result};
use segwalk_model::registers::{self, feature};
use segwalk_sim::device::Device;
use segwalk_sim::driver;
use segwalk_sim::driver::port::RegisterPort;
use segwalk_sim::driver::queue::Queue;
use segwalk_sim::session::{Session, KERNEL};

/// How a queue begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// QUEUE_READY is cleared.
    NotReady,
    /// QUEUE_RESET.
    QueueReset,
    /// The whole device is reset.
    Device,
}

impl World {
    /// Starts a queue, or all of them with the device, anew; what was posted is forgotten.
    pub fn restart(&mut self, stream: usize, way: Restart) -> Result<()> {
        let device = &mut self.session.device;
        let by_reset = way == Restart::QueueReset && FEATURES & feature::RING_RESET != 0;
        if way == Restart::Device {
            driver::reset(device)?;
        } else {
            device.write(registers::QUEUE_SEL, registers::tx_queue_index(stream as u32))?;
            match by_reset {
                true => device.write(registers::QUEUE_RESET, 1)?,
                false => device.write(registers::QUEUE_READY, 0)?,
            }
            let end = device.clock() + 100_000;
            while device.read(registers::QUEUE_RESET)? != 0 || device.read(registers::QUEUE_READY)? != 0 {
                ensure!(
                    device.clock() < end,
                    "the queue does not come to its end\n{}",
                    device.dump()
                );
            }
        }
        self.collect()?;
        let streams = match way {
            Restart::Device => 0..self.streams.len(),
            _ => stream..stream + 1,
        };
        if way == Restart::Device {
            driver::negotiate(&mut self.session.device, FEATURES)?;
            let contexts: Vec<u8> = self.streams.iter().map(|stream| stream.context).collect();
            for context in contexts.into_iter().chain([KERNEL]) {
                self.session.commit_context(context)?;
            }
        }
        let mut port = RegisterPort(&mut self.session.device);
        let parked = segwalk_driver::parked_queues(&mut port)?;
        ensure!(
            streams.clone().all(|queue| parked >> queue & 1 == 0),
            "queues {parked:#b} are still parked"
        );
        for number in streams {
            let Session { device, queues, .. } = &mut self.session;
            let (rings, size) = (queues[number].rings().clone(), queues[number].size());
            let binding = self.streams[number].binding;
            queues[number] = Queue::start(device, number as u32, size, &binding, rings, None)?;
            self.streams[number].chains.clear();
            self.streams[number].record = None;
        }
        driver::driver_ok(&mut self.session.device)
    }
}
