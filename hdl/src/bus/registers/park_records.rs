//! What each parked queue met, and the way to let it go on.

use super::map::{self, CODE_BITS};
use crate::bus::ports::{FaultSink, ParkSink};
use crate::bus::ram::LutRam;
use rust_hdl::prelude::*;
use segwalk_model::limits::{CHAIN_BYTES_BITS, VIRT_PAGE_BITS};
use segwalk_model::registers;

/// The fault that parks a queue.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
struct FaultWord {
    context: Bits<4>,
    cause: Bits<5>,
    virt_page: Bits<VIRT_PAGE_BITS>,
}

/// How far its chain came.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
struct ParkWord {
    head: Bits<16>,
    sent_frames: Bits<CHAIN_BYTES_BITS>,
}

logic_block! {
    /// A record for each transmit queue, in distributed RAM. The fault comes first; the park makes the record readable.
    pub struct ParkRecords {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset, of the core or of the device.
        pub reset: Signal<In, Bit>,
        /// The register of `code` is written with `value`; a pulse.
        pub write: Signal<In, Bit>,
        /// Register.
        pub code: Signal<In, Bits<CODE_BITS>>,
        /// Value written.
        pub value: Signal<In, Bits<32>>,
        /// Value to read, one clock after `code`, or 0 when the register is kept elsewhere.
        pub read_data: Signal<Out, Bits<32>>,
        /// Transmit queue of the selected virtio queue.
        pub selected: Signal<In, Bits<4>>,
        /// The selected queue is a transmit queue that exists.
        pub exists: Signal<In, Bit>,
        /// Transmit queues that are ready: others are not parked.
        pub ready_queues: Signal<In, Bits<16>>,
        /// Transmit queues whose faults park them.
        pub recoverable: Signal<In, Bits<16>>,
        /// Translation faults.
        pub fault: FaultSink,
        /// Queues that park.
        pub park: ParkSink,
        /// A queue parked; a pulse.
        pub parked: Signal<Out, Bit>,
        /// Bit a transmit queue, pulses: it goes on where it stopped.
        pub resume: Signal<Out, Bits<16>>,
        /// Bit a transmit queue, pulses: it goes on behind the chain that parked it.
        pub abort: Signal<Out, Bits<16>>,
        //
        faults: LutRam<FaultWord, 4>,
        parks: LutRam<ParkWord, 4>,
        bytes: LutRam<Bits<CHAIN_BYTES_BITS>, 4>,
        parked_queues: DFF<Bits<16>>,
        parked_now: DFF<Bit>,
        any_parked: DFF<Bit>,
        resumes: DFF<Bits<16>>,
        aborts: DFF<Bits<16>>,
        live: DFF<Bits<32>>,
        fault_word: Signal<Local, FaultWord>,
        fault_read: Signal<Local, FaultWord>,
        fault_page: Signal<Local, Bits<VIRT_PAGE_BITS>>,
        park_word: Signal<Local, ParkWord>,
        park_read: Signal<Local, ParkWord>,
        hot: Signal<Local, Bits<16>>,
        cold: Signal<Local, Bits<16>>,
        arrived: Signal<Local, Bits<16>>,
        left: Signal<Local, Bits<16>>,
        queues_parked: Constant<Bits<CODE_BITS>> = map::code(&registers::QUEUES_PARKED),
        park_control: Constant<Bits<CODE_BITS>> = map::code(&registers::PARK_CONTROL),
        park_info: Constant<Bits<CODE_BITS>> = map::code(&registers::PARK_INFO),
        park_head: Constant<Bits<CODE_BITS>> = map::code(&registers::PARK_HEAD),
        park_addr_low: Constant<Bits<CODE_BITS>> = map::code(&registers::PARK_ADDR_LOW),
        park_addr_high: Constant<Bits<CODE_BITS>> = map::code(&registers::PARK_ADDR_HIGH),
        park_bytes: Constant<Bits<CODE_BITS>> = map::code(&registers::PARK_BYTES),
        park_frames: Constant<Bits<CODE_BITS>> = map::code(&registers::PARK_FRAMES),
    }
}

