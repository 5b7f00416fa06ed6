//! Templates as `etherparse` sees them.

use super::*;
use etherparse::{SlicedPacket, TransportSlice};

fn headers(network: Network) -> Headers {
    Headers {
        source_mac: [2, 0, 0, 0, 0, 1],
        destination_mac: [2, 0, 0, 0, 0, 2],
        tags: vec![Tag { tpid: 0x88A8, tci: 5 }, Tag { tpid: 0x8100, tci: 7 }],
        network,
        transport: Transport::Tcp {
            ports: (1000, 2000),
            seq: 7,
            ack: 9,
            flags: flag::ACK | flag::PSH,
            window: 500,
            urgent: 0,
            options: vec![1; 12],
        },
    }
}

/// Completes the checksum as a checksum-only device does, and lets `etherparse` judge the frame.
fn check(headers: &Headers, payload: &[u8]) {
    let template = headers.template(payload.len(), Seed::WithLength);
    let mut frame = template.bytes.clone();
    frame.extend(payload);
    let start = usize::from(template.csum_start);
    let check = !fold(sum(&frame[start..]));
    let field = start + usize::from(template.csum_offset);
    frame[field..field + 2].copy_from_slice(&check.to_be_bytes());
    let sliced = SlicedPacket::from_ethernet(&frame).unwrap();
    assert_eq!(sliced.vlan.as_ref().map(|v| v.to_header().header_len()), Some(8));
    let Some(TransportSlice::Tcp(tcp)) = sliced.transport else {
        panic!("no TCP found")
    };
    assert_eq!(tcp.payload(), payload);
    let expected = match sliced.net.unwrap() {
        etherparse::NetSlice::Ipv4(ip) => {
            assert_eq!(
                ip.header().to_header().calc_header_checksum(),
                ip.header().header_checksum()
            );
            tcp.calc_checksum_ipv4(ip.header().source(), ip.header().destination())
        }
        etherparse::NetSlice::Ipv6(ip) => tcp.calc_checksum_ipv6(ip.header().source(), ip.header().destination()),
    };
    assert_eq!(tcp.checksum(), expected.unwrap());
}

#[test]
fn ipv4_template_has_the_virtio_seed() {
    let ip = Ipv4 {
        source: [10, 0, 0, 1],
        destination: [10, 0, 0, 2],
        tos: 3,
        id: 77,
        dont_fragment: true,
        ttl: 64,
        options: vec![1; 8],
    };
    check(&headers(Network::V4(ip)), b"seven b");
}

#[test]
fn ipv6_template_has_the_virtio_seed() {
    let ip = Ipv6 {
        source: [0xFD; 16],
        destination: [0xFE; 16],
        traffic_class: 2,
        flow_label: 0x12345,
        hop_limit: 64,
        extensions: vec![
            Extension::HopByHop(vec![1, 4, 0, 0, 0, 0]),
            Extension::Destination(vec![1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        ],
    };
    check(&headers(Network::V6(ip)), &[9; 100]);
}

#[test]
fn a_routing_header_moves_the_seed_to_the_final_destination() {
    let mut ip = Ipv6 {
        source: [0xFD; 16],
        destination: [0xFE; 16],
        traffic_class: 0,
        flow_label: 0,
        hop_limit: 64,
        extensions: vec![],
    };
    let plain = headers(Network::V6(ip.clone())).template(10, Seed::WithLength);
    ip.extensions = vec![Extension::Routing([0xFE; 16])];
    ip.destination = [0x11; 16];
    let routed = headers(Network::V6(ip)).template(10, Seed::WithLength);
    assert_eq!(
        plain.bytes[plain.bytes.len() - 16..],
        routed.bytes[routed.bytes.len() - 16..]
    );
}
