//! Random super-frames and random ways to lay them out in chains.

use crate::device::Device;
use crate::driver::queue::Buffer;
use crate::headers::{Extension, Headers, Ipv4, Ipv6, Network, Seed, Tag, Transport};
use crate::session::{buffer, Session};
use crate::super_frame::SuperFrame;
use anyhow::Result;
use rand::seq::SliceRandom;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use segwalk_model::limits::{FRAME_BYTES_MAX, MSS_MAX};
use segwalk_model::virtio_net_hdr::VirtioNetHdr;

/// Bytes of Ethernet addresses and EtherType.
const ETHERNET_BYTES: usize = 14;
/// Byte of a frame that says which stream it belongs to: the last of the source address.
pub const STREAM_BYTE: usize = 11;
/// Segments of one super-frame, so that a tiny MSS does not take all the time.
const SEGMENTS_MAX: usize = 150;
/// Largest payload that fits the IP length field behind any headers.
const PAYLOAD_MAX: usize = 65_000;

/// What is asked for a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Segmentation.
    Segmented,
    /// A checksum.
    ChecksumOnly,
    /// Nothing.
    Plain,
}

/// A frame of a random kind with random layers. `stream` stands in [`STREAM_BYTE`].
pub fn super_frame(random: &mut ChaCha8Rng, stream: u8, seed: Seed) -> SuperFrame {
    let kind = *[
        Kind::Segmented,
        Kind::Segmented,
        Kind::Segmented,
        Kind::ChecksumOnly,
        Kind::Plain,
    ]
    .choose(random)
    .expect("there are kinds");
    super_frame_of(random, kind, stream, seed)
}

/// A frame of this kind with random layers.
pub fn super_frame_of(random: &mut ChaCha8Rng, kind: Kind, stream: u8, seed: Seed) -> SuperFrame {
    let headers = headers(random, stream);
    let header_bytes = headers.template(0, seed).bytes.len();
    match kind {
        Kind::Segmented => {
            let mss = mss(random);
            let limit = (usize::from(mss) * SEGMENTS_MAX).min(PAYLOAD_MAX);
            let bytes = match random.gen_range(0..10) {
                0 => 0,
                1 => random.gen_range(0..=usize::from(mss)),
                // a whole number of segments: no empty tail (rule 1)
                2 => usize::from(mss) * random.gen_range(1..=4),
                3 => random.gen_range(0..=limit),
                _ => random.gen_range(0..=limit.min(12_000)),
            };
            let payload = bytes_of(random, bytes.min(PAYLOAD_MAX));
            let mut frame = SuperFrame::segmented(&headers, payload, mss, seed);
            disturb(random, &mut frame, &headers);
            frame
        }
        Kind::ChecksumOnly => {
            let bytes = frame_payload(random, header_bytes);
            let payload = bytes_of(random, bytes);
            let mut frame = SuperFrame::checksum_only(&headers, payload);
            frame.hdr.hdr_len = random.gen();
            frame
        }
        Kind::Plain if random.gen_bool(0.5) => {
            let bytes = frame_payload(random, header_bytes);
            SuperFrame::plain(&headers, bytes_of(random, bytes))
        }
        Kind::Plain => {
            let bytes = frame_payload(random, ETHERNET_BYTES);
            let mut template = bytes_of(random, ETHERNET_BYTES);
            template[STREAM_BYTE] = stream;
            // Without NEEDS_CSUM and gso_type nothing else counts.
            let hdr = VirtioNetHdr {
                hdr_len: random.gen(),
                gso_size: random.gen(),
                csum_start: random.gen(),
                csum_offset: random.gen(),
                ..VirtioNetHdr::default()
            };
            SuperFrame {
                hdr,
                template,
                payload: bytes_of(random, bytes),
            }
        }
    }
}

