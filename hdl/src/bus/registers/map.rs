//! The register map as the hardware sees it: a ROM made from [`segwalk_model::registers`].

use crate::mmu::types::DEFAULT_TLB_ENTRIES;
use rust_hdl::prelude::*;
use segwalk_model::limits::{CONTEXTS, MSS_MAX, PHYS_ADDR_BITS};
use segwalk_model::registers::{self, Access, Register};

/// Bits of a [`RegisterRom`] word.
pub const ENTRY_BITS: usize = 36;
/// Bits of a register code.
pub const CODE_BITS: usize = 7;

/// Where things lie in the value store, a memory of 512 words.
pub mod store {
    /// Registers that are there once, in the order of their table, below this many words.
    pub const SINGLES: u64 = 64;
    /// First refusal counter.
    pub const REFUSALS: u64 = 64;
    /// First of the 16 slots of the engine's counters; a counter's slot is the low four bits of its word address. The word
    /// behind the low word of the byte counter is the running high word; software sees the copy made with the low word.
    pub const COUNTERS: u64 = 128;
    /// First word of the transmit queues; queue `q` has the 16 words from `16 * q` on.
    pub const QUEUES: u64 = 256;
    /// Words of a transmit queue.
    pub const QUEUE_NUM: u64 = 0;
    /// See [`QUEUE_NUM`].
    pub const BIND_CONTEXTS: u64 = 1;
    /// See [`QUEUE_NUM`].
    pub const BIND_MASK: u64 = 2;
    /// See [`QUEUE_NUM`].
    pub const WEIGHT: u64 = 3;
    /// See [`QUEUE_NUM`].
    pub const RATE: u64 = 4;
    /// See [`QUEUE_NUM`].
    pub const QUEUE_REFUSED: u64 = 11;
    /// See [`QUEUE_NUM`].
    pub const QUEUE_FRAMES: u64 = 12;
    /// See [`QUEUE_NUM`].
    pub const QUEUE_CHAINS: u64 = 13;
    /// See [`QUEUE_NUM`]; the running high word lies behind it.
    pub const QUEUE_BYTES: u64 = 14;
}

/// Lowest bits of the fields of an access entry, an odd word of the ROM. Bits 15:0 are the writable bits of the low half.
pub mod entry {
    /// The high half is writable.
    pub const HIGH_HALF: usize = 16;
    /// Register code.
    pub const CODE: usize = 17;
    /// Word of the value store, 8 bits; with PER_QUEUE the word of the queue, 4 bits.
    pub const STORE_WORD: usize = 24;
    /// The stored value is read back.
    pub const READABLE: usize = 32;
    /// The value is stored when it is written.
    pub const STORED: usize = 33;
    /// There is one for each transmit queue.
    pub const PER_QUEUE: usize = 34;
    /// A counter: pending events are added before it is read.
    pub const COUNTER: usize = 35;
    /// In a reset entry, an even word, with the value of a word of the store after reset in bits 31:0: the value outlives
    /// a device reset.
    pub const KEPT: usize = 32;
}

/// The code of a register: its place in the table, from 1; 0 means that nothing is there.
pub fn code(register: &Register) -> Constant<Bits<CODE_BITS>> {
    let place = registers::ALL.iter().position(|r| r.offset == register.offset);
    let place = place.unwrap_or_else(|| panic!("register {} is not in the table", register.name));
    Constant::new((place as u64 + 1).to_bits())
}

/// A constant of 32 bits.
pub fn word(value: u32) -> Constant<Bits<32>> {
    Constant::new(u64::from(value).to_bits())
}

/// A bit for each of `tx_queues` transmit queues: what of the 16 a build has.
pub fn queue_mask(tx_queues: u32) -> Constant<Bits<16>> {
    Constant::new(((1u64 << tx_queues) - 1).to_bits())
}

/// The bits that a number of one of `tx_queues` transmit queues has.
pub fn queue_number_mask(tx_queues: u32) -> Constant<Bits<4>> {
    Constant::new((u64::from(tx_queues.max(1)).next_power_of_two() - 1).to_bits())
}

/// Where a register's value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A word of the value store.
    Stored,
    /// The stored value of another register.
    Alias(Register),
    /// A word of the value store for each transmit queue.
    Queue(u64),
    /// A word of the value store for each transmit queue that is a counter.
    QueueCounter(u64),
    /// A word of the value store that is a counter.
    Counter,
    /// Flip-flops, or nowhere.
    Live,
}

