//! What is to be done with a frame, decided from `virtio_net_hdr` and the first bytes of the frame.

use super::layers::Layers;
use super::offload::Offload;
use super::SegmentSettings;
use crate::limits::{FRAME_BYTES_MAX, MSS_MAX};
use crate::refusal::Refusal;
use crate::registers::feature;
use crate::virtio_net_hdr::{gso, VirtioNetHdr};

/// Smallest frame: an Ethernet header.
const FRAME_BYTES_MIN: usize = 14;
/// Why a plan could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// A check refuses the frame.
    Refused(Refusal),
    /// A check needs this byte of the frame, which could not be read.
    Unread(usize),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Stop::Refused(refusal)
    }
}

/// The part of a frame that could be read.
#[derive(Clone, Copy, Debug)]
pub struct Prefix<'a> {
    /// The bytes before the first that failed, or all.
    pub bytes: &'a [u8],
    /// Length of the whole frame.
    pub frame_bytes: usize,
}

impl Prefix<'_> {
    /// One byte of the frame.
    pub fn byte(&self, at: usize) -> Result<u8, Stop> {
        self.bytes.get(at).copied().ok_or(Stop::Unread(at))
    }

    /// A big-endian 16-bit word of the frame.
    pub fn word(&self, at: usize) -> Result<u16, Stop> {
        Ok(u16::from_be_bytes([self.byte(at)?, self.byte(at + 1)?]))
    }

    /// Whether the whole frame could be read.
    pub fn is_complete(&self) -> bool {
        self.bytes.len() >= self.frame_bytes
    }
}

/// What is to be done with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Send it as it is.
    Plain,
    /// Complete one checksum.
    Checksum {
        /// First byte covered.
        start: usize,
        /// Where it is stored, from `start` on.
        offset: usize,
        /// The seed in the field lacks the length of what is covered (rule 15, LSO contract).
        seed_lacks_length: bool,
    },
    /// Cut it into several segments.
    Segments {
        /// What is segmented.
        offload: &'static Offload,
        /// Where the layers of the template begin.
        layers: Layers,
        /// Payload bytes of every segment but the last (rule 1).
        mss: usize,
    },
}

impl Plan {
    /// Makes the plan, or says why not. The checks run in the order of the module's list.
    pub fn make(hdr: &VirtioNetHdr, frame: &Prefix, settings: &SegmentSettings) -> Result<Plan, Stop> {
        if frame.frame_bytes < FRAME_BYTES_MIN {
            return Err(Refusal::FrameTooShort.into());
        }
        if hdr.gso() != gso::NONE {
            Self::segmented(hdr, frame, settings)
        } else if hdr.needs_csum() {
            Self::checksum_only(hdr, frame, settings)
        } else {
            check_length(frame)?;
            Ok(Plan::Plain)
        }
    }

    /// Payload bytes of every frame but the last; 0 where nothing is cut.
    pub fn segment_bytes(&self) -> usize {
        match self {
            Plan::Segments { mss, .. } => *mss,
            _ => 0,
        }
    }

    fn segmented(hdr: &VirtioNetHdr, frame: &Prefix, settings: &SegmentSettings) -> Result<Plan, Stop> {
        let offload = Offload::find(hdr.gso()).ok_or(Refusal::GsoTypeUnknown)?;
        let mut needed = offload.feature;
        if hdr.has_ecn() {
            needed |= feature::HOST_ECN;
        }
        if settings.features & needed != needed {
            return Err(Refusal::FeatureNotNegotiated.into());
        }
        if !hdr.needs_csum() {
            return Err(Refusal::GsoWithoutChecksum.into());
        }
        let mss = usize::from(hdr.gso_size);
        if mss == 0 {
            return Err(Refusal::GsoSizeZero.into());
        }
        if mss > MSS_MAX {
            return Err(Refusal::GsoSizeTooLarge.into());
        }
        let offset = usize::from(hdr.csum_offset);
        if offset != offload.transport.checksum_offset() {
            return Err(Refusal::ChecksumOffsetWrong.into());
        }
        let start = usize::from(hdr.csum_start);
        let layers = Layers::find(offload, start, frame)?;
        // Rules 2 and 24: too little for two segments. The flag masks do not apply (rule 14: 0xFFF).
        if frame.frame_bytes - layers.header_bytes <= mss {
            check_length(frame)?;
            return Ok(Plan::Checksum {
                start,
                offset,
                seed_lacks_length: settings.seed_without_length,
            });
        }
        Ok(Plan::Segments { offload, layers, mss })
    }

    fn checksum_only(hdr: &VirtioNetHdr, frame: &Prefix, settings: &SegmentSettings) -> Result<Plan, Stop> {
        if settings.features & feature::CSUM == 0 {
            return Err(Refusal::FeatureNotNegotiated.into());
        }
        let (start, offset) = (usize::from(hdr.csum_start), usize::from(hdr.csum_offset));
        if start + offset + 2 > frame.frame_bytes {
            return Err(Refusal::HeaderBeyondChain.into());
        }
        check_length(frame)?;
        Ok(Plan::Checksum {
            start,
            offset,
            seed_lacks_length: false,
        })
    }
}

fn check_length(frame: &Prefix) -> Result<(), Stop> {
    if frame.frame_bytes > FRAME_BYTES_MAX {
        return Err(Refusal::FrameTooLong.into());
    }
    Ok(())
}
