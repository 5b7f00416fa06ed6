//! Page tables: formats as data, the reference walk, and a builder.
//!
//! **Order of the checks.** When several things are wrong the first of this list is reported, and the RTL agrees:
//!
//! 1. `BadContext`: the mode is off, reserved, or not served.
//! 2. `NonCanonical`; in Bare, address bits above the physical width: `PhysRange`.
//! 3. For each level from the root, on the entry just read:
//!    `WalkBusError`, `NotPresent`, `ReservedBits`, `PhysRange` (RISC-V page number beyond the physical width).
//! 4. On the leaf: `Misaligned` (x86: `ReservedBits`, already in 3), `Supervisor`, `NotReadable` for a read or
//!    `NotWritable` for a write, `AccessedClear`.
//!
//! x86 permissions and accessed bits gather over all levels and are judged at the leaf.

mod builder;
mod causes;
mod explain;
mod format;
mod show;
mod walk;

pub use builder::{AddressSpace, BuildError, FrameAllocator, Permissions};
pub use format::{Canonical, Format, LeafRule, Mode, PermissionRule, FORMATS};
pub use show::size_name;
pub use walk::{translate, walk, Access, Context, EntryKind, Step, Translation, Walk};

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod tests;
