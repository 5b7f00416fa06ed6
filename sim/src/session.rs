//! A driver's session with one device: a kernel and user processes in the device's contexts, transmit queues, chains
//! on their way.

use crate::device::{Device, EmittedFrame};
use crate::driver;
use crate::driver::queue::{Buffer, Queue, Rings, Used};
use crate::host::{PhysPages, Region};
use crate::process::{PageLayout, Process};
use anyhow::{ensure, Result};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use segwalk_model::limits::CONTEXTS;
use segwalk_model::memory::SparseMemory;
use segwalk_model::page_table::{AddressSpace, Mode, Permissions};
use segwalk_model::registers::feature;
use segwalk_model::virtqueue::Binding;

/// Context of the kernel: physical addresses, for rings and headers.
pub const KERNEL: u8 = 1;

/// Bytes of the indirect table of a descriptor.
const INDIRECT_BYTES: usize = 16 * 16;

/// A device that was negotiated with, and the software around it.
pub struct Session<D> {
    /// The device.
    pub device: D,
    /// Physical pages in use.
    pub pages: PhysPages,
    /// Queues that are added from now on use their descriptors in random order, as in a table long in use.
    pub shuffle_descriptors: bool,
    /// Features in use.
    pub features: u64,
    /// Transmit queues in use, in the order they were added.
    pub queues: Vec<Queue>,
    processes: Vec<Process>,
    random: ChaCha8Rng,
}

