use super::*;
use crate::memory::SparseMemory;
use crate::refusal::FaultCause;
use proptest::prelude::*;

const PAGED: [Mode; 2] = [Mode::Sv39, Mode::X86_64];
const VIRT: u64 = 0x12_3456_7000;

struct Fixture {
    memory: SparseMemory,
    space: AddressSpace,
    next: u64,
}

impl Fixture {
    fn new(mode: Mode) -> Self {
        let mut memory = SparseMemory::new();
        for page in 0x100..0x400 {
            memory.add_page(page);
        }
        let mut next = 0x100;
        let space = AddressSpace::new(mode, &mut memory, &mut || {
            next += 1;
            next
        })
        .unwrap();
        Self { memory, space, next }
    }

    fn map(&mut self, virt: u64, phys: u64, level: usize, permissions: Permissions) -> Result<(), BuildError> {
        let next = &mut self.next;
        let mut frames = || {
            *next += 1;
            *next
        };
        self.space
            .map(&mut self.memory, &mut frames, virt, phys, level, permissions)
    }

    fn mapped(mode: Mode) -> Self {
        let mut fixture = Self::new(mode);
        fixture.map(VIRT, 0xAB_CDEF_0000, 0, Permissions::USER_WRITE).unwrap();
        fixture
    }

    fn with_entry(mode: Mode, level: usize, change: impl Fn(u64) -> u64) -> Self {
        let mut fixture = Self::mapped(mode);
        let entry = fixture.space.entry(&fixture.memory, VIRT, level).unwrap();
        fixture
            .space
            .set_entry(&mut fixture.memory, VIRT, level, change(entry))
            .unwrap();
        fixture
    }

    fn cause(&self, access: Access) -> Option<FaultCause> {
        walk(&self.memory, &self.space.context, VIRT, access).result.err()
    }

    fn read(&self) -> Option<FaultCause> {
        self.cause(Access::Read)
    }
}

#[test]
fn modes_have_their_wire_values() {
    for (code, mode) in Mode::ALL.into_iter().enumerate() {
        assert_eq!(usize::from(mode.code()), code);
        assert_eq!(Mode::from_code(code as u8), mode);
    }
}

#[test]
fn bare_is_the_physical_address_up_to_its_width() {
    let memory = SparseMemory::new();
    let bare = Context::bare();
    let top = translate(&memory, &bare, 0xFF_FFFF_FFFF, Access::Write).unwrap();
    assert_eq!(top.phys_addr, 0xFF_FFFF_FFFF);
    assert_eq!(
        translate(&memory, &bare, 1 << 40, Access::Read),
        Err(FaultCause::PhysRange)
    );
    assert_eq!(
        translate(&memory, &bare, 1 << 63, Access::Read),
        Err(FaultCause::PhysRange)
    );
}

#[test]
fn modes_without_hardware_are_bad_contexts() {
    for mode in Mode::ALL.into_iter().filter(|mode| !mode.supported_by_rtl()) {
        let context = Context::new(mode, 0x101);
        assert_eq!(
            translate(&SparseMemory::new(), &context, 0, Access::Read),
            Err(FaultCause::BadContext)
        );
    }
    assert_eq!(Mode::ALL.into_iter().filter(|mode| mode.supported_by_rtl()).count(), 6);
}

#[test]
fn a_walk_shows_every_level() {
    for (mode, levels) in [
        (Mode::Sv32, 2),
        (Mode::Sv39, 3),
        (Mode::Sv48, 4),
        (Mode::X86_32, 2),
        (Mode::X86_64, 4),
    ] {
        let mut fixture = Fixture::new(mode);
        fixture
            .map(0x1234_5000, 0xCDEF_0000, 0, Permissions::USER_WRITE)
            .unwrap();
        let walk = walk(&fixture.memory, &fixture.space.context(), 0x1234_5678, Access::Write);
        assert_eq!(
            walk.result.unwrap(),
            Translation {
                phys_addr: 0xCDEF_0678,
                page_bytes: 4096
            }
        );
        assert_eq!(walk.steps.len(), levels);
        assert!(walk.steps[..levels - 1]
            .iter()
            .all(|step| step.kind == EntryKind::Pointer));
        assert_eq!(walk.steps[levels - 1].kind, EntryKind::Leaf);
        assert_eq!(walk.steps[0].entry_addr >> 12, fixture.space.context.root_page);
    }
}

