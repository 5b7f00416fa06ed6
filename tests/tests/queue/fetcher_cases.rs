//! Cases for the fetcher.

use crate::bench::{each_seed, seed, Weather};
use crate::fetcher::{Bench, Event, Recorded};
use rand::Rng;
use segwalk_hdl::queue::fetcher::FIRST_WALK_FRAGMENTS;
use segwalk_hdl::queue::scheduler::QUANTUM;
use segwalk_model::limits::{SUPER_FRAME_BYTES_MAX, TX_QUEUES};
use segwalk_model::refusal::Refusal;
use segwalk_model::virtqueue::{Descriptor, FLAG_NEXT};

/// Rings of all sizes with random chains; `set_up` says what was negotiated.
pub fn random_case(case_seed: u64, chains: u64, set_up: impl FnOnce(&mut Bench)) -> Bench {
    let mut bench = Bench::new(case_seed);
    set_up(&mut bench);
    let faulty = !bench.event_index && bench.parks.one_in == 0 && bench.random.gen_ratio(1, 3);
    let busy = bench.random.gen_range(1..200);
    let largest = bench.random.gen_range(0..13);
    while bench.chains < chains {
        for queue in 0..TX_QUEUES {
            if !bench.random.gen_ratio(1, busy) {
                continue;
            }
            let driver = &bench.drivers[queue];
            if !driver.alive {
                if driver.expected.is_empty() && bench.open.iter().all(|open| open.0 != queue) {
                    for _ in 0..10 {
                        bench.clock();
                    }
                    let size = 1 << bench.random.gen_range(0..=largest);
                    let faulty = faulty && bench.random.gen_ratio(1, 3);
                    bench.start(queue, size, faulty);
                }
                continue;
            }
            if matches!(driver.expected.back(), Some(Event::RingError(_))) {
                continue;
            }
            for _ in 0..bench.random.gen_range(1..6) {
                if !bench.drivers[queue].free.is_empty() {
                    bench.random_chain(queue);
                }
            }
            bench.publish(queue);
        }
        bench.clock();
        bench.check_progress();
    }
    bench.drain();
    bench
}

#[test]
fn random_rings_agree_with_the_model() {
    let (mut seen, mut long_chains) = ([0; 64], 0);
    each_seed(seed(20_000), 150, |case_seed| {
        let bench = random_case(case_seed, 60, |_| ());
        seen.iter_mut().zip(bench.seen).for_each(|(sum, count)| *sum += count);
        long_chains += bench.long_chains;
    });
    println!("long chains: {long_chains}");
    for code in (0..64).filter(|&code| seen[code] > 0) {
        println!("{:6} {:?}", seen[code], Refusal::from_code(code as u8));
    }
}

const CALM: Weather = Weather {
    latency: 20,
    steady: false,
    stall_percent: 0,
};

/// `count` descriptors of `bytes` each, in this order.
pub fn straight(indices: &[u16], bytes: u32) -> Vec<Descriptor> {
    (0..indices.len())
        .map(|at| Descriptor {
            virt_addr: 0x1000 * at as u64,
            bytes,
            flags: if at + 1 < indices.len() { FLAG_NEXT } else { 0 },
            next: indices.get(at + 1).copied().unwrap_or(0xFFFF),
        })
        .collect()
}

fn code(refusal: Refusal) -> u64 {
    refusal.code().into()
}

#[test]
fn rule_25_a_chain_of_exactly_queue_size_is_legal() {
    for (size, bytes) in [(1, 12), (2, 6), (4096, 16), (32_768, 2)] {
        let mut bench = Bench::new(seed(1));
        bench.weather = CALM;
        bench.start(0, size, false);
        let indices: Vec<u16> = (0..size).rev().collect();
        bench.put_chain(0, straight(&indices, bytes), indices);
        bench.publish(0);
        bench.drain();
        assert_eq!((bench.chains, bench.seen[0]), (1, 1), "size {size}");
    }
}

#[test]
fn rule_29_the_avail_index_may_be_ahead_by_the_queue_size_only() {
    for size in [1, 8, 1024] {
        for more in [0, 1, 200] {
            let mut bench = Bench::new(seed(2));
            bench.weather = CALM;
            bench.start(3, size, false);
            for index in 0..size {
                bench.put_chain(3, straight(&[index], 60), vec![index]);
            }
            if more > 0 {
                bench.drivers[3].expected.clear();
                bench.drivers[3]
                    .expected
                    .push_back(Event::RingError(Refusal::AvailIndexJump));
            }
            bench.drivers[3].avail_index += more;
            bench.publish(3);
            bench.drain();
            assert_eq!(bench.chains, if more > 0 { 0 } else { size.into() });
            assert_eq!(bench.errors.len(), usize::from(more > 0));
        }
    }
}

