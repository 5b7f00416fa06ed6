//! The far end of an Ethernet line: takes bytes off GMII, finds frames, checks preamble, FCS and gap (IEEE 802.3).

use anyhow::{ensure, Result};

/// The FCS of `frame`: its CRC-32, sent lowest byte first (IEEE 802.3, 3.2.9).
pub fn fcs(frame: &[u8]) -> u32 {
    crc32fast::hash(frame)
}

/// Watches one direction of a line, one byte time after the other.
#[derive(Clone, Debug, Default)]
pub struct LineMonitor {
    bytes: Vec<u8>,
    gap: u64,
    gap_before: u64,
    busy_bytes: u64,
    seen: bool,
}

impl LineMonitor {
    /// One byte time: the byte, or `None` while the line is idle. Gives a frame with its FCS once it has ended.
    ///
    /// Fails when a frame has no right preamble, is shorter than 64 bytes, or has a wrong FCS.
    pub fn clock(&mut self, byte: Option<u8>) -> Result<Option<Vec<u8>>> {
        if let Some(byte) = byte {
            if self.bytes.is_empty() {
                self.gap_before = if self.seen { self.gap } else { u64::MAX };
            }
            self.gap = 0;
            self.busy_bytes += 1;
            self.bytes.push(byte);
            return Ok(None);
        }
        self.gap += 1;
        if self.bytes.is_empty() {
            return Ok(None);
        }
        self.seen = true;
        let line = std::mem::take(&mut self.bytes);
        ensure!(
            line.len() >= 8 && line[..7] == [0x55; 7] && line[7] == 0xD5,
            "a frame begins with {:02x?} in place of the preamble 55 55 55 55 55 55 55 d5",
            &line[..line.len().min(8)]
        );
        let frame = &line[8..];
        ensure!(frame.len() >= 64, "a frame of {} bytes is shorter than 64", frame.len());
        let (body, sum) = frame.split_at(frame.len() - 4);
        ensure!(
            sum == fcs(body).to_le_bytes(),
            "the FCS of a frame of {} bytes is {sum:02x?} and should be {:02x?}",
            frame.len(),
            fcs(body).to_le_bytes()
        );
        Ok(Some(frame.to_vec()))
    }

    /// Idle byte times between the last frame and the one before it; `u64::MAX` for the first.
    pub fn gap_before(&self) -> u64 {
        self.gap_before
    }

    /// Byte times in which the line was not idle, preambles included.
    pub fn busy_bytes(&self) -> u64 {
        self.busy_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(bytes: &[u8]) -> Result<Option<Vec<u8>>> {
        let mut line = LineMonitor::default();
        for byte in bytes {
            line.clock(Some(*byte))?;
        }
        line.clock(None)
    }

    #[test]
    fn good_frames_pass_and_bad_ones_are_named() {
        let preamble = [0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0xD5];
        let body = [7u8; 60];
        let good = [&preamble[..], &body, &fcs(&body).to_le_bytes()].concat();
        assert_eq!(run(&good).unwrap().unwrap().len(), 64);
        let mut bad = good.clone();
        bad[20] ^= 1;
        assert!(run(&bad).unwrap_err().to_string().contains("FCS"));
        assert!(run(&good[1..]).unwrap_err().to_string().contains("preamble"));
        assert!(run(&good[..40]).unwrap_err().to_string().contains("shorter"));
    }
}