#[test]
fn addresses_beyond_the_format_are_not_canonical() {
    for (mode, good, bad) in [
        (Mode::Sv39, 0xFFFF_FFC0_0000_0000, 0x0000_0040_0000_0000),
        (Mode::X86_64, 0xFFFF_8000_0000_0000, 0x0000_8000_0000_0000),
        (Mode::Sv32, 0xFFFF_F000, 0x1_0000_0000),
    ] {
        let fixture = Fixture::new(mode);
        let at = |addr| walk(&fixture.memory, &fixture.space.context, addr, Access::Read).result;
        assert_eq!(at(good), Err(FaultCause::NotPresent));
        assert_eq!(at(bad), Err(FaultCause::NonCanonical));
        assert_eq!(at(1 << 63), Err(FaultCause::NonCanonical));
    }
}

#[test]
fn not_present_and_bus_error_at_every_level() {
    for mode in PAGED {
        for level in 0..mode.format().unwrap().levels {
            assert_eq!(
                Fixture::with_entry(mode, level, |e| e & !1).read(),
                Some(FaultCause::NotPresent)
            );
            let mut fixture = Fixture::mapped(mode);
            let entry_addr = fixture.space.entry_addr(&fixture.memory, VIRT, level).unwrap();
            fixture.memory.remove_page(entry_addr >> 12);
            assert_eq!(fixture.read(), Some(FaultCause::WalkBusError));
        }
    }
}

#[test]
fn riscv_reserved_encodings() {
    let reserved = Some(FaultCause::ReservedBits);
    for level in 0..3 {
        for bit in 54..64 {
            assert_eq!(
                Fixture::with_entry(Mode::Sv39, level, |e| e | 1 << bit).read(),
                reserved
            );
        }
    }
    // W without R, with X too
    assert_eq!(Fixture::with_entry(Mode::Sv39, 0, |e| e & !2).read(), reserved);
    assert_eq!(Fixture::with_entry(Mode::Sv39, 0, |e| (e & !2) | 8).read(), reserved);
    for bit in [4, 6, 7] {
        assert_eq!(Fixture::with_entry(Mode::Sv39, 1, |e| e | 1 << bit).read(), reserved);
    }
    // a pointer at the last level
    assert_eq!(Fixture::with_entry(Mode::Sv39, 0, |e| e & !0b1110).read(), reserved);
}

#[test]
fn x86_reserved_bits() {
    let reserved = Some(FaultCause::ReservedBits);
    for level in 0..4 {
        for bit in 40..52 {
            assert_eq!(
                Fixture::with_entry(Mode::X86_64, level, |e| e | 1 << bit).read(),
                reserved
            );
        }
        for bit in [8, 9, 10, 11, 52, 62, 63] {
            assert_eq!(Fixture::with_entry(Mode::X86_64, level, |e| e | 1 << bit).read(), None);
        }
    }
    assert_eq!(Fixture::with_entry(Mode::X86_64, 3, |e| e | 1 << 7).read(), reserved);
    let large =
        |level: usize, bit: usize| Fixture::with_entry(Mode::X86_64, level, |_| 0x40_0000_00E7 | 1 << bit).read();
    assert_eq!((13..21).map(|bit| large(1, bit)).collect::<Vec<_>>(), vec![reserved; 8]);
    assert_eq!(
        (13..30).map(|bit| large(2, bit)).collect::<Vec<_>>(),
        vec![reserved; 17]
    );
    assert_eq!(
        (large(1, 12), large(1, 21), large(2, 12), large(2, 30)),
        (None, None, None, None)
    );
}

#[test]
fn riscv_page_numbers_beyond_the_physical_width() {
    for level in 0..3 {
        for bit in 38..54 {
            let fixture = Fixture::with_entry(Mode::Sv39, level, |e| e | 1 << bit);
            assert_eq!(fixture.read(), Some(FaultCause::PhysRange));
        }
    }
}

#[test]
fn misaligned_riscv_superpages() {
    for (level, bits) in [(1, 10..19), (2, 10..28)] {
        for bit in bits {
            let fixture = Fixture::with_entry(Mode::Sv39, level, |_| 0xD7 | 1 << bit);
            assert_eq!(fixture.read(), Some(FaultCause::Misaligned));
        }
    }
}

