//! What both testbenches run.

use segwalk_sim::core_bench::DebugStates;
use segwalk_sim::pattern::Rng;
use segwalk_sim::verilated::Spec;

/// A model, the memory it finds, the registers that are written, and the frames that end the run.
pub struct Workload {
    /// Name in reports.
    pub name: &'static str,
    /// Verilog of `segwalk_core`.
    pub verilog: String,
    /// For dumps.
    pub states: DebugStates,
    /// Physical page numbers and contents.
    pub pages: Vec<(u64, Box<[u8; 4096]>)>,
    /// Offsets and values, in order.
    pub registers: Vec<(u32, u32)>,
    /// Frames after which the run is over.
    pub frames: u64,
}

impl Workload {
    /// How the model is built.
    pub fn spec(&self) -> Spec<'_> {
        Spec {
            top: "segwalk_core",
            verilog: &self.verilog,
            ..Default::default()
        }
    }
}

/// The harness's stand-in for the core: next to no logic, so the testbench itself is nearly all of the time.
pub fn build() -> Workload {
    const BURSTS: u32 = 8176;
    let mut rng = Rng::new(1);
    let mut page = || {
        let mut bytes = Box::new([0; 4096]);
        bytes
            .chunks_exact_mut(8)
            .for_each(|word| word.copy_from_slice(&rng.next_u64().to_le_bytes()));
        bytes
    };
    Workload {
        name: "stand-in",
        verilog: include_str!("../../tests/support/stand_in.v").into(),
        states: [("", &[]); 8],
        pages: (0x100..0x180).chain([0x77]).map(|number| (number, page())).collect(),
        registers: vec![(0, 0x100), (4, BURSTS), (0x10, 0x77), (8, 1)],
        frames: u64::from(BURSTS) / 2,
    }
}
