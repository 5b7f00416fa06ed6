//! The packet checks on one descriptor.

use rust_hdl::prelude::*;
use segwalk_model::limits::{super_frame_bytes_max, CHAIN_BYTES_BITS, SUPER_FRAME_KIB, VIRTIO_NET_HDR_BYTES};
use segwalk_model::refusal::Refusal;

/// Bytes of the longest chain, header and super-frame, in a build for `kib` KiB of payload.
const fn chain_bytes_max(kib: usize) -> u64 {
    (super_frame_bytes_max(kib) + VIRTIO_NET_HDR_BYTES) as u64
}
// The sum of a legal chain and a descriptor below 2^19 fits.
const _: () = assert!(chain_bytes_max(SUPER_FRAME_KIB[1]) + (1 << 19) < 1 << CHAIN_BYTES_BITS);

const fn code(refusal: Refusal) -> u64 {
    refusal.code() as u64
}

logic_block! {
    /// Judges a descriptor; all outputs follow the inputs by one clock.
    pub struct DescriptorCheck {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Judge the word of this clock; the outputs stay until the next.
        pub take: Signal<In, Bit>,
        /// The descriptor's second word: length, flags, next.
        pub word: Signal<In, Bits<64>>,
        /// INDIRECT was negotiated.
        pub indirect: Signal<In, Bit>,
        /// Bytes of the chain before it.
        pub total: Signal<In, Bits<CHAIN_BYTES_BITS>>,
        // Binding of the queue
        /// Context of buffers whose descriptor names none.
        pub default_context: Signal<In, Bits<4>>,
        /// Descriptors may name a context.
        pub names_allowed: Signal<In, Bit>,
        /// Which they may name.
        pub mask: Signal<In, Bits<16>>,
        // Verdict
        /// It points to an indirect table, and nothing else of the verdict counts.
        pub is_table: Signal<Out, Bit>,
        /// With `is_table`: it has NEXT, or the table's length is 0 or no multiple of 16.
        pub malformed: Signal<Out, Bit>,
        /// It has no bytes.
        pub empty: Signal<Out, Bit>,
        /// Bytes of the chain with it; meaningful when `refusal` is 0.
        pub sum: Signal<Out, Bits<CHAIN_BYTES_BITS>>,
        /// Its context.
        pub buffer_context: Signal<Out, Bits<4>>,
        /// 0, or the first packet error.
        pub refusal: Signal<Out, Bits<6>>,
        //
        no_bytes: DFF<Bit>,
        huge: DFF<Bit>,
        bytes: DFF<Bits<CHAIN_BYTES_BITS>>,
        space: DFF<Bits<4>>,
        allowed: DFF<Bit>,
        write: DFF<Bit>,
        not_negotiated: DFF<Bit>,
        table_here: DFF<Bit>,
        table_wrong: DFF<Bit>,
        low_bytes: Signal<Local, Bits<19>>,
        named: Signal<Local, Bits<4>>,
        chain_bytes_max: Constant<Bits<CHAIN_BYTES_BITS>> = Constant::new(chain_bytes_max(SUPER_FRAME_KIB[0]).to_bits()),
        write_descriptor: Constant<Bits<6>> = Constant::new(code(Refusal::WriteDescriptor).to_bits()),
        context_not_allowed: Constant<Bits<6>> = Constant::new(code(Refusal::ContextNotAllowed).to_bits()),
        chain_too_long: Constant<Bits<6>> = Constant::new(code(Refusal::ChainTooLong).to_bits()),
        indirect_not_negotiated: Constant<Bits<6>> = Constant::new(code(Refusal::IndirectNotNegotiated).to_bits()),
    }
}

impl DescriptorCheck {
    /// A build that takes super-frames with up to `kib` KiB of payload.
    pub fn for_super_frames(kib: usize) -> Self {
        Self {
            chain_bytes_max: Constant::new(chain_bytes_max(kib).to_bits()),
            ..Self::default()
        }
    }
}

impl Logic for DescriptorCheck {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            no_bytes,
            huge,
            bytes,
            space,
            allowed,
            write,
            not_negotiated,
            table_here,
            table_wrong
        );
        self.low_bytes.next = self.word.val().get_bits::<19>(0);
        self.named.next = self.word.val().get_bits::<4>(44);
        if self.take.val() {
            self.no_bytes.d.next = self.word.val().get_bits::<32>(0) == 0;
            self.huge.d.next = self.word.val().get_bits::<13>(19) != 0;
            self.bytes.d.next = self.total.val() + bit_cast::<CHAIN_BYTES_BITS, 19>(self.low_bytes.val());
            self.space.d.next = self.named.val();
            self.allowed.d.next = self.names_allowed.val() & self.mask.val().get_bit(self.named.val().index());
            if self.named.val() == 0 {
                self.space.d.next = self.default_context.val();
                self.allowed.d.next = true;
            }
            self.write.d.next = self.word.val().get_bit(33);
            self.not_negotiated.d.next = self.word.val().get_bit(34) & !self.indirect.val();
            self.table_here.d.next = self.word.val().get_bit(34) & self.indirect.val();
            self.table_wrong.d.next = self.word.val().get_bit(32)
                | self.word.val().get_bits::<4>(0).any()
                | (self.word.val().get_bits::<32>(0) == 0);
        }
        self.is_table.next = self.table_here.q.val();
        self.malformed.next = self.table_wrong.q.val();
        self.empty.next = self.no_bytes.q.val();
        self.sum.next = self.bytes.q.val();
        self.buffer_context.next = self.space.q.val();
        // The first error in the model's order counts, so the last assignment wins.
        self.refusal.next = 0.into();
        if self.huge.q.val() | (self.bytes.q.val() > self.chain_bytes_max.val()) {
            self.refusal.next = self.chain_too_long.val();
        }
        if !self.allowed.q.val() {
            self.refusal.next = self.context_not_allowed.val();
        }
        if self.write.q.val() {
            self.refusal.next = self.write_descriptor.val();
        }
        if self.not_negotiated.q.val() {
            self.refusal.next = self.indirect_not_negotiated.val();
        }
    }
}
