//! From doorbells to validated chains.
//!
//! One chain at a time is walked to its end and checked before anything of it is released, because its length must be
//! known first. A chain of up to [`FIRST_WALK_FRAGMENTS`] fragments is then released as a whole. A longer one is
//! released with that many fragments, and walked on from where it stopped storing; the bytes released are always exactly
//! those promised, or the list ends with ChainChanged.
//!
//! Avail entries and descriptors come through a buffer of one 64-byte line each for every queue. A line is used only for
//! chains whose avail index was read before the line was: the driver finished writing those before it moved the index
//! (virtio 1.2, 2.7.13), so a line lives until the avail index is read again.

use super::descriptor::DescriptorCheck;
use super::fragments::{FragmentStore, FragmentWord};
use super::line::LineReader;
use super::scheduler::QueueScheduler;
use crate::bus::fifo::Fifo;
use crate::bus::ports::{
    queue_word, ChainSource, FragmentSource, MemReadClient, QueueTableClient, RingErrorSource, ShareSink,
    TranslateClient,
};
use crate::bus::ram::{BlockRam, LutRam};
use rust_hdl::prelude::*;
use segwalk_model::limits::{CHAIN_BYTES_BITS, TX_QUEUES, VIRTIO_NET_HDR_BYTES};
use segwalk_model::refusal::Refusal;

/// Fragments of one chain that the first walk stores. With the 256 of the store this leaves room for released ones, so
/// that a walk that waits for room waits only for the reader.
pub const FIRST_WALK_FRAGMENTS: u64 = 192;

/// Names of the states that `debug` shows.
pub const DEBUG_STATES: &[&str] = &[
    "Idle",
    "LoadState",
    "LoadConfig",
    "LoadTable",
    "LoadAvail",
    "Choose",
    "Lookup",
    "FetchBase",
    "FetchWait",
    "ReadFirst",
    "ReadSecond",
    "ReadThird",
    "IndexStep",
    "IndexJudge",
    "Enter",
    "Measure",
    "Judge",
    "Hold",
    "End",
    "PushLast",
    "Emit",
    "Save",
    "Break",
    "Fail",
];

#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
enum FetcherState {
    Idle,
    LoadState,
    LoadConfig,
    LoadTable,
    LoadAvail,
    Choose,
    Lookup,
    FetchBase,
    FetchWait,
    ReadFirst,
    ReadSecond,
    ReadThird,
    IndexStep,
    IndexJudge,
    Enter,
    Measure,
    Judge,
    Hold,
    End,
    PushLast,
    Emit,
    Save,
    Break,
    Fail,
}

/// What the fetcher remembers of a queue that it does not serve.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
struct QueueState {
    next_avail: Bits<16>,
    seen_avail: Bits<16>,
    avail_line: Bits<14>,
    avail_line_valid: Bit,
    table_line: Bits<14>,
    table_line_valid: Bit,
}

/// An entry of the chain queue.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
struct ChainWord {
    queue: Bits<4>,
    head: Bits<16>,
    frame_bytes: Bits<CHAIN_BYTES_BITS>,
    refusal: Bits<6>,
}

