//! What to send and how.

use crate::process::PageLayout;
use anyhow::{ensure, Result};
use segwalk_model::limits::{MSS_MAX, QUEUE_SIZE_MAX};
use segwalk_model::page_table::Mode;
use segwalk_model::segment::IpVersion;
use std::path::PathBuf;

/// Largest IP packet: its length is a 16-bit field.
const IP_BYTES_MAX: usize = 65_535;
/// Super-frames that are posted ahead, so that the engine always finds the next one.
pub(super) const POSTED_AHEAD: usize = 8;
/// Smallest queue.
const QUEUE_SIZE_MIN: u32 = 16;
/// Descriptors of a chain that are not for whole payload buffers: the header, and a buffer cut at either end.
const EXTRA_DESCRIPTORS: usize = 3;

/// How the payload is laid out in the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buffers {
    /// One virtual range, one descriptor a super-frame.
    Contiguous,
    /// Buffers of this many bytes at unrelated addresses, a descriptor each.
    Of(usize),
}

/// What to send and how.
#[derive(Clone, Debug)]
pub struct SendOptions {
    /// Payload bytes of a segment.
    pub mss: u16,
    /// Network layer.
    pub ip: IpVersion,
    /// Page tables of the process.
    pub mode: Mode,
    /// Layout of the payload.
    pub buffers: Buffers,
    /// Layout of the pages.
    pub pages: PageLayout,
    /// Clocks between a read address and its data.
    pub latency: u32,
    /// What all addresses, numbers and orders follow from.
    pub seed: u64,
    /// Where to write the emitted frames.
    pub pcap: Option<PathBuf>,
    /// Where to write waves.
    pub wave: Option<PathBuf>,
}

impl Default for SendOptions {
    fn default() -> Self {
        SendOptions {
            mss: 1448,
            ip: IpVersion::V4,
            mode: Mode::Sv39,
            buffers: Buffers::Contiguous,
            pages: PageLayout::Scattered,
            latency: 50,
            seed: 1,
            pcap: None,
            wave: None,
        }
    }
}

impl SendOptions {
    /// Says what is wrong with the options, if anything is.
    pub fn check(&self) -> Result<()> {
        ensure!(
            (1..=MSS_MAX).contains(&usize::from(self.mss)),
            "the MSS is {} but must be 1 to {MSS_MAX}",
            self.mss
        );
        ensure!(
            self.buffers != Buffers::Of(0),
            "a buffer of 0 bytes holds no payload; give a size of 1 or more"
        );
        Ok(())
    }

    /// Payload of a full super-frame: as many whole segments as the IP length field and the longest chain allow.
    pub(super) fn super_frame_bytes(&self, header_bytes: usize) -> usize {
        let mss = usize::from(self.mss);
        let by_length = IP_BYTES_MAX - header_bytes;
        let by_chain = match self.buffers {
            Buffers::Contiguous => by_length,
            Buffers::Of(bytes) => bytes.saturating_mul(QUEUE_SIZE_MAX as usize - EXTRA_DESCRIPTORS),
        };
        by_length.min(by_chain) / mss * mss
    }

    /// Queue Size: room for the longest chain and, as far as the standard allows, for several of them.
    pub(super) fn queue_size(&self, payload_bytes: usize) -> u32 {
        let longest = match self.buffers {
            Buffers::Contiguous => 1 + EXTRA_DESCRIPTORS,
            Buffers::Of(bytes) => payload_bytes.div_ceil(bytes) + EXTRA_DESCRIPTORS,
        };
        let size = (longest * POSTED_AHEAD).next_power_of_two() as u32;
        size.clamp(QUEUE_SIZE_MIN, QUEUE_SIZE_MAX)
    }
}
