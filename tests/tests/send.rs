//! Files sent from a process's memory, over every option of `segwalk send`, against the model.

use segwalk_model::page_table::Mode;
use segwalk_model::segment::IpVersion;
use segwalk_sim::axi::AxiConfig;
use segwalk_sim::core_bench::BenchConfig;
use segwalk_sim::process::PageLayout;
use segwalk_sim::send::{send_over, Buffers, SendOptions, SendReport};
use segwalk_tests::device;
use segwalk_tests::rig::payload;

const IPS: [IpVersion; 2] = [IpVersion::V4, IpVersion::V6];
const MODES: [Mode; 3] = [Mode::Bare, Mode::Sv39, Mode::X86_64];
const LAYOUTS: [PageLayout; 3] = [PageLayout::Scattered, PageLayout::Linear, PageLayout::Huge];
const LATENCIES: [u32; 3] = [0, 50, 200];
const MIB: usize = 1 << 20;

fn send(bytes: usize, options: SendOptions) -> SendReport {
    let config = BenchConfig {
        memory: AxiConfig {
            latency: options.latency.max(1),
            ..AxiConfig::default()
        },
        ..BenchConfig::default()
    };
    let device = device(config).unwrap();
    let report = send_over(device, &payload(bytes), &options, |_, _| {})
        .unwrap_or_else(|error| panic!("{bytes} bytes with {options:?}: {error:?}"));
    assert!(report.is_good(), "{bytes} bytes with {options:?}: {report:?}");
    assert_eq!(report.payload_bytes, bytes as u64);
    report
}

#[test]
fn files_around_a_segment() {
    for bytes in [0, 1, 1447, 1448, 1449] {
        for ip in IPS {
            for mode in MODES {
                for latency in LATENCIES {
                    let report = send(
                        bytes,
                        SendOptions {
                            ip,
                            mode,
                            latency,
                            ..Default::default()
                        },
                    );
                    assert_eq!(report.segments, bytes.div_ceil(1448).max(1) as u64);
                    assert_eq!(report.super_frames, 1);
                }
            }
        }
    }
}

#[test]
fn a_mebibyte_in_one_range() {
    for (mode, pages, ip, latency) in [
        (Mode::Bare, PageLayout::Linear, IpVersion::V4, 200),
        (Mode::Sv39, PageLayout::Scattered, IpVersion::V4, 50),
        (Mode::Sv39, PageLayout::Huge, IpVersion::V6, 0),
        (Mode::X86_64, PageLayout::Scattered, IpVersion::V6, 200),
        (Mode::X86_64, PageLayout::Linear, IpVersion::V4, 0),
    ] {
        let report = send(
            MIB,
            SendOptions {
                mode,
                pages,
                ip,
                latency,
                ..Default::default()
            },
        );
        assert_eq!(report.segments, MIB.div_ceil(1448) as u64);
        assert_eq!(report.super_frames, MIB.div_ceil(65_160) as u64);
        assert_eq!(report.descriptors, 2 * report.super_frames);
    }
}

#[test]
fn a_mebibyte_in_many_buffers() {
    for (bytes, mode, pages, ip, latency) in [
        (1448, Mode::Sv39, PageLayout::Scattered, IpVersion::V4, 50),
        (4096, Mode::X86_64, PageLayout::Scattered, IpVersion::V4, 50),
        (10_000, Mode::Sv39, PageLayout::Linear, IpVersion::V6, 200),
        (1448, Mode::X86_64, PageLayout::Huge, IpVersion::V6, 0),
    ] {
        send(
            MIB,
            SendOptions {
                buffers: Buffers::Of(bytes),
                mode,
                pages,
                ip,
                latency,
                ..Default::default()
            },
        );
    }
}

#[test]
fn every_buffer_size_in_every_mode_and_layout() {
    for (at, mode) in MODES.into_iter().enumerate() {
        for pages in LAYOUTS {
            for (size, (buffers, bytes)) in [
                (Buffers::Contiguous, 40_000),
                (Buffers::Of(1), 700),
                (Buffers::Of(7), 3000),
                (Buffers::Of(1448), 40_000),
                (Buffers::Of(4096), 40_000),
                (Buffers::Of(10_000), 40_000),
            ]
            .into_iter()
            .enumerate()
            {
                let latency = LATENCIES[(at + size) % LATENCIES.len()];
                let ip = IPS[(at + size) % IPS.len()];
                send(
                    bytes,
                    SendOptions {
                        mode,
                        pages,
                        buffers,
                        latency,
                        ip,
                        ..Default::default()
                    },
                );
            }
        }
    }
}

#[test]
fn every_page_table_format() {
    for (at, mode) in [Mode::Sv32, Mode::Sv48, Mode::X86_32].into_iter().enumerate() {
        for (layout, pages) in LAYOUTS.into_iter().enumerate() {
            let buffers = [Buffers::Contiguous, Buffers::Of(1448), Buffers::Of(4096)][(at + layout) % 3];
            send(
                70_000,
                SendOptions {
                    mode,
                    pages,
                    buffers,
                    latency: LATENCIES[layout % LATENCIES.len()],
                    ip: IPS[at % IPS.len()],
                    ..Default::default()
                },
            );
        }
    }
}

#[test]
fn tiny_and_huge_segments() {
    for (mss, bytes) in [(1, 300), (2, 501), (9600, 200_000), (536, 70_000)] {
        for ip in IPS {
            let report = send(
                bytes,
                SendOptions {
                    mss,
                    ip,
                    ..Default::default()
                },
            );
            assert_eq!(report.segments, bytes.div_ceil(usize::from(mss)) as u64);
        }
    }
}

#[test]
fn seeds_move_addresses_and_not_the_stream() {
    let sent: Vec<SendReport> = (1..6)
        .map(|seed| {
            send(
                20_000,
                SendOptions {
                    seed,
                    buffers: Buffers::Of(997),
                    ..Default::default()
                },
            )
        })
        .collect();
    assert!(sent
        .windows(2)
        .all(|pair| pair[0].reassembled_sha256 == pair[1].reassembled_sha256));
}
