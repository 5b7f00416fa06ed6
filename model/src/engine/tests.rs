//! The engine over rings in Bare memory and payload in the memory of a process.

mod host;
mod park;

use super::*;
use crate::page_table::Mode;
use crate::refusal::{FaultCause, Refusal::*};
use crate::segment::sample::Sample;
use crate::segment::{segment, IpVersion};
use crate::virtqueue::FLAG_WRITE;
use host::{base, scattered, Host, AVAIL, KERNEL, PROCESS, PROCESS_CONTEXT, QUEUE, USED};
use proptest::prelude::*;

fn expected(sample: &Sample) -> Vec<Vec<u8>> {
    segment(&sample.hdr(), &sample.frame(), &SegmentSettings::default()).unwrap()
}

#[test]
fn header_by_physical_and_payload_by_virtual_address() {
    for mode in [Mode::Sv39, Mode::X86_64] {
        for piece in [65_536, 1448, 4096, 77] {
            let mut host = Host::new(mode);
            let sample = Sample::new(IpVersion::V4, if piece == 77 { 15_000 } else { 65_000 }, 1448);
            let head = host.post_sample(&sample, 4001, piece);
            let outcome = Outcome {
                queue: QUEUE,
                head,
                frames: expected(&sample),
                refusal: None,
                parked: false,
            };
            assert_eq!(host.process(), [outcome]);
            assert_eq!(host.process(), []);
            assert_eq!(host.memory.read_u32(USED), Ok(1 << 16));
        }
    }
}

#[test]
fn rule_28_every_head_is_completed_once_in_ring_order() {
    let mut host = Host::new(Mode::Sv39);
    let sample = Sample::new(IpVersion::V6, 300, 100);
    let good = host.post_sample(&sample, 0, 999);
    let written = host.post(&[(0, KERNEL, 100, FLAG_WRITE)]);
    let short = host.post(&[(0, KERNEL, 11, 0)]);
    let foreign = host.post(&[(5, KERNEL, 100, 0)]);
    let again = host.post(&[(0, KERNEL, 12 + sample.header_bytes() as u32, 0)]);
    let outcomes = host.process();
    let found: Vec<_> = outcomes.iter().map(|o| (o.head, o.frames.len(), o.refusal)).collect();
    let refused = |head, refusal| (head, 0, Some(refusal));
    assert_eq!(
        found,
        [
            (good, 3, None),
            refused(written, WriteDescriptor),
            refused(short, ChainTooShort),
            refused(foreign, ContextNotAllowed),
            (again, 1, None),
        ]
    );
    assert_eq!(host.process(), []);
    assert_eq!(host.memory.read_u32(USED), Ok(5 << 16));
    for (slot, head) in [good, written, short, foreign, again].into_iter().enumerate() {
        assert_eq!(host.memory.read_u64(USED + 4 + 8 * slot as u64), Ok(u64::from(head)));
    }
    let counters = &host.engine.counters;
    assert_eq!((counters.chains, counters.frames, counters.refused), (5, 4, 3));
    let bytes: usize = outcomes.iter().flat_map(|o| &o.frames).map(Vec::len).sum();
    assert_eq!(counters.bytes, bytes as u64);
    assert_eq!(
        (
            counters.of(WriteDescriptor),
            counters.of(ChainTooShort),
            counters.of(FrameTooShort)
        ),
        (1, 1, 0)
    );
    let error = ErrorRecord {
        queue: QUEUE,
        head: written,
        refusal: WriteDescriptor,
    };
    assert_eq!(host.engine.error, Some(error));
}

#[test]
fn rule_30_whole_segments_leave_before_a_page_that_does_not_translate() {
    for mode in [Mode::Sv39, Mode::X86_64] {
        let mut host = Host::new(mode);
        let sample = Sample::new(IpVersion::V4, 10_000, 1000);
        let fault_page = base(mode) + 2 * 4096;
        host.space.unmap(&mut host.memory, fault_page).unwrap();
        // 2 * 4096 - 100 = 8092 bytes of payload arrive.
        let head = host.post_sample(&sample, 100, 65_536);
        let outcome = host.process().remove(0);
        assert_eq!(outcome.refusal, Some(FaultNotPresent));
        assert_eq!(outcome.frames, expected(&sample)[..8]);
        let fault = FaultRecord {
            queue: QUEUE,
            head,
            fault: PageFault {
                context: PROCESS_CONTEXT as u8,
                virt_page: fault_page >> 12,
                cause: FaultCause::NotPresent,
            },
        };
        assert_eq!(host.engine.fault, Some(fault));
        assert_eq!(host.engine.counters.faults, 1);
        let next = Sample::new(IpVersion::V6, 500, 300);
        host.post_sample(&next, 0, 100);
        assert_eq!(host.process()[0].frames, expected(&next));
    }
}

