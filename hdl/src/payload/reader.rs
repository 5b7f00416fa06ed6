//! The payload reader: fragments in, one gapless byte stream a chain out.
//!
//! Chunks are translated up to 17 pages ahead of the bursts, bursts are asked for up to 512 beats ahead of the stream, so
//! that neither a walk nor the latency of the bus is seen by the stream. A fragment that does not translate, or a beat
//! with a bus error, ends its chain's stream with a refusal; the chains behind it are not touched. Chains that the TSO
//! pipeline would drop are not read.
//!
//! A fence sends a marker down the path of the chunks: when it comes out, everything that was translated before it has
//! been read and has left.

use super::burst_cutter::BurstCutter;
use super::chunker::Chunker;
use super::realigner::Realigner;
use super::records::{MemBeat, PhysChunk};
use super::resolver::Resolver;
use crate::bus::fifo::{BlockFifo, Fifo};
use crate::bus::ports::*;
use rust_hdl::prelude::*;

logic_block! {
    /// The payload reader; see the module.
    pub struct PayloadReader {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        /// Chains from the queue fetcher.
        pub chain_in: ChainSink,
        /// Their fragments.
        pub fragments: FragmentSink,
        /// MMU.
        pub translate: TranslateClient,
        /// Memory.
        pub mem: MemReadClient,
        /// Chains to the TSO pipeline.
        pub chain_out: ChainSource,
        /// Their bytes.
        pub bytes: ByteSource,
        /// How chains ended in the TSO pipeline, and which it drops.
        pub verdict: VerdictSink,
        /// Faults that ended their chains.
        pub fault: FaultSource,
        /// From now on the MMU gives no translation that was invalidated; a pulse.
        pub fence: Signal<In, Bit>,
        /// Translations from before the last fence are in use.
        pub fence_busy: Signal<Out, Bit>,
        /// Chunker's state in bits 2:0, burst cutter's in bits 5:3, realigner's in bits 7:6.
        pub debug: Signal<Out, Bits<8>>,
        /// Bit 0: a beat of the stream waits for the TSO pipeline; 1: beats were asked for and none is here, or they
        /// pass; 2: the oldest chunk waits for its translation.
        pub debug_waits: Signal<Out, Bits<3>>,
        //
        chunker: Chunker,
        resolver: Resolver,
        phys_chunks: Fifo<PhysChunk, 4>,
        cutter: BurstCutter,
        beats: BlockFifo<MemBeat, 9>,
        realigner: Realigner,
        fenced: DFF<Bit>,
        marked: DFF<Bit>,
        beat: Signal<Local, MemBeat>,
        held_up: Signal<Local, Bit>,
        no_beat: Signal<Local, Bit>,
        no_answer: Signal<Local, Bit>,
    }
}

