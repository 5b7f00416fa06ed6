//! The checks that need only `virtio_net_hdr` and the frame's length (rule 22), in the model's order.

use rust_hdl::prelude::*;
use segwalk_model::limits::{CHAIN_BYTES_BITS, FRAME_BYTES_MAX, HEADER_BYTES_MAX, MSS_MAX};
use segwalk_model::refusal::Refusal;

/// A refusal code as a constant of a module.
pub fn code(refusal: Refusal) -> Constant<Bits<6>> {
    Constant::new(u64::from(refusal.code()).to_bits())
}

logic_block! {
    /// Judges a `virtio_net_hdr`. The verdict belongs to the inputs of one clock ago; `frame_bytes`, `needs_csum` and
    /// `gso_type` must have been there one clock earlier still.
    pub struct HeaderChecks {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Length of the frame.
        pub frame_bytes: Signal<In, Bits<CHAIN_BYTES_BITS>>,
        /// Bit 0 of `flags`.
        pub needs_csum: Signal<In, Bit>,
        /// `gso_type`.
        pub gso_type: Signal<In, Bits<8>>,
        /// `gso_size`.
        pub gso_size: Signal<In, Bits<16>>,
        /// `csum_start`.
        pub csum_start: Signal<In, Bits<16>>,
        /// `csum_offset`.
        pub csum_offset: Signal<In, Bits<16>>,
        /// `csum_start + 20`, or `+ 8` for UDP.
        pub tcp_end: Signal<In, Bits<17>>,
        /// `csum_start + csum_offset`.
        pub sum_at: Signal<In, Bits<17>>,
        /// Negotiated features: CSUM, TSO4, TSO6, ECN, USO.
        pub features: Signal<In, Bits<5>>,
        /// 0, or why the frame is refused.
        pub refusal: Signal<Out, Bits<6>>,
        /// `refusal` is not 0.
        pub refused: Signal<Out, Bit>,
        /// `gso_type` asks for segmentation.
        pub segments: Signal<Out, Bit>,
        /// For TCP over IPv4, otherwise IPv6 or UDP.
        pub four: Signal<Out, Bit>,
        //
        none: DFF<Bit>,
        type_four: DFF<Bit>,
        type_six: DFF<Bit>,
        type_udp: DFF<Bit>,
        served: DFF<Bit>,
        csum: DFF<Bit>,
        may_csum: DFF<Bit>,
        too_short: DFF<Bit>,
        too_long: DFF<Bit>,
        size_zero: DFF<Bit>,
        size_large: DFF<Bit>,
        wrong_offset: DFF<Bit>,
        start_small: DFF<Bit>,
        // an objection that needs no more than the first beat
        early_objection: DFF<Bit>,
        tcp_beyond: DFF<Bit>,
        header_long: DFF<Bit>,
        sum_beyond: DFF<Bit>,
        // last place of a checksum field; wrong for frames that are too short anyway
        sum_max: DFF<Bits<20>>,
        is_none: Signal<Local, Bit>,
        is_four: Signal<Local, Bit>,
        is_six: Signal<Local, Bit>,
        is_udp: Signal<Local, Bit>,
        ecn_refused: Signal<Local, Bit>,
        kind: Signal<Local, Bits<7>>,
        frame_max: Constant<Bits<20>> = Constant::new((FRAME_BYTES_MAX as u64).to_bits()),
        header_max: Constant<Bits<17>> = Constant::new((HEADER_BYTES_MAX as u64).to_bits()),
        mss_max: Constant<Bits<16>> = Constant::new((MSS_MAX as u64).to_bits()),
        frame_too_short: Constant<Bits<6>> = code(Refusal::FrameTooShort),
        frame_too_long: Constant<Bits<6>> = code(Refusal::FrameTooLong),
        gso_type_unknown: Constant<Bits<6>> = code(Refusal::GsoTypeUnknown),
        feature_not_negotiated: Constant<Bits<6>> = code(Refusal::FeatureNotNegotiated),
        gso_without_checksum: Constant<Bits<6>> = code(Refusal::GsoWithoutChecksum),
        gso_size_zero: Constant<Bits<6>> = code(Refusal::GsoSizeZero),
        gso_size_too_large: Constant<Bits<6>> = code(Refusal::GsoSizeTooLarge),
        checksum_offset_wrong: Constant<Bits<6>> = code(Refusal::ChecksumOffsetWrong),
        checksum_start_too_small: Constant<Bits<6>> = code(Refusal::ChecksumStartTooSmall),
        header_beyond_chain: Constant<Bits<6>> = code(Refusal::HeaderBeyondChain),
        header_too_long: Constant<Bits<6>> = code(Refusal::HeaderTooLong),
    }
}

