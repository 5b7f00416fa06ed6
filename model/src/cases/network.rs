//! Rules 5 to 9: the IP header.

use super::packet::Packet;
use super::{checksum_only, cut, Case, Kernel};
use crate::refusal::Refusal;

pub(super) const FRAGMENT_SENT: Kernel =
    Kernel::Differs("The kernel cuts fragments as if they were whole packets; no stack makes such super-frames.");
const NO_FIFTEEN: Kernel = Kernel::NotAsked("The kernel's IDs always count modulo 2^16.");
const NO_FIXED: Kernel = Kernel::NotAsked("virtio_net_hdr cannot ask the kernel for a fixed ID.");

pub(super) fn cases() -> Vec<Case> {
    [
        lengths(),
        header_checksums(),
        ids(),
        ids_chosen(),
        copied(),
        fragments(),
        extensions(),
        chains_broken(),
    ]
    .concat()
}

fn lengths() -> Vec<Case> {
    let length = |length: u16| move |packet: &mut Packet| packet.ip_length = Some(length);
    let optioned = |packet: &mut Packet| {
        packet.ip_options = vec![1; 4];
        packet.ip_length = Some(0);
    };
    vec![
        cut(5, "a_length_of_0_is_not_read", Packet::tcp4(230).with(length(0)), 100)
            .cut(&[100, 100, 30])
            .pinned(&[(0, 16, 140), (1, 16, 140), (2, 16, 70)]),
        cut(
            5,
            "a_length_of_ffff_is_not_read",
            Packet::tcp4(230).with(length(0xFFFF)),
            100,
        )
        .cut(&[100, 100, 30]),
        cut(
            5,
            "a_length_of_one_segment_is_not_read",
            Packet::tcp4(230).with(length(140)),
            100,
        )
        .cut(&[100, 100, 30]),
        cut(
            5,
            "a_length_below_the_header_is_not_read",
            Packet::tcp4(230).with(length(19)),
            100,
        )
        .cut(&[100, 100, 30]),
        cut(5, "the_length_counts_options", Packet::tcp4(230).with(optioned), 100)
            .cut(&[100, 100, 30])
            .pinned(&[(0, 16, 144), (1, 16, 144), (2, 16, 74)]),
        cut(
            5,
            "the_length_does_not_count_tags",
            Packet::tcp4(150).with(|p| p.tags = vec![0x8100]),
            100,
        )
        .cut(&[100, 50])
        .pinned(&[(0, 20, 140), (1, 20, 90)]),
    ]
}

fn header_checksums() -> Vec<Case> {
    let check = |check: u16| move |packet: &mut Packet| packet.ip_check = Some(check);
    // The ID makes the header of the first segment of 100 bytes sum to 0xFFFF.
    let zero = Packet::tcp4(150).with(|packet| {
        let first = packet.clone().with(|first| first.payload.truncate(100));
        let sums_to_ffff = |id: &u16| first.clone().with(|p| p.id = *id).finished()[24..26] == [0, 0];
        packet.id = (1..0xFFFF).find(sums_to_ffff).expect("an ID makes up for any header");
    });
    vec![
        cut(
            6,
            "a_header_checksum_of_0_is_not_read",
            Packet::tcp4(230).with(check(0)),
            100,
        )
        .cut(&[100, 100, 30]),
        cut(
            6,
            "a_header_checksum_of_ffff_is_not_read",
            Packet::tcp4(230).with(check(0xFFFF)),
            100,
        )
        .cut(&[100, 100, 30]),
        cut(
            6,
            "a_wrong_header_checksum_is_not_read",
            Packet::tcp4(230).with(check(0xBEEF)),
            100,
        )
        .cut(&[100, 100, 30])
        .pinned(&[(0, 24, 0x3BB6), (1, 24, 0x3BB5), (2, 24, 0x3BFA)]),
        cut(
            6,
            "the_header_checksum_covers_options",
            Packet::tcp4(230).with(|p| p.ip_options = vec![0x44; 40]),
            100,
        )
        .cut(&[100, 100, 30]),
        cut(6, "a_header_checksum_of_0_is_sent", zero, 100)
            .cut(&[100, 50])
            .pinned(&[(0, 24, 0)]),
    ]
}

