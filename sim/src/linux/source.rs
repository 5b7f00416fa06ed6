//! Super-frames from the kernel's own TCP: two namespaces and a relay between them that segments.

use super::mark::mark;
use super::namespace::{Namespace, Unavailable};
use super::tap::{offload, wait, Kind, Tap};
use anyhow::{ensure, Context, Result};
use segwalk_model::segment::IpVersion;
use segwalk_model::virtio_net_hdr::VirtioNetHdr;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Port of the receiver.
const PORT: u16 = 5001;
/// Bytes of a write to the sender's socket.
const WRITE_BYTES: usize = 1 << 18;
/// Time without any payload after which a transfer has failed.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest time between two looks at whether the transfer is over.
const POLL: Duration = Duration::from_millis(20);
/// One in so many segments is marked "congestion experienced" when ECN is asked for.
const MARKED_ONE_IN: u64 = 700;

/// What the traffic is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceOptions {
    /// MTU of both interfaces.
    pub mtu: u16,
    /// Network layer.
    pub ip: IpVersion,
    /// Classic ECN (RFC 3168), with congestion marks on the way, so that CWR occurs.
    pub ecn: bool,
}

/// A sender behind a TAP that takes super-frames, a receiver behind one that does not.
pub struct TapSource {
    options: SourceOptions,
    sender: Namespace,
    receiver: Namespace,
    sender_tap: Tap,
    receiver_tap: Tap,
    segments: u64,
}

impl TapSource {
    /// Sets up both namespaces.
    pub fn new(options: SourceOptions) -> Result<Self, Unavailable> {
        let (sender, receiver) = (Namespace::new()?, Namespace::new()?);
        let sender_tap = Tap::new(&sender, "tap", Kind::Offload(offload::ALL))?;
        let receiver_tap = Tap::new(&receiver, "tap", Kind::Plain)?;
        for (host, namespace) in [(1, &sender), (2, &receiver)] {
            namespace.settings(&[
                ("ipv6/conf/all/accept_dad", "0"),
                ("ipv6/conf/default/accept_dad", "0"),
                ("ipv4/tcp_ecn", if options.ecn { "1" } else { "0" }),
            ])?;
            let address = match options.ip {
                IpVersion::V4 => format!("ip addr add 192.0.2.{host}/24 dev tap"),
                IpVersion::V6 => format!("ip addr add 2001:db8::{host}/64 dev tap nodad"),
            };
            namespace.commands(&[
                &format!("ip link set tap mtu {} txqueuelen 5000 up", options.mtu),
                &address,
            ])?;
        }
        Ok(TapSource {
            options,
            sender,
            receiver,
            sender_tap,
            receiver_tap,
            segments: 0,
        })
    }

    /// Sends `bytes` bytes over TCP. Every frame of the sender goes through `segment`, whose frames go to the receiver,
    /// which checks each byte. `progress` is told how many arrived.
    pub fn transfer(
        &mut self,
        bytes: u64,
        mut segment: impl FnMut(&VirtioNetHdr, &[u8]) -> Result<Vec<Vec<u8>>>,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<()> {
        let address: SocketAddr = match self.options.ip {
            IpVersion::V4 => ([192, 0, 2, 2], PORT).into(),
            IpVersion::V6 => ([0x2001, 0xDB8, 0, 0, 0, 0, 0, 2], PORT).into(),
        };
        let listener = self
            .receiver
            .run(|| TcpListener::bind(address))
            .context("the receiver cannot listen")?;
        let arrived = AtomicU64::new(0);
        let TapSource { sender, .. } = self;
        let sender = &*sender;
        // what the relay needs, apart from the namespaces
        let mut relay = Relay {
            ecn: self.options.ecn,
            sender_tap: &mut self.sender_tap,
            receiver_tap: &mut self.receiver_tap,
            segments: &mut self.segments,
        };
        std::thread::scope(|scope| {
            let receiving = scope.spawn(|| receive(&listener, bytes, &arrived));
            let sending = scope.spawn(|| {
                sender.enter();
                send(address, bytes)
            });
            let (mut seen, mut since) = (0, Instant::now());
            let mut result = Ok(());
            while !(receiving.is_finished() && sending.is_finished()) {
                if let Err(error) = relay.step(&mut segment) {
                    result = Err(error);
                    break;
                }
                let now = arrived.load(Ordering::Relaxed);
                if now != seen {
                    (seen, since) = (now, Instant::now());
                    progress(now, bytes);
                }
                if since.elapsed() > PATIENCE {
                    result = Err(anyhow::anyhow!("nothing arrives any more after {now} of {bytes} bytes"));
                    break;
                }
            }
            // Without the relay the sockets time out, so the threads end in any case.
            let sent = sending.join().expect("the sender does not panic");
            let received = receiving.join().expect("the receiver does not panic");
            result.and(sent).and(received)
        })
    }
}

struct Relay<'a> {
    ecn: bool,
    sender_tap: &'a mut Tap,
    receiver_tap: &'a mut Tap,
    segments: &'a mut u64,
}

