//! Sending over the model, and over devices that emit wrongly.

use super::*;
use crate::device::EmittedFrame;
use crate::model_device::ModelDevice;
use crate::process::PageLayout;
use segwalk_model::memory::SparseMemory;
use segwalk_model::page_table::Mode;
use segwalk_model::segment::IpVersion;

fn file(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| (at * 31 + at / 251) as u8).collect()
}

fn send_it(bytes: usize, options: &SendOptions) -> SendReport {
    let report = send_over(ModelDevice::new(), &file(bytes), options, |_, _| {}).unwrap();
    assert!(
        report.is_good(),
        "{bytes} bytes with {options:?}: {:?}",
        report.first_difference
    );
    report
}

#[test]
fn sizes_around_a_segment() {
    for (bytes, segments) in [
        (0, 1),
        (1, 1),
        (1447, 1),
        (1448, 1),
        (1449, 2),
        (65_160, 45),
        (65_161, 46),
    ] {
        for ip in [IpVersion::V4, IpVersion::V6] {
            let report = send_it(
                bytes,
                &SendOptions {
                    ip,
                    ..Default::default()
                },
            );
            assert_eq!(report.segments, segments);
            let super_frames = bytes.div_ceil(65_160).max(1) as u64;
            assert_eq!(
                (report.super_frames, report.descriptors),
                (super_frames, super_frames + bytes.min(1) as u64 * super_frames)
            );
        }
    }
}

#[test]
fn every_mode_layout_and_buffer_size() {
    for mode in [Mode::Bare, Mode::Sv39, Mode::X86_64] {
        for pages in [PageLayout::Scattered, PageLayout::Linear, PageLayout::Huge] {
            for (buffers, bytes) in [
                (Buffers::Contiguous, 300_000),
                (Buffers::Of(1), 3000),
                (Buffers::Of(7), 5000),
                (Buffers::Of(1448), 300_000),
                (Buffers::Of(4096), 200_000),
                (Buffers::Of(10_000), 200_000),
            ] {
                send_it(
                    bytes,
                    &SendOptions {
                        mode,
                        pages,
                        buffers,
                        ..Default::default()
                    },
                );
            }
        }
    }
}

#[test]
fn a_chain_is_never_longer_than_the_largest_queue() {
    let report = send_it(
        70_000,
        &SendOptions {
            buffers: Buffers::Of(1),
            ..Default::default()
        },
    );
    assert_eq!(report.super_frames, 70_000u64.div_ceil(32_765 / 1448 * 1448));
}

#[test]
fn options_that_cannot_work_are_refused() {
    let refused = |options: SendOptions| {
        send_over(ModelDevice::new(), b"x", &options, |_, _| {})
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        refused(SendOptions {
            mss: 0,
            ..Default::default()
        }),
        "the MSS is 0 but must be 1 to 9600"
    );
    assert_eq!(
        refused(SendOptions {
            mss: 9601,
            ..Default::default()
        }),
        "the MSS is 9601 but must be 1 to 9600"
    );
}

/// A device that emits wrongly.
struct Wrong {
    inner: ModelDevice,
    spoil: fn(&mut Vec<EmittedFrame>),
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
        (self.spoil)(&mut frames);
        frames
    }
}

#[test]
fn what_differs_is_reported() {
    let wrong = |spoil| {
        let device = Wrong {
            inner: ModelDevice::new(),
            spoil,
        };
        let report = send_over(device, &file(10_000), &SendOptions::default(), |_, _| {}).unwrap();
        assert!(!report.is_good());
        report
    };
    let flipped = wrong(|frames| {
        if let Some(frame) = frames.get_mut(1) {
            frame.bytes[100] ^= 1;
        }
    });
    assert_eq!(flipped.mismatches, 1);
    assert_ne!(flipped.payload_sha256, flipped.reassembled_sha256);
    let text = flipped.first_difference.unwrap();
    assert!(
        text.starts_with("frame 1 differs from the model's at byte 100 (byte 34 of the TCP payload)"),
        "{text}"
    );
    let lost = wrong(|frames| drop(frames.pop()));
    assert_eq!((lost.segments, lost.mismatches, lost.counters_agree), (6, 1, false));
    let doubled = wrong(|frames| {
        let last = frames.last().cloned();
        frames.extend(last);
    });
    assert_eq!(
        (doubled.segments, doubled.mismatches, doubled.counters_agree),
        (8, 1, false)
    );
}
