//! Replay over the model, and over a device that is wrong.

use super::*;
use crate::device::EmittedFrame;
use crate::headers::Seed;
use crate::model_device::ModelDevice;
use crate::random::super_frame;
use segwalk_model::memory::SparseMemory;

fn records(count: usize) -> Vec<Record> {
    let mut random = ChaCha8Rng::seed_from_u64(4);
    (0..count)
        .map(|_| {
            let frame = super_frame(&mut random, 0, Seed::WithLength);
            Record {
                hdr: frame.hdr,
                frame: frame.frame(),
            }
        })
        .collect()
}

#[test]
fn the_model_device_agrees_with_the_model() {
    let records = records(150);
    let report = replay_over(
        ModelDevice::new(),
        &records,
        &mut Oracle::Model,
        &ReplayOptions::default(),
        |_, _| {},
    )
    .unwrap();
    assert!(report.is_good(), "{report:?}");
    assert_eq!((report.records, report.refused), (150, 0));
    assert!(report.segments > 300 && report.segmented > 30, "{report:?}");
}

#[test]
fn refusals_are_counted_and_agree() {
    let mut records = records(10);
    records[3].hdr.gso_type = 0x7F;
    records[5].frame.resize(SUPER_FRAME_BYTES_MAX + 1, 0);
    let report = replay_over(
        ModelDevice::new(),
        &records,
        &mut Oracle::Model,
        &ReplayOptions::default(),
        |_, _| {},
    )
    .unwrap();
    assert!(report.is_good(), "{report:?}");
    assert_eq!(report.refused, 2);
}

/// The model with an error of one bit in a frame.
struct Wrong {
    inner: ModelDevice,
    countdown: usize,
}

impl Device for Wrong {
    fn read_offset(&mut self, offset: u16) -> Result<u32> {
        self.inner.read_offset(offset)
    }
    fn write_offset(&mut self, offset: u16, value: u32) -> Result<()> {
        self.inner.write_offset(offset, value)
    }
    fn memory(&self) -> &SparseMemory {
        self.inner.memory()
    }
    fn memory_mut(&mut self) -> &mut SparseMemory {
        self.inner.memory_mut()
    }
    fn run(&mut self, clocks: u64) -> Result<()> {
        self.inner.run(clocks)
    }
    fn run_until(&mut self, done: &mut dyn FnMut(&SparseMemory) -> Result<bool>) -> Result<()> {
        self.inner.run_until(done)
    }
    fn clock(&self) -> u64 {
        self.inner.clock()
    }
    fn take_frames(&mut self) -> Vec<EmittedFrame> {
        let mut frames = self.inner.take_frames();
        match frames.get_mut(self.countdown) {
            Some(frame) => {
                frame.bytes[7] ^= 0x10;
                self.countdown = usize::MAX;
            }
            None => self.countdown = self.countdown.saturating_sub(frames.len()),
        }
        frames
    }
}

#[test]
fn an_error_of_one_bit_is_reported() {
    let device = Wrong {
        inner: ModelDevice::new(),
        countdown: 100,
    };
    let options = ReplayOptions::default();
    let report = replay_over(device, &records(100), &mut Oracle::Model, &options, |_, _| {}).unwrap();
    assert_eq!((report.different, report.mismatches), (1, 1));
    assert!(!report.is_good());
    let text = report.first_difference.unwrap();
    assert!(text.starts_with("record ") && text.contains("at byte 7"), "{text}");
}
