//! The engine on a board: clocks, memory, the bridge to a PC, and a gigabit Ethernet transmitter around the core.

pub mod bridge;
pub mod cells;
pub mod control;
pub mod data;
pub mod emit;
pub mod lane_ram;
pub mod mac;
pub mod mdio;
pub mod memory;
pub mod port_supply;
pub mod register_manager;
pub mod resets;
pub mod rgmii;
pub mod top;
