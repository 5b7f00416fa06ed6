//! The kernel's own TCP and UDP through the core: curl, iperf3 and UDP_SEGMENT, with every frame compared with the model's.
//! Without root, `/dev/net/tun`, iproute2, curl and iperf3 these tests say "skipped" with the reason; with
//! SEGWALK_NO_SKIP set, what would be skipped fails. SEGWALK_SOAK sets the seconds of the long one.

mod traffic;
mod wrong;

use segwalk_model::page_table::Mode;
use segwalk_sim::link::{End, LinkOptions};
use std::sync::Arc;
use std::time::{Duration, Instant};
use traffic::{carry, datagrams, iperf, Ends, Server};

/// Bytes that curl fetches.
const FILE_BYTES: usize = 16 << 20;
/// Seconds of iperf3.
const IPERF_SECONDS: u32 = 5;
/// Seconds of the soak without SEGWALK_SOAK.
const SOAK_SECONDS: u64 = 6;
/// Time after which memory has what it needs.
const WARM: Duration = Duration::from_secs(20);
/// What the process may grow by after that.
const GROWTH_KIB: u64 = 4096;

/// Bytes that no segment has twice.
fn file() -> Arc<Vec<u8>> {
    let word = |at: u64| at.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29).to_le_bytes();
    Arc::new((0..FILE_BYTES as u64 / 8).flat_map(word).collect())
}

/// curl over both versions of IP, then iperf3.
fn downloads_and_iperf(ends: &Ends) -> anyhow::Result<()> {
    let file = file();
    for v6 in [false, true] {
        Server::new(&ends.a, End::A.address(v6), file.clone())?.fetch(&ends.b)?;
    }
    let rate = iperf(ends, End::B.address(false), IPERF_SECONDS)?;
    println!("iperf3: {rate:.1} Mbit/s");
    Ok(())
}

/// Super-frames that the downloads take at least: TCP makes shorter ones than it could, by the rate.
const SUPER_FRAMES_MIN: u64 = 2 * FILE_BYTES as u64 / 65_536;

#[test]
fn curl_and_iperf3_at_an_mtu_of_1500() {
    let Some(report) = carry("mtu_1500", LinkOptions::default(), downloads_and_iperf) else {
        return;
    };
    assert!(report.super_frames > SUPER_FRAMES_MIN, "{report:#?}");
    assert!(report.segments > 2 * FILE_BYTES as u64 / 1448, "{report:#?}");
}

#[test]
fn curl_and_iperf3_at_an_mtu_of_9000_with_x86_64_tables() {
    let options = LinkOptions {
        mtu: 9000,
        mode: Mode::X86_64,
        ..LinkOptions::default()
    };
    let Some(report) = carry("mtu_9000", options, downloads_and_iperf) else {
        return;
    };
    assert!(report.super_frames > SUPER_FRAMES_MIN, "{report:#?}");
    assert!(report.wire_bytes / report.segments > 4500, "{report:#?}");
}

#[test]
fn classic_ecn_with_congestion_marks() {
    let options = LinkOptions {
        mark: 0.002,
        ..LinkOptions::default()
    };
    let Some(report) = carry("ecn", options, downloads_and_iperf) else {
        return;
    };
    assert!(report.marked > 0 && report.with_cwr > 0, "{report:#?}");
}

#[test]
fn one_frame_in_a_hundred_is_lost() {
    let options = LinkOptions {
        drop: 0.01,
        ..LinkOptions::default()
    };
    let Some(report) = carry("drop", options, downloads_and_iperf) else {
        return;
    };
    assert!(report.lost > 100 && report.a.tcp_retransmits > 50, "{report:#?}");
}

#[test]
fn datagrams_of_udp_segmentation() {
    const COUNT: usize = 30;
    let work = |ends: &Ends| {
        for v6 in [false, true] {
            let addresses = [End::A, End::B].map(|end| end.address(v6));
            for (bytes, size) in [(60_000, 1400), (64_000, 1000), (3_000, 1452)] {
                datagrams(ends, addresses, COUNT, bytes, size)?;
            }
        }
        Ok(())
    };
    let Some(report) = carry("datagrams", LinkOptions::default(), work) else {
        return;
    };
    assert!(report.super_frames >= 6 * COUNT as u64, "{report:#?}");
}

#[test]
fn soak_of_mixed_traffic_with_losses() {
    let seconds = match std::env::var("SEGWALK_SOAK") {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("SEGWALK_SOAK is {text:?} but must be a number of seconds")),
        Err(_) => SOAK_SECONDS,
    };
    let options = LinkOptions {
        drop: 0.005,
        duration: Some(Duration::from_secs(2 * seconds + 120)),
        ..LinkOptions::default()
    };
    let work = |ends: &Ends| {
        let (start, file) = (Instant::now(), file());
        let (mut warm, mut rounds) = (None, 0);
        while start.elapsed() < Duration::from_secs(seconds) {
            let v6 = rounds % 2 == 1;
            Server::new(&ends.a, End::A.address(v6), file.clone())?.fetch(&ends.b)?;
            iperf(ends, End::B.address(!v6), 3)?;
            rounds += 1;
            if warm.is_none() && start.elapsed() > WARM {
                warm = Some(resident_kib());
            }
            if rounds % 10 == 0 {
                println!("{:?}: {} KiB", start.elapsed(), resident_kib());
            }
        }
        if let Some(warm) = warm {
            let now = resident_kib();
            println!("{rounds} rounds, {warm} KiB after {WARM:?}, {now} KiB at the end");
            anyhow::ensure!(now < warm + GROWTH_KIB, "memory grew from {warm} KiB to {now} KiB");
        }
        Ok(())
    };
    if let Some(report) = carry("soak", options, work) {
        assert!(report.lost > 0, "{report:#?}");
    }
}

/// Memory of this process.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .expect("Linux has it");
    line.trim_end_matches("kB").trim().parse().expect("it is a number")
}
