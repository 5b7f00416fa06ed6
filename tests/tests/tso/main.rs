//! The TSO pipeline's Verilog against the model: frames, their order, the ends of chains, refusals, and its speed.

mod bench;
mod samples;
mod speed;

use anyhow::Result;
use bench::{Bench, Chain, Settings, Stalls};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use samples::{single, spoil, Shape};
use segwalk_model::refusal::Refusal;
use segwalk_model::registers::feature;
use segwalk_model::segment::SegmentSettings;
use std::collections::BTreeMap;

fn all_on() -> Settings {
    Settings {
        segment: SegmentSettings::default(),
        seed_without_length: 0,
        features: 0xF,
    }
}

fn random_settings(random: &mut ChaCha8Rng) -> Settings {
    let bits = [feature::CSUM, feature::HOST_TSO4, feature::HOST_TSO6, feature::HOST_ECN];
    let features: u8 = if random.gen_bool(0.7) {
        0xF
    } else {
        random.gen::<u8>() & 0xF
    };
    let negotiated = (0..4)
        .filter(|at| features >> at & 1 == 1)
        .fold(0, |all, at| all | bits[at]);
    let defaults = SegmentSettings::default();
    let mut segment = SegmentSettings {
        features: negotiated,
        id_fifteen_bits: random.gen(),
        ..defaults
    };
    if random.gen_bool(0.3) {
        segment.flags_first = random.gen::<u16>() & 0xFFF;
        segment.flags_middle = random.gen::<u16>() & 0xFFF;
        segment.flags_last = random.gen::<u16>() & 0xFFF;
    }
    Settings {
        segment,
        seed_without_length: random.gen(),
        features,
    }
}

fn random_stalls(random: &mut ChaCha8Rng) -> Stalls {
    let mut chance = || {
        if random.gen_bool(0.5) {
            0
        } else {
            random.gen_range(0..220)
        }
    };
    Stalls {
        chain: chance(),
        bytes: chance(),
        frames: chance(),
        done: chance(),
        hold: chance(),
    }
}

fn random_chain(random: &mut ChaCha8Rng) -> Chain {
    let mut chain = match random.gen_range(0..10) {
        0 => single(random.gen_range(0..200), random.gen(), random),
        1 => single(random.gen_range(14..9900), random.gen(), random),
        _ => Shape::random(random).chain(random),
    };
    if random.gen_bool(0.35) {
        spoil(&mut chain, random);
    }
    if random.gen_bool(0.1) {
        let beat = random.gen_range(0..chain.beats());
        chain.fault = Some((beat, Refusal::FaultNotPresent.code()));
    } else if random.gen_bool(0.1) {
        let beat = random.gen_range(0..chain.beats().min(20));
        chain.fault = Some((beat, Refusal::PayloadBusError.code()));
    }
    if random.gen_bool(0.06) {
        chain.refused = Refusal::WriteDescriptor.code();
    }
    chain.queue = random.gen_range(0..16);
    chain.head = random.gen();
    chain
}

#[test]
fn one_super_frame_of_each_kind() -> Result<()> {
    let random = &mut ChaCha8Rng::seed_from_u64(1);
    let mut bench = Bench::new()?;
    for six in [false, true] {
        for payload in [0, 1, 1447, 1448, 1449, 2896, 10_000, 65_000] {
            let mut shape = Shape::plain(payload, 1448);
            shape.six = six;
            let chain = shape.chain(random);
            bench.check(&[chain], &all_on(), &Stalls::default(), random)?;
        }
    }
    Ok(())
}

/// What the pipeline itself refuses chains with.
const OWN_REFUSALS: [Refusal; 15] = [
    Refusal::GsoSizeZero,
    Refusal::GsoSizeTooLarge,
    Refusal::GsoTypeUnknown,
    Refusal::FeatureNotNegotiated,
    Refusal::GsoWithoutChecksum,
    Refusal::ChecksumOffsetWrong,
    Refusal::ChecksumStartTooSmall,
    Refusal::HeaderBeyondChain,
    Refusal::DataOffsetTooSmall,
    Refusal::NetworkHeaderLength,
    Refusal::ProtocolMismatch,
    Refusal::Fragment,
    Refusal::ExtensionHeaders,
    Refusal::HeaderTooLong,
    Refusal::FrameTooShort,
];

/// Everything at random. `SEGWALK_SEED=n` repeats one round, `SEGWALK_ROUNDS=n` runs more.
#[test]
fn random_chains_agree_with_the_model() -> Result<()> {
    let fixed = std::env::var("SEGWALK_SEED").ok().and_then(|seed| seed.parse().ok());
    let rounds: u64 = std::env::var("SEGWALK_ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(400);
    let seeds: Vec<u64> = fixed.map_or_else(|| (0..rounds).collect(), |seed| vec![seed]);
    let mut bench = Bench::new()?;
    let mut codes = BTreeMap::<u8, usize>::new();
    for seed in seeds {
        let random = &mut ChaCha8Rng::seed_from_u64(seed);
        let (settings, stalls) = (random_settings(random), random_stalls(random));
        let chains: Vec<Chain> = (0..random.gen_range(1..12)).map(|_| random_chain(random)).collect();
        let run = bench
            .check(&chains, &settings, &stalls, random)
            .map_err(|error| error.context(format!("SEGWALK_SEED={seed}, {settings:?}, {stalls:?}")))?;
        for done in run.done {
            *codes.entry(done.2).or_default() += 1;
        }
    }
    if fixed.is_none() {
        for refusal in OWN_REFUSALS {
            assert!(
                codes.contains_key(&refusal.code()),
                "{refusal:?} never happened: {codes:?}"
            );
        }
    }
    println!("chains by code: {codes:?}");
    Ok(())
}

/// Reset at any moment leaves nothing behind.
#[test]
fn reset_in_the_middle_of_traffic() -> Result<()> {
    let mut bench = Bench::new()?;
    for seed in 0..60 {
        let random = &mut ChaCha8Rng::seed_from_u64(1000 + seed);
        let stalls = random_stalls(random);
        let chains: Vec<Chain> = (0..6).map(|_| random_chain(random)).collect();
        let clocks = random.gen_range(1..3000);
        bench.run(clocks, &chains, &all_on(), &stalls, random)?;
        bench.reset();
        bench.check(
            &[Shape::plain(5000, 1448).chain(random)],
            &all_on(),
            &Stalls::default(),
            random,
        )?;
    }
    Ok(())
}
