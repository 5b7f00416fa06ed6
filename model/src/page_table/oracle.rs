//! A second walk, written from the specifications with their own numbers and none of the format tables, to judge
//! [`super::walk`] by.

use super::walk::{Access, Context};
use super::Mode;
use crate::memory::{Memory, SparseMemory};
use crate::refusal::FaultCause;

type Found = Result<(u64, u64), FaultCause>;

/// Physical address and page size, or the cause.
pub fn walk(memory: &SparseMemory, context: &Context, virt: u64, access: Access) -> Found {
    let write = access == Access::Write;
    match context.mode {
        Mode::Bare if virt < 1 << 40 => Ok((virt, 1 << 40)),
        Mode::Bare => Err(FaultCause::PhysRange),
        Mode::Sv32 => sv32(memory, context, virt, write),
        Mode::Sv39 => sv39_or_48(memory, context, virt, write, 3),
        Mode::Sv48 => sv39_or_48(memory, context, virt, write, 4),
        Mode::X86_32 => x86_32(memory, context, virt, write),
        Mode::X86_64 => x86_64(memory, context, virt, write),
        Mode::Reserved | Mode::Off => Err(FaultCause::BadContext),
    }
}

fn bus<T>(read: Result<T, crate::memory::BusError>) -> Result<T, FaultCause> {
    read.map_err(|_| FaultCause::WalkBusError)
}

/// RISC-V privileged specification, 4.3.2, step 5 on: the leaf's permissions.
fn riscv_leaf(context: &Context, pte: u64, write: bool) -> Result<(), FaultCause> {
    let (r, w, u, a, d) = (pte & 0x02, pte & 0x04, pte & 0x10, pte & 0x40, pte & 0x80);
    if context.user_only && u == 0 {
        return Err(FaultCause::Supervisor);
    }
    if !write && r == 0 {
        return Err(FaultCause::NotReadable);
    }
    if write && (w == 0 || d == 0) {
        return Err(FaultCause::NotWritable);
    }
    if context.accessed_faults && a == 0 {
        return Err(FaultCause::AccessedClear);
    }
    Ok(())
}

/// Steps 3 and 4: whether a valid entry is a leaf (R or X), a pointer, or neither.
fn riscv_kind(pte: u64, last: bool) -> Result<bool, FaultCause> {
    match pte & 0x0F {
        v if v & 1 == 0 => Err(FaultCause::NotPresent),
        0x01 if last => Err(FaultCause::ReservedBits),
        0x01 if pte & 0xD0 != 0 => Err(FaultCause::ReservedBits),
        0x01 => Ok(false),
        0x05 | 0x0D => Err(FaultCause::ReservedBits),
        _ => Ok(true),
    }
}

fn sv32(memory: &SparseMemory, context: &Context, virt: u64, write: bool) -> Found {
    if virt > 0xFFFF_FFFF {
        return Err(FaultCause::NonCanonical);
    }
    let (vpn1, vpn0, offset) = (virt / 0x40_0000, virt / 0x1000 % 1024, virt % 0x1000);
    let pte = u64::from(bus(memory.read_u32(context.root_page % (1 << 28) * 4096 + vpn1 * 4))?);
    if riscv_kind(pte, false)? {
        if pte / 1024 % 1024 != 0 {
            return Err(FaultCause::Misaligned);
        }
        riscv_leaf(context, pte, write)?;
        return Ok((pte / 0x10_0000 * 0x40_0000 + virt % 0x40_0000, 0x40_0000));
    }
    let pte = u64::from(bus(memory.read_u32(pte / 1024 * 4096 + vpn0 * 4))?);
    riscv_kind(pte, true)?;
    riscv_leaf(context, pte, write)?;
    Ok((pte / 1024 * 4096 + offset, 4096))
}

