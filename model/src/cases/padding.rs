//! Rule 20: padding of short frames.

use super::packet::Packet;
use super::{checksum_only, cut, plain, Case, Draft, Kernel};

const NOT_PADDED: Kernel = Kernel::Differs("The kernel leaves padding to the device.");

pub(super) fn cases() -> Vec<Case> {
    [padded(), bare(), not_padded()].concat()
}

fn pad(draft: Draft) -> Draft {
    draft.settings(|settings| settings.pad = true)
}

fn padded() -> Vec<Case> {
    vec![
        pad(cut(20, "a_tail_of_55_bytes_is_padded", Packet::tcp4(101), 100))
            .cut(&[100, 1])
            .zeros(&[0, 5])
            .pinned(&[(1, 16, 41)])
            .kernel(NOT_PADDED),
        pad(cut(20, "each_short_segment_is_padded", Packet::tcp4(7), 3))
            .cut(&[3, 3, 1])
            .zeros(&[3, 3, 5])
            .kernel(NOT_PADDED),
        pad(cut(20, "a_tail_of_59_bytes_is_padded", Packet::tcp4(105), 100))
            .cut(&[100, 5])
            .zeros(&[0, 1])
            .kernel(NOT_PADDED),
        pad(cut(20, "a_tail_of_60_bytes_is_not_padded", Packet::tcp4(106), 100)).cut(&[100, 6]),
        pad(cut(20, "a_tail_of_61_bytes_is_not_padded", Packet::tcp4(107), 100)).cut(&[100, 7]),
        pad(cut(20, "ipv6_with_tcp_is_never_short", Packet::tcp6(101), 100)).cut(&[100, 1]),
        pad(cut(
            20,
            "a_tag_counts_for_the_60_bytes",
            Packet::tcp4(101).with(|p| p.tags = vec![0x8100]),
            100,
        ))
        .cut(&[100, 1])
        .zeros(&[0, 1])
        .kernel(NOT_PADDED),
        pad(cut(20, "one_packet_is_padded", Packet::tcp4(0), 100))
            .whole()
            .zeros(&[6])
            .kernel(NOT_PADDED),
        pad(cut(20, "a_short_datagram_is_padded", Packet::udp4(101), 100))
            .cut(&[100, 1])
            .zeros(&[0, 17])
            .pinned(&[(1, 16, 29), (1, 38, 9)])
            .kernel(NOT_PADDED),
        pad(checksum_only(
            20,
            "a_completed_checksum_does_not_cover_padding",
            Packet::udp4(3),
        ))
        .whole()
        .zeros(&[15])
        .kernel(NOT_PADDED),
    ]
}

/// A frame without any request, of `bytes` bytes.
fn short(name: &'static str, bytes: usize) -> Case {
    let mut frame = vec![0xA5u8; bytes];
    frame[..14].copy_from_slice(&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xB6]);
    let mut expected = frame.clone();
    expected.extend(vec![0; 60usize.saturating_sub(bytes)]);
    let kernel = if bytes < 60 { NOT_PADDED } else { Kernel::Same };
    let draft = Draft {
        frame,
        ..plain(20, name, Packet::tcp4(0))
    };
    pad(draft).gives(vec![expected]).kernel(kernel)
}

fn bare() -> Vec<Case> {
    vec![
        short("an_ethernet_header_alone_is_padded", 14),
        short("a_frame_of_42_bytes_is_padded", 42),
        short("a_frame_of_59_bytes_is_padded", 59),
        short("a_frame_of_60_bytes_is_not_padded", 60),
        short("a_frame_of_61_bytes_is_not_padded", 61),
    ]
}

fn not_padded() -> Vec<Case> {
    vec![
        cut(20, "nothing_is_padded_unless_asked_for", Packet::tcp4(101), 100).cut(&[100, 1]),
        cut(20, "a_datagram_is_not_padded_unless_asked_for", Packet::udp4(101), 100).cut(&[100, 1]),
        checksum_only(20, "a_short_frame_is_not_padded_unless_asked_for", Packet::udp4(3)).whole(),
    ]
}
