//! From doorbells to heads: reads the avail rings and has the first descriptors of each chain read ahead.
//!
//! The avail index is read when all entries that it covered are used up. Entries are read up to that index and no
//! further, and descriptors only of entries that were read; so whatever is used was read after the index that covers it
//! (virtio 1.2, 2.7.13), and nothing is kept that the driver may have changed since.

use super::avail_places::AvailPlaces;
use super::records::{area, owner, HeadWord, RingRequest, WalkConfig, AHEAD_WORD, INDEX_WORD, PLACE_BITS};
use super::span::DescriptorSpan;
use crate::bus::ports::queue_word;
use crate::bus::ram::LutRam;
use rust_hdl::prelude::*;
use segwalk_model::refusal::Refusal;

/// What `debug` shows.
pub const DEBUG_STATES: &[&str] = &[
    "idle",
    "loading",
    "choosing",
    "avail index",
    "avail_event",
    "avail entries",
    "announcing",
    "ring error",
];

#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
enum HeadState {
    Idle,
    LoadState,
    LoadConfig,
    LoadTable,
    LoadAvail,
    LoadUsed,
    Choose,
    Rewind,
    Settle,
    SettleMore,
    Index,
    IndexWait,
    IndexRead,
    IndexWord,
    IndexHalf,
    IndexStep,
    IndexSettle,
    IndexJudge,
    Event,
    EventWait,
    LineSettle,
    LineMeasure,
    Line,
    LineWait,
    Entry,
    EntryWord,
    EntryHalf,
    SpanStep,
    SpanSettle,
    Push,
    PushSettle,
    Abort,
    Error,
    Leave,
}

/// What is remembered of a queue that is not served.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
struct QueueState {
    next_avail: Bits<16>,
    seen_avail: Bits<16>,
    // entries that were read and not used yet
    left: Bits<7>,
}

// The kernel takes the queue table's word 3 apart at these places.
const _: () = assert!(
    queue_word::SIZE_LSB == 0
        && queue_word::DEFAULT_CONTEXT_LSB == 20
        && queue_word::NAMES_ALLOWED_BIT == 24
        && queue_word::MASK_LSB == 32
);

