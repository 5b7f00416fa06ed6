//! Segmentation by rule number. Refusals are in `tests/refusals.rs`, random frames in `tests/properties.rs`.

mod properties;
mod refusals;

use super::sample::{Sample, CWR, ECE, FIN, PSH};
use super::*;
use crate::virtio_net_hdr::FLAG_NEEDS_CSUM;
use checksum::Sum;

const MSS: u16 = 100;

/// Segments of a sample with the settings of reset.
fn cut(sample: &Sample) -> Vec<Vec<u8>> {
    segment(&sample.hdr(), &sample.frame(), &SegmentSettings::default()).unwrap()
}

fn word(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn flags(sample: &Sample, segment: &[u8]) -> u16 {
    word(segment, sample.csum_start() + 12) & 0xFFF
}

/// Whether the TCP or UDP checksum verifies against the pseudo-header of the sample's addresses.
fn tcp_verifies(sample: &Sample, segment: &[u8]) -> bool {
    let tcp = &segment[sample.csum_start()..];
    sample.seed().number(tcp.len()).bytes(tcp).checksum() == 0
}

/// Three segments of 100, 100 and 30 bytes.
fn three(ip: IpVersion) -> Sample {
    Sample::new(ip, 230, MSS)
}

#[test]
fn rule_01_all_but_the_last_carry_mss_bytes() {
    for (payload, sizes) in [(230, vec![100, 100, 30]), (200, vec![100, 100]), (101, vec![100, 1])] {
        let sample = Sample::new(IpVersion::V4, payload, MSS);
        let found: Vec<usize> = cut(&sample).iter().map(|s| s.len() - sample.header_bytes()).collect();
        assert_eq!(found, sizes, "{payload} bytes of payload");
    }
}

#[test]
fn rule_01_mss_of_one_byte() {
    let sample = Sample::new(IpVersion::V6, 5, 1);
    assert_eq!(cut(&sample).len(), 5);
}

#[test]
fn rule_02_up_to_mss_bytes_change_nothing_but_the_checksum() {
    for payload in [1, 99, 100] {
        let mut sample = Sample::new(IpVersion::V4, payload, MSS);
        sample.flags |= FIN | PSH | CWR;
        let mut expected = sample.frame();
        let at = sample.csum_start() + 16;
        let segments = cut(&sample);
        assert_eq!(segments.len(), 1);
        assert!(tcp_verifies(&sample, &segments[0]));
        expected[at..at + 2].copy_from_slice(&segments[0][at..at + 2]);
        assert_eq!(segments[0], expected);
    }
}

#[test]
fn rule_03_the_template_is_copied_with_tags_and_options() {
    let mut sample = three(IpVersion::V4);
    sample.tags = vec![0x88A8, 0x8100];
    sample.ip_options = vec![7, 7, 4, 0, 0, 0, 0, 0];
    sample.tcp_options = vec![1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8];
    let frame = sample.frame();
    for segment in cut(&sample) {
        assert_eq!(segment[..22], frame[..22]);
        assert_eq!(segment[42..50], sample.ip_options);
        assert_eq!(segment[70..82], sample.tcp_options);
        assert!(tcp_verifies(&sample, &segment));
    }
}

#[test]
fn rule_04_segments_come_in_sequence() {
    let sample = three(IpVersion::V6);
    let payload: Vec<u8> = cut(&sample)
        .iter()
        .flat_map(|s| s[sample.header_bytes()..].to_vec())
        .collect();
    assert_eq!(payload, sample.payload);
}

#[test]
fn rule_05_ipv4_total_length_counts_ip_tcp_and_payload() {
    let mut sample = three(IpVersion::V4);
    sample.ip_options = vec![1; 4];
    let found: Vec<u16> = cut(&sample).iter().map(|s| word(s, 16)).collect();
    assert_eq!(found, [144, 144, 74]);
}

#[test]
fn rule_06_ipv4_header_checksum_is_computed_anew() {
    let mut sample = three(IpVersion::V4);
    sample.ip_options = vec![1; 40];
    for segment in cut(&sample) {
        assert_eq!(Sum::new().bytes(&segment[14..14 + 60]).checksum(), 0);
    }
}

#[test]
fn rule_07_id_counts_modulo_16_bits() {
    let mut sample = three(IpVersion::V4);
    sample.id = 0xFFFF;
    let found: Vec<u16> = cut(&sample).iter().map(|s| word(s, 18)).collect();
    assert_eq!(found, [0xFFFF, 0, 1]);
}

#[test]
fn rule_07_id_counts_modulo_15_bits_when_set() {
    let settings = SegmentSettings {
        id_fifteen_bits: true,
        ..Default::default()
    };
    for (id, expected) in [(0xFFFF, [0xFFFF, 0x8000, 0x8001]), (0x7FFF, [0x7FFF, 0, 1])] {
        let mut sample = three(IpVersion::V4);
        sample.id = id;
        let segments = segment(&sample.hdr(), &sample.frame(), &settings).unwrap();
        let found: Vec<u16> = segments.iter().map(|s| word(s, 18)).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn rule_07_fixed_id_only_with_dont_fragment() {
    for (fragment, fifteen, ids) in [
        (0x4000, false, [0xFFFF, 0xFFFF, 0xFFFF]),
        (0x4000, true, [0xFFFF, 0xFFFF, 0xFFFF]),
        (0x0000, false, [0xFFFF, 0, 1]),
        (0x8000, false, [0xFFFF, 0, 1]),
        (0x0000, true, [0xFFFF, 0x8000, 0x8001]),
    ] {
        let mut sample = three(IpVersion::V4);
        (sample.id, sample.fragment) = (0xFFFF, fragment);
        let settings = SegmentSettings {
            id_fixed: true,
            id_fifteen_bits: fifteen,
            ..Default::default()
        };
        let frames = segment(&sample.hdr(), &sample.frame(), &settings).unwrap();
        let found: Vec<u16> = frames.iter().map(|frame| word(frame, 18)).collect();
        assert_eq!(found, ids, "fragment field {fragment:#06x}");
    }
}

#[test]
fn rule_08_df_and_the_reserved_bit_tos_and_ttl_are_copied() {
    for fragment in [0x0000, 0x4000, 0x8000, 0xC000] {
        let mut sample = three(IpVersion::V4);
        sample.fragment = fragment;
        for segment in cut(&sample) {
            assert_eq!((word(&segment, 20), segment[15], segment[22]), (fragment, 2, 64));
            assert_eq!(Sum::new().bytes(&segment[14..34]).checksum(), 0);
        }
    }
}

#[test]
fn rule_09_ipv6_payload_length_counts_extension_headers() {
    let mut sample = three(IpVersion::V6);
    sample.extensions = vec![(0, vec![1; 6]), (60, vec![2; 14]), (43, vec![0; 6])];
    let found: Vec<u16> = cut(&sample).iter().map(|s| word(s, 18)).collect();
    assert_eq!(found, [32 + 120, 32 + 120, 32 + 50]);
}

#[test]
fn rule_09_the_pseudo_header_is_the_drivers() {
    let sample = three(IpVersion::V6);
    let mut frame = sample.frame();
    // The seed is for a final destination whose sum differs by 0x1111 from that of the header's address.
    let at = sample.csum_start() + 16;
    let seed = Sum::new().word(word(&frame, at)).word(0x1111).fold();
    frame[at..at + 2].copy_from_slice(&seed.to_be_bytes());
    for segment in segment(&sample.hdr(), &frame, &SegmentSettings::default()).unwrap() {
        let tcp = &segment[sample.csum_start()..];
        assert_eq!(sample.seed().word(0x1111).number(tcp.len()).bytes(tcp).checksum(), 0);
    }
}

#[test]
fn rule_10_sequence_advances_by_mss_and_wraps() {
    let sample = three(IpVersion::V4);
    let at = sample.csum_start() + 4;
    let segments = cut(&sample);
    let found: Vec<u32> = segments
        .iter()
        .map(|s| u32::from_be_bytes(s[at..at + 4].try_into().unwrap()))
        .collect();
    assert_eq!(found, [0xFFFF_FF00, 0xFFFF_FF64, 0xFFFF_FFC8]);
    let mut wrapping = three(IpVersion::V4);
    wrapping.sequence = 0xFFFF_FFFF;
    let found: Vec<u16> = cut(&wrapping).iter().map(|s| word(s, at)).collect();
    assert_eq!(found, [0xFFFF, 0, 0]);
}

#[test]
fn rule_11_fin_and_psh_on_the_last_only() {
    let mut sample = three(IpVersion::V6);
    sample.flags = 0x010 | FIN | PSH;
    let found: Vec<u16> = cut(&sample).iter().map(|s| flags(&sample, s)).collect();
    assert_eq!(found, [0x010, 0x010, 0x019]);
}

#[test]
fn rule_12_cwr_first_only() {
    for ecn in [0, 0x80] {
        let mut sample = three(IpVersion::V4);
        sample.flags |= CWR;
        let mut hdr = sample.hdr();
        hdr.gso_type |= ecn;
        let segments = segment(&hdr, &sample.frame(), &SegmentSettings::default()).unwrap();
        let found: Vec<u16> = segments.iter().map(|s| flags(&sample, s)).collect();
        assert_eq!(found, [0x090, 0x010, 0x010]);
    }
}

#[test]
fn rule_13_all_other_flags_are_copied() {
    let mut sample = three(IpVersion::V4);
    sample.flags = 0xF36 | ECE;
    assert!(cut(&sample).iter().all(|s| flags(&sample, s) == 0xF76));
}

#[test]
fn rule_14_masks_are_settings() {
    let accurate_ecn = SegmentSettings {
        flags_first: 0xFF6,
        flags_middle: 0xFF6,
        flags_last: 0xFFF,
        ..Default::default()
    };
    let mut sample = three(IpVersion::V4);
    sample.flags = 0xFFF;
    let segments = segment(&sample.hdr(), &sample.frame(), &accurate_ecn).unwrap();
    let found: Vec<u16> = segments.iter().map(|s| flags(&sample, s)).collect();
    assert_eq!(found, [0xFF6, 0xFF6, 0xFFF]);
    assert!(segments
        .iter()
        .all(|s| s[sample.csum_start() + 12] >> 4 == 5 && tcp_verifies(&sample, s)));
}

#[test]
fn rule_16_both_seed_contracts_give_the_same_frames() {
    for ip in [IpVersion::V4, IpVersion::V6] {
        for payload in [0, 70, 100, 230, 65_000] {
            let mut sample = Sample::new(ip, payload, MSS);
            let with_length = cut(&sample);
            sample.length_in_seed = false;
            let settings = SegmentSettings {
                seed_without_length: true,
                ..Default::default()
            };
            let without = segment(&sample.hdr(), &sample.frame(), &settings).unwrap();
            assert_eq!(with_length, without, "{payload} bytes of payload");
            assert!(without.iter().all(|s| tcp_verifies(&sample, s)));
        }
    }
}

#[test]
fn rule_16_super_frames_longer_than_16_bits_verify() {
    let sample = Sample::new(IpVersion::V6, 65_536, 9_600);
    assert!(cut(&sample).iter().all(|s| tcp_verifies(&sample, s)));
}

#[test]
fn rule_17_odd_segments_verify() {
    for mss in [1, 7, 99] {
        let sample = Sample::new(IpVersion::V4, 230, mss);
        assert!(cut(&sample).iter().all(|s| tcp_verifies(&sample, s)));
    }
}

/// A frame whose covered bytes, the field included, sum to 0xFFFF: the checksum is 0.
fn checksum_of_zero(csum_offset: u16) -> Vec<u8> {
    let mut frame = vec![0; 60];
    frame[34] = 0xFF;
    frame[35] = 0xFF;
    let hdr = VirtioNetHdr {
        flags: FLAG_NEEDS_CSUM,
        csum_start: 34,
        csum_offset,
        ..Default::default()
    };
    segment(&hdr, &frame, &SegmentSettings::default()).unwrap().remove(0)
}

#[test]
fn rule_18_checksum_of_zero_is_kept_except_for_udp() {
    assert_eq!(word(&checksum_of_zero(16), 34 + 16), 0);
    assert_eq!(word(&checksum_of_zero(6), 34 + 6), 0xFFFF);
}

#[test]
fn rule_18_checksum_only_works_at_any_place() {
    let frame: Vec<u8> = (0..61).map(|i| i * 3 + 1).collect();
    for csum_start in 0..=59u16 {
        for csum_offset in 0..=59 - csum_start {
            let hdr = VirtioNetHdr {
                flags: FLAG_NEEDS_CSUM,
                csum_start,
                csum_offset,
                ..Default::default()
            };
            let sent = segment(&hdr, &frame, &SegmentSettings::default()).unwrap().remove(0);
            let at = usize::from(csum_start + csum_offset);
            let sum = Sum::new().bytes(&frame[usize::from(csum_start)..]);
            let mut expected = frame.clone();
            expected[at..at + 2].copy_from_slice(&sum.checksum().to_be_bytes());
            assert_eq!(sent, expected);
        }
    }
}

#[test]
fn rule_21_hdr_len_changes_nothing() {
    let sample = three(IpVersion::V4);
    for hdr_len in [0, 14, 54, 0xFFFF] {
        let mut hdr = sample.hdr();
        hdr.hdr_len = hdr_len;
        assert_eq!(
            segment(&hdr, &sample.frame(), &SegmentSettings::default()).unwrap(),
            cut(&sample)
        );
    }
}

#[test]
fn rule_24_no_payload_is_one_packet() {
    for ip in [IpVersion::V4, IpVersion::V6] {
        let sample = Sample::new(ip, 0, MSS);
        let segments = cut(&sample);
        assert_eq!(segments.len(), 1);
        assert!(tcp_verifies(&sample, &segments[0]));
    }
}

#[test]
fn plain_frames_pass_whatever_the_header_says() {
    let hdr = VirtioNetHdr {
        flags: 0xFE,
        gso_type: 0x80,
        hdr_len: 9,
        gso_size: 0xFFFF,
        csum_start: 0xFFFF,
        csum_offset: 0xFFFF,
        num_buffers: 3,
    };
    let settings = SegmentSettings {
        features: 0,
        ..Default::default()
    };
    for bytes in [14, 60, crate::limits::FRAME_BYTES_MAX] {
        let frame = vec![0x5A; bytes];
        assert_eq!(segment(&hdr, &frame, &settings), Ok(vec![frame.clone()]));
    }
}

#[test]
fn rule_30_a_broken_frame_gives_its_whole_segments() {
    let sample = three(IpVersion::V4);
    let (frame, hdr, settings) = (sample.frame(), sample.hdr(), SegmentSettings::default());
    let all = cut(&sample);
    let header_bytes = sample.header_bytes();
    for read in 0..=frame.len() {
        let prefix = Prefix {
            bytes: &frame[..read],
            frame_bytes: frame.len(),
        };
        let found = Plan::make(&hdr, &prefix, &settings).map(|plan| plan.frames(&prefix, &settings));
        let whole = match read {
            _ if read == frame.len() => 3,
            _ => read.saturating_sub(header_bytes) / usize::from(MSS),
        };
        match found {
            Ok(frames) => assert_eq!(frames, all[..whole]),
            Err(stop) => assert!(matches!(stop, Stop::Unread(at) if at >= read), "{stop:?} at {read}"),
        }
    }
}

#[test]
fn layers_are_judged_once_the_template_is_there() {
    let mut sample = three(IpVersion::V4);
    sample.fragment = 0x2000;
    sample.tcp_options = vec![1; 8];
    let (frame, hdr, settings) = (sample.frame(), sample.hdr(), SegmentSettings::default());
    let header_bytes = sample.header_bytes();
    let plan = |hdr: &VirtioNetHdr, read: usize| {
        let prefix = Prefix {
            bytes: &frame[..read],
            frame_bytes: frame.len(),
        };
        Plan::make(hdr, &prefix, &settings)
    };
    assert_eq!(plan(&hdr, header_bytes), Err(Stop::Refused(Refusal::Fragment)));
    assert_eq!(plan(&hdr, header_bytes - 1), Err(Stop::Unread(header_bytes - 1)));
    assert_eq!(plan(&hdr, 46), Err(Stop::Unread(46)));
    // What virtio_net_hdr alone says needs no byte of the frame.
    let no_mss = VirtioNetHdr { gso_size: 0, ..hdr };
    assert_eq!(plan(&no_mss, 0), Err(Stop::Refused(Refusal::GsoSizeZero)));
}

/// Three datagrams of 100, 100 and 30 bytes.
fn three_datagrams(ip: IpVersion) -> Sample {
    let mut sample = three(ip);
    sample.udp = true;
    sample
}

#[test]
fn rule_19_datagrams_with_their_lengths_and_checksums() {
    for ip in [IpVersion::V4, IpVersion::V6] {
        for length_in_seed in [false, true] {
            let mut sample = three_datagrams(ip);
            sample.length_in_seed = length_in_seed;
            sample.tags = vec![0x8100];
            let settings = SegmentSettings {
                seed_without_length: !length_in_seed,
                ..Default::default()
            };
            let frames = segment(&sample.hdr(), &sample.frame(), &settings).unwrap();
            let sizes: Vec<usize> = frames.iter().map(|frame| frame.len() - sample.header_bytes()).collect();
            assert_eq!(sizes, [100, 100, 30]);
            for (index, frame) in frames.iter().enumerate() {
                let udp = &frame[sample.csum_start()..];
                assert_eq!(usize::from(word(udp, 4)), 8 + sizes[index]);
                assert!(tcp_verifies(&sample, frame));
                // All but length and checksum stands as it was, the first payload bytes included.
                assert_eq!(udp[..4], sample.frame()[sample.csum_start()..][..4]);
                assert_eq!(udp[8..], sample.payload[100 * index..][..sizes[index]]);
            }
        }
    }
}

#[test]
fn rule_19_the_id_counts_for_datagrams_too() {
    let mut sample = three_datagrams(IpVersion::V4);
    sample.id = 0xFFFF;
    let ids: Vec<u16> = cut(&sample).iter().map(|frame| word(frame, 18)).collect();
    assert_eq!(ids, [0xFFFF, 0, 1]);
}

#[test]
fn rule_18_a_datagram_never_says_that_it_has_no_checksum() {
    let mut sample = three_datagrams(IpVersion::V4);
    // The payload of the second datagram is what makes its checksum 0.
    let check = |sample: &Sample| word(&cut(sample)[1], sample.csum_start() + 6);
    sample.payload[100..102].copy_from_slice(&[0, 0]);
    let before = check(&sample);
    sample.payload[100..102].copy_from_slice(&before.to_be_bytes());
    assert_eq!(check(&sample), 0xFFFF);
    assert!(tcp_verifies(&sample, &cut(&sample)[1]));
    // TCP sends the 0.
    sample.udp = false;
    sample.payload[100..102].copy_from_slice(&[0, 0]);
    let check = |sample: &Sample| word(&cut(sample)[1], sample.csum_start() + 16);
    let before = check(&sample);
    sample.payload[100..102].copy_from_slice(&before.to_be_bytes());
    assert_eq!(check(&sample), 0);
}

#[test]
fn rule_20_padding_is_in_no_length_and_no_checksum() {
    let settings = SegmentSettings {
        pad: true,
        ..Default::default()
    };
    for udp in [false, true] {
        for tail in 1..30 {
            let mut sample = Sample::new(IpVersion::V4, 40 + tail, 40);
            sample.udp = udp;
            let plain = cut(&sample);
            let padded = segment(&sample.hdr(), &sample.frame(), &settings).unwrap();
            for (plain, padded) in plain.iter().zip(&padded) {
                assert_eq!(padded.len(), plain.len().max(60));
                assert_eq!(padded[..plain.len()], plain[..]);
                assert!(padded[plain.len()..].iter().all(|byte| *byte == 0));
            }
        }
    }
    // Frames that ask for nothing, too; the checksum does not cover what is behind them.
    let frame = vec![0x55; 14];
    let sent = segment(&VirtioNetHdr::default(), &frame, &settings).unwrap().remove(0);
    assert_eq!((sent.len(), &sent[..14], sent[14]), (60, &frame[..], 0));
    let hdr = VirtioNetHdr {
        flags: FLAG_NEEDS_CSUM,
        csum_start: 14,
        csum_offset: 6,
        ..Default::default()
    };
    let frame = vec![0x55; 59];
    let unpadded = segment(&hdr, &frame, &SegmentSettings::default()).unwrap().remove(0);
    let padded = segment(&hdr, &frame, &settings).unwrap().remove(0);
    assert_eq!((padded.len(), &padded[..59], padded[59]), (60, &unpadded[..], 0));
}

#[test]
fn rule_16_a_super_frame_of_256_kib_over_ipv6() {
    // BIG TCP: the payload length is 0, the seed holds a length of more than 16 bits.
    for udp in [false, true] {
        let mut sample = Sample::new(IpVersion::V6, 262_144, 1428);
        sample.udp = udp;
        let mut frame = sample.frame();
        frame[18..20].copy_from_slice(&[0, 0]);
        let frames = segment(&sample.hdr(), &frame, &SegmentSettings::default()).unwrap();
        assert_eq!(frames.len(), 262_144usize.div_ceil(1428));
        let payload: Vec<u8> = frames
            .iter()
            .flat_map(|frame| frame[sample.header_bytes()..].to_vec())
            .collect();
        assert!(payload == sample.payload);
        assert!(frames.iter().all(|frame| tcp_verifies(&sample, frame)));
    }
}
