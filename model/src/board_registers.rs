//! The board's own registers, beside the engine's: the bridge reaches them at
//! [`BOARD_REGISTERS`](crate::bridge::BOARD_REGISTERS) plus the offset.

use crate::registers::{register_table, Access, Field, Register};

/// "SEGB".
pub const MAGIC: u32 = 0x4247_4553;

register_table! {
    /// "SEGB": there is a board.
    BOARD_MAGIC = 0x000, ReadOnly, MAGIC;
    /// Bytes of memory behind the engine's bus, from address 0 on.
    BOARD_MEMORY_BYTES = 0x004, ReadOnly, 0;
    /// The core's clock in Hz.
    BOARD_CLOCK_HZ = 0x008, ReadOnly, 0;
    /// Resets.
    BOARD_CONTROL = 0x010, ReadWrite, 0, {
        /// The PHY is held in reset.
        phy_reset: 0, 1;
        /// The engine is held in reset. Memory keeps what it holds.
        core_reset: 1, 1;
    };
    /// Levels.
    BOARD_STATUS = 0x014, ReadOnly, 0, {
        /// The PHY has been out of reset for long enough to be spoken to.
        phy_ready: 0, 1;
        /// The engine's interrupt.
        irq: 1, 1;
    };
    /// Management of the PHY. A write starts an access, unless one is under way.
    BOARD_MDIO = 0x018, ReadWrite, 0, {
        /// Value to write, or the value read.
        data: 0, 16;
        /// Register of the PHY.
        register: 16, 5;
        /// Address of the PHY.
        phy: 21, 5;
        /// The access is a write. Reads 1 when no PHY answered the last read.
        write: 26, 1;
        /// An access is under way.
        busy: 31, 1;
    };
    /// Frames on the wire.
    BOARD_FRAMES = 0x01C, ReadOnly, 0, {
        /// Sent, modulo 65536.
        sent: 0, 16;
        /// Dropped because they are longer than the transmitter's queue, modulo 65536.
        dropped: 16, 16;
    };
    /// Requests over the bridge.
    BOARD_BRIDGE = 0x020, ReadOnly, 0, {
        /// Answered, modulo 65536.
        answered: 0, 16;
        /// Damaged and dropped, modulo 65536.
        bad_frames: 16, 16;
    };
}
