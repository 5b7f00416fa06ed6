//! Takes chains, reads `virtio_net_hdr` and header template, checks them, and starts the cutter.

use super::header_checks::{code, HeaderChecks};
use super::layers::Layers;
use super::records::{StreamBeat, Template};
use crate::bus::ports::{ChainSink, CHAIN_DROPPED};
use rust_hdl::prelude::*;
use segwalk_model::limits::{CHAIN_BYTES_BITS, HEADER_BYTES_MAX};
use segwalk_model::refusal::Refusal;

/// What the [`Intake`] does.
#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
pub enum IntakeState {
    /// Waits for a chain and its first beat.
    Idle,
    /// Takes the second beat.
    SecondBeat,
    /// Judges `virtio_net_hdr`.
    Judge,
    /// Acts on the verdict.
    Decide,
    /// Takes the template up to the fixed part of the TCP or UDP header.
    FixedHeader,
    /// Works out the template's length.
    Measure,
    /// Works out what lies behind it.
    Limits,
    /// Judges its length and takes the rest of it.
    Options,
    /// Waits until the last super-frame's values are made.
    Settle,
    /// Layers are checked.
    Walk,
    /// The cutter works.
    Cut,
    /// Takes the beats of a refused chain.
    Drain,
    /// Tells of the refused chain.
    Refuse,
    /// A chain may have parked its queue: the next one is judged anew, which takes two clocks.
    Pause,
}

