//! What the stages of the pipeline hand to each other.

#![allow(missing_docs)] // the derive adds methods without a doc comment; every field has one

use rust_hdl::prelude::*;
use segwalk_model::limits::CHAIN_BYTES_BITS;

/// A beat of the chain's byte stream.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct StreamBeat {
    /// Little-endian.
    pub data: Bits<64>,
    /// Last beat of the chain.
    pub last: Bit,
    /// The stream breaks here: `last` with a `refusal` that is not 0; the data is undefined.
    pub fault: Bit,
    /// Why it breaks.
    pub refusal: Bits<6>,
}

/// A segment that lies complete in the payload ring, or the end of a chain without one.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct SegmentNote {
    /// There is a frame to send; otherwise only the end of a chain is told.
    pub frame: Bit,
    /// The chain ends with it.
    pub done: Bit,
    /// The template bank of this super-frame is free after it.
    pub frees_bank: Bit,
    /// Why the chain was refused, or 0; only where `frame` is not set.
    pub refusal: Bits<6>,
    /// The frame left before its chain parked the queue: it is made and not sent.
    pub quiet: Bit,
    /// Transmit queue of the chain.
    pub queue: Bits<4>,
    /// Head of the chain.
    pub head: Bits<16>,
    /// The header comes from the template bank.
    pub template: Bit,
    /// The header is patched: one of at least two segments.
    pub patch: Bit,
    /// First segment of the super-frame.
    pub first: Bit,
    /// Last segment of the super-frame.
    pub last: Bit,
    /// Bytes that come from the ring.
    pub payload_bytes: Bits<14>,
    /// Beats that come from the ring.
    pub ring_beats: Bits<11>,
    /// Bytes in the frame's last beat, modulo 8.
    pub tail_bytes: Bits<3>,
    /// A checksum is stored.
    pub sum: Bit,
    /// Where it is stored: byte of the frame.
    pub sum_at: Bits<14>,
    /// The sum starts at an odd byte.
    pub odd: Bit,
    /// A checksum of 0 is sent as 0xFFFF (rule 18).
    pub never_zero: Bit,
}

/// A frame ready for the wire, or the end of a chain.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct FrameRecord {
    /// There is a frame to send.
    pub frame: Bit,
    /// The chain ends with it.
    pub done: Bit,
    /// The template bank is free after it.
    pub frees_bank: Bit,
    /// Why the chain was refused, or 0.
    pub refusal: Bits<6>,
    /// See [`SegmentNote::quiet`].
    pub quiet: Bit,
    /// Transmit queue of the chain.
    pub queue: Bits<4>,
    /// Head of the chain.
    pub head: Bits<16>,
    /// Beats of the frame.
    pub beats: Bits<11>,
    /// Beats that come from the template alone.
    pub header_beats: Bits<6>,
    /// Bytes of the next beat that come from the template.
    pub header_lanes: Bits<3>,
    /// Bytes in the last beat, modulo 8.
    pub tail_bytes: Bits<3>,
    /// The frame is padded with zeros (rule 20): `beats` and `tail_bytes` count the padding.
    pub padded: Bit,
    /// Beats of a padded frame that hold data.
    pub data_beats: Bits<4>,
    /// Bytes of data in the last of them, modulo 8.
    pub data_tail: Bits<3>,
    /// Template bank.
    pub bank: Bits<4>,
    /// `check` is stored at `check_at`.
    pub sum: Bit,
    /// Byte of the frame.
    pub check_at: Bits<14>,
    /// Checksum of the transport layer.
    pub check: Bits<16>,
    /// The values below are stored.
    pub patch: Bit,
    /// IPv4: `total_length` and `ip_check` are stored too.
    pub four: Bit,
    /// VLAN tags in front of the IP header.
    pub tags: Bits<2>,
    /// First 16-bit word of the TCP or UDP header; odd.
    pub tcp_word: Bits<7>,
    /// UDP: `seq_high` is the length, `seq_low` and `flags` are not stored.
    pub udp: Bit,
    /// IPv4 total length (rule 5).
    pub total_length: Bits<16>,
    /// Word 2 of the IP header: IPv4 identification (rule 7) or IPv6 payload length (rule 9).
    pub ip_word_2: Bits<16>,
    /// IPv4 header checksum (rule 6).
    pub ip_check: Bits<16>,
    /// High half of the sequence number (rule 10).
    pub seq_high: Bits<16>,
    /// Low half.
    pub seq_low: Bits<16>,
    /// Data offset and flags (rules 11 to 14).
    pub flags: Bits<16>,
}

/// The end of a chain.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct DoneRecord {
    /// Transmit queue.
    pub queue: Bits<4>,
    /// Head of the chain.
    pub head: Bits<16>,
    /// 0, or why it was refused.
    pub refusal: Bits<6>,
}

/// How far a chain came that parks its queue.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct ParkWord {
    /// Avail index of the chain.
    pub avail: Bits<16>,
    /// Frames that left, those of earlier passes included.
    pub sent_frames: Bits<CHAIN_BYTES_BITS>,
    /// Payload bytes in them; 0 when this pass did not come as far as the one before.
    pub sent_bytes: Bits<CHAIN_BYTES_BITS>,
}

/// A beat of a frame on its way out.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct OutputBeat {
    /// Little-endian.
    pub data: Bits<64>,
    /// Which bytes count.
    pub keep: Bits<8>,
    /// Last beat of the frame.
    pub last: Bit,
    /// Last beat of the chain's last frame.
    pub done: Bit,
    /// Transmit queue of the chain.
    pub queue: Bits<4>,
}

/// What the template of a super-frame gives to its segments; stable until the next one is started.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Template {
    /// Bank that holds its bytes.
    pub bank: Bits<4>,
    /// Bytes of the template (H).
    pub header_bytes: Bits<9>,
    /// MSS.
    pub segment_bytes: Bits<14>,
    /// IPv4, otherwise IPv6.
    pub four: Bit,
    /// VLAN tags.
    pub tags: Bits<2>,
    /// First 16-bit word of the TCP or UDP header.
    pub tcp_word: Bits<7>,
    /// UDP, otherwise TCP. Then `seq_high` and `flags` are 0 and `seq_low` is the length as found.
    pub udp: Bit,
    /// The template says "don't fragment".
    pub dont_fragment: Bit,
    /// Header bytes that the length field of the IP header counts.
    pub length_base: Bits<9>,
    /// Bytes of the TCP or UDP header.
    pub tcp_bytes: Bits<6>,
    /// The segment's TCP length belongs into the sum (rule 16).
    pub add_length: Bit,
    /// Sum of the IPv4 header without length, identification and checksum.
    pub ip_sum: Bits<16>,
    /// Sum of the TCP header without sequence number and flags, with the seed, less what rule 16 takes away.
    pub tcp_sum: Bits<16>,
    /// IPv4 identification.
    pub id: Bits<16>,
    /// High half of the sequence number.
    pub seq_high: Bits<16>,
    /// Low half.
    pub seq_low: Bits<16>,
    /// Data offset and flags.
    pub flags: Bits<16>,
}
