//! Rule 19: UDP segmentation.

use super::packet::{Packet, Seed};
use super::{cut, seeded, Case, Kernel};
use crate::refusal::Refusal;

const TOO_MANY: Kernel = Kernel::Differs("The kernel refuses more than 128 UDP segments of one super-frame.");
const LENGTH_READ: Kernel =
    Kernel::Differs("The kernel takes the length that it takes out of the seed from the UDP header.");

pub(super) fn cases() -> Vec<Case> {
    [datagrams(), fields(), whole(), refused()].concat()
}

fn datagrams() -> Vec<Case> {
    vec![
        cut(19, "datagrams_over_ipv4", Packet::udp4(230), 100)
            .cut(&[100, 100, 30])
            .ids(&[0x1234, 0x1235, 0x1236])
            .pinned(&[
                (0, 16, 128),
                (0, 38, 108),
                (2, 38, 38),
                (0, 40, 0xBA93),
                (1, 40, 0x00DA),
                (2, 40, 0x247F),
            ]),
        cut(19, "datagrams_over_ipv6", Packet::udp6(230), 100)
            .cut(&[100, 100, 30])
            .pinned(&[
                (0, 18, 108),
                (0, 58, 108),
                (2, 58, 38),
                (0, 60, 0x9FCE),
                (1, 60, 0xE614),
                (2, 60, 0x09BA),
            ]),
        cut(19, "datagrams_without_an_empty_tail", Packet::udp4(300), 100).cut(&[100, 100, 100]),
        cut(19, "a_datagram_of_one_byte_at_the_end", Packet::udp6(201), 100).cut(&[100, 100, 1]),
        cut(19, "odd_datagrams", Packet::udp4(199), 99).cut(&[99, 99, 1]),
        cut(19, "datagrams_of_one_byte", Packet::udp6(5), 1).cut(&[1; 5]),
        cut(19, "datagrams_of_1472_bytes", Packet::udp4(20_000), 1472).cut(&[&[1472; 13][..], &[864]].concat()),
        cut(19, "datagrams_of_9600_bytes", Packet::udp6(30_000), 9600).cut(&[9600, 9600, 9600, 1200]),
        cut(19, "datagrams_128_of_them", Packet::udp4(1280), 10).cut(&[10; 128]),
        cut(19, "datagrams_129_of_them", Packet::udp4(1281), 10)
            .cut(&[&[10; 128][..], &[1]].concat())
            .kernel(TOO_MANY),
    ]
}

fn fields() -> Vec<Case> {
    let garbage = |packet: &mut Packet| (packet.ip_length, packet.ip_check) = (Some(0xDEAD), Some(0xBEEF));
    let tags = |packet: &mut Packet| packet.tags = vec![0x88A8, 0x8100];
    let extended = |packet: &mut Packet| packet.extensions = vec![(0, vec![1, 4, 0, 0, 0, 0])];
    vec![
        cut(
            19,
            "the_id_of_datagrams_wraps",
            Packet::udp4(230).with(|p| p.id = 0xFFFF),
            100,
        )
        .cut(&[100, 100, 30])
        .ids(&[0xFFFF, 0, 1]),
        cut(19, "a_fixed_id_of_datagrams", Packet::udp4(230), 100)
            .settings(|settings| settings.id_fixed = true)
            .cut(&[100, 100, 30])
            .ids(&[0x1234; 3])
            .kernel(Kernel::NotAsked("virtio_net_hdr cannot ask the kernel for a fixed ID.")),
        cut(
            19,
            "ip_length_and_checksum_of_datagrams_are_not_read",
            Packet::udp4(230).with(garbage),
            100,
        )
        .cut(&[100, 100, 30]),
        cut(
            19,
            "the_udp_length_is_not_read",
            Packet::udp4(230).with(|p| p.udp_length = Some(0)),
            100,
        )
        .cut(&[100, 100, 30])
        .kernel(LENGTH_READ),
        cut(19, "datagrams_behind_two_tags", Packet::udp4(230).with(tags), 100).cut(&[100, 100, 30]),
        cut(
            19,
            "datagrams_behind_ipv4_options",
            Packet::udp4(230).with(|p| p.ip_options = vec![1; 12]),
            100,
        )
        .cut(&[100, 100, 30]),
        cut(
            19,
            "datagrams_behind_ipv6_extension_headers",
            Packet::udp6(230).with(extended),
            100,
        )
        .cut(&[100, 100, 30]),
        cut(
            19,
            "flag_masks_do_not_touch_datagrams",
            Packet::udp4(230).with(|p| p.payload.fill(0xFF)),
            100,
        )
        .settings(|settings| (settings.flags_first, settings.flags_middle, settings.flags_last) = (0, 0, 0))
        .cut(&[100, 100, 30]),
        seeded(
            19,
            "datagrams_with_a_seed_without_length",
            Packet::udp4(230),
            100,
            Seed::Lso,
        )
        .cut(&[100, 100, 30])
        .pinned(&[(0, 40, 0xBA93)])
        .kernel(super::checksum::LSO),
        cut(
            19,
            "a_datagram_whose_checksum_is_0_gets_ffff",
            Packet::udp4(230).with_check_of_zero(100),
            100,
        )
        .cut(&[100, 100, 30])
        .pinned(&[(0, 40, 0xFFFF)]),
        cut(
            19,
            "a_datagram_whose_checksum_is_0_gets_ffff_over_ipv6",
            Packet::udp6(230).with_check_of_zero(100),
            100,
        )
        .cut(&[100, 100, 30])
        .pinned(&[(0, 60, 0xFFFF)]),
    ]
}

fn whole() -> Vec<Case> {
    vec![
        cut(19, "a_datagram_of_the_mss_is_one_packet", Packet::udp4(100), 100).whole(),
        cut(19, "a_short_datagram_is_one_packet", Packet::udp6(7), 100).whole(),
        cut(19, "an_empty_datagram_is_one_packet", Packet::udp4(0), 100).whole(),
    ]
}

fn refused() -> Vec<Case> {
    let udp = || Packet::udp4(230);
    vec![
        cut(19, "datagrams_without_needs_csum_are_refused", udp(), 100)
            .hdr(|hdr| hdr.flags = 0)
            .refused(Refusal::GsoWithoutChecksum, Kernel::Refuses),
        cut(19, "datagrams_with_csum_offset_16_are_refused", udp(), 100)
            .hdr(|hdr| hdr.csum_offset = 16)
            .refused(Refusal::ChecksumOffsetWrong, Kernel::Refuses),
        cut(19, "tcp_as_datagrams_is_refused", Packet::tcp4(230), 100)
            .hdr(|hdr| (hdr.gso_type, hdr.csum_offset) = (crate::virtio_net_hdr::gso::UDP_L4, 6))
            .refused(Refusal::ProtocolMismatch, Kernel::Drops),
        cut(19, "datagrams_as_tcp_are_refused", udp(), 100)
            .hdr(|hdr| (hdr.gso_type, hdr.csum_offset) = (crate::virtio_net_hdr::gso::TCPV4, 16))
            .refused(Refusal::DataOffsetTooSmall, Kernel::Drops),
        cut(19, "datagrams_that_were_not_negotiated_are_refused", udp(), 100)
            .settings(|settings| settings.features &= !crate::registers::feature::HOST_USO)
            .refused(Refusal::FeatureNotNegotiated, super::refusals::NO_FEATURES),
        cut(
            19,
            "datagrams_in_fragments_are_refused",
            udp().with(|p| p.fragment = 0x2000),
            100,
        )
        .refused(Refusal::Fragment, super::network::FRAGMENT_SENT),
    ]
}
