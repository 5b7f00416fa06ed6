//! The interfaces between subsystems. Names end in `Source`/`Sink` for streams and pulses and in `Client`/`Server` for
//! requests; the two sides of a pair are joined with `Source::join(&mut self.a.out, &mut self.b.inp)` in their parent.

#![allow(missing_docs)] // the derive adds `join` methods without a doc comment; every field has one

use rust_hdl::prelude::*;
use segwalk_model::limits::{CHAIN_BYTES_BITS, PHYS_ADDR_BITS, PHYS_PAGE_BITS, VIRT_PAGE_BITS};

/// Where the parts of word 3 of the queue table lie (see [`QueueTableClient`]).
pub mod queue_word {
    /// Queue Size, 16 bits (1 to 32768).
    pub const SIZE_LSB: usize = 0;
    /// Context of the rings, 4 bits.
    pub const RING_CONTEXT_LSB: usize = 16;
    /// Default context of buffers, 4 bits.
    pub const DEFAULT_CONTEXT_LSB: usize = 20;
    /// Descriptors may name a context, 1 bit.
    pub const NAMES_ALLOWED_BIT: usize = 24;
    /// Contexts that descriptors may name, 16 bits.
    pub const MASK_LSB: usize = 32;
}

/// A read of 1 to 256 beats of 8 bytes that does not cross 4 KiB. The client has room for all the data it asks for, so data has no `ready`; answers come in the order of the requests.
#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "MemReadServer"]
pub struct MemReadClient {
    /// A request is offered.
    pub req_valid: Signal<Out, Bit>,
    /// The request is taken.
    pub req_ready: Signal<In, Bit>,
    /// First byte; a multiple of 8.
    pub phys_addr: Signal<Out, Bits<PHYS_ADDR_BITS>>,
    /// Number of beats, less one.
    pub beats_minus_1: Signal<Out, Bits<8>>,
    /// A beat of data is here; it is taken on this clock.
    pub data_valid: Signal<In, Bit>,
    /// Little-endian: byte 0 in bits 7:0.
    pub data: Signal<In, Bits<64>>,
    /// Last beat of a request.
    pub data_last: Signal<In, Bit>,
    /// The bus answered this beat with SLVERR or DECERR.
    pub data_error: Signal<In, Bit>,
}

/// The other side of [`MemReadClient`].
#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "MemReadClient"]
pub struct MemReadServer {
    /// A request is offered.
    pub req_valid: Signal<In, Bit>,
    /// The request is taken.
    pub req_ready: Signal<Out, Bit>,
    /// First byte; a multiple of 8.
    pub phys_addr: Signal<In, Bits<PHYS_ADDR_BITS>>,
    /// Number of beats, less one.
    pub beats_minus_1: Signal<In, Bits<8>>,
    /// A beat of data is here; it is taken on this clock.
    pub data_valid: Signal<Out, Bit>,
    /// Little-endian: byte 0 in bits 7:0.
    pub data: Signal<Out, Bits<64>>,
    /// Last beat of a request.
    pub data_last: Signal<Out, Bit>,
    /// The bus answered this beat with SLVERR or DECERR.
    pub data_error: Signal<Out, Bit>,
}

/// A write of up to 8 bytes inside one aligned 8-byte word. Several may be under way; answers come in order.
#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "MemWriteServer"]
pub struct MemWriteClient {
    /// A request is offered.
    pub req_valid: Signal<Out, Bit>,
    /// The request is taken.
    pub req_ready: Signal<In, Bit>,
    /// Address of the word; a multiple of 8.
    pub phys_addr: Signal<Out, Bits<PHYS_ADDR_BITS>>,
    /// The word.
    pub data: Signal<Out, Bits<64>>,
    /// Which bytes are written.
    pub strobe: Signal<Out, Bits<8>>,
    /// The oldest write is acknowledged; it is taken on this clock.
    pub done_valid: Signal<In, Bit>,
    /// The bus answered SLVERR or DECERR.
    pub done_error: Signal<In, Bit>,
}

