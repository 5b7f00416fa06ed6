//! Queues that park at a translation fault, queues that a ring error stopped, and the records of both.

use crate::platform::{read, read_pair, select, write, Bus};
use segwalk_model::refusal::{FaultCause, Refusal};
use segwalk_model::registers::{self, Field};

const PARK_CONTEXT: Field = registers::PARK_INFO.field("context");
const PARK_CAUSE: Field = registers::PARK_INFO.field("cause");
const PARK_VALID: Field = registers::PARK_INFO.field("valid");
const RESUME: Field = registers::PARK_CONTROL.field("resume");
const ABORT: Field = registers::PARK_CONTROL.field("abort");
const FAULT_QUEUE: Field = registers::FAULT_INFO.field("queue");
const FAULT_CONTEXT: Field = registers::FAULT_INFO.field("context");
const FAULT_CAUSE: Field = registers::FAULT_INFO.field("cause");
const FAULT_VALID: Field = registers::FAULT_INFO.field("valid");
const ERROR_QUEUE: Field = registers::ERROR_INFO.field("queue");
const ERROR_CODE: Field = registers::ERROR_INFO.field("code");
const ERROR_VALID: Field = registers::ERROR_INFO.field("valid");

/// Why a queue parked, and how far its chain came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parked {
    /// Transmit queue.
    pub queue: u32,
    /// Context of the page.
    pub context: u8,
    /// Address of the page that does not translate.
    pub virt_addr: u64,
    /// Why it does not; nothing when the code is unknown to this driver.
    pub cause: Option<FaultCause>,
    /// Head of the chain.
    pub head: u16,
    /// Payload bytes of the chain that were sent.
    pub sent_bytes: u32,
    /// Frames of the chain that were sent.
    pub sent_frames: u32,
}

/// Transmit queues that are parked, one bit each.
pub fn parked_queues<B: Bus + ?Sized>(bus: &mut B) -> Result<u32, B::Error> {
    read(bus, registers::QUEUES_PARKED)
}

/// Why a transmit queue is parked, when it is.
pub fn parked<B: Bus + ?Sized>(bus: &mut B, number: u32) -> Result<Option<Parked>, B::Error> {
    select(bus, number)?;
    let info = read(bus, registers::PARK_INFO)?;
    if PARK_VALID.get(info) == 0 {
        return Ok(None);
    }
    Ok(Some(Parked {
        queue: number,
        context: PARK_CONTEXT.get(info) as u8,
        virt_addr: read_pair(bus, registers::PARK_ADDR_LOW, registers::PARK_ADDR_HIGH)?,
        cause: FaultCause::from_code(PARK_CAUSE.get(info) as u8),
        head: read(bus, registers::PARK_HEAD)? as u16,
        sent_bytes: read(bus, registers::PARK_BYTES)?,
        sent_frames: read(bus, registers::PARK_FRAMES)?,
    }))
}

/// Lets a parked queue go on where it stopped. Map the page first, and invalidate it where another translation of the
/// page may be known.
pub fn resume<B: Bus + ?Sized>(bus: &mut B, number: u32) -> Result<(), B::Error> {
    select(bus, number)?;
    write(bus, registers::PARK_CONTROL, RESUME.put(1))
}

/// Gives the chain up that parked a queue: it is returned, and the queue goes on with the next.
pub fn abort<B: Bus + ?Sized>(bus: &mut B, number: u32) -> Result<(), B::Error> {
    select(bus, number)?;
    write(bus, registers::PARK_CONTROL, ABORT.put(1))
}

/// Transmit queues that a ring error stopped, one bit each.
pub fn stopped_queues<B: Bus + ?Sized>(bus: &mut B) -> Result<u32, B::Error> {
    read(bus, registers::QUEUES_STOPPED)
}

/// The first translation fault of a buffer since the record was last taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultRecord {
    /// Transmit queue.
    pub queue: u32,
    /// Context.
    pub context: u8,
    /// Address of the page.
    pub virt_addr: u64,
    /// Why it does not translate; nothing when the code is unknown to this driver.
    pub cause: Option<FaultCause>,
    /// Head of the chain.
    pub head: u16,
}

/// Takes the record of the first fault and makes room for the next.
pub fn take_fault<B: Bus + ?Sized>(bus: &mut B) -> Result<Option<FaultRecord>, B::Error> {
    let info = read(bus, registers::FAULT_INFO)?;
    if FAULT_VALID.get(info) == 0 {
        return Ok(None);
    }
    let record = FaultRecord {
        queue: FAULT_QUEUE.get(info),
        context: FAULT_CONTEXT.get(info) as u8,
        virt_addr: read_pair(bus, registers::FAULT_ADDR_LOW, registers::FAULT_ADDR_HIGH)?,
        cause: FaultCause::from_code(FAULT_CAUSE.get(info) as u8),
        head: read(bus, registers::FAULT_HEAD)? as u16,
    };
    write(bus, registers::FAULT_INFO, 0)?;
    Ok(Some(record))
}

/// The first refusal since the record was last taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorRecord {
    /// Transmit queue.
    pub queue: u32,
    /// Why; nothing when the code is unknown to this driver.
    pub refusal: Option<Refusal>,
    /// Head of the chain; 0 for ring errors.
    pub head: u16,
}

/// Takes the record of the first refusal and makes room for the next.
pub fn take_error<B: Bus + ?Sized>(bus: &mut B) -> Result<Option<ErrorRecord>, B::Error> {
    let info = read(bus, registers::ERROR_INFO)?;
    if ERROR_VALID.get(info) == 0 {
        return Ok(None);
    }
    let record = ErrorRecord {
        queue: ERROR_QUEUE.get(info),
        refusal: Refusal::from_code(ERROR_CODE.get(info) as u8),
        head: read(bus, registers::ERROR_HEAD)? as u16,
    };
    write(bus, registers::ERROR_INFO, 0)?;
    Ok(Some(record))
}
