//! Carries a plan out: the frames with their headers patched.

use super::checksum::Sum;
use super::layers::Layers;
use super::offload::{IpVersion, Offload, Transport};
use super::plan::{Plan, Prefix};
use super::SegmentSettings;
use crate::limits::PADDED_FRAME_BYTES;
use bitvec::prelude::*;

/// `csum_offset` of UDP, the one protocol where a checksum of 0 means "none" (rule 18).
const UDP_CHECKSUM_OFFSET: usize = 6;

impl Plan {
    /// The frames whose bytes could all be read, in sequence (rule 4); all of them when the whole frame could.
    pub fn frames(&self, frame: &Prefix, settings: &SegmentSettings) -> Vec<Vec<u8>> {
        let mut frames = self.unpadded(frame, settings);
        if settings.pad {
            // Rule 20: behind everything that lengths and checksums cover.
            for frame in frames.iter_mut().filter(|frame| frame.len() < PADDED_FRAME_BYTES) {
                frame.resize(PADDED_FRAME_BYTES, 0);
            }
        }
        frames
    }

    fn unpadded(&self, frame: &Prefix, settings: &SegmentSettings) -> Vec<Vec<u8>> {
        match *self {
            Plan::Segments { offload, layers, mss } => {
                let super_frame = SuperFrame {
                    offload,
                    layers,
                    mss,
                    frame,
                    settings,
                };
                let whole = |index: &usize| super_frame.payload(*index).end <= frame.bytes.len();
                (0..super_frame.count())
                    .take_while(whole)
                    .map(|index| super_frame.segment(index))
                    .collect()
            }
            _ if !frame.is_complete() => Vec::new(),
            Plan::Plain => vec![frame.bytes.to_vec()],
            Plan::Checksum {
                start,
                offset,
                seed_lacks_length,
            } => vec![complete_checksum(frame.bytes, start, offset, seed_lacks_length)],
        }
    }
}

/// The sum covers everything from `start` to the frame's end, the seed in the field included (rules 2, 15, 18).
fn complete_checksum(frame: &[u8], start: usize, offset: usize, seed_lacks_length: bool) -> Vec<u8> {
    let covered = &frame[start..];
    let length = if seed_lacks_length { covered.len() } else { 0 };
    let checksum = Sum::new().number(length).bytes(covered).checksum();
    let mut frame = frame.to_vec();
    put_word(&mut frame, start + offset, never_none(checksum, offset));
    frame
}

/// A checksum as it is stored at `offset` of the transport header (rule 18).
fn never_none(checksum: u16, offset: usize) -> u16 {
    if offset == UDP_CHECKSUM_OFFSET && checksum == 0 {
        0xFFFF
    } else {
        checksum
    }
}

/// A super-frame that gives at least two segments.
struct SuperFrame<'a> {
    offload: &'static Offload,
    layers: Layers,
    mss: usize,
    frame: &'a Prefix<'a>,
    settings: &'a SegmentSettings,
}

impl SuperFrame<'_> {
    /// Number of segments (rule 1).
    fn count(&self) -> usize {
        (self.frame.frame_bytes - self.layers.header_bytes).div_ceil(self.mss)
    }

    /// Where the payload of a segment lies in the super-frame (rule 1).
    fn payload(&self, index: usize) -> std::ops::Range<usize> {
        let start = self.layers.header_bytes + index * self.mss;
        start..(start + self.mss).min(self.frame.frame_bytes)
    }

    /// Segment `index`: the template (rule 3) with its payload, patched.
    fn segment(&self, index: usize) -> Vec<u8> {
        let mut segment = self.frame.bytes[..self.layers.header_bytes].to_vec();
        segment.extend_from_slice(&self.frame.bytes[self.payload(index)]);
        match self.layers.ip {
            IpVersion::V4 => self.patch_v4(&mut segment, index),
            IpVersion::V6 => self.patch_v6(&mut segment),
        }
        match self.offload.transport {
            Transport::Tcp => self.patch_tcp(&mut segment, index),
            Transport::Udp => self.patch_udp(&mut segment),
        }
        segment
    }

    /// Total length (rule 5), identification (rule 7), header checksum (rule 6). All else is copied (rule 8).
    fn patch_v4(&self, segment: &mut [u8], index: usize) {
        let ip = &mut segment[self.layers.network_start..];
        let total_length = ip.len() as u16;
        let template_id = word(ip, 4);
        let dont_fragment = ip[6].view_bits::<Msb0>()[1];
        let counted = template_id.wrapping_add(index as u16);
        let id = if self.settings.id_fixed && dont_fragment {
            template_id
        } else if self.settings.id_fifteen_bits {
            template_id & 0x8000 | counted & 0x7FFF
        } else {
            counted
        };
        put_word(ip, 2, total_length);
        put_word(ip, 4, id);
        put_word(ip, 10, 0);
        let header_bytes = self.layers.transport_start - self.layers.network_start;
        let checksum = Sum::new().bytes(&ip[..header_bytes]).checksum();
        put_word(ip, 10, checksum);
    }

    /// Payload length, extension headers included (rule 9).
    fn patch_v6(&self, segment: &mut [u8]) {
        let ip = &mut segment[self.layers.network_start..];
        let payload_length = (ip.len() - IpVersion::V6.min_header_bytes()) as u16;
        put_word(ip, 4, payload_length);
    }

    /// Sequence number (rule 10), flags (rules 11 to 14), checksum (rules 15 to 17).
    fn patch_tcp(&self, segment: &mut [u8], index: usize) {
        let tcp = &mut segment[self.layers.transport_start..];
        let sequence: u32 = tcp[4..8].view_bits::<Msb0>().load_be();
        let sequence = sequence.wrapping_add((index * self.mss) as u32);
        tcp[4..8].copy_from_slice(&sequence.to_be_bytes());

        let mask = if index == 0 {
            self.settings.flags_first
        } else if index + 1 == self.count() {
            self.settings.flags_last
        } else {
            self.settings.flags_middle
        };
        let flags = &mut tcp[12..14].view_bits_mut::<Msb0>()[4..];
        let kept = flags.load_be::<u16>() & mask;
        flags.store_be(kept);

        self.put_checksum(tcp);
    }

    /// Length and checksum (rules 15 to 19).
    fn patch_udp(&self, segment: &mut [u8]) {
        let udp = &mut segment[self.layers.transport_start..];
        put_word(udp, 4, udp.len() as u16);
        self.put_checksum(udp);
    }

    /// The checksum of a segment from its transport header on (rules 15 to 18).
    fn put_checksum(&self, transport: &mut [u8]) {
        let at = self.offload.transport.checksum_offset();
        // Rule 16: the sum starts with the seed that the template's field holds.
        let mut sum = Sum::new().word(word(transport, at)).number(transport.len());
        if !self.settings.seed_without_length {
            let super_length = self.frame.frame_bytes - self.layers.transport_start;
            sum = sum.word(Sum::new().number(super_length).checksum());
        }
        put_word(transport, at, 0);
        let checksum = sum.bytes(transport).checksum();
        put_word(transport, at, never_none(checksum, at));
    }
}

fn word(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn put_word(bytes: &mut [u8], at: usize, word: u16) {
    bytes[at..at + 2].copy_from_slice(&word.to_be_bytes());
}
