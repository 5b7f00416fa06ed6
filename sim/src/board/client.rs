//! Asks the bridge for memory and registers, and asks again when an answer does not come.

use anyhow::{bail, ensure, Context as _, Result};
use segwalk_model::board_registers::{self, BOARD_MAGIC, BOARD_MEMORY_BYTES};
use segwalk_model::bridge::{Decoder, Message, Operation, Status, BOARD_REGISTERS, DATA_BYTES_MAX};
use segwalk_model::registers::Register;
use std::time::Duration;

/// A serial line: a port of this computer, or the pins of a simulated board.
pub trait Serial {
    /// Sends bytes.
    fn send(&mut self, bytes: &[u8]) -> Result<()>;
    /// A byte that came, or `None` when none comes within `timeout` (of the board's time).
    fn receive(&mut self, timeout: Duration) -> Result<Option<u8>>;
    /// Lets the board's time pass.
    fn pause(&mut self, time: Duration) -> Result<()>;
}

/// [`BoardClient::answer_time`] when nothing else is asked for: a board answers in a hundredth of it.
const ANSWER_TIME: Duration = Duration::from_millis(200);
/// How often a request is sent before the board counts as silent.
const TRIES: usize = 4;

/// The bridge as the PC sees it.
pub struct BoardClient<S> {
    /// The line.
    pub serial: S,
    decoder: Decoder,
    tag: u8,
    /// How long an answer may take behind the last byte of its request.
    pub answer_time: Duration,
    /// Requests that had to be sent again.
    pub repeated: u64,
}

impl<S: Serial> BoardClient<S> {
    /// A client on this line; asks nothing yet.
    pub fn new(serial: S) -> Self {
        Self {
            serial,
            decoder: Decoder::default(),
            tag: 0,
            answer_time: ANSWER_TIME,
            repeated: 0,
        }
    }

    /// Finds the board and gives the bytes of its memory.
    pub fn greet(&mut self) -> Result<u32> {
        let magic = self
            .read_board(BOARD_MAGIC)
            .context("no board answers; check the port, the baud rate and that the bitstream is loaded")?;
        ensure!(
            magic == board_registers::MAGIC,
            "the device at the other end says {magic:#010x} where a board says {:#010x}; is this the right port?",
            board_registers::MAGIC
        );
        self.read_board(BOARD_MEMORY_BYTES)
    }

    fn ask(&mut self, operation: Operation, address: u32, count: usize, data: &[u8]) -> Result<Vec<u8>> {
        self.tag = self.tag.wrapping_add(1);
        let request = Message {
            kind: operation as u8,
            tag: self.tag,
            count: count as u16,
            address,
            data: data.to_vec(),
        };
        let line = request.encode();
        for attempt in 0..TRIES {
            self.repeated += u64::from(attempt > 0);
            self.serial.send(&line)?;
            while let Some(byte) = self.serial.receive(self.answer_time)? {
                let Some(answer) = self.decoder.byte(byte) else {
                    continue;
                };
                if (answer.tag, answer.address) != (request.tag, request.address) {
                    continue; // a late answer to an earlier try
                }
                return match Status::from_code(answer.kind) {
                    Some(Status::Done) => Ok(answer.data),
                    Some(status) => bail!("{} ({operation:?} of {count} bytes at {address:#x})", status.sentence()),
                    None => bail!("the board answers with the unknown status {}", answer.kind),
                };
            }
        }
        bail!("the board did not answer {operation:?} of {count} bytes at {address:#x} in {TRIES} tries")
    }

    /// Reads memory.
    pub fn read_memory(&mut self, address: u32, bytes: &mut [u8]) -> Result<()> {
        for (ix, part) in bytes.chunks_mut(DATA_BYTES_MAX).enumerate() {
            let at = address + (ix * DATA_BYTES_MAX) as u32;
            let data = self.ask(Operation::ReadMemory, at, part.len(), &[])?;
            ensure!(
                data.len() == part.len(),
                "the board sent {} bytes of memory where {} were asked for",
                data.len(),
                part.len()
            );
            part.copy_from_slice(&data);
        }
        Ok(())
    }

    /// Writes memory.
    pub fn write_memory(&mut self, address: u32, bytes: &[u8]) -> Result<()> {
        for (ix, part) in bytes.chunks(DATA_BYTES_MAX).enumerate() {
            let at = address + (ix * DATA_BYTES_MAX) as u32;
            self.ask(Operation::WriteMemory, at, part.len(), part)?;
        }
        Ok(())
    }

    /// Reads the register at a byte address of the bridge.
    pub fn read_register(&mut self, address: u32) -> Result<u32> {
        let data = self.ask(Operation::ReadRegister, address, 4, &[])?;
        let value: [u8; 4] = data
            .as_slice()
            .try_into()
            .context("the board sent a register that is not 4 bytes long")?;
        Ok(u32::from_le_bytes(value))
    }

    /// Writes it.
    pub fn write_register(&mut self, address: u32, value: u32) -> Result<()> {
        self.ask(Operation::WriteRegister, address, 4, &value.to_le_bytes())?;
        Ok(())
    }

    /// Reads one of the board's own registers.
    pub fn read_board(&mut self, register: Register) -> Result<u32> {
        self.read_register(BOARD_REGISTERS + u32::from(register.offset))
    }

    /// Writes it.
    pub fn write_board(&mut self, register: Register, value: u32) -> Result<()> {
        self.write_register(BOARD_REGISTERS + u32::from(register.offset), value)
    }

    /// Reads or writes a register of the PHY.
    pub fn mdio(&mut self, phy: u32, register: u32, write: Option<u16>) -> Result<u16> {
        let fields = board_registers::BOARD_MDIO;
        let command = fields.field("phy").put(phy)
            | fields.field("register").put(register)
            | fields.field("write").put(write.is_some().into())
            | fields.field("data").put(write.unwrap_or_default().into());
        self.write_board(fields, command)?;
        for _ in 0..100 {
            let now = self.read_board(fields)?;
            if fields.field("busy").get(now) == 0 {
                ensure!(
                    write.is_some() || fields.field("write").get(now) == 0,
                    "no PHY answers at address {phy}; try another address (0 to 31)"
                );
                return Ok(fields.field("data").get(now) as u16);
            }
        }
        bail!("the access to register {register} of PHY {phy} does not end")
    }
}
