//! Simulated clocks a CPU second: the harness against a C++ testbench of the same model and the same stimulus.
//!
//! The C++ testbench is built here, replays the same memory image and register writes, and must come to the same frames
//! after the same number of clocks.

// criterion's macros make functions without documentation
#![allow(missing_docs)]

mod workload;

use criterion::{criterion_group, criterion_main, Criterion, Throughput};
use segwalk_model::memory::MemoryMut;
use segwalk_sim::axi::AxiConfig;
use segwalk_sim::core_bench::{BenchConfig, CoreBench};
use segwalk_sim::verilated::Model;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use workload::Workload;

const LATENCY: u32 = 50;

/// What a run did, to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Outcome {
    clocks: u64,
    hash: u64,
}

/// CPU time of this process so far.
fn cpu_time() -> Duration {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // Safety: the clock exists on Linux, and `now` is there to be written.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut now) };
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// One run in the harness; the time is that of the clocks, without setting up.
fn harness(model: &Model, work: &Workload, check: bool) -> (Duration, Outcome) {
    let memory = AxiConfig {
        latency: LATENCY,
        ..Default::default()
    };
    let config = BenchConfig {
        memory,
        check,
        ..Default::default()
    };
    let mut bench = CoreBench::new(model, config, work.states).expect("the model has the core's ports");
    for (page, bytes) in &work.pages {
        bench.memory_mut().add_page(*page);
        bench
            .memory_mut()
            .write(page << 12, &bytes[..])
            .expect("the page was added");
    }
    let (start, first) = (cpu_time(), bench.clock());
    for (offset, value) in &work.registers {
        bench
            .write_register(*offset, *value)
            .expect("the register takes the value");
    }
    bench
        .run_until(|b| b.sink.frame_count() >= work.frames, 100_000_000)
        .expect("the frames come");
    let spent = cpu_time() - start;
    let clocks = bench.clock() - first;
    let bytes = bench.sink.frames().flat_map(|frame| frame.bytes.iter());
    let hash = workload::hash(bytes);
    (spent, Outcome { clocks, hash })
}

/// The C++ testbench and its script.
struct Testbench {
    program: PathBuf,
    script: PathBuf,
}

impl Testbench {
    fn build(model: &Model, work: &Workload, folder: &Path) -> Testbench {
        let root = Command::new("verilator")
            .args(["--getenv", "VERILATOR_ROOT"])
            .output()
            .expect("Verilator is installed");
        let include = Path::new(String::from_utf8_lossy(&root.stdout).trim()).join("include");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/testbench.cpp");
        let program = folder.join("testbench");
        let mut command = Command::new("g++");
        command.args(["-O3", "-std=gnu++17", "-faligned-new", "-fcf-protection=none", "-w"]);
        command.args([
            "-DVM_COVERAGE=0",
            "-DVM_SC=0",
            "-DVM_TRACE=0",
            "-DVM_TRACE_FST=0",
            "-DVM_TRACE_VCD=0",
        ]);
        command
            .arg("-I")
            .arg(model.directory())
            .arg("-I")
            .arg(&include)
            .arg(source);
        command.args(["verilated.cpp", "verilated_threads.cpp"].map(|name| include.join(name)));
        let built = command
            .args(["-lpthread", "-latomic", "-o"])
            .arg(&program)
            .status()
            .expect("g++ is installed");
        assert!(built.success(), "the C++ testbench does not build");

        let mut words = vec![u64::from(LATENCY), work.frames, work.pages.len() as u64];
        let mut script = vec![];
        script.extend(words.drain(..).flat_map(u64::to_le_bytes));
        for (page, bytes) in &work.pages {
            script.extend(page.to_le_bytes());
            script.extend(&bytes[..]);
        }
        script.extend((work.registers.len() as u64).to_le_bytes());
        for (offset, value) in &work.registers {
            script.extend(u64::from(*offset).to_le_bytes());
            script.extend(u64::from(*value).to_le_bytes());
        }
        let path = folder.join("script");
        std::fs::write(&path, script).expect("the script is written");
        Testbench { program, script: path }
    }

    fn copied_to(&self, path: &Path) -> Testbench {
        std::fs::copy(&self.program, path).expect("the testbench is copied");
        Testbench {
            program: path.into(),
            script: self.script.clone(),
        }
    }

    fn run(&self, runs: u64) -> (Duration, Outcome) {
        let done = Command::new(&self.program)
            .arg(&self.script)
            .arg(runs.to_string())
            .output()
            .expect("the testbench runs");
        assert!(
            done.status.success(),
            "the C++ testbench failed: {}",
            String::from_utf8_lossy(&done.stderr)
        );
        let text = String::from_utf8_lossy(&done.stdout);
        let numbers: Vec<u64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        (
            Duration::from_nanos(numbers[0]),
            Outcome {
                clocks: numbers[1],
                hash: numbers[2],
            },
        )
    }
}

/// Runs alternate, so that a load of the machine meets all alike. Each round takes fresh copies of the programs: where
/// their pages happen to lie in physical memory moves either by a third. Medians count.
fn compare(model: &Model, work: &Workload, testbench: &Testbench, folder: &Path) -> Speeds {
    const ROUNDS: usize = 15;
    let mut times: [Vec<f64>; 3] = Default::default();
    let clocks = harness(model, work, true).1.clocks as f64;
    for round in 0..ROUNDS {
        let model = model
            .copied_to(&folder.join(format!("model{round}.so")))
            .expect("the model is copied");
        let testbench = testbench.copied_to(&folder.join(format!("testbench{round}")));
        let round = [
            harness(&model, work, true).0,
            harness(&model, work, false).0,
            testbench.run(1).0,
        ];
        for (times, time) in times.iter_mut().zip(round) {
            times.push(time.as_secs_f64());
        }
    }
    let speeds = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        clocks / times[ROUNDS / 2] / 1e6
    });
    let [checked, unchecked, cpp] = speeds;
    println!(
        "{}: million simulated clocks a CPU second, median of {ROUNDS}",
        work.name
    );
    println!("  harness with bus rules checked  {checked:.3}");
    println!("  harness without checks          {unchecked:.3}");
    println!("  C++ testbench                   {cpp:.3}");
    println!(
        "  ratio {:.2} (aim 0.80), without checks {:.2}",
        checked / cpp,
        unchecked / cpp
    );
    Speeds {
        name: work.name,
        checked,
        unchecked,
        cpp,
    }
}

