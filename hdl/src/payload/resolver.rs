//! Joins chunks with their translations; a fault breaks the chain and is recorded.

use super::records::{PhysChunk, VirtChunk};
use crate::bus::ports::*;
use rust_hdl::prelude::*;
use segwalk_model::limits::PHYS_PAGE_BITS;

logic_block! {
    /// Joins chunks with their translations; see the module.
    pub struct Resolver {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        /// A chunk from the chunker.
        pub chunk_valid: Signal<In, Bit>,
        /// It is taken.
        pub chunk_ready: Signal<Out, Bit>,
        /// The chunk.
        pub chunk: Signal<In, VirtChunk>,
        /// The MMU's answer is here.
        pub rsp_valid: Signal<In, Bit>,
        /// It is taken.
        pub rsp_ready: Signal<Out, Bit>,
        /// Physical page number.
        pub rsp_phys_page: Signal<In, Bits<PHYS_PAGE_BITS>>,
        /// 0, or the cause of the fault.
        pub rsp_cause: Signal<In, Bits<5>>,
        /// A translated chunk for the burst cutter.
        pub out_valid: Signal<Out, Bit>,
        /// It is taken.
        pub out_ready: Signal<In, Bit>,
        /// The chunk.
        pub out: Signal<Out, PhysChunk>,
        /// The chain with this tag broke.
        pub abort_valid: Signal<Out, Bit>,
        /// Tag of the broken chain.
        pub abort_tag: Signal<Out, Bits<6>>,
        /// Fault record.
        pub fault: FaultSource,
        //
        answered: DFF<Bit>,
        phys_page: DFF<Bits<PHYS_PAGE_BITS>>,
        cause: DFF<Bits<5>>,
        full: DFF<Bit>,
        result: DFF<PhysChunk>,
        // the newest chain that broke by a fault; what follows of it is dropped
        broken: DFF<Bit>,
        broken_tag: DFF<Bits<6>>,
        fault_now: DFF<Bit>,
        fault_chunk: DFF<VirtChunk>,
        fault_cause: DFF<Bits<5>>,
        take: Signal<Local, Bit>,
        is_break: Signal<Local, Bit>,
        faults: Signal<Local, Bit>,
        same_chain: Signal<Local, Bit>,
        entry: Signal<Local, PhysChunk>,
        // refusal = 32 + cause, see `segwalk_model::refusal`
        fault_base: Constant<Bits<6>> = Constant::new(32_u64.to_bits()),
    }
}

impl Logic for Resolver {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            answered,
            phys_page,
            cause,
            full,
            result,
            broken,
            broken_tag,
            fault_now,
            fault_chunk,
            fault_cause
        );
        self.rsp_ready.next = !self.answered.q.val();
        self.out_valid.next = self.full.q.val();
        self.out.next = self.result.q.val();
        self.abort_valid.next = self.broken.q.val();
        self.abort_tag.next = self.broken_tag.q.val();
        self.fault.valid.next = self.fault_now.q.val();
        self.fault.queue.next = self.fault_chunk.q.val().queue;
        self.fault.head.next = self.fault_chunk.q.val().head;
        self.fault.context.next = self.fault_chunk.q.val().context;
        self.fault.virt_page.next = self.fault_chunk.q.val().virt_page;
        self.fault.cause.next = self.fault_cause.q.val();
        self.fault_now.d.next = false;
        if self.full.q.val() & self.out_ready.val() {
            self.full.d.next = false;
        }
        if self.rsp_valid.val() & !self.answered.q.val() {
            self.answered.d.next = true;
            self.phys_page.d.next = self.rsp_phys_page.val();
            self.cause.d.next = self.rsp_cause.val();
        }
        self.entry.next.phys_page = self.phys_page.q.val();
        self.entry.next.offset = self.chunk.val().offset;
        self.entry.next.bytes = self.chunk.val().bytes;
        self.entry.next.last = self.chunk.val().last;
        self.entry.next.refusal = self.chunk.val().refusal;
        // A chunk that breaks its chain has no translation; an answer that waits belongs to the chunk behind it.
        self.is_break.next = self.chunk.val().refusal.any();
        self.faults.next = !self.is_break.val() & self.cause.q.val().any();
        if self.faults.val() {
            self.entry.next.last = true;
            self.entry.next.refusal = self.fault_base.val() | bit_cast::<6, 5>(self.cause.q.val());
        }
        self.same_chain.next = self.broken.q.val() & (self.chunk.val().tag == self.broken_tag.q.val());
        self.take.next = self.chunk_valid.val() & !self.full.q.val() & (self.answered.q.val() | self.is_break.val());
        self.chunk_ready.next = self.take.val();
        if self.take.val() {
            if !self.is_break.val() {
                self.answered.d.next = false;
            }
            self.result.d.next = self.entry.val();
            if !self.same_chain.val() {
                self.full.d.next = true;
                self.broken.d.next = false;
                if self.faults.val() {
                    self.broken.d.next = true;
                    self.broken_tag.d.next = self.chunk.val().tag;
                    self.fault_now.d.next = true;
                    self.fault_chunk.d.next = self.chunk.val();
                    self.fault_cause.d.next = self.cause.q.val();
                }
            }
        }
        if self.reset.val() {
            self.answered.d.next = false;
            self.full.d.next = false;
            self.broken.d.next = false;
            self.fault_now.d.next = false;
        }
    }
}
