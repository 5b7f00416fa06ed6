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
pub mod walk_memory;
pub mod walker;

use crate::bus::ports::{ContextWriteSink, MemReadClient, TranslateServer};
use contexts::ContextTable;
use lookup::Lookup;
use port::PortQueue;
use rust_hdl::prelude::*;
use segwalk_model::limits::VIRT_PAGE_BITS;
use sweep::Sweeper;
use types::{ContextRow, PAGE_BITS};
use walker::Walker;

/// States that `debug` shows: the walker's, and above 15 the sweeper's while it does not serve.
pub const DEBUG_STATES: &[&str] = &[
    "idle",
    "load",
    "begin",
    "aim",
    "probe",
    "probe read",
    "probe compare",
    "probe decide",
    "note",
    "learn",
    "ask",
    "check",
    "close",
    "-",
    "-",
    "-",
    "-",
    "clearing",
    "ending",
    "settling",
];

logic_block! {
    /// The MMU.
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
        /// Drop translations; a pulse.
        pub invalidate: Signal<In, Bit>,
        /// With it: 0 all, 1 those of a context, 2 those of a context that cover an address.
        pub invalidate_kind: Signal<In, Bits<2>>,
        /// With it: the context.
        pub invalidate_context: Signal<In, Bits<4>>,
        /// The address, bits 63:12; steady from the pulse to the fence.
        pub invalidate_virt_page: Signal<In, Bits<VIRT_PAGE_BITS>>,
        /// It is not done.
        pub invalidating: Signal<Out, Bit>,
        /// From now on no old translation is answered; a pulse.
        pub fence: Signal<Out, Bit>,
        /// A first lookup hit; bit 0 ring, bit 1 payload; one-clock pulses.
        pub hit: Signal<Out, Bits<2>>,
        /// A first lookup missed.
        pub miss: Signal<Out, Bits<2>>,
        /// An answer with a cause is taken.
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
        // what the registers ask, a clock later: it stops much at once, and comes from far away
        write_now: DFF<Bit>,
        written_context: DFF<Bits<4>>,
        written_row: DFF<ContextRow>,
        invalidate_now: DFF<Bit>,
        asked_kind: DFF<Bits<2>>,
        asked_context: DFF<Bits<4>>,
        hits: DFF<Bits<2>>,
        misses: DFF<Bits<2>>,
        faults: DFF<Bits<2>>,
        walks: DFF<Bit>,
        debug_reg: DFF<Bits<8>>,
        row: Signal<Local, ContextRow>,
        refused: Signal<Local, Bit>,
        miss_port: Signal<Local, Bit>,
    }
}

impl Mmu {
    /// With a TLB of so many entries of 4 KiB, one of [`types::TLB_ENTRIES`].
    pub fn for_entries(entries: usize) -> Self {
        Self {
            lookup: Lookup::for_entries(entries),
            sweeper: Sweeper::for_entries(entries),
            ..Self::default()
        }
    }
}

