//! Does what a request asks and answers it. See `segwalk_model::bridge::Board`, which this is held against.

use rust_hdl::prelude::*;
use segwalk_model::bridge::{Operation, Status, DATA_BYTES_MAX, REGISTER_BYTES};

#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
enum CommandState {
    Idle,
    Sort,
    Count,
    Address,
    Range,
    FetchByte,
    FetchWait,
    TakeByte,
    MemoryWrite,
    Register,
    Header,
    MemoryRead,
    Data,
    Finish,
}

logic_block! {
    /// Runs one request after the other.
    pub struct CommandUnit {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        // Request
        /// A request is held.
        pub request: Signal<In, Bit>,
        /// Its header.
        pub header: Signal<In, Bits<64>>,
        /// Bytes of its data.
        pub data_bytes: Signal<In, Bits<10>>,
        /// Which byte of the data to read.
        pub read_at: Signal<Out, Bits<9>>,
        /// It, one clock later.
        pub read_data: Signal<In, Bits<8>>,
        /// The request is done with.
        pub let_go: Signal<Out, Bit>,
        // Response
        /// A byte is offered.
        pub send_valid: Signal<Out, Bit>,
        /// It is taken.
        pub send_ready: Signal<In, Bit>,
        /// The byte.
        pub send_data: Signal<Out, Bits<8>>,
        /// The last one.
        pub send_last: Signal<Out, Bit>,
        // Memory, a byte at a time
        /// An access is wanted until it is done.
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
        // Registers
        /// An access is wanted until it is done.
        pub register_valid: Signal<Out, Bit>,
        /// It is a write.
        pub register_write: Signal<Out, Bit>,
        /// Byte address, a multiple of 4.
        pub register_addr: Signal<Out, Bits<13>>,
        /// Value to write.
        pub register_write_data: Signal<Out, Bits<32>>,
        /// The access is done; a pulse.
        pub register_done: Signal<In, Bit>,
        /// With it: the value read.
        pub register_read_data: Signal<In, Bits<32>>,
        //
        state: DFF<CommandState>,
        operation: DFF<Bits<8>>,
        is_register: DFF<Bit>,
        writes: DFF<Bit>,
        known: DFF<Bit>,
        count: DFF<Bits<16>>,
        address: DFF<Bits<32>>,
        first_addr: DFF<Bits<32>>,
        beyond: DFF<Bits<33>>,
        expected: DFF<Bits<16>>,
        data_there: DFF<Bits<16>>,
        index: DFF<Bits<9>>,
        left: DFF<Bits<10>>,
        value: DFF<Bits<32>>,
        octet: DFF<Bits<8>>,
        status: DFF<Bits<8>>,
        tag: DFF<Bits<8>>,
        answer: DFF<Bits<64>>,
        answer_left: DFF<Bits<4>>,
        reads_data: DFF<Bit>,
        gone: DFF<Bit>,
        known_now: Signal<Local, Bit>,
        count_wrong: Signal<Local, Bit>,
        range_wrong: Signal<Local, Bit>,
        answer_count: Signal<Local, Bits<16>>,
        memory_bytes: Constant<Bits<33>> = Constant::new(65_536_u64.to_bits()),
        register_bytes: Constant<Bits<33>> = Constant::new(u64::from(REGISTER_BYTES).to_bits()),
        count_max: Constant<Bits<16>> = Constant::new((DATA_BYTES_MAX as u64).to_bits()),
        read_memory: Constant<Bits<8>> = Constant::new((Operation::ReadMemory as u64).to_bits()),
        write_memory: Constant<Bits<8>> = Constant::new((Operation::WriteMemory as u64).to_bits()),
        read_register: Constant<Bits<8>> = Constant::new((Operation::ReadRegister as u64).to_bits()),
        write_register: Constant<Bits<8>> = Constant::new((Operation::WriteRegister as u64).to_bits()),
        unknown_operation: Constant<Bits<8>> = Constant::new((Status::UnknownOperation as u64).to_bits()),
        wrong_count: Constant<Bits<8>> = Constant::new((Status::WrongCount as u64).to_bits()),
        wrong_address: Constant<Bits<8>> = Constant::new((Status::WrongAddress as u64).to_bits()),
    }
}

