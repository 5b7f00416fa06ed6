//! A hostile driver on one or two queues while the others send good traffic: malformed rings, tables, indirect tables
//! and headers, and registers written at random, also while the engine reads them. After every case the engine is alive,
//! the other queues' frames are byte-exact, the memory saw no access that contexts and bindings do not allow, and where
//! nothing changed meanwhile, frames, used ring, refusals and counters are the model's (rules 21 to 30).
//!
//! SEGWALK_HOSTILE sets the number of cases, SEGWALK_SEED the world to repeat.

mod arena;
mod chaos;
mod judge;
mod plan;
mod world;

use anyhow::{Context, Result};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use world::World;

/// Cases by default.
const CASES: u64 = 5000;
/// Cases of a world.
const CASES_OF_WORLD: u64 = 100;
/// Threads that worlds are spread over.
const THREADS: u64 = 2;

/// One world with its cases.
fn run(seed: u64, cases: u64) -> Result<judge::Tally> {
    let mut world = World::new(seed)?;
    let mut random = ChaCha8Rng::seed_from_u64(seed ^ 0x0057_11E5);
    let mut tally = judge::Tally::default();
    for case in 0..cases {
        let chaos = random.gen_bool(0.35);
        let outcome = match chaos {
            true => chaos::case(&mut world, &mut random),
            false => judge::case(&mut world, &mut random, &mut tally),
        };
        outcome.with_context(|| format!("case {case} ({})", if chaos { "changing" } else { "standing" }))?;
        tally.cases += 1;
    }
    Ok(tally)
}

#[test]
fn rules_21_to_30_hostile_queues_do_no_harm() {
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .map(|text| text.parse::<u64>().expect("a number"))
    };
    let cases = number("SEGWALK_HOSTILE").unwrap_or(CASES);
    let worlds = match number("SEGWALK_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..cases.div_ceil(CASES_OF_WORLD),
    };
    let mut total = judge::Tally::default();
    let thread = |thread: u64| {
        let mut tally = judge::Tally::default();
        for seed in worlds.clone().filter(|seed| seed % THREADS == thread) {
            match run(seed, CASES_OF_WORLD) {
                Ok(found) => tally.add(&found),
                Err(error) => panic!(
                    "{error:?}\nthis was world {seed}; repeat it with\n  \
                     SEGWALK_SEED={seed} cargo test -p segwalk-tests --test hostile"
                ),
            }
        }
        tally
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|at| scope.spawn(move || thread(at))).collect();
        for thread in threads {
            total.add(&thread.join().expect("a world failed, see above"));
        }
    });
    println!("{total}");
}