logic_block! {
    /// Serves the queues as the scheduler says; see the module.
    pub struct HeadReader {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        /// EVENT_IDX was negotiated.
        pub event_index: Signal<In, Bit>,
        // Scheduler
        /// `offered` has work.
        pub found: Signal<In, Bit>,
        /// The queue that is offered.
        pub offered: Signal<In, Bits<4>>,
        /// `offered` is taken; it is `queue` from the next clock on.
        pub take: Signal<Out, Bit>,
        /// `queue` is left; a pulse.
        pub leave: Signal<Out, Bit>,
        /// The share of `queue` is used up.
        pub over: Signal<In, Bit>,
        /// The queue that is being served.
        pub queue: Signal<Out, Bits<4>>,
        /// Its avail index is about to be read: older doorbells are answered with that.
        pub answer: Signal<Out, Bit>,
        /// It has more work.
        pub again: Signal<Out, Bit>,
        /// Its indices are kept from now on.
        pub saved: Signal<Out, Bit>,
        /// Its indices are 0, whatever was kept.
        pub fresh: Signal<In, Bit>,
        /// It was restarted or shut since it was taken.
        pub cancelled: Signal<In, Bit>,
        /// It was restarted since it was taken.
        pub restarted: Signal<In, Bit>,
        /// Some queue is restarted; a pulse.
        pub restart: Signal<In, Bit>,
        // Marks of this queue
        /// It has to go back to where it parked.
        pub rewind: Signal<In, Bit>,
        /// The chain there is given up.
        pub give_up: Signal<In, Bit>,
        /// Avail index of that chain.
        pub park_avail: Signal<In, Bits<16>>,
        /// It went back, and the chain there is announced; a pulse.
        pub rewound: Signal<Out, Bit>,
        /// The epoch of its chains.
        pub epoch: Signal<In, Bit>,
        /// It ends with a ring error; a pulse.
        pub halt: Signal<Out, Bit>,
        /// Nothing is on its way to be announced.
        pub quiet: Signal<Out, Bit>,
        /// One more chain may be announced.
        pub room: Signal<In, Bit>,
        /// Announce nothing.
        pub flush: Signal<In, Bit>,
        // Queue table; the answer is there on the clock after the question
        /// Word of this queue.
        pub table_word: Signal<Out, Bits<2>>,
        /// The word of one clock ago.
        pub table_data: Signal<In, Bits<64>>,
        /// The question is not heard on this clock.
        pub table_busy: Signal<In, Bit>,
        // Ring reader
        /// A request is offered.
        pub request_valid: Signal<Out, Bit>,
        /// It is taken.
        pub request_ready: Signal<In, Bit>,
        /// The request.
        pub request: Signal<Out, RingRequest>,
        /// avail_event.
        pub write_value: Signal<Out, Bits<16>>,
        /// A request for this module's own use is answered; a pulse.
        pub done: Signal<In, Bit>,
        /// 0, RingFault or RingBusError.
        pub done_code: Signal<In, Bits<6>>,
        // Words that were read; the answer is there on the clock after the question
        /// Which word.
        pub word_at: Signal<Out, Bits<9>>,
        /// The question is not heard on this clock.
        pub words_busy: Signal<In, Bit>,
        /// The word.
        pub word: Signal<In, Bits<64>>,
        // Walker
        /// A chain is announced; taken at once.
        pub head_valid: Signal<Out, Bit>,
        /// The chain.
        pub head: Signal<Out, HeadWord>,
        /// The oldest descriptors in use, word of 128.
        pub oldest_word: Signal<In, Bits<7>>,
        /// Descriptors that a chain had in a row, less one; a pulse.
        pub run_valid: Signal<In, Bit>,
        /// The number.
        pub run_minus_1: Signal<In, Bits<4>>,
        /// The queue that the walker is about.
        pub walked_queue: Signal<In, Bits<4>>,
        /// What it needs to know of it, on the same clock.
        pub walk_config: Signal<Out, WalkConfig>,
        /// Number of the entry in [`DEBUG_STATES`].
        pub debug: Signal<Out, Bits<3>>,
        //
        places: AvailPlaces,
        span: DescriptorSpan,
        states: LutRam<QueueState, 4>,
        configs: LutRam<WalkConfig, 4>,
        runs: LutRam<Bits<4>, 4>,
        state: DFF<HeadState>,
        // the states `Idle`, `LoadState`, `Rewind`, `LineMeasure`, `EntryHalf` and `Abort`
        idles: DFF<Bit>,
        loads: DFF<Bit>,
        rewinds: DFF<Bit>,
        measures: DFF<Bit>,
        halves_entry: DFF<Bit>,
        aborts: DFF<Bit>,
        // the indices that were loaded are 0 in truth
        freshens: DFF<Bit>,
        none_left: DFF<Bit>,
        // it has to go back; nothing is to be chosen but what comes next, and there is room for that too
        goes_back: DFF<Bit>,
        went_back: DFF<Bit>,
        straight: DFF<Bit>,
        goes_on: DFF<Bit>,
        // what is announced
        head_out: DFF<HeadWord>,
        head_now: DFF<Bit>,
        served: DFF<Bits<4>>,
        held: DFF<QueueState>,
        // the registers hold the configuration and the indices of `served`
        loaded: DFF<Bit>,
        table_at: DFF<Bits<2>>,
        wish: DFF<Bits<4>>,
        size: DFF<Bits<16>>,
        last_index: DFF<Bits<16>>,
        default_context: DFF<Bits<4>>,
        names_allowed: DFF<Bit>,
        mask: DFF<Bits<16>>,
        table_low: DFF<Bits<8>>,
        avail_low: DFF<Bits<11>>,
        used_low: DFF<Bits<10>>,
        // the avail index was read after avail_event was written
        armed: DFF<Bit>,
        error: DFF<Bits<6>>,
        data: DFF<Bits<64>>,
        last_half: DFF<Bits<6>>,
        // the chain
        index: DFF<Bits<16>>,
        avail: DFF<Bits<16>>,
        chain_epoch: DFF<Bit>,
        is_again: DFF<Bit>,
        is_given_up: DFF<Bit>,
        bad_index: DFF<Bit>,
        next_word: DFF<Bits<7>>,
        words_free: DFF<Bit>,
        // a request is offered, and when it is not one of avail entries, for what
        asks: DFF<Bit>,
        // the avail index is read, or taken apart
        reads_index: DFF<Bit>,
        halves_index: DFF<Bit>,
        asks_index: DFF<Bit>,
        asks_event: DFF<Bit>,
        asks_ahead: DFF<Bit>,
        //
        straight_now: Signal<Local, Bit>,
        announces: Signal<Local, Bit>,
        rewound_now: Signal<Local, Bit>,
        next_state: Signal<Local, HeadState>,
        next_held: Signal<Local, QueueState>,
        announced: Signal<Local, HeadWord>,
        ask: Signal<Local, RingRequest>,
        config_word: Signal<Local, WalkConfig>,
        which_half: Signal<Local, Bits<2>>,
        half: Signal<Local, Bits<16>>,
        first_half: Signal<Local, Bits<6>>,
        entry_word: Signal<Local, Bits<9>>,
        beats: Signal<Local, Bits<4>>,
        words: Signal<Local, Bits<7>>,
        place: Signal<Local, Bits<PLACE_BITS>>,
        words_used: Signal<Local, Bits<7>>,
        index_word: Constant<Bits<9>> = Constant::new(INDEX_WORD.to_bits()),
        ahead_word: Constant<Bits<9>> = Constant::new(AHEAD_WORD.to_bits()),
        ahead_owner: Constant<Bits<2>> = Constant::new(owner::AHEAD.to_bits()),
        heads_owner: Constant<Bits<2>> = Constant::new(owner::HEADS.to_bits()),
        table_area: Constant<Bits<2>> = Constant::new(area::TABLE.to_bits()),
        avail_area: Constant<Bits<2>> = Constant::new(area::AVAIL.to_bits()),
        used_area: Constant<Bits<2>> = Constant::new(area::USED.to_bits()),
        descriptor_index: Constant<Bits<6>> = Constant::new((Refusal::DescriptorIndex.code() as u64).to_bits()),
        avail_index_jump: Constant<Bits<6>> = Constant::new((Refusal::AvailIndexJump.code() as u64).to_bits()),
    }
}

