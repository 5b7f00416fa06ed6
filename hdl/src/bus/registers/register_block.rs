//! The register block: its parts in the order of an access's path.

use super::axi_lite_port::AxiLitePort;
use super::counters::EventCounters;
use super::device::DeviceState;
use super::doorbell::Doorbell;
use super::park_records::ParkRecords;
use super::queue_counters::QueueCounters;
use super::queues::QueueState;
use super::records::RefusalRecords;
use super::refusal_queue::RefusalQueue;
use super::sequencer::RegisterSequencer;
pub use super::sequencer::DEBUG_STATES;
use super::settings::EngineSettings;
use super::timers::Timers;
use crate::bus::ports::{
    AxiLiteSubordinate, ContextWriteSource, FaultSink, ParkSink, QueueTableServer, RefusedSink, RingErrorSink,
    ShareSource,
};
use rust_hdl::prelude::*;
use segwalk_model::limits::VIRT_PAGE_BITS;

logic_block! {
    /// virtio-mmio registers and the engine's own.
    ///
    /// An access takes 9 to 26 clocks and may wait 11 for a counter, and for refusals, which go first so that their counters
    /// are up to date. After a reset of the core or of the device
    /// the value store is set to its reset values, which takes 515 clocks; accesses wait. A device reset is asked for with
    /// `soft_reset`, which stays until the engine answers `soft_reset_done`.
    pub struct RegisterBlock {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset of the core; a device reset does not assert it here.
        pub reset: Signal<In, Bit>,
        /// Software.
        pub axil: AxiLiteSubordinate,
        // Device reset
        /// STATUS was written with 0: bring the engine to rest and reset it.
        pub soft_reset: Signal<Out, Bit>,
        /// The engine is reset; a pulse.
        pub soft_reset_done: Signal<In, Bit>,
        // Settings
        /// Negotiated CSUM, TSO4, TSO6, ECN, USO from bit 0 up; 0 before FEATURES_OK.
        pub features: Signal<Out, Bits<5>>,
        /// INDIRECT_DESC is negotiated.
        pub indirect: Signal<Out, Bit>,
        /// EVENT_IDX is negotiated.
        pub event_idx: Signal<Out, Bit>,
        /// To the MMU's context table.
        pub context_write: ContextWriteSource,
        /// Invalidate translations; a pulse.
        pub tlb_invalidate: Signal<Out, Bit>,
        /// Which: 0 all, 1 those of `tlb_context`, 2 that of `tlb_virt_page` in `tlb_context`.
        pub tlb_kind: Signal<Out, Bits<2>>,
        /// See `tlb_kind`.
        pub tlb_context: Signal<Out, Bits<4>>,
        /// See `tlb_kind`; bits 63:12 of the address.
        pub tlb_virt_page: Signal<Out, Bits<VIRT_PAGE_BITS>>,
        /// An invalidation is under way, or a translation that it made void is still in use.
        pub tlb_invalidating: Signal<In, Bit>,
        /// TCP flags that survive in the first segment.
        pub flags_first: Signal<Out, Bits<12>>,
        /// TCP flags that survive in the middle segments.
        pub flags_middle: Signal<Out, Bits<12>>,
        /// TCP flags that survive in the last segment.
        pub flags_last: Signal<Out, Bits<12>>,
        /// Bit 15 of the IPv4 ID stays.
        pub id_fifteen_bits: Signal<Out, Bit>,
        /// The IPv4 ID of templates with DF does not count.
        pub id_fixed: Signal<Out, Bit>,
        /// Short frames are padded.
        pub pad: Signal<Out, Bit>,
        /// Transmit queues whose TCP checksum seed has no length in it.
        pub seed_without_length: Signal<Out, Bits<16>>,
        // Queues
        /// The fetcher's port of the queue table.
        pub fetch_table: QueueTableServer,
        /// The completion's port of the queue table.
        pub done_table: QueueTableServer,
        /// Transmit queues to serve.
        pub enabled: Signal<Out, Bits<16>>,
        /// Transmit queues whose finished chains are returned: those that a ring error of the fetcher stopped as well.
        pub completing: Signal<Out, Bits<16>>,
        /// Transmit queues whose indices begin at 0 again; pulses.
        pub restart: Signal<Out, Bits<16>>,
        /// Doorbell; a pulse.
        pub notify_valid: Signal<Out, Bit>,
        /// Transmit queue of the doorbell.
        pub notify_queue: Signal<Out, Bits<4>>,
        /// To the scheduler of the queues.
        pub shares: ShareSource,
        /// Bit a transmit queue: the fetcher may still announce a chain of it.
        pub serving: Signal<In, Bits<16>>,
        /// It announced a chain to be walked; a pulse.
        pub chain_announced: Signal<In, Bit>,
        /// It has done with the oldest of them; a pulse.
        pub chain_walked: Signal<In, Bit>,
        /// The fetcher handed on a chain, which the completion will be done with; a pulse.
        pub chain_issued: Signal<In, Bit>,
        /// The completion is done with a chain, whatever became of it; a pulse.
        pub chain_retired: Signal<In, Bit>,
        /// Bit a transmit queue: the completion has an element or an index of it half done.
        pub finishing: Signal<In, Bits<16>>,
        // Recoverable faults
        /// Transmit queues that park at a translation fault.
        pub recoverable: Signal<Out, Bits<16>>,
        /// Queues that park.
        pub park: ParkSink,
        /// Bit a transmit queue, pulses: it goes on where it stopped.
        pub resume: Signal<Out, Bits<16>>,
        /// Bit a transmit queue, pulses: it goes on behind the chain that parked it, which is refused.
        pub abort: Signal<Out, Bits<16>>,
        // Refusals
        /// Translation faults.
        pub fault: FaultSink,
        /// Ring errors of the fetcher.
        pub fetch_ring_error: RingErrorSink,
        /// Ring errors of the completion.
        pub done_ring_error: RingErrorSink,
        /// Packet errors.
        pub refused: RefusedSink,
        /// A refused packet can be announced; see [`RefusalQueue`].
        pub refused_room: Signal<Out, Bit>,
        // Events
        /// A chain was completed; with `refused` on the same clock when it was refused.
        pub chain_done: Signal<In, Bit>,
        /// Its transmit queue.
        pub done_queue: Signal<In, Bits<4>>,
        /// A frame was emitted.
        pub sent_frame: Signal<In, Bit>,
        /// Its transmit queue.
        pub sent_queue: Signal<In, Bits<4>>,
        /// Bytes emitted on the last clock, 0 to 8.
        pub sent_bytes: Signal<In, Bits<4>>,
        /// TLB hits, a bit a port.
        pub tlb_hit: Signal<In, Bits<2>>,
        /// TLB misses, a bit a port.
        pub tlb_miss: Signal<In, Bits<2>>,
        /// Translation faults, a bit a port.
        pub mmu_fault: Signal<In, Bits<2>>,
        /// A page-table walk.
        pub walk: Signal<In, Bit>,
        /// A used index was written and the driver wants to know.
        pub used_pulse: Signal<In, Bit>,
        /// Chains that the index released.
        pub used_chains: Signal<In, Bits<8>>,
        /// InterruptStatus is not 0.
        pub irq: Signal<Out, Bit>,
        /// State number, see [`DEBUG_STATES`].
        pub debug: Signal<Out, Bits<8>>,
        //
        port: AxiLitePort,
        doorbell: Doorbell,
        sequencer: RegisterSequencer,
        device: DeviceState,
        queues: QueueState,
        settings: EngineSettings,
        records: RefusalRecords,
        parks: ParkRecords,
        timers: Timers,
        counters: EventCounters,
        queue_counters: QueueCounters,
        refusals: RefusalQueue,
        allowed: DFF<Bits<16>>,
        returned: DFF<Bits<16>>,
        error_seen: DFF<Bit>,
        part_reset: DFF<Bit>,
    }
}

