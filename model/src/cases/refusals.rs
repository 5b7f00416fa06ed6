//! Rules 21, 22 and 24: hints that are not relied on, what is refused, and super-frames without payload.

use super::packet::{Packet, Seed};
use super::{checksum_only, cut, plain, seeded, Case, Draft, Kernel};
use crate::limits::{FRAME_BYTES_MAX, HEADER_BYTES_MAX};
use crate::refusal::Refusal::{self, *};
use crate::registers::feature;
use crate::virtio_net_hdr::gso;

pub(super) const NO_FEATURES: Kernel = Kernel::NotAsked("The kernel's TAP takes everything, nothing is negotiated.");
const NO_LIMIT: Kernel = Kernel::Differs("This limit is the engine's own.");
const TOLERATED: Kernel =
    Kernel::Differs("The kernel finds TCP without NEEDS_CSUM itself; virtio forbids it to drivers.");

pub(super) fn cases() -> Vec<Case> {
    [
        hints(),
        fields(),
        csum_places(),
        types(),
        tags(),
        headers(),
        features(),
        lengths(),
        no_payload(),
    ]
    .concat()
}

/// Three segments over IPv4, or over IPv6.
fn v4(rule: u8, name: &'static str) -> Draft {
    cut(rule, name, Packet::tcp4(230), 100)
}

fn v6(rule: u8, name: &'static str) -> Draft {
    cut(rule, name, Packet::tcp6(230), 100)
}

fn hints() -> Vec<Case> {
    let hint = |name: &'static str, hdr_len: u16| v4(21, name).hdr(|hdr| hdr.hdr_len = hdr_len).cut(&[100, 100, 30]);
    vec![
        hint("hdr_len_of_0_is_not_relied_on", 0),
        hint("hdr_len_within_the_ethernet_header_is_not_relied_on", 13),
        plain(
            21,
            "hdr_len_on_a_frame_without_any_request_is_not_relied_on",
            Packet::tcp4(60),
        )
        .hdr(|hdr| hdr.hdr_len = 13)
        .whole()
        .kernel(Kernel::Refuses),
        hint("hdr_len_of_the_ethernet_header_is_not_relied_on", 14),
        hint("hdr_len_within_tcp_is_not_relied_on", 50),
        hint("hdr_len_that_is_right", 54),
        hint("hdr_len_within_the_payload_is_not_relied_on", 60),
        hint("hdr_len_of_the_whole_frame_is_not_relied_on", 284),
        hint("hdr_len_beyond_the_frame_is_not_relied_on", 285).kernel(Kernel::Refuses),
        hint("hdr_len_of_ffff_is_not_relied_on", 0xFFFF).kernel(Kernel::Refuses),
        v6(21, "hdr_len_of_0_is_not_relied_on_over_ipv6")
            .hdr(|hdr| hdr.hdr_len = 0)
            .cut(&[100, 100, 30]),
        cut(21, "hdr_len_on_one_packet_is_not_relied_on", Packet::tcp4(60), 100)
            .hdr(|hdr| hdr.hdr_len = 20)
            .whole(),
    ]
}

fn fields() -> Vec<Case> {
    let typed = |name: &'static str, gso_type: u8| {
        v4(22, name)
            .hdr(|hdr| hdr.gso_type = gso_type)
            .refused(GsoTypeUnknown, Kernel::Refuses)
    };
    let size = |name: &'static str, gso_size: u16, refusal: Refusal, kernel: Kernel| {
        v4(22, name).hdr(|hdr| hdr.gso_size = gso_size).refused(refusal, kernel)
    };
    vec![
        size("gso_size_0_is_refused", 0, GsoSizeZero, Kernel::Refuses),
        size("gso_size_ffff_is_refused", 0xFFFF, GsoSizeTooLarge, Kernel::Refuses),
        size("gso_size_9601_is_refused", 9601, GsoSizeTooLarge, NO_LIMIT),
        typed("gso_type_2_is_refused", 2),
        typed("gso_type_6_is_refused", 6),
        typed("gso_type_7f_is_refused", 0x7F),
        typed("gso_type_2_with_the_ecn_bit_is_refused", 0x82),
        cut(22, "udp_fragmentation_is_refused", Packet::udp4(230), 104)
            .hdr(|hdr| hdr.gso_type = gso::UDP)
            .refused(
                GsoTypeUnknown,
                Kernel::Differs("The kernel still serves UFO; virtio has dropped it."),
            ),
        plain(22, "the_ecn_bit_alone_asks_for_nothing", Packet::tcp4(230))
            .hdr(|hdr| hdr.gso_type = gso::ECN)
            .whole()
            .kernel(Kernel::Refuses),
        v4(22, "segmentation_without_needs_csum_is_refused")
            .hdr(|hdr| hdr.flags = 0)
            .refused(GsoWithoutChecksum, TOLERATED),
        v6(22, "segmentation_without_needs_csum_is_refused_over_ipv6")
            .hdr(|hdr| hdr.flags = 0xFE & !2)
            .refused(GsoWithoutChecksum, TOLERATED),
    ]
}

