//! Queues that park, resume and abort.

use super::*;
use proptest::prelude::*;

fn recoverable(mode: Mode) -> Host {
    let mut host = Host::new(mode);
    let mut config = host.engine.active(QUEUE).unwrap();
    config.binding.recoverable = true;
    host.engine.enable_queue(QUEUE, config);
    host
}

impl Host {
    fn unmap(&mut self, page: u64) {
        let addr = base(self.mode()) + page * 4096;
        let leaf = self.space.entry(&self.memory, addr, 0).unwrap();
        if leaf & 1 != 0 {
            self.space.unmap(&mut self.memory, addr).unwrap();
        }
    }

    fn map(&mut self, page: u64) {
        let addr = base(self.mode()) + page * 4096;
        let mut none = || unreachable!("the tables are there");
        let (phys, permissions) = (scattered(page) << 12, crate::page_table::Permissions::USER_READ);
        let entry = self.space.entry(&self.memory, addr, 0).unwrap();
        if entry & 1 == 0 {
            self.space
                .map(&mut self.memory, &mut none, addr, phys, 0, permissions)
                .unwrap();
        }
    }

    fn parked(&self) -> ParkRecord {
        self.engine.parked(QUEUE).expect("the queue is parked")
    }

    fn used(&self) -> u32 {
        self.memory.read_u32(USED).unwrap() >> 16
    }
}

#[test]
fn a_queue_parks_at_a_segment_boundary_and_resumes_there() {
    for mode in [Mode::Sv39, Mode::X86_64] {
        let mut host = recoverable(mode);
        let sample = Sample::new(IpVersion::V4, 10_000, 1000);
        host.unmap(2);
        let head = host.post_sample(&sample, 100, 65_536);
        let next = Sample::new(IpVersion::V4, 300, 100);
        let first = host.process();
        assert_eq!((first.len(), first[0].parked, host.used()), (1, true, 0));
        let record = ParkRecord {
            queue: QUEUE,
            head,
            fault: PageFault {
                context: PROCESS_CONTEXT as u8,
                virt_page: (base(mode) >> 12) + 2,
                cause: FaultCause::NotPresent,
            },
            sent_frames: 8,
            sent_bytes: 8000,
        };
        assert_eq!(host.parked(), record);
        assert_eq!(host.process(), [], "a parked queue is not served");
        // Without the page it parks at the same place again, and nothing is sent twice.
        host.engine.resume(QUEUE);
        assert_eq!(host.process()[0].frames, [] as [Vec<u8>; 0]);
        assert_eq!(host.parked(), record);
        host.map(2);
        host.engine.resume(QUEUE);
        let rest = host.process();
        assert_eq!([&first[0].frames[..], &rest[0].frames[..]].concat(), expected(&sample));
        assert_eq!((rest[0].refusal, host.used()), (None, 1));
        assert_eq!(host.engine.parked(QUEUE), None);
        let counters = &host.engine.counters;
        assert_eq!(
            (counters.chains, counters.frames, counters.refused, counters.faults),
            (1, 10, 0, 2)
        );
        assert_eq!(counters.of(FaultNotPresent), 0);
        host.post_sample(&next, 0, 999);
        assert_eq!(host.process()[0].frames, expected(&next));
    }
}

#[test]
fn an_aborted_chain_is_completed_in_its_order() {
    let mut host = recoverable(Mode::Sv39);
    let sample = Sample::new(IpVersion::V6, 5000, 1000);
    host.post(&[(0, KERNEL, 11, 0)]);
    let head = host.post_sample(&sample, 0, 65_536);
    let behind = host.post(&[(0, KERNEL, 11, 0)]);
    host.unmap(1);
    let outcomes = host.process();
    assert_eq!((outcomes.len(), outcomes[1].frames.len(), host.used()), (2, 4, 1));
    host.engine.abort(QUEUE);
    host.engine.abort(QUEUE);
    let outcomes = host.process();
    let found: Vec<_> = outcomes.iter().map(|o| (o.head, o.frames.len(), o.refusal)).collect();
    assert_eq!(found, [(head, 0, Some(Aborted)), (behind, 0, Some(ChainTooShort))]);
    let counters = &host.engine.counters;
    assert_eq!((counters.chains, counters.frames, counters.refused), (3, 4, 3));
    assert_eq!((counters.of(Aborted), host.used()), (1, 3));
}

