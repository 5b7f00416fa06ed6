//! The bridge between a PC and a board: requests and responses over a serial line.
//!
//! A frame is SLIP (RFC 1055): the bytes with [`SLIP_END`] and [`SLIP_ESC`] escaped, and an end before and behind them.
//! Inside are 8 bytes of header, up to [`DATA_BYTES_MAX`] bytes of data, and the CRC-32 of Ethernet over both, lowest
//! byte first.
//!
//! | byte | request | response |
//! |---|---|---|
//! | 0 | [`Operation`] | [`Status`] |
//! | 1 | tag, any number | the request's tag |
//! | 2, 3 | count of bytes, low byte first | count of the data that follows |
//! | 4 to 7 | address, low byte first | the request's address |
//! | 8 ... | data of a write | data of a read |
//!
//! A request is done as a whole or not at all, and answered once. A frame that is damaged is not answered: the PC asks
//! again. Every operation but a write to a register that acts may be repeated, so asking again is always right for
//! memory, and right for the doorbell and the status registers.

use serde::Serialize;

/// Ends a frame.
pub const SLIP_END: u8 = 0xC0;
/// Begins an escape.
pub const SLIP_ESC: u8 = 0xDB;
/// Behind [`SLIP_ESC`]: a byte 0xC0.
pub const SLIP_ESC_END: u8 = 0xDC;
/// Behind [`SLIP_ESC`]: a byte 0xDB.
pub const SLIP_ESC_ESC: u8 = 0xDD;
/// Bytes of a header.
pub const HEADER_BYTES: usize = 8;
/// Most bytes of data in a frame.
pub const DATA_BYTES_MAX: usize = 256;
/// Bytes of the CRC.
pub const CRC_BYTES: usize = 4;
/// Bits a second of the line when nothing else is asked for.
pub const BAUD: u32 = 1_000_000;
/// Register addresses from here on are the board's own; below are the engine's.
pub const BOARD_REGISTERS: u32 = 0x1000;
/// Bytes of both register blocks together.
pub const REGISTER_BYTES: u32 = 0x2000;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[repr(u8)]
pub enum Operation {
    /// `count` bytes of memory, 1 to 256.
    ReadMemory = 1,
    /// Writes the data to memory, 1 to 256 bytes.
    WriteMemory = 2,
    /// A 32-bit register; `count` is 4.
    ReadRegister = 3,
    /// Writes a 32-bit register; `count` is 4.
    WriteRegister = 4,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[repr(u8)]
pub enum Status {
    /// Done.
    Done = 0,
    /// There is no such operation.
    UnknownOperation = 1,
    /// The count is 0, above the most, not 4 for a register, or not that of the data.
    WrongCount = 2,
    /// The address is outside the memory or the registers, or not a multiple of 4 for a register.
    WrongAddress = 3,
}

impl Status {
    /// The status with this number.
    pub fn from_code(code: u8) -> Option<Status> {
        [Self::Done, Self::UnknownOperation, Self::WrongCount, Self::WrongAddress]
            .into_iter()
            .find(|status| *status as u8 == code)
    }

    /// What was wrong, as a sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Done => "The board did what was asked.",
            Self::UnknownOperation => "The board does not know the operation.",
            Self::WrongCount => "The count of bytes is not one that the board takes.",
            Self::WrongAddress => "The address is outside the board's memory or registers.",
        }
    }
}

/// A request or a response without its CRC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// [`Operation`] or [`Status`].
    pub kind: u8,
    /// Tells requests apart.
    pub tag: u8,
    /// Count of bytes.
    pub count: u16,
    /// Address.
    pub address: u32,
    /// Data.
    pub data: Vec<u8>,
}

/// The CRC-32 of Ethernet (IEEE 802.3, 3.2.9).
pub fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 * (crc & 1)))
    })
}

