//! Deliberate faults: what implementations get wrong, each as a change to a decision or to the frames that leave. The
//! table is good enough when it notices every one of them by a case of the rule that is broken.
//!
//! A fault that changes a header field keeps the checksums consistent with it, as a wrong implementation would: it has
//! to be noticed by the field, not by a checksum.

use super::packet::{add, sum};
use super::{all, Case};
use crate::refusal::Refusal;
use crate::segment::segment;
use crate::virtio_net_hdr::gso;
use Place::*;

/// A way to break a rule.
#[derive(Clone, Copy)]
pub struct Fault {
    /// Rule that it breaks.
    pub rule: u8,
    /// What it does, in a few words.
    pub name: &'static str,
    change: Change,
}

#[derive(Clone, Copy)]
enum Change {
    /// The frames of a super-frame that was cut.
    Cut(fn(&Case, Vec<Vec<u8>>) -> Vec<Vec<u8>>),
    /// One frame of a super-frame that was cut: the case, the frame and its number, the last one's number.
    Each(fn(&View, &mut Vec<u8>, usize, usize)),
    /// A frame that left in one piece.
    One(fn(&View, &mut Vec<u8>)),
    /// A check that is missing: the frame is sent as it is.
    Unchecked(Refusal),
    /// A refusal that is too much.
    Refused(fn(&Case) -> bool, Refusal),
}

/// Where a case's headers lie.
struct View<'a> {
    case: &'a Case,
    ip: usize,
    l4: usize,
    payload: usize,
}

impl View<'_> {
    fn of(case: &Case) -> Option<View<'_>> {
        let frame = &case.frame;
        let mut ip = 14;
        while matches!(frame.get(ip - 2..ip)?, [0x81, 0x00] | [0x88, 0xA8]) {
            ip += 4;
        }
        let l4 = usize::from(case.hdr.csum_start);
        let payload = match case.hdr.csum_offset {
            6 => l4 + 8,
            _ => l4 + 4 * usize::from(frame.get(l4 + 12)? >> 4),
        };
        let whole = matches!(frame.get(ip - 2..ip)?, [0x08, 0x00] | [0x86, 0xDD]) && payload <= frame.len();
        whole.then_some(View { case, ip, l4, payload })
    }

    fn is_v4(&self) -> bool {
        self.case.frame[self.ip] >> 4 == 4
    }

    fn is_tcp(&self) -> bool {
        self.case.hdr.csum_offset == 16
    }

    /// Where a field starts in a frame.
    fn at(&self, place: Place) -> usize {
        match place {
            Ip(offset) => self.ip + offset,
            L4(offset) => self.l4 + offset,
        }
    }

    fn get(&self, frame: &[u8], place: Place) -> u16 {
        word(frame, self.at(place))
    }

    /// The field in the template.
    fn given(&self, place: Place) -> u16 {
        self.get(&self.case.frame, place)
    }

    /// Changes a field and the checksum that covers it, as RFC 1624 has it.
    fn put(&self, frame: &mut [u8], place: Place, value: u16) {
        let old = self.get(frame, place);
        let check = match place {
            Ip(_) => self.is_v4().then_some(self.ip + 10),
            L4(_) => Some(self.l4 + usize::from(self.case.hdr.csum_offset)),
        };
        put_word(frame, self.at(place), value);
        if let Some(check) = check.filter(|_| old != value) {
            let new = !add(add(!word(frame, check), !old), value);
            put_word(frame, check, new);
        }
    }

    /// Changes the TCP flags.
    fn flags(&self, frame: &mut [u8], change: impl FnOnce(u16) -> u16) {
        if self.is_tcp() {
            let old = self.get(frame, L4(12));
            self.put(frame, L4(12), change(old));
        }
    }

    /// Adds to the transport checksum's sum.
    fn wrong_sum(&self, frame: &mut [u8], difference: u16) {
        let at = self.l4 + usize::from(self.case.hdr.csum_offset);
        let new = !add(!word(frame, at), difference);
        put_word(frame, at, new);
    }
}

/// An even offset in the IP header or in the transport header.
#[derive(Clone, Copy)]
enum Place {
    Ip(usize),
    L4(usize),
}

