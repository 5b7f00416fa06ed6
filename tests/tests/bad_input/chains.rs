//! Chains whose descriptors are wrong, and the longest that are right.

use super::rig;
use segwalk_model::limits::SUPER_FRAME_BYTES_MAX;
use segwalk_model::page_table::Mode;
use segwalk_model::refusal::Refusal;
use segwalk_model::segment::SegmentSettings;
use segwalk_model::virtqueue::{Descriptor, FLAG_INDIRECT, FLAG_WRITE};
use segwalk_sim::headers::Seed;
use segwalk_sim::session::{buffer, KERNEL};
use segwalk_sim::super_frame::SuperFrame;
use segwalk_tests::rig::{check, descriptor, headers, payload, super_frame};
#[test]
fn rule_23_chain_shorter_than_virtio_net_hdr() {
    let mut rig = rig(Mode::Sv39);
    let region = rig.session.allocate_with(KERNEL, &[0; 11]).unwrap();
    let whole = descriptor(buffer(KERNEL, &region));
    rig.refuse(&[whole], Refusal::ChainTooShort, &[]).unwrap();
    rig.refuse(&[Descriptor { bytes: 0, ..whole }], Refusal::ChainTooShort, &[])
        .unwrap();
}

#[test]
fn rule_25_chain_as_long_as_the_queue_is_served() {
    for mode in [Mode::Bare, Mode::Sv39] {
        let mut rig = rig(mode);
        let frame = super_frame(6300);
        let (chain, _) = rig.place_in(rig.user, &frame).unwrap();
        let mut pieces = vec![chain[0]];
        pieces.extend((0..63).map(|at| Descriptor {
            virt_addr: chain[1].virt_addr + 100 * at,
            bytes: 100,
            ..chain[1]
        }));
        assert_eq!(pieces.len(), rig.session.queues[0].size() as usize);
        for _ in 0..3 {
            rig.post(&pieces).unwrap();
            rig.session.notify(0).unwrap();
            rig.session.wait_all().unwrap();
            check(
                frame.expected(&SegmentSettings::default()).unwrap(),
                &rig.session.take_frames(),
            );
        }
    }
}

#[test]
fn the_largest_super_frame_is_served() {
    let mut rig = rig(Mode::X86_64);
    let headers = headers(false);
    let template = headers.template(0, Seed::WithLength).bytes.len();
    let frame = SuperFrame::segmented(
        &headers,
        payload(SUPER_FRAME_BYTES_MAX - template),
        9000,
        Seed::WithLength,
    );
    let chain = rig.place(&frame).unwrap();
    rig.post(&chain).unwrap();
    rig.session.notify(0).unwrap();
    rig.session.wait_all().unwrap();
    check(
        frame.expected(&SegmentSettings::default()).unwrap(),
        &rig.session.take_frames(),
    );
}

#[test]
fn rule_25_chain_longer_than_the_largest_super_frame() {
    let mut rig = rig(Mode::Sv39);
    let chain = rig.place(&super_frame(3000)).unwrap();
    let most = (12 + SUPER_FRAME_BYTES_MAX) as u32 - chain[0].bytes;
    rig.refuse(
        &[
            chain[0],
            Descriptor {
                bytes: most + 1,
                ..chain[1]
            },
        ],
        Refusal::ChainTooLong,
        &[],
    )
    .unwrap();
    let huge = Descriptor {
        bytes: u32::MAX,
        ..chain[1]
    };
    rig.refuse(&[chain[0], huge, huge, huge], Refusal::ChainTooLong, &[])
        .unwrap();
}

#[test]
fn rule_26_indirect_that_was_not_negotiated() {
    let mut rig = rig(Mode::Sv39);
    let chain = rig.place(&super_frame(3000)).unwrap();
    let indirect = |descriptor: Descriptor| Descriptor {
        flags: descriptor.flags | FLAG_INDIRECT,
        ..descriptor
    };
    rig.refuse(&[indirect(chain[0])], Refusal::IndirectNotNegotiated, &[])
        .unwrap();
    rig.refuse(&[chain[0], indirect(chain[1])], Refusal::IndirectNotNegotiated, &[])
        .unwrap();
}

#[test]
fn rule_27_write_descriptor() {
    let mut rig = rig(Mode::X86_64);
    let chain = rig.place(&super_frame(3000)).unwrap();
    let write = |descriptor: Descriptor| Descriptor {
        flags: descriptor.flags | FLAG_WRITE,
        ..descriptor
    };
    rig.refuse(&[write(chain[0]), chain[1]], Refusal::WriteDescriptor, &[])
        .unwrap();
    rig.refuse(&[chain[0], write(chain[1])], Refusal::WriteDescriptor, &[])
        .unwrap();
}

#[test]
fn context_outside_the_mask() {
    let mut rig = rig(Mode::Sv39);
    let chain = rig.place(&super_frame(3000)).unwrap();
    for context in [4, 15] {
        let named = Descriptor {
            flags: context << 12,
            ..chain[1]
        };
        rig.refuse(&[chain[0], named], Refusal::ContextNotAllowed, &[]).unwrap();
    }
}
