//! The build for super-frames of 256 KiB, whole: registers, queue, translation, payload, segmentation.

use segwalk_hdl::debug::STATES;
use segwalk_hdl::emit::{core_verilog_for, CoreOptions, CORE};
use segwalk_model::limits::super_frame_bytes_max;
use segwalk_model::page_table::Mode;
use segwalk_model::refusal::Refusal;
use segwalk_model::segment::SegmentSettings;
use segwalk_sim::core_bench::{BenchConfig, CoreBench};
use segwalk_sim::headers::{Headers, Seed, Transport};
use segwalk_sim::session::buffer;
use segwalk_sim::super_frame::SuperFrame;
use segwalk_sim::verilated::{Model, Spec};
use segwalk_tests::rig::{check, descriptor, headers, payload, Rig};
use std::sync::OnceLock;

const KIB: usize = 256;

fn rig(mode: Mode) -> Rig<CoreBench> {
    static MODEL: OnceLock<Model> = OnceLock::new();
    let model = MODEL.get_or_init(|| {
        Model::build(&Spec {
            top: CORE,
            verilog: &core_verilog_for(&CoreOptions {
                super_frame_kib: KIB,
                ..CoreOptions::default()
            })
            .unwrap(),
            ..Default::default()
        })
        .unwrap()
    });
    Rig::new(CoreBench::new(model, BenchConfig::default(), STATES).unwrap(), mode).unwrap()
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