fn sv39_or_48(memory: &SparseMemory, context: &Context, virt: u64, write: bool, levels: u32) -> Found {
    let top = if levels == 3 {
        0x40_0000_0000u64
    } else {
        0x8000_0000_0000
    };
    if (top..top.wrapping_neg()).contains(&virt) {
        return Err(FaultCause::NonCanonical);
    }
    let mut table = context.root_page % (1 << 28) * 4096;
    for level in (0..levels).rev() {
        let page = 4096u64 * 512u64.pow(level);
        let pte = bus(memory.read_u64(table + virt / page % 512 * 8))?;
        // not present and the reserved encodings come first, then the reserved bits, then the range
        let leaf = match riscv_kind(pte, level == 0) {
            Err(FaultCause::NotPresent) => return Err(FaultCause::NotPresent),
            kind if pte >= 1 << 54 => kind.and(Err(FaultCause::ReservedBits)),
            kind => kind,
        }?;
        let ppn = pte % (1 << 54) / 1024;
        if ppn >= 1 << 28 {
            return Err(FaultCause::PhysRange);
        }
        if leaf {
            if ppn % 512u64.pow(level) != 0 {
                return Err(FaultCause::Misaligned);
            }
            riscv_leaf(context, pte, write)?;
            return Ok((ppn * 4096 + virt % page, page));
        }
        table = ppn * 4096;
    }
    unreachable!("the last level is a leaf or reserved")
}

/// Intel SDM 3A, 4.6: what the entries of all levels say together; `last` maps the page.
fn x86_rights(context: &Context, entries: &[u64], write: bool) -> Result<(), FaultCause> {
    let all = |bit: u64| entries.iter().all(|entry| entry & bit != 0);
    let last = entries[entries.len() - 1];
    if context.user_only && !all(0x04) {
        return Err(FaultCause::Supervisor);
    }
    if write && (!all(0x02) || last & 0x40 == 0) {
        return Err(FaultCause::NotWritable);
    }
    if context.accessed_faults && !all(0x20) {
        return Err(FaultCause::AccessedClear);
    }
    Ok(())
}

/// Intel SDM 3A, 4.3, with CR4.PSE and pages below 4 GiB.
fn x86_32(memory: &SparseMemory, context: &Context, virt: u64, write: bool) -> Found {
    if virt > 0xFFFF_FFFF {
        return Err(FaultCause::NonCanonical);
    }
    let root = context.root_page % (1 << 28) * 4096;
    let pde = u64::from(bus(memory.read_u32(root + virt / 0x40_0000 * 4))?);
    if pde & 1 == 0 {
        return Err(FaultCause::NotPresent);
    }
    if pde & 0x80 != 0 {
        if pde & 0x3F_E000 != 0 {
            return Err(FaultCause::ReservedBits);
        }
        x86_rights(context, &[pde], write)?;
        return Ok(((pde & 0xFFC0_0000) + virt % 0x40_0000, 0x40_0000));
    }
    let pte = u64::from(bus(memory.read_u32((pde & 0xFFFF_F000) + virt / 0x1000 % 1024 * 4))?);
    if pte & 1 == 0 {
        return Err(FaultCause::NotPresent);
    }
    x86_rights(context, &[pde, pte], write)?;
    Ok(((pte & 0xFFFF_F000) + virt % 0x1000, 4096))
}

/// Intel SDM 3A, 4.5, with MAXPHYADDR 40 and IA32_EFER.NXE.
fn x86_64(memory: &SparseMemory, context: &Context, virt: u64, write: bool) -> Found {
    if (0x8000_0000_0000..0xFFFF_8000_0000_0000).contains(&virt) {
        return Err(FaultCause::NonCanonical);
    }
    let mut entries = Vec::new();
    let mut table = context.root_page % (1 << 28) * 4096;
    // PML4E, PDPTE, PDE, PTE: address bits of the index, what is reserved in a page's entry
    for (shift, page_reserved) in [
        (39, 0x000F_FF00_0000_0080u64),
        (30, 0x000F_FF00_3FFF_E000),
        (21, 0x000F_FF00_001F_E000),
        (12, 0x000F_FF00_0000_0000),
    ] {
        let entry = bus(memory.read_u64(table + (virt >> shift) % 512 * 8))?;
        if entry & 1 == 0 {
            return Err(FaultCause::NotPresent);
        }
        let page = shift == 12 || entry & 0x80 != 0;
        let reserved = if page { page_reserved } else { 0x000F_FF00_0000_0000 };
        if entry & reserved != 0 {
            return Err(FaultCause::ReservedBits);
        }
        entries.push(entry);
        if page {
            x86_rights(context, &entries, write)?;
            let base = (entry & 0xFF_FFFF_F000) >> shift << shift;
            return Ok((base + virt % (1 << shift), 1 << shift));
        }
        table = entry & 0xFF_FFFF_F000;
    }
    unreachable!("a PTE maps a page")
}
