//! What bus and stream allow at best.
//!
//! The stream takes a beat of 8 bytes a clock, and a frame's last beat may be partly empty. The bus gives a beat of 8 bytes a
//! clock to all readers together: payload and header from the word of their first byte to that of their last, 16 bytes a
//! descriptor, 2 bytes a chain in the avail ring, and with a cold TLB an entry a page and the tables above once.

use super::work::{Chain, Work};

const WORD_BYTES: usize = 8;

/// Beats of one chain.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Beats {
    /// On the frame stream.
    pub(super) output: f64,
    /// On the read channel of memory, at least.
    pub(super) read: f64,
}

impl Beats {
    /// Mean over chains; `levels` is that of page tables when the TLB is cold, otherwise 0.
    pub(super) fn of(work: &Work, levels: usize) -> Beats {
        let count = work.chains.len().max(1) as f64;
        let sum = |beats: &dyn Fn(&Chain) -> f64| work.chains.iter().map(beats).sum::<f64>() / count;
        Beats {
            output: sum(&|chain| chain.output_beats as f64),
            read: sum(&|chain| read_beats(chain, levels)),
        }
    }

    /// Clocks that a chain takes at least.
    pub(super) fn clocks(&self) -> f64 {
        self.output.max(self.read)
    }
}

fn read_beats(chain: &Chain, levels: usize) -> f64 {
    let regions = chain.regions.iter();
    let data: usize = regions
        .map(|region| (region.virt_addr as usize % WORD_BYTES + region.bytes).div_ceil(WORD_BYTES))
        .sum();
    let tables = match levels {
        0 => 0,
        levels => chain.payload_pages + levels - 1,
    };
    (data + 2 * chain.regions.len() + tables) as f64 + 0.25
}