/// Where the value of `register` comes from.
pub fn source(register: &Register) -> Source {
    use registers as r;
    let is = |list: &[Register]| list.iter().any(|other| other.offset == register.offset);
    let queue_words = [
        (r::QUEUE_NUM, store::QUEUE_NUM),
        (r::BIND_CONTEXTS, store::BIND_CONTEXTS),
        (r::BIND_MASK, store::BIND_MASK),
        (r::QUEUE_WEIGHT, store::WEIGHT),
        (r::QUEUE_RATE, store::RATE),
    ];
    let queue_counters = [
        (r::QUEUE_FRAMES, store::QUEUE_FRAMES),
        (r::QUEUE_CHAINS, store::QUEUE_CHAINS),
        (r::QUEUE_REFUSED, store::QUEUE_REFUSED),
        (r::QUEUE_BYTES_LOW, store::QUEUE_BYTES),
    ];
    let find = |list: &[(Register, u64)]| list.iter().find(|(r, _)| r.offset == register.offset).map(|(_, w)| *w);
    let counters = r::COUNT_CHAINS.offset..=r::COUNT_WALKS.offset;
    if let Some(word) = find(&queue_words) {
        Source::Queue(word)
    } else if let Some(word) = find(&queue_counters) {
        Source::QueueCounter(word)
    } else if counters.contains(&register.offset) && register.offset != r::COUNT_BYTES_HIGH.offset {
        Source::Counter
    } else if is(&[r::CONFIG_MAC_LOW]) {
        Source::Alias(r::MAC_LOW)
    } else if is(&[r::CONFIG_MAC_HIGH_STATUS]) {
        Source::Alias(r::MAC_HIGH)
    } else if register.access == Access::WriteOnly
        || is(&[r::DEVICE_FEATURES, r::QUEUE_NUM_MAX, r::QUEUE_READY, r::QUEUE_RESET])
        || is(&[r::INTERRUPT_STATUS, r::STATUS, r::CONFIG_GENERATION, r::TLB_CONTROL])
        || is(&[r::FAULT_INFO, r::FAULT_HEAD, r::FAULT_ADDR_LOW, r::FAULT_ADDR_HIGH])
        || is(&[r::ERROR_INFO, r::ERROR_HEAD, r::QUEUES_STOPPED, r::QUEUES_PARKED])
        || is(&[r::PARK_INFO, r::PARK_HEAD, r::PARK_ADDR_LOW, r::PARK_ADDR_HIGH])
        || is(&[r::PARK_BYTES, r::PARK_FRAMES])
    {
        Source::Live
    } else {
        Source::Stored
    }
}

/// The word of the value store that holds a register that is there once.
pub fn single(register: &Register) -> u64 {
    let mut stored = registers::ALL.iter().filter(|r| source(r) == Source::Stored);
    let word = stored.position(|r| r.offset == register.offset);
    word.unwrap_or_else(|| panic!("register {} has no word of its own in the value store", register.name)) as u64
}

/// A word of the value store as the kernels compare it.
pub fn store_word(word: u64) -> Constant<Bits<9>> {
    Constant::new(word.to_bits())
}

/// The largest MTU: the longest segment's payload (the largest MSS) and the 40 bytes of an IPv4 and a TCP header without
/// options. Every frame of it fits the longest frame, tags and options included.
pub const MTU: u32 = MSS_MAX as u32 + 40;

/// The value of `register` after reset in a build with `tx_queues` transmit queues and the default TLB.
pub fn reset_value(register: &Register, tx_queues: u32) -> u32 {
    value_of_build(register, tx_queues, DEFAULT_TLB_ENTRIES)
}

fn value_of_build(register: &Register, tx_queues: u32, tlb_entries: usize) -> u32 {
    let put = |name: &str, value: u32| register.field(name).put(value);
    if register.offset == registers::CAPABILITIES.offset {
        put("tx_queues", tx_queues)
            | put("contexts", CONTEXTS as u32)
            | put("phys_addr_bits", PHYS_ADDR_BITS as u32)
            | put("tlb_log2", tlb_entries.ilog2())
    } else if register.offset == registers::CONFIG_PAIRS_MTU.offset {
        put("max_virtqueue_pairs", tx_queues) | put("mtu", MTU)
    } else {
        register.reset
    }
}

/// The writable bits of `register`: its fields, or all when it is one number.
pub fn write_mask(register: &Register) -> u32 {
    match register.fields {
        [] => u32::MAX,
        fields => fields.iter().fold(0, |mask, field| mask | field.mask()),
    }
}

/// The MAC address belongs to the device, not to the driver that resets it.
fn outlives_device_reset(register: &Register) -> bool {
    [registers::MAC_LOW, registers::MAC_HIGH]
        .iter()
        .any(|r| r.offset == register.offset)
}