/// Million simulated clocks a CPU second, for the report of `segwalk bench`.
#[derive(serde::Serialize)]
struct Speeds {
    name: &'static str,
    checked: f64,
    unchecked: f64,
    cpp: f64,
}

fn harness_speed(criterion: &mut Criterion) {
    let speeds = [
        measure(criterion, &workload::core().expect("the core's work is recorded")),
        measure(criterion, &workload::stand_in()),
    ];
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("harness_speed.json");
    let text = serde_json::to_string(&speeds).expect("numbers and names are JSON");
    std::fs::write(path, text).expect("the speeds are written");
}

fn measure(criterion: &mut Criterion, work: &Workload) -> Speeds {
    let model = Model::build(&work.spec()).expect("the model builds");
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let testbench = Testbench::build(&model, work, folder.path());
    let (ours, theirs) = (harness(&model, work, true).1, testbench.run(1).1);
    assert_eq!(ours, theirs, "harness and C++ testbench did not do the same");
    if let Some(hash) = work.hash {
        assert_eq!(ours.hash, hash, "the frames are not the model's");
    }

    let mut group = criterion.benchmark_group(work.name);
    group.sample_size(10).throughput(Throughput::Elements(ours.clocks));
    group.bench_function("harness", |b| {
        b.iter_custom(|runs| (0..runs).map(|_| harness(&model, work, true).0).sum())
    });
    group.bench_function("c++", |b| b.iter_custom(|runs| testbench.run(runs).0));
    group.finish();
    compare(&model, work, &testbench, folder.path())
}

criterion_group!(benches, harness_speed);
criterion_main!(benches);
