//! The build for super-frames of 256 KiB and with the smallest segment buffer, whole: registers, queue, translation,
//! payload, segmentation.

use segwalk_model::limits::{super_frame_bytes_max, FRAME_BYTES_MAX, MSS_MAX};
use segwalk_model::page_table::Mode;
use segwalk_model::refusal::Refusal;
use segwalk_model::segment::SegmentSettings;
use segwalk_sim::core_bench::{BenchConfig, CoreBench};
use segwalk_sim::headers::{Headers, Seed, Transport};
use segwalk_sim::pattern::Pattern;
use segwalk_sim::session::buffer;
use segwalk_sim::super_frame::SuperFrame;
use segwalk_tests::rig::{check, descriptor, headers, payload, Rig};
use segwalk_tests::{other_device, OTHER_OPTIONS};

const KIB: usize = OTHER_OPTIONS.super_frame_kib;

fn rig(mode: Mode) -> Rig<CoreBench> {
    Rig::new(other_device(BenchConfig::default()).unwrap(), mode).unwrap()
}

fn udp() -> Headers {
    Headers {
        transport: Transport::Udp { ports: (7, 8) },
        ..headers(true)
    }
}

#[test]
fn super_frames_of_256_kib_over_ipv6() {
    let mut rig = rig(Mode::Sv39);
    for headers in [headers(true), udp()] {
        let frame = SuperFrame::segmented(&headers, payload(KIB * 1024), 1428, Seed::WithLength);
        assert_eq!(frame.template[18..20], [0, 0], "BIG TCP has no payload length");
        let chain = rig.place(&frame).unwrap();
        rig.post(&chain).unwrap();
        rig.session.notify(0).unwrap();
        rig.session.wait_all().unwrap();
        let emitted = rig.session.take_frames();
        assert_eq!(emitted.len(), (KIB * 1024usize).div_ceil(1428));
        check(frame.expected(&SegmentSettings::default()).unwrap(), &emitted);
    }
}

/// One buffer may hold it all, or many; the limit counts template and payload.
#[test]
fn the_limit_is_exact() {
    let mut rig = rig(Mode::X86_64);
    let template = udp().template(0, Seed::WithLength).bytes.len();
    let most = super_frame_bytes_max(KIB) - template;
    let frame = |bytes| SuperFrame::segmented(&udp(), payload(bytes), 9600, Seed::WithLength);
    let whole = frame(most);
    let data = rig.session.allocate_with(rig.user, &whole.chain_bytes()).unwrap();
    rig.post(&[descriptor(buffer(rig.user, &data))]).unwrap();
    let rest = frame(most);
    let data = rig.session.allocate_with(rig.user, &rest.chain_bytes()).unwrap();
    let cut = [0, 5, 70_000, 70_001, 140_000, data.bytes];
    let pieces = cut.windows(2).map(|ends| data.part(ends[0], ends[1] - ends[0]));
    let chain: Vec<_> = pieces.map(|piece| descriptor(buffer(rig.user, &piece))).collect();
    rig.post(&chain).unwrap();
    rig.session.notify(0).unwrap();
    rig.session.wait_all().unwrap();
    let expected = whole.expected(&SegmentSettings::default()).unwrap();
    let twice = [expected.clone(), expected].concat();
    check(twice, &rig.session.take_frames());

    for bytes in [most + 1, most + 70_000] {
        let chain = rig.place(&frame(bytes)).unwrap();
        rig.refuse(&chain, Refusal::ChainTooLong, &[]).unwrap();
    }
}

/// The build's buffer is the smallest there is: it holds one of the largest frames and a part of the next.
#[test]
fn the_smallest_buffer_holds_the_largest_frames() {
    let config = BenchConfig {
        sink: Pattern::Phases { on: 700, off: 900 },
        ..BenchConfig::default()
    };
    let mut rig = Rig::new(other_device(config).unwrap(), Mode::Sv48).unwrap();
    let mut expected = Vec::new();
    for headers in [headers(false), headers(true), udp()] {
        for mss in [MSS_MAX, MSS_MAX - 3, 8000, 5000] {
            let cut = SuperFrame::segmented(&headers, payload(4 * mss + 77), mss as u16, Seed::WithLength);
            let whole = SuperFrame::plain(&headers, vec![]);
            let whole = SuperFrame::plain(&headers, payload(FRAME_BYTES_MAX - whole.frame().len()));
            assert_eq!(whole.frame().len(), FRAME_BYTES_MAX);
            for frame in [cut, whole] {
                let chain = rig.place(&frame).unwrap();
                rig.post(&chain).unwrap();
                expected.extend(frame.expected(&SegmentSettings::default()).unwrap());
            }
        }
        rig.session.notify(0).unwrap();
    }
    rig.session.wait_all().unwrap();
    check(expected, &rig.session.take_frames());
    for (frame, refusal) in [
        (
            SuperFrame::segmented(&udp(), payload(40_000), MSS_MAX as u16 + 1, Seed::WithLength),
            Refusal::GsoSizeTooLarge,
        ),
        (
            SuperFrame::plain(&headers(true), payload(FRAME_BYTES_MAX)),
            Refusal::FrameTooLong,
        ),
    ] {
        let chain = rig.place(&frame).unwrap();
        rig.refuse(&chain, refusal, &[]).unwrap();
    }
}
