//! Serial ports of this computer, and a simulated board behind a pseudo-terminal, which speaks the same bytes.

use super::bench::{BoardBench, WireFrame};
use super::client::Serial;
use anyhow::{anyhow, Context as _, Result};
use serialport::{SerialPort, TTYPort};
use std::io::{ErrorKind, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// A serial port.
pub struct PortSerial {
    port: Box<dyn SerialPort>,
}

impl PortSerial {
    /// Opens `device` with `baud` bits a second.
    pub fn open(device: &str, baud: u32) -> Result<Self> {
        let port = serialport::new(device, baud).open().with_context(|| {
            format!("cannot open {device} with {baud} baud; check its name (`ls /dev/tty*`) and that you may use it")
        })?;
        Ok(Self { port })
    }
}

impl Serial for PortSerial {
    fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.port
            .write_all(bytes)
            .context("the serial port takes no more bytes; is the board still there?")?;
        Ok(())
    }

    fn receive(&mut self, timeout: Duration) -> Result<Option<u8>> {
        self.port.set_timeout(timeout)?;
        let mut byte = [0];
        match self.port.read(&mut byte) {
            Ok(1) => Ok(Some(byte[0])),
            Ok(_) => Ok(None),
            Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::Interrupted) => Ok(None),
            Err(error) => Err(error).context("the serial port fails; is the board still there?"),
        }
    }

    fn pause(&mut self, time: Duration) -> Result<()> {
        std::thread::sleep(time);
        Ok(())
    }
}

/// Clocks between two looks at the pseudo-terminal.
const SLICE_CLOCKS: u32 = 2000;
/// Clocks without a byte or a frame after which a board that was told to stop has nothing more to say.
const QUIET_CLOCKS: u32 = 60_000;

/// A simulated board that runs in a thread, with its UART at a pseudo-terminal.
pub struct PtyBoard {
    /// What a program opens in place of a serial port.
    pub device: String,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<Vec<WireFrame>>>>,
    // keeps the terminal open while nobody else has it
    _slave: TTYPort,
}

impl PtyBoard {
    /// Starts `bench`.
    pub fn start(bench: BoardBench) -> Result<Self> {
        let (mut master, slave) = TTYPort::pair().context("cannot make a pseudo-terminal")?;
        master.set_timeout(Duration::from_millis(0))?;
        let device = slave.name().ok_or_else(|| anyhow!("the pseudo-terminal has no name"))?;
        let stop = Arc::new(AtomicBool::new(false));
        let told = stop.clone();
        let thread = std::thread::Builder::new()
            .name("board".into())
            .spawn(move || serve(bench, master, &told))?;
        Ok(Self {
            device,
            stop,
            thread: Some(thread),
            _slave: slave,
        })
    }

    /// Lets the board finish what it is at, and gives the frames of its wire.
    pub fn finish(mut self) -> Result<Vec<WireFrame>> {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self
            .thread
            .take()
            .ok_or_else(|| anyhow!("the simulated board was stopped twice"))?;
        thread
            .join()
            .map_err(|_| anyhow!("the simulation panicked; its message is above"))?
    }

    /// Whether the simulation has ended by itself, which is an error that [`PtyBoard::finish`] gives.
    pub fn has_failed(&self) -> bool {
        self.thread.as_ref().is_some_and(JoinHandle::is_finished)
    }
}

impl Drop for PtyBoard {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn serve(mut bench: BoardBench, mut master: TTYPort, stop: &AtomicBool) -> Result<Vec<WireFrame>> {
    let mut bytes = [0; 4096];
    let mut quiet = 0;
    loop {
        let got = match master.read(&mut bytes) {
            Ok(got) => got,
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::TimedOut | ErrorKind::WouldBlock | ErrorKind::Interrupted
                ) =>
            {
                0
            }
            // nobody has the other side open
            Err(error) if error.raw_os_error() == Some(libc::EIO) => 0,
            Err(error) => return Err(error).context("the pseudo-terminal fails"),
        };
        bench.push(&bytes[..got]);
        let before = (bench.busy_bytes(), bench.is_quiet());
        for _ in 0..SLICE_CLOCKS {
            bench.step()?;
        }
        let answer = bench.take_received();
        master
            .write_all(&answer)
            .context("the pseudo-terminal takes no more bytes")?;
        let busy = got > 0 || !answer.is_empty() || before != (bench.busy_bytes(), true);
        quiet = if busy { 0 } else { quiet + SLICE_CLOCKS };
        if quiet >= QUIET_CLOCKS {
            if stop.load(Ordering::Relaxed) {
                return Ok(std::mem::take(&mut bench.frames));
            }
            // Nothing moves: the processor has better things to do than to simulate it.
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
