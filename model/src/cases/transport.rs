//! Rules 10 to 14: the TCP header.

use super::packet::flag::{ACK, AE, CWR, ECE, FIN, PSH, RST, SYN, URG};
use super::packet::Packet;
use super::{cut, Case, Draft, Kernel};
use crate::virtio_net_hdr::gso;

const NO_MASKS: Kernel = Kernel::NotAsked("The kernel has no flag masks.");
const NO_ACCURATE_ECN: Kernel = Kernel::NotAsked("virtio_net_hdr cannot tell the kernel of accurate ECN.");

pub(super) fn cases() -> Vec<Case> {
    [sequences(), copied(), fin_and_psh(), cwr(), other_flags(), masks()].concat()
}

fn sequences() -> Vec<Case> {
    let sequence = |sequence: u32| move |packet: &mut Packet| packet.sequence = sequence;
    let at_4_gib: Vec<u32> = vec![0xFFFF_FFFF, 0, 1, 2];
    vec![
        cut(
            10,
            "the_sequence_number_counts_bytes",
            Packet::tcp4(230).with(sequence(1000)),
            100,
        )
        .cut(&[100, 100, 30])
        .sequences(&[1000, 1100, 1200]),
        cut(
            10,
            "the_sequence_number_carries_into_the_high_half",
            Packet::tcp6(230).with(sequence(0x0000_FFC0)),
            100,
        )
        .cut(&[100, 100, 30])
        .sequences(&[0xFFC0, 0x1_0024, 0x1_0088]),
        cut(
            10,
            "the_sequence_number_wraps",
            Packet::tcp4(230).with(sequence(0xFFFF_FF9C)),
            100,
        )
        .cut(&[100, 100, 30])
        .sequences(&[0xFFFF_FF9C, 0, 100]),
        cut(
            10,
            "the_sequence_number_wraps_over_ipv6",
            Packet::tcp6(230).with(sequence(0xFFFF_FF9D)),
            100,
        )
        .cut(&[100, 100, 30])
        .sequences(&[0xFFFF_FF9D, 1, 101]),
        cut(
            10,
            "the_sequence_number_wraps_byte_by_byte",
            Packet::tcp4(4).with(sequence(0xFFFF_FFFF)),
            1,
        )
        .cut(&[1; 4])
        .sequences(&at_4_gib),
        cut(
            10,
            "the_sequence_number_advances_by_9600",
            Packet::tcp4(20_000).with(sequence(0xFFFF_0000)),
            9600,
        )
        .cut(&[9600, 9600, 800])
        .sequences(&[0xFFFF_0000, 0xFFFF_2580, 0xFFFF_4B00]),
        cut(
            10,
            "one_packet_keeps_its_sequence_number",
            Packet::tcp4(50).with(sequence(0xFFFF_FFFF)),
            100,
        )
        .whole(),
    ]
}

fn copied() -> Vec<Case> {
    let window = |window: u16| move |packet: &mut Packet| packet.window = window;
    let urgent = |packet: &mut Packet| (packet.flags, packet.urgent) = (ACK | URG, 0xFFFF);
    let unflagged = |packet: &mut Packet| packet.urgent = 50;
    let timestamps = |packet: &mut Packet| packet.tcp_options = vec![8, 10, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 1, 0, 0];
    vec![
        cut(10, "a_window_of_0_is_copied", Packet::tcp4(230).with(window(0)), 100).cut(&[100, 100, 30]),
        cut(
            10,
            "a_window_of_ffff_is_copied",
            Packet::tcp6(230).with(window(0xFFFF)),
            100,
        )
        .cut(&[100, 100, 30]),
        cut(10, "the_urgent_pointer_is_copied", Packet::tcp4(230).with(urgent), 100).cut(&[100, 100, 30]),
        cut(
            10,
            "an_urgent_pointer_without_urg_is_copied",
            Packet::tcp4(230).with(unflagged),
            100,
        )
        .cut(&[100, 100, 30]),
        cut(10, "timestamps_do_not_count", Packet::tcp4(230).with(timestamps), 100).cut(&[100, 100, 30]),
    ]
}