impl Logic for Mmu {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            write_now,
            written_context,
            written_row,
            invalidate_now,
            asked_kind,
            asked_context,
            hits,
            misses,
            faults,
            walks,
            debug_reg
        );
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
        // Requests
        self.lookup.offered_0.next = self.port_0.offered.val();
        self.lookup.request_0.next = self.port_0.request.val();
        self.lookup.ticket_0.next = self.port_0.ticket.val();
        self.lookup.again_0.next = self.port_0.again.val();
        self.port_0.granted.next = self.lookup.granted_0.val();
        self.lookup.offered_1.next = self.port_1.offered.val();
        self.lookup.request_1.next = self.port_1.request.val();
        self.lookup.ticket_1.next = self.port_1.ticket.val();
        self.lookup.again_1.next = self.port_1.again.val();
        self.port_1.granted.next = self.lookup.granted_1.val();
        self.contexts.lookup_context.next = self.lookup.mode_of.val();
        self.lookup.mode.next = self.contexts.lookup_mode.val();
        // Misses
        self.walker.line_hash.next = self.lookup.line_hash.val();
        self.walker.missed.next = self.lookup.missed.val();
        self.walker.miss.next = self.lookup.miss.val();
        self.contexts.walk_context.next = self.walker.row_of.val();
        self.walker.context_row.next = self.contexts.walk_row.val();
        self.lookup.result_valid.next = self.walker.result_valid.val();
        self.lookup.result.next = self.walker.result.val();
        // Answers, and what must be looked up again
        self.miss_port.next = self.lookup.miss.val().port;
        self.refused.next = self.lookup.missed.val() & !self.walker.taken.val();
        self.port_0.answered.next = self.lookup.answered_0.val();
        self.port_0.answer.next = self.lookup.answer.val();
        self.port_0.result_ticket.next = self.lookup.miss.val().ticket;
        self.port_0.bounced.next = self.refused.val() & !self.miss_port.val();
        self.port_1.answered.next = self.lookup.answered_1.val();
        self.port_1.answer.next = self.lookup.answer.val();
        self.port_1.result_ticket.next = self.lookup.miss.val().ticket;
        self.port_1.bounced.next = self.refused.val() & self.miss_port.val();
        // Contexts and invalidation
        self.write_now.d.next = self.context.valid.val();
        self.written_context.d.next = self.context.context.val();
        self.row.next.mode = self.context.mode.val();
        self.row.next.root_page = self.context.root_page.val();
        self.row.next.user_only = self.context.user_only.val();
        self.row.next.accessed_faults = self.context.accessed_faults.val();
        self.written_row.d.next = self.row.val();
        self.contexts.write.next = self.write_now.q.val();
        self.contexts.write_context.next = self.written_context.q.val();
        self.contexts.row.next = self.written_row.q.val();
        self.invalidate_now.d.next = self.invalidate.val();
        self.asked_kind.d.next = self.invalidate_kind.val();
        self.asked_context.d.next = self.invalidate_context.val();
        self.sweeper.invalidate.next = self.invalidate_now.q.val();
        self.sweeper.kind.next = self.asked_kind.q.val();
        self.sweeper.asked_context.next = self.asked_context.q.val();
        self.sweeper.virt_page.next = self.invalidate_virt_page.val().get_bits::<PAGE_BITS>(0);
        self.sweeper.context_written.next = self.write_now.q.val();
        self.sweeper.written.next = self.written_context.q.val();
        self.sweeper.soon.next = self.invalidate.val() | self.context.valid.val();
        self.sweeper.busy.next = self.lookup.busy.val();
        self.sweeper.hold.next = self.mem.data_valid.val();
        self.invalidating.next = self.sweeper.invalidating.val() | self.invalidate_now.q.val() | self.write_now.q.val();
        self.fence.next = self.sweeper.fence.val();
        self.lookup.run.next = self.sweeper.run.val();
        self.lookup.sweep.next = self.sweeper.sweep.val();
        self.lookup.sweep_at.next = self.sweeper.sweep_at.val();
        self.lookup.sweep_all.next = self.sweeper.sweep_all.val();
        self.lookup.sweep_page.next = self.sweeper.sweep_page.val();
        self.lookup.sweep_context.next = self.sweeper.sweep_context.val();
        self.lookup.sweep_virt_page.next = self.sweeper.sweep_virt_page.val();
        self.walker.run.next = self.sweeper.run.val();
        self.walker.forget.next = self.sweeper.forget.val();
        self.walker.sweep.next = self.sweeper.sweep.val();
        self.walker.sweep_at.next = self.sweeper.sweep_at.val();
        self.walker.swept.next = self.sweeper.swept.val();
        self.port_0.rewind.next = self.sweeper.rewind.val();
        self.port_0.rewind_at.next = self.sweeper.sweep_at.val().get_bits::<4>(0);
        self.port_1.rewind.next = self.sweeper.rewind.val();
        self.port_1.rewind_at.next = self.sweeper.sweep_at.val().get_bits::<4>(0);
        // Events
        self.hits.d.next = self.lookup.hits.val();
        self.misses.d.next = self.lookup.misses.val();
        self.faults.d.next = bit_cast::<2, 1>(self.port_0.faulted.val().into())
            | (bit_cast::<2, 1>(self.port_1.faulted.val().into()) << 1);
        self.walks.d.next = self.walker.taken.val();
        self.hit.next = self.hits.q.val();
        self.miss.next = self.misses.q.val();
        self.fault.next = self.faults.q.val();
        self.walk.next = self.walks.q.val();
        self.debug_reg.d.next = bit_cast::<8, 4>(self.walker.state_code.val());
        if self.sweeper.state_code.val() != 0 {
            self.debug_reg.d.next = bit_cast::<8, 2>(self.sweeper.state_code.val()) | 16;
        }
        self.debug.next = self.debug_reg.q.val();
        if self.reset.val() {
            self.write_now.d.next = false;
            self.invalidate_now.d.next = false;
        }
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
