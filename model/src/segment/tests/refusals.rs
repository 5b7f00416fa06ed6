//! Every refusal, and which of two wins.

use super::*;
use crate::limits::{FRAME_BYTES_MAX, HEADER_BYTES_MAX, MSS_MAX};
use crate::refusal::Refusal::{self, *};
use crate::registers::feature;

/// The refusal of a sample after `change` on its virtio_net_hdr and its frame.
fn refusal(sample: &Sample, change: impl FnOnce(&mut VirtioNetHdr, &mut Vec<u8>)) -> Result<usize, Refusal> {
    let (mut hdr, mut frame) = (sample.hdr(), sample.frame());
    change(&mut hdr, &mut frame);
    segment(&hdr, &frame, &SegmentSettings::default()).map(|frames| frames.len())
}

fn without(features: u64, sample: &Sample, ecn: u8) -> Result<usize, Refusal> {
    let settings = SegmentSettings {
        features: feature::OFFERED & !features,
        ..Default::default()
    };
    let mut hdr = sample.hdr();
    hdr.gso_type |= ecn;
    segment(&hdr, &sample.frame(), &settings).map(|frames| frames.len())
}

#[test]
fn rule_22_fields_of_virtio_net_hdr() {
    let v4 = three(IpVersion::V4);
    let v6 = three(IpVersion::V6);
    for gso_type in [2, 3, 6, 0x7F, 0x83, 0x86] {
        assert_eq!(refusal(&v4, |hdr, _| hdr.gso_type = gso_type), Err(GsoTypeUnknown));
    }
    assert_eq!(refusal(&v4, |hdr, _| hdr.flags = 0xFE), Err(GsoWithoutChecksum));
    assert_eq!(refusal(&v4, |hdr, _| hdr.gso_size = 0), Err(GsoSizeZero));
    for gso_size in [MSS_MAX as u16 + 1, 0xFFFF] {
        assert_eq!(refusal(&v4, |hdr, _| hdr.gso_size = gso_size), Err(GsoSizeTooLarge));
    }
    assert_eq!(refusal(&v4, |hdr, _| hdr.gso_size = MSS_MAX as u16), Ok(1));
    for csum_offset in [0, 6, 15, 17, 0xFFFF] {
        assert_eq!(
            refusal(&v4, |hdr, _| hdr.csum_offset = csum_offset),
            Err(ChecksumOffsetWrong)
        );
    }
    assert_eq!(refusal(&v4, |hdr, _| hdr.csum_start = 33), Err(ChecksumStartTooSmall));
    assert_eq!(refusal(&v6, |hdr, _| hdr.csum_start = 53), Err(ChecksumStartTooSmall));
}

#[test]
fn rule_19_what_datagrams_must_say() {
    for ip in [IpVersion::V4, IpVersion::V6] {
        let mut udp = three(ip);
        udp.udp = true;
        assert_eq!(refusal(&udp, |_, _| ()), Ok(3));
        assert_eq!(without(feature::HOST_USO, &udp, 0), Err(FeatureNotNegotiated));
        assert_eq!(without(feature::HOST_TSO4 | feature::HOST_TSO6, &udp, 0), Ok(3));
        assert_eq!(without(feature::HOST_ECN, &udp, 0x80), Err(FeatureNotNegotiated));
        assert_eq!(refusal(&udp, |hdr, _| hdr.flags = 0), Err(GsoWithoutChecksum));
        for csum_offset in [0, 4, 5, 7, 16] {
            assert_eq!(
                refusal(&udp, |hdr, _| hdr.csum_offset = csum_offset),
                Err(ChecksumOffsetWrong)
            );
        }
        assert_eq!(refusal(&udp, |hdr, _| hdr.csum_start = 33), Err(ChecksumStartTooSmall));
        let end = udp.header_bytes();
        assert_eq!(
            refusal(&udp, |_, frame| frame.truncate(end - 1)),
            Err(HeaderBeyondChain)
        );
        assert_eq!(refusal(&udp, |_, frame| frame.truncate(end)), Ok(1));
        assert_eq!(refusal(&udp, |hdr, _| hdr.csum_start = 249), Err(HeaderTooLong));
        // The protocol is TCP's.
        let (at, expected) = match ip {
            IpVersion::V4 => (14 + 9, ProtocolMismatch),
            IpVersion::V6 => (14 + 6, ExtensionHeaders),
        };
        assert_eq!(refusal(&udp, |_, frame| frame[at] = 6), Err(expected));
        // An EtherType of one version over a header of the other, and a type of TCP over UDP.
        assert_eq!(refusal(&udp, |_, frame| frame[14] ^= 0x20), Err(ProtocolMismatch));
        assert_eq!(refusal(&udp, |_, frame| frame[12] = 0x81), Err(ProtocolMismatch));
    }
}