/// Three segments with these TCP flags in the template.
fn flagged(rule: u8, name: &'static str, flags: u16) -> Draft {
    cut(rule, name, Packet::tcp4(230).with(|packet| packet.flags = flags), 100)
}

fn flagged6(rule: u8, name: &'static str, flags: u16) -> Draft {
    cut(rule, name, Packet::tcp6(230).with(|packet| packet.flags = flags), 100)
}

/// Two segments: a first and a last one, none between.
fn two(rule: u8, name: &'static str, flags: u16) -> Draft {
    cut(rule, name, Packet::tcp4(150).with(|packet| packet.flags = flags), 100)
}

fn fin_and_psh() -> Vec<Case> {
    vec![
        flagged(11, "fin_on_the_last", ACK | FIN)
            .cut(&[100, 100, 30])
            .flags(&[ACK, ACK, ACK | FIN]),
        flagged(11, "psh_on_the_last", ACK | PSH)
            .cut(&[100, 100, 30])
            .flags(&[ACK, ACK, ACK | PSH]),
        flagged(11, "fin_and_psh_on_the_last", ACK | FIN | PSH)
            .cut(&[100, 100, 30])
            .flags(&[ACK, ACK, ACK | FIN | PSH]),
        flagged6(11, "fin_and_psh_on_the_last_over_ipv6", ACK | FIN | PSH)
            .cut(&[100, 100, 30])
            .flags(&[ACK, ACK, ACK | FIN | PSH]),
        two(11, "fin_and_psh_on_the_second_of_two", ACK | FIN | PSH)
            .cut(&[100, 50])
            .flags(&[ACK, ACK | FIN | PSH]),
        flagged(11, "fin_alone", FIN).cut(&[100, 100, 30]).flags(&[0, 0, FIN]),
        cut(
            11,
            "psh_on_the_last_of_full_size",
            Packet::tcp4(300).with(|p| p.flags = ACK | PSH),
            100,
        )
        .cut(&[100, 100, 100])
        .flags(&[ACK, ACK, ACK | PSH]),
        cut(
            11,
            "fin_and_psh_stay_on_one_packet",
            Packet::tcp4(100).with(|p| p.flags = ACK | FIN | PSH),
            100,
        )
        .whole(),
    ]
}

fn cwr() -> Vec<Case> {
    let ecn = |draft: Draft| draft.hdr(|hdr| hdr.gso_type |= gso::ECN);
    vec![
        flagged(12, "cwr_on_the_first", ACK | CWR)
            .cut(&[100, 100, 30])
            .flags(&[ACK | CWR, ACK, ACK]),
        ecn(flagged(12, "cwr_on_the_first_when_the_type_says_ecn", ACK | CWR))
            .cut(&[100, 100, 30])
            .flags(&[ACK | CWR, ACK, ACK]),
        ecn(flagged6(12, "cwr_on_the_first_over_ipv6", ACK | CWR))
            .cut(&[100, 100, 30])
            .flags(&[ACK | CWR, ACK, ACK]),
        two(12, "cwr_on_the_first_of_two", ACK | CWR)
            .cut(&[100, 50])
            .flags(&[ACK | CWR, ACK]),
        ecn(flagged(12, "the_ecn_bit_of_the_type_sets_no_cwr", ACK)).cut(&[100, 100, 30]),
        flagged(12, "cwr_psh_and_fin_together", ACK | CWR | PSH | FIN)
            .cut(&[100, 100, 30])
            .flags(&[ACK | CWR, ACK, ACK | PSH | FIN]),
        ecn(cut(
            12,
            "cwr_stays_on_one_packet",
            Packet::tcp4(100).with(|p| p.flags = ACK | CWR),
            100,
        ))
        .whole(),
        flagged(12, "accurate_ecn_copies_cwr_to_all", ACK | AE | CWR | ECE)
            .settings(accurate_ecn)
            .cut(&[100, 100, 30])
            .kernel(NO_ACCURATE_ECN),
    ]
}

