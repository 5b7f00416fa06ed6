//! What the parts of the queue fetcher tell each other.

#![allow(missing_docs)] // the derive adds a method without a doc comment; every field has one

use rust_hdl::prelude::*;
use segwalk_model::limits::CHAIN_BYTES_BITS;

/// Whose data an answer is: the head reader's, that of descriptors read ahead, or that of descriptors the chain walker
/// waits for.
pub mod owner {
    /// Avail index, avail entries or avail_event.
    pub const HEADS: u64 = 0;
    /// Descriptors ahead of the chain walker.
    pub const AHEAD: u64 = 1;
    /// Descriptors that the chain walker waits for.
    pub const WALKER: u64 = 2;
}

/// Which area a place is counted from: words 0 to 2 of the queue table, or a page that the request names.
pub mod area {
    /// Descriptor table.
    pub const TABLE: u64 = 0;
    /// Avail ring.
    pub const AVAIL: u64 = 1;
    /// Used ring.
    pub const USED: u64 = 2;
    /// Indirect table.
    pub const INDIRECT: u64 = 3;
}

/// Width of a place: a page's offset and 65536 descriptors of an indirect table.
pub const PLACE_BITS: usize = 21;

/// A request.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct RingRequest {
    /// Whose it is, see [`owner`].
    pub owner: Bits<2>,
    /// Transmit queue.
    pub queue: Bits<4>,
    /// What `place` is counted from, see [`area`].
    pub area: Bits<2>,
    /// Bytes from the beginning of the area's first page; a multiple of 8 in a read, of 2 in a write.
    pub place: Bits<PLACE_BITS>,
    /// Number of words to read, less one.
    pub beats_minus_1: Bits<5>,
    /// Where the words go; a burst does not leave 128 words.
    pub goal: Bits<9>,
    /// Write 2 bytes.
    pub write: Bit,
}

// The 512 words that were read: words 16 * queue to 16 * queue + 15 are the queue's avail entries.
/// Descriptors that are read ahead, 128 words in turn.
pub const AHEAD_WORD: u64 = 256;
/// Descriptors that the walker waits for, 32 words.
pub const WALKER_WORD: u64 = 384;
/// The avail index.
pub const INDEX_WORD: u64 = 416;

/// What the walker needs of a queue.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct WalkConfig {
    /// Queue Size less one.
    pub last_index: Bits<16>,
    /// Bits 11:4 of the descriptor table's address.
    pub table_low: Bits<8>,
    /// Context of buffers whose descriptor names none.
    pub default_context: Bits<4>,
    /// Descriptors may name a context.
    pub names_allowed: Bit,
    /// Which they may name.
    pub mask: Bits<16>,
}

/// A chain to walk, or the end of a queue.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct HeadWord {
    /// Transmit queue.
    pub queue: Bits<4>,
    /// Index of the head descriptor.
    pub head: Bits<16>,
    /// Avail index of the chain.
    pub avail: Bits<16>,
    /// Changes with every resume or abort.
    pub epoch: Bit,
    /// It is the chain that parked the queue.
    pub again: Bit,
    /// It is that chain, and it is given up: nothing was read ahead.
    pub aborted: Bit,
    /// 0, or the ring error that ends the queue: nothing was read ahead.
    pub error: Bits<6>,
    /// Descriptors that are read ahead, less one.
    pub ahead_minus_1: Bits<4>,
}

/// The chain that parked a queue.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct ParkedChain {
    /// Its head.
    pub head: Bits<16>,
    /// Its frames that have left.
    pub sent_frames: Bits<CHAIN_BYTES_BITS>,
}

/// A released chain.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct ChainWord {
    /// Transmit queue.
    pub queue: Bits<4>,
    /// Index of the head descriptor.
    pub head: Bits<16>,
    /// Bytes without the virtio_net_hdr.
    pub frame_bytes: Bits<CHAIN_BYTES_BITS>,
    /// 0, or why it is refused.
    pub refusal: Bits<6>,
    /// Avail index of the chain.
    pub avail: Bits<16>,
    /// Changes with every resume or abort of the queue.
    pub epoch: Bit,
    /// Frames of it that have left.
    pub sent_frames: Bits<CHAIN_BYTES_BITS>,
}
