//! The TSO pipeline's Verilog against the model: frames, their order, the ends of chains, refusals, and its speed.

mod bench;
mod samples;
mod speed;

use anyhow::Result;
use bench::{Bench, Chain, Settings, Stalls};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use samples::{single, spoil, Shape};
use segwalk_hdl::bus::ports::{CHAIN_DROPPED, CHAIN_PARKED};
use segwalk_model::refusal::Refusal;
use segwalk_model::registers::feature;
use segwalk_model::segment::SegmentSettings;
use std::collections::BTreeMap;

fn all_on() -> Settings {
    Settings {
        segment: SegmentSettings::default(),
        seed_without_length: 0,
        features: 0x1F,
        recoverable: 0,
    }
}

/// Fixed ID and padding besides.
fn all_options() -> Settings {
    let mut settings = all_on();
    (settings.segment.id_fixed, settings.segment.pad) = (true, true);
    settings
}

fn random_settings(random: &mut ChaCha8Rng) -> Settings {
    let bits = [
        feature::CSUM,
        feature::HOST_TSO4,
        feature::HOST_TSO6,
        feature::HOST_ECN,
        feature::HOST_USO,
    ];
    let features: u8 = if random.gen_bool(0.7) {
        0x1F
    } else {
        random.gen::<u8>() & 0x1F
    };
    let negotiated = (0..bits.len())
        .filter(|at| features >> at & 1 == 1)
        .fold(0, |all, at| all | bits[at]);
    let defaults = SegmentSettings::default();
    let mut segment = SegmentSettings {
        features: negotiated,
        id_fifteen_bits: random.gen(),
        id_fixed: random.gen_bool(0.3),
        pad: random.gen(),
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
        recoverable: if random.gen() { random.gen() } else { 0 },
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
    chain.avail = random.gen();
    if random.gen_bool(0.3) {
        // As far as the fault, or near it, or anywhere.
        let frames = chain.expected(&SegmentSettings::default()).0.len();
        chain.sent_frames = match random.gen_range(0..4) {
            0 => random.gen_range(0..60),
            1 => frames + 1,
            2 => frames.saturating_sub(1),
            _ => frames,
        };
    }
    chain
}

#[test]
fn one_super_frame_of_each_kind() -> Result<()> {
    let random = &mut ChaCha8Rng::seed_from_u64(1);
    let mut bench = Bench::new()?;
    for (six, udp) in [(false, false), (false, true), (true, false), (true, true)] {
        for payload in [0, 1, 1447, 1448, 1449, 2896, 10_000, 65_000] {
            let mut shape = Shape::plain(payload, 1448);
            (shape.six, shape.udp) = (six, udp);
            let chain = shape.chain(random);
            bench.check(&[chain], &all_on(), &Stalls::default(), random)?;
        }
    }
    Ok(())
}

/// Rule 16 with lengths of more than 16 bits; the IPv6 payload length of a BIG TCP super-frame is 0 and is not read.
#[test]
fn super_frames_of_256_kib() -> Result<()> {
    let random = &mut ChaCha8Rng::seed_from_u64(2);
    let mut bench = Bench::new()?;
    for udp in [false, true] {
        for (payload, mss) in [(262_144, 1428), (262_144, 9_600), (262_143, 8_940), (65_536, 1428)] {
            let mut shape = Shape::plain(payload, mss);
            (shape.six, shape.udp) = (true, udp);
            let mut chain = shape.chain(random);
            chain.frame[18..20].copy_from_slice(&[0, 0]);
            let next = Shape::plain(3000, 1448).chain(random);
            let run = bench.check(&[chain, next], &all_on(), &Stalls::default(), random)?;
            assert_eq!(run.frames.len(), payload.div_ceil(mss.into()) + 3);
        }
    }
    Ok(())
}

/// Rule 20: every length around 60, every way through the pipeline, and what comes behind a padded frame.
#[test]
fn rule_20_short_frames_are_padded_with_zeros() -> Result<()> {
    let random = &mut ChaCha8Rng::seed_from_u64(4);
    let mut bench = Bench::new()?;
    let mut chains = vec![];
    for bytes in 14..=70 {
        chains.push(single(bytes, false, random));
        chains.push(single(bytes, true, random));
    }
    for payload in 0..=24 {
        for (udp, mss) in [(false, 1), (true, 1), (true, 9), (false, 1448), (true, 1448)] {
            let mut shape = Shape::plain(payload, mss);
            (shape.udp, shape.tcp_option_words) = (udp, 0);
            chains.push(shape.chain(random));
        }
    }
    let run = bench.check(&chains, &all_options(), &Stalls::default(), random)?;
    assert!(run.frames.iter().all(|frame| frame.len() >= 60));
    let run = bench.check(&chains, &all_on(), &Stalls::default(), random)?;
    assert!(run.frames.iter().any(|frame| frame.len() < 60));
    Ok(())
}

/// Rule 7: the ID stays where the template says "don't fragment", and counts where it does not.
#[test]
fn rule_07_fixed_id() -> Result<()> {
    let random = &mut ChaCha8Rng::seed_from_u64(6);
    let mut bench = Bench::new()?;
    for dont_fragment in [false, true] {
        for udp in [false, true] {
            let mut shape = Shape::plain(700, 100);
            shape.udp = udp;
            let mut chain = shape.chain(random);
            chain.frame[20] = u8::from(dont_fragment) << 6;
            let run = bench.check(&[chain], &all_options(), &Stalls::default(), random)?;
            let id = |frame: &Vec<u8>| u16::from_be_bytes([frame[18], frame[19]]);
            let steps: Vec<u16> = run
                .frames
                .iter()
                .map(|frame| id(frame).wrapping_sub(id(&run.frames[0])))
                .collect();
            assert_eq!(
                steps,
                (0..7)
                    .map(|at| if dont_fragment { 0 } else { at })
                    .collect::<Vec<u16>>()
            );
        }
    }
    Ok(())
}

/// Rules 12 and 14: with these masks CWR, which accurate ECN counts in, is in every segment.
#[test]
fn rule_14_masks_of_accurate_ecn() -> Result<()> {
    let random = &mut ChaCha8Rng::seed_from_u64(8);
    let mut shape = Shape::plain(500, 100);
    shape.tcp_flags = 0x1D9;
    let mut settings = all_on();
    let segment = &mut settings.segment;
    (segment.flags_first, segment.flags_middle, segment.flags_last) = (0xFF6, 0xFF6, 0xFFF);
    let chain = shape.chain(random);
    let at = shape.csum_start() + 12;
    let run = Bench::new()?.check(&[chain], &settings, &Stalls::default(), random)?;
    let flags = |frame: &Vec<u8>| u16::from_be_bytes([frame[at], frame[at + 1]]) & 0xFFF;
    let found: Vec<u16> = run.frames.iter().map(flags).collect();
    assert_eq!(found, [0x1D0, 0x1D0, 0x1D0, 0x1D0, 0x1D9]);
    Ok(())
}

/// Rule 18: a datagram whose sum comes out as 0 says 0xFFFF, a TCP segment says 0.
#[test]
fn rule_18_checksums_of_zero() -> Result<()> {
    let random = &mut ChaCha8Rng::seed_from_u64(9);
    let mut bench = Bench::new()?;
    for (udp, expected) in [(true, 0xFFFF), (false, 0)] {
        let mut shape = Shape::plain(300, 100);
        shape.udp = udp;
        let mut chain = shape.chain(random);
        let (start, header) = (shape.csum_start(), shape.header_bytes());
        let at = start + if udp { 6 } else { 16 };
        let middle = header + 100;
        chain.frame[middle..middle + 2].fill(0);
        let check = |run: &bench::Run| [run.frames[1][at], run.frames[1][at + 1]];
        let run = bench.check(&[chain.clone()], &all_on(), &Stalls::default(), random)?;
        chain.frame[middle..middle + 2].copy_from_slice(&check(&run));
        let run = bench.check(&[chain], &all_on(), &Stalls::default(), random)?;
        assert_eq!(u16::from_be_bytes(check(&run)), expected);
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
    let (mut codes, mut parks) = (BTreeMap::<u8, usize>::new(), 0);
    for seed in seeds {
        let random = &mut ChaCha8Rng::seed_from_u64(seed);
        let (settings, stalls) = (random_settings(random), random_stalls(random));
        let mut chains: Vec<Chain> = (0..random.gen_range(1..12)).map(|_| random_chain(random)).collect();
        let queues = random.gen_range(1..=16);
        let mut epochs = 0u16;
        for chain in &mut chains {
            chain.queue %= queues;
            epochs ^= u16::from(random.gen_bool(0.3)) << chain.queue;
            chain.epoch = epochs >> chain.queue & 1 == 1;
        }
        let run = bench
            .check(&chains, &settings, &stalls, random)
            .map_err(|error| error.context(format!("SEGWALK_SEED={seed}, {settings:?}, {stalls:?}")))?;
        parks += run.parks.len();
        for done in run.done {
            *codes.entry(done.2).or_default() += 1;
        }
    }
    if fixed.is_none() {
        assert!(parks > 20, "queues parked {parks} times");
        assert!(codes.contains_key(&(CHAIN_DROPPED as u8)), "no chain was dropped");
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

/// A super-frame that breaks at every beat of its first 30, again and again further on, gives its frames once.
#[test]
fn a_chain_that_parks_its_queue_goes_on_where_it_stopped() -> Result<()> {
    let random = &mut ChaCha8Rng::seed_from_u64(12);
    let mut bench = Bench::new()?;
    let mut settings = all_on();
    settings.recoverable = 1 << 3;
    for (six, udp, payload, mss) in [
        (false, false, 700, 100),
        (true, false, 900, 1),
        (false, true, 3000, 1448),
    ] {
        let mut shape = Shape::plain(payload, mss);
        (shape.six, shape.udp) = (six, udp);
        let mut chain = shape.chain(random);
        (chain.queue, chain.head) = (3, 77);
        let (all, _, _) = chain.expected(&settings.segment);
        for first in 0..30 {
            let (mut sent, mut beat, mut passes) = (vec![], first, vec![]);
            chain.sent_frames = 0;
            while beat < chain.beats() {
                chain.fault = Some((beat, Refusal::FaultNotPresent.code()));
                chain.epoch = !chain.epoch;
                passes.push(chain.clone());
                chain.sent_frames = chain.sent_frames.max(chain.expected(&settings.segment).0.len());
                beat = (beat + random.gen_range(0..40)).saturating_sub(8).max(1);
            }
            chain.fault = None;
            chain.epoch = !chain.epoch;
            passes.push(chain.clone());
            let run = bench.check(&passes, &settings, &Stalls::default(), random)?;
            sent.extend(run.frames);
            assert!(sent == all, "first broken at beat {first}");
            assert!(run.done[..run.done.len() - 1]
                .iter()
                .all(|done| u64::from(done.2) == CHAIN_PARKED));
        }
    }
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
