//! Whether the driver is told of a used index: behind the index, what the driver wants to know is read.
//!
//! The index is written and acknowledged first (virtio 1.2, 2.7.7.2 and 2.7.10.2). Then the word in which the driver says
//! what it wants is read: `used_event`, behind its avail ring, when EVENT_IDX is negotiated, otherwise the flags in front
//! of it. Meanwhile the completion writes the elements of its next batch.

use crate::bus::ports::{MemReadClient, TranslateClient};
use rust_hdl::prelude::*;
use segwalk_model::limits::{PHYS_ADDR_BITS, PHYS_PAGE_BITS, VIRT_PAGE_BITS};
use segwalk_model::refusal::Refusal;

logic_block! {
    /// One used index at a time; see the module.
    pub struct UsedNotifier {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        /// EVENT_IDX is negotiated.
        pub event_idx: Signal<In, Bit>,
        // Completion
        /// The write of a used index was taken; the next answer is its. A pulse, not while `busy`.
        pub start: Signal<In, Bit>,
        /// With `start`: nothing is to come of it but the wait for its answer.
        pub dead: Signal<In, Bit>,
        /// Its transmit queue.
        pub queue: Signal<In, Bits<4>>,
        /// Context of the queue's rings.
        pub space: Signal<In, Bits<4>>,
        /// Address of the avail ring.
        pub avail_addr: Signal<In, Bits<64>>,
        /// Queue Size.
        pub size: Signal<In, Bits<16>>,
        /// The index that was written.
        pub index: Signal<In, Bits<16>>,
        /// How many elements it released.
        pub count: Signal<In, Bits<7>>,
        /// Bit a transmit queue: it is off, or begins anew: nothing is to come of its index any more.
        pub gone: Signal<In, Bits<16>>,
        /// A write was answered.
        pub write_done: Signal<In, Bit>,
        /// It was refused by the bus.
        pub write_error: Signal<In, Bit>,
        /// An index is being followed.
        pub busy: Signal<Out, Bit>,
        /// Its transmit queue.
        pub busy_queue: Signal<Out, Bits<4>>,
        /// The next answer to a write is the index's.
        pub waits: Signal<Out, Bit>,
        /// The driver is to be told; a pulse.
        pub notify: Signal<Out, Bit>,
        /// With `notify`: how many elements the index released.
        pub chains: Signal<Out, Bits<7>>,
        /// The queue met a ring error; until it is taken.
        pub failed: Signal<Out, Bit>,
        /// Which.
        pub code: Signal<Out, Bits<6>>,
        /// It is taken.
        pub failed_taken: Signal<In, Bit>,
        // MMU and memory
        /// The translation port is wanted.
        pub wants_port: Signal<Out, Bit>,
        /// It may be used until it is not wanted any more.
        pub has_port: Signal<In, Bit>,
        /// Translation of avail-ring pages.
        pub translate: TranslateClient,
        /// Translations given before this pulse are no longer valid.
        pub fence: Signal<In, Bit>,
        /// One of them is in use.
        pub fence_busy: Signal<Out, Bit>,
        /// Avail rings.
        pub mem: MemReadClient,
        //
        // The states, a register each: many far away hang on them. None is idle; in turn: wait for the index's answer,
        // place of the word, its page, its translation, the answer, the read, its data, the word, how far, whether.
        active: DFF<Bit>,
        acknowledges: DFF<Bit>,
        places: DFF<Bit>,
        pages: DFF<Bit>,
        translates: DFF<Bit>,
        answers: DFF<Bit>,
        requests: DFF<Bit>,
        reads: DFF<Bit>,
        halves: DFF<Bit>,
        distances: DFF<Bit>,
        judges: DFF<Bit>,
        fails: DFF<Bit>,
        held_queue: DFF<Bits<4>>,
        ring_context: DFF<Bits<4>>,
        base: DFF<Bits<64>>,
        queue_size: DFF<Bits<16>>,
        new_index: DFF<Bits<16>>,
        released: DFF<Bits<7>>,
        cancelled: DFF<Bit>,
        low: DFF<Bits<19>>,
        virt_page: DFF<Bits<VIRT_PAGE_BITS>>,
        phys_page: DFF<Bits<PHYS_PAGE_BITS>>,
        data: DFF<Bits<64>>,
        wanted: DFF<Bits<16>>,
        distance: DFF<Bits<16>>,
        tells: DFF<Bit>,
        error: DFF<Bits<6>>,
        fenced: DFF<Bit>,
        beyond: Signal<Local, Bits<16>>,
        ring_fault: Constant<Bits<6>> = Constant::new((Refusal::RingFault.code() as u64).to_bits()),
        ring_bus_error: Constant<Bits<6>> = Constant::new((Refusal::RingBusError.code() as u64).to_bits()),
    }
}

