//! Rules 21 to 30 on the core, and that every one of them has tests with its number, of the model and of the core.

use segwalk_driver::{parked, resume};
use segwalk_model::memory::MemoryMut;
use segwalk_model::page_table::{Mode, Permissions};
use segwalk_model::refusal::{FaultCause, Refusal};
use segwalk_model::registers::{self as reg, feature};
use segwalk_model::segment::SegmentSettings;
use segwalk_model::virtqueue::{Descriptor, FLAG_INDIRECT, FLAG_NEXT, FLAG_WRITE};
use segwalk_sim::core_bench::{BenchConfig, CoreBench};
use segwalk_sim::device::{Counters, Device};
use segwalk_sim::driver::port::RegisterPort;
use segwalk_sim::driver::FEATURES;
use segwalk_sim::session::{buffer, Session, KERNEL};
use segwalk_sim::super_frame::SuperFrame;
use segwalk_tests::device;
use segwalk_tests::rig::{check, descriptor, super_frame, Rig};
use std::collections::BTreeMap;
use std::path::Path;

/// Clocks in which something too many would show itself.
const SETTLE_CLOCKS: u64 = 2000;

fn rig(features: u64, recoverable: bool) -> Rig<CoreBench> {
    let bench = device(BenchConfig::default()).unwrap();
    Rig::with_features(bench, Mode::Sv39, FEATURES | features, recoverable).unwrap()
}

/// Serves one chain and expects the frames of a good super-frame.
fn serve(rig: &mut Rig<CoreBench>, chain: &[Descriptor], frame: &SuperFrame) {
    let head = rig.post(chain).unwrap();
    rig.session.notify(0).unwrap();
    let used = rig.session.wait_all().unwrap();
    assert_eq!(used[0].iter().map(|used| used.head).collect::<Vec<_>>(), [head]);
    let expected = frame.expected(&SegmentSettings::default()).unwrap();
    check(expected, &rig.session.take_frames());
}

#[test]
fn rule_21_hdr_len_is_a_hint() {
    let mut rig = rig(0, false);
    for hdr_len in [0, 14, 53, 54, 55, 3054, 0xFFFF] {
        let mut frame = super_frame(3000);
        frame.hdr.hdr_len = hdr_len;
        let chain = rig.place(&frame).unwrap();
        serve(&mut rig, &chain, &frame);
    }
}

#[test]
fn rule_23_headers_in_crumbs_and_buffers_without_bytes() {
    let mut rig = rig(0, false);
    let frame = super_frame(5000);
    let placed = rig.place(&frame).unwrap();
    let (header, payload) = (placed[0], placed[1]);
    // virtio_net_hdr byte by byte, an empty buffer that lies nowhere, the rest of the headers by two.
    let crumb = |at: u32, bytes: u32| Descriptor {
        virt_addr: header.virt_addr + u64::from(at),
        bytes,
        ..header
    };
    let nowhere = Descriptor {
        virt_addr: u64::MAX,
        bytes: 0,
        ..payload
    };
    let mut chain: Vec<Descriptor> = (0..13).map(|at| crumb(at, 1)).collect();
    chain.push(nowhere);
    chain.extend(
        (13..header.bytes)
            .step_by(2)
            .map(|at| crumb(at, 2.min(header.bytes - at))),
    );
    chain.extend([nowhere, payload]);
    assert!(chain.len() <= 64);
    serve(&mut rig, &chain, &frame);
}

#[test]
fn rule_24_no_payload_is_one_packet() {
    let mut rig = rig(0, false);
    let frame = super_frame(0);
    let region = rig.session.allocate_with(KERNEL, &frame.chain_bytes()).unwrap();
    serve(&mut rig, &[descriptor(buffer(KERNEL, &region))], &frame);
}

/// Puts descriptors into a table of their own; gives the descriptor that points to it.
fn table(rig: &mut Rig<CoreBench>, entries: &[Descriptor]) -> Descriptor {
    let memory = rig.session.device.memory_mut();
    let page = rig.session.pages.run(memory, 3, 1) << 12;
    // the table crosses a page
    let addr = page + 4096 - 32;
    for (at, entry) in (0u64..).zip(entries) {
        memory.write(addr + 16 * at, &entry.to_bytes()).unwrap();
    }
    Descriptor {
        virt_addr: addr,
        bytes: 16 * entries.len() as u32,
        flags: FLAG_INDIRECT,
        next: 0,
    }
}

