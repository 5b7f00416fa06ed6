//! Events that wait to be added to their counters, so that one adder serves all of them.

use super::queue_counters::AMOUNT_BITS;
use rust_hdl::prelude::*;
use segwalk_model::registers::{self, Register};

logic_block! {
    /// Collects events for each counter slot. The slot of a counter is the low four bits of its register's word address.
    ///
    /// The register block takes every slot at least once in 1,000 clocks: 9 slots and as many counters of queues, of 5 or 9
    /// clocks, and before each one access of at most 24 clocks or one refusal. 8 bytes a clock then fit 13 bits, two events a
    /// clock 11 and one event 10.
    pub struct EventCounters {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset: forgets all events.
        pub reset: Signal<In, Bit>,
        /// A chain was completed.
        pub chain_done: Signal<In, Bit>,
        /// A frame was emitted.
        pub sent_frame: Signal<In, Bit>,
        /// Bytes emitted on the last clock, 0 to 8.
        pub sent_bytes: Signal<In, Bits<4>>,
        /// A chain was refused with a packet error.
        pub refused: Signal<In, Bit>,
        /// Translation faults, a bit a port.
        pub mmu_fault: Signal<In, Bits<2>>,
        /// TLB hits, a bit a port.
        pub tlb_hit: Signal<In, Bits<2>>,
        /// TLB misses, a bit a port.
        pub tlb_miss: Signal<In, Bits<2>>,
        /// A page-table walk.
        pub walk: Signal<In, Bit>,
        /// The slot that `amount` is about.
        pub slot: Signal<In, Bits<4>>,
        /// Events that wait in `slot`.
        pub amount: Signal<Out, Bits<AMOUNT_BITS>>,
        /// `amount` is taken: the slot begins again with this clock's events.
        pub take: Signal<In, Bit>,
        //
        chains: DFF<Bits<10>>,
        frames: DFF<Bits<10>>,
        bytes: DFF<Bits<13>>,
        refusals: DFF<Bits<10>>,
        faults: DFF<Bits<11>>,
        hits: DFF<Bits<11>>,
        misses: DFF<Bits<11>>,
        walks: DFF<Bits<10>>,
        chains_slot: Constant<Bits<4>> = slot(&registers::COUNT_CHAINS),
        frames_slot: Constant<Bits<4>> = slot(&registers::COUNT_FRAMES),
        bytes_slot: Constant<Bits<4>> = slot(&registers::COUNT_BYTES_LOW),
        refusals_slot: Constant<Bits<4>> = slot(&registers::COUNT_REFUSED),
        faults_slot: Constant<Bits<4>> = slot(&registers::COUNT_FAULTS),
        hits_slot: Constant<Bits<4>> = slot(&registers::COUNT_TLB_HITS),
        misses_slot: Constant<Bits<4>> = slot(&registers::COUNT_TLB_MISSES),
        walks_slot: Constant<Bits<4>> = slot(&registers::COUNT_WALKS),
        // What each slot begins with: its value, or 0 when it is taken.
        kept_chains: Signal<Local, Bits<10>>,
        kept_frames: Signal<Local, Bits<10>>,
        kept_bytes: Signal<Local, Bits<13>>,
        kept_refusals: Signal<Local, Bits<10>>,
        kept_faults: Signal<Local, Bits<11>>,
        kept_hits: Signal<Local, Bits<11>>,
        kept_misses: Signal<Local, Bits<11>>,
        kept_walks: Signal<Local, Bits<10>>,
        two_faults: Signal<Local, Bits<11>>,
        two_hits: Signal<Local, Bits<11>>,
        two_misses: Signal<Local, Bits<11>>,
    }
}

/// The slot of a counter.
pub fn slot(register: &Register) -> Constant<Bits<4>> {
    Constant::new(u64::from(register.offset / 4 % 16).to_bits())
}

