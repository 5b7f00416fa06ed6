//! Finds the layers of a super-frame's header template, checks them, and sums them (rules 5 to 16).
//!
//! The template's beats are stored here as they arrive. Then its 16-bit words pass by one a clock, from the EtherType
//! on: the layers are followed, what the segments need is caught, and the constant parts of both checksums are summed.

use super::header_checks::code;
use super::records::Template;
use crate::bus::ram::BlockRam;
use rust_hdl::prelude::*;
use segwalk_model::refusal::Refusal;

/// Where the [`Layers`] walk stands.
#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
pub enum LayerPhase {
    /// No template.
    Idle,
    /// An EtherType comes.
    EtherType,
    /// A tag comes.
    Tag,
    /// In the first words of the IPv4 header.
    Four,
    /// In the IPv6 header.
    Six,
    /// In the extension headers.
    Extension,
    /// Every check is passed; the sums go on.
    Found,
    /// Folds the sums.
    FoldFirst,
    /// Folds them again.
    FoldSecond,
    /// Takes the super-frame's length out of the seed (rule 16).
    Adjust,
    /// Folds the sum of that.
    FoldLast,
    /// The last fold is under way.
    Ready,
}

logic_block! {
    /// Walks over one template; see the module.
    pub struct Layers {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        /// A beat of the template is stored.
        pub write_enable: Signal<In, Bit>,
        /// Which one.
        pub write_beat: Signal<In, Bits<5>>,
        /// Its bytes.
        pub write_data: Signal<In, Bits<64>>,
        /// The walk begins, never while one is under way; the inputs below count on this clock.
        pub start: Signal<In, Bit>,
        /// For IPv4, otherwise IPv6. Only for TCP; with UDP the EtherType says which.
        pub four: Signal<In, Bit>,
        /// For UDP, otherwise TCP.
        pub udp: Signal<In, Bit>,
        /// `csum_start`.
        pub csum_start: Signal<In, Bits<9>>,
        /// End of the template, H.
        pub header_bytes: Signal<In, Bits<9>>,
        /// TCP header and payload of the super-frame.
        pub transport_bytes: Signal<In, Bits<20>>,
        /// The seed contains their length, and a segment needs another (rule 16).
        pub take_length: Signal<In, Bit>,
        /// The sum of a segment needs its length added.
        pub add_length: Signal<In, Bit>,
        /// MSS.
        pub segment_bytes: Signal<In, Bits<14>>,
        /// Template bank that the emitter will read.
        pub bank: Signal<In, Bits<4>>,
        /// The walk ended on the last clock.
        pub finished: Signal<Out, Bit>,
        /// With `finished`: the template is refused.
        pub refused: Signal<Out, Bit>,
        /// 0, or why the template is refused.
        pub refusal: Signal<Out, Bits<6>>,
        /// What the segments need.
        pub template: Signal<Out, Template>,
        //
        ram: BlockRam<Bits<64>, 5>,
        phase: DFF<LayerPhase>,
        is_finished: DFF<Bit>,
        is_refused: DFF<Bit>,
        code: DFF<Bits<6>>,
        // the word under way: address, RAM, beat, word
        active: DFF<Bit>,
        at: DFF<Bits<7>>,
        last_at: DFF<Bits<7>>,
        valid_1: DFF<Bit>,
        valid_2: DFF<Bit>,
        valid_3: DFF<Bit>,
        lane_1: DFF<Bits<2>>,
        lane_2: DFF<Bits<2>>,
        tcp_1: DFF<Bit>,
        tcp_2: DFF<Bit>,
        tcp_3: DFF<Bit>,
        end_1: DFF<Bit>,
        end_2: DFF<Bit>,
        end_3: DFF<Bit>,
        beat: DFF<Bits<64>>,
        word: DFF<Bits<16>>,
        // what the word could be, judged a clock earlier
        early: DFF<Bits<16>>,
        early_valid: DFF<Bit>,
        early_tcp: DFF<Bit>,
        early_end: DFF<Bit>,
        is_tag: DFF<Bit>,
        is_type_four: DFF<Bit>,
        is_type_six: DFF<Bit>,
        is_version_four: DFF<Bit>,
        is_version_six: DFF<Bit>,
        is_protocol: DFF<Bit>,
        is_part: DFF<Bit>,
        is_high_fragment: DFF<Bit>,
        is_high_transport: DFF<Bit>,
        is_high_extension: DFF<Bit>,
        // the last word, as the first of an IPv4 header, says another length than csum_start
        is_length_off: DFF<Bit>,
        // bytes to the next extension header
        jump: DFF<Bits<13>>,
        // an objection, a clock before it ends the walk
        judged: DFF<Bits<6>>,
        // what is added
        summand: DFF<Bits<16>>,
        adds_ip: DFF<Bit>,
        adds_tcp: DFF<Bit>,
        folds: DFF<Bit>,
        adjusts: DFF<Bit>,
        // layers
        is_four: DFF<Bit>,
        is_udp: DFF<Bit>,
        tags: DFF<Bits<2>>,
        // bytes from the IP header, later from the next extension header, to csum_start
        gap: DFF<Bits<8>>,
        at_layer: DFF<Bits<5>>,
        fragment: DFF<Bit>,
        dont_fragment: DFF<Bit>,
        // what the next header is
        next_fragment: DFF<Bit>,
        next_transport: DFF<Bit>,
        next_extension: DFF<Bit>,
        beyond: DFF<Bit>,
        gap_zero: DFF<Bit>,
        // words of the extension header are left
        extending: DFF<Bit>,
        extension_left: DFF<Bits<10>>,
        in_tcp: DFF<Bit>,
        at_tcp: DFF<Bits<5>>,
        // results
        ip_sum: DFF<Bits<21>>,
        tcp_sum: DFF<Bits<21>>,
        length: DFF<Bits<20>>,
        takes_length: DFF<Bit>,
        adds_length: DFF<Bit>,
        id: DFF<Bits<16>>,
        seq_high: DFF<Bits<16>>,
        seq_low: DFF<Bits<16>>,
        flags: DFF<Bits<16>>,
        header: DFF<Bits<9>>,
        tcp_word: DFF<Bits<7>>,
        tcp_bytes: DFF<Bits<6>>,
        length_base: DFF<Bits<9>>,
        mss: DFF<Bits<14>>,
        bank_used: DFF<Bits<4>>,
        //
        is_high: Signal<Local, Bit>,
        is_low: Signal<Local, Bit>,
        is_flags: Signal<Local, Bit>,
        ip_summand: Signal<Local, Bits<16>>,
        tcp_summand: Signal<Local, Bits<16>>,
        ip_base: Signal<Local, Bits<21>>,
        tcp_base: Signal<Local, Bits<21>>,
        half: Signal<Local, Bits<16>>,
        low: Signal<Local, Bits<8>>,
        early_high: Signal<Local, Bits<8>>,
        header_words: Signal<Local, Bits<8>>,
        early_version: Signal<Local, Bits<4>>,
        fits_four: Signal<Local, Bit>,
        fits_six: Signal<Local, Bit>,
        protocol: Signal<Local, Bits<8>>,
        left_after: Signal<Local, Bits<13>>,
        extension_words: Signal<Local, Bits<10>>,
        verdict: Signal<Local, Bits<6>>,
        add_ip: Signal<Local, Bit>,
        add_tcp: Signal<Local, Bit>,
        inverted: Signal<Local, Bits<16>>,
        length_low: Signal<Local, Bits<16>>,
        header_wide: Signal<Local, Bits<9>>,
        tcp_length: Signal<Local, Bits<9>>,
        words_end: Signal<Local, Bits<7>>,
        first_gap: Signal<Local, Bits<9>>,
        protocol_mismatch: Constant<Bits<6>> = code(Refusal::ProtocolMismatch),
        network_header_length: Constant<Bits<6>> = code(Refusal::NetworkHeaderLength),
        is_fragment: Constant<Bits<6>> = code(Refusal::Fragment),
        extension_headers: Constant<Bits<6>> = code(Refusal::ExtensionHeaders),
    }
}

