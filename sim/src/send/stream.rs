//! The TCP stream that carries the file.

use crate::headers::{flag, Headers, Ipv4, Ipv6, Network, Seed, Transport};
use crate::super_frame::SuperFrame;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use segwalk_model::segment::IpVersion;

/// Headers as in a Linux sender's real traffic: IPv4 with DF or IPv6, TCP with timestamps.
pub fn headers(ip: IpVersion, random: &mut ChaCha8Rng) -> Headers {
    let network = match ip {
        IpVersion::V4 => Network::V4(Ipv4 {
            source: [192, 0, 2, 1],
            destination: [198, 51, 100, 2],
            tos: 0,
            id: random.gen(),
            dont_fragment: true,
            ttl: 64,
            options: vec![],
        }),
        IpVersion::V6 => Network::V6(Ipv6 {
            source: [0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
            destination: [0x20, 1, 0xD, 0xB8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2],
            traffic_class: 0,
            flow_label: random.gen_range(0..1 << 20),
            hop_limit: 64,
            extensions: vec![],
        }),
    };
    let mut options = vec![1, 1, 8, 10];
    options.extend(random.gen::<[u8; 8]>());
    Headers {
        source_mac: [0x02, 0, 0x5E, 0, 0, 1],
        destination_mac: [0x02, 0, 0x5E, 0, 0, 2],
        tags: vec![],
        network,
        transport: Transport::Tcp {
            ports: (random.gen_range(32_768..61_000), 5001),
            seq: random.gen(),
            ack: random.gen(),
            flags: flag::ACK,
            window: 502,
            urgent: 0,
            options,
        },
    }
}

/// The sequence number of what comes next.
pub(crate) fn seq(headers: &mut Headers) -> &mut u32 {
    match &mut headers.transport {
        Transport::Tcp { seq, .. } => seq,
        Transport::Udp { .. } => unreachable!("files are sent over TCP"),
    }
}

/// The next super-frame of the stream. What fits into one segment asks for its checksum only, as stacks do.
pub fn super_frame(headers: &mut Headers, payload: &[u8], mss: u16, last: bool) -> SuperFrame {
    if let Transport::Tcp { flags, .. } = &mut headers.transport {
        *flags = flag::ACK | if last { flag::PSH } else { 0 };
    }
    let frame = if payload.len() > usize::from(mss) {
        SuperFrame::segmented(headers, payload.to_vec(), mss, Seed::WithLength)
    } else {
        SuperFrame::checksum_only(headers, payload.to_vec())
    };
    let segments = payload.len().div_ceil(usize::from(mss)).max(1);
    *seq(headers) = seq(headers).wrapping_add(payload.len() as u32);
    if let Network::V4(ip) = &mut headers.network {
        ip.id = ip.id.wrapping_add(segments as u16);
    }
    frame
}
