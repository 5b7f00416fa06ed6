//! From heads to validated chains.
//!
//! One chain at a time is walked to its end and checked before anything of it is released, because its length must be
//! known first. A chain of up to [`FIRST_WALK_FRAGMENTS`] fragments is then released as a whole. A longer one is
//! released with that many fragments, and walked on from where it stopped storing; the bytes released are always exactly
//! those promised, or the list ends with ChainChanged.
//!
//! The head and the descriptors behind it were read ahead, as many as the queue's last chain had in a row. From where
//! the chain leaves them the walker asks for more and waits: for 16 where the chain goes on in a row, else for 4.

use super::descriptor::DescriptorCheck;
use super::fragments::FragmentWord;
use super::records::{area, owner, ChainWord, HeadWord, ParkedChain, RingRequest, WalkConfig, AHEAD_WORD, WALKER_WORD};
use super::span::DescriptorSpan;
use crate::bus::ports::RingErrorSource;
use rust_hdl::prelude::*;
use segwalk_model::limits::{CHAIN_BYTES_BITS, TX_QUEUES, VIRTIO_NET_HDR_BYTES, VIRT_PAGE_BITS};
use segwalk_model::refusal::Refusal;

/// Fragments of one chain that the first walk stores. With the 256 of the store this leaves room for released ones, so
/// that a walk that waits for room waits only for the reader.
pub const FIRST_WALK_FRAGMENTS: u64 = 192;

/// What `debug` shows.
pub const DEBUG_STATES: &[&str] = &[
    "idle",
    "walking",
    "waiting for room of a fragment",
    "waiting for descriptors",
    "releasing",
    "ending the second walk",
    "breaking a chain",
    "failing",
];

