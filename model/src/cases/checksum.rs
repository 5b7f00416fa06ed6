//! Rules 15 to 18: transport checksums.

use super::packet::{sum, Packet, Seed};
use super::{checksum_only, cut, plain, seeded, Case, Draft, Kernel};
use crate::virtio_net_hdr::{VirtioNetHdr, FLAG_NEEDS_CSUM};

/// Why the kernel is not asked about seeds without a length.
pub(super) const LSO: Kernel = Kernel::NotAsked("The kernel's seeds always have the length in them.");
const MANGLED: Kernel = Kernel::Differs(
    "The kernel writes 0xFFFF for 0 into every checksum that it completes in software; only UDP needs it (RFC 768).",
);
const NO_NETWORK_HEADER: Kernel = Kernel::Differs("The kernel wants room for a network header in front of csum_start.");

pub(super) fn cases() -> Vec<Case> {
    [seeds(), wrong_seeds(), segments(), odd(), odd_places(), zeros()].concat()
}

fn seeds() -> Vec<Case> {
    vec![
        cut(15, "a_seed_with_the_length", Packet::tcp4(230), 100)
            .cut(&[100, 100, 30])
            .pinned(&[(0, 50, 0x323B), (1, 50, 0x781D), (2, 50, 0x9B18)]),
        cut(15, "a_seed_with_the_length_over_ipv6", Packet::tcp6(230), 100)
            .cut(&[100, 100, 30])
            .pinned(&[(0, 70, 0x1776), (1, 70, 0x5D58), (2, 70, 0x8053)]),
        seeded(15, "a_seed_without_the_length", Packet::tcp4(230), 100, Seed::Lso)
            .cut(&[100, 100, 30])
            .pinned(&[(0, 50, 0x323B), (1, 50, 0x781D), (2, 50, 0x9B18)])
            .kernel(LSO),
        seeded(
            15,
            "a_seed_without_the_length_over_ipv6",
            Packet::tcp6(230),
            100,
            Seed::Lso,
        )
        .cut(&[100, 100, 30])
        .pinned(&[(0, 70, 0x1776), (1, 70, 0x5D58), (2, 70, 0x8053)])
        .kernel(LSO),
        seeded(
            15,
            "one_packet_without_the_length_in_its_seed",
            Packet::tcp4(77),
            100,
            Seed::Lso,
        )
        .whole()
        .pinned(&[(0, 50, 0xBA42)])
        .kernel(LSO),
        checksum_only(
            15,
            "a_checksum_alone_has_the_length_in_its_seed_always",
            Packet::tcp4(77),
        )
        .settings(|settings| settings.seed_without_length = true)
        .whole()
        .pinned(&[(0, 50, 0xBA42)]),
    ]
}

fn wrong_seeds() -> Vec<Case> {
    let wrong = |error: u16| move |packet: &mut Packet| packet.seed_error = error;
    vec![
        cut(
            15,
            "a_wrong_seed_gives_a_wrong_checksum_and_no_more",
            Packet::tcp4(230).with(wrong(0x1111)),
            100,
        )
        .cut(&[100, 100, 30])
        .pinned(&[(0, 50, 0x323B - 0x1111)]),
        cut(
            15,
            "the_addresses_are_not_summed_again",
            Packet::tcp6(230).with(wrong(0x8000)),
            100,
        )
        .cut(&[100, 100, 30]),
        cut(
            15,
            "a_wrong_seed_on_one_packet",
            Packet::tcp4(23).with(wrong(0x1111)),
            100,
        )
        .whole(),
    ]
}

