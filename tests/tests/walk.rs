//! `segwalk walk` shows the same walk from the model and from the emitted MMU, entry by entry.

use anyhow::Result;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use segwalk_model::page_table::{Access, Mode};
use segwalk_sim::walk::{demo, difference, report, Engine, Question};
use segwalk_tests::mmu::world::World;
use segwalk_tests::seed;

/// Random worlds, and questions in each.
const WORLDS: usize = 12;
const QUESTIONS: usize = 25;

#[test]
fn every_address_of_the_demonstrations() -> Result<()> {
    for mode in [
        Mode::Bare,
        Mode::Sv32,
        Mode::Sv39,
        Mode::Sv48,
        Mode::X86_32,
        Mode::X86_64,
    ] {
        let demo = demo::demo(mode)?;
        for (virt_addr, what) in &demo.places {
            for case in 0..8 {
                let mut context = demo.space.context();
                context.user_only = case & 1 == 0;
                context.accessed_faults ^= case & 2 != 0;
                let question = Question {
                    context,
                    virt_addr: *virt_addr,
                    access: if case & 4 == 0 { Access::Read } else { Access::Write },
                    memory: demo.memory.clone(),
                };
                let (model, rtl) = (question.model(), question.rtl()?);
                assert_eq!(difference(&model, &rtl), None, "{}: {what}", mode.name());
                assert_eq!(model.steps.len(), rtl.seen.len());
            }
        }
    }
    Ok(())
}

#[test]
fn random_tables() -> Result<()> {
    let seed = seed(11);
    println!("repeat with SEGWALK_SEED={seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut entries = 0;
    for _ in 0..WORLDS {
        let (world, memory) = World::new(&mut random);
        for _ in 0..QUESTIONS {
            let mut lookup = world.lookup(&mut random);
            lookup.virt_addr ^= random.gen_range(0..4096);
            let question = Question {
                context: *world.context(lookup.context),
                virt_addr: lookup.virt_addr,
                access: lookup.access,
                memory: memory.clone(),
            };
            let (model, rtl) = (question.model(), question.rtl()?);
            assert_eq!(difference(&model, &rtl), None, "{lookup:x?} {:x?}", question.context);
            entries += rtl.seen.len();
        }
    }
    assert!(entries > WORLDS * QUESTIONS, "most walks read something");
    Ok(())
}

#[test]
fn a_difference_is_found_and_said() -> Result<()> {
    let demo = demo::demo(Mode::Sv39)?;
    let mut question = Question {
        context: demo.space.context(),
        virt_addr: demo::ADDRESS,
        access: Access::Read,
        memory: demo.memory.clone(),
    };
    let (model, rtl) = (question.model(), question.rtl()?);
    let mut other = rtl.clone();
    other.result = Ok(0xABCD_E679);
    assert_eq!(
        difference(&model, &other).as_deref(),
        Some("the model says 0xabcde678, the RTL 0xabcde679")
    );
    other = rtl.clone();
    other.seen[1].entry = Some(5);
    assert!(difference(&model, &other).is_some_and(|said| said.starts_with("entry 2 of the walk is not the same")));
    other = rtl.clone();
    other.seen.pop();
    assert!(difference(&model, &other).is_some_and(|said| said == "the model reads 3 entries and the RTL 2"));
    other = rtl;
    other.stray = 1;
    assert!(difference(&model, &other).is_some());
    question.virt_addr = 0x1234_6000;
    question.access = Access::Write;
    let shown = report(&question, Engine::Both)?;
    assert!(shown.is_good());
    assert_eq!(shown.engines[1].cause, Some("NotWritable"));
    Ok(())
}
