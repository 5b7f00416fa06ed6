//! The queue fetcher: from doorbells to validated chains.
//!
//! ```text
//!  scheduler --> head reader --heads--> chain walker --chains, fragments--> payload reader
//!                    |   \                  |   ^
//!       index, entries    descriptors    more   | words
//!                    v     v ahead          v   |
//!                    ring reader -------> 512 words
//! ```
//!
//! The head reader runs ahead of the walker by up to 16 chains, so that the walker finds their descriptors there. All
//! reads go through the ring reader, in order; each has its place among the words before it is asked for.

use super::fragments::FragmentStore;
use super::heads::{self, HeadReader};
use super::marks::QueueMarks;
use super::records::{owner, ChainWord, HeadWord, RingRequest};
use super::ring_reader::RingReader;
use super::scheduler::QueueScheduler;
use super::walker::{self, ChainWalker};
use crate::bus::fifo::Fifo;
use crate::bus::ports::{
    ChainSource, FragmentSource, MemReadClient, MemWriteClient, ParkSink, QueueTableClient, RingErrorSource, ShareSink,
    TranslateClient,
};
use crate::bus::ram::{BlockRam, LutRam};
use rust_hdl::prelude::*;
use segwalk_model::limits::{SUPER_FRAME_KIB, TX_QUEUES};

pub use super::walker::FIRST_WALK_FRAGMENTS;

/// What `debug` shows of the head reader.
pub const DEBUG_HEADS: &[&str] = heads::DEBUG_STATES;
/// What `debug_walker` shows.
pub const DEBUG_WALKER: &[&str] = walker::DEBUG_STATES;

/// What reading ahead gave: 0, RingFault or RingBusError, and that it is not 0.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
struct ReadCode {
    code: Bits<6>,
    failed: Bit,
}

logic_block! {
    /// Walks the chains of all transmit queues, in the order that the scheduler gives.
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
        /// RING_INDIRECT_DESC was negotiated.
        pub indirect: Signal<In, Bit>,
        /// RING_EVENT_IDX was negotiated.
        pub event_index: Signal<In, Bit>,
        /// Bit a transmit queue, pulses: it goes on with the chain that parked it.
        pub resume: Signal<In, Bits<16>>,
        /// Bit a transmit queue, pulses: the chain that parked it is given up, and it goes on with the next.
        pub give_up: Signal<In, Bits<16>>,
        /// Addresses and binding of the queues.
        pub table: QueueTableClient,
        /// Ring errors.
        pub ring_error: RingErrorSource,
        // TSO pipeline
        /// A frame leaves that is not the first of its chain; a pulse.
        pub extra_valid: Signal<In, Bit>,
        /// Its queue.
        pub extra_queue: Signal<In, Bits<4>>,
        /// Bytes of its header.
        pub extra_bytes: Signal<In, Bits<9>>,
        // What is under way, for queues that are switched off
        /// Bit a transmit queue: a chain of it may still be announced.
        pub serving: Signal<Out, Bits<16>>,
        /// A chain was announced to the walker; a pulse.
        pub announced: Signal<Out, Bit>,
        /// The walker has done with the oldest of them; a pulse.
        pub walked: Signal<Out, Bit>,
        /// It has handed on a chain, which the completion will see; a pulse, with `walked` at the latest.
        pub issued: Signal<Out, Bit>,
        // Completion
        /// A chain parks its queue.
        pub park: ParkSink,
        // MMU and memory
        /// Translation of ring pages.
        pub translate: TranslateClient,
        /// Translations given before this pulse are no longer valid.
        pub fence: Signal<In, Bit>,
        /// One of them is still in use.
        pub fence_busy: Signal<Out, Bit>,
        /// Ring memory, read.
        pub mem: MemReadClient,
        /// avail_event.
        pub mem_write: MemWriteClient,
        // Payload reader
        /// Validated chains.
        pub chain: ChainSource,
        /// Their fragments.
        pub fragments: FragmentSource,
        /// Number of the entry in [`DEBUG_HEADS`].
        pub debug: Signal<Out, Bits<3>>,
        /// Number of the entry in [`DEBUG_WALKER`].
        pub debug_walker: Signal<Out, Bits<3>>,
        //
        scheduler: QueueScheduler = QueueScheduler::new(TX_QUEUES),
        marks: QueueMarks,
        head_reader: HeadReader,
        ring: RingReader,
        words: BlockRam<Bits<64>, 9>,
        // behind them: the block RAM's own register
        word: DFF<Bits<64>>,
        heads: Fifo<HeadWord, 4>,
        // what reading ahead gave, by the number of the chain
        codes: LutRam<ReadCode, 4>,
        arrived: DFF<Bits<4>>,
        taken: DFF<Bits<4>>,
        // how many of them the walker has not taken, and that there are any
        ready_ahead: DFF<Bits<5>>,
        some_ahead: DFF<Bit>,
        serving_now: DFF<Bits<16>>,
        // the feature, from nearby
        events: DFF<Bit>,
        chain_walker: ChainWalker,
        store: FragmentStore,
        chains: Fifo<ChainWord, 4>,
        for_heads: Signal<Local, Bit>,
        for_ahead: Signal<Local, Bit>,
        for_walker: Signal<Local, Bit>,
        ahead_next: Signal<Local, Bits<5>>,
        asked: Signal<Local, RingRequest>,
        read_code: Signal<Local, ReadCode>,
        heads_owner: Constant<Bits<2>> = Constant::new(owner::HEADS.to_bits()),
        ahead_owner: Constant<Bits<2>> = Constant::new(owner::AHEAD.to_bits()),
        walker_owner: Constant<Bits<2>> = Constant::new(owner::WALKER.to_bits()),
    }
}