logic_block! {
    /// Front of the pipeline; see the module.
    pub struct Intake {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        /// Chains.
        pub chain: ChainSink,
        /// Negotiated features: CSUM, TSO4, TSO6, ECN, USO.
        pub features: Signal<In, Bits<5>>,
        /// Seeds of this queue's super-frames have no length (rule 15).
        pub seed_without_length: Signal<In, Bits<16>>,
        /// One bit a transmit queue: it parks at a translation fault.
        pub recoverable: Signal<In, Bits<16>>,
        /// Bit a transmit queue: chains of epoch 0 are dropped.
        pub drops_even: Signal<In, Bits<16>>,
        /// Bit a transmit queue: chains of epoch 1 are dropped.
        pub drops_odd: Signal<In, Bits<16>>,
        /// The stream offers a beat.
        pub beat_valid: Signal<In, Bit>,
        /// The beat.
        pub beat: Signal<In, StreamBeat>,
        /// It is taken here.
        pub take: Signal<Out, Bit>,
        /// The beat taken on the last clock.
        pub kept: Signal<In, Bits<64>>,
        /// It belongs to the template.
        pub store: Signal<Out, Bit>,
        /// As this beat.
        pub store_beat: Signal<Out, Bits<5>>,
        /// Of this bank.
        pub bank: Signal<Out, Bits<4>>,
        /// A bank is free again.
        pub bank_freed: Signal<In, Bit>,
        /// No segment waits for its values.
        pub settled: Signal<In, Bit>,
        /// The template's values.
        pub template: Signal<Out, Template>,
        /// The cutter begins; what follows is stable until it has finished.
        pub start: Signal<Out, Bit>,
        /// The cutter finished on the last clock.
        pub finished: Signal<In, Bit>,
        /// With `finished`: the chain broke, and may have parked its queue.
        pub broke: Signal<In, Bit>,
        /// The header is in the template bank.
        pub has_template: Signal<Out, Bit>,
        /// More than one segment.
        pub patch: Signal<Out, Bit>,
        /// Bytes that go through the ring.
        pub payload_bytes: Signal<Out, Bits<CHAIN_BYTES_BITS>>,
        /// MSS.
        pub segment_bytes: Signal<Out, Bits<14>>,
        /// Lane of the payload's first byte.
        pub header_lanes: Signal<Out, Bits<3>>,
        /// `csum_start`.
        pub sum_start: Signal<Out, Bits<14>>,
        /// A checksum is stored.
        pub sum: Signal<Out, Bit>,
        /// At this byte.
        pub sum_at: Signal<Out, Bits<14>>,
        /// 0 is sent as 0xFFFF (rule 18).
        pub never_zero: Signal<Out, Bit>,
        /// Transmit queue.
        pub queue: Signal<Out, Bits<4>>,
        /// Head.
        pub head: Signal<Out, Bits<16>>,
        /// Avail index.
        pub avail: Signal<Out, Bits<16>>,
        /// Epoch of its queue.
        pub epoch: Signal<Out, Bit>,
        /// Frames that left in earlier passes.
        pub sent_frames: Signal<Out, Bits<CHAIN_BYTES_BITS>>,
        /// Its queue parks at a translation fault.
        pub parks: Signal<Out, Bit>,
        /// It came with bytes.
        pub has_bytes: Signal<Out, Bit>,
        /// The chain is refused.
        pub refuse: Signal<Out, Bit>,
        /// That was noted.
        pub refuse_ready: Signal<In, Bit>,
        /// Why.
        pub refusal: Signal<Out, Bits<6>>,
        /// State number.
        pub debug: Signal<Out, Bits<4>>,
        //
        checks: HeaderChecks,
        layers: Layers,
        // the next chain
        next_valid: DFF<Bit>,
        next_queue: DFF<Bits<4>>,
        next_head: DFF<Bits<16>>,
        next_bytes: DFF<Bits<20>>,
        next_refusal: DFF<Bits<6>>,
        next_refused: DFF<Bit>,
        next_avail: DFF<Bits<16>>,
        next_epoch: DFF<Bit>,
        next_sent: DFF<Bits<CHAIN_BYTES_BITS>>,
        // and one clock later what follows from it
        at_hand: DFF<Bit>,
        reads: DFF<Bit>,
        next_dropped: DFF<Bit>,
        next_parks: DFF<Bit>,
        // this chain
        state: DFF<IntakeState>,
        // the state is not `Idle`: that one loads most of this
        works: DFF<Bit>,
        of_queue: DFF<Bits<4>>,
        of_head: DFF<Bits<16>>,
        of_avail: DFF<Bits<16>>,
        of_epoch: DFF<Bit>,
        of_sent: DFF<Bits<CHAIN_BYTES_BITS>>,
        of_parks: DFF<Bit>,
        of_bytes: DFF<Bit>,
        frame_bytes: DFF<Bits<20>>,
        reason: DFF<Bits<6>>,
        broken: DFF<Bits<6>>,
        ended: DFF<Bit>,
        flags: DFF<Bits<8>>,
        gso_type: DFF<Bits<8>>,
        gso_size: DFF<Bits<16>>,
        csum_start: DFF<Bits<16>>,
        csum_offset: DFF<Bits<16>>,
        tcp_end: DFF<Bits<17>>,
        sum_end: DFF<Bits<17>>,
        is_udp: DFF<Bit>,
        uso: DFF<Bit>,
        bare_seed: DFF<Bit>,
        is_four: DFF<Bit>,
        taken: DFF<Bits<6>>,
        target: DFF<Bits<6>>,
        // a beat is taken; it belongs to the template
        takes: DFF<Bit>,
        collects: DFF<Bit>,
        stored: DFF<Bit>,
        stored_beat: DFF<Bits<5>>,
        doff_beat: DFF<Bits<6>>,
        doff: DFF<Bits<4>>,
        doff_seen: DFF<Bit>,
        header: DFF<Bits<9>>,
        payload: DFF<Bits<20>>,
        transport: DFF<Bits<20>>,
        header_beyond: DFF<Bit>,
        header_long: DFF<Bit>,
        doff_small: DFF<Bit>,
        in_template: DFF<Bit>,
        many: DFF<Bit>,
        summed: DFF<Bit>,
        bank_at: DFF<Bits<4>>,
        banks_used: DFF<Bits<5>>,
        walks: DFF<Bit>,
        paused: DFF<Bit>,
        //
        data: Signal<Local, Bits<64>>,
        gathers: Signal<Local, Bit>,
        more: Signal<Local, Bit>,
        ends: Signal<Local, Bit>,
        is_second: Signal<Local, Bit>,
        is_drain: Signal<Local, Bit>,
        is_idle: Signal<Local, Bit>,
        is_doff: Signal<Local, Bit>,
        arrives: Signal<Local, Bit>,
        stores: Signal<Local, Bit>,
        begins: Signal<Local, Bit>,
        is_complete: Signal<Local, Bit>,
        taken_next: Signal<Local, Bits<6>>,
        seeds: Signal<Local, Bits<16>>,
        fixed_bytes: Signal<Local, Bits<17>>,
        gso_kind: Signal<Local, Bits<7>>,
        lane_bits: Signal<Local, Bits<6>>,
        at_lane: Signal<Local, Bits<64>>,
        tcp_rounded: Signal<Local, Bits<17>>,
        tcp_beats: Signal<Local, Bits<6>>,
        header_rounded: Signal<Local, Bits<9>>,
        payload_now: Signal<Local, Bits<21>>,
        chain_ready: Signal<Local, Bit>,
        drops: Signal<Local, Bits<16>>,
        dropped: Constant<Bits<6>> = Constant::new(CHAIN_DROPPED.to_bits()),
        header_max: Constant<Bits<9>> = Constant::new((HEADER_BYTES_MAX as u64).to_bits()),
        data_offset_too_small: Constant<Bits<6>> = code(Refusal::DataOffsetTooSmall),
        header_beyond_chain: Constant<Bits<6>> = code(Refusal::HeaderBeyondChain),
        header_too_long: Constant<Bits<6>> = code(Refusal::HeaderTooLong),
    }
}

