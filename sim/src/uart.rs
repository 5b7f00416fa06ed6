//! A serial line, one level a clock: the PC's side of a UART with 8 data bits, no parity and one stop bit.

use std::collections::VecDeque;

/// Puts bytes on a line. The bit time need not be a whole number of clocks, nor that of the other side.
#[derive(Clone, Debug)]
pub struct LineWriter {
    bit_clocks: f64,
    queue: VecDeque<u8>,
    // levels of the byte on the line, lowest first, and how many are left
    shift: u16,
    bits_left: u32,
    clocks_left: f64,
}

impl LineWriter {
    /// A writer with bits of `bit_clocks` clocks.
    pub fn new(bit_clocks: f64) -> Self {
        Self {
            bit_clocks,
            queue: VecDeque::new(),
            shift: 0,
            bits_left: 0,
            clocks_left: 0.0,
        }
    }

    /// Sends `bytes` behind what waits already.
    pub fn send(&mut self, bytes: &[u8]) {
        self.queue.extend(bytes);
    }

    /// Everything has been sent.
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.bits_left == 0
    }

    /// The line's level on this clock.
    pub fn clock(&mut self) -> bool {
        if self.bits_left > 0 {
            self.clocks_left -= 1.0;
            if self.clocks_left <= 0.0 {
                self.shift >>= 1;
                self.bits_left -= 1;
                // the next byte's start bit is added when it begins
                if self.bits_left > 0 {
                    self.clocks_left += self.bit_clocks;
                }
            }
        }
        if self.bits_left == 0 {
            let Some(byte) = self.queue.pop_front() else {
                self.clocks_left = 0.0;
                return true;
            };
            self.shift = u16::from(byte) << 1 | 0x200;
            self.bits_left = 10;
            self.clocks_left += self.bit_clocks;
        }
        self.shift & 1 != 0
    }
}

/// Takes bytes off a line.
#[derive(Clone, Debug)]
pub struct LineReader {
    bit_clocks: f64,
    // clocks until the next sample, and the bits sampled, while a byte is on the line
    wait: Option<f64>,
    bits: u32,
    shift: u16,
    /// Bytes without a stop bit.
    pub broken: u64,
}

impl LineReader {
    /// A reader of bits of `bit_clocks` clocks.
    pub fn new(bit_clocks: f64) -> Self {
        Self {
            bit_clocks,
            wait: None,
            bits: 0,
            shift: 0,
            broken: 0,
        }
    }

    /// The level on this clock; a byte when it ends one.
    pub fn clock(&mut self, level: bool) -> Option<u8> {
        let Some(wait) = &mut self.wait else {
            if !level {
                (self.wait, self.bits, self.shift) = (Some(self.bit_clocks * 1.5), 0, 0);
            }
            return None;
        };
        *wait -= 1.0;
        if *wait > 0.0 {
            return None;
        }
        *wait += self.bit_clocks;
        if self.bits < 8 {
            self.shift |= u16::from(level) << self.bits;
            self.bits += 1;
            return None;
        }
        self.wait = None;
        if !level {
            self.broken += 1;
            return None;
        }
        Some(self.shift as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_two_ends_that_differ_by_three_percent() {
        for ratio in [0.97, 1.0, 1.03] {
            let (mut writer, mut reader) = (LineWriter::new(8.68 * ratio), LineReader::new(8.68));
            let bytes: Vec<u8> = (0..=255).chain([0, 0xFF, 0x55]).collect();
            writer.send(&bytes);
            let got: Vec<u8> = (0..40_000).filter_map(|_| reader.clock(writer.clock())).collect();
            assert_eq!(got, bytes, "{ratio}");
            assert!(writer.is_idle());
        }
    }
}
