//! TAP interfaces.

use super::namespace::{Namespace, Unavailable, TUN};
use segwalk_model::virtio_net_hdr::VirtioNetHdr;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

/// Bytes of `virtio_net_hdr` in front of a TAP's frames: without `num_buffers`.
pub const TAP_HDR_BYTES: usize = 10;
/// Largest read: a super-frame and its header.
const READ_BYTES_MAX: usize = 1 << 18;

/// What a TAP's reader takes (`TUN_F_*` of linux/if_tun.h).
pub mod offload {
    /// Frames whose checksum is still to be completed.
    pub const CSUM: u32 = 0x01;
    /// Super-frames of TCP over IPv4.
    pub const TSO4: u32 = 0x02;
    /// Super-frames of TCP over IPv6.
    pub const TSO6: u32 = 0x04;
    /// Super-frames with CWR.
    pub const TSO_ECN: u32 = 0x08;
    /// Super-frames of UDP over IPv4.
    pub const USO4: u32 = 0x20;
    /// Super-frames of UDP over IPv6.
    pub const USO6: u32 = 0x40;
    /// All of these.
    pub const ALL: u32 = CSUM | TSO4 | TSO6 | TSO_ECN | USO4 | USO6;
}

/// Whether frames carry a `virtio_net_hdr`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Frames as on the wire.
    Plain,
    /// A header of [`TAP_HDR_BYTES`] in front; the value says which frames the reader takes ([`offload`]).
    Offload(u32),
}

/// A TAP interface; it goes when this is dropped.
pub struct Tap {
    file: File,
    kind: Kind,
    buffer: Vec<u8>,
}

impl Tap {
    /// Makes an interface in a namespace. It is down and has no address.
    pub fn new(namespace: &Namespace, name: &str, kind: Kind) -> Result<Self, Unavailable> {
        let file = namespace
            .run(|| open(name, kind))
            .map_err(|error| Unavailable(format!("a TAP interface cannot be made: {error}")))?;
        Ok(Tap {
            file,
            kind,
            buffer: vec![0; READ_BYTES_MAX],
        })
    }

    /// Hands the kernel a frame, as if it came in on the interface. `hdr` goes in front if the interface has headers.
    pub fn write(&mut self, hdr: &VirtioNetHdr, frame: &[u8]) -> io::Result<()> {
        let hdr = hdr.to_bytes();
        let hdr = match self.kind {
            Kind::Plain => &hdr[..0],
            Kind::Offload(_) => &hdr[..TAP_HDR_BYTES],
        };
        let all = [IoSlice::new(hdr), IoSlice::new(frame)];
        let written = loop {
            match self.file.write_vectored(&all) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        if written != hdr.len() + frame.len() {
            return Err(io::Error::other(format!(
                "the TAP took {written} bytes of a frame only"
            )));
        }
        Ok(())
    }

    /// Takes a frame that the kernel sends on the interface; none when there is none at the moment.
    pub fn read(&mut self) -> io::Result<Option<(VirtioNetHdr, &[u8])>> {
        let bytes = loop {
            match self.file.read(&mut self.buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                result => break result?,
            }
        };
        let read = &self.buffer[..bytes];
        match self.kind {
            Kind::Plain => Ok(Some((VirtioNetHdr::default(), read))),
            Kind::Offload(_) => {
                let mut hdr = [0; segwalk_model::limits::VIRTIO_NET_HDR_BYTES];
                hdr[..TAP_HDR_BYTES].copy_from_slice(&read[..TAP_HDR_BYTES]);
                Ok(Some((VirtioNetHdr::parse(&hdr), &read[TAP_HDR_BYTES..])))
            }
        }
    }
}

impl AsFd for Tap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Waits until one of the TAPs has a frame, no longer than `timeout`.
pub(crate) fn wait(taps: &[&Tap], timeout: Duration) -> io::Result<()> {
    let mut polled: Vec<libc::pollfd> = taps
        .iter()
        .map(|tap| libc::pollfd {
            fd: tap.file.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        })
        .collect();
    // SAFETY: the array lives through the call and has the length that is given.
    let status = unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as _, timeout.as_millis() as _) };
    match io::Error::last_os_error() {
        error if status < 0 && error.kind() != ErrorKind::Interrupted => Err(error),
        _ => Ok(()),
    }
}

fn open(name: &str, kind: Kind) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(TUN)?;
    let flags = libc::IFF_TAP | libc::IFF_NO_PI;
    let vnet = match kind {
        Kind::Plain => 0,
        Kind::Offload(_) => libc::IFF_VNET_HDR,
    };
    // SAFETY: all zeros is a value of this plain C structure.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    assert!(name.len() < request.ifr_name.len(), "an interface's name is short");
    for (place, byte) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *place = byte as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (flags | vnet) as libc::c_short;
    let fd = file.as_raw_fd();
    // SAFETY: TUNSETIFF reads and writes an ifreq.
    check(unsafe { libc::ioctl(fd, libc::TUNSETIFF as _, &mut request) })?;
    if let Kind::Offload(offload) = kind {
        set_header_bytes(fd)?;
        // SAFETY: TUNSETOFFLOAD takes its flags as the argument itself.
        check(unsafe { libc::ioctl(fd, libc::TUNSETOFFLOAD as _, libc::c_ulong::from(offload)) })?;
    }
    Ok(file)
}

fn set_header_bytes(fd: RawFd) -> io::Result<()> {
    let bytes = TAP_HDR_BYTES as libc::c_int;
    let little_endian: libc::c_int = 1;
    // SAFETY: both read an int.
    unsafe {
        check(libc::ioctl(fd, libc::TUNSETVNETHDRSZ as _, &bytes))?;
        check(libc::ioctl(fd, libc::TUNSETVNETLE as _, &little_endian))
    }
}

fn check(status: libc::c_int) -> io::Result<()> {
    if status < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
