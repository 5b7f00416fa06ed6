//! What each parked queue met, and the way to let it go on.

use super::map::{self, CODE_BITS};
use crate::bus::ports::{FaultSink, ParkSink};
use crate::bus::ram::LutRam;
use rust_hdl::prelude::*;
use segwalk_model::limits::{CHAIN_BYTES_BITS, TX_QUEUES, VIRT_PAGE_BITS};
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
        /// Value to read, two clocks after `code`, or 0 when the register is kept elsewhere.
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
        // What register `code` is; those of a record only if the selected queue is parked
        is_queues_parked: DFF<Bit>,
        is_park_control: DFF<Bit>,
        is_park_info: DFF<Bit>,
        is_park_head: DFF<Bit>,
        is_park_addr_low: DFF<Bit>,
        is_park_addr_high: DFF<Bit>,
        is_park_bytes: DFF<Bit>,
        is_park_frames: DFF<Bit>,
        // What is written to the records on this clock
        fault_write: DFF<Bit>,
        fault_at: DFF<Bits<4>>,
        fault_data: DFF<FaultWord>,
        park_write: DFF<Bit>,
        bytes_write: DFF<Bit>,
        park_at: DFF<Bits<4>>,
        park_data: DFF<ParkWord>,
        bytes_data: DFF<Bits<CHAIN_BYTES_BITS>>,
        exist: Constant<Bits<16>> = map::queue_mask(TX_QUEUES as u32),
        at_selected: Signal<Local, Bits<16>>,
        // What is read of each register
        info_read: Signal<Local, Bits<32>>,
        head_read: Signal<Local, Bits<32>>,
        low_read: Signal<Local, Bits<32>>,
        high_read: Signal<Local, Bits<32>>,
        bytes_read: Signal<Local, Bits<32>>,
        frames_read: Signal<Local, Bits<32>>,
        parked_read: Signal<Local, Bits<32>>,
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

