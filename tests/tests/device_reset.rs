//! Device reset (STATUS = 0) in the middle of traffic: the bus goes quiet, no frame is cut, and a fresh driver works.

use anyhow::{ensure, Context, Result};
use rand::seq::SliceRandom;
use rand::Rng;
use segwalk_model::limits::TX_QUEUES;
use segwalk_model::page_table::Mode;
use segwalk_model::registers as reg;
use segwalk_model::segment::SegmentSettings;
use segwalk_model::virtqueue::Binding;
use segwalk_sim::axi::AxiConfig;
use segwalk_sim::core_bench::BenchConfig;
use segwalk_sim::device::Device;
use segwalk_sim::driver::{self, FEATURES};
use segwalk_sim::pattern::Pattern;
use segwalk_sim::process::PageLayout;
use segwalk_sim::session::{buffer, Session, KERNEL};
use segwalk_tests::rig::{check, random, super_frame};
use segwalk_tests::{device, seed};
use std::sync::{Arc, Mutex};

/// Resets in all.
const RESETS: u64 = 1000;
/// Resets of one bench.
const RESETS_OF_BENCH: u64 = 50;
/// Threads that benches are spread over.
const THREADS: u64 = 2;
/// Clocks after which no access begins any more.
const LAST_ACCESS_CLOCKS: u64 = 1000;
/// Clocks in which an access that began after the reset would show itself.
const QUIET_CLOCKS: u64 = 150;

/// One bench with its resets; the most clocks after which an access began.
fn run(bench_seed: u64) -> Result<u64> {
    let mut random = random(bench_seed ^ 0x0E5E7);
    let stalls = Pattern::Random {
        stall_of_256: random.gen_range(0..=128),
    };
    let memory = AxiConfig {
        latency: [1, 20, 200][random.gen_range(0..3)],
        jitter: random.gen_range(0..20),
        ar: stalls,
        aw: stalls,
        w: stalls,
        seed: bench_seed,
        ..Default::default()
    };
    let config = BenchConfig {
        memory,
        sink: stalls,
        seed: bench_seed,
        ..Default::default()
    };
    let mut session = Session::new(device(config)?, bench_seed, FEATURES)?;
    // Chains of each process, in memory for good.
    let lengths = [1, 700, 5000, 20_000];
    let mut chains = Vec::new();
    for number in 0..TX_QUEUES as u32 {
        let mode = [Mode::Bare, Mode::Sv39, Mode::X86_64][random.gen_range(0..3)];
        let user = session.add_process(mode, PageLayout::Scattered)?;
        let binding = Binding {
            ring_context: [KERNEL, user][random.gen_range(0..2)],
            default_context: user,
            names_allowed: true,
            recoverable: random.gen(),
            mask: 1 << KERNEL | 1 << user,
            ..Binding::default()
        };
        session.add_queue(number, 16, &binding)?;
        for bytes in lengths {
            let frame = super_frame(bytes);
            let header = session.allocate_with(KERNEL, &frame.header_bytes())?;
            let payload = session.allocate_with(user, &frame.payload)?;
            chains.push([buffer(KERNEL, &header), buffer(user, &payload)]);
        }
    }
    session.start()?;
    let last_access = Arc::new(Mutex::new(0));
    let seen = last_access.clone();
    session.device.checker.on_access(Some(Box::new(move |access| {
        *seen.lock().expect("nobody panics with it") = access.clock;
        Ok(())
    })));
    let mut latest = 0;
    for reset in 0..RESETS_OF_BENCH {
        for queue in 0..TX_QUEUES {
            for _ in 0..random.gen_range(0..4) {
                let chain = chains[queue * lengths.len()..][..lengths.len()].choose(&mut random);
                session.post(queue, chain.context("every queue has chains")?)?;
            }
            session.notify(queue)?;
        }
        session.device.run(random.gen_range(0..4000))?;
        let began = session.device.clock();
        driver::reset(&mut session.device)?;
        let device = &mut session.device;
        let after = last_access.lock().expect("nobody panics with it").saturating_sub(began);
        latest = latest.max(after);
        ensure!(
            after <= LAST_ACCESS_CLOCKS,
            "an access began {after} clocks after reset {reset}"
        );
        ensure!(
            device.axi().is_idle(),
            "bus accesses are open after reset {reset}\n{}",
            device.dump()
        );
        let traffic = (*device.axi().read_beats(), device.axi().writes_done());
        device.run(QUIET_CLOCKS)?;
        let later = (*device.axi().read_beats(), device.axi().writes_done());
        ensure!(traffic == later, "bus traffic after reset {reset}");
        device.checker.at_rest(device.clock());
        device.checker.verdict()?;
        for register in [
            reg::STATUS,
            reg::QUEUE_READY,
            reg::COUNT_CHAINS,
            reg::BIND_MASK,
            reg::INTERRUPT_STATUS,
        ] {
            let value = device.read(register)?;
            ensure!(
                value == register.reset,
                "{} is {value:#x} after reset {reset}",
                register.name
            );
        }
        // A frame that was cut would break the first good one; the sink and the checker would see it.
        session.take_frames();
        session
            .restart()
            .with_context(|| format!("a fresh driver after reset {reset}"))?;
        let queue = random.gen_range(0..TX_QUEUES);
        let which = random.gen_range(0..3);
        session.post(queue, &chains[queue * lengths.len() + which])?;
        session.notify(queue)?;
        session
            .wait_all()
            .with_context(|| format!("the first frame after reset {reset}"))?;
        let expected = super_frame(lengths[which]).expected(&SegmentSettings::default());
        check(expected.expect("the frame is good"), &session.take_frames());
    }
    Ok(latest)
}

#[test]
fn a_reset_in_traffic_leaves_a_quiet_bus_and_a_device_that_works() {
    let benches = match std::env::var_os("SEGWALK_SEED") {
        Some(_) => seed(0)..seed(0) + 1,
        None => 0..RESETS / RESETS_OF_BENCH,
    };
    let thread = |thread: u64| {
        let mut latest = 0;
        for bench in benches.clone().filter(|bench| bench % THREADS == thread) {
            match run(bench) {
                Ok(clocks) => latest = latest.max(clocks),
                Err(error) => panic!(
                    "{error:?}\nthis was bench {bench}; repeat it with\n  \
                     SEGWALK_SEED={bench} cargo test -p segwalk-tests --test device_reset"
                ),
            }
        }
        latest
    };
    let latest = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|at| scope.spawn(move || thread(at))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a bench failed, see above"))
            .max()
    });
    println!("the last access began {} clocks after a reset", latest.unwrap_or(0));
}
