//! Compares emitted frames with the model's, byte for byte, in order.

use std::collections::VecDeque;
use std::fmt::Write;

/// Bytes shown before and after the first difference.
const CONTEXT_BYTES: usize = 8;

/// Expected frames wait here until the device emits theirs.
#[derive(Clone, Debug, Default)]
pub struct Scoreboard {
    expected: VecDeque<Vec<u8>>,
    compared: u64,
    mismatches: u64,
    first: Option<String>,
}

impl Scoreboard {
    /// Nothing expected.
    pub fn new() -> Self {
        Self::default()
    }

    /// The frames that come next.
    pub fn expect(&mut self, frames: impl IntoIterator<Item = Vec<u8>>) {
        self.expected.extend(frames);
    }

    /// Compares one emitted frame with the next expected one.
    pub fn check(&mut self, frame: &[u8]) {
        let number = self.compared;
        self.compared += 1;
        match self.expected.pop_front() {
            Some(expected) if expected == frame => {}
            Some(expected) => self.mismatch(|| difference(number, &expected, frame)),
            None => self.mismatch(|| format!("frame {number} ({} bytes) was not expected at all", frame.len())),
        }
    }

    /// Counts the frames that never came and gives the number of differences.
    pub fn finish(&mut self) -> u64 {
        let missing = self.expected.len() as u64;
        if missing > 0 {
            let number = self.compared;
            self.mismatch(|| format!("frame {number} and all after it never came, {missing} frames in all"));
            self.mismatches += missing - 1;
            self.expected.clear();
        }
        self.mismatches
    }

    /// Frames that differ, are missing or are too many so far.
    pub fn mismatches(&self) -> u64 {
        self.mismatches
    }

    /// Frames compared.
    pub fn compared(&self) -> u64 {
        self.compared
    }

    /// Expected frames that have not been emitted yet.
    pub fn outstanding(&self) -> usize {
        self.expected.len()
    }

    /// The first difference in words, if there is one.
    pub fn first_difference(&self) -> Option<&str> {
        self.first.as_deref()
    }

    fn mismatch(&mut self, text: impl FnOnce() -> String) {
        self.mismatches += 1;
        self.first.get_or_insert_with(text);
    }
}

/// Says where two frames differ and shows the bytes around it.
pub fn difference(number: u64, expected: &[u8], emitted: &[u8]) -> String {
    let same = expected.iter().zip(emitted).take_while(|(a, b)| a == b).count();
    let count = expected.iter().zip(emitted).filter(|(a, b)| a != b).count();
    let mut text = format!(
        "frame {number} differs from the model's at byte {same}{}",
        layer(expected, same)
    );
    if expected.len() != emitted.len() {
        let _ = write!(text, "; it has {} bytes instead of {}", emitted.len(), expected.len());
    }
    let _ = write!(text, "; {count} bytes differ");
    let from = same.saturating_sub(CONTEXT_BYTES);
    for (name, bytes) in [("model", expected), ("emitted", emitted)] {
        let to = (same + CONTEXT_BYTES).min(bytes.len());
        let _ = write!(text, "\n  {name:>7} {from:>5}:");
        for (at, byte) in bytes.iter().enumerate().take(to).skip(from) {
            let mark = if at == same { '>' } else { ' ' };
            let _ = write!(text, "{mark}{byte:02x}");
        }
    }
    text
}

/// Names the layer that a byte of a frame belongs to, as far as `etherparse` finds it.
fn layer(frame: &[u8], at: usize) -> String {
    let Ok(packet) = etherparse::SlicedPacket::from_ethernet(frame) else {
        return String::new();
    };
    let base = frame.as_ptr() as usize;
    let within = |name: &str, slice: &[u8]| {
        let start = slice.as_ptr() as usize - base;
        (start..start + slice.len())
            .contains(&at)
            .then(|| format!(" (byte {} of the {name})", at - start))
    };
    let transport = packet.transport.as_ref().and_then(|transport| match transport {
        etherparse::TransportSlice::Tcp(tcp) => {
            within("TCP header", tcp.header_slice()).or_else(|| within("TCP payload", tcp.payload()))
        }
        etherparse::TransportSlice::Udp(udp) => within("UDP datagram", udp.slice()),
        _ => None,
    });
    let network = || match packet.net.as_ref()? {
        etherparse::NetSlice::Ipv4(ip) => within("IPv4 header", ip.header().slice()),
        etherparse::NetSlice::Ipv6(ip) => within("IPv6 header", ip.header().slice()),
    };
    transport.or_else(network).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_first_difference() {
        let mut board = Scoreboard::new();
        board.expect([vec![1, 2, 3, 4], vec![5]]);
        board.check(&[1, 2, 9, 4]);
        assert_eq!(board.mismatches(), 1);
        let text = board.first_difference().unwrap();
        assert!(
            text.starts_with("frame 0 differs from the model's at byte 2; 1 bytes differ"),
            "{text}"
        );
        assert!(text.contains(" 01 02>03 04") && text.contains(" 01 02>09 04"), "{text}");
    }

    #[test]
    fn counts_missing_and_unexpected_frames() {
        let mut board = Scoreboard::new();
        board.expect([vec![1], vec![2], vec![3]]);
        board.check(&[1]);
        assert_eq!(board.finish(), 2);
        board.check(&[4]);
        assert_eq!(board.mismatches(), 3);
    }

    #[test]
    fn names_the_layer() {
        let mut frame = Vec::new();
        let builder = etherparse::PacketBuilder::ethernet2([1; 6], [2; 6])
            .ipv4([1; 4], [2; 4], 64)
            .tcp(1, 2, 3, 4);
        builder.write(&mut frame, &[7; 5]).unwrap();
        let mut other = frame.clone();
        other[38] ^= 1;
        assert!(difference(0, &frame, &other).contains("byte 38 (byte 4 of the TCP header)"));
    }
}
