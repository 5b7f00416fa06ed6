//! What a driver may negotiate, and queues that park.

use crate::bench::{each_seed, seed, Weather};
use crate::fetcher::{Bench, Event};
use crate::fetcher_cases::{random_case, straight};
use rand::Rng;
use segwalk_model::refusal::Refusal;

#[test]
fn rule_26_chains_in_indirect_tables_agree_with_the_model() {
    let mut seen = [0; 64];
    each_seed(seed(60_000), 100, |case_seed| {
        let bench = random_case(case_seed, 60, |bench| {
            let event_index = bench.random.gen();
            bench.negotiate(true, event_index);
        });
        seen.iter_mut().zip(bench.seen).for_each(|(sum, count)| *sum += count);
    });
    let malformed = seen[usize::from(Refusal::IndirectMalformed.code())];
    println!("{} chains, {malformed} malformed", seen[0]);
    assert!(std::env::var("SEGWALK_SEED").is_ok() || malformed > 10);
}

#[test]
fn no_doorbell_is_lost_with_event_index() {
    let (mut writes, mut spared) = (0, 0);
    each_seed(seed(70_000), 60, |case_seed| {
        let bench = random_case(case_seed, 60, |bench| bench.negotiate(false, true));
        writes += bench.event_writes;
        spared += bench.spared;
    });
    println!("{writes} times avail_event was written, {spared} doorbells were spared");
    assert!(std::env::var("SEGWALK_SEED").is_ok() || (writes > 100 && spared > 100));
}

#[test]
fn avail_event_that_cannot_be_written_is_a_ring_error() {
    let mut bench = Bench::new(seed(71_000));
    bench.weather = Weather::steady(20);
    bench.negotiate(false, true);
    bench.start(2, 16, false);
    // Nothing is mapped there.
    bench.table.queues[2].used_addr = 0x7_0000_0000;
    bench.put_chain(2, straight(&[3], 60), vec![3]);
    bench.drivers[2]
        .expected
        .push_back(Event::RingError(Refusal::RingFault));
    bench.publish_now(2);
    bench.drain();
    assert_eq!((bench.chains, bench.errors.len()), (1, 1));
}

#[test]
fn a_parked_queue_goes_on_where_it_parked() {
    let (mut resumed, mut aborted) = (0, 0);
    each_seed(seed(80_000), 100, |case_seed| {
        let bench = random_case(case_seed, 80, |bench| {
            let (indirect, event_index) = (bench.random.gen(), bench.random.gen());
            bench.negotiate(indirect, event_index);
            bench.parks.one_in = bench.random.gen_range(2..40);
        });
        resumed += bench.parks.resumed;
        aborted += bench.parks.aborted;
    });
    println!("{resumed} resumed, {aborted} aborted");
    assert!(std::env::var("SEGWALK_SEED").is_ok() || (resumed > 100 && aborted > 100));
}
