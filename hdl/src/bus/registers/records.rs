//! The fault record, the error record and the stopped queues.

use super::map::{self, CODE_BITS};
use crate::bus::ports::{FaultSink, RefusedSink, RingErrorSink};
use rust_hdl::prelude::*;
use segwalk_model::limits::VIRT_PAGE_BITS;
use segwalk_model::registers;

logic_block! {
    /// Keeps the first translation fault and the first refusal since their record was cleared. Of several refusals on one
    /// clock the fetcher's ring error is kept, then the completion's, then the packet error.
    pub struct RefusalRecords {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset, of the core or of the device.
        pub reset: Signal<In, Bit>,
        /// The register of `code` is written; a pulse.
        pub write: Signal<In, Bit>,
        /// Register.
        pub code: Signal<In, Bits<CODE_BITS>>,
        /// Value to read, one clock after `code`, or 0 when the register is kept elsewhere.
        pub read_data: Signal<Out, Bits<32>>,
        /// Translation faults.
        pub fault: FaultSink,
        /// Ring errors of the fetcher.
        pub fetch_ring_error: RingErrorSink,
        /// Ring errors of the completion.
        pub done_ring_error: RingErrorSink,
        /// Packet errors.
        pub refused: RefusedSink,
        /// Bit a transmit queue: the ring error that stopped it is forgotten, because it is being reset.
        pub forgets: Signal<In, Bits<16>>,
        /// Transmit queues stopped by a ring error.
        pub stopped: Signal<Out, Bits<16>>,
        //
        fault_valid: DFF<Bit>,
        fault_queue: DFF<Bits<4>>,
        fault_context: DFF<Bits<4>>,
        fault_cause: DFF<Bits<5>>,
        fault_head: DFF<Bits<16>>,
        fault_page: DFF<Bits<VIRT_PAGE_BITS>>,
        error_valid: DFF<Bit>,
        error_queue: DFF<Bits<4>>,
        error_code: DFF<Bits<6>>,
        error_head: DFF<Bits<16>>,
        stops: DFF<Bits<16>>,
        live: DFF<Bits<32>>,
        one: Constant<Bits<16>> = Constant::new(1u64.to_bits()),
        fetch_stop: Signal<Local, Bits<16>>,
        done_stop: Signal<Local, Bits<16>>,
        fault_info: Constant<Bits<CODE_BITS>> = map::code(&registers::FAULT_INFO),
        fault_head_code: Constant<Bits<CODE_BITS>> = map::code(&registers::FAULT_HEAD),
        fault_addr_low: Constant<Bits<CODE_BITS>> = map::code(&registers::FAULT_ADDR_LOW),
        fault_addr_high: Constant<Bits<CODE_BITS>> = map::code(&registers::FAULT_ADDR_HIGH),
        error_info: Constant<Bits<CODE_BITS>> = map::code(&registers::ERROR_INFO),
        error_head_code: Constant<Bits<CODE_BITS>> = map::code(&registers::ERROR_HEAD),
        queues_stopped: Constant<Bits<CODE_BITS>> = map::code(&registers::QUEUES_STOPPED),
    }
}