/// The other side of [`MemWriteClient`].
#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "MemWriteClient"]
pub struct MemWriteServer {
    /// A request is offered.
    pub req_valid: Signal<In, Bit>,
    /// The request is taken.
    pub req_ready: Signal<Out, Bit>,
    /// Address of the word; a multiple of 8.
    pub phys_addr: Signal<In, Bits<PHYS_ADDR_BITS>>,
    /// The word.
    pub data: Signal<In, Bits<64>>,
    /// Which bytes are written.
    pub strobe: Signal<In, Bits<8>>,
    /// The oldest write is acknowledged; it is taken on this clock.
    pub done_valid: Signal<Out, Bit>,
    /// The bus answered SLVERR or DECERR.
    pub done_error: Signal<Out, Bit>,
}

/// Translation of one 4 KiB page. Answers come in the order of the requests.
#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "TranslateServer"]
pub struct TranslateClient {
    /// A request is offered.
    pub req_valid: Signal<Out, Bit>,
    /// The request is taken.
    pub req_ready: Signal<In, Bit>,
    /// Address space.
    pub context: Signal<Out, Bits<4>>,
    /// Bits 63:12 of the virtual address.
    pub virt_page: Signal<Out, Bits<VIRT_PAGE_BITS>>,
    /// The access is a write.
    pub write: Signal<Out, Bit>,
    /// An answer is here.
    pub rsp_valid: Signal<In, Bit>,
    /// The answer is taken.
    pub rsp_ready: Signal<Out, Bit>,
    /// Physical page number; meaningful when `cause` is 0.
    pub phys_page: Signal<In, Bits<PHYS_PAGE_BITS>>,
    /// 0, or the FaultCause.
    pub cause: Signal<In, Bits<5>>,
}

/// The other side of [`TranslateClient`].
#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "TranslateClient"]
pub struct TranslateServer {
    /// A request is offered.
    pub req_valid: Signal<In, Bit>,
    /// The request is taken.
    pub req_ready: Signal<Out, Bit>,
    /// Address space.
    pub context: Signal<In, Bits<4>>,
    /// Bits 63:12 of the virtual address.
    pub virt_page: Signal<In, Bits<VIRT_PAGE_BITS>>,
    /// The access is a write.
    pub write: Signal<In, Bit>,
    /// An answer is here.
    pub rsp_valid: Signal<Out, Bit>,
    /// The answer is taken.
    pub rsp_ready: Signal<In, Bit>,
    /// Physical page number; meaningful when `cause` is 0.
    pub phys_page: Signal<Out, Bits<PHYS_PAGE_BITS>>,
    /// 0, or the FaultCause.
    pub cause: Signal<Out, Bits<5>>,
}

/// One chain of a transmit queue, in ring order.
#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "ChainSink"]
pub struct ChainSource {
    /// A chain is offered.
    pub valid: Signal<Out, Bit>,
    /// The chain is taken.
    pub ready: Signal<In, Bit>,
    /// Transmit queue.
    pub queue: Signal<Out, Bits<4>>,
    /// Index of the head descriptor.
    pub head: Signal<Out, Bits<16>>,
    /// Bytes of the chain without the virtio_net_hdr; meaningful when `refusal` is 0.
    pub frame_bytes: Signal<Out, Bits<CHAIN_BYTES_BITS>>,
    /// 0, or why the chain is refused: then it has no fragments and no data.
    pub refusal: Signal<Out, Bits<6>>,
    /// Avail index of the chain: the queue goes back to it when the chain parks the queue.
    pub avail: Signal<Out, Bits<16>>,
    /// Changes with every resume or abort of the queue, so that chains fetched before a park are known and dropped.
    pub epoch: Signal<Out, Bit>,
    /// Frames of this chain that left before it parked its queue; they are not emitted again.
    pub sent_frames: Signal<Out, Bits<CHAIN_BYTES_BITS>>,
}

