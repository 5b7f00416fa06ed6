//! The register block: serves AXI4-Lite accesses, refusals and counters one after the other on one value store.

use super::axi_lite_port::AxiLitePort;
use super::counters::EventCounters;
use super::device::DeviceState;
use super::map::{self, entry, RegisterRom, CODE_BITS, ENTRY_BITS, STORED_QUEUES};
use super::queues::QueueState;
use super::records::RefusalRecords;
use super::settings::EngineSettings;
use crate::bus::fifo::Fifo;
use crate::bus::ports::{
    AxiLiteSubordinate, ContextWriteSource, FaultSink, QueueTableServer, RefusedSink, RingErrorSink,
};
use crate::bus::ram::BlockRam;
use rust_hdl::prelude::*;
use segwalk_model::limits::TX_QUEUES;
use segwalk_model::registers;

/// Names of the states that `debug` shows, by number.
pub const DEBUG_STATES: &[&str] = &[
    "clear",
    "idle",
    "look up",
    "decode",
    "resolve",
    "fetch",
    "load",
    "act",
    "write",
    "bind fetch",
    "bind load",
    "bind take",
    "bind decide",
    "count fetch",
    "count load",
    "count add",
    "count write",
    "latch",
    "latch wait",
    "latch write",
    "respond",
];

#[derive(LogicState, Copy, Clone, Debug, PartialEq)]
enum AccessState {
    Clear,
    Idle,
    LookUp,
    Decode,
    Resolve,
    Fetch,
    Load,
    Act,
    Write,
    BindFetch,
    BindLoad,
    BindTake,
    BindDecide,
    CountFetch,
    CountLoad,
    CountAdd,
    CountWrite,
    Latch,
    LatchWait,
    LatchWrite,
    Respond,
}

