//! How fast the fetcher is when nobody stalls: clocks a chain, clocks a descriptor, and the latency of the first chain.

use crate::bench::{seed, Weather};
use crate::fetcher::{Bench, Recorded};
use crate::fetcher_cases::straight;

const LATENCIES: [u64; 3] = [1, 50, 200];

/// Clocks a chain when `chains` chains of `descriptors` each wait in the ring, without the first quarter.
fn clocks_a_chain(latency: u64, chains: u16, descriptors: u16) -> f64 {
    let mut bench = Bench::new(seed(5));
    bench.weather = Weather::steady(latency);
    bench.start(0, 1024, false);
    for chain in 0..chains {
        let indices: Vec<u16> = (0..descriptors).map(|at| chain * descriptors + at).collect();
        bench.put_chain(0, straight(&indices, 72 / u32::from(descriptors) + 1), indices);
    }
    bench.publish(0);
    let mut reach = |count: u16| {
        while bench.chains < u64::from(count) {
            bench.clock();
            bench.check_progress();
        }
        bench.now
    };
    let (first, last) = (reach(chains / 4), reach(chains));
    bench.drain();
    (last - first) as f64 / f64::from(chains - chains / 4)
}

#[test]
fn a_short_chain_takes_14_clocks_at_most() {
    for descriptors in [1, 2] {
        for latency in LATENCIES {
            let clocks = clocks_a_chain(latency, 256, descriptors);
            println!("{descriptors} descriptors, latency {latency}: {clocks:.2} clocks a chain");
            assert!(clocks <= if latency <= 50 { 14.0 } else { 20.0 }, "{clocks}");
        }
    }
}

#[test]
fn a_descriptor_of_a_long_chain_takes_12_clocks() {
    for descriptors in [16, 45, 128] {
        for latency in LATENCIES {
            let clocks = clocks_a_chain(latency, 1024 / descriptors, descriptors) / f64::from(descriptors);
            println!("{descriptors} descriptors, latency {latency}: {clocks:.2} clocks a descriptor");
            assert!(clocks <= if latency <= 50 { 12.0 } else { 22.0 }, "{clocks}");
        }
    }
}

#[test]
fn the_first_fragment_comes_three_latencies_after_the_doorbell() {
    for latency in LATENCIES {
        let mut bench = Bench::new(seed(6));
        bench.weather = Weather::steady(latency);
        bench.start(0, 256, false);
        for index in 0..4 {
            bench.put_chain(0, straight(&[index], 60), vec![index]);
            bench.publish(0);
            bench.drain();
        }
        bench.record = Some(Vec::new());
        bench.put_chain(0, straight(&[4], 60), vec![4]);
        bench.publish_now(0);
        let start = bench.now;
        let arrived = |bench: &Bench| {
            let events = bench.record.iter().flatten();
            events
                .filter(|event| matches!(event, Recorded::Fragment { .. }))
                .count()
        };
        while arrived(&bench) == 0 {
            bench.clock();
        }
        let clocks = bench.now - start;
        println!("latency {latency}: first fragment {clocks} clocks after the doorbell");
        assert!(clocks <= 3 * latency + 75, "{clocks}");
    }
}
