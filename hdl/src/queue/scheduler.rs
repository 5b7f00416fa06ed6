//! Which transmit queue is served next: deficit round robin by bytes, with an optional rate for each queue.
//!
//! Each queue has an account. A round adds `weight * QUANTUM` bytes to the account of every queue that has work and is in
//! debt, and offers it when it is not in debt then. A chain is paid for three times: when it is announced, with the
//! length of the queue's chain before it, because the fetcher works ahead of the lengths; when its length is known, with
//! the difference; and when its frames leave, with the headers that segmentation repeated. So what counts is the bytes
//! that leave, whatever the sizes of the chains. A round is not over before the queue that is served has been left, and a
//! queue that is served alone pays nothing.
//!
//! An operation on an account takes four clocks, of which the last two fall together with the first two of the next one:
//! it is chosen, what the account changes by is worked out, the account is read and changed, and it is written. So every
//! memory is read and written from registers, and an account is read after the operation before has written it.
//!
//! A rate works on a second account, which a millisecond fills. What a queue leaves unused of it is kept for up to four
//! milliseconds.

use crate::bus::ports::ShareSink;
use crate::bus::ram::LutRam;
use rust_hdl::prelude::*;
use segwalk_model::limits::{CHAIN_BYTES_BITS, TX_QUEUES};

/// Bytes that a round gives a queue of weight 1.
pub const QUANTUM: u64 = 1 << QUANTUM_BITS;
const QUANTUM_BITS: u64 = 11;
/// What a chain without bytes costs: one that was refused has taken its time too.
pub const REFUSED_BYTES: u64 = 64;
/// Most chains that may be announced and not charged.
pub const AHEAD_MAX: u64 = 16;
/// Bits of a queue's account, signed.
const ACCOUNT_BITS: usize = 28;
/// Bits of a rate; from this many on there is no limit.
const RATE_BITS: usize = 27;
/// Bits of a rate's account, signed.
const TOKEN_BITS: usize = 30;

