//! Why the driver cannot do what it was asked to.

use core::fmt;

/// An error of the driver; `E` is the platform's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error<E> {
    /// An access failed.
    Platform(E),
    /// The register block starts with this instead of "virt".
    NoDevice(u32),
    /// The device has this virtio-mmio version.
    Version(u32),
    /// The device has this virtio ID.
    DeviceId(u32),
    /// Feature bits that are not offered.
    NotOffered(u64),
    /// The device refuses these feature bits.
    NotAccepted(u64),
    /// A reset, an invalidation or the end of a queue is not complete after very long.
    TakesTooLong(&'static str),
    /// The queue takes fewer descriptors.
    QueueSize {
        /// Descriptors asked for.
        size: u32,
        /// Most that the queue takes.
        most: u32,
    },
    /// The queue is in use already.
    QueueInUse(u32),
    /// The slots that were lent are fewer than the queue's descriptors.
    Slots(usize),
    /// A chain without a byte.
    EmptyChain,
    /// The chain needs more descriptors than are free.
    Full {
        /// Descriptors of the chain.
        needed: usize,
        /// Descriptors that no posted chain uses.
        free: usize,
    },
    /// The device returned a head that was not posted.
    NotPosted(u32),
    /// The device says that it wrote into a chain of a transmit queue.
    Written {
        /// Head of the chain.
        head: u16,
        /// Bytes.
        bytes: u32,
    },
}

impl<E> From<E> for Error<E> {
    fn from(error: E) -> Self {
        Error::Platform(error)
    }
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Error::Platform(error) => write!(f, "{error}"),
            Error::NoDevice(magic) => write!(
                f,
                "the register block starts with {magic:#x} instead of \"virt\"; correct its address"
            ),
            Error::Version(version) => write!(
                f,
                "the device has virtio-mmio version {version}; the driver knows version 2"
            ),
            Error::DeviceId(id) => write!(f, "the device has the virtio ID {id}; a network device has 1"),
            Error::NotOffered(bits) => write!(
                f,
                "the device does not offer the feature bits {bits:#x}; do not ask for them"
            ),
            Error::NotAccepted(bits) => write!(f, "the device refuses the feature bits {bits:#x}"),
            Error::TakesTooLong(what) => write!(f, "{what} is not complete after very long; reset the device"),
            Error::QueueSize { size, most } => write!(
                f,
                "the device does not take {size} as a queue size; take a power of two up to {most}"
            ),
            Error::QueueInUse(number) => write!(f, "transmit queue {number} is in use already; stop it first"),
            Error::Slots(count) => write!(f, "{count} slots are too few; lend one for each descriptor"),
            Error::EmptyChain => write!(f, "a chain needs a descriptor; give it a buffer with a byte"),
            Error::Full { needed, free } => write!(
                f,
                "a chain of {needed} descriptors does not fit, {free} are free; reap first or take a larger queue"
            ),
            Error::NotPosted(head) => write!(f, "head {head} came back, but it is not posted; reset the device"),
            Error::Written { head, bytes } => {
                write!(f, "head {head} came back with {bytes} bytes written; reset the device")
            }
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for Error<E> {}
