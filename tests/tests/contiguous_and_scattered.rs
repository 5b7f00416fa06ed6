//! Contiguous payload is one descriptor, payload in several places is several; both give the same frames. Header and
//! payload may come from different address spaces.

use segwalk_model::page_table::Mode;
use segwalk_model::segment::SegmentSettings;
use segwalk_sim::core_bench::BenchConfig;
use segwalk_sim::device::Device;
use segwalk_sim::session::{buffer, KERNEL};
use segwalk_sim::super_frame::SuperFrame;
use segwalk_tests::device;
use segwalk_tests::rig::{check, descriptor, super_frame, Rig};

/// Sends the payload in buffers that end at `ends`, all at unrelated addresses, and gives the frames.
fn send_cut<D: Device>(rig: &mut Rig<D>, frame: &SuperFrame, ends: &[usize]) -> Vec<Vec<u8>> {
    let header = rig.session.allocate_with(KERNEL, &frame.header_bytes()).unwrap();
    let mut chain = vec![descriptor(buffer(KERNEL, &header))];
    let mut at = 0;
    for end in ends {
        let piece = rig.session.allocate_with(rig.user, &frame.payload[at..*end]).unwrap();
        chain.push(descriptor(buffer(rig.user, &piece)));
        at = *end;
    }
    rig.post(&chain).unwrap();
    rig.session.notify(0).unwrap();
    rig.session.wait_all().unwrap();
    let emitted = rig.session.take_frames();
    check(frame.expected(&SegmentSettings::default()).unwrap(), &emitted);
    emitted.into_iter().map(|frame| frame.bytes).collect()
}

#[test]
fn contiguous_and_scattered_payload_give_the_same_frames() {
    for mode in [Mode::Bare, Mode::Sv39, Mode::X86_64] {
        let mut rig = Rig::new(device(BenchConfig::default()).unwrap(), mode).unwrap();
        let frame = super_frame(20_000);
        let contiguous = send_cut(&mut rig, &frame, &[20_000]);
        assert_eq!(contiguous.len(), 20);
        let even: Vec<usize> = (1..=20).map(|piece| piece * 1000).collect();
        let odd: Vec<usize> = (1..=40).map(|piece| piece * 487).chain([20_000]).collect();
        let crumbs: Vec<usize> = (1..=40).chain([4135, 20_000]).collect();
        for ends in [
            &[7000, 20_000][..],
            &[1, 20_000],
            &[19_999, 20_000],
            &even,
            &odd,
            &crumbs,
        ] {
            assert_eq!(
                send_cut(&mut rig, &frame, ends),
                contiguous,
                "cut at {ends:?} in {mode:?}"
            );
        }
    }
}

/// The header lies in kernel memory and is named by its physical address, the payload in the process's memory and is
/// named by its virtual address, in one chain.
fn header_from_bare_payload_from(mode: Mode) {
    let mut rig = Rig::new(device(BenchConfig::default()).unwrap(), mode).unwrap();
    let frame = super_frame(9000);
    let (chain, [_, payload]) = rig.place_in(rig.user, &frame).unwrap();
    assert_eq!(chain[0].context_name(), KERNEL);
    assert_eq!(chain[1].context_name(), rig.user);
    let mut header = vec![0; chain[0].bytes as usize];
    let memory = rig.session.device.memory();
    segwalk_model::memory::Memory::read(memory, chain[0].virt_addr, &mut header).unwrap();
    assert_eq!(header, frame.header_bytes(), "the header's address is a physical one");
    assert_ne!(
        payload.virt_addr >> 12,
        payload.phys_pages[0],
        "the payload's address is a virtual one"
    );
    rig.post(&chain).unwrap();
    rig.session.notify(0).unwrap();
    rig.session.wait_all().unwrap();
    let emitted = rig.session.take_frames();
    check(frame.expected(&SegmentSettings::default()).unwrap(), &emitted);
}

#[test]
fn header_from_bare_payload_from_sv39() {
    header_from_bare_payload_from(Mode::Sv39);
}

#[test]
fn header_from_bare_payload_from_x86_64() {
    header_from_bare_payload_from(Mode::X86_64);
}