impl Logic for Layers {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            phase,
            is_finished,
            is_refused,
            code,
            active,
            at,
            last_at,
            valid_1,
            valid_2,
            valid_3,
            lane_1,
            lane_2,
            tcp_1,
            tcp_2,
            tcp_3,
            end_1,
            end_2,
            end_3,
            beat,
            word,
            early,
            early_valid,
            early_tcp,
            early_end,
            is_tag,
            is_type_four,
            is_type_six,
            is_version_four,
            is_version_six,
            is_protocol,
            is_part,
            is_high_fragment,
            is_high_transport,
            is_high_extension,
            is_length_off,
            jump,
            judged,
            summand,
            adds_ip,
            adds_tcp,
            folds,
            adjusts,
            is_four,
            is_udp,
            tags,
            gap,
            at_layer,
            fragment,
            dont_fragment,
            next_fragment,
            next_transport,
            next_extension,
            beyond,
            gap_zero,
            extending,
            extension_left,
            in_tcp,
            at_tcp,
            ip_sum,
            tcp_sum,
            length,
            takes_length,
            adds_length,
            id,
            seq_high,
            seq_low,
            flags,
            header,
            tcp_word,
            tcp_bytes,
            length_base,
            mss,
            bank_used
        );
        clock!(self, clock, ram);
        self.ram.write_enable.next = self.write_enable.val();
        self.ram.write_addr.next = self.write_beat.val();
        self.ram.write_data.next = self.write_data.val();
        self.ram.read_addr.next = self.at.q.val().get_bits::<5>(2);
        self.finished.next = self.is_finished.q.val();
        self.refusal.next = self.code.q.val();
        self.refused.next = self.is_refused.q.val();
        self.is_finished.d.next = false;
        self.is_refused.d.next = false;
        self.template.next.bank = self.bank_used.q.val();
        self.template.next.header_bytes = self.header.q.val();
        self.template.next.segment_bytes = self.mss.q.val();
        self.template.next.four = self.is_four.q.val();
        self.template.next.tags = self.tags.q.val();
        self.template.next.tcp_word = self.tcp_word.q.val();
        self.template.next.udp = self.is_udp.q.val();
        self.template.next.dont_fragment = self.dont_fragment.q.val();
        self.template.next.length_base = self.length_base.q.val();
        self.template.next.tcp_bytes = self.tcp_bytes.q.val();
        self.template.next.add_length = self.adds_length.q.val();
        self.template.next.ip_sum = self.ip_sum.q.val().get_bits::<16>(0);
        self.template.next.tcp_sum = self.tcp_sum.q.val().get_bits::<16>(0);
        self.template.next.id = self.id.q.val();
        self.template.next.seq_high = self.seq_high.q.val();
        self.template.next.seq_low = self.seq_low.q.val();
        self.template.next.flags = self.flags.q.val();
        // The word's way: address, RAM, beat, word.
        self.valid_1.d.next = self.active.q.val();
        self.lane_1.d.next = self.at.q.val().get_bits::<2>(0);
        self.tcp_1.d.next = self.at.q.val() == self.tcp_word.q.val();
        self.end_1.d.next = self.at.q.val() == self.last_at.q.val();
        self.valid_2.d.next = self.valid_1.q.val();
        self.lane_2.d.next = self.lane_1.q.val();
        self.tcp_2.d.next = self.tcp_1.q.val();
        self.end_2.d.next = self.end_1.q.val();
        self.beat.d.next = self.ram.read_data.val();
        self.early_valid.d.next = self.valid_2.q.val();
        self.early_tcp.d.next = self.tcp_2.q.val();
        self.early_end.d.next = self.end_2.q.val();
        self.valid_3.d.next = self.early_valid.q.val();
        self.tcp_3.d.next = self.early_tcp.q.val();
        self.end_3.d.next = self.early_end.q.val();
        self.half.next = self.beat.q.val().get_bits::<16>(0);
        if self.lane_2.q.val() == 1 {
            self.half.next = self.beat.q.val().get_bits::<16>(16);
        }
        if self.lane_2.q.val() == 2 {
            self.half.next = self.beat.q.val().get_bits::<16>(32);
        }
        if self.lane_2.q.val() == 3 {
            self.half.next = self.beat.q.val().get_bits::<16>(48);
        }
        // Network byte order
        self.early.d.next = (bit_cast::<16, 8>(self.half.val().get_bits::<8>(0)) << 8)
            | bit_cast::<16, 8>(self.half.val().get_bits::<8>(8));
        if self.active.q.val() {
            self.at.d.next = self.at.q.val() + 1;
            if self.at.q.val() == self.last_at.q.val() {
                self.active.d.next = false;
            }
        }
        self.word.d.next = self.early.q.val();
        self.protocol.next = 6.into();
        if self.is_udp.q.val() {
            self.protocol.next = 17.into();
        }
        self.early_version.next = self.early.q.val().get_bits::<4>(12);
        self.is_tag.d.next = (self.early.q.val() == 0x8100) | (self.early.q.val() == 0x88A8);
        self.is_type_four.d.next = self.early.q.val() == 0x0800;
        self.is_type_six.d.next = self.early.q.val() == 0x86DD;
        self.is_version_four.d.next = self.early_version.val() == 4;
        self.is_version_six.d.next = self.early_version.val() == 6;
        self.is_protocol.d.next = self.early.q.val().get_bits::<8>(0) == self.protocol.val();
        self.jump.d.next = (bit_cast::<13, 8>(self.early.q.val().get_bits::<8>(0)) << 3) + 8;
        self.early_high.next = self.early.q.val().get_bits::<8>(8);
        self.is_high_fragment.d.next = self.early_high.val() == 44;
        self.is_high_transport.d.next = self.early_high.val() == self.protocol.val();
        self.is_high_extension.d.next =
            (self.early_high.val() == 0) | (self.early_high.val() == 43) | (self.early_high.val() == 60);
        self.is_part.d.next = self.early.q.val().get_bits::<14>(0).any();
        // Conditions on the word
        self.low.next = self.word.q.val().get_bits::<8>(0);
        self.header_words.next = bit_cast::<8, 4>(self.word.q.val().get_bits::<4>(8)) << 2;
        self.fits_four.next = (self.is_four.q.val() | self.is_udp.q.val()) & self.is_type_four.q.val();
        self.fits_six.next = (!self.is_four.q.val() | self.is_udp.q.val()) & self.is_type_six.q.val();
        self.left_after.next = bit_cast::<13, 8>(self.gap.q.val()) - self.jump.q.val();
        self.extension_words.next = bit_cast::<10, 8>(self.low.val()) << 2;
        // ihl below 5, too, is another length than csum_start says
        self.is_length_off.d.next = (self.gap.q.val() < 20) | (self.header_words.val() != self.gap.q.val());
        // A clock late: four words at least lie between two extension headers.
        self.gap_zero.d.next = self.gap.q.val() == 0;
        self.verdict.next = 0.into();
        self.add_ip.next = false;
        self.add_tcp.next = false;
        self.length_low.next = self.length.q.val().get_bits::<16>(0);
        self.inverted.next = !self.length_low.val();
        self.header_wide.next = self.header_bytes.val();
        self.tcp_length.next = self.header_bytes.val() - self.csum_start.val();
        self.words_end.next = self.header_bytes.val().get_bits::<7>(1);
        self.first_gap.next = self.csum_start.val() - 14;
        self.is_high.next = false;
        self.is_low.next = false;
        self.is_flags.next = false;
        // TCP, from csum_start on: all but sequence number and flags is summed, the seed included. UDP: all but the length.
        if self.valid_3.q.val() {
            if self.tcp_3.q.val() {
                self.in_tcp.d.next = true;
                self.at_tcp.d.next = 1.into();
                self.add_tcp.next = true;
            } else if self.in_tcp.q.val() {
                self.at_tcp.d.next = self.at_tcp.q.val() + 1;
                self.add_tcp.next = true;
                if self.at_tcp.q.val() == 2 {
                    self.add_tcp.next = false;
                    self.is_low.next = self.is_udp.q.val();
                    self.is_high.next = !self.is_udp.q.val();
                }
                if (self.at_tcp.q.val() == 3) & !self.is_udp.q.val() {
                    self.is_low.next = true;
                    self.add_tcp.next = false;
                }
                if self.at_tcp.q.val() == 6 {
                    self.is_flags.next = true;
                    self.add_tcp.next = false;
                }
            }
        }
        // An enable and a reset each, so that the flip-flops need no multiplexer.
        if self.is_high.val() {
            self.seq_high.d.next = self.word.q.val();
        }
        if self.is_low.val() {
            self.seq_low.d.next = self.word.q.val();
        }
        if self.is_flags.val() {
            self.flags.d.next = self.word.q.val();
        }
        if self.start.val() {
            self.seq_high.d.next = 0.into();
            self.flags.d.next = 0.into();
        }
        match self.phase.q.val() {
            LayerPhase::Idle => {
                self.at_layer.d.next = 0.into();
            }
            LayerPhase::EtherType => {
                if self.valid_3.q.val() {
                    if self.is_tag.q.val() & (self.tags.q.val() != 2) {
                        self.tags.d.next = self.tags.q.val() + 1;
                        self.gap.d.next = self.gap.q.val() - 4;
                        self.length_base.d.next = self.length_base.q.val() - 4;
                        self.phase.d.next = LayerPhase::Tag;
                    } else if self.fits_four.val() {
                        self.is_four.d.next = true;
                        self.phase.d.next = LayerPhase::Four;
                    } else if self.fits_six.val() {
                        // The length field counts from behind the IPv6 header.
                        self.length_base.d.next = self.length_base.q.val() - 40;
                        self.phase.d.next = LayerPhase::Six;
                    } else {
                        self.verdict.next = self.protocol_mismatch.val();
                    }
                }
            }
            LayerPhase::Tag => {
                if self.valid_3.q.val() {
                    self.phase.d.next = LayerPhase::EtherType;
                }
            }
            LayerPhase::Four => {
                if self.valid_3.q.val() {
                    self.at_layer.d.next = self.at_layer.q.val() + 1;
                    self.add_ip.next = true;
                    if (self.at_layer.q.val() == 0) & !self.is_version_four.q.val() {
                        self.verdict.next = self.protocol_mismatch.val();
                    }
                    if (self.at_layer.q.val() == 1) & self.is_length_off.q.val() {
                        self.verdict.next = self.network_header_length.val();
                    }
                    if (self.at_layer.q.val() == 1) | (self.at_layer.q.val() == 2) {
                        self.add_ip.next = false;
                    }
                    if self.at_layer.q.val() == 2 {
                        self.id.d.next = self.word.q.val();
                    }
                    if self.at_layer.q.val() == 3 {
                        self.fragment.d.next = self.is_part.q.val();
                        self.dont_fragment.d.next = self.word.q.val().get_bit(14);
                    }
                    if self.at_layer.q.val() == 4 {
                        if !self.is_protocol.q.val() {
                            self.verdict.next = self.protocol_mismatch.val();
                        } else if self.fragment.q.val() {
                            self.verdict.next = self.is_fragment.val();
                        }
                    }
                    if self.at_layer.q.val() == 5 {
                        self.add_ip.next = false;
                        self.phase.d.next = LayerPhase::Found;
                    }
                }
            }
            LayerPhase::Six => {
                if self.valid_3.q.val() {
                    self.at_layer.d.next = self.at_layer.q.val() + 1;
                    if self.at_layer.q.val() == 0 {
                        if !self.is_version_six.q.val() {
                            self.verdict.next = self.protocol_mismatch.val();
                        } else if self.gap.q.val() < 40 {
                            self.verdict.next = self.network_header_length.val();
                        }
                    }
                    if self.at_layer.q.val() == 3 {
                        self.next_fragment.d.next = self.is_high_fragment.q.val();
                        self.next_transport.d.next = self.is_high_transport.q.val();
                        self.next_extension.d.next = self.is_high_extension.q.val();
                        self.gap.d.next = self.gap.q.val() - 40;
                    }
                    if self.at_layer.q.val() == 19 {
                        self.phase.d.next = LayerPhase::Extension;
                    }
                }
            }
            LayerPhase::Extension => {
                if self.valid_3.q.val() {
                    if self.extending.q.val() & !self.beyond.q.val() {
                        self.extension_left.d.next = self.extension_left.q.val() - 1;
                        self.extending.d.next = self.extension_left.q.val() != 1;
                    } else if self.next_fragment.q.val() {
                        self.verdict.next = self.is_fragment.val();
                    } else if !self.beyond.q.val() & self.gap_zero.q.val() & self.next_transport.q.val() {
                        self.phase.d.next = LayerPhase::Found;
                    } else if self.beyond.q.val() | self.gap_zero.q.val() | !self.next_extension.q.val() {
                        self.verdict.next = self.extension_headers.val();
                    } else {
                        self.next_fragment.d.next = self.is_high_fragment.q.val();
                        self.next_transport.d.next = self.is_high_transport.q.val();
                        self.next_extension.d.next = self.is_high_extension.q.val();
                        self.extending.d.next = true;
                        self.gap.d.next = self.left_after.val().get_bits::<8>(0);
                        self.beyond.d.next = self.left_after.val().get_bit(12);
                        self.extension_left.d.next = self.extension_words.val() + 3;
                    }
                }
            }
            LayerPhase::Found => {
                // IPv4 options
                self.add_ip.next =
                    self.valid_3.q.val() & self.is_four.q.val() & !self.tcp_3.q.val() & !self.in_tcp.q.val();
                if self.valid_3.q.val() & self.end_3.q.val() {
                    self.phase.d.next = LayerPhase::FoldFirst;
                }
            }
            LayerPhase::FoldFirst => {
                self.phase.d.next = LayerPhase::FoldSecond;
            }
            LayerPhase::FoldSecond => {
                self.phase.d.next = LayerPhase::Adjust;
            }
            LayerPhase::Adjust => {
                self.phase.d.next = LayerPhase::FoldLast;
            }
            LayerPhase::FoldLast => {
                self.phase.d.next = LayerPhase::Ready;
            }
            LayerPhase::Ready => {
                self.phase.d.next = LayerPhase::Idle;
                self.is_finished.d.next = true;
                self.code.d.next = 0.into();
            }
        }
        if self.start.val() {
            self.phase.d.next = LayerPhase::EtherType;
            self.active.d.next = true;
            self.at.d.next = 6.into();
            self.last_at.d.next = self.words_end.val() - 1;
            self.is_four.d.next = self.four.val();
            self.is_udp.d.next = self.udp.val();
            self.tags.d.next = 0.into();
            self.gap.d.next = self.first_gap.val().get_bits::<8>(0);
            self.fragment.d.next = false;
            self.beyond.d.next = false;
            self.extending.d.next = false;
            self.in_tcp.d.next = false;
            self.ip_sum.d.next = 0.into();
            self.tcp_sum.d.next = 0.into();
            self.length.d.next = self.transport_bytes.val();
            self.takes_length.d.next = self.take_length.val();
            self.adds_length.d.next = self.add_length.val();
            self.header.d.next = self.header_bytes.val();
            self.tcp_word.d.next = self.csum_start.val().get_bits::<7>(1);
            self.tcp_bytes.d.next = self.tcp_length.val().get_bits::<6>(0);
            self.mss.d.next = self.segment_bytes.val();
            self.bank_used.d.next = self.bank.val();
            // The length field counts from the IPv4 header; see below for IPv6.
            self.length_base.d.next = self.header_wide.val() - 14;
        }
        // The sums follow a clock behind the walk.
        self.summand.d.next = self.word.q.val();
        self.adds_ip.d.next = self.add_ip.val();
        self.adds_tcp.d.next = self.add_tcp.val();
        self.folds.d.next = (self.phase.q.val() == LayerPhase::FoldFirst)
            | (self.phase.q.val() == LayerPhase::FoldSecond)
            | (self.phase.q.val() == LayerPhase::FoldLast);
        self.adjusts.d.next = (self.phase.q.val() == LayerPhase::Adjust) & self.takes_length.q.val();
        self.ip_summand.next = self.summand.q.val();
        self.tcp_summand.next = self.summand.q.val();
        self.ip_base.next = self.ip_sum.q.val();
        self.tcp_base.next = self.tcp_sum.q.val();
        if self.adjusts.q.val() {
            self.tcp_summand.next = self.inverted.val();
        }
        if self.folds.q.val() {
            self.ip_base.next = bit_cast::<21, 16>(self.ip_sum.q.val().get_bits::<16>(0));
            self.ip_summand.next = bit_cast::<16, 5>(self.ip_sum.q.val().get_bits::<5>(16));
            self.tcp_base.next = bit_cast::<21, 16>(self.tcp_sum.q.val().get_bits::<16>(0));
            self.tcp_summand.next = bit_cast::<16, 5>(self.tcp_sum.q.val().get_bits::<5>(16));
            self.length.d.next = bit_cast::<20, 16>(self.length.q.val().get_bits::<16>(0))
                + bit_cast::<20, 4>(self.length.q.val().get_bits::<4>(16));
        }
        if self.adds_ip.q.val() | self.folds.q.val() {
            self.ip_sum.d.next = self.ip_base.val() + bit_cast::<21, 16>(self.ip_summand.val());
        }
        if self.adds_tcp.q.val() | self.folds.q.val() | self.adjusts.q.val() {
            self.tcp_sum.d.next = self.tcp_base.val() + bit_cast::<21, 16>(self.tcp_summand.val());
        }
        self.judged.d.next = self.verdict.val();
        if (self.judged.q.val() != 0) | self.reset.val() {
            self.phase.d.next = LayerPhase::Idle;
            self.active.d.next = false;
            self.valid_1.d.next = false;
            self.valid_2.d.next = false;
            self.early_valid.d.next = false;
            self.valid_3.d.next = false;
            self.code.d.next = self.judged.q.val();
            self.judged.d.next = 0.into();
            self.adds_ip.d.next = false;
            self.adds_tcp.d.next = false;
            self.is_finished.d.next = !self.reset.val();
            self.is_refused.d.next = !self.reset.val();
        }
    }
}
