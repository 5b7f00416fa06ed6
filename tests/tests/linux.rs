//! The Linux kernel as judge: random super-frames and real traffic through the core and through the kernel's own
//! segmentation, byte for byte. Without root, `/dev/net/tun` and iproute2 these tests say "skipped" with the reason.
//! SEGWALK_FUZZ sets the number of random super-frames; with SEGWALK_NO_SKIP set, what would be skipped fails.

use anyhow::Result;
use rand_chacha::ChaCha8Rng;
use segwalk_model::registers::feature;
use segwalk_model::segment::{segment, IpVersion, SegmentSettings};
use segwalk_model::virtio_net_hdr::{gso, VirtioNetHdr, FLAG_NEEDS_CSUM};
use segwalk_sim::core_bench::BenchConfig;
use segwalk_sim::driver;
use segwalk_sim::headers::{flag, Headers, Ipv4, Ipv6, Network, Seed, Transport};
use segwalk_sim::linux::{compare, KernelAnswer, KernelOracle, Known, SourceOptions, TapSource, Unavailable, Verdict};
use segwalk_sim::random::super_frame;
use segwalk_sim::record::{derive, Record};
use segwalk_sim::replay::{replay_over, Oracle, ReplayOptions, ReplayReport};
use segwalk_sim::super_frame::SuperFrame;
use segwalk_tests::rig::random;
use segwalk_tests::{device, seed};
use std::collections::BTreeMap;

/// Random super-frames without SEGWALK_FUZZ.
const FUZZ: usize = 3000;
/// Threads that they are spread over, each with a kernel and a core of its own.
const THREADS: usize = 2;
/// Super-frames of one session.
const SESSION: usize = 500;
/// Payload of each kind of real traffic: at least 50 super-frames of 64 KiB.
const TRAFFIC_BYTES: u64 = 5 << 20;
/// Super-frames that all real traffic must have together.
const TRAFFIC_MIN: usize = 300;

/// What is available, or none with a line that says that `test` is skipped and why.
fn available<T>(test: &str, made: Result<T, Unavailable>) -> Option<T> {
    match made {
        Ok(value) => Some(value),
        Err(reason) => {
            assert!(std::env::var_os("SEGWALK_NO_SKIP").is_none(), "{test}: {reason}");
            // past the test runner, which keeps the output of tests that do not fail
            use std::io::Write;
            let _ = writeln!(std::io::stderr(), "test {test} ... skipped: {reason}");
            None
        }
    }
}

fn fuzz_count() -> usize {
    std::env::var("SEGWALK_FUZZ").map_or(FUZZ, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("SEGWALK_FUZZ is {text:?} but must be a number"))
    })
}

/// A random super-frame that kernel and rules treat alike; what they do not is in `refusals_and_differences`.
fn agreed(random: &mut ChaCha8Rng) -> Record {
    loop {
        let frame = super_frame(random, 0, Seed::WithLength);
        let mut hdr = frame.hdr;
        let mut frame = frame.frame();
        if hdr.gso() == gso::UDP_L4 {
            // rule 19: the kernel needs the right length
            udp_length(&hdr, &mut frame);
        }
        // rule 21: any hint, but the kernel wants it inside the frame and not within the Ethernet header
        hdr.hdr_len %= frame.len() as u16;
        if hdr.hdr_len < 14 {
            hdr.hdr_len = 0;
        }
        hdr.num_buffers = 0;
        // 802.1Q in a garbage frame that ends within the tag
        let cut_tag = hdr.flags & FLAG_NEEDS_CSUM == 0 && frame.len() < 18;
        // rule 2: one segment because of the options
        let one = matches!(hdr.gso(), gso::TCPV4 | gso::TCPV6) && {
            let (start, size) = (usize::from(hdr.csum_start), usize::from(hdr.gso_size));
            let header_bytes = 4 * usize::from(frame[start + 12] >> 4);
            frame.len() <= start + header_bytes + size && frame.len() > start + 20 + size
        };
        // rule 19: the kernel's limit
        let udp =
            hdr.gso() == gso::UDP_L4 && frame.len() > usize::from(hdr.csum_start) + 8 + 128 * usize::from(hdr.gso_size);
        if !cut_tag && !one && !udp {
            return Record { hdr, frame };
        }
    }
}

