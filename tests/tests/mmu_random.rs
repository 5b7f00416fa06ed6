//! Random translations through the emitted MMU against the model: every format, page size, permission and broken entry,
//! on both ports, while page tables, contexts and the bus change.

use anyhow::{bail, ensure, Context as _, Result};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use segwalk_hdl::mmu::types::DEFAULT_TLB_ENTRIES;
use segwalk_sim::mmu::{model_for, Events, Invalidation, Manners, MmuBench};
use segwalk_sim::verilated::Model;
use segwalk_tests::mmu::coverage::Coverage;
use segwalk_tests::mmu::timeline::{describe, Timeline};
use segwalk_tests::mmu::world::World;
use segwalk_tests::seed;

/// Lookups of `make test`. SEGWALK_LOOKUPS sets another number, SEGWALK_TLB_ENTRIES another size of the TLB.
const LOOKUPS: u64 = 220_000;
/// Lookups below which not every outcome must have been seen.
const ENOUGH: u64 = 200_000;
/// Changes of page tables, contexts and bus in an eventful phase.
const CHANGES: usize = 60;

fn number(variable: &str, default: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{variable} is {text:?} but must be a number")),
        Err(_) => default,
    }
}

/// What a run has seen.
#[derive(Default)]
struct Seen {
    coverage: Coverage,
    lookups: u64,
    /// Lookups with more than one right answer, because tables changed while they were under way.
    open: u64,
    /// Invalidations by kind.
    invalidations: [u64; 3],
    changes: u64,
}

/// One world, its MMU, and what may be known about it.
struct Round<'a> {
    bench: MmuBench,
    world: World,
    timeline: Timeline,
    random: &'a mut ChaCha8Rng,
    seen: &'a mut Seen,
}

impl<'a> Round<'a> {
    fn new(model: &Model, random: &'a mut ChaCha8Rng, seen: &'a mut Seen) -> Result<Self> {
        let (world, memory) = World::new(random);
        let mut bench = MmuBench::new(model, memory, random.gen())?;
        for number in 0..16 {
            bench.write_context(number, world.context(number));
        }
        bench.settle()?;
        bench.fences.clear();
        let mut timeline = Timeline::default();
        timeline.begin(bench.clock);
        Ok(Self {
            bench,
            world,
            timeline,
            random,
            seen,
        })
    }

    fn ask(&mut self, most: usize) {
        for port in 0..2 {
            for _ in 0..self.random.gen_range(0..=most) {
                let lookup = self.world.lookup(self.random);
                self.bench.ask(port, lookup);
            }
        }
    }

    fn run(&mut self, clocks: u64) {
        (0..clocks).for_each(|_| self.bench.tick());
    }

    /// Starts an invalidation with traffic under way and waits until it is complete.
    fn invalidate(&mut self, what: Invalidation) -> Result<()> {
        let begun = self.bench.clock;
        self.bench.invalidate(what);
        self.complete(begun, what)
    }

    /// Waits for the end of an invalidation; now and then another one is asked for meanwhile.
    fn complete(&mut self, begun: u64, what: Invalidation) -> Result<()> {
        ensure!(
            self.bench.invalidating(),
            "{what:?} is not under way on the clock after it was asked for"
        );
        let mut asked = vec![(begun, what)];
        if self.random.gen_ratio(1, 6) {
            let clocks = self.random.gen_range(0..90);
            self.run(clocks);
            let second = match self.random.gen_range(0..3) {
                0 => Invalidation::All,
                1 => Invalidation::Context(self.random.gen_range(0..16)),
                _ => {
                    let lookup = self.world.lookup(self.random);
                    Invalidation::Address(lookup.context, lookup.virt_addr)
                }
            };
            asked.push((self.bench.clock, second));
            self.bench.invalidate(second);
        }
        let limit = self.bench.clock + 100_000;
        while self.bench.invalidating() {
            self.bench.tick();
            ensure!(
                self.bench.clock < limit,
                "{asked:?} is not complete after 100,000 clocks"
            );
        }
        // the first may have ended before the second was asked for; else they end together
        let fences = std::mem::take(&mut self.bench.fences);
        let fence = *fences.last().context("there was no fence")?;
        ensure!(
            fences.len() <= asked.len() && fence > asked[asked.len() - 1].0,
            "{asked:x?} ended with the fences {fences:?}"
        );
        ensure!(
            self.bench.clock == fence + 3,
            "invalidating is high for two clocks after the fence"
        );
        for (begun, what) in asked {
            let own = fences.iter().find(|fence| **fence > begun).unwrap_or(&fence);
            self.timeline.forgotten(begun, *own, what);
            let kind = match what {
                Invalidation::All => 0,
                Invalidation::Context(_) => 1,
                Invalidation::Address(..) => 2,
            };
            self.seen.invalidations[kind] += 1;
        }
        Ok(())
    }

