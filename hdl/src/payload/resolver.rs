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
        // The chunk in hand, and one clock later what is to be known of it
        held: DFF<Bit>,
        pending: DFF<VirtChunk>,
        judged: DFF<Bit>,
        is_break: DFF<Bit>,
        same_chain: DFF<Bit>,
        full: DFF<Bit>,
        result: DFF<PhysChunk>,
        // the newest chain that broke by a fault; what follows of it is dropped
        broken: DFF<Bit>,
        broken_tag: DFF<Bits<6>>,
        fault_now: DFF<Bit>,
        fault_cause: DFF<Bits<5>>,
        done: Signal<Local, Bit>,
        faults: Signal<Local, Bit>,
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
            held,
            pending,
            judged,
            is_break,
            same_chain,
            full,
            result,
            broken,
            broken_tag,
            fault_now,
            fault_cause
        );
        self.rsp_ready.next = !self.answered.q.val();
        self.chunk_ready.next = !self.held.q.val();
        self.out_valid.next = self.full.q.val();
        self.out.next = self.result.q.val();
        self.abort_valid.next = self.broken.q.val();
        self.abort_tag.next = self.broken_tag.q.val();
        // The chunk that faulted stays in hand until the clock after the pulse.
        self.fault.valid.next = self.fault_now.q.val();
        self.fault.queue.next = self.pending.q.val().queue;
        self.fault.head.next = self.pending.q.val().head;
        self.fault.context.next = self.pending.q.val().context;
        self.fault.virt_page.next = self.pending.q.val().virt_page;
        self.fault.cause.next = self.fault_cause.q.val();
        self.fault_now.d.next = false;
        if self.out_ready.val() {
            self.full.d.next = false;
        }
        // The answer to the oldest chunk that was asked for
        if self.rsp_valid.val() & !self.answered.q.val() {
            self.answered.d.next = true;
            self.phys_page.d.next = self.rsp_phys_page.val();
            self.cause.d.next = self.rsp_cause.val();
        }
        // Take, judge, decide: a clock each, which is faster than chunks come.
        self.done.next = self.judged.q.val()
            & (!self.full.q.val() | self.out_ready.val())
            & (self.answered.q.val() | self.is_break.q.val());
        self.judged.d.next = self.held.q.val() & !self.done.val();
        self.is_break.d.next = self.pending.q.val().refusal.any();
        self.same_chain.d.next = self.broken.q.val() & (self.pending.q.val().tag == self.broken_tag.q.val());
        if self.done.val() {
            self.held.d.next = false;
        }
        if !self.held.q.val() {
            self.held.d.next = self.chunk_valid.val();
            self.pending.d.next = self.chunk.val();
        }
        self.entry.next.phys_page = self.phys_page.q.val();
        self.entry.next.offset = self.pending.q.val().offset;
        self.entry.next.bytes = self.pending.q.val().bytes;
        self.entry.next.last = self.pending.q.val().last;
        self.entry.next.refusal = self.pending.q.val().refusal;
        // A chunk that breaks its chain has no translation; an answer that waits belongs to the chunk behind it.
        self.faults.next = !self.is_break.q.val() & self.cause.q.val().any();
        if self.faults.val() {
            self.entry.next.last = true;
            self.entry.next.refusal = self.fault_base.val() | bit_cast::<6, 5>(self.cause.q.val());
        }
        if !self.full.q.val() | self.out_ready.val() {
            self.result.d.next = self.entry.val();
        }
        if self.done.val() {
            if !self.is_break.q.val() {
                self.answered.d.next = false;
            }
            if !self.same_chain.q.val() {
                self.full.d.next = true;
                self.broken.d.next = self.faults.val();
                self.fault_now.d.next = self.faults.val();
            }
        }
        self.fault_cause.d.next = self.cause.q.val();
        if self.done.val() & !self.same_chain.q.val() & self.faults.val() {
            self.broken_tag.d.next = self.pending.q.val().tag;
        }
        if self.reset.val() {
            self.answered.d.next = false;
            self.held.d.next = false;
            self.judged.d.next = false;
            self.full.d.next = false;
            self.broken.d.next = false;
            self.fault_now.d.next = false;
        }
    }
}
