//! A client of one translate port.

use super::{Done, Lookup, Manners};
use crate::verilated::{Dut, Port};
use anyhow::Result;
use rand_chacha::ChaCha8Rng;
use segwalk_model::page_table::Access;
use segwalk_model::refusal::FaultCause;
use std::collections::VecDeque;

/// Asks in order and keeps the clocks of each handshake.
pub(super) struct Client {
    req_valid: Port,
    req_ready: Port,
    context: Port,
    virt_page: Port,
    write: Port,
    rsp_valid: Port,
    rsp_ready: Port,
    phys_page: Port,
    cause: Port,
    pub(super) waiting: VecDeque<Lookup>,
    under_way: VecDeque<(Lookup, u64)>,
    // a request was offered and not taken: valid must not fall
    offering: bool,
    // since when the answer is there that was not taken
    offered: Option<u64>,
}

impl Client {
    pub(super) fn new(dut: &Dut, name: &str) -> Result<Self> {
        let port = |field: &str| dut.port(&format!("{name}${field}"));
        Ok(Self {
            req_valid: port("req_valid")?,
            req_ready: port("req_ready")?,
            context: port("context")?,
            virt_page: port("virt_page")?,
            write: port("write")?,
            rsp_valid: port("rsp_valid")?,
            rsp_ready: port("rsp_ready")?,
            phys_page: port("phys_page")?,
            cause: port("cause")?,
            waiting: VecDeque::new(),
            under_way: VecDeque::new(),
            offering: false,
            offered: None,
        })
    }

    pub(super) fn idle(&self) -> bool {
        self.waiting.is_empty() && self.under_way.is_empty()
    }

    /// Drives the port for this clock and takes what it gives.
    pub(super) fn clock(
        &mut self,
        dut: &mut Dut,
        clock: u64,
        manners: &Manners,
        random: &mut ChaCha8Rng,
    ) -> Option<Done> {
        let offers = self.offering || !manners.stalls(random, 0);
        let takes = !manners.stalls(random, 1);
        let offered = self.waiting.front().copied().filter(|_| offers);
        dut.set(self.req_valid, u64::from(offered.is_some()));
        if let Some(lookup) = offered {
            dut.set(self.context, u64::from(lookup.context));
            dut.set(self.virt_page, lookup.virt_addr >> 12);
            dut.set(self.write, u64::from(lookup.access == Access::Write));
        }
        dut.set(self.rsp_ready, u64::from(takes));
        let sent = offered.is_some() && dut.get(self.req_ready) == 1;
        self.offering = offered.is_some() && !sent;
        let mut done = None;
        let answers = dut.get(self.rsp_valid) == 1;
        if answers {
            self.offered.get_or_insert(clock);
        }
        if takes && answers {
            let (lookup, taken) = self.under_way.pop_front().expect("an answer follows a request");
            let answer = match FaultCause::from_code(dut.get(self.cause) as u8) {
                Some(cause) => Err(cause),
                None => Ok(dut.get(self.phys_page)),
            };
            done = Some(Done {
                lookup,
                answer,
                taken,
                offered: self.offered.take().unwrap_or(clock),
                answered: clock,
            });
        }
        if sent {
            self.under_way
                .extend(self.waiting.pop_front().map(|lookup| (lookup, clock)));
        }
        done
    }
}
