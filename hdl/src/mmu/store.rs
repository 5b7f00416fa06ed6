//! A set-associative store of translations: the TLB is two of these, one in block RAM and one in distributed RAM.
//!
//! An entry is, from bit 0: valid, readable, writable, 4 bits of context, physical page number, tag. Clocks are those of
//! [`super::lookup`].

use crate::bus::ram::BlockRam;
use rust_hdl::prelude::*;

/// `2^SET` sets of `WAYS` entries; `ENTRY` is `7 + PHYS + TAG`, `WAYS` 2 or 4.
#[derive(LogicBlock)]
pub struct Store<const SET: usize, const TAG: usize, const PHYS: usize, const ENTRY: usize, const WAYS: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset: nothing is written; clearing the sets is the sweeper's work.
    pub reset: Signal<In, Bit>,
    /// Clock 0: set to read.
    pub set: Signal<In, Bits<SET>>,
    /// Clock 2: tag looked for.
    pub tag: Signal<In, Bits<TAG>>,
    /// Clock 2: its address space.
    pub owner: Signal<In, Bits<4>>,
    /// Clock 2: the access is a write.
    pub write: Signal<In, Bit>,
    /// Clock 3: there is an entry that allows the access.
    pub hit: Signal<Out, Bit>,
    /// Clock 3: its physical page number, 0 without a hit.
    pub phys: Signal<Out, Bits<PHYS>>,
    /// Clock 3: put an entry where the tag is, else into an empty way, else into `random_way`.
    pub fill: Signal<In, Bit>,
    /// Clock 3: its set.
    pub fill_set: Signal<In, Bits<SET>>,
    /// Clock 3: its tag.
    pub fill_tag: Signal<In, Bits<TAG>>,
    /// Clock 3: its address space.
    pub fill_owner: Signal<In, Bits<4>>,
    /// Clock 3: its physical page number.
    pub fill_phys: Signal<In, Bits<PHYS>>,
    /// Clock 3: reads are allowed.
    pub fill_readable: Signal<In, Bit>,
    /// Clock 3: writes are allowed.
    pub fill_writable: Signal<In, Bit>,
    /// Clock 3: below the number of ways.
    pub random_way: Signal<In, Bits<2>>,
    /// Clock 3: clear ways of `fill_set` instead: those that hold the owner's entries,
    pub clear: Signal<In, Bit>,
    /// of them only those that hold the tag,
    pub clear_tag: Signal<In, Bit>,
    /// or all.
    pub clear_all: Signal<In, Bit>,
    //
    ways: Vec<BlockRam<Bits<ENTRY>, SET>>,
    // clock 2
    read: Vec<DFF<Bits<ENTRY>>>,
    entry: Signal<Local, Bits<ENTRY>>,
    entry_tag: Signal<Local, Bits<ENTRY>>,
    difference: Signal<Local, Bits<TAG>>,
    // clock 3
    low_equal: Vec<DFF<Bit>>,
    high_equal: Vec<DFF<Bit>>,
    owned: Vec<DFF<Bit>>,
    allowed: Vec<DFF<Bit>>,
    present: Vec<DFF<Bit>>,
    page: Vec<DFF<Bits<PHYS>>>,
    way_hit: Signal<Local, Bit>,
    any_hit: Signal<Local, Bit>,
    selected: Signal<Local, Bits<PHYS>>,
    same: Signal<Local, Bits<WAYS>>,
    victim: Signal<Local, Bits<WAYS>>,
    chosen: Signal<Local, Bits<WAYS>>,
    cleared: Signal<Local, Bits<WAYS>>,
    new_flags: Signal<Local, Bits<3>>,
    // clock 4
    write_ways: DFF<Bits<WAYS>>,
    write_set: DFF<Bits<SET>>,
    write_entry: DFF<Bits<ENTRY>>,
    //
    low_mask: Constant<Bits<TAG>>,
    high_mask: Constant<Bits<TAG>>,
    tag_lsb: Constant<Bits<6>>,
    way_bit: Vec<Constant<Bits<WAYS>>>,
    way_0: Constant<Bits<WAYS>>,
}

