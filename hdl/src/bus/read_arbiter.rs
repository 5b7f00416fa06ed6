//! One AXI4 read channel for four clients: ring, walker, payload, and the completion's look at what a driver wants.
//!
//! A client is granted one request at a time; the walker goes first, for everything else waits for its answers, then the
//! ring, then the completion, then the payload. Answers carry the client's number as AXI ID and are taken at once, for a client only asks for
//! what it has room for; so no client waits for another one's data.

use super::ports::*;
use rust_hdl::prelude::*;
use segwalk_model::limits::PHYS_ADDR_BITS;

/// AXI ID of the ring's reads.
pub const RING_ID: u64 = 0;
/// AXI ID of the walker's reads.
pub const WALKER_ID: u64 = 1;
/// AXI ID of the payload's reads.
pub const PAYLOAD_ID: u64 = 2;
/// AXI ID of the completion's reads.
pub const EVENT_ID: u64 = 3;

logic_block! {
    /// Joins four read clients to one AXI4 read channel; see the module.
    pub struct ReadArbiter {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        /// Grant nothing from the clock after the next on.
        pub hold: Signal<In, Bit>,
        /// Nothing is granted, offered or awaited.
        pub idle: Signal<Out, Bit>,
        /// Queue fetcher.
        pub ring: MemReadServer,
        /// Page-table walker.
        pub walker: MemReadServer,
        /// Payload reader.
        pub payload: MemReadServer,
        /// Completion.
        pub event: MemReadServer,
        /// AXI4 ARID.
        pub arid: Signal<Out, Bits<4>>,
        /// AXI4 ARADDR.
        pub araddr: Signal<Out, Bits<PHYS_ADDR_BITS>>,
        /// AXI4 ARLEN.
        pub arlen: Signal<Out, Bits<8>>,
        /// AXI4 ARVALID.
        pub arvalid: Signal<Out, Bit>,
        /// AXI4 ARREADY.
        pub arready: Signal<In, Bit>,
        /// AXI4 RID.
        pub rid: Signal<In, Bits<4>>,
        /// AXI4 RDATA.
        pub rdata: Signal<In, Bits<64>>,
        /// AXI4 RRESP.
        pub rresp: Signal<In, Bits<2>>,
        /// AXI4 RLAST.
        pub rlast: Signal<In, Bit>,
        /// AXI4 RVALID.
        pub rvalid: Signal<In, Bit>,
        /// AXI4 RREADY: always.
        pub rready: Signal<Out, Bit>,
        //
        grant: DFF<Bits<4>>,
        // any of them
        granting: DFF<Bit>,
        may: DFF<Bit>,
        chosen: Signal<Local, Bits<4>>,
        ar_valid: DFF<Bit>,
        ar_id: DFF<Bits<2>>,
        ar_addr: DFF<Bits<PHYS_ADDR_BITS>>,
        ar_len: DFF<Bits<8>>,
        ready: DFF<Bit>,
        beat_valid: DFF<Bits<4>>,
        beat_data: DFF<Bits<64>>,
        beat_last: DFF<Bit>,
        beat_error: DFF<Bit>,
        // bursts granted whose last beat has not come
        outstanding: DFF<Bits<8>>,
        quiet: DFF<Bit>,
        finished: DFF<Bit>,
        free: Signal<Local, Bit>,
        for_ring: Signal<Local, Bit>,
        for_walker: Signal<Local, Bit>,
        for_payload: Signal<Local, Bit>,
        for_event: Signal<Local, Bit>,
        ring_id: Constant<Bits<2>> = Constant::new(RING_ID.to_bits()),
        walker_id: Constant<Bits<2>> = Constant::new(WALKER_ID.to_bits()),
        payload_id: Constant<Bits<2>> = Constant::new(PAYLOAD_ID.to_bits()),
        event_id: Constant<Bits<2>> = Constant::new(EVENT_ID.to_bits()),
    }
}

