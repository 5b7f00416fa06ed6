//! Device reset (STATUS = 0) in the middle of traffic: the bus goes quiet, no frame is cut, and a fresh driver works.

use rand::Rng;
use segwalk_model::page_table::Mode;
use segwalk_model::registers as reg;
use segwalk_sim::axi::AxiConfig;
use segwalk_sim::core_bench::BenchConfig;
use segwalk_sim::device::Device;
use segwalk_sim::driver;
use segwalk_sim::pattern::Pattern;
use segwalk_tests::rig::{random, super_frame, Rig};
use segwalk_tests::{device, seed};

const RESETS: u64 = 60;
/// Clocks in which an access that began after the reset would show itself.
const QUIET_CLOCKS: u64 = 300;

#[test]
fn a_reset_in_traffic_leaves_a_quiet_bus_and_a_device_that_works() {
    let first = seed(0);
    for case in first
        ..first
            + if std::env::var("SEGWALK_SEED").is_ok() {
                1
            } else {
                RESETS
            }
    {
        let mut random = random(case ^ 0x0E5E7);
        let stalls = Pattern::Random {
            stall_of_256: random.gen_range(0..=128),
        };
        let memory = AxiConfig {
            latency: [1, 20, 200][random.gen_range(0..3)],
            jitter: random.gen_range(0..20),
            ar: stalls,
            aw: stalls,
            w: stalls,
            seed: case,
            ..Default::default()
        };
        let bench = device(BenchConfig {
            memory,
            sink: stalls,
            seed: case,
            ..Default::default()
        })
        .unwrap();
        let mode = [Mode::Bare, Mode::Sv39, Mode::X86_64][random.gen_range(0..3)];
        let mut rig = Rig::new(bench, mode).unwrap();
        for _ in 0..4 {
            let placed = rig.place(&super_frame(random.gen_range(1..20_000))).unwrap();
            rig.post(&placed).unwrap();
        }
        rig.session.notify(0).unwrap();
        rig.session.device.run(random.gen_range(0..6000)).unwrap();
        driver::reset(&mut rig.session.device).unwrap_or_else(|error| panic!("seed {case}: {error:#}"));
        let device = &mut rig.session.device;
        assert!(
            device.axi().is_idle(),
            "seed {case}: bus accesses are open after the reset\n{}",
            device.dump()
        );
        let (reads, writes) = (*device.axi().read_beats(), device.axi().writes_done());
        device.run(QUIET_CLOCKS).unwrap();
        assert_eq!(
            (*device.axi().read_beats(), device.axi().writes_done()),
            (reads, writes),
            "seed {case}: bus traffic"
        );
        for register in [
            reg::STATUS,
            reg::QUEUE_READY,
            reg::COUNT_CHAINS,
            reg::BIND_MASK,
            reg::INTERRUPT_STATUS,
        ] {
            assert_eq!(
                device.read(register).unwrap(),
                register.reset,
                "seed {case}: {} after reset",
                register.name
            );
        }
        // A cut frame would break the first good one; the sink and the checker would see it.
        rig.works_after_reset(mode)
            .unwrap_or_else(|error| panic!("seed {case}: {error:#}"));
    }
}