fn word(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn put_word(bytes: &mut [u8], at: usize, word: u16) {
    bytes[at..at + 2].copy_from_slice(&word.to_be_bytes());
}

const FIN: u16 = 0x001;
const PSH: u16 = 0x008;
const URG: u16 = 0x020;
const ECE: u16 = 0x040;
const CWR: u16 = 0x080;
const AE: u16 = 0x100;
const DF: u16 = 0x4000;

use Change::{Cut, Each, One, Refused, Unchecked};

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

impl Fault {
    /// What an implementation with this fault makes of a case.
    pub fn apply(&self, case: &Case) -> Result<Vec<Vec<u8>>, Refusal> {
        let right = segment(&case.hdr, &case.frame, &case.settings);
        let was_cut = case.hdr.gso() != gso::NONE && right.as_ref().is_ok_and(|frames| frames.len() > 1);
        match (self.change, right) {
            (Refused(applies, refusal), Ok(frames)) => {
                if applies(case) {
                    Err(refusal)
                } else {
                    Ok(frames)
                }
            }
            (Unchecked(unchecked), Err(refusal)) if refusal == unchecked => Ok(vec![case.frame.clone()]),
            (Cut(change), Ok(frames)) if was_cut => Ok(change(case, frames)),
            (Cut(_), Ok(frames)) => Ok(if self.rule == 24 && is_empty(case) {
                vec![]
            } else {
                frames
            }),
            (Each(change), Ok(mut frames)) if was_cut => {
                if let Some(view) = View::of(case) {
                    let last = frames.len() - 1;
                    for (index, frame) in frames.iter_mut().enumerate() {
                        change(&view, frame, index, last);
                    }
                }
                Ok(frames)
            }
            (One(change), Ok(mut frames)) if !was_cut => {
                let view = View::of(case).unwrap_or(View {
                    case,
                    ip: 14,
                    l4: usize::from(case.hdr.csum_start),
                    payload: case.frame.len(),
                });
                if case.hdr.needs_csum() || case.settings.pad {
                    change(&view, &mut frames[0]);
                }
                Ok(frames)
            }
            (_, right) => right,
        }
    }

    /// The first case of the broken rule that notices the fault.
    pub fn noticed_by<'a>(&self, cases: &'a [Case]) -> Option<&'a Case> {
        cases
            .iter()
            .find(|case| case.rule == self.rule && self.apply(case) != case.outcome())
    }
}

/// Every fault with the case that notices it, if there is one.
pub fn noticed() -> Vec<(Fault, Option<&'static str>)> {
    let cases = all();
    FAULTS
        .iter()
        .map(|fault| (*fault, fault.noticed_by(&cases).map(|case| case.name)))
        .collect()
}

fn payload_bytes(case: &Case) -> Option<usize> {
    (case.hdr.gso() != gso::NONE)
        .then(|| View::of(case))
        .flatten()
        .map(|view| case.frame.len() - view.payload)
}

fn is_small(case: &Case) -> bool {
    payload_bytes(case).is_some_and(|bytes| bytes <= usize::from(case.hdr.gso_size))
}

fn is_empty(case: &Case) -> bool {
    payload_bytes(case) == Some(0)
}

fn empty_tail(case: &Case, mut frames: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let multiple = payload_bytes(case).is_some_and(|bytes| bytes % usize::from(case.hdr.gso_size) == 0);
    if let (true, Some(view), Some(last)) = (multiple, View::of(case), frames.last().cloned()) {
        frames.push(last[..view.payload].to_vec());
    }
    frames
}

fn tail_lost(case: &Case, mut frames: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    if payload_bytes(case).is_some_and(|bytes| bytes % usize::from(case.hdr.gso_size) == 1) {
        frames.pop();
    }
    frames
}

fn multiple_short(case: &Case, mut frames: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    if payload_bytes(case).is_some_and(|bytes| bytes % usize::from(case.hdr.gso_size) == 0) {
        frames.pop();
    }
    frames
}

fn short_first(_: &Case, mut frames: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    frames.sort_by_key(Vec::len);
    frames
}

fn v4(view: &View, frame: &mut [u8], place: Place, value: u16) {
    if view.is_v4() {
        view.put(frame, place, value);
    }
}

fn v6(view: &View, frame: &mut [u8], length: u16) {
    if !view.is_v4() {
        view.put(frame, Ip(4), length);
    }
}

fn udp(view: &View, frame: &mut [u8], place: Place, value: u16) {
    if !view.is_tcp() {
        view.put(frame, place, value);
    }
}

fn relength(view: &View, frame: &mut Vec<u8>) {
    let length = frame.len() - view.ip;
    if view.is_v4() {
        view.put(frame, Ip(2), length as u16);
    } else {
        view.put(frame, Ip(4), length.wrapping_sub(40) as u16);
    }
}

fn untag(view: &View, frame: &mut Vec<u8>, index: usize, _: usize) {
    if index > 0 {
        frame.drain(12..view.ip - 2);
    }
}

fn options_lost(view: &View, frame: &mut Vec<u8>, index: usize, _: usize) {
    if index > 0 && view.is_tcp() {
        frame[view.l4 + 20..view.payload].fill(0);
    }
}

