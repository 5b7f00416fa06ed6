//! Both ends: a namespace with a TAP that takes super-frames, and one with a TAP that takes frames as on a wire.

use crate::linux::{end_processes, offload, remove_stale, Kind, NamedNamespace, Namespace, Tap, Unavailable};
use serde::Serialize;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicU32, Ordering};

/// Frames that wait in front of the engine; more are lost. TCP fills it to its congestion window, UDP to the brim.
const QUEUE_FRAMES: u32 = 500;
/// Interface in both namespaces.
const INTERFACE: &str = "tap";

/// One of both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Sends through the engine.
    A,
    /// Receives what the engine makes.
    B,
}

impl End {
    /// Its IPv4 address (RFC 5737) or IPv6 address (RFC 3849).
    pub fn address(self, v6: bool) -> IpAddr {
        let host = match self {
            End::A => 1,
            End::B => 2,
        };
        match v6 {
            false => Ipv4Addr::new(192, 0, 2, host).into(),
            true => Ipv6Addr::new(0x2001, 0xDB8, 0, 0, 0, 0, 0, host.into()).into(),
        }
    }
}

/// Errors and losses that a namespace's kernel counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KernelCounters {
    /// TCP segments with a wrong checksum (TcpInCsumErrors).
    pub tcp_checksum_errors: u64,
    /// UDP datagrams with a wrong checksum, over IPv4 and IPv6.
    pub udp_checksum_errors: u64,
    /// TCP segments received (TcpInSegs).
    pub tcp_segments_in: u64,
    /// TCP segments sent again (TcpRetransSegs).
    pub tcp_retransmits: u64,
}

/// Two namespaces and what connects them.
pub struct Network {
    pub(super) tap_a: Tap,
    pub(super) tap_b: Tap,
    a: NamedNamespace,
    b: NamedNamespace,
}

impl Network {
    /// Sets both up, after what killed runs left is removed. `ecn` asks for classic ECN (RFC 3168) at both ends.
    pub fn new(mtu: u16, ecn: bool) -> Result<Self, Unavailable> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        remove_stale();
        // the first of a process has none
        let number = match NUMBER.fetch_add(1, Ordering::Relaxed) {
            0 => String::new(),
            number => number.to_string(),
        };
        let named = |letter| NamedNamespace::new(&format!("{letter}{number}"));
        let (a, b) = (named("a")?, named("b")?);
        let tap_a = Tap::new(a.namespace(), INTERFACE, Kind::Offload(offload::ALL))?;
        let tap_b = Tap::new(b.namespace(), INTERFACE, Kind::Plain)?;
        for (end, namespace) in [(End::A, a.namespace()), (End::B, b.namespace())] {
            let mut settings = vec![
                ("ipv6/conf/all/accept_dad", "0"),
                ("ipv6/conf/default/accept_dad", "0"),
                ("ipv6/conf/default/router_solicitations", "0"),
                ("ipv6/conf/tap/router_solicitations", "0"),
            ];
            if ecn {
                settings.push(("ipv4/tcp_ecn", "1"));
            }
            namespace.settings(&settings)?;
            namespace.commands(&[
                "ip link set lo up",
                &format!("ip link set {INTERFACE} mtu {mtu} txqueuelen {QUEUE_FRAMES} up"),
                &format!("ip addr add {}/24 dev {INTERFACE}", end.address(false)),
                &format!("ip addr add {}/64 dev {INTERFACE} nodad", end.address(true)),
            ])?;
        }
        Ok(Network { tap_a, tap_b, a, b })
    }

    /// An end's namespace.
    pub fn namespace(&self, end: End) -> &Namespace {
        self.named(end).namespace()
    }

    /// The name of an end's namespace, for `ip netns exec`.
    pub fn name(&self, end: End) -> &str {
        self.named(end).name()
    }

    fn named(&self, end: End) -> &NamedNamespace {
        match end {
            End::A => &self.a,
            End::B => &self.b,
        }
    }

    /// What the kernel counted at one end.
    pub fn counters(&self, end: End) -> KernelCounters {
        // /proc/net is of the process, not of the thread
        let (v4, v6) = self.namespace(end).run(|| {
            let read = |name| std::fs::read_to_string(format!("/proc/thread-self/net/{name}")).unwrap_or_default();
            (parse_snmp(&read("snmp")), read("snmp6"))
        });
        let number = |name: &str| v4.get(name).copied().unwrap_or(0);
        let udp6 = v6
            .lines()
            .find_map(|line| line.strip_prefix("Udp6InCsumErrors")?.trim().parse().ok());
        KernelCounters {
            tcp_checksum_errors: number("TcpInCsumErrors"),
            udp_checksum_errors: number("UdpInCsumErrors") + udp6.unwrap_or(0),
            tcp_segments_in: number("TcpInSegs"),
            tcp_retransmits: number("TcpRetransSegs"),
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // both ends at once, so that their time to end by themselves is one
        end_processes(&[self.a.namespace().handle(), self.b.namespace().handle()]);
    }
}

/// Counters by protocol and name. Each protocol has a line of names and a line of numbers.
fn parse_snmp(text: &str) -> HashMap<String, u64> {
    let lines: Vec<&str> = text.lines().collect();
    let pairs = lines.chunks_exact(2).flat_map(|pair| {
        let protocol = pair[0].split(':').next().unwrap_or_default();
        let names = pair[0].split_whitespace().skip(1);
        names
            .zip(pair[1].split_whitespace().skip(1))
            .map(move |(name, number)| (protocol, name, number))
    });
    pairs
        .filter_map(|(protocol, name, number)| Some((format!("{protocol}{name}"), number.parse().ok()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_have_the_names_of_their_protocol() {
        let text = "Tcp: InSegs MaxConn InCsumErrors\nTcp: 12 -1 3\nUdp: InDatagrams InCsumErrors\nUdp: 4 5\n";
        let counters = parse_snmp(text);
        assert_eq!(counters["TcpInSegs"], 12);
        assert_eq!((counters["TcpInCsumErrors"], counters["UdpInCsumErrors"]), (3, 5));
        assert!(!counters.contains_key("TcpMaxConn"));
    }
}