#[test]
fn nothing_is_read_in_vain() {
    let mut bench = Bench::new(seed(3));
    bench.weather = CALM;
    bench.start(1, 256, false);
    for index in 0..128 {
        bench.put_chain(1, straight(&[index], 60), vec![index]);
    }
    bench.publish(1);
    bench.drain();
    let (reads, beats) = (bench.memory.reads, bench.memory.beats);
    println!("128 chains in {} clocks, {reads} reads, {beats} beats", bench.now);
    assert_eq!(bench.chains, 128);
    // index twice, 128 entries in at most 3 lines, 128 descriptors
    assert!(reads <= 2 + 3 + 128, "{reads} reads");
    assert!(beats <= 2 + 35 + 256, "{beats} beats");
}

#[test]
fn queues_take_turns() {
    let mut bench = Bench::new(seed(4));
    bench.weather = CALM;
    bench.record = Some(Vec::new());
    for queue in 0..TX_QUEUES {
        bench.start(queue, 64, false);
        for index in 0..32 {
            // the frame's length tells the queue
            bench.put_chain(queue, straight(&[index], 112 + queue as u32), vec![index]);
        }
    }
    (0..TX_QUEUES).for_each(|queue| bench.publish(queue));
    (0..20_000).for_each(|_| bench.clock());
    let order: Vec<u64> = chains(&bench).iter().map(|chain| chain.1 - 100).collect();
    assert_eq!(order.len(), 32 * TX_QUEUES);
    // The first lengths are not known when they are announced; then each turn is a quantum of bytes.
    let turns: Vec<&[u64]> = order[8..96].chunk_by(|a, b| a == b).collect();
    let most = QUANTUM as usize / 100 + 2;
    assert!(turns.iter().all(|turn| turn.len() <= most), "{order:?}");
    let queues: Vec<u64> = turns.iter().map(|turn| turn[0]).collect();
    let round = |pair: &[u64]| pair[1] == (pair[0] + 1) % TX_QUEUES as u64;
    assert!(queues.len() >= TX_QUEUES && queues.windows(2).all(round), "{order:?}");
}

/// Chains that were recorded: head, bytes, refusal.
fn chains(bench: &Bench) -> Vec<(u64, u64, u64)> {
    let events = bench.record.iter().flatten();
    events
        .filter_map(|event| match *event {
            Recorded::Chain {
                head,
                frame_bytes,
                refusal,
            } => Some((head, frame_bytes, refusal)),
            Recorded::Fragment { .. } => None,
        })
        .collect()
}

/// Bytes, whether it is the last, and refusal of the fragments that were recorded.
fn fragments(bench: &Bench) -> Vec<(u64, bool, u64)> {
    let events = bench.record.iter().flatten();
    events
        .filter_map(|event| match *event {
            Recorded::Fragment { bytes, last, refusal } => Some((bytes, last, refusal)),
            Recorded::Chain { .. } => None,
        })
        .collect()
}

