//! The bench around the core, tried on a stand-in that copies memory to the frame stream.

use segwalk_hdl::debug::StateField;
use segwalk_model::memory::{Memory, MemoryMut};
use segwalk_sim::axi::{AxiConfig, ErrorRange, Response};
use segwalk_sim::core_bench::{BenchConfig, CoreBench};
use segwalk_sim::pattern::{Pattern, Rng};
use segwalk_sim::verilated::{Model, Spec};
use std::collections::HashSet;

const STATES: &[StateField] = &[
    StateField {
        name: "copy",
        lsb: 0,
        width: 2,
        states: &["Idle", "Copying", "Writing", "Waiting"],
    },
    StateField {
        name: "address",
        lsb: 9,
        width: 1,
        states: &["Quiet", "Asking"],
    },
];
const SOURCE: u64 = 0x12_3456;
const DESTINATION: u64 = 0x77;

fn bench(config: BenchConfig) -> CoreBench {
    let spec = Spec {
        top: "segwalk_core",
        verilog: include_str!("support/stand_in.v"),
        ..Default::default()
    };
    CoreBench::new(&Model::build(&spec).unwrap(), config, STATES).unwrap()
}

/// Fills `pages` of memory at random.
fn fill(bench: &mut CoreBench, pages: u64) -> Vec<u8> {
    let mut rng = Rng::new(5);
    let bytes: Vec<u8> = (0..pages * 512).flat_map(|_| rng.next_u64().to_le_bytes()).collect();
    for page in 0..pages {
        bench.memory_mut().add_page(SOURCE + page);
    }
    bench.memory_mut().add_page(DESTINATION);
    bench.memory_mut().write(SOURCE << 12, &bytes).unwrap();
    bytes
}

fn start(bench: &mut CoreBench, bursts: u32, faults: u32) {
    for (offset, value) in [
        (0, SOURCE as u32),
        (4, bursts),
        (0x10, DESTINATION as u32),
        (0x14, faults),
        (8, 1),
    ] {
        bench.write_register(offset, value).unwrap();
    }
}

/// The stand-in's frames: 128 bytes, of which the last 5 do not count.
fn frames_of(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.chunks(128).map(|frame| frame[..123].to_vec()).collect()
}

fn copies(config: BenchConfig) -> CoreBench {
    let mut bench = bench(config);
    let bytes = fill(&mut bench, 4);
    start(&mut bench, 256, 0);
    bench.run_until(|b| b.irq(), 200_000).unwrap();
    assert_eq!(bench.sink.take_frames(), frames_of(&bytes));
    assert_eq!(bench.memory().read_u64(DESTINATION << 12 | 0x10).unwrap(), 0x600D_0800);
    assert_eq!(bench.read_register(0x0C).unwrap(), 0);
    bench.checker.at_rest(0);
    bench.checker.verdict().unwrap();
    assert!(bench.axi().is_idle());
    bench
}

#[test]
fn a_beat_a_clock_when_nothing_stalls() {
    let bench = copies(BenchConfig::default());
    assert_eq!(bench.sink.beats(), 2048);
    assert!(bench.sink.beats_per_clock() > 0.98, "{}", bench.sink.beats_per_clock());
    assert_eq!(bench.counts().output, 2048);
    assert_eq!(bench.counts().sink, 0);
}

#[test]
fn latency_bounds_what_open_reads_can_cover() {
    // 256 words of buffer cover a latency of 200 clocks and little more than half of 400
    for (latency, low, high) in [(200, 0.9, 1.0), (400, 0.5, 0.75)] {
        let memory = AxiConfig {
            latency,
            ..Default::default()
        };
        let bench = copies(BenchConfig {
            memory,
            ..Default::default()
        });
        let rate = bench.sink.beats_per_clock();
        assert!((low..=high).contains(&rate), "latency {latency}: {rate}");
        assert!(bench.counts().payload > u64::from(latency));
    }
}

#[test]
fn the_first_beat_comes_after_the_latency() {
    for latency in [1, 2, 50] {
        let memory = AxiConfig {
            latency,
            ..Default::default()
        };
        let mut bench = bench(BenchConfig {
            memory,
            ..Default::default()
        });
        fill(&mut bench, 1);
        start(&mut bench, 2, 0);
        bench.run_until(|b| b.axi().open_reads()[2] > 0, 100).unwrap();
        // the address was accepted on the last edge
        let clocks = bench.run_until(|b| b.axi().read_beats()[2] > 0, 100).unwrap();
        assert_eq!(clocks, u64::from(latency));
    }
}

#[test]
fn every_kind_of_stall_keeps_the_bytes() {
    let half = Pattern::Random { stall_of_256: 128 };
    let rare = Pattern::Random { stall_of_256: 230 };
    let phases = Pattern::Phases { on: 40, off: 300 };
    for (seed, (ar, r, w, sink)) in [
        (half, half, half, half),
        (rare, Pattern::Always, rare, phases),
        (Pattern::Always, rare, phases, Pattern::EveryNth(3)),
        (phases, phases, half, rare),
    ]
    .into_iter()
    .enumerate()
    {
        let memory = AxiConfig {
            latency: 30,
            jitter: 60,
            ar,
            aw: w,
            w,
            r,
            b: r,
            reorder: true,
            interleave: true,
            max_open: 9,
            seed: seed as u64,
        };
        let config = BenchConfig {
            memory,
            sink,
            register_gap: 5,
            check_registered: true,
            seed: seed as u64,
            ..Default::default()
        };
        let bench = copies(config);
        assert!(bench.sink.stalled() > 0);
    }
}

