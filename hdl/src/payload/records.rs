//! What passes between the stages of the payload reader.

#![allow(missing_docs)] // the derive adds methods without a doc comment; every field has one

use rust_hdl::prelude::*;
use segwalk_model::limits::{CHAIN_BYTES_BITS, PHYS_PAGE_BITS, VIRT_PAGE_BITS};

/// Part of a fragment that lies in one 4 KiB page, on its way through translation.
#[derive(Copy, Clone, PartialEq, Debug, Default, LogicStruct)]
pub struct VirtChunk {
    /// Address space, for the fault record.
    pub context: Bits<4>,
    /// Bits 63:12 of the address, for the fault record.
    pub virt_page: Bits<VIRT_PAGE_BITS>,
    /// First byte in the page.
    pub offset: Bits<12>,
    /// 1 to 4096 bytes.
    pub bytes: Bits<13>,
    /// Number of the chain, modulo 64.
    pub tag: Bits<6>,
    /// Transmit queue.
    pub queue: Bits<4>,
    /// The queue's epoch.
    pub epoch: Bit,
    /// Last chunk of its chain.
    pub last: Bit,
    /// 0; otherwise the chain breaks here and there is nothing to translate.
    pub refusal: Bits<6>,
    /// No chunk: everything that was translated before a fence lies in front of it. Nothing else of it counts.
    pub marker: Bit,
}

/// What a fault record needs of a page that did not translate, until its chain gets there.
#[derive(Copy, Clone, PartialEq, Debug, Default, LogicStruct)]
pub struct FaultDetail {
    /// Number of the chain, modulo 64.
    pub tag: Bits<6>,
    /// Address space.
    pub context: Bits<4>,
    /// Bits 63:12 of the address.
    pub virt_page: Bits<VIRT_PAGE_BITS>,
}

/// A translated chunk, or the break of a chain.
#[derive(Copy, Clone, PartialEq, Debug, Default, LogicStruct)]
pub struct PhysChunk {
    /// Physical page number.
    pub phys_page: Bits<PHYS_PAGE_BITS>,
    /// First byte in the page.
    pub offset: Bits<12>,
    /// 1 to 4096 bytes.
    pub bytes: Bits<13>,
    /// Transmit queue.
    pub queue: Bits<4>,
    /// The queue's epoch.
    pub epoch: Bit,
    /// Last chunk of its chain.
    pub last: Bit,
    /// 0; otherwise the chain breaks here and nothing is read.
    pub refusal: Bits<6>,
    /// See [`VirtChunk::marker`].
    pub marker: Bit,
}

/// Which bytes of the next beats from memory belong to the chain.
#[derive(Copy, Clone, PartialEq, Debug, Default, LogicStruct)]
pub struct BeatPlan {
    /// Lane of the first byte in the first beat.
    pub first_lane: Bits<3>,
    /// Bytes that count in the first beat: 1 to 8.
    pub first_bytes: Bits<4>,
    /// Bytes that count in the last beat when it is not the first: 1 to 8.
    pub last_bytes: Bits<4>,
    /// Beats of the chunk, less one.
    pub beats_minus_1: Bits<9>,
    /// `beats_minus_1` is 0.
    pub single: Bit,
    /// Last chunk of its chain.
    pub last: Bit,
    /// 0; otherwise the chain breaks here and no beat comes.
    pub refusal: Bits<6>,
    /// `refusal` is not 0.
    pub breaks: Bit,
    /// See [`VirtChunk::marker`].
    pub marker: Bit,
}

/// A beat from memory.
#[derive(Copy, Clone, PartialEq, Debug, Default, LogicStruct)]
pub struct MemBeat {
    /// The data.
    pub data: Bits<64>,
    /// The bus answered with an error.
    pub error: Bit,
}

/// A beat of the byte stream.
#[derive(Copy, Clone, PartialEq, Debug, Default, LogicStruct)]
pub struct StreamBeat {
    /// The data.
    pub data: Bits<64>,
    /// Last beat of the chain.
    pub last: Bit,
    /// Why the chain broke, or 0.
    pub refusal: Bits<6>,
}

/// A chain record in a queue.
#[derive(Copy, Clone, PartialEq, Debug, Default, LogicStruct)]
pub struct ChainRecord {
    /// Transmit queue.
    pub queue: Bits<4>,
    /// Index of the head descriptor.
    pub head: Bits<16>,
    /// Bytes of the chain without the virtio_net_hdr.
    pub frame_bytes: Bits<20>,
    /// Why it was refused, or 0.
    pub refusal: Bits<6>,
    /// Avail index of the chain.
    pub avail: Bits<16>,
    /// The queue's epoch.
    pub epoch: Bit,
    /// Frames that left before the queue parked.
    pub sent_frames: Bits<CHAIN_BYTES_BITS>,
}
