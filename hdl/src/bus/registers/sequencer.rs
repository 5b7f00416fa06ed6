//! The state machine of the register block, with the value store and the map.

use super::counters::{BYTE_BITS, EVENT_BITS};
use super::map::{self, entry, store, RegisterRom, CODE_BITS, ENTRY_BITS};
use super::queue_counters::{COUNT_BITS, FEW_BITS};
use crate::bus::ram::BlockRam;
use crate::mmu::types::DEFAULT_TLB_ENTRIES;
use rust_hdl::prelude::*;
use segwalk_model::limits::TX_QUEUES;
use segwalk_model::registers;

/// Names of the states that `debug` shows, by number.
pub const DEBUG_STATES: &[&str] = &[
    "clear",
    "idle",
    "look up",
    "decode",
    "resolve",
    "fetch",
    "load",
    "act",
    "write",
    "bind fetch",
    "bind load",
    "bind take",
    "bind decide",
    "count fetch",
    "count load",
    "count compare",
    "count add",
    "count write",
    "latch",
    "latch wait",
    "latch write",
    "respond",
];

#[derive(LogicState, Copy, Clone, Debug, PartialEq)]
enum AccessState {
    Clear,
    Idle,
    LookUp,
    Decode,
    Resolve,
    Fetch,
    Load,
    Act,
    Write,
    BindFetch,
    BindLoad,
    BindTake,
    BindDecide,
    CountFetch,
    CountLoad,
    CountCompare,
    CountAdd,
    CountWrite,
    Latch,
    LatchWait,
    LatchWrite,
    Respond,
}

