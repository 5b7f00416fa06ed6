//! What wrong implementations make of checksums.
// All changes have one type, and some change the length.
#![allow(clippy::ptr_arg)]

use super::super::packet::{add, sum};
use super::view::Place::Ip;
use super::view::{put_word, word, View};
use crate::virtio_net_hdr::gso;

pub(super) fn header_check_kept(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    if view.is_v4() {
        put_word(frame, view.ip + 10, view.given(Ip(10)));
    }
}

pub(super) fn header_check_updated(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    if view.is_v4() {
        let mut total = !view.given(Ip(10));
        for place in [Ip(2), Ip(4)] {
            total = add(add(total, !view.given(place)), view.get(frame, place));
        }
        put_word(frame, view.ip + 10, !total);
    }
}

pub(super) fn header_check_short(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    if view.is_v4() {
        put_word(frame, view.ip + 10, 0);
        let check = !sum(0, &frame[view.ip..view.ip + 20]);
        put_word(frame, view.ip + 10, check);
    }
}

pub(super) fn header_check_mangled(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    if view.is_v4() && view.get(frame, Ip(10)) == 0 {
        put_word(frame, view.ip + 10, 0xFFFF);
    }
}

/// Length of the super-frame from the transport header on, as a folded sum.
pub(super) fn super_length(view: &View) -> u16 {
    let length = view.case.frame.len() - view.l4;
    add((length >> 16) as u16, length as u16)
}

pub(super) fn mixed_contract(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    let length = super_length(view);
    let without = view.case.settings.seed_without_length;
    view.wrong_sum(frame, if without { !length } else { length });
}

pub(super) fn mixed_contract_one(view: &View, frame: &mut Vec<u8>) {
    if view.case.settings.seed_without_length {
        let length = super_length(view);
        // The frame that asks for a checksum alone gets a length added, the others get none.
        let alone = view.case.hdr.gso() == gso::NONE;
        view.wrong_sum(frame, if alone { length } else { !length });
    }
}

pub(super) fn pseudo_header_anew(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
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

pub(super) fn full_length_summed(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    let full = view.payload + usize::from(view.case.hdr.gso_size);
    let missing = full.saturating_sub(frame.len());
    view.wrong_sum(frame, missing as u16);
}

pub(super) fn length_truncated(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    let length = view.case.frame.len() - view.l4;
    view.wrong_sum(frame, (length >> 16) as u16);
}

pub(super) fn options_not_summed(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    if view.is_tcp() {
        let options = sum(0, &frame[view.l4 + 20..view.payload]);
        view.wrong_sum(frame, !options);
    }
}

pub(super) fn odd_low(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    let byte = u16::from(*frame.last().expect("a frame has bytes"));
    if (frame.len() - view.l4) % 2 == 1 {
        view.wrong_sum(frame, add(!(byte << 8), byte));
    }
}

pub(super) fn odd_low_one(view: &View, frame: &mut Vec<u8>) {
    odd_low(view, frame, 0, 0);
}

pub(super) fn odd_start(view: &View, frame: &mut Vec<u8>) {
    if view.l4 % 2 == 1 && view.l4 < frame.len() {
        let check = !sum(0, &[&[0], &view.case.frame[view.l4..]].concat());
        let at = view.l4 + usize::from(view.case.hdr.csum_offset);
        put_word(frame, at, check);
    }
}

/// A checksum of `right` is sent as `wrong`.
pub(super) fn mangle(view: &View, frame: &mut [u8], csum_offset: u16, right: u16, wrong: u16) {
    let at = view.l4 + usize::from(csum_offset);
    if view.case.hdr.csum_offset == csum_offset && word(frame, at) == right {
        put_word(frame, at, wrong);
    }
}

pub(super) fn routing_overlooked(view: &View, frame: &mut Vec<u8>, _: usize, _: usize) {
    if !view.is_v4() && frame[view.ip + 6] == 43 {
        let destination = sum(0, &frame[view.ip + 24..view.ip + 40]);
        let last = sum(0, &frame[view.l4 - 16..view.l4]);
        view.wrong_sum(frame, add(!last, destination));
    }
}
