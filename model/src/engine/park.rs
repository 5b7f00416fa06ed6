//! Queues that wait for software after a translation fault, instead of refusing the chain that met it.
//!
//! Only queues whose binding says `recoverable` park. Nothing of a parked queue is served until software resumes or
//! aborts it; other queues do not notice. The chain that parked it is not completed: with *resume* it is served again
//! from its first byte, and the frames that left before are not sent again; with *abort* it is completed with
//! [`Refusal::Aborted`] and the queue goes on behind it. So a chain that is resumed gives the frames that it would have
//! given without the fault, and one that is aborted gives the first `sent_frames` of them.
//!
//! [`Refusal::Aborted`]: crate::refusal::Refusal::Aborted

use super::{Engine, PageFault, Served};

/// Why and where a queue is parked (PARK_INFO and the registers behind it).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParkRecord {
    /// Transmit queue.
    pub queue: usize,
    /// Head of the chain.
    pub head: u16,
    /// The page that does not translate.
    pub fault: PageFault,
    /// Frames of the chain that left, before earlier faults too.
    pub sent_frames: usize,
    /// Payload bytes in them.
    pub sent_bytes: usize,
}

/// What a queue knows of its parking.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Park {
    /// The queue is parked.
    pub record: Option<ParkRecord>,
    /// Frames of the next chain that left already.
    pub sent_frames: usize,
    /// Payload bytes in them.
    pub sent_bytes: usize,
    /// The next chain is aborted.
    pub aborts: bool,
}

impl Park {
    /// The queue parks at a chain of which `served` is what this pass gives. A pass that breaks earlier than one before
    /// it takes nothing back.
    pub fn at(self, queue: usize, head: u16, fault: PageFault, served: &Served) -> Self {
        let frames = served.frames.len();
        let (mut sent_frames, mut sent_bytes) = (self.sent_frames, self.sent_bytes);
        if frames >= sent_frames {
            (sent_frames, sent_bytes) = (frames, frames * served.segment_bytes);
        }
        let record = ParkRecord {
            queue,
            head,
            fault,
            sent_frames,
            sent_bytes,
        };
        Self {
            record: Some(record),
            sent_frames,
            sent_bytes,
            aborts: false,
        }
    }
}

impl Engine {
    /// Where a queue is parked.
    pub fn parked(&self, queue: usize) -> Option<ParkRecord> {
        self.queues[queue].park.record
    }

    /// The chain that parked the queue is to be served again; nothing happens to a queue that is not parked.
    pub fn resume(&mut self, queue: usize) {
        self.queues[queue].park.record = None;
    }

    /// The chain that parked the queue is given up; nothing happens to a queue that is not parked.
    pub fn abort(&mut self, queue: usize) {
        let park = &mut self.queues[queue].park;
        park.aborts |= park.record.take().is_some();
    }
}
