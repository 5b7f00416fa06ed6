//! The bridge: a PC reads and writes memory and registers over a UART. See `segwalk_model::bridge` for the protocol.
//!
//! A request is stored whole and its CRC checked before anything of it is done, so a damaged one does nothing.

pub mod command;
pub mod receiver;
pub mod sender;
pub mod uart;

use command::CommandUnit;
use receiver::RequestReceiver;
use rust_hdl::prelude::*;
use sender::ResponseSender;
use uart::{UartReceiver, UartSender};

logic_block! {
    /// UART, requests and responses; memory a byte at a time and registers a word at a time.
    pub struct Bridge {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        /// From the PC.
        pub uart_rx: Signal<In, Bit>,
        /// To the PC.
        pub uart_tx: Signal<Out, Bit>,
        /// A memory access is wanted until it is done.
        pub memory_valid: Signal<Out, Bit>,
        /// It is a write.
        pub memory_write: Signal<Out, Bit>,
        /// Byte address.
        pub memory_addr: Signal<Out, Bits<24>>,
        /// Byte to write.
        pub memory_write_data: Signal<Out, Bits<8>>,
        /// The access is done; a pulse.
        pub memory_done: Signal<In, Bit>,
        /// With it: the byte read.
        pub memory_read_data: Signal<In, Bits<8>>,
        /// A register access is wanted until it is done.
        pub register_valid: Signal<Out, Bit>,
        /// It is a write.
        pub register_write: Signal<Out, Bit>,
        /// Byte address; bit 12 selects the board's own registers.
        pub register_addr: Signal<Out, Bits<13>>,
        /// Value to write.
        pub register_write_data: Signal<Out, Bits<32>>,
        /// The access is done; a pulse.
        pub register_done: Signal<In, Bit>,
        /// With it: the value read.
        pub register_read_data: Signal<In, Bits<32>>,
        /// Requests answered, modulo 2^16.
        pub answered: Signal<Out, Bits<16>>,
        /// Damaged frames dropped, modulo 2^16.
        pub bad_frames: Signal<Out, Bits<16>>,
        //
        uart_in: UartReceiver,
        uart_out: UartSender,
        receiver: RequestReceiver,
        command: CommandUnit,
        sender: ResponseSender,
        answer_count: DFF<Bits<16>>,
        bad_count: DFF<Bits<16>>,
    }
}

impl Bridge {
    /// A bridge to `memory_bytes` bytes of memory, over a line with `bit_clocks` clocks a bit.
    pub fn new(memory_bytes: u32, bit_clocks: u32) -> Self {
        Self {
            uart_in: UartReceiver::new(bit_clocks),
            uart_out: UartSender::new(bit_clocks),
            command: CommandUnit::new(memory_bytes),
            ..Default::default()
        }
    }
}

impl Logic for Bridge {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, answer_count, bad_count);
        clock!(self, clock, uart_in, uart_out, receiver, command, sender);
        self.uart_in.reset.next = self.reset.val();
        self.uart_out.reset.next = self.reset.val();
        self.receiver.reset.next = self.reset.val();
        self.command.reset.next = self.reset.val();
        self.sender.reset.next = self.reset.val();
        // Line -> request
        self.uart_in.line.next = self.uart_rx.val();
        self.receiver.valid.next = self.uart_in.valid.val();
        self.receiver.data.next = self.uart_in.data.val();
        self.receiver.broken.next = self.uart_in.broken.val();
        // Request -> what it does
        self.command.request.next = self.receiver.request.val();
        self.command.header.next = self.receiver.header.val();
        self.command.data_bytes.next = self.receiver.data_bytes.val();
        self.receiver.read_at.next = self.command.read_at.val();
        self.command.read_data.next = self.receiver.read_data.val();
        self.receiver.let_go.next = self.command.let_go.val();
        self.memory_valid.next = self.command.memory_valid.val();
        self.memory_write.next = self.command.memory_write.val();
        self.memory_addr.next = self.command.memory_addr.val();
        self.memory_write_data.next = self.command.memory_write_data.val();
        self.command.memory_done.next = self.memory_done.val();
        self.command.memory_read_data.next = self.memory_read_data.val();
        self.register_valid.next = self.command.register_valid.val();
        self.register_write.next = self.command.register_write.val();
        self.register_addr.next = self.command.register_addr.val();
        self.register_write_data.next = self.command.register_write_data.val();
        self.command.register_done.next = self.register_done.val();
        self.command.register_read_data.next = self.register_read_data.val();
        // Response -> line
        self.sender.valid.next = self.command.send_valid.val();
        self.command.send_ready.next = self.sender.ready.val();
        self.sender.data.next = self.command.send_data.val();
        self.sender.last.next = self.command.send_last.val();
        self.uart_out.valid.next = self.sender.line_valid.val();
        self.sender.line_ready.next = self.uart_out.ready.val();
        self.uart_out.data.next = self.sender.line_data.val();
        self.uart_tx.next = self.uart_out.line.val();
        // Counters
        if self.command.let_go.val() {
            self.answer_count.d.next = self.answer_count.q.val() + 1;
        }
        if self.receiver.bad_frame.val() {
            self.bad_count.d.next = self.bad_count.q.val() + 1;
        }
        self.answered.next = self.answer_count.q.val();
        self.bad_frames.next = self.bad_count.q.val();
        if self.reset.val() {
            self.answer_count.d.next = 0.into();
            self.bad_count.d.next = 0.into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emits_and_has_nothing_that_the_lint_knows() {
        let mut bridge = Bridge::new(65_536, 100);
        assert!(crate::emit::verilog(&mut bridge, "bridge")
            .unwrap()
            .contains("module bridge("));
        let found = crate::lint::check(&bridge, "bridge");
        assert!(
            found.is_empty(),
            "{}",
            found.iter().map(|f| format!("{f}\n")).collect::<String>()
        );
    }
}
