//! What a page-table format looks like, as data. The walk of the model, the constants of the RTL walker and the builder
//! are all made from these tables.
//!
//! Sources: RISC-V privileged specification 1.12, 4.3 to 4.5 (Sv32, Sv39, Sv48); Intel SDM volume 3A, 4.3 and 4.5.

use crate::limits::PHYS_ADDR_BITS;
use crate::registers::mode;

/// Translation mode of a context. Wire values are those of [`crate::registers::mode`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Mode {
    /// Virtual addresses are physical addresses.
    Bare = mode::BARE as u8,
    /// RISC-V Sv32.
    Sv32 = mode::SV32 as u8,
    /// RISC-V Sv39.
    Sv39 = mode::SV39 as u8,
    /// RISC-V Sv48.
    Sv48 = mode::SV48 as u8,
    /// x86 32-bit, two levels.
    X86_32 = mode::X86_32 as u8,
    /// x86-64, four levels.
    X86_64 = mode::X86_64 as u8,
    /// Reserved value.
    Reserved = 6,
    /// The context is switched off.
    Off = mode::OFF as u8,
}

impl Mode {
    /// Every mode, in the order of its wire value.
    pub const ALL: [Mode; 8] = [
        Mode::Bare,
        Mode::Sv32,
        Mode::Sv39,
        Mode::Sv48,
        Mode::X86_32,
        Mode::X86_64,
        Mode::Reserved,
        Mode::Off,
    ];

    /// The mode with this 3-bit wire value; higher bits are ignored.
    pub fn from_code(code: u8) -> Mode {
        Self::ALL[usize::from(code & 7)]
    }

    /// Wire value, 3 bits.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The page-table format, or nothing for Bare, reserved and off.
    pub fn format(self) -> Option<&'static Format> {
        FORMATS.iter().find(|format| format.mode == self)
    }

    /// Whether the hardware of this version serves the mode; if not, it answers `BadContext`, and so does
    /// [`super::translate`].
    pub fn supported_by_rtl(self) -> bool {
        self == Mode::Bare || self.format().is_some()
    }

    /// Lower-case name as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Bare => "bare",
            Mode::Reserved => "reserved",
            Mode::Off => "off",
            _ => self.format().map_or("", |format| format.name),
        }
    }
}

/// What the bits above the virtual address must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canonical {
    /// Equal to the highest address bit.
    SignExtended,
    /// Zero: the format's addresses have 32 bits.
    ZeroExtended,
}

/// What makes a valid entry a leaf above the last level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeafRule {
    /// Any bit of `leaf` is set, at the last level too (RISC-V: R or X); there, an entry that is no leaf is reserved.
    AnyLevel,
    /// Any bit of `leaf` is set (x86: PS). At the last level every entry is a leaf.
    AboveLast,
}

/// Which entries' permission and accessed bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermissionRule {
    /// Only the leaf's (RISC-V).
    Leaf,
    /// Those of every entry on the way (x86). The dirty bit is the leaf's alone.
    EveryLevel,
}

/// A page-table format. Levels are numbered from the leaves: level 0 holds 4 KiB pages. Fields that end in `_mask` are
/// bits of an entry; a mask of 0 stands for a bit that the format does not have and that counts as set.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// The mode that selects it.
    pub mode: Mode,
    /// Lower-case name as on the command line.
    pub name: &'static str,
    /// Number of levels.
    pub levels: usize,
    /// Index bits a level.
    pub index_bits: usize,
    /// Bytes of an entry: 4 or 8.
    pub entry_bytes: usize,
    /// Bits of a virtual address.
    pub virt_bits: usize,
    /// The bits above them.
    pub canonical: Canonical,
    /// Lowest bit of the physical page number in an entry.
    pub page_lsb: usize,
    /// Width of the physical page number in an entry.
    pub page_bits: usize,
    /// Clear: not present.
    pub valid_mask: u64,
    /// A read needs it.
    pub read_mask: u64,
    /// A write needs it.
    pub write_mask: u64,
    /// A user page.
    pub user_mask: u64,
    /// Accessed.
    pub accessed_mask: u64,
    /// Dirty: a write needs it.
    pub dirty_mask: u64,
    /// Execute permission; only the builder uses it.
    pub execute_mask: u64,
    /// See [`LeafRule`].
    pub leaf_mask: u64,
    /// See [`LeafRule`].
    pub leaf_rule: LeafRule,
    /// Whose permissions count.
    pub permissions: PermissionRule,
    /// A leaf at level `k` is legal when bit `k` is set.
    pub leaf_levels: u8,
    /// Set bits that are reserved in every entry.
    pub reserved_mask: u64,
    /// Set bits that are reserved in an entry that is not a leaf.
    pub pointer_reserved_mask: u64,
    /// W without R is reserved.
    pub write_needs_read: bool,
    /// Page-number bits below a superpage's own address: reserved except `large_ignored_mask`, else `Misaligned`.
    pub large_low_bits_reserved: bool,
    /// Bits of the page number that a large page uses for something else (x86: PAT).
    pub large_ignored_mask: u64,
}

impl Format {
    /// Bytes of a page at this level.
    pub const fn page_bytes(&self, level: usize) -> u64 {
        1 << (12 + level * self.index_bits)
    }