/// The descriptors of a chain, linked as entries of a table.
fn linked(chain: &[Descriptor]) -> Vec<Descriptor> {
    let last = chain.len() - 1;
    let link = |(at, entry): (usize, &Descriptor)| Descriptor {
        flags: entry.flags | if at < last { FLAG_NEXT } else { 0 },
        next: if at < last { at as u16 + 1 } else { 0 },
        ..*entry
    };
    chain.iter().enumerate().map(link).collect()
}

/// A super-frame in 64 descriptors, which is the Queue Size.
fn sixty_four(rig: &mut Rig<CoreBench>) -> (SuperFrame, Vec<Descriptor>) {
    let frame = super_frame(6300);
    let placed = rig.place(&frame).unwrap();
    let mut chain = vec![placed[0]];
    chain.extend((0..63).map(|at| Descriptor {
        virt_addr: placed[1].virt_addr + 100 * at,
        bytes: 100,
        ..placed[1]
    }));
    (frame, chain)
}

#[test]
fn rule_26_tables_are_followed_behind_descriptors_too() {
    let mut rig = rig(feature::RING_INDIRECT_DESC, false);
    let (frame, chain) = sixty_four(&mut rig);
    for direct in [0, 1, 10, 63] {
        let mut pointer = table(&mut rig, &linked(&chain[direct..]));
        // the device ignores WRITE and the context's name there
        pointer.flags |= FLAG_WRITE | 0xF000;
        let posted = [&chain[..direct], &[pointer]].concat();
        serve(&mut rig, &posted, &frame);
    }
}

#[test]
fn rule_25_more_than_queue_size_with_those_of_the_table() {
    let mut rig = rig(feature::RING_INDIRECT_DESC, false);
    rig.clear_records().unwrap();
    let (_, chain) = sixty_four(&mut rig);
    let pointer = table(&mut rig, &linked(&chain));
    rig.post(&[chain[0], pointer]).unwrap();
    rig.session.notify(0).unwrap();
    rig.expect_stopped(Refusal::ChainLoops).unwrap();
    rig.works_after_reset(Mode::Sv39).unwrap();
}

#[test]
fn rule_26_malformed_tables_stop_the_queue() {
    let nested = |rig: &mut Rig<CoreBench>, chain: &[Descriptor]| {
        let inner = table(rig, &linked(chain));
        vec![table(rig, &[inner])]
    };
    let with = |change: fn(&mut Descriptor)| {
        move |rig: &mut Rig<CoreBench>, chain: &[Descriptor]| {
            let mut pointer = table(rig, &linked(chain));
            change(&mut pointer);
            vec![pointer]
        }
    };
    let followed = |rig: &mut Rig<CoreBench>, chain: &[Descriptor]| vec![table(rig, &linked(chain)), chain[1]];
    type Make<'a> = &'a dyn Fn(&mut Rig<CoreBench>, &[Descriptor]) -> Vec<Descriptor>;
    let cases: [Make; 5] = [
        &nested,
        &followed,
        &with(|pointer| pointer.bytes = 0),
        &with(|pointer| pointer.bytes += 8),
        &with(|pointer| pointer.virt_addr += 8),
    ];
    for make in cases {
        let mut rig = rig(feature::RING_INDIRECT_DESC, false);
        rig.clear_records().unwrap();
        let placed = rig.place(&super_frame(3000)).unwrap();
        let chain = make(&mut rig, &placed);
        rig.post(&chain).unwrap();
        rig.session.notify(0).unwrap();
        rig.expect_stopped(Refusal::IndirectMalformed).unwrap();
        assert!(rig.session.take_frames().is_empty());
        rig.send_good(1, 2000).unwrap();
        rig.works_after_reset(Mode::Sv39).unwrap();
    }
}

#[test]
fn rule_28_a_head_that_failed_is_not_read_again() {
    let mut rig = rig(0, false);
    rig.clear_records().unwrap();
    let chain = rig.place(&super_frame(3000)).unwrap();
    let written = Descriptor {
        flags: chain[0].flags | FLAG_WRITE,
        ..chain[0]
    };
    // A packet error: the head comes back, and the engine rests.
    rig.post(&[written, chain[1]]).unwrap();
    rig.session.notify(0).unwrap();
    rig.session.wait_all().unwrap();
    rests(&mut rig);
    // A ring error: the engine rests too, whatever the doorbell says.
    let Session { device, queues, .. } = &mut rig.session;
    queues[0].publish(device, 0xFFFF).unwrap();
    rig.session.notify(0).unwrap();
    rig.session.device.run(SETTLE_CLOCKS).unwrap();
    assert_eq!(rig.session.device.read(reg::QUEUES_STOPPED).unwrap(), 1);
    rests(&mut rig);
    let counted = rig.session.device.refusals(Refusal::DescriptorIndex.code()).unwrap();
    assert_eq!(counted, 1);
}

