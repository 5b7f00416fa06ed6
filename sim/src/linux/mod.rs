//! The Linux kernel around the engine: its own segmentation as a judge, and its TCP as a source of super-frames.
//!
//! Everything but [`crate::link`] lives in network namespaces without a name that end with the process, however it ends. Root (or
//! CAP_SYS_ADMIN and CAP_NET_ADMIN), `/dev/net/tun` and iproute2 are needed; [`Unavailable`] says what is missing.

mod compare;
mod mark;
mod named;
mod namespace;
mod oracle;
mod process;
mod source;
mod tap;

pub use compare::{compare, Known, Verdict};
pub(crate) use mark::mark;
pub(crate) use named::end_processes;
pub use named::{remove_stale, NamedNamespace};
pub use namespace::{Namespace, Unavailable};
pub use oracle::{KernelAnswer, KernelOracle};
pub use process::{watch, EndSignals};
pub use source::{SourceOptions, TapSource};
pub use tap::{offload, Kind, Tap, TAP_HDR_BYTES};
