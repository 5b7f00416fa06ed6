//! Counts of the engine's events, which the sequencer carries over to the value store.

use super::queue_counters::COUNT_BITS;
use rust_hdl::prelude::*;
use segwalk_model::registers::{self, Register};

/// Bits of a count of events of which there are two a clock at most.
pub const EVENT_BITS: usize = 11;
/// Bits of the count of bytes.
pub const BYTE_BITS: usize = 13;

logic_block! {
    /// A count for each counter slot, which is never taken back: its low bits are those of the counter in the value store as
    /// soon as that is up to date. The slot of a counter is the low four bits of its register's word address.
    ///
    /// The register block looks at every slot at least once in 1,000 clocks: 8 slots and as many counters of queues, of 6 or
    /// 11 clocks, and before each one access of at most 26 clocks or one refusal. 8 bytes a clock then fit 13 bits, and two
    /// events a clock 11.
    pub struct EventCounters {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset: takes the counts back to 0.
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
        /// The slot that `count` is about.
        pub slot: Signal<In, Bits<4>>,
        /// Count of `slot`, one clock after it.
        pub count: Signal<Out, Bits<COUNT_BITS>>,
        //
        // The last clock's events
        chain_now: DFF<Bit>,
        frame_now: DFF<Bit>,
        bytes_now: DFF<Bits<4>>,
        refused_now: DFF<Bit>,
        faults_now: DFF<Bits<2>>,
        hits_now: DFF<Bits<2>>,
        misses_now: DFF<Bits<2>>,
        walk_now: DFF<Bit>,
        chains: DFF<Bits<EVENT_BITS>>,
        frames: DFF<Bits<EVENT_BITS>>,
        bytes: DFF<Bits<BYTE_BITS>>,
        refusals: DFF<Bits<EVENT_BITS>>,
        faults: DFF<Bits<EVENT_BITS>>,
        hits: DFF<Bits<EVENT_BITS>>,
        misses: DFF<Bits<EVENT_BITS>>,
        walks: DFF<Bits<EVENT_BITS>>,
        shown: DFF<Bits<BYTE_BITS>>,
        chains_slot: Constant<Bits<4>> = slot(&registers::COUNT_CHAINS),
        frames_slot: Constant<Bits<4>> = slot(&registers::COUNT_FRAMES),
        bytes_slot: Constant<Bits<4>> = slot(&registers::COUNT_BYTES_LOW),
        refusals_slot: Constant<Bits<4>> = slot(&registers::COUNT_REFUSED),
        faults_slot: Constant<Bits<4>> = slot(&registers::COUNT_FAULTS),
        hits_slot: Constant<Bits<4>> = slot(&registers::COUNT_TLB_HITS),
        misses_slot: Constant<Bits<4>> = slot(&registers::COUNT_TLB_MISSES),
        walks_slot: Constant<Bits<4>> = slot(&registers::COUNT_WALKS),
    }
}

/// The slot of a counter.
pub fn slot(register: &Register) -> Constant<Bits<4>> {
    Constant::new(u64::from(register.offset / 4 % 16).to_bits())
}

impl Logic for EventCounters {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            chain_now,
            frame_now,
            bytes_now,
            refused_now,
            faults_now,
            hits_now,
            misses_now,
            walk_now,
            chains,
            frames,
            bytes,
            refusals,
            faults,
            hits,
            misses,
            walks,
            shown
        );
        // Events have a register before they are added: they come from all over the chip.
        self.chain_now.d.next = self.chain_done.val();
        self.frame_now.d.next = self.sent_frame.val();
        self.bytes_now.d.next = self.sent_bytes.val();
        self.refused_now.d.next = self.refused.val();
        self.walk_now.d.next = self.walk.val();
        self.faults_now.d.next = bit_cast::<2, 1>(self.mmu_fault.val().get_bits::<1>(0))
            + bit_cast::<2, 1>(self.mmu_fault.val().get_bits::<1>(1));
        self.hits_now.d.next = bit_cast::<2, 1>(self.tlb_hit.val().get_bits::<1>(0))
            + bit_cast::<2, 1>(self.tlb_hit.val().get_bits::<1>(1));
        self.misses_now.d.next = bit_cast::<2, 1>(self.tlb_miss.val().get_bits::<1>(0))
            + bit_cast::<2, 1>(self.tlb_miss.val().get_bits::<1>(1));
        self.chains.d.next = self.chains.q.val() + self.chain_now.q.val();
        self.frames.d.next = self.frames.q.val() + self.frame_now.q.val();
        self.bytes.d.next = self.bytes.q.val() + bit_cast::<BYTE_BITS, 4>(self.bytes_now.q.val());
        self.refusals.d.next = self.refusals.q.val() + self.refused_now.q.val();
        self.walks.d.next = self.walks.q.val() + self.walk_now.q.val();
        self.faults.d.next = self.faults.q.val() + bit_cast::<EVENT_BITS, 2>(self.faults_now.q.val());
        self.hits.d.next = self.hits.q.val() + bit_cast::<EVENT_BITS, 2>(self.hits_now.q.val());
        self.misses.d.next = self.misses.q.val() + bit_cast::<EVENT_BITS, 2>(self.misses_now.q.val());
        self.count.next = bit_cast::<COUNT_BITS, BYTE_BITS>(self.shown.q.val());
        self.shown.d.next = 0.into();
        if self.slot.val() == self.chains_slot.val() {
            self.shown.d.next = bit_cast::<BYTE_BITS, EVENT_BITS>(self.chains.q.val());
        }
        if self.slot.val() == self.frames_slot.val() {
            self.shown.d.next = bit_cast::<BYTE_BITS, EVENT_BITS>(self.frames.q.val());
        }
        if self.slot.val() == self.bytes_slot.val() {
            self.shown.d.next = self.bytes.q.val();
        }
        if self.slot.val() == self.refusals_slot.val() {
            self.shown.d.next = bit_cast::<BYTE_BITS, EVENT_BITS>(self.refusals.q.val());
        }
        if self.slot.val() == self.faults_slot.val() {
            self.shown.d.next = bit_cast::<BYTE_BITS, EVENT_BITS>(self.faults.q.val());
        }
        if self.slot.val() == self.hits_slot.val() {
            self.shown.d.next = bit_cast::<BYTE_BITS, EVENT_BITS>(self.hits.q.val());
        }
        if self.slot.val() == self.misses_slot.val() {
            self.shown.d.next = bit_cast::<BYTE_BITS, EVENT_BITS>(self.misses.q.val());
        }
        if self.slot.val() == self.walks_slot.val() {
            self.shown.d.next = bit_cast::<BYTE_BITS, EVENT_BITS>(self.walks.q.val());
        }
        if self.reset.val() {
            self.chain_now.d.next = false;
            self.frame_now.d.next = false;
            self.bytes_now.d.next = 0.into();
            self.refused_now.d.next = false;
            self.faults_now.d.next = 0.into();
            self.hits_now.d.next = 0.into();
            self.misses_now.d.next = 0.into();
            self.walk_now.d.next = false;
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
