//! Frames whose virtio_net_hdr or headers are wrong.

use super::rig;
use segwalk_model::limits::FRAME_BYTES_MAX;
use segwalk_model::page_table::Mode;
use segwalk_model::refusal::Refusal;
use segwalk_model::registers::feature;
use segwalk_model::segment::SegmentSettings;
use segwalk_model::virtio_net_hdr::{gso, VirtioNetHdr};
use segwalk_model::virtqueue::Binding;
use segwalk_sim::core_bench::BenchConfig;
use segwalk_sim::device::Device;
use segwalk_sim::driver;
use segwalk_sim::headers::{Extension, Headers, Network, Seed, Tag, Transport};
use segwalk_sim::session::{buffer, Session, KERNEL};
use segwalk_sim::super_frame::SuperFrame;
use segwalk_tests::device;
use segwalk_tests::rig::{check, headers, payload, super_frame};
/// Offset of the IPv4 header in a template without tags.
const IP: usize = 14;
/// Offset of the TCP header behind it.
const TCP: usize = 34;

/// Refuses frames one after the other on one device: the frame with something broken, and the code.
fn refuse_all(cases: impl IntoIterator<Item = (SuperFrame, Refusal)>) {
    let mut rig = rig(Mode::Sv39);
    for (frame, refusal) in cases {
        assert_eq!(
            frame.expected(&SegmentSettings::default()),
            Err(refusal),
            "the model refuses it as well"
        );
        let chain = rig.place(&frame).unwrap();
        rig.refuse(&chain, refusal, &[]).unwrap();
    }
}

fn with_hdr(change: impl Fn(&mut VirtioNetHdr)) -> SuperFrame {
    let mut frame = super_frame(3000);
    change(&mut frame.hdr);
    frame
}

fn with_template(change: impl Fn(&mut Vec<u8>)) -> SuperFrame {
    let mut frame = super_frame(3000);
    change(&mut frame.template);
    frame
}

fn ipv6_with(change: impl Fn(&mut Headers)) -> SuperFrame {
    let mut headers = headers(true);
    change(&mut headers);
    SuperFrame::segmented(&headers, payload(3000), 1000, Seed::WithLength)
}

#[test]
fn rule_22_gso_size_0_and_beyond_the_largest() {
    refuse_all([
        (with_hdr(|hdr| hdr.gso_size = 0), Refusal::GsoSizeZero),
        (with_hdr(|hdr| hdr.gso_size = 9601), Refusal::GsoSizeTooLarge),
        (with_hdr(|hdr| hdr.gso_size = 0xFFFF), Refusal::GsoSizeTooLarge),
    ]);
}

#[test]
fn rule_22_unknown_gso_type() {
    let types = [2, gso::UDP, 6, 0x7F];
    refuse_all(types.map(|gso_type| (with_hdr(|hdr| hdr.gso_type = gso_type), Refusal::GsoTypeUnknown)));
}

#[test]
fn rule_19_datagrams_over_what_is_none() {
    let datagrams = |ipv6: bool, change: &dyn Fn(&mut SuperFrame)| {
        let mut headers = headers(ipv6);
        headers.transport = Transport::Udp { ports: (1, 2) };
        let mut frame = SuperFrame::segmented(&headers, payload(3000), 1000, Seed::WithLength);
        change(&mut frame);
        frame
    };
    refuse_all([
        // TCP in the template, and its checksum's place
        (
            with_hdr(|hdr| (hdr.gso_type, hdr.csum_offset) = (gso::UDP_L4, 6)),
            Refusal::ProtocolMismatch,
        ),
        (with_hdr(|hdr| hdr.gso_type = gso::UDP_L4), Refusal::ChecksumOffsetWrong),
        (
            datagrams(false, &|frame| frame.hdr.flags = 0),
            Refusal::GsoWithoutChecksum,
        ),
        (
            datagrams(false, &|frame| frame.hdr.gso_type = gso::TCPV4),
            Refusal::ChecksumOffsetWrong,
        ),
        (
            datagrams(true, &|frame| frame.hdr.gso_type = gso::UDP),
            Refusal::GsoTypeUnknown,
        ),
        (
            datagrams(true, &|frame| frame.template[14] = 0x45),
            Refusal::ProtocolMismatch,
        ),
        (
            datagrams(true, &|frame| frame.template[14 + 6] = 6),
            Refusal::ExtensionHeaders,
        ),
    ]);
}

#[test]
fn rule_22_gso_without_needs_csum() {
    refuse_all([(with_hdr(|hdr| hdr.flags = 0), Refusal::GsoWithoutChecksum)]);
}

#[test]
fn rule_22_csum_offset_and_csum_start() {
    // a data offset stands there, but IPv4 ends 4 bytes before
    let mut moved = with_hdr(|hdr| hdr.csum_start = TCP as u16 + 4);
    moved.template[TCP + 4 + 12] = 0x50;
    refuse_all([
        (with_hdr(|hdr| hdr.csum_offset = 6), Refusal::ChecksumOffsetWrong),
        (with_hdr(|hdr| hdr.csum_start = 33), Refusal::ChecksumStartTooSmall),
        (with_hdr(|hdr| hdr.csum_start = 0), Refusal::ChecksumStartTooSmall),
        (moved, Refusal::NetworkHeaderLength),
    ]);
}

