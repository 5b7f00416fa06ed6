//! What both testbenches run.

mod recorder;

use recorder::Recorder;
use segwalk_hdl::debug::{StateField, STATES};
use segwalk_hdl::emit;
use segwalk_model::page_table::Mode;
use segwalk_model::segment::SegmentSettings;
use segwalk_model::virtqueue::Binding;
use segwalk_sim::device::Device as _;
use segwalk_sim::driver;
use segwalk_sim::headers::{flag, Headers, Ipv4, Network, Seed, Transport};
use segwalk_sim::pattern::Rng;
use segwalk_sim::process::PageLayout;
use segwalk_sim::session::{buffer, Session, KERNEL};
use segwalk_sim::super_frame::SuperFrame;
use segwalk_sim::verilated::Spec;

/// A model, the memory it finds, the registers that are written, and the frames that end the run.
pub struct Workload {
    /// Name in reports.
    pub name: &'static str,
    /// Verilog of `segwalk_core`.
    pub verilog: String,
    /// For dumps.
    pub states: &'static [StateField],
    /// Physical page numbers and contents.
    pub pages: Vec<(u64, Box<[u8; 4096]>)>,
    /// Offsets and values, in order.
    pub registers: Vec<(u32, u32)>,
    /// Frames after which the run is over.
    pub frames: u64,
    /// What the frames must come to, when it is known.
    pub hash: Option<u64>,
}

impl Workload {
    /// How the model is built.
    pub fn spec(&self) -> Spec<'_> {
        Spec {
            top: emit::CORE,
            verilog: &self.verilog,
            ..Default::default()
        }
    }
}

/// What the frames of a run come to (FNV-1a).
pub fn hash<'a>(bytes: impl Iterator<Item = &'a u8>) -> u64 {
    bytes.fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01B3)
    })
}

/// The harness's stand-in for the core: next to no logic, so the testbench itself is nearly all of the time.
pub fn stand_in() -> Workload {
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
        states: &[],
        pages: (0x100..0x180).chain([0x77]).map(|number| (number, page())).collect(),
        registers: vec![(0, 0x100), (4, BURSTS), (0x10, 0x77), (8, 1)],
        frames: u64::from(BURSTS) / 2,
        hash: None,
    }
}

/// Super-frames of full size out of a process with Sv39 tables and scattered pages.
pub fn core() -> anyhow::Result<Workload> {
    const SUPER_FRAMES: u32 = 12;
    const MSS: u16 = 1448;
    let mut session = Session::new(Recorder::default(), 1, driver::FEATURES)?;
    let process = session.add_process(Mode::Sv39, PageLayout::Scattered)?;
    let binding = Binding {
        ring_context: KERNEL,
        default_context: process,
        names_allowed: true,
        mask: 1 << KERNEL | 1 << process,
        seed_without_length: false,
        recoverable: false,
    };
    let queue = session.add_queue(0, 64, &binding)?;
    session.start()?;
    let mut rng = Rng::new(2);
    let mut frames = vec![];
    for number in 0..SUPER_FRAMES {
        let payload: Vec<u8> = (0..usize::from(MSS) * 44).map(|_| rng.next_u64() as u8).collect();
        let frame = SuperFrame::segmented(&headers(number), payload, MSS, Seed::WithLength);
        frames.extend(
            frame
                .expected(&SegmentSettings::default())
                .expect("the model takes what the driver makes"),
        );
        let header = session.allocate_with(KERNEL, &frame.header_bytes())?;
        let payload = session.allocate_with(process, &frame.payload)?;
        session.post(queue, &[buffer(KERNEL, &header), buffer(process, &payload)])?;
    }
    session.notify(queue)?;
    let recorder = session.device;
    Ok(Workload {
        name: "core",
        verilog: emit::core_verilog()?,
        states: STATES,
        pages: recorder
            .memory()
            .pages()
            .map(|(number, page)| (number, Box::new(*page)))
            .collect(),
        registers: recorder.registers,
        frames: frames.len() as u64,
        hash: Some(hash(frames.iter().flatten())),
    })
}

fn headers(number: u32) -> Headers {
    Headers {
        source_mac: [0x02, 0, 0x5E, 0, 0, 1],
        destination_mac: [0x02, 0, 0x5E, 0, 0, 2],
        tags: vec![],
        network: Network::V4(Ipv4 {
            source: [192, 0, 2, 1],
            destination: [198, 51, 100, 2],
            tos: 0,
            id: number as u16,
            dont_fragment: true,
            ttl: 64,
            options: vec![],
        }),
        transport: Transport::Tcp {
            ports: (40_000, 5001),
            seq: number << 16,
            ack: 1,
            flags: flag::ACK,
            window: 502,
            urgent: 0,
            options: vec![],
        },
    }
}