fn length_without_options(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    let length = frame.len() - view.l4 + 20;
    v4(view, frame, Ip(2), length as u16);
}

fn full_length(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    let length = view.payload - view.ip + usize::from(view.case.hdr.gso_size);
    v4(view, frame, Ip(2), length as u16);
}

fn header_check_kept(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    if view.is_v4() {
        put_word(frame, view.ip + 10, view.given(Ip(10)));
    }
}

fn header_check_updated(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    if view.is_v4() {
        let mut total = !view.given(Ip(10));
        for place in [Ip(2), Ip(4)] {
            total = add(add(total, !view.given(place)), view.get(frame, place));
        }
        put_word(frame, view.ip + 10, !total);
    }
}

fn header_check_short(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    if view.is_v4() {
        put_word(frame, view.ip + 10, 0);
        let check = !sum(0, &frame[view.ip..view.ip + 20]);
        put_word(frame, view.ip + 10, check);
    }
}

fn header_check_mangled(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    if view.is_v4() && view.get(frame, Ip(10)) == 0 {
        put_word(frame, view.ip + 10, 0xFFFF);
    }
}

fn sixteen_bits(view: &View, frame: &mut Vec<u8>, index: usize, _: usize) {
    if view.case.settings.id_fifteen_bits {
        v4(view, frame, Ip(4), view.given(Ip(4)).wrapping_add(index as u16));
    }
}

fn fifteen_bits(view: &View, frame: &mut Vec<u8>, index: usize, _: usize) {
    let id = view.given(Ip(4));
    let counted = id & 0x8000 | id.wrapping_add(index as u16) & 0x7FFF;
    v4(view, frame, Ip(4), counted);
}

fn never_fixed(view: &View, frame: &mut Vec<u8>, index: usize, _: usize) {
    if view.case.settings.id_fixed {
        v4(view, frame, Ip(4), view.given(Ip(4)).wrapping_add(index as u16));
    }
}

fn fixed_without_df(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    if view.case.settings.id_fixed {
        v4(view, frame, Ip(4), view.given(Ip(4)));
    }
}

fn more_fragments(view: &View, frame: &mut Vec<u8>, index: usize, last: usize) {
    if index < last {
        let flags = view.get(frame, Ip(6));
        v4(view, frame, Ip(6), flags | 0x2000);
    }
}

fn routing_overlooked(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    if !view.is_v4() && frame[view.ip + 6] == 43 {
        let destination = sum(0, &frame[view.ip + 24..view.ip + 40]);
        let last = sum(0, &frame[view.l4 - 16..view.l4]);
        view.wrong_sum(frame, add(!last, destination));
    }
}

/// Sets the sequence number to the template's and what `advance` makes of the right distance.
fn sequence(view: &View, frame: &mut [u8], advance: impl FnOnce(u32, u32) -> u32) {
    if !view.is_tcp() {
        return;
    }
    let read = |frame: &[u8]| u32::from(view.get(frame, L4(4))) << 16 | u32::from(view.get(frame, L4(6)));
    let given = read(&view.case.frame);
    let sequence = given.wrapping_add(advance(given, read(frame).wrapping_sub(given)));
    view.put(frame, L4(4), (sequence >> 16) as u16);
    view.put(frame, L4(6), sequence as u16);
}

fn no_carry(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    sequence(view, frame, |given, advance| {
        let low = (given as u16).wrapping_add(advance as u16);
        (given & 0xFFFF_0000 | u32::from(low)).wrapping_sub(given)
    });
}

fn urgent_counts(view: &View, frame: &mut Vec<u8>, index: usize, _: usize) {
    let sent = index * usize::from(view.case.hdr.gso_size);
    if view.is_tcp() {
        view.put(frame, L4(18), view.given(L4(18)).saturating_sub(sent as u16));
    }
}

fn cwr_by_type(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    if !view.case.hdr.has_ecn() {
        view.flags(frame, |flags| flags | view.given(L4(12)) & CWR);
    }
}

fn cwr_from_type(view: &View, frame: &mut Vec<u8>, index: usize, _: usize) {
    if view.case.hdr.has_ecn() && index == 0 {
        view.flags(frame, |flags| flags | CWR);
    }
}

fn middle(view: &View, frame: &mut [u8], index: usize, last: usize, flag: u16) {
    if index > 0 && index < last {
        view.flags(frame, |flags| flags & !flag);
    }
}

fn masks_of_reset(view: &View, frame: &mut Vec<u8>, index: usize, last: usize) {
    let mask = match index {
        0 => 0xFF6,
        _ if index == last => 0xF7F,
        _ => 0xF76,
    };
    view.flags(frame, |_| view.given(L4(12)) & (0xF000 | mask));
}