/// The other side of [`ChainSource`].
#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "ChainSource"]
pub struct ChainSink {
    /// A chain is offered.
    pub valid: Signal<In, Bit>,
    /// The chain is taken.
    pub ready: Signal<Out, Bit>,
    /// Transmit queue.
    pub queue: Signal<In, Bits<4>>,
    /// Index of the head descriptor.
    pub head: Signal<In, Bits<16>>,
    /// Bytes of the chain without the virtio_net_hdr; meaningful when `refusal` is 0.
    pub frame_bytes: Signal<In, Bits<CHAIN_BYTES_BITS>>,
    /// 0, or why the chain is refused: then it has no fragments and no data.
    pub refusal: Signal<In, Bits<6>>,
    /// Avail index of the chain: the queue goes back to it when the chain parks the queue.
    pub avail: Signal<In, Bits<16>>,
    /// Changes with every resume or abort of the queue, so that chains fetched before a park are known and dropped.
    pub epoch: Signal<In, Bit>,
    /// Frames of this chain that left before it parked its queue; they are not emitted again.
    pub sent_frames: Signal<In, Bits<CHAIN_BYTES_BITS>>,
}

/// The buffers of accepted chains, in order; never of 0 bytes.
#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "FragmentSink"]
pub struct FragmentSource {
    /// A fragment is offered.
    pub valid: Signal<Out, Bit>,
    /// The fragment is taken.
    pub ready: Signal<In, Bit>,
    /// Address space.
    pub context: Signal<Out, Bits<4>>,
    /// First byte.
    pub virt_addr: Signal<Out, Bits<64>>,
    /// Length.
    pub bytes: Signal<Out, Bits<CHAIN_BYTES_BITS>>,
    /// Last fragment of its chain.
    pub last: Signal<Out, Bit>,
    /// 0; otherwise the chain broke here (ChainChanged), `last` is set and the fragment is not read.
    pub refusal: Signal<Out, Bits<6>>,
}

/// The other side of [`FragmentSource`].
#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "FragmentSource"]
pub struct FragmentSink {
    /// A fragment is offered.
    pub valid: Signal<In, Bit>,
    /// The fragment is taken.
    pub ready: Signal<Out, Bit>,
    /// Address space.
    pub context: Signal<In, Bits<4>>,
    /// First byte.
    pub virt_addr: Signal<In, Bits<64>>,
    /// Length.
    pub bytes: Signal<In, Bits<CHAIN_BYTES_BITS>>,
    /// Last fragment of its chain.
    pub last: Signal<In, Bit>,
    /// 0; otherwise the chain broke here (ChainChanged), `last` is set and the fragment is not read.
    pub refusal: Signal<In, Bits<6>>,
}

/// Refusal code between subsystems only: the chain was fetched before its queue parked. It gives no frame and is not
/// completed; the fetcher fetches it again.
pub const CHAIN_DROPPED: u64 = 63;
/// Refusal code between subsystems only: the chain parks its queue. It is not completed; the fetcher fetches it again.
pub const CHAIN_PARKED: u64 = 62;

/// The bytes of one accepted chain after the other, without gaps: 4 bytes of padding, the 12 bytes of virtio_net_hdr, the frame; so the frame begins with the third beat. The padding makes the frame 8-byte aligned.
#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "ByteSink"]
pub struct ByteSource {
    /// A beat is offered.
    pub valid: Signal<Out, Bit>,
    /// The beat is taken.
    pub ready: Signal<In, Bit>,
    /// Little-endian; bytes beyond the frame's end are undefined.
    pub data: Signal<Out, Bits<64>>,
    /// Last beat of the chain: the one with the frame's last byte, or an earlier one when `refusal` is not 0.
    pub last: Signal<Out, Bit>,
    /// Only on the last beat: 0, or why the chain broke; then this beat's data is undefined.
    pub refusal: Signal<Out, Bits<6>>,
}

/// The other side of [`ByteSource`].
#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "ByteSource"]
pub struct ByteSink {
    /// A beat is offered.
    pub valid: Signal<In, Bit>,
    /// The beat is taken.
    pub ready: Signal<Out, Bit>,
    /// Little-endian; bytes beyond the frame's end are undefined.
    pub data: Signal<In, Bits<64>>,
    /// Last beat of the chain: the one with the frame's last byte, or an earlier one when `refusal` is not 0.
    pub last: Signal<In, Bit>,
    /// Only on the last beat: 0, or why the chain broke; then this beat's data is undefined.
    pub refusal: Signal<In, Bits<6>>,
}

