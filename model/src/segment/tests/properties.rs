//! What holds for every frame, judged by an independent parser.

use super::*;
use etherparse::{NetSlice, SlicedPacket, TransportSlice, UdpSlice};
use proptest::prelude::*;

fn sample() -> impl Strategy<Value = Sample> {
    let extension = (
        prop::sample::select(vec![43u8, 60]),
        prop::sample::select(vec![6usize, 14, 22]),
    );
    let layout = (
        any::<bool>(),
        prop::collection::vec(prop::sample::select(vec![0x8100u16, 0x88A8]), 0..=2),
        0usize..=10,
        prop::collection::vec(extension, 0..=2),
        any::<bool>(),
        0usize..=10,
    );
    let fields = (
        any::<u16>(),
        0u16..=1,
        any::<u32>(),
        0u16..0x1000,
        any::<bool>(),
        any::<bool>(),
    );
    let sizes = (1u16..2000).prop_flat_map(|mss| (Just(mss), 0..=(20 * usize::from(mss)).min(65_000), any::<u8>()));
    (layout, fields, sizes).prop_map(
        |((v4, tags, ip_words, mut extensions, hop_by_hop, tcp_words), fields, (mss, payload, salt))| {
            if hop_by_hop {
                // The independent parser takes hop-by-hop options in the first place only, as RFC 8200 has it.
                extensions.insert(0, (0, 6));
            }
            let (id, df, sequence, flags, length_in_seed, udp) = fields;
            Sample {
                ip: if v4 { IpVersion::V4 } else { IpVersion::V6 },
                udp,
                tags,
                ip_options: vec![1; if v4 { 4 * ip_words } else { 0 }],
                // Zeros: padding options, and a routing header with no segments left.
                extensions: extensions
                    .into_iter()
                    .filter(|_| !v4)
                    .map(|(kind, bytes)| (kind, vec![0; bytes]))
                    .collect(),
                tcp_options: vec![1; 4 * tcp_words],
                id,
                // The independent parser drops the reserved bit when it sums, so it stays clear here.
                fragment: df << 14,
                sequence,
                flags,
                payload: (0..payload).map(|i| (i * 31 + i / 255) as u8 ^ salt).collect(),
                mss,
                length_in_seed,
            }
        },
    )
}

/// Payload of a segment whose every length and checksum an independent parser finds right.
fn verified_payload(frame: &[u8]) -> Result<Vec<u8>, TestCaseError> {
    let packet = SlicedPacket::from_ethernet(frame).map_err(|e| TestCaseError::fail(e.to_string()))?;
    let tcp = match packet.transport {
        Some(TransportSlice::Tcp(tcp)) => tcp,
        Some(TransportSlice::Udp(udp)) => return verified_datagram(&packet.net, &udp, frame.len()),
        _ => return Err(TestCaseError::fail("no TCP or UDP header found")),
    };
    let payload = tcp.payload().to_vec();
    let tcp_bytes = tcp.slice().len();
    let expected = match packet.net {
        Some(NetSlice::Ipv4(ip)) => {
            prop_assert_eq!(
                ip.header().to_header().calc_header_checksum(),
                ip.header().header_checksum()
            );
            let network = frame.len() - tcp_bytes - usize::from(ip.header().ihl()) * 4;
            prop_assert_eq!(usize::from(ip.header().total_len()), frame.len() - network);
            tcp.calc_checksum_ipv4(ip.header().source(), ip.header().destination())
        }
        Some(NetSlice::Ipv6(ip)) => {
            let lengths = ip.extensions().slice().len() + tcp_bytes;
            prop_assert_eq!(usize::from(ip.header().payload_length()), lengths);
            tcp.calc_checksum_ipv6(ip.header().source(), ip.header().destination())
        }
        _ => return Err(TestCaseError::fail("no IP header found")),
    };
    prop_assert_eq!(tcp.checksum(), expected.unwrap());
    Ok(payload)
}

