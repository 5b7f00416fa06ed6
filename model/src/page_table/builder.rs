//! Builds page tables in memory, well-formed ones and, entry by entry, broken ones.

use super::format::{Format, Mode};
use super::walk::Context;
use crate::memory::{BusError, MemoryMut};

/// Gives physical pages for tables.
pub trait FrameAllocator {
    /// Physical page number of a page that can be written and that nobody else uses.
    fn allocate(&mut self) -> u64;
}

impl<F: FnMut() -> u64> FrameAllocator for F {
    fn allocate(&mut self) -> u64 {
        self()
    }
}

/// Permission and status bits of a leaf. Bits that a format does not have are left out of its entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permissions {
    /// May be read.
    pub read: bool,
    /// May be written.
    pub write: bool,
    /// May be executed.
    pub execute: bool,
    /// User mode may use it.
    pub user: bool,
    /// Accessed bit.
    pub accessed: bool,
    /// Dirty bit.
    pub dirty: bool,
}

impl Permissions {
    /// A user page that was read and written.
    pub const USER_WRITE: Self = Self {
        read: true,
        write: true,
        execute: false,
        user: true,
        accessed: true,
        dirty: true,
    };
    /// A user page that may only be read.
    pub const USER_READ: Self = Self {
        write: false,
        dirty: false,
        ..Self::USER_WRITE
    };
    /// A kernel page that was read and written.
    pub const SUPERVISOR_WRITE: Self = Self {
        user: false,
        ..Self::USER_WRITE
    };

    /// The bits of an entry that these permissions set, without valid and page size.
    pub fn bits(self, format: &Format) -> u64 {
        [
            (self.read, format.read_mask),
            (self.write, format.write_mask),
            (self.execute, format.execute_mask),
            (self.user, format.user_mask),
            (self.accessed, format.accessed_mask),
            (self.dirty, format.dirty_mask),
        ]
        .into_iter()
        .filter(|(set, _)| *set)
        .fold(0, |bits, (_, mask)| bits | mask)
    }
}

/// Why a mapping was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// The mode has no page tables.
    #[error("mode {} has no page tables; map only in a paged address space", .0.name())]
    NoTables(Mode),
    /// The format has no pages of this size.
    #[error("the format has no pages at level {0}; use one of its superpage levels or 0")]
    NoSuchPage(usize),
    /// An address is no multiple of the page size.
    #[error("address {0:#x} is not a multiple of the page size; align it")]
    Unaligned(u64),
    /// The virtual address is not canonical.
    #[error("virtual address {0:#x} is not canonical in this format; use one that is")]
    NonCanonical(u64),
    /// A page or a table lies where an entry of this format cannot point.
    #[error("physical address {0:#x} does not fit into an entry of this format; use a lower one")]
    PhysTooFar(u64),
    /// Something is mapped there.
    #[error("virtual address {0:#x} is already mapped; unmap it first")]
    Mapped(u64),
    /// Nothing is mapped there, or no table of that level.
    #[error("virtual address {0:#x} has no entry at that level; map something near it first")]
    NotMapped(u64),
    /// A table lies where there is no memory.
    #[error(transparent)]
    Bus(#[from] BusError),
}

/// Page tables of one address space. The tables are in the memory that every call is given; this only knows the root.
#[derive(Clone, Debug)]
pub struct AddressSpace {
    /// What the context table must hold; its flags may be changed at will.
    pub context: Context,
    tables: Vec<u64>,
}

impl AddressSpace {
    /// An empty address space. Modes without tables need no memory.
    pub fn new(mode: Mode, memory: &mut impl MemoryMut, frames: &mut impl FrameAllocator) -> Result<Self, BuildError> {
        let mut space = Self {
            context: Context::new(mode, 0),
            tables: Vec::new(),
        };
        if mode.format().is_some() {
            space.context.root_page = space.new_table(memory, frames)?;
        }
        Ok(space)
    }

    /// The context that selects this address space.
    pub fn context(&self) -> Context {
        self.context
    }

    /// Physical page numbers of all tables, root first.
    pub fn tables(&self) -> &[u64] {
        &self.tables
    }

    /// Maps one page of the given level (0: 4 KiB) and makes the tables above it.
    pub fn map(
        &mut self,
        memory: &mut impl MemoryMut,
        frames: &mut impl FrameAllocator,
        virt_addr: u64,
        phys_addr: u64,
        level: usize,
        permissions: Permissions,
    ) -> Result<(), BuildError> {
        let format = self.format()?;
        if level >= format.levels || !format.leaf_legal(level) {
            return Err(BuildError::NoSuchPage(level));
        }
        for addr in [virt_addr, phys_addr] {
            if addr % format.page_bytes(level) != 0 {
                return Err(BuildError::Unaligned(addr));
            }
        }
        if !format.is_canonical(virt_addr) {
            return Err(BuildError::NonCanonical(virt_addr));
        }
        check_reach(format, phys_addr)?;
        let mut table = self.context.root_page;
        for at in (level + 1..format.levels).rev() {
            let entry_addr = entry_addr(format, table, virt_addr, at);
            let entry = read_entry(format, memory, entry_addr)?;
            if entry & format.valid_mask == 0 {
                table = self.new_table(memory, frames)?;
                write_entry(format, memory, entry_addr, pointer(format, table))?;
            } else if format.is_leaf(entry, at) {
                return Err(BuildError::Mapped(virt_addr));
            } else {
                table = format.page_number(entry);
            }
        }
        let entry_addr = entry_addr(format, table, virt_addr, level);
        if read_entry(format, memory, entry_addr)? & format.valid_mask != 0 {
            return Err(BuildError::Mapped(virt_addr));
        }
        write_entry(format, memory, entry_addr, leaf(format, phys_addr, level, permissions))?;
        Ok(())
    }