impl ParkRecords {
    /// For a build with `tx_queues` transmit queues.
    pub fn new(tx_queues: u32) -> Self {
        Self {
            exist: map::queue_mask(tx_queues),
            ..Default::default()
        }
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
            live,
            is_queues_parked,
            is_park_control,
            is_park_info,
            is_park_head,
            is_park_addr_low,
            is_park_addr_high,
            is_park_bytes,
            is_park_frames,
            fault_write,
            fault_at,
            fault_data,
            park_write,
            bytes_write,
            park_at,
            park_data,
            bytes_data
        );
        self.is_queues_parked.d.next = self.code.val() == self.queues_parked.val();
        self.is_park_control.d.next = self.code.val() == self.park_control.val();
        self.is_park_info.d.next = (self.code.val() == self.park_info.val()) & self.parked_now.q.val();
        self.is_park_head.d.next = (self.code.val() == self.park_head.val()) & self.parked_now.q.val();
        self.is_park_addr_low.d.next = (self.code.val() == self.park_addr_low.val()) & self.parked_now.q.val();
        self.is_park_addr_high.d.next = (self.code.val() == self.park_addr_high.val()) & self.parked_now.q.val();
        self.is_park_bytes.d.next = (self.code.val() == self.park_bytes.val()) & self.parked_now.q.val();
        self.is_park_frames.d.next = (self.code.val() == self.park_frames.val()) & self.parked_now.q.val();
        clock!(self, clock, faults, parks, bytes);
        self.read_data.next = self.live.q.val();
        self.parked.next = self.any_parked.q.val();
        self.resume.next = self.resumes.q.val();
        self.abort.next = self.aborts.q.val();
        // Records
        self.fault_word.next.context = self.fault.context.val();
        self.fault_word.next.cause = self.fault.cause.val();
        self.fault_word.next.virt_page = self.fault.virt_page.val();
        self.fault_at.d.next = self.fault.queue.val();
        self.fault_data.d.next = self.fault_word.val();
        self.fault_write.d.next =
            self.fault.valid.val() & self.recoverable.val().get_bit(self.fault.queue.val().index());
        self.faults.write_addr.next = self.fault_at.q.val();
        self.faults.write_data.next = self.fault_data.q.val();
        self.faults.write_enable.next = self.fault_write.q.val();
        self.park_word.next.head = self.park.head.val();
        self.park_word.next.sent_frames = self.park.sent_frames.val();
        self.park_at.d.next = self.park.queue.val();
        self.park_data.d.next = self.park_word.val();
        self.park_write.d.next = self.park.valid.val();
        self.parks.write_addr.next = self.park_at.q.val();
        self.parks.write_data.next = self.park_data.q.val();
        self.parks.write_enable.next = self.park_write.q.val();
        // Frames without bytes: the chain did not come as far as when it parked the queue before.
        self.bytes_data.d.next = self.park.sent_bytes.val();
        self.bytes_write.d.next =
            self.park.valid.val() & (self.park.sent_bytes.val().any() | !self.park.sent_frames.val().any());
        self.bytes.write_addr.next = self.park_at.q.val();
        self.bytes.write_data.next = self.bytes_data.q.val();
        self.bytes.write_enable.next = self.bytes_write.q.val();
        self.bytes.read_addr.next = self.selected.val();
        self.faults.read_addr.next = self.selected.val();
        self.parks.read_addr.next = self.selected.val();
        self.fault_read.next = self.faults.read_data.val();
        self.fault_page.next = self.fault_read.val().virt_page;
        self.park_read.next = self.parks.read_data.val();
        // Conditions
        self.hot.next = bits::<16>(1) << self.selected.val();
        self.at_selected.next = self.parked_queues.q.val() & self.hot.val();
        self.cold.next = !self.hot.val();
        self.parked_now.d.next = self.exists.val() & self.at_selected.val().any();
        self.arrived.next = 0.into();
        if self.park_write.q.val() {
            self.arrived.next = bits::<16>(1) << self.park_at.q.val();
        }
        self.left.next = self.parked_queues.q.val();
        self.resumes.d.next = 0.into();
        self.aborts.d.next = 0.into();
        if self.write.val() & self.is_park_control.q.val() & self.parked_now.q.val() {
            if self.value.val().get_bit(1) {
                self.aborts.d.next = self.hot.val() & self.exist.val();
                self.left.next = self.parked_queues.q.val() & self.cold.val();
            } else if self.value.val().get_bit(0) {
                self.resumes.d.next = self.hot.val() & self.exist.val();
                self.left.next = self.parked_queues.q.val() & self.cold.val();
            }
        }
        self.parked_queues.d.next = (self.left.val() | self.arrived.val()) & self.ready_queues.val() & self.exist.val();
        self.any_parked.d.next = (self.arrived.val() & self.ready_queues.val()).any();
        // Reading
        self.info_read.next = 0.into();
        self.head_read.next = 0.into();
        self.low_read.next = 0.into();
        self.high_read.next = 0.into();
        self.bytes_read.next = 0.into();
        self.frames_read.next = 0.into();
        self.parked_read.next = 0.into();
        if self.is_park_info.q.val() {
            self.info_read.next = (bit_cast::<32, 1>(self.parked_now.q.val().into()) << 31)
                | (bit_cast::<32, 5>(self.fault_read.val().cause) << 8)
                | bit_cast::<32, 4>(self.fault_read.val().context);
        }
        if self.is_park_head.q.val() {
            self.head_read.next = bit_cast::<32, 16>(self.park_read.val().head);
        }
        if self.is_park_addr_low.q.val() {
            self.low_read.next = bit_cast::<32, 20>(self.fault_page.val().get_bits::<20>(0)) << 12;
        }
        if self.is_park_addr_high.q.val() {
            self.high_read.next = self.fault_page.val().get_bits::<32>(20);
        }
        if self.is_park_bytes.q.val() {
            self.bytes_read.next = bit_cast::<32, CHAIN_BYTES_BITS>(self.bytes.read_data.val());
        }
        if self.is_park_frames.q.val() {
            self.frames_read.next = bit_cast::<32, CHAIN_BYTES_BITS>(self.park_read.val().sent_frames);
        }
        if self.is_queues_parked.q.val() {
            self.parked_read.next = bit_cast::<32, 16>(self.parked_queues.q.val());
        }
        self.live.d.next = self.info_read.val()
            | self.head_read.val()
            | self.low_read.val()
            | self.high_read.val()
            | self.bytes_read.val()
            | self.frames_read.val()
            | self.parked_read.val();
        if self.reset.val() {
            self.parked_queues.d.next = 0.into();
            self.parked_now.d.next = false;
            self.fault_write.d.next = false;
            self.park_write.d.next = false;
            self.bytes_write.d.next = false;
            self.any_parked.d.next = false;
            self.resumes.d.next = 0.into();
            self.aborts.d.next = 0.into();
        }
    }
}
