//! Where the next avail entry lies, and how many behind it one burst reads.

use rust_hdl::prelude::*;

logic_block! {
    /// Offsets in the avail and the used ring. All outputs have settled four clocks after the inputs.
    pub struct AvailPlaces {
        /// Clock.
        pub clock: Signal<In, Clock>,
        // Queue
        /// Queue Size less one.
        pub last_index: Signal<In, Bits<16>>,
        /// Bits 11:1 of the avail ring's address.
        pub avail_low: Signal<In, Bits<11>>,
        /// Bits 11:2 of the used ring's address.
        pub used_low: Signal<In, Bits<10>>,
        /// Position of the next entry.
        pub next_avail: Signal<In, Bits<16>>,
        /// Avail index that was read.
        pub seen_avail: Signal<In, Bits<16>>,
        // Places; units of 2 bytes from the ring's first page
        /// The next entry.
        pub entry: Signal<Out, Bits<17>>,
        /// The avail index.
        pub index: Signal<Out, Bits<12>>,
        /// avail_event, in units of 4 bytes.
        pub avail_event: Signal<Out, Bits<18>>,
        // Distances
        /// Entries that wait.
        pub ahead: Signal<Out, Bits<16>>,
        /// None waits.
        pub caught_up: Signal<Out, Bit>,
        /// More wait than the queue has.
        pub too_far: Signal<Out, Bit>,
        /// Entries that one burst of up to 128 bytes reads, less one.
        pub burst_minus_1: Signal<Out, Bits<6>>,
        //
        ring_place: DFF<Bits<17>>,
        entry_place: DFF<Bits<17>>,
        index_place: DFF<Bits<12>>,
        event_place: DFF<Bits<18>>,
        distance: DFF<Bits<16>>,
        none: DFF<Bit>,
        beyond: DFF<Bit>,
        distance_last: DFF<Bits<16>>,
        size: DFF<Bits<16>>,
        line_last: DFF<Bits<6>>,
        burst_last: DFF<Bits<6>>,
        slot: Signal<Local, Bits<16>>,
        line_room: Signal<Local, Bits<6>>,
        ring_room: Signal<Local, Bits<16>>,
        last_distance: Signal<Local, Bits<16>>,
    }
}

impl Logic for AvailPlaces {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            ring_place,
            entry_place,
            index_place,
            event_place,
            distance,
            none,
            beyond,
            distance_last,
            size,
            line_last,
            burst_last
        );
        self.slot.next = self.next_avail.val() & self.last_index.val();
        self.ring_place.d.next = bit_cast::<17, 16>(self.slot.val()) + 2;
        self.entry_place.d.next = bit_cast::<17, 11>(self.avail_low.val()) + self.ring_place.q.val();
        self.index_place.d.next = bit_cast::<12, 11>(self.avail_low.val()) + 1;
        // 4 bytes of flags and index, 8 for each of last_index + 1 entries
        self.event_place.d.next =
            bit_cast::<18, 10>(self.used_low.val()) + ((bit_cast::<18, 16>(self.last_index.val()) << 1) + 3);
        self.distance.d.next = self.seen_avail.val() - self.next_avail.val();
        self.none.d.next = self.seen_avail.val() == self.next_avail.val();
        self.last_distance.next = self.distance.q.val() - 1;
        self.distance_last.d.next = self.last_distance.val();
        self.size.d.next = self.last_index.val() + 1;
        self.beyond.d.next = self.distance.q.val() > self.size.q.val();
        // The ring's end is reached after last_index - slot more entries; Queue Size is a power of two.
        self.ring_room.next = self.slot.val() ^ self.last_index.val();
        self.line_room.next = self.entry_place.q.val().get_bits::<6>(0) ^ 0x3F;
        self.line_last.d.next = self.line_room.val();
        if self.ring_room.val() < bit_cast::<16, 6>(self.line_room.val()) {
            self.line_last.d.next = self.ring_room.val().get_bits::<6>(0);
        }
        self.burst_last.d.next = self.line_last.q.val();
        if self.distance_last.q.val() < bit_cast::<16, 6>(self.line_last.q.val()) {
            self.burst_last.d.next = self.distance_last.q.val().get_bits::<6>(0);
        }
        self.entry.next = self.entry_place.q.val();
        self.index.next = self.index_place.q.val();
        self.avail_event.next = self.event_place.q.val();
        self.ahead.next = self.distance.q.val();
        self.caught_up.next = self.none.q.val();
        self.too_far.next = self.beyond.q.val();
        self.burst_minus_1.next = self.burst_last.q.val();
    }
}