/// The words of the ROM: the reset entry of word `w` of the value store at `2 * w`, for the first half of the store, and
/// the access entry of register word `w` at `2 * w + 1`.
fn rom_words(tx_queues: u32, tlb_entries: usize) -> Vec<u64> {
    assert!(
        registers::ALL.len() < 1 << CODE_BITS,
        "a register code has {CODE_BITS} bits"
    );
    assert_eq!(
        (
            registers::COUNT_CHAINS.offset % 64,
            registers::COUNT_BYTES_LOW.offset % 8
        ),
        (0, 0),
        "the counter slots are the low bits of their word address, and a high word follows its low word"
    );
    let mut words = vec![0u64; 512];
    for (place, register) in registers::ALL.iter().enumerate() {
        let word = usize::from(register.offset / 4);
        assert!(word < 256, "register {} lies above the refusal counters", register.name);
        let origin = source(register);
        // A register of flip-flops takes what it needs of the value.
        let mask = if origin == Source::Live {
            u32::MAX
        } else {
            write_mask(register)
        };
        let mask = if register.access == Access::ReadOnly { 0 } else { mask };
        assert!(
            matches!(mask >> 16, 0 | 0xFFFF),
            "register {} has a write mask the ROM cannot hold",
            register.name
        );
        let store_word = match origin {
            Source::Stored => single(register),
            Source::Alias(other) => single(&other),
            Source::Queue(queue_word) | Source::QueueCounter(queue_word) => queue_word,
            Source::Counter => store::COUNTERS + u64::from(register.offset / 4 % 16),
            Source::Live => store::QUEUE_NUM,
        };
        let flag = |set: bool, at: usize| u64::from(set) << at;
        if matches!(origin, Source::Stored | Source::Counter) {
            assert!(
                origin == Source::Counter || store_word < store::SINGLES,
                "the value store has room for {} registers that are there once",
                store::SINGLES
            );
            words[2 * store_word as usize] = u64::from(value_of_build(register, tx_queues, tlb_entries))
                | flag(outlives_device_reset(register), entry::KEPT);
        }
        let write_only = register.access == Access::WriteOnly;
        words[2 * word + 1] |= u64::from(mask & 0xFFFF)
            | flag(mask >> 16 != 0, entry::HIGH_HALF)
            | (place as u64 + 1) << entry::CODE
            | store_word << entry::STORE_WORD
            | flag(!write_only && origin != Source::Live, entry::READABLE)
            | flag(
                register.access != Access::ReadOnly && origin != Source::Live,
                entry::STORED,
            )
            | flag(
                // QUEUE_READY has no word, but its access may load the queue's.
                matches!(origin, Source::Queue(_) | Source::QueueCounter(_)) || *register == registers::QUEUE_READY,
                entry::PER_QUEUE,
            )
            | flag(
                matches!(origin, Source::Counter | Source::QueueCounter(_)),
                entry::COUNTER,
            );
    }
    words
}

/// The map in a block RAM: `data` shows the entry of the last clock's `address`.
#[derive(LogicBlock)]
pub struct RegisterRom {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Twice the register's word address, plus 1 for the access entry.
    pub address: Signal<In, Bits<9>>,
    /// The entry of the last clock's address.
    pub data: Signal<Out, Bits<ENTRY_BITS>>,
    _words: Vec<u64>,
}

impl RegisterRom {
    /// The map of a build with `tx_queues` transmit queues and a TLB of `tlb_entries`.
    pub fn new(tx_queues: u32, tlb_entries: usize) -> Self {
        Self {
            clock: Default::default(),
            address: Default::default(),
            data: Default::default(),
            _words: rom_words(tx_queues, tlb_entries),
        }
    }
}

impl Logic for RegisterRom {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self.data.next = self._words[self.address.val().index()].to_bits();
        }
    }
    fn connect(&mut self) {
        self.data.connect();
    }
    fn hdl(&self) -> Verilog {
        let mut text = format!("reg [{}:0] mem [0:511];\ninitial begin\n", ENTRY_BITS - 1);
        for (at, word) in self._words.iter().enumerate() {
            text += &format!("mem[{at}] = {ENTRY_BITS}'h{word:09x};\n");
        }
        text += "end\nalways @(posedge clock) data <= mem[address];";
        Verilog::Custom(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kernels take fields apart by number; the table may not move them unseen.
    #[test]
    fn fields_lie_where_the_kernels_expect_them() {
        let places: [(&Register, &[(&str, u8)]); 8] = [
            (
                &registers::CTX_MODE,
                &[("mode", 0), ("user_only", 8), ("accessed_faults", 9)],
            ),
            (
                &registers::BIND_CONTEXTS,
                &[
                    ("ring_context", 0),
                    ("default_context", 4),
                    ("names_allowed", 8),
                    ("seed_without_length", 9),
                    ("recoverable", 10),
                ],
            ),
            (
                &registers::TLB_CONTROL,
                &[("invalidate", 0), ("kind", 1), ("context", 8)],
            ),
            (
                &registers::INTERRUPT_STATUS,
                &[("used_buffer", 0), ("config_change", 1), ("queue_parked", 2)],
            ),
            (&registers::PARK_CONTROL, &[("resume", 0), ("abort", 1)]),
            (&registers::PARK_INFO, &[("context", 0), ("cause", 8), ("valid", 31)]),
            (
                &registers::FAULT_INFO,
                &[("queue", 0), ("context", 4), ("cause", 8), ("valid", 31)],
            ),
            (&registers::ERROR_INFO, &[("queue", 0), ("code", 8), ("valid", 31)]),
        ];
        for (register, fields) in places {
            for (name, lsb) in fields {
                assert_eq!(register.field(name).lsb, *lsb, "{}.{name}", register.name);
            }
        }
    }
}