    /// Lookups in a world at rest: counters are exact, and neither an invalidation nor a context that is written as it
    /// was changes an answer.
    fn calm_phase(&mut self) -> Result<()> {
        let before = self.bench.events;
        self.ask(500);
        let interruptions = self.random.gen_range(0..4);
        for _ in 0..interruptions {
            let clocks = self.random.gen_range(0..1500);
            self.run(clocks);
            let context = self.random.gen_range(0..16);
            match self.random.gen_range(0..4) {
                0 => self.invalidate(Invalidation::All)?,
                1 => self.invalidate(Invalidation::Context(context))?,
                2 => {
                    let virt_addr = self.world.lookup(self.random).virt_addr;
                    self.invalidate(Invalidation::Address(context, virt_addr))?;
                }
                _ => {
                    let row = *self.world.context(context);
                    let begun = self.bench.clock;
                    self.bench.write_context(context, &row);
                    self.complete(begun, Invalidation::Context(context))?;
                }
            }
        }
        self.bench.settle()?;
        let (paged, faults) = self.check()?;
        check_events(&before, &self.bench.events, paged, faults, interruptions == 0);
        Ok(())
    }

    /// Lookups while tables, contexts and the bus change.
    fn eventful_phase(&mut self) -> Result<()> {
        let mut failing = None;
        for _ in 0..self.random.gen_range(0..CHANGES) {
            self.ask(12);
            let clocks = self.random.gen_range(0..200);
            self.run(clocks);
            self.seen.changes += 1;
            let clock = self.bench.clock;
            match self.random.gen_range(0..12) {
                0 => {
                    let number = self.random.gen_range(0..16);
                    self.timeline
                        .context_changes(clock, number, *self.world.context(number));
                    let row = self.world.change_context(self.random, number);
                    self.bench.write_context(number, &row);
                    self.complete(clock, Invalidation::Context(number))?;
                }
                1 => match failing.take() {
                    Some(page) => self.fail(page, false),
                    None => {
                        let page = self.world.table_page(self.random);
                        self.fail(page, true);
                        failing = Some(page);
                    }
                },
                _ => {
                    let known = self
                        .world
                        .change(self.random, &mut self.bench.memory, &mut self.timeline, clock);
                    if let Some(what) = known.filter(|_| self.random.gen_ratio(2, 3)) {
                        let clocks = self.random.gen_range(0..20);
                        self.run(clocks);
                        self.invalidate(what)?;
                    }
                }
            }
        }
        if let Some(page) = failing {
            self.fail(page, false);
        }
        self.bench.settle()?;
        self.check()?;
        // what was not made known is made known now, so that the next phase begins anew
        self.invalidate(Invalidation::All)?;
        self.bench.settle()?;
        self.timeline.begin(self.bench.clock);
        Ok(())
    }

    fn fail(&mut self, page: u64, fails: bool) {
        self.timeline.page_fails(self.bench.clock, page, fails);
        self.bench.set_failing(page, fails);
    }