#[test]
fn rule_22_features_that_were_not_negotiated() {
    let v4 = three(IpVersion::V4);
    let v6 = three(IpVersion::V6);
    assert_eq!(without(feature::HOST_TSO4, &v4, 0), Err(FeatureNotNegotiated));
    assert_eq!(without(feature::HOST_TSO6, &v6, 0), Err(FeatureNotNegotiated));
    assert_eq!(without(feature::HOST_ECN, &v4, 0x80), Err(FeatureNotNegotiated));
    assert_eq!(
        without(feature::HOST_TSO6 | feature::HOST_ECN | feature::CSUM, &v4, 0),
        Ok(3)
    );
    assert_eq!(without(feature::HOST_TSO4, &v6, 0x80), Ok(3));
    let mut checksum_only = three(IpVersion::V4).hdr();
    checksum_only.gso_type = 0;
    let settings = SegmentSettings {
        features: feature::HOST_TSO4,
        ..Default::default()
    };
    assert_eq!(
        segment(&checksum_only, &v4.frame(), &settings),
        Err(FeatureNotNegotiated)
    );
}

#[test]
fn rule_22_headers_beyond_the_chain_or_too_long() {
    let sample = three(IpVersion::V4);
    let end = sample.frame().len() as u16;
    assert_eq!(
        refusal(&sample, |hdr, _| hdr.csum_start = end - 19),
        Err(HeaderBeyondChain)
    );
    assert_eq!(
        refusal(&sample, |hdr, _| hdr.csum_start = 0xFFFF),
        Err(HeaderBeyondChain)
    );
    assert_eq!(
        refusal(&sample, |hdr, _| hdr.csum_start = HEADER_BYTES_MAX as u16 - 19),
        Err(HeaderTooLong)
    );
    let at = sample.csum_start() + 12;
    for doff in 0..5 {
        assert_eq!(
            refusal(&sample, |_, frame| frame[at] = doff << 4),
            Err(DataOffsetTooSmall)
        );
    }
    let mut short = sample.clone();
    short.payload.truncate(39);
    assert_eq!(refusal(&short, |_, frame| frame[at] = 0xF0), Err(HeaderBeyondChain));

    let mut long = three(IpVersion::V6);
    long.extensions = vec![(60, vec![0; 126])];
    long.tcp_options = vec![1; 40];
    long.tags = vec![0x8100];
    assert_eq!((long.header_bytes(), refusal(&long, |_, _| ())), (246, Ok(3)));
    long.tags.push(0x8100);
    long.extensions.push((60, vec![0; 6]));
    assert_eq!(
        (long.header_bytes(), refusal(&long, |_, _| ())),
        (258, Err(HeaderTooLong))
    );
}

