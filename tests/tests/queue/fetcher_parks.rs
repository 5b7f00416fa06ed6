//! Queues that park: the bench in the place of payload reader and completion.

use crate::fetcher::Event;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use segwalk_model::limits::TX_QUEUES;
use segwalk_model::refusal::Refusal;
use segwalk_sim::verilated::{Dut, Port};
use std::collections::VecDeque;

/// Where a queue stands.
#[derive(Clone, Debug, Default)]
enum Place {
    #[default]
    Runs,
    /// A chain met a fault; later ones of its epoch are dropped. At the first clock the pulse comes.
    Parks(u64),
    /// At this clock software resumes or aborts.
    Parked(u64),
    /// It did: the chain comes again, or is given up.
    GoesOn { aborted: bool },
}

#[derive(Clone, Debug, Default)]
struct Queue {
    place: Place,
    epoch: u64,
    head: u64,
    avail: u64,
    sent_frames: u64,
    // what the fetcher has to give again, the parked chain first
    replay: VecDeque<Event>,
}

pub struct Parks {
    park: [Port; 6],
    resume: Port,
    abort: Port,
    queues: Vec<Queue>,
    // one chain of so many parks its queue; 0: none does
    pub one_in: u32,
    pub resumed: u64,
    pub aborted: u64,
}

impl Parks {
    pub fn new(dut: &Dut) -> Self {
        let port = |name: &str| dut.port(name).unwrap();
        Self {
            park: ["valid", "queue", "head", "avail", "sent_frames", "sent_bytes"].map(|n| port(&format!("park${n}"))),
            resume: port("resume"),
            abort: port("give_up"),
            queues: vec![Queue::default(); TX_QUEUES],
            one_in: 0,
            resumed: 0,
            aborted: 0,
        }
    }

    /// Queues park: then errors are rare, for a ring error ends a queue for good.
    pub fn on(&self) -> bool {
        self.one_in > 0
    }

    pub fn start(&mut self, queue: usize) {
        self.queues[queue] = Queue::default();
    }

    pub fn idle(&self) -> bool {
        self.queues.iter().all(|queue| matches!(queue.place, Place::Runs))
    }

    /// Pulses of completion and registers.
    pub fn step(&mut self, dut: &mut Dut, random: &mut ChaCha8Rng, now: u64) {
        let (mut park, mut resume, mut abort) = (false, 0, 0);
        for (index, queue) in self.queues.iter_mut().enumerate() {
            match queue.place {
                Place::Parks(at) if at <= now && !park => {
                    park = true;
                    let values = [
                        1,
                        index as u64,
                        queue.head,
                        queue.avail,
                        queue.sent_frames,
                        random.gen_range(0..9999),
                    ];
                    self.park
                        .iter()
                        .zip(values)
                        .for_each(|(port, value)| dut.set(*port, value));
                    queue.place = Place::Parked(now + random.gen_range(1..300));
                }
                Place::Parked(at) if at <= now => {
                    let aborted = random.gen_ratio(1, 3);
                    *if aborted { &mut abort } else { &mut resume } |= 1 << index;
                    queue.place = Place::GoesOn { aborted };
                }
                _ => (),
            }
        }
        if !park {
            dut.set(self.park[0], 0);
        }
        dut.set(self.resume, resume);
        dut.set(self.abort, abort);
    }

    /// A chain came: head, avail index, epoch, frames sent, refusal. Says whether it is dropped, so that it comes again; nothing
    /// when it is the aborted one.
    pub fn got_chain(
        &mut self,
        random: &mut ChaCha8Rng,
        now: u64,
        queue: usize,
        [head, avail, epoch, sent_frames, refusal]: [u64; 5],
        next: Option<Event>,
        expected: &mut VecDeque<Event>,
    ) -> Option<bool> {
        let state = &mut self.queues[queue];
        let dropping = !matches!(state.place, Place::Runs) && epoch == state.epoch;
        if dropping {
            state.replay.extend(next);
            return Some(true);
        }
        if let Place::GoesOn { aborted } = state.place {
            // What was dropped comes again.
            while let Some(event) = state.replay.pop_back() {
                expected.push_front(event);
            }
            assert_eq!(avail, state.avail, "the parked chain comes first");
            state.place = Place::Runs;
            if aborted {
                assert_eq!((head, refusal), (state.head, Refusal::Aborted.code().into()));
                self.aborted += 1;
                return None;
            }
            assert_eq!(sent_frames, state.sent_frames);
            self.resumed += 1;
        } else {
            assert!(
                matches!(state.place, Place::Runs),
                "a chain of a new epoch before the queue goes on"
            );
            assert_eq!(sent_frames, 0);
        }
        state.epoch = epoch;
        if self.one_in > 0 && refusal == 0 && random.gen_ratio(1, self.one_in) {
            *state = Queue {
                place: Place::Parks(now + random.gen_range(1..200)),
                epoch,
                head,
                avail,
                sent_frames: random.gen_range(0..1 << 16),
                replay: Some(expected.front().cloned()).into_iter().flatten().collect(),
            };
            return Some(true);
        }
        Some(false)
    }

    /// The queue met a ring error: nothing comes again.
    pub fn got_error(&mut self, queue: usize, expected: &mut VecDeque<Event>) {
        let state = &mut self.queues[queue];
        if !matches!(state.place, Place::Runs) {
            let last = expected.pop_back();
            expected.clear();
            expected.extend(last);
            *state = Queue::default();
        }
    }
}