impl Message {
    /// The bytes on the line.
    pub fn encode(&self) -> Vec<u8> {
        let mut plain = vec![self.kind, self.tag];
        plain.extend(self.count.to_le_bytes());
        plain.extend(self.address.to_le_bytes());
        plain.extend(&self.data);
        plain.extend(crc32(&plain).to_le_bytes());
        let mut line = vec![SLIP_END];
        for byte in plain {
            match byte {
                SLIP_END => line.extend([SLIP_ESC, SLIP_ESC_END]),
                SLIP_ESC => line.extend([SLIP_ESC, SLIP_ESC_ESC]),
                _ => line.push(byte),
            }
        }
        line.push(SLIP_END);
        line
    }
}

/// Finds messages in a stream of bytes.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    plain: Vec<u8>,
    escaped: bool,
    spoiled: bool,
    /// Frames that were damaged.
    pub bad_frames: u64,
}

impl Decoder {
    /// One byte; a message when it ends one.
    pub fn byte(&mut self, byte: u8) -> Option<Message> {
        if byte != SLIP_END {
            let plain = match (std::mem::take(&mut self.escaped), byte) {
                (false, SLIP_ESC) => {
                    self.escaped = true;
                    return None;
                }
                (false, byte) => byte,
                (true, SLIP_ESC_END) => SLIP_END,
                (true, SLIP_ESC_ESC) => SLIP_ESC,
                (true, byte) => {
                    self.spoiled = true;
                    byte
                }
            };
            if self.plain.len() == HEADER_BYTES + DATA_BYTES_MAX + CRC_BYTES {
                self.spoiled = true;
            } else {
                self.plain.push(plain);
            }
            return None;
        }
        let plain = std::mem::take(&mut self.plain);
        let spoiled = std::mem::take(&mut self.spoiled) | std::mem::take(&mut self.escaped);
        if plain.is_empty() && !spoiled {
            return None;
        }
        let body = plain.len().saturating_sub(CRC_BYTES);
        if spoiled || body < HEADER_BYTES || crc32(&plain[..body]).to_le_bytes() != plain[body..] {
            self.bad_frames += 1;
            return None;
        }
        Some(Message {
            kind: plain[0],
            tag: plain[1],
            count: u16::from_le_bytes([plain[2], plain[3]]),
            address: u32::from_le_bytes([plain[4], plain[5], plain[6], plain[7]]),
            data: plain[HEADER_BYTES..body].to_vec(),
        })
    }
}

/// The board's answer to a request, and what it does to memory and registers: the reference for the RTL.
pub struct Board<M, R, W> {
    /// Bytes of memory.
    pub memory_bytes: u32,
    /// Memory.
    pub memory: M,
    /// Reads a register at a byte address below [`REGISTER_BYTES`].
    pub read_register: R,
    /// Writes one.
    pub write_register: W,
}

impl<M: AsMut<[u8]>, R: FnMut(u32) -> u32, W: FnMut(u32, u32)> Board<M, R, W> {
    /// Does what `request` asks.
    pub fn answer(&mut self, request: &Message) -> Message {
        let (status, data) = match self.run(request) {
            Ok(data) => (Status::Done, data),
            Err(status) => (status, Vec::new()),
        };
        Message {
            kind: status as u8,
            tag: request.tag,
            count: data.len() as u16,
            address: request.address,
            data,
        }
    }

