//! Which answers page tables allow that change while lookups are under way.
//!
//! Until an invalidation completes the MMU may answer from what it has read before; afterwards it may not. So the answer
//! of a lookup has to be that of the model's walk over *some* choice of the values that each entry had in its window:
//!
//! - an entry that the MMU may keep (a pointer, a page that passes the checks): since the beginning of the last
//!   invalidation that covers the lookup and whose fence came before its answer was offered (one of an address covers its 4 KiB page
//!   and all superpages of the context);
//! - an entry that it may not keep (broken, absent, without the permission): since the lookup was taken.
//!
//! Where nothing has changed that is one answer.

use segwalk_model::memory::{BusError, Memory, SparseMemory};
use segwalk_model::page_table::{walk, Access, Context, Mode, Walk};
use segwalk_model::refusal::FaultCause;
use segwalk_sim::mmu::{Done, Invalidation, Lookup};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

/// A value that was replaced.
#[derive(Clone, Copy)]
struct Former<T> {
    since: u64,
    /// First clock of the next value.
    until: u64,
    value: T,
}

/// An invalidation, and the clock from which on no answer is offered that it forbids.
struct Forgetting {
    begun: u64,
    complete: u64,
    what: Invalidation,
}

/// Everything that changed since the last quiet moment.
#[derive(Default)]
pub struct Timeline {
    words: HashMap<u64, Vec<Former<Option<u64>>>>,
    /// Pages that fail now.
    failing: HashMap<u64, u64>,
    /// Pages that have failed.
    failed: HashMap<u64, Vec<Former<()>>>,
    contexts: HashMap<u8, Vec<Former<Context>>>,
    forgetting: Vec<Forgetting>,
    start: u64,
}

impl Timeline {
    /// Nothing changed before `clock`, or nothing of it is remembered.
    pub fn begin(&mut self, clock: u64) {
        let failing = std::mem::take(&mut self.failing);
        *self = Timeline {
            start: clock,
            failing,
            ..Timeline::default()
        };
    }

    /// The 8-byte word with this address is about to be changed.
    pub fn word_changes(&mut self, memory: &SparseMemory, clock: u64, phys_addr: u64) {
        let word = phys_addr & !7;
        let value = memory.read_u64(word).ok();
        push(self.words.entry(word).or_default(), self.start, clock, value);
    }

    /// A context is about to be replaced.
    pub fn context_changes(&mut self, clock: u64, number: u8, old: Context) {
        push(self.contexts.entry(number).or_default(), self.start, clock, old);
    }

    /// The bus begins or ceases to answer a page with errors.
    pub fn page_fails(&mut self, clock: u64, phys_page: u64, fails: bool) {
        if fails {
            self.failing.insert(phys_page, clock);
        } else if let Some(since) = self.failing.remove(&phys_page) {
            self.failed.entry(phys_page).or_default().push(Former {
                since,
                until: clock,
                value: (),
            });
        }
    }

    /// An invalidation that began at `begun` had its fence at `complete`.
    pub fn forgotten(&mut self, begun: u64, complete: u64, what: Invalidation) {
        self.forgetting.push(Forgetting { begun, complete, what });
    }

    /// Since when the MMU may remember entries for a lookup: those that lead to a 4 KiB page, and superpages.
    fn memory_since(&self, done: &Done) -> [u64; 2] {
        let mut since = [self.start; 2];
        for forgetting in self.forgetting.iter().filter(|f| f.complete <= done.offered) {
            let covers = match forgetting.what {
                Invalidation::All => [true, true],
                Invalidation::Context(context) => [context == done.lookup.context; 2],
                Invalidation::Address(context, virt_addr) => {
                    let same = context == done.lookup.context;
                    // superpages go by context: no address inside one is left behind
                    [same && virt_addr >> 12 == done.lookup.virt_addr >> 12, same]
                }
            };
            for (since, covers) in since.iter_mut().zip(covers) {
                if covers {
                    *since = (*since).max(forgetting.begun);
                }
            }
        }
        since
    }

    /// Every walk that the lookup may have seen, most recent values first; one of them explains a right answer.
    pub fn walks<'a>(
        &'a self,
        memory: &'a SparseMemory,
        now: &Context,
        done: &'a Done,
    ) -> impl Iterator<Item = (Context, Walk)> + 'a {
        let [small, large] = self.memory_since(done);
        let formers = self.contexts.get(&done.lookup.context).map_or(&[][..], Vec::as_slice);
        let window = [small, done.answered];
        let contexts = versions(formers, *now, window, self.start);
        contexts.into_iter().flat_map(move |context| {
            let chooser = Chooser {
                timeline: self,
                memory,
                context,
                done,
                small,
                large,
                choices: RefCell::default(),
                depth: Cell::new(0),
                stale: Cell::new(false),
            };
            chooser.all().into_iter().map(move |walk| (context, walk))
        })
    }

    /// When which pages failed.
    pub fn failures(&self) -> String {
        let past = self
            .failed
            .iter()
            .flat_map(|(page, all)| all.iter().map(move |f| (page, f.since, Some(f.until))));
        let now = self.failing.iter().map(|(page, since)| (page, *since, None));
        let all: Vec<String> = past
            .chain(now)
            .map(|(page, from, to)| format!("{page:#x}: {from} to {to:?}"))
            .collect();
        all.join(", ")
    }

    /// Whether the page failed, and whether it answered, at some moment of the window.
    fn page_states(&self, phys_page: u64, [from, to]: [u64; 2]) -> [bool; 2] {
        let now = self.failing.get(&phys_page);
        let before = self.failed.get(&phys_page).map_or(&[][..], Vec::as_slice);
        let failed = now.is_some_and(|since| *since <= to)
            || before.iter().any(|former| former.since <= to && former.until > from);
        let answered = now.is_none_or(|since| *since > from);
        [failed, answered]
    }
}