impl<const SET: usize, const TAG: usize, const PHYS: usize, const ENTRY: usize, const WAYS: usize>
    Store<SET, TAG, PHYS, ENTRY, WAYS>
{
    /// In distributed RAM: for 16 sets that takes less room.
    pub fn distributed() -> Self {
        Self::distributed_of_bits(SET)
    }

    /// The same with `2^bits` sets; upper bits of a set's number are not looked at.
    pub fn distributed_of_bits(bits: usize) -> Self {
        Self {
            ways: (0..WAYS).map(|_| BlockRam::distributed().of_bits(bits)).collect(),
            ..Self::default()
        }
    }
}

fn each<T: Default>(ways: usize) -> Vec<T> {
    (0..ways).map(|_| T::default()).collect()
}

impl<const SET: usize, const TAG: usize, const PHYS: usize, const ENTRY: usize, const WAYS: usize> Default
    for Store<SET, TAG, PHYS, ENTRY, WAYS>
{
    fn default() -> Self {
        assert_eq!(
            ENTRY,
            7 + PHYS + TAG,
            "an entry is 7 bits of flags, the page number and the tag"
        );
        let low = (1u64 << (TAG / 2)) - 1;
        Self {
            clock: Default::default(),
            reset: Default::default(),
            set: Default::default(),
            tag: Default::default(),
            owner: Default::default(),
            write: Default::default(),
            hit: Default::default(),
            phys: Default::default(),
            fill: Default::default(),
            fill_set: Default::default(),
            fill_tag: Default::default(),
            fill_owner: Default::default(),
            fill_phys: Default::default(),
            fill_readable: Default::default(),
            fill_writable: Default::default(),
            random_way: Default::default(),
            clear: Default::default(),
            clear_tag: Default::default(),
            clear_all: Default::default(),
            ways: each(WAYS),
            read: each(WAYS),
            entry: Default::default(),
            entry_tag: Default::default(),
            difference: Default::default(),
            low_equal: each(WAYS),
            high_equal: each(WAYS),
            owned: each(WAYS),
            allowed: each(WAYS),
            present: each(WAYS),
            page: each(WAYS),
            way_hit: Default::default(),
            any_hit: Default::default(),
            selected: Default::default(),
            same: Default::default(),
            victim: Default::default(),
            chosen: Default::default(),
            cleared: Default::default(),
            new_flags: Default::default(),
            write_ways: Default::default(),
            write_set: Default::default(),
            write_entry: Default::default(),
            low_mask: Constant::new(low.to_bits()),
            high_mask: Constant::new((((1u64 << TAG) - 1) & !low).to_bits()),
            tag_lsb: Constant::new((7 + PHYS).to_bits()),
            way_bit: (0..WAYS).map(|way| Constant::new((1u64 << way).to_bits())).collect(),
            way_0: Constant::new(1.into()),
        }
    }
}

