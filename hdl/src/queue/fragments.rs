//! The queue of fragments between the chain walk and the payload reader.

#![allow(missing_docs)] // the derive adds a method without a doc comment; every field has one

use crate::bus::ports::FragmentSource;
use crate::bus::ram::BlockRam;
use rust_hdl::prelude::*;
use segwalk_model::limits::CHAIN_BYTES_BITS;
use segwalk_model::refusal::Refusal;

/// One fragment as it is stored.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct FragmentWord {
    /// First byte, virtual.
    pub virt_addr: Bits<64>,
    /// Length.
    pub bytes: Bits<CHAIN_BYTES_BITS>,
    /// Address space.
    pub context: Bits<4>,
    /// Last fragment of its chain.
    pub last: Bit,
    /// The chain changed; the other fields but `last` mean nothing.
    pub broken: Bit,
}

logic_block! {
    /// 256 fragments in block RAM. What is pushed shows at the output only once it is committed, and can be rolled back
    /// until then. One fragment in two clocks passes.
    pub struct FragmentStore {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset: empties the queue.
        pub reset: Signal<In, Bit>,
        // Chain walk
        /// Stores `word`; only with `room`.
        pub push: Signal<In, Bit>,
        /// The fragment.
        pub word: Signal<In, FragmentWord>,
        /// Releases all that was pushed, this clock's push included.
        pub commit: Signal<In, Bit>,
        /// Forgets what was pushed since the last commit; not together with `push` or `commit`.
        pub rollback: Signal<In, Bit>,
        /// There is room for two more at least; one clock late.
        pub room: Signal<Out, Bit>,
        // Payload reader
        /// The fragments of released chains.
        pub fragments: FragmentSource,
        //
        ram: BlockRam<FragmentWord, 8>,
        // pointers count twice around, so that full and empty differ
        tail: DFF<Bits<9>>,
        committed: DFF<Bits<9>>,
        read_at: DFF<Bits<9>>,
        room_now: DFF<Bit>,
        // the RAM's output is the word at `read_at`
        arrived: DFF<Bit>,
        head_valid: DFF<Bit>,
        head: DFF<FragmentWord>,
        level: Signal<Local, Bits<9>>,
        tail_next: Signal<Local, Bits<9>>,
        chain_changed: Constant<Bits<6>> = Constant::new((Refusal::ChainChanged.code() as u64).to_bits()),
    }
}

impl Logic for FragmentStore {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, tail, committed, read_at, room_now, arrived, head_valid, head);
        clock!(self, clock, ram);
        // Write side
        self.ram.write_addr.next = self.tail.q.val().get_bits::<8>(0);
        self.ram.write_data.next = self.word.val();
        self.ram.write_enable.next = self.push.val();
        self.tail_next.next = self.tail.q.val();
        if self.push.val() {
            self.tail_next.next = self.tail.q.val() + 1;
        }
        if self.rollback.val() {
            self.tail_next.next = self.committed.q.val();
        }
        self.tail.d.next = self.tail_next.val();
        if self.commit.val() {
            self.committed.d.next = self.tail_next.val();
        }
        self.level.next = self.tail.q.val() - self.read_at.q.val();
        self.room_now.d.next = !(self.level.val().get_bit(8) | self.level.val().get_bits::<6>(2).all());
        self.room.next = self.room_now.q.val();
        // Read side: the word at `read_at` is there one clock after it is committed.
        self.ram.read_addr.next = self.read_at.q.val().get_bits::<8>(0);
        self.arrived.d.next = self.read_at.q.val() != self.committed.q.val();
        if self.fragments.ready.val() {
            self.head_valid.d.next = false;
        }
        if self.arrived.q.val() & (!self.head_valid.q.val() | self.fragments.ready.val()) {
            self.head.d.next = self.ram.read_data.val();
            self.head_valid.d.next = true;
            self.read_at.d.next = self.read_at.q.val() + 1;
            self.arrived.d.next = false;
        }
        self.fragments.valid.next = self.head_valid.q.val();
        self.fragments.context.next = self.head.q.val().context;
        self.fragments.virt_addr.next = self.head.q.val().virt_addr;
        self.fragments.bytes.next = self.head.q.val().bytes;
        self.fragments.last.next = self.head.q.val().last;
        self.fragments.refusal.next = 0.into();
        if self.head.q.val().broken {
            self.fragments.refusal.next = self.chain_changed.val();
        }
        if self.reset.val() {
            self.tail.d.next = 0.into();
            self.committed.d.next = 0.into();
            self.read_at.d.next = 0.into();
            self.room_now.d.next = false;
            self.arrived.d.next = false;
            self.head_valid.d.next = false;
        }
    }
}