    fn run(&mut self, request: &Message) -> Result<Vec<u8>, Status> {
        let writes = match request.kind {
            k if k == Operation::ReadMemory as u8 || k == Operation::ReadRegister as u8 => false,
            k if k == Operation::WriteMemory as u8 || k == Operation::WriteRegister as u8 => true,
            _ => return Err(Status::UnknownOperation),
        };
        let register = request.kind >= Operation::ReadRegister as u8;
        let count = u32::from(request.count);
        if request.data.len() != if writes { count as usize } else { 0 }
            || count == 0
            || count > DATA_BYTES_MAX as u32
            || (register && count != 4)
        {
            return Err(Status::WrongCount);
        }
        let room = if register { REGISTER_BYTES } else { self.memory_bytes };
        let end = request.address.checked_add(count).ok_or(Status::WrongAddress)?;
        if end > room || (register && request.address % 4 != 0) {
            return Err(Status::WrongAddress);
        }
        let at = request.address as usize..end as usize;
        match (register, writes) {
            (false, false) => return Ok(self.memory.as_mut()[at].to_vec()),
            (false, true) => self.memory.as_mut()[at].copy_from_slice(&request.data),
            (true, false) => return Ok((self.read_register)(request.address).to_le_bytes().to_vec()),
            (true, true) => {
                let value = [request.data[0], request.data[1], request.data[2], request.data[3]];
                (self.write_register)(request.address, u32::from_le_bytes(value));
            }
        }
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(line: &[u8]) -> (Vec<Message>, u64) {
        let mut decoder = Decoder::default();
        let found = line.iter().filter_map(|byte| decoder.byte(*byte)).collect();
        (found, decoder.bad_frames)
    }

    fn message(data: Vec<u8>) -> Message {
        Message {
            kind: Operation::WriteMemory as u8,
            tag: 0xC0,
            count: data.len() as u16,
            address: 0xDBC0_0001,
            data,
        }
    }

    #[test]
    fn messages_survive_the_line() {
        for data in [vec![], vec![SLIP_END; 256], (0..=255).collect()] {
            let message = message(data);
            assert_eq!(decode(&message.encode()), (vec![message], 0));
        }
    }

    #[test]
    fn every_single_bit_that_flips_is_noticed_and_the_next_message_arrives() {
        let (first, second) = (message((0..40).collect()), message(vec![1, 2, 3]));
        let good = first.encode();
        for bit in 0..8 * good.len() {
            let mut line = good.clone();
            line[bit / 8] ^= 1 << (bit % 8);
            line.extend(second.encode());
            let (found, _) = decode(&line);
            assert_eq!(found.last(), Some(&second), "bit {bit}");
            assert!(
                found.iter().all(|found| *found == first || *found == second),
                "bit {bit}"
            );
        }
    }

    #[test]
    fn check_value_of_the_crc() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn the_board_refuses_what_it_cannot_do() {
        let mut memory = vec![0u8; 1000];
        let mut board = Board {
            memory_bytes: 1000,
            memory: &mut memory[..],
            read_register: |address| address + 1,
            write_register: |_, _| {},
        };
        let mut status = |kind: u8, count: u16, address: u32, data: &[u8]| {
            let request = Message {
                kind,
                tag: 7,
                count,
                address,
                data: data.to_vec(),
            };
            Status::from_code(board.answer(&request).kind).unwrap()
        };
        assert_eq!(status(2, 3, 997, &[1, 2, 3]), Status::Done);
        assert_eq!(status(1, 3, 997, &[]), Status::Done);
        assert_eq!(status(2, 3, 998, &[1, 2, 3]), Status::WrongAddress);
        assert_eq!(status(1, 3, u32::MAX, &[]), Status::WrongAddress);
        assert_eq!(status(1, 257, 0, &[]), Status::WrongCount);
        assert_eq!(status(1, 0, 0, &[]), Status::WrongCount);
        assert_eq!(status(1, 4, 0, &[9]), Status::WrongCount);
        assert_eq!(status(2, 4, 0, &[9]), Status::WrongCount);
        assert_eq!(status(3, 4, 0x1FFC, &[]), Status::Done);
        assert_eq!(status(3, 4, 0x2000, &[]), Status::WrongAddress);
        assert_eq!(status(3, 4, 0x102, &[]), Status::WrongAddress);
        assert_eq!(status(4, 2, 0x100, &[1, 2]), Status::WrongCount);
        assert_eq!(status(0, 4, 0, &[]), Status::UnknownOperation);
        assert_eq!(status(5, 4, 0, &[]), Status::UnknownOperation);
    }
}