fn segments() -> Vec<Case> {
    let seven = [&[9600; 6][..], &[7936]].concat();
    let timestamps = |packet: &mut Packet| packet.tcp_options = vec![1, 1, 8, 10, 0xFF, 0xFE, 0xFD, 0xFC, 9, 8, 7, 6];
    let ones = |packet: &mut Packet| packet.payload.fill(0xFF);
    vec![
        cut(16, "a_super_frame_of_more_than_16_bits", Packet::tcp6(65_536), 9600)
            .cut(&seven)
            .pinned(&[(0, 70, 0x19A0), (3, 70, 0x69E0), (6, 70, 0x9E3E)]),
        seeded(
            16,
            "a_super_frame_of_more_than_16_bits_without_length",
            Packet::tcp6(65_536),
            9600,
            Seed::Lso,
        )
        .cut(&seven)
        .pinned(&[(0, 70, 0x19A0), (6, 70, 0x9E3E)])
        .kernel(LSO),
        cut(16, "the_sum_covers_options", Packet::tcp4(2000).with(timestamps), 700).cut(&[700, 700, 600]),
        cut(16, "payload_of_ones", Packet::tcp4(3000).with(ones), 1000).cut(&[1000; 3]),
        cut(
            16,
            "payload_of_zeros",
            Packet::tcp6(3000).with(|p| p.payload.fill(0)),
            1000,
        )
        .cut(&[1000; 3]),
        cut(16, "a_tail_of_another_length", Packet::tcp4(2900), 1448).cut(&[1448, 1448, 4]),
    ]
}

fn odd() -> Vec<Case> {
    let odd_ones: Vec<usize> = vec![1447; 4];
    vec![
        cut(17, "odd_segments", Packet::tcp4(200), 77)
            .cut(&[77, 77, 46])
            .pinned(&[(0, 50, 0xBA42), (1, 50, 0x9BF3)]),
        cut(17, "odd_segments_over_ipv6", Packet::tcp6(200), 77)
            .cut(&[77, 77, 46])
            .pinned(&[(0, 70, 0x9F7D), (1, 70, 0x812E)]),
        cut(17, "odd_segments_and_an_odd_tail", Packet::tcp4(199), 99).cut(&[99, 99, 1]),
        cut(17, "even_segments_and_an_odd_tail", Packet::tcp4(245), 100).cut(&[100, 100, 45]),
        cut(17, "segments_of_one_byte", Packet::tcp4(5), 1).cut(&[1; 5]),
        cut(17, "segments_of_three_bytes", Packet::tcp6(10), 3).cut(&[3, 3, 3, 1]),
        cut(17, "segments_of_1447_bytes", Packet::tcp4(4 * 1447), 1447).cut(&odd_ones),
        cut(17, "an_odd_packet_that_is_not_cut", Packet::tcp4(77), 100)
            .whole()
            .pinned(&[(0, 50, 0xBA42)]),
        checksum_only(17, "an_odd_frame_whose_checksum_is_completed", Packet::tcp6(333)).whole(),
    ]
}

/// A frame without meaning, and the checksum at any place of it.
fn anywhere(rule: u8, name: &'static str, bytes: usize, start: usize, offset: usize) -> Case {
    let mut frame: Vec<u8> = (0..bytes).map(|at| (at * 11 + 3) as u8).collect();
    // The EtherType of a local experiment, so that nothing takes it for IP.
    frame[12..14].copy_from_slice(&[0x88, 0xB6]);
    let hdr = VirtioNetHdr {
        flags: FLAG_NEEDS_CSUM,
        csum_start: start as u16,
        csum_offset: offset as u16,
        ..VirtioNetHdr::default()
    };
    let mut expected = frame.clone();
    let check = !sum(0, &frame[start..]);
    expected[start + offset..start + offset + 2].copy_from_slice(&check.to_be_bytes());
    Draft {
        hdr,
        frame,
        ..plain(rule, name, Packet::tcp4(0))
    }
    .gives(vec![expected])
}

