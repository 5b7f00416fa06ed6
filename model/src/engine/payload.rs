//! Reading the bytes of a chain: what arrives, and where it breaks.

use crate::memory::Memory;
use crate::page_table::{translate, Access};
use crate::refusal::{FaultCause, Refusal};
use crate::virtqueue::{Chain, Contexts};

/// Chunks that are translated for themselves never cross a page of this size, superpage or not.
const PAGE_BYTES: u64 = 4096;
/// Bytes of a beat of the bus and of the stream behind the reader.
const BEAT_BYTES: u64 = 8;
/// Padding at the start of the stream of a chain: the frame behind the 12-byte `virtio_net_hdr` is aligned.
const STREAM_PADDING: usize = 4;

/// A page of the payload that does not translate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageFault {
    /// Address space.
    pub context: u8,
    /// Bits 63:12 of the virtual address.
    pub virt_page: u64,
    /// Why.
    pub cause: FaultCause,
}

/// What reading a chain gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payload {
    /// The bytes before the first that failed, `virtio_net_hdr` included.
    pub bytes: Vec<u8>,
    /// What the first byte that failed met; the chain is complete when it is `None`.
    pub broken: Option<Refusal>,
    /// The page that does not translate, where that is what broke the chain. Hardware translates ahead of the data, but
    /// what it finds there counts only when the data gets there.
    pub fault: Option<PageFault>,
}

impl Payload {
    /// Reads the fragments of a chain. The byte that fails is the first of the chunk whose page does not translate, or
    /// the first that lies in a beat of the bus, an aligned 8-byte word of memory, that comes with an error.
    pub fn read(memory: &impl Memory, contexts: &Contexts, chain: &Chain) -> Payload {
        let mut payload = Payload::default();
        for fragment in &chain.fragments {
            let mut virt_addr = fragment.virt_addr;
            let mut left = u64::from(fragment.bytes);
            while left > 0 {
                let count = left.min(PAGE_BYTES - virt_addr % PAGE_BYTES);
                let context = &contexts[usize::from(fragment.context)];
                match translate(memory, context, virt_addr, Access::Read) {
                    Ok(page) => payload.read_chunk(memory, page.phys_addr, count),
                    Err(cause) => {
                        payload.broken = Some(cause.refusal());
                        payload.fault = Some(PageFault {
                            context: fragment.context,
                            virt_page: virt_addr / PAGE_BYTES,
                            cause,
                        });
                    }
                }
                if payload.broken.is_some() {
                    return payload;
                }
                virt_addr = virt_addr.wrapping_add(count);
                left -= count;
            }
        }
        payload
    }

    /// Reads the beats of memory that hold a chunk inside one page.
    fn read_chunk(&mut self, memory: &impl Memory, phys_addr: u64, count: u64) {
        let first_beat = phys_addr - phys_addr % BEAT_BYTES;
        let skipped = (phys_addr - first_beat) as usize;
        let mut beats = vec![0; (skipped + count as usize).next_multiple_of(BEAT_BYTES as usize)];
        let mut good = count;
        if let Err(error) = memory.read(first_beat, &mut beats) {
            self.broken = Some(Refusal::PayloadBusError);
            let error_beat = error.phys_addr - error.phys_addr % BEAT_BYTES;
            good = error_beat.saturating_sub(phys_addr).min(count);
            let before = &mut beats[skipped..skipped + good as usize];
            memory
                .read(phys_addr, before)
                .expect("memory before the first error reads");
        }
        self.bytes.extend_from_slice(&beats[skipped..skipped + good as usize]);
    }

    /// The bytes that reach the segmenter. The stream has beats of 8 bytes, and the beat that carries the refusal of a
    /// broken chain carries no data, so up to 7 bytes before the one that failed are lost with it.
    pub fn streamed(&self) -> &[u8] {
        if self.broken.is_none() {
            return &self.bytes;
        }
        let position = self.bytes.len() + STREAM_PADDING;
        let whole_beats = position - position % BEAT_BYTES as usize;
        &self.bytes[..whole_beats.saturating_sub(STREAM_PADDING)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::BusError;
    use crate::page_table::Context;
    use crate::virtqueue::Fragment;

    /// Byte `a` is `a`'s low byte; some beats come with an error.
    struct Beats(&'static [u64]);

    impl Memory for Beats {
        fn read(&self, phys_addr: u64, bytes: &mut [u8]) -> Result<(), BusError> {
            for (addr, byte) in (phys_addr..).zip(bytes) {
                if self.0.contains(&(addr / BEAT_BYTES * BEAT_BYTES)) {
                    return Err(BusError { phys_addr: addr });
                }
                *byte = addr as u8;
            }
            Ok(())
        }
    }

    fn read(errors: &'static [u64], fragments: &[(u64, u32)]) -> Payload {
        let contexts = [Context::bare(); crate::limits::CONTEXTS];
        let fragment = |&(virt_addr, bytes)| Fragment {
            context: 0,
            virt_addr,
            bytes,
        };
        let chain = Chain {
            fragments: fragments.iter().map(fragment).collect(),
            total_bytes: 0,
        };
        Payload::read(&Beats(errors), &contexts, &chain)
    }

    #[test]
    fn fragments_join_without_gaps() {
        let payload = read(&[], &[(0x1FFD, 6), (0x5, 1), (0x38, 8)]);
        let bytes = vec![
            0xFD, 0xFE, 0xFF, 0, 1, 2, 5, 0x38, 0x39, 0x3A, 0x3B, 0x3C, 0x3D, 0x3E, 0x3F,
        ];
        assert_eq!((payload.streamed(), payload.broken), (&bytes[..], None));
    }

    #[test]
    fn an_error_breaks_at_the_first_byte_of_its_beat() {
        let payload = read(&[0x1010, 0x1020], &[(0x1003, 50), (0x3000, 50)]);
        assert_eq!(
            (payload.bytes.len(), payload.broken),
            (13, Some(Refusal::PayloadBusError))
        );
        // 4 bytes of padding and 12 of the 13 are two beats.
        assert_eq!(payload.streamed().len(), 12);
        // The first byte read lies in the beat, or the last.
        assert_eq!(read(&[0x1010], &[(0x1013, 2)]).bytes, []);
        assert_eq!(read(&[0x1010], &[(0x1008, 9)]).bytes.len(), 8);
        assert_eq!(read(&[0x1010], &[(0x1008, 8)]).broken, None);
    }

    #[test]
    fn the_first_byte_that_fails_decides() {
        let payload = read(&[0x1000], &[(0x1000, 8), (1 << 40, 8)]);
        assert_eq!((payload.broken, payload.fault), (Some(Refusal::PayloadBusError), None));
        let payload = read(&[0x2000], &[(0x1000, 8), (1 << 40, 8), (0x2000, 8)]);
        assert_eq!(
            (payload.bytes.len(), payload.broken),
            (8, Some(Refusal::FaultPhysRange))
        );
        assert_eq!(payload.fault.map(|fault| fault.cause), Some(FaultCause::PhysRange));
    }
}
