//! Clocks, exactly: source and sink always ready.

use super::all_options;
use super::bench::{Bench, Chain, Stalls};
use super::samples::{single, Shape};
use anyhow::Result;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Beats, and clocks from the first beat of frame `from` to the last beat of the last frame.
fn measure(chains: &[Chain], from: usize) -> Result<(usize, u64)> {
    let random = &mut ChaCha8Rng::seed_from_u64(7);
    let run = Bench::new()?.check(chains, &all_options(), &Stalls::default(), random)?;
    let beats = run.frames[from..].iter().map(|frame| frame.len().div_ceil(8)).sum();
    let (first, last) = (run.spans[from].0, run.spans[run.spans.len() - 1].1);
    Ok((beats, last - first + 1))
}

fn super_frames(shape: &Shape, count: usize) -> Vec<Chain> {
    let random = &mut ChaCha8Rng::seed_from_u64(3);
    (0..count).map(|_| shape.chain(random)).collect()
}

#[test]
fn mss_1448_reaches_99_beats_in_100_clocks() -> Result<()> {
    for six in [false, true] {
        let mut shape = Shape::plain(65_160, 1448);
        shape.six = six;
        let (beats, clocks) = measure(&super_frames(&shape, 6), 0)?;
        println!(
            "six {six}: {beats} beats in {clocks} clocks, {:.4}",
            beats as f64 / clocks as f64
        );
        assert!(beats as f64 >= 0.99 * clocks as f64, "{beats} beats in {clocks} clocks");
    }
    Ok(())
}

/// Issue: throughput does not depend on options. 64 KiB super-frames at MSS 1448, beats with their headers.
#[test]
fn options_do_not_cost_throughput() -> Result<()> {
    let plain = Shape {
        tcp_option_words: 0,
        ..Shape::plain(65_160, 1448)
    };
    let kinds: [(&str, Shape); 8] = [
        ("IPv4", plain.clone()),
        ("timestamps", Shape::plain(65_160, 1448)),
        (
            "VLAN",
            Shape {
                tags: 1,
                ..plain.clone()
            },
        ),
        (
            "QinQ",
            Shape {
                tags: 2,
                ..plain.clone()
            },
        ),
        (
            "IPv6",
            Shape {
                six: true,
                ..plain.clone()
            },
        ),
        (
            "UDP",
            Shape {
                udp: true,
                ..plain.clone()
            },
        ),
        (
            "UDP over IPv6",
            Shape {
                udp: true,
                six: true,
                ..plain.clone()
            },
        ),
        (
            "all of them",
            Shape {
                six: true,
                tags: 2,
                tcp_option_words: 10,
                ip_options: vec![3, 2, 1],
                ..plain
            },
        ),
    ];
    let (mut slowest, mut fastest) = (f64::MAX, 0f64);
    for (name, shape) in kinds {
        let (beats, clocks) = measure(&super_frames(&shape, 6), 0)?;
        let rate = beats as f64 / clocks as f64;
        println!("{name}: {beats} beats in {clocks} clocks, {rate:.4}");
        (slowest, fastest) = (slowest.min(rate), fastest.max(rate));
    }
    assert!(slowest >= 0.99 * fastest, "{slowest:.4} and {fastest:.4} beats a clock");
    Ok(())
}

#[test]
fn no_clock_lies_between_two_segments() -> Result<()> {
    for mss in [64, 536, 1448, 8960] {
        let chains = super_frames(&Shape::plain(7 * usize::from(mss), mss), 1);
        let (beats, clocks) = measure(&chains, 0)?;
        assert_eq!(clocks, beats as u64, "mss {mss}");
    }
    Ok(())
}

#[test]
fn mss_64_takes_at_most_17_clocks_a_segment() -> Result<()> {
    for udp in [false, true] {
        let shape = Shape {
            udp,
            tcp_option_words: 0,
            ..Shape::plain(65_024, 64)
        };
        let chains = super_frames(&shape, 3);
        let (_, clocks) = measure(&chains, 0)?;
        let segments = 3 * 65_024 / 64;
        println!("{:.2} clocks a segment", clocks as f64 / segments as f64);
        assert!(clocks <= 17 * segments, "{clocks} clocks for {segments} segments");
    }
    Ok(())
}

#[test]
fn plain_frames_of_60_bytes_take_at_most_16_clocks() -> Result<()> {
    let random = &mut ChaCha8Rng::seed_from_u64(5);
    for (bytes, checksum) in [(60, false), (60, true), (14, false), (59, true)] {
        let chains: Vec<Chain> = (0..200).map(|_| single(bytes, checksum, random)).collect();
        let (_, clocks) = measure(&chains, 0)?;
        println!("{:.2} clocks a frame", clocks as f64 / 200.0);
        assert!(clocks <= 16 * 200, "{clocks} clocks for 200 frames");
    }
    Ok(())
}
