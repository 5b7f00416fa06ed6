//! The engine's side of the link: super-frames into the memory of a simulated process, through the device, frames out.

use super::channel::{Answer, Batch, Job, Sender, Totals};
use crate::device::{Counters, Device};
use crate::driver;
use crate::driver::queue::Buffer;
use crate::host::Region;
use crate::process::PageLayout;
use crate::session::{buffer, Session, KERNEL};
use anyhow::{bail, ensure, Result};
use segwalk_model::limits::{HEADER_BYTES_MAX, SUPER_FRAME_BYTES_MAX, VIRTIO_NET_HDR_BYTES};
use segwalk_model::page_table::Mode;
use segwalk_model::virtio_net_hdr::{gso, VirtioNetHdr};
use segwalk_model::virtqueue::Binding;
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

/// Buffers in the process; they are used in turn. More than are on their way at once, so that their pages do not all stay
/// in the TLB: a program's data is not in one place either.
const SLOTS: usize = 32;
/// Descriptors of the queue: two for each chain that is on its way.
const QUEUE_SIZE: u32 = 64;
/// Clocks between two looks at what came and what is done.
const CLOCKS: u64 = 64;
/// Frames that are handed on together.
const BATCH_FRAMES: usize = 8;
/// Clocks without a frame and without a chain that comes back, while one is out, after which the device has stopped.
/// The longest super-frame takes some ten thousand.
const PATIENCE: u64 = 1_000_000;
/// Time between two reports while there is work.
const REPORT: Duration = Duration::from_millis(250);
/// Bytes that lie in the kernel's memory, behind `virtio_net_hdr`, of a frame whose headers are not known: Ethernet,
/// IPv4 and UDP.
const HEAD_BYTES: usize = 42;

/// Where a super-frame lies while the device has it.
struct Slot {
    head: Region,
    body: Region,
}

/// A device and the process that sends through it.
pub(super) struct Engine<D> {
    session: Session<D>,
    process: u8,
    queue: usize,
    slots: Vec<Slot>,
    next_slot: usize,
    // heads of the chains that are out, in order
    posted: VecDeque<u16>,
    counters: Counters,
    totals: Totals,
    reported: Instant,
}

impl<D: Device> Engine<D> {
    /// Negotiates with the device and maps the process's buffers, once for all super-frames.
    pub(super) fn new(device: D, mode: Mode, seed: u64) -> Result<Self> {
        let mut session = Session::new(device, seed, driver::FEATURES)?;
        let process = session.add_process(mode, PageLayout::Scattered)?;
        let binding = Binding {
            ring_context: KERNEL,
            default_context: process,
            names_allowed: true,
            mask: 1 << KERNEL | 1 << process,
            ..Binding::default()
        };
        let queue = session.add_queue(0, QUEUE_SIZE, &binding)?;
        session.start()?;
        let slots = (0..SLOTS)
            .map(|_| {
                Ok(Slot {
                    head: session.allocate(KERNEL, VIRTIO_NET_HDR_BYTES + HEADER_BYTES_MAX)?,
                    body: session.allocate(process, SUPER_FRAME_BYTES_MAX)?,
                })
            })
            .collect::<Result<_>>()?;
        let counters = Counters::read(&mut session.device)?;
        Ok(Engine {
            session,
            process,
            queue,
            slots,
            next_slot: 0,
            posted: VecDeque::new(),
            counters,
            totals: Totals::default(),
            reported: Instant::now(),
        })
    }

    /// Works until there are no more jobs to come and all are done. Sleeps while there is none.
    pub(super) fn work(mut self, jobs: &Receiver<Job>, answers: &Sender) -> Result<()> {
        let mut open = true;
        while open {
            // nothing is out: the simulation stands still
            match jobs.recv() {
                Ok(job) => open = self.burst(job, jobs, answers)?,
                Err(_) => open = false,
            }
        }
        self.count()?;
        answers.send(Answer::Totals(self.totals.clone()));
        ensure!(
            !driver::needs_reset(&mut self.session.device)?,
            "the device stopped with a ring error"
        );
        Ok(())
    }

