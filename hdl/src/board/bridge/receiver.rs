//! Takes requests off the byte stream: SLIP (RFC 1055) outside, CRC-32 inside.

use crate::board::mac::crc32::{Crc32Step, ALL_ONES, RESIDUE};
use crate::bus::ram::BlockRam;
use rust_hdl::prelude::*;
use segwalk_model::bridge::{CRC_BYTES, DATA_BYTES_MAX, SLIP_END, SLIP_ESC, SLIP_ESC_END, SLIP_ESC_ESC};

logic_block! {
    /// Holds one request. While it is held, what comes on the line is ignored up to the next frame end.
    pub struct RequestReceiver {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        /// A byte came; a pulse.
        pub valid: Signal<In, Bit>,
        /// The byte.
        pub data: Signal<In, Bits<8>>,
        /// A byte was lost on the line; a pulse.
        pub broken: Signal<In, Bit>,
        /// A request with a right CRC is held.
        pub request: Signal<Out, Bit>,
        /// Its first 8 bytes, byte 0 in bits 7:0.
        pub header: Signal<Out, Bits<64>>,
        /// Bytes of data behind the header.
        pub data_bytes: Signal<Out, Bits<10>>,
        /// Which byte of the data to read.
        pub read_at: Signal<In, Bits<9>>,
        /// It, one clock later.
        pub read_data: Signal<Out, Bits<8>>,
        /// The request is done with.
        pub let_go: Signal<In, Bit>,
        /// A frame with a wrong CRC, a wrong escape or a wrong length was dropped; a pulse.
        pub bad_frame: Signal<Out, Bit>,
        //
        ram: BlockRam<Bits<8>, 9>,
        step: Crc32Step,
        crc: DFF<Bits<32>>,
        header_bytes: DFF<Bits<64>>,
        count: DFF<Bits<10>>,
        escaped: DFF<Bit>,
        spoiled: DFF<Bit>,
        held: DFF<Bit>,
        judging: DFF<Bit>,
        right: DFF<Bit>,
        long_enough: DFF<Bit>,
        bad_pulse: DFF<Bit>,
        // the byte after the escapes are undone
        store: DFF<Bit>,
        plain: DFF<Bits<8>>,
        place: Signal<Local, Bits<10>>,
        is_end: Signal<Local, Bit>,
        is_escape: Signal<Local, Bit>,
        all_ones: Constant<Bits<32>> = Constant::new(ALL_ONES.to_bits()),
        residue: Constant<Bits<32>> = Constant::new(RESIDUE.to_bits()),
        end_mark: Constant<Bits<8>> = Constant::new(u64::from(SLIP_END).to_bits()),
        escape: Constant<Bits<8>> = Constant::new(u64::from(SLIP_ESC).to_bits()),
        escaped_end: Constant<Bits<8>> = Constant::new(u64::from(SLIP_ESC_END).to_bits()),
        escaped_escape: Constant<Bits<8>> = Constant::new(u64::from(SLIP_ESC_ESC).to_bits()),
        longest: Constant<Bits<10>> = Constant::new((8 + DATA_BYTES_MAX as u64 + CRC_BYTES as u64).to_bits()),
        overhead: Constant<Bits<10>> = Constant::new((8 + CRC_BYTES as u64).to_bits()),
    }
}

impl Logic for RequestReceiver {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            crc,
            header_bytes,
            count,
            escaped,
            spoiled,
            held,
            judging,
            right,
            long_enough,
            bad_pulse,
            store,
            plain
        );
        clock!(self, clock, ram);
        self.request.next = self.held.q.val();
        self.header.next = self.header_bytes.q.val();
        self.data_bytes.next = self.count.q.val() - self.overhead.val();
        self.bad_frame.next = self.bad_pulse.q.val();
        self.bad_pulse.d.next = false;
        self.store.d.next = false;
        self.judging.d.next = false;
        self.is_end.next = self.data.val() == self.end_mark.val();
        self.is_escape.next = self.data.val() == self.escape.val();
        self.plain.d.next = self.data.val();
        if self.valid.val() {
            self.escaped.d.next = false;
            if self.is_end.val() {
                self.judging.d.next = true;
                if self.escaped.q.val() {
                    self.spoiled.d.next = true;
                }
            } else if self.escaped.q.val() {
                self.store.d.next = true;
                if self.data.val() == self.escaped_end.val() {
                    self.plain.d.next = self.end_mark.val();
                } else if self.data.val() == self.escaped_escape.val() {
                    self.plain.d.next = self.escape.val();
                } else {
                    self.spoiled.d.next = true;
                }
            } else if self.is_escape.val() {
                self.escaped.d.next = true;
            } else {
                self.store.d.next = true;
            }
        }
        if self.broken.val() {
            self.spoiled.d.next = true;
        }
        // Bytes are at least 80 clocks apart, so that storing and judging never meet the next byte.
        self.step.crc.next = self.crc.q.val();
        self.step.data.next = self.plain.q.val();
        self.place.next = self.count.q.val() - 8;
        self.ram.write_addr.next = bit_cast::<9, 10>(self.place.val());
        self.ram.write_data.next = self.plain.q.val();
        self.ram.write_enable.next = false;
        self.ram.read_addr.next = self.read_at.val();
        self.read_data.next = self.ram.read_data.val();
        if self.store.q.val() & !self.held.q.val() {
            if self.count.q.val() == self.longest.val() {
                self.spoiled.d.next = true;
            } else {
                self.crc.d.next = self.step.next_crc.val();
                self.count.d.next = self.count.q.val() + 1;
                if self.count.q.val() < 8 {
                    self.header_bytes.d.next =
                        (self.header_bytes.q.val() >> 8) | (bit_cast::<64, 8>(self.plain.q.val()) << 56);
                } else {
                    self.ram.write_enable.next = true;
                }
            }
        }
        // What comes while a request is held spoils the frame it belongs to.
        if self.held.q.val() & self.valid.val() & !self.is_end.val() {
            self.spoiled.d.next = true;
        }
        self.right.d.next = self.crc.q.val() == self.residue.val();
        self.long_enough.d.next = self.count.q.val() >= self.overhead.val();
        if self.judging.q.val() {
            if !self.held.q.val() {
                if self.right.q.val() & self.long_enough.q.val() & !self.spoiled.q.val() {
                    self.held.d.next = true;
                } else {
                    self.bad_pulse.d.next = (self.count.q.val() != 0) | self.spoiled.q.val();
                    self.count.d.next = 0.into();
                    self.crc.d.next = self.all_ones.val();
                }
            } else {
                self.bad_pulse.d.next = self.spoiled.q.val();
            }
            self.spoiled.d.next = false;
        }
        if self.let_go.val() {
            self.held.d.next = false;
            self.count.d.next = 0.into();
            self.crc.d.next = self.all_ones.val();
        }
        if self.reset.val() {
            self.held.d.next = false;
            self.count.d.next = 0.into();
            self.crc.d.next = self.all_ones.val();
            self.escaped.d.next = false;
            self.spoiled.d.next = false;
            self.store.d.next = false;
            self.judging.d.next = false;
        }
    }
}
