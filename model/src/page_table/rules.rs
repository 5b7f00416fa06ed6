//! Every rule of every format, and the walk against the [`oracle`](super::oracle).

use super::*;
use crate::memory::{MemoryMut, SparseMemory};
use crate::refusal::FaultCause;
use proptest::prelude::*;

/// A page-table page for each level of one walk; every entry of a table is the same, so any address walks through it.
struct Ladder {
    memory: SparseMemory,
    context: Context,
}

const FORMAT_MODES: [Mode; 5] = [Mode::Sv32, Mode::Sv39, Mode::Sv48, Mode::X86_32, Mode::X86_64];
const ROOT: u64 = 0x50;
/// Tables of a ladder, root first: no number is one bit away from another, so a changed bit never leads to a table.
const TABLES: [u64; 4] = [ROOT, 0x53, 0x5C, 0x6F];

impl Ladder {
    /// Sound tables of `mode` that end in a page of `leaf_level`, with all permissions.
    fn new(mode: Mode, leaf_level: usize) -> Self {
        let mut ladder = Self {
            memory: SparseMemory::new(),
            context: Context::new(mode, ROOT),
        };
        TABLES.into_iter().for_each(|page| ladder.memory.add_page(page));
        for level in (leaf_level..mode.format().unwrap().levels).rev() {
            ladder.set(level, Self::sound(mode, level, leaf_level));
        }
        ladder
    }

    fn sound(mode: Mode, level: usize, leaf_level: usize) -> u64 {
        let format = mode.format().unwrap();
        let riscv = format.leaf_rule == LeafRule::AnyLevel;
        let page = if level == leaf_level {
            0
        } else {
            Self::table(mode, level - 1) << format.page_lsb
        };
        page | match (level == leaf_level, riscv) {
            (true, true) => 0xD7,
            (false, true) => 0x01,
            (true, false) if level > 0 => 0xE7,
            _ => 0x67,
        }
    }

    fn table(mode: Mode, level: usize) -> u64 {
        TABLES[mode.format().unwrap().levels - 1 - level]
    }

    /// Every entry of the table of this level becomes `entry`.
    fn set(&mut self, level: usize, entry: u64) {
        let mode = self.context.mode;
        let bytes = mode.format().unwrap().entry_bytes;
        let page: Vec<u8> = (0..4096 / bytes)
            .flat_map(|_| entry.to_le_bytes()[..bytes].to_vec())
            .collect();
        self.memory.write(Self::table(mode, level) << 12, &page).unwrap();
    }

    /// Reads and writes with the entry of `level` changed: the causes, or nothing.
    fn causes(mode: Mode, leaf: usize, level: usize, change: impl Fn(u64) -> u64) -> [Option<FaultCause>; 2] {
        let mut ladder = Self::new(mode, leaf);
        ladder.set(level, change(Self::sound(mode, level, leaf)));
        ladder.both()
    }

    fn both(&self) -> [Option<FaultCause>; 2] {
        [Access::Read, Access::Write].map(|access| walk(&self.memory, &self.context, 0x1234_5678, access).result.err())
    }
}

/// All (mode, leaf level) pairs.
fn pages() -> Vec<(Mode, usize)> {
    let mut pages = Vec::new();
    for mode in FORMAT_MODES {
        let format = mode.format().unwrap();
        pages.extend(
            (0..format.levels)
                .filter(|level| format.leaf_legal(*level))
                .map(|level| (mode, level)),
        );
    }
    pages
}

fn riscv(mode: Mode) -> bool {
    mode.format().unwrap().leaf_rule == LeafRule::AnyLevel
}

/// The bits whose change, in an entry of `level`, gives `cause` on a read of a page of level `leaf`.
fn guilty_bits(mode: Mode, leaf: usize, level: usize, cause: FaultCause, of_write: bool) -> Vec<usize> {
    (0..8 * mode.format().unwrap().entry_bytes)
        .filter(|bit| Ladder::causes(mode, leaf, level, |e| e ^ 1 << bit)[usize::from(of_write)] == Some(cause))
        .collect()
}

