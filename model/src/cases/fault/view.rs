//! The headers of a case's frames, and changes to them that keep the checksums consistent.

use super::super::packet::add;
use super::super::Case;
use Place::*;

/// Where a case's headers lie.
pub(super) struct View<'a> {
    pub case: &'a Case,
    /// First byte of the IP header.
    pub ip: usize,
    /// First byte of the transport header.
    pub l4: usize,
    /// First byte of the payload.
    pub payload: usize,
}

impl View<'_> {
    pub(super) fn of(case: &Case) -> Option<View<'_>> {
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

    pub(super) fn is_v4(&self) -> bool {
        self.case.frame[self.ip] >> 4 == 4
    }

    pub(super) fn is_tcp(&self) -> bool {
        self.case.hdr.csum_offset == 16
    }

    /// Where a field starts in a frame.
    pub(super) fn at(&self, place: Place) -> usize {
        match place {
            Ip(offset) => self.ip + offset,
            L4(offset) => self.l4 + offset,
        }
    }

    pub(super) fn get(&self, frame: &[u8], place: Place) -> u16 {
        word(frame, self.at(place))
    }

    /// The field in the template.
    pub(super) fn given(&self, place: Place) -> u16 {
        self.get(&self.case.frame, place)
    }

    /// Changes a field and the checksum that covers it, as RFC 1624 has it.
    pub(super) fn put(&self, frame: &mut [u8], place: Place, value: u16) {
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
    pub(super) fn flags(&self, frame: &mut [u8], change: impl FnOnce(u16) -> u16) {
        if self.is_tcp() {
            let old = self.get(frame, L4(12));
            self.put(frame, L4(12), change(old));
        }
    }

    /// Adds to the transport checksum's sum.
    pub(super) fn wrong_sum(&self, frame: &mut [u8], difference: u16) {
        let at = self.l4 + usize::from(self.case.hdr.csum_offset);
        let new = !add(!word(frame, at), difference);
        put_word(frame, at, new);
    }
}

/// An even offset in the IP header or in the transport header.
#[derive(Clone, Copy)]
pub(super) enum Place {
    Ip(usize),
    L4(usize),
}

pub(super) fn word(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

pub(super) fn put_word(bytes: &mut [u8], at: usize, word: u16) {
    bytes[at..at + 2].copy_from_slice(&word.to_be_bytes());
}