#[test]
fn rule_22_type_against_ether_type_and_version() {
    let v4 = three(IpVersion::V4);
    let v6 = three(IpVersion::V6);
    assert_eq!(refusal(&v6, |hdr, _| hdr.gso_type = 1), Err(ProtocolMismatch));
    let mut optioned = three(IpVersion::V4);
    optioned.ip_options = vec![1; 20];
    assert_eq!(refusal(&optioned, |hdr, _| hdr.gso_type = 4), Err(ProtocolMismatch));
    assert_eq!(refusal(&v4, |_, frame| frame[14] = 0x65), Err(ProtocolMismatch));
    assert_eq!(refusal(&v6, |_, frame| frame[14] = 0x40), Err(ProtocolMismatch));
    assert_eq!(refusal(&v4, |_, frame| frame[14 + 9] = 17), Err(ProtocolMismatch));
    let mut tagged = three(IpVersion::V4);
    for (tags, expected) in [
        (vec![0x9100], Err(ProtocolMismatch)),
        (vec![0x8100], Ok(3)),
        (vec![0x88A8, 0x88A8], Ok(3)),
        (vec![0x8100, 0x88A8], Ok(3)),
        (vec![0x88A8, 0x8100, 0x8100], Err(ProtocolMismatch)),
    ] {
        tagged.tags = tags;
        assert_eq!(refusal(&tagged, |_, _| ()), expected, "{:x?}", tagged.tags);
    }
}

#[test]
fn rule_22_network_header_length() {
    let sample = three(IpVersion::V4);
    for first in [0x40, 0x44, 0x46, 0x4F] {
        assert_eq!(refusal(&sample, |_, frame| frame[14] = first), Err(NetworkHeaderLength));
    }
    assert_eq!(refusal(&sample, |hdr, _| hdr.csum_start += 4), Err(NetworkHeaderLength));
    let mut tagged = three(IpVersion::V6);
    tagged.tags = vec![0x8100];
    // Only the tag makes the header reach beyond csum_start.
    assert_eq!(
        refusal(&tagged, |hdr, frame| {
            hdr.csum_start -= 2;
            frame[68] = 0x50
        }),
        Err(NetworkHeaderLength)
    );
}

#[test]
fn rule_08_ipv4_fragments() {
    for fragment in [0x2000, 0x6000, 0x0001, 0x5000] {
        let mut sample = three(IpVersion::V4);
        sample.fragment = fragment;
        assert_eq!(refusal(&sample, |_, _| ()), Err(Fragment), "{fragment:#x}");
    }
}

#[test]
fn rule_09_ipv6_extension_headers() {
    let mut sample = three(IpVersion::V6);
    sample.extensions = vec![(0, vec![0; 6]), (60, vec![0; 6])];
    assert_eq!(refusal(&sample, |_, _| ()), Ok(3));
    let first = sample.network_start() + 40;
    // The last next-header is not TCP.
    assert_eq!(
        refusal(&sample, |_, frame| frame[first + 8] = 17),
        Err(ExtensionHeaders)
    );
    assert_eq!(
        refusal(&sample, |_, frame| frame[first + 8] = 60),
        Err(ExtensionHeaders)
    );
    // An unknown one (AH), or TCP, before csum_start.
    assert_eq!(refusal(&sample, |_, frame| frame[first] = 51), Err(ExtensionHeaders));
    assert_eq!(refusal(&sample, |_, frame| frame[first] = 6), Err(ExtensionHeaders));
    // A length that passes csum_start.
    assert_eq!(refusal(&sample, |_, frame| frame[first + 9] = 1), Err(ExtensionHeaders));
    assert_eq!(
        refusal(&sample, |_, frame| frame[first + 1] = 255),
        Err(ExtensionHeaders)
    );
    // Fragment: first, behind another, at csum_start and beyond it.
    assert_eq!(refusal(&sample, |_, frame| frame[20] = 44), Err(Fragment));
    assert_eq!(refusal(&sample, |_, frame| frame[first] = 44), Err(Fragment));
    assert_eq!(refusal(&sample, |_, frame| frame[first + 8] = 44), Err(Fragment));
    let beyond = |_: &mut VirtioNetHdr, frame: &mut Vec<u8>| frame[first + 8..first + 10].copy_from_slice(&[44, 9]);
    assert_eq!(refusal(&sample, beyond), Err(Fragment));
    // csum_start inside an extension header.
    assert_eq!(
        refusal(&sample, |hdr, frame| {
            hdr.csum_start -= 4;
            frame[78] = 0x50
        }),
        Err(ExtensionHeaders)
    );
}