impl Logic for HeadReader {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            state,
            idles,
            loads,
            rewinds,
            measures,
            halves_entry,
            aborts,
            freshens,
            none_left,
            goes_back,
            went_back,
            straight,
            goes_on,
            head_out,
            head_now,
            served,
            held,
            loaded,
            table_at,
            wish,
            size,
            last_index,
            default_context,
            names_allowed,
            mask,
            table_low,
            avail_low,
            used_low,
            armed,
            error,
            data,
            last_half,
            index,
            avail,
            chain_epoch,
            is_again,
            is_given_up,
            bad_index,
            next_word,
            words_free,
            asks,
            reads_index,
            halves_index,
            asks_index,
            asks_event,
            asks_ahead
        );
        clock!(self, clock, places, span, states, configs, runs);
        // Parts
        self.places.last_index.next = self.last_index.q.val();
        self.places.avail_low.next = self.avail_low.q.val();
        self.places.used_low.next = self.used_low.q.val();
        self.places.next_avail.next = self.held.q.val().next_avail;
        self.places.seen_avail.next = self.held.q.val().seen_avail;
        self.span.index.next = self.index.q.val();
        self.span.last_index.next = self.last_index.q.val();
        self.span.table_low.next = self.table_low.q.val();
        self.wish.d.next = self.runs.read_data.val();
        self.span.wish_minus_1.next = self.wish.q.val();
        self.states.read_addr.next = self.served.q.val();
        self.states.write_addr.next = self.served.q.val();
        self.states.write_data.next = self.held.q.val();
        self.states.write_enable.next = false;
        self.config_word.next.last_index = self.last_index.q.val();
        self.config_word.next.table_low = self.table_low.q.val();
        self.config_word.next.default_context = self.default_context.q.val();
        self.config_word.next.names_allowed = self.names_allowed.q.val();
        self.config_word.next.mask = self.mask.q.val();
        self.configs.read_addr.next = self.walked_queue.val();
        self.configs.write_addr.next = self.served.q.val();
        self.configs.write_data.next = self.config_word.val();
        self.configs.write_enable.next = false;
        self.walk_config.next = self.configs.read_data.val();
        self.runs.read_addr.next = self.served.q.val();
        self.runs.write_addr.next = self.walked_queue.val();
        self.runs.write_data.next = self.run_minus_1.val();
        self.runs.write_enable.next = self.run_valid.val();
        // Outputs
        self.take.next = self.idles.q.val() & self.found.val() & !self.flush.val();
        self.leave.next = false;
        self.answer.next = false;
        self.again.next = false;
        self.saved.next = false;
        self.rewound_now.next = false;
        self.halt.next = false;
        self.quiet.next = false;
        self.queue.next = self.served.q.val();
        self.table_word.next = self.table_at.q.val();
        self.write_value.next = self.held.q.val().next_avail;
        self.first_half.next = self.places.entry.val().get_bits::<6>(0);
        self.entry_word.next =
            (bit_cast::<9, 4>(self.served.q.val()) << 4) | bit_cast::<9, 4>(self.first_half.val().get_bits::<4>(2));
        self.beats.next = self.last_half.q.val().get_bits::<4>(2) - self.first_half.val().get_bits::<4>(2);
        // Two words a descriptor
        self.words.next = (bit_cast::<7, 4>(self.span.span_minus_1.val()) << 1) | 1;
        // Requests
        self.request_valid.next = self.asks.q.val();
        self.ask.next.owner = self.heads_owner.val();
        self.ask.next.queue = self.served.q.val();
        self.ask.next.area = self.avail_area.val();
        self.ask.next.beats_minus_1 = bit_cast::<5, 4>(self.beats.val());
        self.ask.next.goal = self.entry_word.val();
        self.place.next = bit_cast::<PLACE_BITS, 17>(self.places.entry.val()) << 1;
        if self.asks_index.q.val() {
            self.place.next = bit_cast::<PLACE_BITS, 12>(self.places.index.val()) << 1;
            self.ask.next.beats_minus_1 = 0.into();
            self.ask.next.goal = self.index_word.val();
        }
        if self.asks_event.q.val() {
            self.place.next = bit_cast::<PLACE_BITS, 18>(self.places.avail_event.val()) << 2;
            self.ask.next.area = self.used_area.val();
        }
        if self.asks_ahead.q.val() {
            self.place.next = self.span.place.val();
            self.ask.next.owner = self.ahead_owner.val();
            self.ask.next.area = self.table_area.val();
            self.ask.next.beats_minus_1 = self.words.val().get_bits::<5>(0);
            self.ask.next.goal = self.ahead_word.val() | bit_cast::<9, 7>(self.next_word.q.val());
        }
        self.ask.next.place = self.place.val();
        self.ask.next.write = self.asks_event.q.val();
        self.word_at.next = self.entry_word.val();
        if self.reads_index.q.val() {
            self.word_at.next = self.index_word.val();
        }
        self.reads_index.d.next = false;
        self.halves_index.d.next = false;
        self.announces.next = false;
        self.announced.next.queue = self.served.q.val();
        self.announced.next.head = self.index.q.val();
        self.announced.next.avail = self.avail.q.val();
        self.announced.next.epoch = self.chain_epoch.q.val();
        self.announced.next.again = self.is_again.q.val();
        self.announced.next.aborted = false;
        self.announced.next.error = 0.into();
        self.announced.next.ahead_minus_1 = self.span.span_minus_1.val();
        // Conditions
        self.next_state.next = self.state.q.val();
        self.which_half.next = self.first_half.val().get_bits::<2>(0);
        if self.halves_index.q.val() {
            self.which_half.next = self.places.index.val().get_bits::<2>(0);
        }
        self.half.next = self.data.q.val().get_bits::<16>(0);
        if self.which_half.val() == 1 {
            self.half.next = self.data.q.val().get_bits::<16>(16);
        }
        if self.which_half.val() == 2 {
            self.half.next = self.data.q.val().get_bits::<16>(32);
        }
        if self.which_half.val() == 3 {
            self.half.next = self.data.q.val().get_bits::<16>(48);
        }
        // There must be room for the longest read ahead.
        self.words_used.next = self.next_word.q.val() - self.oldest_word.val();
        self.words_free.d.next = !self.words_used.val().get_bits::<2>(5).all();
        // Nothing is to be chosen but what comes next.
        self.straight_now.next =
            !self.cancelled.val() & !self.flush.val() & !self.rewind.val() & !self.is_given_up.q.val();
        self.straight.d.next = self.straight_now.val();
        self.goes_on.d.next = self.straight_now.val() & self.room.val() & self.words_free.q.val();
        // The mark is taken back two clocks after the chain is announced.
        self.goes_back.d.next =
            self.rewind.val() & !self.is_again.q.val() & !self.is_given_up.q.val() & !self.went_back.q.val();
        self.none_left.d.next = self.held.q.val().left == 0;
        // What is read is taken apart on the next clock.
        self.data.d.next = self.word.val();
        self.debug.next = 0.into();
        match self.state.q.val() {
            HeadState::Idle => {
                self.quiet.next = true;
                self.table_at.d.next = 3.into();
                self.armed.d.next = false;
                self.is_again.d.next = false;
                self.is_given_up.d.next = false;
                if self.found.val() & !self.flush.val() {
                    self.next_state.next = HeadState::LoadState;
                    if self.loaded.q.val() & (self.offered.val() == self.served.q.val()) {
                        self.next_state.next = HeadState::Choose;
                    }
                }
            }
            HeadState::LoadState => {
                self.loaded.d.next = false;
                self.debug.next = 1.into();
                if !self.table_busy.val() {
                    self.table_at.d.next = 0.into();
                    self.next_state.next = HeadState::LoadConfig;
                }
            }
            HeadState::LoadConfig => {
                self.debug.next = 1.into();
                self.size.d.next = self.table_data.val().get_bits::<16>(0);
                self.default_context.d.next = self.table_data.val().get_bits::<4>(20);
                self.names_allowed.d.next = self.table_data.val().get_bit(24);
                self.mask.d.next = self.table_data.val().get_bits::<16>(32);
                self.table_at.d.next = 1.into();
                self.next_state.next = HeadState::LoadTable;
                if self.table_busy.val() {
                    self.table_at.d.next = 3.into();
                    self.next_state.next = HeadState::LoadState;
                }
            }
            HeadState::LoadTable => {
                self.debug.next = 1.into();
                self.last_index.d.next = self.size.q.val() - 1;
                self.table_low.d.next = self.table_data.val().get_bits::<8>(4);
                self.table_at.d.next = 2.into();
                self.next_state.next = HeadState::LoadAvail;
                if self.table_busy.val() {
                    self.table_at.d.next = 3.into();
                    self.next_state.next = HeadState::LoadState;
                }
            }
            HeadState::LoadAvail => {
                self.debug.next = 1.into();
                self.avail_low.d.next = self.table_data.val().get_bits::<11>(1);
                self.next_state.next = HeadState::LoadUsed;
                if self.table_busy.val() {
                    self.table_at.d.next = 3.into();
                    self.next_state.next = HeadState::LoadState;
                }
            }
            HeadState::LoadUsed => {
                self.debug.next = 1.into();
                self.used_low.d.next = self.table_data.val().get_bits::<10>(2);
                self.configs.write_enable.next = true;
                self.loaded.d.next = !self.cancelled.val();
                self.next_state.next = HeadState::Choose;
            }
            HeadState::Choose => {
                self.debug.next = 2.into();
                self.quiet.next = true;
                self.avail.d.next = self.held.q.val().next_avail;
                self.chain_epoch.d.next = self.epoch.val() ^ (self.is_again.q.val() | self.is_given_up.q.val());
                if self.cancelled.val() {
                    self.next_state.next = HeadState::Leave;
                } else if self.flush.val() {
                    self.next_state.next = HeadState::Choose;
                } else if self.goes_back.q.val() {
                    self.next_state.next = HeadState::Rewind;
                } else if self.is_given_up.q.val() {
                    if self.room.val() {
                        self.next_state.next = HeadState::Abort;
                    }
                } else if self.places.caught_up.val() {
                    self.next_state.next = HeadState::Index;
                } else if self.none_left.q.val() {
                    self.next_state.next = HeadState::LineSettle;
                } else if self.room.val() & self.words_free.q.val() {
                    self.next_state.next = HeadState::Entry;
                }
            }
            HeadState::Rewind => {
                self.debug.next = 2.into();
                // The mark stays until the chain is announced.
                self.is_again.d.next = !self.give_up.val();
                self.is_given_up.d.next = self.give_up.val();
                self.next_state.next = HeadState::Settle;
            }
            HeadState::Settle => {
                self.debug.next = 2.into();
                self.next_state.next = HeadState::SettleMore;
            }
            HeadState::SettleMore => {
                self.debug.next = 2.into();
                self.next_state.next = HeadState::Choose;
            }
            HeadState::Index => {
                self.debug.next = 3.into();
                self.reads_index.d.next = true;
                if self.request_ready.val() {
                    self.answer.next = true;
                    self.next_state.next = HeadState::IndexWait;
                }
            }
            HeadState::IndexWait => {
                self.debug.next = 3.into();
                self.error.d.next = self.done_code.val();
                self.reads_index.d.next = true;
                if self.done.val() {
                    self.next_state.next = HeadState::IndexWord;
                    if self.words_busy.val() {
                        self.next_state.next = HeadState::IndexRead;
                    }
                    if self.done_code.val() != 0 {
                        self.next_state.next = HeadState::Error;
                    }
                }
            }
            HeadState::IndexRead => {
                self.debug.next = 3.into();
                self.reads_index.d.next = true;
                if !self.words_busy.val() {
                    self.next_state.next = HeadState::IndexWord;
                }
            }
            HeadState::IndexWord => {
                self.debug.next = 3.into();
                self.halves_index.d.next = true;
                self.next_state.next = HeadState::IndexHalf;
            }
            HeadState::IndexHalf => {
                self.debug.next = 3.into();
                self.next_state.next = HeadState::IndexStep;
            }
            HeadState::IndexStep => {
                self.debug.next = 3.into();
                self.next_state.next = HeadState::IndexSettle;
            }
            HeadState::IndexSettle => {
                self.debug.next = 3.into();
                self.next_state.next = HeadState::IndexJudge;
            }
            HeadState::IndexJudge => {
                self.debug.next = 3.into();
                self.error.d.next = self.avail_index_jump.val();
                if self.cancelled.val() {
                    self.next_state.next = HeadState::Leave;
                } else if self.places.caught_up.val() {
                    self.next_state.next = HeadState::Leave;
                    if self.event_index.val() & !self.armed.q.val() {
                        self.next_state.next = HeadState::Event;
                    }
                } else if self.places.too_far.val() {
                    self.next_state.next = HeadState::Error;
                } else {
                    self.again.next = true;
                    self.armed.d.next = false;
                    self.next_state.next = HeadState::Choose;
                    // the places of the line have settled since the index was read
                    if self.straight.q.val() & self.none_left.q.val() {
                        self.next_state.next = HeadState::LineMeasure;
                    }
                }
            }
            HeadState::Event => {
                self.debug.next = 4.into();
                if self.request_ready.val() {
                    self.next_state.next = HeadState::EventWait;
                }
            }
            HeadState::EventWait => {
                self.debug.next = 4.into();
                // What the driver added without a doorbell, because the old avail_event spared it, shows in the index now.
                self.armed.d.next = true;
                self.error.d.next = self.done_code.val();
                if self.done.val() {
                    if self.done_code.val() != 0 {
                        self.next_state.next = HeadState::Error;
                    } else {
                        self.next_state.next = HeadState::Index;
                    }
                }
            }
            HeadState::LineSettle => {
                self.debug.next = 5.into();
                self.next_state.next = HeadState::LineMeasure;
            }
            HeadState::LineMeasure => {
                self.debug.next = 5.into();
                self.last_half.d.next = self.first_half.val() + self.places.burst_minus_1.val();
                self.next_state.next = HeadState::Line;
            }
            HeadState::Line => {
                self.debug.next = 5.into();
                if self.request_ready.val() {
                    self.next_state.next = HeadState::LineWait;
                }
            }
            HeadState::LineWait => {
                self.debug.next = 5.into();
                self.error.d.next = self.done_code.val();
                if self.done.val() {
                    self.next_state.next = HeadState::Choose;
                    if self.goes_on.q.val() {
                        self.next_state.next = HeadState::EntryWord;
                        if self.words_busy.val() {
                            self.next_state.next = HeadState::Entry;
                        }
                    }
                    if self.done_code.val() != 0 {
                        self.next_state.next = HeadState::Error;
                    }
                }
            }
            HeadState::Entry => {
                self.debug.next = 6.into();
                if !self.words_busy.val() {
                    self.next_state.next = HeadState::EntryWord;
                }
            }
            HeadState::EntryWord => {
                self.debug.next = 6.into();
                self.next_state.next = HeadState::EntryHalf;
            }
            HeadState::EntryHalf => {
                self.debug.next = 6.into();
                self.index.d.next = self.half.val();
                self.next_state.next = HeadState::SpanStep;
            }
            HeadState::SpanStep => {
                self.debug.next = 6.into();
                self.bad_index.d.next = self.index.q.val() > self.last_index.q.val();
                self.error.d.next = self.descriptor_index.val();
                self.next_state.next = HeadState::SpanSettle;
            }
            HeadState::SpanSettle => {
                self.debug.next = 6.into();
                if self.bad_index.q.val() {
                    self.next_state.next = HeadState::Error;
                } else {
                    self.next_state.next = HeadState::Push;
                }
            }
            HeadState::Push => {
                self.debug.next = 6.into();
                if self.request_ready.val() {
                    self.announces.next = true;
                    self.rewound_now.next = self.is_again.q.val();
                    self.is_again.d.next = false;
                    self.next_word.d.next = self.next_word.q.val() + self.words.val() + 1;
                    self.next_state.next = HeadState::Leave;
                    if !self.over.val() & !self.cancelled.val() {
                        self.next_state.next = HeadState::PushSettle;
                    }
                }
            }
            HeadState::PushSettle => {
                self.debug.next = 6.into();
                // What is left of room and free words is known on the next clock.
                self.next_state.next = HeadState::Choose;
            }
            HeadState::Abort => {
                self.debug.next = 6.into();
                self.announces.next = true;
                self.announced.next.aborted = true;
                self.rewound_now.next = true;
                self.is_given_up.d.next = false;
                self.next_state.next = HeadState::Settle;
            }
            HeadState::Error => {
                self.debug.next = 7.into();
                // The walker reports it, behind the chains before it.
                self.announced.next.error = self.error.q.val();
                if self.cancelled.val() {
                    self.next_state.next = HeadState::Leave;
                } else if self.room.val() {
                    self.announces.next = true;
                    self.halt.next = true;
                    self.next_state.next = HeadState::Leave;
                }
            }
            HeadState::Leave => {
                self.debug.next = 1.into();
                self.states.write_enable.next = true;
                self.leave.next = true;
                self.saved.next = !self.restarted.val();
                // A doorbell since the restart may have been taken for one of the old ring.
                self.again.next = self.cancelled.val();
                self.next_state.next = HeadState::Idle;
            }
        }
        if self.restart.val() {
            self.loaded.d.next = false;
        }
        if self.idles.q.val() & self.found.val() & !self.flush.val() {
            self.served.d.next = self.offered.val();
        }
        // Where the queue stands
        self.next_held.next = self.held.q.val();
        self.freshens.d.next = self.loads.q.val() & self.fresh.val();
        if self.halves_entry.q.val() | self.aborts.q.val() {
            self.next_held.next.next_avail = self.held.q.val().next_avail + 1;
        }
        if self.rewinds.q.val() {
            self.next_held.next.next_avail = self.park_avail.val();
        }
        if self.halves_index.q.val() {
            self.next_held.next.seen_avail = self.half.val();
        }
        if self.halves_entry.q.val() {
            self.next_held.next.left = self.held.q.val().left - 1;
        }
        if self.measures.q.val() {
            self.next_held.next.left = bit_cast::<7, 6>(self.places.burst_minus_1.val()) + 1;
        }
        // After an error nothing that was read is of use.
        if self.rewinds.q.val() | (self.state.q.val() == HeadState::Error) {
            self.next_held.next.left = 0.into();
        }
        if self.loads.q.val() {
            self.next_held.next = self.states.read_data.val();
        } else if self.freshens.q.val() {
            self.next_held.next.next_avail = 0.into();
            self.next_held.next.seen_avail = 0.into();
            self.next_held.next.left = 0.into();
        }
        self.held.d.next = self.next_held.val();
        self.request.next = self.ask.val();
        // Announced a clock later: when a request is taken is known late.
        self.head_now.d.next = self.announces.val();
        self.head_out.d.next = self.announced.val();
        self.head_valid.next = self.head_now.q.val();
        self.head.next = self.head_out.q.val();
        self.rewound.next = self.rewound_now.val();
        self.went_back.d.next = self.rewound_now.val();
        if self.reset.val() {
            self.next_state.next = HeadState::Idle;
            self.loaded.d.next = false;
            self.head_now.d.next = false;
            self.freshens.d.next = false;
            self.next_word.d.next = 0.into();
        }
        self.state.d.next = self.next_state.val();
        self.idles.d.next = self.next_state.val() == HeadState::Idle;
        self.loads.d.next = self.next_state.val() == HeadState::LoadState;
        self.rewinds.d.next = self.next_state.val() == HeadState::Rewind;
        self.measures.d.next = self.next_state.val() == HeadState::LineMeasure;
        self.halves_entry.d.next = self.next_state.val() == HeadState::EntryHalf;
        self.aborts.d.next = self.next_state.val() == HeadState::Abort;
        self.asks_index.d.next = self.next_state.val() == HeadState::Index;
        self.asks_event.d.next = self.next_state.val() == HeadState::Event;
        self.asks_ahead.d.next = self.next_state.val() == HeadState::Push;
        self.asks.d.next = (self.next_state.val() == HeadState::Index)
            | (self.next_state.val() == HeadState::Event)
            | (self.next_state.val() == HeadState::Push)
            | (self.next_state.val() == HeadState::Line);
    }
}
