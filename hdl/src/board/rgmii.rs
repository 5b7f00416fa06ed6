//! RGMII, transmit side (Reduced Gigabit Media Independent Interface 2.0): GMII bytes on four pins and both edges.

use super::cells::{OutputDdr, OutputDelay};
use rust_hdl::prelude::*;

/// Data and control change with the clock; the clock's pin is delayed against them, unless the PHY does that itself.
#[derive(LogicBlock)]
pub struct RgmiiOutput {
    /// 125 MHz.
    pub clock: Signal<In, Clock>,
    /// A byte.
    pub tx_data: Signal<In, Bits<8>>,
    /// The byte counts.
    pub tx_enable: Signal<In, Bit>,
    /// TXC.
    pub pin_clock: Signal<Out, Bit>,
    /// TX_CTL.
    pub pin_control: Signal<Out, Bit>,
    /// TD.
    pub pin_data: Signal<Out, Bits<4>>,
    //
    data: DFF<Bits<8>>,
    enable: DFF<Bit>,
    lane_0: OutputDdr,
    lane_1: OutputDdr,
    lane_2: OutputDdr,
    lane_3: OutputDdr,
    control: OutputDdr,
    forwarded: OutputDdr,
    delay: OutputDelay,
}

impl RgmiiOutput {
    /// With a delay of `steps` steps on the clock's pin.
    pub fn new(steps: u32) -> Self {
        Self {
            clock: Default::default(),
            tx_data: Default::default(),
            tx_enable: Default::default(),
            pin_clock: Default::default(),
            pin_control: Default::default(),
            pin_data: Default::default(),
            data: Default::default(),
            enable: Default::default(),
            lane_0: Default::default(),
            lane_1: Default::default(),
            lane_2: Default::default(),
            lane_3: Default::default(),
            control: Default::default(),
            forwarded: Default::default(),
            delay: OutputDelay::new(steps),
        }
    }
}

impl Logic for RgmiiOutput {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, data, enable);
        clock!(self, clock, lane_0, lane_1, lane_2, lane_3, control, forwarded);
        self.data.d.next = self.tx_data.val();
        self.enable.d.next = self.tx_enable.val();
        self.lane_0.high.next = self.data.q.val().get_bit(0);
        self.lane_0.low.next = self.data.q.val().get_bit(4);
        self.lane_1.high.next = self.data.q.val().get_bit(1);
        self.lane_1.low.next = self.data.q.val().get_bit(5);
        self.lane_2.high.next = self.data.q.val().get_bit(2);
        self.lane_2.low.next = self.data.q.val().get_bit(6);
        self.lane_3.high.next = self.data.q.val().get_bit(3);
        self.lane_3.low.next = self.data.q.val().get_bit(7);
        // TX_EN on the rising edge, TX_EN xor TX_ER on the falling one; the transmitter makes no errors.
        self.control.high.next = self.enable.q.val();
        self.control.low.next = self.enable.q.val();
        self.forwarded.high.next = true;
        self.forwarded.low.next = false;
        self.delay.early.next = self.forwarded.pin.val();
        self.pin_clock.next = self.delay.pin.val();
        self.pin_control.next = self.control.pin.val();
        self.pin_data.next = bit_cast::<4, 1>(self.lane_0.pin.val().into())
            | (bit_cast::<4, 1>(self.lane_1.pin.val().into()) << 1)
            | (bit_cast::<4, 1>(self.lane_2.pin.val().into()) << 2)
            | (bit_cast::<4, 1>(self.lane_3.pin.val().into()) << 3);
    }
}