fn csum_places() -> Vec<Case> {
    let start = |name: &'static str, csum_start: u16, refusal: Refusal, kernel: Kernel| {
        v4(22, name)
            .hdr(|hdr| hdr.csum_start = csum_start)
            .refused(refusal, kernel)
    };
    let offset = |name: &'static str, csum_offset: u16| {
        v4(22, name)
            .hdr(|hdr| hdr.csum_offset = csum_offset)
            .refused(ChecksumOffsetWrong, Kernel::Refuses)
    };
    vec![
        offset("csum_offset_6_with_tcp_is_refused", 6),
        offset("csum_offset_15_is_refused", 15),
        offset("csum_offset_18_is_refused", 18),
        start("csum_start_33_is_refused", 33, ChecksumStartTooSmall, Kernel::Drops),
        start("csum_start_0_is_refused", 0, ChecksumStartTooSmall, Kernel::Refuses),
        v6(22, "csum_start_53_is_refused_over_ipv6")
            .hdr(|hdr| hdr.csum_start = 53)
            .refused(ChecksumStartTooSmall, Kernel::Drops),
        start(
            "csum_start_near_the_end_is_refused",
            265,
            HeaderBeyondChain,
            Kernel::Refuses,
        ),
        start("csum_start_ffff_is_refused", 0xFFFF, HeaderBeyondChain, Kernel::Refuses),
        v4(22, "csum_start_two_words_late_is_refused")
            .hdr(|hdr| hdr.csum_start = 42)
            .frame(|frame| frame[54] = 0x50)
            .refused(NetworkHeaderLength, Kernel::Drops),
        checksum_only(22, "a_checksum_beyond_the_frame_is_refused", Packet::tcp4(0))
            .hdr(|hdr| hdr.csum_offset = 19)
            .refused(HeaderBeyondChain, Kernel::Refuses),
        checksum_only(
            22,
            "a_checksum_that_starts_beyond_the_frame_is_refused",
            Packet::tcp4(100),
        )
        .hdr(|hdr| hdr.csum_start = 0xFFFF)
        .refused(HeaderBeyondChain, Kernel::Refuses),
    ]
}

fn types() -> Vec<Case> {
    vec![
        v6(22, "tcpv4_on_ipv6_is_refused")
            .hdr(|hdr| hdr.gso_type = gso::TCPV4)
            .refused(ProtocolMismatch, Kernel::Drops),
        cut(
            22,
            "tcpv6_on_ipv4_is_refused",
            Packet::tcp4(230).with(|p| p.ip_options = vec![1; 20]),
            100,
        )
        .hdr(|hdr| hdr.gso_type = gso::TCPV6)
        .refused(ProtocolMismatch, Kernel::Drops),
        v4(22, "tcpv6_on_ipv4_without_options_is_refused")
            .hdr(|hdr| hdr.gso_type = gso::TCPV6)
            .refused(ChecksumStartTooSmall, Kernel::Refuses),
        v4(22, "version_6_in_ipv4_is_refused")
            .frame(|frame| frame[14] = 0x65)
            .refused(ProtocolMismatch, VERSION),
        v6(22, "version_4_in_ipv6_is_refused")
            .frame(|frame| frame[14] = 0x40)
            .refused(ProtocolMismatch, VERSION),
        v4(22, "another_ether_type_is_refused")
            .frame(|frame| frame[12..14].copy_from_slice(&[0x88, 0xB6]))
            .refused(ProtocolMismatch, Kernel::Drops),
        v4(22, "tcpv4_without_tcp_is_refused")
            .frame(|frame| frame[23] = 17)
            .refused(ProtocolMismatch, Kernel::Drops),
    ]
}

const VERSION: Kernel = Kernel::Differs("The kernel goes by the EtherType and does not look at the version.");

fn tags() -> Vec<Case> {
    let tagged = |name: &'static str, tags: &[u16]| {
        cut(
            22,
            name,
            Packet::tcp4(230).with(|packet| packet.tags = tags.to_vec()),
            100,
        )
    };
    vec![
        tagged("tag_type_9100_is_refused", &[0x9100]).refused(ProtocolMismatch, Kernel::Drops),
        tagged("tag_type_9100_behind_a_tag_is_refused", &[0x8100, 0x9100]).refused(ProtocolMismatch, Kernel::Drops),
        tagged("a_third_tag_is_refused", &[0x88A8, 0x8100, 0x8100]).refused(
            ProtocolMismatch,
            Kernel::Differs("The kernel takes up to eight tags; no standard has more than two."),
        ),
    ]
}

