//! Reads a line of ring memory: translates its page, then bursts it.

use crate::bus::ports::{MemReadClient, TranslateClient};
use rust_hdl::prelude::*;
use segwalk_model::limits::{PHYS_ADDR_BITS, PHYS_PAGE_BITS};
use segwalk_model::refusal::Refusal;

#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
enum LineState {
    Idle,
    Add,
    Translate,
    Answer,
    Request,
    Data,
}

logic_block! {
    /// Reads the aligned 64-byte line, or the aligned 8-byte word, that holds a place of a ring. Neither crosses a page. Each
    /// read translates anew, so that no translation outlives its invalidation.
    pub struct LineReader {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        // Fetcher
        /// Read now; only when the former read has finished.
        pub start: Signal<In, Bit>,
        /// Virtual address of the ring area.
        pub base: Signal<In, Bits<64>>,
        /// Distance of the place from `base`'s 64-byte line.
        pub place: Signal<In, Bits<20>>,
        /// Address space of the rings.
        pub ring_context: Signal<In, Bits<4>>,
        /// Only the 8-byte word.
        pub short: Signal<In, Bit>,
        /// A word is here.
        pub word_valid: Signal<Out, Bit>,
        /// Which word of the line.
        pub word_index: Signal<Out, Bits<3>>,
        /// The word.
        pub word: Signal<Out, Bits<64>>,
        /// The read has finished; a pulse.
        pub finished: Signal<Out, Bit>,
        /// With `finished`: 0, RingFault or RingBusError.
        pub code: Signal<Out, Bits<6>>,
        // MMU and memory
        /// Translation of the line's page.
        pub translate: TranslateClient,
        /// The line.
        pub mem: MemReadClient,
        //
        state: DFF<LineState>,
        virt_line: DFF<Bits<58>>,
        base_line: DFF<Bits<58>>,
        short_read: DFF<Bit>,
        req_valid: DFF<Bit>,
        rsp_ready: DFF<Bit>,
        phys_page: DFF<Bits<PHYS_PAGE_BITS>>,
        mem_valid: DFF<Bit>,
        index: DFF<Bits<3>>,
        failed: DFF<Bit>,
        over: DFF<Bit>,
        result: DFF<Bits<6>>,
        offset: Signal<Local, Bits<12>>,
        ring_fault: Constant<Bits<6>> = Constant::new((Refusal::RingFault.code() as u64).to_bits()),
        ring_bus_error: Constant<Bits<6>> = Constant::new((Refusal::RingBusError.code() as u64).to_bits()),
    }
}

impl Logic for LineReader {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, state, virt_line, base_line, short_read, req_valid, rsp_ready, phys_page, mem_valid, index,
            failed, over, result
        );
        self.translate.req_valid.next = self.req_valid.q.val();
        self.translate.context.next = self.ring_context.val();
        self.translate.virt_page.next = self.virt_line.q.val().get_bits::<52>(6);
        self.translate.write.next = false;
        self.translate.rsp_ready.next = self.rsp_ready.q.val();
        self.mem.req_valid.next = self.mem_valid.q.val();
        self.offset.next = bit_cast::<12, 6>(self.virt_line.q.val().get_bits::<6>(0)) << 6;
        if self.short_read.q.val() {
            self.offset.next = (bit_cast::<12, 6>(self.virt_line.q.val().get_bits::<6>(0)) << 6)
                | (bit_cast::<12, 3>(self.index.q.val()) << 3);
        }
        self.mem.phys_addr.next = (bit_cast::<PHYS_ADDR_BITS, PHYS_PAGE_BITS>(self.phys_page.q.val()) << 12)
            | bit_cast::<PHYS_ADDR_BITS, 12>(self.offset.val());
        self.mem.beats_minus_1.next = 7.into();
        if self.short_read.q.val() {
            self.mem.beats_minus_1.next = 0.into();
        }
        self.word_valid.next = self.mem.data_valid.val();
        self.word_index.next = self.index.q.val();
        self.word.next = self.mem.data.val();
        self.finished.next = self.over.q.val();
        self.code.next = self.result.q.val();
        self.over.d.next = false;
        match self.state.q.val() {
            LineState::Idle => {
                self.base_line.d.next = self.base.val().get_bits::<58>(6);
                self.short_read.d.next = self.short.val();
                self.index.d.next = 0.into();
                if self.short.val() {
                    self.index.d.next = self.place.val().get_bits::<3>(3);
                }
                self.failed.d.next = false;
                self.result.d.next = 0.into();
                if self.start.val() {
                    self.state.d.next = LineState::Add;
                }
            }
            LineState::Add => {
                self.virt_line.d.next = self.base_line.q.val() + bit_cast::<58, 14>(self.place.val().get_bits::<14>(6));
                self.req_valid.d.next = true;
                self.state.d.next = LineState::Translate;
            }
            LineState::Translate => {
                if self.translate.req_ready.val() {
                    self.req_valid.d.next = false;
                    self.rsp_ready.d.next = true;
                    self.state.d.next = LineState::Answer;
                }
            }
            LineState::Answer => {
                if self.translate.rsp_valid.val() {
                    self.rsp_ready.d.next = false;
                    self.phys_page.d.next = self.translate.phys_page.val();
                    if self.translate.cause.val() == 0 {
                        self.mem_valid.d.next = true;
                        self.state.d.next = LineState::Request;
                    } else {
                        self.result.d.next = self.ring_fault.val();
                        self.over.d.next = true;
                        self.state.d.next = LineState::Idle;
                    }
                }
            }
            LineState::Request => {
                if self.mem.req_ready.val() {
                    self.mem_valid.d.next = false;
                    self.state.d.next = LineState::Data;
                }
            }
            LineState::Data => {
                if self.mem.data_valid.val() {
                    self.index.d.next = self.index.q.val() + 1;
                    if self.mem.data_error.val() {
                        self.failed.d.next = true;
                    }
                    if self.mem.data_last.val() {
                        if self.failed.q.val() | self.mem.data_error.val() {
                            self.result.d.next = self.ring_bus_error.val();
                        }
                        self.over.d.next = true;
                        self.state.d.next = LineState::Idle;
                    }
                }
            }
        }
        if self.reset.val() {
            self.state.d.next = LineState::Idle;
            self.req_valid.d.next = false;
            self.rsp_ready.d.next = false;
            self.mem_valid.d.next = false;
            self.over.d.next = false;
        }
    }
}