    /// Takes away the page that holds the address, whatever its size; gives back the entry.
    pub fn unmap(&mut self, memory: &mut impl MemoryMut, virt_addr: u64) -> Result<u64, BuildError> {
        let format = self.format()?;
        for level in (0..format.levels).rev() {
            let entry_addr = self.entry_addr(memory, virt_addr, level)?;
            let entry = read_entry(format, memory, entry_addr)?;
            if entry & format.valid_mask != 0 && format.is_leaf(entry, level) {
                write_entry(format, memory, entry_addr, 0)?;
                return Ok(entry);
            }
        }
        Err(BuildError::NotMapped(virt_addr))
    }

    /// Physical address of the entry of this level on the way to the address; the tables above must be well-formed.
    pub fn entry_addr(&self, memory: &impl MemoryMut, virt_addr: u64, level: usize) -> Result<u64, BuildError> {
        let format = self.format()?;
        let mut table = self.context.root_page;
        for at in (level + 1..format.levels).rev() {
            let entry = read_entry(format, memory, entry_addr(format, table, virt_addr, at))?;
            if entry & format.valid_mask == 0 || format.is_leaf(entry, at) {
                return Err(BuildError::NotMapped(virt_addr));
            }
            table = format.page_number(entry);
        }
        Ok(entry_addr(format, table, virt_addr, level))
    }

    /// The entry of this level on the way to the address.
    pub fn entry(&self, memory: &impl MemoryMut, virt_addr: u64, level: usize) -> Result<u64, BuildError> {
        Ok(read_entry(
            self.format()?,
            memory,
            self.entry_addr(memory, virt_addr, level)?,
        )?)
    }

    /// Overwrites the entry of this level with any value, for tests of what must be refused.
    pub fn set_entry(
        &mut self,
        memory: &mut impl MemoryMut,
        virt_addr: u64,
        level: usize,
        entry: u64,
    ) -> Result<(), BuildError> {
        let entry_addr = self.entry_addr(memory, virt_addr, level)?;
        Ok(write_entry(self.format()?, memory, entry_addr, entry)?)
    }

    fn format(&self) -> Result<&'static Format, BuildError> {
        self.context
            .mode
            .format()
            .ok_or(BuildError::NoTables(self.context.mode))
    }

    fn new_table(&mut self, memory: &mut impl MemoryMut, frames: &mut impl FrameAllocator) -> Result<u64, BuildError> {
        let page = frames.allocate();
        check_reach(self.format()?, page << 12)?;
        memory.write(page << 12, &[0; 4096])?;
        self.tables.push(page);
        Ok(page)
    }
}

fn check_reach(format: &Format, phys_addr: u64) -> Result<(), BuildError> {
    match phys_addr >> 12 >> format.page_bits {
        0 => Ok(()),
        _ => Err(BuildError::PhysTooFar(phys_addr)),
    }
}

fn entry_addr(format: &Format, table: u64, virt_addr: u64, level: usize) -> u64 {
    (table << 12) + format.index(virt_addr, level) * format.entry_bytes as u64
}

/// An entry that leads to a table. x86 permissions of pointers are permissive and accessed, so that the leaf decides.
fn pointer(format: &Format, table: u64) -> u64 {
    let permissive = format.user_mask | format.write_mask | format.accessed_mask;
    let bits = if format.write_needs_read {
        0
    } else {
        permissive & !format.pointer_reserved_mask
    };
    (table << format.page_lsb) | format.valid_mask | bits
}

fn leaf(format: &Format, phys_addr: u64, level: usize, permissions: Permissions) -> u64 {
    let size = if level > 0 && !format.write_needs_read {
        format.leaf_mask
    } else {
        0
    };
    ((phys_addr >> 12) << format.page_lsb) | format.valid_mask | size | permissions.bits(format)
}

fn read_entry(format: &Format, memory: &impl MemoryMut, entry_addr: u64) -> Result<u64, BusError> {
    match format.entry_bytes {
        4 => memory.read_u32(entry_addr).map(u64::from),
        _ => memory.read_u64(entry_addr),
    }
}

fn write_entry(format: &Format, memory: &mut impl MemoryMut, entry_addr: u64, entry: u64) -> Result<(), BusError> {
    memory.write(entry_addr, &entry.to_le_bytes()[..format.entry_bytes])
}
