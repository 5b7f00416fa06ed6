//! Gigabit Ethernet, transmit side (IEEE 802.3, clauses 4 and 35): a queue of whole frames that crosses into the
//! 125 MHz domain, and the transmitter that puts preamble, padding, FCS and the gap around them.

pub mod crc32;
pub mod crossing;
pub mod ethernet;
pub mod frame_queue;
pub mod transmitter;
