//! Cuts translated chunks into bursts and asks for them, as far as there is room for the answers. A chain whose queue
//! parked meanwhile breaks here: what is left of it is skipped.

use super::records::{BeatPlan, PhysChunk};
use crate::bus::fifo::Fifo;
use crate::bus::ports::CHAIN_DROPPED;
use rust_hdl::prelude::*;
use segwalk_model::limits::PHYS_PAGE_BITS;

/// State of the [`BurstCutter`].
#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
pub enum CutState {
    /// Waits for a chunk.
    Idle,
    /// Works out the chunk's beats.
    Measure,
    /// Tells the realigner of the chunk and works out its first burst.
    Plan,
    /// Works out the next burst.
    Cut,
    /// Waits for room, then asks for the burst.
    Ask,
}

/// Names of the states, by number.
pub const CUT_STATES: &[&str] = &["idle", "measure", "plan", "cut", "ask"];

/// Longest burst in beats. Bursts end at multiples of it, so memory sees whole lines, and 8 of them fill the queue of
/// the answers, which covers a latency of more than 400 clocks.
pub const BURST_BEATS: u64 = 64;
/// Beats that the queue of the answers holds.
pub const ROOM_BEATS: u64 = 512;

logic_block! {
    /// Cuts translated chunks into bursts; see the module.
    pub struct BurstCutter {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        /// A chunk from the resolver.
        pub in_valid: Signal<In, Bit>,
        /// It is taken.
        pub in_ready: Signal<Out, Bit>,
        /// The chunk.
        pub chunk: Signal<In, PhysChunk>,
        /// Bit a transmit queue: chains of epoch 0 are dropped.
        pub drops_even: Signal<In, Bits<16>>,
        /// Bit a transmit queue: chains of epoch 1 are dropped.
        pub drops_odd: Signal<In, Bits<16>>,
        /// A burst is asked for.
        pub req_valid: Signal<Out, Bit>,
        /// The bus takes it.
        pub req_ready: Signal<In, Bit>,
        /// First byte, a multiple of 8.
        pub req_phys_addr: Signal<Out, Bits<40>>,
        /// Beats, less one.
        pub req_beats_minus_1: Signal<Out, Bits<8>>,
        /// A beat left the queue of the answers.
        pub freed: Signal<In, Bit>,
        /// What the realigner must do with the next beats.
        pub plan_valid: Signal<Out, Bit>,
        /// It is taken.
        pub plan_ready: Signal<In, Bit>,
        /// The plan.
        pub plan: Signal<Out, BeatPlan>,
        /// State number.
        pub debug: Signal<Out, Bits<3>>,
        //
        plans: Fifo<BeatPlan, 5>,
        state: DFF<CutState>,
        phys_page: DFF<Bits<PHYS_PAGE_BITS>>,
        first_lane: DFF<Bits<3>>,
        bytes: DFF<Bits<13>>,
        last: DFF<Bit>,
        refusal: DFF<Bits<6>>,
        marker: DFF<Bit>,
        // the chunk is of no use any more; nor is the rest of its chain
        useless: DFF<Bit>,
        skipping: DFF<Bit>,
        // in beats of the page
        at: DFF<Bits<9>>,
        left: DFF<Bits<10>>,
        end_bytes: DFF<Bits<3>>,
        burst: DFF<Bits<7>>,
        room: DFF<Bits<10>>,
        // beats asked for on the last clock
        spent: DFF<Bits<7>>,
        has_room: DFF<Bit>,
        entry: Signal<Local, BeatPlan>,
        offset: Signal<Local, Bits<12>>,
        queue: Signal<Local, Bits<4>>,
        drops: Signal<Local, Bits<16>>,
        dropped: Constant<Bits<6>> = Constant::new(CHAIN_DROPPED.to_bits()),
        span: Signal<Local, Bits<13>>,
        rounded: Signal<Local, Bits<13>>,
        to_border: Signal<Local, Bits<7>>,
        next_burst: Signal<Local, Bits<7>>,
        beats_minus_1: Signal<Local, Bits<10>>,
        head_room: Signal<Local, Bits<4>>,
        burst_minus_1: Signal<Local, Bits<7>>,
        next_room: Signal<Local, Bits<10>>,
        spent_now: Signal<Local, Bits<10>>,
        burst_beats: Constant<Bits<7>> = Constant::new(BURST_BEATS.to_bits()),
        room_beats: Constant<Bits<10>> = Constant::new(ROOM_BEATS.to_bits()),
    }
}

