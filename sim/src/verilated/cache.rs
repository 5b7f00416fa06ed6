//! Where built models are kept, and the lock that lets one process build while others wait.

use anyhow::Context as _;
use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

/// Folder of all built models: `SEGWALK_CACHE`, or `verilated` in the workspace's target folder, or a folder for
/// temporary files when the program runs away from its sources.
pub(super) fn folder() -> PathBuf {
    if let Some(folder) = std::env::var_os("SEGWALK_CACHE") {
        return folder.into();
    }
    if let Some(folder) = std::env::var_os("CARGO_TARGET_DIR") {
        return Path::new(&folder).join("verilated");
    }
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    match workspace.filter(|w| w.join("Cargo.toml").exists()) {
        Some(workspace) => workspace.join("target/verilated"),
        None => std::env::temp_dir().join("segwalk-verilated"),
    }
}

/// Held while an entry is built; also between threads, as each lock opens the file anew.
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for the entry's lock.
    pub(super) fn take(cache: &Path, entry: &str) -> anyhow::Result<Lock> {
        std::fs::create_dir_all(cache).with_context(|| {
            format!(
                "cannot make the folder {}; set SEGWALK_CACHE to one that can be written",
                cache.display()
            )
        })?;
        let path = cache.join(format!("{entry}.lock"));
        let file = File::create(&path).with_context(|| {
            format!(
                "cannot write {}; set SEGWALK_CACHE to a folder that can be written",
                path.display()
            )
        })?;
        loop {
            // Safety: the descriptor is open for the whole call. The lock goes with the last close.
            if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX) } == 0 {
                return Ok(Lock { _file: file });
            }
            let error = std::io::Error::last_os_error();
            if error.kind() != std::io::ErrorKind::Interrupted {
                return Err(error).with_context(|| format!("cannot lock {}", path.display()));
            }
        }
    }
}
