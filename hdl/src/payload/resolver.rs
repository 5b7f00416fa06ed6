//! Joins chunks with their translations. A fault breaks the chain; it is reported when the chain's bytes got there and
//! nothing else ended the chain before.

use super::records::{FaultDetail, PhysChunk, VirtChunk};
use crate::bus::fifo::Fifo;
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
        /// How chains ended.
        pub verdict: VerdictSink,
        /// Faults that ended their chains.
        pub fault: FaultSource,
        //
        details: Fifo<FaultDetail, 4>,
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
        // the last clock's chunk says so, one way or the other; it breaks its chain
        decides: DFF<Bit>,
        tells: DFF<Bit>,
        broken_tag: DFF<Bits<6>>,
        // the next chain to end, and the fault that ended the last one
        ending_tag: DFF<Bits<6>>,
        // the oldest detail is that chain's; a clock late, chains end further apart
        has_detail: DFF<Bit>,
        reported: DFF<Bit>,
        report: DFF<FaultDetail>,
        report_queue: DFF<Bits<4>>,
        report_head: DFF<Bits<16>>,
        report_cause: DFF<Bits<5>>,
        detail: Signal<Local, FaultDetail>,
        found: Signal<Local, FaultDetail>,
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
            decides,
            tells,
            broken_tag,
            ending_tag,
            has_detail,
            reported,
            report,
            report_queue,
            report_head,
            report_cause
        );
        clock!(self, clock, details);
        self.details.reset.next = self.reset.val();
        self.rsp_ready.next = !self.answered.q.val();
        self.chunk_ready.next = !self.held.q.val();
        self.out_valid.next = self.full.q.val();
        self.out.next = self.result.q.val();
        self.abort_valid.next = self.broken.q.val();
        self.abort_tag.next = self.broken_tag.q.val();
        // Chains end in the order of their tags. A fault behind what ended its chain is forgotten.
        self.fault.valid.next = self.reported.q.val();
        self.fault.queue.next = self.report_queue.q.val();
        self.fault.head.next = self.report_head.q.val();
        self.fault.context.next = self.report.q.val().context;
        self.fault.virt_page.next = self.report.q.val().virt_page;
        self.fault.cause.next = self.report_cause.q.val();
        self.reported.d.next = self.verdict.valid.val() & self.verdict.faulted.val();
        self.report.d.next = self.details.out_data.val();
        self.report_queue.d.next = self.verdict.queue.val();
        self.report_head.d.next = self.verdict.head.val();
        self.report_cause.d.next = self.verdict.cause.val();
        self.detail.next = self.details.out_data.val();
        self.has_detail.d.next = self.detail.val().tag == self.ending_tag.q.val();
        self.details.out_ready.next = self.verdict.valid.val() & self.has_detail.q.val();
        if self.verdict.valid.val() {
            self.ending_tag.d.next = self.ending_tag.q.val() + 1;
        }
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
            & (self.answered.q.val() | self.is_break.q.val())
            & self.details.in_ready.val();
        self.judged.d.next = self.held.q.val() & !self.done.val();
        self.is_break.d.next = self.pending.q.val().refusal.any() | self.pending.q.val().marker;
        self.same_chain.d.next =
            self.broken.q.val() & (self.pending.q.val().tag == self.broken_tag.q.val()) & !self.pending.q.val().marker;
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
        self.entry.next.queue = self.pending.q.val().queue;
        self.entry.next.epoch = self.pending.q.val().epoch;
        self.entry.next.last = self.pending.q.val().last;
        self.entry.next.refusal = self.pending.q.val().refusal;
        self.entry.next.marker = self.pending.q.val().marker;
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
            }
        }
        self.found.next.tag = self.pending.q.val().tag;
        self.found.next.context = self.pending.q.val().context;
        self.found.next.virt_page = self.pending.q.val().virt_page;
        self.details.in_data.next = self.found.val();
        // On the clock after, when the chunk is still in hand.
        self.decides.d.next = self.done.val() & !self.same_chain.q.val() & !self.pending.q.val().marker;
        self.tells.d.next = self.done.val() & !self.same_chain.q.val() & self.faults.val();
        self.details.in_valid.next = self.tells.q.val();
        if self.decides.q.val() {
            self.broken.d.next = self.tells.q.val();
        }
        if self.tells.q.val() {
            self.broken_tag.d.next = self.pending.q.val().tag;
        }
        if self.reset.val() {
            self.answered.d.next = false;
            self.held.d.next = false;
            self.judged.d.next = false;
            self.full.d.next = false;
            self.broken.d.next = false;
            self.decides.d.next = false;
            self.tells.d.next = false;
            self.ending_tag.d.next = 1.into();
            self.reported.d.next = false;
        }
    }
}