#[test]
fn page_sizes_are_those_of_the_table() {
    let sizes = |mode: Mode| {
        let all = pages().into_iter().filter(|(of, _)| *of == mode);
        all.map(|(_, level)| {
            let ladder = Ladder::new(mode, level);
            let found = walk(&ladder.memory, &ladder.context, 0x1234_5678, Access::Write).result;
            let found = found.unwrap();
            assert_eq!(found.phys_addr, 0x1234_5678 % found.page_bytes);
            size_name(found.page_bytes)
        })
        .collect::<Vec<_>>()
        .join(", ")
    };
    assert_eq!(sizes(Mode::Sv32), "4 KiB, 4 MiB");
    assert_eq!(sizes(Mode::Sv39), "4 KiB, 2 MiB, 1 GiB");
    assert_eq!(sizes(Mode::Sv48), "4 KiB, 2 MiB, 1 GiB, 512 GiB");
    assert_eq!(sizes(Mode::X86_32), "4 KiB, 4 MiB");
    assert_eq!(sizes(Mode::X86_64), "4 KiB, 2 MiB, 1 GiB");
}

#[test]
fn reserved_bits_of_a_leaf_are_these_and_no_others() {
    for (mode, leaf) in pages() {
        let expected: Vec<usize> = match mode {
            // clearing R leaves W alone, which is reserved
            Mode::Sv32 => vec![1],
            Mode::Sv39 | Mode::Sv48 => [1].into_iter().chain(54..64).collect(),
            Mode::X86_32 if leaf == 1 => (13..22).collect(),
            Mode::X86_64 if leaf == 1 => (13..21).chain(40..52).collect(),
            Mode::X86_64 if leaf == 2 => (13..30).chain(40..52).collect(),
            Mode::X86_64 => (40..52).collect(),
            _ => vec![],
        };
        assert_eq!(
            guilty_bits(mode, leaf, leaf, FaultCause::ReservedBits, false),
            expected,
            "{mode:?} {leaf}"
        );
    }
}

#[test]
fn reserved_bits_of_a_pointer_are_these_and_no_others() {
    for mode in FORMAT_MODES {
        for level in 1..mode.format().unwrap().levels {
            let expected: Vec<usize> = match (mode, level) {
                // W without R, U, A, D
                (Mode::Sv32, _) => vec![2, 4, 6, 7],
                (Mode::Sv39 | Mode::Sv48, _) => [2, 4, 6, 7].into_iter().chain(54..64).collect(),
                // a page-directory entry with PS is a page, whose bits 21:13 held the table's address
                (Mode::X86_32, _) => vec![7],
                // and so at the other levels; PS in the PML4 is reserved
                (_, _) => [7].into_iter().chain(40..52).collect(),
            };
            assert_eq!(
                guilty_bits(mode, 0, level, FaultCause::ReservedBits, false),
                expected,
                "{mode:?} {level}"
            );
        }
    }
}

#[test]
fn a_pointer_at_the_last_level_is_reserved_in_riscv_formats() {
    for mode in FORMAT_MODES.into_iter().filter(|mode| riscv(*mode)) {
        let reserved = Some(FaultCause::ReservedBits);
        assert_eq!(Ladder::causes(mode, 0, 0, |_| 1), [reserved; 2]);
        assert_eq!(Ladder::causes(mode, 0, 0, |_| 0x05), [reserved; 2], "W without R");
        assert_eq!(Ladder::causes(mode, 0, 0, |_| 0x0D), [reserved; 2], "W and X without R");
    }
}

#[test]
fn not_present_is_bit_0_of_every_level() {
    for (mode, leaf) in pages() {
        for level in leaf..mode.format().unwrap().levels {
            let causes = |change: fn(u64) -> u64| Ladder::causes(mode, leaf, level, change);
            assert_eq!(causes(|e| e & !1), [Some(FaultCause::NotPresent); 2]);
            assert_eq!(causes(|_| 0xFFFF_FFFF_FFFF_FFFE), [Some(FaultCause::NotPresent); 2]);
            assert_eq!(guilty_bits(mode, leaf, level, FaultCause::NotPresent, false)[0], 0);
        }
    }
}

