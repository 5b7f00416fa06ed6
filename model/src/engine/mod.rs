//! The whole engine, functionally: from available chains to frames, completions, counters and records.
//!
//! A chain is served in these steps; the first that refuses decides the code:
//!
//! 1. The walk ([`crate::virtqueue`]). A ring error stops the queue: nothing of it is completed any more, DEVICE_NEEDS_RESET
//!    is asked for, other queues go on.
//! 2. `virtio_net_hdr` is read. If it cannot be, that is the chain's refusal and there are no frames.
//! 3. The checks of [`crate::segment`], in their order, as far as the bytes that they look at arrived. A frame that
//!    they refuse gives no frames, even when its memory breaks further behind.
//! 4. Frames: with the whole frame read, all of them. When the chain broke, every segment of a super-frame whose bytes
//!    all arrived, and the break is the refusal; a frame that gives one packet is not sent at all.
//!
//! A translation fault that is the refusal of step 2 or 4 parks a recoverable queue instead: see [`ParkRecord`].
//!
//! What *arrived* is [`Payload::streamed`]. Every chain with a packet error is completed with `len` 0 like the others
//! (rule 28), so a head is never read twice.

mod park;
mod payload;
#[cfg(test)]
mod tests;

use park::Park;
pub use park::ParkRecord;
pub use payload::{PageFault, Payload};

use crate::limits::{CONTEXTS, SUPER_FRAME_BYTES_MAX, TX_QUEUES, VIRTIO_NET_HDR_BYTES};
use crate::memory::{Memory, MemoryMut};
use crate::page_table::Context;
use crate::refusal::{Class, Refusal};
use crate::segment::{Plan, Prefix, SegmentSettings, Stop};
use crate::virtio_net_hdr::VirtioNetHdr;
use crate::virtqueue::{
    avail_head, avail_heads, put_avail_event, put_used, walk_long_chain, wants_interrupt, Chain, Contexts, QueueConfig,
};

/// What became of one chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Transmit queue.
    pub queue: usize,
    /// Index of the head descriptor.
    pub head: u16,
    /// Frames emitted, in order. A chain that broke while it was read may have some in spite of its refusal.
    pub frames: Vec<Vec<u8>>,
    /// Packet error, or the fault that parked the queue.
    pub refusal: Option<Refusal>,
    /// The queue parked at this chain: its head is not completed, it is served again.
    pub parked: bool,
}

/// The first translation fault of a payload access (FAULT_INFO and the registers behind it).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultRecord {
    /// Transmit queue.
    pub queue: usize,
    /// Head of the chain.
    pub head: u16,
    /// Where and why.
    pub fault: PageFault,
}

/// The first refusal (ERROR_INFO and ERROR_HEAD).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorRecord {
    /// Transmit queue.
    pub queue: usize,
    /// Head of the chain; 0 for ring errors.
    pub head: u16,
    /// Why.
    pub refusal: Refusal,
}

/// What the engine counted since reset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counters {
    /// Chains completed, refused ones included.
    pub chains: u64,
    /// Frames emitted.
    pub frames: u64,
    /// Bytes emitted.
    pub bytes: u64,
    /// Chains refused with a packet error.
    pub refused: u64,
    /// Chains whose refusal is a translation fault, and parkings of queues.
    pub faults: u64,
    /// Refusals by wire value, ring errors included.
    pub by_code: [u64; 64],
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            chains: 0,
            frames: 0,
            bytes: 0,
            refused: 0,
            faults: 0,
            by_code: [0; 64],
        }
    }
}

impl Counters {
    /// How often a code was the refusal.
    pub fn of(&self, refusal: Refusal) -> u64 {
        self.by_code[usize::from(refusal.code())]
    }
}

#[derive(Clone, Debug, Default)]
struct Queue {
    config: Option<QueueConfig>,
    served: u16,
    used: u16,
    stopped: Option<Refusal>,
    used_failed: bool,
    park: Park,
}

/// A device with contexts, transmit queues and settings.
#[derive(Clone, Debug)]
pub struct Engine {
    /// The context table; every context is Bare after reset, so that a standard driver sees a standard device.
    pub contexts: Contexts,
    /// Settings of the whole device; `seed_without_length` is taken from each queue's binding instead.
    pub settings: SegmentSettings,
    /// Largest super-frame of this build.
    pub super_frame_bytes_max: usize,
    /// Counters.
    pub counters: Counters,
    /// First translation fault since software took this away.
    pub fault: Option<FaultRecord>,
    /// First refusal since software took this away.
    pub error: Option<ErrorRecord>,
    queues: Vec<Queue>,
}