impl Logic for Intake {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            next_valid,
            next_queue,
            next_head,
            next_bytes,
            next_refusal,
            next_refused,
            next_avail,
            next_epoch,
            next_sent,
            at_hand,
            reads,
            next_dropped,
            next_parks,
            state,
            works,
            of_queue,
            of_head,
            of_avail,
            of_epoch,
            of_sent,
            of_parks,
            of_bytes,
            frame_bytes,
            reason,
            broken,
            ended,
            flags,
            gso_type,
            gso_size,
            csum_start,
            csum_offset,
            tcp_end,
            sum_end,
            is_udp,
            uso,
            bare_seed,
            is_four,
            taken,
            target,
            takes,
            collects,
            stored,
            stored_beat,
            doff_beat,
            doff,
            doff_seen,
            header,
            payload,
            transport,
            header_beyond,
            header_long,
            doff_small,
            in_template,
            many,
            summed,
            bank_at,
            banks_used,
            walks,
            paused
        );
        clock!(self, clock, checks, layers);
        // Chains: one waits while another is worked on.
        self.chain_ready.next = !self.next_valid.q.val();
        self.chain.ready.next = self.chain_ready.val();
        if self.chain.valid.val() & self.chain_ready.val() {
            self.next_valid.d.next = true;
            self.next_queue.d.next = self.chain.queue.val();
            self.next_head.d.next = self.chain.head.val();
            self.next_bytes.d.next = self.chain.frame_bytes.val();
            self.next_refusal.d.next = self.chain.refusal.val();
            self.next_refused.d.next = self.chain.refusal.val() != 0;
            self.next_avail.d.next = self.chain.avail.val();
            self.next_epoch.d.next = self.chain.epoch.val();
            self.next_sent.d.next = self.chain.sent_frames.val();
        }
        self.drops.next = self.drops_even.val();
        if self.next_epoch.q.val() {
            self.drops.next = self.drops_odd.val();
        }
        self.at_hand.d.next = self.next_valid.q.val();
        self.next_dropped.d.next = self.drops.val().get_bit(self.next_queue.q.val().index());
        self.next_parks.d.next = self.recoverable.val().get_bit(self.next_queue.q.val().index());
        self.reads.d.next = self.next_valid.q.val()
            & !self.next_refused.q.val()
            & !self.drops.val().get_bit(self.next_queue.q.val().index());
        // Children
        self.checks.frame_bytes.next = self.frame_bytes.q.val();
        self.checks.needs_csum.next = self.flags.q.val().get_bit(0);
        self.checks.gso_type.next = self.gso_type.q.val();
        self.checks.gso_size.next = self.gso_size.q.val();
        self.checks.csum_start.next = self.csum_start.q.val();
        self.checks.csum_offset.next = self.csum_offset.q.val();
        self.checks.tcp_end.next = self.tcp_end.q.val();
        self.checks.sum_at.next = self.sum_end.q.val();
        self.checks.features.next = self.features.val();
        // A clock late: it loads a hundred flip-flops.
        self.walks.d.next = (self.state.q.val() == IntakeState::Settle) & self.settled.val();
        self.layers.reset.next = self.reset.val();
        self.layers.start.next = self.walks.q.val();
        self.layers.four.next = self.is_four.q.val();
        self.layers.udp.next = self.uso.q.val();
        self.layers.csum_start.next = self.csum_start.q.val().get_bits::<9>(0);
        self.layers.header_bytes.next = self.header.q.val();
        self.layers.transport_bytes.next = self.transport.q.val();
        self.layers.take_length.next = self.many.q.val() & !self.bare_seed.q.val();
        self.layers.add_length.next = self.many.q.val() | self.bare_seed.q.val();
        self.layers.segment_bytes.next = self.gso_size.q.val().get_bits::<14>(0);
        self.layers.bank.next = self.bank_at.q.val();
        self.template.next = self.layers.template.val();
        // For the cutter
        self.has_template.next = self.in_template.q.val();
        self.patch.next = self.in_template.q.val() & self.many.q.val();
        self.payload_bytes.next = self.payload.q.val();
        self.segment_bytes.next = self.gso_size.q.val().get_bits::<14>(0);
        self.header_lanes.next = 0.into();
        if self.in_template.q.val() {
            self.header_lanes.next = self.header.q.val().get_bits::<3>(0);
        }
        self.sum_start.next = self.csum_start.q.val().get_bits::<14>(0);
        self.sum.next = self.summed.q.val();
        self.sum_at.next = self.sum_end.q.val().get_bits::<14>(0);
        self.never_zero.next = self.is_udp.q.val();
        self.queue.next = self.of_queue.q.val();
        self.head.next = self.of_head.q.val();
        self.avail.next = self.of_avail.q.val();
        self.epoch.next = self.of_epoch.q.val();
        self.sent_frames.next = self.of_sent.q.val();
        self.parks.next = self.of_parks.q.val();
        self.has_bytes.next = self.of_bytes.q.val();
        self.refuse.next = self.state.q.val() == IntakeState::Refuse;
        self.refusal.next = self.reason.q.val();
        // The stream
        self.data.next = self.beat.val().data;
        // Whether a beat is taken is settled a clock ahead; nothing stands between that and the queue's registers.
        self.take.next = self.takes.q.val();
        self.arrives.next = self.takes.q.val() & self.beat_valid.val();
        self.ends.next = self.arrives.val() & self.beat.val().last;
        self.stores.next = self.collects.q.val() & self.beat_valid.val();
        self.is_idle.next = !self.works.q.val();
        self.is_second.next = self.state.q.val() == IntakeState::SecondBeat;
        self.is_drain.next = self.state.q.val() == IntakeState::Drain;
        self.gathers.next =
            (self.state.q.val() == IntakeState::FixedHeader) | (self.state.q.val() == IntakeState::Options);
        // One clock later, when the cutter has kept the beat
        self.stored.d.next = self.stores.val() & !self.beat.val().fault;
        self.stored_beat.d.next = self.taken.q.val().get_bits::<5>(0);
        self.store.next = self.stored.q.val();
        self.store_beat.next = self.stored_beat.q.val();
        self.bank.next = self.bank_at.q.val();
        self.layers.write_enable.next = self.stored.q.val();
        self.layers.write_beat.next = self.stored_beat.q.val();
        self.layers.write_data.next = self.kept.val();
        // Whether the template needs more. When its length turns out to be wrong, the beat that was asked for already is
        // the first that `Drain` takes.
        self.is_complete.next = self.taken.q.val() == self.target.q.val();
        self.taken_next.next = self.taken.q.val() + 1;
        self.more.next = self.gathers.val() & !self.is_complete.val() & !self.ended.q.val();
        if self.stores.val() & (self.beat.val().last | (self.taken_next.val() == self.target.q.val())) {
            self.more.next = false;
        }
        self.collects.d.next = self.more.val();
        self.takes.d.next = self.more.val()
            | (self.is_idle.val() & self.reads.q.val() & !self.arrives.val())
            | (self.is_idle.val() & self.arrives.val() & !self.beat.val().last)
            | (self.is_second.val() & !self.beat_valid.val())
            | (self.is_drain.val() & !self.ended.q.val() & !self.ends.val());
        if self.arrives.val() {
            self.ended.d.next = self.beat.val().last;
        }
        if self.stores.val() {
            self.taken.d.next = self.taken_next.val();
            if self.beat.val().fault {
                self.broken.d.next = self.beat.val().refusal;
            }
        }
        // doff: 8 bytes before the end of the fixed part
        self.lane_bits.next = bit_cast::<6, 3>(self.tcp_end.q.val().get_bits::<3>(0)) << 3;
        self.at_lane.next = self.kept.val() >> self.lane_bits.val();
        self.is_doff.next = self.stored_beat.q.val() == self.doff_beat.q.val().get_bits::<5>(0);
        if self.stored.q.val() & self.is_doff.val() & !self.uso.q.val() {
            self.doff.d.next = self.at_lane.val().get_bits::<4>(4);
            self.doff_seen.d.next = true;
        }
        self.seeds.next = self.seed_without_length.val() >> self.of_queue.q.val();
        self.tcp_rounded.next = self.tcp_end.q.val() + 7;
        self.tcp_beats.next = self.tcp_end.q.val().get_bits::<6>(3);
        self.header_rounded.next = self.header.q.val() + 7;
        self.payload_now.next = bit_cast::<21, 20>(self.frame_bytes.q.val()) - bit_cast::<21, 9>(self.header.q.val());
        // The fixed part of the transport header
        self.gso_kind.next = self.gso_type.q.val().get_bits::<7>(0);
        self.fixed_bytes.next = 20.into();
        if self.gso_kind.val() == 5 {
            self.fixed_bytes.next = 8.into();
        }
        if !self.works.q.val() {
            self.of_queue.d.next = self.next_queue.q.val();
            self.of_head.d.next = self.next_head.q.val();
            self.frame_bytes.d.next = self.next_bytes.q.val();
            self.reason.d.next = self.next_refusal.q.val();
            self.flags.d.next = self.data.val().get_bits::<8>(32);
            self.gso_type.d.next = self.data.val().get_bits::<8>(40);
            self.taken.d.next = 0.into();
            self.broken.d.next = 0.into();
            self.doff_seen.d.next = false;
            self.in_template.d.next = false;
            self.of_avail.d.next = self.next_avail.q.val();
            self.of_epoch.d.next = self.next_epoch.q.val();
            self.of_sent.d.next = self.next_sent.q.val();
            self.of_parks.d.next = self.next_parks.q.val();
            self.of_bytes.d.next = !self.next_refused.q.val();
            if self.next_dropped.q.val() {
                self.reason.d.next = self.dropped.val();
            }
        }
        self.begins.next = false;
        self.paused.d.next = false;
        self.debug.next = 0.into();
        match self.state.q.val() {
            IntakeState::Idle => {
                self.ended.d.next = self.ends.val();
                if self.at_hand.q.val() & (!self.reads.q.val() | self.arrives.val()) {
                    self.works.d.next = true;
                    self.next_valid.d.next = false;
                    self.at_hand.d.next = false;
                    self.reads.d.next = false;
                    if self.next_refused.q.val() {
                        self.state.d.next = IntakeState::Refuse;
                    } else if self.next_dropped.q.val() {
                        self.state.d.next = IntakeState::Drain;
                    } else {
                        self.state.d.next = IntakeState::SecondBeat;
                        if self.beat.val().fault {
                            // Drained already; that gives the cutter time to load `sent_frames`.
                            self.reason.d.next = self.beat.val().refusal;
                            self.state.d.next = IntakeState::Drain;
                        }
                    }
                }
            }
            IntakeState::SecondBeat => {
                self.debug.next = 1.into();
                self.gso_size.d.next = self.data.val().get_bits::<16>(0);
                self.csum_start.d.next = self.data.val().get_bits::<16>(16);
                self.csum_offset.d.next = self.data.val().get_bits::<16>(32);
                self.tcp_end.d.next = bit_cast::<17, 16>(self.data.val().get_bits::<16>(16)) + self.fixed_bytes.val();
                self.sum_end.d.next = bit_cast::<17, 16>(self.data.val().get_bits::<16>(16))
                    + bit_cast::<17, 16>(self.data.val().get_bits::<16>(32));
                if self.arrives.val() {
                    self.state.d.next = IntakeState::Judge;
                    if self.beat.val().fault {
                        self.reason.d.next = self.beat.val().refusal;
                        self.state.d.next = IntakeState::Refuse;
                    }
                }
            }
            IntakeState::Judge => {
                self.debug.next = 2.into();
                self.payload.d.next = self.frame_bytes.q.val();
                self.summed.d.next = self.flags.q.val().get_bit(0);
                self.is_udp.d.next = self.csum_offset.q.val() == 6;
                self.uso.d.next = self.gso_kind.val() == 5;
                // The UDP header as words, where TCP's says its own length
                self.doff.d.next = 2.into();
                self.bare_seed.d.next = self.seeds.val().get_bit(0);
                self.target.d.next = self.tcp_rounded.val().get_bits::<6>(3);
                self.doff_beat.d.next = self.tcp_beats.val() - 1;
                self.state.d.next = IntakeState::Decide;
            }
            IntakeState::Decide => {
                self.debug.next = 3.into();
                self.reason.d.next = self.checks.refusal.val();
                self.is_four.d.next = self.checks.four.val();
                if self.checks.refused.val() {
                    self.state.d.next = IntakeState::Drain;
                } else if !self.checks.segments.val() {
                    self.begins.next = true;
                    self.state.d.next = IntakeState::Cut;
                } else if !self.banks_used.q.val().get_bit(4) {
                    self.state.d.next = IntakeState::FixedHeader;
                }
            }
            IntakeState::FixedHeader => {
                self.debug.next = 4.into();
                self.reason.d.next = self.broken.q.val();
                if self.broken.q.val() != 0 {
                    // The data offset is still judged, if it was read.
                    self.state.d.next = IntakeState::Refuse;
                    if self.doff_seen.q.val() {
                        self.state.d.next = IntakeState::Measure;
                    }
                } else if self.is_complete.val() {
                    self.state.d.next = IntakeState::Measure;
                }
            }
            IntakeState::Measure => {
                self.debug.next = 5.into();
                self.header.d.next =
                    self.csum_start.q.val().get_bits::<9>(0) + (bit_cast::<9, 4>(self.doff.q.val()) << 2);
                self.transport.d.next = self.frame_bytes.q.val() - bit_cast::<20, 16>(self.csum_start.q.val());
                self.state.d.next = IntakeState::Limits;
            }
            IntakeState::Limits => {
                self.debug.next = 6.into();
                self.payload.d.next = self.payload_now.val().get_bits::<20>(0);
                self.header_beyond.d.next = self.payload_now.val().get_bit(20);
                self.header_long.d.next = self.header.q.val() > self.header_max.val();
                self.doff_small.d.next = (self.doff.q.val() < 5) & !self.uso.q.val();
                self.target.d.next = self.header_rounded.val().get_bits::<6>(3);
                self.in_template.d.next = true;
                self.state.d.next = IntakeState::Options;
            }
            IntakeState::Options => {
                self.debug.next = 7.into();
                self.many.d.next = self.payload.q.val() > bit_cast::<20, 16>(self.gso_size.q.val());
                self.reason.d.next = self.broken.q.val();
                if self.doff_small.q.val() {
                    self.reason.d.next = self.data_offset_too_small.val();
                    self.state.d.next = IntakeState::Drain;
                } else if self.header_beyond.q.val() {
                    self.reason.d.next = self.header_beyond_chain.val();
                    self.state.d.next = IntakeState::Drain;
                } else if self.header_long.q.val() {
                    self.reason.d.next = self.header_too_long.val();
                    self.state.d.next = IntakeState::Drain;
                } else if self.broken.q.val() != 0 {
                    self.state.d.next = IntakeState::Refuse;
                } else if self.is_complete.val() {
                    self.state.d.next = IntakeState::Settle;
                }
            }
            IntakeState::Settle => {
                self.debug.next = 8.into();
                if self.settled.val() {
                    self.state.d.next = IntakeState::Walk;
                }
            }
            IntakeState::Walk => {
                self.debug.next = 9.into();
                self.reason.d.next = self.layers.refusal.val();
                if self.layers.finished.val() {
                    if self.layers.refused.val() {
                        self.state.d.next = IntakeState::Drain;
                    } else {
                        self.begins.next = true;
                        self.bank_at.d.next = self.bank_at.q.val() + 1;
                        self.state.d.next = IntakeState::Cut;
                    }
                }
            }
            IntakeState::Cut => {
                self.debug.next = 10.into();
                if self.finished.val() {
                    self.state.d.next = IntakeState::Idle;
                    self.works.d.next = self.broke.val();
                    self.takes.d.next = self.reads.q.val();
                    if self.broke.val() {
                        self.takes.d.next = false;
                        self.state.d.next = IntakeState::Pause;
                    }
                }
            }
            IntakeState::Drain => {
                self.debug.next = 11.into();
                if self.ended.q.val() | (self.arrives.val() & self.beat.val().last) {
                    self.state.d.next = IntakeState::Refuse;
                }
            }
            IntakeState::Refuse => {
                self.debug.next = 12.into();
                if self.refuse_ready.val() {
                    self.state.d.next = IntakeState::Idle;
                    self.works.d.next = self.reason.q.val().get_bit(5);
                    if self.reason.q.val().get_bit(5) {
                        self.state.d.next = IntakeState::Pause;
                    }
                }
            }
            IntakeState::Pause => {
                self.debug.next = 13.into();
                self.paused.d.next = true;
                if self.paused.q.val() {
                    self.works.d.next = false;
                    self.state.d.next = IntakeState::Idle;
                }
            }
        }
        self.start.next = self.begins.val();
        if self.begins.val() & self.in_template.q.val() & !self.bank_freed.val() {
            self.banks_used.d.next = self.banks_used.q.val() + 1;
        }
        if self.bank_freed.val() & !(self.begins.val() & self.in_template.q.val()) {
            self.banks_used.d.next = self.banks_used.q.val() - 1;
        }
        if self.reset.val() {
            self.next_valid.d.next = false;
            self.at_hand.d.next = false;
            self.reads.d.next = false;
            self.state.d.next = IntakeState::Idle;
            self.works.d.next = false;
            self.stored.d.next = false;
            self.banks_used.d.next = 0.into();
            self.walks.d.next = false;
            self.takes.d.next = false;
            self.collects.d.next = false;
        }
    }
}
