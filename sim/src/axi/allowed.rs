//! Which bytes of memory the core may touch, by client: the check that nothing is read or written outside of what
//! contexts and bindings allow.

use super::{Access, AccessHook, READ_EVENT, READ_PAYLOAD, READ_RING, READ_WALKER};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// Who accesses memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// Descriptors, avail and used rings are read.
    RingRead,
    /// Page tables are read.
    Walker,
    /// Payload is read.
    Payload,
    /// Used rings and event words are written.
    RingWrite,
}

const CLIENTS: usize = 4;

/// Disjoint ranges, end by start.
#[derive(Clone, Debug, Default)]
struct Ranges(BTreeMap<u64, u64>);

impl Ranges {
    fn add(&mut self, range: Range<u64>) {
        let (mut start, mut end) = (range.start, range.end);
        while let Some((&from, &to)) = self.0.range(..=end).next_back() {
            if to < start {
                break;
            }
            self.0.remove(&from);
            (start, end) = (start.min(from), end.max(to));
        }
        self.0.insert(start, end);
    }

    fn holds(&self, range: &Range<u64>) -> bool {
        let before = self.0.range(..=range.start).next_back();
        before.is_some_and(|(_, end)| range.end <= *end)
    }
}

/// What each client may touch. Clones share one list, so that a test adds to it while the bench checks.
#[derive(Clone, Debug, Default)]
pub struct Allowed {
    ranges: Arc<Mutex<[Ranges; CLIENTS]>>,
}

impl Allowed {
    /// Nothing at all.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Allows these physical addresses. The bus reads whole beats, so the range is rounded to 8 bytes.
    pub fn add(&self, client: Client, phys_addrs: Range<u64>) {
        let range = phys_addrs.start & !7..phys_addrs.end.next_multiple_of(8);
        self.lock()[client as usize].add(range);
    }

    /// Whether every byte of the range is allowed.
    pub fn holds(&self, client: Client, phys_addrs: &Range<u64>) -> bool {
        self.lock()[client as usize].holds(phys_addrs)
    }

    /// The check for [`super::ProtocolChecker::on_access`].
    pub fn hook(&self) -> AccessHook {
        let allowed = self.clone();
        Box::new(move |access| allowed.check(access))
    }

    fn check(&self, access: &Access) -> Result<(), String> {
        let client = match (access.write, access.address.id) {
            (true, _) => Client::RingWrite,
            (false, READ_RING | READ_EVENT) => Client::RingRead,
            (false, READ_WALKER) => Client::Walker,
            (false, READ_PAYLOAD) => Client::Payload,
            (false, id) => return Err(format!("read ID {id} belongs to nobody")),
        };
        let bytes = access.address.phys_addr..access.address.end();
        if self.holds(client, &bytes) {
            return Ok(());
        }
        let count = bytes.end - bytes.start;
        Err(format!("{client:?} of {count} bytes that no binding allows"))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, [Ranges; CLIENTS]> {
        self.ranges.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_join_and_every_byte_counts() {
        let allowed = Allowed::nothing();
        assert!(!allowed.holds(Client::Payload, &(0..1)));
        for range in [0x100..0x110, 0x120..0x130, 0x10C..0x121, 0x201..0x207] {
            allowed.add(Client::Payload, range);
        }
        assert!(allowed.holds(Client::Payload, &(0x100..0x130)));
        assert!(allowed.holds(Client::Payload, &(0x200..0x208)));
        assert!(!allowed.holds(Client::Payload, &(0xFF..0x110)));
        assert!(!allowed.holds(Client::Payload, &(0x120..0x131)));
        assert!(!allowed.holds(Client::Walker, &(0x100..0x108)));
    }
}