fn middle_mask_on_last(view: &View, frame: &mut Vec<u8>, index: usize, _: usize) {
    if index == 1 {
        view.flags(frame, |_| {
            view.given(L4(12)) & (0xF000 | view.case.settings.flags_middle)
        });
    }
}

/// Length of the super-frame from the transport header on, as a folded sum.
fn super_length(view: &View) -> u16 {
    let length = view.case.frame.len() - view.l4;
    add((length >> 16) as u16, length as u16)
}

fn mixed_contract(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    let length = super_length(view);
    let without = view.case.settings.seed_without_length;
    view.wrong_sum(frame, if without { !length } else { length });
}

fn mixed_contract_one(view: &View, frame: &mut Vec<u8>) {
    if view.case.settings.seed_without_length {
        let length = super_length(view);
        // The frame that asks for a checksum alone gets a length added, the others get none.
        let alone = view.case.hdr.gso() == gso::NONE;
        view.wrong_sum(frame, if alone { length } else { !length });
    }
}

fn pseudo_header_anew(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    let addresses = if view.is_v4() {
        view.ip + 12..view.ip + 20
    } else {
        view.ip + 8..view.ip + 40
    };
    let check = view.l4 + usize::from(view.case.hdr.csum_offset);
    put_word(frame, check, 0);
    let protocol = if view.is_tcp() { 6 } else { 17 };
    let start = add(protocol, (frame.len() - view.l4) as u16);
    let total = sum(sum(start, &frame[addresses]), &frame[view.l4..]);
    put_word(frame, check, !total);
}

fn full_length_summed(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    let full = view.payload + usize::from(view.case.hdr.gso_size);
    let missing = full.saturating_sub(frame.len());
    view.wrong_sum(frame, missing as u16);
}

fn length_truncated(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    let length = view.case.frame.len() - view.l4;
    view.wrong_sum(frame, (length >> 16) as u16);
}

fn options_not_summed(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    if view.is_tcp() {
        let options = sum(0, &frame[view.l4 + 20..view.payload]);
        view.wrong_sum(frame, !options);
    }
}

fn odd_low(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    let byte = u16::from(*frame.last().expect("a frame has bytes"));
    if (frame.len() - view.l4) % 2 == 1 {
        view.wrong_sum(frame, add(!(byte << 8), byte));
    }
}

fn odd_low_one(view: &View, frame: &mut Vec<u8>) {
    odd_low(view, frame, 0, 0);
}

fn odd_start(view: &View, frame: &mut Vec<u8>) {
    if view.l4 % 2 == 1 && view.l4 < frame.len() {
        let check = !sum(0, &[&[0], &view.case.frame[view.l4..]].concat());
        let at = view.l4 + usize::from(view.case.hdr.csum_offset);
        put_word(frame, at, check);
    }
}

/// A checksum of `right` is sent as `wrong`.
fn mangle(view: &View, frame: &mut [u8], csum_offset: u16, right: u16, wrong: u16) {
    let at = view.l4 + usize::from(csum_offset);
    if view.case.hdr.csum_offset == csum_offset && word(frame, at) == right {
        put_word(frame, at, wrong);
    }
}

fn datagram_id(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    if !view.is_tcp() {
        v4(view, frame, Ip(4), view.given(Ip(4)));
    }
}

/// Length without padding, from the IP header.
fn unpadded(view: &View, frame: &[u8]) -> usize {
    let length = if view.is_v4() {
        usize::from(view.get(frame, Ip(2)))
    } else {
        40 + usize::from(view.get(frame, Ip(4)))
    };
    (view.ip + length).min(frame.len())
}

fn unpad(view: &View, frame: &mut Vec<u8>) {
    if view.case.settings.pad {
        let length = if frame.len() == 60 && view.case.frame.len() < 60 {
            view.case.frame.len()
        } else {
            unpadded(view, frame)
        };
        frame.truncate(length);
    }
}

fn padded_with_payload(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    let length = unpadded(view, frame);
    frame[length..].fill(0x5A);
}

fn padding_in_length(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    let length = frame.len() - view.ip;
    v4(view, frame, Ip(2), length as u16);
}

fn hdr_len_trusted(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    let trusted = usize::from(view.case.hdr.hdr_len).min(view.case.frame.len());
    let payload = frame.split_off(view.payload.min(frame.len()));
    frame.truncate(trusted);
    if let Some(more) = view.case.frame.get(view.payload..trusted) {
        frame.extend(more);
    }
    frame.extend(payload);
}
