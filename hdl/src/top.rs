//! `segwalk_core`: the block diagram of the architecture as instances, and the standard port names.

use crate::bus::ports::*;
use crate::bus::read_arbiter::ReadArbiter;
use crate::bus::registers::RegisterBlock;
use crate::bus::reset_sequencer::ResetSequencer;
use crate::bus::translate_arbiter::TranslateArbiter;
use crate::bus::write_arbiter::WriteArbiter;
use crate::bus::write_unit::WriteUnit;
use crate::emit::CoreOptions;
use crate::mmu::Mmu;
use crate::payload::reader::PayloadReader;
use crate::queue::completion::Completion;
use crate::queue::fetcher::QueueFetcher;
use crate::tso::Tso;
use rust_hdl::prelude::*;
use segwalk_model::limits::PHYS_ADDR_BITS;
use segwalk_model::refusal::Refusal;

logic_block! {
    /// The transmit engine. Port names are those of AXI4-Lite, AXI4 and AXI4-Stream.
    #[allow(missing_docs)] // the bus signals are those of their specifications
    pub struct SegwalkCore {
        /// The only clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset, active high.
        pub reset: Signal<In, Bit>,
        // Registers: AXI4-Lite subordinate
        pub s_axil_awaddr: Signal<In, Bits<12>>,
        pub s_axil_awprot: Signal<In, Bits<3>>,
        pub s_axil_awvalid: Signal<In, Bit>,
        pub s_axil_awready: Signal<Out, Bit>,
        pub s_axil_wdata: Signal<In, Bits<32>>,
        pub s_axil_wstrb: Signal<In, Bits<4>>,
        pub s_axil_wvalid: Signal<In, Bit>,
        pub s_axil_wready: Signal<Out, Bit>,
        pub s_axil_bresp: Signal<Out, Bits<2>>,
        pub s_axil_bvalid: Signal<Out, Bit>,
        pub s_axil_bready: Signal<In, Bit>,
        pub s_axil_araddr: Signal<In, Bits<12>>,
        pub s_axil_arprot: Signal<In, Bits<3>>,
        pub s_axil_arvalid: Signal<In, Bit>,
        pub s_axil_arready: Signal<Out, Bit>,
        pub s_axil_rdata: Signal<Out, Bits<32>>,
        pub s_axil_rresp: Signal<Out, Bits<2>>,
        pub s_axil_rvalid: Signal<Out, Bit>,
        pub s_axil_rready: Signal<In, Bit>,
        // Memory: AXI4 manager
        pub m_axi_awid: Signal<Out, Bits<4>>,
        pub m_axi_awaddr: Signal<Out, Bits<PHYS_ADDR_BITS>>,
        pub m_axi_awlen: Signal<Out, Bits<8>>,
        pub m_axi_awsize: Signal<Out, Bits<3>>,
        pub m_axi_awburst: Signal<Out, Bits<2>>,
        pub m_axi_awlock: Signal<Out, Bit>,
        pub m_axi_awcache: Signal<Out, Bits<4>>,
        pub m_axi_awprot: Signal<Out, Bits<3>>,
        pub m_axi_awvalid: Signal<Out, Bit>,
        pub m_axi_awready: Signal<In, Bit>,
        pub m_axi_wdata: Signal<Out, Bits<64>>,
        pub m_axi_wstrb: Signal<Out, Bits<8>>,
        pub m_axi_wlast: Signal<Out, Bit>,
        pub m_axi_wvalid: Signal<Out, Bit>,
        pub m_axi_wready: Signal<In, Bit>,
        pub m_axi_bid: Signal<In, Bits<4>>,
        pub m_axi_bresp: Signal<In, Bits<2>>,
        pub m_axi_bvalid: Signal<In, Bit>,
        pub m_axi_bready: Signal<Out, Bit>,
        pub m_axi_arid: Signal<Out, Bits<4>>,
        pub m_axi_araddr: Signal<Out, Bits<PHYS_ADDR_BITS>>,
        pub m_axi_arlen: Signal<Out, Bits<8>>,
        pub m_axi_arsize: Signal<Out, Bits<3>>,
        pub m_axi_arburst: Signal<Out, Bits<2>>,
        pub m_axi_arlock: Signal<Out, Bit>,
        pub m_axi_arcache: Signal<Out, Bits<4>>,
        pub m_axi_arprot: Signal<Out, Bits<3>>,
        pub m_axi_arvalid: Signal<Out, Bit>,
        pub m_axi_arready: Signal<In, Bit>,
        pub m_axi_rid: Signal<In, Bits<4>>,
        pub m_axi_rdata: Signal<In, Bits<64>>,
        pub m_axi_rresp: Signal<In, Bits<2>>,
        pub m_axi_rlast: Signal<In, Bit>,
        pub m_axi_rvalid: Signal<In, Bit>,
        pub m_axi_rready: Signal<Out, Bit>,
        // Frames: AXI4-Stream
        pub m_axis_tdata: Signal<Out, Bits<64>>,
        pub m_axis_tkeep: Signal<Out, Bits<8>>,
        pub m_axis_tlast: Signal<Out, Bit>,
        pub m_axis_tvalid: Signal<Out, Bit>,
        pub m_axis_tready: Signal<In, Bit>,
        /// Interrupt, level.
        pub irq: Signal<Out, Bit>,
        /// State machines, a byte each; see [`crate::debug`].
        pub debug_states: Signal<Out, Bits<64>>,
        //
        registers: RegisterBlock,
        fetcher: QueueFetcher,
        mmu: Mmu,
        reader: PayloadReader,
        tso: Tso,
        completion: Completion,
        ring_translations: TranslateArbiter,
        reads: ReadArbiter,
        write_turns: WriteArbiter,
        writes: WriteUnit,
        resets: ResetSequencer,
        reset_all: Signal<Local, Bit>,
        ring_fault: Signal<Local, Bit>,
        ring_fault_code: Constant<Bits<6>> = Constant::new(u64::from(Refusal::RingFault.code()).to_bits()),
    }
}

