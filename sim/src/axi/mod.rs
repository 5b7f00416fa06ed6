//! The memory side of the core's AXI4 port: signals, memory, rules.
//!
//! All outputs of the core come from registers. So, after a rising edge, the harness samples them, decides its own
//! signals for the next edge, and knows at once which transfers that edge makes. A channel is an `Option`: `Some` is
//! valid high, and the payload is only looked at then.

mod allowed;
mod checker;
mod memory;
mod ports;

pub use allowed::{Allowed, Client};
pub use checker::{Access, AccessHook, ProtocolChecker, Violation};
pub use memory::{AxiConfig, AxiMemory, ErrorRange, OpenAccess};
pub use ports::AxiPorts;

/// Read ID of the rings: descriptors, avail and used index.
pub const READ_RING: u8 = 0;
/// Read ID of the page-table walker.
pub const READ_WALKER: u8 = 1;
/// Read ID of payload.
pub const READ_PAYLOAD: u8 = 2;
/// Read ID of what drivers want to be told: flags and event words in avail rings.
pub const READ_EVENT: u8 = 3;
/// Write ID of the used rings.
pub const WRITE_USED: u8 = 0;

/// `AxBURST` of a burst with rising addresses (AMBA AXI, IHI 0022, A3.4.1).
pub const INCR: u8 = 1;
/// Bytes of a beat.
pub const BEAT_BYTES: u64 = 8;

/// Answer of the bus (AMBA AXI, IHI 0022, A3.4.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Response {
    /// Done.
    #[default]
    Okay = 0,
    /// The memory failed.
    SlvErr = 2,
    /// Nothing is there.
    DecErr = 3,
}

/// Payload of AR or AW.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Address {
    /// ID.
    pub id: u8,
    /// First byte.
    pub phys_addr: u64,
    /// Beats less 1.
    pub len: u8,
    /// Log2 of the bytes of a beat.
    pub size: u8,
    /// Kind of burst.
    pub burst: u8,
    /// Exclusive access.
    pub lock: bool,
}

impl Address {
    /// Beats of the burst.
    pub fn beats(&self) -> u32 {
        u32::from(self.len) + 1
    }

    /// First byte of a beat.
    pub fn beat_addr(&self, beat: u32) -> u64 {
        match beat {
            0 => self.phys_addr,
            _ => (self.phys_addr >> self.size << self.size) + (u64::from(beat) << self.size),
        }
    }

    /// First byte after the burst.
    pub fn end(&self) -> u64 {
        (self.phys_addr >> self.size << self.size) + (u64::from(self.beats()) << self.size)
    }
}

/// Payload of W.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriteBeat {
    /// Data.
    pub data: u64,
    /// Which bytes count.
    pub strobe: u8,
    /// Last beat of the burst.
    pub last: bool,
}

/// Payload of R.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadBeat {
    /// ID of the burst.
    pub id: u8,
    /// Data.
    pub data: u64,
    /// Answer.
    pub response: Response,
    /// Last beat of the burst.
    pub last: bool,
}

/// Payload of B.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriteAnswer {
    /// ID of the burst.
    pub id: u8,
    /// Answer.
    pub response: Response,
}

/// What the core drives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FromCore {
    /// Read address.
    pub ar: Option<Address>,
    /// Write address.
    pub aw: Option<Address>,
    /// Write data.
    pub w: Option<WriteBeat>,
    /// Read data is taken.
    pub r_ready: bool,
    /// Write answer is taken.
    pub b_ready: bool,
}

/// What the memory drives.
#[derive(Clone, Copy, Debug, Default)]
pub struct ToCore {
    /// Read address is taken.
    pub ar_ready: bool,
    /// Write address is taken.
    pub aw_ready: bool,
    /// Write data is taken.
    pub w_ready: bool,
    /// Read data.
    pub r: Option<ReadBeat>,
    /// Write answer.
    pub b: Option<WriteAnswer>,
}

/// Whether any channel transfers on the coming edge.
#[inline]
pub fn transfers(core: &FromCore, memory: &ToCore) -> bool {
    (core.ar.is_some() & memory.ar_ready)
        | (core.aw.is_some() & memory.aw_ready)
        | (core.w.is_some() & memory.w_ready)
        | (memory.r.is_some() & core.r_ready)
        | (memory.b.is_some() & core.b_ready)
}