logic_block! {
    /// Remembers doorbells and restarts of all transmit queues and offers the next queue with work; see the module.
    ///
    /// The fetcher takes the queue that is offered, announces chains of it, and leaves it when `over` is set, when it finds
    /// no more chains, or when it was `cancelled`. It may leave late: that is only more debt. The next queue is usually
    /// offered before.
    pub struct QueueScheduler {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset. Nothing is offered in the 16 clocks after it.
        pub reset: Signal<In, Bit>,
        // Register block
        /// Bit a transmit queue: it may be served.
        pub enabled: Signal<In, Bits<16>>,
        /// Bit a transmit queue, pulses: its indices go back to 0.
        pub restart: Signal<In, Bits<16>>,
        /// A doorbell rang.
        pub notify_valid: Signal<In, Bit>,
        /// Its transmit queue.
        pub notify_queue: Signal<In, Bits<4>>,
        /// Bit a transmit queue, pulses: it may have work, as after a doorbell.
        pub wake: Signal<In, Bits<16>>,
        /// Weights, rates and polling.
        pub shares: ShareSink,
        // Fetcher
        /// Bit a transmit queue: it is parked or has met a ring error, and is not to be served.
        pub shut: Signal<In, Bits<16>>,
        /// `offered` has work, or had it a clock ago.
        pub found: Signal<Out, Bit>,
        /// The queue that is offered.
        pub offered: Signal<Out, Bits<4>>,
        /// `offered` is taken; it is `current` from the next clock on.
        pub take: Signal<In, Bit>,
        /// The queue that is being served.
        pub current: Signal<In, Bits<4>>,
        /// A chain of `current` is going to be charged; a pulse, not more often than every eighth clock.
        pub announce: Signal<In, Bit>,
        /// `current` is being served.
        pub busy: Signal<Out, Bit>,
        /// The share of `current` is used up: it is to be left at the next chain.
        pub over: Signal<Out, Bit>,
        /// `current` is left; a pulse.
        pub leave: Signal<In, Bit>,
        /// The avail index of `current` is about to be read: older doorbells are answered with that.
        pub answer: Signal<In, Bit>,
        /// `current` has more work; not on the clock of `answer`.
        pub again: Signal<In, Bit>,
        /// The indices of `current` are in the fetcher's state memory from now on.
        pub saved: Signal<In, Bit>,
        /// They are 0, whatever the state memory says.
        pub fresh: Signal<Out, Bit>,
        /// `current` was restarted, switched off or shut since it was taken.
        pub cancelled: Signal<Out, Bit>,
        /// It was restarted since it was taken.
        pub restarted: Signal<Out, Bit>,
        /// The length of the oldest chain that was announced and not charged is known; a pulse, four clocks after
        /// `announce` at the earliest, and not more often than every eighth clock. Every announced chain is charged once.
        pub charge_valid: Signal<In, Bit>,
        /// Its queue.
        pub charge_queue: Signal<In, Bits<4>>,
        /// Its frame's bytes; 0 when it is refused or dropped.
        pub charge_bytes: Signal<In, Bits<CHAIN_BYTES_BITS>>,
        // TSO pipeline
        /// A frame leaves that is not the first of its chain; a pulse, not more often than every sixth clock.
        pub extra_valid: Signal<In, Bit>,
        /// Its queue.
        pub extra_queue: Signal<In, Bits<4>>,
        /// Bytes of its header.
        pub extra_bytes: Signal<In, Bits<9>>,
        //
        accounts: LutRam<Bits<ACCOUNT_BITS>, 4>,
        weights: LutRam<Bits<8>, 4>,
        tokens: LutRam<Bits<TOKEN_BITS>, 4>,
        rates: LutRam<Bits<RATE_BITS>, 4>,
        lengths: LutRam<Bits<CHAIN_BYTES_BITS>, 4>,
        // what announced chains paid, oldest first
        paid: LutRam<Bits<CHAIN_BYTES_BITS>, 4>,
        paid_in: DFF<Bits<4>>,
        paid_out: DFF<Bits<4>>,
        clear_at: DFF<Bits<5>>,
        pending: DFF<Bits<16>>,
        saved_once: DFF<Bits<16>>,
        runnable: DFF<Bits<16>>,
        limited: DFF<Bits<16>>,
        serving: DFF<Bit>,
        alone: DFF<Bit>,
        spent: DFF<Bit>,
        is_over: DFF<Bit>,
        cancel: DFF<Bit>,
        restart_seen: DFF<Bit>,
        candidate: DFF<Bits<4>>,
        // the queue behind it, one clock later
        behind: DFF<Bits<4>>,
        // it is the queue that is served
        waits: DFF<Bit>,
        // the candidate was in debt, and has been given what a round gives
        tried: DFF<Bit>,
        jump: DFF<Bit>,
        jump_queue: DFF<Bits<4>>,
        offer: DFF<Bit>,
        // the search judges the candidate's account
        looks: DFF<Bit>,
        // what waits to be done to an account
        announces: DFF<Bit>,
        announce_queue: DFF<Bits<4>>,
        charge_in: DFF<Bit>,
        charge_in_queue: DFF<Bits<4>>,
        charge_in_bytes: DFF<Bits<CHAIN_BYTES_BITS>>,
        charges: DFF<Bit>,
        charged_queue: DFF<Bits<4>>,
        charged_bytes: DFF<Bits<CHAIN_BYTES_BITS>>,
        charged_refused: DFF<Bit>,
        extras: DFF<Bit>,
        extras_queue: DFF<Bits<4>>,
        extras_bytes: DFF<Bits<9>>,
        refreshes: DFF<Bit>,
        refresh_queue: DFF<Bits<4>>,
        fills: DFF<Bit>,
        fill_queue: DFF<Bits<4>>,
        // weights and rates on their way to the memories
        share_queue: DFF<Bits<4>>,
        share_weight: DFF<Bits<8>>,
        share_rate: DFF<Bits<RATE_BITS>>,
        weight_write: DFF<Bit>,
        rate_write: DFF<Bit>,
        // the operation that was chosen; at most one of the bits
        phase: DFF<Bit>,
        op_queue: DFF<Bits<4>>,
        op_search: DFF<Bit>,
        op_announce: DFF<Bit>,
        op_charge: DFF<Bit>,
        op_pays: DFF<Bit>,
        op_refresh: DFF<Bit>,
        op_fill: DFF<Bit>,
        gives: DFF<Bits<CHAIN_BYTES_BITS>>,
        takes: DFF<Bits<CHAIN_BYTES_BITS>>,
        // what it needs to know of the account, and what is added to it
        change: DFF<Bits<TOKEN_BITS>>,
        in_debt: DFF<Bit>,
        searched: DFF<Bit>,
        roomy: DFF<Bit>,
        unlimited: DFF<Bit>,
        is_current: DFF<Bit>,
        // what is written
        write_queue: DFF<Bits<4>>,
        account: DFF<Bits<ACCOUNT_BITS>>,
        account_write: DFF<Bit>,
        token: DFF<Bits<TOKEN_BITS>>,
        token_write: DFF<Bit>,
        length_write: DFF<Bit>,
        credited: DFF<Bit>,
        spends: DFF<Bit>,
        //
        current_hot: Signal<Local, Bits<16>>,
        notified: Signal<Local, Bits<16>>,
        pending_next: Signal<Local, Bits<16>>,
        saved_next: Signal<Local, Bits<16>>,
        keep: Signal<Local, Bits<16>>,
        others: Signal<Local, Bits<16>>,
        clearing: Signal<Local, Bit>,
        here: Signal<Local, Bit>,
        searches: Signal<Local, Bit>,
        waits_next: Signal<Local, Bit>,
        offers: Signal<Local, Bit>,
        credits: Signal<Local, Bit>,
        moves: Signal<Local, Bit>,
        advance: Signal<Local, Bit>,
        candidate_next: Signal<Local, Bits<4>>,
        sought: Signal<Local, Bits<4>>,
        after: Signal<Local, Bits<4>>,
        jumps: Signal<Local, Bit>,
        rate_given: Signal<Local, Bits<TOKEN_BITS>>,
        quantum_given: Signal<Local, Bits<TOKEN_BITS>>,
        given: Signal<Local, Bits<TOKEN_BITS>>,
        taken: Signal<Local, Bits<TOKEN_BITS>>,
        cap_less: Signal<Local, Bits<31>>,
        account_change: Signal<Local, Bits<ACCOUNT_BITS>>,
        write_hot: Signal<Local, Bits<16>>,
        limited_next: Signal<Local, Bits<16>>,
        queues: Constant<Bits<16>> = Constant::new(((1u64 << TX_QUEUES) - 1).to_bits()),
        last_queue: Constant<Bits<4>> = Constant::new((TX_QUEUES as u64 - 1).to_bits()),
        refused_bytes: Constant<Bits<CHAIN_BYTES_BITS>> = Constant::new(REFUSED_BYTES.to_bits()),
        quantum_bits: Constant<Bits<4>> = Constant::new(QUANTUM_BITS.to_bits()),
    }
}