logic_block! {
    /// Walks the chains of all transmit queues, one chain at a time, round robin.
    pub struct QueueFetcher {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        // Register block
        /// Bit a transmit queue: QueueReady, DRIVER_OK and not stopped.
        pub enabled: Signal<In, Bits<16>>,
        /// Bit a transmit queue, pulses: the queue's indices go back to 0.
        pub restart: Signal<In, Bits<16>>,
        /// A doorbell rang.
        pub notify_valid: Signal<In, Bit>,
        /// Its transmit queue.
        pub notify_queue: Signal<In, Bits<4>>,
        /// Weights, rates and polling.
        pub shares: ShareSink,
        /// A frame leaves that is not the first of its chain; a pulse.
        pub extra_valid: Signal<In, Bit>,
        /// Its queue.
        pub extra_queue: Signal<In, Bits<4>>,
        /// Bytes of its header.
        pub extra_bytes: Signal<In, Bits<9>>,
        /// Bit a transmit queue: a chain of it may still be handed on.
        pub serving: Signal<Out, Bits<16>>,
        /// A chain was handed on; a pulse, at most three clocks after `serving` fell.
        pub issued: Signal<Out, Bit>,
        /// Addresses and binding of the queues.
        pub table: QueueTableClient,
        /// Ring errors.
        pub ring_error: RingErrorSource,
        // MMU and memory
        /// Translation of ring pages.
        pub translate: TranslateClient,
        /// Ring memory.
        pub mem: MemReadClient,
        // Payload reader
        /// Validated chains.
        pub chain: ChainSource,
        /// Their fragments.
        pub fragments: FragmentSource,
        /// Number of the state in [`DEBUG_STATES`].
        pub debug: Signal<Out, Bits<8>>,
        //
        scheduler: QueueScheduler = QueueScheduler::new(TX_QUEUES),
        line: LineReader,
        check: DescriptorCheck,
        // lines: kind (0 avail index, 1 avail entries, 2 descriptors), queue, word
        lines: BlockRam<Bits<64>, 9>,
        states: LutRam<QueueState, 4>,
        store: FragmentStore,
        chains: Fifo<ChainWord, 4, 5>,
        state: DFF<FetcherState>,
        // the queue that is served
        queue: DFF<Bits<4>>,
        held: DFF<QueueState>,
        table_word: DFF<Bits<2>>,
        size: DFF<Bits<16>>,
        ring_context: DFF<Bits<4>>,
        default_context: DFF<Bits<4>>,
        names_allowed: DFF<Bit>,
        mask: DFF<Bits<16>>,
        slot_mask: DFF<Bits<16>>,
        table_low: DFF<Bits<2>>,
        avail_low: DFF<Bits<5>>,
        // offset of the next avail entry from the ring's start, in units of 2 bytes
        entry_place: DFF<Bits<17>>,
        caught_up: DFF<Bit>,
        // the access to ring memory
        kind: DFF<Bits<2>>,
        place: DFF<Bits<20>>,
        word: DFF<Bits<64>>,
        word_before: DFF<Bits<64>>,
        new_avail: DFF<Bits<16>>,
        ahead: DFF<Bits<16>>,
        // the chain
        head: DFF<Bits<16>>,
        index: DFF<Bits<16>>,
        count: DFF<Bits<16>>,
        total: DFF<Bits<CHAIN_BYTES_BITS>>,
        refusal: DFF<Bits<6>>,
        // the fragment held back until it is known whether it is the last
        fragment_valid: DFF<Bit>,
        fragment_addr: DFF<Bits<64>>,
        fragment_bytes: DFF<Bits<CHAIN_BYTES_BITS>>,
        fragment_context: DFF<Bits<4>>,
        // the two walks
        stored: DFF<Bits<8>>,
        overflow: DFF<Bit>,
        second: DFF<Bit>,
        promised: DFF<Bits<CHAIN_BYTES_BITS>>,
        frame_bytes: DFF<Bits<CHAIN_BYTES_BITS>>,
        resume_index: DFF<Bits<16>>,
        resume_count: DFF<Bits<16>>,
        resume_total: DFF<Bits<CHAIN_BYTES_BITS>>,
        halted: DFF<Bits<16>>,
        issue: DFF<Bit>,
        // ring errors
        error: DFF<Bits<6>>,
        error_valid: DFF<Bit>,
        error_queue: DFF<Bits<4>>,
        error_code: DFF<Bits<6>>,
        //
        line_tag: Signal<Local, Bits<14>>,
        avail_hit: Signal<Local, Bit>,
        table_hit: Signal<Local, Bit>,
        half: Signal<Local, Bits<16>>,
        slot: Signal<Local, Bits<16>>,
        next_state: Signal<Local, QueueState>,
        fragment: Signal<Local, FragmentWord>,
        chain_word: Signal<Local, ChainWord>,
        read_kind: Signal<Local, Bits<2>>,
        read_word: Signal<Local, Bits<3>>,
        entry_place_now: Signal<Local, Bits<20>>,
        goes_on: Signal<Local, Bit>,
        limit_reached: Signal<Local, Bit>,
        avail_half: Signal<Local, Bits<17>>,
        table_index: Signal<Local, Bits<20>>,
        table_place: Signal<Local, Bits<20>>,
        index_half: Signal<Local, Bits<20>>,
        low_bytes: Signal<Local, Bits<19>>,
        complete: Signal<Local, Bit>,
        header_bytes: Constant<Bits<CHAIN_BYTES_BITS>> = Constant::new((VIRTIO_NET_HDR_BYTES as u64).to_bits()),
        store_last: Constant<Bits<8>> = Constant::new((FIRST_WALK_FRAGMENTS - 1).to_bits()),
        chain_too_short: Constant<Bits<6>> = code(Refusal::ChainTooShort),
        chain_loops: Constant<Bits<6>> = code(Refusal::ChainLoops),
        descriptor_index: Constant<Bits<6>> = code(Refusal::DescriptorIndex),
        avail_index_jump: Constant<Bits<6>> = code(Refusal::AvailIndexJump),
    }
}

