//! Queues with the handshake rule on both sides, both sides registered.

use super::ram::{BlockRam, LutRam};
use rust_hdl::prelude::*;

/// Queue of `2^A + 1` entries in distributed RAM. An entry shows at the output two clocks after it was
/// taken; one entry a clock passes.
#[derive(LogicBlock)]
pub struct Fifo<D: Synth, const A: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset: empties the queue.
    pub reset: Signal<In, Bit>,
    /// An entry is offered.
    pub in_valid: Signal<In, Bit>,
    /// The entry is taken; from a register.
    pub in_ready: Signal<Out, Bit>,
    /// The entry.
    pub in_data: Signal<In, D>,
    /// The oldest entry is here; from a register.
    pub out_valid: Signal<Out, Bit>,
    /// It is taken.
    pub out_ready: Signal<In, Bit>,
    /// The oldest entry; from a register.
    pub out_data: Signal<Out, D>,
    //
    ram: LutRam<D, A>,
    write_at: DFF<Bits<A>>,
    read_at: DFF<Bits<A>>,
    // the RAM holds something; it has room
    some: DFF<Bit>,
    not_full: DFF<Bit>,
    head_valid: DFF<Bit>,
    head: DFF<D>,
    push: Signal<Local, Bit>,
    refill: Signal<Local, Bit>,
    is_one: Signal<Local, Bit>,
    is_almost: Signal<Local, Bit>,
    next_write: Signal<Local, Bits<A>>,
    next_read: Signal<Local, Bits<A>>,
}

impl<D: Synth, const A: usize> Default for Fifo<D, A> {
    fn default() -> Self {
        Self {
            clock: Default::default(),
            reset: Default::default(),
            in_valid: Default::default(),
            in_ready: Default::default(),
            in_data: Default::default(),
            out_valid: Default::default(),
            out_ready: Default::default(),
            out_data: Default::default(),
            ram: Default::default(),
            write_at: Default::default(),
            read_at: Default::default(),
            some: Default::default(),
            not_full: Default::default(),
            head_valid: Default::default(),
            head: Default::default(),
            push: Default::default(),
            refill: Default::default(),
            is_one: Default::default(),
            is_almost: Default::default(),
            next_write: Default::default(),
            next_read: Default::default(),
        }
    }
}

impl<D: Synth, const A: usize> Logic for Fifo<D, A> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, write_at, read_at, some, not_full, head_valid, head);
        clock!(self, clock, ram);
        self.in_ready.next = self.not_full.q.val();
        self.out_valid.next = self.head_valid.q.val();
        self.out_data.next = self.head.q.val();
        self.push.next = self.in_valid.val() & self.not_full.q.val();
        self.refill.next = self.some.q.val() & (!self.head_valid.q.val() | self.out_ready.val());
        self.ram.write_addr.next = self.write_at.q.val();
        self.ram.write_data.next = self.in_data.val();
        self.ram.write_enable.next = self.push.val();
        self.ram.read_addr.next = self.read_at.q.val();
        // What is near a border is known before anybody says what comes or goes, so that this is one gate behind them.
        self.next_write.next = self.write_at.q.val() + 1;
        self.next_read.next = self.read_at.q.val() + 1;
        self.is_one.next = self.next_read.val() == self.write_at.q.val();
        self.is_almost.next = self.next_write.val() == self.read_at.q.val();
        self.some.d.next = (self.push.val() & !self.refill.val())
            | (self.some.q.val() & !(self.is_one.val() & self.refill.val() & !self.push.val()));
        self.not_full.d.next = (self.refill.val() & !self.push.val())
            | ((self.not_full.q.val() | !self.some.q.val())
                & !(self.is_almost.val() & self.push.val() & !self.refill.val()));
        if self.push.val() {
            self.write_at.d.next = self.next_write.val();
        }
        self.head_valid.d.next = self.refill.val() | (self.head_valid.q.val() & !self.out_ready.val());
        if self.refill.val() {
            self.read_at.d.next = self.next_read.val();
            self.head.d.next = self.ram.read_data.val();
        }
        if self.reset.val() {
            self.write_at.d.next = 0.into();
            self.read_at.d.next = 0.into();
            self.some.d.next = false;
            self.not_full.d.next = false;
            self.head_valid.d.next = false;
        }
    }
}