/// Changes what must not matter: hdr_len (rule 21), the length fields and the IPv4 checksum (rules 5, 6 and 19).
fn disturb(random: &mut ChaCha8Rng, frame: &mut SuperFrame, headers: &Headers) {
    frame.hdr.hdr_len = random.gen();
    frame.hdr.num_buffers = random.gen();
    // A frame that is not cut keeps its fields as they are, so they must be right there.
    if random.gen_bool(0.5) && frame.payload.len() > usize::from(frame.hdr.gso_size) {
        let ip = headers.template(0, Seed::WithLength).network_start;
        let fields: &[usize] = match headers.network {
            Network::V4(_) => &[2, 3, 10, 11],
            Network::V6(_) => &[4, 5],
        };
        for field in fields {
            frame.template[ip + field] = random.gen();
        }
        if matches!(headers.transport, Transport::Udp { .. }) {
            let length = usize::from(frame.hdr.csum_start) + 4;
            random.fill(&mut frame.template[length..length + 2]);
        }
    }
}

fn mss(random: &mut ChaCha8Rng) -> u16 {
    let mss = match random.gen_range(0..10) {
        0 => random.gen_range(1..=16),
        1 => random.gen_range(17..=200),
        2 => 1448,
        3 => 1460,
        4 => random.gen_range(1500..=MSS_MAX),
        5 => MSS_MAX,
        _ => random.gen_range(200..=1500),
    };
    mss as u16
}

fn frame_payload(random: &mut ChaCha8Rng, header_bytes: usize) -> usize {
    let limit = FRAME_BYTES_MAX - header_bytes;
    match random.gen_range(0..4) {
        0 => random.gen_range(0..=60),
        1 => random.gen_range(0..=limit),
        _ => random.gen_range(0..=1500),
    }
}

fn bytes_of(random: &mut ChaCha8Rng, bytes: usize) -> Vec<u8> {
    let mut data = vec![0; bytes];
    match random.gen_range(0..8) {
        // all ones and all zeros are where end-around carries go wrong
        0 => data.fill(0xFF),
        1 => {}
        _ => random.fill(&mut data[..]),
    }
    data
}

fn headers(random: &mut ChaCha8Rng, stream: u8) -> Headers {
    let tags = (0..random.gen_range(0..=2))
        .map(|_| Tag {
            tpid: *[0x8100, 0x88A8].choose(random).expect("there are two"),
            tci: random.gen(),
        })
        .collect();
    let mut source_mac: [u8; 6] = random.gen();
    source_mac[STREAM_BYTE - 6] = stream;
    let network = if random.gen() {
        Network::V4(ipv4(random))
    } else {
        Network::V6(ipv6(random))
    };
    let transport = if random.gen_bool(0.4) {
        Transport::Udp { ports: random.gen() }
    } else {
        let options = random.gen_range(0..=10) * 4;
        Transport::Tcp {
            ports: random.gen(),
            seq: random.gen(),
            ack: random.gen(),
            flags: random.gen_range(0..1 << 12),
            window: random.gen(),
            urgent: random.gen(),
            options: (0..options).map(|_| random.gen()).collect(),
        }
    };
    Headers {
        source_mac,
        destination_mac: random.gen(),
        tags,
        network,
        transport,
    }
}

fn ipv4(random: &mut ChaCha8Rng) -> Ipv4 {
    let options = if random.gen_bool(0.7) {
        0
    } else {
        random.gen_range(0..=10) * 4
    };
    Ipv4 {
        source: random.gen(),
        destination: random.gen(),
        tos: random.gen(),
        id: random.gen(),
        dont_fragment: random.gen(),
        ttl: random.gen(),
        options: (0..options).map(|_| random.gen()).collect(),
    }
}

fn ipv6(random: &mut ChaCha8Rng) -> Ipv6 {
    let count = if random.gen_bool(0.6) {
        0
    } else {
        random.gen_range(1..=3)
    };
    let extensions = (0..count)
        .map(|at| match random.gen_range(0..3) {
            0 if at == 0 => Extension::HopByHop(option_body(random)),
            1 => Extension::Routing(random.gen()),
            _ => Extension::Destination(option_body(random)),
        })
        .collect();
    Ipv6 {
        source: random.gen(),
        destination: random.gen(),
        traffic_class: random.gen(),
        flow_label: random.gen(),
        hop_limit: random.gen(),
        extensions,
    }
}

fn option_body(random: &mut ChaCha8Rng) -> Vec<u8> {
    let bytes = 6 + 8 * random.gen_range(0..=3);
    (0..bytes).map(|_| random.gen()).collect()
}

