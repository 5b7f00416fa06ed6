//! Namespaces with a name, for whoever wants to enter them by hand, which are gone at the end all the same.

use super::namespace::{command, Namespace, Unavailable};
use std::collections::HashSet;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Where iproute2 keeps the names of namespaces.
const FOLDER: &str = "/run/netns";
/// What all names begin with.
const PREFIX: &str = "segwalk-";
/// Time that processes get to end by themselves.
const GRACE: Duration = Duration::from_secs(1);
/// Pause between two looks at whether they have.
const PAUSE: Duration = Duration::from_millis(5);

/// A namespace with a name that `ip netns exec` knows. When it is dropped, the processes in it are ended and the name
/// goes. A killed process leaves the name and perhaps processes behind; [`remove_stale`] finds them, as the lock on the
/// namespace went with their owner.
pub struct NamedNamespace {
    inner: Namespace,
    name: String,
}

impl NamedNamespace {
    /// A new namespace; its name is made of the number of this process and of `role`, which must not have been there.
    pub fn new(role: &str) -> Result<Self, Unavailable> {
        let inner = Namespace::new()?;
        // Before it has a name, so that nobody takes it for a stale one.
        if !lock(inner.handle()) {
            return Err(Unavailable("a network namespace cannot be locked".to_string()));
        }
        let name = format!("{PREFIX}{}-{role}", std::process::id());
        inner.run(|| {
            // SAFETY: no memory is involved.
            let thread = unsafe { libc::gettid() };
            command(&format!("ip netns attach {name} {thread}"))
        })?;
        Ok(NamedNamespace { inner, name })
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The namespace.
    pub fn namespace(&self) -> &Namespace {
        &self.inner
    }
}

impl Drop for NamedNamespace {
    fn drop(&mut self) {
        end_processes(&[self.inner.handle()]);
        remove_name(&Path::new(FOLDER).join(&self.name));
    }
}

/// Removes what killed processes left behind, and gives the names.
pub fn remove_stale() -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(FOLDER) else {
        return Vec::new();
    };
    let mut removed = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let of_ours = name
            .strip_prefix(PREFIX)
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        if !of_ours {
            continue;
        }
        let path = entry.path();
        match File::open(&path) {
            Ok(file) if lock(&file) => end_processes(&[&file]),
            _ => continue,
        }
        remove_name(&path);
        removed.push(name);
    }
    removed
}

/// Takes the lock that goes with this process; false when another one has it.
fn lock(file: &File) -> bool {
    // SAFETY: the descriptor is open; no memory is involved.
    unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) == 0 }
}

fn remove_name(path: &PathBuf) {
    if let Ok(text) = std::ffi::CString::new(path.as_os_str().as_encoded_bytes()) {
        // SAFETY: the text ends with a zero. Where nothing is mounted, there is only the file to remove.
        unsafe { libc::umount2(text.as_ptr(), libc::MNT_DETACH) };
    }
    // Whoever removed it by hand did the same.
    let _ = std::fs::remove_file(path);
}

/// Ends all processes in some namespaces: asks them first, and does not ask after [`GRACE`].
pub(crate) fn end_processes(namespaces: &[&File]) {
    let inodes: HashSet<u64> = namespaces
        .iter()
        .filter_map(|file| file.metadata().ok())
        .map(|data| data.ino())
        .collect();
    let start = Instant::now();
    let mut asked = HashSet::new();
    loop {
        let found = processes(&inodes);
        if found.is_empty() || start.elapsed() > 2 * GRACE {
            return;
        }
        let patient = start.elapsed() < GRACE;
        for process in found {
            // SAFETY: no memory is involved. A process that is gone is what is wanted; a stopped one hears nothing before
            // it goes on.
            unsafe {
                if !patient {
                    libc::kill(process, libc::SIGKILL);
                } else if asked.insert(process) {
                    libc::kill(process, libc::SIGTERM);
                    libc::kill(process, libc::SIGCONT);
                }
            }
        }
        std::thread::sleep(PAUSE);
    }
}

/// Processes in some namespaces that have not ended, this one left out.
fn processes(inodes: &HashSet<u64>) -> Vec<libc::pid_t> {
    let own = std::process::id() as libc::pid_t;
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let numbers = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers
        .filter(|number: &libc::pid_t| *number != own)
        .filter(|number| {
            // one that has ended has no namespace any more
            let namespace = std::fs::metadata(format!("/proc/{number}/ns/net"));
            namespace.is_ok_and(|data| inodes.contains(&data.ino()))
        })
        .collect()
}
