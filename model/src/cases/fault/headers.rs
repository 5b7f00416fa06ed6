//! What wrong implementations make of frames and of their header fields.
// All changes have one type, and some change the length.
#![allow(clippy::ptr_arg)]

use super::super::Case;
use super::view::Place::{Ip, L4};
use super::view::{Place, View};
use crate::virtio_net_hdr::gso;

pub(super) const CWR: u16 = 0x080;

pub(super) fn payload_bytes(case: &Case) -> Option<usize> {
    (case.hdr.gso() != gso::NONE)
        .then(|| View::of(case))
        .flatten()
        .map(|view| case.frame.len() - view.payload)
}

pub(super) fn is_small(case: &Case) -> bool {
    payload_bytes(case).is_some_and(|bytes| bytes <= usize::from(case.hdr.gso_size))
}

pub(super) fn is_empty(case: &Case) -> bool {
    payload_bytes(case) == Some(0)
}

pub(super) fn empty_tail(case: &Case, mut frames: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let multiple = payload_bytes(case).is_some_and(|bytes| bytes % usize::from(case.hdr.gso_size) == 0);
    if let (true, Some(view), Some(last)) = (multiple, View::of(case), frames.last().cloned()) {
        frames.push(last[..view.payload].to_vec());
    }
    frames
}

pub(super) fn tail_lost(case: &Case, mut frames: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    if payload_bytes(case).is_some_and(|bytes| bytes % usize::from(case.hdr.gso_size) == 1) {
        frames.pop();
    }
    frames
}

pub(super) fn multiple_short(case: &Case, mut frames: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    if payload_bytes(case).is_some_and(|bytes| bytes % usize::from(case.hdr.gso_size) == 0) {
        frames.pop();
    }
    frames
}

pub(super) fn short_first(_: &Case, mut frames: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    frames.sort_by_key(Vec::len);
    frames
}

pub(super) fn v4(view: &View, frame: &mut [u8], place: Place, value: u16) {
    if view.is_v4() {
        view.put(frame, place, value);
    }
}

pub(super) fn v6(view: &View, frame: &mut [u8], length: u16) {
    if !view.is_v4() {
        view.put(frame, Ip(4), length);
    }
}

pub(super) fn udp(view: &View, frame: &mut [u8], place: Place, value: u16) {
    if !view.is_tcp() {
        view.put(frame, place, value);
    }
}

pub(super) fn relength(view: &View, frame: &mut Vec<u8>) {
    let length = frame.len() - view.ip;
    if view.is_v4() {
        view.put(frame, Ip(2), length as u16);
    } else {
        view.put(frame, Ip(4), length.wrapping_sub(40) as u16);
    }
}

pub(super) fn untag(view: &View, frame: &mut Vec<u8>, index: usize, _: usize) {
    if index > 0 {
        frame.drain(12..view.ip - 2);
    }
}

pub(super) fn options_lost(view: &View, frame: &mut Vec<u8>, index: usize, _: usize) {
    if index > 0 && view.is_tcp() {
        frame[view.l4 + 20..view.payload].fill(0);
    }
}

pub(super) fn length_without_options(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    let length = frame.len() - view.l4 + 20;
    v4(view, frame, Ip(2), length as u16);
}

pub(super) fn full_length(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    let length = view.payload - view.ip + usize::from(view.case.hdr.gso_size);
    v4(view, frame, Ip(2), length as u16);
}

pub(super) fn sixteen_bits(view: &View, frame: &mut Vec<u8>, index: usize, _: usize) {
    if view.case.settings.id_fifteen_bits {
        v4(view, frame, Ip(4), view.given(Ip(4)).wrapping_add(index as u16));
    }
}

pub(super) fn fifteen_bits(view: &View, frame: &mut Vec<u8>, index: usize, _: usize) {
    let id = view.given(Ip(4));
    let counted = id & 0x8000 | id.wrapping_add(index as u16) & 0x7FFF;
    v4(view, frame, Ip(4), counted);
}

pub(super) fn never_fixed(view: &View, frame: &mut Vec<u8>, index: usize, _: usize) {
    if view.case.settings.id_fixed {
        v4(view, frame, Ip(4), view.given(Ip(4)).wrapping_add(index as u16));
    }
}