#[test]
fn rule_30_bus_errors_break_at_their_beat() {
    let mut host = Host::new(Mode::X86_64);
    let sample = Sample::new(IpVersion::V4, 9_000, 1000);
    host.post_sample(&sample, 1, 65_536);
    host.memory.remove_page(scattered(1));
    host.space.unmap(&mut host.memory, PROCESS + 2 * 4096).unwrap();
    let outcome = host.process().remove(0);
    assert_eq!((outcome.refusal, outcome.frames.len()), (Some(PayloadBusError), 4));
    // The page behind it was not met.
    assert_eq!((host.engine.fault, host.engine.counters.faults), (None, 0));
}

#[test]
fn a_beat_with_an_error_takes_the_stream_beat_with_it() {
    // Payload in the last 4 bytes of a page, before a page without memory, and MSS 1: 54 + 4 bytes arrive, of which
    // 56 lie in whole beats of the stream.
    let mut host = Host::new(Mode::X86_64);
    let sample = Sample::new(IpVersion::V4, 40, 1);
    host.post_sample(&sample, 4092, 65_536);
    host.memory.remove_page(scattered(1));
    let outcome = host.process().remove(0);
    assert_eq!(
        (outcome.refusal, outcome.frames),
        (Some(PayloadBusError), expected(&sample)[..2].to_vec())
    );
}

#[test]
fn a_header_that_does_not_translate_gives_no_frame() {
    for bytes in [0, 4, 11, 40] {
        let mut host = Host::new(Mode::Sv39);
        let process = base(Mode::Sv39);
        let sample = Sample::new(IpVersion::V4, 1000, 100);
        let mut all = sample.hdr().to_bytes().to_vec();
        all.extend(sample.frame());
        host.store(4096 - bytes, &all);
        host.space.unmap(&mut host.memory, process + 4096).unwrap();
        host.post(&[(PROCESS_CONTEXT, process + 4096 - bytes, all.len() as u32, 0)]);
        let outcome = host.process().remove(0);
        assert_eq!((outcome.refusal, outcome.frames), (Some(FaultNotPresent), vec![]));
    }
}

#[test]
fn a_header_that_is_refused_wins_over_a_fault_behind_it() {
    let mut host = Host::new(Mode::Sv39);
    let mut sample = Sample::new(IpVersion::V4, 5000, 100);
    sample.fragment = 0x2000;
    host.post_sample(&sample, 0, 65_536);
    host.space.unmap(&mut host.memory, base(Mode::Sv39) + 4096).unwrap();
    let outcome = host.process().remove(0);
    assert_eq!((outcome.refusal, outcome.frames), (Some(Fragment), vec![]));
    assert_eq!(host.engine.counters.faults, 0);
    assert_eq!(
        (
            host.engine.counters.of(Fragment),
            host.engine.counters.of(FaultNotPresent)
        ),
        (1, 0)
    );
}

#[test]
fn single_packets_that_break_are_not_sent() {
    let mut host = Host::new(Mode::X86_64);
    let sample = Sample::new(IpVersion::V4, 6000, 9000);
    host.post_sample(&sample, 0, 65_536);
    host.space.unmap(&mut host.memory, PROCESS + 4096).unwrap();
    let outcome = host.process().remove(0);
    assert_eq!((outcome.refusal, outcome.frames), (Some(FaultNotPresent), vec![]));
}

#[test]
fn supervisor_pages_are_refused_to_user_contexts() {
    let mut host = Host::new(Mode::X86_64);
    let addr = PROCESS + 4096;
    let entry = host.space.entry(&host.memory, addr, 0).unwrap();
    host.space.set_entry(&mut host.memory, addr, 0, entry & !4).unwrap();
    let sample = Sample::new(IpVersion::V4, 5000, 1448);
    host.post_sample(&sample, 0, 65_536);
    assert_eq!(host.process()[0].refusal, Some(FaultSupervisor));
}

