//! A network namespace of one's own.

use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

/// The namespace that the calling thread is in.
const THREAD_NAMESPACE: &str = "/proc/thread-self/ns/net";
/// Device that TAPs are made with.
pub(crate) const TUN: &str = "/dev/net/tun";

/// Why this machine cannot be judge or source, in one sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

/// A network namespace without a name. It ends when this and the sockets and TAPs in it are closed, so a panic or a
/// killed process leaves nothing behind. Clones are the same namespace.
#[derive(Clone)]
pub struct Namespace {
    handle: Arc<File>,
}

impl Namespace {
    /// A new namespace with nothing in it but a loopback interface that is down.
    pub fn new() -> Result<Self, Unavailable> {
        if !Path::new(TUN).exists() {
            return Err(Unavailable(format!("{TUN} is not there: load the module tun")));
        }
        for tool in ["ip", "tc"] {
            if let Err(error) = Command::new(tool).arg("-V").output() {
                return Err(Unavailable(format!("{tool} does not run ({error}): install iproute2")));
            }
        }
        // The thread ends with its namespace; the handle keeps the namespace.
        let made = std::thread::spawn(|| {
            // SAFETY: no memory is involved.
            if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
                return Err(std::io::Error::last_os_error());
            }
            File::open(THREAD_NAMESPACE)
        })
        .join()
        .expect("the thread does not panic");
        match made {
            Ok(handle) => Ok(Namespace { handle: handle.into() }),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(Unavailable(
                "a network namespace cannot be made without root: run as root".to_string(),
            )),
            Err(error) => Err(Unavailable(format!("a network namespace cannot be made: {error}"))),
        }
    }

    /// Runs `work` on a thread that is in the namespace, and so are the sockets and processes that it makes.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                self.enter();
                work()
            });
            match thread.join() {
                Ok(value) => value,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// The open file that keeps the namespace.
    pub(crate) fn handle(&self) -> &File {
        &self.handle
    }

    /// Moves the calling thread into the namespace for good.
    pub(crate) fn enter(&self) {
        // SAFETY: the handle is open; no memory is involved.
        let status = unsafe { libc::setns(self.handle.as_raw_fd(), libc::CLONE_NEWNET) };
        assert_eq!(status, 0, "setns: {}", std::io::Error::last_os_error());
    }

    /// Runs commands of iproute2 in the namespace, words separated by blanks.
    pub(crate) fn commands(&self, lines: &[&str]) -> Result<(), Unavailable> {
        self.run(|| lines.iter().try_for_each(|line| command(line)))
    }

    /// Writes to files under /proc/sys/net as the namespace sees them. A file that is not there is of a protocol that
    /// the kernel does not have.
    pub(crate) fn settings(&self, settings: &[(&str, &str)]) -> Result<(), Unavailable> {
        self.run(|| {
            for (name, value) in settings {
                let path = Path::new("/proc/sys/net").join(name);
                if path.exists() {
                    std::fs::write(&path, value)
                        .map_err(|error| Unavailable(format!("{} cannot be set: {error}", path.display())))?;
                }
            }
            Ok(())
        })
    }
}

pub(crate) fn command(line: &str) -> Result<(), Unavailable> {
    let mut words = line.split_whitespace();
    let tool = words.next().expect("a command has a name");
    let output = Command::new(tool)
        .args(words)
        .output()
        .map_err(|error| Unavailable(format!("{tool} does not run ({error}): install iproute2")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Unavailable(format!("`{line}` fails: {}", said.trim())))
}
