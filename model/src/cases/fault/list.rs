//! The faults themselves.

use super::checksums::*;
use super::headers::*;
use super::view::Place::{Ip, L4};
use super::Change::{self, Cut, Each, One, Refused, Unchecked};
use super::Fault;
use crate::refusal::Refusal;

const FIN: u16 = 0x001;
const PSH: u16 = 0x008;
const URG: u16 = 0x020;
const ECE: u16 = 0x040;
const AE: u16 = 0x100;
const DF: u16 = 0x4000;

const fn fault(rule: u8, name: &'static str, change: Change) -> Fault {
    Fault { rule, name, change }
}

/// All faults, by rule.
pub const FAULTS: &[Fault] = &[
    fault(1, "an empty segment behind a multiple of the MSS", Cut(empty_tail)),
    fault(1, "a last segment of one byte is lost", Cut(tail_lost)),
    fault(
        1,
        "a super-frame of a multiple of the MSS loses its last segment",
        Cut(multiple_short),
    ),
    fault(
        2,
        "a super-frame of up to MSS bytes is refused",
        Refused(is_small, Refusal::GsoSizeTooLarge),
    ),
    fault(2, "a packet that is not cut gets its IP length anew", One(relength)),
    fault(
        2,
        "a packet that is not cut loses FIN and PSH",
        One(|view, frame| view.flags(frame, |f| f & !(FIN | PSH))),
    ),
    fault(3, "tags are missing from the second segment on", Each(untag)),
    fault(3, "TCP options stand in the first segment only", Each(options_lost)),
    fault(
        4,
        "segments leave in the order they became ready, the short one first",
        Cut(short_first),
    ),
    fault(
        4,
        "segments leave in reverse",
        Cut(|_, frames| frames.into_iter().rev().collect()),
    ),
    fault(
        5,
        "the IPv4 total length stays that of the template",
        Each(|view, frame, _, _| v4(view, frame, Ip(2), view.given(Ip(2)))),
    ),
    fault(
        5,
        "the IPv4 total length does not count options",
        Each(length_without_options),
    ),
    fault(5, "the last segment has the length of a full one", Each(full_length)),
    fault(
        6,
        "the IPv4 checksum stays that of the template",
        Each(header_check_kept),
    ),
    fault(
        6,
        "the IPv4 checksum is updated from that of the template",
        Each(header_check_updated),
    ),
    fault(6, "the IPv4 checksum does not cover options", Each(header_check_short)),
    fault(6, "an IPv4 checksum of 0 is sent as ffff", Each(header_check_mangled)),
    fault(
        7,
        "the ID does not count",
        Each(|view, frame, _, _| v4(view, frame, Ip(4), view.given(Ip(4)))),
    ),
    fault(
        7,
        "the ID counts from the template's + 1",
        Each(|view, frame, _, _| {
            let value = view.get(frame, Ip(4)).wrapping_add(1);
            v4(view, frame, Ip(4), value)
        }),
    ),
    fault(7, "fifteen bits are not heeded", Each(sixteen_bits)),
    fault(7, "fifteen bits always", Each(fifteen_bits)),
    fault(7, "the ID is never fixed", Each(never_fixed)),
    fault(7, "a fixed ID without DF", Each(fixed_without_df)),
    fault(
        8,
        "DF is cleared",
        Each(|view, frame, _, _| {
            let value = view.get(frame, Ip(6)) & !DF;
            v4(view, frame, Ip(6), value)
        }),
    ),
    fault(
        8,
        "MF is set on all but the last, as in fragments",
        Each(more_fragments),
    ),
    fault(
        8,
        "TOS is cleared",
        Each(|view, frame, _, _| {
            let value = view.get(frame, Ip(0)) & 0xFF00;
            v4(view, frame, Ip(0), value)
        }),
    ),
    fault(8, "fragments are served", Unchecked(Refusal::Fragment)),
    fault(
        9,
        "the IPv6 length stays that of the template",
        Each(|view, frame, _, _| v6(view, frame, view.given(Ip(4)))),
    ),
    fault(
        9,
        "the IPv6 length does not count extension headers",
        Each(|view, frame, _, _| {
            let length = frame.len() - view.l4;
            v6(view, frame, length as u16)
        }),
    ),
    fault(
        9,
        "the pseudo-header has the IPv6 header's destination",
        Each(routing_overlooked),
    ),
    fault(
        9,
        "extension headers are not walked",
        Unchecked(Refusal::ExtensionHeaders),
    ),
    fault(9, "fragment headers are served", Unchecked(Refusal::Fragment)),
    fault(
        10,
        "the sequence number does not advance",
        Each(|view, frame, _, _| sequence(view, frame, |_, _| 0)),
    ),
    fault(
        10,
        "the sequence number advances without carry into the high half",
        Each(no_carry),
    ),
    fault(10, "the urgent pointer counts down", Each(urgent_counts)),
    fault(
        11,
        "FIN and PSH on every segment",
        Each(|view, frame, _, _| view.flags(frame, |f| f | view.given(L4(12)) & (FIN | PSH))),
    ),
    fault(
        11,
        "FIN on every segment",
        Each(|view, frame, _, _| view.flags(frame, |f| f | view.given(L4(12)) & FIN)),
    ),
    fault(
        11,
        "PSH on every segment",
        Each(|view, frame, _, _| view.flags(frame, |f| f | view.given(L4(12)) & PSH)),
    ),
    fault(
        11,
        "FIN and PSH lost on the last too",
        Each(|view, frame, _, _| view.flags(frame, |f| f & !(FIN | PSH))),
    ),
    fault(
        12,
        "CWR on every segment",
        Each(|view, frame, _, _| view.flags(frame, |f| f | view.given(L4(12)) & CWR)),
    ),
    fault(
        12,
        "CWR on none",
        Each(|view, frame, _, _| view.flags(frame, |f| f & !CWR)),
    ),
    fault(
        12,
        "CWR on every segment unless gso_type has the ECN bit",
        Each(cwr_by_type),
    ),
    fault(12, "gso_type's ECN bit sets CWR", Each(cwr_from_type)),
    fault(
        13,
        "ECE stripped from the middle",
        Each(|view, frame, index, last| middle(view, frame, index, last, ECE)),
    ),
    fault(
        13,
        "URG in the first only",
        Each(|view, frame, index, _| view.flags(frame, |f| if index > 0 { f & !URG } else { f })),
    ),
    fault(
        13,
        "AE cleared",
        Each(|view, frame, _, _| view.flags(frame, |f| f & !AE)),
    ),
    fault(
        13,
        "reserved bits cleared",
        Each(|view, frame, _, _| view.flags(frame, |f| f & 0xF1FF)),
    ),
    fault(
        13,
        "SYN and RST cleared",
        Each(|view, frame, _, _| view.flags(frame, |f| f & !6)),
    ),
    fault(13, "ACK set", Each(|view, frame, _, _| view.flags(frame, |f| f | 0x10))),
    fault(14, "the masks of reset always", Each(masks_of_reset)),
    fault(14, "the middle mask on the last of two", Each(middle_mask_on_last)),
    fault(
        14,
        "the last mask on a packet that is not cut",
        One(|view, frame| view.flags(frame, |f| f & (0xF000 | view.case.settings.flags_last))),
    ),
    fault(15, "the seed is taken to be without length", Each(mixed_contract)),
    fault(
        15,
        "one packet has the seed of the other contract",
        One(mixed_contract_one),
    ),
    fault(15, "the pseudo-header is summed anew", Each(pseudo_header_anew)),
    fault(
        16,
        "the length of a full segment is in the last one's sum",
        Each(full_length_summed),
    ),
    fault(
        16,
        "the super-frame's length is summed in 16 bits",
        Each(length_truncated),
    ),
    fault(16, "the TCP options are not summed", Each(options_not_summed)),
    fault(17, "an odd last byte is the low half of its word", Each(odd_low)),
    fault(
        17,
        "an odd last byte of a packet that is not cut is the low half",
        One(odd_low_one),
    ),
    fault(17, "words are counted from the frame's start", One(odd_start)),
    fault(
        18,
        "a TCP checksum of 0 is sent as ffff",
        Each(|view, frame, _, _| mangle(view, frame, 16, 0, 0xFFFF)),
    ),
    fault(
        18,
        "a checksum of 0 in one packet is sent as ffff whatever the protocol",
        One(|view, frame| mangle(view, frame, 16, 0, 0xFFFF)),
    ),
    fault(
        18,
        "a UDP checksum of 0 is sent as it is",
        One(|view, frame| mangle(view, frame, 6, 0xFFFF, 0)),
    ),
    fault(
        19,
        "the UDP length stays that of the super-frame",
        Each(|view, frame, _, _| udp(view, frame, L4(4), view.given(L4(4)))),
    ),
    fault(
        19,
        "the UDP length is that of the IP packet",
        Each(|view, frame, _, _| {
            let value = (frame.len() - view.ip) as u16;
            udp(view, frame, L4(4), value)
        }),
    ),
    fault(19, "datagrams share one ID, like fragments", Each(datagram_id)),
    fault(
        19,
        "a datagram's checksum of 0 is sent as it is",
        Each(|view, frame, _, _| mangle(view, frame, 6, 0xFFFF, 0)),
    ),
    fault(
        19,
        "datagrams are taken without NEEDS_CSUM",
        Unchecked(Refusal::GsoWithoutChecksum),
    ),
    fault(
        19,
        "datagrams are taken with any csum_offset",
        Unchecked(Refusal::ChecksumOffsetWrong),
    ),
    fault(20, "nothing is padded", Each(|view, frame, _, _| unpad(view, frame))),
    fault(20, "one packet is not padded", One(unpad)),
    fault(
        20,
        "everything is padded",
        Each(|_, frame, _, _| frame.resize(frame.len().max(60), 0)),
    ),
    fault(
        20,
        "padding repeats the frame instead of zeros",
        Each(padded_with_payload),
    ),
    fault(
        20,
        "padding counts as payload in the IP length",
        Each(padding_in_length),
    ),
    fault(
        21,
        "hdr_len is taken for the length of the headers",
        Each(hdr_len_trusted),
    ),
    fault(
        21,
        "an hdr_len beyond the frame is refused",
        Refused(
            |case| usize::from(case.hdr.hdr_len) > case.frame.len(),
            Refusal::HeaderBeyondChain,
        ),
    ),
    fault(22, "gso_size 0 is taken", Unchecked(Refusal::GsoSizeZero)),
    fault(22, "any gso_size is taken", Unchecked(Refusal::GsoSizeTooLarge)),
    fault(22, "any gso_type is taken", Unchecked(Refusal::GsoTypeUnknown)),
    fault(22, "features are not heeded", Unchecked(Refusal::FeatureNotNegotiated)),
    fault(
        22,
        "segmentation is done without NEEDS_CSUM",
        Unchecked(Refusal::GsoWithoutChecksum),
    ),
    fault(
        22,
        "csum_offset is not looked at",
        Unchecked(Refusal::ChecksumOffsetWrong),
    ),
    fault(
        22,
        "csum_start is not looked at",
        Unchecked(Refusal::ChecksumStartTooSmall),
    ),
    fault(
        22,
        "the end of the frame is not heeded",
        Unchecked(Refusal::HeaderBeyondChain),
    ),
    fault(
        22,
        "a data offset below 5 is taken",
        Unchecked(Refusal::DataOffsetTooSmall),
    ),
    fault(
        22,
        "the IPv4 header length is not looked at",
        Unchecked(Refusal::NetworkHeaderLength),
    ),
    fault(
        22,
        "the EtherType is not looked at",
        Unchecked(Refusal::ProtocolMismatch),
    ),
    fault(
        22,
        "templates of any length are taken",
        Unchecked(Refusal::HeaderTooLong),
    ),
    fault(22, "frames of any length are taken", Unchecked(Refusal::FrameTooLong)),
    fault(
        22,
        "frames without an Ethernet header are taken",
        Unchecked(Refusal::FrameTooShort),
    ),
    fault(
        24,
        "a super-frame without payload gives nothing",
        Cut(|_, frames| frames),
    ),
    fault(
        24,
        "a super-frame without payload is refused",
        Refused(is_empty, Refusal::HeaderBeyondChain),
    ),
];