fn accurate_ecn(settings: &mut crate::segment::SegmentSettings) {
    (settings.flags_first, settings.flags_middle, settings.flags_last) = (0xFF6, 0xFF6, 0xFFF);
}

fn other_flags() -> Vec<Case> {
    vec![
        flagged(13, "ece_on_all", ACK | ECE).cut(&[100, 100, 30]),
        flagged6(13, "ece_on_all_over_ipv6", ACK | ECE).cut(&[100, 100, 30]),
        flagged(13, "urg_on_all", ACK | URG).cut(&[100, 100, 30]),
        flagged(13, "ack_on_none", 0).cut(&[100, 100, 30]),
        flagged(13, "rst_on_all", ACK | RST).cut(&[100, 100, 30]),
        flagged(13, "syn_on_all", SYN).cut(&[100, 100, 30]),
        flagged(13, "ae_on_all", ACK | AE).cut(&[100, 100, 30]),
        flagged(13, "reserved_bits_on_all", ACK | 0xE00).cut(&[100, 100, 30]),
        flagged(13, "ece_and_cwr_together", ACK | ECE | CWR)
            .cut(&[100, 100, 30])
            .flags(&[ACK | ECE | CWR, ACK | ECE, ACK | ECE]),
        two(13, "all_that_are_copied_on_both_of_two", 0xF76).cut(&[100, 50]),
    ]
}

fn masks() -> Vec<Case> {
    vec![
        flagged(14, "all_flags_through_the_masks_of_reset", 0xFFF)
            .cut(&[100, 100, 30])
            .flags(&[0xFF6, 0xF76, 0xF7F]),
        flagged6(14, "all_flags_through_the_masks_of_reset_over_ipv6", 0xFFF)
            .cut(&[100, 100, 30])
            .flags(&[0xFF6, 0xF76, 0xF7F]),
        two(14, "all_flags_on_two_segments", 0xFFF)
            .cut(&[100, 50])
            .flags(&[0xFF6, 0xF7F]),
        flagged(14, "the_data_offset_is_never_masked", 0xFFF)
            .settings(|settings| (settings.flags_first, settings.flags_middle, settings.flags_last) = (0, 0, 0))
            .cut(&[100, 100, 30])
            .flags(&[0, 0, 0])
            .kernel(NO_MASKS),
        flagged(14, "masks_that_clear_nothing", 0xFFF)
            .settings(|settings| {
                (settings.flags_first, settings.flags_middle, settings.flags_last) = (0xFFF, 0xFFF, 0xFFF)
            })
            .cut(&[100, 100, 30])
            .kernel(NO_MASKS),
        cut(
            14,
            "each_mask_has_its_segments",
            Packet::tcp4(430).with(|p| p.flags = 0xFFF),
            100,
        )
        .settings(|settings| (settings.flags_first, settings.flags_middle, settings.flags_last) = (0x111, 0x222, 0x444))
        .cut(&[100, 100, 100, 100, 30])
        .flags(&[0x111, 0x222, 0x222, 0x222, 0x444])
        .kernel(NO_MASKS),
        two(14, "two_segments_have_no_middle", 0xFFF)
            .settings(|settings| (settings.flags_first, settings.flags_middle, settings.flags_last) = (0xAAA, 0, 0x555))
            .cut(&[100, 50])
            .flags(&[0xAAA, 0x555])
            .kernel(NO_MASKS),
        cut(
            14,
            "one_packet_is_not_masked",
            Packet::tcp4(100).with(|p| p.flags = 0xFFF),
            100,
        )
        .settings(|settings| (settings.flags_first, settings.flags_middle, settings.flags_last) = (0, 0, 0))
        .whole(),
        flagged(14, "accurate_ecn_masks", 0xFFF)
            .settings(accurate_ecn)
            .cut(&[100, 100, 30])
            .flags(&[0xFF6, 0xFF6, 0xFFF])
            .kernel(NO_ACCURATE_ECN),
    ]
}