/// virtio-mmio registers and the engine's own.
///
/// An access takes 9 to 20 clocks and may wait 5 for a counter, and for refusals, which go first so that their counters
/// are up to date. After a reset of the core or of the device
/// the value store is set to its reset values, which takes 515 clocks; accesses wait. A device reset is asked for with
/// `soft_reset`, which stays until the engine answers `soft_reset_done`.
#[derive(LogicBlock)]
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
    /// Negotiated CSUM, TSO4, TSO6, ECN from bit 0 up; 0 before FEATURES_OK.
    pub features: Signal<Out, Bits<4>>,
    /// To the MMU's context table.
    pub context_write: ContextWriteSource,
    /// Empty the TLB; a pulse.
    pub tlb_invalidate: Signal<Out, Bit>,
    /// The TLB is being emptied.
    pub tlb_invalidating: Signal<In, Bit>,
    /// TCP flags that survive in the first segment.
    pub flags_first: Signal<Out, Bits<12>>,
    /// TCP flags that survive in the middle segments.
    pub flags_middle: Signal<Out, Bits<12>>,
    /// TCP flags that survive in the last segment.
    pub flags_last: Signal<Out, Bits<12>>,
    /// Bit 15 of the IPv4 ID stays.
    pub id_fifteen_bits: Signal<Out, Bit>,
    /// Transmit queues whose TCP checksum seed has no length in it.
    pub seed_without_length: Signal<Out, Bits<16>>,
    // Queues
    /// The fetcher's port of the queue table.
    pub fetch_table: QueueTableServer,
    /// The completion's port of the queue table.
    pub done_table: QueueTableServer,
    /// Transmit queues to serve.
    pub enabled: Signal<Out, Bits<16>>,
    /// Transmit queues whose indices begin at 0 again; pulses.
    pub restart: Signal<Out, Bits<16>>,
    /// Doorbell; a pulse.
    pub notify_valid: Signal<Out, Bit>,
    /// Transmit queue of the doorbell.
    pub notify_queue: Signal<Out, Bits<4>>,
    // Refusals
    /// Translation faults.
    pub fault: FaultSink,
    /// Ring errors of the fetcher.
    pub fetch_ring_error: RingErrorSink,
    /// Ring errors of the completion.
    pub done_ring_error: RingErrorSink,
    /// Packet errors.
    pub refused: RefusedSink,
    // Events
    /// A chain was completed.
    pub chain_done: Signal<In, Bit>,
    /// A frame was emitted.
    pub sent_frame: Signal<In, Bit>,
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
    /// InterruptStatus is not 0.
    pub irq: Signal<Out, Bit>,
    /// State number, see [`DEBUG_STATES`].
    pub debug: Signal<Out, Bits<8>>,
    //
    port: AxiLitePort,
    rom: RegisterRom,
    store: BlockRam<Bits<32>, 9>,
    device: DeviceState,
    queues: QueueState,
    settings: EngineSettings,
    records: RefusalRecords,
    counters: EventCounters,
    fetch_refusals: Fifo<Bits<6>, 4, 5>,
    done_refusals: Fifo<Bits<6>, 4, 5>,
    packet_refusals: Fifo<Bits<6>, 4, 5>,
    state: DFF<AccessState>,
    /// A reset of the core clears the kept values too.
    hard: DFF<Bit>,
    sweep: DFF<Bit>,
    filling: DFF<Bit>,
    filled: DFF<Bit>,
    kept: DFF<Bit>,
    /// A counter slot is next; otherwise a refusal or an access.
    turn: DFF<Bit>,
    /// The next counter slot to serve.
    visit: DFF<Bits<4>>,
    at: DFF<Bits<9>>,
    at_before: DFF<Bits<9>>,
    at_write: DFF<Bits<9>>,
    slot: DFF<Bits<4>>,
    is_refusal: DFF<Bit>,
    is_access: DFF<Bit>,
    outside: DFF<Bit>,
    in_refusals: DFF<Bit>,
    map_entry: DFF<Bits<ENTRY_BITS>>,
    word: DFF<Bits<32>>,
    value: DFF<Bits<32>>,
    amount: DFF<Bits<12>>,
    bind_step: DFF<Bits<2>>,
    allowed: DFF<Bits<16>>,
    error_seen: DFF<Bit>,
    clear_reset: Signal<Local, Bit>,
    write_now: Signal<Local, Bit>,
    code: Signal<Local, Bits<CODE_BITS>>,
    writable: Signal<Local, Bits<32>>,
    held: Signal<Local, Bits<32>>,
    unwritten: Signal<Local, Bits<32>>,
    sum: Signal<Local, Bits<33>>,
    refusal_waits: Signal<Local, Bit>,
    per_queue: Signal<Local, Bit>,
    byte_0: Constant<Bits<32>>,
    byte_1: Constant<Bits<32>>,
    byte_2: Constant<Bits<32>>,
    byte_3: Constant<Bits<32>>,
    high_half: Constant<Bits<32>>,
    queue_area: Constant<Bits<9>>,
    refusal_area: Constant<Bits<9>>,
    counter_area: Constant<Bits<9>>,
    latched_high: Constant<Bits<9>>,
    low_slot: Constant<Bits<4>>,
    high_slot: Constant<Bits<4>>,
    last_step: Constant<Bits<2>>,
    last_word: Constant<Bits<9>>,
}

/// The kernel takes a map entry apart by these numbers, and finds the refusal counters by theirs.
const _: () = {
    assert!(entry::HIGH_HALF == 16 && entry::CODE == 17 && entry::STORE_WORD == 23 && entry::READABLE == 31);
    assert!(entry::STORED == 32 && entry::PER_QUEUE == 33 && entry::COUNTER == 34 && entry::KEPT == 32);
    assert!(registers::REFUSALS_BASE == 0x400 && registers::REFUSALS == 64);
};

impl Default for RegisterBlock {
    fn default() -> Self {
        Self::new(TX_QUEUES as u32)
    }
}