/// A chain is finished: its last frame left, or it was refused.
#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "DoneSink"]
pub struct DoneSource {
    /// A completion is offered.
    pub valid: Signal<Out, Bit>,
    /// The completion is taken.
    pub ready: Signal<In, Bit>,
    /// Transmit queue.
    pub queue: Signal<Out, Bits<4>>,
    /// Index of the head descriptor.
    pub head: Signal<Out, Bits<16>>,
    /// 0, or why it was refused; [`CHAIN_PARKED`] and [`CHAIN_DROPPED`] are not completed.
    pub refusal: Signal<Out, Bits<6>>,
    /// Avail index of the chain; this and what follows is meaningful with [`CHAIN_PARKED`] only.
    pub avail: Signal<Out, Bits<16>>,
    /// Frames of the chain that have left, those of earlier passes included.
    pub sent_frames: Signal<Out, Bits<CHAIN_BYTES_BITS>>,
    /// Payload bytes in those frames; 0 when this pass did not come as far as the one before, whose count stands.
    pub sent_bytes: Signal<Out, Bits<CHAIN_BYTES_BITS>>,
}

/// The other side of [`DoneSource`].
#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "DoneSource"]
pub struct DoneSink {
    /// A completion is offered.
    pub valid: Signal<In, Bit>,
    /// The completion is taken.
    pub ready: Signal<Out, Bit>,
    /// Transmit queue.
    pub queue: Signal<In, Bits<4>>,
    /// Index of the head descriptor.
    pub head: Signal<In, Bits<16>>,
    /// 0, or why it was refused; [`CHAIN_PARKED`] and [`CHAIN_DROPPED`] are not completed.
    pub refusal: Signal<In, Bits<6>>,
    /// Avail index of the chain; this and what follows is meaningful with [`CHAIN_PARKED`] only.
    pub avail: Signal<In, Bits<16>>,
    /// Frames of the chain that have left, those of earlier passes included.
    pub sent_frames: Signal<In, Bits<CHAIN_BYTES_BITS>>,
    /// Payload bytes in those frames; 0 when this pass did not come as far as the one before, whose count stands.
    pub sent_bytes: Signal<In, Bits<CHAIN_BYTES_BITS>>,
}

/// AXI4-Stream of finished frames.
#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "FrameSink"]
pub struct FrameSource {
    /// A beat is offered.
    pub tvalid: Signal<Out, Bit>,
    /// The beat is taken.
    pub tready: Signal<In, Bit>,
    /// Byte 0 in bits 7:0.
    pub tdata: Signal<Out, Bits<64>>,
    /// Which bytes count; all ones but on the last beat.
    pub tkeep: Signal<Out, Bits<8>>,
    /// Last beat of the frame.
    pub tlast: Signal<Out, Bit>,
}

/// The other side of [`FrameSource`].
#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "FrameSource"]
pub struct FrameSink {
    /// A beat is offered.
    pub tvalid: Signal<In, Bit>,
    /// The beat is taken.
    pub tready: Signal<Out, Bit>,
    /// Byte 0 in bits 7:0.
    pub tdata: Signal<In, Bits<64>>,
    /// Which bytes count; all ones but on the last beat.
    pub tkeep: Signal<In, Bits<8>>,
    /// Last beat of the frame.
    pub tlast: Signal<In, Bit>,
}

/// Read port of the queue table: the answer is there on the clock after the address. Word 0 descriptor table address, 1 avail ring address, 2 used ring address, 3 see `queue_word`.
#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "QueueTableServer"]
pub struct QueueTableClient {
    /// Transmit queue.
    pub queue: Signal<Out, Bits<4>>,
    /// Word.
    pub word: Signal<Out, Bits<2>>,
    /// The word of one clock ago.
    pub data: Signal<In, Bits<64>>,
}