fn headers() -> Vec<Case> {
    let doff = |name: &'static str, doff: u8, kernel: Kernel| {
        v4(22, name)
            .frame(|frame| frame[46] = doff << 4)
            .refused(DataOffsetTooSmall, kernel)
    };
    let ihl = |name: &'static str, first: u8| {
        v4(22, name)
            .frame(|frame| frame[14] = first)
            .refused(NetworkHeaderLength, Kernel::Drops)
    };
    let long = Packet::tcp6(230).with(|packet| {
        packet.extensions = vec![(60, vec![0; 134]), (60, vec![0; 6])];
        packet.tcp_options = vec![1; 40];
    });
    assert!(long.header_bytes() > HEADER_BYTES_MAX);
    vec![
        doff("a_data_offset_of_0_is_refused", 0, Kernel::Drops),
        doff("a_data_offset_of_4_is_refused", 4, Kernel::Drops),
        cut(22, "options_beyond_the_frame_are_refused", Packet::tcp4(39), 10)
            .frame(|frame| frame[46] = 0xF0)
            .refused(HeaderBeyondChain, Kernel::Drops),
        ihl("an_ihl_of_0_is_refused", 0x40),
        ihl("an_ihl_of_4_is_refused", 0x44),
        ihl("an_ihl_that_misses_csum_start_is_refused", 0x46),
        ihl("an_ihl_of_15_without_options_is_refused", 0x4F),
        cut(
            22,
            "a_tag_before_a_short_csum_start_is_refused",
            Packet::tcp6(230).with(|p| p.tags = vec![0x8100]),
            100,
        )
        .hdr(|hdr| hdr.csum_start -= 2)
        .frame(|frame| frame[68] = 0x50)
        .refused(NetworkHeaderLength, Kernel::Drops),
        cut(22, "a_template_of_more_than_256_bytes_is_refused", long, 100).refused(HeaderTooLong, NO_LIMIT),
    ]
}

fn features() -> Vec<Case> {
    let without = |draft: Draft, features: u64| {
        draft
            .settings(|settings| settings.features &= !features)
            .refused(FeatureNotNegotiated, NO_FEATURES)
    };
    let ecn = v4(22, "the_ecn_bit_that_was_not_negotiated_is_refused").hdr(|hdr| hdr.gso_type |= gso::ECN);
    let alone = checksum_only(22, "a_checksum_that_was_not_negotiated_is_refused", Packet::tcp4(230));
    vec![
        without(v4(22, "tcpv4_that_was_not_negotiated_is_refused"), feature::HOST_TSO4),
        without(v6(22, "tcpv6_that_was_not_negotiated_is_refused"), feature::HOST_TSO6),
        without(ecn, feature::HOST_ECN),
        without(alone, feature::CSUM),
        v4(22, "other_features_are_not_asked_for")
            .settings(|settings| settings.features &= !(feature::HOST_TSO6 | feature::HOST_ECN | feature::HOST_USO))
            .cut(&[100, 100, 30]),
    ]
}

fn lengths() -> Vec<Case> {
    let sized = |name: &'static str, bytes: usize| {
        let frame: Vec<u8> = Packet::tcp4(FRAME_BYTES_MAX + 1).finished()[..bytes].to_vec();
        Draft {
            frame,
            ..plain(22, name, Packet::tcp4(0))
        }
    };
    let longest = sized("a_frame_of_9856_bytes_passes", FRAME_BYTES_MAX);
    let frame = longest.frame.clone();
    vec![
        longest.gives(vec![frame]),
        sized("a_frame_of_9857_bytes_is_refused", FRAME_BYTES_MAX + 1).refused(FrameTooLong, NO_LIMIT),
        checksum_only(
            22,
            "a_long_frame_with_a_checksum_to_complete_is_refused",
            Packet::tcp4(9_803),
        )
        .refused(FrameTooLong, NO_LIMIT),
        sized("a_frame_of_13_bytes_is_refused", 13).refused(FrameTooShort, Kernel::Refuses),
        sized("a_frame_of_one_byte_is_refused", 1).refused(FrameTooShort, Kernel::Refuses),
    ]
}

const ONE_SEGMENT: Kernel = Kernel::Differs(
    "The kernel counts TCP options as payload when it asks whether there is anything to cut; then it finds one segment \
     and drops it.",
);

fn no_payload() -> Vec<Case> {
    vec![
        cut(24, "no_payload_is_one_packet", Packet::tcp4(0), 100).whole(),
        cut(24, "no_payload_is_one_packet_over_ipv6", Packet::tcp6(0), 100).whole(),
        cut(
            24,
            "no_payload_with_all_flags",
            Packet::tcp4(0).with(|p| p.flags = 0xFFF),
            1,
        )
        .whole(),
        cut(
            24,
            "no_payload_with_options_and_an_mss_of_one",
            Packet::tcp6(0).with(|p| p.tcp_options = vec![1; 40]),
            1,
        )
        .whole()
        .kernel(ONE_SEGMENT),
        seeded(24, "no_payload_with_an_lso_seed", Packet::tcp4(0), 100, Seed::Lso)
            .whole()
            .kernel(super::checksum::LSO),
    ]
}
