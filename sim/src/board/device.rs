//! A board as a driver sees a device: registers over the bridge, and a copy of its memory that is carried over before
//! every register write and fetched where the engine writes.

use super::client::{BoardClient, Serial};
use crate::device::{Device, EmittedFrame};
use anyhow::{bail, ensure, Result};
use segwalk_model::memory::SparseMemory;
use std::ops::Range;
use std::time::Duration;

/// Bytes of a page of the copy.
const PAGE_BYTES: usize = 4096;
/// Spans of equal bytes up to this long are written again rather than cut out: a request costs 24 bytes on the line.
const SPAN_GAP_BYTES: usize = 24;
/// Looks at memory before work counts as stuck.
const LOOKS_MAX: u32 = 2000;

/// The board.
pub struct BoardDevice<S> {
    /// The bridge.
    pub client: BoardClient<S>,
    /// What the driver sees.
    memory: SparseMemory,
    /// What the board has.
    carried: SparseMemory,
    watched: Vec<Range<u32>>,
    looks: u64,
}

impl<S: Serial> BoardDevice<S> {
    /// Greets the board; all its memory is there and taken for unknown.
    pub fn new(mut client: BoardClient<S>) -> Result<Self> {
        let bytes = client.greet()?;
        let mut memory = SparseMemory::new();
        for page in 0..u64::from(bytes) / PAGE_BYTES as u64 {
            memory.add_page(page);
        }
        Ok(Self {
            client,
            memory,
            carried: SparseMemory::new(),
            watched: Vec::new(),
            looks: 0,
        })
    }

    /// Bytes of the board's memory.
    pub fn memory_bytes(&self) -> usize {
        self.memory.pages().count() * PAGE_BYTES
    }

    /// The engine writes here: these bytes are fetched while the driver waits.
    pub fn watch(&mut self, range: Range<u32>) {
        self.watched.push(range);
    }

    /// Carries what the driver has changed to the board.
    pub fn flush(&mut self) -> Result<()> {
        let pages: Vec<u64> = self.memory.pages().map(|(page, _)| page).collect();
        for page in pages {
            let Some(now) = self.memory.page(page).copied() else {
                continue;
            };
            if !self.carried.has_page(page) {
                // Nobody has looked at this page: what the board holds there does not matter.
                if now.iter().all(|byte| *byte == 0) {
                    continue;
                }
                self.client.write_memory(page as u32 * PAGE_BYTES as u32, &now)?;
                self.carried.add_page(page);
            } else {
                let before = self.carried.page(page).copied().unwrap_or([0; PAGE_BYTES]);
                for span in spans(&before, &now) {
                    let at = page as u32 * PAGE_BYTES as u32 + span.start as u32;
                    self.client.write_memory(at, &now[span])?;
                }
            }
            if let Some(carried) = self.carried.page_mut(page) {
                *carried = now;
            }
        }
        Ok(())
    }

    /// Makes the board's page known to hold zeros where the driver has written none.
    pub fn clear_page(&mut self, page: u64) -> Result<()> {
        ensure!(self.memory.has_page(page), "page {page} is outside the board's memory");
        self.client
            .write_memory(page as u32 * PAGE_BYTES as u32, &[0; PAGE_BYTES])?;
        self.carried.add_page(page);
        Ok(())
    }

    fn fetch(&mut self) -> Result<()> {
        for range in self.watched.clone() {
            let mut bytes = vec![0; range.len()];
            self.client.read_memory(range.start, &mut bytes)?;
            for (byte, at) in bytes.into_iter().zip(range) {
                let (page, offset) = (u64::from(at) / PAGE_BYTES as u64, at as usize % PAGE_BYTES);
                for copy in [&mut self.memory, &mut self.carried] {
                    if let Some(page) = copy.page_mut(page) {
                        page[offset] = byte;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Where two pages differ, with short equal gaps taken in.
fn spans(before: &[u8], now: &[u8]) -> Vec<Range<usize>> {
    let mut spans: Vec<Range<usize>> = Vec::new();
    for at in (0..now.len()).filter(|at| before[*at] != now[*at]) {
        match spans.last_mut() {
            Some(span) if at - span.end <= SPAN_GAP_BYTES => span.end = at + 1,
            _ => spans.push(at..at + 1),
        }
    }
    spans
}

impl<S: Serial> Device for BoardDevice<S> {
    fn read_offset(&mut self, offset: u16) -> Result<u32> {
        self.client.read_register(offset.into())
    }

    fn write_offset(&mut self, offset: u16, value: u32) -> Result<()> {
        self.flush()?;
        self.client.write_register(offset.into(), value)
    }

    fn memory(&self) -> &SparseMemory {
        &self.memory
    }

    fn memory_mut(&mut self) -> &mut SparseMemory {
        &mut self.memory
    }

    fn run(&mut self, clocks: u64) -> Result<()> {
        self.looks += 1;
        self.client.serial.pause(Duration::from_nanos(8 * clocks))
    }

    fn run_until(&mut self, done: &mut dyn FnMut(&SparseMemory) -> Result<bool>) -> Result<()> {
        self.flush()?;
        for _ in 0..LOOKS_MAX {
            self.fetch()?;
            self.looks += 1;
            if done(&self.memory)? {
                return Ok(());
            }
        }
        bail!("the board gives nothing back after {LOOKS_MAX} looks at its memory; `segwalk board counters` shows what it did")
    }

    /// Looks at the board so far: it has no clock that the PC could see.
    fn clock(&self) -> u64 {
        self.looks
    }

    fn take_frames(&mut self) -> Vec<EmittedFrame> {
        Vec::new() // they are on the wire
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_cover_every_difference() {
        let before = [0u8; 4096];
        let mut now = before;
        for at in [0, 5, 100, 125, 4095] {
            now[at] = 1;
        }
        assert_eq!(spans(&before, &now), [0..6, 100..126, 4095..4096]);
        assert!(spans(&now, &now).is_empty());
    }
}
