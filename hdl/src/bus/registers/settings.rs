//! Settings that the engine looks at all the time: contexts to commit, TLB control, TCP flag masks, how the ID counts, padding.

use super::map::{self, CODE_BITS};
use crate::bus::ports::ContextWriteSource;
use rust_hdl::prelude::*;
use segwalk_model::limits::{PHYS_PAGE_BITS, VIRT_PAGE_BITS};
use segwalk_model::registers::{self, mode};

logic_block! {
    /// Copies of the settings in flip-flops. What software reads back is kept in the value store.
    pub struct EngineSettings {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset, of the core or of the device.
        pub reset: Signal<In, Bit>,
        /// The register of `code` is written with `value`; a pulse.
        pub write: Signal<In, Bit>,
        /// Register.
        pub code: Signal<In, Bits<CODE_BITS>>,
        /// Value written.
        pub value: Signal<In, Bits<32>>,
        /// Value to read, two clocks after `code`, or 0 when the register is kept elsewhere.
        pub read_data: Signal<Out, Bits<32>>,
        /// To the MMU's context table.
        pub context_write: ContextWriteSource,
        /// Invalidate translations; a pulse.
        pub tlb_invalidate: Signal<Out, Bit>,
        /// Which: 0 all, 1 those of `tlb_context`, 2 that of `tlb_virt_page` in `tlb_context`.
        pub tlb_kind: Signal<Out, Bits<2>>,
        /// See `tlb_kind`.
        pub tlb_context: Signal<Out, Bits<4>>,
        /// See `tlb_kind`.
        pub tlb_virt_page: Signal<Out, Bits<VIRT_PAGE_BITS>>,
        /// An invalidation is under way.
        pub tlb_invalidating: Signal<In, Bit>,
        /// TCP flags that survive in the first segment.
        pub flags_first: Signal<Out, Bits<12>>,
        /// TCP flags that survive in the middle segments.
        pub flags_middle: Signal<Out, Bits<12>>,
        /// TCP flags that survive in the last segment.
        pub flags_last: Signal<Out, Bits<12>>,
        /// Bit 15 of the IPv4 ID stays.
        pub id_fifteen_bits: Signal<Out, Bit>,
        /// The IPv4 ID of templates with DF does not count.
        pub id_fixed: Signal<Out, Bit>,
        /// Short frames are padded.
        pub pad: Signal<Out, Bit>,
        //
        number: DFF<Bits<4>>,
        mode: DFF<Bits<3>>,
        user_only: DFF<Bit>,
        accessed_faults: DFF<Bit>,
        root_low: DFF<Bits<20>>,
        root_high: DFF<Bits<8>>,
        root_beyond: DFF<Bit>,
        commit: DFF<Bit>,
        invalidate: DFF<Bit>,
        kind: DFF<Bits<2>>,
        tlb_space: DFF<Bits<4>>,
        page_low: DFF<Bits<20>>,
        page_high: DFF<Bits<32>>,
        // What differs from the reset value: a flip-flop begins with 0, and one that a reset sets to 1 would need a LUT.
        first: DFF<Bits<12>>,
        middle: DFF<Bits<12>>,
        last: DFF<Bits<12>>,
        fifteen: DFF<Bit>,
        fixed: DFF<Bit>,
        pads: DFF<Bit>,
        live: DFF<Bits<32>>,
        // What register `code` is
        is_ctx_select: DFF<Bit>,
        is_ctx_mode: DFF<Bit>,
        is_ctx_root_low: DFF<Bit>,
        is_ctx_root_high: DFF<Bit>,
        is_ctx_commit: DFF<Bit>,
        is_tlb_control: DFF<Bit>,
        is_tlb_addr_low: DFF<Bit>,
        is_tlb_addr_high: DFF<Bit>,
        is_first_flags: DFF<Bit>,
        is_middle_flags: DFF<Bit>,
        is_last_flags: DFF<Bit>,
        is_id_control: DFF<Bit>,
        is_frame_control: DFF<Bit>,
        off: Constant<Bits<3>> = Constant::new(u64::from(mode::OFF).to_bits()),
        reset_first: Constant<Bits<12>> = Constant::new(u64::from(registers::FLAGS_FIRST.reset).to_bits()),
        reset_middle: Constant<Bits<12>> = Constant::new(u64::from(registers::FLAGS_MIDDLE.reset).to_bits()),
        reset_last: Constant<Bits<12>> = Constant::new(u64::from(registers::FLAGS_LAST.reset).to_bits()),
        ctx_select: Constant<Bits<CODE_BITS>> = map::code(&registers::CTX_SELECT),
        ctx_mode: Constant<Bits<CODE_BITS>> = map::code(&registers::CTX_MODE),
        ctx_root_low: Constant<Bits<CODE_BITS>> = map::code(&registers::CTX_ROOT_LOW),
        ctx_root_high: Constant<Bits<CODE_BITS>> = map::code(&registers::CTX_ROOT_HIGH),
        ctx_commit: Constant<Bits<CODE_BITS>> = map::code(&registers::CTX_COMMIT),
        tlb_control: Constant<Bits<CODE_BITS>> = map::code(&registers::TLB_CONTROL),
        tlb_addr_low: Constant<Bits<CODE_BITS>> = map::code(&registers::TLB_ADDR_LOW),
        tlb_addr_high: Constant<Bits<CODE_BITS>> = map::code(&registers::TLB_ADDR_HIGH),
        first_code: Constant<Bits<CODE_BITS>> = map::code(&registers::FLAGS_FIRST),
        middle_code: Constant<Bits<CODE_BITS>> = map::code(&registers::FLAGS_MIDDLE),
        last_code: Constant<Bits<CODE_BITS>> = map::code(&registers::FLAGS_LAST),
        id_control: Constant<Bits<CODE_BITS>> = map::code(&registers::ID_CONTROL),
        frame_control: Constant<Bits<CODE_BITS>> = map::code(&registers::FRAME_CONTROL),
    }
}

