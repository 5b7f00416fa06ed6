//! The register map: virtio-mmio version 2 (virtio 1.2, 4.2.2) and the engine's own registers above it.
//!
//! This table is the only place where an offset, a field or a reset value is written. The RTL, the driver, the tests
//! and the tables of the documentation are made from it.

/// What software may do with a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "std", derive(serde::Serialize))]
pub enum Access {
    /// Writes are ignored.
    ReadOnly,
    /// Reads give 0.
    WriteOnly,
    /// Reads give what was written.
    ReadWrite,
}

/// Bits `lsb .. lsb + width` of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "std", derive(serde::Serialize))]
pub struct Field {
    /// Name, lower case.
    pub name: &'static str,
    /// Lowest bit.
    pub lsb: u8,
    /// Number of bits.
    pub width: u8,
    /// One sentence.
    pub doc: &'static str,
}

impl Field {
    /// The field's bits set, in place.
    pub const fn mask(&self) -> u32 {
        (((1u64 << self.width) - 1) as u32) << self.lsb
    }
    /// The field's value out of a register's value.
    pub const fn get(&self, register: u32) -> u32 {
        (register & self.mask()) >> self.lsb
    }
    /// `value` placed in the field; bits that do not fit are cut off.
    pub const fn put(&self, value: u32) -> u32 {
        (value << self.lsb) & self.mask()
    }
}

/// A 32-bit register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "std", derive(serde::Serialize))]
pub struct Register {
    /// Name as in the documentation.
    pub name: &'static str,
    /// Byte offset in the register block, a multiple of 4.
    pub offset: u16,
    /// Access.
    pub access: Access,
    /// Value after reset.
    pub reset: u32,
    /// One or two sentences.
    pub doc: &'static str,
    /// Fields; empty when the register is one number.
    pub fields: &'static [Field],
}

