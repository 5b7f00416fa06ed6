//! Rules 1 to 4: how a super-frame is cut, and in which order it leaves.

use super::packet::{flag, Packet, Seed};
use super::{checksum_only, cut, plain, seeded, Case};

pub(super) fn cases() -> Vec<Case> {
    [sizes(), large(), one_packet(), template(), order()].concat()
}

fn sizes() -> Vec<Case> {
    vec![
        cut(1, "one_byte_more_than_the_mss", Packet::tcp4(101), 100).cut(&[100, 1]),
        cut(1, "one_byte_more_than_the_mss_over_ipv6", Packet::tcp6(101), 100).cut(&[100, 1]),
        cut(1, "twice_the_mss_has_no_empty_tail", Packet::tcp4(200), 100).cut(&[100, 100]),
        cut(1, "twice_the_mss_has_no_empty_tail_over_ipv6", Packet::tcp6(200), 100).cut(&[100, 100]),
        cut(1, "one_byte_less_than_twice_the_mss", Packet::tcp4(199), 100).cut(&[100, 99]),
        cut(1, "one_byte_more_than_twice_the_mss", Packet::tcp4(201), 100).cut(&[100, 100, 1]),
        cut(1, "a_tail_between_one_and_mss_bytes", Packet::tcp4(230), 100).cut(&[100, 100, 30]),
        cut(1, "ten_times_the_mss", Packet::tcp6(1000), 100).cut(&[100; 10]),
        cut(1, "an_mss_of_one_byte", Packet::tcp4(2), 1).cut(&[1, 1]),
        cut(1, "an_mss_of_one_byte_many_times", Packet::tcp6(60), 1).cut(&[1; 60]),
        cut(1, "an_mss_of_two_bytes", Packet::tcp4(7), 2).cut(&[2, 2, 2, 1]),
        cut(1, "an_mss_of_seven_bytes", Packet::tcp6(50), 7).cut(&[7, 7, 7, 7, 7, 7, 7, 1]),
        cut(1, "an_mss_of_eight_bytes", Packet::tcp4(40), 8).cut(&[8; 5]),
        cut(1, "an_mss_of_536_bytes", Packet::tcp4(1600), 536).cut(&[536, 536, 528]),
    ]
}

fn large() -> Vec<Case> {
    let ethernet: Vec<usize> = [vec![1448; 45], vec![335]].concat();
    let jumbo: Vec<usize> = [vec![8948; 7], vec![2859]].concat();
    vec![
        cut(
            1,
            "the_longest_ipv4_packet_at_ethernet_size",
            Packet::tcp4(65_495),
            1448,
        )
        .cut(&ethernet),
        cut(1, "the_longest_ipv4_packet_at_jumbo_size", Packet::tcp4(65_495), 8948).cut(&jumbo),
        cut(1, "an_mss_of_9600_bytes_and_one_more", Packet::tcp4(9601), 9600).cut(&[9600, 1]),
        cut(1, "an_mss_of_9600_bytes_twice", Packet::tcp6(19_200), 9600).cut(&[9600, 9600]),
        cut(1, "an_mss_of_9599_bytes", Packet::tcp6(20_000), 9599).cut(&[9599, 9599, 802]),
    ]
}

fn one_packet() -> Vec<Case> {
    let all_flags = |packet: &mut Packet| packet.flags = 0xFFF;
    let garbage = |packet: &mut Packet| {
        packet.ip_length = Some(0xDEAD);
        packet.ip_check = Some(0xBEEF);
    };
    vec![
        cut(2, "one_byte_is_one_packet", Packet::tcp4(1), 100).whole(),
        cut(2, "one_byte_is_one_packet_over_ipv6", Packet::tcp6(1), 100).whole(),
        cut(2, "one_byte_less_than_the_mss", Packet::tcp4(99), 100).whole(),
        cut(2, "as_many_bytes_as_the_mss", Packet::tcp4(100), 100).whole(),
        cut(2, "as_many_bytes_as_the_mss_over_ipv6", Packet::tcp6(100), 100).whole(),
        cut(2, "one_byte_with_an_mss_of_one", Packet::tcp4(1), 1).whole(),
        cut(2, "9600_bytes_with_an_mss_of_9600", Packet::tcp6(9600), 9600).whole(),
        cut(2, "all_flags_stay", Packet::tcp4(100).with(all_flags), 100).whole(),
        cut(2, "all_flags_stay_over_ipv6", Packet::tcp6(5).with(all_flags), 100).whole(),
        cut(
            2,
            "length_and_header_checksum_stay_as_they_are",
            Packet::tcp4(64).with(garbage),
            100,
        )
        .whole(),
        cut(
            2,
            "the_ipv6_length_stays_as_it_is",
            Packet::tcp6(64).with(|p| p.ip_length = Some(0)),
            100,
        )
        .whole(),
        seeded(2, "one_packet_with_an_lso_seed", Packet::tcp4(77), 100, Seed::Lso)
            .whole()
            .kernel(super::checksum::LSO),
        plain(2, "a_frame_without_any_request_passes", Packet::tcp4(200)).whole(),
        plain(
            2,
            "a_frame_without_any_request_is_not_mended",
            Packet::tcp4(200).with(garbage),
        )
        .whole(),
        checksum_only(2, "a_request_for_a_checksum_alone", Packet::tcp6(1200).with(all_flags)).whole(),
    ]
}

