//! One translation in full: the model's walk and the emitted MMU's, each with the entries that it read itself.

pub mod demo;
mod report;

use crate::mmu::{self, Answer, BusRead, Lookup, MmuBench};
use anyhow::{Context as _, Result};
pub use report::{report, EngineReport, StepReport, WalkReport};
use segwalk_model::memory::SparseMemory;
use segwalk_model::page_table::{self, Access, Context, Walk};
use segwalk_model::refusal::FaultCause;

/// Context that the question is asked in.
const CONTEXT: u8 = 1;

/// What is to be translated, and where.
#[derive(Clone, Debug)]
pub struct Question {
    /// The address space.
    pub context: Context,
    /// The address.
    pub virt_addr: u64,
    /// What for.
    pub access: Access,
    /// Physical memory with the tables.
    pub memory: SparseMemory,
}

/// Who translates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// The reference model.
    Model,
    /// The emitted Verilog.
    Rtl,
    /// Both, compared.
    Both,
}

/// An entry as an engine read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Level, 0 for 4 KiB pages.
    pub level: usize,
    /// Index into the table.
    pub index: u64,
    /// Physical address of the entry.
    pub entry_addr: u64,
    /// The entry, or nothing when the bus answered with an error.
    pub entry: Option<u64>,
}

/// A walk of the emitted MMU.
#[derive(Clone, Debug)]
pub struct RtlWalk {
    /// The entries on the way, out of what it read.
    pub seen: Vec<Seen>,
    /// Its reads.
    pub reads: Vec<BusRead>,
    /// Reads that are no step of the walk.
    pub stray: usize,
    /// Physical address, or the cause.
    pub result: Result<u64, FaultCause>,
    /// Clocks from request to answer.
    pub clocks: u64,
}

impl Question {
    /// The model's walk.
    pub fn model(&self) -> Walk {
        page_table::walk(&self.memory, &self.context, self.virt_addr, self.access)
    }

    /// The emitted MMU's walk, with everything forgotten before.
    pub fn rtl(&self) -> Result<RtlWalk> {
        let model = mmu::model()?;
        let mut bench = MmuBench::new(&model, self.memory.clone(), 0)?;
        bench.write_context(CONTEXT, &self.context);
        bench.settle()?;
        bench.record_reads(true);
        bench.ask(
            1,
            Lookup {
                context: CONTEXT,
                virt_addr: self.virt_addr,
                access: self.access,
            },
        );
        bench.settle()?;
        let done = bench.done[1].pop().context("the MMU gave no answer")?;
        let reads = bench.take_reads();
        let (seen, stray) = self.entries(&reads);
        let answer: Answer = done.answer;
        Ok(RtlWalk {
            seen,
            reads,
            stray,
            result: answer.map(|page| page << 12 | self.virt_addr & 0xFFF),
            clocks: done.answered - done.taken,
        })
    }

    /// Finds in each read the entry that the address selects; the table is where the MMU read.
    fn entries(&self, reads: &[BusRead]) -> (Vec<Seen>, usize) {
        let Some(format) = self.context.mode.format() else {
            return (vec![], reads.len());
        };
        let mut seen = Vec::new();
        for read in reads {
            let Some(level) = (format.levels - 1).checked_sub(seen.len()) else {
                break;
            };
            let index = format.index(self.virt_addr, level);
            let entry_addr = (read.phys_addr & !0xFFF) + index * format.entry_bytes as u64;
            let inside = entry_addr
                .checked_sub(read.phys_addr)
                .filter(|offset| *offset < read.bytes());
            let Some(offset) = inside else { break };
            let word = read.words[offset as usize / 8];
            let entry = word.map(|word| match format.entry_bytes {
                4 => word >> (8 * (offset % 8)) & 0xFFFF_FFFF,
                _ => word,
            });
            seen.push(Seen {
                level,
                index,
                entry_addr,
                entry,
            });
        }
        let stray = reads.len() - seen.len();
        (seen, stray)
    }
}

/// What the model's walk read.
pub fn seen_by_model(walk: &Walk) -> Vec<Seen> {
    walk.steps
        .iter()
        .map(|step| Seen {
            level: step.level,
            index: step.index,
            entry_addr: step.entry_addr,
            entry: step.entry,
        })
        .collect()
}

/// Says in what the walks differ; nothing when they agree.
pub fn difference(model: &Walk, rtl: &RtlWalk) -> Option<String> {
    let from_model = seen_by_model(model);
    for (at, (one, other)) in from_model.iter().zip(&rtl.seen).enumerate() {
        if one != other {
            return Some(format!(
                "entry {} of the walk is not the same: {one:x?} and {other:x?}",
                at + 1
            ));
        }
    }
    if from_model.len() != rtl.seen.len() {
        return Some(format!(
            "the model reads {} entries and the RTL {}",
            from_model.len(),
            rtl.seen.len()
        ));
    }
    if rtl.stray > 0 {
        return Some(format!("the RTL made {} reads that are no step of the walk", rtl.stray));
    }
    let expected = model.result.map(|translation| translation.phys_addr);
    (expected != rtl.result).then(|| {
        let name = |result: &Result<u64, FaultCause>| match result {
            Ok(phys_addr) => format!("{phys_addr:#x}"),
            Err(cause) => cause.name().to_string(),
        };
        format!("the model says {}, the RTL {}", name(&expected), name(&rtl.result))
    })
}
