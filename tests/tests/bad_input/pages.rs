//! Payload whose pages cannot be used.

use super::rig;
use segwalk_model::memory::SparseMemory;
use segwalk_model::page_table::{AddressSpace, Mode, Permissions};
use segwalk_model::refusal::{FaultCause, Refusal};
use segwalk_model::segment::SegmentSettings;
use segwalk_model::virtqueue::Descriptor;
use segwalk_sim::device::Device;
use segwalk_sim::driver;
use segwalk_sim::session::KERNEL;
use segwalk_tests::rig::{check, super_frame, Rig};
/// What is done to a page: the page tables, memory, and the page's virtual address and physical page.
type Break = fn(&mut AddressSpace, &mut SparseMemory, u64, u64);

/// Breaks one page of the payload of a good super-frame and expects the refusal, and the fault record where it is one.
fn break_page<D: Device>(rig: &mut Rig<D>, page: usize, refusal: Refusal, break_it: Break) {
    let frame = super_frame(20_000);
    let (chain, [_, region]) = rig.place_in(rig.victim, &frame).unwrap();
    let virt_addr = (region.virt_addr & !0xFFF) + 4096 * page as u64;
    let (space, memory) = rig.session.tables(rig.victim);
    break_it(space, memory, virt_addr, region.phys_pages[page]);
    // what the device may remember of a table that changed is gone before it is used
    driver::empty_tlb(&mut rig.session.device).unwrap();
    let would_be = frame.expected(&SegmentSettings::default()).unwrap();
    let intact = virt_addr.saturating_sub(region.virt_addr) as usize;
    // A segment may leave only if every byte of it was read (rule 30).
    rig.refuse(&chain, refusal, &would_be[..intact / 1000]).unwrap();
    if let Some(cause) = FaultCause::ALL.iter().find(|cause| cause.refusal() == refusal) {
        rig.check_fault_record(rig.victim, *cause, virt_addr).unwrap();
    }
}

/// Maps the page again with other permissions.
fn remap(
    space: &mut AddressSpace,
    memory: &mut SparseMemory,
    virt_addr: u64,
    phys_page: u64,
    permissions: Permissions,
) {
    space.unmap(memory, virt_addr).unwrap();
    let mut no_tables = || unreachable!("the tables are there");
    space
        .map(memory, &mut no_tables, virt_addr, phys_page << 12, 0, permissions)
        .unwrap();
}

fn unmap(space: &mut AddressSpace, memory: &mut SparseMemory, virt_addr: u64, _: u64) {
    space.unmap(memory, virt_addr).unwrap();
}

fn make_supervisor(space: &mut AddressSpace, memory: &mut SparseMemory, virt_addr: u64, phys_page: u64) {
    remap(space, memory, virt_addr, phys_page, Permissions::SUPERVISOR_WRITE);
}

fn remove_memory(_: &mut AddressSpace, memory: &mut SparseMemory, _: u64, phys_page: u64) {
    memory.remove_page(phys_page);
}

#[test]
fn rule_28_unmapped_page() {
    for mode in [Mode::Sv39, Mode::X86_64] {
        let mut rig = rig(mode);
        for page in [0, 2, 4] {
            break_page(&mut rig, page, Refusal::FaultNotPresent, unmap);
        }
    }
}

#[test]
fn rule_28_supervisor_page() {
    for mode in [Mode::Sv39, Mode::X86_64] {
        let mut rig = rig(mode);
        for page in [0, 1, 4] {
            break_page(&mut rig, page, Refusal::FaultSupervisor, make_supervisor);
        }
    }
}

#[test]
fn rule_28_page_that_may_not_be_read() {
    break_page(
        &mut rig(Mode::Sv39),
        3,
        Refusal::FaultNotReadable,
        |space, memory, virt_addr, phys_page| {
            let permissions = Permissions {
                read: false,
                execute: true,
                ..Permissions::USER_READ
            };
            remap(space, memory, virt_addr, phys_page, permissions);
        },
    );
}