#[test]
fn page_numbers_beyond_the_physical_width() {
    for (mode, leaf) in pages() {
        let expected: Vec<usize> = match mode {
            Mode::Sv39 | Mode::Sv48 => (38..54).collect(),
            _ => vec![],
        };
        for level in leaf..mode.format().unwrap().levels {
            assert_eq!(guilty_bits(mode, leaf, level, FaultCause::PhysRange, false), expected);
        }
    }
}

#[test]
fn misaligned_superpages_are_a_cause_of_riscv_formats() {
    for (mode, leaf) in pages() {
        let index_bits = mode.format().unwrap().index_bits;
        let expected: Vec<usize> = if riscv(mode) {
            (10..10 + leaf * index_bits).collect()
        } else {
            vec![]
        };
        assert_eq!(guilty_bits(mode, leaf, leaf, FaultCause::Misaligned, false), expected);
    }
}

#[test]
fn permission_bits_are_the_leafs_or_those_of_every_level() {
    for (mode, leaf) in pages() {
        let levels = mode.format().unwrap().levels;
        for level in leaf..levels {
            let counts = level == leaf || !riscv(mode);
            let (user, write, dirty) = if riscv(mode) { (4, 2, 7) } else { (2, 1, 6) };
            let of = |cause, of_write| guilty_bits(mode, leaf, level, cause, of_write);
            let if_counts = |bits: Vec<usize>| if counts { bits } else { vec![] };
            assert_eq!(
                of(FaultCause::Supervisor, false),
                if_counts(vec![user]),
                "{mode:?} {level}"
            );
            let mut not_writable = if_counts(vec![write]);
            if level == leaf {
                not_writable.push(dirty);
            }
            assert_eq!(of(FaultCause::NotWritable, true), not_writable, "{mode:?} {level}");
            assert_eq!(of(FaultCause::NotWritable, false), vec![], "a read needs neither");
            // clearing R alone leaves the reserved W, so both are cleared and X is set
            if riscv(mode) && level == leaf {
                let causes = Ladder::causes(mode, leaf, level, |e| e & !0x06 | 0x08);
                assert_eq!(causes, [Some(FaultCause::NotReadable), Some(FaultCause::NotWritable)]);
            }
        }
    }
}

#[test]
fn the_accessed_bit_counts_where_the_context_asks() {
    for (mode, leaf) in pages() {
        for level in leaf..mode.format().unwrap().levels {
            let bit = if riscv(mode) { 6 } else { 5 };
            let counts = level == leaf || !riscv(mode);
            for faults in [false, true] {
                let mut ladder = Ladder::new(mode, leaf);
                ladder.context.accessed_faults = faults;
                assert_eq!(ladder.both(), [None; 2]);
                if counts {
                    ladder.set(level, Ladder::sound(mode, level, leaf) & !(1 << bit));
                    assert_eq!(ladder.both(), [faults.then_some(FaultCause::AccessedClear); 2]);
                }
            }
        }
    }
    let defaults = FORMAT_MODES.map(|mode| Context::new(mode, 0).accessed_faults);
    assert_eq!(defaults, [true, true, true, false, false], "as Svade; not for x86");
}

#[test]
fn a_context_for_supervisor_pages_takes_user_pages_too() {
    for (mode, leaf) in pages() {
        let mut ladder = Ladder::new(mode, leaf);
        ladder.context.user_only = false;
        assert_eq!(ladder.both(), [None; 2]);
        let user = mode.format().unwrap().user_mask;
        ladder.set(leaf, Ladder::sound(mode, leaf, leaf) & !user);
        assert_eq!(ladder.both(), [None; 2]);
    }
}

