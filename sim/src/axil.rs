//! Register accesses by AXI4-Lite.

use crate::axi::Response;
use crate::pattern::Rng;
use crate::verilated::{Dut, Port};
use anyhow::bail;

/// Handles of the ports `s_axil_*`.
pub struct LitePorts {
    aw_valid: Port,
    aw_ready: Port,
    aw_addr: Port,
    w_valid: Port,
    w_ready: Port,
    w_data: Port,
    w_strobe: Port,
    b_valid: Port,
    b_ready: Port,
    b_response: Port,
    ar_valid: Port,
    ar_ready: Port,
    ar_addr: Port,
    r_valid: Port,
    r_ready: Port,
    r_data: Port,
    r_response: Port,
}

impl LitePorts {
    /// Finds the ports that begin with `prefix` (`s_axil_`).
    pub fn bind(dut: &Dut, prefix: &str) -> anyhow::Result<Self> {
        let out = |name: &str| dut.output(&format!("{prefix}{name}"));
        let input = |name: &str| dut.input(&format!("{prefix}{name}"));
        Ok(Self {
            aw_valid: input("awvalid")?,
            aw_ready: out("awready")?,
            aw_addr: input("awaddr")?,
            w_valid: input("wvalid")?,
            w_ready: out("wready")?,
            w_data: input("wdata")?,
            w_strobe: input("wstrb")?,
            b_valid: out("bvalid")?,
            b_ready: input("bready")?,
            b_response: out("bresp")?,
            ar_valid: input("arvalid")?,
            ar_ready: out("arready")?,
            ar_addr: input("araddr")?,
            r_valid: out("rvalid")?,
            r_ready: input("rready")?,
            r_data: out("rdata")?,
            r_response: out("rresp")?,
        })
    }
}

/// What a register access gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiteAnswer {
    /// Value read; 0 after a write.
    pub data: u32,
    /// Answer of the bus.
    pub response: Response,
}

#[derive(Clone, Copy)]
struct Access {
    offset: u32,
    // `None` reads
    write: Option<u32>,
    // clocks until a channel's valid goes up, or the answer's ready
    address_gap: u32,
    data_gap: u32,
    answer_gap: u32,
    address_done: bool,
    data_done: bool,
}

/// Makes one access at a time, each channel after a random pause.
pub struct LiteManager {
    ports: LitePorts,
    rng: Rng,
    max_gap: u32,
    access: Option<Access>,
    answer: Option<LiteAnswer>,
    // the last access left a ready high
    clear: bool,
    // an answer that was offered and not taken on the last edge: data and response
    waits: Option<(u64, u64)>,
    broken: Option<&'static str>,
}

impl LiteManager {
    /// Pauses up to `max_gap` clocks before address, data and answer, each on its own.
    pub fn new(ports: LitePorts, max_gap: u32, seed: u64) -> Self {
        Self {
            ports,
            rng: Rng::new(seed),
            max_gap,
            access: None,
            answer: None,
            clear: false,
            waits: None,
            broken: None,
        }
    }

    /// Begins a read of the register at a byte offset.
    pub fn start_read(&mut self, offset: u32) -> anyhow::Result<()> {
        self.start(offset, None)
    }

    /// Begins a write.
    pub fn start_write(&mut self, offset: u32, value: u32) -> anyhow::Result<()> {
        self.start(offset, Some(value))
    }

    fn start(&mut self, offset: u32, write: Option<u32>) -> anyhow::Result<()> {
        if self.access.is_some() {
            bail!("a register access is under way; step until its answer is there");
        }
        if offset % 4 != 0 || offset >= 4096 {
            bail!("register offset {offset:#x} is not a multiple of 4 below 4096");
        }
        let mut gap = || self.rng.below(u64::from(self.max_gap) + 1) as u32;
        self.access = Some(Access {
            offset,
            write,
            address_gap: gap(),
            data_gap: gap(),
            answer_gap: gap(),
            address_done: false,
            data_done: write.is_none(),
        });
        self.answer = None;
        Ok(())
    }

