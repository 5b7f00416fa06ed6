//! The emitted frames and what is told of them.

use crate::device::{Counters, Device};
use crate::pcap::PcapWriter;
use crate::reassembly::Reassembly;
use crate::scoreboard::Scoreboard;
use crate::session::Session;
use anyhow::Result;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::path::Path;

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct SendReport {
    /// Super-frames sent.
    pub super_frames: u64,
    /// Frames emitted.
    pub segments: u64,
    /// Bytes emitted, Ethernet headers included.
    pub wire_bytes: u64,
    /// Clocks from the first doorbell to the last beat.
    pub clocks: u64,
    /// Share of the clocks from the first to the last beat that had one.
    pub beats_per_clock: f64,
    /// Translations answered by the TLB.
    pub tlb_hits: u32,
    /// Translations that needed a walk.
    pub tlb_misses: u32,
    /// Page-table walks.
    pub walks: u32,
    /// Translation faults.
    pub faults: u32,
    /// Frames that differ from the model's, are missing or are too many.
    pub mismatches: u64,
    /// SHA-256 of the file.
    pub payload_sha256: String,
    /// SHA-256 of the stream put together from the emitted frames; empty when it has gaps.
    pub reassembled_sha256: String,
    /// Bytes of the file.
    pub payload_bytes: u64,
    /// Payload descriptors and header descriptors posted.
    pub descriptors: u64,
    /// Super-frames that the device refused.
    pub refused: u32,
    /// The device's counters of frames and bytes are those of the frames that came.
    pub counters_agree: bool,
    /// The first difference in words.
    pub first_difference: Option<String>,
}

impl SendReport {
    /// Whether everything arrived as it should.
    pub fn is_good(&self) -> bool {
        self.mismatches == 0
            && self.payload_sha256 == self.reassembled_sha256
            && self.faults == 0
            && self.refused == 0
            && self.counters_agree
    }
}

/// What was posted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sent {
    pub(super) super_frames: u64,
    pub(super) descriptors: u64,
    pub(super) start_clock: u64,
}

/// The emitted frames and what is made of them.
pub(super) struct Output {
    board: Scoreboard,
    stream: Reassembly,
    stream_error: Option<String>,
    pcap: Option<PcapWriter>,
    segments: u64,
    wire_bytes: u64,
    beats: u64,
    first_clock: Option<u64>,
    last_clock: u64,
}

impl Output {
    /// Nothing emitted yet; the stream begins with `first_seq`.
    pub(super) fn new(first_seq: u32, pcap: Option<&Path>) -> Result<Self> {
        Ok(Output {
            board: Scoreboard::new(),
            stream: Reassembly::new(first_seq),
            stream_error: None,
            pcap: pcap.map(PcapWriter::create).transpose()?,
            segments: 0,
            wire_bytes: 0,
            beats: 0,
            first_clock: None,
            last_clock: 0,
        })
    }

    /// The frames that come next.
    pub(super) fn expect(&mut self, frames: Vec<Vec<u8>>) {
        self.board.expect(frames);
    }

    /// Takes what was emitted since the last time.
    pub(super) fn take<D: Device>(&mut self, session: &mut Session<D>) -> Result<()> {
        for frame in session.take_frames() {
            self.board.check(&frame.bytes);
            if let Err(error) = self.stream.push(&frame.bytes) {
                self.stream_error.get_or_insert_with(|| error.to_string());
            }
            if let Some(pcap) = &mut self.pcap {
                pcap.write(frame.last_clock, &frame.bytes)?;
            }
            self.segments += 1;
            self.wire_bytes += frame.bytes.len() as u64;
            self.beats += frame.bytes.len().div_ceil(8) as u64;
            self.first_clock.get_or_insert(frame.first_clock);
            self.last_clock = frame.last_clock;
        }
        Ok(())
    }

    /// The report, once all is emitted.
    pub(super) fn report(mut self, file: &[u8], sent: Sent, counters: &Counters) -> Result<SendReport> {
        if let Some(pcap) = self.pcap.take() {
            pcap.finish()?;
        }
        let mismatches = self.board.finish();
        let first_clock = self.first_clock.unwrap_or(self.last_clock);
        let reassembled = self.stream.sha256();
        let stream_error = self
            .stream_error
            .or_else(|| reassembled.as_ref().err().map(ToString::to_string));
        Ok(SendReport {
            super_frames: sent.super_frames,
            segments: self.segments,
            wire_bytes: self.wire_bytes,
            clocks: (self.last_clock + 1).saturating_sub(sent.start_clock),
            beats_per_clock: self.beats as f64 / (self.last_clock + 1 - first_clock) as f64,
            tlb_hits: counters.tlb_hits,
            tlb_misses: counters.tlb_misses,
            walks: counters.walks,
            faults: counters.faults,
            mismatches,
            payload_sha256: hex::encode(Sha256::digest(file)),
            reassembled_sha256: reassembled.unwrap_or_default(),
            payload_bytes: file.len() as u64,
            descriptors: sent.descriptors,
            refused: counters.refused,
            counters_agree: u64::from(counters.frames) == self.segments && counters.bytes == self.wire_bytes,
            first_difference: self.board.first_difference().map(ToOwned::to_owned).or(stream_error),
        })
    }
}
