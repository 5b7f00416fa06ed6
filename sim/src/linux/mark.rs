//! Congestion marks.

use crate::headers::{fold, sum};

/// Marks an ECN-capable packet "congestion experienced", as a router does (RFC 3168, 5), and says whether it is one.
pub(crate) fn mark(frame: &mut [u8]) -> bool {
    match (frame[12], frame[13]) {
        (0x08, 0x00) if frame[15] & 3 != 0 => {
            frame[15] |= 3;
            frame[24..26].fill(0);
            let check = !fold(sum(&frame[14..34]));
            frame[24..26].copy_from_slice(&check.to_be_bytes());
            true
        }
        (0x86, 0xDD) if frame[15] & 0x30 != 0 => {
            frame[15] |= 0x30;
            true
        }
        _ => false,
    }
}
