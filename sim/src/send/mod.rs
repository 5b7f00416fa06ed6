//! Sends a file out of a simulated process's memory and checks every frame.

mod options;
mod payload;
mod report;
pub mod stream;
#[cfg(test)]
mod tests;

pub use options::{Buffers, SendOptions};
pub use report::SendReport;

use crate::axi::AxiConfig;
use crate::core;
use crate::core_bench::BenchConfig;
use crate::device::{Counters, Device};
use crate::driver;
use crate::headers::{Headers, Seed};
use crate::host::Region;
use crate::session::{buffer, Session, KERNEL};
use anyhow::{bail, ensure, Result};
use options::POSTED_AHEAD;
use payload::Payload;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use report::{Output, Sent};
use segwalk_model::segment::SegmentSettings;
use segwalk_model::virtqueue::Binding;
use std::collections::VecDeque;
use std::ops::Range;

/// Clocks that the device gets at the end to show a frame too many.
const SETTLE_CLOCKS: u64 = 500;
/// Bytes in front of the IP header.
const ETHERNET_BYTES: usize = 14;

/// Sends `file` through the core, on a bench with the options' latency, and checks what it emits.
pub fn send(file: &[u8], options: &SendOptions, progress: impl FnMut(u64, u64)) -> Result<SendReport> {
    options.check()?;
    let config = BenchConfig {
        memory: AxiConfig {
            // data cannot come before the clock after its address
            latency: options.latency.max(1),
            ..AxiConfig::default()
        },
        ..BenchConfig::default()
    };
    let bench = match &options.wave {
        Some(path) => core::bench_with_waves(config, path)?,
        None => core::bench(config)?,
    };
    send_over(bench, file, options, progress)
}

/// Sends `file` over `device` and checks what it emits. `progress` is told the bytes that came back and all bytes.
pub fn send_over<D: Device>(
    device: D,
    file: &[u8],
    options: &SendOptions,
    mut progress: impl FnMut(u64, u64),
) -> Result<SendReport> {
    options.check()?;
    let mut random = ChaCha8Rng::seed_from_u64(options.seed);
    let mut headers = stream::headers(options.ip, &mut random);
    let mut output = Output::new(*stream::seq(&mut headers), options.pcap.as_deref())?;
    let ip_header_bytes = headers.template(0, Seed::WithLength).bytes.len() - ETHERNET_BYTES;
    let super_frame_bytes = options.super_frame_bytes(ip_header_bytes);
    ensure!(
        super_frame_bytes > 0,
        "buffers so small cannot hold a segment of {} bytes in one chain; take larger buffers",
        options.mss
    );
    let mut session = Session::new(device, random.gen(), driver::FEATURES)?;
    let process = session.add_process(options.mode, options.pages)?;
    let binding = Binding {
        ring_context: KERNEL,
        default_context: process,
        names_allowed: true,
        mask: 1 << KERNEL | 1 << process,
        seed_without_length: false,
        recoverable: false,
    };
    let queue = session.add_queue(0, options.queue_size(super_frame_bytes.min(file.len())), &binding)?;
    session.start()?;
    let payload = Payload::place(&mut session, process, file, options.buffers)?;
    let before = Counters::read(&mut session.device)?;
    let mut sent = Sent {
        start_clock: session.device.clock(),
        ..Sent::default()
    };
    let mut sender = Sender {
        session,
        queue,
        payload,
        headers,
        mss: options.mss,
        posted: VecDeque::new(),
    };
    let (mut next, mut done, mut all_posted) = (0, 0, false);
    while !all_posted || !sender.posted.is_empty() {
        let range = next..file.len().min(next + super_frame_bytes);
        if !all_posted && sender.has_room(&range) {
            next = range.end;
            all_posted = next == file.len();
            sent.super_frames += 1;
            sent.descriptors += sender.post(file, range, &mut output)?;
        } else {
            done += sender.reap()?;
            progress(done, file.len() as u64);
        }
        output.take(&mut sender.session)?;
    }
    // Frames leave before their chain comes back; whatever comes later is too much and must be seen.
    let mut session = sender.session;
    session.device.run(SETTLE_CLOCKS)?;
    output.take(&mut session)?;
    let counters = Counters::read(&mut session.device)?.since(&before);
    output.report(file, sent, &counters)
}

/// A super-frame that the device has.
struct Posted {
    head: u16,
    header: Region,
    payload: Range<usize>,
}

/// The sending side: posts super-frames ahead and takes them back in order.
struct Sender<D> {
    session: Session<D>,
    queue: usize,
    payload: Payload,
    headers: Headers,
    mss: u16,
    posted: VecDeque<Posted>,
}

impl<D: Device> Sender<D> {
    /// Whether a super-frame with this range of the file can be posted now.
    fn has_room(&self, range: &Range<usize>) -> bool {
        self.posted.len() < POSTED_AHEAD
            && self.session.queues[self.queue].free() > self.payload.chain(range.clone()).len()
    }

    /// Posts a super-frame with this range of the file and gives the number of its descriptors.
    fn post(&mut self, file: &[u8], range: Range<usize>, output: &mut Output) -> Result<u64> {
        let last = range.end == file.len();
        let frame = stream::super_frame(&mut self.headers, &file[range.clone()], self.mss, last);
        let expected = frame.expected(&SegmentSettings::default());
        output.expect(expected.expect("the model takes what the driver makes"));
        let header = self.session.allocate_with(KERNEL, &frame.header_bytes())?;
        let mut chain = vec![buffer(KERNEL, &header)];
        chain.extend(self.payload.chain(range.clone()));
        let head = self.session.post(self.queue, &chain)?;
        self.session.notify(self.queue)?;
        self.posted.push_back(Posted {
            head,
            header,
            payload: range,
        });
        Ok(chain.len() as u64)
    }

    /// Waits for super-frames that come back and gives the bytes of the file in them.
    fn reap(&mut self) -> Result<u64> {
        let mut done = 0;
        for used in self.session.wait(self.queue)? {
            let Some(posted) = self.posted.pop_front() else {
                bail!("more chains came back than were posted")
            };
            ensure!(
                used.head == posted.head,
                "chain {} came back before chain {}, which was posted first",
                used.head,
                posted.head
            );
            done += posted.payload.len() as u64;
            self.payload.reuse(&mut self.session, posted.payload, &posted.header)?;
        }
        Ok(done)
    }
}