impl RegisterBlock {
    /// A register block for `tx_queues` transmit queues, 1 to 16, and as many receive queues.
    pub fn new(tx_queues: u32) -> Self {
        let word = |value: u64| Constant::new(value.to_bits());
        let store = |value: u64| Constant::new(value.to_bits());
        Self {
            clock: Default::default(),
            reset: Default::default(),
            axil: Default::default(),
            soft_reset: Default::default(),
            soft_reset_done: Default::default(),
            features: Default::default(),
            context_write: Default::default(),
            tlb_invalidate: Default::default(),
            tlb_invalidating: Default::default(),
            flags_first: Default::default(),
            flags_middle: Default::default(),
            flags_last: Default::default(),
            id_fifteen_bits: Default::default(),
            seed_without_length: Default::default(),
            fetch_table: Default::default(),
            done_table: Default::default(),
            enabled: Default::default(),
            restart: Default::default(),
            notify_valid: Default::default(),
            notify_queue: Default::default(),
            fault: Default::default(),
            fetch_ring_error: Default::default(),
            done_ring_error: Default::default(),
            refused: Default::default(),
            chain_done: Default::default(),
            sent_frame: Default::default(),
            sent_bytes: Default::default(),
            tlb_hit: Default::default(),
            tlb_miss: Default::default(),
            mmu_fault: Default::default(),
            walk: Default::default(),
            used_pulse: Default::default(),
            irq: Default::default(),
            debug: Default::default(),
            port: Default::default(),
            rom: RegisterRom::new(tx_queues),
            store: Default::default(),
            device: DeviceState::new(tx_queues),
            queues: QueueState::new(tx_queues),
            settings: Default::default(),
            records: Default::default(),
            counters: Default::default(),
            fetch_refusals: Default::default(),
            done_refusals: Default::default(),
            packet_refusals: Default::default(),
            state: Default::default(),
            hard: Default::default(),
            sweep: Default::default(),
            filling: Default::default(),
            filled: Default::default(),
            kept: Default::default(),
            turn: Default::default(),
            visit: Default::default(),
            at: Default::default(),
            at_before: Default::default(),
            at_write: Default::default(),
            slot: Default::default(),
            is_refusal: Default::default(),
            is_access: Default::default(),
            outside: Default::default(),
            in_refusals: Default::default(),
            map_entry: Default::default(),
            word: Default::default(),
            value: Default::default(),
            amount: Default::default(),
            bind_step: Default::default(),
            allowed: Default::default(),
            error_seen: Default::default(),
            clear_reset: Default::default(),
            write_now: Default::default(),
            code: Default::default(),
            writable: Default::default(),
            held: Default::default(),
            unwritten: Default::default(),
            sum: Default::default(),
            refusal_waits: Default::default(),
            per_queue: Default::default(),
            byte_0: word(0xFF),
            byte_1: word(0xFF00),
            byte_2: word(0xFF_0000),
            byte_3: word(0xFF00_0000),
            high_half: word(0xFFFF_0000),
            queue_area: store(STORED_QUEUES),
            refusal_area: store(u64::from(registers::REFUSALS_BASE / 4)),
            counter_area: store(u64::from(registers::COUNT_CHAINS.offset / 4)),
            latched_high: store(u64::from(registers::COUNT_BYTES_HIGH.offset / 4)),
            low_slot: super::counters::slot(&registers::COUNT_BYTES_LOW),
            high_slot: Constant::new(map::BYTES_HIGH_SLOT.to_bits()),
            last_step: Constant::new(map::STORED_BIND_MASK.to_bits()),
            last_word: store(511),
        }
    }
}