#[test]
fn ring_errors_stop_the_queue_and_only_it() {
    let mut host = Host::new(Mode::Sv39);
    let sample = Sample::new(IpVersion::V4, 300, 100);
    host.post_sample(&sample, 0, 999);
    host.memory.write(AVAIL + 6, &999u16.to_le_bytes()).unwrap();
    host.memory.write(AVAIL + 2, &2u16.to_le_bytes()).unwrap();
    let config = host.engine.active(QUEUE).unwrap();
    let outcomes = host.process();
    assert_eq!(outcomes.len(), 1);
    assert_eq!(host.engine.stopped(QUEUE), Some(DescriptorIndex));
    assert_eq!((host.engine.counters.chains, host.engine.counters.refused), (1, 0));
    assert_eq!(host.engine.counters.of(DescriptorIndex), 1);
    assert_eq!(host.engine.error.map(|record| record.head), Some(0));
    // The chain before the error is completed; nothing else is served.
    assert_eq!(host.memory.read_u32(USED), Ok(1 << 16));
    assert_eq!(host.process(), []);
    host.engine.enable_queue(QUEUE, config);
    assert_eq!(host.process(), []);
    // The same rings, as another queue's.
    host.engine.enable_queue(0, config);
    assert_eq!(host.engine.process_queue(&host.memory, 0).len(), 1);
}

#[test]
fn a_used_ring_that_cannot_be_written_stops_the_queue() {
    let mut host = Host::new(Mode::Sv39);
    host.memory.remove_page(USED >> 12);
    host.post(&[(0, KERNEL, 11, 0)]);
    assert_eq!(host.process().len(), 1);
    assert_eq!(host.engine.stopped(QUEUE), Some(RingBusError));
    host.memory.add_page(USED >> 12);
    host.post(&[(0, KERNEL, 11, 0)]);
    assert_eq!(host.process(), []);
    assert_eq!(host.memory.read_u32(USED), Ok(0));
}

#[test]
fn events_and_flags_decide_about_interrupts_and_doorbells() {
    let mut host = Host::new(Mode::Sv39);
    let sample = Sample::new(IpVersion::V4, 300, 100);
    let avail_event = USED + 4 + 8 * 256;
    let used_event = AVAIL + 4 + 2 * 256;
    let serve = |host: &mut Host| {
        host.post_sample(&sample, 0, 999);
        let outcomes = host.engine.process_queue(&host.memory, QUEUE);
        host.engine.complete(&mut host.memory, QUEUE, &outcomes)
    };
    assert!(serve(&mut host));
    host.memory.write(AVAIL, &[1, 0]).unwrap();
    assert!(!serve(&mut host), "NO_INTERRUPT is set");
    assert_eq!(host.memory.read_u32(avail_event), Ok(0), "EVENT_IDX was not negotiated");

    let config = QueueConfig {
        event_idx: true,
        ..host.engine.queues[QUEUE].config.unwrap()
    };
    host.engine.queues[QUEUE].config = Some(config);
    host.memory.write(used_event, &[3, 0]).unwrap();
    assert!(!serve(&mut host), "used index 3 is not passed yet");
    assert_eq!(host.memory.read_u32(avail_event), Ok(3));
    assert!(serve(&mut host), "the flag counts no more");
    assert!(!serve(&mut host));
    let none = host.engine.complete(&mut host.memory, QUEUE, &[]);
    assert!(!none, "nothing was returned");
}

#[test]
fn a_queue_reset_forgets_the_ring_error_of_its_queue() {
    let mut host = Host::new(Mode::Sv39);
    let config = host.engine.queues[QUEUE].config.unwrap();
    host.memory.write(AVAIL + 2, &[0, 2]).unwrap();
    assert_eq!(host.process(), []);
    assert_eq!(host.engine.stopped(QUEUE), Some(AvailIndexJump));
    host.engine.reset_queue(QUEUE);
    assert_eq!(host.engine.stopped(QUEUE), None);
    host.memory.write(AVAIL + 2, &[0, 0]).unwrap();
    let sample = Sample::new(IpVersion::V4, 300, 100);
    host.avail = 0;
    host.post_sample(&sample, 0, 999);
    assert_eq!(host.process(), [], "the queue is not ready");
    host.engine.enable_queue(QUEUE, config);
    assert_eq!(host.process().len(), 1);
    assert_eq!(host.engine.counters.of(AvailIndexJump), 1, "counters stay");
}