macro_rules! registers {
    ($( $(#[doc = $doc:literal])+ $name:ident = $offset:literal, $access:ident, $reset:expr $(, { $( $(#[doc = $fdoc:literal])+ $field:ident: $lsb:literal, $width:literal; )* })?; )*) => {
        $( $(#[doc = $doc])+
        pub const $name: Register = Register {
            name: stringify!($name), offset: $offset, access: Access::$access, reset: $reset,
            doc: concat!($($doc),+).trim_ascii(),
            fields: &[ $( $( Field { name: stringify!($field), lsb: $lsb, width: $width, doc: concat!($($fdoc),+).trim_ascii() } ),* )? ],
        }; )*
        /// Every register, by offset.
        pub const ALL: &[Register] = &[ $( $name ),* ];
    };
}

pub(crate) use registers as register_table;

impl Register {
    /// The field called `name`; a misspelt name is a programming error and fails at the first test, or when it is compiled
    /// where the field is a constant.
    pub const fn field(&self, name: &str) -> Field {
        let mut at = 0;
        while at < self.fields.len() {
            if same(self.fields[at].name.as_bytes(), name.as_bytes()) {
                return self.fields[at];
            }
            at += 1;
        }
        panic!("the register has no field of this name")
    }
}

/// Whether two names are the same, in constants too.
const fn same(a: &[u8], b: &[u8]) -> bool {
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

/// Bytes of the register block: one 4 KiB page.
pub const BLOCK_BYTES: u32 = 4096;
/// virtio-mmio magic value, "virt".
pub const MAGIC: u32 = 0x7472_6976;
/// virtio device ID of a network device.
pub const DEVICE_ID: u32 = 1;
/// Vendor ID: "SEGW".
pub const VENDOR: u32 = 0x5747_4553;
/// Offset of the refusal counters: code `c` is counted at `REFUSALS_BASE + 4 * c`.
pub const REFUSALS_BASE: u16 = 0x400;
/// Number of refusal counters.
pub const REFUSALS: u16 = 64;
/// Offset of the virtio-net configuration space.
pub const CONFIG_BASE: u16 = 0x100;
/// virtio queue index of transmit queue `k` (virtio 1.2, 5.1.2).
pub const fn tx_queue_index(k: u32) -> u32 {
    2 * k + 1
}

/// Context modes, 3 bits; numbers are stable.
pub mod mode {
    /// Virtual is physical.
    pub const BARE: u32 = 0;
    /// RISC-V Sv32.
    pub const SV32: u32 = 1;
    /// RISC-V Sv39.
    pub const SV39: u32 = 2;
    /// RISC-V Sv48.
    pub const SV48: u32 = 3;
    /// x86 32-bit two-level.
    pub const X86_32: u32 = 4;
    /// x86-64 four-level.
    pub const X86_64: u32 = 5;
    /// No translation is allowed: every access faults with BadContext.
    pub const OFF: u32 = 7;
}

/// virtio feature bits that the engine offers.
pub mod feature {
    /// VIRTIO_NET_F_CSUM.
    pub const CSUM: u64 = 1 << 0;
    /// VIRTIO_NET_F_MTU.
    pub const MTU: u64 = 1 << 3;
    /// VIRTIO_NET_F_MAC.
    pub const MAC: u64 = 1 << 5;
    /// VIRTIO_NET_F_HOST_TSO4.
    pub const HOST_TSO4: u64 = 1 << 11;
    /// VIRTIO_NET_F_HOST_TSO6.
    pub const HOST_TSO6: u64 = 1 << 12;
    /// VIRTIO_NET_F_HOST_ECN.
    pub const HOST_ECN: u64 = 1 << 13;
    /// VIRTIO_NET_F_STATUS.
    pub const STATUS: u64 = 1 << 16;
    /// VIRTIO_F_INDIRECT_DESC.
    pub const RING_INDIRECT_DESC: u64 = 1 << 28;
    /// VIRTIO_F_EVENT_IDX.
    pub const RING_EVENT_IDX: u64 = 1 << 29;
    /// VIRTIO_F_VERSION_1.
    pub const VERSION_1: u64 = 1 << 32;
    /// VIRTIO_F_ACCESS_PLATFORM.
    pub const ACCESS_PLATFORM: u64 = 1 << 33;
    /// VIRTIO_F_RING_RESET.
    pub const RING_RESET: u64 = 1 << 40;
    /// VIRTIO_NET_F_HOST_USO: UDP segmentation over IPv4 and IPv6.
    pub const HOST_USO: u64 = 1 << 56;
    /// Everything that is offered.
    pub const OFFERED: u64 = CSUM
        | MTU
        | MAC
        | HOST_TSO4
        | HOST_TSO6
        | HOST_ECN
        | STATUS
        | RING_INDIRECT_DESC
        | RING_EVENT_IDX
        | VERSION_1
        | ACCESS_PLATFORM
        | RING_RESET
        | HOST_USO;
}

/// Device status bits (virtio 1.2, 2.1).
pub mod status {
    /// The driver noticed the device.
    pub const ACKNOWLEDGE: u32 = 1;
    /// The driver knows how to drive it.
    pub const DRIVER: u32 = 2;
    /// The driver is ready.
    pub const DRIVER_OK: u32 = 4;
    /// Feature negotiation is complete.
    pub const FEATURES_OK: u32 = 8;
    /// The device met an error it cannot recover from.
    pub const DEVICE_NEEDS_RESET: u32 = 64;
    /// The driver gave up.
    pub const FAILED: u32 = 128;
}

registers! {
    /// Magic value "virt".
    MAGIC_VALUE = 0x000, ReadOnly, MAGIC;
    /// virtio-mmio version.
    VERSION = 0x004, ReadOnly, 2;
    /// virtio device ID: 1, a network device.
    DEVICE_ID_REG = 0x008, ReadOnly, DEVICE_ID;
    /// Vendor ID "SEGW".
    VENDOR_ID = 0x00C, ReadOnly, VENDOR;
    /// Feature bits 31:0 or 63:32 that the device offers, as DEVICE_FEATURES_SEL says; other selections read 0.
    DEVICE_FEATURES = 0x010, ReadOnly, 0;
    /// Selects the word of DEVICE_FEATURES.
    DEVICE_FEATURES_SEL = 0x014, WriteOnly, 0;
    /// Feature bits that the driver accepts, word DRIVER_FEATURES_SEL. Ignored once FEATURES_OK is set.
    DRIVER_FEATURES = 0x020, WriteOnly, 0;
    /// Selects the word of DRIVER_FEATURES.
    DRIVER_FEATURES_SEL = 0x024, WriteOnly, 0;
    /// Selects the queue that the QUEUE, BIND and PARK registers are about. Transmit queue k is 2k + 1.
    QUEUE_SEL = 0x030, WriteOnly, 0;
    /// Largest size of the selected queue; 0 when it does not exist.
    QUEUE_NUM_MAX = 0x034, ReadOnly, 0x8000;
    /// Size of the selected queue: a power of two, 1 to 32768.
    QUEUE_NUM = 0x038, WriteOnly, 0;
    /// 1 while the selected queue is in use. Setting it takes the queue's indices back to 0; it stays 0 when QUEUE_NUM is
    /// not a legal size. After it was cleared it reads 1 until no chain of the queue is under way any more.
    QUEUE_READY = 0x044, ReadWrite, 0;
    /// Doorbell: the index of the queue that has new work.
    QUEUE_NOTIFY = 0x050, WriteOnly, 0;
    /// Why the interrupt is asserted.
    INTERRUPT_STATUS = 0x060, ReadOnly, 0, {
        /// A used buffer was returned.
        used_buffer: 0, 1;
        /// The configuration changed, or DEVICE_NEEDS_RESET was set.
        config_change: 1, 1;
        /// A queue parked at a translation fault, see QUEUES_PARKED.
        queue_parked: 2, 1;
    };
    /// Bits written as 1 are cleared in INTERRUPT_STATUS.
    INTERRUPT_ACK = 0x064, WriteOnly, 0;
    /// Device status; writing 0 resets the device, and it reads 0 once the reset is complete.
    STATUS = 0x070, ReadWrite, 0;
    /// Descriptor table address, low word.
    QUEUE_DESC_LOW = 0x080, WriteOnly, 0;
    /// Descriptor table address, high word.
    QUEUE_DESC_HIGH = 0x084, WriteOnly, 0;
    /// Avail ring address, low word.
    QUEUE_DRIVER_LOW = 0x090, WriteOnly, 0;
    /// Avail ring address, high word.
    QUEUE_DRIVER_HIGH = 0x094, WriteOnly, 0;
    /// Used ring address, low word.
    QUEUE_DEVICE_LOW = 0x0A0, WriteOnly, 0;
    /// Used ring address, high word.
    QUEUE_DEVICE_HIGH = 0x0A4, WriteOnly, 0;
    /// Writing 1 resets the selected queue (virtio 1.2, 2.6.1), when RING_RESET is negotiated; reads 1 until no chain of
    /// it is under way any more, then QUEUE_READY is 0.
    QUEUE_RESET = 0x0C0, ReadWrite, 0;
    /// Changes when the configuration space does.
    CONFIG_GENERATION = 0x0FC, ReadOnly, 0;
    /// MAC address, bytes 0 to 3.
    CONFIG_MAC_LOW = 0x100, ReadOnly, 0;
    /// MAC address bytes 4 and 5, and the link status.
    CONFIG_MAC_HIGH_STATUS = 0x104, ReadOnly, 0x0001_0000, {
        /// MAC address, bytes 4 and 5.
        mac_high: 0, 16;
        /// The link is up.
        link_up: 16, 1;
    };
    /// Number of queue pairs and the MTU.
    CONFIG_PAIRS_MTU = 0x108, ReadOnly, 0, {
        /// Transmit queues (max_virtqueue_pairs).
        max_virtqueue_pairs: 0, 16;
        /// Largest MTU.
        mtu: 16, 16;
    };

    /// The engine's build: what it holds.
    CAPABILITIES = 0x200, ReadOnly, 0, {
        /// Transmit queues.
        tx_queues: 0, 8;
        /// Contexts.
        contexts: 8, 8;
        /// Physical address bits.
        phys_addr_bits: 16, 8;
        /// Translations of 4 KiB pages that the TLB keeps: 2 to this power.
        tlb_log2: 24, 4;
    };
    /// MAC address that the configuration space shows, bytes 0 to 3.
    MAC_LOW = 0x204, ReadWrite, 0;
    /// MAC address that the configuration space shows, bytes 4 and 5.
    MAC_HIGH = 0x208, ReadWrite, 0, {
        /// MAC address, bytes 4 and 5.
        mac_high: 0, 16;
    };
    /// Context that CTX_COMMIT writes.
    CTX_SELECT = 0x210, ReadWrite, 0, {
        /// Context number.
        context: 0, 4;
    };
    /// Mode and checks of the context to commit.
    CTX_MODE = 0x214, ReadWrite, 0, {
        /// Translation mode: 0 Bare, 1 Sv32, 2 Sv39, 3 Sv48, 4 x86 32-bit, 5 x86-64, 7 off.
        mode: 0, 3;
        /// Only pages that user mode may read are allowed.
        user_only: 8, 1;
        /// An accessed bit of 0 is a fault (Svade); otherwise it is ignored.
        accessed_faults: 9, 1;
    };
    /// Root table's physical address, low word; bits 11:0 are ignored.
    CTX_ROOT_LOW = 0x218, ReadWrite, 0;
    /// Root table's physical address, high word.
    CTX_ROOT_HIGH = 0x21C, ReadWrite, 0;
    /// Any write makes the four registers above the selected context and empties the TLB of it.
    CTX_COMMIT = 0x220, WriteOnly, 0;
    /// Invalidation of translations. Of this register only `invalidate` can be read.
    TLB_CONTROL = 0x224, ReadWrite, 0, {
        /// Writing 1 invalidates; reads 1 until no access under way uses an invalidated translation.
        invalidate: 0, 1;
        /// What is invalidated: 0 everything, 1 a context, 2 a page of a context (TLB_ADDR_LOW, TLB_ADDR_HIGH).
        kind: 1, 2;
        /// Context for kinds 1 and 2.
        context: 8, 4;
    };
    /// Virtual address of the page to invalidate, low word; bits 11:0 are ignored.
    TLB_ADDR_LOW = 0x228, ReadWrite, 0;
    /// Virtual address of the page to invalidate, high word.
    TLB_ADDR_HIGH = 0x22C, ReadWrite, 0;
    /// Contexts of the selected queue. Like the BIND_MASK, taken over when QUEUE_READY is set.
    BIND_CONTEXTS = 0x230, ReadWrite, 0, {
        /// Context of the rings.
        ring_context: 0, 4;
        /// Context of buffers whose descriptor names none.
        default_context: 4, 4;
        /// Descriptors may name a context in bits 15:12 of their flags.
        names_allowed: 8, 1;
        /// The TCP checksum seed has no length in it (the LSO contract, rule 15).
        seed_without_length: 9, 1;
        /// A translation fault of a buffer parks the queue instead of refusing the chain.
        recoverable: 10, 1;
    };
    /// Contexts that the selected queue's descriptors may name, one bit each.
    BIND_MASK = 0x234, ReadWrite, 0, {
        /// Bit k allows context k.
        contexts: 0, 16;
    };
    /// TCP flags that survive in the first of several segments: data offset and flags as a 12-bit mask of byte 13 and
    /// the low nibble of byte 12 (rule 14).
    FLAGS_FIRST = 0x240, ReadWrite, 0xFF6, {
        /// Mask.
        mask: 0, 12;
    };
    /// TCP flags that survive in the middle segments (rule 14).
    FLAGS_MIDDLE = 0x244, ReadWrite, 0xF76, {
        /// Mask.
        mask: 0, 12;
    };
    /// TCP flags that survive in the last segment (rule 14).
    FLAGS_LAST = 0x248, ReadWrite, 0xF7F, {
        /// Mask.
        mask: 0, 12;
    };
    /// How the IPv4 ID counts (rule 7).
    ID_CONTROL = 0x24C, ReadWrite, 0, {
        /// Bit 15 of the ID stays, the low 15 bits count.
        fifteen_bits: 0, 1;
        /// Every segment has the template's ID, but only where the template sets DF; without DF it counts all the same.
        fixed: 1, 1;
    };
    /// The first translation fault since this register was last written (any value clears it).
    FAULT_INFO = 0x250, ReadWrite, 0, {
        /// Transmit queue.
        queue: 0, 4;
        /// Context.
        context: 4, 4;
        /// Cause (FaultCause).
        cause: 8, 5;
        /// A fault is recorded.
        valid: 31, 1;
    };
    /// Head of the chain that faulted.
    FAULT_HEAD = 0x254, ReadOnly, 0;
    /// Virtual address that faulted, low word; bits 11:0 read 0.
    FAULT_ADDR_LOW = 0x258, ReadOnly, 0;
    /// Virtual address that faulted, high word.
    FAULT_ADDR_HIGH = 0x25C, ReadOnly, 0;
    /// The first refusal since this register was last written (any value clears it).
    ERROR_INFO = 0x260, ReadWrite, 0, {
        /// Transmit queue.
        queue: 0, 4;
        /// Refusal code.
        code: 8, 6;
        /// A refusal is recorded.
        valid: 31, 1;
    };
    /// Head of the chain that was refused; 0 for ring errors.
    ERROR_HEAD = 0x264, ReadOnly, 0;
    /// Transmit queues stopped by a ring error, one bit each.
    QUEUES_STOPPED = 0x268, ReadOnly, 0;
    /// What is done to every frame.
    FRAME_CONTROL = 0x26C, ReadWrite, 0, {
        /// Frames shorter than 60 bytes are padded with zeros to 60 (rule 20).
        pad: 0, 1;
    };
    /// Transmit queues parked at a translation fault, one bit each.
    QUEUES_PARKED = 0x270, ReadOnly, 0;
    /// Lets the selected queue go on; ignored unless it is parked.
    PARK_CONTROL = 0x274, WriteOnly, 0, {
        /// Sends the chain on from where it stopped.
        resume: 0, 1;
        /// Completes the chain as it is, with the refusal Aborted, and goes on with the next one.
        abort: 1, 1;
    };
    /// Why the selected queue parked; this and the PARK registers behind it read 0 unless it is parked.
    PARK_INFO = 0x278, ReadOnly, 0, {
        /// Context.
        context: 0, 4;
        /// Cause (FaultCause).
        cause: 8, 5;
        /// The queue is parked.
        valid: 31, 1;
    };
    /// Head of the chain that parked the selected queue.
    PARK_HEAD = 0x27C, ReadOnly, 0;
    /// Virtual address that faulted, low word; bits 11:0 read 0.
    PARK_ADDR_LOW = 0x280, ReadOnly, 0;
    /// Virtual address that faulted, high word.
    PARK_ADDR_HIGH = 0x284, ReadOnly, 0;
    /// Payload bytes of the chain that were sent.
    PARK_BYTES = 0x288, ReadOnly, 0;
    /// Frames of the chain that were sent.
    PARK_FRAMES = 0x28C, ReadOnly, 0;
    /// Share of the selected queue when several have work: bytes in proportion to the weight.
    QUEUE_WEIGHT = 0x290, ReadWrite, 1, {
        /// 1 to 255; 0 counts as 1.
        weight: 0, 8;
    };
    /// Largest rate of the selected queue in bytes a millisecond (CLOCK_KHZ); 0, and anything from 2^27 on, is no limit.
    QUEUE_RATE = 0x294, ReadWrite, 0;
    /// Clocks in a millisecond, for QUEUE_RATE; at most 2^24 - 1.
    CLOCK_KHZ = 0x298, ReadWrite, 156_250;
    /// Clocks between two looks at the avail indices of POLL_QUEUES; 0 is off, at most 2^24 - 1.
    POLL_PERIOD = 0x29C, ReadWrite, 0;
    /// Transmit queues whose avail index is looked at without a doorbell.
    POLL_QUEUES = 0x2A0, ReadWrite, 0, {
        /// Bit k is transmit queue k.
        queues: 0, 16;
    };
    /// A used-buffer interrupt waits for this many chains; 0 is no such limit. Interrupts wait for neither when both this
    /// and COALESCE_CLOCKS are 0.
    COALESCE_COUNT = 0x2A4, ReadWrite, 0, {
        /// Chains.
        chains: 0, 16;
    };
    /// A used-buffer interrupt waits for this many clocks at most, at most 2^24 - 1; 0 is no such limit.
    COALESCE_CLOCKS = 0x2A8, ReadWrite, 0;

    /// Chains completed, refused ones included.
    COUNT_CHAINS = 0x300, ReadOnly, 0;
    /// Frames emitted.
    COUNT_FRAMES = 0x304, ReadOnly, 0;
    /// Bytes emitted, low word.
    COUNT_BYTES_LOW = 0x308, ReadOnly, 0;
    /// Bytes emitted, high word, as it was when COUNT_BYTES_LOW was last read.
    COUNT_BYTES_HIGH = 0x30C, ReadOnly, 0;
    /// Chains refused with a packet error.
    COUNT_REFUSED = 0x310, ReadOnly, 0;
    /// Translation faults of payload and rings.
    COUNT_FAULTS = 0x314, ReadOnly, 0;
    /// Translations answered by the TLB.
    COUNT_TLB_HITS = 0x318, ReadOnly, 0;
    /// Translations that needed a walk.
    COUNT_TLB_MISSES = 0x31C, ReadOnly, 0;
    /// Page-table walks.
    COUNT_WALKS = 0x320, ReadOnly, 0;
    /// Chains of the selected queue that were completed, refused ones included.
    QUEUE_CHAINS = 0x330, ReadOnly, 0;
    /// Frames of the selected queue.
    QUEUE_FRAMES = 0x334, ReadOnly, 0;
    /// Bytes of the selected queue's frames, low word.
    QUEUE_BYTES_LOW = 0x338, ReadOnly, 0;
    /// Bytes of the selected queue's frames, high word, as it was when QUEUE_BYTES_LOW was last read.
    QUEUE_BYTES_HIGH = 0x33C, ReadOnly, 0;
    /// Chains of the selected queue that were refused with a packet error.
    QUEUE_REFUSED = 0x340, ReadOnly, 0;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_aligned_rising_and_inside_the_block() {
        for pair in ALL.windows(2) {
            assert!(pair[0].offset < pair[1].offset, "{} and {}", pair[0].name, pair[1].name);
        }
        assert!(ALL
            .iter()
            .all(|r| r.offset % 4 == 0 && u32::from(r.offset) < BLOCK_BYTES));
        assert!(ALL.iter().all(|r| r.offset < REFUSALS_BASE));
    }

    #[test]
    fn fields_do_not_overlap() {
        for register in ALL {
            let mut seen = 0u32;
            for field in register.fields {
                assert_eq!(seen & field.mask(), 0, "{}.{}", register.name, field.name);
                seen |= field.mask();
            }
        }
    }
}