impl Relay<'_> {
    /// Carries what is there in both directions, or waits for something.
    fn step(&mut self, segment: &mut impl FnMut(&VirtioNetHdr, &[u8]) -> Result<Vec<Vec<u8>>>) -> Result<()> {
        let mut idle = true;
        if let Some((hdr, frame)) = self.sender_tap.read().context("the sender's TAP cannot be read")? {
            for mut frame in segment(&hdr, frame)? {
                *self.segments += 1;
                if self.ecn && *self.segments % MARKED_ONE_IN == 0 {
                    mark(&mut frame);
                }
                self.receiver_tap
                    .write(&VirtioNetHdr::default(), &frame)
                    .context("the receiver's TAP does not take a segment")?;
            }
            idle = false;
        }
        while let Some((_, frame)) = self.receiver_tap.read().context("the receiver's TAP cannot be read")? {
            self.sender_tap
                .write(&VirtioNetHdr::default(), frame)
                .context("the sender's TAP does not take a frame")?;
            idle = false;
        }
        if idle {
            wait(&[&*self.sender_tap, &*self.receiver_tap], POLL)?;
        }
        Ok(())
    }
}

/// Byte `at` of the stream.
fn byte(at: u64) -> u8 {
    (at ^ at >> 8 ^ at >> 16).wrapping_mul(0x9D) as u8
}

fn send(address: SocketAddr, bytes: u64) -> Result<()> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).context("the sender cannot connect")?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut at = 0;
    while at < bytes {
        let end = bytes.min(at + WRITE_BYTES as u64);
        let data: Vec<u8> = (at..end).map(byte).collect();
        stream.write_all(&data).context("the sender cannot send")?;
        at = end;
    }
    Ok(())
}

fn receive(listener: &TcpListener, bytes: u64, arrived: &AtomicU64) -> Result<()> {
    listener.set_nonblocking(true)?;
    let start = Instant::now();
    let mut stream = loop {
        match listener.accept() {
            Ok((stream, _)) => break stream,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                ensure!(start.elapsed() < PATIENCE, "no connection came to the receiver");
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(error) => return Err(error).context("the receiver cannot accept"),
        }
    };
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut buffer = vec![0; WRITE_BYTES];
    let mut at = 0;
    loop {
        let count = stream.read(&mut buffer).context("the receiver cannot receive")?;
        if count == 0 {
            break;
        }
        let wrong = (at..).zip(&buffer[..count]).find(|(at, data)| byte(*at) != **data);
        ensure!(
            wrong.is_none(),
            "byte {} of the stream arrived wrong",
            wrong.map_or(0, |wrong| wrong.0)
        );
        at += count as u64;
        arrived.store(at, Ordering::Relaxed);
    }
    ensure!(at == bytes, "{at} bytes arrived instead of {bytes}");
    Ok(())
}