    /// From a job until nothing is out any more; false when no more jobs will come.
    fn burst(&mut self, job: Job, jobs: &Receiver<Job>, answers: &Sender) -> Result<bool> {
        let (start, cpu) = (Instant::now(), cpu_time());
        let first_clock = self.session.device.clock();
        let mut open = true;
        let mut moved = first_clock;
        let mut batch = Batch::default();
        self.post(&job)?;
        batch.taken.push(job);
        while !self.posted.is_empty() {
            while open {
                match jobs.try_recv() {
                    Ok(job) => {
                        self.post(&job)?;
                        batch.taken.push(job);
                    }
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => open = false,
                }
            }
            self.session.device.run(CLOCKS)?;
            let done = self.reap()?;
            let frames = self.session.take_frames();
            let now = self.session.device.clock();
            if done > 0 || !frames.is_empty() {
                moved = now;
            } else if now - moved > PATIENCE {
                bail!(
                    "the device has done nothing for {PATIENCE} clocks, and {} super-frames are out",
                    self.posted.len()
                );
            }
            batch.done += done;
            batch.frames.extend(frames);
            if done > 0 || batch.frames.len() >= BATCH_FRAMES {
                answers.send(Answer::Frames(std::mem::take(&mut batch)));
            }
            if self.reported.elapsed() >= REPORT {
                self.count()?;
                let mut totals = self.totals.clone();
                totals.busy += start.elapsed();
                totals.cpu += cpu_time() - cpu;
                totals.clocks += self.session.device.clock() - first_clock;
                answers.send(Answer::Totals(totals));
                self.reported = Instant::now();
            }
        }
        self.totals.busy += start.elapsed();
        self.totals.cpu += cpu_time() - cpu;
        self.totals.clocks += self.session.device.clock() - first_clock;
        Ok(open)
    }

    /// Writes a super-frame to a slot, `virtio_net_hdr` and headers in the kernel, the rest in the process, and posts it.
    fn post(&mut self, job: &Job) -> Result<()> {
        ensure!(
            job.frame.len() <= SUPER_FRAME_BYTES_MAX,
            "a super-frame of {} bytes came; the engine takes {SUPER_FRAME_BYTES_MAX}",
            job.frame.len()
        );
        let Slot { head, body } = &self.slots[self.next_slot];
        self.next_slot = (self.next_slot + 1) % SLOTS;
        let head_bytes = head_bytes(&job.hdr).min(job.frame.len());
        let (headers, payload) = job.frame.split_at(head_bytes);
        let memory = self.session.device.memory_mut();
        head.write(memory, 0, &job.hdr.to_bytes())?;
        head.write(memory, VIRTIO_NET_HDR_BYTES, headers)?;
        body.write(memory, 0, payload)?;
        let chain: [Buffer; 2] = [
            buffer(KERNEL, &head.part(0, VIRTIO_NET_HDR_BYTES + head_bytes)),
            Buffer {
                bytes: payload.len() as u32,
                ..buffer(self.process, body)
            },
        ];
        let chain = match payload {
            [] => &chain[..1],
            _ => &chain[..],
        };
        let posted = self.session.post(self.queue, chain)?;
        self.posted.push_back(posted);
        self.session.notify(self.queue)
    }

    /// Takes chains back, which must come in order.
    fn reap(&mut self) -> Result<usize> {
        let used = self.session.reap(self.queue)?;
        for used in &used {
            let head = self.posted.pop_front();
            ensure!(
                head == Some(used.head),
                "chain {} came back, but {head:?} was posted first",
                used.head
            );
        }
        Ok(used.len())
    }

    fn count(&mut self) -> Result<()> {
        let counters = Counters::read(&mut self.session.device)?;
        let since = counters.since(&self.counters);
        self.counters = counters;
        self.totals.refused += u64::from(since.refused);
        self.totals.faults += u64::from(since.faults);
        self.totals.tlb_hits += u64::from(since.tlb_hits);
        self.totals.tlb_misses += u64::from(since.tlb_misses);
        self.totals.walks += u64::from(since.walks);
        Ok(())
    }
}

/// Bytes of a frame that lie in the kernel: the header template where the kernel says how long it is.
fn head_bytes(hdr: &VirtioNetHdr) -> usize {
    match usize::from(hdr.hdr_len) {
        bytes if hdr.gso() != gso::NONE && (HEAD_BYTES..=HEADER_BYTES_MAX).contains(&bytes) => bytes,
        _ => HEAD_BYTES,
    }
}

/// Processor time of this thread so far.
fn cpu_time() -> Duration {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the clock exists on Linux, and `now` is there to be written.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut now) };
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}
