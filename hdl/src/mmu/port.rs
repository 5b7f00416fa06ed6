//! One translate port: requests wait here until they are answered, and answers until their turn comes.
//!
//! A request has a ticket: its place in both memories, and a bit that changes with every turn through the places. It
//! goes into the lookup pipeline in order; when it misses and no walk takes it, it stands in line again behind what has
//! never been looked up. Answers are stored at their place in any order and handed over in the order of the requests.

use super::types::{PortAnswer, PortRequest, StoredAnswer, LARGE_SET_BITS, SET_BITS, TICKET_BITS};
use crate::bus::ports::TranslateServer;
use crate::bus::ram::LutRam;
use rust_hdl::prelude::*;

/// The port.
#[derive(LogicBlock, Default)]
pub struct PortQueue {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset.
    pub reset: Signal<In, Bit>,
    /// The client.
    pub client: TranslateServer,
    /// A request is offered to the pipeline.
    pub offered: Signal<Out, Bit>,
    /// It.
    pub request: Signal<Out, PortRequest>,
    /// Its ticket.
    pub ticket: Signal<Out, Bits<TICKET_BITS>>,
    /// It has been looked up before.
    pub again: Signal<Out, Bit>,
    /// The pipeline takes it.
    pub granted: Signal<In, Bit>,
    /// A request of this port is answered.
    pub answered: Signal<In, Bit>,
    /// The answer.
    pub answer: Signal<In, PortAnswer>,
    /// A request of this port has missed, and no walk takes it.
    pub bounced: Signal<In, Bit>,
    /// Ticket of the answer, or of what bounced.
    pub result_ticket: Signal<In, Bits<TICKET_BITS>>,
    /// Everything that is not handed over is looked up again. The pipeline is empty, and this lasts 16 clocks or more.
    pub rewind: Signal<In, Bit>,
    /// Counts through the places while `rewind`.
    pub rewind_at: Signal<In, Bits<4>>,
    /// An answer with a cause is handed over; a pulse.
    pub faulted: Signal<Out, Bit>,
    //
    requests: LutRam<PortRequest, 4>,
    answers: LutRam<StoredAnswer, 4>,
    line: LutRam<Bits<TICKET_BITS>, 4>,
    // tickets: next to accept, to issue, to issue for the first time, to hand over
    in_at: DFF<Bits<TICKET_BITS>>,
    issue_at: DFF<Bits<TICKET_BITS>>,
    fresh_at: DFF<Bits<TICKET_BITS>>,
    out_at: DFF<Bits<TICKET_BITS>>,
    // places in the line
    line_in: DFF<Bits<4>>,
    line_out: DFF<Bits<4>>,
    room: DFF<Bit>,
    chosen: DFF<Bit>,
    chosen_ticket: DFF<Bits<TICKET_BITS>>,
    chosen_again: DFF<Bit>,
    out_valid: DFF<Bit>,
    out: DFF<PortAnswer>,
    accept: Signal<Local, Bit>,
    incoming: Signal<Local, PortRequest>,
    hash: Signal<Local, Bits<SET_BITS>>,
    in_place: Signal<Local, Bits<4>>,
    out_place: Signal<Local, Bits<4>>,
    in_plus_1: Signal<Local, Bits<4>>,
    in_plus_2: Signal<Local, Bits<4>>,
    waiting: Signal<Local, Bit>,
    from_line: Signal<Local, Bit>,
    kept: Signal<Local, StoredAnswer>,
    new_answer: Signal<Local, StoredAnswer>,
    is_stored: Signal<Local, Bit>,
    is_here: Signal<Local, Bit>,
    oldest: Signal<Local, PortAnswer>,
    out_free: Signal<Local, Bit>,
}

