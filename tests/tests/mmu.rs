//! The MMU as its clients see it: what a walk and a hit cost, what needs an invalidation, what a reset leaves.

use anyhow::Result;
use segwalk_model::memory::SparseMemory;
use segwalk_model::page_table::{Access, AddressSpace, Mode, Permissions};
use segwalk_model::refusal::FaultCause;
use segwalk_sim::mmu::{model, Invalidation, Lookup, MmuBench};
use segwalk_sim::verilated::Model;

/// An Sv39 and an x86-64 context (1 and 2) with `pages` user pages from `VIRT` on, at scattered places.
fn linear(model: &Model, pages: u64) -> Result<(MmuBench, [AddressSpace; 2])> {
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
    let mut bench = MmuBench::new(model, memory, 1)?;
    bench.write_context(1, &spaces[0].context());
    bench.write_context(2, &spaces[1].context());
    bench.settle()?;
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
        bench.record_reads(true);
        (0..64).for_each(|number| bench.ask(1, page(context, number)));
        bench.settle()?;
        let reads = bench.take_reads();
        let lines = reads.iter().filter(|read| read.bytes() == 64).count();
        assert_eq!(lines, 8, "64 pages stand in 8 lines");
        // The second line's walk begins before the first has learnt the upper levels.
        let upper = reads.len() - lines;
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
        bench.settle()?;
    }
    bench.done = Default::default();
    bench.ask(0, page(1, 5));
    bench.settle()?;
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
    bench.settle()?;
    bench.done = Default::default();
    bench.manners.latency = (200, 200);
    bench.ask(0, page(1, 40));
    (0..100).for_each(|number| bench.ask(1, page(2, number % 8)));
    bench.settle()?;
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
    bench.settle()?;
    let answers = |bench: &mut MmuBench| {
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
    bench.settle()?;
    assert_eq!(answers(&mut bench), [Ok(phys), Ok(5), Ok(phys), Ok(phys)]);
    Ok(())
}

#[test]
fn after_reset_only_context_0_translates_and_nothing_is_cached() -> Result<()> {
    let model = model()?;
    let (mut bench, _) = linear(&model, 8)?;
    bench.ask(0, page(1, 0));
    bench.settle()?;
    bench.reset();
    bench.done = Default::default();
    (0..16).for_each(|context| bench.ask(1, page(context, 0)));
    bench.settle()?;
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

#[test]
fn misses_overlap() -> Result<()> {
    let model = model()?;
    for context in [1, 2] {
        let (mut bench, _) = linear(&model, 4096)?;
        bench.manners.latency = (200, 200);
        // A line each, so that each lookup needs a read; the first ones find the tables.
        let pages = 512;
        (0..pages).for_each(|number| bench.ask(1, page(context, number * 0x3B8 % 4096)));
        let start = bench.clock;
        bench.settle()?;
        let end = bench.done[1].last().expect("there are answers").answered;
        let clocks = (end - start) / pages;
        println!("context {context}: {clocks} clocks a miss");
        assert!(clocks <= 60, "{clocks} clocks a miss at a latency of 200");
    }
    Ok(())
}

/// Misses of one lookup of each page.
fn misses(bench: &mut MmuBench, context: u8, pages: &[u64]) -> Result<Vec<bool>> {
    let mut missed = Vec::new();
    for number in pages {
        let before = bench.events.misses;
        bench.ask(0, page(context, *number));
        bench.settle()?;
        missed.push(bench.events.misses != before);
    }
    Ok(missed)
}

#[test]
fn an_invalidation_drops_what_it_names_and_nothing_else() -> Result<()> {
    let model = model()?;
    let cases = [
        (
            Invalidation::Address(1, VIRT + 0x3456),
            [true, false, false],
            [false; 3],
        ),
        (Invalidation::Context(1), [true; 3], [false; 3]),
        (Invalidation::Address(2, VIRT + 0x2000_0000), [false; 3], [false; 3]),
        (Invalidation::All, [true, false, true], [true, false, true]),
    ];
    for (what, first, second) in cases {
        let (mut bench, _) = linear(&model, 64)?;
        for context in [1, 2] {
            misses(&mut bench, context, &[3, 4, 20])?;
        }
        bench.invalidate(what);
        while bench.invalidating() {
            bench.tick();
        }
        // Page 4 comes back with the line of page 3, if that was read again.
        let mut expected = first;
        expected[1] &= !expected[0];
        assert_eq!(misses(&mut bench, 1, &[3, 4, 20])?, expected, "{what:?}, context 1");
        assert_eq!(misses(&mut bench, 2, &[3, 4, 20])?, second, "{what:?}, context 2");
    }
    Ok(())
}

#[test]
fn what_was_found_before_an_invalidation_is_not_answered_after_it() -> Result<()> {
    let model = model()?;
    for what in [
        Some(Invalidation::All),
        Some(Invalidation::Context(1)),
        Some(Invalidation::Address(1, VIRT + 0x3000)),
        None,
    ] {
        let (mut bench, mut spaces) = linear(&model, 64)?;
        bench.ask(1, page(1, 3));
        bench.settle()?;
        bench.done = Default::default();
        // The second answer is there, but its turn has not come.
        bench.manners.latency = (200, 200);
        bench.ask(1, page(1, 40));
        bench.ask(1, page(1, 3));
        (0..60).for_each(|_| bench.tick());
        let entry = spaces[0].entry(&bench.memory, VIRT + 0x3000, 0)?;
        spaces[0].set_entry(&mut bench.memory, VIRT + 0x3000, 0, entry ^ (1 << 10))?;
        match what {
            Some(what) => bench.invalidate(what),
            None => bench.write_context(1, &spaces[0].context()),
        }
        bench.settle()?;
        let fence = *bench.fences.last().expect("an invalidation ends with a fence");
        let answers: Vec<_> = bench.done[1]
            .iter()
            .map(|done| (done.answer, done.answered > fence))
            .collect();
        let expected = [(Ok(phys_page(40)), true), (Ok(phys_page(3) ^ 1), true)];
        assert_eq!(answers, expected, "{what:?}");
    }
    Ok(())
}