#[test]
fn rule_22_header_beyond_the_chain() {
    let mut short = super_frame(0);
    short.template.truncate(TCP + 19);
    let mut options_missing = super_frame(10);
    options_missing.template[TCP + 12] = 0xF0;
    let checksum_only = SuperFrame {
        hdr: VirtioNetHdr {
            gso_type: gso::NONE,
            csum_start: 3053,
            ..super_frame(3000).hdr
        },
        ..super_frame(3000)
    };
    refuse_all([
        (with_hdr(|hdr| hdr.csum_start = 0xFFFF), Refusal::HeaderBeyondChain),
        (with_hdr(|hdr| hdr.csum_start = 3035), Refusal::HeaderBeyondChain),
        (short, Refusal::HeaderBeyondChain),
        (options_missing, Refusal::HeaderBeyondChain),
        (checksum_only, Refusal::HeaderBeyondChain),
    ]);
}

#[test]
fn rule_22_header_longer_than_the_engine_holds() {
    refuse_all([(with_hdr(|hdr| hdr.csum_start = 240), Refusal::HeaderTooLong)]);
}

#[test]
fn rule_22_data_offset_and_header_length() {
    refuse_all([
        (
            with_template(|bytes| bytes[TCP + 12] = 0x40),
            Refusal::DataOffsetTooSmall,
        ),
        (
            with_template(|bytes| bytes[TCP + 12] = 0x00),
            Refusal::DataOffsetTooSmall,
        ),
        (with_template(|bytes| bytes[IP] = 0x44), Refusal::NetworkHeaderLength),
        (with_template(|bytes| bytes[IP] = 0x46), Refusal::NetworkHeaderLength),
    ]);
}

#[test]
fn rule_22_gso_type_against_ether_type_version_and_protocol() {
    let tags = vec![Tag { tpid: 0x8100, tci: 1 }; 3];
    let three_tags = SuperFrame::segmented(
        &Headers { tags, ..headers(false) },
        payload(3000),
        1000,
        Seed::WithLength,
    );
    refuse_all([
        (
            with_hdr(|hdr| hdr.gso_type = gso::TCPV6),
            Refusal::ChecksumStartTooSmall,
        ),
        (
            with_template(|bytes| bytes[12..14].copy_from_slice(&[0x86, 0xDD])),
            Refusal::ProtocolMismatch,
        ),
        (
            with_template(|bytes| bytes[12..14].copy_from_slice(&[0x91, 0x00])),
            Refusal::ProtocolMismatch,
        ),
        (with_template(|bytes| bytes[IP] = 0x65), Refusal::ProtocolMismatch),
        (with_template(|bytes| bytes[IP + 9] = 17), Refusal::ProtocolMismatch),
        (three_tags, Refusal::ProtocolMismatch),
    ]);
}

#[test]
fn rules_8_and_9_fragments() {
    let fragment_header = ipv6_with(|headers| {
        let Network::V6(ip) = &mut headers.network else {
            unreachable!("headers(true) are IPv6")
        };
        ip.extensions = vec![Extension::Destination(vec![0; 6])];
    });
    let mut fragment = fragment_header;
    fragment.template[IP + 6] = 44;
    refuse_all([
        (with_template(|bytes| bytes[IP + 6] |= 0x20), Refusal::Fragment),
        (with_template(|bytes| bytes[IP + 7] |= 0x01), Refusal::Fragment),
        (fragment, Refusal::Fragment),
    ]);
}

#[test]
fn rule_9_extension_headers_that_do_not_lead_to_tcp() {
    let mut unknown = ipv6_with(|_| {});
    unknown.template[IP + 6] = 17;
    let mut too_long = ipv6_with(|headers| {
        let Network::V6(ip) = &mut headers.network else {
            unreachable!("headers(true) are IPv6")
        };
        ip.extensions = vec![Extension::HopByHop(vec![0; 6])];
    });
    too_long.template[IP + 41] = 1;
    refuse_all([
        (unknown, Refusal::ExtensionHeaders),
        (too_long, Refusal::ExtensionHeaders),
    ]);
}

#[test]
fn frames_too_long_or_too_short() {
    let plain = |bytes: usize| SuperFrame {
        hdr: VirtioNetHdr::default(),
        template: vec![2; 14],
        payload: payload(bytes),
    };
    let mut short = plain(0);
    short.template.truncate(13);
    refuse_all([
        (plain(FRAME_BYTES_MAX - 13), Refusal::FrameTooLong),
        (short, Refusal::FrameTooShort),
    ]);
}

#[test]
fn rule_22_features_that_were_not_negotiated() {
    let ecn = with_hdr(|hdr| hdr.gso_type |= gso::ECN);
    let cases = [
        (feature::HOST_TSO4, super_frame(3000)),
        (feature::HOST_ECN, ecn),
        (feature::CSUM, SuperFrame::checksum_only(&headers(false), payload(100))),
    ];
    for (missing, frame) in cases {
        let bench = device(BenchConfig::default()).unwrap();
        let features = driver::FEATURES & !missing;
        let mut session = Session::new(bench, 5, features).unwrap();
        let binding = Binding {
            ring_context: KERNEL,
            default_context: KERNEL,
            ..Default::default()
        };
        session.add_queue(0, 16, &binding).unwrap();
        session.start().unwrap();
        let region = session.allocate_with(KERNEL, &frame.chain_bytes()).unwrap();
        let plain = SuperFrame::plain(&headers(true), payload(50));
        let next = session.allocate_with(KERNEL, &plain.chain_bytes()).unwrap();
        session.post(0, &[buffer(0, &region)]).unwrap();
        session.post(0, &[buffer(0, &next)]).unwrap();
        session.notify(0).unwrap();
        session.wait_all().unwrap();
        let emitted = session.take_frames();
        check(vec![plain.frame()], &emitted);
        assert_eq!(
            session.device.refusals(Refusal::FeatureNotNegotiated.code()).unwrap(),
            1
        );
    }
}