#[test]
fn frames_too_short_and_too_long() {
    let sample = three(IpVersion::V4);
    for bytes in [0, 1, 13] {
        assert_eq!(
            refusal(&sample, |hdr, frame| {
                hdr.gso_size = 0;
                frame.truncate(bytes)
            }),
            Err(FrameTooShort)
        );
    }
    for flags in [0, FLAG_NEEDS_CSUM] {
        let long = |bytes: usize| {
            refusal(&sample, |hdr, frame| {
                (hdr.gso_type, hdr.flags) = (0, flags);
                frame.resize(bytes, 0);
            })
        };
        assert_eq!(long(FRAME_BYTES_MAX + 1), Err(FrameTooLong));
        assert_eq!(long(FRAME_BYTES_MAX), Ok(1));
    }
}

#[test]
fn checksum_fields_beyond_the_frame() {
    let checksum_only = |csum_start, csum_offset| {
        let hdr = VirtioNetHdr {
            flags: FLAG_NEEDS_CSUM,
            csum_start,
            csum_offset,
            ..Default::default()
        };
        segment(&hdr, &[0x11; 60], &SegmentSettings::default()).map(|frames| frames.len())
    };
    assert_eq!(checksum_only(40, 18), Ok(1));
    // The sums need 17 bits.
    for (start, offset) in [(40, 19), (59, 0), (60, 0), (0xFFFF, 3), (3, 0xFFFF), (0xFFFF, 0xFFFF)] {
        assert_eq!(checksum_only(start, offset), Err(HeaderBeyondChain));
    }
}

#[test]
fn the_first_check_in_the_list_wins() {
    // Everything is wrong; each step repairs what was found, so the codes come in the order of the list.
    let mut sample = three(IpVersion::V4);
    sample.fragment = 0x2000;
    let mut frame = sample.frame();
    frame.truncate(100);
    frame[12] = 0x86;
    frame[14] = 0x44;
    frame[23] = 17;
    frame[46] = 0x40;
    let mut hdr = VirtioNetHdr {
        gso_type: 0x82,
        csum_start: 33,
        ..Default::default()
    };
    let mut settings = SegmentSettings {
        features: 0,
        ..Default::default()
    };
    type Repair = fn(&mut VirtioNetHdr, &mut Vec<u8>, &mut SegmentSettings);
    let steps: &[(Refusal, Repair)] = &[
        (GsoTypeUnknown, |hdr, _, _| hdr.gso_type = 0x81),
        (FeatureNotNegotiated, |_, _, s| {
            s.features = feature::HOST_TSO4 | feature::HOST_ECN
        }),
        (GsoWithoutChecksum, |hdr, _, _| hdr.flags = FLAG_NEEDS_CSUM),
        (GsoSizeZero, |hdr, _, _| hdr.gso_size = 0xFFFF),
        (GsoSizeTooLarge, |hdr, _, _| hdr.gso_size = 100),
        (ChecksumOffsetWrong, |hdr, _, _| hdr.csum_offset = 16),
        (ChecksumStartTooSmall, |hdr, _, _| hdr.csum_start = 0xFFFF),
        (HeaderBeyondChain, |hdr, frame, _| {
            hdr.csum_start = 240;
            frame.resize(400, 0);
        }),
        (HeaderTooLong, |hdr, frame, _| {
            hdr.csum_start = 34;
            frame.truncate(90);
        }),
        (DataOffsetTooSmall, |_, frame, _| frame[46] = 0xF0),
        (HeaderBeyondChain, |_, frame, _| frame[46] = 0x50),
        (ProtocolMismatch, |_, frame, _| frame[12] = 0x08),
        (NetworkHeaderLength, |_, frame, _| frame[14] = 0x45),
        (ProtocolMismatch, |_, frame, _| frame[23] = 6),
        (Fragment, |_, frame, _| frame[20] = 0),
    ];
    frame[13] = 0;
    for (expected, repair) in steps {
        assert_eq!(segment(&hdr, &frame, &settings), Err(*expected));
        repair(&mut hdr, &mut frame, &mut settings);
    }
    assert_eq!(segment(&hdr, &frame, &settings).map(|frames| frames.len()), Ok(1));
}