impl Default for Engine {
    fn default() -> Self {
        Self::new(TX_QUEUES)
    }
}

impl Engine {
    /// A device after reset with this many transmit queues.
    pub fn new(queues: usize) -> Self {
        // Context 0 is Bare, so that a standard driver finds a standard device; the others are off.
        let mut contexts = [Context::off(); CONTEXTS];
        contexts[0] = Context::bare();
        Self {
            contexts,
            settings: SegmentSettings::default(),
            super_frame_bytes_max: SUPER_FRAME_BYTES_MAX,
            counters: Counters::default(),
            fault: None,
            error: None,
            queues: vec![Queue::default(); queues],
        }
    }

    /// Sets QUEUE_READY: the queue's indices go back to 0.
    pub fn enable_queue(&mut self, queue: usize, config: QueueConfig) {
        let state = &mut self.queues[queue];
        state.config = Some(config);
        (state.served, state.used) = (0, 0);
        state.park = Park::default();
    }

    /// Resets one queue (virtio 1.2, 2.6.1): it is as after a reset of the device, a ring error that stopped it included.
    /// DEVICE_NEEDS_RESET is not the queue's and stays.
    pub fn reset_queue(&mut self, queue: usize) {
        self.queues[queue] = Queue::default();
    }

    /// Clears QUEUE_READY.
    pub fn disable_queue(&mut self, queue: usize) {
        self.queues[queue].config = None;
        self.queues[queue].park = Park::default();
    }

    /// The ring error that stopped a queue; only a reset of the device lets it go on.
    pub fn stopped(&self, queue: usize) -> Option<Refusal> {
        self.queues[queue].stopped
    }

    /// Serves every chain that is available now, as after a doorbell. A ring error ends it without an outcome of its
    /// own: see [`Engine::stopped`].
    pub fn process_queue(&mut self, memory: &impl Memory, queue: usize) -> Vec<Outcome> {
        let Some(config) = self.active(queue) else {
            return Vec::new();
        };
        let mut outcomes = Vec::new();
        if let Err(refusal) = self.process_available(memory, queue, &config, &mut outcomes) {
            self.stop(queue, refusal);
        }
        outcomes
    }

    /// Puts the heads of these outcomes of one queue into its used ring, also when a ring error stopped the queue behind
    /// them. A ring error here stops the queue for good. Says whether the driver wants an interrupt.
    pub fn complete(&mut self, memory: &mut impl MemoryMut, queue: usize, outcomes: &[Outcome]) -> bool {
        let state = &self.queues[queue];
        let Some(config) = state.config.filter(|_| !state.used_failed) else {
            return false;
        };
        match self.return_heads(memory, queue, &config, outcomes) {
            Ok(interrupt) => interrupt,
            Err(refusal) => {
                self.queues[queue].used_failed = true;
                self.stop(queue, refusal);
                false
            }
        }
    }

    fn return_heads(
        &mut self,
        memory: &mut impl MemoryMut,
        queue: usize,
        config: &QueueConfig,
        outcomes: &[Outcome],
    ) -> Result<bool, Refusal> {
        let completed = outcomes.iter().filter(|outcome| !outcome.parked);
        let heads: Vec<u16> = completed.map(|outcome| outcome.head).collect();
        let state = &mut self.queues[queue];
        let old = state.used;
        state.used = put_used(memory, config, &self.contexts, old, &heads)?;
        if config.event_idx && state.stopped.is_none() {
            put_avail_event(memory, config, &self.contexts, state.served)?;
        }
        wants_interrupt(memory, config, &self.contexts, old, state.used)
    }

    /// The queue's configuration, unless it is not ready, stopped or parked.
    fn active(&self, queue: usize) -> Option<QueueConfig> {
        let state = &self.queues[queue];
        state
            .config
            .filter(|_| state.stopped.is_none() && state.park.record.is_none())
    }

