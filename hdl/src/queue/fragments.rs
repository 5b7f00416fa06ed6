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

/// Half a fragment, one word of block RAM: half of the address, with the length or with the rest.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
struct HalfFragment {
    addr: Bits<32>,
    other: Bits<CHAIN_BYTES_BITS>,
}

logic_block! {
    /// 256 fragments in block RAM, two words each. What is pushed shows at the output only once it is committed, and can be rolled back
    /// until then. One fragment in four clocks passes.
    pub struct FragmentStore {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset: empties the queue.
        pub reset: Signal<In, Bit>,
        // Chain walk
        /// Stores `word`; only with `room`, and not on two clocks in a row.
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
        ram: BlockRam<HalfFragment, 9>,
        // pointers count twice around, so that full and empty differ
        tail: DFF<Bits<9>>,
        committed: DFF<Bits<9>>,
        read_at: DFF<Bits<9>>,
        room_now: DFF<Bit>,
        // the half that is written on the clock after the push
        second_write: DFF<Bit>,
        second_at: DFF<Bits<8>>,
        second_half: DFF<HalfFragment>,
        // the register behind the memory, which is the block RAM's own
        ram_word: DFF<HalfFragment>,
        // how far the oldest fragment is read: its first half asked for, its second, the first in `ram_word`, the second
        step: DFF<Bits<2>>,
        first_half: DFF<HalfFragment>,
        head_valid: DFF<Bit>,
        head_first: DFF<HalfFragment>,
        head_second: DFF<HalfFragment>,
        low: Signal<Local, HalfFragment>,
        high: Signal<Local, HalfFragment>,
        out_first: Signal<Local, HalfFragment>,
        out_second: Signal<Local, HalfFragment>,
        rest: Signal<Local, Bits<CHAIN_BYTES_BITS>>,
        virt_addr: Signal<Local, Bits<64>>,
        at: Signal<Local, Bits<8>>,
        half: Signal<Local, Bit>,
        level: Signal<Local, Bits<9>>,
        tail_next: Signal<Local, Bits<9>>,
        chain_changed: Constant<Bits<6>> = Constant::new((Refusal::ChainChanged.code() as u64).to_bits()),
    }
}

impl Logic for FragmentStore {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            tail,
            committed,
            read_at,
            room_now,
            second_write,
            second_at,
            second_half,
            ram_word,
            step,
            first_half,
            head_valid,
            head_first,
            head_second
        );
        clock!(self, clock, ram);
        // Write side
        self.virt_addr.next = self.word.val().virt_addr;
        self.low.next.addr = self.virt_addr.val().get_bits::<32>(0);
        self.low.next.other = self.word.val().bytes;
        self.high.next.addr = self.virt_addr.val().get_bits::<32>(32);
        self.high.next.other = bit_cast::<CHAIN_BYTES_BITS, 4>(self.word.val().context);
        if self.word.val().last {
            self.high.next.other = bit_cast::<CHAIN_BYTES_BITS, 4>(self.word.val().context) | 0x10;
            if self.word.val().broken {
                self.high.next.other = 0x30.into();
            }
        }
        self.second_write.d.next = self.push.val();
        self.second_at.d.next = self.tail.q.val().get_bits::<8>(0);
        self.second_half.d.next = self.high.val();
        self.ram.write_addr.next = bit_cast::<9, 8>(self.tail.q.val().get_bits::<8>(0)) << 1;
        self.ram.write_data.next = self.low.val();
        if self.second_write.q.val() {
            self.ram.write_addr.next = (bit_cast::<9, 8>(self.second_at.q.val()) << 1) | 1;
            self.ram.write_data.next = self.second_half.q.val();
        }
        self.ram.write_enable.next = self.push.val() | self.second_write.q.val();
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
        // Read side: the first half is there one clock after it is committed.
        self.at.next = self.read_at.q.val().get_bits::<8>(0);
        self.half.next = self.step.q.val() != 0;
        self.ram.read_addr.next = bit_cast::<9, 8>(self.at.val()) << 1;
        if self.half.val() {
            self.ram.read_addr.next = (bit_cast::<9, 8>(self.at.val()) << 1) | 1;
        }
        self.ram_word.d.next = self.ram.read_data.val();
        if self.fragments.ready.val() {
            self.head_valid.d.next = false;
        }
        if self.step.q.val() == 2 {
            self.first_half.d.next = self.ram_word.q.val();
        }
        if self.step.q.val() == 0 {
            if self.read_at.q.val() != self.committed.q.val() {
                self.step.d.next = 1.into();
            }
        } else if !self.step.q.val().all() {
            self.step.d.next = self.step.q.val() + 1;
        } else if !self.head_valid.q.val() | self.fragments.ready.val() {
            self.head_first.d.next = self.first_half.q.val();
            self.head_second.d.next = self.ram_word.q.val();
            self.head_valid.d.next = true;
            self.read_at.d.next = self.read_at.q.val() + 1;
            self.step.d.next = 0.into();
        }
        self.out_first.next = self.head_first.q.val();
        self.out_second.next = self.head_second.q.val();
        self.rest.next = self.out_second.val().other;
        self.fragments.valid.next = self.head_valid.q.val();
        self.fragments.context.next = self.rest.val().get_bits::<4>(0);
        self.fragments.virt_addr.next =
            (bit_cast::<64, 32>(self.out_second.val().addr) << 32) | bit_cast::<64, 32>(self.out_first.val().addr);
        self.fragments.bytes.next = self.out_first.val().other;
        self.fragments.last.next = self.rest.val().get_bit(4);
        self.fragments.refusal.next = 0.into();
        if self.rest.val().get_bit(5) {
            self.fragments.refusal.next = self.chain_changed.val();
        }
        if self.reset.val() {
            self.tail.d.next = 0.into();
            self.committed.d.next = 0.into();
            self.read_at.d.next = 0.into();
            self.room_now.d.next = false;
            self.second_write.d.next = false;
            self.step.d.next = 0.into();
            self.head_valid.d.next = false;
        }
    }
}