/// The other side of [`QueueTableClient`].
#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "QueueTableClient"]
pub struct QueueTableServer {
    /// Transmit queue.
    pub queue: Signal<In, Bits<4>>,
    /// Word.
    pub word: Signal<In, Bits<2>>,
    /// The word of one clock ago.
    pub data: Signal<Out, Bits<64>>,
}

/// Writes one context; a pulse. The MMU empties its TLB with it.
#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "ContextWriteSink"]
pub struct ContextWriteSource {
    /// Write now.
    pub valid: Signal<Out, Bit>,
    /// Context.
    pub context: Signal<Out, Bits<4>>,
    /// Translation mode.
    pub mode: Signal<Out, Bits<3>>,
    /// Physical page number of the root table.
    pub root_page: Signal<Out, Bits<PHYS_PAGE_BITS>>,
    /// Supervisor pages fault.
    pub user_only: Signal<Out, Bit>,
    /// A clear accessed bit faults.
    pub accessed_faults: Signal<Out, Bit>,
}

/// The other side of [`ContextWriteSource`].
#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "ContextWriteSource"]
pub struct ContextWriteSink {
    /// Write now.
    pub valid: Signal<In, Bit>,
    /// Context.
    pub context: Signal<In, Bits<4>>,
    /// Translation mode.
    pub mode: Signal<In, Bits<3>>,
    /// Physical page number of the root table.
    pub root_page: Signal<In, Bits<PHYS_PAGE_BITS>>,
    /// Supervisor pages fault.
    pub user_only: Signal<In, Bit>,
    /// A clear accessed bit faults.
    pub accessed_faults: Signal<In, Bit>,
}

/// A translation fault that a chain is refused for or parks its queue for; a pulse.
#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "FaultSink"]
pub struct FaultSource {
    /// Record it.
    pub valid: Signal<Out, Bit>,
    /// Transmit queue.
    pub queue: Signal<Out, Bits<4>>,
    /// Head of the chain.
    pub head: Signal<Out, Bits<16>>,
    /// Context.
    pub context: Signal<Out, Bits<4>>,
    /// Bits 63:12 of the address.
    pub virt_page: Signal<Out, Bits<VIRT_PAGE_BITS>>,
    /// FaultCause.
    pub cause: Signal<Out, Bits<5>>,
}

/// The other side of [`FaultSource`].
#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "FaultSource"]
pub struct FaultSink {
    /// Record it.
    pub valid: Signal<In, Bit>,
    /// Transmit queue.
    pub queue: Signal<In, Bits<4>>,
    /// Head of the chain.
    pub head: Signal<In, Bits<16>>,
    /// Context.
    pub context: Signal<In, Bits<4>>,
    /// Bits 63:12 of the address.
    pub virt_page: Signal<In, Bits<VIRT_PAGE_BITS>>,
    /// FaultCause.
    pub cause: Signal<In, Bits<5>>,
}

/// A ring error: the queue stops; a pulse.
#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "RingErrorSink"]
pub struct RingErrorSource {
    /// Stop it.
    pub valid: Signal<Out, Bit>,
    /// Transmit queue.
    pub queue: Signal<Out, Bits<4>>,
    /// Refusal of class Ring.
    pub code: Signal<Out, Bits<6>>,
}

/// The other side of [`RingErrorSource`].
#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "RingErrorSource"]
pub struct RingErrorSink {
    /// Stop it.
    pub valid: Signal<In, Bit>,
    /// Transmit queue.
    pub queue: Signal<In, Bits<4>>,
    /// Refusal of class Ring.
    pub code: Signal<In, Bits<6>>,
}

/// A chain was completed with a packet error, for counters and the error record; a pulse.
#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "RefusedSink"]
pub struct RefusedSource {
    /// Count it.
    pub valid: Signal<Out, Bit>,
    /// Transmit queue.
    pub queue: Signal<Out, Bits<4>>,
    /// Head of the chain.
    pub head: Signal<Out, Bits<16>>,
    /// Refusal of class Packet.
    pub code: Signal<Out, Bits<6>>,
}