impl Logic for PayloadReader {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, fenced, marked);
        clock!(self, clock, chunker, resolver, phys_chunks, cutter, beats, realigner);
        self.chunker.reset.next = self.reset.val();
        self.resolver.reset.next = self.reset.val();
        self.phys_chunks.reset.next = self.reset.val();
        self.cutter.reset.next = self.reset.val();
        self.beats.reset.next = self.reset.val();
        self.realigner.reset.next = self.reset.val();
        // Fragments -> chunks
        ChainSink::link(&mut self.chain_in, &mut self.chunker.chain_in);
        FragmentSink::link(&mut self.fragments, &mut self.chunker.fragments);
        ChainSource::link(&mut self.chain_out, &mut self.chunker.chain_out);
        self.translate.req_valid.next = self.chunker.req_valid.val();
        self.chunker.req_ready.next = self.translate.req_ready.val();
        self.translate.context.next = self.chunker.req_context.val();
        self.translate.virt_page.next = self.chunker.req_virt_page.val();
        self.translate.write.next = false;
        // Chunks + translations -> physical chunks
        self.resolver.chunk_valid.next = self.chunker.chunk_valid.val();
        self.chunker.chunk_ready.next = self.resolver.chunk_ready.val();
        self.resolver.chunk.next = self.chunker.chunk.val();
        self.resolver.rsp_valid.next = self.translate.rsp_valid.val();
        self.translate.rsp_ready.next = self.resolver.rsp_ready.val();
        self.resolver.rsp_phys_page.next = self.translate.phys_page.val();
        self.resolver.rsp_cause.next = self.translate.cause.val();
        self.chunker.abort_valid.next = self.resolver.abort_valid.val();
        self.chunker.abort_tag.next = self.resolver.abort_tag.val();
        self.chunker.drops_even.next = self.verdict.drops_even.val();
        self.chunker.drops_odd.next = self.verdict.drops_odd.val();
        self.cutter.drops_even.next = self.verdict.drops_even.val();
        self.cutter.drops_odd.next = self.verdict.drops_odd.val();
        VerdictSink::link(&mut self.verdict, &mut self.resolver.verdict);
        FaultSource::link(&mut self.fault, &mut self.resolver.fault);
        self.phys_chunks.in_valid.next = self.resolver.out_valid.val();
        self.resolver.out_ready.next = self.phys_chunks.in_ready.val();
        self.phys_chunks.in_data.next = self.resolver.out.val();
        // Physical chunks -> bursts
        self.cutter.in_valid.next = self.phys_chunks.out_valid.val();
        self.phys_chunks.out_ready.next = self.cutter.in_ready.val();
        self.cutter.chunk.next = self.phys_chunks.out_data.val();
        self.mem.req_valid.next = self.cutter.req_valid.val();
        self.cutter.req_ready.next = self.mem.req_ready.val();
        self.mem.phys_addr.next = self.cutter.req_phys_addr.val();
        self.mem.beats_minus_1.next = self.cutter.req_beats_minus_1.val();
        // Beats -> stream. The cutter asks only for what has room, so the queue is always ready.
        self.beat.next.data = self.mem.data.val();
        self.beat.next.error = self.mem.data_error.val();
        self.beats.in_valid.next = self.mem.data_valid.val();
        self.beats.in_data.next = self.beat.val();
        self.realigner.beat_valid.next = self.beats.out_valid.val();
        self.beats.out_ready.next = self.realigner.beat_ready.val();
        self.realigner.beat.next = self.beats.out_data.val();
        self.cutter.freed.next = self.beats.out_valid.val() & self.realigner.beat_ready.val();
        self.realigner.plan_valid.next = self.cutter.plan_valid.val() & !self.cutter.plan.val().marker;
        self.cutter.plan_ready.next = self.realigner.plan_ready.val() | self.cutter.plan.val().marker;
        self.realigner.plan.next = self.cutter.plan.val();
        // Fences: `fenced` asks for a marker, `marked` says that one is on its way.
        self.fence_busy.next = self.fenced.q.val() | self.marked.q.val();
        self.chunker.mark.next = self.fenced.q.val() & !self.marked.q.val();
        if self.cutter.plan_valid.val() & self.cutter.plan.val().marker {
            self.marked.d.next = false;
        }
        if self.chunker.mark_taken.val() {
            self.fenced.d.next = false;
            self.marked.d.next = true;
        }
        if self.fence.val() {
            self.fenced.d.next = true;
        }
        if self.reset.val() {
            self.fenced.d.next = false;
            self.marked.d.next = false;
        }
        self.bytes.valid.next = self.realigner.out_valid.val();
        self.realigner.out_ready.next = self.bytes.ready.val();
        self.bytes.data.next = self.realigner.out.val().data;
        self.bytes.last.next = self.realigner.out.val().last;
        self.bytes.refusal.next = self.realigner.out.val().refusal;
        self.debug.next = bit_cast::<8, 3>(self.chunker.debug.val())
            | (bit_cast::<8, 3>(self.cutter.debug.val()) << 3)
            | (bit_cast::<8, 2>(self.realigner.debug.val()) << 6);
        self.held_up.next = self.realigner.out_valid.val() & !self.bytes.ready.val();
        self.no_beat.next = (self.cutter.plan_valid.val() & !self.beats.out_valid.val())
            | (self.realigner.out_valid.val() & self.bytes.ready.val());
        self.no_answer.next = !self.resolver.chunk_ready.val() & self.resolver.rsp_ready.val();
        self.debug_waits.next = bit_cast::<3, 1>(self.held_up.val().into())
            | (bit_cast::<3, 1>(self.no_beat.val().into()) << 1)
            | (bit_cast::<3, 1>(self.no_answer.val().into()) << 2);
    }
}
