//! One translate port: requests wait here until they are answered, and answers until they are taken.
//!
//! Requests go into the lookup pipeline in order and ahead of the answers. When one misses, what went after it is
//! dropped from the pipeline and offered again once the walk is over, so answers keep the order without marks on them.

use super::types::{PortAnswer, PortRequest};
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
    /// It; while the walker is wanted, the request that missed.
    pub request: Signal<Out, PortRequest>,
    /// The pipeline takes it.
    pub granted: Signal<In, Bit>,
    /// The oldest request is answered.
    pub answer_valid: Signal<In, Bit>,
    /// The answer.
    pub answer: Signal<In, PortAnswer>,
    /// The oldest request missed.
    pub missed: Signal<In, Bit>,
    /// The walker is wanted.
    pub walk_wanted: Signal<Out, Bit>,
    /// The walker takes the request.
    pub walk_taken: Signal<In, Bit>,
    /// The answer is the walker's.
    pub walk_answered: Signal<In, Bit>,
    /// The walk is over and its fills are visible.
    pub walk_over: Signal<In, Bit>,
    /// Look up again what still waits for a walk: contexts have changed.
    pub retry: Signal<In, Bit>,
    //
    requests: LutRam<PortRequest, 4>,
    answers: LutRam<PortAnswer, 4>,
    // places in both memories: next to accept, to issue, to answer, to hand over
    in_at: DFF<Bits<4>>,
    issue_at: DFF<Bits<4>>,
    answer_at: DFF<Bits<4>>,
    out_at: DFF<Bits<4>>,
    room: DFF<Bit>,
    work: DFF<Bit>,
    blocked: DFF<Bit>,
    wanted: DFF<Bit>,
    out_valid: DFF<Bit>,
    out: DFF<PortAnswer>,
    accept: Signal<Local, Bit>,
    incoming: Signal<Local, PortRequest>,
    in_plus_1: Signal<Local, Bits<4>>,
    in_plus_2: Signal<Local, Bits<4>>,
    issue_plus_1: Signal<Local, Bits<4>>,
    stored: Signal<Local, Bit>,
    out_free: Signal<Local, Bit>,
}

impl Logic for PortQueue {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, in_at, issue_at, answer_at, out_at, room, work, blocked, wanted, out_valid, out);
        clock!(self, clock, requests, answers);
        // Outputs
        self.client.req_ready.next = self.room.q.val();
        self.client.rsp_valid.next = self.out_valid.q.val();
        self.client.phys_page.next = self.out.q.val().phys_page;
        self.client.cause.next = self.out.q.val().cause;
        self.offered.next = self.work.q.val();
        self.request.next = self.requests.read_data.val();
        self.walk_wanted.next = self.wanted.q.val();
        // Requests
        self.accept.next = self.client.req_valid.val() & self.room.q.val();
        self.incoming.next.context = self.client.context.val();
        self.incoming.next.virt_page = self.client.virt_page.val();
        self.incoming.next.write = self.client.write.val();
        self.requests.write_addr.next = self.in_at.q.val();
        self.requests.write_data.next = self.incoming.val();
        self.requests.write_enable.next = self.accept.val();
        self.requests.read_addr.next = self.issue_at.q.val();
        self.in_plus_1.next = self.in_at.q.val() + 1;
        self.in_plus_2.next = self.in_at.q.val() + 2;
        // Two free places now leave one when this clock takes a request.
        self.room.d.next =
            (self.in_plus_1.val() != self.out_at.q.val()) & (self.in_plus_2.val() != self.out_at.q.val());
        if self.accept.val() {
            self.in_at.d.next = self.in_plus_1.val();
        }
        // After a grant without a new request the port pauses a clock: the compare is not in the pipeline's path.
        self.work.d.next = self.accept.val() | ((self.issue_at.q.val() != self.in_at.q.val()) & !self.granted.val());
        self.issue_plus_1.next = self.issue_at.q.val() + 1;
        if self.granted.val() | self.walk_answered.val() {
            self.issue_at.d.next = self.issue_plus_1.val();
        }
        if self.walk_taken.val() {
            self.wanted.d.next = false;
        }
        if self.walk_over.val() | (self.retry.val() & self.wanted.q.val()) {
            self.blocked.d.next = false;
            self.wanted.d.next = false;
        }
        if self.missed.val() {
            self.issue_at.d.next = self.answer_at.q.val();
            self.blocked.d.next = true;
            self.wanted.d.next = true;
        }
        if self.missed.val() | self.blocked.q.val() {
            self.work.d.next = false;
        }
        // Answers
        self.answers.write_addr.next = self.answer_at.q.val();
        self.answers.write_data.next = self.answer.val();
        self.answers.write_enable.next = self.answer_valid.val();
        self.answers.read_addr.next = self.out_at.q.val();
        self.stored.next = self.out_at.q.val() != self.answer_at.q.val();
        self.out_free.next = !self.out_valid.q.val() | self.client.rsp_ready.val();
        if self.answer_valid.val() {
            self.answer_at.d.next = self.answer_at.q.val() + 1;
        }
        if self.out_free.val() {
            self.out_valid.d.next = self.stored.val() | self.answer_valid.val();
            if self.stored.val() {
                self.out.d.next = self.answers.read_data.val();
            } else {
                self.out.d.next = self.answer.val();
            }
            if self.stored.val() | self.answer_valid.val() {
                self.out_at.d.next = self.out_at.q.val() + 1;
            }
        }
        if self.reset.val() {
            self.in_at.d.next = 0.into();
            self.issue_at.d.next = 0.into();
            self.answer_at.d.next = 0.into();
            self.out_at.d.next = 0.into();
            self.room.d.next = false;
            self.work.d.next = false;
            self.blocked.d.next = false;
            self.wanted.d.next = false;
            self.out_valid.d.next = false;
        }
    }
}