    /// The answer of the last access, once.
    #[inline]
    pub fn take_answer(&mut self) -> Option<LiteAnswer> {
        self.answer.take()
    }

    /// Whether no access is under way.
    pub fn is_idle(&self) -> bool {
        self.access.is_none()
    }

    /// Forgets an access that is under way, as a reset of the whole system does.
    pub fn reset(&mut self, dut: &mut Dut) {
        self.access = None;
        self.answer = None;
        self.waits = None;
        self.quiet(dut);
    }

    /// A rule that the core broke, once.
    #[inline]
    pub fn take_violation(&mut self) -> Option<&'static str> {
        self.broken.take()
    }

    /// Sets the core's inputs for the coming edge; whether that edge transfers anything.
    #[inline]
    pub fn step(&mut self, dut: &mut Dut) -> bool {
        if self.clear {
            self.clear = false;
            self.quiet(dut);
        }
        if self.access.is_some() {
            return self.advance(dut);
        }
        if (dut.get(self.ports.b_valid) | dut.get(self.ports.r_valid)) != 0 {
            self.broken = Some("AXI4-Lite: an answer without an access");
        }
        false
    }

    fn advance(&mut self, dut: &mut Dut) -> bool {
        let (Some(access), ports) = (self.access.as_mut(), &self.ports) else {
            return false;
        };
        let mut moved = false;
        let (addr, valid, ready) = match access.write {
            Some(_) => (ports.aw_addr, ports.aw_valid, ports.aw_ready),
            None => (ports.ar_addr, ports.ar_valid, ports.ar_ready),
        };
        let go = !access.address_done && access.address_gap == 0;
        access.address_gap = access.address_gap.saturating_sub(1);
        dut.set(addr, u64::from(access.offset));
        dut.set(valid, u64::from(go));
        if go && dut.get(ready) != 0 {
            access.address_done = true;
            moved = true;
        }
        if let Some(value) = access.write {
            let go = !access.data_done && access.data_gap == 0;
            access.data_gap = access.data_gap.saturating_sub(1);
            dut.set(ports.w_data, u64::from(value));
            dut.set(ports.w_strobe, 0xF);
            dut.set(ports.w_valid, u64::from(go));
            if go && dut.get(ports.w_ready) != 0 {
                access.data_done = true;
                moved = true;
            }
        }
        let accepted_before = access.address_done & access.data_done & !moved;
        let (valid, ready, response, data) = match access.write {
            Some(_) => (ports.b_valid, ports.b_ready, ports.b_response, 0),
            None => (ports.r_valid, ports.r_ready, ports.r_response, dut.get(ports.r_data)),
        };
        let offered = dut.get(valid) != 0;
        let take = access.answer_gap == 0;
        let payload = offered.then(|| (data, dut.get(response)));
        if offered && !accepted_before {
            self.broken = Some("AXI4-Lite: an answer before address and data were taken");
        }
        if self.waits.is_some() && self.waits != payload {
            self.broken = Some("AXI4-Lite: an answer fell or changed before it was taken");
        }
        self.waits = if take { None } else { payload };
        if offered {
            access.answer_gap = access.answer_gap.saturating_sub(1);
        }
        dut.set(ready, u64::from(take));
        if offered && take {
            let response = match dut.get(response) {
                0 | 1 => Response::Okay,
                2 => Response::SlvErr,
                _ => Response::DecErr,
            };
            self.answer = Some(LiteAnswer {
                data: data as u32,
                response,
            });
            moved = true;
            self.access = None;
            self.clear = true;
        }
        moved
    }

    /// Takes back all valids and readies.
    #[inline]
    pub fn quiet(&self, dut: &mut Dut) {
        let ports = &self.ports;
        for port in [
            ports.aw_valid,
            ports.w_valid,
            ports.ar_valid,
            ports.b_ready,
            ports.r_ready,
        ] {
            dut.set(port, 0);
        }
    }
}