/// The other side of [`RefusedSource`].
#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "RefusedSource"]
pub struct RefusedSink {
    /// Count it.
    pub valid: Signal<In, Bit>,
    /// Transmit queue.
    pub queue: Signal<In, Bits<4>>,
    /// Head of the chain.
    pub head: Signal<In, Bits<16>>,
    /// Refusal of class Packet.
    pub code: Signal<In, Bits<6>>,
}

/// A chain of a recoverable queue met a translation fault: the queue parks; a pulse.
#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "ParkSink"]
pub struct ParkSource {
    /// Park it.
    pub valid: Signal<Out, Bit>,
    /// Transmit queue.
    pub queue: Signal<Out, Bits<4>>,
    /// Head of the chain.
    pub head: Signal<Out, Bits<16>>,
    /// Avail index of the chain: the queue goes on from here.
    pub avail: Signal<Out, Bits<16>>,
    /// Frames of the chain that have left, those of earlier passes included.
    pub sent_frames: Signal<Out, Bits<CHAIN_BYTES_BITS>>,
    /// Payload bytes in those frames; 0 when this pass did not come as far as the one before, whose count stands.
    pub sent_bytes: Signal<Out, Bits<CHAIN_BYTES_BITS>>,
}

/// The other side of [`ParkSource`].
#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "ParkSource"]
pub struct ParkSink {
    /// Park it.
    pub valid: Signal<In, Bit>,
    /// Transmit queue.
    pub queue: Signal<In, Bits<4>>,
    /// Head of the chain.
    pub head: Signal<In, Bits<16>>,
    /// Avail index of the chain: the queue goes on from here.
    pub avail: Signal<In, Bits<16>>,
    /// Frames of the chain that have left, those of earlier passes included.
    pub sent_frames: Signal<In, Bits<CHAIN_BYTES_BITS>>,
    /// Payload bytes in those frames; 0 when this pass did not come as far as the one before, whose count stands.
    pub sent_bytes: Signal<In, Bits<CHAIN_BYTES_BITS>>,
}

/// What the scheduler of the queues is told by the registers.
#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "ShareSink"]
pub struct ShareSource {
    /// The weight of `queue` becomes `value`, bits 7:0; a pulse. After a reset it is 1, and 0 counts as 1.
    pub weight_write: Signal<Out, Bit>,
    /// The rate of `queue` becomes `value` bytes a millisecond; a pulse. After a reset it is 0, no limit.
    pub rate_write: Signal<Out, Bit>,
    /// Transmit queue.
    pub queue: Signal<Out, Bits<4>>,
    /// Weight or rate.
    pub value: Signal<Out, Bits<32>>,
    /// A millisecond has passed; a pulse.
    pub millisecond: Signal<Out, Bit>,
    /// Bit a transmit queue, pulses: look at its avail index as if a doorbell had rung.
    pub poll: Signal<Out, Bits<16>>,
}

/// The other side of [`ShareSource`].
#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "ShareSource"]
pub struct ShareSink {
    /// The weight of `queue` becomes `value`, bits 7:0; a pulse. After a reset it is 1, and 0 counts as 1.
    pub weight_write: Signal<In, Bit>,
    /// The rate of `queue` becomes `value` bytes a millisecond; a pulse. After a reset it is 0, no limit.
    pub rate_write: Signal<In, Bit>,
    /// Transmit queue.
    pub queue: Signal<In, Bits<4>>,
    /// Weight or rate.
    pub value: Signal<In, Bits<32>>,
    /// A millisecond has passed; a pulse.
    pub millisecond: Signal<In, Bit>,
    /// Bit a transmit queue, pulses: look at its avail index as if a doorbell had rung.
    pub poll: Signal<In, Bits<16>>,
}

/// What the TSO pipeline found at the end of a chain's bytes, for the payload reader: a pulse for each chain that had
/// bytes, in order; and the chains that it drops.
#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "VerdictSink"]
pub struct VerdictSource {
    /// A chain's bytes have ended.
    pub valid: Signal<Out, Bit>,
    /// The chain is refused, or its queue parks, because of a translation fault.
    pub faulted: Signal<Out, Bit>,
    /// Transmit queue.
    pub queue: Signal<Out, Bits<4>>,
    /// Head of the chain.
    pub head: Signal<Out, Bits<16>>,
    /// FaultCause.
    pub cause: Signal<Out, Bits<5>>,
    /// Bit a transmit queue: its chains of epoch 0 are dropped, because one of them parked the queue.
    pub drops_even: Signal<Out, Bits<16>>,
    /// The same for epoch 1.
    pub drops_odd: Signal<Out, Bits<16>>,
}

