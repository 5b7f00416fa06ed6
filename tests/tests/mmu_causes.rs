//! Each cause of a fault by itself: in every format and level that can have it, every bit that can lead to it, in the
//! model and in the emitted MMU.

use anyhow::Result;
use segwalk_model::memory::SparseMemory;
use segwalk_model::page_table::{walk, Access, AddressSpace, Context, Format, Mode, Permissions, FORMATS};
use segwalk_model::refusal::FaultCause;
use segwalk_sim::mmu::{model, Invalidation, Lookup, MmuBench};
use segwalk_tests::mmu::spoil;

const BOTH: [Access; 2] = [Access::Read, Access::Write];
const VIRT: u64 = 0x1234_5678;
/// The context that is asked; the others are off.
const CONTEXT: u8 = 7;
/// Another that shares nothing with it: what one has wrong leaves the other alone.
const OTHER: u8 = 8;

/// One page of some level in an MMU of its own, with all permissions and all checks on.
struct Page {
    bench: MmuBench,
    space: AddressSpace,
    format: &'static Format,
    level: usize,
}

impl Page {
    fn new(format: &'static Format, level: usize) -> Result<Self> {
        let mut memory = SparseMemory::new();
        (0x100..0x110).for_each(|page| memory.add_page(page));
        let mut next = 0x100;
        let mut frames = || {
            next += 1;
            next
        };
        let mut space = AddressSpace::new(format.mode, &mut memory, &mut frames)?;
        let virt_addr = VIRT & !(format.page_bytes(level) - 1);
        space.map(&mut memory, &mut frames, virt_addr, 0, level, Permissions::USER_WRITE)?;
        space.context.accessed_faults = true;
        let bench = MmuBench::new(&model()?, memory, 0)?;
        let mut page = Self {
            bench,
            space,
            format,
            level,
        };
        page.set_context(&page.space.context())?;
        page.bench.write_context(OTHER, &Context::bare());
        page.expect(VIRT, &BOTH, None)?;
        Ok(page)
    }

    fn set_context(&mut self, context: &Context) -> Result<()> {
        self.space.context = *context;
        self.bench.write_context(CONTEXT, context);
        self.bench.settle()
    }

    fn entry(&self, level: usize) -> Result<u64> {
        Ok(self.space.entry(&self.bench.memory, VIRT, level)?)
    }

    /// Asks the model, and the hardware on both ports, with nothing remembered.
    fn expect(&mut self, virt_addr: u64, accesses: &[Access], cause: Option<FaultCause>) -> Result<()> {
        self.bench.invalidate(Invalidation::All);
        self.bench.settle()?;
        for access in accesses {
            let context = &self.space.context;
            let found = walk(&self.bench.memory, context, virt_addr, *access);
            let shown = format!("{} level {}: {found:x?}", self.format.name, self.level);
            assert_eq!(found.result.err(), cause, "model, {shown}");
            if !context.mode.supported_by_rtl() && context.mode.format().is_some() {
                continue;
            }
            let expected = found.result.map(|translation| translation.phys_addr >> 12);
            for port in 0..2 {
                for context in [CONTEXT, OTHER] {
                    self.bench.ask(
                        port,
                        Lookup {
                            context,
                            virt_addr: if context == OTHER { VIRT } else { virt_addr },
                            access: *access,
                        },
                    );
                }
            }
            self.bench.settle()?;
            for answers in &mut self.bench.done {
                let answers: Vec<_> = answers.drain(..).map(|done| done.answer).collect();
                assert_eq!(answers, [expected, Ok(VIRT >> 12)], "RTL, {shown}");
            }
        }
        Ok(())
    }

    /// With the entry of a level changed, in every way that leads to the cause; then with it as it was.
    fn spoil(&mut self, level: usize, cause: FaultCause, accesses: &[Access]) -> Result<usize> {
        let sound = self.entry(level)?;
        let entry_addr = self.space.entry_addr(&self.bench.memory, VIRT, level)?;
        let ways = spoil::ways(self.format, level, sound, cause);
        for way in &ways {
            self.write(entry_addr, *way)?;
            self.expect(VIRT, accesses, Some(cause))?;
        }
        self.write(entry_addr, sound)?;
        self.expect(VIRT, accesses, None)?;
        Ok(ways.len())
    }

    fn write(&mut self, entry_addr: u64, entry: u64) -> Result<()> {
        use segwalk_model::memory::MemoryMut;
        let bytes = &entry.to_le_bytes()[..self.format.entry_bytes];
        Ok(self.bench.memory.write(entry_addr, bytes)?)
    }
}

/// Every page size of every format.
fn pages() -> Result<Vec<Page>> {
    let mut pages = Vec::new();
    for format in FORMATS {
        for level in (0..format.levels).filter(|level| format.leaf_legal(*level)) {
            pages.push(Page::new(format, level)?);
        }
    }
    Ok(pages)
}

/// Every way to the cause on every level of every page; each level that can have it must have had it.
fn everywhere(cause: FaultCause, accesses: &[Access]) -> Result<()> {
    let mut seen = std::collections::BTreeSet::new();
    let mut ways = 0;
    for mut page in pages()? {
        for level in page.level..page.format.levels {
            let found = page.spoil(level, cause, accesses)?;
            ways += found;
            if found > 0 {
                seen.insert((page.format.name, level));
            }
        }
    }
    let mut wanted = std::collections::BTreeSet::new();
    for format in FORMATS {
        let levels = (0..format.levels).filter(|level| format.can_fail(*level, cause));
        wanted.extend(levels.map(|level| (format.name, level)));
    }
    assert_eq!(seen, wanted);
    println!("{}: {ways} entries on {} levels", cause.name(), seen.len());
    Ok(())
}