#[test]
fn a_fault_in_the_header_parks_before_the_first_frame() {
    for bytes in [0, 4, 11, 40] {
        let mut host = recoverable(Mode::Sv39);
        let process = base(Mode::Sv39);
        let sample = Sample::new(IpVersion::V4, 1000, 100);
        let mut all = sample.hdr().to_bytes().to_vec();
        all.extend(sample.frame());
        host.store(4096 - bytes, &all);
        host.unmap(1);
        host.post(&[(PROCESS_CONTEXT, process + 4096 - bytes, all.len() as u32, 0)]);
        assert_eq!(host.process()[0].frames, [] as [Vec<u8>; 0]);
        let record = host.parked();
        assert_eq!((record.sent_frames, record.sent_bytes), (0, 0));
        host.map(1);
        host.engine.resume(QUEUE);
        assert_eq!(host.process()[0].frames, expected(&sample));
    }
}

#[test]
fn refusals_do_not_park() {
    let mut host = recoverable(Mode::Sv39);
    let mut sample = Sample::new(IpVersion::V4, 5000, 100);
    sample.fragment = 0x2000;
    host.post_sample(&sample, 0, 65_536);
    host.unmap(1);
    assert_eq!(host.process()[0].refusal, Some(Fragment));
    sample.fragment = 0;
    host.post_sample(&sample, 0, 65_536);
    host.memory.remove_page(scattered(0));
    assert_eq!(host.process()[0].refusal, Some(PayloadBusError));
    assert_eq!((host.engine.parked(QUEUE), host.used()), (None, 2));
}

#[test]
fn a_queue_that_is_reset_is_not_parked() {
    for way in 0..3 {
        let mut host = recoverable(Mode::X86_64);
        let config = host.engine.active(QUEUE).unwrap();
        let sample = Sample::new(IpVersion::V4, 5000, 1000);
        host.post_sample(&sample, 0, 65_536);
        host.unmap(1);
        host.process();
        match way {
            0 => host.engine.disable_queue(QUEUE),
            1 => host.engine.reset_queue(QUEUE),
            _ => host.engine.abort(QUEUE),
        }
        assert_eq!(host.engine.parked(QUEUE), None);
        host.map(1);
        host.engine.enable_queue(QUEUE, config);
        assert_eq!(host.process()[0].frames, expected(&sample));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Pages come and go at each stop; in the end the frames are those of a chain that never stopped, or its first ones.
    #[test]
    fn whatever_happens_at_the_stops_the_stream_is_whole(
        payload in 0usize..20_000,
        mss in 1u16..3000,
        at in 0u64..4096,
        piece in 1usize..5000,
        stops in prop::collection::vec((any::<u8>(), any::<bool>()), 1..8),
        abort: bool,
    ) {
        let mut host = recoverable(Mode::Sv39);
        let sample = Sample::new(IpVersion::V6, payload, mss);
        host.post_sample(&sample, at, piece.max(payload / 200));
        let (mut frames, mut bytes) = (Vec::new(), 0);
        for (pages, _) in &stops {
            for page in 0..6 {
                if pages >> page & 1 == 1 { host.unmap(page) } else { host.map(page) }
            }
            frames.extend(host.process().into_iter().flat_map(|outcome| outcome.frames));
            let Some(record) = host.engine.parked(QUEUE) else { break };
            prop_assert_eq!(record.sent_frames, frames.len());
            prop_assert_eq!(record.sent_bytes, frames.len() * usize::from(mss));
            bytes = record.sent_bytes;
            host.engine.resume(QUEUE);
        }
        let all = expected(&sample);
        if abort && host.used() == 0 {
            (0..6).for_each(|page| host.unmap(page));
            host.process();
            host.engine.abort(QUEUE);
            prop_assert_eq!(host.process()[0].refusal, Some(Aborted));
            prop_assert_eq!(&frames[..], &all[..bytes / usize::from(mss)]);
        } else {
            (0..6).for_each(|page| host.map(page));
            frames.extend(host.process().into_iter().flat_map(|outcome| outcome.frames));
            prop_assert_eq!(frames, all);
        }
        prop_assert_eq!(host.used(), 1);
    }
}