impl Logic for ParkRecords {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            parked_queues,
            parked_now,
            any_parked,
            resumes,
            aborts,
            live
        );
        clock!(self, clock, faults, parks, bytes);
        self.read_data.next = self.live.q.val();
        self.parked.next = self.any_parked.q.val();
        self.resume.next = self.resumes.q.val();
        self.abort.next = self.aborts.q.val();
        // Records
        self.fault_word.next.context = self.fault.context.val();
        self.fault_word.next.cause = self.fault.cause.val();
        self.fault_word.next.virt_page = self.fault.virt_page.val();
        self.faults.write_addr.next = self.fault.queue.val();
        self.faults.write_data.next = self.fault_word.val();
        self.faults.write_enable.next =
            self.fault.valid.val() & self.recoverable.val().get_bit(self.fault.queue.val().index());
        self.park_word.next.head = self.park.head.val();
        self.park_word.next.sent_frames = self.park.sent_frames.val();
        self.parks.write_addr.next = self.park.queue.val();
        self.parks.write_data.next = self.park_word.val();
        self.parks.write_enable.next = self.park.valid.val();
        // Frames without bytes: the chain did not come as far as when it parked the queue before.
        self.bytes.write_addr.next = self.park.queue.val();
        self.bytes.write_data.next = self.park.sent_bytes.val();
        self.bytes.write_enable.next =
            self.park.valid.val() & (self.park.sent_bytes.val().any() | !self.park.sent_frames.val().any());
        self.bytes.read_addr.next = self.selected.val();
        self.faults.read_addr.next = self.selected.val();
        self.parks.read_addr.next = self.selected.val();
        self.fault_read.next = self.faults.read_data.val();
        self.fault_page.next = self.fault_read.val().virt_page;
        self.park_read.next = self.parks.read_data.val();
        // Conditions
        self.hot.next = bits::<16>(1) << self.selected.val();
        self.cold.next = !self.hot.val();
        self.parked_now.d.next = self.exists.val() & self.parked_queues.q.val().get_bit(self.selected.val().index());
        self.arrived.next = 0.into();
        if self.park.valid.val() {
            self.arrived.next = bits::<16>(1) << self.park.queue.val();
        }
        self.left.next = self.parked_queues.q.val();
        self.resumes.d.next = 0.into();
        self.aborts.d.next = 0.into();
        if self.write.val() & (self.code.val() == self.park_control.val()) & self.parked_now.q.val() {
            if self.value.val().get_bit(1) {
                self.aborts.d.next = self.hot.val();
                self.left.next = self.parked_queues.q.val() & self.cold.val();
            } else if self.value.val().get_bit(0) {
                self.resumes.d.next = self.hot.val();
                self.left.next = self.parked_queues.q.val() & self.cold.val();
            }
        }
        self.parked_queues.d.next = (self.left.val() | self.arrived.val()) & self.ready_queues.val();
        self.any_parked.d.next = (self.arrived.val() & self.ready_queues.val()).any();
        // Reading
        self.live.d.next = 0.into();
        if self.parked_now.q.val() {
            if self.code.val() == self.park_info.val() {
                self.live.d.next = (bit_cast::<32, 1>(self.parked_now.q.val().into()) << 31)
                    | (bit_cast::<32, 5>(self.fault_read.val().cause) << 8)
                    | bit_cast::<32, 4>(self.fault_read.val().context);
            }
            if self.code.val() == self.park_head.val() {
                self.live.d.next = bit_cast::<32, 16>(self.park_read.val().head);
            }
            if self.code.val() == self.park_addr_low.val() {
                self.live.d.next = bit_cast::<32, 20>(self.fault_page.val().get_bits::<20>(0)) << 12;
            }
            if self.code.val() == self.park_addr_high.val() {
                self.live.d.next = self.fault_page.val().get_bits::<32>(20);
            }
            if self.code.val() == self.park_bytes.val() {
                self.live.d.next = bit_cast::<32, CHAIN_BYTES_BITS>(self.bytes.read_data.val());
            }
            if self.code.val() == self.park_frames.val() {
                self.live.d.next = bit_cast::<32, CHAIN_BYTES_BITS>(self.park_read.val().sent_frames);
            }
        }
        if self.code.val() == self.queues_parked.val() {
            self.live.d.next = bit_cast::<32, 16>(self.parked_queues.q.val());
        }
        if self.reset.val() {
            self.parked_queues.d.next = 0.into();
            self.parked_now.d.next = false;
            self.any_parked.d.next = false;
            self.resumes.d.next = 0.into();
            self.aborts.d.next = 0.into();
        }
    }
}