logic_block! {
    /// Walks one chain after the other; see the module.
    pub struct ChainWalker {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        // Register block
        /// Bit a transmit queue: it may be served.
        pub enabled: Signal<In, Bits<16>>,
        /// Bit a transmit queue, pulses: a new ring.
        pub restart: Signal<In, Bits<16>>,
        /// INDIRECT was negotiated.
        pub indirect: Signal<In, Bit>,
        /// Ring errors.
        pub ring_error: RingErrorSource,
        // Head reader and marks
        /// A chain is announced.
        pub head_valid: Signal<In, Bit>,
        /// It is taken.
        pub head_ready: Signal<Out, Bit>,
        /// The chain.
        pub head: Signal<In, HeadWord>,
        /// The oldest descriptors that were read ahead are here.
        pub ahead_valid: Signal<In, Bit>,
        /// They are taken.
        pub ahead_ready: Signal<Out, Bit>,
        /// 0, RingFault or RingBusError.
        pub ahead_code: Signal<In, Bits<6>>,
        /// It is not 0.
        pub ahead_failed: Signal<In, Bit>,
        /// The oldest descriptors in use, word of 128.
        pub oldest_word: Signal<Out, Bits<7>>,
        /// The queue that this module is about.
        pub queue: Signal<Out, Bits<4>>,
        /// What it needs to know of it, on the same clock.
        pub walk_config: Signal<In, WalkConfig>,
        /// The chain that parked it, on the same clock.
        pub parked_chain: Signal<In, ParkedChain>,
        /// Bit a transmit queue: its chains are of an old ring.
        pub killed: Signal<In, Bits<16>>,
        /// A chain is done with; a pulse, not more often than every eighth clock.
        pub finished: Signal<Out, Bit>,
        /// `queue` met a ring error; a pulse.
        pub failed: Signal<Out, Bit>,
        /// A chain of `queue` was released; a pulse.
        pub released: Signal<Out, Bit>,
        /// With `finished`: bytes of its frame, or 0 when it was refused or dropped.
        pub charged_bytes: Signal<Out, Bits<CHAIN_BYTES_BITS>>,
        /// Descriptors that it had in a row, less one; 15 stands for more too.
        pub run_minus_1: Signal<Out, Bits<4>>,
        // Ring reader
        /// A request is offered.
        pub request_valid: Signal<Out, Bit>,
        /// It is taken.
        pub request_ready: Signal<In, Bit>,
        /// The request.
        pub request: Signal<Out, RingRequest>,
        /// First page of the indirect table.
        pub indirect_page: Signal<Out, Bits<VIRT_PAGE_BITS>>,
        /// A request for this module's use is answered; a pulse.
        pub done: Signal<In, Bit>,
        /// 0, RingFault or RingBusError.
        pub done_code: Signal<In, Bits<6>>,
        // Words that were read; the answer is there two clocks after the question, from a register
        /// This module asks on this clock.
        pub word_wanted: Signal<Out, Bit>,
        /// Which word.
        pub word_at: Signal<Out, Bits<9>>,
        /// The word.
        pub word: Signal<In, Bits<64>>,
        // Released chains and their fragments
        /// A chain is released.
        pub chain_valid: Signal<Out, Bit>,
        /// It is taken.
        pub chain_ready: Signal<In, Bit>,
        /// The chain.
        pub chain: Signal<Out, ChainWord>,
        /// Stores `fragment`.
        pub push: Signal<Out, Bit>,
        /// The fragment.
        pub fragment: Signal<Out, FragmentWord>,
        /// Releases all that was stored.
        pub commit: Signal<Out, Bit>,
        /// Forgets what was stored and not released.
        pub rollback: Signal<Out, Bit>,
        /// There is room for two fragments.
        pub room: Signal<In, Bit>,
        /// Number of the entry in [`DEBUG_STATES`].
        pub debug: Signal<Out, Bits<3>>,
        //
        check: DescriptorCheck,
        span: DescriptorSpan,
        walked: DFF<Bits<4>>,
        gone: DFF<Bits<16>>,
        stopped: DFF<Bits<16>>,
        cancelled: DFF<Bit>,
        // the binding
        default_context: DFF<Bits<4>>,
        names_allowed: DFF<Bit>,
        mask: DFF<Bits<16>>,
        ring_last: DFF<Bits<16>>,
        // the announcement
        head_index: DFF<Bits<16>>,
        avail: DFF<Bits<16>>,
        epoch: DFF<Bit>,
        is_again: DFF<Bit>,
        aborted: DFF<Bit>,
        has_ahead: DFF<Bit>,
        sent_frames: DFF<Bits<CHAIN_BYTES_BITS>>,
        was_released: DFF<Bit>,
        // clocks since the last chain, up to 7
        pace: DFF<Bits<3>>,
        ahead_words: DFF<Bits<7>>,
        oldest: DFF<Bits<7>>,
        // the table
        in_table: DFF<Bit>,
        table_page: DFF<Bits<VIRT_PAGE_BITS>>,
        table_low: DFF<Bits<8>>,
        last_index: DFF<Bits<16>>,
        // the descriptor
        at: DFF<Bits<9>>,
        at_next: DFF<Bits<9>>,
        left: DFF<Bits<4>>,
        // 16 descriptors are wished for, not 4
        wishes_many: DFF<Bit>,
        second_word: DFF<Bits<64>>,
        first_word: DFF<Bits<64>>,
        index: DFF<Bits<16>>,
        index_next: DFF<Bits<16>>,
        follows: DFF<Bit>,
        misplaced: DFF<Bit>,
        equal: DFF<Bit>,
        last_counted: DFF<Bit>,
        // it is on the next place that was read
        is_here: DFF<Bit>,
        // it is the chain's last
        ends: DFF<Bit>,
        // it may go on
        passes: DFF<Bit>,
        // it is taken on this clock; with it, it is held back as the newest fragment, the fragment before it is stored,
        // and that was the last one of the first walk
        takes: DFF<Bit>,
        may_keep: DFF<Bit>,
        may_push: DFF<Bit>,
        judges_first: DFF<Bit>,
        keeps: DFF<Bit>,
        pushes: DFF<Bit>,
        limits: DFF<Bit>,
        // What it does, one at most: waits for a chain, and for its first descriptors; reads a descriptor's words, judges it,
        // and holds it until there is room
        idles: DFF<Bit>,
        starts: DFF<Bit>,
        firsts: DFF<Bit>,
        seconds: DFF<Bit>,
        judges: DFF<Bit>,
        holds: DFF<Bit>,
        // goes to descriptors that were not read yet: measures them, asks for them, waits, and has the first one read
        enters: DFF<Bit>,
        steps: DFF<Bit>,
        settles: DFF<Bit>,
        asks: DFF<Bit>,
        waits: DFF<Bit>,
        fetches: DFF<Bit>,
        // ends a walk, releases the chain, goes on with the second walk
        finals: DFF<Bit>,
        emits: DFF<Bit>,
        resumes: DFF<Bit>,
        // a word is wanted
        reads: DFF<Bit>,
        // the list is ended, as broken or not
        closes: DFF<Bit>,
        breaks: DFF<Bit>,
        fails: DFF<Bit>,
        // a chain may be released, or be done with
        may_emit: DFF<Bit>,
        may_fail: DFF<Bit>,
        beyond: DFF<Bit>,
        finishes: DFF<Bit>,
        releases: DFF<Bit>,
        // the chain
        count: DFF<Bits<16>>,
        full: DFF<Bit>,
        total: DFF<Bits<CHAIN_BYTES_BITS>>,
        refusal: DFF<Bits<6>>,
        refused: DFF<Bit>,
        error: DFF<Bits<6>>,
        run: DFF<Bits<4>>,
        run_open: DFF<Bit>,
        // the fragment held back until it is known whether it is the last
        fragment_valid: DFF<Bit>,
        fragment_addr: DFF<Bits<64>>,
        fragment_bytes: DFF<Bits<CHAIN_BYTES_BITS>>,
        fragment_context: DFF<Bits<4>>,
        // the two walks
        stored: DFF<Bits<8>>,
        limit_reached: DFF<Bit>,
        overflow: DFF<Bit>,
        second: DFF<Bit>,
        promised: DFF<Bits<CHAIN_BYTES_BITS>>,
        frame_bytes: DFF<Bits<CHAIN_BYTES_BITS>>,
        resume_index: DFF<Bits<16>>,
        resume_count: DFF<Bits<16>>,
        resume_total: DFF<Bits<CHAIN_BYTES_BITS>>,
        resume_in_table: DFF<Bit>,
        // ring errors
        error_valid: DFF<Bit>,
        error_queue: DFF<Bits<4>>,
        error_code: DFF<Bits<6>>,
        //
        ask: Signal<Local, RingRequest>,
        held_back: Signal<Local, FragmentWord>,
        chain_word: Signal<Local, ChainWord>,
        stopped_here: Signal<Local, Bits<16>>,
        keep: Signal<Local, Bits<16>>,
        finish: Signal<Local, Bit>,
        low_at: Signal<Local, Bits<7>>,
        words: Signal<Local, Bits<5>>,
        low_bytes: Signal<Local, Bits<19>>,
        entries: Signal<Local, Bits<16>>,
        is_bad: Signal<Local, Bit>,
        takes_next: Signal<Local, Bit>,
        keeps_next: Signal<Local, Bit>,
        next_index: Signal<Local, Bits<16>>,
        next_count: Signal<Local, Bits<16>>,
        next_total: Signal<Local, Bits<CHAIN_BYTES_BITS>>,
        tables: Signal<Local, Bit>,
        goes_on: Signal<Local, Bit>,
        mismatch: Signal<Local, Bit>,
        gives_up: Signal<Local, Bit>,
        runs_out: Signal<Local, Bit>,
        first_next: Signal<Local, Bit>,
        bit_0: Signal<Local, Bit>,
        bit_1: Signal<Local, Bit>,
        bit_2: Signal<Local, Bit>,
        closes_now: Signal<Local, Bit>,
        gone_here: Signal<Local, Bit>,
        released_now: Signal<Local, Bit>,
        queues: Constant<Bits<16>> = Constant::new(((1u64 << TX_QUEUES) - 1).to_bits()),
        header_bytes: Constant<Bits<CHAIN_BYTES_BITS>> = Constant::new((VIRTIO_NET_HDR_BYTES as u64).to_bits()),
        store_last: Constant<Bits<8>> = Constant::new((FIRST_WALK_FRAGMENTS - 1).to_bits()),
        ahead_word: Constant<Bits<9>> = Constant::new(AHEAD_WORD.to_bits()),
        walker_word: Constant<Bits<9>> = Constant::new(WALKER_WORD.to_bits()),
        walker_owner: Constant<Bits<2>> = Constant::new(owner::WALKER.to_bits()),
        table_area: Constant<Bits<2>> = Constant::new(area::TABLE.to_bits()),
        indirect_area: Constant<Bits<2>> = Constant::new(area::INDIRECT.to_bits()),
        aborted_code: Constant<Bits<6>> = code(Refusal::Aborted),
        chain_too_short: Constant<Bits<6>> = code(Refusal::ChainTooShort),
        chain_loops: Constant<Bits<6>> = code(Refusal::ChainLoops),
        descriptor_index: Constant<Bits<6>> = code(Refusal::DescriptorIndex),
        indirect_malformed: Constant<Bits<6>> = code(Refusal::IndirectMalformed),
    }
}

