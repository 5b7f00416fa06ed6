//! The reference walk.

use super::format::{Format, Mode, PermissionRule};
use crate::limits::{PHYS_ADDR_BITS, PHYS_PAGE_BITS};
use crate::memory::Memory;
use crate::refusal::FaultCause;

/// What the translated address is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Data is read.
    Read,
    /// Data is written.
    Write,
}

/// One address space, as a row of the context table holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Context {
    /// Translation mode.
    pub mode: Mode,
    /// Physical page number of the root table; bits beyond the engine's width are ignored.
    pub root_page: u64,
    /// Supervisor pages fault.
    pub user_only: bool,
    /// A clear accessed bit faults.
    pub accessed_faults: bool,
}

impl Context {
    /// A context with the mode's defaults: user pages only; a clear accessed bit faults for RISC-V (Svade) and not for
    /// x86.
    pub fn new(mode: Mode, root_page: u64) -> Self {
        let accessed_faults = mode.format().is_some_and(|f| f.permissions == PermissionRule::Leaf);
        Self {
            mode,
            root_page,
            user_only: true,
            accessed_faults,
        }
    }

    /// Virtual addresses are physical addresses.
    pub fn bare() -> Self {
        Self::new(Mode::Bare, 0)
    }

    /// Every access faults with `BadContext`.
    pub fn off() -> Self {
        Self::new(Mode::Off, 0)
    }
}

/// Where an address leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Translation {
    /// Physical address.
    pub phys_addr: u64,
    /// Size of the page that holds it: neighbours within it are physically adjacent. Bare: the physical address space.
    pub page_bytes: u64,
}

/// What one entry of a walk turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// It leads to the next table.
    Pointer,
    /// It is a page.
    Leaf,
    /// The walk ended here with a fault that this entry alone caused.
    Broken,
}

/// One entry that a walk read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Step {
    /// Level, 0 for 4 KiB pages.
    pub level: usize,
    /// Index into the table.
    pub index: u64,
    /// Physical address of the entry.
    pub entry_addr: u64,
    /// The entry, or nothing when the bus answered with an error.
    pub entry: Option<u64>,
    /// What it is.
    pub kind: EntryKind,
}

/// A whole walk, for display.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Walk {
    /// The entries read, root first.
    pub steps: Vec<Step>,
    /// Where it ended.
    pub result: Result<Translation, FaultCause>,
}

/// Translates as the engine does: modes that the hardware of this version does not serve are `BadContext`.
pub fn translate(
    memory: &impl Memory,
    context: &Context,
    virt_addr: u64,
    access: Access,
) -> Result<Translation, FaultCause> {
    if !context.mode.supported_by_rtl() {
        return Err(FaultCause::BadContext);
    }
    walk_with(memory, context, virt_addr, access, |_| ())
}

/// Walks in any format that the tables describe, served by the hardware or not, and keeps every entry.
pub fn walk(memory: &impl Memory, context: &Context, virt_addr: u64, access: Access) -> Walk {
    let mut steps = Vec::new();
    let result = walk_with(memory, context, virt_addr, access, |step| steps.push(step));
    Walk { steps, result }
}

fn walk_with(
    memory: &impl Memory,
    context: &Context,
    virt_addr: u64,
    access: Access,
    mut visit: impl FnMut(Step),
) -> Result<Translation, FaultCause> {
    if context.mode == Mode::Bare {
        if virt_addr >> PHYS_ADDR_BITS != 0 {
            return Err(FaultCause::PhysRange);
        }
        return Ok(Translation {
            phys_addr: virt_addr,
            page_bytes: 1 << PHYS_ADDR_BITS,
        });
    }
    let format = context.mode.format().ok_or(FaultCause::BadContext)?;
    if !format.is_canonical(virt_addr) {
        return Err(FaultCause::NonCanonical);
    }
    let mut table_page = context.root_page & ((1 << PHYS_PAGE_BITS) - 1);
    // permission bits that every entry on the way had; an absent bit counts as set
    let mut gathered = u64::MAX;
    for level in (0..format.levels).rev() {
        let index = format.index(virt_addr, level);
        let entry_addr = (table_page << 12) + index * format.entry_bytes as u64;
        let entry = match format.entry_bytes {
            4 => memory.read_u32(entry_addr).map(u64::from),
            _ => memory.read_u64(entry_addr),
        };
        let checked = entry
            .map_err(|_| FaultCause::WalkBusError)
            .and_then(|entry| check_entry(format, level, entry));
        let kind = match checked {
            Ok(true) => EntryKind::Leaf,
            Ok(false) => EntryKind::Pointer,
            Err(_) => EntryKind::Broken,
        };
        visit(Step {
            level,
            index,
            entry_addr,
            entry: entry.ok(),
            kind,
        });
        let leaf = checked?;
        let entry = entry.map_err(|_| FaultCause::WalkBusError)?;
        match format.permissions {
            PermissionRule::EveryLevel => gathered &= entry,
            PermissionRule::Leaf => gathered = entry,
        }
        if leaf {
            // The dirty bit of pointers means nothing.
            let judged = (gathered & !format.dirty_mask) | (entry & format.dirty_mask);
            check_leaf(format, context, access, level, entry, judged)?;
            let page_bytes = format.page_bytes(level);
            let base = (format.page_number(entry) << 12) & !(page_bytes - 1);
            return Ok(Translation {
                phys_addr: base | (virt_addr & (page_bytes - 1)),
                page_bytes,
            });
        }
        table_page = format.page_number(entry);
    }
    unreachable!("an entry of the last level is a leaf or broken")
}

/// The checks on any entry; says whether it is a leaf.
fn check_entry(format: &Format, level: usize, entry: u64) -> Result<bool, FaultCause> {
    if entry & format.valid_mask == 0 {
        return Err(FaultCause::NotPresent);
    }
    let leaf = format.is_leaf(entry, level);
    let mut reserved = format.reserved_mask;
    if !leaf {
        reserved |= format.pointer_reserved_mask;
    } else if format.large_low_bits_reserved {
        reserved |= format.low_page_mask(level);
    }
    let write_only = format.write_needs_read && entry & format.write_mask != 0 && entry & format.read_mask == 0;
    if entry & reserved != 0 || write_only || (leaf && !format.leaf_legal(level)) || (!leaf && level == 0) {
        return Err(FaultCause::ReservedBits);
    }
    if format.page_number(entry) >> PHYS_PAGE_BITS != 0 {
        return Err(FaultCause::PhysRange);
    }
    Ok(leaf)
}

/// The checks on a leaf; `judged` has the permission bits that count.
fn check_leaf(
    format: &Format,
    context: &Context,
    access: Access,
    level: usize,
    entry: u64,
    judged: u64,
) -> Result<(), FaultCause> {
    let has = |mask: u64| judged & mask == mask;
    if !format.large_low_bits_reserved && entry & format.low_page_mask(level) != 0 {
        return Err(FaultCause::Misaligned);
    }
    if context.user_only && !has(format.user_mask) {
        return Err(FaultCause::Supervisor);
    }
    match access {
        Access::Read if !has(format.read_mask) => return Err(FaultCause::NotReadable),
        Access::Write if !has(format.write_mask) || !has(format.dirty_mask) => return Err(FaultCause::NotWritable),
        _ => (),
    }
    if context.accessed_faults && !has(format.accessed_mask) {
        return Err(FaultCause::AccessedClear);
    }
    Ok(())
}
