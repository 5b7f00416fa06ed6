//! An address space to look around in: what `segwalk walk` shows when it is given nothing else.

use anyhow::Result;
use segwalk_model::memory::SparseMemory;
use segwalk_model::page_table::{size_name, AddressSpace, Canonical, Format, Mode, Permissions};

/// Physical page of the root table; more tables follow it.
pub const ROOT_PAGE: u64 = 0x8_0000;
/// Address that is translated when none is given.
pub const ADDRESS: u64 = 0x1234_5678;
/// Where the 4 KiB pages begin.
const PAGES: u64 = 0x1234_5000;
/// Where superpages of level 1 and 2 are.
const LARGE: [u64; 2] = [0x2000_0000, 0x4000_0000];
/// A superpage with something wrong.
const BROKEN: u64 = 0x3000_0000;
/// A table that is not there.
const NOWHERE: u64 = 0x3800_0000;

/// The address space, and what is where.
pub struct Demo {
    /// The tables.
    pub memory: SparseMemory,
    /// Their root; nothing in a mode without tables.
    pub space: AddressSpace,
    /// Addresses worth trying.
    pub places: Vec<(u64, String)>,
}

/// Tables of this mode with one of everything.
pub fn demo(mode: Mode) -> Result<Demo> {
    let mut memory = SparseMemory::new();
    (0..16).for_each(|page| memory.add_page(ROOT_PAGE + page));
    let mut next = ROOT_PAGE;
    let mut frames = || {
        next += 1;
        next - 1
    };
    let mut space = AddressSpace::new(mode, &mut memory, &mut frames)?;
    let Some(format) = mode.format() else {
        let places = vec![
            (ADDRESS, "an address".to_string()),
            (1 << 40, "the first address beyond the physical width".to_string()),
        ];
        return Ok(Demo { memory, space, places });
    };
    let untouched = Permissions {
        accessed: false,
        ..Permissions::USER_WRITE
    };
    let clean = Permissions {
        dirty: false,
        ..Permissions::USER_WRITE
    };
    let mut places = Vec::new();
    for (page, phys_addr, permissions, what) in [
        (
            0,
            0xABCD_E000,
            Permissions::USER_WRITE,
            "a user page that may be written",
        ),
        (
            1,
            0x0765_4000,
            Permissions::USER_READ,
            "a user page that may only be read",
        ),
        (2, 0x0F00_1000, Permissions::SUPERVISOR_WRITE, "a page of the kernel"),
        (3, 0x3333_3000, untouched, "a page that was never accessed"),
        (4, 0x4444_4000, clean, "a page that was never written"),
    ] {
        let virt_addr = PAGES + page * 4096;
        space.map(&mut memory, &mut frames, virt_addr, phys_addr, 0, permissions)?;
        places.push((virt_addr + 0x678, what.to_string()));
    }
    places.push((PAGES + 5 * 4096, "nothing".to_string()));
    for level in (1..=2).filter(|level| *level < format.levels && format.leaf_legal(*level)) {
        let virt_addr = LARGE[level - 1];
        let phys_addr = 0xC000_0000;
        space.map(
            &mut memory,
            &mut frames,
            virt_addr,
            phys_addr,
            level,
            Permissions::USER_WRITE,
        )?;
        let size = size_name(format.page_bytes(level));
        places.push((virt_addr + 0x12_3456, format!("a user page of {size}")));
    }
    space.map(
        &mut memory,
        &mut frames,
        BROKEN,
        0xC000_0000,
        1,
        Permissions::USER_WRITE,
    )?;
    let entry = space.entry(&memory, BROKEN, 1)?;
    space.set_entry(&mut memory, BROKEN, 1, entry | lowest(format.low_page_mask(1)))?;
    places.push((BROKEN, "a superpage that begins where none can".to_string()));
    space.map(
        &mut memory,
        &mut frames,
        NOWHERE,
        0x5555_5000,
        0,
        Permissions::USER_WRITE,
    )?;
    let entry = space.entry(&memory, NOWHERE, 1)?;
    space.set_entry(&mut memory, NOWHERE, 1, elsewhere(format, entry))?;
    places.push((NOWHERE, "a table where no memory is".to_string()));
    let signed = format.canonical == Canonical::SignExtended;
    let beyond = 1 << (format.virt_bits - usize::from(signed));
    places.push((beyond, "no address of this format".to_string()));
    Ok(Demo { memory, space, places })
}

/// The lowest set bit alone.
fn lowest(mask: u64) -> u64 {
    mask & mask.wrapping_neg()
}

/// The pointer with the number of a page that is not there.
fn elsewhere(format: &Format, pointer: u64) -> u64 {
    pointer & !format.page_mask() | 0xF_0000 << format.page_lsb
}

#[cfg(test)]
mod tests {
    use super::*;
    use segwalk_model::page_table::{walk, Access};
    use segwalk_model::refusal::FaultCause;

    #[test]
    fn every_place_is_what_it_says() {
        for mode in [Mode::Sv32, Mode::Sv39, Mode::Sv48, Mode::X86_32, Mode::X86_64] {
            let demo = demo(mode).unwrap();
            let mut context = demo.space.context();
            context.accessed_faults = true;
            for (virt_addr, what) in &demo.places {
                let [read, write] =
                    [Access::Read, Access::Write].map(|a| walk(&demo.memory, &context, *virt_addr, a).result.err());
                let riscv = mode.name().starts_with("sv");
                let expected = match what.as_str() {
                    "a user page that may only be read" | "a page that was never written" => {
                        [None, Some(FaultCause::NotWritable)]
                    }
                    "a page of the kernel" => [Some(FaultCause::Supervisor); 2],
                    "a page that was never accessed" => [Some(FaultCause::AccessedClear); 2],
                    "nothing" => [Some(FaultCause::NotPresent); 2],
                    "a superpage that begins where none can" if riscv => [Some(FaultCause::Misaligned); 2],
                    "a superpage that begins where none can" => [Some(FaultCause::ReservedBits); 2],
                    "a table where no memory is" => [Some(FaultCause::WalkBusError); 2],
                    "no address of this format" => [Some(FaultCause::NonCanonical); 2],
                    _ => [None; 2],
                };
                assert_eq!([read, write], expected, "{} {virt_addr:#x}: {what}", mode.name());
            }
        }
    }
}