#[test]
fn queues_that_are_not_ready_do_nothing() {
    let mut host = Host::new(Mode::Sv39);
    host.post(&[(0, KERNEL, 11, 0)]);
    assert_eq!(host.engine.process_queue(&host.memory, 0), []);
    host.engine.disable_queue(QUEUE);
    assert_eq!(host.process(), []);
}

#[test]
fn the_seed_contract_is_the_queues() {
    let mut host = Host::new(Mode::Sv39);
    let mut config = host.engine.active(QUEUE).unwrap();
    config.binding.seed_without_length = true;
    host.engine.enable_queue(QUEUE, config);
    let mut sample = Sample::new(IpVersion::V4, 300, 100);
    sample.length_in_seed = false;
    host.post_sample(&sample, 0, 999);
    sample.length_in_seed = true;
    assert_eq!(host.process()[0].frames, expected(&sample));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_cut_into_buffers_gives_the_same_frames(
        x86: bool,
        payload in 0usize..20_000,
        mss in 1u16..3000,
        at in 0u64..4096,
        pieces in prop::collection::vec(1usize..3000, 1..40),
        unmapped in prop::option::of(0u64..6),
    ) {
        let mode = if x86 { Mode::X86_64 } else { Mode::Sv39 };
        let mut host = Host::new(mode);
        let sample = Sample::new(IpVersion::V6, payload, mss);
        let mut bytes = sample.hdr().to_bytes().to_vec();
        bytes.extend(sample.frame());
        host.store(at, &bytes);
        let mut buffers = Vec::new();
        let mut start = 0;
        for piece in pieces.iter().cycle() {
            // A queue of 256 descriptors takes what is left at once in the end.
            let count = if buffers.len() < 200 { (*piece).min(bytes.len() - start) } else { bytes.len() - start };
            buffers.push((PROCESS_CONTEXT, base(mode) + at + start as u64, count as u32, 0));
            start += count;
            if start == bytes.len() {
                break;
            }
        }
        host.post(&buffers);
        let mut arrived = bytes.len();
        if let Some(page) = unmapped {
            host.space.unmap(&mut host.memory, base(mode) + page * 4096).unwrap();
            let before = (page * 4096).saturating_sub(at) as usize;
            if before < bytes.len() {
                arrived = (before + 4) / 8 * 8;
                arrived = arrived.saturating_sub(4);
            }
        }
        let outcome = host.process().remove(0);
        let all = expected(&sample);
        if arrived == bytes.len() {
            prop_assert_eq!(outcome.refusal, None);
            prop_assert_eq!(outcome.frames, all);
        } else {
            prop_assert_eq!(outcome.refusal, Some(FaultNotPresent));
            let whole = match all.len() {
                1 => 0,
                _ => arrived.saturating_sub(12 + sample.header_bytes()) / usize::from(mss),
            };
            prop_assert_eq!(&outcome.frames[..], &all[..whole]);
        }
    }
}

#[test]
fn addresses_that_no_context_serves() {
    let mut host = Host::new(Mode::Sv39);
    let sample = Sample::new(IpVersion::V4, 300, 100);
    let header = 12 + sample.header_bytes() as u32;
    host.post_sample(&sample, 0, 999);
    host.post(&[(0, KERNEL, header, 0), (PROCESS_CONTEXT, 1 << 38, 100, 0)]);
    host.post(&[(0, KERNEL, header, 0), (0, 1 << 40, 100, 0)]);
    host.post(&[(0, KERNEL, header, 0), (PROCESS_CONTEXT, 0, 100, 0)]);
    let found: Vec<_> = host.process().iter().map(|outcome| outcome.refusal).collect();
    assert_eq!(
        found,
        [
            None,
            Some(FaultNonCanonical),
            Some(FaultPhysRange),
            Some(FaultNotPresent)
        ]
    );
    host.engine.contexts[usize::from(PROCESS_CONTEXT)] = Context::off();
    host.post(&[(0, KERNEL, header, 0), (PROCESS_CONTEXT, base(Mode::Sv39), 100, 0)]);
    assert_eq!(host.process()[0].refusal, Some(FaultBadContext));
    assert_eq!(host.engine.counters.faults, 4);
}