#[test]
fn a_chain_that_changes_between_the_walks_keeps_its_promise_or_breaks() {
    let (mut whole, mut broken, mut errors) = (0, 0, 0);
    each_seed(seed(40_000), 150, |case_seed| {
        let mut bench = Bench::new(case_seed);
        bench.record = Some(Vec::new());
        bench.hold_fragments = true;
        bench.start(0, 1024, false);
        bench.start(1, 16, false);
        let count = bench.random.gen_range(FIRST_WALK_FRAGMENTS as u16 + 1..=1024);
        let bytes = bench.random.gen_range(1..=SUPER_FRAME_BYTES_MAX as u32 / 1024);
        let indices: Vec<u16> = (0..count).map(|at| at * 5 % 1024).collect();
        let descriptors = straight(&indices, bytes);
        bench.put_chain(0, descriptors.clone(), indices.clone());
        bench.publish(0);
        while chains(&bench).is_empty() {
            bench.clock();
        }
        let pause = bench.random.gen_range(0..3000);
        (0..pause).for_each(|_| bench.clock());
        for _ in 0..bench.random.gen_range(0..3) {
            let at = bench
                .random
                .gen_range(180..indices.len().max(181))
                .min(indices.len() - 1);
            let mut changed = descriptors[at];
            match bench.random.gen_range(0..5) {
                0 => changed.bytes = bench.random.gen_range(0..2 * bytes + 1),
                1 => changed.bytes = bench.random.gen(),
                2 => changed.flags = bench.random.gen(),
                3 => changed.next = bench.random.gen_range(0..1024),
                _ => changed.next = bench.random.gen(),
            }
            bench.put_descriptor(0, indices[at], changed);
        }
        bench.hold_fragments = false;
        let start = bench.now;
        while !bench
            .record
            .iter()
            .flatten()
            .next_back()
            .is_some_and(|event| matches!(event, Recorded::Fragment { last: true, .. }))
        {
            bench.clock();
            assert!(bench.now - start < 400_000, "the fragments never end");
        }
        let list = fragments(&bench);
        let (last, rest) = list.split_last().unwrap();
        assert!(rest
            .iter()
            .all(|fragment| !fragment.1 && fragment.2 == 0 && fragment.0 > 0));
        let promised = chains(&bench)[0].1 + 12;
        let sum: u64 = rest.iter().map(|fragment| fragment.0).sum();
        if last.2 == 0 {
            assert_eq!(sum + last.0, promised);
            whole += 1;
        } else {
            assert_eq!(last.2, code(Refusal::ChainChanged));
            assert!(sum < promised);
            broken += 1;
        }
        (0..200).for_each(|_| bench.clock());
        assert_eq!(fragments(&bench).len(), list.len(), "nothing follows the last fragment");
        let ring = [Refusal::ChainLoops, Refusal::DescriptorIndex].map(code);
        assert!(bench
            .errors
            .iter()
            .all(|error| error.0 == 0 && ring.contains(&error.1) && last.2 != 0));
        errors += bench.errors.len();
        // The other queue is served, and so is this one when its ring is whole.
        for queue in [0, 1].into_iter().skip(bench.errors.len()) {
            let index = bench.drivers[queue].avail_index % 16;
            bench.record = Some(Vec::new());
            bench.put_chain(queue, straight(&[index], 70), vec![index]);
            bench.publish(queue);
            (0..4000).for_each(|_| bench.clock());
            assert_eq!(chains(&bench), [(index.into(), 58, 0)]);
            assert_eq!(fragments(&bench), [(70, true, 0)]);
        }
    });
    println!("whole {whole}, broken {broken}, ring errors {errors}");
    assert!(std::env::var("SEGWALK_SEED").is_ok() || [whole, broken, errors].iter().all(|&count| count > 5));
}

#[test]
fn a_restart_at_any_moment_leaves_nothing_of_the_old_ring_behind() {
    each_seed(seed(2_000_000), 200, |case_seed| {
        let mut bench = Bench::new(case_seed);
        bench.record = Some(Vec::new());
        bench.start(0, 512, false);
        // Old frames are of 100 bytes and more, new ones of less.
        let long = bench.random.gen_range(1..=400u16);
        let indices: Vec<u16> = (0..long).collect();
        bench.put_chain(0, straight(&indices, 112), indices);
        for index in long..500.min(long + 40) {
            bench.put_chain(0, straight(&[index], 112), vec![index]);
        }
        bench.publish(0);
        bench.hold_fragments = bench.random.gen();
        let longest = if bench.random.gen() { 200 } else { 4000 };
        let clocks = bench.random.gen_range(0..longest);
        (0..clocks).for_each(|_| bench.clock());
        bench.hold_fragments = false;
        // Software switches a queue off before it changes it.
        bench.enabled = 0;
        let clocks = bench.random.gen_range(1..5);
        (0..clocks).for_each(|_| bench.clock());
        bench.start(0, 64, false);
        for index in 0..50 {
            bench.put_chain(0, straight(&[index], 20 + u32::from(index)), vec![index]);
        }
        bench.publish(0);
        let start = bench.now;
        let new = |bench: &Bench| {
            chains(bench)
                .into_iter()
                .filter(|chain| chain.1 < 100)
                .collect::<Vec<_>>()
        };
        while new(&bench).len() < 50 {
            bench.clock();
            assert!(bench.now - start < 400_000, "only {} new chains", new(&bench).len());
        }
        (0..2000).for_each(|_| bench.clock());
        let expected: Vec<_> = (0..50).map(|index| (index, 8 + index, 0)).collect();
        assert_eq!(new(&bench), expected);
        let all = chains(&bench);
        let old = all.len() - 50;
        assert!(all[..old].iter().all(|chain| chain.1 >= 100), "old chains come first");
        assert_eq!(
            fragments(&bench).iter().filter(|fragment| fragment.1).count(),
            all.len(),
            "every list ends"
        );
        assert_eq!(bench.errors, []);
    });
}