/// The other side of [`VerdictSource`].
#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "VerdictSource"]
pub struct VerdictSink {
    /// A chain's bytes have ended.
    pub valid: Signal<In, Bit>,
    /// The chain is refused, or its queue parks, because of a translation fault.
    pub faulted: Signal<In, Bit>,
    /// Transmit queue.
    pub queue: Signal<In, Bits<4>>,
    /// Head of the chain.
    pub head: Signal<In, Bits<16>>,
    /// FaultCause.
    pub cause: Signal<In, Bits<5>>,
    /// Bit a transmit queue: its chains of epoch 0 are dropped, because one of them parked the queue.
    pub drops_even: Signal<In, Bits<16>>,
    /// The same for epoch 1.
    pub drops_odd: Signal<In, Bits<16>>,
}

/// AXI4-Lite with 32-bit data and a 4 KiB address space.
#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "AxiLiteSubordinate"]
pub struct AxiLiteManager {
    /// Write address.
    pub awaddr: Signal<Out, Bits<12>>,
    /// Write address is valid.
    pub awvalid: Signal<Out, Bit>,
    /// Write address is taken.
    pub awready: Signal<In, Bit>,
    /// Write data.
    pub wdata: Signal<Out, Bits<32>>,
    /// Write strobes.
    pub wstrb: Signal<Out, Bits<4>>,
    /// Write data is valid.
    pub wvalid: Signal<Out, Bit>,
    /// Write data is taken.
    pub wready: Signal<In, Bit>,
    /// Write response.
    pub bresp: Signal<In, Bits<2>>,
    /// Write response is valid.
    pub bvalid: Signal<In, Bit>,
    /// Write response is taken.
    pub bready: Signal<Out, Bit>,
    /// Read address.
    pub araddr: Signal<Out, Bits<12>>,
    /// Read address is valid.
    pub arvalid: Signal<Out, Bit>,
    /// Read address is taken.
    pub arready: Signal<In, Bit>,
    /// Read data.
    pub rdata: Signal<In, Bits<32>>,
    /// Read response.
    pub rresp: Signal<In, Bits<2>>,
    /// Read data is valid.
    pub rvalid: Signal<In, Bit>,
    /// Read data is taken.
    pub rready: Signal<Out, Bit>,
}

/// The other side of [`AxiLiteManager`].
#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "AxiLiteManager"]
pub struct AxiLiteSubordinate {
    /// Write address.
    pub awaddr: Signal<In, Bits<12>>,
    /// Write address is valid.
    pub awvalid: Signal<In, Bit>,
    /// Write address is taken.
    pub awready: Signal<Out, Bit>,
    /// Write data.
    pub wdata: Signal<In, Bits<32>>,
    /// Write strobes.
    pub wstrb: Signal<In, Bits<4>>,
    /// Write data is valid.
    pub wvalid: Signal<In, Bit>,
    /// Write data is taken.
    pub wready: Signal<Out, Bit>,
    /// Write response.
    pub bresp: Signal<Out, Bits<2>>,
    /// Write response is valid.
    pub bvalid: Signal<Out, Bit>,
    /// Write response is taken.
    pub bready: Signal<In, Bit>,
    /// Read address.
    pub araddr: Signal<In, Bits<12>>,
    /// Read address is valid.
    pub arvalid: Signal<In, Bit>,
    /// Read address is taken.
    pub arready: Signal<Out, Bit>,
    /// Read data.
    pub rdata: Signal<Out, Bits<32>>,
    /// Read response.
    pub rresp: Signal<Out, Bits<2>>,
    /// Read data is valid.
    pub rvalid: Signal<Out, Bit>,
    /// Read data is taken.
    pub rready: Signal<In, Bit>,
}