/// Rings again and again: nothing is read and nothing is counted.
fn rests(rig: &mut Rig<CoreBench>) {
    rig.session.device.run(SETTLE_CLOCKS).unwrap();
    let payload = |bench: &CoreBench| bench.axi().read_beats()[usize::from(segwalk_sim::axi::READ_PAYLOAD)];
    let before = (
        payload(&rig.session.device),
        Counters::read(&mut rig.session.device).unwrap(),
    );
    for _ in 0..3 {
        rig.session.notify(0).unwrap();
        rig.session.device.run(SETTLE_CLOCKS).unwrap();
    }
    let after = (
        payload(&rig.session.device),
        Counters::read(&mut rig.session.device).unwrap(),
    );
    assert_eq!(
        (before.0, before.1.chains, before.1.refused),
        (after.0, after.1.chains, after.1.refused)
    );
    let idle = rig.session.device.axi().read_beats().to_owned();
    rig.session.device.run(SETTLE_CLOCKS).unwrap();
    assert_eq!(
        *rig.session.device.axi().read_beats(),
        idle,
        "the engine reads without work"
    );
}

#[test]
fn rule_30_what_was_sent_before_a_fault_is_told() {
    let mut rig = rig(0, true);
    let frame = super_frame(20_000);
    let expected = frame.expected(&SegmentSettings::default()).unwrap();
    let (chain, [_, payload]) = rig.place_in(rig.victim, &frame).unwrap();
    let page = (payload.virt_addr & !0xFFF) + 2 * 4096;
    let whole = ((page - payload.virt_addr) / 1000) as usize;
    let victim = rig.victim;
    let (space, memory) = rig.session.tables(victim);
    space.unmap(memory, page).unwrap();
    let head = rig.post(&chain).unwrap();
    rig.session.notify(0).unwrap();
    rig.session.device.run(20 * SETTLE_CLOCKS).unwrap();
    let record = parked(&mut RegisterPort(&mut rig.session.device), 0)
        .unwrap()
        .expect("the queue is parked");
    assert_eq!((record.head, record.context, record.virt_addr), (head, victim, page));
    assert_eq!(record.cause, Some(FaultCause::NotPresent));
    assert_eq!(
        (record.sent_frames as usize, record.sent_bytes as usize),
        (whole, 1000 * whole)
    );
    check(expected[..whole].to_vec(), &rig.session.take_frames());
    // Other queues go on; when the page is there the rest follows.
    rig.send_good(1, 3000).unwrap();
    let phys_addr = payload.phys_pages[2] << 12;
    let (space, memory) = rig.session.tables(victim);
    let mut tables = || unreachable!("the tables are there");
    let permissions = Permissions::USER_READ;
    space.map(memory, &mut tables, page, phys_addr, 0, permissions).unwrap();
    resume(&mut RegisterPort(&mut rig.session.device), 0).unwrap();
    rig.session.wait_all().unwrap();
    check(expected[whole..].to_vec(), &rig.session.take_frames());
}

/// Names of tests by the rules that stand in them, of all sources in a folder.
fn tests_by_rule(folder: &Path, found: &mut BTreeMap<u32, Vec<String>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests_by_rule(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            for line in text.lines().filter_map(|line| line.trim().strip_prefix("fn rule")) {
                let name = line.split('(').next().unwrap_or(line);
                let numbers: Vec<u32> = name.split('_').filter_map(|word| word.parse().ok()).collect();
                let rules = match name.strip_prefix("s_").and(numbers.get(..2)) {
                    Some(range) if name.contains("_to_") => (range[0]..=range[1]).collect(),
                    Some(pair) => pair.to_vec(),
                    None => numbers.into_iter().take(1).collect(),
                };
                for rule in rules {
                    found.entry(rule).or_default().push(format!("rule{name}"));
                }
            }
        }
    }
}

#[test]
fn every_rule_from_21_to_30_has_tests_of_the_model_and_of_the_core() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (what, folder) in [("model", root.join("../model/src")), ("core", root.join("tests"))] {
        let mut found = BTreeMap::new();
        tests_by_rule(&folder, &mut found);
        for rule in 21..=30 {
            // the hostile driver is not enough
            let names = found.get(&rule).map_or(&[][..], |names| names);
            let own: Vec<_> = names.iter().filter(|name| !name.contains("_to_")).collect();
            println!("rule {rule}, {what}: {own:?}");
            assert!(!own.is_empty(), "rule {rule} has no test of the {what} that names it");
        }
    }
}
