//! Address spaces, and taking back translations.

use crate::error::Error;
use crate::handshake::wait;
use crate::platform::{read, write, write_pair, Bus};
use segwalk_model::registers::{self, Field};

const SELECT: Field = registers::CTX_SELECT.field("context");
const MODE: Field = registers::CTX_MODE.field("mode");
const USER_ONLY: Field = registers::CTX_MODE.field("user_only");
const ACCESSED_FAULTS: Field = registers::CTX_MODE.field("accessed_faults");
const INVALIDATE: Field = registers::TLB_CONTROL.field("invalidate");
const KIND: Field = registers::TLB_CONTROL.field("kind");
const CONTEXT: Field = registers::TLB_CONTROL.field("context");

/// An address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressSpace {
    /// One of [`registers::mode`].
    pub mode: u32,
    /// Physical address of the root table; of no meaning in Bare mode.
    pub root: u64,
    /// Only pages that user mode may read are allowed.
    pub user_only: bool,
    /// An accessed bit of 0 is a fault.
    pub accessed_faults: bool,
}

impl AddressSpace {
    /// Virtual is physical.
    pub const BARE: Self = Self {
        mode: registers::mode::BARE,
        root: 0,
        user_only: false,
        accessed_faults: false,
    };
    /// Nothing may be accessed.
    pub const OFF: Self = Self {
        mode: registers::mode::OFF,
        ..Self::BARE
    };

    /// A process's page tables; only pages of user mode are allowed.
    pub const fn user(mode: u32, root: u64) -> Self {
        Self {
            mode,
            root,
            user_only: true,
            accessed_faults: false,
        }
    }
}

/// Makes context `context` this address space. Its translations are invalidated: wait with [`invalidation_is_done`]
/// before memory of the old one is given to somebody else.
pub fn set_context<B: Bus + ?Sized>(bus: &mut B, context: u8, space: &AddressSpace) -> Result<(), B::Error> {
    write(bus, registers::CTX_SELECT, SELECT.put(context.into()))?;
    let checks = USER_ONLY.put(space.user_only.into()) | ACCESSED_FAULTS.put(space.accessed_faults.into());
    write(bus, registers::CTX_MODE, MODE.put(space.mode) | checks)?;
    write_pair(bus, registers::CTX_ROOT_LOW, registers::CTX_ROOT_HIGH, space.root)?;
    write(bus, registers::CTX_COMMIT, 1)
}

/// What is invalidated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every translation.
    All,
    /// Those of a context.
    Context(u8),
    /// That of the page at an address of a context.
    Page(u8, u64),
}

/// Begins an invalidation. Change the page tables before it, and use memory that was taken away only when
/// [`invalidation_is_done`].
pub fn start_invalidation<B: Bus + ?Sized>(bus: &mut B, scope: Scope) -> Result<(), B::Error> {
    let (kind, context) = match scope {
        Scope::All => (0, 0),
        Scope::Context(context) => (1, context),
        Scope::Page(context, virt_addr) => {
            write_pair(bus, registers::TLB_ADDR_LOW, registers::TLB_ADDR_HIGH, virt_addr)?;
            (2, context)
        }
    };
    let value = INVALIDATE.put(1) | KIND.put(kind) | CONTEXT.put(context.into());
    write(bus, registers::TLB_CONTROL, value)
}

/// Whether nothing in the engine uses an invalidated translation any more.
pub fn invalidation_is_done<B: Bus + ?Sized>(bus: &mut B) -> Result<bool, B::Error> {
    Ok(INVALIDATE.get(read(bus, registers::TLB_CONTROL)?) == 0)
}

/// Invalidates and waits until that is complete.
pub fn invalidate<B: Bus + ?Sized>(bus: &mut B, scope: Scope) -> Result<(), Error<B::Error>> {
    start_invalidation(bus, scope)?;
    wait(bus, "the invalidation", |bus| invalidation_is_done(bus))
}