#[test]
fn addresses_are_canonical_to_the_bit() {
    for (mode, good, bad) in [
        (Mode::Sv32, vec![0, 0xFFFF_FFFF], vec![1 << 32, 1 << 63, u64::MAX]),
        (Mode::X86_32, vec![0, 0xFFFF_FFFF], vec![1 << 32, 1 << 63, u64::MAX]),
        (
            Mode::Sv39,
            vec![0, (1 << 38) - 1, !0 << 38, u64::MAX],
            vec![1 << 38, (!0 << 38) - 1, 1 << 39, 1 << 63],
        ),
        (
            Mode::Sv48,
            vec![0, (1 << 47) - 1, !0 << 47, u64::MAX],
            vec![1 << 47, (!0 << 47) - 1, 1 << 48, 1 << 63],
        ),
        (
            Mode::X86_64,
            vec![0, (1 << 47) - 1, !0 << 47, u64::MAX],
            vec![1 << 47, (!0 << 47) - 1, 1 << 48, 1 << 63],
        ),
    ] {
        let ladder = Ladder::new(mode, 0);
        let at = |addr| walk(&ladder.memory, &ladder.context, addr, Access::Read).result.err();
        assert!(good.into_iter().all(|addr| at(addr).is_none()), "{mode:?}");
        assert!(
            bad.into_iter().all(|addr| at(addr) == Some(FaultCause::NonCanonical)),
            "{mode:?}"
        );
    }
}

#[test]
fn the_order_of_the_checks() {
    use FaultCause::*;
    // Sv39, last level: each entry has everything wrong but what came before
    let sv39 = |entry: u64| Ladder::causes(Mode::Sv39, 0, 0, |_| entry);
    let far = 1 << 53 | 1 << 54;
    assert_eq!(sv39(far), [Some(NotPresent); 2]);
    assert_eq!(sv39(far | 0x09), [Some(ReservedBits); 2]);
    assert_eq!(sv39(1 << 53 | 0x09), [Some(PhysRange); 2]);
    assert_eq!(sv39(0x09), [Some(Supervisor); 2]);
    assert_eq!(sv39(0x19), [Some(NotReadable), Some(NotWritable)]);
    assert_eq!(sv39(0x1B), [Some(AccessedClear), Some(NotWritable)]);
    assert_eq!(sv39(0x97), [Some(AccessedClear); 2]);
    let large = |entry: u64| Ladder::causes(Mode::Sv39, 1, 1, |_| entry);
    assert_eq!(large(1 << 10 | 1 << 53 | 0x09), [Some(PhysRange); 2]);
    assert_eq!(large(1 << 10 | 0x09), [Some(Misaligned); 2]);
    // x86-64, 2 MiB
    let large = |entry: u64| Ladder::causes(Mode::X86_64, 1, 1, |_| entry);
    assert_eq!(large(1 << 40 | 0x80), [Some(NotPresent); 2]);
    assert_eq!(large(1 << 13 | 0x81), [Some(ReservedBits); 2]);
    assert_eq!(large(0x81), [Some(Supervisor); 2]);
    assert_eq!(large(0x85), [None, Some(NotWritable)]);
    // what comes before any entry
    let off = Context::off();
    assert_eq!(
        walk(&SparseMemory::new(), &off, !0 << 13, Access::Read).result,
        Err(BadContext)
    );
    assert_eq!(
        walk(
            &SparseMemory::new(),
            &Context::new(Mode::Sv39, 0),
            1 << 40,
            Access::Read
        )
        .result,
        Err(NonCanonical),
        "before the bus error of the missing root"
    );
}