impl RegisterBlock {
    /// A register block for `tx_queues` transmit queues, 1 to 16, and as many receive queues; it tells software of a
    /// TLB of `tlb_entries`.
    pub fn new(tx_queues: u32, tlb_entries: usize) -> Self {
        let mut block = Self::default();
        block.set_sequencer(tx_queues, tlb_entries);
        block.set_queues(tx_queues);
        block.set_records(tx_queues);
        block.set_parks(tx_queues);
        block.timers = Timers::new(tx_queues);
        block.doorbell = Doorbell::new(tx_queues);
        block
    }

    // One large part a function, so that they are not on the stack together.
    #[inline(never)]
    fn set_sequencer(&mut self, tx_queues: u32, tlb_entries: usize) {
        self.sequencer = RegisterSequencer::new(tx_queues, tlb_entries);
    }

    #[inline(never)]
    fn set_queues(&mut self, tx_queues: u32) {
        self.queues = QueueState::new(tx_queues);
    }

    #[inline(never)]
    fn set_records(&mut self, tx_queues: u32) {
        self.records = RefusalRecords::new(tx_queues);
    }

    #[inline(never)]
    fn set_parks(&mut self, tx_queues: u32) {
        self.parks = ParkRecords::new(tx_queues);
    }
}

impl Logic for RegisterBlock {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, allowed, returned, error_seen, part_reset);
        clock!(
            self,
            clock,
            port,
            doorbell,
            sequencer,
            device,
            queues,
            settings,
            records,
            parks,
            timers,
            counters,
            queue_counters,
            refusals
        );
        AxiLiteSubordinate::link(&mut self.axil, &mut self.port.axil);
        ContextWriteSource::link(&mut self.context_write, &mut self.settings.context_write);
        QueueTableServer::link(&mut self.fetch_table, &mut self.queues.fetch_table);
        QueueTableServer::link(&mut self.done_table, &mut self.queues.done_table);
        ParkSink::link(&mut self.park, &mut self.parks.park);
        RingErrorSink::link(&mut self.fetch_ring_error, &mut self.records.fetch_ring_error);
        RingErrorSink::link(&mut self.done_ring_error, &mut self.records.done_ring_error);
        RefusedSink::link(&mut self.refused, &mut self.records.refused);
        // Faults go to two records.
        self.records.fault.valid.next = self.fault.valid.val();
        self.records.fault.queue.next = self.fault.queue.val();
        self.records.fault.head.next = self.fault.head.val();
        self.records.fault.context.next = self.fault.context.val();
        self.records.fault.virt_page.next = self.fault.virt_page.val();
        self.records.fault.cause.next = self.fault.cause.val();
        self.parks.fault.valid.next = self.fault.valid.val();
        self.parks.fault.queue.next = self.fault.queue.val();
        self.parks.fault.head.next = self.fault.head.val();
        self.parks.fault.context.next = self.fault.context.val();
        self.parks.fault.virt_page.next = self.fault.virt_page.val();
        self.parks.fault.cause.next = self.fault.cause.val();
        // Resets: the parts are reset with the core and while the value store is cleared.
        self.part_reset.d.next = self.reset.val() | self.sequencer.clearing.val();
        self.port.reset.next = self.reset.val();
        self.sequencer.reset.next = self.reset.val();
        self.sequencer.soft_reset_done.next = self.soft_reset_done.val();
        self.device.reset.next = self.part_reset.q.val();
        self.device.hard_reset.next = self.reset.val();
        self.device.soft_reset_done.next = self.soft_reset_done.val();
        self.queues.reset.next = self.part_reset.q.val();
        self.settings.reset.next = self.part_reset.q.val();
        self.records.reset.next = self.part_reset.q.val();
        self.records.forgets.next = self.queues.forgets.val();
        self.parks.reset.next = self.part_reset.q.val();
        self.timers.reset.next = self.part_reset.q.val();
        self.counters.reset.next = self.part_reset.q.val();
        self.queue_counters.reset.next = self.part_reset.q.val();
        self.refusals.reset.next = self.part_reset.q.val();
        // Accesses
        self.sequencer.access_valid.next = self.port.access_valid.val();
        self.sequencer.access_write.next = self.port.access_write.val();
        self.sequencer.access_word.next = self.port.access_word.val();
        self.sequencer.access_data.next = self.port.access_data.val();
        self.sequencer.access_strobe.next = self.port.access_strobe.val();
        self.port.done.next = self.sequencer.done.val();
        self.doorbell.reset.next = self.part_reset.q.val();
        self.doorbell.access_valid.next = self.port.access_valid.val();
        self.doorbell.done.next = self.sequencer.done.val();
        self.doorbell.access_write.next = self.port.access_write.val();
        self.doorbell.access_word.next = self.port.access_word.val();
        self.doorbell.access_data.next = self.port.access_data.val();
        self.doorbell.access_strobe.next = self.port.access_strobe.val();
        self.port.read_data.next = self.sequencer.value.val();
        self.device.write.next = self.sequencer.write.val();
        self.device.code.next = self.sequencer.code.val();
        self.device.value.next = self.sequencer.value.val();
        self.queues.write.next = self.sequencer.write.val();
        self.queues.code.next = self.sequencer.code.val();
        self.queues.value.next = self.sequencer.value.val();
        self.settings.write.next = self.sequencer.write.val();
        self.settings.code.next = self.sequencer.code.val();
        self.settings.value.next = self.sequencer.value.val();
        self.records.write.next = self.sequencer.write.val();
        self.records.code.next = self.sequencer.code.val();
        self.parks.write.next = self.sequencer.write.val();
        self.parks.code.next = self.sequencer.code.val();
        self.parks.value.next = self.sequencer.value.val();
        self.timers.write.next = self.sequencer.write.val();
        self.timers.code.next = self.sequencer.code.val();
        self.timers.value.next = self.sequencer.value.val();
        self.sequencer.live.next = self.device.read_data.val()
            | self.queues.read_data.val()
            | self.settings.read_data.val()
            | self.records.read_data.val()
            | self.parks.read_data.val();
        self.queues.writes_one.next = self.port.access_write.val()
            & self.port.access_strobe.val().get_bit(0)
            & self.port.access_data.val().get_bit(0);
        self.sequencer.selected.next = self.queues.selected.val();
        self.sequencer.exists.next = self.queues.exists.val();
        self.sequencer.wants_ready.next = self.queues.wants_ready.val();
        self.sequencer.legal.next = self.queues.legal.val();
        self.queues.load.next = self.sequencer.load.val();
        self.queues.load_step.next = self.sequencer.load_step.val();
        self.queues.load_word.next = self.sequencer.load_word.val();
        self.queues.commit.next = self.sequencer.commit.val();
        // Settings of the engine
        self.soft_reset.next = self.device.soft_reset.val();
        self.features.next = self.device.features.val();
        self.settings.tlb_invalidating.next = self.tlb_invalidating.val();
        self.tlb_invalidate.next = self.settings.tlb_invalidate.val();
        self.flags_first.next = self.settings.flags_first.val();
        self.flags_middle.next = self.settings.flags_middle.val();
        self.flags_last.next = self.settings.flags_last.val();
        self.id_fifteen_bits.next = self.settings.id_fifteen_bits.val();
        self.id_fixed.next = self.settings.id_fixed.val();
        self.pad.next = self.settings.pad.val();
        self.indirect.next = self.device.indirect.val();
        self.event_idx.next = self.device.event_idx.val();
        self.tlb_kind.next = self.settings.tlb_kind.val();
        self.tlb_context.next = self.settings.tlb_context.val();
        self.tlb_virt_page.next = self.settings.tlb_virt_page.val();
        // Queues
        self.queues.reset_negotiated.next = self.device.ring_reset.val();
        self.queues.serving.next = self.serving.val();
        self.queues.chain_announced.next = self.chain_announced.val();
        self.queues.chain_walked.next = self.chain_walked.val();
        self.queues.chain_issued.next = self.chain_issued.val();
        self.queues.chain_retired.next = self.chain_retired.val();
        self.queues.finishing.next = self.finishing.val();
        self.shares.poll.next = self.timers.poll.val();
        self.shares.millisecond.next = self.timers.millisecond.val();
        self.shares.queue.next = self.queues.share_queue.val();
        self.shares.value.next = self.queues.share_value.val();
        self.shares.weight_write.next = self.queues.weight_write.val();
        self.shares.rate_write.next = self.queues.rate_write.val();
        self.recoverable.next = self.queues.recoverable.val();
        self.parks.recoverable.next = self.queues.recoverable.val();
        self.parks.ready_queues.next = self.queues.ready_queues.val();
        self.parks.selected.next = self.queues.selected.val();
        self.parks.exists.next = self.queues.exists.val();
        self.resume.next = self.parks.resume.val();
        self.abort.next = self.parks.abort.val();
        self.device.park_pulse.next = self.parks.parked.val();
        self.seed_without_length.next = self.queues.seed_without_length.val();
        self.restart.next = self.queues.restart.val();
        self.notify_valid.next = self.doorbell.notify_valid.val();
        self.notify_queue.next = self.doorbell.notify_queue.val();
        self.enabled.next = self.allowed.q.val();
        self.completing.next = self.returned.q.val();
        self.allowed.d.next = 0.into();
        self.returned.d.next = 0.into();
        if self.device.running.val() & !self.sequencer.clear_waits.val() {
            self.allowed.d.next = self.queues.ready_queues.val() & !self.records.stopped.val();
            self.returned.d.next = self.queues.ready_queues.val();
        }
        // Refusals and events
        self.timers.used_pulse.next = self.used_pulse.val();
        self.timers.used_chains.next = self.used_chains.val();
        self.device.used_pulse.next = self.timers.interrupt.val();
        self.irq.next = self.device.irq.val();
        self.error_seen.d.next = self.fetch_ring_error.valid.val() | self.done_ring_error.valid.val();
        self.device.ring_error.next = self.error_seen.q.val();
        self.refusals.fetch_valid.next = self.fetch_ring_error.valid.val();
        self.refusals.fetch_code.next = self.fetch_ring_error.code.val();
        self.refusals.done_valid.next = self.done_ring_error.valid.val();
        self.refusals.done_code.next = self.done_ring_error.code.val();
        self.refusals.packet_valid.next = self.refused.valid.val();
        self.refusals.packet_code.next = self.refused.code.val();
        self.refused_room.next = self.refusals.packet_room.val();
        self.refusals.take.next = self.sequencer.refusal_take.val();
        self.sequencer.refusal_valid.next = self.refusals.valid.val();
        self.sequencer.refusal_code.next = self.refusals.code.val();
        self.counters.chain_done.next = self.chain_done.val();
        self.counters.sent_frame.next = self.sent_frame.val();
        self.counters.sent_bytes.next = self.sent_bytes.val();
        self.counters.refused.next = self.refused.valid.val();
        self.counters.mmu_fault.next = self.mmu_fault.val();
        self.counters.tlb_hit.next = self.tlb_hit.val();
        self.counters.tlb_miss.next = self.tlb_miss.val();
        self.counters.walk.next = self.walk.val();
        self.counters.slot.next = self.sequencer.slot.val();
        self.sequencer.events.next = self.counters.count.val();
        self.queue_counters.chain_done.next = self.chain_done.val();
        self.queue_counters.done_queue.next = self.done_queue.val();
        self.queue_counters.refused.next = self.refused.valid.val();
        self.queue_counters.sent_frame.next = self.sent_frame.val();
        self.queue_counters.sent_queue.next = self.sent_queue.val();
        self.queue_counters.sent_bytes.next = self.sent_bytes.val();
        self.queue_counters.slot.next = self.sequencer.slot.val();
        self.queue_counters.slot_queue.next = self.sequencer.slot_queue.val();
        self.sequencer.queue_events.next = self.queue_counters.count.val();
        self.debug.next = self.sequencer.debug.val();
        if self.reset.val() {
            self.allowed.d.next = 0.into();
            self.returned.d.next = 0.into();
            self.error_seen.d.next = false;
        }
    }
}