#[test]
fn not_present() -> Result<()> {
    everywhere(FaultCause::NotPresent, &BOTH)
}

#[test]
fn not_readable() -> Result<()> {
    everywhere(FaultCause::NotReadable, &[Access::Read])
}

#[test]
fn not_writable() -> Result<()> {
    everywhere(FaultCause::NotWritable, &[Access::Write])?;
    // a read is not disturbed
    for mut page in pages()? {
        let (sound, level) = (page.entry(page.level)?, page.level);
        let entry_addr = page.space.entry_addr(&page.bench.memory, VIRT, level)?;
        for way in spoil::ways(page.format, level, sound, FaultCause::NotWritable) {
            page.write(entry_addr, way)?;
            page.expect(VIRT, &[Access::Read], None)?;
        }
    }
    Ok(())
}

#[test]
fn supervisor() -> Result<()> {
    everywhere(FaultCause::Supervisor, &BOTH)?;
    // a context that asks for no user page takes it
    for mut page in pages()? {
        let (sound, level) = (page.entry(page.level)?, page.level);
        let entry_addr = page.space.entry_addr(&page.bench.memory, VIRT, level)?;
        page.write(entry_addr, sound & !page.format.user_mask)?;
        page.expect(VIRT, &BOTH, Some(FaultCause::Supervisor))?;
        let context = Context {
            user_only: false,
            ..page.space.context()
        };
        page.set_context(&context)?;
        page.expect(VIRT, &BOTH, None)?;
    }
    Ok(())
}

#[test]
fn non_canonical() -> Result<()> {
    for mut page in pages()? {
        let bits = page.format.virt_bits;
        for bit in bits..64 {
            page.expect(VIRT ^ 1 << bit, &BOTH, Some(FaultCause::NonCanonical))?;
        }
        let all_ones = u64::MAX << bits;
        let expected = if bits == 32 {
            FaultCause::NonCanonical
        } else {
            FaultCause::NotPresent
        };
        if bits > 32 {
            // the sign is the highest bit of the address
            page.expect(VIRT | all_ones, &BOTH, Some(FaultCause::NonCanonical))?;
        }
        page.expect(VIRT | all_ones | 1 << (bits - 1), &BOTH, Some(expected))?;
    }
    Ok(())
}

#[test]
fn reserved_bits() -> Result<()> {
    everywhere(FaultCause::ReservedBits, &BOTH)
}

#[test]
fn misaligned() -> Result<()> {
    everywhere(FaultCause::Misaligned, &BOTH)
}

#[test]
fn accessed_clear() -> Result<()> {
    everywhere(FaultCause::AccessedClear, &BOTH)?;
    // x86 judges the pointers too; where the context does not ask, nothing happens
    for mut page in pages()? {
        for level in page.level..page.format.levels {
            let (sound, mask) = (page.entry(level)?, page.format.accessed_mask);
            let entry_addr = page.space.entry_addr(&page.bench.memory, VIRT, level)?;
            if sound & mask == 0 {
                continue;
            }
            page.write(entry_addr, sound & !mask)?;
            page.expect(VIRT, &BOTH, Some(FaultCause::AccessedClear))?;
            let context = page.space.context();
            page.set_context(&Context {
                accessed_faults: false,
                ..context
            })?;
            page.expect(VIRT, &BOTH, None)?;
            page.write(entry_addr, sound)?;
            page.set_context(&context)?;
        }
    }
    Ok(())
}

#[test]
fn walk_bus_error_at_every_level() -> Result<()> {
    for mut page in pages()? {
        let cause = Some(FaultCause::WalkBusError);
        for level in page.level..page.format.levels {
            // the table of this level does not answer
            let table = page.space.entry_addr(&page.bench.memory, VIRT, level)? >> 12;
            let kept = *page.bench.memory.page(table).expect("the table is there");
            page.bench.memory.remove_page(table);
            page.expect(VIRT, &BOTH, cause)?;
            page.bench.memory.add_page(table);
            *page.bench.memory.page_mut(table).expect("it was added") = kept;
            page.expect(VIRT, &BOTH, None)?;
            if level > page.level {
                // the entry above leads to a place without memory
                let sound = page.entry(level)?;
                let entry_addr = page.space.entry_addr(&page.bench.memory, VIRT, level)?;
                page.write(entry_addr, spoil::missing_table(page.format, sound))?;
                page.expect(VIRT, &BOTH, cause)?;
                page.write(entry_addr, sound)?;
            }
        }
        let context = Context {
            root_page: spoil::MISSING_PAGE,
            ..page.space.context()
        };
        page.set_context(&context)?;
        page.expect(VIRT, &BOTH, cause)?;
    }
    Ok(())
}

#[test]
fn phys_range() -> Result<()> {
    everywhere(FaultCause::PhysRange, &BOTH)?;
    let mut page = Page::new(Mode::Sv39.format().expect("it has tables"), 0)?;
    page.set_context(&Context::bare())?;
    for bit in 40..64 {
        page.expect(VIRT | 1 << bit, &BOTH, Some(FaultCause::PhysRange))?;
    }
    page.expect((1 << 40) - 1, &BOTH, None)
}

#[test]
fn bad_context() -> Result<()> {
    for mut page in pages()? {
        let sound = page.space.context();
        for mode in [Mode::Reserved, Mode::Off] {
            page.set_context(&Context { mode, ..sound })?;
            page.expect(VIRT, &BOTH, Some(FaultCause::BadContext))?;
            // before anything else that is wrong
            page.expect(u64::MAX << 13 ^ 1 << 50, &BOTH, Some(FaultCause::BadContext))?;
        }
        page.set_context(&sound)?;
        page.expect(VIRT, &BOTH, None)?;
    }
    Ok(())
}
