//! Processes in namespaces, and signals as something that can be waited for.

use super::namespace::Namespace;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

/// What a user ends a program with.
const ENDING: [libc::c_int; 3] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];

fn ending() -> libc::sigset_t {
    // SAFETY: sigemptyset makes it a set, and the numbers are signals.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        for signal in ENDING {
            libc::sigaddset(&mut set, signal);
        }
        set
    }
}

/// SIGINT, SIGTERM and SIGHUP do not end this process any more; instead, this becomes readable. To be made before any
/// thread is, as threads inherit it.
pub struct EndSignals {
    file: OwnedFd,
}

impl EndSignals {
    /// From now on until the process ends.
    pub fn catch() -> io::Result<Self> {
        let set = ending();
        // SAFETY: the set lives through both calls.
        let fd = unsafe {
            let status = libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
            if status != 0 {
                return Err(io::Error::from_raw_os_error(status));
            }
            libc::signalfd(-1, &set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK)
        };
        own(fd.into()).map(|file| EndSignals { file })
    }
}

impl AsFd for EndSignals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Becomes readable when a process has ended.
pub fn watch(child: &Child) -> io::Result<OwnedFd> {
    // SAFETY: no memory is involved. The child has not been waited for, so its number is its own.
    own(unsafe { libc::syscall(libc::SYS_pidfd_open, child.id() as libc::pid_t, 0) })
}

fn own(fd: libc::c_long) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made and has no other owner.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as libc::c_int) })
}

impl Namespace {
    /// Starts a command in the namespace, with signals as usual. It ends at the latest when the calling thread does.
    pub fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        let namespace = self.clone();
        let set = ending();
        let enter = move || {
            // SAFETY: the descriptor is open and the set lives; no memory is allocated, as is right after a fork.
            unsafe {
                if libc::setns(namespace.handle().as_raw_fd(), libc::CLONE_NEWNET) != 0
                    || libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) != 0
                {
                    return Err(io::Error::last_os_error());
                }
                match libc::pthread_sigmask(libc::SIG_UNBLOCK, &set, std::ptr::null_mut()) {
                    0 => Ok(()),
                    status => Err(io::Error::from_raw_os_error(status)),
                }
            }
        };
        // SAFETY: `enter` does only what may be done between fork and exec.
        unsafe { command.pre_exec(enter) };
        command.spawn()
    }
}
