//! Verilog out of a Rust-HDL module. The same module gives the same bytes.

use crate::mmu::types::{DEFAULT_TLB_ENTRIES, TLB_ENTRIES};
use crate::top::SegwalkCore;
use anyhow::{anyhow, ensure, Result};
use rust_hdl::core::check_error::check_all;
use rust_hdl::core::module_defines::ModuleDefines;
use rust_hdl::prelude::*;
use segwalk_model::limits::{SEGMENT_KIB, SUPER_FRAME_KIB, TX_QUEUES, TX_QUEUES_MAX};

/// The Verilog of `block` and everything below it; the outermost module is called `name`.
///
/// Fails when a signal has no driver, an input is written from inside, or a combinational value is read before it is
/// assigned. What Rust-HDL does not see is left to [`crate::lint`].
pub fn verilog(block: &mut impl Block, name: &str) -> Result<String> {
    block.connect_all();
    check_all(&*block).map_err(|error| anyhow!("module {name} is not complete: {error:?}; correct the module"))?;
    let mut defines = ModuleDefines::default();
    block.accept(name, &mut defines);
    Ok(tidy(&defines.defines()))
}

/// Name of the core's module.
pub const CORE: &str = "segwalk_core";

/// The core as the kernel lint takes it: complete and connected, but for its ports.
pub fn core() -> SegwalkCore {
    let mut core = SegwalkCore::default();
    core.connect_all();
    core
}

/// What a user of the generator chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoreOptions {
    /// Largest payload of a super-frame in KiB, one of [`SUPER_FRAME_KIB`].
    pub super_frame_kib: usize,
    /// Translations of 4 KiB pages that the TLB keeps, one of [`TLB_ENTRIES`].
    pub tlb_entries: usize,
    /// KiB of the buffer that segments wait in for their turn on the wire, one of [`SEGMENT_KIB`].
    pub segment_kib: usize,
    /// Transmit queues, 1 to [`TX_QUEUES_MAX`]; the register block has as many receive queues.
    pub tx_queues: usize,
}

impl Default for CoreOptions {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl CoreOptions {
    /// What is built when nothing else is asked for.
    pub const DEFAULT: Self = Self {
        super_frame_kib: SUPER_FRAME_KIB[0],
        tlb_entries: DEFAULT_TLB_ENTRIES,
        segment_kib: SEGMENT_KIB[0],
        tx_queues: TX_QUEUES,
    };

    /// Says which option cannot be built, and what can.
    pub fn check(&self) -> Result<()> {
        ensure!(
            SUPER_FRAME_KIB.contains(&self.super_frame_kib),
            "super-frames of {} KiB are not built for; ask for one of {SUPER_FRAME_KIB:?}",
            self.super_frame_kib
        );
        ensure!(
            TLB_ENTRIES.contains(&self.tlb_entries),
            "a TLB of {} entries is not built for; ask for one of {TLB_ENTRIES:?}",
            self.tlb_entries
        );
        ensure!(
            SEGMENT_KIB.contains(&self.segment_kib),
            "a segment buffer of {} KiB is not built for; ask for one of {SEGMENT_KIB:?}",
            self.segment_kib
        );
        ensure!(
            (1..=TX_QUEUES_MAX).contains(&self.tx_queues),
            "{} transmit queues are not built for; ask for 1 to {TX_QUEUES_MAX}",
            self.tx_queues
        );
        Ok(())
    }
}

/// The Verilog of the whole core, module [`CORE`].
pub fn core_verilog() -> Result<String> {
    core_verilog_for(&CoreOptions::default())
}

/// [`core_verilog`] with other options than the default ones.
pub fn core_verilog_for(options: &CoreOptions) -> Result<String> {
    options.check()?;
    on_large_stack(|| verilog(&mut SegwalkCore::new(options), CORE))?
}

/// What `work` returns, from a stack that holds a whole core: that is one value, too large for the stack of a test's thread.
pub fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T> {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, work)?
            .join()
            .map_err(|_| anyhow!("the emitter panicked; its message is above"))
    })
}

const STACK_BYTES: usize = 64 << 20;

/// Strips trailing blanks and runs of empty lines, so that a difference between two outputs is a difference in content.
fn tidy(text: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines().map(str::trim_end) {
        if !(line.is_empty() && lines.last().is_none_or(|last| last.is_empty())) {
            lines.push(line);
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::fifo::Fifo;

    #[test]
    fn same_module_same_bytes_and_the_given_name() {
        let emit = || verilog(&mut Fifo::<Bits<8>, 4>::default(), "queue").unwrap();
        assert_eq!(emit(), emit());
        assert!(emit().starts_with("module queue("), "{}", emit());
    }
}
