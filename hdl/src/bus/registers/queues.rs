//! The queues: selection, readiness, and the queue table that the fetcher and the completion read.

use super::drain::QueueDrain;
use super::map::{self, store, CODE_BITS};
use super::table_ram::TableRam;
use crate::bus::ports::{queue_word, QueueTableServer};
use rust_hdl::prelude::*;
use segwalk_model::limits::{QUEUE_SIZE_MAX, TX_QUEUES};
use segwalk_model::registers;

logic_block! {
    /// Queue registers of up to 16 receive and 16 transmit queues. Addresses go to the table as they are written, the size
    /// and the contexts when the queue is made ready: the register block loads them with three `load` pulses and, when
    /// `legal`, ends with `commit`. A queue that is ready does not take addresses. A queue that was ready reads as ready, and
    /// cannot be made ready anew, until nothing of it is under way. A receive queue, which nobody serves here, is ready or
    /// not; nothing else of it is kept.
    pub struct QueueState {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset: no queue is ready.
        pub reset: Signal<In, Bit>,
        /// The register of `code` is written with `value`; a pulse.
        pub write: Signal<In, Bit>,
        /// Register.
        pub code: Signal<In, Bits<CODE_BITS>>,
        /// Value written.
        pub value: Signal<In, Bits<32>>,
        /// Value to read, two clocks after `code`, or 0 when the register is kept elsewhere.
        pub read_data: Signal<Out, Bits<32>>,
        /// RING_RESET is negotiated.
        pub reset_negotiated: Signal<In, Bit>,
        /// Transmit queue of the selected virtio queue; meaningful when `exists`.
        pub selected: Signal<Out, Bits<4>>,
        /// The selected queue is a transmit queue that exists.
        pub exists: Signal<Out, Bit>,
        /// The access writes a 1 to bit 0 of its register.
        pub writes_one: Signal<In, Bit>,
        /// This write asks for a transmit queue that is not ready yet to be made ready; from the third clock after `code` on.
        pub wants_ready: Signal<Out, Bit>,
        /// `load_word` is the stored word `load_step` of the selected queue; a pulse.
        pub load: Signal<In, Bit>,
        /// Which word, as in `map::store`.
        pub load_step: Signal<In, Bits<2>>,
        /// The word.
        pub load_word: Signal<In, Bits<32>>,
        /// The loaded Queue Size is a power of two from 1 to 32768; two clocks after its load.
        pub legal: Signal<Out, Bit>,
        /// Makes the selected queue ready with what was loaded; a pulse.
        pub commit: Signal<In, Bit>,
        /// Transmit queues that are ready.
        pub ready_queues: Signal<Out, Bits<16>>,
        /// Transmit queues that become ready on this clock; pulses.
        pub restart: Signal<Out, Bits<16>>,
        /// Bit a transmit queue: it is being reset, and a ring error that stopped it is forgotten.
        pub forgets: Signal<Out, Bits<16>>,
        /// Transmit queues whose checksum seed has no length in it.
        pub seed_without_length: Signal<Out, Bits<16>>,
        /// Transmit queues that park at a translation fault.
        pub recoverable: Signal<Out, Bits<16>>,
        /// Transmit queue that `weight_write` and `rate_write` are about.
        pub share_queue: Signal<Out, Bits<4>>,
        /// Its new weight or rate.
        pub share_value: Signal<Out, Bits<32>>,
        /// The weight of `share_queue` changes; a pulse.
        pub weight_write: Signal<Out, Bit>,
        /// The rate of `share_queue` changes; a pulse.
        pub rate_write: Signal<Out, Bit>,
        // What is under way, see `QueueDrain`
        /// Bit a transmit queue: the fetcher may still announce a chain of it.
        pub serving: Signal<In, Bits<16>>,
        /// It announced a chain; a pulse.
        pub chain_announced: Signal<In, Bit>,
        /// It has done with the oldest of them; a pulse.
        pub chain_walked: Signal<In, Bit>,
        /// The fetcher handed on a chain; a pulse.
        pub chain_issued: Signal<In, Bit>,
        /// The completion is done with a chain; a pulse.
        pub chain_retired: Signal<In, Bit>,
        /// Bit a transmit queue: the completion has something of it half done.
        pub finishing: Signal<In, Bits<16>>,
        /// The fetcher's port of the table.
        pub fetch_table: QueueTableServer,
        /// The completion's port of the table.
        pub done_table: QueueTableServer,
        //
        fetch_low: TableRam = TableRam::new(TX_QUEUES as u32),
        fetch_high: TableRam = TableRam::new(TX_QUEUES as u32),
        done_low: TableRam = TableRam::new(TX_QUEUES as u32),
        done_high: TableRam = TableRam::new(TX_QUEUES as u32),
        drain: QueueDrain,
        index: DFF<Bits<5>>,
        present: DFF<Bit>,
        is_tx: DFF<Bit>,
        ready_tx: DFF<Bits<16>>,
        ready_rx: DFF<Bits<16>>,
        ready_now: DFF<Bit>,
        drains_now: DFF<Bit>,
        starts: DFF<Bits<16>>,
        stops: DFF<Bits<16>>,
        resets: DFF<Bits<16>>,
        seeds: DFF<Bits<16>>,
        recovers: DFF<Bits<16>>,
        weight_pulse: DFF<Bit>,
        rate_pulse: DFF<Bit>,
        size: DFF<Bits<16>>,
        size_less_1: DFF<Bits<16>>,
        size_beyond: DFF<Bit>,
        size_legal: DFF<Bit>,
        contexts: DFF<Bits<11>>,
        mask: DFF<Bits<16>>,
        table_at: DFF<Bits<6>>,
        table_low: DFF<Bits<32>>,
        table_high: DFF<Bits<32>>,
        low_enable: DFF<Bit>,
        high_enable: DFF<Bit>,
        live: DFF<Bits<32>>,
        // What register `code` is
        is_sel: DFF<Bit>,
        is_num_max: DFF<Bit>,
        is_ready: DFF<Bit>,
        is_reset: DFF<Bit>,
        is_weight: DFF<Bit>,
        is_rate: DFF<Bit>,
        is_driver: DFF<Bit>,
        is_device: DFF<Bit>,
        is_low: DFF<Bit>,
        is_high: DFF<Bit>,
        asks: DFF<Bit>,
        exist: Constant<Bits<16>> = map::queue_mask(TX_QUEUES as u32),
        index_bits: Constant<Bits<5>> = index_mask(TX_QUEUES as u32),
        tx_next: Signal<Local, Bits<16>>,
        rx_next: Signal<Local, Bits<16>>,
        resets_next: Signal<Local, Bits<16>>,
        seeds_next: Signal<Local, Bits<16>>,
        recovers_next: Signal<Local, Bits<16>>,
        one: Constant<Bits<16>> = Constant::new(1u64.to_bits()),
        queues: Constant<Bits<32>> = map::word(2 * TX_QUEUES as u32),
        size_max: Constant<Bits<32>> = map::word(QUEUE_SIZE_MAX),
        shifted: Signal<Local, Bits<16>>,
        hot: Signal<Local, Bits<16>>,
        cold: Signal<Local, Bits<16>>,
        ready_bits: Signal<Local, Bits<16>>,
        decremented: Signal<Local, Bits<16>>,
        takes_address: Signal<Local, Bit>,
        switches_off: Signal<Local, Bit>,
        queue_sel: Constant<Bits<CODE_BITS>> = map::code(&registers::QUEUE_SEL),
        queue_num_max: Constant<Bits<CODE_BITS>> = map::code(&registers::QUEUE_NUM_MAX),
        queue_ready: Constant<Bits<CODE_BITS>> = map::code(&registers::QUEUE_READY),
        queue_reset: Constant<Bits<CODE_BITS>> = map::code(&registers::QUEUE_RESET),
        queue_weight: Constant<Bits<CODE_BITS>> = map::code(&registers::QUEUE_WEIGHT),
        queue_rate: Constant<Bits<CODE_BITS>> = map::code(&registers::QUEUE_RATE),
        desc_low: Constant<Bits<CODE_BITS>> = map::code(&registers::QUEUE_DESC_LOW),
        desc_high: Constant<Bits<CODE_BITS>> = map::code(&registers::QUEUE_DESC_HIGH),
        driver_low: Constant<Bits<CODE_BITS>> = map::code(&registers::QUEUE_DRIVER_LOW),
        driver_high: Constant<Bits<CODE_BITS>> = map::code(&registers::QUEUE_DRIVER_HIGH),
        device_low: Constant<Bits<CODE_BITS>> = map::code(&registers::QUEUE_DEVICE_LOW),
        device_high: Constant<Bits<CODE_BITS>> = map::code(&registers::QUEUE_DEVICE_HIGH),
    }
}