impl Logic for BurstCutter {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, state, phys_page, first_lane, bytes, last, refusal, marker, useless, skipping, at, left,
            end_bytes, burst, room, spent, has_room
        );
        clock!(self, clock, plans);
        self.plans.reset.next = self.reset.val();
        self.plans.in_valid.next = false;
        self.plan_valid.next = self.plans.out_valid.val();
        self.plans.out_ready.next = self.plan_ready.val();
        self.plan.next = self.plans.out_data.val();
        self.in_ready.next = false;
        self.req_valid.next = false;
        self.req_phys_addr.next =
            (bit_cast::<40, 28>(self.phys_page.q.val()) << 12) | (bit_cast::<40, 9>(self.at.q.val()) << 3);
        self.burst_minus_1.next = self.burst.q.val() - 1;
        self.req_beats_minus_1.next = bit_cast::<8, 7>(self.burst_minus_1.val());
        self.debug.next = 0.into();
        // Room for answers: what was asked for goes off, what left comes back.
        self.spent.d.next = 0.into();
        self.spent_now.next = self.room.q.val() - bit_cast::<10, 7>(self.spent.q.val());
        self.next_room.next = self.spent_now.val();
        if self.freed.val() {
            self.next_room.next = self.spent_now.val() + 1;
        }
        self.room.d.next = self.next_room.val();
        // Without what left on this clock: careful by one beat, and a carry chain shorter.
        self.has_room.d.next = self.spent_now.val().get_bits::<4>(6).any();
        // Beats of the chunk: lane + bytes, rounded up
        self.span.next = self.bytes.q.val() + bit_cast::<13, 3>(self.first_lane.q.val());
        self.rounded.next = self.span.val() + 7;
        self.to_border.next = self.burst_beats.val() - bit_cast::<7, 6>(self.at.q.val().get_bits::<6>(0));
        self.next_burst.next = self.to_border.val();
        if self.left.q.val() < bit_cast::<10, 7>(self.to_border.val()) {
            self.next_burst.next = self.left.q.val().get_bits::<7>(0);
        }
        self.beats_minus_1.next = self.left.q.val() - 1;
        self.head_room.next = bits::<4>(8) - bit_cast::<4, 3>(self.first_lane.q.val());
        self.entry.next.first_lane = self.first_lane.q.val();
        self.entry.next.first_bytes = self.head_room.val();
        if self.bytes.q.val() < bit_cast::<13, 4>(self.head_room.val()) {
            self.entry.next.first_bytes = self.bytes.q.val().get_bits::<4>(0);
        }
        self.entry.next.last_bytes = bit_cast::<4, 3>(self.end_bytes.q.val());
        if self.end_bytes.q.val() == 0 {
            self.entry.next.last_bytes = 8.into();
        }
        self.entry.next.beats_minus_1 = self.beats_minus_1.val().get_bits::<9>(0);
        self.entry.next.single = self.left.q.val() == 1;
        self.entry.next.last = self.last.q.val();
        self.entry.next.refusal = self.refusal.q.val();
        self.entry.next.breaks = self.refusal.q.val().any();
        self.entry.next.marker = self.marker.q.val();
        self.plans.in_data.next = self.entry.val();

        self.offset.next = self.chunk.val().offset;
        self.queue.next = self.chunk.val().queue;
        self.drops.next = self.drops_even.val();
        if self.chunk.val().epoch {
            self.drops.next = self.drops_odd.val();
        }
        match self.state.q.val() {
            CutState::Idle => {
                self.in_ready.next = true;
                self.phys_page.d.next = self.chunk.val().phys_page;
                self.at.d.next = self.offset.val().get_bits::<9>(3);
                self.first_lane.d.next = self.offset.val().get_bits::<3>(0);
                self.bytes.d.next = self.chunk.val().bytes;
                self.last.d.next = self.chunk.val().last;
                self.refusal.d.next = self.chunk.val().refusal;
                self.marker.d.next = self.chunk.val().marker;
                self.useless.d.next = self.drops.val().get_bit(self.queue.val().index());
                if self.in_valid.val() {
                    self.state.d.next = CutState::Measure;
                }
            }
            CutState::Measure => {
                self.debug.next = 1.into();
                self.left.d.next = self.rounded.val().get_bits::<10>(3);
                self.end_bytes.d.next = self.span.val().get_bits::<3>(0);
                self.state.d.next = CutState::Plan;
                if !self.marker.q.val() & (self.skipping.q.val() | self.useless.q.val()) {
                    // The stream breaks with the last chunk, when nothing of the chain is left in front of this.
                    self.skipping.d.next = !self.last.q.val();
                    self.refusal.d.next = self.dropped.val();
                    if !self.last.q.val() {
                        self.state.d.next = CutState::Idle;
                    }
                }
            }
            CutState::Plan => {
                self.debug.next = 2.into();
                self.plans.in_valid.next = true;
                self.burst.d.next = self.next_burst.val();
                if self.plans.in_ready.val() {
                    self.state.d.next = CutState::Ask;
                    if self.refusal.q.val().any() | self.marker.q.val() {
                        self.state.d.next = CutState::Idle;
                    }
                }
            }
            CutState::Cut => {
                self.debug.next = 3.into();
                self.burst.d.next = self.next_burst.val();
                self.state.d.next = CutState::Ask;
            }
            CutState::Ask => {
                self.debug.next = 4.into();
                self.req_valid.next = self.has_room.q.val();
                if self.has_room.q.val() & self.req_ready.val() {
                    self.spent.d.next = self.burst.q.val();
                    self.at.d.next = self.at.q.val() + bit_cast::<9, 7>(self.burst.q.val());
                    self.left.d.next = self.left.q.val() - bit_cast::<10, 7>(self.burst.q.val());
                    self.state.d.next = CutState::Cut;
                    if self.left.q.val() == bit_cast::<10, 7>(self.burst.q.val()) {
                        self.state.d.next = CutState::Idle;
                    }
                }
            }
        }
        if self.reset.val() {
            self.state.d.next = CutState::Idle;
            self.room.d.next = self.room_beats.val();
            self.spent.d.next = 0.into();
            self.has_room.d.next = false;
            self.skipping.d.next = false;
        }
    }
}
