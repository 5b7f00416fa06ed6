//! Refusals that wait to be counted.

use crate::bus::fifo::Fifo;
use rust_hdl::prelude::*;

/// A queue for each source, so that refusals of one clock and bursts of up to 17 are all kept. The block takes one in at
/// most 30 clocks when software reads all the time, in 10 otherwise. Chains that are refused unread come faster, so the
/// completion waits while there is no room.
#[derive(LogicBlock, Default)]
pub struct RefusalQueue {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset: forgets all refusals.
    pub reset: Signal<In, Bit>,
    /// The fetcher met a ring error.
    pub fetch_valid: Signal<In, Bit>,
    /// Its refusal code.
    pub fetch_code: Signal<In, Bits<6>>,
    /// The completion met a ring error.
    pub done_valid: Signal<In, Bit>,
    /// Its refusal code.
    pub done_code: Signal<In, Bits<6>>,
    /// A packet was refused.
    pub packet_valid: Signal<In, Bit>,
    /// Its refusal code.
    pub packet_code: Signal<In, Bits<6>>,
    /// There is room for a refused packet; what was announced less than 4 clocks ago may not be counted in.
    pub packet_room: Signal<Out, Bit>,
    /// A refusal waits.
    pub valid: Signal<Out, Bit>,
    /// Its code.
    pub code: Signal<Out, Bits<6>>,
    /// It is taken.
    pub take: Signal<In, Bit>,
    //
    fetch: Fifo<Bits<6>, 4>,
    completion: Fifo<Bits<6>, 4>,
    packet: Fifo<Bits<6>, 4>,
    room: DFF<Bit>,
    waits: DFF<Bit>,
    next_code: DFF<Bits<6>>,
}

impl Logic for RefusalQueue {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, room, waits, next_code);
        clock!(self, clock, fetch, completion, packet);
        self.packet_room.next = self.room.q.val();
        self.room.d.next = self.packet.in_ready.val();
        self.fetch.reset.next = self.reset.val();
        self.completion.reset.next = self.reset.val();
        self.packet.reset.next = self.reset.val();
        self.fetch.in_valid.next = self.fetch_valid.val();
        self.fetch.in_data.next = self.fetch_code.val();
        self.fetch.out_ready.next = false;
        self.completion.in_valid.next = self.done_valid.val();
        self.completion.in_data.next = self.done_code.val();
        self.completion.out_ready.next = false;
        self.packet.in_valid.next = self.packet_valid.val();
        self.packet.in_data.next = self.packet_code.val();
        self.packet.out_ready.next = false;
        self.valid.next = self.waits.q.val();
        self.code.next = self.next_code.q.val();
        // One of them waits in a register of its own.
        if self.take.val() {
            self.waits.d.next = false;
        }
        if !self.waits.q.val() {
            self.waits.d.next =
                self.fetch.out_valid.val() | self.completion.out_valid.val() | self.packet.out_valid.val();
            self.next_code.d.next = self.packet.out_data.val();
            if self.fetch.out_valid.val() {
                self.next_code.d.next = self.fetch.out_data.val();
                self.fetch.out_ready.next = true;
            } else if self.completion.out_valid.val() {
                self.next_code.d.next = self.completion.out_data.val();
                self.completion.out_ready.next = true;
            } else {
                self.packet.out_ready.next = true;
            }
        }
        if self.reset.val() {
            self.waits.d.next = false;
        }
    }
}