#[test]
fn permissions_are_the_leafs_or_those_of_every_level() {
    for level in 0..4 {
        let mut fixture = Fixture::with_entry(Mode::X86_64, level, |e| e & !4);
        assert_eq!(fixture.read(), Some(FaultCause::Supervisor));
        fixture.space.context.user_only = false;
        assert_eq!(fixture.read(), None);
        let fixture = Fixture::with_entry(Mode::X86_64, level, |e| e & !2);
        assert_eq!(
            (fixture.read(), fixture.cause(Access::Write)),
            (None, Some(FaultCause::NotWritable))
        );
        let mut fixture = Fixture::with_entry(Mode::X86_64, level, |e| e & !0x20);
        assert_eq!(fixture.read(), None);
        fixture.space.context.accessed_faults = true;
        assert_eq!(fixture.read(), Some(FaultCause::AccessedClear));
        let fixture = Fixture::with_entry(Mode::X86_64, level, |e| e & !0x40);
        assert_eq!(
            fixture.cause(Access::Write),
            (level == 0).then_some(FaultCause::NotWritable)
        );
    }
    let sv39 = |clear: u64, set: u64| Fixture::with_entry(Mode::Sv39, 0, |e| e & !clear | set);
    assert_eq!(sv39(0x10, 0).read(), Some(FaultCause::Supervisor));
    assert_eq!(sv39(0x06, 0x08).read(), Some(FaultCause::NotReadable));
    assert_eq!(sv39(0x06, 0x08).cause(Access::Write), Some(FaultCause::NotWritable));
    assert_eq!(sv39(0x04, 0).cause(Access::Write), Some(FaultCause::NotWritable));
    assert_eq!(sv39(0x80, 0).cause(Access::Write), Some(FaultCause::NotWritable));
    assert_eq!(sv39(0x80, 0).read(), None);
    assert_eq!(sv39(0x40, 0).read(), Some(FaultCause::AccessedClear));
    let mut lenient = sv39(0x40, 0);
    lenient.space.context.accessed_faults = false;
    assert_eq!(lenient.read(), None);
}

#[test]
fn the_first_cause_of_the_list_is_reported() {
    // all at once: reserved bit, page number out of range, supervisor, not readable, accessed clear
    let broken = 1 << 54 | 1 << 53 | 0x9;
    let sv39 = |entry: u64| Fixture::with_entry(Mode::Sv39, 0, |_| entry).read().unwrap();
    assert_eq!(sv39(broken & !1), FaultCause::NotPresent);
    assert_eq!(sv39(broken), FaultCause::ReservedBits);
    assert_eq!(sv39(broken & !(1 << 54)), FaultCause::PhysRange);
    assert_eq!(sv39(0x9), FaultCause::Supervisor);
    assert_eq!(sv39(0x19), FaultCause::NotReadable);
    assert_eq!(sv39(0x1B), FaultCause::AccessedClear);
}

#[test]
fn the_builder_refuses_what_no_table_can_say() {
    let mut fixture = Fixture::mapped(Mode::X86_64);
    assert_eq!(
        fixture.map(VIRT, 0, 0, Permissions::USER_READ),
        Err(BuildError::Mapped(VIRT))
    );
    assert_eq!(
        fixture.map(1 << 47, 0, 0, Permissions::USER_READ),
        Err(BuildError::NonCanonical(1 << 47))
    );
    assert_eq!(
        fixture.map(0, 0x1000, 1, Permissions::USER_READ),
        Err(BuildError::Unaligned(0x1000))
    );
    assert_eq!(
        fixture.map(0, 0, 3, Permissions::USER_READ),
        Err(BuildError::NoSuchPage(3))
    );
    fixture.space.unmap(&mut fixture.memory, VIRT).unwrap();
    assert_eq!(fixture.read(), Some(FaultCause::NotPresent));
    assert_eq!(
        fixture.space.unmap(&mut fixture.memory, VIRT),
        Err(BuildError::NotMapped(VIRT))
    );
}

proptest! {
    #[test]
    fn what_was_mapped_translates(
        mode in prop::sample::select(vec![Mode::Sv32, Mode::Sv39, Mode::Sv48, Mode::X86_32, Mode::X86_64]),
        pages in prop::collection::vec((any::<u64>(), any::<u64>(), 0usize..4, any::<bool>()), 1..40),
        offset in any::<u64>(),
    ) {
        let format = mode.format().unwrap();
        let mut fixture = Fixture::new(mode);
        let mut mapped = Vec::new();
        for (virt, phys, level, write) in pages {
            let level = level % format.levels;
            let size = format.page_bytes(level);
            let phys_bits = (format.page_bits + 12).min(40);
            let (virt, phys) = (format.canonical_addr(virt) & !(size - 1), phys & ((1 << phys_bits) - 1) & !(size - 1));
            let permissions = if write { Permissions::USER_WRITE } else { Permissions::USER_READ };
            if fixture.map(virt, phys, level, permissions).is_ok() {
                mapped.push((virt, phys, size, write));
            }
        }
        for (virt, phys, size, write) in mapped {
            let inside = offset & (size - 1);
            let at = |access| walk(&fixture.memory, &fixture.space.context, virt + inside, access).result;
            let expected = Translation { phys_addr: phys + inside, page_bytes: size };
            prop_assert_eq!(at(Access::Read), Ok(expected));
            prop_assert_eq!(at(Access::Write), if write { Ok(expected) } else { Err(FaultCause::NotWritable) });
        }
    }
}