/// Queue of `2^A + 3` entries in block RAM. An entry shows at the output four clocks after it was taken; one entry a clock
/// passes.
#[derive(LogicBlock)]
pub struct BlockFifo<D: Synth, const A: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset: empties the queue.
    pub reset: Signal<In, Bit>,
    /// An entry is offered.
    pub in_valid: Signal<In, Bit>,
    /// The entry is taken; from a register.
    pub in_ready: Signal<Out, Bit>,
    /// The entry.
    pub in_data: Signal<In, D>,
    /// The oldest entry is here; from a register.
    pub out_valid: Signal<Out, Bit>,
    /// It is taken.
    pub out_ready: Signal<In, Bit>,
    /// The oldest entry; from a register.
    pub out_data: Signal<Out, D>,
    //
    ram: BlockRam<D, A>,
    write_at: DFF<Bits<A>>,
    read_at: DFF<Bits<A>>,
    // the RAM holds something that may be read: written at least one clock ago; it has room
    some: DFF<Bit>,
    not_full: DFF<Bit>,
    // an entry is at the RAM's output; in the register behind it, which is the block RAM's own
    arriving: DFF<Bit>,
    landed: DFF<Bit>,
    word: DFF<D>,
    // entries that left the RAM, up to 3: fetched, waiting, or at the output
    held: DFF<Bits<2>>,
    head_valid: DFF<Bit>,
    head: DFF<D>,
    // what comes while the head is stuck
    second_valid: DFF<Bit>,
    second: DFF<D>,
    third_valid: DFF<Bit>,
    third: DFF<D>,
    push: Signal<Local, Bit>,
    fetch: Signal<Local, Bit>,
    leaves: Signal<Local, Bit>,
    head_free: Signal<Local, Bit>,
    is_one: Signal<Local, Bit>,
    is_almost: Signal<Local, Bit>,
    next_write: Signal<Local, Bits<A>>,
    next_read: Signal<Local, Bits<A>>,
}

impl<D: Synth, const A: usize> Default for BlockFifo<D, A> {
    fn default() -> Self {
        Self {
            clock: Default::default(),
            reset: Default::default(),
            in_valid: Default::default(),
            in_ready: Default::default(),
            in_data: Default::default(),
            out_valid: Default::default(),
            out_ready: Default::default(),
            out_data: Default::default(),
            ram: Default::default(),
            write_at: Default::default(),
            read_at: Default::default(),
            some: Default::default(),
            not_full: Default::default(),
            arriving: Default::default(),
            landed: Default::default(),
            word: Default::default(),
            held: Default::default(),
            head_valid: Default::default(),
            head: Default::default(),
            second_valid: Default::default(),
            second: Default::default(),
            third_valid: Default::default(),
            third: Default::default(),
            push: Default::default(),
            fetch: Default::default(),
            leaves: Default::default(),
            head_free: Default::default(),
            is_one: Default::default(),
            is_almost: Default::default(),
            next_write: Default::default(),
            next_read: Default::default(),
        }
    }
}