logic_block! {
    /// Serves accesses, refusals and counters one after the other on one value store; every other turn is a counter's.
    ///
    /// A counter is brought up to date by what its low bits lack of the count beside the store, so that nothing is taken from
    /// that count, which goes on meanwhile.
    pub struct RegisterSequencer {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset of the core.
        pub reset: Signal<In, Bit>,
        /// The engine is reset: set everything to its reset value; a pulse.
        pub soft_reset_done: Signal<In, Bit>,
        /// The value store is being set to its reset values.
        pub clearing: Signal<Out, Bit>,
        /// That is about to happen.
        pub clear_waits: Signal<Out, Bit>,
        // Accesses, from the AXI4-Lite port
        /// An access is offered until `done`.
        pub access_valid: Signal<In, Bit>,
        /// It is a write.
        pub access_write: Signal<In, Bit>,
        /// Bits 11:2 of the address.
        pub access_word: Signal<In, Bits<10>>,
        /// Write data.
        pub access_data: Signal<In, Bits<32>>,
        /// Write strobes.
        pub access_strobe: Signal<In, Bits<4>>,
        /// The access is complete; a pulse.
        pub done: Signal<Out, Bit>,
        /// With `done`, the value read; with `write`, the value written.
        pub value: Signal<Out, Bits<32>>,
        // Parts of the device
        /// The register that is accessed.
        pub code: Signal<Out, Bits<CODE_BITS>>,
        /// The register of `code` is written with `value`; a pulse.
        pub write: Signal<Out, Bit>,
        /// What the parts keep of the register of `code`, from the third clock after it on.
        pub live: Signal<In, Bits<32>>,
        // Queues, see `QueueState`
        /// Transmit queue of the selected virtio queue.
        pub selected: Signal<In, Bits<4>>,
        /// The selected queue is a transmit queue that exists.
        pub exists: Signal<In, Bit>,
        /// This write asks for the selected queue to be made ready.
        pub wants_ready: Signal<In, Bit>,
        /// A stored word of the selected queue; a pulse.
        pub load: Signal<Out, Bit>,
        /// Which word.
        pub load_step: Signal<Out, Bits<2>>,
        /// The word.
        pub load_word: Signal<Out, Bits<32>>,
        /// The loaded Queue Size is legal.
        pub legal: Signal<In, Bit>,
        /// Makes the selected queue ready; a pulse.
        pub commit: Signal<Out, Bit>,
        // Refusals and counters
        /// A refusal waits to be counted.
        pub refusal_valid: Signal<In, Bit>,
        /// Its code.
        pub refusal_code: Signal<In, Bits<6>>,
        /// It is taken; a pulse.
        pub refusal_take: Signal<Out, Bit>,
        /// The counter to add up: a slot of the engine's counters, or a word of `slot_queue`.
        pub slot: Signal<Out, Bits<4>>,
        /// Transmit queue of the counter.
        pub slot_queue: Signal<Out, Bits<4>>,
        /// Count of the slot among the engine's counters, one clock after `slot`.
        pub events: Signal<In, Bits<COUNT_BITS>>,
        /// Count of the queue's counter, one clock after `slot` and `slot_queue`.
        pub queue_events: Signal<In, Bits<COUNT_BITS>>,
        /// State number, see [`DEBUG_STATES`].
        pub debug: Signal<Out, Bits<8>>,
        //
        rom: RegisterRom = RegisterRom::new(TX_QUEUES as u32, DEFAULT_TLB_ENTRIES),
        store: BlockRam<Bits<32>, 9>,
        state: DFF<AccessState>,
        /// The states `Idle`, `Resolve`, `Act` and `CountAdd`.
        idles: DFF<Bit>,
        resolves: DFF<Bit>,
        acts: DFF<Bit>,
        adds: DFF<Bit>,
        /// One of the states that go on to the next word of the store.
        steps: DFF<Bit>,
        /// The access was completed on the clock before.
        finished: DFF<Bit>,
        /// A counter's turn began on the clock before.
        counts: DFF<Bit>,
        /// A reset of the core clears the kept values too.
        hard: DFF<Bit>,
        sweep: DFF<Bit>,
        filling: DFF<Bit>,
        filled: DFF<Bit>,
        /// A counter is next; otherwise a refusal or an access.
        turn: DFF<Bit>,
        /// The next counter is a queue's.
        queue_turn: DFF<Bit>,
        /// The next slot to serve.
        visit: DFF<Bits<4>>,
        /// The next counter of a queue to serve.
        visit_word: DFF<Bits<2>>,
        visit_queue: DFF<Bits<4>>,
        at: DFF<Bits<9>>,
        at_before: DFF<Bits<9>>,
        at_write: DFF<Bits<9>>,
        is_refusal: DFF<Bit>,
        is_access: DFF<Bit>,
        outside: DFF<Bit>,
        in_refusals: DFF<Bit>,
        map_entry: DFF<Bits<ENTRY_BITS>>,
        word: DFF<Bits<32>>,
        /// The word that comes is not read back; the one that came.
        hides: DFF<Bit>,
        hidden: DFF<Bit>,
        /// Bits that a write changes.
        written: DFF<Bits<32>>,
        /// The next counter's word of the store.
        visit_at: DFF<Bits<9>>,
        /// The counter is the low word of bytes; as an access's, its high word follows.
        low_now: DFF<Bit>,
        low_read: DFF<Bit>,
        result: DFF<Bits<32>>,
        /// The count that the word is compared with.
        count: DFF<Bits<COUNT_BITS>>,
        amount: DFF<Bits<COUNT_BITS>>,
        count_mask: DFF<Bits<COUNT_BITS>>,
        /// The store is written in this state.
        stores: DFF<Bit>,
        write_pulse: DFF<Bit>,
        load_pulse: DFF<Bit>,
        load_at: DFF<Bits<2>>,
        commit_pulse: DFF<Bit>,
        carry: DFF<Bit>,
        /// The high word of a byte counter follows its low word.
        high_pass: DFF<Bit>,
        bind_step: DFF<Bits<2>>,
        next_state: Signal<Local, AccessState>,
        counted: Signal<Local, Bit>,
        next_at: Signal<Local, Bits<9>>,
        next_result: Signal<Local, Bits<32>>,
        kept_word: Signal<Local, Bits<32>>,
        strobed: Signal<Local, Bits<32>>,
        fields: Signal<Local, Bits<32>>,
        unwritten: Signal<Local, Bits<32>>,
        sum: Signal<Local, Bits<33>>,
        lack: Signal<Local, Bits<COUNT_BITS>>,
        per_queue: Signal<Local, Bit>,
        byte_0: Constant<Bits<32>> = map::word(0xFF),
        byte_1: Constant<Bits<32>> = map::word(0xFF00),
        byte_2: Constant<Bits<32>> = map::word(0xFF_0000),
        byte_3: Constant<Bits<32>> = map::word(0xFF00_0000),
        high_half: Constant<Bits<32>> = map::word(0xFFFF_0000),
        is_low: Signal<Local, Bit>,
        visit_place: Signal<Local, Bits<4>>,
        next_queue: Signal<Local, Bits<4>>,
        behind: Signal<Local, Bits<9>>,
        queue_area: Constant<Bits<9>> = map::store_word(store::QUEUES),
        refusal_area: Constant<Bits<9>> = map::store_word(store::REFUSALS),
        counter_area: Constant<Bits<9>> = map::store_word(store::COUNTERS),
        latched_high: Constant<Bits<9>> = map::store_word(map::single(&registers::COUNT_BYTES_HIGH)),
        queue_latched_high: Constant<Bits<9>> = map::store_word(map::single(&registers::QUEUE_BYTES_HIGH)),
        low_word: Constant<Bits<9>> = map::store_word(store::COUNTERS + u64::from(registers::COUNT_BYTES_LOW.offset / 4 % 16)),
        queue_low_word: Constant<Bits<4>> = Constant::new(store::QUEUE_BYTES.to_bits()),
        weight_word: Constant<Bits<4>> = Constant::new(store::WEIGHT.to_bits()),
        event_mask: Constant<Bits<COUNT_BITS>> = mask(EVENT_BITS),
        byte_mask: Constant<Bits<COUNT_BITS>> = mask(BYTE_BITS),
        queue_event_mask: Constant<Bits<COUNT_BITS>> = mask(FEW_BITS),
        queue_byte_mask: Constant<Bits<COUNT_BITS>> = mask(COUNT_BITS),
        queue_bits: Constant<Bits<4>> = map::queue_number_mask(TX_QUEUES as u32),
        last_slot: Constant<Bits<4>> = super::counters::slot(&registers::COUNT_WALKS),
        low_slot: Constant<Bits<4>> = super::counters::slot(&registers::COUNT_BYTES_LOW),
        behind_high: Constant<Bits<4>> = super::counters::slot(&registers::COUNT_REFUSED),
        last_queue: Constant<Bits<4>> = Constant::new((TX_QUEUES as u64 - 1).to_bits()),
        last_step: Constant<Bits<2>> = Constant::new(store::BIND_MASK.to_bits()),
        last_word: Constant<Bits<9>> = Constant::new(511u64.to_bits()),
    }
}