impl SegwalkCore {
    /// A build with these options, which have been checked.
    pub fn new(options: &CoreOptions) -> Self {
        let mut core = Self::default();
        core.set_registers(options);
        core.set_fetcher(options);
        core.set_mmu(options);
        core.set_tso(options);
        core.set_completion(options);
        core
    }

    // One part a function: parts are large, and together they overflow the stack of a test's thread.
    #[inline(never)]
    fn set_registers(&mut self, options: &CoreOptions) {
        self.registers = RegisterBlock::new(options.tx_queues as u32, options.tlb_entries);
    }

    #[inline(never)]
    fn set_fetcher(&mut self, options: &CoreOptions) {
        self.fetcher = QueueFetcher::with(options.tx_queues, options.super_frame_kib);
    }

    #[inline(never)]
    fn set_mmu(&mut self, options: &CoreOptions) {
        self.mmu = Mmu::for_entries(options.tlb_entries);
    }

    #[inline(never)]
    fn set_tso(&mut self, options: &CoreOptions) {
        self.tso = Tso::with(options.segment_kib);
    }

    #[inline(never)]
    fn set_completion(&mut self, options: &CoreOptions) {
        self.completion = Completion::new(options.tx_queues);
    }
}

impl Logic for SegwalkCore {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(
            self,
            clock,
            registers,
            fetcher,
            mmu,
            reader,
            tso,
            completion,
            ring_translations,
            reads,
            write_turns,
            writes,
            resets
        );
        // Resets
        self.reset_all.next = self.resets.core_reset.val();
        self.resets.reset.next = self.reset.val();
        self.registers.reset.next = self.reset.val();
        self.fetcher.reset.next = self.reset_all.val();
        self.mmu.reset.next = self.reset_all.val();
        self.reader.reset.next = self.reset_all.val();
        self.tso.reset.next = self.reset_all.val();
        self.completion.reset.next = self.reset_all.val();
        self.ring_translations.reset.next = self.reset_all.val();
        self.reads.reset.next = self.reset_all.val();
        self.write_turns.reset.next = self.reset_all.val();
        self.writes.reset.next = self.reset_all.val();
        self.resets.soft_reset.next = self.registers.soft_reset.val();
        self.registers.soft_reset_done.next = self.resets.done.val();
        self.resets.reads_idle.next = self.reads.idle.val();
        self.resets.writes_idle.next = self.writes.idle.val();
        self.resets.frames_idle.next = self.tso.idle.val();
        self.reads.hold.next = self.resets.hold.val();
        self.writes.hold.next = self.resets.hold.val();
        self.tso.hold.next = self.resets.hold.val();