fn template() -> Vec<Case> {
    let timestamps = |packet: &mut Packet| packet.tcp_options = vec![1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8];
    let options =
        |bytes: usize| move |packet: &mut Packet| packet.tcp_options = (0..bytes).map(|at| at as u8 + 0x30).collect();
    let largest = |packet: &mut Packet| {
        packet.tags = vec![0x88A8, 0x8100];
        packet.ip_options = vec![1; 40];
        packet.tcp_options = vec![1; 40];
    };
    let longest = |packet: &mut Packet| {
        packet.tags = vec![0x8100];
        packet.extensions = vec![(60, vec![0; 126])];
        packet.tcp_options = vec![1; 40];
    };
    let tags = |tags: &'static [u16]| move |packet: &mut Packet| packet.tags = tags.to_vec();
    vec![
        cut(3, "a_vlan_tag", Packet::tcp4(230).with(tags(&[0x8100])), 100).cut(&[100, 100, 30]),
        cut(3, "a_vlan_tag_over_ipv6", Packet::tcp6(230).with(tags(&[0x8100])), 100).cut(&[100, 100, 30]),
        cut(3, "a_service_tag", Packet::tcp4(230).with(tags(&[0x88A8])), 100).cut(&[100, 100, 30]),
        cut(
            3,
            "service_tag_and_vlan_tag",
            Packet::tcp4(230).with(tags(&[0x88A8, 0x8100])),
            100,
        )
        .cut(&[100, 100, 30]),
        cut(
            3,
            "service_tag_and_vlan_tag_over_ipv6",
            Packet::tcp6(230).with(tags(&[0x88A8, 0x8100])),
            100,
        )
        .cut(&[100, 100, 30]),
        cut(3, "two_vlan_tags", Packet::tcp4(230).with(tags(&[0x8100, 0x8100])), 100).cut(&[100, 100, 30]),
        cut(
            3,
            "vlan_tag_and_service_tag",
            Packet::tcp4(230).with(tags(&[0x8100, 0x88A8])),
            100,
        )
        .cut(&[100, 100, 30]),
        cut(3, "tcp_timestamps", Packet::tcp4(230).with(timestamps), 100).cut(&[100, 100, 30]),
        cut(3, "tcp_timestamps_over_ipv6", Packet::tcp6(230).with(timestamps), 100).cut(&[100, 100, 30]),
        cut(3, "tcp_options_of_4_bytes", Packet::tcp4(150).with(options(4)), 100).cut(&[100, 50]),
        cut(3, "tcp_options_of_8_bytes", Packet::tcp6(150).with(options(8)), 100).cut(&[100, 50]),
        cut(3, "tcp_options_of_20_bytes", Packet::tcp4(150).with(options(20)), 100).cut(&[100, 50]),
        cut(3, "tcp_options_of_36_bytes", Packet::tcp6(150).with(options(36)), 100).cut(&[100, 50]),
        cut(3, "tcp_options_of_40_bytes", Packet::tcp4(150).with(options(40)), 100).cut(&[100, 50]),
        cut(3, "the_largest_ipv4_template", Packet::tcp4(230).with(largest), 100).cut(&[100, 100, 30]),
        cut(3, "a_template_of_246_bytes", Packet::tcp6(230).with(longest), 100).cut(&[100, 100, 30]),
        cut(
            3,
            "a_template_larger_than_the_payload",
            Packet::tcp4(3).with(largest),
            1,
        )
        .cut(&[1, 1, 1]),
    ]
}

fn order() -> Vec<Case> {
    let marked = |packet: &mut Packet| {
        for (at, byte) in packet.payload.iter_mut().enumerate() {
            *byte = (at / 10) as u8;
        }
    };
    let alike = |packet: &mut Packet| {
        packet.payload.fill(0);
        packet.flags = flag::ACK | flag::PSH;
    };
    vec![
        cut(4, "segments_leave_in_sequence", Packet::tcp4(400).with(marked), 10).cut(&[10; 40]),
        cut(
            4,
            "segments_leave_in_sequence_over_ipv6",
            Packet::tcp6(395).with(marked),
            10,
        )
        .cut(&[&[10; 39][..], &[5]].concat()),
        cut(
            4,
            "equal_payload_is_told_apart_by_id_and_sequence",
            Packet::tcp4(30).with(alike),
            10,
        )
        .cut(&[10, 10, 10])
        .flags(&[flag::ACK, flag::ACK, flag::ACK | flag::PSH]),
    ]
}
