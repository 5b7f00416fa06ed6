//! The core's `m_axi_*` ports as [`FromCore`] and [`ToCore`].

use super::{Address, FromCore, ToCore, WriteBeat};
use crate::verilated::{Direction, Dut, Owner, Pin, Pins};

struct AddressPins {
    valid: Pin<u8>,
    ready: Pin<u8>,
    id: Pin<u8>,
    addr: Pin<u64>,
    len: Pin<u8>,
    size: Pin<u8>,
    burst: Pin<u8>,
    lock: Pin<u8>,
}

impl AddressPins {
    fn bind(dut: &Dut, prefix: &str) -> anyhow::Result<Self> {
        let out = |name: &str| Pin::bind(dut, &format!("{prefix}{name}"), Direction::Output);
        Ok(Self {
            valid: out("valid")?,
            ready: Pin::bind(dut, &format!("{prefix}ready"), Direction::Input)?,
            id: out("id")?,
            addr: Pin::bind(dut, &format!("{prefix}addr"), Direction::Output)?,
            len: out("len")?,
            size: out("size")?,
            burst: out("burst")?,
            lock: out("lock")?,
        })
    }

    /// # Safety
    /// The pins were bound on the same model.
    #[inline]
    unsafe fn sample(&self, pins: &Pins) -> Option<Address> {
        if pins.get(self.valid) == 0 {
            return None;
        }
        Some(Address {
            id: pins.get(self.id),
            phys_addr: pins.get(self.addr),
            len: pins.get(self.len),
            size: pins.get(self.size),
            burst: pins.get(self.burst),
            lock: pins.get(self.lock) != 0,
        })
    }
}

/// Handles of the ports `m_axi_*`.
pub struct AxiPorts {
    owner: Owner,
    ar: AddressPins,
    aw: AddressPins,
    w_valid: Pin<u8>,
    w_ready: Pin<u8>,
    w_data: Pin<u64>,
    w_strobe: Pin<u8>,
    w_last: Pin<u8>,
    r_valid: Pin<u8>,
    r_ready: Pin<u8>,
    r_id: Pin<u8>,
    r_data: Pin<u64>,
    r_response: Pin<u8>,
    r_last: Pin<u8>,
    b_valid: Pin<u8>,
    b_ready: Pin<u8>,
    b_id: Pin<u8>,
    b_response: Pin<u8>,
}

impl AxiPorts {
    /// Finds the ports that begin with `prefix` (`m_axi_`).
    pub fn bind(dut: &Dut, prefix: &str) -> anyhow::Result<Self> {
        let out = |name: &str| Pin::bind(dut, &format!("{prefix}{name}"), Direction::Output);
        let input = |name: &str| Pin::bind(dut, &format!("{prefix}{name}"), Direction::Input);
        Ok(Self {
            owner: Owner::of(dut),
            ar: AddressPins::bind(dut, &format!("{prefix}ar"))?,
            aw: AddressPins::bind(dut, &format!("{prefix}aw"))?,
            w_valid: out("wvalid")?,
            w_ready: input("wready")?,
            w_data: Pin::bind(dut, &format!("{prefix}wdata"), Direction::Output)?,
            w_strobe: out("wstrb")?,
            w_last: out("wlast")?,
            r_valid: input("rvalid")?,
            r_ready: out("rready")?,
            r_id: input("rid")?,
            r_data: Pin::bind(dut, &format!("{prefix}rdata"), Direction::Input)?,
            r_response: input("rresp")?,
            r_last: input("rlast")?,
            b_valid: input("bvalid")?,
            b_ready: out("bready")?,
            b_id: input("bid")?,
            b_response: input("bresp")?,
        })
    }

    /// What the core drives now.
    #[inline]
    pub fn sample(&self, dut: &mut Dut) -> FromCore {
        let pins = self.owner.pins(dut);
        // Safety: all pins were bound on the owner's model.
        unsafe {
            FromCore {
                ar: self.ar.sample(&pins),
                aw: self.aw.sample(&pins),
                w: match pins.get(self.w_valid) {
                    0 => None,
                    _ => Some(WriteBeat {
                        data: pins.get(self.w_data),
                        strobe: pins.get(self.w_strobe),
                        last: pins.get(self.w_last) != 0,
                    }),
                },
                r_ready: pins.get(self.r_ready) != 0,
                b_ready: pins.get(self.b_ready) != 0,
            }
        }
    }

    /// Sets the core's inputs for the next edge. The payload of a channel that is not valid keeps its last value.
    #[inline]
    pub fn drive(&self, dut: &mut Dut, memory: &ToCore) {
        let mut pins = self.owner.pins(dut);
        // Safety: all pins were bound on the owner's model.
        unsafe {
            pins.set(self.ar.ready, u8::from(memory.ar_ready));
            pins.set(self.aw.ready, u8::from(memory.aw_ready));
            pins.set(self.w_ready, u8::from(memory.w_ready));
            pins.set(self.r_valid, u8::from(memory.r.is_some()));
            if let Some(r) = memory.r {
                pins.set(self.r_id, r.id);
                pins.set(self.r_data, r.data);
                pins.set(self.r_response, r.response as u8);
                pins.set(self.r_last, u8::from(r.last));
            }
            pins.set(self.b_valid, u8::from(memory.b.is_some()));
            if let Some(b) = memory.b {
                pins.set(self.b_id, b.id);
                pins.set(self.b_response, b.response as u8);
            }
        }
    }
}