    /// Index into the table of this level.
    pub const fn index(&self, virt_addr: u64, level: usize) -> u64 {
        (virt_addr >> (12 + level * self.index_bits)) & ((1 << self.index_bits) - 1)
    }

    /// Mask of the physical page number in an entry.
    pub const fn page_mask(&self) -> u64 {
        ((1 << self.page_bits) - 1) << self.page_lsb
    }

    /// Page-number bits of a leaf at this level that lie below the page's own address, without the ignored ones.
    pub const fn low_page_mask(&self, level: usize) -> u64 {
        if level == 0 {
            return 0;
        }
        (((1 << (level * self.index_bits)) - 1) << self.page_lsb) & !self.large_ignored_mask
    }

    /// Physical page number of an entry.
    pub const fn page_number(&self, entry: u64) -> u64 {
        (entry & self.page_mask()) >> self.page_lsb
    }

    /// Whether a valid entry of this level is a leaf.
    pub const fn is_leaf(&self, entry: u64, level: usize) -> bool {
        entry & self.leaf_mask != 0 || (level == 0 && matches!(self.leaf_rule, LeafRule::AboveLast))
    }

    /// Whether a leaf of this level is legal.
    pub const fn leaf_legal(&self, level: usize) -> bool {
        self.leaf_levels >> level & 1 == 1
    }

    /// Whether the address obeys [`Canonical`].
    pub const fn is_canonical(&self, virt_addr: u64) -> bool {
        if self.virt_bits == 64 {
            return true;
        }
        match self.canonical {
            Canonical::SignExtended => {
                let above = (virt_addr as i64) >> (self.virt_bits - 1);
                above == 0 || above == -1
            }
            Canonical::ZeroExtended => virt_addr >> self.virt_bits == 0,
        }
    }

    /// The nearest address that obeys [`Canonical`]: the bits above the format's address are replaced.
    pub const fn canonical_addr(&self, virt_addr: u64) -> u64 {
        let unused = 64 - self.virt_bits;
        match self.canonical {
            Canonical::SignExtended => (((virt_addr << unused) as i64) >> unused) as u64,
            Canonical::ZeroExtended => (virt_addr << unused) >> unused,
        }
    }
}

const fn bit(number: usize) -> u64 {
    1 << number
}

/// Bits `lsb ..= msb`.
const fn bits(msb: usize, lsb: usize) -> u64 {
    (u64::MAX >> (63 - msb)) & (u64::MAX << lsb)
}

const RISCV: Format = Format {
    mode: Mode::Sv39,
    name: "sv39",
    levels: 3,
    index_bits: 9,
    entry_bytes: 8,
    virt_bits: 39,
    canonical: Canonical::SignExtended,
    page_lsb: 10,
    page_bits: 44,
    valid_mask: bit(0),
    read_mask: bit(1),
    write_mask: bit(2),
    user_mask: bit(4),
    accessed_mask: bit(6),
    dirty_mask: bit(7),
    execute_mask: bit(3),
    leaf_mask: bit(1) | bit(3),
    leaf_rule: LeafRule::AnyLevel,
    permissions: PermissionRule::Leaf,
    leaf_levels: 0b111,
    // neither Svnapot (63) nor Svpbmt (62:61)
    reserved_mask: bits(63, 54),
    pointer_reserved_mask: bit(4) | bit(6) | bit(7),
    write_needs_read: true,
    large_low_bits_reserved: false,
    large_ignored_mask: 0,
};

const X86: Format = Format {
    mode: Mode::X86_64,
    name: "x86-64",
    levels: 4,
    index_bits: 9,
    entry_bytes: 8,
    virt_bits: 48,
    canonical: Canonical::SignExtended,
    page_lsb: 12,
    page_bits: PHYS_ADDR_BITS - 12,
    valid_mask: bit(0),
    read_mask: 0,
    write_mask: bit(1),
    user_mask: bit(2),
    accessed_mask: bit(5),
    dirty_mask: bit(6),
    execute_mask: 0,
    leaf_mask: bit(7),
    leaf_rule: LeafRule::AboveLast,
    permissions: PermissionRule::EveryLevel,
    leaf_levels: 0b0111,
    // Intel SDM 3A, 4.5: bits 51:MAXPHYADDR
    reserved_mask: bits(51, PHYS_ADDR_BITS),
    pointer_reserved_mask: 0,
    write_needs_read: false,
    large_low_bits_reserved: true,
    large_ignored_mask: bit(12),
};

/// Every page-table format.
pub const FORMATS: &[Format] = &[
    Format {
        mode: Mode::Sv32,
        name: "sv32",
        levels: 2,
        index_bits: 10,
        entry_bytes: 4,
        virt_bits: 32,
        canonical: Canonical::ZeroExtended,
        page_bits: 22,
        leaf_levels: 0b11,
        reserved_mask: 0,
        ..RISCV
    },
    RISCV,
    Format {
        mode: Mode::Sv48,
        name: "sv48",
        levels: 4,
        virt_bits: 48,
        leaf_levels: 0b1111,
        ..RISCV
    },
    Format {
        mode: Mode::X86_32,
        name: "x86-32",
        levels: 2,
        index_bits: 10,
        entry_bytes: 4,
        virt_bits: 32,
        canonical: Canonical::ZeroExtended,
        page_bits: 20,
        leaf_levels: 0b11,
        reserved_mask: 0,
        ..X86
    },
    X86,
];
