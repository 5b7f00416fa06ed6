//! Carries a plan out: the frames with their headers patched.

use super::checksum::Sum;
use super::layers::Layers;
use super::offload::{IpVersion, Offload, Transport};
use super::plan::{Plan, Prefix};
use super::SegmentSettings;
use bitvec::prelude::*;

/// `csum_offset` of UDP, the one protocol where a checksum of 0 means "none" (rule 18).
const UDP_CHECKSUM_OFFSET: usize = 6;

impl Plan {
    /// The frames whose bytes could all be read, in sequence (rule 4); all of them when the whole frame could.
    pub fn frames(&self, frame: &Prefix, settings: &SegmentSettings) -> Vec<Vec<u8>> {
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
    let mut checksum = Sum::new().number(length).bytes(covered).checksum();
    if offset == UDP_CHECKSUM_OFFSET && checksum == 0 {
        checksum = 0xFFFF;
    }
    let mut frame = frame.to_vec();
    put_word(&mut frame, start + offset, checksum);
    frame
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
        match self.offload.ip {
            IpVersion::V4 => self.patch_v4(&mut segment, index),
            IpVersion::V6 => self.patch_v6(&mut segment),
        }
        match self.offload.transport {
            Transport::Tcp => self.patch_tcp(&mut segment, index),
        }
        segment
    }

    /// Total length (rule 5), identification (rule 7), header checksum (rule 6). All else is copied (rule 8).
    fn patch_v4(&self, segment: &mut [u8], index: usize) {
        let ip = &mut segment[self.layers.network_start..];
        let total_length = ip.len() as u16;
        let template_id = word(ip, 4);
        let counted = template_id.wrapping_add(index as u16);
        let id = if self.settings.id_fifteen_bits {
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

        // Rule 16: the sum starts with the seed that the template's field holds.
        let mut sum = Sum::new().word(word(tcp, 16)).number(tcp.len());
        if !self.settings.seed_without_length {
            let super_length = self.frame.frame_bytes - self.layers.transport_start;
            sum = sum.word(Sum::new().number(super_length).checksum());
        }
        put_word(tcp, 16, 0);
        let checksum = sum.bytes(tcp).checksum();
        put_word(tcp, 16, checksum);
    }
}

fn word(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn put_word(bytes: &mut [u8], at: usize, word: u16) {
    bytes[at..at + 2].copy_from_slice(&word.to_be_bytes());
}
