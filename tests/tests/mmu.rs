//! The MMU against the model: every answer, every cause.

mod mmu_bench;

use anyhow::Result;
use mmu_bench::{model, world::World, Bench, Lookup, Manners};
use rand::{seq::SliceRandom, Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use segwalk_model::memory::SparseMemory;
use segwalk_model::page_table::{Access, AddressSpace, Mode, Permissions};
use segwalk_model::refusal::FaultCause;

/// Random lookups of `make test`.
const LOOKUPS: usize = 120_000;

fn seed() -> u64 {
    match std::env::var("SEGWALK_SEED") {
        Ok(text) => text.parse().expect("SEGWALK_SEED must be a decimal number"),
        Err(_) => 0x5E6_0A11,
    }
}

fn random_manners(random: &mut ChaCha8Rng) -> Manners {
    let longest = *[1, 5, 50, 200].choose(random).expect("four");
    let mut stall = [0; 4];
    stall
        .iter_mut()
        .for_each(|stall| *stall = *[0, 0, 64, 200].choose(random).expect("four"));
    Manners {
        latency: (1, longest),
        stall,
    }
}

fn check_answers(bench: &mut Bench, world: &World) -> [u64; 2] {
    let mut paged = [0; 2];
    for (port, paged) in paged.iter_mut().enumerate() {
        for done in std::mem::take(&mut bench.done[port]) {
            let expected = world.expected(&bench.memory, &done.lookup);
            let context = &world.contexts[usize::from(done.lookup.context)].1;
            assert_eq!(done.answer, expected, "port {port}, {:x?}, {context:x?}", done);
            *paged += u64::from(world.is_paged(&done.lookup));
        }
    }
    paged
}

#[test]
fn random_lookups_agree_with_the_model() -> Result<()> {
    let seed = seed();
    println!("repeat with SEGWALK_SEED={seed}");
    let model = model()?;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut bench = Bench::new(&model, SparseMemory::new(), ChaCha8Rng::seed_from_u64(seed ^ 1))?;
    let mut answered = 0;
    let mut causes = std::collections::BTreeMap::new();
    while answered < LOOKUPS {
        // Tables change only behind an invalidation, which the context writes bring.
        let world = World::new(&mut random);
        bench.memory = world.memory.clone();
        for (number, (_, context)) in world.contexts.iter().enumerate() {
            bench.write_context(number as u8, context);
        }
        while bench.invalidating() {
            bench.tick();
        }
        for _ in 0..4 {
            bench.manners = random_manners(&mut random);
            let (before, mut faults) = (bench.events, [0; 2]);
            for (port, faults) in faults.iter_mut().enumerate() {
                for _ in 0..random.gen_range(0..600) {
                    let lookup = world.lookup(&mut random);
                    if let Err(cause) = world.expected(&bench.memory, &lookup) {
                        *causes.entry(cause.name()).or_insert(0) += 1;
                        *faults += 1;
                    }
                    bench.ask(port, lookup);
                    answered += 1;
                }
            }
            // Neither an invalidation nor writing a context as it is may change an answer.
            for _ in 0..random.gen_range(0..4) {
                (0..random.gen_range(0..2000)).for_each(|_| bench.tick());
                if random.gen() {
                    bench.invalidate();
                } else {
                    let number = random.gen_range(0..16);
                    bench.write_context(number, &world.contexts[usize::from(number)].1);
                }
            }
            bench.settle();
            let paged = check_answers(&mut bench, &world);
            let events = bench.events;
            let hits: u64 = (0..2).map(|port| events.hits[port] - before.hits[port]).sum();
            let misses: u64 = (0..2).map(|port| events.misses[port] - before.misses[port]).sum();
            let walks = events.walks - before.walks;
            assert_eq!(
                hits + misses,
                paged.iter().sum::<u64>(),
                "each lookup of a paged context hits or misses once"
            );
            assert!(walks > 0 || misses == 0, "a miss begins a walk or joins one");
            for (port, faults) in faults.into_iter().enumerate() {
                assert_eq!(events.faults[port] - before.faults[port], faults, "port {port}");
            }
        }
    }
    println!("{answered} lookups, {:?}, causes {causes:?}", bench.events);
    assert_eq!(causes.len(), FaultCause::ALL.len(), "every cause appears: {causes:?}");
    Ok(())
}

/// An Sv39 and an x86-64 context (1 and 2) with `pages` user pages from `VIRT` on, at scattered places.
fn linear(model: &segwalk_sim::verilated::Model, pages: u64) -> Result<(Bench, [AddressSpace; 2])> {
    let mut memory = SparseMemory::new();
    (1..64).for_each(|page| memory.add_page(page));
    let mut next = 0;
    let mut frames = || {
        next += 1;
        next
    };
    let mut spaces = [Mode::Sv39, Mode::X86_64].map(|mode| AddressSpace::new(mode, &mut memory, &mut frames).unwrap());
    for space in &mut spaces {
        for page in 0..pages {
            let phys = phys_page(page) << 12;
            space.map(
                &mut memory,
                &mut frames,
                VIRT + (page << 12),
                phys,
                0,
                Permissions::USER_READ,
            )?;
        }
    }
    let mut bench = Bench::new(model, memory, ChaCha8Rng::seed_from_u64(1))?;
    bench.write_context(1, &spaces[0].context());
    bench.write_context(2, &spaces[1].context());
    bench.settle();
    Ok((bench, spaces))
}

const VIRT: u64 = 0x12_3440_0000;

/// Where `linear` puts a page: scattered over the physical address space.
fn phys_page(number: u64) -> u64 {
    number * 0x9E_3779 % 0xFFF_FFFF
}

fn page(context: u8, number: u64) -> Lookup {
    Lookup {
        context,
        virt_addr: VIRT + (number << 12),
        access: Access::Read,
    }
}

#[test]
fn a_cold_buffer_costs_one_line_for_eight_pages() -> Result<()> {
    let model = model()?;
    for (context, levels) in [(1, 3), (2, 4)] {
        let (mut bench, _) = linear(&model, 64)?;
        (0..64).for_each(|number| bench.ask(1, page(context, number)));
        bench.settle();
        let lines = bench.read_beats.iter().filter(|beats| **beats == 8).count();
        assert_eq!(lines, 8, "64 pages stand in 8 lines");
        // The second line's walk begins before the first has learnt the upper levels.
        let upper = bench.read_beats.len() - lines;
        assert!(upper <= 2 * (levels - 1), "{upper} reads of upper levels");
        assert_eq!(bench.events.walks, 8);
    }
    Ok(())
}

#[test]
fn hits_are_quick_on_both_ports() -> Result<()> {
    let model = model()?;
    let (mut bench, _) = linear(&model, 64)?;
    for round in 0..2 {
        bench.done = Default::default();
        for number in 0..64 {
            bench.ask(0, page(1, number));
            bench.ask(1, page(2, 63 - number));
        }
        let start = bench.clock;
        let before = bench.events;
        while !bench.idle() {
            bench.tick();
        }
        if round == 1 {
            assert_eq!(bench.events.misses, before.misses);
            assert!(
                bench.clock - start <= 2 * 64 + 10,
                "{} clocks for 64 hits a port",
                bench.clock - start
            );
        }
        bench.settle();
    }
    bench.done = Default::default();
    bench.ask(0, page(1, 5));
    bench.settle();
    let done = bench.done[0][0];
    assert!(
        done.answered - done.taken <= 6,
        "a hit takes {} clocks",
        done.answered - done.taken
    );
    Ok(())
}

#[test]
fn hits_of_one_port_pass_a_walk_of_the_other() -> Result<()> {
    let model = model()?;
    let (mut bench, _) = linear(&model, 64)?;
    (0..8).for_each(|number| bench.ask(1, page(2, number)));
    bench.settle();
    bench.done = Default::default();
    bench.manners.latency = (200, 200);
    bench.ask(0, page(1, 40));
    (0..100).for_each(|number| bench.ask(1, page(2, number % 8)));
    bench.settle();
    let last_hit = bench.done[1].last().expect("there are answers").answered;
    assert!(
        last_hit + 200 < bench.done[0][0].answered,
        "the hits do not wait for the walk"
    );
    Ok(())
}

#[test]
fn a_mapped_page_or_a_granted_permission_needs_no_invalidation() -> Result<()> {
    let model = model()?;
    let (mut bench, mut spaces) = linear(&model, 8)?;
    let write = |number| Lookup {
        access: Access::Write,
        ..page(1, number)
    };
    [page(1, 3), write(3), page(1, 9)]
        .into_iter()
        .for_each(|lookup| bench.ask(0, lookup));
    bench.settle();
    let answers = |bench: &mut Bench| {
        std::mem::take(&mut bench.done[0])
            .into_iter()
            .map(|done| done.answer)
            .collect::<Vec<_>>()
    };
    let phys = phys_page(3);
    assert_eq!(
        answers(&mut bench),
        [Ok(phys), Err(FaultCause::NotWritable), Err(FaultCause::NotPresent)]
    );
    let entry = spaces[0].entry(&bench.memory, VIRT + 0x3000, 0)?;
    spaces[0].set_entry(&mut bench.memory, VIRT + 0x3000, 0, entry | 0x84)?;
    let mut frames = || 60;
    spaces[0].map(
        &mut bench.memory,
        &mut frames,
        VIRT + 0x9000,
        0x5000,
        0,
        Permissions::USER_READ,
    )?;
    [write(3), page(1, 9), write(3), page(1, 3)]
        .into_iter()
        .for_each(|lookup| bench.ask(0, lookup));
    bench.settle();
    assert_eq!(answers(&mut bench), [Ok(phys), Ok(5), Ok(phys), Ok(phys)]);
    Ok(())
}

#[test]
fn after_reset_only_context_0_translates_and_nothing_is_cached() -> Result<()> {
    let model = model()?;
    let (mut bench, _) = linear(&model, 8)?;
    bench.ask(0, page(1, 0));
    bench.settle();
    bench.reset();
    bench.done = Default::default();
    (0..16).for_each(|context| bench.ask(1, page(context, 0)));
    bench.settle();
    for done in &bench.done[1] {
        let expected = if done.lookup.context == 0 {
            Ok(VIRT >> 12)
        } else {
            Err(FaultCause::BadContext)
        };
        assert_eq!(done.answer, expected);
    }
    Ok(())
}