/// The same of a datagram; its length field says that it ends with the frame.
fn verified_datagram(net: &Option<NetSlice>, udp: &UdpSlice, frame_bytes: usize) -> Result<Vec<u8>, TestCaseError> {
    let header = udp.to_header();
    prop_assert_eq!(usize::from(header.length), udp.slice().len());
    let expected = match net {
        Some(NetSlice::Ipv4(ip)) => {
            let ip_header = ip.header().to_header();
            prop_assert_eq!(ip_header.calc_header_checksum(), ip.header().header_checksum());
            let lengths = ip.header().slice().len() + udp.slice().len();
            prop_assert_eq!(usize::from(ip.header().total_len()), lengths);
            header.calc_checksum_ipv4(&ip_header, udp.payload())
        }
        Some(NetSlice::Ipv6(ip)) => {
            let lengths = ip.extensions().slice().len() + udp.slice().len();
            prop_assert_eq!(usize::from(ip.header().payload_length()), lengths);
            header.calc_checksum_ipv6(&ip.header().to_header(), udp.payload())
        }
        _ => return Err(TestCaseError::fail("no IP header found")),
    };
    prop_assert!(udp.slice().len() < frame_bytes);
    prop_assert_eq!(header.checksum, expected.unwrap());
    Ok(udp.payload().to_vec())
}

proptest! {
    #[test]
    fn segments_verify_and_reassemble(sample in sample(), id_fifteen_bits: bool) {
        let settings = SegmentSettings {
            id_fifteen_bits,
            seed_without_length: !sample.length_in_seed,
            ..Default::default()
        };
        let frames = segment(&sample.hdr(), &sample.frame(), &settings).unwrap();
        let mss = usize::from(sample.mss);
        prop_assert_eq!(frames.len(), sample.payload.len().div_ceil(mss).max(1));
        let mut payload = Vec::new();
        for (index, frame) in frames.iter().enumerate() {
            let is_last = index + 1 == frames.len();
            prop_assert!(is_last || frame.len() == sample.header_bytes() + mss);
            // A single packet keeps its IP header, whose length and checksum the sample leaves wrong (rule 2).
            if frames.len() > 1 {
                payload.extend(verified_payload(frame)?);
            } else {
                prop_assert!(tcp_verifies(&sample, frame));
                payload.extend(&frame[sample.header_bytes()..]);
            }
        }
        prop_assert_eq!(payload, sample.payload);
    }

    #[test]
    fn any_header_over_any_bytes_is_served_or_refused(
        bytes: [u8; 12],
        gso_type in prop::sample::select(vec![0u8, 1, 4, 0x81, 0x84]),
        csum_start in 0u16..300,
        mut frame in prop::collection::vec(any::<u8>(), 0..600),
        ether_type in prop::sample::select(vec![0x0800u16, 0x86DD, 0x8100]),
    ) {
        let mut hdr = VirtioNetHdr::parse(&bytes);
        hdr.gso_type = gso_type;
        hdr.csum_start = csum_start;
        hdr.csum_offset = 16;
        hdr.flags |= FLAG_NEEDS_CSUM;
        if frame.len() > 14 {
            frame[12..14].copy_from_slice(&ether_type.to_be_bytes());
        }
        if let Ok(frames) = segment(&hdr, &frame, &SegmentSettings::default()) {
            prop_assert!(!frames.is_empty());
            prop_assert!(frames.iter().all(|f| f.len() <= crate::limits::FRAME_BYTES_MAX));
        }
    }

    #[test]
    fn a_frame_read_in_part_gives_a_prefix_of_its_segments(sample in sample(), share in 0.0..1.0f64) {
        let (hdr, frame, settings) = (sample.hdr(), sample.frame(), SegmentSettings::default());
        let read = (frame.len() as f64 * share) as usize;
        let prefix = Prefix { bytes: &frame[..read], frame_bytes: frame.len() };
        let all = segment(&hdr, &frame, &settings).unwrap();
        let whole = if all.len() == 1 { 0 } else { read.saturating_sub(sample.header_bytes()) / usize::from(sample.mss) };
        match Plan::make(&hdr, &prefix, &settings) {
            Ok(plan) => prop_assert_eq!(&plan.frames(&prefix, &settings)[..], &all[..whole]),
            Err(stop) => prop_assert!(matches!(stop, Stop::Unread(at) if at >= read && at < sample.header_bytes())),
        }
    }
}
