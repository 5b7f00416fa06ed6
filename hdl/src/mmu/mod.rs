//! The memory management unit: virtual pages in, physical pages or causes out.
//!
//! ```text
//!  ring ----> PortQueue 0 --+                 +--> answers
//!                           +--> Lookup ------+
//!  payload -> PortQueue 1 --+    TLB in RAM   +--> misses --> Walker --> memory
//!                                  ^                            |
//!                                  +---------- fills -----------+
//! ```
//!
//! A hit is answered 6 clocks after its request was taken. A port holds 16 requests, and hits go on under misses; its
//! answers come in the order of its requests. Faults are never cached, and a hit without the permission asked for is
//! walked again, so software may map a page or grant a permission without an invalidation.
//!
//! **Events.** A *paged* lookup is one of a context with page tables whose address is canonical. Each paged lookup gives
//! exactly one `hit` or one `miss`, when it is looked up for the first time: `hit` when the TLB allows the access, else
//! `miss`. Bare lookups, `BadContext`, `NonCanonical` and Bare's `PhysRange` give neither. `walk` is a walk that begins.
//! A request whose line of leaf entries is being walked already waits for that walk and is looked up again: it has given
//! a `miss`, but begins no walk unless the line did not hold what it needs. Without invalidations a request begins at
//! most one walk, so `walks <= misses`; every fault found in a table is a walk of its own. What an invalidation
//! interrupts is walked again: no further `hit` or `miss`, but another `walk`.
//!
//! **Invalidation.** `invalidate` with `invalidate_kind` 0 empties the TLB, 1 drops what belongs to
//! `invalidate_context`, 2 what belongs to `invalidate_context` and covers `invalidate_virt_page` (superpages: all of the
//! context). Writing a context drops what belongs to it. Each also empties the page-walk cache and forgets walks under
//! way and answers that no client has been offered yet: these requests are looked up again afterwards. From the pulse of
//! `fence` on an answer that begins to be offered is of the tables as they were read after the invalidation began.
//! `invalidating` is high from the clock after the request until 2 clocks after `fence`.
//!
//! What it refuses, and in which order, is written in `segwalk_model::page_table`; the constants of every format come
//! from there (see [`rows`]).

pub mod contexts;
pub mod entry;
pub mod lookup;
pub mod port;
pub mod rows;
pub mod store;
pub mod sweep;
pub mod types;
pub mod walk_cache;
pub mod walker;

use crate::bus::ports::{ContextWriteSink, MemReadClient, TranslateServer};
use contexts::ContextTable;
use lookup::Lookup;
use port::PortQueue;
use rust_hdl::prelude::*;
use sweep::Sweeper;
use types::PortAnswer;
use walker::Walker;

/// States that `debug` shows: the walker's, and above 15 the sweeper's while it does not serve.
pub const DEBUG_STATES: &[&str] = &[
    "idle",
    "start",
    "probe",
    "probe read",
    "probe compare",
    "probe decide",
    "ask",
    "wait",
    "drain",
    "-",
    "-",
    "-",
    "-",
    "-",
    "-",
    "-",
    "clearing",
    "settling",
];

/// The MMU.
#[derive(LogicBlock, Default)]
pub struct Mmu {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset: context 0 is Bare, the others are off, nothing is cached.
    pub reset: Signal<In, Bit>,
    /// Port 0: fetcher and completion.
    pub ring: TranslateServer,
    /// Port 1: payload reader.
    pub payload: TranslateServer,
    /// The walker's reads.
    pub mem: MemReadClient,
    /// The registers write a context.
    pub context: ContextWriteSink,
    /// Empty the TLB; a pulse.
    pub invalidate: Signal<In, Bit>,
    /// It is not yet empty.
    pub invalidating: Signal<Out, Bit>,
    /// A lookup hit; bit 0 ring, bit 1 payload; one-clock pulses. Bare lookups are neither hits nor misses.
    pub hit: Signal<Out, Bits<2>>,
    /// A lookup missed.
    pub miss: Signal<Out, Bits<2>>,
    /// An answer has a cause.
    pub fault: Signal<Out, Bits<2>>,
    /// A walk begins.
    pub walk: Signal<Out, Bit>,
    /// Number of the state in [`DEBUG_STATES`].
    pub debug: Signal<Out, Bits<8>>,
    //
    port_0: PortQueue,
    port_1: PortQueue,
    contexts: ContextTable,
    lookup: Lookup,
    walker: Walker,
    sweeper: Sweeper,
    hits: DFF<Bits<2>>,
    misses: DFF<Bits<2>>,
    faults: DFF<Bits<2>>,
    walks: DFF<Bit>,
    debug_reg: DFF<Bits<8>>,
    answer_0: Signal<Local, PortAnswer>,
    answer_1: Signal<Local, PortAnswer>,
    fault_0: Signal<Local, Bit>,
    fault_1: Signal<Local, Bit>,
}

