//! The AXI4 write channels: single-beat writes of the used rings, several under way.

use super::ports::*;
use rust_hdl::prelude::*;
use segwalk_model::limits::PHYS_ADDR_BITS;

logic_block! {
    /// Joins one write client to the AXI4 write channels; see the module. All writes have ID 0, one beat of 8 bytes.
    pub struct WriteUnit {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        /// Take nothing from now on.
        pub hold: Signal<In, Bit>,
        /// Nothing is offered or awaited.
        pub idle: Signal<Out, Bit>,
        /// Completion.
        pub client: MemWriteServer,
        /// AXI4 AWADDR.
        pub awaddr: Signal<Out, Bits<PHYS_ADDR_BITS>>,
        /// AXI4 AWVALID.
        pub awvalid: Signal<Out, Bit>,
        /// AXI4 AWREADY.
        pub awready: Signal<In, Bit>,
        /// AXI4 WDATA.
        pub wdata: Signal<Out, Bits<64>>,
        /// AXI4 WSTRB.
        pub wstrb: Signal<Out, Bits<8>>,
        /// AXI4 WVALID.
        pub wvalid: Signal<Out, Bit>,
        /// AXI4 WREADY.
        pub wready: Signal<In, Bit>,
        /// AXI4 BRESP.
        pub bresp: Signal<In, Bits<2>>,
        /// AXI4 BVALID.
        pub bvalid: Signal<In, Bit>,
        /// AXI4 BREADY: always.
        pub bready: Signal<Out, Bit>,
        //
        ready: DFF<Bit>,
        aw_valid: DFF<Bit>,
        w_valid: DFF<Bit>,
        addr: DFF<Bits<PHYS_ADDR_BITS>>,
        data: DFF<Bits<64>>,
        strobe: DFF<Bits<8>>,
        b_ready: DFF<Bit>,
        done: DFF<Bit>,
        error: DFF<Bit>,
        outstanding: DFF<Bits<6>>,
        quiet: DFF<Bit>,
        taken: Signal<Local, Bit>,
        answered: Signal<Local, Bit>,
    }
}

impl Logic for WriteUnit {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            ready,
            aw_valid,
            w_valid,
            addr,
            data,
            strobe,
            b_ready,
            done,
            error,
            outstanding,
            quiet
        );
        self.client.req_ready.next = self.ready.q.val();
        self.awvalid.next = self.aw_valid.q.val();
        self.awaddr.next = self.addr.q.val();
        self.wvalid.next = self.w_valid.q.val();
        self.wdata.next = self.data.q.val();
        self.wstrb.next = self.strobe.q.val();
        self.bready.next = self.b_ready.q.val();
        self.client.done_valid.next = self.done.q.val();
        self.client.done_error.next = self.error.q.val();
        self.b_ready.d.next = true;
        if self.awready.val() {
            self.aw_valid.d.next = false;
        }
        if self.wready.val() {
            self.w_valid.d.next = false;
        }
        self.taken.next = self.client.req_valid.val() & self.ready.q.val();
        self.ready.d.next = !self.taken.val()
            & !self.hold.val()
            & (!self.aw_valid.q.val() | self.awready.val())
            & (!self.w_valid.q.val() | self.wready.val())
            & !self.outstanding.q.val().get_bit(5);
        if self.taken.val() {
            self.aw_valid.d.next = true;
            self.w_valid.d.next = true;
            self.addr.d.next = self.client.phys_addr.val();
            self.data.d.next = self.client.data.val();
            self.strobe.d.next = self.client.strobe.val();
        }
        self.answered.next = self.bvalid.val() & self.b_ready.q.val();
        self.done.d.next = self.answered.val();
        self.error.d.next = self.bresp.val().get_bit(1);
        if self.taken.val() & !self.answered.val() {
            self.outstanding.d.next = self.outstanding.q.val() + 1;
        }
        if !self.taken.val() & self.answered.val() {
            self.outstanding.d.next = self.outstanding.q.val() - 1;
        }
        self.quiet.d.next =
            !self.ready.q.val() & !self.taken.val() & (self.outstanding.q.val() == 0) & !self.done.q.val();
        self.idle.next = self.quiet.q.val();
        if self.reset.val() {
            self.ready.d.next = false;
            self.aw_valid.d.next = false;
            self.w_valid.d.next = false;
            self.b_ready.d.next = false;
            self.done.d.next = false;
            self.outstanding.d.next = 0.into();
            self.quiet.d.next = false;
        }
    }
}