impl Logic for RefusalRecords {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            fault_valid,
            fault_queue,
            fault_context,
            fault_cause,
            fault_head,
            fault_page,
            error_valid,
            error_queue,
            error_code,
            error_head,
            stops,
            live
        );
        self.read_data.next = self.live.q.val();
        self.stopped.next = self.stops.q.val();
        self.fetch_stop.next = 0.into();
        self.done_stop.next = 0.into();
        // Reading: an empty record reads 0
        self.live.d.next = 0.into();
        if (self.code.val() == self.fault_info.val()) & self.fault_valid.q.val() {
            self.live.d.next = (bit_cast::<32, 1>(self.fault_valid.q.val().into()) << 31)
                | (bit_cast::<32, 5>(self.fault_cause.q.val()) << 8)
                | (bit_cast::<32, 4>(self.fault_context.q.val()) << 4)
                | bit_cast::<32, 4>(self.fault_queue.q.val());
        }
        if (self.code.val() == self.fault_head_code.val()) & self.fault_valid.q.val() {
            self.live.d.next = bit_cast::<32, 16>(self.fault_head.q.val());
        }
        if (self.code.val() == self.fault_addr_low.val()) & self.fault_valid.q.val() {
            self.live.d.next = bit_cast::<32, 20>(self.fault_page.q.val().get_bits::<20>(0)) << 12;
        }
        if (self.code.val() == self.fault_addr_high.val()) & self.fault_valid.q.val() {
            self.live.d.next = self.fault_page.q.val().get_bits::<32>(20);
        }
        if (self.code.val() == self.error_info.val()) & self.error_valid.q.val() {
            self.live.d.next = (bit_cast::<32, 1>(self.error_valid.q.val().into()) << 31)
                | (bit_cast::<32, 6>(self.error_code.q.val()) << 8)
                | bit_cast::<32, 4>(self.error_queue.q.val());
        }
        if (self.code.val() == self.error_head_code.val()) & self.error_valid.q.val() {
            self.live.d.next = bit_cast::<32, 16>(self.error_head.q.val());
        }
        if self.code.val() == self.queues_stopped.val() {
            self.live.d.next = bit_cast::<32, 16>(self.stops.q.val());
        }
        // Recording
        if self.fault.valid.val() & !self.fault_valid.q.val() {
            self.fault_valid.d.next = true;
            self.fault_queue.d.next = self.fault.queue.val();
            self.fault_context.d.next = self.fault.context.val();
            self.fault_cause.d.next = self.fault.cause.val();
            self.fault_head.d.next = self.fault.head.val();
            self.fault_page.d.next = self.fault.virt_page.val();
        }
        if !self.error_valid.q.val() {
            if self.fetch_ring_error.valid.val() {
                self.error_valid.d.next = true;
                self.error_queue.d.next = self.fetch_ring_error.queue.val();
                self.error_code.d.next = self.fetch_ring_error.code.val();
                self.error_head.d.next = 0.into();
            } else if self.done_ring_error.valid.val() {
                self.error_valid.d.next = true;
                self.error_queue.d.next = self.done_ring_error.queue.val();
                self.error_code.d.next = self.done_ring_error.code.val();
                self.error_head.d.next = 0.into();
            } else if self.refused.valid.val() {
                self.error_valid.d.next = true;
                self.error_queue.d.next = self.refused.queue.val();
                self.error_code.d.next = self.refused.code.val();
                self.error_head.d.next = self.refused.head.val();
            }
        }
        if self.fetch_ring_error.valid.val() {
            self.fetch_stop.next = self.one.val() << self.fetch_ring_error.queue.val();
        }
        if self.done_ring_error.valid.val() {
            self.done_stop.next = self.one.val() << self.done_ring_error.queue.val();
        }
        self.stops.d.next = (self.stops.q.val() | self.fetch_stop.val() | self.done_stop.val()) & !self.forgets.val();
        // Clearing frees a record that is taken; one that is taken on this very clock stays.
        if self.write.val() & (self.code.val() == self.fault_info.val()) & self.fault_valid.q.val() {
            self.fault_valid.d.next = false;
        }
        if self.write.val() & (self.code.val() == self.error_info.val()) & self.error_valid.q.val() {
            self.error_valid.d.next = false;
        }
        if self.reset.val() {
            self.fault_valid.d.next = false;
            self.fault_queue.d.next = 0.into();
            self.fault_context.d.next = 0.into();
            self.fault_cause.d.next = 0.into();
            self.fault_head.d.next = 0.into();
            self.fault_page.d.next = 0.into();
            self.error_valid.d.next = false;
            self.error_queue.d.next = 0.into();
            self.error_code.d.next = 0.into();
            self.error_head.d.next = 0.into();
            self.stops.d.next = 0.into();
        }
    }
}