/// The kernel cuts the root page out of the two root words by these widths.
const _: () = assert!(PHYS_PAGE_BITS == 20 + 8);

impl Logic for EngineSettings {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            number,
            mode,
            user_only,
            accessed_faults,
            root_low,
            root_high,
            root_beyond,
            commit,
            invalidate,
            kind,
            tlb_space,
            page_low,
            page_high,
            first,
            middle,
            last,
            fifteen,
            fixed,
            pads,
            live,
            is_ctx_select,
            is_ctx_mode,
            is_ctx_root_low,
            is_ctx_root_high,
            is_ctx_commit,
            is_tlb_control,
            is_tlb_addr_low,
            is_tlb_addr_high,
            is_first_flags,
            is_middle_flags,
            is_last_flags,
            is_id_control,
            is_frame_control
        );
        self.is_ctx_select.d.next = self.code.val() == self.ctx_select.val();
        self.is_ctx_mode.d.next = self.code.val() == self.ctx_mode.val();
        self.is_ctx_root_low.d.next = self.code.val() == self.ctx_root_low.val();
        self.is_ctx_root_high.d.next = self.code.val() == self.ctx_root_high.val();
        self.is_ctx_commit.d.next = self.code.val() == self.ctx_commit.val();
        self.is_tlb_control.d.next = self.code.val() == self.tlb_control.val();
        self.is_tlb_addr_low.d.next = self.code.val() == self.tlb_addr_low.val();
        self.is_tlb_addr_high.d.next = self.code.val() == self.tlb_addr_high.val();
        self.is_first_flags.d.next = self.code.val() == self.first_code.val();
        self.is_middle_flags.d.next = self.code.val() == self.middle_code.val();
        self.is_last_flags.d.next = self.code.val() == self.last_code.val();
        self.is_id_control.d.next = self.code.val() == self.id_control.val();
        self.is_frame_control.d.next = self.code.val() == self.frame_control.val();
        self.read_data.next = self.live.q.val();
        self.context_write.valid.next = self.commit.q.val();
        self.context_write.context.next = self.number.q.val();
        self.context_write.mode.next = self.mode.q.val();
        // A root beyond the physical width must not alias another address.
        if self.root_beyond.q.val() {
            self.context_write.mode.next = self.off.val();
        }
        self.context_write.root_page.next = (bit_cast::<PHYS_PAGE_BITS, 8>(self.root_high.q.val()) << 20)
            | bit_cast::<PHYS_PAGE_BITS, 20>(self.root_low.q.val());
        self.context_write.user_only.next = self.user_only.q.val();
        self.context_write.accessed_faults.next = self.accessed_faults.q.val();
        self.tlb_invalidate.next = self.invalidate.q.val();
        self.tlb_kind.next = self.kind.q.val();
        self.tlb_context.next = self.tlb_space.q.val();
        self.tlb_virt_page.next = (bit_cast::<VIRT_PAGE_BITS, 32>(self.page_high.q.val()) << 20)
            | bit_cast::<VIRT_PAGE_BITS, 20>(self.page_low.q.val());
        self.flags_first.next = self.first.q.val() ^ self.reset_first.val();
        self.flags_middle.next = self.middle.q.val() ^ self.reset_middle.val();
        self.flags_last.next = self.last.q.val() ^ self.reset_last.val();
        self.id_fifteen_bits.next = self.fifteen.q.val();
        self.id_fixed.next = self.fixed.q.val();
        self.pad.next = self.pads.q.val();
        self.commit.d.next = false;
        self.invalidate.d.next = false;
        self.live.d.next = 0.into();
        if self.is_tlb_control.q.val() & (self.tlb_invalidating.val() | self.invalidate.q.val()) {
            self.live.d.next = 1.into();
        }
        if self.write.val() {
            if self.is_ctx_select.q.val() {
                self.number.d.next = self.value.val().get_bits::<4>(0);
            }
            if self.is_ctx_mode.q.val() {
                self.mode.d.next = self.value.val().get_bits::<3>(0);
                self.user_only.d.next = self.value.val().get_bit(8);
                self.accessed_faults.d.next = self.value.val().get_bit(9);
            }
            if self.is_ctx_root_low.q.val() {
                self.root_low.d.next = self.value.val().get_bits::<20>(12);
            }
            if self.is_ctx_root_high.q.val() {
                self.root_high.d.next = self.value.val().get_bits::<8>(0);
                self.root_beyond.d.next = self.value.val().get_bits::<24>(8) != 0;
            }
            if self.is_ctx_commit.q.val() {
                self.commit.d.next = true;
            }
            if self.is_tlb_control.q.val() {
                self.invalidate.d.next = self.value.val().get_bit(0);
                self.kind.d.next = self.value.val().get_bits::<2>(1);
                self.tlb_space.d.next = self.value.val().get_bits::<4>(8);
            }
            if self.is_tlb_addr_low.q.val() {
                self.page_low.d.next = self.value.val().get_bits::<20>(12);
            }
            if self.is_tlb_addr_high.q.val() {
                self.page_high.d.next = self.value.val();
            }
            if self.is_first_flags.q.val() {
                self.first.d.next = self.value.val().get_bits::<12>(0) ^ self.reset_first.val();
            }
            if self.is_middle_flags.q.val() {
                self.middle.d.next = self.value.val().get_bits::<12>(0) ^ self.reset_middle.val();
            }
            if self.is_last_flags.q.val() {
                self.last.d.next = self.value.val().get_bits::<12>(0) ^ self.reset_last.val();
            }
            if self.is_id_control.q.val() {
                self.fifteen.d.next = self.value.val().get_bit(0);
                self.fixed.d.next = self.value.val().get_bit(1);
            }
            if self.is_frame_control.q.val() {
                self.pads.d.next = self.value.val().get_bit(0);
            }
        }
        if self.reset.val() {
            self.number.d.next = 0.into();
            self.mode.d.next = 0.into();
            self.user_only.d.next = false;
            self.accessed_faults.d.next = false;
            self.root_low.d.next = 0.into();
            self.root_high.d.next = 0.into();
            self.root_beyond.d.next = false;
            self.commit.d.next = false;
            self.invalidate.d.next = false;
            self.kind.d.next = 0.into();
            self.tlb_space.d.next = 0.into();
            self.page_low.d.next = 0.into();
            self.page_high.d.next = 0.into();
            self.first.d.next = 0.into();
            self.middle.d.next = 0.into();
            self.last.d.next = 0.into();
            self.fifteen.d.next = false;
            self.fixed.d.next = false;
            self.pads.d.next = false;
        }
    }
}