/// The kernel takes a map entry apart by these numbers, and puts addresses of the store together.
const _: () = {
    assert!(entry::HIGH_HALF == 16 && entry::CODE == 17 && entry::STORE_WORD == 24 && entry::READABLE == 32);
    assert!(entry::STORED == 33 && entry::PER_QUEUE == 34 && entry::COUNTER == 35 && entry::KEPT == 32);
    assert!(registers::REFUSALS_BASE == 0x400 && registers::REFUSALS == 64);
    assert!(store::REFUSALS == 64 && store::COUNTERS == 128 && store::QUEUES == 256 && store::QUEUE_NUM == 0);
    assert!(store::QUEUE_REFUSED == 11 && store::QUEUE_FRAMES == 12 && store::QUEUE_CHAINS == 13);
    assert!(store::QUEUE_BYTES == 14);
    assert!(registers::COUNT_BYTES_HIGH.offset == registers::COUNT_BYTES_LOW.offset + 4);
    assert!(registers::COUNT_REFUSED.offset == registers::COUNT_BYTES_HIGH.offset + 4);
};

/// A number of ones.
fn mask(bits: usize) -> Constant<Bits<COUNT_BITS>> {
    Constant::new(((1u64 << bits) - 1).to_bits())
}

impl RegisterSequencer {
    /// For a build with `tx_queues` transmit queues and a TLB of `tlb_entries`.
    pub fn new(tx_queues: u32, tlb_entries: usize) -> Self {
        Self {
            rom: RegisterRom::new(tx_queues, tlb_entries),
            last_queue: Constant::new((u64::from(tx_queues) - 1).to_bits()),
            queue_bits: map::queue_number_mask(tx_queues),
            ..Default::default()
        }
    }
}

