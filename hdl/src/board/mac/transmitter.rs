//! The transmitter: preamble, frame, padding, FCS, gap; a byte a clock at 125 MHz (IEEE 802.3, 3.1.1, 4.2.3.2).
//!
//! Bytes pass three registers: `next_byte` (what comes next), `octet` (with its CRC being made), and the output. When a
//! frame waits, its preamble follows the gap without a clock in between, so a full line is kept full.

use super::crc32::{Crc32Step, ALL_ONES};
use super::frame_queue::FrameWord;
use rust_hdl::prelude::*;

/// Bytes of preamble and start delimiter.
pub const PREAMBLE_BYTES: u64 = 8;
/// Shortest frame without FCS.
pub const SHORTEST_FRAME_BYTES: u64 = 60;
/// Byte times between two frames.
pub const GAP_BYTES: u64 = 12;

#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
enum TransmitState {
    Idle,
    Preamble,
    Frame,
    Pad,
    Fcs,
    Gap,
}

logic_block! {
    /// The transmitter; see the module.
    pub struct Transmitter {
        /// 125 MHz.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        /// A whole frame is in the queue.
        pub frame_here: Signal<In, Bit>,
        /// Its next word.
        pub word: Signal<In, FrameWord>,
        /// The word is taken.
        pub take: Signal<Out, Bit>,
        /// A byte for the PHY, from a register.
        pub tx_data: Signal<Out, Bits<8>>,
        /// The byte counts, from a register.
        pub tx_enable: Signal<Out, Bit>,
        /// A frame has left; a pulse.
        pub sent: Signal<Out, Bit>,
        //
        state: DFF<TransmitState>,
        count: DFF<Bits<6>>,
        lane: DFF<Bits<3>>,
        held: DFF<FrameWord>,
        short: DFF<Bit>,
        crc: DFF<Bits<32>>,
        fcs: DFF<Bits<32>>,
        step: Crc32Step,
        // the byte whose CRC is being made
        octet: DFF<Bits<8>>,
        byte_counts: DFF<Bit>,
        byte_in_crc: DFF<Bit>,
        byte_is_fcs: DFF<Bit>,
        fcs_lane: DFF<Bits<2>>,
        fcs_first: Signal<Local, Bit>,
        out: DFF<Bits<8>>,
        out_counts: DFF<Bit>,
        sent_pulse: DFF<Bit>,
        word_now: Signal<Local, Bits<64>>,
        word_shifted: Signal<Local, Bits<64>>,
        fcs_now: Signal<Local, Bits<32>>,
        all_ones: Constant<Bits<32>> = Constant::new(ALL_ONES.to_bits()),
        preamble_last: Constant<Bits<6>> = Constant::new((PREAMBLE_BYTES - 1).to_bits()),
        shortest: Constant<Bits<6>> = Constant::new((SHORTEST_FRAME_BYTES - 1).to_bits()),
        gap_last: Constant<Bits<6>> = Constant::new((GAP_BYTES - 1).to_bits()),
    }
}

impl Logic for Transmitter {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            state,
            count,
            lane,
            held,
            short,
            crc,
            fcs,
            octet,
            byte_counts,
            byte_in_crc,
            byte_is_fcs,
            fcs_lane,
            out,
            out_counts,
            sent_pulse
        );
        self.take.next = false;
        self.sent_pulse.d.next = false;
        self.sent.next = self.sent_pulse.q.val();
        self.word_now.next = self.held.q.val().data;
        self.word_shifted.next = self.word_now.val() >> 8;
        // What comes next
        self.count.d.next = self.count.q.val() + 1;
        self.octet.d.next = 0x55.into();
        self.byte_counts.d.next = true;
        self.byte_in_crc.d.next = false;
        self.byte_is_fcs.d.next = false;
        self.fcs_lane.d.next = bit_cast::<2, 6>(self.count.q.val());
        match self.state.q.val() {
            TransmitState::Idle => {
                self.byte_counts.d.next = false;
                self.count.d.next = 0.into();
                if self.frame_here.val() {
                    self.state.d.next = TransmitState::Preamble;
                }
            }
            TransmitState::Preamble => {
                self.lane.d.next = 0.into();
                self.short.d.next = true;
                if self.count.q.val() == self.preamble_last.val() {
                    self.octet.d.next = 0xD5.into();
                    self.count.d.next = 0.into();
                    self.held.d.next = self.word.val();
                    self.take.next = true;
                    self.state.d.next = TransmitState::Frame;
                }
            }
            TransmitState::Frame => {
                self.octet.d.next = self.word_now.val().get_bits::<8>(0);
                self.byte_in_crc.d.next = true;
                self.held.d.next.data = self.word_shifted.val();
                self.lane.d.next = self.lane.q.val() + 1;
                // stays at 59: the frame is long enough
                if self.count.q.val() == self.shortest.val() {
                    self.count.d.next = self.shortest.val();
                    self.short.d.next = false;
                }
                if self.held.q.val().last & (self.lane.q.val() == self.held.q.val().bytes_minus_1) {
                    self.state.d.next = TransmitState::Fcs;
                    self.count.d.next = 0.into();
                    if self.short.q.val() & (self.count.q.val() != self.shortest.val()) {
                        self.count.d.next = self.count.q.val() + 1;
                        self.state.d.next = TransmitState::Pad;
                    }
                } else if self.lane.q.val() == 7 {
                    self.held.d.next = self.word.val();
                    self.take.next = true;
                }
            }
            TransmitState::Pad => {
                self.octet.d.next = 0.into();
                self.byte_in_crc.d.next = true;
                if self.count.q.val() == self.shortest.val() {
                    self.count.d.next = 0.into();
                    self.state.d.next = TransmitState::Fcs;
                }
            }
            TransmitState::Fcs => {
                self.byte_is_fcs.d.next = true;
                if self.count.q.val() == 3 {
                    self.count.d.next = 0.into();
                    self.sent_pulse.d.next = true;
                    self.state.d.next = TransmitState::Gap;
                }
            }
            TransmitState::Gap => {
                self.byte_counts.d.next = false;
                if self.count.q.val() == self.gap_last.val() {
                    self.count.d.next = 0.into();
                    self.state.d.next = TransmitState::Idle;
                    if self.frame_here.val() {
                        self.state.d.next = TransmitState::Preamble;
                    }
                }
            }
        }
        // Its CRC
        self.step.crc.next = self.crc.q.val();
        self.step.data.next = self.octet.q.val();
        if self.byte_in_crc.q.val() {
            self.crc.d.next = self.step.next_crc.val();
        } else if !self.byte_is_fcs.q.val() {
            self.crc.d.next = self.all_ones.val();
        }
        self.fcs_first.next = self.byte_is_fcs.q.val() & (self.fcs_lane.q.val() == 0);
        self.fcs_now.next = self.fcs.q.val();
        if self.fcs_first.val() {
            self.fcs_now.next = self.crc.q.val() ^ self.all_ones.val();
        }
        self.fcs.d.next = self.fcs_now.val() >> 8;
        // The line
        self.out.d.next = self.octet.q.val();
        if self.byte_is_fcs.q.val() {
            self.out.d.next = self.fcs_now.val().get_bits::<8>(0);
        }
        self.out_counts.d.next = self.byte_counts.q.val();
        self.tx_data.next = self.out.q.val();
        self.tx_enable.next = self.out_counts.q.val();
        if self.reset.val() {
            self.state.d.next = TransmitState::Idle;
            self.byte_counts.d.next = false;
            self.out_counts.d.next = false;
        }
    }
}