#[test]
fn rule_28_accessed_bit_clear() {
    break_page(
        &mut rig(Mode::Sv39),
        3,
        Refusal::FaultAccessedClear,
        |space, memory, virt_addr, phys_page| {
            remap(
                space,
                memory,
                virt_addr,
                phys_page,
                Permissions {
                    accessed: false,
                    ..Permissions::USER_READ
                },
            );
        },
    );
}

#[test]
fn rule_28_reserved_bits() {
    break_page(
        &mut rig(Mode::Sv39),
        3,
        Refusal::FaultReservedBits,
        |space, memory, virt_addr, _| {
            let entry = space.entry(memory, virt_addr, 0).unwrap();
            space.set_entry(memory, virt_addr, 0, entry | 1 << 60).unwrap();
        },
    );
}

#[test]
fn rule_28_misaligned_superpage() {
    break_page(
        &mut rig(Mode::Sv39),
        0,
        Refusal::FaultMisaligned,
        |space, memory, virt_addr, _| {
            let entry = space.entry(memory, virt_addr, 0).unwrap();
            space.set_entry(memory, virt_addr, 1, entry | 1 << 10).unwrap();
        },
    );
}

#[test]
fn rule_28_addresses_that_do_not_exist() {
    let mut rig = rig(Mode::Sv39);
    let chain = rig.place(&super_frame(3000)).unwrap();
    let far = Descriptor {
        virt_addr: 1 << 45,
        ..chain[1]
    };
    rig.refuse(&[chain[0], far], Refusal::FaultNonCanonical, &[]).unwrap();
    rig.check_fault_record(rig.user, FaultCause::NonCanonical, 1 << 45)
        .unwrap();
    let beyond = Descriptor {
        virt_addr: 1 << 40,
        ..chain[0]
    };
    rig.refuse(&[beyond, chain[1]], Refusal::FaultPhysRange, &[]).unwrap();
    rig.check_fault_record(KERNEL, FaultCause::PhysRange, 1 << 40).unwrap();
}

#[test]
fn rule_28_bus_error_in_payload_and_header() {
    for mode in [Mode::Bare, Mode::Sv39, Mode::X86_64] {
        let mut rig = rig(mode);
        for page in [0, 2, 4] {
            break_page(&mut rig, page, Refusal::PayloadBusError, remove_memory);
        }
        let chain = rig.place(&super_frame(3000)).unwrap();
        let nowhere = rig.session.pages.reserve(1, 1) << 12;
        rig.refuse(
            &[
                Descriptor {
                    virt_addr: nowhere,
                    ..chain[0]
                },
                chain[1],
            ],
            Refusal::PayloadBusError,
            &[],
        )
        .unwrap();
    }
}

#[test]
fn rule_28_bus_error_in_the_walk() {
    for mode in [Mode::Sv39, Mode::X86_64] {
        break_page(
            &mut rig(mode),
            0,
            Refusal::FaultWalkBusError,
            |space, memory, virt_addr, _| {
                let table = space.entry_addr(memory, virt_addr, 0).unwrap() >> 12;
                memory.remove_page(table);
            },
        );
    }
}

#[test]
fn x86_accessed_bit_clear_is_no_fault() {
    let mut rig = rig(Mode::X86_64);
    let frame = super_frame(3000);
    let (chain, [_, region]) = rig.place_in(rig.victim, &frame).unwrap();
    let (space, memory) = rig.session.tables(rig.victim);
    let permissions = Permissions {
        accessed: false,
        ..Permissions::USER_READ
    };
    remap(
        space,
        memory,
        region.virt_addr & !0xFFF,
        region.phys_pages[0],
        permissions,
    );
    rig.post(&chain).unwrap();
    rig.session.notify(0).unwrap();
    rig.session.wait_all().unwrap();
    check(
        frame.expected(&SegmentSettings::default()).unwrap(),
        &rig.session.take_frames(),
    );
}