fn ids() -> Vec<Case> {
    let id = |id: u16| move |packet: &mut Packet| packet.id = id;
    let no_df = |packet: &mut Packet| packet.fragment = 0;
    vec![
        cut(
            7,
            "the_id_counts_from_that_of_the_template",
            Packet::tcp4(230).with(id(0x00FF)),
            100,
        )
        .cut(&[100, 100, 30])
        .ids(&[0x00FF, 0x0100, 0x0101]),
        cut(7, "the_id_counts_from_0", Packet::tcp4(230).with(id(0)), 100)
            .cut(&[100, 100, 30])
            .ids(&[0, 1, 2]),
        cut(7, "the_id_wraps_at_16_bits", Packet::tcp4(230).with(id(0xFFFF)), 100)
            .cut(&[100, 100, 30])
            .ids(&[0xFFFF, 0, 1]),
        cut(7, "the_id_passes_15_bits", Packet::tcp4(230).with(id(0x7FFF)), 100)
            .cut(&[100, 100, 30])
            .ids(&[0x7FFF, 0x8000, 0x8001]),
        cut(7, "the_id_counts_without_df_too", Packet::tcp4(230).with(no_df), 100)
            .cut(&[100, 100, 30])
            .ids(&[0x1234, 0x1235, 0x1236]),
        cut(7, "one_packet_keeps_its_id", Packet::tcp4(30).with(id(0xFFFF)), 100).whole(),
    ]
}

fn ids_chosen() -> Vec<Case> {
    let id = |id: u16| move |packet: &mut Packet| packet.id = id;
    let no_df = |packet: &mut Packet| (packet.id, packet.fragment) = (0x1FFF, 0x0000);
    let reserved = |packet: &mut Packet| (packet.id, packet.fragment) = (0x1FFF, 0x8000);
    vec![
        cut(
            7,
            "fifteen_bits_keep_a_bit_15_that_is_set",
            Packet::tcp4(230).with(id(0xFFFF)),
            100,
        )
        .settings(|settings| settings.id_fifteen_bits = true)
        .cut(&[100, 100, 30])
        .ids(&[0xFFFF, 0x8000, 0x8001])
        .kernel(NO_FIFTEEN),
        cut(
            7,
            "fifteen_bits_keep_a_bit_15_that_is_clear",
            Packet::tcp4(230).with(id(0x7FFE)),
            100,
        )
        .settings(|settings| settings.id_fifteen_bits = true)
        .cut(&[100, 100, 30])
        .ids(&[0x7FFE, 0x7FFF, 0x0000])
        .kernel(NO_FIFTEEN),
        cut(
            7,
            "fifteen_bits_count_as_sixteen_below_the_wrap",
            Packet::tcp4(230).with(id(0x9000)),
            100,
        )
        .settings(|settings| settings.id_fifteen_bits = true)
        .cut(&[100, 100, 30])
        .ids(&[0x9000, 0x9001, 0x9002]),
        cut(7, "a_fixed_id_with_df", Packet::tcp4(230).with(id(0xABCD)), 100)
            .settings(|settings| settings.id_fixed = true)
            .cut(&[100, 100, 30])
            .ids(&[0xABCD; 3])
            .kernel(NO_FIXED),
        cut(
            7,
            "a_fixed_id_with_df_and_fifteen_bits",
            Packet::tcp4(150).with(id(0x7FFF)),
            100,
        )
        .settings(|settings| (settings.id_fixed, settings.id_fifteen_bits) = (true, true))
        .cut(&[100, 50])
        .ids(&[0x7FFF; 2])
        .kernel(NO_FIXED),
        cut(7, "a_fixed_id_counts_without_df", Packet::tcp4(230).with(no_df), 100)
            .settings(|settings| settings.id_fixed = true)
            .cut(&[100, 100, 30])
            .ids(&[0x1FFF, 0x2000, 0x2001]),
        cut(
            7,
            "a_fixed_id_counts_when_only_the_reserved_bit_is_set",
            Packet::tcp4(230).with(reserved),
            100,
        )
        .settings(|settings| settings.id_fixed = true)
        .cut(&[100, 100, 30])
        .ids(&[0x1FFF, 0x2000, 0x2001]),
        cut(7, "a_fixed_id_means_nothing_to_ipv6", Packet::tcp6(230), 100)
            .settings(|settings| settings.id_fixed = true)
            .cut(&[100, 100, 30]),
    ]
}