impl<D: Synth, const A: usize> Logic for BlockFifo<D, A> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            write_at,
            read_at,
            some,
            not_full,
            arriving,
            landed,
            word,
            held,
            head_valid,
            head,
            second_valid,
            second,
            third_valid,
            third
        );
        clock!(self, clock, ram);
        self.in_ready.next = self.not_full.q.val();
        self.out_valid.next = self.head_valid.q.val();
        self.out_data.next = self.head.q.val();
        self.push.next = self.in_valid.val() & self.not_full.q.val();
        self.head_free.next = !self.head_valid.q.val() | self.out_ready.val();
        // Fetch when there is a register for it, even if nothing leaves from now on.
        self.leaves.next = self.head_valid.q.val() & self.out_ready.val();
        self.fetch.next = self.some.q.val() & (!self.held.q.val().all() | self.leaves.val());
        if self.fetch.val() & !self.leaves.val() {
            self.held.d.next = self.held.q.val() + 1;
        }
        if !self.fetch.val() & self.leaves.val() {
            self.held.d.next = self.held.q.val() - 1;
        }
        self.ram.write_addr.next = self.write_at.q.val();
        self.ram.write_data.next = self.in_data.val();
        self.ram.write_enable.next = self.push.val();
        self.ram.read_addr.next = self.read_at.q.val();
        // What is near a border is known before anybody says what comes or goes, so that this is one gate behind them.
        self.next_write.next = self.write_at.q.val() + 1;
        self.next_read.next = self.read_at.q.val() + 1;
        self.is_one.next = self.next_read.val() == self.write_at.q.val();
        self.is_almost.next = self.next_write.val() == self.read_at.q.val();
        self.some.d.next = (self.push.val() & !self.fetch.val())
            | (self.some.q.val() & !(self.is_one.val() & self.fetch.val() & !self.push.val()));
        self.not_full.d.next = (self.fetch.val() & !self.push.val())
            | ((self.not_full.q.val() | !self.some.q.val())
                & !(self.is_almost.val() & self.push.val() & !self.fetch.val()));
        self.arriving.d.next = self.fetch.val();
        if self.push.val() {
            self.write_at.d.next = self.next_write.val();
        }
        if self.fetch.val() {
            self.read_at.d.next = self.next_read.val();
        }
        self.landed.d.next = self.arriving.q.val();
        self.word.d.next = self.ram.read_data.val();
        if self.head_free.val() {
            self.head_valid.d.next = self.second_valid.q.val() | self.landed.q.val();
            self.second_valid.d.next = self.second_valid.q.val() & (self.third_valid.q.val() | self.landed.q.val());
            self.third_valid.d.next = false;
            self.head.d.next = self.word.q.val();
            if self.second_valid.q.val() {
                self.head.d.next = self.second.q.val();
            }
        } else {
            self.second_valid.d.next = self.second_valid.q.val() | self.landed.q.val();
            self.third_valid.d.next = self.third_valid.q.val() | (self.landed.q.val() & self.second_valid.q.val());
        }
        // Nothing lands while `third` is in use: that would be a fourth entry. What a register takes when nobody needs it
        // there does no harm.
        if self.landed.q.val() {
            self.third.d.next = self.word.q.val();
        }
        if self.head_free.val() | !self.second_valid.q.val() {
            self.second.d.next = self.word.q.val();
            if self.third_valid.q.val() {
                self.second.d.next = self.third.q.val();
            }
        }
        if self.reset.val() {
            self.write_at.d.next = 0.into();
            self.read_at.d.next = 0.into();
            self.some.d.next = false;
            self.not_full.d.next = false;
            self.arriving.d.next = false;
            self.landed.d.next = false;
            self.held.d.next = 0.into();
            self.head_valid.d.next = false;
            self.second_valid.d.next = false;
            self.third_valid.d.next = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settle<T: Block>(dut: &mut T) {
        for _ in 0..100 {
            dut.update_all();
            if !dut.has_changed() {
                return;
            }
        }
        panic!("the module does not settle");
    }

    macro_rules! keeps_order {
        ($name:ident, $type:ty, $capacity:expr) => {
            #[test]
            fn $name() {
                let mut dut = <$type>::default();
                dut.connect_all();
                let (mut sent, mut got, mut most) = (0u64, 0u64, 0u64);
                let mut random = 0x1234_5678_9abc_def1u64;
                dut.reset.next = false;
                for clock in 0..6000u64 {
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    // phases: fill, drain, both always, both at random
                    let phase = (clock / 100) % 4;
                    let offer = matches!(phase, 0 | 2) || (phase == 3 && random & 3 != 0);
                    let take = matches!(phase, 1 | 2) || (phase == 3 && random & 12 != 0);
                    dut.clock.next = false.into();
                    dut.in_valid.next = offer;
                    dut.in_data.next = (sent & 0xFFFF).into();
                    dut.out_ready.next = take;
                    settle(&mut dut);
                    if dut.in_valid.val() & dut.in_ready.val() {
                        sent += 1;
                    }
                    if dut.out_valid.val() & dut.out_ready.val() {
                        assert_eq!(dut.out_data.val().to_u64(), got & 0xFFFF, "clock {clock}");
                        got += 1;
                    }
                    most = most.max(sent - got);
                    dut.clock.next = true.into();
                    settle(&mut dut);
                }
                assert_eq!(most, $capacity);
                assert!(got > 2600, "one entry a clock passes; {got}");
            }
        };
    }
    keeps_order!(fifo_keeps_order_and_holds_its_capacity, Fifo<Bits<16>, 4>, 17);
    keeps_order!(
        block_fifo_keeps_order_and_holds_its_capacity,
        BlockFifo<Bits<16>, 4>,
        19
    );
}