impl Logic for UsedNotifier {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            active,
            acknowledges,
            places,
            pages,
            translates,
            answers,
            requests,
            reads,
            halves,
            distances,
            judges,
            fails,
            held_queue,
            ring_context,
            base,
            queue_size,
            new_index,
            released,
            cancelled,
            low,
            virt_page,
            phys_page,
            data,
            wanted,
            distance,
            tells,
            error,
            fenced
        );
        self.busy.next = self.active.q.val();
        self.busy_queue.next = self.held_queue.q.val();
        self.waits.next = self.acknowledges.q.val();
        self.notify.next = self.tells.q.val();
        self.chains.next = self.released.q.val();
        self.failed.next = self.fails.q.val() & !self.cancelled.q.val();
        self.code.next = self.error.q.val();
        self.wants_port.next = self.pages.q.val() | self.translates.q.val() | self.answers.q.val();
        self.translate.req_valid.next = self.translates.q.val();
        self.translate.context.next = self.ring_context.q.val();
        self.translate.virt_page.next = self.virt_page.q.val();
        self.translate.write.next = false;
        self.translate.rsp_ready.next = self.answers.q.val();
        self.mem.req_valid.next = self.requests.q.val();
        self.mem.phys_addr.next = (bit_cast::<PHYS_ADDR_BITS, PHYS_PAGE_BITS>(self.phys_page.q.val()) << 12)
            | (bit_cast::<PHYS_ADDR_BITS, 9>(self.low.q.val().get_bits::<9>(3)) << 3);
        self.mem.beats_minus_1.next = 0.into();
        self.fence_busy.next = self.fenced.q.val();
        self.tells.d.next = false;
        // How far the index is beyond the element that the driver waits for.
        self.beyond.next = self.new_index.q.val() - self.wanted.q.val();
        if self.gone.val().get_bit(self.held_queue.q.val().index()) {
            self.cancelled.d.next = true;
        }
        if !self.active.q.val() {
            // Loaded whether it starts or not: `start` comes late, and nobody looks before it.
            self.held_queue.d.next = self.queue.val();
            self.ring_context.d.next = self.space.val();
            self.base.d.next = self.avail_addr.val();
            self.queue_size.d.next = self.size.val();
            self.new_index.d.next = self.index.val();
            self.released.d.next = self.count.val();
            self.cancelled.d.next = self.dead.val() | self.gone.val().get_bit(self.queue.val().index());
            self.active.d.next = self.start.val();
            self.acknowledges.d.next = self.start.val();
        }
        self.places.d.next = false;
        if self.acknowledges.q.val() {
            self.error.d.next = self.ring_bus_error.val();
            // The flags are the first word of the avail ring; used_event lies behind two words and the entries.
            self.low.d.next = bit_cast::<19, 12>(self.base.q.val().get_bits::<12>(0));
            if self.event_idx.val() {
                self.low.d.next = bit_cast::<19, 12>(self.base.q.val().get_bits::<12>(0))
                    + ((bit_cast::<19, 16>(self.queue_size.q.val()) << 1) | 4);
                // A queue of 2 entries: 4 is in the number already.
                if self.queue_size.q.val() == 2 {
                    self.low.d.next = bit_cast::<19, 12>(self.base.q.val().get_bits::<12>(0)) + 8;
                }
            }
            if self.write_done.val() {
                self.acknowledges.d.next = false;
                self.places.d.next = !self.write_error.val();
                self.fails.d.next = self.write_error.val();
            }
        }
        if self.places.q.val() {
            self.virt_page.d.next =
                self.base.q.val().get_bits::<52>(12) + bit_cast::<52, 7>(self.low.q.val().get_bits::<7>(12));
            self.active.d.next = !self.cancelled.q.val();
            self.pages.d.next = !self.cancelled.q.val();
        }
        if self.pages.q.val() & self.has_port.val() {
            self.pages.d.next = false;
            self.translates.d.next = true;
        }
        if self.translates.q.val() & self.translate.req_ready.val() {
            self.translates.d.next = false;
            self.answers.d.next = true;
        }
        if self.answers.q.val() {
            self.phys_page.d.next = self.translate.phys_page.val();
            if self.translate.rsp_valid.val() {
                self.answers.d.next = false;
                if self.translate.cause.val() != 0 {
                    self.error.d.next = self.ring_fault.val();
                    self.fails.d.next = true;
                } else {
                    self.requests.d.next = true;
                }
            }
        }
        if self.requests.q.val() & self.mem.req_ready.val() {
            self.requests.d.next = false;
            self.reads.d.next = true;
        }
        self.halves.d.next = false;
        self.distances.d.next = self.halves.q.val();
        self.judges.d.next = self.distances.q.val();
        if self.reads.q.val() {
            self.data.d.next = self.mem.data.val();
            if self.mem.data_valid.val() {
                self.reads.d.next = false;
                self.halves.d.next = !self.mem.data_error.val();
                self.fails.d.next = self.mem.data_error.val();
            }
        }
        // The word's part, and the distance, need no enable: what they come from is steady until they are used.
        self.wanted.d.next = self.data.q.val().get_bits::<16>(0);
        if self.low.q.val().get_bits::<2>(1) == 1 {
            self.wanted.d.next = self.data.q.val().get_bits::<16>(16);
        }
        if self.low.q.val().get_bits::<2>(1) == 2 {
            self.wanted.d.next = self.data.q.val().get_bits::<16>(32);
        }
        if self.low.q.val().get_bits::<2>(1) == 3 {
            self.wanted.d.next = self.data.q.val().get_bits::<16>(48);
        }
        self.distance.d.next = self.beyond.val() - 1;
        if self.judges.q.val() {
            // The element that the driver waits for is among those that the index released.
            self.tells.d.next = !self.wanted.q.val().get_bit(0) & !self.cancelled.q.val();
            if self.event_idx.val() {
                self.tells.d.next =
                    (self.distance.q.val() < bit_cast::<16, 7>(self.released.q.val())) & !self.cancelled.q.val();
            }
            self.active.d.next = false;
        }
        if self.fails.q.val() & (self.failed_taken.val() | self.cancelled.q.val()) {
            self.fails.d.next = false;
            self.active.d.next = false;
        }
        // An answer from before the fence is used until the data is here.
        if !self.answers.q.val() & !self.requests.q.val() & !self.reads.q.val() {
            self.fenced.d.next = false;
        }
        if self.fence.val() {
            self.fenced.d.next = true;
        }
        if self.reset.val() {
            self.active.d.next = false;
            self.acknowledges.d.next = false;
            self.places.d.next = false;
            self.pages.d.next = false;
            self.translates.d.next = false;
            self.answers.d.next = false;
            self.requests.d.next = false;
            self.reads.d.next = false;
            self.halves.d.next = false;
            self.distances.d.next = false;
            self.judges.d.next = false;
            self.fails.d.next = false;
            self.tells.d.next = false;
            self.fenced.d.next = false;
        }
    }
}