/// The kernel puts word 3 of the table together, and takes the load steps, by these numbers.
const _: () = {
    assert!(queue_word::SIZE_LSB == 0 && queue_word::RING_CONTEXT_LSB == 16 && queue_word::MASK_LSB == 32);
    assert!(queue_word::DEFAULT_CONTEXT_LSB == 20 && queue_word::NAMES_ALLOWED_BIT == 24);
    assert!(store::QUEUE_NUM == 0 && store::BIND_CONTEXTS == 1 && store::BIND_MASK == 2);
};

/// The bits that a number of one of `tx_queues` receive and transmit queues has.
fn index_mask(tx_queues: u32) -> Constant<Bits<5>> {
    Constant::new((u64::from(2 * tx_queues.max(1)).next_power_of_two() - 1).to_bits())
}

impl QueueState {
    /// The queues of a build with `tx_queues` transmit queues, 1 to 16.
    pub fn new(tx_queues: u32) -> Self {
        assert!(
            (1..=16).contains(&tx_queues),
            "the engine has 1 to 16 transmit queues, not {tx_queues}"
        );
        Self {
            fetch_low: TableRam::new(tx_queues),
            fetch_high: TableRam::new(tx_queues),
            done_low: TableRam::new(tx_queues),
            done_high: TableRam::new(tx_queues),
            queues: map::word(2 * tx_queues),
            exist: map::queue_mask(tx_queues),
            index_bits: index_mask(tx_queues),
            drain: QueueDrain::new(tx_queues),
            ..Default::default()
        }
    }
}