impl<const SET: usize, const TAG: usize, const PHYS: usize, const ENTRY: usize, const WAYS: usize> Logic
    for Store<SET, TAG, PHYS, ENTRY, WAYS>
{
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, write_ways, write_set, write_entry);
        // Clocks 0 and 1: the RAMs read.
        for ix in 0..WAYS {
            self.ways[ix].clock.next = self.clock.val();
            self.read[ix].clock.next = self.clock.val();
            self.low_equal[ix].clock.next = self.clock.val();
            self.high_equal[ix].clock.next = self.clock.val();
            self.owned[ix].clock.next = self.clock.val();
            self.allowed[ix].clock.next = self.clock.val();
            self.present[ix].clock.next = self.clock.val();
            self.page[ix].clock.next = self.clock.val();
            self.ways[ix].read_addr.next = self.set.val();
            self.read[ix].d.next = self.ways[ix].read_data.val();
        }
        // Clock 2: the tag is compared in halves.
        for ix in 0..WAYS {
            self.entry.next = self.read[ix].q.val();
            self.entry_tag.next = self.entry.val() >> self.tag_lsb.val();
            self.difference.next = self.entry_tag.val().get_bits::<TAG>(0) ^ self.tag.val();
            self.low_equal[ix].d.next = (self.difference.val() & self.low_mask.val()) == 0;
            self.high_equal[ix].d.next = (self.difference.val() & self.high_mask.val()) == 0;
            self.owned[ix].d.next =
                self.entry.val().get_bit(0) & (self.entry.val().get_bits::<4>(3) == self.owner.val());
            self.allowed[ix].d.next =
                (self.entry.val().get_bit(1) & !self.write.val()) | (self.entry.val().get_bit(2) & self.write.val());
            self.present[ix].d.next = self.entry.val().get_bit(0);
            self.page[ix].d.next = self.entry.val().get_bits::<PHYS>(7);
        }
        // Clock 3: the page is selected, and a way for a fill.
        self.any_hit.next = false;
        self.selected.next = 0.into();
        self.same.next = 0.into();
        self.cleared.next = 0.into();
        self.victim.next = self.way_0.val() << self.random_way.val();
        for ix in 0..WAYS {
            self.way_hit.next = self.low_equal[ix].q.val()
                & self.high_equal[ix].q.val()
                & self.owned[ix].q.val()
                & self.allowed[ix].q.val();
            self.any_hit.next = self.any_hit.val() | self.way_hit.val();
            if self.way_hit.val() {
                self.selected.next = self.selected.val() | self.page[ix].q.val();
            }
            if self.low_equal[ix].q.val() & self.high_equal[ix].q.val() & self.owned[ix].q.val() {
                self.same.next = self.same.val() | self.way_bit[ix].val();
            }
            if self.clear_all.val()
                | (self.owned[ix].q.val()
                    & (!self.clear_tag.val() | (self.low_equal[ix].q.val() & self.high_equal[ix].q.val())))
            {
                self.cleared.next = self.cleared.val() | self.way_bit[ix].val();
            }
            if !self.present[ix].q.val() {
                self.victim.next = self.way_bit[ix].val();
            }
        }
        self.hit.next = self.any_hit.val();
        self.phys.next = self.selected.val();
        self.chosen.next = self.same.val();
        if self.same.val() == 0 {
            self.chosen.next = self.victim.val();
        }
        self.write_ways.d.next = 0.into();
        if self.fill.val() {
            self.write_ways.d.next = self.chosen.val();
        }
        if self.clear.val() {
            self.write_ways.d.next = self.cleared.val();
        }
        self.write_set.d.next = self.fill_set.val();
        self.new_flags.next = 0.into();
        if !self.clear.val() {
            self.new_flags.next = bit_cast::<3, 1>(self.fill_readable.val().into()) << 1;
            if self.fill_writable.val() {
                self.new_flags.next = self.new_flags.val() | 4;
            }
            self.new_flags.next = self.new_flags.val() | 1;
        }
        self.write_entry.d.next = bit_cast::<ENTRY, 3>(self.new_flags.val())
            | (bit_cast::<ENTRY, 4>(self.fill_owner.val()) << 3)
            | (bit_cast::<ENTRY, PHYS>(self.fill_phys.val()) << 7)
            | (bit_cast::<ENTRY, TAG>(self.fill_tag.val()) << self.tag_lsb.val());
        // Clock 4: the RAMs are written.
        for ix in 0..WAYS {
            self.ways[ix].write_addr.next = self.write_set.q.val();
            self.ways[ix].write_data.next = self.write_entry.q.val();
            self.ways[ix].write_enable.next = self.write_ways.q.val().get_bit(ix);
        }
        if self.reset.val() {
            self.write_ways.d.next = 0.into();
        }
    }
}