fn copied() -> Vec<Case> {
    let fragment = |fragment: u16| move |packet: &mut Packet| packet.fragment = fragment;
    let options = |options: &'static [u8]| move |packet: &mut Packet| packet.ip_options = options.to_vec();
    vec![
        cut(8, "df_is_copied", Packet::tcp4(230).with(fragment(0x4000)), 100).cut(&[100, 100, 30]),
        cut(8, "df_is_not_set", Packet::tcp4(230).with(fragment(0)), 100).cut(&[100, 100, 30]),
        cut(
            8,
            "the_reserved_bit_is_copied",
            Packet::tcp4(230).with(fragment(0xC000)),
            100,
        )
        .cut(&[100, 100, 30]),
        cut(
            8,
            "tos_and_ecn_bits_are_copied",
            Packet::tcp4(230).with(|p| p.tos = 0xFF),
            100,
        )
        .cut(&[100, 100, 30]),
        cut(8, "ect_0_is_copied", Packet::tcp4(230).with(|p| p.tos = 2), 100).cut(&[100, 100, 30]),
        cut(8, "a_ttl_of_1_is_copied", Packet::tcp4(230).with(|p| p.ttl = 1), 100).cut(&[100, 100, 30]),
        cut(
            8,
            "a_ttl_of_255_is_copied",
            Packet::tcp4(230).with(|p| p.ttl = 255),
            100,
        )
        .cut(&[100, 100, 30]),
        cut(
            8,
            "an_option_of_4_bytes_is_copied",
            Packet::tcp4(230).with(options(&[148, 4, 0, 0])),
            100,
        )
        .cut(&[100, 100, 30]),
        cut(
            8,
            "record_route_is_copied",
            Packet::tcp4(230).with(options(&[7, 11, 4, 1, 2, 3, 4, 5, 6, 7, 8, 0])),
            100,
        )
        .cut(&[100, 100, 30]),
        cut(
            8,
            "options_of_40_bytes_are_copied",
            Packet::tcp4(230).with(options(&[1; 40])),
            100,
        )
        .cut(&[100, 100, 30]),
    ]
}

fn fragments() -> Vec<Case> {
    let fragment = |fragment: u16| Packet::tcp4(230).with(|packet| packet.fragment = fragment);
    vec![
        cut(8, "a_first_fragment_is_refused", fragment(0x2000), 100).refused(Refusal::Fragment, FRAGMENT_SENT),
        cut(8, "a_first_fragment_with_df_is_refused", fragment(0x6000), 100).refused(Refusal::Fragment, FRAGMENT_SENT),
        cut(8, "a_last_fragment_is_refused", fragment(0x0001), 100).refused(Refusal::Fragment, FRAGMENT_SENT),
        cut(8, "a_middle_fragment_is_refused", fragment(0x3000), 100).refused(Refusal::Fragment, FRAGMENT_SENT),
        cut(
            8,
            "a_small_fragment_is_refused",
            fragment(0x2000).with(|p| p.payload.truncate(50)),
            100,
        )
        .refused(Refusal::Fragment, FRAGMENT_SENT),
        checksum_only(8, "a_fragment_that_is_not_to_be_cut_passes", fragment(0x2000)).whole(),
    ]
}

fn extended(extensions: &[(u8, Vec<u8>)]) -> Packet {
    Packet::tcp6(230).with(|packet| packet.extensions = extensions.to_vec())
}

fn routing() -> (u8, Vec<u8>) {
    // Type 2 with one segment left (RFC 6275): the packet ends at the address in it.
    (43, [&[2, 1, 0, 0, 0, 0][..], &[0x5A; 16]].concat())
}

