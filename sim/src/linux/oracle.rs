//! The kernel's own segmentation as a judge: a super-frame goes in on one TAP, `tc` redirects it to another one whose
//! reader takes no super-frames, so the kernel cuts it.

use super::namespace::{Namespace, Unavailable};
use super::tap::{wait, Kind, Tap};
use anyhow::{bail, Context, Result};
use segwalk_model::virtio_net_hdr::VirtioNetHdr;
use std::time::{Duration, Instant};

/// Frames that the output's queue holds. The smallest MSS makes 65,536 of one super-frame.
const QUEUE_FRAMES: usize = 70_000;
/// Frames that may wait in the queue before it is emptied.
const WAITING_MAX: usize = 4096;
/// Super-frames that may wait.
const BATCH_MAX: usize = 256;
/// Time after which a frame that did not come is lost.
const PATIENCE: Duration = Duration::from_secs(10);
/// Ethernet header of the frame that ends what belongs to one super-frame, EtherType "local experimental 1" (IEEE 802).
const SENTINEL: [u8; 14] = [2, 0x53, 0x45, 0x47, 0x57, 1, 2, 0x53, 0x45, 0x47, 0x57, 2, 0x88, 0xB5];
/// Bytes of the sentinel frame; its number is behind the Ethernet header.
const SENTINEL_BYTES: usize = 60;

/// What the kernel makes of a super-frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KernelAnswer {
    /// The frames that leave, in order.
    Frames(Vec<Vec<u8>>),
    /// The kernel does not take it: this `errno`.
    Refused(i32),
    /// The kernel takes it, and nothing leaves.
    Dropped,
}

/// The kernel in a namespace of its own.
pub struct KernelOracle {
    input: Tap,
    output: Tap,
    number: u64,
    _namespace: Namespace,
}

impl KernelOracle {
    /// Sets up namespace, TAPs and redirection.
    pub fn new() -> Result<Self, Unavailable> {
        let namespace = Namespace::new()?;
        namespace.settings(&[
            ("ipv6/conf/all/disable_ipv6", "1"),
            ("ipv6/conf/default/disable_ipv6", "1"),
        ])?;
        let input = Tap::new(&namespace, "in", Kind::Offload(0))?;
        let output = Tap::new(&namespace, "out", Kind::Plain)?;
        namespace.commands(&[
            &format!("ip link set out txqueuelen {QUEUE_FRAMES}"),
            // without a queueing discipline frames are in the TAP's queue when the write returns
            "tc qdisc replace dev out root noqueue",
            "ip link set out up",
            "ip link set in up",
            "tc qdisc add dev in ingress",
            "tc filter add dev in parent ffff: protocol all prio 1 u32 match u32 0 0 \
             action mirred egress redirect dev out",
        ])?;
        Ok(KernelOracle {
            input,
            output,
            number: 0,
            _namespace: namespace,
        })
    }

    /// What the kernel makes of one super-frame.
    pub fn segment(&mut self, hdr: &VirtioNetHdr, frame: &[u8]) -> Result<KernelAnswer> {
        let mut answers = self.segment_all([(hdr, frame)])?;
        Ok(answers.pop().expect("one answer for one frame"))
    }

    /// What the kernel makes of each of many super-frames.
    pub fn segment_all<'a>(
        &mut self,
        frames: impl IntoIterator<Item = (&'a VirtioNetHdr, &'a [u8])>,
    ) -> Result<Vec<KernelAnswer>> {
        let mut answers = Vec::new();
        let mut waiting: Vec<Option<i32>> = Vec::new();
        let mut expected = 0;
        for (hdr, frame) in frames {
            let count = 2 + match hdr.gso_size {
                0 => 0,
                size => frame.len() / usize::from(size),
            };
            if expected + count > WAITING_MAX || waiting.len() == BATCH_MAX {
                self.drain(&mut waiting, &mut answers)?;
                expected = 0;
            }
            expected += count;
            waiting.push(match self.input.write(hdr, frame) {
                Ok(()) => None,
                Err(error) => Some(error.raw_os_error().with_context(|| error.to_string())?),
            });
            let sentinel = sentinel(self.number + waiting.len() as u64);
            self.input
                .write(&VirtioNetHdr::default(), &sentinel)
                .context("the kernel does not take a plain frame")?;
        }
        self.drain(&mut waiting, &mut answers)?;
        Ok(answers)
    }

    /// Reads the frames of every super-frame that waits.
    fn drain(&mut self, waiting: &mut Vec<Option<i32>>, answers: &mut Vec<KernelAnswer>) -> Result<()> {
        for refused in waiting.drain(..) {
            self.number += 1;
            let frames = read_until(&mut self.output, &sentinel(self.number))?;
            answers.push(match refused {
                Some(errno) if frames.is_empty() => KernelAnswer::Refused(errno),
                Some(errno) => bail!("the kernel refused a frame with error {errno}, but something of it left"),
                None if frames.is_empty() => KernelAnswer::Dropped,
                None => KernelAnswer::Frames(frames),
            });
        }
        Ok(())
    }
}

fn sentinel(number: u64) -> [u8; SENTINEL_BYTES] {
    let mut frame = [0; SENTINEL_BYTES];
    frame[..14].copy_from_slice(&SENTINEL);
    frame[14..22].copy_from_slice(&number.to_le_bytes());
    frame
}

fn read_until(output: &mut Tap, end: &[u8]) -> Result<Vec<Vec<u8>>> {
    let mut frames = Vec::new();
    let mut last = Instant::now();
    loop {
        match output.read().context("a frame cannot be read from the TAP")? {
            Some((_, frame)) if frame == end => return Ok(frames),
            Some((_, frame)) => {
                frames.push(frame.to_vec());
                last = Instant::now();
            }
            None if last.elapsed() > PATIENCE => bail!(
                "the kernel lost the frame that ends a super-frame; {} frames came before",
                frames.len()
            ),
            None => wait(&[output], PATIENCE)?,
        }
    }
}
