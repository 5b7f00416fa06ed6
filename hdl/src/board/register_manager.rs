//! From the bridge to the engine's registers: one AXI4-Lite transfer at a time.

use crate::bus::ports::AxiLiteManager;
use rust_hdl::prelude::*;

/// Turns an access into a transfer. Address and data of a write go out together; each channel keeps its valid until it is
/// taken.
#[derive(LogicBlock, Default)]
pub struct RegisterManager {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset.
    pub reset: Signal<In, Bit>,
    /// An access is wanted until it is done.
    pub access_valid: Signal<In, Bit>,
    /// It is a write.
    pub access_write: Signal<In, Bit>,
    /// Byte address.
    pub access_addr: Signal<In, Bits<12>>,
    /// Value to write.
    pub access_data: Signal<In, Bits<32>>,
    /// Done; a pulse.
    pub done: Signal<Out, Bit>,
    /// With it: the value read.
    pub read_data: Signal<Out, Bits<32>>,
    /// The bus.
    pub axil: AxiLiteManager,
    //
    under_way: DFF<Bit>,
    aw: DFF<Bit>,
    w: DFF<Bit>,
    ar: DFF<Bit>,
    finished: DFF<Bit>,
    value: DFF<Bits<32>>,
    begin_now: Signal<Local, Bit>,
}

impl Logic for RegisterManager {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, under_way, aw, w, ar, finished, value);
        self.done.next = self.finished.q.val();
        self.read_data.next = self.value.q.val();
        self.axil.awaddr.next = self.access_addr.val();
        self.axil.awvalid.next = self.aw.q.val();
        self.axil.wdata.next = self.access_data.val();
        self.axil.wstrb.next = 0xF.into();
        self.axil.wvalid.next = self.w.q.val();
        self.axil.bready.next = self.under_way.q.val();
        self.axil.araddr.next = self.access_addr.val();
        self.axil.arvalid.next = self.ar.q.val();
        self.axil.rready.next = self.under_way.q.val();
        self.finished.d.next = false;
        self.begin_now.next = self.access_valid.val() & !self.under_way.q.val() & !self.finished.q.val();
        if self.axil.awready.val() {
            self.aw.d.next = false;
        }
        if self.axil.wready.val() {
            self.w.d.next = false;
        }
        if self.axil.arready.val() {
            self.ar.d.next = false;
        }
        if self.begin_now.val() {
            self.under_way.d.next = true;
            self.aw.d.next = self.access_write.val();
            self.w.d.next = self.access_write.val();
            self.ar.d.next = !self.access_write.val();
        }
        if self.under_way.q.val() & (self.axil.bvalid.val() | self.axil.rvalid.val()) {
            self.under_way.d.next = false;
            self.finished.d.next = true;
            self.value.d.next = self.axil.rdata.val();
        }
        if self.reset.val() {
            self.under_way.d.next = false;
            self.aw.d.next = false;
            self.w.d.next = false;
            self.ar.d.next = false;
            self.finished.d.next = false;
        }
    }
}