impl Logic for PortQueue {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            in_at,
            issue_at,
            fresh_at,
            out_at,
            line_in,
            line_out,
            room,
            chosen,
            chosen_ticket,
            chosen_again,
            out_valid,
            out
        );
        clock!(self, clock, requests, answers, line);
        // Outputs
        self.client.req_ready.next = self.room.q.val();
        self.client.rsp_valid.next = self.out_valid.q.val();
        self.client.phys_page.next = self.out.q.val().phys_page;
        self.client.cause.next = self.out.q.val().cause;
        self.offered.next = self.chosen.q.val();
        self.request.next = self.requests.read_data.val();
        self.ticket.next = self.chosen_ticket.q.val();
        self.again.next = self.chosen_again.q.val();
        // Requests
        self.in_place.next = self.in_at.q.val().get_bits::<4>(0);
        self.out_place.next = self.out_at.q.val().get_bits::<4>(0);
        self.accept.next = self.client.req_valid.val() & self.room.q.val();
        self.incoming.next.context = self.client.context.val();
        self.incoming.next.virt_page = self.client.virt_page.val();
        self.incoming.next.write = self.client.write.val();
        self.hash.next = bit_cast::<SET_BITS, 4>(self.client.context.val()) << 3;
        self.incoming.next.set = self.client.virt_page.val().get_bits::<SET_BITS>(0) ^ self.hash.val();
        self.incoming.next.large_set =
            self.client.virt_page.val().get_bits::<LARGE_SET_BITS>(9) ^ self.client.context.val();
        self.requests.write_addr.next = self.in_place.val();
        self.requests.write_data.next = self.incoming.val();
        self.requests.write_enable.next = self.accept.val();
        self.requests.read_addr.next = self.chosen_ticket.q.val().get_bits::<4>(0);
        self.in_plus_1.next = self.in_place.val() + 1;
        self.in_plus_2.next = self.in_place.val() + 2;
        // Two free places now leave one when this clock takes a request.
        self.room.d.next =
            (self.in_plus_1.val() != self.out_place.val()) & (self.in_plus_2.val() != self.out_place.val());
        if self.accept.val() {
            self.in_at.d.next = self.in_at.q.val() + 1;
        }
        // The next to look up: new ones first, for the line moves only when walks end. Only one that comes on this clock
        // does not go before the line: it comes from far away.
        self.waiting.next = self.issue_at.q.val() != self.in_at.q.val();
        self.from_line.next = !self.waiting.val() & (self.line_in.q.val() != self.line_out.q.val());
        self.line.read_addr.next = self.line_out.q.val();
        if self.granted.val() {
            self.chosen.d.next = false;
            if !self.chosen_again.q.val() {
                self.fresh_at.d.next = self.fresh_at.q.val() + 1;
            }
        }
        if !self.chosen.q.val() {
            self.chosen_ticket.d.next = self.issue_at.q.val();
            self.chosen_again.d.next = self.issue_at.q.val() != self.fresh_at.q.val();
            if self.from_line.val() {
                self.chosen.d.next = true;
                self.chosen_ticket.d.next = self.line.read_data.val();
                self.chosen_again.d.next = true;
                self.line_out.d.next = self.line_out.q.val() + 1;
            } else if self.waiting.val() | self.accept.val() {
                self.chosen.d.next = true;
                self.issue_at.d.next = self.issue_at.q.val() + 1;
            }
        }
        self.line.write_addr.next = self.line_in.q.val();
        self.line.write_data.next = self.result_ticket.val();
        self.line.write_enable.next = self.bounced.val();
        if self.bounced.val() {
            self.line_in.d.next = self.line_in.q.val() + 1;
        }
        // Answers
        self.new_answer.next.phys_page = self.answer.val().phys_page;
        self.new_answer.next.cause = self.answer.val().cause;
        self.new_answer.next.turn = !self.result_ticket.val().get_bit(4);
        self.answers.write_addr.next = self.result_ticket.val().get_bits::<4>(0);
        self.answers.write_enable.next = self.answered.val();
        if self.rewind.val() {
            self.answers.write_addr.next = self.rewind_at.val();
            self.answers.write_enable.next = true;
            self.new_answer.next.turn = self.out_at.q.val().get_bit(4) ^ (self.rewind_at.val() < self.out_place.val());
        }
        self.answers.write_data.next = self.new_answer.val();
        self.answers.read_addr.next = self.out_at.q.val().get_bits::<4>(0);
        self.kept.next = self.answers.read_data.val();
        self.is_stored.next = self.kept.val().turn ^ self.out_at.q.val().get_bit(4);
        self.is_here.next = self.answered.val() & (self.result_ticket.val().get_bits::<4>(0) == self.out_place.val());
        self.out_free.next = !self.out_valid.q.val() | self.client.rsp_ready.val();
        self.oldest.next = self.answer.val();
        if self.is_stored.val() {
            self.oldest.next.phys_page = self.kept.val().phys_page;
            self.oldest.next.cause = self.kept.val().cause;
        }
        if self.out_free.val() {
            self.out_valid.d.next = (self.is_stored.val() | self.is_here.val()) & !self.rewind.val();
            self.out.d.next = self.oldest.val();
            if (self.is_stored.val() | self.is_here.val()) & !self.rewind.val() {
                self.out_at.d.next = self.out_at.q.val() + 1;
            }
        }
        self.faulted.next = self.out_valid.q.val() & self.client.rsp_ready.val() & (self.out.q.val().cause != 0);
        if self.rewind.val() {
            self.issue_at.d.next = self.out_at.q.val();
            self.chosen.d.next = false;
            self.line_in.d.next = 0.into();
            self.line_out.d.next = 0.into();
        }
        if self.reset.val() {
            self.in_at.d.next = 0.into();
            self.issue_at.d.next = 0.into();
            self.fresh_at.d.next = 0.into();
            self.out_at.d.next = 0.into();
            self.line_in.d.next = 0.into();
            self.line_out.d.next = 0.into();
            self.room.d.next = false;
            self.chosen.d.next = false;
            self.out_valid.d.next = false;
        }
    }
}
