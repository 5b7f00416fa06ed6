//! The register map as the hardware sees it: a ROM made from [`segwalk_model::registers`].

use rust_hdl::prelude::*;
use segwalk_model::limits::{CONTEXTS, MSS_MAX, PHYS_ADDR_BITS};
use segwalk_model::registers::{self, Access, Register};

/// Bits of a [`RegisterRom`] word.
pub const ENTRY_BITS: usize = 36;
/// Bits of a register code.
pub const CODE_BITS: usize = 6;
/// Queue words in the value store, by the low bits of their address.
pub const STORED_QUEUE_NUM: u64 = 0;
/// See [`STORED_QUEUE_NUM`].
pub const STORED_BIND_CONTEXTS: u64 = 1;
/// See [`STORED_QUEUE_NUM`].
pub const STORED_BIND_MASK: u64 = 2;
/// First word of the queue part of the value store; queue `q` has the four words from `4 * q` on.
pub const STORED_QUEUES: u64 = 384;
/// The counter slot that holds the high word of the byte counter; its register only changes when the low word is read.
pub const BYTES_HIGH_SLOT: u64 = 15;

/// Lowest bits of the fields of an access entry, an odd word of the ROM. Bits 15:0 are the writable bits of the low half.
pub mod entry {
    /// The high half is writable.
    pub const HIGH_HALF: usize = 16;
    /// Register code.
    pub const CODE: usize = 17;
    /// Word of the value store, 8 bits.
    pub const STORE_WORD: usize = 23;
    /// The stored value is read back.
    pub const READABLE: usize = 31;
    /// The value is stored when it is written.
    pub const STORED: usize = 32;
    /// There is one for each queue.
    pub const PER_QUEUE: usize = 33;
    /// A counter: pending events are added before it is read.
    pub const COUNTER: usize = 34;
    /// In a reset entry, an even word, with the value after reset in bits 31:0: the value outlives a device reset.
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

/// Where a register's value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A word of the value store.
    Stored,
    /// The stored value of another register.
    Alias(Register),
    /// A word of the value store for each queue.
    Queue(u64),
    /// A word of the value store that is a counter.
    Counter,
    /// Flip-flops, or nowhere.
    Live,
}

/// Where the value of `register` comes from.
pub fn source(register: &Register) -> Source {
    use registers as r;
    let is = |list: &[Register]| list.iter().any(|other| other.offset == register.offset);
    let counters = r::COUNT_CHAINS.offset..=r::COUNT_WALKS.offset;
    if counters.contains(&register.offset) {
        Source::Counter
    } else if is(&[r::CONFIG_MAC_LOW]) {
        Source::Alias(r::MAC_LOW)
    } else if is(&[r::CONFIG_MAC_HIGH_STATUS]) {
        Source::Alias(r::MAC_HIGH)
    } else if is(&[r::QUEUE_NUM]) {
        Source::Queue(STORED_QUEUE_NUM)
    } else if is(&[r::BIND_CONTEXTS]) {
        Source::Queue(STORED_BIND_CONTEXTS)
    } else if is(&[r::BIND_MASK]) {
        Source::Queue(STORED_BIND_MASK)
    } else if register.access == Access::WriteOnly
        || is(&[
            r::DEVICE_FEATURES,
            r::QUEUE_NUM_MAX,
            r::QUEUE_READY,
            r::INTERRUPT_STATUS,
            r::STATUS,
        ])
        || is(&[
            r::CONFIG_GENERATION,
            r::TLB_CONTROL,
            r::FAULT_INFO,
            r::FAULT_HEAD,
            r::FAULT_ADDR_LOW,
        ])
        || is(&[r::FAULT_ADDR_HIGH, r::ERROR_INFO, r::ERROR_HEAD, r::QUEUES_STOPPED])
    {
        Source::Live
    } else {
        Source::Stored
    }
}

/// The largest MTU: the longest segment's payload (the largest MSS) and the 40 bytes of an IPv4 and a TCP header without
/// options. Every frame of it fits the longest frame, tags and options included.
pub const MTU: u32 = MSS_MAX as u32 + 40;

/// The value of `register` after reset in a build with `tx_queues` transmit queues.
pub fn reset_value(register: &Register, tx_queues: u32) -> u32 {
    let put = |name: &str, value: u32| register.field(name).put(value);
    if register.offset == registers::CAPABILITIES.offset {
        put("tx_queues", tx_queues) | put("contexts", CONTEXTS as u32) | put("phys_addr_bits", PHYS_ADDR_BITS as u32)
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

/// The words of the ROM: for register word `w` the reset entry at `2 * w` and the access entry at `2 * w + 1`.
fn rom_words(tx_queues: u32) -> Vec<u64> {
    assert!(
        registers::ALL.len() < 1 << CODE_BITS,
        "a register code has {CODE_BITS} bits"
    );
    assert_eq!(
        registers::COUNT_CHAINS.offset % 64,
        0,
        "the counter slots are the low bits of their word address"
    );
    assert_eq!(
        registers::REFUSALS_BASE,
        1024,
        "the refusal counters follow the register words in the value store"
    );
    let next_group = registers::COUNT_CHAINS.offset + 64;
    assert!(
        !registers::ALL
            .iter()
            .any(|r| (registers::COUNT_WALKS.offset + 1..next_group).contains(&r.offset)),
        "the words after the counters belong to counter slots"
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
            Source::Alias(other) => u64::from(other.offset / 4),
            Source::Queue(queue_word) => queue_word,
            _ => word as u64,
        };
        let write_only = register.access == Access::WriteOnly;
        let flag = |set: bool, at: usize| u64::from(set) << at;
        words[2 * word] = u64::from(reset_value(register, tx_queues));
        if matches!(origin, Source::Live) {
            words[2 * word] = 0;
        }
        words[2 * word] |= flag(outlives_device_reset(register), entry::KEPT);
        words[2 * word + 1] = u64::from(mask & 0xFFFF)
            | flag(mask >> 16 != 0, entry::HIGH_HALF)
            | (place as u64 + 1) << entry::CODE
            | store_word << entry::STORE_WORD
            | flag(!write_only && origin != Source::Live, entry::READABLE)
            | flag(
                register.access != Access::ReadOnly && origin != Source::Live,
                entry::STORED,
            )
            | flag(matches!(origin, Source::Queue(_)), entry::PER_QUEUE)
            | flag(origin == Source::Counter, entry::COUNTER);
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
    /// The map of a build with `tx_queues` transmit queues.
    pub fn new(tx_queues: u32) -> Self {
        Self {
            clock: Default::default(),
            address: Default::default(),
            data: Default::default(),
            _words: rom_words(tx_queues),
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
        let places: [(&Register, &[(&str, u8)]); 4] = [
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
                ],
            ),
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