impl Logic for HeaderChecks {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            none,
            type_four,
            type_six,
            type_udp,
            served,
            csum,
            may_csum,
            too_short,
            too_long,
            size_zero,
            size_large,
            wrong_offset,
            start_small,
            early_objection,
            tcp_beyond,
            header_long,
            sum_beyond,
            sum_max
        );
        // First clock: every condition on its own.
        self.kind.next = self.gso_type.val().get_bits::<7>(0);
        self.is_none.next = self.kind.val() == 0;
        self.is_four.next = self.kind.val() == 1;
        self.is_six.next = self.kind.val() == 4;
        self.is_udp.next = self.kind.val() == 5;
        self.ecn_refused.next = self.gso_type.val().get_bit(7) & !self.features.val().get_bit(3);
        self.none.d.next = self.is_none.val();
        self.type_four.d.next = self.is_four.val();
        self.type_six.d.next = self.is_six.val();
        self.type_udp.d.next = self.is_udp.val();
        self.served.d.next = ((self.is_four.val() & self.features.val().get_bit(1))
            | (self.is_six.val() & self.features.val().get_bit(2))
            | (self.is_udp.val() & self.features.val().get_bit(4)))
            & !self.ecn_refused.val();
        self.csum.d.next = self.needs_csum.val();
        self.may_csum.d.next = self.features.val().get_bit(0);
        self.too_short.d.next = self.frame_bytes.val() < 14;
        self.too_long.d.next = self.frame_bytes.val() > self.frame_max.val();
        self.size_zero.d.next = self.gso_size.val() == 0;
        self.size_large.d.next = self.gso_size.val() > self.mss_max.val();
        self.wrong_offset.d.next = self.csum_offset.val() != 16;
        if self.is_udp.val() {
            self.wrong_offset.d.next = self.csum_offset.val() != 6;
        }
        self.start_small.d.next = (self.csum_start.val() < 34) | (self.is_six.val() & (self.csum_start.val() < 54));
        self.tcp_beyond.d.next = bit_cast::<20, 17>(self.tcp_end.val()) > self.frame_bytes.val();
        self.header_long.d.next = self.tcp_end.val() > self.header_max.val();
        self.sum_max.d.next = self.frame_bytes.val() - 2;
        self.sum_beyond.d.next = bit_cast::<20, 17>(self.sum_at.val()) > self.sum_max.q.val();
        // Second clock: whether one applies, then which is the first.
        self.early_objection.d.next = self.too_short.q.val();
        if self.none.q.val() {
            if self.too_long.q.val() | (self.csum.q.val() & !self.may_csum.q.val()) {
                self.early_objection.d.next = true;
            }
        } else if (!self.type_four.q.val() & !self.type_six.q.val() & !self.type_udp.q.val())
            | !self.served.q.val()
            | !self.csum.q.val()
        {
            self.early_objection.d.next = true;
        }
        self.refused.next = self.early_objection.q.val()
            | (self.none.q.val() & self.csum.q.val() & self.sum_beyond.q.val())
            | (!self.none.q.val()
                & (self.size_zero.q.val()
                    | self.size_large.q.val()
                    | self.wrong_offset.q.val()
                    | self.start_small.q.val()
                    | self.tcp_beyond.q.val()
                    | self.header_long.q.val()));
        self.segments.next = !self.none.q.val();
        self.four.next = self.type_four.q.val();
        self.refusal.next = 0.into();
        if self.too_short.q.val() {
            self.refusal.next = self.frame_too_short.val();
        } else if !self.none.q.val() {
            if !self.type_four.q.val() & !self.type_six.q.val() & !self.type_udp.q.val() {
                self.refusal.next = self.gso_type_unknown.val();
            } else if !self.served.q.val() {
                self.refusal.next = self.feature_not_negotiated.val();
            } else if !self.csum.q.val() {
                self.refusal.next = self.gso_without_checksum.val();
            } else if self.size_zero.q.val() {
                self.refusal.next = self.gso_size_zero.val();
            } else if self.size_large.q.val() {
                self.refusal.next = self.gso_size_too_large.val();
            } else if self.wrong_offset.q.val() {
                self.refusal.next = self.checksum_offset_wrong.val();
            } else if self.start_small.q.val() {
                self.refusal.next = self.checksum_start_too_small.val();
            } else if self.tcp_beyond.q.val() {
                self.refusal.next = self.header_beyond_chain.val();
            } else if self.header_long.q.val() {
                self.refusal.next = self.header_too_long.val();
            }
        } else if self.csum.q.val() & !self.may_csum.q.val() {
            self.refusal.next = self.feature_not_negotiated.val();
        } else if self.csum.q.val() & self.sum_beyond.q.val() {
            self.refusal.next = self.header_beyond_chain.val();
        } else if self.too_long.q.val() {
            self.refusal.next = self.frame_too_long.val();
        }
    }
}