impl<D: Device> Session<D> {
    /// Resets the device, negotiates `features` and makes context [`KERNEL`] a Bare one.
    pub fn new(mut device: D, seed: u64, features: u64) -> Result<Self> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let pages = PhysPages::new(child(&mut random));
        driver::negotiate(&mut device, features)?;
        let mut session = Session {
            device,
            pages,
            shuffle_descriptors: false,
            features,
            queues: Vec::new(),
            processes: Vec::new(),
            random,
        };
        let kernel = session.add_process(Mode::Bare, PageLayout::Scattered)?;
        debug_assert_eq!(kernel, KERNEL);
        Ok(session)
    }

    /// Makes a process and gives the context it is in.
    pub fn add_process(&mut self, mode: Mode, layout: PageLayout) -> Result<u8> {
        ensure!(
            self.processes.len() + 1 < CONTEXTS,
            "the engine has {CONTEXTS} contexts and all are in use"
        );
        let random = child(&mut self.random);
        let process = Process::new(mode, layout, random, self.device.memory_mut(), &mut self.pages)?;
        self.processes.push(process);
        let context = self.processes.len() as u8;
        self.commit_context(context)?;
        Ok(context)
    }

    /// Resets the device and brings it up again as a fresh driver does, with the same contexts and queues; chains on their
    /// way are forgotten.
    pub fn restart(&mut self) -> Result<()> {
        driver::negotiate(&mut self.device, self.features)?;
        for context in 1..=self.processes.len() as u8 {
            self.commit_context(context)?;
        }
        let Session { device, queues, .. } = self;
        for queue in queues {
            let (number, size, rings) = (queue.number, queue.size(), queue.rings().clone());
            let binding = *queue.binding();
            *queue = Queue::start_with(device, number, size, self.features, &binding, rings, None)?;
        }
        self.start()
    }

    /// Writes a process's context to the device again, after a reset or after its tables changed.
    pub fn commit_context(&mut self, context: u8) -> Result<()> {
        let config = self.process(context).context();
        driver::set_context(&mut self.device, context, &config)
    }

    /// The process in a context.
    pub fn process(&self, context: u8) -> &Process {
        &self.processes[usize::from(context) - 1]
    }

    /// A process's page tables and the memory they are in, for tests that break them.
    pub fn tables(&mut self, context: u8) -> (&mut AddressSpace, &mut SparseMemory) {
        (
            self.processes[usize::from(context) - 1].space_mut(),
            self.device.memory_mut(),
        )
    }

    /// Starts transmit queue `number`, with its rings in the binding's ring context, and gives its place in
    /// [`Session::queues`].
    pub fn add_queue(&mut self, number: u32, size: u32, binding: &Binding) -> Result<usize> {
        let [descriptors, avail, used] = Rings::bytes(size);
        let rings = Rings {
            descriptors: self.allocate_ring(binding.ring_context, descriptors)?,
            avail: self.allocate_ring(binding.ring_context, avail)?,
            used: self.allocate_ring(binding.ring_context, used)?,
            indirect: match self.features & feature::RING_INDIRECT_DESC {
                0 => None,
                _ => Some(self.allocate_ring(binding.ring_context, INDIRECT_BYTES * size as usize)?),
            },
        };
        let random = self.shuffle_descriptors.then_some(&mut self.random);
        let queue = Queue::start_with(&mut self.device, number, size, self.features, binding, rings, random)?;
        self.queues.push(queue);
        Ok(self.queues.len() - 1)
    }

    fn allocate_ring(&mut self, context: u8, bytes: usize) -> Result<Region> {
        let process = &mut self.processes[usize::from(context) - 1];
        process.place(
            self.device.memory_mut(),
            &mut self.pages,
            bytes,
            0,
            Permissions::USER_WRITE,
        )
    }

    /// Ends the handshake: the device works from now on.
    pub fn start(&mut self) -> Result<()> {
        driver::driver_ok(&mut self.device)
    }

    /// A buffer in a context, poisoned.
    pub fn allocate(&mut self, context: u8, bytes: usize) -> Result<Region> {
        let process = &mut self.processes[usize::from(context) - 1];
        process.allocate(self.device.memory_mut(), &mut self.pages, bytes)
    }

    /// A buffer in a context that holds `data`.
    pub fn allocate_with(&mut self, context: u8, data: &[u8]) -> Result<Region> {
        let region = self.allocate(context, data.len())?;
        region.write(self.device.memory_mut(), 0, data)?;
        Ok(region)
    }

    /// Posts a chain to a queue; the doorbell is rung separately.
    pub fn post(&mut self, queue: usize, chain: &[Buffer]) -> Result<u16> {
        self.queues[queue].post(&mut self.device, chain)
    }

    /// Rings a queue's doorbell.
    pub fn notify(&mut self, queue: usize) -> Result<()> {
        self.queues[queue].notify(&mut self.device)
    }

    /// Takes what came back on a queue, without waiting.
    pub fn reap(&mut self, queue: usize) -> Result<Vec<Used>> {
        self.queues[queue].reap(&mut self.device)
    }

    /// Waits until something comes back on a queue and takes it.
    pub fn wait(&mut self, queue: usize) -> Result<Vec<Used>> {
        let Session { device, queues, .. } = self;
        device.run_until(&mut |memory| queues[queue].has_used(memory))?;
        self.reap(queue)
    }

    /// Waits until every chain of every queue came back; gives what came back, by queue.
    pub fn wait_all(&mut self) -> Result<Vec<Vec<Used>>> {
        let mut used = vec![Vec::new(); self.queues.len()];
        for (queue, used) in used.iter_mut().enumerate() {
            while self.queues[queue].in_flight() > 0 {
                used.extend(self.wait(queue)?);
            }
        }
        Ok(used)
    }

    /// The frames emitted since the last call.
    pub fn take_frames(&mut self) -> Vec<EmittedFrame> {
        self.device.take_frames()
    }
}

/// The descriptor for a whole region that names its context.
pub fn buffer(context: u8, region: &Region) -> Buffer {
    Buffer {
        context,
        virt_addr: region.virt_addr,
        bytes: region.bytes as u32,
    }
}

/// A generator of its own, so that what one user draws does not move what others draw.
pub fn child(random: &mut ChaCha8Rng) -> ChaCha8Rng {
    ChaCha8Rng::from_rng(random).expect("ChaCha never fails")
}
