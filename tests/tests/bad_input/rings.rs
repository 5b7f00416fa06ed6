//! Ring errors: the queue stops, others go on, and all is well after a reset.

use super::rig;
use segwalk_model::page_table::Mode;
use segwalk_model::refusal::Refusal;
use segwalk_model::virtqueue::{Descriptor, FLAG_NEXT};
use segwalk_sim::core_bench::BenchConfig;
use segwalk_sim::device::Device;
use segwalk_sim::driver;
use segwalk_sim::host::Region;
use segwalk_sim::session::Session;
use segwalk_tests::device;
use segwalk_tests::rig::{super_frame, Rig};
/// Breaks queue 0, rings its doorbell and expects it to stop after no frame or after `frames`; queue 1 goes on, and all
/// is well after a reset.
fn ring_error<D: Device>(mut rig: Rig<D>, refusal: Refusal, frames: usize, break_it: impl FnOnce(&mut Rig<D>)) {
    rig.clear_records().unwrap();
    rig.send_good(0, 3000).unwrap();
    rig.send_good(1, 3000).unwrap();
    break_it(&mut rig);
    driver::empty_tlb(&mut rig.session.device).unwrap();
    rig.session.notify(0).unwrap();
    rig.expect_stopped(refusal).unwrap();
    // Frames leave before the used ring is written.
    let emitted = rig.session.take_frames();
    assert!(
        emitted.is_empty() || emitted.len() == frames,
        "{} frames left a queue that stopped",
        emitted.len()
    );
    rig.send_good(1, 5000).unwrap();
    rig.session.notify(0).unwrap();
    rig.send_good(1, 1).unwrap();
    rig.works_after_reset(Mode::Sv39).unwrap();
}

/// Posts a good super-frame to queue 0 without ringing.
fn post_good<D: Device>(rig: &mut Rig<D>) -> u16 {
    let chain = rig.place(&super_frame(3000)).unwrap();
    rig.post(&chain).unwrap()
}

fn overwrite<D: Device>(rig: &mut Rig<D>, index: u16, descriptor: Descriptor) {
    let Session { device, queues, .. } = &mut rig.session;
    queues[0].write_descriptor(device, index, &descriptor).unwrap();
}

#[test]
fn rule_25_chain_that_loops() {
    ring_error(rig(Mode::Sv39), Refusal::ChainLoops, 0, |rig| {
        let head = post_good(rig);
        overwrite(
            rig,
            head,
            Descriptor {
                flags: FLAG_NEXT,
                next: head,
                ..Descriptor::default()
            },
        );
    });
}

#[test]
fn rule_25_descriptor_index_beyond_the_table() {
    ring_error(rig(Mode::Sv39), Refusal::DescriptorIndex, 0, |rig| {
        let head = post_good(rig);
        overwrite(
            rig,
            head,
            Descriptor {
                flags: FLAG_NEXT,
                next: 64,
                ..Descriptor::default()
            },
        );
    });
    ring_error(rig(Mode::Sv39), Refusal::DescriptorIndex, 0, |rig| {
        let Session { device, queues, .. } = &mut rig.session;
        queues[0].publish(device, 0xFFFF).unwrap();
    });
}

#[test]
fn rule_29_avail_index_too_far_ahead() {
    ring_error(rig(Mode::Sv39), Refusal::AvailIndexJump, 0, |rig| {
        let Session { device, queues, .. } = &mut rig.session;
        let index = queues[0].avail_index().wrapping_add(65);
        queues[0].write_avail_index(device, index).unwrap();
    });
}

/// Where the rings of queue 0 lie.
fn ring_regions<D: Device>(rig: &Rig<D>) -> [Region; 3] {
    let rings = rig.session.queues[0].rings();
    [rings.descriptors.clone(), rings.avail.clone(), rings.used.clone()]
}

#[test]
fn rule_28_ring_that_does_not_translate() {
    for (mode, ring) in [(Mode::Sv39, 0), (Mode::X86_64, 1), (Mode::Sv39, 2)] {
        let rig = Rig::with_virtual_rings(device(BenchConfig::default()).unwrap(), mode).unwrap();
        ring_error(rig, Refusal::RingFault, if ring == 2 { 3 } else { 0 }, |rig| {
            post_good(rig);
            let virt_addr = ring_regions(rig)[ring].virt_addr;
            let (space, memory) = rig.session.tables(rig.victim);
            space.unmap(memory, virt_addr).unwrap();
        });
    }
}

#[test]
fn rule_28_ring_that_gives_bus_errors() {
    for ring in 0..3 {
        let rig = Rig::with_virtual_rings(device(BenchConfig::default()).unwrap(), Mode::Sv39).unwrap();
        ring_error(rig, Refusal::RingBusError, if ring == 2 { 3 } else { 0 }, |rig| {
            post_good(rig);
            let phys_page = ring_regions(rig)[ring].phys_pages[0];
            rig.session.device.memory_mut().remove_page(phys_page);
        });
    }
}

#[test]
fn rings_in_virtual_memory_are_served() {
    for mode in [Mode::Sv39, Mode::X86_64] {
        let mut rig = Rig::with_virtual_rings(device(BenchConfig::default()).unwrap(), mode).unwrap();
        for bytes in [1, 5000, 100, 20_000] {
            rig.send_good(0, bytes).unwrap();
        }
    }
}