        // Software
        self.registers.axil.awaddr.next = self.s_axil_awaddr.val();
        self.registers.axil.awvalid.next = self.s_axil_awvalid.val();
        self.s_axil_awready.next = self.registers.axil.awready.val();
        self.registers.axil.wdata.next = self.s_axil_wdata.val();
        self.registers.axil.wstrb.next = self.s_axil_wstrb.val();
        self.registers.axil.wvalid.next = self.s_axil_wvalid.val();
        self.s_axil_wready.next = self.registers.axil.wready.val();
        self.s_axil_bresp.next = self.registers.axil.bresp.val();
        self.s_axil_bvalid.next = self.registers.axil.bvalid.val();
        self.registers.axil.bready.next = self.s_axil_bready.val();
        self.registers.axil.araddr.next = self.s_axil_araddr.val();
        self.registers.axil.arvalid.next = self.s_axil_arvalid.val();
        self.s_axil_arready.next = self.registers.axil.arready.val();
        self.s_axil_rdata.next = self.registers.axil.rdata.val();
        self.s_axil_rresp.next = self.registers.axil.rresp.val();
        self.s_axil_rvalid.next = self.registers.axil.rvalid.val();
        self.registers.axil.rready.next = self.s_axil_rready.val();
        self.irq.next = self.registers.irq.val();

        // Registers -> engine
        ContextWriteSource::join(&mut self.registers.context_write, &mut self.mmu.context);
        self.mmu.invalidate.next = self.registers.tlb_invalidate.val();
        self.mmu.invalidate_kind.next = self.registers.tlb_kind.val();
        self.mmu.invalidate_context.next = self.registers.tlb_context.val();
        self.mmu.invalidate_virt_page.next = self.registers.tlb_virt_page.val();
        self.registers.tlb_invalidating.next = self.mmu.invalidating.val()
            | self.mmu.fence.val()
            | self.fetcher.fence_busy.val()
            | self.reader.fence_busy.val()
            | self.completion.fence_busy.val();
        self.fetcher.fence.next = self.mmu.fence.val();
        self.reader.fence.next = self.mmu.fence.val();
        self.completion.fence.next = self.mmu.fence.val();
        QueueTableClient::join(&mut self.fetcher.table, &mut self.registers.fetch_table);
        QueueTableClient::join(&mut self.completion.table, &mut self.registers.done_table);
        self.fetcher.enabled.next = self.registers.enabled.val();
        self.fetcher.restart.next = self.registers.restart.val();
        self.completion.refused_room.next = self.registers.refused_room.val();
        self.completion.enabled.next = self.registers.completing.val();
        self.completion.restart.next = self.registers.restart.val();
        self.fetcher.notify_valid.next = self.registers.notify_valid.val();
        self.fetcher.notify_queue.next = self.registers.notify_queue.val();
        self.fetcher.indirect.next = self.registers.indirect.val();
        self.fetcher.event_index.next = self.registers.event_idx.val();
        self.tso.restart.next = self.registers.restart.val();
        self.tso.features.next = self.registers.features.val();
        self.tso.flags_first.next = self.registers.flags_first.val();
        self.tso.flags_middle.next = self.registers.flags_middle.val();
        self.tso.flags_last.next = self.registers.flags_last.val();
        self.tso.id_fifteen_bits.next = self.registers.id_fifteen_bits.val();
        self.tso.id_fixed.next = self.registers.id_fixed.val();
        self.tso.pad.next = self.registers.pad.val();
        self.tso.seed_without_length.next = self.registers.seed_without_length.val();