fn code(refusal: Refusal) -> Constant<Bits<6>> {
    Constant::new((refusal.code() as u64).to_bits())
}

impl ChainWalker {
    /// For `queues` transmit queues and super-frames with up to `kib` KiB of payload.
    pub fn new(queues: usize, kib: usize) -> Self {
        Self {
            check: DescriptorCheck::for_super_frames(kib),
            queues: Constant::new(((1u64 << queues) - 1).to_bits()),
            ..Self::default()
        }
    }
}

impl Logic for ChainWalker {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            walked,
            gone,
            stopped,
            cancelled,
            default_context,
            names_allowed,
            mask,
            ring_last,
            head_index,
            avail,
            epoch,
            is_again,
            aborted,
            has_ahead,
            sent_frames,
            was_released,
            pace,
            ahead_words,
            oldest,
            in_table,
            table_page,
            table_low,
            last_index,
            at,
            at_next,
            left,
            wishes_many,
            second_word,
            first_word,
            index,
            index_next,
            follows,
            misplaced,
            equal,
            last_counted,
            is_here,
            ends,
            passes,
            takes,
            may_keep,
            may_push,
            judges_first,
            keeps,
            pushes,
            limits,
            idles,
            starts,
            firsts,
            seconds,
            judges,
            holds,
            enters,
            steps,
            settles,
            waits,
            fetches,
            finals,
            asks,
            emits,
            resumes,
            reads,
            closes,
            breaks,
            fails,
            may_emit,
            may_fail,
            beyond,
            finishes,
            releases,
            count,
            full,
            total,
            refusal,
            refused,
            error,
            run,
            run_open,
            fragment_valid,
            fragment_addr,
            fragment_bytes,
            fragment_context,
            stored,
            limit_reached,
            overflow,
            second,
            promised,
            frame_bytes,
            resume_index,
            resume_count,
            resume_total,
            resume_in_table,
            error_valid,
            error_queue,
            error_code
        );
        clock!(self, clock, check, span);
        // Parts
        self.check.word.next = self.word.val();
        self.check.take.next = self.seconds.q.val();
        self.check.indirect.next = self.indirect.val();
        self.check.total.next = self.total.q.val();
        self.check.default_context.next = self.default_context.q.val();
        self.check.names_allowed.next = self.names_allowed.q.val();
        self.check.mask.next = self.mask.q.val();
        self.span.index.next = self.index.q.val();
        self.span.last_index.next = self.last_index.q.val();
        self.span.table_low.next = self.table_low.q.val();
        self.span.wish_minus_1.next = 3.into();
        if self.wishes_many.q.val() {
            self.span.wish_minus_1.next = 15.into();
        }
        // Outputs
        self.head_ready.next = self.idles.q.val();
        self.ahead_ready.next = self.starts.q.val() & self.has_ahead.q.val() & self.ahead_valid.val();
        self.oldest_word.next = self.oldest.q.val();
        self.queue.next = self.walked.q.val();
        self.failed.next = self.error_valid.q.val();
        self.released.next = self.releases.q.val();
        self.run_minus_1.next = self.run.q.val();
        self.indirect_page.next = self.table_page.q.val();
        self.request_valid.next = self.asks.q.val();
        self.words.next = (bit_cast::<5, 4>(self.span.span_minus_1.val()) << 1) | 1;
        self.ask.next.owner = self.walker_owner.val();
        self.ask.next.queue = self.walked.q.val();
        self.ask.next.area = self.table_area.val();
        if self.in_table.q.val() {
            self.ask.next.area = self.indirect_area.val();
        }
        self.ask.next.place = self.span.place.val();
        self.ask.next.beats_minus_1 = self.words.val();
        self.ask.next.goal = self.walker_word.val();
        self.ask.next.write = false;
        self.request.next = self.ask.val();
        self.word_wanted.next = self.reads.q.val() | (self.starts.q.val() & self.ahead_valid.val());
        self.word_at.next = self.at.q.val() | 1;
        if self.firsts.q.val() {
            self.word_at.next = self.at.q.val();
        }
        if self.holds.q.val() {
            self.word_at.next = self.at_next.q.val() | 1;
        }
        self.held_back.next.virt_addr = self.fragment_addr.q.val();
        self.held_back.next.bytes = self.fragment_bytes.q.val();
        self.held_back.next.context = self.fragment_context.q.val();
        // Whatever is stored in another state than `Hold` is the last.
        self.held_back.next.last = !self.holds.q.val();
        self.held_back.next.broken = self.breaks.q.val();
        self.fragment.next = self.held_back.val();
        self.chain_word.next.queue = self.walked.q.val();
        self.chain_word.next.head = self.head_index.q.val();
        self.chain_word.next.frame_bytes = self.frame_bytes.q.val();
        self.chain_word.next.refusal = self.refusal.q.val();
        self.chain_word.next.avail = self.avail.q.val();
        self.chain_word.next.epoch = self.epoch.q.val();
        self.chain_word.next.sent_frames = self.sent_frames.q.val();
        self.chain.next = self.chain_word.val();
        self.ring_error.valid.next = self.error_valid.q.val();
        self.ring_error.queue.next = self.error_queue.q.val();
        self.ring_error.code.next = self.error_code.q.val();
        self.error_valid.d.next = false;
        self.error_queue.d.next = self.walked.q.val();
        self.error_code.d.next = self.error.q.val();
        // Conditions
        self.keep.next = self.queues.val() & (self.restart.val() ^ 0xFFFF);
        self.stopped_here.next = self.stopped.q.val();
        self.gone.d.next =
            (self.killed.val() | self.restart.val() | self.stopped.q.val() | (self.enabled.val() ^ 0xFFFF))
                & self.queues.val();
        self.gone_here.next = self.gone.q.val().get_bit(self.walked.q.val().index());
        if self.gone_here.val() {
            self.cancelled.d.next = true;
        }
        self.low_at.next = self.at.q.val().get_bits::<7>(0) + 2;
        self.at_next.d.next = (self.at.q.val() & 0x180) | bit_cast::<9, 7>(self.low_at.val());
        self.index_next.d.next = self.index.q.val() + 1;
        if self.seconds.q.val() {
            self.follows.d.next = self.word.val().get_bits::<16>(48) == self.index_next.q.val();
        }
        if self.judges.q.val() {
            self.misplaced.d.next = self.word.val().get_bits::<4>(0).any() | self.in_table.q.val();
        }
        self.equal.d.next = self.check.sum.val() == self.promised.q.val();
        self.last_counted.d.next = self.count.q.val() == self.ring_last.q.val();
        self.low_bytes.next = self.second_word.q.val().get_bits::<19>(0);
        self.entries.next = self.second_word.q.val().get_bits::<16>(4);
        self.limit_reached.d.next = !self.second.q.val()
            & (self.stored.q.val() == self.store_last.val())
            & !self.overflow.q.val()
            & !self.refused.q.val()
            & self.fragment_valid.q.val();
        self.ends.d.next = !self.second_word.q.val().get_bit(32)
            | (self.second.q.val() & (self.check.sum.val() == self.promised.q.val()));
        self.is_here.d.next = self.follows.q.val() & (self.left.q.val() != 0) & !self.last_counted.q.val();
        // What `Hold` does is decided on the clock before it. Of the second walk, whether it may go on is known one clock
        // later.
        self.is_bad.next = self.check.refusal.val() != 0;
        self.passes.d.next =
            !(self.second.q.val() & (self.is_bad.val() | (self.check.sum.val() > self.promised.q.val())));
        self.judges_first.d.next = self.seconds.q.val() & !self.second.q.val();
        self.takes_next.next = self.room.val()
            & !self.check.is_table.val()
            & (self.judges_first.q.val() | (self.holds.q.val() & !self.takes.q.val() & self.passes.q.val()));
        // What else it depends on has not changed since the descriptor before.
        self.may_keep.d.next = !self.overflow.q.val() & !self.refused.q.val();
        self.may_push.d.next = !self.overflow.q.val() & !self.refused.q.val() & self.fragment_valid.q.val();
        self.keeps_next.next =
            self.takes_next.val() & !self.check.empty.val() & !(self.is_bad.val() & !self.second.q.val());
        self.takes.d.next = self.takes_next.val();
        self.keeps.d.next = self.keeps_next.val() & self.may_keep.q.val();
        self.pushes.d.next = self.keeps_next.val() & self.may_push.q.val();
        self.limits.d.next = self.keeps_next.val() & self.limit_reached.q.val();
        self.tables.next = self.holds.q.val() & self.check.is_table.val();
        self.beyond.d.next = self.index.q.val() > self.last_index.q.val();
        // The pace counts to 7, and these are a clock late.
        self.may_emit.d.next = self.room.val() & self.chain_ready.val() & self.pace.q.val().get_bits::<2>(1).all();
        self.may_fail.d.next = self.pace.q.val().get_bits::<2>(1).all();
        self.released_now.next = self.emits.q.val() & self.may_emit.q.val();
        self.closes_now.next = (self.closes.q.val() | self.breaks.q.val()) & self.room.val();
        self.gives_up.next = self.fails.q.val() & self.may_fail.q.val() & !self.second.q.val();
        self.finish.next = (self.closes.q.val() & self.room.val())
            | self.gives_up.val()
            | (self.released_now.val() & (self.refused.q.val() | !self.overflow.q.val()));
        if !self.pace.q.val().all() {
            self.pace.d.next = self.pace.q.val() + 1;
        }
        // What comes next
        self.mismatch.next = self.holds.q.val() & !self.check.is_table.val() & !self.passes.q.val();
        self.goes_on.next = self.takes.q.val() & !self.ends.q.val();
        self.runs_out.next = self.steps.q.val() & (self.cancelled.q.val() | self.beyond.q.val() | self.full.q.val());
        self.first_next.next =
            (self.starts.q.val() & self.has_ahead.q.val() & self.ahead_valid.val() & !self.ahead_failed.val())
                | (self.goes_on.val() & self.is_here.q.val())
                | self.fetches.q.val();
        self.idles.d.next = self.finish.val() | (self.idles.q.val() & !self.head_valid.val());
        self.starts.d.next = (self.idles.q.val() & self.head_valid.val())
            | (self.starts.q.val() & self.has_ahead.q.val() & !self.ahead_valid.val());
        self.firsts.d.next = self.first_next.val();
        self.seconds.d.next = self.firsts.q.val();
        self.judges.d.next = self.seconds.q.val();
        self.holds.d.next = self.judges.q.val()
            | (self.holds.q.val() & !self.takes.q.val() & !self.check.is_table.val() & !self.mismatch.val());
        self.enters.d.next = (self.goes_on.val() & !self.is_here.q.val())
            | (self.tables.val() & !self.check.malformed.val() & !self.misplaced.q.val())
            | self.resumes.q.val();
        self.steps.d.next = self.enters.q.val();
        self.settles.d.next = self.steps.q.val() & !self.runs_out.val();
        self.asks.d.next = self.settles.q.val() | (self.asks.q.val() & !self.request_ready.val());
        self.waits.d.next = (self.asks.q.val() & self.request_ready.val()) | (self.waits.q.val() & !self.done.val());
        self.fetches.d.next = self.waits.q.val() & self.done.val() & (self.done_code.val() == 0);
        self.finals.d.next = (self.takes.q.val() & self.ends.q.val())
            | (self.starts.q.val() & !self.has_ahead.q.val() & self.aborted.q.val());
        self.emits.d.next = (self.finals.q.val() & !self.second.q.val() & !self.cancelled.q.val())
            | (self.emits.q.val() & !self.may_emit.q.val());
        self.resumes.d.next = self.released_now.val() & self.overflow.q.val() & !self.refused.q.val();
        self.closes.d.next =
            (self.finals.q.val() & self.second.q.val() & self.equal.q.val()) | (self.closes.q.val() & !self.room.val());
        // The chain is released when the second walk fails: its fragments are ended first.
        self.breaks.d.next = self.mismatch.val()
            | (self.finals.q.val() & self.second.q.val() & !self.equal.q.val())
            | (self.fails.q.val() & self.second.q.val())
            | (self.breaks.q.val() & !self.room.val());
        self.fails.d.next =
            (self.starts.q.val() & self.has_ahead.q.val() & self.ahead_valid.val() & self.ahead_failed.val())
                | (self.starts.q.val() & !self.has_ahead.q.val() & !self.aborted.q.val())
                | (self.tables.val() & (self.check.malformed.val() | self.misplaced.q.val()))
                | self.runs_out.val()
                | (self.waits.q.val() & self.done.val() & (self.done_code.val() != 0))
                | (self.finals.q.val() & !self.second.q.val() & self.cancelled.q.val())
                | (self.breaks.q.val() & self.room.val())
                | (self.fails.q.val() & !self.second.q.val() & !self.may_fail.q.val());
        // A word is asked for in advance in `holds`, in case the next descriptor is the one behind.
        self.reads.d.next = self.judges.q.val()
            | self.first_next.val()
            | (self.holds.q.val() & !self.takes.q.val())
            | (self.waits.q.val() & self.done.val());
        self.bit_0.next = !(self.idles.q.val() | self.holds.q.val() | self.emits.q.val() | self.breaks.q.val());
        self.bit_1.next =
            self.holds.q.val() | self.asks.q.val() | self.waits.q.val() | self.breaks.q.val() | self.fails.q.val();
        self.bit_2.next = self.emits.q.val() | self.closes.q.val() | self.breaks.q.val() | self.fails.q.val();
        self.debug.next = bit_cast::<3, 1>(self.bit_0.val().into())
            | (bit_cast::<3, 1>(self.bit_1.val().into()) << 1)
            | (bit_cast::<3, 1>(self.bit_2.val().into()) << 2);
        // A chain begins.
        if self.idles.q.val() {
            self.walked.d.next = self.head.val().queue;
            self.avail.d.next = self.head.val().avail;
            self.epoch.d.next = self.head.val().epoch;
            self.is_again.d.next = self.head.val().again;
            self.aborted.d.next = self.head.val().aborted;
            self.has_ahead.d.next = !self.head.val().aborted & (self.head.val().error == 0);
            self.cancelled.d.next = false;
            self.was_released.d.next = false;
            self.ahead_words.d.next = 0.into();
            self.head_index.d.next = self.head.val().head;
            self.left.d.next = self.head.val().ahead_minus_1;
            self.at.d.next = self.ahead_word.val() | bit_cast::<9, 7>(self.oldest.q.val());
            self.in_table.d.next = false;
            self.refusal.d.next = 0.into();
            self.refused.d.next = false;
            self.run.d.next = 0.into();
            self.run_open.d.next = true;
            self.stored.d.next = 0.into();
            self.fragment_valid.d.next = false;
            self.overflow.d.next = false;
            self.second.d.next = false;
            self.full.d.next = false;
            self.error.d.next = self.head.val().error;
        }
        if self.starts.q.val() {
            self.ring_last.d.next = self.walk_config.val().last_index;
            self.default_context.d.next = self.walk_config.val().default_context;
            self.names_allowed.d.next = self.walk_config.val().names_allowed;
            self.mask.d.next = self.walk_config.val().mask;
            self.sent_frames.d.next = 0.into();
            if self.is_again.q.val() {
                self.sent_frames.d.next = self.parked_chain.val().sent_frames;
            }
            if self.aborted.q.val() {
                // Its head was remembered: the ring may hold another by now.
                self.head_index.d.next = self.parked_chain.val().head;
                self.refusal.d.next = self.aborted_code.val();
                self.refused.d.next = true;
            }
            if self.has_ahead.q.val() {
                self.ahead_words.d.next = (bit_cast::<7, 4>(self.left.q.val()) << 1) + 2;
                self.error.d.next = self.ahead_code.val();
            }
        }
        // Words come two clocks after they were asked for.
        if self.seconds.q.val() {
            self.second_word.d.next = self.word.val();
        }
        if self.judges.q.val() {
            self.first_word.d.next = self.word.val();
        }
        if self.judges.q.val() & !self.second.q.val() & !self.check.is_table.val() & !self.refused.q.val() {
            self.refusal.d.next = self.check.refusal.val();
            self.refused.d.next = self.is_bad.val();
        }
        if self.holds.q.val() {
            self.wishes_many.d.next = self.follows.q.val() | self.check.is_table.val();
        }
        if self.tables.val() {
            self.in_table.d.next = true;
            self.table_page.d.next = self.first_word.q.val().get_bits::<52>(12);
            self.run_open.d.next = false;
            self.error.d.next = self.indirect_malformed.val();
        }
        // These errors count only when the walk ends with them.
        if self.waits.q.val() {
            self.error.d.next = self.done_code.val();
        }
        if self.steps.q.val() {
            // virtio 1.2, 2.7.5.3.1: no chain is longer than the queue, which also ends loops.
            self.error.d.next = self.chain_loops.val();
            if self.beyond.q.val() {
                self.error.d.next = self.descriptor_index.val();
            }
        }
        // The table that is walked: the queue's, or an indirect one
        if self.starts.q.val() | self.tables.val() | (self.resumes.q.val() & !self.resume_in_table.q.val()) {
            self.last_index.d.next = self.walk_config.val().last_index;
            self.table_low.d.next = self.walk_config.val().table_low;
            if self.holds.q.val() {
                self.table_low.d.next = self.first_word.q.val().get_bits::<8>(4);
                self.last_index.d.next = self.entries.val() - 1;
                if self.second_word.q.val().get_bits::<12>(20).any() {
                    self.last_index.d.next = 0xFFFF.into();
                }
            }
        }
        if self.asks.q.val() {
            self.left.d.next = self.span.span_minus_1.val();
            self.at.d.next = self.walker_word.val();
        }
        if self.finals.q.val() & !self.second.q.val() {
            self.frame_bytes.d.next = self.total.q.val() - self.header_bytes.val();
            if !self.refused.q.val() & (self.total.q.val() < self.header_bytes.val()) {
                self.refusal.d.next = self.chain_too_short.val();
                self.refused.d.next = true;
            }
        }
        if self.emits.q.val() {
            self.promised.d.next = self.total.q.val();
        }
        if self.breaks.q.val() & self.room.val() {
            self.second.d.next = false;
        }
        if self.resumes.q.val() {
            self.in_table.d.next = self.resume_in_table.q.val();
            self.wishes_many.d.next = true;
            self.full.d.next = false;
            self.overflow.d.next = false;
            self.second.d.next = true;
        }
        // The descriptor in `Hold` is taken.
        if self.takes.q.val() {
            self.full.d.next = self.last_counted.q.val();
            self.at.d.next = self.at_next.q.val();
            self.left.d.next = self.left.q.val() - 1;
            if !self.ends.q.val() {
                self.run_open.d.next = self.run_open.q.val() & self.follows.q.val();
                if self.follows.q.val() & self.run_open.q.val() & (self.run.q.val() != 15) {
                    self.run.d.next = self.run.q.val() + 1;
                }
            }
        }
        self.next_index.next = self.second_word.q.val().get_bits::<16>(48);
        self.next_count.next = self.count.q.val() + 1;
        self.next_total.next = self.check.sum.val();
        if self.resumes.q.val() {
            self.next_index.next = self.resume_index.q.val();
            self.next_count.next = self.resume_count.q.val();
            self.next_total.next = self.resume_total.q.val();
        }
        if self.idles.q.val() {
            self.next_index.next = self.head.val().head;
            self.next_count.next = 0.into();
            self.next_total.next = 0.into();
        }
        if self.check.is_table.val() & self.holds.q.val() {
            self.next_index.next = 0.into();
        }
        if self.takes.q.val() | self.idles.q.val() | self.resumes.q.val() | self.tables.val() {
            self.index.d.next = self.next_index.val();
        }
        if self.takes.q.val() | self.idles.q.val() | self.resumes.q.val() {
            self.count.d.next = self.next_count.val();
            self.total.d.next = self.next_total.val();
        }
        if self.keeps.q.val() {
            self.fragment_addr.d.next = self.first_word.q.val();
            self.fragment_bytes.d.next = bit_cast::<CHAIN_BYTES_BITS, 19>(self.low_bytes.val());
            self.fragment_context.d.next = self.check.buffer_context.val();
            self.fragment_valid.d.next = true;
        }
        if self.pushes.q.val() {
            self.stored.d.next = self.stored.q.val() + 1;
        }
        if self.limits.q.val() {
            self.fragment_valid.d.next = false;
            self.overflow.d.next = true;
            self.resume_index.d.next = self.index.q.val();
            self.resume_count.d.next = self.count.q.val();
            self.resume_total.d.next = self.total.q.val();
            self.resume_in_table.d.next = self.in_table.q.val();
        }
        // What is stored, released or forgotten; the chain in `Emit` is released.
        self.chain_valid.next = self.released_now.val();
        if self.released_now.val() {
            self.was_released.d.next = true;
        }
        self.push.next = self.pushes.q.val()
            | self.closes_now.val()
            | (self.released_now.val() & !self.refused.q.val() & !self.overflow.q.val());
        self.commit.next = (self.keeps.q.val() & self.second.q.val())
            | self.closes_now.val()
            | (self.released_now.val() & !self.refused.q.val());
        self.rollback.next = self.gives_up.val() | (self.released_now.val() & self.refused.q.val());
        if self.gives_up.val() & (self.error.q.val() != 0) & !self.cancelled.q.val() & !self.gone_here.val() {
            self.error_valid.d.next = true;
            self.stopped_here.next = self.stopped.q.val() | (bits::<16>(1) << self.walked.q.val());
        }
        // A clock later, while all that is told with it stays.
        self.releases.d.next = self.released_now.val();
        self.finishes.d.next = self.finish.val();
        self.finished.next = self.finishes.q.val();
        self.charged_bytes.next = self.frame_bytes.q.val();
        if !self.was_released.q.val() | self.refused.q.val() {
            self.charged_bytes.next = 0.into();
        }
        if self.finish.val() {
            self.pace.d.next = 0.into();
            self.oldest.d.next = self.oldest.q.val() + self.ahead_words.q.val();
        }
        self.stopped.d.next = self.stopped_here.val() & self.keep.val();
        if self.reset.val() {
            self.oldest.d.next = 0.into();
            self.stopped.d.next = 0.into();
            self.error_valid.d.next = false;
            self.idles.d.next = true;
            self.starts.d.next = false;
            self.firsts.d.next = false;
            self.seconds.d.next = false;
            self.judges.d.next = false;
            self.holds.d.next = false;
            self.enters.d.next = false;
            self.steps.d.next = false;
            self.settles.d.next = false;
            self.asks.d.next = false;
            self.waits.d.next = false;
            self.fetches.d.next = false;
            self.finals.d.next = false;
            self.emits.d.next = false;
            self.resumes.d.next = false;
            self.closes.d.next = false;
            self.breaks.d.next = false;
            self.fails.d.next = false;
            self.reads.d.next = false;
            self.takes.d.next = false;
            self.keeps.d.next = false;
            self.pushes.d.next = false;
            self.limits.d.next = false;
            self.releases.d.next = false;
            self.finishes.d.next = false;
        }
    }
}