impl Logic for RegisterBlock {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            state,
            hard,
            sweep,
            filling,
            filled,
            kept,
            turn,
            visit,
            at,
            at_before,
            at_write,
            slot,
            is_refusal,
            is_access,
            outside,
            in_refusals,
            map_entry,
            word,
            value,
            amount,
            bind_step,
            allowed,
            error_seen
        );
        clock!(
            self,
            clock,
            port,
            rom,
            store,
            device,
            queues,
            settings,
            records,
            counters,
            fetch_refusals,
            done_refusals,
            packet_refusals
        );
        AxiLiteSubordinate::link(&mut self.axil, &mut self.port.axil);
        ContextWriteSource::link(&mut self.context_write, &mut self.settings.context_write);
        QueueTableServer::link(&mut self.fetch_table, &mut self.queues.fetch_table);
        QueueTableServer::link(&mut self.done_table, &mut self.queues.done_table);
        FaultSink::link(&mut self.fault, &mut self.records.fault);
        RingErrorSink::link(&mut self.fetch_ring_error, &mut self.records.fetch_ring_error);
        RingErrorSink::link(&mut self.done_ring_error, &mut self.records.done_ring_error);
        RefusedSink::link(&mut self.refused, &mut self.records.refused);
        // Resets: the device's parts are reset by the core's reset and while the value store is cleared.
        self.clear_reset.next = self.reset.val() | (self.state.q.val() == AccessState::Clear);
        self.port.reset.next = self.reset.val();
        self.device.reset.next = self.clear_reset.val();
        self.device.hard_reset.next = self.reset.val();
        self.queues.reset.next = self.clear_reset.val();
        self.settings.reset.next = self.clear_reset.val();
        self.records.reset.next = self.clear_reset.val();
        self.counters.reset.next = self.clear_reset.val();
        self.fetch_refusals.reset.next = self.clear_reset.val();
        self.done_refusals.reset.next = self.clear_reset.val();
        self.packet_refusals.reset.next = self.clear_reset.val();
        // Outputs
        self.soft_reset.next = self.device.soft_reset.val();
        self.features.next = self.device.features.val();
        self.tlb_invalidate.next = self.settings.tlb_invalidate.val();
        self.flags_first.next = self.settings.flags_first.val();
        self.flags_middle.next = self.settings.flags_middle.val();
        self.flags_last.next = self.settings.flags_last.val();
        self.id_fifteen_bits.next = self.settings.id_fifteen_bits.val();
        self.seed_without_length.next = self.queues.seed_without_length.val();
        self.enabled.next = self.allowed.q.val();
        self.restart.next = self.queues.restart.val();
        self.notify_valid.next = self.device.notify_valid.val();
        self.notify_queue.next = self.device.notify_queue.val();
        self.irq.next = self.device.irq.val();
        self.allowed.d.next = 0.into();
        if self.device.running.val() & !self.sweep.q.val() {
            self.allowed.d.next = self.queues.ready_queues.val() & !self.records.stopped.val();
        }
        // Events
        self.device.soft_reset_done.next = self.soft_reset_done.val();
        self.device.used_pulse.next = self.used_pulse.val();
        self.error_seen.d.next = self.fetch_ring_error.valid.val() | self.done_ring_error.valid.val();
        self.device.ring_error.next = self.error_seen.q.val();
        self.settings.tlb_invalidating.next = self.tlb_invalidating.val();
        self.fetch_refusals.in_valid.next = self.fetch_ring_error.valid.val();
        self.fetch_refusals.in_data.next = self.fetch_ring_error.code.val();
        self.fetch_refusals.out_ready.next = false;
        self.done_refusals.in_valid.next = self.done_ring_error.valid.val();
        self.done_refusals.in_data.next = self.done_ring_error.code.val();
        self.done_refusals.out_ready.next = false;
        self.packet_refusals.in_valid.next = self.refused.valid.val();
        self.packet_refusals.in_data.next = self.refused.code.val();
        self.packet_refusals.out_ready.next = false;
        self.counters.chain_done.next = self.chain_done.val();
        self.counters.sent_frame.next = self.sent_frame.val();
        self.counters.sent_bytes.next = self.sent_bytes.val();
        self.counters.refused.next = self.refused.valid.val();
        self.counters.mmu_fault.next = self.mmu_fault.val();
        self.counters.tlb_hit.next = self.tlb_hit.val();
        self.counters.tlb_miss.next = self.tlb_miss.val();
        self.counters.walk.next = self.walk.val();
        self.counters.bytes_carry.next = false;
        self.counters.slot.next = self.slot.q.val();
        self.counters.take.next = false;
        // What the parts see of an access
        self.write_now.next = false;
        self.code.next = self.map_entry.q.val().get_bits::<CODE_BITS>(17);
        self.per_queue.next = self.map_entry.q.val().get_bit(33);
        self.port.done.next = false;
        self.port.read_data.next = self.value.q.val();
        // Memories: the entry is the reset entry while clearing
        self.rom.address.next = (bit_cast::<9, 8>(self.at.q.val().get_bits::<8>(0)) << 1) | 1;
        if self.state.q.val() == AccessState::Clear {
            self.rom.address.next = bit_cast::<9, 8>(self.at.q.val().get_bits::<8>(0)) << 1;
        }
        self.store.read_addr.next = self.at.q.val();
        self.at_before.d.next = self.at.q.val();
        self.at_write.d.next = self.at_before.q.val();
        self.store.write_addr.next = self.at_write.q.val();
        self.store.write_data.next = self.value.q.val();
        self.store.write_enable.next = false;
        self.filling.d.next = false;
        self.filled.d.next = self.filling.q.val();
        // Conditions
        self.refusal_waits.next = self.fetch_refusals.out_valid.val()
            | self.done_refusals.out_valid.val()
            | self.packet_refusals.out_valid.val();
        self.sum.next = bit_cast::<33, 32>(self.word.q.val()) + bit_cast::<33, 12>(self.amount.q.val());
        self.writable.next = 0.into();
        if self.port.access_strobe.val().get_bit(0) {
            self.writable.next = self.writable.val() | self.byte_0.val();
        }
        if self.port.access_strobe.val().get_bit(1) {
            self.writable.next = self.writable.val() | self.byte_1.val();
        }
        if self.port.access_strobe.val().get_bit(2) {
            self.writable.next = self.writable.val() | self.byte_2.val();
        }
        if self.port.access_strobe.val().get_bit(3) {
            self.writable.next = self.writable.val() | self.byte_3.val();
        }
        // Bytes without a strobe keep their value; bits outside the register's fields stay 0.
        self.unwritten.next = !self.writable.val();
        self.held.next = bit_cast::<32, 16>(self.map_entry.q.val().get_bits::<16>(0));
        if self.map_entry.q.val().get_bit(16) {
            self.held.next = bit_cast::<32, 16>(self.map_entry.q.val().get_bits::<16>(0)) | self.high_half.val();
        }
        if self.soft_reset_done.val() {
            self.sweep.d.next = true;
        }
        self.queues.load.next = false;
        self.queues.load_step.next = self.bind_step.q.val();
        self.queues.load_word.next = self.word.q.val();
        self.queues.commit.next = false;
        self.debug.next = 0.into();
        match self.state.q.val() {
            AccessState::Clear => {
                // A pipeline: entry address, entry, value and its address.
                self.debug.next = 0.into();
                self.filling.d.next = true;
                self.at.d.next = self.at.q.val() + 1;
                self.value.d.next = self.rom.data.val().get_bits::<32>(0);
                self.kept.d.next = self.rom.data.val().get_bit(32);
                if self.at_before.q.val().get_bit(8) {
                    self.value.d.next = 0.into();
                    self.kept.d.next = false;
                }
                self.store.write_enable.next = self.filled.q.val() & (self.hard.q.val() | !self.kept.q.val());
                if self.filled.q.val() & (self.at_write.q.val() == self.last_word.val()) {
                    self.state.d.next = AccessState::Idle;
                    self.sweep.d.next = false;
                    self.hard.d.next = false;
                }
            }
            AccessState::Idle => {
                self.debug.next = 1.into();
                self.is_refusal.d.next = false;
                self.is_access.d.next = false;
                self.turn.d.next = !self.turn.q.val();
                if self.sweep.q.val() {
                    self.at.d.next = 0.into();
                    self.state.d.next = AccessState::Clear;
                } else if !self.turn.q.val() & self.refusal_waits.val() {
                    self.is_refusal.d.next = true;
                    self.state.d.next = AccessState::CountFetch;
                    if self.fetch_refusals.out_valid.val() {
                        self.at.d.next = bit_cast::<9, 6>(self.fetch_refusals.out_data.val()) | self.refusal_area.val();
                        self.fetch_refusals.out_ready.next = true;
                    } else if self.done_refusals.out_valid.val() {
                        self.at.d.next = bit_cast::<9, 6>(self.done_refusals.out_data.val()) | self.refusal_area.val();
                        self.done_refusals.out_ready.next = true;
                    } else {
                        self.at.d.next =
                            bit_cast::<9, 6>(self.packet_refusals.out_data.val()) | self.refusal_area.val();
                        self.packet_refusals.out_ready.next = true;
                    }
                } else if !self.turn.q.val() & self.port.access_valid.val() {
                    self.is_access.d.next = true;
                    self.at.d.next = self.port.access_word.val().get_bits::<9>(0);
                    self.in_refusals.d.next = self.port.access_word.val().get_bits::<4>(6) == 4;
                    self.outside.d.next = self.port.access_word.val().get_bits::<2>(8) != 0;
                    self.state.d.next = AccessState::LookUp;
                } else {
                    self.slot.d.next = self.visit.q.val();
                    self.visit.d.next = self.visit.q.val() + 1;
                    self.at.d.next = bit_cast::<9, 4>(self.visit.q.val()) | self.counter_area.val();
                    self.state.d.next = AccessState::CountFetch;
                }
            }
            AccessState::LookUp => {
                self.debug.next = 2.into();
                self.state.d.next = AccessState::Decode;
            }
            AccessState::Decode => {
                self.debug.next = 3.into();
                self.map_entry.d.next = self.rom.data.val();
                if self.outside.q.val() {
                    self.map_entry.d.next = 0.into();
                }
                self.state.d.next = AccessState::Resolve;
            }
            AccessState::Resolve => {
                self.debug.next = 4.into();
                self.slot.d.next = self.at.q.val().get_bits::<4>(0);
                self.state.d.next = AccessState::Fetch;
                if self.per_queue.val() {
                    self.at.d.next = (bit_cast::<9, 5>(self.queues.selected.val()) << 2)
                        | bit_cast::<9, 2>(self.map_entry.q.val().get_bits::<2>(23))
                        | self.queue_area.val();
                } else if !self.outside.q.val() {
                    self.at.d.next = bit_cast::<9, 8>(self.map_entry.q.val().get_bits::<8>(23));
                    if self.map_entry.q.val().get_bit(34)
                        & !self.port.access_write.val()
                        & (self.at.q.val() != self.latched_high.val())
                    {
                        self.state.d.next = AccessState::CountFetch;
                    }
                }
            }
            AccessState::Fetch => {
                self.debug.next = 5.into();
                self.state.d.next = AccessState::Load;
            }
            AccessState::Load => {
                self.debug.next = 6.into();
                self.word.d.next = 0.into();
                if (self.map_entry.q.val().get_bit(31) & (!self.per_queue.val() | self.queues.exists.val()))
                    | self.in_refusals.q.val()
                {
                    self.word.d.next = self.store.read_data.val();
                }
                self.state.d.next = AccessState::Act;
            }
            AccessState::Act => {
                self.debug.next = 7.into();
                if self.port.access_write.val() {
                    self.value.d.next = ((self.word.q.val() & self.unwritten.val())
                        | (self.port.access_data.val() & self.writable.val()))
                        & self.held.val();
                    self.state.d.next = AccessState::Write;
                } else {
                    self.value.d.next = self.word.q.val()
                        | self.device.read_data.val()
                        | self.queues.read_data.val()
                        | self.settings.read_data.val()
                        | self.records.read_data.val();
                    self.state.d.next = AccessState::Respond;
                }
            }
            AccessState::Write => {
                self.debug.next = 8.into();
                self.store.write_enable.next =
                    self.map_entry.q.val().get_bit(32) & (!self.per_queue.val() | self.queues.exists.val());
                // A register that keeps no value acts when its lowest byte is written.
                self.write_now.next = self.map_entry.q.val().get_bit(32) | self.port.access_strobe.val().get_bit(0);
                self.bind_step.d.next = 0.into();
                self.state.d.next = AccessState::Respond;
                if self.queues.wants_ready.val() & self.port.access_strobe.val().get_bit(0) {
                    self.at.d.next = (bit_cast::<9, 5>(self.queues.selected.val()) << 2) | self.queue_area.val();
                    self.state.d.next = AccessState::BindFetch;
                }
            }
            AccessState::BindFetch => {
                self.debug.next = 9.into();
                self.state.d.next = AccessState::BindLoad;
            }
            AccessState::BindLoad => {
                self.debug.next = 10.into();
                self.word.d.next = self.store.read_data.val();
                self.at.d.next = self.at.q.val() + 1;
                self.state.d.next = AccessState::BindTake;
            }
            AccessState::BindTake => {
                self.debug.next = 11.into();
                self.queues.load.next = true;
                self.bind_step.d.next = self.bind_step.q.val() + 1;
                self.state.d.next = AccessState::BindLoad;
                if self.bind_step.q.val() == self.last_step.val() {
                    self.state.d.next = AccessState::BindDecide;
                }
            }
            AccessState::BindDecide => {
                self.debug.next = 12.into();
                self.queues.commit.next = self.queues.legal.val();
                self.state.d.next = AccessState::Respond;
            }
            AccessState::CountFetch => {
                self.debug.next = 13.into();
                self.state.d.next = AccessState::CountLoad;
            }
            AccessState::CountLoad => {
                self.debug.next = 14.into();
                self.word.d.next = self.store.read_data.val();
                self.amount.d.next = 1.into();
                if !self.is_refusal.q.val() {
                    self.amount.d.next = self.counters.amount.val();
                    self.counters.take.next = true;
                }
                self.state.d.next = AccessState::CountAdd;
            }
            AccessState::CountAdd => {
                self.debug.next = 15.into();
                self.value.d.next = self.sum.val().get_bits::<32>(0);
                self.counters.bytes_carry.next =
                    self.sum.val().get_bit(32) & !self.is_refusal.q.val() & (self.slot.q.val() == self.low_slot.val());
                self.state.d.next = AccessState::CountWrite;
            }
            AccessState::CountWrite => {
                self.debug.next = 16.into();
                self.store.write_enable.next = true;
                self.state.d.next = AccessState::Idle;
                if self.is_access.q.val() {
                    if self.slot.q.val() == self.high_slot.val() {
                        self.at.d.next = self.latched_high.val();
                        self.state.d.next = AccessState::Latch;
                    } else {
                        self.port.done.next = true;
                    }
                    // The low byte word was read: bring the high word up to date and latch it.
                    if self.slot.q.val() == self.low_slot.val() {
                        self.slot.d.next = self.high_slot.val();
                        self.at.d.next = bit_cast::<9, 4>(self.high_slot.val()) | self.counter_area.val();
                        self.state.d.next = AccessState::CountFetch;
                    }
                }
            }
            AccessState::Latch => {
                self.debug.next = 17.into();
                self.state.d.next = AccessState::LatchWait;
            }
            AccessState::LatchWait => {
                self.debug.next = 18.into();
                self.state.d.next = AccessState::LatchWrite;
            }
            AccessState::LatchWrite => {
                self.debug.next = 19.into();
                self.store.write_enable.next = true;
                self.state.d.next = AccessState::Idle;
            }
            _ => {
                // Respond
                self.debug.next = 20.into();
                self.port.done.next = true;
                self.state.d.next = AccessState::Idle;
            }
        }
        self.device.write.next = self.write_now.val();
        self.device.code.next = self.code.val();
        self.device.value.next = self.value.q.val();
        self.queues.write.next = self.write_now.val();
        self.queues.code.next = self.code.val();
        self.queues.value.next = self.value.q.val();
        self.settings.write.next = self.write_now.val();
        self.settings.code.next = self.code.val();
        self.settings.value.next = self.value.q.val();
        self.records.write.next = self.write_now.val();
        self.records.code.next = self.code.val();
        if self.reset.val() {
            self.state.d.next = AccessState::Clear;
            self.hard.d.next = true;
            self.sweep.d.next = false;
            self.filling.d.next = false;
            self.filled.d.next = false;
            self.at.d.next = 0.into();
            self.turn.d.next = false;
            self.visit.d.next = 0.into();
            self.allowed.d.next = 0.into();
            self.error_seen.d.next = false;
        }
    }
}
