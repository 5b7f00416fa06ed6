//! Programs and sockets at both ends of a link.

use anyhow::{anyhow, bail, ensure, Context, Result};
use segwalk_sim::link::{link, End, Ended, LinkOptions, LinkReport};
use segwalk_sim::linux::{Namespace, Unavailable};
use sha2::{Digest, Sha256};
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Port of the HTTP server and of the UDP receiver.
const PORT: u16 = 8000;
/// Time that traffic may take on a machine that has much else to do; on a quiet one it takes some 15 seconds.
const PATIENCE: Duration = Duration::from_secs(300);
/// Pause before something is tried again.
const PAUSE: Duration = Duration::from_millis(20);

/// Both ends, for traffic.
#[derive(Clone)]
pub struct Ends {
    /// Sends through the engine.
    pub a: Namespace,
    /// Receives.
    pub b: Namespace,
}

/// Runs `work` over a link through the core, and gives what the link carried; none, with a line that says why, when this
/// machine cannot.
pub fn carry(test: &str, options: LinkOptions, work: impl FnOnce(&Ends) -> Result<()> + Send) -> Option<LinkReport> {
    for tool in ["curl", "iperf3"] {
        if let Err(error) = Command::new(tool).arg("--version").output() {
            return skip(
                test,
                &Unavailable(format!("{tool} does not run ({error}): install {tool}")),
            );
        }
    }
    let network = options.network();
    let mut network = match network {
        Ok(network) => network,
        Err(reason) => return skip(test, &reason),
    };
    let options = LinkOptions {
        duration: Some(options.duration.unwrap_or(PATIENCE)),
        dump: std::env::temp_dir().join(format!("segwalk-link-{}-{test}.rec", std::process::id())),
        ..options
    };
    let ends = Ends {
        a: network.namespace(End::A).clone(),
        b: network.namespace(End::B).clone(),
    };
    let core = options.core().expect("the core builds");
    let (finished, ended) = UnixStream::pair().expect("a pair of sockets");
    let (worked, result) = std::thread::scope(|scope| {
        let worker = scope.spawn(move || {
            // closed with the end of the work, also when it panics
            let _finished = finished;
            work(&ends)
        });
        let result = link(core, &mut network, &options, &[ended.as_fd()], None);
        // ends what the worker waits for
        drop(network);
        (worker.join().expect("the traffic does not panic"), result)
    });
    let (ended, report) = result.unwrap_or_else(|error| panic!("{test}: {error:?}"));
    assert!(report.is_good(), "{test}: {report:#?}");
    assert_eq!(ended, Ended::By(0), "{test}: not done in time: {worked:?}\n{report:#?}");
    worked.unwrap_or_else(|error| panic!("{test}: {error:?}\n{report:#?}"));
    let errors = report.b.tcp_checksum_errors + report.b.udp_checksum_errors;
    assert_eq!(errors, 0, "{test}: wrong checksums found by B\n{report:#?}");
    println!(
        "{test}: {:.1} Mbit/s, {} super-frames, {} segments, {:.2} beats a clock, {:.2} M clocks/s, busy {:.0} %",
        report.mbit_per_second(),
        report.super_frames,
        report.segments,
        report.beats_per_clock(),
        report.clocks_per_second() / 1e6,
        100.0 * report.busy_seconds / report.seconds,
    );
    Some(report)
}

/// Says that a test is skipped and why, or fails where nothing may be skipped.
pub fn skip<T>(test: &str, reason: &Unavailable) -> Option<T> {
    assert!(std::env::var_os("SEGWALK_NO_SKIP").is_none(), "{test}: {reason}");
    // past the test runner, which keeps the output of tests that do not fail
    let _ = writeln!(std::io::stderr(), "test {test} ... skipped: {reason}");
    None
}

/// A file that an HTTP server in a namespace has, until this is dropped.
pub struct Server {
    address: SocketAddr,
    digest: String,
    stop: Arc<AtomicBool>,
}

