//! The virtio device itself: status, feature negotiation, interrupts and configuration generation.

use super::map::{self, CODE_BITS};
use rust_hdl::prelude::*;
use segwalk_model::registers::{self, feature, status};

logic_block! {
    /// Status machine, features and interrupt. Writes come as a pulse with a register code; `read_data` is the
    /// value of the register of `code`, or 0 when it is kept elsewhere, two clocks later.
    pub struct DeviceState {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset, of the core or of the device.
        pub reset: Signal<In, Bit>,
        /// Reset of the core: takes the configuration generation back too.
        pub hard_reset: Signal<In, Bit>,
        /// The register of `code` is written with `value`; a pulse.
        pub write: Signal<In, Bit>,
        /// Register.
        pub code: Signal<In, Bits<CODE_BITS>>,
        /// Value written.
        pub value: Signal<In, Bits<32>>,
        /// Value to read.
        pub read_data: Signal<Out, Bits<32>>,
        /// The engine is quiet after a soft reset; a pulse.
        pub soft_reset_done: Signal<In, Bit>,
        /// A device reset is under way in the engine.
        pub soft_reset: Signal<Out, Bit>,
        /// A queue met a ring error; a pulse.
        pub ring_error: Signal<In, Bit>,
        /// A used index was written and the driver is to know; a pulse.
        pub used_pulse: Signal<In, Bit>,
        /// A queue parked; a pulse.
        pub park_pulse: Signal<In, Bit>,
        /// DRIVER_OK is set and no reset is under way.
        pub running: Signal<Out, Bit>,
        /// Negotiated CSUM, TSO4, TSO6, ECN, USO from bit 0 up; 0 before FEATURES_OK.
        pub features: Signal<Out, Bits<5>>,
        /// INDIRECT_DESC is negotiated.
        pub indirect: Signal<Out, Bit>,
        /// EVENT_IDX is negotiated.
        pub event_idx: Signal<Out, Bit>,
        /// RING_RESET is negotiated.
        pub ring_reset: Signal<Out, Bit>,
        /// InterruptStatus is not 0.
        pub irq: Signal<Out, Bit>,
        //
        driver_bits: DFF<Bits<2>>,
        driver_ok: DFF<Bit>,
        features_ok: DFF<Bit>,
        needs_reset: DFF<Bit>,
        failed: DFF<Bit>,
        resetting: DFF<Bit>,
        offer_low: DFF<Bit>,
        offer_high: DFF<Bit>,
        accept_low: DFF<Bit>,
        accept_high: DFF<Bit>,
        accepted: DFF<Bits<4>>,
        accepted_uso: DFF<Bit>,
        accepted_indirect: DFF<Bit>,
        accepted_event: DFF<Bit>,
        accepted_reset: DFF<Bit>,
        version_1: DFF<Bit>,
        strange_low: DFF<Bit>,
        strange_high: DFF<Bit>,
        strange_other: DFF<Bit>,
        negotiated: DFF<Bits<5>>,
        negotiated_ring: DFF<Bits<3>>,
        used_buffer: DFF<Bit>,
        config_change: DFF<Bit>,
        queue_parked: DFF<Bit>,
        asserted: DFF<Bit>,
        generation: DFF<Bits<8>>,
        live: DFF<Bits<32>>,
        // What register `code` is
        is_device_features: DFF<Bit>,
        is_device_features_sel: DFF<Bit>,
        is_driver_features: DFF<Bit>,
        is_driver_features_sel: DFF<Bit>,
        is_interrupt_status: DFF<Bit>,
        is_interrupt_ack: DFF<Bit>,
        is_device_status: DFF<Bit>,
        is_config_generation: DFF<Bit>,
        is_config_mac_high: DFF<Bit>,
        is_mac: DFF<Bit>,
        acceptable: Signal<Local, Bit>,
        feature_bits: Signal<Local, Bits<32>>,
        status_bits: Signal<Local, Bits<32>>,
        offered_low: Constant<Bits<32>> = map::word(feature::OFFERED as u32),
        offered_high: Constant<Bits<32>> = map::word((feature::OFFERED >> 32) as u32),
        strange_low_mask: Constant<Bits<32>> = map::word(!(feature::OFFERED as u32)),
        strange_high_mask: Constant<Bits<32>> = map::word(!((feature::OFFERED >> 32) as u32)),
        link_up: Constant<Bits<32>> = map::word(registers::CONFIG_MAC_HIGH_STATUS.field("link_up").mask()),
        busy_status: Constant<Bits<32>> = map::word(status::ACKNOWLEDGE),
        needs_reset_bit: Constant<Bits<32>> = map::word(status::DEVICE_NEEDS_RESET),
        failed_bit: Constant<Bits<32>> = map::word(status::FAILED),
        driver_ok_bit: Constant<Bits<32>> = map::word(status::DRIVER_OK),
        features_ok_bit: Constant<Bits<32>> = map::word(status::FEATURES_OK),
        device_features: Constant<Bits<CODE_BITS>> = map::code(&registers::DEVICE_FEATURES),
        device_features_sel: Constant<Bits<CODE_BITS>> = map::code(&registers::DEVICE_FEATURES_SEL),
        driver_features: Constant<Bits<CODE_BITS>> = map::code(&registers::DRIVER_FEATURES),
        driver_features_sel: Constant<Bits<CODE_BITS>> = map::code(&registers::DRIVER_FEATURES_SEL),
        interrupt_status: Constant<Bits<CODE_BITS>> = map::code(&registers::INTERRUPT_STATUS),
        interrupt_ack: Constant<Bits<CODE_BITS>> = map::code(&registers::INTERRUPT_ACK),
        device_status: Constant<Bits<CODE_BITS>> = map::code(&registers::STATUS),
        config_generation: Constant<Bits<CODE_BITS>> = map::code(&registers::CONFIG_GENERATION),
        config_mac_high: Constant<Bits<CODE_BITS>> = map::code(&registers::CONFIG_MAC_HIGH_STATUS),
        mac_low: Constant<Bits<CODE_BITS>> = map::code(&registers::MAC_LOW),
        mac_high: Constant<Bits<CODE_BITS>> = map::code(&registers::MAC_HIGH),
    }
}