impl Logic for RegisterSequencer {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            state,
            idles,
            resolves,
            acts,
            adds,
            steps,
            finished,
            counts,
            hard,
            sweep,
            filling,
            filled,
            turn,
            queue_turn,
            visit,
            visit_word,
            visit_queue,
            at,
            at_before,
            at_write,
            is_refusal,
            is_access,
            outside,
            in_refusals,
            map_entry,
            word,
            hides,
            hidden,
            written,
            visit_at,
            low_now,
            low_read,
            result,
            count,
            amount,
            count_mask,
            stores,
            write_pulse,
            load_pulse,
            load_at,
            commit_pulse,
            carry,
            high_pass,
            bind_step
        );
        clock!(self, clock, rom, store);
        // Defaults
        self.clearing.next = self.state.q.val() == AccessState::Clear;
        self.clear_waits.next = self.sweep.q.val();
        self.done.next = self.finished.q.val();
        self.finished.d.next = false;
        self.counts.d.next = false;
        self.next_state.next = self.state.q.val();
        self.value.next = self.result.q.val();
        self.write.next = self.write_pulse.q.val();
        self.write_pulse.d.next = false;
        self.refusal_take.next = false;
        self.slot.next = self.at.q.val().get_bits::<4>(0);
        self.slot_queue.next = self.at.q.val().get_bits::<4>(4);
        self.code.next = self.map_entry.q.val().get_bits::<CODE_BITS>(17);
        self.per_queue.next = self.map_entry.q.val().get_bit(34);
        // Memories: the entry is the reset entry while clearing
        self.rom.address.next = (bit_cast::<9, 8>(self.access_word.val().get_bits::<8>(0)) << 1) | 1;
        if self.state.q.val() == AccessState::Clear {
            self.rom.address.next = bit_cast::<9, 8>(self.at.q.val().get_bits::<8>(0)) << 1;
        }
        // What the memories give goes to registers as it is: they are slow. The entry stays as long as the access does.
        self.outside.d.next =
            (self.access_word.val().get_bits::<2>(8) != 0) & (self.state.q.val() != AccessState::Clear);
        self.in_refusals.d.next = self.access_word.val().get_bits::<4>(6) == 4;
        self.map_entry.d.next = self.rom.data.val();
        if self.outside.q.val() {
            self.map_entry.d.next = 0.into();
        }
        // This one is the block RAM's own register: nothing is between them.
        self.word.d.next = self.store.read_data.val();
        self.hidden.d.next = self.hides.q.val();
        self.kept_word.next = self.word.q.val();
        if self.hidden.q.val() {
            self.kept_word.next = 0.into();
        }
        self.hides.d.next = false;
        self.store.read_addr.next = self.at.q.val();
        self.at_before.d.next = self.at.q.val();
        self.at_write.d.next = self.at_before.q.val();
        self.store.write_addr.next = self.at_write.q.val();
        self.store.write_data.next = self.result.q.val();
        self.store.write_enable.next = self.stores.q.val();
        self.stores.d.next = false;
        self.filling.d.next = false;
        self.filled.d.next = self.filling.q.val();
        // Conditions
        self.is_low.next = self.at.q.val() == self.low_word.val();
        if self.at.q.val().get_bit(8) {
            self.is_low.next = self.at.q.val().get_bits::<4>(0) == self.queue_low_word.val();
        }
        self.sum.next = bit_cast::<33, 32>(self.word.q.val()) + bit_cast::<33, COUNT_BITS>(self.amount.q.val());
        self.low_now.d.next = self.is_low.val();
        self.low_read.d.next = self.is_low.val() & self.is_access.q.val();
        self.count.d.next = self.events.val();
        self.count_mask.d.next = self.event_mask.val();
        if self.is_low.val() {
            self.count_mask.d.next = self.byte_mask.val();
        }
        if self.at.q.val().get_bit(8) {
            self.count.d.next = self.queue_events.val();
            self.count_mask.d.next = self.queue_event_mask.val();
            if self.is_low.val() {
                self.count_mask.d.next = self.queue_byte_mask.val();
            }
        }
        self.lack.next = self.count.q.val() - self.word.q.val().get_bits::<COUNT_BITS>(0);
        self.next_queue.next = self.visit_queue.q.val() + 1;
        if self.visit_queue.q.val() == self.last_queue.val() {
            self.next_queue.next = 0.into();
        }
        self.visit_place.next = bit_cast::<4, 2>(self.visit_word.q.val()) | 12;
        if self.visit_word.q.val() == 3 {
            self.visit_place.next = 11.into();
        }
        self.visit_at.d.next = bit_cast::<9, 4>(self.visit.q.val()) | self.counter_area.val();
        if self.queue_turn.q.val() {
            self.visit_at.d.next = (bit_cast::<9, 4>(self.visit_queue.q.val()) << 4)
                | bit_cast::<9, 4>(self.visit_place.val())
                | self.queue_area.val();
        }
        self.behind.next = self.at.q.val() + 1;
        self.strobed.next = 0.into();
        if self.access_strobe.val().get_bit(0) {
            self.strobed.next = self.strobed.val() | self.byte_0.val();
        }
        if self.access_strobe.val().get_bit(1) {
            self.strobed.next = self.strobed.val() | self.byte_1.val();
        }
        if self.access_strobe.val().get_bit(2) {
            self.strobed.next = self.strobed.val() | self.byte_2.val();
        }
        if self.access_strobe.val().get_bit(3) {
            self.strobed.next = self.strobed.val() | self.byte_3.val();
        }
        // Bytes without a strobe keep their value; bits outside the register's fields stay 0.
        self.fields.next = bit_cast::<32, 16>(self.map_entry.q.val().get_bits::<16>(0));
        if self.map_entry.q.val().get_bit(16) {
            self.fields.next = bit_cast::<32, 16>(self.map_entry.q.val().get_bits::<16>(0)) | self.high_half.val();
        }
        self.written.d.next = self.strobed.val() & self.fields.val();
        self.unwritten.next = !self.written.q.val();
        if self.soft_reset_done.val() {
            self.sweep.d.next = true;
        }
        self.load.next = self.load_pulse.q.val();
        self.load_pulse.d.next = false;
        self.load_step.next = self.load_at.q.val();
        self.load_at.d.next = self.bind_step.q.val();
        self.load_word.next = self.word.q.val();
        self.commit.next = self.commit_pulse.q.val();
        self.commit_pulse.d.next = false;
        self.debug.next = 0.into();
        match self.state.q.val() {
            AccessState::Clear => {
                // A pipeline: entry address, entry, and its write.
                self.debug.next = 0.into();
                self.filling.d.next = true;
                self.store.write_data.next = self.map_entry.q.val().get_bits::<32>(0);
                if self.at_write.q.val().get_bit(8) {
                    self.store.write_data.next = 0.into();
                    if self.at_write.q.val().get_bits::<4>(0) == self.weight_word.val() {
                        self.store.write_data.next = 1.into();
                    }
                }
                self.store.write_enable.next = self.filled.q.val()
                    & (self.hard.q.val() | self.at_write.q.val().get_bit(8) | !self.map_entry.q.val().get_bit(32));
                if self.filled.q.val() & (self.at_write.q.val() == self.last_word.val()) {
                    self.next_state.next = AccessState::Idle;
                    self.sweep.d.next = false;
                    self.hard.d.next = false;
                }
            }
            AccessState::Idle => {
                self.debug.next = 1.into();
                self.is_refusal.d.next = false;
                self.is_access.d.next = false;
                self.high_pass.d.next = false;
                self.turn.d.next = !self.turn.q.val();
                if self.sweep.q.val() {
                    self.next_state.next = AccessState::Clear;
                } else if !self.turn.q.val() & self.refusal_valid.val() {
                    self.is_refusal.d.next = true;
                    self.next_state.next = AccessState::CountFetch;
                    self.refusal_take.next = true;
                } else if !self.turn.q.val() & self.access_valid.val() {
                    self.is_access.d.next = true;
                    self.next_state.next = AccessState::LookUp;
                } else {
                    self.counts.d.next = true;
                    self.next_state.next = AccessState::CountFetch;
                }
            }
            AccessState::LookUp => {
                self.debug.next = 2.into();
                self.next_state.next = AccessState::Decode;
            }
            AccessState::Decode => {
                self.debug.next = 3.into();
                self.next_state.next = AccessState::Resolve;
            }
            AccessState::Resolve => {
                self.debug.next = 4.into();
                self.next_state.next = AccessState::Fetch;
                // What is not read back counts as 0.
                self.hides.d.next = !((self.map_entry.q.val().get_bit(32)
                    & (!self.per_queue.val() | self.exists.val()))
                    | self.in_refusals.q.val());
                if self.map_entry.q.val().get_bit(35)
                    & !self.access_write.val()
                    & (!self.per_queue.val() | self.exists.val())
                {
                    self.next_state.next = AccessState::CountFetch;
                }
            }
            AccessState::Fetch => {
                self.debug.next = 5.into();
                self.hides.d.next = self.hides.q.val();
                self.next_state.next = AccessState::Load;
            }
            AccessState::Load => {
                self.debug.next = 6.into();
                self.next_state.next = AccessState::Act;
            }
            AccessState::Act => {
                self.debug.next = 7.into();
                if self.access_write.val() {
                    self.stores.d.next =
                        self.map_entry.q.val().get_bit(33) & (!self.per_queue.val() | self.exists.val());
                    // A register that keeps no value acts when its lowest byte is written.
                    self.write_pulse.d.next = self.map_entry.q.val().get_bit(33) | self.access_strobe.val().get_bit(0);
                    self.next_state.next = AccessState::Write;
                } else {
                    self.next_state.next = AccessState::Respond;
                }
            }
            AccessState::Write => {
                self.debug.next = 8.into();
                self.bind_step.d.next = 0.into();
                self.next_state.next = AccessState::Respond;
                if self.wants_ready.val() {
                    self.next_state.next = AccessState::BindFetch;
                }
            }
            AccessState::BindFetch => {
                self.debug.next = 9.into();
                self.next_state.next = AccessState::BindLoad;
            }
            AccessState::BindLoad => {
                self.debug.next = 10.into();
                self.next_state.next = AccessState::BindTake;
            }
            AccessState::BindTake => {
                self.debug.next = 11.into();
                self.load_pulse.d.next = true;
                self.bind_step.d.next = self.bind_step.q.val() + 1;
                self.next_state.next = AccessState::BindLoad;
                if self.bind_step.q.val() == self.last_step.val() {
                    self.next_state.next = AccessState::BindDecide;
                }
            }
            AccessState::BindDecide => {
                self.debug.next = 12.into();
                self.commit_pulse.d.next = self.legal.val();
                self.next_state.next = AccessState::Respond;
            }
            AccessState::CountFetch => {
                self.debug.next = 13.into();
                self.next_state.next = AccessState::CountLoad;
            }
            AccessState::CountLoad => {
                self.debug.next = 14.into();
                self.next_state.next = AccessState::CountCompare;
            }
            AccessState::CountCompare => {
                self.debug.next = 15.into();
                self.amount.d.next = self.lack.val() & self.count_mask.q.val();
                if self.high_pass.q.val() {
                    self.amount.d.next = bit_cast::<COUNT_BITS, 1>(self.carry.q.val().into());
                } else if self.is_refusal.q.val() {
                    self.amount.d.next = 1.into();
                }
                self.next_state.next = AccessState::CountAdd;
            }
            AccessState::CountAdd => {
                self.debug.next = 16.into();
                self.carry.d.next = self.sum.val().get_bit(32) & self.low_now.q.val();
                self.stores.d.next = true;
                self.next_state.next = AccessState::CountWrite;
            }
            AccessState::CountWrite => {
                self.debug.next = 17.into();
                self.next_state.next = AccessState::Idle;
                if self.high_pass.q.val() {
                    if self.is_access.q.val() {
                        self.next_state.next = AccessState::Latch;
                    }
                } else {
                    self.finished.d.next = self.is_access.q.val();
                    // The high word follows when the low word passed 2^32, and when software latches it.
                    if self.carry.q.val() | self.low_read.q.val() {
                        self.high_pass.d.next = true;
                        self.next_state.next = AccessState::CountFetch;
                    }
                }
            }
            AccessState::Latch => {
                self.debug.next = 18.into();
                self.next_state.next = AccessState::LatchWait;
            }
            AccessState::LatchWait => {
                self.debug.next = 19.into();
                self.stores.d.next = true;
                self.next_state.next = AccessState::LatchWrite;
            }
            AccessState::LatchWrite => {
                self.debug.next = 20.into();
                self.next_state.next = AccessState::Idle;
            }
            _ => {
                // Respond
                self.debug.next = 21.into();
                self.finished.d.next = true;
                self.next_state.next = AccessState::Idle;
            }
        }
        // The next counter, on the clock after one began: the one after it is not asked for that soon.
        if self.counts.q.val() {
            self.queue_turn.d.next = !self.queue_turn.q.val();
            if self.queue_turn.q.val() {
                self.visit_word.d.next = self.visit_word.q.val() + 1;
                if self.visit_word.q.val() == 3 {
                    self.visit_queue.d.next = self.next_queue.val() & self.queue_bits.val();
                }
            } else {
                self.visit.d.next = self.visit.q.val() + 1;
                // The high word of the bytes is no counter of its own.
                if self.visit.q.val() == self.low_slot.val() {
                    self.visit.d.next = self.behind_high.val();
                }
                if self.visit.q.val() == self.last_slot.val() {
                    self.visit.d.next = 0.into();
                }
            }
        }
        // Where the store is read. `at` goes on in `CountWrite` too when nothing follows: then it does not matter.
        self.next_at.next = self.behind.val();
        if self.high_pass.q.val() {
            self.next_at.next = self.latched_high.val();
            if self.at.q.val().get_bit(8) {
                self.next_at.next = self.queue_latched_high.val();
            }
        }
        if self.resolves.q.val() {
            self.next_at.next = bit_cast::<9, 8>(self.map_entry.q.val().get_bits::<8>(24));
            if self.in_refusals.q.val() {
                self.next_at.next = bit_cast::<9, 6>(self.access_word.val().get_bits::<6>(0)) | self.refusal_area.val();
            }
            if self.per_queue.val() {
                self.next_at.next = (bit_cast::<9, 4>(self.selected.val()) << 4)
                    | bit_cast::<9, 4>(self.map_entry.q.val().get_bits::<4>(24))
                    | self.queue_area.val();
            }
        }
        if self.idles.q.val() {
            self.next_at.next = self.visit_at.q.val();
            if !self.turn.q.val() & self.refusal_valid.val() {
                self.next_at.next = bit_cast::<9, 6>(self.refusal_code.val()) | self.refusal_area.val();
            }
            if self.sweep.q.val() {
                self.next_at.next = 0.into();
            }
        }
        if self.idles.q.val() | self.resolves.q.val() | self.steps.q.val() {
            self.at.d.next = self.next_at.val();
        }
        self.next_result.next = self.kept_word.val() | self.live.val();
        if self.access_write.val() {
            self.next_result.next =
                (self.kept_word.val() & self.unwritten.val()) | (self.access_data.val() & self.written.q.val());
        }
        if self.adds.q.val() {
            self.next_result.next = self.sum.val().get_bits::<32>(0);
        }
        if self.acts.q.val() | self.adds.q.val() {
            self.result.d.next = self.next_result.val();
        }
        // Nothing follows the counter's word.
        self.counted.next = !self.carry.q.val() & !self.low_read.q.val();
        if self.high_pass.q.val() {
            self.counted.next = !self.is_access.q.val();
        }
        // Some states once more, from what leads to them
        self.idles.d.next = (self.state.q.val() == AccessState::Respond)
            | (self.state.q.val() == AccessState::LatchWrite)
            | ((self.state.q.val() == AccessState::CountWrite) & self.counted.val())
            | ((self.state.q.val() == AccessState::Clear)
                & self.filled.q.val()
                & (self.at_write.q.val() == self.last_word.val()));
        self.resolves.d.next = self.state.q.val() == AccessState::Decode;
        self.acts.d.next = self.state.q.val() == AccessState::Load;
        self.adds.d.next = self.state.q.val() == AccessState::CountCompare;
        self.steps.d.next = (self.idles.q.val() & self.sweep.q.val())
            | (self.state.q.val() == AccessState::Clear)
            | (self.state.q.val() == AccessState::BindFetch)
            | (self.state.q.val() == AccessState::BindTake)
            | (self.state.q.val() == AccessState::CountAdd);
        if self.reset.val() {
            self.next_state.next = AccessState::Clear;
            self.idles.d.next = false;
            self.steps.d.next = true;
            self.finished.d.next = false;
            self.counts.d.next = false;
            self.high_pass.d.next = false;
            self.hard.d.next = true;
            self.sweep.d.next = false;
            self.filling.d.next = false;
            self.filled.d.next = false;
            self.at.d.next = 0.into();
            self.turn.d.next = false;
            self.visit.d.next = 0.into();
            self.stores.d.next = false;
            self.write_pulse.d.next = false;
            self.load_pulse.d.next = false;
            self.commit_pulse.d.next = false;
        }
        self.state.d.next = self.next_state.val();
    }
}