/// Puts the right length into a UDP header.
fn udp_length(hdr: &VirtioNetHdr, frame: &mut [u8]) {
    let start = usize::from(hdr.csum_start);
    let length = (frame.len() - start) as u16;
    frame[start + 4..start + 6].copy_from_slice(&length.to_be_bytes());
}

fn replay(records: &[Record], kernel: KernelOracle, seed: u64) -> Result<ReplayReport> {
    let options = ReplayOptions { seed, pcap: None };
    let core = device(BenchConfig::default())?;
    replay_over(core, records, &mut Oracle::Linux(kernel), &options, |_, _| {})
}

#[test]
fn random_super_frames_agree_with_the_kernel() {
    let test = "random_super_frames_agree_with_the_kernel";
    if available(test, KernelOracle::new()).is_none() {
        return;
    }
    let (first, sessions) = (seed(1), fuzz_count().div_ceil(SESSION));
    let mut total = ReplayReport::default();
    std::thread::scope(|scope| {
        let work = |thread: usize| {
            move || {
                let mut sum = ReplayReport::default();
                for session in (0..sessions).filter(|session| session % THREADS == thread) {
                    let seed = first + session as u64;
                    let mut random = random(seed);
                    let count = SESSION.min(fuzz_count() - session * SESSION);
                    let records: Vec<Record> = (0..count).map(|_| agreed(&mut random)).collect();
                    let kernel = KernelOracle::new().expect("it was available");
                    let report = replay(&records, kernel, seed).unwrap_or_else(|error| {
                        panic!("session with seed {seed}: {error:?}; repeat with SEGWALK_SEED={seed}")
                    });
                    assert!(
                        report.is_good() && report.refused == 0,
                        "{report:#?}\nrepeat with SEGWALK_SEED={seed} cargo test --release -p segwalk-tests --test linux"
                    );
                    sum.add(report);
                }
                sum
            }
        };
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(work(thread))).collect();
        for thread in threads {
            match thread.join() {
                Ok(report) => total.add(report),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    assert_eq!(total.records as usize, fuzz_count());
    // Of the differences on purpose only the all-ones checksum comes by chance (rule 18).
    assert!(
        total.known.keys().all(|known| *known == Known::ZeroChecksum),
        "{:?}",
        total.known
    );
    println!("{} super-frames, {} segments", total.records, total.segments);
}

/// Records a transfer; none where that cannot be.
fn traffic(test: &str, options: SourceOptions) -> Option<Vec<Record>> {
    let mut source = available(test, TapSource::new(options))?;
    let settings = SegmentSettings::default();
    let mut records = Vec::new();
    let segment = |hdr: &VirtioNetHdr, frame: &[u8]| {
        records.push(Record {
            hdr: *hdr,
            frame: frame.to_vec(),
        });
        segment(hdr, frame, &settings).map_err(|refusal| anyhow::anyhow!("{}: {hdr:?}", refusal.sentence()))
    };
    source
        .transfer(TRAFFIC_BYTES, segment, |_, _| {})
        .unwrap_or_else(|error| panic!("{options:?}: {error:?}"));
    Some(records)
}

#[test]
fn real_traffic_agrees_with_the_kernel() {
    let test = "real_traffic_agrees_with_the_kernel";
    let mut kinds = Vec::new();
    for ip in [IpVersion::V4, IpVersion::V6] {
        for (mtu, ecn) in [(1500, false), (9000, false), (1500, true)] {
            kinds.push(SourceOptions { mtu, ip, ecn });
        }
    }
    let mut super_frames = 0;
    for (at, options) in kinds.into_iter().enumerate() {
        let Some(kernel) = available(test, KernelOracle::new()) else {
            return;
        };
        let Some(records) = traffic(test, options) else { return };
        let cwr = records.iter().filter(|record| record.hdr.has_ecn()).count();
        assert!(!options.ecn || cwr > 0, "{options:?}: no super-frame has CWR");
        for record in records.iter().filter(|record| record.hdr.gso() != gso::NONE) {
            // what a capture would have shown says the same
            let mut derived = derive(record.frame.clone(), record.hdr.gso_size);
            derived.hdr.hdr_len = record.hdr.hdr_len;
            assert_eq!(derived, *record, "{options:?}");
        }
        let report = replay(&records, kernel, at as u64).unwrap_or_else(|error| panic!("{options:?}: {error:?}"));
        assert!(report.is_good() && report.refused == 0, "{options:?}: {report:#?}");
        assert_eq!(report.records as usize, records.len());
        println!(
            "{options:?}: {} super-frames, {cwr} with CWR, {} segments",
            report.segmented, report.segments
        );
        super_frames += report.segmented as usize;
    }
    assert!(super_frames >= TRAFFIC_MIN, "only {super_frames} super-frames");
}

/// A TCP super-frame of 3,000 bytes of payload.
fn sample(ip: IpVersion) -> Record {
    let transport = Transport::Tcp {
        ports: (1, 2),
        seq: 3,
        ack: 4,
        flags: flag::ACK,
        window: 5,
        urgent: 0,
        options: vec![1; 12],
    };
    sample_of(ip, transport)
}

fn sample_of(ip: IpVersion, transport: Transport) -> Record {
    let headers = Headers {
        source_mac: [2, 0, 0, 0, 0, 1],
        destination_mac: [2, 0, 0, 0, 0, 2],
        tags: vec![],
        network: match ip {
            IpVersion::V4 => Network::V4(Ipv4 {
                source: [192, 0, 2, 1],
                destination: [192, 0, 2, 2],
                tos: 0,
                id: 7,
                dont_fragment: false,
                ttl: 64,
                options: vec![],
            }),
            IpVersion::V6 => Network::V6(Ipv6 {
                source: [0xFD; 16],
                destination: [0xFE; 16],
                traffic_class: 0,
                flow_label: 0,
                hop_limit: 64,
                extensions: vec![],
            }),
        },
        transport,
    };
    let frame = SuperFrame::segmented(&headers, vec![0x5A; 3000], 1000, Seed::WithLength);
    Record {
        hdr: frame.hdr,
        frame: frame.frame(),
    }
}

/// What the kernel refuses or does otherwise, each case with what must come of it: `None` where both refuse.
#[test]
fn refusals_and_differences() {
    let Some(mut kernel) = available("refusals_and_differences", KernelOracle::new()) else {
        return;
    };
    type Change = fn(&mut Record);
    let v4 = IpVersion::V4;
    let cases: &[(&str, IpVersion, Change, Option<Known>)] = &[
        (
            "rule 2: one segment because of the options",
            v4,
            |r| r.frame.truncate(66 + 995),
            Some(Known::OneSegment),
        ),
        ("rule 8: MF", v4, |r| r.frame[20] |= 0x20, Some(Known::Fragment)),
        (
            "rule 21: hdr_len beyond the frame",
            v4,
            |r| r.hdr.hdr_len = 0xFFFF,
            Some(Known::HeaderHint),
        ),
        ("rule 22: gso_size 0", v4, |r| r.hdr.gso_size = 0, None),
        ("rule 22: gso_size 0xFFFF", v4, |r| r.hdr.gso_size = 0xFFFF, None),
        (
            "rule 22: TCPv6 type, IPv4 frame",
            v4,
            |r| r.hdr.gso_type = gso::TCPV6,
            None,
        ),
        (
            "rule 22: TCPv4 type, IPv6 frame",
            IpVersion::V6,
            |r| r.hdr.gso_type = gso::TCPV4,
            None,
        ),
        ("rule 22: unknown gso_type", v4, |r| r.hdr.gso_type = 0x7F, None),
        (
            "rule 22: GSO without NEEDS_CSUM",
            v4,
            |r| r.hdr.flags = 0,
            Some(Known::Stricter),
        ),
        (
            "rule 22: csum_start beyond the frame",
            v4,
            |r| r.hdr.csum_start = 0xFFF0,
            None,
        ),
        (
            "rule 22: csum_start below the IP header",
            v4,
            |r| r.hdr.csum_start = 20,
            None,
        ),
        ("rule 22: doff below 5", v4, |r| r.frame[46] = 0x40, None),
        ("rule 22: ihl below 5", v4, |r| r.frame[14] = 0x44, None),
        (
            "the MSS is above the limit",
            v4,
            |r| {
                r.hdr.gso_size = 9700;
                r.frame.resize(20_000, 1);
            },
            Some(Known::Limit),
        ),
        (
            "gso_type 0x80",
            v4,
            |r| {
                r.hdr.gso_type = gso::ECN;
                r.frame.truncate(500);
            },
            Some(Known::EcnAlone),
        ),
    ];
    let udp = Transport::Udp { ports: (1, 2) };
    let udp_cases: &[(&str, IpVersion, Change, Option<Known>)] = &[
        (
            "rule 19: 129 datagrams",
            v4,
            |r| {
                r.hdr.gso_size = 10;
                r.frame.truncate(42 + 1290);
                udp_length(&r.hdr, &mut r.frame);
            },
            Some(Known::UdpSegments),
        ),
        (
            "rule 19: a wrong length",
            v4,
            |r| r.frame[38] ^= 1,
            Some(Known::UdpLength),
        ),
        ("rule 19: csum_offset 16", v4, |r| r.hdr.csum_offset = 16, None),
        ("rule 19: no NEEDS_CSUM", v4, |r| r.hdr.flags = 0, None),
        ("rule 19: TCP", v4, |r| r.frame[23] = 6, None),
        ("rule 19: no NEEDS_CSUM, IPv6", IpVersion::V6, |r| r.hdr.flags = 0, None),
    ];
    let all = cases.iter().map(|case| (case, sample(case.1)));
    let all = all.chain(udp_cases.iter().map(|case| (case, sample_of(case.1, udp.clone()))));
    let settings = SegmentSettings::default();
    let mut wrong = BTreeMap::new();
    for ((name, _, change, expected), mut record) in all {
        change(&mut record);
        let ours = segment(&record.hdr, &record.frame, &settings);
        let answer = kernel.segment(&record.hdr, &record.frame).unwrap();
        let ours = ours.as_ref().map(|frames| &frames[..]).map_err(|refusal| *refusal);
        let verdict = compare(&record.hdr, &record.frame, ours, &answer);
        let good = match expected {
            None => ours.is_err() && !matches!(answer, KernelAnswer::Frames(_)),
            Some(known) => verdict == Verdict::Known(*known),
        };
        if !good {
            wrong.insert(name, format!("{verdict:?}, refused by us: {:?}", ours.err()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_kernel_judges_thousands_in_a_second_and_leaves_nothing_behind() {
    let test = "the_kernel_judges_thousands_in_a_second_and_leaves_nothing_behind";
    let Some(mut kernel) = available(test, KernelOracle::new()) else {
        return;
    };
    let record = sample(IpVersion::V4);
    let frames = (0..2000).map(|_| (&record.hdr, &record.frame[..]));
    let start = std::time::Instant::now();
    let answers = kernel.segment_all(frames).unwrap();
    let elapsed = start.elapsed();
    let expected = segment(&record.hdr, &record.frame, &SegmentSettings::default()).unwrap();
    assert_eq!(answers.len(), 2000);
    assert!(answers
        .iter()
        .all(|answer| *answer == KernelAnswer::Frames(expected.clone())));
    println!("2000 super-frames in {elapsed:?}");
    assert!(elapsed.as_secs() < 10, "{elapsed:?} for 2000 super-frames");
}

#[test]
fn an_error_of_one_bit_is_found() {
    let Some(mut kernel) = available("an_error_of_one_bit_is_found", KernelOracle::new()) else {
        return;
    };
    assert_ne!(driver::FEATURES & feature::HOST_TSO4, 0);
    let record = sample(IpVersion::V4);
    let mut frames = segment(&record.hdr, &record.frame, &SegmentSettings::default()).unwrap();
    let answer = kernel.segment(&record.hdr, &record.frame).unwrap();
    assert_eq!(
        compare(&record.hdr, &record.frame, Ok(&frames), &answer),
        Verdict::Equal
    );
    for at in [0, 18, 24, 38, 47, 50, 70] {
        frames[1][at] ^= 1;
        let verdict = compare(&record.hdr, &record.frame, Ok(&frames), &answer);
        assert!(
            matches!(verdict, Verdict::Different { frames: 1, .. }),
            "byte {at}: {verdict:?}"
        );
        frames[1][at] ^= 1;
    }
}
