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
        // Words that were read; the answer is there two clocks after the question, from a register
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
        // What it does, one at most: waits for a queue; loads its indices and the words of its configuration
        idles: DFF<Bit>,
        loads: DFF<Bit>,
        loads_config: DFF<Bit>,
        loads_table: DFF<Bit>,
        loads_avail: DFF<Bit>,
        loads_used: DFF<Bit>,
        // chooses what to do; goes back to where the queue parked, and waits for what follows from its indices
        chooses: DFF<Bit>,
        rewinds: DFF<Bit>,
        settles: DFF<Bit>,
        settles_more: DFF<Bit>,
        // asks for the avail index, waits, has its word read, takes it apart, and judges it when all has settled
        asks_index: DFF<Bit>,
        waits_index: DFF<Bit>,
        rereads_index: DFF<Bit>,
        has_index: DFF<Bit>,
        halves_index: DFF<Bit>,
        steps_index: DFF<Bit>,
        settles_index: DFF<Bit>,
        judges_index: DFF<Bit>,
        // asks for avail_event to be written, and waits
        asks_event: DFF<Bit>,
        waits_event: DFF<Bit>,
        // measures a line of entries, asks for it, and waits
        settles_line: DFF<Bit>,
        measures_line: DFF<Bit>,
        asks_line: DFF<Bit>,
        waits_line: DFF<Bit>,
        // has an entry's word read, takes it apart, and measures the descriptors
        reads_entry: DFF<Bit>,
        has_entry: DFF<Bit>,
        halves_entry: DFF<Bit>,
        steps_span: DFF<Bit>,
        settles_span: DFF<Bit>,
        // asks for them, and announces the chain
        asks_ahead: DFF<Bit>,
        settles_push: DFF<Bit>,
        // announces a chain that is given up, or an error; leaves the queue
        aborts: DFF<Bit>,
        errors: DFF<Bit>,
        leaves: DFF<Bit>,
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
        // a request is offered
        asks: DFF<Bit>,
        // the avail index may be read on the next clock
        reads_index: DFF<Bit>,
        //
        straight_now: Signal<Local, Bit>,
        announces: Signal<Local, Bit>,
        rewound_now: Signal<Local, Bit>,
        takes: Signal<Local, Bit>,
        stays: Signal<Local, Bit>,
        reloads: Signal<Local, Bit>,
        done_well: Signal<Local, Bit>,
        done_badly: Signal<Local, Bit>,
        proceeds: Signal<Local, Bit>,
        works: Signal<Local, Bit>,
        has_more: Signal<Local, Bit>,
        may_read: Signal<Local, Bit>,
        arms: Signal<Local, Bit>,
        accepts: Signal<Local, Bit>,
        pushes: Signal<Local, Bit>,
        reports: Signal<Local, Bit>,
        next_index: Signal<Local, Bit>,
        next_event: Signal<Local, Bit>,
        next_line: Signal<Local, Bit>,
        next_ahead: Signal<Local, Bit>,
        loading: Signal<Local, Bit>,
        choosing: Signal<Local, Bit>,
        indexing: Signal<Local, Bit>,
        arming: Signal<Local, Bit>,
        lining: Signal<Local, Bit>,
        announcing: Signal<Local, Bit>,
        bit_0: Signal<Local, Bit>,
        bit_1: Signal<Local, Bit>,
        bit_2: Signal<Local, Bit>,
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
            idles,
            loads,
            loads_config,
            loads_table,
            loads_avail,
            loads_used,
            chooses,
            rewinds,
            settles,
            settles_more,
            asks_index,
            waits_index,
            rereads_index,
            has_index,
            halves_index,
            steps_index,
            settles_index,
            judges_index,
            asks_event,
            waits_event,
            settles_line,
            measures_line,
            asks_line,
            waits_line,
            reads_entry,
            has_entry,
            halves_entry,
            steps_span,
            settles_span,
            asks_ahead,
            settles_push,
            aborts,
            errors,
            leaves,
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
            reads_index
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
        self.states.write_enable.next = self.leaves.q.val();
        self.config_word.next.last_index = self.last_index.q.val();
        self.config_word.next.table_low = self.table_low.q.val();
        self.config_word.next.default_context = self.default_context.q.val();
        self.config_word.next.names_allowed = self.names_allowed.q.val();
        self.config_word.next.mask = self.mask.q.val();
        self.configs.read_addr.next = self.walked_queue.val();
        self.configs.write_addr.next = self.served.q.val();
        self.configs.write_data.next = self.config_word.val();
        self.configs.write_enable.next = self.loads_used.q.val();
        self.walk_config.next = self.configs.read_data.val();
        self.runs.read_addr.next = self.served.q.val();
        self.runs.write_addr.next = self.walked_queue.val();
        self.runs.write_data.next = self.run_minus_1.val();
        self.runs.write_enable.next = self.run_valid.val();
        // Outputs
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
        self.reads_index.d.next = self.asks_index.q.val() | self.waits_index.q.val() | self.rereads_index.q.val();
        self.announced.next.queue = self.served.q.val();
        self.announced.next.head = self.index.q.val();
        self.announced.next.avail = self.avail.q.val();
        self.announced.next.epoch = self.chain_epoch.q.val();
        self.announced.next.again = self.is_again.q.val();
        self.announced.next.aborted = self.aborts.q.val();
        self.announced.next.error = 0.into();
        if self.errors.q.val() {
            // The walker reports it, behind the chains before it.
            self.announced.next.error = self.error.q.val();
        }
        self.announced.next.ahead_minus_1 = self.span.span_minus_1.val();
        // Conditions
        self.which_half.next = self.first_half.val().get_bits::<2>(0);
        if self.halves_index.q.val() {
            self.which_half.next = self.places.index.val().get_bits::<2>(0);
        }
        self.half.next = self.word.val().get_bits::<16>(0);
        if self.which_half.val() == 1 {
            self.half.next = self.word.val().get_bits::<16>(16);
        }
        if self.which_half.val() == 2 {
            self.half.next = self.word.val().get_bits::<16>(32);
        }
        if self.which_half.val() == 3 {
            self.half.next = self.word.val().get_bits::<16>(48);
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
        // What comes next
        self.takes.next = self.idles.q.val() & self.found.val() & !self.flush.val();
        self.stays.next = self.loaded.q.val() & (self.offered.val() == self.served.q.val());
        self.reloads.next =
            (self.loads_config.q.val() | self.loads_table.q.val() | self.loads_avail.q.val()) & self.table_busy.val();
        self.done_well.next = self.done.val() & (self.done_code.val() == 0);
        self.done_badly.next = self.done.val() & (self.done_code.val() != 0);
        self.proceeds.next = self.chooses.q.val() & !self.cancelled.val() & !self.flush.val() & !self.goes_back.q.val();
        self.works.next = self.proceeds.val() & !self.is_given_up.q.val();
        self.may_read.next = self.room.val() & self.words_free.q.val();
        self.has_more.next = self.judges_index.q.val()
            & !self.cancelled.val()
            & !self.places.caught_up.val()
            & !self.places.too_far.val();
        self.arms.next = self.event_index.val() & !self.armed.q.val();
        self.accepts.next = self.waits_line.q.val() & self.done_well.val() & self.goes_on.q.val();
        self.pushes.next = self.asks_ahead.q.val() & self.request_ready.val();
        self.reports.next = self.errors.q.val() & !self.cancelled.val() & self.room.val();
        self.idles.d.next = self.leaves.q.val() | (self.idles.q.val() & !self.takes.val());
        self.loads.d.next =
            (self.takes.val() & !self.stays.val()) | (self.loads.q.val() & self.table_busy.val()) | self.reloads.val();
        self.loads_config.d.next = self.loads.q.val() & !self.table_busy.val();
        self.loads_table.d.next = self.loads_config.q.val() & !self.table_busy.val();
        self.loads_avail.d.next = self.loads_table.q.val() & !self.table_busy.val();
        self.loads_used.d.next = self.loads_avail.q.val() & !self.table_busy.val();
        self.chooses.d.next = (self.takes.val() & self.stays.val())
            | self.loads_used.q.val()
            | self.settles_more.q.val()
            | self.settles_push.q.val()
            | (self.chooses.q.val() & !self.cancelled.val() & self.flush.val())
            | (self.proceeds.val() & self.is_given_up.q.val() & !self.room.val())
            | (self.works.val() & !self.places.caught_up.val() & !self.none_left.q.val() & !self.may_read.val())
            | (self.has_more.val() & !(self.straight.q.val() & self.none_left.q.val()))
            | (self.waits_line.q.val() & self.done_well.val() & !self.goes_on.q.val());
        self.rewinds.d.next = self.chooses.q.val() & !self.cancelled.val() & !self.flush.val() & self.goes_back.q.val();
        self.settles.d.next = self.rewinds.q.val() | self.aborts.q.val();
        self.settles_more.d.next = self.settles.q.val();
        self.next_index.next = (self.works.val() & self.places.caught_up.val())
            | (self.waits_event.q.val() & self.done_well.val())
            | (self.asks_index.q.val() & !self.request_ready.val());
        self.waits_index.d.next =
            (self.asks_index.q.val() & self.request_ready.val()) | (self.waits_index.q.val() & !self.done.val());
        self.rereads_index.d.next =
            ((self.waits_index.q.val() & self.done_well.val()) | self.rereads_index.q.val()) & self.words_busy.val();
        self.has_index.d.next =
            ((self.waits_index.q.val() & self.done_well.val()) | self.rereads_index.q.val()) & !self.words_busy.val();
        self.halves_index.d.next = self.has_index.q.val();
        self.steps_index.d.next = self.halves_index.q.val();
        self.settles_index.d.next = self.steps_index.q.val();
        self.judges_index.d.next = self.settles_index.q.val();
        self.next_event.next =
            (self.judges_index.q.val() & !self.cancelled.val() & self.places.caught_up.val() & self.arms.val())
                | (self.asks_event.q.val() & !self.request_ready.val());
        self.waits_event.d.next =
            (self.asks_event.q.val() & self.request_ready.val()) | (self.waits_event.q.val() & !self.done.val());
        self.settles_line.d.next = self.works.val() & !self.places.caught_up.val() & self.none_left.q.val();
        // The places of the line have settled since the index was read.
        self.measures_line.d.next =
            self.settles_line.q.val() | (self.has_more.val() & self.straight.q.val() & self.none_left.q.val());
        self.next_line.next = self.measures_line.q.val() | (self.asks_line.q.val() & !self.request_ready.val());
        self.waits_line.d.next =
            (self.asks_line.q.val() & self.request_ready.val()) | (self.waits_line.q.val() & !self.done.val());
        self.reads_entry.d.next =
            (self.works.val() & !self.places.caught_up.val() & !self.none_left.q.val() & self.may_read.val())
                | ((self.accepts.val() | self.reads_entry.q.val()) & self.words_busy.val());
        self.has_entry.d.next = (self.accepts.val() | self.reads_entry.q.val()) & !self.words_busy.val();
        self.halves_entry.d.next = self.has_entry.q.val();
        self.steps_span.d.next = self.halves_entry.q.val();
        self.settles_span.d.next = self.steps_span.q.val();
        self.next_ahead.next = (self.settles_span.q.val() & !self.bad_index.q.val())
            | (self.asks_ahead.q.val() & !self.request_ready.val());
        // What is left of room and free words is known on the clock after it.
        self.settles_push.d.next = self.pushes.val() & !self.over.val() & !self.cancelled.val();
        self.aborts.d.next = self.proceeds.val() & self.is_given_up.q.val() & self.room.val();
        self.errors.d.next = ((self.waits_index.q.val() | self.waits_event.q.val() | self.waits_line.q.val())
            & self.done_badly.val())
            | (self.judges_index.q.val()
                & !self.cancelled.val()
                & !self.places.caught_up.val()
                & self.places.too_far.val())
            | (self.settles_span.q.val() & self.bad_index.q.val())
            | (self.errors.q.val() & !self.cancelled.val() & !self.room.val());
        self.leaves.d.next = (self.chooses.q.val() & self.cancelled.val())
            | (self.judges_index.q.val() & (self.cancelled.val() | (self.places.caught_up.val() & !self.arms.val())))
            | (self.pushes.val() & (self.over.val() | self.cancelled.val()))
            | (self.errors.q.val() & (self.cancelled.val() | self.room.val()));
        self.asks_index.d.next = self.next_index.val();
        self.asks_event.d.next = self.next_event.val();
        self.asks_line.d.next = self.next_line.val();
        self.asks_ahead.d.next = self.next_ahead.val();
        self.asks.d.next = self.next_index.val() | self.next_event.val() | self.next_line.val() | self.next_ahead.val();
        // What is done
        self.take.next = self.idles.q.val() & self.found.val() & !self.flush.val();
        self.leave.next = self.leaves.q.val();
        self.saved.next = self.leaves.q.val() & !self.restarted.val();
        self.quiet.next = self.idles.q.val() | self.chooses.q.val();
        self.answer.next = self.asks_index.q.val() & self.request_ready.val();
        // A doorbell since the restart may have been taken for one of the old ring.
        self.again.next = self.has_more.val() | (self.leaves.q.val() & self.cancelled.val());
        self.halt.next = self.reports.val();
        self.announces.next = self.pushes.val() | self.aborts.q.val() | self.reports.val();
        self.rewound_now.next = (self.pushes.val() & self.is_again.q.val()) | self.aborts.q.val();
        if self.takes.val() {
            self.served.d.next = self.offered.val();
        }
        // The table's word 3 is asked for first.
        self.table_at.d.next = 3.into();
        if !self.table_busy.val() {
            if self.loads.q.val() {
                self.table_at.d.next = 0.into();
            }
            if self.loads_config.q.val() {
                self.table_at.d.next = 1.into();
            }
            if self.loads_table.q.val() {
                self.table_at.d.next = 2.into();
            }
        }
        if self.loads_config.q.val() {
            self.size.d.next = self.table_data.val().get_bits::<16>(0);
            self.default_context.d.next = self.table_data.val().get_bits::<4>(20);
            self.names_allowed.d.next = self.table_data.val().get_bit(24);
            self.mask.d.next = self.table_data.val().get_bits::<16>(32);
        }
        if self.loads_table.q.val() {
            self.last_index.d.next = self.size.q.val() - 1;
            self.table_low.d.next = self.table_data.val().get_bits::<8>(4);
        }
        if self.loads_avail.q.val() {
            self.avail_low.d.next = self.table_data.val().get_bits::<11>(1);
        }
        if self.loads_used.q.val() {
            self.used_low.d.next = self.table_data.val().get_bits::<10>(2);
            self.loaded.d.next = !self.cancelled.val();
        }
        if self.loads.q.val() | self.restart.val() {
            self.loaded.d.next = false;
        }
        if self.chooses.q.val() {
            self.avail.d.next = self.held.q.val().next_avail;
            self.chain_epoch.d.next = self.epoch.val() ^ (self.is_again.q.val() | self.is_given_up.q.val());
        }
        if self.rewinds.q.val() {
            // The mark stays until the chain is announced.
            self.is_again.d.next = !self.give_up.val();
            self.is_given_up.d.next = self.give_up.val();
        }
        if self.idles.q.val() | self.pushes.val() {
            self.is_again.d.next = false;
        }
        if self.idles.q.val() | self.aborts.q.val() {
            self.is_given_up.d.next = false;
        }
        // What the driver added without a doorbell, because the old avail_event spared it, shows in the index now.
        if self.waits_event.q.val() {
            self.armed.d.next = true;
        }
        if self.idles.q.val() | self.has_more.val() {
            self.armed.d.next = false;
        }
        if !self.errors.q.val() {
            self.error.d.next = self.done_code.val();
            if self.judges_index.q.val() {
                self.error.d.next = self.avail_index_jump.val();
            }
            if self.settles_span.q.val() {
                self.error.d.next = self.descriptor_index.val();
            }
        }
        if self.measures_line.q.val() {
            self.last_half.d.next = self.first_half.val() + self.places.burst_minus_1.val();
        }
        if self.halves_entry.q.val() {
            self.index.d.next = self.half.val();
        }
        self.bad_index.d.next = self.index.q.val() > self.last_index.q.val();
        if self.pushes.val() {
            self.next_word.d.next = self.next_word.q.val() + self.words.val() + 1;
        }
        self.loading.next = self.loads.q.val()
            | self.loads_config.q.val()
            | self.loads_table.q.val()
            | self.loads_avail.q.val()
            | self.loads_used.q.val()
            | self.leaves.q.val();
        self.choosing.next =
            self.chooses.q.val() | self.rewinds.q.val() | self.settles.q.val() | self.settles_more.q.val();
        self.indexing.next = self.asks_index.q.val()
            | self.waits_index.q.val()
            | self.rereads_index.q.val()
            | self.has_index.q.val()
            | self.halves_index.q.val()
            | self.steps_index.q.val()
            | self.settles_index.q.val()
            | self.judges_index.q.val();
        self.arming.next = self.asks_event.q.val() | self.waits_event.q.val();
        self.lining.next =
            self.settles_line.q.val() | self.measures_line.q.val() | self.asks_line.q.val() | self.waits_line.q.val();
        self.announcing.next = self.reads_entry.q.val()
            | self.has_entry.q.val()
            | self.halves_entry.q.val()
            | self.steps_span.q.val()
            | self.settles_span.q.val()
            | self.asks_ahead.q.val()
            | self.settles_push.q.val()
            | self.aborts.q.val();
        self.bit_0.next = self.loading.val() | self.indexing.val() | self.lining.val() | self.errors.q.val();
        self.bit_1.next = self.choosing.val() | self.indexing.val() | self.announcing.val() | self.errors.q.val();
        self.bit_2.next = self.arming.val() | self.lining.val() | self.announcing.val() | self.errors.q.val();
        self.debug.next = bit_cast::<3, 1>(self.bit_0.val().into())
            | (bit_cast::<3, 1>(self.bit_1.val().into()) << 1)
            | (bit_cast::<3, 1>(self.bit_2.val().into()) << 2);
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
        if self.measures_line.q.val() {
            self.next_held.next.left = bit_cast::<7, 6>(self.places.burst_minus_1.val()) + 1;
        }
        // After an error nothing that was read is of use.
        if self.rewinds.q.val() | self.errors.q.val() {
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
            self.idles.d.next = true;
            self.loads.d.next = false;
            self.loads_config.d.next = false;
            self.loads_table.d.next = false;
            self.loads_avail.d.next = false;
            self.loads_used.d.next = false;
            self.chooses.d.next = false;
            self.rewinds.d.next = false;
            self.settles.d.next = false;
            self.settles_more.d.next = false;
            self.asks_index.d.next = false;
            self.waits_index.d.next = false;
            self.rereads_index.d.next = false;
            self.has_index.d.next = false;
            self.halves_index.d.next = false;
            self.steps_index.d.next = false;
            self.settles_index.d.next = false;
            self.judges_index.d.next = false;
            self.asks_event.d.next = false;
            self.waits_event.d.next = false;
            self.settles_line.d.next = false;
            self.measures_line.d.next = false;
            self.asks_line.d.next = false;
            self.waits_line.d.next = false;
            self.reads_entry.d.next = false;
            self.has_entry.d.next = false;
            self.halves_entry.d.next = false;
            self.steps_span.d.next = false;
            self.settles_span.d.next = false;
            self.asks_ahead.d.next = false;
            self.settles_push.d.next = false;
            self.aborts.d.next = false;
            self.errors.d.next = false;
            self.leaves.d.next = false;
            self.asks.d.next = false;
            self.loaded.d.next = false;
            self.head_now.d.next = false;
            self.freshens.d.next = false;
            self.next_word.d.next = 0.into();
        }
    }
}