fn code(refusal: Refusal) -> Constant<Bits<6>> {
    Constant::new((refusal.code() as u64).to_bits())
}

impl QueueFetcher {
    /// A fetcher of `queues` transmit queues, 1 to 16.
    pub fn new(queues: usize) -> Self {
        assert_eq!(
            (
                queue_word::SIZE_LSB,
                queue_word::RING_CONTEXT_LSB,
                queue_word::DEFAULT_CONTEXT_LSB,
                queue_word::NAMES_ALLOWED_BIT,
                queue_word::MASK_LSB
            ),
            (0, 16, 20, 24, 32),
            "LoadConfig takes the queue table's word 3 apart at these places"
        );
        Self {
            scheduler: QueueScheduler::new(queues),
            ..Default::default()
        }
    }
}

impl QueueFetcher {
    /// A build that takes super-frames with up to `kib` KiB of payload.
    pub fn for_super_frames(kib: usize) -> Self {
        Self {
            check: DescriptorCheck::for_super_frames(kib),
            ..Self::default()
        }
    }
}

impl Logic for QueueFetcher {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            state,
            queue,
            held,
            table_word,
            size,
            ring_context,
            default_context,
            names_allowed,
            mask,
            slot_mask,
            table_low,
            avail_low,
            entry_place,
            caught_up,
            kind,
            place,
            word,
            word_before,
            new_avail,
            ahead,
            head,
            index,
            count,
            total,
            refusal,
            fragment_valid,
            fragment_addr,
            fragment_bytes,
            fragment_context,
            stored,
            overflow,
            second,
            promised,
            frame_bytes,
            resume_index,
            resume_count,
            resume_total,
            halted,
            issue,
            error,
            error_valid,
            error_queue,
            error_code
        );
        clock!(self, clock, scheduler, line, check, lines, states, store, chains);
        // Parts
        self.scheduler.reset.next = self.reset.val();
        self.line.reset.next = self.reset.val();
        self.store.reset.next = self.reset.val();
        self.chains.reset.next = self.reset.val();
        TranslateClient::link(&mut self.translate, &mut self.line.translate);
        MemReadClient::link(&mut self.mem, &mut self.line.mem);
        FragmentSource::link(&mut self.fragments, &mut self.store.fragments);
        self.scheduler.enabled.next = self.enabled.val();
        self.scheduler.restart.next = self.restart.val();
        self.scheduler.notify_valid.next = self.notify_valid.val();
        self.scheduler.notify_queue.next = self.notify_queue.val();
        self.scheduler.current.next = self.queue.q.val();
        self.scheduler.take.next = false;
        self.scheduler.announce.next = false;
        self.scheduler.leave.next = false;
        self.scheduler.answer.next = false;
        self.scheduler.again.next = false;
        self.scheduler.shut.next = self.halted.q.val();
        self.halted.d.next = self.halted.q.val() & (self.restart.val() ^ 0xFFFF);
        ShareSink::link(&mut self.shares, &mut self.scheduler.shares);
        self.scheduler.charge_valid.next = false;
        self.scheduler.charge_queue.next = self.queue.q.val();
        self.scheduler.charge_bytes.next = self.frame_bytes.q.val();
        if self.refusal.q.val() != 0 {
            self.scheduler.charge_bytes.next = 0.into();
        }
        self.scheduler.extra_valid.next = self.extra_valid.val();
        self.scheduler.extra_queue.next = self.extra_queue.val();
        self.scheduler.extra_bytes.next = self.extra_bytes.val();
        self.serving.next = 0.into();
        if self.state.q.val() != FetcherState::Idle {
            self.serving.next = bits::<16>(1) << self.queue.q.val();
        }
        self.issued.next = self.issue.q.val();
        self.issue.d.next = false;
        self.scheduler.saved.next = false;
        self.table.queue.next = self.queue.q.val();
        self.table.word.next = self.table_word.q.val();
        self.states.read_addr.next = self.queue.q.val();
        self.states.write_addr.next = self.queue.q.val();
        self.states.write_enable.next = false;
        self.line.start.next = false;
        self.line.base.next = self.table.data.val();
        self.line.place.next = self.place.q.val();
        self.line.ring_context.next = self.ring_context.q.val();
        self.line.short.next = self.kind.q.val() == 0;
        self.lines.write_enable.next = self.line.word_valid.val();
        self.lines.write_data.next = self.line.word.val();
        self.lines.write_addr.next = (bit_cast::<9, 2>(self.kind.q.val()) << 7)
            | (bit_cast::<9, 4>(self.queue.q.val()) << 3)
            | bit_cast::<9, 3>(self.line.word_index.val());
        self.fragment.next.virt_addr = self.fragment_addr.q.val();
        self.fragment.next.bytes = self.fragment_bytes.q.val();
        self.fragment.next.context = self.fragment_context.q.val();
        self.fragment.next.last = false;
        self.fragment.next.broken = false;
        self.store.push.next = false;
        self.store.commit.next = false;
        self.store.rollback.next = false;
        self.chain_word.next.queue = self.queue.q.val();
        self.chain_word.next.head = self.head.q.val();
        self.chain_word.next.frame_bytes = self.frame_bytes.q.val();
        self.chain_word.next.refusal = self.refusal.q.val();
        self.chains.in_data.next = self.chain_word.val();
        self.chains.in_valid.next = false;
        self.chains.out_ready.next = self.chain.ready.val();
        self.chain.valid.next = self.chains.out_valid.val();
        self.chain.queue.next = self.chains.out_data.val().queue;
        self.chain.head.next = self.chains.out_data.val().head;
        self.chain.frame_bytes.next = self.chains.out_data.val().frame_bytes;
        self.chain.refusal.next = self.chains.out_data.val().refusal;
        self.chain.avail.next = 0.into();
        self.chain.epoch.next = false;
        self.chain.sent_frames.next = 0.into();
        self.ring_error.valid.next = self.error_valid.q.val();
        self.ring_error.queue.next = self.error_queue.q.val();
        self.ring_error.code.next = self.error_code.q.val();
        self.error_valid.d.next = false;
        self.error_queue.d.next = self.queue.q.val();
        self.error_code.d.next = self.error.q.val();
        self.check.word.next = self.word.q.val();
        self.check.total.next = self.total.q.val();
        self.check.default_context.next = self.default_context.q.val();
        self.check.names_allowed.next = self.names_allowed.q.val();
        self.check.mask.next = self.mask.q.val();
        // Conditions
        self.line_tag.next = self.place.q.val().get_bits::<14>(6);
        self.avail_hit.next =
            self.held.q.val().avail_line_valid & (self.held.q.val().avail_line == self.line_tag.val());
        self.table_hit.next =
            self.held.q.val().table_line_valid & (self.held.q.val().table_line == self.line_tag.val());
        self.half.next = self.word.q.val().get_bits::<16>(0);
        if self.place.q.val().get_bits::<2>(1) == 1 {
            self.half.next = self.word.q.val().get_bits::<16>(16);
        }
        if self.place.q.val().get_bits::<2>(1) == 2 {
            self.half.next = self.word.q.val().get_bits::<16>(32);
        }
        if self.place.q.val().get_bits::<2>(1) == 3 {
            self.half.next = self.word.q.val().get_bits::<16>(48);
        }
        self.slot.next = self.held.q.val().next_avail & self.slot_mask.q.val();
        self.avail_half.next = bit_cast::<17, 5>(self.avail_low.q.val()) + self.entry_place.q.val();
        self.table_index.next = bit_cast::<20, 2>(self.table_low.q.val()) + bit_cast::<20, 16>(self.index.q.val());
        self.table_place.next = self.table_index.val() << 4;
        self.entry_place_now.next = bit_cast::<20, 17>(self.avail_half.val()) << 1;
        self.goes_on.next =
            self.word.q.val().get_bit(32) & !(self.second.q.val() & (self.check.sum.val() == self.promised.q.val()));
        self.limit_reached.next = !self.second.q.val() & (self.stored.q.val() == self.store_last.val());
        self.next_state.next = self.held.q.val();
        self.index_half.next = bit_cast::<20, 5>(self.avail_low.q.val()) + 1;
        self.low_bytes.next = self.word.q.val().get_bits::<19>(0);
        self.complete.next = self.second.q.val() & (self.total.q.val() == self.promised.q.val());
        self.debug.next = 0.into();
        // The line buffers are read while the place is being looked up.
        self.read_kind.next = self.kind.q.val();
        self.read_word.next = self.place.q.val().get_bits::<3>(3);
        match self.state.q.val() {
            FetcherState::Idle => {
                self.debug.next = 0.into();
                self.queue.d.next = self.scheduler.offered.val();
                self.table_word.d.next = 3.into();
                if self.scheduler.found.val() {
                    self.scheduler.take.next = true;
                    self.state.d.next = FetcherState::LoadState;
                }
            }
            FetcherState::LoadState => {
                self.debug.next = 1.into();
                self.next_state.next = self.states.read_data.val();
                if self.scheduler.fresh.val() {
                    self.next_state.next.next_avail = 0.into();
                    self.next_state.next.seen_avail = 0.into();
                    self.next_state.next.avail_line_valid = false;
                    self.next_state.next.table_line_valid = false;
                }
                self.table_word.d.next = 0.into();
                self.state.d.next = FetcherState::LoadConfig;
            }
            FetcherState::LoadConfig => {
                self.debug.next = 2.into();
                self.size.d.next = self.table.data.val().get_bits::<16>(0);
                self.ring_context.d.next = self.table.data.val().get_bits::<4>(16);
                self.default_context.d.next = self.table.data.val().get_bits::<4>(20);
                self.names_allowed.d.next = self.table.data.val().get_bit(24);
                self.mask.d.next = self.table.data.val().get_bits::<16>(32);
                self.table_word.d.next = 1.into();
                self.state.d.next = FetcherState::LoadTable;
            }
            FetcherState::LoadTable => {
                self.debug.next = 3.into();
                self.table_low.d.next = self.table.data.val().get_bits::<2>(4);
                self.slot_mask.d.next = self.size.q.val() - 1;
                self.state.d.next = FetcherState::LoadAvail;
            }
            FetcherState::LoadAvail => {
                self.debug.next = 4.into();
                self.avail_low.d.next = self.table.data.val().get_bits::<5>(1);
                self.entry_place.d.next = bit_cast::<17, 16>(self.slot.val()) + 2;
                self.caught_up.d.next = self.held.q.val().next_avail == self.held.q.val().seen_avail;
                self.state.d.next = FetcherState::Choose;
            }
            FetcherState::Choose => {
                self.debug.next = 5.into();
                self.count.d.next = 0.into();
                self.total.d.next = 0.into();
                self.refusal.d.next = 0.into();
                self.error.d.next = 0.into();
                self.stored.d.next = 0.into();
                self.fragment_valid.d.next = false;
                self.overflow.d.next = false;
                self.second.d.next = false;
                self.table_word.d.next = 1.into();
                self.read_kind.next = 1.into();
                self.read_word.next = self.entry_place_now.val().get_bits::<3>(3);
                if self.caught_up.q.val() {
                    self.scheduler.answer.next = true;
                    self.kind.d.next = 0.into();
                    self.place.d.next = self.index_half.val() << 1;
                } else {
                    self.kind.d.next = 1.into();
                    self.place.d.next = self.entry_place_now.val();
                }
                self.state.d.next = FetcherState::Lookup;
            }
            FetcherState::Lookup => {
                self.debug.next = 6.into();
                self.read_word.next = self.place.q.val().get_bits::<3>(3) | 1;
                self.word.d.next = self.lines.read_data.val();
                self.state.d.next = FetcherState::FetchBase;
                if (self.kind.q.val() == 1) & self.avail_hit.val() {
                    self.state.d.next = FetcherState::ReadThird;
                }
                if (self.kind.q.val() == 2) & self.table_hit.val() {
                    self.state.d.next = FetcherState::ReadThird;
                }
            }
            FetcherState::FetchBase => {
                self.debug.next = 7.into();
                self.line.start.next = true;
                self.state.d.next = FetcherState::FetchWait;
            }
            FetcherState::FetchWait => {
                self.debug.next = 8.into();
                // Half a line is no line: its tag is gone until the whole line is there.
                if self.kind.q.val() == 1 {
                    self.next_state.next.avail_line = self.line_tag.val();
                    self.next_state.next.avail_line_valid = self.line.finished.val();
                }
                if self.kind.q.val() == 2 {
                    self.next_state.next.table_line = self.line_tag.val();
                    self.next_state.next.table_line_valid = self.line.finished.val();
                }
                self.error.d.next = self.line.code.val();
                if self.line.finished.val() {
                    self.state.d.next = FetcherState::ReadFirst;
                    if self.line.code.val() != 0 {
                        self.state.d.next = FetcherState::Fail;
                    }
                }
            }
            FetcherState::ReadFirst => {
                self.debug.next = 9.into();
                self.state.d.next = FetcherState::ReadSecond;
            }
            FetcherState::ReadSecond => {
                self.debug.next = 10.into();
                self.read_word.next = self.place.q.val().get_bits::<3>(3) | 1;
                self.word.d.next = self.lines.read_data.val();
                self.state.d.next = FetcherState::ReadThird;
            }
            FetcherState::ReadThird => {
                self.debug.next = 11.into();
                self.new_avail.d.next = self.half.val();
                if self.kind.q.val() == 0 {
                    self.state.d.next = FetcherState::IndexStep;
                }
                if self.kind.q.val() == 1 {
                    self.head.d.next = self.half.val();
                    self.index.d.next = self.half.val();
                    self.state.d.next = FetcherState::Enter;
                }
                if self.kind.q.val() == 2 {
                    self.word_before.d.next = self.word.q.val();
                    self.word.d.next = self.lines.read_data.val();
                    self.state.d.next = FetcherState::Measure;
                }
            }
            FetcherState::IndexStep => {
                self.debug.next = 12.into();
                self.ahead.d.next = self.new_avail.q.val() - self.held.q.val().next_avail;
                self.state.d.next = FetcherState::IndexJudge;
            }
            FetcherState::IndexJudge => {
                self.debug.next = 13.into();
                self.caught_up.d.next = false;
                if self.scheduler.cancelled.val() {
                    self.state.d.next = FetcherState::Fail;
                } else if self.ahead.q.val() == 0 {
                    self.state.d.next = FetcherState::Save;
                } else if self.ahead.q.val() > self.size.q.val() {
                    self.error.d.next = self.avail_index_jump.val();
                    self.state.d.next = FetcherState::Fail;
                } else {
                    self.scheduler.again.next = true;
                    self.next_state.next.seen_avail = self.new_avail.q.val();
                    self.next_state.next.avail_line_valid = false;
                    self.next_state.next.table_line_valid = false;
                    self.state.d.next = FetcherState::Choose;
                }
            }
            FetcherState::Enter => {
                self.debug.next = 14.into();
                self.kind.d.next = 2.into();
                self.table_word.d.next = 0.into();
                self.place.d.next = self.table_place.val();
                self.read_kind.next = 2.into();
                self.read_word.next = self.table_place.val().get_bits::<3>(3);
                self.state.d.next = FetcherState::Lookup;
                if self.scheduler.cancelled.val() {
                    self.state.d.next = FetcherState::Fail;
                } else if self.index.q.val() >= self.size.q.val() {
                    self.error.d.next = self.descriptor_index.val();
                    self.state.d.next = FetcherState::Fail;
                } else if self.count.q.val() == self.size.q.val() {
                    // virtio 1.2, 2.7.5.3.1: no chain is longer than the queue, which also ends loops.
                    self.error.d.next = self.chain_loops.val();
                    self.state.d.next = FetcherState::Fail;
                }
            }
            FetcherState::Measure => {
                self.debug.next = 15.into();
                self.state.d.next = FetcherState::Judge;
            }
            FetcherState::Judge => {
                self.debug.next = 16.into();
                self.state.d.next = FetcherState::Hold;
                if self.second.q.val() {
                    if (self.check.refusal.val() != 0) | (self.check.sum.val() > self.promised.q.val()) {
                        self.state.d.next = FetcherState::Break;
                    }
                } else if self.refusal.q.val() == 0 {
                    self.refusal.d.next = self.check.refusal.val();
                }
            }
            FetcherState::Hold => {
                self.debug.next = 17.into();
                if self.store.room.val() | !self.fragment_valid.q.val() {
                    self.count.d.next = self.count.q.val() + 1;
                    self.index.d.next = self.word.q.val().get_bits::<16>(48);
                    self.state.d.next = FetcherState::End;
                    if self.goes_on.val() {
                        self.state.d.next = FetcherState::Enter;
                    }
                    if self.refusal.q.val() == 0 {
                        self.total.d.next = self.check.sum.val();
                        if !self.check.empty.val() & !self.overflow.q.val() {
                            self.store.push.next = self.fragment_valid.q.val();
                            self.store.commit.next = self.second.q.val();
                            self.fragment_addr.d.next = self.word_before.q.val();
                            self.fragment_bytes.d.next = bit_cast::<CHAIN_BYTES_BITS, 19>(self.low_bytes.val());
                            self.fragment_context.d.next = self.check.buffer_context.val();
                            self.fragment_valid.d.next = true;
                            if self.fragment_valid.q.val() {
                                self.stored.d.next = self.stored.q.val() + 1;
                                if self.limit_reached.val() {
                                    self.fragment_valid.d.next = false;
                                    self.overflow.d.next = true;
                                    self.resume_index.d.next = self.index.q.val();
                                    self.resume_count.d.next = self.count.q.val();
                                    self.resume_total.d.next = self.total.q.val();
                                }
                            }
                        }
                    }
                }
            }
            FetcherState::End => {
                self.debug.next = 18.into();
                self.table_word.d.next = 3.into();
                self.state.d.next = FetcherState::PushLast;
                if self.second.q.val() {
                    if !self.complete.val() {
                        self.state.d.next = FetcherState::Break;
                    }
                } else if self.scheduler.cancelled.val() {
                    self.state.d.next = FetcherState::Fail;
                } else {
                    self.frame_bytes.d.next = self.total.q.val() - self.header_bytes.val();
                    self.next_state.next.next_avail = self.held.q.val().next_avail + 1;
                    if (self.refusal.q.val() == 0) & (self.total.q.val() < self.header_bytes.val()) {
                        self.refusal.d.next = self.chain_too_short.val();
                    }
                }
            }
            FetcherState::PushLast => {
                self.debug.next = 19.into();
                // for the chain after, should the queue stay
                self.entry_place.d.next = bit_cast::<17, 16>(self.slot.val()) + 2;
                self.caught_up.d.next = self.held.q.val().next_avail == self.held.q.val().seen_avail;
                self.fragment.next.last = true;
                if self.refusal.q.val() != 0 {
                    self.store.rollback.next = true;
                    self.state.d.next = FetcherState::Emit;
                } else if self.overflow.q.val() {
                    self.state.d.next = FetcherState::Emit;
                } else if self.store.room.val() {
                    self.store.push.next = true;
                    self.store.commit.next = self.second.q.val();
                    self.state.d.next = FetcherState::Emit;
                    if self.second.q.val() {
                        self.state.d.next = FetcherState::Save;
                    }
                }
            }
            FetcherState::Emit => {
                self.debug.next = 20.into();
                self.chains.in_valid.next = true;
                self.promised.d.next = self.total.q.val();
                // The binding may have changed since the last chain.
                self.default_context.d.next = self.table.data.val().get_bits::<4>(20);
                self.names_allowed.d.next = self.table.data.val().get_bit(24);
                self.mask.d.next = self.table.data.val().get_bits::<16>(32);
                if self.chains.in_ready.val() {
                    self.states.write_enable.next = true;
                    self.scheduler.saved.next = !self.scheduler.restarted.val();
                    self.state.d.next = FetcherState::Idle;
                    self.scheduler.announce.next = true;
                    self.scheduler.charge_valid.next = true;
                    self.scheduler.leave.next = true;
                    self.issue.d.next = true;
                    if !self.scheduler.over.val() & !self.scheduler.cancelled.val() {
                        self.scheduler.leave.next = false;
                        self.state.d.next = FetcherState::Choose;
                    }
                    if self.refusal.q.val() == 0 {
                        self.store.commit.next = true;
                        if self.overflow.q.val() {
                            self.scheduler.leave.next = false;
                            self.index.d.next = self.resume_index.q.val();
                            self.count.d.next = self.resume_count.q.val();
                            self.total.d.next = self.resume_total.q.val();
                            self.overflow.d.next = false;
                            self.second.d.next = true;
                            self.state.d.next = FetcherState::Enter;
                        }
                    }
                }
            }
            FetcherState::Save => {
                self.debug.next = 21.into();
                self.states.write_enable.next = true;
                self.scheduler.saved.next = !self.scheduler.restarted.val();
                self.scheduler.leave.next = true;
                self.state.d.next = FetcherState::Idle;
            }
            FetcherState::Break => {
                self.debug.next = 22.into();
                self.fragment.next.last = true;
                self.fragment.next.broken = true;
                if self.store.room.val() {
                    self.store.push.next = true;
                    self.store.commit.next = true;
                    self.second.d.next = false;
                    self.state.d.next = FetcherState::Save;
                    if self.error.q.val() != 0 {
                        self.state.d.next = FetcherState::Fail;
                    }
                }
            }
            FetcherState::Fail => {
                self.debug.next = 23.into();
                if self.second.q.val() {
                    // The chain is released: end its fragments first.
                    self.state.d.next = FetcherState::Break;
                } else {
                    // The line buffers may have changed, so their tags must be kept.
                    self.states.write_enable.next = true;
                    self.scheduler.saved.next = !self.scheduler.restarted.val();
                    self.store.rollback.next = true;
                    // A doorbell since the restart may have been taken for one of the old ring.
                    self.scheduler.again.next = self.scheduler.cancelled.val();
                    if (self.error.q.val() != 0) & !self.scheduler.cancelled.val() {
                        self.error_valid.d.next = true;
                        self.halted.d.next = (self.halted.q.val() | (bits::<16>(1) << self.queue.q.val()))
                            & (self.restart.val() ^ 0xFFFF);
                    }
                    self.scheduler.leave.next = true;
                    self.state.d.next = FetcherState::Idle;
                }
            }
        }
        self.lines.read_addr.next = (bit_cast::<9, 2>(self.read_kind.val()) << 7)
            | (bit_cast::<9, 4>(self.queue.q.val()) << 3)
            | bit_cast::<9, 3>(self.read_word.val());
        self.held.d.next = self.next_state.val();
        self.states.write_data.next = self.held.q.val();
        self.store.word.next = self.fragment.val();
        if self.reset.val() {
            self.state.d.next = FetcherState::Idle;
            self.halted.d.next = 0.into();
            self.issue.d.next = false;
            self.error_valid.d.next = false;
        }
    }
}
