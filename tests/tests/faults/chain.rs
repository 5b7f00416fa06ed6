//! What is known of a chain that was posted, and of the frames that it must give.

use super::world::PAGE;
use segwalk_sim::driver::queue::Buffer;

/// A chain on its way.
pub struct Chain {
    pub head: u16,
    pub buffers: Vec<Buffer>,
    /// Bytes in front of the payload, `virtio_net_hdr` included.
    pub header_bytes: usize,
    /// Payload bytes of every frame but the last; 0 where there is one frame.
    pub segment_bytes: usize,
    pub frames: Vec<Vec<u8>>,
    pub emitted: usize,
    /// As the last record said.
    pub reported: usize,
    pub aborted: bool,
    pub posted: u64,
}

impl Chain {
    pub fn is_over(&self) -> bool {
        self.aborted || self.emitted == self.frames.len()
    }

    /// Pages of its process that it reads, in order.
    pub fn pages(&self, context: u8) -> Vec<u64> {
        let of = self.buffers.iter().filter(|buffer| buffer.context == context);
        of.flat_map(|buffer| buffer.virt_addr / PAGE..=(buffer.virt_addr + u64::from(buffer.bytes) - 1) / PAGE)
            .collect()
    }

    /// A fault in this page ends it.
    pub fn cut_at(&mut self, context: u8, page: u64) {
        self.frames.truncate(self.frames_before(context, page));
    }

    /// Frames that are complete before the first byte in this page of the process.
    pub fn frames_before(&self, context: u8, page: u64) -> usize {
        let mut before = 0;
        for buffer in &self.buffers {
            let end = buffer.virt_addr + u64::from(buffer.bytes);
            if buffer.context == context && buffer.virt_addr / PAGE <= page && page <= (end - 1) / PAGE {
                before += (page * PAGE).saturating_sub(buffer.virt_addr) as usize;
                break;
            }
            before += buffer.bytes as usize;
        }
        // Up to 7 bytes go with the beat that breaks: see the model's `Payload::streamed`.
        let arrived = ((before + 4) / 8 * 8).saturating_sub(4);
        match self.segment_bytes {
            0 => 0,
            mss => (arrived.saturating_sub(self.header_bytes) / mss).min(self.frames.len() - 1),
        }
    }
}
