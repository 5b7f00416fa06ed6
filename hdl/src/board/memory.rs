//! On-chip memory behind AXI4, with a byte-wide door for the bridge.
//!
//! Reads give a beat a clock, several bursts in a row without a gap. Writes and the bridge are rare and go first: on
//! their clock no read is issued, so a word is never read while it is written. Accesses beyond the memory are answered
//! with DECERR.

use super::lane_ram::LaneRam;
use crate::bus::fifo::Fifo;
use rust_hdl::prelude::*;
use segwalk_model::limits::PHYS_ADDR_BITS;

/// A beat on its way to the reader.
#[derive(Copy, Clone, PartialEq, Debug, Default, LogicStruct)]
struct ReadBeat {
    data: Bits<64>,
    id: Bits<4>,
    last: Bit,
    error: Bit,
}

/// What was asked of the RAM, while it reads.
#[derive(Copy, Clone, PartialEq, Debug, Default, LogicStruct)]
struct ReadTag {
    valid: Bit,
    id: Bits<4>,
    last: Bit,
    error: Bit,
    bridge: Bit,
}

logic_block! {
    /// The memory. Bursts are INCR with 8 bytes a beat, as the core's are.
    pub struct AxiRam {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset; what is stored stays.
        pub reset: Signal<In, Bit>,
        /// Read address channel.
        pub arid: Signal<In, Bits<4>>,
        /// First byte, a multiple of 8.
        pub araddr: Signal<In, Bits<PHYS_ADDR_BITS>>,
        /// Beats, less one.
        pub arlen: Signal<In, Bits<8>>,
        /// A read is offered.
        pub arvalid: Signal<In, Bit>,
        /// It is taken.
        pub arready: Signal<Out, Bit>,
        /// Read data channel.
        pub rid: Signal<Out, Bits<4>>,
        /// Data.
        pub rdata: Signal<Out, Bits<64>>,
        /// OKAY or DECERR.
        pub rresp: Signal<Out, Bits<2>>,
        /// Last beat.
        pub rlast: Signal<Out, Bit>,
        /// A beat is offered.
        pub rvalid: Signal<Out, Bit>,
        /// It is taken.
        pub rready: Signal<In, Bit>,
        /// First byte of a write, a multiple of 8.
        pub awaddr: Signal<In, Bits<PHYS_ADDR_BITS>>,
        /// ID of a write.
        pub awid: Signal<In, Bits<4>>,
        /// A write is offered.
        pub awvalid: Signal<In, Bit>,
        /// It is taken.
        pub awready: Signal<Out, Bit>,
        /// Write data.
        pub wdata: Signal<In, Bits<64>>,
        /// Bytes that count.
        pub wstrb: Signal<In, Bits<8>>,
        /// Last beat.
        pub wlast: Signal<In, Bit>,
        /// A beat is offered.
        pub wvalid: Signal<In, Bit>,
        /// It is taken.
        pub wready: Signal<Out, Bit>,
        /// ID of the write that is acknowledged.
        pub bid: Signal<Out, Bits<4>>,
        /// OKAY or DECERR.
        pub bresp: Signal<Out, Bits<2>>,
        /// An acknowledgement is offered.
        pub bvalid: Signal<Out, Bit>,
        /// It is taken.
        pub bready: Signal<In, Bit>,
        /// The bridge wants an access until it is done.
        pub bridge_valid: Signal<In, Bit>,
        /// It is a write.
        pub bridge_write: Signal<In, Bit>,
        /// Byte address; the bridge keeps inside the memory.
        pub bridge_addr: Signal<In, Bits<24>>,
        /// Byte to write.
        pub bridge_write_data: Signal<In, Bits<8>>,
        /// Done; a pulse.
        pub bridge_done: Signal<Out, Bit>,
        /// With it: the byte read.
        pub bridge_read_data: Signal<Out, Bits<8>>,
        //
        ram: LaneRam,
        beats: Fifo<ReadBeat, 4>,
        // the burst that is being issued
        burst: DFF<Bit>,
        burst_id: DFF<Bits<4>>,
        burst_at: DFF<Bits<37>>,
        burst_left: DFF<Bits<8>>,
        burst_error: DFF<Bit>,
        in_flight: DFF<Bits<5>>,
        room: DFF<Bit>,
        first: DFF<ReadTag>,
        second: DFF<ReadTag>,
        // the write that is under way
        writing: DFF<Bit>,
        write_id: DFF<Bits<4>>,
        write_at: DFF<Bits<37>>,
        write_error: DFF<Bit>,
        acknowledging: DFF<Bit>,
        // the bridge's access
        bridge_wants: DFF<Bit>,
        bridge_busy: DFF<Bit>,
        bridge_finished: DFF<Bit>,
        bridge_octet: DFF<Bits<8>>,
        store: DFF<Bit>,
        store_at: DFF<Bits<18>>,
        store_data: DFF<Bits<64>>,
        store_strobe: DFF<Bits<8>>,
        take_write: Signal<Local, Bit>,
        bridge_now: Signal<Local, Bit>,
        issue: Signal<Local, Bit>,
        given: Signal<Local, Bit>,
        tag: Signal<Local, ReadTag>,
        entry: Signal<Local, ReadBeat>,
        bridge_shift: Signal<Local, Bits<6>>,
        bridge_word: Signal<Local, Bits<64>>,
        next_in_flight: Signal<Local, Bits<5>>,
        words: Constant<Bits<37>> = Constant::new(8192_u64.to_bits()),
    }
}