fn push<T>(formers: &mut Vec<Former<T>>, start: u64, clock: u64, value: T) {
    let since = formers.last().map_or(start, |former| former.until);
    formers.push(Former {
        since,
        until: clock,
        value,
    });
}

/// The values that were there at some moment of the window, latest first.
fn versions<T: Copy>(formers: &[Former<T>], now: T, [from, to]: [u64; 2], start: u64) -> Vec<T> {
    let since = formers.last().map_or(start, |former| former.until);
    let mut found = Vec::new();
    if since <= to {
        found.push(now);
    }
    let alive = |former: &&Former<T>| former.since <= to && former.until > from;
    found.extend(formers.iter().rev().filter(alive).map(|former| former.value));
    found
}

/// Memory that gives one choice of the values after the other.
struct Chooser<'a> {
    timeline: &'a Timeline,
    memory: &'a SparseMemory,
    context: Context,
    done: &'a Done,
    small: u64,
    large: u64,
    /// For each read of the walk: which value is taken, of how many.
    choices: RefCell<Vec<(usize, usize)>>,
    depth: Cell<usize>,
    /// The last value read was only there before the lookup was taken.
    stale: Cell<bool>,
}

impl Chooser<'_> {
    fn all(&self) -> Vec<Walk> {
        let Lookup { virt_addr, access, .. } = self.done.lookup;
        let mut walks = Vec::new();
        loop {
            self.depth.set(0);
            self.stale.set(false);
            let walk = served(self, &self.context, virt_addr, access);
            // what is not kept must be fresh: the entry that ends a walk with a fault
            if walk.result.is_ok() || !self.stale.get() {
                walks.push(walk);
            }
            let mut choices = self.choices.borrow_mut();
            choices.truncate(self.depth.get());
            while choices.last().is_some_and(|(taken, of)| taken + 1 == *of) {
                choices.pop();
            }
            match choices.last_mut() {
                Some((taken, _)) => *taken += 1,
                None => return walks,
            }
        }
    }

    fn word(&self, word: u64, bytes_from: usize, bytes: usize) -> Option<u64> {
        let depth = self.depth.get();
        self.depth.set(depth + 1);
        let formers = self.timeline.words.get(&word).map_or(&[][..], Vec::as_slice);
        let fresh = [self.done.taken, self.done.answered];
        let now = self.memory.read_u64(word).ok();
        let unchanged = formers.is_empty() && self.timeline.failing.is_empty() && self.timeline.failed.is_empty();
        let mut candidates: Vec<(Option<u64>, bool)> = Vec::new();
        if unchanged {
            candidates.push((now, true));
        } else {
            let format = self.context.mode.format().expect("a walk has a format");
            let level = format.levels - 1 - depth;
            let part = |value: u64| value >> (8 * bytes_from) & (u64::MAX >> (64 - 8 * bytes));
            let [failed, _] = self.timeline.page_states(word >> 12, fresh);
            let start = self.timeline.start;
            let fresh_values = versions(formers, now, fresh, start);
            for (since, of_superpages) in [(self.large, true), (self.small, false)] {
                let window = [since.min(fresh[0]), fresh[1]];
                let [_, answered] = self.timeline.page_states(word >> 12, window);
                for value in versions(formers, now, window, start).into_iter().flatten() {
                    let superpage = level > 0 && format.is_leaf(part(value), level);
                    if answered && superpage == of_superpages {
                        candidates.push((Some(value), fresh_values.contains(&Some(value))));
                    }
                }
            }
            if failed || fresh_values.contains(&None) {
                candidates.push((None, true));
            }
            candidates.dedup();
        }
        let mut choices = self.choices.borrow_mut();
        if choices.len() == depth {
            choices.push((0, candidates.len().max(1)));
        }
        let (value, is_fresh) = candidates.get(choices[depth].0).copied().unwrap_or((None, false));
        self.stale.set(!is_fresh);
        value
    }
}

impl Memory for Chooser<'_> {
    fn read(&self, phys_addr: u64, bytes: &mut [u8]) -> Result<(), BusError> {
        let from = (phys_addr & 7) as usize;
        let value = self
            .word(phys_addr & !7, from, bytes.len())
            .ok_or(BusError { phys_addr })?;
        let count = bytes.len();
        bytes.copy_from_slice(&value.to_le_bytes()[from..from + count]);
        Ok(())
    }
}

/// The model's walk, where the hardware serves the mode.
fn served(memory: &impl Memory, context: &Context, virt_addr: u64, access: Access) -> Walk {
    if context.mode == Mode::Bare || context.mode.supported_by_rtl() {
        return walk(memory, context, virt_addr, access);
    }
    Walk {
        steps: vec![],
        result: Err(FaultCause::BadContext),
    }
}

/// A lookup in words, for failures.
pub fn describe(done: &Done) -> String {
    let Lookup {
        context,
        virt_addr,
        access,
    } = done.lookup;
    let what = if access == Access::Read { "read" } else { "write" };
    format!(
        "context {context}, {what} at {virt_addr:#x}, taken at clock {}, offered at {}, answered at {}: {:x?}",
        done.taken, done.offered, done.answered, done.answer
    )
}