impl CommandUnit {
    /// A unit for a memory of `memory_bytes` bytes, at most 16 MiB.
    pub fn new(memory_bytes: u32) -> Self {
        assert!(
            memory_bytes <= 1 << 24,
            "the bridge reaches 16 MiB of memory; {memory_bytes} bytes asked for"
        );
        Self {
            memory_bytes: Constant::new(u64::from(memory_bytes).to_bits()),
            ..Default::default()
        }
    }
}

impl Logic for CommandUnit {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            state,
            operation,
            is_register,
            writes,
            known,
            count,
            address,
            first_addr,
            beyond,
            expected,
            data_there,
            index,
            left,
            value,
            octet,
            status,
            tag,
            answer,
            answer_left,
            reads_data,
            gone
        );
        self.read_at.next = self.index.q.val();
        self.let_go.next = self.gone.q.val();
        self.gone.d.next = false;
        self.send_valid.next = false;
        self.send_data.next = self.answer.q.val().get_bits::<8>(0);
        self.send_last.next = false;
        self.memory_valid.next = false;
        self.memory_write.next = self.writes.q.val();
        self.memory_addr.next = self.address.q.val().get_bits::<24>(0);
        self.memory_write_data.next = self.octet.q.val();
        self.register_valid.next = false;
        self.register_write.next = self.writes.q.val();
        self.register_addr.next = self.address.q.val().get_bits::<13>(0);
        self.register_write_data.next = self.value.q.val();
        self.known_now.next = (self.operation.q.val() == self.read_memory.val())
            | (self.operation.q.val() == self.write_memory.val())
            | (self.operation.q.val() == self.read_register.val())
            | (self.operation.q.val() == self.write_register.val());
        self.count_wrong.next = (self.count.q.val() == 0)
            | (self.count.q.val() > self.count_max.val())
            | (self.expected.q.val() != self.data_there.q.val())
            | (self.is_register.q.val() & (self.count.q.val() != 4));
        self.range_wrong.next = self.beyond.q.val() > self.memory_bytes.val();
        if self.is_register.q.val() {
            self.range_wrong.next = (self.beyond.q.val() > self.register_bytes.val())
                | self.address.q.val().get_bit(0)
                | self.address.q.val().get_bit(1);
        }
        // Of a good read, the data that follows; of everything else, none.
        self.answer_count.next = 0.into();
        if self.reads_data.q.val() {
            self.answer_count.next = self.count.q.val();
        }
        match self.state.q.val() {
            CommandState::Idle => {
                self.index.d.next = 0.into();
                self.status.d.next = 0.into();
                self.reads_data.d.next = false;
                self.operation.d.next = self.header.val().get_bits::<8>(0);
                self.tag.d.next = self.header.val().get_bits::<8>(8);
                self.count.d.next = self.header.val().get_bits::<16>(16);
                self.address.d.next = self.header.val().get_bits::<32>(32);
                self.first_addr.d.next = self.header.val().get_bits::<32>(32);
                self.data_there.d.next = bit_cast::<16, 10>(self.data_bytes.val());
                // what was let go is still there for a clock
                if self.request.val() & !self.gone.q.val() {
                    self.state.d.next = CommandState::Sort;
                }
            }
            CommandState::Sort => {
                self.known.d.next = self.known_now.val();
                self.is_register.d.next = (self.operation.q.val() == self.read_register.val())
                    | (self.operation.q.val() == self.write_register.val());
                self.writes.d.next = (self.operation.q.val() == self.write_memory.val())
                    | (self.operation.q.val() == self.write_register.val());
                self.state.d.next = CommandState::Count;
            }
            CommandState::Count => {
                self.expected.d.next = 0.into();
                if self.writes.q.val() {
                    self.expected.d.next = self.count.q.val();
                }
                self.left.d.next = bit_cast::<10, 16>(self.count.q.val());
                self.beyond.d.next = bit_cast::<33, 32>(self.address.q.val()) + bit_cast::<33, 16>(self.count.q.val());
                self.state.d.next = CommandState::Address;
                if !self.known.q.val() {
                    self.status.d.next = self.unknown_operation.val();
                    self.state.d.next = CommandState::Finish;
                }
            }
            CommandState::Address => {
                self.state.d.next = CommandState::Range;
                if self.count_wrong.val() {
                    self.status.d.next = self.wrong_count.val();
                    self.state.d.next = CommandState::Finish;
                }
            }
            CommandState::Range => {
                self.reads_data.d.next = !self.writes.q.val();
                self.state.d.next = CommandState::Finish;
                if self.writes.q.val() {
                    self.state.d.next = CommandState::FetchByte;
                } else if self.is_register.q.val() {
                    self.state.d.next = CommandState::Register;
                }
                if self.range_wrong.val() {
                    self.status.d.next = self.wrong_address.val();
                    self.reads_data.d.next = false;
                    self.state.d.next = CommandState::Finish;
                }
            }
            CommandState::FetchByte => {
                self.state.d.next = CommandState::FetchWait;
            }
            CommandState::FetchWait => {
                self.state.d.next = CommandState::TakeByte;
            }
            CommandState::TakeByte => {
                self.octet.d.next = self.read_data.val();
                self.value.d.next = (self.value.q.val() >> 8) | (bit_cast::<32, 8>(self.read_data.val()) << 24);
                self.index.d.next = self.index.q.val() + 1;
                self.left.d.next = self.left.q.val() - 1;
                self.state.d.next = CommandState::MemoryWrite;
                if self.is_register.q.val() {
                    self.state.d.next = CommandState::FetchByte;
                    if self.left.q.val() == 1 {
                        self.state.d.next = CommandState::Register;
                    }
                }
            }
            CommandState::MemoryWrite => {
                self.memory_valid.next = true;
                if self.memory_done.val() {
                    self.address.d.next = self.address.q.val() + 1;
                    self.state.d.next = CommandState::FetchByte;
                    if self.left.q.val() == 0 {
                        self.state.d.next = CommandState::Finish;
                    }
                }
            }
            CommandState::Register => {
                self.register_valid.next = true;
                if self.register_done.val() {
                    if !self.writes.q.val() {
                        self.value.d.next = self.register_read_data.val();
                    }
                    self.state.d.next = CommandState::Finish;
                }
            }
            CommandState::Finish => {
                self.answer.d.next = bit_cast::<64, 8>(self.status.q.val())
                    | (bit_cast::<64, 8>(self.tag.q.val()) << 8)
                    | (bit_cast::<64, 16>(self.answer_count.val()) << 16)
                    | (bit_cast::<64, 32>(self.first_addr.q.val()) << 32);
                self.answer_left.d.next = 7.into();
                self.state.d.next = CommandState::Header;
            }
            CommandState::Header => {
                self.send_valid.next = true;
                self.send_last.next = (self.answer_left.q.val() == 0) & !self.reads_data.q.val();
                if self.send_ready.val() {
                    self.answer.d.next = self.answer.q.val() >> 8;
                    self.answer_left.d.next = self.answer_left.q.val() - 1;
                    if self.answer_left.q.val() == 0 {
                        self.state.d.next = CommandState::Idle;
                        self.gone.d.next = !self.reads_data.q.val();
                        if self.reads_data.q.val() {
                            self.state.d.next = CommandState::MemoryRead;
                        }
                    }
                }
            }
            CommandState::MemoryRead => {
                self.answer.d.next = bit_cast::<64, 32>(self.value.q.val());
                self.memory_valid.next = !self.is_register.q.val();
                if self.is_register.q.val() {
                    self.state.d.next = CommandState::Data;
                } else if self.memory_done.val() {
                    self.answer.d.next = bit_cast::<64, 8>(self.memory_read_data.val());
                    self.address.d.next = self.address.q.val() + 1;
                    self.state.d.next = CommandState::Data;
                }
            }
            CommandState::Data => {
                self.send_valid.next = true;
                self.send_last.next = self.left.q.val() == 1;
                if self.send_ready.val() {
                    self.left.d.next = self.left.q.val() - 1;
                    self.answer.d.next = self.answer.q.val() >> 8;
                    if !self.is_register.q.val() {
                        self.state.d.next = CommandState::MemoryRead;
                    }
                    if self.left.q.val() == 1 {
                        self.gone.d.next = true;
                        self.state.d.next = CommandState::Idle;
                    }
                }
            }
        }
        if self.reset.val() {
            self.state.d.next = CommandState::Idle;
            self.gone.d.next = false;
        }
    }
}
