//! A board at the end of a serial line: the PC's side of the bridge, a driver's view of it, and the board itself in
//! Verilator with its UART and RGMII pins.

pub mod bench;
pub mod client;
pub mod device;
pub mod port;
pub mod sender;