impl AxiRam {
    /// A memory of `bytes` bytes, a multiple of 8.
    pub fn new(bytes: u32) -> Self {
        assert_eq!(
            bytes % 8,
            0,
            "a memory of {bytes} bytes is not a whole number of 8-byte words"
        );
        Self {
            ram: LaneRam::new(bytes as usize / 8),
            words: Constant::new(u64::from(bytes / 8).to_bits()),
            ..Default::default()
        }
    }
}

impl Logic for AxiRam {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            burst,
            burst_id,
            burst_at,
            burst_left,
            burst_error,
            in_flight,
            room,
            first,
            second,
            writing,
            write_id,
            write_at,
            write_error,
            acknowledging,
            bridge_wants,
            bridge_busy,
            bridge_finished,
            bridge_octet,
            store,
            store_at,
            store_data,
            store_strobe
        );
        clock!(self, clock, ram, beats);
        self.beats.reset.next = self.reset.val();
        // Bridge: one access, then `done`, then the next
        self.bridge_shift.next = bit_cast::<6, 3>(self.bridge_addr.val().get_bits::<3>(0)) << 3;
        // From a register: it decides about what the bus is told, far away.
        self.bridge_wants.d.next = self.bridge_valid.val() & !self.bridge_busy.q.val() & !self.bridge_wants.q.val();
        self.bridge_now.next = self.bridge_wants.q.val();
        self.bridge_done.next = self.bridge_finished.q.val();
        self.bridge_read_data.next = self.bridge_octet.q.val();
        self.bridge_finished.d.next = false;
        if self.bridge_finished.q.val() {
            self.bridge_busy.d.next = false;
        }
        // Writes: a beat is in `store` for a clock, on which nothing is read
        self.awready.next = !self.writing.q.val() & !self.acknowledging.q.val();
        self.take_write.next = self.writing.q.val() & !self.acknowledging.q.val() & !self.bridge_now.val();
        self.wready.next = self.take_write.val();
        self.bvalid.next = self.acknowledging.q.val();
        self.bid.next = self.write_id.q.val();
        self.bresp.next = 0.into();
        if self.write_error.q.val() {
            self.bresp.next = 3.into();
        }
        if self.awvalid.val() & !self.writing.q.val() & !self.acknowledging.q.val() {
            self.writing.d.next = true;
            self.write_id.d.next = self.awid.val();
            self.write_at.d.next = self.awaddr.val().get_bits::<37>(3);
            self.write_error.d.next = false;
        }
        self.store.d.next = false;
        self.store_at.d.next = self.write_at.q.val().get_bits::<18>(0);
        self.store_data.d.next = self.wdata.val();
        self.store_strobe.d.next = self.wstrb.val();
        if self.take_write.val() & self.wvalid.val() {
            self.write_at.d.next = self.write_at.q.val() + 1;
            if self.write_at.q.val() < self.words.val() {
                self.store.d.next = true;
            } else {
                self.write_error.d.next = true;
            }
            if self.wlast.val() {
                self.writing.d.next = false;
                self.acknowledging.d.next = true;
            }
        }
        if self.acknowledging.q.val() & self.bready.val() {
            self.acknowledging.d.next = false;
        }
        if self.bridge_now.val() & self.bridge_write.val() {
            self.store.d.next = true;
            self.store_at.d.next = self.bridge_addr.val().get_bits::<18>(3);
            self.store_data.d.next = bit_cast::<64, 8>(self.bridge_write_data.val()) << self.bridge_shift.val();
            self.store_strobe.d.next = bits::<8>(1) << self.bridge_addr.val().get_bits::<3>(0);
        }
        self.ram.write_addr.next = self.store_at.q.val();
        self.ram.write_data.next = self.store_data.q.val();
        self.ram.write_enable.next = 0.into();
        if self.store.q.val() {
            self.ram.write_enable.next = self.store_strobe.q.val();
        }
        // Reads
        self.issue.next = self.burst.q.val() & self.room.q.val() & !self.store.q.val() & !self.bridge_now.val();
        self.arready.next = !self.burst.q.val();
        if self.issue.val() {
            self.burst_at.d.next = self.burst_at.q.val() + 1;
            self.burst_left.d.next = self.burst_left.q.val() - 1;
            if self.burst_left.q.val() == 0 {
                self.burst.d.next = false;
            }
        }
        // A burst ends and the next begins on the same clock.
        if self.issue.val() & (self.burst_left.q.val() == 0) {
            self.arready.next = true;
        }
        if self.arvalid.val() & (!self.burst.q.val() | (self.issue.val() & (self.burst_left.q.val() == 0))) {
            self.burst.d.next = true;
            self.burst_id.d.next = self.arid.val();
            self.burst_at.d.next = self.araddr.val().get_bits::<37>(3);
            self.burst_left.d.next = self.arlen.val();
        }
        self.tag.next.valid = self.issue.val();
        self.tag.next.id = self.burst_id.q.val();
        self.tag.next.last = self.burst_left.q.val() == 0;
        self.tag.next.error = self.burst_at.q.val() >= self.words.val();
        self.tag.next.bridge = false;
        self.ram.read_addr.next = self.burst_at.q.val().get_bits::<18>(0);
        if self.bridge_now.val() {
            self.bridge_busy.d.next = true;
            self.bridge_finished.d.next = self.bridge_write.val();
            self.ram.read_addr.next = self.bridge_addr.val().get_bits::<18>(3);
            // a read waits for the clock after a store
            if self.store.q.val() & !self.bridge_write.val() {
                self.bridge_busy.d.next = false;
            } else {
                self.tag.next.bridge = !self.bridge_write.val();
            }
        }
        self.first.d.next = self.tag.val();
        self.second.d.next = self.first.q.val();
        self.bridge_word.next = self.ram.read_data.val() >> self.bridge_shift.val();
        if self.second.q.val().bridge {
            self.bridge_octet.d.next = self.bridge_word.val().get_bits::<8>(0);
            self.bridge_finished.d.next = true;
        }
        self.entry.next.data = self.ram.read_data.val();
        self.entry.next.id = self.second.q.val().id;
        self.entry.next.last = self.second.q.val().last;
        self.entry.next.error = self.second.q.val().error;
        self.beats.in_data.next = self.entry.val();
        self.beats.in_valid.next = self.second.q.val().valid;
        self.beats.out_ready.next = self.rready.val();
        self.rvalid.next = self.beats.out_valid.val();
        self.rid.next = self.beats.out_data.val().id;
        self.rdata.next = self.beats.out_data.val().data;
        self.rlast.next = self.beats.out_data.val().last;
        self.rresp.next = 0.into();
        if self.beats.out_data.val().error {
            self.rresp.next = 3.into();
        }
        // Beats asked for and not yet taken fit the queue.
        self.given.next = self.beats.out_valid.val() & self.rready.val();
        self.next_in_flight.next = self.in_flight.q.val();
        if self.issue.val() & !self.given.val() {
            self.next_in_flight.next = self.in_flight.q.val() + 1;
        }
        if !self.issue.val() & self.given.val() {
            self.next_in_flight.next = self.in_flight.q.val() - 1;
        }
        self.in_flight.d.next = self.next_in_flight.val();
        self.room.d.next = self.next_in_flight.val() < 16;
        if self.reset.val() {
            self.burst.d.next = false;
            self.in_flight.d.next = 0.into();
            self.room.d.next = false;
            self.first.d.next.valid = false;
            self.second.d.next.valid = false;
            self.writing.d.next = false;
            self.acknowledging.d.next = false;
            self.store.d.next = false;
            self.bridge_wants.d.next = false;
            self.bridge_busy.d.next = false;
            self.bridge_finished.d.next = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emits_and_has_nothing_that_the_lint_knows() {
        let mut memory = AxiRam::new(65_536);
        assert!(crate::emit::verilog(&mut memory, "memory")
            .unwrap()
            .contains("module memory("));
        let found = crate::lint::check(&memory, "memory");
        assert!(
            found.is_empty(),
            "{}",
            found.iter().map(|f| format!("{f}\n")).collect::<String>()
        );
    }
}
