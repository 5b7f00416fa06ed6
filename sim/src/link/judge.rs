//! The reference model beside the link: what must leave for each super-frame, and whether it does.

use super::channel::Job;
use crate::device::EmittedFrame;
use crate::driver;
use crate::record::Record;
use crate::scoreboard::difference;
use segwalk_model::refusal::Refusal;
use segwalk_model::segment::{segment, SegmentSettings};
use std::collections::VecDeque;

/// Super-frames before the one that differs that a dump holds, as the cause may lie in one of them.
const BEFORE: usize = 7;
/// Refused super-frames that are kept.
const REFUSED_KEPT: usize = 8;

/// A super-frame of which something differs.
#[derive(Clone, Debug)]
pub(super) struct Difference {
    /// What differs, in words.
    pub(super) text: String,
    /// The super-frame, last, behind those that came before it.
    pub(super) records: Vec<Record>,
}

struct Expected {
    record: Record,
    frames: Vec<Vec<u8>>,
    seen: usize,
}

/// Super-frames that are on their way, with what the model makes of them.
pub(super) struct Judge {
    settings: SegmentSettings,
    on_their_way: VecDeque<Expected>,
    before: VecDeque<Record>,
    frames: u64,
    pub(super) refused: u64,
    pub(super) refusals: Vec<(Record, Refusal)>,
}

impl Judge {
    pub(super) fn new() -> Self {
        Judge {
            settings: SegmentSettings {
                features: driver::FEATURES,
                ..SegmentSettings::default()
            },
            on_their_way: VecDeque::new(),
            before: VecDeque::new(),
            frames: 0,
            refused: 0,
            refusals: Vec::new(),
        }
    }

    /// A super-frame goes to the device.
    pub(super) fn expect(&mut self, job: &Job) {
        let record = Record {
            hdr: job.hdr,
            frame: job.frame.clone(),
        };
        let frames = segment(&job.hdr, &job.frame, &self.settings).unwrap_or_else(|refusal| {
            self.refused += 1;
            if self.refusals.len() < REFUSED_KEPT {
                self.refusals.push((record.clone(), refusal));
            }
            Vec::new()
        });
        self.on_their_way.push_back(Expected {
            record,
            frames,
            seen: 0,
        });
    }

    /// A frame left the device. Chains leave in order (rule 4).
    pub(super) fn check(&mut self, frame: &EmittedFrame) -> Result<(), Difference> {
        let at = self
            .on_their_way
            .iter()
            .position(|expected| expected.seen < expected.frames.len());
        let Some(at) = at else {
            let last = self.on_their_way.len().saturating_sub(1);
            let text = format!("frame {} of {} bytes is one too many", self.frames, frame.bytes.len());
            return Err(self.differs(last, text));
        };
        let expected = &mut self.on_their_way[at];
        let model = &expected.frames[expected.seen];
        if *model != frame.bytes {
            let (number, of) = (expected.seen, expected.frames.len());
            let text = difference(number as u64, model, &frame.bytes);
            return Err(self.differs(at, format!("of the {of} frames of a super-frame, {text}")));
        }
        expected.seen += 1;
        self.frames += 1;
        Ok(())
    }

    /// The oldest super-frame came back.
    pub(super) fn done(&mut self) -> Result<(), Difference> {
        if let Some(expected) = self.on_their_way.front() {
            if expected.seen < expected.frames.len() {
                let text = format!(
                    "a super-frame came back after {} of its {} frames",
                    expected.seen,
                    expected.frames.len()
                );
                return Err(self.differs(0, text));
            }
        }
        if let Some(expected) = self.on_their_way.pop_front() {
            if self.before.len() == BEFORE {
                self.before.pop_front();
            }
            self.before.push_back(expected.record);
        }
        Ok(())
    }

    fn differs(&self, at: usize, text: String) -> Difference {
        let on_their_way = self.on_their_way.iter().take(at + 1).map(|expected| &expected.record);
        Difference {
            text,
            records: self.before.iter().chain(on_their_way).cloned().collect(),
        }
    }
}