impl Server {
    /// Serves `body` at one address.
    pub fn new(namespace: &Namespace, address: IpAddr, body: Arc<Vec<u8>>) -> Result<Self> {
        let address = SocketAddr::new(address, PORT);
        let listener = namespace
            .run(|| TcpListener::bind(address))
            .context("the server cannot listen")?;
        listener.set_nonblocking(true)?;
        let stop = Arc::new(AtomicBool::new(false));
        let digest = hex::encode(Sha256::digest(&*body));
        let stopped = stop.clone();
        std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                match listener.accept() {
                    // a client that goes away has its own error
                    Ok((stream, _)) => drop(answer(stream, &body)),
                    Err(_) => std::thread::sleep(PAUSE),
                }
            }
        });
        Ok(Server { address, digest, stop })
    }

    /// Fetches the file with curl from the other end, and compares the digests.
    pub fn fetch(&self, from: &Namespace) -> Result<()> {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "-g", "--max-time", &PATIENCE.as_secs().to_string()]);
        curl.arg(format!("http://{}/", self.address)).stdout(Stdio::piped());
        let mut child = from.spawn(&mut curl).context("curl does not run")?;
        let mut output = child.stdout.take().context("curl has no output")?;
        let mut hash = Sha256::new();
        std::io::copy(&mut output, &mut hash)?;
        let status = child.wait()?;
        ensure!(status.success(), "curl from {}: {status}", self.address);
        let digest = hex::encode(hash.finalize());
        ensure!(
            digest == self.digest,
            "{digest} arrived from {}, {} was sent",
            self.address,
            self.digest
        );
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn answer(mut stream: TcpStream, body: &[u8]) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        request.push(byte[0]);
    }
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    stream.write_all(body)
}

/// iperf3 from A to B for so many seconds; gives the megabits a second that B received.
pub fn iperf(ends: &Ends, address: IpAddr, seconds: u32) -> Result<f64> {
    let mut serve = Command::new("iperf3");
    serve.args(["-s", "-1"]).stdout(Stdio::null());
    let mut server = ends.b.spawn(&mut serve).context("iperf3 does not run")?;
    let start = Instant::now();
    let received = loop {
        let mut client = Command::new("iperf3");
        client.args(["-J", "-t", &seconds.to_string(), "-c", &address.to_string()]);
        client.stdout(Stdio::piped()).stderr(Stdio::null());
        let output = ends.a.spawn(&mut client)?.wait_with_output()?;
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let rate = report["end"]["sum_received"]["bits_per_second"].as_f64();
        // The server may not listen yet, or have seen a connection that came to nothing; the client's status does not say.
        match rate {
            Some(rate) if output.status.success() => break Ok(rate / 1e6),
            _ if start.elapsed() > PATIENCE / 10 => break Err(format!("{}: {report}", output.status)),
            _ => {}
        }
        if server.try_wait()?.is_some() {
            server = ends.b.spawn(&mut serve).context("iperf3 does not run")?;
        }
        std::thread::sleep(PAUSE);
    };
    // Its one test may be over, or never have come.
    let _ = server.kill();
    server.wait()?;
    received.map_err(|report| anyhow!("iperf3: {report}"))
}

/// Sends `count` UDP super-frames of `bytes` bytes, in datagrams of `size` bytes, each after the last one arrived.
pub fn datagrams(ends: &Ends, addresses: [IpAddr; 2], count: usize, bytes: usize, size: usize) -> Result<()> {
    let [a, b] = addresses.map(|address| SocketAddr::new(address, PORT));
    let receiver = ends.b.run(|| UdpSocket::bind(b)).context("the receiver cannot bind")?;
    receiver.set_read_timeout(Some(PATIENCE / 10))?;
    let sender = ends.a.run(|| UdpSocket::bind(a)).context("the sender cannot bind")?;
    sender.connect(b)?;
    let size_option = size as libc::c_int;
    // SAFETY: the option is an int, which lives through the call.
    let status = unsafe {
        let value = std::ptr::from_ref(&size_option).cast();
        libc::setsockopt(
            sender.as_raw_fd(),
            libc::SOL_UDP,
            libc::UDP_SEGMENT,
            value,
            size_of_val(&size_option) as _,
        )
    };
    ensure!(status == 0, "UDP_SEGMENT: {}", std::io::Error::last_os_error());
    let mut buffer = vec![0; 65_536];
    for number in 0..count {
        let data: Vec<u8> = (0..bytes).map(|at| (at * 7 + at / 256 + number) as u8).collect();
        let sent = sender.send(&data).with_context(|| format!("super-frame {number}"))?;
        ensure!(sent == bytes, "{sent} bytes went of {bytes}");
        for part in data.chunks(size) {
            let read = match receiver.recv(&mut buffer) {
                Err(error) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind()) => {
                    bail!("a datagram of super-frame {number} did not come")
                }
                result => result?,
            };
            ensure!(
                buffer[..read] == *part,
                "a datagram of super-frame {number} arrived wrong"
            );
        }
    }
    Ok(())
}