    /// Every answer is one that the model allows. Gives the answers of paged contexts and the faults, by port.
    fn check(&mut self) -> Result<([u64; 2], [u64; 2])> {
        let [mut paged, mut faults] = [[0; 2]; 2];
        for port in 0..2 {
            for done in std::mem::take(&mut self.bench.done[port]) {
                let now = *self.world.context(done.lookup.context);
                let mut number = 0;
                let mut right = None;
                for (context, walk) in self.timeline.walks(&self.bench.memory, &now, &done) {
                    number += 1;
                    if walk.result.map(|t| t.phys_addr >> 12) == done.answer {
                        right.get_or_insert((context, walk));
                    }
                }
                let Some((context, walk)) = right else {
                    let walks: Vec<_> = self.timeline.walks(&self.bench.memory, &now, &done).collect();
                    bail!(
                        "port {port}, {}; fails {:?}; none of {walks:x?}",
                        describe(&done),
                        self.timeline.failures()
                    );
                };
                if number == 1 {
                    self.seen.coverage.add(context.mode, &walk);
                } else {
                    self.seen.open += 1;
                }
                self.seen.lookups += 1;
                paged[port] += u64::from(self.world.is_paged(&done.lookup));
                faults[port] += u64::from(done.answer.is_err());
            }
        }
        Ok((paged, faults))
    }
}

/// What the counters promise whatever the timing.
fn check_events(before: &Events, after: &Events, paged: [u64; 2], faults: [u64; 2], calm: bool) {
    let walks = after.walks - before.walks;
    let mut misses = 0;
    for port in 0..2 {
        let (hit, miss) = (
            after.hits[port] - before.hits[port],
            after.misses[port] - before.misses[port],
        );
        assert_eq!(
            hit + miss,
            paged[port],
            "each paged lookup of port {port} hits or misses, once"
        );
        assert_eq!(
            after.faults[port] - before.faults[port],
            faults[port],
            "faults of port {port}"
        );
        misses += miss;
    }
    assert!(walks > 0 || misses == 0, "a miss begins a walk or waits for one");
    // what an invalidation interrupts is walked again
    assert!(!calm || walks <= misses, "{walks} walks of {misses} misses");
}

fn manners(random: &mut ChaCha8Rng) -> Manners {
    let longest = *[1, 1, 5, 20, 50, 200].choose(random).expect("there are six");
    let stall = [(); 4].map(|()| *[0, 0, 0, 64, 200].choose(random).expect("there are five"));
    Manners {
        latency: (1, longest),
        stall,
    }
}

#[test]
fn random_lookups_agree_with_the_model() -> Result<()> {
    let seed = seed(0x5E6_0A11);
    let lookups = number("SEGWALK_LOOKUPS", LOOKUPS);
    let entries = number("SEGWALK_TLB_ENTRIES", DEFAULT_TLB_ENTRIES as u64);
    println!("repeat with SEGWALK_SEED={seed} SEGWALK_LOOKUPS={lookups} SEGWALK_TLB_ENTRIES={entries}");
    let model = model_for(entries as usize)?;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut seen = Seen::default();
    let mut clocks = 0;
    while seen.lookups < lookups {
        let mut round = Round::new(&model, &mut random, &mut seen)?;
        for _ in 0..4 {
            round.bench.manners = manners(round.random);
            if round.random.gen_ratio(2, 3) {
                round.calm_phase()?;
            } else {
                round.eventful_phase()?;
            }
        }
        clocks += round.bench.clock;
    }
    let Seen {
        lookups: done,
        open,
        invalidations,
        changes,
        coverage,
    } = seen;
    println!(
        "{done} lookups in {clocks} clocks; {changes} changes, invalidations {invalidations:?}; {open} lookups had more \
         than one right answer\n{}",
        coverage.report()
    );
    assert!(
        invalidations.iter().all(|number| *number > 0),
        "every kind of invalidation was made"
    );
    if done >= ENOUGH {
        let missing = coverage.missing();
        assert!(missing.is_empty(), "never seen:\n{}", missing.join("\n"));
    }
    Ok(())
}
