//! The Ethernet transmitter as the board takes it: frames in on the core's clock, bytes for the PHY on the 125 MHz clock.

use super::crossing::{GrayCounter, GrayDecoder, Synchroniser};
use super::frame_queue::FrameQueue;
use super::transmitter::Transmitter;
use crate::bus::ports::FrameSink;
use rust_hdl::prelude::*;

/// Queue of `2^A` words of 8 bytes, and transmitter; `A1` is `A + 1`.
#[derive(LogicBlock, Default)]
pub struct Ethernet<const A: usize, const A1: usize> {
    /// The core's clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset in that domain.
    pub reset: Signal<In, Bit>,
    /// Frames.
    pub frames: FrameSink,
    /// Frames sent, modulo 2^16.
    pub sent: Signal<Out, Bits<16>>,
    /// Frames dropped because they are longer than the queue, modulo 2^16.
    pub dropped: Signal<Out, Bits<16>>,
    /// 125 MHz.
    pub tx_clock: Signal<In, Clock>,
    /// Synchronous reset in that domain.
    pub tx_reset: Signal<In, Bit>,
    /// A byte for the PHY.
    pub tx_data: Signal<Out, Bits<8>>,
    /// The byte counts.
    pub tx_enable: Signal<Out, Bit>,
    //
    queue: FrameQueue<A, A1>,
    transmitter: Transmitter,
    drop_count: DFF<Bits<16>>,
    sent_code: GrayCounter<16>,
    sent_gray: Synchroniser<Bits<16>>,
    sent_count: GrayDecoder<16>,
}

impl<const A: usize, const A1: usize> Logic for Ethernet<A, A1> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, drop_count);
        clock!(self, clock, queue, sent_gray, sent_count);
        clock!(self, tx_clock, transmitter, sent_code);
        FrameSink::link(&mut self.frames, &mut self.queue.frames);
        self.queue.reset.next = self.reset.val();
        self.queue.read_clock.next = self.tx_clock.val();
        self.queue.read_reset.next = self.tx_reset.val();
        self.transmitter.reset.next = self.tx_reset.val();
        self.transmitter.frame_here.next = self.queue.frame_here.val();
        self.transmitter.word.next = self.queue.word.val();
        self.queue.take.next = self.transmitter.take.val();
        self.tx_data.next = self.transmitter.tx_data.val();
        self.tx_enable.next = self.transmitter.tx_enable.val();
        self.sent_code.reset.next = self.tx_reset.val();
        self.sent_code.step.next = self.transmitter.sent.val();
        self.sent_gray.crossing.next = self.sent_code.gray.val();
        self.sent_count.gray.next = self.sent_gray.settled.val();
        self.sent.next = self.sent_count.count.val();
        if self.queue.dropped.val() {
            self.drop_count.d.next = self.drop_count.q.val() + 1;
        }
        self.dropped.next = self.drop_count.q.val();
        if self.reset.val() {
            self.drop_count.d.next = 0.into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emits_and_has_nothing_that_the_lint_knows() {
        let mut mac = Ethernet::<9, 10>::default();
        assert!(crate::emit::verilog(&mut mac, "ethernet")
            .unwrap()
            .contains("module ethernet("));
        let found = crate::lint::check(&mac, "ethernet");
        assert!(
            found.is_empty(),
            "{}",
            found.iter().map(|f| format!("{f}\n")).collect::<String>()
        );
    }
}
