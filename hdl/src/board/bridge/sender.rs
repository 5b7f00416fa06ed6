//! Puts responses on the byte stream: SLIP (RFC 1055) outside, CRC-32 behind the bytes.

use crate::board::mac::crc32::{Crc32Step, ALL_ONES};
use rust_hdl::prelude::*;
use segwalk_model::bridge::{SLIP_END, SLIP_ESC, SLIP_ESC_END, SLIP_ESC_ESC};

#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
enum SenderState {
    Idle,
    Bytes,
    Crc,
    End,
}

logic_block! {
    /// Sends one response after the other.
    pub struct ResponseSender {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        /// A byte of the response is offered.
        pub valid: Signal<In, Bit>,
        /// It is taken.
        pub ready: Signal<Out, Bit>,
        /// The byte.
        pub data: Signal<In, Bits<8>>,
        /// With it: the last byte of the response.
        pub last: Signal<In, Bit>,
        /// A byte for the line is offered.
        pub line_valid: Signal<Out, Bit>,
        /// It is taken.
        pub line_ready: Signal<In, Bit>,
        /// The byte.
        pub line_data: Signal<Out, Bits<8>>,
        //
        state: DFF<SenderState>,
        crc: DFF<Bits<32>>,
        crc_at: DFF<Bits<2>>,
        full: DFF<Bit>,
        out: DFF<Bits<8>>,
        // the second byte of an escape waits
        escaping: DFF<Bit>,
        // there is room, and nothing was taken on the last clock
        rested: DFF<Bit>,
        second: DFF<Bits<8>>,
        step: Crc32Step,
        // what comes next, before escapes
        item_valid: Signal<Local, Bit>,
        item_end: Signal<Local, Bit>,
        item: Signal<Local, Bits<8>>,
        take: Signal<Local, Bit>,
        all_ones: Constant<Bits<32>> = Constant::new(ALL_ONES.to_bits()),
        end_mark: Constant<Bits<8>> = Constant::new(u64::from(SLIP_END).to_bits()),
        escape: Constant<Bits<8>> = Constant::new(u64::from(SLIP_ESC).to_bits()),
        escaped_end: Constant<Bits<8>> = Constant::new(u64::from(SLIP_ESC_END).to_bits()),
        escaped_escape: Constant<Bits<8>> = Constant::new(u64::from(SLIP_ESC_ESC).to_bits()),
    }
}

impl Logic for ResponseSender {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, crc, crc_at, full, out, escaping, rested, second);
        self.line_valid.next = self.full.q.val();
        self.line_data.next = self.out.q.val();
        if self.line_ready.val() {
            self.full.d.next = false;
        }
        self.rested.d.next = !self.full.q.val() & !self.escaping.q.val() & !self.rested.q.val();
        self.take.next = self.rested.q.val();
        self.step.crc.next = self.crc.q.val();
        self.step.data.next = self.data.val();
        self.ready.next = false;
        self.item_valid.next = self.valid.val();
        self.item_end.next = true;
        self.item.next = self.data.val();
        match self.state.q.val() {
            SenderState::Idle => {
                self.crc.d.next = self.all_ones.val();
                self.crc_at.d.next = 0.into();
                // An end in front closes whatever noise the other side has taken for a frame.
                if self.valid.val() & self.take.val() {
                    self.state.d.next = SenderState::Bytes;
                }
            }
            SenderState::Bytes => {
                self.item_end.next = false;
                self.ready.next = self.take.val();
                if self.valid.val() & self.take.val() {
                    self.crc.d.next = self.step.next_crc.val();
                    if self.last.val() {
                        self.state.d.next = SenderState::Crc;
                    }
                }
            }
            SenderState::Crc => {
                self.item_valid.next = true;
                self.item_end.next = false;
                self.item.next = self.crc.q.val().get_bits::<8>(0) ^ 0xFF;
                if self.take.val() {
                    self.crc.d.next = self.crc.q.val() >> 8;
                    self.crc_at.d.next = self.crc_at.q.val() + 1;
                    if self.crc_at.q.val() == 3 {
                        self.state.d.next = SenderState::End;
                    }
                }
            }
            SenderState::End => {
                self.item_valid.next = true;
                if self.take.val() {
                    self.state.d.next = SenderState::Idle;
                }
            }
        }
        if self.escaping.q.val() & !self.full.q.val() {
            self.full.d.next = true;
            self.out.d.next = self.second.q.val();
            self.escaping.d.next = false;
        }
        if self.item_valid.val() & self.take.val() {
            self.full.d.next = true;
            self.out.d.next = self.item.val();
            if self.item_end.val() {
                self.out.d.next = self.end_mark.val();
            } else if self.item.val() == self.end_mark.val() {
                self.out.d.next = self.escape.val();
                self.second.d.next = self.escaped_end.val();
                self.escaping.d.next = true;
            } else if self.item.val() == self.escape.val() {
                self.second.d.next = self.escaped_escape.val();
                self.escaping.d.next = true;
            }
        }
        if self.reset.val() {
            self.state.d.next = SenderState::Idle;
            self.full.d.next = false;
            self.escaping.d.next = false;
            self.rested.d.next = false;
        }
    }
}