impl Logic for ReadArbiter {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            grant,
            granting,
            may,
            finished,
            ar_valid,
            ar_id,
            ar_addr,
            ar_len,
            ready,
            beat_valid,
            beat_data,
            beat_last,
            beat_error,
            outstanding,
            quiet
        );
        self.ring.req_ready.next = self.grant.q.val().get_bit(0);
        self.walker.req_ready.next = self.grant.q.val().get_bit(1);
        self.payload.req_ready.next = self.grant.q.val().get_bit(2);
        self.event.req_ready.next = self.grant.q.val().get_bit(3);
        self.arvalid.next = self.ar_valid.q.val();
        self.arid.next = bit_cast::<4, 2>(self.ar_id.q.val());
        self.araddr.next = self.ar_addr.q.val();
        self.arlen.next = self.ar_len.q.val();
        self.free.next = !self.ar_valid.q.val() | self.arready.val();

        // Requests. A grant is answered on the next clock, for valid never falls without a transfer.
        self.chosen.next = 0.into();
        if self.free.val() {
            self.ar_valid.d.next = false;
        }
        // A clock late: the count has room for more than this, and a reset waits longer for quiet.
        self.may.d.next = !self.hold.val() & !self.outstanding.q.val().get_bit(7);
        if self.granting.q.val() {
            self.ar_valid.d.next = true;
            self.ar_id.d.next = self.payload_id.val();
            self.ar_addr.d.next = self.payload.phys_addr.val();
            self.ar_len.d.next = self.payload.beats_minus_1.val();
            if self.grant.q.val().get_bit(0) {
                self.ar_id.d.next = self.ring_id.val();
                self.ar_addr.d.next = self.ring.phys_addr.val();
                self.ar_len.d.next = self.ring.beats_minus_1.val();
            }
            if self.grant.q.val().get_bit(1) {
                self.ar_id.d.next = self.walker_id.val();
                self.ar_addr.d.next = self.walker.phys_addr.val();
                self.ar_len.d.next = self.walker.beats_minus_1.val();
            }
            if self.grant.q.val().get_bit(3) {
                self.ar_id.d.next = self.event_id.val();
                self.ar_addr.d.next = self.event.phys_addr.val();
                self.ar_len.d.next = self.event.beats_minus_1.val();
            }
        } else if self.free.val() & self.may.q.val() {
            if self.walker.req_valid.val() {
                self.chosen.next = 2.into();
            } else if self.ring.req_valid.val() {
                self.chosen.next = 1.into();
            } else if self.event.req_valid.val() {
                self.chosen.next = 8.into();
            } else if self.payload.req_valid.val() {
                self.chosen.next = 4.into();
            }
        }
        self.grant.d.next = self.chosen.val();
        self.granting.d.next = self.chosen.val().any();

        // Answers
        self.ready.d.next = true;
        self.rready.next = self.ready.q.val();
        self.for_ring.next = self.rid.val() == bit_cast::<4, 2>(self.ring_id.val());
        self.for_walker.next = self.rid.val() == bit_cast::<4, 2>(self.walker_id.val());
        self.for_payload.next = self.rid.val() == bit_cast::<4, 2>(self.payload_id.val());
        self.for_event.next = self.rid.val() == bit_cast::<4, 2>(self.event_id.val());
        self.beat_valid.d.next = 0.into();
        self.beat_data.d.next = self.rdata.val();
        self.beat_last.d.next = self.rlast.val();
        self.beat_error.d.next = self.rresp.val().get_bit(1);
        self.finished.d.next = false;
        if self.rvalid.val() & self.ready.q.val() {
            self.finished.d.next = self.rlast.val();
            if self.for_ring.val() {
                self.beat_valid.d.next = 1.into();
            }
            if self.for_walker.val() {
                self.beat_valid.d.next = 2.into();
            }
            if self.for_payload.val() {
                self.beat_valid.d.next = 4.into();
            }
            if self.for_event.val() {
                self.beat_valid.d.next = 8.into();
            }
        }
        self.ring.data_valid.next = self.beat_valid.q.val().get_bit(0);
        self.ring.data.next = self.beat_data.q.val();
        self.ring.data_last.next = self.beat_last.q.val();
        self.ring.data_error.next = self.beat_error.q.val();
        self.walker.data_valid.next = self.beat_valid.q.val().get_bit(1);
        self.walker.data.next = self.beat_data.q.val();
        self.walker.data_last.next = self.beat_last.q.val();
        self.walker.data_error.next = self.beat_error.q.val();
        self.payload.data_valid.next = self.beat_valid.q.val().get_bit(2);
        self.payload.data.next = self.beat_data.q.val();
        self.payload.data_last.next = self.beat_last.q.val();
        self.payload.data_error.next = self.beat_error.q.val();
        self.event.data_valid.next = self.beat_valid.q.val().get_bit(3);
        self.event.data.next = self.beat_data.q.val();
        self.event.data_last.next = self.beat_last.q.val();
        self.event.data_error.next = self.beat_error.q.val();
        if self.granting.q.val() & !self.finished.q.val() {
            self.outstanding.d.next = self.outstanding.q.val() + 1;
        }
        if !self.granting.q.val() & self.finished.q.val() {
            self.outstanding.d.next = self.outstanding.q.val() - 1;
        }
        // The last beat still passes to its client on the clock after it came.
        self.quiet.d.next = !self.granting.q.val()
            & !self.ar_valid.q.val()
            & (self.outstanding.q.val() == 0)
            & !self.beat_valid.q.val().any();
        self.idle.next = self.quiet.q.val();
        if self.reset.val() {
            self.grant.d.next = 0.into();
            self.granting.d.next = false;
            self.may.d.next = false;
            self.finished.d.next = false;
            self.ar_valid.d.next = false;
            self.ready.d.next = false;
            self.beat_valid.d.next = 0.into();
            self.outstanding.d.next = 0.into();
            self.quiet.d.next = false;
        }
    }
}