impl Logic for EventCounters {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, chains, frames, bytes, refusals, faults, hits, misses, walks);
        self.amount.next = 0.into();
        self.kept_chains.next = self.chains.q.val();
        self.kept_frames.next = self.frames.q.val();
        self.kept_bytes.next = self.bytes.q.val();
        self.kept_refusals.next = self.refusals.q.val();
        self.kept_faults.next = self.faults.q.val();
        self.kept_hits.next = self.hits.q.val();
        self.kept_misses.next = self.misses.q.val();
        self.kept_walks.next = self.walks.q.val();
        if self.slot.val() == self.chains_slot.val() {
            self.amount.next = bit_cast::<AMOUNT_BITS, 10>(self.chains.q.val());
            if self.take.val() {
                self.kept_chains.next = 0.into();
            }
        }
        if self.slot.val() == self.frames_slot.val() {
            self.amount.next = bit_cast::<AMOUNT_BITS, 10>(self.frames.q.val());
            if self.take.val() {
                self.kept_frames.next = 0.into();
            }
        }
        if self.slot.val() == self.bytes_slot.val() {
            self.amount.next = bit_cast::<AMOUNT_BITS, 13>(self.bytes.q.val());
            if self.take.val() {
                self.kept_bytes.next = 0.into();
            }
        }
        if self.slot.val() == self.refusals_slot.val() {
            self.amount.next = bit_cast::<AMOUNT_BITS, 10>(self.refusals.q.val());
            if self.take.val() {
                self.kept_refusals.next = 0.into();
            }
        }
        if self.slot.val() == self.faults_slot.val() {
            self.amount.next = bit_cast::<AMOUNT_BITS, 11>(self.faults.q.val());
            if self.take.val() {
                self.kept_faults.next = 0.into();
            }
        }
        if self.slot.val() == self.hits_slot.val() {
            self.amount.next = bit_cast::<AMOUNT_BITS, 11>(self.hits.q.val());
            if self.take.val() {
                self.kept_hits.next = 0.into();
            }
        }
        if self.slot.val() == self.misses_slot.val() {
            self.amount.next = bit_cast::<AMOUNT_BITS, 11>(self.misses.q.val());
            if self.take.val() {
                self.kept_misses.next = 0.into();
            }
        }
        if self.slot.val() == self.walks_slot.val() {
            self.amount.next = bit_cast::<AMOUNT_BITS, 10>(self.walks.q.val());
            if self.take.val() {
                self.kept_walks.next = 0.into();
            }
        }
        self.chains.d.next = self.kept_chains.val() + self.chain_done.val();
        self.frames.d.next = self.kept_frames.val() + self.sent_frame.val();
        self.bytes.d.next = self.kept_bytes.val() + bit_cast::<13, 4>(self.sent_bytes.val());
        self.refusals.d.next = self.kept_refusals.val() + self.refused.val();
        self.walks.d.next = self.kept_walks.val() + self.walk.val();
        self.two_faults.next = self.kept_faults.val() + self.mmu_fault.val().get_bit(0);
        self.faults.d.next = self.two_faults.val() + self.mmu_fault.val().get_bit(1);
        self.two_hits.next = self.kept_hits.val() + self.tlb_hit.val().get_bit(0);
        self.hits.d.next = self.two_hits.val() + self.tlb_hit.val().get_bit(1);
        self.two_misses.next = self.kept_misses.val() + self.tlb_miss.val().get_bit(0);
        self.misses.d.next = self.two_misses.val() + self.tlb_miss.val().get_bit(1);
        if self.reset.val() {
            self.chains.d.next = 0.into();
            self.frames.d.next = 0.into();
            self.bytes.d.next = 0.into();
            self.refusals.d.next = 0.into();
            self.faults.d.next = 0.into();
            self.hits.d.next = 0.into();
            self.misses.d.next = 0.into();
            self.walks.d.next = 0.into();
        }
    }
}