    fn process_available(
        &mut self,
        memory: &impl Memory,
        queue: usize,
        config: &QueueConfig,
        outcomes: &mut Vec<Outcome>,
    ) -> Result<(), Refusal> {
        let waiting = avail_heads(memory, config, &self.contexts, self.queues[queue].served)?;
        for _ in 0..waiting {
            let head = avail_head(memory, config, &self.contexts, self.queues[queue].served)?;
            outcomes.push(self.process_chain(memory, queue, config, head)?);
            if self.queues[queue].park.record.is_some() {
                break;
            }
            self.queues[queue].served = self.queues[queue].served.wrapping_add(1);
        }
        Ok(())
    }

    /// Serves one chain; an error is a ring error.
    fn process_chain(
        &mut self,
        memory: &impl Memory,
        queue: usize,
        config: &QueueConfig,
        head: u16,
    ) -> Result<Outcome, Refusal> {
        let before = std::mem::take(&mut self.queues[queue].park);
        let mut served = if before.aborts {
            Served::refused(Refusal::Aborted)
        } else {
            match walk_long_chain(memory, config, &self.contexts, head, self.super_frame_bytes_max) {
                Ok(chain) => self.serve(memory, config, &chain),
                Err(refusal) if refusal.class() == Class::Packet => Served::refused(refusal),
                Err(refusal) => return Err(refusal),
            }
        };
        let parked = served.fault.is_some() && config.binding.recoverable;
        if let Some(fault) = served.fault {
            self.counters.faults += 1;
            self.fault.get_or_insert(FaultRecord { queue, head, fault });
            if parked {
                self.queues[queue].park = before.at(queue, head, fault, &served);
            }
        }
        served.frames.drain(..served.frames.len().min(before.sent_frames));
        let (frames, refusal) = (served.frames, served.refusal);
        self.counters.frames += frames.len() as u64;
        self.counters.bytes += frames.iter().map(|frame| frame.len() as u64).sum::<u64>();
        if !parked {
            self.counters.chains += 1;
            if let Some(refusal) = refusal {
                self.counters.refused += 1;
                self.refuse(queue, head, refusal);
            }
        }
        Ok(Outcome {
            queue,
            head,
            frames,
            refusal,
            parked,
        })
    }

    fn serve(&self, memory: &impl Memory, config: &QueueConfig, chain: &Chain) -> Served {
        let payload = Payload::read(memory, &self.contexts, chain);
        let settings = SegmentSettings {
            seed_without_length: config.binding.seed_without_length,
            ..self.settings
        };
        Served::cut(&payload, chain.total_bytes, &settings)
    }

    fn stop(&mut self, queue: usize, refusal: Refusal) {
        self.queues[queue].stopped.get_or_insert(refusal);
        if refusal == Refusal::RingFault {
            self.counters.faults += 1;
        }
        self.refuse(queue, 0, refusal);
    }

    fn refuse(&mut self, queue: usize, head: u16, refusal: Refusal) {
        self.counters.by_code[usize::from(refusal.code())] += 1;
        self.error.get_or_insert(ErrorRecord { queue, head, refusal });
    }
}

/// What a chain gives, from its first frame on.
#[derive(Clone, Debug, Default)]
struct Served {
    frames: Vec<Vec<u8>>,
    refusal: Option<Refusal>,
    /// Where the refusal is a translation fault.
    fault: Option<PageFault>,
    /// Payload bytes of every frame but a super-frame's last; 0 where nothing is segmented.
    segment_bytes: usize,
}

impl Served {
    fn refused(refusal: Refusal) -> Self {
        Self {
            refusal: Some(refusal),
            ..Self::default()
        }
    }

    /// `total_bytes` is the chain's length with `virtio_net_hdr`.
    fn cut(payload: &Payload, total_bytes: usize, settings: &SegmentSettings) -> Self {
        let broken = Self {
            refusal: payload.broken,
            fault: payload.fault,
            ..Self::default()
        };
        let Some((hdr, bytes)) = payload.streamed().split_first_chunk::<VIRTIO_NET_HDR_BYTES>() else {
            return broken;
        };
        let frame = Prefix {
            bytes,
            frame_bytes: total_bytes - VIRTIO_NET_HDR_BYTES,
        };
        match Plan::make(&VirtioNetHdr::parse(hdr), &frame, settings) {
            Ok(plan) => Self {
                frames: plan.frames(&frame, settings),
                segment_bytes: plan.segment_bytes(),
                ..broken
            },
            Err(Stop::Refused(refusal)) => Self::refused(refusal),
            Err(Stop::Unread(_)) => broken,
        }
    }
}