impl QueueScheduler {
    /// A scheduler of `queues` transmit queues, 1 to 16.
    pub fn new(queues: usize) -> Self {
        assert!(
            (1..=16).contains(&queues),
            "{queues} transmit queues asked for; the engine serves 1 to 16"
        );
        Self {
            queues: Constant::new(((1u64 << queues) - 1).to_bits()),
            last_queue: Constant::new((queues as u64 - 1).to_bits()),
            ..Default::default()
        }
    }
}

impl Logic for QueueScheduler {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            paid_in,
            paid_out,
            clear_at,
            pending,
            saved_once,
            runnable,
            limited,
            serving,
            alone,
            spent,
            is_over,
            cancel,
            restart_seen,
            candidate,
            behind,
            waits,
            tried,
            jump,
            jump_queue,
            offer,
            looks,
            announces,
            announce_queue,
            charge_in,
            charge_in_queue,
            charge_in_bytes,
            charges,
            charged_queue,
            charged_bytes,
            charged_refused,
            extras,
            extras_queue,
            extras_bytes,
            refreshes,
            refresh_queue,
            fills,
            fill_queue,
            share_queue,
            share_weight,
            share_rate,
            weight_write,
            rate_write,
            phase,
            op_queue,
            op_search,
            op_announce,
            op_charge,
            op_pays,
            op_refresh,
            op_fill,
            gives,
            takes,
            change,
            in_debt,
            searched,
            roomy,
            unlimited,
            is_current,
            write_queue,
            account,
            account_write,
            token,
            token_write,
            length_write,
            credited,
            spends
        );
        clock!(self, clock, accounts, weights, tokens, rates, lengths, paid);
        // Doorbells
        self.current_hot.next = bits::<16>(1) << self.current.val();
        self.notified.next = self.shares.poll.val() | self.wake.val();
        if self.notify_valid.val() {
            self.notified.next = self.shares.poll.val() | self.wake.val() | (bits::<16>(1) << self.notify_queue.val());
        }
        // A doorbell on the clock of `answer` stays: it may be newer than the index that is read.
        self.pending_next.next = self.pending.q.val();
        if self.answer.val() {
            self.pending_next.next = self.pending.q.val() & (self.current_hot.val() ^ 0xFFFF);
        }
        if self.again.val() {
            self.pending_next.next = self.pending.q.val() | self.current_hot.val();
        }
        self.keep.next = self.queues.val() & (self.restart.val() ^ 0xFFFF);
        self.pending.d.next = (self.pending_next.val() | self.notified.val()) & self.keep.val();
        self.saved_next.next = self.saved_once.q.val();
        if self.saved.val() {
            self.saved_next.next = self.saved_once.q.val() | self.current_hot.val();
        }
        self.saved_once.d.next = self.saved_next.val() & self.keep.val();
        self.runnable.d.next =
            self.pending.q.val() & self.enabled.val() & ((self.shut.val() | self.limited.q.val()) ^ 0xFFFF);
        // The queue that is served
        if self.take.val() {
            self.serving.d.next = true;
        }
        if self.leave.val() {
            self.serving.d.next = false;
        }
        self.others.next = self.runnable.q.val() & (self.current_hot.val() ^ 0xFFFF);
        self.alone.d.next = self.others.val() == 0;
        self.is_over.d.next =
            (self.spent.q.val() & !self.alone.q.val()) | self.limited.q.val().get_bit(self.current.val().index());
        self.busy.next = self.serving.q.val();
        self.over.next = self.is_over.q.val();
        self.fresh.next = !self.saved_once.q.val().get_bit(self.current.val().index());
        self.cancelled.next = self.cancel.q.val();
        self.restarted.next = self.restart_seen.q.val();
        if !self.enabled.val().get_bit(self.current.val().index()) | self.shut.val().get_bit(self.current.val().index())
        {
            self.cancel.d.next = true;
        }
        if self.restart.val().get_bit(self.current.val().index()) {
            self.cancel.d.next = true;
            self.restart_seen.d.next = true;
        }
        // What waits
        self.clearing.next = !self.clear_at.q.val().get_bit(4);
        // Choosing
        self.here.next = self.runnable.q.val().get_bit(self.candidate.q.val().index());
        // A candidate stands for two clocks at least before it is judged.
        self.waits_next.next = self.serving.q.val() & (self.candidate.q.val() == self.current.val());
        self.waits.d.next = self.waits_next.val();
        self.searches.next = !self.offer.q.val() & !self.waits.q.val();
        // A queue in debt is given what a round gives, and passed over when that is not enough. The search ends before
        // anything can have been offered and taken.
        self.looks.d.next = self.phase.q.val()
            & self.op_search.q.val()
            & !self.offer.q.val()
            & !(self.credited.q.val() & !self.account.q.val().get_bit(27))
            & !self.waits_next.val();
        self.offers.next = self.looks.q.val() & self.searched.q.val() & !self.in_debt.q.val();
        self.credits.next = self.looks.q.val() & self.searched.q.val() & self.in_debt.q.val() & !self.tried.q.val();
        self.moves.next = self.looks.q.val() & (!self.searched.q.val() | (self.in_debt.q.val() & self.tried.q.val()));
        self.advance.next = self.moves.val() | self.take.val();
        self.after.next = self.candidate.q.val() + 1;
        if self.candidate.q.val() == self.last_queue.val() {
            self.after.next = 0.into();
        }
        self.behind.d.next = self.after.val();
        self.candidate_next.next = self.candidate.q.val();
        if self.advance.val() {
            self.candidate_next.next = self.behind.q.val();
        }
        // An account is looked at for the search only when nothing is offered, and what is taken was offered.
        self.sought.next = self.candidate.q.val();
        if self.moves.val() {
            self.sought.next = self.behind.q.val();
        }
        self.jumps.next =
            self.jump.q.val() & !self.phase.q.val() & !self.offers.val() & !self.offer.q.val() & !self.serving.q.val();
        self.credited.d.next = self.credits.val() & !self.jump.q.val();
        if self.credits.val() {
            self.tried.d.next = true;
        }
        if self.advance.val() | self.jump.q.val() {
            self.tried.d.next = false;
        }
        // When nothing waits, the search goes to the queue of a doorbell at once: nobody is passed over.
        if self.notify_valid.val() & (self.runnable.q.val() == 0) & !self.serving.q.val() {
            self.jump.d.next = true;
            self.jump_queue.d.next = self.notify_queue.val();
        }
        if self.jump.q.val() & !self.phase.q.val() {
            self.jump.d.next = false;
        }
        if self.jumps.val() {
            self.candidate_next.next = self.jump_queue.q.val();
            self.sought.next = self.jump_queue.q.val();
        }
        self.candidate.d.next = self.candidate_next.val();
        self.phase.d.next = !self.phase.q.val() & !self.clearing.val();
        // Accounts of chains go before the search, for they do not wait; a charge before an announcement, whose place
        // among what was paid may be that of the charge.
        self.gives.d.next = 0.into();
        self.takes.d.next = bit_cast::<CHAIN_BYTES_BITS, 9>(self.extras_bytes.q.val());
        if self.charges.q.val() {
            self.gives.d.next = self.paid.read_data.val();
            self.takes.d.next = self.charged_bytes.q.val();
            if self.charged_refused.q.val() {
                self.takes.d.next = self.refused_bytes.val();
            }
        } else if self.announces.q.val() | !self.extras.q.val() {
            self.takes.d.next = 0.into();
        }
        if !self.phase.q.val() {
            self.op_queue.d.next = self.sought.val();
            self.op_search.d.next = false;
            self.op_announce.d.next = false;
            self.op_charge.d.next = false;
            self.op_pays.d.next = false;
            self.op_refresh.d.next = false;
            self.op_fill.d.next = false;
            if self.charges.q.val() {
                self.op_charge.d.next = true;
                self.op_pays.d.next = true;
                self.op_queue.d.next = self.charged_queue.q.val();
                self.paid_out.d.next = self.paid_out.q.val() + 1;
                self.charges.d.next = false;
            } else if self.announces.q.val() {
                self.op_announce.d.next = true;
                self.op_pays.d.next = true;
                self.op_queue.d.next = self.announce_queue.q.val();
                self.announces.d.next = false;
            } else if self.extras.q.val() {
                self.op_pays.d.next = true;
                self.op_queue.d.next = self.extras_queue.q.val();
                self.extras.d.next = false;
            } else if self.refreshes.q.val() {
                self.op_refresh.d.next = true;
                self.op_queue.d.next = self.refresh_queue.q.val();
                self.refreshes.d.next = false;
            } else if self.fills.q.val() {
                self.op_fill.d.next = true;
                self.op_queue.d.next = self.fill_queue.q.val();
                self.fill_queue.d.next = self.fill_queue.q.val() + 1;
                if self.fill_queue.q.val() == self.last_queue.val() {
                    self.fills.d.next = false;
                }
            } else {
                self.op_search.d.next = self.searches.val() & !self.offers.val();
            }
        }
        if self.shares.millisecond.val() {
            self.fills.d.next = true;
            self.fill_queue.d.next = 0.into();
        }
        // What the account changes by. A length that is written on this clock may be seen or not: what is paid is kept.
        self.accounts.read_addr.next = self.op_queue.q.val();
        self.weights.read_addr.next = self.op_queue.q.val();
        self.tokens.read_addr.next = self.op_queue.q.val();
        self.rates.read_addr.next = self.op_queue.q.val();
        self.lengths.read_addr.next = self.op_queue.q.val();
        self.paid.read_addr.next = self.paid_out.q.val();
        self.rate_given.next = 0.into();
        if self.op_fill.q.val() {
            self.rate_given.next = bit_cast::<TOKEN_BITS, RATE_BITS>(self.rates.read_data.val());
        }
        self.quantum_given.next = 0.into();
        if self.op_search.q.val() {
            self.quantum_given.next =
                bit_cast::<TOKEN_BITS, 8>(self.weights.read_data.val()) << self.quantum_bits.val();
        }
        self.given.next = self.rate_given.val()
            | self.quantum_given.val()
            | bit_cast::<TOKEN_BITS, CHAIN_BYTES_BITS>(self.gives.q.val());
        self.taken.next = bit_cast::<TOKEN_BITS, CHAIN_BYTES_BITS>(self.takes.q.val());
        if self.op_announce.q.val() {
            self.taken.next = bit_cast::<TOKEN_BITS, CHAIN_BYTES_BITS>(self.lengths.read_data.val());
        }
        self.cap_less.next = bit_cast::<31, TOKEN_BITS>(self.tokens.read_data.val())
            - (bit_cast::<31, RATE_BITS>(self.rates.read_data.val()) << 2);
        self.paid.write_addr.next = self.paid_in.q.val();
        self.paid.write_data.next = self.lengths.read_data.val();
        self.paid.write_enable.next = self.phase.q.val() & self.op_announce.q.val();
        if self.phase.q.val() {
            self.change.d.next = self.given.val() - self.taken.val();
            self.roomy.d.next = self.cap_less.val().get_bit(30) | self.tokens.read_data.val().get_bit(29);
            self.unlimited.d.next = self.rates.read_data.val() == 0;
            self.is_current.d.next = self.serving.q.val() & (self.op_queue.q.val() == self.current.val());
            self.searched.d.next = self.here.val();
            // the operation before is writing
            self.in_debt.d.next = self.accounts.read_data.val().get_bit(27);
            if self.account_write.q.val() & (self.write_queue.q.val() == self.op_queue.q.val()) {
                self.in_debt.d.next = self.account.q.val().get_bit(27);
            }
            if self.op_announce.q.val() {
                self.paid_in.d.next = self.paid_in.q.val() + 1;
            }
        }
        // Changing: a debt is a negative account; what lies far below stays there.
        self.account_change.next = self.change.q.val().get_bits::<ACCOUNT_BITS>(0);
        self.account.d.next = self.accounts.read_data.val() + self.account_change.val();
        self.token.d.next = self.tokens.read_data.val() + self.change.q.val();
        if self.unlimited.q.val() {
            self.token.d.next = 0.into();
        }
        self.write_queue.d.next = self.op_queue.q.val();
        self.account_write.d.next = self.credits.val();
        self.token_write.d.next = false;
        self.length_write.d.next = false;
        self.spends.d.next = false;
        if !self.phase.q.val() {
            if self.op_pays.q.val() & !(self.is_current.q.val() & self.alone.q.val()) {
                self.account_write.d.next = self.accounts.read_data.val().get_bits::<2>(26) != 2;
                self.spends.d.next = self.is_current.q.val() & !self.take.val();
            }
            self.token_write.d.next = (self.op_pays.q.val() & (self.tokens.read_data.val().get_bits::<2>(28) != 2))
                | (self.op_fill.q.val() & self.roomy.q.val())
                | self.op_refresh.q.val();
            // What was refused or given up says nothing of the next chain's length.
            self.length_write.d.next = self.op_charge.q.val() & !self.charged_refused.q.val();
        }
        // Writing
        self.accounts.write_addr.next = self.write_queue.q.val();
        self.accounts.write_data.next = self.account.q.val();
        self.accounts.write_enable.next = self.account_write.q.val();
        self.tokens.write_addr.next = self.write_queue.q.val();
        self.tokens.write_data.next = self.token.q.val();
        self.tokens.write_enable.next = self.token_write.q.val();
        self.lengths.write_addr.next = self.write_queue.q.val();
        self.lengths.write_data.next = self.charged_bytes.q.val();
        self.lengths.write_enable.next = self.length_write.q.val();
        self.write_hot.next = bits::<16>(1) << self.write_queue.q.val();
        self.limited_next.next = self.limited.q.val();
        if self.token_write.q.val() {
            self.limited_next.next = self.limited.q.val() & (self.write_hot.val() ^ 0xFFFF);
            if self.token.q.val().get_bit(29) {
                self.limited_next.next = self.limited.q.val() | self.write_hot.val();
            }
        }
        self.limited.d.next = self.limited_next.val();
        if self.spends.q.val() {
            self.spent.d.next = self.account.q.val().get_bit(27);
        }
        // The search
        if self.offers.val() | (self.credited.q.val() & !self.account.q.val().get_bit(27)) {
            self.offer.d.next = true;
        }
        if self.offer.q.val() & !self.here.val() {
            self.offer.d.next = false;
        }
        self.found.next = self.offer.q.val();
        self.offered.next = self.candidate.q.val();
        if self.take.val() {
            self.offer.d.next = false;
            self.spent.d.next = false;
            self.cancel.d.next = false;
            self.restart_seen.d.next = false;
        }
        // What comes in; later than what is taken, for it may come on the same clock.
        if self.announce.val() {
            self.announces.d.next = true;
            self.announce_queue.d.next = self.current.val();
        }
        self.charge_in.d.next = self.charge_valid.val();
        self.charge_in_queue.d.next = self.charge_queue.val();
        self.charge_in_bytes.d.next = self.charge_bytes.val();
        if self.charge_in.q.val() {
            self.charges.d.next = true;
            self.charged_queue.d.next = self.charge_in_queue.q.val();
            self.charged_bytes.d.next = self.charge_in_bytes.q.val();
            self.charged_refused.d.next = self.charge_in_bytes.q.val() == 0;
        }
        if self.extra_valid.val() {
            self.extras.d.next = true;
            self.extras_queue.d.next = self.extra_queue.val();
            self.extras_bytes.d.next = self.extra_bytes.val();
        }
        // Weights and rates
        self.share_queue.d.next = self.shares.queue.val();
        self.share_weight.d.next = self.shares.value.val().get_bits::<8>(0);
        self.share_rate.d.next = self.shares.value.val().get_bits::<RATE_BITS>(0);
        if self.shares.value.val().get_bits::<5>(27) != 0 {
            self.share_rate.d.next = 0.into();
        }
        self.weight_write.d.next = self.shares.weight_write.val();
        self.rate_write.d.next = self.shares.rate_write.val();
        if self.shares.rate_write.val() {
            self.refreshes.d.next = true;
            self.refresh_queue.d.next = self.shares.queue.val();
        }
        self.weights.write_addr.next = self.share_queue.q.val();
        self.weights.write_data.next = self.share_weight.q.val();
        if self.share_weight.q.val() == 0 {
            self.weights.write_data.next = 1.into();
        }
        self.weights.write_enable.next = self.weight_write.q.val();
        self.rates.write_addr.next = self.share_queue.q.val();
        self.rates.write_data.next = self.share_rate.q.val();
        self.rates.write_enable.next = self.rate_write.q.val();
        // After a reset: weights 1, everything else 0.
        if self.clearing.val() {
            self.clear_at.d.next = self.clear_at.q.val() + 1;
            self.op_search.d.next = false;
            self.offer.d.next = false;
            self.write_queue.d.next = self.clear_at.q.val().get_bits::<4>(0);
            self.account.d.next = 0.into();
            self.account_write.d.next = true;
            self.token.d.next = 0.into();
            self.token_write.d.next = true;
            self.charged_bytes.d.next = 0.into();
            self.length_write.d.next = true;
            self.share_queue.d.next = self.clear_at.q.val().get_bits::<4>(0);
            self.share_weight.d.next = 0.into();
            self.weight_write.d.next = true;
            self.share_rate.d.next = 0.into();
            self.rate_write.d.next = true;
        }
        if self.reset.val() {
            self.paid_in.d.next = 0.into();
            self.paid_out.d.next = 0.into();
            self.clear_at.d.next = 0.into();
            self.pending.d.next = 0.into();
            self.saved_once.d.next = 0.into();
            self.runnable.d.next = 0.into();
            self.limited.d.next = 0.into();
            self.serving.d.next = false;
            self.spent.d.next = false;
            self.is_over.d.next = false;
            self.cancel.d.next = false;
            self.restart_seen.d.next = false;
            self.candidate.d.next = 0.into();
            self.jump.d.next = false;
            self.offer.d.next = false;
            self.tried.d.next = false;
            self.looks.d.next = false;
            self.credited.d.next = false;
            self.announces.d.next = false;
            self.charge_in.d.next = false;
            self.charges.d.next = false;
            self.extras.d.next = false;
            self.refreshes.d.next = false;
            self.fills.d.next = false;
            self.phase.d.next = false;
            self.op_search.d.next = false;
            self.op_announce.d.next = false;
            self.op_charge.d.next = false;
            self.op_pays.d.next = false;
            self.op_refresh.d.next = false;
            self.op_fill.d.next = false;
            self.spends.d.next = false;
        }
    }
}
