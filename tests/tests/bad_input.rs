//! Bad input is refused, counted and survived: the head is completed, the next frame goes out right, and nothing of the
//! refused frame leaves wrongly. Tests carry the numbers of the segmentation rules.

use segwalk_model::limits::{FRAME_BYTES_MAX, SUPER_FRAME_BYTES_MAX};
use segwalk_model::memory::SparseMemory;
use segwalk_model::page_table::{AddressSpace, Mode, Permissions};
use segwalk_model::refusal::{FaultCause, Refusal};
use segwalk_model::registers as reg;
use segwalk_model::segment::SegmentSettings;
use segwalk_model::virtio_net_hdr::{gso, VirtioNetHdr};
use segwalk_model::virtqueue::{Descriptor, FLAG_INDIRECT, FLAG_NEXT, FLAG_WRITE};
use segwalk_sim::core_bench::BenchConfig;
use segwalk_sim::device::Device;
use segwalk_sim::driver;
use segwalk_sim::headers::{Extension, Headers, Network, Seed, Tag, Transport};
use segwalk_sim::host::Region;
use segwalk_sim::session::{buffer, Session, KERNEL};
use segwalk_sim::super_frame::SuperFrame;
use segwalk_tests::device;
use segwalk_tests::rig::{descriptor, headers, payload, super_frame, Rig};

/// Offset of the IPv4 header in a template without tags.
const IP: usize = 14;
/// Offset of the TCP header behind it.
const TCP: usize = 34;

fn rig(mode: Mode) -> Rig<impl Device> {
    Rig::new(device(BenchConfig::default()).unwrap(), mode).unwrap()
}

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
        (reg::feature::HOST_TSO4, super_frame(3000)),
        (reg::feature::HOST_ECN, ecn),
        (
            reg::feature::CSUM,
            SuperFrame::checksum_only(&headers(false), payload(100)),
        ),
    ];
    for (missing, frame) in cases {
        let bench = device(BenchConfig::default()).unwrap();
        let features = driver::FEATURES & !missing;
        let mut session = Session::new(bench, 5, features).unwrap();
        let binding = segwalk_model::virtqueue::Binding {
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
        segwalk_tests::rig::check(vec![plain.frame()], &emitted);
        assert_eq!(
            session.device.refusals(Refusal::FeatureNotNegotiated.code()).unwrap(),
            1
        );
    }
}

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