impl Logic for Mmu {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, hits, misses, faults, walks, debug_reg);
        clock!(self, clock, port_0, port_1, contexts, lookup, walker, sweeper);
        self.port_0.reset.next = self.reset.val();
        self.port_1.reset.next = self.reset.val();
        self.contexts.reset.next = self.reset.val();
        self.lookup.reset.next = self.reset.val();
        self.walker.reset.next = self.reset.val();
        self.sweeper.reset.next = self.reset.val();
        TranslateServer::link(&mut self.ring, &mut self.port_0.client);
        TranslateServer::link(&mut self.payload, &mut self.port_1.client);
        MemReadClient::link(&mut self.mem, &mut self.walker.mem);
        ContextWriteSink::link(&mut self.context, &mut self.contexts.write);
        // Requests
        self.lookup.offered_0.next = self.port_0.offered.val();
        self.lookup.request_0.next = self.port_0.request.val();
        self.port_0.granted.next = self.lookup.granted_0.val();
        self.lookup.offered_1.next = self.port_1.offered.val();
        self.lookup.request_1.next = self.port_1.request.val();
        self.port_1.granted.next = self.lookup.granted_1.val();
        self.contexts.lookup_context.next = self.lookup.mode_of.val();
        self.lookup.mode.next = self.contexts.lookup_mode.val();
        // Answers: a port that waits for the walker has nothing in the pipeline
        self.answer_0.next.phys_page = self.lookup.phys_page.val();
        self.answer_0.next.cause = self.lookup.cause.val();
        if self.walker.answered_0.val() {
            self.answer_0.next.phys_page = self.walker.phys_page.val();
            self.answer_0.next.cause = self.walker.cause.val();
        }
        self.answer_1.next.phys_page = self.lookup.phys_page.val();
        self.answer_1.next.cause = self.lookup.cause.val();
        if self.walker.answered_1.val() {
            self.answer_1.next.phys_page = self.walker.phys_page.val();
            self.answer_1.next.cause = self.walker.cause.val();
        }
        self.port_0.answer.next = self.answer_0.val();
        self.port_0.answer_valid.next = self.lookup.answered_0.val() | self.walker.answered_0.val();
        self.port_0.missed.next = self.lookup.missed_0.val();
        self.port_1.answer.next = self.answer_1.val();
        self.port_1.answer_valid.next = self.lookup.answered_1.val() | self.walker.answered_1.val();
        self.port_1.missed.next = self.lookup.missed_1.val();
        // Walks
        self.walker.wanted_0.next = self.port_0.walk_wanted.val();
        self.walker.request_0.next = self.port_0.request.val();
        self.port_0.walk_taken.next = self.walker.taken_0.val();
        self.port_0.walk_answered.next = self.walker.answered_0.val();
        self.port_0.walk_over.next = self.walker.over_0.val();
        self.walker.wanted_1.next = self.port_1.walk_wanted.val();
        self.walker.request_1.next = self.port_1.request.val();
        self.port_1.walk_taken.next = self.walker.taken_1.val();
        self.port_1.walk_answered.next = self.walker.answered_1.val();
        self.port_1.walk_over.next = self.walker.over_1.val();
        self.contexts.walk_context.next = self.walker.row_of.val();
        self.walker.context_row.next = self.contexts.walk_row.val();
        // Fills
        self.lookup.fill_valid.next = self.walker.fill_valid.val();
        self.walker.fill_ready.next = self.lookup.fill_ready.val();
        self.lookup.fill_context.next = self.walker.row_of.val();
        self.lookup.fill_virt_page.next = self.walker.fill_virt_page.val();
        self.lookup.fill.next = self.walker.fill.val();
        // Invalidation
        self.sweeper.invalidate.next = self.invalidate.val();
        self.sweeper.context_written.next = self.context.valid.val();
        self.sweeper.busy.next = self.lookup.busy.val() | self.walker.busy.val();
        self.invalidating.next = self.sweeper.invalidating.val();
        self.lookup.run.next = self.sweeper.run.val();
        self.walker.run.next = self.sweeper.run.val();
        self.lookup.sweep.next = self.sweeper.sweep.val();
        self.lookup.sweep_at.next = self.sweeper.sweep_at.val();
        self.walker.sweep.next = self.sweeper.sweep.val();
        self.walker.sweep_at.next = self.sweeper.sweep_at.val();
        self.port_0.retry.next = self.sweeper.sweep.val();
        self.port_1.retry.next = self.sweeper.sweep.val();
        // Events
        self.hits.d.next = bit_cast::<2, 1>((self.lookup.answered_0.val() & self.lookup.hit.val()).into())
            | (bit_cast::<2, 1>((self.lookup.answered_1.val() & self.lookup.hit.val()).into()) << 1);
        self.misses.d.next = bit_cast::<2, 1>(self.lookup.missed_0.val().into())
            | (bit_cast::<2, 1>(self.lookup.missed_1.val().into()) << 1);
        self.fault_0.next = (self.lookup.answered_0.val() & (self.lookup.cause.val() != 0))
            | (self.walker.answered_0.val() & (self.walker.cause.val() != 0));
        self.fault_1.next = (self.lookup.answered_1.val() & (self.lookup.cause.val() != 0))
            | (self.walker.answered_1.val() & (self.walker.cause.val() != 0));
        self.faults.d.next =
            bit_cast::<2, 1>(self.fault_0.val().into()) | (bit_cast::<2, 1>(self.fault_1.val().into()) << 1);
        self.walks.d.next = self.walker.taken_0.val() | self.walker.taken_1.val();
        self.hit.next = self.hits.q.val();
        self.miss.next = self.misses.q.val();
        self.fault.next = self.faults.q.val();
        self.walk.next = self.walks.q.val();
        self.debug_reg.d.next = bit_cast::<8, 4>(self.walker.state_code.val());
        if self.sweeper.state_code.val() == 1 {
            self.debug_reg.d.next = 16.into();
        }
        if self.sweeper.state_code.val() == 2 {
            self.debug_reg.d.next = 17.into();
        }
        self.debug.next = self.debug_reg.q.val();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emits_and_has_nothing_that_the_lint_knows() {
        let mut mmu = Mmu::default();
        assert!(crate::emit::verilog(&mut mmu, "mmu").unwrap().contains("module mmu("));
        let found = crate::lint::check(&mmu, "mmu");
        assert!(
            found.is_empty(),
            "{}",
            found.iter().map(|f| format!("{f}\n")).collect::<String>()
        );
    }
}