/// Puts a chain's bytes into memory, cut into at most `pieces_max` buffers in some of `contexts`, and gives the chain.
pub fn lay_out<D: Device>(
    session: &mut Session<D>,
    random: &mut ChaCha8Rng,
    contexts: &[u8],
    frame: &SuperFrame,
    pieces_max: usize,
) -> Result<Vec<Buffer>> {
    let data = frame.chain_bytes();
    let mut chain = Vec::new();
    let mut at = 0;
    for end in cuts(random, data.len(), frame.header_bytes().len(), pieces_max) {
        let context = *contexts.choose(random).expect("a context to put the buffer in");
        let region = session.allocate_with(context, &data[at..end])?;
        if chain.len() + 2 < pieces_max && region.bytes > 1 && random.gen_bool(0.1) {
            // two descriptors that follow each other in memory
            let cut = random.gen_range(1..region.bytes);
            chain.push(buffer(context, &region.part(0, cut)));
            chain.push(buffer(context, &region.part(cut, region.bytes - cut)));
        } else {
            chain.push(buffer(context, &region));
        }
        at = end;
    }
    if chain.len() < pieces_max && random.gen_bool(0.1) {
        // a buffer of 0 bytes occurs (rule 23) and its address is never used
        let empty = Buffer {
            context: contexts[0],
            virt_addr: random.gen(),
            bytes: 0,
        };
        chain.insert(random.gen_range(0..=chain.len()), empty);
    }
    Ok(chain)
}

/// Ends of the pieces, strictly rising, the last one being `bytes`. About half of `pieces_max` is used at most, so that
/// pieces may be cut again.
fn cuts(random: &mut ChaCha8Rng, bytes: usize, header_bytes: usize, pieces_max: usize) -> Vec<usize> {
    let most = (pieces_max / 2).clamp(1, bytes);
    let mut ends = match random.gen_range(0..6) {
        0 => vec![],
        1 | 2 if most > 1 => vec![header_bytes],
        3 => (0..random.gen_range(0..most.min(8)))
            .map(|_| random.gen_range(1..=bytes))
            .collect(),
        4 if most > 2 => {
            let (step, mut at) = (
                random.gen_range(bytes.div_ceil(most - 1).max(1)..=bytes.max(2)),
                header_bytes,
            );
            let mut ends = vec![header_bytes];
            while at + step < bytes && ends.len() + 1 < most {
                at += step;
                ends.push(at);
            }
            ends
        }
        // the header in crumbs, virtio_net_hdr included
        _ => (0..random.gen_range(0..most))
            .map(|_| random.gen_range(1..=header_bytes))
            .collect(),
    };
    ends.push(bytes);
    ends.retain(|end| *end <= bytes);
    ends.sort_unstable();
    ends.dedup();
    ends
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use segwalk_model::segment::SegmentSettings;

    #[test]
    fn the_model_takes_every_random_frame() {
        let mut random = ChaCha8Rng::seed_from_u64(11);
        let mut segments = 0;
        for at in 0..2000 {
            let frame = super_frame(&mut random, 3, Seed::WithLength);
            let frames = frame.expected(&SegmentSettings::default());
            let frames = frames.unwrap_or_else(|refusal| panic!("frame {at} is refused: {}", refusal.sentence()));
            assert!(frames.iter().all(|frame| frame[STREAM_BYTE] == 3));
            segments += frames.len();
        }
        assert!(segments > 10_000, "{segments} segments");
    }

    #[test]
    fn cuts_rise_and_end_with_the_last_byte() {
        let mut random = ChaCha8Rng::seed_from_u64(12);
        for _ in 0..5000 {
            let (bytes, most) = (random.gen_range(70..5000), random.gen_range(1..300));
            let ends = cuts(&mut random, bytes, 66, most);
            assert!(ends.windows(2).all(|pair| pair[0] < pair[1]) && ends[0] > 0);
            assert_eq!(*ends.last().unwrap(), bytes);
            assert!(ends.len() <= most.max(1), "{} pieces of {most}", ends.len());
        }
    }
}
