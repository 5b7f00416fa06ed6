//! Why a frame, a chain or a queue was refused. Wire values are stable: they index the refusal counters and stand in
//! the fault and error records.

/// What a refusal does (TSO_RULES rule 28).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "std", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Class {
    /// The head is completed with `used.len` 0, the refusal is counted, the queue goes on.
    Packet,
    /// The queue stops and the device sets DEVICE_NEEDS_RESET.
    Ring,
}

macro_rules! codes {
    ($(#[$em:meta])* $name:ident { $( $(#[doc = $doc:literal])+ $var:ident = $val:literal, $class:ident; )* }) => {
        $(#[$em])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[cfg_attr(feature = "std", derive(serde::Serialize), serde(rename_all = "snake_case"))]
        #[repr(u8)]
        pub enum $name { $( $(#[doc = $doc])+ $var = $val, )* }
        impl $name {
            /// Every code, in the order of its wire value.
            pub const ALL: &'static [$name] = &[$( $name::$var, )*];
            /// Packet error or ring error.
            pub fn class(self) -> Class { match self { $( $name::$var => Class::$class, )* } }
            /// One sentence that says what was wrong.
            pub fn sentence(self) -> &'static str { match self { $( $name::$var => concat!($($doc),+).trim_ascii(), )* } }
            /// The code's name in the documentation tables.
            pub fn name(self) -> &'static str { match self { $( $name::$var => stringify!($var), )* } }
            /// The code with this wire value.
            pub fn from_code(code: u8) -> Option<$name> { match code { $( $val => Some($name::$var), )* _ => None } }
            /// Wire value (6 bits, never 0).
            pub const fn code(self) -> u8 { self as u8 }
        }
    };
}

codes! {
    /// Refusal codes, 6 bits on the wire; 0 means "not refused". Codes from 32 are translation faults:
    /// `32 + FaultCause`.
    Refusal {
        /// The chain is shorter than the 12-byte virtio_net_hdr (rule 23).
        ChainTooShort = 1, Packet;
        /// A descriptor of a transmit chain has the WRITE flag (rule 27).
        WriteDescriptor = 2, Packet;
        /// A descriptor names a context that the queue's binding does not allow.
        ContextNotAllowed = 3, Packet;
        /// The chain is longer than the largest super-frame.
        ChainTooLong = 4, Packet;
        /// An INDIRECT descriptor, but the feature was not negotiated (rule 26).
        IndirectNotNegotiated = 5, Packet;
        /// The chain changed between validation and reading.
        ChainChanged = 6, Packet;
        /// gso_size is 0 (rule 22).
        GsoSizeZero = 7, Packet;
        /// gso_size is larger than the largest MSS (rule 22 for 0xFFFF).
        GsoSizeTooLarge = 8, Packet;
        /// gso_type is unknown or not served (rule 22).
        GsoTypeUnknown = 9, Packet;
        /// gso_type asks for a feature that was not negotiated (rule 22).
        FeatureNotNegotiated = 10, Packet;
        /// gso_type is set without NEEDS_CSUM (rule 22).
        GsoWithoutChecksum = 11, Packet;
        /// csum_offset does not fit gso_type: 16 for TCP (rule 22).
        ChecksumOffsetWrong = 12, Packet;
        /// csum_start is below 14 bytes and the smallest network header (rule 22).
        ChecksumStartTooSmall = 13, Packet;
        /// The checksum field or the header it names lies beyond the chain (rule 22).
        HeaderBeyondChain = 14, Packet;
        /// The TCP data offset is below 5 (rule 22).
        DataOffsetTooSmall = 15, Packet;
        /// The IPv4 header length is below 5 words or does not end at csum_start (rule 22).
        NetworkHeaderLength = 16, Packet;
        /// EtherType or IP version does not fit gso_type (rule 22).
        ProtocolMismatch = 17, Packet;
        /// The header template is an IP fragment (rules 8 and 9).
        Fragment = 18, Packet;
        /// The IPv6 extension headers do not lead to TCP at csum_start (rule 9).
        ExtensionHeaders = 19, Packet;
        /// The header template is longer than the engine holds.
        HeaderTooLong = 20, Packet;
        /// A frame without segmentation is longer than the longest frame.
        FrameTooLong = 21, Packet;
        /// The frame holds fewer than 14 bytes.
        FrameTooShort = 22, Packet;
        /// Reading the payload met a bus error.
        PayloadBusError = 23, Packet;
        /// The chain has more descriptors than the Queue Size, or loops (rule 25).
        ChainLoops = 24, Ring;
        /// A descriptor index is not below the Queue Size (rule 25).
        DescriptorIndex = 25, Ring;
        /// The avail index is ahead by more than the Queue Size (rule 29).
        AvailIndexJump = 26, Ring;
        /// Ring memory did not translate (rule 28).
        RingFault = 27, Ring;
        /// Reading or writing ring memory met a bus error (rule 28).
        RingBusError = 28, Ring;
        /// The driver aborted the chain that parked its queue.
        Aborted = 29, Packet;
        /// An INDIRECT descriptor with NEXT, inside an indirect table, or whose table is not 16-byte aligned or has a length
        /// that is 0 or no multiple of 16 (rule 26).
        IndirectMalformed = 30, Ring;
        /// Translation fault: the entry is not present.
        FaultNotPresent = 33, Packet;
        /// Translation fault: the page may not be read.
        FaultNotReadable = 34, Packet;
        /// Translation fault: the page may not be written, or its dirty bit is clear.
        FaultNotWritable = 35, Packet;
        /// Translation fault: a supervisor page in a user-only context.
        FaultSupervisor = 36, Packet;
        /// Translation fault: the virtual address is not canonical, or beyond the format.
        FaultNonCanonical = 37, Packet;
        /// Translation fault: a reserved bit or encoding is set in an entry.
        FaultReservedBits = 38, Packet;
        /// Translation fault: a superpage whose low page-number bits are not zero.
        FaultMisaligned = 39, Packet;
        /// Translation fault: the accessed bit is clear and the context asks for a fault.
        FaultAccessedClear = 40, Packet;
        /// Translation fault: a bus error while reading a page-table entry.
        FaultWalkBusError = 41, Packet;
        /// Translation fault: the physical address is beyond the engine's physical width.
        FaultPhysRange = 42, Packet;
        /// Translation fault: the context's mode is reserved or switched off.
        FaultBadContext = 43, Packet;
    }
}

codes! {
    /// Causes of a translation fault, 5 bits on the wire; 0 means "translated".
    FaultCause {
        /// The entry is not present.
        NotPresent = 1, Packet;
        /// The page may not be read.
        NotReadable = 2, Packet;
        /// The page may not be written, or its dirty bit is clear.
        NotWritable = 3, Packet;
        /// A supervisor page in a user-only context.
        Supervisor = 4, Packet;
        /// The virtual address is not canonical, or beyond the format.
        NonCanonical = 5, Packet;
        /// A reserved bit or encoding is set in an entry.
        ReservedBits = 6, Packet;
        /// A superpage whose low page-number bits are not zero.
        Misaligned = 7, Packet;
        /// The accessed bit is clear and the context asks for a fault.
        AccessedClear = 8, Packet;
        /// A bus error while reading a page-table entry.
        WalkBusError = 9, Packet;
        /// The physical address is beyond the engine's physical width.
        PhysRange = 10, Packet;
        /// The context's mode is reserved or switched off.
        BadContext = 11, Packet;
    }
}

impl FaultCause {
    /// The refusal that a payload fault with this cause becomes.
    pub fn refusal(self) -> Refusal {
        Refusal::from_code(32 + self.code()).expect("every fault cause has a refusal code")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_cause_has_a_packet_refusal() {
        for cause in FaultCause::ALL {
            assert_eq!(cause.refusal().class(), Class::Packet);
            assert!(cause.refusal().name().ends_with(cause.name()));
        }
    }

    #[test]
    fn codes_are_unique_and_fit_six_bits() {
        let codes: std::collections::BTreeSet<u8> = Refusal::ALL.iter().map(|r| r.code()).collect();
        assert_eq!(codes.len(), Refusal::ALL.len());
        assert!(codes.iter().all(|c| (1..64).contains(c)));
    }
}