pub(super) fn fixed_without_df(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    if view.case.settings.id_fixed {
        v4(view, frame, Ip(4), view.given(Ip(4)));
    }
}

pub(super) fn more_fragments(view: &View, frame: &mut Vec<u8>, index: usize, last: usize) {
    if index < last {
        let flags = view.get(frame, Ip(6));
        v4(view, frame, Ip(6), flags | 0x2000);
    }
}

/// Sets the sequence number to the template's and what `advance` makes of the right distance.
pub(super) fn sequence(view: &View, frame: &mut [u8], advance: impl FnOnce(u32, u32) -> u32) {
    if !view.is_tcp() {
        return;
    }
    let read = |frame: &[u8]| u32::from(view.get(frame, L4(4))) << 16 | u32::from(view.get(frame, L4(6)));
    let given = read(&view.case.frame);
    let sequence = given.wrapping_add(advance(given, read(frame).wrapping_sub(given)));
    view.put(frame, L4(4), (sequence >> 16) as u16);
    view.put(frame, L4(6), sequence as u16);
}

pub(super) fn no_carry(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    sequence(view, frame, |given, advance| {
        let low = (given as u16).wrapping_add(advance as u16);
        (given & 0xFFFF_0000 | u32::from(low)).wrapping_sub(given)
    });
}

pub(super) fn urgent_counts(view: &View, frame: &mut Vec<u8>, index: usize, _: usize) {
    let sent = index * usize::from(view.case.hdr.gso_size);
    if view.is_tcp() {
        view.put(frame, L4(18), view.given(L4(18)).saturating_sub(sent as u16));
    }
}

pub(super) fn cwr_by_type(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    if !view.case.hdr.has_ecn() {
        view.flags(frame, |flags| flags | view.given(L4(12)) & CWR);
    }
}

pub(super) fn cwr_from_type(view: &View, frame: &mut Vec<u8>, index: usize, _: usize) {
    if view.case.hdr.has_ecn() && index == 0 {
        view.flags(frame, |flags| flags | CWR);
    }
}

pub(super) fn middle(view: &View, frame: &mut [u8], index: usize, last: usize, flag: u16) {
    if index > 0 && index < last {
        view.flags(frame, |flags| flags & !flag);
    }
}

pub(super) fn masks_of_reset(view: &View, frame: &mut Vec<u8>, index: usize, last: usize) {
    let mask = match index {
        0 => 0xFF6,
        _ if index == last => 0xF7F,
        _ => 0xF76,
    };
    view.flags(frame, |_| view.given(L4(12)) & (0xF000 | mask));
}

pub(super) fn middle_mask_on_last(view: &View, frame: &mut Vec<u8>, index: usize, _: usize) {
    if index == 1 {
        view.flags(frame, |_| {
            view.given(L4(12)) & (0xF000 | view.case.settings.flags_middle)
        });
    }
}

pub(super) fn datagram_id(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    if !view.is_tcp() {
        v4(view, frame, Ip(4), view.given(Ip(4)));
    }
}

/// Length without padding, from the IP header.
pub(super) fn unpadded(view: &View, frame: &[u8]) -> usize {
    let length = if view.is_v4() {
        usize::from(view.get(frame, Ip(2)))
    } else {
        40 + usize::from(view.get(frame, Ip(4)))
    };
    (view.ip + length).min(frame.len())
}

pub(super) fn unpad(view: &View, frame: &mut Vec<u8>) {
    if view.case.settings.pad {
        let length = if frame.len() == 60 && view.case.frame.len() < 60 {
            view.case.frame.len()
        } else {
            unpadded(view, frame)
        };
        frame.truncate(length);
    }
}

pub(super) fn padded_with_payload(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    let length = unpadded(view, frame);
    frame[length..].fill(0x5A);
}

pub(super) fn padding_in_length(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    let length = frame.len() - view.ip;
    v4(view, frame, Ip(2), length as u16);
}

pub(super) fn hdr_len_trusted(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    let trusted = usize::from(view.case.hdr.hdr_len).min(view.case.frame.len());
    let payload = frame.split_off(view.payload.min(frame.len()));
    frame.truncate(trusted);
    if let Some(more) = view.case.frame.get(view.payload..trusted) {
        frame.extend(more);
    }
    frame.extend(payload);
}