        self.registers.chain_announced.next = self.fetcher.announced.val();
        self.registers.chain_walked.next = self.fetcher.walked.val();
        self.registers.chain_issued.next = self.fetcher.issued.val();
        self.registers.chain_retired.next = self.completion.retired.val();
        self.registers.finishing.next = self.completion.finishing.val();
        self.completion.event_idx.next = self.registers.event_idx.val();
        self.registers.serving.next = self.fetcher.serving.val();
        ShareSource::join(&mut self.registers.shares, &mut self.fetcher.shares);
        self.fetcher.extra_valid.next = self.tso.repeated.val();
        self.fetcher.extra_queue.next = self.tso.repeated_queue.val();
        self.fetcher.extra_bytes.next = self.tso.repeated_bytes.val();
        self.registers.used_chains.next = self.completion.used_chains.val();
        self.registers.done_queue.next = self.completion.done_queue.val();
        self.registers.sent_queue.next = self.tso.sent_queue.val();

        // Recoverable faults
        self.tso.recoverable.next = self.registers.recoverable.val();
        self.fetcher.resume.next = self.registers.resume.val();
        self.fetcher.give_up.next = self.registers.abort.val();
        ParkSource::join(&mut self.completion.park, &mut self.registers.park);
        self.fetcher.park.valid.next = self.completion.park.valid.val();
        self.fetcher.park.queue.next = self.completion.park.queue.val();
        self.fetcher.park.head.next = self.completion.park.head.val();
        self.fetcher.park.avail.next = self.completion.park.avail.val();
        self.fetcher.park.sent_frames.next = self.completion.park.sent_frames.val();
        self.fetcher.park.sent_bytes.next = self.completion.park.sent_bytes.val();

        // The path of a chain: queue fetcher, payload reader, TSO pipeline, completion
        ChainSource::join(&mut self.fetcher.chain, &mut self.reader.chain_in);
        FragmentSource::join(&mut self.fetcher.fragments, &mut self.reader.fragments);
        ChainSource::join(&mut self.reader.chain_out, &mut self.tso.chain);
        ByteSource::join(&mut self.reader.bytes, &mut self.tso.bytes);
        VerdictSource::join(&mut self.tso.verdict, &mut self.reader.verdict);
        DoneSource::join(&mut self.tso.done, &mut self.completion.done);
        self.m_axis_tdata.next = self.tso.frames.tdata.val();
        self.m_axis_tkeep.next = self.tso.frames.tkeep.val();
        self.m_axis_tlast.next = self.tso.frames.tlast.val();
        self.m_axis_tvalid.next = self.tso.frames.tvalid.val();
        self.tso.frames.tready.next = self.m_axis_tready.val();

        // Translations
        TranslateClient::join(&mut self.fetcher.translate, &mut self.ring_translations.fetcher);
        TranslateClient::join(&mut self.completion.translate, &mut self.ring_translations.completion);
        TranslateClient::join(&mut self.ring_translations.mmu, &mut self.mmu.ring);
        TranslateClient::join(&mut self.reader.translate, &mut self.mmu.payload);

