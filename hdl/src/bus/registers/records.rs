//! The fault record, the error record and the stopped queues.

use super::map::{self, CODE_BITS};
use crate::bus::ports::{FaultSink, RefusedSink, RingErrorSink};
use rust_hdl::prelude::*;
use segwalk_model::limits::{TX_QUEUES, VIRT_PAGE_BITS};
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
        /// Value to read, two clocks after `code`, or 0 when the register is kept elsewhere.
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
        // What register `code` is, if its record is taken
        is_fault_info: DFF<Bit>,
        is_fault_head: DFF<Bit>,
        is_fault_addr_low: DFF<Bit>,
        is_fault_addr_high: DFF<Bit>,
        is_error_info: DFF<Bit>,
        is_error_head: DFF<Bit>,
        is_queues_stopped: DFF<Bit>,
        // The last clock's fault and refusals
        fault_now: DFF<Bit>,
        queue_now: DFF<Bits<4>>,
        context_now: DFF<Bits<4>>,
        cause_now: DFF<Bits<5>>,
        head_now: DFF<Bits<16>>,
        page_now: DFF<Bits<VIRT_PAGE_BITS>>,
        fetch_error_now: DFF<Bit>,
        fetch_error_queue: DFF<Bits<4>>,
        fetch_error_code: DFF<Bits<6>>,
        done_error_now: DFF<Bit>,
        done_error_queue: DFF<Bits<4>>,
        done_error_code: DFF<Bits<6>>,
        refused_now: DFF<Bit>,
        refused_queue: DFF<Bits<4>>,
        refused_code: DFF<Bits<6>>,
        refused_head: DFF<Bits<16>>,
        exist: Constant<Bits<16>> = map::queue_mask(TX_QUEUES as u32),
        one: Constant<Bits<16>> = Constant::new(1u64.to_bits()),
        fetch_stop: Signal<Local, Bits<16>>,
        done_stop: Signal<Local, Bits<16>>,
        kept: Signal<Local, Bits<16>>,
        // What is read of each register
        info_word: Signal<Local, Bits<32>>,
        head_word: Signal<Local, Bits<32>>,
        low_word: Signal<Local, Bits<32>>,
        high_word: Signal<Local, Bits<32>>,
        error_word: Signal<Local, Bits<32>>,
        error_head_word: Signal<Local, Bits<32>>,
        stops_word: Signal<Local, Bits<32>>,
        fault_info: Constant<Bits<CODE_BITS>> = map::code(&registers::FAULT_INFO),
        fault_head_code: Constant<Bits<CODE_BITS>> = map::code(&registers::FAULT_HEAD),
        fault_addr_low: Constant<Bits<CODE_BITS>> = map::code(&registers::FAULT_ADDR_LOW),
        fault_addr_high: Constant<Bits<CODE_BITS>> = map::code(&registers::FAULT_ADDR_HIGH),
        error_info: Constant<Bits<CODE_BITS>> = map::code(&registers::ERROR_INFO),
        error_head_code: Constant<Bits<CODE_BITS>> = map::code(&registers::ERROR_HEAD),
        queues_stopped: Constant<Bits<CODE_BITS>> = map::code(&registers::QUEUES_STOPPED),
    }
}