fn extensions() -> Vec<Case> {
    let hop_by_hop = (0, vec![1, 4, 0, 0, 0, 0]);
    let destination = (60, vec![1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let garbage = |length: u16| move |packet: &mut Packet| packet.ip_length = Some(length);
    let routed = extended(&[routing()]).with(|packet| packet.final_destination = Some([0x5A; 16]));
    let all = extended(&[hop_by_hop.clone(), destination.clone(), routing(), destination.clone()])
        .with(|packet| packet.final_destination = Some([0x5A; 16]));
    let fields = |packet: &mut Packet| (packet.tos, packet.ttl) = (0xB9, 1);
    vec![
        cut(
            9,
            "a_payload_length_of_0_is_not_read",
            Packet::tcp6(230).with(garbage(0)),
            100,
        )
        .cut(&[100, 100, 30])
        .pinned(&[(0, 18, 120), (1, 18, 120), (2, 18, 50)]),
        cut(
            9,
            "a_payload_length_of_ffff_is_not_read",
            Packet::tcp6(230).with(garbage(0xFFFF)),
            100,
        )
        .cut(&[100, 100, 30]),
        cut(
            9,
            "class_flow_label_and_hop_limit_are_copied",
            Packet::tcp6(230).with(fields),
            100,
        )
        .cut(&[100, 100, 30]),
        cut(
            9,
            "hop_by_hop_options",
            extended(std::slice::from_ref(&hop_by_hop)),
            100,
        )
        .cut(&[100, 100, 30])
        .pinned(&[(0, 18, 128), (1, 18, 128), (2, 18, 58)]),
        cut(
            9,
            "destination_options",
            extended(std::slice::from_ref(&destination)),
            100,
        )
        .cut(&[100, 100, 30]),
        cut(9, "a_routing_header_moves_the_pseudo_header", routed.clone(), 100).cut(&[100, 100, 30]),
        cut(
            9,
            "a_routing_header_on_one_packet",
            routed.with(|p| p.payload.truncate(90)),
            100,
        )
        .whole(),
        cut(9, "all_extension_headers_in_a_row", all, 100).cut(&[100, 100, 30]),
        cut(
            9,
            "an_extension_header_of_128_bytes",
            extended(&[(60, vec![0; 126])]),
            100,
        )
        .cut(&[100, 100, 30]),
        cut(
            9,
            "extension_headers_behind_a_tag",
            extended(&[hop_by_hop]).with(|p| p.tags = vec![0x8100]),
            100,
        )
        .cut(&[100, 100, 30]),
        cut(
            9,
            "a_length_field_counts_no_tags",
            Packet::tcp6(150).with(|p| p.tags = vec![0x88A8, 0x8100]),
            100,
        )
        .cut(&[100, 50])
        .pinned(&[(0, 26, 120), (1, 26, 70)]),
    ]
}

fn chains_broken() -> Vec<Case> {
    let two = || extended(&[(0, vec![1, 4, 0, 0, 0, 0]), (60, vec![1, 4, 0, 0, 0, 0])]);
    let at = 54;
    let set = |at: usize, value: u8| move |frame: &mut Vec<u8>| frame[at] = value;
    vec![
        cut(9, "a_fragment_header_is_refused", extended(&[(44, vec![0; 6])]), 100)
            .refused(Refusal::Fragment, Kernel::Drops),
        cut(9, "a_fragment_header_behind_options_is_refused", two(), 100)
            .frame(set(at, 44))
            .refused(Refusal::Fragment, Kernel::Drops),
        cut(
            9,
            "an_authentication_header_is_refused",
            extended(&[(51, vec![0; 14])]),
            100,
        )
        .refused(Refusal::ExtensionHeaders, Kernel::Drops),
        cut(9, "tcp_before_csum_start_is_refused", two(), 100)
            .frame(set(at, 6))
            .refused(Refusal::ExtensionHeaders, Kernel::Drops),
        cut(9, "headers_that_lead_to_udp_are_refused", two(), 100)
            .frame(set(at + 8, 17))
            .refused(Refusal::ExtensionHeaders, Kernel::Drops),
        cut(9, "headers_that_pass_csum_start_are_refused", two(), 100)
            .frame(set(at + 9, 1))
            .refused(Refusal::ExtensionHeaders, Kernel::Drops),
        cut(9, "csum_start_within_a_header_is_refused", two(), 100)
            .frame(set(at + 12 + 12, 0x50))
            .hdr(|hdr| hdr.csum_start -= 4)
            .refused(Refusal::ExtensionHeaders, Kernel::Drops),
    ]
}