fn odd_places() -> Vec<Case> {
    vec![
        anywhere(17, "a_checksum_from_an_even_place_on", 80, 34, 16),
        anywhere(17, "a_checksum_from_an_odd_place_on", 80, 35, 16),
        anywhere(17, "a_checksum_at_an_odd_place", 80, 34, 17),
        anywhere(17, "a_checksum_from_an_odd_place_at_an_odd_place", 80, 37, 15),
        anywhere(17, "a_checksum_from_an_odd_place_of_an_odd_frame", 81, 35, 0),
        anywhere(17, "a_checksum_of_two_bytes", 60, 58, 0),
        anywhere(17, "a_checksum_over_all_behind_the_ethernet_header", 60, 14, 2).kernel(NO_NETWORK_HEADER),
        anywhere(17, "a_checksum_over_the_whole_frame", 61, 0, 20).kernel(NO_NETWORK_HEADER),
        anywhere(17, "a_checksum_in_the_last_word", 1501, 40, 1459),
    ]
}

fn zeros() -> Vec<Case> {
    let tcp4 = || Packet::tcp4(230).with_check_of_zero(100);
    let tcp6 = || Packet::tcp6(230).with_check_of_zero(100);
    let icmp = || {
        // A checksum at offset 2, as ICMP has it, over bytes that sum to 0xFFFF.
        let mut frame = vec![0u8; 60];
        frame[12..14].copy_from_slice(&[0x88, 0xB6]);
        frame[34..36].copy_from_slice(&[0x08, 0x00]);
        let rest = !sum(0, &frame[34..]);
        frame[40..42].copy_from_slice(&rest.to_be_bytes());
        frame
    };
    let alone = |name: &'static str, offset: u16, check: u16, kernel: Kernel| {
        let mut expected = icmp();
        let at = 34 + usize::from(offset);
        expected[at..at + 2].copy_from_slice(&check.to_be_bytes());
        Draft {
            hdr: VirtioNetHdr {
                flags: FLAG_NEEDS_CSUM,
                csum_start: 34,
                csum_offset: offset,
                ..VirtioNetHdr::default()
            },
            frame: icmp(),
            ..plain(18, name, Packet::tcp4(0))
        }
        .gives(vec![expected])
        .kernel(kernel)
    };
    vec![
        cut(18, "a_tcp_checksum_of_0_is_sent", tcp4(), 100)
            .cut(&[100, 100, 30])
            .pinned(&[(0, 50, 0)]),
        cut(18, "a_tcp_checksum_of_0_is_sent_over_ipv6", tcp6(), 100)
            .cut(&[100, 100, 30])
            .pinned(&[(0, 70, 0)]),
        cut(
            18,
            "a_tcp_checksum_of_0_is_sent_on_one_packet",
            Packet::tcp4(100).with_check_of_zero(100),
            100,
        )
        .whole()
        .pinned(&[(0, 50, 0)])
        .kernel(MANGLED),
        checksum_only(
            18,
            "a_tcp_checksum_alone_of_0_is_sent",
            Packet::tcp4(100).with_check_of_zero(100),
        )
        .whole()
        .pinned(&[(0, 50, 0)])
        .kernel(MANGLED),
        checksum_only(
            18,
            "a_udp_checksum_of_0_becomes_ffff",
            Packet::udp4(100).with_check_of_zero(100),
        )
        .whole()
        .pinned(&[(0, 40, 0xFFFF)]),
        checksum_only(
            18,
            "a_udp_checksum_of_0_becomes_ffff_over_ipv6",
            Packet::udp6(100).with_check_of_zero(100),
        )
        .whole()
        .pinned(&[(0, 60, 0xFFFF)]),
        checksum_only(18, "a_udp_checksum_that_is_not_0_stays", Packet::udp4(100)).whole(),
        checksum_only(18, "a_udp_checksum_of_an_odd_datagram", Packet::udp6(101)).whole(),
        alone("a_checksum_of_0_at_offset_2_is_sent", 2, 0, MANGLED),
        alone("a_checksum_of_0_at_offset_6_becomes_ffff", 6, 0xFFFF, Kernel::Same),
    ]
}
