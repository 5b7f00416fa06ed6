//! The file in the process's memory.

use super::Buffers;
use crate::device::Device;
use crate::driver::queue::Buffer;
use crate::host::Region;
use crate::process::POISON;
use crate::session::{buffer, Session};
use anyhow::Result;
use std::ops::Range;

/// Buffers that hold the file.
pub(super) struct Payload {
    context: u8,
    regions: Vec<Region>,
    region_bytes: usize,
}

impl Payload {
    /// Puts the file into the memory of the process in `context`.
    pub(super) fn place<D: Device>(
        session: &mut Session<D>,
        context: u8,
        file: &[u8],
        buffers: Buffers,
    ) -> Result<Self> {
        let region_bytes = match buffers {
            Buffers::Contiguous => file.len().max(1),
            Buffers::Of(bytes) => bytes,
        };
        let regions = file
            .chunks(region_bytes)
            .map(|piece| session.allocate_with(context, piece));
        Ok(Payload {
            context,
            regions: regions.collect::<Result<_>>()?,
            region_bytes,
        })
    }

    /// The parts of the buffers that hold a range of the file.
    fn parts(&self, range: Range<usize>) -> impl Iterator<Item = Region> + '_ {
        let mut at = range.start;
        std::iter::from_fn(move || {
            if at >= range.end {
                return None;
            }
            let region = &self.regions[at / self.region_bytes];
            let offset = at % self.region_bytes;
            let count = (region.bytes - offset).min(range.end - at);
            at += count;
            Some(region.part(offset, count))
        })
    }

    /// Descriptors for a range of the file.
    pub(super) fn chain(&self, range: Range<usize>) -> Vec<Buffer> {
        self.parts(range).map(|part| buffer(self.context, &part)).collect()
    }

    /// What came back belongs to the process again, which uses it at once: a late read would show in the frames.
    pub(super) fn reuse<D: Device>(
        &self,
        session: &mut Session<D>,
        range: Range<usize>,
        header: &Region,
    ) -> Result<()> {
        for region in self.parts(range).chain([header.clone()]) {
            region.write(session.device.memory_mut(), 0, &vec![POISON; region.bytes])?;
        }
        Ok(())
    }
}
