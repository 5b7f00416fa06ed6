//! The core's `m_axi_*` ports as [`FromCore`] and [`ToCore`].

use super::{Address, FromCore, ToCore, WriteBeat};
use crate::verilated::{Dut, Port};

#[derive(Clone, Copy)]
struct AddressPorts {
    valid: Port,
    ready: Port,
    id: Port,
    addr: Port,
    len: Port,
    size: Port,
    burst: Port,
    lock: Port,
}

impl AddressPorts {
    fn bind(dut: &Dut, prefix: &str) -> anyhow::Result<Self> {
        let out = |name: &str| dut.output(&format!("{prefix}{name}"));
        Ok(Self {
            valid: out("valid")?,
            ready: dut.input(&format!("{prefix}ready"))?,
            id: out("id")?,
            addr: out("addr")?,
            len: out("len")?,
            size: out("size")?,
            burst: out("burst")?,
            lock: out("lock")?,
        })
    }

    #[inline]
    fn sample(&self, dut: &Dut) -> Option<Address> {
        if dut.get(self.valid) == 0 {
            return None;
        }
        Some(Address {
            id: dut.get(self.id) as u8,
            phys_addr: dut.get(self.addr),
            len: dut.get(self.len) as u8,
            size: dut.get(self.size) as u8,
            burst: dut.get(self.burst) as u8,
            lock: dut.get(self.lock) != 0,
        })
    }
}

/// Handles of the ports `m_axi_*`.
pub struct AxiPorts {
    ar: AddressPorts,
    aw: AddressPorts,
    w_valid: Port,
    w_ready: Port,
    w_data: Port,
    w_strobe: Port,
    w_last: Port,
    r_valid: Port,
    r_ready: Port,
    r_id: Port,
    r_data: Port,
    r_response: Port,
    r_last: Port,
    b_valid: Port,
    b_ready: Port,
    b_id: Port,
    b_response: Port,
}

impl AxiPorts {
    /// Finds the ports that begin with `prefix` (`m_axi_`).
    pub fn bind(dut: &Dut, prefix: &str) -> anyhow::Result<Self> {
        let out = |name: &str| dut.output(&format!("{prefix}{name}"));
        let input = |name: &str| dut.input(&format!("{prefix}{name}"));
        Ok(Self {
            ar: AddressPorts::bind(dut, &format!("{prefix}ar"))?,
            aw: AddressPorts::bind(dut, &format!("{prefix}aw"))?,
            w_valid: out("wvalid")?,
            w_ready: input("wready")?,
            w_data: out("wdata")?,
            w_strobe: out("wstrb")?,
            w_last: out("wlast")?,
            r_valid: input("rvalid")?,
            r_ready: out("rready")?,
            r_id: input("rid")?,
            r_data: input("rdata")?,
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
    pub fn sample(&self, dut: &Dut) -> FromCore {
        let w = match dut.get(self.w_valid) {
            0 => None,
            _ => Some(WriteBeat {
                data: dut.get(self.w_data),
                strobe: dut.get(self.w_strobe) as u8,
                last: dut.get(self.w_last) != 0,
            }),
        };
        FromCore {
            ar: self.ar.sample(dut),
            aw: self.aw.sample(dut),
            w,
            r_ready: dut.get(self.r_ready) != 0,
            b_ready: dut.get(self.b_ready) != 0,
        }
    }

    /// Sets the core's inputs for the next edge. The payload of a channel that is not valid keeps its last value.
    #[inline]
    pub fn drive(&self, dut: &mut Dut, memory: &ToCore) {
        dut.set(self.ar.ready, u64::from(memory.ar_ready));
        dut.set(self.aw.ready, u64::from(memory.aw_ready));
        dut.set(self.w_ready, u64::from(memory.w_ready));
        dut.set(self.r_valid, u64::from(memory.r.is_some()));
        if let Some(r) = memory.r {
            dut.set(self.r_id, u64::from(r.id));
            dut.set(self.r_data, r.data);
            dut.set(self.r_response, r.response as u64);
            dut.set(self.r_last, u64::from(r.last));
        }
        dut.set(self.b_valid, u64::from(memory.b.is_some()));
        if let Some(b) = memory.b {
            dut.set(self.b_id, u64::from(b.id));
            dut.set(self.b_response, b.response as u64);
        }
    }
}
