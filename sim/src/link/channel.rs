//! What goes between the relay, which waits for the kernel, and the engine, which simulates: each in a thread of its own.

use crate::device::EmittedFrame;
use anyhow::{anyhow, Result};
use segwalk_model::virtio_net_hdr::VirtioNetHdr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd};
use std::sync::mpsc;
use std::time::Duration;

/// A super-frame to send. Its memory goes round.
#[derive(Default)]
pub(super) struct Job {
    pub(super) hdr: VirtioNetHdr,
    pub(super) frame: Vec<u8>,
}

/// What the engine did since the last batch.
#[derive(Default)]
pub(super) struct Batch {
    /// Frames that left, in order.
    pub(super) frames: Vec<EmittedFrame>,
    /// Super-frames that came back, in order, all of whose frames left before.
    pub(super) done: usize,
    /// Jobs whose bytes are in the process's memory, to be used again.
    pub(super) taken: Vec<Job>,
}

/// What the engine counted since the beginning.
#[derive(Clone, Debug, Default)]
pub(super) struct Totals {
    /// Simulated clocks.
    pub(super) clocks: u64,
    /// Time of these clocks.
    pub(super) busy: Duration,
    /// What the thread had of a processor meanwhile.
    pub(super) cpu: Duration,
    pub(super) refused: u64,
    pub(super) faults: u64,
    pub(super) tlb_hits: u64,
    pub(super) tlb_misses: u64,
    pub(super) walks: u64,
}

/// From the engine.
pub(super) enum Answer {
    Frames(Batch),
    Totals(Totals),
    /// The engine has ended.
    End(Result<()>),
}

/// The engine's end of the channel of answers.
pub(super) struct Sender {
    answers: mpsc::Sender<Answer>,
    bell: File,
}

impl Sender {
    /// Sends and wakes the relay. Once that is gone, nobody wants to know.
    pub(super) fn send(&self, answer: Answer) {
        if self.answers.send(answer).is_ok() {
            // fails only when 2^64 - 1 wakes have not been noticed
            let _ = (&self.bell).write(&1u64.to_ne_bytes());
        }
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        // whoever waits is to see that nothing will come any more, as when the engine panicked
        let _ = (&self.bell).write(&1u64.to_ne_bytes());
    }
}

/// The relay's end.
pub(super) struct Receiver {
    answers: mpsc::Receiver<Answer>,
    bell: File,
}

impl Receiver {
    /// Silences the bell until there is more. What there is must be taken after that.
    pub(super) fn silence(&self) {
        // fails when it did not ring
        let _ = (&self.bell).read(&mut [0; 8]);
    }

    /// The next answer, if there is one; the end when the engine went without a word.
    pub(super) fn take(&self) -> Option<Answer> {
        match self.answers.try_recv() {
            Ok(answer) => Some(answer),
            Err(mpsc::TryRecvError::Empty) => None,
            Err(mpsc::TryRecvError::Disconnected) => Some(Answer::End(Err(anyhow!("the simulation failed")))),
        }
    }
}

impl AsFd for Receiver {
    /// Readable when there is something to take.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

/// A channel that a thread can wait for along with files.
pub(super) fn channel() -> std::io::Result<(Sender, Receiver)> {
    let (sender, receiver) = mpsc::channel();
    // SAFETY: no memory is involved.
    let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
    if fd < 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made and has no other owner.
    let bell = unsafe { File::from_raw_fd(fd) };
    Ok((
        Sender {
            answers: sender,
            bell: bell.try_clone()?,
        },
        Receiver {
            answers: receiver,
            bell,
        },
    ))
}