impl QueueFetcher {
    /// For `queues` transmit queues, 1 to 16, and super-frames with up to `kib` KiB of payload.
    pub fn with(queues: usize, kib: usize) -> Self {
        Self {
            scheduler: QueueScheduler::new(queues),
            marks: QueueMarks::new(queues),
            ring: RingReader::new(queues),
            chain_walker: ChainWalker::new(queues, kib),
            ..Default::default()
        }
    }

    /// For `queues` transmit queues, 1 to 16.
    pub fn new(queues: usize) -> Self {
        Self::with(queues, SUPER_FRAME_KIB[0])
    }

    /// A build that takes super-frames with up to `kib` KiB of payload.
    pub fn for_super_frames(kib: usize) -> Self {
        Self::with(TX_QUEUES, kib)
    }
}

impl Logic for QueueFetcher {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            arrived,
            taken,
            ready_ahead,
            some_ahead,
            serving_now,
            events,
            word
        );
        clock!(
            self,
            clock,
            scheduler,
            marks,
            head_reader,
            ring,
            words,
            heads,
            codes,
            chain_walker,
            store,
            chains
        );
        self.scheduler.reset.next = self.reset.val();
        self.marks.reset.next = self.reset.val();
        self.head_reader.reset.next = self.reset.val();
        self.ring.reset.next = self.reset.val();
        self.heads.reset.next = self.reset.val();
        self.chain_walker.reset.next = self.reset.val();
        self.store.reset.next = self.reset.val();
        self.chains.reset.next = self.reset.val();
        TranslateClient::link(&mut self.translate, &mut self.ring.translate);
        MemReadClient::link(&mut self.mem, &mut self.ring.mem);
        MemWriteClient::link(&mut self.mem_write, &mut self.ring.mem_write);
        FragmentSource::link(&mut self.fragments, &mut self.store.fragments);
        RingErrorSource::link(&mut self.ring_error, &mut self.chain_walker.ring_error);
        ParkSink::link(&mut self.park, &mut self.marks.park);

        // Which queue is served
        ShareSink::link(&mut self.shares, &mut self.scheduler.shares);
        self.scheduler.enabled.next = self.enabled.val();
        self.scheduler.shut.next = self.marks.shut.val();
        self.scheduler.restart.next = self.restart.val();
        self.scheduler.notify_valid.next = self.notify_valid.val();
        self.scheduler.notify_queue.next = self.notify_queue.val();
        self.scheduler.wake.next = self.resume.val() | self.give_up.val();
        self.scheduler.take.next = self.head_reader.take.val();
        self.scheduler.announce.next = self.head_reader.head_valid.val();
        self.scheduler.leave.next = self.head_reader.leave.val();
        self.scheduler.current.next = self.head_reader.queue.val();
        self.scheduler.answer.next = self.head_reader.answer.val();
        self.scheduler.again.next = self.head_reader.again.val();
        self.scheduler.saved.next = self.head_reader.saved.val();
        self.head_reader.over.next = self.scheduler.over.val();
        self.head_reader.found.next = self.scheduler.found.val();
        self.head_reader.offered.next = self.scheduler.offered.val();
        self.head_reader.fresh.next = self.scheduler.fresh.val();
        self.head_reader.cancelled.next = self.scheduler.cancelled.val();
        self.head_reader.restarted.next = self.scheduler.restarted.val();
        self.head_reader.restart.next = self.restart.val().any();
        self.serving.next = self.serving_now.q.val();
        self.serving_now.d.next = 0.into();
        if self.scheduler.busy.val() {
            self.serving_now.d.next = bits::<16>(1) << self.head_reader.queue.val();
        }

        // What chains cost
        self.scheduler.charge_valid.next = self.chain_walker.finished.val();
        self.scheduler.charge_queue.next = self.chain_walker.queue.val();
        self.scheduler.charge_bytes.next = self.chain_walker.charged_bytes.val();
        self.scheduler.extra_valid.next = self.extra_valid.val();
        self.scheduler.extra_queue.next = self.extra_queue.val();
        self.scheduler.extra_bytes.next = self.extra_bytes.val();
        self.announced.next = self.head_reader.head_valid.val();
        self.walked.next = self.chain_walker.finished.val();
        self.issued.next = self.chain_walker.released.val();

        // Marks
        self.marks.restart.next = self.restart.val();
        self.marks.resume.next = self.resume.val();
        self.marks.abort.next = self.give_up.val();
        self.marks.queue.next = self.head_reader.queue.val();
        self.marks.rewound.next = self.head_reader.rewound.val();
        self.marks.halt.next = self.head_reader.halt.val();
        self.marks.announced.next = self.head_reader.head_valid.val();
        self.marks.quiet.next = self.head_reader.quiet.val();
        self.marks.finished.next = self.chain_walker.finished.val();
        self.marks.failed.next = self.chain_walker.failed.val();
        self.marks.walked_queue.next = self.chain_walker.queue.val();
        self.head_reader.rewind.next = self.marks.rewind.val();
        self.head_reader.give_up.next = self.marks.give_up.val();
        self.head_reader.park_avail.next = self.marks.park_avail.val();
        self.head_reader.epoch.next = self.marks.epoch.val();
        self.head_reader.room.next = self.marks.room.val();
        self.head_reader.flush.next = self.marks.flush.val();
        self.events.d.next = self.event_index.val();
        self.head_reader.event_index.next = self.events.q.val();

        // Whose answer it is
        self.for_heads.next = self.ring.done.val() & (self.ring.done_owner.val() == self.heads_owner.val());
        self.for_ahead.next = self.ring.done.val() & (self.ring.done_owner.val() == self.ahead_owner.val());
        self.for_walker.next = self.ring.done.val() & (self.ring.done_owner.val() == self.walker_owner.val());

        // Heads, with the descriptors that are read ahead
        self.heads.in_valid.next = self.head_reader.head_valid.val();
        self.heads.in_data.next = self.head_reader.head.val();
        self.heads.out_ready.next = self.chain_walker.head_ready.val();
        self.codes.write_addr.next = self.arrived.q.val();
        self.read_code.next.code = self.ring.done_code.val();
        self.read_code.next.failed = self.ring.done_code.val().any();
        self.codes.write_data.next = self.read_code.val();
        self.codes.write_enable.next = self.for_ahead.val();
        self.codes.read_addr.next = self.taken.q.val();
        if self.for_ahead.val() {
            self.arrived.d.next = self.arrived.q.val() + 1;
        }
        if self.chain_walker.ahead_ready.val() {
            self.taken.d.next = self.taken.q.val() + 1;
        }
        self.ahead_next.next = self.ready_ahead.q.val();
        if self.for_ahead.val() & !self.chain_walker.ahead_ready.val() {
            self.ahead_next.next = self.ready_ahead.q.val() + 1;
        }
        if !self.for_ahead.val() & self.chain_walker.ahead_ready.val() {
            self.ahead_next.next = self.ready_ahead.q.val() - 1;
        }
        self.ready_ahead.d.next = self.ahead_next.val();
        self.some_ahead.d.next = self.ahead_next.val() != 0;
        if self.reset.val() {
            self.arrived.d.next = 0.into();
            self.taken.d.next = 0.into();
            self.ready_ahead.d.next = 0.into();
            self.some_ahead.d.next = false;
            self.serving_now.d.next = 0.into();
        }
        self.head_reader.oldest_word.next = self.chain_walker.oldest_word.val();
        self.head_reader.run_valid.next = self.chain_walker.released.val();
        self.head_reader.run_minus_1.next = self.chain_walker.run_minus_1.val();
        self.head_reader.walked_queue.next = self.chain_walker.queue.val();
        self.chain_walker.head_valid.next = self.heads.out_valid.val();
        self.chain_walker.head.next = self.heads.out_data.val();
        self.chain_walker.ahead_valid.next = self.some_ahead.q.val();
        self.chain_walker.ahead_code.next = self.codes.read_data.val().code;
        self.chain_walker.ahead_failed.next = self.codes.read_data.val().failed;
        self.chain_walker.walk_config.next = self.head_reader.walk_config.val();
        self.chain_walker.parked_chain.next = self.marks.parked_chain.val();
        self.chain_walker.killed.next = self.marks.killed.val();
        self.chain_walker.enabled.next = self.enabled.val();
        self.chain_walker.restart.next = self.restart.val();
        self.chain_walker.indirect.next = self.indirect.val();

        // Reads: the walker goes first, for all else waits for it
        self.ring.restart.next = self.restart.val();
        self.ring.fence.next = self.fence.val();
        self.fence_busy.next = self.ring.fence_busy.val();
        self.ring.valid.next = self.chain_walker.request_valid.val() | self.head_reader.request_valid.val();
        self.asked.next = self.head_reader.request.val();
        self.head_reader.request_ready.next = self.ring.ready.val() & !self.chain_walker.request_valid.val();
        self.chain_walker.request_ready.next = self.ring.ready.val();
        if self.chain_walker.request_valid.val() {
            self.asked.next = self.chain_walker.request.val();
        }
        // Assigned once: an event-driven simulator would wake the ring reader for the value that is overruled, and that
        // would wake this block again, for ever.
        self.ring.request.next = self.asked.val();
        self.ring.indirect_page.next = self.chain_walker.indirect_page.val();
        self.ring.write_value.next = self.head_reader.write_value.val();
        self.head_reader.done.next = self.for_heads.val();
        self.head_reader.done_code.next = self.ring.done_code.val();
        self.chain_walker.done.next = self.for_walker.val();
        self.chain_walker.done_code.next = self.ring.done_code.val();
        self.words.write_enable.next = self.ring.word_valid.val();
        self.words.write_addr.next = self.ring.word_goal.val();
        self.words.write_data.next = self.ring.word.val();
        self.words.read_addr.next = self.head_reader.word_at.val();
        self.head_reader.words_busy.next = self.chain_walker.word_wanted.val();
        if self.chain_walker.word_wanted.val() {
            self.words.read_addr.next = self.chain_walker.word_at.val();
        }
        self.word.d.next = self.words.read_data.val();
        self.head_reader.word.next = self.word.q.val();
        self.chain_walker.word.next = self.word.q.val();
        self.table.queue.next = self.head_reader.queue.val();
        self.table.word.next = self.head_reader.table_word.val();
        if self.ring.table_busy.val() {
            self.table.queue.next = self.ring.table.queue.val();
            self.table.word.next = self.ring.table.word.val();
        }
        self.ring.table.data.next = self.table.data.val();
        self.head_reader.table_data.next = self.table.data.val();
        self.head_reader.table_busy.next = self.ring.table_busy.val();

        // What is released
        self.store.push.next = self.chain_walker.push.val();
        self.store.word.next = self.chain_walker.fragment.val();
        self.store.commit.next = self.chain_walker.commit.val();
        self.store.rollback.next = self.chain_walker.rollback.val();
        self.chain_walker.room.next = self.store.room.val();
        self.chains.in_valid.next = self.chain_walker.chain_valid.val();
        self.chains.in_data.next = self.chain_walker.chain.val();
        self.chain_walker.chain_ready.next = self.chains.in_ready.val();
        self.chains.out_ready.next = self.chain.ready.val();
        self.chain.valid.next = self.chains.out_valid.val();
        self.chain.queue.next = self.chains.out_data.val().queue;
        self.chain.head.next = self.chains.out_data.val().head;
        self.chain.frame_bytes.next = self.chains.out_data.val().frame_bytes;
        self.chain.refusal.next = self.chains.out_data.val().refusal;
        self.chain.avail.next = self.chains.out_data.val().avail;
        self.chain.epoch.next = self.chains.out_data.val().epoch;
        self.chain.sent_frames.next = self.chains.out_data.val().sent_frames;
        self.debug.next = self.head_reader.debug.val();
        self.debug_walker.next = self.chain_walker.debug.val();
    }
}
