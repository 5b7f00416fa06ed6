//! The AXI4-Lite side of the register block: takes one write and one read, hands them on one after the other.

use crate::bus::ports::AxiLiteSubordinate;
use rust_hdl::prelude::*;

/// Turns the five channels into single accesses. Write address and write data may come in any order; a response waits
/// for its `ready`; reads and writes take turns when both are waiting. Every response is OKAY.
#[derive(LogicBlock, Default)]
pub struct AxiLitePort {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset: drops what was taken.
    pub reset: Signal<In, Bit>,
    /// The bus.
    pub axil: AxiLiteSubordinate,
    /// An access is offered until `done`.
    pub access_valid: Signal<Out, Bit>,
    /// The access is a write.
    pub access_write: Signal<Out, Bit>,
    /// Bits 11:2 of the address.
    pub access_word: Signal<Out, Bits<10>>,
    /// Write data.
    pub access_data: Signal<Out, Bits<32>>,
    /// Write strobes.
    pub access_strobe: Signal<Out, Bits<4>>,
    /// The access is complete; a pulse.
    pub done: Signal<In, Bit>,
    /// With `done`: the value read.
    pub read_data: Signal<In, Bits<32>>,
    //
    address_taken: DFF<Bit>,
    data_taken: DFF<Bit>,
    read_taken: DFF<Bit>,
    write_word: DFF<Bits<10>>,
    write_data: DFF<Bits<32>>,
    write_strobe: DFF<Bits<4>>,
    read_word: DFF<Bits<10>>,
    under_way: DFF<Bit>,
    is_write: DFF<Bit>,
    write_last: DFF<Bit>,
    written: DFF<Bit>,
    answered: DFF<Bit>,
    answer: DFF<Bits<32>>,
    write_waits: Signal<Local, Bit>,
    read_waits: Signal<Local, Bit>,
}

impl Logic for AxiLitePort {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            address_taken,
            data_taken,
            read_taken,
            write_word,
            write_data,
            write_strobe,
            read_word,
            under_way,
            is_write,
            write_last,
            written,
            answered,
            answer
        );
        self.axil.awready.next = !self.address_taken.q.val();
        self.axil.wready.next = !self.data_taken.q.val();
        self.axil.arready.next = !self.read_taken.q.val();
        self.axil.bvalid.next = self.written.q.val();
        self.axil.bresp.next = 0.into();
        self.axil.rvalid.next = self.answered.q.val();
        self.axil.rdata.next = self.answer.q.val();
        self.axil.rresp.next = 0.into();
        self.access_valid.next = self.under_way.q.val();
        self.access_write.next = self.is_write.q.val();
        self.access_word.next = self.read_word.q.val();
        if self.is_write.q.val() {
            self.access_word.next = self.write_word.q.val();
        }
        self.access_data.next = self.write_data.q.val();
        self.access_strobe.next = self.write_strobe.q.val();
        if self.axil.awvalid.val() & !self.address_taken.q.val() {
            self.address_taken.d.next = true;
            self.write_word.d.next = self.axil.awaddr.val().get_bits::<10>(2);
        }
        if self.axil.wvalid.val() & !self.data_taken.q.val() {
            self.data_taken.d.next = true;
            self.write_data.d.next = self.axil.wdata.val();
            self.write_strobe.d.next = self.axil.wstrb.val();
        }
        if self.axil.arvalid.val() & !self.read_taken.q.val() {
            self.read_taken.d.next = true;
            self.read_word.d.next = self.axil.araddr.val().get_bits::<10>(2);
        }
        if self.axil.bready.val() {
            self.written.d.next = false;
        }
        if self.axil.rready.val() {
            self.answered.d.next = false;
        }
        // What is read is there with `done`; until then its register may follow.
        if !self.answered.q.val() {
            self.answer.d.next = self.read_data.val();
        }
        // An access begins only when the place for its response is free.
        self.write_waits.next = self.address_taken.q.val() & self.data_taken.q.val() & !self.written.q.val();
        self.read_waits.next = self.read_taken.q.val() & !self.answered.q.val();
        if !self.under_way.q.val() {
            self.under_way.d.next = self.write_waits.val() | self.read_waits.val();
            self.is_write.d.next = self.write_waits.val() & !(self.read_waits.val() & self.write_last.q.val());
        }
        if self.under_way.q.val() & self.done.val() {
            self.under_way.d.next = false;
            self.write_last.d.next = self.is_write.q.val();
            if self.is_write.q.val() {
                self.address_taken.d.next = false;
                self.data_taken.d.next = false;
                self.written.d.next = true;
            } else {
                self.read_taken.d.next = false;
                self.answered.d.next = true;
            }
        }
        if self.reset.val() {
            self.address_taken.d.next = false;
            self.data_taken.d.next = false;
            self.read_taken.d.next = false;
            self.under_way.d.next = false;
            self.written.d.next = false;
            self.answered.d.next = false;
        }
    }
}