impl Logic for QueueState {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            index,
            present,
            is_tx,
            ready_tx,
            ready_rx,
            ready_now,
            drains_now,
            starts,
            stops,
            resets,
            seeds,
            recovers,
            weight_pulse,
            rate_pulse,
            size,
            size_less_1,
            size_beyond,
            size_legal,
            contexts,
            mask,
            table_at,
            table_low,
            table_high,
            low_enable,
            high_enable,
            live,
            is_sel,
            is_num_max,
            is_ready,
            is_reset,
            is_weight,
            is_rate,
            is_driver,
            is_device,
            is_low,
            is_high,
            asks
        );
        clock!(self, clock, fetch_low, fetch_high, done_low, done_high, drain);
        // Registers
        self.is_sel.d.next = self.code.val() == self.queue_sel.val();
        self.is_num_max.d.next = self.code.val() == self.queue_num_max.val();
        self.is_ready.d.next = self.code.val() == self.queue_ready.val();
        self.is_reset.d.next = self.code.val() == self.queue_reset.val();
        self.is_weight.d.next = self.code.val() == self.queue_weight.val();
        self.is_rate.d.next = self.code.val() == self.queue_rate.val();
        self.is_driver.d.next =
            (self.code.val() == self.driver_low.val()) | (self.code.val() == self.driver_high.val());
        self.is_device.d.next =
            (self.code.val() == self.device_low.val()) | (self.code.val() == self.device_high.val());
        self.is_low.d.next = (self.code.val() == self.desc_low.val())
            | (self.code.val() == self.driver_low.val())
            | (self.code.val() == self.device_low.val());
        self.is_high.d.next = (self.code.val() == self.desc_high.val())
            | (self.code.val() == self.driver_high.val())
            | (self.code.val() == self.device_high.val());
        // Defaults
        self.read_data.next = self.live.q.val();
        self.selected.next = self.index.q.val().get_bits::<4>(1);
        self.exists.next = self.is_tx.q.val();
        self.is_tx.d.next = self.present.q.val() & self.index.q.val().get_bit(0);
        self.legal.next = self.size_legal.q.val();
        self.ready_queues.next = self.ready_tx.q.val();
        self.restart.next = self.starts.q.val();
        self.forgets.next = self.resets.q.val();
        self.resets_next.next = self.resets.q.val() & (self.drain.draining.val() | self.stops.q.val());
        self.seed_without_length.next = self.seeds.q.val();
        self.recoverable.next = self.recovers.q.val();
        self.share_queue.next = self.table_at.q.val().get_bits::<4>(2);
        self.share_value.next = self.table_low.q.val();
        self.weight_write.next = self.weight_pulse.q.val();
        self.rate_write.next = self.rate_pulse.q.val();
        self.tx_next.next = self.ready_tx.q.val();
        self.rx_next.next = self.ready_rx.q.val();
        self.seeds_next.next = self.seeds.q.val();
        self.recovers_next.next = self.recovers.q.val();
        self.low_enable.d.next = false;
        self.high_enable.d.next = false;
        self.starts.d.next = 0.into();
        self.stops.d.next = 0.into();
        self.drain.reset.next = self.reset.val();
        self.drain.start.next = self.stops.q.val();
        self.drain.serving.next = self.serving.val();
        self.drain.chain_announced.next = self.chain_announced.val();
        self.drain.chain_walked.next = self.chain_walked.val();
        self.drain.chain_issued.next = self.chain_issued.val();
        self.drain.chain_retired.next = self.chain_retired.val();
        self.drain.finishing.next = self.finishing.val();
        // The table
        self.fetch_low.read_addr.next =
            (bit_cast::<6, 4>(self.fetch_table.queue.val()) << 2) | bit_cast::<6, 2>(self.fetch_table.word.val());
        self.fetch_high.read_addr.next =
            (bit_cast::<6, 4>(self.fetch_table.queue.val()) << 2) | bit_cast::<6, 2>(self.fetch_table.word.val());
        self.fetch_table.data.next = (bit_cast::<64, 32>(self.fetch_high.read_data.val()) << 32)
            | bit_cast::<64, 32>(self.fetch_low.read_data.val());
        self.done_low.read_addr.next =
            (bit_cast::<6, 4>(self.done_table.queue.val()) << 2) | bit_cast::<6, 2>(self.done_table.word.val());
        self.done_high.read_addr.next =
            (bit_cast::<6, 4>(self.done_table.queue.val()) << 2) | bit_cast::<6, 2>(self.done_table.word.val());
        self.done_table.data.next = (bit_cast::<64, 32>(self.done_high.read_data.val()) << 32)
            | bit_cast::<64, 32>(self.done_low.read_data.val());
        self.fetch_low.write_addr.next = self.table_at.q.val();
        self.fetch_low.write_data.next = self.table_low.q.val();
        self.fetch_low.write_enable.next = self.low_enable.q.val();
        self.fetch_high.write_addr.next = self.table_at.q.val();
        self.fetch_high.write_data.next = self.table_high.q.val();
        self.fetch_high.write_enable.next = self.high_enable.q.val();
        self.done_low.write_addr.next = self.table_at.q.val();
        self.done_low.write_data.next = self.table_low.q.val();
        self.done_low.write_enable.next = self.low_enable.q.val();
        self.done_high.write_addr.next = self.table_at.q.val();
        self.done_high.write_data.next = self.table_high.q.val();
        self.done_high.write_enable.next = self.high_enable.q.val();
        // Conditions
        self.shifted.next = self.one.val() << self.index.q.val().get_bits::<4>(1);
        self.hot.next = self.shifted.val() & self.exist.val();
        self.cold.next = !self.hot.val();
        self.ready_bits.next = self.ready_rx.q.val() & self.hot.val();
        if self.index.q.val().get_bit(0) {
            self.ready_bits.next = self.ready_tx.q.val() & self.hot.val();
        }
        // A queue that was switched off counts as ready until it is drained.
        self.drains_now.d.next =
            self.is_tx.q.val() & ((self.drain.draining.val() | self.stops.q.val()) & self.hot.val()).any();
        self.ready_now.d.next = self.present.q.val() & self.ready_bits.val().any();
        self.takes_address.next =
            self.write.val() & self.is_tx.q.val() & !self.ready_now.q.val() & !self.drains_now.q.val();
        self.asks.d.next = self.is_ready.q.val()
            & self.writes_one.val()
            & self.is_tx.q.val()
            & !self.ready_now.q.val()
            & !self.drains_now.q.val();
        self.wants_ready.next = self.asks.q.val();
        self.switches_off.next = (self.is_ready.q.val() & !self.value.val().get_bit(0))
            | (self.is_reset.q.val() & self.value.val().get_bit(0) & self.reset_negotiated.val());
        // Reading
        self.live.d.next = 0.into();
        if self.is_num_max.q.val() & self.present.q.val() {
            self.live.d.next = self.size_max.val();
        }
        if self.is_ready.q.val() & (self.ready_now.q.val() | self.drains_now.q.val()) {
            self.live.d.next = 1.into();
        }
        if self.is_reset.q.val() & self.drains_now.q.val() & self.reset_negotiated.val() {
            self.live.d.next = 1.into();
        }
        // Selection and readiness
        if self.write.val() & self.is_sel.q.val() {
            self.index.d.next = self.value.val().get_bits::<5>(0) & self.index_bits.val();
            self.present.d.next = self.value.val() < self.queues.val();
        }
        if self.write.val() & self.switches_off.val() & self.present.q.val() {
            if self.index.q.val().get_bit(0) {
                self.tx_next.next = self.ready_tx.q.val() & self.cold.val();
                self.stops.d.next = self.ready_tx.q.val() & self.hot.val();
                if self.is_reset.q.val() {
                    self.resets_next.next = self.resets.q.val() | self.hot.val();
                }
            } else {
                self.rx_next.next = self.ready_rx.q.val() & self.cold.val();
            }
        }
        if self.write.val()
            & self.is_ready.q.val()
            & self.value.val().get_bit(0)
            & self.present.q.val()
            & !self.index.q.val().get_bit(0)
        {
            self.rx_next.next = self.ready_rx.q.val() | self.hot.val();
        }
        // Shares
        self.weight_pulse.d.next = self.write.val() & self.is_tx.q.val() & self.is_weight.q.val();
        self.rate_pulse.d.next = self.write.val() & self.is_tx.q.val() & self.is_rate.q.val();
        // Addresses
        self.table_at.d.next = bit_cast::<6, 4>(self.index.q.val().get_bits::<4>(1)) << 2;
        self.table_low.d.next = self.value.val();
        self.table_high.d.next = self.value.val();
        if self.is_driver.q.val() {
            self.table_at.d.next = (bit_cast::<6, 4>(self.index.q.val().get_bits::<4>(1)) << 2) | 1;
        }
        if self.is_device.q.val() {
            self.table_at.d.next = (bit_cast::<6, 4>(self.index.q.val().get_bits::<4>(1)) << 2) | 2;
        }
        if self.is_low.q.val() {
            self.low_enable.d.next = self.takes_address.val();
        }
        if self.is_high.q.val() {
            self.high_enable.d.next = self.takes_address.val();
        }
        // Size and contexts: `size & (size - 1)` is 0 for a power of two, which also bounds 16 bits to 32768.
        self.decremented.next = self.load_word.val().get_bits::<16>(0) - 1;
        if self.load.val() & (self.load_step.val() == 0) {
            self.size.d.next = self.load_word.val().get_bits::<16>(0);
            self.size_less_1.d.next = self.decremented.val();
            self.size_beyond.d.next = self.load_word.val().get_bits::<16>(16) != 0;
        }
        if self.load.val() & (self.load_step.val() == 1) {
            self.contexts.d.next = self.load_word.val().get_bits::<11>(0);
        }
        if self.load.val() & (self.load_step.val() == 2) {
            self.mask.d.next = self.load_word.val().get_bits::<16>(0);
        }
        self.size_legal.d.next = !self.size_beyond.q.val()
            & (self.size.q.val() != 0)
            & ((self.size.q.val() & self.size_less_1.q.val()) == 0);
        if self.commit.val() {
            self.table_at.d.next = (bit_cast::<6, 4>(self.index.q.val().get_bits::<4>(1)) << 2) | 3;
            self.table_low.d.next = (bit_cast::<32, 9>(self.contexts.q.val().get_bits::<9>(0)) << 16)
                | bit_cast::<32, 16>(self.size.q.val());
            self.table_high.d.next = bit_cast::<32, 16>(self.mask.q.val());
            self.low_enable.d.next = true;
            self.high_enable.d.next = true;
            self.tx_next.next = self.ready_tx.q.val() | self.hot.val();
            self.starts.d.next = self.hot.val();
            self.seeds_next.next = self.seeds.q.val() & self.cold.val();
            if self.contexts.q.val().get_bit(9) {
                self.seeds_next.next = self.seeds.q.val() | self.hot.val();
            }
            self.recovers_next.next = self.recovers.q.val() & self.cold.val();
            if self.contexts.q.val().get_bit(10) {
                self.recovers_next.next = self.recovers.q.val() | self.hot.val();
            }
        }
        // Queues that the build does not have cost nothing.
        self.ready_tx.d.next = self.tx_next.val() & self.exist.val();
        self.ready_rx.d.next = self.rx_next.val() & self.exist.val();
        self.resets.d.next = self.resets_next.val() & self.exist.val();
        self.seeds.d.next = self.seeds_next.val() & self.exist.val();
        self.recovers.d.next = self.recovers_next.val() & self.exist.val();
        if self.reset.val() {
            self.index.d.next = 0.into();
            self.present.d.next = true;
            self.ready_tx.d.next = 0.into();
            self.ready_rx.d.next = 0.into();
            self.is_tx.d.next = false;
            self.ready_now.d.next = false;
            self.drains_now.d.next = false;
            self.starts.d.next = 0.into();
            self.stops.d.next = 0.into();
            self.resets.d.next = 0.into();
            self.seeds.d.next = 0.into();
            self.recovers.d.next = 0.into();
            self.weight_pulse.d.next = false;
            self.rate_pulse.d.next = false;
            self.low_enable.d.next = false;
            self.high_enable.d.next = false;
        }
    }
}
