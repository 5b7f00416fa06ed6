//! What is measured.

use segwalk_model::page_table::Mode;
use segwalk_model::segment::IpVersion;

/// MSS values of the sweep, in bytes.
pub const SWEEP_MSS: [u16; 10] = [64, 128, 256, 512, 1024, 1448, 2048, 4096, 8192, 9000];
/// Latencies of the sweep, in clocks.
pub const SWEEP_LATENCIES: [u32; 7] = [0, 50, 100, 200, 400, 700, 1000];

/// How the payload of a super-frame lies in the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// One virtual range.
    Contiguous,
    /// Buffers of this many bytes at odd addresses, a descriptor each.
    Pieces(usize),
}

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Super-frames of 64 KiB.
    SuperFrames {
        /// Payload bytes of a segment.
        mss: u16,
        /// Network layer.
        ip: IpVersion,
        /// Layout of the payload.
        payload: Payload,
        /// The figure is clocks a segment, not beats a clock.
        by_segment: bool,
    },
    /// Frames of 60 bytes that ask for nothing, each in one buffer with its virtio_net_hdr.
    SmallFrames,
    /// One such frame at a time, from doorbell to first beat.
    FirstByte,
}

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    /// Name.
    pub name: String,
    /// What is sent.
    pub kind: Kind,
    /// Page tables of the process. Its 4 KiB pages are scattered in physical memory.
    pub mode: Mode,
    /// Every super-frame lies in pages that were never used, in tables that were never read, and the TLB is invalidated
    /// as often as one begins.
    pub cold: bool,
    /// Transmit queues.
    pub queues: u32,
    /// Clocks from a read address to its data; 0 is as 1, the clock after the address.
    pub latency: u32,
    /// What the figure is to reach.
    pub aim: Option<f64>,
}

impl Case {
    fn new(name: impl Into<String>, kind: Kind, latency: u32) -> Self {
        Case {
            name: name.into(),
            kind,
            mode: Mode::Sv39,
            cold: false,
            queues: 1,
            latency,
            aim: None,
        }
    }

    fn aim(self, aim: f64) -> Self {
        Case { aim: Some(aim), ..self }
    }
}

fn super_frames(mss: u16) -> Kind {
    Kind::SuperFrames {
        mss,
        ip: IpVersion::V4,
        payload: Payload::Contiguous,
        by_segment: false,
    }
}

/// The cases with a name of their own.
pub fn matrix() -> Vec<Case> {
    let mut cases = Vec::new();
    for latency in [50, 200] {
        cases.push(Case::new(format!("bulk_l{latency}"), super_frames(1448), latency).aim(0.98));
    }
    for (mode, name) in [(Mode::Sv39, "sv39"), (Mode::X86_64, "x86_64")] {
        for latency in [50, 200] {
            let case = Case::new(format!("cold_{name}_l{latency}"), super_frames(1448), latency);
            cases.push(Case {
                mode,
                cold: true,
                ..case.aim(0.95)
            });
        }
    }
    for latency in [50, 200] {
        let kind = Kind::SuperFrames {
            mss: 1448,
            ip: IpVersion::V4,
            payload: Payload::Pieces(1448),
            by_segment: false,
        };
        cases.push(Case::new(format!("pieces_1448_l{latency}"), kind, latency).aim(0.90));
    }
    cases.push(Case::new("jumbo_l200", super_frames(8948), 200));
    let ipv6 = Kind::SuperFrames {
        // what an MTU of 1500 leaves
        mss: 1428,
        ip: IpVersion::V6,
        payload: Payload::Contiguous,
        by_segment: false,
    };
    cases.push(Case::new("ipv6_l200", ipv6, 200));
    cases.push(Case {
        queues: 4,
        ..Case::new("four_queues_l200", super_frames(1448), 200).aim(0.97)
    });
    cases.push(Case::new("small_60", Kind::SmallFrames, 50).aim(16.0));
    let small_segments = Kind::SuperFrames {
        mss: 64,
        ip: IpVersion::V4,
        payload: Payload::Contiguous,
        by_segment: true,
    };
    cases.push(Case::new("small_mss_64", small_segments, 50).aim(17.0));
    // 5 latencies and 60 clocks
    cases.push(Case::new("latency_first_byte", Kind::FirstByte, 50).aim(5.0 * 50.0 + 60.0));
    cases
}

/// Throughput over MSS and latency.
pub fn sweep() -> Vec<Case> {
    let latencies = SWEEP_LATENCIES.iter();
    let points = latencies.flat_map(|latency| SWEEP_MSS.iter().map(|mss| (*mss, *latency)));
    points
        .map(|(mss, latency)| Case::new(format!("sweep_mss{mss}_l{latency}"), super_frames(mss), latency))
        .collect()
}