/// The kernel takes these bits out of the driver's words by their numbers.
const _: () = {
    assert!(feature::CSUM == 1 << 0 && feature::HOST_TSO4 == 1 << 11);
    assert!(feature::RING_INDIRECT_DESC == 1 << 28 && feature::RING_EVENT_IDX == 1 << 29);
    assert!(feature::RING_RESET == 1 << 40 && feature::HOST_USO == 1 << 56);
    assert!(feature::HOST_TSO6 == 1 << 12 && feature::HOST_ECN == 1 << 13 && feature::VERSION_1 == 1 << 32);
    assert!(status::ACKNOWLEDGE == 1 && status::DRIVER == 2 && status::DRIVER_OK == 4);
    assert!(status::FEATURES_OK == 8 && status::FAILED == 128);
};

impl Logic for DeviceState {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            driver_bits,
            driver_ok,
            features_ok,
            needs_reset,
            failed,
            resetting,
            offer_low,
            offer_high,
            accept_low,
            accept_high,
            accepted,
            accepted_uso,
            accepted_indirect,
            accepted_event,
            accepted_reset,
            version_1,
            strange_low,
            strange_high,
            strange_other,
            negotiated,
            negotiated_ring,
            used_buffer,
            config_change,
            queue_parked,
            asserted,
            generation,
            live,
            is_device_features,
            is_device_features_sel,
            is_driver_features,
            is_driver_features_sel,
            is_interrupt_status,
            is_interrupt_ack,
            is_device_status,
            is_config_generation,
            is_config_mac_high,
            is_mac
        );
        self.is_device_features.d.next = self.code.val() == self.device_features.val();
        self.is_device_features_sel.d.next = self.code.val() == self.device_features_sel.val();
        self.is_driver_features.d.next = self.code.val() == self.driver_features.val();
        self.is_driver_features_sel.d.next = self.code.val() == self.driver_features_sel.val();
        self.is_interrupt_status.d.next = self.code.val() == self.interrupt_status.val();
        self.is_interrupt_ack.d.next = self.code.val() == self.interrupt_ack.val();
        self.is_device_status.d.next = self.code.val() == self.device_status.val();
        self.is_config_generation.d.next = self.code.val() == self.config_generation.val();
        self.is_config_mac_high.d.next = self.code.val() == self.config_mac_high.val();
        self.is_mac.d.next = (self.code.val() == self.mac_low.val()) | (self.code.val() == self.mac_high.val());
        // Defaults
        self.read_data.next = self.live.q.val();
        self.soft_reset.next = self.resetting.q.val();
        self.running.next = self.driver_ok.q.val() & !self.resetting.q.val();
        self.features.next = self.negotiated.q.val();
        self.irq.next = self.asserted.q.val();
        self.indirect.next = self.negotiated_ring.q.val().get_bit(0);
        self.event_idx.next = self.negotiated_ring.q.val().get_bit(1);
        self.ring_reset.next = self.negotiated_ring.q.val().get_bit(2);
        self.asserted.d.next = self.used_buffer.q.val() | self.config_change.q.val() | self.queue_parked.q.val();
        self.negotiated.d.next = 0.into();
        self.negotiated_ring.d.next = 0.into();
        if self.features_ok.q.val() {
            self.negotiated.d.next =
                bit_cast::<5, 4>(self.accepted.q.val()) | (bit_cast::<5, 1>(self.accepted_uso.q.val().into()) << 4);
            self.negotiated_ring.d.next = bit_cast::<3, 1>(self.accepted_indirect.q.val().into())
                | (bit_cast::<3, 1>(self.accepted_event.q.val().into()) << 1)
                | (bit_cast::<3, 1>(self.accepted_reset.q.val().into()) << 2);
        }
        // Conditions
        self.acceptable.next = self.version_1.q.val()
            & !self.strange_low.q.val()
            & !self.strange_high.q.val()
            & !self.strange_other.q.val();
        // Reading
        self.feature_bits.next = 0.into();
        if self.offer_low.q.val() {
            self.feature_bits.next = self.offered_low.val();
        }
        if self.offer_high.q.val() {
            self.feature_bits.next = self.offered_high.val();
        }
        self.status_bits.next = bit_cast::<32, 2>(self.driver_bits.q.val());
        if self.driver_ok.q.val() {
            self.status_bits.next = self.status_bits.val() | self.driver_ok_bit.val();
        }
        if self.features_ok.q.val() {
            self.status_bits.next = self.status_bits.val() | self.features_ok_bit.val();
        }
        if self.needs_reset.q.val() {
            self.status_bits.next = self.status_bits.val() | self.needs_reset_bit.val();
        }
        if self.failed.q.val() {
            self.status_bits.next = self.status_bits.val() | self.failed_bit.val();
        }
        // virtio 1.2, 4.2.2.1: the driver waits for 0 after a reset, so a reset under way must not read 0.
        if self.resetting.q.val() {
            self.status_bits.next = self.status_bits.val() | self.busy_status.val();
        }
        self.live.d.next = 0.into();
        if self.is_device_features.q.val() {
            self.live.d.next = self.feature_bits.val();
        }
        if self.is_interrupt_status.q.val() {
            self.live.d.next = (bit_cast::<32, 1>(self.queue_parked.q.val().into()) << 2)
                | (bit_cast::<32, 1>(self.config_change.q.val().into()) << 1)
                | bit_cast::<32, 1>(self.used_buffer.q.val().into());
        }
        if self.is_device_status.q.val() {
            self.live.d.next = self.status_bits.val();
        }
        if self.is_config_generation.q.val() {
            self.live.d.next = bit_cast::<32, 8>(self.generation.q.val());
        }
        if self.is_config_mac_high.q.val() {
            self.live.d.next = self.link_up.val();
        }
        // Writing
        if self.write.val() {
            if self.is_device_features_sel.q.val() {
                self.offer_low.d.next = self.value.val() == 0;
                self.offer_high.d.next = self.value.val() == 1;
            }
            if self.is_driver_features_sel.q.val() {
                self.accept_low.d.next = self.value.val() == 0;
                self.accept_high.d.next = self.value.val() == 1;
            }
            if self.is_driver_features.q.val() & !self.features_ok.q.val() {
                if self.accept_low.q.val() {
                    self.accepted.d.next = (bit_cast::<4, 3>(self.value.val().get_bits::<3>(11)) << 1)
                        | bit_cast::<4, 1>(self.value.val().get_bits::<1>(0));
                    self.accepted_indirect.d.next = self.value.val().get_bit(28);
                    self.accepted_event.d.next = self.value.val().get_bit(29);
                    self.strange_low.d.next = (self.value.val() & self.strange_low_mask.val()) != 0;
                } else if self.accept_high.q.val() {
                    self.version_1.d.next = self.value.val().get_bit(0);
                    self.accepted_uso.d.next = self.value.val().get_bit(24);
                    self.accepted_reset.d.next = self.value.val().get_bit(8);
                    self.strange_high.d.next = (self.value.val() & self.strange_high_mask.val()) != 0;
                } else {
                    self.strange_other.d.next = self.strange_other.q.val() | (self.value.val() != 0);
                }
            }
            if self.is_interrupt_ack.q.val() {
                if self.value.val().get_bit(0) {
                    self.used_buffer.d.next = false;
                }
                if self.value.val().get_bit(1) {
                    self.config_change.d.next = false;
                }
                if self.value.val().get_bit(2) {
                    self.queue_parked.d.next = false;
                }
            }
            if self.is_device_status.q.val() & !self.resetting.q.val() {
                if self.value.val().get_bits::<8>(0) == 0 {
                    self.resetting.d.next = true;
                }
                // virtio 1.2, 2.1.1: a driver never clears a bit, so bits only add up until the reset.
                self.driver_bits.d.next = self.driver_bits.q.val() | self.value.val().get_bits::<2>(0);
                if self.value.val().get_bit(3) & self.acceptable.val() {
                    self.features_ok.d.next = true;
                }
                if self.value.val().get_bit(2) & self.features_ok.q.val() {
                    self.driver_ok.d.next = true;
                }
                if self.value.val().get_bit(7) {
                    self.failed.d.next = true;
                }
            }
            if self.is_mac.q.val() {
                self.generation.d.next = self.generation.q.val() + 1;
            }
        }
        // An event on the clock of its acknowledgement stays.
        if self.used_pulse.val() {
            self.used_buffer.d.next = true;
        }
        if self.park_pulse.val() {
            self.queue_parked.d.next = true;
        }
        if self.ring_error.val() {
            self.needs_reset.d.next = true;
            self.config_change.d.next = true;
        }
        if self.soft_reset_done.val() {
            self.resetting.d.next = false;
        }
        if self.reset.val() {
            self.driver_bits.d.next = 0.into();
            self.driver_ok.d.next = false;
            self.features_ok.d.next = false;
            self.needs_reset.d.next = false;
            self.failed.d.next = false;
            self.resetting.d.next = false;
            self.offer_low.d.next = true;
            self.offer_high.d.next = false;
            self.accept_low.d.next = true;
            self.accept_high.d.next = false;
            self.accepted.d.next = 0.into();
            self.accepted_uso.d.next = false;
            self.accepted_indirect.d.next = false;
            self.accepted_event.d.next = false;
            self.accepted_reset.d.next = false;
            self.version_1.d.next = false;
            self.strange_low.d.next = false;
            self.strange_high.d.next = false;
            self.strange_other.d.next = false;
            self.negotiated.d.next = 0.into();
            self.negotiated_ring.d.next = 0.into();
            self.used_buffer.d.next = false;
            self.config_change.d.next = false;
            self.queue_parked.d.next = false;
            self.asserted.d.next = false;
        }
        if self.hard_reset.val() {
            self.generation.d.next = 0.into();
        }
    }
}