#[test]
fn errors_where_the_test_wants_them() {
    let fails = |range: Option<ErrorRange>, missing: Option<u64>| {
        let mut bench = bench(BenchConfig::default());
        fill(&mut bench, 4);
        if let Some(page) = missing {
            bench.memory_mut().remove_page(page);
        }
        bench.axi_mut().errors_mut().extend(range);
        start(&mut bench, 256, 0);
        bench.run_until(|b| b.irq(), 20_000).unwrap();
        bench.read_register(0x0C).unwrap()
    };
    let at = |phys_addr: u64, reads: bool| {
        let (phys_addrs, response) = (phys_addr..phys_addr + 1, Response::SlvErr);
        Some(ErrorRange {
            phys_addrs,
            reads,
            writes: !reads,
            response,
        })
    };
    assert_eq!(fails(None, None), 0);
    assert_eq!(fails(at((SOURCE << 12) + 0x2345, true), None), 2);
    assert_eq!(fails(at((SOURCE << 12) + 0x2345, false), None), 0);
    assert_eq!(fails(at((DESTINATION << 12) + 0x15, false), None), 4);
    assert_eq!(fails(None, Some(SOURCE + 3)), 2);
    assert_eq!(fails(None, Some(DESTINATION)), 4);
}

#[test]
fn broken_rules_are_named() {
    let stalls = AxiConfig {
        ar: Pattern::EveryNth(3),
        ..Default::default()
    };
    for (faults, words) in [
        (1, "AR fell or changed"),
        (2, "cross a 4 KiB boundary"),
        (4, "wlast is wrong on beat 1 of 1"),
        (8, "tkeep 0b00000101 with tlast 1"),
        (32, "ID 9 is none"),
    ] {
        let mut bench = bench(BenchConfig {
            memory: stalls.clone(),
            ..Default::default()
        });
        fill(&mut bench, 4);
        start(&mut bench, 100, faults);
        let error = format!("{:#}", bench.run_until(|b| b.irq(), 20_000).unwrap_err());
        assert!(error.contains(words), "faults {faults}: {error}");
    }
}

#[test]
fn accesses_outside_of_the_allowed_pages_are_named() {
    let mut bench = bench(BenchConfig::default());
    fill(&mut bench, 2);
    bench.checker.allow_only(Some(HashSet::from([SOURCE, DESTINATION])));
    start(&mut bench, 65, 0);
    let error = format!("{:#}", bench.run_until(|b| b.irq(), 20_000).unwrap_err());
    assert!(
        error.contains("AR 0x123457000: the core has no business there (ID 2)"),
        "{error}"
    );
}

#[test]
fn a_stuck_core_ends_with_a_dump() {
    let mut bench = bench(BenchConfig {
        watchdog_clocks: Some(500),
        ..Default::default()
    });
    fill(&mut bench, 1);
    start(&mut bench, 8, 16);
    let error = bench.run_until(|b| b.irq(), 1_000_000).unwrap_err().to_string();
    for words in [
        "nothing moved for 500 clocks",
        "copy                 Copying",
        "read  payload  0x0123456000 0 of 8 beats",
        "R 1/0",
        "last accesses, newest last",
    ] {
        assert!(error.contains(words), "no `{words}` in:\n{error}");
    }
    assert!(bench.clock() < 2000);
    // a reset of the whole bench frees it
    bench.reset(3);
    start(&mut bench, 8, 0);
    bench.run_until(|b| b.irq(), 1000).unwrap();
    assert_eq!(bench.sink.kept(), 4);
}

#[test]
fn a_wait_that_is_too_long_ends() {
    let mut bench = bench(BenchConfig::default());
    let error = bench.run_until(|b| b.irq(), 1000).unwrap_err().to_string();
    assert!(
        error.contains("not done after 1000 clocks") && error.contains("Idle"),
        "{error}"
    );
}

#[test]
fn registers_answer_and_errors_are_told() {
    for register_gap in [0, 7] {
        let mut bench = bench(BenchConfig {
            register_gap,
            ..Default::default()
        });
        for value in [1, 0x07FF_FFFF, 42] {
            bench.write_register(0, value).unwrap();
            assert_eq!(bench.read_register(0).unwrap(), value);
        }
        assert!(bench
            .read_register(0x100)
            .unwrap_err()
            .to_string()
            .contains("0x100 gave SlvErr"));
        assert_eq!(bench.register(0x100, Some(1)).unwrap().response, Response::SlvErr);
        assert!(bench.write_register(2, 0).is_err());
        bench.checker.verdict().unwrap();
    }
}