#[test]
fn the_builder_refuses_addresses_that_an_entry_cannot_hold() {
    for (mode, first_bad) in [(Mode::Sv32, 1 << 34), (Mode::X86_32, 1 << 32), (Mode::X86_64, 1 << 40)] {
        let mut memory = SparseMemory::new();
        (1..9).for_each(|page| memory.add_page(page));
        let mut next = 0;
        let mut frames = || {
            next += 1;
            next
        };
        let mut space = AddressSpace::new(mode, &mut memory, &mut frames).unwrap();
        let mut map = |virt, phys| space.map(&mut memory, &mut frames, virt, phys, 0, Permissions::USER_READ);
        assert_eq!(map(0x1000, first_bad), Err(BuildError::PhysTooFar(first_bad)));
        assert_eq!(map(0x1000, first_bad - 0x1000), Ok(()));
    }
    let mut frames = || 1 << 20;
    let far_root = AddressSpace::new(Mode::X86_32, &mut SparseMemory::new(), &mut frames);
    assert_eq!(far_root.unwrap_err(), BuildError::PhysTooFar(1 << 32));
}

/// Entries near what is sound, so that walks go deep and every bit gets its turn.
fn entries() -> impl Strategy<Value = u64> {
    let riscv = prop::sample::select(vec![0xD7u64, 0x01, 0x01, 0xDF, 0x19, 0x53, 0x00]);
    let x86 = prop::sample::select(vec![0x67u64, 0x67, 0xE7, 0x27, 0x25, 0x00]);
    let status = prop_oneof![riscv, x86];
    let page = prop_oneof![4 => (ROOT..ROOT + 6).prop_map(|p| p << 10), 4 => (ROOT..ROOT + 6).prop_map(|p| p << 12),
        2 => any::<u64>().prop_map(|p| p & 0xFF_C000_0000), 1 => any::<u64>()];
    let flips = prop::collection::vec(0usize..64, 0..3);
    (status, page, flips).prop_map(|(status, page, flips)| flips.iter().fold(status | page, |e, bit| e ^ 1 << bit))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn the_walk_is_that_of_the_specifications(
        mode in prop::sample::select(Mode::ALL.to_vec()),
        tables in prop::collection::vec(entries(), 64),
        virt in any::<u64>(),
        shape in 0usize..66,
        user_only: bool,
        accessed_faults: bool,
        present in prop::sample::select(vec![4u64, 4, 4, 4, 4, 4, 3, 2, 1, 0]),
    ) {
        let mut memory = SparseMemory::new();
        for page in 0..present {
            memory.add_page(ROOT + page);
            // words repeat, so that indexes of both entry sizes meet sound entries
            let bytes: Vec<u8> = (0..512).flat_map(|at| tables[(at + page as usize) % 64].to_le_bytes()).collect();
            memory.write((ROOT + page) << 12, &bytes).unwrap();
        }
        let context = Context { mode, root_page: ROOT, user_only, accessed_faults };
        // few bits on either side of zero, so that every format sees canonical addresses
        let virt = if shape < 64 { ((virt as i64) >> shape) as u64 } else { virt & 0xFFFF_FFFF };
        for access in [Access::Read, Access::Write] {
            let found = walk(&memory, &context, virt, access).result.map(|t| (t.phys_addr, t.page_bytes));
            prop_assert_eq!(found, oracle::walk(&memory, &context, virt, access));
        }
    }

    #[test]
    fn causes_arise_only_where_the_table_of_causes_says(
        mode in prop::sample::select(FORMAT_MODES.to_vec()),
        tables in prop::collection::vec(entries(), 8),
        virt in 0u64..1 << 31,
    ) {
        let mut memory = SparseMemory::new();
        for page in 0..4 {
            memory.add_page(ROOT + page);
            let bytes: Vec<u8> = (0..512).flat_map(|at| tables[(at + page as usize) % 8].to_le_bytes()).collect();
            memory.write((ROOT + page) << 12, &bytes).unwrap();
        }
        let context = Context { accessed_faults: true, ..Context::new(mode, ROOT) };
        for access in [Access::Read, Access::Write] {
            let found = walk(&memory, &context, virt, access);
            if let (Err(cause), Some(step)) = (found.result, found.steps.last()) {
                prop_assert!(mode.format().unwrap().can_fail(step.level, cause), "{:?} {}", cause, step.level);
            }
        }
    }
}