        // Memory
        MemReadClient::join(&mut self.fetcher.mem, &mut self.reads.ring);
        MemReadClient::join(&mut self.mmu.mem, &mut self.reads.walker);
        MemReadClient::join(&mut self.reader.mem, &mut self.reads.payload);
        MemReadClient::join(&mut self.completion.event_mem, &mut self.reads.event);
        MemWriteClient::join(&mut self.completion.mem, &mut self.write_turns.completion);
        MemWriteClient::join(&mut self.fetcher.mem_write, &mut self.write_turns.fetcher);
        MemWriteClient::join(&mut self.write_turns.unit, &mut self.writes.client);
        self.m_axi_arid.next = self.reads.arid.val();
        self.m_axi_araddr.next = self.reads.araddr.val();
        self.m_axi_arlen.next = self.reads.arlen.val();
        self.m_axi_arvalid.next = self.reads.arvalid.val();
        self.reads.arready.next = self.m_axi_arready.val();
        self.reads.rid.next = self.m_axi_rid.val();
        self.reads.rdata.next = self.m_axi_rdata.val();
        self.reads.rresp.next = self.m_axi_rresp.val();
        self.reads.rlast.next = self.m_axi_rlast.val();
        self.reads.rvalid.next = self.m_axi_rvalid.val();
        self.m_axi_rready.next = self.reads.rready.val();
        self.m_axi_awaddr.next = self.writes.awaddr.val();
        self.m_axi_awvalid.next = self.writes.awvalid.val();
        self.writes.awready.next = self.m_axi_awready.val();
        self.m_axi_wdata.next = self.writes.wdata.val();
        self.m_axi_wstrb.next = self.writes.wstrb.val();
        self.m_axi_wvalid.next = self.writes.wvalid.val();
        self.writes.wready.next = self.m_axi_wready.val();
        self.writes.bresp.next = self.m_axi_bresp.val();
        self.writes.bvalid.next = self.m_axi_bvalid.val();
        self.m_axi_bready.next = self.writes.bready.val();
        // Fixed: 8 bytes a beat, INCR, normal non-cacheable bufferable, unprivileged non-secure data.
        self.m_axi_arsize.next = 3.into();
        self.m_axi_arburst.next = 1.into();
        self.m_axi_arlock.next = false;
        self.m_axi_arcache.next = 3.into();
        self.m_axi_arprot.next = 2.into();
        self.m_axi_awid.next = 0.into();
        self.m_axi_awlen.next = 0.into();
        self.m_axi_awsize.next = 3.into();
        self.m_axi_awburst.next = 1.into();
        self.m_axi_awlock.next = false;
        self.m_axi_awcache.next = 3.into();
        self.m_axi_awprot.next = 2.into();
        self.m_axi_wlast.next = true;

        // Events, faults and refusals -> registers
        FaultSource::join(&mut self.reader.fault, &mut self.registers.fault);
        RingErrorSource::join(&mut self.fetcher.ring_error, &mut self.registers.fetch_ring_error);
        RingErrorSource::join(&mut self.completion.ring_error, &mut self.registers.done_ring_error);
        RefusedSource::join(&mut self.completion.refused, &mut self.registers.refused);
        self.registers.chain_done.next = self.completion.chain_done.val();
        self.registers.used_pulse.next = self.completion.used_pulse.val();
        self.registers.sent_frame.next = self.tso.sent_frame.val();
        self.registers.sent_bytes.next = self.tso.sent_bytes.val();
        self.registers.tlb_hit.next = self.mmu.hit.val();
        self.registers.tlb_miss.next = self.mmu.miss.val();
        // Faults that stopped a queue or a chain; what the MMU finds ahead of the data is no fault yet.
        self.ring_fault.next = (self.fetcher.ring_error.valid.val()
            & (self.fetcher.ring_error.code.val() == self.ring_fault_code.val()))
            | (self.completion.ring_error.valid.val()
                & (self.completion.ring_error.code.val() == self.ring_fault_code.val()));
        self.registers.mmu_fault.next = bit_cast::<2, 1>(self.ring_fault.val().into())
            | (bit_cast::<2, 1>(self.reader.fault.valid.val().into()) << 1);
        self.registers.walk.next = self.mmu.walk.val();

        // State machines
        self.debug_states.next = bit_cast::<64, 8>(self.registers.debug.val())
            | (bit_cast::<64, 3>(self.fetcher.debug.val()) << 8)
            | (bit_cast::<64, 8>(self.mmu.debug.val()) << 16)
            | (bit_cast::<64, 8>(self.reader.debug.val()) << 24)
            | (bit_cast::<64, 8>(self.tso.debug.val()) << 32)
            | (bit_cast::<64, 8>(self.tso.debug_output.val()) << 40)
            | (bit_cast::<64, 8>(self.completion.debug.val()) << 48)
            | (bit_cast::<64, 2>(self.resets.debug.val()) << 56)
            | (bit_cast::<64, 3>(self.reader.debug_waits.val()) << 45)
            | (bit_cast::<64, 3>(self.fetcher.debug_walker.val()) << 11);
    }
}