impl RefusalRecords {
    /// For a build with `tx_queues` transmit queues.
    pub fn new(tx_queues: u32) -> Self {
        Self {
            exist: map::queue_mask(tx_queues),
            ..Default::default()
        }
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
            live,
            is_fault_info,
            is_fault_head,
            is_fault_addr_low,
            is_fault_addr_high,
            is_error_info,
            is_error_head,
            is_queues_stopped,
            fault_now,
            queue_now,
            context_now,
            cause_now,
            head_now,
            page_now,
            fetch_error_now,
            fetch_error_queue,
            fetch_error_code,
            done_error_now,
            done_error_queue,
            done_error_code,
            refused_now,
            refused_queue,
            refused_code,
            refused_head
        );
        self.is_fault_info.d.next = (self.code.val() == self.fault_info.val()) & self.fault_valid.q.val();
        self.is_fault_head.d.next = (self.code.val() == self.fault_head_code.val()) & self.fault_valid.q.val();
        self.is_fault_addr_low.d.next = (self.code.val() == self.fault_addr_low.val()) & self.fault_valid.q.val();
        self.is_fault_addr_high.d.next = (self.code.val() == self.fault_addr_high.val()) & self.fault_valid.q.val();
        self.is_error_info.d.next = (self.code.val() == self.error_info.val()) & self.error_valid.q.val();
        self.is_error_head.d.next = (self.code.val() == self.error_head_code.val()) & self.error_valid.q.val();
        self.is_queues_stopped.d.next = self.code.val() == self.queues_stopped.val();
        self.fault_now.d.next = self.fault.valid.val();
        self.queue_now.d.next = self.fault.queue.val();
        self.context_now.d.next = self.fault.context.val();
        self.cause_now.d.next = self.fault.cause.val();
        self.head_now.d.next = self.fault.head.val();
        self.page_now.d.next = self.fault.virt_page.val();
        self.fetch_error_now.d.next = self.fetch_ring_error.valid.val();
        self.fetch_error_queue.d.next = self.fetch_ring_error.queue.val();
        self.fetch_error_code.d.next = self.fetch_ring_error.code.val();
        self.done_error_now.d.next = self.done_ring_error.valid.val();
        self.done_error_queue.d.next = self.done_ring_error.queue.val();
        self.done_error_code.d.next = self.done_ring_error.code.val();
        self.refused_now.d.next = self.refused.valid.val();
        self.refused_queue.d.next = self.refused.queue.val();
        self.refused_code.d.next = self.refused.code.val();
        self.refused_head.d.next = self.refused.head.val();
        self.read_data.next = self.live.q.val();
        self.stopped.next = self.stops.q.val();
        self.fetch_stop.next = 0.into();
        self.done_stop.next = 0.into();
        // Reading: an empty record reads 0
        self.info_word.next = 0.into();
        self.head_word.next = 0.into();
        self.low_word.next = 0.into();
        self.high_word.next = 0.into();
        self.error_word.next = 0.into();
        self.error_head_word.next = 0.into();
        self.stops_word.next = 0.into();
        if self.is_fault_info.q.val() {
            self.info_word.next = (bit_cast::<32, 1>(self.fault_valid.q.val().into()) << 31)
                | (bit_cast::<32, 5>(self.fault_cause.q.val()) << 8)
                | (bit_cast::<32, 4>(self.fault_context.q.val()) << 4)
                | bit_cast::<32, 4>(self.fault_queue.q.val());
        }
        if self.is_fault_head.q.val() {
            self.head_word.next = bit_cast::<32, 16>(self.fault_head.q.val());
        }
        if self.is_fault_addr_low.q.val() {
            self.low_word.next = bit_cast::<32, 20>(self.fault_page.q.val().get_bits::<20>(0)) << 12;
        }
        if self.is_fault_addr_high.q.val() {
            self.high_word.next = self.fault_page.q.val().get_bits::<32>(20);
        }
        if self.is_error_info.q.val() {
            self.error_word.next = (bit_cast::<32, 1>(self.error_valid.q.val().into()) << 31)
                | (bit_cast::<32, 6>(self.error_code.q.val()) << 8)
                | bit_cast::<32, 4>(self.error_queue.q.val());
        }
        if self.is_error_head.q.val() {
            self.error_head_word.next = bit_cast::<32, 16>(self.error_head.q.val());
        }
        if self.is_queues_stopped.q.val() {
            self.stops_word.next = bit_cast::<32, 16>(self.stops.q.val());
        }
        self.live.d.next = self.info_word.val()
            | self.head_word.val()
            | self.low_word.val()
            | self.high_word.val()
            | self.error_word.val()
            | self.error_head_word.val()
            | self.stops_word.val();
        // Recording
        if self.fault_now.q.val() & !self.fault_valid.q.val() {
            self.fault_valid.d.next = true;
            self.fault_queue.d.next = self.queue_now.q.val();
            self.fault_context.d.next = self.context_now.q.val();
            self.fault_cause.d.next = self.cause_now.q.val();
            self.fault_head.d.next = self.head_now.q.val();
            self.fault_page.d.next = self.page_now.q.val();
        }
        if !self.error_valid.q.val() {
            if self.fetch_error_now.q.val() {
                self.error_valid.d.next = true;
                self.error_queue.d.next = self.fetch_error_queue.q.val();
                self.error_code.d.next = self.fetch_error_code.q.val();
                self.error_head.d.next = 0.into();
            } else if self.done_error_now.q.val() {
                self.error_valid.d.next = true;
                self.error_queue.d.next = self.done_error_queue.q.val();
                self.error_code.d.next = self.done_error_code.q.val();
                self.error_head.d.next = 0.into();
            } else if self.refused_now.q.val() {
                self.error_valid.d.next = true;
                self.error_queue.d.next = self.refused_queue.q.val();
                self.error_code.d.next = self.refused_code.q.val();
                self.error_head.d.next = self.refused_head.q.val();
            }
        }
        if self.fetch_ring_error.valid.val() {
            self.fetch_stop.next = self.one.val() << self.fetch_ring_error.queue.val();
        }
        if self.done_ring_error.valid.val() {
            self.done_stop.next = self.one.val() << self.done_ring_error.queue.val();
        }
        self.kept.next = !self.forgets.val();
        self.stops.d.next =
            (self.stops.q.val() | self.fetch_stop.val() | self.done_stop.val()) & self.kept.val() & self.exist.val();
        // Clearing frees a record that is taken; one that is taken on this very clock stays.
        if self.write.val() & self.is_fault_info.q.val() {
            self.fault_valid.d.next = false;
        }
        if self.write.val() & self.is_error_info.q.val() {
            self.error_valid.d.next = false;
        }
        if self.reset.val() {
            self.fault_valid.d.next = false;
            self.error_valid.d.next = false;
            self.fault_now.d.next = false;
            self.fetch_error_now.d.next = false;
            self.done_error_now.d.next = false;
            self.refused_now.d.next = false;
            self.stops.d.next = 0.into();
        }
    }
}
